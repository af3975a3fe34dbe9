/* The judgement of a candidate on test rows: declared gates, guards, slices, the budget. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/parse.h"
#include "gate/gates.h"
#include "stats/metrics.h"
#include "stats/random.h"

#define N 1500

static const char *const yes_no[] = {"no", "yes"};
static const struct strings classes = {(const char **)yes_no, 2};

/* One judgement: 1,500 rows, 17 % of them yes. */
struct world {
	struct arena arena;
	struct gates_input input;
	struct gates_spec gates;
	struct gate_policy policy;
	struct gate_require require[4];
	struct gate_predictions incumbent;
	uint32_t truth[N], candidate[N], current[N];
	double scores[N], current_scores[N];
	const char *texts[N];
	struct gate_column column;
	struct gates_verdict verdict;
};

static int set_up(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	arena_init(&w->arena, (size_t)1 << 30);
	for (size_t i = 0; i < N; i++)
		w->truth[i] = i < 255;
	w->gates = (struct gates_spec){.require = w->require, .reliability = .95, .test_uses = 4};
	w->incumbent.classes = w->current;
	w->input = (struct gates_input){
		.rows = {.n = N, .classes = &classes, .truth = w->truth, .candidate.classes = w->candidate},
		.gates = &w->gates, .uses = 1, .seed = "seed", .incumbent = "v1",
	};
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	arena_deinit(&w->arena);
	test_free(w);
	return 0;
}

static void require(struct world *w, struct gate_require what)
{
	w->require[w->gates.n_require++] = what;
}

#define MIN(name, value) (struct gate_require){.metric = name, .min = value, .max = NAN}
#define MAX(name, value) (struct gate_require){.metric = name, .min = NAN, .max = value}
#define VERSUS(name, how, by) \
	(struct gate_require){.metric = name, .min = NAN, .max = NAN, .versus_current = how, \
	                      .margin = by}

/* Right on all rows but the first `misses` of yes and the first `alarms` of no. */
static void predict(const struct world *w, uint32_t *out, size_t misses, size_t alarms)
{
	size_t yes = 0, no = 0;

	for (size_t i = 0; i < N; i++)
		out[i] = w->truth[i] ? yes++ >= misses : no++ < alarms;
}

static enum verdict_result judge(struct world *w)
{
	w->verdict = gates_judge(&w->input, &w->arena);
	assert_non_null(w->verdict.why);
	for (size_t i = 0; i < w->verdict.n_entries; i++) {
		assert_non_null(w->verdict.entries[i].name);
		assert_non_null(w->verdict.entries[i].why);
		assert_null(strstr(w->verdict.entries[i].why, "nan"));
	}
	return w->verdict.result;
}

static const struct gate_entry *entry(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->verdict.n_entries; i++)
		if (strstr(w->verdict.entries[i].name, name))
			return &w->verdict.entries[i];
	fail_msg("no entry %s", name);
	return NULL;
}

static void assert_entry(const struct world *w, const char *name, const char *verdict)
{
	const struct gate_entry *found = entry(w, name);

	if (strcmp(found->verdict, verdict))
		fail_msg("%s is %s, not %s: %s", name, found->verdict, verdict, found->why);
}

/* ---- the third outage: a constant 83 % against an honest 82 % ---- */

static void a_constant_is_refused_though_its_accuracy_is_higher(void **state)
{
	struct world *w = *state;

	require(w, VERSUS("accuracy", VERSUS_NOT_WORSE, .025));
	predict(w, w->candidate, 255, 0);
	predict(w, w->current, 105, 165); /* oracle: accuracy .82, balanced .728 */
	w->input.rows.incumbent = &w->incumbent;
	assert_int_equal(judge(w), VERDICT_FAIL);
	assert_true(fabs(entry(w, "accuracy not worse")->value - .01) < 1e-12);
	assert_entry(w, "beats-baseline", "FAIL");
	assert_entry(w, "balanced-accuracy", "FAIL");
	assert_entry(w, "every-class-predicted", "FAIL");
	assert_entry(w, "recall-floors", "FAIL");
	assert_non_null(strstr(w->verdict.why, "predicts no for every row: 83.0 % are right"));
	predict(w, w->candidate, 0, N);
	assert_int_equal(judge(w), VERDICT_FAIL);
	memcpy(w->candidate, w->current, sizeof(w->candidate)); /* the honest one against itself */
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_entry(w, "beats-baseline", "PASS");
}

/* ---- bounds ---- */

static void a_gate_is_on_the_bound(void **state)
{
	static const struct {
		size_t wrong;
		const char *verdict;
	} cases[] = {{90, "PASS"}, {210, "INCONCLUSIVE"}, {240, "INCONCLUSIVE"}, {300, "FAIL"}};
	struct world *w = *state;

	require(w, MIN("accuracy", .85));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		predict(w, w->candidate, 50, cases[i].wrong - 50);
		judge(w);
		assert_entry(w, "accuracy min", cases[i].verdict);
	}
	assert_true(entry(w, "accuracy min")->low < .8 && entry(w, "accuracy min")->high > .8);
	predict(w, w->candidate, 50, 160);
	judge(w);
	assert_non_null(strstr(entry(w, "accuracy min")->why, "rows would tell"));
}

