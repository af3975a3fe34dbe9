#include "view.h"

#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "remote.h"

static bool is_manifest(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
}

int view_read(void *self, struct oid blob, struct arena *arena, struct bytes *out, struct err *err)
{
	struct view *view = self;
	struct buf text;
	int64_t index;
	int result;

	if (view->objects)
		return objects_blob(view->objects, blob, LIMIT_MANIFEST_BYTES, arena, out, err);
	if (parse_int(blob.hex + 20, 0, (int64_t)view->n_paths - 1, &index, err))
		return -1;
	buf_init(&text, LIMIT_MANIFEST_BYTES);
	result = file_read(AT_FDCWD, view->paths[index], &text, err);
	if (!result)
		*out = (struct bytes){arena_strndup(arena, buf_text(&text), text.len), text.len};
	buf_deinit(&text);
	return result;
}

/* Cuts off the last part of a path; false: it was the root already. */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

static void find_root(struct view *view, const char *folder, struct arena *arena)
{
	char path[PATH_MAX];
	const char *whole;

	if (!realpath(folder, path))
		return;
	whole = arena_strdup(arena, path);
	do {
		if (access(arena_printf(arena, "%s/.git", path), F_OK) == 0) {
			view->folder = whole;
			view->root = strlen(path);
			return;
		}
	} while (cut_last(path));
}

bool view_has_folder(void *self, const char *path)
{
	struct view *view = self;
	char base[PATH_MAX], whole[2 * PATH_MAX];
	struct err absent = {0};
	struct oid tree;
	struct stat found;

	if (view->objects)
		return !objects_tree(view->objects, view->commit, path, &tree, &absent) ||
		       objects_broken(view->objects);
	if (!view->folder)
		return true;
	snprintf(base, sizeof(base), "%s", view->folder);
	do {
		snprintf(whole, sizeof(whole), "%s/%s", base, path);
		if (stat(whole, &found) == 0 && S_ISDIR(found.st_mode))
			return true;
	} while (strlen(base) > view->root && cut_last(base));
	return false;
}

static int put_file(struct view *view, const char *path, struct arena *arena, struct err *err)
{
	const char **slot = list_push(arena, &view->paths, &view->n_paths);
	struct map dirty = {0};
	struct bytes text;
	struct oid blob;

	*slot = arena_strdup(arena, path);
	snprintf(blob.hex, sizeof(blob.hex), "%040zu", view->n_paths - 1);
	if (view_read(view, blob, arena, &text, err))
		return -1;
	fleet_put(view->fleet, *slot, blob, text.data, text.len, &dirty);
	map_deinit(&dirty);
	view->n_files++;
	return 0;
}

int view_folder(struct view *view, const char *folder, struct arena *arena, struct err *err)
{
	char *roots[] = {(char *)folder, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int result = 0;

	*view = (struct view){.fleet = fleet_new()};
	find_root(view, folder, arena);
	if (!walk)
		return err_set(err, ERR_STALLED, "%s: cannot be walked", folder);
	while (!result && (entry = fts_read(walk))) {
		if (entry->fts_info == FTS_D && entry->fts_level > 0 && entry->fts_name[0] == '.')
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_info == FTS_F && is_manifest(entry->fts_path))
			result = put_file(view, entry->fts_path, arena, err);
		else if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR)
			result = err_set(err, ERR_STALLED, "%s: %s", entry->fts_path,
			                 strerror(entry->fts_errno));
	}
	fts_close(walk);
	return result;
}

int view_commit(struct view *view, struct objects *objects, struct oid commit, const char *path,
                struct arena *arena, struct err *err)
{
	struct git_file *files;
	const char *refused;
	struct map dirty = {0};
	size_t n;
	int result = 0;

	*view = (struct view){.fleet = fleet_new(), .objects = objects, .commit = commit};
	if (objects_changed(objects, (struct oid){""}, commit, path, arena, &files, &n, &refused, err))
		return -1;
	for (size_t i = 0; !result && i < n; i++) {
		struct bytes text;

		if (!is_manifest(files[i].path))
			continue;
		text = (struct bytes){"\x01", 1}; /* a link says nothing of what it declares */
		if (!files[i].refused)
			result = view_read(view, files[i].blob, arena, &text, err);
		if (!result)
			fleet_put(view->fleet, files[i].path, files[i].blob, text.data, text.len,
			          &dirty);
		view->n_files++;
	}
	map_deinit(&dirty);
	return result;
}

