#include <dirent.h>

#include "manifest/decode.h"
#include "manifest/fixture.h"

/* ---- The manual's examples, in full ---- */

static struct file_objects decode_good(struct fixture *fixture, const char *path)
{
	const char *text = read_file(fixture, path);
	struct diagnostics diagnostics = {0};
	struct file_objects out;

	manifest_decode(path, text, strlen(text), &fixture->arena, &out, &diagnostics);
	assert_string_equal(diagnostics_text(fixture, &diagnostics), "");
	return out;
}

static struct object decode_one(struct fixture *fixture, const char *path, enum kind kind)
{
	struct file_objects out = decode_good(fixture, path);

	assert_true(out.n >= 1);
	assert_int_equal(out.objects[0].kind, kind);
	return out.objects[0];
}

static void model(void **state)
{
	const struct model *m =
		decode_one(*state, GOLDEN "kinds/model.yaml", KIND_MODEL).model;
	const struct train_spec *train = m->train;

	assert_string_equal(m->meta.name, "deployment-risk");
	assert_null(m->meta.namespace);
	assert_string_equal(m->meta.labels.items[0].key, "team");
	assert_string_equal(m->meta.labels.items[0].value, "platform");
	assert_string_equal(m->meta.at.path, GOLDEN "kinds/model.yaml");
	assert_int_equal(m->meta.at.line, 2);
	assert_int_equal(m->interface.layout, LAYOUT_COLUMNS);
	assert_int_equal(m->interface.n_inputs, 5);
	assert_int_equal(m->interface.inputs[0].type, TENSOR_INT64);
	assert_true(m->interface.inputs[0].max == 100000);
	assert_true(m->interface.inputs[0].nullable);
	assert_int_equal(m->interface.inputs[1].values.n, 3);
	assert_true(isnan(m->interface.inputs[2].min) != 0);
	assert_false(m->interface.inputs[4].nullable);
	assert_string_equal(m->interface.output.classes.items[2], "High");
	assert_string_equal(m->interface.output.scores, "risk_scores");
	assert_string_equal(m->data.time, "deployed_at");
	assert_true(m->data.label_maturity_ms == 30 * INT64_C(86400000));
	assert_true(m->data.window_ms == 180 * INT64_C(86400000));
	assert_int_equal(m->data.validate.min_rows, 2000);
	assert_true(m->data.validate.max_missing == 0.02);
	assert_string_equal(m->data.validate.label_share[0].label, "High");
	assert_true(m->data.validate.label_share[0].max == 0.4);
	assert_string_equal(train->command.items[1], "train.py");
	assert_int_equal(train->timeout_ms, 1800000);
	assert_int_equal(train->seed, 7);
	assert_int_equal(train->n_candidates, 3);
	assert_string_equal(train->candidates[2].params.items[1].key, "trees");
	assert_string_equal(train->candidates[2].params.items[1].value, "100");
	assert_true(train->split.validation == 0.15);
	assert_int_equal(train->split.by, SPLIT_BY_TIME);
	assert_int_equal(train->folds, 0);
	assert_string_equal(train->select_metric, "accuracy");
	assert_string_equal(train->refit, "train+validation");
	assert_string_equal(m->serve.source, "apps/risk");
	assert_null(m->serve.tree);
}

static void model_triggers_and_gates(void **state)
{
	const struct model *m =
		decode_one(*state, GOLDEN "kinds/model.yaml", KIND_MODEL).model;
	static const enum trigger_kind kinds[] = {TRIGGER_SCHEDULE, TRIGGER_NEW_ROWS,
	                                          TRIGGER_PERFORMANCE, TRIGGER_DRIFT, TRIGGER_EVENT,
	                                          TRIGGER_SOURCE, TRIGGER_DATA};

	assert_int_equal(m->n_triggers, ARRAY_LEN(kinds));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		assert_int_equal(m->triggers[i].kind, kinds[i]);
	assert_string_equal(m->triggers[0].schedule, "0 3 * * 1");
	assert_int_equal(m->triggers[1].new_rows, 1000);
	assert_true(m->triggers[2].accepted == 0.89 && m->triggers[2].below == 0.85);
	assert_string_equal(m->triggers[4].event, "platform-update");
	assert_int_equal(m->cooldown_ms, 86400000);
	assert_int_equal(m->retrain, LEVEL_AUTO);
	assert_string_equal(m->gates.policy, "standard");
	assert_int_equal(m->gates.n_require, 3);
	assert_true(m->gates.require[0].min == 0.87);
	assert_true(isnan(m->gates.require[0].max) != 0);
	assert_string_equal(m->gates.require[1].class_name, "High");
	assert_int_equal(m->gates.require[1].versus_current, VERSUS_NONE);
	assert_int_equal(m->gates.require[2].versus_current, VERSUS_NOT_WORSE);
	assert_true(m->gates.require[2].margin == 0.025);
	assert_int_equal(m->gates.slices.n, 2);
	assert_int_equal(m->gates.test_uses, 4);
	assert_string_equal(m->gates.command.items[0], "./evaluate.sh");
	assert_int_equal(m->keep_versions, 10);
}

