/* A tiny serving world for planner tests: replicas become ready, weights are read back, traffic
 * flows by weight. It does what it is told and nothing else; each test bends it where it wants. */
#ifndef LINNET_TESTS_WORLD_H
#define LINNET_TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gate/gate.h"
#include "plan/plan.h"

enum { WORLD_VERSIONS = 8, WORLD_REPLICAS = 64, WORLD_START_MS = 2000,
       WORLD_DRAIN_MS = 2500 };
#define WORLD_EPOCH INT64_C(1782896400000) /* 2026-07-01T09:00:00Z */

/* How the replicas of one version behave. */
struct conduct {
	double bad;         /* share of requests that fail */
	double latency_ms;
	bool never_ready;
	bool crashes;       /* exits as soon as it would be ready */
	bool check_fails;
	bool corrupt;       /* its artifact does not verify */
	bool unreachable;   /* and cannot be fetched for now */
	double requests_left, bad_left; /* fractions carried to the next tick */
};
struct world_replica {
	struct replica seen;
	int64_t ready_ms, gone_ms; /* -1: not on its way out */
	int64_t exits[16];
	int n_exits;
	int version;
};
struct world {
	struct arena arena;
	int64_t now_ms;
	double requests_per_second;

	/* declarations */
	struct deployment deployment;
	struct environment environment;
	struct model model;
	struct gate_policy policy;
	struct model_version versions[WORLD_VERSIONS]; /* [1] is v1 */
	struct model_status model_status;
	struct step_spec steps[3];
	struct desired_deployment desired;
	struct request requests[4];
	size_t n_requests;

	/* the world */
	struct conduct conduct[WORLD_VERSIONS];
	struct digest digest[WORLD_VERSIONS]; /* revision digests as they were started */
	struct world_replica replicas[WORLD_REPLICAS];
	size_t n_replicas;
	struct revision_weight weights[8];
	size_t n_weights;
	struct work prepared[16], checked[16];
	size_t n_prepared, n_checked;
	int router;
	const char *unsaved; /* what the router cannot keep; NULL */
	bool unreadable; /* the next observation fails */
	bool lag;        /* weights are set, but not yet read back */
	bool lost;       /* what is asked of replicas and workers does not arrive */
	bool self_rotating; /* the router's own probes take replicas in and out */

	/* what is remembered */
	struct deployment_status history;
	struct evidence evidence;
	struct rollout_output last;
	int proposals;
	struct proposal_text proposed; /* the newest */
};

static inline void world_version(struct world *world, int v)
{
	struct model_version *version = &world->versions[v];

	version->model = "risk";
	version->version = arena_printf(&world->arena, "v%d", v);
	version->artifact.digest = digest_of(version->version, strlen(version->version));
	version->artifact.bytes = 100;
}

/* Declares `version: v<n>`; 0 is none. */
static inline void world_declare(struct world *world, int v)
{
	world->deployment.version = v ? arena_printf(&world->arena, "v%d", v) : NULL;
	world->desired.version = v ? &world->versions[v] : NULL;
	world->desired.commit = arena_printf(&world->arena, "c%lld", (long long)world->now_ms);
	world->desired.manifest = arena_printf(&world->arena, "m%lld", (long long)world->now_ms);
}

static inline void world_init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	arena_init(&world->arena, (size_t)1 << 30);
	world->now_ms = WORLD_EPOCH;
	world->requests_per_second = 200;
	world->router = 1;
	world->steps[0] = (struct step_spec){.05, 100, 30000, 3, false};
	world->steps[1] = (struct step_spec){.25, 100, 30000, 1.5, false};
	world->steps[2] = (struct step_spec){.weight = 1};
	world->deployment = (struct deployment){
		.meta = {.name = "risk", .namespace = "production"},
		.model = "risk",
		.replicas = 2,
		.start_timeout_ms = 60000,
		.drain_timeout_ms = 30000,
		.cpu_millis = -1,
		.memory_bytes = -1,
		.rollout = {
			.strategy = STRATEGY_CANARY,
			.steps = world->steps,
			.n_steps = 3,
			.analysis = {
				.false_rollback = .01,
				.errors_max = .05,
				.errors_margin = .001,
				.latency_margin = .1,
				.predictions_max_distance = NAN,
				.warmup_ms = 5000,
				.warmup_requests = 20,
				.no_data_deadline_ms = 1800000,
			},
			.on_inconclusive = INCONCLUSIVE_HOLD,
			.deadline_ms = 86400000,
			.keep_previous_ms = 60000,
			.rollback_window = 3,
		},
	};
	world->environment = (struct environment){
		.meta = {.name = "production"},
		.maturity = MATURITY_MATURE,
		.automation = {LEVEL_UNSET, LEVEL_UNSET, LEVEL_UNSET, LEVEL_UNSET},
		.approvals = {.expire_ms = 86400000},
	};
	world->model.meta.name = "risk";
	for (int v = 1; v < WORLD_VERSIONS; v++) {
		world_version(world, v);
		world->conduct[v].latency_ms = 5;
	}
	world->desired = (struct desired_deployment){
		.known = true,
		.deployment = &world->deployment,
		.environment = &world->environment,
		.model = &world->model,
		.model_status = &world->model_status,
	};
	world->history.environment = "production";
	world->history.name = "risk";
	world_declare(world, 0);
}