bool view_is_empty(const struct view *view, struct arena *arena)
{
	const char **names;
	size_t n = 0;

	for (int kind = 0; kind < KINDS; kind++)
		n += fleet_list(view->fleet, (enum kind)kind, arena, &names);
	return n == 0;
}

void view_close(struct view *view)
{
	fleet_free(view->fleet);
	view->fleet = NULL;
}

/* ---- the status branch ---- */

int branch_tip(struct objects *objects, const char *branch, struct arena *arena, const char **ref,
               struct oid *tip, struct err *err)
{
	static const char *const places[] = {"refs/heads", "refs/remotes/origin"};

	*tip = (struct oid){""};
	for (size_t i = 0; i < ARRAY_LEN(places) && !tip->hex[0]; i++) {
		*ref = arena_printf(arena, "%s/%s", places[i], branch);
		if (objects_ref(objects, *ref, tip, err))
			return -1;
	}
	return 0;
}

int status_open(struct status_view *view, const struct options *options, struct err *err)
{
	*view = (struct status_view){0};
	if (repo_open(options, &view->objects, err))
		return -1;
	if (branch_tip(view->objects, "linnet/status", options->arena, &view->ref, &view->tip, err)) {
		status_close(view);
		return -1;
	}
	return 0;
}

void status_close(struct status_view *view)
{
	objects_close(view->objects);
	view->objects = NULL;
}

/* "status/<folder>/[xx/]<name>.yaml" -> folder and name. */
static bool split_path(const char *path, struct arena *arena, char **folder, char **name)
{
	const char *rest = path + strlen("status/"), *slash = strchr(rest, '/');
	const char *last = strrchr(path, '/'), *dot = strrchr(path, '.');

	if (!slash || !dot || dot < last)
		return false;
	*folder = arena_strndup(arena, rest, (size_t)(slash - rest));
	*name = arena_strndup(arena, last + 1, (size_t)(dot - last - 1));
	return true;
}

const char *status_of_path(const char *path, struct arena *arena)
{
	char *folder, *name;

	return split_path(path, arena, &folder, &name) ? arena_printf(arena, "%s/%s", folder, name)
	                                               : NULL;
}

/* The status files of deployments or of models that the arguments ask for. */
static int status_files(struct status_view *view, const struct options *options, bool models,
                        struct git_file **files, size_t *n, struct err *err)
{
	struct git_file *all;
	const char *refused;
	size_t n_all;

	*n = 0;
	if (!view->tip.hex[0])
		return 0;
	if (objects_changed(view->objects, (struct oid){""}, view->tip, "status", options->arena, &all,
	                    &n_all, &refused, err))
		return -1;
	*files = arena_array(options->arena, n_all, struct git_file);
	for (size_t i = 0; i < n_all; i++) {
		char *folder, *name;
		const char *id;

		if (!split_path(all[i].path, options->arena, &folder, &name) ||
		    models != !strcmp(folder, "models"))
			continue;
		id = models ? name : arena_printf(options->arena, "%s/%s", folder, name);
		if (!options->n_args || !strcmp(options->args[0], id))
			(*files)[(*n)++] = all[i];
	}
	return 0;
}

/* The lines of a status as its controller writes it, a key a line, without the sections that say
 * what was and from what it was decided. */
static struct bytes skim(struct bytes text, struct arena *arena)
{
	static const char *const skipped[] = {
		"  evidence:", "  stableReference:", "promoted:", "proposed:", "approvals:", "admitted:",
		"quarantine:", "history:", "    artifact:", "    serve:", "    resources:", "    env:",
	};
	char *out = arena_alloc(arena, text.len + 1);
	size_t len = 0, indent = 0;
	bool skip = false;

	for (const char *at = text.data, *end = text.data + text.len; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = newline ? (size_t)(newline - at) + 1 : (size_t)(end - at);
		size_t spaces = 0;

		while (spaces < n && at[spaces] == ' ')
			spaces++;
		skip = skip && (spaces > indent || (spaces == indent && at[spaces] == '-'));
		for (size_t i = 0; !skip && i < ARRAY_LEN(skipped); i++) {
			size_t key = strlen(skipped[i]);

			skip = n > key && !strncmp(at, skipped[i], key) && strchr(" \n", at[key]);
			indent = spaces;
		}
		if (!skip)
			memcpy(out + len, at, n);
		len += skip ? 0 : n;
		at += n;
	}
	return (struct bytes){out, len};
}

static int read_deployment_status(struct status_view *view, const struct git_file *file,
                                  struct arena *arena, struct deployment_status *out,
                                  struct err *err)
{
	struct bytes text;

