#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/limits.h"

enum {
	READ_BYTES = 64 << 10,
	/* Folders that dir_remove_all holds open inside each other; deeper ones are moved up first. */
	REMOVE_DEPTH = 32,
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
		err_set(err, ERR_STALLED, "%s: is larger than %zu bytes", path, out->bytes_max - len);
	out->len = len;
	out->full = was_full;
	if (out->text)
		out->text[len] = '\0';
	return -1;
}

/* Opens the folder of `path` and points *name at the last component. */
static int parent_open(int dir_fd, const char *path, int *parent, const char **name, struct err *err)
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

/* Writes it all, sets the mode and brings it to the disk; 0, or an errno value. */
static int fill(int fd, const char *bytes, size_t len, unsigned mode, bool durable)
{
	while (len > 0) {
		ssize_t put = write(fd, bytes, len);

		if (put < 0 && errno != EINTR)
			return errno;
		if (put > 0) {
			bytes += put;
			len -= (size_t)put;
		}
	}
	if (fchmod(fd, (mode_t)mode) < 0)
		return errno;
	return durable && fsync(fd) < 0 ? errno : 0;
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
	if (errnum)
		rc = path_error(path, errnum, "cannot write", err);
	else if (durable && fsync(parent) < 0)
		rc = err_errno(err, ERR_UNKNOWN, errno, "%s: cannot sync its folder", path);
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

/* Makes a folder ours to read and write, and never what a link points to. */
static void unlock_dir(int parent, const char *name)
{
	int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	char self[64];

	if (fd < 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (chmod(self, 0700) < 0)
		errno = EACCES;
	close(fd);
}

static int remove_dir(int top, int parent, const char *name, int depth, bool *moved);

/* Removes one entry of `parent`, or moves a folder that lies too deep up to `top` and sets *moved;
 * 0, or an errno value. */
static int remove_entry(int top, int parent, const char *name, int depth, bool *moved)
{
	char aside[ASIDE_NAME];

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno;
	if (depth < REMOVE_DEPTH)
		return remove_dir(top, parent, name, depth + 1, moved);
	aside_name(aside);
	if (renameat(parent, name, top, aside) < 0) {
		unlock_dir(parent, name);
		if (renameat(parent, name, top, aside) < 0)
			return errno;
	}
	*moved = true;
	return 0;
}

/* Removes the entries of `dir` until it has none. Removing while reading can skip entries on some
 * file systems, so it reads again until it finds nothing. */
static int empty_dir(int top, DIR *dir, int depth, bool *moved)
{
	bool found;

	do {
		found = false;
		rewinddir(dir);
		for (;;) {
			struct dirent *entry;
			int errnum;

			errno = 0;
			entry = readdir(dir);
			if (!entry && errno)
				return errno;
			if (!entry)
				break;
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			found = true;
			errnum = remove_entry(top, dirfd(dir), entry->d_name, depth, moved);
			if (errnum)
				return errnum;
		}
	} while (found);
	return 0;
}

/* Removes a folder and what is in it. `top` is the folder that takes what lies too deep; the outermost
 * call gives -1 and is that folder itself. 0, or an errno value. */
static int remove_dir(int top, int parent, const char *name, int depth, bool *moved)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);
	int errnum;
	DIR *dir;

	if (fd < 0 && errno == EACCES) {
		unlock_dir(parent, name);
		fd = openat(parent, name, flags);
	}
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	dir = fdopendir(fd);
	if (!dir) {
		errnum = errno;
		close(fd);
		return errnum;
	}
	errnum = empty_dir(top < 0 ? fd : top, dir, depth, moved);
	if (errnum == EACCES) {
		unlock_dir(parent, name);
		errnum = empty_dir(top < 0 ? fd : top, dir, depth, moved);
	}
	closedir(dir);
	if (errnum == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		errnum = errno;
	return errnum;
}

int dir_remove_all(int dir_fd, const char *path, struct err *err)
{
	const char *name;
	struct stat st;
	int parent, errnum;
	bool moved = false;

	if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (parent_open(dir_fd, path, &parent, &name, err) < 0)
		return -1;
	errnum = remove_entry(-1, parent, name, 0, &moved);
	close(parent);
	if (errnum)
		return err_errno(err, ERR_TRANSIENT, errnum, "%s: cannot remove", path);
	return 0;
}
