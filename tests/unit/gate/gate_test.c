#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gate/canary_sim.h"
#include "gate/gate.h"

#define HOUR_MS INT64_C(3600000)
#define NOW_MS INT64_C(1782896400000)

static void quantiles_lie_in_their_bin(void **state)
{
	uint64_t bins[LATENCY_BINS] = {0};

	(void)state;
	assert_true(isnan(latency_quantile(bins, .5)));
	bins[latency_bin(5)] = 95;
	bins[latency_bin(100)] = 5;
	assert_true(latency_bin(latency_quantile(bins, .5)) == latency_bin(5));
	assert_true(latency_bin(latency_quantile(bins, .99)) == latency_bin(100));
	assert_true(isnan(latency_quantile(bins, NAN)));
	for (int i = 0; i < LATENCY_BINS; i++)
		assert_int_equal(latency_bin(latency_edge_ms(i)), i);
	assert_int_equal(latency_bin(NAN), 0);
	assert_int_equal(latency_bin(-1), 0);
	assert_int_equal(latency_bin(1e12), LATENCY_BINS - 1);
}

/* ---- folding ---- */

struct fold {
	struct arena arena;
	struct evidence evidence;
	struct deployment_status history;
	struct analysis_spec analysis;
	struct step_spec step;
	struct replica replicas[2]; /* candidate, stable */
	struct observed observed;
	uint64_t predicted[2][3]; /* logged so far: candidate, stable; Low, High, no class */
	int64_t now_ms;
};

static int setup(void **state)
{
	struct fold *fold = calloc(1, sizeof(*fold));

	arena_init(&fold->arena, (size_t)256 << 20);
	fold->history.candidate = digest_of("c", 1);
	fold->history.stable = digest_of("s", 1);
	fold->history.stable_weight = .95;
	fold->history.candidate_weight = .05;
	fold->history.phase_since_ms = NOW_MS;
	fold->analysis = (struct analysis_spec){
		.false_rollback = .01, .errors_max = .05, .errors_margin = .001, .latency_margin = .1,
		.predictions_max_distance = NAN, .no_data_deadline_ms = 1800000,
	};
	fold->step = (struct step_spec){.05, 100, 60000, 3, false};
	fold->replicas[0] =
		(struct replica){.revision = fold->history.candidate, .state = REPLICA_READY};
	fold->replicas[1] = (struct replica){.revision = fold->history.stable, .state = REPLICA_READY};
	fold->observed = (struct observed){.known = true, .replicas = fold->replicas, .n_replicas = 2};
	fold->now_ms = NOW_MS;
	*state = fold;
	return 0;
}

static int teardown(void **state)
{
	struct fold *fold = *state;

	arena_deinit(&fold->arena);
	free(fold);
	return 0;
}

/* Wilson's interval of 1 of 40: 0.4 % to 12.9 %. */
static void figures_have_an_interval_or_nothing(void **state)
{
	struct arm arm = {.requests = 40, .bad = 1};
	struct arm_figures figures = gate_figures(&arm);

	(void)state;
	assert_true(figures.requests == 40 && figures.bad == 1);
	assert_true(fabs(figures.share - 0.025) < 1e-12);
	assert_true(fabs(figures.low - 0.0044268) < 1e-6 && fabs(figures.high - 0.1288137) < 1e-6);
	assert_true(isnan(figures.p95_ms));
	arm.bad = 60; /* a dead replica's requests show as bad ones alone */
	assert_true(gate_figures(&arm).share == 1);
	figures = gate_figures(&(struct arm){0});
	assert_true(isnan(figures.share) && isnan(figures.low) && isnan(figures.high));
}

static void serve(struct replica *replica, uint64_t requests, uint64_t bad, double latency_ms)
{
	replica->counters.requests += requests;
	replica->counters.bad += bad;
	replica->counters.latency[latency_bin(latency_ms)] += requests;
}

static void tick(struct fold *fold)
{
	struct rollout_spec rollout = {.analysis = fold->analysis, .steps = &fold->step, .n_steps = 1};

	fold->now_ms += 1000;
	gate_fold(&fold->evidence, &fold->observed, &fold->history, &rollout, fold->now_ms,
	          &fold->arena);
}

