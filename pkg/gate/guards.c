/* Guards against degenerate predictors: on unless a policy switches one off with a reason. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate/gates_parts.h"
#include "stats/metrics.h"
#include "stats/proportion.h"

#define PREVALENCE_MIN 0.01  /* a class below it may go unpredicted */
#define ROWS_MIN 10          /* of a class, before it counts as never predicted */
#define FALL_MARGIN 0.05     /* of balanced accuracy and the area under the curve */
#define MATTHEWS_MARGIN 0.1
#define SCORE_MARGIN 0.1     /* of the mean score to the prevalence */
#define RECALL_FLOOR 0.05
#define CHANGED_MAX 0.4      /* share of changed predictions that nobody has to look at */
#define IMPROVEMENT_MAX 0.2  /* of accuracy, likewise */
#define LEAKAGE_AUC 0.99

/* ---- counts ---- */

static double rows_of(const uint32_t *classes, size_t n, size_t class)
{
	double count = 0;

	for (size_t i = 0; i < n; i++)
		count += classes[i] == class;
	return count;
}

static size_t distinct(const uint32_t *classes, size_t n, size_t n_classes)
{
	size_t found = 0;

	for (size_t k = 0; k < n_classes; k++)
		found += rows_of(classes, n, k) > 0;
	return found;
}

static bool are_probabilities(const struct gate_rows *rows)
{
	const struct gate_predictions *p = &rows->candidate;

	if (!p->scores || (p->n_scores != rows->classes->n &&
	                   !(p->n_scores == 1 && rows->classes->n == 2)))
		return false;
	for (size_t i = 0; i < rows->n * p->n_scores; i++)
		if (!(p->scores[i] >= 0 && p->scores[i] <= 1))
			return false;
	return true;
}

/* ---- 1: better than a constant ---- */

/* The loss of the class shares of these rows, predicted for every row; by row. */
static double *constant_losses(struct judging *judging, bool brier)
{
	const struct gate_rows *rows = judging->rows;
	size_t classes = rows->classes->n;
	double *share = arena_array(judging->arena, classes, double);
	double *loss = arena_array(judging->arena, rows->n, double);

	for (size_t k = 0; k < classes; k++)
		share[k] = rows_of(rows->truth, rows->n, k) / (double)rows->n;
	for (size_t i = 0; i < rows->n; i++) {
		for (size_t k = 0; brier && classes > 2 && k < classes; k++)
			loss[i] += pow(share[k] - (rows->truth[i] == k), 2);
		if (brier && classes == 2)
			loss[i] = pow(share[1] - (rows->truth[i] == 1), 2);
		if (!brier)
			loss[i] = -log(share[rows->truth[i]]);
	}
	return loss;
}

/* The gain of the candidate's probabilities over them. */
static struct measured gain_on_constant(struct judging *judging, bool brier)
{
	const struct gate_rows *rows = judging->rows;
	const struct gate_predictions *p = &rows->candidate;
	double *gain = constant_losses(judging, brier);

	for (size_t i = 0; i < rows->n; i++) {
		const double *scores = p->scores + i * p->n_scores;
		double second = scores[p->n_scores - 1], own;

		if (!brier) {
			own = p->n_scores == 1 ? (rows->truth[i] == 1 ? second : 1 - second)
			                       : scores[rows->truth[i]];
			gain[i] += log(fmax(own, 0x1p-52));
		} else if (rows->classes->n == 2) {
			gain[i] -= pow(second - (rows->truth[i] == 1), 2);
		} else {
			for (size_t k = 0; k < p->n_scores; k++)
				gain[i] -= pow(scores[k] - (rows->truth[i] == k), 2);
		}
	}
	return measure_mean(judging, gain, rows->n);
}

static enum verdict_result beats_mean(struct judging *judging, struct measured *m, double *needed,
                                      const char **why)
{
	struct gate_metric metric = metric_of(METRIC_R_SQUARED, "r-squared");

	*needed = 0;
	*m = measure_value(judging, &metric, &judging->rows->candidate);
	if (m->status != STATS_OK) {
		*why = arena_printf(judging->arena, "whether it beats the mean cannot be told: %s",
		                    status_text(m->status));
		return VERDICT_INCONCLUSIVE;
	}
	*why = arena_printf(judging->arena, "r-squared is %.3g, at least %.3g; always predicting the"
	                    " mean"
	                    " has 0", m->value, m->low);
	return m->low > 0 ? VERDICT_PASS : m->high <= 0 ? VERDICT_FAIL : VERDICT_INCONCLUSIVE;
}

