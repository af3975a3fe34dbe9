/* A Git that is a list of commits: forks, force-pushes, a mirror that lags, lost replies. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

int git_find(const struct world *world, const char *hex)
{
	for (int i = world->git.n - 1; i >= 0; i--)
		if (!strcmp(world->git.commits[i].id.hex, hex))
			return i;
	return -1;
}

static int find_commit(const struct world *world, struct oid id)
{
	return git_find(world, id.hex);
}

static struct oid commit_id(const struct world *world, int commit)
{
	return commit < 0 ? (struct oid){""} : world->git.commits[commit].id;
}

bool git_is_ancestor(const struct world *world, int old, int new)
{
	while (new > old)
		new = world->git.commits[new].parent;
	return new == old;
}

static const char *put_blob(struct world *world, const char *text, size_t len)
{
	struct digest digest = digest_of(text, len);
	char id[41];

	snprintf(id, sizeof(id), "%.40s", digest.hex);
	if (!map_get(&world->git.blobs, id))
		map_put(&world->git.blobs, id, arena_strndup(&world->arena, text, len));
	return world->git.blobs.entries[map_lower_bound(&world->git.blobs, id)].key;
}

static size_t file_index(const struct sim_commit *commit, const char *path, bool *found)
{
	size_t low = 0, high = commit->n_files;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(commit->files[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < commit->n_files && !strcmp(commit->files[low].path, path);
	return low;
}

static void put_file(struct world *world, struct sim_commit *commit, const char *path,
                     const char *text, size_t len)
{
	bool found;
	size_t at = file_index(commit, path, &found);

	if (!text) {
		if (found) {
			memmove(&commit->files[at], &commit->files[at + 1],
			        (commit->n_files - at - 1) * sizeof(*commit->files));
			commit->n_files--;
		}
		return;
	}
	if (!found) {
		memmove(&commit->files[at + 1], &commit->files[at],
		        (commit->n_files - at) * sizeof(*commit->files));
		commit->n_files++;
		commit->files[at].path = arena_strdup(&world->arena, path);
	}
	commit->files[at].blob = put_blob(world, text, len);
}

/* Opens a new commit with the parent's files and room for `more`. */
static struct sim_commit *begin_commit(struct world *world, int parent, size_t more)
{
	struct sim_git *git = &world->git;
	struct sim_commit *commit = &git->commits[git->n];
	size_t n = parent < 0 ? 0 : git->commits[parent].n_files;

	if (git->n >= SIM_COMMITS)
		panic("more than %d simulated commits", SIM_COMMITS);
	*commit = (struct sim_commit){.parent = parent};
	commit->files = arena_array(&world->arena, n + more, struct sim_file);
	if (n)
		memcpy(commit->files, git->commits[parent].files, n * sizeof(*commit->files));
	commit->n_files = n;
	return commit;
}

static int end_commit(struct world *world, struct sim_commit *commit, const char *subject)
{
	struct digest_stream *stream = digest_begin();
	struct digest digest;

	digest_add_field(stream, commit_id(world, commit->parent).hex);
	for (size_t i = 0; i < commit->n_files; i++) {
		digest_add_field(stream, commit->files[i].path);
		digest_add_field(stream, commit->files[i].blob);
	}
	digest_add(stream, &world->git.n, sizeof(world->git.n));
	digest = digest_end(stream);
	snprintf(commit->id.hex, sizeof(commit->id.hex), "%.40s", digest.hex);
	commit->subject = arena_strdup(&world->arena, subject);
	return world->git.n++;
}

int git_commit(struct world *world, int parent, const char *path, const char *text,
               const char *subject)
{
	struct sim_commit *commit = begin_commit(world, parent, 1);

	put_file(world, commit, path, text, text ? strlen(text) : 0);
	return end_commit(world, commit, subject);
}

