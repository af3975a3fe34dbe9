/* The retraining cycle: trigger -> run -> verdict -> proposal (LIFECYCLE.md). */
#include "gate/gate.h"
#include "plan/cycle.h"

#include <string.h>

enum {
	ATTEMPTS_MAX = 3,
	FRUITLESS_MAX = 2,
	REASON_BYTES = 200, /* of a kick's: its run, verdict and version each repeat it */
};

void cycle_enter(struct cycle *cycle, enum cycle_phase phase, const char *reason,
                 const char *message)
{
	cycle->next->phase = phase;
	cycle->next->phase_since_ms = cycle->in->now_ms;
	cycle->next->reason = reason;
	cycle->next->message = message;
	cycle->moved = true;
	cycle_wake(cycle, cycle->in->now_ms);
}

void cycle_note(struct cycle *cycle, const char *what, const char *why)
{
	struct transition transition = {cycle->in->now_ms, what, why};

	list_prepend(cycle->arena, cycle->next, history, transition, (size_t)LIMIT_HISTORY);
}

void cycle_wake(struct cycle *cycle, int64_t at_ms)
{
	plan_wake(cycle->plan, at_ms, cycle->in->now_ms);
}

static void say(struct cycle *cycle, const char *reason, const char *message)
{
	cycle->next->reason = reason;
	cycle->next->message = message;
}

struct action *cycle_act(struct cycle *cycle, enum action_kind kind, struct digest run,
                         const char *why)
{
	struct action *action = list_push(cycle->arena, &cycle->plan->actions,
	                                  &cycle->plan->n_actions);

	action->kind = kind;
	action->run = run;
	action->why = why;
	return action;
}

/* What a newer version meets there: in Promoting the candidate, which it makes the stable one. */
static const struct revision *serving_at(const struct deployment_status *status)
{
	if (!status)
		return NULL;
	return status_revision(status, status->phase == PHASE_PROMOTING ? status->candidate
	                                                                : status->stable);
}

/* What a new version would replace first. */
static const struct revision *incumbent_of(const struct cycle *cycle)
{
	for (size_t i = 0; i < cycle->in->n_targets; i++) {
		const struct target *target = &cycle->in->targets[i];
		const struct revision *serving = serving_at(target->status);

		if (serving && !target->deployment->promotion)
			return serving;
	}
	return NULL;
}

static void add_run_action(struct cycle *cycle, enum action_kind kind, const char *why)
{
	cycle_act(cycle, kind, cycle->next->run, why)->incumbent = incumbent_of(cycle);
}

/* ---- requests ---- */

static bool event_declared(const struct model *model, const char *event)
{
	for (size_t i = 0; model && i < model->n_triggers; i++)
		if (model->triggers[i].kind == TRIGGER_EVENT && text_same(model->triggers[i].event, event))
			return true;
	return false;
}

/* ": why somebody asked", cut between characters; "" when nobody said. */
static const char *reason_of(const struct cycle *cycle, const struct request *request)
{
	size_t len = request->reason ? strlen(request->reason) : 0, cut = REASON_BYTES;

	if (len == 0)
		return "";
	if (len <= REASON_BYTES)
		return arena_printf(cycle->arena, ": %s", request->reason);
	while (cut > 0 && ((unsigned char)request->reason[cut] & 0xc0) == 0x80)
		cut--;
	return arena_printf(cycle->arena, ": %.*s...", (int)cut, request->reason);
}

static const char *asked(const struct cycle *cycle, const struct request *request)
{
	const char *by = request->by ? request->by : "somebody", *reason = reason_of(cycle, request);

	return arena_printf(cycle->arena, "%s%s", by, reason[0] ? reason : " asked for it");
}

