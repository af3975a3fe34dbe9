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

static void what_is_merged_is_tagged_where_that_is_declared(void **state)
{
	struct world *world = *state;
	struct model_status *history = &world->in.history;
	const struct action *action;
	struct digest digest;
	int64_t tag_ms;

	world->model.version_tags = true;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSING);
	tick(world);
	assert_int_equal(history->n_proposed, 1);
	merge_v1(world);
	world->in.commit = "c2";
	tick(world);
	action = find_action(world, ACTION_PROPOSE);
	assert_string_equal(action->proposal->tag, "risk@v1.0.0");
	assert_string_equal(action->proposal->tagged, "c2");
	assert_null(action->proposal->version_file);
	digest = action->proposal->digest;
	tag_ms = action->proposal->tag_ms;
	world->in.commit = "c3"; /* until it stands it is asked for, and is the same tag */
	tick(world);
	action = find_action(world, ACTION_PROPOSE);
	assert_string_equal(action->proposal->tagged, "c2");
	assert_int_equal(action->proposal->tag_ms, tag_ms);
	assert_true(digest_same(action->proposal->digest, digest));
	history->proposed[0].outcome = PROPOSAL_MERGED;
	tick(world);
	assert_null(find_action(world, ACTION_PROPOSE));
	assert_int_equal(history->n_proposed, 2);
	assert_string_equal(history->proposed[1].version, "v1");
	assert_int_equal(history->proposed[1].outcome, PROPOSAL_MERGED);
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

/* The file of a version alone is no merge where a line is to name it. */
static void what_no_line_names_is_not_merged(void **state)
{
	struct world *world = *state;

	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSING);
	until(world, CYCLE_IDLE);
	merge_v1(world);
	world->deployments[STAGING].version = "v0";
	tick(world);
	assert_int_equal(world->in.history.proposed[0].outcome, PROPOSAL_WAITING);
	world->deployments[STAGING].promotion = &world->promotion; /* no line is its own any more */
	tick(world);
	assert_int_equal(world->in.history.proposed[0].outcome, PROPOSAL_MERGED);
}

static void targets_that_ask_get_a_branch_and_it_waits(void **state)
{
	struct world *world = *state;
	const struct proposal_text *text;

	world->environments[STAGING].maturity = MATURITY_STABLE;
	run_to(world, VERDICT_NOT_APPLICABLE, "a1");
	until(world, CYCLE_PROPOSING);
	text = find_action(world, ACTION_PROPOSE)->proposal;
	assert_string_equal(text->branch, "linnet/propose/risk");
	until(world, CYCLE_PROPOSED);
	for (int i = 0; i < 100; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_PROPOSED);
	world->in.n_open_branches = 0; /* merged: the branch goes first, then we see the commit */
	for (int i = 0; i < 10; i++)
		tick(world);
	merge_v1(world);
	until(world, CYCLE_IDLE);
	assert_int_equal(world->in.history.proposed[0].outcome, PROPOSAL_MERGED);
}

/* Where the fleet branch refuses us: the name that a merge is looked for under, and one place for a
 * newer version. */
static void a_protected_branch_leads_to_the_name_of_the_model(void **state)
{
	struct world *world = *state;

	world->protected = true;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSED);
	assert_string_equal(world->in.history.proposed[0].branch, "linnet/propose/risk");
	world->now_ms += HOUR_MS;
	world->in.data_digest = digest_of("e", 1);
	ask(world, REQUEST_KICK, "platform-update");
	run_to(world, VERDICT_PASS, "a2");
	until(world, CYCLE_PROPOSED);
	assert_int_equal(world->in.history.proposed[0].outcome, PROPOSAL_WAITING);
	assert_string_equal(world->in.history.proposed[0].branch, "linnet/propose/risk");
	assert_int_equal(world->in.history.proposed[1].outcome, PROPOSAL_DROPPED);
}

/* Lines of both kinds: neither branch may take the other's place. */
static void beside_lines_that_ask_the_refused_ones_get_their_own_branch(void **state)
{
	struct world *world = *state;
	const struct model_status *history = &world->in.history;

	world->protected = true;
	world->deployments[PRODUCTION].promotion = NULL;
	world->environments[PRODUCTION].maturity = MATURITY_STABLE;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSED);
	assert_int_equal(history->n_proposed, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(history->proposed[i].outcome, PROPOSAL_WAITING);
	assert_string_equal(history->proposed[0].branch, "linnet/propose/risk");
	assert_string_equal(history->proposed[1].branch, "linnet/propose/risk.auto");
}

