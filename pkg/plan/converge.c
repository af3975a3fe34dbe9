/* The world is made like the history: weights, then replicas. What a look finds done is not done
 * again, so that a crash between recording and doing costs nothing. */
#include "plan/look.h"

#include <string.h>

static struct action *add_action(struct look *look, enum action_kind kind, struct digest revision,
                                 const char *why)
{
	struct action *action = list_push(look->arena, &look->plan->actions, &look->plan->n_actions);

	action->kind = kind;
	action->revision = revision;
	action->spec = status_revision(look->next, revision);
	action->drain_ms = look->next->drain_ms;
	action->why = why;
	return action;
}

/* ---- weights ---- */

struct shares {
	double stable, candidate;
};

/* The router rounds shares to its own weights, but never one to 0. */
static bool share_same(double live, double wanted)
{
	return (live > 0) == (wanted > 0) && fabs(live - wanted) <= 0.006;
}

static double share_of(const struct look *look, struct shares shares, struct digest revision)
{
	if (digest_same(revision, look->next->stable))
		return shares.stable;
	return digest_same(revision, look->next->candidate) ? shares.candidate : 0;
}

static bool shares_live(const struct look *look, struct shares shares)
{
	const struct observed *observed = &look->in->observed;
	const struct deployment_status *next = look->next;

	for (size_t i = 0; i < observed->n_weights; i++)
		if (!share_same(observed->weights[i].weight,
		                share_of(look, shares, observed->weights[i].revision)))
			return false;
	return share_same(has_stable(look) ? live_weight(look, next->stable) : 0, shares.stable) &&
	       share_same(has_candidate(look) ? live_weight(look, next->candidate) : 0,
	                  shares.candidate);
}

bool weights_live(const struct look *look)
{
	const struct deployment_status *next = look->next;

	return next->weights_seen &&
	       shares_live(look, (struct shares){next->stable_weight, next->candidate_weight});
}

static bool router_same(const struct look *look)
{
	const char *live = look->in->observed.router, *recorded = look->next->router;

	return live && recorded && strcmp(live, recorded) == 0;
}

/* All wanted replicas of the candidate take part, so that a lower weight is nobody's death. */
static bool candidate_whole(const struct look *look)
{
	const struct observed *observed = &look->in->observed;
	struct digest candidate = look->next->candidate;

	for (size_t i = 0; i < observed->n_replicas; i++) {
		const struct replica *replica = &observed->replicas[i];

		if (digest_same(replica->revision, candidate) &&
		    (replica->state != REPLICA_READY || !replica->in_rotation))
			return false;
	}
	return ready_replicas(look, candidate) > 0 && ready_replicas(look, look->next->stable) > 0;
}

/* Somebody turned a canary down by hand: that is kept until the next step. */
static bool turned_down(const struct look *look)
{
	const struct deployment_status *next = look->next;
	double live = live_weight(look, next->candidate);

	return next->weights_seen && router_same(look) && next->phase == PHASE_CANARY &&
	       live < next->candidate_weight && !share_same(live, next->candidate_weight) &&
	       candidate_whole(look) &&
	       share_same(live_weight(look, next->stable), 1 - live);
}

void read_back(struct look *look)
{
	struct deployment_status *next = look->next;
	struct shares record = {next->stable_weight, next->candidate_weight};

	if (turned_down(look)) {
		double live = live_weight(look, next->candidate);

		note(look, arena_printf(look->arena, "canary %s -> %s by hand (%s)",
		                        percent(look->arena, next->candidate_weight),
		                        percent(look->arena, live), version_of(look, next->candidate)),
		     "found lower in the same router; kept until the next step");
		set_weights(look, 1 - live, live);
		next->weights_seen = true;
	} else if (shares_live(look, record) && look->in->observed.router) {
		next->weights_seen = true;
		if (!router_same(look))
			next->router = look->in->observed.router;
	} else if (!router_same(look)) {
		next->weights_seen = false; /* a new router process gets everything again */
	}
}

/* The shares that serve now: those of record, but never on a revision without a ready replica
 * while another that was admitted to traffic has one. */