static const struct sim_file *find_file(const struct world *world, int commit, const char *path)
{
	bool found;
	size_t at;

	if (commit < 0)
		return NULL;
	at = file_index(&world->git.commits[commit], path, &found);
	return found ? &world->git.commits[commit].files[at] : NULL;
}

const char *git_text(struct world *world, int commit, const char *path)
{
	const struct sim_file *file = find_file(world, commit, path);

	return file ? map_get(&world->git.blobs, file->blob) : NULL;
}

const char *git_good_text(struct world *world, int commit, const char *path)
{
	const char *text = git_text(world, commit, path);

	while (text && !strcmp(text, SIM_DAMAGED)) {
		commit = world->git.commits[commit].parent;
		text = git_text(world, commit, path);
	}
	return text;
}

const char *git_status_text(struct world *world, const char *environment)
{
	char path[128];

	snprintf(path, sizeof(path), "status/%s/" SIM_MODEL ".yaml", environment);
	return git_good_text(world, world->git.local_status, path);
}

struct sim_branch *git_branch(struct world *world, const char *name)
{
	struct sim_git *git = &world->git;

	for (int i = 0; i < git->n_branches; i++)
		if (!strcmp(git->branches[i].name, name))
			return &git->branches[i];
	if (git->n_branches == (int)ARRAY_LEN(git->branches))
		panic("too many simulated branches");
	snprintf(git->branches[git->n_branches].name, sizeof(git->branches[0].name), "%s", name);
	git->branches[git->n_branches].tip = -1;
	return &git->branches[git->n_branches++];
}

/* What differs between two commits, put on top of a third one. */
static int replay(struct world *world, int from, int to, int onto, const char *subject)
{
	const struct sim_git *git = &world->git;
	struct sim_commit *commit = begin_commit(world, onto, git->commits[to].n_files);

	for (size_t i = 0; i < git->commits[to].n_files; i++) {
		const struct sim_file *file = &git->commits[to].files[i];
		const char *before = git_text(world, from, file->path);
		const char *text = map_get(&world->git.blobs, file->blob);

		if (before != text)
			put_file(world, commit, file->path, text, strlen(text));
	}
	for (size_t i = 0; from >= 0 && i < git->commits[from].n_files; i++)
		if (!git_text(world, to, git->commits[from].files[i].path))
			put_file(world, commit, git->commits[from].files[i].path, NULL, 0);
	return end_commit(world, commit, subject);
}

void git_merge(struct world *world, struct sim_branch *branch)
{
	struct sim_git *git = &world->git;

	if (branch->tip < 0)
		return;
	git->remote_main = replay(world, git->commits[branch->tip].parent, branch->tip,
	                          git->remote_main, "merged");
	branch->tip = -1;
	world_event(world, "merged: %s", branch->name);
}

bool git_unknown(const struct world *world)
{
	const struct sim_git *git = &world->git;

	return git->seen_ms < 0 || world->now_ms - git->seen_ms >= SIM_UNKNOWN_MS || git->rewritten ||
	       world->now_ms < world->unsteady_until_ms;
}

/* ---- the port ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What comes along with a fetch beside the fleet branch. */
static void fetch_others(struct sim_git *git)
{
	git->seen_requests = git->remote_requests;
	git->n_names = 0;
	for (int i = 0; i < git->n_branches; i++)
		if (git->branches[i].tip >= 0)
			git->names[git->n_names++] = git->branches[i].name;
	qsort(git->names, git->n_names, sizeof(git->names[0]), by_name);
}

static bool fetch(struct world *world, int64_t now_ms)
{
	struct sim_git *git = &world->git;
	int tip = git->remote_main;

	if (git->away || world_call(world, FAULT_FETCH, FAULT_FETCH))
		return false;
	git->seen_ms = now_ms;
	fetch_others(git);
	if (tip > 0 && git->commits[tip].parent >= 0 && world_fault(world, FAULT_LAG))
		tip = git->commits[tip].parent;
	git->fetched = tip;
	if (tip < 0)
		return true;
	if (git->record >= 0 && !git_is_ancestor(world, git->record, tip)) {
		git->rewritten = !git_is_ancestor(world, tip, git->record);
		return true;
	}
	git->rewritten = false;
	git->accepted = tip;
	return true;
}

