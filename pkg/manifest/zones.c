/* The time zones that declarations name, read from this machine's data base. */
#include "base/zone.h"

#include "manifest/manifest.h"

#define YEAR_MS (INT64_C(366) * 24 * 3600 * 1000)

static int add_zone(const char *name, int64_t now_ms, struct arena *arena, struct zones *out,
                    struct err *err)
{
	const struct zone *loaded;
	struct zone *items;

	if (zone_find(out, name, &loaded))
		return 0;
	items = arena_array(arena, out->n + 1, struct zone);
	for (size_t i = 0; i < out->n; i++)
		items[i] = out->items[i];
	if (zone_load(name, now_ms - YEAR_MS, now_ms + 2 * YEAR_MS, &items[out->n], err))
		return -1;
	*out = (struct zones){items, out->n + 1};
	return 0;
}

int zones_of_model(const struct model *model, int64_t now_ms, struct arena *arena,
                   struct zones *out, struct err *err)
{
	struct err more = {0};
	int result = 0;

	*out = (struct zones){0};
	for (size_t i = 0; i < model->n_triggers; i++)
		if (add_zone(model->triggers[i].time_zone, now_ms, arena, out,
		             result ? &more : err))
			result = -1;
	return result;
}

int zones_of_environment(const struct environment *environment, int64_t now_ms,
                         struct arena *arena, struct zones *out, struct err *err)
{
	struct err more = {0};
	int result = 0;

	*out = (struct zones){0};
	for (size_t i = 0; i < environment->n_windows; i++)
		if (add_zone(environment->windows[i].time_zone, now_ms, arena, out,
		             result ? &more : err))
			result = -1;
	return result;
}
