/* What a canary predicts, by label and by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats/random.h"
#include "gate/fold.h"

/* ---- predicted labels ---- */

/* One look: so many more predictions of Low and High by each arm, and some of no class. */
static void predict(struct fold *fold, const uint64_t more[2][3])
{
	static const char *const texts[] = {"Low", "High", "low"};
	struct logged_label labels[6];
	struct observed observed = {.labels = labels, .n_labels = 6};
	struct output_spec output = {.classes = {(const char **)(uintptr_t)texts, 2}};

	for (int arm = 0; arm < 2; arm++)
		for (int k = 0; k < 3; k++)
			labels[3 * arm + k] = (struct logged_label){
				arm ? fold->history.stable : fold->history.candidate, texts[k],
				fold->predicted[arm][k] += more[arm][k]};
	gate_labels(&fold->evidence, &observed, &fold->history, &output, fold->now_ms, &fold->arena);
}

/* Traffic and `n` looks at the logs of it; the first look only takes marks. */
static void predictions(struct fold *fold, int n, const uint64_t more[2][3])
{
	tick(fold);
	predict(fold, more);
	for (int i = 0; i < n; i++) {
		serve(&fold->replicas[0], 10, 0, 5);
		serve(&fold->replicas[1], 190, 0, 5);
		tick(fold);
		predict(fold, more);
	}
}

static void judgements_of_predictions(void **state)
{
	static const struct {
		const char *name;
		uint64_t more[2][3]; /* of each of 100 looks: candidate, stable */
		enum verdict_result harm, not_worse;
	} cases[] = {
		{"alike", {{5, 5, 0}, {95, 95, 0}}, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"a little apart", {{6, 4, 0}, {95, 95, 0}}, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"at the bound", {{30, 10, 0}, {80, 80, 0}}, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"all one class", {{0, 10, 0}, {100, 90, 0}}, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"no class at all", {{0, 0, 10}, {100, 90, 0}}, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"both always one", {{0, 10, 0}, {0, 190, 0}}, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"none of the candidate", {{0, 0, 0}, {95, 95, 0}}, VERDICT_INCONCLUSIVE,
		 VERDICT_INCONCLUSIVE},
		{"none of stable", {{5, 5, 0}, {0, 0, 0}}, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"nothing logged", {{0, 0, 0}, {0, 0, 0}}, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"huge", {{UINT64_C(1) << 50, UINT64_C(1) << 50, 0}, {UINT64_C(1) << 52, UINT64_C(1) << 52,
		 0}}, VERDICT_INCONCLUSIVE, VERDICT_PASS},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct judgement judgement;
		struct finding *findings;
		struct fold *fold;
		size_t n;

		fold = fold_anew(state);
		fold->analysis.predictions_max_distance = .25;
		predictions(fold, 100, cases[i].more);
		judgement = judge(fold);
		if (judgement.harm != cases[i].harm || judgement.not_worse != cases[i].not_worse)
			fail_msg("%s: %s", cases[i].name, judgement.why);
		findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
		assert_int_equal(n, 3);
		assert_string_equal(findings[2].metric, "predictions");
		if (findings[2].result != (cases[i].harm == VERDICT_FAIL ? VERDICT_FAIL
		                                                         : cases[i].not_worse))
			fail_msg("%s: %d", cases[i].name, findings[2].result);
		fold->now_ms += fold->analysis.no_data_deadline_ms - 50000;
		assert_int_equal(judge(fold).no_data != NULL, findings[2].label == NULL);
	}
}

static void other_labels_are_a_sentence_with_numbers(void **state)
{
	static const uint64_t more[2][3] = {{1, 4, 0}, {60, 40, 0}};
	struct fold *fold = *state;

	fold->analysis.predictions_max_distance = .1;
	predictions(fold, 40, more);
	assert_string_equal(judge(fold).why,
	                    "predicts High in 80 % of cases, the stable revision in 40 %: labels differ"
	                    " by 40 % [24, 58] on 200 and 4,000 predictions, above 10 %: harm");
}

/* What is missing is told, and when so much came, it passes. */
static void missing_predictions_are_counted(void **state)
{
	static const uint64_t more[2][3] = {{2, 2, 0}, {50, 50, 0}};
	struct fold *fold = *state;
	struct finding *findings;
	size_t n;

	fold->analysis.predictions_max_distance = .2;
	fold->step.min_duration_ms = 10000;
	predictions(fold, 25, more);
	assert_int_equal(judge(fold).not_worse, VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(judge(fold).why, "not surely below 20 %: not enough to tell"));
	findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
	assert_true(findings[2].missing > 10 && findings[2].missing < 1000);
	predictions(fold, (int)ceil(findings[2].missing / 4), more);
	findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
	assert_true(findings[2].missing == 0);
	assert_int_equal(findings[2].result, VERDICT_PASS);
}

