#include "web/client.h"

#include "web/internal.h"

static struct place place;
static struct buf reply;

static int open_plain(void **state)
{
	(void)state;
	buf_init(&reply, REPLY_BYTES);
	place_open(&place, NULL, NULL);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	web_close(place.web);
	buf_deinit(&reply);
	return 0;
}

static struct figures ready_figures(void)
{
	struct figures figures = {.git_seen_ms = 1500, .git_ok = true, .ready = true, .keys = 2};

	timing_add(&figures.pass, 3);
	timing_add(&figures.pass, 30);
	timing_add(&figures.pass, 600000);
	figures.actions[ACTION_CHECK] = 7;
	return figures;
}

static void tell(const char *name, const char *text)
{
	struct watch watch = web_watch(place.web);
	struct deployment_view view = {
		.row = {.environment = "prod", .name = name, .phase = PHASE_CANARY, .since_ms = 2500,
		        .ready = TRUTH_TRUE, .stable = {"v1", 0.95, 2}, .candidate = {"v2", 0.05, 1}},
		.candidate = {.requests = 40, .bad = 1},
		.stable = {.requests = 800, .bad = 2},
	};

	watch.deployment(watch.self, &view, (struct bytes){text, strlen(text)},
	                 (struct bytes){text, strlen(text)});
}

static void answers_health_and_readiness(void **state)
{
	struct figures figures = ready_figures();

	(void)state;
	assert_int_equal(get(&place, "/healthz", &reply), 200);
	assert_string_equal(body_of(&reply), "ok\n");
	assert_int_equal(get(&place, "/readyz", &reply), 503);
	web_tell(place.web, &figures);
	assert_int_equal(get(&place, "/readyz", &reply), 200);
	figures.ready = false;
	web_tell(place.web, &figures);
	assert_int_equal(get(&place, "/readyz", &reply), 503);
}

static void hands_out_what_it_was_told(void **state)
{
	struct watch watch = web_watch(place.web);
	struct model_view model = {.row = {.name = "risk", .phase = CYCLE_RUNNING}};

	(void)state;
	tell("b", "{\"x\":1}");
	tell("a", "{\"x\":2}");
	watch.model(watch.self, &model, (struct bytes){"{}", 2}, (struct bytes){"{\"m\":1}", 7});
	assert_int_equal(get(&place, "/api/v1/fleet", &reply), 200);
	assert_non_null(strstr(reply.text, "application/json"));
	assert_non_null(strstr(reply.text, "Cache-Control: no-store"));
	assert_non_null(strstr(body_of(&reply),
	                       "\"deployments\":[{\"x\":2},{\"x\":1}],\"models\":[{}]}"));
	assert_int_equal(get(&place, "/api/v1/deployments/prod/a", &reply), 200);
	assert_string_equal(body_of(&reply), "{\"x\":2}");
	tell("a", "{\"x\":3}");
	assert_int_equal(get(&place, "/api/v1/deployments/prod/a", &reply), 200);
	assert_string_equal(body_of(&reply), "{\"x\":3}");
	assert_int_equal(get(&place, "/api/v1/models/risk", &reply), 200);
	assert_string_equal(body_of(&reply), "{\"m\":1}");
	watch.gone(watch.self, "prod", "a");
	watch.gone(watch.self, "prod", "never there");
	assert_int_equal(get(&place, "/api/v1/deployments/prod/a", &reply), 404);
	assert_int_equal(get(&place, "/api/v1/fleet", &reply), 200);
	assert_non_null(strstr(body_of(&reply), "\"deployments\":[{\"x\":1}]"));
}

static void refuses_what_is_not_there(void **state)
{
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{"GET /nothing HTTP/1.1\r\n", 404},
		{"GET /api/v1/deployments/prod HTTP/1.1\r\n", 404},
		{"GET /api/v1/deployments/../../etc/passwd HTTP/1.1\r\n", 404},
		{"POST /api/v1/fleet HTTP/1.1\r\nContent-Length: 2\r\n", 405},
		{"DELETE /metrics HTTP/1.1\r\n", 405},
		{"GET /webhook HTTP/1.1\r\n", 405},
		{"POST /webhook HTTP/1.1\r\nContent-Length: 0\r\n", 404},
		{"GET /api/v1/events?after=x HTTP/1.1\r\n", 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[512];
		int n = snprintf(text, sizeof(text), "%sHost: localhost\r\nConnection: close\r\n\r\n",
		                 cases[i].request);

		if (ask(&place, text, (size_t)n, &reply) != cases[i].status)
			fail_msg("%s: %.40s", cases[i].request, buf_text(&reply));
	}
	ask(&place, "\x01\x02\x03 what\r\n\r\n", 12, &reply);
	assert_int_equal(get(&place, "/healthz", &reply), 200);
}

