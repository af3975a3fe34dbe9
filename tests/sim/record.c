/* The invariants of LIFECYCLE.md that are visible on the status branch: each commit of it is held
 * against the one before, and against what the world truly did. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "gate/gate.h"
#include "manifest/manifest.h"
#include "sim.h"

enum { STEP_MIN_MS = 60000, BAD_REQUESTS = 2000 };

/* One deployment's status before and after a commit. */
struct step {
	struct world *world;
	int environment;
	struct sim_place *place;
	const struct deployment_status *old; /* NULL: the first one */
	const struct deployment_status *new;
};

/* ---- S18: what is written is what is read ---- */

static void check_deployment_text(struct world *world, const char *text,
                                  const struct deployment_status *status)
{
	struct buf again;

	buf_init(&again, LIMIT_STATUS_BYTES);
	status_encode(&again, status);
	if (strcmp(buf_text(&again), text))
		world_violation(world, "S18", "the status of %s reads as something else",
		                status->environment);
	buf_deinit(&again);
}

static const struct model_status *check_model_text(struct world *world, const char *text)
{
	struct model_status *status = arena_new(&world->arena, struct model_status);
	struct err err = {0};
	struct buf again;

	if (!text)
		return NULL;
	buf_init(&again, LIMIT_STATUS_BYTES);
	if (model_status_decode("status", text, strlen(text), &world->arena, status, &err))
		world_violation(world, "S18", "the model's status does not decode: %s", err.text);
	model_status_encode(&again, status);
	if (!world->violation[0] && strcmp(buf_text(&again), text))
		world_violation(world, "S18", "the model's status reads as something else");
	buf_deinit(&again);
	return status;
}

/* ---- S15: each transition once and in order ---- */

static bool transition_same(const struct transition *a, const struct transition *b)
{
	return a->at_ms == b->at_ms && !strcmp(a->what, b->what) && !strcmp(a->why, b->why);
}

/* The new list is some new transitions and then the old list, cut at its bound. */
static void check_history(struct world *world, const struct transition *old, size_t n_old,
                          const struct transition *new, size_t n_new)
{
	size_t added = 0, kept, due;

	while (added < n_new && !(n_old && transition_same(&new[added], &old[0])))
		added++;
	kept = n_new - added;
	due = n_old + added > LIMIT_HISTORY ? LIMIT_HISTORY - added : n_old;
	if (n_new > LIMIT_HISTORY || kept < due)
		world_violation(world, "S15", "history lost a transition: %zu before, %zu after, %zu new",
		                n_old, n_new, added);
	for (size_t i = 0; i < kept && i < n_old; i++)
		if (!transition_same(&new[added + i], &old[i]))
			world_violation(world, "S15", "history changed: '%s'", new[added + i].what);
	for (size_t i = 0; i < added; i++) {
		if (new[i].at_ms != world->wall_ms)
			world_violation(world, "S15", "'%s' is of another time", new[i].what);
		for (size_t j = i + 1; j < added; j++)
			if (transition_same(&new[i], &new[j]))
				world_violation(world, "S15", "'%s' twice", new[i].what);
	}
}

#define TO(phase) (1u << PHASE_##phase)
#define ALWAYS (TO(VERIFYING) | TO(STEADY) | TO(ROLLED_BACK) | TO(RETIRING))
static const unsigned reachable[PHASES] = {
	[PHASE_STEADY] = ALWAYS,
	[PHASE_VERIFYING] = ALWAYS | TO(WAITING) | TO(PROVISIONING) | TO(STALLED) | TO(ROLLING_BACK),
	[PHASE_WAITING] = ALWAYS | TO(WAITING) | TO(ROLLING_BACK),
	[PHASE_PROVISIONING] = ALWAYS | TO(PROVISIONING) | TO(CHECKING) | TO(ROLLING_BACK),
	[PHASE_CHECKING] = ALWAYS | TO(CHECKING) | TO(CANARY) | TO(PROMOTING) | TO(ROLLING_BACK),
	[PHASE_CANARY] = ALWAYS | TO(CANARY) | TO(PROMOTING) | TO(ROLLING_BACK) | TO(STALLED),
	[PHASE_PROMOTING] = ALWAYS | TO(PROMOTING) | TO(ROLLING_BACK) | TO(STALLED),
	[PHASE_ROLLING_BACK] = (ALWAYS & ~TO(STEADY)) | TO(ROLLING_BACK),
	[PHASE_ROLLED_BACK] = ALWAYS,
	[PHASE_RETIRING] = ALWAYS,
	[PHASE_STALLED] = ALWAYS | TO(STALLED) | TO(ROLLING_BACK),
};

