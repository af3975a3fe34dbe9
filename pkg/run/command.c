#include "run/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/run.h"

enum { GROUPS = 8, LOOK_MS = 200, TAIL_BYTES = 4096 };

/* Process groups that live, for run_kill_all. */
static volatile sig_atomic_t groups[GROUPS];

static void group_note(pid_t pid, pid_t instead)
{
	for (int i = 0; i < GROUPS; i++) {
		if (groups[i] == instead) {
			groups[i] = pid;
			return;
		}
	}
	panic("command: more than %d at once", GROUPS);
}

void run_kill_all(void)
{
	for (int i = 0; i < GROUPS; i++) {
		if (groups[i] > 0)
			kill(-(pid_t)groups[i], SIGKILL);
	}
}

/* ---- The new process, between fork and exec ---- */

static int limit(int resource, int64_t value)
{
	struct rlimit rlimit = {(rlim_t)value, (rlim_t)value};

	return value >= 0 ? setrlimit((__rlimit_resource_t)resource, &rlimit) : 0;
}

static int set_limits(const struct command_spec *spec)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || limit(RLIMIT_CORE, 0) ||
	       limit(RLIMIT_FSIZE, COMMAND_FILE_BYTES_MAX) || limit(RLIMIT_AS, spec->memory_bytes);
}

static int set_files(int log)
{
	int null = open("/dev/null", O_RDONLY);

	return null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0;
}

/* Leaves the cause in `report` when the program cannot be executed. */
static _Noreturn void become(const struct command_spec *spec, int log, int report, pid_t parent)
{
	sigset_t none;
	int errnum;

	sigemptyset(&none);
	for (int signum = 1; signum < NSIG; signum++)
		signal(signum, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!setpgid(0, 0) && !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent &&
	    !set_files(log) && !set_limits(spec) && !chdir(spec->cwd)) {
		environ = (char **)spec->env;
		execvp(spec->argv[0], (char *const *)spec->argv);
	}
	errnum = errno;
	while (write(report, &errnum, sizeof(errnum)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* Waits for the exec: 0, or its errno value. */
static int exec_error(int report)
{
	int errnum = 0;
	ssize_t n;

	do
		n = read(report, &errnum, sizeof(errnum));
	while (n < 0 && errno == EINTR);
	return n == sizeof(errnum) ? errnum : 0;
}

static int spawn(struct command *command, const struct command_spec *spec, int log,
                 const int report[2], struct err *err)
{
	pid_t parent = getpid(), pid = fork();
	int errnum;

	if (pid == 0) {
		close(report[0]);
		become(spec, log, report[1], parent);
	}
	close(report[1]);
	if (pid < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot be started", spec->argv[0]);
	setpgid(pid, pid);
	errnum = exec_error(report[0]);
	if (errnum) {
		waitpid(pid, NULL, 0);
		return err_errno(err, ERR_STALLED, errnum, "%s: cannot be executed", spec->argv[0]);
	}
	command->pid = pid;
	command->pidfd = pidfd_open(pid, 0);
	group_note(pid, 0);
	if (command->pidfd < 0) {
		errnum = errno;
		command_stop(command);
		return err_errno(err, ERR_TRANSIENT, errnum, "%s: cannot be watched", spec->argv[0]);
	}
	return 0;
}

int command_start(struct command *command, const struct command_spec *spec, struct err *err)
{
	struct command started = {.pidfd = -1, .log = spec->log};
	int log = open(spec->log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	int report[2], result;

	if (log < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", spec->log);
	if (pipe2(report, O_CLOEXEC)) {
		close(log);
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot be started", spec->argv[0]);
	}
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

/* Its helpers are killed before it is reaped, while the number of the group is surely ours. */
static int reap(struct command *command)
{
	siginfo_t info = {0};
	id_t id = (id_t)command->pid;

	while (waitid(P_PID, id, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	kill(-command->pid, SIGKILL);
	while (waitid(P_PID, id, &info, WEXITED) && errno == EINTR)
		;
	group_note(0, command->pid);
	if (command->pidfd >= 0)
		close(command->pidfd);
	*command = (struct command){0};
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

void command_stop(struct command *command)
{
	if (command->pid <= 0)
		return;
	kill(-command->pid, SIGKILL);
	reap(command);
}

static bool log_overflows(const char *log)
{
	struct stat st;

	return !stat(log, &st) && st.st_size > COMMAND_LOG_BYTES_MAX;
}

int command_wait(struct command *command, const struct port_clock *clock, int64_t deadline_ms,
                 int *exit_code, struct err *err)
{
	while (command_runs(command, LOOK_MS)) {
		bool late = clock->now_ms(clock->self) >= deadline_ms;

		if (!late && !log_overflows(command->log))
			continue;
		command_stop(command);
		if (late)
			return err_set(err, ERR_TRANSIENT, "took longer than its timeout");
		return err_set(err, ERR_TRANSIENT, "wrote more than %d MiB to its log",
		               COMMAND_LOG_BYTES_MAX >> 20);
	}
	*exit_code = reap(command);
	return 0;
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