/* A page of elsewhere whose name leads to loopback must not be read by its visitors' browsers. */
static void without_a_token_only_local_names_are_answered(void **state)
{
	static const struct {
		const char *host;
		int status;
	} cases[] = {
		{"localhost:8080", 200}, {"127.0.0.1", 200}, {"[::1]:80", 200},
		{"linnet.example.com", 403}, {"localhost.example.com", 403}, {"127.0.0.1.nip.io", 403},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		int n = snprintf(text, sizeof(text), "GET /api/v1/fleet HTTP/1.1\r\nHost: %s\r\n"
		                 "Connection: close\r\n\r\n", cases[i].host);

		if (ask(&place, text, (size_t)n, &reply) != cases[i].status)
			fail_msg("Host %s: %.40s", cases[i].host, buf_text(&reply));
	}
}

static void the_token_is_needed_where_there_is_one(void **state)
{
	static const char *const readers[] = {"/metrics", "/api/v1/fleet", "/api/v1/events",
	                                      "/api/v1/models/x", "/api/v1/deployments/x/y"};

	(void)state;
	web_close(place.web);
	place_open(&place, "a-token-of-the-test", NULL);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		assert_int_equal(get(&place, readers[i], &reply), 401);
		assert_non_null(strstr(reply.text, "WWW-Authenticate: Bearer"));
		assert_int_equal(get_with(&place, readers[i],
		                          "Authorization: Bearer a-token-of-the-tesT\r\n", &reply), 401);
		assert_int_equal(get_with(&place, readers[i],
		                          "Authorization: Bearer a-token-of-the\r\n", &reply), 401);
	}
	assert_int_equal(get_with(&place, "/metrics", "Authorization: Bearer a-token-of-the-test\r\n",
	                          &reply), 200);
	assert_int_equal(get(&place, "/healthz", &reply), 200);
	assert_int_equal(get(&place, "/readyz", &reply), 503);
}

static void listens_elsewhere_only_with_a_token(void **state)
{
	static const struct {
		const char *listen, *token, *says;
	} cases[] = {
		{"0.0.0.0:0", NULL, "web.tokenFile"},
		{"[::]:0", NULL, "web.tokenFile"},
		{"localhost:0", NULL, "numeric"},
		{"127.0.0.1:x", NULL, "web.listen"},
		{"127.0.0.1:70000", NULL, "web.listen"},
		{"0.0.0.0:0", "token", NULL},
		{"127.8.8.8:0", NULL, NULL},
		{"0", NULL, NULL},
		{":0", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct web_config config = {.listen = cases[i].listen, .token = cases[i].token,
		                            .version = ""};
		struct web *web = NULL;
		struct err err = {0};
		int result = web_open(&config, &web, &err);

		web_close(web);
		if (cases[i].says ? result == 0 || !strstr(err.text, cases[i].says) : result != 0)
			fail_msg("%s: %s", cases[i].listen, err.text);
	}
}

static void a_taken_port_is_said(void **state)
{
	struct web_config config = {.version = ""};
	struct web *web = NULL;
	struct err err = {0};
	char listen[32];

	(void)state;
	snprintf(listen, sizeof(listen), "127.0.0.1:%d", web_port(place.web));
	config.listen = listen;
	assert_int_equal(web_open(&config, &web, &err), -1);
	assert_non_null(strstr(err.text, "in use"));
}

/* ---- the page ---- */

static void header_value(const char *name, char out[64])
{
	const char *at = strstr(buf_text(&reply), name);

	assert_non_null(at);
	at += strlen(name);
	snprintf(out, 64, "%.*s", (int)strcspn(at, "\r"), at);
}

static void the_page_is_served_whole(void **state)
{
	static const struct {
		const char *path, *type;
	} cases[] = {
		{"/", "text/html; charset=utf-8"},
		{"/style.css", "text/css; charset=utf-8"},
		{"/app.mjs", "text/javascript; charset=utf-8"},
		{"/view.mjs", "text/javascript; charset=utf-8"},
		{"/icon.svg", "image/svg+xml"},
	};
	char etag[64], header[128], type[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(get(&place, cases[i].path, &reply), 200);
		assert_non_null(strstr(reply.text, "Content-Security-Policy: default-src 'self';"));
		assert_non_null(strstr(reply.text, "X-Content-Type-Options: nosniff"));
		assert_true(strlen(body_of(&reply)) > 100);
		header_value("Content-Type: ", type);
		assert_string_equal(type, cases[i].type);
		header_value("ETag: ", etag);
		snprintf(header, sizeof(header), "If-None-Match: %s\r\n", etag);
		assert_int_equal(get_with(&place, cases[i].path, header, &reply), 304);
		assert_string_equal(body_of(&reply), "");
		assert_int_equal(get_with(&place, cases[i].path, "If-None-Match: \"x\"\r\n", &reply), 200);
	}
}

/* All that the page names is here, and nothing of it would be stopped by its own policy. */
static void the_page_needs_nothing_from_elsewhere(void **state)
{
	static const char *const banned[] = {"http://", "https://", "style=\"", "<style", "onclick",
	                                     "javascript:", "<script>"};
	struct buf page;

	(void)state;
	buf_init(&page, REPLY_BYTES);
	assert_int_equal(get(&place, "/", &page), 200);
	for (size_t i = 0; i < ARRAY_LEN(banned); i++)
		if (strstr(body_of(&page), banned[i]))
			fail_msg("the page holds %s", banned[i]);
	for (const char *at = body_of(&page); (at = strstr(at, "=\"/")); at += 3) {
		char path[64];

		snprintf(path, sizeof(path), "%.*s", (int)strcspn(at + 2, "\""), at + 2);
		if (get(&place, path, &reply) != 200)
			fail_msg("%s: %.30s", path, buf_text(&reply));
	}
	buf_deinit(&page);
}

/* ---- metrics ---- */

/* What the family of a sample is called: its name without what its type adds. */
static size_t family_len(const char *line, const char *type)
{
	size_t len = strcspn(line, "{ ");
	static const char *const ends[] = {"_total", "_bucket", "_count", "_sum", "_info"};

	for (size_t i = 0; strcmp(type, "gauge") && i < ARRAY_LEN(ends); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && !strncmp(line + len - end, ends[i], end))
			return len - end;
	}
	return len;
}

