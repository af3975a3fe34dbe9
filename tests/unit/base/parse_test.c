#include <fcntl.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/death.h"
#include "base/parse.h"

enum { UNTOUCHED = 4711 };

/* xorshift64*: the same numbers on every machine. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

static void integers(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max, value;
		bool good;
	} cases[] = {
		{"0", 0, 0, 0, true},
		{"-0", 0, 0, 0, true},
		{"007", 0, 10, 7, true},
		{"-5", -5, 5, -5, true},
		{"5", -5, 5, 5, true},
		{"6", -5, 5, 0, false},
		{"-6", -5, 5, 0, false},
		{"9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, true},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, true},
		{"9223372036854775808", INT64_MIN, INT64_MAX, 0, false},
		{"-9223372036854775809", INT64_MIN, INT64_MAX, 0, false},
		{"18446744073709551617", INT64_MIN, INT64_MAX, 0, false},
		{"99999999999999999999999", INT64_MIN, INT64_MAX, 0, false},
		{"", INT64_MIN, INT64_MAX, 0, false},
		{"-", -9, 9, 0, false},
		{"--1", -9, 9, 0, false},
		{"+1", -9, 9, 0, false},
		{" 1", -9, 9, 0, false},
		{"1 ", -9, 9, 0, false},
		{"1\n", -9, 9, 0, false},
		{"1.0", -9, 9, 0, false},
		{"1e2", 0, 999, 0, false},
		{"0x1", -9, 9, 0, false},
		{"1_000", 0, 9999, 0, false},
		{"\xd9\xa1", -9, 9, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		int64_t value = UNTOUCHED;
		int rc = parse_int(cases[i].text, cases[i].min, cases[i].max, &value, &err);

		if (rc != (cases[i].good ? 0 : -1) ||
		    value != (cases[i].good ? cases[i].value : UNTOUCHED))
			fail_msg("'%s' gives %d, %lld", cases[i].text, rc, (long long)value);
		assert_int_equal(err.kind, cases[i].good ? ERR_NONE : ERR_STALLED);
	}
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		double min, max, value;
		bool good;
	} cases[] = {
		{"0", 0, 1, 0, true},
		{"-0", 0, 1, 0, true},
		{"0.1", 0, 1, 0.1, true},
		{"1", 0, 1, 1, true},
		{"1.0000000000000002", 0, 1, 0, false},
		{"-1e-300", 0, 1, 0, false},
		{"1e3", 0, 1e9, 1000, true},
		{"1E+3", 0, 1e9, 1000, true},
		{"12.5e-1", 0, 9, 1.25, true},
		{"-2.5", -INFINITY, INFINITY, -2.5, true},
		{"1.7976931348623157e308", -DBL_MAX, DBL_MAX, DBL_MAX, true},
		{"1.8e308", -INFINITY, INFINITY, 0, false},
		{"-1e999", -INFINITY, INFINITY, 0, false},
		{"5e-324", 0, 1, 5e-324, true},
		{"1e-999", 0, 1, 0, true},
		{"9007199254740993", 0, 1e17, 9007199254740992.0, true},
		{"", -9, 9, 0, false},
		{"-", -9, 9, 0, false},
		{".5", -9, 9, 0, false},
		{"5.", -9, 9, 0, false},
		{"1,5", -9, 9, 0, false},
		{"1.5.5", -9, 9, 0, false},
		{"+1", -9, 9, 0, false},
		{" 1", -9, 9, 0, false},
		{"1 ", -9, 9, 0, false},
		{"1e", -9, 9, 0, false},
		{"1e+", -9, 9, 0, false},
		{"1e1.5", -99, 99, 0, false},
		{"e1", -9, 9, 0, false},
		{"0x1p3", -9, 9, 0, false},
		{"nan", -INFINITY, INFINITY, 0, false},
		{"inf", -INFINITY, INFINITY, 0, false},
		{"-infinity", -INFINITY, INFINITY, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		double value = UNTOUCHED;
		int rc = parse_number(cases[i].text, cases[i].min, cases[i].max, &value, &err);

		if (rc != (cases[i].good ? 0 : -1) ||
		    value != (cases[i].good ? cases[i].value : UNTOUCHED))
			fail_msg("'%s' gives %d, %.17g", cases[i].text, rc, value);
		assert_int_equal(err.kind, cases[i].good ? ERR_NONE : ERR_STALLED);
	}
}

static void a_number_has_a_longest_text(void **state)
{
	char text[500];
	struct err err = {0};
	double value = UNTOUCHED;

	(void)state;
	memset(text, '0', sizeof(text));
	text[399] = '7';
	text[400] = '\0';
	assert_int_equal(parse_number(text, 0, 10, &value, &err), 0);
	assert_true(value == 7);
	text[400] = '7';
	text[401] = '\0';
	assert_int_equal(parse_number(text, 0, 100, &value, &err), -1);
	assert_true(value == 7);
}

static void errors_name_the_range(void **state)
{
	struct err err = {0};
	int64_t whole;
	double number;

	(void)state;
	assert_int_equal(parse_int("70", 1, 64, &whole, &err), -1);
	assert_string_equal(err.text, "'70' is not a whole number from 1 to 64");
	assert_int_equal(parse_number("x", 0, 0.5, &number, &err), -1);
	assert_string_equal(err.text, "'x' is not a number from 0 to 0.5");
	assert_int_equal(parse_number("x", 1e-7, INFINITY, &number, &err), -1);
	assert_string_equal(err.text, "'x' is not a number of at least 1e-07");
	assert_int_equal(parse_number("x", -INFINITY, 2, &number, &err), -1);
	assert_string_equal(err.text, "'x' is not a number of at most 2");
	assert_int_equal(parse_number("x", -INFINITY, INFINITY, &number, &err), -1);
	assert_string_equal(err.text, "'x' is not a number");
	assert_int_equal(parse_duration("5 min", &whole, &err), -1);
	assert_string_equal(err.text, "'5 min' is not a duration such as 250ms, 90s, 10m, 24h or 30d"
	                              " (at most 3650d)");
	assert_int_equal(parse_share("7", &number, &err), -1);
	assert_string_equal(err.text, "'7' is not a share from 0 to 1, or from 0% to 100%");
}

/* One text of a quantity and its value, or BAD. */
#define BAD INT64_C(-1)
struct quantity {
	const char *text;
	int64_t value;
};

