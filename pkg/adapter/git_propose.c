/* Commits of ours on the fleet branch, or on a branch for a pull request; and tags on what was
 * merged. */
#include <stdio.h>
#include <string.h>

#include "adapter/git_internal.h"

enum {
	TRAILER_DEPTH = 200,  /* commits of a branch in which an earlier proposal is looked for */
	RETRY_FIRST_MS = 1000,
	RETRY_MOST_MS = 60 * 1000,
};
#define TRAILER "Linnet-Proposal: "
#define REF_BRANCHES "refs/linnet/branches/"
#define REF_PROPOSALS "refs/linnet/proposals/"

/* The remote's ref that it goes to. */
static void target_ref(const struct git_port *port, const struct proposal_work *work,
                       char out[REF_BYTES + 16])
{
	snprintf(out, REF_BYTES + 16, "%s%s", work->tag ? REF_TAGS : REF_HEADS,
	         work->direct ? port->config.branch : work->branch);
}

/* ---- the table of proposals under way ---- */

static struct proposal_work *find_work(struct git_port *port, struct digest digest)
{
	for (int i = 0; i < PROPOSALS_MAX; i++)
		if (digest_same(port->proposals[i].digest, digest))
			return &port->proposals[i];
	return NULL;
}

/* The place that was not asked for longest; never one whose child runs. */
static struct proposal_work *new_work(struct git_port *port, const struct proposal_text *text)
{
	struct proposal_work *oldest = NULL;
	const char *beside;

	for (int i = 0; i < PROPOSALS_MAX; i++) {
		struct proposal_work *work = &port->proposals[i];

		if (!work->running && (!oldest || work->used_ms < oldest->used_ms))
			oldest = work;
	}
	*oldest = (struct proposal_work){.digest = text->digest, .tag = text->tag != NULL};
	oldest->direct = !text->branch && !text->tag;
	beside = text->tag ? text->tag : text->branch ? text->branch : text->fallback;
	snprintf(oldest->branch, sizeof(oldest->branch), "%s", beside ? beside : "");
	return oldest;
}

/* ---- what is there already ---- */

static bool has_trailer(const struct commit_info *commit, const char *digest)
{
	for (const char *line = commit->body; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, TRAILER, strlen(TRAILER)) &&
		    !strncmp(line + strlen(TRAILER), digest, strlen(digest)))
			return true;
	}
	return false;
}

/* The newest commit that carries this proposal; "" when none does. */
static int find_commit(struct git_port *port, struct oid tip, struct oid stop, const char *digest,
                       struct oid *out, struct err *err)
{
	struct commit_info *commits;
	size_t n;

	*out = (struct oid){""};
	if (objects_log(port->fleet, tip, stop, false, TRAILER_DEPTH, &port->scratch, &commits, &n,
	                err))
		return -1;
	for (size_t i = 0; i < n && !out->hex[0]; i++)
		if (has_trailer(&commits[i], digest))
			*out = commits[i].id;
	return 0;
}

static void remove_ref(struct git_port *port, const char *prefix, const char *name)
{
	const char *ref = arena_printf(&port->scratch, "%s%s", prefix, name);
	struct oid tip;
	struct err err = {0};

	if (port->fleet && !objects_ref(port->fleet, ref, &tip, &err) && tip.hex[0] &&
	    objects_ref_move(port->fleet, ref, tip, (struct oid){""}, &err))
		lane_problem(&port->fleet_lane, &err);
}

static struct propose_result finished(struct git_port *port, struct proposal_work *work,
                                      struct oid commit, bool on_fleet)
{
	if (work->stage != STAGE_DONE) {
		remove_ref(port, REF_PROPOSALS, work->digest.hex);
		if (work->branch[0])
			remove_ref(port, REF_BRANCHES, work->branch);
	}
	work->stage = STAGE_DONE;
	work->commit = commit;
	work->direct = on_fleet;
	work->backoff = (struct backoff){0};
	return (struct propose_result){
		.state = PROPOSE_DONE, .commit = commit, .branch = on_fleet ? NULL : work->branch};
}

