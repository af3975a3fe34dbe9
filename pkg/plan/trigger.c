/* What makes a model train. Each kind of trigger compares what is seen with what was seen when the
 * last run was taken up. */
#include "plan/cycle.h"

#include <string.h>

struct digest run_id(const struct cycle *cycle, const struct cause *cause)
{
	const struct training_input *in = cycle->in;
	const char *text = arena_printf(cycle->arena, "run\n%s\n%s\n%s\n%s\n%s", in->model->meta.name,
	                                trigger_kind_names.names[cause->kind], cause->occurrence,
	                                in->train_digest.hex, in->data_digest.hex);

	return digest_of(text, strlen(text));
}

void forget_event(struct cycle *cycle)
{
	cycle->next->pending_event = NULL;
	cycle->next->pending_kick = false;
}

static const struct trigger_spec *find_trigger(const struct cycle *cycle, enum trigger_kind kind)
{
	const struct model *model = cycle->in->model;

	for (size_t i = 0; i < model->n_triggers; i++)
		if (model->triggers[i].kind == kind)
			return &model->triggers[i];
	return NULL;
}

/* A version of ours is on its way into the accepted commit. */
static bool version_lands(const struct cycle *cycle)
{
	for (size_t i = 0; i < cycle->next->n_proposed; i++)
		if (is_version(&cycle->next->proposed[i]) &&
		    cycle->next->proposed[i].outcome == PROPOSAL_WAITING)
			return true;
	return false;
}

/* Once for what is trained as it is: where that gave no version, a row more is no reason to spend
 * the test rows again. What is declared as a trigger is. */
static bool first_due(struct cycle *cycle, struct cause *cause)
{
	const struct training_input *in = cycle->in;
	bool tried = cycle->next->run.hex[0] &&
	             digest_same(cycle->next->train_digest, in->train_digest);

	if (in->n_versions > 0 || tried || version_lands(cycle) ||
	    (in->n_targets == 0 && in->model->n_triggers == 0))
		return false;
	cause->occurrence = "first";
	cause->why = "the model has no version yet";
	return true;
}

/* One that is given again, as the present run's cause, is answered by it. */
static bool event_due(struct cycle *cycle, struct cause *cause)
{
	struct model_status *next = cycle->next;

	if (!next->pending_event)
		return false;
	cause->occurrence = next->pending_event;
	cause->why = next->pending_event;
	if (!digest_same(run_id(cycle, cause), next->run))
		return true;
	forget_event(cycle);
	return false;
}

/* Of data that is not what it was, every row is new. */
static bool rows_due(struct cycle *cycle, struct cause *cause)
{
	const struct trigger_spec *trigger = find_trigger(cycle, TRIGGER_NEW_ROWS);
	const struct data_seen *data = cycle->in->data;
	int64_t before = cycle->next->data_rows;
	bool same;

	if (!trigger || !data || before < 0)
		return false;
	same = digest_same(data->first, cycle->next->data_first) && data->rows >= before;
	if (data->rows - (same ? before : 0) < trigger->new_rows)
		return false;
	cause->occurrence = arena_printf(cycle->arena, "%s %lld", data->first.hex,
	                                 (long long)data->rows);
	cause->why = arena_printf(cycle->arena, "%lld new rows%s, %lld are enough",
	                          (long long)(data->rows - (same ? before : 0)),
	                          same ? "" : " (the data was replaced)",
	                          (long long)trigger->new_rows);
	return true;
}

/* Rows were added, mended or removed, whatever a count tells. */
static bool data_due(struct cycle *cycle, struct cause *cause)
{
	const struct data_seen *data = cycle->in->data;

	if (!find_trigger(cycle, TRIGGER_DATA) || !data || !data->content.hex[0] ||
	    digest_same(data->content, cycle->next->data_content))
		return false;
	cause->occurrence = data->content.hex;
	cause->why = arena_printf(cycle->arena, "the data changed: %lld rows, digest %.10s",
	                          (long long)data->rows, data->content.hex);
	return true;
}

static bool source_due(struct cycle *cycle, struct cause *cause)
{
	const struct digest *before = &cycle->next->sources, *now = &cycle->in->sources;

	if (!find_trigger(cycle, TRIGGER_SOURCE) || !before->hex[0] || !now->hex[0] ||
	    digest_same(*before, *now))
		return false;
	cause->occurrence = now->hex;
	cause->why = arena_printf(cycle->arena, "the source changed, commit %.10s",
	                          cycle->in->commit ? cycle->in->commit : "");
	return true;
}

/* A signal from before the last run's end is about what that run has answered. */
static bool is_current(const struct cycle *cycle, const struct quality_signal *signal)
{
	return signal->from_ms >= cycle->next->last_finished_ms;
}

static bool performance_due(struct cycle *cycle, struct cause *cause)
{
	const struct model *model = cycle->in->model;
	bool due = false;

	for (size_t i = 0; i < cycle->in->n_signals * model->n_triggers && !due; i++) {
		const struct quality_signal *signal = &cycle->in->signals[i / model->n_triggers];
		const struct trigger_spec *trigger = &model->triggers[i % model->n_triggers];

		if (trigger->kind != TRIGGER_PERFORMANCE || signal->kind != TRIGGER_PERFORMANCE ||
		    !text_same(trigger->metric, signal->metric) || !(signal->value < trigger->below) ||
		    !is_current(cycle, signal))
			continue;
		cause->occurrence = arena_printf(cycle->arena, "%s %lld", signal->revision.hex,
		                                 (long long)signal->from_ms);
		cause->why = arena_printf(cycle->arena, "%s: %s %s < %s on %lld matured rows",
		                          signal->deployment, signal->metric,
		                          percent(cycle->arena, signal->value),
		                          percent(cycle->arena, trigger->below),
		                          (long long)signal->n_rows);
		due = true;
	}
	return due;
}

