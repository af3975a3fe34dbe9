/* The rollout cycle: one phase at a time, one step up at most a look (LIFECYCLE.md). */
#include "plan/look.h"

#include <string.h>

bool in_flight(const struct deployment_status *status)
{
	switch (status->phase) {
	case PHASE_VERIFYING:
	case PHASE_WAITING:
	case PHASE_PROVISIONING:
	case PHASE_CHECKING:
	case PHASE_CANARY:
	case PHASE_PROMOTING:
		return true;
	case PHASE_STEADY:
	case PHASE_ROLLING_BACK:
	case PHASE_ROLLED_BACK:
	case PHASE_RETIRING:
	case PHASE_STALLED:
	case PHASES:
		break;
	}
	return false;
}

/* ---- what the declaration asks for ---- */

struct revision desired_revision(const struct desired_deployment *desired, struct arena *arena)
{
	const struct deployment *deployment = desired->deployment;
	struct revision revision = {0};

	if (!desired->known || desired->absent || !deployment || !desired->version)
		return revision;
	revision = (struct revision){
		.model = deployment->model,
		.version = desired->version->version,
		.artifact = desired->version->artifact,
		.serve = desired->version->serve,
		.env = arena_array(arena, deployment->n_env, struct env_var),
		.n_env = deployment->n_env,
		.cpu_millis = deployment->cpu_millis,
		.memory_bytes = deployment->memory_bytes,
		.commit = desired->commit,
	};
	if (deployment->n_env)
		memcpy(revision.env, deployment->env, deployment->n_env * sizeof(*revision.env));
	revision_seal(&revision);
	return revision;
}

/* A revision promoted here among the last `rollbackWindow`: it may come back at once. */
static bool was_promoted(const struct look *look, struct digest revision)
{
	const struct deployment_status *next = look->next;
	size_t window = (size_t)look->spec->rollout.rollback_window;

	for (size_t i = 0; i < next->n_promoted && i < window; i++)
		if (digest_same(next->promoted[i].revision, revision))
			return true;
	return false;
}

/* The candidate of Promoting carries everything: unless it died, it becomes the stable one before
 * something newer replaces it. */
static void settle(struct look *look, const char *why)
{
	struct deployment_status *next = look->next;
	bool carries = next->candidate_weight >= 1;

	if (has_candidate(look) && carries &&
	    (!has_stable(look) || ready_replicas(look, next->candidate) > 0)) {
		note(look, arena_printf(look->arena, "promoted early (%s)",
		                        version_of(look, next->candidate)), why);
		make_stable(look);
	} else if (has_candidate(look)) {
		note(look, arena_printf(look->arena, "withdrawn (%s)",
		                        version_of(look, next->candidate)), why);
		drop_candidate(look);
	}
}

static void retire(struct look *look, const char *reason, const char *why)
{
	settle(look, why);
	if (!has_stable(look) && look->aim == AIM_NONE) {
		if (look->next->phase != PHASE_STEADY)
			enter(look, PHASE_STEADY, NULL, NULL);
		return;
	}
	look->next->keep_until_ms = look->in->now_ms + look->next->keep_previous_ms;
	note(look, "retiring", why);
	enter(look, PHASE_RETIRING, reason, why);
}

static void follow_stable(struct look *look)
{
	struct deployment_status *next = look->next;

	switch (next->phase) {
	case PHASE_STEADY:
		return;
	case PHASE_STALLED:
		if (next->broken)
			return;
		break;
	case PHASE_RETIRING:
		note(look, "retiring undone", "a commit names it again");
		break;
	case PHASE_VERIFYING:
	case PHASE_WAITING:
	case PHASE_PROVISIONING:
	case PHASE_CHECKING:
	case PHASE_CANARY:
	case PHASE_PROMOTING:
		note(look, arena_printf(look->arena, "withdrawn (%s)", version_of(look, next->candidate)),
		     "a commit names the stable revision again");
		break;
	case PHASE_ROLLING_BACK:
	case PHASE_ROLLED_BACK:
		note(look, next->broken ? "stalled" : "steady",
		     "a commit names the stable revision again");
		break;
	case PHASES:
		break;
	}
	drop_candidate(look);
	if (next->broken)
		enter(look, PHASE_STALLED, "NoRollbackTarget",
		      "it was shown harmful; a newer one is needed");
	else
		enter(look, PHASE_STEADY, NULL, NULL);
}

