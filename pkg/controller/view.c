/* What is shown of the keys and of the controller itself, built where something changed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "controller/internal.h"

enum { TRAIL_POINTS = 64, VIEW_BYTES = 4 << 20 };

/* What a key's view was built from last, as far as its status does not tell. */
struct shown {
	bool known;
	int64_t ready[2];  /* of the stable one and of the candidate */
	uint64_t requests; /* that the evidence holds */
	struct digest candidate;
	int64_t rollout_since_ms;
	struct weight_point trail[TRAIL_POINTS];
	size_t n_trail;
};

static struct shown *shown_of(struct key *key)
{
	if (!key->shown)
		key->shown = heap_alloc(1, sizeof(*key->shown));
	return key->shown;
}

static void add_point(struct shown *shown, int64_t at_ms, double weight)
{
	if (shown->n_trail && shown->trail[shown->n_trail - 1].weight == weight)
		return;
	if (shown->n_trail == TRAIL_POINTS)
		memmove(shown->trail, shown->trail + 1, --shown->n_trail * sizeof(*shown->trail));
	shown->trail[shown->n_trail++] = (struct weight_point){at_ms, weight};
}

static double weight_of(const struct deployment_status *status, struct digest revision)
{
	if (digest_same(status->stable, revision))
		return status->stable_weight;
	return digest_same(status->candidate, revision) ? status->candidate_weight : 0;
}

/* The weight of a candidate from its taking up to its end; after a restart, what lies between the
 * beginning and the present phase is not known any more. */
static void follow_weight(struct controller *c, struct shown *shown,
                          const struct deployment_status *status)
{
	bool another = status->candidate.hex[0] &&
	               (!digest_same(status->candidate, shown->candidate) ||
	                status->rollout_since_ms != shown->rollout_since_ms);

	if (another) {
		shown->candidate = status->candidate;
		shown->rollout_since_ms = status->rollout_since_ms;
		shown->n_trail = 0;
		add_point(shown, status->rollout_since_ms, 0);
	}
	if (shown->n_trail)
		add_point(shown, another ? status->phase_since_ms : c->wall_ms,
		          weight_of(status, shown->candidate));
}

static int64_t count_ready(const struct observed *observed, struct digest revision)
{
	int64_t n = 0;

	for (size_t i = 0; i < observed->n_replicas; i++)
		n += observed->replicas[i].state == REPLICA_READY &&
		     digest_same(observed->replicas[i].revision, revision);
	return n;
}

/* What is wrong first, else where the rollout stands, else that all is as declared. */
static const char *message_of(const struct deployment_status *status)
{
	const struct condition *synced = &status->conditions[CONDITION_SYNCED];

	if (status->has_condition[CONDITION_SYNCED] && synced->reason &&
	    (!status->message || !strcmp(synced->reason, "Frozen")))
		return synced->message;
	return status->message;
}

static enum truth truth_of(const struct deployment_status *status, enum condition_type type)
{
	return status->has_condition[type] ? status->conditions[type].status : TRUTH_UNKNOWN;
}

static struct deployment_row row_of(const struct task *task, const struct shown *shown)
{
	const struct deployment_status *status = &task->rollout.next;
	const struct revision *stable = status_revision(status, status->stable);
	const struct revision *candidate = status_revision(status, status->candidate);
	const struct model *model = task->desired.model;

	return (struct deployment_row){
		.environment = task->key->environment,
		.name = task->key->name,
		.model = model ? model->meta.name : stable ? stable->model : NULL,
		.phase = status->phase,
		.since_ms = status->phase_since_ms,
		.message = message_of(status),
		.ready = truth_of(status, CONDITION_READY),
		.synced = truth_of(status, CONDITION_SYNCED),
		.healthy = truth_of(status, CONDITION_HEALTHY),
		.stalled = status->has_condition[CONDITION_STALLED],
		.stable = {stable ? stable->version : NULL, status->stable_weight, shown->ready[0]},
		.candidate = {candidate ? candidate->version : NULL, status->candidate_weight,
		              shown->ready[1]},
		.replicas = status->replicas,
	};
}

/* NULL: predictions are not watched. */
static const struct label_figures *labels_of(const struct task *task, struct arena *arena)
{
	const struct evidence *evidence = &task->evidence;
	const struct finding *findings;
	struct label_figures *figures;
	size_t n = 0, i = 0;

	if (!task->desired.deployment || !evidence->revision.hex[0])
		return NULL;
	findings = gate_findings(evidence, &task->desired.deployment->rollout.analysis, arena, &n);
	while (i < n && isnan(findings[i].limit))
		i++;
	if (i == n)
		return NULL;
	figures = arena_array(arena, 1, struct label_figures);
	*figures = (struct label_figures){
		.label = findings[i].label, .numbers = findings[i].numbers,
		.candidate = findings[i].candidate, .stable = findings[i].stable,
		.n_candidate = findings[i].n_candidate, .n_stable = findings[i].n_stable,
		.distance = findings[i].distance,
		.low = findings[i].shown.low, .high = findings[i].shown.high,
		.limit = findings[i].limit,
	};
	return figures;
}

