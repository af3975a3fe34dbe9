#include "adapter/git_objects_parts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/heap.h"
#include "base/limits.h"

enum {
	WALK_ENTRIES = 8 << 20,   /* entries looked at in one walk: trees may repeat without end */
	REFUSED_NAMED = 10,       /* refused paths that are spelt out */
	MODE_TREE = 0040000,
	MODE_FILE = 0100644,
	MODE_PROGRAM = 0100755,
	MODE_LINK = 0120000,
	MODE_SUBMODULE = 0160000,
};

/* ---- cleanup of foreign handles ---- */

DEFINE_CLEANUP(object)
DEFINE_CLEANUP(odb_object)
DEFINE_CLEANUP(reference)
DEFINE_CLEANUP(reference_iterator)
DEFINE_CLEANUP(repository)
DEFINE_CLEANUP(revwalk)

/* ---- opening ---- */

/* Once for the whole process, for its life: durable writes, nobody's configuration, bounded
 * caches. The owner of a repository does not matter, because nothing in it is ever run. */
static void settle(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 0);
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)(8 << 20));
	git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE, (size_t)(4 << 20));
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)(512 << 20));
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_PROGRAMDATA, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, "");
}

const char *store_reason(void)
{
	const git_error *last = git_error_last();

	return last && last->message ? last->message : "no reason given";
}

int store_error(struct objects *objects, struct err *err, const char *what)
{
	if (objects)
		objects->broken = true;
	return err_set(err, ERR_TRANSIENT, "%s: %s", what, store_reason());
}

int objects_open(const char *path, bool search, struct objects **out, struct err *err)
{
	unsigned flags = search ? 0 : GIT_REPOSITORY_OPEN_NO_SEARCH;
	struct objects *objects = heap_alloc(1, sizeof(*objects));
	int code;

	settle();
	code = git_repository_open_ext(&objects->repo, path, flags, NULL);
	if (code == 0)
		code = git_repository_odb(&objects->odb, objects->repo);
	if (code) {
		err_set(err, code == GIT_ENOTFOUND ? ERR_STALLED : ERR_TRANSIENT, "%s: %s", path,
		        store_reason());
		objects_close(objects);
		return -1;
	}
	*out = objects;
	return 0;
}

int objects_create(const char *path, struct err *err)
{
	git_repository_init_options options;
	CLEANUP(repository) repo = NULL;
	int code;

	settle();
	git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH |
	                GIT_REPOSITORY_INIT_NO_REINIT;
	options.initial_head = "main";
	code = git_repository_init_ext(&repo, path, &options);
	if (code == GIT_EEXISTS)
		code = git_repository_open_ext(&repo, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	return code ? err_set(err, ERR_TRANSIENT, "%s: %s", path, store_reason()) : 0;
}

void objects_close(struct objects *objects)
{
	if (!objects)
		return;
	git_odb_free(objects->odb);
	git_repository_free(objects->repo);
	free(objects);
}

bool objects_broken(const struct objects *objects)
{
	return objects->broken;
}

bool objects_shallow(const struct objects *objects)
{
	return git_repository_is_shallow(objects->repo) == 1;
}

static size_t count_names(const char *folder, const char *suffix)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		size_t len = strlen(entry->d_name), end = strlen(suffix);

		if (entry->d_name[0] != '.' && len >= end &&
		    !strcmp(entry->d_name + len - end, suffix))
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

/* As git does it: one of the 256 folders of loose objects stands for all. */
struct objects_size objects_size(const struct objects *objects)
{
	struct buf path;
	struct objects_size size;

	buf_init(&path, LIMIT_FILE_PATH);
	buf_printf(&path, "%sobjects/17", git_repository_commondir(objects->repo));
	size.loose = 256 * count_names(buf_text(&path), "");
	buf_clear(&path);
	buf_printf(&path, "%sobjects/pack", git_repository_commondir(objects->repo));
	size.packs = count_names(buf_text(&path), ".pack");
	buf_deinit(&path);
	return size;
}

/* ---- ids ---- */

struct oid oid_text(const git_oid *id)
{
	struct oid out;

	git_oid_tostr(out.hex, sizeof(out.hex), id);
	return out;
}

int oid_parse(struct oid text, git_oid *out, struct err *err)
{
	if (strlen(text.hex) != GIT_OID_HEXSZ || git_oid_fromstr(out, text.hex))
		return err_set(err, ERR_STALLED, "'%s' is no object id", text.hex);
	return 0;
}

/* ---- refs ---- */

int objects_ref(struct objects *objects, const char *name, struct oid *out, struct err *err)
{
	git_oid id;
	int code = git_reference_name_to_id(&id, objects->repo, name);

	if (code == GIT_ENOTFOUND)
		*out = (struct oid){""};
	else if (code)
		return err_set(err, code == GIT_EINVALIDSPEC ? ERR_STALLED : ERR_TRANSIENT, "%s: %s",
		               name, store_reason());
	else
		*out = oid_text(&id);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ref *)a)->name, ((const struct ref *)b)->name);
}