static void a_class_has_gates_of_its_own(void **state)
{
	struct gate_require recall = MIN("recall", .7), wrong = MIN("precision", .1);
	struct world *w = *state;

	recall.class_name = "yes";
	wrong.class_name = "maybe";
	require(w, recall);
	predict(w, w->candidate, 40, 10);
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_true(fabs(entry(w, "recall of yes")->value - 215. / 255) < 1e-12);
	require(w, wrong);
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
}

static void a_loss_is_better_when_less(void **state)
{
	struct world *w = *state;

	require(w, MAX("brier", .1));
	require(w, VERSUS("log_loss", VERSUS_BETTER, 0));
	predict(w, w->candidate, 20, 20);
	predict(w, w->current, 60, 60);
	for (size_t i = 0; i < N; i++) {
		w->scores[i] = w->candidate[i] ? .85 : .05;
		w->current_scores[i] = w->current[i] ? .85 : .05;
	}
	w->input.rows.candidate.scores = w->scores;
	w->incumbent.scores = w->current_scores;
	w->input.rows.candidate.n_scores = w->incumbent.n_scores = 1;
	w->input.rows.incumbent = &w->incumbent;
	assert_int_equal(judge(w), VERDICT_PASS);
	memcpy(w->current_scores, w->scores, sizeof(w->scores));
	judge(w);
	assert_entry(w, "log-loss better", "INCONCLUSIVE");
	for (size_t i = 0; i < N; i++)
		w->current_scores[i] = w->truth[i] ? .99 : .01;
	judge(w);
	assert_entry(w, "log-loss better", "FAIL");
}

static void numbers_are_judged_too(void **state)
{
	struct world *w = *state;
	struct random random;
	double *truth = arena_array(&w->arena, N, double), *is = arena_array(&w->arena, N, double);
	double *was = arena_array(&w->arena, N, double);

	random_init(&random, "numbers");
	for (size_t i = 0; i < N; i++) {
		truth[i] = 10 * random_unit(&random);
		is[i] = truth[i] + random_unit(&random) - .5;
		was[i] = truth[i] + 4 * random_unit(&random) - 2;
	}
	w->input.rows = (struct gate_rows){.n = N, .truth_number = truth, .candidate.numbers = is};
	require(w, MAX("rmse", .4));
	require(w, VERSUS("mae", VERSUS_BETTER, 0));
	require(w, VERSUS("r2", VERSUS_NOT_WORSE, 0));
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_entry(w, "mae better", "NOT_APPLICABLE");
	w->incumbent = (struct gate_predictions){.numbers = was};
	w->input.rows.incumbent = &w->incumbent;
	assert_int_equal(judge(w), VERDICT_PASS);
	for (size_t i = 0; i < N; i++)
		is[i] = 5;
	assert_int_equal(judge(w), VERDICT_FAIL);
	assert_entry(w, "every-class-predicted", "FAIL");
}

/* ---- no version serves yet ---- */

static void without_an_incumbent_minima_and_guards_decide(void **state)
{
	struct world *w = *state;

	require(w, MIN("accuracy", .85));
	require(w, VERSUS("accuracy", VERSUS_NOT_WORSE, .025));
	predict(w, w->candidate, 30, 30);
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_entry(w, "accuracy not worse", "NOT_APPLICABLE");
	assert_entry(w, "changed-predictions", "NOT_APPLICABLE");
}

/* ---- rows that the incumbent knows ---- */

static void rows_that_trained_the_incumbent_are_left_out(void **state)
{
	struct world *w = *state;
	bool seen[N];

	require(w, VERSUS("accuracy", VERSUS_NOT_WORSE, .05));
	w->input.rows.incumbent = &w->incumbent;
	predict(w, w->candidate, 0, 140);
	predict(w, w->current, 0, 140);
	for (size_t i = 0; i < N; i++) {
		seen[i] = i % 2;
		if (seen[i])
			w->current[i] = w->truth[i]; /* it has them by heart */
	}
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	assert_entry(w, "accuracy not worse", "INCONCLUSIVE");
	w->input.rows.seen = seen;
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_true(entry(w, "accuracy not worse")->value == 0);
	assert_non_null(strstr(entry(w, "accuracy not worse")->why,
	                       "on the same 750 rows, between"));
	assert_non_null(strstr(entry(w, "accuracy not worse")->why,
	                       "; 750 rows that v1 was trained on are left out"));
	assert_non_null(strstr(entry(w, "test rows")->why, "on these 1,500 rows"));
	memset(seen, true, sizeof(seen));
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	assert_entry(w, "accuracy not worse", "INCONCLUSIVE");
	assert_entry(w, "suspicious-improvement", "INCONCLUSIVE");
	assert_non_null(strstr(w->verdict.why, "1,500 rows that v1 was trained on are left out"));
	w->input.rows.seen = NULL;
	w->input.incumbent_unknown = true;
	judge(w);
	assert_non_null(strstr(entry(w, "accuracy not worse")->why, "on what v1 was trained is unkn"));
}

