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

static bool condition_is(const struct world *world, enum condition_type type, enum truth status,
                         const char *reason)
{
	const struct condition *condition = &world->history.conditions[type];

	return world->history.has_condition[type] && condition->status == status &&
	       strcmp(condition->reason, reason) == 0;
}

static void ask(struct world *world, enum request_verb verb)
{
	world->requests[world->n_requests++] =
		(struct request){.verb = verb, .by = "ada", .reason = "because", .expires_ms = -1};
}

static double share(struct world *world, int v)
{
	return world_weight(world, world_revision(world, v));
}

/* v1 promoted, v2 in its first step. */
static void into_canary(struct world *world)
{
	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_CANARY, 60);
	world_tick(world);
}

/* Replicas of v<n> in any state. */
static int count_replicas(struct world *world, int v)
{
	int n = 0;

	for (size_t i = 0; i < world->n_replicas; i++)
		n += world->replicas[i].version == v;
	return n;
}

static void kill_replicas(struct world *world, int v)
{
	for (size_t i = 0; i < world->n_replicas; i++)
		if (world->replicas[i].version == v && world->replicas[i].seen.state == REPLICA_READY)
			world_exit(world, &world->replicas[i]);
}

static const struct action *find_action(const struct world *world, enum action_kind kind)
{
	for (size_t i = 0; i < world->last.plan.n_actions; i++)
		if (world->last.plan.actions[i].kind == kind)
			return &world->last.plan.actions[i];
	return NULL;
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

static void what_is_not_known_asks_for_nothing(void **state)
{
	struct world *world = *state;
	struct desired_deployment desired = world->desired;
	struct revision wanted, nothing;

	memset(&nothing, 0, sizeof(nothing));
	desired.known = false;
	wanted = desired_revision(&desired, &world->arena);
	assert_memory_equal(&wanted, &nothing, sizeof(wanted));
}

static void first_deployment_takes_all_traffic_without_steps(void **state)
{
	struct world *world = *state;

	world_declare(world, 1);
	world_until(world, PHASE_PROMOTING, 30);
	assert_int_equal(world->history.n_promoted, 0);
	world_until(world, PHASE_STEADY, 120);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_TRUE, "Synced"));
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
	assert_int_equal(world->n_replicas, 2);
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

/* ---- the newest declaration wins ---- */

static void a_newer_revision_replaces_the_candidate_in_any_phase(void **state)
{
	static const enum phase phases[] = {PHASE_VERIFYING, PHASE_PROVISIONING, PHASE_CHECKING,
	                                    PHASE_CANARY, PHASE_ROLLING_BACK, PHASE_ROLLED_BACK};

	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world_settle(world, 1);
		world->conduct[2].bad = phases[i] >= PHASE_ROLLING_BACK ? .5 : 0;
		world_declare(world, 2);
		world_until(world, phases[i], 120);
		world_declare(world, 3);
		world_tick(world);
		assert_true(share(world, 2) == 0);
		assert_int_equal(world->history.phase, PHASE_VERIFYING);
		assert_true(digest_same(world->history.candidate, world_revision(world, 3)));
		world_settle(world, 3);
		assert_int_equal(world_ready(world, world_revision(world, 2)), 0);
	}
}

static void in_promoting_the_previous_one_is_retired_early(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 300);
	world_run(world, 2);
	world_declare(world, 3);
	world_tick(world);
	assert_true(digest_same(world->history.stable, world_revision(world, 2)));
	assert_true(digest_same(world->history.candidate, world_revision(world, 3)));
	assert_true(digest_same(serving(world), world_revision(world, 2)));
}

/* The record of all traffic is there, and the router was not told before a newer version came: it
 * is told of a new stable one only when that is recorded too. */
static void weights_without_the_stable_one_of_record_wait_for_a_record(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 300);
	world->weights[0] = (struct revision_weight){world_revision(world, 1), .75};
	world->weights[1] = (struct revision_weight){world_revision(world, 2), .25};
	world->n_weights = 2;
	world_declare(world, 3);
	world_plan(world);
	assert_true(digest_same(world->last.next.stable, world_revision(world, 2)));
	assert_false(find_action(world, ACTION_SET_WEIGHTS)->reduces);
}

