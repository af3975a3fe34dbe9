/* The retraining cycle: a run from its start to its verdict, and what comes of it. */
#include "plan/model.h"

/* ---- a first version ---- */

static void the_first_version_is_trained_judged_and_proposed(void **state)
{
	struct world *world = *state;
	const struct proposal_text *text;

	run_to(world, VERDICT_PASS, "a1");
	assert_int_equal(world->in.history.n_ledger, 1);
	assert_int_equal(world->in.history.ledger[0].n_rows, 1500);
	until(world, CYCLE_PROPOSING);
	assert_int_equal(world->in.history.n_verdicts, 1);
	text = find_action(world, ACTION_PROPOSE)->proposal;
	assert_null(text->branch);
	assert_string_equal(text->version_file, "risk-v1");
	assert_int_equal(text->n_edits, 1); /* production follows staging */
	assert_string_equal(text->edits[0].environment, "staging");
	assert_string_equal(text->edits[0].version, "v1");
	assert_null(text->expects[0]);
	merge_v1(world);
	until(world, CYCLE_IDLE);
	assert_int_equal(world->in.history.proposed[0].outcome, PROPOSAL_MERGED);
	assert_int_equal(world->trained, 1);
	assert_int_equal(world->evaluated, 1);
	for (int i = 0; i < 20; i++) {
		world->now_ms += HOUR_MS;
		tick(world);
		assert_false(world->last.changed);
		assert_int_equal(world->last.plan.n_actions, 0);
	}
}

static void the_ledger_entry_comes_before_the_test_and_once(void **state)
{
	struct world *world = *state;

	until(world, CYCLE_RUNNING);
	tick(world);
	trained(world, "a1");
	until(world, CYCLE_EVALUATING);
	assert_int_equal(world->in.history.n_ledger, 1);
	assert_int_equal(world->evaluated, 0);
	tick(world);
	world->in.run.evaluate = RUN_FAILED; /* interrupted: the same use */
	for (int i = 0; i < 90; i++)
		tick(world);
	assert_int_equal(world->evaluated, 2);
	assert_int_equal(world->in.history.n_ledger, 1);
	world->in.run.evaluate = RUN_FAILED;
	for (int i = 0; i < 200 && world->in.history.phase != CYCLE_STALLED; i++)
		tick(world);
	world->in.run.evaluate = RUN_FAILED;
	until(world, CYCLE_STALLED);
	world->now_ms += HOUR_MS;
	ask(world, REQUEST_RETRY, NULL); /* the same run is adopted: still the same use */
	run_to(world, VERDICT_PASS, "a1");
	assert_int_equal(world->in.history.n_ledger, 1);
}

/* ---- who starts it ---- */

static void runs_are_started_as_the_level_says(void **state)
{
	struct world *world = *state;

	world->model.retrain = LEVEL_APPROVE;
	until(world, CYCLE_WAITING);
	for (int i = 0; i < 10; i++)
		tick(world);
	assert_int_equal(world->trained, 0);
	ask(world, REQUEST_APPROVE, NULL);
	until(world, CYCLE_RUNNING);

	teardown(state);
	setup(state);
	world = *state;
	world->model.retrain = LEVEL_MANUAL;
	until(world, CYCLE_WAITING);
	ask(world, REQUEST_KICK, NULL); /* a person asks */
	until(world, CYCLE_RUNNING);
}

static void what_is_approved_or_rejected_is_the_run_that_waits(void **state)
{
	struct world *world = *state;
	static struct request request;

	ask(world, REQUEST_REJECT, NULL); /* nothing waits */
	ask(world, REQUEST_APPROVE, NULL);
	world->model.retrain = LEVEL_APPROVE;
	until(world, CYCLE_WAITING);
	request = (struct request){.verb = REQUEST_APPROVE, .revision = digest_of("other", 5),
	                           .expires_ms = -1};
	world->in.requests = &request;
	world->in.n_requests = 1;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_WAITING);
	request.revision = world->in.history.run;
	world->in.n_requests = 1;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_RUNNING);
	assert_string_equal(world->in.history.history[0].why, "approved by somebody");
	ask(world, REQUEST_REJECT, NULL);
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_RUNNING);
}

static void a_model_without_training_only_waits(void **state)
{
	struct world *world = *state;

	world->model.train = NULL;
	for (int i = 0; i < 10; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_false(world->last.changed);
}

static void without_git_nothing_is_decided_but_a_kick_is_kept(void **state)
{
	struct world *world = *state;

	world->in.known = false;
	ask(world, REQUEST_KICK, "platform-update");
	tick(world);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_non_null(world->in.history.pending_event);
	world->in.known = true;
	until(world, CYCLE_RUNNING);
}

/* ---- what does not help, and what fails ---- */

static void a_run_that_did_not_help_is_not_made_again(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .first = digest_of("r1", 2)};

	world->in.data = &data;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000});
	data.rows = 11000;
	run_to(world, VERDICT_FAIL, "a1");
	until(world, CYCLE_IDLE);
	assert_string_equal(world->in.history.reason, "GateFailed");
	data.rows = 11999;
	for (int i = 0; i < 5; i++) {
		world->now_ms += HOUR_MS;
		tick(world);
	}
	assert_int_equal(world->trained, 1);
	data.rows = 12000;
	run_to(world, VERDICT_INCONCLUSIVE, "a2");
	until(world, CYCLE_STALLED);
	assert_string_equal(world->in.history.reason, "NoImprovement");
	data.rows = 12999;
	world->now_ms += HOUR_MS;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 2);
	ask(world, REQUEST_KICK, NULL);
	until(world, CYCLE_RUNNING);
}

