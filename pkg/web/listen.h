/* Inside web: the socket that is listened on. */
#ifndef LINNET_WEB_LISTEN_H
#define LINNET_WEB_LISTEN_H

#include <stdbool.h>

#include "base/err.h"

/* Opens the socket of "address:port", "[address]:port" or "port" (on loopback). ERR_STALLED where
 * the text is wrong, the address is taken, or it is not loopback though `loopback_only`. */
int listen_open(const char *listen, bool loopback_only, int *fd, int *port, struct err *err)
	must_check;

#endif
