/* Writing commits and tags: the other half of git_objects.h. */
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/git_objects_parts.h"
#include "base/heap.h"
#include "base/limits.h"

enum {
	PACK_FROM_FILES = 16, /* from here on one pack costs fewer fsyncs than loose objects */
	SIGNATURE_BYTES = 64 << 10,
};

DEFINE_CLEANUP(indexer)
DEFINE_CLEANUP(tree)
DEFINE_CLEANUP(treebuilder)

/* ---- where objects go ---- */

/* Where a commit's objects go: straight into the store, or by way of memory into one pack. */
struct editing {
	struct objects *store;
	git_repository *base; /* what is read: the store's own, or a handle whose cache goes with it */
	git_repository *repo; /* what is written: that, or one of memory; no write reads the disk */
	git_odb *odb;
	git_packbuilder *pack; /* NULL: loose objects */
};

static int edit_error(struct err *err, const char *what)
{
	return err_set(err, ERR_TRANSIENT, "%s: %s", what, store_reason());
}

static int edit_begin(struct objects *objects, bool pack, struct editing *out, struct err *err)
{
	git_odb_backend *memory;

	*out = (struct editing){objects, objects->repo, objects->repo, objects->odb, NULL};
	if (!pack)
		return 0;
	*out = (struct editing){.store = objects};
	if (git_repository_open(&out->base, git_repository_path(objects->repo)) ||
	    git_odb_new(&out->odb) || git_mempack_new(&memory) ||
	    git_odb_add_backend(out->odb, memory, 1) ||
	    git_repository_wrap_odb(&out->repo, out->odb) ||
	    git_packbuilder_new(&out->pack, out->repo))
		return edit_error(err, "pack");
	git_packbuilder_set_threads(out->pack, 0);
	return 0;
}

static void edit_end(struct editing *edit)
{
	git_packbuilder_free(edit->pack);
	if (edit->repo == edit->store->repo)
		return;
	git_odb_free(edit->odb);
	git_repository_free(edit->repo);
	git_repository_free(edit->base);
}

static int edit_write(struct editing *edit, const void *bytes, size_t len, git_object_t type,
                      git_oid *out, struct err *err)
{
	if (git_odb_write(out, edit->odb, bytes, len, type) ||
	    (edit->pack && git_packbuilder_insert(edit->pack, out, NULL)))
		return edit_error(err, "object");
	return 0;
}

/* Into the folder of packs, fsynced. git_packbuilder_write would hand the pack to the indexer in
 * pieces of a few bytes, each of which costs it a mapping of the file. */
static int pack_write(git_packbuilder *pack, const char *folder)
{
	CLEANUP(indexer) indexer = NULL;
	git_indexer_progress progress = {0};
	git_buf bytes = {0};
	int code;

	code = git_packbuilder_write_buf(&bytes, pack) ||
	       git_indexer_new(&indexer, folder, 0, NULL, NULL) ||
	       git_indexer_append(indexer, bytes.ptr, bytes.size, &progress) ||
	       git_indexer_commit(indexer, &progress);
	git_buf_dispose(&bytes);
	return code;
}

/* Everything gathered in memory becomes one pack of the store. */
static int edit_finish(struct editing *edit, struct err *err)
{
	struct buf folder;
	int code;

	if (!edit->pack)
		return 0;
	buf_init(&folder, LIMIT_FILE_PATH);
	buf_printf(&folder, "%sobjects/pack", git_repository_commondir(edit->store->repo));
	code = pack_write(edit->pack, buf_text(&folder));
	buf_deinit(&folder);
	if (code || git_odb_refresh(edit->store->odb))
		return edit_error(err, "pack");
	return 0;
}

/* ---- trees ---- */

static int edit_tree(struct editing *edit, const git_oid *base, const struct git_file *files,
                     size_t n, size_t skip, int depth, git_oid *out, bool *empty,
                     struct err *err);

/* One file directly in the folder being edited. */
static int edit_file(struct editing *edit, git_treebuilder *builder, const struct git_file *file,
                     const char *name, struct err *err)
{
	git_oid id;

	if (!file->text.data && !file->blob.hex[0]) {
		if (git_treebuilder_get(builder, name) && git_treebuilder_remove(builder, name))
			return edit_error(err, file->path);
		return 0;
	}
	if (file->text.data
	            ? edit_write(edit, file->text.data, file->text.len, GIT_OBJECT_BLOB, &id, err)
	            : oid_parse(file->blob, &id, err))
		return err_wrap(err, "%s", file->path);
	if (git_treebuilder_insert(NULL, builder, name, &id, GIT_FILEMODE_BLOB))
		return edit_error(err, file->path);
	return 0;
}

