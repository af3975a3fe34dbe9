#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "adapter/http_curl.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/ustar.h"
#include "doc/doc.h"
#include "doc/text.h"
#include "run/run.h"

enum { ROWS_BYTES_MAX = 256 << 20, REPLY_BYTES_MAX = 1 << 20, TRIES = 3 };
enum { CALL_MS = 60000, CALL_MS_PER_MIB = 1000 };
#define ARTIFACT_BYTES_MAX ((int64_t)2 << 30)

struct job {
	struct http_curl *curl;
	struct port_http http; /* of it */
	struct port_clock clock;
	struct arena arena; /* of one call */
	struct buf body;
	const char *url;
	struct digest key;
	int64_t poll_ms;
};

static void rest(const struct job *job)
{
	const struct timespec pause = {job->poll_ms / 1000, job->poll_ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

static int add_file(const char *variable, struct buf *out, struct err *err)
{
	const char *path = getenv(variable);

	if (!path)
		return err_set(err, ERR_STALLED, "%s is not set; declare linnet-run job as train.command",
		               variable);
	return file_read(AT_FDCWD, path, out, err);
}

/* What is asked; its digest is the key. */
static int write_body(struct job *job, const struct buf *params, const struct buf *rows,
                      struct err *err)
{
	const char *seed = getenv("LINNET_SEED");
	struct writer writer;

	job->key = digest_of(buf_text(rows), rows->len);
	buf_printf(&job->body, "%s %s %s %s", job->url, seed ? seed : "", buf_text(params),
	           job->key.hex);
	job->key = digest_of(buf_text(&job->body), job->body.len);
	buf_clear(&job->body);
	write_begin(&writer, &job->body, true);
	write_map(&writer);
	write_key(&writer, "key");
	write_quoted(&writer, job->key.hex);
	write_key(&writer, "params");
	write_raw(&writer, params->len ? buf_text(params) : "{}");
	write_key(&writer, "seed");
	write_quoted(&writer, seed ? seed : "");
	write_key(&writer, "leaseSeconds");
	write_raw(&writer, arena_printf(&job->arena, "%lld",
	                                (long long)(job->poll_ms * 6 / 1000 + 60)));
	write_key(&writer, "rows");
	write_quoted(&writer, buf_text(rows));
	write_map_end(&writer);
	return buf_check(&job->body, "the rows", err);
}

static int read_task(struct job *job, struct err *err)
{
	struct buf params, rows;
	int result;

	buf_init(&params, LIMIT_MANIFEST_BYTES);
	buf_init(&rows, ROWS_BYTES_MAX);
	result = add_file("LINNET_PARAMS", &params, err) || add_file("LINNET_TRAIN_DATA", &rows, err)
	                 ? -1 : 0;
	if (!result && strlen(buf_text(&rows)) != rows.len)
		result = err_set(err, ERR_STALLED, "the rows hold a NUL");
	if (!result)
		result = write_body(job, &params, &rows, err);
	buf_deinit(&params);
	buf_deinit(&rows);
	return result;
}

/* One call; the reply is in the arena until the next. Status 0: no answer. */
static struct http_reply call(struct job *job, const char *method, const char *url)
{
	char key[128];
	const char *const headers[] = {"Content-Type: application/json", key};
	bool post = strcmp(method, "POST") == 0;
	const struct http_request request = {
		.method = method, .url = url, .headers = headers, .n_headers = post ? 2 : 0,
		.body = {buf_text(&job->body), post ? job->body.len : 0}, .body_bytes_max = REPLY_BYTES_MAX,
	};
	int64_t most_ms = CALL_MS + (int64_t)(request.body.len >> 20) * CALL_MS_PER_MIB;
	struct http_reply reply = {0};
	struct err err = {0};

	snprintf(key, sizeof(key), "Idempotency-Key: %s", job->key.hex);
	if (job->http.perform(job->http.self, &request, &reply, 1,
	                      job->clock.now_ms(job->clock.self) + most_ms, &job->arena, &err))
		reply = (struct http_reply){.err = err};
	return reply;
}

static void say(const char *what, const struct http_reply *reply)
{
	if (reply->status)
		printf("job: %s: HTTP %d\n", what, reply->status);
	else
		printf("job: %s: %s\n", what, reply->err.text);
	fflush(stdout);
}

/* An answer that no repetition changes: 4xx but for a few, 404 of a start too, and 3xx. */
static bool is_final(int status)
{
	return status >= 300 && !http_is_passing(status);
}

static void say_final(const char *what, int status)
{
	printf("the outside job was not %s: HTTP %d%s\n", what, status,
	       status < 400 ? " (redirects are not followed; declare the url that it leads to)" : "");
}

static int unpack(int in, struct err *err)
{
	const struct ustar_limits limits = {.entries_max = 100000, .bytes_max = ARTIFACT_BYTES_MAX};
	const char *to = getenv("LINNET_MODEL_DIR");
	int dir = to ? open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, result = -1;

	if (dir < 0 || lseek(in, 0, SEEK_SET))
		err_set(err, ERR_TRANSIENT, "the artifact cannot be unpacked");
	else
		result = ustar_extract(in, dir, &limits, err);
	if (dir >= 0)
		close(dir);
	return result;
}

/* Whether the file of that many bytes has this digest. */
static int check_digest(int fd, size_t len, struct digest wanted, struct err *err)
{
	void *bytes = len ? mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0) : NULL;
	struct digest found;

	if (bytes == MAP_FAILED)
		return err_errno(err, ERR_TRANSIENT, errno, "its artifact cannot be read");
	found = digest_of(bytes ? bytes : "", len);
	if (bytes)
		munmap(bytes, len);
	if (digest_same(found, wanted))
		return 0;
	return err_set(err, ERR_STALLED, "its artifact has digest %.10s, not %.10s as it told",
	               found.hex, wanted.hex);
}

/* Into `fd`, for as long as bytes come: whoever waits for us has a timeout. */
static int download(struct job *job, const char *url, int fd, struct digest wanted,
                    struct err *err)
{
	const struct http_download what = {.url = url, .fd = fd, .bytes_max = ARTIFACT_BYTES_MAX};

	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return err_errno(err, ERR_TRANSIENT, errno, "its artifact cannot be written");
	if (http_curl_download(job->curl, &what, INT64_MAX, err))
		return err_wrap(err, "its artifact cannot be fetched");
	return check_digest(fd, (size_t)lseek(fd, 0, SEEK_CUR), wanted, err);
}

/* What was promised, and nothing else, is unpacked. */
static int fetch_from(struct job *job, const char *url, struct digest wanted, struct err *err)
{
	int fd = memfd_create("artifact", MFD_CLOEXEC), result = -1;

	if (fd < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "there is no room for its artifact");
	for (int i = 0; i < TRIES && result; i++) {
		if (i > 0)
			rest(job);
		result = download(job, url, fd, wanted, err);
	}
	if (!result)
		result = unpack(fd, err);
	close(fd);
	return result;
}

static int fetch(struct job *job, const struct node *artifact, struct err *err)
{
	const char *text = artifact ? node_text(artifact, "digest") : NULL;
	const char *from = artifact ? node_text(artifact, "url") : NULL;
	struct digest wanted;

	if (!text || !from || digest_parse(text, &wanted, err))
		return err_set(err, ERR_STALLED, "it succeeded without an artifact's url and digest");
	return fetch_from(job, from, wanted, err);
}

/* -1: goes on; else the exit code. */
static int read_state(struct job *job, const struct http_reply *reply)
{
	struct err err = {0};
	struct node *root;
	const char *state, *why;

	if (json_parse(reply->body.data, reply->body.len, REPLY_BYTES_MAX, &job->arena, &root, &err)) {
		printf("job: its state cannot be read: %s\n", err.text);
		return -1;
	}
	state = node_text(root, "state");
	why = node_text(root, "why");
	if (state && strcmp(state, "succeeded") == 0) {
		if (!fetch(job, node_at(root, "artifact"), &err))
			return 0;
		printf("the outside job: %s\n", err.text);
		return RUN_EXIT_ERROR;
	}
	if (!state || (strcmp(state, "refused") && strcmp(state, "failed")))
		return -1;
	printf("the outside job %s%s%s\n", state, why ? ": " : "", why ? why : "");
	return strcmp(state, "refused") ? RUN_EXIT_ERROR : RUN_EXIT_CONSIDERED;
}

/* A start whose reply was lost is found by asking; one that was not found is started again. */
static int follow(struct job *job)
{
	int code = -1;

	while (code < 0) {
		const char *url = arena_printf(&job->arena, "%s/%s", job->url, job->key.hex);
		const char *what = "asked";
		struct http_reply reply = call(job, "GET", url);

		if (reply.status == 404) {
			what = "started";
			reply = call(job, "POST", job->url);
		}
		if (reply.status < 200 || reply.status > 299)
			say(what, &reply);
		else if (strcmp(what, "asked") == 0)
			code = read_state(job, &reply);
		if (is_final(reply.status)) {
			say_final(what, reply.status);
			code = RUN_EXIT_ERROR;
		}
		if (code < 0)
			rest(job);
		arena_reset(&job->arena);
	}
	return code;
}

int job_run(const char *url, int64_t poll_ms)
{
	struct http_curl *http = http_curl_new();
	struct job job = {
		.curl = http, .http = http_curl_port(http), .clock = clock_posix(), .url = url,
		.poll_ms = poll_ms,
	};
	struct err err = {0};
	int code = RUN_EXIT_ERROR;

	arena_init(&job.arena, 64 << 20);
	buf_init(&job.body, 2 * (size_t)ROWS_BYTES_MAX);
	if (read_task(&job, &err))
		printf("the outside job: %s\n", err.text);
	else
		code = follow(&job);
	buf_deinit(&job.body);
	arena_deinit(&job.arena);
	http_curl_free(http);
	return code;
}
