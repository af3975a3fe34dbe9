/* What serves is kept as it was decided, until it goes. */
#include "plan/rollout.h"

/* ---- healing ---- */

static void a_dead_replica_is_replaced(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_exit(world, &world->replicas[0]);
	world_tick(world);
	assert_non_null(find_action(world, ACTION_START_REPLICA));
	assert_true(condition_is(world, CONDITION_HEALTHY, TRUTH_FALSE, "ReplicasMissing"));
	assert_true(condition_is(world, CONDITION_READY, TRUTH_TRUE, "Serving"));
	world_run(world, 5);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 2);
	assert_true(condition_is(world, CONDITION_HEALTHY, TRUTH_TRUE, "Healthy"));
	for (size_t i = 0; i < world->n_replicas; i++)
		assert_true(world->replicas[i].seen.in_rotation);
}

/* Its files may be gone from this machine. */
static void a_replica_is_started_when_what_it_needs_is_here(void **state)
{
	struct world *world = *state;
	const struct action *prepare;

	world_settle(world, 1);
	world->n_prepared = 0;
	kill_replicas(world, 1);
	world_tick(world);
	prepare = find_action(world, ACTION_PREPARE);
	assert_string_equal(prepare->why, "needed to start a replica");
	assert_int_equal(world->last.plan.n_actions, 1); /* once, for both */
	assert_true(digest_same(prepare->revision, world_revision(world, 1)));
	world_tick(world);
	assert_non_null(find_action(world, ACTION_START_REPLICA));
	world->n_prepared = 0;
	world->conduct[1].corrupt = true;
	world_run(world, 2);
	for (size_t i = 0; i < world->n_replicas; i++)
		world_exit(world, &world->replicas[i]);
	world_tick(world);
	assert_non_null(find_action(world, ACTION_PREPARE));
	world->now_ms += 5 * 60000 - 2000; /* as after a crash loop */
	world_tick(world);
	assert_null(find_action(world, ACTION_PREPARE));
	world_tick(world);
	assert_non_null(find_action(world, ACTION_PREPARE));
}

/* It is told, and stops nothing. */
static void a_router_that_cannot_keep_its_table_is_told(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->unsaved = "router.json: no space left";
	world_tick(world);
	assert_true(condition_is(world, CONDITION_HEALTHY, TRUTH_FALSE, "RouterUnsaved"));
	assert_true(condition_is(world, CONDITION_READY, TRUTH_TRUE, "Serving"));
	world->unsaved = NULL;
	world_tick(world);
	assert_true(condition_is(world, CONDITION_HEALTHY, TRUTH_TRUE, "Healthy"));
}

static void five_deaths_in_ten_minutes_back_off(void **state)
{
	struct world *world = *state;
	int starts = 0;

	world_settle(world, 1);
	world->conduct[1].crashes = true;
	kill_replicas(world, 1);
	world_tick(world);
	assert_true(condition_is(world, CONDITION_READY, TRUTH_FALSE, "NoReadyReplica"));
	for (int i = 0; i < 240; i++) {
		world_tick(world);
		for (size_t j = 0; j < world->last.plan.n_actions; j++)
			starts += world->last.plan.actions[j].kind == ACTION_START_REPLICA;
	}
	assert_int_equal(starts, 2 * 3); /* a death and a start each were before */
	assert_true(condition_is(world, CONDITION_HEALTHY, TRUTH_FALSE, "CrashLooping"));
	world->conduct[1].crashes = false;
	world_run(world, 100);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 2);
}

static void after_five_deaths_it_starts_when_its_time_has_come(void **state)
{
	struct world *world = *state;
	int64_t last_ms = 0;

	world_settle(world, 1);
	world->conduct[1].crashes = true;
	kill_replicas(world, 1);
	world_run(world, 30);
	assert_true(condition_is(world, CONDITION_HEALTHY, TRUTH_FALSE, "CrashLooping"));
	for (size_t i = 0; i < world->n_replicas; i++)
		if (world->replicas[i].seen.started_ms > last_ms)
			last_ms = world->replicas[i].seen.started_ms;
	world->now_ms = last_ms + 5 * 60000 - 1000;
	world_tick(world);
	assert_non_null(find_action(world, ACTION_START_REPLICA));
}

