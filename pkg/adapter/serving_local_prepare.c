/* The worker of PREPARE: one artifact and one source onto this machine, verified. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/git_export.h"
#include "adapter/serving_local_parts.h"
#include "base/file.h"
#include "base/ustar.h"

enum { ARENA_BYTES = 16 << 20, COPY_BYTES = 1 << 20 };

static const struct ustar_limits limits = {
	.entries_max = 100 * 1000,
	.bytes_max = INT64_C(64) << 30,
	.read_only = true,
};

/* ---- the archive in the store ---- */

static const char *store_path(const struct prepare_spec *spec, struct arena *arena)
{
	return arena_printf(arena, "%s/sha256/%s.tar", spec->store, spec->artifact.hex);
}

/* ERR_STALLED when the file is absent or is something else. */
static int verify(const struct prepare_spec *spec, const char *path, struct err *err)
{
	struct digest digest;
	int64_t bytes;

	if (digest_file(AT_FDCWD, path, &digest, &bytes, err) < 0)
		return -1;
	if (spec->bytes >= 0 && bytes != spec->bytes)
		return err_set(err, ERR_STALLED, "%s: has %lld bytes, not the %lld declared", path,
		               (long long)bytes, (long long)spec->bytes);
	if (!digest_same(digest, spec->artifact))
		return err_set(err, ERR_STALLED, "%s: its digest is sha256:%s", path, digest.hex);
	return 0;
}

static bool is_inside(const char *path)
{
	if (!path[0] || path[0] == '/')
		return false;
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += at != path;
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2]))
			return false;
	}
	return true;
}

/* By hand: what the kernel copies itself may not cross file systems. */
static int copy(int in, int out, const char *from, const char *to, struct err *err)
{
	static char chunk[COPY_BYTES];
	ssize_t n;

	while ((n = read(in, chunk, sizeof(chunk))) != 0) {
		if ((n < 0 && errno != EINTR) || (n > 0 && fd_write(out, chunk, (size_t)n)))
			break;
	}
	if (n || fsync(out))
		return err_errno(err, ERR_TRANSIENT, errno, "copying %s to %s", from, to);
	return 0;
}

/* Nothing to do when another worker was faster. */
static int fill(const struct prepare_spec *spec, int in, int out, const char *from,
                const char *aside, const char *path, struct err *err)
{
	struct err absent;
	int rc;

	if (verify(spec, path, &absent) == 0) {
		unlink(aside);
		return 0;
	}
	rc = copy(in, out, from, aside, err) < 0 ? -1 : verify(spec, aside, err);
	if (rc == 0 && rename(aside, path) < 0)
		rc = err_errno(err, ERR_TRANSIENT, errno, "%s", path);
	if (rc < 0)
		unlink(aside);
	return rc;
}

/* From where the artifact lives into the store: aside, verified, renamed. */
static int fetch(const struct prepare_spec *spec, const char *path, struct arena *arena,
                 struct err *err)
{
	const char *aside = arena_printf(arena, "%s.aside", path), *from;
	int in, out, rc;

	if (strncmp(spec->uri, "file:", 5) != 0)
		return err_set(err, ERR_STALLED, "%s: only file: uris can be fetched", spec->uri);
	if (!spec->data_root || !is_inside(spec->uri + 5))
		return err_set(err, ERR_STALLED, "%s: is not below the data root", spec->uri);
	from = arena_printf(arena, "%s/%s", spec->data_root, spec->uri + 5);
	if (dir_make_all(AT_FDCWD, arena_printf(arena, "%s/sha256", spec->store), 0755, err) < 0 ||
	    file_open(AT_FDCWD, from, &in, err) < 0)
		return -1;
	rc = file_open_aside(aside, &out, err);
	if (rc == 0) {
		rc = fill(spec, in, out, from, aside, path, err);
		close(out);
	}
	close(in);
	return rc < 0 ? err_wrap(err, "artifact from %s", spec->uri) : 0;
}

