#include "api/kinds.h"

#include "base/buf.h"

static void add_number(struct digest_stream *stream, double value)
{
	struct buf text;

	buf_init(&text, 64);
	if (is_set(value))
		buf_number(&text, value);
	digest_add_field(stream, buf_text(&text));
	buf_deinit(&text);
}

static void add_strings(struct digest_stream *stream, const struct strings *list)
{
	add_number(stream, (double)list->n);
	for (size_t i = 0; i < list->n; i++)
		digest_add_field(stream, list->items[i]);
}

void interface_digest_add(struct digest_stream *stream, const struct interface_spec *interface)
{
	add_number(stream, interface->layout);
	add_number(stream, (double)interface->n_inputs);
	for (size_t i = 0; i < interface->n_inputs; i++) {
		const struct input_spec *input = &interface->inputs[i];

		digest_add_field(stream, input->name);
		add_number(stream, input->type);
		add_number(stream, input->min);
		add_number(stream, input->max);
		add_strings(stream, &input->values);
		add_number(stream, input->nullable);
	}
	digest_add_field(stream, interface->output.name);
	add_number(stream, interface->output.type);
	add_strings(stream, &interface->output.classes);
	digest_add_field(stream, interface->output.scores);
}

static void add_candidates(struct digest_stream *stream, const struct train_spec *train)
{
	add_number(stream, (double)train->n_candidates);
	for (size_t i = 0; i < train->n_candidates; i++) {
		digest_add_field(stream, train->candidates[i].name);
		add_number(stream, (double)train->candidates[i].params.n);
		for (size_t j = 0; j < train->candidates[i].params.n; j++) {
			digest_add_field(stream, train->candidates[i].params.items[j].key);
			digest_add_field(stream, train->candidates[i].params.items[j].value);
		}
	}
	add_number(stream, (double)train->n_grid);
	for (size_t i = 0; i < train->n_grid; i++) {
		digest_add_field(stream, train->grid[i].name);
		add_strings(stream, &train->grid[i].values);
	}
}

void model_digest_terms(struct digest_stream *stream, const struct model *model)
{
	interface_digest_add(stream, &model->interface);
	digest_add_field(stream, model->train ? model->train->select_metric : NULL);
}

void model_digest_training(struct digest_stream *stream, const struct model *model)
{
	const struct train_spec *train = model->train;

	interface_digest_add(stream, &model->interface);
	digest_add_field(stream, model->data.uri);
	digest_add_field(stream, model->data.label);
	if (!train)
		return;
	add_strings(stream, &train->command);
	digest_add_field(stream, train->source);
	digest_add_field(stream, train->image);
	add_number(stream, (double)train->seed);
	add_candidates(stream, train);
	add_number(stream, train->split.train);
	add_number(stream, train->split.validation);
	add_number(stream, train->split.test);
	add_number(stream, train->split.by);
	add_number(stream, (double)train->split.embargo_ms);
	add_number(stream, (double)train->folds);
	digest_add_field(stream, train->select_metric);
	add_number(stream, train->select_rule);
	digest_add_field(stream, train->refit);
	add_number(stream, train->early_stopping);
}
