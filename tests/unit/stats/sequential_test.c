#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stats/confidence.h"
#include "stats/order.h"
#include "stats/random.h"
#include "stats/sequential.h"

static void about(double actual, double expected, double absolute)
{
	if (isnan(expected) ? !isnan(actual)
	                    : actual != expected && !(fabs(actual - expected) <= absolute))
		fail_msg("should be %.15g, is %.15g", expected, actual);
}

/* ---- grids and borders ---- */

static void grids(void **state)
{
	static const struct {
		enum e_kind kind;
		double null;
		size_t n;
		double first, last;
	} cases[] = {
		{E_RATIO_HARM, 1, 8, 1.25, 100},
		{E_RATIO_HARM, 1.5, 6, 2, 100},
		{E_RATIO_HARM, 10, 2, 30, 100},
		{E_RATIO_HARM, 100, 0, 0, 0},
		{E_RATIO_HARM, 0, 0, 0, 0},
		{E_RATIO_HARM, NAN, 0, 0, 0},
		{E_RATIO_NOT_WORSE, 3, 6, 2.7, 0.6},
		{E_RATIO_SLOWER, 1, 7, 1.1, 10},
		{E_LEVEL_HARM, 0.01, 7, 0.0125, 0.3},
		{E_LEVEL_HARM, 0.5, 3, 0.625, 1},
		{E_LEVEL_HARM, 1, 0, 0, 0},
		{E_LEVEL_HARM, -1, 0, 0, 0},
		{E_LEVEL_NOT_WORSE, 0.01, 7, 0.009, 0},
		{E_LEVEL_NOT_WORSE, 1, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct e_process e;

		e_begin(&e, cases[i].kind, cases[i].null);
		assert_int_equal(e.n, cases[i].n);
		about(e_ln(&e), 0, 0);
		if (e.n > 0) {
			about(e.alternative[0], cases[i].first, 1e-12);
			about(e.alternative[e.n - 1], cases[i].last, 1e-12);
		}
	}
}

/* A tick without an arm, or that makes no sense, changes nothing. */
static void no_data_is_no_evidence(void **state)
{
	static const struct tick ticks[] = {
		{0, 0, 100, 3},   {5, 1, 0, 0},   {5, 6, 100, 3},      {5, -1, 100, 3}, {5, 1, 100, 101},
		{NAN, 1, 100, 3}, {5, NAN, 9, 1}, {INFINITY, 1, 9, 1}, {-5, -5, 9, 1},  {0, 0, 0, 0},
	};
	static const double levels[][2] = {{0, 0}, {5, 6}, {5, -1}, {NAN, 1}, {5, NAN}, {INFINITY, 5}};

	(void)state;
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
		struct e_process e, before;
		struct ratio_history history = {0}, empty = {0};

		e_begin(&e, E_RATIO_HARM, 1);
		before = e;
		ratio_update(&e, &ticks[i], 1);
		ratio_update_exact(&e, &ticks[i], 1);
		ratio_history_add(&history, &ticks[i], 1);
		assert_memory_equal(&e, &before, sizeof(e));
		assert_memory_equal(&history, &empty, sizeof(history));
	}
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct e_process e;

		e_begin(&e, E_LEVEL_HARM, 0.01);
		level_update(&e, levels[i][0], levels[i][1], 1);
		about(e_ln(&e), 0, 0);
	}
	assert_true(tick_counts(&(struct tick){5, 5, 9, 9}) && tick_counts(&(struct tick){5, 0, 9, 0}));
	about(ratio_interval(&(struct ratio_history){0}, 0.05).low, 0, 0);
	about(ratio_interval(&(struct ratio_history){0}, 0.05).high, INFINITY, 0);
}

/* The warm-up test: nine straight failures roll back, eight do not; one success ends p = 1 for
 * good, and the value stays finite. */
