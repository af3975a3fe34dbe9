#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char cut_mark[] = "...";

/* Bytes of the valid UTF-8 character at `s` (a NUL stops it early), or 0. Unicode table 3-7. */
static size_t utf8_len(const unsigned char *s)
{
	unsigned low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	}
	return len;
}

static bool is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

void text_clean(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		size_t len = utf8_len(s);

		if (len == 0 || is_control(s)) {
			*s++ = '?';
			continue;
		}
		s += len;
	}
}

void text_cut(char *text, size_t size)
{
	size_t end;

	assert(size > sizeof(cut_mark));
	if (strnlen(text, size) < size)
		return;
	end = size - sizeof(cut_mark);
	while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	memcpy(text + end, cut_mark, sizeof(cut_mark));
}

/* One byte more than an err holds, so that text_cut sees that there was more. */
struct draft {
	char text[sizeof(((struct err *)0)->text) + 1];
};

static int err_store(struct err *err, enum err_kind kind, struct draft *draft)
{
	assert(kind > ERR_NONE && kind < ERR_KINDS);
	text_clean(draft->text);
	text_cut(draft->text, sizeof(err->text));
	memcpy(err->text, draft->text, sizeof(err->text));
	err->kind = kind;
	return -1;
}

printf_like(2, 0) static void draft_vprintf(struct draft *draft, const char *fmt, va_list args)
{
	if (vsnprintf(draft->text, sizeof(draft->text), fmt, args) < 0)
		snprintf(draft->text, sizeof(draft->text), "(a text that cannot be formatted)");
}

static void draft_add(struct draft *draft, const char *text)
{
	size_t used = strlen(draft->text);
	size_t len = strnlen(text, sizeof(draft->text) - 1 - used);

	memcpy(draft->text + used, text, len);
	draft->text[used + len] = '\0';
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	struct draft draft = {0};
	va_list args;

	va_start(args, fmt);
	draft_vprintf(&draft, fmt, args);
	va_end(args);
	return err_store(err, kind, &draft);
}

int err_errno(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
{
	struct draft draft = {0};
	char reason[128];
	va_list args;

	va_start(args, fmt);
	draft_vprintf(&draft, fmt, args);
	va_end(args);
	draft_add(&draft, ": ");
	draft_add(&draft, strerror_r(errnum, reason, sizeof(reason)));
	return err_store(err, kind, &draft);
}

enum err_kind err_errno_kind(int errnum)
{
	switch (errnum) {
	case E2BIG:
	case EACCES:
	case EINVAL:
	case EISDIR:
	case ELIBBAD:
	case ELOOP:
	case ENAMETOOLONG:
	case ENOENT:
	case ENOEXEC:
	case ENOTDIR:
	case EPERM:
		return ERR_STALLED;
	default:
		return ERR_TRANSIENT;
	}
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	struct draft draft = {0};
	va_list args;

	va_start(args, fmt);
	draft_vprintf(&draft, fmt, args);
	va_end(args);
	draft_add(&draft, ": ");
	draft_add(&draft, err->text);
	return err_store(err, err->kind, &draft);
}

void panic(const char *fmt, ...)
{
	va_list args;

	fputs("panic: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}
