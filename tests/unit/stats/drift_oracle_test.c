#include "stats/oracle.h"

#include "stats/drift.h"
#include "stats/order.h"
#include "stats/paired.h"
#include "stats/proportion.h"

static struct arena arena;

/* Numbers in the first [...] of the text. */
static size_t first_list(const struct line *l)
{
	size_t n = 1;

	for (const char *c = l->text; *c && *c != ']'; c++)
		n += *c == ',';
	return n;
}

static void values(const struct line *l, size_t from, size_t n, double *out)
{
	assert_in_range(n, 1, 16);
	for (size_t i = 0; i < n; i++)
		out[i] = at(l, from + i);
}

static void ks(const struct line *l) /* ... n m D exact kstwo kolmogorov stephens */
{
	size_t i = l->count - 7;
	double n = at(l, i), m = at(l, i + 1), d = at(l, i + 2), root = sqrt(n * m / (n + m));

	CHECK(l, i + 3, ks_exact(d, (size_t)n, (size_t)m, &arena));
	CHECK(l, i + 5, kolmogorov_sf(root * d));
	CHECK(l, i + 6, ks_asymptotic(d, n, m));
}

static void ks_limit(const struct line *l) /* D n m p */
{
	CHECK(l, 3, kolmogorov_sf(sqrt(at(l, 1) * at(l, 2) / (at(l, 1) + at(l, 2))) * at(l, 0)));
}

static void homogeneity(const struct line *l)
{
	size_t k = first_list(l);
	double a[16] = {0}, b[16] = {0}, n_a = 0, n_b = 0, fit = 0;
	struct homogeneity h;

	values(l, 0, k, a);
	values(l, k, k, b);
	h = homogeneity_test(a, b, k, false);
	CHECK(l, 2 * k, h.chi_square);
	CHECK(l, 2 * k + 1, h.p);
	CHECK(l, 2 * k + 2, h.df);
	CHECK(l, 2 * k + 3, h.v);
	for (size_t i = 0; i < k; i++) {
		n_a += a[i];
		n_b += b[i];
	}
	for (size_t i = 0; i < k; i++) {
		double expected = a[i] * n_b / n_a;

		fit += (b[i] - expected) * (b[i] - expected) / expected;
	}
	CHECK(l, 2 * k + 4, fit);
	CHECK(l, 2 * k + 5, chi_square_sf(fit, (double)k - 1));
}

static void two_by_two(const struct line *l) /* 2, the table, Yates' chi-square and p, odds, p */
{
	double t[4], n = 0, yates = 0;

	values(l, 1, 4, t);
	for (int i = 0; i < 4; i++)
		n += t[i];
	for (int i = 0; i < 4; i++) {
		double row = i < 2 ? t[0] + t[1] : t[2] + t[3], column = t[i % 2] + t[i % 2 + 2];
		double off = fabs(t[i] - row * column / n) - 0.5;

		yates += off * off / (row * column / n);
	}
	CHECK(l, 5, yates);
	CHECK(l, 6, chi_square_sf(yates, 1));
	CHECK(l, 7, t[0] * t[3] / (t[1] * t[2]));
	CHECK(l, 8, fisher_exact((int64_t)t[0], (int64_t)t[1], (int64_t)t[2], (int64_t)t[3]));
}

static void distances(const struct line *l)
{
	size_t k = first_list(l);
	double p[16] = {0}, q[16] = {0}, js;

	values(l, 0, k, p);
	values(l, k, k, q);
	js = jensen_shannon(p, q, k);
	CHECK(l, 2 * k, stability_index(p, q, k, 1e-4));
	CHECK(l, 2 * k + 1, sqrt(js));
	CHECK(l, 2 * k + 2, sqrt(js / M_LN2));
	CHECK(l, 2 * k + 3, js);
	CHECK(l, 2 * k + 4, kullback_leibler(p, q, k));
	if (memcmp(p, q, k * sizeof(p[0])) == 0) /* the printed 1e-8 is rounding */
		assert_true(hellinger(p, q, k) == 0);
	else
		CHECK(l, 2 * k + 5, hellinger(p, q, k));
	CHECK(l, 2 * k + 6, total_variation(p, q, k));
}

static void distance_max(const struct line *l)
{
	const double p[2] = {1, 0}, q[2] = {0, 1};

	CHECK(l, l->count - 1, sqrt(jensen_shannon(p, q, 2)));
	assert_true(isinf(kullback_leibler(p, q, 2)) && total_variation(p, q, 2) == 1);
}

static void stability_null(const struct line *l) /* bins n m mean crit .1 P .25 P */
{
	double bins = at(l, 0), scale = 1 / at(l, 1) + 1 / at(l, 2);

	CHECK(l, 3, (bins - 1) * scale);
	CHECK(l, 4, stability_index_null(0.95, (size_t)bins, at(l, 1), at(l, 2)));
	CHECK(l, 6, chi_square_sf(0.1 / scale, bins - 1));
	CHECK(l, 8, chi_square_sf(0.25 / scale, bins - 1));
}

