#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats/order.h"
#include "stats/paired.h"
#include "stats/proportion.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_deinit(&arena);
	return 0;
}

static void about(double actual, double expected, double absolute)
{
	if (isnan(expected) ? !isnan(actual) : !(fabs(actual - expected) <= absolute))
		fail_msg("should be %.15g, is %.15g", expected, actual);
}

/* The numbers that `linnet validate` promises. */
static void pass_probability(void **state)
{
	(void)state;
	about(paired_pass_probability(1500, 0.1, 0.01, 0.05), 0.34, 0.01);
	about(paired_pass_probability(1500, 0.1, 0.025, 0.05), 0.91, 0.01);
	about(paired_pass_probability(1500, 0.1, 0, 0.05), 0.05, 0.01);
	about(paired_pass_probability(1500, 0, 0.01, 0.05), 1, 1e-9);
	about(paired_pass_probability(10, 0, 0.01, 0.05), 0, 1e-9);
	about(paired_pass_probability(0, 0.1, 0.01, 0.05), NAN, 0);
	about(paired_pass_probability(1500, 1.1, 0.01, 0.05), NAN, 0);
	about(paired_pass_probability(1000000, 0.1, 0.001, 0.05), 0.935, 0.005);
}

static void power(void **state)
{
	double least = paired_detectable(6181, 0.1, 0.05, 0.2);

	(void)state;
	about(least, 0.01, 1e-5);
	about(paired_detectable(3, 0.1, 0.05, 0.2), NAN, 0);
	about(paired_detectable(6181, 0, 0.05, 0.2), NAN, 0);
	about(paired_detectable(6181, 1.5, 0.05, 0.2), NAN, 0);
	about(proportion_detectable(8989, 0.82, 1, 0.05, 0.2), 0.83, 1e-5);
	about(proportion_detectable(144, 0.89, -1, 0.05, 0.2), 0.82, 2e-4);
	about(proportion_detectable(1, 0.999, 1, 0.05, 0.2), NAN, 0);
	about(proportion_detectable(0, 0.5, 1, 0.05, 0.2), NAN, 0);
	about(hoeffding_radius(1500, 0.05, 4, USES_ADAPTIVE, 2), 0.046, 0.0005);
}

static void share_borders(void **state)
{
	static const struct {
		double x, n, low, high;
	} cases[] = {{0, 0, 0, 1}, {-1, 5, NAN, NAN}, {6, 5, NAN, NAN}, {NAN, 5, NAN, NAN},
	             {1, INFINITY, NAN, NAN}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct interval wilson = proportion_wilson(cases[i].x, cases[i].n, 0.05);
		struct interval exact = proportion_exact(cases[i].x, cases[i].n, 0.05);

		about(wilson.low, cases[i].low, 0);
		about(wilson.high, cases[i].high, 0);
		about(exact.low, cases[i].low, 0);
		about(exact.high, cases[i].high, 0);
	}
	about(proportion_difference(0, 0, 1, 5, 0.05).low, -1, 0);
	about(proportion_difference(9, 5, 1, 5, 0.05).low, NAN, 0);
	/* Newcombe 1998, table II, method 10: 56/70 - 48/80 */
	about(proportion_difference(56, 70, 48, 80, 0.05).low, 0.0524, 5e-5);
	about(proportion_difference(56, 70, 48, 80, 0.05).high, 0.3339, 5e-5);
	about(proportion_z(5, 5, 7, 7), 0, 0);
	about(proportion_z(0, 0, 7, 7), NAN, 0);
}

/* Borders of Tango's statistic: no differing row, all rows differ, no rows. */
static void tango_borders(void **state)
{
	(void)state;
	for (int n = 1; n <= 30; n++)
		for (int b = 0; b <= n; b++)
			for (int c = 0; b + c <= n; c++) {
				struct paired_counts pairs = {n, b, c}, swapped = {n, c, b};
				struct interval i = tango_interval(pairs, 0.05);
				struct interval mirror = tango_interval(swapped, 0.05);
				double d = (c - b) / (double)n;

				assert_true(-1 <= i.low && i.low <= d + 1e-9);
				assert_true(d - 1e-9 <= i.high && i.high <= 1);
				about(mirror.low, -i.high, 1e-9);
				about(tango_z(pairs, 0.1), -tango_z(swapped, -0.1), 1e-9);
			}
	about(tango_interval((struct paired_counts){0, 0, 0}, 0.05).low, -1, 0);
	about(mcnemar_midp(0, 0), 1, 0);
	about(mcnemar_exact(0, 0), 1, 0);
	about(mcnemar_better(0, 0), 1, 0);
}

/* ---- bootstrap ---- */

static double accuracy_difference(const uint64_t *counts, size_t k, const void *context)
{
	double n = 0;

	(void)context;
	for (size_t i = 0; i < k; i++)
		n += (double)counts[i];
	return ((double)counts[1] - (double)counts[0]) / n;
}

static double row_mean(const uint32_t *rows, size_t n, const void *context)
{
	const double *x = context;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[rows[i]];
	return sum / (double)n;
}