int objects_refs(struct objects *objects, const char *prefix, struct arena *arena,
                 struct ref **refs, size_t *n, struct err *err)
{
	CLEANUP(reference_iterator) iterator = NULL;
	struct ref *list = NULL;
	size_t count = 0;
	const char *name;
	int code;

	if (git_reference_iterator_glob_new(&iterator, objects->repo,
	                                    arena_printf(arena, "%s*", prefix)))
		return err_set(err, ERR_TRANSIENT, "refs: %s", store_reason());
	while ((code = git_reference_next_name(&name, iterator)) == 0) {
		struct oid tip;

		if (objects_ref(objects, name, &tip, err))
			return -1;
		if (tip.hex[0])
			*list_push(arena, &list, &count) = (struct ref){arena_strdup(arena, name), tip};
	}
	if (code != GIT_ITEROVER)
		return err_set(err, ERR_TRANSIENT, "refs: %s", store_reason());
	if (count)
		qsort(list, count, sizeof(*list), by_name);
	*refs = list;
	*n = count;
	return 0;
}

static int ref_result(int code, const char *name, struct err *err)
{
	switch (code) {
	case 0:
		return 0;
	case GIT_EEXISTS:
	case GIT_EMODIFIED:
	case GIT_ENOTFOUND:
		return err_set(err, ERR_CONFLICT, "%s moved meanwhile", name);
	case GIT_EINVALIDSPEC:
		return err_set(err, ERR_STALLED, "'%s' is no name of a ref", name);
	default:
		return err_set(err, ERR_TRANSIENT, "%s: %s", name, store_reason());
	}
}

static int ref_remove(struct objects *objects, const char *name, const git_oid *old,
                      struct err *err)
{
	CLEANUP(reference) ref = NULL;
	int code = git_reference_lookup(&ref, objects->repo, name);

	if (code == 0 && (!git_reference_target(ref) ||
	                  git_oid_cmp(git_reference_target(ref), old)))
		code = GIT_EMODIFIED;
	if (code == 0)
		code = git_reference_delete(ref);
	return ref_result(code, name, err);
}

int objects_ref_move(struct objects *objects, const char *name, struct oid old, struct oid new,
                     struct err *err)
{
	CLEANUP(reference) ref = NULL;
	git_oid from, to;
	int code;

	if ((old.hex[0] && oid_parse(old, &from, err)) || (new.hex[0] && oid_parse(new, &to, err)))
		return -1;
	if (!new.hex[0])
		return old.hex[0] ? ref_remove(objects, name, &from, err) : 0;
	if (!old.hex[0])
		code = git_reference_create(&ref, objects->repo, name, &to, 0, NULL);
	else
		code = git_reference_create_matching(&ref, objects->repo, name, &to, 1, &from, NULL);
	return ref_result(code, name, err);
}

int objects_resolve(struct objects *objects, const char *revision, struct oid *out,
                    struct err *err)
{
	CLEANUP(object) object = NULL;
	CLEANUP(object) commit = NULL;
	int code = git_revparse_single(&object, objects->repo, revision);

	if (code == 0)
		code = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (code)
		return err_set(err, ERR_STALLED, "'%s' is no revision here: %s", revision, store_reason());
	*out = oid_text(git_object_id(commit));
	return 0;
}