static void wasserstein_case(const struct line *l)
{
	size_t n = first_list(l), m = l->count - 3 - n;
	double x[16] = {0}, y[16] = {0}, w, sd;

	values(l, 0, n, x);
	values(l, n, m, y);
	w = wasserstein(x, n, y, m);
	sd = standard_deviation(x, n);
	CHECK(l, n + m, w);
	CHECK(l, n + m + 1, sd);
	CHECK(l, n + m + 2, w / sd);
}

static void check_z(const struct line *l, size_t i, double p1, double n1, double p2, double n2)
{
	double z = proportion_z(p1 * n1 / 100, n1, p2 * n2 / 100, n2);

	CHECK(l, i, z);
	CHECK(l, i + 1, 2 * normal_sf(fabs(z)));
}

static void z_of_two(const struct line *l) /* p1 n1 p2 n2 z p */
{
	check_z(l, 4, at(l, 0), at(l, 1), at(l, 2), at(l, 3));
}

static void z_of_equal(const struct line *l) /* (p1 p2 n z p) any number of times */
{
	for (size_t i = 0; i + 4 < l->count; i += 5)
		check_z(l, i + 3, at(l, i), at(l, i + 2), at(l, i + 1), at(l, i + 2));
}

static void rows_one(const struct line *l) /* a pow p0 p1 n a pow n */
{
	CHECK(l, 4, proportion_rows(at(l, 2), at(l, 3), at(l, 0), 1 - at(l, 1)));
	CHECK(l, 7, proportion_rows(at(l, 2), at(l, 3), at(l, 5), 1 - at(l, 6)));
}

static void rows_two(const struct line *l) /* a pow p1 p2 n 5% total 25% total */
{
	double n = proportion_rows_each(at(l, 2), at(l, 3), at(l, 0), 1 - at(l, 1));

	CHECK(l, 4, n);
	CHECK(l, 6, n / (at(l, 5) / 100));
	CHECK(l, 8, n / (at(l, 7) / 100));
}

/* ---- many tests ---- */

static const double many[10] = {0.001, 0.008, 0.039, 0.041, 0.042,
                                0.06,  0.074, 0.205, 0.212, 0.216};

static void many_given(const struct line *l)
{
	for (size_t i = 0; i < 10; i++)
		CHECK(l, i, many[i]);
}

static void check_adjusted(const struct line *l, enum correction correction)
{
	double adjusted[10];

	adjust_p(correction, many, 10, adjusted, &arena);
	for (size_t i = 0; i < 10; i++)
		CHECK(l, i, adjusted[i]);
}

static void benjamini_hochberg(const struct line *l)
{
	check_adjusted(l, CORRECT_BENJAMINI_HOCHBERG);
}

static void bonferroni(const struct line *l)
{
	check_adjusted(l, CORRECT_BONFERRONI);
}

static void benjamini_yekutieli(const struct line *l) /* factor c(10) */
{
	double hochberg[10], yekutieli[10];

	adjust_p(CORRECT_BENJAMINI_HOCHBERG, many, 10, hochberg, &arena);
	adjust_p(CORRECT_BENJAMINI_YEKUTIELI, many, 10, yekutieli, &arena);
	for (size_t i = 0; i < 10; i++)
		CHECK(l, l->count - 1, yekutieli[i] / hochberg[i]);
}

static void family_wise(const struct line *l) /* 20 at .05: p 100: p */
{
	CHECK(l, 2, 1 - binomial_cdf(0, at(l, 0), at(l, 1)));
	CHECK(l, 4, 1 - binomial_cdf(0, at(l, 3), at(l, 1)));
}

/* k and mean, four times, .86 1500 sd. The means were simulated: for two the line has 0.563, where
 * 1 / sqrt(pi) = 0.5642 is exact. */
static void best_of(const struct line *l)
{
	size_t last = l->count - 1;

	for (size_t i = 0; i < 8; i += 2)
		assert_true(fabs(normal_best_of((int)at(l, i)) - at(l, i + 1)) < 0.002);
	CHECK(l, last, sqrt(at(l, last - 2) * (1 - at(l, last - 2)) / at(l, last - 1)));
}

/* Folds 87, 89, 85, 88, 86, as the design gives them. */
static void cross_validation(const struct line *l) /* mean sd se low high */
{
	const double folds[5] = {87, 89, 85, 88, 86};
	double sd = standard_deviation(folds, 5) * sqrt(5.0 / 4), se = sd / sqrt(5);
	double t = student_quantile(0.975, 4);

	CHECK(l, 0, 87);
	CHECK(l, 1, sd);
	CHECK(l, 2, se);
	CHECK(l, 3, 87 - t * se);
	CHECK(l, 4, 87 + t * se);
}

