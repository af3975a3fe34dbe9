/* The invariants of LIFECYCLE.md that are visible in an act: asserted before it has its effect. */
#include <math.h>
#include <string.h>

#include "manifest/manifest.h"
#include "plan/look.h"
#include "sim.h"

/* A back end may tell of an event; this one tells nothing, so that only looks show what changed. */
enum { DARK_MAX_MS = IDLE_LOOK_MS + 10 * SECOND_MS };

const struct deployment_status *check_status(struct world *world, int environment)
{
	const char *text = git_status_text(world, world->serving.places[environment].name);
	struct decoded *known = &world->decoded[environment];
	struct err err = {0};

	if (!text)
		return NULL;
	if (known->text == text)
		return &known->status;
	known->text = text;
	known->status = (struct deployment_status){0};
	if (status_decode("status", text, strlen(text), &world->arena, &known->status, &err))
		world_violation(world, "S18", "the status does not decode: %s", err.text);
	return &known->status;
}

static const struct deployment_status *status_or_none(struct world *world, int environment)
{
	static const struct deployment_status none;
	const struct deployment_status *status = check_status(world, environment);

	return status ? status : &none;
}

static bool is_checked(const struct world *world, struct digest revision)
{
	for (int i = 0; i < world->serving.n_works; i++) {
		const struct sim_work *work = &world->serving.works[i];

		if (work->check && digest_same(work->revision, revision))
			return world->now_ms >= work->done_ms && !work->traits->bad_check;
	}
	return false;
}

const struct model_status *check_model_status(struct world *world)
{
	const char *text = git_good_text(world, world->git.local_status,
	                                 "status/models/" SIM_MODEL ".yaml");
	struct model_status *status = arena_new(&world->arena, struct model_status);
	struct err err = {0};

	if (text && model_status_decode("status", text, strlen(text), &world->arena, status, &err))
		world_violation(world, "S18", "the model's status does not decode: %s", err.text);
	return status;
}

/* A person has let pass what could not be told. */
static bool looked_at(const struct world *world, struct digest revision)
{
	for (int i = 0; i < world->n_approvals && i < (int)ARRAY_LEN(world->approvals); i++)
		if (digest_same(world->approvals[i].revision, revision))
			return true;
	return false;
}

/* S2: where gates are declared or a model names its data, a verdict of ours, as the status has it.
 * Gates that changed since the record was made are another matter: they stop the next step. */
static void check_verdict(struct world *world, struct digest revision,
                          const struct deployment_status *status)
{
	const struct object *model = status->observed_commit
	                             ? runs_object(world, status->observed_commit, "model.yaml") : NULL;
	const struct model_status *judged = check_model_status(world);
	const struct revision *found = status_revision(status, revision);
	struct digest subject;

	if (!model || !found || (model->model->gates.n_require == 0 && !model->model->data.uri) ||
	    status->going_back || !digest_same(revision, status->candidate))
		return;
	subject = subject_digest(found->artifact.digest, &found->serve, &model->model->interface);
	for (size_t i = 0; i < judged->n_verdicts; i++)
		if (digest_same(judged->verdicts[i].subject, subject) &&
		    (judged->verdicts[i].result == VERDICT_PASS ||
		     (judged->verdicts[i].result == VERDICT_INCONCLUSIVE && looked_at(world, revision))))
			return;
	world_violation(world, "S2", "weight on %s, which no verdict of ours lets pass",
	                found->version);
}

/* S2: a weight that rises from 0 for the first time, on what is ready, was checked with success and
 * is not in quarantine. What had served before may come back. */
static void check_first_weight(struct world *world, int environment, struct digest revision,
                               const struct deployment_status *status)
{
	struct sim_story *story = serving_story(&world->serving.places[environment], revision);

	if (story->served)
		return;
	if (!serving_ready(world, environment, revision))
		world_violation(world, "S2", "weight on %.10s, which is not ready", revision.hex);
	if (!is_checked(world, revision))
		world_violation(world, "S2", "weight on %.10s, which was not checked", revision.hex);
	if (status_quarantined(status, revision))
		world_violation(world, "S2", "weight on %.10s, which is in quarantine", revision.hex);
	check_verdict(world, revision, status);
	if (!digest_same(status->candidate, revision) && !digest_same(status->stable, revision))
		world_violation(world, "S2", "weight on %.10s, which history does not know", revision.hex);
	if (git_unknown(world) && !status->going_back && !digest_same(status->stable, revision) &&
	    status->durable_weight <= 0)
		world_violation(world, "S13", "first weight on %.10s while Git is unknown", revision.hex);
	story->served = true;
}

/* It is, and the controller was shown so: a stale look is no fault of its own. */
static bool stable_is_ready(struct world *world, int environment,
                            const struct deployment_status *status)
{
	return serving_ready(world, environment, status->stable) > 0 &&
	       serving_story(&world->serving.places[environment], status->stable)->shown_ready;
}

/* S3: never more exposure than the last step that is durable on the status branch, while the stable
 * revision is ready (else S5 wins). S11: none that goes up in quarantine, unless nothing else is
 * there. */
