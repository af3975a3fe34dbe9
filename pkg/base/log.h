/* One line an event: `time level message key=value ...`, or JSON. Secrets are scrubbed, control
 * characters become '?'. Before log_open lines go to stderr from LOG_INFO on. */
#ifndef LINNET_BASE_LOG_H
#define LINNET_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* `fd` is where lines go; colour only when it is a terminal and NO_COLOR is not set. */
void log_open(int fd, enum log_level least, bool json);
void log_event(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_debug(...) log_event(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_event(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_event(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)

/* Every later line has the exact value (without line ends behind it) replaced by "***". Copies it;
 * values shorter than 6 bytes are ignored (they would blank ordinary words). At most 64 values: the
 * next one takes the place of the oldest. */
void log_hide(const char *secret);
/* Scrubs in place any text that leaves by another way (status messages). Also finds a value that an
 * err cleaned of control characters, or cut after at least 6 bytes of it. */
void log_scrub(char *text);

#endif
