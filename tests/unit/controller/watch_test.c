/* Metrics from elsewhere: what is asked, and that an answer which says nothing is no data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controller/internal.h"

#define NOW_MS INT64_C(1782896400000)

struct prometheus {
	const char *answer;
	int status; /* -1: not answered yet; 0: no connection */
	int asked;
	char url[256];
};

static bool answer(void *self, const char *url, size_t body_bytes_max, int64_t deadline_ms,
                   struct arena *arena, struct http_reply *reply)
{
	struct prometheus *prometheus = self;

	(void)body_bytes_max;
	(void)deadline_ms;
	(void)arena;
	prometheus->asked++;
	snprintf(prometheus->url, sizeof(prometheus->url), "%s", url);
	if (prometheus->status < 0)
		return false;
	*reply = (struct http_reply){.status = prometheus->status};
	if (prometheus->status)
		reply->body = (struct bytes){prometheus->answer, strlen(prometheus->answer)};
	else
		err_set(&reply->err, ERR_TRANSIENT, "no connection");
	return true;
}

struct fixture {
	struct controller c;
	struct prometheus prometheus;
	struct key key;
	struct task task;
	struct deployment deployment;
	struct metric_spec metric;
	struct deployment_status history;
};

static int setup(void **state)
{
	static char id[] = "deployment/production/risk";
	struct fixture *f = test_calloc(1, sizeof(*f));

	arena_init(&f->c.arena, (size_t)64 << 20);
	f->c.wall_ms = NOW_MS;
	f->c.ports.http = (struct port_http){.self = &f->prometheus, .ask = answer};
	f->c.config.metrics_allow = "http://127.0.0.1:9";
	f->key.id = id;
	f->metric = (struct metric_spec){.name = "checkout", .url = "http://127.0.0.1:9/",
	                                 .prometheus = "errors{rev=\"{{revision}}\"}", .max = .02};
	f->deployment.rollout.analysis.metrics = &f->metric;
	f->deployment.rollout.analysis.n_metrics = 1;
	f->task.key = &f->key;
	f->task.desired.deployment = &f->deployment;
	f->history.candidate = digest_of("c", 1);
	f->history.candidate_weight = .05;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_deinit(&f->c.arena);
	test_free(f);
	return 0;
}

static void ask(struct fixture *f, int status, const char *answer)
{
	f->prometheus.status = status;
	f->prometheus.answer = answer;
	watch_metrics(&f->c, &f->task, &f->history);
}

#define SAMPLE(value) "{\"metric\":{},\"value\":[1.5,\"" value "\"]}"
#define VECTOR(samples) \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" samples "]}}"

static void the_query_is_about_the_candidate(void **state)
{
	struct fixture *f = *state;
	char digits[REVISION_SHORT + 1], url[256];

	revision_short(f->history.candidate, digits);
	snprintf(url, sizeof(url),
	         "http://127.0.0.1:9/api/v1/query?query=errors%%7Brev%%3D%%22%s%%22%%7D", digits);
	ask(f, 200, VECTOR(SAMPLE("0.01")));
	assert_string_equal(f->prometheus.url, url);
	assert_int_equal(f->task.evidence.n_watched, 1);
	assert_true(f->task.evidence.watched[0].value == .01);
	f->c.wall_ms += 29999;
	ask(f, 200, VECTOR(SAMPLE("0.01")));
	assert_int_equal(f->prometheus.asked, 1);
	f->c.wall_ms++;
	ask(f, 200, VECTOR(SAMPLE("0.03")));
	assert_int_equal(f->prometheus.asked, 2);
	assert_int_equal(f->task.evidence.watched[0].above, 1);
}

static void an_answer_that_is_not_here_yet_is_looked_for_again(void **state)
{
	struct fixture *f = *state;

	ask(f, -1, "");
	assert_int_equal(f->task.evidence.n_watched, 0);
	ask(f, 200, VECTOR(SAMPLE("0.01")));
	assert_int_equal(f->prometheus.asked, 2);
	assert_true(f->task.evidence.watched[0].value == .01);
}

static void an_address_that_is_not_allowed_is_no_data(void **state)
{
	struct fixture *f = *state;

	f->c.config.metrics_allow = "http://127.0.0.1:90";
	ask(f, 200, VECTOR(SAMPLE("0.01")));
	assert_int_equal(f->prometheus.asked, 0);
	assert_true(isnan(f->task.evidence.watched[0].value));
}

static void nothing_is_asked_without_a_candidate(void **state)
{
	struct fixture *f = *state;

	f->history.candidate_weight = 0;
	ask(f, 200, VECTOR(SAMPLE("0.01")));
	assert_int_equal(f->prometheus.asked, 0);
}

static void what_says_nothing_is_no_data(void **state)
{
	static const struct { int status; const char *answer; } cases[] = {
		{0, ""}, {500, VECTOR(SAMPLE("0.01"))}, {200, ""}, {200, "{}"}, {200, "[]"}, {200, "x"},
		{200, VECTOR("")}, {200, VECTOR(SAMPLE("0.01") "," SAMPLE("0.01"))},
		{200, VECTOR(SAMPLE("NaN"))}, {200, VECTOR(SAMPLE("+Inf"))}, {200, VECTOR(SAMPLE(""))},
		{200, VECTOR("{\"value\":[1]}")}, {200, VECTOR("{\"value\":{}}")},
		{200, VECTOR("{\"value\":[1,[]]}")}, {200, VECTOR("1")},
		{200, "{\"status\":\"error\",\"error\":\"parse error\"}"},
		{200, "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1]}}"},
		{200, "{\"status\":\"success\",\"data\":[]}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture *f = *state;

		f->c.wall_ms += 60000;
		ask(f, cases[i].status, cases[i].answer);
		assert_int_equal(f->prometheus.asked, i + 1);
		assert_int_equal(f->task.evidence.watched[0].seen_ms, -1);
		assert_true(isnan(f->task.evidence.watched[0].value));
	}
}

static void a_scalar_is_a_value(void **state)
{
	struct fixture *f = *state;

	ask(f, 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\","
	            "\"result\":[1,\"7\"]}}");
	assert_true(f->task.evidence.watched[0].value == 7);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(the_query_is_about_the_candidate),
		case_of(an_answer_that_is_not_here_yet_is_looked_for_again),
		case_of(an_address_that_is_not_allowed_is_no_data),
		case_of(nothing_is_asked_without_a_candidate),
		case_of(what_says_nothing_is_no_data),
		case_of(a_scalar_is_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