static const char *constant_text(struct judging *judging, double majority, double right)
{
	const struct gate_rows *rows = judging->rows;

	return arena_printf(judging->arena, "it predicts %s for every row: %s are right, yet it tells"
	                    " nothing apart (the largest class alone is %s)",
	                    rows->classes->items[rows->candidate.classes[0]],
	                    percent_text(judging->arena, right), percent_text(judging->arena,
	                                                                      majority));
}

static enum verdict_result beats_classes(struct judging *judging, struct measured *m,
                                         double *needed, const char **why)
{
	const struct gate_rows *rows = judging->rows;
	struct gate_metric balanced = metric_of(METRIC_BALANCED, "balanced-accuracy");
	struct gate_metric accuracy = metric_of(METRIC_ACCURACY, "accuracy");
	size_t occur = distinct(rows->truth, rows->n, rows->classes->n);
	struct measured right = measure_value(judging, &accuracy, &rows->candidate);
	double majority = 0;

	for (size_t k = 0; k < rows->classes->n; k++)
		majority = fmax(majority, rows_of(rows->truth, rows->n, k) / (double)rows->n);
	if (occur < 2) {
		*why = "the test rows are of one class, which any constant gets right";
		return VERDICT_INCONCLUSIVE;
	}
	*needed = 1 / (double)occur;
	*m = measure_value(judging, &balanced, &rows->candidate);
	if (distinct(rows->candidate.classes, rows->n, rows->classes->n) < 2) {
		*why = constant_text(judging, majority, right.value);
		return VERDICT_FAIL;
	}
	*why = arena_printf(judging->arena, "balanced accuracy is %s, at least %s; always saying the"
	                    " commonest class has %s", percent_text(judging->arena, m->value),
	                    percent_text(judging->arena, m->low), percent_text(judging->arena,
	                                                                       *needed));
	if (m->status == STATS_OK && (m->low > *needed || right.low > majority))
		return VERDICT_PASS;
	return m->high <= *needed && right.high <= majority ? VERDICT_FAIL : VERDICT_INCONCLUSIVE;
}

static enum verdict_result beats_baseline(struct judging *judging, struct measured *m,
                                          double *needed, const char **why)
{
	enum verdict_result classes;
	struct measured brier, log_loss;
	bool worse;

	if (judging->rows->classes->n == 0)
		return beats_mean(judging, m, needed, why);
	classes = beats_classes(judging, m, needed, why);
	if (classes != VERDICT_PASS || !are_probabilities(judging->rows))
		return classes;
	brier = gain_on_constant(judging, true);
	log_loss = gain_on_constant(judging, false);
	if (brier.low > 0 || log_loss.low > 0)
		return VERDICT_PASS;
	worse = brier.high <= 0 && log_loss.high <= 0;
	*why = arena_printf(judging->arena, "its probabilities are %s better than the plain class"
	                    " shares: Brier %+.3g, log loss %+.3g against them",
	                    worse ? "no" : "not surely", -brier.value, -log_loss.value);
	return worse ? VERDICT_FAIL : VERDICT_INCONCLUSIVE;
}

/* ---- 2: has not fallen ---- */

static enum verdict_result fell(struct judging *judging, enum metric_kind kind, const char *text,
                                double margin, struct measured *m, const char **why)
{
	struct gate_metric metric = metric_of(kind, text);
	const char *who = judging->input->incumbent ? judging->input->incumbent : "the current"
	" version";

	metric.class = 1;
	*m = measure_gain(judging, &metric);
	if (m->status != STATS_OK) {
		*why = arena_printf(judging->arena, "%s cannot be compared with %s: %s%s", text, who,
		                    status_text(m->status), honest_text(judging, who));
		return VERDICT_INCONCLUSIVE;
	}
	*why = arena_printf(judging->arena, "%s is %.3f %s than with %s, between %+.3f and %+.3f;"
	                    " %.3g less"
	                    " is allowed", text, fabs(m->value), m->value < 0 ? "lower" : "higher",
	                    who,
	                    m->low, m->high, margin);
	return m->high < -margin ? VERDICT_FAIL : m->low > -margin ? VERDICT_PASS
	                                                           : VERDICT_INCONCLUSIVE;
}

