#include "adapter/http_curl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "base/heap.h"

enum { UNWANTED_MS = 60000 };

struct http_curl {
	CURLM *multi;                /* of batches that are waited for */
	CURLM *background;           /* of questions */
	struct question *questions;
};

/* One request under way; the callbacks of its handle write here. */
struct transfer {
	const struct http_request *request;
	struct http_reply *reply;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	char error[CURL_ERROR_SIZE];
	bool done;
};

/* One that is not waited for, on the heap. */
struct question {
	struct question *next;
	struct http_request request; /* its URL is ours */
	struct transfer transfer;    /* its reply is whoever's looks */
	int64_t deadline_ms;
	bool ended;
	CURLcode code; /* of its end */
};

static CURLM *multi_new(void)
{
	CURLM *multi = curl_multi_init();

	if (!multi)
		panic("http: libcurl has no multi handle");
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)HTTP_CONNECTIONS);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS);
	return multi;
}

struct http_curl *http_curl_new(void)
{
	struct http_curl *http = heap_alloc(1, sizeof(*http));

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		panic("http: libcurl cannot be initialised");
	http->multi = multi_new();
	http->background = multi_new();
	return http;
}

static bool only_reads(const struct http_request *request)
{
	return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static enum err_kind kind_of(const struct transfer *transfer, CURLcode code)
{
	if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT || transfer->body.full)
		return ERR_STALLED;
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
	    code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION)
		return ERR_TRANSIENT;
	return only_reads(transfer->request) ? ERR_TRANSIENT : ERR_UNKNOWN;
}

static void fail(struct transfer *transfer, CURLcode code)
{
	struct http_reply *reply = transfer->reply;
	char url[HTTP_SHOWN_BYTES];

	http_show_url(transfer->request->url, url);
	reply->status = 0;
	reply->body = (struct bytes){0};
	if (transfer->body.full)
		err_set(&reply->err, ERR_STALLED, "%s %s: the reply is larger than %zu bytes",
		        transfer->request->method, url, transfer->request->body_bytes_max);
	else
		err_set(&reply->err, kind_of(transfer, code), "%s %s: %s", transfer->request->method, url,
		        transfer->error[0] ? transfer->error : curl_easy_strerror(code));
}

/* libcurl does not bound a body of unknown length, so that is done here. */
static size_t take_body(char *bytes, size_t size, size_t n, void *context)
{
	struct transfer *transfer = context;

	buf_add(&transfer->body, bytes, size * n);
	return transfer->body.full ? 0 : size * n;
}

static struct curl_slist *header_list(const struct http_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list && i < request->n_headers; i++) {
		struct curl_slist *longer = curl_slist_append(list, request->headers[i]);

		if (!longer)
			panic("http: out of memory");
		list = longer;
	}
	return list;
}

static void set_safety(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a name that is being resolved holds nobody */
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "linnet");
}

static void set_method(CURL *easy, const struct http_request *request)
{
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (request->body.data || !only_reads(request)) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data ? request->body.data : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void begin(CURLM *multi, struct transfer *transfer, int64_t left_ms)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		panic("http: libcurl has no handle");
	buf_init(&transfer->body, transfer->request->body_bytes_max);
	transfer->easy = easy;
	transfer->headers = header_list(transfer->request);
	set_safety(easy);
	set_method(easy, transfer->request);
	curl_easy_setopt(easy, CURLOPT_URL, transfer->request->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	                 (long)(left_ms < HTTP_CONNECT_MS ? left_ms : HTTP_CONNECT_MS));
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_multi_add_handle(multi, easy);
}

static void finish(struct transfer *transfer, CURLcode code, struct arena *arena)
{
	struct http_reply *reply = transfer->reply;
	long status = 0;

	transfer->done = true;
	curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME, &reply->seconds);
	if (code == CURLE_OK && !transfer->body.full) {
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		reply->status = (int)status;
		reply->body.data = arena_memdup(arena, buf_text(&transfer->body), transfer->body.len + 1);
		reply->body.len = transfer->body.len;
	} else {
		fail(transfer, code);
	}
}

/* Takes what has ended; the number of transfers that did. */
static size_t take_ended(struct http_curl *http, struct arena *arena)
{
	struct CURLMsg *message;
	size_t ended = 0;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct transfer *transfer = NULL;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		finish(transfer, message->data.result, arena);
		ended++;
	}
	return ended;
}