int objects_remote_url(struct objects *objects, const char *name, char *out, size_t size,
                       struct err *err)
{
	git_remote *remote = NULL;
	int code = git_remote_lookup(&remote, objects->repo, name);
	const char *url = code ? NULL : git_remote_url(remote);

	snprintf(out, size, "%s", url ? url : "");
	git_remote_free(remote);
	if (code && code != GIT_ENOTFOUND)
		return err_set(err, ERR_STALLED, "remote '%s': %s", name, store_reason());
	return 0;
}

/* ---- the person ---- */

static void read_config(const char *path, struct identity *out)
{
	git_config *config = NULL;
	git_buf value = GIT_BUF_INIT;
	const struct {
		const char *key;
		char *out;
	} wanted[] = {{"user.name", out->name}, {"user.email", out->email}};

	if (git_config_open_ondisk(&config, path))
		return;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (!wanted[i].out[0] && !git_config_get_string_buf(&value, config, wanted[i].key))
			snprintf(wanted[i].out, sizeof(out->name), "%s", value.ptr);
		git_buf_dispose(&value);
	}
	git_config_free(config);
}

int objects_identity(struct objects *objects, struct identity *out, struct err *err)
{
	const char *name = getenv("GIT_AUTHOR_NAME"), *email = getenv("GIT_AUTHOR_EMAIL");
	const char *home = getenv("HOME");
	char path[LIMIT_FILE_PATH];

	snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
	snprintf(out->email, sizeof(out->email), "%s", email ? email : "");
	if (objects) {
		snprintf(path, sizeof(path), "%s/config", git_repository_commondir(objects->repo));
		read_config(path, out);
	}
	snprintf(path, sizeof(path), "%s/.gitconfig", home ? home : "");
	read_config(path, out);
	snprintf(path, sizeof(path), "%s/.config/git/config", home ? home : "");
	read_config(path, out);
	if (!out->email[0])
		return err_set(err, ERR_STALLED, "nobody knows who you are; run git config --global "
		               "user.email you@example.com");
	if (!out->name[0])
		snprintf(out->name, sizeof(out->name), "%s", out->email);
	return 0;
}

/* ---- reading objects ---- */

static const char *type_name(git_object_t type)
{
	const char *name = git_object_type2string(type);

	return name[0] ? name : "object";
}

int check_header(struct objects *objects, const git_oid *id, git_object_t type, size_t bytes_max,
                 struct err *err)
{
	git_object_t found;
	size_t len;

	if (git_odb_read_header(&len, &found, objects->odb, id))
		return store_error(objects, err, type_name(type));
	if (found != type)
		return err_set(err, ERR_STALLED, "%s is a %s, not a %s", oid_text(id).hex,
		               type_name(found), type_name(type));
	if (len > bytes_max)
		return err_set(err, ERR_STALLED, "%s %.10s has %zu bytes; at most %zu are read",
		               type_name(type), oid_text(id).hex, len, bytes_max);
	return 0;
}

static int read_object(struct objects *objects, const git_oid *id, git_object_t type,
                       size_t bytes_max, git_odb_object **out, struct err *err)
{
	if (check_header(objects, id, type, bytes_max, err))
		return -1;
	if (git_odb_read(out, objects->odb, id))
		return store_error(objects, err, type_name(type));
	return 0;
}

int find_commit(struct objects *objects, struct oid commit, git_commit **out, struct err *err)
{
	git_oid id;

	if (oid_parse(commit, &id, err))
		return -1;
	if (!git_odb_exists(objects->odb, &id))
		return err_set(err, ERR_STALLED, "commit %.10s is not in the repository", commit.hex);
	if (check_header(objects, &id, GIT_OBJECT_COMMIT, COMMIT_BYTES, err))
		return -1;
	if (git_commit_lookup(out, objects->repo, &id))
		return store_error(objects, err, "commit");
	return 0;
}

bool objects_has_commit(struct objects *objects, struct oid commit)
{
	git_oid id;
	struct err ignored = {0};

	return !oid_parse(commit, &id, &ignored) && git_odb_exists(objects->odb, &id);
}

