#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/check.h"
#include "api/uri.h"
#include "base/buf.h"

#define PINNED "registry/serve@sha256:" \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* One of each, valid; a case breaks one thing. */
struct world {
	struct model model;
	struct model_version version;
	struct deployment deployment;
	struct environment environment;
	struct gate_policy policy;

	struct input_spec inputs[2];
	struct train_spec train;
	struct candidate_spec candidates[2];
	struct grid_axis grid[2];
	struct trigger_spec triggers[2];
	struct gate_require require[2];
	struct label_share shares[1];
	struct step_spec steps[3];
	struct env_var env[2];
	struct alert_spec alerts[2];
	struct metric_spec metrics[2];
	struct monitor_spec monitor;
	struct autoscale_spec autoscale;
	struct promotion_spec promotion;
	struct role roles[1];
	struct kubernetes_serving kubernetes;
	struct window_spec windows[1];
	struct guard_switch guards[1];
	struct ground_truth truth;
	struct lineage lineage;
	struct buf said;
};

static const char *command[] = {"python3", "serve.py"};
static const char *classes[] = {"Low", "High"};
static const char *three[] = {"Low", "Mid", "High"};
static const char *twice[] = {"Low", "Low"};
static const char *people[] = {"ada@example.com"};
static const char *leads[] = {"leads"};
static const char *depths[] = {"3", "5", "3"};
static const char *many[300];

/* All different. */
static const char **many_values(void)
{
	static char texts[ARRAY_LEN(many)][8];

	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		snprintf(texts[i], sizeof(texts[i]), "%zu", i);
		many[i] = texts[i];
	}
	return many;
}

static void model_begin(struct world *w)
{
	struct serve_spec serve = {.command = {command, 2}, .source = "apps/risk"};

	w->inputs[0] = (struct input_spec){.name = "files", .type = TENSOR_INT64, .min = 0, .max = 9};
	w->inputs[1] = (struct input_spec){.name = "team", .type = TENSOR_BYTES, .min = NAN,
	                                  .max = NAN};
	w->candidates[0].name = "tree";
	w->candidates[1].name = "forest";
	w->train = (struct train_spec){
		.command = {command, 2}, .source = "apps/risk", .candidates = w->candidates,
		.n_candidates = 2, .split = {.train = 0.7, .validation = 0.15, .test = 0.15,
		                             .by = SPLIT_BY_TIME},
	};
	w->triggers[0] = (struct trigger_spec){.kind = TRIGGER_SCHEDULE, .schedule = "0 3 * * 1"};
	w->triggers[1] = (struct trigger_spec){.kind = TRIGGER_PERFORMANCE, .metric = "accuracy",
	                                       .accepted = 0.89, .below = 0.85};
	w->require[0] = (struct gate_require){.metric = "accuracy", .min = 0.87, .max = NAN};
	w->require[1] = (struct gate_require){.metric = "accuracy", .min = NAN, .max = NAN,
	                                      .versus_current = VERSUS_NOT_WORSE, .margin = 0.025};
	w->shares[0] = (struct label_share){.label = "High", .min = 0.01, .max = 0.4};
	w->model = (struct model){
		.meta.name = "risk",
		.interface = {.inputs = w->inputs, .n_inputs = 2,
		              .output = {.name = "level", .type = TENSOR_BYTES, .classes = {classes, 2},
		                         .min = NAN, .max = NAN}},
		.data = {.uri = "file:rows.csv", .label = "level", .id = "id", .time = "at",
		         .window_ms = -1, .validate = {.label_share = w->shares, .n_label_share = 1}},
		.train = &w->train, .serve = serve, .triggers = w->triggers, .n_triggers = 2,
		.gates = {.require = w->require, .n_require = 2},
	};
	w->lineage = (struct lineage){.data_from_ms = 1, .data_to_ms = 2};
	w->version = (struct model_version){.meta.name = "risk-v3", .model = "risk", .version = "v3",
	                                    .serve = serve, .lineage = &w->lineage};
	w->version.serve.tree = "0123456789abcdef0123456789abcdef01234567";
}

static void deployment_begin(struct world *w)
{
	w->steps[0] = (struct step_spec){.weight = 0.05, .min_duration_ms = 60000,
	                                 .max_error_ratio = 3};
	w->steps[1] = (struct step_spec){.weight = 0.25, .min_duration_ms = 60000,
	                                 .max_error_ratio = 1.5};
	w->steps[2] = (struct step_spec){.weight = 1, .max_error_ratio = NAN};
	w->env[0] = (struct env_var){.name = "LOG_LEVEL", .value = "info"};
	w->env[1] = (struct env_var){.name = "API_KEY", .secret_name = "keys", .secret_key = "api"};
	w->alerts[0] = (struct alert_spec){.name = "Drop", .when = "accuracy < 0.75",
	                                   .action = ALERT_PAGE};
	w->alerts[1] = (struct alert_spec){.name = "Schema", .when = "schema_validation_failed",
	                                   .action = ALERT_BLOCK};
	w->metrics[0] = (struct metric_spec){.name = "checkout", .prometheus = "x{{revision}}",
	                                       .url = "http://p"};
	w->metrics[1] = (struct metric_spec){.name = "basket", .prometheus = "y{{revision}}",
	                                       .url = "http://p"};
	w->monitor = (struct monitor_spec){.log = true, .drift_window_ms = 1,
	                                   .drift_persist = "2 of 3"};
	w->autoscale = (struct autoscale_spec){2, 8, 50};
	w->promotion = (struct promotion_spec){"staging", 0};
	w->deployment = (struct deployment){
		.meta = {.name = "risk", .namespace = "production"}, .model = "risk", .version = "v3",
		.promotion = &w->promotion, .autoscale = &w->autoscale, .env = w->env, .n_env = 2,
		.rollout = {.steps = w->steps, .n_steps = 3, .deadline_ms = 86400000,
		            .analysis = {.metrics = w->metrics, .n_metrics = 2, .warmup_ms = 90000,
		                         .no_data_deadline_ms = 1800000}},
		.monitor = &w->monitor, .alerts = w->alerts, .n_alerts = 2,
	};
}

