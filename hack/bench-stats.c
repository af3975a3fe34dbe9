/* How long the statistics of one tick and of one evaluation take. Run by hack/bench-stats. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "stats/confidence.h"
#include "stats/drift.h"
#include "stats/metrics.h"
#include "stats/order.h"
#include "stats/paired.h"
#include "stats/sequential.h"

enum { ROWS = 100000, RESAMPLES = 2000, BINS = 96 };

static struct arena arena;
static volatile double sink; /* so that nothing is optimised away */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, double started, int times, double unit, const char *name)
{
	printf("%-58s %9.2f %s\n", what, (seconds() - started) / times / unit, name);
}

static void ticks(void)
{
	enum { TIMES = 200000 };
	struct e_process harm, not_worse, level;
	struct ratio_history history = {0};
	double started;

	e_begin(&harm, E_RATIO_HARM, 1);
	e_begin(&not_worse, E_RATIO_NOT_WORSE, 3);
	e_begin(&level, E_LEVEL_NOT_WORSE, 0.01);
	started = seconds();
	for (int i = 0; i < TIMES; i++) {
		struct tick tick = {50, i % 3, 950, 5 + i % 7};

		ratio_update(&harm, &tick, 1.3);
		ratio_update(&not_worse, &tick, 1.3);
		level_update(&level, tick.n_c, tick.x_c, 1.3);
		sink = e_ln(&harm) + e_ln(&not_worse) + e_ln(&level);
	}
	report("tick: harm, not worse, absolute, with their e-values", started, TIMES, 1e-6, "us");
	started = seconds();
	for (int i = 0; i < TIMES / 100; i++) {
		struct tick tick = {500, 20 + i % 30, 9500, 500 + i % 70};

		ratio_update_exact(&harm, &tick, 1.3);
		sink = e_ln(&harm);
	}
	report("tick: harm by the exact factor, 550 of 10,000 bad", started, TIMES / 100, 1e-6, "us");
	for (int i = 0; i < 2000; i++) {
		struct tick tick = {20 + i % 400, i % 3, 950, 5 + i % 7};

		ratio_history_add(&history, &tick, 1.3);
	}
	started = seconds();
	for (int i = 0; i < 200; i++)
		sink = ratio_interval(&history, 0.05).low;
	report("interval of the ratio, 24 shares", started, 200, 1e-6, "us");
}

static void latencies(void)
{
	enum { TIMES = 20000 };
	uint64_t stable[BINS], candidate[BINS];
	struct latency_test test;
	double started;

	for (int i = 0; i < BINS; i++) {
		stable[i] = (uint64_t)(1000 * exp(-pow((i - 40) / 8.0, 2)));
		candidate[i] = stable[i] / 20;
	}
	latency_begin(&test, stable, BINS);
	started = seconds();
	for (int i = 0; i < TIMES; i++) {
		latency_update(&test, candidate, stable, BINS, 1, 1.3);
		sink = latency_ln(&test);
	}
	report("tick: latency, 96 bins", started, TIMES, 1e-6, "us");
}

static double recall_gain(const uint64_t *counts, size_t k, const void *context)
{
	/* truth x incumbent x candidate, 2 each */
	double positives = (double)(counts[4] + counts[5] + counts[6] + counts[7]);

	(void)k, (void)context;
	return ((double)(counts[5] + counts[7]) - (double)(counts[6] + counts[7])) / positives;
}

static double mean_of_rows(const uint32_t *rows, size_t n, const void *context)
{
	const double *x = context;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[rows[i]];
	return sum / (double)n;
}

static struct bootstrap seeded(size_t block)
{
	struct bootstrap bootstrap = {.resamples = RESAMPLES, .block = block, .alpha = 0.05};

	random_init(&bootstrap.random, "bench");
	return bootstrap;
}

static void bootstraps(void)
{
	const uint64_t cells[8] = {76000, 3000, 3000, 1000, 4000, 2000, 1500, 9500};
	double *x = arena_array(&arena, ROWS, double), started;
	struct bootstrap a = seeded(1), b = seeded(1), c = seeded(bootstrap_block(ROWS)), d = seeded(1);

	for (int i = 0; i < ROWS; i++)
		x[i] = sin(i);
	started = seconds();
	sink = bootstrap_cells(&a, cells, 8, recall_gain, NULL, &arena).se;
	report("bootstrap, 2000 of 100,000 rows: recall, by 8 cells", started, 1, 1e-3, "ms");
	started = seconds();
	sink = bootstrap_mean(&b, x, ROWS, &arena).se;
	report("bootstrap, 2000 of 100,000 rows: a mean", started, 1, 1e-3, "ms");
	started = seconds();
	sink = bootstrap_mean(&c, x, ROWS, &arena).se;
	report("bootstrap, 2000 of 100,000 rows: a mean, in blocks", started, 1, 1e-3, "ms");
	started = seconds();
	sink = bootstrap_rows(&d, ROWS, mean_of_rows, x, &arena).se;
	report("bootstrap, 2000 of 100,000 rows: any statistic of rows", started, 1, 1e-3, "ms");
}

static void evaluations(void)
{
	double *x = arena_array(&arena, ROWS, double), *y = arena_array(&arena, ROWS, double), started;
	bool *positive = arena_array(&arena, ROWS, bool);

	for (int i = 0; i < ROWS; i++) {
		x[i] = sin(i);
		y[i] = sin(3 * i);
		positive[i] = x[i] + y[i] > 1;
	}
	started = seconds();
	sink = delong_test(x, y, positive, ROWS, &arena).p;
	report("DeLong, 100,000 rows", started, 1, 1e-3, "ms");
	started = seconds();
	sink = ks_exact(0.03, 3000, 3300, &arena);
	report("exact Kolmogorov-Smirnov, 3000 x 3300", started, 1, 1e-3, "ms");
	started = seconds();
	sort_ascending(x, ROWS);
	report("sorting 100,000 numbers", started, 1, 1e-3, "ms");
	started = seconds();
	sink = paired_pass_probability(1500, 0.1, 0.01, 0.05);
	report("pass probability of an equal candidate, 1500 rows", started, 1, 1e-3, "ms");
	started = seconds();
	sink = dkw_constant(0.05);
	report("constant of the DKW band", started, 1, 1e-3, "ms");
}

int main(void)
{
	arena_init(&arena, 256 << 20);
	ticks();
	latencies();
	bootstraps();
	evaluations();
	arena_deinit(&arena);
	return 0;
}
