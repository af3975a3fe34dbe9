#include "run/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <glob.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/parse.h"

enum {
	USER_FIRST = 0x70000000, /* no distribution gives these ids out */
	USERS_EACH = 8,          /* ids for each process of ours */
	CHILDREN_BYTES = 64 << 10,
	END_LOOKS = 5000,
};

/* ---- namespaces: the keeper ---- */

/* A raw clone, because fork cannot make its child the first process of a namespace. */
static pid_t clone_into(unsigned long namespaces)
{
	return (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0);
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* In a new user namespace: our user is itself, and there is no other. */
static int map_user(uid_t uid, gid_t gid)
{
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	return write_text("/proc/self/setgroups", "deny") || write_text("/proc/self/gid_map", groups) ||
	       write_text("/proc/self/uid_map", users);
}

pid_t sandbox_fork(struct sandbox *sandbox)
{
	static unsigned started;
	bool root = geteuid() == 0;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	sigset_t all, before;
	pid_t pid;

	sandbox->parts = SANDBOX_PIDS;
	sandbox->user = USER_FIRST + (uid_t)getpid() * USERS_EACH + started++ % USERS_EACH;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = clone_into(CLONE_NEWPID | CLONE_NEWNS | (root ? 0 : CLONE_NEWUSER));
	if (pid < 0) {
		sandbox->parts = 0;
		pid = clone_into(0);
	}
	if (pid != 0)
		sigprocmask(SIG_SETMASK, &before, NULL);
	else if (!root && sandbox->parts && !map_user(uid, gid))
		sandbox->parts |= SANDBOX_PROCESSES;
	return pid;
}

/* ---- mounts: of `hide`, only `folder` is left ---- */

/* The first folder on the way that others may not search; `hide` when there is none. A user of its
 * own would not get past it. */
static void first_closed(const char *folder, const char *hide, char out[LIMIT_FILE_PATH])
{
	struct stat st;

	for (size_t len = 1; folder[len]; len++) {
		len += strcspn(folder + len, "/");
		snprintf(out, LIMIT_FILE_PATH, "%.*s", (int)len, folder);
		if (strlen(out) == strlen(folder) || strcmp(out, hide) == 0)
			break;
		if (stat(out, &st) == 0 && !(st.st_mode & S_IXOTH))
			return;
		if (!folder[len])
			break;
	}
	snprintf(out, LIMIT_FILE_PATH, "%s", hide);
}

/* mkdir -p of what lies below `top`, for everybody to pass, whatever the umask. */
static int make_way(const char *top, const char *folder)
{
	char path[LIMIT_FILE_PATH];

	for (size_t len = strlen(top); folder[len];) {
		len += 1 + strcspn(folder + len + 1, "/");
		snprintf(path, sizeof(path), "%.*s", (int)len, folder);
		if ((mkdir(path, 0755) && errno != EEXIST) || chmod(path, 0755))
			return -1;
	}
	return 0;
}

static int hide_others(const char *top, const char *folder)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV;
	int tree = open_tree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), result = -1;

	if (tree < 0)
		return -1;
	if (!mount("linnet", top, "tmpfs", flags, "mode=0755,size=256k")) {
		result = make_way(top, folder) ||
		         move_mount(tree, "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH) ||
		         mount(NULL, top, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) ? -1 : 0;
		if (result)
			umount2(top, MNT_DETACH);
	}
	close(tree);
	return result;
}

static int set_mounts(const struct sandbox *sandbox)
{
	char top[LIMIT_FILE_PATH];

	snprintf(top, sizeof(top), "%s", sandbox->hide);
	if (geteuid() == 0)
		first_closed(sandbox->folder, sandbox->hide, top);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || hide_others(top, sandbox->folder))
		return -1;
	/* both are better than without, and neither is needed */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) |
	    mount("linnet", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"))
		errno = 0;
	return 0;
}

/* ---- a user of its own ---- */

static bool can_reach(const char *folder)
{
	char path[LIMIT_FILE_PATH];

	first_closed(folder, "", path);
	return path[0] == '\0';
}

