#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats/drift.h"
#include "stats/metrics.h"
#include "stats/order.h"
#include "stats/random.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 256 << 20);
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
	if (isnan(expected) ? !isnan(actual)
	                    : actual != expected && !(fabs(actual - expected) <= absolute))
		fail_msg("should be %.15g, is %.15g", expected, actual);
}

static void is(struct measure measure, enum stats_status status, double value)
{
	assert_string_equal(stats_status_name(measure.status), stats_status_name(status));
	about(measure.value, status == STATS_OK ? value : NAN, 1e-12);
}

static void confusions(void **state)
{
	const uint32_t truth[6] = {0, 0, 1, 1, 2, 2}, predicted[6] = {0, 1, 1, 1, 0, 2};
	const uint32_t outside[6] = {0, 0, 3, 1, 2, 2};
	uint64_t counts[9], nothing[4] = {0}, one[4] = {0, 0, 0, 7};
	struct confusion c = {counts, 3}, empty = {nothing, 2}, only = {one, 2};

	(void)state;
	assert_int_equal(confusion_count(truth, outside, 6, 3, counts), STATS_RANGE);
	assert_int_equal(confusion_count(truth, predicted, 0, 3, counts), STATS_EMPTY);
	assert_int_equal(confusion_count(truth, predicted, 6, 3, counts), STATS_OK);
	is(metric_accuracy(c), STATS_OK, 4.0 / 6);
	is(metric_majority_share(c), STATS_OK, 2.0 / 6);
	is(metric_precision(c, 1), STATS_OK, 2.0 / 3);
	is(metric_recall(c, 2), STATS_OK, 0.5);
	is(metric_f1(c, 0), STATS_OK, 0.5);
	is(metric_macro_f1(c), STATS_OK, (0.5 + 0.8 + 2.0 / 3) / 3);
	is(metric_balanced_accuracy(c), STATS_OK, 2.0 / 3);
	is(metric_recall(c, 3), STATS_RANGE, 0);
	is(metric_accuracy(empty), STATS_EMPTY, 0);
	is(metric_majority_share(empty), STATS_EMPTY, 0);
	is(metric_recall(empty, 0), STATS_EMPTY, 0);
	is(metric_balanced_accuracy(empty), STATS_EMPTY, 0);
	is(metric_macro_f1(empty), STATS_EMPTY, 0);
	is(metric_matthews(empty), STATS_EMPTY, 0);
	is(metric_kappa(empty), STATS_EMPTY, 0);
	is(metric_precision(only, 0), STATS_UNDEFINED, 0);
	is(metric_recall(only, 0), STATS_UNDEFINED, 0);
	is(metric_f1(only, 0), STATS_UNDEFINED, 0);
	is(metric_balanced_accuracy(only), STATS_OK, 1);
	is(metric_matthews(only), STATS_OK, 0);
	is(metric_kappa(only), STATS_UNDEFINED, 0);
}