static void metrics_are_open_metrics(void **state)
{
	char seen[128][128], family[128] = "", type[32] = "";
	struct figures figures = ready_figures();
	size_t n_seen = 0, samples = 0;
	char *line, *rest;

	(void)state;
	web_tell(place.web, &figures);
	tell("a", "{}");
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	assert_non_null(strstr(reply.text, "application/openmetrics-text; version=1.0.0"));
	assert_string_equal(reply.text + reply.len - 6, "# EOF\n");
	rest = (char *)body_of(&reply);
	while ((line = strsep(&rest, "\n")) && strcmp(line, "# EOF")) {
		if (!strncmp(line, "# TYPE ", 7)) {
			size_t len = strcspn(line + 7, " ");

			snprintf(family, sizeof(family), "%.*s", (int)len, line + 7);
			snprintf(type, sizeof(type), "%s", line + 8 + len);
			for (size_t i = 0; i < n_seen; i++)
				if (!strcmp(seen[i], family))
					fail_msg("family %s stands twice", family);
			snprintf(seen[n_seen++], sizeof(seen[0]), "%s", family);
			assert_true(n_seen < ARRAY_LEN(seen));
			continue;
		}
		if (line[0] == '#')
			continue;
		if (family_len(line, type) != strlen(family) ||
		    strncmp(line, family, strlen(family)) || strncmp(line, "linnet_", 7))
			fail_msg("'%s' in the family %s of type %s", line, family, type);
		if (!strcmp(type, "counter") && !strstr(line, "_total"))
			fail_msg("a counter without _total: %s", line);
		samples++;
	}
	assert_true(samples > 100);
}