static int common_ancestor(const struct world *world, int a, int b)
{
	while (a != b) {
		if (a > b)
			a = world->git.commits[a].parent;
		else
			b = world->git.commits[b].parent;
	}
	return a;
}

/* Somebody else's commit on the status branch is shown once, then ours go on top of it. */
static bool is_parted(struct world *world)
{
	struct sim_git *git = &world->git;
	int base;

	git->parted = -1;
	if (git->remote_status < 0 ||
	    git_is_ancestor(world, git->remote_status, git->local_status))
		return false;
	if (!git->parted_shown) {
		git->parted_shown = true;
		git->parted = git->remote_status;
		return true;
	}
	git->parted_shown = false;
	base = common_ancestor(world, git->remote_status, git->local_status);
	git->local_status = base == git->local_status
	                    ? git->remote_status
	                    : replay(world, base, git->local_status, git->remote_status, "ours again");
	world_event(world, "status: put on top of somebody's commit");
	return false;
}

static void push_status(struct world *world)
{
	struct sim_git *git = &world->git;
	int call;

	git->push_forgotten = false;
	if (git->local_status != git->remote_status && git->remote_status >= 0 &&
	    world_fault(world, FAULT_PUSHER))
		git->remote_status = git_commit(world, git->remote_status, "notes.md",
		                                arena_printf(&world->arena, "%d", git->n), "a note");
	if (git->local_status == git->remote_status || is_parted(world) ||
	    git->local_status == git->remote_status)
		return;
	call = world_call(world, FAULT_PUSH, FAULT_PUSH);
	if (call == 1)
		return;
	if (git->remote_status >= 0 &&
	    !git_is_ancestor(world, git->remote_status, git->local_status))
		world_violation(world, "S15", "the status branch does not fast-forward");
	git->remote_status = git->local_status;
	git->push_forgotten = call == 2;
}

static void port_sync(void *self, int64_t now_ms, struct git_heads *out)
{
	struct world *world = self;
	struct sim_git *git = &world->git;
	bool reached = fetch(world, now_ms);

	if (reached)
		push_status(world);
	*out = (struct git_heads){
		.fleet = commit_id(world, git->fetched),
		.accepted = commit_id(world, git->accepted >= 0 ? git->accepted : git->record),
		.requests = commit_id(world, git->seen_requests),
		.status = commit_id(world, git->local_status),
		.status_pushed = git->local_status == git->remote_status && !git->push_forgotten,
		.status_parted = commit_id(world, git->parted),
		.seen_ms = git->seen_ms,
		.rewritten = git->rewritten,
		.problem = git->rewritten ? "HISTORY_REWRITTEN" : reached ? NULL : "the remote is away",
		.branches = git->names,
		.n_branches = git->n_names,
	};
}

void git_restart(struct world *world)
{
	struct sim_git *git = &world->git;

	git->fetched = git->accepted = git->record = git->seen_requests = git->parted = -1;
	git->seen_ms = -1;
	git->rewritten = git->parted_shown = false;
	git->n_names = 0;
}

static void port_poke(void *self)
{
	(void)self;
}

static void port_accept(void *self, struct oid commit, bool rewind)
{
	struct world *world = self;
	int index = find_commit(world, commit);

	if (!rewind && world->git.record >= 0 && !git_is_ancestor(world, world->git.record, index))
		world_violation(world, "S12", "the accepted commit did not move to a descendant");
	if (rewind && !world->rewinds)
		world_violation(world, "S12", "a rewind that nobody asked for");
	world->git.record = index;
	if (world->git.accepted < 0 || !git_is_ancestor(world, index, world->git.accepted))
		world->git.accepted = index;
	world_event(world, "accepted %d%s", index, rewind ? ", a rewind" : "");
}