static void nine_straight_failures(void **state)
{
	struct e_process e;

	(void)state;
	e_begin(&e, E_LEVEL_HARM, 0.5);
	for (int i = 0; i < 8; i++)
		level_update(&e, 1, 1, 1);
	assert_true(e_ln(&e) < log(100));
	level_update(&e, 1, 1, 1);
	assert_true(e_ln(&e) >= log(100));
	level_update(&e, 1, 0, 1);
	assert_true(isfinite(e.ln[2]) && e.ln[2] < -1e8);
	assert_true(e_ln(&e) < log(100));
}

/* Without a single error: about 430 requests for 1 %, 860 for half a percent. */
static void quiet_candidates_advance(void **state)
{
	static const struct {
		double max, requests;
	} cases[] = {{0.01, 430}, {0.005, 860}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct e_process e;
		double n = 0;

		e_begin(&e, E_LEVEL_NOT_WORSE, cases[i].max);
		for (; e_ln(&e) < log(20) && n < 1e5; n++)
			level_update(&e, 1, 0, 1);
		about(n, cases[i].requests, 0.02 * cases[i].requests);
	}
}

/* The factor over all outcomes of one tick has mean 1 under the null, exactly so for any margin. */
static void exact_factor_is_fair(void **state)
{
	const double margins[] = {1, 1.5, 3};

	(void)state;
	for (size_t m = 0; m < 3; m++) {
		const double n_c = 7, n_s = 12, bad = 6;
		double norm = hypergeometric_lnmgf(7, 12, 6, margins[m]), mean = 0;

		for (int x = 0; x <= 6; x++) {
			struct tick tick = {n_c, x, n_s, bad - x};
			struct e_process e;

			e_begin(&e, E_RATIO_HARM, margins[m]);
			ratio_update_exact(&e, &tick, 1);
			mean += exp(hypergeometric_lnpmf(x, 7, 12, 6) + x * log(margins[m]) - norm + e_ln(&e));
		}
		about(mean, 1, 1e-9);
	}
}

static void margins(void **state)
{
	(void)state;
	about(practical_margin(1, 0.001, 50, 9999), 1 + 0.001 * 10000 / 50.5, 1e-12);
	about(practical_margin(1.5, 0.001, 5000, 9999), 1.5, 0);
	about(practical_margin(1, 0.001, 0, 0), 1.002, 1e-12);
	about(practical_margin(1, 0.001, 0, 1e6), 10, 0);
	about(practical_margin(20, 0.001, 0, 1e6), 20, 0);
}

static void dispersions(void **state)
{
	const double quiet[4] = {0, 0, 0, 0}, even[4] = {1, 1, 2, 2}, bad[4] = {4, 0, 0, 4};
	const double requests[4] = {10, 0, 10, 30};

	(void)state;
	about(dispersion(quiet, NULL, 2, 2), NAN, 0);
	about(dispersion(even, NULL, 2, 2), 0, 0);
	about(dispersion(bad, NULL, 2, 2), 4, 1e-12);
	about(dispersion(bad, NULL, 4, 1), NAN, 0);
	about(dispersion(bad, requests, 2, 2), 4.0 / 3, 1e-12); /* (1 + 1/3) over one degree */
	about(dispersion_factor(NAN), 1.3, 0);
	about(dispersion_factor(0.5), 1, 0);
	about(dispersion_factor(2), 2.6, 1e-12);
}

/* ---- behaviour ---- */

static struct tick draw_tick(struct random *random, uint64_t n_c, double p_c, uint64_t n_s,
                             double p_s)
{
	return (struct tick){(double)n_c, (double)random_binomial(random, n_c, p_c), (double)n_s,
	                     (double)random_binomial(random, n_s, p_s)};
}