/* ---- slices ---- */

static void two_slices(struct world *w, size_t of_second)
{
	static const char *const declared[] = {"core", "edge"}, *const input[] = {"team"};

	for (size_t i = 0; i < N; i++)
		w->texts[i] = i * of_second % N < of_second ? "edge" : "core";
	w->column = (struct gate_column){"team", w->texts, NULL, {(const char **)declared, 2}};
	w->input.rows.inputs = &w->column;
	w->input.rows.n_inputs = 1;
	w->gates.slices = (struct strings){(const char **)input, 1};
}

static void the_worst_slice_is_named(void **state)
{
	struct world *w = *state;

	require(w, MIN("accuracy", .85));
	two_slices(w, 300);
	predict(w, w->candidate, 20, 20);
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_int_equal(w->verdict.n_slices, 2);
	assert_string_equal(w->verdict.slices[0].name, "team=core");
	for (size_t i = 0, n = 0; i < N && n < 90; i++)
		if (!strcmp(w->texts[i], "edge"))
			w->candidate[i] = !w->truth[i], n++;
	assert_int_equal(judge(w), VERDICT_FAIL);
	assert_entry(w, "accuracy min", "PASS");
	assert_non_null(strstr(entry(w, "slices of team")->why, "team=edge"));
}

static void a_slice_without_rows_fails_and_a_small_one_cannot_tell(void **state)
{
	struct world *w = *state;

	require(w, MIN("accuracy", .85));
	predict(w, w->candidate, 20, 20);
	two_slices(w, 0);
	assert_int_equal(judge(w), VERDICT_FAIL);
	two_slices(w, 20);
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	w->input.rows.n_inputs = 0;
	assert_int_equal(judge(w), VERDICT_FAIL);
}

/* ---- the ledger ---- */

static void spent_rows_answer_no_more(void **state)
{
	struct world *w = *state;

	require(w, MIN("accuracy", .85));
	predict(w, w->candidate, 20, 20);
	w->input.uses = 4;
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_non_null(strstr(entry(w, "test rows")->why, "4.6 points")); /* STATISTICS.md */
	w->input.uses = 5;
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(w->verdict.why, "test rows spent"));
	predict(w, w->candidate, 255, 0);
	assert_int_equal(judge(w), VERDICT_FAIL);
}

static void rows_that_are_no_test_rows_spend_nothing(void **state)
{
	struct world *w = *state;

	predict(w, w->candidate, 20, 20);
	w->input.uses = 0;
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_string_equal(entry(w, "test rows")->verdict, "NOT_APPLICABLE");
	assert_non_null(strstr(entry(w, "test rows")->why, "rows that may have trained it"));
	predict(w, w->candidate, 255, 0);
	assert_int_equal(judge(w), VERDICT_FAIL);
	w->input.rows.n = 0;
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
}

static void the_fourth_use_is_refused_where_three_are_allowed(void **state)
{
	struct world *w = *state;
	struct ledger_entry entries[] = {
		{digest_of("rows and one more", 17), "fourth", 1501, 1000, 2001, 9, false, false},
		{digest_of("rows", 4), "third", 1500, 1000, 2000, 8, false, false},
		{digest_of("rows", 4), "second", 1500, 1000, 2000, 7, false, false},
		{digest_of("rows", 4), "first", 1500, 1000, 2000, 6, false, false},
	};
	struct model_status status;

	require(w, MIN("accuracy", .85));
	predict(w, w->candidate, 20, 20);
	w->gates.test_uses = 3;
	status = (struct model_status){.ledger = entries + 1, .n_ledger = 3};
	w->input.uses = gate_uses(&status, "third");
	assert_int_equal(w->input.uses, 3);
	assert_int_equal(judge(w), VERDICT_PASS);
	status = (struct model_status){.ledger = entries, .n_ledger = 4};
	w->input.uses = gate_uses(&status, "fourth"); /* one new row makes no new set */
	assert_int_equal(w->input.uses, 4);
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(w->verdict.why, "test rows spent"));
	entries[0].rows = entries[1].rows;
	assert_int_equal(gate_uses(&status, "fourth"), 4);
}

static void a_set_inherits_the_uses_of_rows_that_it_shares(void **state)
{
	struct ledger_entry entries[] = {
		{digest_of("now", 3), "now", 1500, 1000, 2000, 9, false, false},
		{digest_of("now", 3), "again", 1500, 1000, 2000, 8, false, false},
		{digest_of("tenth", 5), "tenth", 1500, 100, 1100, 7, false, false},
		{digest_of("less", 4), "less", 1500, 100, 1099, 6, false, false},
		{digest_of("past", 4), "past", 1500, 0, 900, 5, false, false},
		{digest_of("when", 4), "when", 1500, -1, -1, 4, false, false},
		{digest_of("now", 3), "known", 1500, 1000, 2000, 3, true, false},
		{digest_of("now", 3), "learnt", 1500, 1000, 2000, 2, false, true},
	};
	struct model_status status = {.ledger = entries, .n_ledger = ARRAY_LEN(entries)};

	(void)state;
	assert_int_equal(gate_uses(&status, "now"), 4); /* itself, again, tenth, when */
	assert_int_equal(gate_uses(&status, "unknown"), 9);
	status.n_ledger = 0;
	assert_int_equal(gate_uses(&status, "now"), 1);
}