static void check_quantities(int (*parse)(const char *text, int64_t *out, struct err *err),
                             const struct quantity *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool good = cases[i].value != BAD;
		struct err err = {0};
		int64_t value = UNTOUCHED;
		int rc = parse(cases[i].text, &value, &err);

		if (rc != (good ? 0 : -1) || value != (good ? cases[i].value : UNTOUCHED))
			fail_msg("'%s' gives %d, %lld", cases[i].text, rc, (long long)value);
		assert_int_equal(err.kind, good ? ERR_NONE : ERR_STALLED);
	}
}

static void durations(void **state)
{
	static const struct quantity cases[] = {
		{"0", 0},
		{"0s", 0},
		{"250ms", 250},
		{"90s", 90000},
		{"10m", 600000},
		{"24h", 86400000},
		{"30d", INT64_C(2592000000)},
		{"3650d", INT64_C(315360000000)},
		{"3651d", BAD},
		{"315360000000ms", INT64_C(315360000000)},
		{"315360000001ms", BAD},
		{"106751991168d", BAD},
		{"9223372036854775808ms", BAD},
		{"", BAD},
		{"1", BAD},
		{"00", BAD},
		{"s", BAD},
		{"-1s", BAD},
		{"+1s", BAD},
		{"1.5h", BAD},
		{"1h30m", BAD},
		{"1 s", BAD},
		{" 1s", BAD},
		{"1s ", BAD},
		{"1S", BAD},
		{"1w", BAD},
		{"1mss", BAD},
	};

	(void)state;
	check_quantities(parse_duration, cases, ARRAY_LEN(cases));
}

