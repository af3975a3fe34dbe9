#include "base/map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

enum { CAPACITY_LEAST = 16 };

void map_deinit(struct map *map)
{
	for (size_t i = 0; i < map->n; i++)
		free(map->entries[i].key);
	free(map->entries);
	*map = (struct map){0};
}

size_t map_lower_bound(const struct map *map, const char *key)
{
	size_t low = 0, high = map->n;

	if (map->n > 0 && strcmp(map->entries[map->n - 1].key, key) < 0)
		return map->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(map->entries[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_at(const struct map *map, size_t i, const char *key)
{
	return i < map->n && strcmp(map->entries[i].key, key) == 0;
}

void *map_get(const struct map *map, const char *key)
{
	size_t i = map_lower_bound(map, key);

	return is_at(map, i, key) ? map->entries[i].value : NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
	size_t i = map_lower_bound(map, key);

	if (is_at(map, i, key)) {
		void *old = map->entries[i].value;

		map->entries[i].value = value;
		return old;
	}
	if (map->n == map->capacity) {
		map->capacity = map->capacity ? map->capacity * 2 : CAPACITY_LEAST;
		map->entries = heap_resize(map->entries, map->capacity, sizeof(*map->entries));
	}
	memmove(map->entries + i + 1, map->entries + i, (map->n - i) * sizeof(*map->entries));
	map->entries[i] = (struct map_entry){.key = heap_strdup(key), .value = value};
	map->n++;
	return NULL;
}

void *map_remove(struct map *map, const char *key)
{
	size_t i = map_lower_bound(map, key);
	void *old;

	if (!is_at(map, i, key))
		return NULL;
	old = map->entries[i].value;
	free(map->entries[i].key);
	map->n--;
	memmove(map->entries + i, map->entries + i + 1, (map->n - i) * sizeof(*map->entries));
	return old;
}
