/* What both fuzzers of documents hold true: a tree that was read, written and read again is the
 * same tree, in both formats; and no text makes a field table read beyond its struct. */
#ifndef LINNET_TESTS_DOC_FUZZ_H
#define LINNET_TESTS_DOC_FUZZ_H

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "doc/fields.h"

enum { FUZZ_BYTES = 64 << 10 };

struct fuzz_item {
	const char *name;
	double share;
};
struct fuzz_record {
	const char *text;
	int64_t count, duration;
	struct {
		struct field_pair *items;
		size_t n;
	} pairs;
	struct fuzz_item *items, *named;
	size_t n_items, n_named;
};
static const struct field fuzz_item_fields[] = {
	{.name = "n", .type = FIELD_STRING, .offset = offsetof(struct fuzz_item, name)},
	{.name = "s", .type = FIELD_SHARE, .offset = offsetof(struct fuzz_item, share)},
};
static const struct record fuzz_item_record = {
	"item", sizeof(struct fuzz_item), fuzz_item_fields, ARRAY_LEN(fuzz_item_fields), NULL, NULL};
static const struct field fuzz_fields[] = {
	{.name = "a", .type = FIELD_STRING, .offset = offsetof(struct fuzz_record, text)},
	{.name = "b", .type = FIELD_INT, .offset = offsetof(struct fuzz_record, count)},
	{.name = "c", .type = FIELD_DURATION, .offset = offsetof(struct fuzz_record, duration)},
	{.name = "d", .type = FIELD_PAIRS, .offset = offsetof(struct fuzz_record, pairs)},
	{.name = "e", .type = FIELD_LIST, .offset = offsetof(struct fuzz_record, items),
	 .count_offset = offsetof(struct fuzz_record, n_items), .record = &fuzz_item_record},
	{.name = "f", .type = FIELD_MAP_LIST, .offset = offsetof(struct fuzz_record, named),
	 .count_offset = offsetof(struct fuzz_record, n_named), .record = &fuzz_item_record},
};
static const struct record fuzz_record = {
	"fuzz", sizeof(struct fuzz_record), fuzz_fields, ARRAY_LEN(fuzz_fields), NULL, NULL};

static inline void fuzz_same(const struct node *a, const struct node *b)
{
	const struct node *x = a->first, *y = b->first;

	assert(a->type == b->type && a->n == b->n);
	if (a->type == NODE_SCALAR)
		assert(strcmp(a->text, b->text) == 0);
	for (; x; x = x->next, y = y->next) {
		assert(!x->key == !y->key && (!x->key || strcmp(x->key, y->key) == 0));
		fuzz_same(x, y);
	}
}

static inline void fuzz_write(struct buf *out, const struct node *node, bool json)
{
	struct writer writer;

	buf_clear(out);
	write_begin(&writer, out, json);
	write_node(&writer, node);
}

/* Escapes make a text longer and a deep YAML tree is mostly indentation; a rewritten one may thus
 * break a limit that the first did not. */
static inline void fuzz_round_trip(const struct node *node, struct arena *arena)
{
	struct err err = {0};
	struct node **docs, *json;
	struct buf out;
	size_t n;

	buf_init(&out, 16 << 20);
	fuzz_write(&out, node, false);
	assert(yaml_parse(buf_text(&out), out.len, 16 << 20, arena, &docs, &n, NULL, &err) == 0);
	assert(n == 1);
	fuzz_same(node, docs[0]);
	fuzz_write(&out, node, true);
	assert(json_parse(buf_text(&out), out.len, 16 << 20, arena, &json, &err) == 0);
	fuzz_same(node, json);
	buf_deinit(&out);
}

static inline void fuzz_decode(const struct node *node, struct arena *arena)
{
	struct diagnostics diagnostics = {0};
	struct decoder decoder = {.arena = arena, .path = "f", .diagnostics = &diagnostics};
	struct fuzz_record record;
	struct writer writer;
	struct buf out;

	if (record_decode(&decoder, &fuzz_record, node, &record) < 0) {
		assert(diagnostics.n > 0);
		return;
	}
	buf_init(&out, 16 << 20);
	write_begin(&writer, &out, false);
	record_encode(&writer, &fuzz_record, &record);
	buf_deinit(&out);
}

#endif
