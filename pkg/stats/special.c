#include "stats/special.h"

#include <float.h>
#include <math.h>

enum { ITERATIONS_MAX = 1000000 };

static double lngamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

double logsumexp(const double *x, size_t n)
{
	double top = -INFINITY, sum = 0;

	for (size_t i = 0; i < n; i++)
		top = fmax(top, x[i]);
	if (isinf(top))
		return top;
	for (size_t i = 0; i < n; i++)
		sum += exp(x[i] - top);
	return top + log(sum);
}

/* ---- saddle point (Loader, Fast and accurate computation of binomial probabilities, 2000) ---- */

/* ln n! less Stirling's approximation of it; n >= 0. */
static double stirling_error(double n)
{
	double nn = n * n;

	if (n < 16)
		return lngamma(n + 1) - (n + 0.5) * log(n) + n - 0.5 * log(2 * M_PI);
	return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / nn) / nn) / nn) / nn) /
	       n;
}

/* x ln(x/m) + m - x without cancellation when x is near m. */
static double deviance(double x, double m)
{
	double d = (x - m) / (x + m), term = 2 * x * d, sum = (x - m) * d;

	if (fabs(x - m) >= 0.1 * (x + m))
		return x * log(x / m) + m - x;
	for (int k = 3; k < 1000; k += 2) {
		double before = sum;

		term *= d * d;
		sum += term / k;
		if (sum == before)
			break;
	}
	return sum;
}

/* ln of x^a (1-x)^b / B(a, b) * (a + b) / (a b), a > 0, b > 0, 0 < x < 1; y = 1 - x. */
static double lnkernel(double x, double y, double a, double b)
{
	double n = a + b;

	return stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) -
	       deviance(b, n * y) + 0.5 * (log(n) - log(2 * M_PI) - log(a) - log(b));
}

double lnbeta(double a, double b)
{
	if (!(a > 0 && b > 0))
		return NAN;
	return log(a + b) - log(a) - log(b) - a * log1p(b / a) - b * log1p(a / b) -
	       lnkernel(a / (a + b), b / (a + b), a, b);
}

/* ---- normal ---- */

double normal_sf(double z)
{
	return 0.5 * erfc(z * M_SQRT1_2);
}

double normal_cdf(double z)
{
	return normal_sf(-z);
}

/* Newton's method on ln sf, which is concave, from Hastings' approximation. */
double normal_quantile(double p)
{
	double tail = fmin(p, 1 - p), t, z;

	if (!(p >= 0 && p <= 1))
		return NAN;
	if (tail == 0 || tail == 0.5)
		return tail == 0.5 ? 0 : p == 0 ? -INFINITY : INFINITY;
	t = sqrt(-2 * log(tail));
	z = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
	            (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
	for (int i = 0; i < 4; i++) {
		double sf = normal_sf(z), density = exp(-0.5 * z * z) / sqrt(2 * M_PI);

		z += (log(sf) - log(tail)) * sf / density;
	}
	return p < 0.5 ? -z : z;
}

/* ---- beta ---- */

/* The continued fraction of I_x(a, b) a B(a, b) / (x^a (1-x)^b), for x below the mean. */
static double beta_fraction(double x, double a, double b)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1), h;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	h = d;
	for (int i = 1; i < ITERATIONS_MAX; i++) {
		double m = i, even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), step;

		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		h *= d * c;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		h *= step;
		if (fabs(step - 1) < DBL_EPSILON)
			break;
	}
	return h;
}

/* ln I_x(a, b) for x below the mean; y = 1 - x. */
static double beta_lntail(double x, double y, double a, double b)
{
	return lnkernel(x, y, a, b) + log(b) - log(a + b) + log(beta_fraction(x, a, b));
}

/* ln I_x(a, b) with y = 1 - x given, so that neither loses digits. */
static double beta_lncdf2(double x, double y, double a, double b)
{
	if (!(a > 0 && b > 0) || isnan(x) || isnan(y))
		return NAN;
	if (x <= 0 || y <= 0)
		return x <= 0 ? -INFINITY : 0;
	if (x * (a + b + 2) < a + 1)
		return beta_lntail(x, y, a, b);
	return log1p(-fmin(1, exp(beta_lntail(y, x, b, a))));
}

static double beta_cdf2(double x, double y, double a, double b)
{
	if (a > 0 && b > 0 && x > 0 && y > 0 && x * (a + b + 2) >= a + 1)
		return 1 - fmin(1, exp(beta_lntail(y, x, b, a)));
	return exp(beta_lncdf2(x, y, a, b));
}

double beta_lncdf(double x, double a, double b)
{
	return beta_lncdf2(x, 1 - x, a, b);
}

double beta_cdf(double x, double a, double b)
{
	return beta_cdf2(x, 1 - x, a, b);
}

double beta_sf(double x, double a, double b)
{
	return beta_cdf2(1 - x, x, b, a);
}