static struct propose_result running(void)
{
	return (struct propose_result){.state = PROPOSE_RUNNING};
}

static struct propose_result failed(struct git_port *port, struct proposal_work *work,
                                    const struct err *err)
{
	work->stage = STAGE_FAILED;
	backoff_fail(&work->backoff, port->now_ms, RETRY_FIRST_MS, RETRY_MOST_MS);
	snprintf(work->why, sizeof(work->why), "%s", err->text);
	return (struct propose_result){.state = PROPOSE_FAILED, .why = work->why};
}

/* Forgotten at once, so that a later call with the same digest looks at that day's tip. */
static struct propose_result refused(struct proposal_work *work, const char *why)
{
	if (why != work->why)
		snprintf(work->why, sizeof(work->why), "%s", why);
	work->digest = (struct digest){""};
	return (struct propose_result){.state = PROPOSE_REFUSED, .why = work->why};
}

/* ---- building ---- */

static const char *message_of(struct git_port *port, const struct proposal_text *text)
{
	const char *body = text->body ? text->body : "";

	return arena_printf(&port->scratch, "%s\n\n%s%s" TRAILER "%s\n", text->subject, body,
	                    *body ? "\n\n" : "", text->digest.hex);
}

/* The commit on the newest tip, held by a ref of its own until it is pushed. */
static int write_commit(struct git_port *port, struct proposal_work *work,
                        const struct proposal_text *text, const struct git_file *files, size_t n,
                        bool *unchanged, struct err *err)
{
	struct commit_spec spec = {
		.parents = {port->tip}, .n_parents = 1, .n_files = n, .message = message_of(port, text),
	};
	struct git_file *copy = arena_array(&port->scratch, n, struct git_file);
	const char *ref = arena_printf(&port->scratch, REF_PROPOSALS "%s", work->digest.hex);
	struct oid held;

	for (size_t i = 0; i < n; i++)
		copy[i] = (struct git_file){.path = files[i].path, .text = files[i].text};
	spec.files = copy;
	own_commit(port, &spec);
	if (objects_commit(port->fleet, &spec, &work->commit, unchanged, err))
		return -1;
	if (*unchanged)
		return 0;
	if (objects_ref(port->fleet, ref, &held, err))
		return -1;
	return objects_ref_move(port->fleet, ref, held, work->commit, err);
}

static struct propose_result build(struct git_port *port, struct proposal_work *work,
                                   const struct proposal_text *text, git_rebuild *rebuild,
                                   void *context)
{
	struct git_file *files = NULL;
	const char *why = "the branch already says so";
	struct err err = {0};
	bool unchanged = false;
	size_t n = 0;
	int result = rebuild(context, port->tip, &port->scratch, &files, &n, &why, &err);

	if (result > 0)
		return refused(work, why);
	if (result < 0 || write_commit(port, work, text, files, n, &unchanged, &err))
		return failed(port, work, &err);
	if (unchanged)
		return refused(work, "the branch already says so");
	work->stage = STAGE_PUSH;
	return running();
}

/* ---- a branch of ours on the remote ---- */

enum found { FOUND_NOTHING, FOUND_OURS, FOUND_UNFETCHED, FOUND_DONE, FOUND_FOREIGN };

/* What stands on the branch that the proposal is for; `lease` is then what may be replaced. */
static int look_at_branch(struct git_port *port, struct proposal_work *work, enum found *out,
                          struct err *err)
{
	struct oid tip = seen_tip(port, work->branch), commit;
	struct commit_info info;
	enum relation relation;

	*out = FOUND_NOTHING;
	work->lease = tip;
	if (!tip.hex[0])
		return 0;
	*out = FOUND_UNFETCHED;
	if (!objects_has_commit(port->fleet, tip))
		return 0;
	if (find_commit(port, tip, port->tip, work->digest.hex, &commit, err) ||
	    objects_commit_info(port->fleet, tip, &port->scratch, &info, err) ||
	    objects_relation(port->fleet, port->tip, tip, &relation, err))
		return -1;
	if (commit.hex[0]) {
		work->commit = commit;
		*out = FOUND_DONE;
	} else {
		bool merged = relation == RELATION_ANCESTOR || relation == RELATION_SAME;

		*out = merged || has_trailer(&info, "") ? FOUND_OURS : FOUND_FOREIGN;
	}
	return 0;
}

