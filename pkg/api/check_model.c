/* What must hold inside a Model, a ModelVersion and a GatePolicy. */
#include <math.h>
#include <string.h>

#include "api/complain.h"
#include "api/metrics.h"
#include "api/uri.h"

enum { GRID_POINTS_MAX = 256 };

/* ---- interface ---- */

static void check_input(struct check *check, const struct interface_spec *interface, size_t i)
{
	const struct input_spec *input = &interface->inputs[i];
	struct field_path path = at("spec.interface.inputs[%zu]", i);
	bool is_bytes = input->type == TENSOR_BYTES;

	if (is_repeated(input->name, interface->inputs, sizeof(*input), i,
	                offsetof(struct input_spec, name)))
		broken(check, at("%s.name", path.text).text, "input '%s' stands here twice; remove one",
		       input->name);
	if (input->min > input->max)
		broken(check, at("%s.min", path.text).text, "is above max; no value would be valid");
	if (is_bytes && (is_set(input->min) || is_set(input->max)))
		broken(check, path.text, "BYTES have no min and max; write values: [...] instead");
	if (!is_bytes && input->values.n > 0)
		broken(check, at("%s.values", path.text).text,
		       "only BYTES have a closed set of values; write min and max instead");
	if (interface->layout == LAYOUT_MATRIX && input->type != interface->inputs[0].type)
		broken(check, at("%s.type", path.text).text,
		       "one matrix holds one type; write the type of the first input, or layout: columns");
}

static void check_range(struct check *check, const struct output_spec *output)
{
	static const char path[] = "spec.interface.output";

	if (!is_set(output->min) && !is_set(output->max))
		return;
	if (output->classes.n > 0)
		broken(check, path, "classes have no range; remove min and max");
	else if (output->type == TENSOR_BYTES || output->type == TENSOR_BOOL)
		broken(check, path,
		       "only numbers have a range; remove min and max, or write a number's type");
	else if (!is_set(output->min) || !is_set(output->max))
		broken(check, path, "a range has two ends; write both min and max");
	else if (!(output->min < output->max))
		broken(check, "spec.interface.output.min",
		       "is not below max; write the ends of the range");
}

static void check_interface(struct check *check, const struct interface_spec *interface)
{
	const struct output_spec *output = &interface->output;

	if (interface->n_inputs == 0)
		broken(check, "spec.interface.inputs", "a model needs at least one input");
	for (size_t i = 0; i < interface->n_inputs; i++)
		check_input(check, interface, i);
	if (interface->layout == LAYOUT_MATRIX && interface->n_inputs > 0 &&
	    interface->inputs[0].type == TENSOR_BYTES)
		broken(check, "spec.interface.layout", "a matrix holds numbers; write layout: columns");
	for (size_t i = 1; i < output->classes.n; i++) {
		struct strings before = {output->classes.items, i};

		if (strings_have(&before, output->classes.items[i]))
			broken(check, at("spec.interface.output.classes[%zu]", i).text,
			       "class '%s' stands here twice; remove one", output->classes.items[i]);
	}
	if (output->classes.n == 1)
		broken(check, "spec.interface.output.classes",
		       "one class leaves nothing to predict; name them all");
	check_range(check, output);
	if (output->scores && output->name && strcmp(output->scores, output->name) == 0)
		broken(check, "spec.interface.output.scores",
		       "is the output itself; name the server's second output");
}

/* ---- data ---- */

static void check_label_shares(struct check *check, const struct model *model)
{
	const struct data_validation *validate = &model->data.validate;
	const struct strings *classes = &model->interface.output.classes;

	for (size_t i = 0; i < validate->n_label_share; i++) {
		const struct label_share *share = &validate->label_share[i];
		struct field_path path = at("spec.data.validate.labelShare.%s", share->label);

		if (share->min > share->max)
			broken(check, path.text, "min is above max; no data would be valid");
		if (classes->n > 0 && !strings_have(classes, share->label))
			broken(check, path.text, "'%s' is no class of the output; write one of its classes",
			       share->label);
	}
}

