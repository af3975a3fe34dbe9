/* What there is, as texts that are ready to be sent, and what changed, for those who listen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/parse.h"
#include "doc/doc.h"
#include "web/internal.h"

enum { CHANGE_BYTES = 8 << 20, ID_BYTES = 2 * LIMIT_NAME + 2 };
static const size_t fleet_bytes = (size_t)512 << 20;

void store_init(struct store *store, const char *version)
{
	*store = (struct store){.version = version};
	store_figures(store, &(struct figures){.git_seen_ms = -1});
}

static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	text_unref(entry->row);
	text_unref(entry->whole);
	free(entry->environment);
	free(entry->name);
	free(entry);
}

static void entries_free(struct map *map)
{
	for (size_t i = 0; i < map->n; i++)
		entry_free(map->entries[i].value);
	map_deinit(map);
}

void store_deinit(struct store *store)
{
	entries_free(&store->deployments);
	entries_free(&store->models);
	text_unref(store->fleet);
	text_unref(store->controller);
	for (size_t i = 0; i < CHANGES_KEPT; i++)
		text_unref(store->changes[i]);
}

/* ---- changes ---- */

static void note_change(struct store *store, const char *kind, const char *data, size_t len)
{
	struct text **slot;
	struct buf event;

	text_unref(store->fleet);
	store->fleet = NULL;
	store->sequence++;
	buf_init(&event, CHANGE_BYTES);
	buf_printf(&event, "id: %llu\nevent: %s\ndata: ", (unsigned long long)store->sequence, kind);
	buf_add(&event, data, len);
	buf_puts(&event, "\n\n");
	slot = &store->changes[store->sequence % CHANGES_KEPT];
	text_unref(*slot);
	*slot = text_of(&event);
	buf_deinit(&event);
}

struct text *store_change(const struct store *store, uint64_t sequence)
{
	if (sequence == 0 || sequence > store->sequence ||
	    store->sequence - sequence >= CHANGES_KEPT)
		return NULL;
	return store->changes[sequence % CHANGES_KEPT];
}

/* ---- entries ---- */

static struct map *map_of(struct store *store, const char *environment)
{
	return environment ? &store->deployments : &store->models;
}

static void id_write(char out[ID_BYTES], const char *environment, const char *name)
{
	snprintf(out, ID_BYTES, "%s%s%s", environment ? environment : "", environment ? "/" : "",
	         name);
}

static struct entry *entry_put(struct store *store, const char *environment, const char *name,
                               struct bytes row, struct bytes whole)
{
	struct map *map = map_of(store, environment);
	struct entry *entry;
	char id[ID_BYTES];

	id_write(id, environment, name);
	entry = map_get(map, id);
	if (!entry) {
		entry = heap_alloc(1, sizeof(*entry));
		entry->environment = environment ? heap_strdup(environment) : NULL;
		entry->name = heap_strdup(name);
		map_put(map, id, entry);
	}
	text_unref(entry->row);
	text_unref(entry->whole);
	entry->row = text_new(row.data, row.len);
	entry->whole = text_new(whole.data, whole.len);
	note_change(store, environment ? "deployment" : "model", row.data, row.len);
	return entry;
}

static void put_deployment(void *self, const struct deployment_view *view, struct bytes row,
                           struct bytes whole)
{
	const struct deployment_row *seen = &view->row;
	struct entry *entry = entry_put(self, seen->environment, seen->name, row, whole);

	entry->phase = seen->phase;
	entry->since_s = (double)seen->since_ms / 1000;
	entry->ready = seen->ready == TRUTH_TRUE;
	entry->healthy = seen->healthy == TRUTH_TRUE;
	entry->stalled = seen->stalled;
	entry->has[0] = seen->stable.version;
	entry->has[1] = seen->candidate.version;
	entry->arms[0] = (struct entry_arm){seen->stable.weight, seen->stable.ready,
	                                    view->stable.requests, view->stable.bad};
	entry->arms[1] = (struct entry_arm){seen->candidate.weight, seen->candidate.ready,
	                                    view->candidate.requests, view->candidate.bad};
}

static void put_model(void *self, const struct model_view *view, struct bytes row,
                      struct bytes whole)
{
	struct entry *entry = entry_put(self, NULL, view->row.name, row, whole);

	entry->cycle = view->row.phase;
	entry->since_s = (double)view->row.since_ms / 1000;
	entry->stalled = view->row.stalled;
}

static void drop(void *self, const char *environment, const char *name)
{
	struct store *store = self;
	struct writer writer;
	char id[ID_BYTES];
	struct buf data;

	id_write(id, environment, name);
	entry_free(map_remove(map_of(store, environment), id));
	buf_init(&data, CHANGE_BYTES);
	write_begin(&writer, &data, true);
	write_map(&writer);
	write_member(&writer, "environment", environment);
	write_member(&writer, "name", name);
	write_map_end(&writer);
	note_change(store, "gone", data.text, data.len);
	buf_deinit(&data);
}

struct watch store_watch(struct store *store)
{
	return (struct watch){store, put_deployment, put_model, drop};
}

/* ---- the controller itself ---- */

static void write_flag(struct writer *writer, const char *key, bool flag)
{
	write_key(writer, key);
	write_raw(writer, flag ? "true" : "false");
}

static struct text *controller_text(const struct store *store)
{
	const struct figures *figures = &store->figures;
	struct writer writer;
	struct text *text;
	struct buf out;

	buf_init(&out, CHANGE_BYTES);
	write_begin(&writer, &out, true);
	write_map(&writer);
	write_member(&writer, "version", store->version);
	write_flag(&writer, "isReady", figures->ready);
	write_member(&writer, "fleetCommit", figures->fleet.hex);
	write_flag(&writer, "isGitOk", figures->git_ok);
	write_member(&writer, "problem", figures->problem);
	write_flag(&writer, "isDiskFull", figures->disk_full);
	write_map_end(&writer);
	text = text_of(&out);
	buf_deinit(&out);
	return text;
}

void store_figures(struct store *store, const struct figures *figures)
{
	struct text *before = store->controller, *now;

	store->figures = *figures;
	now = controller_text(store);
	if (before && before->len == now->len && !memcmp(before->data, now->data, now->len)) {
		text_unref(now);
		return;
	}
	text_unref(before);
	store->controller = now;
	note_change(store, "controller", now->data, now->len);
}

/* ---- all of it ---- */

static void add_rows(struct buf *out, const char *key, const struct map *map)
{
	buf_printf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < map->n; i++) {
		const struct entry *entry = map->entries[i].value;

		if (i)
			buf_putc(out, ',');
		buf_add(out, entry->row->data, entry->row->len);
	}
	buf_putc(out, ']');
}

struct text *store_fleet(struct store *store)
{
	struct buf out;

	if (store->fleet)
		return store->fleet;
	buf_init(&out, fleet_bytes);
	buf_printf(&out, "{\"sequence\":%llu,\"controller\":", (unsigned long long)store->sequence);
	buf_add(&out, store->controller->data, store->controller->len);
	add_rows(&out, "deployments", &store->deployments);
	add_rows(&out, "models", &store->models);
	buf_putc(&out, '}');
	store->fleet = text_of(&out);
	buf_deinit(&out);
	return store->fleet;
}