static void one_replica_that_is_ready_is_enough_to_promote_early(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 300);
	world_run(world, 2);
	kill_replicas(world, 2);
	for (size_t i = 0; i < world->n_replicas; i++)
		if (world->replicas[i].version == 2 && world->replicas[i].seen.slot == 0)
			world->replicas[i].seen.state = REPLICA_READY;
	world_declare(world, 3);
	world_tick(world);
	assert_true(digest_same(world->history.stable, world_revision(world, 2)));
}

static void a_dead_candidate_is_not_promoted_early(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 300);
	world_run(world, 2);
	kill_replicas(world, 2);
	world_declare(world, 3);
	world_tick(world);
	assert_true(digest_same(world->history.stable, world_revision(world, 1)));
	assert_true(digest_same(serving(world), world_revision(world, 1)));
}

static void naming_the_stable_version_again_withdraws(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world_declare(world, 1);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
	assert_false(status_quarantined(&world->history, world_revision(world, 2)));
	assert_int_equal(world->proposals, 0);
	world_run(world, 10);
	assert_int_equal(world_ready(world, world_revision(world, 2)), 0);
}

/* ---- what waits ---- */

static void a_hold_stops_steps_but_not_harm(void **state)
{
	struct world *world = *state;
	struct hold_spec hold = {"quarter end", "platform", WORLD_EPOCH + 3600000};

	into_canary(world);
	world->deployment.hold = &hold;
	world_run(world, 120);
	assert_true(share(world, 2) == .05);
	assert_string_equal(world->history.reason, "Hold");
	world->conduct[2].bad = .5;
	world_until(world, PHASE_ROLLED_BACK, 60);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
}

static void a_hold_and_a_closed_window_stop_new_rollouts_and_end(void **state)
{
	struct hold_spec hold = {"quarter end", "platform", -1};
	struct window_spec window = {"0 9 1 7 *", 1800000, "UTC"}; /* 09:00 to 09:30 on that day */
	struct world *world = *state;

	world_settle(world, 1);
	world->deployment.hold = &hold;
	world_declare(world, 2);
	world_until(world, PHASE_WAITING, 10);
	assert_string_equal(world->history.reason, "Hold");
	world->deployment.hold = NULL;
	world->environment.windows = &window;
	world->environment.n_windows = 1;
	world_run(world, 2);
	assert_string_equal(world->history.reason, "Window");
	assert_int_equal(count_replicas(world, 2), 0);
	world_until(world, PHASE_CANARY, 1900);
	assert_true(world->now_ms >= WORLD_EPOCH + 1800000);
}

/* A verdict of ours about v<n> under today's gate, against v1. */
static void judge(struct world *world, struct verdict_record *verdict, int v,
                  enum verdict_result result, const char *why)
{
	const struct model_version *version = &world->versions[v], *stable = &world->versions[1];

	*verdict = (struct verdict_record){
		.artifact = version->artifact.digest, .result = result, .why = why, .at_ms = world->now_ms,
		.subject = subject_digest(version->artifact.digest, &version->serve,
		                          &world->model.interface),
		.incumbent = subject_digest(stable->artifact.digest, &stable->serve,
		                            &world->model.interface),
		.gate = gate_digest(&world->model, NULL, &world->arena),
	};
	world->model_status.verdicts = verdict;
	world->model_status.n_verdicts = 1;
}

