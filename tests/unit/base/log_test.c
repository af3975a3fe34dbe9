#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/parse.h"

static char lines[65536];
static int sink = -1;

static void start(enum log_level least, bool json)
{
	if (sink >= 0)
		close(sink);
	sink = memfd_create("log", MFD_CLOEXEC);
	assert_true(sink >= 0);
	log_open(sink, least, json);
}

/* All that was logged since start(). */
static const char *logged(void)
{
	ssize_t got = pread(sink, lines, sizeof(lines) - 1, 0);

	assert_true(got >= 0);
	lines[got] = '\0';
	return lines;
}

/* What was logged, without the time that stands before it; the time must be now. */
static const char *logged_event(void)
{
	const char *line = logged();
	const char *space = strchr(line, ' ');
	char stamp[TIME_TEXT] = {0};
	struct err err = {0};
	int64_t ms = 0;

	assert_non_null(space);
	assert_true(space - line < TIME_TEXT);
	memcpy(stamp, line, (size_t)(space - line));
	assert_int_equal(parse_time(stamp, &ms, &err), 0);
	assert_in_range(ms / 1000 + 60, time(NULL), time(NULL) + 61);
	return space + 1;
}

static void writes_one_line_an_event(void **state)
{
	(void)state;
	start(LOG_DEBUG, false);
	log_info("rollout promoted key=%s weight=%d", "risk", 100);
	assert_string_equal(logged_event(), "info  rollout promoted key=risk weight=100\n");
	start(LOG_DEBUG, false);
	log_debug("%s", "");
	assert_string_equal(logged_event(), "debug \n");
	start(LOG_DEBUG, false);
	log_warn("one\ntwo \033[2J \"q\" \\ caf\xc3\xa9 \xff");
	assert_string_equal(logged_event(), "warn  one?two ?[2J \"q\" \\ caf\xc3\xa9 ?\n");
}

static void writes_json(void **state)
{
	const char *line;

	(void)state;
	start(LOG_INFO, true);
	log_error("a \"quoted\" \\ back\nslash \t %s", "\xe2\x82\xac\xff");
	line = logged();
	assert_memory_equal(line, "{\"time\":\"20", 11);
	line = strstr(line, "\",\"level\"");
	assert_non_null(line);
	assert_string_equal(line, "\",\"level\":\"error\",\"message\":"
	                          "\"a \\\"quoted\\\" \\\\ back?slash ? \xe2\x82\xac?\"}\n");
}

