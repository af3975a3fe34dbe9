/* Slices: the rows that share a value of an input, each judged as a group, all of an input
 * together by Holm. A slice fails that is surely worse than what is required of all rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gates_parts.h"
#include "stats/paired.h"
#include "stats/proportion.h"

#define SLACK 0.1      /* a slice needs the rows that would show it this much below */
#define ROWS_MIN 30
enum { VALUES_MAX = 200 };

struct slice {
	const char *value;
	struct gate_rows rows;
	struct measured m; /* at the plain alpha */
	double p;          /* of "as good as required" */
	double needed;     /* rows */
};

/* What slices are held to: the first requirement with a bound, else the first comparison. */
struct held {
	const struct gate_require *require;
	struct gate_metric metric;
	bool versus;
	double bound;
	bool is_min;
};

static bool take(struct judging *judging, const struct gate_require *require, size_t n,
                 bool versus,
                 struct held *out)
{
	const char *why;

	for (size_t i = 0; i < n; i++) {
		bool bounded = is_set(require[i].min) || is_set(require[i].max);

		if (versus ? require[i].versus_current == VERSUS_NONE : !bounded)
			continue;
		if (!metric_resolve(judging, &require[i], &out->metric, &why))
			continue;
		out->require = &require[i];
		out->versus = versus;
		out->is_min = is_set(require[i].min);
		out->bound = versus ? -require[i].margin : out->is_min ? require[i].min : require[i].max;
		return true;
	}
	return false;
}

static bool find_held(struct judging *judging, bool versus, struct held *out)
{
	const struct gates_spec *gates = judging->input->gates;
	const struct gate_policy *policy = judging->input->policy;

	return take(judging, gates->require, gates->n_require, versus, out) ||
	       (policy && take(judging, policy->require, policy->n_require, versus, out));
}

/* ---- the rows of a slice ---- */

struct row_value {
	const char *value;
	size_t row;
};

static int by_value(const void *a, const void *b)
{
	const struct row_value *left = a, *right = b;
	int order = strcmp(left->value, right->value);

	return order ? order : (left->row > right->row) - (left->row < right->row);
}

/* The slices of an input, sorted by value, none without rows. */
static struct slice *slices_of(struct judging *judging, const struct gate_column *column,
                               size_t *n)
{
	size_t rows = judging->rows->n;
	struct row_value *sorted = arena_array(judging->arena, rows, struct row_value);
	size_t *some = arena_array(judging->arena, rows, size_t);
	struct slice *slices = NULL;

	for (size_t i = 0; i < rows; i++) {
		const char *text = column->texts ? column->texts[i]
		                   : is_set(column->numbers[i])
		                   ? arena_printf(judging->arena, "%.10g", column->numbers[i]) : NULL;

		sorted[i] = (struct row_value){text ? text : "(missing)", i};
	}
	qsort(sorted, rows, sizeof(*sorted), by_value);
	*n = 0;
	for (size_t i = 0, end; i < rows && *n <= VALUES_MAX; i = end) {
		struct slice *slice = list_push(judging->arena, &slices, n);

		for (end = i; end < rows && !strcmp(sorted[end].value, sorted[i].value); end++)
			some[end - i] = sorted[end].row;
		slice->value = sorted[i].value;
		slice->rows = rows_some(judging, some, end - i);
	}
	return slices;
}

/* ---- judging ---- */

/* Of the hypothesis that this slice is as good as required, one-sided. */
static double p_value(const struct held *held, const struct measured *m)
{
	double off = held->versus || held->is_min ? held->bound - m->value : m->value - held->bound;

	if (m->status != STATS_OK)
		return 1;
	if (!held->versus && is_set(m->x))
		return held->is_min ? binomial_cdf(m->x, m->n, held->bound)
		                    : binomial_sf(m->x, m->n, held->bound);
	if (!(m->se > 0))
		return off > 0 && m->high < held->bound ? 0 : 1;
	return normal_sf(off / m->se);
}

static void measure_slice(struct judging *judging, const struct held *held, struct slice *slice)
{
	struct judging inner = *judging;
	double n;

	inner.rows = &slice->rows;
	slice->m = held->versus ? measure_gain(&inner, &held->metric)
	                        : measure_value(&inner, &held->metric, &slice->rows.candidate);
	slice->p = p_value(held, &slice->m);
	slice->needed = ROWS_MIN;
	if (!held->versus && is_set(slice->m.x) && held->is_min && held->bound - SLACK > 0) {
		n = proportion_rows(held->bound, held->bound - SLACK, judging->alpha, GATE_BETA);
		slice->needed = is_set(n) ? fmax(n, ROWS_MIN) : ROWS_MIN;
	}
}

static int by_p(const void *a, const void *b)
{
	double left = ((const struct slice *)a)->p, right = ((const struct slice *)b)->p;

	return (left > right) - (left < right);
}

/* Slices that are surely worse, by Holm; sorts them, the worst first. */
static size_t holm(struct slice *slices, size_t n, double alpha)
{
	size_t found = 0;

	qsort(slices, n, sizeof(*slices), by_p);
	while (found < n && slices[found].p <= alpha / (double)(n - found))
		found++;
	return found;
}

