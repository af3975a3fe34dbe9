/* Distributions: tails are computed as tails, so that a small probability keeps its digits.
 *
 * Every function is total: outside its domain it returns NAN, never crashes. Relative error is
 * below 1e-9 for counts up to 1e9. */
#ifndef LINNET_STATS_SPECIAL_H
#define LINNET_STATS_SPECIAL_H

#include <stddef.h>
#include <stdint.h>

/* An interval of a real quantity, in that quantity's unit; low <= high, or both NAN. */
struct interval {
	double low, high;
};

/* ln sum exp x_i, without overflow; -INFINITY for n = 0. */
double logsumexp(const double *x, size_t n);

double lnbeta(double a, double b); /* ln B(a, b), a > 0, b > 0 */

double normal_cdf(double z);
double normal_sf(double z); /* 1 - cdf */
double normal_quantile(double p); /* -INFINITY at 0, INFINITY at 1 */

/* Regularised incomplete beta I_x(a, b) and its complement (continued fraction of DiDonato and
 * Morris 1992 by Lentz's method), and its inverse in x. */
double beta_cdf(double x, double a, double b);
double beta_sf(double x, double a, double b);
double beta_quantile(double p, double a, double b);
/* ln I_x(a, b), also where I_x(a, b) is too small for a double. */
double beta_lncdf(double x, double a, double b);

/* Regularised incomplete gamma P(a, x) and Q(a, x) (series below a + 1, continued fraction
 * above). */
double gamma_cdf(double x, double a);
double gamma_sf(double x, double a);

double chi_square_sf(double x, double df);
double chi_square_quantile(double p, double df); /* p is the lower tail */
double student_sf(double t, double df);
double student_quantile(double p, double df);

/* Binomial(n, p): ln P(X = k) by saddle point (Loader 2000), P(X <= k), P(X >= k). */
double binomial_lnpmf(double k, double n, double p);
double binomial_cdf(double k, double n, double p);
double binomial_sf(double k, double n, double p);

/* Hypergeometric: x of `draws` drawn from `good` + `bad` are good. ln P(X = x), P(X <= x), and
 * P(X >= x). */
double hypergeometric_lnpmf(int64_t x, int64_t good, int64_t bad, int64_t draws);
double hypergeometric_cdf(int64_t x, int64_t good, int64_t bad, int64_t draws);
double hypergeometric_sf(int64_t x, int64_t good, int64_t bad, int64_t draws);
/* ln E[w^X] under it, w > 0: the normaliser of Fisher's noncentral hypergeometric distribution of
 * odds w. Sums only where terms matter: O(sd). */
double hypergeometric_lnmgf(int64_t good, int64_t bad, int64_t draws, double w);

/* P(K > x) of the limit of sqrt(n) sup |F_n - F| (Kolmogorov 1933; theta form below x = 1). */
double kolmogorov_sf(double x);

/* Mean of the largest of k independent standard normals: how much better the best of k equal
 * candidates looks than it is, in standard deviations. */
double normal_best_of(int k);

#endif
