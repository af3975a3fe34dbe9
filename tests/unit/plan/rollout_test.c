/* The rollout cycle from a commit to a promoted revision, and what keeps it waiting. */
#include "plan/rollout.h"

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
	assert_non_null(world->history.decided); /* what it was decided from can be judged again */
	assert_int_equal(world->history.decided->judged_ms, world->history.phase_since_ms);
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

static void nothing_is_promoted_while_git_is_unknown(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 300);
	world->desired.known = false;
	world_run(world, 120);
	assert_int_equal(world->history.phase, PHASE_PROMOTING);
	world->desired.known = true;
	world_until(world, PHASE_STEADY, 3);
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

/* Withdrawn, replaced by a request, or promoted. */
static void nothing_of_a_candidate_outlives_it(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct world *world = *state;
		const struct deployment_status *history = &world->history;

		world_deinit(world);
		world_init(world);
		into_canary(world);
		for (int j = 0; j < 600 && i == 2 && history->phase != PHASE_STEADY; j++)
			world_tick(world);
		if (i == 1)
			ask(world, REQUEST_REJECT);
		else
			world_declare(world, i ? 2 : 1);
		world_tick(world);
		world_until(world, i == 1 ? PHASE_ROLLED_BACK : PHASE_STEADY, 60);
		assert_int_equal(history->candidate.hex[0], 0);
		assert_int_equal(history->rollout_spec.hex[0], 0);
		assert_int_equal(history->step, -1);
		assert_true(history->durable_weight == 0 && history->candidate_weight == 0);
		assert_true(history->stable_weight == 1);
		assert_false(history->going_back);
		assert_int_equal(history->keep_until_ms, -1);
		assert_int_equal(history->rollout_since_ms, -1);
		assert_int_equal(history->stable_reference.requests, 0);
	}
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

static void a_hold_is_over_at_its_time(void **state)
{
	struct world *world = *state;
	struct hold_spec hold = {NULL, NULL, -1};

	world_settle(world, 1);
	hold.until_ms = world->now_ms + 10000;
	world->deployment.hold = &hold;
	world_declare(world, 2);
	world_run(world, 9);
	assert_int_equal(world->history.phase, PHASE_WAITING);
	assert_non_null(strstr(world->history.message, "by nobody named: no reason given"));
	assert_int_equal(world->last.plan.wake_ms, hold.until_ms);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_VERIFYING);
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

static void what_cannot_be_read_counts_as_closed(void **state)
{
	struct window_spec window = {"0 9 1 7 *", 1800000, "Mars/Olympus"};
	struct world *world = *state;

	world_settle(world, 1);
	world->environment.windows = &window;
	world->environment.n_windows = 1;
	world_declare(world, 2);
	world_until(world, PHASE_WAITING, 10);
	assert_string_equal(world->history.reason, "Window");
	assert_string_equal(world->history.message, "a window cannot be read, which counts as closed");
	world->environment.n_windows = 0;
	world->desired.promotions_blocked = true;
	world_run(world, 2);
	assert_string_equal(world->history.reason, "PromotionsBlocked");
	world->desired.promotions_blocked = false;
	world->desired.environment = NULL;
	world_run(world, 2);
	assert_string_equal(world->history.reason, "PromotionsBlocked");
	world->desired.environment = &world->environment;
	world->desired.known = false; /* what holds it is not known to be over */
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_WAITING);
	world->desired.known = true;
	world_until(world, PHASE_CHECKING, 30);
	world->desired.known = false;
	world_run(world, 10);
	assert_int_equal(world->history.phase, PHASE_CHECKING);
	world->desired.known = true;
	world_until(world, PHASE_CANARY, 5);
}

static void a_frozen_deployment_says_so(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->desired.frozen = "the newest commit cannot be decoded";
	world_tick(world);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_FALSE, "Frozen"));
	world->desired.frozen = NULL;
	world->desired.version = NULL; /* named, and not there */
	world_tick(world);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_UNKNOWN, "DesiredUnknown"));
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_true(share(world, 1) == 1);
}