static void follow_quarantined(struct look *look)
{
	struct deployment_status *next = look->next;
	bool leaving = has_candidate(look) && next->going_back &&
	               status_quarantined(next, next->stable);
	const char *why = arena_printf(look->arena, "%s is in quarantine here", look->want.version);

	if (next->phase == PHASE_ROLLING_BACK || next->phase == PHASE_ROLLED_BACK ||
	    (next->phase == PHASE_STALLED && next->broken) || (leaving && in_flight(next)))
		return;
	settle(look, why);
	note(look, arena_printf(look->arena, "not rolled out (%s)", look->want.version), why);
	stable_serves_all(look);
	enter(look, PHASE_ROLLED_BACK, "Quarantined", why);
}

static void follow_new(struct look *look)
{
	bool back = was_promoted(look, look->want.digest);

	settle(look, arena_printf(look->arena, "%s is newer", look->want.version));
	drop_candidate(look);
	take_up(look, &look->want, back);
	note(look, arena_printf(look->arena, "%s (%s)", back ? "going back" : "verifying",
	                        look->want.version),
	     arena_printf(look->arena, "commit %.10s names it",
	                  look->want.commit ? look->want.commit : ""));
}

/* The newest declaration wins in any phase; but our own revert, which may be there before the
 * candidate is gone, does not end a rollback half-way. */
static void follow(struct look *look)
{
	bool leaving = look->next->phase == PHASE_ROLLING_BACK;

	switch (look->aim) {
	case AIM_ABSENT:
		if (look->next->phase != PHASE_RETIRING)
			retire(look, "Deleted", "the declaration is gone from Git");
		break;
	case AIM_NONE:
		if (!leaving && look->next->phase != PHASE_RETIRING &&
		    (has_stable(look) || look->next->phase != PHASE_STEADY))
			retire(look, "VersionNone", "the declaration says `version: none`");
		break;
	case AIM_STABLE:
		if (!leaving)
			follow_stable(look);
		break;
	case AIM_QUARANTINED:
		follow_quarantined(look);
		break;
	case AIM_NEW:
		follow_new(look);
		break;
	case AIM_UNKNOWN:
	case AIM_CANDIDATE:
		break;
	}
}

/* ---- going back ---- */

/* Where harm leaves nothing to go back to, what serves goes on: better than nothing at all. */
static void strand(struct look *look, const char *reason, const char *why)
{
	struct deployment_status *next = look->next;
	const char *version = version_of(look, next->candidate);

	next->stable = next->candidate;
	drop_candidate(look);
	next->broken = true;
	next->down_since_ms = -1;
	note(look, arena_printf(look->arena, "stalled (%s)", version),
	     arena_printf(look->arena, "%s: %s; there is nothing to go back to", reason, why));
	enter(look, PHASE_STALLED, "NoRollbackTarget",
	      arena_printf(look->arena, "%s serves on, though: %s", version, why));
}

void roll_back(struct look *look, const char *reason, const char *why)
{
	struct deployment_status *next = look->next;
	struct digest failed = next->candidate;
	bool target = has_stable(look) &&
	              !(stable_broken(look) && ready_replicas(look, failed) > 0);

	if (!target && next->candidate_weight > 0) {
		strand(look, reason, why);
		return;
	}
	note(look, arena_printf(look->arena, "rolling back (%s)", version_of(look, failed)),
	     arena_printf(look->arena, "%s: %s", reason, why));
	quarantine(look, failed, why);
	stable_serves_all(look);
	enter(look, PHASE_ROLLING_BACK, reason, why);
	want_revert(look, failed, next->stable, why);
}

static const char *first_failure(const struct look *look, struct digest revision)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; i < observed->n_replicas; i++)
		if (digest_same(observed->replicas[i].revision, revision) &&
		    observed->replicas[i].failure)
			return observed->replicas[i].failure;
	return "no reason was found";
}

