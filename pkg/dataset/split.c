/* Which row is for what. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "dataset/internal.h"

static const char *const part_table[] = {
	[PART_NONE] = "none",
	[PART_TRAIN] = "train",
	[PART_VALIDATION] = "validation",
	[PART_TEST] = "test",
};
_Static_assert(ARRAY_LEN(part_table) == PARTS, "a part without a name");
const struct names part_names = NAMES(part_table);

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

void row_key(struct dataset_row *row, struct digest digest)
{
	uint64_t head = 0;

	for (size_t i = 0; i < sizeof(row->key); i++)
		row->key[i] = (unsigned char)(hex_value(digest.hex[2 * i]) << 4 |
		                              hex_value(digest.hex[2 * i + 1]));
	for (size_t i = 0; i < sizeof(head); i++)
		head = head << 8 | row->key[i];
	row->bucket = (uint16_t)(head % DATASET_BUCKETS);
}

uint16_t dataset_bucket(const char *id)
{
	struct dataset_row row;

	row_key(&row, digest_of(id, strlen(id)));
	return row.bucket;
}

enum part split_bucket(uint16_t bucket, const struct split_spec *split)
{
	if (bucket < share_of(DATASET_BUCKETS, split->train))
		return PART_TRAIN;
	if (bucket < share_of(DATASET_BUCKETS, split->train + split->validation))
		return PART_VALIDATION;
	return PART_TEST;
}

static void split_by_hash(struct dataset *dataset, const struct split_spec *split)
{
	for (size_t i = 0; i < dataset->n; i++) {
		struct dataset_row *row = &dataset->rows[i];

		row->part = row->usable ? split_bucket(row->bucket, split) : PART_NONE;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct dataset_row *left = *(struct dataset_row *const *)a;
	const struct dataset_row *right = *(struct dataset_row *const *)b;

	if (left->time_ms != right->time_ms)
		return left->time_ms < right->time_ms ? -1 : 1;
	return left->line < right->line ? -1 : left->line > right->line;
}

/* The usable rows, oldest first; heap. */
static struct dataset_row **sorted_rows(struct dataset *dataset, size_t *n)
{
	struct dataset_row **rows = heap_alloc(dataset->n, sizeof(struct dataset_row *));

	*n = 0;
	for (size_t i = 0; i < dataset->n; i++) {
		dataset->rows[i].part = PART_NONE;
		if (dataset->rows[i].usable)
			rows[(*n)++] = &dataset->rows[i];
	}
	qsort(rows, *n, sizeof(*rows), by_time);
	return rows;
}

/* Rows of earlier parts that lie within the embargo before a later part leave. */
static void keep_embargo(struct dataset_row **rows, size_t n, const int64_t sizes[PARTS],
                         int64_t embargo_ms, struct split_counts *counts)
{
	size_t start = n; /* of the parts after this row's */

	for (size_t i = n; i-- > 0;) {
		enum part part = rows[i]->part;

		if (start < n && rows[i]->time_ms > rows[start]->time_ms - embargo_ms) {
			rows[i]->part = PART_NONE;
			counts->embargoed++;
		}
		if (i == (size_t)sizes[PART_TRAIN] ||
		    (part == PART_TEST && i == (size_t)(sizes[PART_TRAIN] + sizes[PART_VALIDATION])))
			start = i;
	}
}

static void split_by_time(struct dataset *dataset, const struct split_spec *split,
                          struct split_counts *counts)
{
	size_t n, next = 0;
	struct dataset_row **rows = sorted_rows(dataset, &n);
	int64_t sizes[PARTS];

	split_sizes((int64_t)n, split, sizes);
	for (enum part part = PART_TRAIN; part < PARTS; part++) {
		for (int64_t i = 0; i < sizes[part]; i++)
			rows[next++]->part = part;
	}
	if (split->embargo_ms > 0)
		keep_embargo(rows, n, sizes, split->embargo_ms, counts);
	free(rows);
}

static void count(const struct dataset *dataset, struct split_counts *counts)
{
	for (size_t i = 0; i < dataset->n; i++) {
		const struct dataset_row *row = &dataset->rows[i];
		int64_t *from = &counts->from_ms[row->part], *to = &counts->to_ms[row->part];

		counts->rows[row->part]++;
		if (!dataset->has_times)
			continue;
		*from = *from < 0 || row->time_ms < *from ? row->time_ms : *from;
		*to = row->time_ms > *to ? row->time_ms : *to;
	}
}

void dataset_split(struct dataset *dataset, const struct split_spec *split,
                   struct split_counts *counts)
{
	*counts = (struct split_counts){0};
	for (enum part part = PART_NONE; part < PARTS; part++)
		counts->from_ms[part] = counts->to_ms[part] = -1;
	switch (split->by) {
	case SPLIT_BY_HASH:
		split_by_hash(dataset, split);
		break;
	case SPLIT_BY_TIME:
		split_by_time(dataset, split, counts);
		break;
	case SPLIT_BYS:
		panic("split: no such way");
	}
	count(dataset, counts);
}
