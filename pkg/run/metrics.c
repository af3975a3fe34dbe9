#include "run/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of each pair of truth and prediction. */
struct confusion {
	const int64_t *cells; /* [truth][predicted] */
	size_t n;
};

static int64_t cell(const struct confusion *confusion, size_t truth, size_t predicted)
{
	return confusion->cells[truth * confusion->n + predicted];
}

static int64_t of_truth(const struct confusion *confusion, size_t k)
{
	int64_t sum = 0;

	for (size_t i = 0; i < confusion->n; i++)
		sum += cell(confusion, k, i);
	return sum;
}

static int64_t of_prediction(const struct confusion *confusion, size_t k)
{
	int64_t sum = 0;

	for (size_t i = 0; i < confusion->n; i++)
		sum += cell(confusion, i, k);
	return sum;
}

static struct confusion count(const struct outcomes *outcomes, struct arena *arena)
{
	size_t n = outcomes->n_classes;
	int64_t *cells = arena_array(arena, n * n, int64_t);

	for (size_t i = 0; i < outcomes->n; i++)
		cells[(size_t)outcomes->truth[i] * n + (size_t)outcomes->predicted[i]]++;
	return (struct confusion){cells, n};
}

/* ---- The list ---- */

struct list {
	struct arena *arena;
	struct named_number *items;
	size_t n;
};

static void add(struct list *list, const char *name, double value)
{
	if (isnan(value))
		return;
	*list_push(list->arena, &list->items, &list->n) = (struct named_number){name, value};
}

static double ratio(int64_t part, int64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

/* Figures of each class that occurs, and their means over these classes. */
static void add_classes(struct list *list, const struct confusion *confusion,
                        const struct strings *classes)
{
	double recalls = 0, f1s = 0;
	int64_t occur = 0;

	for (size_t k = 0; k < confusion->n; k++) {
		int64_t truth = of_truth(confusion, k), hit = cell(confusion, k, k);
		int64_t predicted = of_prediction(confusion, k);

		add(list, arena_printf(list->arena, "precision.%s", classes->items[k]),
		    ratio(hit, predicted));
		if (truth == 0)
			continue;
		occur++;
		recalls += ratio(hit, truth);
		f1s += ratio(2 * hit, truth + predicted);
		add(list, arena_printf(list->arena, "recall.%s", classes->items[k]), ratio(hit, truth));
	}
	add(list, "balanced-accuracy", occur ? recalls / (double)occur : NAN);
	add(list, "macro-f1", occur ? f1s / (double)occur : NAN);
}

static void add_probabilities(struct list *list, const struct outcomes *outcomes)
{
	double loss = 0, brier = 0;

	if (!outcomes->scores || outcomes->n_scores != outcomes->n_classes || outcomes->n == 0)
		return;
	for (size_t i = 0; i < outcomes->n; i++) {
		const double *scores = outcomes->scores + i * outcomes->n_scores;

		loss -= log(fmax(scores[outcomes->truth[i]], 1e-15));
		for (size_t k = 0; k < outcomes->n_scores; k++)
			brier += pow(scores[k] - ((int)k == outcomes->truth[i]), 2);
	}
	add(list, "log-loss", loss / (double)outcomes->n);
	add(list, "brier", brier / (double)outcomes->n);
}

static void add_numbers(struct list *list, const struct outcomes *outcomes)
{
	double absolute = 0, square = 0, n = (double)outcomes->n;

	for (size_t i = 0; i < outcomes->n; i++) {
		double difference = outcomes->predicted_number[i] - outcomes->truth_number[i];

		absolute += fabs(difference);
		square += difference * difference;
	}
	add(list, "mean-absolute-error", absolute / n);
	add(list, "root-mean-square-error", sqrt(square / n));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named_number *)a)->name, ((const struct named_number *)b)->name);
}

static int64_t hits(const struct outcomes *outcomes)
{
	int64_t right = 0;

	for (size_t i = 0; i < outcomes->n; i++)
		right += outcomes->truth[i] == outcomes->predicted[i];
	return right;
}

void metrics_all(const struct outcomes *outcomes, const struct strings *classes,
                 struct arena *arena, struct named_number **out, size_t *n)
{
	struct list list = {.arena = arena};

	if (outcomes->n_classes > 0 && outcomes->n > 0) {
		struct confusion confusion = count(outcomes, arena);

		add(&list, "accuracy", ratio(hits(outcomes), (int64_t)outcomes->n));
		add_classes(&list, &confusion, classes);
		add_probabilities(&list, outcomes);
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
	static const char *const losses[] = {
		"log-loss", "brier", "mean-absolute-error", "root-mean-square-error",
	};

	return names_find(NAMES(losses), name) >= 0;
}

/* ---- Standard errors ---- */

static double share_error(int64_t part, int64_t whole)
{
	double p = ratio(part, whole);

	return sqrt(p * (1 - p) / (double)whole);
}

/* Recalls are of different rows, so the variance of their mean is that of the sum by their
 * number. */
static double balanced_error(const struct outcomes *outcomes)
{
	double variance = 0, occur = 0;

	for (size_t k = 0; k < outcomes->n_classes; k++) {
		int64_t truth = 0, hit = 0;

		for (size_t i = 0; i < outcomes->n; i++) {
			truth += outcomes->truth[i] == (int)k;
			hit += outcomes->truth[i] == (int)k && outcomes->predicted[i] == (int)k;
		}
		if (truth == 0)
			continue;
		occur++;
		variance += pow(share_error(hit, truth), 2);
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
	if (outcomes->n == 0)
		return NAN;
	if (outcomes->n_classes == 0)
		return strcmp(name, "mean-absolute-error") == 0 ? absolute_error(outcomes) : NAN;
	if (strcmp(name, "accuracy") == 0)
		return share_error(hits(outcomes), (int64_t)outcomes->n);
	return strcmp(name, "balanced-accuracy") == 0 ? balanced_error(outcomes) : NAN;
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