static void check_exposure(struct world *world, int environment, struct digest revision,
                           double weight, const struct deployment_status *status)
{
	const struct sim_place *place = &world->serving.places[environment];
	bool rises = weight > serving_weight(place, revision) + 0.006;
	bool stable = stable_is_ready(world, environment, status);

	if (digest_same(revision, status->stable) || !stable)
		return;
	if (digest_same(revision, status->candidate) && weight > status->durable_weight + 0.006)
		world_violation(world, "S3", "exposure %.3f above the durable step %.3f", weight,
		                status->durable_weight);
	if (rises && status_quarantined(status, revision))
		world_violation(world, "S11", "weight of %.10s rises in quarantine", revision.hex);
	if (rises && !digest_same(revision, status->candidate))
		world_violation(world, "S4", "weight of %.10s rises, which is neither stable nor candidate",
		                revision.hex);
}

void assert_weights(struct world *world, int environment, const struct action *action)
{
	const struct deployment_status *status = status_or_none(world, environment);
	bool stable = stable_is_ready(world, environment, status), named = false;
	double sum = 0;
	int ready = 0;

	for (size_t i = 0; i < action->n_weights; i++) {
		double weight = action->weights[i].weight;
		struct digest revision = action->weights[i].revision;

		if (weight < 0 || weight > 1 || isnan(weight))
			world_violation(world, "S1", "weight %g", weight);
		sum += weight;
		named = named || digest_same(revision, status->stable);
		if (weight <= 0)
			continue;
		ready += serving_ready(world, environment, revision) > 0;
		check_exposure(world, environment, revision, weight, status);
		check_first_weight(world, environment, revision, status);
	}
	/* all at 0 is for a revision that retires, or stops before the next one starts */
	if (sum > 0 ? fabs(sum - 1) > 0.02
	            : stable && status->phase != PHASE_RETIRING && !strstr(
	                  world->declared[environment].extra, "recreate"))
		world_violation(world, "S1", "weights sum to %g in %s", sum,
		                phase_names.names[status->phase]);
	if (action->n_weights > 2)
		world_violation(world, "S4", "%zu revisions with weight", action->n_weights);
	if (sum > 0 && !ready && stable)
		world_violation(world, "S5", "all weight on unhealthy revisions while stable is ready");
	if (status->stable.hex[0] && !named)
		world_violation(world, "S5", "a weight vector that forgets the stable revision");
}

/* S11: what is in quarantine does not start, but for what serves (going back from it). S4: nothing
 * else starts than the two. */
void assert_start(struct world *world, int environment, const struct action *action)
{
	const struct deployment_status *status = status_or_none(world, environment);
	bool stable = digest_same(status->stable, action->revision);

	if (status_quarantined(status, action->revision) && !stable)
		world_violation(world, "S11", "%.10s starts, and is in quarantine", action->revision.hex);
	if (!stable && !digest_same(status->candidate, action->revision))
		world_violation(world, "S4", "%.10s starts, and is neither stable nor candidate",
		                action->revision.hex);
	if (world->serving.places[environment].name && !action->spec)
		world_violation(world, "S19", "%.10s starts without being known", action->revision.hex);
}

/* S6: not the last ready replica of a revision with weight, unless a person has given it that
 * behind a stale look, which nobody can know. S7: not a stable one while it may be gone back to.
 * S13: nothing that serves, while Git is unknown and nobody rolls back. */
void assert_stop(struct world *world, int environment, const struct action *action)
{
	const struct sim_place *place = &world->serving.places[environment];
	const struct sim_replica *replica =
		serving_replica(world, environment, action->revision, action->slot);
	const struct deployment_status *status = status_or_none(world, environment);
	bool stable = digest_same(status->stable, action->revision);
	int ready = serving_ready(world, environment, action->revision);

	if (!replica || replica->state != REPLICA_READY)
		return;
	if (replica->in_rotation && serving_weight(place, action->revision) > 0 && ready == 1 &&
	    !place->unseen)
		world_violation(world, "S6", "the last ready replica of %.10s stops with weight %.3f",
		                action->revision.hex, serving_weight(place, action->revision));
	if (stable && !strstr(world->declared[environment].extra, "recreate") &&
	    (status->phase == PHASE_CANARY || status->phase == PHASE_CHECKING ||
	     status->phase == PHASE_PROVISIONING || status->phase == PHASE_ROLLING_BACK ||
	     (status->phase == PHASE_PROMOTING && world->wall_ms < status->keep_until_ms)) &&
	    ready <= status->replicas)
		world_violation(world, "S7", "a stable replica stops in %s",
		                phase_names.names[status->phase]);
	if (git_unknown(world) && !status_quarantined(status, action->revision) &&
	    status->restart_ms < 0)
		world_violation(world, "S13", "a replica of %.10s stops while Git is unknown",
		                action->revision.hex);
}

