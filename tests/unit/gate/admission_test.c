/* Which versions are admitted, and which gates were loosened for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gate/fold.h"

/* ---- admission ---- */

static void admission_follows_our_own_newest_verdict(void **state)
{
	struct fold *fold = *state;
	struct revision revision = {.artifact.digest = digest_of("a", 1), .digest = digest_of("r", 1)};
	struct gate_require require = {.metric = "accuracy", .min = .8, .max = NAN, .margin = NAN};
	struct model model = {.gates = {.require = &require, .n_require = 1}};
	struct digest gate = gate_digest(&model, NULL, &fold->arena);
	struct digest a = subject_digest(digest_of("a", 1), &revision.serve, &model.interface);
	struct revision stable = {.artifact.digest = digest_of("b", 1)};
	struct digest b = subject_digest(digest_of("b", 1), &stable.serve, &model.interface);
	struct verdict_record verdicts[] = {
		{.subject = b, .gate = gate, .result = VERDICT_FAIL, .at_ms = 9},
		{.subject = a, .gate = gate, .incumbent = b, .result = VERDICT_PASS, .at_ms = 2},
		{.subject = a, .gate = gate, .incumbent = b, .result = VERDICT_FAIL, .at_ms = 1},
	};
	struct model_status status = {.verdicts = verdicts, .n_verdicts = 0};
	struct admission admission;

	admission = gate_admit(&revision, &stable, &model, NULL, &status, &fold->arena);
	assert_int_equal(admission.result, VERDICT_INCONCLUSIVE);
	assert_non_null(admission.why);
	status.n_verdicts = 3;
	admission = gate_admit(&revision, &stable, &model, NULL, &status, &fold->arena);
	assert_int_equal(admission.result, VERDICT_PASS);
	assert_int_equal(gate_admit(&revision, &revision, &model, NULL, &status, &fold->arena).result,
	                 VERDICT_PASS); /* in the place of itself */
	verdicts[2].at_ms = 3;
	admission = gate_admit(&revision, NULL, &model, NULL, &status, &fold->arena);
	assert_int_equal(admission.result, VERDICT_FAIL);
	assert_true(digest_same(admission.revision, revision.digest));
	verdicts[1].gate = verdicts[2].gate = b; /* of another gate, ... */
	admission = gate_admit(&revision, &stable, &model, NULL, &status, &fold->arena);
	assert_int_equal(admission.result, VERDICT_INCONCLUSIVE);
	verdicts[1].gate = verdicts[2].gate = gate;
	stable.artifact.digest = digest_of("c", 1); /* ... and against another version */
	admission = gate_admit(&revision, &stable, &model, NULL, &status, &fold->arena);
	assert_int_equal(admission.result, VERDICT_INCONCLUSIVE);
	admission = gate_admit(NULL, NULL, NULL, NULL, NULL, &fold->arena);
	assert_int_equal(admission.result, VERDICT_NOT_APPLICABLE);
}

static void what_is_declared_has_to_be_tested_first(void **state)
{
	struct fold *fold = *state;
	struct revision revision = {.version = "v2"};
	struct model model = {.meta.name = "m"};
	struct gate_policy policy = {.serving = {NAN, NAN, NAN, NAN, NULL, NULL}};

	assert_int_equal(gate_admit(&revision, NULL, &model, &policy, NULL, &fold->arena).result,
	                 VERDICT_NOT_APPLICABLE); /* approvals alone are no test */
	policy.serving.memory_bytes = 1e9; /* what serving may cost is known by serving it */
	assert_int_equal(gate_admit(&revision, NULL, &model, &policy, NULL, &fold->arena).result,
	                 VERDICT_INCONCLUSIVE);
	policy.serving.memory_bytes = NAN;
	policy.serving.scan_report = "scan.json";
	assert_int_equal(gate_admit(&revision, NULL, &model, &policy, NULL, &fold->arena).result,
	                 VERDICT_INCONCLUSIVE);
}

