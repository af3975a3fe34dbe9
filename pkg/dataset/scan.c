/* All rows of a file against the model: what fits, what does not, and what is used. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "dataset/ids.h"
#include "dataset/internal.h"
#include "dataset/rows.h"

struct scan {
	const struct model *model;
	const struct dataset_columns *columns;
	struct arena *arena;
	struct dataset *dataset;
	struct dataset_report *report;
	int64_t young_after_ms, old_before_ms;
	bool has_buckets;
	struct input_spec label;   /* what it must be, as an input would */
	size_t n_classes;          /* that the report's labels begin with */
	size_t label_at;           /* of the row: among those labels, or behind them */
	const char *const *values; /* of the row */
	const size_t *lengths;     /* of table_lengths */
	int64_t line;
	struct ids *ids; /* NULL: rows have none */
};

void dataset_deinit(struct dataset *dataset)
{
	rows_free(dataset->rows);
	categories_free(dataset->categories);
	*dataset = (struct dataset){0};
}

/* ---- Columns ---- */

static size_t column_add(struct dataset_columns *columns, const char *name)
{
	for (size_t i = 0; i < columns->n; i++) {
		if (strcmp(columns->names[i], name) == 0)
			return i;
	}
	columns->names[columns->n] = name;
	return columns->n++;
}

void dataset_columns(const struct model *model, struct arena *arena, struct dataset_columns *out)
{
	const struct interface_spec *interface = &model->interface;

	*out = (struct dataset_columns){.time = COLUMN_NONE};
	out->names = arena_array(arena, interface->n_inputs + 3, const char *);
	out->inputs = arena_array(arena, interface->n_inputs, size_t);
	out->id = column_add(out, model->data.id);
	if (model->data.time)
		out->time = column_add(out, model->data.time);
	for (size_t i = 0; i < interface->n_inputs; i++)
		out->inputs[i] = column_add(out, interface->inputs[i].name);
	out->label = column_add(out, model->data.label);
}

int data_open(int dir_fd, const char *path, const struct model *model,
              const struct dataset_columns *columns, struct table **out, struct err *err)
{
	/* a name that is not the default was written by a person */
	const char *optional = strcmp(model->data.id, DATA_ID) == 0 ? model->data.id : NULL;

	return table_open(dir_fd, path, model->data.format, columns->names, columns->n, optional, out,
	                  err);
}

/* ---- Problems ---- */

static void complain_at(struct scan *scan, int64_t line, const char *text)
{
	struct dataset_report *report = scan->report;

	if (report->n_problems < DATASET_PROBLEMS)
		report->problems[report->n_problems] =
			(struct dataset_problem){line, arena_strdup(scan->arena, text)};
	report->n_problems++;
}

/* ---- One row ---- */

/* Its time, or complains; true when it has one or needs none. */
static bool take_time(struct scan *scan, struct dataset_row *row)
{
	const char *text;
	struct err err;

	if (scan->columns->time == COLUMN_NONE)
		return true;
	text = scan->values[scan->columns->time];
	if (!text)
		err_set(&err, ERR_STALLED, "%s: is missing", scan->model->data.time);
	else if (parse_time(text, &row->time_ms, &err) == 0)
		return true;
	else
		err_wrap(&err, "%s", scan->model->data.time);
	complain_at(scan, scan->line, err.text);
	return false;
}

static uint16_t values_bucket(const struct scan *scan)
{
	struct digest_stream *stream = digest_begin();

	for (size_t i = 0; i < scan->columns->n; i++)
		digest_add_field(stream, scan->values[i]);
	return digest_bucket(digest_end(stream));
}

static const char *id_of(const struct scan *scan)
{
	return scan->dataset->has_ids ? scan->values[scan->columns->id] : NULL;
}

static size_t value_len(const struct scan *scan, size_t column)
{
	return scan->lengths ? scan->lengths[column] : strlen(scan->values[column]);
}

static void take_bucket(const struct scan *scan, struct dataset_row *row)
{
	const char *id = id_of(scan);

	if (scan->has_buckets)
		row->bucket = id ? dataset_bucket(id) : values_bucket(scan);
}

static bool check_inputs(struct scan *scan)
{
	const struct interface_spec *interface = &scan->model->interface;
	struct err err;
	bool fits = true;

	if (scan->dataset->has_ids && !scan->values[scan->columns->id]) {
		err_set(&err, ERR_STALLED, "%s: is missing", scan->model->data.id);
		complain_at(scan, scan->line, err.text);
		fits = false;
	}
	for (size_t i = 0; i < interface->n_inputs; i++) {
		const struct input_spec *input = &interface->inputs[i];
		size_t column = scan->columns->inputs[i];
		const char *text = scan->values[column];

		if ((text && scan->lengths && input_is_short(input, text, scan->lengths[column])) ||
		    !input_problem(input, text, &err))
			continue;
		complain_at(scan, scan->line, err.text);
		fits = false;
	}
	return fits;
}

