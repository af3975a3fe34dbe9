#include "dataset/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "dataset/records.h"
#include "doc/doc.h"

#define ABSENT SIZE_MAX
enum { ROW_ARENA_BYTES = 64 << 20 };

struct table {
	struct records records;
	enum data_format format;
	char **names; /* of the wanted columns */
	size_t n;
	const char **values; /* of the row, n */
	size_t *lengths;     /* the same, of a plain row */
	/* CSV */
	size_t *places;      /* field of each wanted column; of one that is absent n_fields */
	struct field *fields; /* of the row, n_fields and an empty one */
	size_t n_fields;
	bool in_place;       /* the wanted columns are all there are, in this order */
	size_t len;          /* of the row's text */
	/* JSON lines */
	struct arena arena;
	bool optional_absent;
	size_t optional; /* column, or ABSENT */
	bool peeked;     /* values hold the first row already */
};

static int row_error(const struct table *table, struct err *err)
{
	return err_wrap(err, "line %lld", (long long)table->records.line);
}

/* ---- CSV ---- */

static int split(struct table *table, char *text, size_t len, size_t most, size_t *n,
                 struct err *err)
{
	const char *what;

	if (csv_split(text, len, table->records.plain, table->fields, most, n, &what))
		return err_set(err, ERR_STALLED, "line %lld: %s", (long long)table->records.line, what);
	return 0;
}

static int absent_error(const char *name, const char *const *columns, size_t n, struct err *err)
{
	const char *near = nearest(name, columns, (int)n);

	return err_set(err, ERR_STALLED, "there is no column '%s'%s%s%s", name,
	               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static size_t find_text(const char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(texts[i], text) == 0)
			return i;
	}
	return ABSENT;
}

/* Finds the wanted columns among those of the header. */
static int find_columns(struct table *table, const char *const *header, size_t n,
                        const char *optional, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!*header[i])
			return err_set(err, ERR_STALLED, "line %lld: column %zu has no name",
			               (long long)table->records.line, i + 1);
		if (find_text(header, i, header[i]) != ABSENT)
			return err_set(err, ERR_STALLED, "line %lld: two columns are called '%s'",
			               (long long)table->records.line, header[i]);
	}
	for (size_t i = 0; i < table->n; i++) {
		table->places[i] = find_text(header, n, table->names[i]);
		if (table->places[i] != ABSENT)
			continue;
		if (!optional || strcmp(optional, table->names[i]) != 0)
			return absent_error(table->names[i], header, n, err);
		table->places[i] = n;
	}
	table->in_place = table->n == n;
	for (size_t i = 0; i < table->n; i++)
		table->in_place = table->in_place && table->places[i] == i;
	return 0;
}

static int open_csv(struct table *table, const char *optional, struct err *err)
{
	const char **header;
	char *text;
	size_t len;
	int result = records_next(&table->records, &text, &len, err);

	if (result == 0)
		return err_set(err, ERR_STALLED, "is empty: a CSV file begins with its columns' names");
	table->fields = heap_alloc(TABLE_COLUMNS + 1, sizeof(*table->fields));
	table->places = heap_alloc(table->n, sizeof(*table->places));
	if (result < 0 || split(table, text, len, TABLE_COLUMNS, &table->n_fields, err))
		return -1;
	header = heap_alloc(table->n_fields, sizeof(*header));
	for (size_t i = 0; i < table->n_fields; i++)
		header[i] = table->fields[i].text;
	result = find_columns(table, header, table->n_fields, optional, err);
	free(header);
	return result;
}

static int next_csv(struct table *table, struct err *err)
{
	char *text;
	size_t n;
	int result = records_next(&table->records, &text, &table->len, err);

	if (result <= 0)
		return result;
	if (split(table, text, table->len, TABLE_COLUMNS, &n, err))
		return -1;
	if (n != table->n_fields)
		return err_set(err, ERR_STALLED, "line %lld: %zu fields where there are %zu columns",
		               (long long)table->records.line, n, table->n_fields);
	table->fields[n] = (struct field){0};
	for (size_t i = 0; i < table->n; i++) {
		const struct field *field = &table->fields[table->places[i]];

		table->values[i] = field->len ? field->text : NULL;
		table->lengths[i] = field->len;
	}
	return 1;
}

/* ---- JSON lines ---- */

