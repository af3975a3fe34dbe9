/* Which verdict counts for a revision, and what a gate is. */
#include <string.h>

#include "gate/gate.h"
#include "gate/gates_parts.h"

/* A figure that is not set is no demand. */
static bool serving_declared(const struct serving_gate *serving)
{
	return is_set(serving->latency_p95_ms) || is_set(serving->start_time_ms) ||
	       is_set(serving->memory_bytes) || is_set(serving->artifact_bytes) ||
	       serving->scan_report;
}

bool gate_declared(const struct model *model, const struct gate_policy *policy)
{
	return (model && (model->gates.n_require || model->gates.command.n)) ||
	       (policy && (policy->n_require || serving_declared(&policy->serving)));
}

bool gate_asked(const struct model *model, const struct gate_policy *policy)
{
	return gate_declared(model, policy) || (model && model->data.uri && guards_on(policy));
}

/* A revision that is served the same way as what it replaces is compared with itself, so that any
 * incumbent will do, as where nothing serves. */
const struct verdict_record *gate_verdict(const struct revision *revision,
                                          const struct revision *stable, const struct model *model,
                                          const struct gate_policy *policy,
                                          const struct model_status *status, struct arena *arena)
{
	const struct verdict_record *newest = NULL;
	struct digest subject, incumbent = {0}, gate;

	if (!revision || !model || !status)
		return NULL;
	gate = gate_digest(model, policy, arena);
	subject = subject_digest(revision->artifact.digest, &revision->serve, &model->interface);
	if (!gate_declared(model, policy))
		stable = NULL;
	if (stable)
		incumbent = subject_digest(stable->artifact.digest, &stable->serve, &model->interface);
	for (size_t i = 0; i < status->n_verdicts; i++) {
		const struct verdict_record *verdict = &status->verdicts[i];

		if (digest_same(verdict->subject, subject) && digest_same(verdict->gate, gate) &&
		    (!stable || digest_same(incumbent, subject) ||
		     digest_same(verdict->incumbent, incumbent)) &&
		    (!newest || verdict->at_ms > newest->at_ms))
			newest = verdict;
	}
	return newest;
}

static const char *unjudged(const struct revision *revision, bool declared,
                            const struct model_status *status, struct arena *arena)
{
	const struct evaluation *evaluation = status ? &status->evaluation : NULL;
	const char *version = revision->version ? revision->version : "it";

	if (!evaluation || !evaluation->why || !evaluation->version ||
	    strcmp(evaluation->version, version))
		return arena_printf(arena, declared
		                    ? "%s has not passed today's gates against what serves here: it is"
		                      " evaluated first"
		                    : "the guards have not judged %s yet: it is evaluated first", version);
	return arena_printf(arena, "%s has to be evaluated first, and that has failed%s: %s", version,
	                    evaluation->attempts >= GATE_ATTEMPTS
	                    ? arena_printf(arena, " %d times (ask again with `linnet retry`)",
	                                   evaluation->attempts) : "", evaluation->why);
}

struct admission gate_admit(const struct revision *revision, const struct revision *stable,
                            const struct model *model, const struct gate_policy *policy,
                            const struct model_status *status, struct arena *arena)
{
	struct admission admission = {.result = VERDICT_NOT_APPLICABLE, .why = "no gate is declared"};
	const struct verdict_record *verdict;

	if (!revision)
		return admission;
	admission.revision = revision->digest;
	verdict = gate_verdict(revision, stable, model, policy, status, arena);
	if (verdict) {
		admission.result = verdict->result;
		admission.why = verdict->why ? verdict->why
		                             : arena_printf(arena, "the verdict is %s",
		                                            verdict_result_names.names[verdict->result]);
		if (verdict->result == VERDICT_INCONCLUSIVE)
			admission.why = arena_printf(arena, "%s. A person has to look; an approval given now"
			                             " lets it pass", admission.why);
	} else if (gate_asked(model, policy)) {
		admission.result = VERDICT_INCONCLUSIVE;
		admission.why = unjudged(revision, gate_declared(model, policy), status, arena);
	}
	return admission;
}

/* A number that is not set is nothing, whatever its bits are. */
static const char *number_text(struct arena *arena, double number)
{
	return is_set(number) ? arena_printf(arena, "%.17g", number) : "-";
}

static const char *require_text(struct arena *arena, const char *text,
                                const struct gate_require *require, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text = arena_printf(arena, "%s\nrequire %s %s %s %s %d %s", text,
		                    require[i].metric ? require[i].metric : "-",
		                    require[i].class_name ? require[i].class_name : "-",
		                    number_text(arena, require[i].min), number_text(arena, require[i].max),
		                    (int)require[i].versus_current, number_text(arena, require[i].margin));
	return text;
}

static const char *strings_text(struct arena *arena, const char *text, const char *name,
                                const struct strings *strings)
{
	for (size_t i = 0; i < strings->n; i++)
		text = arena_printf(arena, "%s\n%s %s", text, name, strings->items[i]);
	return text;
}

struct digest gate_digest(const struct model *model, const struct gate_policy *policy,
                          struct arena *arena)
{
	const char *text = "gate";

	if (model) {
		text = arena_printf(arena, "%s\nreliability %s uses %lld", text,
		                    number_text(arena, model->gates.reliability),
		                    (long long)model->gates.test_uses);
		text = require_text(arena, text, model->gates.require, model->gates.n_require);
		text = strings_text(arena, text, "slice", &model->gates.slices);
		text = strings_text(arena, text, "command", &model->gates.command);
	}
	if (policy) {
		text = require_text(arena, text, policy->require, policy->n_require);
		for (size_t i = 0; i < policy->n_guards_off; i++)
			text = arena_printf(arena, "%s\noff %s", text, policy->guards_off[i].name);
		text = arena_printf(arena, "%s\nserving %s %s %s %s %s %s", text,
		                    number_text(arena, policy->serving.latency_p95_ms),
		                    number_text(arena, policy->serving.start_time_ms),
		                    number_text(arena, policy->serving.memory_bytes),
		                    number_text(arena, policy->serving.artifact_bytes),
		                    policy->serving.scan_report ? policy->serving.scan_report : "",
		                    policy->serving.scan_severity ? policy->serving.scan_severity : "");
	}
	return digest_of(text, strlen(text));
}