static bool check_label(struct scan *scan, const char *label)
{
	const struct dataset_report *report = scan->report;
	struct err err;

	scan->label_at = 0;
	while (scan->label_at < report->n_labels &&
	       !is_text(report->labels[scan->label_at].label, label))
		scan->label_at++;
	if (scan->label_at < scan->n_classes || !input_problem(&scan->label, label, &err))
		return true;
	complain_at(scan, scan->line, err.text);
	return false;
}

static void count_row(struct scan *scan, const struct dataset_row *row)
{
	struct dataset_report *report = scan->report;

	report->usable++;
	for (size_t i = 0; i < scan->model->interface.n_inputs; i++)
		report->missing[i] += !scan->values[scan->columns->inputs[i]];
	if (scan->label_at < report->n_labels)
		report->labels[scan->label_at].rows++;
	categories_row(scan->dataset->categories, scan->values, scan->lengths, row);
	if (scan->columns->time == COLUMN_NONE)
		return;
	if (report->from_ms < 0 || row->time_ms < report->from_ms)
		report->from_ms = row->time_ms;
	if (row->time_ms > report->to_ms)
		report->to_ms = row->time_ms;
}

/* Whether the row is one to learn and judge from; counts it where it belongs. */
static bool check_row(struct scan *scan, struct dataset_row *row)
{
	const char *label = scan->values[scan->columns->label];
	struct err err;

	if (!take_time(scan, row))
		return false;
	if (scan->columns->time != COLUMN_NONE && row->time_ms < scan->old_before_ms) {
		scan->report->old++;
		return false;
	}
	if (row->time_ms < 0) {
		err_set(&err, ERR_STALLED, "%s: '%.40s' is before 1970", scan->model->data.time,
		        scan->values[scan->columns->time]);
		complain_at(scan, scan->line, err.text);
		return false;
	}
	take_bucket(scan, row);
	if (!check_inputs(scan) || (label && !check_label(scan, label)))
		return false;
	if (!label)
		scan->report->unlabelled++;
	else if (scan->columns->time != COLUMN_NONE && row->time_ms > scan->young_after_ms)
		scan->report->young++;
	else
		count_row(scan, row);
	return label && !(scan->columns->time != COLUMN_NONE && row->time_ms > scan->young_after_ms);
}

static uint16_t short_len(size_t len)
{
	return len <= UINT16_MAX ? (uint16_t)len : 0;
}

static int scan_row(struct scan *scan, const struct table *table, struct err *err)
{
	struct dataset_row row = {0};

	scan->line = table_line(table);
	scan->lengths = table_lengths(table);
	row.line = (uint32_t)scan->line;
	row.len = short_len(table_written(table));
	row.usable = check_row(scan, &row);
	if (row.usable && scan->ids &&
	    ids_add(scan->ids, id_of(scan), value_len(scan, scan->columns->id), err))
		return -1;
	return rows_add(scan->dataset->rows, &row, err);
}

static int scan_rows(struct scan *scan, struct table *table, struct err *err)
{
	int result;

	while ((result = table_next(table, &scan->values, err)) > 0) {
		if (scan->report->rows++ >= DATASET_ROWS_MAX)
			return err_set(err, ERR_STALLED, "more than %d rows", DATASET_ROWS_MAX);
		if (scan_row(scan, table, err))
			return -1;
	}
	scan->dataset->n_usable = scan->report->usable;
	return result < 0 ? -1 : rows_end(scan->dataset->rows, err);
}

/* ---- Ids given twice ---- */

static void see_id(struct scan *scan)
{
	const char *id = id_of(scan);
	int64_t first = id ? ids_again(scan->ids, id, strlen(id), scan->line) : 0;
	char text[64];

	if (!first)
		return;
	snprintf(text, sizeof(text), "its id is that of line %lld", (long long)first);
	complain_at(scan, scan->line, text);
}

static int see_ids(struct scan *scan, struct table *table, struct err *err)
{
	const struct dataset_row *row;
	struct rows_reader rows;
	int result;

	rows_begin(&rows, scan->dataset->rows);
	while ((result = table_next(table, &scan->values, err)) > 0 &&
	       (result = rows_next(&rows, &row, err)) > 0) {
		scan->line = table_line(table);
		if (row->usable)
			see_id(scan);
	}
	rows_done(&rows);
	return result;
}

/* A row that stands twice would be learnt from and judged on at once. */
static int check_ids(struct scan *scan, int dir_fd, const char *path, struct err *err)
{
	struct table *table;
	size_t n_alike;
	int result;

	if (ids_end(scan->ids, &n_alike, err))
		return err_wrap(err, "%s", path);
	if (n_alike == 0)
		return 0;
	if (data_open(dir_fd, path, scan->model, scan->columns, &table, err))
		return -1;
	result = see_ids(scan, table, err);
	table_close(table);
	return result ? err_wrap(err, "%s", path) : 0;
}

/* ---- The whole ---- */

static void complain_share(struct scan *scan, const char *what, double share, const char *than,
                           double bound)
{
	struct buf text;

	buf_init(&text, 512);
	buf_printf(&text, "%s in ", what);
	buf_percent(&text, share);
	buf_printf(&text, " of the rows, %s than ", than);
	buf_percent(&text, bound);
	complain_at(scan, 0, buf_text(&text));
	buf_deinit(&text);
}

