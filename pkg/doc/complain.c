/* Diagnostics: where, which field, what to do. */
#include <stdio.h>

#include "base/limits.h"
#include "doc/fields.h"

enum { MESSAGE_BYTES = 1024 }; /* what is longer is cut */

static char *message_of(struct arena *arena, const struct node *at, const char *fmt, va_list args)
	printf_like(3, 0);
static char *message_of(struct arena *arena, const struct node *at, const char *fmt, va_list args)
{
	char text[MESSAGE_BYTES];
	struct buf path;
	char *message;

	buf_init(&path, LIMIT_DOC_DEPTH * 2 * DOC_KEY_BYTES);
	node_path(at, &path);
	if (vsnprintf(text, sizeof(text), fmt, args) >= MESSAGE_BYTES) {
		text[MESSAGE_BYTES - 1] = '.'; /* for text_cut: more would follow */
		text_cut(text, sizeof(text));
	}
	message = arena_printf(arena, "%s%s%s", buf_text(&path), path.len > 0 ? ": " : "", text);
	text_clean(message);
	buf_deinit(&path);
	return message;
}

static void add(struct decoder *decoder, const struct node *at, struct place place, const char *fmt,
                va_list args) printf_like(4, 0);
static void add(struct decoder *decoder, const struct node *at, struct place place, const char *fmt,
                va_list args)
{
	struct diagnostics *all = decoder->diagnostics;
	struct diagnostic *diagnostic;

	if (all->n == LIMIT_DIAGNOSTICS)
		return;
	diagnostic = list_push(decoder->arena, &all->items, &all->n);
	*diagnostic = (struct diagnostic){decoder->path, place.line, place.column,
	                                  message_of(decoder->arena, at, fmt, args)};
}

int complain(struct decoder *decoder, const struct node *at, const char *fmt, ...)
{
	struct place place = {at ? at->line : 0, at ? at->column : 0};
	va_list args;

	va_start(args, fmt);
	add(decoder, at, place, fmt, args);
	va_end(args);
	return -1;
}

int complain_key(struct decoder *decoder, const struct node *at, const char *fmt, ...)
{
	struct place place = {at->key_line, at->key_column};
	va_list args;

	va_start(args, fmt);
	add(decoder, at->parent, place, fmt, args);
	va_end(args);
	return -1;
}

void diagnostic_text(const struct diagnostic *diagnostic, struct buf *out)
{
	buf_puts(out, diagnostic->path);
	if (diagnostic->line > 0)
		buf_printf(out, ":%d:%d", diagnostic->line, diagnostic->column);
	buf_printf(out, ": %s", diagnostic->message);
}
