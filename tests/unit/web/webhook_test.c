#include "web/client.h"

#include "web/internal.h"

/* The example of GitHub's documentation, "Validating webhook deliveries". */
#define SECRET "It's a Secret to Everybody"
#define BODY "Hello, World!"
#define SIGNED "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static struct place place;
static struct buf reply;

static int open_hook(void **state)
{
	(void)state;
	buf_init(&reply, REPLY_BYTES);
	place_open(&place, NULL, SECRET);
	return 0;
}

static int close_hook(void **state)
{
	(void)state;
	web_close(place.web);
	buf_deinit(&reply);
	return 0;
}

static int post(const char *query, const char *headers, const char *body, size_t len)
{
	struct buf request;
	int status;

	buf_init(&request, 1 << 20);
	buf_printf(&request, "POST /webhook%s HTTP/1.1\r\nHost: linnet.example.com\r\n"
	           "Connection: close\r\nContent-Length: %zu\r\n%s\r\n", query, len, headers);
	buf_add(&request, body, len);
	status = ask(&place, request.text, request.len, &reply);
	buf_deinit(&request);
	return status;
}

static int hook(const char *query, const char *headers, const char *body)
{
	return post(query, headers, body, strlen(body));
}

static const char *signature_of(const char *text)
{
	static char header[128];

	snprintf(header, sizeof(header), "X-Linnet-Signature: sha256=%s\r\n",
	         hmac_sha256(SECRET, strlen(SECRET), text, strlen(text)).hex);
	return header;
}

static void believes_whoever_has_the_secret(void **state)
{
	static const struct {
		const char *headers, *body;
		int status;
	} cases[] = {
		{"X-Hub-Signature-256: sha256=" SIGNED "\r\n", BODY, 202},
		{"X-Gitea-Signature: " SIGNED "\r\n", BODY, 202},
		{"X-Linnet-Signature: " SIGNED "\r\n", BODY, 202},
		{"X-Gitlab-Token: " SECRET "\r\n", "anything", 202},
		{"X-Hub-Signature-256: sha256=" SIGNED "\r\n", BODY " ", 403},
		{"X-Hub-Signature-256: sha256=" SIGNED "\r\n", "", 403},
		{"X-Hub-Signature-256: sha1=" SIGNED "\r\n", BODY, 403},
		{"X-Hub-Signature-256: sha256=\r\n", BODY, 403},
		{"X-Hub-Signature-256: sha256=" SIGNED "0\r\n", BODY, 403},
		{"X-Gitea-Signature: 057107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n",
		 BODY, 403},
		{"X-Gitlab-Token: It's a Secret to Everybod\r\n", BODY, 403},
		{"X-Gitlab-Token: \r\n", BODY, 403},
		{"", BODY, 401},
	};
	int believed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (hook("", cases[i].headers, cases[i].body) != cases[i].status)
			fail_msg("case %zu: %.40s", i, buf_text(&reply));
		place.now_ms += 5000;
		place_turn(&place);
		believed += cases[i].status == 202;
		assert_int_equal(place.fetches, believed);
	}
	assert_int_equal(get(&place, "/metrics", &reply), 200);
	assert_non_null(strstr(reply.text, "linnet_webhook_requests_total{result=\"accepted\"} 4\n"));
	assert_non_null(strstr(reply.text,
	                       "linnet_webhook_requests_total{result=\"bad_signature\"} 8\n"));
	assert_non_null(strstr(reply.text, "linnet_webhook_requests_total{result=\"unsigned\"} 1\n"));
}

