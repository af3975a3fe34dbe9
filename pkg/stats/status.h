/* Why a measure has no value. */
#ifndef LINNET_STATS_STATUS_H
#define LINNET_STATS_STATUS_H

enum stats_status {
	STATS_OK,
	STATS_EMPTY,      /* no rows */
	STATS_NOT_FINITE, /* a NaN or an infinity among the inputs */
	STATS_ONE_CLASS,  /* needs rows of both classes */
	STATS_CONSTANT,   /* needs values that differ */
	STATS_UNDEFINED,  /* a division by zero: nothing predicted so, a true value of 0 */
	STATS_RANGE,      /* a probability outside [0, 1], a class outside the declared ones */
	STATS_STATUSES
};

const char *stats_status_name(enum stats_status status);

/* `value` is NAN unless `status` is STATS_OK. */
struct measure {
	double value;
	enum stats_status status;
};

#endif
