/* The index of the fleet: which file declares what, what refers to what, what was last accepted.
 * The one part of manifest that outlives a pass, and so the one that uses the heap. */
#include "manifest/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

enum {
	SCRATCH_BYTES_MAX = 256 << 20,
	REMEMBERED_BYTES = 64 << 20, /* from here on what is put is not remembered */
};

struct fleet *fleet_new(void)
{
	struct fleet *fleet = heap_alloc(1, sizeof(*fleet));

	arena_init(&fleet->scratch, SCRATCH_BYTES_MAX);
	fleet->batch = 1;
	return fleet;
}

static void file_free(struct file *file)
{
	free(file->declarations);
	free(file);
}

static void item_free(struct item *item)
{
	free(item->last);
	free(item);
}

void fleet_free(struct fleet *fleet)
{
	if (!fleet)
		return;
	for (size_t i = 0; i < fleet->files.n; i++)
		file_free(fleet->files.entries[i].value);
	map_deinit(&fleet->remembered);
	map_deinit(&fleet->files);
	for (int kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < fleet->items[kind].n; i++)
			item_free(fleet->items[kind].entries[i].value);
		map_deinit(&fleet->items[kind]);
	}
	free(fleet->gone);
	arena_deinit(&fleet->scratch);
	free(fleet);
}

/* ---- Items and who refers to them ---- */

struct item *fleet_find(const struct fleet *fleet, enum kind kind, const char *key)
{
	return map_get(&fleet->items[kind], key);
}

static struct item *item_of(struct fleet *fleet, enum kind kind, const char *key)
{
	struct map *map = &fleet->items[kind];
	struct item *item = map_get(map, key);

	if (item)
		return item;
	item = heap_alloc(1, sizeof(*item));
	item->kind = (unsigned char)kind;
	map_put(map, key, item);
	item->key = map->entries[map_lower_bound(map, key)].key;
	return item;
}

static void item_release(struct fleet *fleet, struct item *item);

static void target_drop(struct fleet *fleet, struct item **target)
{
	struct item *old = *target;

	*target = NULL;
	if (!old)
		return;
	old->refs--;
	item_release(fleet, old);
}

static void target_set(struct item **target, struct item *item)
{
	*target = item;
	if (item)
		item->refs++;
}

/* Makes `target` the one that the item counts as a user of. */
static void item_link(struct fleet *fleet, struct item *item, struct item *target)
{
	if (item->target == target)
		return;
	if (item->target) {
		struct item **link = &item->target->users;

		while (*link != item)
			link = &(*link)->next_user;
		*link = item->next_user;
		target_drop(fleet, &item->target);
	}
	target_set(&item->target, target);
	if (target) {
		item->next_user = target->users;
		target->users = item;
	}
}

/* Frees an item that nothing speaks of any more. */
static void item_release(struct fleet *fleet, struct item *item)
{
	if (item->first || item->last || item->refs > 0 || item->gone)
		return;
	item_link(fleet, item, NULL);
	map_remove(&fleet->items[item->kind], item->key);
	item_free(item);
}

bool item_exists(const struct item *item)
{
	return item->first || (item->gone && item->held);
}

bool item_accepted(const struct item *item)
{
	return item->first && !item->first->next && item->first->good && !item->last;
}

static void set_last(struct item *item, const char *path, struct oid blob)
{
	size_t len = strlen(path) + 1;
	struct last_accepted *last = heap_alloc(1, sizeof(*last) + len);

	last->blob = blob;
	memcpy(last->path, path, len);
	free(item->last);
	item->last = last;
}

/* ---- What a change touches ---- */

static void mark(struct map *dirty, const char *prefix, const struct item *item,
                 struct arena *arena)
{
	static char set; /* a value that is not NULL */

	map_put(dirty, arena_printf(arena, "%s/%s", prefix, item->key), &set);
}

static void mark_model(const struct item *model, struct map *dirty, struct arena *arena)
{
	mark(dirty, "model", model, arena);
	for (const struct item *user = model->users; user; user = user->next_user) {
		if (user->kind == KIND_MODEL_DEPLOYMENT)
			mark(dirty, "deployment", user, arena);
	}
}

static void mark_environment(const struct fleet *fleet, const struct item *environment,
                             struct map *dirty, struct arena *arena)
{
	const struct map *deployments = &fleet->items[KIND_MODEL_DEPLOYMENT];
	const char *prefix = arena_printf(arena, "%s/", environment->key);
	size_t len = strlen(prefix);

	for (size_t i = map_lower_bound(deployments, prefix); i < deployments->n; i++) {
		const struct item *item = deployments->entries[i].value;

		if (strncmp(item->key, prefix, len) != 0)
			break;
		mark(dirty, "deployment", item, arena);
		if (item->target)
			mark(dirty, "model", item->target, arena);
	}
}