static void approvals_count_for_this_revision_this_gate_these_people(void **state)
{
	const char *leads[] = {"ml-leads"}, *members[] = {"ada", "bob"};
	struct role role = {"ml-leads", {members, 2}};
	struct gate_require more = {.metric = "accuracy", .min = .9, .max = NAN, .margin = NAN};
	struct world *world = *state;
	struct verdict_record verdict;

	world_settle(world, 1);
	world->environment.approvals.required = 2;
	world->environment.approvals.by = (struct strings){leads, 1};
	world->environment.approvals.roles = &role;
	world->environment.approvals.n_roles = 1;
	world_declare(world, 2);
	world_until(world, PHASE_WAITING, 10);
	assert_string_equal(world->history.reason, "Approval");
	ask(world, REQUEST_APPROVE);
	world_tick(world);
	ask(world, REQUEST_APPROVE); /* the same person again */
	world_tick(world);
	ask(world, REQUEST_APPROVE);
	world->requests[0].by = "eve"; /* of no role */
	world_tick(world);
	ask(world, REQUEST_APPROVE);
	world->requests[0].by = "bob";
	world->requests[0].revision = world_revision(world, 3); /* of another revision */
	world_tick(world);
	ask(world, REQUEST_APPROVE);
	world->requests[0].by = "bob";
	world->requests[0].expires_ms = world->now_ms + 1000; /* expired at once */
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_WAITING);
	world->model.gates.require = &more; /* another gate: ada's counts no more */
	world->model.gates.n_require = 1;
	judge(world, &verdict, 2, VERDICT_PASS, "accuracy 92 %");
	ask(world, REQUEST_APPROVE);
	world->requests[0].by = "bob";
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_WAITING);
	ask(world, REQUEST_APPROVE);
	world_until(world, PHASE_CANARY, 30);
}

static void a_step_may_need_an_approval_given_since_the_step_before(void **state)
{
	struct world *world = *state;

	world->steps[1].approval = true;
	into_canary(world);
	world_run(world, 120);
	assert_string_equal(world->history.reason, "StepApproval");
	assert_true(share(world, 2) == .05);
	ask(world, REQUEST_APPROVE);
	world_run(world, 2);
	assert_true(share(world, 2) == .25);
	world->steps[2].approval = true;
	world_run(world, 120);
	assert_true(share(world, 2) == .25);
	ask(world, REQUEST_APPROVE);
	world_until(world, PHASE_PROMOTING, 60);
}

static void environments_of_level_mvp_ask_before_each_step(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->environment.maturity = MATURITY_MVP;
	world_declare(world, 2);
	world_until(world, PHASE_CHECKING, 30);
	world_run(world, 60);
	assert_int_equal(world->history.phase, PHASE_CHECKING);
	assert_string_equal(world->history.reason, "StepApproval");
	ask(world, REQUEST_APPROVE);
	world_until(world, PHASE_CANARY, 5);
}

/* ---- gates ---- */

static void a_failed_gate_stalls_and_a_new_verdict_frees(void **state)
{
	struct world *world = *state;
	struct verdict_record verdict;

	world_settle(world, 1);
	judge(world, &verdict, 2, VERDICT_FAIL, "accuracy 80 % < 87 %");
	world_declare(world, 2);
	world_until(world, PHASE_STALLED, 10);
	assert_string_equal(world->history.reason, "GateFailed");
	assert_true(condition_is(world, CONDITION_STALLED, TRUTH_TRUE, "GateFailed"));
	world_run(world, 5);
	assert_int_equal(count_replicas(world, 2), 0);
	verdict.result = VERDICT_INCONCLUSIVE;
	world_until(world, PHASE_WAITING, 10);
	assert_string_equal(world->history.reason, "Evaluation");
	verdict.result = VERDICT_PASS;
	world_until(world, PHASE_CANARY, 30);
	verdict.result = VERDICT_FAIL; /* a changed gate stops steps, and rolls nothing back */
	world_run(world, 120);
	assert_int_equal(world->history.phase, PHASE_CANARY);
	assert_string_equal(world->history.reason, "GateChanged");
	assert_true(share(world, 2) == .05);
}

static void what_was_never_judged_waits_where_a_gate_is_declared(void **state)
{
	struct gate_require accuracy = {.metric = "accuracy", .min = .9, .max = NAN, .margin = NAN};
	struct world *world = *state;

	world_settle(world, 1);
	world->model.gates.require = &accuracy;
	world->model.gates.n_require = 1;
	world_declare(world, 2);
	world_until(world, PHASE_WAITING, 10);
	assert_string_equal(world->history.reason, "Evaluation");
	world_run(world, 5);
	assert_int_equal(count_replicas(world, 2), 0);
	world->model.gates.n_require = 0;
	world_until(world, PHASE_CANARY, 30);
}