static inline void world_deinit(struct world *world) { arena_deinit(&world->arena); }

/* The digest of v<n> under today's declaration. */
static inline struct digest world_revision(struct world *world, int v)
{
	struct desired_deployment desired = world->desired;

	desired.known = true;
	desired.absent = false;
	desired.version = &world->versions[v];
	return desired_revision(&desired, &world->arena).digest;
}

/* What the declaration asks for now. */
static inline struct digest world_wanted(struct world *world)
{
	return desired_revision(&world->desired, &world->arena).digest;
}

static inline int world_version_of(const struct world *world, const struct revision *spec)
{
	for (int v = 1; spec && v < WORLD_VERSIONS; v++)
		if (strcmp(spec->version, world->versions[v].version) == 0)
			return v;
	fail_msg("a revision that was never declared");
	return 0;
}

/* ---- time passes ---- */

static inline double world_weight(const struct world *world, struct digest revision)
{
	for (size_t i = 0; i < world->n_weights; i++)
		if (digest_same(world->weights[i].revision, revision))
			return world->weights[i].weight;
	return 0;
}

static inline int world_ready(const struct world *world, struct digest revision)
{
	int n = 0;

	for (size_t i = 0; i < world->n_replicas; i++)
		n += world->replicas[i].seen.state == REPLICA_READY &&
		     digest_same(world->replicas[i].seen.revision, revision);
	return n;
}

static inline void world_exit(struct world *world, struct world_replica *replica)
{
	replica->seen.state = REPLICA_EXITED;
	replica->seen.in_rotation = false;
	replica->seen.failure = "exit 1: boom";
	if (replica->n_exits < 16)
		replica->exits[replica->n_exits++] = world->now_ms;
}

static inline void world_age(struct world *world)
{
	size_t kept = 0;

	for (size_t i = 0; i < world->n_replicas; i++) {
		struct world_replica *replica = &world->replicas[i];
		const struct conduct *conduct = &world->conduct[replica->version];

		if (replica->seen.state == REPLICA_DRAINING && world->now_ms >= replica->gone_ms)
			continue;
		if (replica->seen.state == REPLICA_STARTING && world->now_ms >= replica->ready_ms &&
		    !conduct->never_ready) {
			if (conduct->crashes)
				world_exit(world, replica);
			else
				replica->seen.state = REPLICA_READY;
			replica->seen.in_rotation = world->self_rotating && !conduct->crashes;
		}
		replica->seen.restarts = 0;
		for (int j = 0; j < replica->n_exits; j++)
			replica->seen.restarts += replica->exits[j] > world->now_ms - 600000;
		world->replicas[kept++] = *replica;
	}
	world->n_replicas = kept;
}

/* Requests of one replica's share over `ms`. */
static inline void world_serve(struct world *world, struct world_replica *replica, int64_t ms)
{
	struct conduct *conduct = &world->conduct[replica->version];
	double weight = world_weight(world, replica->seen.revision);
	double n = world->requests_per_second * (double)ms / 1000 * weight /
	           world_ready(world, replica->seen.revision);
	uint64_t requests, bad;

	conduct->requests_left += n;
	requests = (uint64_t)conduct->requests_left;
	conduct->requests_left -= (double)requests;
	conduct->bad_left += (double)requests * conduct->bad;
	bad = (uint64_t)conduct->bad_left;
	conduct->bad_left -= (double)bad;
	replica->seen.counters.requests += requests;
	replica->seen.counters.bad += bad;
	replica->seen.counters.latency[latency_bin(conduct->latency_ms)] += requests;
}

