#include "sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

const struct names fault_names = {
	(const char *const[]){"fetch", "lag", "push", "publish", "read", "propose", "pusher", "observe",
	                      "stale", "apply", "lost-reply", "process", "vanish", "crash", "exit",
	                      "router", "hand", "clock", "disk"},
	FAULTS,
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t draw(uint64_t *state, uint64_t below)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return below ? z % below : z;
}

uint64_t world_random(struct world *world, uint64_t below)
{
	return draw(&world->rng, below);
}

void world_event(struct world *world, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	for (int i = 0; i < n && i < (int)sizeof(line) - 1; i++)
		world->hash = (world->hash ^ (unsigned char)line[i]) * 0x100000001b3u;
	world->hash = (world->hash ^ (uint64_t)world->now_ms) * 0x100000001b3u;
	if (world->trace)
		fprintf(world->trace, "%10.3f %s\n", (double)world->now_ms / 1000, line);
}

void world_violation(struct world *world, const char *invariant, const char *fmt, ...)
{
	char text[400];
	va_list args;

	if (world->violation[0])
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(world->violation, sizeof(world->violation), "%s: %s", invariant, text);
	world_event(world, "VIOLATION %s", world->violation);
}

/* Drawn apart from the world's chances, and whether the class is on or not: what is left out to
 * find the smallest failure changes nothing else. */
bool world_fault(struct world *world, enum fault fault)
{
	struct faults *faults = &world->faults;

	if (!faults->on || faults->nth || faults->crash_after ||
	    draw(&faults->rng, faults->one_in) != 0 || !(faults->enabled & (1u << fault)) ||
	    (faults->limit && faults->happened >= faults->limit))
		return false;
	faults->happened++;
	world_event(world, "fault %lld %s", (long long)faults->happened, fault_names.names[fault]);
	return true;
}

int world_call(struct world *world, enum fault before, enum fault lost)
{
	struct faults *faults = &world->faults;

	if (world->crashed)
		return 1;
	faults->calls++;
	if (faults->on && (faults->calls == faults->nth || faults->calls == faults->nth_more)) {
		faults->happened++;
		world_event(world, "fault call %lld %s its effect", (long long)faults->calls,
		            faults->after_effect ? "after" : "before");
		return faults->after_effect ? 2 : 1;
	}
	if (world_fault(world, before))
		return 1;
	return world_fault(world, lost) ? 2 : 0;
}

void world_act_done(struct world *world)
{
	struct faults *faults = &world->faults;

	faults->acts++;
	world->acts_in_pass++;
	if (!faults->on)
		return;
	if (faults->acts == faults->crash_after || faults->acts == faults->crash_again ||
	    world_fault(world, FAULT_CRASH)) {
		world->crashed = true;
		faults->crashes++;
		world_event(world, "crash after act %lld", (long long)faults->acts);
	}
}

const struct traits *world_traits(const struct world *world, const char *version)
{
	for (int i = 0; version && i < world->n_versions; i++)
		if (!strcmp(world->versions[i].name, version))
			return &world->versions[i];
	return &world->versions[0];
}

static int64_t clock_now(void *self)
{
	return ((struct world *)self)->now_ms;
}

static int64_t clock_wall(void *self)
{
	return ((struct world *)self)->wall_ms;
}

static int http_perform(void *self, const struct http_request *requests, struct http_reply *replies,
                        size_t n, int64_t deadline_ms, struct arena *arena, struct err *err)
{
	(void)self;
	(void)requests;
	(void)replies;
	(void)n;
	(void)deadline_ms;
	(void)arena;
	return err_set(err, ERR_TRANSIENT, "no network here");
}

static void start_controller(struct world *world)
{
	world->crashed = false;
	world->starts++;
	world->unsteady_until_ms = -1;
	world->jumped = false; /* it never knew another clock */
	world->asked[0] = 0;
	git_restart(world);
	world->controller = controller_new(&world->ports, &world->config);
}

void world_restart(struct world *world)
{
	controller_free(world->controller);
	start_controller(world);
}

struct world *world_new(uint64_t seed, FILE *trace)
{
	struct world *world = heap_alloc(1, sizeof(*world));
	struct err err = {0};

