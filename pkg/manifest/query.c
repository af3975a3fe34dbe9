/* Questions to the index: one object decoded afresh, and who there is. */
#include <stdlib.h>
#include <string.h>

#include "manifest/index.h"

/* ---- One object ---- */

struct reader {
	struct fleet *fleet;
	manifest_read *load;
	void *self;
	struct arena *arena;
};

void fleet_remember(struct fleet *fleet, struct arena *arena)
{
	map_deinit(&fleet->remembered);
	fleet->remembering = arena;
}

/* All documents of one blob: decoded once while they are remembered. */
static int decode_blob(const struct reader *reader, const char *path, struct oid blob,
                       const struct documents **out, struct diagnostics *diagnostics,
                       struct err *err)
{
	struct fleet *fleet = reader->fleet;
	struct bytes text = {0};

	*out = map_get(&fleet->remembered, blob.hex);
	if (*out && !strcmp((*out)->path, path))
		return 0;
	if (reader->load(reader->self, blob, reader->arena, &text, err) < 0)
		return -1;
	*out = fleet_decode(fleet, fleet->remembering ? fleet->remembering : reader->arena, path, blob,
	                    text, diagnostics);
	return 0;
}

/* The document that declares the object in one blob, or NULL with `why`. */
static const struct document *read_document(const struct reader *reader, const struct item *item,
                                            const char *path, struct oid blob, const char **why)
{
	struct diagnostics diagnostics = {0};
	const struct documents *documents;
	struct err err = {0};

	if (decode_blob(reader, path, blob, &documents, &diagnostics, &err) < 0) {
		*why = arena_printf(reader->arena, "%s: %s", path, err.text);
		return NULL;
	}
	for (size_t i = 0; i < documents->n; i++) {
		const struct document *document = &documents->items[i];
		const char *key = object_key(reader->arena, document->kind, document->namespace,
		                             document->name);

		if ((int)document->kind == item->kind && strcmp(key, item->key) == 0 &&
		    document->accepted)
			return document;
	}
	*why = arena_printf(reader->arena, "%s: does not declare %s '%s' any more", path,
	                    kind_names.names[item->kind], item->key);
	for (size_t i = 0; i < diagnostics.n; i++) {
		const struct diagnostic *first = &diagnostics.items[i];

		if (item->first && !item->first->good && first->line < item->first->line)
			continue;
		*why = arena_printf(reader->arena, "%s:%d:%d: %s", first->path, first->line,
		                    first->column, first->message);
		break;
	}
	return NULL;
}

/* Why it is not accepted as it stands. */
static const char *frozen_why(struct fleet *fleet, const struct reader *reader,
                              const struct item *item)
{
	const struct declaration *first = item->first;
	const char *why = NULL;

	if (first && first->next)
		return arena_printf(reader->arena, "%s '%s' is declared twice: %s:%d and %s:%d",
		                    kind_names.names[item->kind], item->key, first->next->file->path,
		                    first->next->line, first->file->path, first->line);
	if (first && first->good)
		return arena_printf(reader->arena, "%s:%d: ModelVersion '%s' has changed; a version never"
		                    " changes once it is merged", first->file->path, first->line,
		                    item->key);
	if (first && !read_document(reader, item, first->file->path, first->file->blob, &why))
		return why;
	for (size_t i = 0; i < fleet->files.n; i++) {
		const struct file *file = fleet->files.entries[i].value;

		if (file->unreadable)
			return arena_printf(reader->arena, "%s: does not say which objects it declares",
			                    file->path);
	}
	return "its file cannot be read";
}

static enum declared get(struct fleet *fleet, const struct reader *reader, struct item *item,
                         struct object *out, struct oid *blob, const char **why)
{
	const struct document *document;
	const char *unread = NULL;

	if (!item || !item_exists(item))
		return DECLARED_ABSENT;
	if (item_accepted(item)) {
		document = read_document(reader, item, item->first->file->path,
		                         item->first->file->blob, why);
		if (!document)
			return DECLARED_FROZEN;
		*blob = item->first->file->blob;
		*out = document->object;
		return DECLARED_OK;
	}
	*why = frozen_why(fleet, reader, item);
	document = item->last ? read_document(reader, item, item->last->path, item->last->blob,
	                                      &unread) : NULL;
	if (document) {
		*blob = item->last->blob;
		*out = document->object;
		item_refer(fleet, item, out);
	}
	return DECLARED_FROZEN;
}

enum declared fleet_get(struct fleet *fleet, enum kind kind, const char *namespace,
                        const char *name, manifest_read *read, void *self, struct arena *arena,
                        struct object *out, struct oid *blob, const char **why)
{
	struct reader reader = {fleet, read, self, arena};
	const char *unwanted_why;
	struct oid unwanted_blob;
	const char *key = object_key(arena, kind, namespace, name);

	fleet_settle(fleet);
	blob = blob ? blob : &unwanted_blob;
	why = why ? why : &unwanted_why;
	*out = (struct object){.kind = kind};
	*blob = (struct oid){{0}};
	*why = NULL;
	return get(fleet, &reader, fleet_find(fleet, kind, key), out, blob, why);
}

/* ---- Who there is ---- */

size_t fleet_list(struct fleet *fleet, enum kind kind, struct arena *arena, const char ***names)
{
	const struct map *items = &fleet->items[kind];
	size_t n = 0;

	fleet_settle(fleet);
	*names = arena_array(arena, items->n, const char *);
	for (size_t i = 0; i < items->n; i++) {
		const struct item *item = items->entries[i].value;

		if (item_exists(item))
			(*names)[n++] = item->key;
	}
	return n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t users_of(struct fleet *fleet, const char *model, enum kind kind, struct arena *arena,
                       const char ***names)
{
	const struct item *item;
	size_t n = 0;

	fleet_settle(fleet);
	item = fleet_find(fleet, KIND_MODEL, model);
	*names = NULL;
	for (const struct item *user = item ? item->users : NULL; user; user = user->next_user) {
		if ((int)user->kind == (int)kind && item_exists(user))
			*list_push(arena, names, &n) = user->key;
	}
	if (n > 0)
		qsort(*names, n, sizeof(**names), by_text);
	return n;
}

size_t fleet_versions_of(struct fleet *fleet, const char *model, struct arena *arena,
                         const char ***names)
{
	return users_of(fleet, model, KIND_MODEL_VERSION, arena, names);
}

size_t fleet_deployments_of(struct fleet *fleet, const char *model, struct arena *arena,
                            const char ***names)
{
	return users_of(fleet, model, KIND_MODEL_DEPLOYMENT, arena, names);
}