static enum verdict_result not_fallen(struct judging *judging, struct measured *m, double *needed,
                                      const char **why)
{
	const struct gate_rows *rows = judging->rows;
	enum verdict_result balanced;
	struct measured other;
	const char *text;

	if (!rows->incumbent || rows->classes->n < 2) {
		*why = "there is no current version with classes to compare with";
		return VERDICT_NOT_APPLICABLE;
	}
	*needed = -FALL_MARGIN;
	balanced = fell(judging, METRIC_BALANCED, "balanced accuracy", FALL_MARGIN, m, why);
	if (balanced == VERDICT_FAIL)
		return balanced;
	if ((fell(judging, METRIC_MATTHEWS, "Matthews' correlation", MATTHEWS_MARGIN, &other, &text) ==
	     VERDICT_FAIL) ||
	    (rows->classes->n == 2 && rows->candidate.scores && rows->incumbent->scores &&
	     fell(judging, METRIC_AUC, "the area under the ROC curve", FALL_MARGIN, &other, &text) ==
	     VERDICT_FAIL)) {
		*m = other;
		*why = text;
		return VERDICT_FAIL;
	}
	return balanced;
}

/* ---- 3: every class, scores that say something ---- */

static bool scores_finite(const struct gate_predictions *p, size_t n)
{
	for (size_t i = 0; p->scores && i < n * p->n_scores; i++)
		if (!isfinite(p->scores[i]))
			return false;
	for (size_t i = 0; p->numbers && i < n; i++)
		if (!isfinite(p->numbers[i]))
			return false;
	return true;
}

static bool all_equal(const double *values, size_t n, size_t step)
{
	for (size_t i = 1; i < n; i++)
		if (values[i * step] != values[0])
			return false;
	return n > 1;
}

static bool scores_constant(const struct gate_predictions *p, size_t n)
{
	size_t constant = 0;

	for (size_t k = 0; p->scores && k < p->n_scores; k++)
		constant += all_equal(p->scores + k, n, p->n_scores);
	return (p->scores && constant == p->n_scores) || (p->numbers && all_equal(p->numbers, n, 1));
}

/* A class whose mean score is surely far from how often it occurs; -1 none. */
static int class_off(struct judging *judging, struct measured *m)
{
	const struct gate_rows *rows = judging->rows;
	const struct gate_predictions *p = &rows->candidate;
	double *off = arena_array(judging->arena, rows->n, double);

	for (size_t k = 0; are_probabilities(rows) && k < rows->classes->n; k++) {
		if (p->n_scores == 1 && k == 0)
			continue;
		for (size_t i = 0; i < rows->n; i++)
			off[i] = p->scores[i * p->n_scores + (p->n_scores == 1 ? 0 : k)] -
			         (rows->truth[i] == k);
		*m = measure_mean(judging, off, rows->n);
		if (m->low > SCORE_MARGIN || m->high < -SCORE_MARGIN)
			return (int)k;
	}
	return -1;
}

static enum verdict_result unpredicted(struct judging *judging, const char **why)
{
	const struct gate_rows *rows = judging->rows;
	enum verdict_result verdict = VERDICT_PASS;

	for (size_t k = 0; k < rows->classes->n; k++) {
		double n = rows_of(rows->truth, rows->n, k);

		if (n == 0 || n < PREVALENCE_MIN * (double)rows->n ||
		    rows_of(rows->candidate.classes, rows->n, k) > 0 || verdict == VERDICT_FAIL)
			continue;
		verdict = n >= ROWS_MIN ? VERDICT_FAIL : VERDICT_INCONCLUSIVE;
		*why = arena_printf(judging->arena, "%s is never predicted, though %s of %s rows are so",
		                    rows->classes->items[k], count_text(judging->arena, n),
		                    count_text(judging->arena, (double)rows->n));
	}
	return verdict;
}

static enum verdict_result every_class(struct judging *judging, struct measured *m, double *needed,
                                       const char **why)
{
	const struct gate_rows *rows = judging->rows;
	enum verdict_result verdict;
	struct measured off;
	int class;

	(void)needed;
	if (!scores_finite(&rows->candidate, rows->n)) {
		*why = "a prediction is not a finite number";
		return VERDICT_FAIL;
	}
	if (scores_constant(&rows->candidate, rows->n)) {
		*why = "it gives every row the same score";
		return VERDICT_FAIL;
	}
	verdict = unpredicted(judging, why);
	if (verdict != VERDICT_PASS)
		return verdict;
	class = class_off(judging, &off);
	if (class >= 0) {
		*m = off;
		*why = arena_printf(judging->arena, "the mean score of %s is %s off from how often it"
		                    " occurs",
		                    rows->classes->items[class],
		                    percent_text(judging->arena, fabs(off.value)));
		return VERDICT_FAIL;
	}
	*why = rows->classes->n ? "every class that occurs is predicted, and scores differ"
	                        : "predictions differ from row to row";
	return VERDICT_PASS;
}

