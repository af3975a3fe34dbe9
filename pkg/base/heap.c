#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void *heap_alloc(size_t n, size_t size)
{
	void *block = calloc(n ? n : 1, size ? size : 1);

	if (!block)
		panic("out of memory (%zu items of %zu bytes)", n, size);
	return block;
}

void *heap_resize(void *block, size_t n, size_t size)
{
	void *resized = reallocarray(block, n ? n : 1, size ? size : 1);

	if (!resized)
		panic("out of memory (%zu items of %zu bytes)", n, size);
	return resized;
}

char *heap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(heap_alloc(size, 1), text, size);
}
