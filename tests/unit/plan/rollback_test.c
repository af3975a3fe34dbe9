/* What fails, what goes back, and what is proposed then. */
#include "plan/rollout.h"

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
	world_until(world, PHASE_ROLLING_BACK, 60);
	assert_true(world->history.stable_weight == 0 && world->history.candidate_weight == 0);
	world_until(world, PHASE_ROLLED_BACK, 60);
	assert_true(world->history.stable_weight == 0 && world->history.candidate_weight == 0);
	world_run(world, 3);
	assert_int_equal(world->n_replicas, 0);
	assert_int_equal(world->n_weights, 0);
	assert_int_equal(world->proposals, 1);
	assert_null(world->proposed.edits[0].version);
	world_declare(world, 0);
	world_run(world, 2);
	assert_int_equal(world->history.phase, PHASE_STEADY);
}

static void a_crash_is_told_with_its_reason(void **state)
{
	struct world *world = *state;

	world->deployment.replicas = 1;
	world->conduct[1].crashes = true;
	world_declare(world, 1);
	world_until(world, PHASE_ROLLED_BACK, 60);
	assert_string_equal(world->history.quarantine[0].reason,
	                    "a replica exited 5 times in ten minutes: exit 1: boom");
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

static void what_is_broken_is_so_until_it_is_retired(void **state)
{
	struct world *world = *state;

	world->conduct[1].bad = .5;
	world_declare(world, 1);
	world_until(world, PHASE_STALLED, 120);
	assert_true(condition_is(world, CONDITION_HEALTHY, TRUTH_FALSE, "Harmful"));
	world_declare(world, 0);
	world_until(world, PHASE_STEADY, 120);
	assert_false(world->history.broken);
	assert_int_equal(world->history.stable.hex[0], 0);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_TRUE, "VersionNone"));
}

static void a_retry_beside_version_none_leaves_what_serves(void **state)
{
	struct world *world = *state;

	world->conduct[1].bad = .5;
	world_declare(world, 1);
	world_until(world, PHASE_STALLED, 120);
	world_declare(world, 0);
	ask(world, REQUEST_RETRY);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_true(condition_is(world, CONDITION_SYNCED, TRUTH_FALSE, "Pending"));
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_RETIRING);
}

/* ---- quarantine and going back ---- */

/* A harmful one that answers is better than none that does. */
static void a_fix_that_dies_goes_back_to_what_answers(void **state)
{
	struct world *world = *state;

	world->conduct[1].bad = .3;
	world_declare(world, 1);
	world_until(world, PHASE_STALLED, 120);
	world_declare(world, 2);
	world_until(world, PHASE_PROMOTING, 60);
	world_tick(world);
	world->conduct[2].crashes = true;
	kill_replicas(world, 2);
	world_until(world, PHASE_ROLLED_BACK, 60);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
}

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

static void who_asks_in_vain_is_told(void **state)
{
	static const enum request_verb verbs[] = {REQUEST_RETRY, REQUEST_APPROVE, REQUEST_REJECT};
	struct world *world = *state;

	world_settle(world, 1);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		ask(world, verbs[i]);
		world_tick(world);
		assert_string_equal(world->history.history[0].what,
		                    arena_printf(&world->arena, "%s refused",
		                                 request_verb_names.names[verbs[i]]));
		assert_non_null(strstr(world->history.history[0].why, "; nothing waits for it"));
		assert_int_equal(world->history.n_approvals, 0);
	}
	world_declare(world, 2);
	ask(world, REQUEST_APPROVE);
	world->requests[0].expires_ms = world->now_ms - 1;
	world_tick(world);
	assert_int_equal(world->history.n_approvals, 0);
}

/* What is asked for is not known then: the one that is named is meant, else the newest in
 * quarantine. */