static void check_phase(const struct step *step)
{
	enum phase from = step->old ? step->old->phase : PHASE_STEADY, to = step->new->phase;
	/* where Steady would be, if what is gone back to had not been shown harmful */
	bool harmful = to == PHASE_STALLED && step->new->broken && (reachable[from] & TO(STEADY));

	if (!(reachable[from] & (1u << to)) && !harmful)
		world_violation(step->world, "S15", "%s -> %s", phase_names.names[from],
		                phase_names.names[to]);
	if (to != PHASE_STEADY && (!step->new->reason || !step->new->reason[0]))
		world_violation(step->world, "L3", "%s says no reason", phase_names.names[to]);
	if (step->new->stable.hex[0] && digest_same(step->new->stable, step->new->candidate))
		world_violation(step->world, "S4", "the candidate is the stable revision");
}

/* ---- S3, S9, S13: a step up ---- */

static int min_requests(const struct step *step)
{
	const char *extra = step->world->declared[step->environment].extra;
	const char *found = strstr(extra, "minRequests: ");
	int n = 200;

	return found && sscanf(found, "minRequests: %d", &n) == 1 && n < 200 ? n : 200;
}

/* From one step of a canary to the next: judged on enough data of this step, after its time. */
static void check_step(const struct step *step)
{
	const struct deployment_status *old = step->old, *new = step->new;
	struct sim_story *story = serving_story(step->place, new->candidate);
	bool same = old && digest_same(old->candidate, new->candidate);
	bool canary = same && old->phase == PHASE_CANARY;
	bool up = new->durable_weight > (same ? old->durable_weight : 0) + 1e-9;

	if (new->durable_weight < new->candidate_weight - 1e-9)
		world_violation(step->world, "S3", "weight %.3f of record above the durable %.3f",
		                new->candidate_weight, new->durable_weight);
	if (canary && new->phase == PHASE_CANARY && new->step > old->step + 1)
		world_violation(step->world, "S3", "step %d after step %d", new->step, old->step);
	if (canary && up && serving_ready(step->world, step->environment, new->stable) &&
	    !strstr(new->n_history ? new->history[0].why : "", "is broken")) {
		if (story->requests - step->place->at_step < (uint64_t)min_requests(step))
			world_violation(step->world, "S9", "a step up after %llu requests",
			                (unsigned long long)(story->requests - step->place->at_step));
		if (step->world->wall_ms - old->phase_since_ms < STEP_MIN_MS)
			world_violation(step->world, "S3", "two steps within minDuration");
	}
	if (up && git_unknown(step->world) && !new->going_back &&
	    !(old && old->phase == PHASE_PROMOTING))
		world_violation(step->world, step->world->now_ms < step->world->unsteady_until_ms
		                             ? "S20" : "S13", "a step up while Git is unknown");
	if (up || !canary || new->phase_since_ms != old->phase_since_ms)
		step->place->at_step = story->requests;
}

/* What was promoted here before takes no steps: a canary of it has forgotten that it goes back. */
static void check_going_back(const struct step *step)
{
	enum { WINDOW = 3 };
	const struct deployment_status *new = step->new;

	for (size_t i = 0; i < new->n_promoted && i < WINDOW; i++)
		if (new->phase == PHASE_CANARY &&
		    digest_same(new->promoted[i].revision, new->candidate))
			world_violation(step->world, "S18", "a canary of %s, which was promoted before",
			                new->promoted[i].version);
}