static void changed_training_is_a_new_start_for_what_did_not_help(void **state)
{
	struct world *world = *state;

	run_to(world, VERDICT_FAIL, "a1");
	until(world, CYCLE_IDLE);
	world->now_ms += HOUR_MS;
	world->in.train_digest = digest_of("e", 1);
	run_to(world, VERDICT_FAIL, "a2");
	until(world, CYCLE_STALLED);
	world->now_ms += HOUR_MS;
	world->in.train_digest = digest_of("u", 1);
	run_to(world, VERDICT_FAIL, "a3");
	until(world, CYCLE_IDLE);
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
}

static void bad_data_is_considered_and_not_repeated(void **state)
{
	struct world *world = *state;

	until(world, CYCLE_RUNNING);
	tick(world);
	world->in.run.train = RUN_FAILED;
	world->in.run.considered = true;
	world->in.run.why = "DataSchemaMismatch: column team is missing";
	until(world, CYCLE_IDLE);
	assert_string_equal(world->in.history.message, "DataSchemaMismatch: column team is missing;"
	                    " once that is mended: `linnet kick risk`");
	assert_int_equal(world->in.history.attempts, 0);
}

static void a_test_that_is_refused_is_considered_too(void **state)
{
	struct world *world = *state;

	until(world, CYCLE_RUNNING);
	tick(world);
	trained(world, "a1");
	until(world, CYCLE_EVALUATING);
	tick(world);
	world->in.run.evaluate = RUN_FAILED;
	world->in.run.considered = true;
	world->in.run.why = "its server answers wrongly";
	until(world, CYCLE_IDLE);
	assert_string_equal(world->in.history.reason, "Failed");
	assert_string_equal(world->in.history.message, "its server answers wrongly");
	assert_int_equal(world->in.history.fruitless, 1);
	assert_int_equal(world->in.history.last_finished_ms, world->now_ms);
	assert_int_equal(world->evaluated, 1);
}

static void errors_are_retried_with_backoff_and_stall_the_third_time(void **state)
{
	struct world *world = *state;
	int64_t first_ms;

	until(world, CYCLE_RUNNING);
	tick(world);
	world->in.run.train = RUN_FAILED;
	tick(world);
	first_ms = world->now_ms;
	while (world->trained < 2)
		tick(world);
	assert_true(world->now_ms - first_ms >= 60000);
	world->in.run.train = RUN_FAILED;
	first_ms = world->now_ms;
	while (world->trained < 3)
		tick(world);
	assert_true(world->now_ms - first_ms >= 120000);
	world->in.run.train = RUN_FAILED;
	until(world, CYCLE_STALLED);
	assert_string_equal(world->in.history.reason, "RunFailed");
	for (int i = 0; i < 300; i++)
		tick(world);
	assert_int_equal(world->trained, 3);
	ask(world, REQUEST_RETRY, NULL);
	until(world, CYCLE_RUNNING);
	tick(world);
	assert_int_equal(world->trained, 4); /* at once, and the same run */
	assert_int_equal(world->in.history.attempts, 0);
}

static void an_attempt_that_waits_is_told_and_a_person_makes_it_due(void **state)
{
	struct world *world = *state;

	until(world, CYCLE_RUNNING);
	tick(world);
	world->in.run.train = RUN_FAILED;
	world->in.run.why = "rows.csv: no such file";
	tick(world);
	assert_string_equal(world->in.history.reason, "Retrying");
	assert_string_equal(world->in.history.message, "nothing runs: attempt 1 of 3 failed, the next"
	                    " is due at 2026-07-01T09:01:04Z: rows.csv: no such file");
	ask(world, REQUEST_RETRY, NULL);
	tick(world);
	assert_int_equal(world->trained, 2); /* at once */
	assert_string_equal(world->in.history.history[0].what, "retried");
	assert_string_equal(world->in.history.history[0].why, "ada asked for it");
	assert_string_equal(world->in.history.reason, "Running");
	assert_string_equal(world->in.history.message,
	                    "attempt 2 of 3; the one before failed: rows.csv: no such file");
	for (int i = 0; i < 2; i++) { /* who asks again and again gets no more attempts */
		world->in.run.train = RUN_FAILED;
		tick(world);
		ask(world, REQUEST_RETRY, NULL);
		tick(world);
	}
	assert_int_equal(world->trained, 3);
}