/* The keys that look at this item. */
static void mark_users(struct fleet *fleet, const struct item *item, struct map *dirty)
{
	struct arena *arena = &fleet->scratch;

	switch ((enum kind)item->kind) {
	case KIND_MODEL:
		mark_model(item, dirty, arena);
		break;
	case KIND_MODEL_VERSION:
		if (item->target)
			mark_model(item->target, dirty, arena);
		break;
	case KIND_MODEL_DEPLOYMENT:
		mark(dirty, "deployment", item, arena);
		if (item->target)
			mark(dirty, "model", item->target, arena);
		break;
	case KIND_ENVIRONMENT:
		mark_environment(fleet, item, dirty, arena);
		break;
	case KIND_GATE_POLICY:
		for (const struct item *user = item->users; user; user = user->next_user)
			mark_model(user, dirty, arena);
		break;
	case KINDS:
		break;
	}
}

/* ---- What a declaration says that the index keeps ---- */

static const char *target_name(const struct object *object, enum kind *kind)
{
	switch (object->kind) {
	case KIND_MODEL:
		*kind = KIND_GATE_POLICY;
		return object->model->gates.policy;
	case KIND_MODEL_VERSION:
		*kind = KIND_MODEL;
		return object->version->model;
	case KIND_MODEL_DEPLOYMENT:
		*kind = KIND_MODEL;
		return object->deployment->model;
	case KIND_ENVIRONMENT:
	case KIND_GATE_POLICY:
	case KINDS:
		break;
	}
	return NULL;
}

static struct item *target_of(struct fleet *fleet, const struct object *object)
{
	enum kind kind = KINDS;
	const char *name = target_name(object, &kind);

	return name ? item_of(fleet, kind, name) : NULL;
}

void item_refer(struct fleet *fleet, struct item *item, const struct object *object)
{
	if (!item->target)
		item_link(fleet, item, target_of(fleet, object));
}

static void content_add(struct digest_stream *stream, const struct node *node)
{
	digest_add_field(stream, node->key);
	digest_add_field(stream, node->text);
	for (const struct node *child = node->first; child; child = child->next)
		content_add(stream, child);
	digest_add(stream, ")", 1);
}

/* Of what a document says, whatever its layout and comments: 64 bits of its digest. */
static uint64_t content_of(const struct node *node)
{
	struct digest_stream *stream = digest_begin();
	struct digest digest;
	uint64_t content = 0;

	content_add(stream, node);
	digest = digest_end(stream);
	for (int i = 0; i < 16; i++) {
		char c = digest.hex[i];

		content = content << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return content;
}

/* ---- Putting a file ---- */

struct documents *fleet_decode(struct fleet *fleet, struct arena *arena, const char *path,
                               struct oid blob, struct bytes text, struct diagnostics *diagnostics)
{
	struct documents *documents = arena_new(arena, struct documents);

	documents_decode(arena_strdup(arena, path), text.data, text.len, arena, documents, diagnostics);
	if (arena == fleet->remembering && diagnostics->n == 0)
		map_put(&fleet->remembered, blob.hex, documents);
	return documents;
}

/* What was put is asked for soon, where it fits into what is remembered. */
static const struct documents *decode_put(struct fleet *fleet, const char *path, struct oid blob,
                                          struct bytes text)
{
	static const struct documents none;
	struct arena *remembering = fleet->remembering;
	bool room = remembering && remembering->bytes_used < REMEMBERED_BYTES;
	struct diagnostics diagnostics = {0};

	if (!blob.hex[0])
		return &none;
	return fleet_decode(fleet, room ? remembering : &fleet->scratch, path, blob, text,
	                    &diagnostics);
}

static void gone_add(struct fleet *fleet, struct item *item)
{
	if (item->gone)
		return;
	if (fleet->n_gone == fleet->capacity_gone) {
		fleet->capacity_gone = fleet->capacity_gone ? fleet->capacity_gone * 2 : 16;
		fleet->gone = heap_resize(fleet->gone, fleet->capacity_gone, sizeof(struct item *));
	}
	fleet->gone[fleet->n_gone++] = item;
	item->gone = true;
	item->held = false;
}

/* Takes the file's declarations out of their items. What was accepted there before this batch stays
 * the last accepted one. */
static void file_detach(struct fleet *fleet, struct file *file)
{
	for (unsigned i = 0; i < file->n; i++) {
		struct declaration *declaration = &file->declarations[i];
		struct item *item = declaration->item;
		struct declaration **link = &item->first;

		if (item_accepted(item) && item->batch < fleet->batch)
			set_last(item, file->path, file->blob);
		while (*link != declaration)
			link = &(*link)->next;
		*link = declaration->next;
		target_drop(fleet, &declaration->target);
	}
	fleet->n_unreadable -= file->unreadable;
}

static void declaration_attach(struct fleet *fleet, struct file *file,
                               const struct document *document)
{
	const char *key = object_key(&fleet->scratch, document->kind, document->namespace,
	                             document->name);
	struct item *item = item_of(fleet, document->kind, key);
	struct declaration *declaration = &file->declarations[file->n++];

	if (item_accepted(item) && item->batch < fleet->batch)
		set_last(item, item->first->file->path, item->first->file->blob);
	*declaration = (struct declaration){.next = item->first, .file = file, .item = item,
	                                    .line = document->line, .good = document->accepted};
	if (document->accepted)
		target_set(&declaration->target, target_of(fleet, &document->object));
	if (document->accepted && document->kind == KIND_MODEL_VERSION)
		declaration->content = content_of(document->node);
	item->first = declaration;
}

static void file_attach(struct fleet *fleet, struct file *file, const struct documents *documents)
{
	file->unreadable = documents->unreadable;
	fleet->n_unreadable += file->unreadable;
	fleet->batch_unreadable |= file->unreadable;
	file->declarations = heap_alloc(documents->n, sizeof(*file->declarations));
	for (size_t i = 0; i < documents->n; i++)
		declaration_attach(fleet, file, &documents->items[i]);
}

/* Accepts what may be accepted, after all declarations of a file have come or gone. */
static void item_update(struct fleet *fleet, struct item *item)
{
	struct declaration *only = item->first && !item->first->next ? item->first : NULL;
	bool changed = item->kind == KIND_MODEL_VERSION && item->last && only &&
	               item->content != only->content;

	if (only && only->good && !changed) {
		free(item->last);
		item->last = NULL;
		item->content = only->content;
		item->batch = item->batch ? item->batch : fleet->batch;
		item_link(fleet, item, only->target);
	}
	if (!item->first && item->last)
		gone_add(fleet, item);
}

/* The items of a file, kept from being freed until items_unpin. */
static size_t items_pin(const struct file *file, struct item **items)
{
	for (unsigned i = 0; i < file->n; i++) {
		items[i] = file->declarations[i].item;
		items[i]->refs++;
	}
	return file->n;
}

static void items_unpin(struct fleet *fleet, struct item **items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		items[i]->refs--;
		item_release(fleet, items[i]);
	}
}

