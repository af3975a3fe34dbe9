/* Writers of YAML and JSON. In YAML, a map or list is not begun before its first child is known, so
 * that an empty one can stand as {} or [] on the line of its key. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "doc/text.h"

void write_begin(struct writer *writer, struct buf *out, bool json)
{
	*writer = (struct writer){.out = out, .json = json};
}

static void line_begin(struct writer *writer)
{
	for (int i = 1; i < writer->depth; i++)
		buf_puts(writer->out, "  ");
}

/* Before a child of the innermost open one: the line that it stands on. */
static void yaml_child(struct writer *writer)
{
	bool first = writer->stack[writer->depth - 1].empty;

	if (first && writer->after_key)
		buf_putc(writer->out, '\n');
	if (!first || !writer->after_dash)
		line_begin(writer);
	writer->after_key = writer->after_dash = false;
}

/* Before a value: its comma or dash. */
static void value_begin(struct writer *writer)
{
	int top = writer->depth - 1;

	if (writer->depth == 0)
		return;
	if (!writer->stack[top].list) {
		if (!writer->after_key || writer->stack[top].empty)
			panic("writer: a value without its key");
		return;
	}
	if (writer->json) {
		if (!writer->stack[top].empty)
			buf_putc(writer->out, ',');
	} else {
		yaml_child(writer);
		buf_puts(writer->out, "- ");
		writer->after_dash = true;
	}
	writer->stack[top].empty = false;
}

static void scalar(struct writer *writer, const char *text, bool quoted)
{
	value_begin(writer);
	if (!writer->json && writer->after_key)
		buf_putc(writer->out, ' ');
	if (quoted)
		add_quoted(writer->out, text, writer->json);
	else
		buf_puts(writer->out, text);
	if (!writer->json)
		buf_putc(writer->out, '\n');
	writer->after_key = writer->after_dash = false;
}

void write_string(struct writer *writer, const char *text)
{
	if (!text)
		scalar(writer, "null", false);
	else
		scalar(writer, text, writer->json || !is_plain_yaml(text, false));
}

void write_member(struct writer *writer, const char *key, const char *text)
{
	write_key(writer, key);
	write_string(writer, text);
}

void write_quoted(struct writer *writer, const char *text)
{
	scalar(writer, text, true);
}

void write_raw(struct writer *writer, const char *text)
{
	scalar(writer, text, false);
}

void write_number(struct writer *writer, double value)
{
	struct buf text;

	buf_init(&text, 512);
	if (isfinite(value))
		buf_number(&text, value);
	write_raw(writer, isfinite(value) ? buf_text(&text) : "null");
	buf_deinit(&text);
}

void write_int(struct writer *writer, int64_t value)
{
	char text[INT_TEXT];

	format_int(value, text);
	write_raw(writer, text);
}

static void container(struct writer *writer, bool list)
{
	value_begin(writer);
	if (writer->depth == (int)ARRAY_LEN(writer->stack))
		panic("writer: deeper than %d levels", writer->depth);
	writer->stack[writer->depth].list = list;
	writer->stack[writer->depth].empty = true;
	writer->depth++;
	if (writer->json) {
		buf_putc(writer->out, list ? '[' : '{');
		writer->after_key = false;
	}
}

static void container_end(struct writer *writer, bool list)
{
	bool empty;

	if (writer->depth == 0 || writer->stack[writer->depth - 1].list != list)
		panic("writer: the end of what is not open");
	empty = writer->stack[--writer->depth].empty;
	if (writer->json) {
		buf_putc(writer->out, list ? ']' : '}');
	} else if (empty) {
		buf_printf(writer->out, "%s%s\n", writer->after_key ? " " : "", list ? "[]" : "{}");
		writer->after_key = writer->after_dash = false;
	}
}

void write_map(struct writer *writer)
{
	container(writer, false);
}

void write_map_end(struct writer *writer)
{
	container_end(writer, false);
}

void write_list(struct writer *writer)
{
	container(writer, true);
}

void write_list_end(struct writer *writer)
{
	container_end(writer, true);
}

void write_key(struct writer *writer, const char *key)
{
	int top = writer->depth - 1;

	if (top < 0 || writer->stack[top].list || (writer->after_key && !writer->stack[top].empty))
		panic("writer: key '%.40s' where none can stand", key);
	if (writer->json) {
		if (!writer->stack[top].empty)
			buf_putc(writer->out, ',');
		add_quoted(writer->out, key, true);
	} else {
		yaml_child(writer);
		if (is_plain_yaml(key, false))
			buf_puts(writer->out, key);
		else
			add_quoted(writer->out, key, false);
	}
	buf_putc(writer->out, ':');
	writer->stack[top].empty = false;
	writer->after_key = true;
}

/* A plain text that means something without quotes: a number or boolean of the target. */
static bool is_raw(const char *text, bool json)
{
	struct err err = {0};
	double number;

	if (json && is_json_number(text, strlen(text)))
		return parse_number(text, -DBL_MAX, DBL_MAX, &number, &err) == 0;
	if (json)
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	return is_reserved_word(text) || is_like_number(text);
}

static void write_scalar_node(struct writer *writer, const struct node *node)
{
	if (node->type == NODE_NULL)
		write_string(writer, NULL);
	else if (node->quoted)
		write_quoted(writer, node->text);
	else if (is_raw(node->text, writer->json))
		write_raw(writer, node->text);
	else
		write_string(writer, node->text);
}

void write_inline(struct buf *out, const char *text)
{
	if (is_plain_yaml(text, true))
		buf_puts(out, text);
	else
		add_quoted(out, text, false);
}

void write_node(struct writer *writer, const struct node *node)
{
	if (node->type != NODE_LIST && node->type != NODE_MAP) {
		write_scalar_node(writer, node);
		return;
	}
	container(writer, node->type == NODE_LIST);
	for (const struct node *child = node->first; child; child = child->next) {
		if (node->type == NODE_MAP)
			write_key(writer, child->key);
		write_node(writer, child);
	}
	container_end(writer, node->type == NODE_LIST);
}
