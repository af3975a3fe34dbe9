/* The store: files by their digest, never opened for writing again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "run/internal.h"

enum { COPY_BYTES = 1 << 20 };

char *store_path(struct arena *arena, const char *store, struct digest digest, const char *kind)
{
	return arena_printf(arena, "%s/sha256/%s.%s", store, digest.hex, kind);
}

/* At most `left` bytes: a file that grows meanwhile is taken as it was. The digest is of all, and
 * the first `skip` are not written. 0, or an errno value. */
static int copy_bytes(int in, int out, int64_t left, int64_t skip, struct digest_stream *digest,
                      int64_t *bytes)
{
	char *chunk = heap_alloc(COPY_BYTES, 1);
	int errnum = 0;

	while (left > 0 && !errnum) {
		ssize_t n = read(in, chunk, left < COPY_BYTES ? (size_t)left : COPY_BYTES);
		int64_t skipped = skip < n ? skip : n;

		if (n == 0)
			break;
		if (n < 0) {
			errnum = errno == EINTR ? 0 : errno;
			continue;
		}
		digest_add(digest, chunk, (size_t)n);
		if (fd_write(out, chunk + skipped, (size_t)(n - skipped)))
			errnum = errno;
		skip -= skipped;
		left -= n;
		*bytes += n;
	}
	free(chunk);
	return errnum;
}

static int copy_begin(const char *to, int *out, struct err *err)
{
	*out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *out < 0 ? err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", to) : 0;
}

/* All that `from` holds when it is opened, but its first `skip` bytes. */
static int copy_into(int out, const char *to, const char *from, int64_t skip,
                     struct digest *digest, int64_t *bytes, struct err *err)
{
	struct digest_stream *stream;
	struct stat st;
	int in, errnum;

	if (file_open(AT_FDCWD, from, &in, err))
		return -1;
	*bytes = 0;
	stream = digest_begin();
	errnum = fstat(in, &st) ? errno : copy_bytes(in, out, st.st_size, skip, stream, bytes);
	*digest = digest_end(stream);
	close(in);
	return errnum ? err_errno(err, ERR_TRANSIENT, errnum, "%s: cannot copy to %s", from, to) : 0;
}

/* To the disk; keeps a failure that there was before. */
static int copy_end(int out, const char *to, int result, struct err *err)
{
	if (!result && fsync(out))
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", to);
	if (close(out) && !result)
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", to);
	return result;
}

int copy_file(const char *from, const char *to, struct digest *digest, int64_t *bytes,
              struct err *err)
{
	int out;

	if (copy_begin(to, &out, err))
		return -1;
	return copy_end(out, to, copy_into(out, to, from, 0, digest, bytes, err), err);
}

int rows_join(const struct rows_file *files, size_t n, int64_t header, const char *to,
              struct err *err)
{
	int out, result = 0;

	if (copy_begin(to, &out, err))
		return -1;
	for (size_t i = 0; i < n && !result; i++) {
		struct digest copied;
		int64_t bytes;

		result = copy_into(out, to, files[i].path, i > 0 ? header : 0, &copied, &bytes, err);
		if (!result && !digest_same(copied, files[i].digest))
			result = err_set(err, ERR_TRANSIENT, "%s: has changed", files[i].path);
	}
	return copy_end(out, to, result, err);
}

static int store_folder(struct run *run, struct err *err)
{
	return dir_make_all(AT_FDCWD, arena_printf(run->arena, "%s/sha256", run->spec->store), 0755,
	                    err);
}

int store_check(struct run *run, struct digest digest, const char *kind, struct err *err)
{
	const char *path = store_path(run->arena, run->spec->store, digest, kind);
	struct digest found;

	if (digest_file(AT_FDCWD, path, &found, NULL, err))
		return -1;
	if (!digest_same(found, digest))
		return err_set(err, ERR_STALLED, "%s: its bytes are not those of its name", path);
	return 0;
}

int store_file(struct run *run, const char *path, struct digest digest, const char *kind,
               struct err *err)
{
	const char *to = store_path(run->arena, run->spec->store, digest, kind);
	/* named by the run: one that was killed here takes it up again and leaves nothing */
	const char *aside = arena_printf(run->arena, "%s.%.16s", to, run->spec->run.hex);
	struct digest copied;
	int64_t bytes;

	if (stage_file_is(to, digest))
		return 0;
	unlink(aside); /* which may not be writable any more */
	if (store_folder(run, err) || copy_file(path, aside, &copied, &bytes, err))
		return -1;
	if (!digest_same(copied, digest)) {
		unlink(aside);
		return err_set(err, ERR_TRANSIENT, "%s: has changed", path);
	}
	if (chmod(aside, 0444) || rename(aside, to))
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot rename", aside);
	return 0;
}

int store_bytes(struct run *run, const void *bytes, size_t len, const char *kind,
                struct digest *digest, struct err *err)
{
	struct digest stored = digest_of(bytes, len);
	const char *to = store_path(run->arena, run->spec->store, stored, kind);

	if (!stage_file_is(to, stored) &&
	    (store_folder(run, err) || file_write(AT_FDCWD, to, bytes, len, 0444, err)))
		return -1;
	*digest = stored;
	return 0;
}
