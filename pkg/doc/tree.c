/* The tree: building it within its bounds, and finding a way in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/parse.h"
#include "doc/text.h"

/* ---- building ---- */

struct node *tree_add(struct tree *tree, enum node_type type, const char *key, struct err *err)
{
	struct node *parent = tree->depth > 0 ? tree->open[tree->depth - 1] : NULL;
	struct node *node;

	if (++tree->nodes > LIMIT_DOC_NODES) {
		err_set(err, ERR_STALLED, "too many values; at most %d in one text", LIMIT_DOC_NODES);
		return NULL;
	}
	node = arena_new(tree->arena, struct node);
	node->type = type;
	node->text = "";
	node->key = key;
	node->parent = parent;
	if (!parent)
		return node;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->n++;
	return node;
}

int tree_open(struct tree *tree, struct node *node, struct err *err)
{
	if (tree->depth == LIMIT_DOC_DEPTH)
		return err_set(err, ERR_STALLED, "nested too deep; at most %d levels", LIMIT_DOC_DEPTH);
	tree->open[tree->depth++] = node;
	return 0;
}

/* A child with its position, so that of equal keys the one written first stays first. */
struct keyed {
	const struct node *node;
	size_t position;
};

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int order = strcmp(x->node->key, y->node->key);

	return order ? order : (x->position > y->position) - (x->position < y->position);
}

/* The earliest key that an earlier one equals, or false. */
static bool find_twice(const struct node *map, const struct node **twice,
                       const struct node **first)
{
	struct keyed *children = heap_alloc(map->n, sizeof(*children));
	size_t n = 0, found = map->n;

	for (const struct node *child = map->first; child; child = child->next, n++)
		children[n] = (struct keyed){child, n};
	qsort(children, n, sizeof(*children), by_key);
	for (size_t i = 1; i < n; i++) {
		if (children[i].position < found &&
		    strcmp(children[i].node->key, children[i - 1].node->key) == 0) {
			found = children[i].position;
			*twice = children[i].node;
			*first = children[i - 1].node;
		}
	}
	free(children);
	return found < map->n;
}

int tree_close(struct tree *tree, const struct node **twice, const struct node **first,
               struct err *err)
{
	const struct node *node = tree->open[--tree->depth];

	if (node->type != NODE_MAP || node->n < 2 || !find_twice(node, twice, first))
		return 0;
	if ((*first)->key_line > 0)
		return err_set(err, ERR_STALLED,
		               "key '%s' is written twice; it stands in line %d already, keep one of them",
		               (*twice)->key, (*first)->key_line);
	return err_set(err, ERR_STALLED, "key '%s' is written twice; keep one of them",
	               (*twice)->key);
}

int key_check(const char *key, size_t len, struct err *err)
{
	if (len == 0)
		return err_set(err, ERR_STALLED, "a key is empty; write its name before the ':'");
	if (len > DOC_KEY_BYTES)
		return err_set(err, ERR_STALLED, "key '%.40s...' is longer than %d bytes", key,
		               DOC_KEY_BYTES);
	return 0;
}

/* ---- finding ---- */

const struct node *node_get(const struct node *map, const char *key)
{
	if (!map || map->type != NODE_MAP)
		return NULL;
	for (const struct node *child = map->first; child; child = child->next) {
		if (strcmp(child->key, key) == 0)
			return child;
	}
	return NULL;
}

const char *node_text(const struct node *map, const char *key)
{
	const struct node *child = node_get(map, key);

	return child && child->type == NODE_SCALAR ? child->text : NULL;
}

static const struct node *node_item(const struct node *list, int64_t index)
{
	const struct node *child = list->type == NODE_LIST ? list->first : NULL;

	while (child && index-- > 0)
		child = child->next;
	return child;
}

/* One step of a path: its name (or digits) in `name`, whether it is an index; the rest, or NULL
 * when this is no path. */
static const char *next_step(const char *path, char name[DOC_KEY_BYTES + 1], bool *is_index)
{
	const char *start, *end, *rest;

	*is_index = path[0] == '[' && path[1] != '"';
	if (strncmp(path, "[\"", 2) == 0) {
		start = path + 2;
		end = strstr(start, "\"]");
		rest = end ? end + 2 : NULL;
	} else if (*is_index) {
		start = path + 1;
		end = strchr(start, ']');
		rest = end ? end + 1 : NULL;
	} else {
		start = path + (*path == '.');
		end = start + strcspn(start, ".[");
		rest = end;
	}
	if (!end || end == start || end - start > DOC_KEY_BYTES)
		return NULL;
	memcpy(name, start, (size_t)(end - start));
	name[end - start] = '\0';
	return rest;
}

static const struct node *node_walk(const struct node *node, const char *path, bool nearest_too)
{
	char name[DOC_KEY_BYTES + 1];
	bool is_index;

	while (*path) {
		const struct node *child = NULL;
		struct err err = {0};
		int64_t index;

		path = next_step(path, name, &is_index);
		if (path && !is_index)
			child = node_get(node, name);
		else if (path && parse_int(name, 0, LIMIT_DOC_NODES, &index, &err) == 0)
			child = node_item(node, index);
		if (!child)
			return nearest_too ? node : NULL;
		node = child;
	}
	return node;
}

const struct node *node_at(const struct node *root, const char *path)
{
	return node_walk(root, path, false);
}

const struct node *node_near(const struct node *root, const char *path)
{
	return node_walk(root, path, true);
}

/* Whoever decodes may work on a copy of a node: it is the one of the same place. NULL when there is
 * none, as for a field that is absent. */
static const struct node *original(const struct node *node, size_t *index)
{
	*index = 0;
	for (const struct node *child = node->parent->first; child; child = child->next, ++*index) {
		if (child == node ||
		    (child->line > 0 && child->line == node->line && child->column == node->column))
			return child;
	}
	return NULL;
}

static void add_step(const struct node *node, struct buf *out)
{
	size_t index;
	const struct node *child = original(node, &index);

	if (node->parent->type == NODE_LIST) {
		if (child)
			buf_printf(out, "[%zu]", index);
		return;
	}
	if (child && strpbrk(child->key, ".["))
		buf_printf(out, "[\"%s\"]", child->key);
	else
		buf_printf(out, "%s%s", out->len > 0 ? "." : "", child ? child->key : node->key);
}

void node_path(const struct node *node, struct buf *out)
{
	const struct node *way[LIMIT_DOC_DEPTH + 1];
	int n = 0;

	for (; node && node->parent && n < LIMIT_DOC_DEPTH + 1; node = node->parent)
		way[n++] = node;
	while (n > 0)
		add_step(way[--n], out);
}