static void model_defaults(void **state)
{
	const struct model *m =
		decode_one(*state, GOLDEN "kinds/model-least.yaml", KIND_MODEL).model;

	assert_int_equal(m->data.format, DATA_JSONL);
	assert_string_equal(m->data.id, "id");
	assert_null(m->data.time);
	assert_int_equal(m->data.window_ms, -1);
	assert_int_equal(m->data.validate.min_rows, 100);
	assert_true(m->data.validate.max_missing == 0.05);
	assert_int_equal(m->train->n_grid, 2);
	assert_string_equal(m->train->grid[1].name, "criterion");
	assert_string_equal(m->train->grid[1].values.items[1], "entropy");
	assert_int_equal(m->train->folds, 5);
	assert_true(m->train->split.validation == 0);
	assert_int_equal(m->train->split.by, SPLIT_BY_HASH);
	assert_string_equal(m->train->select_metric, "mae");
	assert_int_equal(m->train->select_rule, SELECT_SIMPLEST_WITHIN_ONE_SE);
	assert_string_equal(m->triggers[0].time_zone, "Europe/Berlin");
	assert_int_equal(m->retrain, LEVEL_AUTO);
	assert_null(m->gates.policy);
	assert_true(m->gates.reliability == 0.95);
	assert_int_equal(m->gates.test_uses, 4);
	assert_int_equal(m->keep_versions, 0);
}

static void model_version(void **state)
{
	const struct model_version *v =
		decode_one(*state, GOLDEN "kinds/version.yaml", KIND_MODEL_VERSION).version;
	const struct lineage *lineage = v->lineage;

	assert_string_equal(v->version, "v3");
	assert_int_equal(v->artifact.digest.hex[0], 'a');
	assert_int_equal(v->artifact.bytes, 48213);
	assert_null(v->artifact.uri);
	assert_string_equal(v->serve.tree, "9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c");
	assert_int_equal(lineage->trigger, TRIGGER_PERFORMANCE);
	assert_int_equal(lineage->data_rows, 12000);
	assert_int_equal(lineage->test_rows, 1800);
	assert_string_equal(lineage->params.items[1].value, "10");
	assert_int_equal(lineage->n_candidates, 2);
	assert_true(lineage->candidates[0].standard_error == 0.009);
	assert_string_equal(lineage->run, "7f3a91");
	assert_true(lineage->finished_ms - lineage->started_ms == 245678);
	assert_true(v->metrics_validation[0].value == 0.89);
	assert_int_equal(v->n_metrics_test, 2);
	assert_string_equal(v->metrics_test[0].name, "accuracy");
	assert_string_equal(v->metrics_test[1].name, "recall.High");
	assert_string_equal(v->metrics_slices[0].name, "team=core");
	assert_string_equal(v->verdict, "PASS");
	assert_true(v->entries[0].low == 0.885 && v->entries[0].high == 0.914);
	assert_true(isnan(v->entries[1].low) != 0);
	assert_int_equal(v->golden_rows, 64);
}

