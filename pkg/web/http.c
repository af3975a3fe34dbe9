/* The sockets: libmicrohttpd on the caller's loop. Bounded in connections, streams, bytes and time;
 * nothing here waits. */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "web/internal.h"
#include "web/listen.h"

enum {
	CONNECTIONS = 128,
	STREAMS = 32,
	MEMORY_BYTES = 16 << 10,  /* of one connection: its request's head */
	REQUEST_MS = 15000,       /* a request, whole, and the wait for it */
	REPLY_MS = 30000,         /* taking the reply */
	STALLED_S = 60,           /* a stream that takes nothing */
	KEEPALIVE_MS = 15000,     /* a stream that nothing is said to */
};

/* One open connection and until when it may be so. */
struct client {
	int fd; /* -1: free */
	int64_t until_ms;
	bool cut;
	bool idle; /* between two requests */
};

/* One listener to changes; lives as long as its response. */
struct stream {
	struct web *web; /* NULL: free */
	struct MHD_Connection *connection;
	bool suspended;
	uint64_t next;     /* sequence of the change to be sent next */
	struct text *now;  /* what is being sent, from `offset` on; NULL nothing */
	size_t offset;
	int64_t keepalive_ms;
};

struct web {
	struct web_config config; /* texts are ours */
	char *token, *secret, *version;
	struct site site;
	struct MHD_Daemon *daemon;
	int port;
	struct client clients[CONNECTIONS];
	struct stream streams[STREAMS];
	bool closing;
};

/* One request while its body comes in. */
struct exchange {
	struct buf body;
	bool too_large;
};

static int client_fd(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static struct client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_connection(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct client *client = *context;
	struct web *web = self;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (client)
			client->fd = -1;
		web->site.traffic.connections--;
		return;
	}
	web->site.traffic.connections++;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		client = &web->clients[i];
		if (client->fd >= 0)
			continue;
		*client = (struct client){.fd = client_fd(connection),
		                          .until_ms = web->site.now_ms + REQUEST_MS};
		*context = client;
		return;
	}
}

static void allow(struct web *web, struct MHD_Connection *connection, int64_t ms)
{
	struct client *client = client_of(connection);

	if (!client)
		return;
	client->until_ms = ms < 0 ? INT64_MAX : web->site.now_ms + ms;
	client->idle = false;
}

/* A connection that takes longer than it may is shut; libmicrohttpd then sees its end. */
static void cut_late(struct web *web)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct client *client = &web->clients[i];

		if (client->fd < 0 || client->cut || web->site.now_ms < client->until_ms)
			continue;
		client->cut = true;
		web->site.traffic.cut += !client->idle;
		shutdown(client->fd, SHUT_RDWR);
	}
}

static int64_t next_cut_ms(const struct web *web, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct client *client = &web->clients[i];

		if (client->fd >= 0 && !client->cut && client->until_ms < next_ms)
			next_ms = client->until_ms;
	}
	return next_ms == INT64_MAX ? -1 : next_ms > now_ms ? next_ms - now_ms : 0;
}

/* ---- streams ---- */

static const char stream_reset[] = "event: reset\ndata: {}\n\n"; /* read the whole fleet again */
static const char stream_keepalive[] = ": still here\n\n";

/* The next thing to be said on a stream; NULL nothing. */
static struct text *stream_next(struct stream *stream)
{
	const struct store *store = &stream->web->site.store;
	int64_t now_ms = stream->web->site.now_ms;
	struct text *text;

	if (stream->next != store->sequence + 1) {
		stream->keepalive_ms = now_ms + KEEPALIVE_MS;
		text = store_change(store, stream->next);
		if (text) {
			stream->next++;
			return text_ref(text);
		}
		stream->next = store->sequence + 1;
		return text_new(stream_reset, sizeof(stream_reset) - 1);
	}
	if (now_ms < stream->keepalive_ms)
		return NULL;
	stream->keepalive_ms = now_ms + KEEPALIVE_MS;
	return text_new(stream_keepalive, sizeof(stream_keepalive) - 1);
}

static ssize_t stream_read(void *self, uint64_t position, char *out, size_t max)
{
	struct stream *stream = self;
	size_t n;

	(void)position;
	if (stream->web->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!stream->now) {
		stream->now = stream_next(stream);
		stream->offset = 0;
	}
	if (!stream->now) {
		MHD_suspend_connection(stream->connection);
		stream->suspended = true;
		return 0;
	}
	n = stream->now->len - stream->offset;
	n = n < max ? n : max;
	memcpy(out, stream->now->data + stream->offset, n);
	stream->offset += n;
	if (stream->offset == stream->now->len) {
		text_unref(stream->now);
		stream->now = NULL;
	}
	return (ssize_t)n;
}