int objects_blob(struct objects *objects, struct oid blob, size_t bytes_max, struct arena *arena,
                 struct bytes *out, struct err *err)
{
	CLEANUP(odb_object) object = NULL;
	git_oid id;

	if (oid_parse(blob, &id, err) ||
	    read_object(objects, &id, GIT_OBJECT_BLOB, bytes_max, &object, err))
		return -1;
	out->len = git_odb_object_size(object);
	out->data = arena_strndup(arena, git_odb_object_data(object), 0);
	if (out->len)
		out->data = arena_memdup(arena, git_odb_object_data(object), out->len);
	return 0;
}

/* ---- raw trees: "<octal mode> <name>\0<20 bytes>" one after another, in Git's order ---- */

struct entry {
	unsigned mode;
	const char *name; /* NUL-terminated, inside the tree's bytes */
	size_t name_len;
	const git_oid *id;
};
/* `left` is false behind the last entry; a zeroed cursor is at the end. */
struct cursor {
	const char *at, *end;
	struct entry entry;
	bool left;
};

static int cursor_next(struct cursor *cursor, struct err *err)
{
	const char *at = cursor->at, *name;
	unsigned mode = 0;

	cursor->left = at < cursor->end;
	if (!cursor->left)
		return 0;
	while (at < cursor->end && *at >= '0' && *at <= '7' && mode < 0200000)
		mode = mode * 8 + (unsigned)(*at++ - '0');
	if (at == cursor->end || *at != ' ')
		return err_set(err, ERR_STALLED, "a tree is malformed");
	name = at + 1;
	at = memchr(name, '\0', (size_t)(cursor->end - name));
	if (!at || at == name || cursor->end - at < 1 + GIT_OID_RAWSZ)
		return err_set(err, ERR_STALLED, "a tree is malformed");
	cursor->entry = (struct entry){mode, name, (size_t)(at - name), (const git_oid *)(at + 1)};
	cursor->at = at + 1 + GIT_OID_RAWSZ;
	return 0;
}

static int cursor_open(struct objects *objects, const git_oid *tree, git_odb_object **object,
                       struct cursor *out, struct err *err)
{
	if (read_object(objects, tree, GIT_OBJECT_TREE, TREE_BYTES, object, err))
		return -1;
	*out = (struct cursor){.at = git_odb_object_data(*object)};
	out->end = out->at + git_odb_object_size(*object);
	return cursor_next(out, err);
}

/* Git's order: a folder sorts as if its name ended in '/'. */
static int entry_order(const struct entry *a, const struct entry *b)
{
	size_t least = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(a->name, b->name, least);
	unsigned char after_a, after_b;

	if (order)
		return order;
	after_a = (unsigned char)a->name[least], after_b = (unsigned char)b->name[least];
	if (!after_a && a->mode == MODE_TREE)
		after_a = '/';
	if (!after_b && b->mode == MODE_TREE)
		after_b = '/';
	return (int)after_a - (int)after_b;
}

static bool entry_is_file(const struct entry *entry)
{
	return entry->mode == MODE_FILE || entry->mode == MODE_PROGRAM;
}

bool name_is_safe(const char *name, size_t len)
{
	if (len == 0 || (len <= 2 && !memcmp(name, "..", len)) ||
	    (len == 4 && !strncasecmp(name, ".git", 4)))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 127 || name[i] == '/')
			return false;
	return true;
}

/* The entry at `path` below a tree; `path` has at least one component. */
static int find_entry(struct objects *objects, git_oid tree, const char *path, unsigned *mode,
                      git_oid *out, struct err *err)
{
	for (const char *name = path;;) {
		CLEANUP(odb_object) object = NULL;
		size_t len = strcspn(name, "/");
		struct cursor cursor;

		if (cursor_open(objects, &tree, &object, &cursor, err))
			return -1;
		while (cursor.left && (cursor.entry.name_len != len ||
		                       memcmp(cursor.entry.name, name, len)))
			if (cursor_next(&cursor, err))
				return -1;
		if (!cursor.left)
			return err_set(err, ERR_STALLED, "%s does not exist", path);
		tree = *cursor.entry.id;
		*mode = cursor.entry.mode;
		while (name[len] == '/')
			len++;
		name += len;
		if (!*name) {
			*out = tree;
			return 0;
		}
		if (*mode != MODE_TREE)
			return err_set(err, ERR_STALLED, "%s does not exist", path);
	}
}

