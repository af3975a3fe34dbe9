/* Heap memory that never comes back NULL: running out of it panics. Release with free(). */
#ifndef LINNET_BASE_HEAP_H
#define LINNET_BASE_HEAP_H

#include <stddef.h>

/* n * size bytes, the product checked for overflow; a new block is zeroed, a resized one is not
 * beyond its old size. A product of 0 gives a block that may be freed. */
void *heap_alloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *heap_resize(void *block, size_t n, size_t size) __attribute__((alloc_size(2, 3)));
char *heap_strdup(const char *text) __attribute__((malloc));

#endif