static void environment_begin(struct world *w)
{
	w->roles[0] = (struct role){"leads", {people, 1}};
	w->windows[0] = (struct window_spec){.deny = "0 16 * * 5", .for_ms = 1};
	w->kubernetes = (struct kubernetes_serving){.namespace = "ml", .gateway = "edge/models"};
	w->environment = (struct environment){
		.meta.name = "production", .windows = w->windows, .n_windows = 1,
		.approvals = {.required = 1, .by = {leads, 1}, .roles = w->roles, .n_roles = 1,
		              .evidence = 1u << EVIDENCE_MERGE},
	};
	w->guards[0] = (struct guard_switch){"leakage", "a planted feature"};
	w->policy = (struct gate_policy){.meta.name = "standard", .require = w->require,
	                                 .n_require = 2, .guards_off = w->guards, .n_guards_off = 1};
}

static void world_begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	buf_init(&w->said, 10000);
	model_begin(w);
	deployment_begin(w);
	environment_begin(w);
}

static void listen(void *ctx, const char *path, const char *message)
{
	buf_printf(ctx, "%s: %s\n", path, message);
}

static int check_all(struct world *w)
{
	struct buf *said = &w->said;
	int results[] = {
		model_check(&w->model, listen, said),
		model_version_check(&w->version, listen, said),
		deployment_check(&w->deployment, listen, said),
		environment_check(&w->environment, listen, said),
		gate_policy_check(&w->policy, listen, said),
		w->model.gates.policy ? model_check_policy(&w->model, &w->policy, listen, said) : 0,
		deployment_check_refs(&w->deployment, &w->model, &w->version, &w->environment, listen,
		                      said),
	};
	int result = 0;

	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		result = results[i] < 0 ? -1 : result;
	return result;
}

/* ---- cases ---- */

#define BREAK(name, ...) static void name(struct world *w) { __VA_ARGS__; }
BREAK(no_inputs, w->model.interface.n_inputs = 0)
BREAK(input_twice, w->inputs[1] = w->inputs[0])
BREAK(input_min_above_max, w->inputs[0].min = 10)
BREAK(bytes_with_min, w->inputs[1].min = 1)
BREAK(number_with_values, w->inputs[0].values = (struct strings){classes, 2})
BREAK(matrix_of_two_types, w->model.interface.layout = LAYOUT_MATRIX)
BREAK(one_class, w->model.interface.output.classes.n = 1; w->model.data.validate.n_label_share = 0)
BREAK(class_twice, w->model.interface.output.classes.items = twice;
      w->model.data.validate.n_label_share = 0)
BREAK(scores_are_output, w->model.interface.output.scores = "level")
BREAK(absolute_data, w->model.data.uri = "file:/etc/passwd")
BREAK(climbing_data, w->model.data.uri = "file:a/../../b")
BREAK(ftp_data, w->model.data.uri = "ftp://x")
BREAK(mistyped_pin, w->model.data.uri = "file:rows.csv#SHA256:00")
BREAK(fragment_of_a_url, w->model.data.uri = "https://x/rows.csv#top")
BREAK(number_sign_in_a_name, w->model.data.uri = "file:team#1/rows#2.csv")
BREAK(label_is_input, w->model.data.label = "team")
BREAK(maturity_without_time, w->model.data.label_maturity_ms = 1; w->model.data.time = NULL;
      w->train.split.by = SPLIT_BY_HASH)
BREAK(share_of_no_class, w->shares[0].label = "Hihg")
BREAK(share_min_above_max, w->shares[0].min = 0.5)
BREAK(candidate_twice, w->candidates[1].name = "tree")
BREAK(too_large_grid, w->train.n_candidates = 0; w->train.grid = w->grid; w->train.n_grid = 2;
      w->grid[0] = (struct grid_axis){"a", {many_values(), 20}};
      w->grid[1] = (struct grid_axis){"b", {many_values(), 20}})
BREAK(value_twice, w->train.n_candidates = 0; w->train.grid = w->grid; w->train.n_grid = 1;
      w->grid[0] = (struct grid_axis){"depth", {depths, 3}})
