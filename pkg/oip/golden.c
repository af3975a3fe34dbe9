/* The golden batch, and the check of a candidate with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "oip/internal.h"

/* ---- As a document ---- */

static void write_row(struct writer *writer, const struct interface_spec *interface,
                      const char *const *values)
{
	write_map(writer);
	for (size_t j = 0; j < interface->n_inputs; j++) {
		write_key(writer, interface->inputs[j].name);
		oip_value(writer, interface->inputs[j].type, values[j]);
	}
	write_map_end(writer);
}

static void write_prediction(struct writer *writer, const struct interface_spec *interface,
                             const struct oip_predictions *predictions, size_t i)
{
	write_map(writer);
	write_key(writer, "output");
	oip_value(writer, interface->output.type, predictions->labels[i]);
	if (predictions->scores) {
		write_key(writer, "scores");
		write_list(writer);
		for (size_t k = 0; k < predictions->n_scores; k++)
			write_number(writer, predictions->scores[i * predictions->n_scores + k]);
		write_list_end(writer);
	}
	write_map_end(writer);
}

void oip_golden_encode(const struct interface_spec *interface, const struct oip_golden *golden,
                       struct buf *out)
{
	struct writer writer;

	write_begin(&writer, out, true);
	write_map(&writer);
	write_key(&writer, "rows");
	write_list(&writer);
	for (size_t i = 0; i < golden->rows.n; i++)
		write_row(&writer, interface, golden->rows.values + i * interface->n_inputs);
	write_list_end(&writer);
	write_key(&writer, "predictions");
	write_list(&writer);
	for (size_t i = 0; i < golden->rows.n; i++)
		write_prediction(&writer, interface, &golden->predictions, i);
	write_list_end(&writer);
	write_map_end(&writer);
}

static int read_rows(const struct interface_spec *interface, const struct node *list,
                     struct arena *arena, struct oip_rows *out, struct err *err)
{
	const char **values = arena_calloc(arena, list->n * interface->n_inputs, sizeof(*values));
	size_t i = 0;

	out->values = values;
	out->n = list->n;
	for (const struct node *row = list->first; row; row = row->next) {
		for (size_t j = 0; j < interface->n_inputs; j++, i++) {
			const struct node *value = node_get(row, interface->inputs[j].name);

			if (!value || (value->type != NODE_SCALAR && value->type != NODE_NULL))
				return err_set(err, ERR_STALLED, "row %zu has no value of %s",
				               i / interface->n_inputs, interface->inputs[j].name);
			values[i] = value->type == NODE_SCALAR ? value->text : NULL;
		}
	}
	return 0;
}

static int read_scores(const struct node *list, size_t i, struct oip_predictions *out,
                       struct err *err)
{
	size_t k = i * out->n_scores;

	if ((list ? list->n : 0) != out->n_scores)
		return err_set(err, ERR_STALLED, "prediction %zu has not %zu scores", i, out->n_scores);
	for (const struct node *item = list ? list->first : NULL; item; item = item->next, k++) {
		if (item->type != NODE_SCALAR ||
		    parse_number(item->text, -INFINITY, INFINITY, &out->scores[k], err))
			return err_set(err, ERR_STALLED, "prediction %zu has a score that is no number", i);
	}
	return 0;
}

static int read_predictions(const struct interface_spec *interface, const struct node *list,
                            struct arena *arena, struct oip_predictions *out, struct err *err)
{
	const struct node *first = node_get(list->first, "scores");
	size_t i = 0;

	oip_predictions_init(out, interface, list->n, first ? first->n : 0, arena);
	if ((interface->output.scores != NULL) != (out->n_scores > 0))
		return err_set(err, ERR_STALLED, "its scores are not those of the interface");
	for (const struct node *item = list->first; item; item = item->next, i++) {
		const struct node *output = node_get(item, "output");

		if (!output)
			return err_set(err, ERR_STALLED, "prediction %zu has no output", i);
		if (oip_prediction_set(out, interface, i, output, arena, err) ||
		    read_scores(node_get(item, "scores"), i, out, err))
			return -1;
	}
	return 0;
}

int oip_golden_decode(const struct interface_spec *interface, const char *text, size_t len,
                      struct arena *arena, struct oip_golden *out, struct err *err)
{
	const struct node *rows, *predictions;
	struct oip_golden golden;
	struct node *root;

	if (json_parse(text, len, OIP_GOLDEN_BYTES, arena, &root, err))
		return err_wrap(err, "golden batch");
	rows = node_get(root, "rows");
	predictions = node_get(root, "predictions");
	if (!rows || !predictions || rows->type != NODE_LIST || predictions->type != NODE_LIST ||
	    rows->n == 0 || rows->n != predictions->n)
		return err_set(err, ERR_STALLED, "golden batch: its rows and predictions do not match");
	if (read_rows(interface, rows, arena, &golden.rows, err) ||
	    read_predictions(interface, predictions, arena, &golden.predictions, err))
		return err_wrap(err, "golden batch");
	*out = golden;
	return 0;
}

/* ---- Parity ---- */

