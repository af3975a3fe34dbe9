/* What is measured of predictions, and how manifests write it: one table for those who check the
 * names, judge by them and choose by them. */
#ifndef LINNET_API_METRICS_H
#define LINNET_API_METRICS_H

#include "api/kinds.h"
#include "base/buf.h"

enum metric_kind {
	METRIC_ACCURACY, METRIC_BALANCED, METRIC_MACRO_F1, METRIC_MATTHEWS, METRIC_KAPPA,
	METRIC_PRECISION, METRIC_RECALL, METRIC_F1, METRIC_AUC, METRIC_PR_AUC, METRIC_BRIER,
	METRIC_LOG_LOSS, METRIC_CALIBRATION, METRIC_MAE, METRIC_RMSE, METRIC_MAPE, METRIC_PINBALL,
	METRIC_R_SQUARED, METRIC_KINDS
};
enum metric_needs { NEEDS_CLASSES = 1, NEEDS_CLASS = 2, NEEDS_SCORES = 4, NEEDS_NUMBERS = 8 };
struct metric_info {
	const char *name, *other; /* as written; another way to write it, or NULL */
	int needs;                /* of enum metric_needs */
	bool is_loss, is_share;   /* less is better; shown in percent */
	double low, high;         /* what it can be; infinite where there is no end */
};
extern const struct metric_info metric_infos[METRIC_KINDS];

/* The metric that a gate names so, METRIC_KINDS when there is none: log_loss and log-loss are one.
 * `quantile` is that of the pinball loss: of "pinball" the median, 0.9 of "pinball-0.9"; else
 * NAN. */
enum metric_kind metric_parse(const char *written, double *quantile);

/* Adds to `why` what keeps a gate from ever measuring this of such an output (NULL: not known, and
 * the name alone is looked at), and what to write; nothing when it can. */
void metric_why_not(const struct gate_require *require, const struct output_spec *output,
                    struct buf *why);
/* The same of what is measured of a whole output without being told of which class, and so chooses
 * candidates: "recall.High" where a gate writes recall with a class. */
void metric_why_not_measured(const char *written, const struct output_spec *output,
                             struct buf *why);
/* The same of a bound. */
void metric_why_not_bound(const struct gate_require *require, double bound, struct buf *why);

#endif