BREAK(never_due, w->triggers[0].schedule = "0 3 31 2 *")
BREAK(seldom_due, w->triggers[0].schedule = "0 3 29 2 *")
BREAK(no_command, w->train.command.n = 0)
BREAK(no_source, w->model.serve.source = NULL)
BREAK(floating_image, w->model.serve.image = "registry/serve:latest")
BREAK(climbing_source, w->model.serve.source = "../x")
BREAK(split_sum, w->train.split.train = 0.8)
BREAK(no_test, w->train.split.test = 0; w->train.split.train = 0.85)
BREAK(no_validation, w->train.split.validation = 0; w->train.split.train = 0.85)
BREAK(folds_instead, w->train.split.validation = 0; w->train.split.train = 0.85; w->train.folds = 5)
BREAK(time_split_without_time, w->model.data.time = NULL)
BREAK(hash_split_without_id, w->model.data.id = NULL; w->train.split.by = SPLIT_BY_HASH)
BREAK(hash_with_embargo, w->train.split.by = SPLIT_BY_HASH; w->train.split.embargo_ms = 1)
BREAK(below_above_accepted, w->triggers[1].below = 0.95; w->require[0].min = 0.99)
BREAK(retrain_above_promote, w->triggers[1].below = 0.88)
BREAK(bad_event, w->triggers[0] = (struct trigger_spec){.kind = TRIGGER_EVENT, .event = "A B"})
#define NEW_ROWS w->triggers[0] = (struct trigger_spec){.kind = TRIGGER_NEW_ROWS, .new_rows = 100}
BREAK(rows_of_a_file, NEW_ROWS)
BREAK(rows_of_a_numbered_file, NEW_ROWS; w->model.data.uri = "file:team#1/rows#2.csv")
BREAK(rows_elsewhere, NEW_ROWS; w->model.data.uri = "s3://bucket/rows.csv")
#define CHANGE w->triggers[0] = (struct trigger_spec){.kind = TRIGGER_DATA}
BREAK(change_of_a_file, CHANGE)
BREAK(change_elsewhere, CHANGE; w->model.data.uri = "s3://bucket/rows.csv")
BREAK(rows_of_a_pin, NEW_ROWS; w->model.data.uri = "file:rows.csv.dvc")
BREAK(rows_of_a_lock, NEW_ROWS; w->model.data.uri = "file:dvc.lock#rows.csv")
BREAK(triggers_without_train, w->model.train = NULL)
BREAK(asks_nothing, w->require[0].min = NAN)
BREAK(impossible, w->require[0].max = 0.5)
BREAK(no_margin, w->require[1].margin = 0)
BREAK(stray_margin, w->require[0].margin = 0.1)
#define NUMBER(tensor, least, most) \
	w->model.interface.output = (struct output_spec){ \
		.name = "level", .type = tensor, .min = least, .max = most}; \
	w->model.data.validate.n_label_share = 0; \
	w->require[0].metric = w->require[1].metric = w->triggers[1].metric = "mae"; \
	w->deployment.rollout.analysis.predictions_max_distance = NAN
#define GATE(name, bound, value) \
	w->policy.n_require = w->model.n_triggers = w->deployment.n_alerts = 0; \
	w->model.gates.n_require = 1; \
	w->require[0] = (struct gate_require){.metric = name, .min = NAN, .max = NAN}; \
	w->require[0].bound = value
#define POLICY(name, bound, value) \
	GATE(name, bound, value); \
	w->policy.n_require = 1; w->model.gates.n_require = 0
#define SCORES w->model.interface.output.scores = "scores"
#define THREE w->model.interface.output.classes = (struct strings){three, 3}
BREAK(misspelt_metric, GATE("acuracy", min, .9))
BREAK(no_such_metric, GATE("foo", min, .9))
BREAK(metric_of_numbers, GATE("mae", max, 3))
BREAK(metric_of_classes, NUMBER(TENSOR_FP64, 0, 1); GATE("accuracy", min, .9))
BREAK(metric_of_scores, GATE("roc_auc", min, .9))
BREAK(metric_with_scores, GATE("roc_auc", min, .9); SCORES)
BREAK(metric_of_no_class, GATE("recall", min, .9); THREE)
BREAK(metric_of_a_class, GATE("recall", min, .9); w->require[0].class_name = "Mid"; THREE)
BREAK(metric_of_all_classes, GATE("f1", min, .9); THREE)
BREAK(metric_with_its_class, GATE("recall.High", min, .9))
BREAK(metric_of_a_quantile, NUMBER(TENSOR_FP64, 0, 1); GATE("pinball-0.9", max, 9))
BREAK(min_without_percent, GATE("accuracy", min, 70))
BREAK(min_above_all, GATE("accuracy", min, 1.7))
BREAK(min_below_all, GATE("accuracy", min, -5))
BREAK(min_of_matthews, GATE("mcc", min, -.5))
BREAK(max_below_all, GATE("log_loss", max, -1); SCORES)
BREAK(policy_misspelt, POLICY("acuracy", min, .9))
BREAK(policy_of_numbers, POLICY("mae", max, 70))
BREAK(policy_of_another, POLICY("mae", max, 70); w->model.gates.policy = "standard")
BREAK(policy_without_percent, POLICY("recall", min, 70))
BREAK(select_misspelt, w->train.select_metric = "acuracy")
BREAK(select_no_such, w->train.select_metric = "bogus")
BREAK(select_of_no_class, w->train.select_metric = "f1")
BREAK(select_of_a_class, w->train.select_metric = "f1.High")
BREAK(select_of_other_class, w->train.select_metric = "f1.Hgh")
BREAK(select_of_scores, w->train.select_metric = "log-loss")
BREAK(select_other_name, w->train.select_metric = "log_loss"; SCORES)
BREAK(select_with_scores, w->train.select_metric = "auc"; SCORES)
BREAK(select_auc_of_three, w->train.select_metric = "auc"; SCORES; THREE)
BREAK(select_of_numbers, w->train.select_metric = "rmse")
BREAK(select_by_default, NUMBER(TENSOR_FP64, 0, 1); w->train.select_metric = "accuracy")
BREAK(trigger_misspelt, w->triggers[1].metric = "accurracy")
BREAK(trigger_of_a_class, w->triggers[1].metric = "recall.High")
BREAK(unknown_class, w->require[0].class_name = "Mid")
BREAK(unknown_slice, w->model.gates.slices = (struct strings){leads, 1})
BREAK(version_none, w->version.version = "none")
BREAK(no_tree, w->version.serve.tree = NULL)
BREAK(short_tree, w->version.serve.tree = "9a0c")
BREAK(image_only, w->version.serve = (struct serve_spec){.image = PINNED})
BREAK(data_backwards, w->lineage.data_from_ms = 3)
BREAK(descending, w->steps[1].weight = 0.05)
BREAK(zero_step, w->steps[0].weight = 0)
BREAK(unfinished, w->steps[2].weight = 0.5)
BREAK(no_steps, w->deployment.rollout.n_steps = 0)
BREAK(recreate, w->deployment.rollout.n_steps = 0;
      w->deployment.rollout.strategy = STRATEGY_RECREATE)
