/* Intervals that hold at all times at once (confidence sequences): one may look after every row. */
#ifndef LINNET_STATS_CONFIDENCE_H
#define LINNET_STATS_CONFIDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "stats/special.h"

/* Distribution functions: sup |F_n - F| <= radius for all n >= m at once with probability 1 -
 * alpha, radius 0.85 sqrt((ln(1 + ln(n/m)) + C) / n), C = dkw_constant(alpha) (Howard and
 * Ramdas 2022, theorem 2 with A = 0.85). 1 for n < m. */
double dkw_constant(double alpha);
double dkw_radius(double n, double m, double constant);

/* Share of x in n rows, by the beta-binomial mixture with Jeffreys' prior (Robbins 1970). [0, 1]
 * without rows. */
struct interval share_sequence(double x, double n, double alpha);
/* How far its ends are from x / n at most, whatever x: the mixture's regret is at most ln(2 sqrt n)
 * (Krichevsky and Trofimov 1981), a share's distance by Pinsker's inequality. Soon computed. */
double share_radius_most(double n, double alpha);

/* Total variation distance of the label shares of two arms, from counts by label: bounds
 * 1/2 sum max(0, |d_k| - r_k) and 1/2 sum (|d_k| + r_k), r_k the two radii of share_sequence at
 * alpha / (2 labels); within [0, 1]. phi >= 1 is over-dispersion: rows count that many times less.
 * [0, 1] without rows, or where a count is no number. */
struct interval label_distance(const double *candidate, const double *stable, size_t labels,
                               double phi, double alpha);

/* How far numbers have moved, as a share of their range: the Wasserstein distance of the two arms,
 * from counts by label: evenly spaced numbers from the range's lower end to its upper, in order,
 * then what is no number, which lies a whole range beyond. It is the sum over k of number_width(k)
 * |F_k - G_k|, F_k and G_k the shares of labels 0 to k of both arms, each within two radii of
 * share_sequence at alpha / (2 (labels - 1)); at most 1. It is never below the difference of means,
 * and sees what that does not: one number for everyone, though it be the mean. phi, and where
 * nothing can be said, as above. */
struct interval number_distance(const double *candidate, const double *stable, size_t labels,
                                double phi, double alpha);
/* From label k to the next, as a share of the range; k < labels - 1. */
double number_width(size_t k, size_t labels);

/* Mean of values in [0, 1]: predictable plug-in empirical Bernstein (Waudby-Smith and Ramdas 2024,
 * theorem 2, bets of at most 1/2). A value outside is our caller's error and adds nothing. */
struct bernstein {
	double alpha;
	double n, sum, squares;              /* of values, and of their distance to the mean so far */
	double weights, weighted, penalties; /* of the bets */
};
void bernstein_begin(struct bernstein *b, double alpha);
void bernstein_add(struct bernstein *b, double x);
struct interval bernstein_interval(const struct bernstein *b); /* within [0, 1] */

/* Mean by its standard deviation, valid for large n (Waudby-Smith et al. 2024): rho makes it the
 * narrowest at n_best. */
double asymptotic_rho(double n_best, double alpha);
double asymptotic_radius(double n, double sd, double rho, double alpha);

/* ---- mixtures (Howard, Ramdas, McAuliffe and Sekhon 2021) ---- */

/* Two-sided normal mixture: |S| <= bound at intrinsic time v; rho tuned for v_best. */
double mixture_rho(double v_best, double alpha);
double mixture_bound(double v, double alpha, double rho);
/* ln of the beta-binomial mixture of a sum s at intrinsic time v, steps in [-g, h]. */
struct beta_mixture {
	double g, h;
	double rho; /* mixture_rho(v_best, alpha) - g h, at least g h / 1000 */
};
struct beta_mixture beta_mixture(double g, double h, double v_best, double alpha);
double beta_mixture_ln(const struct beta_mixture *mixture, double s, double v);
/* The one-sided one: only positive s counts as evidence; tune it with 2 alpha. */
double beta_mixture_ln_above(const struct beta_mixture *mixture, double s, double v);

/* Ranks, from 1, of the order statistics of n values between which the p-quantile lies at all
 * times; 0 and n + 1 stand for no bound. Narrowest near n_best rows. */
struct ranks {
	int64_t low, high;
};
struct ranks quantile_ranks(int64_t n, double p, double alpha, double n_best);

#endif