/* Healthy canaries of 10,000 requests a tick for an hour, with an outage that both arms share. */
static void healthy_are_left_alone(void **state)
{
	enum { RUNS = 2000, TICKS = 120 };
	int harmed = 0, missed = 0;
	struct random random;

	(void)state;
	random_init(&random, "healthy");
	for (int run = 0; run < RUNS; run++) {
		struct e_process e;
		struct ratio_history history = {0};
		double most = 0;

		e_begin(&e, E_RATIO_HARM, 1);
		for (int t = 0; t < TICKS; t++) {
			double p = t > 60 && t < 70 ? 0.2 : 0.005;
			uint64_t n_c = t < 40 ? 15 : 75;
			struct tick tick = draw_tick(&random, n_c, p, 300 - n_c, p);

			ratio_update(&e, &tick, 1);
			ratio_history_add(&history, &tick, 1);
			most = fmax(most, e_ln(&e));
		}
		harmed += most >= log(100);
		missed += ratio_interval(&history, 0.05).low > 1 || ratio_interval(&history, 0.05).high < 1;
	}
	assert_in_range(harmed, 0, RUNS / 100);
	assert_in_range(missed, 0, RUNS / 20);
}

/* Canary requests until roll-back at a 5 % canary, in half of the runs: about 92 at 5 % errors, 460
 * at 2 %. */
static void harmful_are_stopped(void **state)
{
	static const struct {
		double p, requests;
	} cases[] = {{0.05, 92}, {0.02, 460}};
	enum { RUNS = 400 };
	struct random random;

	(void)state;
	random_init(&random, "harmful");
	for (size_t i = 0; i < 2; i++) {
		double needed[RUNS];

		for (int run = 0; run < RUNS; run++) {
			struct e_process e;
			double n = 0;

			for (e_begin(&e, E_RATIO_HARM, 1); e_ln(&e) < log(100) && n < 1e5; n++) {
				struct tick tick = draw_tick(&random, 1, cases[i].p, 19, 0.005);

				ratio_update(&e, &tick, 1);
			}
			needed[run] = n;
		}
		sort_ascending(needed, RUNS);
		about(sorted_quantile(needed, RUNS, 0.5), cases[i].requests, 0.1 * cases[i].requests);
	}
}

/* Merging ticks of nearly equal shares moves the interval by next to nothing, and never more than
 * the table holds. */
static void history_is_bounded(void **state)
{
	struct ratio_history history = {0}, once = {0};
	struct random random;
	struct tick all = {0, 0, 0, 0};

	(void)state;
	random_init(&random, "history");
	for (int i = 0; i < 5000; i++) {
		uint64_t n_c = 40 + random_below(&random, 21);
		struct tick tick = draw_tick(&random, n_c, 0.01, 1000 - n_c, 0.005);

		ratio_history_add(&history, &tick, 1);
		all = (struct tick){all.n_c + tick.n_c, all.x_c + tick.x_c, all.n_s + tick.n_s,
		                    all.x_s + tick.x_s};
	}
	ratio_history_add(&once, &all, 1);
	assert_in_range(history.n, 2, RATIO_SHARES_MAX);
	about(ratio_interval(&history, 0.05).low / ratio_interval(&once, 0.05).low, 1, 0.02);
	about(ratio_interval(&history, 0.05).high / ratio_interval(&once, 0.05).high, 1, 0.02);
	for (int i = 0; i < 2000; i++) {
		uint64_t n_c = 1 + random_below(&random, 999);
		struct tick tick = draw_tick(&random, n_c, 0.01, 1000 - n_c, 0.005);

		ratio_history_add(&history, &tick, 1);
	}
	assert_int_equal(history.n, RATIO_SHARES_MAX);
}

/* ---- latency ---- */

enum { BINS = 96 };

static void observe(struct random *random, uint64_t bins[BINS], int n, double shift)
{
	memset(bins, 0, BINS * sizeof(bins[0]));
	for (int i = 0; i < n; i++) {
		double bin = 40 + shift + 8 * normal_quantile(random_unit(random) * 0.999 + 0.0005);

		bins[(size_t)fmin(BINS - 1, fmax(0, bin))]++;
	}
}

/* One bin is 9 %. A canary 30 % slower is seen, an equal one is not; with a tolerance of three bins
 * the slower one is not either. */
