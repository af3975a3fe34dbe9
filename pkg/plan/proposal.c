/* What a model asks of Git: its new versions, and promotions from one environment to the next. The
 * same is never proposed twice, and never what a person refused. */
#include "gate/gate.h"
#include "plan/cycle.h"

#include <string.h>

static const char *deployment_key(const struct cycle *cycle, const struct target *target)
{
	return arena_printf(cycle->arena, "%s/%s", target->deployment->meta.namespace,
	                    target->deployment->meta.name);
}

static enum level propose_level(const struct target *target)
{
	return target->environment ? environment_level(target->environment, AUTOMATED_PROPOSE)
	                           : LEVEL_MANUAL;
}

static bool branch_open(const struct cycle *cycle, const char *branch)
{
	for (size_t i = 0; i < cycle->in->n_open_branches; i++)
		if (text_same(cycle->in->open_branches[i], branch))
			return true;
	return false;
}

static const struct proposal *find_proposal(const struct cycle *cycle, struct digest digest)
{
	for (size_t i = 0; i < cycle->next->n_proposed; i++)
		if (digest_same(cycle->next->proposed[i].digest, digest))
			return &cycle->next->proposed[i];
	return NULL;
}

static void add_proposal(struct cycle *cycle, struct proposal proposal)
{
	proposal.outcome = PROPOSAL_WANTED;
	proposal.at_ms = cycle->in->now_ms;
	list_prepend(cycle->arena, cycle->next, proposed, proposal, (size_t)CYCLE_RECORDS_MAX);
}

static void close_proposal(struct cycle *cycle, size_t i, enum proposal_state outcome,
                           const char *why)
{
	struct model_status *next = cycle->next;

	next->proposed = arena_memdup(cycle->arena, next->proposed,
	                              next->n_proposed * sizeof(*next->proposed));
	next->proposed[i].outcome = outcome;
	next->proposed[i].why = why;
	cycle_note(cycle, arena_printf(cycle->arena, "%s %s (%s)",
	                               next->proposed[i].target ? "promotion" : "proposal",
	                               proposal_state_names.names[outcome], next->proposed[i].version),
	           why);
}

bool is_version(const struct proposal *proposal)
{
	return !proposal->target && !proposal->tag;
}

/* ---- versions ---- */

/* The number of "v12", else 0. */
static int64_t version_number(const char *version)
{
	struct err err = {0};
	int64_t n;

	if (version[0] != 'v' || parse_int(version + 1, 0, INT32_MAX, &n, &err) < 0)
		return 0;
	return n;
}

static int64_t highest_version(const struct cycle *cycle)
{
	int64_t highest = cycle->next->highest_version;

	for (size_t i = 0; i < cycle->in->n_versions; i++) {
		int64_t n = version_number(cycle->in->versions[i]->version);

		highest = n > highest ? n : highest;
	}
	return highest;
}

static struct digest version_digest(const struct cycle *cycle, const char *branch)
{
	const struct run_result *run = &cycle->in->run; /* its subject: artifact and how it is served */
	const char *text = arena_printf(cycle->arena, "version\n%s\n%s\n%s",
	                                cycle->in->model->meta.name,
	                                run->subject.hex[0] ? run->subject.hex
	                                                    : cycle->next->artifact.digest.hex,
	                                branch ? branch : "");

	return digest_of(text, strlen(text));
}

/* Was it made under other terms than what it would replace there, or is that not known? A first
 * version replaces none. */
static bool has_new_terms(const struct cycle *cycle, const struct target *target)
{
	const struct revision *stable =
		target->status ? status_revision(target->status, target->status->stable) : NULL;

	for (size_t i = 0; stable && i < cycle->next->n_proposed; i++) {
		const struct proposal *proposal = &cycle->next->proposed[i];

		if (is_version(proposal) && text_same(proposal->version, stable->version))
			return !digest_same(proposal->terms, cycle->next->terms);
	}
	return stable != NULL;
}

/* How the present run's version gets onto its line: under new terms by a person. */
static enum level version_level(const struct cycle *cycle, const struct target *target)
{
	enum level level = propose_level(target);

