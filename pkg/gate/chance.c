/* How often a good candidate would pass what is declared. */
#include <string.h>

#include "gate/gates_parts.h"
#include "stats/paired.h"
#include "stats/proportion.h"

struct chances {
	struct judging judging; /* of no rows, to name metrics */
	const struct gate_outlook *outlook;
	struct gate_chance *items;
	size_t n;
};

/* The fewest right answers of n whose lower bound holds the minimum; n + 1 when not even all do. */
static int64_t least_right(int64_t n, double min, double alpha)
{
	int64_t low = 0, high = n + 1;

	while (low < high) {
		int64_t x = low + (high - low) / 2;

		if (proportion_lower((double)x, (double)n, alpha) >= min)
			high = x;
		else
			low = x + 1;
	}
	return low;
}

static const struct gate_entry *entry_of(const struct gate_outlook *outlook, const char *name)
{
	for (size_t i = 0; i < outlook->n_entries; i++)
		if (!strcmp(outlook->entries[i].name, name))
			return &outlook->entries[i];
	return NULL;
}

/* That the bound of a normal estimate, whose truth is `above` better than asked for, holds: its
 * interval in the entry is 2 z standard errors wide. */
static double chance_by_width(const struct gate_entry *entry, double above, double alpha)
{
	double z = normal_quantile(1 - alpha), se = (entry->high - entry->low) / (2 * z);

	return z > 0 && se > 0 ? normal_cdf(above / se - z) : NAN;
}

static struct gate_chance *add_chance(struct chances *chances, const char *name,
                                      const struct gate_metric *metric)
{
	struct gate_chance *chance = list_push(chances->judging.arena, &chances->items, &chances->n);

	*chance = (struct gate_chance){.name = name, .p = NAN,
	                               .accuracy = metric && metric->kind == METRIC_ACCURACY};
	return chance;
}

static void add_bound(struct chances *chances, const struct gate_metric *metric, double bound,
                      bool is_min)
{
	const struct gate_outlook *outlook = chances->outlook;
	const char *name = bound_name(&chances->judging, metric, bound, is_min);
	const struct gate_entry *entry = entry_of(outlook, name);
	struct gate_chance *chance = add_chance(chances, name, metric);
	double n = (double)outlook->rows, alpha = chances->judging.alpha, value;

	if (chance->accuracy && is_min && is_set(outlook->accuracy)) {
		value = outlook->accuracy;
		chance->p = binomial_sf((double)least_right(outlook->rows, bound, alpha), n, value);
	} else if (entry && is_set(entry->value)) {
		value = entry->value;
		chance->p = chance_by_width(entry, is_min ? value - bound : bound - value, alpha);
	} else {
		return;
	}
	chance->value = metric_text(&chances->judging, metric, value);
}

static void add_versus(struct chances *chances, const struct gate_metric *metric,
                       const struct gate_require *require)
{
	const struct gate_outlook *outlook = chances->outlook;
	bool better = require->versus_current == VERSUS_BETTER;
	const char *name = versus_name(&chances->judging, metric, better);
	const struct gate_entry *entry = entry_of(outlook, name);
	struct gate_chance *chance = add_chance(chances, name, metric);

	chance->versus = true;
	if (chance->accuracy)
		chance->p = paired_pass_probability(outlook->rows, outlook->disagreement,
		                                    versus_margin(require), chances->judging.alpha);
	else if (entry)
		chance->p = chance_by_width(entry, versus_margin(require), chances->judging.alpha);
}

static void add_requires(struct chances *chances, const struct gate_require *require, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct gate_metric metric;
		const char *why;

		if (!metric_resolve(&chances->judging, &require[i], &metric, &why)) {
			add_chance(chances, require[i].metric, NULL);
			continue;
		}
		if (is_set(require[i].min))
			add_bound(chances, &metric, require[i].min, true);
		if (is_set(require[i].max))
			add_bound(chances, &metric, require[i].max, false);
		if (require[i].versus_current != VERSUS_NONE)
			add_versus(chances, &metric, &require[i]);
	}
}

struct gate_chance *gates_chances(const struct model *model, const struct gate_policy *policy,
                                  const struct gate_outlook *outlook, struct arena *arena,
                                  size_t *n)
{
	static const double some;
	const struct output_spec *output = &model->interface.output;
	const struct gate_rows rows = {.classes = &output->classes,
	                               .candidate.scores = output->scores ? &some : NULL};
	struct chances chances = {
		.judging = {.rows = &rows, .arena = arena, .alpha = gate_alpha(&model->gates)},
		.outlook = outlook,
	};

	add_requires(&chances, model->gates.require, model->gates.n_require);
	if (policy)
		add_requires(&chances, policy->require, policy->n_require);
	*n = chances.n;
	return chances.items;
}