static void latency(void **state)
{
	static const struct {
		double slower_bins;
		size_t shift;
		bool seen;
	} cases[] = {{0, 0, false}, {3, 0, true}, {3, 3, false}, {8, 3, true}};
	uint64_t stable[BINS], candidate[BINS];
	struct random random;

	(void)state;
	random_init(&random, "latency");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct latency_test test;
		double mean = 0;

		observe(&random, stable, 10000, 0);
		latency_begin(&test, stable, BINS);
		assert_int_equal(test.n, LATENCY_EDGES);
		assert_in_range(test.edge[0], 39, 41);
		for (int t = 0; t < 40; t++) {
			observe(&random, candidate, 50, cases[i].slower_bins);
			observe(&random, stable, 950, 0);
			latency_update(&test, candidate, stable, BINS, cases[i].shift, 1);
		}
		assert_int_equal(latency_ln(&test) >= log(100), cases[i].seen);
		for (size_t k = 0; k < LATENCY_EDGES; k++)
			mean += exp(e_ln(&test.at[k])) * (k ? .1 : .6);
		about(latency_ln(&test), log(mean), 1e-9);
	}
}

/* By hand, for one tick and the first alternative, 1.1: no bet where nothing is beyond the p50, and
 * none above the inverse of the candidate's share. */
static void a_shift_bets_on_normal_scores(void **state)
{
	static const double scores[] = {0, 1.1225473917, 1.7464061658, 2.2451383919, 2.7099720151,
	                                3.4630987811}; /* by scipy.stats.norm */
	struct slow_tick tick = {5, 95, {4, 3, 2, 1, 1}, {45, 20, 8, 4, 1}};
	const double candidate[] = {1, 1, 1, 1, 0, 1}, all[] = {51, 26, 13, 5, 3, 2};
	double bets = 0, sum = 0, capped = 0;
	struct e_process e;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		bets += candidate[i] * scores[i] * log(1.1);
		sum += all[i] * pow(1.1, scores[i]);
		capped += all[i] * fmin(pow(10, scores[i]), 20);
	}
	e_begin(&e, E_RATIO_SLOWER, 1);
	shift_update(&e, &tick, 2);
	about(e.ln[0], (bets - 5 * log(sum / 100)) / 2, 1e-9);
	bets = scores[1] * log(10) + 3 * log(20);
	about(e.ln[6], (bets - 5 * log(capped / 100)) / 2, 1e-9);
	about(shift_scores(tick.s), 25 * scores[1] + 12 * scores[2] + 4 * scores[3] + 3 * scores[4] +
	      scores[5], 1e-9);
	e_begin(&e, E_RATIO_SLOWER, 1);
	tick.c[2] = 4; /* more than at the edge before */
	shift_update(&e, &tick, 1);
	tick = (struct slow_tick){5, 95, {0}, {0}};
	shift_update(&e, &tick, 1);
	tick.n_c = 0;
	tick.s[0] = 1;
	shift_update(&e, &tick, 1);
	about(e_ln(&e), 0, 0);
}

/* Ten requests a tick out of a hundred, equal or faster by a half: over all ways that it can come
 * the factor is 1 on average at most. */
static void a_shift_bets_fairly(void **state)
{
	static const double p[] = {.5, .25, .1, .05, .01};
	struct random random;

	(void)state;
	random_init(&random, "a fair shift");
	for (int faster = 0; faster < 2; faster++) {
		double mean[E_ALTERNATIVES_MAX] = {0};

		for (int run = 0; run < 20000; run++) {
			struct slow_tick tick = {.n_c = 10, .n_s = 90};
			struct e_process e;

			for (int i = 0; i < 100; i++) {
				double u = random_unit(&random) * (i < 10 && faster ? 2 : 1);

				for (int k = 0; k < LATENCY_EDGES; k++)
					*(i < 10 ? &tick.c[k] : &tick.s[k]) += u < p[k];
			}
			e_begin(&e, E_RATIO_SLOWER, 1);
			shift_update(&e, &tick, 1);
			for (size_t j = 0; j < e.n; j++)
				mean[j] += exp(e.ln[j]) / 20000;
		}
		for (size_t j = 0; j < e_grid(E_RATIO_SLOWER); j++)
			assert_true(mean[j] < (faster ? 1 : 1.05));
	}
}