static void check_data(struct check *check, const struct model *model)
{
	const struct data_spec *data = &model->data;

	check_uri(check, "spec.data.uri", data->uri);
	for (size_t i = 0; data->label && i < model->interface.n_inputs; i++) {
		const char *name = model->interface.inputs[i].name;

		if (name && strcmp(name, data->label) == 0)
			broken(check, "spec.data.label",
			       "'%s' is an input too, so the model would be told the answer; remove one", name);
	}
	if (!data->time && data->label_maturity_ms > 0)
		broken(check, "spec.data.labelMaturity",
		       "the age of a row is unknown; name its column in data.time");
	if (!data->time && data->window_ms >= 0)
		broken(check, "spec.data.window",
		       "the age of a row is unknown; name its column in data.time");
	check_label_shares(check, model);
}

/* ---- train ---- */

/* Candidates of a grid are called by their values. */
static void check_axis(struct check *check, const struct grid_axis *axis)
{
	for (size_t i = 1; i < axis->values.n; i++) {
		struct strings before = {axis->values.items, i};

		if (strings_have(&before, axis->values.items[i]))
			broken(check, at("spec.train.grid.%s[%zu]", axis->name, i).text,
			       "value '%s' stands here twice; remove one", axis->values.items[i]);
	}
}

static void check_grid(struct check *check, const struct train_spec *train)
{
	size_t points = 1;

	for (size_t i = 0; i < train->n_grid; i++) {
		size_t n = train->grid[i].values.n;

		if (n == 0)
			broken(check, at("spec.train.grid.%s", train->grid[i].name).text,
			       "has no values; list at least one");
		if (n <= GRID_POINTS_MAX)
			check_axis(check, &train->grid[i]);
		points = n > GRID_POINTS_MAX ? GRID_POINTS_MAX + 1 : points * n;
		if (points > GRID_POINTS_MAX) {
			broken(check, "spec.train.grid",
			       "makes more than %d candidates; the best of so many is luck, list fewer",
			       GRID_POINTS_MAX);
			return;
		}
	}
}

static void check_candidates(struct check *check, const struct train_spec *train)
{
	for (size_t i = 0; i < train->n_candidates; i++) {
		const char *name = train->candidates[i].name;

		if (is_repeated(name, train->candidates, sizeof(*train->candidates), i,
		                offsetof(struct candidate_spec, name)))
			broken(check, at("spec.train.candidates[%zu].name", i).text,
			       "candidate '%s' stands here twice; rename one", name);
	}
	check_grid(check, train);
}

static void check_split(struct check *check, const struct train_spec *train,
                        const struct data_spec *data)
{
	const struct split_spec *split = &train->split;
	double sum = split->train + split->validation + split->test;

	if (!(fabs(sum - 1) < 1e-9))
		broken(check, "spec.train.split", "the shares sum to %g %%; make them 100 %%", sum * 100);
	if (!(split->train > 0))
		broken(check, "spec.train.split.train", "leaves no rows to learn from; give it a share");
	if (!(split->test > 0))
		broken(check, "spec.train.split.test", "leaves no rows to judge on; give it a share");
	if (!(split->validation > 0) && train->folds == 0)
		broken(check, "spec.train.split.validation",
		       "leaves no rows to choose a candidate on; give it a share or write crossValidation");
	if (train->folds == 1)
		broken(check, "spec.train.split.crossValidation.folds", "needs at least 2 folds");
	if (split->by == SPLIT_BY_TIME && !data->time)
		broken(check, "spec.train.split.by",
		       "the time of a row is unknown; name its column in data.time or write by: hash");
	if (split->by == SPLIT_BY_HASH && !data->id)
		broken(check, "spec.train.split.by",
		       "rows have no name to hash; name their column in data.id or write by: time");
	if (split->by == SPLIT_BY_HASH && split->embargo_ms > 0)
		broken(check, "spec.train.split.embargo",
		       "only a split by time has an embargo; write by: time or remove it");
}

/* Of what is measured of a whole output; `metric` may be NULL. */
static void check_measured(struct check *check, const char *path, const char *metric,
                           const struct output_spec *output)
{
	struct buf why;

	buf_init(&why, 512);
	if (metric)
		metric_why_not_measured(metric, output, &why);
	broken_if(check, path, &why);
	buf_deinit(&why);
}