static void without_gates_the_guards_come_first_where_there_is_data(void **state)
{
	static struct guard_switch off[] = {
		{"beats-baseline", "known"}, {"balanced-accuracy", "known"},
		{"every-class-predicted", "known"}, {"recall-floors", "known"},
		{"changed-predictions", "known"}, {"suspicious-improvement", "known"},
		{"leakage", "known"}, {"golden-batch", "known"},
	};
	struct fold *fold = *state;
	struct revision revision = {.version = "v2"}, stable = {.artifact.digest = digest_of("b", 1)};
	struct model model = {.meta.name = "m", .data.uri = "file:rows.csv"};
	struct gate_policy policy = {.serving = {NAN, NAN, NAN, NAN, NULL, NULL}, .guards_off = off};
	struct verdict_record verdict = {
		.subject = subject_digest(revision.artifact.digest, &revision.serve, &model.interface),
		.incumbent = digest_of("of the run that made it", 23), .result = VERDICT_PASS,
	};
	struct model_status status = {.verdicts = &verdict};
	struct admission admission;

#define ADMITTED() gate_admit(&revision, &stable, &model, &policy, &status, &fold->arena)
	assert_false(gate_declared(&model, &policy));
	admission = ADMITTED();
	assert_int_equal(admission.result, VERDICT_INCONCLUSIVE);
	assert_string_equal(admission.why,
	                    "the guards have not judged v2 yet: it is evaluated first");
	verdict.gate = gate_digest(&model, &policy, &fold->arena);
	status.n_verdicts = 1;
	assert_int_equal(ADMITTED().result, VERDICT_PASS); /* whatever it was compared with */
	verdict.result = VERDICT_FAIL;
	assert_int_equal(ADMITTED().result, VERDICT_FAIL);
	status.n_verdicts = 0;
	policy.n_guards_off = ARRAY_LEN(off) - 2; /* leakage is left */
	assert_int_equal(ADMITTED().result, VERDICT_INCONCLUSIVE);
	policy.n_guards_off = ARRAY_LEN(off);
	assert_int_equal(ADMITTED().result, VERDICT_NOT_APPLICABLE);
	policy.n_guards_off = 0;
	model.data.uri = NULL;
	assert_int_equal(ADMITTED().result, VERDICT_NOT_APPLICABLE);
#undef ADMITTED
}

static void the_gate_digest_is_of_all_that_is_required(void **state)
{
	struct fold *fold = *state;
	struct gate_require require = {.metric = "accuracy", .min = .8, .max = NAN, .margin = NAN};
	struct guard_switch off = {"leakage", "known"};
	struct model model = {.gates = {.require = &require, .n_require = 1, .reliability = .95}};
	struct gate_policy policy = {.guards_off = &off};
	struct digest first = gate_digest(&model, &policy, &fold->arena), again;

	require.max = -NAN; /* still not set */
	again = gate_digest(&model, &policy, &fold->arena);
	assert_true(digest_same(first, again));
	policy.n_guards_off = 1;
	assert_false(digest_same(first, gate_digest(&model, &policy, &fold->arena)));
	policy.n_guards_off = 0;
	require.min = .81;
	assert_false(digest_same(first, gate_digest(&model, &policy, &fold->arena)));
}

/* ---- loosened gates ---- */

/* A gate to be changed in one place. */
struct gate {
	struct gate_require require[3], of_policy[1];
	const char *slices[2], *command[2];
	struct guard_switch off[1];
	struct model model;
	struct gate_policy policy;
};

static void make_gate(struct gate *gate)
{
	*gate = (struct gate){
		.require = {
			{.metric = "accuracy", .min = .87, .max = NAN, .margin = NAN},
			{.metric = "accuracy", .min = NAN, .max = NAN, .margin = .025,
			 .versus_current = VERSUS_NOT_WORSE},
			{.metric = "recall", .class_name = "High", .min = .7, .max = NAN, .margin = NAN},
		},
		.of_policy = {{.metric = "log-loss", .min = NAN, .max = .5, .margin = NAN}},
		.slices = {"environment", "team"},
		.command = {"./evaluate.sh", "--strict"},
		.off = {{"leakage", "the label is known late"}},
	};
	gate->model.gates = (struct gates_spec){
		.require = gate->require, .n_require = 3, .slices = {gate->slices, 2},
		.reliability = .95, .test_uses = 4, .command = {gate->command, 2},
	};
	gate->policy = (struct gate_policy){
		.require = gate->of_policy, .n_require = 1, .guards_off = gate->off,
		.serving = {.latency_p95_ms = 50, .start_time_ms = NAN, .memory_bytes = 1e9,
		            .artifact_bytes = NAN, .scan_report = "scan.json", .scan_severity = "high"},
	};
}

