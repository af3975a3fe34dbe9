/* Readiness: GET /v2/models/NAME/ready, without ever waiting for one server alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "adapter/serving_local_parts.h"
#include "base/heap.h"

enum { ANSWER_MS = 5000, STATUS_LINE = 12 }; /* "HTTP/1.1 200" */

struct probes {
	struct probe *items;
	size_t n, capacity;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct probes *probes_new(void)
{
	return heap_alloc(1, sizeof(struct probes));
}

static void give_up(struct probe *probe)
{
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
}

void probes_free(struct probes *probes)
{
	if (!probes)
		return;
	for (size_t i = 0; i < probes->n; i++)
		give_up(&probes->items[i]);
	free(probes->items);
	free(probes);
}

struct probe *probe_find(struct probes *probes, const char *address, int64_t identity)
{
	for (size_t i = 0; i < probes->n; i++)
		if (probes->items[i].identity == identity &&
		    strcmp(probes->items[i].address, address) == 0)
			return &probes->items[i];
	return NULL;
}

struct probe *probe_want(struct probes *probes, const char *address, int64_t identity,
                         const char *model)
{
	struct probe *probe = probe_find(probes, address, identity);

	if (!probe) {
		if (probes->n == probes->capacity) {
			probes->capacity = probes->capacity ? 2 * probes->capacity : 16;
			probes->items = heap_resize(probes->items, probes->capacity,
			                            sizeof(*probes->items));
		}
		probe = &probes->items[probes->n++];
		*probe = (struct probe){.fd = -1, .identity = identity};
		snprintf(probe->address, sizeof(probe->address), "%s", address);
		snprintf(probe->model, sizeof(probe->model), "%s", model);
	}
	probe->wanted = true;
	return probe;
}

static bool set_address(const char *text, struct sockaddr_in *out)
{
	const char *colon = strrchr(text, ':');
	struct err ignored;
	char host[HAPROXY_ADDRESS];
	int64_t port;

	if (!colon || parse_int(colon + 1, 1, 65535, &port, &ignored) < 0)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	*out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, host, &out->sin_addr) == 1;
}

static void fail(struct probe *probe, const char *why)
{
	give_up(probe);
	probe->good = 0;
	snprintf(probe->why, sizeof(probe->why), "GET /v2/models/%.63s/ready: %s", probe->model, why);
}

/* On loopback a connection is there or refused at once, and the request fits its buffer. */
static void ask(struct probe *probe)
{
	struct sockaddr_in address;
	char request[256];
	int n = snprintf(request, sizeof(request),
	                 "GET /v2/models/%s/ready HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
	                 probe->model, probe->address);

	probe->until_ms = now_ms() + ANSWER_MS;
	probe->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(probe->fd, SOL_SOCKET, SO_RCVLOWAT, &(int){STATUS_LINE}, sizeof(int));
	if (probe->fd < 0 || !set_address(probe->address, &address) ||
	    (connect(probe->fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
	     errno != EINPROGRESS) ||
	    send(probe->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
		fail(probe, "nothing listens there yet");
}

/* Only the status line counts, and it comes first. */
static void read_answer(struct probe *probe)
{
	char line[STATUS_LINE + 1] = "";
	char why[32];
	ssize_t n = recv(probe->fd, line, STATUS_LINE, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(probe, "the connection was closed");
	} else if (strncmp(line, "HTTP/1.", 7) == 0 && strcmp(line + 8, " 200") == 0) {
		give_up(probe);
		probe->good++;
	} else {
		snprintf(why, sizeof(why), "answers '%s'", line);
		text_clean(why);
		fail(probe, why);
	}
}

/* Forgets what nobody asked for in this round, and begins what is due. */
static void begin_round(struct probes *probes)
{
	size_t kept = 0;

	for (size_t i = 0; i < probes->n; i++) {
		struct probe *probe = &probes->items[i];

		if (!probe->wanted) {
			give_up(probe);
			continue;
		}
		probe->wanted = false;
		if (probe->fd < 0)
			ask(probe);
		probes->items[kept++] = *probe;
	}
	probes->n = kept;
}

/* Number of probes under way, with an answer or not, in fds and `which`. */
static nfds_t under_way(struct probes *probes, struct pollfd *fds, struct probe **which)
{
	nfds_t n = 0;

	for (size_t i = 0; i < probes->n; i++) {
		struct probe *probe = &probes->items[i];

		if (probe->fd < 0)
			continue;
		if (now_ms() >= probe->until_ms) {
			fail(probe, "no answer in 5 s");
			continue;
		}
		which[n] = probe;
		fds[n++] = (struct pollfd){probe->fd, POLLIN, 0};
	}
	return n;
}

void probes_run(struct probes *probes, int64_t wait_ms)
{
	int64_t until_ms = now_ms() + wait_ms, left_ms = wait_ms;
	struct pollfd *fds;
	struct probe **which;
	nfds_t n;

	begin_round(probes);
	fds = heap_alloc(probes->n, sizeof(*fds));
	which = heap_alloc(probes->n, sizeof(struct probe *));
	while (left_ms >= 0 && (n = under_way(probes, fds, which)) > 0) {
		if (poll(fds, n, (int)left_ms) <= 0)
			break;
		for (nfds_t i = 0; i < n; i++) {
			if (fds[i].revents)
				read_answer(which[i]);
			if (which[i]->fd < 0 && which[i]->good > 0 && which[i]->good < PROBES_IN_A_ROW)
				ask(which[i]);
		}
		left_ms = until_ms - now_ms();
	}
	free(fds);
	free(which);
}