static void asks_for_one_fetch_in_five_seconds_and_loses_none(void **state)
{
	static const char header[] = "X-Hub-Signature-256: sha256=" SIGNED "\r\n";

	(void)state;
	assert_int_equal(hook("", header, BODY), 202);
	assert_int_equal(place.fetches, 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(hook("", header, BODY), 202);
	assert_int_equal(place.fetches, 1);
	assert_in_range(web_wait_ms(place.web, place.now_ms), 1, 5000);
	place.now_ms += 4999;
	place_turn(&place);
	assert_int_equal(place.fetches, 1);
	place.now_ms += 1;
	place_turn(&place);
	assert_int_equal(place.fetches, 2);
	place.now_ms += 60000;
	place_turn(&place);
	assert_int_equal(place.fetches, 2);
}

static void takes_up_to_256_kib(void **state)
{
	size_t len = 256 << 10;
	char *body = malloc(len + 1);
	char header[128];

	(void)state;
	memset(body, 'x', len + 1);
	snprintf(header, sizeof(header), "X-Hub-Signature-256: sha256=%s\r\n",
	         hmac_sha256(SECRET, strlen(SECRET), body, len).hex);
	assert_int_equal(post("", header, body, len), 202);
	snprintf(header, sizeof(header), "X-Hub-Signature-256: sha256=%s\r\n",
	         hmac_sha256(SECRET, strlen(SECRET), body, len + 1).hex);
	assert_int_equal(post("", header, body, len + 1), 413);
	free(body);
	assert_int_equal(place.fetches, 1);
}

/* The name is not in the body: a signed body must not be sent again under another name. */
static void an_event_is_signed_with_its_name(void **state)
{
	(void)state;
	assert_int_equal(hook("?event=update", signature_of("update\n"), ""), 202);
	assert_int_equal(place.events, 1);
	assert_string_equal(place.event, "update");
	assert_int_equal(place.fetches, 0);
	assert_int_equal(hook("?event=nightly", signature_of("nightly\nbody"), "body"), 202);
	assert_string_equal(place.event, "nightly");
	assert_int_equal(hook("?event=other", signature_of("update\n"), ""), 403);
	assert_int_equal(hook("?event=other", signature_of("body"), "body"), 403);
	assert_int_equal(hook("", signature_of("update\n"), ""), 403);
	assert_int_equal(hook("?event=update", "X-Hub-Signature-256: sha256=" SIGNED "\r\n", BODY),
	                 401);
	assert_int_equal(hook("?event=update", "X-Gitlab-Token: " SECRET "\r\n", ""), 401);
	assert_int_equal(hook("?event=A%0Ab", signature_of("A\nb\n"), ""), 400);
	assert_int_equal(place.events, 2);
}

static void an_event_comes_once_in_five_seconds(void **state)
{
	char query[32], text[32];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(hook("?event=update", signature_of("update\n"), ""), 202);
	assert_int_equal(place.events, 1);
	place.now_ms += 5000;
	place_turn(&place);
	assert_int_equal(place.events, 2);
	for (int i = 0; i < 2 * EVENTS_WAITING; i++) {
		int status;

		snprintf(query, sizeof(query), "?event=e%d", i);
		snprintf(text, sizeof(text), "e%d\n", i);
		status = hook(query, signature_of(text), "");
		assert_int_equal(status, i < EVENTS_WAITING - 1 ? 202 : 429);
	}
	place.now_ms += 5000;
	place_turn(&place);
	place.full = true;
	assert_int_equal(hook("?event=late", signature_of("late\n"), ""), 503);
	place.full = false;
	assert_int_equal(hook("?event=late", signature_of("late\n"), ""), 202);
	assert_string_equal(place.event, "late");
}

#define HOOK_TEST(name) cmocka_unit_test_setup_teardown(name, open_hook, close_hook)
int main(void)
{
	const struct CMUnitTest tests[] = {
		HOOK_TEST(believes_whoever_has_the_secret),
		HOOK_TEST(asks_for_one_fetch_in_five_seconds_and_loses_none),
		HOOK_TEST(takes_up_to_256_kib),
		HOOK_TEST(an_event_is_signed_with_its_name),
		HOOK_TEST(an_event_comes_once_in_five_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