/* S14: only what an accepted commit does not declare (any more), never everything at once. */
void assert_drop(struct world *world, int environment)
{
	const struct deployment_status *status = check_status(world, environment);
	int declared = 0;
	char path[64];

	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		snprintf(path, sizeof(path), "%s.yaml", world->serving.places[i].name);
		declared += git_text(world, world->git.accepted, path) != NULL;
	}
	snprintf(path, sizeof(path), "%s.yaml", world->serving.places[environment].name);
	if (git_unknown(world))
		world_violation(world, "S13", "%s is dropped while Git is unknown", path);
	if (!declared && !world->config.allow_empty)
		world_violation(world, "S14", "the last deployment of all is dropped");
	if (!status || status->phase != PHASE_RETIRING)
		world_violation(world, "S14", "%s is dropped without retiring", path);
	if (git_text(world, world->git.accepted, path) &&
	    !strstr(git_text(world, world->git.accepted, path), "version: none"))
		world_violation(world, "S14", "%s is dropped, and is declared", path);
}

/* S16: a proposal is made from a record that is durable and still open: what has an outcome is
 * never pushed again. */
void assert_propose(struct world *world, const struct proposal_text *text)
{
	const struct model_status *model = check_model_status(world);
	const struct proposal *found = NULL;

	for (size_t i = 0; i < model->n_proposed; i++)
		if (digest_same(model->proposed[i].digest, text->digest))
			found = &model->proposed[i];
	for (int e = 0; e < SIM_ENVIRONMENTS; e++) {
		const struct deployment_status *status = check_status(world, e);

		for (size_t i = 0; status && i < status->n_proposed; i++)
			if (digest_same(status->proposed[i].digest, text->digest))
				found = &status->proposed[i];
	}
	if (!found)
		world_violation(world, "S16", "'%s' is pushed before it is recorded", text->subject);
	else if (found->outcome != PROPOSAL_WANTED)
		world_violation(world, "S16", "'%s' is pushed again, though it is %s", text->subject,
		                proposal_state_names.names[found->outcome]);
}

/* S8: the ledger entry is durable before the test. S19: no other run at the same time, but for a
 * second one of the model. */
void assert_spawn(struct world *world, const struct sim_run *run)
{
	const struct model_status *model = check_model_status(world);
	bool entered = false;

	for (size_t i = 0; i < model->n_ledger; i++)
		entered = entered || !strcmp(model->ledger[i].run, run->run.hex);
	if (run->evaluate && !entered)
		world_violation(world, "S8", "run %.10s is tested before its ledger entry", run->run.hex);
	if (!digest_same(model->run, run->run) && !digest_same(model->evaluation.run, run->run))
		world_violation(world, "S19", "run %.10s starts, and is not the one of record",
		                run->run.hex);
	for (int i = 0; i < world->runs.n; i++)
		if (world->runs.items[i].used && world->runs.items[i].running)
			world_violation(world, "S19", "run %s starts while %s runs", run->key,
			                world->runs.items[i].key);
}

/* S18: what is saved is what a new process reads. */
void assert_evidence(struct world *world, const char *path, const void *bytes, size_t len)
{
	struct evidence evidence = {0};
	struct arena arena;
	struct err err = {0};
	struct buf again;

	if (world->passes % 16)
		return; /* a sample: what was counted twice stays so */
	arena_init(&arena, 64 << 20);
	buf_init(&again, 1 << 20);
	if (evidence_decode(bytes, len, &arena, &evidence, &err))
		world_violation(world, "S18", "evidence does not decode: %s", err.text);
	evidence_encode(&again, &evidence);
	if (!world->violation[0] && (again.len != len || memcmp(again.text, bytes, len)))
		world_violation(world, "S18", "evidence reads as something else");
	for (int i = 0; i < SIM_ENVIRONMENTS && evidence.n_predicted; i++)
		if (strstr(path, world->serving.places[i].name))
			assert_labels(world, &world->serving.places[i], &evidence);
	buf_deinit(&again);
	arena_deinit(&arena);
}

/* S19: one process a (revision, slot). S5: traffic reaches somebody while anybody who was admitted
 * is ready; with faults on, the router may not be told for a while. */
void assert_world(struct world *world)
{
	for (int i = 0; i < SIM_REPLICAS; i++) {
		const struct sim_replica *a = &world->serving.replicas[i];

		if (a->used && serving_replica(world, a->environment, a->revision, a->slot) != a)
			world_violation(world, "S19", "two processes for one slot");
	}
	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		const struct sim_place *place = &world->serving.places[i];
		bool admitted = false;

		if (world->faults.on || place->dark_since_ms < 0 || place->stuck || world->ended)
			continue;
		for (int j = 0; j < place->n_stories; j++)
			admitted = admitted || (place->stories[j].served &&
			                        serving_ready(world, i, place->stories[j].revision));
		if (admitted && world->now_ms - place->dark_since_ms > DARK_MAX_MS)
			world_violation(world, "S5", "%s: a ready revision gets no traffic for %lld ms",
			                place->name, (long long)(world->now_ms - place->dark_since_ms));
	}
}
