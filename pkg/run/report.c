/* The report of a run: the same tables as one HTML file that needs nothing else, and as Markdown
 * for a pull request. */
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "run/internal.h"

enum { REPORT_BYTES = 4 << 20, CELLS_MAX = 64 };

struct report {
	struct run *run;
	struct buf html, markdown;
};

static const char *const style =
	"body{font:15px/1.5 sans-serif;max-width:68em;margin:2em auto;padding:0 1em;"
	"color:var(--text);background:var(--page)}"
	"table{border-collapse:collapse;margin:.5em 0 1.5em}"
	"td,th{border-bottom:1px solid var(--line);padding:.25em .75em;text-align:left;"
	"vertical-align:top}"
	".PASS{color:var(--good)}.FAIL{color:var(--bad);font-weight:bold}"
	".INCONCLUSIVE{color:var(--unsure)}.NOT_APPLICABLE{color:var(--dim)}"
	"figure{display:inline-block;margin:0 2em 1em 0}";

/* Text from outside stays text. */
static void put_html(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		default:
			buf_putc(out, *text);
		}
	}
}

/* Nothing in a cell ends the cell, or begins markup. */
static void put_markdown(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '<' || *text == '`' || *text == '[' || *text == '*')
			buf_putc(out, '\\');
		buf_putc(out, *text == '\n' ? ' ' : *text);
	}
}

static void put_title(struct report *report, const char *title)
{
	buf_puts(&report->html, "<h2>");
	put_html(&report->html, title);
	buf_puts(&report->html, "</h2>\n");
	buf_printf(&report->markdown, "\n## ");
	put_markdown(&report->markdown, title);
	buf_puts(&report->markdown, "\n\n");
}

/* The row of the page is left open. */
static void put_cells(struct report *report, const char *const *cells, size_t n, bool is_head)
{
	buf_puts(&report->html, "<tr>");
	buf_putc(&report->markdown, '|');
	for (size_t i = 0; i < n; i++) {
		bool verdict = !is_head && names_find(verdict_result_names, cells[i]) >= 0;

		if (verdict)
			buf_printf(&report->html, "<td class=\"%s\">", cells[i]);
		else
			buf_puts(&report->html, is_head ? "<th>" : "<td>");
		put_html(&report->html, cells[i]);
		buf_puts(&report->html, is_head ? "</th>" : "</td>");
		buf_putc(&report->markdown, ' ');
		put_markdown(&report->markdown, cells[i]);
		buf_puts(&report->markdown, " |");
	}
	buf_putc(&report->markdown, '\n');
	for (size_t i = 0; is_head && i < n; i++)
		buf_puts(&report->markdown, i ? "---|" : "|---|");
	if (is_head)
		buf_putc(&report->markdown, '\n');
}

static void put_row(struct report *report, const char *const *cells, size_t n, bool is_head)
{
	put_cells(report, cells, n, is_head);
	buf_puts(&report->html, "</tr>\n");
}

static void table_begin(struct report *report, const char *title, const char *const *heads,
                        size_t n)
{
	put_title(report, title);
	buf_puts(&report->html, "<table>\n");
	put_row(report, heads, n, true);
}

static void table_end(struct report *report)
{
	buf_puts(&report->html, "</table>\n");
}

static const char *number_text(struct report *report, double value)
{
	return is_set(value) ? arena_printf(report->run->arena, "%.4g", value) : "";
}

/* ---- what it tells ---- */

static void put_gates(struct report *report, const struct model_version *version)
{
	static const char *const heads[] = {"Gate", "Verdict", "Value", "Interval", "Needed", "Why"};

	table_begin(report, "Gates", heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < version->n_entries; i++) {
		const struct gate_entry *entry = &version->entries[i];
		const char *interval = is_set(entry->low) && is_set(entry->high)
			? arena_printf(report->run->arena, "%.4g to %.4g", entry->low, entry->high) : "";
		const char *cells[] = {entry->name, entry->verdict, number_text(report, entry->value),
		                       interval, number_text(report, entry->needed), entry->why};

		put_row(report, cells, ARRAY_LEN(cells), false);
	}
	table_end(report);
}

static const char *share_text(struct report *report, const struct gate_figure *figure,
                              double value)
{
	if (!is_set(value))
		return "";
	return figure->is_share ? arena_printf(report->run->arena, "%.1f %%", 100 * value)
	                        : arena_printf(report->run->arena, "%.4g", value);
}