static void a_deleted_branch_is_a_refusal_for_good(void **state)
{
	struct world *world = *state;

	world->environments[STAGING].maturity = MATURITY_STABLE;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSED);
	world->in.n_open_branches = 0;
	for (int i = 0; i < 30; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_PROPOSED);
	assert_int_equal(world->last.plan.wake_ms, world->now_ms + 1000);
	for (int i = 0; i < 10; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_int_equal(world->in.history.proposed[0].outcome, PROPOSAL_REFUSED);
	world->now_ms += HOUR_MS;
	ask(world, REQUEST_KICK, "platform-update");
	run_to(world, VERDICT_PASS, "a1"); /* the same artifact again */
	until(world, CYCLE_IDLE);
	assert_string_equal(world->in.history.reason, "ProposedBefore");
	assert_int_equal(world->in.n_open_branches, 0);
	world->now_ms += HOUR_MS;
	ask(world, REQUEST_KICK, "platform-update");
	world->in.data_digest = digest_of("e", 1);
	run_to(world, VERDICT_PASS, "a2");
	until(world, CYCLE_PROPOSED);
	assert_string_equal(world->in.history.proposed[0].version, "v2");
}

static void where_all_is_manual_it_is_only_reported(void **state)
{
	struct world *world = *state;

	world->environments[STAGING].maturity = MATURITY_MVP;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_IDLE);
	assert_string_equal(world->in.history.reason, "Manual");
	assert_int_equal(world->in.history.n_proposed, 0);
}

/* ---- triggers and levels ---- */

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

/* v1 serves, and nothing is due: what follows counts from here. */
static void rest_with(struct world *world, struct trigger_spec trigger)
{
	world->triggers[0] = trigger;
	merge_v1(world);
	tick(world);
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_false(world->last.changed);
}

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

/* ---- what a person has to look at ---- */

/* v1 was made by a run under these terms and serves in staging, where all is automatic. */
static void serve_v1_under(struct world *world, const char *terms)
{
	static struct revision revision;

	world->model.cooldown_ms = 0;
	world->in.terms = digest_of(terms, strlen(terms));
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSING);
	merge_v1(world);
	until(world, CYCLE_IDLE);
	revision = (struct revision){.model = "risk", .version = "v1",
	                             .artifact.digest = digest_of("a1", 2)};
	revision_seal(&revision);
	world->statuses[STAGING].revisions = &revision;
	world->statuses[STAGING].n_revisions = 1;
	world->statuses[STAGING].stable = revision.digest;
}

static const char *propose_v2(struct world *world)
{
	ask(world, REQUEST_KICK, "platform-update");
	run_to(world, VERDICT_PASS, "a2");
	until(world, CYCLE_PROPOSING);
	return find_action(world, ACTION_PROPOSE)->proposal->branch;
}

static void under_the_same_terms_it_is_automatic(void **state)
{
	serve_v1_under(*state, "gates of May");
	assert_null(propose_v2(*state));
}

static void under_other_terms_a_person_merges(void **state)
{
	struct world *world = *state;
	const struct proposal_text *text;

	serve_v1_under(world, "gates of May");
	world->in.terms = digest_of("looser gates", 12);
	assert_string_equal(propose_v2(world), "linnet/propose/risk");
	text = find_action(world, ACTION_PROPOSE)->proposal;
	assert_int_equal(text->n_edits, 1);
	assert_string_equal(text->edits[0].version, "v2");
	assert_non_null(strstr(text->body, "gates or training source are not those"));
	world->in.terms = digest_of("gates of May", 12); /* what it was judged under counts */
	tick(world);
	assert_string_equal(world->in.history.proposed[0].branch, "linnet/propose/risk");
	until(world, CYCLE_PROPOSED);
}

static void what_a_stricter_gate_refused_a_person_merges(void **state)
{
	static struct named_number demand = {"accuracy at least", .95};
	static struct verdict_record refusal;
	struct world *world = *state;
	const char *text;

	serve_v1_under(world, "gates of May");
	text = arena_printf(&world->arena, "loosened %s", world->in.terms.hex);
	refusal = (struct verdict_record){
		.subject = digest_of("a2", 2), .gate = digest_of("strict", 6), .demands = &demand,
		.n_demands = 1, .result = VERDICT_FAIL, .why = "accuracy 90 % < 95 %",
	};
	world->in.history.verdicts = &refusal;
	world->in.history.n_verdicts = 1;
	ask(world, REQUEST_KICK, "platform-update");
	run_to(world, VERDICT_PASS, "a2");
	world->in.run.subject = refusal.subject;
	until(world, CYCLE_PROPOSING);
	assert_string_equal(find_action(world, ACTION_PROPOSE)->proposal->branch,
	                    "linnet/propose/risk");
	assert_true(digest_same(world->in.history.terms,
	                        digest_of(text, strlen(text)))); /* like no other */
	assert_non_null(strstr(find_action(world, ACTION_PROPOSE)->proposal->body,
	                       "refused under a stricter gate (accuracy 90 % < 95 %): "
	                       "accuracy at least 0.95 is gone"));
}