/* The first look only takes marks; then `n` ticks of so many requests each. */
static void traffic(struct fold *fold, int n, uint64_t candidate, uint64_t candidate_bad,
                    uint64_t stable, uint64_t stable_bad)
{
	tick(fold);
	for (int i = 0; i < n; i++) {
		serve(&fold->replicas[0], candidate, candidate_bad, 5);
		serve(&fold->replicas[1], stable, stable_bad, 5);
		tick(fold);
	}
}

static struct judgement judge(struct fold *fold)
{
	return gate_canary(&fold->evidence, &fold->analysis, &fold->step, fold->now_ms, &fold->arena);
}

static void only_differences_of_both_arms_count(void **state)
{
	struct fold *fold = *state;

	serve(&fold->replicas[0], 500, 50, 5); /* before the rollout was looked at */
	traffic(fold, 3, 10, 1, 100, 0);
	assert_int_equal(fold->evidence.candidate.requests, 30);
	assert_int_equal(fold->evidence.candidate.bad, 3);
	assert_int_equal(fold->evidence.stable_arm.requests, 300);
	serve(&fold->replicas[0], 10, 0, 5); /* no stable requests: dropped for both */
	tick(fold);
	serve(&fold->replicas[1], 100, 0, 5); /* no candidate requests: dropped for both */
	tick(fold);
	assert_int_equal(fold->evidence.candidate.requests, 30);
	assert_int_equal(fold->evidence.stable_arm.requests, 300);
	assert_int_equal(fold->evidence.last_data_ms, fold->now_ms - 2000);
}

static void a_counter_that_went_back_drops_the_tick(void **state)
{
	struct fold *fold = *state;

	traffic(fold, 1, 10, 0, 100, 0);
	fold->replicas[0].counters = (struct counters){.requests = 5};
	serve(&fold->replicas[1], 100, 0, 5);
	tick(fold);
	assert_int_equal(fold->evidence.candidate.requests, 10);
	assert_int_equal(fold->evidence.stable_arm.requests, 100);
	fold->replicas[0].started_ms = fold->now_ms; /* another process in that slot */
	fold->replicas[0].counters = (struct counters){.requests = 50};
	serve(&fold->replicas[1], 100, 0, 5);
	tick(fold);
	assert_int_equal(fold->evidence.candidate.requests, 10);
}

static void warm_up_by_time_and_by_requests_does_not_count(void **state)
{
	struct fold *fold = *state;

	fold->analysis.warmup_ms = 5000;
	fold->analysis.warmup_requests = 50;
	fold->replicas[0].started_ms = fold->now_ms;
	traffic(fold, 3, 20, 0, 100, 0); /* 60 requests, but not five seconds */
	assert_int_equal(fold->evidence.candidate.requests, 0);
	serve(&fold->replicas[0], 20, 0, 5);
	serve(&fold->replicas[1], 100, 0, 5);
	tick(fold);
	assert_int_equal(fold->evidence.candidate.requests, 20);
	fold->replicas[0] = (struct replica){.revision = fold->history.candidate, .slot = 1,
	                                     .state = REPLICA_READY, .started_ms = NOW_MS - HOUR_MS};
	traffic(fold, 5, 10, 0, 100, 0); /* long started, but only 50 requests */
	assert_int_equal(fold->evidence.candidate.requests, 20);
	serve(&fold->replicas[0], 10, 0, 5);
	serve(&fold->replicas[1], 100, 0, 5);
	tick(fold);
	assert_int_equal(fold->evidence.candidate.requests, 30);
}

static void evidence_starts_anew_with_another_candidate_or_step(void **state)
{
	struct fold *fold = *state;

	traffic(fold, 3, 10, 1, 100, 0);
	fold->history.step = 1;
	fold->history.phase_since_ms = fold->now_ms + 1000;
	serve(&fold->replicas[0], 10, 1, 5);
	serve(&fold->replicas[1], 100, 0, 5);
	tick(fold);
	assert_int_equal(fold->evidence.at_step.requests, 10);
	assert_int_equal(fold->evidence.candidate.requests, 40);
	fold->history.phase_since_ms = fold->now_ms + 1000; /* the same step under another rollout */
	tick(fold);
	assert_int_equal(fold->evidence.at_step.requests, 0);
	fold->history.candidate = digest_of("d", 1);
	tick(fold);
	assert_int_equal(fold->evidence.candidate.requests, 0);
	assert_int_equal(fold->evidence.stable_arm.requests, 0);
	assert_true(fold->evidence.harm[EVENT_BAD][0] == 0);
}