/* Every score metric on what rows may hold. */
static void score_borders(void **state)
{
	const double good[4] = {0.1, 0.9, 0.4, 0.4}, flat[4] = {0.5, 0.5, 0.5, 0.5};
	const double broken[4] = {0.1, NAN, 0.4, 0.4}, endless[4] = {0.1, INFINITY, 0.4, 0.4};
	const double outside[4] = {0.1, 1.1, 0.4, 0.4}, sure[4] = {0, 1, 0, 1};
	const bool y[4] = {false, true, false, true}, all[4] = {true, true, true, true};
	const bool none[4] = {false, false, false, false};

	(void)state;
	is(metric_auc(good, y, 4, &arena), STATS_OK, 0.875);
	is(metric_auc(flat, y, 4, &arena), STATS_OK, 0.5);
	is(metric_auc(good, y, 0, &arena), STATS_EMPTY, 0);
	is(metric_auc(good, all, 4, &arena), STATS_ONE_CLASS, 0);
	is(metric_auc(good, none, 4, &arena), STATS_ONE_CLASS, 0);
	is(metric_auc(broken, y, 4, &arena), STATS_NOT_FINITE, 0);
	is(metric_auc(endless, y, 4, &arena), STATS_NOT_FINITE, 0);
	is(metric_auc(outside, y, 4, &arena), STATS_OK, 0.875);
	is(metric_pr_auc(good, y, 4, &arena), STATS_OK, 0.5 + 0.5 * 2 / 3);
	is(metric_pr_auc(flat, y, 4, &arena), STATS_OK, 0.5);
	is(metric_pr_auc(good, all, 4, &arena), STATS_OK, 1);
	is(metric_pr_auc(good, none, 4, &arena), STATS_ONE_CLASS, 0);
	is(metric_pr_auc(broken, y, 4, &arena), STATS_NOT_FINITE, 0);
	is(metric_pr_auc(good, y, 0, &arena), STATS_EMPTY, 0);
	is(metric_brier(good, y, 4), STATS_OK, (0.01 + 0.01 + 0.16 + 0.36) / 4);
	is(metric_brier(outside, y, 4), STATS_RANGE, 0);
	is(metric_brier(broken, y, 4), STATS_NOT_FINITE, 0);
	is(metric_brier(good, y, 0), STATS_EMPTY, 0);
	is(metric_log_loss(flat, y, 4), STATS_OK, M_LN2);
	is(metric_log_loss(sure, y, 4), STATS_OK, 0);
	assert_true(metric_log_loss(sure, none, 4).value > 10);
	is(metric_log_loss(outside, y, 4), STATS_RANGE, 0);
	is(metric_log_loss(good, y, 0), STATS_EMPTY, 0);
	is(metric_calibration_error(flat, y, 4, 10), STATS_OK, 0);
	is(metric_calibration_error(sure, y, 4, 10), STATS_OK, 0);
	is(metric_calibration_error(sure, none, 4, 1), STATS_OK, 0.5);
	is(metric_calibration_error(flat, y, 4, 0), STATS_RANGE, 0);
	is(metric_calibration_error(flat, y, 4, 101), STATS_RANGE, 0);
	is(metric_calibration_error(broken, y, 4, 5), STATS_NOT_FINITE, 0);
	is(metric_spiegelhalter(flat, y, 4), STATS_CONSTANT, 0);
	is(metric_spiegelhalter(sure, y, 4), STATS_CONSTANT, 0);
	is(metric_spiegelhalter(good, y, 0), STATS_EMPTY, 0);
	is(metric_expected_accuracy(good, 4), STATS_OK, (0.9 + 0.9 + 0.6 + 0.6) / 4);
	is(metric_expected_accuracy(broken, 4), STATS_NOT_FINITE, 0);
}

static void number_borders(void **state)
{
	const double t[3] = {1, 2, 4}, p[3] = {2, 2, 2}, zero[3] = {0, 1, 2}, equal[3] = {7, 7, 7};
	const double huge[3] = {1e308, -1e308, 1e308}, broken[3] = {1, -INFINITY, 2};

	(void)state;
	is(metric_mae(t, p, 3), STATS_OK, 1);
	is(metric_rmse(t, p, 3), STATS_OK, sqrt(5.0 / 3));
	is(metric_mape(t, p, 3), STATS_OK, 0.5);
	is(metric_r_squared(t, p, 3), STATS_OK, 1 - 5 / (14.0 / 3));
	is(metric_pinball(t, p, 3, 0.9), STATS_OK, (0.1 + 1.8) / 3);
	is(metric_mape(zero, p, 3), STATS_UNDEFINED, 0);
	is(metric_r_squared(equal, p, 3), STATS_CONSTANT, 0);
	is(metric_r_squared(t, p, 1), STATS_CONSTANT, 0);
	is(metric_pinball(t, p, 3, 1), STATS_RANGE, 0);
	is(metric_pinball(t, p, 3, NAN), STATS_RANGE, 0);
	is(metric_rmse(huge, p, 3), STATS_NOT_FINITE, 0);
	is(metric_mae(broken, p, 3), STATS_NOT_FINITE, 0);
	is(metric_mape(t, broken, 3), STATS_NOT_FINITE, 0);
	is(metric_r_squared(broken, p, 3), STATS_NOT_FINITE, 0);
	is(metric_pinball(broken, p, 3, 0.5), STATS_NOT_FINITE, 0);
	is(metric_mae(t, p, 0), STATS_EMPTY, 0);
	is(metric_rmse(t, p, 0), STATS_EMPTY, 0);
	is(metric_mape(t, p, 0), STATS_EMPTY, 0);
	is(metric_r_squared(t, p, 0), STATS_EMPTY, 0);
	is(metric_pinball(t, p, 0, 0.5), STATS_EMPTY, 0);
}