/* What was held back for an unreadable file may be gone now. */
static void mark_gone(struct fleet *fleet, struct map *dirty)
{
	for (size_t i = 0; i < fleet->n_gone; i++)
		mark_users(fleet, fleet->gone[i], dirty);
}

static struct file *file_of(struct fleet *fleet, const char *path)
{
	struct file *file = map_get(&fleet->files, path);

	if (file)
		return file;
	file = heap_alloc(1, sizeof(*file));
	map_put(&fleet->files, path, file);
	file->path = fleet->files.entries[map_lower_bound(&fleet->files, path)].key;
	return file;
}

void fleet_put(struct fleet *fleet, const char *path, struct oid blob, const char *text, size_t len,
               struct map *dirty)
{
	struct file *file = map_get(&fleet->files, path);
	const struct documents *documents;
	struct item **items;
	size_t n, was_unreadable = fleet->n_unreadable;

	if (file ? oid_same(file->blob, blob) : !blob.hex[0])
		return;
	fleet->batch_open = true;
	arena_reset(&fleet->scratch);
	documents = decode_put(fleet, path, blob, (struct bytes){text, len});
	file = file_of(fleet, path);
	items = arena_array(&fleet->scratch, file->n + documents->n, struct item *);
	n = items_pin(file, items);
	for (size_t i = 0; i < n; i++)
		mark_users(fleet, items[i], dirty);
	file_detach(fleet, file);
	free(file->declarations);
	file->declarations = NULL;
	file->n = 0;
	file->blob = blob;
	file_attach(fleet, file, documents);
	n += items_pin(file, items + n);
	for (size_t i = 0; i < n; i++) {
		item_update(fleet, items[i]);
		mark_users(fleet, items[i], dirty);
	}
	items_unpin(fleet, items, n);
	if (was_unreadable > 0 && fleet->n_unreadable == 0)
		mark_gone(fleet, dirty);
	if (!blob.hex[0])
		file_free(map_remove(&fleet->files, path));
}

void fleet_settle(struct fleet *fleet)
{
	size_t kept = 0;

	if (!fleet->batch_open)
		return;
	for (size_t i = 0; i < fleet->n_gone; i++) {
		struct item *item = fleet->gone[i];
		bool hold = fleet->n_unreadable > 0 && (item->held || fleet->batch_unreadable);

		if (!item->first && hold) {
			item->held = true;
			fleet->gone[kept++] = item;
			continue;
		}
		item->gone = item->held = false;
		if (!item->first) {
			free(item->last);
			item->last = NULL;
			item_release(fleet, item);
		}
	}
	fleet->n_gone = kept;
	fleet->batch_unreadable = fleet->batch_open = false;
	fleet->batch++;
}

void fleet_accept(struct fleet *fleet, enum kind kind, const char *namespace, const char *name,
                  const char *path, struct oid blob)
{
	struct item *item;
	const char *key;
	const struct file *file = path ? map_get(&fleet->files, path) : NULL;

	fleet_settle(fleet);
	arena_reset(&fleet->scratch);
	key = object_key(&fleet->scratch, kind, namespace, name);
	item = fleet_find(fleet, kind, key);
	if (!blob.hex[0] || (item && item_accepted(item)))
		return;
	if (item && item->first) {
		set_last(item, path ? path : "", blob);
		return;
	}
	if (path ? !file || !file->unreadable : fleet->n_unreadable == 0)
		return;
	item = item_of(fleet, kind, key);
	set_last(item, path ? path : "", blob);
	gone_add(fleet, item);
	item->held = true;
}