static void stream_free(void *self)
{
	struct stream *stream = self;

	text_unref(stream->now);
	stream->web->site.traffic.streams--;
	*stream = (struct stream){0};
}

static bool stream_wants(const struct stream *stream, int64_t now_ms)
{
	return stream->web && stream->suspended &&
	       (stream->next != stream->web->site.store.sequence + 1 ||
	        now_ms >= stream->keepalive_ms || stream->web->closing);
}

static void resume_streams(struct web *web)
{
	for (size_t i = 0; i < STREAMS; i++) {
		struct stream *stream = &web->streams[i];

		if (!stream_wants(stream, web->site.now_ms))
			continue;
		stream->suspended = false;
		MHD_resume_connection(stream->connection);
	}
}

static struct MHD_Response *open_stream(struct web *web, struct MHD_Connection *connection,
                                        uint64_t after)
{
	for (size_t i = 0; i < STREAMS; i++) {
		struct stream *stream = &web->streams[i];

		if (stream->web)
			continue;
		*stream = (struct stream){.web = web, .connection = connection, .next = after + 1};
		web->site.traffic.streams++;
		MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
		                          (unsigned)STALLED_S);
		allow(web, connection, -1);
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, stream,
		                                         stream_free);
	}
	return NULL;
}

/* ---- replies ---- */

static void add_header(struct MHD_Response *response, const char *name, const char *text)
{
	if (text && MHD_add_response_header(response, name, text) == MHD_NO)
		panic("web: header %s: %s", name, text);
}

static void free_text(void *text)
{
	text_unref(text);
}

static struct MHD_Response *make_response(const struct reply *reply)
{
	void *bytes = (void *)reply->body.data;

