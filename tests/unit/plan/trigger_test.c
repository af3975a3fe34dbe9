/* What makes a model train, and what keeps it from it. */
#include "plan/model.h"

/* ---- a first version ---- */

/* It trains for something: a deployment, or a trigger that says when. */
static void a_first_version_needs_a_deployment_or_a_trigger(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct world *world;

		teardown(state);
		setup(state);
		world = *state;
		world->in.n_targets = i & 1 ? TARGETS : 0;
		world->model.n_triggers = i & 2 ? 1 : 0;
		tick(world);
		assert_int_equal(world->in.history.phase, i ? CYCLE_DUE : CYCLE_IDLE);
	}
}

static void while_a_version_lands_no_first_one_is_made(void **state)
{
	struct world *world = *state;

	ask(world, REQUEST_KICK, "platform-update");
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSING);
	until(world, CYCLE_IDLE);
	world->now_ms += 2 * HOUR_MS;
	world->in.train_digest = digest_of("t2", 2); /* which would be one */
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
}

/* A row more is no reason to spend the test rows again; as many as the trigger names are one. */
static void a_first_version_that_failed_waits_for_a_cause(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .first = digest_of("r1", 2)};

	world->in.data = &data;
	world->triggers[0] = (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000};
	run_to(world, VERDICT_FAIL, "a1");
	until(world, CYCLE_IDLE);
	for (int i = 0; i < 48; i++) {
		data.rows++;
		world->in.data_digest = digest_of(&data.rows, sizeof(data.rows));
		world->now_ms += HOUR_MS;
		tick(world);
	}
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_int_equal(world->in.history.n_ledger, 1);
	data.rows = 11000;
	world->in.data_digest = digest_of(&data.rows, sizeof(data.rows));
	run_to(world, VERDICT_FAIL, "a2");
	assert_int_equal(world->in.history.trigger, TRIGGER_NEW_ROWS);
	until(world, CYCLE_IDLE);
	world->now_ms += 48 * HOUR_MS;
	tick(world);
	assert_int_equal(world->trained, 2); /* what that run did not give, no first one gives */
}

/* ---- events and the cooldown ---- */

static void an_event_waits_for_the_cooldown_and_a_strange_one_is_refused(void **state)
{
	struct world *world = *state;

	merge_v1(world);
	world->in.history.phase_since_ms = EPOCH;
	world->in.history.retry_ms = -1;
	world->in.history.last_finished_ms = EPOCH;
	ask(world, REQUEST_KICK, "no-such-event");
	tick(world);
	assert_null(world->in.history.pending_event);
	assert_string_equal(world->in.history.history[0].what, "kick refused");
	ask(world, REQUEST_KICK, "platform-update");
	tick(world);
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_string_equal(world->in.history.reason, "Cooldown");
	assert_true(world->last.plan.wake_ms <= EPOCH + HOUR_MS);
	world->now_ms = EPOCH + HOUR_MS;
	until(world, CYCLE_RUNNING);
	assert_int_equal(world->in.history.trigger, TRIGGER_EVENT);
	assert_null(world->in.history.pending_event);
}

static void each_event_that_is_declared_is_heard(void **state)
{
	static const char *const events[] = {"platform-update", "holiday"};

	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		struct world *world;

		teardown(state);
		setup(state);
		world = *state;
		world->triggers[1] = (struct trigger_spec){.kind = TRIGGER_EVENT, .event = "holiday"};
		world->model.n_triggers = 2;
		merge_v1(world);
		ask(world, REQUEST_KICK, events[i]);
		until(world, CYCLE_RUNNING);
		assert_int_equal(world->in.history.trigger, TRIGGER_EVENT);
	}
}

static void a_person_who_kicks_waits_for_no_cooldown(void **state)
{
	struct world *world = *state;

	merge_v1(world);
	world->in.history.phase_since_ms = EPOCH;
	world->in.history.retry_ms = -1;
	world->in.history.last_finished_ms = EPOCH;
	ask(world, REQUEST_KICK, "platform-update");
	tick(world);
	tick(world);
	assert_non_null(strstr(world->in.history.message, "due at 2026-07-01T10:00:00Z, after the "
	                       "cooldown (`linnet kick risk` does not wait): platform-update by ada"));
	ask(world, REQUEST_KICK, NULL);
	run_to(world, VERDICT_FAIL, "a2");
	assert_false(world->in.history.pending_kick);
	until(world, CYCLE_IDLE);
	ask(world, REQUEST_KICK, "platform-update"); /* the next event waits again */
	tick(world);
	tick(world);
	assert_string_equal(world->in.history.reason, "Cooldown");
}

