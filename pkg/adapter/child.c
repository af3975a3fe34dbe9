#include "adapter/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "adapter/spawn.h"
#include "base/file.h"

enum { READ_BYTES = 64 << 10 };

/* What the new process needs, and the cause of its failure. */
struct launch {
	const struct child_spec *spec;
	int in, out, err;
	pid_t parent;
	volatile int errnum;
};

static int limit(int resource, int64_t value)
{
	struct rlimit rlimit = {(rlim_t)value, (rlim_t)value};

	return value > 0 ? setrlimit((__rlimit_resource_t)resource, &rlimit) : 0;
}

static int limits_set(const struct child_spec *spec)
{
	struct rlimit no_core = {0, 0};

	return setrlimit(RLIMIT_CORE, &no_core) || limit(RLIMIT_AS, spec->memory_bytes) ||
	       limit(RLIMIT_CPU, spec->cpu_seconds) || limit(RLIMIT_FSIZE, spec->file_bytes);
}

/* Between vfork and exec. */
static void become(void *self)
{
	const struct launch *launch = self;

	if (!setpgid(0, 0) && !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == launch->parent &&
	    dup2(launch->in, 0) >= 0 && dup2(launch->out, 1) >= 0 && dup2(launch->err, 2) >= 0 &&
	    !close_range(3, ~0U, 0) && !chdir(launch->spec->cwd ? launch->spec->cwd : "/") &&
	    !limits_set(launch->spec))
		execvpe(launch->spec->argv[0], (char *const *)launch->spec->argv,
		        (char *const *)launch->spec->env);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A descriptor above the standard ones, so that dup2 onto 0, 1, 2 overwrites none of ours. */
static int lift(int fd)
{
	int higher;

	if (fd < 0 || fd > 2)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return higher;
}

/* The whole input in memory, so that nobody has to feed a pipe. */
static int open_input(struct bytes input)
{
	int fd;

	if (!input.data)
		return lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
	fd = lift(memfd_create("input", MFD_CLOEXEC));
	if (fd >= 0 && fd_write(fd, input.data, input.len))
		close_fd(&fd);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static int open_pipe(int *read_end, int *write_end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	*read_end = lift(fds[0]);
	*write_end = lift(fds[1]);
	return *read_end < 0 || *write_end < 0 || fcntl(*read_end, F_SETFL, O_NONBLOCK) ? -1 : 0;
}

int child_start(struct child *child, const struct child_spec *spec, int64_t now_ms,
                struct err *err)
{
	struct launch launch = {.spec = spec, .in = -1, .out = -1, .err = -1, .parent = getpid()};
	struct child new = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};

	errno = 0;
	launch.in = open_input(spec->input);
	if (launch.in < 0 || open_pipe(&new.out, &launch.out) || open_pipe(&new.err, &launch.err))
		launch.errnum = errno;
	else
		new.pid = spawn(become, &launch, &launch.errnum);
	close_fd(&launch.in);
	close_fd(&launch.out);
	close_fd(&launch.err);
	if (new.pid > 0 && launch.errnum)
		waitpid(new.pid, NULL, 0);
	else if (new.pid > 0)
		new.pidfd = pidfd_open(new.pid, 0);
	if (launch.errnum || new.pid < 0 || new.pidfd < 0) {
		int errnum = launch.errnum ? launch.errnum : errno;

		if (new.pid > 0 && !launch.errnum) {
			kill(-new.pid, SIGKILL);
			waitpid(new.pid, NULL, 0);
		}
		close_fd(&new.out);
		close_fd(&new.err);
		return err_errno(err, ERR_TRANSIENT, errnum, "%s cannot be started", spec->argv[0]);
	}
	new.state = CHILD_RUNNING;
	new.deadline_ms = now_ms + spec->timeout_ms;
	buf_init(&new.output, spec->output_bytes_max);
	buf_init(&new.errors, spec->errors_bytes_max);
	*child = new;
	return 0;
}

/* Adds what is there now; at most a few reads, so that a flood cannot hold us. */
static void drain(int *fd, struct buf *into)
{
	static char bytes[READ_BYTES];

	for (int i = 0; *fd >= 0 && i < 16 && !into->full; i++) {
		ssize_t n = read(*fd, bytes, sizeof(bytes));

		if (n > 0)
			buf_add(into, bytes, (size_t)n);
		else if (n == 0)
			close_fd(fd);
		else if (errno != EINTR)
			return;
	}
}

static void take_output(struct child *child)
{
	drain(&child->out, &child->output);
	drain(&child->err, &child->errors);
}

/* The leader by its pidfd; the group by its number, which is ours until the leader is reaped. */
static void kill_all(const struct child *child)
{
	pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
	kill(-child->pid, SIGKILL);
}

static bool reap(struct child *child, int options)
{
	siginfo_t info = {0};
	id_t pidfd = (id_t)child->pidfd;

	if (waitid(P_PIDFD, pidfd, &info, WEXITED | WNOWAIT | options) || info.si_pid == 0)
		return false;
	kill(-child->pid, SIGKILL); /* helpers that outlive it would hold the pipes */
	waitid(P_PIDFD, pidfd, &info, WEXITED);
	child->exit_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	child->state = CHILD_ENDED;
	take_output(child);
	close_fd(&child->out);
	close_fd(&child->err);
	close_fd(&child->pidfd);
	return true;
}

bool child_poll(struct child *child, int64_t now_ms)
{
	if (child->state != CHILD_RUNNING)
		return true;
	take_output(child);
	if (child->output.full || child->errors.full) {
		child->overflowed = true;
		kill_all(child);
	} else if (now_ms >= child->deadline_ms) {
		child->timed_out = true;
		kill_all(child);
	}
	return reap(child, WNOHANG);
}

void child_wait(const struct child *child)
{
	struct pollfd fds[] = {
		{.fd = child->pidfd, .events = POLLIN},
		{.fd = child->out, .events = POLLIN},
		{.fd = child->err, .events = POLLIN},
	};
	int64_t left_ms = child->deadline_ms - clock_now_ms();

	if (child->state == CHILD_RUNNING)
		poll(fds, ARRAY_LEN(fds),
		     left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms + 1);
}

/* The last line of a text that is not blank; *len is its length. */
static const char *last_line(const char *text, size_t *len)
{
	size_t end = strlen(text), start;

	while (end && (text[end - 1] == '\n' || text[end - 1] == '\r' || text[end - 1] == ' '))
		end--;
	for (start = end; start && text[start - 1] != '\n' && text[start - 1] != '\r';)
		start--;
	*len = end - start;
	return text + start;
}

int child_check(const struct child *child, const char *what, struct err *err)
{
	size_t len;
	const char *line = last_line(buf_text(&child->errors), &len);

	return child_check_line(child, what, line, len, err);
}

int child_check_line(const struct child *child, const char *what, const char *line, size_t len,
                     struct err *err)
{
	if (child->timed_out)
		return err_set(err, ERR_TRANSIENT, "%s: timed out", what);
	if (child->overflowed)
		return err_set(err, ERR_TRANSIENT, "%s: wrote more than its limit", what);
	if (child->exit_code > 128 && child->exit_code <= 128 + SIGRTMAX)
		return err_set(err, ERR_TRANSIENT, "%s: killed by signal %d", what,
		               child->exit_code - 128);
	if (child->exit_code)
		return err_set(err, ERR_TRANSIENT, "%s: %.*s (exit %d)", what,
		               len > 500 ? 500 : (int)len, line, child->exit_code);
	return 0;
}

void child_stop(struct child *child)
{
	if (child->state == CHILD_RUNNING) {
		kill_all(child);
		reap(child, 0);
	}
	if (child->state != CHILD_NONE) {
		buf_deinit(&child->output);
		buf_deinit(&child->errors);
	}
	*child = (struct child){0};
}

int child_run(struct child *child, const struct child_spec *spec, const char *what,
              struct err *err)
{
	int64_t now_ms = clock_now_ms();

	if (child_start(child, spec, now_ms, err))
		return err_wrap(err, "%s", what);
	while (!child_poll(child, now_ms)) {
		child_wait(child);
		now_ms = clock_now_ms();
	}
	return child_check(child, what, err);
}
