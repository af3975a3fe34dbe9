#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

enum { CAPACITY_LEAST = 128 };

void buf_init(struct buf *buf, size_t bytes_max)
{
	*buf = (struct buf){.bytes_max = bytes_max};
}

void buf_deinit(struct buf *buf)
{
	free(buf->text);
	*buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->full = false;
	if (buf->text)
		buf->text[0] = '\0';
}

/* Room for `len` more bytes and a NUL, or false and `full`. */
static bool buf_reserve(struct buf *buf, size_t len)
{
	size_t needed, capacity;

	if (buf->full || len > buf->bytes_max - buf->len) {
		buf->full = true;
		return false;
	}
	needed = buf->len + len + 1;
	if (needed <= buf->capacity)
		return true;
	capacity = buf->capacity > needed / 2 ? buf->capacity * 2 : needed;
	if (capacity < CAPACITY_LEAST)
		capacity = CAPACITY_LEAST;
	buf->text = heap_resize(buf->text, capacity, 1);
	buf->capacity = capacity;
	return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (!buf_reserve(buf, len))
		return;
	if (len > 0)
		memcpy(buf->text + buf->len, bytes, len);
	buf->len += len;
	buf->text[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(buf, fmt, args);
	va_end(args);
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		panic("buf: a text that cannot be formatted: %s", fmt);
	if (!buf_reserve(buf, (size_t)len))
		return;
	vsnprintf(buf->text + buf->len, (size_t)len + 1, fmt, args);
	buf->len += (size_t)len;
}

const char *buf_text(const struct buf *buf)
{
	return buf->text ? buf->text : "";
}

int buf_check(const struct buf *buf, const char *what, struct err *err)
{
	if (!buf->full)
		return 0;
	return err_set(err, ERR_STALLED, "%s is larger than %zu bytes", what, buf->bytes_max);
}