/* ---- 4: recall floors ---- */

static enum verdict_result recall_floors(struct judging *judging, struct measured *m,
                                         double *needed, const char **why)
{
	const struct gate_rows *rows = judging->rows;
	enum verdict_result verdict = VERDICT_PASS;
	struct gate_metric recall = metric_of(METRIC_RECALL, "recall");

	if (rows->classes->n < 2) {
		*why = "there are no classes";
		return VERDICT_NOT_APPLICABLE;
	}
	*needed = RECALL_FLOOR;
	*m = (struct measured){.value = INFINITY};
	for (recall.class = 0; recall.class < rows->classes->n; recall.class++) {
		struct measured one = measure_value(judging, &recall, &rows->candidate);
		enum verdict_result here = one.low >= RECALL_FLOOR ? VERDICT_PASS
		                           : one.high < RECALL_FLOOR ? VERDICT_FAIL : VERDICT_INCONCLUSIVE;

		if (one.status != STATS_OK || one.n < PREVALENCE_MIN * (double)rows->n ||
		    (one.value >= m->value && !(here == VERDICT_FAIL && verdict != VERDICT_FAIL)))
			continue;
		*m = one;
		verdict = verdict == VERDICT_FAIL ? verdict : here;
		*why = arena_printf(judging->arena, "least is the recall of %s: %s of %s rows, between"
		                    " %s and"
		                    " %s; %s is the floor", rows->classes->items[recall.class],
		                    percent_text(judging->arena, one.value),
		                    count_text(judging->arena, one.n), percent_text(judging->arena,
		                                                                    one.low),
		                    percent_text(judging->arena, one.high),
		                    percent_text(judging->arena, RECALL_FLOOR));
	}
	if (isinf(m->value)) {
		*m = (struct measured){STATS_EMPTY, NAN, NAN, NAN, NAN, NAN, NAN};
		*why = "no class has rows";
		return VERDICT_INCONCLUSIVE;
	}
	return verdict;
}

/* ---- 5 and 6: a person looks ---- */

