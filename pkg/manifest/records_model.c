/* The field table of a Model: what is learnt, from what, how good it must be, how it is served. */
#include "manifest/records.h"

static const char *const kind_word[] = {"Model"};
static const struct names kind_word_names = NAMES(kind_word);

static const struct field input_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct input_spec, name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "Name of the input tensor and data column."},
	{.name = "type", .type = FIELD_ENUM, AT(struct input_spec, type), .flags = FIELD_REQUIRED,
	 .names = &tensor_type_names, .help = "Type of the Open Inference Protocol v2."},
	{.name = "min", .type = FIELD_NUMBER, AT(struct input_spec, min),
	 .help = "Smallest valid number; absent: unbounded."},
	{.name = "max", .type = FIELD_NUMBER, AT(struct input_spec, max),
	 .help = "Largest valid number; absent: unbounded."},
	{.name = "values", .type = FIELD_STRINGS, AT(struct input_spec, values),
	 .help = "The closed set of valid BYTES values; absent: any."},
	{.name = "nullable", .type = FIELD_BOOL, AT(struct input_spec, nullable), .fallback = "true",
	 .help = "Whether the value may be missing."},
};
static const struct record input_record =
	RECORD(struct input_spec, input, "One input of the model.");

static const struct field output_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct output_spec, name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Name of the output tensor."},
	{.name = "type", .type = FIELD_ENUM, AT(struct output_spec, type), .flags = FIELD_REQUIRED,
	 .names = &tensor_type_names, .help = "Type of the Open Inference Protocol v2."},
	{.name = "classes", .type = FIELD_STRINGS, AT(struct output_spec, classes),
	 .help = "The labels that it may predict; absent: a number is predicted."},
	{.name = "min", .type = FIELD_NUMBER, AT(struct output_spec, min),
	 .help = "Of numbers: the lower end of their range, of which predictions.maxDistance is a"
	         " share. What is below counts as it."},
	{.name = "max", .type = FIELD_NUMBER, AT(struct output_spec, max),
	 .help = "The upper end; what is above counts as it."},
	{.name = "scores", .type = FIELD_STRING, AT(struct output_spec, scores),
	 .help = "Name of a second output with a score for each class."},
};
static const struct record output_record =
	RECORD(struct output_spec, output, "What the model predicts.");

static const struct field interface_fields[] = {
	{.name = "layout", .type = FIELD_ENUM, AT(struct interface_spec, layout),
	 .names = &layout_names, .fallback = "columns",
	 .help = "columns: one tensor for each input; matrix: one 2-D tensor."},
	{.name = "inputs", .type = FIELD_LIST, LIST_AT(struct interface_spec, inputs),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .record = &input_record,
	 .help = "Names, types and valid values of the inputs."},
	{.name = "output", .type = FIELD_RECORD, AT(struct interface_spec, output),
	 .flags = FIELD_REQUIRED, .record = &output_record, .help = "What the model predicts."},
};
static const struct record interface_record =
	RECORD(struct interface_spec, interface, "What every version takes and gives.");

static const struct field label_share_fields[] = {
	{.name = "label", .type = FIELD_STRING, AT(struct label_share, label),
	 .flags = FIELD_REQUIRED, .help = "The label."},
	{.name = "min", .type = FIELD_SHARE, AT(struct label_share, min), .fallback = "0%",
	 .help = "Smallest valid share of the rows with this label."},
	{.name = "max", .type = FIELD_SHARE, AT(struct label_share, max), .fallback = "100%",
	 .help = "Largest valid share of the rows with this label."},
};
static const struct record label_share_record =
	RECORD(struct label_share, label_share, "Bounds on how often a label occurs.");

static const struct field validate_fields[] = {
	{.name = "minRows", .type = FIELD_INT, AT(struct data_validation, min_rows), .min = 1,
	 .max = COUNT_MAX, .fallback = "100", .help = "Fewer rows stop the run."},
	{.name = "maxMissing", .type = FIELD_SHARE, AT(struct data_validation, max_missing),
	 .fallback = "5%", .help = "Largest share of missing values in any one input."},
	{.name = "maxRepeated", .type = FIELD_SHARE, AT(struct data_validation, max_repeated),
	 .help = "Largest share of the rows that judge with inputs and label of one that trains, under"
	         " another id; absent: they are only told."},
	{.name = "labelShare", .type = FIELD_MAP_LIST, LIST_AT(struct data_validation, label_share),
	 .record = &label_share_record, .help = "Bounds on the share of each label."},
};
static const struct record validate_record =
	RECORD(struct data_validation, validate, "What data must be like before it trains a model.");