static bool is_root(const char *path)
{
	return !path || !*path || !strcmp(path, ".");
}

static int tree_at(struct objects *objects, struct oid commit, const char *path, git_oid *out,
                   struct err *err)
{
	CLEANUP(commit) found = NULL;
	unsigned mode = MODE_TREE;

	if (find_commit(objects, commit, &found, err))
		return -1;
	*out = *git_commit_tree_id(found);
	if (!is_root(path) && find_entry(objects, *out, path, &mode, out, err))
		return -1;
	if (mode != MODE_TREE)
		return err_set(err, ERR_STALLED, "%s is not a folder", path);
	return 0;
}

int objects_tree(struct objects *objects, struct oid commit, const char *path, struct oid *out,
                 struct err *err)
{
	git_oid id;

	if (tree_at(objects, commit, path, &id, err))
		return -1;
	*out = oid_text(&id);
	return 0;
}

int objects_path(struct objects *objects, struct oid commit, const char *path, struct oid *blob,
                 struct err *err)
{
	git_oid root, id;
	unsigned mode;

	if (is_root(path))
		return err_set(err, ERR_STALLED, "the root is not a file");
	if (tree_at(objects, commit, "", &root, err) ||
	    find_entry(objects, root, path, &mode, &id, err))
		return -1;
	if (mode != MODE_FILE && mode != MODE_PROGRAM)
		return err_set(err, ERR_STALLED, "%s is not a regular file", path);
	*blob = oid_text(&id);
	return 0;
}

int objects_path_if(struct objects *objects, struct oid commit, const char *path,
                    struct oid *blob, struct err *err)
{
	*blob = (struct oid){""};
	if (!objects_path(objects, commit, path, blob, err))
		return 0;
	if (err->kind != ERR_STALLED)
		return -1;
	*err = (struct err){0};
	return 0;
}

/* ---- what differs between two trees ---- */

struct frame {
	git_odb_object *object[2]; /* old, new; NULL: that side is empty */
	struct cursor side[2];
	size_t path_len; /* of the folder, with its '/' */
};
struct walk {
	struct objects *objects;
	struct arena *arena;
	struct git_file *files;
	size_t n;
	struct buf refused;
	size_t n_refused, n_seen;
	char path[LIMIT_PATH + 1];
	struct frame frames[WALK_DEPTH];
	int depth;
};

/* The path of an entry of the top folder; false when it is too long. */
static bool walk_path(struct walk *walk, const struct frame *frame, const struct entry *entry)
{
	if (frame->path_len + entry->name_len >= sizeof(walk->path))
		return false;
	memcpy(walk->path + frame->path_len, entry->name, entry->name_len + 1);
	return true;
}

static void walk_refuse(struct walk *walk, const struct frame *frame, const struct entry *entry,
                        const char *why)
{
	if (walk->n_refused++ < REFUSED_NAMED)
		buf_printf(&walk->refused, "%s%.*s%s (%s)", walk->n_refused > 1 ? ", " : "",
		           (int)frame->path_len, walk->path, entry->name, why);
}

static int walk_push(struct walk *walk, const git_oid *old, const git_oid *new, size_t path_len,
                     struct err *err)
{
	struct frame *frame = &walk->frames[walk->depth];
	const git_oid *ids[2] = {old, new};

	if (walk->depth == WALK_DEPTH)
		return err_set(err, ERR_STALLED, "%.100s...: more than %d folders deep", walk->path,
		               WALK_DEPTH);
	*frame = (struct frame){.path_len = path_len};
	walk->depth++;
	for (int i = 0; i < 2; i++)
		if (ids[i] && cursor_open(walk->objects, ids[i], &frame->object[i], &frame->side[i], err))
			return -1;
	return 0;
}

