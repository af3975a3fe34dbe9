/* Where the data comes from: a file, a file that a pin of DVC names, https or s3. Whatever it is
 * becomes the snapshot; what happens to it afterwards is nothing to the run. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/uri.h"
#include "run/internal.h"

enum { SECRET_BYTES = 4096, PIN_BYTES = 1 << 20 };

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* ---- Pins of DVC ---- */

static const char *folder_of(struct run *run, const char *path)
{
	return dirname(arena_strdup(run->arena, path));
}

/* The entry of `outs` with that path; of a .dvc file there is one. */
static const struct node *find_out(const struct node *outs, const char *path)
{
	for (const struct node *out = outs ? outs->first : NULL; out; out = out->next) {
		const char *name = node_text(out, "path");

		if (name && (!path || strcmp(name, path) == 0))
			return out;
	}
	return NULL;
}

static const struct node *find_stage_out(const struct node *root, const char *path)
{
	const struct node *stages = node_get(root, "stages"), *found = NULL;

	for (const struct node *stage = stages ? stages->first : NULL; stage && !found;
	     stage = stage->next)
		found = find_out(node_get(stage, "outs"), path);
	return found;
}

/* Copies the pinned file, from the workspace or from DVC's cache above it, and checks its MD5. */
static int copy_pinned(struct run *run, const char *pin, const struct node *out, const char *to,
                       struct digest *digest, int64_t *bytes, struct err *err)
{
	const char *md5 = node_text(out, "md5"), *name = node_text(out, "path");
	const char *from = arena_printf(run->arena, "%s/%s", folder_of(run, pin), name);
	char found[33];

	if (!md5 || strlen(md5) != 32 || strspn(md5, "0123456789abcdef") != 32)
		return err_set(err, ERR_STALLED, "%s: '%s' has no md5 of a file (folders are not read)",
		               pin, name);
	if (access(from, F_OK))
		from = arena_printf(run->arena, "%s/.dvc/cache/files/md5/%.2s/%s", folder_of(run, pin),
		                    md5, md5 + 2);
	if (copy_file(from, to, digest, bytes, err))
		return err_wrap(err, "%s: run `dvc pull`", pin);
	if (md5_file(AT_FDCWD, to, found, err))
		return -1;
	if (strcmp(found, md5))
		return err_set(err, ERR_STALLED, "%s: md5 of %s is %s, not %s as pinned; run `dvc pull`, or"
		               " `dvc add` to pin what is there", pin, name, found, md5);
	return 0;
}

/* `pin` is a .dvc file, or a dvc.lock whose output `path` is meant. */
static int take_pinned(struct run *run, const char *pin, const char *path, const char *to,
                       struct digest *digest, int64_t *bytes, struct err *err)
{
	const struct node *out;
	struct bytes text;
	struct node **docs;
	struct place place;
	size_t n;

	if (run_read(run, pin, PIN_BYTES, &text, err))
		return -1;
	if (yaml_parse(text.data, text.len, PIN_BYTES, run->arena, &docs, &n, &place, err))
		return err_wrap(err, "%s:%d", pin, (int)place.line);
	if (n != 1)
		return err_set(err, ERR_STALLED, "%s: is no pin of DVC", pin);
	out = path ? find_stage_out(docs[0], path) : find_out(node_get(docs[0], "outs"), NULL);
	if (!out)
		return err_set(err, ERR_STALLED, "%s: pins no output%s%s", pin, path ? " " : "",
		               path ? path : "");
	return copy_pinned(run, pin, out, to, digest, bytes, err);
}

/* ---- https and s3 ---- */

static bool is_http(const char *uri)
{
	return begins(uri, "https://") || begins(uri, "http://");
}

/* For people; nothing but the URL of a server holds secrets. */
static const char *shown(struct run *run, const char *uri)
{
	char url[HTTP_SHOWN_BYTES];

	if (!is_http(uri))
		return uri;
	http_show_url(uri, url);
	return arena_strdup(run->arena, url);
}

/* A secret of `<secrets>/<name>/<key>`, its first line; NULL when there is none. */
static const char *read_secret(struct run *run, const char *name, const char *key)
{
	struct bytes text;
	struct err ignored;

	if (!run->spec->secrets ||
	    run_read(run, arena_printf(run->arena, "%s/%s/%s", run->spec->secrets, name, key),
	             SECRET_BYTES, &text, &ignored))
		return NULL;
	return arena_strndup(run->arena, text.data, strcspn(text.data, "\r\n"));
}