/* A copy that is absent or corrupt is fetched again where that is possible. */
static int get_archive(const struct prepare_spec *spec, struct arena *arena, const char **out,
                       struct err *err)
{
	*out = store_path(spec, arena);
	if (verify(spec, *out, err) == 0)
		return 0;
	if (err->kind != ERR_STALLED || !spec->uri)
		return err_wrap(err, "artifact");
	return fetch(spec, *out, arena, err);
}

/* ---- the folder that servers read ---- */

/* Whole on the disk before it has its name: a power cut leaves no half of it. */
static int unpack_into(const char *archive, int dir, const char *aside, const char *dest,
                       struct err *err)
{
	int in, rc;

	if (file_open(AT_FDCWD, archive, &in, err) < 0)
		return -1;
	rc = ustar_extract(in, dir, &limits, err);
	close(in);
	if (rc == 0 && (syncfs(dir) < 0 || fchmod(dir, 0555) < 0 || rename(aside, dest) < 0))
		rc = err_errno(err, ERR_TRANSIENT, errno, "%s", dest);
	return rc;
}

/* Nothing to do when another worker was faster. */
static int unpack_aside(const char *archive, const char *aside, const char *dest, struct err *err)
{
	struct err ignored;
	int dir, rc;

	if (dir_open_aside(aside, &dir, err) < 0)
		return -1;
	rc = folder_exists(dest) ? dir_remove_all(AT_FDCWD, aside, err)
	                         : unpack_into(archive, dir, aside, dest, err);
	if (rc < 0)
		(void)!dir_remove_all(AT_FDCWD, aside, &ignored);
	close(dir);
	return rc;
}

static int unpack(const struct prepare_spec *spec, struct arena *arena, struct err *err)
{
	const char *dest = artifact_folder(spec->state, spec->artifact, arena);
	const char *folder = arena_printf(arena, "%s/artifacts", spec->state);
	const char *aside = arena_printf(arena, "%s/.%s", folder, spec->artifact.hex);
	const char *archive;

	if (get_archive(spec, arena, &archive, err) < 0)
		return -1;
	if (folder_exists(dest))
		return 0;
	if (dir_make_all(AT_FDCWD, folder, 0755, err) < 0 ||
	    unpack_aside(archive, aside, dest, err) < 0)
		return err_wrap(err, "artifact sha256:%.12s", spec->artifact.hex);
	return 0;
}

static int export_source(const struct prepare_spec *spec, struct arena *arena, struct err *err)
{
	const char *dest = spec->tree ? source_folder(spec->state, spec->tree, arena) : NULL;
	struct oid tree = {0};

	if (!dest || folder_exists(dest))
		return 0;
	if (strlen(spec->tree) != sizeof(tree.hex) - 1 || strspn(spec->tree, "0123456789abcdef") != 40)
		return err_set(err, ERR_STALLED, "source: '%.50s' is no tree", spec->tree);
	memcpy(tree.hex, spec->tree, sizeof(tree.hex));
	if (!spec->repository)
		return err_set(err, ERR_STALLED, "source: no repository is known");
	if (dir_make_all(AT_FDCWD, arena_printf(arena, "%s/sources", spec->state), 0755, err) < 0 ||
	    git_export(spec->repository, tree, dest, err) < 0)
		return err_wrap(err, "source");
	return 0;
}

int serving_prepare_main(int argc, char **argv)
{
	struct prepare_spec spec;
	struct err problem = {0}, err = {0};
	struct arena arena;
	int rc;

	if (argc != 3) {
		fprintf(stderr, "usage: __prepare <spec.json>\n");
		return 2;
	}
	umask(022);
	arena_init(&arena, ARENA_BYTES);
	rc = prepare_spec_read(argv[2], &arena, &spec, &problem);
	if (rc == 0)
		rc = unpack(&spec, &arena, &problem);
	if (rc == 0)
		rc = export_source(&spec, &arena, &problem);
	if (serving_result_write(argv[2], rc < 0 ? &problem : NULL, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		rc = -1;
	}
	arena_deinit(&arena);
	return rc < 0;
}