static void latency_of_nothing(void **state)
{
	uint64_t none[BINS] = {0}, last[BINS] = {[BINS - 1] = 5};
	struct latency_test test;

	(void)state;
	latency_begin(&test, none, BINS);
	assert_int_equal(test.n, 0);
	about(latency_ln(&test), 0, 0);
	latency_begin(&test, last, BINS);
	latency_update(&test, last, last, BINS, 200, 1);
	latency_update(&test, none, last, BINS, 0, 1);
	assert_true(latency_ln(&test) <= 0);
}

/* ---- several metrics ---- */

static void combinations(void **state)
{
	const double ln_e[4] = {log(30), -INFINITY, 800, log(2)}, weights[4] = {0.6, 0.4, 0, 0};
	bool rejected[4];

	(void)state;
	about(e_mean_ln(ln_e, weights, 4), log(18), 1e-12);
	about(e_mean_ln(ln_e, weights, 0), -INFINITY, 0);
	assert_int_equal(e_bh(ln_e, 0, 0.05, rejected), 0);
	assert_int_equal(e_bh(ln_e, 4, 0.05, rejected), 1);
	assert_true(rejected[2] && !rejected[0] && !rejected[1] && !rejected[3]);
}

/* ---- intervals at all times ---- */

static void share_sequences_cover(void **state)
{
	enum { RUNS = 300, ROWS = 1000 };
	int missed = 0, mean_missed = 0;
	struct random random;

	(void)state;
	random_init(&random, "shares");
	for (int run = 0; run < RUNS; run++) {
		bool out = false, mean_out = false;
		struct bernstein b;
		double x = 0;

		bernstein_begin(&b, 0.05);
		for (int n = 1; n <= ROWS; n++) {
			bool hit = random_unit(&random) < 0.1;
			struct interval interval;

			x += hit;
			bernstein_add(&b, hit);
			if (n % 20)
				continue;
			interval = share_sequence(x, n, 0.05);
			out |= interval.low > 0.1 || interval.high < 0.1;
			interval = bernstein_interval(&b);
			mean_out |= interval.low > 0.1 || interval.high < 0.1;
		}
		missed += out;
		mean_missed += mean_out;
	}
	assert_in_range(missed, 0, RUNS / 20);
	assert_in_range(mean_missed, 0, RUNS / 20);
}

/* Looked at often, from the first rows on: the true distance is outside for few, and at the end the
 * interval is narrow. */
static void label_distances_cover(void **state)
{
	enum { RUNS = 300, ROWS = 2000, LABELS = 3 };
	static const double shares[2][LABELS] = {{.5, .3, .2}, {.2, .5, .3}}; /* .3 apart */
	double width = 0;
	struct random random;
	int missed = 0;

	(void)state;
	random_init(&random, "distances");
	for (int run = 0; run < RUNS; run++) {
		double counts[2][LABELS] = {{0}};
		struct interval interval = {0, 1};
		bool out = false;

		for (int n = 1; n <= ROWS; n++) {
			for (int arm = 0; arm < 2; arm++) {
				double u = random_unit(&random);

				counts[arm][u < shares[arm][0] ? 0 : u < shares[arm][0] + shares[arm][1] ? 1 : 2]++;
			}
			if (n % 20)
				continue;
			interval = label_distance(counts[0], counts[1], LABELS, 1, 0.05);
			out |= interval.low > 0.3 || interval.high < 0.3;
		}
		missed += out;
		width += (interval.high - interval.low) / RUNS;
	}
	assert_in_range(missed, 0, RUNS / 20);
	assert_true(width < 0.35);
}