static inline void world_pass_time(struct world *world, int64_t ms)
{
	world->now_ms += ms;
	world_age(world);
	for (size_t i = 0; i < world->n_replicas; i++)
		if (world->replicas[i].seen.state == REPLICA_READY && world->replicas[i].seen.in_rotation)
			world_serve(world, &world->replicas[i], ms);
}

/* ---- actions ---- */

static inline struct world_replica *world_find(struct world *world, struct digest revision,
                                               int slot)
{
	for (size_t i = 0; i < world->n_replicas; i++)
		if (world->replicas[i].seen.slot == slot &&
		    digest_same(world->replicas[i].seen.revision, revision))
			return &world->replicas[i];
	return NULL;
}

static inline void world_set_weights(struct world *world, const struct action *action)
{
	world->n_weights = 0;
	for (size_t i = 0; i < action->n_weights; i++)
		if (action->weights[i].weight > 0)
			world->weights[world->n_weights++] = action->weights[i];
	for (size_t i = 0; i < world->n_replicas; i++)
		world->replicas[i].seen.in_rotation = world->replicas[i].seen.state == REPLICA_READY;
}

static inline void world_start(struct world *world, const struct action *action)
{
	struct world_replica *replica = world_find(world, action->revision, action->slot);

	assert_non_null(action->spec);
	if (!replica) {
		assert_true(world->n_replicas < WORLD_REPLICAS);
		replica = &world->replicas[world->n_replicas++];
		memset(replica, 0, sizeof(*replica));
	} else if (replica->seen.state != REPLICA_EXITED) {
		return; /* done already */
	}
	replica->version = world_version_of(world, action->spec);
	replica->seen.revision = action->revision;
	replica->seen.slot = action->slot;
	replica->seen.state = REPLICA_STARTING;
	replica->seen.failure = NULL;
	replica->seen.started_ms = world->now_ms;
	replica->seen.counters = (struct counters){0};
	replica->ready_ms = world->now_ms + WORLD_START_MS;
	world->digest[replica->version] = action->revision;
}

static inline void world_work(struct world *world, struct work *list, size_t *n,
                              struct digest revision, bool fails, const char *why)
{
	struct work *work = NULL;

	for (size_t i = 0; i < *n; i++)
		if (digest_same(list[i].revision, revision))
			work = &list[i];
	if (!work)
		work = &list[(*n)++];
	assert_true(*n < 16);
	*work = (struct work){revision, fails ? WORK_FAILED : WORK_DONE, false, fails ? why : NULL,
	                      world->now_ms};
}

static inline void world_unreachable(struct world *world, struct digest revision)
{
	for (size_t i = 0; i < world->n_prepared; i++)
		if (digest_same(world->prepared[i].revision, revision)) {
			world->prepared[i].state = WORK_FAILED;
			world->prepared[i].retryable = true;
			world->prepared[i].why = "the source is out of reach";
		}
}

static inline void world_apply(struct world *world, const struct action *action)
{
	struct world_replica *replica;
	int v;

	if (world->lost && action->kind != ACTION_SET_WEIGHTS)
		return;
	switch (action->kind) {
	case ACTION_SET_WEIGHTS:
		if (!world->lag)
			world_set_weights(world, action);
		break;
	case ACTION_STOP_REPLICA:
		replica = world_find(world, action->revision, action->slot);
		if (replica && replica->seen.state != REPLICA_DRAINING) {
			replica->seen.state = REPLICA_DRAINING;
			replica->seen.in_rotation = false;
			replica->gone_ms = world->now_ms + WORLD_DRAIN_MS;
		}
		break;
	case ACTION_PREPARE:
		v = world_version_of(world, action->spec);
		world_work(world, world->prepared, &world->n_prepared, action->revision,
		           world->conduct[v].corrupt, "the artifact's digest does not match");
		if (world->conduct[v].unreachable)
			world_unreachable(world, action->revision);
		break;
	case ACTION_START_REPLICA:
		world_start(world, action);
		break;
	case ACTION_CHECK:
		v = world_version_of(world, action->spec);
		world_work(world, world->checked, &world->n_checked, action->revision,
		           world->conduct[v].check_fails, "row 3 of the golden batch differs");
		break;
	case ACTION_DROP:
		world->n_weights = 0;
		break;
	case ACTION_PROPOSE:
		world->proposals++;
		world->proposed = *action->proposal;
		for (size_t i = 0; i < world->history.n_proposed; i++)
			if (digest_same(world->history.proposed[i].digest, action->proposal->digest))
				world->history.proposed[i].outcome = PROPOSAL_WAITING;
		break;
	case ACTION_TRAIN:
	case ACTION_EVALUATE:
	case ACTION_CANCEL_RUN:
	case ACTION_KINDS:
		fail_msg("not an action of a rollout");
	}
}