static void below_the_margin_no_alternative_bets(void **state)
{
	struct fold *fold = *state;
	double before[ALTERNATIVES];

	traffic(fold, 5, 1000, 0, 100000, 0); /* almost no errors: a margin of tenfold */
	memcpy(before, fold->evidence.harm[EVENT_BAD], sizeof(before));
	serve(&fold->replicas[0], 1000, 1, 5);
	serve(&fold->replicas[1], 100000, 3, 5);
	tick(fold);
	for (int i = 0; i < ALTERNATIVES; i++) /* 1.25 to 10 at or below it, 30 and 100 above */
		assert_int_equal(fold->evidence.harm[EVENT_BAD][i] != before[i], i >= 6);
}

static void at_full_weight_the_candidate_counts_alone(void **state)
{
	struct fold *fold = *state;

	fold->history.stable_weight = 0;
	fold->history.candidate_weight = 1;
	traffic(fold, 3, 100, 0, 0, 0);
	assert_int_equal(fold->evidence.candidate.requests, 300);
}

/* ---- judging a canary ---- */

static void judgements_of_a_canary(void **state)
{
	static const struct {
		const char *name;
		uint64_t candidate, candidate_bad, stable, stable_bad; /* of each of 100 ticks */
		enum verdict_result harm, not_worse;
	} cases[] = {
		{"healthy", 10, 0, 190, 0, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"a tenth fails", 10, 1, 190, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"all fails", 10, 10, 190, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"a shared outage", 10, 5, 190, 95, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"better than stable", 10, 0, 190, 19, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"nothing", 0, 0, 190, 0, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"no stable requests", 10, 0, 0, 0, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"dead: bad events alone", 0, 2, 190, 0, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"huge", UINT64_C(1) << 50, 0, UINT64_C(1) << 55, 0, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"huge and bad", UINT64_C(1) << 50, UINT64_C(1) << 49, UINT64_C(1) << 55, 0, VERDICT_FAIL,
		 VERDICT_INCONCLUSIVE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fold *fold;
		struct judgement judgement;

		teardown(state);
		setup(state);
		fold = *state;
		traffic(fold, 100, cases[i].candidate, cases[i].candidate_bad, cases[i].stable,
		        cases[i].stable_bad);
		judgement = judge(fold);
		if (judgement.harm != cases[i].harm || judgement.not_worse != cases[i].not_worse)
			fail_msg("%s: %s", cases[i].name, judgement.why);
	}
}

static void a_hundred_requests_without_an_error_pass_five_percent(void **state)
{
	struct fold *fold = *state;
	struct judgement judgement;

	fold->step.min_duration_ms = 10000;
	traffic(fold, 10, 10, 0, 190, 0);
	judgement = judge(fold);
	assert_int_equal(judgement.not_worse, VERDICT_PASS);
	assert_string_equal(judgement.why, "errors 0 % [0, 3.7] against 0 % [0, 0.2] on 100 and 1,900 "
	                                   "requests: below 5 %");
}

static void minima_come_first(void **state)
{
	struct fold *fold = *state;

	traffic(fold, 50, 10, 0, 190, 0); /* 500 requests in 50 s */
	assert_int_equal(judge(fold).not_worse, VERDICT_INCONCLUSIVE);
	fold->now_ms += 15000;
	assert_int_equal(judge(fold).not_worse, VERDICT_PASS);
	fold->step.min_requests = 501;
	assert_int_equal(judge(fold).not_worse, VERDICT_INCONCLUSIVE);
}

static void harm_is_a_sentence_with_numbers(void **state)
{
	struct fold *fold = *state;

	traffic(fold, 81, 10, 1, 190, 0);
	assert_string_equal(judge(fold).why, "errors 10 % [8.1, 12] against 0 % [0, 0.025] on 810 and "
	                                     "15,390 requests: harm");
}

static void all_that_fails_is_a_hundred_percent(void **state)
{
	struct fold *fold = *state;

	traffic(fold, 100, 10, 10, 190, 0);
	assert_non_null(strstr(judge(fold).why, "errors 100 % [100, 100] against"));
	assert_null(strstr(judge(fold).why, "e+"));
}

static void nine_straight_failures_roll_back_in_warm_up(void **state)
{
	struct fold *fold = *state;

	fold->analysis.warmup_ms = 90000;
	fold->analysis.warmup_requests = 50;
	fold->replicas[0].started_ms = fold->now_ms;
	traffic(fold, 8, 1, 1, 190, 0);
	assert_int_equal(judge(fold).harm, VERDICT_INCONCLUSIVE);
	serve(&fold->replicas[0], 1, 1, 5);
	tick(fold);
	assert_int_equal(judge(fold).harm, VERDICT_FAIL);
	assert_string_equal(judge(fold).why, "9 of the first 9 requests failed: harm");
}

static void a_slower_candidate_is_harm_beyond_the_margin(void **state)
{
	/* so many of ten requests, and one in 40 more, take `ms`; the others as long as stable's */
	static const struct { double ms; uint64_t slow; enum verdict_result harm; } cases[] = {
		{5, 10, VERDICT_INCONCLUSIVE}, {5.4, 10, VERDICT_INCONCLUSIVE}, {10, 10, VERDICT_FAIL},
		{1000, 2, VERDICT_FAIL},       {1000, 0, VERDICT_FAIL},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fold *fold;

		teardown(state);
		setup(state);
		fold = *state;
		tick(fold);
		for (int j = 0; j < 300; j++) { /* of which each counts as one request: phi is unknown */
			serve(&fold->replicas[0], 10 - cases[i].slow, 0, 5);
			serve(&fold->replicas[0], cases[i].slow + (j % 4 == 0), 0, cases[i].ms);
			serve(&fold->replicas[1], 190, 0, 5);
			tick(fold);
		}
		assert_int_equal(judge(fold).harm, cases[i].harm);
	}
}

static void no_data_is_said_after_its_deadline(void **state)
{
	struct fold *fold = *state;

	traffic(fold, 3, 10, 0, 190, 0);
	fold->now_ms += fold->analysis.no_data_deadline_ms;
	assert_null(judge(fold).no_data);
	fold->now_ms++;
	assert_string_equal(judge(fold).no_data, "requests on both arms");
	assert_int_equal(judge(fold).harm, VERDICT_INCONCLUSIVE);
}

static void numbers_that_are_none_never_pass(void **state)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -1, 2};

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct fold *fold = *state;

		fold->analysis.errors_max = fold->analysis.false_rollback = odd[i];
		fold->step.max_error_ratio = NAN;
		fold->analysis.latency_margin = odd[i];
		traffic(fold, 100, 10, 3, 190, 0);
		assert_int_equal(judge(fold).not_worse, VERDICT_INCONCLUSIVE);
		assert_non_null(judge(fold).why);
	}
}