BREAK(ratio_of_one, w->steps[1].max_error_ratio = 1)
BREAK(early_deadline, w->deployment.rollout.deadline_ms = 90000)
BREAK(no_data_in_warmup, w->deployment.rollout.analysis.no_data_deadline_ms = 90000)
#define WATCHED w->deployment.rollout.analysis.predictions_max_distance = .25
BREAK(number_without_range, NUMBER(TENSOR_FP64, NAN, NAN); WATCHED)
BREAK(number_with_range, NUMBER(TENSOR_FP64, -1, 1); WATCHED)
BREAK(range_of_classes, w->model.interface.output.min = 0)
BREAK(range_of_texts, NUMBER(TENSOR_BYTES, 0, 1))
BREAK(range_without_max, NUMBER(TENSOR_INT64, 0, NAN))
BREAK(range_of_nothing, NUMBER(TENSOR_FP64, 1, 1))
BREAK(metric_twice, w->metrics[1].name = "checkout")
BREAK(metric_of_all, w->metrics[0].prometheus = "sum(errors)")
BREAK(bad_variable, w->env[0].name = "LOG-LEVEL")
BREAK(reserved_variable, w->env[0].name = "LINNET_PORT")
BREAK(variable_twice, w->env[1].name = "LOG_LEVEL")
BREAK(value_and_secret, w->env[1].value = "x")
BREAK(neither, w->env[0].value = NULL)
BREAK(bad_persist, w->monitor.drift_persist = "4 of 3")
BREAK(no_log, w->monitor.log = false)
BREAK(bad_truth, w->truth.uri = "rows.csv"; w->monitor.ground_truth = &w->truth)
BREAK(alert_twice, w->alerts[1].name = "Drop")
BREAK(bad_alert, w->alerts[1].when = "accuracy is low")
BREAK(min_above_max, w->autoscale.min = 9)
BREAK(no_replica, w->autoscale.min = 0)
BREAK(no_rate, w->autoscale.requests_per_second_per_replica = 0)
BREAK(from_itself, w->promotion.from = "production")
BREAK(page_above_retrain, w->alerts[0].when = "accuracy < 86%")
BREAK(page_above_promote, w->alerts[0].when = "accuracy < 0.87"; w->model.n_triggers = 1)
BREAK(version_of_other, w->version.model = "other")
BREAK(cluster_without_image, w->environment.kubernetes = &w->kubernetes)
BREAK(bad_gateway, w->environment.kubernetes = &w->kubernetes; w->kubernetes.gateway = "models";
      image_only(w))
BREAK(called_models, w->environment.meta.name = "models")
BREAK(unknown_role, w->environment.approvals.by.items = people)
BREAK(too_few_people, w->environment.approvals.required = 2)
BREAK(no_evidence, w->environment.approvals.evidence = 0)
BREAK(no_signers, w->environment.approvals.evidence = 1u << EVIDENCE_SIGNATURE)
BREAK(checked_twice, w->environment.checklist = (struct strings){twice, 2})
BREAK(no_window, w->windows[0].for_ms = 0)
BREAK(no_reason, w->guards[0].reason = "")
BREAK(severity_alone, w->policy.serving.scan_severity = "high")