/* Every ten seconds, for as long as it takes. */
static void a_source_out_of_reach_is_tried_again(void **state)
{
	struct world *world = *state;
	int tries = 0;

	world_settle(world, 1);
	world->conduct[2].unreachable = true;
	world_declare(world, 2);
	for (int i = 0; i < 31; i++) {
		world_tick(world);
		tries += find_action(world, ACTION_PREPARE) != NULL;
		assert_int_equal(world->history.phase, PHASE_VERIFYING);
	}
	assert_int_equal(tries, 4);
	assert_string_equal(world->history.reason, "Preparing");
	world->conduct[2].unreachable = false;
	world_until(world, PHASE_PROVISIONING, 12);
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

static void an_approval_under_another_gate_does_not_count(void **state)
{
	struct world *world = *state;

	world->environment.approvals.required = 1;
	world_declare(world, 1);
	world_until(world, PHASE_WAITING, 10);
	ask(world, REQUEST_APPROVE);
	world->requests[0].gate = digest_of("gates of May", 12);
	world_run(world, 5);
	assert_int_equal(world->history.phase, PHASE_WAITING);
	ask(world, REQUEST_APPROVE);
	world_until(world, PHASE_PROMOTING, 10);
}

/* By what was asked, else by the environment, else never. */
static void an_approval_expires(void **state)
{
	struct world *world = *state;
	const struct approval *given;

	world_settle(world, 1);
	ask(world, REQUEST_APPROVE);
	world->requests[0].revision = world_revision(world, 2);
	world_tick(world);
	given = &world->history.approvals[0];
	assert_int_equal(given->expires_ms, world->now_ms + 86400000);
	assert_int_equal(given->at_ms, world->now_ms);
	world->environment.approvals.expire_ms = 0;
	ask(world, REQUEST_APPROVE);
	world->requests[0].revision = world_revision(world, 2);
	world_tick(world);
	assert_int_equal(world->history.approvals[0].expires_ms, world->now_ms);
	world->environment.approvals.expire_ms = -1;
	ask(world, REQUEST_APPROVE);
	world->requests[0].revision = world_revision(world, 2);
	world_tick(world);
	assert_int_equal(world->history.approvals[0].expires_ms, -1);
	world->environment.approvals.expire_ms = 5;
	ask(world, REQUEST_APPROVE);
	world->requests[0].revision = world_revision(world, 2);
	world->requests[0].expires_ms = WORLD_EPOCH + 86400000;
	world_tick(world);
	assert_int_equal(world->history.approvals[0].expires_ms, WORLD_EPOCH + 86400000);
	world->desired.environment = NULL; /* what it says cannot be read now */
	ask(world, REQUEST_APPROVE);
	world->requests[0].revision = world_revision(world, 2);
	world_tick(world);
	assert_int_equal(world->history.approvals[0].expires_ms, -1);
	assert_int_equal(world->history.n_approvals, 5);
}

static void the_stricter_of_environment_and_policy_counts(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world->desired.policy = &world->policy;
		world->environment.approvals.required = i ? 2 : 1;
		world->policy = (struct gate_policy){.serving = {NAN, NAN, NAN, NAN, NULL, NULL},
		                                     .approvals = i ? 1 : 2};
		world_declare(world, 1);
		world_until(world, PHASE_WAITING, 10);
		assert_string_equal(world->history.message, "2 approvals of v1 needed");
		ask(world, REQUEST_APPROVE);
		world_run(world, 3);
		assert_int_equal(world->history.phase, PHASE_WAITING);
		ask(world, REQUEST_APPROVE);
		world->requests[0].by = "bob";
		world_until(world, PHASE_PROMOTING, 30);
	}
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
	const char *authors[] = {"ada"};

	world_settle(world, 1);
	world->model.gates.require = &accuracy;
	world->model.gates.n_require = 1;
	judge(world, &verdicts[1], 2, VERDICT_FAIL, "accuracy 88 % < 90 %");
	verdicts[1].demands = gate_demands(&world->model, NULL, &world->arena,
	                                   &verdicts[1].n_demands);
	world_declare(world, 2);
	world_until(world, PHASE_STALLED, 10);
	assert_string_equal(world->history.history[0].what, "stalled (v2)");
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
	world->desired.authors_unknown = "risk.yaml: who changed it: no such commit";
	ask(world, REQUEST_APPROVE);
	world_run(world, 5);
	assert_string_equal(world->history.reason, "Approval");
	assert_non_null(strstr(world->history.message, "its approval does not count before it is known "
	                       "who wrote that change: risk.yaml: who changed it: no such commit"));
	assert_int_equal(count_replicas(world, 2), 0);
	world->desired.authors_unknown = NULL;
	world->desired.authors = (struct strings){authors, 1}; /* their own word is not enough */
	world_run(world, 5);
	assert_string_equal(world->history.reason, "Approval");
	assert_non_null(strstr(world->history.message, "who did not write that change"));
	assert_int_equal(count_replicas(world, 2), 0);
	authors[0] = "grace";
	world_until(world, PHASE_CANARY, 30);
	world->desired.model = NULL; /* what it says cannot be read now */
	world_run(world, 30);
	assert_int_equal(world->history.phase, PHASE_CANARY);
}

static void a_corrupt_artifact_stalls_until_a_retry(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].corrupt = true;
	world_declare(world, 2);
	world_until(world, PHASE_STALLED, 10);
	assert_string_equal(world->history.reason, "ArtifactInvalid");
	assert_string_equal(world->history.history[0].what, "stalled (v2)");
	world->conduct[2].corrupt = false;
	world_run(world, 10);
	assert_int_equal(world->history.phase, PHASE_STALLED);
	ask(world, REQUEST_RETRY);
	world_until(world, PHASE_CANARY, 30);
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

