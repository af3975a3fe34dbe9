/* JSON by cJSON, made strict. A first walk over the text refuses what cJSON accepts (control
 * characters, NUL escapes, bad UTF-8, its own kinds of numbers), bounds depth and size before
 * anything is allocated, and notes where each number stands, because cJSON keeps only a double. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "doc/text.h"

struct scan {
	const char *text;
	size_t len, at;
	int depth;
	size_t values; /* at most this many */
	struct bytes *numbers; /* heap, in order of the text */
	size_t n_numbers, capacity;
};

static int refuse(const struct scan *scan, struct err *err, const char *what)
{
	struct place place = place_of(scan->text, scan->at);

	return err_set(err, ERR_STALLED, "no JSON at line %d, column %d: %s", place.line, place.column,
	               what);
}

static int scan_string(struct scan *scan, struct err *err)
{
	for (scan->at++; scan->at < scan->len; scan->at++) {
		const char *s = scan->text + scan->at;

		if (*s == '"') {
			scan->at++;
			return 0;
		}
		if ((unsigned char)*s < 0x20)
			return refuse(scan, err, "a control character in a string");
		if (*s != '\\')
			continue;
		if (scan->len - scan->at >= 6 && memcmp(s, "\\u0000", 6) == 0)
			return refuse(scan, err, "a NUL character in a string");
		scan->at++; /* what it escapes is cJSON's business */
	}
	return refuse(scan, err, "a string that is not closed");
}

static void note_number(struct scan *scan, size_t len)
{
	if (scan->n_numbers == scan->capacity) {
		scan->capacity = scan->capacity ? scan->capacity * 2 : 64;
		scan->numbers = heap_resize(scan->numbers, scan->capacity, sizeof(*scan->numbers));
	}
	scan->numbers[scan->n_numbers++] = (struct bytes){scan->text + scan->at, len};
}

static int scan_number(struct scan *scan, struct err *err)
{
	size_t len = 0;

	while (scan->at + len < scan->len && strchr("0123456789+-.eE", scan->text[scan->at + len]))
		len++;
	if (!is_json_number(scan->text + scan->at, len))
		return refuse(scan, err, "a number that is not written as JSON has it");
	note_number(scan, len);
	scan->at += len;
	return 0;
}

static int scan_one(struct scan *scan, struct err *err)
{
	char c = scan->text[scan->at];

	if (c == '"')
		return scan_string(scan, err);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(scan, err);
	if ((unsigned char)c < 0x20 && !strchr("\t\n\r", c))
		return refuse(scan, err, "a control character");
	if ((c == '[' || c == '{') && ++scan->depth > LIMIT_DOC_DEPTH)
		return refuse(scan, err, "nested too deep");
	if ((c == '[' || c == '{' || c == ',') && ++scan->values > LIMIT_DOC_NODES)
		return refuse(scan, err, "too many values");
	scan->depth -= c == ']' || c == '}';
	scan->at++;
	return 0;
}

static int scan_all(struct scan *scan, struct err *err)
{
	scan->at = utf8_bad(scan->text, scan->len);
	if (scan->at < scan->len)
		return refuse(scan, err, scan->text[scan->at] ? "a byte that is not UTF-8" : "a NUL byte");
	if (scan->len >= 3 && memcmp(scan->text, "\xef\xbb\xbf", 3) == 0) {
		scan->at = 0;
		return refuse(scan, err, "a byte order mark");
	}
	for (scan->at = 0; scan->at < scan->len;) {
		if (scan_one(scan, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- cJSON's tree -> ours ---- */

struct convert {
	struct tree tree;
	const struct scan *scan;
	size_t n_numbers;
};

static int scalar_of(struct convert *convert, const cJSON *item, struct node *node, struct err *err)
{
	if (cJSON_IsString(item)) {
		node->text = arena_strdup(convert->tree.arena, item->valuestring);
		node->quoted = true;
		if (strlen(node->text) > LIMIT_DOC_SCALAR)
			return err_set(err, ERR_STALLED, "a string is longer than %d bytes", LIMIT_DOC_SCALAR);
	} else if (cJSON_IsNumber(item)) {
		struct bytes number = convert->scan->numbers[convert->n_numbers++];

		if (!isfinite(item->valuedouble))
			return err_set(err, ERR_STALLED, "a number is too large");
		node->text = arena_strndup(convert->tree.arena, number.data, number.len);
	} else if (cJSON_IsBool(item)) {
		node->text = cJSON_IsTrue(item) ? "true" : "false";
	} else {
		node->text = "null";
	}
	return 0;
}

static enum node_type type_of(const cJSON *item)
{
	return cJSON_IsObject(item) ? NODE_MAP : cJSON_IsArray(item) ? NODE_LIST
	       : cJSON_IsNull(item) ? NODE_NULL : NODE_SCALAR;
}

/* As deep as the text, which was bounded. */
static int convert_item(struct convert *convert, const cJSON *item, struct node **out,
                        struct err *err)
{
	const struct node *twice, *first;
	const char *key = NULL;
	struct node *node;

	if (item->string) {
		if (key_check(item->string, strlen(item->string), err) < 0)
			return -1;
		key = arena_strdup(convert->tree.arena, item->string);
	}
	node = tree_add(&convert->tree, type_of(item), key, err);
	if (!node)
		return -1;
	*out = node;
	if (node->type == NODE_NULL || node->type == NODE_SCALAR)
		return scalar_of(convert, item, node, err);
	if (tree_open(&convert->tree, node, err) < 0)
		return -1;
	for (const cJSON *child = item->child; child; child = child->next) {
		struct node *ignored;

		if (convert_item(convert, child, &ignored, err) < 0)
			return -1;
	}
	return tree_close(&convert->tree, &twice, &first, err);
}

static int parse_scanned(struct scan *scan, struct arena *arena, struct node **out, struct err *err)
{
	struct convert convert = {.tree.arena = arena, .scan = scan};
	const char *end = scan->text;
	cJSON *json = cJSON_ParseWithLengthOpts(scan->text, scan->len, &end, false);
	struct node *root = NULL;
	int result;

	scan->at = (size_t)(end - scan->text);
	if (!json)
		return refuse(scan, err, "a value is expected here, or not closed");
	scan->at += strspn(end, " \t\n\r");
	if (scan->at < scan->len)
		result = refuse(scan, err, "more text behind the value");
	else
		result = convert_item(&convert, json, &root, err);
	cJSON_Delete(json);
	if (result == 0)
		*out = root;
	return result;
}

/* With a NUL behind it, as the walks here and in cJSON like it. */
static const char *terminated(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	return copy;
}

int json_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
               struct node **out, struct err *err)
{
	struct scan scan = {.len = len};
	int result;

	if (bytes_max == 0)
		bytes_max = LIMIT_MANIFEST_BYTES;
	if (len > bytes_max)
		return err_set(err, ERR_STALLED, "%zu bytes are too many; at most %zu", len, bytes_max);
	scan.text = terminated(arena, text, len);
	result = scan_all(&scan, err);
	if (result == 0)
		result = parse_scanned(&scan, arena, out, err);
	free(scan.numbers);
	return result;
}
