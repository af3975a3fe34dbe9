/* Reference distributions of inputs, labels and scores: what serving is compared with later.
 * Numbers as decile edges and counts, texts as counts of the most frequent values, missing
 * values apart. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/map.h"
#include "run/internal.h"

enum { EDGES = 9, VALUES_MAX = 50, VALUES_KEPT = 100000 };

/* One input, or the scores of one class. */
struct column {
	const char *name;
	bool is_text;
	int64_t missing;
	double *numbers; /* of the rows that have one */
	size_t n;
	struct map values; /* text -> index into counts */
	int64_t *counts;   /* VALUES_KEPT */
	int64_t other;
};
struct profile {
	struct run *run;
	int64_t rows;
	struct column *inputs, *scores;
	size_t n_scores;
	int64_t *labels; /* of each class */
};

static void column_init(struct profile *profile, struct column *column, const char *name,
                        bool is_text, int64_t n)
{
	*column = (struct column){.name = name, .is_text = is_text};
	if (is_text)
		column->counts = heap_alloc(VALUES_KEPT, sizeof(*column->counts));
	else
		column->numbers = arena_array(profile->run->arena, (size_t)n, double);
}

struct profile *profile_new(struct run *run, int64_t n)
{
	struct profile *profile = arena_new(run->arena, struct profile);
	const struct interface_spec *interface = &run->model->interface;

	profile->run = run;
	profile->inputs = arena_array(run->arena, interface->n_inputs, struct column);
	for (size_t i = 0; i < interface->n_inputs; i++)
		column_init(profile, &profile->inputs[i], interface->inputs[i].name,
		            interface->inputs[i].type == TENSOR_BYTES, n);
	profile->labels = arena_array(run->arena, interface->output.classes.n, int64_t);
	if (interface->output.scores)
		profile->n_scores = interface->output.classes.n ? interface->output.classes.n : 1;
	profile->scores = arena_array(run->arena, profile->n_scores, struct column);
	for (size_t i = 0; i < profile->n_scores; i++)
		column_init(profile, &profile->scores[i],
		            interface->output.classes.n ? interface->output.classes.items[i] : "score",
		            false, n);
	return profile;
}

void profile_free(struct profile *profile)
{
	for (size_t i = 0; profile && i < profile->run->model->interface.n_inputs; i++) {
		map_deinit(&profile->inputs[i].values);
		free(profile->inputs[i].counts);
		profile->inputs[i].counts = NULL;
	}
}

static void add_text(struct column *column, const char *text)
{
	size_t at = map_lower_bound(&column->values, text);
	int64_t *count;

	if (at < column->values.n && strcmp(column->values.entries[at].key, text) == 0) {
		count = column->values.entries[at].value;
	} else if (column->values.n < VALUES_KEPT) {
		count = &column->counts[column->values.n];
		map_put(&column->values, text, count);
	} else {
		count = &column->other;
	}
	(*count)++;
}

/* Numbers as they are; truths as 0 and 1. */
static void add_number(struct column *column, const char *text)
{
	struct err ignored;
	double value;

	if (parse_number(text, -INFINITY, INFINITY, &value, &ignored))
		value = text[0] == 't' || text[0] == 'T';
	column->numbers[column->n++] = value;
}

void profile_row(struct profile *profile, const char *const *inputs,
                 const struct oip_predictions *predictions, size_t i)
{
	for (size_t j = 0; j < profile->run->model->interface.n_inputs; j++) {
		struct column *column = &profile->inputs[j];

		if (!inputs[j])
			column->missing++;
		else if (column->is_text)
			add_text(column, inputs[j]);
		else
			add_number(column, inputs[j]);
	}
	for (size_t k = 0; k < profile->n_scores && k < predictions->n_scores; k++) {
		struct column *column = &profile->scores[k];

		column->numbers[column->n++] = predictions->scores[i * predictions->n_scores + k];
	}
	if (predictions->classes)
		profile->labels[predictions->classes[i]]++;
	profile->rows++;
}

