#include "run/metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/metrics.h"

enum { CALIBRATION_BINS = 10 };

/* ---- The list ---- */

struct list {
	struct arena *arena;
	struct named_number *items;
	size_t n;
};

/* What is undefined on these rows is left out. */
static void add(struct list *list, const char *name, struct measure measure)
{
	if (measure.status == STATS_OK)
		*list_push(list->arena, &list->items, &list->n) =
			(struct named_number){name, measure.value};
}

static struct confusion count(const struct outcomes *outcomes, struct arena *arena)
{
	size_t n = outcomes->n_classes;
	uint64_t *counts = arena_array(arena, n * n, uint64_t);

	if (confusion_count(outcomes->truth, outcomes->predicted, outcomes->n, n, counts) != STATS_OK)
		panic("metrics: a class that does not exist");
	return (struct confusion){counts, n};
}

static void add_classes(struct list *list, struct confusion confusion,
                        const struct strings *classes)
{
	add(list, "accuracy", metric_accuracy(confusion));
	add(list, "balanced-accuracy", metric_balanced_accuracy(confusion));
	add(list, "macro-f1", metric_macro_f1(confusion));
	add(list, "kappa", metric_kappa(confusion));
	add(list, "matthews", metric_matthews(confusion));
	for (size_t k = 0; k < confusion.classes; k++) {
		const char *name = classes->items[k];

		add(list, arena_printf(list->arena, "f1.%s", name), metric_f1(confusion, k));
		add(list, arena_printf(list->arena, "precision.%s", name), metric_precision(confusion, k));
		add(list, arena_printf(list->arena, "recall.%s", name), metric_recall(confusion, k));
	}
}

/* Two classes: of the probability of the second. */
static void add_binary(struct list *list, const struct outcomes *outcomes)
{
	double *p = arena_array(list->arena, outcomes->n, double);
	bool *positive = arena_array(list->arena, outcomes->n, bool);

	for (size_t i = 0; i < outcomes->n; i++) {
		p[i] = outcomes->scores[i * outcomes->n_scores + outcomes->n_scores - 1];
		positive[i] = outcomes->truth[i] == 1;
	}
	add(list, "auc", metric_auc(p, positive, outcomes->n, list->arena));
	add(list, "pr-auc", metric_pr_auc(p, positive, outcomes->n, list->arena));
	add(list, "calibration-error",
	    metric_calibration_error(p, positive, outcomes->n, CALIBRATION_BINS));
	add(list, "brier", metric_brier(p, positive, outcomes->n));
	add(list, "log-loss", metric_log_loss(p, positive, outcomes->n));
}

/* More classes: log loss of the true one, Brier's sum over all (Brier 1950). Scores that are no
 * probabilities have neither. */
static void add_multiclass(struct list *list, const struct outcomes *outcomes)
{
	double loss = 0, brier = 0, n = (double)outcomes->n;

	for (size_t i = 0; i < outcomes->n; i++) {
		const double *scores = outcomes->scores + i * outcomes->n_scores;

		loss -= log(fmax(scores[outcomes->truth[i]], DBL_EPSILON));
		for (size_t k = 0; k < outcomes->n_scores; k++) {
			if (scores[k] < 0 || scores[k] > 1)
				return;
			brier += pow(scores[k] - (k == outcomes->truth[i]), 2);
		}
	}
	add(list, "log-loss", (struct measure){.value = loss / n, .status = STATS_OK});
	add(list, "brier", (struct measure){.value = brier / n, .status = STATS_OK});
}

static void add_scores(struct list *list, const struct outcomes *outcomes)
{
	if (!outcomes->scores)
		return;
	if (outcomes->n_classes == 2)
		add_binary(list, outcomes);
	else if (outcomes->n_scores == outcomes->n_classes)
		add_multiclass(list, outcomes);
}

static void add_numbers(struct list *list, const struct outcomes *outcomes)
{
	const double *truth = outcomes->truth_number, *predicted = outcomes->predicted_number;

	add(list, "mae", metric_mae(truth, predicted, outcomes->n));
	add(list, "rmse", metric_rmse(truth, predicted, outcomes->n));
	add(list, "mape", metric_mape(truth, predicted, outcomes->n));
	add(list, "r-squared", metric_r_squared(truth, predicted, outcomes->n));
	add(list, "pinball", metric_pinball(truth, predicted, outcomes->n, 0.5));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named_number *)a)->name, ((const struct named_number *)b)->name);
}