/* ---- guards ---- */

static void a_guard_is_switched_off_with_a_reason(void **state)
{
	struct world *w = *state;
	struct guard_switch off = {"leakage", "the size decides by design"};
	double *size = arena_array(&w->arena, N, double);

	for (size_t i = 0; i < N; i++)
		size[i] = w->truth[i] * 100. + (double)(i % 7);
	w->column = (struct gate_column){.name = "size", .numbers = size};
	w->input.rows.inputs = &w->column;
	w->input.rows.n_inputs = 1;
	predict(w, w->candidate, 20, 20);
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(w->verdict.why, "size alone tells"));
	w->policy = (struct gate_policy){.guards_off = &off, .n_guards_off = 1};
	w->input.policy = &w->policy;
	assert_int_equal(judge(w), VERDICT_PASS);
	assert_non_null(strstr(entry(w, "leakage")->why, "by design"));
}

static void what_a_person_has_to_look_at(void **state)
{
	struct world *w = *state;

	w->input.rows.incumbent = &w->incumbent;
	predict(w, w->candidate, 10, 10);
	predict(w, w->current, 150, 600);
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	assert_entry(w, "changed-predictions", "INCONCLUSIVE");
	assert_entry(w, "suspicious-improvement", "INCONCLUSIVE");
}

static void probabilities_must_say_more_than_the_shares(void **state)
{
	struct world *w = *state;

	predict(w, w->candidate, 60, 60);
	w->input.rows.candidate.scores = w->scores;
	w->input.rows.candidate.n_scores = 1;
	for (size_t i = 0; i < N; i++)
		w->scores[i] = w->candidate[i] ? .1 : .9; /* the wrong way round */
	assert_int_equal(judge(w), VERDICT_FAIL);
	assert_entry(w, "beats-baseline", "FAIL");
	for (size_t i = 0; i < N; i++)
		w->scores[i] = .17;
	assert_int_equal(judge(w), VERDICT_FAIL);
	assert_entry(w, "every-class-predicted", "FAIL");
}

static void the_outside_evaluator_counts(void **state)
{
	static const char *const command[] = {"./evaluate.sh"};
	struct world *w = *state;

	predict(w, w->candidate, 20, 20);
	w->gates.command = (struct strings){(const char **)command, 1};
	w->input.outside = VERDICT_FAIL;
	assert_int_equal(judge(w), VERDICT_FAIL);
	w->input.outside = VERDICT_INCONCLUSIVE;
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	w->input.outside = VERDICT_PASS;
	assert_int_equal(judge(w), VERDICT_PASS);
}

/* ---- bad input: never a crash, never a PASS ---- */

static void bad_rows_never_pass(void **state)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY, 2, -1};
	struct world *w = *state;

	require(w, MIN("accuracy", .1));
	require(w, MIN("auc", .5));
	require(w, MAX("log-loss", 9));
	require(w, VERSUS("brier", VERSUS_NOT_WORSE, .9));
	w->input.rows.candidate.scores = w->scores;
	w->incumbent.scores = w->current_scores;
	w->input.rows.candidate.n_scores = w->incumbent.n_scores = 1;
	w->input.rows.incumbent = &w->incumbent;
	predict(w, w->candidate, 20, 20);
	predict(w, w->current, 20, 20);
	for (size_t i = 0; i < N; i++)
		w->scores[i] = w->current_scores[i] = w->candidate[i] ? .9 : .04;
	assert_int_equal(judge(w), VERDICT_PASS);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		double kept = w->scores[700];

		w->scores[700] = bad[i];
		assert_int_not_equal(judge(w), VERDICT_PASS);
		w->scores[700] = kept;
	}
	for (size_t n = 0; n < 6; n++) {
		w->input.rows.n = n;
		assert_int_not_equal(judge(w), VERDICT_PASS);
	}
	w->input.rows.n = N;
	memset(w->truth, 0, sizeof(w->truth)); /* one class */
	memset(w->candidate, 0, sizeof(w->candidate));
	assert_int_not_equal(judge(w), VERDICT_PASS);
}

/* Whatever is required, however low: what cannot be told is no PASS. */
static void no_metric_passes_on_bad_scores(void **state)
{
	static const char *const names[] = {
		"accuracy", "balanced-accuracy", "macro-f1", "mcc", "kappa", "precision", "recall", "f1",
		"auc", "pr-auc", "brier", "log-loss", "ece",
	};
	struct world *w = *state;

	w->input.rows.candidate.scores = w->scores;
	w->input.rows.candidate.n_scores = 1;
	predict(w, w->candidate, 20, 20);
	for (size_t m = 0; m < ARRAY_LEN(names); m++) {
		w->gates.n_require = 0;
		require(w, (struct gate_require){.metric = names[m], .min = -1e9, .max = 1e9});
		for (size_t i = 0; i < N; i++)
			w->scores[i] = w->candidate[i] ? .9 : .04;
		w->input.rows.n = 0;
		assert_int_not_equal(judge(w), VERDICT_PASS);
		w->input.rows.n = N;
		assert_int_equal(judge(w), VERDICT_PASS);
		for (size_t i = 0; i < N; i++)
			w->scores[i] = .17; /* all equal */
		assert_int_equal(judge(w), VERDICT_FAIL);
		w->scores[3] = NAN;
		assert_int_equal(judge(w), VERDICT_FAIL);
		w->scores[3] = INFINITY;
		assert_int_equal(judge(w), VERDICT_FAIL);
	}
}