static void walk_pop(struct walk *walk)
{
	struct frame *frame = &walk->frames[--walk->depth];

	git_odb_object_free(frame->object[0]);
	git_odb_object_free(frame->object[1]);
}

static int walk_emit(struct walk *walk, const struct entry *entry, struct err *err)
{
	struct git_file *file;

	if (walk->n >= LIMIT_TREE_ENTRIES)
		return err_set(err, ERR_STALLED, "more than %d files", LIMIT_TREE_ENTRIES);
	file = list_push(walk->arena, &walk->files, &walk->n);
	file->path = arena_strdup(walk->arena, walk->path);
	if (entry) {
		file->blob = oid_text(entry->id);
		file->executable = entry->mode == MODE_PROGRAM;
		file->refused = !entry_is_file(entry);
	}
	return 0;
}

/* Why an entry of the new side is not followed, or NULL. */
static const char *why_refused(const struct entry *entry, bool path_fits)
{
	if (!name_is_safe(entry->name, entry->name_len))
		return "unsafe name";
	if (!path_fits)
		return "path too long";
	switch (entry->mode) {
	case MODE_TREE:
	case MODE_FILE:
	case MODE_PROGRAM:
		return NULL;
	case MODE_LINK:
		return "symbolic link";
	case MODE_SUBMODULE:
		return "submodule";
	default:
		return "unusual mode";
	}
}

/* One name, as it was and as it is; NULL where it is not. Both have the same name, and both or
 * neither are folders. */
static int walk_entry(struct walk *walk, const struct entry *old, const struct entry *new,
                      struct err *err)
{
	const struct frame *frame = &walk->frames[walk->depth - 1];
	const struct entry *any = new ? new : old;
	bool fits = walk_path(walk, frame, any);
	const char *refused = why_refused(any, fits);

	if (old && new && old->mode == new->mode && git_oid_equal(old->id, new->id))
		return 0;
	if (new && refused)
		walk_refuse(walk, frame, new, refused);
	if (!fits || !name_is_safe(any->name, any->name_len))
		return 0;
	if (any->mode == MODE_TREE) {
		size_t len = frame->path_len + any->name_len;

		if (len + 1 >= sizeof(walk->path))
			return 0;
		walk->path[len] = '/';
		walk->path[len + 1] = '\0';
		return walk_push(walk, old ? old->id : NULL, new ? new->id : NULL, len + 1, err);
	}
	if (old && new && entry_is_file(old) == entry_is_file(new) && git_oid_equal(old->id, new->id))
		return 0;
	return walk_emit(walk, new, err);
}

/* The next name of the top folder in Git's order, which is the order of whole paths too. */
static int walk_step(struct walk *walk, struct err *err)
{
	struct frame *frame = &walk->frames[walk->depth - 1];
	struct cursor *old = &frame->side[0], *new = &frame->side[1];
	struct entry was = old->entry, is = new->entry;
	int order;

	if (!old->left && !new->left) {
		walk_pop(walk);
		return 0;
	}
	if (++walk->n_seen > WALK_ENTRIES)
		return err_set(err, ERR_STALLED, "more than %d entries", WALK_ENTRIES);
	order = !old->left ? 1 : !new->left ? -1 : entry_order(&was, &is);
	if ((order <= 0 && cursor_next(old, err)) || (order >= 0 && cursor_next(new, err)))
		return -1;
	return walk_entry(walk, order <= 0 ? &was : NULL, order >= 0 ? &is : NULL, err);
}

static int walk_all(struct walk *walk, const git_oid *old, const git_oid *new, struct err *err)
{
	size_t path_len = strlen(walk->path);
	int result = 0;

	if (old && new && git_oid_equal(old, new))
		return 0;
	result = walk_push(walk, old, new, path_len, err);
	while (result == 0 && walk->depth)
		result = walk_step(walk, err);
	while (walk->depth)
		walk_pop(walk);
	return result;
}

/* The tree of a commit; a tree is its own. */
static int root_of(struct objects *objects, struct oid commit_or_tree, git_oid *out,
                   struct err *err)
{
	CLEANUP(commit) found = NULL;
	git_object_t type;
	size_t len;