static void tell_deployment(struct controller *c, const struct task *task,
                            const struct shown *shown)
{
	const struct evidence *evidence = &task->evidence;
	struct deployment_view view = {
		.row = row_of(task, shown),
		.status = &task->rollout.next,
		.rollout = task->desired.deployment ? &task->desired.deployment->rollout : NULL,
		.evidence = evidence->revision.hex[0] ? evidence : NULL,
		.candidate = gate_figures(&evidence->candidate),
		.stable = gate_figures(&evidence->stable_arm),
		.at_step = gate_figures(&evidence->at_step),
		.predictions = labels_of(task, &c->arena),
		.trail = shown->trail,
		.n_trail = shown->n_trail,
	};
	struct buf row, whole;

	buf_init(&row, VIEW_BYTES);
	buf_init(&whole, VIEW_BYTES);
	deployment_view_encode(&row, &whole, &view);
	c->config.watch.deployment(c->config.watch.self, &view, (struct bytes){row.text, row.len},
	                           (struct bytes){whole.text, whole.len});
	buf_deinit(&row);
	buf_deinit(&whole);
}

static void show_deployment(struct controller *c, const struct task *task)
{
	const struct deployment_status *status = &task->rollout.next;
	const struct evidence *evidence = &task->evidence;
	struct shown *shown = shown_of(task->key);
	int64_t ready[] = {shown->ready[0], shown->ready[1]};
	uint64_t requests = evidence->candidate.requests + evidence->stable_arm.requests;

	if (task->observed.known) {
		ready[0] = count_ready(&task->observed, status->stable);
		ready[1] = count_ready(&task->observed, status->candidate);
	}
	if (shown->known && !task->rollout.changed && !task->noted && !task->key->held_ms &&
	    requests == shown->requests && !memcmp(ready, shown->ready, sizeof(ready)))
		return;
	shown->known = true;
	shown->requests = requests;
	memcpy(shown->ready, ready, sizeof(ready));
	follow_weight(c, shown, status);
	tell_deployment(c, task, shown);
}

static void show_model(struct controller *c, const struct task *task)
{
	const struct model_status *status = &task->training.next;
	struct model_view view = {
		.row = {
			.name = task->key->name,
			.phase = status->phase,
			.since_ms = status->phase_since_ms,
			.message = status->message,
			.highest_version = status->highest_version,
			.stalled = status->phase == CYCLE_STALLED,
		},
		.status = status,
	};
	struct shown *shown = shown_of(task->key);
	struct buf row, whole;

	if (shown->known && !task->training.changed && !task->noted)
		return;
	shown->known = true;
	buf_init(&row, VIEW_BYTES);
	buf_init(&whole, VIEW_BYTES);
	model_view_encode(&row, &whole, &view);
	c->config.watch.model(c->config.watch.self, &view, (struct bytes){row.text, row.len},
	                      (struct bytes){whole.text, whole.len});
	buf_deinit(&row);
	buf_deinit(&whole);
}

void show(struct controller *c, const struct task *task)
{
	bool deploys = task->plan && task->key->environment && !task->rollout.gone;

	if (!c->config.watch.deployment || (deploys && !task->key->has_status))
		return; /* nobody looks, or nothing is recorded of it yet */
	if (deploys)
		show_deployment(c, task);
	else if (task->plan && !task->key->environment)
		show_model(c, task);
	else if ((task->plan || task->undeclared) && task->key->shown)
		c->config.watch.gone(c->config.watch.self, task->key->environment, task->key->name);
	if (task->rollout.gone || task->undeclared) {
		free(task->key->shown);
		task->key->shown = NULL;
	}
}

/* ---- figures ---- */

void count_entered(struct controller *c, const struct task *task)
{
	const struct model_status *model = &task->training.next;

	if (task->key->environment) {
		c->figures.phases[task->rollout.next.phase] +=
			task->rollout.next.phase != task->history->phase;
		return;
	}
	c->figures.cycle_phases[model->phase] += model->phase_since_ms == c->wall_ms;
	for (size_t i = 0; i < model->n_verdicts; i++)
		c->figures.verdicts[model->verdicts[i].result] += model->verdicts[i].at_ms == c->wall_ms;
}

void controller_figures(const struct controller *c, struct figures *out)
{
	*out = c->figures;
	out->git_seen_ms = c->heads.seen_ms < 0 ? -1 : c->heads.seen_ms + c->wall_offset_ms;
	out->git_ok = !c->problem[0] && c->heads.seen_ms >= 0 && !c->heads.rewritten;
	out->status_pushed = c->heads.status_pushed;
	out->disk_full = c->disk_full;
	out->ready = c->started && c->applied.hex[0];
	out->keys = c->keys.n;
	out->keys_due = 0;
	for (size_t i = 0; i < c->keys.n; i++)
		out->keys_due += ((const struct key *)c->keys.entries[i].value)->due_ms <= c->now_ms;
	out->fleet = c->applied;
	memcpy(out->problem, c->problem, sizeof(out->problem));
}