/* A declared value without a row, or NULL. */
static const char *missing_value(const struct gate_column *column, const struct slice *slices,
                                 size_t n)
{
	for (size_t k = 0; k < column->declared.n; k++) {
		bool found = false;

		for (size_t i = 0; i < n; i++)
			found = found || !strcmp(slices[i].value, column->declared.items[k]);
		if (!found)
			return column->declared.items[k];
	}
	return NULL;
}

static const char *slice_text(struct judging *judging, const struct held *held,
                              const struct gate_column *column, const struct slice *slice)
{
	return arena_printf(judging->arena, "%s=%s, where %s %s %s on %s rows", column->name,
	                    slice->value,
	                    held->metric.text, held->versus ? "gains" : "is",
	                    metric_text(judging, &held->metric, slice->m.value),
	                    count_text(judging->arena, slice->m.n));
}

static void judge_input(struct judging *judging, const struct held *held, const char *name,
                        const struct gate_column *column, struct slice *slices, size_t n)
{
	const char *missing = missing_value(column, slices, n), *why;
	const struct slice *few = NULL;
	size_t worse = holm(slices, n, judging->alpha), thin = 0;

	for (size_t i = 0; i < n; i++) {
		if (slices[i].m.status == STATS_OK && slices[i].m.n >= slices[i].needed)
			continue;
		thin++;
		if (!few)
			few = &slices[i];
	}
	if (missing) {
		why = arena_printf(judging->arena, "no test row has %s=%s, which is declared",
		                   column->name,
		                   missing);
		add_entry(judging, name, VERDICT_FAIL, NULL, held->bound, why);
	} else if (worse > 0) {
		why = arena_printf(judging->arena, "surely too bad for %zu of %zu groups, worst %s",
		                   worse, n,
		                   slice_text(judging, held, column, &slices[0]));
		add_entry(judging, name, VERDICT_FAIL, &slices[0].m, held->bound, why);
	} else if (few) {
		double rows = (double)few->rows.n - (held->versus ? rows_seen(&few->rows) : 0);

		why = arena_printf(judging->arena, "too few rows in %zu of %zu groups: %s=%s has %s and"
		                   " needs some %s", thin, n, column->name, few->value,
		                   count_text(judging->arena, rows),
		                   count_text(judging->arena, ceil(few->needed)));
		add_entry(judging, name, VERDICT_INCONCLUSIVE, &few->m, held->bound, why);
	} else {
		why = arena_printf(judging->arena, "none of %zu groups is surely too bad; the worst is"
		                   " %s", n,
		                   slice_text(judging, held, column, &slices[0]));
		add_entry(judging, name, VERDICT_PASS, &slices[0].m, held->bound, why);
	}
}

static void show_slices(struct judging *judging, const struct gate_column *column,
                        const struct slice *slices, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (slices[i].m.status != STATS_OK)
			continue;
		*list_push(judging->arena, &judging->out.slices, &judging->out.n_slices) =
			(struct named_number){arena_printf(judging->arena, "%s=%s", column->name,
			                                   slices[i].value), slices[i].m.value};
	}
}

static void judge_slice(struct judging *judging, const struct held *held, const char *input,
                        bool show)
{
	const struct gate_rows *rows = judging->rows;
	const char *name = arena_printf(judging->arena, "slices of %s: %s%s", input, held->metric.text,
	                                held->versus ? " against current" : "");
	const struct gate_column *column = NULL;
	struct slice *slices;
	size_t n;

	for (size_t j = 0; j < rows->n_inputs; j++)
		if (!strcmp(rows->inputs[j].name, input))
			column = &rows->inputs[j];
	if (!column || rows->n == 0) {
		add_entry(judging, name, column ? VERDICT_INCONCLUSIVE : VERDICT_FAIL, NULL, NAN,
		          column ? "there are no test rows" : "the test rows do not have this input");
		return;
	}
	slices = slices_of(judging, column, &n);
	if (n > VALUES_MAX) {
		add_entry(judging, name, VERDICT_INCONCLUSIVE, NULL, NAN,
		          "the input has too many values to judge each as a group");
		return;
	}
	for (size_t i = 0; i < n; i++)
		measure_slice(judging, held, &slices[i]);
	if (show)
		show_slices(judging, column, slices, n);
	judge_input(judging, held, name, column, slices, n);
}

void judge_slices(struct judging *judging)
{
	const struct gates_spec *gates = judging->input->gates;
	struct held bound, versus;
	bool has_bound, has_versus;

	if (!gates || gates->slices.n == 0)
		return;
	has_bound = find_held(judging, false, &bound);
	has_versus = find_held(judging, true, &versus);
	for (size_t i = 0; i < gates->slices.n; i++) {
		if (has_bound)
			judge_slice(judging, &bound, gates->slices.items[i], true);
		if (has_versus && judging->rows->incumbent)
			judge_slice(judging, &versus, gates->slices.items[i], !has_bound);
		if (!has_bound && !has_versus)
			add_entry(judging, arena_printf(judging->arena, "slices of %s",
			                                gates->slices.items[i]),
			          VERDICT_NOT_APPLICABLE, NULL, NAN, "nothing is required that a group could"
			          " miss");
	}
}
