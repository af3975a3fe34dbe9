#include "adapter/git_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "adapter/git_internal.h"
#include "base/file.h"
#include "base/heap.h"

enum {
	POLL_MS = 5000,
	RETRY_FIRST_MS = 250,
	RETRY_MOST_MS = 60 * 1000,
	RACE_PAUSE_MS = 40,
	RACE_REST_MS = 4000,
	POKE_LEAST_MS = 250,      /* between two looks that were asked for */
	FETCHES_BEFORE_FSCK = 3,
	RENEWAL_MOST_MS = 10 * 60 * 1000,
	GC_EVERY_MS = 10 * 60 * 1000,
	GC_LOOSE = 2000,
	GC_PACKS = 30,
	VERSIONS_DEPTH = 5000,    /* commits in which an earlier text of a file is looked for */
};

/* Branches of ours for pull requests, as heads.branches lists them. */
static const char *const proposal_folders[] = {
	"linnet/promote/", "linnet/propose/", "linnet/revert/",
};

/* ---- small things ---- */

void backoff_fail(struct backoff *backoff, int64_t now_ms, int64_t first_ms, int64_t most_ms)
{
	int64_t most = first_ms << (backoff->failures < 16 ? backoff->failures : 16);
	uint64_t random;

	if (most > most_ms)
		most = most_ms;
	random_bytes(&random, sizeof(random));
	backoff->failures++;
	backoff->until_ms = now_ms + most / 4 + (int64_t)(random % (uint64_t)(most * 3 / 4 + 1));
}

bool backoff_race(struct backoff *backoff, int64_t now_ms)
{
	bool rest = (backoff->failures + 1) % RACE_BURST == 0;
	int failures = backoff->failures;

	backoff->failures = 0;
	backoff_fail(backoff, now_ms, rest ? RACE_REST_MS : RACE_PAUSE_MS, RACE_REST_MS);
	backoff->failures = failures + 1;
	return rest;
}

void lane_problem(struct lane *lane, const struct err *err)
{
	snprintf(lane->problem, sizeof(lane->problem), "%s", err->text);
}

static void lane_failed(struct git_port *port, struct lane *lane, const struct err *err)
{
	lane_problem(lane, err);
	backoff_fail(&lane->backoff, port->now_ms, RETRY_FIRST_MS, RETRY_MOST_MS);
}

static void lane_fine(struct lane *lane)
{
	lane->problem[0] = '\0';
	lane->backoff = (struct backoff){0};
}

static struct ref *seen_ref(const struct git_port *port, const char *branch)
{
	char name[REF_BYTES];

	snprintf(name, sizeof(name), REF_HEADS "%s", branch);
	for (size_t i = 0; i < port->n_seen; i++)
		if (!strcmp(port->seen[i].name, name))
			return &port->seen[i];
	return NULL;
}

struct oid seen_tip(const struct git_port *port, const char *branch)
{
	const struct ref *ref = seen_ref(port, branch);

	return ref ? ref->tip : (struct oid){""};
}

void seen_note(struct git_port *port, const char *branch, struct oid tip)
{
	struct ref *ref = seen_ref(port, branch);

	if (ref && tip.hex[0])
		ref->tip = tip;
}

uint64_t look_now(struct git_port *port)
{
	port->look_wanted = port->look_started + 1;
	port->next_look_ms = port->now_ms;
	return port->look_wanted;
}

static int sign(void *context, struct bytes payload, struct buf *signature, struct err *err)
{
	const struct git_port *port = context;

	return signature_make(port->config.signing_key, "git", payload, signature, err);
}

void own_commit(struct git_port *port, struct commit_spec *spec)
{
	spec->author = port->config.author;
	spec->email = port->config.email;
	spec->time_s = (int64_t)time(NULL);
	if (port->config.signing_key) {
		spec->sign = sign;
		spec->sign_context = port;
	}
}

