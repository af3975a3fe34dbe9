/* Candidate against incumbent on the same rows. */
#ifndef LINNET_STATS_PAIRED_H
#define LINNET_STATS_PAIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "stats/random.h"
#include "stats/special.h"
#include "stats/status.h"

/* Rows on which the two differ. b + c <= n. The difference of accuracies, candidate less incumbent,
 * is (c - b) / n. */
struct paired_counts {
	int64_t n; /* all rows */
	int64_t b; /* incumbent right, candidate wrong */
	int64_t c; /* candidate right, incumbent wrong */
};

/* McNemar's test of equal accuracy (1947), two-sided p: exact, and mid-p (Fagerland, Lydersen and
 * Laake 2013). 1 without a differing row. */
double mcnemar_exact(int64_t b, int64_t c);
double mcnemar_midp(int64_t b, int64_t c);
/* One-sided exact p that the candidate is better: P(X >= c), X binomial of b + c at 1/2. */
double mcnemar_better(int64_t b, int64_t c);

/* Score statistic of the hypothesis that the difference is `delta`, in (-1, 1); its restricted
 * estimate of the share of b; the interval of deltas that it does not reject (Tango 1998). */
double tango_z(struct paired_counts pairs, double delta);
double tango_share(struct paired_counts pairs, double delta);
struct interval tango_interval(struct paired_counts pairs, double alpha);

/* How often a candidate that is exactly as good has its one-sided 1 - alpha lower bound above
 * -margin, when a share `disagreement` of n rows differs. Exact sum over the binomials. */
double paired_pass_probability(int64_t n, double disagreement, double margin, double alpha);
/* Rows for a one-sided level-alpha test to have power 1 - beta at a true difference (Connor
 * 1987). */
double paired_rows(double difference, double disagreement, double alpha, double beta);
/* The smallest difference that n rows show with that power; NAN when none below `disagreement`. */
double paired_detectable(int64_t n, double disagreement, double alpha, double beta);
/* Rows at which an observed difference is just significant, one-sided. */
double paired_rows_observed(double difference, double disagreement, double alpha);

/* ---- bootstrap ---- */

/* Percentile interval of a statistic over resamples. `undefined` of them had no finite value
 * and are left out; with none left all is NAN. */
struct estimate {
	double mean, se;
	struct interval interval;
	size_t undefined;
};

struct bootstrap {
	struct random random; /* seeded by the digest of the evaluation */
	size_t resamples;     /* B, 2000 */
	size_t block;         /* rows a block, 1 when rows are exchangeable; see bootstrap_block */
	double alpha;         /* two-sided; a one-sided bound at level a is the end of alpha = 2a */
};

/* Rows that are ordered in time: n^(1/3), at least 1 (Hall, Horowitz and Jing 1995). */
size_t bootstrap_block(size_t n);

/* For what depends only on how many rows fall into each of k cells (truth x incumbent x candidate):
 * a resample is one multinomial draw, O(k) and not O(n). `statistic` sees counts[k]. Exchangeable
 * rows only. */
typedef double cell_statistic(const uint64_t *counts, size_t k, const void *context);
struct estimate bootstrap_cells(struct bootstrap *bootstrap, const uint64_t *counts, size_t k,
                                cell_statistic *statistic, const void *context,
                                struct arena *arena);
/* The same for rows that stand in blocks, cell[i] below k for each of n: the draws, and so the
 * counts, are those of bootstrap_rows. O(k n / block) a resample, and 4 k (n + 1) bytes. */
struct estimate bootstrap_cell_blocks(struct bootstrap *bootstrap, const uint32_t *cell, size_t n,
                                      size_t k, cell_statistic *statistic, const void *context,
                                      struct arena *arena);
/* For any statistic of the resampled rows, indices below n < 2^32; blocks are circular (Politis and
 * Romano 1992). O(n) and the statistic each. */
typedef double row_statistic(const uint32_t *rows, size_t n, const void *context);
struct estimate bootstrap_rows(struct bootstrap *bootstrap, size_t n, row_statistic *statistic,
                               const void *context, struct arena *arena);
/* Mean of n differences a row (log loss, Brier, cost): O(n / block) a resample. */
struct estimate bootstrap_mean(struct bootstrap *bootstrap, const double *difference, size_t n,
                               struct arena *arena);

/* ---- areas under two correlated ROC curves ---- */

struct delong {
	enum stats_status status;   /* all else is NAN unless STATS_OK */
	double auc[2], variance[2]; /* of score a and b */
	double covariance;
	double variance_difference;
	double z; /* (auc a - auc b) / its standard error; 0 when that is 0 and they are equal */
	double p; /* two-sided */
};
/* DeLong, DeLong and Clarke-Pearson (1988) by midranks (Sun and Xu 2014), O(n log n). A
 * variance is 0 with a single row of a class. */
struct delong delong_test(const double *a, const double *b, const bool *positive, size_t n,
                          struct arena *arena);
/* Standard error of an area from the numbers of rows alone (Hanley and McNeil 1982). */
double auc_se(double auc, double positives, double negatives);

#endif
