#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan/plan.h"

static int64_t at(const char *text)
{
	struct err err = {0};
	int64_t ms;

	if (parse_time(text, &ms, &err) < 0)
		fail_msg("%s", err.text);
	return ms;
}

static void next_ticks(void **state)
{
	static const struct { const char *cron, *after, *next; int64_t offset_minutes; } cases[] = {
		{"0 3 * * 1", "2026-01-12T03:00:00Z", "2026-01-19T03:00:00Z", 0},
		{"0 3 * * 1", "2026-01-12T02:59:59Z", "2026-01-12T03:00:00Z", 0},
		{"* * * * *", "2026-01-12T03:00:30Z", "2026-01-12T03:01:00Z", 0},
		{"*/15 * * * *", "2026-01-12T03:46:00Z", "2026-01-12T04:00:00Z", 0},
		{"5-10/5,30 1 * * *", "2026-01-12T01:06:00Z", "2026-01-12T01:10:00Z", 0},
		{"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z", 0},
		{"0 0 1 jan *", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 0},
		{"0 12 * * sun", "2026-01-12T00:00:00Z", "2026-01-18T12:00:00Z", 0},
		{"0 12 * * 7", "2026-01-12T00:00:00Z", "2026-01-18T12:00:00Z", 0},
		/* both restricted: either counts; 2026-01-15 is a Thursday */
		{"0 0 15 * 1", "2026-01-13T00:00:00Z", "2026-01-15T00:00:00Z", 0},
		{"0 0 15 * 1", "2026-01-15T00:00:00Z", "2026-01-19T00:00:00Z", 0},
		{"0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z", 0},
		{"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z", 0},
		{"0 16 * * 5", "2026-07-03T13:59:00Z", "2026-07-03T14:00:00Z", 120},
		{"30 0 * * *", "2026-07-03T05:59:00Z", "2026-07-03T06:00:00Z", -330},
		{"0 0 1 1 *", "1969-06-01T00:00:00Z", "1970-01-01T00:00:00Z", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct zone zone = {"", {{INT64_MIN, cases[i].offset_minutes * 60000}}, 1};
		struct cron cron;
		char got[TIME_TEXT];

		if (cron_parse(cases[i].cron, &cron, &err) < 0)
			fail_msg("%s", err.text);
		format_time(cron_next(&cron, at(cases[i].after), &zone), got);
		if (at(got) != at(cases[i].next))
			fail_msg("%s after %s: %s, not %s", cases[i].cron, cases[i].after, got, cases[i].next);
	}
}

static void a_day_that_never_comes(void **state)
{
	struct err err = {0};
	struct cron cron;

	(void)state;
	assert_int_equal(cron_parse("0 0 30 2 *", &cron, &err), 0);
	assert_int_equal(cron_next(&cron, at("2026-01-01T00:00:00Z"), NULL), -1);
}

static void mistakes_are_named(void **state)
{
	static const struct { const char *cron, *why; } cases[] = {
		{"", "0 fields of 5"},
		{"0 3 * *", "4 fields of 5"},
		{"0 3 * * 1 2", "more than 5 fields"},
		{"60 3 * * 1", "minute"},
		{"0 24 * * 1", "hour"},
		{"0 3 0 * 1", "day"},
		{"0 3 * 13 1", "month"},
		{"0 3 * * 8", "weekday"},
		{"0 3 * * mon-", "weekday"},
		{"5-1 3 * * 1", "backwards"},
		{"*/0 3 * * 1", "step"},
		{"a 3 * * 1", "minute"},
		{"1,,2 3 * * 1", "minute"},
		{"-1 3 * * 1", "minute"},
		{"0 3 * * 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"
		 " 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "longer than"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct cron cron;

		if (cron_parse(cases[i].cron, &cron, &err) == 0 || !strstr(err.text, cases[i].why))
			fail_msg("'%s': '%s' does not say '%s'", cases[i].cron, err.text, cases[i].why);
	}
}

static struct zone load(const char *name)
{
	struct zone zone;
	struct err err = {0};

	if (zone_load(name, at("2025-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z"), &zone, &err))
		fail_msg("%s", err.text);
	return zone;
}

static void zones_are_utc_offsets_or_names(void **state)
{
	static const struct { const char *zone; int64_t minutes; bool good; } cases[] = {
		{"UTC", 0, true},     {"+02:00", 120, true}, {"-05:30", -330, true},
		{"+2:00", 0, false},  {"+02:60", 0, false},  {"+15:00", 0, false},  {"+02.00", 0, false},
		{"", 0, false},       {"Mars/Olympus", 0, false}, {"../zoneinfo/UTC", 0, false},
		{"/usr/share/zoneinfo/UTC", 0, false}, {"Europe", 0, false}, {"zone.tab", 0, false},
		{"Europe/Berlin", 60, true}, {"Asia/Kolkata", 330, true}, {"Pacific/Chatham", 825, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct zone zone;
		bool good = zone_load(cases[i].zone, at("2025-01-01T00:00:00Z"),
		                      at("2030-01-01T00:00:00Z"), &zone, &err) == 0;

		if (good != cases[i].good)
			fail_msg("%s: %s", cases[i].zone, good ? "was read" : err.text);
		if (good)
			assert_int_equal(zone_offset(&zone, at("2026-01-15T00:00:00Z")),
			                 cases[i].minutes * 60000);
		else
			assert_non_null(strstr(err.text, "timeZone"));
	}
}

static void a_mistyped_zone_has_a_suggestion(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 4 << 20);
	assert_string_equal(zone_nearest("Europe/Berln", &arena), "Europe/Berlin");
	assert_string_equal(zone_nearest("america/new_york", &arena), "America/New_York");
	assert_null(zone_nearest("Mars/Olympus Mons, at night", &arena));
	arena_deinit(&arena);
}

/* Berlin turns its clocks forward at 02:00 on 2026-03-29 and back at 03:00 on 2026-10-25. */
static void ticks_where_clocks_are_turned(void **state)
{
	static const struct { const char *cron, *after, *next; } cases[] = {
		{"30 2 * * *", "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z"},
		{"30 2 * * *", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z"}, /* left out */
		{"30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"0,30 2 * * *", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z"}, /* both are one */
		{"0,30 2 * * *", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
		{"0 3 * * *", "2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z"}, /* shown twice */
		{"30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"30 2 * * *", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"},
		{"*/30 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"},
		{"0 16 * * 5", "2026-07-02T00:00:00Z", "2026-07-03T14:00:00Z"},
		{"0 16 * * 5", "2026-12-03T00:00:00Z", "2026-12-04T15:00:00Z"},
	};
	struct zone berlin = load("Europe/Berlin");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct cron cron;
		char got[TIME_TEXT];

		assert_int_equal(cron_parse(cases[i].cron, &cron, &err), 0);
		format_time(cron_next(&cron, at(cases[i].after), &berlin), got);
		if (at(got) != at(cases[i].next))
			fail_msg("%s after %s: %s, not %s", cases[i].cron, cases[i].after, got, cases[i].next);
	}
}

static void windows_close_and_open(void **state)
{
	/* Fridays from 16:00 for 64 hours; Tuesdays from 04:00 +02:00 for an hour */
	static const struct window_spec windows[] = {
		{"0 16 * * 5", 64 * 3600000, NULL},
		{"0 4 * * 2", 3600000, "+02:00"},
	};
	struct zone east = load("+02:00");
	struct zones zones = {&east, 1};
	static const struct { const char *now; bool closed; const char *change; } cases[] = {
		{"2026-07-03T15:59:59Z", false, "2026-07-03T16:00:00Z"},
		{"2026-07-03T16:00:00Z", true, "2026-07-06T08:00:00Z"},
		{"2026-07-06T07:59:59Z", true, "2026-07-06T08:00:00Z"},
		{"2026-07-06T08:00:00Z", false, "2026-07-07T02:00:00Z"},
		{"2026-07-07T02:30:00Z", true, "2026-07-07T03:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t change_ms;

		bool closed = windows_closed(windows, 2, &zones, at(cases[i].now), &change_ms);

		assert_int_equal(closed, cases[i].closed);
		assert_int_equal(change_ms, at(cases[i].change));
	}
}

static void overlapping_and_unreadable_windows(void **state)
{
	static const struct window_spec often = {"* * * * *", 7200000, NULL};
	static const struct window_spec both[] = {{"0 16 * * *", 7200000, NULL},
	                                          {"30 16 * * *", 3600000, NULL}};
	static const struct window_spec odd = {"0 16 * * 5", 3600000, "Mars/Olympus"};
	static const struct zones none;
	int64_t change_ms;

	(void)state;
	assert_true(windows_closed(&often, 1, &none, at("2026-07-03T16:00:00Z"), &change_ms));
	assert_true(change_ms > at("2026-07-03T16:00:00Z"));
	assert_true(windows_closed(both, 2, &none, at("2026-07-03T16:45:00Z"), &change_ms));
	assert_int_equal(change_ms, at("2026-07-03T18:00:00Z")); /* when the last of them opens */
	assert_true(windows_closed(&odd, 1, &none, at("2026-07-03T16:00:00Z"), &change_ms));
	assert_int_equal(change_ms, -1);
	assert_false(windows_closed(NULL, 0, &none, at("2026-07-03T16:00:00Z"), &change_ms));
	assert_int_equal(change_ms, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_ticks),
		cmocka_unit_test(a_day_that_never_comes),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(zones_are_utc_offsets_or_names),
		cmocka_unit_test(a_mistyped_zone_has_a_suggestion),
		cmocka_unit_test(ticks_where_clocks_are_turned),
		cmocka_unit_test(windows_close_and_open),
		cmocka_unit_test(overlapping_and_unreadable_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