static struct shares effective_shares(const struct look *look)
{
	const struct deployment_status *next = look->next;
	struct shares shares = {next->stable_weight, next->candidate_weight};
	bool stable = ready_replicas(look, next->stable) > 0;
	bool candidate = ready_replicas(look, next->candidate) > 0;

	if (is_exclusive(look))
		return shares;
	if (shares.candidate > 0 && !candidate && stable)
		return (struct shares){1, 0};
	if (shares.stable > 0 && !stable && candidate && next->durable_weight > 0)
		return (struct shares){0, 1};
	return shares;
}

static bool ready_outside_rotation(const struct look *look, struct shares shares)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_replicas; i++) {
		const struct replica *replica = &observed->replicas[i];

		if (replica->state == REPLICA_READY && !replica->in_rotation &&
		    share_of(look, shares, replica->revision) > 0)
			return true;
	}
	return false;
}

/* Is there anybody to give the traffic to, or is all of it meant to end? */
static bool can_set(const struct look *look, struct shares shares)
{
	const struct deployment_status *next = look->next;

	if (shares.stable <= 0 && shares.candidate <= 0)
		return has_stable(look); /* Retiring, recreate */
	return ready_replicas(look, next->stable) > 0 ||
	       (shares.candidate > 0 && ready_replicas(look, next->candidate) > 0) ||
	       is_exclusive(look);
}

static const char *weights_why(const struct look *look, struct shares shares)
{
	const struct deployment_status *next = look->next;

	if (shares.stable != next->stable_weight)
		return shares.stable > 0 ? "the candidate has no ready replica"
		                         : "the stable revision has no ready replica";
	if (!next->weights_seen)
		return "the weights of record";
	return "the live weights differ from those of record";
}

static void push_share(struct look *look, struct action *action, struct digest revision,
                       double weight)
{
	if (revision.hex[0])
		*list_push(look->arena, &action->weights, &action->n_weights) =
			(struct revision_weight){revision, weight};
}

/* No more than the record says already. Without a ready stable replica any candidate that was
 * admitted to traffic is better than nobody. */
static bool is_recorded(const struct look *look, const struct revision_weight *share)
{
	const struct deployment_status *record = &look->in->history;

	if (share->weight <= 0 || digest_same(share->revision, record->stable))
		return true;
	return digest_same(share->revision, record->candidate) && record->durable_weight > 0 &&
	       (share->weight <= record->candidate_weight + ROUNDING ||
	        ready_replicas(look, record->stable) == 0);
}

/* That may be done before anything is recorded: with a full disk, too, traffic goes back, and comes
 * back to where it was. Weights that leave out the stable revision of record are new. */
static bool only_reduces(const struct look *look, const struct action *action)
{
	const struct deployment_status *record = &look->in->history;
	bool named = !record->stable.hex[0];

	for (size_t i = 0; i < action->n_weights; i++) {
		if (!is_recorded(look, &action->weights[i]))
			return false;
		named = named || digest_same(action->weights[i].revision, record->stable);
	}
	return named;
}

static void converge_weights(struct look *look)
{
	struct deployment_status *next = look->next;
	struct shares shares = effective_shares(look);
	bool substituted = shares.stable != next->stable_weight;
	bool differ = !shares_live(look, shares) || ready_outside_rotation(look, shares);
	struct action *action;

	if (differ && can_set(look, shares)) {
		action = add_action(look, ACTION_SET_WEIGHTS, (struct digest){0},
		                    weights_why(look, shares));
		action->spec = NULL;
		push_share(look, action, next->stable, shares.stable);
		push_share(look, action, next->candidate, shares.candidate);
		action->reduces = only_reduces(look, action);
	}
	if (substituted)
		next->weights_seen = false;
}

/* ---- what must be on this machine ---- */

static bool is_prepared(const struct look *look, struct digest revision)
{
	const struct observed *observed = &look->in->observed;
	const struct work *work = find_work(observed->prepared, observed->n_prepared, revision);

	return work && work->state == WORK_DONE;
}