static void memory(void **state)
{
	static const struct quantity cases[] = {
		{"0", 0},
		{"48213", 48213},
		{"1Ki", 1024},
		{"512Mi", INT64_C(536870912)},
		{"2Gi", INT64_C(2147483648)},
		{"1Ti", INT64_C(1099511627776)},
		{"1Pi", INT64_C(1125899906842624)},
		{"7Ei", INT64_C(8070450532247928832)},
		{"8Ei", BAD},
		{"1k", 1000},
		{"3M", 3000000},
		{"3G", INT64_C(3000000000)},
		{"3T", INT64_C(3000000000000)},
		{"3P", INT64_C(3000000000000000)},
		{"9E", INT64_C(9000000000000000000)},
		{"10E", BAD},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", BAD},
		{"", BAD},
		{"Mi", BAD},
		{"-1Mi", BAD},
		{"1.5Gi", BAD},
		{"1K", BAD},
		{"1mi", BAD},
		{"1MB", BAD},
		{"1 Mi", BAD},
		{"1Mi ", BAD},
		{"500m", BAD},
	};

	(void)state;
	check_quantities(parse_memory, cases, ARRAY_LEN(cases));
}

static void cpu(void **state)
{
	static const struct quantity cases[] = {
		{"0", 0},
		{"2", 2000},
		{"500m", 500},
		{"0.5", 500},
		{"1.25", 1250},
		{"0.001", 1},
		{"10.075", 10075},
		{"0.0001", BAD},
		{"1048576", INT64_C(1048576000)},
		{"1048576.001", BAD},
		{"1048576000m", INT64_C(1048576000)},
		{"1048576001m", BAD},
		{"9223372036854775807", BAD},
		{"", BAD},
		{"m", BAD},
		{".5", BAD},
		{"1.", BAD},
		{"1.5m", BAD},
		{"-1", BAD},
		{"1e3", BAD},
		{"2 ", BAD},
		{"2M", BAD},
		{"2mm", BAD},
	};

	(void)state;
	check_quantities(parse_cpu, cases, ARRAY_LEN(cases));
}