static const char *range_text(struct report *report, const struct gate_figure *figure,
                              const struct gate_range *range)
{
	return is_set(range->low) && is_set(range->high)
	       ? arena_printf(report->run->arena, "%s to %s", share_text(report, figure, range->low),
	                      share_text(report, figure, range->high))
	       : "";
}

/* Where the line of all differences begins and ends, the same on both sides of 0. */
static double widest_gain(const struct judged *judged)
{
	double widest = 0;

	for (size_t i = 0; i < judged->n_figures; i++) {
		const struct gate_range *gain = &judged->figures[i].gain;

		if (judged->figures[i].is_share && is_set(gain->low))
			widest = fmax(widest, fmax(fabs(gain->low), fabs(gain->high)));
	}
	return widest;
}

/* The last cell of a row of the page is a picture; Markdown has none. */
static void put_row_with_range(struct report *report, const char *const *cells, size_t n,
                               const struct gate_range *gain, double widest)
{
	put_cells(report, cells, n, false);
	buf_puts(&report->html, "<td>");
	chart_range(&report->html, *gain, -widest, widest, 0);
	buf_puts(&report->html, "</td></tr>\n");
}

static void put_metrics(struct report *report, const struct judged *judged)
{
	const char *heads[] = {"Metric on the test rows", "Candidate", "Interval",
	                       judged->incumbent ? judged->incumbent->version : "", "Better by",
	                       "Interval"};
	size_t n = judged->incumbent ? 6 : 3;
	double widest = widest_gain(judged);

	table_begin(report, "Metrics", heads, n);
	for (size_t i = 0; i < judged->n_figures; i++) {
		const struct gate_figure *figure = &judged->figures[i];
		const char *cells[] = {
			figure->name, share_text(report, figure, figure->candidate.value),
			range_text(report, figure, &figure->candidate),
			share_text(report, figure, figure->current.value),
			share_text(report, figure, figure->gain.value),
			range_text(report, figure, &figure->gain),
		};

		if (judged->incumbent && figure->is_share)
			put_row_with_range(report, cells, n, &figure->gain, widest);
		else
			put_row(report, cells, n, false);
	}
	table_end(report);
}

/* ---- distributions ---- */

static void put_figure(struct report *report, const char *caption, const double *values,
                       const bool *marked, size_t n, double from, double to)
{
	buf_puts(&report->html, "<figure>");
	chart_histogram(&report->html, values, marked, n, from, to);
	buf_puts(&report->html, "<figcaption>");
	put_html(&report->html, caption);
	buf_puts(&report->html, "</figcaption></figure>\n");
}

/* The score of each class, of rows that are of it and of the others. */
static void put_scores(struct report *report, const char *who, const struct outcomes *outcomes)
{
	const struct strings *classes = &report->run->model->interface.output.classes;
	struct arena *arena = report->run->arena;
	double *values = arena_array(arena, outcomes->n, double);
	bool *marked = arena_array(arena, outcomes->n, bool);

	for (size_t k = 0; k < outcomes->n_scores; k++) {
		size_t class = outcomes->n_scores == 1 ? classes->n - 1 : k;
		double low = 0, high = 1;

		for (size_t i = 0; i < outcomes->n; i++) {
			values[i] = outcomes->scores[i * outcomes->n_scores + k];
			marked[i] = outcomes->truth[i] == class;
			low = fmin(low, values[i]);
			high = fmax(high, values[i]);
		}
		put_figure(report, arena_printf(arena, "%s: score of %s", who, classes->items[class]),
		           values, marked, outcomes->n, low, high);
	}
}

static void put_errors(struct report *report, const char *who, const struct outcomes *outcomes)
{
	double *off = arena_array(report->run->arena, outcomes->n, double), most = 0;

	for (size_t i = 0; i < outcomes->n; i++) {
		off[i] = outcomes->predicted_number[i] - outcomes->truth_number[i];
		most = fmax(most, fabs(off[i]));
	}
	put_figure(report, arena_printf(report->run->arena, "%s: predicted less true", who), off, NULL,
	           outcomes->n, -most, most);
}

