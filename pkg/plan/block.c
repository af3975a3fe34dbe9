/* What keeps a candidate from starting or from its next step: an ordered table, the first counts.
 * Going back is never kept waiting. */
#include "plan/look.h"

#include <string.h>

static const char *held(struct look *look, bool step, const char **reason)
{
	const struct hold_spec *hold = look->spec->hold;
	char until[TIME_TEXT];
	const char *owner, *why;

	(void)step;
	if (!hold || (is_time(hold->until_ms) && look->in->now_ms >= hold->until_ms))
		return NULL;
	*reason = "Hold";
	owner = hold->owner ? hold->owner : "nobody named";
	why = hold->reason ? hold->reason : "no reason given";
	if (!is_time(hold->until_ms))
		return arena_printf(look->arena, "held by %s: %s", owner, why);
	wake_at(look, hold->until_ms);
	format_time(hold->until_ms, until);
	return arena_printf(look->arena, "held until %s by %s: %s", until, owner, why);
}

static const char *window_shut(struct look *look, bool step, const char **reason)
{
	const struct environment *environment = look->in->desired.environment;
	int64_t change_ms = -1;
	char until[TIME_TEXT];

	(void)step;
	if (!environment || !windows_closed(environment->windows, environment->n_windows,
	                                    &look->in->desired.zones, look->in->now_ms, &change_ms))
		return NULL;
	*reason = "Window";
	if (!is_time(change_ms))
		return "a window cannot be read, which counts as closed";
	wake_at(look, change_ms);
	format_time(change_ms, until);
	return arena_printf(look->arena, "a window is closed until %s", until);
}

static const char *policy_broken(struct look *look, bool step, const char **reason)
{
	(void)step;
	if (!look->in->desired.promotions_blocked && look->in->desired.environment)
		return NULL;
	*reason = "PromotionsBlocked";
	return "its Environment, its GatePolicy or the status of its model cannot be read";
}

/* ---- approvals ---- */

#define EVER INT64_MIN /* since then */

static bool has_text(const struct strings *strings, const char *text)
{
	for (size_t i = 0; text && i < strings->n; i++)
		if (strcmp(strings->items[i], text) == 0)
			return true;
	return false;
}

/* Of one of the roles that may approve; anybody where no role is named. */
static bool may_approve(const struct approvals_spec *approvals, const char *by)
{
	if (approvals->by.n == 0)
		return by != NULL;
	for (size_t i = 0; i < approvals->n_roles; i++)
		if (has_text(&approvals->by, approvals->roles[i].name) &&
		    has_text(&approvals->roles[i].members, by))
			return true;
	return false;
}

/* Different people, none of `but`, who approved this revision under today's gate since `since_ms`.
 * */
static int64_t count_approvals_but(struct look *look, int64_t since_ms, const struct strings *but)
{
	const struct desired_deployment *desired = &look->in->desired;
	const struct deployment_status *next = look->next;
	struct digest gate = gate_digest(desired->model, desired->policy, look->arena);
	struct strings people = {arena_array(look->arena, next->n_approvals, const char *), 0};

	for (size_t i = 0; i < next->n_approvals; i++) {
		const struct approval *approval = &next->approvals[i];

		if (!digest_same(approval->revision, next->candidate) ||
		    !digest_same(approval->gate, gate) || approval->at_ms < since_ms ||
		    (is_time(approval->expires_ms) && look->in->now_ms >= approval->expires_ms) ||
		    !may_approve(&desired->environment->approvals, approval->by) ||
		    has_text(&people, approval->by) || has_text(but, approval->by))
			continue;
		people.items[people.n++] = approval->by;
	}
	return (int64_t)people.n;
}

static int64_t count_approvals(struct look *look, int64_t since_ms)
{
	return count_approvals_but(look, since_ms, &(struct strings){0});
}

static int64_t approvals_required(const struct look *look)
{
	const struct desired_deployment *desired = &look->in->desired;
	int64_t required = desired->environment->approvals.required;

	return desired->policy && desired->policy->approvals > required ? desired->policy->approvals
	                                                                : required;
}

/* ---- the gates ---- */

/* People have looked at a verdict that could not tell, and let it pass. A FAIL is let pass by
 * nobody: what is required is changed in Git. */