void metrics_all(const struct outcomes *outcomes, const struct strings *classes,
                 struct arena *arena, struct named_number **out, size_t *n)
{
	struct list list = {.arena = arena};

	if (outcomes->n > 0 && outcomes->n_classes > 0) {
		add_classes(&list, count(outcomes, arena), classes);
		add_scores(&list, outcomes);
	} else if (outcomes->n > 0) {
		add_numbers(&list, outcomes);
	}
	if (list.n > 0)
		qsort(list.items, list.n, sizeof(*list.items), by_name);
	*out = list.items;
	*n = list.n;
}

double metric_find(const struct named_number *metrics, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(metrics[i].name, name) == 0)
			return metrics[i].value;
	}
	return NAN;
}

bool metric_is_loss(const char *name)
{
	static const char *const losses[] = {"log-loss", "brier", "calibration-error", "mae",
	                                     "rmse", "mape", "pinball"};

	return names_find(NAMES(losses), name) >= 0;
}

/* ---- Standard errors ---- */

static double share_error(double p, double n)
{
	return sqrt(p * (1 - p) / n);
}

static double accuracy_error(const struct outcomes *outcomes)
{
	double right = 0, n = (double)outcomes->n;

	for (size_t i = 0; i < outcomes->n; i++)
		right += outcomes->truth[i] == outcomes->predicted[i];
	return share_error(right / n, n);
}

/* Recalls are of different rows: the variance of their mean is their sum by their number
 * squared. */
static double balanced_error(const struct outcomes *outcomes)
{
	double variance = 0, occur = 0;

	for (size_t k = 0; k < outcomes->n_classes; k++) {
		double truth = 0, hit = 0;

		for (size_t i = 0; i < outcomes->n; i++) {
			truth += outcomes->truth[i] == k;
			hit += outcomes->truth[i] == k && outcomes->predicted[i] == k;
		}
		if (truth == 0)
			continue;
		occur++;
		variance += pow(share_error(hit / truth, truth), 2);
	}
	return sqrt(variance) / occur;
}

static double absolute_error(const struct outcomes *outcomes)
{
	double sum = 0, squares = 0, n = (double)outcomes->n;

	for (size_t i = 0; i < outcomes->n; i++) {
		double value = fabs(outcomes->predicted_number[i] - outcomes->truth_number[i]);

		sum += value;
		squares += value * value;
	}
	return sqrt(fmax(squares / n - pow(sum / n, 2), 0) / n);
}

double metric_standard_error(const struct outcomes *outcomes, const char *name)
{
	static const struct {
		const char *name;
		bool of_classes;
		double (*error)(const struct outcomes *outcomes);
	} known[] = {
		{"accuracy", true, accuracy_error},
		{"balanced-accuracy", true, balanced_error},
		{"mae", false, absolute_error},
	};

	for (size_t i = 0; outcomes->n > 0 && i < ARRAY_LEN(known); i++) {
		if (strcmp(known[i].name, name) == 0 &&
		    known[i].of_classes == (outcomes->n_classes > 0))
			return known[i].error(outcomes);
	}
	return NAN;
}

/* ---- Choice ---- */

static bool is_better(double a, double b, bool is_loss)
{
	return is_loss ? a < b : a > b;
}

int select_candidate(const struct candidate_score *scores, size_t n, enum select_rule rule,
                     bool is_loss)
{
	int best = -1;
	double least;

	for (size_t i = 0; i < n; i++) {
		if (is_set(scores[i].score) &&
		    (best < 0 || is_better(scores[i].score, scores[best].score, is_loss)))
			best = (int)i;
	}
	if (best < 0 || rule == SELECT_BEST || !is_set(scores[best].standard_error))
		return best;
	least = scores[best].score + (is_loss ? 1 : -1) * scores[best].standard_error;
	for (int i = 0; i < best; i++) {
		if (is_set(scores[i].score) && !is_better(least, scores[i].score, is_loss))
			return i;
	}
	return best;
}

void fold_score(const double *scores, size_t n, double *mean, double *standard_error)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++)
		sum += scores[i];
	*mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += (scores[i] - *mean) * (scores[i] - *mean);
	*standard_error = sqrt(squares / (double)(n - 1) / (double)n);
}