static int give_folder(const char *folder, uid_t user)
{
	char *const roots[] = {(char *)(uintptr_t)folder, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	int result = walk ? 0 : -1;

	for (FTSENT *entry; walk && !result && (entry = fts_read(walk));)
		if (entry->fts_info != FTS_DP)
			result = lchown(entry->fts_accpath, user, user);
	if (walk)
		fts_close(walk);
	return result;
}

void sandbox_enter(struct sandbox *sandbox)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (sandbox->parts & SANDBOX_PIDS && !set_mounts(sandbox))
		sandbox->parts |= SANDBOX_MOUNTS;
	if (geteuid() == 0 && (sandbox->parts & SANDBOX_MOUNTS || can_reach(sandbox->folder)) &&
	    !give_folder(sandbox->folder, sandbox->user))
		sandbox->parts |= SANDBOX_USER | SANDBOX_PROCESSES;
}

/* ---- Landlock (Documentation/userspace-api/landlock.rst) ---- */

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* since ABI 3 */
#endif
#define OF_FILES (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
                  LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
              LANDLOCK_ACCESS_FS_READ_DIR)
#define USE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define ALL (~0ULL)

/* No folder that may hold secrets: of /etc, what libraries read. */
static const struct permission {
	const char *pattern;
	uint64_t access;
} permissions[] = {
	{"/usr", READ}, {"/bin", READ}, {"/sbin", READ}, {"/lib*", READ}, {"/opt", READ},
	{"/nix/store", READ}, {"/proc", READ}, {"/sys", READ},
	{"/etc/ld.so*", READ}, {"/etc/alternatives", READ}, {"/etc/ca-certificates*", READ},
	{"/etc/ssl/certs", READ}, {"/etc/ssl/openssl.cnf", READ}, {"/etc/pki/tls", READ},
	{"/etc/passwd", READ}, {"/etc/group", READ}, {"/etc/nsswitch.conf", READ},
	{"/etc/hosts", READ}, {"/etc/host.conf", READ}, {"/etc/gai.conf", READ},
	{"/etc/resolv.conf", READ}, {"/run/systemd/resolve", READ}, {"/etc/services", READ},
	{"/etc/protocols", READ}, {"/etc/localtime", READ}, {"/etc/timezone", READ},
	{"/etc/mime.types", READ}, {"/etc/python*", READ}, {"/etc/fonts", READ},
	{"/etc/OpenCL", READ},
	{"/dev/null", USE}, {"/dev/zero", USE}, {"/dev/full", USE}, {"/dev/random", USE},
	{"/dev/urandom", USE}, {"/dev/nvidia*", USE}, {"/dev/kfd", USE}, {"/dev/dri/*", USE},
	{"/dev/shm", ALL},
};

/* All rights that a kernel of this ABI can withhold. */
static uint64_t rights_of(long abi)
{
	return ((uint64_t)1 << (abi >= 3 ? 15 : abi == 2 ? 14 : 13)) - 1;
}

static int allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access};
	struct stat st;
	int result = 0;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0 || fstat(rule.parent_fd, &st))
		return 0; /* what is absent cannot be allowed */
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILES;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		result = -1;
	close(rule.parent_fd);
	return result;
}

static int allow_pattern(int rules, const char *pattern, uint64_t access)
{
	glob_t found = {0};
	int result = 0;

	if (!glob(pattern, GLOB_NOSORT, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			result |= allow(rules, found.gl_pathv[i], access);
	globfree(&found);
	return result;
}

/* The folder that a program's folder belongs to: "/a/venv" of "/a/venv/bin". */
static int allow_programs(int rules, const char *bin, size_t len)
{
	char path[LIMIT_FILE_PATH];

	if (len > 5 && strncmp(bin + len - 4, "/bin", 4) == 0)
		len -= 4;
	if (len < 2 || bin[0] != '/' || len >= sizeof(path))
		return 0;
	snprintf(path, sizeof(path), "%.*s", (int)len, bin);
	return allow(rules, path, READ);
}

static int allow_path(int rules, const struct sandbox *sandbox)
{
	const char *program = sandbox->argv[0], *slash = strrchr(program, '/');
	int result = slash ? allow_programs(rules, program, (size_t)(slash - program)) : 0;

	for (size_t i = 0; sandbox->env[i]; i++) {
		const char *at = sandbox->env[i];

		for (at = strncmp(at, "PATH=", 5) ? "" : at + 5; *at;) {
			size_t len = strcspn(at, ":");

			result |= allow_programs(rules, at, len);
			at += len + (at[len] == ':');
		}
	}
	return result;
}

/* False where the kernel has no Landlock; then nothing is changed. */
static bool set_landlock(const struct sandbox *sandbox)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = {.handled_access_fs = abi > 0 ? rights_of(abi) : 0};
	int rules = abi > 0 ? (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0) : -1;
	bool done;

	if (rules < 0)
		return false;
	done = !allow(rules, sandbox->folder, attr.handled_access_fs) && !allow_path(rules, sandbox);
	for (size_t i = 0; done && i < ARRAY_LEN(permissions); i++)
		done = !allow_pattern(rules, permissions[i].pattern,
		                      permissions[i].access & attr.handled_access_fs);
	done = done && !syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
	return done;
}

/* ---- the program ---- */

static int limit(int resource, int64_t value)
{
	struct rlimit rlimit = {(rlim_t)value, (rlim_t)value};

	return value >= 0 ? setrlimit((__rlimit_resource_t)resource, &rlimit) : 0;
}

int sandbox_confine(struct sandbox *sandbox)
{
	bool counted = sandbox->parts & SANDBOX_PROCESSES;
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setsid() < 0 || limit(RLIMIT_CORE, 0) || limit(RLIMIT_FSIZE, sandbox->file_bytes) ||
	    limit(RLIMIT_AS, sandbox->memory_bytes) ||
	    (counted && limit(RLIMIT_NPROC, sandbox->processes)))
		return -1;
	if (sandbox->parts & SANDBOX_USER &&
	    (setgroups(0, NULL) || setresgid(sandbox->user, sandbox->user, sandbox->user) ||
	     setresuid(sandbox->user, sandbox->user, sandbox->user)))
		return -1;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (set_landlock(sandbox))
		sandbox->parts |= SANDBOX_LANDLOCK;
	return 0;
}

