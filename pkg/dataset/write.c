/* The parts as files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "dataset/internal.h"

enum { WRITE_BYTES = 256 << 10 };

/* A file on its way: what is added goes to the disk and into the digest. */
struct sink {
	int fd;
	struct buf bytes;
	struct digest_stream *digest;
};

static int flush(struct sink *sink, struct err *err)
{
	const char *next = buf_text(&sink->bytes);
	size_t left = sink->bytes.len;

	digest_add(sink->digest, next, left);
	while (left > 0) {
		ssize_t n = write(sink->fd, next, left);

		if (n < 0 && errno != EINTR)
			return err_errno(err, ERR_TRANSIENT, errno, "cannot write");
		if (n > 0) {
			next += n;
			left -= (size_t)n;
		}
	}
	buf_clear(&sink->bytes);
	return 0;
}

static void put_row(struct buf *out, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(out, ',');
		csv_field(out, values[i]);
	}
	buf_putc(out, '\n');
}

static int copy_rows(struct table *table, const struct dataset *dataset, unsigned mask,
                     size_t n_columns, struct sink *sink, struct err *err)
{
	const char *const *values;
	size_t i = 0;
	int result;

	while ((result = table_next(table, &values, err)) > 0) {
		if (i == dataset->n || dataset->rows[i].line != (uint32_t)table_line(table))
			return err_set(err, ERR_TRANSIENT, "has changed while it was read");
		if (mask & 1U << dataset->rows[i++].part)
			put_row(&sink->bytes, values, n_columns);
		if (sink->bytes.len >= WRITE_BYTES && flush(sink, err))
			return -1;
	}
	if (result == 0 && i != dataset->n)
		return err_set(err, ERR_TRANSIENT, "has changed while it was read");
	return result < 0 ? -1 : flush(sink, err);
}

static int write_parts(int dir_fd, const char *path, const struct model *model,
                       const struct dataset *dataset, unsigned mask, struct sink *sink,
                       struct err *err)
{
	struct dataset_columns columns;
	struct arena arena;
	struct table *table;
	int result;

	arena_init(&arena, 1 << 20);
	dataset_columns(model, &arena, &columns);
	result = data_open(dir_fd, path, model, &columns, &table, err);
	if (!result) {
		put_row(&sink->bytes, columns.names, columns.n);
		result = copy_rows(table, dataset, mask, columns.n, sink, err);
		table_close(table);
		if (result)
			err_wrap(err, "%s", path);
	}
	arena_deinit(&arena);
	return result;
}

int dataset_write(int dir_fd, const char *path, const struct model *model,
                  const struct dataset *dataset, unsigned mask, const char *to,
                  struct digest *digest, struct err *err)
{
	struct sink sink = {0};
	char aside[LIMIT_FILE_PATH];
	struct digest written;
	int result;

	if ((size_t)snprintf(aside, sizeof(aside), "%s.part", to) >= sizeof(aside))
		return err_set(err, ERR_STALLED, "%s: the path is too long", to);
	sink.fd = openat(dir_fd, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (sink.fd < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", aside);
	buf_init(&sink.bytes, WRITE_BYTES + 3 * TABLE_RECORD_BYTES);
	sink.digest = digest_begin();
	result = write_parts(dir_fd, path, model, dataset, mask, &sink, err);
	written = digest_end(sink.digest);
	buf_deinit(&sink.bytes);
	if (close(sink.fd) && !result)
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", aside);
	if (!result && renameat(dir_fd, aside, dir_fd, to))
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot rename", aside);
	if (!result)
		*digest = written;
	return result;
}
