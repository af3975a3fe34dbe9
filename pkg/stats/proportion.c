#include "stats/proportion.h"

#include <math.h>
#include <stdbool.h>

static const struct interval anything = {0, 1};
static const struct interval nothing = {NAN, NAN};

static bool counts_good(double x, double n)
{
	return x >= 0 && x <= n && isfinite(n);
}

struct interval proportion_wilson(double x, double n, double alpha)
{
	double z = alpha == 0.05 ? Z_95 : normal_quantile(1 - alpha / 2), p = x / n, middle, radius;

	if (!counts_good(x, n))
		return nothing;
	if (n == 0)
		return anything;
	middle = (p + z * z / (2 * n)) / (1 + z * z / n);
	radius = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	return (struct interval){x == 0 ? 0 : fmax(0, middle - radius),
	                         x == n ? 1 : fmin(1, middle + radius)};
}

double proportion_lower(double x, double n, double alpha)
{
	if (!counts_good(x, n))
		return NAN;
	return x == 0 ? 0 : beta_quantile(alpha, x, n - x + 1);
}

double proportion_upper(double x, double n, double alpha)
{
	if (!counts_good(x, n))
		return NAN;
	return x == n ? 1 : 1 - beta_quantile(alpha, n - x, x + 1);
}

struct interval proportion_exact(double x, double n, double alpha)
{
	return (struct interval){proportion_lower(x, n, alpha / 2), proportion_upper(x, n, alpha / 2)};
}

struct interval proportion_difference(double x1, double n1, double x2, double n2, double alpha)
{
	struct interval w1 = proportion_wilson(x1, n1, alpha), w2 = proportion_wilson(x2, n2, alpha);
	double p1 = x1 / n1, p2 = x2 / n2, d = p1 - p2;

	if (!counts_good(x1, n1) || !counts_good(x2, n2))
		return nothing;
	if (n1 == 0 || n2 == 0)
		return (struct interval){-1, 1};
	return (struct interval){d - hypot(p1 - w1.low, w2.high - p2),
	                         d + hypot(w1.high - p1, p2 - w2.low)};
}

double proportion_z(double x1, double n1, double x2, double n2)
{
	double pooled = (x1 + x2) / (n1 + n2), se = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));

	if (!counts_good(x1, n1) || !counts_good(x2, n2) || n1 == 0 || n2 == 0)
		return NAN;
	return se > 0 ? (x1 / n1 - x2 / n2) / se : 0;
}

double proportion_rows(double p0, double p1, double alpha, double beta)
{
	double root = normal_quantile(1 - alpha) * sqrt(p0 * (1 - p0)) +
	              normal_quantile(1 - beta) * sqrt(p1 * (1 - p1));

	return ceil(root * root / ((p1 - p0) * (p1 - p0)));
}

double proportion_rows_each(double p1, double p2, double alpha, double beta)
{
	double mean = (p1 + p2) / 2;
	double root = normal_quantile(1 - alpha) * sqrt(2 * mean * (1 - mean)) +
	              normal_quantile(1 - beta) * sqrt(p1 * (1 - p1) + p2 * (1 - p2));

	return ceil(root * root / ((p1 - p2) * (p1 - p2)));
}

double proportion_detectable(double n, double p0, int direction, double alpha, double beta)
{
	double near = p0, far = direction < 0 ? 0 : 1;

	if (!(n > 0 && p0 >= 0 && p0 <= 1) || proportion_rows(p0, far, alpha, beta) > n)
		return NAN;
	for (int i = 0; i < 100; i++) {
		double middle = (near + far) / 2;

		if (proportion_rows(p0, middle, alpha, beta) > n)
			near = middle;
		else
			far = middle;
	}
	return far;
}

/* ---- how often the same rows may be asked ---- */

/* ln of the number of statements that must hold together. */
static double lnstatements(double uses, enum adaptivity adaptivity)
{
	return adaptivity == USES_ADAPTIVE ? uses * M_LN2 : log(uses);
}

double hoeffding_rows(double eps, double delta, double uses, enum adaptivity adaptivity, int sides,
                      int variables)
{
	double share = eps / variables;

	return (lnstatements(uses, adaptivity) + log(sides * variables / delta)) / (2 * share * share);
}

double hoeffding_radius(double n, double delta, double uses, enum adaptivity adaptivity, int sides)
{
	return sqrt((lnstatements(uses, adaptivity) + log(sides / delta)) / (2 * n));
}

double hoeffding_uses(double n, double eps, double delta, enum adaptivity adaptivity)
{
	double lnmost = 2 * n * eps * eps + log(delta / 2);

	return fmax(0, floor(adaptivity == USES_ADAPTIVE ? lnmost / M_LN2 : exp(lnmost)));
}

double bennett_rows(double p, double eps, double delta, double tests)
{
	double u = eps / p;

	return log(tests / delta) / (p * ((1 + u) * log1p(u) - u));
}
