/* Runs one program beside us: never waits, bounded in time, memory and output, killed with its
 * whole group at its deadline. No shell: argv goes to exec as it is. */
#ifndef LINNET_ADAPTER_CHILD_H
#define LINNET_ADAPTER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* All borrowed for the call only. A limit of 0 is "unlimited". */
struct child_spec {
	const char *const *argv; /* NULL-terminated; a name without '/' is looked for in our PATH */
	const char *const *env;  /* NULL-terminated, the whole environment */
	const char *cwd;         /* NULL: "/" */
	struct bytes input;      /* its standard input, copied; data NULL: /dev/null */
	int64_t timeout_ms;
	int64_t memory_bytes, cpu_seconds, file_bytes;
	size_t output_bytes_max, errors_bytes_max; /* more than that kills it */
};

enum child_state { CHILD_NONE, CHILD_RUNNING, CHILD_ENDED };

/* Zeroed is CHILD_NONE. `output` and `errors` grow while it runs and stay until child_stop. */
struct child {
	enum child_state state;
	pid_t pid; /* leads a process group of its own; dies with us */
	int pidfd, out, err;
	int64_t deadline_ms;
	struct buf output, errors;
	bool timed_out, overflowed;
	int exit_code; /* of CHILD_ENDED; 128 + n for signal n */
};

/* Starts it; `child` must be CHILD_NONE. A program that cannot be executed is an error here. */
int child_start(struct child *child, const struct child_spec *spec, int64_t now_ms,
                struct err *err) must_check;
/* Takes what it wrote, kills it when its time is over; true when it is not running (any more). */
bool child_poll(struct child *child, int64_t now_ms);
/* Waits until there is something for child_poll to do, where its clock is clock_now_ms(). */
void child_wait(const struct child *child);
/* 0 when it ended with exit code 0; else ERR_TRANSIENT with `what`, the cause and the last line
 * that it wrote to its standard error. */
int child_check(const struct child *child, const char *what, struct err *err) must_check;
/* The same, with this line of it in place of the last. */
int child_check_line(const struct child *child, const char *what, const char *line, size_t len,
                     struct err *err) must_check;
/* Kills it if it runs, waits for that, and releases everything; CHILD_NONE again. */
void child_stop(struct child *child);

/* Starts it and waits until it has ended; ERR_TRANSIENT unless it exits with 0. The caller calls
 * child_stop in both cases. */
int child_run(struct child *child, const struct child_spec *spec, const char *what,
              struct err *err) must_check;

#endif
