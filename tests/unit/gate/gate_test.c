#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gate/canary_sim.h"
#include "gate/fold.h"

#define HOUR_MS INT64_C(3600000)

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

		fold = fold_anew(state);
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

		fold = fold_anew(state);
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

		fold = fold_anew(state);
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

		fold = fold_anew(state);
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
		case_of(judgements_of_a_revision_alone),
		cmocka_unit_test(healthy_canaries_are_hardly_ever_rolled_back),
		cmocka_unit_test(slow_spells_are_no_harm),
		cmocka_unit_test(bad_canaries_are_rolled_back_soon),
		cmocka_unit_test(one_over_its_bounds_hardly_ever_steps_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