static void declared_replicas_are_followed_up_and_down(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->deployment.replicas = 4;
	world_run(world, 5);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 4);
	world->deployment.replicas = 1;
	world_run(world, 5);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 1);
	assert_int_equal(world->n_replicas, 1);
}

static void live_weights_are_set_to_those_of_record(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->weights[0].weight = .5;
	world->weights[1].weight = .5;
	world_tick(world);
	assert_true(share(world, 2) == .05);
}

/* It rounds them to its own, but never to nothing. */
static void what_the_router_rounds_is_the_weight_of_record(void **state)
{
	static const struct {
		double live;
		bool same;
	} cases[] = {{.0555, true}, {.0445, true}, {.0565, false}, {.0435, false}};
	struct world *world = *state;

	into_canary(world);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		world->weights[0] = (struct revision_weight){world_revision(world, 1), 1 - cases[i].live};
		world->weights[1] = (struct revision_weight){world_revision(world, 2), cases[i].live};
		world->router += !cases[i].same; /* a new process: nobody's hand */
		world_plan(world);
		assert_int_equal(!find_action(world, ACTION_SET_WEIGHTS), cases[i].same);
	}
}

static void a_canary_turned_down_by_hand_is_left_until_the_next_step(void **state)
{
	struct world *world = *state;

	into_canary(world);
	for (size_t i = 0; i < world->n_weights; i++)
		world->weights[i].weight = digest_same(world->weights[i].revision,
		                                       world_revision(world, 2)) ? .02 : .98;
	world_run(world, 5);
	assert_true(share(world, 2) == .02);
	for (int i = 0; i < 300 && share(world, 2) == .02; i++)
		world_tick(world);
	assert_true(share(world, 2) == .25);
}

static void a_canary_turned_to_0_by_hand_holds_and_says_so(void **state)
{
	struct world *world = *state;

	into_canary(world);
	for (size_t i = 0; i < world->n_weights; i++)
		world->weights[i].weight = digest_same(world->weights[i].revision,
		                                       world_revision(world, 1));
	world_run(world, 300);
	assert_true(share(world, 2) == 0);
	assert_int_equal(world->history.phase, PHASE_CANARY);
	assert_string_equal(world->history.reason, "NoData");
	assert_string_equal(world->history.message,
	                    "somebody turned it to 0 % at the router: it holds");
}

/* One replica of each is all of them; where one is missing, its lower weight is nobody's hand. */
static void a_hand_is_known_from_a_death(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world->deployment.replicas = 1;
		into_canary(world);
		world->weights[0] = (struct revision_weight){world_revision(world, 1), .98};
		world->weights[1] = (struct revision_weight){world_revision(world, 2), .02};
		if (i & 1)
			world_find(world, world_revision(world, 2), 0)->seen.in_rotation = false;
		if (i & 2)
			kill_replicas(world, 1);
		world_plan(world);
		assert_true(world->last.next.candidate_weight == (i ? .05 : .02));
	}
}

/* Though the router still names what died, or nothing of the candidate is left at all. */
static void where_nothing_answers_nobody_turned_it_down(void **state)
{
	struct revision_weight weights[2];
	struct world *world = *state;
	struct rollout_input input;

	into_canary(world);
	weights[0] = (struct revision_weight){world_revision(world, 1), .98};
	weights[1] = (struct revision_weight){world_revision(world, 2), .02};
	input = world_input(world);
	input.observed.weights = weights;
	input.observed.n_weights = 2;
	assert_true(plan_rollout(&input, &world->arena).next.candidate_weight == .02);
	for (size_t i = 0; i < input.observed.n_replicas; i++)
		if (digest_same(input.observed.replicas[i].revision, weights[0].revision))
			input.observed.replicas[i].state = REPLICA_ABSENT;
	assert_true(plan_rollout(&input, &world->arena).next.candidate_weight == .05);
	input = world_input(world);
	weights[0].weight = 1;
	input.observed.weights = weights;
	input.observed.n_weights = 1;
	for (size_t i = input.observed.n_replicas; i-- > 0;)
		if (digest_same(input.observed.replicas[i].revision, weights[1].revision))
			input.observed.replicas[i] =
				input.observed.replicas[--input.observed.n_replicas];
	assert_true(plan_rollout(&input, &world->arena).next.candidate_weight == .05);
}

