/* What the tests of documents share. */
#ifndef LINNET_TESTS_DOC_HELP_H
#define LINNET_TESTS_DOC_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/limits.h"
#include "doc/doc.h"

/* A parse of hostile text must end within this, sanitizers included; it takes milliseconds. */
enum { HOSTILE_MS = 5000 };

static inline int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The only document of a text; fails the test when there is none. */
static inline struct node *parse_yaml(struct arena *arena, const char *text)
{
	struct node **docs = NULL;
	struct err err = {0};
	size_t n = 0;

	if (yaml_parse(text, strlen(text), LIMIT_STATUS_BYTES, arena, &docs, &n, NULL, &err) < 0)
		fail_msg("%s: in\n%s", err.text, text);
	assert_int_equal(n, 1);
	return docs[0];
}

static inline struct node *parse_json(struct arena *arena, const char *text)
{
	struct node *node = NULL;
	struct err err = {0};

	if (json_parse(text, strlen(text), LIMIT_STATUS_BYTES, arena, &node, &err) < 0)
		fail_msg("%s: in\n%s", err.text, text);
	return node;
}

#endif