static void metrics_say_what_was_told(void **state)
{
	static const char *const wanted[] = {
		"linnet_build_info{version=\"v1 \\\"x\\\"\"} 1\n",
		"linnet_reconcile_duration_seconds_bucket{le=\"0.001\"} 0\n",
		"linnet_reconcile_duration_seconds_bucket{le=\"0.005\"} 1\n",
		"linnet_reconcile_duration_seconds_bucket{le=\"60.0\"} 2\n",
		"linnet_reconcile_duration_seconds_bucket{le=\"+Inf\"} 3\n",
		"linnet_reconcile_duration_seconds_count 3\n",
		"linnet_reconcile_duration_seconds_sum 600.033\n",
		"linnet_plan_actions_total{action=\"check\"} 7\n",
		"linnet_git_last_look_timestamp_seconds 1.5\n",
		"linnet_rollout_deployments{phase=\"Canary\"} 1\n",
		"linnet_rollout_phase{environment=\"prod\",deployment=\"a\",phase=\"Canary\"} 1\n",
		"linnet_serving_weight_ratio{environment=\"prod\",deployment=\"a\",arm=\"candidate\"} "
		"0.05\n",
		"linnet_serving_ready_replicas{environment=\"prod\",deployment=\"a\",arm=\"stable\"} 2\n",
		"linnet_gate_evidence_bad_requests{environment=\"prod\",deployment=\"a\",arm=\"stable\"}"
		" 2\n",
	};
	struct figures figures = ready_figures();

	(void)state;
	web_tell(place.web, &figures);
	tell("a", "{}");
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!strstr(reply.text, wanted[i]))
			fail_msg("not there: %s", wanted[i]);
}

/* ---- slow clients, floods, streams ---- */

static void a_slow_client_delays_nobody_and_is_cut(void **state)
{
	static const char half[] = "GET /healthz HTTP/1.1\r\nHost: loc";
	int slow = client_open(&place), drip = client_open(&place);

	(void)state;
	client_send(&place, slow, half, sizeof(half) - 1);
	client_send(&place, drip, half, sizeof(half) - 1);
	assert_int_equal(get(&place, "/healthz", &reply), 200);
	for (int i = 0; i < 20; i++) { /* a byte now and then keeps nothing open */
		place.now_ms += 1000;
		send(drip, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		place_turn(&place);
	}
	buf_clear(&reply);
	assert_true(client_take(slow, &reply));
	assert_true(client_take(drip, &reply));
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	assert_non_null(strstr(reply.text, "linnet_web_cut_total 2\n"));
	close(slow);
	close(drip);
}

/* A kept connection that rests is closed too, and that is nobody's fault. */
static void a_kept_connection_is_closed_when_it_rests(void **state)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd = client_open(&place);

	(void)state;
	for (int i = 0; i < 3; i++) {
		client_send(&place, fd, request, sizeof(request) - 1);
		place_turn(&place);
		buf_clear(&reply);
		assert_false(client_take(fd, &reply));
		assert_non_null(strstr(reply.text, "200 OK"));
		place.now_ms += 10000;
		place_turn(&place);
	}
	place.now_ms += 10000;
	place_turn(&place);
	assert_true(client_take(fd, &reply));
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	assert_non_null(strstr(reply.text, "linnet_web_cut_total 0\n"));
	close(fd);
}

static void a_reader_that_takes_nothing_is_cut(void **state)
{
	static const char request[] = "GET /api/v1/fleet HTTP/1.1\r\nHost: localhost\r\n\r\n";
	size_t len = 3 << 20;
	char *large = malloc(len + 1);
	int fd = client_open(&place), small = 4096;

	(void)state;
	memset(large, '1', len);
	large[len] = 0;
	for (int i = 0; i < 8; i++) { /* more than any socket's buffers hold */
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		tell(name, large);
	}
	free(large);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	client_send(&place, fd, request, sizeof(request) - 1);
	place_turn(&place);
	assert_int_equal(get(&place, "/healthz", &reply), 200);
	place.now_ms += 60000;
	place_turn(&place);
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	assert_non_null(strstr(reply.text, "linnet_web_cut_total 1\n"));
	close(fd);
}

static void a_flood_is_bounded_and_passes(void **state)
{
	enum { FLOOD = 300 };
	int fds[FLOOD];
	int64_t wait_ms;

	(void)state;
	for (size_t i = 0; i < FLOOD; i++) {
		struct sockaddr_in address = {.sin_family = AF_INET,
		                              .sin_port = htons((uint16_t)web_port(place.web)),
		                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(fds[i] >= 0);
		if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) == 0)
			send(fds[i], "GET / HT", 8, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (i % 40 == 0)
			web_turn(place.web, place.now_ms);
	}
	for (int i = 0; i < 20; i++)
		web_turn(place.web, place.now_ms);
	wait_ms = web_wait_ms(place.web, place.now_ms);
	assert_true(wait_ms > 1000); /* a full house does not spin */
	for (int i = 0; i < 4; i++) {
		place.now_ms += 16000;
		place_turn(&place);
	}
	for (size_t i = 0; i < FLOOD; i++)
		close(fds[i]);
	place_turn(&place);
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	assert_non_null(strstr(reply.text, "linnet_web_connections 1\n"));
}