static bool is_near(double a, double b)
{
	return fabs(a - b) <= OIP_SCORE_TOLERANCE * fmax(1, fabs(b));
}

/* `first` is the golden row that the first prediction is of. */
static int parity(const struct oip_predictions *want, const struct oip_predictions *got,
                  size_t first, const char *how, struct err *err)
{
	if (want->n != got->n || want->n_scores != got->n_scores)
		return err_set(err, ERR_STALLED, "golden batch, %s: %zu predictions with %zu scores,"
		               " recorded are %zu with %zu", how, got->n, got->n_scores, want->n,
		               want->n_scores);
	for (size_t i = 0; i < want->n; i++) {
		bool same = want->numbers ? is_near(got->numbers[i], want->numbers[i])
		                          : strcmp(got->labels[i], want->labels[i]) == 0;

		if (!same)
			return err_set(err, ERR_STALLED, "golden batch, %s: row %zu is '%.40s', recorded is"
			               " '%.40s'", how, first + i, got->labels[i], want->labels[i]);
		for (size_t k = i * want->n_scores; k < (i + 1) * want->n_scores; k++) {
			if (!is_near(got->scores[k], want->scores[k]))
				return err_set(err, ERR_STALLED, "golden batch, %s: row %zu has a score of %.6g,"
				               " recorded is %.6g", how, first + i, got->scores[k],
				               want->scores[k]);
		}
	}
	return 0;
}

/* Labels equal (numbers within the tolerance), scores within the tolerance; the error names the
 * row, `how` says how it was asked ("batched"). */
static int check_parity(const struct oip_predictions *want, const struct oip_predictions *got,
                        const char *how, struct err *err)
{
	return parity(want, got, 0, how, err);
}

/* ---- The check ---- */

/* One prediction of many, as predictions of their own. */
static struct oip_predictions one_of(const struct oip_predictions *all, size_t i)
{
	return (struct oip_predictions){
		.n = 1,
		.labels = all->labels + i,
		.numbers = all->numbers ? all->numbers + i : NULL,
		.classes = all->classes ? all->classes + i : NULL,
		.scores = all->scores ? all->scores + i * all->n_scores : NULL,
		.n_scores = all->n_scores,
	};
}

/* Row by row; `ms` takes how long each took. */
static int check_singly(const struct oip_server *server, const struct oip_shape *shape,
                        const struct oip_golden *golden, struct arena *scratch, double *ms,
                        struct err *err)
{
	for (size_t i = 0; i < golden->rows.n; i++) {
		size_t width = server->interface->n_inputs;
		struct oip_rows row = {golden->rows.values + i * width, 1};
		struct oip_predictions want = one_of(&golden->predictions, i), got;
		bool too_large;
		double seconds;

		arena_reset(scratch);
		if (oip_infer(server, shape, row, scratch, &got, &seconds, &too_large, err))
			return -1;
		if (parity(&want, &got, i, "singly", err))
			return -1;
		ms[i] = seconds * 1000;
	}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

/* The smallest value that a share q of all does not pass. */
static double quantile(const double *sorted, size_t n, double q)
{
	size_t rank = (size_t)ceil(q * (double)n);

	return sorted[rank > 0 ? rank - 1 : 0];
}

static int check_golden(const struct oip_server *server, const struct oip_shape *shape,
                        const struct oip_golden *golden, struct arena *arena,
                        struct oip_report *report, struct err *err)
{
	double *ms = arena_array(arena, golden->rows.n, double);
	struct oip_predictions got;
	struct arena scratch;
	size_t batch = 0;
	int result;

	if (oip_score(server, shape, golden->rows, &batch, arena, &got, err) ||
	    check_parity(&golden->predictions, &got, "batched", err))
		return -1;
	arena_init(&scratch, OIP_ARENA_BYTES);
	result = check_singly(server, shape, golden, &scratch, ms, err);
	arena_deinit(&scratch);
	if (result)
		return -1;
	qsort(ms, golden->rows.n, sizeof(*ms), by_value);
	report->p95_ms = quantile(ms, golden->rows.n, 0.95);
	report->text = arena_printf(arena, "interface as declared, %zu golden rows alike in batches and"
	                            " singly, p95 %.1f ms", golden->rows.n, report->p95_ms);
	return 0;
}

int oip_check(const struct oip_server *server, const struct oip_check_spec *spec,
              struct arena *arena, struct oip_report *out, struct err *err)
{
	struct oip_report report = {NAN, "interface as declared, no golden batch recorded"};
	struct oip_golden golden;
	struct oip_shape shape;

	if (oip_interface(server, arena, &shape, err))
		return -1;
	if (spec->golden.data &&
	    (oip_golden_decode(server->interface, spec->golden.data, spec->golden.len, arena, &golden,
	                       err) ||
	     check_golden(server, &shape, &golden, arena, &report, err)))
		return -1;
	if (is_set(spec->latency_p95_ms) && report.p95_ms > spec->latency_p95_ms)
		return err_set(err, ERR_STALLED, "latency: p95 is %.1f ms, at most %.1f ms is wanted",
		               report.p95_ms, spec->latency_p95_ms);
	*out = report;
	return 0;
}