/* S13, S20: nothing new is taken up or admitted while Git is unknown. */
static void check_taken_up(const struct step *step)
{
	const struct deployment_status *old = step->old, *new = step->new;
	bool taken = new->candidate.hex[0] &&
	             !(old && digest_same(old->candidate, new->candidate));
	bool admitted = new->phase == PHASE_PROVISIONING && old && old->phase != PHASE_PROVISIONING;

	if (!git_unknown(step->world) || new->going_back)
		return;
	if (taken || admitted || (new->phase == PHASE_RETIRING && old && old->phase != PHASE_RETIRING))
		world_violation(step->world, step->world->now_ms < step->world->unsteady_until_ms
		                             ? "S20" : "S13", "%s -> %s while Git is unknown",
		                old ? phase_names.names[old->phase] : "nothing",
		                phase_names.names[new->phase]);
}

/* S9: what fails every third request, and was seen to, is not promoted by any fault. */
static void check_promoted(const struct step *step)
{
	const struct deployment_status *old = step->old, *new = step->new;
	const struct sim_story *story, *stable;

	if (!new->n_promoted || (old && old->n_promoted &&
	                         digest_same(old->promoted[0].revision, new->promoted[0].revision)))
		return;
	story = serving_story(step->place, new->promoted[0].revision);
	stable = old ? serving_story(step->place, old->stable) : NULL;
	if (!story->served)
		world_violation(step->world, "S2", "%s is promoted and never carried weight",
		                new->promoted[0].version);
	if (story->traits && story->traits->errors >= 0.3 && story->requests >= BAD_REQUESTS &&
	    !(old && (old->going_back || old->broken)))
		world_violation(step->world, "S9", "%s fails %.0f %% and is promoted",
		                new->promoted[0].version, story->traits->errors * 100);
	if (old && old->stable.hex[0] && !old->going_back && !old->broken && stable->traits &&
	    story->traits)
		assert_predictions(step->world, step->environment, story->traits, stable->traits);
}

/* ---- S10 ---- */

static double demanded(const struct world *world, struct digest gate)
{
	for (int i = 0; i < world->n_gates; i++)
		if (digest_same(world->seen_gates[i].digest, gate))
			return world->seen_gates[i].min;
	return 0;
}

/* A gate that did not let the candidate pass demanded more than that of `commit`. */
static bool was_loosened(const struct step *step, const char *commit)
{
	struct world *world = step->world;
	const struct object *object = runs_object(world, commit, "model.yaml");
	const struct model_status *judged = check_model_status(world);
	const struct revision *candidate = status_revision(step->new, step->new->candidate);
	struct digest subject, gate;

	if (!object || !candidate)
		return false;
	subject = subject_digest(candidate->artifact.digest, &candidate->serve,
	                         &object->model->interface);
	gate = gate_digest(object->model, NULL, &world->arena);
	for (size_t i = 0; i < judged->n_verdicts; i++)
		if (digest_same(judged->verdicts[i].subject, subject) &&
		    judged->verdicts[i].result != VERDICT_PASS &&
		    demanded(world, judged->verdicts[i].gate) > demanded(world, gate))
			return true;
	return false;
}

static int approvals_required(const struct step *step)
{
	const char *text, *found;
	char path[64];
	int n = 0;

	snprintf(path, sizeof(path), "environment-%s.yaml", step->place->name);
	text = git_text(step->world, step->world->git.record, path);
	found = text ? strstr(text, "required: ") : NULL;
	if (found)
		sscanf(found, "required: %d", &n);
	return n + was_loosened(step, step->new->observed_commit);
}

/* Different people of the role who approved this very revision, not too long ago. */
static int approvals_given(const struct step *step)
{
	const struct world *world = step->world;
	bool ada = false, grace = false;

	for (int i = 0; i < world->n_approvals; i++) {
		const struct sim_approval *approval = &world->approvals[i];

		if ((approval->revision.hex[0] &&
		     !digest_same(approval->revision, step->new->candidate)) ||
		    world->wall_ms >= approval->expires_ms)
			continue;
		ada = ada || !strcmp(approval->by, "ada");
		grace = grace || !strcmp(approval->by, "grace");
	}
	return ada + grace;
}

