/* One scalar of a YAML text replaced in place. */
#include <string.h>

#include "doc/text.h"

/* In single quotes only a quote needs care; what is not printable needs double ones. */
static bool fits_single_quotes(const char *text)
{
	size_t len = strlen(text), n;
	uint32_t c = 0;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_char((const unsigned char *)text + i, len - i, &c);
		if (n == 0 || !is_printable(c))
			return false;
	}
	return true;
}

static void add_single_quoted(struct buf *out, const char *text)
{
	buf_putc(out, '\'');
	for (; *text; text++)
		buf_puts(out, *text == '\'' ? "''" : (char[]){*text, '\0'});
	buf_putc(out, '\'');
}

/* `old` is what stood there, with its quotes if it had any. */
static void add_like(struct buf *out, struct bytes old, const char *value)
{
	char quote = old.len > 0 ? old.data[0] : ' ';

	if (quote == '\'' && fits_single_quotes(value))
		add_single_quoted(out, value);
	else if (quote == '"' || quote == '\'' || !is_plain_yaml(value, true))
		add_quoted(out, value, false);
	else
		buf_puts(out, value);
}

/* The scalar that begins at `start`; every node has been bounded when it was parsed. */
static const struct node *scalar_at(const struct node *node, size_t start)
{
	const struct node *child = node->first;

	if (node->type == NODE_SCALAR && node->start == start)
		return node;
	while (child) {
		const struct node *found = scalar_at(child, start);

		if (found)
			return found;
		child = child->next;
	}
	return NULL;
}

static int says(const char *text, size_t len, size_t start, const char *value, struct err *err)
{
	struct arena arena;
	const struct node *found = NULL;
	struct node **docs;
	size_t n;
	int result;

	arena_init(&arena, DOC_ARENA_BYTES(len));
	result = yaml_parse(text, len, len, &arena, &docs, &n, NULL, err);
	for (size_t i = 0; result == 0 && !found && i < n; i++)
		found = scalar_at(docs[i], start);
	if (result == 0 && (!found || strcmp(found->text, value) != 0))
		result = err_set(err, ERR_STALLED, "the value would not read back as '%.60s'", value);
	arena_deinit(&arena);
	return result;
}

static bool is_editable(const char *source, size_t len, const struct node *node)
{
	bool is_one = node->type == NODE_SCALAR || node->type == NODE_NULL;
	bool is_block;

	if (!is_one || node->end < node->start || node->end > len)
		return false;
	is_block = node->start < node->end && strchr("|>", source[node->start]);
	return !is_block;
}

int yaml_edit_scalar(const char *source, size_t len, const struct node *node, const char *value,
                     struct buf *out, struct err *err)
{
	size_t start = node->start, from;
	bool is_glued;
	struct buf text;
	int result;

	if (!is_editable(source, len, node))
		return err_set(err, ERR_STALLED, "line %d is no single value; edit it by hand", node->line);
	buf_init(&text, len + 6 * strlen(value) + 16);
	buf_add(&text, source, start);
	is_glued = start > 0 && strchr(":-", source[start - 1]); /* the nothing behind "key:" */
	if (is_glued)
		buf_putc(&text, ' ');
	from = text.len;
	add_like(&text, (struct bytes){source + start, node->end - start}, value);
	buf_add(&text, source + node->end, len - node->end);
	result = says(buf_text(&text), text.len, from, value, err);
	if (result < 0)
		err_wrap(err, "line %d cannot be edited, change it by hand", node->line);
	else
		buf_add(out, text.text, text.len);
	buf_deinit(&text);
	return result < 0 ? -1 : buf_check(out, "the edited text", err);
}
