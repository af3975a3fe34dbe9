#include "adapter/process_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/spawn.h"
#include "base/file.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/parse.h"

enum {
	RECORD_BYTES = 4 << 10,
	RESULT_BYTES_MAX = 16 << 20,
	LOG_KEPT_BYTES = 256 << 10,
	TAIL_BYTES = 8 << 10,
	NOTE_MAX = 96, /* what we say in a log */
	LOCK_FD = 3, /* in the started process */
	STAT_START_FIELD = 22, /* proc(5): /proc/pid/stat */
	FORGET_WAIT_MS = 2000,
	GROUP_WAIT_MS = 200,
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- identity: boot, pid, start time ---- */

/* The number at blank-separated field `n` (from 1) of a /proc/pid/stat line, whose second field is
 * the program's name in parentheses and may hold anything; -1 when there is none. */
static int64_t stat_field(const char *line, int n)
{
	const char *at = strrchr(line, ')');
	char number[24];
	struct err ignored;
	int64_t value;
	size_t len;

	if (n == 1)
		at = line;
	for (int field = 2; at && n > 1 && field < n; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	len = at ? strcspn(at, " \n") : 0;
	if (len == 0 || len >= sizeof(number))
		return -1;
	memcpy(number, at, len);
	number[len] = '\0';
	return parse_int(number, 0, INT64_MAX, &value, &ignored) < 0 ? -1 : value;
}

static char stat_state(const char *line)
{
	const char *at = strrchr(line, ')');

	return at && at[1] == ' ' ? at[2] : '\0';
}

/* What is here, is not, or cannot be told now: then errno says why. */
enum found { FOUND_UNKNOWN = -1, FOUND_NONE, FOUND };

/* One small file as text. */
static enum found read_small(int dir, const char *path, char *out, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC), errnum;
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	errnum = n < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	errno = errnum;
	return n > 0 ? FOUND
	       : n == 0 || errnum == ENOENT || errnum == ESRCH ? FOUND_NONE : FOUND_UNKNOWN;
}

/* OTHER: the pid is somebody else's now. UNKNOWN: it cannot be told now, as errno says. */
enum life { LIFE_UNKNOWN, LIFE_GONE, LIFE_OTHER, LIFE_ZOMBIE, LIFE_RUNNING };

static enum life find_life(pid_t pid, int64_t start_ticks)
{
	char path[64], line[RECORD_BYTES];
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	switch (read_small(AT_FDCWD, path, line, sizeof(line))) {
	case FOUND_UNKNOWN:
		return LIFE_UNKNOWN;
	case FOUND_NONE:
		return LIFE_GONE;
	case FOUND:
		break;
	}
	if (stat_field(line, STAT_START_FIELD) != start_ticks)
		return LIFE_OTHER;
	state = stat_state(line);
	return state == 'Z' || state == 'X' ? LIFE_ZOMBIE : LIFE_RUNNING;
}

/* What a process wrote about itself: "<boot id> <started_ms> <timeout_ms>" and its stat line. */
struct record {
	bool same_boot;
	pid_t pid;
	int64_t start_ticks, started_ms, timeout_ms;
};

static enum found read_boot_id(char out[64])
{
	enum found found = read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", out, 64);

	out[strcspn(out, "\n")] = '\0';
	return found;
}

/* Cuts the next word off `rest` and returns it. */
static char *next_word(char **rest)
{
	return strsep(rest, " ");
}

/* None, or none that is whole: then nothing ever got as far as exec here. */
static enum found read_record(int dir, struct record *out)
{
	char text[RECORD_BYTES], boot[64], *rest = text, *stat, *word;
	enum found found = read_small(dir, "record", text, sizeof(text));
	struct record record = {0};
	struct err ignored;

	if (found != FOUND)
		return found;
	if (!(stat = strchr(text, '\n')))
		return FOUND_NONE;
	*stat++ = '\0';
	if (read_boot_id(boot) == FOUND_UNKNOWN)
		return FOUND_UNKNOWN;
	word = next_word(&rest);
	record.same_boot = strcmp(word, boot) == 0;
	word = next_word(&rest);
	if (!word || parse_int(word, 0, INT64_MAX, &record.started_ms, &ignored) < 0 || !rest ||
	    parse_int(rest, -1, INT64_MAX, &record.timeout_ms, &ignored) < 0)
		return FOUND_NONE;
	record.pid = (pid_t)stat_field(stat, 1);
	record.start_ticks = stat_field(stat, STAT_START_FIELD);
	*out = record;
	return record.pid > 1 && record.start_ticks >= 0 ? FOUND : FOUND_NONE;
}

/* Is `slot.lock` held by a process that was started here, or by what that one started? */
static enum found find_holder(int dir)
{
	int fd = openat(dir, "slot.lock", O_RDWR | O_CLOEXEC);
	bool held;