static void kick(struct cycle *cycle, const struct request *request)
{
	const char *by = request->by ? request->by : "somebody";

	if (request->event && !event_declared(cycle->in->model, request->event)) {
		cycle_note(cycle, "kick refused", arena_printf(cycle->arena,
		           "%s: no trigger of this model is the event '%s'", by, request->event));
		return;
	}
	cycle->next->pending_event = arena_printf(
		cycle->arena, "%s by %s%s%.10s%s", request->event ? request->event : "kick", by,
		request->commit ? ", commit " : "", request->commit ? request->commit : "",
		reason_of(cycle, request));
	cycle->next->pending_kick |= !request->event;
	cycle_note(cycle, "kicked", cycle->next->pending_event);
}

static void start(struct cycle *cycle, const char *why)
{
	cycle_note(cycle, "running", why);
	cycle_enter(cycle, CYCLE_RUNNING, "Running", cycle->next->trigger_why);
}

/* Who asks in vain is told, as who asks for something is. */
static void refuse(struct cycle *cycle, const struct request *request)
{
	cycle_note(cycle, arena_printf(cycle->arena, "%s refused",
	                               request_verb_names.names[request->verb]),
	           arena_printf(cycle->arena, "%s; nothing waits for it", asked(cycle, request)));
}

static void approve(struct cycle *cycle, const struct request *request)
{
	const struct model_status *next = cycle->next;

	if (next->phase == CYCLE_WAITING &&
	    (!request->revision.hex[0] || digest_same(request->revision, next->run)))
		start(cycle, arena_printf(cycle->arena, "approved by %s",
		                          request->by ? request->by : "somebody"));
	else
		refuse(cycle, request);
}

static void rest(struct cycle *cycle, const char *reason, const char *message)
{
	cycle->next->attempts = 0;
	cycle->next->retry_ms = -1;
	cycle->next->cancelled = false;
	cycle_enter(cycle, CYCLE_IDLE, reason, message);
}

/* What stalled is due again, whenever its cause was: an interrupted run goes on, one that did not
 * help is made anew. */
static void resume(struct cycle *cycle)
{
	struct model_status *next = cycle->next;
	bool error = text_same(next->reason, "RunFailed") || !cycle->in->model;
	struct cause again = {next->trigger, arena_printf(cycle->arena, "after %s", next->run.hex),
	                      next->trigger_why};

	if (!error)
		next->run = run_id(cycle, &again);
	next->fruitless = 0;
	next->attempts = 0;
	next->retry_ms = error ? cycle->in->now_ms : -1;
	cycle_enter(cycle, CYCLE_DUE, trigger_kind_names.names[next->trigger], next->trigger_why);
}

static bool attempt_waits(const struct model_status *status)
{
	return (status->phase == CYCLE_RUNNING || status->phase == CYCLE_EVALUATING) &&
	       is_time(status->retry_ms);
}

/* An attempt that waits is due now; it is one of three still. */
static void retry(struct cycle *cycle, const struct request *request)
{
	struct model_status *next = cycle->next;
	bool stalled = next->phase == CYCLE_STALLED, waits = attempt_waits(next);

	if (!evaluate_again(cycle) && !stalled && !waits) {
		refuse(cycle, request);
		return;
	}
	cycle_note(cycle, "retried", asked(cycle, request));
	if (waits && next->retry_ms > cycle->in->now_ms)
		next->retry_ms = cycle->in->now_ms;
	if (stalled)
		resume(cycle);
}

static void take_request(struct cycle *cycle, const struct request *request)
{
	struct model_status *next = cycle->next;

	switch (request->verb) {
	case REQUEST_KICK:
		kick(cycle, request);
		break;
	case REQUEST_APPROVE:
		approve(cycle, request);
		break;
	case REQUEST_RETRY:
		retry(cycle, request);
		break;
	case REQUEST_REJECT:
		if (next->phase == CYCLE_WAITING)
			rest(cycle, "Rejected", "a person rejected this run");
		else
			refuse(cycle, request);
		break;
	case REQUEST_ROLLBACK:
	case REQUEST_RESTART:
	case REQUEST_ACCEPT_REWIND:
	case REQUEST_VERBS:
		break;
	}
}