static bool rolled_back_for_crashes(struct look *look)
{
	struct digest candidate = look->next->candidate;

	if (!crash_looping(look, candidate))
		return false;
	roll_back(look, "CrashLooping",
	          arena_printf(look->arena, "a replica exited %d times in ten minutes: %s",
	                       CRASH_LOOP_EXITS, first_failure(look, candidate)));
	return true;
}

/* ---- before any traffic ---- */

static const struct work *candidate_work(const struct look *look, const struct work *work, size_t n)
{
	const struct work *found = find_work(work, n, look->next->candidate);

	/* a failure of an earlier attempt says nothing about this one */
	if (found && found->state == WORK_FAILED && found->since_ms < look->next->rollout_since_ms)
		return NULL;
	return found;
}

static void verifying(struct look *look)
{
	const struct observed *observed = &look->in->observed;
	const struct work *prepared = candidate_work(look, observed->prepared, observed->n_prepared);
	const char *version = version_of(look, look->next->candidate);
	const char *reason, *blocker;

	if (look->aim == AIM_UNKNOWN && !look->next->going_back)
		return;
	if (prepared && prepared->state == WORK_FAILED && !prepared->retryable) {
		note(look, arena_printf(look->arena, "stalled (%s)", version), prepared->why);
		enter(look, PHASE_STALLED, "ArtifactInvalid", prepared->why);
		return;
	}
	blocker = find_blocker(look, false, &reason);
	if (blocker && strcmp(reason, "GateFailed") == 0) {
		note(look, arena_printf(look->arena, "stalled (%s)", version), blocker);
		enter(look, PHASE_STALLED, reason, blocker);
	} else if (blocker) {
		note(look, arena_printf(look->arena, "waiting (%s)", version), blocker);
		enter(look, PHASE_WAITING, reason, blocker);
	} else if (prepared && prepared->state == WORK_DONE) {
		enter(look, PHASE_PROVISIONING, "Provisioning",
		      arena_printf(look->arena, "%s starts without traffic", version));
		look->next->rollout_since_ms = look->in->now_ms; /* its waiting is not its own time */
		if (is_exclusive(look))
			set_weights(look, 0, 0);
		note(look, arena_printf(look->arena, "provisioning (%s)", version),
		     look->next->going_back ? "it was promoted here before" : "verified");
	} else {
		say(look, "Preparing", arena_printf(look->arena, "artifact and source of %s are fetched",
		                                    version));
	}
}

static void waiting(struct look *look)
{
	const char *reason, *blocker;

	if (look->aim == AIM_UNKNOWN)
		return;
	blocker = find_blocker(look, false, &reason);
	if (blocker && strcmp(reason, "GateFailed") != 0)
		say(look, reason, blocker);
	else
		enter(look, PHASE_VERIFYING, "Verifying", "nothing holds it any more");
}

static bool start_timed_out(const struct look *look, struct digest revision)
{
	const struct observed *observed = &look->in->observed;

	for (size_t i = 0; look->spec && i < observed->n_replicas; i++)
		if (digest_same(observed->replicas[i].revision, revision) &&
		    start_hangs(look, &observed->replicas[i]))
			return true;
	return false;
}

static bool is_overdue(const struct look *look)
{
	return look->spec && is_time(look->next->rollout_since_ms) && !look->in->clock_jumped &&
	       look->in->now_ms - look->next->rollout_since_ms >= look->spec->rollout.deadline_ms;
}

static void provisioning(struct look *look)
{
	struct deployment_status *next = look->next;
	const char *version = version_of(look, next->candidate);

	if (rolled_back_for_crashes(look))
		return;
	if (start_timed_out(look, next->candidate))
		roll_back(look, "StartTimeout", "it was not ready within startTimeout");
	else if (ready_replicas(look, next->candidate) >= replicas_wanted(look, next->candidate))
		enter(look, PHASE_CHECKING, "Checking",
		      arena_printf(look->arena, "%s is asked directly, without traffic", version));
	else if (is_overdue(look))
		roll_back(look, "DeadlineExceeded", "its replicas were not ready before the deadline");
}