/* What a proposal writes is what is read back, and writing that again changes nothing. */
static void model_version_encoded(void **state)
{
	struct fixture *fixture = *state;
	const struct model_version *v =
		decode_one(fixture, GOLDEN "kinds/version.yaml", KIND_MODEL_VERSION).version;
	struct diagnostics diagnostics = {0};
	struct file_objects out;
	struct buf first, second;

	buf_init(&first, 1 << 20);
	buf_init(&second, 1 << 20);
	version_encode(&first, v);
	manifest_decode("v.yaml", first.text, first.len, &fixture->arena, &out, &diagnostics);
	assert_string_equal(diagnostics_text(fixture, &diagnostics), "");
	assert_int_equal(out.n, 1);
	version_encode(&second, out.objects[0].version);
	assert_string_equal(buf_text(&first), buf_text(&second));
	assert_int_equal(out.objects[0].version->n_entries, 2);
	assert_true(out.objects[0].version->entries[0].high == 0.914);
	assert_true(out.objects[0].version->lineage->finished_ms == v->lineage->finished_ms);
	assert_golden(fixture, GOLDEN "kinds/version.encoded", buf_text(&first));
	buf_deinit(&first);
	buf_deinit(&second);
}

static void deployment(void **state)
{
	const struct deployment *d =
		decode_one(*state, GOLDEN "kinds/deployment.yaml", KIND_MODEL_DEPLOYMENT).deployment;
	const struct analysis_spec *analysis = &d->rollout.analysis;

	assert_string_equal(d->meta.namespace, "production");
	assert_string_equal(d->version, "v2");
	assert_int_equal(d->promotion->soak_ms, 86400000);
	assert_int_equal(d->replicas, 2);
	assert_null(d->autoscale);
	assert_int_equal(d->start_timeout_ms, 60000);
	assert_int_equal(d->cpu_millis, 500);
	assert_int_equal(d->memory_bytes, 512 << 20);
	assert_int_equal(d->n_env, 2);
	assert_string_equal(d->env[0].value, "info");
	assert_null(d->env[0].secret_name);
	assert_null(d->env[1].value);
	assert_string_equal(d->env[1].secret_key, "api");
	assert_int_equal(d->rollout.n_steps, 3);
	assert_true(d->rollout.steps[1].weight == 0.25);
	assert_int_equal(d->rollout.steps[1].min_duration_ms, 600000);
	assert_true(d->rollout.steps[1].max_error_ratio == 1.5);
	assert_true(analysis->false_rollback == 0.01);
	assert_true(analysis->errors_margin == 0.001);
	assert_true(analysis->latency_margin == 0.1);
	assert_true(analysis->predictions_max_distance == 0.25);
	assert_true(analysis->metrics[0].max == 0.02);
	assert_int_equal(analysis->warmup_requests, 50);
	assert_int_equal(analysis->no_data_deadline_ms, 1800000);
	assert_int_equal(d->rollout.on_inconclusive, INCONCLUSIVE_HOLD);
	assert_int_equal(d->rollout.keep_previous_ms, 1800000);
	assert_int_equal(d->rollout.rollback_window, 3);
	assert_string_equal(d->monitor->ground_truth->time, "known_at");
	assert_int_equal(d->monitor->drift_window_ms, 86400000);
	assert_string_equal(d->monitor->drift_persist, "2 of 3");
	assert_int_equal(d->monitor->performance_rows, 2000);
	assert_int_equal(d->n_alerts, 2);
	assert_int_equal(d->alerts[0].action, ALERT_PAGE);
	assert_int_equal(d->alerts[0].for_ms, 600000);
	assert_int_equal(d->alerts[1].action, ALERT_BLOCK);
	assert_string_equal(d->hold->reason, "quarter end");
	assert_true(d->hold->until_ms > 0);
}