	if (fd < 0)
		return errno == ENOENT ? FOUND_NONE : FOUND_UNKNOWN;
	held = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return held ? FOUND : FOUND_NONE;
}

/* ---- looking ---- */

static void write_exit(int dir, struct process_seen *seen)
{
	struct err ignored;
	char text[64];
	int n = snprintf(text, sizeof(text), "%d %lld\n", seen->exit_code, (long long)seen->ended_ms);

	/* without it the exit code is lost with the next look, and that is all */
	if (file_replace(dir, "exit", text, (size_t)n, 0600, &ignored) < 0)
		return;
}

static enum found read_exit(int dir, struct process_seen *seen)
{
	char text[64], *rest = text, *word;
	enum found found = read_small(dir, "exit", text, sizeof(text));
	struct err ignored;
	int64_t code;

	if (found != FOUND)
		return found;
	text[strcspn(text, "\n")] = '\0';
	word = next_word(&rest);
	if (parse_int(word, -1, 255, &code, &ignored) < 0 || !rest ||
	    parse_int(rest, 0, INT64_MAX, &seen->ended_ms, &ignored) < 0)
		return FOUND_NONE;
	seen->state = PROCESS_ENDED;
	seen->exit_code = (int)code;
	seen->exit_known = code >= 0;
	return FOUND;
}

static void note_end(int dir, struct process_seen *seen, int exit_code)
{
	seen->state = PROCESS_ENDED;
	seen->exit_code = exit_code;
	seen->exit_known = exit_code >= 0;
	seen->ended_ms = clock_ms(CLOCK_REALTIME);
	write_exit(dir, seen);
}

/* The leader is dead. Its group is killed first: while the leader is a zombie, or while no process
 * has its pid, the group's number cannot be anybody else's. */
static int bury(int dir, enum life life, struct process_seen *seen)
{
	enum found holder = life == LIFE_GONE ? find_holder(dir) : FOUND_NONE;
	int status, code = -1;

	if (holder == FOUND_UNKNOWN)
		return -1;
	if (life == LIFE_ZOMBIE || holder == FOUND)
		kill(-seen->pid, SIGKILL);
	if (life == LIFE_ZOMBIE && waitpid(seen->pid, &status, WNOHANG) == seen->pid)
		code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	note_end(dir, seen, code);
	return 0;
}

/* Keeps the end of a log that grew too long and empties it; the writer appends, so it goes on
 * at the new end. What is written in between may be lost. */
static void cap_log(int dir)
{
	struct err ignored;
	struct stat st;
	int fd = openat(dir, "log", O_RDWR | O_CLOEXEC);
	char *kept = NULL;
	ssize_t n;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > PROCESS_LOG_BYTES_MAX) {
		kept = heap_alloc(LOG_KEPT_BYTES, 1);
		n = pread(fd, kept, LOG_KEPT_BYTES, st.st_size - LOG_KEPT_BYTES);
		if (n >= 0 && file_replace(dir, "log.1", kept, (size_t)n, 0600, &ignored) == 0 &&
		    ftruncate(fd, 0) < 0)
			errno = 0; /* tried again at the next look */
		free(kept);
	}
	if (fd >= 0)
		close(fd);
}

static bool ends_with(int fd, const char *text, size_t len)
{
	char end[NOTE_MAX];
	off_t size = lseek(fd, 0, SEEK_END);

	return size >= (off_t)len && pread(fd, end, len, size - (off_t)len) == (ssize_t)len &&
	       memcmp(end, text, len) == 0;
}

/* Once: another look may fall between a kill and the death. */
static void say_in_log(int dir, const char text[NOTE_MAX])
{
	int fd = openat(dir, "log", O_RDWR | O_APPEND | O_CLOEXEC);
	size_t len = strlen(text);

	if (fd >= 0) {
		if (!ends_with(fd, text, len) && write(fd, text, len) < 0)
			errno = 0; /* the exit code says it too */
		close(fd);
	}
}

/* A start time in ticks since boot is a clock that no restart and no change of the date
 * disturbs. */