/* Work that failed is done over: at once when it failed before this rollout, else after a while. */
static bool work_due(const struct look *look, const struct work *work)
{
	int64_t retry_ms;

	if (!work)
		return true;
	if (work->state != WORK_FAILED)
		return false;
	if (has_candidate(look) && digest_same(work->revision, look->next->candidate) &&
	    work->since_ms < look->next->rollout_since_ms)
		return true;
	retry_ms = work->since_ms + (work->retryable ? PREPARE_RETRY_MS : CRASH_LOOP_BACKOFF_MS);
	return look->in->now_ms >= retry_ms;
}

static void prepare(struct look *look, struct digest revision, const char *why)
{
	const struct observed *observed = &look->in->observed;
	const struct work *work = find_work(observed->prepared, observed->n_prepared, revision);

	wake_in(look, SECOND_MS);
	if (work_due(look, work))
		add_action(look, ACTION_PREPARE, revision, why);
}

static void converge_candidate_work(struct look *look)
{
	const struct observed *observed = &look->in->observed;
	struct digest candidate = look->next->candidate;
	enum phase phase = look->next->phase;
	const struct work *checked;

	if ((phase == PHASE_VERIFYING || phase == PHASE_WAITING) && !is_prepared(look, candidate))
		prepare(look, candidate, "the candidate's artifact is fetched and its digest verified");
	if (phase != PHASE_CHECKING ||
	    ready_replicas(look, candidate) < replicas_wanted(look, candidate))
		return;
	checked = find_work(observed->checked, observed->n_checked, candidate);
	if (work_due(look, checked))
		add_action(look, ACTION_CHECK, candidate, "checked before any traffic");
}

/* ---- replicas ---- */

static const struct replica *find_replica(const struct look *look, struct digest revision, int slot)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_replicas; i++)
		if (observed->replicas[i].state != REPLICA_ABSENT && observed->replicas[i].slot == slot &&
		    digest_same(observed->replicas[i].revision, revision))
			return &observed->replicas[i];
	return NULL;
}

/* Asked to be replaced by `restart`. */
static bool is_old(const struct look *look, const struct replica *replica)
{
	return is_time(look->next->restart_ms) && replica->started_ms < look->next->restart_ms;
}

static bool has_old(const struct look *look, struct digest revision)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_replicas; i++)
		if (observed->replicas[i].state != REPLICA_ABSENT &&
		    digest_same(observed->replicas[i].revision, revision) &&
		    is_old(look, &observed->replicas[i]))
			return true;
	return false;
}

/* Slots that should run now: during a restart one more, so that none is missed. */
static int64_t slots_wanted(const struct look *look, struct digest revision)
{
	int64_t n = replicas_wanted(look, revision);

	return n > 0 && has_old(look, revision) ? n + 1 : n;
}

static bool others_run(const struct look *look, struct digest revision)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_replicas; i++)
		if (observed->replicas[i].state != REPLICA_ABSENT &&
		    !digest_same(observed->replicas[i].revision, revision))
			return true;
	return false;
}

static bool may_start(struct look *look, const struct replica *replica)
{
	if (!replica)
		return true;
	if (replica->state != REPLICA_EXITED)
		return false;
	if (replica->restarts < CRASH_LOOP_EXITS || replica->age_ms >= CRASH_LOOP_BACKOFF_MS)
		return true;
	wake_in(look, CRASH_LOOP_BACKOFF_MS - replica->age_ms);
	return false;
}

static void start_missing(struct look *look, struct digest revision)
{
	int64_t n = slots_wanted(look, revision);
	bool waits = is_exclusive(look) && others_run(look, revision);

	for (int slot = 0; slot < n; slot++) {
		const struct replica *replica = find_replica(look, revision, slot);
		struct action *action;

		if (replica && replica->state == REPLICA_READY)
			continue;
		wake_in(look, SECOND_MS);
		if (waits || !may_start(look, replica))
			continue;
		if (!is_prepared(look, revision)) {
			prepare(look, revision, "needed to start a replica");
			return;
		}
		action = add_action(look, ACTION_START_REPLICA, revision,
		                    replica ? "it exited" : "a replica is missing");
		action->slot = slot;
		action->reduces = digest_same(revision, look->in->history.stable);
	}
}