static void a_new_router_process_gets_everything_again(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->router++;
	world->n_weights = 0;
	world_tick(world);
	assert_true(share(world, 1) == .95 && share(world, 2) == .05);
	assert_true(digest_same(find_action(world, ACTION_SET_WEIGHTS)->weights[0].revision,
	                        world_revision(world, 1))); /* stable first */
	world_tick(world);
	assert_true(world->history.weights_seen);
	for (size_t i = 0; i < world->n_weights; i++)
		world->weights[i].weight = i ? .01 : .99; /* lower, but not by hand: */
	world->router++;
	world_tick(world);
	assert_true(share(world, 2) == .05);
}

static void an_intent_that_was_not_read_back_is_carried_out(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world->lag = true;
	world_until(world, PHASE_CANARY, 60);
	world_run(world, 5);
	assert_true(share(world, 2) == 0);
	assert_false(world->history.weights_seen);
	world_run(world, 200);
	assert_true(world->history.step == 0); /* no step up before the last one was seen */
	world->lag = false;
	world_run(world, 2);
	assert_true(share(world, 2) == .05);
	assert_true(world->history.weights_seen);
	world->lag = true;
	world_run(world, 200); /* 25 % of record, 5 % live: neither kept nor passed over */
	assert_int_equal(world->history.step, 1);
	assert_true(world->history.candidate_weight == .25);
	world->lag = false;
	world_tick(world);
	assert_true(share(world, 2) == .25);
}

/* The look may be older than the intent. */
static void what_may_carry_weight_is_not_stopped(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world->lag = true;
	world_until(world, PHASE_CANARY, 60);
	world_declare(world, 1);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_null(find_action(world, ACTION_STOP_REPLICA));
	world_run(world, 10);
	assert_int_equal(world_ready(world, world_revision(world, 2)), 0);
}

static void no_step_is_taken_while_a_new_router_has_other_weights(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->router++;
	world->lag = true;
	world->weights[1].weight = .1;
	world->weights[0].weight = .9;
	world_run(world, 200);
	assert_int_equal(world->history.step, 0);
}

static void a_dead_candidate_has_no_weight_until_it_is_back(void **state)
{
	struct world *world = *state;

	into_canary(world);
	kill_replicas(world, 2);
	world_tick(world);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
	assert_true(find_action(world, ACTION_SET_WEIGHTS)->reduces);
	assert_int_equal(world->history.phase, PHASE_CANARY);
	world_run(world, 6);
	assert_true(share(world, 2) == .05);
}

static void coming_back_by_the_routers_own_probes_is_no_hand(void **state)
{
	struct world *world = *state;

	world->self_rotating = true;
	a_dead_candidate_has_no_weight_until_it_is_back(state);
}

static void while_no_stable_replica_is_ready_the_candidate_serves(void **state)
{
	struct world *world = *state;

	into_canary(world);
	kill_replicas(world, 1);
	world_tick(world);
	assert_true(share(world, 2) == 1);
	assert_true(world->history.durable_weight == .05);
	world_run(world, 6);
	assert_true(share(world, 2) == .05); /* back to what is of record */
}

static void a_fix_does_not_wait_for_a_broken_stable_one(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[1].crashes = true;
	kill_replicas(world, 1);
	world_run(world, 20);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 30);
	world_run(world, 2);
	assert_true(share(world, 2) == 1);
	world_settle(world, 2);
}

/* It has had as long as a start may take. */
static void a_stable_one_that_does_not_come_back_is_broken(void **state)
{
	struct world *world = *state;
	int64_t down_ms;

	into_canary(world);
	world->conduct[1].never_ready = true;
	world->conduct[2].latency_ms = 5;
	kill_replicas(world, 1);
	world_tick(world);
	down_ms = world->now_ms;
	assert_int_equal(world->history.down_since_ms, down_ms);
	world->now_ms = down_ms + 60000 - 1000;
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_CANARY);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_PROMOTING);
}

static void a_rollback_never_lands_on_the_broken_side(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->conduct[1].crashes = true;
	world->conduct[2].bad = .5;
	kill_replicas(world, 1);
	for (int i = 0; i < 120; i++) {
		world_tick(world);
		assert_true(share(world, 2) == 1);
	}
	assert_int_equal(world->history.phase, PHASE_STALLED);
}

