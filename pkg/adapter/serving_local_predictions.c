/* The prediction logs, kept within their size and age. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/serving_local_parts.h"

enum { FILES_ARENA_BYTES = 64 << 20, BLOCK = 512, EVERY_MS = 60 * 1000 };

struct logged {
	const char *path;
	int64_t at_ms, bytes; /* last written; taken on the disk */
};

static int oldest_first(const void *a, const void *b)
{
	const struct logged *x = a, *y = b;

	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* Regular files of one deployment, and what they take together. */
static int list_files(const char *folder, struct arena *arena, struct logged **out, size_t *n,
                      int64_t *total, struct err *err)
{
	struct strings names;

	*n = 0;
	*total = 0;
	if (folder_list(folder, arena, &names, err) < 0)
		return -1;
	*out = arena_array(arena, names.n, struct logged);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(arena, "%s/%s", folder, names.items[i]);
		struct stat st;

		if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		(*out)[*n] = (struct logged){
			path, (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
			(int64_t)st.st_blocks * BLOCK};
		*total += (*out)[(*n)++].bytes;
	}
	if (*n > 0)
		qsort(*out, *n, sizeof(**out), oldest_first);
	return 0;
}

/* Frees `excess` bytes at the beginning of a file, or all of it. One that a server has open must
 * not be unlinked: what is written to it next would be lost. A lease is only given for a file that
 * nobody else has open. What has another name elsewhere may be no log: it loses this name alone. */
static void shorten(const struct logged *file, int64_t excess)
{
	int fd = open(file->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (excess == file->bytes && fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		unlink(file->path);
	} else if (excess > 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1) {
		/* what was freed before is at its beginning and takes nothing */
		int64_t hole = st.st_size > file->bytes ? st.st_size - file->bytes : 0;

		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, hole + excess) < 0)
			errno = 0; /* a file system that cannot: it goes whole once it is closed */
	}
	close(fd);
}

static int bound(const struct serving_local *serving, const char *folder, struct arena *arena,
                 struct err *err)
{
	int64_t oldest_ms = wall_ms() - serving->predictions.age_ms, total;
	struct logged *files;
	size_t n;

	if (list_files(folder, arena, &files, &n, &total, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool old = files[i].at_ms < oldest_ms;
		int64_t excess = total - serving->predictions.bytes;

		if (!old && excess <= 0)
			break;
		if (old || excess > files[i].bytes)
			excess = files[i].bytes;
		shorten(&files[i], excess);
		total -= excess;
	}
	return 0;
}

static int bound_all(struct serving_local *serving, struct arena *arena, struct err *err)
{
	const char *top = arena_printf(arena, "%s/predictions", serving->state);
	struct strings environments, deployments;

	if (folder_list(top, arena, &environments, err) < 0)
		return -1;
	for (size_t e = 0; e < environments.n; e++) {
		const char *parent = arena_printf(arena, "%s/%s", top, environments.items[e]);

		if (folder_list(parent, arena, &deployments, err) < 0)
			return -1;
		for (size_t d = 0; d < deployments.n; d++)
			if (bound(serving, arena_printf(arena, "%s/%s", parent, deployments.items[d]),
			          arena, err) < 0)
				return -1;
	}
	return 0;
}

void predictions_bound(struct serving_local *serving)
{
	struct arena arena;
	struct err unreadable;

	if (boot_ms() < serving->predictions.due_ms)
		return;
	serving->predictions.due_ms = boot_ms() + EVERY_MS;
	arena_init(&arena, FILES_ARENA_BYTES);
	if (bound_all(serving, &arena, &unreadable) < 0)
		serving->predictions.due_ms = 0; /* looked at again at once */
	arena_deinit(&arena);
}
