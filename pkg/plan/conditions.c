/* The history and what was seen, said for people: Ready, Synced, Healthy, Reconciling, Stalled.
 * Messages hold no counters, or every tick would be a commit. */
#include "plan/look.h"

#include <string.h>

static void set_condition(struct look *look, enum condition_type type, enum truth status,
                          const char *reason, const char *message)
{
	look->next->has_condition[type] = true;
	condition_set(&look->next->conditions[type], type, status, reason, message, look->in->now_ms);
}

static void clear_condition(struct look *look, enum condition_type type)
{
	look->next->conditions[type] = (struct condition){0};
	look->next->has_condition[type] = false;
}

/* Does anything that carries weight of record have a ready replica? */
static void say_ready(struct look *look)
{
	const struct deployment_status *next = look->next;
	bool stable = ready_replicas(look, next->stable) > 0;
	bool candidate = next->durable_weight > 0 && ready_replicas(look, next->candidate) > 0;

	if (stable && (next->stable_weight > 0 || !candidate))
		set_condition(look, CONDITION_READY, TRUTH_TRUE, "Serving",
		              arena_printf(look->arena, "%s serves", version_of(look, next->stable)));
	else if (candidate)
		set_condition(look, CONDITION_READY, TRUTH_TRUE, "Serving",
		              arena_printf(look->arena, "%s serves", version_of(look, next->candidate)));
	else if (!has_stable(look))
		set_condition(look, CONDITION_READY, TRUTH_FALSE, "NothingServes",
		              "nothing was promoted here yet");
	else
		set_condition(look, CONDITION_READY, TRUTH_FALSE, "NoReadyReplica",
		              arena_printf(look->arena, "no replica of %s is ready",
		                           version_of(look, next->stable)));
}

/* "v3 at 25 %, step 2 of 3", else what the phase is about. */
static const char *progress(const struct look *look)
{
	const struct deployment_status *next = look->next;

	if (next->phase == PHASE_CANARY && look->spec && next->step >= 0)
		return arena_printf(look->arena, "%s at %s, step %d of %zu",
		                    version_of(look, next->candidate),
		                    percent(look->arena, next->candidate_weight), next->step + 1,
		                    look->spec->rollout.n_steps);
	return next->message ? next->message : "";
}

static void say_synced(struct look *look)
{
	const struct deployment_status *next = look->next;

	if (look->in->desired.frozen)
		set_condition(look, CONDITION_SYNCED, TRUTH_FALSE, "Frozen", look->in->desired.frozen);
	else if (look->aim == AIM_UNKNOWN && look->in->desired.known && look->in->desired.problem)
		set_condition(look, CONDITION_SYNCED, TRUTH_FALSE, "InvalidReference",
		              look->in->desired.problem);
	else if (look->aim == AIM_UNKNOWN)
		set_condition(look, CONDITION_SYNCED, TRUTH_UNKNOWN, "DesiredUnknown",
		              "the declaration could not be read or verified");
	else if (next->phase != PHASE_STEADY)
		set_condition(look, CONDITION_SYNCED, TRUTH_FALSE, phase_names.names[next->phase],
		              progress(look));
	else if (look->aim == AIM_NONE && !has_stable(look))
		set_condition(look, CONDITION_SYNCED, TRUTH_TRUE, "VersionNone",
		              "waits for the first version");
	else if (look->aim == AIM_STABLE && next->weights_seen)
		set_condition(look, CONDITION_SYNCED, TRUTH_TRUE, "Synced",
		              arena_printf(look->arena, "%s as declared", version_of(look, next->stable)));
	else
		set_condition(look, CONDITION_SYNCED, TRUTH_FALSE, "Pending",
		              "what is declared was not read back yet");
}

/* The worst of all: something crashes, does harm, is missing, or would not outlive a restart. */
static void say_healthy(struct look *look)
{
	const struct deployment_status *next = look->next;
	const struct digest revisions[] = {next->stable, next->candidate};

	for (size_t i = 0; i < ARRAY_LEN(revisions); i++)
		if (crash_looping(look, revisions[i])) {
			set_condition(look, CONDITION_HEALTHY, TRUTH_FALSE, "CrashLooping",
			              arena_printf(look->arena, "replicas of %s keep exiting",
			                           version_of(look, revisions[i])));
			return;
		}
	if (next->broken) {
		set_condition(look, CONDITION_HEALTHY, TRUTH_FALSE, "Harmful",
		              "what serves was shown harmful");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(revisions); i++)
		if (ready_replicas(look, revisions[i]) < replicas_needed(look, revisions[i])) {
			set_condition(look, CONDITION_HEALTHY, TRUTH_FALSE, "ReplicasMissing",
			              arena_printf(look->arena, "fewer replicas of %s are ready than needed",
			                           version_of(look, revisions[i])));
			return;
		}
	if (look->in->observed.unsaved) {
		set_condition(look, CONDITION_HEALTHY, TRUTH_FALSE, "RouterUnsaved",
		              look->in->observed.unsaved);
		return;
	}
	set_condition(look, CONDITION_HEALTHY, TRUTH_TRUE, "Healthy", "all needed replicas are ready");
}

static const char *stalled_reason(const struct look *look)
{
	const struct deployment_status *next = look->next;

	if (look->aim == AIM_UNKNOWN && look->in->desired.known && look->in->desired.problem)
		return "InvalidReference";
	if (next->phase == PHASE_STALLED || next->phase == PHASE_ROLLED_BACK)
		return next->reason ? next->reason : "Stalled";
	return NULL;
}

/* What it stalled on, and the branch that a person could merge. */
static const char *stalled_message(const struct look *look)
{
	const struct deployment_status *next = look->next;
	const char *message = next->message ? next->message : "";

	if (look->in->desired.problem)
		return look->in->desired.problem;
	for (size_t i = 0; i < next->n_proposed; i++)
		if (next->proposed[i].outcome == PROPOSAL_WAITING && next->proposed[i].branch)
			return arena_printf(look->arena, "%s; the branch %s waits for its merge", message,
			                    next->proposed[i].branch);
	return message;
}

void conclude(struct look *look)
{
	const struct deployment_status *next = look->next;
	const char *stalled = stalled_reason(look);
	const char *message = next->message ? next->message : "";

	say_ready(look);
	say_synced(look);
	say_healthy(look);
	if (in_flight(next) || next->phase == PHASE_ROLLING_BACK || next->phase == PHASE_RETIRING)
		set_condition(look, CONDITION_RECONCILING, TRUTH_TRUE,
		              next->reason ? next->reason : phase_names.names[next->phase], message);
	else
		clear_condition(look, CONDITION_RECONCILING);
	if (stalled)
		set_condition(look, CONDITION_STALLED, TRUTH_TRUE, stalled,
		              stalled_message(look));
	else
		clear_condition(look, CONDITION_STALLED);
}