static void no_metric_passes_on_bad_numbers(void **state)
{
	static const char *const names[] = {"mae", "rmse", "mape", "r2", "pinball", "pinball-0.9"};
	static const double bad[] = {NAN, INFINITY, -INFINITY};
	struct world *w = *state;
	double *truth = arena_array(&w->arena, N, double), *is = arena_array(&w->arena, N, double);

	w->input.rows = (struct gate_rows){.n = N, .truth_number = truth, .candidate.numbers = is};
	for (size_t i = 0; i < N; i++) {
		truth[i] = 1 + (double)(i % 7);
		is[i] = truth[i] + (double)(i % 2) / 10;
	}
	for (size_t m = 0; m < ARRAY_LEN(names); m++) {
		w->gates.n_require = 0;
		require(w, (struct gate_require){.metric = names[m], .min = -1e9, .max = 1e9});
		assert_int_equal(judge(w), VERDICT_PASS);
		for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
			is[9] = bad[i];
			assert_int_equal(judge(w), VERDICT_FAIL);
			is[9] = 3;
			truth[9] = bad[i];
			assert_int_not_equal(judge(w), VERDICT_PASS);
			truth[9] = 3;
		}
	}
	require(w, (struct gate_require){.metric = "pinball-1.5", .min = -1e9, .max = 1e9});
	assert_int_equal(judge(w), VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(w->verdict.why, "there is no metric pinball-1.5"));
}

/* Entries of the one required metric that passed: of its bounds, of its comparison. */
static size_t passed(struct world *w, bool versus)
{
	size_t n = 0;

	judge(w);
	for (size_t i = 0; i < w->verdict.n_entries; i++) {
		const struct gate_entry *e = &w->verdict.entries[i];
		bool bound = strstr(e->name, " min ") || strstr(e->name, " max ");

		if (versus ? strstr(e->name, " worse than current") != NULL : bound)
			n += !strcmp(e->verdict, "PASS");
	}
	return n;
}

/* With all else in order and anything good enough, no entry passes on a bad answer of the
 * candidate, nor a comparison on one of what serves. */
static void assert_no_pass(struct world *w, const char *metric, double *candidate,
                           double *incumbent)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY};

	w->gates.n_require = 0;
	require(w, (struct gate_require){.metric = metric, .min = -1e9, .max = 1e9,
	                                 .versus_current = VERSUS_NOT_WORSE, .margin = 1e6});
	if (passed(w, false) != 2 || passed(w, true) != 1)
		fail_msg("%s does not pass when all is in order: %s", metric, w->verdict.why);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		double kept = *candidate;

		*candidate = bad[i];
		if (passed(w, false) || passed(w, true))
			fail_msg("%s passes with %g from the candidate", metric, bad[i]);
		*candidate = kept;
		kept = *incumbent;
		*incumbent = bad[i];
		if (passed(w, true))
			fail_msg("%s passes with %g from what serves", metric, bad[i]);
		*incumbent = kept;
	}
}

static void no_entry_passes_on_a_bad_answer_of_either(void **state)
{
	static const char *const of_scores[] = {"auc", "pr-auc", "brier", "log-loss", "ece"};
	static const char *const of_numbers[] = {"mae", "rmse", "mape", "r2", "pinball-0.9"};
	struct world *w = *state;
	double *truth = arena_array(&w->arena, N, double);

	predict(w, w->candidate, 20, 20);
	predict(w, w->current, 25, 20);
	for (size_t i = 0; i < N; i++) {
		w->scores[i] = w->candidate[i] ? .9 : .04;
		w->current_scores[i] = w->current[i] ? .8 : .05;
		truth[i] = w->scores[i] + (double)(1 + i % 3) / 9;
	}
	w->input.rows.candidate.scores = w->scores;
	w->incumbent.scores = w->current_scores;
	w->input.rows.candidate.n_scores = w->incumbent.n_scores = 1;
	w->input.rows.incumbent = &w->incumbent;
	for (size_t m = 0; m < ARRAY_LEN(of_scores); m++)
		assert_no_pass(w, of_scores[m], &w->scores[700], &w->current_scores[700]);
	w->incumbent.scores = NULL; /* what serves tells no scores */
	assert_int_equal(passed(w, true), 0);
	w->incumbent = (struct gate_predictions){.numbers = w->current_scores};
	w->input.rows = (struct gate_rows){.n = N, .truth_number = truth,
	                                   .candidate.numbers = w->scores, .incumbent = &w->incumbent};
	for (size_t m = 0; m < ARRAY_LEN(of_numbers); m++)
		assert_no_pass(w, of_numbers[m], &w->scores[9], &w->current_scores[9]);
}