/* The defaults of a rollout are the values that the manual shows. */
static void deployment_defaults(void **state)
{
	const struct deployment *d =
		decode_one(*state, GOLDEN "kinds/deployment-least.yaml", KIND_MODEL_DEPLOYMENT).deployment;
	const struct rollout_spec *rollout = &d->rollout;

	assert_null(d->version);
	assert_null(d->promotion);
	assert_null(d->hold);
	assert_int_equal(d->replicas, 1);
	assert_int_equal(d->autoscale->min, 1);
	assert_int_equal(d->autoscale->max, 8);
	assert_int_equal(d->start_timeout_ms, 60000);
	assert_int_equal(d->drain_timeout_ms, 30000);
	assert_int_equal(d->cpu_millis, -1);
	assert_int_equal(d->memory_bytes, -1);
	assert_int_equal(rollout->n_steps, 3);
	assert_true(rollout->steps[0].weight == 0.05 && rollout->steps[0].max_error_ratio == 3);
	assert_int_equal(rollout->steps[0].min_requests, 500);
	assert_int_equal(rollout->steps[0].min_duration_ms, 600000);
	assert_true(rollout->steps[1].weight == 0.25 && rollout->steps[1].max_error_ratio == 1.5);
	assert_true(rollout->steps[2].weight == 1);
	assert_true(rollout->analysis.errors_max == 0.01);
	assert_true(isnan(rollout->analysis.predictions_max_distance) != 0);
	assert_int_equal(rollout->analysis.warmup_ms, 90000);
	assert_int_equal(rollout->deadline_ms, 86400000);
	assert_true(d->monitor->log);
	assert_null(d->monitor->ground_truth);
	assert_int_equal(d->monitor->drift_window_ms, 0);
	assert_null(d->monitor->performance_metric);
}

/* Rows with a time are split by it, and the first step of a canary is the lenient one. */
static void defaults_by_other_keys(void **state)
{
	static const char text[] =
		"apiVersion: linnet.dev/v1alpha1\nkind: Model\nmetadata: {name: m}\nspec:\n"
		"  interface: {inputs: [{name: x, type: INT64}], output: {name: y, type: FP64}}\n"
		"  data: {uri: file:rows.csv, label: y, time: at}\n"
		"  train: {command: [python3, train.py], source: apps/m, split: {train: 60%, test: 10%}}\n"
		"  serve: {command: [python3, serve.py], source: apps/m}\n---\n"
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelDeployment\n"
		"metadata: {name: m, namespace: prod}\nspec:\n  model: m\n  version: none\n"
		"  rollout: {steps: [{weight: 10%}, {weight: 50%}, {weight: 100%}]}\n---\n"
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelDeployment\n"
		"metadata: {name: m, namespace: test}\nspec:\n  model: m\n  version: none\n"
		"  rollout: {strategy: recreate}\n";
	struct fixture *fixture = *state;
	struct diagnostics diagnostics = {0};
	const struct rollout_spec *rollout;
	struct file_objects out;

	manifest_decode("f.yaml", text, strlen(text), &fixture->arena, &out, &diagnostics);
	assert_string_equal(diagnostics_text(fixture, &diagnostics), "");
	assert_int_equal(out.objects[0].model->train->split.by, SPLIT_BY_TIME);
	assert_true(fabs(out.objects[0].model->train->split.validation - 0.3) < 1e-12);
	rollout = &out.objects[1].deployment->rollout;
	assert_true(rollout->steps[0].max_error_ratio == 3);
	assert_true(rollout->steps[1].max_error_ratio == 1.5);
	assert_int_equal(rollout->steps[1].min_requests, 0);
	rollout = &out.objects[2].deployment->rollout;
	assert_int_equal(rollout->n_steps, 1);
	assert_true(rollout->steps[0].weight == 1);
}

static void environment(void **state)
{
	struct file_objects out = decode_good(*state, GOLDEN "kinds/environment.yaml");
	const struct environment *e = out.objects[0].environment;

	assert_int_equal(out.n, 3);
	assert_null(e->kubernetes);
	assert_int_equal(e->maturity, MATURITY_STABLE);
	assert_int_equal(e->automation[AUTOMATED_PROPOSE], LEVEL_APPROVE);
	assert_int_equal(e->automation[AUTOMATED_STEP], LEVEL_UNSET);
	assert_int_equal(environment_level(e, AUTOMATED_STEP), LEVEL_AUTO);
	assert_int_equal(e->approvals.required, 1);
	assert_string_equal(e->approvals.by.items[0], "ml-leads");
	assert_int_equal(e->approvals.n_roles, 2);
	assert_string_equal(e->approvals.roles[1].name, "data-scientists");
	assert_string_equal(e->approvals.roles[1].members.items[1], "eve@example.com");
	assert_int_equal(e->approvals.evidence, 7);
	assert_int_equal(e->approvals.expire_ms, 7 * 86400000);
	assert_int_equal(e->checklist.n, 4);
	assert_int_equal(e->windows[0].for_ms, 64 * 3600000);
	assert_string_equal(e->windows[0].time_zone, "Europe/Berlin");
	assert_string_equal(e->notify[0].secret_key, "url");
	assert_string_equal(e->notify[0].on.items[1], "waiting-approval");

	e = out.objects[1].environment;
	assert_string_equal(e->kubernetes->gateway, "edge/models");
	assert_int_equal(e->maturity, MATURITY_MVP);
	assert_int_equal(e->approvals.required, 0);
	assert_int_equal(e->approvals.evidence, 7);

	e = out.objects[2].environment;
	assert_null(e->kubernetes);
	assert_int_equal(e->automation[AUTOMATED_PROPOSE], LEVEL_UNSET);
	assert_int_equal(e->automation[AUTOMATED_SCALE], LEVEL_UNSET);
	assert_int_equal(e->approvals.expire_ms, 7 * 86400000);
}

