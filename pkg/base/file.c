#include "base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/limits.h"

enum {
	READ_BYTES = 64 << 10,
	REMOVE_DEPTH = 32, /* folders that dir_remove_all holds open inside each other */
	ASIDE_NAME = 32,
};

/* Whether another try of the same path can pass. */
static enum err_kind kind_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case EEXIST:
	case ELOOP:
	case ENAMETOOLONG:
	case EINVAL:
		return ERR_STALLED;
	default:
		return ERR_TRANSIENT;
	}
}

static int path_error(const char *path, int errnum, const char *what, struct err *err)
{
	if (errnum == ENOENT)
		return err_set(err, ERR_STALLED, "%s: %s: does not exist", path, what);
	return err_errno(err, kind_of(errnum), errnum, "%s: %s", path, what);
}

static void aside_name(char name[ASIDE_NAME])
{
	uint64_t id;

	random_bytes(&id, sizeof(id));
	snprintf(name, ASIDE_NAME, ".aside-%016llx", (unsigned long long)id);
}

int file_open(int dir_fd, const char *path, int *fd, struct err *err)
{
	int opened = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (opened < 0)
		return path_error(path, errno, "cannot open", err);
	if (fstat(opened, &st) < 0) {
		int errnum = errno;

		close(opened);
		return path_error(path, errnum, "cannot look at", err);
	}
	if (!S_ISREG(st.st_mode)) {
		close(opened);
		return err_set(err, ERR_STALLED, "%s: is not a regular file", path);
	}
	*fd = opened;
	return 0;
}

/* Adds all of `fd` until the end or until `out` is full; 0, or an errno value. */
static int read_all(int fd, struct buf *out)
{
	char chunk[READ_BYTES];

	while (!out->full) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return errno;
		if (got > 0)
			buf_add(out, chunk, (size_t)got);
	}
	return 0;
}

int file_read(int dir_fd, const char *path, struct buf *out, struct err *err)
{
	size_t len = out->len;
	bool was_full = out->full;
	int fd, errnum;

	if (file_open(dir_fd, path, &fd, err) < 0)
		return -1;
	errnum = read_all(fd, out);
	close(fd);
	if (errnum == 0 && !out->full)
		return 0;
	if (errnum)
		path_error(path, errnum, "cannot read", err);
	else
		err_set(err, ERR_STALLED, "%s: is larger than %zu bytes", path,
		        out->bytes_max - len);
	out->len = len;
	out->full = was_full;
	if (out->text)
		out->text[len] = '\0';
	return -1;
}