/* ---- one pass, as the controller makes it ---- */

static inline struct observed world_observe(struct world *world)
{
	struct observed observed = {
		.known = !world->unreadable,
		.router = arena_printf(&world->arena, "router-%d", world->router),
		.unsaved = world->unsaved,
		.replicas = arena_array(&world->arena, world->n_replicas, struct replica),
		.n_replicas = world->n_replicas,
		.weights = arena_array(&world->arena, world->n_weights, struct revision_weight),
		.prepared = arena_memdup(&world->arena, world->prepared,
		                         world->n_prepared * sizeof(*world->prepared)),
		.n_prepared = world->n_prepared,
		.checked = arena_memdup(&world->arena, world->checked,
		                        world->n_checked * sizeof(*world->checked)),
		.n_checked = world->n_checked,
	};

	for (size_t i = 0; i < world->n_replicas; i++) {
		observed.replicas[i] = world->replicas[i].seen;
		observed.replicas[i].age_ms = world->now_ms - world->replicas[i].seen.started_ms;
	}
	/* a revision without a ready replica has no server to give its share to */
	for (size_t i = 0; i < world->n_weights; i++)
		if (world_ready(world, world->weights[i].revision) > 0)
			observed.weights[observed.n_weights++] = world->weights[i];
	return observed;
}

static inline struct rollout_input world_input(struct world *world)
{
	struct rollout_input input = {
		.desired = world->desired,
		.observed = world_observe(world),
		.history = world->history,
		.requests = arena_memdup(&world->arena, world->requests,
		                         world->n_requests * sizeof(*world->requests)),
		.n_requests = world->n_requests,
		.now_ms = world->now_ms,
	};

	gate_fold(&world->evidence, &input.observed, &world->history,
	          &world->deployment.rollout, world->now_ms, &world->arena);
	input.evidence = world->evidence;
	return input;
}

static inline void world_plan(struct world *world)
{
	struct rollout_input input = world_input(world);

	world->last = plan_rollout(&input, &world->arena);
	world->n_requests = 0;
}

static inline void world_act(struct world *world)
{
	const struct plan *plan = &world->last.plan;

	for (size_t i = 0; i < plan->n_actions; i++)
		if (plan->actions[i].reduces)
			world_apply(world, &plan->actions[i]);
	if (world->last.changed)
		world->history = world->last.next;
	for (size_t i = 0; i < plan->n_actions; i++)
		if (!plan->actions[i].reduces)
			world_apply(world, &plan->actions[i]);
}

/* One second of the world and one pass. */
static inline void world_tick(struct world *world)
{
	world_pass_time(world, 1000);
	world_plan(world);
	world_act(world);
}

static inline void world_run(struct world *world, int seconds)
{
	for (int i = 0; i < seconds; i++)
		world_tick(world);
}

/* Ticks until the phase is reached; fails after `seconds`. */
static inline void world_until(struct world *world, enum phase phase, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		world_tick(world);
		if (world->history.phase == phase)
			return;
	}
	fail_msg("phase %s was not reached, but %s (%s: %s)", phase_names.names[phase],
	         phase_names.names[world->history.phase],
	         world->history.reason ? world->history.reason : "",
	         world->history.message ? world->history.message : "");
}

/* v<n> serves everything, promoted. */
static inline void world_settle(struct world *world, int v)
{
	world_declare(world, v);
	world_until(world, PHASE_STEADY, 600);
	if (!digest_same(world->history.stable, world_revision(world, v)))
		world_until(world, PHASE_STEADY, 600);
	world_tick(world);
	assert_true(digest_same(world->history.stable, world_revision(world, v)));
}

#endif