	texts_forget();
	world->rng = seed * 2654435761u + 1;
	world->hash = 0xcbf29ce484222325u;
	world->trace = trace;
	world->now_ms = 1000000;
	world->wall_ms = 1767225600000; /* 2026-01-01 */
	arena_init(&world->arena, (size_t)2 << 30);
	world->config = (struct controller_config){
		.id = "0123456789abcdef",
		.fleet_path = ".",
		.fleet_name = "simulated",
		.poll_ms = SIM_POLL_MS,
		.runs_concurrent = 1,
		.metrics_allow = "http://prometheus:9090",
		.run = {.self = "linnet-controller", .data_root = "/data", .state = "/state",
		        .store = "/store"},
	};
	state_wire(world);
	world->ports.clock = (struct port_clock){world, clock_now, clock_wall};
	world->ports.http = (struct port_http){world, http_perform, prometheus_ask};
	git_wire(world);
	serving_wire(world);
	runs_wire(world);
	if (seed % 4 == 0) /* it costs a third of the time, and decides nothing */
		watch_wire(world);
	if (port_check(&world->ports, &err))
		panic("%s", err.text);
	start_controller(world);
	return world;
}

void world_free(struct world *world)
{
	controller_free(world->controller);
	map_deinit(&world->git.blobs);
	map_deinit(&world->state);
	arena_deinit(&world->arena);
	free(world);
}

void world_jump(struct world *world, int64_t ms)
{
	world->wall_ms += ms;
	if (ms > 5000 || ms < -5000)
		world->jumped = true;
	world_event(world, "the clock jumps by %lld ms", (long long)ms);
}

bool world_disk_full(struct world *world)
{
	return world->now_ms < world->disk_full_until_ms;
}

/* What happens to the world by itself, now and then. */
static void mischief(struct world *world)
{
	struct sim_serving *serving = &world->serving;

	if (world_fault(world, FAULT_EXIT)) {
		struct sim_replica *replica = &serving->replicas[world_random(world, SIM_REPLICAS)];

		if (replica->used)
			serving_kill(world, replica);
	}
	if (world_fault(world, FAULT_ROUTER))
		serving_restart_router(world);
	if (world_fault(world, FAULT_HAND)) {
		struct sim_place *place = &serving->places[world_random(world, SIM_ENVIRONMENTS)];

		if (place->n_weights == 2) {
			double moved = place->weights[1].weight * (double)world_random(world, 200) / 100;

			place->weights[1].weight = moved > 1 ? 1 : moved;
			place->weights[0].weight = 1 - place->weights[1].weight;
			place->unseen = true;
			world_event(world, "by hand: weight %.3f", place->weights[1].weight);
		}
	}
	if (world_fault(world, FAULT_CLOCK))
		world_jump(world, (int64_t)world_random(world, 7200000));
	if (world_fault(world, FAULT_DISK))
		world->disk_full_until_ms = world->now_ms + (int64_t)world_random(world, 600000);
}

/* A pass that asks to be called again at once, over and over, is a busy loop (S22). */
static void look_at_rate(struct world *world, int64_t wait_ms)
{
	enum { SPINS_MAX = 100, ACTS_MAX = 64 };

	world->spins = wait_ms > 1 ? 0 : world->spins + 1;
	if (world->spins > SPINS_MAX)
		world_violation(world, "S22", "%d passes in a row that wait for nothing", SPINS_MAX);
	if (world->acts_in_pass > ACTS_MAX)
		world_violation(world, "S22", "%lld acts in one pass", (long long)world->acts_in_pass);
}

static void one_pass(struct world *world, int64_t *wait_ms)
{
	struct err err = {0};

	if (world->jumped)
		world->unsteady_until_ms = world->now_ms + 10000;
	world->jumped = false;
	world->acts_in_pass = 0;
	world->passes++;
	if (controller_pass(world->controller, wait_ms, &err) && !world->crashed) {
		world->ended = true;
		world_event(world, "the controller ended: %s", err.text);
		if (!world->may_end)
			world_violation(world, "pass", "ended: %s", err.text);
	}
	if (world->crashed) {
		world_restart(world);
		*wait_ms = 500;
	} else {
		look_at_rate(world, *wait_ms);
	}
}

void world_step(struct world *world, int64_t until_ms)
{
	int64_t wait_ms = SIM_POLL_MS;

	mischief(world);
	serving_advance(world);
	runs_advance(world);
	if (!world->ended)
		one_pass(world, &wait_ms);
	assert_world(world);
	if (wait_ms < 1)
		wait_ms = 1;
	if (world->now_ms + wait_ms > until_ms)
		wait_ms = until_ms - world->now_ms;
	if (wait_ms < 1)
		wait_ms = 1;
	world->now_ms += wait_ms;
	world->wall_ms += wait_ms;
}
