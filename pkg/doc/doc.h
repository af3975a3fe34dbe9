/* Documents: YAML and JSON text <-> a bounded tree with places; a value or key edited in place. */
#ifndef LINNET_DOC_DOC_H
#define LINNET_DOC_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* The longest key of a map, in bytes. */
#define DOC_KEY_BYTES 200
/* What an arena must have left for one text of `bytes` at most: its tree at LIMIT_DOC_NODES. */
#define DOC_ARENA_BYTES(bytes) (((size_t)32 << 20) + 4 * (size_t)(bytes))

enum node_type { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

/* A scalar keeps its text, and so does a null ("", "~", "null"); `quoted` tells "5" from 5.
 * Children of a map have a `key`. Line and column count from 1, in characters, and are 0 in JSON.
 * `start` and `end` are byte offsets of the scalar in the source text, of YAML only. */
struct node {
	enum node_type type;
	const char *key;
	int key_line, key_column;
	const char *text;
	bool quoted;
	int line, column;
	size_t start, end;
	struct node *first, *last, *next; /* children in order */
	const struct node *parent;        /* NULL: the document */
	size_t n;
};

/* Where a document went wrong, for people: `path:line:column: message`. Filled together with err,
 * whose text is the message. */
struct place {
	int line, column;
};

/* Every document of a YAML text, in order; a text without any (empty, comments only) has n = 0, an
 * empty document is NODE_NULL. Limits: bytes_max (0: LIMIT_MANIFEST_BYTES), LIMIT_DOC_DEPTH,
 * LIMIT_DOC_NODES, LIMIT_DOC_SCALAR, DOC_KEY_BYTES. Aliases, anchors, tags, duplicate or empty
 * keys, NUL and bad UTF-8 are ERR_STALLED with `place` (NULL: not wanted). */
int yaml_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
               struct node ***docs, size_t *n, struct place *place, struct err *err) must_check;
/* One strict JSON value under the same limits: end of input required, duplicate or empty keys, NUL
 * escapes, bad UTF-8, numbers beyond a double or with leading zeros refused; numbers keep their
 * text, so that 64-bit integers are exact. Strings are `quoted`. */
int json_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
               struct node **out, struct err *err) must_check;

/* A child, NULL when it is absent or `map` is no map; the text of a scalar child, or NULL. */
const struct node *node_get(const struct node *map, const char *key);
const char *node_text(const struct node *map, const char *key);
/* "spec.steps[1].weight", with or without a dot in front; a key that holds '.' or '[' is written
 * ["so"]. NULL when absent. */
const struct node *node_at(const struct node *root, const char *path);
/* The deepest node that exists on the way: where to point when a field is absent. Never NULL. */
const struct node *node_near(const struct node *root, const char *path);
/* The inverse: adds the path of a node; nothing for a document. */
void node_path(const struct node *node, struct buf *out);

/* Replaces the scalar (or null) at `node` in `source`, from which it was parsed, by the text
 * `value`; everything else byte for byte; appended to `out`. Quoted like it was; what was plain
 * stays plain where YAML allows. The result is parsed again and must say `value` there; what cannot
 * be edited so (a block scalar) is ERR_STALLED. */
int yaml_edit_scalar(const char *source, size_t len, const struct node *node, const char *value,
                     struct buf *out, struct err *err) must_check;

/* Puts `key: value` (YAML on one line) into the map that holds `after`, a single value, behind it;
 * or takes `child` and its key out of its map. Everything else byte for byte, appended to `out`.
 * The result is parsed again and must differ in that key alone; ERR_STALLED where it does not. */
int yaml_add_key(const char *source, size_t len, const struct node *after, const char *key,
                 const char *value, struct arena *arena, struct buf *out, struct err *err)
	must_check;
int yaml_remove_key(const char *source, size_t len, const struct node *child, struct arena *arena,
                    struct buf *out, struct err *err) must_check;

/* Writers. YAML: block style, two spaces, keys in the order given, strings quoted only where needed
 * so that yaml_parse reads back the same text and no reader takes it for a number, a boolean or
 * null. JSON: compact, on one line. Bytes that are not UTF-8 are written as '?'. A misused writer
 * (a value without its key, a key in a list, too deep) panics. */
struct writer {
	struct buf *out;
	bool json;
	int depth; /* open maps and lists */
	struct {
		bool list, empty;
	} stack[40];
	bool after_key, after_dash; /* on the line of "key:" or "- ", no value yet */
	const void *context;        /* the caller's, for the encoders of its custom fields */
};
void write_begin(struct writer *writer, struct buf *out, bool json);
void write_map(struct writer *writer);
void write_map_end(struct writer *writer);
void write_list(struct writer *writer);
void write_list_end(struct writer *writer);
void write_key(struct writer *writer, const char *key);
void write_string(struct writer *writer, const char *text); /* NULL writes null */
void write_member(struct writer *writer, const char *key, const char *text); /* both of them */
void write_quoted(struct writer *writer, const char *text); /* quoted, needed or not */
void write_raw(struct writer *writer, const char *text);    /* a number or boolean as it is */
void write_number(struct writer *writer, double value);     /* exactly; NaN and infinity: null */
void write_int(struct writer *writer, int64_t value);
/* A text as it may stand between the brackets of YAML: plain where it can, else quoted. */
void write_inline(struct buf *out, const char *text);
void write_node(struct writer *writer, const struct node *node);

#endif