/* The same artifact behind another server, or against another version, was not judged. */
static void a_verdict_counts_for_its_key_alone(void **state)
{
	struct gate_require accuracy = {.metric = "accuracy", .min = .9, .max = NAN, .margin = NAN};
	const char *command[] = {"python3", "other.py"};
	struct world *world = *state;
	struct verdict_record verdict;

	world_settle(world, 1);
	world->model.gates.require = &accuracy;
	world->model.gates.n_require = 1;
	judge(world, &verdict, 2, VERDICT_PASS, "accuracy 92 %");
	world->versions[2].serve.command = (struct strings){command, 2};
	world_declare(world, 2);
	world_until(world, PHASE_WAITING, 10);
	assert_string_equal(world->history.reason, "Evaluation");
	judge(world, &verdict, 2, VERDICT_PASS, "accuracy 92 %");
	verdict.incumbent = digest_of("v0", 2);
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_WAITING);
	judge(world, &verdict, 2, VERDICT_PASS, "accuracy 92 %");
	world_until(world, PHASE_CANARY, 30);
}

static void what_could_not_be_told_waits_for_a_person(void **state)
{
	struct gate_require accuracy = {.metric = "accuracy", .min = .9, .max = NAN, .margin = NAN};
	struct world *world = *state;
	struct verdict_record verdict;

	world_settle(world, 1);
	world->model.gates.require = &accuracy;
	world->model.gates.n_require = 1;
	world_declare(world, 2);
	world_until(world, PHASE_WAITING, 10);
	ask(world, REQUEST_APPROVE); /* of what nobody has judged yet */
	world_run(world, 5);
	judge(world, &verdict, 2, VERDICT_INCONCLUSIVE, "too few rows");
	world_run(world, 5);
	assert_string_equal(world->history.reason, "Evaluation");
	assert_non_null(strstr(world->history.message, "too few rows. A person has to look"));
	verdict.result = VERDICT_FAIL;
	world_until(world, PHASE_STALLED, 10);
	ask(world, REQUEST_APPROVE); /* nobody lets a FAIL pass */
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_STALLED);
	judge(world, &verdict, 2, VERDICT_INCONCLUSIVE, "too few rows");
	world_until(world, PHASE_WAITING, 10);
	ask(world, REQUEST_APPROVE);
	world_until(world, PHASE_CANARY, 30);
}

static void what_a_loosened_gate_lets_pass_needs_one_more_approval(void **state)
{
	struct gate_require accuracy = {.metric = "accuracy", .min = .9, .max = NAN, .margin = NAN};
	struct world *world = *state;
	struct verdict_record verdicts[2];

	world_settle(world, 1);
	world->model.gates.require = &accuracy;
	world->model.gates.n_require = 1;
	judge(world, &verdicts[1], 2, VERDICT_FAIL, "accuracy 88 % < 90 %");
	verdicts[1].demands = gate_demands(&world->model, NULL, &world->arena,
	                                   &verdicts[1].n_demands);
	world_declare(world, 2);
	world_until(world, PHASE_STALLED, 10);
	accuracy.min = .85;
	judge(world, &verdicts[0], 2, VERDICT_PASS, "accuracy 88 %");
	world->model_status.n_verdicts = 2;
	world_until(world, PHASE_WAITING, 10);
	assert_string_equal(world->history.reason, "Approval");
	assert_non_null(strstr(world->history.message, "1 approval of v2 needed, one of them because "
	                       "it was refused under a stricter gate (accuracy 88 % < 90 %): "
	                       "accuracy at least 0.85, was 0.9"));
	world_run(world, 5);
	assert_int_equal(count_replicas(world, 2), 0);
	ask(world, REQUEST_APPROVE);
	world_until(world, PHASE_CANARY, 30);
}

static void a_corrupt_artifact_stalls_until_a_retry(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].corrupt = true;
	world_declare(world, 2);
	world_until(world, PHASE_STALLED, 10);
	assert_string_equal(world->history.reason, "ArtifactInvalid");
	world->conduct[2].corrupt = false;
	world_run(world, 10);
	assert_int_equal(world->history.phase, PHASE_STALLED);
	ask(world, REQUEST_RETRY);
	world_until(world, PHASE_CANARY, 30);
}