/* All traffic at once: the last step, going back, a first deployment, past a broken stable one. */
static void take_all(struct look *look, const char *what, const char *why)
{
	struct deployment_status *next = look->next;

	note(look, what, why);
	if (next->phase == PHASE_CANARY && digest_same(look->in->evidence.revision, next->candidate) &&
	    !stable_broken(look))
		next->stable_reference = look->in->evidence.stable_arm;
	if (look->spec)
		next->step = (int)look->spec->rollout.n_steps - 1;
	next->durable_weight = 1;
	set_weights(look, 0, 1);
	next->keep_until_ms = look->in->now_ms + next->keep_previous_ms;
	enter(look, PHASE_PROMOTING, "Promoting",
	      has_stable(look) ? "all traffic; the previous revision is kept warm"
	                       : "all traffic; a first version is watched for keepPrevious");
}

static struct digest rollout_digest(const struct rollout_spec *rollout, struct arena *arena)
{
	const struct analysis_spec *a = &rollout->analysis;
	char *text = arena_printf(arena, "%d %g %g %g %g %g %g %lld %lld %d", (int)rollout->strategy,
	                          a->false_rollback, a->errors_max, a->errors_margin,
	                          a->latency_margin, (double)a->latency_floor_ms,
	                          a->predictions_max_distance,
	                          (long long)a->warmup_ms, (long long)a->warmup_requests,
	                          (int)rollout->on_inconclusive);

	for (size_t i = 0; i < a->n_metrics; i++)
		text = arena_printf(arena, "%s|%s %s %g", text, a->metrics[i].name,
		                    a->metrics[i].prometheus, a->metrics[i].max);
	for (size_t i = 0; i < rollout->n_steps; i++)
		text = arena_printf(arena, "%s|%g %lld %lld %g %d", text, rollout->steps[i].weight,
		                    (long long)rollout->steps[i].min_requests,
		                    (long long)rollout->steps[i].min_duration_ms,
		                    rollout->steps[i].max_error_ratio, rollout->steps[i].approval);
	return digest_of(text, strlen(text));
}

static const char analysing[] = "not enough is known yet for the next step";

static void step_up(struct look *look, const char *why)
{
	struct deployment_status *next = look->next;
	const char *version = version_of(look, next->candidate);
	double weight = next_weight(look);
	const char *what = arena_printf(look->arena, "canary %s -> %s (%s)",
	                                percent(look->arena, next->candidate_weight),
	                                percent(look->arena, weight), version);

	if (weight >= 1) {
		take_all(look, what, why);
		return;
	}
	next->step++;
	next->durable_weight = weight;
	next->rollout_spec = rollout_digest(&look->spec->rollout, look->arena);
	set_weights(look, 1 - weight, weight);
	note(look, what, why);
	enter(look, PHASE_CANARY, "Analysing", analysing);
}

static void checking(struct look *look)
{
	const struct observed *observed = &look->in->observed;
	const struct work *checked = candidate_work(look, observed->checked, observed->n_checked);
	struct deployment_status *next = look->next;
	const char *reason, *blocker;

	if (rolled_back_for_crashes(look))
		return;
	if (checked && checked->state == WORK_FAILED && !checked->retryable) {
		roll_back(look, "CheckFailed", checked->why);
		return;
	}
	if (!checked || checked->state != WORK_DONE) {
		if (is_overdue(look))
			roll_back(look, "DeadlineExceeded", "it was not checked before the deadline");
		return;
	}
	if (!look->spec || (look->aim == AIM_UNKNOWN && !next->going_back) ||
	    ready_replicas(look, next->candidate) < replicas_wanted(look, next->candidate))
		return;
	blocker = find_blocker(look, true, &reason);
	if (blocker)
		say(look, reason, blocker);
	else if (next->going_back || !has_stable(look) || stable_broken(look) || is_exclusive(look))
		take_all(look, arena_printf(look->arena, "all traffic (%s)",
		                            version_of(look, next->candidate)),
		         next->going_back ? "going back takes no steps"
		         : has_stable(look) ? "the stable revision is not kept waiting for"
		                            : "there is nothing to compare it with");
	else
		step_up(look, "checked through its own endpoint");
}