static const struct {
	void (*apply)(struct world *w);
	const char *said; /* NULL: nothing is wrong */
} cases[] = {
	{no_inputs, "spec.interface.inputs: a model needs at least one input\n"},
	{input_twice, "spec.interface.inputs[1].name: input 'files' stands here twice; remove one\n"},
	{input_min_above_max,
	 "spec.interface.inputs[0].min: is above max; no value would be valid\n"},
	{bytes_with_min,
	 "spec.interface.inputs[1]: BYTES have no min and max; write values: [...] instead\n"},
	{number_with_values, "spec.interface.inputs[0].values: only BYTES have a closed set of values;"
	                     " write min and max instead\n"},
	{matrix_of_two_types, "spec.interface.inputs[1].type: one matrix holds one type; write the"
	                      " type of the first input, or layout: columns\n"},
	{one_class, "spec.interface.output.classes: one class leaves nothing to predict; name them"
	            " all\n"},
	{class_twice,
	 "spec.interface.output.classes[1]: class 'Low' stands here twice; remove one\n"},
	{scores_are_output, "spec.interface.output.scores: is the output itself; name the server's"
	                    " second output\n"},
	{absolute_data, "spec.data.uri: 'file:/etc/passwd' leaves the data root; write file: and a"
	                " relative path without '..'\n"},
	{climbing_data, "spec.data.uri: 'file:a/../../b' leaves the data root; write file: and a"
	                " relative path without '..'\n"},
	{ftp_data,
	 "spec.data.uri: 'ftp://x' cannot be read; write file:PATH, https://... or s3://...\n"},
	{mistyped_pin, "spec.data.uri: '#SHA256:00' is no pin; write #sha256: and the 64 digits (0-9,"
	               " a-f) of the data's digest\n"},
	{fragment_of_a_url, "spec.data.uri: '#top' is no pin; write #sha256: and the 64 digits (0-9,"
	                    " a-f) of the data's digest\n"},
	{number_sign_in_a_name, NULL},
	{label_is_input, "spec.data.label: 'team' is an input too, so the model would be told the"
	                 " answer; remove one\n"},
	{maturity_without_time, "spec.data.labelMaturity: the age of a row is unknown; name its column"
	                        " in data.time\n"},
	{share_of_no_class, "spec.data.validate.labelShare.Hihg: 'Hihg' is no class of the output;"
	                    " write one of its classes\n"},
	{share_min_above_max,
	 "spec.data.validate.labelShare.High: min is above max; no data would be valid\n"},
	{candidate_twice,
	 "spec.train.candidates[1].name: candidate 'tree' stands here twice; rename one\n"},
	{too_large_grid, "spec.train.grid: makes more than 256 candidates; the best of so many is"
	                 " luck, list fewer\n"},
	{value_twice, "spec.train.grid.depth[2]: value '3' stands here twice; remove one\n"},
	{never_due, "spec.triggers[0].schedule: '0 3 31 2 *' names no day of any year; write minute,"
	            " hour, day, month, weekday\n"},
	{seldom_due, NULL},
	{no_command, "spec.train: nothing to start; write command and source, or image\n"},
	{no_source, "spec.serve: nothing to start; write command and source, or image\n"},
	{floating_image, "spec.serve.image: 'registry/serve:latest' may change under its name; write"
	                 " name@sha256:... with all 64 digits\n"},
	{climbing_source, "spec.serve.source: '../x' is not a folder of the fleet repository; write a"
	                  " relative path without '..'\n"},
	{split_sum, "spec.train.split: the shares sum to 110 %; make them 100 %\n"},
	{no_test, "spec.train.split.test: leaves no rows to judge on; give it a share\n"},
	{no_validation, "spec.train.split.validation: leaves no rows to choose a candidate on; give it"
	                " a share or write crossValidation\n"},
	{folds_instead, NULL},
	{time_split_without_time, "spec.train.split.by: the time of a row is unknown; name its column"
	                          " in data.time or write by: hash\n"},
	{hash_split_without_id, "spec.train.split.by: rows have no name to hash; name their column in"
	                        " data.id or write by: time\n"},
	{hash_with_embargo, "spec.train.split.embargo: only a split by time has an embargo; write by:"
	                    " time or remove it\n"},
	{below_above_accepted, "spec.triggers[1].performance.below: must be less than accepted:"
	                       " between the two lies what is tolerated\n"},
	{retrain_above_promote, "spec.triggers[1].performance.below: 88 % retrains what the gate's min"
	                        " of 87 % lets through; write less than it\n"},
	{bad_event, "spec.triggers[0].event: 'A B' is not a name; write lower-case letters, digits and"
	            " '-'\n"},
	{rows_of_a_file, NULL},
	{rows_of_a_numbered_file, NULL},
	{rows_elsewhere, "spec.triggers[0].newRows: rows are counted of a plain file: only, not of"
	                 " 's3://bucket/rows.csv'; write schedule, event or source\n"},
	{change_of_a_file, NULL},
	{change_elsewhere, "spec.triggers[0].data: a change is seen of a plain file: only, not of"
	                   " 's3://bucket/rows.csv'; write schedule, event or source\n"},
	{rows_of_a_pin, "spec.triggers[0].newRows: rows are counted of a plain file: only, not of"
	                " 'file:rows.csv.dvc'; write schedule, event or source\n"},
	{rows_of_a_lock, "spec.triggers[0].newRows: rows are counted of a plain file: only, not of"
	                 " 'file:dvc.lock#rows.csv'; write schedule, event or source\n"},
	{triggers_without_train,
	 "spec.triggers: there is nothing to run; write train or remove triggers\n"},
	{asks_nothing, "spec.gates.require[0]: asks nothing of accuracy; write min, max or"
	               " versusCurrent\nspec.require[0]: asks nothing of accuracy; write min, max or"
	               " versusCurrent\n"},
	{impossible, "spec.gates.require[0].min: is above max; no value can pass\n"
	             "spec.require[0].min: is above max; no value can pass\n"},
	{no_margin, "spec.gates.require[1].margin: not-worse needs a margin: by how much accuracy may"
	            " fall and nobody would care\nspec.require[1].margin: not-worse needs a margin: by"
	            " how much accuracy may fall and nobody would care\n"},
	{stray_margin, "spec.gates.require[0].margin: only not-worse has a margin; write"
	               " versusCurrent: not-worse or remove it\nspec.require[0].margin: only not-worse"
	               " has a margin; write versusCurrent: not-worse or remove it\n"},
	{misspelt_metric, "spec.gates.require[0].metric: there is no metric 'acuracy'; did"
	 " you mean 'accuracy'?\n"},
	{no_such_metric, "spec.gates.require[0].metric: there is no metric 'foo'; write one"
	 " of accuracy, balanced-accuracy, macro-f1, matthews, kappa, precision, recall, f1\n"},
	{metric_of_numbers, "spec.gates.require[0].metric: mae is measured on numbers, and"
	 " the output has classes; write one of accuracy, balanced-accuracy, macro-f1,"
	 " matthews, kappa, precision, recall, f1\n"},
	{metric_of_classes, "spec.gates.require[0].metric: accuracy is measured on classes,"
	 " and the output has none; write one of mae, rmse, mape, pinball, r-squared\n"},
	{metric_of_scores, "spec.gates.require[0].metric: auc is measured on scores; name"
	 " the server's second output in spec.interface.output.scores\n"},
	{metric_with_scores, NULL},
	{metric_of_no_class, "spec.gates.require[0].metric: recall is about one class; write"
	 " which, such as class: Low\n"},
	{metric_of_a_class, NULL},
	{metric_of_all_classes, NULL},
	{metric_with_its_class, "spec.gates.require[0].metric: a gate says the class apart;"
	 " write metric: recall, class: High\n"},
	{metric_of_a_quantile, NULL},
	{min_without_percent, "spec.gates.require[0].min: accuracy is never above 1, and"
	 " this is 70; did you mean 70%?\n"},
	{min_above_all, "spec.gates.require[0].min: accuracy is never above 1, and this is"
	 " 1.7; write what it can be\n"},
	{min_below_all, "spec.gates.require[0].min: accuracy is never below 0, and this is"
	 " -5; write what it can be\n"},
	{min_of_matthews, NULL},
	{max_below_all, "spec.gates.require[0].max: log-loss is never below 0, and this is"
	 " -1; write what it can be\n"},
	{policy_misspelt, "spec.require[0].metric: there is no metric 'acuracy'; did you"
	 " mean 'accuracy'?\n"},
	{policy_of_numbers, NULL},
	{policy_of_another, "spec.gates.policy: GatePolicy 'standard' cannot judge this model: mae is"
	                    " measured on numbers, and the output has classes; write one of accuracy,"
	                    " balanced-accuracy, macro-f1, matthews, kappa, precision, recall, f1\n"},
	{policy_without_percent, "spec.require[0].min: recall is never above 1, and this is"
	 " 70; did you mean 70%?\n"},
	{select_misspelt, "spec.train.select.metric: there is no metric 'acuracy'; did you"
	 " mean 'accuracy'?\n"},
	{select_no_such, "spec.train.select.metric: there is no metric 'bogus'; write one of"
	 " accuracy, balanced-accuracy, macro-f1, matthews, kappa, precision.CLASS,"
	 " recall.CLASS, f1.CLASS\n"},
	{select_of_no_class, "spec.train.select.metric: f1 is about one class; write f1.Low,"
	 " or that of another class\n"},
	{select_of_a_class, NULL},
	{select_of_other_class, "spec.train.select.metric: there is no metric 'f1.Hgh';"
	 " write one of accuracy, balanced-accuracy, macro-f1, matthews, kappa,"
	 " precision.CLASS, recall.CLASS, f1.CLASS\n"},
	{select_of_scores, "spec.train.select.metric: log-loss is measured on scores; name"
	 " the server's second output in spec.interface.output.scores\n"},
	{select_other_name, "spec.train.select.metric: there is no metric 'log_loss'; did"
	 " you mean 'log-loss'?\n"},
	{select_with_scores, NULL},
	{select_auc_of_three, "spec.train.select.metric: there is no metric 'auc'; write one"
	 " of accuracy, balanced-accuracy, macro-f1, matthews, kappa, precision.CLASS,"
	 " recall.CLASS, f1.CLASS, brier, log-loss\n"},
	{select_of_numbers, "spec.train.select.metric: rmse is measured on numbers, and the"
	 " output has classes; write one of accuracy, balanced-accuracy, macro-f1, matthews,"
	 " kappa, precision.CLASS, recall.CLASS, f1.CLASS\n"},
	{select_by_default, "spec.train.select.metric: accuracy is measured on classes, and"
	 " the output has none; write one of mae, rmse, mape, pinball, r-squared\n"},
	{trigger_misspelt, "spec.triggers[1].performance.metric: there is no metric"
	 " 'accurracy'; did you mean 'accuracy'?\n"},
	{trigger_of_a_class, NULL},
	{unknown_class, "spec.gates.require[0].class: 'Mid' is no class of the output; write one of"
	                " its classes\n"},
	{unknown_slice, "spec.gates.slices[0]: 'leads' is no input; a slice is the rows that share a"
	                " value of an input\n"},
	{version_none, "spec.version: 'none' means no version; write a name such as v1\n"},
	{no_tree, "spec.serve.tree: nothing that serves follows a branch; write the tree id of"
	          " 'apps/risk'\n"},
	{short_tree, "spec.serve.tree: '9a0c' is not a tree id; write all its hex digits\n"},
	{image_only, NULL},
	{data_backwards, "spec.lineage.data.to: is before from; exchange them\n"},
	{descending, "spec.rollout.steps[1].weight: 5 % is not above the step before; write steps in"
	             " ascending order\n"},
	{zero_step,
	 "spec.rollout.steps[0].weight: a step without traffic shows nothing; write more than 0 %\n"},
	{unfinished, "spec.rollout.steps[2].weight: the last step ends at 50 %; add a step {weight:"
	             " 100%}\n"},
	{no_steps, "spec.rollout.steps: a canary needs steps; the last is {weight: 100%}\n"},
	{recreate, NULL},
	{ratio_of_one, "spec.rollout.steps[1].maxErrorRatio: no canary can be shown to be below 1"
	               " times the errors of its equal; write more than 1\n"},
	{early_deadline, "spec.rollout.deadline: 90s is over before the steps are, which last 2m at"
	                 " least; write more\n"},
	{no_data_in_warmup, "spec.rollout.analysis.noDataDeadline: passes in the warm-up, when nothing"
	                    " counts; write more than warmup.duration\n"},
	{number_without_range, "spec.rollout.analysis.predictions: Model 'risk' predicts a number"
	                       " whose range is not known; write min and max into its"
	                       " spec.interface.output\n"},
	{number_with_range, NULL},
	{range_of_classes, "spec.interface.output: classes have no range; remove min and max\n"},
	{range_of_texts, "spec.interface.output: only numbers have a range; remove min and max, or"
	                 " write a number's type\n"},
	{range_without_max, "spec.interface.output: a range has two ends; write both min and max\n"},
	{range_of_nothing,
	 "spec.interface.output.min: is not below max; write the ends of the range\n"},
	{metric_twice, "spec.rollout.analysis.metrics[1].name: metric 'checkout' stands here twice;"
	               " rename one\n"},
	{metric_of_all, "spec.rollout.analysis.metrics[0].prometheus: cannot tell the candidate from"
	                " the stable one; put {{revision}} into it\n"},
	{bad_variable,
	 "spec.env[0].name: 'LOG-LEVEL' is no variable; write letters, digits and '_'\n"},
	{reserved_variable, "spec.env[0].name: LINNET_PORT is set by Linnet; rename it\n"},
	{variable_twice, "spec.env[1].name: LOG_LEVEL is set twice; remove one\n"},
	{value_and_secret, "spec.env[1]: API_KEY needs either a value or a secret\n"},
	{neither, "spec.env[0]: LOG_LEVEL needs either a value or a secret\n"},
	{bad_persist,
	 "spec.monitor.drift.persist: '4 of 3' is not K of N; write for example: 2 of 3\n"},
	{no_log, "spec.monitor.log: drift and performance are measured on the prediction log; write"
	         " log: true\n"},
	{bad_truth, "spec.monitor.groundTruth.uri: 'rows.csv' cannot be read; write file:PATH,"
	            " https://... or s3://...\n"},
	{alert_twice, "spec.alerts[1].name: alert 'Drop' stands here twice; rename one\n"},
	{bad_alert, "spec.alerts[1].when: 'accuracy is low' is no condition; write METRIC < NUMBER,"
	            " METRIC > NUMBER or an event\n"},
	{min_above_max, "spec.autoscale.min: 9 is above max (8); exchange them\n"},
	{no_replica, "spec.autoscale.min: at least one replica must serve; write 1 or more\n"},
	{no_rate, "spec.autoscale.requestsPerSecondPerReplica: how much can one replica take? write"
	          " more than 0\n"},
	{from_itself,
	 "spec.promotion.from: is this Environment itself; name the one before it\n"},
	{page_above_retrain, "spec.alerts[0].when: pages at 0.86, but Model 'risk' retrains only below"
	                     " 0.85; write less\n"},
	{page_above_promote, "spec.alerts[0].when: pages at 0.87, but Model 'risk' lets versions"
	                     " through from 0.87; write less\n"},
	{version_of_other, "spec.version: v3 is a version of 'other', not of 'risk'\n"},
	{cluster_without_image, "spec.version: v3 has no image, and Environment 'production' serves in"
	                        " Kubernetes; give the Model's serve an image\n"},
	{bad_gateway,
	 "spec.serving.kubernetes.gateway: 'models' names no Gateway; write namespace/name\n"},
	{called_models, "metadata.name: 'models' is the folder of models on the status branch; choose"
	                " another name\n"},
	{unknown_role, "spec.approvals.by[0]: role 'ada@example.com' is not declared; add it to"
	               " spec.approvals.roles\nspec.approvals.required: asks for 1 approvals, and 0"
	               " people may give one; add people to their roles\n"},
	{too_few_people, "spec.approvals.required: asks for 2 approvals, and 1 people may give one;"
	                 " add people to their roles\n"},
	{no_evidence, "spec.approvals.evidence: nothing counts as an approval; write signature, merge"
	              " or forge\n"},
	{no_signers, "spec.approvals.allowedSigners: signatures are checked against it; name the file"
	             " of the fleet repository\n"},
	{checked_twice, "spec.checklist[1]: 'Low' stands here twice; remove one\n"},
	{no_window,
	 "spec.windows[0].for: a window of no length denies nothing; write how long, such as 64h\n"},
	{no_reason,
	 "spec.guards.leakage: a guard is switched off for a reason; write it\n"},
	{severity_alone, "spec.serving: a severity needs the scan report it is looked up in\n"},
};