/* What `linnet estimate` foretells from stable's labels is what a canary shows: at that many
 * predictions and at none fewer. */
static void what_predictions_show_is_foretold(void **state)
{
	static const uint64_t more[2][2][3] = {{{3, 2, 0}, {57, 38, 0}}, {{0, 1, 0}, {11, 8, 0}}};

	for (int rarest = 0; rarest < 2; rarest++) {
		const double n = rarest ? 1 : 5, stable = rarest ? 19 : 95;
		struct judgement judgement;
		struct fold *fold;
		int looks = 1;

		fold = fold_anew(state);
		fold->analysis.predictions_max_distance = .15;
		fold->step.min_duration_ms = 0;
		predictions(fold, 1, more[rarest]);
		do {
			serve(&fold->replicas[0], 10, 0, 5);
			serve(&fold->replicas[1], 190, 0, 5);
			tick(fold);
			predict(fold, more[rarest]);
			looks++;
			judgement = judge(fold);
		} while (judgement.harm != VERDICT_FAIL && judgement.not_worse != VERDICT_PASS &&
		         looks < 300);
		assert_int_equal(judgement.harm == VERDICT_FAIL, rarest);
		assert_in_range(looks, 23, 299);
		assert_true(gate_labels_shown(&fold->evidence, &fold->analysis, looks * n,
		                              looks * stable, rarest, &fold->arena));
		assert_false(gate_labels_shown(&fold->evidence, &fold->analysis, (looks - 1) * n,
		                               (looks - 1) * stable, rarest, &fold->arena));
	}
}

/* A count that went back (a log that was lost), another step, a weight of nothing. */
static void predictions_count_for_both_arms_or_none(void **state)
{
	static const uint64_t more[2][3] = {{1, 2, 3}, {10, 20, 30}}, one[2][3] = {{1, 0, 0}, {0}};
	struct fold *fold = *state;
	const struct predicted *p;

	predictions(fold, 2, more);
	p = fold->evidence.predicted;
	assert_int_equal(fold->evidence.n_predicted, 3);
	assert_string_equal(p[2].label, "");
	assert_true(p[0].candidate == 2 && p[1].candidate == 4 && p[2].candidate == 6);
	assert_true(p[0].stable == 20 && p[1].stable == 40 && p[2].stable == 60);
	predict(fold, one); /* of one arm alone: dropped for both, also later */
	predict(fold, more);
	assert_int_equal(fold->evidence.predicted[0].candidate, 3);
	memset(fold->predicted, 0, sizeof(fold->predicted));
	predict(fold, more);
	assert_int_equal(fold->evidence.predicted[0].candidate, 3);
	predict(fold, more);
	assert_int_equal(fold->evidence.predicted[0].candidate, 4);
	fold->history.candidate_weight = 0;
	predict(fold, more);
	assert_int_equal(fold->evidence.predicted[0].candidate, 4);
	fold->history.candidate_weight = .25;
	fold->history.step = 1;
	fold->history.phase_since_ms = fold->now_ms;
	tick(fold);
	p = fold->evidence.predicted;
	assert_true(p[0].candidate == 4 && p[0].candidate_at_step == 0 && p[0].stable_at_step == 0);
	fold->history.candidate = digest_of("d", 1);
	tick(fold);
	assert_int_equal(fold->evidence.n_predicted, 0);
}

/* Batches of rows that resemble each other say less than as many rows by themselves. */
static void batches_of_predictions_count_less(void **state)
{
	static const uint64_t batches[2][2][3] = {{{20, 0, 0}, {50, 0, 0}}, {{0, 20, 0}, {0, 50, 0}}};
	static const uint64_t rows[2][3] = {{10, 10, 0}, {25, 25, 0}};
	struct fold *fold = *state;

	fold->analysis.predictions_max_distance = .25;
	for (int i = 0; i < 60; i++)
		predictions(fold, 1, i % 2 ? batches[i / 2 % 2] : batches[i % 3 % 2]);
	assert_int_equal(judge(fold).not_worse, VERDICT_INCONCLUSIVE);
	fold->evidence = (struct evidence){0};
	for (int i = 0; i < 60; i++)
		predictions(fold, 1, rows);
	assert_int_equal(judge(fold).not_worse, VERDICT_PASS);
}

/* ---- predicted numbers ---- */