/* No e-value of a step is larger than its requests can make it. */
static void what_the_counts_cannot_show_is_not_shown(void **state)
{
	struct fold *fold = *state;
	struct evidence sound;

	traffic(fold, 100, 10, 0, 190, 1);
	assert_int_equal(judge(fold).not_worse, VERDICT_PASS);
	sound = fold->evidence;
	for (int i = 0; i < 4; i++) {
		fold->evidence = sound;
		if (i == 0)
			fold->evidence.below_level[6] = 1e6;
		else if (i == 1)
			fold->evidence.below_ratio[5] = 1e6;
		else if (i == 2)
			fold->evidence.at_step.requests = UINT64_C(1) << 60;
		else
			fold->evidence.candidate = (struct arm){0};
		assert_int_equal(judge(fold).not_worse, VERDICT_INCONCLUSIVE);
	}
}

/* Whatever the evidence holds, the gate answers, and what is no number is never a step up. */
static void evidence_that_is_no_number_never_passes(void **state)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, -1e308, 1e308, -1};
	struct fold *fold = *state;
	struct evidence sound;

	traffic(fold, 100, 10, 0, 190, 0);
	assert_int_equal(judge(fold).not_worse, VERDICT_PASS);
	sound = fold->evidence;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		double *places[] = {&fold->evidence.harm[EVENT_BAD][3], &fold->evidence.harm[4][2],
		                    fold->evidence.below_level, fold->evidence.phi, fold->evidence.edges};

		for (size_t j = 0; j < ARRAY_LEN(places); j++) {
			struct judgement judgement;
			size_t n;

			fold->evidence = sound;
			*places[j] = odd[i];
			judgement = judge(fold);
			assert_non_null(judgement.why);
			assert_true(j > 2 || !isnan(odd[i]) || judgement.not_worse != VERDICT_PASS);
			assert_int_equal(gate_findings(&fold->evidence, &fold->analysis, &fold->arena,
			                               &n)[0].metric[0], 'e');
			tick(fold);
			judge(fold);
		}
	}
}

