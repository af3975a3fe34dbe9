#include "stats/confidence.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* ---- distribution functions ---- */

/* ln of the chance that the bound of constant c ever fails, for epochs that grow by eta. */
static double dkw_lnfailure_at(double c, double eta)
{
	double gamma = sqrt(2 / eta) * (0.85 - sqrt(2 * (eta - 1) / c));

	if (gamma <= 1)
		return INFINITY;
	return log(4) - gamma * gamma * c + log1p(1 / ((gamma * gamma - 1) * log(eta)));
}

/* Its least over eta, by golden section: it falls, then rises. */
static double dkw_lnfailure(double c)
{
	const double golden = (sqrt(5) - 1) / 2;
	double low = 1, high = 2 * 0.85 * 0.85;

	/* The end from which gamma <= 1, where it is infinite, is cut off first. */
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (isinf(dkw_lnfailure_at(c, middle)))
			high = middle;
		else
			break;
	}
	for (int i = 0; i < 80; i++) {
		double a = high - golden * (high - low), b = low + golden * (high - low);

		if (dkw_lnfailure_at(c, a) < dkw_lnfailure_at(c, b))
			high = b;
		else
			low = a;
	}
	return dkw_lnfailure_at(c, (low + high) / 2);
}

double dkw_constant(double alpha)
{
	double low = 2, high = 2000;

	if (!(alpha > 0 && alpha < 1))
		return NAN;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (dkw_lnfailure(middle) > log(alpha))
			low = middle;
		else
			high = middle;
	}
	return high;
}

double dkw_radius(double n, double m, double constant)
{
	if (!(n >= m && m > 0))
		return 1;
	return fmin(1, 0.85 * sqrt((log1p(log(n / m)) + constant) / n));
}

/* ---- shares ---- */

/* ln of the lower end: the root of threshold + x ln p + (n - x) ln(1 - p) below x / n. It is
 * concave in ln p and not above 0 at the start, by Pinsker's inequality, so that Newton's method
 * comes from outside, ever nearer. */
static double share_ln_low(double x, double n, double threshold)
{
	double ln = -threshold / x, share = x / n, left, near;

	if (x < n) {
		left = threshold + x * log(share) + (n - x) * log1p(-share);
		near = share - sqrt(fmax(0, left) / (2 * n));
		ln = near > 0 ? fmax(ln, log(near)) : ln;
	}
	for (int i = 0; i < 100; i++) {
		double p = exp(ln), value = threshold + x * ln + (n - x) * log1p(-p);
		double next = ln - value / (x - (n - x) * p / (1 - p));

		if (!(next > ln))
			break;
		ln = next;
	}
	return ln;
}

static double share_threshold(double x, double n, double alpha)
{
	return log(M_PI / alpha) - lnbeta(x + 0.5, n - x + 0.5);
}

struct interval share_sequence(double x, double n, double alpha)
{
	double threshold;

	if (!(n >= 0 && x >= 0 && x <= n && isfinite(n)))
		return (struct interval){NAN, NAN};
	if (n == 0)
		return (struct interval){0, 1};
	threshold = share_threshold(x, n, alpha);
	return (struct interval){x == 0 ? 0 : exp(share_ln_low(x, n, threshold)),
	                         x == n ? 1 : -expm1(share_ln_low(n - x, n, threshold))};
}

static double total(const double *counts, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += counts[i] >= 0 ? counts[i] : NAN;
	return sum;
}

/* The larger part of share_sequence, which is the one towards a half. */
static double share_radius(double x, double n, double alpha)
{
	double most = fmax(x, n - x);

	return most / n - exp(share_ln_low(most, n, share_threshold(x, n, alpha)));
}

double share_radius_most(double n, double alpha)
{
	return n >= 1 ? sqrt((log(2 / alpha) + log(n) / 2) / (2 * n)) : 1;
}

/* The difference of two shares, x of n each, by its size. */
static struct interval share_difference(double x_c, double n_c, double x_s, double n_s, double phi,
                                        double alpha)
{
	double distance = fabs(x_c / n_c - x_s / n_s);
	double radius = share_radius(x_c / phi, n_c / phi, alpha) +
	                share_radius(x_s / phi, n_s / phi, alpha);

	return (struct interval){fmax(0, distance - radius), distance + radius};
}

static bool is_comparable(double n_c, double n_s, double phi)
{
	return n_c > 0 && n_s > 0 && isfinite(n_c + n_s) && phi >= 1 && isfinite(phi);
}

struct interval label_distance(const double *candidate, const double *stable, size_t labels,
                               double phi, double alpha)
{
	double n_c = total(candidate, labels), n_s = total(stable, labels);
	double each = alpha / (2 * (double)labels), low = 0, high = 0;

	if (!is_comparable(n_c, n_s, phi) || !(each > 0))
		return (struct interval){0, 1};
	for (size_t k = 0; k < labels; k++) {
		struct interval d = share_difference(candidate[k], n_c, stable[k], n_s, phi, each);

		low += d.low / 2;
		high += d.high / 2;
	}
	return (struct interval){fmin(1, low), fmin(1, high)};
}

