/* The user's programs: each in a sandbox that ends with us, bounded, its output in a log file. */
#ifndef LINNET_RUN_COMMAND_H
#define LINNET_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "port/port.h"
#include "run/sandbox.h"

enum { COMMAND_LOG_BYTES_MAX = 64 << 20 };
#define COMMAND_FREE_BYTES_MIN ((int64_t)1 << 30) /* of the disk: what it must leave */

/* Borrowed for the call. */
struct command_spec {
	const char *const *argv; /* NULL-terminated; looked up in the PATH of `env`, seen from `cwd` */
	const char *const *env;  /* NULL-terminated, the whole environment */
	const char *cwd;
	const char *log;         /* path; standard output and error are appended */
	const char *folder;      /* absolute: the one that it may write to; holds cwd */
	const char *hide;        /* a folder above it, of which it shall see nothing else */
	int64_t memory_bytes, file_bytes, processes; /* -1 each: unlimited */
};
struct command {
	pid_t pid; /* its keeper; 0: none runs */
	int pidfd;
	const char *log;
	int64_t free_bytes_min;
	struct sandbox sandbox; /* `parts`: what is enforced */
};

/* A program that cannot be executed is an error here: ERR_STALLED when it stays so until somebody
 * mends it, ERR_TRANSIENT when it may pass (err_errno_kind). */
int command_start(struct command *command, const struct command_spec *spec, struct err *err)
	must_check;
/* Whether it still runs, after at most `wait_ms`. */
bool command_runs(const struct command *command, int wait_ms);
/* 1: it still runs after at most `wait_ms`; 0: it and all that it started have ended: exit code,
 * 128 + n for signal n. ERR_TRANSIENT, and it is killed, when `deadline_ms` (of the clock) has
 * passed, its log has grown beyond its bound or the disk gets full. */
int command_look(struct command *command, const struct port_clock *clock, int64_t deadline_ms,
                 int wait_ms, int *exit_code, struct err *err) must_check;
/* The same, until it has ended. */
int command_wait(struct command *command, const struct port_clock *clock, int64_t deadline_ms,
                 int *exit_code, struct err *err) must_check;
/* Kills it and all that it started and waits for that. Accepts one that does not run. */
void command_stop(struct command *command);
/* The program itself, below its keeper; 0 when that cannot be known. */
pid_t command_program(const struct command *command);
/* The last line of its log that is not blank, cleaned; "" when there is none. */
void command_last_line(const char *log, struct buf *out);

#endif
