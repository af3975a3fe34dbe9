/* Rows of a part, scored through a candidate's own server. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "run/internal.h"

enum { CHUNK_ROWS = 1024, PREDICTIONS_BYTES = 1 << 30, TELL_MS = 5000 };
/* Of the columns that gates look at, of one version: there may be two, and more beside them. */
#define COLUMNS_BYTES (RUN_ARENA_BYTES / 5 * 2)

struct scoring {
	struct run *run;
	const struct model_server *server; /* NULL: the predictions are in `stored` */
	struct table *stored;
	size_t n_scores; /* of those */
	int64_t told_ms; /* when the progress was last told */
	struct scored *out;
	struct dataset_columns columns;
	int64_t n; /* rows to come in all */
	size_t batch;
	bool in_full;
	struct arena chunk;
	const char **inputs, **ids, **labels; /* of the rows of the chunk, in its arena */
	const char **times;
	size_t n_chunk;
};

void scored_deinit(struct scored *scored)
{
	struct outcomes *outcomes = &scored->outcomes;

	free(outcomes->truth);
	free(outcomes->predicted);
	free(outcomes->truth_number);
	free(outcomes->predicted_number);
	free(outcomes->scores);
	buf_deinit(&scored->predictions);
	profile_free(scored->profile);
	*scored = (struct scored){0};
}

static void chunk_begin(struct scoring *scoring)
{
	size_t width = scoring->run->model->interface.n_inputs;

	arena_reset(&scoring->chunk);
	scoring->inputs = arena_calloc(&scoring->chunk, CHUNK_ROWS * width, sizeof(char *));
	scoring->ids = arena_array(&scoring->chunk, CHUNK_ROWS, const char *);
	scoring->labels = arena_array(&scoring->chunk, CHUNK_ROWS, const char *);
	scoring->times = arena_array(&scoring->chunk, CHUNK_ROWS, const char *);
	scoring->n_chunk = 0;
}

static void chunk_add(struct scoring *scoring, const char *const *values)
{
	size_t width = scoring->run->model->interface.n_inputs, row = scoring->n_chunk++;

	for (size_t j = 0; j < width; j++)
		scoring->inputs[row * width + j] =
			arena_strdup(&scoring->chunk, values[scoring->columns.inputs[j]]);
	scoring->ids[row] = arena_strdup(&scoring->chunk, values[scoring->columns.id]);
	scoring->labels[row] = arena_strdup(&scoring->chunk, values[scoring->columns.label]);
	if (scoring->columns.time != COLUMN_NONE)
		scoring->times[row] = arena_strdup(&scoring->chunk, values[scoring->columns.time]);
}

/* ---- Truth beside prediction ---- */

static int class_of(const struct strings *classes, const char *label)
{
	for (size_t k = 0; k < classes->n; k++) {
		if (strcmp(classes->items[k], label) == 0)
			return (int)k;
	}
	return -1;
}

static void outcomes_init(struct scoring *scoring, size_t n_scores)
{
	struct outcomes *outcomes = &scoring->out->outcomes;
	size_t n = (size_t)scoring->n;

	outcomes->n_classes = scoring->run->model->interface.output.classes.n;
	outcomes->n_scores = n_scores;
	if (outcomes->n_classes > 0) {
		outcomes->truth = heap_alloc(n, sizeof(uint32_t));
		outcomes->predicted = heap_alloc(n, sizeof(uint32_t));
	} else {
		outcomes->truth_number = heap_alloc(n, sizeof(double));
		outcomes->predicted_number = heap_alloc(n, sizeof(double));
	}
	if (n_scores > 0)
		outcomes->scores = heap_alloc(n * n_scores, sizeof(double));
}

/* Part files hold labels that fit the interface; one that does not was changed by somebody. */
static int take_truth(struct scoring *scoring, size_t row, struct err *err)
{
	struct outcomes *outcomes = &scoring->out->outcomes;
	const char *label = scoring->labels[row];
	size_t i = outcomes->n;
	int class;

	if (!label)
		return err_set(err, ERR_STALLED, "a row to score has no label");
	if (outcomes->n_classes == 0)
		return parse_number(label, -INFINITY, INFINITY, &outcomes->truth_number[i], err);
	class = class_of(&scoring->run->model->interface.output.classes, label);
	if (class < 0)
		return err_set(err, ERR_STALLED, "a row to score has the label '%.40s', which is no class",
		               label);
	outcomes->truth[i] = (uint32_t)class;
	return 0;
}