/* The files below one folder inside the folder being edited; `end` is behind its name. */
static int edit_folder(struct editing *edit, git_treebuilder *builder,
                       const struct git_file *files, size_t n, size_t skip, size_t end, int depth,
                       struct err *err)
{
	char name[LIMIT_PATH + 1];
	const git_tree_entry *entry;
	const git_oid *below = NULL;
	git_oid id, base;
	bool empty;

	snprintf(name, sizeof(name), "%.*s", (int)(end - skip), files[0].path + skip);
	entry = git_treebuilder_get(builder, name);
	if (entry && git_tree_entry_type(entry) == GIT_OBJECT_TREE) {
		base = *git_tree_entry_id(entry);
		below = &base;
	}
	if (edit_tree(edit, below, files, n, end + 1, depth + 1, &id, &empty, err))
		return -1;
	if (!empty) {
		if (git_treebuilder_insert(NULL, builder, name, &id, GIT_FILEMODE_TREE))
			return edit_error(err, name);
	} else if (below && git_treebuilder_remove(builder, name)) {
		return edit_error(err, name);
	}
	return 0;
}

/* Number of files from the first on that lie in the same folder as the first. */
static size_t same_folder(const struct git_file *files, size_t n, size_t end)
{
	size_t i = 1;

	while (i < n && !strncmp(files[i].path, files[0].path, end + 1))
		i++;
	return i;
}

/* The tree `base` (NULL: empty) with files[0..n) applied, which are sorted and share the first
 * `skip` bytes of their paths. Only folders that are touched are read and written. */
static int edit_tree(struct editing *edit, const git_oid *base, const struct git_file *files,
                     size_t n, size_t skip, int depth, git_oid *out, bool *empty,
                     struct err *err)
{
	CLEANUP(tree) tree = NULL;
	CLEANUP(treebuilder) builder = NULL;

	if (depth >= WALK_DEPTH)
		return err_set(err, ERR_STALLED, "%.100s: too deep", files[0].path);
	if (base && (check_header(edit->store, base, GIT_OBJECT_TREE, TREE_BYTES, err) ||
	             git_tree_lookup(&tree, edit->base, base)))
		return err->kind ? -1 : store_error(edit->store, err, "tree");
	if (git_treebuilder_new(&builder, edit->repo, tree))
		return edit_error(err, "tree");
	for (size_t i = 0, span; i < n; i += span) {
		const char *slash = strchr(files[i].path + skip, '/');
		size_t end = slash ? (size_t)(slash - files[i].path) : 0;

		span = slash ? same_folder(files + i, n - i, end) : 1;
		if (slash ? edit_folder(edit, builder, files + i, span, skip, end, depth, err)
		          : edit_file(edit, builder, &files[i], files[i].path + skip, err))
			return -1;
	}
	*empty = git_treebuilder_entrycount(builder) == 0;
	if (*empty && depth)
		return 0;
	if (git_treebuilder_write(out, builder) ||
	    (edit->pack && git_packbuilder_insert(edit->pack, out, NULL)))
		return edit_error(err, "tree");
	return 0;
}

/* ---- files to write ---- */

static bool path_is_safe(const char *path)
{
	if (strlen(path) > LIMIT_PATH)
		return false;
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!name_is_safe(path, len))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct git_file *)a)->path, ((const struct git_file *)b)->path);
}

/* A sorted copy of the files to write; none twice, none that is the folder of another. */
static int sort_files(const struct commit_spec *spec, struct git_file **out, struct err *err)
{
	struct git_file *files = heap_alloc(spec->n_files + 1, sizeof(*files));

	if (spec->n_files)
		memcpy(files, spec->files, spec->n_files * sizeof(*files));
	qsort(files, spec->n_files, sizeof(*files), by_path);
	for (size_t i = 0; i < spec->n_files; i++) {
		if (!path_is_safe(files[i].path))
			err_set(err, ERR_STALLED, "'%s' is no path for a file", files[i].path);
		else if (i && !strcmp(files[i - 1].path, files[i].path))
			err_set(err, ERR_STALLED, "%s is written twice", files[i].path);
		else
			continue;
		free(files);
		return -1;
	}
	*out = files;
	return 0;
}

/* ---- commits and tags ---- */

static void add_person(struct buf *out, const char *role, const struct commit_spec *spec)
{
	buf_printf(out, "%s ", role);
	for (const char *c = spec->author; *c; c++)
		if (!strchr("<>\n", *c))
			buf_putc(out, *c);
	buf_puts(out, " <");
	for (const char *c = spec->email; *c; c++)
		if (!strchr("<>\n", *c))
			buf_putc(out, *c);
	buf_printf(out, "> %lld +0000\n", (long long)spec->time_s);
}

