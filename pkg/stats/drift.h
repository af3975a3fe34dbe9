/* Has the input, or the performance, moved? Distances, tests, corrections for many tests, and the
 * detectors of decay. */
#ifndef LINNET_STATS_DRIFT_H
#define LINNET_STATS_DRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "stats/special.h"

/* ---- two samples of numbers ---- */

/* Largest distance of the two distribution functions. Both ascending and finite; NAN when one is
 * empty. */
double ks_distance(const double *x, size_t n, const double *y, size_t m);
/* P(D >= d) for samples of equal continuous distributions, by counting paths (Hodges 1958): O(n m)
 * time, O(m) memory. With ties it errs to the safe side. */
double ks_exact(double d, size_t n, size_t m, struct arena *arena);
/* The same for large samples: Kolmogorov's limit at (e + 0.12 + 0.11/e) d, e^2 = n m / (n + m)
 * (Stephens 1970). n and m may be effective sizes. */
double ks_asymptotic(double d, double n, double m);
/* The exact one where n m <= 1e7, else the asymptotic one. */
double ks_p(double d, size_t n, size_t m, struct arena *arena);

/* Area between the two distribution functions; both ascending and finite, NAN when one is empty. */
double wasserstein(const double *x, size_t n, const double *y, size_t m);
/* Population standard deviation, which norms it: 0 for equal values, NAN for none. */
double standard_deviation(const double *x, size_t n);

/* ---- two samples of categories ---- */

/* Chi-square test that two rows of counts have equal shares; categories whose expected count
 * is below 5 in either row are pooled into one when `pool`. Cramer's V is the effect, in [0,
 * 1]. With fewer than two categories left: chi_square 0, p 1. */
struct homogeneity {
	double chi_square, df, p, v;
};
struct homogeneity homogeneity_test(const double *a, const double *b, size_t k, bool pool);
/* Fisher's exact test of a 2 x 2 table, two-sided: the tables that are no likelier. */
double fisher_exact(int64_t a, int64_t b, int64_t c, int64_t d);

/* ---- two distributions p and q over k bins, each adding up to 1 ---- */

/* Population stability index, sum (p - q) ln(p / q); shares below `least` > 0 are taken as it. */
double stability_index(const double *p, const double *q, size_t k, double least);
/* Kullback-Leibler divergence of p from q in nats; INFINITY where q is 0 and p is not. */
double kullback_leibler(const double *p, const double *q, size_t k);
/* The divergence in nats, at most ln 2; its root is the distance. */
double jensen_shannon(const double *p, const double *q, size_t k);
double hellinger(const double *p, const double *q, size_t k);
double total_variation(const double *p, const double *q, size_t k);

/* Quantile of the stability index over `bins` between samples of n and m of one distribution:
 * (1/n + 1/m) chi-square with bins - 1 degrees of freedom. The null quantile of an effect
 * against half its threshold says whether rows are enough. */
double stability_index_null(double quantile, size_t bins, double n, double m);
double ks_distance_null(double quantile, double n, double m);    /* of ks_distance */
double cramers_v_null(double quantile, size_t categories, double rows); /* of homogeneity.v */

/* n (1 - r) / (1 + r), r the lag-1 autocorrelation of n values in their order, when r > 0.1;
 * else n. */
double effective_rows(const double *x, size_t n);
double autocorrelation(const double *x, size_t n); /* lag 1; 0 for equal values or fewer than 2 */

/* ---- many tests ---- */

enum correction {
	CORRECT_BONFERRONI,
	CORRECT_HOLM,
	CORRECT_BENJAMINI_HOCHBERG,
	CORRECT_BENJAMINI_YEKUTIELI,
	CORRECTIONS
};
/* adjusted[i] of p[i]: what is at most alpha is significant. A NAN counts as 1. */
void adjust_p(enum correction correction, const double *p, size_t n, double *adjusted,
            struct arena *arena);

/* ---- decay, one labelled row after another ---- */

/* ln(p1/p0) for an error, ln((1-p1)/(1-p0)) for a right answer; 0 < p0, p1 < 1 are error rates. */
double error_llr(bool error, double p0, double p1);
/* Page's CUSUM (1954), max(0, S + llr): alarm at ln(1/rate), default ln 1000. */
double cusum_next(double s, double llr);
/* ln of the Shiryaev-Roberts e-detector (Shin, Ramdas and Rinaldo 2023), (M + 1) exp(llr), from
 * -INFINITY: at the threshold 1/rate the mean time to a false alarm is at least 1/rate. */
double shiryaev_roberts_next(double ln_m, double llr);

/* Wald's sequential test (1945) of p0 against p1 with errors alpha and beta: accept p1 at `upper`,
 * p0 at `lower`, of the sum of llr; the mean rows until then under each. */
struct sprt {
	double upper, lower;
	double rows_p0, rows_p1;
};
struct sprt sprt(double p0, double p1, double alpha, double beta);

#endif