bool start_gc(struct git_port *port, struct lane *lane, struct objects *objects, const char *path)
{
	struct objects_size size;
	struct err err = {0};

	if (port->now_ms < lane->gc_due_ms)
		return false;
	lane->gc_due_ms = port->now_ms + GC_EVERY_MS;
	size = objects_size(objects);
	if (size.loose < GC_LOOSE && size.packs < GC_PACKS)
		return false;
	if (transport_gc(&lane->child, path, port->now_ms, &err)) {
		lane_problem(lane, &err);
		return false;
	}
	lane->errand = ERRAND_GC;
	return true;
}

/* ---- looking at the remote ---- */

static bool is_proposal(const char *ref)
{
	for (size_t i = 0; i < ARRAY_LEN(proposal_folders); i++)
		if (!strncmp(ref + strlen(REF_HEADS), proposal_folders[i], strlen(proposal_folders[i])))
			return true;
	return false;
}

/* Takes over a list of refs that lies in `arena`, which becomes the port's. */
static void look_done(struct git_port *port, struct arena *arena, struct ref *refs, size_t n)
{
	size_t branches = 0;

	arena_deinit(&port->seen_arena);
	port->seen_arena = *arena;
	port->seen = refs;
	port->n_seen = n;
	port->proposal_branches = NULL;
	for (size_t i = 0; i < n; i++)
		if (!strncmp(refs[i].name, REF_HEADS, strlen(REF_HEADS)) && is_proposal(refs[i].name))
			*list_push(&port->seen_arena, &port->proposal_branches, &branches) =
				refs[i].name + strlen(REF_HEADS);
	port->n_proposal_branches = branches;
	port->looked_ms = port->now_ms;
	port->look_finished = port->look_started;
	port->next_look_ms = port->now_ms;
	if (port->look_finished >= port->look_wanted)
		port->next_look_ms += port->config.poll_ms;
	lane_fine(&port->look);
	if (!seen_tip(port, port->config.branch).hex[0])
		snprintf(port->look.problem, sizeof(port->look.problem),
		         "the remote has no branch '%s'", port->config.branch);
}

static void look_failed(struct git_port *port, const struct err *err)
{
	lane_failed(port, &port->look, err);
	port->next_look_ms = port->look.backoff.until_ms;
	if (port->next_look_ms < port->now_ms + port->config.poll_ms &&
	    port->look.backoff.failures > 4)
		port->next_look_ms = port->now_ms + port->config.poll_ms;
}

static int read_branches(struct git_port *port, struct arena *arena, struct ref **refs, size_t *n,
                         struct err *err)
{
	const char *const names[] = {
		port->config.branch, port->config.status_branch, port->config.requests_branch,
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *name = arena_printf(arena, REF_HEADS "%s", names[i]);
		struct oid tip;

		if (objects_ref(port->remote, name, &tip, err))
			return -1;
		if (tip.hex[0])
			*list_push(arena, refs, n) = (struct ref){name, tip};
	}
	for (size_t i = 0; i < ARRAY_LEN(proposal_folders); i++) {
		struct ref *found;
		size_t n_found;

		if (objects_refs(port->remote,
		                 arena_printf(arena, REF_HEADS "%s", proposal_folders[i]), arena,
		                 &found, &n_found, err))
			return -1;
		for (size_t j = 0; j < n_found; j++)
			*list_push(arena, refs, n) = found[j];
	}
	return 0;
}

/* A remote on this machine is read in place: a fraction of a millisecond. */
static void look_here(struct git_port *port)
{
	struct arena arena;
	struct err err = {0};
	struct ref *refs = NULL;
	size_t n = 0;

	arena_init(&arena, 64 << 20);
	if ((port->remote || !objects_open(port->transport.path, false, &port->remote, &err)) &&
	    !read_branches(port, &arena, &refs, &n, &err)) {
		look_done(port, &arena, refs, n);
		return;
	}
	objects_close(port->remote);
	port->remote = NULL;
	arena_deinit(&arena);
	look_failed(port, &err);
}