/* ---- drift ---- */

static void distance_borders(void **state)
{
	const double x[3] = {1, 2, 3}, same[2] = {5, 5}, p[2] = {1, 0}, q[2] = {0.5, 0.5};

	(void)state;
	about(ks_distance(x, 3, x, 3), 0, 0);
	about(ks_distance(x, 3, same, 2), 1, 0);
	about(ks_distance(x, 0, x, 3), NAN, 0);
	about(ks_exact(0.5, 0, 3, &arena), NAN, 0);
	about(ks_exact(NAN, 3, 3, &arena), NAN, 0);
	about(ks_exact(0, 3, 3, &arena), 1, 0);
	about(ks_exact(1, 1, 1, &arena), 1, 0);
	about(ks_p(0.02, 10000, 10000, &arena), ks_asymptotic(0.02, 10000, 10000), 0);
	about(ks_p(0.05, 3000, 3000, &arena), ks_asymptotic(0.05, 3000, 3000), 1e-4);
	about(wasserstein(x, 3, x, 0), NAN, 0);
	about(wasserstein(same, 2, same, 1), 0, 0);
	about(standard_deviation(same, 2), 0, 0);
	about(standard_deviation(same, 0), NAN, 0);
	about(autocorrelation(same, 2), 0, 0);
	about(autocorrelation(x, 0), 0, 0);
	about(kullback_leibler(q, p, 2), INFINITY, 0);
	about(kullback_leibler(p, q, 2), M_LN2, 1e-12);
	about(stability_index(p, q, 2, 1e-4), 0.5 * log(2) + (0.5 - 1e-4) * log(5000), 1e-9);
	about(stability_index_null(0.95, 1, 10, 10), 0, 0);
	about(cramers_v_null(0.95, 2, 100), sqrt(3.841458820694124 / 100), 1e-9);
	about(ks_asymptotic(ks_distance_null(0.95, 300, 200), 300, 200), 0.05, 1e-9);
}

static void rare_categories_are_pooled(void **state)
{
	const double a[5] = {500, 490, 4, 3, 3}, b[5] = {490, 500, 2, 5, 3}, zero[5] = {0};
	const double pooled_a[3] = {500, 490, 10}, pooled_b[3] = {490, 500, 10};
	const double one[2] = {9, 0};
	struct homogeneity h = homogeneity_test(a, b, 5, true);
	struct homogeneity by_hand = homogeneity_test(pooled_a, pooled_b, 3, false);

	(void)state;
	about(h.chi_square, by_hand.chi_square, 1e-12);
	about(h.df, 2, 0);
	about(homogeneity_test(a, b, 5, false).df, 4, 0);
	about(homogeneity_test(a, zero, 5, true).p, 1, 0);
	about(homogeneity_test(one, one, 2, false).p, 1, 0);
	about(homogeneity_test(NULL, NULL, 0, true).p, 1, 0);
	about(fisher_exact(-1, 2, 3, 4), NAN, 0);
	about(fisher_exact(0, 0, 0, 0), 1, 0);
	about(fisher_exact(3, 1, 1, 3), 34.0 / 70, 1e-9); /* Fisher's tea */
}