/* ---- phases ---- */

static void take_cause(struct cycle *cycle, const struct cause *cause)
{
	struct model_status *next = cycle->next;

	next->run = run_id(cycle, cause);
	next->fruitless = next->trigger == cause->kind ? next->fruitless : 0;
	next->trigger = cause->kind;
	next->trigger_why = cause->why;
	next->train_digest = cycle->in->train_digest;
	next->attempts = 0;
	next->retry_ms = -1;
	set_baselines(cycle);
	if (cause->kind == TRIGGER_EVENT)
		forget_event(cycle);
	cycle_note(cycle, arena_printf(cycle->arena, "due (%s)", trigger_kind_names.names[cause->kind]),
	           cause->why);
	cycle_enter(cycle, CYCLE_DUE, trigger_kind_names.names[cause->kind], cause->why);
}

/* What cannot be read is never due: that is said, so that somebody mends it. */
static void say_problem(struct cycle *cycle)
{
	const char *problem = cycle->in->problem;

	if (cycle->next->phase != CYCLE_IDLE)
		return;
	if (problem)
		say(cycle, "InputUnreadable", problem);
	else if (text_same(cycle->next->reason, "InputUnreadable"))
		say(cycle, "InputReadable", "what triggers look at can be read again");
}

/* When the cooldown is over: now for a first version, whose runs in vain stall it, and for a person
 * who kicks. */
static int64_t cooldown_end(const struct cycle *cycle, const struct cause *cause)
{
	const struct model_status *next = cycle->next;

	if (!is_time(next->last_finished_ms) || cause->kind == TRIGGER_FIRST ||
	    (cause->kind == TRIGGER_EVENT && (next->pending_kick || !cycle->in->n_versions)))
		return cycle->in->now_ms;
	return next->last_finished_ms + cycle->in->model->cooldown_ms;
}

static void look_for_cause(struct cycle *cycle)
{
	char when[TIME_TEXT];
	struct cause cause;
	int64_t cool_ms;

	if (!cycle->in->model->train)
		return;
	if (cycle->in->barred || !find_cause(cycle, &cause)) {
		say_problem(cycle);
		return;
	}
	cool_ms = cooldown_end(cycle, &cause);
	if (cycle->in->now_ms >= cool_ms) {
		take_cause(cycle, &cause);
		return;
	}
	cycle_wake(cycle, cool_ms);
	if (cycle->next->phase != CYCLE_IDLE)
		return;
	format_time(cool_ms, when);
	say(cycle, "Cooldown", arena_printf(cycle->arena, "due at %s, after the cooldown (`linnet kick"
	                                    " %s` does not wait): %s", when,
	                                    cycle->in->model->meta.name, cause.why));
}

static void due(struct cycle *cycle)
{
	switch (cycle->in->model->retrain) {
	case LEVEL_AUTO:
		start(cycle, cycle->next->trigger_why);
		break;
	case LEVEL_MANUAL:
		if (cycle->next->trigger == TRIGGER_EVENT) /* a person did ask */
			start(cycle, cycle->next->trigger_why);
		else
			cycle_enter(cycle, CYCLE_WAITING, "Manual", "runs are started by `linnet kick` alone");
		break;
	case LEVEL_APPROVE:
	case LEVEL_UNSET:
	case LEVELS:
		cycle_enter(cycle, CYCLE_WAITING, "Approval",
		            arena_printf(cycle->arena, "run %.10s needs an approval: %s",
		                         cycle->next->run.hex, cycle->next->trigger_why));
		break;
	}
}

static void finish(struct cycle *cycle, const char *reason, const char *why, bool helped)
{
	struct model_status *next = cycle->next;

	next->last_finished_ms = cycle->in->now_ms;
	next->fruitless = helped ? 0 : next->fruitless + 1;
	cycle_note(cycle, helped ? "finished" : "nothing to propose", why);
	rest(cycle, reason, why);
	if (next->fruitless >= FRUITLESS_MAX)
		cycle_enter(cycle, CYCLE_STALLED, "NoImprovement",
		            arena_printf(cycle->arena,
		                         "%d runs for the same cause did not help; the last: %s",
		                         next->fruitless, why));
}