static int take_outcome(struct scoring *scoring, const struct oip_predictions *predictions,
                        size_t row, struct err *err)
{
	struct outcomes *outcomes = &scoring->out->outcomes;
	size_t i = outcomes->n, k = predictions->n_scores;

	if (take_truth(scoring, row, err))
		return -1;
	if (outcomes->n_classes > 0)
		outcomes->predicted[i] = (uint32_t)predictions->classes[row];
	else
		outcomes->predicted_number[i] = predictions->numbers[row];
	if (k > 0)
		memcpy(outcomes->scores + i * k, predictions->scores + row * k, k * sizeof(double));
	return 0;
}

/* ---- What is kept of each row ---- */

static void write_header(struct scoring *scoring, size_t n_scores)
{
	const struct strings *classes = &scoring->run->model->interface.output.classes;
	struct buf *out = &scoring->out->predictions;

	buf_puts(out, "id,label,prediction");
	for (size_t k = 0; k < n_scores; k++) {
		buf_putc(out, ',');
		csv_field(out, n_scores == classes->n
		                       ? arena_printf(&scoring->chunk, "score:%s", classes->items[k])
		                       : arena_printf(&scoring->chunk, "score:%zu", k));
	}
	buf_putc(out, '\n');
}

static void write_prediction(struct scoring *scoring, const struct oip_predictions *predictions,
                             size_t row)
{
	struct buf *out = &scoring->out->predictions;

	csv_field(out, scoring->ids[row]);
	buf_putc(out, ',');
	csv_field(out, scoring->labels[row]);
	buf_putc(out, ',');
	csv_field(out, predictions->labels[row]);
	for (size_t k = 0; k < predictions->n_scores; k++) {
		buf_putc(out, ',');
		buf_number(out, predictions->scores[row * predictions->n_scores + k]);
	}
	buf_putc(out, '\n');
}

/* The golden rows are those at the same distance from each other. */
static bool is_golden(const struct scoring *scoring, size_t i)
{
	size_t n = (size_t)scoring->n, want = n < OIP_GOLDEN_ROWS ? n : OIP_GOLDEN_ROWS;
	size_t have = scoring->out->golden.rows.n;

	return have < want && i == have * n / want;
}

static void keep_golden(struct scoring *scoring, const struct oip_predictions *predictions,
                        size_t row)
{
	struct oip_golden *golden = &scoring->out->golden;
	struct arena *arena = scoring->run->arena;
	size_t width = scoring->run->model->interface.n_inputs, k = predictions->n_scores;
	const char **values = (const char **)golden->rows.values;
	size_t i = golden->rows.n++;

	if (i == 0) {
		values = arena_calloc(arena, OIP_GOLDEN_ROWS * width, sizeof(char *));
		golden->rows.values = values;
		golden->predictions.labels = arena_array(arena, OIP_GOLDEN_ROWS, const char *);
		golden->predictions.n_scores = k;
		if (k > 0)
			golden->predictions.scores = arena_calloc(arena, OIP_GOLDEN_ROWS * k, sizeof(double));
	}
	for (size_t j = 0; j < width; j++)
		values[i * width + j] = arena_strdup(arena, scoring->inputs[row * width + j]);
	golden->predictions.labels[i] = arena_strdup(arena, predictions->labels[row]);
	if (k > 0)
		memcpy(golden->predictions.scores + i * k, predictions->scores + row * k,
		       k * sizeof(double));
	golden->predictions.n++;
}

/* ---- Inputs that gates look at ---- */

static bool is_number(const struct input_spec *input)
{
	return input->type != TENSOR_BYTES && input->type != TENSOR_BOOL;
}

static bool is_slice(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->gates.slices.n; i++)
		if (strcmp(model->gates.slices.items[i], name) == 0)
			return true;
	return false;
}

/* Every column stands in memory, of all rows. */
static int check_room(const struct run *run, int64_t n, struct err *err)
{
	const struct interface_spec *interface = &run->model->interface;
	size_t columns = 1 + run->model->gates.slices.n;

	for (size_t j = 0; j < interface->n_inputs; j++)
		columns += is_number(&interface->inputs[j]);
	if (n <= (int64_t)(COLUMNS_BYTES / sizeof(double) / columns))
		return 0;
	return err_set(err, ERR_STALLED, "%lld rows to test on are more than the %zu of which gates can"
	               " hold all numbers: make the test smaller (train.split)", (long long)n,
	               COLUMNS_BYTES / sizeof(double) / columns);
}

