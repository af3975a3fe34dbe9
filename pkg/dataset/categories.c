/* Values that a model sees in its test, or when it is chosen, and has never learnt. */
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "dataset/internal.h"

enum { SLOTS = 4 * DATASET_CATEGORIES }; /* a power of two */

struct value {
	char *text; /* heap; NULL: this slot is free */
	int64_t rows, line; /* how many show it, and the first in the file */
	struct dataset_row first; /* that comes first however they are divided */
};
/* The values of one input, by their hash, in open addressing. */
struct value_set {
	const char *input; /* of the model */
	size_t column, n;
	struct value *slots; /* NULL: too many to be categories */
};
struct categories {
	struct value_set *sets;
	size_t n;
};

struct categories *categories_new(const struct model *model,
                                  const struct dataset_columns *columns)
{
	const struct interface_spec *interface = &model->interface;
	struct categories *categories = heap_alloc(1, sizeof(*categories));

	categories->sets = heap_alloc(interface->n_inputs, sizeof(*categories->sets));
	for (size_t i = 0; i < interface->n_inputs; i++) {
		if (interface->inputs[i].type != TENSOR_BYTES || interface->inputs[i].values.n > 0)
			continue;
		categories->sets[categories->n++] = (struct value_set){
			.input = interface->inputs[i].name,
			.column = columns->inputs[i],
			.slots = heap_alloc(SLOTS, sizeof(struct value)),
		};
	}
	return categories;
}

static void set_free(struct value_set *set)
{
	for (size_t i = 0; set->slots && i < SLOTS; i++)
		free(set->slots[i].text);
	free(set->slots);
	set->slots = NULL;
}

void categories_free(struct categories *categories)
{
	for (size_t i = 0; categories && i < categories->n; i++)
		set_free(&categories->sets[i]);
	if (categories)
		free(categories->sets);
	free(categories);
}

static struct value *find_value(struct value_set *set, const char *text, size_t len)
{
	size_t slot = bytes_key(text, len, 0) % SLOTS;

	while (set->slots[slot].text && !is_text(set->slots[slot].text, text))
		slot = (slot + 1) % SLOTS;
	if (!set->slots[slot].text) {
		set->slots[slot].text = heap_strdup(text);
		set->n++;
	}
	return &set->slots[slot];
}

/* Blocks follow each other in buckets, or where there are none in time; then lines decide. */
static bool is_earlier(const struct dataset_row *a, const struct dataset_row *b)
{
	if (a->bucket != b->bucket)
		return a->bucket < b->bucket;
	return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->line < b->line;
}

void categories_row(struct categories *categories, const char *const *values,
                    const size_t *lengths, const struct dataset_row *row)
{
	for (size_t i = 0; i < categories->n; i++) {
		struct value_set *set = &categories->sets[i];
		const char *text = values[set->column];
		struct value *value;
		size_t len;

		if (!set->slots || !text)
			continue;
		len = lengths ? lengths[set->column] : strlen(text);
		if (len > DATASET_CATEGORY_BYTES) {
			set_free(set);
			continue;
		}
		value = find_value(set, text, len);
		if (value->rows++ == 0)
			value->line = row->line;
		if (value->rows == 1 || is_earlier(row, &value->first))
			value->first = *row;
		if (set->n > DATASET_CATEGORIES)
			set_free(set);
	}
}

static int by_line(const void *a, const void *b)
{
	const struct dataset_unseen *left = a, *right = b;

	return left->line != right->line ? (left->line < right->line ? -1 : 1)
	                                 : strcmp(left->input, right->input);
}

/* A value is learnt when the first of its rows is. Adds those that are not to `unseen`, where they
 * point into the set. */
static size_t add_unseen(const struct value_set *set, const struct division *division,
                         size_t n_training, struct dataset_unseen *unseen)
{
	size_t n = 0;

	for (size_t slot = 0; set->slots && slot < SLOTS; slot++) {
		const struct value *value = &set->slots[slot];

		if (value->text && division_block(division, &value->first) >= n_training)
			unseen[n++] = (struct dataset_unseen){set->input, value->text, value->rows,
			                                      value->line};
	}
	return n;
}

void categories_tell(const struct categories *categories, const struct division *division,
                     struct arena *arena, struct dataset_across *out)
{
	struct dataset_unseen *unseen = heap_alloc(categories->n * DATASET_CATEGORIES,
	                                           sizeof(*unseen));
	size_t n = 0;

	for (size_t i = 0; i < categories->n; i++)
		n += add_unseen(&categories->sets[i], division, out->n_training, unseen + n);
	if (n > 0)
		qsort(unseen, n, sizeof(*unseen), by_line);
	out->n_unseen = n;
	n = n < DATASET_UNSEEN ? n : DATASET_UNSEEN;
	out->unseen = arena_array(arena, n, struct dataset_unseen);
	for (size_t i = 0; i < n; i++) {
		out->unseen[i] = unseen[i];
		out->unseen[i].value = arena_strdup(arena, unseen[i].value);
	}
	free(unseen);
}
