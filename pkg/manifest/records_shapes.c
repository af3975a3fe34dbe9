/* Decoders and encoders of the shapes that are no plain field: words, amounts, maps of lists. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/records.h"

size_t *count_of(const struct field *field, void *out)
{
	return (size_t *)(void *)((char *)out - field->offset + field->count_offset);
}

const size_t *const_count_of(const struct field *field, const void *in)
{
	return (const size_t *)(const void *)((const char *)in - field->offset + field->count_offset);
}

bool expect_map(struct decoder *decoder, const struct node *node)
{
	if (node->type == NODE_MAP)
		return true;
	complain(decoder, node, "expected a map");
	return false;
}

bool expect_list(struct decoder *decoder, const struct node *node)
{
	if (node->type == NODE_LIST)
		return true;
	complain(decoder, node, "expected a list");
	return false;
}

bool expect_scalar(struct decoder *decoder, const struct node *node)
{
	if (node->type == NODE_SCALAR)
		return true;
	complain(decoder, node, "expected a single value");
	return false;
}

int complain_word(struct decoder *decoder, const struct node *node, struct names names)
{
	const char *near = nearest(node->text, names.names, names.n);

	if (near)
		return complain(decoder, node, "unknown value '%.80s'; did you mean '%s'?", node->text,
		                near);
	return complain(decoder, node, "unknown value '%.80s'", node->text);
}

/* ---- constant, word, words ---- */

int decode_constant(struct decoder *decoder, const struct field *field, const struct node *node,
                    void *out)
{
	(void)out;
	if (!expect_scalar(decoder, node))
		return -1;
	if (names_find(*field->names, node->text) < 0)
		return complain_word(decoder, node, *field->names);
	return 0;
}

void encode_constant(struct writer *writer, const struct field *field, const void *in)
{
	(void)in;
	write_string(writer, field->names->names[0]);
}

static const char *one_word(struct decoder *decoder, const struct field *field,
                            const struct node *node)
{
	int i;

	if (!expect_scalar(decoder, node))
		return NULL;
	i = names_find(*field->names, node->text);
	if (i < 0) {
		complain_word(decoder, node, *field->names);
		return NULL;
	}
	return field->names->names[i];
}

int decode_word(struct decoder *decoder, const struct field *field, const struct node *node,
                void *out)
{
	const char *word = one_word(decoder, field, node);

	*(const char **)out = word;
	return word ? 0 : -1;
}

void encode_word(struct writer *writer, const struct field *field, const void *in)
{
	(void)field;
	write_string(writer, *(const char *const *)in);
}

int decode_words(struct decoder *decoder, const struct field *field, const struct node *node,
                 void *out)
{
	struct strings *words = out;
	int result = 0;

	if (!expect_list(decoder, node))
		return -1;
	for (const struct node *item = node->first; item; item = item->next) {
		const char *word = one_word(decoder, field, item);

		if (word)
			*list_push(decoder->arena, &words->items, &words->n) = word;
		else
			result = -1;
	}
	return result;
}

void encode_words(struct writer *writer, const struct field *field, const void *in)
{
	const struct strings *words = in;

	(void)field;
	write_list(writer);
	for (size_t i = 0; i < words->n; i++)
		write_string(writer, words->items[i]);
	write_list_end(writer);
}

/* ---- amounts ---- */

static int by_name(const void *a, const void *b)
{
	const struct named_number *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int decode_amount(struct decoder *decoder, const struct node *node, double *out)
{
	static const struct field fields[] = {{.name = "value", .type = FIELD_AMOUNT}};
	static const struct record record = {.name = "amount", .size = sizeof(double), .fields = fields,
	                                     .n = 1};
	struct node value = *node, map = {.type = NODE_MAP, .first = &value, .n = 1};

	value.key = "value";
	value.next = NULL;
	return record_decode(decoder, &record, &map, out);
}

int decode_amounts(struct decoder *decoder, const struct field *field, const struct node *node,
                   void *out)
{
	struct named_number *items = NULL;
	size_t n = 0;
	int result = 0;

	if (!expect_map(decoder, node))
		return -1;
	for (const struct node *item = node->first; item; item = item->next) {
		struct named_number *number = list_push(decoder->arena, &items, &n);

		number->name = item->key;
		if (decode_amount(decoder, item, &number->value) < 0)
			result = -1;
	}
	if (n > 0)
		qsort(items, n, sizeof(*items), by_name);
	*(struct named_number **)out = items;
	*count_of(field, out) = n;
	return result;
}

void encode_amounts(struct writer *writer, const struct field *field, const void *in)
{
	const struct named_number *items = *(struct named_number *const *)in;
	size_t n = *const_count_of(field, in);

	write_map(writer);
	for (size_t i = 0; i < n; i++) {
		write_key(writer, items[i].name);
		write_number(writer, items[i].value);
	}
	write_map_end(writer);
}

/* ---- maps of lists ---- */

_Static_assert(sizeof(struct role) == sizeof(struct grid_axis) &&
               offsetof(struct role, name) == offsetof(struct grid_axis, name) &&
               offsetof(struct role, members) == offsetof(struct grid_axis, values),
               "one decoder serves both");

static int decode_list_of_text(struct decoder *decoder, const struct node *node,
                               struct strings *out)
{
	if (!expect_list(decoder, node))
		return -1;
	if (!node->first)
		return complain(decoder, node, "must not be empty");
	for (const struct node *item = node->first; item; item = item->next) {
		if (!expect_scalar(decoder, item))
			return -1;
		*list_push(decoder->arena, &out->items, &out->n) = item->text;
	}
	return 0;
}

int decode_named_lists(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *out)
{
	struct role *items = NULL;
	size_t n = 0;
	int result = 0;

	if (!expect_map(decoder, node))
		return -1;
	for (const struct node *item = node->first; item; item = item->next) {
		struct role *list = list_push(decoder->arena, &items, &n);

		list->name = item->key;
		if (decode_list_of_text(decoder, item, &list->members) < 0)
			result = -1;
	}
	*(struct role **)out = items;
	*count_of(field, out) = n;
	return result;
}

void encode_named_lists(struct writer *writer, const struct field *field, const void *in)
{
	const struct role *items = *(struct role *const *)in;
	size_t n = *const_count_of(field, in);

	write_map(writer);
	for (size_t i = 0; i < n; i++) {
		write_key(writer, items[i].name);
		encode_words(writer, field, &items[i].members);
	}
	write_map_end(writer);
}

/* ---- int ---- */

int decode_int(struct decoder *decoder, const struct field *field, const struct node *node,
               void *out)
{
	struct err err = {0};
	int64_t value;

	(void)field;
	if (!expect_scalar(decoder, node))
		return -1;
	if (parse_int(node->text, INT_MIN, INT_MAX, &value, &err) < 0)
		return complain(decoder, node, "%s", err.text);
	*(int *)out = (int)value;
	return 0;
}

void encode_int(struct writer *writer, const struct field *field, const void *in)
{
	(void)field;
	write_int(writer, *(const int *)in);
}
