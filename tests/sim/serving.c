/* A serving world: replicas that start late and die, a router that forgets, failing requests. */
#include <math.h>
#include <string.h>

#include "sim.h"

enum { BASE_LATENCY_MS = 4, STALE_MS = 3000 };

/* ---- replicas and weights ---- */

struct sim_replica *serving_replica(struct world *world, int environment, struct digest revision,
                                    int slot)
{
	for (int i = 0; i < SIM_REPLICAS; i++) {
		struct sim_replica *replica = &world->serving.replicas[i];

		if (replica->used && replica->environment == environment && replica->slot == slot &&
		    digest_same(replica->revision, revision))
			return replica;
	}
	return NULL;
}

double serving_weight(const struct sim_place *place, struct digest revision)
{
	for (int i = 0; i < place->n_weights; i++)
		if (digest_same(place->weights[i].revision, revision))
			return place->weights[i].weight;
	return 0;
}

struct sim_story *serving_story(struct sim_place *place, struct digest revision)
{
	struct sim_story *story;

	for (int i = 0; i < place->n_stories; i++)
		if (digest_same(place->stories[i].revision, revision))
			return &place->stories[i];
	for (int i = 0; i < place->n_stories && !revision.hex[0]; i++)
		if (!place->stories[i].revision.hex[0])
			return &place->stories[i];
	if (place->n_stories == (int)ARRAY_LEN(place->stories))
		panic("more than %zu simulated revisions in one place", ARRAY_LEN(place->stories));
	story = &place->stories[place->n_stories++];
	*story = (struct sim_story){.revision = revision};
	return story;
}

int serving_ready(const struct world *world, int environment, struct digest revision)
{
	int n = 0;

	for (int i = 0; i < SIM_REPLICAS; i++) {
		const struct sim_replica *replica = &world->serving.replicas[i];

		n += replica->used && replica->environment == environment &&
		     replica->state == REPLICA_READY && digest_same(replica->revision, revision);
	}
	return n;
}

void serving_kill(struct world *world, struct sim_replica *replica)
{
	if (replica->state != REPLICA_STARTING && replica->state != REPLICA_READY)
		return;
	world_event(world, "replica %s-%d dies", replica->traits->name, replica->slot);
	replica->state = REPLICA_EXITED;
	replica->in_rotation = false;
	replica->exits_ms[replica->n_exits++ % 8] = world->now_ms;
}

/* Exits in the last ten minutes. */
static int recent_exits(const struct world *world, const struct sim_replica *replica)
{
	int n = 0;

	for (int i = 0; i < replica->n_exits && i < 8; i++)
		n += world->now_ms - replica->exits_ms[i] < 600000;
	return n;
}

/* The new process has read the files that were written after every change: weights stay; but some
 * of the time the last change had not reached them. */
void serving_restart_router(struct world *world)
{
	world->serving.router++;
	world_event(world, "the router restarts as %d", world->serving.router);
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		if (world_random(world, 2))
			world->serving.places[i].n_weights = 0;
	for (int i = 0; i < SIM_REPLICAS; i++) {
		struct sim_replica *replica = &world->serving.replicas[i];

		memset(&replica->counters, 0, sizeof(replica->counters));
		if (!world->serving.places[replica->environment].n_weights)
			replica->in_rotation = false;
	}
}

static void advance_replica(struct world *world, struct sim_replica *replica)
{
	if (replica->state == REPLICA_STARTING && world->now_ms >= replica->ready_ms) {
		if (replica->traits->crash) {
			serving_kill(world, replica);
		} else if (!replica->traits->never_ready) {
			replica->state = REPLICA_READY;
			replica->in_rotation = true;
		}
	}
	if (replica->state == REPLICA_DRAINING && world->now_ms >= replica->stop_ms) {
		world_event(world, "replica %s-%d is gone", replica->traits->name, replica->slot);
		replica->used = false;
	}
}

/* ---- traffic ---- */