	return level == LEVEL_AUTO && has_new_terms(cycle, target) ? LEVEL_APPROVE : level;
}

static size_t count_targets(const struct cycle *cycle, enum level level)
{
	size_t n = 0;

	for (size_t i = 0; i < cycle->in->n_targets; i++)
		n += !cycle->in->targets[i].deployment->promotion &&
		     version_level(cycle, &cycle->in->targets[i]) == level;
	return n;
}

/* For the lines that are changed by a pull request. */
static const char *asked_branch(const struct cycle *cycle)
{
	return arena_printf(cycle->arena, "linnet/propose/%s", cycle->in->model->meta.name);
}

/* For the lines that a commit on the fleet branch was to change, where that is protected: a branch
 * of its own only beside one that asks for other lines. */
static const char *fallback_branch(const struct cycle *cycle)
{
	return arena_printf(cycle->arena, "%s%s", asked_branch(cycle),
	                    count_targets(cycle, LEVEL_APPROVE) ? ".auto" : "");
}

/* Of the deployments whose lines this proposal is to change. */
static enum level level_of(const struct cycle *cycle, const struct proposal *proposal)
{
	if (!proposal->branch)
		return LEVEL_AUTO;
	return text_same(proposal->branch, fallback_branch(cycle)) ? LEVEL_AUTO : LEVEL_APPROVE;
}

static bool has_version(const struct cycle *cycle, const char *version)
{
	for (size_t i = 0; i < cycle->in->n_versions; i++)
		if (text_same(cycle->in->versions[i]->version, version))
			return true;
	return false;
}

/* Does a line that this proposal is to change say its version already? */
static bool line_says(const struct cycle *cycle, const struct proposal *proposal)
{
	enum level level = level_of(cycle, proposal);

	for (size_t i = 0; i < cycle->in->n_targets; i++) {
		const struct target *target = &cycle->in->targets[i];

		if (!target->deployment->promotion && version_level(cycle, target) == level &&
		    text_same(target->deployment->version, proposal->version))
			return true;
	}
	return count_targets(cycle, level) == 0;
}

/* The number as a semantic version, because GTO reads no other: v3 is v3.0.0. */
static void want_tag(struct cycle *cycle, const char *version)
{
	const char *tag = arena_printf(cycle->arena, "%s@%s.0.0", cycle->in->model->meta.name, version);
	const char *text = arena_printf(cycle->arena, "tag\n%s", tag);
	struct proposal proposal = {
		.digest = digest_of(text, strlen(text)),
		.version = version,
		.tag = tag,
		.commit = cycle->in->commit,
		.why = arena_printf(cycle->arena, "%s is merged", version),
	};

	if (cycle->in->model->version_tags && !find_proposal(cycle, proposal.digest))
		add_proposal(cycle, proposal);
}

void close_merged(struct cycle *cycle)
{
	for (size_t i = 0; i < cycle->next->n_proposed; i++) {
		const struct proposal *proposal = &cycle->next->proposed[i];
		const char *version = proposal->version;

		if (!is_version(proposal) || !proposal_open(proposal) || !has_version(cycle, version) ||
		    !line_says(cycle, proposal))
			continue;
		close_proposal(cycle, i, PROPOSAL_MERGED, "the accepted commit holds it");
		want_tag(cycle, version); /* this entry, closed, is then the next one */
	}
}

bool version_waits(const struct cycle *cycle)
{
	for (size_t i = 0; i < cycle->next->n_proposed; i++) {
		const struct proposal *proposal = &cycle->next->proposed[i];

		if (is_version(proposal) && proposal->branch && proposal->outcome == PROPOSAL_WAITING)
			return true;
	}
	return false;
}

static void drop_older(struct cycle *cycle, enum level level)
{
	for (size_t i = 0; i < cycle->next->n_proposed; i++)
		if (proposal_open(&cycle->next->proposed[i]) && is_version(&cycle->next->proposed[i]) &&
		    level_of(cycle, &cycle->next->proposed[i]) == level)
			close_proposal(cycle, i, PROPOSAL_DROPPED, "a newer one replaces it");
}