static int next_json(struct table *table, struct err *err)
{
	struct node *row;
	char *text;
	size_t len;
	int result = records_next(&table->records, &text, &len, err);

	if (result <= 0)
		return result;
	arena_reset(&table->arena);
	if (json_parse(text, len, TABLE_RECORD_BYTES, &table->arena, &row, err))
		return row_error(table, err);
	if (row->type != NODE_MAP)
		return err_set(err, ERR_STALLED, "line %lld: is not a JSON object",
		               (long long)table->records.line);
	for (size_t i = 0; i < table->n; i++) {
		const struct node *node = node_get(row, table->names[i]);

		if (node && node->type != NODE_SCALAR && node->type != NODE_NULL)
			return err_set(err, ERR_STALLED, "line %lld: '%s' is not a plain value",
			               (long long)table->records.line, table->names[i]);
		table->values[i] = node && node->type == NODE_SCALAR && node->text[0] ? node->text : NULL;
	}
	if (table->optional_absent && table->values[table->optional])
		return err_set(err, ERR_STALLED, "line %lld: '%s' is given here, but not in the first row",
		               (long long)table->records.line, table->names[table->optional]);
	return 1;
}

/* Looks at the first row, and whether it has all columns. */
static int open_json(struct table *table, struct err *err)
{
	int result;

	arena_init(&table->arena, ROW_ARENA_BYTES);
	result = next_json(table, err);
	if (result <= 0)
		return result;
	table->peeked = true;
	table->optional_absent = table->optional != ABSENT && !table->values[table->optional];
	return 0;
}

/* ---- Both ---- */

static int open_format(struct table *table, const char *optional, struct err *err)
{
	switch (table->format) {
	case DATA_CSV:
		return open_csv(table, optional, err);
	case DATA_JSONL:
		return open_json(table, err);
	case DATA_FORMATS:
		break;
	}
	panic("table: no such format");
}

int table_open(int dir_fd, const char *path, enum data_format format, const char *const *names,
               size_t n, const char *optional, struct table **out, struct err *err)
{
	struct table *table;

	if (n > TABLE_COLUMNS)
		return err_set(err, ERR_STALLED, "%s: more than %d columns are asked for", path,
		               TABLE_COLUMNS);
	table = heap_alloc(1, sizeof(*table));
	table->format = format;
	table->n = n;
	table->names = heap_alloc(n, sizeof(*table->names));
	table->values = heap_alloc(n, sizeof(*table->values));
	table->lengths = heap_alloc(n, sizeof(*table->lengths));
	for (size_t i = 0; i < n; i++)
		table->names[i] = heap_strdup(names[i]);
	table->optional = optional ? find_text(names, n, optional) : ABSENT;
	if (records_open(&table->records, dir_fd, path, format == DATA_CSV, err)) {
		table_close(table);
		return -1;
	}
	if (open_format(table, optional, err)) {
		table_close(table);
		return err_wrap(err, "%s", path);
	}
	*out = table;
	return 0;
}

void table_close(struct table *table)
{
	if (!table)
		return;
	records_close(&table->records);
	arena_deinit(&table->arena);
	for (size_t i = 0; i < table->n; i++)
		free(table->names[i]);
	free(table->names);
	free(table->values);
	free(table->lengths);
	free(table->places);
	free(table->fields);
	free(table);
}

void table_leave(struct table *table)
{
	table->records.leaves = true;
}

int table_next(struct table *table, const char *const **values, struct err *err)
{
	int result = 1;

	if (table->peeked)
		table->peeked = false;
	else
		result = table->format == DATA_CSV ? next_csv(table, err) : next_json(table, err);
	if (result == 1)
		*values = table->values;
	return result;
}

const size_t *table_lengths(const struct table *table)
{
	return table->format == DATA_CSV && table->records.plain ? table->lengths : NULL;
}

size_t table_written(const struct table *table)
{
	bool is = table->in_place && table->records.plain && table->records.taken == table->len + 1;

	return is ? table->records.taken : 0;
}

int table_next_written(struct table *table, size_t len, const char **text, struct err *err)
{
	return records_known(&table->records, len, text, err);
}

int64_t table_line(const struct table *table)
{
	return table->records.line;
}

bool table_has(const struct table *table, size_t column)
{
	if (table->format == DATA_CSV)
		return table->places[column] < table->n_fields;
	return column != table->optional || !table->optional_absent;
}

/* The bytes that want quotes around a field, and its end. */
static const bool wants_quotes[256] = {
	['\0'] = true, [','] = true, ['"'] = true, ['\r'] = true, ['\n'] = true,
};

char *csv_put(char *out, const char *text)
{
	char *start = out;
	const char *from = text;

	if (!text)
		return out;
	while (!wants_quotes[(unsigned char)*text])
		*out++ = *text++;
	if (!*text)
		return out;
	out = start;
	*out++ = '"';
	for (text = from; *text; text++) {
		if (*text == '"')
			*out++ = '"';
		*out++ = *text;
	}
	*out++ = '"';
	return out;
}

void csv_field(struct buf *out, const char *text)
{
	char *field = heap_alloc(text ? 2 * strlen(text) + 2 : 0, 1);

	buf_add(out, field, (size_t)(csv_put(field, text) - field));
	free(field);
}