/* Many at once by the sum of twelve uniform numbers, which is near enough to a normal one. */
uint64_t serving_draw(struct world *world, uint64_t n, double rate)
{
	uint64_t threshold = (uint64_t)(rate * 1e9), bad = 0;
	double normal = -6, exact;

	if (rate <= 0)
		return 0;
	if (n <= 64) {
		for (uint64_t i = 0; i < n; i++)
			bad += world_random(world, 1000000000) < threshold;
		return bad;
	}
	for (int i = 0; i < 12; i++)
		normal += (double)world_random(world, 1 << 20) / (1 << 20);
	exact = (double)n * rate + normal * sqrt((double)n * rate * (1 - rate));
	return exact < 0 ? 0 : exact > (double)n ? n : (uint64_t)exact;
}

/* n requests to one replica: errors by its rate, latencies on five quantiles. */
static void serve(struct world *world, struct sim_place *place, struct sim_replica *replica,
                  uint64_t n)
{
	static const double spread[] = {0.6, 0.8, 1, 1.3, 2.2};
	uint64_t bad = serving_draw(world, n, replica->traits->errors), first = world_random(world, 5);

	replica->counters.requests += n;
	replica->counters.bad += bad;
	place->requests += n;
	place->bad += bad;
	serving_story(place, replica->revision)->requests += n;
	labels_log(world, place, replica, n);
	for (uint64_t i = 0; i < 5; i++) {
		double ms = BASE_LATENCY_MS * replica->traits->slow * spread[(first + i) % 5];

		replica->counters.latency[latency_bin(ms)] += n / 5 + (i < n % 5);
	}
}

static int pick(struct world *world, int environment, struct digest revision,
                struct sim_replica *out[SIM_REPLICAS])
{
	int n = 0;

	for (int i = 0; i < SIM_REPLICAS; i++) {
		struct sim_replica *replica = &world->serving.replicas[i];

		if (replica->used && replica->environment == environment &&
		    replica->state == REPLICA_READY && replica->in_rotation &&
		    digest_same(replica->revision, revision))
			out[n++] = replica;
	}
	return n;
}

static bool any_ready(const struct world *world, int environment)
{
	for (int i = 0; i < SIM_REPLICAS; i++) {
		const struct sim_replica *replica = &world->serving.replicas[i];

		if (replica->used && replica->environment == environment &&
		    replica->state == REPLICA_READY)
			return true;
	}
	return false;
}

static bool any_served(const struct sim_place *place)
{
	for (int i = 0; i < place->n_stories; i++)
		if (place->stories[i].served)
			return true;
	return false;
}

static void advance_traffic(struct world *world, int environment)
{
	struct sim_place *place = &world->serving.places[environment];
	double seconds = (double)(world->now_ms - place->moved_ms) / 1000;
	double total = 0, due = place->carry + place->rate * seconds;
	struct sim_replica *ready[SIM_REPLICAS];
	uint64_t n;

	place->moved_ms = world->now_ms;
	if (due > 200000)
		due = 200000; /* a long idle time says nothing more */
	n = (uint64_t)due;
	place->carry = due - (double)n;
	for (int i = 0; i < place->n_weights; i++)
		if (pick(world, environment, place->weights[i].revision, ready))
			total += place->weights[i].weight;
	if (total > 0 || !any_ready(world, environment) || !any_served(place))
		place->dark_since_ms = -1;
	else if (place->dark_since_ms < 0)
		place->dark_since_ms = world->now_ms;
	if (total <= 0) {
		place->lost += n;
		return;
	}
	for (int i = 0; i < place->n_weights; i++) {
		int k = pick(world, environment, place->weights[i].revision, ready);
		double share = k ? place->weights[i].weight / total : 0;
		double exact = share * (double)n;
		uint64_t mine = (uint64_t)exact +
		                (world_random(world, 1000000) < (uint64_t)((exact - floor(exact)) * 1e6));

		for (int j = 0; j < k; j++)
			serve(world, place, ready[j], mine / (uint64_t)k + (j < (int)(mine % (uint64_t)k)));
	}
}

void serving_advance(struct world *world)
{
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		advance_traffic(world, i);
	for (int i = 0; i < SIM_REPLICAS; i++)
		if (world->serving.replicas[i].used)
			advance_replica(world, &world->serving.replicas[i]);
}

