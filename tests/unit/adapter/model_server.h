/* A model server of a few lines, and a client: both ends of what the router is tested with. */
#ifndef LINNET_TESTS_MODEL_SERVER_H
#define LINNET_TESTS_MODEL_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static inline int free_port(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), port = -1;

	if (bind(fd, (struct sockaddr *)&address, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		port = ntohs(address.sin_port);
	close(fd);
	return port;
}

static inline int64_t test_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void test_pause_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* Finds the value of a header, up to `size` bytes; "" when it is absent. */
static inline void header_value(const char *head, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	out[0] = '\0';
	for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n')) {
		if (strncasecmp(line + 1, name, len) != 0 || line[1 + len] != ':')
			continue;
		line += len + 2;
		line += strspn(line, " ");
		snprintf(out, size, "%.*s", (int)strcspn(line, "\r\n"), line);
		return;
	}
}

/* ---- the server ---- */

static inline void reply(int fd, int status, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status,
	                 strlen(body), body);

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		close(fd);
}

/* "die" ends the process, "close" the connection, "500" fails, "slow N" takes N ms. */
static inline bool answer(int fd, const char *request, const char *body, const char *name)
{
	if (strncmp(request, "GET ", 4) == 0) {
		bool ready = !strstr(request, "/ready ") || access("not-ready", F_OK) != 0;

		reply(fd, ready ? 200 : 503, name);
		return true;
	}
	if (strncmp(body, "die", 3) == 0)
		_exit(1);
	if (strncmp(body, "close", 5) == 0)
		return false;
	if (strncmp(body, "slow ", 5) == 0)
		test_pause_ms((int)strtol(body + 5, NULL, 10));
	reply(fd, strncmp(body, "500", 3) == 0 ? 500 : 200, name);
	return true;
}

struct connection {
	size_t len;
	char text[4096];
};

static inline bool serve_one(int fd, struct connection *c, const char *name)
{
	ssize_t n = recv(fd, c->text + c->len, sizeof(c->text) - 1 - c->len, 0);
	char *body, value[32];
	size_t need;

	if (n <= 0)
		return false;
	c->len += (size_t)n;
	c->text[c->len] = '\0';
	body = strstr(c->text, "\r\n\r\n");
	if (!body)
		return true;
	body += 4;
	header_value(c->text, "Content-Length", value, sizeof(value));
	need = (size_t)(body - c->text) + (size_t)strtol(value, NULL, 10);
	if (c->len < need)
		return true;
	if (!answer(fd, c->text, body, name))
		return false;
	c->len = 0;
	header_value(c->text, "Connection", value, sizeof(value));
	return strcasecmp(value, "close") != 0;
}

/* Serves for ever; ends when its port is taken. */
static inline int serve_model(int port, const char *name)
{
	enum { MOST = 256 };
	static struct pollfd fds[MOST];
	static struct connection connections[MOST];
	struct sockaddr_in address = loopback(port);
	int n = 1;

	fds[0] = (struct pollfd){socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0};
	setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fds[0].fd, (struct sockaddr *)&address, sizeof(address)) || listen(fds[0].fd, 100)) {
		perror("bind");
		return 1;
	}
	for (;;) {
		if (poll(fds, (nfds_t)n, -1) < 0)
			continue;
		for (int i = n - 1; i > 0; i--) {
			if (!fds[i].revents || serve_one(fds[i].fd, &connections[i], name))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n];
			connections[i] = connections[n];
		}
		if (fds[0].revents && n < MOST) {
			fds[n] = (struct pollfd){accept(fds[0].fd, NULL, NULL), POLLIN, 0};
			setsockopt(fds[n].fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
			connections[n].len = 0;
			n += fds[n].fd >= 0;
		}
	}
}

static inline void wait_listening(int port)
{
	struct sockaddr_in address = loopback(port);

	for (int i = 0; i < 2000; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int rc = connect(fd, (struct sockaddr *)&address, sizeof(address));

		close(fd);
		if (rc == 0)
			return;
		test_pause_ms(2);
	}
}

/* As a child of the test that dies with it. */
static inline pid_t start_model(int port, const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close_range(3, ~0U, 0); /* what the test has open is not its */
		_exit(serve_model(port, name));
	}
	wait_listening(port);
	return pid;
}

static inline void stop_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- the client ---- */

struct answer {
	int status; /* 0: none */
	char revision[64], version[64], body[256];
};

static inline int dial(int port)
{
	struct sockaddr_in address = loopback(port);
	struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One exchange on a kept connection; *fd is -1 after it when the connection is over. */
static inline struct answer ask_on(int *fd, const char *path, const char *body)
{
	char text[4096], value[64];
	struct answer answer = {0};
	size_t len = 0, need = 0;
	int n = snprintf(text, sizeof(text),
	                 "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", path,
	                 strlen(body), body);

	if (send(*fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		goto over;
	while (need == 0 || len < need) {
		ssize_t got = recv(*fd, text + len, sizeof(text) - 1 - len, 0);
		char *end;

		if (got <= 0)
			goto over;
		len += (size_t)got;
		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		header_value(text, "Content-Length", value, sizeof(value));
		need = (size_t)(end + 4 - text) + (size_t)strtol(value, NULL, 10);
		snprintf(answer.body, sizeof(answer.body), "%s", end + 4);
	}
	answer.status = (int)strtol(text + 9, NULL, 10);
	header_value(text, "X-Linnet-Revision", answer.revision, sizeof(answer.revision));
	header_value(text, "X-Linnet-Version", answer.version, sizeof(answer.version));
	header_value(text, "Connection", value, sizeof(value));
	if (strcasecmp(value, "close") != 0)
		return answer;
over:
	close(*fd);
	*fd = -1;
	return answer;
}

static inline struct answer ask(int port, const char *path, const char *body)
{
	int fd = dial(port);
	struct answer answer = {0};

	if (fd < 0)
		return answer;
	answer = ask_on(&fd, path, body);
	if (fd >= 0)
		close(fd);
	return answer;
}

/* ---- load: another process that asks until it is stopped ---- */

struct load_result {
	int asked, failed, first_failure;
};
struct load {
	pid_t pid;
	int result;
};
static volatile sig_atomic_t load_over;
static inline void end_load(int number)
{
	(void)number;
	load_over = 1;
}

static inline struct load start_load(int port, const char *path)
{
	int fds[2];
	struct load load;

	if (pipe(fds) < 0)
		abort();
	signal(SIGTERM, end_load);
	load = (struct load){.pid = fork(), .result = fds[0]};
	if (load.pid > 0) {
		signal(SIGTERM, SIG_DFL);
		close(fds[1]);
		return load;
	}
	struct load_result result = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fds[1] = dup2(fds[1], 3);
	close_range(4, ~0U, 0);
	for (int fd = -1; !load_over; result.asked++) {
		struct answer answer = {0};

		if (fd < 0)
			fd = dial(port);
		if (fd >= 0)
			answer = ask_on(&fd, path, "{}");
		if (answer.status != 200 && !load_over && result.failed++ == 0)
			result.first_failure = answer.status;
	}
	if (write(fds[1], &result, sizeof(result)) != sizeof(result))
		_exit(1);
	_exit(0);
}

static inline struct load_result stop_load(struct load load)
{
	struct load_result result = {.failed = -1};

	kill(load.pid, SIGTERM);
	if (read(load.result, &result, sizeof(result)) != sizeof(result))
		result.failed = -1;
	close(load.result);
	waitpid(load.pid, NULL, 0);
	return result;
}

#endif
