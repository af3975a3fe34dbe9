/* What a gate demands, as numbers that two gates can be compared by. */
#include <string.h>

#include "gate/gate.h"

/* A demand's name ends in what its number is; any other is there or not (1). What is let off stands
 * among them by its own beginning. */
#define AT_LEAST " at least"
#define AT_MOST " at most"
#define WITHOUT "without the guard "

struct demands {
	struct arena *arena;
	struct named_number *items; /* by name */
	size_t n;
};

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool as_strict(const char *name, double value, double than)
{
	return ends_in(name, AT_MOST) ? value <= than : value >= than;
}

/* Of two of one name the stricter counts, because both must hold. */
static void demand(struct demands *demands, const char *name, double value)
{
	size_t i = 0;

	if (!is_set(value))
		return;
	while (i < demands->n && strcmp(demands->items[i].name, name) < 0)
		i++;
	if (i < demands->n && !strcmp(demands->items[i].name, name)) {
		if (as_strict(name, value, demands->items[i].value))
			demands->items[i].value = value;
		return;
	}
	list_push(demands->arena, &demands->items, &demands->n);
	memmove(&demands->items[i + 1], &demands->items[i],
	        (demands->n - 1 - i) * sizeof(*demands->items));
	demands->items[i] = (struct named_number){name, value};
}

static void demand_entries(struct demands *demands, const struct gate_require *require, size_t n)
{
	struct arena *arena = demands->arena;

	for (size_t i = 0; i < n; i++, require++) {
		const char *metric = require->metric ? require->metric : "-";

		if (require->class_name)
			metric = arena_printf(arena, "%s of %s", metric, require->class_name);
		demand(demands, arena_printf(arena, "%s" AT_LEAST, metric), require->min);
		demand(demands, arena_printf(arena, "%s" AT_MOST, metric), require->max);
		if (require->versus_current != VERSUS_NONE) {
			bool margin = require->versus_current == VERSUS_NOT_WORSE && require->margin > 0;

			demand(demands, arena_printf(arena, "gain in %s" AT_LEAST, metric),
			       margin ? -require->margin : 0);
		}
	}
}

static void demand_each(struct demands *demands, const char *what, const struct strings *names)
{
	for (size_t i = 0; i < names->n; i++)
		demand(demands, arena_printf(demands->arena, "%s %s", what, names->items[i]), 1);
}

static void demand_serving(struct demands *demands, const struct serving_gate *serving)
{
	demand(demands, "latency p95 in ms" AT_MOST, serving->latency_p95_ms);
	demand(demands, "start time in ms" AT_MOST, serving->start_time_ms);
	demand(demands, "memory in bytes" AT_MOST, serving->memory_bytes);
	demand(demands, "artifact in bytes" AT_MOST, serving->artifact_bytes);
	if (serving->scan_report)
		demand(demands, arena_printf(demands->arena, "no findings of severity %s",
		                             serving->scan_severity ? serving->scan_severity : "-"), 1);
}

static void demand_evaluator(struct demands *demands, const struct strings *command)
{
	const char *text = "evaluator";

	for (size_t i = 0; i < command->n; i++)
		text = arena_printf(demands->arena, "%s %s", text, command->items[i]);
	if (command->n)
		demand(demands, text, 1);
}

struct named_number *gate_demands(const struct model *model, const struct gate_policy *policy,
                                  struct arena *arena, size_t *n)
{
	struct demands demands = {.arena = arena};

	if (model) {
		const struct gates_spec *gates = &model->gates;

		demand(&demands, "reliability" AT_LEAST, gates->reliability);
		if (gates->test_uses > 0)
			demand(&demands, "uses of test rows" AT_MOST, (double)gates->test_uses);
		demand_entries(&demands, gates->require, gates->n_require);
		demand_each(&demands, "slices by", &gates->slices);
		demand_evaluator(&demands, &gates->command);
	}
	if (policy) {
		demand_entries(&demands, policy->require, policy->n_require);
		demand_serving(&demands, &policy->serving);
		for (size_t i = 0; i < policy->n_guards_off; i++)
			demand(&demands, arena_printf(arena, WITHOUT "%s", policy->guards_off[i].name), 1);
	}
	*n = demands.n;
	return demands.items;
}

static const struct named_number *find_demand(const struct named_number *demands, size_t n,
                                              const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(demands[i].name, name))
			return &demands[i];
	return NULL;
}

static const char *and_also(struct arena *arena, const char *text, const char *more)
{
	return text ? arena_printf(arena, "%s; %s", text, more) : more;
}

static bool is_let_off(const char *name)
{
	return !strncmp(name, WITHOUT, strlen(WITHOUT));
}

static bool is_number(const char *name)
{
	return ends_in(name, AT_LEAST) || ends_in(name, AT_MOST);
}

const char *gate_looser(const struct named_number *old, size_t n_old,
                        const struct named_number *new, size_t n_new, struct arena *arena)
{
	const char *text = NULL;

	for (size_t i = 0; i < n_old; i++) {
		const char *name = old[i].name;
		const struct named_number *now = find_demand(new, n_new, name);

		if (is_let_off(name) || (now && as_strict(name, now->value, old[i].value)))
			continue;
		text = and_also(arena, text,
		                now ? arena_printf(arena, "%s %.6g, was %.6g", name, now->value,
		                                   old[i].value)
		                : is_number(name) ? arena_printf(arena, "%s %.6g is gone", name,
		                                                 old[i].value)
		                                  : arena_printf(arena, "%s is gone", name));
	}
	for (size_t i = 0; i < n_new; i++)
		if (is_let_off(new[i].name) && !find_demand(old, n_old, new[i].name))
			text = and_also(arena, text, new[i].name);
	return text;
}

/* Was it let pass under the same gate later? Then that refusal is no more. */
static bool taken_back(const struct model_status *status, const struct verdict_record *refusal)
{
	for (size_t i = 0; i < status->n_verdicts; i++) {
		const struct verdict_record *verdict = &status->verdicts[i];

		if (digest_same(verdict->subject, refusal->subject) &&
		    digest_same(verdict->gate, refusal->gate) && verdict->result == VERDICT_PASS &&
		    verdict->at_ms > refusal->at_ms)
			return true;
	}
	return false;
}

const char *gate_loosened(struct digest subject, const struct model *model,
                          const struct gate_policy *policy, const struct model_status *status,
                          struct arena *arena)
{
	struct digest gate = gate_digest(model, policy, arena);
	size_t n;
	const struct named_number *today = gate_demands(model, policy, arena, &n);

	if (!subject.hex[0] || !status)
		return NULL;
	for (size_t i = 0; i < status->n_verdicts; i++) {
		const struct verdict_record *verdict = &status->verdicts[i];
		const char *what;

		if (!digest_same(verdict->subject, subject) || digest_same(verdict->gate, gate) ||
		    (verdict->result != VERDICT_FAIL && verdict->result != VERDICT_INCONCLUSIVE) ||
		    taken_back(status, verdict))
			continue;
		what = "what that gate demanded is not on record";
		if (verdict->n_demands)
			what = gate_looser(verdict->demands, verdict->n_demands, today, n, arena);
		if (what)
			return arena_printf(arena, "refused under a stricter gate (%s): %s",
			                    verdict->why ? verdict->why : "no reason on record", what);
	}
	return NULL;
}