/* ---- the keeper, while it runs ---- */

static void kill_children(void)
{
	static char text[CHILDREN_BYTES];
	struct err ignored;
	int64_t pid;
	char *rest = text, *word;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	while ((word = strsep(&rest, " ")))
		if (*word && !parse_int(word, 2, INT32_MAX, &pid, &ignored))
			kill((pid_t)pid, SIGKILL);
}

/* What lost its parent became our child, so killing children until there are none reaches all. */
static void end_all(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (int i = 0; i < END_LOOKS; i++) {
		pid_t pid;

		kill_children();
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Reaps what has ended: true, and its code, when that was the child. */
static bool reap(pid_t child, int *code)
{
	bool over = false;
	int status;

	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == child) {
			*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			over = true;
		}
	}
	return over;
}

int sandbox_keep(const struct sandbox *sandbox, pid_t child)
{
	int code = 128 + SIGTERM;
	sigset_t awaited;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	sigaddset(&awaited, SIGTERM);
	while (!reap(child, &code) && sigwaitinfo(&awaited, NULL) != SIGTERM)
		;
	if (!(sandbox->parts & SANDBOX_PIDS))
		end_all();
	return code;
}

/* ---- for people ---- */

static void tell_bytes(struct buf *out, const char *what, int64_t bytes)
{
	if (bytes >= 0 && bytes % (1 << 30) == 0)
		buf_printf(out, ", %s %lld GiB", what, (long long)(bytes >> 30));
	else if (bytes >= 0)
		buf_printf(out, ", %s %lld KiB", what, (long long)(bytes >> 10));
}

void sandbox_tell(const struct sandbox *sandbox, struct buf *out)
{
	static const struct {
		unsigned part;
		const char *enforced, *missing;
	} parts[] = {
		{SANDBOX_PIDS, "pid namespace", "no pid namespace"},
		{SANDBOX_MOUNTS, "own view of the files", "no mount namespace"},
		{SANDBOX_USER, "own user", "no user of its own"},
		{SANDBOX_LANDLOCK, "Landlock", "no Landlock"},
		{SANDBOX_PROCESSES, NULL, "no limit of processes"},
	};
	const char *before = "; not on this machine: ";

	buf_puts(out, "sandbox: own session, no new privileges");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i].enforced && sandbox->parts & parts[i].part)
			buf_printf(out, ", %s", parts[i].enforced);
	tell_bytes(out, "a file at most", sandbox->file_bytes);
	tell_bytes(out, "memory of a process at most", sandbox->memory_bytes);
	if (sandbox->parts & SANDBOX_PROCESSES)
		buf_printf(out, ", at most %lld processes", (long long)sandbox->processes);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (sandbox->parts & parts[i].part ||
		    (parts[i].part == SANDBOX_USER && geteuid() != 0))
			continue;
		buf_printf(out, "%s%s", before, parts[i].missing);
		before = ", ";
	}
	buf_puts(out, "; the network is open");
}
