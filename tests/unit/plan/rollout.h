/* What the tests of the rollout cycle ask of their world, and tell it. */
#ifndef LINNET_TESTS_ROLLOUT_H
#define LINNET_TESTS_ROLLOUT_H

#include "plan/world.h"

static inline struct digest serving(const struct world *world)
{
	assert_int_equal(world->n_weights, 1);
	assert_true(world->weights[0].weight == 1);
	return world->weights[0].revision;
}

static inline int setup(void **state)
{
	struct world *world = test_malloc(sizeof(*world));

	world_init(world);
	*state = world;
	return 0;
}

static inline int teardown(void **state)
{
	world_deinit(*state);
	test_free(*state);
	return 0;
}

static inline bool condition_is(const struct world *world, enum condition_type type,
                                enum truth status, const char *reason)
{
	const struct condition *condition = &world->history.conditions[type];

	return world->history.has_condition[type] && condition->status == status &&
	       strcmp(condition->reason, reason) == 0;
}

static inline void ask(struct world *world, enum request_verb verb)
{
	world->requests[world->n_requests++] =
		(struct request){.verb = verb, .by = "ada", .reason = "because", .expires_ms = -1};
}

static inline double share(struct world *world, int v)
{
	return world_weight(world, world_revision(world, v));
}

/* v1 promoted, v2 in its first step. */
static inline void into_canary(struct world *world)
{
	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_CANARY, 60);
	world_tick(world);
}

/* Replicas of v<n> in any state. */
static inline int count_replicas(struct world *world, int v)
{
	int n = 0;

	for (size_t i = 0; i < world->n_replicas; i++)
		n += world->replicas[i].version == v;
	return n;
}

static inline void kill_replicas(struct world *world, int v)
{
	for (size_t i = 0; i < world->n_replicas; i++)
		if (world->replicas[i].version == v && world->replicas[i].seen.state == REPLICA_READY)
			world_exit(world, &world->replicas[i]);
}

static inline const struct action *find_action(const struct world *world, enum action_kind kind)
{
	for (size_t i = 0; i < world->last.plan.n_actions; i++)
		if (world->last.plan.actions[i].kind == kind)
			return &world->last.plan.actions[i];
	return NULL;
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