static void beside_a_version_of_unknown_terms_a_person_merges(void **state)
{
	struct world *world = *state;

	serve_v1_under(world, "gates of May");
	world->in.history.n_proposed = 0; /* it was made by hand */
	assert_string_equal(propose_v2(world), "linnet/propose/risk");
}

/* ---- what waits for its merge ---- */

static size_t count_open(const struct world *world)
{
	size_t n = 0;

	for (size_t i = 0; i < world->in.history.n_proposed; i++)
		n += world->in.history.proposed[i].outcome == PROPOSAL_WANTED ||
		     world->in.history.proposed[i].outcome == PROPOSAL_WAITING;
	return n;
}

/* v2 waits on a branch; newer data has come since. */
static void wait_with_v2(struct world *world, struct data_seen *data)
{
	*data = (struct data_seen){.rows = 10000, .first = digest_of("r1", 2)};
	world->in.data = data;
	world->model.cooldown_ms = 0;
	world->environments[STAGING].maturity = MATURITY_STABLE;
	rest_with(world, (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 1000});
	data->rows = 11000;
	run_to(world, VERDICT_PASS, "a2");
	until(world, CYCLE_PROPOSED);
	data->rows = 12000;
}

static void what_waits_is_replaced_by_newer_evidence(void **state)
{
	struct world *world = *state;
	struct data_seen data;

	wait_with_v2(world, &data);
	run_to(world, VERDICT_PASS, "a3");
	until(world, CYCLE_PROPOSED);
	assert_int_equal(world->in.history.n_proposed, 2);
	assert_int_equal(count_open(world), 1);
	assert_string_equal(world->in.history.proposed[0].version, "v3");
	assert_string_equal(world->in.history.proposed[0].branch, "linnet/propose/risk");
	assert_int_equal(world->in.history.proposed[1].outcome, PROPOSAL_DROPPED);
}

static void what_waits_outlives_a_run_that_did_not_help(void **state)
{
	struct world *world = *state;
	struct data_seen data;

	wait_with_v2(world, &data);
	run_to(world, VERDICT_FAIL, "a3");
	until(world, CYCLE_PROPOSED);
	assert_int_equal(count_open(world), 1);
	assert_string_equal(world->in.history.proposed[0].version, "v2");
	world->versions[2] = (struct model_version){.model = "risk", .version = "v2"};
	world->in_branch[world->in.n_versions++] = &world->versions[2];
	world->deployments[STAGING].version = "v2";
	until(world, CYCLE_IDLE);
	assert_int_equal(world->in.history.proposed[0].outcome, PROPOSAL_MERGED);
}

static void what_was_merged_during_a_newer_run_is_not_called_dropped(void **state)
{
	struct world *world = *state;
	struct data_seen data;

	wait_with_v2(world, &data);
	until(world, CYCLE_RUNNING);
	world->versions[2] = (struct model_version){.model = "risk", .version = "v2"};
	world->in_branch[world->in.n_versions++] = &world->versions[2];
	world->deployments[STAGING].version = "v2";
	run_to(world, VERDICT_PASS, "a3");
	until(world, CYCLE_PROPOSED);
	assert_string_equal(world->in.history.proposed[0].version, "v3");
	assert_int_equal(world->in.history.proposed[1].outcome, PROPOSAL_MERGED);
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
	assert_string_equal(world->in.history.message, "DataSchemaMismatch: column team is missing");
	assert_int_equal(world->in.history.attempts, 0);
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

/* ---- promotions ---- */

static const struct proposal *promotion(const struct world *world)
{
	for (size_t i = 0; i < world->in.history.n_proposed; i++)
		if (world->in.history.proposed[i].target)
			return &world->in.history.proposed[i];
	return NULL;
}

static void what_served_well_for_its_soak_is_promoted(void **state)
{
	struct world *world = *state;
	const struct proposal_text *text;

	merge_v1(world);
	serve(world, STAGING, "v1");
	world->now_ms += 24 * HOUR_MS - 5000;
	tick(world);
	assert_null(promotion(world));
	assert_true(world->last.plan.wake_ms <= world->now_ms + 5000);
	world->now_ms += 5000;
	tick(world);
	assert_non_null(promotion(world));
	text = find_action(world, ACTION_PROPOSE)->proposal;
	assert_null(text->branch); /* production is mature */
	assert_string_equal(text->edits[0].environment, "production");
	assert_string_equal(text->edits[0].version, "v1");
	assert_null(text->version_file);
	world->deployments[PRODUCTION].version = "v1";
	tick(world);
	assert_int_equal(promotion(world)->outcome, PROPOSAL_MERGED);
	world->deployments[PRODUCTION].version = "v0"; /* a person takes it back: never again */
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->in.history.n_proposed, 1);
}