/* What has no value is no PASS: a class that never occurs or is never said, a truth of 0 in a
 * ratio, numbers that are all the same. */
static void what_is_undefined_never_passes(void **state)
{
	static const char *const of_classes[] = {"precision", "recall", "f1", "auc", "pr-auc"};
	struct world *w = *state;
	double *truth = arena_array(&w->arena, N, double);

	memset(w->truth, 0, sizeof(w->truth)); /* one class, of which nothing is said either */
	w->input.rows.candidate.scores = w->scores;
	w->input.rows.candidate.n_scores = 1;
	for (size_t i = 0; i < N; i++)
		w->scores[i] = (double)i / N;
	for (size_t m = 0; m < ARRAY_LEN(of_classes); m++) {
		w->gates.n_require = 0;
		require(w, (struct gate_require){.metric = of_classes[m], .min = -1e9, .max = 1e9});
		if (passed(w, false))
			fail_msg("%s passes on one class", of_classes[m]);
	}
	w->input.rows = (struct gate_rows){.n = N, .truth_number = truth,
	                                   .candidate.numbers = w->scores};
	w->gates.n_require = 0;
	require(w, MAX("mape", 1e9)); /* truths are 0 */
	assert_int_equal(passed(w, false), 0);
	w->gates.n_require = 0;
	require(w, MIN("r2", -1e9)); /* and all the same */
	assert_int_equal(passed(w, false), 0);
}

/* Groups that are empty, missing, without the class that is asked for, or each of one row. */
static void bad_groups_never_pass(void **state)
{
	static const char *const group = "slices of team";
	const char *team = "team";
	struct world *w = *state;

	require(w, MIN("recall", .1));
	w->gates.slices = (struct strings){&team, 1};
	w->column = (struct gate_column){.name = "team", .texts = w->texts};
	w->input.rows.inputs = &w->column;
	w->input.rows.n_inputs = 1;
	predict(w, w->candidate, 20, 20);
	for (size_t i = 0; i < N; i++)
		w->texts[i] = w->truth[i] ? "core" : "web"; /* web has no yes: recall says nothing there */
	judge(w);
	assert_entry(w, group, "INCONCLUSIVE");
	for (size_t i = 0; i < N; i++)
		w->texts[i] = arena_printf(&w->arena, "%zu", i);
	judge(w);
	assert_entry(w, group, "INCONCLUSIVE");
	memset(w->texts, 0, sizeof(w->texts)); /* all missing: one group, named so */
	judge(w);
	assert_entry(w, group, "PASS");
	assert_non_null(strstr(entry(w, group)->why, "team=(missing)"));
	w->column.declared = (struct strings){&team, 1}; /* a value that has no row */
	judge(w);
	assert_entry(w, group, "FAIL");
	w->input.rows.n_inputs = 0; /* the rows know no such input */
	judge(w);
	assert_entry(w, group, "FAIL");
	w->input.rows.n_inputs = 1;
	w->input.rows.n = 0;
	assert_int_not_equal(judge(w), VERDICT_PASS);
}

/* As stats has it, ties included; the interval is of resamples of rows. */
static void average_precision_is_a_gate(void **state)
{
	struct world *w = *state;
	bool positive[N];
	struct random random;

	random_init(&random, "ties");
	predict(w, w->candidate, 20, 20);
	for (size_t i = 0; i < N; i++) {
		w->scores[i] = (double)random_below(&random, 8) / 20 + (w->truth[i] ? .4 : 0);
		w->current_scores[i] = (double)random_below(&random, 3) / 3;
		positive[i] = w->truth[i] == 1;
	}
	w->input.rows.candidate.scores = w->scores;
	w->incumbent.scores = w->current_scores;
	w->input.rows.candidate.n_scores = w->incumbent.n_scores = 1;
	w->input.rows.incumbent = &w->incumbent;
	memcpy(w->current, w->candidate, sizeof(w->current));
	require(w, MIN("pr-auc", .5));
	require(w, VERSUS("average-precision", VERSUS_BETTER, 0));
	judge(w);
	assert_entry(w, "pr-auc of yes min", "PASS");
	assert_entry(w, "pr-auc of yes better", "PASS");
	assert_true(fabs(entry(w, "pr-auc of yes min")->value -
	                 metric_pr_auc(w->scores, positive, N, &w->arena).value) < 1e-12);
	assert_true(entry(w, "pr-auc of yes min")->low < entry(w, "pr-auc of yes min")->value);
}

