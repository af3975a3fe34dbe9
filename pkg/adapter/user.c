#include "adapter/user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/spawn.h"
#include "base/file.h"

int user_find(const char *name, struct user *out, struct err *err)
{
	const struct passwd *found = strlen(name) <= LIMIT_NAME ? getpwnam(name) : NULL;

	if (!found)
		return err_set(err, ERR_STALLED, "this machine has no user '%.70s'; make one with "
		               "`useradd --system %.70s`, or name another", name, name);
	*out = (struct user){.uid = found->pw_uid, .gid = found->pw_gid};
	snprintf(out->name, sizeof(out->name), "%s", name);
	return 0;
}

/* The calls themselves: those of the C library would reach for the threads of our memory. */
int user_become(const struct user *user)
{
	if (syscall(SYS_setgroups, 0, NULL) ||
	    syscall(SYS_setresgid, user->gid, user->gid, user->gid) ||
	    syscall(SYS_setresuid, user->uid, user->uid, user->uid))
		return -1;
	return 0;
}

/* Any domain keeps its processes from tracing others (Documentation/userspace-api/landlock.rst).
 * This one withholds no file; renames between folders, which each one withholds, it allows. */
int user_fence(void)
{
	struct landlock_ruleset_attr rename = {.handled_access_fs = LANDLOCK_ACCESS_FS_REFER};
	struct landlock_path_beneath_attr anywhere = {.allowed_access = LANDLOCK_ACCESS_FS_REFER};
	int rules, result;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
		return 0;
	rules = (int)syscall(SYS_landlock_create_ruleset, &rename, sizeof(rename), 0);
	anywhere.parent_fd = open("/", O_PATH | O_CLOEXEC);
	result = rules < 0 || anywhere.parent_fd < 0 ||
	         syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &anywhere, 0) ||
	         syscall(SYS_landlock_restrict_self, rules, 0) ? -1 : 0;
	close(anywhere.parent_fd);
	close(rules);
	return result;
}

/* ---- where it may go ---- */

struct entry {
	const struct user *user;
	const char *folder;
};

static void enter(void *self)
{
	const struct entry *entry = self;

	if (!user_become(entry->user) && !chdir(entry->folder))
		_exit(0);
}

/* Asked of the kernel, who knows of access lists and of what a security module says too. */
static bool may_enter(const struct user *user, const char *folder)
{
	struct entry entry = {user, folder};
	volatile int errnum = 0;
	pid_t pid = spawn(enter, &entry, &errnum);

	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid > 0 && errnum == 0;
}

bool user_is_kept_out(const struct user *user, const char *path, char out[LIMIT_FILE_PATH])
{
	if (may_enter(user, path))
		return false;
	for (size_t len = 0; path[len];) {
		len += 1 + strcspn(path + len + 1, "/");
		snprintf(out, LIMIT_FILE_PATH, "%.*s", (int)len, path);
		if (!may_enter(user, out))
			break;
	}
	return true;
}

/* ---- what is its own ---- */

int user_make_way(const struct user *user, const char *top, const char *path, struct err *err)
{
	char folder[LIMIT_FILE_PATH];

	if (dir_make_all(AT_FDCWD, path, 0700, err))
		return -1;
	for (size_t len = strlen(top); user && path[len];) {
		len += 1 + strcspn(path + len + 1, "/");
		snprintf(folder, sizeof(folder), "%.*s", (int)len, path);
		if (chmod(folder, 0711))
			return err_errno(err, ERR_TRANSIENT, errno, "%s", folder);
	}
	return 0;
}

/* A file with another name elsewhere is not for us to give: who wrote here may have linked it. */
static int give_file(const struct user *user, int dir, const char *name)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), result = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		result = errno == ENOENT ? 0 : -1;
	else if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		result = fchownat(fd, "", user->uid, user->gid, AT_EMPTY_PATH);
	if (fd >= 0)
		close(fd);
	return result;
}

/* Takes `dir` over. One that is given already is left as it is. */
static int give_folder(const struct user *user, int dir)
{
	DIR *entries = fdopendir(dir);
	struct stat st = {0};
	int result = !entries || fstat(dir, &st) ? -1 : 0;
	bool given = st.st_uid == user->uid && st.st_gid == user->gid;

	for (struct dirent *entry; !result && !given && (entry = readdir(entries));)
		result = give_file(user, dir, entry->d_name);
	if (!result && !given)
		result = fchown(dir, user->uid, user->gid);
	if (entries)
		closedir(entries);
	else
		close(dir);
	return result;
}

int user_make_own(const struct user *user, const char *top, const char *path, struct err *err)
{
	int dir;

	if (user_make_way(user, top, path, err))
		return -1;
	if (!user)
		return 0;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || give_folder(user, dir))
		return err_errno(err, ERR_TRANSIENT, errno, "%s", path);
	return 0;
}
