/* What both planners share: lists that grow, times to wake, conditions, actions in words, and what
 * counts as a change of a history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan/cycle.h"
#include "plan/look.h"

/* ---- lists ---- */

static void the_newest_stands_first_and_the_oldest_goes(void **state)
{
	struct arena arena = {0};
	const int *list = NULL, *before;
	size_t n = 0;

	(void)state;
	arena_init(&arena, 1 << 20);
	for (int i = 1; i <= 3; i++) {
		list = list_prepended(&arena, list, n, sizeof(i), &i, &n, 3);
		assert_int_equal(n, i);
	}
	before = list;
	for (int i = 4; i <= 5; i++) {
		list = list_prepended(&arena, list, n, sizeof(i), &i, &n, 3);
		assert_int_equal(n, 3);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(list[i], 5 - i);
		assert_int_equal(before[i], 3 - i); /* as it was */
	}
	arena_deinit(&arena);
}

static void no_text_is_the_same_as_no_text_alone(void **state)
{
	char text[] = "v1";

	(void)state;
	assert_true(text_same(NULL, NULL));
	assert_true(text_same("v1", text));
	assert_false(text_same("v1", "v2"));
	assert_false(text_same(NULL, text));
	assert_false(text_same(text, NULL));
}

static void the_earliest_time_to_wake_counts_and_none_is_past(void **state)
{
	struct plan plan = {.wake_ms = -1};

	(void)state;
	plan_wake(&plan, 90, 50);
	assert_int_equal(plan.wake_ms, 90);
	plan_wake(&plan, 91, 50);
	assert_int_equal(plan.wake_ms, 90);
	plan_wake(&plan, 89, 50);
	assert_int_equal(plan.wake_ms, 89);
	plan_wake(&plan, 20, 50);
	assert_int_equal(plan.wake_ms, 50);
}

static void what_is_wanted_or_waits_is_open(void **state)
{
	(void)state;
	for (int i = 0; i < PROPOSAL_STATES; i++) {
		struct proposal proposal = {.outcome = (enum proposal_state)i};

		assert_int_equal(proposal_open(&proposal), i == PROPOSAL_WANTED || i == PROPOSAL_WAITING);
	}
}

/* ---- conditions ---- */

static void a_condition_is_since_its_status_or_reason_changed(void **state)
{
	struct condition condition = {0};

	(void)state;
	condition_set(&condition, CONDITION_READY, TRUTH_FALSE, "NoVersion", "none yet", 1);
	assert_int_equal(condition.since_ms, 1);
	condition_set(&condition, CONDITION_READY, TRUTH_FALSE, "NoVersion", "still none", 2);
	assert_int_equal(condition.since_ms, 1);
	assert_string_equal(condition.message, "still none");
	condition_set(&condition, CONDITION_READY, TRUTH_FALSE, "NothingServes", "still none", 3);
	assert_int_equal(condition.since_ms, 3);
	condition_set(&condition, CONDITION_READY, TRUTH_TRUE, "NothingServes", "still none", 4);
	assert_int_equal(condition.since_ms, 4);
}

/* Of each there are as many as there may be, and no more, so that a sanitizer sees who reads on. */
static void a_condition_of_any_type_that_changed_is_seen(void **state)
{
	const struct condition was = {CONDITION_READY, TRUTH_TRUE, "Serving", "v1 serves", 7};
	const struct condition changed[] = {
		{CONDITION_READY, TRUTH_FALSE, "Serving", "v1 serves", 7},
		{CONDITION_READY, TRUTH_TRUE, "Healthy", "v1 serves", 7},
		{CONDITION_READY, TRUTH_TRUE, "Serving", "v2 serves", 7},
		{CONDITION_READY, TRUTH_TRUE, "Serving", "v1 serves", 8},
	};
	struct arena arena = {0};
	struct condition *a, *b;
	bool *has_a, *has_b;

	(void)state;
	arena_init(&arena, 1 << 20);
	a = arena_array(&arena, CONDITION_TYPES, struct condition);
	b = arena_array(&arena, CONDITION_TYPES, struct condition);
	has_a = arena_array(&arena, CONDITION_TYPES, bool);
	has_b = arena_array(&arena, CONDITION_TYPES, bool);
	for (int i = 0; i < CONDITION_TYPES; i++) {
		a[i] = b[i] = was;
		has_a[i] = has_b[i] = i % 2;
	}
	assert_false(conditions_differ(a, has_a, b, has_b));
	for (int i = 0; i < CONDITION_TYPES; i++) {
		has_b[i] = !has_b[i];
		assert_true(conditions_differ(a, has_a, b, has_b));
		has_b[i] = has_a[i];
		for (size_t j = 0; j < ARRAY_LEN(changed); j++) {
			b[i] = changed[j];
			assert_int_equal(conditions_differ(a, has_a, b, has_b), has_a[i]);
		}
		b[i] = was;
	}
	arena_deinit(&arena);
}

/* ---- actions ---- */