static void drops_what_is_below_the_level(void **state)
{
	static const struct {
		enum log_level least;
		int n;
	} cases[] = {{LOG_DEBUG, 4}, {LOG_INFO, 3}, {LOG_WARN, 2}, {LOG_ERROR, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int n = 0;

		start(cases[i].least, false);
		log_debug("x");
		log_info("x");
		log_warn("x");
		log_error("x");
		for (const char *at = logged(); (at = strchr(at, '\n')); at++)
			n++;
		assert_int_equal(n, cases[i].n);
	}
}

static void keeps_errno(void **state)
{
	(void)state;
	log_open(-1, LOG_INFO, false);
	errno = ENOSPC;
	log_info("nowhere to go");
	assert_int_equal(errno, ENOSPC);
}

static void cuts_a_long_line(void **state)
{
	static char text[1 << 21];
	const char *line;

	(void)state;
	memset(text, 'a', 20000);
	start(LOG_INFO, false);
	log_info("%s", text);
	line = logged();
	assert_in_range(strlen(line), 8000, 8300);
	assert_string_equal(line + strlen(line) - 5, "a...\n");
	memset(text, '"', 20000);
	start(LOG_INFO, true);
	log_info("%s", text);
	line = logged();
	assert_string_equal(line + strlen(line) - 8, "\\\"...\"}\n");
	memset(text, 'a', sizeof(text) - 1);
	start(LOG_INFO, false);
	log_info("%s", text);
	assert_string_equal(logged_event(), "info  (an event too long to show)\n");
}

/* Colour goes to a terminal only, and not when NO_COLOR is set. */
static void colours_a_terminal(void **state)
{
	static const struct {
		const char *no_color;
		bool json, coloured;
	} cases[] = {
		{NULL, false, true}, {"", false, true}, {"1", false, false}, {NULL, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int master = posix_openpt(O_RDWR | O_NOCTTY), terminal;
		char shown[512] = {0};

		if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
			skip();
		terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
		assert_true(terminal >= 0);
		if (cases[i].no_color)
			setenv("NO_COLOR", cases[i].no_color, 1);
		else
			unsetenv("NO_COLOR");
		log_open(terminal, LOG_INFO, cases[i].json);
		log_warn("look");
		assert_true(read(master, shown, sizeof(shown) - 1) > 0);
		assert_int_equal(strstr(shown, "\033[33mwarn \033[0m look") != NULL,
		                 cases[i].coloured);
		assert_int_equal(strchr(shown, '\033') != NULL, cases[i].coloured);
		close(terminal);
		close(master);
	}
	unsetenv("NO_COLOR");
}

static void hides_secrets(void **state)
{
	static const struct {
		const char *text, *scrubbed;
	} cases[] = {
		{"nothing here", "nothing here"},
		{"tok-123456", "***"},
		{"a tok-123456 b tok-123456 c", "a *** b *** c"},
		{"tok-12345", "tok-12345"},
		{"tok-1234567890", "***"},
		{"tok-12345tok-123456", "tok-12345***"},
		{"https://u:p%40ss@host/x", "https://u:***@host/x"},
		{"p%40s", "p%40s"},
		{"short", "short"},
		{"with line end: file-secret\n", "with line end: ***\n"},
		{"two\nlines", "***"},
		{"said two?lines then", "said *** then"},
		{"two!lines", "two!lines"},
		{"cut tok-12...", "cut ***..."},
		{"cut tok-1...", "cut tok-1..."},
		{"not cut tok-12... here", "not cut tok-12... here"},
		{"caf\xc3\xa9-secret", "***"},
		{"", ""},
	};

	(void)state;
	log_hide("tok-123456");
	log_hide("tok-123456");
	log_hide("tok-1234567890");
	log_hide("p%40ss");
	log_hide("short");
	log_hide("");
	log_hide("\r\n");
	log_hide("file-secret\r\n");
	log_hide("two\nlines");
	log_hide("caf\xc3\xa9-secret");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[128];

		strcpy(text, cases[i].text);
		log_scrub(text);
		assert_string_equal(text, cases[i].scrubbed);
	}
}

static void hides_secrets_in_lines_and_errors(void **state)
{
	static char text[10000];
	struct err err = {0};

	(void)state;
	log_hide("hunter2-hunter2");
	start(LOG_INFO, false);
	log_info("push to https://ci:%s@git failed", "hunter2-hunter2");
	assert_string_equal(logged_event(), "info  push to https://ci:***@git failed\n");
	err_set(&err, ERR_STALLED, "%0*d hunter2-hunter2", 1010, 0);
	log_scrub(err.text);
	assert_null(strstr(err.text, "hunter2"));
	assert_string_equal(err.text + strlen(err.text) - 8, "0 ***...");
	/* the place where a line is cut lies inside the secret */
	snprintf(text, sizeof(text), "%0*d hunter2-hunter2", 8180, 0);
	start(LOG_INFO, false);
	log_info("%s", text);
	assert_null(strstr(logged(), "hunter"));
}

/* The 65th value takes the place of the first. This test is the last: it pushes out all others. */
static void remembers_the_last_64_values(void **state)
{
	char text[32];

	(void)state;
	for (int i = 0; i < 65; i++) {
		snprintf(text, sizeof(text), "rotated-%03d", i);
		log_hide(text);
	}
	for (int i = 0; i < 65; i++) {
		snprintf(text, sizeof(text), "rotated-%03d", i);
		log_scrub(text);
		if (i == 0)
			assert_string_equal(text, "rotated-000");
		else
			assert_string_equal(text, "***");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one_line_an_event),
		cmocka_unit_test(writes_json),
		cmocka_unit_test(drops_what_is_below_the_level),
		cmocka_unit_test(keeps_errno),
		cmocka_unit_test(cuts_a_long_line),
		cmocka_unit_test(colours_a_terminal),
		cmocka_unit_test(hides_secrets),
		cmocka_unit_test(hides_secrets_in_lines_and_errors),
		cmocka_unit_test(remembers_the_last_64_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
