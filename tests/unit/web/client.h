/* A web and its clients in one thread: real sockets, a clock that the test turns. */
#ifndef LINNET_TESTS_WEB_CLIENT_H
#define LINNET_TESTS_WEB_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "web/web.h"

enum { REPLY_BYTES = 4 << 20, QUIET_MS = 30, PATIENCE = 400 };

struct place {
	struct web *web;
	int64_t now_ms;
	int fetches, events;
	bool full; /* no event can be kept */
	char event[64];
};

static inline void count_fetch(void *self)
{
	((struct place *)self)->fetches++;
}

static inline void count_event(void *self, const char *name)
{
	struct place *place = self;

	place->events++;
	snprintf(place->event, sizeof(place->event), "%s", name);
}

static inline int keep_event(void *self, const char *name, struct err *err)
{
	return ((struct place *)self)->full ? err_set(err, ERR_TRANSIENT, "%s: no room", name) : 0;
}

static inline void place_open(struct place *place, const char *token, const char *secret)
{
	struct web_config config = {
		.listen = "127.0.0.1:0", .token = token, .webhook_secret = secret, .version = "v1 \"x\"",
		.self = place, .fetch = count_fetch, .event = count_event,
		.keep = keep_event,
	};
	struct err err = {0};

	*place = (struct place){.now_ms = 1000000};
	if (web_open(&config, &place->web, &err))
		fail_msg("%s", err.text);
}

/* Lets the web work until nothing is left to do for a moment. */
static inline void place_turn(struct place *place)
{
	struct pollfd fd = {web_fd(place->web), POLLIN, 0};
	int64_t wait_ms;

	do {
		web_turn(place->web, place->now_ms);
		wait_ms = web_wait_ms(place->web, place->now_ms);
	} while (wait_ms == 0 || poll(&fd, 1, QUIET_MS) > 0);
}

static inline int client_open(const struct place *place)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)web_port(place->web)),
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends what the other side takes at once, turning the web where it takes no more. */
static inline void client_send(struct place *place, int fd, const char *text, size_t len)
{
	int left = PATIENCE;

	while (len && left--) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else {
			web_turn(place->web, place->now_ms);
			poll(NULL, 0, 5);
		}
	}
}

/* Adds what is there to `out`; says whether the other side has closed. */
static inline bool client_take(int fd, struct buf *out)
{
	char bytes[65536];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_add(out, bytes, (size_t)n);
	return n == 0;
}

/* One whole exchange on a connection of its own; the reply with its head in `out`; its status. */
static inline int ask(struct place *place, const char *request, size_t len, struct buf *out)
{
	int fd = client_open(place), status = -1;
	bool closed = false;

	buf_clear(out);
	client_send(place, fd, request, len);
	for (int i = 0; i < PATIENCE && !closed; i++) {
		web_turn(place->web, place->now_ms);
		closed = client_take(fd, out);
		if (!closed)
			poll(NULL, 0, 5);
	}
	assert_true(closed);
	close(fd);
	if (out->len > 12)
		status = (out->text[9] - '0') * 100 + (out->text[10] - '0') * 10 + out->text[11] - '0';
	return status;
}

/* GET of a path with further header lines ("Name: value\r\n"). */
static inline int get_with(struct place *place, const char *path, const char *headers,
                           struct buf *out)
{
	char request[4096];
	int n = snprintf(request, sizeof(request),
	                 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", path,
	                 headers);

	return ask(place, request, (size_t)n, out);
}

static inline int get(struct place *place, const char *path, struct buf *out)
{
	return get_with(place, path, "", out);
}

static inline const char *body_of(const struct buf *reply)
{
	const char *end = strstr(buf_text(reply), "\r\n\r\n");

	return end ? end + 4 : "";
}

#endif
