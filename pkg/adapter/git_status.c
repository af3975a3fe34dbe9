/* The status and requests branches: committed here first, joined with what others pushed, pushed.
 * */
#include <stdio.h>
#include <string.h>

#include "adapter/git_internal.h"

enum {
	PUSH_EVERY_MS = 1000,
	PUSH_REST_MS = 60 * 1000,
	RETRY_FIRST_MS = 250,
};

static const char *branch_name(const struct git_port *port, int branch)
{
	return branch == BRANCH_STATUS ? port->config.status_branch : port->config.requests_branch;
}

static void name_refs(struct git_port *port)
{
	for (int i = 0; i < BRANCHES; i++) {
		struct branch *branch = &port->branches[i];

		snprintf(branch->local, sizeof(branch->local), REF_HEADS "%s", branch_name(port, i));
		snprintf(branch->remote, sizeof(branch->remote), REF_REMOTE "%s",
		         branch_name(port, i));
	}
}

int status_open(struct git_port *port, struct err *err)
{
	name_refs(port);
	if (objects_create(port->status_path, err) ||
	    objects_open(port->status_path, false, &port->status, err))
		return err_wrap(err, "status branch");
	return 0;
}

/* "" when absent, and when it cannot be read: then the lane says why. */
static struct oid tip_of(struct git_port *port, const char *ref)
{
	struct oid tip = {""};
	struct err err = {0};

	if (!port->status || objects_ref(port->status, ref, &tip, &err)) {
		tip = (struct oid){""};
		if (err.kind)
			lane_problem(&port->status_lane, &err);
	}
	return tip;
}

struct oid status_tip(struct git_port *port, int branch)
{
	return tip_of(port, port->branches[branch].local);
}

bool status_pushed(struct git_port *port)
{
	struct oid tip = status_tip(port, BRANCH_STATUS);

	return port->looked_ms >= 0 &&
	       (!tip.hex[0] || oid_same(tip, seen_tip(port, port->config.status_branch)));
}

int status_publish(struct git_port *port, struct oid parent, const struct git_file *files, size_t n,
                   const char *message, struct oid *out, struct err *err)
{
	struct commit_spec spec = {
		.parents = {parent},
		.n_parents = parent.hex[0] ? 1 : 0,
		.n_files = n,
		.message = message,
	};
	struct git_file *copy;
	struct oid commit;
	bool unchanged;

	if (strcmp(status_tip(port, BRANCH_STATUS).hex, parent.hex))
		return err_set(err, ERR_CONFLICT, "the status branch moved");
	arena_reset(&port->scratch);
	copy = arena_array(&port->scratch, n, struct git_file);
	for (size_t i = 0; i < n; i++)
		copy[i] = (struct git_file){.path = files[i].path, .text = files[i].text};
	spec.files = copy;
	own_commit(port, &spec);
	if (objects_commit(port->status, &spec, &commit, &unchanged, err))
		return err_wrap(err, "status branch");
	if (!unchanged && objects_ref_move(port->status, port->branches[BRANCH_STATUS].local, parent,
	                                   commit, err))
		return err_wrap(err, "status branch");
	port->grew = port->grew || !unchanged;
	*out = commit;
	return 0;
}

/* ---- fetching ---- */

/* Takes note of a remote tip whose commit is here already; true when a fetch is needed. */
static bool needs_fetch(struct git_port *port, int i, struct err *err)
{
	struct oid seen = seen_tip(port, branch_name(port, i));
	struct oid known = tip_of(port, port->branches[i].remote);

	if (!strcmp(seen.hex, known.hex))
		return false;
	if (seen.hex[0] && !objects_has_commit(port->status, seen))
		return true;
	return objects_ref_move(port->status, port->branches[i].remote, known, seen, err) != 0;
}

/* Gone on the remote means gone in what is known of it; the local branch stays. */
static bool start_fetch(struct git_port *port)
{
	const char *refspecs[BRANCHES];
	struct lane *lane = &port->status_lane;
	struct err err = {0};
	size_t n = 0;

	if (port->looked_ms < 0 || port->now_ms < lane->backoff.until_ms)
		return false;
	arena_reset(&port->scratch);
	for (int i = 0; i < BRANCHES; i++)
		if (needs_fetch(port, i, &err))
			refspecs[n++] = arena_printf(&port->scratch, "+" REF_HEADS "%s:%s",
			                             branch_name(port, i), port->branches[i].remote);
	if (n == 0)
		return false;
	if (err.kind || transport_fetch(&lane->child, &port->transport, port->status_path, refspecs,
	                                n, !port->complete, port->now_ms, &err)) {
		lane_problem(lane, &err);
		backoff_fail(&lane->backoff, port->now_ms, RETRY_FIRST_MS, PUSH_REST_MS);
		return false;
	}
	lane->errand = ERRAND_FETCH;
	return true;
}

