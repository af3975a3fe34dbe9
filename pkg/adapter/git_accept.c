/* Which commit may be acted on: it moves only forward, and only over verified commits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/git_internal.h"
#include "base/heap.h"
#include "doc/doc.h"

enum {
	CHAIN_MAX = 10000,   /* commits verified at once */
	CHECK_RETRY_MS = 5000,
	HISTORY_MAX = 10000, /* commits looked through for the one that added a request */
};

/* The allowed-signers files that a commit is held against, in this order. */
enum signers { SIGNERS_OWN, SIGNERS_ALLOWED, SIGNERS_FORGE, SIGNERS_KINDS };

static void problem(struct acceptance *a, const struct err *err)
{
	snprintf(a->problem, sizeof(a->problem), "%s", err->text);
}

static void drop_chain(struct acceptance *a)
{
	signature_check_stop(&a->check);
	free(a->chain);
	a->chain = NULL;
	a->n = a->at = 0;
	a->signers = SIGNERS_OWN;
}

void acceptance_reset(struct git_port *port)
{
	struct acceptance *a = &port->acceptance;

	drop_chain(a);
	a->tip = (struct oid){""};
	if (!a->newest.hex[0])
		a->newest = a->base;
	a->problem[0] = '\0';
}

void acceptance_deinit(struct acceptance *a)
{
	drop_chain(a);
}

/* An older commit than the one held is only what an older record says. */
void acceptance_accept(struct git_port *port, struct oid commit, bool rewind)
{
	struct acceptance *a = &port->acceptance;
	enum relation relation;
	struct err err = {0};

	if (oid_same(commit, a->base))
		return;
	if (!rewind && a->base.hex[0] && port->fleet &&
	    objects_relation(port->fleet, a->base, commit, &relation, &err) == 0 &&
	    relation == RELATION_ANCESTOR)
		return;
	a->base = commit;
	if (oid_same(commit, a->newest) && !rewind)
		return;
	a->newest = commit;
	acceptance_reset(port);
}

/* ---- what must be verified ---- */

static void chain_of(struct acceptance *a, const struct commit_info *commits, size_t n,
                     bool in_parts)
{
	drop_chain(a);
	a->chain = heap_alloc(n + 1, sizeof(*a->chain));
	for (size_t i = 0; i < n; i++)
		a->chain[i] = commits[n - 1 - i].id;
	a->n = n;
	a->in_parts = in_parts;
}

/* The first-parent commits behind `from` up to the tip; every new commit when `from` is not on that
 * line, because then a merge may have brought it in with things that nobody vouched for. */
static int plan_chain(struct git_port *port, struct oid from, struct err *err)
{
	struct acceptance *a = &port->acceptance;
	struct commit_info *commits;
	size_t n;
	bool on_line;

	arena_reset(&port->scratch);
	if (objects_log(port->fleet, a->tip, from, true, CHAIN_MAX, &port->scratch, &commits, &n, err))
		return -1;
	on_line = n && n < CHAIN_MAX && oid_same(commits[n - 1].parents[0], from);
	if (!on_line && objects_log(port->fleet, a->tip, from, false, CHAIN_MAX, &port->scratch,
	                            &commits, &n, err))
		return -1;
	if (n == CHAIN_MAX)
		return err_set(err, ERR_STALLED, "more than %d commits to verify", CHAIN_MAX);
	chain_of(a, commits, n, on_line);
	return 0;
}

/* Without anything accepted before: everything since verify.root, or the tip itself. */
static int plan_first(struct git_port *port, struct err *err)
{
	struct acceptance *a = &port->acceptance;
	struct commit_info tip;
	enum relation relation;
	struct oid root;

	if (!port->config.allowed_signers) {
		a->newest = a->tip;
		return 0;
	}
	if (!port->config.root) {
		tip.id = a->tip;
		chain_of(a, &tip, 1, false);
		return 0;
	}
	if (objects_resolve(port->fleet, port->config.root, &root, err) ||
	    objects_relation(port->fleet, root, a->tip, &relation, err))
		return -1;
	if (relation == RELATION_SAME)
		a->newest = root;
	else if (relation == RELATION_DESCENDANT)
		return plan_chain(port, root, err);
	else
		return err_set(err, ERR_STALLED, "verify.root %.10s is not in the history of %s",
		               root.hex, port->config.branch);
	return 0;
}