/* ---- with traffic ---- */

/* Evidence about this very candidate, else none. */
static const struct evidence *evidence_of(const struct look *look)
{
	static const struct evidence none;

	return digest_same(look->in->evidence.revision, look->next->candidate) ? &look->in->evidence
	                                                                     : &none;
}

/* `rollout` was edited: the newest counts. The weight stays, the next step is the first declared
 * above it, the step's evidence starts anew. */
static bool took_new_rollout(struct look *look)
{
	struct deployment_status *next = look->next;
	const struct rollout_spec *rollout = &look->spec->rollout;
	struct digest spec = rollout_digest(rollout, look->arena);
	int step = -1;

	if (digest_same(spec, next->rollout_spec))
		return false;
	while ((size_t)(step + 1) < rollout->n_steps &&
	       rollout->steps[step + 1].weight <= next->durable_weight + ROUNDING)
		step++;
	next->step = step;
	next->rollout_spec = spec;
	note(look, arena_printf(look->arena, "steps changed at %s (%s)",
	                        percent(look->arena, next->candidate_weight),
	                        version_of(look, next->candidate)),
	     "the declared rollout changed; the weight stays");
	enter(look, PHASE_CANARY, "RolloutChanged", "the step is judged anew by the new rollout");
	return true;
}

/* The step in force; before the first one of an edited rollout, the first one's terms. */
static const struct step_spec *step_in_force(const struct look *look)
{
	const struct rollout_spec *rollout = &look->spec->rollout;
	size_t step = look->next->step < 0 ? 0 : (size_t)look->next->step;

	return &rollout->steps[step < rollout->n_steps ? step : rollout->n_steps - 1];
}

/* What a judgement that moves the rollout was made from, so that it can be made again. */
static void remember_decision(struct look *look)
{
	struct evidence *decided =
		arena_memdup(look->arena, evidence_of(look), sizeof(*decided));

	decided->marks = NULL;
	decided->n_marks = 0;
	decided->judged_ms = look->in->now_ms;
	look->next->decided = decided;
}

static void inconclusive(struct look *look, const struct judgement *judgement)
{
	bool overdue = is_overdue(look);

	if (overdue && look->spec->rollout.on_inconclusive == INCONCLUSIVE_ROLLBACK) {
		remember_decision(look);
		roll_back(look, "Inconclusive", arena_printf(look->arena, "the deadline has passed: %s",
		                                             judgement->why));
	} else if (look->next->candidate_weight == 0)
		say(look, "NoData", "somebody turned it to 0 % at the router: it holds");
	else if (judgement->no_data)
		say(look, "NoData",
		    arena_printf(look->arena, "no %s for longer than noDataDeadline: it holds",
		                 judgement->no_data));
	else if (overdue)
		say(look, "Inconclusive", "the deadline has passed without a verdict: it holds");
	else
		say(look, "Analysing", analysing);
}

static void try_step(struct look *look, const struct judgement *judgement)
{
	struct deployment_status *next = look->next;
	bool promote = is_overdue(look) && !judgement->no_data &&
	               look->spec->rollout.on_inconclusive == INCONCLUSIVE_PROMOTE;
	const char *reason, *blocker;

	if (ready_replicas(look, next->stable) == 0) {
		say(look, "StableDown", "no stable replica is ready: nothing counts as evidence");
		return;
	}
	if (judgement->not_worse != VERDICT_PASS && !promote) {
		inconclusive(look, judgement);
		return;
	}
	blocker = find_blocker(look, true, &reason);
	if (blocker)
		say(look, reason, blocker);
	else if (!weights_live(look))
		say(look, "WeightsPending", "the weights of this step are not read back");
	else if (ready_replicas(look, next->candidate) < replicas_wanted(look, next->candidate))
		say(look, "Provisioning", "the next step needs more ready replicas");
	else {
		remember_decision(look);
		step_up(look, judgement->not_worse == VERDICT_PASS ? judgement->why
		              : "inconclusive past the deadline: onInconclusive is promote");
	}
}

