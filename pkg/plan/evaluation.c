/* Versions that no verdict of ours speaks for: written by hand, made elsewhere, compared with
 * something else than what serves, or judged under another gate. */
#include <string.h>

#include "gate/gate.h"
#include "plan/cycle.h"

/* A candidate of a target that waits for a verdict. */
struct need {
	const struct revision *revision, *stable; /* stable NULL: nothing serves there, or by guards
	                                           * alone, which compare with nothing */
	struct digest subject, incumbent, run;
};

static bool is_waiting(const struct deployment_status *status)
{
	switch (status->phase) {
	case PHASE_VERIFYING:
	case PHASE_WAITING:
	case PHASE_PROVISIONING:
	case PHASE_CHECKING:
	case PHASE_CANARY:
		return !status->going_back;
	case PHASE_STEADY:
	case PHASE_PROMOTING:
	case PHASE_ROLLING_BACK:
	case PHASE_ROLLED_BACK:
	case PHASE_RETIRING:
	case PHASE_STALLED:
	case PHASES:
		break;
	}
	return false;
}

static void name_need(const struct cycle *cycle, struct need *need)
{
	const struct model *model = cycle->in->model;
	struct digest gate = gate_digest(model, cycle->in->policy, cycle->arena);
	const char *text;

	need->subject = subject_digest(need->revision->artifact.digest, &need->revision->serve,
	                               &model->interface);
	if (need->stable)
		need->incumbent = subject_digest(need->stable->artifact.digest, &need->stable->serve,
		                                 &model->interface);
	text = arena_printf(cycle->arena, "evaluation\n%s\n%s\n%s\n%s\n%lld", model->meta.name,
	                    need->subject.hex, need->incumbent.hex, gate.hex,
	                    (long long)cycle->next->evaluation.asked_ms);
	need->run = digest_of(text, strlen(text));
}

/* The one that is under way, as long as it is needed; else the first; NULL: none. */
static const struct need *find_need(const struct cycle *cycle)
{
	const struct training_input *in = cycle->in;
	bool declared = gate_declared(in->model, in->policy);
	const struct need *found = NULL;

	for (size_t i = 0; i < in->n_targets; i++) {
		const struct deployment_status *status = in->targets[i].status;
		struct need *need;

		if (!status || !is_waiting(status))
			continue;
		need = arena_new(cycle->arena, struct need);
		need->revision = status_revision(status, status->candidate);
		need->stable = declared ? status_revision(status, status->stable) : NULL;
		if (!need->revision || gate_verdict(need->revision, need->stable, in->model, in->policy,
		                                    cycle->next, cycle->arena))
			continue;
		name_need(cycle, need);
		if (!found || digest_same(need->run, cycle->next->evaluation.run))
			found = need;
	}
	return found;
}

/* The rows that this artifact was tested on before: none that it was trained on. */
static const struct ledger_entry *rows_of(const struct cycle *cycle, struct digest artifact)
{
	const struct model_status *next = cycle->next;

	for (size_t i = 0; i < next->n_verdicts; i++)
		for (size_t j = 0; j < next->n_ledger; j++)
			if (digest_same(next->verdicts[i].artifact, artifact) &&
			    digest_same(next->verdicts[i].rows, next->ledger[j].rows) &&
			    !next->ledger[j].known)
				return &next->ledger[j];
	return NULL;
}

static void act(struct cycle *cycle, const struct need *need, enum action_kind kind,
                const char *why)
{
	struct action *action = cycle_act(cycle, kind, need->run, why);

	action->spec = need->revision;
	action->incumbent = need->stable;
	action->rows = rows_of(cycle, need->revision->artifact.digest);
}

static void forget(struct cycle *cycle)
{
	cycle->next->evaluation = (struct evaluation){
		.retry_ms = -1, .asked_ms = cycle->next->evaluation.asked_ms,
	};
}

static void judge(struct cycle *cycle, const struct need *need, enum verdict_result result)
{
	const struct run_result *run = &cycle->in->evaluation;
	const char *name = verdict_result_names.names[result];

	cycle_add_verdict(cycle, run, (struct verdict_record){
		.artifact = need->revision->artifact.digest, .subject = need->subject,
		.incumbent = need->incumbent, .result = result,
		.gate = gate_digest(cycle->in->model, cycle->in->policy, cycle->arena),
	});
	cycle_note(cycle, arena_printf(cycle->arena, "evaluated: %s (%s)", name,
	                               need->revision->version), cycle_cause(run));
	forget(cycle);
	cycle_wake(cycle, cycle->in->now_ms);
}

/* An error of the machinery: again after a while, three times, then when a person asks. */
static void again(struct cycle *cycle, const struct need *need, enum action_kind kind)
{
	struct evaluation *evaluation = &cycle->next->evaluation;

	if (evaluation->attempts >= GATE_ATTEMPTS)
		return;
	if (is_time(evaluation->retry_ms)) {
		cycle_wake(cycle, evaluation->retry_ms);
		if (cycle->in->now_ms < evaluation->retry_ms)
			return;
		evaluation->retry_ms = -1;
		act(cycle, need, kind, "the evaluation is tried again");
		return;
	}
	evaluation->why = cycle_cause(&cycle->in->evaluation);
	evaluation->attempts++;
	evaluation->retry_ms = cycle->in->now_ms +
	                       ((int64_t)RETRY_FIRST_MS << (evaluation->attempts - 1));
	cycle_note(cycle, arena_printf(cycle->arena, "evaluation %d failed (%s)",
	                               evaluation->attempts, need->revision->version),
	           evaluation->why);
}