static int64_t age_of(const struct record *record)
{
	if (!record->same_boot)
		return clock_ms(CLOCK_REALTIME) - record->started_ms;
	return clock_ms(CLOCK_BOOTTIME) - record->start_ticks * 1000 / sysconf(_SC_CLK_TCK);
}

static void enforce_timeout(int dir, const struct record *record)
{
	char limit[TIME_TEXT], text[NOTE_MAX];

	if (record->timeout_ms < 0 || age_of(record) < record->timeout_ms)
		return;
	format_duration(record->timeout_ms, limit);
	snprintf(text, sizeof(text), "linnet: killed: it ran longer than its limit of %s\n", limit);
	say_in_log(dir, text);
	kill(-record->pid, SIGKILL);
}

/* -1 with errno when it cannot be told now: what is not known to be dead is not buried. */
static int look_in(int dir, struct process_seen *seen)
{
	struct record record;
	enum found found = read_record(dir, &record);
	enum life life;

	if (found == FOUND_NONE) { /* the lock without a record: it was started this instant */
		found = find_holder(dir);
		seen->state = found == FOUND ? PROCESS_RUNNING : PROCESS_NONE;
		return found == FOUND_UNKNOWN ? -1 : 0;
	}
	if (found == FOUND_UNKNOWN)
		return -1;
	seen->pid = record.pid;
	seen->start_ticks = record.start_ticks;
	seen->started_ms = record.started_ms;
	seen->age_ms = age_of(&record);
	found = read_exit(dir, seen);
	if (found != FOUND_NONE)
		return found == FOUND_UNKNOWN ? -1 : 0;
	life = record.same_boot ? find_life(record.pid, record.start_ticks) : LIFE_OTHER;
	if (life == LIFE_UNKNOWN)
		return -1;
	if (life != LIFE_RUNNING)
		return bury(dir, life, seen);
	seen->state = PROCESS_RUNNING;
	enforce_timeout(dir, &record);
	cap_log(dir);
	return 0;
}

static int look_error(const char *folder, struct err *err)
{
	return err_errno(err, ERR_TRANSIENT, errno, "%s: what runs there cannot be told now", folder);
}

/* -1 with *absent set when there is no such folder. */
static int open_folder(const char *folder, bool *absent, struct err *err)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*absent = dir < 0 && errno == ENOENT;
	if (dir < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s", folder);
	return dir;
}

int process_look(const char *folder, struct process_seen *out, struct err *err)
{
	struct process_seen seen = {.state = PROCESS_NONE, .exit_code = -1, .started_ms = -1,
	                            .ended_ms = -1};
	bool absent;
	int dir = open_folder(folder, &absent, err), result = 0;

	if (dir < 0 && !absent)
		return -1;
	if (dir >= 0) {
		result = look_in(dir, &seen) < 0 ? look_error(folder, err) : 0;
		close(dir);
	}
	*out = seen;
	return result;
}

int process_signal(const char *folder, int signal_number, struct err *err)
{
	struct process_seen seen;

	if (process_look(folder, &seen, err) < 0)
		return -1;
	if (seen.state == PROCESS_RUNNING && seen.pid > 1 && kill(-seen.pid, signal_number) < 0 &&
	    errno != ESRCH)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: signal %d", folder, signal_number);
	return 0;
}

/* The leader is dead; the rest of its group, killed with it, dies in its own time, and until then
 * nothing can start here. What could not be killed is not waited for long. */
static void wait_group(const char *folder)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	struct err ignored;
	bool absent;
	int dir = open_folder(folder, &absent, &ignored);

	if (dir < 0)
		return;
	for (int ms = 0; ms < GROUP_WAIT_MS && find_holder(dir) == FOUND; ms += 2)
		nanosleep(&pause, NULL);
	close(dir);
}

int process_end(const char *folder, int64_t wait_ms, struct err *err)
{
	int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + wait_ms;
	const struct timespec pause = {.tv_nsec = 2000000};
	struct process_seen seen;

	for (;;) {
		if (process_signal(folder, SIGKILL, err) < 0 || process_look(folder, &seen, err) < 0)
			return -1;
		if (seen.state != PROCESS_RUNNING) {
			wait_group(folder);
			return 0;
		}
		if (clock_ms(CLOCK_MONOTONIC) >= until_ms)
			return err_set(err, ERR_TRANSIENT, "%s: process %d does not end", folder,
			               (int)seen.pid);
		nanosleep(&pause, NULL);
	}
}