/* `newest` may be ahead of `base`: what was verified once need not be again. */
static int plan_next(struct git_port *port, struct err *err)
{
	struct acceptance *a = &port->acceptance;
	enum relation relation;

	if (objects_relation(port->fleet, a->base, a->tip, &relation, err))
		return -1;
	a->rewritten = relation == RELATION_PARTED;
	switch (relation) {
	case RELATION_SAME:
	case RELATION_ANCESTOR: /* a lagging mirror */
		a->newest = a->base;
		return 0;
	case RELATION_PARTED:
		a->newest = a->base;
		return err_set(err, ERR_STALLED,
		               "history rewritten: %.10s does not descend from the accepted %.10s; "
		               "`linnet accept-rewind` takes it", a->tip.hex, a->base.hex);
	case RELATION_DESCENDANT:
		break;
	}
	if (!port->config.allowed_signers) {
		a->newest = a->tip;
		return 0;
	}
	if (a->newest.hex[0] && !oid_same(a->newest, a->base)) {
		if (objects_relation(port->fleet, a->newest, a->tip, &relation, err))
			return -1;
		if (relation == RELATION_SAME || relation == RELATION_DESCENDANT)
			return relation == RELATION_SAME ? 0 : plan_chain(port, a->newest, err);
	}
	a->newest = a->base;
	return plan_chain(port, a->base, err);
}

static void consider(struct git_port *port)
{
	struct acceptance *a = &port->acceptance;
	struct err err = {0};

	drop_chain(a);
	a->problem[0] = '\0';
	a->tip = port->tip;
	if (a->base.hex[0] ? plan_next(port, &err) : plan_first(port, &err)) {
		drop_chain(a);
		problem(a, &err);
		if (err.kind == ERR_TRANSIENT)
			a->tip = (struct oid){""};
	}
}

/* ---- what the controller's own key may sign ---- */

/* Whether two lines differ only in the version named behind "version:". */
static bool only_version_differs(const char *a, size_t a_len, const char *b, size_t b_len)
{
	static const char key[] = "version:";
	const char *at = memmem(a, a_len, key, strlen(key));
	size_t start, a_end = a_len, b_end = b_len;

	if (!at)
		return false;
	start = (size_t)(at - a) + strlen(key);
	if (b_len < start || memcmp(a, b, start))
		return false;
	while (a_end > start && b_end > start && a[a_end - 1] == b[b_end - 1])
		a_end--, b_end--;
	for (size_t i = start; i < a_end; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.- \"'", a[i]))
			return false;
	for (size_t i = start; i < b_end; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.- \"'", b[i]))
			return false;
	return true;
}

static bool only_versions_changed(struct bytes old, struct bytes new)
{
	const char *a = old.data, *b = new.data, *a_end = a + old.len, *b_end = b + new.len;

	while (a < a_end && b < b_end) {
		const char *a_line = memchr(a, '\n', (size_t)(a_end - a));
		const char *b_line = memchr(b, '\n', (size_t)(b_end - b));
		size_t a_len = (size_t)((a_line ? a_line : a_end) - a);
		size_t b_len = (size_t)((b_line ? b_line : b_end) - b);

		if ((a_len != b_len || memcmp(a, b, a_len)) && !only_version_differs(a, a_len, b, b_len))
			return false;
		a = a_line ? a_line + 1 : a_end;
		b = b_line ? b_line + 1 : b_end;
	}
	return a == a_end && b == b_end;
}

static bool only_model_versions(struct bytes text, struct arena *arena)
{
	struct node **docs;
	struct place place;
	struct err ignored = {0};
	size_t n;

	if (yaml_parse(text.data, text.len, LIMIT_MANIFEST_BYTES, arena, &docs, &n, &place, &ignored))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *kind = node_text(docs[i], "kind");

		if (!kind || strcmp(kind, "ModelVersion"))
			return false;
	}
	return n > 0;
}

static bool file_is_ours(struct git_port *port, struct oid parent, const struct git_file *file)
{
	struct oid before;
	struct bytes old, new;
	struct err err = {0};

	if (!file->blob.hex[0] ||
	    objects_blob(port->fleet, file->blob, LIMIT_MANIFEST_BYTES, &port->scratch, &new, &err))
		return false;
	if (objects_path(port->fleet, parent, file->path, &before, &err))
		return err.kind == ERR_STALLED && only_model_versions(new, &port->scratch);
	return !objects_blob(port->fleet, before, LIMIT_MANIFEST_BYTES, &port->scratch, &old, &err) &&
	       only_versions_changed(old, new);
}

/* A stolen controller key must not be worth more than a promotion that the gates would refuse. */
static bool commit_is_ours(struct git_port *port, const struct commit_info *commit)
{
	struct git_file *files;
	const char *refused;
	struct err err = {0};
	size_t n;

	if (commit->n_parents != 1 ||
	    objects_changed(port->fleet, commit->parents[0], commit->id, "", &port->scratch, &files,
	                    &n, &refused, &err) || refused)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!file_is_ours(port, commit->parents[0], &files[i]))
			return false;
	return true;
}

/* ---- verifying ---- */

static const char *signers_file(const struct git_port *port, int signers)
{
	const char *const files[SIGNERS_KINDS] = {
		[SIGNERS_OWN] = port->config.signing_key ? port->own_signers : NULL,
		[SIGNERS_ALLOWED] = port->config.allowed_signers,
		[SIGNERS_FORGE] = port->config.forge_keys,
	};

	return files[signers];
}