/* An error of the machinery, not a judgement: again after a while, three times. */
static void failed(struct cycle *cycle, enum action_kind again, const char *why)
{
	struct model_status *next = cycle->next;
	char when[TIME_TEXT];

	if (is_time(next->retry_ms)) {
		cycle_wake(cycle, next->retry_ms);
		if (cycle->in->now_ms < next->retry_ms)
			return;
		next->retry_ms = -1;
		say(cycle, cycle_phase_names.names[next->phase],
		    arena_printf(cycle->arena, "attempt %d of %d; the one before failed: %s",
		                 next->attempts + 1, ATTEMPTS_MAX, why));
		add_run_action(cycle, again, "the run is tried again");
		return;
	}
	next->attempts++;
	cycle_note(cycle, arena_printf(cycle->arena, "attempt %d failed", next->attempts), why);
	if (next->attempts >= ATTEMPTS_MAX) {
		next->last_finished_ms = cycle->in->now_ms;
		cycle_enter(cycle, CYCLE_STALLED, "RunFailed", why);
		return;
	}
	next->retry_ms = cycle->in->now_ms + ((int64_t)RETRY_FIRST_MS << (next->attempts - 1));
	format_time(next->retry_ms, when);
	say(cycle, "Retrying", arena_printf(cycle->arena, "nothing runs: attempt %d of %d failed, the"
	                                    " next is due at %s: %s", next->attempts, ATTEMPTS_MAX,
	                                    when, why));
}

/* What the run is about has changed: it is cancelled and made anew, once. */
static bool was_cancelled(struct cycle *cycle)
{
	struct model_status *next = cycle->next;
	struct cause cause = {next->trigger, arena_printf(cycle->arena, "instead of %s", next->run.hex),
	                      next->trigger_why};

	if (next->cancelled || digest_same(next->train_digest, cycle->in->train_digest))
		return false;
	if (cycle->in->run.train == RUN_ACTIVE || cycle->in->run.evaluate == RUN_ACTIVE) {
		/* until it is seen ended: after a crash, too, nothing of it runs beside the next one */
		add_run_action(cycle, ACTION_CANCEL_RUN, "train, interface or source changed");
		return true;
	}
	cycle_note(cycle, "cancelled", "train, interface or source changed");
	next->cancelled = true;
	next->run = run_id(cycle, &cause);
	next->train_digest = cycle->in->train_digest;
	next->sources = cycle->in->sources;
	next->attempts = 0;
	next->retry_ms = -1;
	cycle_enter(cycle, CYCLE_RUNNING, "Running", next->trigger_why);
	return true;
}

void cycle_use_rows(struct cycle *cycle, struct digest run, const struct run_result *result)
{
	const char *id = arena_strdup(cycle->arena, run.hex);
	struct ledger_entry entry = {result->rows, id, result->n_rows, result->rows_from_ms,
	                             result->rows_to_ms, cycle->in->now_ms, false, result->known};

	for (size_t i = 0; i < cycle->next->n_ledger; i++)
		if (text_same(cycle->next->ledger[i].run, id))
			return;
	list_prepend(cycle->arena, cycle->next, ledger, entry, (size_t)EVIDENCE_MAX);
}

void cycle_give_back(struct cycle *cycle, struct digest run)
{
	struct model_status *next = cycle->next;

	next->ledger = arena_memdup(cycle->arena, next->ledger,
	                            next->n_ledger * sizeof(*next->ledger));
	for (size_t i = 0; i < next->n_ledger; i++)
		next->ledger[i].same = next->ledger[i].same || text_same(next->ledger[i].run, run.hex);
}

