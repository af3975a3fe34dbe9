/* What the judgement of gates is made of. */
#ifndef LINNET_GATE_GATES_PARTS_H
#define LINNET_GATE_GATES_PARTS_H

#include "api/metrics.h"
#include "gate/gates.h"
#include "stats/special.h"
#include "stats/status.h"

#define GATE_BETA 0.2 /* 1 - power, where rows that are needed are named */

struct gate_metric {
	enum metric_kind kind;
	size_t class;     /* of those about one class; of AUC the positive one */
	const char *text; /* "recall of High" */
	bool is_loss;     /* less is better */
	bool is_share;    /* shown in percent */
	double quantile;  /* of the pinball loss */
};

/* One judgement on its way. */
struct judging {
	const struct gates_input *input;
	const struct gate_rows *rows; /* all, or those of a slice */
	struct arena *arena;
	double alpha; /* one-sided, of each bound */
	struct gates_verdict out;
};

/* low and high are the one-sided bounds at alpha. All NAN unless STATS_OK. */
struct measured {
	enum stats_status status;
	double value, low, high;
	double se;
	double x, n; /* of shares: how many of how many; else x is NAN and n the rows */
};

/* ---- measure.c ---- */

/* False, with why, when these rows or this model have no such metric. */
bool metric_resolve(struct judging *judging, const struct gate_require *require,
                    struct gate_metric *out, const char **why);
const char *metric_name(enum metric_kind kind);
bool metric_has_class(enum metric_kind kind); /* it is about one class */
/* A resample of it reads each row. */
bool metric_is_slow(enum metric_kind kind);
struct gate_metric metric_of(enum metric_kind kind, const char *text);
struct measured measure_value(struct judging *judging, const struct gate_metric *metric,
                              const struct gate_predictions *predictions);
/* By how much the candidate is better than the incumbent, on rows that both are new to: of a loss,
 * incumbent less candidate. */
struct measured measure_gain(struct judging *judging, const struct gate_metric *metric);
/* Mean of one number a row. */
struct measured measure_mean(struct judging *judging, const double *values, size_t n);
/* "88.4 %", or "0.312" */
const char *metric_text(struct judging *judging, const struct gate_metric *metric, double value);
const char *percent_text(struct arena *arena, double share);
const char *count_text(struct arena *arena, double n);
/* Why a metric has no value, for people. */
const char *status_text(enum stats_status status);

/* ---- rows.c ---- */

/* A copy of those rows, without inputs. */
struct gate_rows rows_some(struct judging *judging, const size_t *rows, size_t n);
/* Those that the incumbent was not trained on, of rows of which it was on some; and how many the
 * others are. */
struct gate_rows rows_unseen(struct judging *judging);
double rows_seen(const struct gate_rows *rows);

/* ---- gates.c ---- */

void add_entry(struct judging *judging, const char *name, enum verdict_result verdict,
               const struct measured *measured, double needed, const char *why);

/* Names of entries: "recall of High min 70.0 %", "accuracy not worse than current". */
const char *bound_name(struct judging *judging, const struct gate_metric *metric, double bound,
                       bool is_min);
const char *versus_name(struct judging *judging, const struct gate_metric *metric, bool better);
/* By how much the candidate may be worse. */
double versus_margin(const struct gate_require *require);
/* What makes the comparison with the incumbent `who` honest: "; 12 rows that ..." or "". */
const char *honest_text(struct judging *judging, const char *who);

/* ---- guards.c, slices.c, serving.c ---- */

void judge_guards(struct judging *judging);
/* Is any of them not switched off? */
bool guards_on(const struct gate_policy *policy);
void judge_slices(struct judging *judging);
void judge_serving(struct judging *judging);
/* One-sided, of the declared reliability. */
double gate_alpha(const struct gates_spec *gates);

#endif