static void restart_replaces_replicas_one_by_one(void **state)
{
	struct world *world = *state;
	int64_t asked_ms;

	world_settle(world, 1);
	ask(world, REQUEST_RESTART);
	world_tick(world);
	asked_ms = world->now_ms;
	for (int i = 0; i < 30; i++) {
		world_tick(world);
		assert_true(world_ready(world, world_revision(world, 1)) >= 2);
	}
	assert_int_equal(world->n_replicas, 2);
	for (size_t i = 0; i < world->n_replicas; i++)
		assert_true(world->replicas[i].seen.started_ms >= asked_ms);
	assert_int_equal(world->history.restart_ms, -1);
}

/* ---- keeping, retiring, recreating ---- */

static void the_previous_revision_stays_warm_for_keep_previous(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 300);
	world_run(world, 50);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 2);
	world->conduct[2].bad = .5;
	world_until(world, PHASE_ROLLING_BACK, 9);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
}

static void nothing_is_promoted_while_somebody_has_the_weights_elsewhere(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 300);
	world_run(world, 58);
	world->weights[0] = (struct revision_weight){world_revision(world, 1), .5};
	world->weights[1] = (struct revision_weight){world_revision(world, 2), .5};
	world->n_weights = 2;
	world->now_ms += 1000;
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_PROMOTING);
	assert_true(find_action(world, ACTION_SET_WEIGHTS)->reduces); /* all of it is recorded */
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_STEADY);
}

static void a_deleted_deployment_serves_on_then_goes(void **state)
{
	struct world *world = *state;
	struct digest revision;

	world_settle(world, 1);
	revision = world_revision(world, 1);
	world->desired.absent = true;
	world->desired.deployment = NULL;
	world_run(world, 50);
	assert_int_equal(world->history.phase, PHASE_RETIRING);
	assert_true(digest_same(serving(world), revision));
	for (int i = 0; i < 60 && !world->last.gone; i++)
		world_tick(world);
	assert_true(world->last.gone);
	assert_int_equal(world->n_replicas, 0);
}

static void what_retires_is_healed_while_it_serves(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->desired.absent = true;
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_RETIRING);
	world_exit(world, &world->replicas[0]);
	world_run(world, 5);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 2);
}

/* When nothing runs any more and weights are left, and not before. */
static void what_the_router_still_names_is_dropped_at_last(void **state)
{
	struct revision_weight left;
	struct world *world = *state;
	struct rollout_input input;
	const struct action *drop;

	world_settle(world, 1);
	left = (struct revision_weight){world_revision(world, 1), 0};
	world->desired.absent = true;
	world_tick(world);
	input = world_input(world); /* still kept: what died comes back */
	input.observed.n_replicas = 0;
	input.observed.weights = &left;
	input.observed.n_weights = 1;
	world->last = plan_rollout(&input, &world->arena);
	assert_true(input.history.phase == PHASE_RETIRING && input.history.stable_weight == 1);
	assert_null(find_action(world, ACTION_DROP));
	for (int i = 0; i < 200 && (world->n_replicas || i < 5); i++) {
		assert_null(find_action(world, ACTION_DROP));
		world_tick(world);
	}
	input = world_input(world);
	input.observed.n_weights = 0; /* the router names nothing */
	world->last = plan_rollout(&input, &world->arena);
	assert_null(find_action(world, ACTION_DROP));
	input.observed.weights = &left;
	input.observed.n_weights = 1;
	world->last = plan_rollout(&input, &world->arena);
	drop = find_action(world, ACTION_DROP);
	assert_non_null(drop);
	assert_null(drop->spec);
	assert_false(world->last.gone);
	world->history = (struct deployment_status){.environment = "production", .name = "risk"};
	world->desired.absent = false;
	world_declare(world, 0);
	input = world_input(world);
	input.observed.weights = &left;
	input.observed.n_weights = 1;
	world->last = plan_rollout(&input, &world->arena); /* nobody's, and nobody retires it */
	assert_null(find_action(world, ACTION_DROP));
}

static void a_commit_that_restores_it_undoes_retiring(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->desired.absent = true;
	world_run(world, 30);
	world->desired.absent = false;
	world_run(world, 100);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_true(share(world, 1) == 1);
}

