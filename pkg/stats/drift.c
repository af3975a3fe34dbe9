#include "stats/drift.h"

#include <math.h>

#include "stats/order.h"

/* ---- two samples of numbers ---- */

double ks_distance(const double *x, size_t n, const double *y, size_t m)
{
	size_t i = 0, j = 0;
	double most = 0;

	if (n == 0 || m == 0)
		return NAN;
	while (i < n && j < m) {
		double at = fmin(x[i], y[j]);

		while (i < n && x[i] == at)
			i++;
		while (j < m && y[j] == at)
			j++;
		most = fmax(most, fabs((double)i / (double)n - (double)j / (double)m));
	}
	return most;
}

/* reached[j] is the share of the paths from (0, 0) to (i, j), i rows of x and j of y in any
 * order, on which |i/n - j/m| was at least d once. Sums of positive terms: small tails keep
 * their digits. */
double ks_exact(double d, size_t n, size_t m, struct arena *arena)
{
	double *reached, far = rint(d * (double)n * (double)m) - 0.5;

	if (n == 0 || m == 0 || isnan(d))
		return NAN;
	if (far < 0)
		return 1;
	reached = arena_array(arena, m + 1, double);
	for (size_t i = 0; i <= n; i++) {
		double at = (double)i * (double)m;

		for (size_t j = 0; j <= m; j++) {
			double from_x = i > 0 ? (double)i * reached[j] : 0;
			double from_y = j > 0 ? (double)j * reached[j - 1] : 0;

			reached[j] = fabs(at - (double)j * (double)n) > far ? 1
			             : i + j > 0 ? (from_x + from_y) / (double)(i + j)
			                         : 0;
		}
	}
	return reached[m];
}

double ks_asymptotic(double d, double n, double m)
{
	double root = sqrt(n * m / (n + m));

	return kolmogorov_sf((root + 0.12 + 0.11 / root) * d);
}

double ks_p(double d, size_t n, size_t m, struct arena *arena)
{
	if ((double)n * (double)m <= 1e7)
		return ks_exact(d, n, m, arena);
	return ks_asymptotic(d, (double)n, (double)m);
}

double wasserstein(const double *x, size_t n, const double *y, size_t m)
{
	size_t i = 0, j = 0;
	double area = 0;

	if (n == 0 || m == 0)
		return NAN;
	while (i < n || j < m) {
		double at = i == n ? y[j] : j == m ? x[i] : fmin(x[i], y[j]), next;

		while (i < n && x[i] == at)
			i++;
		while (j < m && y[j] == at)
			j++;
		if (i == n && j == m)
			break;
		next = i == n ? y[j] : j == m ? x[i] : fmin(x[i], y[j]);
		area += fabs((double)i / (double)n - (double)j / (double)m) * (next - at);
	}
	return area;
}

static double mean_of(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

double standard_deviation(const double *x, size_t n)
{
	double mean = mean_of(x, n), squares = 0;

	for (size_t i = 0; i < n; i++)
		squares += (x[i] - mean) * (x[i] - mean);
	return sqrt(squares / (double)n);
}

/* ---- two samples of categories ---- */

static double sum_of(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum;
}

/* One category of the two rows: what it adds to the statistic. */
static void add_category(struct homogeneity *h, double a, double b, double n_a, double n_b)
{
	double expected_a = (a + b) * n_a / (n_a + n_b), expected_b = (a + b) * n_b / (n_a + n_b);

	if (a + b == 0)
		return;
	h->df++;
	h->chi_square += (a - expected_a) * (a - expected_a) / expected_a +
	                 (b - expected_b) * (b - expected_b) / expected_b;
}

struct homogeneity homogeneity_test(const double *a, const double *b, size_t k, bool pool)
{
	double n_a = sum_of(a, k), n_b = sum_of(b, k), rare_a = 0, rare_b = 0;
	struct homogeneity h = {0, -1, 1, 0};

	if (!(n_a > 0 && n_b > 0))
		return (struct homogeneity){0, 0, 1, 0};
	for (size_t i = 0; i < k; i++) {
		double least = (a[i] + b[i]) * fmin(n_a, n_b) / (n_a + n_b);

		if (pool && least < 5) {
			rare_a += a[i];
			rare_b += b[i];
		} else {
			add_category(&h, a[i], b[i], n_a, n_b);
		}
	}
	add_category(&h, rare_a, rare_b, n_a, n_b);
	if (h.df < 1)
		return (struct homogeneity){0, 0, 1, 0};
	h.p = chi_square_sf(h.chi_square, h.df);
	h.v = sqrt(h.chi_square / (n_a + n_b)); /* two rows: the smaller side less one is 1 */
	return h;
}

double fisher_exact(int64_t a, int64_t b, int64_t c, int64_t d)
{
	int64_t good = a + c, bad = b + d, draws = a + b;
	double observed = hypergeometric_lnpmf(a, good, bad, draws), p = 0;

	if (a < 0 || b < 0 || c < 0 || d < 0)
		return NAN;
	for (int64_t x = draws > bad ? draws - bad : 0; x <= draws && x <= good; x++) {
		double ln = hypergeometric_lnpmf(x, good, bad, draws);

		if (ln <= observed + 1e-7)
			p += exp(ln);
	}
	return fmin(1, p);
}

/* ---- two distributions ---- */

double stability_index(const double *p, const double *q, size_t k, double least)
{
	double sum = 0;

	for (size_t i = 0; i < k; i++) {
		double a = fmax(p[i], least), b = fmax(q[i], least);

		sum += (a - b) * log(a / b);
	}
	return sum;
}

double kullback_leibler(const double *p, const double *q, size_t k)
{
	double sum = 0;

	for (size_t i = 0; i < k; i++)
		if (p[i] > 0)
			sum += p[i] * log(p[i] / q[i]);
	return fmax(0, sum);
}

double jensen_shannon(const double *p, const double *q, size_t k)
{
	double sum = 0;

	for (size_t i = 0; i < k; i++) {
		double middle = (p[i] + q[i]) / 2;

		sum += p[i] > 0 ? p[i] / 2 * log(p[i] / middle) : 0;
		sum += q[i] > 0 ? q[i] / 2 * log(q[i] / middle) : 0;
	}
	return fmax(0, sum);
}

double hellinger(const double *p, const double *q, size_t k)
{
	double sum = 0;

	for (size_t i = 0; i < k; i++) {
		double d = sqrt(p[i]) - sqrt(q[i]);

		sum += d * d;
	}
	return sqrt(sum / 2);
}

double total_variation(const double *p, const double *q, size_t k)
{
	double sum = 0;

	for (size_t i = 0; i < k; i++)
		sum += fabs(p[i] - q[i]);
	return sum / 2;
}

double stability_index_null(double quantile, size_t bins, double n, double m)
{
	return bins < 2 ? 0 : (1 / n + 1 / m) * chi_square_quantile(quantile, (double)bins - 1);
}

double ks_distance_null(double quantile, double n, double m)
{
	double low = 0, high = 1;

	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (ks_asymptotic(middle, n, m) > 1 - quantile)
			low = middle;
		else
			high = middle;
	}
	return high;
}

