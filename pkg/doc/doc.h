/* Documents: YAML and JSON text <-> a bounded tree with places; one scalar edited in place. */
#ifndef LINNET_DOC_DOC_H
#define LINNET_DOC_DOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum node_type { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

/* A scalar keeps its text; `quoted` tells "5" from 5. Children of a map have a `key`. Line and
 * column count from 1; `start`/`end` are byte offsets of the scalar in the source text. */
struct node {
	enum node_type type;
	const char *key;
	int key_line, key_column;
	const char *text;
	bool quoted;
	int line, column;
	size_t start, end;
	struct node *first, *next; /* children in order */
	size_t n;
};

/* Where a document went wrong, for people: `path:line:column: message`. Filled together with err. */
struct place {
	int line, column;
};

/* Every document of a YAML text, in order. Limits: LIMIT_MANIFEST_BYTES (or bytes_max), depth, nodes.
 * Aliases, anchors, tags, duplicate keys, NUL and bad UTF-8 are ERR_STALLED with `place`. An empty
 * document is NODE_NULL. */
int yaml_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
               struct node ***docs, size_t *n, struct place *place, struct err *err) must_check;
/* One strict JSON value: end of input required, duplicates, NUL escapes, bad UTF-8 and non-finite
 * numbers refused; numbers keep their text. line/column are 0. */
int json_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
               struct node **out, struct err *err) must_check;

const struct node *node_get(const struct node *map, const char *key); /* NULL when absent or no map */
const char *node_text(const struct node *map, const char *key);       /* of a scalar child, or NULL */
/* ".spec.steps[1].weight" style look-up, for tests and `linnet explain`. */
const struct node *node_at(const struct node *root, const char *path);

/* Replaces the scalar at `node` in `source` by `value` (plain where YAML allows, else quoted like
 * it was), everything else byte for byte; appended to `out`. */
int yaml_edit_scalar(const char *source, size_t len, const struct node *node, const char *value,
                     struct buf *out, struct err *err) must_check;

/* Writers. Block style, two spaces, keys in the order given; strings quoted only where needed so
 * that yaml_parse reads back the same text and the same `quoted` meaning. */
struct writer {
	struct buf *out;
	bool json;
	int depth;
	struct {
		bool list, empty, flow;
	} stack[40];
	bool after_key;
};
void write_begin(struct writer *writer, struct buf *out, bool json);
void write_map(struct writer *writer);
void write_map_end(struct writer *writer);
void write_list(struct writer *writer);
void write_list_end(struct writer *writer);
void write_key(struct writer *writer, const char *key);
void write_string(struct writer *writer, const char *text); /* NULL writes null */
void write_raw(struct writer *writer, const char *text);    /* a number or boolean as it is */
void write_node(struct writer *writer, const struct node *node);

#endif
