/* Which row is in which block. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/heap.h"
#include "base/limits.h"
#include "dataset/internal.h"
#include "dataset/rows.h"

/* A share such as 0.7 is a little less than seven tenths, which must cost no row. */
static int64_t share_of(int64_t n, double share)
{
	return (int64_t)floor((double)n * share + 1e-6);
}

void split_sizes(int64_t n, const struct split_spec *split, int64_t rows[PARTS])
{
	rows[PART_TRAIN] = share_of(n, split->train);
	rows[PART_VALIDATION] = share_of(n, split->validation);
	rows[PART_TEST] = n - rows[PART_TRAIN] - rows[PART_VALIDATION];
}

static unsigned hex_value(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

uint16_t digest_bucket(struct digest digest)
{
	uint64_t head = 0;

	for (size_t i = 0; i < 2 * sizeof(head); i++)
		head = head << 4 | hex_value(digest.hex[i]);
	return (uint16_t)(head % DATASET_BUCKETS);
}

uint16_t dataset_bucket(const char *id)
{
	return (uint16_t)(digest_number(id, strlen(id)) % DATASET_BUCKETS);
}

/* The first of `of` on in each of `n` equal pieces, and the end. */
static int64_t piece(int64_t of, size_t i, size_t n)
{
	return (int64_t)((__int128)of * (int64_t)i / (int64_t)n);
}

/* How many of `total` rows or buckets stand before each block but the first. */
static void block_starts(int64_t total, const struct split_spec *split, int64_t folds,
                         const struct division *division, int64_t *starts)
{
	int64_t sizes[PARTS];
	size_t n = division->n - 1;

	split_sizes(total, split, sizes);
	for (size_t i = 1; i < n; i++)
		starts[i - 1] = folds > 0 ? piece(total - sizes[PART_TEST], i, n) : sizes[PART_TRAIN];
	starts[n - 1] = total - sizes[PART_TEST];
}

/* A bucket's block follows from the sum of the shares before it, each alone. */
static void divide_buckets(const struct split_spec *split, int64_t folds, struct division *out)
{
	int64_t test = share_of(DATASET_BUCKETS, split->train + split->validation);
	size_t n = out->n - 1;

	for (size_t i = 1; i < n; i++)
		out->bucket[i] = (uint16_t)(folds > 0 ? piece(test, i, n)
		                                      : share_of(DATASET_BUCKETS, split->train));
	out->bucket[n] = (uint16_t)test;
}

int dataset_divide(const struct dataset *dataset, const struct split_spec *split, int64_t folds,
                   struct division *out, struct err *err)
{
	struct division division = {.by = split->by};
	int64_t starts[DATASET_BLOCKS];

	division.n = folds == 0 ? PARTS : (size_t)folds + (split->by == SPLIT_BY_TIME ? 2 : 1);
	if (split->by == SPLIT_BY_HASH) {
		divide_buckets(split, folds, &division);
	} else {
		division.from[0] = (struct dataset_cut){INT64_MIN, 0};
		block_starts(dataset->n_usable, split, folds, &division, starts);
		if (rows_find_cuts(dataset->rows, starts, division.n - 1, division.from + 1, err))
			return -1;
	}
	*out = division;
	return 0;
}

void division_newer(int64_t to_ms, struct division *out)
{
	*out = (struct division){.by = SPLIT_BY_TIME, .n = 2};
	out->from[0] = (struct dataset_cut){INT64_MIN, 0};
	out->from[1] = (struct dataset_cut){to_ms + 1, 0};
}

static bool is_before(const struct dataset_row *row, const struct dataset_cut *cut)
{
	return row->time_ms < cut->time_ms || (row->time_ms == cut->time_ms && row->line < cut->line);
}

size_t division_block(const struct division *division, const struct dataset_row *row)
{
	size_t block = division->n - 1;

	if (division->by == SPLIT_BY_TIME)
		while (block > 0 && is_before(row, &division->from[block]))
			block--;
	else
		while (block > 0 && row->bucket < division->bucket[block])
			block--;
	return block;
}
