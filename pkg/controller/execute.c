/* A plan into acts, in order, through the ports. */
#include <string.h>

#include "controller/internal.h"

/* In a copy of the list, which may be that of the history. */
static struct proposal *find_proposal(struct controller *c, struct task *task, struct digest digest)
{
	bool model = !task->key->environment;
	struct proposal **list = model ? &task->training.next.proposed : &task->rollout.next.proposed;
	size_t n = model ? task->training.next.n_proposed : task->rollout.next.n_proposed;

	*list = arena_memdup(&c->arena, *list, n * sizeof(**list));
	for (size_t i = 0; i < n; i++)
		if (digest_same((*list)[i].digest, digest))
			return &(*list)[i];
	return NULL;
}

/* Writes into history what became of a proposal; recorded by the commit after the acts. */
static void note_proposal(struct controller *c, struct task *task, const struct action *action,
                          const struct propose_result *result)
{
	struct proposal *entry = find_proposal(c, task, action->proposal->digest);

	if (!entry || (result->state != PROPOSE_DONE && result->state != PROPOSE_REFUSED))
		return;
	if (result->state == PROPOSE_DONE && entry->tag) {
		entry->outcome = PROPOSAL_MERGED;
	} else if (result->state == PROPOSE_DONE) {
		entry->outcome = PROPOSAL_WAITING; /* until the accepted commit says so */
		entry->branch = result->branch ? arena_strdup(&c->arena, result->branch) : NULL;
		entry->commit = arena_strdup(&c->arena, result->commit.hex);
	} else {
		entry->outcome = PROPOSAL_DROPPED;
		entry->why = arena_strdup(&c->arena, result->why);
	}
	entry->at_ms = c->wall_ms;
	task->noted = true;
	c->ports.git.poke(c->ports.git.self);
	log_info("%s: %s: %s", task->key->id, action->proposal->subject,
	         result->state == PROPOSE_DONE ? entry->commit : result->why);
}

static int act_propose(struct controller *c, struct task *task, const struct action *action,
                       struct err *err)
{
	struct propose_result result = {0};

	if (push_proposal(c, action->proposal, &result, err))
		return -1;
	if (result.state == PROPOSE_FAILED)
		return err_set(err, ERR_TRANSIENT, "propose %s: %s", action->proposal->subject,
		               result.why ? result.why : "failed");
	task->pending = task->pending || result.state == PROPOSE_RUNNING;
	note_proposal(c, task, action, &result);
	return 0;
}

static int act_serving(struct controller *c, struct task *task, const struct action *action,
                       struct err *err)
{
	const struct deployment *declared = task->desired.deployment;
	struct serving_target target = {
		.key = {task->key->environment, task->key->name},
		.deployment = declared,
		.model = task->desired.model,
		.version = task->desired.version,
		.replicas = declared ? (int)declared->replicas : 0,
	};

	return c->ports.serving.apply(c->ports.serving.self, &target, action, err);
}

static int act(struct controller *c, struct task *task, const struct action *action,
               struct err *err)
{
	switch (action->kind) {
	case ACTION_SET_WEIGHTS:
	case ACTION_STOP_REPLICA:
	case ACTION_PREPARE:
	case ACTION_START_REPLICA:
	case ACTION_CHECK:
	case ACTION_DROP:
		return act_serving(c, task, action, err);
	case ACTION_PROPOSE:
		return act_propose(c, task, action, err);
	case ACTION_TRAIN:
	case ACTION_EVALUATE:
		return run_start(c, task, action, err);
	case ACTION_CANCEL_RUN:
		return run_cancel(c, action, err);
	case ACTION_KINDS:
		break;
	}
	panic("action of kind %d", (int)action->kind);
}

/* One table turns an error's kind into the next look: back off, at once, or soon. */
static void back_off(struct controller *c, struct key *key, enum err_kind kind)
{
	int64_t wait_ms = 1000;

	if (kind == ERR_TRANSIENT || kind == ERR_STALLED) {
		wait_ms = key->backoff_ms ? key->backoff_ms * 2 : BACKOFF_LEAST_MS;
		if (wait_ms > BACKOFF_MOST_MS)
			wait_ms = BACKOFF_MOST_MS;
		key->backoff_ms = wait_ms;
	} else if (kind == ERR_CONFLICT) {
		wait_ms = 0;
	}
	key->due_ms = c->now_ms + wait_ms;
}

/* Carries out the acts that only reduce exposure, or all the others; stops at the first failure of
 * this key. An act that failed is seen as not done by the next look, and planned again. */
void execute(struct controller *c, struct task *task, bool reducing)
{
	if (!task->plan || task->failed)
		return;
	for (size_t i = 0; i < task->plan->n_actions; i++) {
		const struct action *action = &task->plan->actions[i];
		struct err err = {0};

		if (action->reduces != reducing)
			continue;
		c->figures.actions[action->kind]++;
		if (!act(c, task, action, &err)) {
			log_debug("%s: %s: %s", task->key->id, action_kind_names.names[action->kind],
			          action->why);
			continue;
		}
		log_warn("%s: %s: %s", task->key->id, action_kind_names.names[action->kind], err.text);
		c->figures.action_errors[action->kind]++;
		task->failed = true;
		back_off(c, task->key, err.kind);
		return;
	}
}