void cycle_add_verdict(struct cycle *cycle, const struct run_result *run,
                       struct verdict_record record)
{
	record.key = run->verdict_key;
	record.rows = run->rows;
	record.why = cycle_cause(run);
	record.at_ms = cycle->in->now_ms;
	if (digest_same(record.gate, gate_digest(cycle->in->model, cycle->in->policy, cycle->arena)))
		record.demands = gate_demands(cycle->in->model, cycle->in->policy, cycle->arena,
		                              &record.n_demands);
	list_prepend(cycle->arena, cycle->next, verdicts, record, (size_t)EVIDENCE_MAX);
	cycle->next->decided = run->evidence;
	if (run->same)
		cycle_give_back(cycle, run->run);
}

const char *cycle_cause(const struct run_result *run)
{
	return run->why ? run->why : "the run left no reason";
}

/* What would not do now will not do again: a person mends it. That rows were is not seen, unless
 * there are enough more of them or a trigger looks at all of the data. */
static void refused(struct cycle *cycle, const char *why)
{
	finish(cycle, "Failed", arena_printf(cycle->arena, "%s; once that is mended: `linnet kick %s`",
	                                     why, cycle->in->model->meta.name), false);
}

static void running(struct cycle *cycle)
{
	const struct run_result *run = &cycle->in->run;

	if (was_cancelled(cycle))
		return;
	if (run->data.hex[0]) /* it may have read more than was seen when it was taken up */
		cycle->next->data_content = run->data;
	switch (run->train) {
	case RUN_NONE:
		if (cycle->in->barred)
			finish(cycle, "InputUnreadable", cycle->in->problem, false);
		else
			add_run_action(cycle, ACTION_TRAIN, cycle->next->trigger_why);
		break;
	case RUN_ACTIVE:
		break;
	case RUN_SUCCEEDED:
		cycle->next->artifact = run->artifact;
		cycle->next->attempts = 0;
		cycle->next->retry_ms = -1;
		cycle_use_rows(cycle, cycle->next->run, run);
		cycle_note(cycle, "evaluating",
		           arena_printf(cycle->arena, "artifact %.10s on %lld test rows",
		                        run->artifact.digest.hex, (long long)run->n_rows));
		cycle_enter(cycle, CYCLE_EVALUATING, "Evaluating", "the test rows are read once");
		break;
	case RUN_FAILED:
		if (run->considered)
			refused(cycle, cycle_cause(run));
		else
			failed(cycle, ACTION_TRAIN, cycle_cause(run));
		break;
	case RUN_STATES:
		break;
	}
}

/* What the run was judged under. A gate that was loosened for it is like no other. */
static struct digest judged_terms(const struct cycle *cycle, const struct run_result *run)
{
	const char *text = gate_loosened(run->subject, cycle->in->model, cycle->in->policy, cycle->next,
	                                 cycle->arena);

	if (!text)
		return cycle->in->terms;
	text = arena_printf(cycle->arena, "loosened %s", cycle->in->terms.hex);
	return digest_of(text, strlen(text));
}

static void judged(struct cycle *cycle, const struct run_result *run)
{
	cycle_add_verdict(cycle, run, (struct verdict_record){
		.artifact = cycle->next->artifact.digest, .subject = run->subject,
		.incumbent = run->incumbent, .gate = run->gate, .result = run->verdict,
	});
	switch (run->verdict) {
	case VERDICT_PASS:
	case VERDICT_NOT_APPLICABLE:
		cycle->next->terms = judged_terms(cycle, run);
		if (want_version(cycle))
			cycle_enter(cycle, CYCLE_PROPOSING, "Proposing", cycle_cause(run));
		else
			finish(cycle, cycle->next->reason, cycle->next->message, true);
		break;
	case VERDICT_FAIL:
	case VERDICT_INCONCLUSIVE:
	case VERDICT_RESULTS:
		finish(cycle, run->verdict == VERDICT_FAIL ? "GateFailed" : "Inconclusive",
		       cycle_cause(run), false);
		break;
	}
}