static bool terms_changed(const struct cycle *cycle)
{
	for (size_t i = 0; i < cycle->in->n_targets; i++)
		if (!cycle->in->targets[i].deployment->promotion &&
		    has_new_terms(cycle, &cycle->in->targets[i]))
			return true;
	return false;
}

/* The sentence for whoever merges it. */
static const char *branch_why(const struct cycle *cycle, const char *why)
{
	const char *looser = gate_loosened(cycle->in->run.subject, cycle->in->model, cycle->in->policy,
	                                   cycle->next, cycle->arena);

	if (looser)
		why = arena_printf(cycle->arena, "%s; it was %s", why, looser);
	if (terms_changed(cycle))
		why = arena_printf(cycle->arena, "%s; interface, metric, gates or training source are not "
		                   "those of what it replaces", why);
	return why;
}

static bool want_on(struct cycle *cycle, const char *branch, const char *version)
{
	struct proposal proposal = {
		.digest = version_digest(cycle, branch),
		.version = version,
		.branch = branch,
		.terms = cycle->next->terms,
		.why = cycle->next->trigger_why,
	};

	if (branch)
		proposal.why = branch_why(cycle, proposal.why);
	if (find_proposal(cycle, proposal.digest))
		return false;
	drop_older(cycle, level_of(cycle, &proposal));
	add_proposal(cycle, proposal);
	return true;
}

bool want_version(struct cycle *cycle)
{
	struct model_status *next = cycle->next;
	const char *branch = asked_branch(cycle);
	int64_t number = highest_version(cycle) + 1;
	const char *version = arena_printf(cycle->arena, "v%lld", (long long)number);
	bool by_hand = count_targets(cycle, LEVEL_MANUAL) > 0;
	bool direct = count_targets(cycle, LEVEL_AUTO) > 0;
	bool asked = count_targets(cycle, LEVEL_APPROVE) > 0 || (!direct && !by_hand);
	bool wanted = false;

	if (!direct && !asked) {
		next->reason = "Manual";
		next->message = arena_printf(cycle->arena, "artifact %.10s passed; a person proposes it",
		                             next->artifact.digest.hex);
		return false;
	}
	if (direct)
		wanted |= want_on(cycle, NULL, version);
	if (asked)
		wanted |= want_on(cycle, branch, version);
	if (wanted) {
		next->highest_version = number;
		return true;
	}
	next->reason = "ProposedBefore";
	next->message = "this artifact was proposed before, and is not proposed again";
	return false;
}

/* A branch that is gone long enough for its merge to have been seen. */
static bool was_refused(struct cycle *cycle, const struct proposal *proposal)
{
	struct model_status *next = cycle->next;
	int64_t since_ms = proposal->at_ms > next->phase_since_ms ? proposal->at_ms
	                                                          : next->phase_since_ms;

	if (proposal->outcome != PROPOSAL_WAITING || !proposal->branch ||
	    branch_open(cycle, proposal->branch))
		return false;
	if (proposal->target) /* of a promotion: no phase of the model is about it */
		return cycle->in->now_ms - proposal->at_ms >= BRANCH_GONE_MS;
	if (!text_same(next->reason, "BranchGone")) {
		next->reason = "BranchGone";
		next->message = "the branch is gone; was it merged?";
		next->phase_since_ms = cycle->in->now_ms;
		return false;
	}
	cycle_wake(cycle, since_ms + BRANCH_GONE_MS);
	return cycle->in->now_ms - since_ms >= BRANCH_GONE_MS;
}

enum proposal_state follow_versions(struct cycle *cycle)
{
	bool waits = false, wanted = false;
	enum proposal_state newest = PROPOSAL_NONE;

