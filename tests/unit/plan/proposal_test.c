/* What a model asks of Git: versions and promotions. */
#include "plan/model.h"

/* ---- what is merged ---- */

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
	assert_int_equal(tag_ms, world->now_ms);
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

/* ---- a branch, and who merges it ---- */

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

/* A branch that is not there yet was refused by nobody, and a commit has none. */
static void what_is_not_pushed_is_asked_for_until_it_is(void **state)
{
	struct world *world = *state;
	const struct model_status *history = &world->in.history;

	world->deployments[PRODUCTION].promotion = NULL;
	world->environments[PRODUCTION].maturity = MATURITY_STABLE;
	world->offline = true;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSING);
	for (int i = 0; i < 60; i++) {
		tick(world);
		assert_int_equal(world->last.plan.n_actions, 2);
	}
	assert_int_equal(history->n_proposed, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(history->proposed[i].outcome, PROPOSAL_WANTED);
	assert_string_equal(history->reason, "Proposing");
	world->offline = false;
	for (int i = 0; i < 60; i++)
		tick(world);
	assert_int_equal(history->phase, CYCLE_PROPOSED);
	assert_null(history->proposed[1].branch);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(history->proposed[i].outcome, PROPOSAL_WAITING);
	assert_string_equal(history->reason, "Proposed");
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

static void where_nobody_deploys_it_a_person_merges_the_file(void **state)
{
	struct world *world = *state;

	world->in.n_targets = 0;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSING);
	assert_string_equal(find_action(world, ACTION_PROPOSE)->proposal->branch,
	                    "linnet/propose/risk");
	assert_int_equal(find_action(world, ACTION_PROPOSE)->proposal->n_edits, 0);

	teardown(state);
	setup(state);
	world = *state;
	world->targets[STAGING].environment = NULL; /* it cannot be read: nothing is automatic */
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_IDLE);
	assert_string_equal(world->in.history.reason, "Manual");
}

static void numbers_go_on_above_every_v_of_a_number(void **state)
{
	static const char *const names[] = {"x9", "v7", "v8x"};
	struct world *world;

	for (int n = 1; n <= 3; n += 2) {
		teardown(state);
		setup(state);
		world = *state;
		for (int i = 0; i < n; i++) {
			world->versions[i] = (struct model_version){.model = "risk", .version = names[i]};
			world->in_branch[world->in.n_versions++] = &world->versions[i];
		}
		ask(world, REQUEST_KICK, NULL);
		run_to(world, VERDICT_PASS, "a1");
		until(world, CYCLE_PROPOSING);
		assert_string_equal(world->in.history.proposed[0].version, n == 1 ? "v1" : "v8");
		assert_int_equal(world->in.history.highest_version, n == 1 ? 1 : 8);
	}
}

static void what_was_dropped_meanwhile_ends_the_cycle(void **state)
{
	struct world *world = *state;

	world->environments[STAGING].maturity = MATURITY_STABLE;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSED);
	world->in.history.proposed[0].outcome = PROPOSAL_DROPPED;
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_string_equal(world->in.history.reason, "Dropped");
	assert_int_equal(world->in.history.fruitless, 0);
}

/* Neither a promotion that is not pushed nor one that is merged says how a version stands. */
static void how_a_version_stands_is_no_matter_of_promotions(void **state)
{
	static struct proposal proposed[2];
	struct world *world = *state;
	struct model_status *history = &world->in.history;

	world->environments[STAGING].maturity = MATURITY_STABLE;
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSED);
	proposed[0] = (struct proposal){.digest = digest_of("p", 1), .target = "production/risk",
	                                .version = "v0", .outcome = PROPOSAL_WANTED};
	proposed[1] = history->proposed[0];
	history->proposed = proposed;
	history->n_proposed = 2;
	world->offline = true;
	tick(world);
	assert_int_equal(history->proposed[0].outcome, PROPOSAL_WANTED);
	world->in.n_open_branches = 0;
	for (int i = 0; i < 40; i++)
		tick(world);
	assert_int_equal(history->proposed[1].outcome, PROPOSAL_REFUSED);
	assert_string_equal(history->reason, "Refused");
}

/* ---- what a person has to look at ---- */

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

static void what_waits_says_so_through_a_cooldown(void **state)
{
	struct world *world = *state;
	struct data_seen data;

	wait_with_v2(world, &data);
	world->in.history.last_finished_ms = world->now_ms;
	world->model.cooldown_ms = HOUR_MS;
	for (int i = 0; i < 5; i++)
		tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_PROPOSED);
	assert_string_equal(world->in.history.reason, "Proposed");
	assert_int_equal(world->trained, 1);
}