static void why_a_person_kicks_is_in_the_cause_of_the_run(void **state)
{
	struct world *world = *state;
	char longer[400] = "";
	struct request request;

	merge_v1(world);
	ask(world, REQUEST_KICK, NULL);
	request = world->in.requests[0];
	request.reason = "the labels were mended";
	world->in.requests = &request;
	tick(world);
	assert_string_equal(world->in.history.trigger_why,
	                    "kick by ada, commit r1: the labels were mended");
	assert_string_equal(world->in.history.history[1].what, "kicked");
	assert_string_equal(world->in.history.history[1].why, world->in.history.trigger_why);
	until(world, CYCLE_RUNNING);

	strcat(longer, "a");
	for (int i = 0; i < 150; i++)
		strcat(longer, "\u00e9");
	request.reason = longer;
	request.commit = "r2";
	world->in.n_requests = 1;
	tick(world);
	assert_int_equal(strlen(world->in.history.pending_event),
	                 strlen("kick by ada, commit r2: ") + 199 + strlen("..."));
}

/* Two requests are two causes; one that is given twice is one. */
static void each_kick_has_its_run(void **state)
{
	struct world *world = *state;
	struct request again;

	world->model.cooldown_ms = 0;
	merge_v1(world);
	for (int i = 1; i <= 3; i++) {
		ask(world, REQUEST_KICK, NULL);
		again = world->in.requests[0];
		again.commit = i < 3 ? arena_printf(&world->arena, "r%d", i) : "r2";
		world->in.requests = &again;
		if (i == 3)
			break;
		run_to(world, VERDICT_FAIL, "a2");
		until(world, CYCLE_IDLE);
		world->in.history.fruitless = 0;
		assert_int_equal(world->trained, i);
	}
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 2);
	assert_null(world->in.history.pending_event);
	assert_false(world->in.history.pending_kick);
}

/* Who mends the trainer of a model without a version is not kept waiting for a day. */
static void a_first_version_waits_for_no_cooldown_and_stalls_after_two_runs(void **state)
{
	struct world *world = *state;

	run_to(world, VERDICT_FAIL, "a1");
	until(world, CYCLE_IDLE);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1); /* the same again would give the same */
	world->in.train_digest = digest_of("mended", 6);
	run_to(world, VERDICT_FAIL, "a2");
	until(world, CYCLE_STALLED);
	assert_string_equal(world->in.history.reason, "NoImprovement");
	world->in.train_digest = digest_of("mended again", 12);
	ask(world, REQUEST_KICK, "platform-update"); /* an event takes its place, and its haste */
	run_to(world, VERDICT_PASS, "a3");
	until(world, CYCLE_PROPOSING);
}

/* ---- rows, sources, schedules, signals ---- */

static void so_many_new_rows_are_a_cause_once(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .first = digest_of("r1", 2)};

	world->in.data = &data;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000});
	data.rows = 10999;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	data.rows = 12000;
	run_to(world, VERDICT_FAIL, "a2");
	assert_int_equal(world->in.history.trigger, TRIGGER_NEW_ROWS);
	assert_string_equal(world->in.history.trigger_why, "2000 new rows, 1000 are enough");
	until(world, CYCLE_IDLE);
	world->now_ms += HOUR_MS;
	data.rows = 12999; /* counted from the run, whether it helped or not */
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1);
	data.rows = 13000;
	until(world, CYCLE_RUNNING);
}

static void of_data_that_was_replaced_every_row_is_new(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .first = digest_of("r1", 2)};

	world->in.data = &data;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000});
	data = (struct data_seen){.rows = 999, .first = digest_of("r2", 2)};
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	data.rows = 1000;
	until(world, CYCLE_RUNNING);
	assert_string_equal(world->in.history.trigger_why,
	                    "1000 new rows (the data was replaced), 1000 are enough");
}