	if (oid_parse(commit_or_tree, out, err))
		return -1;
	if (git_odb_exists(objects->odb, out) &&
	    git_odb_read_header(&len, &type, objects->odb, out) == 0 && type == GIT_OBJECT_TREE)
		return 0;
	if (find_commit(objects, commit_or_tree, &found, err))
		return -1;
	*out = *git_commit_tree_id(found);
	return 0;
}

/* The tree of one side; an absent folder is an empty one, an absent commit is not. */
static int side_tree(struct objects *objects, struct oid commit, const char *path, git_oid *id,
                     const git_oid **out, struct err *err)
{
	struct err absent = {0};
	unsigned mode;

	*out = NULL;
	if (!commit.hex[0])
		return 0;
	if (root_of(objects, commit, id, err))
		return -1;
	if (is_root(path) ||
	    (find_entry(objects, *id, path, &mode, id, &absent) == 0 && mode == MODE_TREE)) {
		*out = id;
	} else if (absent.kind == ERR_TRANSIENT) {
		*err = absent;
		return -1;
	}
	return 0;
}

int objects_changed(struct objects *objects, struct oid old, struct oid new, const char *path,
                    struct arena *arena, struct git_file **files, size_t *n, const char **refused,
                    struct err *err)
{
	struct walk *walk = heap_alloc(1, sizeof(*walk));
	const git_oid *was, *is;
	git_oid was_id, is_id;
	int result = -1;

	walk->objects = objects;
	walk->arena = arena;
	buf_init(&walk->refused, REFUSED_NAMED * (LIMIT_PATH + 32));
	if (!is_root(path))
		snprintf(walk->path, sizeof(walk->path), "%s%s", path,
		         path[strlen(path) - 1] == '/' ? "" : "/");
	if (side_tree(objects, old, path, &was_id, &was, err) ||
	    side_tree(objects, new, path, &is_id, &is, err))
		;
	else if ((!was && !is) || walk_all(walk, was, is, err) == 0)
		result = 0;
	if (result == 0) {
		if (walk->n_refused > REFUSED_NAMED)
			buf_printf(&walk->refused, " and %zu more", walk->n_refused - REFUSED_NAMED);
		*files = walk->files;
		*n = walk->n;
		*refused = walk->n_refused ? arena_strdup(arena, buf_text(&walk->refused)) : NULL;
		if (*refused)
			text_clean((char *)(uintptr_t)*refused);
	}
	buf_deinit(&walk->refused);
	free(walk);
	return result;
}

/* ---- history ---- */

int objects_relation(struct objects *objects, struct oid from, struct oid to, enum relation *out,
                     struct err *err)
{
	git_oid a, b;
	int forward, back;

	if (oid_parse(from, &a, err) || oid_parse(to, &b, err))
		return -1;
	if (git_oid_equal(&a, &b)) {
		*out = RELATION_SAME;
		return 0;
	}
	if (!git_odb_exists(objects->odb, &a) || !git_odb_exists(objects->odb, &b)) {
		*out = RELATION_PARTED;
		return 0;
	}
	forward = git_graph_descendant_of(objects->repo, &b, &a);
	back = forward == 0 ? git_graph_descendant_of(objects->repo, &a, &b) : 0;
	if (forward < 0 || back < 0)
		return store_error(objects, err, "history");
	*out = forward ? RELATION_DESCENDANT : back ? RELATION_ANCESTOR : RELATION_PARTED;
	return 0;
}

int objects_merge_base(struct objects *objects, struct oid a, struct oid b, struct oid *out,
                       struct err *err)
{
	git_oid left, right, base;
	int code;

	if (oid_parse(a, &left, err) || oid_parse(b, &right, err))
		return -1;
	if (!git_odb_exists(objects->odb, &left) || !git_odb_exists(objects->odb, &right))
		return err_set(err, ERR_STALLED, "merge base: a commit is not in the repository");
	code = git_merge_base(&base, objects->repo, &left, &right);
	if (code && code != GIT_ENOTFOUND)
		return store_error(objects, err, "merge base");
	*out = code ? (struct oid){""} : oid_text(&base);
	return 0;
}

