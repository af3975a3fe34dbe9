/* The real clocks: monotonic milliseconds, by which all deadlines here go, and those since 1970. */
#ifndef LINNET_ADAPTER_CLOCK_POSIX_H
#define LINNET_ADAPTER_CLOCK_POSIX_H

#include "port/port.h"

int64_t clock_now_ms(void);
int64_t clock_wall_ms(void);
struct port_clock clock_posix(void);

#endif