static void version_none_takes_it_out_of_service_gently(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 0);
	world_run(world, 30);
	assert_true(share(world, 1) == 1);
	world_until(world, PHASE_STEADY, 60);
	assert_int_equal(world->n_replicas, 0);
	assert_false(world->last.gone);
	world_settle(world, 1);
}

static void recreate_stops_the_old_before_it_starts_the_new(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->deployment.rollout.strategy = STRATEGY_RECREATE;
	world_declare(world, 2);
	for (int i = 0; i < 200; i++) {
		world_tick(world);
		assert_true(count_replicas(world, 1) == 0 || count_replicas(world, 2) == 0);
	}
	assert_true(digest_same(world->history.stable, world_revision(world, 2)));
	world->conduct[3].bad = .5;
	world_declare(world, 3);
	world_until(world, PHASE_ROLLED_BACK, 200);
	world_run(world, 5);
	assert_true(share(world, 2) == 1);
	assert_int_equal(world_ready(world, world_revision(world, 2)), 2);
}

/* ---- not knowing ---- */

static void without_git_it_heals_and_protects_but_takes_no_step(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->desired.known = false;
	world_run(world, 200);
	assert_true(share(world, 2) == .05);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_UNKNOWN, "DesiredUnknown"));
	kill_replicas(world, 1);
	world_run(world, 6);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 2);
	world->conduct[2].bad = .5;
	world_until(world, PHASE_ROLLED_BACK, 60);
	assert_int_equal(world->proposals, 0); /* that waits for Git */
	world->desired.known = true;
	world_run(world, 2);
	assert_int_equal(world->proposals, 1);
}

static void without_git_nothing_is_stopped_but_what_is_in_quarantine(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->history.candidate = (struct digest){0}; /* it is nobody's */
	world->history.stable_weight = 1;
	world->history.candidate_weight = world->history.durable_weight = 0;
	world->history.phase = PHASE_STEADY;
	world->desired.known = false;
	world_run(world, 5);
	assert_int_equal(world_ready(world, world_revision(world, 2)), 1);
	world->desired.known = true;
	world_declare(world, 1);
	world_run(world, 5);
	assert_int_equal(count_replicas(world, 2), 0);
}

static void what_cannot_be_observed_is_not_acted_on(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->unreadable = true;
	world_run(world, 60);
	assert_int_equal(world->last.plan.n_actions, 0);
	assert_false(world->last.changed);
	assert_true(world->last.plan.wake_ms <= world->now_ms + 1000);
}

/* Its own startTimeout is not known then. */
static void without_a_declaration_a_start_may_take_ten_minutes(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[1].never_ready = true;
	world_exit(world, &world->replicas[0]);
	world->desired.known = false;
	world->desired.deployment = NULL;
	world_tick(world);
	assert_int_equal(world->replicas[0].seen.state, REPLICA_STARTING);
	world->now_ms = world->replicas[0].seen.started_ms + 600000 - 1000;
	world_tick(world);
	assert_null(find_action(world, ACTION_STOP_REPLICA));
	world_tick(world);
	assert_string_equal(find_action(world, ACTION_STOP_REPLICA)->why,
	                    "it was not ready within startTimeout");
}

static void a_dangling_reference_is_said_and_harms_nothing(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world->desired.version = NULL;
	world->desired.problem = "ModelVersion risk-v2 is not declared";
	world_run(world, 10);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_true(condition_is(world, CONDITION_STALLED, TRUTH_TRUE, "InvalidReference"));
	assert_true(share(world, 1) == 1);
}

/* Only what can be read is called a bad reference. */
static void what_is_unknown_is_not_called_invalid(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->desired.deployment = NULL;
	world_tick(world);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_UNKNOWN, "DesiredUnknown"));
	assert_false(world->history.has_condition[CONDITION_STALLED]);
	world->desired.deployment = &world->deployment;
	world->desired.known = false;
	world->desired.problem = "model 'risk' is not there";
	world_tick(world);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_UNKNOWN, "DesiredUnknown"));
	assert_false(world->history.has_condition[CONDITION_STALLED]);
	world->desired.known = true;
	world->desired.absent = true;
	world_tick(world);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_FALSE, "Retiring"));
	assert_false(world->history.has_condition[CONDITION_STALLED]);
}

