/* The invariants of LIFECYCLE.md, asserted at each act and after each pass. */
#include <math.h>
#include <string.h>

#include "manifest/manifest.h"
#include "sim.h"

enum { DARK_MAX_MS = 20000 };

bool check_status(struct world *world, int environment, struct arena *arena,
                  struct deployment_status *out)
{
	const char *text = git_status_text(world, world->serving.places[environment].name);
	struct err err = {0};

	if (!text)
		return false;
	if (status_decode("status", text, strlen(text), arena, out, &err)) {
		world_violation(world, "S18", "the status does not decode: %s", err.text);
		return false;
	}
	return true;
}

static int ready_of(struct world *world, int environment, struct digest revision)
{
	int n = 0;

	for (int i = 0; i < SIM_REPLICAS; i++) {
		const struct sim_replica *replica = &world->serving.replicas[i];

		n += replica->used && replica->environment == environment &&
		     replica->state == REPLICA_READY && digest_same(replica->revision, revision);
	}
	return n;
}

static bool has_served(const struct sim_place *place, struct digest revision)
{
	for (int i = 0; i < place->n_served; i++)
		if (digest_same(place->served[i], revision))
			return true;
	return false;
}

static bool is_checked(struct world *world, struct digest revision)
{
	for (size_t i = 0; i < ARRAY_LEN(world->serving.works); i++) {
		const struct sim_work *work = &world->serving.works[i];

		if (work->used && work->check && digest_same(work->revision, revision))
			return world->now_ms >= work->done_ms && !work->traits->bad_check;
	}
	return false;
}

/* A weight that rises from 0 on a revision that never served here. */
static void check_first_weight(struct world *world, int environment, struct digest revision,
                               const struct deployment_status *status)
{
	struct sim_place *place = &world->serving.places[environment];

	if (!ready_of(world, environment, revision))
		world_violation(world, "S2", "weight on %.10s, which is not ready", revision.hex);
	if (!is_checked(world, revision))
		world_violation(world, "S2", "weight on %.10s, which was not checked", revision.hex);
	if (status_quarantined(status, revision))
		world_violation(world, "S2", "weight on %.10s, which is in quarantine", revision.hex);
	if (place->n_served < (int)ARRAY_LEN(place->served))
		place->served[place->n_served++] = revision;
}

void assert_weights(struct world *world, int environment, const struct action *action)
{
	struct sim_place *place = &world->serving.places[environment];
	struct deployment_status status = {0};
	struct arena arena;
	double sum = 0;
	int ready = 0;

	arena_init(&arena, 64 << 20);
	check_status(world, environment, &arena, &status);
	for (size_t i = 0; i < action->n_weights; i++) {
		double weight = action->weights[i].weight;
		struct digest revision = action->weights[i].revision;

		if (weight < 0 || weight > 1 || isnan(weight))
			world_violation(world, "S1", "weight %g", weight);
		sum += weight;
		if (weight <= 0)
			continue;
		ready += ready_of(world, environment, revision) > 0;
		if (digest_same(revision, status.candidate) && weight > status.durable_weight + 0.006 &&
		    ready_of(world, environment, status.stable))
			world_violation(world, "S3", "exposure %.3f above the durable step %.3f", weight,
			                status.durable_weight);
		if (!has_served(place, revision))
			check_first_weight(world, environment, revision, &status);
	}
	if (sum > 0 && fabs(sum - 1) > 0.02)
		world_violation(world, "S1", "weights sum to %g", sum);
	if (action->n_weights > 2)
		world_violation(world, "S4", "%zu revisions with weight", action->n_weights);
	if (sum > 0 && !ready && ready_of(world, environment, status.stable))
		world_violation(world, "S5", "all weight on unhealthy revisions while stable is ready");
	arena_deinit(&arena);
}

void assert_start(struct world *world, int environment, const struct action *action)
{
	struct deployment_status status = {0};
	struct arena arena;

	arena_init(&arena, 64 << 20);
	if (check_status(world, environment, &arena, &status) &&
	    status_quarantined(&status, action->revision) &&
	    !digest_same(status.stable, action->revision))
		world_violation(world, "S11", "%.10s starts, and is in quarantine", action->revision.hex);
	arena_deinit(&arena);
}

void assert_stop(struct world *world, int environment, const struct action *action)
{
	struct sim_place *place = &world->serving.places[environment];
	struct sim_replica *replica =
		serving_replica(world, environment, action->revision, action->slot);
	struct deployment_status status = {0};
	struct arena arena;

	arena_init(&arena, 64 << 20);
	check_status(world, environment, &arena, &status);
	if (replica && replica->state == REPLICA_READY && replica->in_rotation &&
	    serving_weight(place, action->revision) > 0 &&
	    ready_of(world, environment, action->revision) == 1)
		world_violation(world, "S6", "the last ready replica of %.10s stops with weight %.3f",
		                action->revision.hex, serving_weight(place, action->revision));
	if (replica && replica->state == REPLICA_READY && digest_same(status.stable, action->revision) &&
	    (status.phase == PHASE_CANARY || status.phase == PHASE_CHECKING ||
	     (status.phase == PHASE_PROMOTING && world->wall_ms < status.keep_until_ms)) &&
	    ready_of(world, environment, action->revision) <= status.replicas)
		world_violation(world, "S7", "a stable replica stops in %s",
		                phase_names.names[status.phase]);
	arena_deinit(&arena);
}

/* One process a (revision, slot); traffic reaches somebody while anybody who was admitted is ready. */
void assert_world(struct world *world)
{
	for (int i = 0; i < SIM_REPLICAS; i++)
		for (int j = i + 1; j < SIM_REPLICAS; j++) {
			const struct sim_replica *a = &world->serving.replicas[i],
			                         *b = &world->serving.replicas[j];

			if (a->used && b->used && a->environment == b->environment && a->slot == b->slot &&
			    digest_same(a->revision, b->revision))
				world_violation(world, "S19", "two processes for one slot");
		}
	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		const struct sim_place *place = &world->serving.places[i];
		bool admitted = false;

		for (int j = 0; j < place->n_served; j++)
			admitted = admitted || ready_of(world, i, place->served[j]);
		if (!world->faults.on && admitted && place->dark_since_ms >= 0 &&
		    world->now_ms - place->dark_since_ms > DARK_MAX_MS)
			world_violation(world, "S5", "%s: a ready revision gets no traffic for %lld ms",
			                place->name, (long long)(world->now_ms - place->dark_since_ms));
	}
}