static int port_read_blob(void *self, enum git_repo repo, struct oid blob, struct arena *arena,
                          struct bytes *out, struct err *err)
{
	struct world *world = self;
	const char *text = map_get(&world->git.blobs, blob.hex);

	(void)repo;
	if (world_call(world, FAULT_READ, FAULT_READ))
		return err_set(err, ERR_TRANSIENT, "blob %.10s cannot be read now", blob.hex);
	if (!text)
		return err_set(err, ERR_STALLED, "no blob %.10s", blob.hex);
	*out = (struct bytes){arena_strdup(arena, text), strlen(text)};
	return 0;
}

static int port_read_path(void *self, enum git_repo repo, struct oid commit, const char *path,
                          struct arena *arena, struct bytes *out, struct oid *blob, struct err *err)
{
	struct world *world = self;
	const struct sim_file *file = find_file(world, find_commit(world, commit), path);
	const char *text = file ? map_get(&world->git.blobs, file->blob) : NULL;

	(void)repo;
	if (world_call(world, FAULT_READ, FAULT_READ))
		return err_set(err, ERR_TRANSIENT, "%s cannot be read now", path);
	if (!text)
		return err_set(err, ERR_STALLED, "%s: not there", path);
	*out = (struct bytes){arena_strdup(arena, text), strlen(text)};
	if (blob)
		snprintf(blob->hex, sizeof(blob->hex), "%s", file->blob);
	return 0;
}

static bool below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return !folder[0] || !strcmp(folder, ".") ||
	       (!strncmp(path, folder, len) && path[len] == '/');
}

static int port_changed(void *self, enum git_repo repo, struct oid old, struct oid new,
                        const char *path, struct arena *arena, struct git_file **files, size_t *n,
                        const char **refused, struct err *err)
{
	static const struct sim_commit nothing;
	struct world *world = self;
	const struct sim_commit *from = &nothing, *to;
	size_t i = 0, j = 0;

	(void)repo;
	if (world_call(world, FAULT_READ, FAULT_READ))
		return err_set(err, ERR_TRANSIENT, "the store cannot be read now");
	if (find_commit(world, new) < 0)
		return err_set(err, ERR_STALLED, "no commit %.10s", new.hex);
	to = &world->git.commits[find_commit(world, new)];
	if (old.hex[0])
		from = &world->git.commits[find_commit(world, old)];
	*files = NULL;
	*n = 0;
	*refused = NULL;
	while (i < from->n_files || j < to->n_files) {
		int order = i == from->n_files ? 1 : j == to->n_files ? -1
		            : strcmp(from->files[i].path, to->files[j].path);
		const struct sim_file *file = order < 0 ? &from->files[i] : &to->files[j];

		if ((order || strcmp(from->files[i].blob, to->files[j].blob)) && below(file->path, path)) {
			struct git_file *out = list_push(arena, files, n);

			out->path = file->path;
			snprintf(out->blob.hex, sizeof(out->blob.hex), "%s", order < 0 ? "" : file->blob);
		}
		i += order <= 0;
		j += order >= 0;
	}
	return 0;
}

static int port_origins(void *self, enum git_repo repo, struct oid old, struct oid new,
                        const char *path, const struct git_file *files, size_t n, struct oid *out,
                        struct err *err)
{
	struct world *world = self;
	int stop = find_commit(world, old);

	(void)repo;
	(void)path;
	if (world_call(world, FAULT_READ, FAULT_READ))
		return err_set(err, ERR_TRANSIENT, "the store cannot be read now");
	for (size_t i = 0; i < n; i++) {
		int at = find_commit(world, new);

		out[i] = (struct oid){""};
		for (; at > stop; at = world->git.commits[at].parent) {
			const struct sim_file *file = find_file(world, at, files[i].path);

			if (!file || strcmp(file->blob, files[i].blob.hex))
				break;
			out[i] = commit_id(world, at);
		}
	}
	return 0;
}

