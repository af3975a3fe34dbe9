#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ONE_ITEM_A_CHUNK true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_ITEM_A_CHUNK true
#endif
#endif
#ifndef ONE_ITEM_A_CHUNK
#define ONE_ITEM_A_CHUNK false
#endif

enum { CHUNK_BYTES = 64 << 10, BIG_CHUNK_BYTES = 1 << 20, ALIGN = alignof(max_align_t) };

/* Items lie in bytes[0..used), each aligned; `used` may pass `capacity` by less than ALIGN. What
 * lies behind is zero, so that of a large item only the pages that are written to are touched. */
struct arena_chunk {
	struct arena_chunk *next;
	size_t capacity;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t bytes_max)
{
	assert(bytes_max <= PTRDIFF_MAX / 2);
	*arena = (struct arena){.bytes_max = bytes_max};
}

static void chunks_free(struct arena_chunk *chunk)
{
	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

/* Keeps a chunk of the ordinary size, so that a quiet pass calls malloc not once. */
void arena_reset(struct arena *arena)
{
	struct arena_chunk *kept = NULL, **link = &arena->chunks;

	while (!ONE_ITEM_A_CHUNK && *link && !kept) {
		if ((*link)->capacity == CHUNK_BYTES) {
			kept = *link;
			*link = kept->next;
		} else {
			link = &(*link)->next;
		}
	}
	chunks_free(arena->chunks);
	if (kept) {
		memset(kept->bytes, 0, kept->used < kept->capacity ? kept->used : kept->capacity);
		kept->next = NULL;
		kept->used = 0;
	}
	arena->chunks = kept;
	arena->bytes_used = 0;
}

void arena_deinit(struct arena *arena)
{
	chunks_free(arena->chunks);
	arena->chunks = NULL;
	arena->bytes_used = 0;
}

/* A large item gets a chunk of its own behind the first one, which stays in use. An arena that
 * holds much grows by big chunks: less of the heap is lost between them and what outlives them. */
static struct arena_chunk *chunk_add(struct arena *arena, size_t size)
{
	bool own = ONE_ITEM_A_CHUNK || size > CHUNK_BYTES / 4;
	size_t ordinary = arena->bytes_used < BIG_CHUNK_BYTES ? CHUNK_BYTES : BIG_CHUNK_BYTES;
	size_t capacity = own ? size : ordinary;
	struct arena_chunk *chunk = calloc(1, sizeof(*chunk) + capacity);
	struct arena_chunk **link = own && arena->chunks ? &arena->chunks->next : &arena->chunks;

	if (!chunk)
		panic("out of memory (%zu bytes)", size);
	chunk->capacity = capacity;
	chunk->next = *link;
	*link = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	size_t rounded;
	void *item;

	if (size > arena->bytes_max - arena->bytes_used)
		panic("arena: %zu bytes more than its limit of %zu", size, arena->bytes_max);
	rounded = (size + ALIGN - 1) / ALIGN * ALIGN;
	if (rounded > arena->bytes_max - arena->bytes_used)
		rounded = arena->bytes_max - arena->bytes_used;
	arena->bytes_used += rounded;
	if (ONE_ITEM_A_CHUNK || !chunk || chunk->used > chunk->capacity ||
	    size > chunk->capacity - chunk->used)
		chunk = chunk_add(arena, size);
	item = chunk->bytes + chunk->used;
	chunk->used += (size + ALIGN - 1) / ALIGN * ALIGN;
	return item;
}

void *arena_calloc(struct arena *arena, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		panic("arena: %zu items of %zu bytes", n, size);
	return arena_alloc(arena, total);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_memdup(arena, text, strlen(text) + 1) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	size_t used;
	char *copy;

	if (!text)
		return NULL;
	used = strnlen(text, len);
	copy = arena_alloc(arena, used + 1);
	memcpy(copy, text, used);
	return copy;
}

void *arena_memdup(struct arena *arena, const void *bytes, size_t size)
{
	void *copy = arena_alloc(arena, size);

	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	char first[256], *text;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(first, sizeof(first), fmt, args);
	va_end(args);
	if (len < 0)
		panic("arena: a text that cannot be formatted: %s", fmt);
	if ((size_t)len < sizeof(first))
		return arena_memdup(arena, first, (size_t)len + 1);
	text = arena_alloc(arena, (size_t)len + 1);
	va_start(args, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

/* `items` is the address of a pointer to any type, so it is copied and never read as a void *. */
void *arena_list_push(struct arena *arena, void **items, size_t *n, size_t size)
{
	bool is_full = (*n & (*n - 1)) == 0;
	unsigned char *list;

	memcpy(&list, items, sizeof(list));
	if (is_full) {
		unsigned char *grown = arena_calloc(arena, *n ? *n * 2 : 1, size);

		if (*n > 0)
			memcpy(grown, list, *n * size);
		list = grown;
		memcpy(items, &list, sizeof(list));
	}
	return memset(list + (*n)++ * size, 0, size);
}
