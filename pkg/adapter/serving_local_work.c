/* PREPARE and CHECK: workers of our own program, each in a folder that keeps its result. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/json.h"
#include "adapter/serving_local_parts.h"
#include "base/file.h"

enum {
	PREPARE_TIMEOUT_MS = 30 * 60 * 1000,
	CHECK_TIMEOUT_MS = 5 * 60 * 1000,
	TAIL_BYTES = 16 << 10,
	PREPARED_KEPT = 16, /* revisions of a deployment, beside those that have replicas */
};

/* ---- looking at one ---- */

static void read_result(const struct node *result, struct arena *arena, struct work *out)
{
	const char *why = node_text(result, "why");

	out->state = json_bool(result, "ok") ? WORK_DONE : WORK_FAILED;
	out->retryable = json_bool(result, "retryable");
	if (out->state == WORK_FAILED)
		out->why = arena_strdup(arena, why ? why : "no reason was given");
}

static const char *death(const char *folder, const struct process_seen *seen, struct arena *arena)
{
	const char *why;
	struct buf tail;

	buf_init(&tail, TAIL_BYTES);
	process_tail(folder, &tail);
	if (seen->exit_known)
		why = arena_printf(arena, "the worker ended with %d and no result: %.300s",
		                   seen->exit_code, buf_text(&tail));
	else
		why = arena_printf(arena, "the worker ended without a result: %.300s",
		                   buf_text(&tail));
	buf_deinit(&tail);
	return why;
}

/* A result counts only once its worker has ended: it is the last thing that it does. */
static int look(const char *folder, struct arena *arena, struct work *out, struct err *err)
{
	struct process_seen seen;
	struct node *result;
	struct err absent;
	char *why;

	if (process_look(folder, &seen, err) < 0)
		return -1;
	out->since_ms = seen.started_ms;
	if (seen.state == PROCESS_NONE)
		return 0;
	if (seen.state == PROCESS_RUNNING) {
		out->state = WORK_RUNNING;
		return 0;
	}
	if (json_file(arena_printf(arena, "%s/result", folder), STATE_BYTES, arena, &result,
	              &absent) == 0) {
		read_result(result, arena, out);
		return 0;
	}
	why = arena_strdup(arena, death(folder, &seen, arena));
	text_clean(why);
	out->state = WORK_FAILED;
	out->retryable = true;
	out->why = why;
	return 0;
}

/* What was prepared may have been collected since. */
static bool is_here(const char *folder, struct arena *arena)
{
	struct prepare_spec spec;
	struct err err;
	const char *path = arena_printf(arena, "%s/spec.json", folder);

	return prepare_spec_read(path, arena, &spec, &err) == 0 &&
	       folder_exists(artifact_folder(spec.state, spec.artifact, arena)) &&
	       (!spec.tree || folder_exists(source_folder(spec.state, spec.tree, arena)));
}

static int look_at(const char *kind, const char *folder, struct arena *arena, struct work *out,
                   struct err *err)
{
	if (look(folder, arena, out, err) < 0)
		return -1;
	if (out->state == WORK_DONE && strcmp(kind, "prepare") == 0 && !is_here(folder, arena))
		out->state = WORK_NONE;
	return 0;
}

int work_list(struct serving_local *serving, const char *kind, struct serving_key key,
              struct arena *arena, struct work **out, size_t *n, struct err *err)
{
	const char *parent = state_path(serving, arena, kind, key, "");
	struct strings names;

	*out = NULL;
	*n = 0;
	if (folder_list(parent, arena, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct work work = {0};
		struct err ignored;

		if (digest_parse(names.items[i], &work.revision, &ignored) < 0)
			continue;
		if (look_at(kind, arena_printf(arena, "%s/%s", parent, names.items[i]), arena, &work,
		            err) < 0)
			return -1;
		if (work.state != WORK_NONE)
			*list_push(arena, out, n) = work;
	}
	return 0;
}

/* ---- starting one ---- */

static int start_worker(const struct serving_local *serving, const char *folder, const char *verb,
                        int64_t timeout_ms, const struct buf *spec, struct arena *arena,
                        struct err *err)
{
	const char *path = arena_printf(arena, "%s/spec.json", folder);
	const char *const argv[] = {serving->self, verb, path, NULL};
	const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
	struct process_spec process = {.argv = argv, .env = env, .timeout_ms = timeout_ms,
	                               .memory_bytes = -1, .cpu_seconds = -1, .file_bytes = -1,
	                               .nice = 5};