static void look_start(struct git_port *port)
{
	const char *patterns[3 + ARRAY_LEN(proposal_folders)];
	struct err err = {0};
	size_t n = 0;

	arena_reset(&port->scratch);
	patterns[n++] = arena_printf(&port->scratch, REF_HEADS "%s", port->config.branch);
	patterns[n++] = arena_printf(&port->scratch, REF_HEADS "%s", port->config.status_branch);
	patterns[n++] = arena_printf(&port->scratch, REF_HEADS "%s", port->config.requests_branch);
	for (size_t i = 0; i < ARRAY_LEN(proposal_folders); i++)
		patterns[n++] = arena_printf(&port->scratch, REF_HEADS "%s*", proposal_folders[i]);
	if (transport_list(&port->look.child, &port->transport, patterns, n, port->now_ms, &err))
		look_failed(port, &err);
	else
		port->look.errand = ERRAND_LIST;
}

static void look_ended(struct git_port *port)
{
	struct arena arena;
	struct err err = {0};
	struct ref *refs;
	size_t n;

	arena_init(&arena, 64 << 20);
	if (transport_check(&port->look.child, "look at the remote", &err) ||
	    transport_refs(&port->look.child, &arena, &refs, &n, &err)) {
		arena_deinit(&arena);
		look_failed(port, &err);
	} else {
		look_done(port, &arena, refs, n);
	}
	child_stop(&port->look.child);
	port->look.errand = ERRAND_NONE;
}

static void look_step(struct git_port *port)
{
	if (port->look.errand == ERRAND_LIST) {
		if (child_poll(&port->look.child, port->now_ms))
			look_ended(port);
	} else if (port->now_ms >= port->next_look_ms) {
		port->look_started++;
		if (port->transport.kind == TRANSPORT_LOCAL)
			look_here(port);
		else
			look_start(port);
	}
}

/* ---- fleet.git ---- */

/* The accepted commit stays reachable, so that no repacking drops it after a rewrite. */
static void fleet_remember(struct git_port *port)
{
	struct oid held, base = port->acceptance.base;
	struct err err = {0};

	if (!base.hex[0] || objects_ref(port->fleet, REF_ACCEPTED, &held, &err) ||
	    oid_same(held, base) || !objects_has_commit(port->fleet, base))
		return;
	if (objects_ref_move(port->fleet, REF_ACCEPTED, held, base, &err))
		lane_problem(&port->fleet_lane, &err);
}

/* What a ref of ours points to is in the store, or the store is damaged. */
static int check_ref(const struct git_port *port, struct oid tip, struct err *err)
{
	if (!tip.hex[0] || objects_has_commit(port->fleet, tip))
		return 0;
	return err_set(err, ERR_TRANSIENT, "%s: commit %.10s cannot be read; it is fetched anew",
	               port->fleet_path, tip.hex);
}

static int fleet_open(struct git_port *port, struct err *err)
{
	struct oid accepted;

	transport_sweep(port->fleet_path, 0);
	if (objects_create(port->fleet_path, err) ||
	    objects_open(port->fleet_path, false, &port->fleet, err))
		return -1;
	if (objects_ref(port->fleet, REF_TIP, &port->tip, err) ||
	    objects_ref(port->fleet, REF_ACCEPTED, &accepted, err) ||
	    check_ref(port, port->tip, err) || check_ref(port, accepted, err)) {
		objects_close(port->fleet);
		port->fleet = NULL;
		return -1;
	}
	if (!port->acceptance.base.hex[0])
		port->acceptance.base = accepted;
	return 0;
}

/* The cache goes aside, in place of the one that went before; a new one is fetched. */
static void fleet_renew(struct git_port *port)
{
	char aside[LIMIT_FILE_PATH + 8];
	struct err err = {0};

	objects_close(port->fleet);
	port->fleet = NULL;
	if (port->now_ms < port->renewal.until_ms)
		return;
	if (port->now_ms > port->renewal.until_ms + RENEWAL_MOST_MS)
		port->renewal.failures = 0;
	backoff_fail(&port->renewal, port->now_ms, 1000, RENEWAL_MOST_MS);
	snprintf(aside, sizeof(aside), "%s.aside", port->fleet_path);
	if (dir_remove_all(AT_FDCWD, aside, &err) == 0 &&
	    rename(port->fleet_path, aside) && errno != ENOENT)
		err_errno(&err, ERR_TRANSIENT, errno, "%s", aside);
	if (err.kind == ERR_NONE && fleet_open(port, &err) == 0) {
		port->fleet_lane.backoff = (struct backoff){0};
		acceptance_reset(port);
	}
	if (err.kind)
		lane_problem(&port->fleet_lane, &err);
}