static void random_rows_never_crash(void **state)
{
	struct world *w = *state;
	struct random random;

	random_init(&random, "rows");
	require(w, MIN("matthews", .2));
	require(w, VERSUS("f1", VERSUS_NOT_WORSE, .1));
	require(w, MAX("ece", .2));
	require(w, MIN("pr-auc", .1));
	w->input.rows.candidate.scores = w->scores;
	w->input.rows.candidate.n_scores = 1;
	for (int round = 0; round < 60; round++) {
		w->input.rows.n = random_below(&random, 40);
		w->input.rows.incumbent = round % 2 ? &w->incumbent : NULL;
		w->input.rows.by_time = round % 3 == 0;
		for (size_t i = 0; i < w->input.rows.n; i++) {
			w->truth[i] = (uint32_t)random_below(&random, 2);
			w->candidate[i] = (uint32_t)random_below(&random, 2);
			w->current[i] = (uint32_t)random_below(&random, 2);
			w->scores[i] = (double)random_below(&random, 3) / 2;
		}
		assert_int_not_equal(judge(w), VERDICT_PASS);
	}
}

static void the_same_rows_give_the_same_verdict(void **state)
{
	struct world *w = *state;
	struct gates_verdict first;

	require(w, MIN("f1", .5));
	predict(w, w->candidate, 30, 50);
	judge(w);
	first = w->verdict;
	judge(w);
	assert_string_equal(first.why, w->verdict.why);
	assert_memory_equal(&first.entries[0].low, &w->verdict.entries[0].low, sizeof(double));
}

static void what_serving_may_cost(void **state)
{
	struct world *w = *state;

	memcpy(w->candidate, w->truth, sizeof(w->truth));
	w->input.policy = &w->policy;
	w->policy.serving = (struct serving_gate){50, 20000, NAN, 1 << 20, "scan.json", "high"};
	w->input.serving = (struct gate_serving){.latency_p95_ms = 50, .start_ms = NAN,
	                                         .memory_bytes = 9e9, .artifact_bytes = 2 << 20};
	assert_int_equal(judge(w), VERDICT_FAIL);
	assert_entry(w, "latency p95", "PASS"); /* at most, so that the bound itself passes */
	assert_entry(w, "start time", "INCONCLUSIVE");
	assert_entry(w, "artifact size", "FAIL");
	assert_entry(w, "scan", "PASS");
	w->input.serving.n_findings = 2;
	judge(w);
	assert_entry(w, "scan", "FAIL");
	w->input.serving.scan = "it cannot be read";
	judge(w);
	assert_entry(w, "scan", "INCONCLUSIVE");
}

/* ---- real data: commits of a public project ---- */

enum { FEATURES = 6, COLUMNS = 18 };
struct commit {
	double x[FEATURES]; /* the first is 1 */
	bool failed;
};

static size_t read_commits(struct arena *arena, struct commit **out)
{
	static const int at[] = {2, 3, 5, 13, 14};
	const char *named = getenv("LINNET_COMMIT_RISK");
	FILE *file = fopen(named ? named : "../shared/data/commit-risk.csv", "r");
	char line[1024];
	size_t n = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *field[COLUMNS], *rest = line;
		struct commit *commit;
		double number;
		struct err err;

		for (int i = 0; i < COLUMNS; i++)
			field[i] = strsep(&rest, ",");
		if (!field[17] || parse_number(field[2], 0, 1e9, &number, &err))
			continue;
		commit = list_push(arena, out, &n);
		commit->x[0] = 1;
		for (size_t j = 0; j < ARRAY_LEN(at); j++)
			if (!parse_number(field[at[j]], 0, 1e9, &number, &err))
				commit->x[j + 1] = log1p(number);
		commit->failed = strcmp(field[16], "Low") != 0;
	}
	if (file)
		fclose(file);
	return n;
}

static double probability(const double *weight, const struct commit *commit)
{
	double z = 0;

	for (size_t j = 0; j < FEATURES; j++)
		z += weight[j] * commit->x[j];
	return 1 / (1 + exp(-z));
}

static void on_real_commits_a_constant_is_refused(void **state)
{
	struct world *w = *state;
	struct commit *commits = NULL;
	size_t n = read_commits(&w->arena, &commits), test = n - N;
	double weight[FEATURES] = {0}, right[2] = {0};

	if (n < 4 * N) {
		print_message("skipped: ../shared/data/commit-risk.csv is not there\n");
		skip();
	}
	for (int round = 0; round < 30; round++)
		for (size_t i = 0; i < test; i++)
			for (size_t j = 0; j < FEATURES; j++)
				weight[j] += .002 * (commits[i].failed - probability(weight, &commits[i])) *
				             commits[i].x[j];
	for (size_t i = 0; i < N; i++) {
		w->truth[i] = commits[test + i].failed;
		w->current[i] = probability(weight, &commits[test + i]) > .2;
		right[0] += !w->truth[i];
		right[1] += w->truth[i] == w->current[i];
	}
	print_message("constant %.1f %%, trained %.1f %%\n", 100 * right[0] / N, 100 * right[1] / N);
	assert_true(right[0] > right[1]);
	require(w, VERSUS("accuracy", VERSUS_NOT_WORSE, .025));
	w->input.rows.incumbent = &w->incumbent;
	w->input.rows.by_time = true;
	assert_int_equal(judge(w), VERDICT_FAIL);
	assert_entry(w, "accuracy not worse", "PASS");
	memcpy(w->candidate, w->current, sizeof(w->current));
	assert_int_equal(judge(w), VERDICT_PASS);
}