/* Until all have ended or the deadline has passed. */
static int run(struct http_curl *http, size_t n, int64_t deadline_ms, struct arena *arena,
               struct err *err)
{
	CURLMcode code = CURLM_OK;

	while (n > 0 && code == CURLM_OK) {
		int64_t left_ms = deadline_ms - clock_now_ms();
		int running;

		code = curl_multi_perform(http->multi, &running);
		n -= take_ended(http, arena);
		if (n == 0 || left_ms <= 0)
			break;
		if (code == CURLM_OK)
			code = curl_multi_poll(http->multi, NULL, 0, left_ms < 1000 ? (int)left_ms : 1000,
			                       NULL);
	}
	if (code != CURLM_OK)
		return err_set(err, ERR_TRANSIENT, "http: %s", curl_multi_strerror(code));
	return 0;
}

static void end(CURLM *multi, struct transfer *transfer)
{
	curl_multi_remove_handle(multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	buf_deinit(&transfer->body);
}

static int perform(void *self, const struct http_request *requests, struct http_reply *replies,
                   size_t n, int64_t deadline_ms, struct arena *arena, struct err *err)
{
	struct http_curl *http = self;
	struct transfer *transfers = arena_array(arena, n, struct transfer);
	int64_t left_ms = deadline_ms - clock_now_ms();
	int result;

	for (size_t i = 0; i < n; i++) {
		replies[i] = (struct http_reply){0};
		transfers[i] = (struct transfer){.request = &requests[i], .reply = &replies[i]};
		begin(http->multi, &transfers[i], left_ms > 1 ? left_ms : 1);
	}
	result = run(http, n, deadline_ms, arena, err);
	for (size_t i = 0; i < n; i++) {
		if (!transfers[i].done)
			fail(&transfers[i], CURLE_OPERATION_TIMEDOUT);
		end(http->multi, &transfers[i]);
	}
	return result;
}

/* ---- Questions ---- */

static struct question *question_new(struct http_curl *http, const char *url,
                                     size_t body_bytes_max, int64_t deadline_ms)
{
	struct question *question = heap_alloc(1, sizeof(*question));
	int64_t left_ms = deadline_ms - clock_now_ms();

	question->request = (struct http_request){.method = "GET", .url = heap_strdup(url),
	                                          .body_bytes_max = body_bytes_max};
	question->transfer.request = &question->request;
	question->deadline_ms = deadline_ms;
	question->next = http->questions;
	http->questions = question;
	begin(http->background, &question->transfer, left_ms > 1 ? left_ms : 1);
	return question;
}

static void question_free(struct http_curl *http, struct question **at)
{
	struct question *question = *at;

	*at = question->next;
	end(http->background, &question->transfer);
	free((char *)question->request.url);
	free(question);
}

/* Moves all on, as far as that goes without waiting, and drops what nobody wants to know. */
static void turn(struct http_curl *http)
{
	struct question **at = &http->questions;
	struct CURLMsg *message;
	int left;

	curl_multi_perform(http->background, &left);
	while ((message = curl_multi_info_read(http->background, &left))) {
		struct question *question = http->questions;

		while (question->transfer.easy != message->easy_handle)
			question = question->next;
		question->ended = true;
		question->code = message->data.result;
	}
	while (*at)
		if (clock_now_ms() > (*at)->deadline_ms + UNWANTED_MS)
			question_free(http, at);
		else
			at = &(*at)->next;
}

static bool ask(void *self, const char *url, size_t body_bytes_max, int64_t deadline_ms,
                struct arena *arena, struct http_reply *reply)
{
	struct http_curl *http = self;
	struct question **at = &http->questions;

	turn(http);
	while (*at && strcmp((*at)->request.url, url))
		at = &(*at)->next;
	if (!*at) {
		question_new(http, url, body_bytes_max, deadline_ms);
		turn(http);
		return false;
	}
	if (!(*at)->ended)
		return false;
	*reply = (struct http_reply){0};
	(*at)->transfer.reply = reply;
	finish(&(*at)->transfer, (*at)->code, arena);
	question_free(http, at);
	return true;
}

struct port_http http_curl_port(struct http_curl *http)
{
	return (struct port_http){.self = http, .perform = perform, .ask = ask};
}

void http_curl_free(struct http_curl *http)
{
	if (!http)
		return;
	while (http->questions)
		question_free(http, &http->questions);
	curl_multi_cleanup(http->multi);
	curl_multi_cleanup(http->background);
	curl_global_cleanup();
	free(http);
}

/* ---- Downloads ---- */

/* What the callback knows. */
struct stream {
	const struct http_download *download;
	CURL *easy;
	int64_t bytes;
	bool too_large;
	int errnum; /* of a failed write */
};

/* Only the body of a 200 is data. */
static size_t take_piece(char *bytes, size_t size, size_t n, void *context)
{
	struct stream *stream = context;
	size_t left = size * n;
	long status = 0;

	curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return left;
	stream->bytes += (int64_t)left;
	stream->too_large = stream->bytes > stream->download->bytes_max;
	while (left > 0 && !stream->too_large) {
		ssize_t written = write(stream->download->fd, bytes, left);

		if (written < 0 && errno != EINTR) {
			stream->errnum = errno;
			return 0;
		}
		bytes += written > 0 ? written : 0;
		left -= written > 0 ? (size_t)written : 0;
	}
	return stream->too_large ? 0 : size * n;
}

/* Libcurl signs: it hashes path, host and date as S3 wants them. */
static struct curl_slist *sign(CURL *easy, const struct http_download *download)
{
	struct curl_slist *headers;
	struct buf text;

	buf_init(&text, 16 << 10);
	buf_printf(&text, "aws:amz:%s:s3", download->region);
	curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, buf_text(&text));
	curl_easy_setopt(easy, CURLOPT_USERNAME, download->access_key);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, download->secret_key);
	headers = curl_slist_append(NULL, "x-amz-content-sha256: UNSIGNED-PAYLOAD");
	if (headers && download->session_token) {
		buf_clear(&text);
		buf_printf(&text, "x-amz-security-token: %s", download->session_token);
		headers = curl_slist_append(headers, buf_text(&text));
	}
	buf_deinit(&text);
	return headers;
}

