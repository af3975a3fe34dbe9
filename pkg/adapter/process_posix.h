/* Processes that outlive us: each in a session, a process group and a folder of its own, and
 * found again after a restart of ours by what that folder says.
 *
 * The folder holds `record` (written by the process itself before exec: boot id, pid and start
 * time), `slot.lock` (a flock that the process and what it starts keep), `log` (its output,
 * capped) and, once it is over, `exit`. All state is in the folder: nothing here is remembered
 * in memory. */
#ifndef LINNET_ADAPTER_PROCESS_POSIX_H
#define LINNET_ADAPTER_PROCESS_POSIX_H

#include <sys/types.h>

#include "adapter/user.h"
#include "port/port.h"

enum {
	PROCESS_LOG_BYTES_MAX = 8 << 20, /* past it the log starts anew, its end is kept in `log.1` */
	PROCESS_TAIL_LINES = 20,
};

struct process_seen {
	enum process_state state;
	pid_t pid;            /* its process group too; 0 when it is not known */
	int64_t start_ticks;  /* with the pid: its identity */
	int64_t started_ms;   /* wall clock; -1 when it never got as far as exec */
	int64_t age_ms;       /* since then; no change of the date moves it, but for a boot between */
	bool exit_known;      /* of ENDED */
	int exit_code;        /* 128 + n for signal n; -1 when not known */
	int64_t ended_ms;     /* wall clock of the first look that saw it ended */
};

/* Starts spec->argv in `folder`, which is made when absent; spec->key is not looked at.
 * ERR_CONFLICT when one runs there already; ERR_STALLED when the program cannot be executed until
 * somebody mends what keeps it, ERR_TRANSIENT for want of space, memory or descriptors. */
int process_start(const char *folder, const struct process_spec *spec, struct err *err) must_check;
/* The same as `user`, without its groups and fenced (user.h); NULL: as we are. What that user may
 * not enter or read (the working folder, the program, a file that an argument names whole) is
 * ERR_STALLED too. */
int process_start_as(const char *folder, const struct process_spec *spec, const struct user *user,
                     struct err *err) must_check;
/* The same with its standard output to `out_fd`, which stays the caller's; errors go to the log. */
int process_start_to(const char *folder, const struct process_spec *spec, int out_fd,
                     struct err *err) must_check;
/* Reaps it when it ended, kills its group when its time is over, keeps its log within bounds.
 * ERR_TRANSIENT when it cannot be told now whether it runs; then nothing was done. */
int process_look(const char *folder, struct process_seen *out, struct err *err) must_check;
/* To the whole group. 0 too when nothing runs there. */
int process_signal(const char *folder, int signal_number, struct err *err) must_check;
/* Kills the group and waits, at most `wait_ms`, until it is gone; ERR_TRANSIENT when it is not. */
int process_end(const char *folder, int64_t wait_ms, struct err *err) must_check;
/* The last PROCESS_TAIL_LINES lines of its log, cleaned; "" when there are none. */
void process_tail(const char *folder, struct buf *out);

struct process_posix;
/* `root` is made when absent. Keys may have several parts ("a/b"). */
int process_posix_open(const char *root, struct process_posix **out, struct err *err) must_check;
void process_posix_close(struct process_posix *posix); /* accepts NULL; what runs goes on */
struct port_process process_posix_port(struct process_posix *posix);

#endif
