/* What linnet validate says of a model's gates before anything trains: whether there are any, and
 * how often a good candidate would pass them. */
#include <math.h>
#include <string.h>

#include "gate/gate.h"
#include "gate/gates.h"
#include "view.h"

#define DISAGREEMENT 0.1 /* before any run has told */
#define ENOUGH 0.8       /* of runs: less is told how to be mended */
#define ROWS_MAX 1000000

/* A model's gates, and what the last version has told of tests to come. */
struct gates_view {
	const struct options *options;
	const struct model *model;
	const struct gate_policy *policy; /* or NULL */
	const char *version; /* that told it; NULL: none did, the rows are those of the least data */
	struct gate_outlook outlook;
};

static void learn_from(struct gates_view *gates, const struct model_version *version)
{
	gates->version = version->version;
	gates->outlook = (struct gate_outlook){version->lineage->test_rows, DISAGREEMENT, NAN,
	                                       version->entries, version->n_entries};
	for (size_t i = 0; i < version->n_metrics_test; i++)
		if (!strcmp(version->metrics_test[i].name, "accuracy"))
			gates->outlook.accuracy = version->metrics_test[i].value;
	for (size_t i = 0; i < version->n_entries; i++)
		if (!strcmp(version->entries[i].name, "guard changed-predictions") &&
		    is_set(version->entries[i].value))
			gates->outlook.disagreement = version->entries[i].value;
}

static void look_out(struct gates_view *gates, struct view *view)
{
	const struct model *model = gates->model;
	double rows = model->train->split.test * (double)model->data.validate.min_rows;
	struct arena *arena = gates->options->arena;
	const char **names;
	size_t n = fleet_versions_of(view->fleet, model->meta.name, arena, &names);
	int64_t newest = -1;

	gates->outlook = (struct gate_outlook){(int64_t)floor(rows + 1e-6), DISAGREEMENT, NAN, NULL, 0};
	for (size_t i = 0; i < n; i++) {
		struct object object = {0};

		if (fleet_get(view->fleet, KIND_MODEL_VERSION, NULL, names[i], view_read, view, arena,
		              &object, NULL, NULL) != DECLARED_OK ||
		    !object.version->lineage || object.version->lineage->test_rows <= 0 ||
		    object.version->lineage->finished_ms < newest)
			continue;
		newest = object.version->lineage->finished_ms;
		learn_from(gates, object.version);
	}
}

/* Of the conditions on accuracy against what serves, or on its level, the one that passes least
 * often at so many rows; `p` NAN: there is none. */
static struct gate_chance hardest(const struct gates_view *gates, int64_t rows, bool versus)
{
	struct gate_outlook outlook = gates->outlook;
	struct gate_chance found = {.p = NAN}, *chances;
	size_t n;

	outlook.rows = rows;
	chances = gates_chances(gates->model, gates->policy, &outlook, gates->options->arena, &n);
	for (size_t i = 0; i < n; i++)
		if (chances[i].accuracy && chances[i].versus == versus && is_set(chances[i].p) &&
		    !(chances[i].p >= found.p))
			found = chances[i];
	return found;
}

/* About so many test rows make an equally good candidate pass in four of five runs; -1: no number
 * of them up to a million does. */
static int64_t rows_enough(const struct gates_view *gates)
{
	int64_t low = gates->outlook.rows, high = low > 0 ? low : 1;

	while (hardest(gates, high, true).p < ENOUGH) {
		low = high;
		high *= 2;
		if (high > ROWS_MAX)
			return -1;
	}
	while (high - low > 1) {
		int64_t rows = low + (high - low) / 2;

		if (hardest(gates, rows, true).p < ENOUGH)
			low = rows;
		else
			high = rows;
	}
	return high;
}

static void put_accuracy(const struct gates_view *gates)
{
	const struct gate_outlook *outlook = &gates->outlook;
	const char *name = gates->model->meta.name;
	struct gate_chance equal = hardest(gates, outlook->rows, true);
	struct gate_chance level = hardest(gates, outlook->rows, false);
	int64_t enough = is_set(equal.p) && equal.p < ENOUGH ? rows_enough(gates) : -1;

	if (is_set(equal.p))
		printf("%s: a candidate exactly as good as what serves passes versusCurrent in %.0f %% of"
		       " runs (%lld test rows%s%s, %.0f %% of them answered differently)", name,
		       100 * equal.p, (long long)outlook->rows,
		       gates->version ? " as of " : " of data.validate.minRows",
		       gates->version ? gates->version : "", 100 * outlook->disagreement);
	if (enough >= 0)
		printf("; %.0f %% takes a wider margin, or about %lld rows in all", 100 * ENOUGH,
		       (long long)ceil((double)enough / gates->model->train->split.test));
	if (is_set(equal.p))
		printf("\n");
	if (is_set(level.p))
		printf("%s: one with the accuracy of %s, %s, passes the declared minimum in %.0f %% of"
		       " runs\n", name, gates->version, level.value, 100 * level.p);
}

/* Of other metrics, by the width of their intervals in the last verdict. */
static void put_others(const struct gates_view *gates)
{
	const char *name = gates->model->meta.name, *unknown = NULL;
	struct arena *arena = gates->options->arena;
	size_t n;
	struct gate_chance *chances = gates_chances(gates->model, gates->policy, &gates->outlook,
	                                            arena, &n);

	for (size_t i = 0; i < n; i++) {
		const struct gate_chance *chance = &chances[i];

		if (!is_set(chance->p))
			unknown = arena_printf(arena, "%s%s%s", unknown ? unknown : "", unknown ? ", " : "",
			                       chance->name);
		else if (!chance->accuracy && chance->versus)
			printf("%s: one exactly as good as what serves passes '%s' in %.0f %% of runs, by the"
			       " interval of %s\n", name, chance->name, 100 * chance->p, gates->version);
		else if (!chance->accuracy)
			printf("%s: one as good as %s, %s, passes '%s' in %.0f %% of runs\n", name,
			       gates->version, chance->value, chance->name, 100 * chance->p);
	}
	if (unknown)
		printf("%s: how often a candidate passes is not estimated yet for %s: no run has told how"
		       " far it varies\n", name, unknown);
}

void put_gates(const struct options *options, struct view *view, const char *name)
{
	struct gates_view gates = {.options = options};
	struct object object = {0}, policy = {0};

	if (fleet_get(view->fleet, KIND_MODEL, NULL, name, view_read, view, options->arena, &object,
	              NULL, NULL) != DECLARED_OK)
		return;
	gates.model = object.model;
	if (object.model->gates.policy &&
	    fleet_get(view->fleet, KIND_GATE_POLICY, NULL, object.model->gates.policy, view_read, view,
	              options->arena, &policy, NULL, NULL) != DECLARED_OK)
		return;
	gates.policy = policy.policy;
	if (!gate_declared(gates.model, gates.policy))
		printf("%s: no gate is declared: a version that is made elsewhere is admitted %s; any"
		       " gates.require has it tested first, with the guards, on rows that cannot have"
		       " trained it\n", name,
		       gate_asked(gates.model, gates.policy)
		       ? "by the guards alone, on rows that may have trained it"
		       : gates.model->data.uri ? "untested" : "untested, since it names no data");
	if (!object.model->train)
		return;
	look_out(&gates, view);
	if (gates.outlook.rows <= 0)
		return;
	put_accuracy(&gates);
	put_others(&gates);
}