/* Counts are divided by over-dispersion: they need not be whole. */
static void no_radius_is_above_the_most(void **state)
{
	struct random random;

	(void)state;
	random_init(&random, "radius");
	for (int i = 0; i < 20000; i++) {
		double n = exp(20 * random_unit(&random)), u = random_unit(&random);
		double x = n * (i % 4 ? u : u * u * u * u / 1000), alpha = exp(-12 * random_unit(&random));
		struct interval interval = share_sequence(i % 7 ? x : 0, n, alpha);
		double share = i % 7 ? x / n : 0, most = share_radius_most(n, alpha);

		if (!(share - interval.low <= most && interval.high - share <= most))
			fail_msg("%g of %g at %g: %g to %g, more than %g", x, n, alpha, interval.low,
			         interval.high, most);
	}
	about(share_radius_most(0, .05), 1, 0);
	about(share_radius_most(NAN, .05), 1, 0);
}

/* Uniform numbers against one number for everyone, which is their mean: a quarter of the range
 * apart, and the means are equal. */
static void number_distances_cover(void **state)
{
	enum { RUNS = 300, ROWS = 2000, LABELS = 12 };
	double width = 0;
	struct random random;
	int missed = 0;

	(void)state;
	random_init(&random, "numbers");
	for (int run = 0; run < RUNS; run++) {
		double counts[2][LABELS] = {{0}};
		struct interval interval = {0, 1};
		bool out = false;

		for (int n = 1; n <= ROWS; n++) {
			counts[0][(int)(10 * random_unit(&random) + random_unit(&random))]++;
			counts[1][5]++;
			if (n % 20)
				continue;
			interval = number_distance(counts[0], counts[1], LABELS, 1, 0.05);
			out |= interval.low > 0.25 || interval.high < 0.25;
		}
		missed += out;
		width += (interval.high - interval.low) / RUNS;
	}
	assert_in_range(missed, 0, RUNS / 20);
	assert_true(width > 0.05 && width < 0.15);
}

static void intervals_of_nothing(void **state)
{
	struct bernstein b;

	(void)state;
	bernstein_begin(&b, 0.05);
	bernstein_add(&b, NAN);
	bernstein_add(&b, 1.5);
	about(bernstein_interval(&b).low, 0, 0);
	about(bernstein_interval(&b).high, 1, 0);
	about(share_sequence(0, 0, 0.05).high, 1, 0);
	about(share_sequence(3, 2, 0.05).high, NAN, 0);
	about(share_sequence(0, 50, 0.05).low, 0, 0);
	about(share_sequence(0, 50, 0.05).high, 0.10464247710451556, 1e-12);
	about(share_sequence(30, 100, 0.05).low, 0.16565153538786664, 1e-12);
	about(share_sequence(30, 100, 0.05).high, 0.4628398651417132, 1e-12);
	about(share_sequence(50, 50, 0.05).high, 1, 0);
	about(dkw_radius(10, 32, 8), 1, 0);
	about(dkw_radius(NAN, 1, 8), 1, 0);
	about(dkw_constant(0), NAN, 0);
	assert_int_equal(quantile_ranks(0, 0.5, 0.05, 1000).high, 1);
	assert_int_equal(quantile_ranks(10, 1.5, 0.05, 1000).low, 0);
}

/* Of so many rows that nothing is left to chance: 0, 5 and 10 of 0 to 10, and no number. */
static void number_distances(void **state)
{
	static const struct {
		double candidate[4], stable[4], distance;
	} cases[] = {
		{{1, 2, 1, 0}, {1, 2, 1, 0}, 0}, {{4, 0, 0, 0}, {0, 0, 4, 0}, 1},
		{{0, 4, 0, 0}, {2, 0, 2, 0}, .5}, {{0, 4, 0, 0}, {0, 0, 4, 0}, .5},
		{{1, 3, 0, 0}, {0, 4, 0, 0}, .125}, {{0, 0, 4, 0}, {0, 0, 3, 1}, .25},
		{{0, 0, 0, 4}, {4, 0, 0, 0}, 1},
	};
	static const double some[3] = {1, 2, 3}, none[3] = {0}, odd[3] = {1, NAN, 3};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double arms[2][4];
		struct interval d;

		for (int k = 0; k < 4; k++) {
			arms[0][k] = 1e12 * cases[i].candidate[k];
			arms[1][k] = 1e12 * cases[i].stable[k];
		}
		d = number_distance(arms[0], arms[1], 4, 2, 0.01);
		about(d.low, cases[i].distance, 1e-4);
		about(d.high, cases[i].distance, 1e-4);
		assert_true(d.low <= cases[i].distance && d.high >= cases[i].distance);
	}
	about(number_distance(some, none, 3, 1, .01).high, 1, 0);
	about(number_distance(some, odd, 3, 1, .01).high, 1, 0);
	about(number_distance(some, some, 2, 1, .01).high, 1, 0);
	about(number_distance(some, some, 3, NAN, .01).high, 1, 0);
}