/* The fleet branch is here as the remote was last seen. */
static bool is_fetched(const struct git_port *port, const struct proposal_work *work)
{
	return port->fleet && port->looked_ms >= 0 && port->look_finished >= work->look &&
	       oid_same(port->tip, seen_tip(port, port->config.branch));
}

/* From the start: what was done before us, else a new commit on the newest tip. */
static struct propose_result begin(struct git_port *port, struct proposal_work *work,
                                   const struct proposal_text *text, git_rebuild *rebuild,
                                   void *context)
{
	enum found found = FOUND_NOTHING;
	struct oid commit;
	struct err err = {0};

	if (!is_fetched(port, work))
		return running();
	if (find_commit(port, port->tip, (struct oid){""}, work->digest.hex, &commit, &err))
		return failed(port, work, &err);
	if (commit.hex[0])
		return finished(port, work, commit, true);
	if (work->branch[0] && look_at_branch(port, work, &found, &err))
		return failed(port, work, &err);
	switch (found) {
	case FOUND_DONE: /* of an earlier life, when it is direct: the fleet branch refused it */
		return finished(port, work, work->commit, false);
	case FOUND_FOREIGN:
		if (work->direct)
			break;
		return refused(work, "the branch holds a commit of somebody else");
	case FOUND_UNFETCHED:
		work->stage = STAGE_FETCH;
		return running();
	case FOUND_NOTHING:
	case FOUND_OURS:
		break;
	}
	return build(port, work, text, rebuild, context);
}

/* A tag is the same object each time: whether it stands already, the push itself says. */
static struct propose_result begin_tag(struct git_port *port, struct proposal_work *work,
                                       const struct proposal_text *text)
{
	struct commit_spec spec = {.n_parents = 1, .message = message_of(port, text)};
	struct err err = {0};

	if (!is_fetched(port, work))
		return running();
	snprintf(spec.parents[0].hex, sizeof(spec.parents[0].hex), "%s", text->tagged);
	if (!objects_has_commit(port->fleet, spec.parents[0]))
		return refused(work, "its commit is not in the fleet repository any more");
	own_commit(port, &spec);
	spec.time_s = text->tag_ms / 1000;
	if (objects_tag(port->fleet, text->tag, &spec, &work->commit, &err))
		return failed(port, work, &err);
	work->stage = STAGE_PUSH;
	return running();
}

int proposal_step(struct git_port *port, const struct proposal_text *text, git_rebuild *rebuild,
                  void *context, struct propose_result *out, struct err *err)
{
	struct proposal_work *work = find_work(port, text->digest);

	if (!text->digest.hex[0])
		return err_set(err, ERR_STALLED, "a proposal without a digest");
	arena_reset(&port->scratch);
	if (!work)
		work = new_work(port, text);
	work->used_ms = port->now_ms;
	if (work->stage == STAGE_FAILED && port->now_ms >= work->backoff.until_ms)
		work->stage = STAGE_NEW;
	switch (work->stage) {
	case STAGE_NEW:
		if (port->now_ms < work->backoff.until_ms)
			*out = running();
		else
			*out = text->tag ? begin_tag(port, work, text)
			                 : begin(port, work, text, rebuild, context);
		break;
	case STAGE_FETCH:
	case STAGE_PUSH:
		*out = running();
		break;
	case STAGE_DONE:
		*out = finished(port, work, work->commit, work->direct || work->tag);
		break;
	case STAGE_REFUSED:
		*out = refused(work, work->why);
		break;
	case STAGE_FAILED:
		*out = (struct propose_result){.state = PROPOSE_FAILED, .why = work->why};
		break;
	}
	if (work->stage == STAGE_PUSH && port->fleet_lane.errand == ERRAND_NONE)
		proposals_start(port); /* at once: each moment is one for somebody else's push */
	return 0;
}