static void corrections(void **state)
{
	const double p[4] = {0.01, 0.04, NAN, 0.03};
	static const double expected[CORRECTIONS][4] = {
		[CORRECT_BONFERRONI] = {0.04, 0.16, 1, 0.12},
		[CORRECT_HOLM] = {0.04, 0.09, 1, 0.09},
		[CORRECT_BENJAMINI_HOCHBERG] = {0.04, 0.16 / 3, 1, 0.16 / 3},
		[CORRECT_BENJAMINI_YEKUTIELI] = {0.25 / 3, 1.0 / 9, 1, 1.0 / 9},
	};

	(void)state;
	for (int c = 0; c < CORRECTIONS; c++) {
		double adjusted[4];

		adjust_p((enum correction)c, p, 4, adjusted, &arena);
		for (int i = 0; i < 4; i++)
			about(adjusted[i], expected[c][i], 1e-12);
		adjust_p((enum correction)c, p, 0, adjusted, &arena);
	}
}

/* An AR(1) series of coefficient 0.6 is worth a quarter of its rows; an independent one all. */
static void effective(void **state)
{
	enum { ROWS = 20000 };
	static double x[ROWS];
	struct random random;

	(void)state;
	random_init(&random, "series");
	for (int i = 0; i < ROWS; i++)
		x[i] = normal_quantile((random_unit(&random) + 1e-9) / (1 + 2e-9));
	about(effective_rows(x, ROWS), ROWS, 0);
	for (int i = 1; i < ROWS; i++)
		x[i] += 0.6 * x[i - 1];
	about(effective_rows(x, ROWS), ROWS / 4.0, ROWS / 40.0);
}

/* Ascending samples with ties against the definitions. */
static void distances_by_definition(void **state)
{
	struct random random;

	(void)state;
	random_init(&random, "distances");
	for (int round = 0; round < 500; round++) {
		double x[30], y[30], d = 0, area = 0;
		size_t n = 1 + random_below(&random, 30), m = 1 + random_below(&random, 30);

		for (size_t i = 0; i < n; i++)
			x[i] = (double)random_below(&random, 15);
		for (size_t i = 0; i < m; i++)
			y[i] = (double)random_below(&random, 20);
		sort_ascending(x, n);
		sort_ascending(y, m);
		for (int at = 0; at < 20; at++) {
			double f = 0, g = 0;

			for (size_t i = 0; i < n; i++)
				f += x[i] <= at;
			for (size_t i = 0; i < m; i++)
				g += y[i] <= at;
			d = fmax(d, fabs(f / (double)n - g / (double)m));
			area += fabs(f / (double)n - g / (double)m);
		}
		about(ks_distance(x, n, y, m), d, 1e-12);
		about(wasserstein(x, n, y, m), area, 1e-9);
	}
}

/* Errors at the accepted rate rarely alarm the detectors; at the bad rate they do, soon. */
static void detectors(void **state)
{
	const double p0 = 0.11, p1 = 0.18;
	int false_alarms = 0;
	struct random random;

	(void)state;
	random_init(&random, "decay");
	for (int run = 0; run < 400; run++) {
		double s = 0, ln_m = -INFINITY;
		bool cusum = false, roberts = false;

		for (int i = 0; i < 500; i++) {
			double llr = error_llr(random_unit(&random) < p0, p0, p1);

			s = cusum_next(s, llr);
			ln_m = shiryaev_roberts_next(ln_m, llr);
			cusum |= s >= log(1000);
			roberts |= ln_m >= log(1000);
			assert_true(s == 0 || ln_m >= s - 1e-9); /* a sum and its largest term */
		}
		false_alarms += roberts;
		assert_true(roberts || !cusum);
	}
	assert_in_range(false_alarms, 0, 200);
	for (int run = 0; run < 50; run++) {
		double s = 0;
		int rows = 0;

		for (; s < log(1000); rows++)
			s = cusum_next(s, error_llr(random_unit(&random) < 0.25, p0, p1));
		assert_in_range(rows, 10, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confusions),
		cmocka_unit_test(score_borders),
		cmocka_unit_test(number_borders),
		cmocka_unit_test(distance_borders),
		cmocka_unit_test(rare_categories_are_pooled),
		cmocka_unit_test(corrections),
		cmocka_unit_test(effective),
		cmocka_unit_test(distances_by_definition),
		cmocka_unit_test(detectors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
