/* What makes a model train. Each kind of trigger compares what is seen with what was seen when the
 * last run was taken up. */
#include "plan/cycle.h"

#include <string.h>

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
		if (!cycle->next->proposed[i].target &&
		    cycle->next->proposed[i].outcome == PROPOSAL_WAITING)
			return true;
	return false;
}

static bool first_due(struct cycle *cycle, struct cause *cause)
{
	const struct training_input *in = cycle->in;

	if (in->n_versions > 0 || version_lands(cycle) ||
	    (in->n_targets == 0 && in->model->n_triggers == 0))
		return false;
	cause->occurrence = "first";
	cause->why = "the model has no version yet";
	return true;
}

static bool event_due(struct cycle *cycle, struct cause *cause)
{
	if (!cycle->next->pending_event)
		return false;
	cause->occurrence = cycle->next->pending_event;
	cause->why = cycle->next->pending_event;
	return true;
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

/* In order of precedence. "Is it due" of one kind of trigger is one function of this table. */
static const struct {
	enum trigger_kind kind;
	bool (*due)(struct cycle *cycle, struct cause *cause);
} triggers[] = {
	{TRIGGER_EVENT, event_due},
	{TRIGGER_FIRST, first_due},
	{TRIGGER_NEW_ROWS, rows_due},
};

struct digest run_id(const struct cycle *cycle, const struct cause *cause)
{
	const struct training_input *in = cycle->in;
	const char *text = arena_printf(cycle->arena, "run\n%s\n%s\n%s\n%s\n%s", in->model->meta.name,
	                                trigger_kind_names.names[cause->kind], cause->occurrence,
	                                in->train_digest.hex, in->data_digest.hex);

	return digest_of(text, strlen(text));
}

/* Runs are named by the data, too: until it is counted, only a person's word is a cause. */
static bool is_counting(const struct cycle *cycle)
{
	return find_trigger(cycle, TRIGGER_NEW_ROWS) && !cycle->in->data && !cycle->in->data_problem;
}

bool find_cause(struct cycle *cycle, struct cause *cause)
{
	for (size_t i = 0; i < ARRAY_LEN(triggers); i++) {
		cause->kind = triggers[i].kind;
		if (cause->kind != TRIGGER_EVENT && is_counting(cycle))
			continue;
		if (triggers[i].due(cycle, cause) && !digest_same(run_id(cycle, cause), cycle->next->run))
			return true;
	}
	return false;
}

bool new_rows_due(struct cycle *cycle)
{
	struct cause cause;

	return rows_due(cycle, &cause);
}

void set_baselines(struct cycle *cycle)
{
	const struct data_seen *data = cycle->in->data;

	cycle->next->data_rows = data ? data->rows : -1;
	cycle->next->data_first = data ? data->first : (struct digest){""};
}

void keep_baselines(struct cycle *cycle)
{
	if (cycle->in->data && cycle->next->data_rows < 0) {
		cycle->next->data_rows = cycle->in->data->rows;
		cycle->next->data_first = cycle->in->data->first;
	}
}
