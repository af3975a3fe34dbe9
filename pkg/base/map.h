/* A sorted map from text to pointer: an array on the heap, binary search, ordered iteration. */
#ifndef LINNET_BASE_MAP_H
#define LINNET_BASE_MAP_H

#include <stddef.h>

/* Entries are sorted by strcmp of `key`. Keys are copied and owned; values are borrowed. Built from
 * sorted input it appends in O(1); a random insert is O(n) of pointers, fast up to 100,000. */
struct map_entry {
	char *key;
	void *value;
};
struct map {
	struct map_entry *entries;
	size_t n;
	size_t capacity;
};

void map_deinit(struct map *map); /* frees keys, not values; accepts a zeroed map */
void *map_get(const struct map *map, const char *key); /* NULL when absent */
void *map_put(struct map *map, const char *key, void *value); /* the value it replaces, or NULL */
void *map_remove(struct map *map, const char *key);           /* the value removed, or NULL */
size_t map_lower_bound(const struct map *map, const char *key); /* index of the first key >= key */

#endif