/* ---- the port ---- */

static int environment_index(const struct world *world, const char *name)
{
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		if (world->serving.places[i].name && !strcmp(world->serving.places[i].name, name))
			return i;
	panic("no environment %s", name);
}

static void show_replicas(struct world *world, int environment, bool stale, struct arena *arena,
                          struct observed *out)
{
	for (int i = 0; i < SIM_REPLICAS; i++) {
		const struct sim_replica *replica = &world->serving.replicas[i];
		struct replica *shown;

		if (!replica->used || replica->environment != environment)
			continue;
		shown = list_push(arena, &out->replicas, &out->n_replicas);
		*shown = (struct replica){
			.revision = replica->revision,
			.slot = replica->slot,
			.state = stale && replica->state == REPLICA_READY &&
			                         world->now_ms - replica->ready_ms < STALE_MS
			                 ? REPLICA_STARTING : replica->state,
			.started_ms = replica->started_ms,
			.age_ms = world->now_ms - replica->begun_ms,
			.restarts = recent_exits(world, replica),
			.in_rotation = replica->in_rotation,
			.failure = replica->state == REPLICA_EXITED ? "exit status 1" : NULL,
			.counters = replica->counters,
		};
	}
	for (size_t i = 1; i < out->n_replicas; i++)
		for (size_t j = i; j > 0; j--) {
			struct replica *a = &out->replicas[j - 1], *b = &out->replicas[j], swapped;
			int order = strcmp(a->revision.hex, b->revision.hex);

			if (order < 0 || (order == 0 && a->slot < b->slot))
				break;
			swapped = *a;
			*a = *b;
			*b = swapped;
		}
}

static void show_weights(struct world *world, int environment, bool stale, struct arena *arena,
                         struct observed *out)
{
	struct sim_place *place = &world->serving.places[environment];
	struct sim_replica *ready[SIM_REPLICAS];
	int n = stale ? place->n_stale : place->n_weights;
	const struct sim_weight *weights = stale ? place->stale_weights : place->weights;
	double total = 0;

	for (int i = 0; i < n; i++)
		if (pick(world, environment, weights[i].revision, ready))
			total += weights[i].weight;
	for (int i = 0; i < n; i++) {
		struct revision_weight *shown;

		if (weights[i].weight <= 0 || !pick(world, environment, weights[i].revision, ready))
			continue;
		shown = list_push(arena, &out->weights, &out->n_weights);
		*shown = (struct revision_weight){weights[i].revision, weights[i].weight / total};
	}
	memcpy(place->stale_weights, place->weights, sizeof(place->weights));
	place->n_stale = place->n_weights;
	place->unseen = place->unseen && stale;
}

/* What the newest look showed: a status may claim that and nothing else (S17). */
static void remember_shown(struct sim_place *place, const struct observed *observed)
{
	place->n_shown = (int)observed->n_weights;
	for (size_t i = 0; i < observed->n_weights; i++)
		place->shown[i] = (struct sim_weight){observed->weights[i].revision,
		                                      observed->weights[i].weight};
	for (int i = 0; i < place->n_stories; i++)
		place->stories[i].shown_ready = false;
	for (size_t i = 0; i < observed->n_replicas; i++)
		if (observed->replicas[i].state == REPLICA_READY)
			serving_story(place, observed->replicas[i].revision)->shown_ready = true;
}

static void show_works(struct world *world, bool check, struct arena *arena, struct work **works,
                       size_t *n)
{
	for (int i = 0; i < world->serving.n_works; i++) {
		const struct sim_work *work = &world->serving.works[i];
		bool fails = check ? work->traits->bad_check : work->traits->corrupt;
		struct work *shown;

		if (work->check != check)
			continue;
		shown = list_push(arena, works, n);
		*shown = (struct work){.revision = work->revision, .since_ms = work->since_ms};
		shown->state = fails ? WORK_FAILED : WORK_DONE;
		if (world->now_ms < work->done_ms)
			shown->state = WORK_RUNNING;
		if (shown->state == WORK_FAILED)
			shown->why = check ? "output y: expected BYTES, found FP64"
			                   : "the artifact's bytes do not match its digest";
	}
}

