/* How the history grows. Lists are never changed in place: the input's history stays as it was. */
#include "plan/look.h"

#include <string.h>

#define prepend(look, list, item, max) list_prepend((look)->arena, (look)->next, list, item, max)

void begin_history(struct look *look)
{
	struct deployment_status *next = look->next;

	if (next->phase_since_ms)
		return;
	next->phase = PHASE_STEADY;
	next->phase_since_ms = look->in->now_ms;
	next->step = -1;
	next->keep_until_ms = next->rollout_since_ms = next->restart_ms = next->down_since_ms = -1;
}

void enter(struct look *look, enum phase phase, const char *reason, const char *message)
{
	look->next->phase = phase;
	look->next->phase_since_ms = look->in->now_ms;
	look->moved = true;
	say(look, reason, message);
	wake_in(look, 0);
}

void say(struct look *look, const char *reason, const char *message)
{
	look->next->reason = reason;
	look->next->message = message;
}

void note(struct look *look, const char *what, const char *why)
{
	struct transition transition = {look->in->now_ms, what, why};

	prepend(look, history, transition, (size_t)LIMIT_HISTORY);
}

void set_weights(struct look *look, double stable, double candidate)
{
	struct deployment_status *next = look->next;

	if (next->stable_weight != stable || next->candidate_weight != candidate)
		next->weights_seen = false;
	next->stable_weight = stable;
	next->candidate_weight = candidate;
}

void stable_serves_all(struct look *look)
{
	set_weights(look, has_stable(look) ? 1 : 0, 0);
}

static void add_revision(struct look *look, const struct revision *revision)
{
	if (!status_revision(look->next, revision->digest))
		prepend(look, revisions, *revision, (size_t)RECORDS_MAX);
}

void take_up(struct look *look, const struct revision *revision, bool going_back)
{
	struct deployment_status *next = look->next;

	add_revision(look, revision);
	next->candidate = revision->digest;
	next->going_back = going_back;
	next->rollout_since_ms = look->in->now_ms;
	enter(look, PHASE_VERIFYING, "Verifying",
	      arena_printf(look->arena, "%s is verified before anything of it runs",
	                   version_of(look, revision->digest)));
}

void drop_candidate(struct look *look)
{
	struct deployment_status *next = look->next;

	next->candidate = (struct digest){0};
	next->step = -1;
	next->durable_weight = 0;
	next->going_back = false;
	next->keep_until_ms = next->rollout_since_ms = -1;
	next->rollout_spec = (struct digest){0};
	next->stable_reference = (struct arm){0};
	stable_serves_all(look);
}

static void forget_promoted(struct look *look, struct digest revision)
{
	struct deployment_status *next = look->next;
	struct promoted *kept = arena_array(look->arena, next->n_promoted + 1, struct promoted);
	size_t n = 0;

	for (size_t i = 0; i < next->n_promoted; i++)
		if (!digest_same(next->promoted[i].revision, revision))
			kept[n++] = next->promoted[i];
	next->promoted = kept;
	next->n_promoted = n;
}

void make_stable(struct look *look)
{
	struct deployment_status *next = look->next;
	const struct revision *revision = status_revision(next, next->candidate);
	bool seen = next->weights_seen && next->candidate_weight >= 1;
	struct promoted promoted = {
		.revision = next->candidate,
		.version = version_of(look, next->candidate),
		.commit = revision ? revision->commit : NULL,
		.at_ms = look->in->now_ms,
	};

	forget_promoted(look, next->candidate);
	prepend(look, promoted, promoted, (size_t)RECORDS_MAX);
	next->stable = next->candidate;
	next->broken = false;
	next->down_since_ms = -1;
	drop_candidate(look);
	next->weights_seen = seen; /* the same traffic under another name */
}

void quarantine(struct look *look, struct digest revision, const char *reason)
{
	const struct revision *known = status_revision(look->next, revision);
	struct quarantined entry = {
		.revision = revision,
		.version = version_of(look, revision),
		.reason = reason,
		.commit = known ? known->commit : look->in->desired.commit,
		.at_ms = look->in->now_ms,
	};

	if (!status_quarantined(look->next, revision))
		prepend(look, quarantine, entry, (size_t)RECORDS_MAX);
}

void release(struct look *look, struct digest revision)
{
	struct deployment_status *next = look->next;
	struct quarantined *kept;
	size_t n = 0;

	if (!status_quarantined(next, revision))
		return;
	kept = arena_array(look->arena, next->n_quarantine, struct quarantined);
	for (size_t i = 0; i < next->n_quarantine; i++)
		if (!digest_same(next->quarantine[i].revision, revision))
			kept[n++] = next->quarantine[i];
	next->quarantine = kept;
	next->n_quarantine = n;
}

void add_approval(struct look *look, struct approval approval)
{
	prepend(look, approvals, approval, (size_t)RECORDS_MAX);
}

