#include "plan/world.h"

static struct digest serving(const struct world *world)
{
	assert_int_equal(world->n_weights, 1);
	assert_true(world->weights[0].weight == 1);
	return world->weights[0].revision;
}

static int setup(void **state)
{
	struct world *world = test_malloc(sizeof(*world));

	world_init(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	world_deinit(*state);
	test_free(*state);
	return 0;
}

/* ---- the whole way ---- */

static void nothing_serves_while_version_is_none(void **state)
{
	struct world *world = *state;

	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_int_equal(world->n_replicas, 0);
	assert_int_equal(world->last.plan.n_actions, 0);
	assert_false(world->last.changed);
}

static void first_deployment_takes_all_traffic_without_steps(void **state)
{
	struct world *world = *state;

	world_declare(world, 1);
	world_until(world, PHASE_PROMOTING, 30);
	assert_int_equal(world->history.n_promoted, 0);
	world_until(world, PHASE_STEADY, 120);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
	assert_int_equal(world->history.n_promoted, 1);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 2);
}

static void canary_goes_up_step_by_step(void **state)
{
	struct world *world = *state;
	double seen[16] = {0};
	size_t n = 0;

	world_settle(world, 1);
	world_declare(world, 2);
	for (int i = 0; i < 600; i++) {
		double weight;

		world_tick(world);
		weight = world_weight(world, world_revision(world, 2));
		if (n == 0 || seen[n - 1] != weight)
			seen[n++] = weight;
	}
	assert_int_equal(n, 4);
	assert_true(seen[0] == 0 && seen[1] == .05 && seen[2] == .25 && seen[3] == 1);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_true(digest_same(serving(world), world_revision(world, 2)));
	assert_int_equal(world_ready(world, world_revision(world, 1)), 0);
	assert_false(world->last.changed);
	assert_int_equal(world->last.plan.n_actions, 0);
}

static void harm_rolls_back_quarantines_and_reverts(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].bad = .3;
	world_declare(world, 2);
	world_until(world, PHASE_ROLLING_BACK, 120);
	assert_true(world_weight(world, world_revision(world, 2)) == 0);
	world_until(world, PHASE_ROLLED_BACK, 30);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
	assert_true(status_quarantined(&world->history, world_revision(world, 2)));
	assert_int_equal(world_ready(world, world_revision(world, 2)), 0);
	world_run(world, 60);
	assert_int_equal(world->proposals, 1);
	assert_null(world->proposed.branch); /* mature: a commit on the fleet branch */
	assert_string_equal(world->proposed.edits[0].version, "v1");
	assert_string_equal(world->proposed.expects[0], "v2");
	world_declare(world, 1); /* the revert lands */
	world_run(world, 3);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_int_equal(world->history.proposed[0].outcome, PROPOSAL_MERGED);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(nothing_serves_while_version_is_none),
		case_of(first_deployment_takes_all_traffic_without_steps),
		case_of(canary_goes_up_step_by_step),
		case_of(harm_rolls_back_quarantines_and_reverts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
