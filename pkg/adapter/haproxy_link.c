/* The two sockets between us and HAProxy: its admin socket, and the one that it logs to. Both are
 * named through the open folder, because a socket's path may not be longer than 107 bytes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "adapter/haproxy_parts.h"
#include "base/heap.h"

enum {
	ANSWER_MS = 1000,
	READ_BYTES = 64 << 10,
	DRAIN_BYTES_MAX = 16 << 20, /* at a time; the rest waits in the ring */
	FRAME_BYTES_MAX = 2 << 10,
};

static struct sockaddr_un address_of(const struct haproxy *haproxy, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", haproxy->dir,
	         name);
	return address;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the admin socket ---- */

static int wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd poller = {fd, events, 0};
	int64_t left_ms = until_ms - now_ms();

	if (left_ms <= 0 || poll(&poller, 1, (int)left_ms) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return 0;
}

/* One more step of the exchange; 0 to go on, 1 at its end, -1 with errno. */
static int exchange(int fd, const char **commands, struct buf *reply, int64_t until_ms)
{
	static char bytes[READ_BYTES];
	size_t left = strlen(*commands);
	ssize_t n;

	if (wait_for(fd, left > 0 ? POLLOUT : POLLIN, until_ms) < 0)
		return -1;
	if (left > 0)
		n = send(fd, *commands, left, MSG_NOSIGNAL);
	else
		n = recv(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (left > 0)
		*commands += n;
	else if (n > 0)
		buf_add(reply, bytes, (size_t)n);
	return left == 0 && n == 0;
}

int link_run(const struct haproxy *haproxy, const char *commands, struct buf *reply,
             struct err *err)
{
	struct sockaddr_un address = address_of(haproxy, "admin.sock");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t until_ms = now_ms() + ANSWER_MS;
	int rc = 0;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		rc = err_errno(err, ERR_TRANSIENT, errno, "HAProxy's admin socket");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0)
		rc = exchange(fd, &commands, reply, until_ms);
	if (rc < 0)
		rc = err_errno(err, ERR_UNKNOWN, errno, "HAProxy's admin socket");
	else
		rc = buf_check(reply, "HAProxy's reply", err);
	close(fd);
	return rc;
}

/* ---- the log ---- */

static int watch(const struct haproxy *haproxy, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(haproxy->log_events, EPOLL_CTL_ADD, fd, &event);
}

int log_open_listener(struct haproxy *haproxy, struct err *err)
{
	struct sockaddr_un address = address_of(haproxy, "log.sock");

	haproxy->peers = heap_alloc(LOG_PEERS, sizeof(*haproxy->peers));
	for (int i = 0; i < LOG_PEERS; i++)
		haproxy->peers[i].fd = -1;
	haproxy->log_events = epoll_create1(EPOLL_CLOEXEC);
	haproxy->log_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlinkat(haproxy->dir, "log.sock", 0);
	if (haproxy->log_events < 0 || haproxy->log_listener < 0 ||
	    bind(haproxy->log_listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(haproxy->dir, "log.sock", 0600, 0) < 0 ||
	    listen(haproxy->log_listener, LOG_PEERS) < 0 || watch(haproxy, haproxy->log_listener) < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s/log.sock", haproxy->folder);
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void log_close(struct haproxy *haproxy)
{
	for (int i = 0; haproxy->peers && i < LOG_PEERS; i++)
		close_fd(&haproxy->peers[i].fd);
	close_fd(&haproxy->log_listener);
	close_fd(&haproxy->log_events);
	free(haproxy->peers);
	haproxy->peers = NULL;
}

static void accept_peers(struct haproxy *haproxy)
{
	for (;;) {
		int fd = accept4(haproxy->log_listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		int i = 0;

		if (fd < 0)
			return;
		while (i < LOG_PEERS && haproxy->peers[i].fd >= 0)
			i++;
		if (i == LOG_PEERS || watch(haproxy, fd) < 0) {
			close(fd); /* it tries again */
			return;
		}
		haproxy->peers[i].fd = fd;
		haproxy->peers[i].len = 0;
	}
}

/* Requests that were tried elsewhere first took time that this server did not; those that
 * failed are counted, not timed. A line of a replica that has left its slot is nobody's. */
static void take_line(struct haproxy *haproxy, const char *text, size_t len)
{
	char revision[REVISION_SHORT + 1];
	struct haproxy_server *server;
	struct log_line line;

	if (!read_log_line(text, len, &line) || line.retried || line.status >= 500 ||
	    (size_t)line.backend >= haproxy->n_backends || line.server >= haproxy->slots)
		return;
	server = &haproxy->backends[line.backend].servers[line.server];
	revision_short(server->revision, revision);
	if (!server->used || strcmp(revision, line.revision) != 0)
		return;
	server->counters.latency[latency_bin((double)line.us / 1000)]++;
	haproxy->dirty = true;
}

/* Takes the whole frames out of its buffer; false when what it sends makes no sense. */
static bool take_frames(struct haproxy *haproxy, struct log_peer *peer)
{
	size_t at = 0;
	const char *text;
	size_t len;
	int n;

	while ((n = read_frame(peer->bytes + at, peer->len - at, FRAME_BYTES_MAX, &text, &len)) > 0) {
		take_line(haproxy, text, len);
		at += (size_t)n;
	}
	peer->len -= at;
	memmove(peer->bytes, peer->bytes + at, peer->len);
	return n == 0;
}

/* Bytes taken; 0 when there is nothing now. */
static size_t drain_peer(struct haproxy *haproxy, struct log_peer *peer)
{
	ssize_t n = recv(peer->fd, peer->bytes + peer->len, LOG_PEER_BYTES - peer->len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		peer->len += (size_t)n;
	if (n <= 0 || !take_frames(haproxy, peer))
		close_fd(&peer->fd);
	return n > 0 ? (size_t)n : 0;
}

void haproxy_drain(struct haproxy *haproxy)
{
	accept_peers(haproxy);
	for (int i = 0; i < LOG_PEERS; i++) {
		size_t taken = 0, n = 1;

		while (n > 0 && taken < DRAIN_BYTES_MAX && haproxy->peers[i].fd >= 0)
			taken += n = drain_peer(haproxy, &haproxy->peers[i]);
	}
}

int haproxy_log_fd(const struct haproxy *haproxy)
{
	return haproxy->log_events;
}
