/* YAML by libyaml's events: its document API accepts duplicate keys and builds cycles, and nothing
 * of it is bounded. The stack, the limits and what is refused are ours. */
#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "doc/text.h"

/* Where a character lies: libyaml counts characters, an edit needs bytes. Marks come nearly in
 * order, so that walking from the last one is linear in all. */
struct cursor {
	size_t characters, bytes;
};

struct reader {
	yaml_parser_t parser;
	struct tree tree;
	const char *text; /* after a byte order mark */
	size_t len, mark_len;
	struct cursor cursor;
	struct node *document;
	const char *key; /* of the value that comes next; NULL: none yet */
	struct place key_place;
	struct node **docs;
	size_t n_docs;
	struct place place;
};

static struct place place_at(yaml_mark_t mark)
{
	return (struct place){(int)mark.line + 1, (int)mark.column + 1};
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t byte_at(struct reader *reader, size_t characters)
{
	struct cursor *cursor = &reader->cursor;

	while (cursor->characters < characters && cursor->bytes < reader->len) {
		do
			cursor->bytes++;
		while (cursor->bytes < reader->len && is_continuation(reader->text[cursor->bytes]));
		cursor->characters++;
	}
	while (cursor->characters > characters) {
		do
			cursor->bytes--;
		while (is_continuation(reader->text[cursor->bytes]));
		cursor->characters--;
	}
	return cursor->bytes + reader->mark_len;
}

/* ---- what libyaml says, in people's words ---- */

static const struct {
	const char *problem, *message;
	bool at_context; /* the place is where it began, not where it was noticed */
} problems[] = {
	{"mapping values are not allowed",
	 "a ':' is not possible here; check the indentation, or quote a text that holds ': '", false},
	{"did not find expected key",
	 "expected a key here; check the indentation of this line and the one above", false},
	{"could not find expected ':'", "expected 'key: value'; a ':' is missing", true},
	{"did not find expected '-' indicator",
	 "expected '- ' here; items of a list have the same indentation", false},
	{"block sequence entries are not allowed",
	 "a '- ' is not possible here; start the list on a line of its own", false},
	{"mapping keys are not allowed",
	 "a key is not possible here; start it on a line of its own", false},
	{"did not find expected ',' or ']'",
	 "a list in [ ] is not closed, or a ',' is missing between its items", true},
	{"did not find expected ',' or '}'",
	 "a map in { } is not closed, or a ',' is missing between its keys", true},
	{"did not find expected node content",
	 "expected a value here; text that begins with ',', ']' or '}' needs quotes", false},
	{"found unexpected end of stream", "a quote that opens here is not closed", true},
	{"found unexpected document indicator", "a quote that opens here is not closed", true},
	{"found unknown escape character",
	 "unknown escape after '\\'; write '\\\\' for a backslash, or use single quotes", false},
	{"did not find expected hexdecimal number",
	 "an escape such as \\x41 or \\u00e4 needs all its hexadecimal digits", false},
	{"found invalid Unicode character", "this escape is no Unicode character", false},
	{"found a tab character", "a tab cannot indent; use spaces", false},
	{"did not find expected <document start>",
	 "expected the end of the document; check the indentation, or write '---' before another",
	 false},
};

static int say_bad_start(struct reader *reader, struct err *err)
{
	size_t at = byte_at(reader, reader->parser.problem_mark.index) - reader->mark_len;
	char c = at < reader->len ? reader->text[at] : ' ';

	if (c == '\t')
		return err_set(err, ERR_STALLED, "a tab cannot indent; use spaces");
	return err_set(err, ERR_STALLED, "text that begins with '%c' needs quotes", c);
}

static int say_problem(struct reader *reader, struct err *err)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "cannot be read";

