/* Reads the oracle files line by line. Every line must belong to a rule: one that checks it
 * against the C, or one that says why it is not checked here. A rule that meets no line is
 * stale and fails. */
#ifndef LINNET_TEST_ORACLE_H
#define LINNET_TEST_ORACLE_H

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

enum { NUMBERS_MAX = 160, LINE_BYTES = 4096 };

/* A number as printed: `half` is half a unit of its last digit, 0 when it is meant exactly. */
struct number {
	double value, half;
};

struct line {
	char section[LINE_BYTES]; /* the last line that began with "## " or "== " */
	char text[LINE_BYTES];
	struct number n[NUMBERS_MAX]; /* the numbers that do not follow a letter or digit */
	size_t count;
};

struct rule {
	const char *section; /* what the section begins with */
	const char *prefix;  /* what the line begins with; "" is any */
	void (*check)(const struct line *line);
	const char *why_not; /* without a check */
};

static double half_unit(const char *from, const char *end)
{
	const char *point = memchr(from, '.', (size_t)(end - from));
	const char *e = memchr(from, 'e', (size_t)(end - from)), *last = e ? e : end;
	double exponent = e ? strtod(e + 1, NULL) : 0;

	if (!point || (last - point == 2 && point[1] == '0'))
		return 0;
	return 0.5 * pow(10, exponent - (double)(last - point - 1));
}

static bool starts_number(const char *text, const char *p)
{
	const char *digits = p + (*p == '-');

	if (p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_' || p[-1] == '.'))
		return false;
	if (strncmp(p, "nan", 3) == 0)
		return !isalnum((unsigned char)p[3]);
	return isdigit((unsigned char)digits[*digits == '.']);
}

static void read_numbers(struct line *line)
{
	line->count = 0;
	for (const char *p = line->text; *p;) {
		char *end;

		if (!starts_number(line->text, p)) {
			p++;
			continue;
		}
		assert_true(line->count < NUMBERS_MAX);
		line->n[line->count].value = strtod(p, &end);
		line->n[line->count++].half = half_unit(p, end);
		p = end;
	}
}

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool agrees(double actual, struct number expected)
{
	double e = expected.value;

	if (isnan(e) || isinf(e))
		return isnan(e) ? isnan(actual) : actual == e;
	if (e > 0 && e < 1e-12)
		return actual > e / 10 && actual < e * 10;
	return fabs(actual - e) <= fmax(fmax(1e-6 * fabs(e), 1e-12), 1.0001 * expected.half);
}

#define CHECK(line, i, actual) check_number((line), (i), (actual), __FILE__, __LINE__)
static void check_number(const struct line *line, size_t i, double actual, const char *file, int at)
{
	if (i >= line->count || !agrees(actual, line->n[i])) {
		print_error("%s\n  number %zu should be %.15g, is %.15g\n", line->text, i,
		            i < line->count ? line->n[i].value : NAN, actual);
		_fail(file, at);
	}
}

static double at(const struct line *line, size_t i)
{
	assert_true(i < line->count);
	return line->n[i].value;
}

static FILE *oracle_open(const char *name)
{
	const char *shared = getenv("LINNET_SHARED");
	char path[LINE_BYTES];

	snprintf(path, sizeof(path), "%s/oracle/%s", shared ? shared : "../shared", name);
	return fopen(path, "r");
}

static void oracle_apply(const struct line *line, const struct rule *rules, size_t n, int *met)
{
	for (size_t i = 0; i < n; i++)
		if (begins(line->section, rules[i].section) && begins(line->text, rules[i].prefix)) {
			met[i]++;
			if (rules[i].check)
				rules[i].check(line);
			return;
		}
	fail_msg("no rule for the line: %s", line->text);
}

static void oracle_run(const char *name, const struct rule *rules, size_t n)
{
	static struct line line;
	int met[200] = {0}, checked = 0, left = 0;
	FILE *file = oracle_open(name);

	if (!file) {
		print_message("%s is absent (LINNET_SHARED or ../shared): skipped\n", name);
		skip();
	}
	assert_true(n <= 200);
	memset(&line, 0, sizeof(line));
	while (fgets(line.text, sizeof(line.text), file)) {
		line.text[strcspn(line.text, "\n")] = '\0';
		if (begins(line.text, "## ") || begins(line.text, "== "))
			memcpy(line.section, line.text, sizeof(line.section));
		if (line.text[0] == '\0')
			continue;
		read_numbers(&line);
		oracle_apply(&line, rules, n, met);
	}
	fclose(file);
	for (size_t i = 0; i < n; i++) {
		if (met[i] == 0)
			fail_msg("no line for the rule '%s' '%s'", rules[i].section, rules[i].prefix);
		*(rules[i].check ? &checked : &left) += met[i];
	}
	print_message("%s: %d lines checked, %d said not to be\n", name, checked, left);
}

#endif