static int64_t rows_labelled(const struct dataset_report *report, const char *label)
{
	for (size_t i = 0; i < report->n_labels; i++) {
		if (strcmp(report->labels[i].label, label) == 0)
			return report->labels[i].rows;
	}
	panic("dataset: label '%s' was not counted", label);
}

static void check_rules(struct scan *scan)
{
	const struct data_validation *rules = &scan->model->data.validate;
	const struct dataset_report *report = scan->report;
	struct buf text;

	if (report->usable < rules->min_rows) {
		buf_init(&text, 256);
		buf_puts(&text, "only ");
		buf_rows(&text, report->usable);
		buf_puts(&text, " to use, fewer than ");
		buf_rows(&text, rules->min_rows);
		complain_at(scan, 0, buf_text(&text));
		buf_deinit(&text);
	}
	for (size_t i = 0; report->usable > 0 && i < scan->model->interface.n_inputs; i++) {
		double share = (double)report->missing[i] / (double)report->usable;

		if (share > rules->max_missing)
			complain_share(scan,
			               arena_printf(scan->arena, "%s: is missing",
			                            scan->model->interface.inputs[i].name),
			               share, "more", rules->max_missing);
	}
	for (size_t i = 0; report->usable > 0 && i < rules->n_label_share; i++) {
		const struct label_share *rule = &rules->label_share[i];
		double share = (double)rows_labelled(report, rule->label) / (double)report->usable;
		const char *what = arena_printf(scan->arena, "label %s: is", rule->label);

		if (is_set(rule->min) && share < rule->min)
			complain_share(scan, what, share, "less", rule->min);
		if (is_set(rule->max) && share > rule->max)
			complain_share(scan, what, share, "more", rule->max);
	}
}

static void label_add(struct dataset_report *report, struct arena *arena, const char *label)
{
	for (size_t i = 0; i < report->n_labels; i++) {
		if (strcmp(report->labels[i].label, label) == 0)
			return;
	}
	list_push(arena, &report->labels, &report->n_labels)->label = label;
}

/* How many of its labels are classes. */
static size_t report_init(struct dataset_report *report, const struct model *model,
                          struct arena *arena)
{
	const struct strings *classes = &model->interface.output.classes;
	size_t n_classes;

	*report = (struct dataset_report){.from_ms = -1, .to_ms = -1};
	report->missing = arena_array(arena, model->interface.n_inputs, int64_t);
	for (size_t i = 0; i < classes->n; i++)
		label_add(report, arena, classes->items[i]);
	n_classes = report->n_labels;
	for (size_t i = 0; i < model->data.validate.n_label_share; i++)
		label_add(report, arena, model->data.validate.label_share[i].label);
	return n_classes;
}

/* One of the classes, or a number when there are none. */
static struct input_spec label_input(const struct model *model)
{
	const struct output_spec *output = &model->interface.output;

	return (struct input_spec){
		.name = model->data.label,
		.type = output->classes.n ? TENSOR_BYTES : output->type,
		.min = NAN,
		.max = NAN,
		.values = output->classes,
	};
}

static int scan_file(struct scan *scan, int dir_fd, const char *path, struct err *err)
{
	struct dataset *dataset = scan->dataset;
	struct table *table;
	int result;

	if (data_open(dir_fd, path, scan->model, scan->columns, &table, err))
		return -1;
	dataset->has_ids = table_has(table, scan->columns->id);
	dataset->has_times = scan->columns->time != COLUMN_NONE;
	dataset->categories = categories_new(scan->model, scan->columns);
	result = rows_open(dir_fd, path, &dataset->rows, err);
	if (!result && dataset->has_ids)
		result = ids_open(dir_fd, path, &scan->ids, err);
	if (!result)
		result = scan_rows(scan, table, err);
	table_close(table);
	if (result)
		err_wrap(err, "%s", path);
	else if (scan->ids)
		result = check_ids(scan, dir_fd, path, err);
	ids_free(scan->ids);
	return result;
}

int dataset_scan(int dir_fd, const char *path, const struct model *model, int64_t at_ms,
                 struct arena *arena, struct dataset *out, struct dataset_report *report,
                 struct err *err)
{
	struct dataset_columns columns;
	struct scan scan = {.model = model, .columns = &columns, .arena = arena, .dataset = out,
	                    .report = report, .old_before_ms = INT64_MIN,
	                    .label = label_input(model)};

	assert(!out->rows);
	dataset_columns(model, arena, &columns);
	scan.n_classes = report_init(report, model, arena);
	scan.young_after_ms = at_ms - model->data.label_maturity_ms;
	if (model->data.window_ms >= 0)
		scan.old_before_ms = at_ms - model->data.window_ms;
	scan.has_buckets = model->train && model->train->split.by == SPLIT_BY_HASH;
	if (scan_file(&scan, dir_fd, path, err))
		return -1;
	check_rules(&scan);
	return 0;
}