	if (parser->error == YAML_MEMORY_ERROR)
		panic("yaml: out of memory");
	reader->place = place_at(parser->problem_mark);
	if (strstr(problem, "cannot start any token"))
		return say_bad_start(reader, err);
	for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
		if (strncmp(problem, problems[i].problem, strlen(problems[i].problem)) != 0)
			continue;
		if (problems[i].at_context && parser->context)
			reader->place = place_at(parser->context_mark);
		return err_set(err, ERR_STALLED, "%s", problems[i].message);
	}
	return err_set(err, ERR_STALLED, "no YAML: %s", problem);
}

/* ---- events ---- */

static int refuse_decoration(const yaml_char_t *anchor, const yaml_char_t *tag, struct err *err)
{
	static const char core[] = "tag:yaml.org,2002:"; /* what "!!" stands for */

	if (anchor)
		return err_set(err, ERR_STALLED,
		               "anchor '&%.40s' is not allowed; write the value where it is needed",
		               (const char *)anchor);
	if (tag) {
		const char *text = (const char *)tag;
		bool is_core = strncmp(text, core, sizeof(core) - 1) == 0;

		return err_set(err, ERR_STALLED, "tag '%s%.40s' is not allowed; remove it",
		               is_core ? "!!" : "", is_core ? text + sizeof(core) - 1 : text);
	}
	return 0;
}

static struct node *innermost(const struct reader *reader)
{
	return reader->tree.depth > 0 ? reader->tree.open[reader->tree.depth - 1] : NULL;
}

/* Is what comes next a key? */
static bool is_key_next(const struct reader *reader)
{
	const struct node *node = innermost(reader);

	return node && node->type == NODE_MAP && !reader->key;
}

static struct node *add_node(struct reader *reader, enum node_type type, const yaml_event_t *event,
                             struct err *err)
{
	struct node *node = tree_add(&reader->tree, type, reader->key, err);

	if (!node)
		return NULL;
	if (reader->key) {
		node->key_line = reader->key_place.line;
		node->key_column = reader->key_place.column;
		reader->key = NULL;
	}
	if (!node->parent)
		reader->document = node;
	node->line = reader->place.line;
	node->column = reader->place.column;
	node->start = byte_at(reader, event->start_mark.index);
	return node;
}

static int take_key(struct reader *reader, const char *text, size_t len, struct err *err)
{
	if (key_check(text, len, err) < 0)
		return -1;
	reader->key = arena_strndup(reader->tree.arena, text, len);
	reader->key_place = reader->place;
	return 0;
}

static int take_scalar(struct reader *reader, const yaml_event_t *event, struct err *err)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct node *node;

	if (refuse_decoration(event->data.scalar.anchor, event->data.scalar.tag, err) < 0)
		return -1;
	if (memchr(text, '\0', len))
		return err_set(err, ERR_STALLED, "a NUL character is not allowed; remove '\\0'");
	if (is_key_next(reader))
		return take_key(reader, text, len, err);
	if (len > LIMIT_DOC_SCALAR)
		return err_set(err, ERR_STALLED, "a text of %zu bytes is too long; at most %d", len,
		               LIMIT_DOC_SCALAR);
	node = add_node(reader, plain && is_null_word(text) ? NODE_NULL : NODE_SCALAR, event, err);
	if (!node)
		return -1;
	node->text = arena_strndup(reader->tree.arena, text, len);
	node->quoted = !plain;
	node->end = byte_at(reader, event->end_mark.index);
	return 0;
}

static int take_open(struct reader *reader, enum node_type type, const yaml_event_t *event,
                     struct err *err)
{
	bool is_map = type == NODE_MAP;
	struct node *node;

	if (refuse_decoration(is_map ? event->data.mapping_start.anchor
	                             : event->data.sequence_start.anchor,
	                      is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag,
	                      err) < 0)
		return -1;
	if (is_key_next(reader))
		return err_set(err, ERR_STALLED,
		               "a key is one text; a value that begins with '{' needs quotes");
	node = add_node(reader, type, event, err);
	return node ? tree_open(&reader->tree, node, err) : -1;
}

