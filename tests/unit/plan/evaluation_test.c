/* Versions from elsewhere: what waits for a verdict of ours gets one. */
#include "plan/model.h"

static void until_tested(struct world *world)
{
	for (int i = 0; i < 3 && !world->taken; i++)
		tick(world);
	world->in.evaluation.train = RUN_SUCCEEDED;
	world->in.evaluation.rows = digest_of("rows", 4);
	world->in.evaluation.n_rows = 1500;
	for (int i = 0; i < 3 && !world->tested; i++)
		tick(world);
	assert_int_equal(world->tested, 1);
	assert_int_equal(world->in.history.n_ledger, 1); /* before the test */
}

static void a_version_from_elsewhere_is_evaluated_once(void **state)
{
	struct gates_evidence evidence = {0};
	struct world *world = *state;
	const struct action *action;

	declare_by_hand(world);
	tick(world);
	plan(world);
	action = find_action(world, ACTION_TRAIN);
	assert_string_equal(action->spec->version, "v2");
	assert_string_equal(action->incumbent->version, "v1");
	assert_null(action->rows); /* this artifact was never tested */
	until_tested(world);
	world->in.evaluation.evaluate = RUN_SUCCEEDED;
	world->in.evaluation.verdict = VERDICT_PASS;
	world->in.evaluation.why = "accuracy 92 %";
	world->in.evaluation.same = true; /* as what serves: no use was spent */
	world->in.evaluation.evidence = &evidence;
	tick(world);
	assert_ptr_equal(world->in.history.decided, &evidence); /* it can be judged again */
	assert_int_equal(world->in.history.n_verdicts, 1);
	assert_true(world->in.history.ledger[0].same);
	assert_int_equal(gate_admit(&world->revisions[1], &world->revisions[0], &world->model, NULL,
	                            &world->in.history, &world->arena).result, VERDICT_PASS);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->taken + world->tested, 2);
	assert_false(world->last.changed);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	world->accuracy.min = .8; /* another gate: judged again, on the rows that it was tested on */
	tick(world);
	plan(world);
	action = find_action(world, ACTION_TRAIN);
	assert_true(digest_same(action->rows->rows, digest_of("rows", 4)));
	world->in.evaluation = (struct run_result){
		.run = world->in.history.evaluation.run, .train = RUN_SUCCEEDED,
		.rows = digest_of("rows", 4), .n_rows = 1500,
	};
	plan(world);
	assert_int_equal(world->in.history.n_ledger, 2);
	assert_true(world->in.history.ledger[0].same); /* the predictions are known */
}

static void without_gates_the_guards_judge_it_alone(void **state)
{
	struct world *world = *state;
	const struct action *action;

	declare_by_hand(world);
	world->model.gates.n_require = 0;
	world->model.data.uri = "file:rows.csv";
	tick(world);
	plan(world);
	assert_null(find_action(world, ACTION_TRAIN)->incumbent);
	for (int i = 0; i < 3 && !world->taken; i++)
		tick(world);
	world->in.evaluation.known = true;
	until_tested(world);
	assert_true(world->in.history.ledger[0].known);
	world->in.evaluation.evaluate = RUN_SUCCEEDED;
	world->in.evaluation.verdict = VERDICT_PASS;
	tick(world);
	assert_false(world->in.history.verdicts[0].incumbent.hex[0]);
	assert_int_equal(gate_admit(&world->revisions[1], &world->revisions[0], &world->model, NULL,
	                            &world->in.history, &world->arena).result, VERDICT_PASS);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->taken + world->tested, 2);
	world->model.gates.n_require = 1; /* those rows may have trained it: they are no test of it */
	tick(world);
	plan(world);
	action = find_action(world, ACTION_TRAIN);
	assert_null(action->rows);
	assert_string_equal(action->incumbent->version, "v1");
}

static void a_version_without_data_needs_no_guards(void **state)
{
	struct world *world = *state;

	declare_by_hand(world);
	world->model.gates.n_require = 0;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->taken, 0);
}