	if (buf_check(spec, path, err) < 0 || dir_remove_all(AT_FDCWD, folder, err) < 0 ||
	    dir_make_all(AT_FDCWD, folder, 0700, err) < 0 ||
	    file_replace(AT_FDCWD, path, buf_text(spec), spec->len, 0600, err) < 0)
		return -1;
	return process_start(folder, &process, err);
}

/* Runs or is done already: then there is nothing to start. */
static int is_due(const char *kind, const char *folder, struct arena *arena, bool *due,
                  struct err *err)
{
	struct work work = {0};

	if (look_at(kind, folder, arena, &work, err) < 0)
		return -1;
	*due = work.state == WORK_NONE || work.state == WORK_FAILED;
	return 0;
}

int work_prepare(struct serving_local *serving, struct serving_key key,
                 const struct action *action, struct arena *arena, struct err *err)
{
	const char *folder = state_path(serving, arena, "prepare", key, action->revision.hex);
	const struct revision *revision = action->spec;
	struct prepare_spec spec = {
		.state = serving->state,
		.store = serving->store,
		.data_root = serving->data_root,
		.repository = serving->repository,
	};
	struct buf text;
	bool due;
	int rc;

	if (!revision)
		return err_set(err, ERR_STALLED, "%s: what to prepare is not said", folder);
	if (is_due("prepare", folder, arena, &due, err) < 0)
		return -1;
	if (!due)
		return 0;
	spec.uri = revision->artifact.uri;
	spec.artifact = revision->artifact.digest;
	spec.bytes = revision->artifact.bytes;
	spec.tree = revision->serve.tree;
	buf_init(&text, STATE_BYTES);
	prepare_spec_encode(&spec, &text);
	rc = start_worker(serving, folder, "__prepare", PREPARE_TIMEOUT_MS, &text, arena, err);
	buf_deinit(&text);
	return rc;
}

/* The replicas of the revision that are up in the router. */
static struct strings addresses_of(struct serving_local *serving, struct serving_key key,
                                   struct digest revision, struct arena *arena)
{
	struct strings addresses = {0};
	struct haproxy_backend *backend;
	char text[KEY_BYTES];

	key_text(key, text);
	backend = haproxy_find(serving->router, text);
	for (int i = 0; backend && i < haproxy_slots(serving->router); i++) {
		const struct haproxy_server *server = &backend->servers[i];

		if (server->used && server->seen.up && digest_same(server->revision, revision))
			*list_push(arena, &addresses.items, &addresses.n) =
				arena_strdup(arena, server->address);
	}
	return addresses;
}

/* The golden batch belongs to an artifact: the declared version's, when that is what it serves. */
static const char *golden_path(const struct serving_local *serving,
                               const struct serving_target *target, const struct revision *revision,
                               struct arena *arena)
{
	const struct model_version *version = target->version;