static bool rows_used(const struct cycle *cycle, struct digest run)
{
	for (size_t i = 0; i < cycle->next->n_ledger; i++)
		if (text_same(cycle->next->ledger[i].run, run.hex))
			return true;
	return false;
}

/* Its predictions on these rows are in the store: they are judged again, not asked for. */
static bool judged_before(const struct cycle *cycle, struct digest subject, struct digest rows)
{
	for (size_t i = 0; i < cycle->next->n_verdicts; i++)
		if (digest_same(cycle->next->verdicts[i].subject, subject) &&
		    digest_same(cycle->next->verdicts[i].rows, rows))
			return true;
	return false;
}

static void test(struct cycle *cycle, const struct need *need)
{
	const struct run_result *run = &cycle->in->evaluation;

	if (!rows_used(cycle, need->run)) {
		cycle_use_rows(cycle, need->run, run);
		if (judged_before(cycle, need->subject, run->rows))
			cycle_give_back(cycle, need->run);
		cycle_wake(cycle, cycle->in->now_ms);
		return;
	}
	switch (run->evaluate) {
	case RUN_NONE:
		act(cycle, need, ACTION_EVALUATE, "the ledger entry is durable");
		break;
	case RUN_SUCCEEDED:
		judge(cycle, need, run->verdict);
		break;
	case RUN_FAILED:
		if (run->considered)
			judge(cycle, need, VERDICT_FAIL);
		else
			again(cycle, need, ACTION_EVALUATE);
		break;
	case RUN_ACTIVE:
	case RUN_STATES:
		break;
	}
}

static void follow(struct cycle *cycle, const struct need *need)
{
	const struct run_result *run = &cycle->in->evaluation;

	if (cycle->next->evaluation.attempts < GATE_ATTEMPTS)
		cycle_wake(cycle, cycle->in->now_ms + RUN_LOOK_MS);
	switch (run->train) {
	case RUN_NONE:
		act(cycle, need, ACTION_TRAIN, "it is taken up for its test");
		break;
	case RUN_SUCCEEDED:
		test(cycle, need);
		break;
	case RUN_FAILED:
		if (run->considered)
			judge(cycle, need, VERDICT_INCONCLUSIVE);
		else
			again(cycle, need, ACTION_TRAIN);
		break;
	case RUN_ACTIVE:
	case RUN_STATES:
		break;
	}
}

/* Nobody needs it any more; false while something of it runs. */
static bool let_go(struct cycle *cycle)
{
	const struct run_result *run = &cycle->in->evaluation;

	if (run->train == RUN_ACTIVE || run->evaluate == RUN_ACTIVE) {
		cycle_act(cycle, ACTION_CANCEL_RUN, cycle->next->evaluation.run,
		          "no candidate waits for this evaluation");
		cycle_wake(cycle, cycle->in->now_ms + RUN_LOOK_MS);
		return false;
	}
	forget(cycle);
	return true;
}

void evaluate_versions(struct cycle *cycle)
{
	struct evaluation *evaluation = &cycle->next->evaluation;
	bool declared = gate_declared(cycle->in->model, cycle->in->policy);
	const struct need *need =
		gate_asked(cycle->in->model, cycle->in->policy) ? find_need(cycle) : NULL;

	if (evaluation->run.hex[0] && (!need || !digest_same(need->run, evaluation->run)) &&
	    !let_go(cycle))
		return;
	if (!need)
		return;
	if (digest_same(need->run, evaluation->run)) {
		follow(cycle, need);
		return;
	}
	forget(cycle);
	evaluation->run = need->run;
	evaluation->version = need->revision->version;
	cycle_note(cycle, arena_printf(cycle->arena, "evaluating (%s)", need->revision->version),
	           need->stable ? arena_printf(cycle->arena, "no verdict of ours compares it with %s"
	                                       " under today's gates", need->stable->version)
	           : declared   ? "no verdict of ours speaks for it under today's gates"
	                        : "the guards have not judged it yet");
	cycle_wake(cycle, cycle->in->now_ms);
}

bool evaluate_again(struct cycle *cycle)
{
	struct model_status *next = cycle->next;
	struct verdict_record *kept = arena_array(cycle->arena, next->n_verdicts,
	                                          struct verdict_record);
	size_t n = 0;
	bool again;

	next->evaluation.asked_ms = cycle->in->now_ms;
	for (size_t i = 0; i < next->n_verdicts; i++)
		if (next->verdicts[i].result != VERDICT_INCONCLUSIVE)
			kept[n++] = next->verdicts[i];
	again = next->evaluation.run.hex[0] || n < next->n_verdicts;
	next->verdicts = kept;
	next->n_verdicts = n;
	return again;
}
