/* What one look sees, in the planner's terms. */
#include "plan/look.h"

#include <string.h>

bool has_stable(const struct look *look)
{
	return look->next->stable.hex[0] != '\0';
}

bool has_candidate(const struct look *look)
{
	return look->next->candidate.hex[0] != '\0';
}

static int count_replicas(const struct look *look, struct digest revision, bool only_ready)
{
	const struct observed *observed = &look->in->observed;
	int n = 0;

	for (size_t i = 0; i < observed->n_replicas; i++) {
		const struct replica *replica = &observed->replicas[i];

		if (replica->state != REPLICA_ABSENT && digest_same(replica->revision, revision) &&
		    (!only_ready || replica->state == REPLICA_READY))
			n++;
	}
	return n;
}

int ready_replicas(const struct look *look, struct digest revision)
{
	return count_replicas(look, revision, true);
}

int live_replicas(const struct look *look, struct digest revision)
{
	return count_replicas(look, revision, false);
}

double live_weight(const struct look *look, struct digest revision)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_weights; i++)
		if (digest_same(observed->weights[i].revision, revision))
			return observed->weights[i].weight;
	return 0;
}

bool crash_looping(const struct look *look, struct digest revision)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_replicas; i++) {
		const struct replica *replica = &observed->replicas[i];

		if (replica->state == REPLICA_EXITED && replica->restarts >= CRASH_LOOP_EXITS &&
		    digest_same(replica->revision, revision))
			return true;
	}
	return false;
}

const struct work *find_work(const struct work *work, size_t n, struct digest revision)
{
	for (size_t i = 0; i < n; i++)
		if (work[i].state != WORK_NONE && digest_same(work[i].revision, revision))
			return &work[i];
	return NULL;
}

bool stable_broken(const struct look *look)
{
	const struct deployment_status *next = look->next;
	int64_t patience = look->spec ? look->spec->start_timeout_ms : MINUTE_MS;

	if (next->broken)
		return true;
	if (ready_replicas(look, next->stable) > 0 || is_exclusive(look))
		return false;
	return crash_looping(look, next->stable) ||
	       (is_time(next->down_since_ms) && look->in->now_ms - next->down_since_ms > patience);
}

enum aim find_aim(const struct look *look)
{
	const struct desired_deployment *desired = &look->in->desired;
	const struct deployment_status *next = look->next;

	if (!desired->known)
		return AIM_UNKNOWN;
	if (desired->absent)
		return AIM_ABSENT;
	if (!desired->deployment || desired->problem)
		return AIM_UNKNOWN;
	if (!desired->deployment->version)
		return AIM_NONE;
	if (!look->want.digest.hex[0])
		return AIM_UNKNOWN;
	if (status_quarantined(next, look->want.digest))
		return AIM_QUARANTINED;
	if (digest_same(next->candidate, look->want.digest))
		return AIM_CANDIDATE;
	return digest_same(next->stable, look->want.digest) ? AIM_STABLE : AIM_NEW;
}

bool is_exclusive(const struct look *look)
{
	if (!look->spec || look->spec->rollout.strategy != STRATEGY_RECREATE || !has_stable(look))
		return false;
	switch (look->next->phase) {
	case PHASE_PROVISIONING:
	case PHASE_CHECKING:
	case PHASE_PROMOTING:
	case PHASE_ROLLING_BACK:
		return true;
	case PHASE_STEADY:
	case PHASE_VERIFYING:
	case PHASE_WAITING:
	case PHASE_CANARY:
	case PHASE_ROLLED_BACK:
	case PHASE_RETIRING:
	case PHASE_STALLED:
	case PHASES:
		break;
	}
	return false;
}

double next_weight(const struct look *look)
{
	const struct deployment_status *next = look->next;
	const struct rollout_spec *rollout = look->spec ? &look->spec->rollout : NULL;
	size_t i = (size_t)(next->step + 1);

	if (!rollout || next->going_back || !has_stable(look) || is_exclusive(look) ||
	    i >= rollout->n_steps)
		return 1;
	return rollout->steps[i].weight;
}

static int64_t replicas_for(const struct look *look, double weight)
{
	return (int64_t)fmax(1, ceil((double)look->next->replicas * weight - ROUNDING));
}

static int64_t candidate_wanted(const struct look *look)
{
	switch (look->next->phase) {
	case PHASE_PROVISIONING:
	case PHASE_CHECKING:
	case PHASE_CANARY: /* one step ahead, so that a step is a weight change and nothing else */
		return replicas_for(look, next_weight(look));
	case PHASE_PROMOTING:
		return look->next->replicas;
	case PHASE_STEADY:
	case PHASE_VERIFYING:
	case PHASE_WAITING:
	case PHASE_ROLLING_BACK:
	case PHASE_ROLLED_BACK:
	case PHASE_RETIRING:
	case PHASE_STALLED:
	case PHASES:
		break;
	}
	return 0;
}

bool start_hangs(const struct look *look, const struct replica *replica)
{
	int64_t timeout_ms = look->spec ? look->spec->start_timeout_ms : 10 * MINUTE_MS;

	return replica->state == REPLICA_STARTING && replica->age_ms > timeout_ms;
}

bool is_leaving(const struct look *look)
{
	return look->next->phase == PHASE_RETIRING && look->next->stable_weight <= 0;
}

static int64_t stable_wanted(const struct look *look)
{
	const struct deployment_status *next = look->next;

	if (is_leaving(look))
		return 0;
	if (is_exclusive(look) && next->phase != PHASE_ROLLING_BACK)
		return 0;
	return next->replicas;
}

int64_t replicas_wanted(const struct look *look, struct digest revision)
{
	if (digest_same(revision, look->next->stable))
		return stable_wanted(look);
	return digest_same(revision, look->next->candidate) ? candidate_wanted(look) : 0;
}

int64_t replicas_needed(const struct look *look, struct digest revision)
{
	const struct deployment_status *next = look->next;

	if (!digest_same(revision, next->candidate))
		return replicas_wanted(look, revision);
	return next->candidate_weight > 0 ? replicas_for(look, next->candidate_weight) : 0;
}

const char *version_of(const struct look *look, struct digest revision)
{
	const struct revision *known = status_revision(look->next, revision);
	char shown[REVISION_SHORT + 1];

	if (known && known->version)
		return known->version;
	revision_short(revision, shown);
	return arena_strdup(look->arena, shown);
}

const char *key_of(const struct look *look)
{
	return arena_printf(look->arena, "%s/%s", look->next->environment, look->next->name);
}

void wake_at(struct look *look, int64_t at_ms)
{
	plan_wake(look->plan, at_ms, look->in->now_ms);
}
