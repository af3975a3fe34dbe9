#include "base/ustar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"

enum {
	BLOCK = 512,
	COPY_BYTES = 64 << 10,
	NAME_BYTES = 100,
	PREFIX_BYTES = 155,
	PATH_MOST = 255,
	DEPTH_MOST = 32,
};
#define FILE_BYTES_MOST ((int64_t)1 << 33) /* eleven octal digits */

/* POSIX.1-1988; text fields need no NUL when they are full. */
struct header {
	char name[NAME_BYTES];
	char mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type;
	char link[NAME_BYTES];
	char magic[6], version[2];
	char owner[32], group[32], major[8], minor[8];
	char prefix[PREFIX_BYTES];
	char pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a ustar header is one block");

enum { TYPE_FILE = '0', TYPE_FILE_OLD = '\0', TYPE_FOLDER = '5' };

/* ---- Blocks in and out ---- */

static int write_all(int fd, const void *bytes, size_t len, struct err *err)
{
	if (fd_write(fd, bytes, len))
		return err_errno(err, ERR_TRANSIENT, errno, "archive: cannot write");
	return 0;
}

/* Exactly `len` bytes; an earlier end is an error. */
static int read_exactly(int fd, void *bytes, size_t len, struct err *err)
{
	char *next = bytes;

	while (len > 0) {
		ssize_t n = read(fd, next, len);

		if (n == 0)
			return err_set(err, ERR_STALLED, "archive: ends too early");
		if (n < 0 && errno != EINTR)
			return err_errno(err, ERR_TRANSIENT, errno, "archive: cannot read");
		if (n > 0) {
			next += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static unsigned checksum(const struct header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned sum = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		bool is_own = i >= offsetof(struct header, checksum) &&
		              i < offsetof(struct header, checksum) + sizeof(header->checksum);

		sum += is_own ? ' ' : bytes[i];
	}
	return sum;
}

/* ---- Writing ---- */

struct packer {
	const struct ustar_limits *limits;
	int root; /* the folder */
	int out;
	struct map entries; /* path, of a folder with '/' behind it -> NULL */
	int64_t bytes;
};

static int collect(struct packer *packer, int parent, const char *name, const char *path, int depth,
                   struct err *err);

/* One entry of a folder whose path is `path` ("" the root). */
static int collect_entry(struct packer *packer, int dir_fd, const char *name, const char *path,
                         int depth, struct err *err)
{
	char full[PATH_MOST + 2];
	struct stat st;
	int len = snprintf(full, PATH_MOST + 1, "%s%s", path, name);

	if (len > PATH_MOST - 1)
		return err_set(err, ERR_STALLED, "%s%s: the path is longer than %d bytes", path, name,
		               PATH_MOST - 1);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot look at", full);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return err_set(err, ERR_STALLED, "%s: is neither a file nor a folder", full);
	if ((int64_t)packer->entries.n >= packer->limits->entries_max)
		return err_set(err, ERR_STALLED, "%s: more than %lld files", full,
		               (long long)packer->limits->entries_max);
	if (S_ISDIR(st.st_mode))
		memcpy(full + len, "/", 2);
	map_put(&packer->entries, full, NULL);
	return S_ISDIR(st.st_mode) ? collect(packer, dir_fd, name, full, depth + 1, err) : 0;
}

static int collect(struct packer *packer, int parent, const char *name, const char *path, int depth,
                   struct err *err)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (!dir) {
		err_errno(err, errno == ENOENT ? ERR_STALLED : ERR_TRANSIENT, errno, "%s: cannot open",
		          *path ? path : name);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (depth > DEPTH_MOST)
		result = err_set(err, ERR_STALLED, "%s: more than %d folders deep", path, DEPTH_MOST);
	while (!result && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = collect_entry(packer, fd, entry->d_name, path, depth, err);
	}
	if (!result && errno)
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot read", *path ? path : name);
	closedir(dir);
	return result;
}

/* Splits a path at a '/' so that it fits name and prefix. */
static int put_path(struct header *header, const char *path, struct err *err)
{
	size_t len = strlen(path), cut;

	if (len <= NAME_BYTES) {
		memcpy(header->name, path, len);
		return 0;
	}
	for (cut = len - NAME_BYTES - 1; cut < len - 1 && cut <= PREFIX_BYTES; cut++) {
		if (path[cut] != '/')
			continue;
		memcpy(header->prefix, path, cut);
		memcpy(header->name, path + cut + 1, len - cut - 1);
		return 0;
	}
	return err_set(err, ERR_STALLED, "%s: the path does not fit an archive", path);
}

static int put_header(struct packer *packer, const char *path, char type, bool executable,
                      int64_t size, struct err *err)
{
	struct header header = {.type = type, .magic = "ustar", .version = {'0', '0'}};

	if (put_path(&header, path, err))
		return -1;
	snprintf(header.mode, sizeof(header.mode), "%07o", executable ? 0755 : 0644);
	snprintf(header.uid, sizeof(header.uid), "%07o", 0);
	snprintf(header.gid, sizeof(header.gid), "%07o", 0);
	snprintf(header.size, sizeof(header.size), "%011llo", (unsigned long long)size);
	snprintf(header.mtime, sizeof(header.mtime), "%011o", 0);
	snprintf(header.major, sizeof(header.major), "%07o", 0);
	snprintf(header.minor, sizeof(header.minor), "%07o", 0);
	snprintf(header.checksum, sizeof(header.checksum), "%06o", checksum(&header));
	header.checksum[7] = ' ';
	return write_all(packer->out, &header, sizeof(header), err);
}

/* The content and its padding; a file that has another length by now is an error. */
static int put_content(struct packer *packer, int fd, const char *path, int64_t size,
                       struct err *err)
{
	static const char zeros[BLOCK];
	char chunk[COPY_BYTES];
	int64_t left = size;
	size_t padding = (size_t)((BLOCK - size % BLOCK) % BLOCK);

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot read", path);
		if (n > left || (n == 0 && left > 0))
			return err_set(err, ERR_TRANSIENT, "%s: changes while it is read", path);
		if (n == 0)
			return write_all(packer->out, zeros, padding, err);
		if (write_all(packer->out, chunk, (size_t)n, err))
			return -1;
		left -= n;
	}
}

static int put_open_file(struct packer *packer, int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot look at", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_STALLED, "%s: is not a regular file", path);
	packer->bytes += st.st_size;
	if (st.st_size >= FILE_BYTES_MOST || packer->bytes > packer->limits->bytes_max)
		return err_set(err, ERR_STALLED, "%s: all files together are larger than %lld bytes", path,
		               (long long)packer->limits->bytes_max);
	if (put_header(packer, path, TYPE_FILE, st.st_mode & S_IXUSR, st.st_size, err))
		return -1;
	return put_content(packer, fd, path, st.st_size, err);
}

static int put_entry(struct packer *packer, const char *path, struct err *err)
{
	int fd, result;

	if (path[strlen(path) - 1] == '/')
		return put_header(packer, path, TYPE_FOLDER, true, 0, err);
	fd = openat(packer->root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot open", path);
	result = put_open_file(packer, fd, path, err);
	close(fd);
	return result;
}

int ustar_write(int dir_fd, const char *folder, const struct ustar_limits *limits, int out_fd,
                struct err *err)
{
	static const char end[2 * BLOCK];
	struct packer packer = {.limits = limits, .out = out_fd};
	int result;

	packer.root = openat(dir_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (packer.root < 0)
		return err_errno(err, errno == ENOENT ? ERR_STALLED : ERR_TRANSIENT, errno,
		                 "%s: cannot open", folder);
	result = collect(&packer, packer.root, ".", "", 0, err);
	for (size_t i = 0; !result && i < packer.entries.n; i++)
		result = put_entry(&packer, packer.entries.entries[i].key, err);
	if (!result)
		result = write_all(out_fd, end, sizeof(end), err);
	map_deinit(&packer.entries);
	close(packer.root);
	return result ? err_wrap(err, "%s", folder) : 0;
}

/* ---- Extracting ---- */

static bool is_zero(const struct header *header)
{
	static const struct header zero;

	return memcmp(header, &zero, sizeof(zero)) == 0;
}

/* Octal digits, then blanks or NULs to the end of the field. */
static bool get_octal(const char *field, size_t size, int64_t *out)
{
	int64_t value = 0;
	size_t i = 0;

	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
		if (value > INT64_MAX / 8)
			return false;
		value = value * 8 + (field[i] - '0');
	}
	for (size_t j = i; j < size; j++) {
		if (field[j] != ' ' && field[j] != '\0')
			return false;
	}
	*out = value;
	return i > 0;
}

/* Parts between '/' that are neither empty nor "." nor ".."; one '/' at the end is taken off. */
static bool is_plain(char *path)
{
	size_t len = strlen(path);
	const char *part = path;

	if (len > 1 && path[len - 1] == '/')
		path[len - 1] = '\0';
	for (;;) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (!part[n])
			return true;
		part += n + 1;
	}
}

struct extractor {
	const struct ustar_limits *limits;
	int in, root;
	int64_t entries, bytes;
};

static int copy_content(struct extractor *extractor, int fd, const char *path, int64_t size,
                        struct err *err)
{
	char chunk[COPY_BYTES];
	size_t padding = (size_t)((BLOCK - size % BLOCK) % BLOCK);

	while (size > 0) {
		size_t n = size < COPY_BYTES ? (size_t)size : COPY_BYTES;

		if (read_exactly(extractor->in, chunk, n, err) || write_all(fd, chunk, n, err))
			return err_wrap(err, "%s", path);
		size -= (int64_t)n;
	}
	return read_exactly(extractor->in, chunk, padding, err);
}

static int extract_file(struct extractor *extractor, char *path, bool executable, int64_t size,
                        struct err *err)
{
	mode_t mode = (executable ? 0755 : 0644) & (extractor->limits->read_only ? 0555 : 0777);
	char *slash = strrchr(path, '/');
	int fd, result = 0;

	extractor->bytes += size;
	if (extractor->bytes > extractor->limits->bytes_max)
		return err_set(err, ERR_STALLED, "%s: all files together are larger than %lld bytes", path,
		               (long long)extractor->limits->bytes_max);
	if (slash) {
		*slash = '\0';
		result = dir_make_all(extractor->root, path, 0755, err);
		*slash = '/';
	}
	if (result)
		return -1;
	fd = openat(extractor->root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno == EEXIST ? ERR_STALLED : ERR_TRANSIENT, errno,
		                 "%s: cannot create", path);
	result = copy_content(extractor, fd, path, size, err);
	if (!result && fchmod(fd, mode))
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot set the mode", path);
	if (close(fd) && !result)
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", path);
	return result;
}

static int extract_entry(struct extractor *extractor, const struct header *header, struct err *err)
{
	char path[PREFIX_BYTES + 1 + NAME_BYTES + 1];
	int64_t sum, size, mode;

	if (!get_octal(header->checksum, sizeof(header->checksum), &sum) || sum != checksum(header) ||
	    memcmp(header->magic, "ustar", 6) ||
	    !get_octal(header->size, sizeof(header->size), &size) ||
	    !get_octal(header->mode, sizeof(header->mode), &mode))
		return err_set(err, ERR_STALLED, "archive: entry %lld has no valid ustar header",
		               (long long)extractor->entries);
	snprintf(path, sizeof(path), "%.*s%s%.*s", PREFIX_BYTES, header->prefix,
	         header->prefix[0] ? "/" : "", NAME_BYTES, header->name);
	if (++extractor->entries > extractor->limits->entries_max)
		return err_set(err, ERR_STALLED, "archive: more than %lld entries",
		               (long long)extractor->limits->entries_max);
	if (!is_plain(path))
		return err_set(err, ERR_STALLED, "archive: '%s' is not a plain relative path", path);
	switch (header->type) {
	case TYPE_FILE:
	case TYPE_FILE_OLD:
		return extract_file(extractor, path, mode & 0100, size, err);
	case TYPE_FOLDER:
		if (size != 0)
			return err_set(err, ERR_STALLED, "archive: %s: a folder with content", path);
		return dir_make_all(extractor->root, path, 0755, err);
	default:
		return err_set(err, ERR_STALLED, "archive: %s: is neither a file nor a folder", path);
	}
}

int ustar_extract(int in_fd, int dir_fd, const struct ustar_limits *limits, struct err *err)
{
	struct extractor extractor = {.limits = limits, .in = in_fd, .root = dir_fd};
	struct header header;

	for (;;) {
		if (read_exactly(in_fd, &header, sizeof(header), err))
			return -1;
		if (is_zero(&header))
			break;
		if (extract_entry(&extractor, &header, err))
			return -1;
	}
	if (read_exactly(in_fd, &header, sizeof(header), err))
		return -1;
	if (!is_zero(&header))
		return err_set(err, ERR_STALLED, "archive: goes on after its end");
	return 0;
}
