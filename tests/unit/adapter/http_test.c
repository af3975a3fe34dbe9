#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/http_curl.h"

/* ---- A server of a few lines: one process for it, one for each connection ---- */

static pid_t server;
static int port;

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		_exit(0);
}

static void answer(int fd, const char *method, const char *path, const char *body, int nth)
{
	char text[1024], filler[512];

	if (strcmp(path, "/silent") == 0)
		pause();
	if (strcmp(path, "/hang-up") == 0)
		_exit(0);
	if (strcmp(path, "/redirect") == 0) {
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /nth\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	if (strcmp(path, "/endless") == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		memset(filler, 'x', sizeof(filler) - 1);
		filler[sizeof(filler) - 1] = '\0';
		for (;;) {
			say(fd, "1ff\r\n");
			say(fd, filler);
			say(fd, "\r\n");
		}
	}
	snprintf(text, sizeof(text), "%s %s %d %s", method, path, nth, body);
	dprintf(fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
	        strcmp(path, "/missing") == 0 ? "404 Not Found" : "200 OK",
	        strcmp(method, "HEAD") == 0 ? (size_t)0 : strlen(text),
	        strcmp(method, "HEAD") == 0 ? "" : text);
}

static void serve_connection(int fd)
{
	char text[8192], method[16], path[256];
	size_t len = 0;

	for (int nth = 1;; nth++) {
		char *end, *length;
		size_t body = 0;

		while (len == 0 || !(end = strstr(text, "\r\n\r\n"))) {
			ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);

			if (n <= 0)
				_exit(0);
			len += (size_t)n;
			text[len] = '\0';
		}
		length = strcasestr(text, "content-length:");
		if (length && length < end)
			body = (size_t)strtol(length + 15, NULL, 10);
		while (len < (size_t)(end + 4 - text) + body) {
			ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);

			if (n <= 0)
				_exit(0);
			len += (size_t)n;
			text[len] = '\0';
		}
		if (sscanf(text, "%15s %255s", method, path) != 2)
			_exit(1);
		answer(fd, method, path, end + 4, nth);
		len = 0;
		text[0] = '\0';
	}
}

static int start_server(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		return -1;
	port = ntohs(address.sin_port);
	server = fork();
	if (server == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		for (;;) {
			int connection = accept(fd, NULL, NULL);

			if (connection >= 0 && fork() == 0) {
				close(fd);
				serve_connection(connection);
			}
			close(connection);
		}
	}
	setpgid(server, server);
	close(fd);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	kill(-server, SIGKILL);
	return waitpid(server, NULL, 0) == server ? 0 : -1;
}

/* ---- The port under test ---- */

static struct http_curl *http;
static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	http = http_curl_new();
	arena_init(&arena, 64 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	http_curl_free(http);
	arena_deinit(&arena);
	return 0;
}

static int64_t in_ms(int64_t ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
}

static struct http_request request_of(const char *method, const char *path)
{
	return (struct http_request){
		.method = method,
		.url = arena_printf(&arena, "http://127.0.0.1:%d%s", port, path),
		.body_bytes_max = 4096,
	};
}

static void perform(const struct http_request *requests, struct http_reply *replies, size_t n,
                    int64_t ms)
{
	struct port_http port_http = http_curl_port(http);
	struct err err = {0};

	if (port_http.perform(port_http.self, requests, replies, n, in_ms(ms), &arena, &err))
		fail_msg("%s", err.text);
}

static struct http_reply ask(struct http_request request, int64_t ms)
{
	struct http_reply reply;

	perform(&request, &reply, 1, ms);
	return reply;
}

