/* The formulas, each with its source; numbers in, numbers out. */
#include "gate/gate.h"

#define LEVEL_RATIOS_MAX 16

/* Quantile of the standard normal distribution by Newton's steps on erfc; p in (0, 1). */
static double normal_quantile(double p)
{
	double z = 0;

	/* from the middle Newton overshoots in the tails, so each step is at most 1 */
	for (int i = 0; i < 100; i++) {
		double cdf = 0.5 * erfc(-z / M_SQRT2);
		double density = exp(-z * z / 2) / sqrt(2 * M_PI);
		double step = (cdf - p) / density;

		step = fmax(-1, fmin(1, step));
		z -= step;
		if (fabs(step) < 1e-14)
			break;
	}
	return z;
}

void wilson_interval(double x, double n, double alpha, double *low, double *high)
{
	double z = -normal_quantile(alpha / 2), p, middle, half;

	*low = 0;
	*high = 1;
	if (!(n > 0))
		return;
	p = fmin(1, x / n);
	middle = (p + z * z / (2 * n)) / (1 + z * z / n);
	half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	*low = p <= 0 ? 0 : fmax(0, middle - half);
	*high = p >= 1 ? 1 : fmin(1, middle + half);
}

void newcombe_interval(double xc, double nc, double xs, double ns, double alpha, double *low,
                       double *high)
{
	double lc, uc, ls, us, pc, ps;

	*low = -1;
	*high = 1;
	if (!(nc > 0) || !(ns > 0))
		return;
	pc = xc / nc;
	ps = xs / ns;
	wilson_interval(xc, nc, alpha, &lc, &uc);
	wilson_interval(xs, ns, alpha, &ls, &us);
	*low = pc - ps - sqrt((pc - lc) * (pc - lc) + (us - ps) * (us - ps));
	*high = pc - ps + sqrt((uc - pc) * (uc - pc) + (ps - ls) * (ps - ls));
}

static double log_mean_exp(const double *terms, size_t n)
{
	double most = -INFINITY, sum = 0;

	for (size_t i = 0; i < n; i++)
		most = fmax(most, terms[i]);
	if (!(most > -INFINITY))
		return -INFINITY;
	for (size_t i = 0; i < n; i++)
		sum += exp(terms[i] - most);
	return most + log(sum / (double)n);
}

/* k ln(a / b), 0 when there is nothing to count. */
static double times_log(double k, double a, double b)
{
	return k > 0 ? k * (log(a) - log(b)) : 0;
}

double level_log_e(double x, double n, double rate, const double *ratios, size_t n_ratios)
{
	double terms[LEVEL_RATIOS_MAX];
	size_t used = 0;

	for (size_t j = 0; j < n_ratios && j < LEVEL_RATIOS_MAX; j++)
		if (ratios[j] * rate <= 1) /* no rate is above 1: such an alternative drops out */
			terms[used++] = times_log(x, ratios[j], 1) +
			                times_log(n - x, 1 - ratios[j] * rate, 1 - rate);
	return used ? log_mean_exp(terms, used) : 0;
}

double ratio_log_e(double xc, double xs, double share, double bound, const double *ratios,
                   size_t n_ratios)
{
	double terms[LEVEL_RATIOS_MAX];
	size_t used = n_ratios < LEVEL_RATIOS_MAX ? n_ratios : LEVEL_RATIOS_MAX;

	for (size_t j = 0; j < used; j++)
		terms[j] = times_log(xc, ratios[j], 1) -
		           times_log(xc + xs, 1 - share + share * bound * ratios[j],
		                     1 - share + share * bound);
	return used ? log_mean_exp(terms, used) : 0;
}

double latency_quantile(const uint64_t bins[LATENCY_BINS], double q)
{
	double total = 0, below = 0;

	for (int i = 0; i < LATENCY_BINS; i++)
		total += (double)bins[i];
	if (!(total > 0) || !(q >= 0 && q <= 1))
		return NAN;
	for (int i = 0; i < LATENCY_BINS; i++) {
		double count = (double)bins[i];

		if (count > 0 && below + count >= q * total) {
			double part = fmax(0, (q * total - below) / count);

			return latency_edge_ms(i) * exp2(part / 8);
		}
		below += count;
	}
	return latency_edge_ms(LATENCY_BINS);
}
