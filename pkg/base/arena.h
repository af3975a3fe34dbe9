/* Memory of one pass: many allocations, one release. */
#ifndef LINNET_BASE_ARENA_H
#define LINNET_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

/* Grows by chunks up to `bytes_max`; passing that is our own broken bound and panics, because
 * every input has a limit of its own below it. Under AddressSanitizer each item is one allocation.
 * A pointer from an arena lives until arena_reset or arena_deinit. */
struct arena {
	struct arena_chunk *chunks;
	size_t bytes_used;
	size_t bytes_max;
};

void arena_init(struct arena *arena, size_t bytes_max);
void arena_reset(struct arena *arena);  /* releases all items, keeps at most one chunk */
void arena_deinit(struct arena *arena); /* accepts a zeroed arena */

/* Zeroed, aligned for any type; never NULL. A size of 0 is allowed. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));
void *arena_calloc(struct arena *arena, size_t n, size_t size); /* n * size checked for overflow */
char *arena_strdup(struct arena *arena, const char *text);      /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t len);
void *arena_memdup(struct arena *arena, const void *bytes, size_t size);
char *arena_printf(struct arena *arena, const char *fmt, ...) printf_like(2, 3);

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, n, type) ((type *)arena_calloc((arena), (n), sizeof(type)))

/* A list that grows in an arena: `{type *items; size_t n}` members of any struct.
 *     struct step *step = list_push(arena, &rollout->steps, &rollout->n_steps);
 * Returns the new, zeroed last item. Amortised O(1): capacity is the next power of two of n. */
#define list_push(arena, items, n) \
	((typeof(*(items)))arena_list_push((arena), (void **)(items), (n), sizeof(**(items))))
void *arena_list_push(struct arena *arena, void **items, size_t *n, size_t size);

#endif