static bool looked_at(struct look *look, const struct revision *candidate,
                      const struct revision *stable)
{
	const struct desired_deployment *desired = &look->in->desired;
	const struct verdict_record *verdict =
		gate_verdict(candidate, stable, desired->model, desired->policy, desired->model_status,
		             look->arena);
	int64_t required = approvals_required(look) > 1 ? approvals_required(look) : 1;

	return verdict && verdict->result == VERDICT_INCONCLUSIVE &&
	       count_approvals(look, verdict->at_ms) >= required;
}

static const char *gate_open(struct look *look, bool step, const char **reason)
{
	const struct desired_deployment *desired = &look->in->desired;
	const struct revision *candidate = status_revision(look->next, look->next->candidate);
	const struct revision *stable = status_revision(look->next, look->next->stable);
	struct admission admission = gate_admit(candidate, stable, desired->model, desired->policy,
	                                        desired->model_status, look->arena);

	admission.at_ms = look->in->now_ms;
	add_admission(look, admission);
	switch (admission.result) {
	case VERDICT_PASS:
	case VERDICT_NOT_APPLICABLE:
		return NULL;
	case VERDICT_FAIL:
		*reason = step ? "GateChanged" : "GateFailed";
		break;
	case VERDICT_INCONCLUSIVE:
	case VERDICT_RESULTS:
		if (looked_at(look, candidate, stable))
			return NULL;
		*reason = step ? "GateChanged" : "Evaluation";
		break;
	}
	return admission.why;
}

/* Why one more than usual has to agree: a gate that refused the candidate was loosened. */
static const char *loosened(struct look *look)
{
	const struct desired_deployment *desired = &look->in->desired;
	const struct revision *candidate = status_revision(look->next, look->next->candidate);

	if (!candidate || !desired->model)
		return NULL;
	return gate_loosened(subject_digest(candidate->artifact.digest, &candidate->serve,
	                                    &desired->model->interface),
	                     desired->model, desired->policy, desired->model_status, look->arena);
}

static const char *unapproved(struct look *look, bool step, const char **reason)
{
	const struct desired_deployment *desired = &look->in->desired;
	const char *looser = loosened(look);
	int64_t required = approvals_required(look) + (looser ? 1 : 0);

	(void)step;
	*reason = "Approval";
	if (count_approvals(look, EVER) >= required) {
		if (!looser)
			return NULL;
		if (desired->authors_unknown)
			return arena_printf(look->arena, "%s was %s; its approval does not count before it is "
			                    "known who wrote that change: %s",
			                    version_of(look, look->next->candidate), looser,
			                    desired->authors_unknown);
		if (count_approvals_but(look, EVER, &desired->authors) > 0)
			return NULL;
		return arena_printf(look->arena, "%s was %s; somebody has to approve it who did not write "
		                    "that change", version_of(look, look->next->candidate), looser);
	}
	return arena_printf(look->arena, "%lld approval%s of %s needed%s%s", (long long)required,
	                    required == 1 ? "" : "s", version_of(look, look->next->candidate),
	                    looser ? ", one of them because it was " : "", looser ? looser : "");
}

static bool step_needs_approval(const struct look *look)
{
	const struct rollout_spec *rollout = &look->spec->rollout;
	size_t i = (size_t)(look->next->step + 1);

	if (!has_stable(look) || stable_broken(look) || is_exclusive(look))
		return false;
	return environment_level(look->in->desired.environment, AUTOMATED_STEP) != LEVEL_AUTO ||
	       (i < rollout->n_steps && rollout->steps[i].approval);
}

static const char *step_unapproved(struct look *look, bool step, const char **reason)
{
	/* the first step takes the rollout's approvals, a later one those since the step before */
	int64_t since_ms = look->next->step < 0 ? EVER : look->next->phase_since_ms;
	int64_t required = approvals_required(look) > 1 ? approvals_required(look) : 1;

	if (!step || !step_needs_approval(look) || count_approvals(look, since_ms) >= required)
		return NULL;
	*reason = "StepApproval";
	return arena_printf(look->arena, "the step of %s to %s needs %lld approval%s",
	                    version_of(look, look->next->candidate),
	                    percent(look->arena, next_weight(look)), (long long)required,
	                    required == 1 ? "" : "s");
}

static const char *(*const blockers[])(struct look *, bool, const char **) = {
	policy_broken, /* first: the others read the Environment */
	held,
	window_shut,
	gate_open,
	unapproved,
	step_unapproved,
};

const char *find_blocker(struct look *look, bool step, const char **reason)
{
	*reason = NULL;
	if (look->next->going_back)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(blockers); i++) {
		const char *message = blockers[i](look, step, reason);

		if (message)
			return message;
	}
	return NULL;
}