/* Opens the folder of `path` and points *name at the last component. */
static int parent_open(int dir_fd, const char *path, int *parent, const char **name,
                       struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	char folder[LIMIT_FILE_PATH] = ".";
	size_t len = slash ? (size_t)(last - path) : 0;

	if (!last[0] || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return err_set(err, ERR_STALLED, "%s: does not end in a name", path);
	if (len >= sizeof(folder))
		return path_error(path, ENAMETOOLONG, "cannot open", err);
	if (len > 0) {
		memcpy(folder, path, len);
		folder[len] = '\0';
	}
	*parent = openat(dir_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*parent < 0)
		return path_error(path, errno, "cannot open its folder", err);
	*name = last;
	return 0;
}

/* 0, or an errno value. A file system that knows no sync (EINVAL) has done what it can. */
static int sync_fd(int fd)
{
	return fsync(fd) < 0 && errno != EINVAL ? errno : 0;
}

int fd_write(int fd, const void *bytes, size_t len)
{
	const char *next = bytes;

	while (len > 0) {
		ssize_t n = write(fd, next, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			next += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Writes it all, sets the mode and brings it to the disk; 0, or an errno value. */
static int fill(int fd, const char *bytes, size_t len, unsigned mode, bool durable)
{
	if (fd_write(fd, bytes, len) || fchmod(fd, (mode_t)mode) < 0)
		return errno;
	return durable ? sync_fd(fd) : 0;
}

/* Writes a new file beside `name` and renames it over; 0, or an errno value and nothing is left. */
static int write_aside(int parent, const char *name, const void *bytes, size_t len, unsigned mode,
                       bool durable)
{
	char aside[ASIDE_NAME];
	int fd, errnum;

	aside_name(aside);
	fd = openat(parent, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	errnum = fill(fd, bytes, len, mode, durable);
	if (close(fd) < 0 && errnum == 0 && errno != EINTR)
		errnum = errno;
	if (errnum == 0 && renameat(parent, aside, parent, name) < 0)
		errnum = errno;
	if (errnum)
		unlinkat(parent, aside, 0);
	return errnum;
}

static int file_put(int dir_fd, const char *path, const void *bytes, size_t len, unsigned mode,
                    bool durable, struct err *err)
{
	const char *name;
	int parent, errnum, rc = 0;

	if (parent_open(dir_fd, path, &parent, &name, err) < 0)
		return -1;
	errnum = write_aside(parent, name, bytes, len, mode, durable);
	if (errnum) {
		rc = path_error(path, errnum, "cannot write", err);
	} else if (durable) {
		errnum = sync_fd(parent);
		if (errnum)
			rc = err_errno(err, ERR_UNKNOWN, errnum, "%s: cannot sync its folder",
			               path);
	}
	close(parent);
	return rc;
}

int file_write(int dir_fd, const char *path, const void *bytes, size_t len, unsigned mode,
               struct err *err)
{
	return file_put(dir_fd, path, bytes, len, mode, true, err);
}

int file_replace(int dir_fd, const char *path, const void *bytes, size_t len, unsigned mode,
                 struct err *err)
{
	return file_put(dir_fd, path, bytes, len, mode, false, err);
}

/* 0 when `path` is a folder in the end, or an errno value. */
static int dir_make(int dir_fd, const char *path, unsigned mode)
{
	struct stat st;
	int errnum;

	if (mkdirat(dir_fd, path, (mode_t)mode) == 0)
		return 0;
	errnum = errno;
	if (fstatat(dir_fd, path, &st, 0) < 0)
		return errnum;
	return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

int dir_make_all(int dir_fd, const char *path, unsigned mode, struct err *err)
{
	char prefix[LIMIT_FILE_PATH];
	size_t len = strlen(path);
	int errnum;

	if (len >= sizeof(prefix))
		return path_error(path, ENAMETOOLONG, "cannot make", err);
	memcpy(prefix, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		char end = prefix[i];

		if ((end != '/' && end != '\0') || prefix[i - 1] == '/')
			continue;
		prefix[i] = '\0';
		errnum = dir_make(dir_fd, prefix, mode);
		if (errnum)
			return path_error(prefix, errnum, "cannot make the folder", err);
		prefix[i] = end;
	}
	return len > 0 ? 0 : path_error(path, ENOENT, "cannot make", err);
}

/* Opens a folder to be emptied and makes it ours to change if it is not. The kernel refuses what
 * does not lie below `parent`: "..", a link, another file system. A folder that cannot be read is
 * reached by its /proc name, because chmod has no O_NOFOLLOW. -1 with errno on failure. */
static int open_to_empty(int parent, const char *name)
{
	static const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof(how));
	struct stat st;
	char self[64];
	int readable;

	if (fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0 && (st.st_mode & S_IRWXU) != S_IRWXU)
		(void)!chmod(self, S_IRWXU);
	readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(fd);
	return readable;
}

/* What is removed must lie below the folder it was found in, so a name may not lead elsewhere. */
static bool is_entry_name(const char *name)
{
	return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}

static int remove_dir(int top, int parent, const char *name, int depth);

/* Moves a folder that lies too deep up to `top`, where a later round finds it; 0, or an errno
 * value. Opening it first makes it writable, which the change of its ".." needs. */
static int move_up(int top, int parent, const char *name)
{
	char aside[ASIDE_NAME];
	int fd = open_to_empty(parent, name);

	if (fd >= 0)
		close(fd);
	aside_name(aside);
	return renameat(parent, name, top, aside) < 0 ? errno : 0;
}

/* Removes one entry of `parent`, which lies `depth` folders deep; 0, or an errno value. */
static int remove_entry(int top, int parent, const char *name, int depth)
{
	assert(is_entry_name(name));
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return errno;
	if (depth == REMOVE_DEPTH)
		return move_up(top, parent, name);
	return remove_dir(top, parent, name, depth + 1);
}

/* Removes each entry once; *found says whether there was one. 0, or an errno value. */
static int empty_once(int top, DIR *dir, int depth, bool *found)
{
	struct dirent *entry;
	int errnum;

	*found = false;
	rewinddir(dir);
	while (errno = 0, (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		*found = true;
		errnum = remove_entry(top, dirfd(dir), entry->d_name, depth);
		if (errnum)
			return errnum;
	}
	return errno;
}

/* Removes a folder and what is in it; 0, or an errno value. `top` takes what lies too deep: it is
 * the outermost folder itself, for which -1 is given. Removing while reading can skip entries, and
 * moving up adds some, so the folder is read until nothing is found. */
static int remove_dir(int top, int parent, const char *name, int depth)
{
	int fd = open_to_empty(parent, name);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int errnum = dir ? 0 : errno;
	bool found = dir != NULL;

	while (found && errnum == 0)
		errnum = empty_once(top < 0 ? fd : top, dir, depth, &found);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (errnum == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		errnum = errno;
	return errnum == ENOENT ? 0 : errnum;
}

int dir_remove_all(int dir_fd, const char *path, struct err *err)
{
	const char *name;
	struct stat st;
	int parent, errnum;

	if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (parent_open(dir_fd, path, &parent, &name, err) < 0)
		return -1;
	errnum = remove_entry(-1, parent, name, 0);
	close(parent);
	if (errnum)
		return err_errno(err, ERR_TRANSIENT, errnum, "%s: cannot remove", path);
	return 0;
}

/* ---- aside, for one at a time ---- */

static int open_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? path_error(path, errno, "cannot create", err) : fd;
}

static int open_dir(const char *path, struct err *err)
{
	int fd;

	do { /* absent again: it was renamed between the two */
		if (dir_make_all(AT_FDCWD, path, 0700, err) < 0)
			return -1;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} while (fd < 0 && errno == ENOENT);
	return fd < 0 ? path_error(path, errno, "cannot open", err) : fd;
}

static bool is_named(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

/* The lock is on what is open, and goes with its process. Who held it may have renamed or removed
 * that meanwhile: then there is another to lock. */
static int open_locked(const char *path, int (*open_it)(const char *path, struct err *err),
                       struct err *err)
{
	for (;;) {
		int fd = open_it(path, err);
		int errnum = fd >= 0 && flock(fd, LOCK_EX) < 0 ? errno : 0;

		if (fd < 0 || (!errnum && is_named(fd, path)))
			return fd;
		close(fd);
		if (errnum && errnum != EINTR)
			return path_error(path, errnum, "cannot lock", err);
	}
}

/* 0, or an errno value. */
static int empty_file(int fd)
{
	return ftruncate(fd, 0) < 0 ? errno : 0;
}

static int empty_dir(int fd)
{
	int again = fchmod(fd, 0700) ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	int errnum = dir ? 0 : errno;
	bool found = dir != NULL;

	while (found && errnum == 0)
		errnum = empty_once(fd, dir, 1, &found);
	if (dir)
		closedir(dir);
	else if (again >= 0)
		close(again);
	return errnum;
}

static int open_empty(const char *path, int (*open_it)(const char *path, struct err *err),
                      int (*empty)(int fd), int *out, struct err *err)
{
	int fd = open_locked(path, open_it, err);
	int errnum = fd < 0 ? 0 : empty(fd);

	if (fd < 0)
		return -1;
	if (errnum) {
		close(fd);
		return path_error(path, errnum, "cannot empty", err);
	}
	*out = fd;
	return 0;
}

int file_open_aside(const char *path, int *fd, struct err *err)
{
	return open_empty(path, open_file, empty_file, fd, err);
}

int dir_open_aside(const char *path, int *fd, struct err *err)
{
	return open_empty(path, open_dir, empty_dir, fd, err);
}