static void gate_policy(void **state)
{
	struct file_objects out = decode_good(*state, GOLDEN "kinds/policy.yaml");
	const struct gate_policy *p = out.objects[0].policy;

	assert_true(p->require[0].max == 1.25);
	assert_int_equal(p->require[1].versus_current, VERSUS_BETTER);
	assert_int_equal(p->n_guards_off, 1);
	assert_string_equal(p->guards_off[0].name, "leakage");
	assert_string_equal(p->guards_off[0].reason, "the build id decides by design");
	assert_true(p->serving.latency_p95_ms == 250);
	assert_true(p->serving.start_time_ms == 30000);
	assert_true(p->serving.memory_bytes == 512 << 20);
	assert_true(p->serving.artifact_bytes == 100 << 20);
	assert_string_equal(p->serving.scan_severity, "critical");
	assert_int_equal(p->approvals, 2);

	p = out.objects[1].policy;
	assert_int_equal(p->n_require, 0);
	assert_true(isnan(p->serving.latency_p95_ms) != 0);
	assert_true(isnan(p->serving.memory_bytes) != 0);
	assert_null(p->serving.scan_report);
}

/* ---- Whole folders ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a folder's .yaml files, sorted; the list is on the arena. */
static size_t yaml_files(struct fixture *fixture, const char *folder, const char ***names)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t n = 0;

	*names = NULL;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".yaml") == 0)
			*list_push(&fixture->arena, names, &n) =
				arena_strdup(&fixture->arena, entry->d_name);
	}
	closedir(dir);
	qsort(*names, n, sizeof(**names), by_text);
	return n;
}

/* Each mistake stands beside a sound fleet; what is said of it is compared to the letter. */
static void mistakes(void **state)
{
	struct fixture *fixture = *state;
	const char *fleet_text = read_file(fixture, GOLDEN "fleet.yaml");
	const char **names;
	size_t n = yaml_files(fixture, GOLDEN "mistakes", &names);

	assert_true(n >= 20);
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(&fixture->arena, GOLDEN "mistakes/%s", names[i]);
		struct diagnostics diagnostics = {0};
		struct fleet *fleet = fleet_new();

		put(fixture, fleet, "fleet.yaml", fleet_text, NULL);
		put(fixture, fleet, names[i], read_file(fixture, path), NULL);
		fleet_diagnose(fleet, blob_read, NULL, fixture, &fixture->arena, &diagnostics);
		assert_true(diagnostics.n > 0);
		assert_golden(fixture,
		              arena_printf(&fixture->arena, "%.*s.txt", (int)strlen(path) - 5, path),
		              diagnostics_text(fixture, &diagnostics));
		fleet_free(fleet);
	}
}

/* A fleet that people are shown says nothing wrong. */
static void example(void **state)
{
	static const char folder[] = "examples/deployment-risk/manifests";
	struct fixture *fixture = *state;
	struct diagnostics diagnostics = {0};
	struct fleet *fleet = fleet_new();
	const char **names;
	size_t n = yaml_files(fixture, folder, &names);

	assert_true(n > 0);
	for (size_t i = 0; i < n; i++)
		put(fixture, fleet, names[i],
		    read_file(fixture, arena_printf(&fixture->arena, "%s/%s", folder, names[i])), NULL);
	fleet_diagnose(fleet, blob_read, NULL, fixture, &fixture->arena, &diagnostics);
	assert_string_equal(diagnostics_text(fixture, &diagnostics), "");
	assert_int_equal(fleet_list(fleet, KIND_MODEL_DEPLOYMENT, &fixture->arena, &names), 2);
	fleet_free(fleet);
}