static enum verdict_result changed(struct judging *judging, struct measured *m, double *needed,
                                   const char **why)
{
	const struct gate_rows *rows = judging->rows;
	double differ = 0, n = (double)rows->n;

	if (!rows->incumbent || rows->classes->n < 2) {
		*why = "there is no current version with classes to compare with";
		return VERDICT_NOT_APPLICABLE;
	}
	for (size_t i = 0; i < rows->n; i++)
		differ += rows->candidate.classes[i] != rows->incumbent->classes[i];
	*needed = CHANGED_MAX;
	*m = (struct measured){STATS_OK, differ / n, proportion_lower(differ, n, judging->alpha),
	                       proportion_upper(differ, n, judging->alpha), NAN, differ, n};
	*why = differ > 0 ? arena_printf(judging->arena, "%s of predictions change%s",
	                                 percent_text(judging->arena, m->value),
	                                 m->value > CHANGED_MAX ? "; a person has to look" : "")
	                  : "no prediction changes: in effect it is the same model";
	return m->value > CHANGED_MAX ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

static enum verdict_result suspicious(struct judging *judging, struct measured *m, double *needed,
                                      const char **why)
{
	const struct gate_rows *rows = judging->rows;
	struct gate_metric accuracy = metric_of(METRIC_ACCURACY, "accuracy");

	if (!rows->incumbent || rows->classes->n < 2) {
		*why = "there is no current version with classes to compare with";
		return VERDICT_NOT_APPLICABLE;
	}
	*needed = IMPROVEMENT_MAX;
	*m = measure_gain(judging, &accuracy);
	if (m->status != STATS_OK) {
		*why = arena_printf(judging->arena, "accuracy cannot be compared: %s",
		                    status_text(m->status));
		return VERDICT_INCONCLUSIVE;
	}
	*why = arena_printf(judging->arena, "accuracy changes by %+.1f points%s", 100 * m->value,
	                    m->low > IMPROVEMENT_MAX ? ", which is too good to be believed"
	                    " unseen" : "");
	return m->low > IMPROVEMENT_MAX ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

/* ---- 8: one input that knows the answer ---- */

/* The best area under the curve of one input for one class; the texts of an input stand for the
 * share of the class among their rows, where they are few. */
static double column_auc(struct judging *judging, const struct gate_column *column, size_t class)
{
	const struct gate_rows *rows = judging->rows;
	double *value = arena_array(judging->arena, rows->n, double);
	bool *positive = arena_array(judging->arena, rows->n, bool);
	struct measure auc;
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (!is_set(column->numbers[i]))
			continue;
		value[n] = column->numbers[i];
		positive[n++] = rows->truth[i] == class;
	}
	if (n < rows->n / 2)
		return NAN;
	auc = metric_auc(value, positive, n, judging->arena);
	return auc.status == STATS_OK ? fmax(auc.value, 1 - auc.value) : NAN;
}

static enum verdict_result leakage(struct judging *judging, struct measured *m, double *needed,
                                   const char **why)
{
	const struct gate_rows *rows = judging->rows;
	size_t looked = 0;

	*needed = LEAKAGE_AUC;
	for (size_t j = 0; j < rows->n_inputs; j++) {
		for (size_t k = 0; rows->inputs[j].numbers && k < rows->classes->n; k++) {
			double n = rows_of(rows->truth, rows->n, k), auc;

			if (n < ROWS_MIN || (double)rows->n - n < ROWS_MIN)
				continue;
			auc = column_auc(judging, &rows->inputs[j], k);
			looked += is_set(auc) ? 1 : 0;
			if (!(auc > LEAKAGE_AUC))
				continue;
			*m = (struct measured){STATS_OK, auc, NAN, NAN, NAN, NAN, (double)rows->n};
			*why = arena_printf(judging->arena, "%s alone tells %s with an area under the curve of"
			                    " %.4f: does it know the outcome? A person has to look",
			                    rows->inputs[j].name, rows->classes->items[k], auc);
			return VERDICT_INCONCLUSIVE;
		}
	}
	*why = looked ? "no number among the inputs tells a class by itself"
	              : "no input could be looked at";
	return looked ? VERDICT_PASS : VERDICT_NOT_APPLICABLE;
}

/* ---- all ---- */

static const struct {
	const char *name; /* as in GatePolicy; golden-batch is checked before traffic */
	enum verdict_result (*guard)(struct judging *judging, struct measured *m, double *needed,
	                             const char **why);
} guards[] = {
	{"beats-baseline", beats_baseline},
	{"balanced-accuracy", not_fallen},
	{"every-class-predicted", every_class},
	{"recall-floors", recall_floors},
	{"changed-predictions", changed},
	{"suspicious-improvement", suspicious},
	{"leakage", leakage},
};

static const char *switched_off(const struct gate_policy *policy, const char *name)
{
	for (size_t i = 0; policy && i < policy->n_guards_off; i++)
		if (!strcmp(policy->guards_off[i].name, name))
			return policy->guards_off[i].reason;
	return NULL;
}

bool guards_on(const struct gate_policy *policy)
{
	size_t off = 0;

	for (size_t i = 0; i < ARRAY_LEN(guards); i++)
		off += switched_off(policy, guards[i].name) != NULL;
	return off < ARRAY_LEN(guards);
}

void judge_guards(struct judging *judging)
{
	for (size_t i = 0; i < ARRAY_LEN(guards); i++) {
		const char *name = arena_printf(judging->arena, "guard %s", guards[i].name);
		const char *off = switched_off(judging->input->policy, guards[i].name), *why = NULL;
		struct measured m = {STATS_EMPTY, NAN, NAN, NAN, NAN, NAN, NAN};
		enum verdict_result verdict;
		double needed = NAN;

		if (off) {
			why = arena_printf(judging->arena, "switched off: %s", off);
			add_entry(judging, name, VERDICT_NOT_APPLICABLE, NULL, NAN, why);
		} else if (judging->rows->n == 0) {
			add_entry(judging, name, VERDICT_INCONCLUSIVE, NULL, NAN, "there are no test rows");
		} else {
			verdict = guards[i].guard(judging, &m, &needed, &why);
			add_entry(judging, name, verdict, &m, needed, why);
		}
	}
}
