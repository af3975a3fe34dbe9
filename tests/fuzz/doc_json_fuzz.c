/* As doc_yaml_fuzz.c. */
#include "doc_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node *node = NULL;
	struct err err = {0};
	struct arena arena;

	arena_init(&arena, (size_t)1 << 30);
	if (json_parse((const char *)data, size, FUZZ_BYTES, &arena, &node, &err) == 0) {
		fuzz_round_trip(node, &arena);
		fuzz_decode(node, &arena);
	} else {
		assert(!node && err.kind == ERR_STALLED && *err.text);
	}
	arena_deinit(&arena);
	return 0;
}