#define GATE_CHANGE(n, statement) \
	static void change_##n(struct gate *g) { statement; }
GATE_CHANGE(nothing, (void)g)
GATE_CHANGE(min_down, g->require[0].min = .85)
GATE_CHANGE(min_up, g->require[0].min = .9)
GATE_CHANGE(margin_up, g->require[1].margin = .05)
GATE_CHANGE(margin_down, g->require[1].margin = .01)
GATE_CHANGE(better, g->require[1].versus_current = VERSUS_BETTER)
GATE_CHANGE(max_up, g->of_policy[0].max = .6)
GATE_CHANGE(max_down, g->of_policy[0].max = .4)
GATE_CHANGE(class_gone, g->model.gates.n_require = 2)
GATE_CHANGE(other_class, g->require[2].class_name = "Low")
GATE_CHANGE(min_becomes_max, (g->require[0].max = g->require[0].min, g->require[0].min = NAN))
GATE_CHANGE(slice_gone, g->model.gates.slices.n = 1)
GATE_CHANGE(other_evaluator, g->command[1] = "--lenient")
GATE_CHANGE(no_evaluator, g->model.gates.command.n = 0)
GATE_CHANGE(reliability_down, g->model.gates.reliability = .9)
GATE_CHANGE(reliability_up, g->model.gates.reliability = .99)
GATE_CHANGE(more_uses, g->model.gates.test_uses = 8)
GATE_CHANGE(fewer_uses, g->model.gates.test_uses = 2)
GATE_CHANGE(guard_off, g->policy.n_guards_off = 1)
GATE_CHANGE(latency_up, g->policy.serving.latency_p95_ms = 80)
GATE_CHANGE(latency_gone, g->policy.serving.latency_p95_ms = NAN)
GATE_CHANGE(start_demanded, g->policy.serving.start_time_ms = 9000)
GATE_CHANGE(scan_gone, g->policy.serving.scan_report = NULL)
GATE_CHANGE(policy_asks_the_same, (g->of_policy[0] = g->require[0], g->of_policy[0].min = .8,
                                   g->require[0].max = .9))
GATE_CHANGE(both_ways, (g->require[0].min = .9, g->require[2].min = .6))
GATE_CHANGE(reordered, (g->slices[0] = "team", g->slices[1] = "environment"))

static const char *compare_gates(struct arena *arena, const struct gate *old,
                                 const struct gate *new)
{
	size_t n_old, n_new;
	struct named_number *was = gate_demands(&old->model, &old->policy, arena, &n_old);
	struct named_number *is = gate_demands(&new->model, &new->policy, arena, &n_new);

	for (size_t i = 1; i < n_old; i++)
		assert_true(strcmp(was[i - 1].name, was[i].name) < 0);
	return gate_looser(was, n_old, is, n_new, arena);
}

static void a_looser_gate_is_told_from_a_stricter_one(void **state)
{
	static const struct {
		void (*change)(struct gate *);
		const char *looser, *back; /* NULL: in nothing */
	} cases[] = {
		{change_nothing, NULL, NULL},
		{change_reordered, NULL, NULL},
		{change_min_down, "accuracy at least 0.85, was 0.87", NULL},
		{change_min_up, NULL, "accuracy at least 0.87, was 0.9"},
		{change_margin_up, "gain in accuracy at least -0.05, was -0.025", NULL},
		{change_margin_down, NULL, "gain in accuracy at least -0.025, was -0.01"},
		{change_better, NULL, "gain in accuracy at least -0.025, was 0"},
		{change_max_up, "log-loss at most 0.6, was 0.5", NULL},
		{change_max_down, NULL, "log-loss at most 0.5, was 0.4"},
		{change_class_gone, "recall of High at least 0.7 is gone", NULL},
		{change_other_class, "recall of High at least 0.7 is gone",
		 "recall of Low at least 0.7 is gone"},
		{change_min_becomes_max, "accuracy at least 0.87 is gone",
		 "accuracy at most 0.87 is gone"},
		{change_slice_gone, "slices by team is gone", NULL},
		{change_other_evaluator, "evaluator ./evaluate.sh --strict is gone",
		 "evaluator ./evaluate.sh --lenient is gone"},
		{change_no_evaluator, "evaluator ./evaluate.sh --strict is gone", NULL},
		{change_reliability_down, "reliability at least 0.9, was 0.95", NULL},
		{change_reliability_up, NULL, "reliability at least 0.95, was 0.99"},
		{change_more_uses, "uses of test rows at most 8, was 4", NULL},
		{change_fewer_uses, NULL, "uses of test rows at most 4, was 2"},
		{change_guard_off, "without the guard leakage", NULL},
		{change_latency_up, "latency p95 in ms at most 80, was 50", NULL},
		{change_latency_gone, "latency p95 in ms at most 50 is gone", NULL},
		{change_start_demanded, NULL, "start time in ms at most 9000 is gone"},
		{change_scan_gone, "no findings of severity high is gone", NULL},
		{change_policy_asks_the_same, "log-loss at most 0.5 is gone",
		 "accuracy at most 0.9 is gone"}, /* of two minima the stricter counts */
		{change_both_ways, "recall of High at least 0.6, was 0.7",
		 "accuracy at least 0.87, was 0.9"},
	};
	struct fold *fold = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gate old, new;
		const char *looser, *back;

		make_gate(&old);
		make_gate(&new);
		cases[i].change(&new);
		looser = compare_gates(&fold->arena, &old, &new);
		back = compare_gates(&fold->arena, &new, &old);
		assert_string_equal(looser ? looser : "", cases[i].looser ? cases[i].looser : "");
		assert_string_equal(back ? back : "", cases[i].back ? cases[i].back : "");
	}
}

