#include "stats/metrics.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "stats/order.h"

static struct measure without(enum stats_status status)
{
	return (struct measure){NAN, status};
}

static struct measure with(double value)
{
	return isfinite(value) ? (struct measure){value, STATS_OK} : without(STATS_NOT_FINITE);
}

/* ---- classes ---- */

enum stats_status confusion_count(const uint32_t *truth, const uint32_t *predicted, size_t n,
                                  size_t classes, uint64_t *counts)
{
	memset(counts, 0, classes * classes * sizeof(counts[0]));
	for (size_t i = 0; i < n; i++) {
		if (truth[i] >= classes || predicted[i] >= classes)
			return STATS_RANGE;
		counts[truth[i] * classes + predicted[i]]++;
	}
	return n ? STATS_OK : STATS_EMPTY;
}

static double cell(struct confusion c, size_t truth, size_t predicted)
{
	return (double)c.counts[truth * c.classes + predicted];
}

static double truly(struct confusion c, size_t class)
{
	double sum = 0;

	for (size_t k = 0; k < c.classes; k++)
		sum += cell(c, class, k);
	return sum;
}

static double as_predicted(struct confusion c, size_t class)
{
	double sum = 0;

	for (size_t k = 0; k < c.classes; k++)
		sum += cell(c, k, class);
	return sum;
}

static double rows(struct confusion c)
{
	double sum = 0;

	for (size_t k = 0; k < c.classes; k++)
		sum += truly(c, k);
	return sum;
}

static double right(struct confusion c)
{
	double sum = 0;

	for (size_t k = 0; k < c.classes; k++)
		sum += cell(c, k, k);
	return sum;
}

/* part / whole, `status` when there is no whole. */
static struct measure share(double part, double whole, enum stats_status status)
{
	return whole > 0 ? with(part / whole) : without(status);
}

struct measure metric_accuracy(struct confusion c)
{
	return share(right(c), rows(c), STATS_EMPTY);
}

struct measure metric_majority_share(struct confusion c)
{
	double most = 0;

	for (size_t k = 0; k < c.classes; k++)
		most = fmax(most, truly(c, k));
	return share(most, rows(c), STATS_EMPTY);
}

static struct measure of_class(struct confusion c, size_t class, double whole)
{
	if (class >= c.classes)
		return without(STATS_RANGE);
	return share(cell(c, class, class), whole, rows(c) > 0 ? STATS_UNDEFINED : STATS_EMPTY);
}

struct measure metric_precision(struct confusion c, size_t class)
{
	return of_class(c, class, class < c.classes ? as_predicted(c, class) : 0);
}

struct measure metric_recall(struct confusion c, size_t class)
{
	return of_class(c, class, class < c.classes ? truly(c, class) : 0);
}

struct measure metric_f1(struct confusion c, size_t class)
{
	return of_class(c, class,
	                class < c.classes ? (as_predicted(c, class) + truly(c, class)) / 2 : 0);
}

/* Mean over the classes for which the measure is defined. */
static struct measure mean_over_classes(struct confusion c,
                                        struct measure (*measure)(struct confusion, size_t))
{
	double sum = 0, n = 0;

	for (size_t k = 0; k < c.classes; k++) {
		struct measure one = measure(c, k);

		if (one.status == STATS_OK) {
			sum += one.value;
			n++;
		}
	}
	return share(sum, n, STATS_EMPTY);
}

struct measure metric_balanced_accuracy(struct confusion c)
{
	return mean_over_classes(c, metric_recall);
}

struct measure metric_macro_f1(struct confusion c)
{
	return mean_over_classes(c, metric_f1);
}

struct measure metric_matthews(struct confusion c)
{
	double n = rows(c), both = 0, true_squares = 0, predicted_squares = 0, spread;

	for (size_t k = 0; k < c.classes; k++) {
		double t = truly(c, k), p = as_predicted(c, k);

		both += t * p;
		true_squares += t * t;
		predicted_squares += p * p;
	}
	if (n == 0)
		return without(STATS_EMPTY);
	spread = sqrt(n * n - true_squares) * sqrt(n * n - predicted_squares);
	return with(spread > 0 ? (right(c) * n - both) / spread : 0);
}

struct measure metric_kappa(struct confusion c)
{
	double n = rows(c), both = 0;

	for (size_t k = 0; k < c.classes; k++)
		both += truly(c, k) * as_predicted(c, k);
	if (n == 0)
		return without(STATS_EMPTY);
	return share(right(c) * n - both, n * n - both, STATS_UNDEFINED);
}

/* ---- scores and probabilities ---- */

static size_t positives(const bool *positive, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += positive[i];
	return sum;
}

static enum stats_status finite_status(const double *x, size_t n)
{
	if (n == 0)
		return STATS_EMPTY;
	return all_finite(x, n) ? STATS_OK : STATS_NOT_FINITE;
}

struct measure metric_auc(const double *score, const bool *positive, size_t n, struct arena *arena)
{
	enum stats_status status = finite_status(score, n);
	double n_1 = (double)positives(positive, n), n_0 = (double)n - n_1, sum = 0, *rank;

	if (status != STATS_OK)
		return without(status);
	if (n_1 == 0 || n_0 == 0)
		return without(STATS_ONE_CLASS);
	rank = arena_array(arena, n, double);
	midranks(score, n, rank, arena);
	for (size_t i = 0; i < n; i++)
		sum += positive[i] ? rank[i] : 0;
	return with((sum - n_1 * (n_1 + 1) / 2) / (n_1 * n_0));
}

struct measure metric_pr_auc(const double *score, const bool *positive, size_t n,
                             struct arena *arena)
{
	enum stats_status status = finite_status(score, n);
	double n_1 = (double)positives(positive, n), hits = 0, area = 0;
	const uint32_t *order;