struct interval number_distance(const double *candidate, const double *stable, size_t labels,
                                double phi, double alpha)
{
	double n_c = total(candidate, labels), n_s = total(stable, labels);
	double each = alpha / (2 * (double)(labels - 1)), low = 0, high = 0, x_c = 0, x_s = 0;

	if (labels < 3 || !is_comparable(n_c, n_s, phi) || !(each > 0))
		return (struct interval){0, 1};
	for (size_t k = 0; k + 1 < labels; k++) {
		double width = number_width(k, labels);
		struct interval d;

		x_c += candidate[k];
		x_s += stable[k];
		d = share_difference(fmin(x_c, n_c), n_c, fmin(x_s, n_s), n_s, phi, each);
		low += d.low * width;
		high += d.high * width;
	}
	return (struct interval){fmin(1, low), fmin(1, high)};
}

double number_width(size_t k, size_t labels)
{
	return k + 2 < labels ? 1 / (double)(labels - 2) : 1;
}

/* ---- means ---- */

void bernstein_begin(struct bernstein *b, double alpha)
{
	*b = (struct bernstein){.alpha = alpha};
}

void bernstein_add(struct bernstein *b, double x)
{
	double mean = (b->sum + 0.5) / (b->n + 1), variance = (b->squares + 0.25) / (b->n + 1);
	double t = b->n + 1, bet, error = x - mean, mean_after;

	if (!(x >= 0 && x <= 1))
		return;
	bet = fmin(sqrt(2 * log(2 / b->alpha) / (variance * t * log1p(t))), 0.5);
	b->weights += bet;
	b->weighted += bet * x;
	b->penalties += error * error * (-log1p(-bet) - bet);
	b->n = t;
	b->sum += x;
	mean_after = (b->sum + 0.5) / (b->n + 1);
	b->squares += (x - mean_after) * (x - mean_after);
}

struct interval bernstein_interval(const struct bernstein *b)
{
	double middle = b->weighted / b->weights;
	double radius = (log(2 / b->alpha) + b->penalties) / b->weights;

	if (b->n == 0)
		return (struct interval){0, 1};
	return (struct interval){fmax(0, middle - radius), fmin(1, middle + radius)};
}

double asymptotic_rho(double n_best, double alpha)
{
	double twice = -2 * log(alpha);

	return sqrt((twice + log1p(twice)) / n_best);
}

double asymptotic_radius(double n, double sd, double rho, double alpha)
{
	double spread = n * rho * rho + 1;

	return sd * sqrt(spread / (n * n * rho * rho) * (log(spread) - 2 * log(alpha)));
}

/* ---- mixtures ---- */

double mixture_rho(double v_best, double alpha)
{
	double twice = -2 * log(alpha);

	return v_best / (twice + log1p(twice));
}

double mixture_bound(double v, double alpha, double rho)
{
	return sqrt((v + rho) * (log((v + rho) / rho) - 2 * log(alpha)));
}

struct beta_mixture beta_mixture(double g, double h, double v_best, double alpha)
{
	double rho = mixture_rho(v_best, alpha) - g * h;

	return (struct beta_mixture){g, h, fmax(rho, 1e-3 * g * h)};
}

static double beta_mixture_part(const struct beta_mixture *mixture, double s, double v, double to)
{
	double g = mixture->g, h = mixture->h, rho = mixture->rho, span = g + h;
	double a0 = rho / (g * span), b0 = rho / (h * span);
	double a = (rho + v - g * s) / (g * span), b = (rho + v + h * s) / (h * span);
	double prior = lnbeta(a0, b0), posterior = lnbeta(a, b);

	if (to < 1) {
		prior += beta_lncdf(to, a0, b0);
		posterior += beta_lncdf(to, a, b);
	}
	return v / (g * h) * log(span) - (v + h * s) / (h * span) * log(g) -
	       (v - g * s) / (g * span) * log(h) + posterior - prior;
}

double beta_mixture_ln(const struct beta_mixture *mixture, double s, double v)
{
	return beta_mixture_part(mixture, s, v, 1);
}

double beta_mixture_ln_above(const struct beta_mixture *mixture, double s, double v)
{
	return beta_mixture_part(mixture, s, v, mixture->h / (mixture->g + mixture->h));
}

/* The mixture whose prior has its mean at the hypothesis p, so that it is narrow near n_best. */
struct rank_mixture {
	double p, a, b, n, threshold;
};

/* Is p still allowed as the share of values below, when `below` of n are? */
static bool rank_allowed(const struct rank_mixture *m, int64_t below)
{
	double k = (double)below;

	return lnbeta(m->a + k, m->b + m->n - k) - lnbeta(m->a, m->b) - k * log(m->p) -
	           (m->n - k) * log1p(-m->p) <
	       m->threshold;
}

/* The last allowed count from `inside` on, which is allowed, to `outside`. */
static int64_t last_allowed(const struct rank_mixture *m, int64_t inside, int64_t outside)
{
	if (rank_allowed(m, outside))
		return outside;
	while (llabs(outside - inside) > 1) {
		int64_t middle = inside + (outside - inside) / 2;

		if (rank_allowed(m, middle))
			inside = middle;
		else
			outside = middle;
	}
	return inside;
}

struct ranks quantile_ranks(int64_t n, double p, double alpha, double n_best)
{
	struct beta_mixture tuned = beta_mixture(p, 1 - p, n_best * p * (1 - p), 0.05);
	struct rank_mixture mixture = {p, tuned.rho / (1 - p), tuned.rho / p, (double)n,
	                               log(1 / alpha)};
	int64_t middle = llround((double)n * p);

	if (n < 1 || !(p > 0 && p < 1))
		return (struct ranks){0, n + 1};
	return (struct ranks){last_allowed(&mixture, middle, 0), last_allowed(&mixture, middle, n) + 1};
}
