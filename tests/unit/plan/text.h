/* A plan and a history as text, complete enough that equal text is an equal plan. */
#ifndef LINNET_TESTS_TEXT_H
#define LINNET_TESTS_TEXT_H

#include "base/buf.h"
#include "plan/plan.h"

static inline const char *text_short(struct digest digest, char out[REVISION_SHORT + 1])
{
	if (!digest.hex[0])
		return "-";
	revision_short(digest, out);
	return out;
}

static inline const char *text_or(const char *text) { return text ? text : "-"; }

static inline void text_plan(struct buf *out, const struct plan *plan, int64_t now_ms)
{
	for (size_t i = 0; i < plan->n_actions; i++) {
		buf_puts(out, plan->actions[i].reduces ? "first " : "then  ");
		action_describe(out, &plan->actions[i]);
		buf_printf(out, ": %s\n", plan->actions[i].why);
	}
	buf_printf(out, "wake in %lld ms\n", (long long)(plan->wake_ms - now_ms));
}

static inline void text_conditions(struct buf *out, const struct condition *conditions,
                                   const bool *has)
{
	static const char *const truths[] = {"False", "True", "Unknown"};

	for (int i = 0; i < CONDITION_TYPES; i++)
		if (has[i])
			buf_printf(out, "%s=%s %s: %s\n", condition_type_names.names[i],
			           truths[conditions[i].status], conditions[i].reason, conditions[i].message);
}

static inline void text_proposals(struct buf *out, const struct proposal *proposed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "proposed %s on %s: %s\n", text_or(proposed[i].version),
		           proposed[i].branch ? proposed[i].branch : "the fleet branch",
		           proposal_state_names.names[proposed[i].outcome]);
}

static inline void text_history(struct buf *out, const struct deployment_status *status)
{
	char a[REVISION_SHORT + 1], b[REVISION_SHORT + 1];

	buf_printf(out, "phase %s (%s: %s)\n", phase_names.names[status->phase],
	           text_or(status->reason), text_or(status->message));
	buf_printf(out, "stable %s %g%s%s\n", text_short(status->stable, a), status->stable_weight,
	           status->broken ? " broken" : "", status->down_since_ms >= 0 ? " down" : "");
	if (status->candidate.hex[0])
		buf_printf(out, "candidate %s %g, step %d, durable %g%s\n",
		           text_short(status->candidate, b), status->candidate_weight, status->step,
		           status->durable_weight, status->going_back ? ", going back" : "");
	buf_printf(out, "weights %s\n", status->weights_seen ? "seen" : "not seen");
	for (size_t i = 0; i < status->n_promoted; i++)
		buf_printf(out, "promoted %s\n", status->promoted[i].version);
	for (size_t i = 0; i < status->n_quarantine; i++)
		buf_printf(out, "quarantined %s: %s\n", status->quarantine[i].version,
		           status->quarantine[i].reason);
	text_proposals(out, status->proposed, status->n_proposed);
	text_conditions(out, status->conditions, status->has_condition);
	for (size_t i = 0; i < status->n_history; i++)
		buf_printf(out, "%lld %s: %s\n", (long long)status->history[i].at_ms,
		           status->history[i].what, text_or(status->history[i].why));
}

#endif
