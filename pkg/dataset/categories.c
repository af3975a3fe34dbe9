/* Values that a model sees in its test, or when it is chosen, and has never learnt. */
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "dataset/internal.h"

enum { SLOTS = 4 * DATASET_CATEGORIES }; /* a power of two */

struct value {
	char *text; /* heap; NULL: this slot is free */
	int64_t rows, line; /* in blocks that do not train */
	bool learnt;
};
/* The values of one input, by their hash, in open addressing. */
struct value_set {
	const char *input;
	size_t column, n;
	struct value *slots; /* NULL: too many to be categories */
};
struct category_count {
	struct value_set *sets;
	size_t n, n_training;
};

struct category_count *categories_begin(const struct model *model,
                                        const struct dataset_columns *columns, size_t n_training)
{
	const struct interface_spec *interface = &model->interface;
	struct category_count *count = heap_alloc(1, sizeof(*count));

	count->n_training = n_training;
	count->sets = heap_alloc(interface->n_inputs, sizeof(*count->sets));
	for (size_t i = 0; i < interface->n_inputs; i++) {
		if (interface->inputs[i].type != TENSOR_BYTES || interface->inputs[i].values.n > 0)
			continue;
		count->sets[count->n++] = (struct value_set){
			.input = interface->inputs[i].name,
			.column = columns->inputs[i],
			.slots = heap_alloc(SLOTS, sizeof(struct value)),
		};
	}
	return count;
}

static void set_free(struct value_set *set)
{
	for (size_t i = 0; set->slots && i < SLOTS; i++)
		free(set->slots[i].text);
	free(set->slots);
	set->slots = NULL;
}

static struct value *find_value(struct value_set *set, const char *text)
{
	size_t slot = text_key(text, 0) % SLOTS;

	while (set->slots[slot].text && strcmp(set->slots[slot].text, text))
		slot = (slot + 1) % SLOTS;
	if (!set->slots[slot].text) {
		set->slots[slot].text = heap_strdup(text);
		set->n++;
	}
	return &set->slots[slot];
}

void categories_row(struct category_count *count, const char *const *values, size_t block,
                    int64_t line)
{
	for (size_t i = 0; i < count->n; i++) {
		struct value_set *set = &count->sets[i];
		struct value *value;

		if (!set->slots || !values[set->column])
			continue;
		value = find_value(set, values[set->column]);
		if (block < count->n_training)
			value->learnt = true;
		else if (value->rows++ == 0)
			value->line = line;
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

void categories_end(struct category_count *count, struct arena *arena,
                    struct dataset_across *out)
{
	for (size_t i = 0; i < count->n; i++) {
		struct value_set *set = &count->sets[i];

		for (size_t slot = 0; arena && set->slots && slot < SLOTS; slot++) {
			const struct value *value = &set->slots[slot];

			if (value->rows > 0 && !value->learnt)
				*list_push(arena, &out->unseen, &out->n_unseen) = (struct dataset_unseen){
					set->input, arena_strdup(arena, value->text), value->rows, value->line};
		}
		set_free(set);
	}
	if (out->n_unseen > 0)
		qsort(out->unseen, out->n_unseen, sizeof(*out->unseen), by_line);
	free(count->sets);
	free(count);
}