/* ---- what fails before any traffic ---- */

static void failures_before_traffic_roll_back(void **state)
{
	static const struct {
		struct conduct conduct;
		const char *reason;
	} cases[] = {
		{{.check_fails = true}, "CheckFailed"},
		{{.never_ready = true}, "StartTimeout"},
		{{.crashes = true}, "CrashLooping"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world_settle(world, 1);
		world->conduct[2] = cases[i].conduct;
		world_declare(world, 2);
		world_until(world, PHASE_ROLLED_BACK, 200);
		assert_string_equal(world->history.reason, cases[i].reason);
		assert_true(status_quarantined(&world->history, world_revision(world, 2)));
		world_run(world, 5);
		assert_int_equal(world->n_replicas, 2);
		assert_int_equal(world->proposals, 1);
	}
}

static void the_failed_check_of_an_earlier_attempt_does_not_count(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].check_fails = true;
	world_declare(world, 2);
	world_until(world, PHASE_ROLLED_BACK, 60);
	world->conduct[2].check_fails = false;
	ask(world, REQUEST_RETRY);
	world_until(world, PHASE_PROVISIONING, 30);
	world_tick(world);
	world->lost = true;
	world_until(world, PHASE_CHECKING, 30);
	world_run(world, 3);
	world->lost = false;
	world_until(world, PHASE_CANARY, 10);
}

static void a_first_deployment_that_fails_before_traffic_proposes_none(void **state)
{
	struct world *world = *state;

	world->conduct[1].check_fails = true;
	world_declare(world, 1);
	world_until(world, PHASE_ROLLED_BACK, 60);
	world_run(world, 3);
	assert_int_equal(world->n_replicas, 0);
	assert_int_equal(world->n_weights, 0);
	assert_int_equal(world->proposals, 1);
	assert_null(world->proposed.edits[0].version);
	world_declare(world, 0);
	world_run(world, 2);
	assert_int_equal(world->history.phase, PHASE_STEADY);
}

static void harm_without_anything_to_go_back_to_serves_on_and_the_fix_goes_straight(void **state)
{
	struct world *world = *state;

	world->conduct[1].bad = .5;
	world_declare(world, 1);
	world_until(world, PHASE_STALLED, 120);
	assert_string_equal(world->history.reason, "NoRollbackTarget");
	assert_true(share(world, 1) == 1);
	world_run(world, 60);
	assert_true(share(world, 1) == 1);
	assert_int_equal(world->history.phase, PHASE_STALLED);
	assert_int_equal(world->last.plan.n_actions, 0);
	assert_false(world->last.changed);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 30); /* no steps */
	world_settle(world, 2);
	assert_false(world->history.broken);
}

/* ---- quarantine and going back ---- */

static void a_quarantined_revision_stays_out_until_a_retry(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].bad = .5;
	world_declare(world, 2);
	world_until(world, PHASE_ROLLED_BACK, 120);
	world_declare(world, 1);
	world_until(world, PHASE_STEADY, 5);
	world_declare(world, 2); /* somebody commits it again */
	world_run(world, 30);
	assert_int_equal(world->history.phase, PHASE_ROLLED_BACK);
	assert_string_equal(world->history.reason, "Quarantined");
	assert_int_equal(world->proposals, 1); /* and no second commit of ours */
	ask(world, REQUEST_RETRY);
	world_until(world, PHASE_ROLLED_BACK, 120);
	world_run(world, 5);
	assert_int_equal(world->proposals, 1); /* a person retried, a person reverts */
	world->conduct[2].bad = 0;
	ask(world, REQUEST_RETRY);
	world_until(world, PHASE_CANARY, 30);
	world_settle(world, 2);
}

static void a_promoted_revision_comes_back_without_steps_and_through_a_hold(void **state)
{
	struct world *world = *state;
	struct hold_spec hold = {"quarter end", "platform", -1};

	world_settle(world, 1);
	world_settle(world, 2);
	world->deployment.hold = &hold;
	world_declare(world, 1);
	world_until(world, PHASE_PROMOTING, 20);
	world_run(world, 2);
	assert_true(share(world, 1) == 1);
	world_until(world, PHASE_STEADY, 70);
	assert_int_equal(world->history.n_promoted, 2);
	assert_true(digest_same(world->history.promoted[0].revision, world_revision(world, 1)));
}