void add_admission(struct look *look, struct admission admission)
{
	const struct deployment_status *next = look->next;

	for (size_t i = 0; i < next->n_admitted; i++)
		if (digest_same(next->admitted[i].revision, admission.revision)) {
			if (next->admitted[i].result == admission.result)
				return;
			break;
		}
	prepend(look, admitted, admission, (size_t)RECORDS_MAX);
}

void add_proposal(struct look *look, struct proposal proposal)
{
	for (size_t i = 0; i < look->next->n_proposed; i++)
		if (digest_same(look->next->proposed[i].digest, proposal.digest))
			return;
	prepend(look, proposed, proposal, (size_t)RECORDS_MAX);
}

void set_branch(struct look *look, size_t i, const char *branch)
{
	struct deployment_status *next = look->next;

	if (text_same(next->proposed[i].branch, branch))
		return;
	next->proposed = arena_memdup(look->arena, next->proposed,
	                              next->n_proposed * sizeof(*next->proposed));
	next->proposed[i].branch = branch;
}

void set_outcome(struct look *look, size_t i, enum proposal_state outcome, const char *why)
{
	struct deployment_status *next = look->next;

	next->proposed = arena_memdup(look->arena, next->proposed,
	                              next->n_proposed * sizeof(*next->proposed));
	next->proposed[i].outcome = outcome;
	next->proposed[i].why = why;
}

static bool is_named(const struct deployment_status *status, struct digest revision)
{
	if (digest_same(status->stable, revision) || digest_same(status->candidate, revision))
		return true;
	for (size_t i = 0; i < status->n_promoted; i++)
		if (digest_same(status->promoted[i].revision, revision))
			return true;
	return false;
}

/* Revisions are kept whole only while something may still start or go back to them. */
static void collect_revisions(struct look *look)
{
	struct deployment_status *next = look->next;
	struct revision *kept = arena_array(look->arena, next->n_revisions, struct revision);
	size_t n = 0;

	for (size_t i = 0; i < next->n_revisions; i++)
		if (is_named(next, next->revisions[i].digest))
			kept[n++] = next->revisions[i];
	if (n == next->n_revisions)
		return;
	next->revisions = kept;
	next->n_revisions = n;
}

static void collect_admissions(struct look *look)
{
	struct deployment_status *next = look->next;
	struct admission *kept = arena_array(look->arena, next->n_admitted, struct admission);
	size_t n = 0;

	for (size_t i = 0; i < next->n_admitted; i++)
		if (is_named(next, next->admitted[i].revision))
			kept[n++] = next->admitted[i];
	if (n == next->n_admitted)
		return;
	next->admitted = kept;
	next->n_admitted = n;
}

void collect_garbage(struct look *look)
{
	struct deployment_status *next = look->next;
	int64_t window = look->spec ? look->spec->rollout.rollback_window : (int64_t)next->n_promoted;
	size_t keep = (size_t)(window < PROMOTED_KEPT_MIN ? PROMOTED_KEPT_MIN : window);

	if (next->n_promoted > keep)
		next->n_promoted = keep;
	collect_revisions(look);
	collect_admissions(look);
}

static bool hex_same(struct digest a, struct digest b)
{
	return strcmp(a.hex, b.hex) == 0;
}

/* Lists are copied when they change, so that the same pointer and length are the same list. */
static bool lists_differ(const struct deployment_status *a, const struct deployment_status *b)
{
#define differs(list) (a->list != b->list || a->n_##list != b->n_##list)
	return differs(revisions) || differs(promoted) || differs(quarantine) ||
	       differs(proposed) || differs(approvals) || differs(admitted) || differs(history);
#undef differs
}

static bool rollout_differs(const struct deployment_status *a, const struct deployment_status *b)
{
	return a->phase != b->phase || a->phase_since_ms != b->phase_since_ms ||
	       a->step != b->step || a->durable_weight != b->durable_weight ||
	       a->stable_weight != b->stable_weight || a->candidate_weight != b->candidate_weight ||
	       a->weights_seen != b->weights_seen || a->going_back != b->going_back ||
	       a->keep_until_ms != b->keep_until_ms || a->rollout_since_ms != b->rollout_since_ms ||
	       a->restart_ms != b->restart_ms || a->broken != b->broken ||
	       a->down_since_ms != b->down_since_ms || a->replicas != b->replicas ||
	       a->drain_ms != b->drain_ms || a->keep_previous_ms != b->keep_previous_ms ||
	       !hex_same(a->stable, b->stable) || !hex_same(a->candidate, b->candidate) ||
	       !hex_same(a->rollout_spec, b->rollout_spec);
}

bool history_differs(const struct deployment_status *a, const struct deployment_status *b)
{
	return rollout_differs(a, b) || lists_differ(a, b) ||
	       conditions_differ(a->conditions, a->has_condition, b->conditions, b->has_condition) ||
	       !text_same(a->router, b->router) || !text_same(a->reason, b->reason) ||
	       !text_same(a->message, b->message) ||
	       !text_same(a->observed_commit, b->observed_commit) ||
	       !text_same(a->observed_manifest, b->observed_manifest);
}