/* How a version predicts: the average of two uniform numbers, stretched about their mean of a half,
 * and moved; a share of them is none. */
struct numbers {
	const char *name;
	double stretch, shift, none;
	double together; /* how far those of one look are one number: 0 to 1 */
	enum verdict_result harm, not_worse;
};

/* Rows of one arm into the log; its counts follow those of the other arm. */
static void log_numbers(const struct output_spec *output, const struct numbers *like,
                        struct logged_label *counts, int rows, struct random *random,
                        struct arena *arena)
{
	double common = (random_unit(random) + random_unit(random)) / 2;

	for (int i = 0; i < rows; i++) {
		double own = (random_unit(random) + random_unit(random)) / 2;
		double number = own + like->together * (common - own);
		bool none = random_unit(random) < like->none;
		const char *label, *text;
		uint64_t row = 0;
		int k = 0;

		for (int j = 0; j <= NUMBER_LABELS; j++)
			row += counts[j].rows;
		text = arena_printf(arena, "%.17g", .5 + like->stretch * (number - .5) + like->shift);
		label = output_label(output, none ? NULL : text, row, arena);
		while (strcmp(label, counts[k].label))
			k++;
		counts[k].rows++;
	}
}

/* Looks at 4 rows of the candidate and 40 of the stable revision each, judged after every one. */
static void predict_numbers(struct fold *fold, const struct numbers *candidate, int looks,
                            struct random *random, struct judgement *last)
{
	static const struct output_spec output = {.type = TENSOR_FP64, .min = 0, .max = 1};
	const struct numbers stable = {.stretch = 1, .together = candidate->together};
	struct strings labels = output_labels(&output, &fold->arena);
	struct logged_label counts[2][NUMBER_LABELS + 1];
	struct observed observed = {.labels = counts[0], .n_labels = 2 * (NUMBER_LABELS + 1)};

	for (int arm = 0; arm < 2; arm++)
		for (size_t k = 0; k <= labels.n; k++)
			counts[arm][k] = (struct logged_label){
				arm ? fold->history.stable : fold->history.candidate,
				k < labels.n ? labels.items[k] : "", 0};
	for (int i = 0; i < looks; i++) {
		serve(&fold->replicas[0], 40, 0, 5);
		serve(&fold->replicas[1], 400, 0, 5);
		tick(fold);
		log_numbers(&output, candidate, counts[0], 4, random, &fold->arena);
		log_numbers(&output, &stable, counts[1], 40, random, &fold->arena);
		gate_labels(&fold->evidence, &observed, &fold->history, &output, fold->now_ms,
		            &fold->arena);
		*last = gate_canary(&fold->evidence, &fold->analysis, &fold->step, fold->now_ms,
		                    &fold->arena);
		if (last->harm == VERDICT_FAIL)
			return;
	}
}