static int download_error(const struct stream *stream, CURLcode code, const char *detail,
                          struct err *err)
{
	char url[HTTP_SHOWN_BYTES];
	long status = 0;

	http_show_url(stream->download->url, url);
	curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
	if (stream->too_large)
		return err_set(err, ERR_STALLED, "%s: is larger than %lld bytes", url,
		               (long long)stream->download->bytes_max);
	if (stream->errnum)
		return err_errno(err, ERR_TRANSIENT, stream->errnum, "%s: cannot write", url);
	if (code == CURLE_OK)
		return err_set(err, http_is_passing((int)status) ? ERR_TRANSIENT : ERR_STALLED,
		               "%s: the answer is %ld", url, status);
	return err_set(err, code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT
	               ? ERR_STALLED : ERR_TRANSIENT, "%s: %s", url,
	               detail[0] ? detail : curl_easy_strerror(code));
}

int http_curl_download(struct http_curl *http, const struct http_download *download,
                       int64_t deadline_ms, struct err *err)
{
	struct stream stream = {.download = download, .easy = curl_easy_init()};
	int64_t left_ms = deadline_ms - clock_now_ms();
	struct curl_slist *headers = NULL;
	char detail[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;
	int result = 0;

	(void)http;
	if (!stream.easy)
		panic("http: libcurl has no handle");
	set_safety(stream.easy);
	if (download->region)
		headers = sign(stream.easy, download);
	curl_easy_setopt(stream.easy, CURLOPT_URL, download->url);
	curl_easy_setopt(stream.easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(stream.easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 1 ? left_ms : 1));
	curl_easy_setopt(stream.easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
	curl_easy_setopt(stream.easy, CURLOPT_LOW_SPEED_LIMIT, 1024L);
	curl_easy_setopt(stream.easy, CURLOPT_LOW_SPEED_TIME, 60L);
	curl_easy_setopt(stream.easy, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(stream.easy, CURLOPT_WRITEFUNCTION, take_piece);
	curl_easy_setopt(stream.easy, CURLOPT_WRITEDATA, &stream);
	code = curl_easy_perform(stream.easy);
	curl_easy_getinfo(stream.easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK || status != 200)
		result = download_error(&stream, code, detail, err);
	curl_easy_cleanup(stream.easy);
	curl_slist_free_all(headers);
	return result;
}