static void check_start(struct git_port *port)
{
	struct acceptance *a = &port->acceptance;
	struct bytes payload, signature;
	struct err err = {0};

	arena_reset(&port->scratch);
	if (objects_signature(port->fleet, a->chain[a->at], &port->scratch, &payload, &signature,
	                      &err)) {
		a->check.why = err;
		return;
	}
	while (!signers_file(port, a->signers))
		a->signers++;
	signature_check_start(&a->check, port->config.state, signers_file(port, a->signers), "git",
	                      payload, signature, port->now_ms);
}

static void chain_stop(struct acceptance *a, const char *why)
{
	snprintf(a->problem, sizeof(a->problem), "commit %.10s is not accepted: %.500s",
	         a->chain[a->at].hex, why);
	drop_chain(a);
}

static void chain_good(struct acceptance *a)
{
	a->at++;
	a->signers = SIGNERS_OWN;
	if (a->in_parts || a->at == a->n)
		a->newest = a->chain[a->at - 1];
	if (a->at == a->n)
		drop_chain(a);
}

/* The next file to hold the commit against; SIGNERS_KINDS when none is left. */
static int next_signers(struct git_port *port, const struct commit_info *commit)
{
	int next = port->acceptance.signers + 1;

	if (next == SIGNERS_FORGE && commit->n_parents < 2)
		next++;
	while (next < SIGNERS_KINDS && !signers_file(port, next))
		next++;
	return next;
}

static void check_ended(struct git_port *port, bool good, const struct err *why)
{
	struct acceptance *a = &port->acceptance;
	struct commit_info commit;
	struct err err = {0};

	if (why->kind == ERR_TRANSIENT) {
		problem(a, why);
		a->retry_ms = port->now_ms + CHECK_RETRY_MS;
		return;
	}
	arena_reset(&port->scratch);
	if (objects_commit_info(port->fleet, a->chain[a->at], &port->scratch, &commit, &err)) {
		chain_stop(a, err.text);
	} else if (good && a->signers == SIGNERS_OWN && !commit_is_ours(port, &commit)) {
		chain_stop(a, "the controller's key signs added ModelVersions and changed versions only");
	} else if (good) {
		chain_good(a);
	} else {
		a->signers = next_signers(port, &commit);
		if (a->signers == SIGNERS_KINDS)
			chain_stop(a, why->text);
	}
}

/* Goes on with the signature check under way, or begins the next. */
static void verify_step(struct git_port *port)
{
	struct acceptance *a = &port->acceptance;
	enum signature_state state;
	struct err why;

	if (!a->check.signers) {
		if (port->now_ms < a->retry_ms)
			return;
		check_start(port);
	}
	state = signature_check_poll(&a->check, port->now_ms);
	if (state == SIGNATURE_CHECKING)
		return;
	why = a->check.why;
	signature_check_stop(&a->check);
	check_ended(port, state == SIGNATURE_GOOD, &why);
}

void acceptance_step(struct git_port *port)
{
	struct acceptance *a = &port->acceptance;

	if (!port->fleet || !port->tip.hex[0])
		return;
	if (!oid_same(a->tip, port->tip))
		consider(port);
	if (a->at < a->n)
		verify_step(port);
}

/* ---- who signed a request ---- */

/* The commit of the requests branch that added `path` as it is now: its text is what was signed. */
static int find_adding(struct git_port *port, struct oid tip, const char *path, struct oid *out,
                       struct err *err)
{
	struct commit_info *commits;
	struct oid now, blob;
	size_t n;

	if (objects_path(port->status, tip, path, &now, err) ||
	    objects_log(port->status, tip, (struct oid){""}, false, HISTORY_MAX, &port->scratch,
	                &commits, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (commits[i].n_parents > 1)
			continue;
		if (objects_path_if(port->status, commits[i].id, path, &blob, err))
			return -1;
		if (!blob.hex[0])
			continue;
		if (!oid_same(blob, now))
			break;
		blob = (struct oid){""};
		if (commits[i].n_parents &&
		    objects_path_if(port->status, commits[i].parents[0], path, &blob, err))
			return -1;
		if (!blob.hex[0]) {
			*out = commits[i].id;
			return 0;
		}
	}
	return err_set(err, ERR_STALLED,
	               "%s was not added, and left alone since, by a commit of its own", path);
}

int request_signer(struct git_port *port, const char *path, struct arena *arena, const char **out,
                   struct err *err)
{
	struct oid tip = status_tip(port, BRANCH_REQUESTS), commit;
	struct bytes payload, signature;
	char principal[SIGNATURE_PRINCIPAL];

	*out = NULL;
	if (!port->config.allowed_signers)
		return 0;
	arena_reset(&port->scratch);
	if (find_adding(port, tip, path, &commit, err) ||
	    objects_signature(port->status, commit, &port->scratch, &payload, &signature, err))
		return -1;
	if (signature_verify(port->config.state, port->config.allowed_signers, "git", payload,
	                     signature, principal, err))
		return err_wrap(err, "commit %.10s", commit.hex);
	*out = arena_strdup(arena, principal);
	return 0;
}