static void check_train(struct check *check, const struct model *model)
{
	const struct train_spec *train = model->train;

	check_start(check, "spec.train", &train->command, train->source, train->image);
	check_candidates(check, train);
	check_split(check, train, &model->data);
	check_measured(check, "spec.train.select.metric", train->select_metric,
	               &model->interface.output);
}

/* ---- triggers, gates ---- */

static void check_trigger(struct check *check, const char *path, const struct trigger_spec *trigger)
{
	switch (trigger->kind) {
	case TRIGGER_FIRST:
		broken(check, path, "a model without a version trains by itself; remove this trigger");
		break;
	case TRIGGER_SCHEDULE:
		if (!trigger->schedule)
			broken(check, path, "when is it due? write a cron line such as \"0 3 * * 1\"");
		else
			check_cron(check, at("%s.schedule", path).text, trigger->schedule);
		break;
	case TRIGGER_NEW_ROWS:
		if (trigger->new_rows < 1)
			broken(check, at("%s.newRows", path).text, "write how many rows, at least 1");
		break;
	case TRIGGER_PERFORMANCE:
		if (!(trigger->below < trigger->accepted))
			broken(check, at("%s.performance.below", path).text,
			       "must be less than accepted: between the two lies what is tolerated");
		break;
	case TRIGGER_EVENT:
		if (!is_name(trigger->event))
			broken(check, at("%s.event", path).text,
			       "'%.60s' is not a name; write lower-case letters, digits and '-'",
			       trigger->event ? trigger->event : "");
		break;
	case TRIGGER_DRIFT:
	case TRIGGER_SOURCE:
	case TRIGGER_DATA:
	case TRIGGER_KINDS:
		break;
	}
}

/* Only a file here is looked at; what is elsewhere would have to be fetched for that, and what is
 * pinned does not change by itself. */
static void check_trigger_data(struct check *check, const struct model *model, size_t i)
{
	const char *uri = model->data.uri;
	size_t len = uri ? strlen(uri) : 0;
	enum trigger_kind kind = model->triggers[i].kind;
	struct uri_parts parts;
	struct err ignored;

	if ((kind != TRIGGER_NEW_ROWS && kind != TRIGGER_DATA) || !uri ||
	    uri_parse(uri, &parts, &ignored) || /* said of data.uri */
	    (strncmp(uri, "file:", 5) == 0 && parts.len == len &&
	     !(len > 4 && strcmp(uri + len - 4, ".dvc") == 0)))
		return;
	broken(check, at("spec.triggers[%zu].%s", i, trigger_kind_names.names[kind]).text,
	       "%s of a plain file: only, not of '%.90s'; write schedule, event or source",
	       kind == TRIGGER_DATA ? "a change is seen" : "rows are counted", uri);
}

/* A version that is promoted at once below the level that retrains would retrain for ever. */
static void check_trigger_order(struct check *check, const struct model *model, size_t i)
{
	const struct trigger_spec *trigger = &model->triggers[i];

	for (size_t k = 0; k < model->gates.n_require; k++) {
		const struct gate_require *require = &model->gates.require[k];

		if (trigger->kind == TRIGGER_PERFORMANCE && trigger->metric && !require->class_name &&
		    strcmp(trigger->metric, require->metric) == 0 && trigger->below >= require->min)
			broken(check, at("spec.triggers[%zu].performance.below", i).text,
			       "%g %% retrains what the gate's min of %g %% lets through; write less than it",
			       trigger->below * 100, require->min * 100);
	}
}

static void check_gates(struct check *check, const struct model *model)
{
	const struct gates_spec *gates = &model->gates;
	const struct strings *classes = &model->interface.output.classes;

	check_require(check, "spec.gates.require", gates->require, gates->n_require,
	              &model->interface.output);
	for (size_t i = 0; i < gates->n_require; i++) {
		const char *name = gates->require[i].class_name;

		if (name && !strings_have(classes, name))
			broken(check, at("spec.gates.require[%zu].class", i).text,
			       "'%s' is no class of the output; write one of its classes", name);
	}
	for (size_t i = 0; i < gates->slices.n; i++) {
		const char *slice = gates->slices.items[i];
		bool found = false;

		for (size_t k = 0; k < model->interface.n_inputs; k++)
			found = found || strcmp(model->interface.inputs[k].name, slice) == 0;
		if (!found)
			broken(check, at("spec.gates.slices[%zu]", i).text,
			       "'%s' is no input; a slice is the rows that share a value of an input", slice);
	}
}

