#include "adapter/clock_posix.h"

#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(void *self)
{
	(void)self;
	return clock_ms(CLOCK_MONOTONIC);
}

static int64_t wall_ms(void *self)
{
	(void)self;
	return clock_ms(CLOCK_REALTIME);
}

struct port_clock clock_posix(void)
{
	return (struct port_clock){.now_ms = now_ms, .wall_ms = wall_ms};
}