static void each_target_is_judged_against_what_serves_there(void **state)
{
	struct world *world = *state;
	struct deployment_status *production = &world->statuses[PRODUCTION];
	struct revision there[2];
	const struct action *action;

	declare_by_hand(world);
	until_tested(world);
	world->in.evaluation.evaluate = RUN_SUCCEEDED;
	world->in.evaluation.verdict = VERDICT_PASS;
	tick(world);
	there[0] = (struct revision){.model = "risk", .version = "v0",
	                             .artifact.digest = digest_of("v0", 2)};
	revision_seal(&there[0]);
	there[1] = world->revisions[1];
	*production = (struct deployment_status){
		.revisions = there, .n_revisions = 2, .stable = there[0].digest,
		.candidate = there[1].digest, .phase = PHASE_WAITING,
	};
	tick(world);
	plan(world);
	action = find_action(world, ACTION_TRAIN);
	assert_string_equal(action->incumbent->version, "v0");
	assert_true(digest_same(action->rows->rows, digest_of("rows", 4))); /* the same rows */
	world->in.evaluation = (struct run_result){
		.run = world->in.history.evaluation.run, .train = RUN_SUCCEEDED,
		.rows = digest_of("rows", 4), .n_rows = 1500,
	};
	plan(world);
	assert_true(world->in.history.ledger[0].same); /* the candidate is not asked again: no use */
	plan(world);
	world->in.evaluation.evaluate = RUN_SUCCEEDED;
	world->in.evaluation.verdict = VERDICT_FAIL;
	tick(world);
	assert_int_equal(gate_admit(&there[1], &world->revisions[0], &world->model, NULL,
	                            &world->in.history, &world->arena).result, VERDICT_PASS);
	assert_int_equal(gate_admit(&there[1], &there[0], &world->model, NULL, &world->in.history,
	                            &world->arena).result, VERDICT_FAIL);
}

static void rows_that_no_ledger_holds_are_not_asked_for(void **state)
{
	struct world *world = *state;
	struct verdict_record old;

	declare_by_hand(world);
	old = (struct verdict_record){.artifact = world->revisions[1].artifact.digest,
	                              .rows = digest_of("rows", 4), .result = VERDICT_FAIL};
	world->in.history.verdicts = &old;
	world->in.history.n_verdicts = 1;
	tick(world);
	plan(world);
	assert_non_null(find_action(world, ACTION_TRAIN));
	assert_null(find_action(world, ACTION_TRAIN)->rows);
}

/* What another artifact was tested on says nothing about this one. */
static void the_rows_of_another_artifact_are_not_asked_for(void **state)
{
	static struct ledger_entry ledger[2];
	static struct verdict_record verdicts[2];
	struct world *world = *state;
	const struct action *action;

	declare_by_hand(world);
	for (int i = 0; i < 2; i++) {
		ledger[i] = (struct ledger_entry){.rows = digest_of(i ? "s" : "r", 1), .run = "another"};
		verdicts[i] = (struct verdict_record){.result = VERDICT_FAIL, .rows = ledger[1 - i].rows,
		                                      .artifact = digest_of("other", 5)};
	}
	world->in.history.ledger = ledger;
	world->in.history.n_ledger = 2;
	world->in.history.verdicts = verdicts;
	world->in.history.n_verdicts = 2;
	tick(world);
	plan(world);
	assert_null(find_action(world, ACTION_TRAIN)->rows);
	verdicts[1].artifact = world->revisions[1].artifact.digest;
	plan(world);
	action = find_action(world, ACTION_TRAIN);
	assert_true(digest_same(action->rows->rows, digest_of("r", 1)));
}

/* One at a time, and the first that was begun is not left for another. */
static void what_is_under_way_is_finished_first(void **state)
{
	struct world *world = *state;

	declare_by_hand(world);
	world->statuses[PRODUCTION] = world->statuses[STAGING];
	world->statuses[PRODUCTION].stable = (struct digest){0}; /* compared with nothing */
	world->statuses[STAGING].phase = PHASE_STEADY;
	for (int i = 0; i < 3 && !world->taken; i++)
		tick(world);
	assert_int_equal(world->taken, 1);
	world->statuses[STAGING].phase = PHASE_WAITING;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->taken, 1);
	assert_int_equal(world->cancelled, 0);
	assert_int_equal(world->in.evaluation.train, RUN_ACTIVE);
}

static void what_goes_back_is_not_evaluated(void **state)
{
	struct world *world = *state;

	declare_by_hand(world);
	world->statuses[STAGING].going_back = true;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->taken, 0);
}