static void without_data_it_never_goes_on(void **state)
{
	for (enum inconclusive what = 0; what < INCONCLUSIVES; what++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world->deployment.rollout.on_inconclusive = what;
		world->deployment.rollout.deadline_ms = 300000;
		world->deployment.rollout.analysis.no_data_deadline_ms = 60000;
		into_canary(world);
		world->requests_per_second = 0;
		world_run(world, 200);
		assert_int_equal(world->history.phase, PHASE_CANARY);
		assert_string_equal(world->history.reason, "NoData");
		assert_true(share(world, 2) == .05);
		world_run(world, 400);
		if (what == INCONCLUSIVE_ROLLBACK) {
			assert_int_equal(world->history.phase, PHASE_ROLLED_BACK);
			continue;
		}
		assert_int_equal(world->history.phase, PHASE_CANARY);
		assert_string_equal(world->history.reason, "NoData");
		assert_true(share(world, 2) == .05);
	}
}

static void the_deadline_counts_before_any_traffic_too(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct world *world = *state;

		world_deinit(world);
		world_init(world);
		world_settle(world, 1);
		world->deployment.rollout.deadline_ms = 20000;
		world->conduct[2].never_ready = !i;
		world_declare(world, 2);
		world_until(world, i ? PHASE_CHECKING : PHASE_PROVISIONING, 10);
		world->n_checked = 0;
		world->lost = i;
		world_run(world, 15);
		assert_int_equal(world->history.phase, i ? PHASE_CHECKING : PHASE_PROVISIONING);
		world->lost = false;
		world->conduct[2].never_ready = true;
		world->n_checked = 0;
		world_plan(world);
		world->now_ms += 20000;
		world_plan(world);
		assert_int_equal(world->last.next.phase, PHASE_ROLLING_BACK);
		assert_string_equal(world->last.next.reason, "DeadlineExceeded");
	}
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

static void below_the_first_step_of_an_edited_rollout_its_terms_count(void **state)
{
	struct world *world = *state;
	struct step_spec steps[] = {{.10, 1000000, 30000, 3, false}, {.25, 1, 1000, 3, false}};

	into_canary(world);
	world->deployment.rollout.steps = arena_memdup(&world->arena, steps, sizeof(steps));
	world->deployment.rollout.n_steps = 2;
	world_run(world, 120);
	assert_int_equal(world->history.step, -1);
	assert_true(share(world, 2) == .05);
}

static void of_a_rollout_cut_short_the_last_step_counts(void **state)
{
	struct world *world = *state;
	struct step_spec step = {.01, 1000000, 30000, 3, false};

	into_canary(world);
	for (int i = 0; i < 300 && world->history.step < 1; i++)
		world_tick(world);
	world->deployment.rollout.steps = arena_memdup(&world->arena, &step, sizeof(step));
	world->deployment.rollout.n_steps = 1;
	world_run(world, 5);
	assert_int_equal(world->history.step, 0);
	assert_true(share(world, 2) == .25);
	world_run(world, 120);
	assert_int_equal(world->history.phase, PHASE_CANARY);
}

static void an_edited_metric_is_an_edited_rollout(void **state)
{
	struct metric_spec metric = {.name = "queue", .prometheus = "q", .max = 5};
	struct world *world = *state;

	world->deployment.rollout.analysis.metrics = &metric;
	world->deployment.rollout.analysis.n_metrics = 1;
	into_canary(world);
	assert_string_equal(world->history.reason, "Analysing");
	metric.max = 6;
	world_tick(world);
	assert_string_equal(world->history.reason, "RolloutChanged");
}

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
		case_of(nothing_is_promoted_while_git_is_unknown),
		case_of(weights_without_the_stable_one_of_record_wait_for_a_record),
		case_of(one_replica_that_is_ready_is_enough_to_promote_early),
		case_of(a_dead_candidate_is_not_promoted_early),
		case_of(naming_the_stable_version_again_withdraws),
		case_of(nothing_of_a_candidate_outlives_it),
		case_of(a_hold_stops_steps_but_not_harm),
		case_of(a_hold_is_over_at_its_time),
		case_of(a_hold_and_a_closed_window_stop_new_rollouts_and_end),
		case_of(what_cannot_be_read_counts_as_closed),
		case_of(a_frozen_deployment_says_so),
		case_of(a_source_out_of_reach_is_tried_again),
		case_of(approvals_count_for_this_revision_this_gate_these_people),
		case_of(an_approval_under_another_gate_does_not_count),
		case_of(an_approval_expires),
		case_of(the_stricter_of_environment_and_policy_counts),
		case_of(a_step_may_need_an_approval_given_since_the_step_before),
		case_of(environments_of_level_mvp_ask_before_each_step),
		case_of(a_failed_gate_stalls_and_a_new_verdict_frees),
		case_of(a_verdict_counts_for_its_key_alone),
		case_of(what_could_not_be_told_waits_for_a_person),
		case_of(what_a_loosened_gate_lets_pass_needs_one_more_approval),
		case_of(what_was_never_judged_waits_where_a_gate_is_declared),
		case_of(a_corrupt_artifact_stalls_until_a_retry),
		case_of(past_the_deadline_on_inconclusive_decides),
		case_of(without_data_it_never_goes_on),
		case_of(the_deadline_counts_before_any_traffic_too),
		case_of(an_edited_rollout_counts_from_the_weight_that_is),
		case_of(below_the_first_step_of_an_edited_rollout_its_terms_count),
		case_of(of_a_rollout_cut_short_the_last_step_counts),
		case_of(an_edited_metric_is_an_edited_rollout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