static int port_observe(void *self, const struct serving_look *looks, size_t n, struct arena *arena,
                        struct observed *out, struct err *err)
{
	struct world *world = self;

	if (world_call(world, FAULT_OBSERVE, FAULT_OBSERVE)) {
		for (size_t i = 0; i < n; i++)
			out[i] = (struct observed){0}; /* a claim needs a look of its own (S17) */
		return err_set(err, ERR_TRANSIENT, "the router does not answer");
	}
	serving_advance(world);
	for (size_t i = 0; i < n; i++) {
		int environment = environment_index(world, looks[i].key.environment);
		bool stale = world_fault(world, FAULT_STALE);

		out[i] = (struct observed){.known = true};
		out[i].router = arena_printf(arena, "router-%d", world->serving.router);
		show_replicas(world, environment, stale, arena, &out[i]);
		show_weights(world, environment, stale, arena, &out[i]);
		labels_show(world, &world->serving.places[environment], looks[i].output, stale, arena,
		            &out[i]);
		remember_shown(&world->serving.places[environment], &out[i]);
		show_works(world, false, arena, &out[i].prepared, &out[i].n_prepared);
		show_works(world, true, arena, &out[i].checked, &out[i].n_checked);
	}
	return 0;
}

static struct sim_replica *replica_room(struct world *world)
{
	for (int i = 0; i < SIM_REPLICAS; i++)
		if (!world->serving.replicas[i].used)
			return &world->serving.replicas[i];
	panic("more than %d simulated replicas", SIM_REPLICAS);
}

static void start_replica(struct world *world, int environment, const struct action *action)
{
	struct sim_place *place = &world->serving.places[environment];
	struct sim_replica *replica =
		serving_replica(world, environment, action->revision, action->slot);

	if (replica && replica->state != REPLICA_EXITED)
		return; /* adopted: starting it twice is starting it once */
	if (!replica) {
		replica = replica_room(world);
		*replica = (struct sim_replica){.used = true, .environment = environment,
		                                .revision = action->revision, .slot = action->slot};
	}
	memset(&replica->counters, 0, sizeof(replica->counters));
	replica->traits = world_traits(world, action->spec ? action->spec->version : NULL);
	replica->state = REPLICA_STARTING;
	replica->in_rotation = false;
	replica->started_ms = world->wall_ms;
	replica->begun_ms = world->now_ms;
	replica->ready_ms = world->now_ms + replica->traits->ready_ms +
	                    (int64_t)world_random(world, 400);
	serving_story(place, action->revision)->traits = replica->traits;
	world_event(world, "%s: starts %s-%d (%s)", place->name, replica->traits->name, replica->slot,
	            action->why);
}

static void keep_weight(struct sim_place *place, struct digest revision, double weight)
{
	int i = 0;

	while (i < place->n_weights && !digest_same(place->weights[i].revision, revision))
		i++;
	if (i == (int)ARRAY_LEN(place->weights))
		return; /* a third one beside two that are not lowered yet */
	place->n_weights += i == place->n_weights;
	place->weights[i] = (struct sim_weight){revision, weight};
}

/* Weights rise before others fall, so that somebody always serves; `part`: it ends there. */
static void set_weights(struct world *world, int environment, const struct action *action,
                        bool part)
{
	struct sim_place *place = &world->serving.places[environment];

	if (!part) {
		place->n_weights = 0;
		place->unseen = false;
	}
	for (size_t i = 0; i < action->n_weights; i++) {
		const struct revision_weight *weight = &action->weights[i];

		if (weight->weight >= serving_weight(place, weight->revision))
			keep_weight(place, weight->revision, weight->weight);
	}
	for (int i = 0; i < SIM_REPLICAS; i++) {
		struct sim_replica *replica = &world->serving.replicas[i];

		if (replica->used && replica->environment == environment)
			replica->in_rotation = replica->state == REPLICA_READY;
	}
	world_event(world, "%s: weights%s %.3f %.3f (%s)", place->name, part ? " in part" : "",
	            action->n_weights > 0 ? action->weights[0].weight : 0,
	            action->n_weights > 1 ? action->weights[1].weight : 0, action->why);
}