static const struct field data_fields[] = {
	{.name = "uri", .type = FIELD_STRING, AT(struct data_spec, uri),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "file: below the controller's data root; https: or s3: as its data.allow says."},
	{.name = "format", .type = FIELD_ENUM, AT(struct data_spec, format),
	 .names = &data_format_names, .fallback = "csv", .help = "csv or jsonl (one object a line)."},
	{.name = "label", .type = FIELD_STRING, AT(struct data_spec, label),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Column of the label."},
	{.name = "id", .type = FIELD_STRING, AT(struct data_spec, id), .fallback = DATA_ID,
	 .help = "Column that joins predictions with outcomes that come later. Rows may be without id;"
	         " a column of another name must be there."},
	{.name = "time", .type = FIELD_STRING, AT(struct data_spec, time),
	 .help = "Column of the row's time; absent: rows are split by the hash of id."},
	{.name = "labelMaturity", .type = FIELD_DURATION, AT(struct data_spec, label_maturity_ms),
	 .fallback = "0", .help = "Rows younger than this are not judged on, and counted apart."},
	{.name = "window", .type = FIELD_DURATION, AT(struct data_spec, window_ms),
	 .help = "How much history trains; absent: all."},
	{.name = "validate", .type = FIELD_RECORD, AT(struct data_spec, validate),
	 .record = &validate_record, .help = "What data must be like before anything trains on it."},
};
static const struct record data_record =
	RECORD(struct data_spec, data, "Where the rows are and what they mean.");

static const struct field candidate_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct candidate_spec, name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Name of the candidate."},
	{.name = "params", .type = FIELD_PAIRS, AT(struct candidate_spec, params),
	 .help = "Its parameters, given to the trainer as a JSON object."},
};
static const struct record candidate_record =
	RECORD(struct candidate_spec, candidate, "One way to train the model.");

static const struct field folds_fields[] = {
	{.name = "folds", .type = FIELD_INT, IN(struct train_spec, folds, folds),
	 .flags = FIELD_REQUIRED, .min = 2, .max = 100, .help = "Number of folds."},
};
static const struct record folds_record =
	SECTION(struct train_spec, folds, folds, folds,
	        "Cross-validation in place of validation rows.");

static const struct field split_fields[] = {
	{.name = "train", .type = FIELD_SHARE, IN(struct train_spec, split, split.train),
	 .fallback = "70%", .help = "Share of the rows to train on."},
	{.name = "validation", .type = FIELD_SHARE, IN(struct train_spec, split, split.validation),
	 .help = "Share of the rows to choose on; absent: what train and test leave."},
	{.name = "test", .type = FIELD_SHARE, IN(struct train_spec, split, split.test),
	 .fallback = "15%", .help = "Share of the rows for the final test."},
	{.name = "by", .type = FIELD_ENUM, IN(struct train_spec, split, split.by),
	 .names = &split_by_names,
	 .help = "time: the newest rows are the test; hash: of id. Absent: time where data has one."},
	{.name = "embargo", .type = FIELD_DURATION, IN(struct train_spec, split, split.embargo_ms),
	 .fallback = "0", .help = "Gap in time left out between the parts."},
	{.name = "crossValidation", .type = FIELD_RECORD, IN(struct train_spec, split, folds),
	 .record = &folds_record, .help = "Cross-validation in place of validation rows."},
};
static const struct schema_rule split_rules[] = {NOT_BOTH("validation", "crossValidation"), {0}};
static const struct record split_record =
	RULED_SECTION(struct train_spec, split, folds, split, "Which rows train, choose and test.");

static const struct field select_fields[] = {
	{.name = "metric", .type = FIELD_STRING, IN(struct train_spec, select_metric, select_metric),
	 .flags = FIELD_NON_EMPTY,
	 .help = "Chooses the candidate, on the validation rows: accuracy, f1.CLASS, ... Absent: "
	         "accuracy of classes, mae of numbers."},
	{.name = "rule", .type = FIELD_ENUM, IN(struct train_spec, select_metric, select_rule),
	 .names = &select_rule_names, .fallback = "simplest-within-one-standard-error",
	 .help = "Which candidate wins; candidates stand in order of complexity."},
};
static const struct record select_record =
	SECTION(struct train_spec, select_metric, select_rule, select, "How a candidate is chosen.");