static void outside_the_rollback_window_it_takes_steps(void **state)
{
	struct world *world = *state;

	world->deployment.rollout.rollback_window = 2;
	world_settle(world, 1);
	world_settle(world, 2);
	world_settle(world, 3);
	world_declare(world, 1);
	world_until(world, PHASE_CANARY, 30);
}

static void a_rollback_request_quarantines_goes_back_and_reverts(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_settle(world, 2);
	world->unreadable = true; /* it is not lost when nothing can be seen */
	ask(world, REQUEST_ROLLBACK);
	world_tick(world);
	world->unreadable = false;
	world->desired.known = false; /* nor does it need Git */
	world_until(world, PHASE_PROMOTING, 30);
	world->desired.known = true;
	world_run(world, 90);
	assert_true(share(world, 1) == 1);
	assert_true(status_quarantined(&world->history, world_revision(world, 2)));
	assert_int_equal(world->history.phase, PHASE_ROLLED_BACK);
	assert_int_equal(world->proposals, 1);
	assert_string_equal(world->proposed.edits[0].version, "v1");
	world_declare(world, 1);
	world_run(world, 3);
	assert_int_equal(world->history.phase, PHASE_STEADY);
}

static void a_rollback_request_in_a_canary_ends_the_canary(void **state)
{
	struct world *world = *state;

	into_canary(world);
	ask(world, REQUEST_ROLLBACK);
	world_until(world, PHASE_ROLLED_BACK, 20);
	assert_string_equal(world->history.reason, "Requested");
	assert_true(status_quarantined(&world->history, world_revision(world, 2)));
	assert_true(digest_same(serving(world), world_revision(world, 1)));
}

static void a_rollback_request_without_a_target_changes_nothing(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	ask(world, REQUEST_ROLLBACK);
	world_run(world, 3);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_string_equal(world->history.history[0].what, "rollback refused");
	assert_int_equal(world->history.n_quarantine, 0);
}

static void a_rejected_candidate_is_rolled_back(void **state)
{
	struct world *world = *state;

	into_canary(world);
	ask(world, REQUEST_REJECT);
	world_until(world, PHASE_ROLLED_BACK, 20);
	assert_string_equal(world->history.reason, "Rejected");
}

/* ---- reverts ---- */

static void reverts_follow_the_automation_level(void **state)
{
	static const struct {
		enum level level;
		int proposals;
		const char *branch;
	} cases[] = {
		{LEVEL_MANUAL, 0, NULL},
		{LEVEL_APPROVE, 1, "linnet/revert/production/risk"},
		{LEVEL_AUTO, 1, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world->environment.automation[AUTOMATED_REVERT] = cases[i].level;
		world_settle(world, 1);
		world->conduct[2].check_fails = true;
		world_declare(world, 2);
		world_until(world, PHASE_ROLLED_BACK, 60);
		world_run(world, 5);
		assert_int_equal(world->proposals, cases[i].proposals);
		if (cases[i].branch)
			assert_string_equal(world->proposed.branch, cases[i].branch);
		else
			assert_null(world->proposed.branch);
	}
}

/* Its level is that of the environment, so the revert waits until that can be read. */
static void a_rollback_without_git_is_reverted_when_git_is_back(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].bad = .3;
	world_declare(world, 2);
	world_until(world, PHASE_CANARY, 60);
	world->desired.known = false;
	world->desired.environment = NULL;
	world_until(world, PHASE_ROLLED_BACK, 120);
	assert_int_equal(world->proposals, 0);
	world->desired.known = true;
	world->desired.environment = &world->environment;
	world_run(world, 5);
	assert_int_equal(world->proposals, 1);
	assert_null(world->proposed.branch); /* mature: a commit on the fleet branch */
}