/* A word of a person, new data and a new source: these it did not know. */
static void what_waits_is_replaced_by_what_it_did_not_know(void **state)
{
	static const struct {
		struct trigger_spec trigger;
		bool due;
	} cases[] = {
		{{.kind = TRIGGER_EVENT, .event = "holiday"}, true},
		{{.kind = TRIGGER_SOURCE}, true},
		{{.kind = TRIGGER_NEW_ROWS, .new_rows = 1000}, true},
		{{.kind = TRIGGER_DATA}, true},
		{{.kind = TRIGGER_PERFORMANCE, .metric = "accuracy", .below = .85}, false},
		{{.kind = TRIGGER_DRIFT}, false},
		{{.kind = TRIGGER_SCHEDULE, .schedule = "* * * * *"}, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct quality_signal signal = {.kind = cases[i].trigger.kind, .metric = "accuracy",
		                                .deployment = "a", .value = .5, .why = "team"};
		struct data_seen data = {.rows = 10000};
		struct world *world;

		teardown(state);
		setup(state);
		world = *state;
		world->in.sources = digest_of("s1", 2);
		wait_with_v2(world, &data);
		data.content = digest_of("c1", 2);
		data.rows = cases[i].trigger.kind == TRIGGER_NEW_ROWS ? 12000 : 11000;
		world->triggers[0] = cases[i].trigger;
		tick(world);
		assert_int_equal(world->in.history.phase,
		                 cases[i].trigger.kind == TRIGGER_NEW_ROWS ? CYCLE_DUE : CYCLE_PROPOSED);
		if (cases[i].trigger.kind == TRIGGER_NEW_ROWS)
			continue;
		world->in.sources = digest_of("s2", 2);
		data.content = digest_of("c2", 2);
		signal.from_ms = world->now_ms;
		world->in.signals = &signal;
		world->in.n_signals = 1;
		world->now_ms += HOUR_MS;
		if (cases[i].trigger.kind == TRIGGER_EVENT)
			ask(world, REQUEST_KICK, "holiday");
		tick(world);
		assert_int_equal(world->in.history.phase, cases[i].due ? CYCLE_DUE : CYCLE_PROPOSED);
	}
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

static void from_where_nothing_is_deployed_nothing_is_promoted(void **state)
{
	struct world *world = *state;

	world->promotion.from = "nowhere";
	merge_v1(world);
	serve(world, STAGING, "v1");
	world->now_ms += 48 * HOUR_MS;
	tick(world);
	assert_null(promotion(world));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(what_is_merged_is_tagged_where_that_is_declared),
		case_of(what_no_line_names_is_not_merged),
		case_of(targets_that_ask_get_a_branch_and_it_waits),
		case_of(a_protected_branch_leads_to_the_name_of_the_model),
		case_of(beside_lines_that_ask_the_refused_ones_get_their_own_branch),
		case_of(a_deleted_branch_is_a_refusal_for_good),
		case_of(what_is_not_pushed_is_asked_for_until_it_is),
		case_of(where_all_is_manual_it_is_only_reported),
		case_of(where_nobody_deploys_it_a_person_merges_the_file),
		case_of(numbers_go_on_above_every_v_of_a_number),
		case_of(what_was_dropped_meanwhile_ends_the_cycle),
		case_of(how_a_version_stands_is_no_matter_of_promotions),
		case_of(under_the_same_terms_it_is_automatic),
		case_of(under_other_terms_a_person_merges),
		case_of(what_a_stricter_gate_refused_a_person_merges),
		case_of(beside_a_version_of_unknown_terms_a_person_merges),
		case_of(what_waits_is_replaced_by_newer_evidence),
		case_of(what_waits_outlives_a_run_that_did_not_help),
		case_of(what_waits_says_so_through_a_cooldown),
		case_of(what_waits_is_replaced_by_what_it_did_not_know),
		case_of(what_was_merged_during_a_newer_run_is_not_called_dropped),
		case_of(what_served_well_for_its_soak_is_promoted),
		case_of(a_promotion_to_what_is_gone_is_dropped),
		case_of(a_promotion_follows_its_namesake),
		case_of(from_where_nothing_is_deployed_nothing_is_promoted),
		case_of(what_soaks_is_the_newest_wherever_it_stands),
		case_of(what_must_not_be_promoted),
		case_of(a_refused_promotion_is_not_proposed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