static void canary(struct look *look)
{
	struct judgement judgement;

	if (rolled_back_for_crashes(look) || !look->spec)
		return;
	judgement = gate_canary(evidence_of(look), &look->spec->rollout.analysis, step_in_force(look),
	                        look->in->now_ms, look->arena);
	if (judgement.harm == VERDICT_FAIL) {
		remember_decision(look);
		roll_back(look, "Harm", judgement.why);
		return;
	}
	if (look->aim == AIM_UNKNOWN) {
		say(look, "DesiredUnknown", "Git could not be read: it holds");
		return;
	}
	if (stable_broken(look))
		take_all(look, arena_printf(look->arena, "all traffic (%s)",
		                            version_of(look, look->next->candidate)),
		         "the stable revision is broken");
	else if (!took_new_rollout(look))
		try_step(look, &judgement);
}

static void promoting(struct look *look)
{
	struct deployment_status *next = look->next;
	const char *version = version_of(look, next->candidate);
	struct judgement judgement;

	if (rolled_back_for_crashes(look) || !look->spec)
		return;
	judgement = gate_alone(evidence_of(look), &next->stable_reference,
	                       &look->spec->rollout.analysis, look->in->now_ms, look->arena);
	if (judgement.harm == VERDICT_FAIL) {
		remember_decision(look);
		roll_back(look, "Harm", judgement.why);
		return;
	}
	next->keep_until_ms = next->phase_since_ms + next->keep_previous_ms;
	if (look->aim == AIM_UNKNOWN && !next->going_back)
		return;
	if (look->in->now_ms < next->keep_until_ms) {
		wake_at(look, next->keep_until_ms);
		return;
	}
	if (!weights_live(look) || ready_replicas(look, next->candidate) == 0)
		return;
	remember_decision(look);
	make_stable(look);
	note(look, arena_printf(look->arena, "promoted (%s)", version), judgement.why);
	enter(look, PHASE_STEADY, NULL, NULL);
}

/* ---- and away ---- */

static void rolling_back(struct look *look)
{
	struct deployment_status *next = look->next;
	const char *version = version_of(look, next->candidate);
	const char *reason = next->reason, *message = next->message;

	if (live_replicas(look, next->candidate) > 0 || live_weight(look, next->candidate) > 0)
		return;
	if (is_exclusive(look) && ready_replicas(look, next->stable) == 0)
		return;
	drop_candidate(look);
	note(look, arena_printf(look->arena, "rolled back (%s)", version), message);
	enter(look, PHASE_ROLLED_BACK, reason, message);
}

static void retiring(struct look *look)
{
	struct deployment_status *next = look->next;
	const struct observed *observed = &look->in->observed;

	if (look->aim == AIM_UNKNOWN)
		return;
	if (look->in->now_ms < next->keep_until_ms && has_stable(look)) {
		wake_at(look, next->keep_until_ms);
		return;
	}
	set_weights(look, 0, 0);
	if (observed->n_replicas > 0 || observed->n_weights > 0 || look->aim != AIM_NONE)
		return;
	next->stable = (struct digest){0};
	next->broken = false;
	note(look, "retired", "the declaration says `version: none`");
	enter(look, PHASE_STEADY, NULL, NULL);
}

/* A stalled candidate goes on when what stalled it is no longer so. */
static void stalled(struct look *look)
{
	const struct observed *observed = &look->in->observed;
	const struct work *prepared = candidate_work(look, observed->prepared, observed->n_prepared);
	const char *reason, *blocker;

	if (!has_candidate(look) || look->aim == AIM_UNKNOWN)
		return;
	if (prepared && prepared->state == WORK_FAILED && !prepared->retryable)
		return;
	blocker = find_blocker(look, false, &reason);
	if (!blocker || strcmp(reason, "GateFailed") != 0)
		enter(look, PHASE_VERIFYING, "Verifying", "what stalled it has changed");
}