static void a_revert_waits_until_its_environment_can_be_read(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].bad = .3;
	world_declare(world, 2);
	world_until(world, PHASE_CANARY, 60);
	world->desired.environment = NULL; /* Git is known, its Environment is broken */
	world_until(world, PHASE_ROLLED_BACK, 120);
	world_run(world, 5);
	assert_int_equal(world->proposals, 0);
	assert_int_equal(world->history.proposed[0].outcome, PROPOSAL_WANTED);
	world->desired.environment = &world->environment;
	world_run(world, 5);
	assert_int_equal(world->proposals, 1);
}

static void where_only_env_changed_the_fields_are_named_instead(void **state)
{
	struct world *world = *state;
	struct env_var env = {.name = "LOG_LEVEL", .value = "debug"};

	world_settle(world, 1);
	world->deployment.env = &env;
	world->deployment.n_env = 1;
	world->conduct[1].check_fails = true;
	world->n_checked = 0;
	world_declare(world, 1);
	world_until(world, PHASE_ROLLED_BACK, 60);
	world_run(world, 5);
	assert_int_equal(world->proposals, 0);
	assert_non_null(strstr(world->history.message, "change env back to commit"));
}

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

/* ---- deadlines ---- */

static void past_the_deadline_on_inconclusive_decides(void **state)
{
	static const struct {
		enum inconclusive what;
		enum phase phase;
		const char *reason;
	} cases[] = {
		{INCONCLUSIVE_HOLD, PHASE_CANARY, "Inconclusive"},
		{INCONCLUSIVE_ROLLBACK, PHASE_ROLLED_BACK, "Inconclusive"},
		{INCONCLUSIVE_PROMOTE, PHASE_PROMOTING, "Promoting"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world->deployment.rollout.on_inconclusive = cases[i].what;
		world->deployment.rollout.deadline_ms = 120000;
		world->deployment.rollout.keep_previous_ms = 600000;
		world->steps[0].min_requests = world->steps[1].min_requests = 1000000;
		world_declare(world, 1);
		world_until(world, PHASE_STEADY, 700);
		world_declare(world, 2);
		world_run(world, 300);
		assert_int_equal(world->history.phase, cases[i].phase);
		assert_string_equal(world->history.reason, cases[i].reason);
	}
}

static void without_data_it_holds_whatever_the_deadline_says(void **state)
{
	struct world *world = *state;

	world->deployment.rollout.on_inconclusive = INCONCLUSIVE_PROMOTE;
	world->deployment.rollout.deadline_ms = 300000;
	world->deployment.rollout.analysis.no_data_deadline_ms = 60000;
	into_canary(world);
	world->requests_per_second = 0;
	world_run(world, 600);
	assert_int_equal(world->history.phase, PHASE_CANARY);
	assert_string_equal(world->history.reason, "NoData");
	assert_true(share(world, 2) == .05);
}

static void an_edited_rollout_counts_from_the_weight_that_is(void **state)
{
	struct world *world = *state;
	struct step_spec steps[] = {{.02, 100, 30000, 3, false}, {.10, 100, 30000, 3, false},
	                            {.weight = 1}};

	into_canary(world);
	world_run(world, 25);
	world->deployment.rollout.steps = steps;
	world_run(world, 20); /* the step's clock starts anew */
	assert_true(share(world, 2) == .05);
	for (int i = 0; i < 300 && share(world, 2) == .05; i++)
		world_tick(world);
	assert_true(share(world, 2) == .10);
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
	assert_int_equal(world->n_replicas, 2);
}

static void revisions_are_kept_only_while_something_names_them(void **state)
{
	struct world *world = *state;

	for (int v = 1; v <= 6; v++)
		world_settle(world, v);
	assert_int_equal(world->history.n_promoted, 3);
	assert_int_equal(world->history.n_revisions, 3);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(nothing_serves_while_version_is_none),
		case_of(what_is_not_known_asks_for_nothing),
		case_of(first_deployment_takes_all_traffic_without_steps),
		case_of(canary_goes_up_step_by_step),
		case_of(harm_rolls_back_quarantines_and_reverts),
		case_of(a_newer_revision_replaces_the_candidate_in_any_phase),
		case_of(in_promoting_the_previous_one_is_retired_early),
		case_of(weights_without_the_stable_one_of_record_wait_for_a_record),
		case_of(one_replica_that_is_ready_is_enough_to_promote_early),
		case_of(a_dead_candidate_is_not_promoted_early),
		case_of(naming_the_stable_version_again_withdraws),
		case_of(a_hold_stops_steps_but_not_harm),
		case_of(a_hold_and_a_closed_window_stop_new_rollouts_and_end),
		case_of(approvals_count_for_this_revision_this_gate_these_people),
		case_of(a_step_may_need_an_approval_given_since_the_step_before),
		case_of(environments_of_level_mvp_ask_before_each_step),
		case_of(a_failed_gate_stalls_and_a_new_verdict_frees),
		case_of(a_verdict_counts_for_its_key_alone),
		case_of(what_could_not_be_told_waits_for_a_person),
		case_of(what_a_loosened_gate_lets_pass_needs_one_more_approval),
		case_of(what_was_never_judged_waits_where_a_gate_is_declared),
		case_of(a_corrupt_artifact_stalls_until_a_retry),
		case_of(failures_before_traffic_roll_back),
		case_of(the_failed_check_of_an_earlier_attempt_does_not_count),
		case_of(a_first_deployment_that_fails_before_traffic_proposes_none),
		case_of(harm_without_anything_to_go_back_to_serves_on_and_the_fix_goes_straight),
		case_of(a_quarantined_revision_stays_out_until_a_retry),
		case_of(a_promoted_revision_comes_back_without_steps_and_through_a_hold),
		case_of(outside_the_rollback_window_it_takes_steps),
		case_of(a_rollback_request_quarantines_goes_back_and_reverts),
		case_of(a_rollback_request_in_a_canary_ends_the_canary),
		case_of(a_rollback_request_without_a_target_changes_nothing),
		case_of(a_rejected_candidate_is_rolled_back),
		case_of(reverts_follow_the_automation_level),
		case_of(a_rollback_without_git_is_reverted_when_git_is_back),
		case_of(a_revert_waits_until_its_environment_can_be_read),
		case_of(where_only_env_changed_the_fields_are_named_instead),
		case_of(a_dead_replica_is_replaced),
		case_of(a_router_that_cannot_keep_its_table_is_told),
		case_of(five_deaths_in_ten_minutes_back_off),
		case_of(declared_replicas_are_followed_up_and_down),
		case_of(live_weights_are_set_to_those_of_record),
		case_of(a_canary_turned_down_by_hand_is_left_until_the_next_step),
		case_of(a_new_router_process_gets_everything_again),
		case_of(an_intent_that_was_not_read_back_is_carried_out),
		case_of(what_may_carry_weight_is_not_stopped),
		case_of(no_step_is_taken_while_a_new_router_has_other_weights),
		case_of(a_dead_candidate_has_no_weight_until_it_is_back),
		case_of(coming_back_by_the_routers_own_probes_is_no_hand),
		case_of(while_no_stable_replica_is_ready_the_candidate_serves),
		case_of(a_fix_does_not_wait_for_a_broken_stable_one),
		case_of(a_rollback_never_lands_on_the_broken_side),
		case_of(restart_replaces_replicas_one_by_one),
		case_of(past_the_deadline_on_inconclusive_decides),
		case_of(without_data_it_holds_whatever_the_deadline_says),
		case_of(an_edited_rollout_counts_from_the_weight_that_is),
		case_of(the_previous_revision_stays_warm_for_keep_previous),
		case_of(nothing_is_promoted_while_somebody_has_the_weights_elsewhere),
		case_of(a_deleted_deployment_serves_on_then_goes),
		case_of(a_commit_that_restores_it_undoes_retiring),
		case_of(version_none_takes_it_out_of_service_gently),
		case_of(recreate_stops_the_old_before_it_starts_the_new),
		case_of(without_git_it_heals_and_protects_but_takes_no_step),
		case_of(what_cannot_be_observed_is_not_acted_on),
		case_of(a_dangling_reference_is_said_and_harms_nothing),
		case_of(what_serves_as_declared_is_adopted),
		case_of(revisions_are_kept_only_while_something_names_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
