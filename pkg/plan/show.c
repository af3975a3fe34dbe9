/* A plan in words. */
#include "plan/plan.h"

static void add_revision(struct buf *out, const struct action *action)
{
	char shown[REVISION_SHORT + 1];

	revision_short(action->revision, shown);
	buf_puts(out, shown);
	if (action->spec && action->spec->version)
		buf_printf(out, " (%s)", action->spec->version);
}

static void add_weights(struct buf *out, const struct action *action)
{
	buf_puts(out, "set weights");
	for (size_t i = 0; i < action->n_weights; i++) {
		char shown[REVISION_SHORT + 1];

		revision_short(action->weights[i].revision, shown);
		buf_printf(out, "%s %s ", i ? "," : "", shown);
		buf_percent(out, action->weights[i].weight);
	}
	if (!action->n_weights)
		buf_puts(out, " none");
}

static void add_proposal(struct buf *out, const struct proposal_text *text)
{
	buf_printf(out, "propose on %s: %s", text->branch ? text->branch : "the fleet branch",
	           text->subject);
	for (size_t i = 0; i < text->n_edits; i++)
		buf_printf(out, "; %s/%s %s -> %s", text->edits[i].environment, text->edits[i].deployment,
		           text->expects[i] ? text->expects[i] : "none",
		           text->edits[i].version ? text->edits[i].version : "none");
}

void action_describe(struct buf *out, const struct action *action)
{
	switch (action->kind) {
	case ACTION_SET_WEIGHTS:
		add_weights(out, action);
		break;
	case ACTION_STOP_REPLICA:
		buf_printf(out, "stop replica %d of ", action->slot);
		add_revision(out, action);
		break;
	case ACTION_PREPARE:
		buf_puts(out, "prepare ");
		add_revision(out, action);
		break;
	case ACTION_START_REPLICA:
		buf_printf(out, "start replica %d of ", action->slot);
		add_revision(out, action);
		break;
	case ACTION_CHECK:
		buf_puts(out, "check ");
		add_revision(out, action);
		break;
	case ACTION_DROP:
		buf_puts(out, "drop from the router");
		break;
	case ACTION_PROPOSE:
		add_proposal(out, action->proposal);
		break;
	case ACTION_TRAIN:
		buf_printf(out, "train run %.10s", action->run.hex);
		break;
	case ACTION_EVALUATE:
		buf_printf(out, "evaluate run %.10s", action->run.hex);
		break;
	case ACTION_CANCEL_RUN:
		buf_printf(out, "cancel run %.10s", action->run.hex);
		break;
	case ACTION_KINDS:
		break;
	}
}
