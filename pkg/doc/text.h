/* Inside doc: characters, and the building of bounded trees. */
#ifndef LINNET_DOC_TEXT_H
#define LINNET_DOC_TEXT_H

#include <stdint.h>

#include "base/limits.h"
#include "doc/doc.h"

/* Bytes of the UTF-8 character at the first of `len` > 0 bytes, its code point in `out`; 0 when
 * that is no character (Unicode 15, table 3-7). */
size_t utf8_char(const unsigned char *s, size_t len, uint32_t *out);
/* The first byte that is NUL or not UTF-8; `len` when there is none. */
size_t utf8_bad(const char *text, size_t len);
/* Does YAML let it stand as it is, in quotes? */
bool is_printable(uint32_t c);
/* The place of a byte: lines and characters from 1. */
struct place place_of(const char *text, size_t byte);

/* A text that YAML reads back as it is without quotes, and that nobody takes for a number, boolean
 * or null. `flow`: between brackets too. */
bool is_plain_yaml(const char *text, bool flow);
bool is_null_word(const char *text);
/* What a YAML reader of any version takes for something else than text: true, yes, ~, .inf, ... */
bool is_reserved_word(const char *text);
/* Also dates, times of day, hexadecimal: whatever is digits and their punctuation only. */
bool is_like_number(const char *text);
/* -?digits[.digits][(e|E)[+-]digits] without leading zeros, as JSON has it; no longer than cJSON
 * reads in whole. */
bool is_json_number(const char *text, size_t len);
/* Adds it in double quotes with escapes for what cannot stand as it is; the same for both. */
void add_quoted(struct buf *out, const char *text, bool json);

/* A tree while it is built. Each node is counted against LIMIT_DOC_NODES. */
struct tree {
	struct arena *arena;
	struct node *open[LIMIT_DOC_DEPTH];
	int depth;
	size_t nodes;
};
/* The last child of the innermost open map or list, or a document when nothing is open; NULL with
 * err when there are too many nodes. `key` is given for children of maps. */
struct node *tree_add(struct tree *tree, enum node_type type, const char *key, struct err *err);
/* `node` becomes the innermost open one. */
int tree_open(struct tree *tree, struct node *node, struct err *err) must_check;
/* Closes it; -1 when a map has a key twice, `twice` and `first` are then the two. */
int tree_close(struct tree *tree, const struct node **twice, const struct node **first,
               struct err *err) must_check;
/* May this be a key? */
int key_check(const char *key, size_t len, struct err *err) must_check;

#endif