static const struct rule drift_rules[] = {
	{"", "Oracle values", NULL, "prose"},
	{"== KS", "== ", NULL, "head"},
	{"== KS", "D ", ks_limit, NULL},
	{"== KS", "", ks, NULL},
	{"== chi2", "== ", NULL, "head"},
	{"== chi2", "[", homogeneity, NULL},
	{"== chi2", "2x2", two_by_two, NULL},
	{"== PSI/", "== ", NULL, "head"},
	{"== PSI/", "[", distances, NULL},
	{"== PSI/", "max", distance_max, NULL},
	{"== PSI null", "== ", NULL, "head"},
	{"== PSI null", "", stability_null, NULL},
	{"== Wasserstein", "== ", NULL, "head"},
	{"== Wasserstein", "", wasserstein_case, NULL},
	{"== Z two", "== ", NULL, "head"},
	{"== Z two", "89%", z_of_two, NULL},
	{"== Z two", "one-sample", rows_one, NULL},
	{"== Z two", "canary", rows_two, NULL},
	{"== Z two", "", z_of_equal, NULL},
	{"== multiple", "== ", NULL, "head"},
	{"== multiple", "p [", many_given, NULL},
	{"== multiple", "BH", benjamini_hochberg, NULL},
	{"== multiple", "Bonf", bonferroni, NULL},
	{"== multiple", "BY", benjamini_yekutieli, NULL},
	{"== multiple", "FWER", family_wise, NULL},
	{"== winner", "== ", best_of, NULL},
	{"== winner", "CV", cross_validation, NULL},
	{"== winner", "Nadeau", NULL, "no part of the design uses the corrected error"},
};

/* ---- misc.txt ---- */

static void midp(const struct line *l) /* b c midp exact */
{
	CHECK(l, 2, mcnemar_midp((int64_t)at(l, 0), (int64_t)at(l, 1)));
	CHECK(l, 3, mcnemar_exact((int64_t)at(l, 0), (int64_t)at(l, 1)));
}

static void shiryaev_roberts(const struct line *l) /* errors, M */
{
	double ln_m = -INFINITY;

	for (int i = 0; i < (int)at(l, 0); i++)
		ln_m = shiryaev_roberts_next(ln_m, error_llr(true, 0.11, 0.18));
	CHECK(l, 1, exp(ln_m));
}

static void errors_needed(const struct line *l) /* ... 1000 ->errors needed N */
{
	double ln_m = -INFINITY, errors = 0;

	for (; ln_m < log(1000); errors++)
		ln_m = shiryaev_roberts_next(ln_m, error_llr(true, 0.11, 0.18));
	CHECK(l, l->count - 1, errors);
}

static void cusum(const struct line *l) /* p0 p1, 17 outcomes, 17 sums */
{
	double s = 0;
	size_t n = (l->count - 2) / 2;

	assert_int_equal(n, 17);
	for (size_t i = 0; i < n; i++) {
		s = cusum_next(s, error_llr(at(l, 2 + i) == 1, 0.11, 0.18));
		CHECK(l, 2 + n + i, s);
	}
}

static void paired_size(const struct line *l) /* 1pt disc a pow n */
{
	CHECK(l, l->count - 1, paired_rows(0.01, at(l, 1), at(l, 2), 1 - at(l, 3)));
}

static void hoeffding_size(const struct line *l)
{
	CHECK(l, l->count - 1, ceil(hoeffding_rows(0.01, 0.05, 1, USES_INDEPENDENT, 1, 2)));
}

static void bennett_size(const struct line *l) /* d eps delta 1 n d n */
{
	CHECK(l, 4, ceil(bennett_rows(at(l, 0), at(l, 1), at(l, 2), 2)));
	CHECK(l, 6, ceil(bennett_rows(at(l, 5), at(l, 1), at(l, 2), 2)));
}

static const struct rule misc_rules[] = {
	{"", "Oracle values", NULL, "prose"},
	{"", "midp", midp, NULL},
	{"", "SR", shiryaev_roberts, NULL},
	{"", "thresholds", errors_needed, NULL},
	{"", "CUSUM", cusum, NULL},
	{"", "paired McNemar", paired_size, NULL},
	{"", "hoeffding", hoeffding_size, NULL},
	{"", "bennett", bennett_size, NULL},
	{"", "DSSE", NULL, "signatures: not statistics"},
	{"", "split", NULL, "splits belong to dataset"},
	{"", "sha256", NULL, "buckets belong to dataset"},
	{"", "bucket", NULL, "buckets belong to dataset"},
	{"", "Running tests", NULL, "automation levels belong to api"},
	{"", "Building Docker", NULL, "automation levels belong to api"},
	{"", "Model training", NULL, "automation levels belong to api"},
	{"", "Deploying", NULL, "automation levels belong to api"},
	{"", "Interpreting", NULL, "automation levels belong to api"},
	{"", "Responding", NULL, "automation levels belong to api"},
	{"", "seed case", NULL, "triggers belong to plan"},
	{"", "weeks", NULL, "triggers belong to plan"},
};

static void drift(void **state)
{
	(void)state;
	oracle_run("drift.txt", drift_rules, sizeof(drift_rules) / sizeof(drift_rules[0]));
}

static void misc(void **state)
{
	(void)state;
	oracle_run("misc.txt", misc_rules, sizeof(misc_rules) / sizeof(misc_rules[0]));
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drift),
		cmocka_unit_test(misc),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