static void a_promotion_to_what_is_gone_is_dropped(void **state)
{
	struct world *world = *state;

	merge_v1(world);
	serve(world, STAGING, "v1");
	world->now_ms += 24 * HOUR_MS;
	tick(world);
	assert_int_equal(promotion(world)->outcome, PROPOSAL_WAITING);
	world->in.n_targets = 1;
	tick(world);
	assert_int_equal(promotion(world)->outcome, PROPOSAL_DROPPED);
}

/* Of several in the environment that it follows, the one of the same name. */
static void a_promotion_follows_its_namesake(void **state)
{
	struct world *world = *state;
	struct deployment other = world->deployments[STAGING];
	struct deployment_status elsewhere = {.phase = PHASE_CANARY};
	struct target targets[] = {{&other, &world->environments[STAGING], &elsewhere},
	                           world->targets[STAGING], world->targets[PRODUCTION]};

	other.meta.name = "another";
	memcpy(world->targets, targets, sizeof(targets));
	world->in.n_targets = 3;
	merge_v1(world);
	serve(world, STAGING, "v1");
	world->now_ms += 24 * HOUR_MS;
	tick(world);
	assert_non_null(promotion(world));
}

/* The order of targets is no order of promotion; what counts is the newest that was promoted. */
static void what_soaks_is_the_newest_wherever_it_stands(void **state)
{
	struct promoted promoted[] = {{.version = "v1"}, {.version = "v0"}};
	struct world *world = *state;

	world->promotion.from = "production";
	world->deployments[STAGING].promotion = &world->promotion;
	world->deployments[PRODUCTION].promotion = NULL;
	merge_v1(world);
	world->deployments[STAGING].version = "v0";
	serve(world, PRODUCTION, "v1");
	promoted[0] = world->promoted[PRODUCTION];
	promoted[1].at_ms = world->now_ms - HOUR_MS;
	world->statuses[PRODUCTION].promoted = promoted;
	world->statuses[PRODUCTION].n_promoted = 2;
	world->statuses[PRODUCTION].phase_since_ms -= 2 * HOUR_MS;
	world->now_ms += 24 * HOUR_MS - 2000;
	tick(world);
	assert_null(promotion(world));
	tick(world);
	assert_string_equal(promotion(world)->target, "staging/risk");
}

static void what_must_not_be_promoted(void **state)
{
	static const char *const cases[] = {"quarantined", "was here", "not steady", "broken",
	                                    "other line", "manual", "same version"};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct quarantined quarantined = {.version = "v1"};
		struct promoted before[] = {{.version = "v2"}, {.version = "v1"}};
		struct world *world;

		teardown(state);
		setup(state);
		world = *state;
		merge_v1(world);
		serve(world, STAGING, "v1");
		world->deployments[PRODUCTION].version = i == 6 ? "v1" : "v0";
		world->statuses[PRODUCTION].quarantine = &quarantined;
		world->statuses[PRODUCTION].n_quarantine = i == 0;
		world->statuses[PRODUCTION].promoted = before;
		world->statuses[PRODUCTION].n_promoted = i == 1 ? 2 : 0;
		if (i == 2)
			world->statuses[STAGING].phase = PHASE_CANARY;
		world->statuses[STAGING].broken = i == 3;
		if (i == 4)
			world->deployments[STAGING].version = "v9";
		if (i == 5)
			world->environments[PRODUCTION].maturity = MATURITY_MVP;
		world->now_ms += 48 * HOUR_MS;
		tick(world);
		if (promotion(world))
			fail_msg("promoted: %s", cases[i]);
	}
}

