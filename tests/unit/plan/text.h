/* A plan and a history as text, complete enough that equal text is an equal plan. */
#ifndef LINNET_TESTS_TEXT_H
#define LINNET_TESTS_TEXT_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
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

static inline void text_time(struct buf *out, const char *name, int64_t at_ms)
{
	char when[TIME_TEXT];

	if (at_ms == -1)
		return;
	format_time(at_ms, when);
	buf_printf(out, "%s %s\n", name, when);
}

/* What a history holds beside that. */
static inline void text_record(struct buf *out, const struct deployment_status *status)
{
	buf_printf(out, "observed %s %s, router %s\n", text_or(status->observed_commit),
	           text_or(status->observed_manifest), text_or(status->router));
	buf_printf(out, "step %d, %lld replicas, drained in %lld ms, kept for %lld ms\n", status->step,
	           (long long)status->replicas, (long long)status->drain_ms,
	           (long long)status->keep_previous_ms);
	text_time(out, "phase since", status->phase_since_ms);
	text_time(out, "rollout since", status->rollout_since_ms);
	text_time(out, "keeps until", status->keep_until_ms);
	text_time(out, "restarts since", status->restart_ms);
	text_time(out, "down since", status->down_since_ms);
	for (size_t i = 0; i < status->n_revisions; i++)
		buf_printf(out, "revision %s of %s\n", status->revisions[i].version,
		           text_or(status->revisions[i].commit));
	for (size_t i = 0; i < status->n_approvals; i++)
		buf_printf(out, "approved by %s\n", text_or(status->approvals[i].by));
	for (size_t i = 0; i < status->n_admitted; i++)
		buf_printf(out, "admitted %.10s: %s %s\n", status->admitted[i].revision.hex,
		           verdict_result_names.names[status->admitted[i].result],
		           text_or(status->admitted[i].why));
	if (status->decided)
		text_time(out, "decided", status->decided->judged_ms);
	if (status->stable_reference.requests)
		buf_printf(out, "stable reference of %llu requests\n",
		           (unsigned long long)status->stable_reference.requests);
}

/* ---- a log: what a pass finds changed ---- */

static inline bool text_has_line(const char *text, const char *line, size_t len)
{
	for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL)
		if (strncmp(text, line, len) == 0)
			return true;
	return false;
}

/* The lines of `text` that `other` does not have. */
static inline void text_new_lines(struct buf *out, char sign, const char *text, const char *other)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		if (!text_has_line(other, text, (size_t)(end + 1 - text)))
			buf_printf(out, "%c %.*s\n", sign, (int)(end - text), text);
}

static inline void text_changes(struct buf *out, const struct buf *before, const struct buf *now)
{
	text_new_lines(out, '-', buf_text(before), buf_text(now));
	text_new_lines(out, '+', buf_text(now), buf_text(before));
}

static inline void text_model(struct buf *out, const struct model_status *status)
{
	buf_printf(out, "phase %s (%s: %s)\n", cycle_phase_names.names[status->phase],
	           text_or(status->reason), text_or(status->message));
	text_time(out, "phase since", status->phase_since_ms);
	buf_printf(out, "run %.6s of %s: %s%s\n", status->run.hex,
	           trigger_kind_names.names[status->trigger], text_or(status->trigger_why),
	           status->cancelled ? ", anew" : "");
	buf_printf(out, "%d attempts, %d for nothing, event %s%s, v%lld, observed %s %s\n",
	           status->attempts, status->fruitless, text_or(status->pending_event),
	           status->pending_kick ? " at once" : "",
	           (long long)status->highest_version, text_or(status->observed_commit),
	           text_or(status->observed_manifest));
	buf_printf(out, "trained %.6s, artifact %.6s, terms %.6s, sources %.6s, %lld rows from %.6s\n",
	           status->train_digest.hex, status->artifact.digest.hex, status->terms.hex,
	           status->sources.hex, (long long)status->data_rows, status->data_first.hex);
	text_time(out, "not before", status->retry_ms);
	text_time(out, "finished", status->last_finished_ms);
	text_time(out, "ticks after", status->scheduled_ms);
	buf_printf(out, "evaluation %.6s of %s: %d attempts (%s)\n", status->evaluation.run.hex,
	           text_or(status->evaluation.version), status->evaluation.attempts,
	           text_or(status->evaluation.why));
	text_time(out, "evaluation not before", status->evaluation.retry_ms);
	text_time(out, "evaluation asked", status->evaluation.asked_ms);
	for (size_t i = 0; i < status->n_ledger; i++)
		buf_printf(out, "used %.6s for %.6s: %lld rows%s\n", status->ledger[i].rows.hex,
		           status->ledger[i].run, (long long)status->ledger[i].n_rows,
		           status->ledger[i].same ? ", no use" : "");
	for (size_t i = 0; i < status->n_verdicts; i++)
		buf_printf(out, "verdict %s on %.6s: %s\n",
		           verdict_result_names.names[status->verdicts[i].result],
		           status->verdicts[i].artifact.hex, text_or(status->verdicts[i].why));
	text_proposals(out, status->proposed, status->n_proposed);
	for (size_t i = 0; i < status->n_proposed; i++)
		buf_printf(out, "why %s: %s\n", text_or(status->proposed[i].version),
		           text_or(status->proposed[i].why));
	text_conditions(out, status->conditions, status->has_condition);
	for (size_t i = 0; i < status->n_history; i++)
		buf_printf(out, "%lld %s: %s\n", (long long)status->history[i].at_ms,
		           status->history[i].what, text_or(status->history[i].why));
}

/* A transcript is a file of lines that begin with "$ ", comments, and what came of each. Plays the
 * lines again; LINNET_GOLDEN=write writes what comes of them now. `name` is a path. */
static inline void text_play(const char *name, struct arena *arena, struct buf *out,
                             void (*tell)(void *context, char *line), void *context)
{
	const char *mode = getenv("LINNET_GOLDEN");
	struct err err = {0};
	struct buf text;
	char *line, *rest;

	buf_init(&text, 1 << 20);
	if (file_read(AT_FDCWD, name, &text, &err) < 0)
		fail_msg("%s", err.text);
	rest = arena_strdup(arena, buf_text(&text));
	while ((line = strsep(&rest, "\n"))) {
		if (line[0] == '#' || line[0] == '$')
			buf_printf(out, "%s\n", line);
		if (line[0] == '$')
			tell(context, line + 2);
	}
	if (mode && strcmp(mode, "write") == 0) {
		if (file_replace(AT_FDCWD, name, out->text, out->len, 0644, &err) < 0)
			fail_msg("%s", err.text);
	} else {
		assert_string_equal(buf_text(out), buf_text(&text));
	}
	buf_deinit(&text);
}

#endif