static void times(void **state)
{
	static const struct quantity cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-07-02T00:00:00Z", INT64_C(1782950400000)},
		{"2026-07-02T02:30:00+02:30", INT64_C(1782950400000)},
		{"2026-07-01T19:00:00-05:00", INT64_C(1782950400000)},
		{"2026-07-02T00:00:00-00:00", INT64_C(1782950400000)},
		{"2026-07-02T00:00:00.5Z", INT64_C(1782950400500)},
		{"2026-07-02T00:00:00.05Z", INT64_C(1782950400050)},
		{"2026-07-02T00:00:00.123Z", INT64_C(1782950400123)},
		{"2026-07-02T00:00:00.123999+00:00", INT64_C(1782950400123)},
		{"2026-07-02T00:00:00.123999999Z", INT64_C(1782950400123)},
		{"2000-02-29T23:59:59Z", INT64_C(951868799000)},
		{"1900-02-28T00:00:00Z", INT64_C(-2203977600000)},
		{"0000-01-01T00:00:00Z", INT64_C(-62167219200000)},
		{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
		{"0000-01-01T00:00:00+00:01", BAD},
		{"9999-12-31T23:59:59-00:01", BAD},
		{"9999-12-31T23:59:00-00:01", BAD},
		{"2026-07-02T00:00:00.1239999999Z", BAD},
		{"2026-07-02T00:00:00.Z", BAD},
		{"2026-07-02T00:00:00,5Z", BAD},
		{"1900-02-29T00:00:00Z", BAD},
		{"2026-02-29T00:00:00Z", BAD},
		{"2026-00-01T00:00:00Z", BAD},
		{"2026-13-01T00:00:00Z", BAD},
		{"2026-04-31T00:00:00Z", BAD},
		{"2026-04-00T00:00:00Z", BAD},
		{"2026-07-02T24:00:00Z", BAD},
		{"2026-07-02T00:60:00Z", BAD},
		{"2016-12-31T23:59:60Z", BAD},
		{"2026-07-02T00:00:00", BAD},
		{"2026-07-02T00:00:00z", BAD},
		{"2026-07-02t00:00:00Z", BAD},
		{"2026-07-02 00:00:00Z", BAD},
		{"2026-07-02", BAD},
		{"2026-7-2T00:00:00Z", BAD},
		{"26-07-02T00:00:00Z", BAD},
		{"+026-07-02T00:00:00Z", BAD},
		{"2026-07-02T00:00:00+0200", BAD},
		{"2026-07-02T00:00:00+24:00", BAD},
		{"2026-07-02T00:00:00+02:60", BAD},
		{"2026-07-02T00:00:00+02", BAD},
		{"2026-07-02T00:00:00ZZ", BAD},
		{"2026-07-02T00:00:00Z ", BAD},
		{" 2026-07-02T00:00:00Z", BAD},
		{"2026-07-02T00:00Z", BAD},
		{"", BAD},
		{"2", BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_quantities(parse_time, &cases[i], 1);
}

/* Every day from 1600 to 2399, against the C library. */
static void dates_agree_with_the_c_library(void **state)
{
	struct tm tm = {.tm_year = -300, .tm_mday = 1};
	time_t first = timegm(&tm);

	(void)state;
	for (time_t day = 0; day < 800 * 366; day++) {
		time_t seconds = first + day * 86400 + day % 86400;
		char expected[TIME_TEXT + 32], text[TIME_TEXT];
		struct err err = {0};
		int64_t ms = 0;

		gmtime_r(&seconds, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
		format_time((int64_t)seconds * 1000, text);
		assert_string_equal(text, expected);
		assert_int_equal(parse_time(text, &ms, &err), 0);
		assert_int_equal(ms, (int64_t)seconds * 1000);
	}
}

static void formats_times(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{1, "1970-01-01T00:00:00.001Z"},
		{INT64_C(1782950400120), "2026-07-02T00:00:00.120Z"},
		{INT64_C(-62167219200000), "0000-01-01T00:00:00Z"},
		{INT64_C(253402300800000), "10000-01-01T00:00:00Z"},
		{INT64_MAX, "292278994-08-17T07:12:55.807Z"},
		{INT64_MIN, "-292275055-05-16T16:47:04.192Z"},
	};
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[TIME_TEXT];

		format_time(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
	for (int i = 0; i < 100000; i++) {
		int64_t ms = (int64_t)(next_random(&seed) % UINT64_C(315569520000000));
		char text[TIME_TEXT];
		struct err err = {0};
		int64_t back = 0;

		ms -= INT64_C(62167219200000);
		format_time(ms, text);
		assert_int_equal(parse_time(text, &back, &err), 0);
		assert_int_equal(back, ms);
	}
}

static void formats_integers(void **state)
{
	static const int64_t numbers[] = {0, 7, -7, 10, 99, 100, -100, 1234567890, INT64_MAX,
	                                  INT64_MIN};
	char text[INT_TEXT], expected[INT_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		format_int(numbers[i], text);
		snprintf(expected, sizeof(expected), "%lld", (long long)numbers[i]);
		assert_string_equal(text, expected);
	}
}

static void formats_durations(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "0"},          {1, "1ms"},         {1500, "1500ms"},
		{1000, "1s"},      {90000, "90s"},     {600000, "10m"},
		{5400000, "90m"},  {86400000, "1d"},   {90000000, "25h"},
		{-90000, "-90s"},  {86400001, "86400001ms"},
		{INT64_MAX, "9223372036854775807ms"},  {INT64_MIN, "-9223372036854775808ms"},
	};
	uint64_t seed = 2;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[TIME_TEXT];

		format_duration(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
	for (int i = 0; i < 100000; i++) {
		static const int64_t units[] = {1, 1000, 60000, 3600000, 86400000};
		int64_t unit = units[i % 5], back = 0;
		int64_t ms = (int64_t)(next_random(&seed) % UINT64_C(315360000001)) / unit * unit;
		char text[TIME_TEXT];
		struct err err = {0};

		format_duration(ms, text);
		assert_int_equal(parse_duration(text, &back, &err), 0);
		assert_int_equal(back, ms);
	}
}

static void shares(void **state)
{
	static const struct {
		const char *text;
		double value;
		bool good;
	} cases[] = {
		{"0", 0, true},
		{"1", 1, true},
		{"0.05", 0.05, true},
		{"5e-2", 0.05, true},
		{"5%", 0.05, true},
		{"0%", 0, true},
		{"100%", 1, true},
		{"100.0%", 1, true},
		{"12.3%", 0.123, true},
		{"0.07%", 0.0007, true},
		{"33.333333%", 0.33333333, true},
		{"-0", 0, true},
		{"100.1%", 0, false},
		{"1.01", 0, false},
		{"5", 0, false},
		{"-5%", 0, false},
		{"-0.05", 0, false},
		{"5 %", 0, false},
		{"%", 0, false},
		{"5%%", 0, false},
		{"%5", 0, false},
		{"1e1%", 0, false},
		{".5%", 0, false},
		{"5.%", 0, false},
		{"+5%", 0, false},
		{"", 0, false},
		{"nan", 0, false},
		{"nan%", 0, false},
		{"0000000000000000000000000000000000000000005%", 0.05, true},
		{"00000000000000000000000000000000000000000005%", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		double value = UNTOUCHED;
		int rc = parse_share(cases[i].text, &value, &err);

		if (rc != (cases[i].good ? 0 : -1) ||
		    value != (cases[i].good ? cases[i].value : UNTOUCHED))
			fail_msg("'%s' gives %d, %.17g", cases[i].text, rc, value);
		assert_int_equal(err.kind, cases[i].good ? ERR_NONE : ERR_STALLED);
	}
}

static void name_texts(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"a", true},
		{"7", true},
		{"deployment-risk", true},
		{"a--b", true},
		{"0a-9", true},
		{"abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxyz", false},
		{"abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxy", true},
		{"", false},
		{"-", false},
		{"-a", false},
		{"a-", false},
		{"A", false},
		{"a_b", false},
		{"a.b", false},
		{"a/b", false},
		{"a b", false},
		{"a\n", false},
		{"\xc3\xa9", false},
		{NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (is_name(cases[i].text) != cases[i].good)
			fail_msg("is_name(\"%s\")", cases[i].text ? cases[i].text : "(null)");
	}
}

static void prints_numbers(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{-100000, "-100000"},
		{999999999999999, "999999999999999"},
		{1e15, "1e+15"},
		{123456789012345680.0, "1.2345678901234568e+17"},
		{0.1, "0.1"},
		{0.30000000000000004, "0.30000000000000004"},
		{0.05, "0.05"},
		{2.5, "2.5"},
		{1234.5, "1234.5"},
		{0.0001, "0.0001"},
		{0.00001, "1e-05"},
		{1.0 / 3, "0.3333333333333333"},
		{5e-324, "5e-324"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{DBL_MIN, "2.2250738585072014e-308"},
		{0x1p-44, "5.6843418860808015e-14"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf buf;

		buf_init(&buf, 64);
		buf_number(&buf, cases[i].value);
		assert_string_equal(buf_text(&buf), cases[i].text);
		buf_deinit(&buf);
	}
}

static int digits_of(const char *text)
{
	int n = 0;

	for (; *text && *text != 'e'; text++)
		n += *text >= '0' && *text <= '9' && !(n == 0 && *text == '0');
	return n;
}

static void assert_exact(double value)
{
	struct buf buf;
	struct err err;
	double back = 0;

	buf_init(&buf, 64);
	buf_exact(&buf, value);
	assert_int_equal(parse_exact(buf_text(&buf), &back, &err), 0);
	assert_memory_equal(&back, &value, sizeof(value));
	buf_deinit(&buf);
}

static void exact_numbers_are_read_whole(void **state)
{
	static const char *const bad[] = {"", "0x", "0x10", "0x1.8p-3x", "0x1p+5000", "-0xg", "0x1 ",
	                                  "inf", "+0x1p+1"};
	struct err err;
	double value;

	(void)state;
	assert_exact(-0.0);
	assert_exact(3);
	assert_exact(0.1875);
	assert_int_equal(parse_exact("0x1.8p-3", &value, &err), 0);
	assert_true(value == 0.1875);
	assert_int_equal(parse_exact("0.1875", &value, &err), 0);
	assert_true(value == 0.1875);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse_exact(bad[i], &value, &err), -1);
}

/* Any bits that are a number come back the same, and no shorter text would do. */
static void numbers_come_back_the_same(void **state)
{
	uint64_t seed = 3;
	struct buf buf;

	(void)state;
	buf_init(&buf, 64);
	for (int i = 0; i < 100000; i++) {
		uint64_t bits = next_random(&seed);
		struct err err = {0};
		double value, back = 0;
		char shorter[400];
		int digits;

		memcpy(&value, &bits, sizeof(value));
		if (i % 2)
			value = (double)(bits % 1000000) / 1000;
		if (!isfinite(value))
			continue;
		buf_clear(&buf);
		buf_number(&buf, value);
		assert_int_equal(parse_number(buf.text, -INFINITY, INFINITY, &back, &err), 0);
		assert_memory_equal(&back, &value, sizeof(value));
		assert_exact(value);
		digits = digits_of(buf.text);
		if (digits < 2 || value == trunc(value))
			continue;
		snprintf(shorter, sizeof(shorter), "%.*g", digits - 1, value);
		if (strtod(shorter, NULL) == value)
			fail_msg("%s instead of %s", buf.text, shorter);
	}
	buf_deinit(&buf);
}

static void print_nan(void *arg)
{
	buf_number(arg, NAN);
}

static void print_inf_percent(void *arg)
{
	buf_percent(arg, INFINITY);
}

static void what_is_not_finite_is_our_own_fault(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 64);
	assert_true(aborts(print_nan, &buf));
	assert_true(aborts(print_inf_percent, &buf));
}

static void prints_percents(void **state)
{
	static const struct {
		double share;
		const char *text;
	} cases[] = {
		{0, "0 %"},           {-0.0, "0 %"},          {1, "100 %"},
		{0.05, "5 %"},        {0.0025, "0.25 %"},     {0.123456, "12.3 %"},
		{0.07, "7 %"},        {0.29, "29 %"},         {0.999, "99.9 %"},
		{0.9996, "100 %"},    {0.09996, "10 %"},      {-0.0312, "-3.12 %"},
		{1.5, "150 %"},       {12.345, "1230 %"},     {0.00001, "0.001 %"},
		{1e-9, "0.0000001 %"}, {1e-20, "0 %"},        {-1e-20, "0 %"},
		{0.1, "10 %"},        {0.01, "1 %"},          {0.001, "0.1 %"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf buf;

		buf_init(&buf, 64);
		buf_percent(&buf, cases[i].share);
		assert_string_equal(buf_text(&buf), cases[i].text);
		buf_deinit(&buf);
	}
}

/* Makes and chooses a locale with a decimal comma, in a folder of its own. */
static bool choose_decimal_comma(const char *folder)
{
	char command[160];

	snprintf(command, sizeof(command),
	         "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
	return system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 &&
	       setlocale(LC_ALL, "de_DE.UTF-8") && strcmp(localeconv()->decimal_point, ",") == 0;
}

static void a_decimal_comma_changes_nothing(void **state)
{
	char folder[] = "/tmp/linnet-locale-XXXXXX";
	struct err err = {0};
	double value = 0;
	bool chosen;
	struct buf buf;

	(void)state;
	assert_non_null(mkdtemp(folder));
	chosen = choose_decimal_comma(folder);
	assert_int_equal(dir_remove_all(AT_FDCWD, folder, &err), 0);
	if (!chosen)
		skip();
	buf_init(&buf, 64);
	buf_number(&buf, 2.5);
	buf_percent(&buf, 0.0025);
	assert_int_equal(parse_number("2.5", 0, 9, &value, &err), 0);
	assert_int_equal(parse_number("2,5", 0, 9, &value, &err), -1);
	setlocale(LC_ALL, "C");
	assert_true(value == 2.5);
	assert_string_equal(buf_text(&buf), "2.50.25 %");
	buf_deinit(&buf);
}

static void finds_names(void **state)
{
	static const char *const table[] = {"pass", NULL, "fail", "inconclusive"};
	struct names names = NAMES(table);

	(void)state;
	assert_int_equal(names_find(names, "pass"), 0);
	assert_int_equal(names_find(names, "inconclusive"), 3);
	assert_int_equal(names_find(names, "Pass"), -1);
	assert_int_equal(names_find(names, "fai"), -1);
	assert_int_equal(names_find(names, "failed"), -1);
	assert_int_equal(names_find(names, ""), -1);
	assert_int_equal(names_find((struct names){0}, "pass"), -1);
}

static void suggests_the_nearest(void **state)
{
	static const char *const table[] = {
		"replicas", "revision",     NULL,       "weight", "steps", "stage", "ModelVersion",
		"cpu",      "qualityGates", "interval",
	};
	static const struct {
		const char *text, *nearest;
	} cases[] = {
		{"replicas", "replicas"},
		{"replica", "replicas"},
		{"relpicas", "replicas"},
		{"REPLICAS", "replicas"},
		{"repliacs", "replicas"},
		{"modelversion", "ModelVersion"},
		{"model_version", "ModelVersion"},
		{"wieght", "weight"},
		{"weigth", "weight"},
		{"wait", NULL},
		{"step", "steps"},
		{"stega", "steps"},
		{"stges", "steps"},
		{"cup", "cpu"},
		{"cp", "cpu"},
		{"puc", NULL},
		{"c", NULL},
		{"", NULL},
		{"interwal", "interval"},
		{"internal", "interval"},
		{"completelyDifferent", NULL},
		{"qualitygatesqualitygatesqualitygatesqualitygatesqualitygatesqual", NULL},
		{"qualitygatesqualitygatesqualitygatesqualitygatesqualitygatesquality", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *found = nearest(cases[i].text, table, ARRAY_LEN(table));

		if (!found != !cases[i].nearest || (found && strcmp(found, cases[i].nearest) != 0))
			fail_msg("'%s' suggests %s", cases[i].text, found ? found : "nothing");
	}
	assert_null(nearest("a", NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(numbers),
		cmocka_unit_test(a_number_has_a_longest_text),
		cmocka_unit_test(errors_name_the_range),
		cmocka_unit_test(durations),
		cmocka_unit_test(memory),
		cmocka_unit_test(cpu),
		cmocka_unit_test(times),
		cmocka_unit_test(dates_agree_with_the_c_library),
		cmocka_unit_test(formats_times),
		cmocka_unit_test(formats_integers),
		cmocka_unit_test(formats_durations),
		cmocka_unit_test(shares),
		cmocka_unit_test(name_texts),
		cmocka_unit_test(prints_numbers),
		cmocka_unit_test(numbers_come_back_the_same),
		cmocka_unit_test(exact_numbers_are_read_whole),
		cmocka_unit_test(what_is_not_finite_is_our_own_fault),
		cmocka_unit_test(prints_percents),
		cmocka_unit_test(a_decimal_comma_changes_nothing),
		cmocka_unit_test(finds_names),
		cmocka_unit_test(suggests_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