static void step_phase(struct look *look)
{
	switch (look->next->phase) {
	case PHASE_STEADY:
	case PHASE_ROLLED_BACK: /* both are left by a new aim alone */
		break;
	case PHASE_VERIFYING:
		verifying(look);
		break;
	case PHASE_WAITING:
		waiting(look);
		break;
	case PHASE_PROVISIONING:
		provisioning(look);
		break;
	case PHASE_CHECKING:
		checking(look);
		break;
	case PHASE_CANARY:
		canary(look);
		break;
	case PHASE_PROMOTING:
		promoting(look);
		break;
	case PHASE_ROLLING_BACK:
		rolling_back(look);
		break;
	case PHASE_RETIRING:
		retiring(look);
		break;
	case PHASE_STALLED:
		stalled(look);
		break;
	case PHASES:
		break;
	}
}

/* ---- one look ---- */

/* What must be known without Git: how many, how gently, how long. */
static void remember_spec(struct look *look)
{
	struct deployment_status *next = look->next;

	if (!look->spec)
		return;
	next->replicas = look->spec->autoscale ? look->spec->autoscale->min : look->spec->replicas;
	next->drain_ms = look->spec->drain_timeout_ms;
	next->keep_previous_ms = look->spec->rollout.keep_previous_ms;
}

static void remember_down(struct look *look)
{
	struct deployment_status *next = look->next;

	if (!has_stable(look) || replicas_wanted(look, next->stable) == 0 ||
	    ready_replicas(look, next->stable) > 0)
		next->down_since_ms = -1;
	else if (!is_time(next->down_since_ms))
		next->down_since_ms = look->in->now_ms;
}

/* What already serves exactly as declared, though nothing is recorded, is taken as it is. */
static void adopt(struct look *look)
{
	struct deployment_status *next = look->next;

	if (next->phase != PHASE_STEADY || has_stable(look) || look->aim != AIM_NEW ||
	    next->n_history > 0 || live_weight(look, look->want.digest) < 1)
		return;
	take_up(look, &look->want, false);
	make_stable(look);
	note(look, arena_printf(look->arena, "adopted (%s)", look->want.version),
	     "it was serving already");
	enter(look, PHASE_STEADY, NULL, NULL);
}

static void remember_commit(struct look *look)
{
	struct deployment_status *next = look->next;
	const struct desired_deployment *desired = &look->in->desired;

	if (!desired->known || (next->observed_manifest && desired->manifest &&
	                        strcmp(next->observed_manifest, desired->manifest) == 0 &&
	                        !look->moved))
		return;
	next->observed_commit = desired->commit;
	next->observed_manifest = desired->manifest;
}

static bool is_gone(const struct look *look)
{
	const struct deployment_status *next = look->next;
	const struct observed *observed = &look->in->observed;

	return look->aim == AIM_ABSENT && next->phase == PHASE_RETIRING && !look->moved &&
	       next->stable_weight <= 0 && observed->n_replicas == 0 && observed->n_weights == 0;
}

static void decide(struct look *look)
{
	take_requests(look);
	if (!look->in->observed.known) {
		wake_in(look, SECOND_MS);
		return;
	}
	read_back(look);
	remember_down(look);
	look->aim = find_aim(look);
	adopt(look);
	if (!look->moved)
		follow(look);
	if (!look->moved)
		step_phase(look);
	look->aim = find_aim(look);
	follow_proposals(look);
	remember_commit(look);
}

struct rollout_output plan_rollout(const struct rollout_input *input, struct arena *arena)
{
	struct rollout_output output = {.plan.wake_ms = -1, .next = input->history};
	struct look look = {
		.in = input,
		.arena = arena,
		.next = &output.next,
		.plan = &output.plan,
		.spec = input->desired.deployment,
		.want = desired_revision(&input->desired, arena),
	};

	begin_history(&look);
	if (input->recovered)
		note(&look, "status recovered", input->recovered);
	remember_spec(&look);
	decide(&look);
	if (input->observed.known) {
		converge(&look);
		propose(&look);
		conclude(&look);
		output.gone = is_gone(&look);
	}
	collect_garbage(&look);
	output.changed = output.gone || history_differs(&output.next, &input->history);
	return output;
}