/* A path as S3 signs it; libcurl signs the path of a URL as it stands there. */
static const char *encoded(struct run *run, const char *path)
{
	static const char as_is[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                            "0123456789-_.~/";
	char *out = arena_array(run->arena, 3 * strlen(path) + 1, char), *at = out;

	for (; *path; path++) {
		if (strchr(as_is, *path))
			*at++ = *path;
		else
			at += snprintf(at, 4, "%%%02X", (unsigned int)(unsigned char)*path);
	}
	*at = '\0';
	return out;
}

/* The secret `s3-<bucket>`, else `s3`, says with which keys, in which region and where. */
static int s3_source(struct run *run, const char *uri, struct http_download *out,
                     struct err *err)
{
	const char *bucket = uri + strlen("s3://"), *key = strchr(bucket, '/');
	const char *name, *endpoint;

	if (!key || key == bucket || !key[1])
		return err_set(err, ERR_STALLED, "%s: write s3://bucket/key", uri);
	name = arena_printf(run->arena, "s3-%.*s", (int)(key - bucket), bucket);
	if (!read_secret(run, name, "accessKeyId"))
		name = "s3";
	out->access_key = read_secret(run, name, "accessKeyId");
	out->secret_key = read_secret(run, name, "secretAccessKey");
	out->session_token = read_secret(run, name, "sessionToken");
	out->region = read_secret(run, name, "region");
	endpoint = read_secret(run, name, "endpoint");
	if (!out->access_key || !out->secret_key)
		return err_set(err, ERR_STALLED, "%s: secrets.dir holds no s3-%.*s/accessKeyId and"
		               " secretAccessKey, nor s3/...", uri, (int)(key - bucket), bucket);
	if (!out->region)
		out->region = "us-east-1";
	out->url = arena_printf(run->arena, "%s/%s",
	                        endpoint ? endpoint
	                                 : arena_printf(run->arena, "https://s3.%s.amazonaws.com",
	                                                out->region),
	                        encoded(run, bucket));
	return 0;
}

/* Into a new file, without a trace of it on failure. */
static int download(struct run *run, struct http_download *what, const char *to,
                    struct digest *digest, int64_t *bytes, struct err *err)
{
	int result;

	what->fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (what->fd < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", to);
	what->bytes_max = run->spec->data_bytes;
	result = run->world->download(run->world->http->self, what,
	                              run_now(run) + run->spec->data_timeout_ms, err);
	if (!result && fsync(what->fd))
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", to);
	close(what->fd);
	if (!result)
		result = digest_file(AT_FDCWD, to, digest, bytes, err);
	if (result)
		unlink(to);
	return result;
}

static int take_remote(struct run *run, const char *uri, const char *to, struct digest *digest,
                       int64_t *bytes, struct err *err)
{
	struct http_download what = {.url = uri};

	if (!run->world->download)
		return err_set(err, ERR_STALLED, "%s: cannot be fetched here", shown(run, uri));
	if (begins(uri, "s3://") && s3_source(run, uri, &what, err))
		return -1;
	return download(run, &what, to, digest, bytes, err);
}

/* ---- Any of them ---- */

static int take(struct run *run, const char *data, const char *output, const char *to,
                struct digest *digest, int64_t *bytes, struct err *err)
{
	size_t len = strlen(data);

	if (is_http(data) || begins(data, "s3://"))
		return take_remote(run, data, to, digest, bytes, err);
	if (len > 8 && strcmp(data + len - 8, "dvc.lock") == 0)
		return take_pinned(run, data, output ? output : "", to, digest, bytes, err);
	if (len > 4 && strcmp(data + len - 4, ".dvc") == 0)
		return take_pinned(run, data, NULL, to, digest, bytes, err);
	return copy_file(data, to, digest, bytes, err);
}

int source_take(struct run *run, const char *to, struct digest *digest, int64_t *bytes,
                struct err *err)
{
	const char *data = run->spec->data, *output = NULL;
	struct uri_parts parts;
	struct digest taken;
	int64_t size;

	if (uri_parse(data, &parts, err))
		return -1;
	data = arena_strndup(run->arena, data, parts.len);
	if (parts.output)
		output = arena_strndup(run->arena, parts.output, parts.output_len);
	if (take(run, data, output, to, &taken, &size, err))
		return -1;
	if (parts.pin.hex[0] && !digest_same(taken, parts.pin)) {
		unlink(to);
		return err_set(err, ERR_STALLED, "%s: its digest is sha256:%s, not as pinned",
		               shown(run, data), taken.hex);
	}
	*digest = taken;
	*bytes = size;
	return 0;
}
