#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats/proportion.h"
#include "stats/random.h"
#include "stats/special.h"

static void near(double actual, double expected, double relative)
{
	if (!isfinite(expected) ? !(isnan(expected) && isnan(actual)) && actual != expected
	                        : !(fabs(actual - expected) <= relative * fabs(expected)))
		fail_msg("should be %.15g, is %.15g", expected, actual);
}

/* Outside the domain: NAN, no crash; at its border: the limit. */
struct border {
	double actual, expected;
};

static void check_borders(const struct border *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		near(cases[i].actual, cases[i].expected, 1e-12);
}

/* To the last bit: what was said with it is said again. */
static void a_constant_is_what_is_computed(void **state)
{
	double z = normal_quantile(0.975), constant = Z_95;

	(void)state;
	assert_memory_equal(&z, &constant, sizeof(z));
}

static void continuous_borders(void **state)
{
	const struct border cases[] = {
		{normal_quantile(0), -INFINITY},
		{normal_quantile(1), INFINITY},
		{normal_quantile(-0.1), NAN},
		{normal_quantile(NAN), NAN},
		{normal_quantile(0.5), 0},
		{normal_cdf(-INFINITY), 0},
		{normal_sf(NAN), NAN},
		{lnbeta(0, 1), NAN},
		{lnbeta(1, NAN), NAN},
		{beta_cdf(-1, 2, 3), 0},
		{beta_cdf(2, 2, 3), 1},
		{beta_cdf(0.5, 0, 3), NAN},
		{beta_cdf(NAN, 1, 3), NAN},
		{beta_sf(0, 2, 3), 1},
		{beta_lncdf(0, 2, 3), -INFINITY},
		{beta_quantile(0, 2, 3), 0},
		{beta_quantile(1, 2, 3), 1},
		{beta_quantile(1.1, 2, 3), NAN},
		{gamma_cdf(-1, 2), 0},
		{gamma_sf(-1, 2), 1},
		{gamma_cdf(INFINITY, 2), 1},
		{gamma_sf(INFINITY, 2), 0},
		{gamma_sf(1, 0), NAN},
		{chi_square_quantile(1, 3), INFINITY},
		{chi_square_quantile(0, 3), 0},
		{chi_square_quantile(0.5, -1), NAN},
		{student_quantile(0.5, 4), 0},
		{student_quantile(1, 4), INFINITY},
		{student_quantile(0, 4), -INFINITY},
		{student_quantile(1.5, 4), NAN},
		{student_quantile(0.5, 0), NAN},
		{student_sf(0, 4), 0.5},
		{kolmogorov_sf(0), 1},
		{kolmogorov_sf(-1), 1},
		{kolmogorov_sf(NAN), NAN},
		{kolmogorov_sf(40), 0},
		{normal_best_of(0), NAN},
		{logsumexp(NULL, 0), -INFINITY},
	};

	(void)state;
	check_borders(cases, sizeof(cases) / sizeof(cases[0]));
	assert_true(fabs(normal_best_of(1)) < 1e-12);
}