static struct bootstrap seeded(size_t block)
{
	struct bootstrap bootstrap = {.resamples = 4000, .block = block, .alpha = 0.05};

	random_init(&bootstrap.random, "digest");
	return bootstrap;
}

/* The three ways agree with the analytic answer, b = 40, c = 60, n = 1500, and with themselves. */
static void bootstrap_of_accuracy(void **state)
{
	const uint64_t counts[3] = {40, 60, 1400};
	double rows[1500], mean = 20.0 / 1500, se = 0.006657771843937424;
	struct bootstrap first = seeded(1), again = seeded(1), by_rows = seeded(1), by_mean = seeded(1);
	struct estimate e[4];

	(void)state;
	for (int i = 0; i < 1500; i++)
		rows[i] = i < 40 ? -1 : i < 100 ? 1 : 0;
	e[0] = bootstrap_cells(&first, counts, 3, accuracy_difference, NULL, &arena);
	e[1] = bootstrap_cells(&again, counts, 3, accuracy_difference, NULL, &arena);
	e[2] = bootstrap_rows(&by_rows, 1500, row_mean, rows, &arena);
	e[3] = bootstrap_mean(&by_mean, rows, 1500, &arena);
	for (int i = 0; i < 4; i++) {
		about(e[i].mean, mean, 5 * se / sqrt(4000));
		about(e[i].se, se, 0.06 * se);
		about(e[i].interval.low, mean - 1.96 * se, 0.15 * se);
		about(e[i].interval.high, mean + 1.96 * se, 0.15 * se);
		assert_int_equal(e[i].undefined, 0);
	}
	assert_true(e[0].mean == e[1].mean && e[0].interval.low == e[1].interval.low);
	about(e[2].mean, e[3].mean, 1e-12);
}

/* Runs of equal rows say less, and blocks see it: alternate runs of 20 in blocks of 10. Both block
 * forms draw the same rows. */
static void bootstrap_of_blocks(void **state)
{
	static const size_t lengths[] = {1, 2, 10, 1999};
	struct estimate e[4];
	double rows[2000];

	(void)state;
	for (int i = 0; i < 2000; i++)
		rows[i] = i / 20 % 2;
	rows[7] = 5;
	for (size_t i = 0; i < 4; i++) {
		struct bootstrap by_mean = seeded(lengths[i]), by_rows = seeded(lengths[i]);
		struct estimate same = bootstrap_rows(&by_rows, 2000, row_mean, rows, &arena);

		e[i] = bootstrap_mean(&by_mean, rows, 2000, &arena);
		about(e[i].se, same.se, 1e-9);
		about(e[i].interval.low, same.interval.low, 1e-9);
	}
	assert_true(e[1].se > 1.2 * e[0].se && e[2].se > 2 * e[0].se);
	assert_int_equal(bootstrap_block(0), 1);
	assert_int_equal(bootstrap_block(1000), 10);
	assert_int_equal(bootstrap_block(1500), 11);
}

static double cells_share(const uint64_t *counts, size_t k, const void *context)
{
	(void)context;
	return (double)counts[k - 1] / (double)(counts[0] + counts[1] + counts[2]);
}

static double rows_share(const uint32_t *rows, size_t n, const void *context)
{
	const uint32_t *cell = context;
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += cell[rows[i]] == 2;
	return (double)found / (double)n;
}

static void cells_in_blocks_are_the_same_rows(void **state)
{
	static const size_t lengths[] = {1, 2, 10, 1999, 2000, 5000};
	uint32_t cell[2000];

	(void)state;
	for (uint32_t i = 0; i < 2000; i++)
		cell[i] = i * i % 7 % 3;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct bootstrap by_cells = seeded(lengths[i]), by_rows = seeded(lengths[i]);
		struct estimate a = bootstrap_cell_blocks(&by_cells, cell, 2000, 3, cells_share, NULL,
		                                          &arena);
		struct estimate b = bootstrap_rows(&by_rows, 2000, rows_share, cell, &arena);

		assert_memory_equal(&a, &b, sizeof(a)); /* to the last bit */
	}
	assert_int_equal(bootstrap_cell_blocks(&(struct bootstrap){.resamples = 3}, cell, 0, 3,
	                                       cells_share, NULL, &arena).undefined, 3);
}

static double never(const uint64_t *counts, size_t k, const void *context)
{
	(void)counts, (void)k, (void)context;
	return NAN;
}

static void bootstrap_of_nothing(void **state)
{
	struct bootstrap bootstrap = seeded(1000);
	const uint64_t counts[2] = {0, 0}, some[2] = {3, 4};
	const double one[1] = {7};

	(void)state;
	about(bootstrap_cells(&bootstrap, counts, 2, accuracy_difference, NULL, &arena).mean, NAN, 0);
	assert_int_equal(bootstrap_cells(&bootstrap, some, 2, never, NULL, &arena).undefined, 4000);
	about(bootstrap_mean(&bootstrap, NULL, 0, &arena).mean, NAN, 0);
	about(bootstrap_rows(&bootstrap, 0, row_mean, NULL, &arena).mean, NAN, 0);
	about(bootstrap_mean(&bootstrap, one, 1, &arena).mean, 7, 1e-9);
}