/* ---- What a file is besides its objects ---- */

static void foreign_and_unreadable(void **state)
{
	static const struct {
		const char *text;
		size_t n_accepted, n_broken;
		bool unreadable;
	} cases[] = {
		{"", 0, 0, false},
		{"# nothing\n", 0, 0, false},
		{"---\n---\n", 0, 0, false},
		{"apiVersion: v1\nkind: List\n", 0, 0, false},
		{"just text\n", 0, 0, false},
		{"- a\n- b\n---\nkind: Model\n", 0, 0, false},
		{"apiVersion: linnet.dev/v2\nkind: Model\nmetadata: {name: a}\n", 0, 0, true},
		{"apiVersion: linnet.dev/v1alpha1\nkind: Modle\nmetadata: {name: a}\n", 0, 0, true},
		{"apiVersion: linnet.dev/v1alpha1\nkind: Model\n", 0, 0, true},
		{"apiVersion: linnet.dev/v1alpha1\nkind: Model\nmetadata: {name: A}\n", 0, 0, true},
		{"apiVersion: linnet.dev/v1alpha1\nkind: Model\nmetadata: {name: a}\n", 0, 1, false},
		{"apiVersion: linnet.dev/v1alpha1\nkind: Environment\nmetadata: {name: a}\n---\n}\n", 0, 0,
		 true},
		{"apiVersion: linnet.dev/v1alpha1\nkind: Environment\nmetadata: {name: a}\n---\n"
		 "apiVersion: linnet.dev/v1alpha1\nkind: Environment\nmetadata: {name: b}\nspec: {x: 1}\n",
		 1, 1, false},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diagnostics diagnostics = {0};
		struct documents out;
		size_t n_accepted = 0;

		documents_decode("f.yaml", cases[i].text, strlen(cases[i].text), &fixture->arena, &out,
		                 &diagnostics);
		for (size_t j = 0; j < out.n; j++)
			n_accepted += out.items[j].accepted;
		assert_int_equal(n_accepted, cases[i].n_accepted);
		assert_int_equal(out.n - n_accepted, cases[i].n_broken);
		assert_int_equal(out.unreadable, cases[i].unreadable);
		assert_int_equal(diagnostics.n > 0, cases[i].unreadable || cases[i].n_broken > 0);
	}
}

/* Every field of every kind says what it means, and every kind makes a schema. */
static void each_record_check(const struct record *record, int depth)
{
	assert_true(depth < 12);
	assert_true(record->help && record->n > 0);
	for (size_t i = 0; i < record->n; i++) {
		const struct field *field = &record->fields[i];

		if (!field->help || !*field->help || field->help[strlen(field->help) - 1] != '.')
			fail_msg("%s.%s: help must be a sentence", record->name, field->name);
		if (field->record)
			each_record_check(field->record, depth + 1);
	}
}

static void every_field_is_explained(void **state)
{
	struct buf schema;

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct writer writer;
		struct arena arena;
		struct node *node;
		struct err err = {0};

		each_record_check(kind_records[kind], 0);
		buf_init(&schema, 1 << 20);
		arena_init(&arena, 1 << 26);
		write_begin(&writer, &schema, true);
		record_schema(&writer, kind_records[kind]);
		if (json_parse(schema.text, schema.len, 1 << 20, &arena, &node, &err) < 0)
			fail_msg("%s: %s", kind_names.names[kind], err.text);
		arena_deinit(&arena);
		buf_deinit(&schema);
	}
}

int main(void)
{
#define WITH_FIXTURE(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(model),
		WITH_FIXTURE(model_triggers_and_gates),
		WITH_FIXTURE(model_defaults),
		WITH_FIXTURE(model_version),
		WITH_FIXTURE(model_version_encoded),
		WITH_FIXTURE(deployment),
		WITH_FIXTURE(deployment_defaults),
		WITH_FIXTURE(defaults_by_other_keys),
		WITH_FIXTURE(environment),
		WITH_FIXTURE(gate_policy),
		WITH_FIXTURE(mistakes),
		WITH_FIXTURE(example),
		WITH_FIXTURE(foreign_and_unreadable),
		WITH_FIXTURE(every_field_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