static bool start_fetch(struct git_port *port)
{
	struct lane *lane = &port->fleet_lane;
	struct oid tip = seen_tip(port, port->config.branch);
	const char *refspec;
	struct err err = {0};

	if (!tip.hex[0] || oid_same(tip, port->tip) || port->now_ms < lane->backoff.until_ms)
		return false;
	if (objects_has_commit(port->fleet, tip) &&
	    objects_ref_move(port->fleet, REF_TIP, port->tip, tip, &err) == 0) {
		port->tip = tip;
		return false;
	}
	arena_reset(&port->scratch);
	refspec = arena_printf(&port->scratch, "+" REF_HEADS "%s:" REF_TIP, port->config.branch);
	if (transport_fetch(&lane->child, &port->transport, port->fleet_path, &refspec, 1,
	                    !port->tip.hex[0], port->now_ms, &err)) {
		lane_failed(port, lane, &err);
		return false;
	}
	lane->errand = ERRAND_FETCH;
	return true;
}

static void fetch_ended(struct git_port *port)
{
	struct lane *lane = &port->fleet_lane;
	struct err err = {0};

	if (transport_check(&lane->child, "fetch", &err) == 0 &&
	    objects_ref(port->fleet, REF_TIP, &port->tip, &err) == 0) {
		seen_note(port, port->config.branch, port->tip);
		lane_fine(lane);
		fleet_remember(port);
		return;
	}
	transport_sweep(port->fleet_path, 0);
	lane_failed(port, lane, &err);
}

/* Only what git itself calls damaged is thrown away; a check that timed out says nothing. */
static void fsck_ended(struct git_port *port)
{
	struct child *child = &port->fleet_lane.child;

	if (!child->timed_out && child->exit_code > 0 && child->exit_code <= 128)
		fleet_renew(port);
}

static void fleet_ended(struct git_port *port)
{
	struct lane *lane = &port->fleet_lane;
	struct err err = {0};

	switch (lane->errand) {
	case ERRAND_FETCH:
		fetch_ended(port);
		break;
	case ERRAND_PROPOSAL:
		proposals_ended(port);
		break;
	case ERRAND_FSCK:
		fsck_ended(port);
		break;
	case ERRAND_GC: /* the packs that were open are gone */
		objects_close(port->fleet);
		port->fleet = NULL;
		if (fleet_open(port, &err))
			lane_problem(lane, &err);
		break;
	case ERRAND_NONE:
	case ERRAND_LIST:
	case ERRAND_PUSH:
		panic("git: the fleet lane has no such errand");
	}
	child_stop(&lane->child);
	lane->errand = ERRAND_NONE;
}

static bool start_fsck(struct git_port *port)
{
	struct lane *lane = &port->fleet_lane;
	struct err err = {0};

	if (lane->backoff.failures < FETCHES_BEFORE_FSCK || lane->backoff.failures % 3 ||
	    port->looked_ms < 0 || port->look.backoff.failures ||
	    port->now_ms >= lane->backoff.until_ms)
		return false;
	lane->backoff.failures++;
	if (transport_fsck(&lane->child, port->fleet_path, port->now_ms, &err))
		return false;
	lane->errand = ERRAND_FSCK;
	return true;
}

static void fleet_step(struct git_port *port)
{
	struct lane *lane = &port->fleet_lane;
	struct err err = {0};

	if (lane->errand != ERRAND_NONE) {
		if (!child_poll(&lane->child, port->now_ms))
			return;
		fleet_ended(port);
	}
	if (port->fleet && objects_broken(port->fleet))
		fleet_renew(port);
	if (!port->fleet && port->now_ms >= port->renewal.until_ms && fleet_open(port, &err)) {
		lane_problem(lane, &err);
		fleet_renew(port);
	}
	if (!port->fleet)
		return;
	if (!start_fetch(port) && !proposals_start(port) && !start_fsck(port))
		start_gc(port, lane, port->fleet, port->fleet_path);
}

