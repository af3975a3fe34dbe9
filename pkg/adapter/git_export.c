#include "adapter/git_export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/git_objects.h"
#include "base/file.h"
#include "base/limits.h"

enum { EXPORT_FILES = 100 << 10, EXPORT_FILE_BYTES = 256 << 20 };
static const size_t EXPORT_BYTES = (size_t)1 << 30;

static int write_file(int dir, const struct git_file *file, struct bytes text, struct err *err)
{
	int fd = openat(dir, file->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int errnum = 0;

	if (fd < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s", file->path);
	if (fd_write(fd, text.data, text.len) || fchmod(fd, file->executable ? 0555 : 0444))
		errnum = errno;
	if (close(fd) && !errnum)
		errnum = errno;
	return errnum ? err_errno(err, ERR_TRANSIENT, errnum, "%s", file->path) : 0;
}

/* Calls mkdirat or fchmodat for each folder of `path` that `before` does not lie in. */
static int each_new_folder(int dir, const char *before, const char *path,
                           int (*act)(int dir, const char *folder), struct err *err)
{
	char folder[LIMIT_PATH + 1];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path);

		if (!strncmp(before, path, len + 1))
			continue;
		snprintf(folder, sizeof(folder), "%.*s", (int)len, path);
		if (act(dir, folder))
			return err_errno(err, ERR_TRANSIENT, errno, "%s", folder);
	}
	return 0;
}

static int make_folder(int dir, const char *folder)
{
	return mkdirat(dir, folder, 0700);
}

static int lock_folder(int dir, const char *folder)
{
	return fchmodat(dir, folder, 0555, 0);
}

/* Sorted paths: the files of a folder stand together. */
static int export_files(struct objects *objects, int dir, const struct git_file *files, size_t n,
                        struct arena *arena, struct err *err)
{
	size_t total = 0;
	const char *before = "";

	for (size_t i = 0; i < n; i++) {
		struct bytes text;

		if (each_new_folder(dir, before, files[i].path, make_folder, err))
			return -1;
		before = files[i].path;
		if (objects_blob(objects, files[i].blob, EXPORT_FILE_BYTES, arena, &text, err))
			return err_wrap(err, "%s", files[i].path);
		total += text.len;
		if (total > EXPORT_BYTES)
			return err_set(err, ERR_STALLED, "more than %zu bytes", EXPORT_BYTES);
		if (write_file(dir, &files[i], text, err))
			return -1;
		arena_reset(arena);
	}
	before = "";
	for (size_t i = 0; i < n; i++, before = files[i - 1].path)
		if (each_new_folder(dir, before, files[i].path, lock_folder, err))
			return -1;
	return 0;
}

static int export_into(struct objects *objects, struct oid source, int dir, struct err *err)
{
	struct arena names, blob;
	struct git_file *files;
	const char *refused;
	size_t n;
	int result;

	arena_init(&names, (size_t)512 << 20);
	arena_init(&blob, (size_t)2 * EXPORT_FILE_BYTES);
	result = objects_changed(objects, (struct oid){""}, source, "", &names, &files, &n, &refused,
	                         err);
	if (result == 0 && refused)
		result = err_set(err, ERR_STALLED, "%s", refused);
	if (result == 0 && n > EXPORT_FILES)
		result = err_set(err, ERR_STALLED, "more than %d files", EXPORT_FILES);
	if (result == 0)
		result = export_files(objects, dir, files, n, &blob, err);
	arena_deinit(&blob);
	arena_deinit(&names);
	return result;
}

/* All of it reaches the disk before it gets its name. */
static int publish(int dir, const char *aside, const char *dest, struct err *err)
{
	if (fchmod(dir, 0555) || syncfs(dir) || rename(aside, dest))
		return err_errno(err, ERR_TRANSIENT, errno, "%s", dest);
	return 0;
}

/* Nothing to do when another worker was faster. */
static int export_aside(struct objects *objects, struct oid source, const char *aside,
                        const char *dest, struct err *err)
{
	struct err ignored;
	struct stat st;
	int dir, result;

	if (dir_open_aside(aside, &dir, err))
		return -1;
	if (lstat(dest, &st) == 0)
		result = dir_remove_all(AT_FDCWD, aside, err);
	else
		result = export_into(objects, source, dir, err) || publish(dir, aside, dest, err) ? -1 : 0;
	if (result)
		(void)!dir_remove_all(AT_FDCWD, aside, &ignored);
	close(dir);
	return result;
}

int git_export(const char *repo, struct oid commit_or_tree, const char *dest, struct err *err)
{
	struct objects *objects;
	char aside[LIMIT_FILE_PATH];
	struct stat st;
	int result;

	if (lstat(dest, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : err_set(err, ERR_STALLED, "%s: not a folder", dest);
	if (snprintf(aside, sizeof(aside), "%s.aside", dest) >= (int)sizeof(aside))
		return err_set(err, ERR_STALLED, "%.100s...: too long", dest);
	if (objects_open(repo, false, &objects, err))
		return -1;
	result = export_aside(objects, commit_or_tree, aside, dest, err);
	objects_close(objects);
	return result ? err_wrap(err, "export of %.10s", commit_or_tree.hex) : 0;
}