static void check_approvals(const struct step *step)
{
	const struct deployment_status *old = step->old, *new = step->new;

	if (new->phase == PHASE_PROVISIONING && old && old->phase != PHASE_PROVISIONING &&
	    !new->going_back && approvals_given(step) < approvals_required(step))
		world_violation(step->world, "S10", "%d approvals of %d, and it goes on",
		                approvals_given(step), approvals_required(step));
}

/* ---- S11 ---- */

/* A revision leaves the quarantine when a person asks for it, and when its list is full. */
static void check_quarantine(const struct step *step)
{
	const struct deployment_status *old = step->old, *new = step->new;

	for (size_t i = 0; old && i < old->n_quarantine && i < 40; i++)
		if (!status_quarantined(new, old->quarantine[i].revision) && !step->world->n_retries)
			world_violation(step->world, "S11", "%s left the quarantine by itself",
			                old->quarantine[i].version);
	if (new->candidate.hex[0] && status_quarantined(new, new->candidate) &&
	    new->phase != PHASE_ROLLING_BACK && !step->world->n_retries)
		world_violation(step->world, "S11", "the candidate is in quarantine in %s",
		                phase_names.names[new->phase]);
}

/* ---- S16 ---- */

static bool is_closed(const struct proposal *proposal)
{
	return proposal->outcome != PROPOSAL_WANTED && proposal->outcome != PROPOSAL_WAITING;
}

static void check_proposals(struct world *world, const struct proposal *old, size_t n_old,
                            const struct proposal *new, size_t n_new)
{
	for (size_t i = 0; i < n_new; i++) {
		for (size_t j = i + 1; j < n_new; j++)
			if (digest_same(new[i].digest, new[j].digest))
				world_violation(world, "S16", "%s is proposed twice", new[i].version);
		for (size_t j = 0; j < n_old; j++)
			if (digest_same(new[i].digest, old[j].digest) && is_closed(&old[j]) &&
			    new[i].outcome == PROPOSAL_WANTED)
				world_violation(world, "S16", "%s was %s, and is wanted again", new[i].version,
				                proposal_state_names.names[old[j].outcome]);
	}
}

/* ---- S17 ---- */

static double record_share(const struct deployment_status *status, struct digest revision)
{
	if (digest_same(revision, status->stable))
		return status->stable_weight;
	return digest_same(revision, status->candidate) ? status->candidate_weight : 0;
}

static double shown_share(const struct sim_place *place, struct digest revision)
{
	for (int i = 0; i < place->n_shown; i++)
		if (digest_same(place->shown[i].revision, revision))
			return place->shown[i].weight;
	return 0;
}

static bool shown_as_recorded(const struct sim_place *place, const struct deployment_status *status)
{
	if (place->n_shown < 0)
		return false;
	for (int i = 0; i < place->n_shown; i++)
		if (fabs(place->shown[i].weight - record_share(status, place->shown[i].revision)) > 0.0065)
			return false;
	return fabs(shown_share(place, status->stable) -
	            (status->stable.hex[0] ? status->stable_weight : 0)) <= 0.0065;
}

/* A claim of weights that is new was in the newest look; so was a ready replica. */
static void check_claims(const struct step *step)
{
	const struct deployment_status *old = step->old, *new = step->new;
	const struct condition *ready = &new->conditions[CONDITION_READY];
	bool same = old && old->weights_seen && old->stable_weight == new->stable_weight &&
	            old->candidate_weight == new->candidate_weight;

	if (new->weights_seen && !same && !shown_as_recorded(step->place, new))
		world_violation(step->world, "S17", "weights %.3f %.3f are claimed as seen",
		                new->stable_weight, new->candidate_weight);
	if (new->has_condition[CONDITION_READY] && ready->status == TRUTH_TRUE &&
	    ready->since_ms == step->world->wall_ms &&
	    !serving_story(step->place, new->stable)->shown_ready &&
	    !serving_story(step->place, new->candidate)->shown_ready)
		world_violation(step->world, "S17", "Ready is claimed, and no look showed a ready replica");
}

/* ---- all of one commit ---- */