static void label_distances(void **state)
{
	const double same[2][3] = {{7000, 2000, 1000}, {7050, 1950, 1000}};
	const double apart[2][3] = {{5000, 4000, 1000}, {7000, 2000, 1000}};
	const double none[3] = {0, 0, 0}, odd[] = {NAN, INFINITY, -INFINITY, -1};
	struct interval near = label_distance(same[0], same[1], 3, 1, 0.01);
	struct interval far = label_distance(apart[0], apart[1], 3, 1, 0.01);
	double low = 0, high = 0;

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		double d = fabs((double)apart[0][k] - (double)apart[1][k]) / 10000, radius = 0;

		for (size_t arm = 0; arm < 2; arm++) {
			double p = (double)apart[arm][k] / 10000;
			struct interval i = share_sequence(10000 * p, 10000, 0.01 / 6);

			radius += fmax(i.high - p, p - i.low);
		}
		low += fmax(0, d - radius) / 2;
		high += (d + radius) / 2;
	}
	about(far.low, low, 1e-12);
	about(far.high, high, 1e-12);
	about(near.low, 0, 0);
	assert_true(near.high > 0.005 && near.high < 0.1);
	assert_true(far.low > 0.1 && far.low < 0.2 && far.high > 0.2 && far.high < 0.3);
	about(label_distance(none, apart[0], 3, 1, 0.01).low, 0, 0);
	about(label_distance(none, apart[0], 3, 1, 0.01).high, 1, 0);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		const double counts[3] = {odd[i], 5, 5};

		about(label_distance(counts, apart[0], 3, 1, 0.01).low, 0, 0);
		about(label_distance(counts, apart[0], 3, 1, 0.01).high, 1, 0);
		about(label_distance(apart[0], apart[1], 3, odd[i], 0.01).low, 0, 0);
		about(label_distance(apart[0], apart[1], 3, odd[i], 0.01).high, 1, 0);
	}
	about(label_distance(apart[0], apart[1], 3, 100, 0.01).low, 0, 0); /* bursts say little */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grids),
		cmocka_unit_test(no_data_is_no_evidence),
		cmocka_unit_test(nine_straight_failures),
		cmocka_unit_test(quiet_candidates_advance),
		cmocka_unit_test(exact_factor_is_fair),
		cmocka_unit_test(margins),
		cmocka_unit_test(dispersions),
		cmocka_unit_test(healthy_are_left_alone),
		cmocka_unit_test(harmful_are_stopped),
		cmocka_unit_test(history_is_bounded),
		cmocka_unit_test(latency),
		cmocka_unit_test(a_shift_bets_on_normal_scores),
		cmocka_unit_test(a_shift_bets_fairly),
		cmocka_unit_test(latency_of_nothing),
		cmocka_unit_test(combinations),
		cmocka_unit_test(share_sequences_cover),
		cmocka_unit_test(intervals_of_nothing),
		cmocka_unit_test(label_distances),
		cmocka_unit_test(label_distances_cover),
		cmocka_unit_test(no_radius_is_above_the_most),
		cmocka_unit_test(number_distances_cover),
		cmocka_unit_test(number_distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
