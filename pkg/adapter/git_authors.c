/* Who wrote the text of a file, and which commit it came with. The first is asked at each look
 * while it matters: of what was walked once, only what came on top is walked. */
#include <stdlib.h>
#include <string.h>

#include "adapter/git_internal.h"
#include "base/buf.h"
#include "base/heap.h"
#include "base/limits.h"

enum { AUTHORS_DEPTH = 2000, AUTHORS_KEPT = 256, ORIGINS_DEPTH = 10000 };

/* Of one file since one commit ("commit path" is the key), up to another. */
struct known_authors {
	struct oid upto;
	char *emails; /* a line each */
};

static void known_free(struct known_authors *known)
{
	if (known)
		free(known->emails);
	free(known);
}

void authors_deinit(struct map *authors)
{
	for (size_t i = 0; i < authors->n; i++)
		known_free(authors->entries[i].value);
	map_deinit(authors);
	*authors = (struct map){0};
}

static void add_author(struct arena *arena, struct strings *list, const char *email)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i], email) == 0)
			return;
	*list_push(arena, &list->items, &list->n) = arena_strdup(arena, email);
}

static void recall(const struct known_authors *known, struct arena *arena, struct strings *out)
{
	for (const char *at = known->emails; *at; at += strcspn(at, "\n") + 1)
		add_author(arena, out, arena_strndup(arena, at, strcspn(at, "\n")));
}

static void remember(struct map *authors, const char *key, struct oid upto,
                     const struct strings *list)
{
	struct known_authors *known;
	struct buf text;

	buf_init(&text, LIMIT_STATUS_BYTES);
	for (size_t i = 0; i < list->n; i++)
		buf_printf(&text, "%s\n", list->items[i]);
	if (!text.full) {
		if (authors->n >= AUTHORS_KEPT)
			authors_deinit(authors);
		known = heap_alloc(1, sizeof(*known));
		*known = (struct known_authors){upto, heap_strdup(buf_text(&text))};
		known_free(map_put(authors, key, known));
	}
	buf_deinit(&text);
}

/* Has the commit a text at `path` that none of its parents has? 1 or 0; -1 and err. */
static int brings_text(struct objects *objects, const struct commit_info *commit,
                       const char *path, struct err *err)
{
	struct oid blob, before;

	if (objects_path_if(objects, commit->id, path, &blob, err))
		return -1;
	for (size_t i = 0; i < commit->n_parents && i < ARRAY_LEN(commit->parents); i++) {
		if (objects_path_if(objects, commit->parents[i], path, &before, err))
			return -1;
		if (oid_same(blob, before))
			return 0;
	}
	return blob.hex[0] != '\0';
}

int authors_find(struct git_port *port, struct objects *objects, struct oid old, struct oid new,
                 const char *path, struct arena *arena, struct strings *out, struct err *err)
{
	const char *key = arena_printf(&port->scratch, "%s %s", old.hex, path);
	const struct known_authors *known = map_get(&port->authors, key);
	enum relation relation = RELATION_PARTED;
	struct strings list = {0};
	struct commit_info *commits;
	struct err parted = {0};
	size_t n;

	if (known && !objects_relation(objects, known->upto, new, &relation, &parted) &&
	    (relation == RELATION_SAME || relation == RELATION_DESCENDANT))
		recall(known, arena, &list);
	else
		known = NULL;
	if (relation != RELATION_SAME) {
		if (objects_log(objects, new, known ? known->upto : old, false, AUTHORS_DEPTH,
		                &port->scratch, &commits, &n, err))
			return -1;
		for (size_t i = 0; i < n; i++) {
			int brings = brings_text(objects, &commits[i], path, err);

			if (brings < 0)
				return -1;
			if (brings)
				add_author(arena, &list, commits[i].email);
		}
		remember(&port->authors, key, new, &list);
	}
	*out = list;
	return 0;
}

/* ---- which commit brought it ---- */

/* Where `path` stands among files that are sorted by path; n: nowhere. */
static size_t find_file(const struct git_file *files, size_t n, const char *path)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(files[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && strcmp(files[low].path, path) == 0 ? low : n;
}

int origins_find(struct objects *objects, struct oid old, struct oid new, const char *path,
                 const struct git_file *files, size_t n, struct arena *arena, struct oid *out,
                 struct err *err)
{
	struct commit_info *commits;
	size_t n_commits, left = n;

	if (objects_log(objects, new, old, false, ORIGINS_DEPTH, arena, &commits, &n_commits, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct oid){""};
	for (size_t i = 0; i < n_commits && left > 0; i++) {
		struct git_file *brought;
		const char *refused;
		size_t n_brought;

		if (commits[i].n_parents > 1)
			continue;
		if (objects_changed(objects, commits[i].parents[0], commits[i].id, path, arena, &brought,
		                    &n_brought, &refused, err))
			return -1;
		for (size_t j = 0; j < n_brought; j++) {
			size_t at = find_file(files, n, brought[j].path);

			if (at == n || out[at].hex[0] || !oid_same(brought[j].blob, files[at].blob))
				continue;
			out[at] = commits[i].id;
			left--;
		}
	}
	return 0;
}