	if (!version || !version->golden.hex[0] ||
	    !digest_same(version->artifact.digest, revision->artifact.digest))
		return NULL;
	return arena_printf(arena, "%s/sha256/%s.json", serving->store, version->golden.hex);
}

int work_check(struct serving_local *serving, const struct serving_target *target,
               const struct action *action, struct arena *arena, struct err *err)
{
	const char *folder = state_path(serving, arena, "checks", target->key, action->revision.hex);
	const struct revision *revision = action->spec;
	struct serving_check check;
	struct buf text;
	bool due;
	int rc;

	if (!revision || !target->model)
		return err_set(err, ERR_STALLED, "%s: what to check is not said", folder);
	if (is_due("checks", folder, arena, &due, err) < 0)
		return -1;
	if (!due)
		return 0;
	check = (struct serving_check){
		.model = revision->model,
		.version = revision->version,
		.addresses = addresses_of(serving, target->key, action->revision, arena),
		.interface = target->model->interface,
		.golden = golden_path(serving, target, revision, arena),
	};
	if (check.addresses.n == 0)
		return err_set(err, ERR_TRANSIENT, "no replica of %s %s is ready", revision->model,
		               revision->version);
	buf_init(&text, LIMIT_STATUS_BYTES);
	check_spec_encode(&check, &text);
	rc = start_worker(serving, folder, "__check", CHECK_TIMEOUT_MS, &text, arena, err);
	buf_deinit(&text);
	return rc;
}

/* ---- forgetting ---- */

static int forget(const char *folder, struct err *err)
{
	if (process_end(folder, 2000, err) < 0)
		return -1;
	return dir_remove_all(AT_FDCWD, folder, err);
}

int work_forget_check(struct serving_local *serving, struct serving_key key,
                      struct digest revision, struct arena *arena, struct err *err)
{
	return forget(state_path(serving, arena, "checks", key, revision.hex), err);
}

/* Names that are in use: artifacts and source trees. */
struct in_use {
	struct strings artifacts, trees;
	struct arena *arena;
};

static bool holds(const struct strings *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

static void use(struct in_use *in_use, const char *artifact, const char *tree)
{
	if (!holds(&in_use->artifacts, artifact))
		*list_push(in_use->arena, &in_use->artifacts.items, &in_use->artifacts.n) = artifact;
	if (tree && !holds(&in_use->trees, tree))
		*list_push(in_use->arena, &in_use->trees.items, &in_use->trees.n) = tree;
}

static int use_replicas(struct serving_local *serving, struct serving_key key,
                        struct in_use *in_use, struct err *err)
{
	const char *parent = state_path(serving, in_use->arena, "replicas", key, "");
	struct strings names;

	if (folder_list(parent, in_use->arena, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct replica_file *file = arena_new(in_use->arena, struct replica_file);

		if (replica_read(arena_printf(in_use->arena, "%s/%s", parent, names.items[i]),
		                 in_use->arena, file, err) == 0)
			use(in_use, file->artifact.hex, file->tree);
		else if (err->kind != ERR_STALLED) /* what is no file of ours names nothing */
			return -1;
	}
	return 0;
}

/* How long ago a revision was prepared, for those to keep. */
struct prepared {
	const char *folder;
	int64_t at_ns;
};

static int newest_first(const void *a, const void *b)
{
	const struct prepared *x = a, *y = b;

	return (y->at_ns > x->at_ns) - (y->at_ns < x->at_ns);
}

/* The newest PREPARED_KEPT of a deployment are in use; what is older is forgotten. */
static int use_prepared(struct serving_local *serving, struct serving_key key,
                        struct in_use *in_use, struct err *err)
{
	const char *parent = state_path(serving, in_use->arena, "prepare", key, "");
	struct prepared *items;
	struct strings names;

	if (folder_list(parent, in_use->arena, &names, err) < 0)
		return -1;
	items = arena_array(in_use->arena, names.n, struct prepared);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st = {0};

		items[i].folder = arena_printf(in_use->arena, "%s/%s", parent, names.items[i]);
		if (stat(items[i].folder, &st) == 0)
			items[i].at_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	}
	if (names.n > 0)
		qsort(items, names.n, sizeof(*items), newest_first);
	for (size_t i = 0; i < names.n; i++) {
		struct prepare_spec *spec = arena_new(in_use->arena, struct prepare_spec);
		struct err unreadable;

		if (i >= PREPARED_KEPT) {
			if (forget(items[i].folder, err) < 0)
				return -1;
		} else if (prepare_spec_read(arena_printf(in_use->arena, "%s/spec.json", items[i].folder),
		                             in_use->arena, spec, &unreadable) == 0) {
			use(in_use, spec->artifact.hex, spec->tree);
		}
	}
	return 0;
}

/* Every deployment that has a folder below <state>/<kind>/. */
static int for_all(struct serving_local *serving, const char *kind, struct in_use *in_use,
                   int (*visit)(struct serving_local *, struct serving_key, struct in_use *,
                                struct err *),
                   struct err *err)
{
	const char *top = arena_printf(in_use->arena, "%s/%s", serving->state, kind);
	struct strings environments, deployments;

	if (folder_list(top, in_use->arena, &environments, err) < 0)
		return -1;
	for (size_t e = 0; e < environments.n; e++) {
		const char *environment = environments.items[e];

		if (folder_list(arena_printf(in_use->arena, "%s/%s", top, environment), in_use->arena,
		                &deployments, err) < 0)
			return -1;
		for (size_t d = 0; d < deployments.n; d++) {
			struct serving_key key = {environment, deployments.items[d]};

			if (visit(serving, key, in_use, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int remove_unused(const char *folder, const struct strings *used, size_t name_len,
                         struct arena *arena, struct err *err)
{
	struct strings names;

	if (folder_list(folder, arena, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (strlen(names.items[i]) == name_len && !holds(used, names.items[i]) &&
		    dir_remove_all(AT_FDCWD, arena_printf(arena, "%s/%s", folder, names.items[i]),
		                   err) < 0)
			return -1;
	return 0;
}

int work_collect(struct serving_local *serving, struct arena *arena, struct err *err)
{
	struct in_use in_use = {.arena = arena};
	struct digest digest;
	struct oid oid;

	if (for_all(serving, "replicas", &in_use, use_replicas, err) < 0 ||
	    for_all(serving, "prepare", &in_use, use_prepared, err) < 0)
		return -1;
	if (remove_unused(arena_printf(arena, "%s/artifacts", serving->state), &in_use.artifacts,
	                  sizeof(digest.hex) - 1, arena, err) < 0)
		return -1;
	return remove_unused(arena_printf(arena, "%s/sources", serving->state), &in_use.trees,
	                     sizeof(oid.hex) - 1, arena, err);
}