static void put_distributions(struct report *report, const char *who,
                              const struct outcomes *outcomes)
{
	if (outcomes->n_classes == 0)
		put_errors(report, who, outcomes);
	else if (outcomes->scores && outcomes->n_scores <= CELLS_MAX)
		put_scores(report, who, outcomes);
}

static void put_all_distributions(struct report *report, const struct judged *judged)
{
	const struct outcomes *outcomes = &judged->scored->outcomes;

	if (outcomes->n_classes > 0 && !outcomes->scores)
		return;
	buf_puts(&report->html, outcomes->n_classes
	         ? "<h2>Scores</h2>\n<p>Dark bars are rows of the class, light ones all others, each as"
	         " shares.</p>\n" : "<h2>Errors</h2>\n");
	put_distributions(report, "candidate", outcomes);
	if (judged->incumbent)
		put_distributions(report, judged->incumbent->version, &judged->incumbent_scored->outcomes);
}

static void put_slices(struct report *report, const struct model_version *version)
{
	static const char *const heads[] = {"Group", "Value"};

	if (version->n_metrics_slices == 0)
		return;
	table_begin(report, "Groups", heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < version->n_metrics_slices; i++) {
		const char *cells[] = {version->metrics_slices[i].name,
		                       number_text(report, version->metrics_slices[i].value)};

		put_row(report, cells, ARRAY_LEN(cells), false);
	}
	table_end(report);
}

/* Rows of each class, by what was predicted. */
static void put_confusion(struct report *report, const char *title,
                          const struct outcomes *outcomes)
{
	const struct strings *classes = &report->run->model->interface.output.classes;
	const char *cells[CELLS_MAX];

	if (classes->n == 0 || classes->n >= CELLS_MAX)
		return;
	cells[0] = "Truly";
	for (size_t k = 0; k < classes->n; k++)
		cells[k + 1] = arena_printf(report->run->arena, "said %s", classes->items[k]);
	table_begin(report, title, cells, classes->n + 1);
	for (size_t truth = 0; truth < classes->n; truth++) {
		cells[0] = classes->items[truth];
		for (size_t said = 0; said < classes->n; said++) {
			size_t n = 0;

			for (size_t i = 0; i < outcomes->n; i++)
				n += outcomes->truth[i] == truth && outcomes->predicted[i] == said;
			cells[said + 1] = arena_printf(report->run->arena, "%zu", n);
		}
		put_row(report, cells, classes->n + 1, false);
	}
	table_end(report);
}

static void put_head(struct report *report, const struct judged *judged, const char *why)
{
	const char *model = report->run->model->meta.name, *verdict = judged->version->verdict;

	buf_puts(&report->html, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>");
	put_html(&report->html, model);
	buf_printf(&report->html, "</title><style>%s%s</style>\n<h1>", chart_style, style);
	put_html(&report->html, model);
	buf_printf(&report->html, ": <span class=\"%s\">%s</span></h1>\n<p>", verdict, verdict);
	put_html(&report->html, why);
	buf_puts(&report->html, "</p>\n");
	buf_printf(&report->markdown, "# %s: %s\n\n", model, verdict);
	put_markdown(&report->markdown, why);
	buf_putc(&report->markdown, '\n');
}

static int write_out(struct report *report, const char *name, const struct buf *text,
                     struct err *err)
{
	if (buf_check(text, name, err))
		return -1;
	return file_replace(AT_FDCWD, run_path(report->run, "%s", name), buf_text(text), text->len,
	                    0644, err);
}

int report_write(struct run *run, const struct judged *judged, const char *why, struct err *err)
{
	struct report report = {.run = run};
	int result;

	buf_init(&report.html, REPORT_BYTES);
	buf_init(&report.markdown, REPORT_BYTES);
	put_head(&report, judged, why);
	put_gates(&report, judged->version);
	put_metrics(&report, judged);
	put_slices(&report, judged->version);
	put_confusion(&report, "What the candidate said", &judged->scored->outcomes);
	if (judged->incumbent)
		put_confusion(&report, arena_printf(run->arena, "What %s said", judged->incumbent->version),
		              &judged->incumbent_scored->outcomes);
	put_all_distributions(&report, judged);
	buf_puts(&report.html, "</html>\n");
	result = write_out(&report, "report.html", &report.html, err) ||
	         write_out(&report, "report.md", &report.markdown, err) ? -1 : 0;
	buf_deinit(&report.html);
	buf_deinit(&report.markdown);
	return result;
}