static void what_serves_and_is_nobodys_is_looked_at_now_and_then(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->history = (struct deployment_status){.environment = "production", .name = "risk"};
	world_declare(world, 0);
	world_run(world, 3);
	assert_int_equal(world_ready(world, world_revision(world, 1)), 2);
	assert_int_equal(world->last.plan.wake_ms, world->now_ms + 30000);
}

static void what_serves_as_declared_is_adopted(void **state)
{
	struct world *world = *state;
	struct deployment_status empty = {.environment = "production", .name = "risk"};

	world_settle(world, 1);
	world->history = empty; /* the status branch is lost */
	world->evidence = (struct evidence){0};
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_true(digest_same(world->history.stable, world_revision(world, 1)));
	assert_true(world->history.stable_weight == 1);
	assert_int_equal(world->n_replicas, 2);
}

static void a_recovered_status_is_noted(void **state)
{
	struct world *world = *state;
	struct rollout_input input;

	world_settle(world, 1);
	input = world_input(world);
	input.recovered = "the newest text cannot be read";
	world->last = plan_rollout(&input, &world->arena);
	assert_true(world->last.changed);
	assert_string_equal(world->last.next.history[0].what, "status recovered");
	assert_string_equal(world->last.next.history[0].why, input.recovered);
}

static void revisions_are_kept_only_while_something_names_them(void **state)
{
	struct world *world = *state;

	for (int v = 1; v <= 6; v++)
		world_settle(world, v);
	assert_int_equal(world->history.n_promoted, 3);
	assert_int_equal(world->history.n_revisions, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_dead_replica_is_replaced),
		case_of(a_replica_is_started_when_what_it_needs_is_here),
		case_of(a_router_that_cannot_keep_its_table_is_told),
		case_of(five_deaths_in_ten_minutes_back_off),
		case_of(after_five_deaths_it_starts_when_its_time_has_come),
		case_of(declared_replicas_are_followed_up_and_down),
		case_of(live_weights_are_set_to_those_of_record),
		case_of(what_the_router_rounds_is_the_weight_of_record),
		case_of(a_canary_turned_down_by_hand_is_left_until_the_next_step),
		case_of(a_canary_turned_to_0_by_hand_holds_and_says_so),
		case_of(a_hand_is_known_from_a_death),
		case_of(where_nothing_answers_nobody_turned_it_down),
		case_of(a_new_router_process_gets_everything_again),
		case_of(an_intent_that_was_not_read_back_is_carried_out),
		case_of(what_may_carry_weight_is_not_stopped),
		case_of(no_step_is_taken_while_a_new_router_has_other_weights),
		case_of(a_dead_candidate_has_no_weight_until_it_is_back),
		case_of(coming_back_by_the_routers_own_probes_is_no_hand),
		case_of(while_no_stable_replica_is_ready_the_candidate_serves),
		case_of(a_fix_does_not_wait_for_a_broken_stable_one),
		case_of(a_stable_one_that_does_not_come_back_is_broken),
		case_of(a_rollback_never_lands_on_the_broken_side),
		case_of(restart_replaces_replicas_one_by_one),
		case_of(the_previous_revision_stays_warm_for_keep_previous),
		case_of(nothing_is_promoted_while_somebody_has_the_weights_elsewhere),
		case_of(a_deleted_deployment_serves_on_then_goes),
		case_of(what_retires_is_healed_while_it_serves),
		case_of(what_the_router_still_names_is_dropped_at_last),
		case_of(a_commit_that_restores_it_undoes_retiring),
		case_of(version_none_takes_it_out_of_service_gently),
		case_of(recreate_stops_the_old_before_it_starts_the_new),
		case_of(without_git_it_heals_and_protects_but_takes_no_step),
		case_of(without_git_nothing_is_stopped_but_what_is_in_quarantine),
		case_of(what_cannot_be_observed_is_not_acted_on),
		case_of(without_a_declaration_a_start_may_take_ten_minutes),
		case_of(a_dangling_reference_is_said_and_harms_nothing),
		case_of(what_is_unknown_is_not_called_invalid),
		case_of(what_serves_and_is_nobodys_is_looked_at_now_and_then),
		case_of(what_serves_as_declared_is_adopted),
		case_of(a_recovered_status_is_noted),
		case_of(revisions_are_kept_only_while_something_names_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