	if (status != STATS_OK)
		return without(status);
	if (n_1 == 0)
		return without(STATS_ONE_CLASS);
	order = sort_order(score, n, arena);
	for (size_t end = n; end > 0;) { /* thresholds from above, equal scores at once */
		double before = hits, at = score[order[end - 1]];

		while (end > 0 && score[order[end - 1]] == at)
			hits += positive[order[--end]];
		area += (hits - before) / n_1 * hits / (double)(n - end);
	}
	return with(area);
}

static enum stats_status probability_status(const double *p, size_t n)
{
	enum stats_status status = finite_status(p, n);

	for (size_t i = 0; i < n && status == STATS_OK; i++)
		if (p[i] < 0 || p[i] > 1)
			status = STATS_RANGE;
	return status;
}

struct measure metric_brier(const double *p, const bool *positive, size_t n)
{
	enum stats_status status = probability_status(p, n);
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (p[i] - positive[i]) * (p[i] - positive[i]);
	return status == STATS_OK ? with(sum / (double)n) : without(status);
}

struct measure metric_log_loss(const double *p, const bool *positive, size_t n)
{
	enum stats_status status = probability_status(p, n);
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double kept = fmin(1 - DBL_EPSILON, fmax(DBL_EPSILON, p[i]));

		sum -= positive[i] ? log(kept) : log1p(-kept);
	}
	return status == STATS_OK ? with(sum / (double)n) : without(status);
}

struct measure metric_calibration_error(const double *p, const bool *positive, size_t n,
                                        size_t bins)
{
	enum { BINS_MAX = 100 };
	enum stats_status status = probability_status(p, n);
	double gap[BINS_MAX] = {0}, sum = 0;

	if (status != STATS_OK || bins == 0 || bins > BINS_MAX)
		return without(status != STATS_OK ? status : STATS_RANGE);
	for (size_t i = 0; i < n; i++) {
		/* A product such as 0.6 * 5 may round up past the edge that it stands for. */
		double at = ceil(p[i] * (double)bins * (1 - 4 * DBL_EPSILON)) - 1;

		gap[at < 0 ? 0 : (size_t)at] += p[i] - positive[i];
	}
	for (size_t b = 0; b < bins; b++)
		sum += fabs(gap[b]);
	return with(sum / (double)n);
}

struct measure metric_spiegelhalter(const double *p, const bool *positive, size_t n)
{
	enum stats_status status = probability_status(p, n);
	double sum = 0, variance = 0;

	for (size_t i = 0; i < n; i++) {
		double slope = 1 - 2 * p[i];

		sum += (positive[i] - p[i]) * slope;
		variance += slope * slope * p[i] * (1 - p[i]);
	}
	if (status != STATS_OK)
		return without(status);
	return variance > 0 ? with(sum / sqrt(variance)) : without(STATS_CONSTANT);
}

struct measure metric_expected_accuracy(const double *p, size_t n)
{
	enum stats_status status = probability_status(p, n);
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += fmax(p[i], 1 - p[i]);
	return status == STATS_OK ? with(sum / (double)n) : without(status);
}

/* ---- numbers ---- */

static enum stats_status pair_status(const double *truth, const double *predicted, size_t n)
{
	enum stats_status status = finite_status(truth, n);

	return status == STATS_OK ? finite_status(predicted, n) : status;
}

struct measure metric_mae(const double *truth, const double *predicted, size_t n)
{
	enum stats_status status = pair_status(truth, predicted, n);
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += fabs(truth[i] - predicted[i]);
	return status == STATS_OK ? with(sum / (double)n) : without(status);
}

struct measure metric_rmse(const double *truth, const double *predicted, size_t n)
{
	enum stats_status status = pair_status(truth, predicted, n);
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (truth[i] - predicted[i]) * (truth[i] - predicted[i]);
	return status == STATS_OK ? with(sqrt(sum / (double)n)) : without(status);
}

struct measure metric_mape(const double *truth, const double *predicted, size_t n)
{
	enum stats_status status = pair_status(truth, predicted, n);
	double sum = 0;

	for (size_t i = 0; i < n && status == STATS_OK; i++) {
		if (truth[i] == 0)
			status = STATS_UNDEFINED;
		else
			sum += fabs((truth[i] - predicted[i]) / truth[i]);
	}
	return status == STATS_OK ? with(sum / (double)n) : without(status);
}

struct measure metric_r_squared(const double *truth, const double *predicted, size_t n)
{
	enum stats_status status = pair_status(truth, predicted, n);
	double mean = 0, residual = 0, total = 0;
	bool differ = false;

	if (status != STATS_OK)
		return without(status);
	for (size_t i = 0; i < n; i++) {
		mean += truth[i] / (double)n;
		differ |= truth[i] != truth[0];
	}
	for (size_t i = 0; i < n; i++) {
		residual += (truth[i] - predicted[i]) * (truth[i] - predicted[i]);
		total += (truth[i] - mean) * (truth[i] - mean);
	}
	return differ && total > 0 ? with(1 - residual / total) : without(STATS_CONSTANT);
}

struct measure metric_pinball(const double *truth, const double *predicted, size_t n, double q)
{
	enum stats_status status = pair_status(truth, predicted, n);
	double sum = 0;

	if (!(q > 0 && q < 1))
		return without(STATS_RANGE);
	for (size_t i = 0; i < n; i++) {
		double error = truth[i] - predicted[i];

		sum += error >= 0 ? q * error : (q - 1) * error;
	}
	return status == STATS_OK ? with(sum / (double)n) : without(status);
}