/* Every remote tip that was seen is here. */
static bool up_to_date(struct git_port *port)
{
	if (port->looked_ms < 0)
		return false;
	for (int i = 0; i < BRANCHES; i++)
		if (strcmp(seen_tip(port, branch_name(port, i)).hex,
		           tip_of(port, port->branches[i].remote).hex))
			return false;
	return true;
}

/* ---- joining ---- */

/* At the first sight of a remote status branch that is not ours already: where we sign, its tip
 * must be signed by us, because everything we believe to have decided is read from it. */
static int check_own_tip(struct git_port *port, struct oid tip, struct err *err)
{
	struct bytes payload, signature;

	if (port->own_tip_checked || !port->config.signing_key)
		return 0;
	if (oid_same(port->foreign, tip))
		return err_set(err, ERR_STALLED, "%s: tip %.10s is not signed by our key",
		               port->config.status_branch, tip.hex);
	if (objects_signature(port->status, tip, &port->scratch, &payload, &signature, err) ||
	    signature_verify(port->config.state, port->own_signers, "git", payload, signature, NULL,
	                     err)) {
		if (err->kind == ERR_STALLED)
			port->foreign = tip;
		return err_wrap(err, "%s: tip %.10s", port->config.status_branch, tip.hex);
	}
	port->own_tip_checked = true;
	return 0;
}

/* What we have and they have not, put on top of theirs: one merge commit, so that every commit
 * keeps its id and its signature. Where both wrote a file, ours counts. */
static int join(struct git_port *port, int i, struct oid ours, struct oid theirs, struct err *err)
{
	struct commit_spec spec = {.parents = {theirs, ours}, .n_parents = 2};
	struct git_file *files;
	const char *refused;
	struct oid base, commit;
	size_t n;

	arena_reset(&port->scratch);
	if (objects_merge_base(port->status, theirs, ours, &base, err) ||
	    objects_changed(port->status, base, ours, "", &port->scratch, &files, &n, &refused, err))
		return -1;
	spec.files = files;
	spec.n_files = n;
	spec.message = arena_printf(&port->scratch, "%s: joined with what others pushed [skip ci]\n",
	                            branch_name(port, i));
	own_commit(port, &spec);
	if (objects_commit(port->status, &spec, &commit, NULL, err))
		return -1;
	return objects_ref_move(port->status, port->branches[i].local, ours, commit, err);
}

/* Another controller's record must be readable before ours lies on top of it. */
static bool wait_until_shown(struct git_port *port, int i, struct oid theirs)
{
	if (i != BRANCH_STATUS)
		return false;
	if (oid_same(port->parted, theirs) && port->parted_shown)
		return false;
	if (!oid_same(port->parted, theirs))
		port->parted_shown = false;
	port->parted = theirs;
	return true;
}

static int reconcile(struct git_port *port, int i, struct err *err)
{
	struct branch *branch = &port->branches[i];
	struct oid ours = tip_of(port, branch->local), theirs = tip_of(port, branch->remote);
	enum relation relation = RELATION_DESCENDANT;

	if (!theirs.hex[0] || oid_same(ours, theirs))
		return 0;
	if (ours.hex[0] && objects_relation(port->status, ours, theirs, &relation, err))
		return -1;
	if (i == BRANCH_STATUS && relation != RELATION_PARTED)
		port->parted = (struct oid){""};
	if (relation == RELATION_SAME || relation == RELATION_ANCESTOR)
		return 0;
	if (i == BRANCH_STATUS && check_own_tip(port, theirs, err))
		return -1;
	if (relation == RELATION_DESCENDANT)
		return objects_ref_move(port->status, branch->local, ours, theirs, err);
	if (wait_until_shown(port, i, theirs))
		return 0;
	if (i == BRANCH_STATUS)
		port->parted = (struct oid){""};
	return join(port, i, ours, theirs, err);
}

/* ---- pushing ---- */

static bool needs_push(struct git_port *port, int i)
{
	struct oid ours = tip_of(port, port->branches[i].local);

	return ours.hex[0] && !oid_same(ours, seen_tip(port, branch_name(port, i))) &&
	       !(i == BRANCH_STATUS && port->parted.hex[0]);
}

static void look_at_growth(struct git_port *port)
{
	if (!port->grew)
		port->grows_ms = -1;
	else if (port->grows_ms < 0)
		port->grows_ms = port->now_ms;
	port->grew = false;
}

bool status_grows(const struct git_port *port)
{
	return port->grows_ms >= 0 && port->now_ms < port->grows_ms + PUSH_EVERY_MS;
}