static void a_considered_failure_is_a_verdict(void **state)
{
	struct world *world = *state;

	declare_by_hand(world);
	for (int i = 0; i < 3 && !world->taken; i++)
		tick(world);
	world->in.evaluation.train = RUN_FAILED; /* no rows to test on */
	world->in.evaluation.considered = true;
	world->in.evaluation.why = "training rows unknown";
	tick(world);
	assert_int_equal(world->in.history.verdicts[0].result, VERDICT_INCONCLUSIVE);
	assert_int_equal(world->in.history.n_ledger, 0);
	ask(world, REQUEST_RETRY, NULL);
	tick(world);
	assert_int_equal(world->in.history.n_verdicts, 0);
	world->taken = 0;
	until_tested(world);
	world->in.evaluation.evaluate = RUN_FAILED; /* its server answers wrongly */
	world->in.evaluation.considered = true;
	tick(world);
	assert_int_equal(world->in.history.verdicts[0].result, VERDICT_FAIL);
}

/* Asking again forgets what could not tell, and nothing else. */
static void a_verdict_that_tells_is_kept_when_a_person_asks_again(void **state)
{
	struct verdict_record verdicts[3] = {{.result = VERDICT_FAIL}, {.result = VERDICT_INCONCLUSIVE},
	                                     {.result = VERDICT_PASS}};
	struct world *world = *state;

	declare_by_hand(world);
	world->in.history.verdicts = verdicts;
	world->in.history.n_verdicts = 3;
	ask(world, REQUEST_RETRY, NULL);
	tick(world);
	assert_int_equal(world->in.history.n_verdicts, 2);
	assert_int_equal(world->in.history.verdicts[0].result, VERDICT_FAIL);
	assert_int_equal(world->in.history.verdicts[1].result, VERDICT_PASS);
	assert_int_equal(verdicts[1].result, VERDICT_INCONCLUSIVE); /* the old list as it was */
	assert_int_equal(world->in.history.evaluation.asked_ms, world->now_ms);
}

static void an_evaluation_that_breaks_is_tried_three_times(void **state)
{
	struct world *world = *state;
	const char *why;

	declare_by_hand(world);
	for (int i = 0; i < 300; i++) {
		tick(world);
		if (world->in.evaluation.train == RUN_ACTIVE) {
			world->in.evaluation.train = RUN_FAILED;
			world->in.evaluation.why = "the artifact is not there";
		}
	}
	assert_int_equal(world->taken, 3);
	assert_int_equal(world->in.history.n_verdicts, 0);
	why = gate_admit(&world->revisions[1], &world->revisions[0], &world->model, NULL,
	                 &world->in.history, &world->arena).why;
	assert_non_null(strstr(why, "failed 3 times (ask again with `linnet retry`): the artifact"));
	assert_false(world->last.changed);
	ask(world, REQUEST_RETRY, NULL);
	for (int i = 0; i < 3; i++)
		tick(world);
	assert_int_equal(world->taken, 4);
}

static void under_other_gates_it_begins_anew_when_the_first_has_ended(void **state)
{
	struct world *world = *state;
	struct digest first;

	declare_by_hand(world);
	for (int i = 0; i < 3 && !world->taken; i++)
		tick(world);
	first = world->in.history.evaluation.run;
	world->accuracy.min = .8;
	tick(world);
	assert_int_equal(world->cancelled, 1);
	assert_true(digest_same(world->in.history.evaluation.run, first));
	for (int i = 0; i < 3 && world->taken < 2; i++)
		tick(world);
	assert_int_equal(world->taken, 2);
	assert_false(digest_same(world->in.history.evaluation.run, first));
}

static void an_evaluation_that_nobody_needs_is_cancelled(void **state)
{
	struct world *world = *state;

	declare_by_hand(world);
	for (int i = 0; i < 3 && !world->taken; i++)
		tick(world);
	world->statuses[STAGING].candidate = (struct digest){0};
	world->statuses[STAGING].phase = PHASE_STEADY;
	tick(world);
	assert_int_equal(world->cancelled, 1);
	tick(world);
	assert_int_equal(world->in.history.evaluation.run.hex[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_version_from_elsewhere_is_evaluated_once),
		case_of(without_gates_the_guards_judge_it_alone),
		case_of(a_version_without_data_needs_no_guards),
		case_of(each_target_is_judged_against_what_serves_there),
		case_of(rows_that_no_ledger_holds_are_not_asked_for),
		case_of(the_rows_of_another_artifact_are_not_asked_for),
		case_of(what_is_under_way_is_finished_first),
		case_of(what_goes_back_is_not_evaluated),
		case_of(a_considered_failure_is_a_verdict),
		case_of(a_verdict_that_tells_is_kept_when_a_person_asks_again),
		case_of(an_evaluation_that_breaks_is_tried_three_times),
		case_of(under_other_gates_it_begins_anew_when_the_first_has_ended),
		case_of(an_evaluation_that_nobody_needs_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