static void stop_replica(struct world *world, int environment, const struct action *action)
{
	struct sim_replica *replica =
		serving_replica(world, environment, action->revision, action->slot);

	if (!replica)
		return;
	world_event(world, "%s: stops %s-%d (%s)", world->serving.places[environment].name,
	            replica->traits->name, replica->slot, action->why);
	if (replica->state == REPLICA_EXITED) {
		replica->used = false;
		return;
	}
	if (replica->state != REPLICA_DRAINING)
		replica->stop_ms = world->now_ms + 300 + (int64_t)world_random(world, 2000);
	replica->state = REPLICA_DRAINING;
	replica->in_rotation = false;
}

static void begin_work(struct world *world, const struct action *action)
{
	struct sim_serving *serving = &world->serving;
	bool check = action->kind == ACTION_CHECK;
	int i = 0;

	while (i < serving->n_works && (serving->works[i].check != check ||
	                                !digest_same(serving->works[i].revision, action->revision)))
		i++;
	if (i == (int)ARRAY_LEN(serving->works))
		panic("more than %d simulated works", i);
	serving->n_works += i == serving->n_works;
	serving->works[i] = (struct sim_work){
		.check = check, .revision = action->revision,
		.traits = world_traits(world, action->spec ? action->spec->version : NULL),
		.since_ms = world->wall_ms,
		.done_ms = world->now_ms + 100 + (int64_t)world_random(world, 900),
	};
	world_event(world, "%s %s", check ? "checks" : "prepares", serving->works[i].traits->name);
}

static int port_apply(void *self, const struct serving_target *target, const struct action *action,
                      struct err *err)
{
	struct world *world = self;
	int environment = environment_index(world, target->key.environment);
	int call = world_call(world, FAULT_APPLY, FAULT_LOST_REPLY);
	bool part = call == 1 && !world->crashed && action->kind == ACTION_SET_WEIGHTS &&
	            world->faults.calls % 2;

	if ((call == 1 && !part) || world->serving.places[environment].stuck)
		return err_set(err, ERR_TRANSIENT, "not done");
	serving_advance(world);
	if (action->kind == ACTION_SET_WEIGHTS) {
		assert_weights(world, environment, action);
		set_weights(world, environment, action, part);
	} else if (action->kind == ACTION_START_REPLICA) {
		assert_start(world, environment, action);
		start_replica(world, environment, action);
	} else if (action->kind == ACTION_STOP_REPLICA) {
		assert_stop(world, environment, action);
		stop_replica(world, environment, action);
	} else if (action->kind == ACTION_DROP) {
		assert_drop(world, environment);
		world->serving.places[environment].n_weights = 0;
		world->serving.places[environment].n_stories = 0;
		world_event(world, "%s: dropped", world->serving.places[environment].name);
	} else {
		begin_work(world, action);
	}
	world_act_done(world);
	if (call == 2 || world->crashed)
		return err_set(err, ERR_UNKNOWN, "the reply was lost");
	return part ? err_set(err, ERR_TRANSIENT, "only what rises was done") : 0;
}

static int port_inventory(void *self, struct arena *arena, struct serving_key **keys, size_t *n,
                          struct err *err)
{
	struct world *world = self;

	if (world_call(world, FAULT_OBSERVE, FAULT_OBSERVE))
		return err_set(err, ERR_TRANSIENT, "not now");
	*keys = NULL;
	*n = 0;
	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		struct serving_key *key;

		if (!any_ready(world, i))
			continue;
		key = list_push(arena, keys, n);
		*key = (struct serving_key){world->serving.places[i].name, SIM_MODEL};
	}
	return 0;
}

void serving_wire(struct world *world)
{
	world->serving.places[0].name = "prod";
	world->serving.places[1].name = "staging";
	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		world->serving.places[i].moved_ms = world->now_ms;
		world->serving.places[i].dark_since_ms = -1;
		world->serving.places[i].n_shown = -1;
	}
	world->serving.router = 1;
	world->ports.serving = (struct port_serving){world, port_observe, port_apply, port_inventory};
}