	for (size_t i = 0; i < cycle->next->n_proposed; i++) {
		const struct proposal *proposal = &cycle->next->proposed[i];

		if (!is_version(proposal))
			continue;
		if (proposal_open(proposal) && was_refused(cycle, proposal))
			close_proposal(cycle, i, PROPOSAL_REFUSED, "the branch was deleted without a merge");
		proposal = &cycle->next->proposed[i];
		wanted |= proposal->outcome == PROPOSAL_WANTED;
		waits |= proposal->outcome == PROPOSAL_WAITING && proposal->branch;
		if (newest == PROPOSAL_NONE)
			newest = proposal->outcome;
	}
	if (wanted)
		return PROPOSAL_WANTED;
	if (waits)
		return PROPOSAL_WAITING;
	/* a commit on the fleet branch itself is as good as merged */
	return newest == PROPOSAL_WAITING ? PROPOSAL_MERGED : newest;
}

/* ---- promotions ---- */

/* The deployment of this model in the environment that `target` follows: of the same name where
 * there is one, else the first. */
static const struct target *find_source(const struct cycle *cycle, const struct target *target)
{
	const struct target *found = NULL;

	for (size_t i = 0; i < cycle->in->n_targets; i++) {
		const struct target *source = &cycle->in->targets[i];

		if (!text_same(source->deployment->meta.namespace, target->deployment->promotion->from))
			continue;
		if (text_same(source->deployment->meta.name, target->deployment->meta.name))
			return source;
		found = found ? found : source;
	}
	return found;
}

/* The version that has served well in `source` for so long; NULL: none yet. */
static const char *soaked_version(struct cycle *cycle, const struct target *source,
                                  int64_t soak_ms)
{
	const struct deployment_status *status = source->status;
	int64_t since_ms, due_ms;

	if (!status || status->phase != PHASE_STEADY || status->n_promoted == 0 || status->broken ||
	    !digest_same(status->promoted[0].revision, status->stable) ||
	    !text_same(status->promoted[0].version, source->deployment->version))
		return NULL;
	since_ms = status->promoted[0].at_ms > status->phase_since_ms ? status->promoted[0].at_ms
	                                                             : status->phase_since_ms;
	due_ms = since_ms + soak_ms;
	if (cycle->in->now_ms < due_ms) {
		cycle_wake(cycle, due_ms);
		return NULL;
	}
	return status->promoted[0].version;
}

/* Failed here, or served here before: then only a person names it again. */
static bool was_here(const struct deployment_status *status, const char *version)
{
	for (size_t i = 0; status && i < status->n_quarantine; i++)
		if (text_same(status->quarantine[i].version, version))
			return true;
	for (size_t i = 0; status && i < status->n_promoted; i++)
		if (text_same(status->promoted[i].version, version))
			return true;
	return false;
}

static const char *promotion_branch(const struct cycle *cycle, const char *key)
{
	return arena_printf(cycle->arena, "linnet/promote/%s", key);
}

static void want_promotion(struct cycle *cycle, const struct target *target)
{
	const struct target *source = find_source(cycle, target);
	const char *key = deployment_key(cycle, target), *version, *text;
	struct proposal proposal = {.target = key};
	enum level level = propose_level(target);

	if (!source || level == LEVEL_MANUAL)
		return;
	version = soaked_version(cycle, source, target->deployment->promotion->soak_ms);
	if (!version || text_same(version, target->deployment->version) ||
	    was_here(target->status, version))
		return;
	text = arena_printf(cycle->arena, "promote\n%s\n%s", key, version);
	proposal.digest = digest_of(text, strlen(text));
	if (find_proposal(cycle, proposal.digest))
		return;
	proposal.version = version;
	proposal.branch = level == LEVEL_AUTO ? NULL : promotion_branch(cycle, key);
	proposal.why = arena_printf(cycle->arena, "%s has served in %s for its soak", version,
	                            deployment_key(cycle, source));
	cycle_note(cycle, arena_printf(cycle->arena, "promote to %s (%s)", key, version), proposal.why);
	add_proposal(cycle, proposal);
}

/* NULL: there is none, or no key. */
static const struct target *find_target(const struct cycle *cycle, const char *key)
{
	for (size_t i = 0; key && i < cycle->in->n_targets; i++)
		if (text_same(deployment_key(cycle, &cycle->in->targets[i]), key))
			return &cycle->in->targets[i];
	return NULL;
}

