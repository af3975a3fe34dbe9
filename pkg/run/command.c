#include "run/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/parse.h"
#include "run/run.h"

enum { KEEPERS = 8, LOOK_MS = 200, TAIL_BYTES = 4096 };
_Static_assert(COMMAND_LOG_BYTES_MAX == 64 << 20, "as find_excess says");

/* Keepers that live, for run_kill_all. */
static volatile sig_atomic_t keepers[KEEPERS];

static void keeper_note(pid_t pid, pid_t instead)
{
	for (int i = 0; i < KEEPERS; i++) {
		if (keepers[i] == instead) {
			keepers[i] = pid;
			return;
		}
	}
	panic("command: more than %d at once", KEEPERS);
}

void run_kill_all(void)
{
	for (int i = 0; i < KEEPERS; i++) {
		if (keepers[i] > 0)
			kill((pid_t)keepers[i], SIGTERM);
	}
}

/* ---- The new processes, between fork and exec ---- */

/* What the program says just before exec, and once more when that fails. */
struct report {
	int errnum;
	unsigned parts;
};

static void tell(int report, int errnum, unsigned parts)
{
	const struct report message = {errnum, parts};

	while (write(report, &message, sizeof(message)) < 0 && errno == EINTR)
		;
}

static int set_files(int log)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0;
}

static _Noreturn void become(const struct command_spec *spec, struct sandbox *sandbox, int log,
                             int report)
{
	if (!set_files(log) && !chdir(spec->cwd) && !sandbox_confine(sandbox)) {
		tell(report, 0, sandbox->parts);
		environ = (char **)spec->env;
		execvp(spec->argv[0], (char *const *)spec->argv);
	}
	tell(report, errno, sandbox->parts);
	_exit(127);
}

/* Somebody reads our report: who started us has not died meanwhile. */
static bool is_awaited(int report)
{
	struct pollfd fd = {.fd = report};

	return poll(&fd, 1, 0) == 0;
}

static _Noreturn void keep(const struct command_spec *spec, struct sandbox *sandbox, int log,
                           int report)
{
	pid_t pid;

	sandbox_enter(sandbox);
	pid = is_awaited(report) ? fork() : -1;
	if (pid == 0)
		become(spec, sandbox, log, report);
	if (pid < 0)
		tell(report, errno ? errno : ESRCH, 0);
	close(report);
	close(log);
	_exit(pid < 0 ? 127 : sandbox_keep(sandbox, pid));
}

/* Waits for the exec: 0, or its errno value. */
static int exec_error(int report, unsigned *parts)
{
	struct report message = {.errnum = ESRCH};
	ssize_t n;

	do {
		n = read(report, &message, sizeof(message));
		*parts = message.parts;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return message.errnum;
}

static int spawn(struct command *command, const struct command_spec *spec, int log,
                 const int report[2], struct err *err)
{
	struct sandbox *sandbox = &command->sandbox;
	pid_t pid = sandbox_fork(sandbox);
	int errnum;

	if (pid == 0) {
		close(report[0]);
		keep(spec, sandbox, log, report[1]);
	}
	close(report[1]);
	if (pid < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot be started", spec->argv[0]);
	errnum = exec_error(report[0], &sandbox->parts);
	if (errnum) {
		waitpid(pid, NULL, 0);
		return err_errno(err, err_errno_kind(errnum), errnum, "%s: cannot be executed",
		                 spec->argv[0]);
	}
	command->pid = pid;
	command->pidfd = pidfd_open(pid, 0);
	keeper_note(pid, 0);
	if (command->pidfd < 0) {
		errnum = errno;
		command_stop(command);
		return err_errno(err, ERR_TRANSIENT, errnum, "%s: cannot be watched", spec->argv[0]);
	}
	return 0;
}

static int64_t free_bytes(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) ? INT64_MAX : (int64_t)(st.f_bavail * st.f_frsize);
}

int command_start(struct command *command, const struct command_spec *spec, struct err *err)
{
	int log = open(spec->log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct command started = {
		.pidfd = -1,
		.log = spec->log,
		.sandbox = {
			.folder = spec->folder, .hide = spec->hide, .argv = spec->argv, .env = spec->env,
			.memory_bytes = spec->memory_bytes, .file_bytes = spec->file_bytes,
			.processes = spec->processes,
		},
	};
	int report[2], result;

	if (log < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", spec->log);
	if (pipe2(report, O_CLOEXEC)) {
		close(log);
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot be started", spec->argv[0]);
	}
	started.free_bytes_min = free_bytes(spec->log) / 2;
	if (started.free_bytes_min > COMMAND_FREE_BYTES_MIN)
		started.free_bytes_min = COMMAND_FREE_BYTES_MIN;
	result = spawn(&started, spec, log, report, err);
	close(report[0]);
	close(log);
	if (!result)
		*command = started;
	return result;
}

/* ---- The end of it ---- */

bool command_runs(const struct command *command, int wait_ms)
{
	struct pollfd fd = {.fd = command->pidfd, .events = POLLIN};

	return command->pid > 0 && poll(&fd, 1, wait_ms) <= 0;
}

static int reap(struct command *command)
{
	siginfo_t info = {0};

	while (waitid(P_PID, (id_t)command->pid, &info, WEXITED) && errno == EINTR)
		;
	keeper_note(0, command->pid);
	if (command->pidfd >= 0)
		close(command->pidfd);
	*command = (struct command){0};
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

void command_stop(struct command *command)
{
	if (command->pid <= 0)
		return;
	kill(command->pid, SIGTERM);
	kill(command->pid, SIGCONT); /* where what it kept could stop it */
	reap(command);
}

/* Why it must end now; NULL: it need not. */
static const char *find_excess(const struct command *command)
{
	struct stat st;

	if (!stat(command->log, &st) && st.st_size > COMMAND_LOG_BYTES_MAX)
		return "wrote more than 64 MiB to its log";
	if (free_bytes(command->log) < command->free_bytes_min)
		return "left too little of the disk free";
	return NULL;
}

int command_look(struct command *command, const struct port_clock *clock, int64_t deadline_ms,
                 int wait_ms, int *exit_code, struct err *err)
{
	const char *why;

	if (!command_runs(command, wait_ms)) {
		*exit_code = reap(command);
		return 0;
	}
	why = clock->now_ms(clock->self) >= deadline_ms ? "took longer than its timeout"
	                                                : find_excess(command);
	if (!why)
		return 1;
	command_stop(command);
	return err_set(err, ERR_TRANSIENT, "%s", why);
}

int command_wait(struct command *command, const struct port_clock *clock, int64_t deadline_ms,
                 int *exit_code, struct err *err)
{
	int state;

	do
		state = command_look(command, clock, deadline_ms, LOOK_MS, exit_code, err);
	while (state > 0);
	return state;
}

pid_t command_program(const struct command *command)
{
	char path[96], text[32];
	struct err ignored;
	int64_t pid = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)command->pid,
	         (int)command->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, " ")] = '\0';
	return parse_int(text, 1, INT32_MAX, &pid, &ignored) ? 0 : (pid_t)pid;
}

void command_last_line(const char *log, struct buf *out)
{
	int fd = open(log, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[TAIL_BYTES + 1], *line;
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t n = fd < 0 ? 0 : pread(fd, text, TAIL_BYTES, size > TAIL_BYTES ? size - TAIL_BYTES : 0);

	if (fd >= 0)
		close(fd);
	while (n > 0 && strchr("\n\r \t", text[n - 1]))
		n--;
	text[n > 0 ? n : 0] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	text_clean(line);
	buf_printf(out, "%.300s", line);
}
