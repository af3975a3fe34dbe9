/* After a rollback the declaration is put right: the `version:` line of the revision that serves,
 * as a commit or as a branch for a person, or only reported, as the automation level says. */
#include "plan/look.h"

#include <string.h>

static bool env_same(const struct revision *a, const struct revision *b)
{
	if (a->n_env != b->n_env)
		return false;
	for (size_t i = 0; i < a->n_env; i++)
		if (!text_same(a->env[i].name, b->env[i].name) ||
		    !text_same(a->env[i].value, b->env[i].value) ||
		    !text_same(a->env[i].secret_name, b->env[i].secret_name) ||
		    !text_same(a->env[i].secret_key, b->env[i].secret_key))
			return false;
	return true;
}

/* The version is the same on both sides: a person has to change these fields, we cannot. */
static const char *fields_to_change(const struct look *look, const struct revision *failed,
                                    const struct revision *back, const char *why)
{
	bool resources = failed->cpu_millis != back->cpu_millis ||
	                 failed->memory_bytes != back->memory_bytes;
	bool env = !env_same(failed, back);

	return arena_printf(look->arena, "%s; change %s%s%s back to commit %.10s", why,
	                    env ? "env" : "", env && resources ? " and " : "",
	                    resources ? "resources" : env ? "" : "serve",
	                    back->commit ? back->commit : "before it");
}

static struct digest revert_digest(const struct look *look, struct digest failed,
                                   const char *version)
{
	const char *text = arena_printf(look->arena, "revert\n%s\n%s\n%s", key_of(look), failed.hex,
	                                version ? version : "none");

	return digest_of(text, strlen(text));
}

/* LEVEL_UNSET while the environment cannot be read: a rollback does not wait for Git, its revert
 * does. */
static enum level revert_level(const struct look *look)
{
	const struct environment *environment = look->in->desired.environment;

	return environment ? environment_level(environment, AUTOMATED_REVERT) : LEVEL_UNSET;
}

static const char *revert_branch(const struct look *look)
{
	return arena_printf(look->arena, "linnet/revert/%s", key_of(look));
}

static const char *by_hand(const struct look *look, const char *version, const char *why)
{
	return arena_printf(look->arena, "%s; set `version: %s` by hand", why,
	                    version ? version : "none");
}

void want_revert(struct look *look, struct digest failed, struct digest back, const char *why)
{
	const struct revision *from = status_revision(look->next, failed);
	const struct revision *to = status_revision(look->next, back);
	const char *version = to ? to->version : NULL;
	struct proposal proposal = {
		.digest = revert_digest(look, failed, version),
		.target = key_of(look),
		.version = version,
		.outcome = PROPOSAL_WANTED,
		.why = why,
		.at_ms = look->in->now_ms,
	};

	if (from && to && text_same(from->version, to->version)) {
		say(look, look->next->reason, fields_to_change(look, from, to, why));
		return;
	}
	if (revert_level(look) == LEVEL_MANUAL)
		say(look, look->next->reason, by_hand(look, version, why));
	else
		add_proposal(look, proposal);
}

/* A proposal is over when the line says it, or when the line names another revision. */
void follow_proposals(struct look *look)
{
	const struct desired_deployment *desired = &look->in->desired;

	if (look->aim == AIM_UNKNOWN || look->aim == AIM_ABSENT)
		return;
	for (size_t i = 0; i < look->next->n_proposed; i++) {
		const struct proposal *proposal = &look->next->proposed[i];

		if (!proposal_open(proposal))
			continue;
		if (text_same(desired->deployment->version, proposal->version))
			set_outcome(look, i, PROPOSAL_MERGED, "the line says so");
		else if (look->aim != AIM_QUARANTINED)
			set_outcome(look, i, PROPOSAL_DROPPED, "the line was changed meanwhile");
	}
}

static const struct proposal_text *revert_text(const struct look *look,
                                               const struct proposal *proposal)
{
	const char *from = look->in->desired.deployment->version;
	const char *to = proposal->version ? proposal->version : "none";
	struct proposal_text *text = arena_new(look->arena, struct proposal_text);

	text->digest = proposal->digest;
	text->branch = proposal->branch;
	text->fallback = revert_branch(look);
	text->subject = arena_printf(look->arena, "%s: back to %s (%s rolled back)", key_of(look), to,
	                             from);
	text->body = proposal->why;
	text->edits = arena_new(look->arena, struct version_edit);
	text->edits[0] = (struct version_edit){look->next->environment, look->next->name,
	                                       proposal->version};
	text->n_edits = 1;
	text->expects = arena_array(look->arena, 1, const char *);
	text->expects[0] = from;
	return text;
}

/* Where it goes, by the level of now. False: nowhere. */
static bool aim_proposal(struct look *look, size_t i)
{
	const struct proposal *proposal = &look->next->proposed[i];

	switch (revert_level(look)) {
	case LEVEL_AUTO:
		return true;
	case LEVEL_MANUAL:
		set_outcome(look, i, PROPOSAL_DROPPED, by_hand(look, proposal->version, proposal->why));
		return false;
	case LEVEL_APPROVE:
	case LEVELS:
		set_branch(look, i, revert_branch(look));
		return true;
	case LEVEL_UNSET:
		break;
	}
	return false;
}

void propose(struct look *look)
{
	if (look->aim != AIM_QUARANTINED)
		return;
	for (size_t i = 0; i < look->next->n_proposed; i++) {
		struct action *action;

		if (look->next->proposed[i].outcome != PROPOSAL_WANTED || !aim_proposal(look, i))
			continue;
		action = list_push(look->arena, &look->plan->actions, &look->plan->n_actions);
		action->kind = ACTION_PROPOSE;
		action->proposal = revert_text(look, &look->next->proposed[i]);
		action->why = "Git is put right after the rollback";
	}
}
