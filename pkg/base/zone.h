/* Time zones as plain numbers: when their clocks are turned, and by how much. */
#ifndef LINNET_BASE_ZONE_H
#define LINNET_BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { ZONE_TURNS = 64 };

/* turns[0] holds before all others; sorted. */
struct zone {
	const char *name; /* as it was asked for; borrowed */
	struct zone_turn {
		int64_t at_ms, offset_ms; /* from then on; ahead of UTC */
	} turns[ZONE_TURNS];
	size_t n;
};
struct zones {
	const struct zone *items;
	size_t n;
};

/* "UTC", an offset such as "+02:00", or a name of the IANA data base, whose file is read from
 * /usr/share/zoneinfo (RFC 8536): its turns between the two times, at most 20 years apart.
 * ERR_STALLED for a name that is not there, or a file that does not reach so far. */
int zone_load(const char *name, int64_t from_ms, int64_t to_ms, struct zone *out, struct err *err)
	must_check;
/* The nearest name in the data base, in the arena; NULL when none is near. */
const char *zone_nearest(const char *name, struct arena *arena);

/* The zone of that name, NULL for UTC and where none is named; false when it was not loaded. */
bool zone_find(const struct zones *zones, const char *name, const struct zone **out);
/* How far its clocks are ahead of UTC then; NULL is UTC. */
int64_t zone_offset(const struct zone *zone, int64_t at_ms);
/* When its clocks show `local_ms` for the first time; where they leave it out, when they are turned
 * over it. */
int64_t zone_to_utc(const struct zone *zone, int64_t local_ms);

#endif
