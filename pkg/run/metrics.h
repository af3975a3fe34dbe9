/* How good predictions are, and which candidate wins. Pure. */
#ifndef LINNET_RUN_METRICS_H
#define LINNET_RUN_METRICS_H

#include "api/kinds.h"
#include "base/arena.h"

/* Truth and prediction of each row: classes, or numbers where there are none. Heap arrays of the
 * owner's; scores are [n][n_scores] or NULL. */
struct outcomes {
	size_t n;
	size_t n_classes; /* 0: numbers */
	uint32_t *truth, *predicted;
	double *truth_number, *predicted_number;
	double *scores;
	size_t n_scores;
};

/* What these rows define, by the names of gates. With classes: accuracy, balanced-accuracy,
 * macro-f1, matthews, precision.<class>, recall.<class>; with probabilities log-loss, brier, and
 * auc of two classes. With numbers: mae, rmse, r-squared. Sorted by name, in the arena. */
void metrics_all(const struct outcomes *outcomes, const struct strings *classes,
                 struct arena *arena, struct named_number **out, size_t *n);
/* The value of a metric, NAN when it is not among them. */
double metric_find(const struct named_number *metrics, size_t n, const char *name);
/* Its standard error on n rows: of a share sqrt(p (1 - p) / n), of balanced accuracy from the
 * recalls, of a mean from the deviations; NAN for metrics that are none of these. */
double metric_standard_error(const struct outcomes *outcomes, const char *name);
/* Whether less is better. */
bool metric_is_loss(const char *name);

/* Mean of the scores of n >= 2 folds, and its standard error s / sqrt(n). */
void fold_score(const double *scores, size_t n, double *mean, double *standard_error);

/* The candidate that wins: the best, or the first (they stand in order of complexity) whose
 * score is within one standard error of the best (Breiman et al. 1984). Those without a score
 * (NAN) never win; -1 when there is no other. */
int select_candidate(const struct candidate_score *scores, size_t n, enum select_rule rule,
                     bool is_loss);

#endif