/* ---- before anything trains ---- */

static double chance(struct world *w, const char *name, const struct gate_outlook *outlook)
{
	struct model model = {.gates = w->gates, .interface.output.classes = classes};
	size_t n;
	struct gate_chance *chances = gates_chances(&model, NULL, outlook, &w->arena, &n);

	while (n-- > 0)
		if (!strcmp(chances[n].name, name))
			return chances[n].p;
	fail_msg("no chance of %s", name);
	return NAN;
}

static void how_often_an_equal_candidate_passes(void **state)
{
	struct world *w = *state;
	struct gate_outlook outlook = {N, .1, NAN, NULL, 0};
	const char *versus = "accuracy not worse than current", *min = "accuracy min 87.0 %";

	require(w, VERSUS("accuracy", VERSUS_NOT_WORSE, .025));
	assert_true(fabs(chance(w, versus, &outlook) - .91) < .01);
	w->require[0].margin = .01;
	assert_true(fabs(chance(w, versus, &outlook) - .34) < .01);
	require(w, MIN("accuracy", .87)); /* from 1,327 of 1,500 on; scipy */
	assert_true(isnan(chance(w, min, &outlook)));
	outlook.accuracy = .9;
	assert_true(fabs(chance(w, min, &outlook) - .976687) < 1e-6);
	outlook.accuracy = .87;
	assert_true(chance(w, min, &outlook) < .05);
	outlook.rows = 10; /* too few */
	outlook.accuracy = 1;
	assert_true(chance(w, min, &outlook) == 0);
}

/* Against real judgements: of pairs that are equally good, how many pass, and what was foretold
 * from one of them. */
static void other_metrics_pass_as_often_as_the_width_of_one_verdict_tells(void **state)
{
	enum { RUNS = 300 };
	struct world *w = *state;
	const char *name = "f1 of yes not worse than current";
	struct gate_outlook outlook = {N, .1, NAN, NULL, 0};
	struct random random;
	double passed = 0, foretold = 0;

	require(w, VERSUS("f1", VERSUS_NOT_WORSE, .05));
	w->require[0].class_name = "yes";
	w->input.rows.incumbent = &w->incumbent;
	assert_true(isnan(chance(w, name, &outlook))); /* no verdict has told */
	random_init(&random, "equally good");
	for (int run = 0; run < RUNS; run++) {
		for (size_t i = 0; i < N; i++) {
			w->truth[i] = random_unit(&random) < .17;
			w->candidate[i] = w->truth[i] ^ (random_unit(&random) < .08);
			w->current[i] = w->truth[i] ^ (random_unit(&random) < .08);
		}
		judge(w);
		passed += !strcmp(entry(w, name)->verdict, "PASS");
		outlook.entries = w->verdict.entries;
		outlook.n_entries = w->verdict.n_entries;
		foretold += chance(w, name, &outlook);
	}
	if (fabs(passed - foretold) > 0.08 * RUNS) /* three standard errors */
		fail_msg("%.0f of %d passed, %.0f were foretold", passed, RUNS, foretold);
	assert_true(passed > 0.2 * RUNS && passed < 0.95 * RUNS);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_constant_is_refused_though_its_accuracy_is_higher),
		IN_WORLD(a_gate_is_on_the_bound),
		IN_WORLD(a_class_has_gates_of_its_own),
		IN_WORLD(a_loss_is_better_when_less),
		IN_WORLD(numbers_are_judged_too),
		IN_WORLD(without_an_incumbent_minima_and_guards_decide),
		IN_WORLD(rows_that_trained_the_incumbent_are_left_out),
		IN_WORLD(the_worst_slice_is_named),
		IN_WORLD(a_slice_without_rows_fails_and_a_small_one_cannot_tell),
		IN_WORLD(spent_rows_answer_no_more),
		IN_WORLD(rows_that_are_no_test_rows_spend_nothing),
		IN_WORLD(the_fourth_use_is_refused_where_three_are_allowed),
		cmocka_unit_test(a_set_inherits_the_uses_of_rows_that_it_shares),
		IN_WORLD(a_guard_is_switched_off_with_a_reason),
		IN_WORLD(what_a_person_has_to_look_at),
		IN_WORLD(probabilities_must_say_more_than_the_shares),
		IN_WORLD(the_outside_evaluator_counts),
		IN_WORLD(what_serving_may_cost),
		IN_WORLD(bad_rows_never_pass),
		IN_WORLD(no_metric_passes_on_bad_scores),
		IN_WORLD(no_metric_passes_on_bad_numbers),
		IN_WORLD(no_entry_passes_on_a_bad_answer_of_either),
		IN_WORLD(what_is_undefined_never_passes),
		IN_WORLD(bad_groups_never_pass),
		IN_WORLD(average_precision_is_a_gate),
		IN_WORLD(random_rows_never_crash),
		IN_WORLD(the_same_rows_give_the_same_verdict),
		IN_WORLD(on_real_commits_a_constant_is_refused),
		IN_WORLD(how_often_an_equal_candidate_passes),
		IN_WORLD(other_metrics_pass_as_often_as_the_width_of_one_verdict_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