/* Where the last PROCESS_TAIL_LINES lines of `text` begin. */
static const char *tail_start(const char *text, size_t len)
{
	size_t at = len;

	while (at > 0 && text[at - 1] == '\n')
		at--;
	for (int lines = 0; at > 0; at--)
		if (text[at - 1] == '\n' && ++lines == PROCESS_TAIL_LINES)
			break;
	return text + at;
}

void process_tail(const char *folder, struct buf *out)
{
	char text[TAIL_BYTES + 1], path[LIMIT_FILE_PATH];
	struct stat st;
	ssize_t n = -1;
	int fd;

	if (snprintf(path, sizeof(path), "%s/log", folder) >= (int)sizeof(path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0)
		n = pread(fd, text, TAIL_BYTES, st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *line = text + (tail_start(text, (size_t)n) - text), *rest = line; rest;) {
		line = strsep(&rest, "\n");
		text_clean(line);
		if (line[0])
			buf_printf(out, "%s\n", line);
	}
}

/* ---- starting ---- */

/* What the new process needs, and the step and the cause of its failure. */
struct launch {
	const struct process_spec *spec;
	const struct user *user; /* NULL: as we are */
	const char *cwd;
	int dir, lock, out, log, null;
	const char *head; /* first line of the record */
	size_t head_len;
	char *stat; /* RECORD_BYTES for the second */
	char program[LIMIT_FILE_PATH];
	volatile int errnum;
	const char *volatile step;
};

/* The program by the PATH of the new process, not by ours; as it is where it has a '/'. */
static void find_program(const struct process_spec *spec, char out[LIMIT_FILE_PATH])
{
	const char *name = spec->argv[0], *path = "/usr/bin:/bin";

	snprintf(out, LIMIT_FILE_PATH, "%s", name);
	if (strchr(name, '/'))
		return;
	for (size_t i = 0; spec->env[i]; i++)
		if (strncmp(spec->env[i], "PATH=", 5) == 0)
			path = spec->env[i] + 5;
	while (*path) {
		size_t len = strcspn(path, ":");

		snprintf(out, LIMIT_FILE_PATH, "%.*s/%s", (int)len, path, name);
		if (len && access(out, X_OK) == 0)
			return;
		path += len + (path[len] == ':');
	}
}

static int set_limit(int resource, int64_t value)
{
	struct rlimit rlimit = {(rlim_t)value, (rlim_t)value};

	return value >= 0 ? setrlimit((__rlimit_resource_t)resource, &rlimit) : 0;
}

static int write_whole(int fd, const char *bytes, size_t len)
{
	ssize_t n = write(fd, bytes, len);

	if (n >= 0 && (size_t)n < len)
		errno = ENOSPC;
	return n == (ssize_t)len ? 0 : -1;
}

/* Aside and renamed: a record is whole or absent. */
static int write_record(const struct launch *launch)
{
	int in = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	int out = openat(launch->dir, "record.aside", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = in < 0 || out < 0 ? -1 : read(in, launch->stat, RECORD_BYTES);

	if (n <= 0 || write_whole(out, launch->head, launch->head_len) ||
	    write_whole(out, launch->stat, (size_t)n))
		return -1;
	return renameat(launch->dir, "record.aside", launch->dir, "record");
}

static int set_descriptors(const struct launch *launch)
{
	if (dup2(launch->null, 0) < 0 || dup2(launch->out, 1) < 0 || dup2(launch->log, 2) < 0 ||
	    dup2(launch->lock, LOCK_FD) < 0)
		return -1;
	return close_range(LOCK_FD + 1, ~0U, 0);
}

static int set_limits(const struct process_spec *spec)
{
	if (set_limit(RLIMIT_CORE, 0) || set_limit(RLIMIT_DATA, spec->memory_bytes) ||
	    set_limit(RLIMIT_CPU, spec->cpu_seconds) || set_limit(RLIMIT_FSIZE, spec->file_bytes) ||
	    (spec->nice && setpriority(PRIO_PROCESS, 0, spec->nice) && errno != EACCES))
		return -1; /* EACCES: we are nicer ourselves */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* A file among the arguments that is there and may not be read: the program would say so in words
 * of its own, or not at all. */
static bool may_read_arguments(struct launch *launch)
{
	for (const char *const *arg = launch->spec->argv + 1; *arg; arg++) {
		launch->step = *arg;
		if ((*arg)[0] == '/' && access(*arg, R_OK) && errno == EACCES)
			return false;
	}
	return true;
}

/* Between vfork and exec. What is ours to do comes first, then it is somebody else. */
static void become(void *self)
{
	struct launch *launch = self;
	const struct process_spec *spec = launch->spec;

	launch->step = "record";
	if (setsid() < 0 || write_record(launch))
		return;
	launch->step = "limits";
	if (set_descriptors(launch) || set_limits(spec))
		return;
	launch->step = "user";
	if (launch->user && (user_become(launch->user) || user_fence()))
		return;
	launch->step = launch->cwd;
	if (chdir(launch->cwd) || (launch->user && !may_read_arguments(launch)))
		return;
	launch->step = launch->program;
	execve(launch->program, (char *const *)spec->argv, (char *const *)spec->env);
}

/* Above the low numbers, so that the dup2 of the new process overwrites none of them. */
static int lift(int fd)
{
	int higher = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LOCK_FD + 1);

	if (fd >= 0)
		close(fd);
	return higher;
}

static int take_lock(int dir, const char *folder, int *lock, struct err *err)
{
	*lock = lift(openat(dir, "slot.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	if (*lock < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s/slot.lock", folder);
	if (flock(*lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_CONFLICT, "%s: something started there still runs", folder);
	return 0;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int launch_error(const struct launch *launch, bool forked, struct err *err)
{
	const char *program = launch->spec->argv[0], *step = launch->step ? launch->step : "files";
	enum err_kind kind = forked ? err_errno_kind(launch->errnum) : ERR_TRANSIENT;

	if (launch->user && launch->errnum == EACCES)
		return err_set(err, kind, "%s cannot be started: the user %s of model servers may not "
		               "read or enter %s; let all do so (chmod o+rX) or set local.user",
		               program, launch->user->name, step);
	return err_errno(err, kind, launch->errnum, "%s cannot be started: %s", program, step);
}

/* out_fd -1: its output goes to the log. */
static int launch_in(int dir, const char *folder, const struct process_spec *spec,
                     const struct user *user, int out_fd, struct err *err)
{
	struct launch launch = {.spec = spec, .user = user, .cwd = spec->cwd ? spec->cwd : folder,
	                        .lock = -1, .out = -1, .log = -1, .null = -1};
	char head[160], boot[64], stat[RECORD_BYTES];
	pid_t pid = -1;

	if (take_lock(dir, folder, &launch.lock, err) < 0 ||
	    (read_boot_id(boot) == FOUND_UNKNOWN && look_error(folder, err))) {
		close_all(&launch.lock, 1);
		return -1;
	}
	launch.head_len = (size_t)snprintf(head, sizeof(head), "%s %lld %lld\n", boot,
	                                   (long long)clock_ms(CLOCK_REALTIME),
	                                   (long long)spec->timeout_ms);
	find_program(spec, launch.program);
	launch.head = head;
	launch.stat = stat;
	launch.dir = lift(dup(dir));
	launch.log = lift(openat(dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
	launch.out = lift(dup(out_fd >= 0 ? out_fd : launch.log));
	launch.null = lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
	unlinkat(dir, "record", 0);
	unlinkat(dir, "exit", 0);
	if (launch.dir >= 0 && launch.out >= 0 && launch.log >= 0 && launch.null >= 0 &&
	    (!user || !fchown(launch.log, user->uid, user->gid))) { /* /dev/stderr can be opened */
		launch.step = "fork";
		pid = spawn(become, &launch, &launch.errnum);
	}
	if (pid < 0 && !launch.errnum)
		launch.errnum = errno;
	if (pid > 0 && launch.errnum) {
		waitpid(pid, NULL, 0);
		unlinkat(dir, "record", 0);
	}
	close_all((int[]){launch.dir, launch.lock, launch.out, launch.log, launch.null}, 5);
	return launch.errnum ? launch_error(&launch, pid > 0, err) : 0;
}

static int start(const char *folder, const struct process_spec *spec, const struct user *user,
                 int out_fd, struct err *err)
{
	struct process_seen seen = {0};
	bool absent;
	int dir, rc = 0;

	if (dir_make_all(AT_FDCWD, folder, 0700, err) < 0)
		return -1;
	dir = open_folder(folder, &absent, err);
	if (dir < 0)
		return -1;
	if (look_in(dir, &seen) < 0)
		rc = look_error(folder, err);
	else if (seen.state == PROCESS_RUNNING)
		rc = err_set(err, ERR_CONFLICT, "%s: process %d runs there already", folder,
		             (int)seen.pid);
	else
		rc = launch_in(dir, folder, spec, user, out_fd, err);
	close(dir);
	return rc;
}

int process_start(const char *folder, const struct process_spec *spec, struct err *err)
{
	return start(folder, spec, NULL, -1, err);
}

int process_start_as(const char *folder, const struct process_spec *spec, const struct user *user,
                     struct err *err)
{
	return start(folder, spec, user, -1, err);
}

int process_start_to(const char *folder, const struct process_spec *spec, int out_fd,
                     struct err *err)
{
	return start(folder, spec, NULL, out_fd, err);
}

/* ---- the port ---- */

struct process_posix {
	char *root;
};

/* <root>/<key>; a key is ours, but a run's id came through files that others can write. */
static int folder_of(const struct process_posix *posix, const char *key,
                     char out[LIMIT_FILE_PATH], struct err *err)
{
	if (!key[0] || key[0] == '/' || strstr(key, ".."))
		return err_set(err, ERR_STALLED, "'%s' is no key of a process", key);
	if (snprintf(out, LIMIT_FILE_PATH, "%s/%s", posix->root, key) >= LIMIT_FILE_PATH)
		return err_set(err, ERR_STALLED, "%s/%s: too long", posix->root, key);
	return 0;
}

static bool has_file(const char *folder, const char *name)
{
	char path[LIMIT_FILE_PATH];

	return snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

static int port_spawn(void *self, const struct process_spec *spec, struct err *err)
{
	struct process_seen seen;
	char folder[LIMIT_FILE_PATH];

	if (folder_of(self, spec->key, folder, err) < 0 || process_look(folder, &seen, err) < 0)
		return -1;
	if (seen.state == PROCESS_RUNNING || has_file(folder, "result"))
		return 0;
	return process_start(folder, spec, err);
}

static int port_poll(void *self, const char *key, struct arena *arena, struct process_status *out,
                     struct err *err)
{
	char folder[LIMIT_FILE_PATH];
	struct process_seen seen;
	struct buf tail;

	if (folder_of(self, key, folder, err) < 0 || process_look(folder, &seen, err) < 0)
		return -1;
	buf_init(&tail, 2 * TAIL_BYTES);
	process_tail(folder, &tail);
	*out = (struct process_status){
		.state = seen.state,
		.exit_known = seen.exit_known,
		.exit_code = seen.exit_code,
		.started_ms = seen.started_ms,
		.log_tail = arena_strdup(arena, buf_text(&tail)),
	};
	buf_deinit(&tail);
	return 0;
}

static int port_kill(void *self, const char *key, struct err *err)
{
	char folder[LIMIT_FILE_PATH];

	if (folder_of(self, key, folder, err) < 0)
		return -1;
	return process_signal(folder, SIGKILL, err);
}

static int port_result(void *self, const char *key, const char *name, struct arena *arena,
                       struct bytes *out, struct err *err)
{
	char folder[LIMIT_FILE_PATH];
	struct buf text;
	bool absent;
	int dir, rc;

	if (folder_of(self, key, folder, err) < 0)
		return -1;
	if (strchr(name, '/') || name[0] == '.')
		return err_set(err, ERR_STALLED, "'%s' is no name of a result", name);
	dir = open_folder(folder, &absent, err);
	if (dir < 0) {
		if (absent)
			err->kind = ERR_STALLED;
		return -1;
	}
	buf_init(&text, RESULT_BYTES_MAX);
	rc = file_read(dir, name, &text, err);
	close(dir);
	if (rc == 0)
		*out = (struct bytes){arena_strndup(arena, buf_text(&text), text.len), text.len};
	buf_deinit(&text);
	return rc;
}

static int port_forget(void *self, const char *key, struct err *err)
{
	char folder[LIMIT_FILE_PATH];

	if (folder_of(self, key, folder, err) < 0 || process_end(folder, FORGET_WAIT_MS, err) < 0)
		return -1;
	return dir_remove_all(AT_FDCWD, folder, err);
}

int process_posix_open(const char *root, struct process_posix **out, struct err *err)
{
	struct process_posix *posix;

	if (dir_make_all(AT_FDCWD, root, 0700, err) < 0)
		return -1;
	posix = heap_alloc(1, sizeof(*posix));
	posix->root = heap_strdup(root);
	*out = posix;
	return 0;
}

void process_posix_close(struct process_posix *posix)
{
	if (posix)
		free(posix->root);
	free(posix);
}

struct port_process process_posix_port(struct process_posix *posix)
{
	return (struct port_process){
		.self = posix,
		.spawn = port_spawn,
		.poll = port_poll,
		.kill = port_kill,
		.result = port_result,
		.forget = port_forget,
	};
}