/* Each line cleaned for printing; newlines stay. */
static char *clean_lines(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text ? text : "");

	for (char *line = copy; *line;) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		text_clean(line);
		if (!end)
			break;
		*end = '\n';
		line = end + 1;
	}
	return copy;
}

static void describe(git_commit *commit, struct arena *arena, struct commit_info *out)
{
	const git_signature *author = git_commit_author(commit);

	*out = (struct commit_info){
		.id = oid_text(git_commit_id(commit)),
		.tree = oid_text(git_commit_tree_id(commit)),
		.n_parents = git_commit_parentcount(commit),
		.time_s = git_commit_time(commit),
		.author = clean_lines(arena, author->name),
		.email = clean_lines(arena, author->email),
		.subject = clean_lines(arena, git_commit_summary(commit)),
		.body = clean_lines(arena, git_commit_body(commit)),
	};
	for (unsigned i = 0; i < out->n_parents && i < ARRAY_LEN(out->parents); i++)
		out->parents[i] = oid_text(git_commit_parent_id(commit, i));
}

int objects_commit_info(struct objects *objects, struct oid commit, struct arena *arena,
                        struct commit_info *out, struct err *err)
{
	CLEANUP(commit) found = NULL;

	if (find_commit(objects, commit, &found, err))
		return -1;
	describe(found, arena, out);
	return 0;
}

static int start_walk(struct objects *objects, struct oid tip, struct oid stop, bool first_parent,
                      git_revwalk **out, struct err *err)
{
	git_oid from, until;

	if (oid_parse(tip, &from, err) || (stop.hex[0] && oid_parse(stop, &until, err)))
		return -1;
	if (git_revwalk_new(out, objects->repo))
		return err_set(err, ERR_TRANSIENT, "history: %s", store_reason());
	git_revwalk_sorting(*out, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
	if (first_parent)
		git_revwalk_simplify_first_parent(*out);
	if (git_revwalk_push(*out, &from))
		return err_set(err, ERR_STALLED, "commit %.10s: %s", tip.hex, store_reason());
	if (stop.hex[0] && git_odb_exists(objects->odb, &until) && git_revwalk_hide(*out, &until))
		return err_set(err, ERR_TRANSIENT, "commit %.10s: %s", stop.hex, store_reason());
	return 0;
}

int objects_log(struct objects *objects, struct oid tip, struct oid stop, bool first_parent,
                size_t max, struct arena *arena, struct commit_info **out, size_t *n,
                struct err *err)
{
	CLEANUP(revwalk) walk = NULL;
	struct commit_info *list = NULL;
	size_t count = 0;
	git_oid id;
	int code = 0;

	if (start_walk(objects, tip, stop, first_parent, &walk, err))
		return -1;
	while (count < max && (code = git_revwalk_next(&id, walk)) == 0)
		if (objects_commit_info(objects, oid_text(&id), arena,
		                        list_push(arena, &list, &count), err))
			return -1;
	if (code && code != GIT_ITEROVER)
		return store_error(objects, err, "history");
	*out = list;
	*n = count;
	return 0;
}

int objects_signature(struct objects *objects, struct oid commit, struct arena *arena,
                      struct bytes *payload, struct bytes *signature, struct err *err)
{
	git_buf sig = {0}, text = {0};
	git_oid id;
	int code;

	if (oid_parse(commit, &id, err) ||
	    check_header(objects, &id, GIT_OBJECT_COMMIT, COMMIT_BYTES, err))
		return -1;
	*payload = *signature = (struct bytes){0};
	code = git_commit_extract_signature(&sig, &text, objects->repo, &id, NULL);
	if (code == 0) {
		*payload = (struct bytes){arena_memdup(arena, text.ptr, text.size), text.size};
		*signature = (struct bytes){arena_memdup(arena, sig.ptr, sig.size), sig.size};
	}
	git_buf_dispose(&sig);
	git_buf_dispose(&text);
	return code && code != GIT_ENOTFOUND ? store_error(objects, err, "signature") : 0;
}