static void findings_say_what_was_shown_and_what_is_missing(void **state)
{
	struct fold *fold = *state;
	struct finding *findings;
	size_t n;

	traffic(fold, 5, 10, 0, 190, 0);
	findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
	assert_int_equal(n, 2);
	assert_string_equal(findings[0].metric, "errors");
	assert_string_equal(findings[1].metric, "latency");
	assert_int_equal(findings[0].result, VERDICT_INCONCLUSIVE);
	assert_true(findings[0].n_candidate == 50 && findings[0].bad_candidate == 0);
	assert_true(findings[0].harm_ln <= 0 && findings[0].phi == 1.3);
	assert_true(findings[0].missing > 20 && findings[0].missing < 100);
	traffic(fold, (int)findings[0].missing, 1, 0, 190, 0);
	findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
	assert_int_equal(findings[0].result, VERDICT_PASS);
	assert_true(findings[0].missing == 0);
	traffic(fold, 50, 10, 5, 190, 0);
	findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
	assert_int_equal(findings[0].result, VERDICT_FAIL);
	assert_true(findings[0].harm_ln >= findings[0].harm_at);
}

/* ---- metrics from elsewhere ---- */

static void answers_of_a_metric(void **state)
{
	static const struct {
		const char *name;
		double answers[4];
		enum verdict_result harm, not_worse;
	} cases[] = {
		{"below", {.01, .01, .01, .01}, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"none", {NAN, NAN, NAN, NAN}, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"infinite", {INFINITY, INFINITY, INFINITY, INFINITY}, VERDICT_INCONCLUSIVE,
		 VERDICT_INCONCLUSIVE},
		{"above three times", {.01, .03, .03, .03}, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"above, a gap between", {.03, .03, NAN, .03}, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"above twice", {.03, .03, .01, .03}, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"last one above, then none", {.01, .01, .03, NAN}, VERDICT_INCONCLUSIVE,
		 VERDICT_INCONCLUSIVE},
		{"below, long ago", {.01, NAN, NAN, NAN}, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct metric_spec metric = {.name = "checkout", .max = .02};
		struct judgement judgement;
		struct finding *findings;
		struct fold *fold;
		size_t n;

		teardown(state);
		setup(state);
		fold = *state;
		fold->analysis.metrics = &metric;
		fold->analysis.n_metrics = 1;
		traffic(fold, 100, 10, 0, 190, 0);
		assert_int_equal(judge(fold).not_worse, VERDICT_INCONCLUSIVE);
		for (int j = 0; j < 4; j++) {
			assert_true(gate_metric_due(&fold->evidence, "checkout", fold->now_ms, 40000));
			gate_metric(&fold->evidence, &metric, cases[i].answers[j], fold->now_ms,
			            &fold->arena);
			assert_false(gate_metric_due(&fold->evidence, "checkout", fold->now_ms, 40000));
			fold->now_ms += 40000;
		}
		judgement = judge(fold);
		if (judgement.harm != cases[i].harm || judgement.not_worse != cases[i].not_worse)
			fail_msg("%s: %s", cases[i].name, judgement.why);
		findings = gate_findings(&fold->evidence, &fold->analysis, &fold->arena, &n);
		assert_int_equal(n, 3);
		assert_string_equal(findings[2].metric, "checkout");
	}
}

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

		teardown(state);
		setup(state);
		fold = *state;
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

		teardown(state);
		setup(state);
		fold = *state;
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

		teardown(state);
		setup(state);
		fold = *state;
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

		teardown(state);
		setup(state);
		fold = *state;
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

		teardown(state);
		setup(state);
		fold = *state;
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

/* ---- on its own ---- */

static void judgements_of_a_revision_alone(void **state)
{
	static const struct {
		const char *name;
		uint64_t requests, bad;
		struct arm reference;
		enum verdict_result harm, not_worse;
	} cases[] = {
		{"healthy", 10, 0, {0}, VERDICT_INCONCLUSIVE, VERDICT_PASS},
		{"above the level", 10, 2, {0}, VERDICT_FAIL, VERDICT_INCONCLUSIVE},
		{"nothing", 0, 0, {0}, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE},
		{"below the level, far above its predecessor", 100, 3, {100000, 10, {0}}, VERDICT_FAIL,
		 VERDICT_INCONCLUSIVE},
		{"as its predecessor, above the level", 10, 1, {10000, 1000, {0}}, VERDICT_INCONCLUSIVE,
		 VERDICT_INCONCLUSIVE},
		{"a predecessor with hardly a request", 100, 3, {10, 0, {0}}, VERDICT_INCONCLUSIVE,
		 VERDICT_PASS},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fold *fold;
		struct judgement judgement;

		teardown(state);
		setup(state);
		fold = *state;
		fold->history.stable_weight = 0;
		traffic(fold, 100, cases[i].requests, cases[i].bad, 0, 0);
		judgement = gate_alone(&fold->evidence, &cases[i].reference, &fold->analysis, fold->now_ms,
		                       &fold->arena);
		if (judgement.harm != cases[i].harm || judgement.not_worse != cases[i].not_worse)
			fail_msg("%s: %s", cases[i].name, judgement.why);
	}
}

/* ---- how often it is wrong: a small version of hack/bench canary ---- */

struct outcome {
	int rolled_back, passed, latency;
	double requests; /* of those rolled back */
};

static struct outcome canaries(const struct scenario *scenario, double rate, int ticks, int runs)
{
	static struct sim sim;
	struct step_spec step = {.05, 500, 0, 3, false};
	struct sim_config config = {.rate = rate, .ticks = ticks, .tick_s = 6,
	                            .rollout = {.analysis = sim_analysis(), .steps = &step,
	                                        .n_steps = 1}};
	struct outcome outcome = {0};

	memset(&sim, 0, sizeof(sim));
	arena_init(&sim.arena, (size_t)64 << 20);
	sim_latencies(&sim, .5);
	for (int i = 0; i < runs; i++) {
		char seed[32];
		struct sim_result result;

		snprintf(seed, sizeof(seed), "%s %d", scenario->name, i);
		result = sim_run(&sim, scenario, &config, seed, true);
		outcome.passed += result.passed;
		outcome.latency += result.blamed_latency;
		if (isnan(result.gate))
			continue;
		outcome.rolled_back++;
		outcome.requests += result.gate;
	}
	arena_deinit(&sim.arena);
	return outcome;
}

static void healthy_canaries_are_hardly_ever_rolled_back(void **state)
{
	static const struct scenario scenarios[] = {
		{"healthy", .005, .bad_candidate = .005},
		{"bursts", .005, .bad_candidate = .005, .burst = 5},
		{"bursts, one stable replica", .005, .bad_candidate = .005, .burst = 5, .stable = 1},
		{"a shared outage", .005, .bad_candidate = .005, .outage = .5},
		{"a cold start", .005, .bad_candidate = .005, .cold = .3},
		{"a daily rhythm", .005, .bad_candidate = .005, .daily = true},
		{"counter resets", .005, .bad_candidate = .005, .reset = .02},
		{"lost looks", .005, .bad_candidate = .005, .lost = .1},
		{"weight drift", .005, .bad_candidate = .005, .drift = true},
		{"5 % slower", .005, .bad_candidate = .005, .slower = 1.05},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		struct outcome outcome = canaries(&scenarios[i], 30, 300, 100);

		if (outcome.rolled_back > 1)
			fail_msg("%s: %d of 100 rolled back", scenarios[i].name, outcome.rolled_back);
		if (!(scenarios[i].burst > 0) && outcome.passed < 80)
			fail_msg("%s: only %d of 100 stepped up", scenarios[i].name, outcome.passed);
	}
}

/* Answers of one replica are slow together, for seconds: over-dispersion is known from before the
 * rollout, also where its edges are others than those of the stable revision's first requests. */
static void slow_spells_are_no_harm(void **state)
{
	const struct scenario scenario = {"slow spells", .005, .bad_candidate = .005, .jitter = 2,
	                                  .memory_s = 10};

	(void)state;
	assert_true(canaries(&scenario, 500, 50, 100).rolled_back <= 1);
}

static void bad_canaries_are_rolled_back_soon(void **state)
{
	static const struct {
		struct scenario scenario;
		double requests;
	} cases[] = {
		{{"errors", .005, .bad_candidate = .05}, 350},
		{{"errors, one stable replica", .005, .bad_candidate = .05, .stable = 1}, 400},
		{{"latency", .005, .bad_candidate = .005, .slower = 1.25}, 520},
		{{"latency doubled", .005, .bad_candidate = .005, .slower = 2}, 120},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct outcome outcome = canaries(&cases[i].scenario, 100, 300, 50);

		if (outcome.rolled_back < 50 || outcome.requests / 50 > cases[i].requests)
			fail_msg("%s: %d of 50 after %g requests", cases[i].scenario.name,
			         outcome.rolled_back, outcome.requests / 50);
		assert_int_equal(outcome.latency, cases[i].scenario.slower > 1 ? 50 : 0);
	}
}

static void one_over_its_bounds_hardly_ever_steps_up(void **state)
{
	const struct scenario scenario = {"over both bounds", .01, .bad_candidate = .0301};

	(void)state;
	assert_true(canaries(&scenario, 100, 100, 100).passed <= 5);
}

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

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
		cmocka_unit_test(figures_have_an_interval_or_nothing),
		cmocka_unit_test(quantiles_lie_in_their_bin),
		case_of(only_differences_of_both_arms_count),
		case_of(a_counter_that_went_back_drops_the_tick),
		case_of(warm_up_by_time_and_by_requests_does_not_count),
		case_of(evidence_starts_anew_with_another_candidate_or_step),
		case_of(below_the_margin_no_alternative_bets),
		case_of(at_full_weight_the_candidate_counts_alone),
		case_of(judgements_of_a_canary),
		case_of(a_hundred_requests_without_an_error_pass_five_percent),
		case_of(minima_come_first),
		case_of(harm_is_a_sentence_with_numbers),
		case_of(all_that_fails_is_a_hundred_percent),
		case_of(nine_straight_failures_roll_back_in_warm_up),
		case_of(a_slower_candidate_is_harm_beyond_the_margin),
		case_of(no_data_is_said_after_its_deadline),
		case_of(numbers_that_are_none_never_pass),
		case_of(what_the_counts_cannot_show_is_not_shown),
		case_of(evidence_that_is_no_number_never_passes),
		case_of(findings_say_what_was_shown_and_what_is_missing),
		case_of(answers_of_a_metric),
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
		case_of(judgements_of_a_revision_alone),
		cmocka_unit_test(healthy_canaries_are_hardly_ever_rolled_back),
		cmocka_unit_test(slow_spells_are_no_harm),
		cmocka_unit_test(bad_canaries_are_rolled_back_soon),
		cmocka_unit_test(one_over_its_bounds_hardly_ever_steps_up),
		case_of(admission_follows_our_own_newest_verdict),
		case_of(a_looser_gate_is_told_from_a_stricter_one),
		case_of(several_loosenings_are_all_said),
		case_of(what_a_stricter_gate_refused_is_known),
		case_of(what_is_declared_has_to_be_tested_first),
		case_of(the_gate_digest_is_of_all_that_is_required),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