static void without_git_a_retry_frees_the_named_or_the_newest(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	for (int v = 2; v <= 3; v++) {
		world->conduct[v].check_fails = true;
		world_declare(world, v);
		world_until(world, PHASE_ROLLED_BACK, 60);
	}
	world->desired.known = false;
	ask(world, REQUEST_RETRY);
	world_tick(world);
	assert_true(status_quarantined(&world->history, world_revision(world, 2)));
	assert_false(status_quarantined(&world->history, world_revision(world, 3)));
	world->desired.known = true;
	world_until(world, PHASE_ROLLED_BACK, 60);
	world->desired.known = false;
	ask(world, REQUEST_RETRY);
	world->requests[0].revision = world_revision(world, 2);
	world_tick(world);
	assert_false(status_quarantined(&world->history, world_revision(world, 2)));
	assert_true(status_quarantined(&world->history, world_revision(world, 3)));
	world->desired.known = true;
	world_declare(world, 1);
	world_until(world, PHASE_STEADY, 60);
	world->desired.known = false; /* and not what was asked for before */
	ask(world, REQUEST_RETRY);
	world_tick(world);
	assert_false(status_quarantined(&world->history, world_revision(world, 3)));
}

/* A candidate that stalled, one that is under way beside a broken stable one. */
static void naming_what_serves_ends_what_is_under_way(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].corrupt = true;
	world_declare(world, 2);
	world_until(world, PHASE_STALLED, 10);
	world_declare(world, 1);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_STEADY);
	assert_string_equal(world->history.candidate.hex, "");

	world_deinit(world);
	world_init(world);
	world->conduct[1].bad = .5;
	world_declare(world, 1);
	world_until(world, PHASE_STALLED, 120);
	world_declare(world, 2);
	world_until(world, PHASE_CHECKING, 10);
	world_declare(world, 1);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_STALLED);
	assert_string_equal(world->history.reason, "NoRollbackTarget");
	assert_string_equal(world->history.candidate.hex, "");
	assert_true(world->history.broken);
}

/* Whatever was under way: what is named is not rolled out, and nothing else was asked for. */
static void naming_what_is_in_quarantine_ends_what_is_under_way(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[3].bad = .3;
	world_declare(world, 3);
	world_until(world, PHASE_ROLLED_BACK, 120);
	world_declare(world, 2);
	world_until(world, PHASE_CANARY, 60);
	world_declare(world, 3);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_ROLLED_BACK);
	assert_string_equal(world->history.reason, "Quarantined");
	assert_string_equal(world->history.candidate.hex, "");
	world->conduct[4].corrupt = true;
	world_declare(world, 4);
	world_until(world, PHASE_STALLED, 10);
	world_declare(world, 3);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_ROLLED_BACK);
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
	assert_true(world->history.going_back);
	world_run(world, 2);
	assert_true(share(world, 1) == 1);
	world_until(world, PHASE_STEADY, 70);
	assert_false(world->history.going_back);
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