static const char *const refit_table[] = {"train+validation", "none"};
static const struct names refit_names = NAMES(refit_table);

static const struct field train_fields[] = {
	{.name = "command", .type = FIELD_STRINGS, AT(struct train_spec, command),
	 .help = "Argument vector of the trainer; no shell. May be absent with an image."},
	{.name = "source", .type = FIELD_STRING, AT(struct train_spec, source),
	 .help = "Folder of the fleet repository that the command runs in, pinned by tree id."},
	{.name = "image", .type = FIELD_STRING, AT(struct train_spec, image),
	 .help = "Container image by digest, name@sha256:..."},
	{.name = "timeout", .type = FIELD_DURATION, AT(struct train_spec, timeout_ms), .min = 1000,
	 .fallback = "30m", .help = "One training of one candidate is killed after this."},
	{.name = "seed", .type = FIELD_INT, AT(struct train_spec, seed), .max = COUNT_MAX,
	 .fallback = "1", .help = "Given to the trainer, so that a run repeats."},
	{.name = "candidates", .type = FIELD_LIST, LIST_AT(struct train_spec, candidates),
	 .record = &candidate_record,
	 .help = "In order of complexity, the simplest first; absent with grid."},
	{.name = "grid", CUSTOM(named_lists), LIST_AT(struct train_spec, grid),
	 .schema = NAMED_LISTS_SCHEMA,
	 .help = "In place of candidates: every combination of these parameter values."},
	{.name = "split", .type = FIELD_RECORD, AT(struct train_spec, split), .record = &split_record,
	 .help = "Which rows train, choose and test."},
	{.name = "select", .type = FIELD_RECORD, AT(struct train_spec, select_metric),
	 .record = &select_record, .help = "How a candidate is chosen."},
	{.name = "refit", CUSTOM(word), AT(struct train_spec, refit), .names = &refit_names,
	 .fallback = "train+validation", .help = "What the chosen candidate is trained on once more."},
	{.name = "earlyStopping", .type = FIELD_BOOL, AT(struct train_spec, early_stopping),
	 .fallback = "false", .help = "Whether the trainer is given the validation rows."},
};
static const struct schema_rule train_rules[] = {NOT_BOTH("candidates", "grid"), {0}};
static const struct record train_record =
	RULED(struct train_spec, train, "How a version is trained.");

