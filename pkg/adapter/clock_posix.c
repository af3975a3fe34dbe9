#include "adapter/clock_posix.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

static int64_t now_ms(void *self)
{
	(void)self;
	return clock_now_ms();
}

static int64_t wall_ms(void *self)
{
	(void)self;
	return clock_wall_ms();
}

struct port_clock clock_posix(void)
{
	return (struct port_clock){.now_ms = now_ms, .wall_ms = wall_ms};
}
