/* A key put into a map of a YAML text, or taken out of it, all else byte for byte. A map can be
 * written in more than one way: each is tried, and the one counts that reads back as it should. */
#include <string.h>

#include "doc/text.h"

enum { MORE_LINES = 4 }; /* that a closing bracket may stand below the last value */

/* Is `more` the same as `less`, but for `extra` (NULL: nothing) that it has beside? */
static bool same_but(const struct node *more, const struct node *less, const struct node *extra)
{
	const struct node *a = more->first, *b = less->first;

	if (more->type != less->type || (more->text && strcmp(more->text, less->text)))
		return false;
	for (; a; a = a->next) {
		if (a == extra)
			continue;
		if (!b || (a->key && strcmp(a->key, b->key)) || !same_but(a, b, extra))
			return false;
		b = b->next;
	}
	return !b;
}

struct trees {
	struct node **docs;
	size_t n;
};

static int parse(const char *text, size_t len, struct arena *arena, struct trees *out)
{
	struct err ignored = {0};

	return yaml_parse(text, len, len + 1, arena, &out->docs, &out->n, NULL, &ignored);
}

/* Does exactly one document of `more` have the key at `path` beside what `less` has? */
static bool has_one_more(const struct trees *more, const struct trees *less, const char *path)
{
	size_t differ = 0;

	if (more->n != less->n)
		return false;
	for (size_t i = 0; i < more->n; i++) {
		const struct node *extra;

		if (same_but(more->docs[i], less->docs[i], NULL))
			continue;
		extra = node_at(more->docs[i], path);
		if (!extra || !same_but(more->docs[i], less->docs[i], extra))
			return false;
		differ++;
	}
	return differ == 1;
}

/* What is tried: the bytes [from, to) of the source give way to `text`. */
struct change {
	const char *source;
	size_t len;
	const char *path; /* of the key */
	bool adds;
};

static bool try_change(const struct change *change, size_t from, size_t to, const char *text,
                       struct buf *out)
{
	struct arena arena;
	struct trees old, new;
	struct buf edited;
	bool good;

	buf_init(&edited, change->len + strlen(text) + 1);
	buf_add(&edited, change->source, from);
	buf_puts(&edited, text);
	buf_add(&edited, change->source + to, change->len - to);
	arena_init(&arena, 2 * DOC_ARENA_BYTES(edited.len + change->len));
	good = !parse(change->source, change->len, &arena, &old) &&
	       !parse(buf_text(&edited), edited.len, &arena, &new) &&
	       (change->adds ? has_one_more(&new, &old, change->path)
	                     : has_one_more(&old, &new, change->path));
	if (good)
		buf_add(out, edited.text, edited.len);
	arena_deinit(&arena);
	buf_deinit(&edited);
	return good;
}

/* Behind the end of the line that `at` is on. */
static size_t line_end(const char *source, size_t len, size_t at)
{
	const char *end = at < len ? memchr(source + at, '\n', len - at) : NULL;

	return end ? (size_t)(end - source) + 1 : len;
}

static size_t byte_of(const char *source, size_t len, int line, int column)
{
	size_t at = 0, n;
	uint32_t c;

	for (int i = 1; i < line; i++)
		at = line_end(source, len, at);
	for (int i = 1; i < column && at < len; i++) {
		n = utf8_char((const unsigned char *)source + at, len - at, &c);
		at += n ? n : 1;
	}
	return at;
}

static const char *path_of(struct arena *arena, const struct node *map, const char *key)
{
	struct buf path;
	const char *copy;

	buf_init(&path, 64 << 10);
	if (map)
		node_path(map, &path);
	buf_printf(&path, "%s%s", path.len ? "." : "", key);
	copy = arena_strdup(arena, buf_text(&path));
	buf_deinit(&path);
	return copy;
}

int yaml_add_key(const char *source, size_t len, const struct node *after, const char *key,
                 const char *value, struct arena *arena, struct buf *out, struct err *err)
{
	struct change change = {source, len, path_of(arena, after->parent, key), true};
	size_t end = line_end(source, len, after->end);
	bool crlf = end > 1 && source[end - 1] == '\n' && source[end - 2] == '\r';
	bool last = end == 0 || source[end - 1] != '\n';
	const char *line = arena_printf(arena, "%s%*s%s: %s%s", last ? "\n" : "",
	                                after->key_column - 1, "", key, value,
	                                last ? "" : crlf ? "\r\n" : "\n");

	if (try_change(&change, end, end, line, out) ||
	    try_change(&change, after->end, after->end, arena_printf(arena, ", %s: %s", key, value),
	               out))
		return buf_check(out, "the edited text", err);
	return err_set(err, ERR_STALLED,
	               "line %d: no '%s' can be put behind it; write '%s: %s' by hand", after->line,
	               key, key, value);
}

static size_t last_byte(const struct node *node, size_t at)
{
	if (!node->first && node->end > at)
		at = node->end;
	for (const struct node *child = node->first; child; child = child->next)
		at = last_byte(child, at);
	return at;
}

/* Whole lines: from that of the key to that of its last value, or a few below it. */
static bool remove_lines(const struct change *change, size_t key, size_t last, struct buf *out)
{
	size_t from = key, to = line_end(change->source, change->len, last);

	while (from > 0 && change->source[from - 1] != '\n')
		from--;
	for (int i = 0; i < MORE_LINES; i++) {
		if (try_change(change, from, to, "", out))
			return true;
		to = line_end(change->source, change->len, to);
	}
	return false;
}

/* Between brackets: from the comma in front of the key to its value, and a bracket that ends it. */
static bool remove_words(const struct change *change, size_t key, size_t last, struct buf *out)
{
	size_t from = key, limit = line_end(change->source, change->len, last);

	while (from > 0 && change->source[from] != ',')
		from--;
	for (size_t to = last; from > 0 && to <= limit && to <= change->len; to++)
		if ((to == last || strchr("}]", change->source[to - 1])) &&
		    try_change(change, from, to, "", out))
			return true;
	return false;
}

int yaml_remove_key(const char *source, size_t len, const struct node *child, struct arena *arena,
                    struct buf *out, struct err *err)
{
	struct change change = {source, len, path_of(arena, child->parent, child->key), false};
	size_t key = byte_of(source, len, child->key_line, child->key_column);
	size_t last = last_byte(child, key + strlen(child->key));

	if (remove_lines(&change, key, last, out) || remove_words(&change, key, last, out))
		return buf_check(out, "the edited text", err);
	return err_set(err, ERR_STALLED, "line %d: '%s' cannot be taken out; do it by hand",
	               child->key_line, child->key);
}