static void methods_and_bodies(void **state)
{
	static const struct {
		const char *method, *path, *body;
		int status;
		const char *reply;
	} cases[] = {
		{"GET", "/a", NULL, 200, "GET /a 1 "},
		{"POST", "/b", "{\"x\":1}", 200, "POST /b 2 {\"x\":1}"},
		{"POST", "/c", "", 200, "POST /c 3 "},
		{"PUT", "/d", "put", 200, "PUT /d 4 put"},
		{"PATCH", "/e", "patch", 200, "PATCH /e 5 patch"},
		{"DELETE", "/f", NULL, 200, "DELETE /f 6 "},
		{"HEAD", "/g", NULL, 200, ""},
		{"GET", "/missing", NULL, 404, "GET /missing 8 "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_request request = request_of(cases[i].method, cases[i].path);
		struct http_reply reply;

		if (cases[i].body)
			request.body = (struct bytes){cases[i].body, strlen(cases[i].body)};
		reply = ask(request, 5000);
		if (reply.status != cases[i].status)
			fail_msg("case %zu: %d %s", i, reply.status, reply.err.text);
		/* the number says that all went over one connection */
		assert_string_equal(reply.body.data, cases[i].reply);
		assert_int_equal(reply.body.len, strlen(cases[i].reply));
		assert_int_equal(reply.err.kind, ERR_NONE);
		assert_true(reply.seconds > 0);
	}
}

static void each_of_a_batch_has_its_own_end(void **state)
{
	struct http_request requests[] = {
		request_of("GET", "/a"),       request_of("GET", "/silent"),
		request_of("GET", "/endless"), request_of("GET", "/hang-up"),
		request_of("POST", "/silent"), request_of("GET", "/redirect"),
		{.method = "GET", .url = "file:///etc/passwd", .body_bytes_max = 100},
		{.method = "GET", .url = "http://user:s3cret@127.0.0.1:1/x?token=abc", .body_bytes_max = 1},
		{.method = "GET", .url = "not a url", .body_bytes_max = 100},
	};
	static const struct {
		int status;
		enum err_kind kind;
		const char *says;
	} want[] = {
		{200, ERR_NONE, ""},
		{0, ERR_TRANSIENT, "GET http://127.0.0.1:"},
		{0, ERR_STALLED, "the reply is larger than 4096 bytes"},
		{0, ERR_TRANSIENT, "GET http://127.0.0.1:"},
		{0, ERR_UNKNOWN, "POST http://127.0.0.1:"},
		{302, ERR_NONE, ""},
		{0, ERR_STALLED, "GET file:///etc/passwd: "},
		{0, ERR_TRANSIENT, "GET 127.0.0.1:1/x: "},
		{0, ERR_STALLED, "GET not a url: "},
	};
	struct http_reply replies[ARRAY_LEN(requests)];

	(void)state;
	perform(requests, replies, ARRAY_LEN(requests), 600);
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (replies[i].status != want[i].status || replies[i].err.kind != want[i].kind ||
		    !strstr(replies[i].err.text, want[i].says))
			fail_msg("request %zu: %d %d %s", i, replies[i].status, (int)replies[i].err.kind,
			         replies[i].err.text);
		assert_null(strstr(replies[i].err.text, "s3cret"));
		assert_null(strstr(replies[i].err.text, "abc"));
	}
}

static void a_deadline_is_kept(void **state)
{
	int64_t before = in_ms(0), took;

	(void)state;
	assert_int_equal(ask(request_of("GET", "/silent"), 200).status, 0);
	took = in_ms(0) - before;
	if (took < 150 || took > 3000)
		fail_msg("took %lld ms", (long long)took);
	assert_int_equal(ask(request_of("GET", "/a"), -1000).status, 0);
}

static void the_environment_names_no_proxy(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	assert_int_equal(ask(request_of("GET", "/a"), 5000).status, 200);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void more_requests_than_connections(void **state)
{
	enum { N = 3 * HTTP_CONNECTIONS };
	struct http_request *requests = arena_array(&arena, N, struct http_request);
	struct http_reply *replies = arena_array(&arena, N, struct http_reply);

	(void)state;
	for (size_t i = 0; i < N; i++)
		requests[i] = request_of("GET", arena_printf(&arena, "/%zu", i));
	perform(requests, replies, N, 20000);
	for (size_t i = 0; i < N; i++) {
		const char *start = arena_printf(&arena, "GET /%zu ", i);

		assert_int_equal(replies[i].status, 200);
		assert_memory_equal(replies[i].body.data, start, strlen(start));
	}
}

/* One reply; how often it was looked for. */
static int look(const char *url, int64_t ms, struct http_reply *reply)
{
	struct port_http port_http = http_curl_port(http);
	const struct timespec pause = {.tv_nsec = 5000000};
	int64_t deadline_ms = in_ms(ms);
	int looks = 1;

	while (!port_http.ask(port_http.self, url, 4096, deadline_ms, &arena, reply)) {
		nanosleep(&pause, NULL);
		looks++;
	}
	return looks;
}

static void a_question_is_not_waited_for(void **state)
{
	struct port_http port_http = http_curl_port(http);
	const char *silent = request_of("GET", "/silent").url;
	int64_t began_ms = in_ms(0);
	struct http_reply reply;

	(void)state;
	assert_false(port_http.ask(port_http.self, silent, 4096, in_ms(60000), &arena, &reply));
	assert_true(look(request_of("GET", "/a").url, 60000, &reply) > 1);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body.data, "GET /a 1 ");
	look(request_of("GET", "/endless").url, 60000, &reply);
	assert_int_equal(reply.err.kind, ERR_STALLED);
	look(request_of("GET", "/hang-up").url, 60000, &reply);
	assert_int_equal(reply.err.kind, ERR_TRANSIENT);
	assert_false(port_http.ask(port_http.self, silent, 4096, in_ms(0), &arena, &reply));
	assert_true(in_ms(0) - began_ms < 60000);
}

static void the_deadline_of_a_question_ends_it(void **state)
{
	struct http_reply reply;

	(void)state;
	look(request_of("GET", "/silent").url, 200, &reply);
	assert_int_equal(reply.status, 0);
	assert_int_equal(reply.err.kind, ERR_TRANSIENT);
	look(request_of("GET", "/a").url, 20000, &reply); /* another time, another end */
	assert_int_equal(reply.status, 200);
}

int main(void)
{
#define WITH_PORT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_PORT(methods_and_bodies),
		WITH_PORT(each_of_a_batch_has_its_own_end),
		WITH_PORT(a_deadline_is_kept),
		WITH_PORT(the_environment_names_no_proxy),
		WITH_PORT(more_requests_than_connections),
		WITH_PORT(a_question_is_not_waited_for),
		WITH_PORT(the_deadline_of_a_question_ends_it),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