static void count_borders(void **state)
{
	const struct border cases[] = {
		{binomial_lnpmf(0, 0, 0.3), 0},
		{binomial_lnpmf(-1, 5, 0.3), -INFINITY},
		{binomial_lnpmf(6, 5, 0.3), -INFINITY},
		{binomial_lnpmf(0, 5, 0), 0},
		{binomial_lnpmf(1, 5, 0), -INFINITY},
		{binomial_lnpmf(5, 5, 1), 0},
		{binomial_lnpmf(1, 5, 2), NAN},
		{binomial_cdf(-1, 5, 0.3), 0},
		{binomial_cdf(5, 5, 0.3), 1},
		{binomial_cdf(3, 5, 0), 1},
		{binomial_cdf(3, 5, 1), 0},
		{binomial_cdf(0, 0, 0.3), 1},
		{binomial_sf(0, 0, 0.3), 1},
		{binomial_sf(1, 0, 0.3), 0},
		{binomial_sf(0, 5, 0.3), 1},
		{binomial_sf(6, 5, 0.3), 0},
		{binomial_sf(3, 5, 1), 1},
		{binomial_sf(3, NAN, 1), NAN},
		{hypergeometric_lnpmf(0, 5, 5, 0), 0},
		{hypergeometric_lnpmf(0, 5, 5, 11), NAN},
		{hypergeometric_lnpmf(0, 5, 5, 6), -INFINITY},
		{hypergeometric_cdf(0, 5, 5, 6), 0},
		{hypergeometric_sf(0, 5, 5, 6), 1},
		{hypergeometric_cdf(5, 5, 5, 6), 1},
		{hypergeometric_sf(6, 5, 5, 6), 0},
		{hypergeometric_lnmgf(5, 5, 0, 7), 0},
		{hypergeometric_lnmgf(0, 5, 3, 7), 0},
		{hypergeometric_lnmgf(5, 0, 3, 2), 3 * M_LN2},
		{hypergeometric_lnmgf(5, 5, 3, 0), NAN},
		{hypergeometric_lnmgf(5, 5, 11, 2), NAN},
	};

	(void)state;
	check_borders(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Values known from tables and closed forms. */
static void values(void **state)
{
	const double three[] = {-1000, -1000 + log(2), -INFINITY};
	const struct {
		double actual, expected, relative;
	} cases[] = {
		{normal_quantile(0.975), 1.959963984540054, 1e-14},
		{normal_quantile(1e-300), -37.0471, 1e-6},
		{normal_sf(38), 2.8854278e-316, 1e-6},
		{lnbeta(2, 3), -log(12), 1e-14},
		{lnbeta(1e-5, 1e7), log(1e5) - 1e-5 * (log(1e7) + 0.5772156649) + 8.22467e-11, 1e-13},
		{beta_cdf(0.5, 1, 1), 0.5, 1e-15},
		{beta_cdf(0.25, 3, 1), 0.015625, 1e-14},
		{beta_sf(0.25, 1, 3), 0.421875, 1e-14},
		{beta_lncdf(1e-200, 3, 1), 3 * log(1e-200), 1e-12},
		{beta_quantile(0.125, 3, 1), 0.5, 1e-14},
		{gamma_sf(700, 1), exp(-700), 1e-11},
		{gamma_cdf(1e-10, 1), 1e-10, 1e-9},
		{chi_square_sf(3.841458820694124, 1), 0.05, 1e-12},
		{chi_square_quantile(0.95, 1), 3.841458820694124, 1e-12},
		{student_sf(1, 1), 0.25, 1e-13},
		{student_sf(-1, 1), 0.75, 1e-13},
		{student_quantile(0.975, 4), 2.7764451051977987, 1e-12},
		{binomial_lnpmf(5, 10, 0.5), log(252.0 / 1024), 1e-13},
		{binomial_cdf(0, 1000, 0.5), pow(2, -1000), 1e-10},
		{binomial_sf(1000, 1000, 0.5), pow(2, -1000), 1e-10},
		{hypergeometric_lnpmf(1, 2, 2, 2), log(4.0 / 6), 1e-13},
		{hypergeometric_sf(2, 2, 2, 2), 1.0 / 6, 1e-13},
		{hypergeometric_cdf(1, 2, 2, 2), 5.0 / 6, 1e-13},
		{hypergeometric_lnmgf(2, 2, 2, 3), log((1 + 4 * 3 + 9) / 6.0), 1e-13},
		{kolmogorov_sf(1.3580986393225505), 0.05, 1e-12},
		{kolmogorov_sf(0.9999999), kolmogorov_sf(1), 1e-6},
		{normal_best_of(2), 1 / sqrt(M_PI), 1e-13},
		{logsumexp(three, 3), -1000 + log(3), 1e-15},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		near(cases[i].actual, cases[i].expected, cases[i].relative);
}

/* Sums over the whole support and quantiles of cdfs come back, over random parameters. */
static void identities(void **state)
{
	struct random random;

	(void)state;
	random_init(&random, "special");
	for (int i = 0; i < 1000; i++) {
		double a = exp(10 * random_unit(&random) - 3), b = exp(10 * random_unit(&random) - 3);
		double p = random_unit(&random), q = p * p * p;
		int64_t good = (int64_t)random_below(&random, 60), bad = (int64_t)random_below(&random, 60);
		int64_t draws = (int64_t)random_below(&random, (uint64_t)(good + bad) + 1);
		double w = exp(6 * random_unit(&random) - 3), sum = 0;

		near(beta_cdf(beta_quantile(p, a, b), a, b), p, beta_quantile(p, a, b) > 0.999 ? 1 : 1e-9);
		near(beta_cdf(p, a, b) + beta_sf(p, a, b), 1, 1e-12);
		near(gamma_cdf(a, b) + gamma_sf(a, b), 1, 1e-12);
		near(normal_cdf(normal_quantile(q)), q, 1e-12);
		near(1 - chi_square_sf(chi_square_quantile(p, a), a), p, 1e-9);
		near(student_sf(student_quantile(1 - p, a), a), p, 1e-7);
		for (int64_t x = 0; x <= draws; x++)
			sum += exp(hypergeometric_lnpmf(x, good, bad, draws) + (double)x * log(w));
		near(hypergeometric_lnmgf(good, bad, draws, w), log(sum), 1e-9);
	}
}

/* Mean and variance of the draws, and every value reached: walk and rejection alike. */
static void binomial_draws(void **state)
{
	static const struct {
		uint64_t n;
		double p;
	} cases[] = {{1, 0.5}, {20, 0.1}, {20, 0.9}, {100, 0.1}, {100000, 0.3}, {1000000, 0.9999}};
	enum { DRAWS = 20000 };
	struct random random;

	(void)state;
	random_init(&random, "draws");
	assert_int_equal(random_binomial(&random, 10, 0), 0);
	assert_int_equal(random_binomial(&random, 10, NAN), 0);
	assert_int_equal(random_binomial(&random, 10, 1), 10);
	assert_int_equal(random_binomial(&random, 0, 0.5), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double n = (double)cases[i].n, p = cases[i].p, mean = n * p, variance = mean * (1 - p);
		double sum = 0, squares = 0;

		for (int j = 0; j < DRAWS; j++) {
			double d = (double)random_binomial(&random, cases[i].n, p) - mean;

			assert_true(d >= -mean && d <= n - mean);
			sum += d;
			squares += d * d;
		}
		assert_true(fabs(sum / DRAWS) < 5 * sqrt(variance / DRAWS));
		near(squares / DRAWS, variance, 0.1);
	}
}

/* The published generator from a known state, and bounds without bias. */
static void generator(void **state)
{
	struct random random = {{1, 2, 3, 4}}, a, b;
	uint64_t seen[6] = {0};

	(void)state;
	assert_true(random_next(&random) == UINT64_C(11520));
	assert_true(random_next(&random) == UINT64_C(0));
	assert_true(random_next(&random) == UINT64_C(1509978240));
	random_init(&a, "sha256:00");
	random_init(&b, "sha256:01");
	assert_true(random_next(&a) != random_next(&b));
	random_init(&a, NULL);
	random_init(&b, "");
	assert_true(random_next(&a) == random_next(&b));
	for (int i = 0; i < 60000; i++)
		seen[random_below(&a, 6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 9500, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_is_what_is_computed),
		cmocka_unit_test(continuous_borders), cmocka_unit_test(count_borders),
		cmocka_unit_test(values),
		cmocka_unit_test(identities),
		cmocka_unit_test(binomial_draws),     cmocka_unit_test(generator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
