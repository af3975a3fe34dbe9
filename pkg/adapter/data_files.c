#include "adapter/data_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
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

/* How far the digest of a file was taken. What changed meanwhile begins anew. */
struct content {
	struct stat seen;             /* when it was begun */
	int64_t at;
	struct digest_stream *stream; /* NULL: it is whole, or was not begun */
	struct digest whole;
};

struct file {
	struct counted counted;
	struct content content;
};

struct data_files {
	struct map files;         /* path -> struct file */
	int64_t settle_ms;
	char piece[PIECE_BYTES];
};

struct data_files *data_files_new(int64_t settle_ms)
{
	struct data_files *files = heap_alloc(1, sizeof(*files));

	files->settle_ms = settle_ms;
	return files;
}

static void content_drop(struct content *content)
{
	if (content->stream)
		digest_end(content->stream);
	*content = (struct content){0};
}

void data_files_free(struct data_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->files.n; i++) {
		struct file *file = files->files.entries[i].value;

		content_drop(&file->content);
		free(file);
	}
	map_deinit(&files->files);
	free(files);
}

static struct file *find_file(struct data_files *files, const char *path)
{
	struct file *file = map_get(&files->files, path);

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

/* Whoever writes to a file moves its ctime, whatever he does with its mtime. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A file of the future is as settled as it will be. */
static bool is_settled(const struct data_files *files, const struct stat *now)
{
	int64_t changed_ms = (int64_t)now->st_ctim.tv_sec * 1000 + now->st_ctim.tv_nsec / 1000000;
	int64_t age_ms = clock_wall_ms() - changed_ms;

	return age_ms < 0 || age_ms >= files->settle_ms;
}

static int read_more(struct data_files *files, struct content *content, int fd, struct err *err)
{
	struct stat now;

	for (int64_t left = DATA_LOOK_BYTES; left > 0 && content->at < content->seen.st_size;) {
		ssize_t n = pread(fd, files->piece, PIECE_BYTES, content->at);

		if (n < 0)
			return err_errno(err, ERR_TRANSIENT, errno, "read");
		if (n == 0)
			break;
		digest_add(content->stream, files->piece, (size_t)n);
		content->at += n;
		left -= n;
	}
	if (fstat(fd, &now))
		return err_errno(err, ERR_TRANSIENT, errno, "fstat");
	if (!is_same(&content->seen, &now)) {
		content_drop(content);
	} else if (content->at >= now.st_size) {
		content->whole = digest_end(content->stream);
		content->stream = NULL;
	}
	return 0;
}

static int look_at_content(struct data_files *files, struct content *content, const char *path,
                           const struct stat *now, struct err *err)
{
	int fd, result;

	if (!is_same(&content->seen, now)) {
		content_drop(content);
		if (!is_settled(files, now))
			return 0;
		content->seen = *now;
		content->stream = digest_begin();
	}
	if (!content->stream)
		return 0;
	if (file_open(AT_FDCWD, path, &fd, err))
		return -1;
	result = read_more(files, content, fd, err);
	close(fd);
	return result ? err_wrap(err, "%s", path) : 0;
}

static int look_at_rows(struct data_files *files, struct counted *file, const char *path,
                        const struct stat *now, enum data_format format, struct err *err)
{
	int fd, result;

	if (is_unchanged(file, now))
		return 0;
	if (file_open(AT_FDCWD, path, &fd, err))
		return -1;
	result = look_closer(files, file, fd, format, err);
	close(fd);
	return result ? err_wrap(err, "%s", path) : 0;
}

static int data_look(void *self, const char *path, enum data_format format, bool content,
                     struct data_seen *out, struct err *err)
{
	struct data_files *files = self;
	struct file *file = find_file(files, path);
	const struct counted *counted = &file->counted;
	int64_t before = first_line(format) - 1;
	struct stat now;

	if (stat(path, &now))
		return err_errno(err, ERR_TRANSIENT, errno, "%s", path);
	if (look_at_rows(files, &file->counted, path, &now, format, err) ||
	    (content && look_at_content(files, &file->content, path, &now, err)))
		return -1;
	*out = (struct data_seen){.rows = counted->lines > before ? counted->lines - before : 0,
	                          .first = counted->first,
	                          .counting = counted->at < counted->seen.st_size};
	if (content) {
		out->content = file->content.whole;
		out->counting |= file->content.stream != NULL;
	}
	return 0;
}

struct port_data data_files_port(struct data_files *files)
{
	return (struct port_data){files, data_look};
}