static int take_close(struct reader *reader, struct err *err)
{
	const struct node *twice, *first;

	if (tree_close(&reader->tree, &twice, &first, err) == 0)
		return 0;
	reader->place = (struct place){twice->key_line, twice->key_column};
	return -1;
}

/* 0 to go on, 1 at the end, -1. */
static int take_event(struct reader *reader, const yaml_event_t *event, struct err *err)
{
	reader->place = place_at(event->start_mark);
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
		return 0;
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_DOCUMENT_START_EVENT:
		if (event->data.document_start.tag_directives.start !=
		    event->data.document_start.tag_directives.end)
			return err_set(err, ERR_STALLED, "%%TAG is not allowed; remove it");
		reader->document = NULL;
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		*list_push(reader->tree.arena, &reader->docs, &reader->n_docs) = reader->document;
		return 0;
	case YAML_ALIAS_EVENT:
		return err_set(err, ERR_STALLED,
		               "alias '*%.40s' is not allowed; write the value where it is needed",
		               (const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return take_scalar(reader, event, err);
	case YAML_SEQUENCE_START_EVENT:
		return take_open(reader, NODE_LIST, event, err);
	case YAML_MAPPING_START_EVENT:
		return take_open(reader, NODE_MAP, event, err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return take_close(reader, err);
	}
	panic("yaml: event %d", (int)event->type);
}

static int read_events(struct reader *reader, struct err *err)
{
	int result = 0;

	while (result == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(&reader->parser, &event))
			return say_problem(reader, err);
		result = take_event(reader, &event, err);
		yaml_event_delete(&event);
	}
	return result < 0 ? -1 : 0;
}

/* ---- before libyaml sees it ---- */

static int check_characters(struct reader *reader, struct err *err)
{
	const unsigned char *s = (const unsigned char *)reader->text;
	size_t n;

	for (size_t i = 0; i < reader->len; i += n) {
		uint32_t c = 0;

		n = utf8_char(s + i, reader->len - i, &c);
		if (n > 0 && (is_printable(c) || c == '\t' || c == '\n' || c == '\r' || c == 0x85 ||
		              c == 0x2028 || c == 0x2029))
			continue;
		reader->place = place_of(reader->text, i);
		if (n == 0)
			return err_set(err, ERR_STALLED, "byte 0x%02x is not UTF-8; save the file as UTF-8",
			               s[i]);
		return err_set(err, ERR_STALLED,
		               "character U+%04X is not allowed; write an escape in double quotes",
		               (unsigned)c);
	}
	return 0;
}

static int check_size(size_t len, size_t bytes_max, struct err *err)
{
	if (bytes_max == 0)
		bytes_max = LIMIT_MANIFEST_BYTES;
	if (len > bytes_max)
		return err_set(err, ERR_STALLED, "%zu bytes are too many; at most %zu", len, bytes_max);
	return 0;
}

static int read_text(struct reader *reader, struct err *err)
{
	int result;

	if (check_characters(reader, err) < 0)
		return -1;
	if (!yaml_parser_initialize(&reader->parser))
		panic("yaml: out of memory");
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text, reader->len);
	result = read_events(reader, err);
	yaml_parser_delete(&reader->parser);
	return result;
}

int yaml_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
               struct node ***docs, size_t *n, struct place *place, struct err *err)
{
	bool has_mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
	struct reader reader = {.tree.arena = arena, .place = {1, 1}};

	reader.mark_len = has_mark ? 3 : 0;
	reader.text = text + reader.mark_len;
	reader.len = len - reader.mark_len;
	if (check_size(len, bytes_max, err) < 0 || read_text(&reader, err) < 0) {
		if (place)
			*place = reader.place;
		return -1;
	}
	*docs = reader.docs;
	*n = reader.n_docs;
	return 0;
}