static void evaluating(struct cycle *cycle)
{
	const struct run_result *run = &cycle->in->run;

	if (was_cancelled(cycle))
		return;
	switch (run->evaluate) {
	case RUN_NONE:
		add_run_action(cycle, ACTION_EVALUATE, "the ledger entry is durable");
		break;
	case RUN_ACTIVE:
		break;
	case RUN_SUCCEEDED:
		judged(cycle, run);
		break;
	case RUN_FAILED:
		if (run->considered)
			finish(cycle, "Failed", cycle_cause(run), false);
		else
			failed(cycle, ACTION_EVALUATE, cycle_cause(run));
		break;
	case RUN_STATES:
		break;
	}
}

static void proposing(struct cycle *cycle)
{
	switch (follow_versions(cycle)) {
	case PROPOSAL_WANTED:
		break;
	case PROPOSAL_WAITING:
		if (cycle->next->phase != CYCLE_PROPOSED)
			cycle_enter(cycle, CYCLE_PROPOSED, "Proposed", "the branch waits for its merge");
		else
			look_for_cause(cycle);
		break;
	case PROPOSAL_MERGED:
		finish(cycle, "Merged", "the accepted commit holds the new version", true);
		break;
	case PROPOSAL_REFUSED:
		finish(cycle, "Refused", "the branch was deleted without a merge", true);
		break;
	case PROPOSAL_DROPPED:
	case PROPOSAL_NONE:
	case PROPOSAL_STATES:
		finish(cycle, "Dropped", "the declaration was changed meanwhile", true);
		break;
	}
}

static void stalled(struct cycle *cycle)
{
	struct model_status *next = cycle->next;

	if (!next->pending_event && !new_data_due(cycle) &&
	    digest_same(next->train_digest, cycle->in->train_digest))
		return;
	next->fruitless = 0;
	rest(cycle, "NewInput", "what is trained or the data changed, or a person asked");
}

static void step_phase(struct cycle *cycle)
{
	switch (cycle->next->phase) {
	case CYCLE_IDLE: /* a later run that did not help leaves what waits as it was */
		if (version_waits(cycle))
			cycle_enter(cycle, CYCLE_PROPOSED, "Proposed", "the branch waits for its merge");
		else
			look_for_cause(cycle);
		break;
	case CYCLE_DUE:
		due(cycle);
		break;
	case CYCLE_WAITING: /* a person approves, rejects or kicks */
		if (cycle->next->pending_event)
			look_for_cause(cycle);
		break;
	case CYCLE_RUNNING:
		running(cycle);
		break;
	case CYCLE_EVALUATING:
		evaluating(cycle);
		break;
	case CYCLE_PROPOSING:
	case CYCLE_PROPOSED:
		proposing(cycle);
		break;
	case CYCLE_STALLED:
		stalled(cycle);
		break;
	case CYCLE_PHASES:
		break;
	}
}

/* ---- conditions, and one look ---- */

static void set_condition(struct cycle *cycle, enum condition_type type, bool only_while,
                          enum truth status, const char *reason, const char *message)
{
	struct model_status *next = cycle->next;

	next->has_condition[type] = only_while;
	if (only_while)
		condition_set(&next->conditions[type], type, status, reason, message, cycle->in->now_ms);
	else
		next->conditions[type] = (struct condition){0};
}

static void conclude(struct cycle *cycle)
{
	struct model_status *next = cycle->next;
	const char *reason = next->reason ? next->reason : "Idle";
	const char *message = next->message ? next->message : "";
	bool idle = next->phase == CYCLE_IDLE, stuck = next->phase == CYCLE_STALLED;
	bool any = cycle->in->n_versions > 0;

	set_condition(cycle, CONDITION_READY, cycle->in->known, any ? TRUTH_TRUE : TRUTH_FALSE,
	              any ? "HasVersion" : "NoVersion",
	              any ? "the model has a version" : "the model has no version yet");
	set_condition(cycle, CONDITION_RECONCILING, !idle && !stuck, TRUTH_TRUE, reason, message);
	set_condition(cycle, CONDITION_STALLED, stuck, TRUTH_TRUE, reason, message);
}

