/* What a model's predictions are worth: the numbers that gates judge.
 *
 * Every function takes what rows may hold: no rows, one class, equal or non-finite values give a
 * status and NAN, never a crash. Conventions are those of scikit-learn unless said otherwise. */
#ifndef LINNET_STATS_METRICS_H
#define LINNET_STATS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "stats/status.h"

/* ---- classes ---- */

/* counts[truth * classes + predicted], borrowed. */
struct confusion {
	const uint64_t *counts;
	size_t classes;
};
/* Counts labels below `classes` into counts[classes * classes], which is cleared first; STATS_RANGE
 * for a label outside. */
enum stats_status confusion_count(const uint32_t *truth, const uint32_t *predicted, size_t n,
                                  size_t classes, uint64_t *counts);

struct measure metric_accuracy(struct confusion c);
/* Share of the most frequent class: what a constant prediction reaches. */
struct measure metric_majority_share(struct confusion c);
/* Of one class: STATS_UNDEFINED when it is never predicted (precision), absent (recall), or both
 * (F1; with only one of them F1 is 0). */
struct measure metric_precision(struct confusion c, size_t class);
struct measure metric_recall(struct confusion c, size_t class);
struct measure metric_f1(struct confusion c, size_t class);
/* Mean recall over the classes that occur. */
struct measure metric_balanced_accuracy(struct confusion c);
/* Mean F1 over the classes that occur or are predicted. */
struct measure metric_macro_f1(struct confusion c);
/* Matthews correlation (Gorodkin 2004 for more than two classes): 0 when truth or prediction is
 * constant. */
struct measure metric_matthews(struct confusion c);
/* Cohen's kappa: STATS_UNDEFINED when chance agreement is certain. */
struct measure metric_kappa(struct confusion c);

/* ---- scores and probabilities of the positive class ---- */

/* Area under the ROC curve by midranks, and its precision-recall counterpart, average precision. */
struct measure metric_auc(const double *score, const bool *positive, size_t n, struct arena *arena);
struct measure metric_pr_auc(const double *score, const bool *positive, size_t n,
                             struct arena *arena);

/* Probabilities in [0, 1], else STATS_RANGE. */
struct measure metric_brier(const double *p, const bool *positive, size_t n);
/* In nats; p is kept at least 2^-52 away from 0 and 1. */
struct measure metric_log_loss(const double *p, const bool *positive, size_t n);
/* Expected calibration error over `bins` (at most 100) equal widths, each closed on the right. */
struct measure metric_calibration_error(const double *p, const bool *positive, size_t n,
                                        size_t bins);
/* Standard normal when the probabilities are calibrated (Spiegelhalter 1986); STATS_CONSTANT
 * when all are 0, 1/2 or 1. */
struct measure metric_spiegelhalter(const double *p, const bool *positive, size_t n);
/* The accuracy that calibrated probabilities promise without labels, at threshold 1/2. */
struct measure metric_expected_accuracy(const double *p, size_t n);

/* ---- numbers ---- */

struct measure metric_mae(const double *truth, const double *predicted, size_t n);
struct measure metric_rmse(const double *truth, const double *predicted, size_t n);
/* A share, not percent; STATS_UNDEFINED with a true value of 0. */
struct measure metric_mape(const double *truth, const double *predicted, size_t n);
/* 1 - residual / total sum of squares; STATS_CONSTANT when all true values are equal. */
struct measure metric_r_squared(const double *truth, const double *predicted, size_t n);
/* Pinball loss of quantile q in (0, 1). */
struct measure metric_pinball(const double *truth, const double *predicted, size_t n, double q);

#endif