	if (objects_blob(view->objects, file->blob, LIMIT_STATUS_BYTES, arena, &text, err))
		return -1;
	if (view->glance)
		text = skim(text, arena);
	return status_decode(file->path, text.data, text.len, arena, out, err);
}

int status_deployments(struct status_view *view, const struct options *options,
                       struct deployment_status **out, size_t *n, struct err *err)
{
	struct git_file *files;

	if (status_files(view, options, false, &files, n, err))
		return -1;
	*out = arena_array(options->arena, *n, struct deployment_status);
	for (size_t i = 0; i < *n; i++)
		if (read_deployment_status(view, &files[i], options->arena, &(*out)[i], err))
			return -1;
	return 0;
}

int status_models(struct status_view *view, const struct options *options,
                  struct model_status **out, size_t *n, struct err *err)
{
	struct git_file *files;
	struct bytes text;

	if (status_files(view, options, true, &files, n, err))
		return -1;
	*out = arena_array(options->arena, *n, struct model_status);
	for (size_t i = 0; i < *n; i++)
		if (objects_blob(view->objects, files[i].blob, LIMIT_STATUS_BYTES, options->arena, &text,
		                 err) ||
		    model_status_decode(files[i].path, text.data, text.len, options->arena, &(*out)[i],
		                        err))
			return -1;
	return 0;
}

int status_names(struct status_view *view, const struct options *options, bool models,
                 const char ***out, size_t *n, struct err *err)
{
	struct options all = *options;
	struct git_file *files;

	all.n_args = 0;
	if (status_files(view, &all, models, &files, n, err))
		return -1;
	*out = arena_array(options->arena, *n, const char *);
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = status_of_path(files[i].path, options->arena) +
		            (models ? strlen("models/") : 0);
	return 0;
}

int status_knows(struct status_view *view, const struct options *options, bool *out,
                 struct err *err)
{
	const char **names;
	size_t n;

	if (status_names(view, options, !strchr(options->args[0], '/'), &names, &n, err))
		return -1;
	*out = n == 0;
	for (size_t i = 0; i < n; i++)
		*out = *out || !strcmp(names[i], options->args[0]);
	return 0;
}

const char *status_not_here(const struct options *options)
{
	return repo_is_url(options)
	       ? "no branch linnet/status there yet: no controller has written one"
	       : "no branch linnet/status here yet: no controller has written one, or it was not "
	         "fetched (git fetch origin linnet/status:refs/remotes/origin/linnet/status)";
}

int status_missing(const struct status_view *view, const struct options *options, struct err *err)
{
	if (!view->tip.hex[0])
		return err_set(err, ERR_STALLED, "%s", status_not_here(options));
	return err_set(err, ERR_STALLED, "no status of %s on %s; `linnet status` lists what there is, "
	               "--repo URL reads the fleet's own", options->args[0], view->ref);
}

const struct deployment *status_declared(struct status_view *view,
                                         const struct deployment_status *status,
                                         struct arena *arena)
{
	struct diagnostics diagnostics = {0};
	struct file_objects objects;
	struct err absent = {0};
	struct oid blob = {""};
	struct bytes text;

	snprintf(blob.hex, sizeof(blob.hex), "%s",
	         status->observed_manifest ? status->observed_manifest : "");
	if (objects_blob(view->objects, blob, LIMIT_MANIFEST_BYTES, arena, &text, &absent))
		return NULL;
	manifest_decode("manifest", text.data, text.len, arena, &objects, &diagnostics);
	for (size_t i = 0; i < objects.n; i++)
		if (objects.objects[i].kind == KIND_MODEL_DEPLOYMENT &&
		    !strcmp(objects.objects[i].deployment->meta.name, status->name) &&
		    !strcmp(objects.objects[i].deployment->meta.namespace, status->environment))
			return objects.objects[i].deployment;
	return NULL;
}

int status_evidence(const struct options *options, const struct deployment_status *status,
                    const struct evidence **out, struct err *err)
{
	struct evidence *live = arena_new(options->arena, struct evidence);
	struct buf text;
	int result;

	*out = status->decided;
	if (!options->state)
		return 0;
	buf_init(&text, LIMIT_STATUS_BYTES);
	result = file_read(AT_FDCWD, arena_printf(options->arena, "%s/evidence/%s/%s.json",
	                   options->state, status->environment, status->name), &text, err);
	if (!result)
		result = evidence_decode(arena_strndup(options->arena, buf_text(&text), text.len),
		                         text.len, options->arena, live, err);
	buf_deinit(&text);
	*out = live;
	return result;
}