/* ---- the port ---- */

static const char *first_problem(const struct git_port *port)
{
	const char *const problems[] = {
		port->look.problem, port->fleet_lane.problem, port->acceptance.problem,
		port->status_lane.problem,
	};

	for (size_t i = 0; i < ARRAY_LEN(problems); i++)
		if (problems[i][0])
			return problems[i];
	return NULL;
}

static void git_sync(void *self, int64_t now_ms, struct git_heads *out)
{
	struct git_port *port = self;

	port->now_ms = now_ms;
	look_step(port);
	fleet_step(port);
	acceptance_step(port);
	status_step(port);
	*out = (struct git_heads){
		.fleet = port->tip,
		.accepted = port->acceptance.newest,
		.requests = status_tip(port, BRANCH_REQUESTS),
		.status = status_tip(port, BRANCH_STATUS),
		.status_pushed = status_pushed(port),
		.status_parted = port->parted,
		.seen_ms = port->complete ? port->looked_ms : -1,
		.busy = port->look.errand || port->fleet_lane.errand || port->status_lane.errand ||
		        port->acceptance.at < port->acceptance.n || port->parted.hex[0] ||
		        status_grows(port) ||
		        port->next_look_ms <= now_ms + POKE_LEAST_MS,
		.rewritten = port->acceptance.rewritten,
		.unreachable = port->look.problem[0] != '\0',
		.problem = first_problem(port),
		.branches = port->proposal_branches,
		.n_branches = port->n_proposal_branches,
	};
	port->parted_shown = port->parted.hex[0] != '\0';
}

static void git_poke(void *self)
{
	struct git_port *port = self;

	if (port->next_look_ms > port->looked_ms + POKE_LEAST_MS)
		port->next_look_ms = port->looked_ms + POKE_LEAST_MS;
	port->fleet_lane.backoff.until_ms = 0;
}

static void git_accept(void *self, struct oid commit, bool rewind)
{
	struct git_port *port = self;

	acceptance_accept(port, commit, rewind);
	if (port->fleet)
		fleet_remember(port);
}

static struct objects *repo_of(struct git_port *port, enum git_repo repo, struct err *err)
{
	struct objects *objects = repo == GIT_FLEET ? port->fleet : port->status;

	if (!objects)
		err_set(err, ERR_TRANSIENT, "the clone of the fleet repository is being made anew");
	return objects;
}

static int git_read_blob(void *self, enum git_repo repo, struct oid blob, struct arena *arena,
                         struct bytes *out, struct err *err)
{
	struct objects *objects = repo_of(self, repo, err);
	size_t bytes_max = repo == GIT_FLEET ? LIMIT_MANIFEST_BYTES : LIMIT_STATUS_BYTES;

	return objects ? objects_blob(objects, blob, bytes_max, arena, out, err) : -1;
}

static int git_read_path(void *self, enum git_repo repo, struct oid commit, const char *path,
                         struct arena *arena, struct bytes *out, struct oid *blob,
                         struct err *err)
{
	struct objects *objects = repo_of(self, repo, err);
	struct oid id;

	if (!objects || objects_path(objects, commit, path, &id, err) ||
	    git_read_blob(self, repo, id, arena, out, err))
		return -1;
	if (blob)
		*blob = id;
	return 0;
}

static int git_versions(void *self, enum git_repo repo, struct oid commit, const char *path,
                        struct arena *arena, struct git_version **out, size_t *n,
                        struct err *err)
{
	struct git_port *port = self;
	struct objects *objects = repo_of(port, repo, err);
	struct git_version *list = NULL;
	struct commit_info *commits;
	size_t n_commits, count = 0;