static void actions_are_told_in_words(void **state)
{
	struct revision revision = {.version = "v3"};
	struct revision_weight weights[] = {{{"aaaaaaaaaaaa"}, .95}, {{"bbbbbbbbbbbb"}, .05}};
	struct version_edit edits[] = {{"staging", "risk", "v3"}, {"production", "risk", NULL}};
	const char *expects[] = {NULL, "v2"};
	struct proposal_text text = {.subject = "risk: v3", .edits = edits, .expects = expects,
	                             .n_edits = 2};
	struct proposal_text asked = {.subject = "risk: v3", .branch = "linnet/propose/risk"};
	const struct {
		struct action action;
		const char *told;
	} cases[] = {
		{{.kind = ACTION_SET_WEIGHTS}, "set weights none"},
		{{.kind = ACTION_SET_WEIGHTS, .weights = weights, .n_weights = 2},
		 "set weights aaaaaaaaaa 95 %, bbbbbbbbbb 5 %"},
		{{.kind = ACTION_DROP}, "drop from the router"},
		{{.kind = ACTION_STOP_REPLICA, .revision = {"aaaaaaaaaaaa"}, .slot = 2},
		 "stop replica 2 of aaaaaaaaaa"},
		{{.kind = ACTION_START_REPLICA, .revision = {"aaaaaaaaaaaa"}, .spec = &revision},
		 "start replica 0 of aaaaaaaaaa (v3)"},
		{{.kind = ACTION_PREPARE, .revision = {"aaaaaaaaaaaa"}}, "prepare aaaaaaaaaa"},
		{{.kind = ACTION_CHECK, .revision = {"aaaaaaaaaaaa"}}, "check aaaaaaaaaa"},
		{{.kind = ACTION_PROPOSE, .proposal = &text}, "propose on the fleet branch: risk: v3; "
		 "staging/risk none -> v3; production/risk v2 -> none"},
		{{.kind = ACTION_PROPOSE, .proposal = &asked}, "propose on linnet/propose/risk: risk: v3"},
		{{.kind = ACTION_TRAIN, .run = {"cccccccccccc"}}, "train run cccccccccc"},
		{{.kind = ACTION_EVALUATE, .run = {"cccccccccccc"}}, "evaluate run cccccccccc"},
		{{.kind = ACTION_CANCEL_RUN, .run = {"cccccccccccc"}}, "cancel run cccccccccc"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;

		buf_init(&out, 1000);
		action_describe(&out, &cases[i].action);
		assert_string_equal(buf_text(&out), cases[i].told);
		buf_deinit(&out);
	}
}

/* ---- histories ---- */

struct field {
	const char *name;
	size_t offset;
};
#define field(type, member) {#member, offsetof(type, member)}
#define list(type, member) field(type, member), field(type, n_##member)

/* A byte of the field is another one: the number, the first of a digest, a list elsewhere. */
static void change(void *history, const struct field *field)
{
	((unsigned char *)history)[field->offset] ^= 1;
}

static const struct field of_deployment[] = {
#define of(member) field(struct deployment_status, member)
#define list_of(member) list(struct deployment_status, member)
	of(phase), of(phase_since_ms), of(step), of(durable_weight), of(stable_weight),
	of(candidate_weight), of(weights_seen), of(going_back), of(keep_until_ms), of(rollout_since_ms),
	of(restart_ms), of(broken), of(down_since_ms), of(replicas), of(drain_ms), of(keep_previous_ms),
	of(stable), of(candidate), of(rollout_spec), list_of(revisions), list_of(promoted),
	list_of(quarantine), list_of(proposed), list_of(approvals), list_of(admitted),
	list_of(history), of(has_condition),
#undef of
#undef list_of
};

static void each_field_of_a_deployment_counts_alone(void **state)
{
	struct deployment_status was = {.stable_weight = 1}, now;
	const char **const texts[] = {&now.router, &now.reason, &now.message, &now.observed_commit,
	                              &now.observed_manifest};

	(void)state;
	now = was;
	assert_false(history_differs(&was, &now));
	for (size_t i = 0; i < ARRAY_LEN(of_deployment); i++) {
		now = was;
		change(&now, &of_deployment[i]);
		if (!history_differs(&was, &now))
			fail_msg("%s makes no difference", of_deployment[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		now = was;
		*texts[i] = "another";
		assert_true(history_differs(&was, &now));
	}
}

static const struct field of_model[] = {
#define of(member) field(struct model_status, member)
#define list_of(member) list(struct model_status, member)
	of(phase), of(phase_since_ms), of(trigger), of(run), of(attempts), of(retry_ms),
	of(last_finished_ms), of(fruitless), of(cancelled), of(pending_kick), of(data_rows),
	of(data_first), of(data_content), of(terms), of(sources), of(scheduled_ms), of(highest_version),
	of(evaluation.run), of(evaluation.asked_ms), of(evaluation.attempts), of(evaluation.retry_ms),
	list_of(verdicts), list_of(ledger), list_of(proposed), list_of(history), of(has_condition),
#undef of
#undef list_of
};

static void each_field_of_a_model_counts_alone(void **state)
{
	struct model_status was = {.name = "risk"}, now;
	const char **const texts[] = {&now.reason, &now.message, &now.pending_event,
	                              &now.evaluation.why, &now.observed_manifest};

	(void)state;
	now = was;
	assert_false(cycle_differs(&was, &now));
	for (size_t i = 0; i < ARRAY_LEN(of_model); i++) {
		now = was;
		change(&now, &of_model[i]);
		if (!cycle_differs(&was, &now))
			fail_msg("%s makes no difference", of_model[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		now = was;
		*texts[i] = "another";
		assert_true(cycle_differs(&was, &now));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_stands_first_and_the_oldest_goes),
		cmocka_unit_test(no_text_is_the_same_as_no_text_alone),
		cmocka_unit_test(the_earliest_time_to_wake_counts_and_none_is_past),
		cmocka_unit_test(what_is_wanted_or_waits_is_open),
		cmocka_unit_test(a_condition_is_since_its_status_or_reason_changed),
		cmocka_unit_test(a_condition_of_any_type_that_changed_is_seen),
		cmocka_unit_test(actions_are_told_in_words),
		cmocka_unit_test(each_field_of_a_deployment_counts_alone),
		cmocka_unit_test(each_field_of_a_model_counts_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