static int port_versions(void *self, enum git_repo repo, struct oid commit, const char *path,
                         struct arena *arena, struct git_version **out, size_t *n,
                         struct err *err)
{
	struct world *world = self;

	(void)repo;
	if (world_call(world, FAULT_READ, FAULT_READ))
		return err_set(err, ERR_TRANSIENT, "the store cannot be read now");
	*out = NULL;
	*n = 0;
	for (int at = find_commit(world, commit); at >= 0; at = world->git.commits[at].parent) {
		const char *text = git_text(world, at, path);
		struct git_version *version;
		struct digest digest;

		if (!text)
			continue;
		digest = digest_of(text, strlen(text));
		version = list_push(arena, out, n);
		version->commit = commit_id(world, at);
		snprintf(version->blob.hex, sizeof(version->blob.hex), "%.40s", digest.hex);
	}
	return 0;
}

static int port_tree_id(void *self, struct oid commit, const char *path, struct oid *out,
                        struct err *err)
{
	struct world *world = self;
	const char *file = arena_printf(&world->arena, "%s/main.py", path);
	const char *text = git_text(world, find_commit(world, commit), file);

	if (world_call(world, FAULT_READ, FAULT_READ))
		return err_set(err, ERR_TRANSIENT, "%s cannot be read now", path);
	if (!text)
		return err_set(err, ERR_STALLED, "%s: no such folder", path);
	snprintf(out->hex, sizeof(out->hex), "%.40s", digest_of(text, strlen(text)).hex);
	return 0;
}

static int port_publish(void *self, struct oid parent, const struct git_file *files, size_t n,
                        const char *message, struct oid *out, struct err *err)
{
	struct world *world = self;
	struct sim_git *git = &world->git;
	int call = world_call(world, FAULT_PUBLISH, FAULT_PUBLISH), before = git->local_status;
	struct sim_commit *commit;

	if (call == 1 || world_disk_full(world))
		return err_set(err, ERR_TRANSIENT, "the status commit failed");
	if (strcmp(parent.hex, commit_id(world, git->local_status).hex))
		return err_set(err, ERR_CONFLICT, "the status branch moved");
	commit = begin_commit(world, git->local_status, n);
	for (size_t i = 0; i < n; i++)
		put_file(world, commit, files[i].path, files[i].text.data, files[i].text.len);
	git->local_status = end_commit(world, commit, message);
	world->transitions++;
	world_event(world, "status: %.300s", message);
	*out = commit_id(world, git->local_status);
	assert_record(world, before, git->local_status);
	world_act_done(world);
	if (call == 2 || world->crashed)
		return err_set(err, ERR_UNKNOWN, "the reply of the status commit was lost");
	return 0;
}

/* Where a proposal goes; NULL the fleet branch itself. */
static const char *branch_of(const struct world *world, const struct proposal_text *text)
{
	return text->branch || !world->git.protected ? text->branch : text->fallback;
}

bool git_landed(const struct world *world, struct digest digest)
{
	for (int i = 0; i < world->git.n_landed; i++)
		if (digest_same(world->git.landed[i], digest))
			return true;
	return false;
}

static int land(struct world *world, const struct proposal_text *text, git_rebuild *rebuild,
                void *context, struct propose_result *out, struct err *err)
{
	struct sim_git *git = &world->git;
	struct sim_commit *commit;
	const char *branch = branch_of(world, text);
	struct git_file *files;
	size_t n = 0;
	int result = rebuild(context, commit_id(world, git->remote_main), &world->arena, &files, &n,
	                     &out->why, err);

	if (result < 0)
		return -1;
	out->state = result ? PROPOSE_REFUSED : PROPOSE_DONE;
	if (result)
		return 0;
	commit = begin_commit(world, git->remote_main, n);
	for (size_t i = 0; i < n; i++)
		put_file(world, commit, files[i].path, files[i].text.data, files[i].text.len);
	if (git->n_landed == (int)ARRAY_LEN(git->landed))
		panic("more than %zu simulated proposals", ARRAY_LEN(git->landed));
	git->landed[git->n_landed++] = text->digest;
	result = end_commit(world, commit, text->subject);
	if (branch)
		git_branch(world, branch)->tip = result;
	else
		git->remote_main = result;
	out->commit = commit_id(world, result);
	out->branch = branch;
	world_event(world, "proposed: %s", text->subject);
	return 0;
}

