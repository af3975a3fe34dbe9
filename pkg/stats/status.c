#include "stats/status.h"

#include "base/err.h"

static const char *const names[] = {
	[STATS_OK] = "ok",
	[STATS_EMPTY] = "no rows",
	[STATS_NOT_FINITE] = "a value is not finite",
	[STATS_ONE_CLASS] = "only one class",
	[STATS_CONSTANT] = "all values are equal",
	[STATS_UNDEFINED] = "division by zero",
	[STATS_RANGE] = "a value is out of range",
};
_Static_assert(ARRAY_LEN(names) == STATS_STATUSES, "a name for each status");

const char *stats_status_name(enum stats_status status)
{
	return names[status];
}