/* ---- children ---- */

static int start_fetch(struct git_port *port, struct proposal_work *work, struct err *err)
{
	const char *refspec = arena_printf(&port->scratch, "+" REF_HEADS "%s:" REF_BRANCHES "%s",
	                                   work->branch, work->branch);

	return transport_fetch(&port->fleet_lane.child, &port->transport, port->fleet_path, &refspec,
	                       1, false, port->now_ms, err);
}

/* Only a branch of our own is ever replaced, and only while its tip is the one that we looked at.
 * */
static int start_push(struct git_port *port, struct proposal_work *work, struct err *err)
{
	const char *refspec, *lease = NULL;
	char ref[REF_BYTES + 16];

	target_ref(port, work, ref);
	refspec = arena_printf(&port->scratch, "%s:%s", work->commit.hex, ref);
	if (!work->direct && !work->tag)
		lease = arena_printf(&port->scratch, "%s:%s", ref, work->lease.hex);
	return transport_push(&port->fleet_lane.child, &port->transport, port->fleet_path, &refspec,
	                      1, lease, port->now_ms, err);
}

bool proposals_start(struct git_port *port)
{
	for (int i = 0; i < PROPOSALS_MAX; i++) {
		struct proposal_work *work = &port->proposals[i];
		struct err err = {0};

		if (!work->digest.hex[0] || (work->stage != STAGE_FETCH && work->stage != STAGE_PUSH))
			continue;
		arena_reset(&port->scratch);
		if (work->stage == STAGE_FETCH ? start_fetch(port, work, &err)
		                               : start_push(port, work, &err)) {
			failed(port, work, &err);
			continue;
		}
		work->running = true;
		port->fleet_lane.errand = ERRAND_PROPOSAL;
		return true;
	}
	return false;
}

static void fetch_ended(struct git_port *port, struct proposal_work *work)
{
	struct err err = {0};

	if (transport_check(&port->fleet_lane.child, "fetch of a proposal", &err)) {
		transport_sweep(port->fleet_path, 0);
		failed(port, work, &err);
		work->look = look_now(port);
	} else {
		work->stage = STAGE_NEW;
	}
}

/* A branch for a pull request takes what the fleet branch itself will not; a tag stays undone. */
static void push_refused(struct git_port *port, struct proposal_work *work, const struct err *why)
{
	if (work->tag) {
		work->stage = STAGE_REFUSED;
		snprintf(work->why, sizeof(work->why), "%s", why->text);
	} else if (work->direct && work->branch[0])
		work->direct = false;
	else
		failed(port, work, why);
}

/* Whatever was said, the next look decides: a commit that carries the digest there is DONE. A tag
 * that was pushed is pushed once more where nobody knows, which then changes nothing. */
static void push_ended(struct git_port *port, struct proposal_work *work)
{
	char ref[REF_BYTES + 16];
	struct err why = {0};

	target_ref(port, work, ref);
	work->stage = STAGE_NEW;
	work->look = look_now(port);
	switch (push_result(&port->fleet_lane.child, ref, &why)) {
	case PUSH_DONE:
		if (work->tag)
			work->stage = STAGE_DONE;
		break;
	case PUSH_BEHIND:
		if (work->tag && strstr(why.text, "already exists"))
			push_refused(port, work, &why);
		backoff_race(&work->backoff, port->now_ms);
		break;
	case PUSH_REFUSED:
		push_refused(port, work, &why);
		break;
	case PUSH_FAILED:
		failed(port, work, &why);
		break;
	}
}

void proposals_ended(struct git_port *port)
{
	for (int i = 0; i < PROPOSALS_MAX; i++) {
		struct proposal_work *work = &port->proposals[i];

		if (!work->running)
			continue;
		work->running = false;
		if (work->stage == STAGE_FETCH)
			fetch_ended(port, work);
		else
			push_ended(port, work);
	}
}