double cramers_v_null(double quantile, size_t categories, double rows)
{
	return categories < 2 ? 0
	                      : sqrt(chi_square_quantile(quantile, (double)categories - 1) / rows);
}

double autocorrelation(const double *x, size_t n)
{
	double mean = mean_of(x, n), lagged = 0, squares = 0;

	for (size_t i = 0; i < n; i++) {
		squares += (x[i] - mean) * (x[i] - mean);
		lagged += i > 0 ? (x[i] - mean) * (x[i - 1] - mean) : 0;
	}
	return squares > 0 ? lagged / squares : 0;
}

double effective_rows(const double *x, size_t n)
{
	double r = autocorrelation(x, n);

	return r > 0.1 ? (double)n * (1 - r) / (1 + r) : (double)n;
}

/* ---- many tests ---- */

static double harmonic(size_t n)
{
	double sum = 0;

	for (size_t i = 1; i <= n; i++)
		sum += 1 / (double)i;
	return sum;
}

/* What the p of rank `rank` (from 1, ascending) of n is multiplied by, Yekutieli's sum apart. */
static double multiplier(enum correction correction, size_t rank, size_t n)
{
	double all = (double)n;

	switch (correction) {
	case CORRECT_BONFERRONI:
		return all;
	case CORRECT_HOLM:
		return (double)(n - rank + 1);
	case CORRECT_BENJAMINI_HOCHBERG:
	case CORRECT_BENJAMINI_YEKUTIELI:
		return all / (double)rank;
	case CORRECTIONS:
		break;
	}
	return NAN;
}

void adjust_p(enum correction correction, const double *p, size_t n, double *adjusted,
            struct arena *arena)
{
	double *known = arena_array(arena, n, double), bound;
	double sum = correction == CORRECT_BENJAMINI_YEKUTIELI ? harmonic(n) : 1;
	const uint32_t *order;
	bool step_up = correction == CORRECT_BENJAMINI_HOCHBERG ||
	               correction == CORRECT_BENJAMINI_YEKUTIELI;

	for (size_t i = 0; i < n; i++)
		known[i] = isnan(p[i]) ? 1 : p[i];
	order = sort_order(known, n, arena);
	for (size_t i = 0; i < n; i++)
		adjusted[order[i]] = fmin(1, known[order[i]] * multiplier(correction, i + 1, n) * sum);
	/* Kept in the order of p: step-up from the largest down, else from the smallest up. */
	bound = step_up ? 1 : 0;
	for (size_t i = 0; i < n; i++) {
		double *at = &adjusted[order[step_up ? n - 1 - i : i]];

		bound = *at = step_up ? fmin(bound, *at) : fmax(bound, *at);
	}
}

/* ---- decay ---- */

double error_llr(bool error, double p0, double p1)
{
	return error ? log(p1 / p0) : log1p(-p1) - log1p(-p0);
}

double cusum_next(double s, double llr)
{
	return fmax(0, s + llr);
}

double shiryaev_roberts_next(double ln_m, double llr)
{
	return (ln_m > 0 ? ln_m + log1p(exp(-ln_m)) : log1p(exp(ln_m))) + llr;
}

static double mean_llr(double p, double p0, double p1)
{
	return p * error_llr(true, p0, p1) + (1 - p) * error_llr(false, p0, p1);
}

struct sprt sprt(double p0, double p1, double alpha, double beta)
{
	double upper = log((1 - beta) / alpha), lower = log(beta / (1 - alpha));

	return (struct sprt){
		.upper = upper,
		.lower = lower,
		.rows_p0 = (alpha * upper + (1 - alpha) * lower) / mean_llr(p0, p0, p1),
		.rows_p1 = ((1 - beta) * upper + beta * lower) / mean_llr(p1, p0, p1),
	};
}