/* The headers of a commit object; the message comes behind a blank line. */
static void add_headers(struct buf *out, const git_oid *tree, const struct commit_spec *spec)
{
	buf_printf(out, "tree %s\n", oid_text(tree).hex);
	for (size_t i = 0; i < spec->n_parents; i++)
		buf_printf(out, "parent %s\n", spec->parents[i].hex);
	add_person(out, "author", spec);
	add_person(out, "committer", spec);
}

static void add_message(struct buf *out, const char *message)
{
	size_t len = strlen(message);

	buf_putc(out, '\n');
	buf_puts(out, message);
	if (!len || message[len - 1] != '\n')
		buf_putc(out, '\n');
}

/* A header of many lines: each further one begins with a blank. */
static void add_signature(struct buf *out, const char *signature)
{
	size_t len = strlen(signature);

	while (len && signature[len - 1] == '\n')
		len--;
	buf_puts(out, "gpgsig ");
	for (size_t i = 0; i < len; i++) {
		buf_putc(out, signature[i]);
		if (signature[i] == '\n')
			buf_putc(out, ' ');
	}
	buf_putc(out, '\n');
}

static int write_commit(struct editing *edit, const git_oid *tree, const struct commit_spec *spec,
                        git_oid *out, struct err *err)
{
	struct buf text, signature;
	int result = 0;

	buf_init(&text, COMMIT_BYTES);
	buf_init(&signature, SIGNATURE_BYTES);
	add_headers(&text, tree, spec);
	if (spec->sign) {
		add_message(&text, spec->message);
		result = spec->sign(spec->sign_context, (struct bytes){text.text, text.len}, &signature,
		                    err);
		buf_clear(&text);
		add_headers(&text, tree, spec);
		add_signature(&text, buf_text(&signature));
	}
	add_message(&text, spec->message);
	if (result == 0)
		result = buf_check(&text, "commit", err);
	if (result == 0)
		result = edit_write(edit, text.text, text.len, GIT_OBJECT_COMMIT, out, err);
	buf_deinit(&text);
	buf_deinit(&signature);
	return result;
}

static int edit_commit(struct editing *edit, const struct commit_spec *spec,
                       const struct git_file *files, struct oid *out, bool *unchanged,
                       struct err *err)
{
	CLEANUP(commit) parent = NULL;
	const git_oid *base = NULL;
	git_oid tree, commit;
	bool empty;

	if (spec->n_parents && find_commit(edit->store, spec->parents[0], &parent, err))
		return -1;
	if (parent)
		base = git_commit_tree_id(parent);
	if (edit_tree(edit, base, files, spec->n_files, 0, 0, &tree, &empty, err))
		return -1;
	if (unchanged)
		*unchanged = base && git_oid_equal(base, &tree);
	if (unchanged && *unchanged) {
		*out = spec->parents[0];
		return 0;
	}
	if (write_commit(edit, &tree, spec, &commit, err) || edit_finish(edit, err))
		return -1;
	*out = oid_text(&commit);
	return 0;
}

int objects_commit(struct objects *objects, const struct commit_spec *spec, struct oid *out,
                   bool *unchanged, struct err *err)
{
	struct git_file *files = NULL;
	struct editing edit;
	int result = -1;

	if (sort_files(spec, &files, err))
		return -1;
	if (edit_begin(objects, spec->n_files >= PACK_FROM_FILES, &edit, err) == 0)
		result = edit_commit(&edit, spec, files, out, unchanged, err);
	edit_end(&edit);
	free(files);
	return result;
}

int objects_tag(struct objects *objects, const char *name, const struct commit_spec *spec,
                struct oid *out, struct err *err)
{
	struct buf text, signature;
	git_oid id;
	int result = 0;

	buf_init(&text, COMMIT_BYTES);
	buf_init(&signature, SIGNATURE_BYTES);
	buf_printf(&text, "object %s\ntype commit\ntag %s\n", spec->parents[0].hex, name);
	add_person(&text, "tagger", spec);
	add_message(&text, spec->message);
	if (spec->sign)
		result = spec->sign(spec->sign_context, (struct bytes){text.text, text.len}, &signature,
		                    err);
	buf_puts(&text, buf_text(&signature)); /* of a tag it stands behind the message */
	if (result == 0)
		result = buf_check(&text, "tag", err);
	if (result == 0 && git_odb_write(&id, objects->odb, text.text, text.len, GIT_OBJECT_TAG))
		result = err_set(err, ERR_TRANSIENT, "tag: %s", store_reason());
	if (result == 0)
		*out = oid_text(&id);
	buf_deinit(&text);
	buf_deinit(&signature);
	return result;
}