	if (reply->owner)
		return MHD_create_response_from_buffer_with_free_callback_cls(
			reply->body.len, bytes, free_text, reply->owner);
	return MHD_create_response_from_buffer(reply->body.len, bytes, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_reply(struct web *web, struct MHD_Connection *connection,
                                  struct reply reply)
{
	static const char busy[] = "{\"error\":\"too many listen already\"}\n";
	struct MHD_Response *response = NULL;
	enum MHD_Result result;

	allow(web, connection, REPLY_MS);
	if (reply.stream)
		response = open_stream(web, connection, reply.after);
	if (reply.stream && !response)
		reply = (struct reply){503, "application/json", .body = {busy, sizeof(busy) - 1}};
	if (!response)
		response = make_response(&reply);
	if (!response)
		panic("web: no response");
	web->site.traffic.requests[reply.status / 100 % 6]++;
	add_header(response, "Content-Type", reply.type);
	add_header(response, "Content-Security-Policy",
	           "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
	add_header(response, "X-Content-Type-Options", "nosniff");
	add_header(response, "Referrer-Policy", "no-referrer");
	add_header(response, "Cache-Control", reply.etag ? "no-cache" : "no-store");
	add_header(response, "ETag", reply.etag);
	add_header(response, "Allow", reply.allow);
	if (reply.status == 401)
		add_header(response, "WWW-Authenticate", "Bearer");
	result = MHD_queue_response(connection, (unsigned)reply.status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- requests ---- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static struct request_in read_request(struct MHD_Connection *connection, const char *method,
                                      const char *path)
{
	return (struct request_in){
		.method = method,
		.path = path,
		.event = argument(connection, "event"),
		.after = argument(connection, "after"),
		.host = header(connection, "Host"),
		.authorization = header(connection, "Authorization"),
		.if_none_match = header(connection, "If-None-Match"),
		.hook = {
			.github = header(connection, "X-Hub-Signature-256"),
			.gitea = header(connection, "X-Gitea-Signature"),
			.gitlab = header(connection, "X-Gitlab-Token"),
			.plain = header(connection, "X-Linnet-Signature"),
		},
	};
}

static void take_body(struct exchange *exchange, const char *data, size_t *size)
{
	buf_add(&exchange->body, data, *size);
	exchange->too_large = exchange->body.full;
	*size = 0;
}

/* Called once for the head, for each part of a body, and once at its end. */
static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *http, const char *data,
                                  size_t *size, void **context)
{
	struct request_in request = read_request(connection, method, path);
	struct exchange *exchange = *context;
	struct web *web = self;

	(void)http;
	if (!exchange) {
		exchange = *context = heap_alloc(1, sizeof(*exchange));
		buf_init(&exchange->body, BODY_BYTES);
		allow(web, connection, REQUEST_MS);
		if (route_takes_body(&request))
			return MHD_YES;
		if (header(connection, "Content-Length") || header(connection, "Transfer-Encoding"))
			return send_reply(web, connection, route(&web->site, &request));
		return MHD_YES;
	}
	if (*size) {
		take_body(exchange, data, size);
		return MHD_YES;
	}
	request.body = (struct bytes){buf_text(&exchange->body), exchange->body.len};
	request.too_large = exchange->too_large;
	return send_reply(web, connection, route(&web->site, &request));
}

static void on_completed(void *self, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
	struct client *client = client_of(connection);
	struct exchange *exchange = *context;

	(void)code;
	if (exchange)
		buf_deinit(&exchange->body);
	free(exchange);
	*context = NULL;
	allow(self, connection, REQUEST_MS);
	if (client)
		client->idle = true;
}

/* ---- the whole ---- */

static char *copy(const char *text)
{
	return text ? heap_strdup(text) : NULL;
}

static void renew(char **kept, const char *text)
{
	if (*kept && text && !strcmp(*kept, text))
		return;
	free(*kept);
	*kept = copy(text);
}

void web_secrets(struct web *web, const char *token, const char *webhook_secret)
{
	renew(&web->token, token);
	renew(&web->secret, webhook_secret);
	web->site.token = web->token;
	web->site.hook.secret = web->secret;
}

static struct web *web_new(const struct web_config *config)
{
	struct web *web = heap_alloc(1, sizeof(*web));

	web->config = *config;
	web->site.hook.config = &web->config;
	web_secrets(web, config->token, config->webhook_secret);
	web->version = copy(config->version);
	store_init(&web->site.store, web->version);
	for (size_t i = 0; i < CONNECTIONS; i++)
		web->clients[i].fd = -1;
	return web;
}

static void web_free(struct web *web)
{
	store_deinit(&web->site.store);
	free(web->token);
	free(web->secret);
	free(web->version);
	free(web);
}

int web_open(const struct web_config *config, struct web **out, struct err *err)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	struct web *web;
	int fd, port;

	if (listen_open(config->listen, !config->token, &fd, &port, err))
		return -1;
	web = web_new(config);
	web->port = port;
	web->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, web,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)STALLED_S,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, web,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, web,
		MHD_OPTION_END);
	if (!web->daemon) {
		close(fd);
		web_free(web);
		return err_set(err, ERR_STALLED, "web.listen %s: libmicrohttpd does not start",
		               config->listen);
	}
	log_info("web on port %d", port);
	*out = web;
	return 0;
}

void web_close(struct web *web)
{
	if (!web)
		return;
	web->closing = true;
	resume_streams(web);
	MHD_stop_daemon(web->daemon);
	web_free(web);
}

int web_port(const struct web *web)
{
	return web->port;
}

int web_fd(const struct web *web)
{
	return web ? MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd : -1;
}

static void sooner(int64_t *wait_ms, int64_t other_ms)
{
	if (other_ms >= 0 && (*wait_ms < 0 || other_ms < *wait_ms))
		*wait_ms = other_ms;
}

int64_t web_wait_ms(const struct web *web, int64_t now_ms)
{
	MHD_UNSIGNED_LONG_LONG timeout;
	int64_t wait_ms = -1;

	if (!web)
		return -1;
	if (MHD_get_timeout(web->daemon, &timeout) == MHD_YES)
		wait_ms = timeout > INT32_MAX ? INT32_MAX : (int64_t)timeout;
	sooner(&wait_ms, next_cut_ms(web, now_ms));
	sooner(&wait_ms, hook_wait_ms(&web->site.hook, now_ms));
	for (size_t i = 0; i < STREAMS; i++) {
		const struct stream *stream = &web->streams[i];

		if (stream_wants(stream, now_ms))
			return 0;
		if (stream->web && stream->suspended)
			sooner(&wait_ms, stream->keepalive_ms - now_ms);
	}
	return wait_ms;
}

void web_turn(struct web *web, int64_t now_ms)
{
	if (!web)
		return;
	web->site.now_ms = now_ms;
	cut_late(web);
	resume_streams(web);
	MHD_run(web->daemon);
	hook_turn(&web->site.hook, now_ms);
}

struct watch web_watch(struct web *web)
{
	return store_watch(&web->site.store);
}

void web_tell(struct web *web, const struct figures *figures)
{
	if (web)
		store_figures(&web->site.store, figures);
}