/* By name to an older one: neither the candidate nor the stable one is wanted. */
static void a_rollback_request_may_name_another_in_a_canary(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world_settle(world, 2);
	world_declare(world, 3);
	world_until(world, PHASE_CANARY, 60);
	world_tick(world);
	ask(world, REQUEST_ROLLBACK);
	world->requests[0].revision = world_revision(world, 1);
	world_tick(world);
	assert_true(digest_same(serving(world), world_revision(world, 2)));
	assert_int_equal(world->history.step, -1);
	assert_true(world->history.durable_weight == 0);
	for (int v = 2; v <= 3; v++)
		assert_true(status_quarantined(&world->history, world_revision(world, v)));
	world_until(world, PHASE_PROMOTING, 30);
	world_run(world, 2);
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

static void a_rollback_request_may_pass_over_the_last(void **state)
{
	struct world *world = *state;

	for (int v = 1; v <= 3; v++)
		world_settle(world, v);
	ask(world, REQUEST_ROLLBACK);
	world->requests[0].revision = world_revision(world, 1);
	world_until(world, PHASE_PROMOTING, 30);
	ask(world, REQUEST_ROLLBACK); /* it is on its way */
	world_run(world, 2);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
	assert_false(status_quarantined(&world->history, world_revision(world, 1)));
	assert_false(status_quarantined(&world->history, world_revision(world, 2)));
}

/* What serves though it did harm was never promoted: the newest that was is gone back to. */
static void a_rollback_request_leaves_what_was_never_promoted(void **state)
{
	struct world *world = *state;

	into_canary(world);
	world->conduct[1].crashes = true;
	world->conduct[2].bad = .5;
	kill_replicas(world, 1);
	world_until(world, PHASE_STALLED, 120);
	assert_true(digest_same(serving(world), world_revision(world, 2)));
	world->conduct[1].crashes = false;
	ask(world, REQUEST_ROLLBACK);
	world_until(world, PHASE_PROMOTING, 400);
	world_run(world, 2);
	assert_true(digest_same(serving(world), world_revision(world, 1)));
}

static void what_already_goes_is_not_rolled_back(void **state)
{
	struct world *world = *state;
	size_t n;

	world_settle(world, 1);
	world_settle(world, 2);
	world->desired.absent = true;
	world_tick(world);
	n = world->history.n_history;
	ask(world, REQUEST_ROLLBACK);
	world_tick(world);
	assert_int_equal(world->history.phase, PHASE_RETIRING);
	assert_int_equal(world->history.n_history, n + 1);
	assert_string_equal(world->history.history[0].what, "rollback refused");
	world->desired.absent = false;
	world_tick(world);
	world->conduct[3].bad = .5;
	world_declare(world, 3);
	world_until(world, PHASE_ROLLING_BACK, 120);
	n = world->history.n_quarantine;
	ask(world, REQUEST_ROLLBACK);
	world_tick(world);
	assert_int_equal(world->history.n_quarantine, n);
}

static void a_rejected_candidate_is_rolled_back(void **state)
{
	struct world *world = *state;

	into_canary(world);
	ask(world, REQUEST_REJECT);
	world_until(world, PHASE_ROLLED_BACK, 20);
	assert_string_equal(world->history.reason, "Rejected");
}

/* It will not be rolled out; what serves is not rejected. */
static void what_is_rejected_beforehand_is_in_quarantine(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	for (int v = 1; v <= 3; v++) {
		ask(world, REQUEST_REJECT);
		world->requests[0].revision = world_revision(world, v);
		world_tick(world);
		assert_int_equal(status_quarantined(&world->history, world_revision(world, v)), v > 1);
	}
	world->desired.known = false;
	ask(world, REQUEST_REJECT); /* of nothing */
	world_tick(world);
	assert_int_equal(world->history.n_quarantine, 2);
	assert_string_equal(world->history.history[0].what, "reject refused");
	assert_string_equal(world->history.history[1].what,
	                    arena_printf(&world->arena, "rejected (%.10s)",
	                                 world_revision(world, 3).hex));
	assert_int_equal(world->history.phase, PHASE_STEADY);
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

static void a_revert_that_was_wanted_is_left_to_a_person_where_all_is_manual(void **state)
{
	struct world *world = *state;

	world_settle(world, 1);
	world->conduct[2].check_fails = true;
	world_declare(world, 2);
	world->environment.automation[AUTOMATED_REVERT] = LEVEL_APPROVE;
	world_until(world, PHASE_CHECKING, 60);
	world_until(world, PHASE_ROLLED_BACK, 60);
	world->history.proposed[0].outcome = PROPOSAL_WANTED; /* it was not pushed */
	world->lost = true;
	world_run(world, 3);
	assert_false(world->last.changed);
	assert_string_equal(find_action(world, ACTION_PROPOSE)->proposal->branch,
	                    "linnet/revert/production/risk");
	world->environment.automation[AUTOMATED_REVERT] = LEVEL_MANUAL;
	world_tick(world);
	assert_null(find_action(world, ACTION_PROPOSE));
	assert_int_equal(world->history.proposed[0].outcome, PROPOSAL_DROPPED);
	assert_non_null(strstr(world->history.proposed[0].why, "set `version: v1` by hand"));
}

/* What one of the fields that make a revision was, and is now, beside the same version. */
struct edit {
	const char *named;
	struct env_var env[2];
	size_t n_env;
	int64_t cpu_millis, memory_bytes;
};

static void declare_edit(struct world *world, const struct edit *edit)
{
	world->deployment.env = arena_memdup(&world->arena, edit->env, sizeof(edit->env));
	world->deployment.n_env = edit->n_env;
	world->deployment.cpu_millis = edit->cpu_millis;
	world->deployment.memory_bytes = edit->memory_bytes;
	world_declare(world, 1);
}

static void where_only_other_fields_changed_they_are_named_instead(void **state)
{
	static const struct edit was = {NULL, {{"A", "1", NULL, NULL}, {"B", NULL, "s", "k"}}, 2, 100,
	                                100};
	static const struct edit edits[] = {
		{"env", {{"A", "1", NULL, NULL}}, 1, 100, 100},
		{"env", {{"A0", "1", NULL, NULL}, {"B", NULL, "s", "k"}}, 2, 100, 100},
		{"env", {{"A", "2", NULL, NULL}, {"B", NULL, "s", "k"}}, 2, 100, 100},
		{"env", {{"A", "1", NULL, NULL}, {"B", NULL, "t", "k"}}, 2, 100, 100},
		{"env", {{"A", "1", NULL, NULL}, {"B", NULL, "s", "l"}}, 2, 100, 100},
		{"resources", {{"A", "1", NULL, NULL}, {"B", NULL, "s", "k"}}, 2, 200, 100},
		{"resources", {{"A", "1", NULL, NULL}, {"B", NULL, "s", "k"}}, 2, 100, 200},
		{"env and resources", {{"A", "1", NULL, NULL}}, 1, 100, 200},
	};

	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		struct world *world = *state;
		const char *line;

		world_deinit(world);
		world_init(world);
		declare_edit(world, &was);
		world_settle(world, 1);
		line = arena_printf(&world->arena, "change %s back to commit %.10s", edits[i].named,
		                    world->history.revisions[0].commit);
		world->conduct[1].check_fails = true;
		world->n_checked = 0;
		declare_edit(world, &edits[i]);
		world_until(world, PHASE_ROLLED_BACK, 60);
		world_run(world, 5);
		assert_int_equal(world->proposals, 0);
		assert_non_null(strstr(world->history.message, line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(failures_before_traffic_roll_back),
		case_of(the_failed_check_of_an_earlier_attempt_does_not_count),
		case_of(a_first_deployment_that_fails_before_traffic_proposes_none),
		case_of(a_crash_is_told_with_its_reason),
		case_of(harm_without_anything_to_go_back_to_serves_on_and_the_fix_goes_straight),
		case_of(what_is_broken_is_so_until_it_is_retired),
		case_of(a_retry_beside_version_none_leaves_what_serves),
		case_of(a_fix_that_dies_goes_back_to_what_answers),
		case_of(a_quarantined_revision_stays_out_until_a_retry),
		case_of(who_asks_in_vain_is_told),
		case_of(without_git_a_retry_frees_the_named_or_the_newest),
		case_of(naming_what_serves_ends_what_is_under_way),
		case_of(naming_what_is_in_quarantine_ends_what_is_under_way),
		case_of(a_promoted_revision_comes_back_without_steps_and_through_a_hold),
		case_of(outside_the_rollback_window_it_takes_steps),
		case_of(a_rollback_request_quarantines_goes_back_and_reverts),
		case_of(a_rollback_request_in_a_canary_ends_the_canary),
		case_of(a_rollback_request_may_name_another_in_a_canary),
		case_of(a_rollback_request_without_a_target_changes_nothing),
		case_of(a_rollback_request_may_pass_over_the_last),
		case_of(a_rollback_request_leaves_what_was_never_promoted),
		case_of(what_already_goes_is_not_rolled_back),
		case_of(a_rejected_candidate_is_rolled_back),
		case_of(what_is_rejected_beforehand_is_in_quarantine),
		case_of(reverts_follow_the_automation_level),
		case_of(a_rollback_without_git_is_reverted_when_git_is_back),
		case_of(a_revert_waits_until_its_environment_can_be_read),
		case_of(a_revert_that_was_wanted_is_left_to_a_person_where_all_is_manual),
		case_of(where_only_other_fields_changed_they_are_named_instead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