static void check_deployment(struct world *world, int environment, const char *before,
                             const char *after)
{
	struct deployment_status *old = arena_new(&world->arena, struct deployment_status);
	struct step step = {world, environment, &world->serving.places[environment], NULL, NULL};
	struct err err = {0};

	if (before == after || !after)
		return;
	if (before && !status_decode("status", before, strlen(before), &world->arena, old, &err))
		step.old = old;
	step.new = check_status(world, environment);
	if (!step.new || world->violation[0])
		return;
	check_deployment_text(world, after, step.new);
	check_history(world, old->history, old->n_history, step.new->history, step.new->n_history);
	check_phase(&step);
	check_step(&step);
	check_going_back(&step);
	check_taken_up(&step);
	check_promoted(&step);
	check_approvals(&step);
	check_quarantine(&step);
	check_proposals(world, old->proposed, old->n_proposed, step.new->proposed,
	                step.new->n_proposed);
	check_claims(&step);
}

static bool run_passed(const struct world *world, struct digest run)
{
	for (int i = 0; i < world->runs.n; i++) {
		const struct sim_run *item = &world->runs.items[i];

		if (item->used && item->evaluate && digest_same(item->run, run) && item->has_result)
			return item->fate != FATE_FAIL && item->fate != FATE_INCONCLUSIVE;
	}
	return false;
}

/* S8: the ledger only grows, one entry a run. S9: what is proposed has passed. */
static void check_model(struct world *world, const char *before, const char *after)
{
	static const struct model_status none;
	const struct model_status *old, *new;

	if (before == after || !after)
		return;
	old = check_model_text(world, before);
	new = check_model_text(world, after);
	old = old ? old : &none;
	if (world->violation[0])
		return;
	check_history(world, old->history, old->n_history, new->history, new->n_history);
	check_proposals(world, old->proposed, old->n_proposed, new->proposed, new->n_proposed);
	if (new->n_ledger < old->n_ledger)
		world_violation(world, "S8", "the ledger lost an entry");
	for (size_t i = 0; i < new->n_ledger; i++)
		for (size_t j = i + 1; j < new->n_ledger; j++)
			if (!strcmp(new->ledger[i].run, new->ledger[j].run))
				world_violation(world, "S8", "run %.10s is in the ledger twice",
				                new->ledger[i].run);
	if (new->n_proposed > old->n_proposed && !new->proposed[0].target && !new->proposed[0].tag &&
	    !run_passed(world, new->run))
		world_violation(world, "S9", "%s is proposed, and its run did not pass",
		                new->proposed[0].version);
	if (new->phase == CYCLE_EVALUATING && old->phase == CYCLE_EVALUATING &&
	    !digest_same(new->run, old->run))
		world_violation(world, "S15", "another run while one is evaluated");
}

/* S12: what is accepted only moves forward, but for a rewind that a person asked for. */
static void check_controller(struct world *world, const char *before, const char *after)
{
	struct controller_record old = {0}, new = {0};
	struct err err = {0};

	if (!after || controller_decode(after, strlen(after), &world->arena, &new, &err)) {
		world_violation(world, "S18", "controller.yaml: %s", after ? err.text : "gone");
		return;
	}
	if (!before || controller_decode(before, strlen(before), &world->arena, &old, &err))
		return;
	if (new.epoch < old.epoch)
		world_violation(world, "S12", "the epoch went back");
	if (old.accepted && new.accepted && !world->rewinds &&
	    !git_is_ancestor(world, git_find(world, old.accepted), git_find(world, new.accepted)))
		world_violation(world, "S12", "accepted went from %.10s to %.10s", old.accepted,
		                new.accepted);
}

void assert_record(struct world *world, int before, int after)
{
	const char *model = "status/models/" SIM_MODEL ".yaml";
	char path[128];

	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		snprintf(path, sizeof(path), "status/%s/" SIM_MODEL ".yaml", world->serving.places[i].name);
		check_deployment(world, i, git_good_text(world, before, path),
		                 git_good_text(world, after, path));
	}
	check_model(world, git_good_text(world, before, model),
	            git_good_text(world, after, model));
	check_controller(world, git_good_text(world, before, "controller.yaml"),
	                 git_good_text(world, after, "controller.yaml"));
}