static bool evaluation_differs(const struct evaluation *a, const struct evaluation *b)
{
	return strcmp(a->run.hex, b->run.hex) != 0 || a->asked_ms != b->asked_ms ||
	       a->attempts != b->attempts || a->retry_ms != b->retry_ms || !text_same(a->why, b->why);
}

bool cycle_differs(const struct model_status *a, const struct model_status *b)
{
#define list_differs(list) (a->list != b->list || a->n_##list != b->n_##list)
	return a->phase != b->phase || a->phase_since_ms != b->phase_since_ms ||
	       !text_same(a->reason, b->reason) || !text_same(a->message, b->message) ||
	       a->trigger != b->trigger || strcmp(a->run.hex, b->run.hex) != 0 ||
	       a->attempts != b->attempts || a->retry_ms != b->retry_ms ||
	       a->last_finished_ms != b->last_finished_ms || a->fruitless != b->fruitless ||
	       a->cancelled != b->cancelled || !text_same(a->pending_event, b->pending_event) ||
	       a->pending_kick != b->pending_kick ||
	       a->data_rows != b->data_rows || strcmp(a->data_first.hex, b->data_first.hex) != 0 ||
	       strcmp(a->data_content.hex, b->data_content.hex) != 0 ||
	       strcmp(a->terms.hex, b->terms.hex) != 0 ||
	       strcmp(a->sources.hex, b->sources.hex) != 0 || a->scheduled_ms != b->scheduled_ms ||
	       a->highest_version != b->highest_version || list_differs(verdicts) ||
	       evaluation_differs(&a->evaluation, &b->evaluation) ||
	       list_differs(ledger) || list_differs(proposed) || list_differs(history) ||
	       !text_same(a->observed_manifest, b->observed_manifest) ||
	       conditions_differ(a->conditions, a->has_condition, b->conditions, b->has_condition);
#undef list_differs
}

static void begin(struct cycle *cycle)
{
	struct model_status *next = cycle->next;

	if (next->phase_since_ms)
		return;
	next->phase_since_ms = cycle->in->now_ms;
	next->retry_ms = next->last_finished_ms = -1;
	next->data_rows = next->scheduled_ms = -1;
}

static void remember_commit(struct cycle *cycle)
{
	struct model_status *next = cycle->next;

	if (!cycle->moved && text_same(next->observed_manifest, cycle->in->manifest))
		return;
	next->observed_commit = cycle->in->commit;
	next->observed_manifest = cycle->in->manifest;
}

struct training_output plan_training(const struct training_input *input, struct arena *arena)
{
	struct training_output output = {.plan.wake_ms = -1, .next = input->history};
	struct cycle cycle = {.in = input, .arena = arena, .next = &output.next, .plan = &output.plan};
	bool resting;

	begin(&cycle);
	if (input->recovered)
		cycle_note(&cycle, "status recovered", input->recovered);
	for (size_t i = 0; i < input->n_requests; i++)
		take_request(&cycle, &input->requests[i]);
	if (input->known && input->model) {
		keep_baselines(&cycle);
		close_merged(&cycle);
		if (!cycle.moved)
			step_phase(&cycle);
		want_promotions(&cycle);
		emit_proposals(&cycle);
		evaluate_versions(&cycle); /* the last: its acts may wait for other runs */
		remember_commit(&cycle);
		conclude(&cycle);
	}
	resting = output.next.phase == CYCLE_IDLE || output.next.phase == CYCLE_STALLED ||
	          output.next.phase == CYCLE_WAITING;
	cycle_wake(&cycle, input->now_ms + (resting ? REST_LOOK_MS : RUN_LOOK_MS));
	output.changed = cycle_differs(&output.next, &input->history);
	return output;
}
