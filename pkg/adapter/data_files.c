#include "adapter/data_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/heap.h"
#include "base/map.h"

enum { PIECE_BYTES = 1 << 20 };

/* How far a file was counted. A line counts once its end is there. */
struct counted {
	struct stat seen;         /* when it was looked at last */
	int64_t at, lines;        /* bytes and lines read */
	int64_t head_bytes;       /* through the first row; 0: not there yet */
	struct digest first;      /* of these bytes */
	bool quoted, filled;      /* inside a quoted field; this line is not empty */
};

struct data_files {
	struct map files;         /* path -> struct counted */
	char piece[PIECE_BYTES];
};

struct data_files *data_files_new(void)
{
	return heap_alloc(1, sizeof(struct data_files));
}

void data_files_free(struct data_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->files.n; i++)
		free(files->files.entries[i].value);
	map_deinit(&files->files);
	free(files);
}

static struct counted *find_file(struct data_files *files, const char *path)
{
	struct counted *file = map_get(&files->files, path);

	if (!file) {
		file = heap_alloc(1, sizeof(*file));
		map_put(&files->files, path, file);
	}
	return file;
}

/* The line that holds the first row: a CSV begins with its columns' names. */
static int first_line(enum data_format format)
{
	return format == DATA_CSV ? 2 : 1;
}

static void count_piece(struct counted *file, const char *text, size_t len, enum data_format format)
{
	bool csv = format == DATA_CSV;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n' || file->quoted) {
			file->quoted ^= csv && text[i] == '"';
			file->filled |= text[i] != '\r';
			continue;
		}
		file->lines += file->filled;
		if (file->filled && file->lines == first_line(format))
			file->head_bytes = file->at + (int64_t)i + 1;
		file->filled = false;
	}
	file->at += (int64_t)len;
}

/* Reads on from where the last look ended, to the end or to the limit of one look. */
static int count_more(struct data_files *files, struct counted *file, int fd,
                      enum data_format format, struct err *err)
{
	for (int64_t left = DATA_LOOK_BYTES; left > 0 && file->at < file->seen.st_size;) {
		ssize_t n = pread(fd, files->piece, PIECE_BYTES, file->at);

		if (n < 0)
			return err_errno(err, ERR_TRANSIENT, errno, "read");
		if (n == 0)
			break; /* it became shorter meanwhile: the next look begins again */
		count_piece(file, files->piece, (size_t)n, format);
		left -= n;
	}
	return 0;
}

static int digest_head(struct data_files *files, int fd, int64_t bytes, struct digest *out,
                       struct err *err)
{
	size_t len = (size_t)(bytes < PIECE_BYTES ? bytes : PIECE_BYTES);
	ssize_t n = pread(fd, files->piece, len, 0);

	if (n < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "read");
	*out = digest_of(files->piece, (size_t)n);
	return 0;
}

/* Only what grew at its end is counted on; anything else from the beginning. */
static int check_grown(struct data_files *files, struct counted *file, int fd,
                       const struct stat *now, struct err *err)
{
	bool same = file->seen.st_ino == now->st_ino && file->seen.st_dev == now->st_dev &&
	            now->st_size >= file->at;
	struct digest first;

	if (same && file->head_bytes) {
		if (digest_head(files, fd, file->head_bytes, &first, err))
			return -1;
		same = digest_same(first, file->first);
	}
	if (!same)
		*file = (struct counted){0};
	file->seen = *now;
	return 0;
}

static bool is_unchanged(const struct counted *file, const struct stat *now)
{
	return file->seen.st_ino == now->st_ino && file->seen.st_dev == now->st_dev &&
	       file->at >= now->st_size && file->seen.st_size == now->st_size &&
	       file->seen.st_mtim.tv_sec == now->st_mtim.tv_sec &&
	       file->seen.st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

static int look_closer(struct data_files *files, struct counted *file, int fd,
                       enum data_format format, struct err *err)
{
	struct stat now;

	if (fstat(fd, &now))
		return err_errno(err, ERR_TRANSIENT, errno, "fstat");
	if (check_grown(files, file, fd, &now, err) || count_more(files, file, fd, format, err))
		return -1;
	if (file->head_bytes && !file->first.hex[0])
		return digest_head(files, fd, file->head_bytes, &file->first, err);
	return 0;
}

static int data_look(void *self, const char *path, enum data_format format, struct data_seen *out,
                     struct err *err)
{
	struct data_files *files = self;
	struct counted *file = find_file(files, path);
	int64_t before = first_line(format) - 1;
	struct stat now;
	int fd, result;

	if (stat(path, &now))
		return err_errno(err, ERR_TRANSIENT, errno, "%s", path);
	if (!is_unchanged(file, &now)) {
		if (file_open(AT_FDCWD, path, &fd, err))
			return -1;
		result = look_closer(files, file, fd, format, err);
		close(fd);
		if (result)
			return err_wrap(err, "%s", path);
	}
	*out = (struct data_seen){.rows = file->lines > before ? file->lines - before : 0,
	                          .first = file->first,
	                          .counting = file->at < file->seen.st_size};
	return 0;
}

struct port_data data_files_port(struct data_files *files)
{
	return (struct port_data){files, data_look};
}
