/* Every metric of candidate and incumbent with its interval, as a report shows them. */
#include "gate/gates_parts.h"

enum { SLOW_ROWS_MAX = 20000 };

static struct gate_range range_of(const struct measured *m)
{
	return m->status == STATS_OK ? (struct gate_range){m->value, m->low, m->high}
	                             : (struct gate_range){NAN, NAN, NAN};
}

static void add_figure(struct judging *judging, enum metric_kind kind, const char *class,
                       struct gate_figure **figures, size_t *n)
{
	const struct gate_rows *rows = judging->rows;
	struct gate_require require = {.metric = metric_name(kind), .class_name = class};
	struct gate_metric metric;
	struct gate_figure *figure;
	struct measured m;
	const char *why;

	if (!metric_resolve(judging, &require, &metric, &why) || metric.kind != kind)
		return;
	m = measure_value(judging, &metric, &rows->candidate);
	if (m.status != STATS_OK)
		return;
	figure = list_push(judging->arena, figures, n);
	*figure = (struct gate_figure){metric.text, metric.is_share, range_of(&m), {NAN, NAN, NAN},
	                               {NAN, NAN, NAN}};
	if (!rows->incumbent)
		return;
	if (rows->candidate.scores ? rows->incumbent->scores != NULL : true) {
		m = measure_value(judging, &metric, rows->incumbent);
		figure->current = range_of(&m);
	}
	m = measure_gain(judging, &metric);
	figure->gain = range_of(&m);
}

struct gate_figure *gates_figures(const struct gates_input *input, struct arena *arena, size_t *n)
{
	struct judging judging = {.input = input, .rows = &input->rows, .arena = arena,
	                          .alpha = gate_alpha(input->gates)};
	const struct strings *classes = input->rows.classes;
	struct gate_figure *figures = NULL;

	*n = 0;
	for (int kind = 0; kind < METRIC_KINDS; kind++) {
		if (input->rows.n > SLOW_ROWS_MAX && metric_is_slow((enum metric_kind)kind))
			continue;
		if (!metric_has_class((enum metric_kind)kind))
			add_figure(&judging, (enum metric_kind)kind, NULL, &figures, n);
		for (size_t k = 0; metric_has_class((enum metric_kind)kind) && k < classes->n; k++)
			add_figure(&judging, (enum metric_kind)kind, classes->items[k], &figures, n);
	}
	return figures;
}
