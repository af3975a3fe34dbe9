/* The user's programs: each in a process group of its own that dies with us, without new
 * privileges, bounded, its output in a log file. */
#ifndef LINNET_RUN_COMMAND_H
#define LINNET_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "port/port.h"

enum { COMMAND_LOG_BYTES_MAX = 64 << 20 };
#define COMMAND_FILE_BYTES_MAX ((int64_t)16 << 30)

/* Borrowed for the call. */
struct command_spec {
	const char *const *argv; /* NULL-terminated; looked up in the PATH of `env`, seen from `cwd` */
	const char *const *env;  /* NULL-terminated, the whole environment */
	const char *cwd;
	const char *log;         /* path; standard output and error are appended */
	int64_t memory_bytes;    /* -1: unlimited */
};
struct command {
	pid_t pid; /* leads its group; 0: none runs */
	int pidfd;
	const char *log;
};

/* A program that cannot be executed is an error here, ERR_STALLED. */
int command_start(struct command *command, const struct command_spec *spec, struct err *err)
	must_check;
/* Whether it still runs, after at most `wait_ms`. */
bool command_runs(const struct command *command, int wait_ms);
/* Waits until it has ended, then ends its group: exit code, 128 + n for signal n. ERR_TRANSIENT,
 * and it is killed, when `deadline_ms` (of the clock) passes or its log grows beyond its bound. */
int command_wait(struct command *command, const struct port_clock *clock, int64_t deadline_ms,
                 int *exit_code, struct err *err) must_check;
/* Kills the whole group and waits for it. Accepts one that does not run. */
void command_stop(struct command *command);
/* The last line of its log that is not blank, cleaned; "" when there is none. */
void command_last_line(const char *log, struct buf *out);

#endif
