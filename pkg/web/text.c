#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "web/internal.h"

struct text *text_new(const void *bytes, size_t len)
{
	struct text *text = heap_alloc(1, sizeof(*text) + len + 1);

	text->refs = 1;
	text->len = len;
	memcpy(text->data, bytes, len);
	return text;
}

struct text *text_of(const struct buf *buf)
{
	return text_new(buf_text(buf), buf->len);
}

struct text *text_ref(struct text *text)
{
	text->refs++;
	return text;
}

void text_unref(struct text *text)
{
	if (text && --text->refs == 0)
		free(text);
}
