/* A growing, bounded text or byte buffer on the heap. */
#ifndef LINNET_BASE_BUF_H
#define LINNET_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* `text` is always NUL-terminated once something was added (the NUL is not counted in `len`).
 * Adding past `bytes_max` adds nothing more and sets `full`; check it once at the end. */
struct buf {
	char *text;
	size_t len;
	size_t capacity;
	size_t bytes_max;
	bool full;
};

/* Borrowed bytes; not NUL-terminated in general. */
struct bytes {
	const char *data;
	size_t len;
};

void buf_init(struct buf *buf, size_t bytes_max);
void buf_deinit(struct buf *buf); /* accepts a zeroed buf */
void buf_clear(struct buf *buf);  /* empties it, keeps the memory, clears `full` */
void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) printf_like(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list args) printf_like(2, 0);
const char *buf_text(const struct buf *buf); /* "" when empty, never NULL */

/* Error ERR_STALLED "<what> is larger than N bytes" when `full`. */
int buf_check(const struct buf *buf, const char *what, struct err *err) must_check;

#include "base/file.h"

#endif
