/* Rows that say again, under another id, what a row of an earlier block says: who has learnt the
 * one knows the answer of the other. */
#include <stdlib.h>

#include "base/heap.h"
#include "dataset/internal.h"

enum { SLOTS = 1 << 18, FULL = SLOTS / 4 * 3 }; /* the first a power of two */

/* What rows say, and the first line in each part that says it; 0: none does. */
struct content {
	uint64_t key; /* 0: this slot is free */
	uint32_t trained, chosen, tested;
	uint32_t n_chosen, n_tested; /* rows in blocks that judge: before the last, and in it */
};
/* By their keys, in open addressing. Once they are too many, only contents whose key ends in so
 * many zero bits are looked at: a sample that holds all rows of a content or none. */
struct repeat_count {
	struct content *slots;
	size_t n, n_training, last;
	unsigned zeros;
};

struct repeat_count *repeats_begin(size_t n_training, size_t n_blocks)
{
	struct repeat_count *count = heap_alloc(1, sizeof(*count));

	*count = (struct repeat_count){.n_training = n_training, .last = n_blocks - 1};
	count->slots = heap_alloc(SLOTS, sizeof(*count->slots));
	return count;
}

static bool is_sampled(const struct repeat_count *count, uint64_t key)
{
	return (key & ((UINT64_C(1) << count->zeros) - 1)) == 0;
}

static struct content *find_content(struct content *slots, uint64_t key)
{
	size_t slot = key >> 40 & (SLOTS - 1);

	while (slots[slot].key && slots[slot].key != key)
		slot = (slot + 1) & (SLOTS - 1);
	return &slots[slot];
}

/* Frees a slot: what stands behind it and was looked for from there, or from before it, moves up
 * (Knuth, The Art of Computer Programming, 6.4, algorithm R). */
static void take_out(struct content *slots, size_t slot)
{
	size_t next = slot;

	while (slots[next = (next + 1) & (SLOTS - 1)].key) {
		size_t home = slots[next].key >> 40 & (SLOTS - 1);

		if (((next - home) & (SLOTS - 1)) < ((next - slot) & (SLOTS - 1)))
			continue;
		slots[slot] = slots[next];
		slot = next;
	}
	slots[slot] = (struct content){0};
}

/* Half of them go. In place: new memory can cost more than all else here. */
static void thin_out(struct repeat_count *count)
{
	count->zeros++;
	for (size_t slot = 0; slot < SLOTS; slot++) {
		while (count->slots[slot].key && !is_sampled(count, count->slots[slot].key)) {
			take_out(count->slots, slot);
			count->n--;
		}
	}
}

void repeats_row(struct repeat_count *count, const char *content, size_t len, size_t block,
                 uint32_t line)
{
	uint64_t key = bytes_key(content, len, 0);
	struct content *found;

	if (!is_sampled(count, key))
		return;
	found = find_content(count->slots, key ? key : UINT64_C(1) << 63);
	if (!found->key) {
		found->key = key ? key : UINT64_C(1) << 63;
		count->n++;
	}
	if (block < count->n_training) {
		found->trained = found->trained ? found->trained : line;
	} else if (block < count->last) {
		found->chosen = found->chosen ? found->chosen : line;
		found->n_chosen++;
	} else {
		found->tested = found->tested ? found->tested : line;
		found->n_tested++;
	}
	if (count->n >= FULL)
		thin_out(count);
}

/* Into the examples, which are sorted by line; the last falls out. */
static void note(struct dataset_repeats *out, int64_t line, int64_t first)
{
	size_t i = out->n_examples < DATASET_EXAMPLES ? out->n_examples++ : DATASET_EXAMPLES;

	for (; i > 0 && out->examples[i - 1].line > line; i--)
		if (i < DATASET_EXAMPLES)
			out->examples[i] = out->examples[i - 1];
	if (i < DATASET_EXAMPLES)
		out->examples[i] = (struct dataset_repeat){line, first};
}

static void tell(const struct content *content, struct dataset_repeats *out)
{
	uint32_t before = content->trained ? content->trained : content->chosen;

	out->judged += content->n_chosen + content->n_tested;
	if (content->trained && content->n_chosen) {
		out->rows += content->n_chosen;
		note(out, content->chosen, content->trained);
	}
	if (before && content->n_tested) {
		out->rows += content->n_tested;
		note(out, content->tested, before);
	}
}

void repeats_end(struct repeat_count *count, struct dataset_repeats *out)
{
	*out = (struct dataset_repeats){.one_in = INT64_C(1) << count->zeros};
	for (size_t slot = 0; slot < SLOTS; slot++)
		if (count->slots[slot].key)
			tell(&count->slots[slot], out);
	free(count->slots);
	free(count);
}
