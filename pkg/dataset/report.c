/* What a scan found, for people and for machines. */
#include "dataset/dataset.h"

#include <stdio.h>

#include "doc/doc.h"

void buf_rows(struct buf *out, int64_t n)
{
	int64_t unit = 1;

	while (n / unit >= 1000)
		unit *= 1000;
	buf_printf(out, "%lld", (long long)(n / unit));
	for (unit /= 1000; unit > 0; unit /= 1000)
		buf_printf(out, ",%03lld", (long long)(n / unit % 1000));
	buf_puts(out, n == 1 ? " row" : " rows");
}

void dataset_sentence(const struct dataset_report *report, struct buf *out)
{
	int64_t shown = report->n_problems < 3 ? report->n_problems : 3;

	if (report->n_problems == 0) {
		buf_rows(out, report->usable);
		return;
	}
	buf_printf(out, "%lld %s in ", (long long)report->n_problems,
	           report->n_problems == 1 ? "problem" : "problems");
	buf_rows(out, report->rows);
	for (int64_t i = 0; i < shown; i++) {
		const struct dataset_problem *problem = &report->problems[i];

		buf_puts(out, i ? "; " : ": ");
		if (problem->line > 0)
			buf_printf(out, "line %lld: ", (long long)problem->line);
		buf_puts(out, problem->text);
	}
	if (shown < report->n_problems)
		buf_puts(out, "; ...");
}

static void write_count(struct writer *writer, const char *key, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	write_key(writer, key);
	write_raw(writer, text);
}

static void write_problems(struct writer *writer, const struct dataset_report *report)
{
	write_key(writer, "problems");
	write_list(writer);
	for (int64_t i = 0; i < report->n_problems && i < DATASET_PROBLEMS; i++) {
		write_map(writer);
		if (report->problems[i].line > 0)
			write_count(writer, "line", report->problems[i].line);
		write_key(writer, "text");
		write_string(writer, report->problems[i].text);
		write_map_end(writer);
	}
	write_list_end(writer);
}

static void write_unseen(struct writer *writer, const struct dataset_across *across)
{
	write_count(writer, "unseenCount", (int64_t)across->n_unseen);
	write_key(writer, "unseen");
	write_list(writer);
	for (size_t i = 0; i < across->n_unseen && i < DATASET_UNSEEN; i++) {
		const struct dataset_unseen *unseen = &across->unseen[i];

		write_map(writer);
		write_key(writer, "input");
		write_string(writer, unseen->input);
		write_key(writer, "value");
		write_string(writer, unseen->value);
		write_count(writer, "rows", unseen->rows);
		write_count(writer, "line", unseen->line);
		write_map_end(writer);
	}
	write_list_end(writer);
}

static void write_repeats(struct writer *writer, const struct dataset_repeats *repeats)
{
	write_key(writer, "repeated");
	write_map(writer);
	write_count(writer, "judged", repeats->judged);
	write_count(writer, "rows", repeats->rows);
	write_count(writer, "oneIn", repeats->one_in);
	write_key(writer, "lines");
	write_list(writer);
	for (size_t i = 0; i < repeats->n_examples; i++) {
		write_map(writer);
		write_count(writer, "line", repeats->examples[i].line);
		write_count(writer, "repeats", repeats->examples[i].first);
		write_map_end(writer);
	}
	write_list_end(writer);
	write_map_end(writer);
}

void dataset_report_json(const struct dataset_report *report,
                         const struct dataset_across *across, const struct model *model,
                         struct buf *out)
{
	struct writer writer;

	write_begin(&writer, out, true);
	write_map(&writer);
	write_count(&writer, "rows", report->rows);
	write_count(&writer, "usable", report->usable);
	write_count(&writer, "unlabelled", report->unlabelled);
	write_count(&writer, "young", report->young);
	write_count(&writer, "old", report->old);
	write_key(&writer, "missing");
	write_map(&writer);
	for (size_t i = 0; i < model->interface.n_inputs; i++)
		write_count(&writer, model->interface.inputs[i].name, report->missing[i]);
	write_map_end(&writer);
	write_key(&writer, "labels");
	write_map(&writer);
	for (size_t i = 0; i < report->n_labels; i++)
		write_count(&writer, report->labels[i].label, report->labels[i].rows);
	write_map_end(&writer);
	write_count(&writer, "problemCount", report->n_problems);
	write_problems(&writer, report);
	if (across) {
		write_unseen(&writer, across);
		write_repeats(&writer, &across->repeats);
	}
	write_map_end(&writer);
}