int model_check(const struct model *model, check_complain *complain, void *ctx)
{
	struct check check = {complain, ctx, false};

	check_interface(&check, &model->interface);
	if (model->data.uri)
		check_data(&check, model);
	else if (model->train)
		broken(&check, "spec.train", "there are no rows to learn from; write data");
	else if (model->gates.n_require > 0 || model->gates.command.n > 0)
		broken(&check, "spec.gates", "there are no rows to judge by; write data");
	if (model->train)
		check_train(&check, model);
	check_start(&check, "spec.serve", &model->serve.command, model->serve.source,
	            model->serve.image);
	if (!model->train && model->n_triggers > 0)
		broken(&check, "spec.triggers", "there is nothing to run; write train or remove triggers");
	for (size_t i = 0; i < model->n_triggers; i++) {
		check_trigger(&check, at("spec.triggers[%zu]", i).text, &model->triggers[i]);
		check_trigger_data(&check, model, i);
		check_trigger_order(&check, model, i);
		check_measured(&check, at("spec.triggers[%zu].performance.metric", i).text,
		               model->triggers[i].metric, &model->interface.output);
	}
	check_gates(&check, model);
	return check_result(&check);
}

int model_check_policy(const struct model *model, const struct gate_policy *policy,
                       check_complain *complain, void *ctx)
{
	struct check check = {complain, ctx, false};
	struct buf why;

	buf_init(&why, 512);
	for (size_t i = 0; i < policy->n_require; i++) {
		buf_clear(&why);
		metric_why_not(&policy->require[i], &model->interface.output, &why);
		if (why.len > 0)
			broken(&check, "spec.gates.policy", "GatePolicy '%s' cannot judge this model: %s",
			       policy->meta.name, buf_text(&why));
	}
	buf_deinit(&why);
	return check_result(&check);
}

/* ---- ModelVersion ---- */

static bool is_object_id(const char *text)
{
	size_t len = strspn(text, "0123456789abcdef");

	return (len == 40 || len == 64) && text[len] == '\0';
}

int model_version_check(const struct model_version *version, check_complain *complain, void *ctx)
{
	struct check check = {complain, ctx, false};
	const struct serve_spec *serve = &version->serve;
	const struct lineage *lineage = version->lineage;

	if (strcmp(version->version, "none") == 0)
		broken(&check, "spec.version", "'none' means no version; write a name such as v1");
	check_uri(&check, "spec.artifact.uri", version->artifact.uri);
	check_start(&check, "spec.serve", &serve->command, serve->source, serve->image);
	if (serve->source && !serve->tree)
		broken(&check, "spec.serve.tree",
		       "nothing that serves follows a branch; write the tree id of '%s'", serve->source);
	if (serve->tree && !is_object_id(serve->tree))
		broken(&check, "spec.serve.tree", "'%s' is not a tree id; write all its hex digits",
		       serve->tree);
	if (lineage && lineage->data_from_ms >= 0 && lineage->data_to_ms >= 0 &&
	    lineage->data_from_ms > lineage->data_to_ms)
		broken(&check, "spec.lineage.data.to", "is before from; exchange them");
	return check_result(&check);
}

/* ---- GatePolicy ---- */

int gate_policy_check(const struct gate_policy *policy, check_complain *complain, void *ctx)
{
	struct check check = {complain, ctx, false};
	const struct serving_gate *serving = &policy->serving;

	check_require(&check, "spec.require", policy->require, policy->n_require, NULL);
	for (size_t i = 0; i < policy->n_guards_off; i++) {
		if (!policy->guards_off[i].reason || !*policy->guards_off[i].reason)
			broken(&check, at("spec.guards.%s", policy->guards_off[i].name).text,
			       "a guard is switched off for a reason; write it");
	}
	if (serving->scan_severity && !serving->scan_report)
		broken(&check, "spec.serving", "a severity needs the scan report it is looked up in");
	return check_result(&check);
}