static void data_of_fewer_rows_was_replaced(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .first = digest_of("r1", 2)};

	world->in.data = &data;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000});
	data.rows = 9999;
	until(world, CYCLE_RUNNING);
	assert_string_equal(world->in.history.trigger_why,
	                    "9999 new rows (the data was replaced), 1000 are enough");
}

/* Rows mended in place: neither their number nor the first of them tells. */
static void data_that_changed_is_a_cause_once(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .first = digest_of("r1", 2)};

	world->in.data = &data;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_DATA});
	data.content = digest_of("wrong", 5); /* a digest takes longer than a count */
	tick(world);
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	data.content = (struct digest){""};
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	data.content = digest_of("mended", 6);
	world->triggers[0].kind = TRIGGER_SOURCE;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE); /* nobody asks for it */
	world->triggers[0].kind = TRIGGER_DATA;
	run_to(world, VERDICT_FAIL, "a2");
	assert_int_equal(world->in.history.trigger, TRIGGER_DATA);
	assert_string_equal(world->in.history.trigger_why, arena_printf(&world->arena,
	                    "the data changed: 10000 rows, digest %.10s", data.content.hex));
	until(world, CYCLE_IDLE);
	world->now_ms += HOUR_MS;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1);
}

/* What was mended before the run read it is no cause any more; what was, after that, is one. */
static void what_the_run_has_read_is_no_cause(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .content = digest_of("wrong", 5)};

	world->in.data = &data;
	world->model.cooldown_ms = 0;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_DATA});
	ask(world, REQUEST_KICK, NULL);
	until(world, CYCLE_RUNNING);
	tick(world);
	data.content = digest_of("mended", 6);
	world->in.run.data = data.content;
	trained(world, "a2");
	until(world, CYCLE_EVALUATING);
	tick(world);
	judged(world, VERDICT_FAIL, "accuracy 90 %");
	until(world, CYCLE_IDLE);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1);
	data.content = digest_of("mended anew", 11);
	until(world, CYCLE_RUNNING);
	world->in.history.fruitless = 1;
	tick(world);
	world->in.run.train = RUN_FAILED; /* what was refused was read, too */
	world->in.run.considered = true;
	world->in.run.data = digest_of("mended a third time", 19);
	until(world, CYCLE_STALLED);
	data.content = world->in.run.data;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 2);
	assert_int_equal(world->in.history.phase, CYCLE_STALLED);
	data.content = digest_of("mended a fourth time", 20);
	until(world, CYCLE_RUNNING); /* and that lets it out of its stall */
}

static void a_first_version_that_failed_is_tried_on_mended_rows(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000, .content = digest_of("wrong", 5)};

	world->triggers[0] = (struct trigger_spec){.kind = TRIGGER_DATA};
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE); /* it is not counted yet */
	world->in.data = &data;
	run_to(world, VERDICT_FAIL, "a1");
	assert_int_equal(world->in.history.trigger, TRIGGER_FIRST);
	until(world, CYCLE_IDLE);
	world->now_ms += HOUR_MS;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1);
	data.content = digest_of("mended", 6);
	run_to(world, VERDICT_PASS, "a2");
	assert_int_equal(world->in.history.trigger, TRIGGER_DATA);
	until(world, CYCLE_PROPOSING);
}

static void a_changed_source_is_a_cause_once(void **state)
{
	struct world *world = *state;

	world->in.sources = digest_of("s1", 2);
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_SOURCE});
	world->in.sources = digest_of("s2", 2);
	run_to(world, VERDICT_FAIL, "a2");
	assert_int_equal(world->in.history.trigger, TRIGGER_SOURCE);
	until(world, CYCLE_IDLE);
	world->now_ms += HOUR_MS;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1);
}