static int ready_below(const struct look *look, struct digest revision, int64_t n)
{
	int ready = 0;

	for (int slot = 0; slot < n; slot++) {
		const struct replica *replica = find_replica(look, revision, slot);

		ready += replica && replica->state == REPLICA_READY;
	}
	return ready;
}

/* The first old replica of a revision goes when it and all others, and one more, are ready. */
static bool is_next_to_restart(const struct look *look, const struct replica *replica)
{
	int64_t n = slots_wanted(look, replica->revision);

	if (!is_old(look, replica) || ready_below(look, replica->revision, n) < n)
		return false;
	for (int slot = 0; slot < replica->slot; slot++) {
		const struct replica *before = find_replica(look, replica->revision, slot);

		if (before && is_old(look, before))
			return false;
	}
	return true;
}

/* By what was seen, by what is wanted, or by an intent of record that no look has shown yet: the
 * router may have it though this look, being older, does not. */
static bool may_carry_weight(const struct look *look, struct digest revision)
{
	const struct deployment_status *record = &look->in->history;

	if (live_weight(look, revision) > 0 || share_of(look, effective_shares(look), revision) > 0)
		return true;
	return record->candidate_weight > 0 && digest_same(revision, record->candidate);
}

/* Why a replica has to go, or NULL. */
static const char *stop_why(const struct look *look, const struct replica *replica)
{
	struct digest revision = replica->revision;
	int64_t n = slots_wanted(look, revision);
	bool stopped_by_git = look->in->desired.known || status_quarantined(look->next, revision);

	if (replica->state == REPLICA_ABSENT || replica->state == REPLICA_DRAINING)
		return NULL;
	if (replica->slot < n)
		return start_hangs(look, replica) ? "it was not ready within startTimeout"
		       : is_next_to_restart(look, replica) ? "a restart was asked for" : NULL;
	if (!stopped_by_git)
		return NULL;
	if (n > 0)
		return ready_below(look, revision, n) >= n ? "more replicas run than are declared" : NULL;
	return may_carry_weight(look, revision) ? NULL : "the revision is not needed any more";
}

static void stop_unwanted(struct look *look)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_replicas; i++) {
		const struct replica *replica = &observed->replicas[i];
		const char *why = stop_why(look, replica);

		if (!why) {
			if (replica->state == REPLICA_DRAINING)
				wake_in(look, SECOND_MS);
			continue;
		}
		wake_in(look, SECOND_MS);
		add_action(look, ACTION_STOP_REPLICA, replica->revision, why)->slot = replica->slot;
	}
}

static void drop_retired(struct look *look)
{
	const struct observed *observed = &look->in->observed;

	if (is_leaving(look) && observed->n_replicas == 0 && observed->n_weights > 0)
		add_action(look, ACTION_DROP, (struct digest){0}, "retired")->spec = NULL;
}

/* Something is expected to change by the next second: a phase ends, weights are to be read back. */
static bool is_under_way(const struct look *look)
{
	const struct deployment_status *next = look->next;

	return (in_flight(next) && next->phase != PHASE_WAITING) || next->phase == PHASE_ROLLING_BACK ||
	       is_leaving(look) || (has_stable(look) && !next->weights_seen);
}

void converge(struct look *look)
{
	struct deployment_status *next = look->next;

	if (is_under_way(look))
		wake_in(look, SECOND_MS);
	else if (has_stable(look) || look->in->observed.n_weights > 0 || !look->in->desired.known)
		wake_in(look, IDLE_LOOK_MS); /* a replica that is nobody's is stopped, and looked after */
	converge_weights(look);
	converge_candidate_work(look);
	if (has_stable(look))
		start_missing(look, next->stable);
	if (has_candidate(look))
		start_missing(look, next->candidate);
	stop_unwanted(look);
	drop_retired(look);
	if (!has_old(look, next->stable) && !has_old(look, next->candidate))
		next->restart_ms = -1;
}