static void several_loosenings_are_all_said(void **state)
{
	struct fold *fold = *state;
	struct gate old, new;

	make_gate(&old);
	make_gate(&new);
	change_min_down(&new);
	change_slice_gone(&new);
	change_guard_off(&new);
	assert_string_equal(compare_gates(&fold->arena, &old, &new),
	                    "accuracy at least 0.85, was 0.87; slices by team is gone; "
	                    "without the guard leakage");
}

static void what_a_stricter_gate_refused_is_known(void **state)
{
	struct fold *fold = *state;
	struct gate strict, today;
	struct digest subject = digest_of("a", 1);
	struct verdict_record verdicts[2] = {{.subject = subject, .result = VERDICT_FAIL,
	                                      .why = "accuracy 86 %", .at_ms = 1}};
	struct model_status status = {.verdicts = verdicts, .n_verdicts = 1};

#define LOOSENED() \
	gate_loosened(subject, &today.model, &today.policy, &status, &fold->arena)
	make_gate(&strict);
	make_gate(&today);
	verdicts[0].gate = gate_digest(&strict.model, &strict.policy, &fold->arena);
	verdicts[0].demands = gate_demands(&strict.model, &strict.policy, &fold->arena,
	                                   &verdicts[0].n_demands);
	assert_null(LOOSENED()); /* today's gate itself is no other */
	change_min_up(&today);
	assert_null(LOOSENED());
	change_min_down(&today);
	assert_string_equal(LOOSENED(), "refused under a stricter gate (accuracy 86 %): "
	                                "accuracy at least 0.85, was 0.87");
	verdicts[0].result = VERDICT_INCONCLUSIVE;
	assert_non_null(LOOSENED());
	verdicts[0].result = VERDICT_PASS;
	assert_null(LOOSENED());
	verdicts[0].result = VERDICT_FAIL;
	verdicts[0].subject = digest_of("b", 1);
	assert_null(LOOSENED());
	verdicts[0].subject = subject;
	verdicts[0].n_demands = 0;
	assert_non_null(strstr(LOOSENED(), "is not on record"));
	verdicts[1] = verdicts[0]; /* the same gate lets it pass, on newer rows */
	verdicts[1].result = VERDICT_PASS;
	verdicts[1].at_ms = 2;
	status.n_verdicts = 2;
	assert_null(LOOSENED());
	verdicts[1].at_ms = 0;
	assert_non_null(LOOSENED());
#undef LOOSENED
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(admission_follows_our_own_newest_verdict),
		case_of(a_looser_gate_is_told_from_a_stricter_one),
		case_of(several_loosenings_are_all_said),
		case_of(what_a_stricter_gate_refused_is_known),
		case_of(what_is_declared_has_to_be_tested_first),
		case_of(without_gates_the_guards_come_first_where_there_is_data),
		case_of(the_gate_digest_is_of_all_that_is_required),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