/* EPOCH is a Wednesday, 2026-07-01T09:00:00Z. */
static void missed_ticks_are_one_run(void **state)
{
	struct world *world = *state;
	struct zone berlin = {"Europe/Berlin", {{INT64_MIN, 2 * HOUR_MS}}, 1};

	world->in.zones = (struct zones){&berlin, 1};
	world->model.cooldown_ms = 0;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_SCHEDULE, .schedule = "0 12 * * *",
	                                       .time_zone = "Europe/Berlin"});
	assert_in_range(world->last.plan.wake_ms, EPOCH, EPOCH + HOUR_MS);
	world->now_ms = EPOCH + HOUR_MS - 3000;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_int_equal(world->last.plan.wake_ms, EPOCH + HOUR_MS);
	world->now_ms = EPOCH + 100 * HOUR_MS; /* four ticks were missed */
	run_to(world, VERDICT_FAIL, "a2");
	assert_string_equal(world->in.history.trigger_why,
	                    "schedule 0 12 * * * Europe/Berlin, due at 2026-07-01T10:00:00Z");
	until(world, CYCLE_IDLE);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1);
	world->now_ms = EPOCH + 121 * HOUR_MS + 1000;
	until(world, CYCLE_RUNNING);
}

/* Whichever is declared first. */
static void of_two_schedules_the_earlier_tick_is_the_cause(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct world *world;

		teardown(state);
		setup(state);
		world = *state;
		world->triggers[i] = (struct trigger_spec){.kind = TRIGGER_SCHEDULE,
		                                           .schedule = "0 12 * * *"};
		world->triggers[!i] = (struct trigger_spec){.kind = TRIGGER_SCHEDULE,
		                                            .schedule = "0 11 * * *"};
		world->model.n_triggers = 2;
		merge_v1(world);
		tick(world);
		assert_int_equal(world->last.plan.wake_ms, world->now_ms + 60000);
		world->now_ms = EPOCH + 2 * HOUR_MS - 2000;
		tick(world);
		assert_int_equal(world->in.history.phase, CYCLE_IDLE);
		tick(world);
		assert_int_equal(world->in.history.phase, CYCLE_DUE);
		assert_string_equal(world->in.history.trigger_why,
		                    "schedule 0 11 * * *, due at 2026-07-01T11:00:00Z");
	}
}

static void a_schedule_in_an_unknown_zone_is_never_due(void **state)
{
	struct world *world = *state;

	world->in.problem = "timeZone 'Mars/Olympus' is not known here";
	world->triggers[0] = (struct trigger_spec){.kind = TRIGGER_SCHEDULE, .schedule = "* * * * *",
	                                           .time_zone = "Mars/Olympus"};
	merge_v1(world);
	for (int i = 0; i < 200; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_string_equal(world->in.history.message, world->in.problem);
}

static void what_monitoring_found_is_a_cause_until_a_run_answered_it(void **state)
{
	struct world *world = *state;
	struct quality_signal signal = {
		.kind = TRIGGER_PERFORMANCE, .deployment = "production/risk", .metric = "accuracy",
		.revision = digest_of("v1", 2), .from_ms = EPOCH, .value = .86, .n_rows = 2000};

	world->in.signals = &signal;
	world->in.n_signals = 1;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_PERFORMANCE, .metric = "accuracy",
	                                       .accepted = .89, .below = .85});
	signal.value = .82;
	run_to(world, VERDICT_FAIL, "a2");
	assert_string_equal(world->in.history.trigger_why,
	                    "production/risk: accuracy 82 % < 85 % on 2000 matured rows");
	until(world, CYCLE_IDLE);
	world->now_ms += HOUR_MS;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1); /* found on rows from before that run */
	signal = (struct quality_signal){
		.kind = TRIGGER_DRIFT, .deployment = "production/risk", .revision = digest_of("v1", 2),
		.from_ms = world->now_ms, .why = "team: PSI 0.31 on 2,000 rows"};
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->trained, 1); /* no such trigger is declared */
	world->triggers[0] = (struct trigger_spec){.kind = TRIGGER_DRIFT};
	until(world, CYCLE_RUNNING);
	assert_string_equal(world->in.history.trigger_why,
	                    "production/risk: team: PSI 0.31 on 2,000 rows");
}

