/* When a change may go out. */
#include "plan/plan.h"

#define TICKS_MAX 100 /* looked at for one window; a later look goes on from there */

/* One window: closed? `change_ms` as of windows_closed. */
static bool window_closed(const struct window_spec *window, const struct zones *zones,
                          int64_t now_ms, int64_t *change_ms)
{
	const struct zone *zone;
	struct err err = {0};
	struct cron cron;
	int64_t tick;
	bool closed = false;

	*change_ms = -1;
	if (!window->deny || cron_parse(window->deny, &cron, &err) < 0 ||
	    !zone_find(zones, window->time_zone, &zone))
		return true;
	tick = cron_next(&cron, now_ms - window->for_ms, zone);
	for (int i = 0; is_time(tick) && tick <= now_ms && i < TICKS_MAX; i++) {
		closed = true;
		*change_ms = tick + window->for_ms;
		tick = cron_next(&cron, tick, zone);
	}
	if (!closed)
		*change_ms = tick;
	return closed;
}

bool windows_closed(const struct window_spec *windows, size_t n, const struct zones *zones,
                    int64_t now_ms, int64_t *change_ms)
{
	int64_t opens = -1, closes = -1, change;
	bool closed = false, unreadable = false;

	for (size_t i = 0; i < n; i++) {
		if (window_closed(&windows[i], zones, now_ms, &change)) {
			closed = true;
			unreadable |= !is_time(change);
			opens = change > opens ? change : opens;
		} else if (is_time(change) && (!is_time(closes) || change < closes)) {
			closes = change;
		}
	}
	*change_ms = !closed ? closes : unreadable ? -1 : opens;
	return closed;
}