/* Texts of what is grouped by, numbers of all that is a number; and times. */
static void columns_init(struct scoring *scoring)
{
	const struct model *model = scoring->run->model;
	struct arena *arena = scoring->run->arena;
	struct scored *out = scoring->out;

	if (scoring->columns.time != COLUMN_NONE)
		out->times = arena_array(arena, (size_t)scoring->n, int64_t);
	out->columns = arena_array(arena, model->interface.n_inputs, struct gate_column);
	out->column_of = arena_array(arena, model->interface.n_inputs, size_t);
	for (size_t j = 0; j < model->interface.n_inputs; j++) {
		const struct input_spec *input = &model->interface.inputs[j];
		bool number = is_number(input);
		struct gate_column *column = &out->columns[out->n_columns];

		if (!number && !is_slice(model, input->name))
			continue;
		column->name = input->name;
		column->declared = input->values;
		if (number)
			column->numbers = arena_array(arena, (size_t)scoring->n, double);
		if (is_slice(model, input->name))
			column->texts = arena_array(arena, (size_t)scoring->n, const char *);
		out->column_of[out->n_columns++] = j;
	}
}

static void keep_columns(struct scoring *scoring, size_t row)
{
	struct scored *out = scoring->out;
	size_t width = scoring->run->model->interface.n_inputs, i = out->outcomes.n;
	struct err ignored;

	for (size_t c = 0; c < out->n_columns; c++) {
		const char *value = scoring->inputs[row * width + out->column_of[c]];
		double *numbers = (double *)out->columns[c].numbers;
		const char **texts = (const char **)out->columns[c].texts;

		if (numbers && (!value || parse_number(value, -INFINITY, INFINITY, &numbers[i], &ignored)))
			numbers[i] = NAN;
		if (texts)
			texts[i] = arena_strdup(scoring->run->arena, value);
	}
	if (out->times && (!scoring->times[row] ||
	                   parse_time(scoring->times[row], &out->times[i], &ignored)))
		out->times[i] = -1;
}

/* ---- Predictions of before ---- */

enum { STORED_LABEL, STORED_SCORES };

static int open_stored(struct scoring *scoring, const char *path, struct err *err)
{
	const struct interface_spec *interface = &scoring->run->model->interface;
	size_t classes = interface->output.classes.n;
	const char **names = arena_array(scoring->run->arena, STORED_SCORES + classes + 1,
	                                 const char *);

	names[STORED_LABEL] = "prediction";
	scoring->n_scores = interface->output.scores ? classes : 0;
	for (size_t k = 0; k < scoring->n_scores; k++)
		names[STORED_SCORES + k] = arena_printf(scoring->run->arena, "score:%s",
		                                        interface->output.classes.items[k]);
	if (!table_open(AT_FDCWD, path, DATA_CSV, names, STORED_SCORES + scoring->n_scores, NULL,
	                &scoring->stored, err))
		return 0;
	if (!interface->output.scores)
		return -1;
	names[STORED_SCORES] = "score:0";
	scoring->n_scores = 1;
	*err = (struct err){0};
	return table_open(AT_FDCWD, path, DATA_CSV, names, STORED_SCORES + 1, NULL, &scoring->stored,
	                  err);
}

static int read_stored(struct scoring *scoring, struct oip_predictions *out, size_t row,
                       struct err *err)
{
	const struct strings *classes = &scoring->run->model->interface.output.classes;
	const char *const *values;
	int class;

	if (table_next(scoring->stored, &values, err) <= 0 || !values[STORED_LABEL])
		return err_set(err, ERR_STALLED, "a row is missing");
	out->labels[row] = arena_strdup(&scoring->chunk, values[STORED_LABEL]);
	class = class_of(classes, values[STORED_LABEL]);
	if (classes->n > 0 && class < 0)
		return err_set(err, ERR_STALLED, "'%.40s' is no class", values[STORED_LABEL]);
	if (classes->n > 0)
		out->classes[row] = class;
	else if (parse_number(values[STORED_LABEL], -INFINITY, INFINITY, &out->numbers[row], err))
		return -1;
	for (size_t k = 0; k < scoring->n_scores; k++)
		if (!values[STORED_SCORES + k] ||
		    parse_number(values[STORED_SCORES + k], -INFINITY, INFINITY,
		                 &out->scores[row * scoring->n_scores + k], err))
			return err_set(err, ERR_STALLED, "a score is missing");
	return 0;
}