/* Of another kind, of another metric, good enough, or from before the last run's end: no cause. */
static void of_many_signals_the_one_that_is_meant_counts(void **state)
{
	struct quality_signal signals[] = {
		{.kind = TRIGGER_DRIFT, .deployment = "a", .metric = "accuracy", .from_ms = EPOCH,
		 .value = .5, .why = "team"},
		{.kind = TRIGGER_PERFORMANCE, .deployment = "b", .metric = "recall", .from_ms = EPOCH,
		 .value = .5},
		{.kind = TRIGGER_PERFORMANCE, .deployment = "c", .metric = "accuracy", .from_ms = EPOCH,
		 .value = .85},
		{.kind = TRIGGER_PERFORMANCE, .deployment = "d", .metric = "accuracy",
		 .from_ms = EPOCH - 1, .value = .5},
		{.kind = TRIGGER_PERFORMANCE, .deployment = "e", .metric = "accuracy", .from_ms = EPOCH,
		 .value = .84, .n_rows = 10},
	};
	struct world *world = *state;

	world->model.cooldown_ms = 0;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_PERFORMANCE, .metric = "accuracy",
	                                       .below = .85});
	world->in.history.last_finished_ms = EPOCH;
	world->in.signals = signals;
	world->in.n_signals = 4;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	world->in.n_signals = 5;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_DUE);
	assert_string_equal(world->in.history.trigger_why,
	                    "e: accuracy 84 % < 85 % on 10 matured rows");

	teardown(state);
	setup(state);
	world = *state;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_DRIFT});
	world->in.signals = signals + 1;
	world->in.n_signals = 4;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	signals[4] = signals[0];
	tick(world);
	assert_string_equal(world->in.history.trigger_why, "a: team");
}

/* ---- data that cannot be read ---- */

/* Neither a first version nor a kick starts a run that could not read its data. */
static void data_that_may_not_be_read_is_said_and_trains_nothing(void **state)
{
	struct world *world = *state;

	world->in.barred = true;
	world->in.problem = "model.yaml:1: data.uri s3://x/rows.csv: is not in data.allow";
	ask(world, REQUEST_KICK, NULL);
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_string_equal(world->in.history.message, world->in.problem);
	assert_int_equal(world->in.history.conditions[CONDITION_READY].status, TRUTH_FALSE);
	world->in.barred = false;
	until(world, CYCLE_RUNNING);
	world->in.barred = true; /* and one that was to start then does not */
	tick(world);
	tick(world);
	assert_int_equal(world->trained, 0);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_string_equal(world->in.history.message, world->in.problem);
}

static void data_that_is_not_counted_yet_is_no_cause(void **state)
{
	struct world *world = *state;
	struct data_seen data = {.rows = 10000};

	world->triggers[0] = (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000};
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE); /* not the first version either */
	world->in.problem = "rows.csv: no such file";
	world->in.n_versions = 1;
	world->in_branch[0] = &world->versions[0];
	tick(world);
	assert_string_equal(world->in.history.message, "rows.csv: no such file");
	ask(world, REQUEST_KICK, NULL); /* a person may ask for a run all the same */
	world->in.problem = NULL;
	until(world, CYCLE_RUNNING);
	world->in.data = &data;
	tick(world);
	assert_int_equal(world->in.history.data_rows, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_first_version_needs_a_deployment_or_a_trigger),
		case_of(while_a_version_lands_no_first_one_is_made),
		case_of(a_first_version_that_failed_waits_for_a_cause),
		case_of(an_event_waits_for_the_cooldown_and_a_strange_one_is_refused),
		case_of(each_event_that_is_declared_is_heard),
		case_of(a_person_who_kicks_waits_for_no_cooldown),
		case_of(why_a_person_kicks_is_in_the_cause_of_the_run),
		case_of(each_kick_has_its_run),
		case_of(a_first_version_waits_for_no_cooldown_and_stalls_after_two_runs),
		case_of(so_many_new_rows_are_a_cause_once),
		case_of(of_data_that_was_replaced_every_row_is_new),
		case_of(data_of_fewer_rows_was_replaced),
		case_of(data_that_changed_is_a_cause_once),
		case_of(what_the_run_has_read_is_no_cause),
		case_of(a_first_version_that_failed_is_tried_on_mended_rows),
		case_of(a_changed_source_is_a_cause_once),
		case_of(missed_ticks_are_one_run),
		case_of(of_two_schedules_the_earlier_tick_is_the_cause),
		case_of(a_schedule_in_an_unknown_zone_is_never_due),
		case_of(what_monitoring_found_is_a_cause_until_a_run_answered_it),
		case_of(of_many_signals_the_one_that_is_meant_counts),
		case_of(data_that_may_not_be_read_is_said_and_trains_nothing),
		case_of(data_that_is_not_counted_yet_is_no_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
