#include "dataset/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/heap.h"
#include "base/limits.h"

int spool_open(int dir_fd, const char *path, const char *what, struct spool *out, struct err *err)
{
	char aside[LIMIT_FILE_PATH];

	*out = (struct spool){.fd = -1};
	if ((size_t)snprintf(aside, sizeof(aside), "%s.%s", path, what) >= sizeof(aside))
		return err_set(err, ERR_STALLED, "%s: the path is too long", path);
	out->fd = openat(dir_fd, aside, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out->fd < 0 || unlinkat(dir_fd, aside, 0))
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", aside);
	out->bytes = heap_alloc(SPOOL_BYTES, 1);
	return 0;
}

void spool_close(struct spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	free(spool->bytes);
}

int spool_flush(struct spool *spool, struct err *err)
{
	if (fd_write(spool->fd, spool->bytes, spool->len))
		return err_errno(err, ERR_TRANSIENT, errno, "cannot write what is known of its rows");
	spool->size += (off_t)spool->len;
	spool->len = 0;
	return 0;
}

int spool_end(struct spool *spool, struct err *err)
{
	if (spool_flush(spool, err))
		return -1;
	free(spool->bytes);
	spool->bytes = NULL;
	return 0;
}

void reading_begin(struct reading *reading, const struct spool *spool)
{
	assert(!spool->bytes);
	*reading = (struct reading){.spool = spool, .bytes = heap_alloc(SPOOL_BYTES + SPOOL_BEHIND, 1)};
}

int reading_on(struct reading *reading, size_t least, struct err *err)
{
	const struct spool *spool = reading->spool;

	memmove(reading->bytes, reading->bytes + reading->at, reading->end - reading->at);
	reading->end -= reading->at;
	reading->at = 0;
	while (reading->end < least && reading->next < spool->size) {
		ssize_t n = pread(spool->fd, reading->bytes + reading->end, SPOOL_BYTES - reading->end,
		                  reading->next);

		if (n == 0 || (n < 0 && errno != EINTR))
			return err_errno(err, ERR_TRANSIENT, n ? errno : EIO,
			                 "cannot read what is known of its rows");
		reading->end += n > 0 ? (size_t)n : 0;
		reading->next += n > 0 ? n : 0;
	}
	return 0;
}

void reading_done(struct reading *reading)
{
	free(reading->bytes);
	*reading = (struct reading){0};
}