/* ---- areas ---- */

static double kernel(double positive, double negative)
{
	return positive > negative ? 1 : positive == negative ? 0.5 : 0;
}

/* Var and cov of areas straight from the definition, O(n^2). */
static double slow_covariance(const double *a, const double *b, const bool *y, size_t n, double ma,
                              double mb, bool class)
{
	double sum = 0, size[2] = {0, 0};

	for (size_t i = 0; i < n; i++)
		size[y[i]]++;
	for (size_t i = 0; i < n; i++) {
		double va = 0, vb = 0;

		if (y[i] != class)
			continue;
		for (size_t j = 0; j < n; j++)
			if (y[j] != class) {
				va += class ? kernel(a[i], a[j]) : kernel(a[j], a[i]);
				vb += class ? kernel(b[i], b[j]) : kernel(b[j], b[i]);
			}
		sum += (va / size[!class] - ma) * (vb / size[!class] - mb);
	}
	return sum / (size[class] - 1) / size[class];
}

static void delong_by_definition(void **state)
{
	struct random random;

	(void)state;
	random_init(&random, "delong");
	for (int round = 0; round < 200; round++) {
		double a[40], b[40];
		bool y[40];
		size_t n = 6 + random_below(&random, 34);
		struct delong d;

		for (size_t i = 0; i < n; i++) {
			y[i] = i < 2 || (i >= 4 && random_next(&random) % 2);
			a[i] = (double)random_below(&random, 12) + 3 * y[i];
			b[i] = a[i] + (double)random_below(&random, 9);
		}
		d = delong_test(a, b, y, n, &arena);
		assert_int_equal(d.status, STATS_OK);
		for (int k = 0; k < 2; k++) {
			const double *s = k ? b : a;

			about(d.variance[k],
			      slow_covariance(s, s, y, n, d.auc[k], d.auc[k], true) +
			          slow_covariance(s, s, y, n, d.auc[k], d.auc[k], false),
			      1e-12);
		}
		about(d.covariance,
		      slow_covariance(a, b, y, n, d.auc[0], d.auc[1], true) +
		          slow_covariance(a, b, y, n, d.auc[0], d.auc[1], false),
		      1e-12);
	}
}

static void delong_borders(void **state)
{
	const double score[4] = {1, 2, 3, 4}, broken[4] = {1, NAN, 3, 4}, flat[4] = {1, 1, 1, 1};
	const bool mixed[4] = {false, true, false, true}, one[4] = {true, true, true, true};

	(void)state;
	assert_int_equal(delong_test(score, score, mixed, 0, &arena).status, STATS_EMPTY);
	assert_int_equal(delong_test(score, broken, mixed, 4, &arena).status, STATS_NOT_FINITE);
	assert_int_equal(delong_test(score, score, one, 4, &arena).status, STATS_ONE_CLASS);
	about(delong_test(score, score, mixed, 4, &arena).p, 1, 0);
	about(delong_test(score, score, mixed, 4, &arena).variance_difference, 0, 0);
	about(delong_test(score, flat, mixed, 4, &arena).auc[1], 0.5, 0);
}

static void sorting(void **state)
{
	struct random random;

	(void)state;
	about(sorted_quantile((const double[]){1, 2, 4}, 3, 0), 1, 0);
	about(sorted_quantile((const double[]){1, 2, 4}, 3, 0.25), 1.5, 0);
	about(sorted_quantile((const double[]){1, 2, 4}, 3, 0.75), 3, 0);
	about(sorted_quantile((const double[]){1, 2, 4}, 3, 1), 4, 0);
	about(sorted_quantile((const double[]){7}, 1, 0.5), 7, 0);
	random_init(&random, "sort");
	for (size_t n = 0; n < 200; n++) {
		double x[200], sorted[200], rank[200];
		const uint32_t *order;

		for (size_t i = 0; i < n; i++)
			sorted[i] = x[i] = (double)random_below(&random, n / 2 + 1);
		sort_ascending(sorted, n);
		order = sort_order(x, n, &arena);
		midranks(x, n, rank, &arena);
		for (size_t i = 0; i < n; i++) {
			double below = 0, equal = 0;

			for (size_t j = 0; j < n; j++) {
				below += x[j] < x[i];
				equal += x[j] == x[i];
			}
			about(x[order[i]], sorted[i], 0);
			about(rank[i], below + (equal + 1) / 2, 0);
			assert_true(i == 0 || sorted[i - 1] < sorted[i] || order[i - 1] < order[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_probability),      cmocka_unit_test(power),
		cmocka_unit_test(share_borders),         cmocka_unit_test(tango_borders),
		cmocka_unit_test(bootstrap_of_accuracy), cmocka_unit_test(bootstrap_of_blocks),
		cmocka_unit_test(cells_in_blocks_are_the_same_rows),
		cmocka_unit_test(bootstrap_of_nothing),  cmocka_unit_test(delong_by_definition),
		cmocka_unit_test(delong_borders),        cmocka_unit_test(sorting),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