static int predict_stored(struct scoring *scoring, size_t n, struct oip_predictions *out,
                          struct err *err)
{
	struct arena *arena = &scoring->chunk;

	*out = (struct oip_predictions){
		.n = n, .labels = arena_array(arena, n, const char *), .n_scores = scoring->n_scores,
		.scores = scoring->n_scores ? arena_array(arena, n * scoring->n_scores, double) : NULL,
	};
	if (scoring->run->model->interface.output.classes.n > 0)
		out->classes = arena_array(arena, n, int);
	else
		out->numbers = arena_array(arena, n, double);
	for (size_t row = 0; row < n; row++)
		if (read_stored(scoring, out, row, err))
			return -1;
	return 0;
}

static void tell_progress(struct scoring *scoring)
{
	int64_t now_ms = run_now(scoring->run);

	if (now_ms - scoring->told_ms < TELL_MS)
		return;
	scoring->told_ms = now_ms;
	run_say(scoring->run, "score: %zu of %lld rows", scoring->out->outcomes.n,
	        (long long)scoring->n);
}

static int chunk_score(struct scoring *scoring, struct err *err)
{
	struct oip_rows rows = {(const char *const *)scoring->inputs, scoring->n_chunk};
	struct scored *out = scoring->out;
	struct oip_predictions predictions;

	if (rows.n == 0)
		return 0;
	if (scoring->server ? oip_score(&scoring->server->oip, &scoring->server->shape, rows,
	                                &scoring->batch, &scoring->chunk, &predictions, err)
	                    : predict_stored(scoring, rows.n, &predictions, err))
		return -1;
	if (out->outcomes.n == 0) {
		outcomes_init(scoring, predictions.n_scores);
		write_header(scoring, predictions.n_scores);
	}
	for (size_t row = 0; row < rows.n; row++) {
		if (take_outcome(scoring, &predictions, row, err))
			return -1;
		if (scoring->in_full) {
			write_prediction(scoring, &predictions, row);
			profile_row(out->profile,
			            rows.values + row * scoring->run->model->interface.n_inputs,
			            &predictions, row);
			keep_columns(scoring, row);
			if (is_golden(scoring, out->outcomes.n))
				keep_golden(scoring, &predictions, row);
		}
		out->outcomes.n++;
	}
	return 0;
}

static int score_table(struct scoring *scoring, struct table *table, struct err *err)
{
	const char *const *values;
	int64_t seen = 0;
	int result;

	chunk_begin(scoring);
	while ((result = table_next(table, &values, err)) > 0) {
		if (++seen > scoring->n)
			break;
		chunk_add(scoring, values);
		if (scoring->n_chunk < CHUNK_ROWS)
			continue;
		if (chunk_score(scoring, err))
			return -1;
		tell_progress(scoring);
		chunk_begin(scoring);
	}
	if (result < 0)
		return -1;
	if (seen != scoring->n)
		return err_set(err, ERR_STALLED, "it does not hold %lld rows", (long long)scoring->n);
	return chunk_score(scoring, err);
}

int score_rows(struct run *run, const struct model_server *server, const char *path, int64_t n,
               bool in_full, const char *stored, struct scored *out, struct err *err)
{
	struct scoring scoring = {.run = run, .server = server, .out = out, .n = n,
	                          .in_full = in_full, .told_ms = run_now(run)};
	struct table *table;
	int result;

	*out = (struct scored){0};
	if (in_full && check_room(run, n, err))
		return -1;
	buf_init(&out->predictions, PREDICTIONS_BYTES);
	dataset_columns(run->model, run->arena, &scoring.columns);
	if ((stored && open_stored(&scoring, stored, err)) ||
	    table_open(AT_FDCWD, path, DATA_CSV, scoring.columns.names, scoring.columns.n,
	               run->model->data.id, &table, err)) {
		table_close(scoring.stored);
		return -1;
	}
	if (in_full) {
		out->profile = profile_new(run, n);
		columns_init(&scoring);
	}
	arena_init(&scoring.chunk, RUN_ARENA_BYTES);
	result = score_table(&scoring, table, err);
	table_close(table);
	table_close(scoring.stored);
	arena_deinit(&scoring.chunk);
	if (!result)
		result = buf_check(&out->predictions, "predictions", err);
	if (result)
		scored_deinit(out);
	return result;
}