	arena_reset(&port->scratch);
	if (!objects || objects_log(objects, commit, (struct oid){""}, false, VERSIONS_DEPTH,
	                            &port->scratch, &commits, &n_commits, err))
		return -1;
	for (size_t i = 0; i < n_commits; i++) {
		struct oid blob;

		if (objects_path_if(objects, commits[i].id, path, &blob, err))
			return -1;
		if (blob.hex[0] && (!count || !oid_same(list[count - 1].blob, blob)))
			*list_push(arena, &list, &count) = (struct git_version){commits[i].id, blob};
	}
	*out = list;
	*n = count;
	return 0;
}

static int git_authors(void *self, struct oid old, struct oid new, const char *path,
                       struct arena *arena, struct strings *out, struct err *err)
{
	struct git_port *port = self;
	struct objects *objects = repo_of(port, GIT_FLEET, err);

	arena_reset(&port->scratch);
	return objects ? authors_find(port, objects, old, new, path, arena, out, err) : -1;
}

static int git_origins(void *self, enum git_repo repo, struct oid old, struct oid new,
                       const char *path, const struct git_file *files, size_t n, struct oid *out,
                       struct err *err)
{
	struct git_port *port = self;
	struct objects *objects = repo_of(port, repo, err);

	arena_reset(&port->scratch);
	return objects ? origins_find(objects, old, new, path, files, n, &port->scratch, out, err) : -1;
}

static int git_changed(void *self, enum git_repo repo, struct oid old, struct oid new,
                       const char *path, struct arena *arena, struct git_file **files, size_t *n,
                       const char **refused, struct err *err)
{
	struct objects *objects = repo_of(self, repo, err);

	return objects ? objects_changed(objects, old, new, path, arena, files, n, refused, err) : -1;
}

static int git_tree_id(void *self, struct oid commit, const char *path, struct oid *out,
                       struct err *err)
{
	struct objects *objects = repo_of(self, GIT_FLEET, err);

	return objects ? objects_tree(objects, commit, path, out, err) : -1;
}

static int git_publish(void *self, struct oid parent, const struct git_file *files, size_t n,
                       const char *message, struct oid *out, struct err *err)
{
	return status_publish(self, parent, files, n, message, out, err);
}

static int git_propose(void *self, const struct proposal_text *text, git_rebuild *rebuild,
                       void *context, struct propose_result *out, struct err *err)
{
	return proposal_step(self, text, rebuild, context, out, err);
}

static int git_signer(void *self, const char *path, struct arena *arena, const char **out,
                      struct err *err)
{
	return request_signer(self, path, arena, out, err);
}

/* ---- opening ---- */

static void copy_text(struct git_port *port, const char **text, const char *otherwise)
{
	*text = arena_strdup(&port->strings, *text ? *text : otherwise);
}

static void copy_config(struct git_port *port, const struct git_config *config)
{
	struct git_config *copy = &port->config;

	*copy = *config;
	copy_text(port, &copy->state, ".");
	copy_text(port, &copy->url, "");
	copy_text(port, &copy->branch, "main");
	copy_text(port, &copy->status_branch, "linnet/status");
	copy_text(port, &copy->requests_branch, "linnet/requests");
	copy_text(port, &copy->author, "Linnet");
	copy_text(port, &copy->email, "linnet@localhost");
	copy_text(port, &copy->allowed_signers, NULL);
	copy_text(port, &copy->forge_keys, NULL);
	copy_text(port, &copy->root, NULL);
	copy_text(port, &copy->signing_key, NULL);
	copy_text(port, &copy->auth.token_file, NULL);
	copy_text(port, &copy->auth.ca_file, NULL);
	copy_text(port, &copy->auth.ssh_key, NULL);
	copy_text(port, &copy->auth.known_hosts, NULL);
	copy_text(port, &copy->auth.askpass, NULL);
	if (!copy->poll_ms)
		copy->poll_ms = POLL_MS;
}

