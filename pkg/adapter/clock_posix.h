/* The real clock. */
#ifndef LINNET_ADAPTER_CLOCK_POSIX_H
#define LINNET_ADAPTER_CLOCK_POSIX_H

#include "port/port.h"

struct port_clock clock_posix(void);

#endif