static void who_asks_in_vain_is_told(void **state)
{
	static const enum request_verb verbs[] = {REQUEST_RETRY, REQUEST_APPROVE, REQUEST_REJECT};
	struct world *world = *state;

	merge_v1(world);
	tick(world);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *verb = request_verb_names.names[verbs[i]];

		ask(world, verbs[i], NULL);
		tick(world);
		assert_string_equal(world->in.history.history[0].what,
		                    arena_printf(&world->arena, "%s refused", verb));
		assert_string_equal(world->in.history.history[0].why,
		                    "ada asked for it; nothing waits for it");
		assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	}
}

static void attempts_are_forgotten_when_the_run_ends(void **state)
{
	struct world *world = *state;

	until(world, CYCLE_RUNNING);
	tick(world);
	world->in.run.train = RUN_FAILED;
	while (world->trained < 2)
		tick(world);
	assert_int_equal(world->in.history.attempts, 1);
	world->in.run.train = RUN_FAILED;
	world->in.run.considered = true;
	world->in.run.why = "no candidate has a score";
	until(world, CYCLE_IDLE);
	assert_int_equal(world->in.history.attempts, 0);
}

/* Its rows are not new any more: the retry itself is what makes it due. */
static void what_did_not_help_is_made_anew_for_a_person_who_asks(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .first = digest_of("r1", 2)};
	struct digest run;

	world->in.data = &data;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000});
	for (int i = 0; i < 2; i++) {
		data.rows += 1000;
		world->now_ms += HOUR_MS;
		run_to(world, VERDICT_FAIL, "a2");
		until(world, i ? CYCLE_STALLED : CYCLE_IDLE);
	}
	run = world->in.history.run;
	ask(world, REQUEST_RETRY, NULL);
	run_to(world, VERDICT_PASS, "a3");
	assert_false(digest_same(world->in.history.run, run));
	assert_int_equal(world->in.history.trigger, TRIGGER_NEW_ROWS);
	until(world, CYCLE_PROPOSING);
}

/* A newer version makes the candidate of Promoting the stable one, and is compared with it. */
static void in_promoting_a_run_is_compared_with_the_candidate(void **state)
{
	struct world *world = *state;
	struct deployment_status *status = &world->statuses[STAGING];
	const struct action *action;

	serve_v1_under(world, "gates of May");
	status->candidate = status->stable;
	status->stable = (struct digest){0};
	status->phase = PHASE_PROMOTING;
	ask(world, REQUEST_KICK, NULL);
	until(world, CYCLE_RUNNING);
	tick(world);
	action = find_action(world, ACTION_TRAIN);
	assert_non_null(action);
	assert_non_null(action->incumbent);
	assert_string_equal(action->incumbent->version, "v1");
}

/* What follows another environment is replaced later, and where nothing is known nothing serves. */
static void a_run_is_compared_with_what_it_replaces_first(void **state)
{
	struct world *world = *state;

	serve_v1_under(world, "gates of May");
	world->statuses[PRODUCTION] = world->statuses[STAGING];
	world->targets[STAGING].status = NULL;
	ask(world, REQUEST_KICK, NULL);
	until(world, CYCLE_RUNNING);
	tick(world);
	assert_null(find_action(world, ACTION_TRAIN)->incumbent);
	world->in.run = (struct run_result){0};
	world->deployments[PRODUCTION].promotion = NULL;
	tick(world);
	assert_string_equal(find_action(world, ACTION_TRAIN)->incumbent->version, "v1");
}

static void a_change_of_training_cancels_once(void **state)
{
	struct world *world = *state;
	struct digest first;

	until(world, CYCLE_RUNNING);
	tick(world);
	first = world->in.history.run;
	world->in.train_digest = digest_of("u", 1);
	tick(world);
	assert_int_equal(world->cancelled, 1);
	assert_true(digest_same(first, world->in.history.run)); /* until it is seen ended */
	tick(world);
	assert_false(digest_same(first, world->in.history.run));
	tick(world);
	assert_int_equal(world->trained, 2);
	world->in.train_digest = digest_of("v", 1);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->cancelled, 1); /* the next run completes */
	world->in.data_digest = digest_of("e", 1); /* later rows never cancel */
	tick(world);
	assert_int_equal(world->trained, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(the_first_version_is_trained_judged_and_proposed),
		case_of(the_ledger_entry_comes_before_the_test_and_once),
		case_of(runs_are_started_as_the_level_says),
		case_of(what_is_approved_or_rejected_is_the_run_that_waits),
		case_of(a_model_without_training_only_waits),
		case_of(without_git_nothing_is_decided_but_a_kick_is_kept),
		case_of(a_run_that_did_not_help_is_not_made_again),
		case_of(changed_training_is_a_new_start_for_what_did_not_help),
		case_of(bad_data_is_considered_and_not_repeated),
		case_of(a_test_that_is_refused_is_considered_too),
		case_of(errors_are_retried_with_backoff_and_stall_the_third_time),
		case_of(an_attempt_that_waits_is_told_and_a_person_makes_it_due),
		case_of(who_asks_in_vain_is_told),
		case_of(attempts_are_forgotten_when_the_run_ends),
		case_of(what_did_not_help_is_made_anew_for_a_person_who_asks),
		case_of(in_promoting_a_run_is_compared_with_the_candidate),
		case_of(a_run_is_compared_with_what_it_replaces_first),
		case_of(a_change_of_training_cancels_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
