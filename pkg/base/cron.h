/* Cron lines, on clocks that are turned. Pure. */
#ifndef LINNET_BASE_CRON_H
#define LINNET_BASE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/zone.h"

/* 5-field cron (minute hour day month weekday; lists, ranges, steps; names of months and weekdays;
 * weekday 0 or 7 is Sunday; day OR weekday when both are restricted, as cron does). */
struct cron {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	bool any_day, any_weekday;
};
int cron_parse(const char *text, struct cron *out, struct err *err) must_check;
/* False: it names no day of any year, such as 31 February. */
bool cron_ever(const struct cron *cron);
/* First tick strictly after `after_ms` by the zone's clocks (NULL: UTC); -1 when there is none
 * within five years. A time that the clocks leave out ticks when they are turned forward; one that
 * they show twice ticks the first time only. */
int64_t cron_next(const struct cron *cron, int64_t after_ms, const struct zone *zone);

#endif
