/* One line an event on stderr: `time level message key=value ...`, or JSON. Secrets are scrubbed. */
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

/* Every later line has the exact value replaced by "***". Copies it; values shorter than 6 bytes are
 * ignored (they would blank ordinary words). At most 64 values. */
void log_hide(const char *secret);
/* Scrubs in place any text that leaves by another way (status messages). */
void log_scrub(char *text);

#endif