static bool start_push(struct git_port *port)
{
	const char *refspecs[BRANCHES];
	struct lane *lane = &port->status_lane;
	struct err err = {0};
	size_t n = 0;

	if (!port->complete || port->now_ms < port->next_push_ms || status_grows(port) ||
	    port->look_finished < port->push_look)
		return false;
	arena_reset(&port->scratch);
	for (int i = 0; i < BRANCHES; i++) {
		struct branch *branch = &port->branches[i];

		branch->pushing = needs_push(port, i) ? tip_of(port, branch->local) : (struct oid){""};
		if (branch->pushing.hex[0])
			refspecs[n++] = arena_printf(&port->scratch, "%s:%s", branch->pushing.hex,
			                             branch->local);
	}
	if (n == 0)
		return false;
	port->next_push_ms = port->now_ms + PUSH_EVERY_MS;
	if (transport_push(&lane->child, &port->transport, port->status_path, refspecs, n, NULL,
	                   port->now_ms, &err)) {
		lane_problem(lane, &err);
		return false;
	}
	lane->errand = ERRAND_PUSH;
	return true;
}

/* Somebody was faster: again soon; what is only here meanwhile is told when it takes long. */
static void push_behind(struct git_port *port, const struct err *why)
{
	if (backoff_race(&port->race, port->now_ms))
		lane_problem(&port->status_lane, why);
	port->next_push_ms = port->race.until_ms;
}

static void push_ended(struct git_port *port)
{
	struct lane *lane = &port->status_lane;
	enum push_outcome worst = PUSH_DONE;
	struct err why = {0};

	for (int i = 0; i < BRANCHES; i++) {
		struct err one = {0};
		enum push_outcome outcome;

		if (!port->branches[i].pushing.hex[0])
			continue;
		outcome = push_result(&lane->child, port->branches[i].local, &one);
		if (outcome > worst) {
			worst = outcome;
			why = one;
		}
	}
	port->push_look = look_now(port); /* whatever was said: the remote's refs are what counts */
	switch (worst) {
	case PUSH_DONE:
		lane->problem[0] = '\0';
		lane->backoff = (struct backoff){0};
		port->race = (struct backoff){0};
		break;
	case PUSH_BEHIND:
		push_behind(port, &why);
		break;
	case PUSH_REFUSED:
	case PUSH_FAILED:
		lane_problem(lane, &why);
		backoff_fail(&lane->backoff, port->now_ms, RETRY_FIRST_MS, PUSH_REST_MS);
		port->next_push_ms = worst == PUSH_REFUSED ? port->now_ms + PUSH_REST_MS
		                                           : lane->backoff.until_ms;
		break;
	}
}

/* ---- one step ---- */

static bool reconcile_all(struct git_port *port)
{
	struct lane *lane = &port->status_lane;
	struct err err = {0};

	for (int i = 0; i < BRANCHES; i++)
		if (reconcile(port, i, &err)) {
			lane_problem(lane, &err);
			port->unreconciled = true;
			return false;
		}
	if (port->unreconciled)
		lane->problem[0] = '\0';
	port->unreconciled = false;
	return true;
}

static void fetch_ended(struct git_port *port)
{
	struct lane *lane = &port->status_lane;
	struct err err = {0};

	if (transport_check(&lane->child, "fetch of the status branch", &err)) {
		transport_sweep(port->status_path, 0);
		lane_problem(lane, &err);
		backoff_fail(&lane->backoff, port->now_ms, RETRY_FIRST_MS, PUSH_REST_MS);
	} else {
		for (int i = 0; i < BRANCHES; i++)
			seen_note(port, branch_name(port, i), tip_of(port, port->branches[i].remote));
		lane->problem[0] = '\0';
		lane->backoff = (struct backoff){0};
	}
}

static void reopen(struct git_port *port)
{
	struct err err = {0};

	objects_close(port->status);
	port->status = NULL;
	if (status_open(port, &err))
		lane_problem(&port->status_lane, &err);
}

static void lane_ended(struct git_port *port)
{
	struct lane *lane = &port->status_lane;

	switch (lane->errand) {
	case ERRAND_FETCH:
		fetch_ended(port);
		break;
	case ERRAND_PUSH:
		push_ended(port);
		break;
	case ERRAND_GC: /* the packs that were open are gone */
		reopen(port);
		break;
	case ERRAND_NONE:
	case ERRAND_LIST:
	case ERRAND_FSCK:
	case ERRAND_PROPOSAL:
		panic("git: the status lane has no such errand");
	}
	child_stop(&lane->child);
	lane->errand = ERRAND_NONE;
}

void status_step(struct git_port *port)
{
	struct lane *lane = &port->status_lane;

	look_at_growth(port);
	if (lane->errand != ERRAND_NONE) {
		if (!child_poll(&lane->child, port->now_ms))
			return;
		lane_ended(port);
	}
	if (!port->status)
		reopen(port);
	if (!port->status || start_fetch(port) || !up_to_date(port))
		return;
	if (!reconcile_all(port))
		return;
	port->complete = true;
	if (!start_push(port))
		start_gc(port, lane, port->status, port->status_path);
}