static void follow_promotions(struct cycle *cycle)
{
	for (size_t i = 0; i < cycle->next->n_proposed; i++) {
		const struct proposal *proposal = &cycle->next->proposed[i];
		const struct target *target = find_target(cycle, proposal->target);

		if (!proposal->target || !proposal_open(proposal))
			continue;
		if (!target)
			close_proposal(cycle, i, PROPOSAL_DROPPED, "its deployment is gone");
		else if (text_same(target->deployment->version, proposal->version))
			close_proposal(cycle, i, PROPOSAL_MERGED, "the accepted commit holds it");
		else if (was_refused(cycle, proposal))
			close_proposal(cycle, i, PROPOSAL_REFUSED, "the branch was deleted without a merge");
	}
}

void want_promotions(struct cycle *cycle)
{
	follow_promotions(cycle);
	for (size_t i = 0; i < cycle->in->n_targets; i++)
		if (cycle->in->targets[i].deployment->promotion)
			want_promotion(cycle, &cycle->in->targets[i]);
}

/* ---- texts ---- */

static void add_edit(struct cycle *cycle, struct proposal_text *text, const struct target *target,
                     const char *version)
{
	const struct deployment *deployment = target->deployment;
	size_t i = text->n_edits++;

	if (i == 0) {
		text->edits = arena_array(cycle->arena, cycle->in->n_targets, struct version_edit);
		text->expects = arena_array(cycle->arena, cycle->in->n_targets, const char *);
	}
	text->edits[i] = (struct version_edit){deployment->meta.namespace, deployment->meta.name,
	                                       version};
	text->expects[i] = deployment->version;
}

static void add_version_edits(struct cycle *cycle, struct proposal_text *text,
                              const struct proposal *proposal)
{
	enum level level = level_of(cycle, proposal);

	for (size_t i = 0; i < cycle->in->n_targets; i++) {
		const struct target *target = &cycle->in->targets[i];

		if (!target->deployment->promotion && version_level(cycle, target) == level &&
		    !text_same(target->deployment->version, proposal->version))
			add_edit(cycle, text, target, proposal->version);
	}
	text->subject = arena_printf(cycle->arena, "%s: %s", cycle->in->model->meta.name,
	                             proposal->version);
	/* in both commits of one version: a file that is there already is left alone */
	text->version_file = arena_printf(cycle->arena, "%s-%s", cycle->in->model->meta.name,
	                                  proposal->version);
	text->run = cycle->next->run;
}

static const struct proposal_text *proposal_text(struct cycle *cycle,
                                                 const struct proposal *proposal)
{
	struct proposal_text *text = arena_new(cycle->arena, struct proposal_text);
	const struct target *target = find_target(cycle, proposal->target);

	text->digest = proposal->digest;
	text->branch = proposal->branch;
	text->body = proposal->why;
	if (proposal->tag) {
		text->tag = proposal->tag;
		text->tagged = proposal->commit;
		text->tag_ms = proposal->at_ms;
		text->subject = arena_printf(cycle->arena, "%s %s", cycle->in->model->meta.name,
		                             proposal->version);
	} else if (target) {
		text->fallback = promotion_branch(cycle, proposal->target);
		add_edit(cycle, text, target, proposal->version);
		text->subject = arena_printf(cycle->arena, "%s: promote %s", proposal->target,
		                             proposal->version);
	} else {
		text->fallback = fallback_branch(cycle);
		add_version_edits(cycle, text, proposal);
	}
	return text;
}

static void emit(struct cycle *cycle, bool tags)
{
	for (size_t i = 0; i < cycle->next->n_proposed; i++) {
		const struct proposal *proposal = &cycle->next->proposed[i];

		if (proposal->outcome != PROPOSAL_WANTED || (proposal->tag != NULL) != tags)
			continue;
		cycle_wake(cycle, cycle->in->now_ms + RUN_LOOK_MS);
		cycle_act(cycle, ACTION_PROPOSE,
		          is_version(proposal) ? cycle->next->run : (struct digest){0}, proposal->why)
			->proposal = proposal_text(cycle, proposal);
	}
}

void emit_proposals(struct cycle *cycle)
{
	emit(cycle, false);
	emit(cycle, true); /* a tag that fails must hold nothing up */
}