/* S16: a tag is on an accepted commit that holds its version. */
static void land_tag(struct world *world, const struct proposal_text *text,
                     struct propose_result *out)
{
	struct sim_git *git = &world->git;
	const char *path = arena_printf(&world->arena, "versions/%.*s-%.*s.yaml",
	                                (int)strcspn(text->tag, "@"), text->tag,
	                                (int)strcspn(strchr(text->tag, '@') + 1, "."),
	                                strchr(text->tag, '@') + 1);
	int commit = git_find(world, text->tagged);

	if (!git_text(world, commit, path) ||
	    (!world->rewinds && !git_is_ancestor(world, commit, git->accepted)))
		world_violation(world, "S16", "%s: its commit does not hold it, or is not accepted",
		                text->tag);
	if (git->n_landed == (int)ARRAY_LEN(git->landed))
		panic("more than %zu simulated proposals", ARRAY_LEN(git->landed));
	git->landed[git->n_landed++] = text->digest;
	out->state = PROPOSE_DONE;
	world_event(world, "tagged: %s", text->tag);
}

static int port_propose(void *self, const struct proposal_text *text, git_rebuild *rebuild,
                        void *context, struct propose_result *out, struct err *err)
{
	struct world *world = self;
	int call = world_call(world, FAULT_PROPOSE, FAULT_PROPOSE);

	*out = (struct propose_result){0};
	assert_propose(world, text);
	if (call != 1 && !world->git.away && !text->tag)
		people_race(world);
	if (call == 1 || world->git.away)
		return err_set(err, ERR_TRANSIENT, "the remote cannot be reached");
	if (git_landed(world, text->digest)) { /* its trailer is found on the branch */
		out->state = PROPOSE_DONE;
		out->commit = commit_id(world, world->git.remote_main);
		out->branch = branch_of(world, text);
	} else if (text->tag) {
		land_tag(world, text, out);
	} else if (land(world, text, rebuild, context, out, err)) {
		return -1;
	}
	world_act_done(world);
	if (call == 2 || world->crashed)
		return err_set(err, ERR_UNKNOWN, "the reply of the push was lost");
	return 0;
}

static int port_signer(void *self, const char *path, struct arena *arena, const char **out,
                       struct err *err)
{
	(void)self;
	(void)path;
	(void)arena;
	(void)err;
	*out = NULL;
	return 0;
}

/* Here everything is written by nobody who approves. */
static int port_authors(void *self, struct oid old, struct oid new, const char *path,
                        struct arena *arena, struct strings *out, struct err *err)
{
	struct world *world = self;

	(void)old;
	(void)new;
	(void)path;
	(void)arena;
	if (world_call(world, FAULT_READ, FAULT_READ))
		return err_set(err, ERR_TRANSIENT, "the store cannot be read now");
	*out = (struct strings){0};
	return 0;
}

void git_wire(struct world *world)
{
	struct sim_git *git = &world->git;

	git->remote_main = git->remote_status = git->remote_requests = git->local_status = -1;
	world->ports.git = (struct port_git){
		.self = world, .sync = port_sync, .poke = port_poke, .accept = port_accept,
		.read_blob = port_read_blob, .read_path = port_read_path, .changed = port_changed,
		.tree_id = port_tree_id, .signer = port_signer,
		.authors = port_authors, .origins = port_origins,
		.versions = port_versions, .publish = port_publish, .propose = port_propose,
	};
}