static void a_valid_world_is_not_complained_about(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	assert_int_equal(check_all(&w), 0);
	assert_string_equal(buf_text(&w.said), "");
	buf_deinit(&w.said);
}

static void each_broken_rule_is_said_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;
		int result;

		world_begin(&w);
		cases[i].apply(&w);
		result = check_all(&w);
		assert_string_equal(buf_text(&w.said), cases[i].said ? cases[i].said : "");
		assert_int_equal(result, cases[i].said ? -1 : 0);
		buf_deinit(&w.said);
	}
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void what_a_number_sign_sets_apart(void **state)
{
	static const struct {
		const char *uri, *file, *output; /* file NULL: refused */
		bool pinned;
	} uris[] = {
		{"file:rows.csv", "file:rows.csv", NULL, false},
		{"/d/rows.csv#sha256:" DIGEST, "/d/rows.csv", NULL, true},
		{"s3://bucket/key#sha256:" DIGEST, "s3://bucket/key", NULL, true},
		{"/d/rows.dvc#sha256:" DIGEST, "/d/rows.dvc", NULL, true},
		{"/d/dvc.lock#a/rows#2.csv", "/d/dvc.lock", "a/rows#2.csv", false},
		{"/d/dvc.lock#rows.csv#sha256:" DIGEST, "/d/dvc.lock", "rows.csv", true},
		{"/d/dvc.lock#md5/rows.csv", "/d/dvc.lock", "md5/rows.csv", false},
		{"/team#1/rows#2.csv", "/team#1/rows#2.csv", NULL, false},
		{"/d/rows#2.csv#sha256:" DIGEST, "/d/rows#2.csv", NULL, true},
		{"/d/rows#", "/d/rows#", NULL, false},
		{"/d/rows#0123abcd", "/d/rows#0123abcd", NULL, false},
		{"/d/rows.csv#sha256:" DIGEST "0", NULL, NULL, false},
		{"/d/rows.csv#sha256:" DIGEST "/", NULL, NULL, false},
		{"/d/rows.csv#Sha256:" DIGEST, NULL, NULL, false},
		{"/d/rows.csv#sha-256:" DIGEST, NULL, NULL, false},
		{"/d/rows.csv#sha256:" "0123456789ABCDEF", NULL, NULL, false},
		{"/d/rows.csv#MD5:", NULL, NULL, false},
		{"/d/rows.csv#" DIGEST, NULL, NULL, false},
		{"/d/rows.csv#0123456789abcdef0123456789ABCDEF", NULL, NULL, false},
		{"/d/rows.dvc#rows.csv", NULL, NULL, false},
		{"https://x/rows#2.csv", NULL, NULL, false},
		{"https://x/rows#2.csv#sha256:" DIGEST, NULL, NULL, false},
		{"https://x/dvc.lock#rows.csv", NULL, NULL, false},
		{"s3://bucket/rows#2.csv", NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
		struct uri_parts parts = {0};
		struct err err = {0};
		int result = uri_parse(uris[i].uri, &parts, &err);

		if (result != (uris[i].file ? 0 : -1))
			fail_msg("%s: %s", uris[i].uri, result ? err.text : "was taken");
		if (result) {
			assert_int_equal(err.kind, ERR_STALLED);
			assert_non_null(strstr(err.text, "is no pin; write #sha256: and the 64 digits"));
			continue;
		}
		assert_int_equal(parts.len, strlen(uris[i].file));
		assert_memory_equal(uris[i].uri, uris[i].file, parts.len);
		assert_string_equal(parts.pin.hex, uris[i].pinned ? DIGEST : "");
		assert_int_equal(!parts.output, !uris[i].output);
		if (uris[i].output) {
			assert_int_equal(parts.output_len, strlen(uris[i].output));
			assert_memory_equal(parts.output, uris[i].output, parts.output_len);
		}
	}
}

static void an_object_is_checked_by_its_kind(void **state)
{
	struct world w;
	struct object object = {.kind = KIND_ENVIRONMENT};

	(void)state;
	world_begin(&w);
	called_models(&w);
	object.environment = &w.environment;
	assert_int_equal(object_check(&object, listen, &w.said), -1);
	assert_non_null(strstr(buf_text(&w.said), "metadata.name"));
	object = (struct object){.kind = KIND_GATE_POLICY, .policy = &w.policy};
	assert_int_equal(object_check(&object, listen, &w.said), 0);
	buf_deinit(&w.said);
}

static void reads_the_condition_of_an_alert(void **state)
{
	static const struct {
		const char *when, *subject;
		enum alert_sign sign;
		double threshold;
	} parsed[] = {
		{"accuracy < 0.75", "accuracy", ALERT_BELOW, 0.75},
		{"accuracy < 75%", "accuracy", ALERT_BELOW, 0.75},
		{"latency_p95 > 250", "latency_p95", ALERT_ABOVE, 250},
		{"schema_validation_failed", "schema_validation_failed", ALERT_HOLDS, 0},
		{"", NULL, ALERT_HOLDS, 0}, {"a <", NULL, ALERT_HOLDS, 0}, {"a < b", NULL, ALERT_HOLDS, 0},
		{"a <= 1", NULL, ALERT_HOLDS, 0}, {"1 < 2", NULL, ALERT_HOLDS, 0},
		{"a < 1 and b < 2", NULL, ALERT_HOLDS, 0}, {" a < 1", NULL, ALERT_HOLDS, 0},
		{"a\x1b < 1", NULL, ALERT_HOLDS, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parsed); i++) {
		struct alert_condition condition;
		bool is_one = alert_parse(parsed[i].when, &condition);

		assert_int_equal(is_one, parsed[i].subject != NULL);
		if (!is_one)
			continue;
		assert_string_equal(condition.subject, parsed[i].subject);
		assert_int_equal(condition.sign, parsed[i].sign);
		assert_true(condition.threshold == parsed[i].threshold);
	}
	assert_false(alert_parse(NULL, &(struct alert_condition){.sign = ALERT_HOLDS}));
}

static void reads_k_of_n(void **state)
{
	static const struct {
		const char *text;
		int64_t k, of; /* of 0: refused */
	} texts[] = {
		{"2 of 3", 2, 3}, {"1 of 1", 1, 1}, {"3 of 2", 0, 0}, {"0 of 3", 0, 0}, {"2of3", 0, 0},
		{"2 of ", 0, 0}, {" of 3", 0, 0}, {"2 of 3 of 4", 0, 0}, {"123456789 of 3", 0, 0},
		{"1 of 101", 0, 0}, {"", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		int64_t k = 0, of = 0;

		assert_int_equal(persist_parse(texts[i].text, &k, &of), texts[i].of != 0);
		assert_int_equal(k, texts[i].k);
		assert_int_equal(of, texts[i].of);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_world_is_not_complained_about),
		cmocka_unit_test(each_broken_rule_is_said_once),
		cmocka_unit_test(what_a_number_sign_sets_apart),
		cmocka_unit_test(an_object_is_checked_by_its_kind),
		cmocka_unit_test(reads_the_condition_of_an_alert),
		cmocka_unit_test(reads_k_of_n),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