static bool drift_due(struct cycle *cycle, struct cause *cause)
{
	for (size_t i = 0; find_trigger(cycle, TRIGGER_DRIFT) && i < cycle->in->n_signals; i++) {
		const struct quality_signal *signal = &cycle->in->signals[i];

		if (signal->kind != TRIGGER_DRIFT || !is_current(cycle, signal))
			continue;
		cause->occurrence = arena_printf(cycle->arena, "%s %lld", signal->revision.hex,
		                                 (long long)signal->from_ms);
		cause->why = arena_printf(cycle->arena, "%s: %s", signal->deployment, signal->why);
		return true;
	}
	return false;
}

/* First tick of a schedule after `after_ms`; -1: there is none, or it cannot be told. */
static int64_t next_tick(const struct cycle *cycle, const struct trigger_spec *trigger,
                         int64_t after_ms)
{
	const struct zone *zone;
	struct err err = {0};
	struct cron cron;

	if (trigger->kind != TRIGGER_SCHEDULE ||
	    !zone_find(&cycle->in->zones, trigger->time_zone, &zone) ||
	    cron_parse(trigger->schedule, &cron, &err) < 0)
		return -1;
	return cron_next(&cron, after_ms, zone);
}

/* However many ticks were missed, they are one cause: the first of them names it. */
static bool schedule_due(struct cycle *cycle, struct cause *cause)
{
	const struct model *model = cycle->in->model;
	const struct trigger_spec *first = NULL;
	char when[TIME_TEXT];
	int64_t due_ms = -1;

	for (size_t i = 0; is_time(cycle->next->scheduled_ms) && i < model->n_triggers; i++) {
		int64_t tick = next_tick(cycle, &model->triggers[i], cycle->next->scheduled_ms);

		if (is_time(tick) && (!is_time(due_ms) || tick < due_ms)) {
			due_ms = tick;
			first = &model->triggers[i];
		}
	}
	if (!first)
		return false;
	if (due_ms > cycle->in->now_ms) {
		cycle_wake(cycle, due_ms);
		return false;
	}
	format_time(due_ms, when);
	cause->occurrence = arena_strdup(cycle->arena, when);
	cause->why = arena_printf(cycle->arena, "schedule %s%s%s, due at %s", first->schedule,
	                          first->time_zone ? " " : "",
	                          first->time_zone ? first->time_zone : "", when);
	return true;
}

/* In order of precedence. "Is it due" of one kind of trigger is one function of this table. */
static const struct {
	enum trigger_kind kind;
	bool (*due)(struct cycle *cycle, struct cause *cause);
	bool replaces; /* due, too, while a version waits for its merge: it knows what that did not */
} triggers[] = {
	{TRIGGER_EVENT, event_due, true},
	{TRIGGER_FIRST, first_due, false},
	{TRIGGER_SOURCE, source_due, true},
	{TRIGGER_PERFORMANCE, performance_due, false},
	{TRIGGER_DRIFT, drift_due, false},
	{TRIGGER_NEW_ROWS, rows_due, true},
	{TRIGGER_DATA, data_due, true},
	{TRIGGER_SCHEDULE, schedule_due, false},
};

/* Runs are named by the data, too: until it is counted, only a person's word is a cause. */
static bool is_counting(const struct cycle *cycle)
{
	return (find_trigger(cycle, TRIGGER_NEW_ROWS) || find_trigger(cycle, TRIGGER_DATA)) &&
	       !cycle->in->data && !cycle->in->problem;
}

bool find_cause(struct cycle *cycle, struct cause *cause)
{
	for (size_t i = 0; i < ARRAY_LEN(triggers); i++) {
		cause->kind = triggers[i].kind;
		if ((cause->kind != TRIGGER_EVENT && is_counting(cycle)) ||
		    (cycle->next->phase == CYCLE_PROPOSED && !triggers[i].replaces))
			continue;
		if (triggers[i].due(cycle, cause) && !digest_same(run_id(cycle, cause), cycle->next->run))
			return true;
	}
	return false;
}

bool new_data_due(struct cycle *cycle)
{
	struct cause cause;

	return rows_due(cycle, &cause) || data_due(cycle, &cause);
}

void set_baselines(struct cycle *cycle)
{
	const struct training_input *in = cycle->in;

	cycle->next->data_rows = in->data ? in->data->rows : -1;
	cycle->next->data_first = in->data ? in->data->first : (struct digest){""};
	cycle->next->data_content = in->data ? in->data->content : (struct digest){""};
	cycle->next->sources = in->sources;
	if (is_time(cycle->next->scheduled_ms))
		cycle->next->scheduled_ms = in->now_ms;
}

void keep_baselines(struct cycle *cycle)
{
	const struct training_input *in = cycle->in;
	struct model_status *next = cycle->next;

	if (in->data && next->data_rows < 0) {
		next->data_rows = in->data->rows;
		next->data_first = in->data->first;
	}
	if (in->data && !next->data_content.hex[0])
		next->data_content = in->data->content;
	if (!next->sources.hex[0])
		next->sources = in->sources;
	if (!find_trigger(cycle, TRIGGER_SCHEDULE))
		next->scheduled_ms = -1;
	else if (!is_time(next->scheduled_ms))
		next->scheduled_ms = in->now_ms;
}