static void judgements_of_numbers(void **state)
{
	static const struct numbers cases[] = {
		{"alike", 1, 0, 0, 0, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"a little apart", 1.1, .02, 0, 0, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"at the bound", 1, .1, 0, 0, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"shifted", 1, .25, 0, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"beyond the range", 1, 7, 0, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"one number for everyone", 0, .3, 0, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"the mean for everyone", 0, 0, 0, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"no number in a third", 1, 0, .33, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"no number at all", 1, 0, 1, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"alike in batches", 1, 0, 0, 1, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct judgement judgement = {0};
		struct finding *findings;
		struct random random;
		struct fold *fold;
		size_t n;

		fold = fold_anew(state);
		random_init(&random, cases[i].name);
		fold->analysis.predictions_max_distance = .1;
		predict_numbers(fold, &cases[i], 600, &random, &judgement);
		if (judgement.harm != cases[i].harm || judgement.not_worse != cases[i].not_worse)
			fail_msg("%s: %s", cases[i].name, judgement.why);
		findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
		assert_true(n == 3 && findings[2].numbers && findings[2].label);
	}
}

/* Rows of one look move together: what counts as one row is nearly a look. */
static void numbers_that_move_together_count_less(void **state)
{
	static const double expected[2][2] = {{1, 3}, {3, 60}};

	for (int together = 0; together < 2; together++) {
		const struct numbers like = {.stretch = 1, .together = .75 * together};
		struct judgement judgement = {0};
		struct finding *findings;
		struct random random;
		struct fold *fold;
		size_t n;

		fold = fold_anew(state);
		random_init(&random, "together");
		fold->analysis.predictions_max_distance = .9;
		predict_numbers(fold, &like, 200, &random, &judgement);
		findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
		if (!(findings[2].phi >= expected[together][0] && findings[2].phi < expected[together][1]))
			fail_msg("%d: %g", together, findings[2].phi);
	}
}

/* At most 0.2 x falseRollback of healthy ones, however often one looks: one of 500. */
static void equal_numbers_are_seldom_harm(void **state)
{
	struct random random;
	int harmed = 0;

	random_init(&random, "equal");
	for (int run = 0; run < 200; run++) {
		const struct numbers alike = {.stretch = 1, .together = run % 3 / 2.0};
		struct judgement judgement = {0};
		struct fold *fold;

		fold = fold_anew(state);
		fold->analysis.predictions_max_distance = .01; /* nearly equality itself */
		predict_numbers(fold, &alike, 120, &random, &judgement);
		harmed += judgement.harm == VERDICT_FAIL;
	}
	assert_in_range(harmed, 0, 2);
}

static void other_numbers_are_a_sentence(void **state)
{
	const struct numbers mean = {.stretch = 0};
	struct judgement judgement = {0};
	struct random random;
	struct fold *fold = *state;

	random_init(&random, "sentence");
	fold->analysis.predictions_max_distance = .1;
	predict_numbers(fold, &mean, 600, &random, &judgement);
	assert_non_null(strstr(judgement.why, "predicts about 0.5 in 100 % of cases, the stable"
	                       " revision in "));
	assert_non_null(strstr(judgement.why, "%: numbers differ by "));
	assert_non_null(strstr(judgement.why, " % of their range ["));
	assert_non_null(strstr(judgement.why, "above 10 %: harm"));
}

/* Another range in the middle of a rollout: what was counted by the old one is counted no more. */
static void another_range_begins_anew(void **state)
{
	static const struct output_spec wider = {.type = TENSOR_FP64, .min = 0, .max = 2};
	const struct numbers alike = {.stretch = 1};
	struct judgement judgement = {0};
	struct fold *fold = *state;
	struct random random;
	struct logged_label labels[] = {{fold->history.candidate, "0.5", 40},
	                                {fold->history.stable, "0.6", 40}};
	struct observed observed = {.labels = labels, .n_labels = 2};

	random_init(&random, "range");
	predict_numbers(fold, &alike, 5, &random, &judgement);
	assert_true(fold->evidence.predicted_numbers && fold->evidence.predicted_ticks == 4);
	gate_labels(&fold->evidence, &observed, &fold->history, &wider, fold->now_ms, &fold->arena);
	assert_true(fold->evidence.predicted_ticks == 0);
	assert_string_equal(fold->evidence.predicted[10].label, "2");
	assert_int_equal(fold->evidence.predicted[NUMBER_LABELS].last_candidate, 40);
}

/* ---- evidence is a value ---- */

/* Two copies of evidence share its lists: folding one must leave what the other sees as it was. */
static void folding_a_copy_leaves_the_original(void **state)
{
	static const uint64_t more[2][3] = {{1, 2, 3}, {10, 20, 30}};
	struct metric_spec metric = {.name = "checkout", .max = .02};
	struct fold *fold = *state;
	struct evidence original;
	struct mark marks[2];
	struct predicted predicted[3];
	struct watched watched;

	predictions(fold, 5, more);
	gate_metric(&fold->evidence, &metric, .01, fold->now_ms, &fold->arena);
	original = fold->evidence;
	memcpy(marks, original.marks, sizeof(marks));
	memcpy(predicted, original.predicted, sizeof(predicted));
	watched = *original.watched;
	for (int step = 0; step < 3; step++) {
		fold->history.step = step;
		fold->history.phase_since_ms = fold->now_ms;
		predictions(fold, 5, more);
		gate_metric(&fold->evidence, &metric, .05, fold->now_ms, &fold->arena);
	}
	assert_true(fold->evidence.predicted != original.predicted);
	assert_memory_equal(original.marks, marks, sizeof(marks));
	assert_memory_equal(original.predicted, predicted, sizeof(predicted));
	assert_memory_equal(original.watched, &watched, sizeof(watched));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(judgements_of_predictions),
		case_of(other_labels_are_a_sentence_with_numbers),
		case_of(missing_predictions_are_counted),
		case_of(what_predictions_show_is_foretold),
		case_of(predictions_count_for_both_arms_or_none),
		case_of(batches_of_predictions_count_less),
		case_of(judgements_of_numbers),
		case_of(numbers_that_move_together_count_less),
		case_of(equal_numbers_are_seldom_harm),
		case_of(other_numbers_are_a_sentence),
		case_of(another_range_begins_anew),
		case_of(folding_a_copy_leaves_the_original),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