/* Bisection on the logit, in the tail that is the smaller one. */
double beta_quantile(double p, double a, double b)
{
	double low = -750, high = 750;

	if (!(p >= 0 && p <= 1 && a > 0 && b > 0))
		return NAN;
	if (p == 0 || p == 1)
		return p;
	for (;;) {
		double middle = (low + high) / 2, x = 1 / (1 + exp(-middle)), y = 1 / (1 + exp(middle));

		if (middle == low || middle == high || high - low < DBL_EPSILON)
			return x;
		if (p <= 0.5 ? beta_cdf2(x, y, a, b) < p : beta_cdf2(y, x, b, a) > 1 - p)
			low = middle;
		else
			high = middle;
	}
}

/* ---- gamma ---- */

/* ln of x^a e^-x / Gamma(a + 1). */
static double gamma_lnkernel(double x, double a)
{
	return -stirling_error(a) - deviance(a, x) - 0.5 * log(2 * M_PI * a);
}

static double gamma_series(double x, double a)
{
	double term = 1, sum = 1;

	for (int i = 1; i < ITERATIONS_MAX && term > sum * DBL_EPSILON / 4; i++) {
		term *= x / (a + i);
		sum += term;
	}
	return exp(gamma_lnkernel(x, a)) * sum;
}

static double gamma_fraction(double x, double a)
{
	const double tiny = 1e-300;
	double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;

	for (int i = 1; i < ITERATIONS_MAX; i++) {
		double an = -i * (i - a), step;

		b += 2;
		d = an * d + b;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = b + an / c;
		c = fabs(c) < tiny ? tiny : c;
		step = d * c;
		h *= step;
		if (fabs(step - 1) < DBL_EPSILON)
			break;
	}
	return exp(gamma_lnkernel(x, a)) * a * h;
}

double gamma_cdf(double x, double a)
{
	if (!(a > 0) || isnan(x))
		return NAN;
	if (x <= 0 || isinf(x))
		return x <= 0 ? 0 : 1;
	return x < a + 1 ? gamma_series(x, a) : 1 - gamma_fraction(x, a);
}

double gamma_sf(double x, double a)
{
	if (!(a > 0) || isnan(x))
		return NAN;
	if (x <= 0 || isinf(x))
		return x <= 0 ? 1 : 0;
	return x < a + 1 ? 1 - gamma_series(x, a) : gamma_fraction(x, a);
}

double chi_square_sf(double x, double df)
{
	return gamma_sf(x / 2, df / 2);
}

double chi_square_quantile(double p, double df)
{
	double low = 0, high = 1;

	if (!(p >= 0 && p <= 1 && df > 0))
		return NAN;
	if (p == 1)
		return INFINITY;
	while (gamma_sf(high / 2, df / 2) > 1 - p)
		high *= 2;
	for (;;) { /* until low and high are neighbours */
		double middle = (low + high) / 2;

		if (middle == low || middle == high)
			return middle;
		if (p <= 0.5 ? gamma_cdf(middle / 2, df / 2) < p : gamma_sf(middle / 2, df / 2) > 1 - p)
			low = middle;
		else
			high = middle;
	}
}

double student_sf(double t, double df)
{
	double x = df / (df + t * t), y = t * t / (df + t * t);
	double tail = beta_cdf2(x, y, df / 2, 0.5) / 2;

	return t < 0 ? 1 - tail : tail;
}

double student_quantile(double p, double df)
{
	double tail = fmin(p, 1 - p), y, t;

	if (!(p >= 0 && p <= 1 && df > 0))
		return NAN;
	if (tail == 0)
		return p == 0 ? -INFINITY : INFINITY;
	y = beta_quantile(2 * tail, df / 2, 0.5);
	t = sqrt(df * (1 - y) / y);
	return p < 0.5 ? -t : t;
}

/* ---- counts ---- */

double binomial_lnpmf(double k, double n, double p)
{
	if (!(n >= 0 && p >= 0 && p <= 1) || isnan(k))
		return NAN;
	if (k < 0 || k > n)
		return -INFINITY;
	if (k == 0)
		return n == 0 ? 0 : n * log1p(-p);
	if (k == n)
		return n * log(p);
	return p == 0 || p == 1 ? -INFINITY : lnkernel(p, 1 - p, k, n - k);
}

double binomial_cdf(double k, double n, double p)
{
	if (!(n >= 0 && p >= 0 && p <= 1) || isnan(k))
		return NAN;
	k = floor(k);
	if (k < 0 || k >= n)
		return k < 0 ? 0 : 1;
	return beta_cdf2(1 - p, p, n - k, k + 1);
}

double binomial_sf(double k, double n, double p)
{
	if (!(n >= 0 && p >= 0 && p <= 1) || isnan(k))
		return NAN;
	k = ceil(k);
	if (k <= 0 || k > n)
		return k <= 0 ? 1 : 0;
	return beta_cdf2(p, 1 - p, k, n - k + 1);
}