static int stream_open(const char *query)
{
	char request[256];
	int fd = client_open(&place);
	int n = snprintf(request, sizeof(request),
	                 "GET /api/v1/events%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query);

	client_send(&place, fd, request, (size_t)n);
	place_turn(&place);
	return fd;
}

static void a_stream_says_what_changes(void **state)
{
	int fd = stream_open("");
	bool closed;

	(void)state;
	buf_clear(&reply);
	closed = client_take(fd, &reply);
	assert_false(closed);
	assert_non_null(strstr(reply.text, "text/event-stream"));
	assert_non_null(strstr(reply.text, ": still here\n\n"));
	assert_true(web_wait_ms(place.web, place.now_ms) > 1000);
	buf_clear(&reply);
	tell("a", "{\"x\":2}");
	assert_int_equal(web_wait_ms(place.web, place.now_ms), 0);
	place_turn(&place);
	assert_false(client_take(fd, &reply));
	assert_non_null(strstr(reply.text, "id: 2\nevent: deployment\ndata: {\"x\":2}\n\n"));
	buf_clear(&reply);
	place.now_ms += 16000;
	place_turn(&place);
	assert_false(client_take(fd, &reply));
	assert_non_null(strstr(buf_text(&reply), ": still here\n\n"));
	close(fd);
	for (int i = 0; i < 3; i++) {
		place.now_ms += 16000;
		place_turn(&place);
	}
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	assert_non_null(strstr(reply.text, "linnet_web_streams 0\n"));
}

static void a_stream_begins_where_it_is_asked_to(void **state)
{
	int fd;

	(void)state;
	tell("a", "{\"x\":1}");
	tell("a", "{\"x\":2}");
	fd = stream_open("?after=2");
	buf_clear(&reply);
	assert_false(client_take(fd, &reply));
	assert_null(strstr(reply.text, "{\"x\":1}"));
	assert_non_null(strstr(reply.text, "id: 3\nevent: deployment\ndata: {\"x\":2}\n\n"));
	close(fd);
	fd = stream_open("?after=900"); /* of another life of the controller */
	buf_clear(&reply);
	assert_false(client_take(fd, &reply));
	assert_non_null(strstr(reply.text, "event: reset\n"));
	close(fd);
}

static void a_stream_that_falls_behind_begins_anew(void **state)
{
	int fd = stream_open("");

	(void)state;
	buf_clear(&reply);
	client_take(fd, &reply);
	for (int i = 0; i < 2 * CHANGES_KEPT; i++)
		tell("a", "{}");
	place_turn(&place);
	buf_clear(&reply);
	client_take(fd, &reply);
	assert_non_null(strstr(reply.text, "event: reset\n"));
	assert_null(strstr(reply.text, "event: deployment"));
	close(fd);
}

static void streams_are_bounded_and_end_with_the_web(void **state)
{
	int fds[40], refused = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = stream_open("");
		buf_clear(&reply);
		client_take(fds[i], &reply);
		refused += strstr(buf_text(&reply), "503 ") != NULL;
	}
	assert_int_equal(refused, 8);
	web_close(place.web);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	place_open(&place, NULL, NULL);
}

#define WEB_TEST(name) cmocka_unit_test_setup_teardown(name, open_plain, close_all)
int main(void)
{
	const struct CMUnitTest tests[] = {
		WEB_TEST(answers_health_and_readiness),
		WEB_TEST(hands_out_what_it_was_told),
		WEB_TEST(refuses_what_is_not_there),
		WEB_TEST(without_a_token_only_local_names_are_answered),
		WEB_TEST(the_token_is_needed_where_there_is_one),
		WEB_TEST(listens_elsewhere_only_with_a_token),
		WEB_TEST(a_taken_port_is_said),
		WEB_TEST(the_page_is_served_whole),
		WEB_TEST(the_page_needs_nothing_from_elsewhere),
		WEB_TEST(metrics_are_open_metrics),
		WEB_TEST(metrics_say_what_was_told),
		WEB_TEST(a_slow_client_delays_nobody_and_is_cut),
		WEB_TEST(a_kept_connection_is_closed_when_it_rests),
		WEB_TEST(a_reader_that_takes_nothing_is_cut),
		WEB_TEST(a_flood_is_bounded_and_passes),
		WEB_TEST(a_stream_says_what_changes),
		WEB_TEST(a_stream_begins_where_it_is_asked_to),
		WEB_TEST(a_stream_that_falls_behind_begins_anew),
		WEB_TEST(streams_are_bounded_and_end_with_the_web),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
