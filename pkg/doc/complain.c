/* Diagnostics: where, which field, what to do. */
#include <string.h>

#include "base/limits.h"
#include "doc/fields.h"

enum { MESSAGE_BYTES = 4096 };

/* The key that a person reads last in the path of a node: its own, or that of its list. */
static const char *last_key(const struct node *node)
{
	while (node && !node->key)
		node = node->parent;
	return node ? node->key : "";
}

/* "key: text" about that key is "text". */
static const char *without_key(const char *message, const char *key)
{
	size_t len = strlen(key);

	if (len > 0 && strncmp(message, key, len) == 0 && strncmp(message + len, ": ", 2) == 0)
		return message + len + 2;
	return message;
}

static char *message_of(struct arena *arena, const struct node *at, const char *fmt, va_list args)
	printf_like(3, 0);
static char *message_of(struct arena *arena, const struct node *at, const char *fmt, va_list args)
{
	struct buf path, text;
	char *message;

	buf_init(&path, MESSAGE_BYTES);
	buf_init(&text, MESSAGE_BYTES);
	node_path(at, &path);
	buf_vprintf(&text, fmt, args);
	message = arena_printf(arena, "%s%s%s", buf_text(&path), path.len > 0 ? ": " : "",
	                       without_key(buf_text(&text), last_key(at)));
	text_clean(message);
	buf_deinit(&path);
	buf_deinit(&text);
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