double hypergeometric_lnpmf(int64_t x, int64_t good, int64_t bad, int64_t draws)
{
	double p = (double)draws / (double)(good + bad);

	if (good < 0 || bad < 0 || draws < 0 || draws > good + bad)
		return NAN;
	if (x < 0 || x > good || draws - x < 0 || draws - x > bad)
		return -INFINITY;
	if (draws == 0)
		return 0;
	/* P(x of good) P(draws - x of bad) / P(draws of all), each binomial at the same p. */
	return binomial_lnpmf((double)x, (double)good, p) +
	       binomial_lnpmf((double)(draws - x), (double)bad, p) -
	       binomial_lnpmf((double)draws, (double)(good + bad), p);
}

struct support {
	int64_t low, high;
};

static struct support hypergeometric_support(int64_t good, int64_t bad, int64_t draws)
{
	return (struct support){draws > bad ? draws - bad : 0, draws < good ? draws : good};
}

/* Ratio P(x + 1) / P(x) under odds w. */
static double rise(int64_t x, int64_t good, int64_t bad, int64_t draws, double w)
{
	return w * (double)(good - x) * (double)(draws - x) /
	       ((double)(x + 1) * (double)(bad - draws + x + 1));
}

/* Sum of P(y) / P(x) under odds w for y from x away from the mode: the terms only fall. */
static double tail_sum(int64_t x, int64_t good, int64_t bad, int64_t draws, double w, int direction)
{
	struct support support = hypergeometric_support(good, bad, draws);
	double term = 1, sum = 1;

	for (int64_t y = x; direction > 0 ? y < support.high : y > support.low; y += direction) {
		term *= direction > 0 ? rise(y, good, bad, draws, w)
		                      : 1 / rise(y - 1, good, bad, draws, w);
		sum += term;
		if (term < sum * DBL_EPSILON / 1024)
			break;
	}
	return sum;
}

/* P(X on the `direction` side of x, x with it), summed from x where the terms fall that way, else
 * as one less the other side. */
static double hypergeometric_tail(int64_t x, int64_t good, int64_t bad, int64_t draws,
                                  int direction)
{
	double lnpmf = hypergeometric_lnpmf(x, good, bad, draws);
	double mean = (double)draws * (double)good / (double)(good + bad);
	struct support support = hypergeometric_support(good, bad, draws);

	if (isnan(lnpmf))
		return NAN;
	if (x < support.low || x > support.high)
		return (x < support.low) == (direction > 0) ? 1 : 0;
	if (direction > 0 ? (double)x >= mean : (double)x <= mean)
		return exp(lnpmf) * tail_sum(x, good, bad, draws, 1, direction);
	return 1 - hypergeometric_tail(x + (direction > 0 ? -1 : 1), good, bad, draws, -direction);
}

double hypergeometric_cdf(int64_t x, int64_t good, int64_t bad, int64_t draws)
{
	return hypergeometric_tail(x, good, bad, draws, -1);
}

double hypergeometric_sf(int64_t x, int64_t good, int64_t bad, int64_t draws)
{
	return hypergeometric_tail(x, good, bad, draws, 1);
}

double hypergeometric_lnmgf(int64_t good, int64_t bad, int64_t draws, double w)
{
	struct support support = hypergeometric_support(good, bad, draws);
	int64_t low = support.low, high = support.high;
	double lnpmf;

	if (!(w > 0) || isnan(hypergeometric_lnpmf(low, good, bad, draws)))
		return NAN;
	while (low < high) { /* the mode: the first x from which P falls */
		int64_t middle = low + (high - low) / 2;

		if (rise(middle, good, bad, draws, w) > 1)
			low = middle + 1;
		else
			high = middle;
	}
	lnpmf = hypergeometric_lnpmf(low, good, bad, draws) + (double)low * log(w);
	return lnpmf + log(tail_sum(low, good, bad, draws, w, 1) +
	                   tail_sum(low, good, bad, draws, w, -1) - 1);
}

double kolmogorov_sf(double x)
{
	double sum = 0;

	if (isnan(x))
		return NAN;
	if (x <= 0)
		return 1;
	if (x < 1) {
		for (int k = 1; k < 100; k += 2)
			sum += exp(-(double)(k * k) * M_PI * M_PI / (8 * x * x));
		return 1 - sqrt(2 * M_PI) / x * sum;
	}
	for (int k = 1; k < 100; k++)
		sum += (k % 2 ? 2 : -2) * exp(-2 * (double)(k * k) * x * x);
	return sum;
}

/* Integral of z d(cdf^k) by the trapezoid rule, which is exact to rounding for such tails. */
double normal_best_of(int k)
{
	const double step = 1.0 / 64;
	double sum = 0;

	if (k < 1)
		return NAN;
	for (int i = -12 * 64; i <= 12 * 64; i++) {
		double z = i * step;

		sum += z * k * pow(normal_cdf(z), k - 1) * exp(-0.5 * z * z) / sqrt(2 * M_PI);
	}
	return sum * step;
}
