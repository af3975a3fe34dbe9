/* What is between us and HAProxy: its admin socket, and the FIFO that it logs to. The socket is
 * named through the open folder, because its path may not be longer than 107 bytes.
 *
 * A FIFO, because with a `ring` and a socket HAProxy 2.6 tries to connect again without a pause
 * while nobody listens: it used 60 % of a processor whenever we were away. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "adapter/haproxy_parts.h"
#include "base/heap.h"

enum {
	ANSWER_MS = 1000,
	READ_BYTES = 64 << 10,
	LOG_PIPE_BYTES = 1 << 20,  /* some 25,000 requests while nobody reads; later ones are lost */
	DRAIN_BYTES_MAX = 8 << 20, /* at a time */
};

static struct sockaddr_un admin_address(const struct haproxy *haproxy)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/admin.sock",
	         haproxy->dir);
	return address;
}

/* ---- the admin socket ---- */

static int wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd poller = {fd, events, 0};
	int64_t left_ms = until_ms - clock_now_ms();

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
	struct sockaddr_un address = admin_address(haproxy);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t until_ms = clock_now_ms() + ANSWER_MS;
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

/* Opened for reading and writing, here and by HAProxy: it has a reader and a writer whoever is
 * away, and keeps what it holds. */
int link_open_log(struct haproxy *haproxy, struct err *err)
{
	struct stat st;

	if (mkfifoat(haproxy->dir, "log.fifo", 0600) < 0 && errno != EEXIST)
		return err_errno(err, ERR_TRANSIENT, errno, "%s/log.fifo", haproxy->folder);
	haproxy->log_fd = openat(haproxy->dir, "log.fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (haproxy->log_fd < 0 || fstat(haproxy->log_fd, &st) < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s/log.fifo", haproxy->folder);
	if (!S_ISFIFO(st.st_mode))
		return err_set(err, ERR_STALLED, "%s/log.fifo: is no FIFO", haproxy->folder);
	for (int bytes = LOG_PIPE_BYTES; bytes > LOG_BYTES; bytes /= 2)
		if (fcntl(haproxy->log_fd, F_SETPIPE_SZ, bytes) >= 0)
			break; /* as large as the system lets it be */
	haproxy->log_bytes = heap_alloc(LOG_BYTES, 1);
	return 0;
}

void link_close_log(struct haproxy *haproxy)
{
	if (haproxy->log_fd >= 0)
		close(haproxy->log_fd);
	haproxy->log_fd = -1;
	free(haproxy->log_bytes);
	haproxy->log_bytes = NULL;
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

/* Takes the whole lines out of the buffer; one that fills it alone is none of ours. */
static void take_lines(struct haproxy *haproxy)
{
	char *at = haproxy->log_bytes, *end = at + haproxy->log_len, *newline;

	while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
		take_line(haproxy, at, (size_t)(newline - at));
		at = newline + 1;
	}
	haproxy->log_len = (size_t)(end - at);
	memmove(haproxy->log_bytes, at, haproxy->log_len);
	if (haproxy->log_len == LOG_BYTES)
		haproxy->log_len = 0;
}

void haproxy_drain(struct haproxy *haproxy)
{
	size_t taken = 0;

	while (haproxy->log_fd >= 0 && taken < DRAIN_BYTES_MAX) {
		ssize_t n = read(haproxy->log_fd, haproxy->log_bytes + haproxy->log_len,
		                 LOG_BYTES - haproxy->log_len);

		if (n <= 0)
			return;
		taken += (size_t)n;
		haproxy->log_len += (size_t)n;
		take_lines(haproxy);
	}
}

int haproxy_log_fd(const struct haproxy *haproxy)
{
	return haproxy->log_fd;
}
