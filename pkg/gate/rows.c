/* Some of the rows: those of a slice, or those that both versions are new to. */
#include <string.h>

#include "gate/gates_parts.h"

static struct gate_predictions some_predictions(struct judging *judging,
                                                const struct gate_predictions *all,
                                                const size_t *rows, size_t n)
{
	struct gate_predictions some = {.n_scores = all->n_scores};
	uint32_t *classes = all->classes ? arena_array(judging->arena, n, uint32_t) : NULL;
	double *numbers = all->numbers ? arena_array(judging->arena, n, double) : NULL;
	double *scores = all->scores ? arena_array(judging->arena, n * all->n_scores, double) : NULL;

	for (size_t i = 0; i < n; i++) {
		if (classes)
			classes[i] = all->classes[rows[i]];
		if (numbers)
			numbers[i] = all->numbers[rows[i]];
		if (scores)
			memcpy(scores + i * all->n_scores, all->scores + rows[i] * all->n_scores,
			       all->n_scores * sizeof(double));
	}
	some.classes = classes;
	some.numbers = numbers;
	some.scores = scores;
	return some;
}

struct gate_rows rows_some(struct judging *judging, const size_t *rows, size_t n)
{
	const struct gate_rows *all = judging->rows;
	struct gate_rows some = {.n = n, .classes = all->classes, .by_time = all->by_time};
	uint32_t *truth = all->truth ? arena_array(judging->arena, n, uint32_t) : NULL;
	double *number = all->truth_number ? arena_array(judging->arena, n, double) : NULL;
	bool *seen = all->seen ? arena_array(judging->arena, n, bool) : NULL;

	for (size_t i = 0; i < n; i++) {
		if (truth)
			truth[i] = all->truth[rows[i]];
		if (number)
			number[i] = all->truth_number[rows[i]];
		if (seen)
			seen[i] = all->seen[rows[i]];
	}
	some.truth = truth;
	some.truth_number = number;
	some.candidate = some_predictions(judging, &all->candidate, rows, n);
	if (all->incumbent) {
		struct gate_predictions was = some_predictions(judging, all->incumbent, rows, n);

		some.incumbent = arena_memdup(judging->arena, &was, sizeof(was));
	}
	some.seen = seen;
	return some;
}

struct gate_rows rows_unseen(struct judging *judging)
{
	const struct gate_rows *all = judging->rows;
	size_t *unseen = arena_array(judging->arena, all->n, size_t), n = 0;
	struct gate_rows rows;

	for (size_t i = 0; i < all->n; i++)
		if (!all->seen[i])
			unseen[n++] = i;
	rows = rows_some(judging, unseen, n);
	rows.seen = NULL;
	return rows;
}

double rows_seen(const struct gate_rows *rows)
{
	double n = 0;

	for (size_t i = 0; rows->seen && i < rows->n; i++)
		n += rows->seen[i];
	return n;
}