/* ---- As a document ---- */

static void write_count(struct writer *writer, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	write_raw(writer, text);
}

static void write_edge(struct writer *writer, double value)
{
	struct buf text;

	buf_init(&text, 64);
	buf_number(&text, value);
	write_raw(writer, buf_text(&text));
	buf_deinit(&text);
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

/* Distinct deciles of sorted numbers; how many. */
static size_t decile_edges(const double *sorted, size_t n, double edges[EDGES])
{
	size_t found = 0;

	for (size_t i = 1; n > 0 && i <= EDGES; i++) {
		double edge = sorted[(i * n + EDGES) / (EDGES + 1) - 1];

		if (found == 0 || edge > edges[found - 1])
			edges[found++] = edge;
	}
	return found;
}

/* Counts of ]-inf, e0], ]e0, e1], ..., ]e_last, inf[. */
static void write_numbers(struct writer *writer, struct column *column)
{
	double edges[EDGES];
	size_t n_edges, next = 0;

	qsort(column->numbers, column->n, sizeof(double), by_value);
	n_edges = decile_edges(column->numbers, column->n, edges);
	write_key(writer, "edges");
	write_list(writer);
	for (size_t i = 0; i < n_edges; i++)
		write_edge(writer, edges[i]);
	write_list_end(writer);
	write_key(writer, "counts");
	write_list(writer);
	for (size_t i = 0; i <= n_edges; i++) {
		size_t start = next;

		while (next < column->n && (i == n_edges || column->numbers[next] <= edges[i]))
			next++;
		write_count(writer, (int64_t)(next - start));
	}
	write_list_end(writer);
}

static int by_count(const void *a, const void *b)
{
	const struct map_entry *left = a, *right = b;
	int64_t more = *(const int64_t *)left->value, less = *(const int64_t *)right->value;

	return more != less ? (more > less ? -1 : 1) : strcmp(left->key, right->key);
}

/* The map is not looked up any more, so its order may be that of frequency. */
static void write_texts(struct writer *writer, struct column *column)
{
	qsort(column->values.entries, column->values.n, sizeof(struct map_entry), by_count);
	write_key(writer, "values");
	write_map(writer);
	for (size_t i = 0; i < column->values.n; i++) {
		const struct map_entry *entry = &column->values.entries[i];

		if (i >= VALUES_MAX) {
			column->other += *(const int64_t *)entry->value;
			continue;
		}
		write_key(writer, entry->key);
		write_count(writer, *(const int64_t *)entry->value);
	}
	write_map_end(writer);
	write_key(writer, "other");
	write_count(writer, column->other);
}

static void write_columns(struct writer *writer, const char *key, struct column *columns,
                          size_t n)
{
	write_key(writer, key);
	write_map(writer);
	for (size_t i = 0; i < n; i++) {
		write_key(writer, columns[i].name);
		write_map(writer);
		write_key(writer, "missing");
		write_count(writer, columns[i].missing);
		if (columns[i].is_text)
			write_texts(writer, &columns[i]);
		else
			write_numbers(writer, &columns[i]);
		write_map_end(writer);
	}
	write_map_end(writer);
}

void profile_encode(struct profile *profile, struct buf *out)
{
	const struct interface_spec *interface = &profile->run->model->interface;
	struct writer writer;

	write_begin(&writer, out, true);
	write_map(&writer);
	write_key(&writer, "rows");
	write_count(&writer, profile->rows);
	write_columns(&writer, "inputs", profile->inputs, interface->n_inputs);
	write_key(&writer, "labels");
	write_map(&writer);
	for (size_t k = 0; k < interface->output.classes.n; k++) {
		write_key(&writer, interface->output.classes.items[k]);
		write_count(&writer, profile->labels[k]);
	}
	write_map_end(&writer);
	write_columns(&writer, "scores", profile->scores, profile->n_scores);
	write_map_end(&writer);
}
