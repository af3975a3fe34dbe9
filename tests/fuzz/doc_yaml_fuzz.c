/* YAML: reading, writing, editing, decoding. Run by hack/fuzz. */
#include "doc_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first scalar, in order of the text. */
static const struct node *fuzz_scalar(const struct node *node)
{
	const struct node *found = node->type == NODE_SCALAR ? node : NULL;

	for (const struct node *child = node->first; child && !found; child = child->next)
		found = fuzz_scalar(child);
	return found;
}

/* yaml_edit_scalar checks its own result; what it leaves alone is checked here. */
static void fuzz_edit(const char *text, size_t size, const struct node *node)
{
	struct err err = {0};
	struct buf out;

	buf_init(&out, 1 << 20);
	if (yaml_edit_scalar(text, size, node, "v: 2", &out, &err) == 0) {
		assert(out.len >= node->start + (size - node->end));
		assert(memcmp(out.text, text, node->start) == 0);
		assert(memcmp(out.text + out.len - (size - node->end), text + node->end,
		              size - node->end) == 0);
	}
	buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const struct node *scalar = NULL;
	struct node **docs = NULL;
	struct place place = {0, 0};
	struct err err = {0};
	struct arena arena;
	size_t n = 0;

	arena_init(&arena, (size_t)1 << 30);
	if (yaml_parse(text, size, FUZZ_BYTES, &arena, &docs, &n, &place, &err) < 0)
		assert(place.line > 0 && place.column > 0 && err.kind == ERR_STALLED && *err.text);
	for (size_t i = 0; i < n; i++) {
		fuzz_round_trip(docs[i], &arena);
		fuzz_decode(docs[i], &arena);
		scalar = scalar ? scalar : fuzz_scalar(docs[i]);
	}
	if (scalar)
		fuzz_edit(text, size, scalar);
	arena_deinit(&arena);
	return 0;
}