/* A branch name that git takes, and that no refspec or glob could be made of. */
static int check_branch(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (!len || len > 200 || *name == '-' || *name == '/' || name[len - 1] == '/' ||
	    strpbrk(name, ":*?[\\^~ \t") || strstr(name, "..") || strstr(name, "//") ||
	    strstr(name, "@{"))
		return err_set(err, ERR_STALLED, "'%s' is no name for a branch", name);
	return 0;
}

static int check_config(const struct git_config *config, struct err *err)
{
	if (check_branch(config->branch, err) || check_branch(config->status_branch, err) ||
	    check_branch(config->requests_branch, err))
		return -1;
	if (strlen(config->state) > LIMIT_FILE_PATH - 64)
		return err_set(err, ERR_STALLED, "the state folder's path is too long");
	if (config->allowed_signers && !config->signing_key)
		return err_set(err, ERR_STALLED, "verify needs status.signingKey");
	if ((config->forge_keys || config->root) && !config->allowed_signers)
		return err_set(err, ERR_STALLED, "verify needs allowedSigners");
	return 0;
}

static int take_lock(struct git_port *port, struct err *err)
{
	char path[LIMIT_FILE_PATH];

	snprintf(path, sizeof(path), "%s/git.lock", port->config.state);
	port->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (port->lock_fd < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s", path);
	if (flock(port->lock_fd, LOCK_EX | LOCK_NB))
		return err_set(err, ERR_CONFLICT, "%s is held by another process", path);
	return 0;
}

static int open_stores(struct git_port *port, struct err *err)
{
	struct err damage = {0};

	if (dir_make_all(AT_FDCWD, port->config.state, 0700, err) || take_lock(port, err))
		return -1;
	snprintf(port->fleet_path, sizeof(port->fleet_path), "%s/fleet.git", port->config.state);
	snprintf(port->status_path, sizeof(port->status_path), "%s/status.git", port->config.state);
	snprintf(port->own_signers, sizeof(port->own_signers), "%s/own_signers",
	         port->config.state);
	if (port->config.signing_key &&
	    signature_own_signers(port->config.signing_key, port->own_signers, err))
		return -1;
	transport_sweep(port->status_path, 0); /* whoever held a lock there died with the last of us */
	if (status_open(port, err))
		return -1;
	if (fleet_open(port, &damage))
		fleet_renew(port);
	acceptance_reset(port);
	return 0;
}

static void port_free(struct git_port *port)
{
	child_stop(&port->look.child);
	child_stop(&port->fleet_lane.child);
	child_stop(&port->status_lane.child);
	acceptance_deinit(&port->acceptance);
	objects_close(port->remote);
	objects_close(port->fleet);
	objects_close(port->status);
	arena_deinit(&port->seen_arena);
	authors_deinit(&port->authors);
	arena_deinit(&port->scratch);
	arena_deinit(&port->strings);
	if (port->lock_fd >= 0)
		close(port->lock_fd);
	free(port);
}

int git_port_open(const struct git_config *config, struct port_git *out, struct err *err)
{
	struct git_port *port = heap_alloc(1, sizeof(*port));

	port->lock_fd = -1;
	port->looked_ms = port->grows_ms = -1;
	arena_init(&port->strings, 1 << 20);
	arena_init(&port->scratch, (size_t)256 << 20);
	copy_config(port, config);
	if (check_config(&port->config, err) ||
	    transport_open(&port->transport, port->config.url, &port->config.auth, err) ||
	    open_stores(port, err)) {
		port_free(port);
		return err_wrap(err, "fleet");
	}
	port->transport.timeout_ms = port->config.timeout_ms;
	*out = (struct port_git){
		.self = port,
		.sync = git_sync,
		.poke = git_poke,
		.accept = git_accept,
		.read_blob = git_read_blob,
		.read_path = git_read_path,
		.changed = git_changed,
		.versions = git_versions,
		.tree_id = git_tree_id,
		.publish = git_publish,
		.propose = git_propose,
		.authors = git_authors,
		.origins = git_origins,
		.signer = git_signer,
	};
	return 0;
}

void git_port_close(struct port_git *port)
{
	if (port->self)
		port_free(port->self);
	*port = (struct port_git){0};
}
