/* Shares: intervals, differences, the rows that a test needs, and how often rows may be asked.
 *
 * x of n rows are counted; counts are doubles, because dispersion may scale them. Every alpha
 * is the total error: two-sided for an interval, one-sided for a bound. No rows: [0, 1]. */
#ifndef LINNET_STATS_PROPORTION_H
#define LINNET_STATS_PROPORTION_H

#include "stats/special.h"

#define Z_95 1.9599639845400538 /* normal_quantile(0.975), of nearly all intervals that are shown */

/* Score interval of a share (Wilson 1927): for display. */
struct interval proportion_wilson(double x, double n, double alpha);
/* Exact interval and one-sided bounds (Clopper and Pearson 1934): for gates. */
struct interval proportion_exact(double x, double n, double alpha);
double proportion_lower(double x, double n, double alpha);
double proportion_upper(double x, double n, double alpha);

/* Hybrid score interval of p1 - p2 of independent samples (Newcombe 1998, method 10). */
struct interval proportion_difference(double x1, double n1, double x2, double n2, double alpha);
/* (p1 - p2) / its pooled standard error; 0 when all rows are equal, NAN without rows. */
double proportion_z(double x1, double n1, double x2, double n2);

/* Rows for a one-sided level-alpha test of p0 to have power 1 - beta at p1. */
double proportion_rows(double p0, double p1, double alpha, double beta);
/* The same per arm for two independent arms of rates p1 and p2 (pooled variance under equality). */
double proportion_rows_each(double p1, double p2, double alpha, double beta);
/* The smallest p1 above p0 (below, for direction < 0) that n rows show with that power; NAN when no
 * rate does. */
double proportion_detectable(double n, double p0, int direction, double alpha, double beta);

/* ---- how often the same rows may be asked ----
 *
 * Hoeffding's bound for `uses` questions. INDEPENDENT: the questions were fixed beforehand, a
 * union bound. ADAPTIVE: each may depend on all answers of one bit before it, 2^uses of them
 * (Karlas et al., ease.ml/ci, 2019). `sides` is 1 or 2; delta the total error; eps the half
 * width. */
enum adaptivity { USES_INDEPENDENT, USES_ADAPTIVE };

/* Rows so that a quantity of `variables` means (n - o: 2) is within eps; each gets eps / variables
 * and delta / variables. */
double hoeffding_rows(double eps, double delta, double uses, enum adaptivity adaptivity, int sides,
                      int variables);
double hoeffding_radius(double n, double delta, double uses, enum adaptivity adaptivity, int sides);
/* Two-sided: how many questions n rows answer to within eps, 0 when not even one. */
double hoeffding_uses(double n, double eps, double delta, enum adaptivity adaptivity);
/* Rows for the mean of a variable that differs from 0 in at most a share p of rows (Bennett 1962);
 * `tests` counts sides, uses and variables. */
double bennett_rows(double p, double eps, double delta, double tests);

#endif