static void a_refused_promotion_is_not_proposed_again(void **state)
{
	struct world *world = *state;

	world->environments[PRODUCTION].maturity = MATURITY_STABLE;
	merge_v1(world);
	serve(world, STAGING, "v1");
	world->now_ms += 24 * HOUR_MS;
	tick(world);
	assert_string_equal(promotion(world)->branch, "linnet/promote/production/risk");
	for (int i = 0; i < 50; i++)
		tick(world);
	assert_int_equal(promotion(world)->outcome, PROPOSAL_WAITING);
	world->in.n_open_branches = 0;
	for (int i = 0; i < 50; i++)
		tick(world);
	assert_int_equal(promotion(world)->outcome, PROPOSAL_REFUSED);
	assert_int_equal(world->in.history.n_proposed, 1);
	assert_int_equal(world->in.n_open_branches, 0);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
/* ---- versions from elsewhere ---- */

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
	tick(world);
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
		case_of(the_first_version_is_trained_judged_and_proposed),
		case_of(what_is_merged_is_tagged_where_that_is_declared),
		case_of(the_ledger_entry_comes_before_the_test_and_once),
		case_of(a_first_version_needs_a_deployment_or_a_trigger),
		case_of(while_a_version_lands_no_first_one_is_made),
		case_of(what_no_line_names_is_not_merged),
		case_of(targets_that_ask_get_a_branch_and_it_waits),
		case_of(a_protected_branch_leads_to_the_name_of_the_model),
		case_of(beside_lines_that_ask_the_refused_ones_get_their_own_branch),
		case_of(a_deleted_branch_is_a_refusal_for_good),
		case_of(where_all_is_manual_it_is_only_reported),
		case_of(an_event_waits_for_the_cooldown_and_a_strange_one_is_refused),
		case_of(a_person_who_kicks_waits_for_no_cooldown),
		case_of(a_first_version_waits_for_no_cooldown_and_stalls_after_two_runs),
		case_of(so_many_new_rows_are_a_cause_once),
		case_of(of_data_that_was_replaced_every_row_is_new),
		case_of(under_the_same_terms_it_is_automatic),
		case_of(under_other_terms_a_person_merges),
		case_of(what_a_stricter_gate_refused_a_person_merges),
		case_of(beside_a_version_of_unknown_terms_a_person_merges),
		case_of(what_waits_is_replaced_by_newer_evidence),
		case_of(what_waits_outlives_a_run_that_did_not_help),
		case_of(what_was_merged_during_a_newer_run_is_not_called_dropped),
		case_of(a_changed_source_is_a_cause_once),
		case_of(missed_ticks_are_one_run),
		case_of(a_schedule_in_an_unknown_zone_is_never_due),
		case_of(what_monitoring_found_is_a_cause_until_a_run_answered_it),
		case_of(data_that_may_not_be_read_is_said_and_trains_nothing),
		case_of(data_that_is_not_counted_yet_is_no_cause),
		case_of(runs_are_started_as_the_level_says),
		case_of(a_model_without_training_only_waits),
		case_of(without_git_nothing_is_decided_but_a_kick_is_kept),
		case_of(a_run_that_did_not_help_is_not_made_again),
		case_of(a_first_version_that_failed_waits_for_a_cause),
		case_of(changed_training_is_a_new_start_for_what_did_not_help),
		case_of(bad_data_is_considered_and_not_repeated),
		case_of(errors_are_retried_with_backoff_and_stall_the_third_time),
		case_of(what_did_not_help_is_made_anew_for_a_person_who_asks),
		case_of(in_promoting_a_run_is_compared_with_the_candidate),
		case_of(a_change_of_training_cancels_once),
		case_of(what_served_well_for_its_soak_is_promoted),
		case_of(a_promotion_to_what_is_gone_is_dropped),
		case_of(a_promotion_follows_its_namesake),
		case_of(what_soaks_is_the_newest_wherever_it_stands),
		case_of(what_must_not_be_promoted),
		case_of(a_refused_promotion_is_not_proposed_again),
		case_of(a_version_from_elsewhere_is_evaluated_once),
		case_of(each_target_is_judged_against_what_serves_there),
		case_of(rows_that_no_ledger_holds_are_not_asked_for),
		case_of(what_goes_back_is_not_evaluated),
		case_of(a_considered_failure_is_a_verdict),
		case_of(an_evaluation_that_breaks_is_tried_three_times),
		case_of(an_evaluation_that_nobody_needs_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