static const struct field performance_fields[] = {
	{.name = "metric", .type = FIELD_STRING, IN(struct trigger_spec, metric, metric),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Metric on matured rows."},
	{.name = "accepted", .type = FIELD_SHARE, IN(struct trigger_spec, metric, accepted),
	 .flags = FIELD_REQUIRED, .help = "The level that is good enough."},
	{.name = "below", .type = FIELD_SHARE, IN(struct trigger_spec, metric, below),
	 .flags = FIELD_REQUIRED, .help = "The level that must be noticed; lower than accepted."},
};
static const struct record performance_record =
	SECTION(struct trigger_spec, metric, below, performance, "Retrains when quality has fallen.");

/* {}: a trigger without parameters; which one is `kind`. */
static int decode_bare(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *out)
{
	if (node->type == NODE_SCALAR || node->first)
		return complain(decoder, node, "takes no value, write {}");
	*(enum trigger_kind *)out = (enum trigger_kind)names_find(trigger_kind_names, field->name);
	return 0;
}

static void encode_bare(struct writer *writer, const struct field *field, const void *in)
{
	(void)field;
	(void)in;
	write_map(writer);
	write_map_end(writer);
}

/* Each trigger is a map with one key that is a name of trigger_kind; `kind` follows from it. */
static const struct field trigger_fields[] = {
	{.name = "schedule", .type = FIELD_STRING, AT(struct trigger_spec, schedule),
	 .flags = FIELD_NON_EMPTY, .help = "A 5-field cron expression; missed ticks run once."},
	{.name = "timeZone", .type = FIELD_STRING, AT(struct trigger_spec, time_zone),
	 .help = "Time zone of the schedule; absent: UTC."},
	{.name = "newRows", .type = FIELD_INT, AT(struct trigger_spec, new_rows), .min = 1,
	 .max = COUNT_MAX, .help = "So many rows of a file: since the last run; of data elsewhere, or"
	                           " pinned, they cannot be counted."},
	{.name = "performance", .type = FIELD_RECORD, AT(struct trigger_spec, metric),
	 .record = &performance_record, .help = "Quality on matured rows has fallen."},
	{.name = "drift", CUSTOM(bare), AT(struct trigger_spec, kind), .schema = EMPTY_MAP_SCHEMA,
	 .help = "A deployment's drift monitor has alarmed."},
	{.name = "event", .type = FIELD_STRING, AT(struct trigger_spec, event),
	 .flags = FIELD_NON_EMPTY, .help = "Name of an event from the webhook or from linnet kick."},
	{.name = "source", CUSTOM(bare), AT(struct trigger_spec, kind), .schema = EMPTY_MAP_SCHEMA,
	 .help = "The tree of train's or serve's source changed."},
	{.name = "data", CUSTOM(bare), AT(struct trigger_spec, kind), .schema = EMPTY_MAP_SCHEMA,
	 .help = "The content of a file: is not what the last run read, though the number of rows may"
	         " be. It has to rest for ten seconds: of a file that grows all the time, count"
	         " newRows."},
};
static const struct schema_rule trigger_rules[] = {
	{"oneOf", "[{\"required\":[\"schedule\"]},{\"required\":[\"newRows\"]},"
	          "{\"required\":[\"performance\"]},{\"required\":[\"drift\"]},"
	          "{\"required\":[\"event\"]},{\"required\":[\"source\"]},"
	          "{\"required\":[\"data\"]}]"},
	{"dependentRequired", "{\"timeZone\":[\"schedule\"]}"},
	{0},
};
static const struct record trigger_record =
	RULED(struct trigger_spec, trigger, "What starts a training run.");

static const struct field automation_fields[] = {
	{.name = "retrain", .type = FIELD_ENUM, IN(struct model, retrain, retrain),
	 .names = &level_names, .fallback = "auto",
	 .help = "manual: runs are only reported as due; approve: a person lets each start; auto."},
};
static const struct record automation_record =
	SECTION(struct model, retrain, retrain, automation, "How much happens without a person.");

static const struct field budget_fields[] = {
	{.name = "uses", .type = FIELD_INT, IN(struct gates_spec, test_uses, test_uses), .min = 1,
	 .max = 1000, .fallback = "4", .help = "Final tests that may be read on the same rows."},
};
static const struct record budget_record =
	SECTION(struct gates_spec, test_uses, test_uses, budget, "How often test rows may answer.");

static const struct field gates_fields[] = {
	{.name = "policy", .type = FIELD_NAME, AT(struct gates_spec, policy),
	 .help = "A GatePolicy; the requirements here are added to it."},
	{.name = "require", .type = FIELD_LIST, LIST_AT(struct gates_spec, require),
	 .record = &require_record, .help = "What a version must reach on the test rows."},
	{.name = "slices", .type = FIELD_STRINGS, AT(struct gates_spec, slices),
	 .help = "Inputs whose every value is judged as a group of its own."},
	{.name = "reliability", .type = FIELD_SHARE, AT(struct gates_spec, reliability), .min = 0.5,
	 .max = 0.9999, .fallback = "95%", .help = "Confidence of every bound."},
	{.name = "testBudget", .type = FIELD_RECORD, AT(struct gates_spec, test_uses),
	 .record = &budget_record, .help = "How often test rows may answer."},
	{.name = "command", .type = FIELD_STRINGS, AT(struct gates_spec, command),
	 .help = "Outside evaluator: exit 0 is a pass, 1 a fail, anything else an error."},
};
static const struct record gates_record =
	RECORD(struct gates_spec, gates, "How good a version must be, judged once a run.");

static const struct field model_spec_fields[] = {
	{.name = "interface", .type = FIELD_RECORD, IN(struct model, interface, interface),
	 .flags = FIELD_REQUIRED, .record = &interface_record,
	 .help = "What every version takes and gives."},
	{.name = "data", .type = FIELD_RECORD, IN(struct model, interface, data),
	 .record = &data_record,
	 .help = "Where the rows are; absent: nothing is trained here, and no version is judged before"
	         " it serves."},
	{.name = "train", .type = FIELD_OPTIONAL, IN(struct model, interface, train),
	 .record = &train_record,
	 .help = "How a version is trained; absent: versions come from elsewhere."},
	{.name = "serve", .type = FIELD_RECORD, IN(struct model, interface, serve),
	 .flags = FIELD_REQUIRED, .record = &serve_record,
	 .help = "How a version is served; it becomes part of each version."},
	{.name = "triggers", .type = FIELD_LIST, LIST_IN(struct model, interface, triggers),
	 .record = &trigger_record, .help = "What starts a training run."},
	{.name = "cooldown", .type = FIELD_DURATION, IN(struct model, interface, cooldown_ms),
	 .fallback = "24h",
	 .help = "Least time between the end of a run and the next start; a first version and `linnet "
	         "kick` without --event do not wait."},
	{.name = "automation", .type = FIELD_RECORD, IN(struct model, interface, retrain),
	 .record = &automation_record, .help = "How much happens without a person."},
	{.name = "gates", .type = FIELD_RECORD, IN(struct model, interface, gates),
	 .record = &gates_record, .help = "How good a version must be."},
	{.name = "keepVersions", .type = FIELD_INT, IN(struct model, interface, keep_versions),
	 .min = 1, .max = 10000,
	 .help = "Artifacts beyond these, and beyond what going back needs, are collected; absent: all"
	         " are kept."},
	{.name = "versionTags", .type = FIELD_BOOL, IN(struct model, interface, version_tags),
	 .fallback = "false", .help = "Whether a version of Linnet's that is merged is tagged for GTO:"
	                              " v3 as <model>@v3.0.0."},
};
static const struct record model_spec_record =
	SECTION(struct model, interface, version_tags, model_spec, "What a Model declares.");

static const struct field model_fields[] = {
	DOCUMENT_HEAD(kind_word_names),
	{.name = "metadata", .type = FIELD_RECORD, AT(struct model, meta), .flags = FIELD_REQUIRED,
	 .record = &plain_meta_record, .help = "Which model this is."},
	{.name = "spec", .type = FIELD_RECORD, AT(struct model, interface), .flags = FIELD_REQUIRED,
	 .record = &model_spec_record, .help = "What is declared of it."},
};
const struct record model_record = RECORD(
	struct model, model, "What is learnt, from what, how good it must be, how it is served.");

static int finish_train(struct decoder *decoder, const struct node *node, const struct model *model)
{
	struct train_spec *train = model->train;
	const struct node *split = node_get(node, "split");

	if (!train->select_metric)
		train->select_metric = model->interface.output.classes.n ? "accuracy" : "mae";
	if (train->n_candidates > 0 && train->n_grid > 0)
		return complain(decoder, node_get(node, "grid"), "stands in place of candidates; keep one"
		                " of them");
	if (!node_get(split, "by"))
		train->split.by = model->data.time ? SPLIT_BY_TIME : SPLIT_BY_HASH;
	if (train->folds > 0 && is_set(train->split.validation))
		return complain(decoder, node_get(split, "crossValidation"), "stands in place of"
		                " validation; keep one of them");
	if (train->folds > 0)
		train->split.validation = 0;
	else if (!is_set(train->split.validation))
		train->split.validation = 1 - train->split.train - train->split.test;
	return 0;
}

static int finish_trigger(struct decoder *decoder, const struct node *node,
                          struct trigger_spec *trigger)
{
	int found = 0;

	for (int kind = TRIGGER_SCHEDULE; kind < TRIGGER_KINDS; kind++) {
		if (node_get(node, trigger_kind_names.names[kind])) {
			trigger->kind = (enum trigger_kind)kind;
			found++;
		}
	}
	if (found != 1)
		return complain(decoder, node, "each trigger is one of schedule, newRows, performance,"
		                " drift, event, source and data");
	if (trigger->time_zone && trigger->kind != TRIGGER_SCHEDULE)
		return complain(decoder, node_get(node, "timeZone"), "belongs to schedule only");
	return 0;
}

int model_finish(struct decoder *decoder, const struct node *spec, struct model *model)
{
	const struct node *triggers = node_get(spec, "triggers");
	const struct node *node = triggers ? triggers->first : NULL;
	int result = 0;

	for (size_t i = 0; i < model->n_triggers && node; i++, node = node->next)
		result |= finish_trigger(decoder, node, &model->triggers[i]);
	if (model->train)
		result |= finish_train(decoder, node_get(spec, "train"), model);
	return result;
}
