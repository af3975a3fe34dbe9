/* Whole runs with trainers of one shell line, and a model server that lives in the http port: it
 * reads the model that was trained from the folder that the run's own server was given. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/manifest.h"
#include "run/internal.h"

static char folder[64];
static struct arena arena;
static struct run_spec spec;
static char said[16 << 10];
static int starts; /* interfaces asked for: servers that were started */

static char *in_folder(const char *name)
{
	return arena_printf(&arena, "%s/%s", folder, name);
}

static const char *text_of(const char *name)
{
	struct err err = {0};
	struct buf buf;
	const char *text;

	buf_init(&buf, 16 << 20);
	text = file_read(AT_FDCWD, in_folder(name), &buf, &err) ? err.text : buf_text(&buf);
	text = arena_strdup(&arena, text);
	buf_deinit(&buf);
	return text;
}

static void put(const char *name, const char *text)
{
	struct err err = {0};

	if (file_replace(AT_FDCWD, in_folder(name), text, strlen(text), 0644, &err))
		fail_msg("%s", err.text);
}

/* ---- The model server inside the port: it predicts `high` for n > threshold ---- */

static const char *broken; /* what the server answers instead of outputs, or NULL */
static int busy;           /* the status of every prediction, or 0 */
static bool unready;       /* it is never ready */

static double threshold(const char *out)
{
	const char *text = text_of(arena_printf(&arena, "%s/server/model/threshold", out));
	struct err err = {0};
	double value = 0;

	if (parse_number(arena_strndup(&arena, text, strcspn(text, "\n")), -1e9, 1e9, &value, &err))
		fail_msg("the server's model: %s", text);
	return value;
}

static void infer(const struct http_request *request, struct buf *out)
{
	const struct node *data;
	struct node *body;
	struct err err = {0};
	double limit = threshold("out"), value;
	const char *comma = "";

	if (json_parse(request->body.data, request->body.len, 1 << 20, &arena, &body, &err))
		fail_msg("%s", err.text);
	data = node_at(body, "inputs[0].data");
	buf_printf(out, "{\"id\":\"%s\",\"outputs\":[{\"name\":\"y\",\"datatype\":\"BYTES\",\"shape\":"
	           "[%zu],\"data\":[", node_text(body, "id"), data->n);
	for (const struct node *item = data->first; item; item = item->next) {
		assert_int_equal(parse_number(item->text, -1e9, 1e9, &value, &err), 0);
		buf_printf(out, "%s\"%s\"", comma, broken ? broken : value > limit ? "high" : "low");
		comma = ",";
	}
	buf_puts(out, "]}]}");
}

static void answer(const struct http_request *request, struct http_reply *reply,
                   struct arena *reply_arena)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	*reply = (struct http_reply){.status = 200, .seconds = 0.001};
	if (strstr(request->url, "/infer")) {
		infer(request, &out);
		reply->status = busy ? busy : 200;
	} else if (strstr(request->url, "/ready")) {
		reply->status = unready ? 503 : 200;
	} else {
		starts++;
		buf_puts(&out, "{\"inputs\":[{\"name\":\"n\",\"datatype\":\"INT64\",\"shape\":[-1]}],"
		         "\"outputs\":[{\"name\":\"y\",\"datatype\":\"BYTES\",\"shape\":[-1]}]}");
	}
	reply->body.data = arena_memdup(reply_arena, buf_text(&out), out.len + 1);
	reply->body.len = out.len;
	buf_deinit(&out);
}

static int perform(void *self, const struct http_request *requests, struct http_reply *replies,
                   size_t n, int64_t deadline_ms, struct arena *reply_arena, struct err *err)
{
	(void)self, (void)deadline_ms, (void)err;
	for (size_t i = 0; i < n; i++)
		answer(&requests[i], &replies[i], reply_arena);
	return 0;
}

static int64_t now_ms(void *self)
{
	struct timespec now;

	(void)self;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const char *line)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s\n", line);
}

static const struct port_http http = {.perform = perform};
static const struct port_clock port_clock = {.now_ms = now_ms, .wall_ms = now_ms};
static const struct run_world world = {&http, &port_clock, NULL, say};

/* ---- A model whose trainer is one line of shell ---- */

static void declare(const char *trainer, const char *candidates, const char *rest)
{
	put("model.yaml", arena_printf(&arena,
		"apiVersion: linnet.dev/v1alpha1\nkind: Model\nmetadata: {name: toy}\nspec:\n"
		"  interface:\n    inputs: [{name: n, type: INT64, nullable: false}]\n"
		"    output: {name: y, type: BYTES, classes: [low, high]}\n"
		"  data: {uri: 'file:data.csv', label: y, id: id, validate: {minRows: 10}}\n"
		"  train:\n    command: [sh, -c, '%s']\n    timeout: 2s\n    seed: 11\n"
		"    source: apps/toy\n    candidates: %s\n"
		"    split: {train: 60%%, validation: 20%%, test: 20%%, by: hash}\n"
		"%s"
		"  serve: {command: [sleep, '1000'], source: apps/toy}\n",
		trainer, candidates, rest));
}

/* Puts other text into the declaration. */
static void declare_instead(const char *old, const char *new)
{
	const char *model = text_of("model.yaml"), *at = strstr(model, old);

	assert_non_null(at);
	put("model.yaml", arena_printf(&arena, "%.*s%s%s", (int)(at - model), model, new,
	                               at + strlen(old)));
}

#define VALIDATION "validation: 20%, test: 20%, by: hash"
#define ONE "[{name: only, params: {t: 50}}]"
/* Writes its parameter as the model. */
#define LEARN "sed \"s/[^0-9]//g\" $LINNET_PARAMS > $LINNET_MODEL_DIR/threshold"

static int set_up(void **state)
{
	struct buf data;

	(void)state;
	strcpy(folder, "/tmp/linnet-run-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	arena_init(&arena, 256 << 20);
	said[0] = '\0';
	starts = 0;
	broken = NULL;
	busy = 0;
	unready = false;
	buf_init(&data, 1 << 20);
	buf_puts(&data, "id,n,y\n");
	for (int i = 0; i < 200; i++)
		buf_printf(&data, "r%d,%d,%s\n", i, i % 100, i % 100 > 50 ? "high" : "low");
	put("data.csv", buf_text(&data));
	buf_deinit(&data);
	mkdir(in_folder("source"), 0755);
	spec = (struct run_spec){
		.run = digest_of("run", 3),
		.model = "toy",
		.manifest = in_folder("model.yaml"),
		.data = in_folder("data.csv"),
		.source = in_folder("source"),
		.serve_source = in_folder("source"),
		.serve_tree = "1234567890123456789012345678901234567890",
		.store = in_folder("store"),
		.train = in_folder("out"),
		.path = "/usr/bin:/bin",
		.memory_bytes = -1,
		.file_bytes = (int64_t)1 << 30,
		.processes = 200,
		.start_timeout_ms = 2000,
	};
	return 0;
}

static int tear_down(void **state)
{
	struct err err;

	(void)state;
	arena_deinit(&arena);
	return dir_remove_all(AT_FDCWD, folder, &err);
}

static enum run_exit train(void)
{
	return run_train(&spec, in_folder("out"), &world);
}

static struct run_result result_of(void)
{
	const char *text = text_of("out/train.json"), *other = text_of("out/evaluate.json");
	bool evaluated = other[0] == '{';
	struct run_result result;
	struct err err = {0};

	if (run_result_decode(text, strlen(text), evaluated ? other : NULL,
	                      evaluated ? strlen(other) : 0, &arena, &result, &err))
		fail_msg("%s", err.text);
	return result;
}

/* No process of a run's may outlive it: none has a folder of ours as its own. */
static int strays(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while ((entry = readdir(proc))) {
		char link[300], cwd[4096];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/%s/cwd", entry->d_name);
		n = readlink(link, cwd, sizeof(cwd) - 1);
		if (n <= 0)
			continue;
		cwd[n] = '\0';
		found += strncmp(cwd, folder, strlen(folder)) == 0;
	}
	closedir(proc);
	return found;
}

/* ---- Runs ---- */

static void from_data_to_a_version(void **state)
{
	struct run_result result;
	struct file_objects objects;
	struct diagnostics diagnostics = {0};
	const struct model_version *version;
	const char *text;

	(void)state;
	declare(LEARN, "[{name: bad, params: {t: 80}}, {name: good, params: {t: 50}},"
	        " {name: same, params: {t: 50}}]", "");
	if (train() != RUN_EXIT_SUCCEEDED)
		fail_msg("%s", said);
	result = result_of();
	assert_int_equal(result.train, RUN_SUCCEEDED);
	assert_true(digest_same(result.run, spec.run));
	assert_int_equal(result.artifact.bytes, 512 * 4);
	assert_true(stage_file_is(store_path(&arena, spec.store, result.artifact.digest, "tar"),
	                          result.artifact.digest));
	assert_true(stage_file_is(store_path(&arena, spec.store, result.rows, "csv"), result.rows));
	assert_string_equal(text_of("out/fit/refit/params.json"), "{\"t\":50}\n");
	if (run_evaluate(&spec, in_folder("eval"), &world) != RUN_EXIT_SUCCEEDED)
		fail_msg("%s", said);
	text = text_of("eval/version.yaml");
	manifest_decode("version.yaml", text, strlen(text), &arena, &objects, &diagnostics);
	assert_int_equal(objects.n, 1);
	version = objects.objects[0].version;
	assert_string_equal(version->meta.name, "toy-draft");
	assert_string_equal(version->lineage->candidate, "good");
	assert_int_equal(version->lineage->n_candidates, 3);
	assert_true(version->lineage->candidates[0].score < 0.9);
	assert_true(version->lineage->candidates[1].score == 1);
	assert_int_equal(version->lineage->data_rows, 200);
	assert_true(metric_find(version->metrics_test, version->n_metrics_test, "accuracy") == 1);
	assert_true(digest_same(version->artifact.digest, result.artifact.digest));
	assert_true(stage_file_is(store_path(&arena, spec.store, version->golden, "json"),
	                          version->golden));
	assert_true(stage_file_is(store_path(&arena, spec.store, version->profile, "json"),
	                          version->profile));
	assert_int_equal(strays(), 0);
}

/* ---- A verdict made again ---- */

static const char *entries_text(const struct gates_evidence *evidence)
{
	struct buf text;
	const char *copy;

	buf_init(&text, 1 << 20);
	gates_evidence_encode(&text, evidence);
	copy = arena_strdup(&arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

static void declared(struct again_input *in)
{
	const char *text = text_of("model.yaml");
	struct diagnostics diagnostics = {0};
	struct file_objects objects;

	manifest_decode("model.yaml", text, strlen(text), &arena, &objects, &diagnostics);
	assert_int_equal(objects.n, 1);
	in->model = objects.objects[0].model;
}

static void assert_refused(const struct again_input *in, const char *why)
{
	struct again again;
	struct err err = {0};

	assert_int_equal(run_judge_again(in, &world, &arena, &again, &err), -1);
	if (!strstr(err.text, why))
		fail_msg("it says '%s', not '%s'", err.text, why);
}

static void a_verdict_is_made_again_from_what_is_kept(void **state)
{
	struct run_result result;
	struct verdict_record record;
	struct again_input in = {.verdict = &record, .store = spec.store};
	struct gates_evidence recorded;
	struct again again;
	struct err err = {0};

	(void)state;
	declare(LEARN, ONE, "  gates:\n    require: [{metric: accuracy, min: 70%}]\n"
	        "    command: [sh, -c, \"echo too expensive; exit 1\"]\n");
	spec.uses = 3;
	if (train() != RUN_EXIT_SUCCEEDED ||
	    run_evaluate(&spec, in_folder("out"), &world) != RUN_EXIT_SUCCEEDED)
		fail_msg("%s", said);
	result = result_of();
	assert_non_null(result.evidence);
	recorded = *result.evidence;
	assert_int_equal(recorded.uses, 3);
	in.recorded = &recorded;
	in.n_rows = result.n_rows;
	record = (struct verdict_record){
		.key = result.verdict_key, .subject = result.subject, .gate = result.gate,
		.rows = result.rows, .result = result.verdict};
	declared(&in);
	if (run_judge_again(&in, &world, &arena, &again, &err))
		fail_msg("%s", err.text);
	assert_int_equal(again.result, VERDICT_FAIL);
	assert_string_equal(again.why, result.why);
	assert_string_equal(entries_text(&again.evidence), entries_text(result.evidence));

	recorded.uses = 9; /* another figure, another text */
	assert_int_equal(run_judge_again(&in, &world, &arena, &again, &err), 0);
	assert_string_not_equal(entries_text(&again.evidence), entries_text(result.evidence));
	recorded = *result.evidence;
	record.subject = digest_of("another", 7);
	assert_refused(&in, "its key is not that of what it is about");
	record.subject = result.subject;
	put(store_path(&arena, "store", recorded.predictions, "csv"), "id,label,prediction\n");
	assert_refused(&in, recorded.predictions.hex);
	declare_instead("min: 70%", "min: 71%");
	declared(&in);
	assert_refused(&in, "other gates are declared there");
}

/* From here on the model is trained elsewhere. */
static void declare_no_train(void)
{
	const char *model = text_of("model.yaml"), *train = strstr(model, "  train:");

	put("model.yaml", arena_printf(&arena, "%.*s%s", (int)(train - model), model,
	                               strstr(train, "  gates:")));
}

/* What of a version that is made elsewhere, `high` above `limit`, the guards say alone. */
static struct run_result judged_by_guards(int limit, bool trains)
{
	struct err err = {0};

	declare(LEARN, arena_printf(&arena, "[{name: only, params: {t: %d}}]", limit),
	        "  gates: {policy: lenient}\n");
	spec.version = NULL;
	assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &err), 0);
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	put("version.yaml", text_of("out/version.yaml"));
	assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &err), 0);
	spec.version = in_folder("version.yaml");
	spec.version_name = "draft";
	if (!trains)
		declare_no_train();
	if (train() != RUN_EXIT_SUCCEEDED ||
	    run_evaluate(&spec, in_folder("out"), &world) != RUN_EXIT_SUCCEEDED)
		fail_msg("%s", said);
	return result_of();
}

static void guards_alone_read_no_test_row(void **state)
{
	struct run_result result;

	(void)state;
	put("policy.yaml", "apiVersion: linnet.dev/v1alpha1\nkind: GatePolicy\n"
	    "metadata: {name: lenient}\n"
	    "spec: {guards: {leakage: {disabled: 'the one input decides'}}}\n");
	spec.policy = in_folder("policy.yaml");
	spec.uses = 1;
	result = judged_by_guards(50, true);
	assert_true(result.known);
	assert_true(stage_file_is(in_folder("out/rows/validation.csv"), result.rows));
	assert_int_equal(result.evidence->uses, 0);
	if (result.verdict != VERDICT_PASS)
		fail_msg("%s", result.why);
	result = judged_by_guards(1000, false);
	assert_true(result.known);
	assert_int_equal(result.n_rows, 200); /* where nothing trains, all of them */
	assert_int_equal(result.verdict, VERDICT_FAIL);
	assert_non_null(strstr(result.why, "it predicts low for every row"));
}

static void the_same_inputs_give_the_same_artifact(void **state)
{
	struct digest first;

	(void)state;
	declare(LEARN, ONE, "");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	first = result_of().artifact.digest;
	assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_string_equal(result_of().artifact.digest.hex, first.hex);
}

/* Digests of all files of rows that a run made, and what it chose. */
static const char *made_by_run(void)
{
	return arena_printf(&arena, "%s%s%s", text_of("out/stages/split.json"),
	                    text_of("out/train.json"), text_of("out/stages/refit.json"));
}

static void the_same_inputs_give_the_same_splits_and_choice(void **state)
{
	static const char *const splits[] = {
		VALIDATION, "test: 40%, by: hash, crossValidation: {folds: 3}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
		const char *first;

		declare(LEARN, "[{name: bad, params: {t: 80}}, {name: good, params: {t: 50}}]", "");
		declare_instead(VALIDATION, splits[i]);
		assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
		if (train() != RUN_EXIT_SUCCEEDED)
			fail_msg("%s", said);
		first = made_by_run();
		assert_non_null(strstr(first, "candidate good of 2"));
		assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
		spec.parallel = 3;
		assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
		assert_string_equal(made_by_run(), first);
	}
}

/* Rows of the file, without its header. */
static int rows_in(const char *name)
{
	const char *text = text_of(name);
	int n = 0;

	for (text = strchr(text, '\n'); text && text[1]; text = strchr(text + 1, '\n'))
		n++;
	return n;
}

/* A row a minute. */
static void a_refit_learns_all_that_is_not_too_near_to_the_test(void **state)
{
	static const struct {
		const char *split;
		int learnt, held; /* rows */
	} cases[] = {
		{"validation: 20%, test: 20%", 160, 0},
		{"validation: 20%, test: 20%, embargo: 10m", 151, 9},
		{"test: 40%, embargo: 10m, crossValidation: {folds: 3}", 111, 9},
	};
	struct buf rows, expected;
	struct err err = {0};

	(void)state;
	buf_init(&rows, 1 << 20);
	buf_init(&expected, 1 << 20);
	assert_int_equal(parse_time("2026-01-02T00:00:00Z", &spec.at_ms, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
		declare(LEARN, "[{name: bad, params: {t: 80}}, {name: good, params: {t: 50}}]", "");
		declare_instead("id: id", "id: id, time: at");
		declare_instead(VALIDATION, cases[i].split);
		said[0] = '\0';
		buf_clear(&rows);
		buf_clear(&expected);
		buf_puts(&rows, "id,at,n,y\n");
		for (int row = 0; row < 200; row++) {
			if (row == cases[i].learnt)
				buf_puts(&expected, buf_text(&rows));
			buf_printf(&rows, "r%d,2026-01-01T%02d:%02d:00Z,%d,%s\n", row, row / 60, row % 60,
			           row % 100, row % 100 > 50 ? "high" : "low");
		}
		put("data.csv", buf_text(&rows));
		if (train() != RUN_EXIT_SUCCEEDED)
			fail_msg("%s: %s", cases[i].split, said);
		assert_int_equal(rows_in("out/rows/held.csv"), cases[i].held);
		assert_string_equal(text_of("out/fit/refit/train.csv"), buf_text(&expected));
	}
	buf_deinit(&rows);
	buf_deinit(&expected);
}

static void folds_by_hash_judge_each_row_once(void **state)
{
	int judged = 0;

	(void)state;
	declare(LEARN,
	        "[{name: bad, params: {t: 80}}, {name: good, params: {t: 50}}]", "");
	declare_instead(VALIDATION, "test: 40%, by: hash, crossValidation: {folds: 4}");
	if (train() != RUN_EXIT_SUCCEEDED)
		fail_msg("%s", said);
	assert_non_null(strstr(said, "in 4 folds"));
	assert_non_null(strstr(said, "; 1 of 8 done, about "));
	for (int i = 0; i < 4; i++) {
		int validation = rows_in(arena_printf(&arena, "out/rows/validation-%d.csv", i));

		assert_int_equal(rows_in(arena_printf(&arena, "out/rows/train-%d.csv", i)) + validation,
		                 rows_in("out/fit/refit/train.csv"));
		judged += validation;
	}
	assert_int_equal(judged, rows_in("out/fit/refit/train.csv"));
	assert_int_equal(judged + rows_in("out/rows/test.csv"), 200);
	assert_non_null(strstr(text_of("out/version.yaml"), "standardError: 0"));
	assert_int_equal(starts, 8);
	assert_int_equal(strays(), 0);
}

/* When the trainer of a candidate began and ended, in nanoseconds. */
static void times_of(int candidate, int64_t times[2])
{
	const char *log = text_of(arena_printf(&arena, "out/fit/candidate-%d/log", candidate));
	struct err err = {0};

	for (int i = 0; i < 2; i++) {
		size_t len = strcspn(log, "\n");

		if (parse_int(arena_strndup(&arena, log, len), 0, INT64_MAX, &times[i], &err))
			fail_msg("%s", err.text);
		log += len + 1;
	}
}

static void trainers_run_at_once(void **state)
{
	int64_t one[2], other[2];

	(void)state;
	declare("date +%s%N; sleep 2; date +%s%N; " LEARN,
	        "[{name: good, params: {t: 50}}, {name: bad, params: {t: 80}}]", "");
	declare_instead("timeout: 2s", "timeout: 60s");
	spec.parallel = 2;
	if (train() != RUN_EXIT_SUCCEEDED)
		fail_msg("%s", said);
	times_of(0, one);
	times_of(1, other);
	assert_true(one[0] < other[1] && other[0] < one[1]);
	assert_non_null(strstr(result_of().why, "candidate good of 2"));
}

static void the_contract_with_the_trainer(void **state)
{
	static const char *const wanted[] = {
		"LINNET_SEED=11\n", "LINNET_PARAMS=", "LINNET_MODEL_DIR=", "LINNET_TRAIN_DATA=",
		"PATH=/usr/bin:/bin\n", "/out/fit/candidate-0/source\n", "id,n,y\n",
	};
	const char *env;

	(void)state;
	declare("env | sort; pwd; head -1 $LINNET_TRAIN_DATA; exit 1", ONE, "");
	setenv("SECRET_OF_THE_CONTROLLER", "hunter2", 1);
	assert_int_equal(train(), RUN_EXIT_CONSIDERED);
	unsetenv("SECRET_OF_THE_CONTROLLER");
	env = text_of("out/fit/candidate-0/log");
	assert_null(strstr(env, "hunter2"));
	assert_null(strstr(env, "VALIDATION"));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (!strstr(env, wanted[i]))
			fail_msg("no %s in:\n%s", wanted[i], env);
	}
}

static void who_stops_early_sees_the_validation_rows_and_is_not_refitted(void **state)
{
	(void)state;
	declare("cat $LINNET_VALIDATION_DATA; " LEARN, ONE, "");
	declare_instead("seed: 11", "seed: 11\n    earlyStopping: true");
	if (train() != RUN_EXIT_SUCCEEDED)
		fail_msg("%s", said);
	assert_string_equal(text_of("out/fit/candidate-0/log"), text_of("out/rows/validation.csv"));
	assert_int_equal(rows_in("out/rows/validation.csv") > 0, 1);
	assert_int_equal(access(in_folder("out/fit/refit"), F_OK), -1);
}

static void a_failure_has_one_clear_sentence(void **state)
{
	static const struct {
		const char *trainer;
		enum run_exit exit;
		const char *says;
	} cases[] = {
		{"echo too little to learn from >&2; exit 1", RUN_EXIT_CONSIDERED,
		 "candidate only: the trainer refused (exit 1): too little to learn from"},
		{"echo Traceback; exit 3", RUN_EXIT_ERROR,
		 "candidate only: the trainer failed (exit 3): Traceback"},
		{"kill -9 $$", RUN_EXIT_ERROR, "candidate only: the trainer was killed by signal 9"},
		{"true", RUN_EXIT_CONSIDERED,
		 "candidate only: the trainer wrote nothing to LINNET_MODEL_DIR"},
		{"sleep 100 & sleep 100", RUN_EXIT_ERROR,
		 "candidate only: the trainer: took longer than its timeout"},
		{"ln -s /etc/passwd $LINNET_MODEL_DIR/link", RUN_EXIT_CONSIDERED,
		 "link: is neither a file nor a folder"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct run_result result;

		declare(cases[i].trainer, ONE, "");
		assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
		if (train() != cases[i].exit)
			fail_msg("case %zu: %s", i, said);
		result = result_of();
		assert_int_equal(result.train, RUN_FAILED);
		assert_int_equal(result.considered, cases[i].exit == RUN_EXIT_CONSIDERED);
		if (!strstr(result.why, cases[i].says))
			fail_msg("case %zu: %s", i, result.why);
		assert_int_equal(strays(), 0);
	}
}

static void data_that_does_not_fit_is_a_judgement(void **state)
{
	(void)state;
	declare(LEARN, ONE, "");
	put("data.csv", "id,n,y\nr1,x,low\n");
	assert_int_equal(train(), RUN_EXIT_CONSIDERED);
	assert_string_equal(result_of().why,
	                    "DataSchemaMismatch: 2 problems in 1 row: line 2: n: 'x' is not a whole"
	                    " number from -9223372036854775808 to 9223372036854775807; only 0 rows to"
	                    " use, fewer than 10 rows");
	put("data.csv", "id,y\nr1,low\n");
	assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
	assert_int_equal(train(), RUN_EXIT_CONSIDERED);
	assert_non_null(strstr(result_of().why, "there is no column 'n'"));
}

/* Of the data here each second row says what an earlier one says. */
static void rows_that_repeat_are_told_and_limited(void **state)
{
	const char *why;

	(void)state;
	declare(LEARN, ONE, "");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	why = result_of().why;
	assert_non_null(strstr(why, " rows that judge repeat one that trains"));
	assert_non_null(strstr(text_of("out/report.json"), "\"repeated\""));
	declare_instead("minRows: 10", "minRows: 10, maxRepeated: 5%");
	assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
	assert_int_equal(train(), RUN_EXIT_CONSIDERED);
	why = result_of().why;
	assert_memory_equal(why, "DataSchemaMismatch: ", 20);
	assert_non_null(strstr(why, "; data.validate.maxRepeated is 5 %"));
}

static void one_bad_candidate_does_not_end_the_run(void **state)
{
	(void)state;
	declare("grep -q 80 $LINNET_PARAMS && exit 1; " LEARN,
	        "[{name: bad, params: {t: 80}}, {name: good, params: {t: 50}}]", "");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_non_null(strstr(result_of().why, "candidate good of 2"));
}

static void a_server_that_answers_wrongly_is_a_judgement(void **state)
{
	(void)state;
	declare(LEARN, ONE, "");
	broken = "medium";
	assert_int_equal(train(), RUN_EXIT_CONSIDERED);
	assert_non_null(strstr(result_of().why, "is 'medium', which is not one of its classes"));
	assert_int_equal(strays(), 0);
}

static void a_server_that_ends_is_an_error(void **state)
{
	const char *model;
	char *serve;

	(void)state;
	declare(LEARN, ONE, "");
	model = text_of("model.yaml");
	serve = strstr(model, "[sleep, '1000']");
	memcpy(serve, "[sh, '-c', '1']", strlen("[sh, '-c', '1']"));
	put("model.yaml", model);
	unready = true;
	assert_int_equal(train(), RUN_EXIT_ERROR);
	assert_non_null(strstr(result_of().why, "the server ended before it was ready"));
}

/* How often something was trained, by what was said of it. */
static int fits(void)
{
	int n = 0;

	for (const char *at = said; (at = strstr(at, " rows, candidate ")); at++)
		n++;
	return n;
}

static void what_was_done_is_not_done_again(void **state)
{
	struct run_result result;
	int before;

	(void)state;
	declare(LEARN, ONE, "");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_int_equal(fits(), 2);
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED); /* has ended */
	assert_non_null(strstr(said, "train: was done before"));

	/* interrupted after the candidate: only the refit is done again */
	result = result_of();
	assert_int_equal(unlink(in_folder("out/train.json")), 0);
	assert_int_equal(unlink(in_folder("out/stages/refit.json")), 0);
	put("data.csv", "the data changed meanwhile; the run has its snapshot");
	before = starts;
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_int_equal(fits(), 3);
	assert_int_equal(starts, before);
	assert_string_equal(result_of().artifact.digest.hex, result.artifact.digest.hex);

	/* a file that is not what its stage made */
	assert_int_equal(unlink(in_folder("out/train.json")), 0);
	put("out/fit/candidate-0/artifact.tar", "damaged");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_int_equal(fits(), 4);
	assert_string_equal(result_of().artifact.digest.hex, result.artifact.digest.hex);
}

static void an_error_is_tried_again_a_judgement_is_not(void **state)
{
	(void)state;
	declare("exit 3", ONE, "");
	assert_int_equal(train(), RUN_EXIT_ERROR);
	declare(LEARN, ONE, "");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &(struct err){0}), 0);
	declare("exit 1", ONE, "");
	assert_int_equal(train(), RUN_EXIT_CONSIDERED);
	declare(LEARN, ONE, "");
	assert_int_equal(train(), RUN_EXIT_CONSIDERED);
}

static void a_test_needs_the_rows_and_the_artifact_whole(void **state)
{
	struct run_result result;
	const char *path;

	(void)state;
	declare(LEARN, ONE, "");
	assert_int_equal(run_evaluate(&spec, in_folder("eval"), &world), RUN_EXIT_ERROR);
	assert_non_null(strstr(text_of("eval/evaluate.json"), "is no result of this run"));
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	result = result_of();
	path = store_path(&arena, spec.store, result.artifact.digest, "tar");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(truncate(path, 512), 0);
	assert_int_equal(run_evaluate(&spec, in_folder("eval"), &world), RUN_EXIT_ERROR);
	assert_non_null(strstr(text_of("eval/evaluate.json"), "its bytes are not those of its name"));
}

static void a_busy_server_does_not_condemn_a_version(void **state)
{
	static const int statuses[] = {408, 425, 429, 503};

	(void)state;
	declare(LEARN, ONE, "");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		busy = statuses[i];
		if (run_evaluate(&spec, in_folder("out"), &world) != RUN_EXIT_ERROR)
			fail_msg("%d: %s", busy, text_of("out/evaluate.json"));
	}
	busy = 0;
	assert_int_equal(run_evaluate(&spec, in_folder("out"), &world), RUN_EXIT_SUCCEEDED);
}

static void a_grid_is_every_combination(void **state)
{
	const char *model;
	char *candidates;

	(void)state;
	declare(LEARN, "[{name: only, params: {t: 50}}]", "");
	model = text_of("model.yaml");
	candidates = strstr(model, "candidates: " ONE);
	put("model.yaml", arena_printf(&arena, "%.*sgrid: {t: [80, 50], u: [a, b]}%s",
	                               (int)(candidates - model), model,
	                               candidates + strlen("candidates: " ONE)));
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_non_null(strstr(result_of().why, "candidate t=50,u=a of 4"));
	assert_string_equal(text_of("out/fit/candidate-3/params.json"), "{\"t\":50,\"u\":\"b\"}\n");
}

static void rows_that_are_not_used_are_told(void **state)
{
	struct buf data;

	(void)state;
	declare(LEARN, ONE, "");
	buf_init(&data, 1 << 20);
	buf_puts(&data, "id,n,y\n");
	for (int i = 0; i < 300; i++)
		buf_printf(&data, "r%d,%d,%s\n", i, i % 100, i % 3 ? i % 100 > 50 ? "high" : "low" : "");
	put("data.csv", buf_text(&data));
	buf_deinit(&data);
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_non_null(strstr(said, "train: 300 rows: "));
	assert_non_null(strstr(said, " to test, 100 not used (without a label, too young or too old"));
}

/* Killed between chmod and rename: what it left may not be writable for who goes on, and is not
 * written into. */
static void what_a_killed_run_left_in_the_store_is_made_anew(void **state)
{
	struct run_result first;
	struct stat left, anew;
	struct err err = {0};
	char *to, *aside;
	int fd;

	(void)state;
	declare(LEARN, ONE, "");
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	first = result_of();
	to = arena_printf(&arena, "%s/store/sha256/%s.tar", folder, first.artifact.digest.hex);
	aside = arena_printf(&arena, "%s.%.16s", to, spec.run.hex);
	assert_int_equal(rename(to, aside), 0);
	fd = open(aside, O_RDONLY); /* held, so that no other file gets its number */
	assert_int_equal(fstat(fd, &left), 0);
	assert_int_equal(dir_remove_all(AT_FDCWD, in_folder("out"), &err), 0);
	assert_int_equal(train(), RUN_EXIT_SUCCEEDED);
	assert_int_equal(stat(to, &anew), 0);
	assert_true(left.st_ino != anew.st_ino);
	assert_int_equal(access(aside, F_OK), -1);
	close(fd);
}

static void the_spec_as_a_document(void **state)
{
	struct run_spec again;
	struct err err = {0};
	struct buf text;

	(void)state;
	spec.why = "2,000 new rows";
	spec.trigger = TRIGGER_NEW_ROWS;
	spec.at_ms = 1700000000000;
	buf_init(&text, 1 << 16);
	run_spec_encode(&text, &spec);
	if (run_spec_decode(buf_text(&text), text.len, &arena, &again, &err))
		fail_msg("%s", err.text);
	assert_string_equal(again.why, spec.why);
	assert_int_equal(again.trigger, TRIGGER_NEW_ROWS);
	assert_int_equal(again.at_ms, spec.at_ms);
	assert_int_equal(again.memory_bytes, -1);
	assert_string_equal(again.source, spec.source);
	assert_null(again.parent);
	buf_clear(&text);
	buf_puts(&text, "{\"run\":\"sha256:x\"}");
	assert_int_equal(run_spec_decode(buf_text(&text), text.len, &arena, &again, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	buf_deinit(&text);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(from_data_to_a_version),
		IN_FOLDER(a_verdict_is_made_again_from_what_is_kept),
		IN_FOLDER(guards_alone_read_no_test_row),
		IN_FOLDER(the_same_inputs_give_the_same_artifact),
		IN_FOLDER(the_same_inputs_give_the_same_splits_and_choice),
		IN_FOLDER(a_refit_learns_all_that_is_not_too_near_to_the_test),
		IN_FOLDER(folds_by_hash_judge_each_row_once),
		IN_FOLDER(trainers_run_at_once),
		IN_FOLDER(the_contract_with_the_trainer),
		IN_FOLDER(who_stops_early_sees_the_validation_rows_and_is_not_refitted),
		IN_FOLDER(a_failure_has_one_clear_sentence),
		IN_FOLDER(data_that_does_not_fit_is_a_judgement),
		IN_FOLDER(rows_that_repeat_are_told_and_limited),
		IN_FOLDER(one_bad_candidate_does_not_end_the_run),
		IN_FOLDER(a_server_that_answers_wrongly_is_a_judgement),
		IN_FOLDER(a_server_that_ends_is_an_error),
		IN_FOLDER(what_was_done_is_not_done_again),
		IN_FOLDER(an_error_is_tried_again_a_judgement_is_not),
		IN_FOLDER(a_test_needs_the_rows_and_the_artifact_whole),
		IN_FOLDER(a_busy_server_does_not_condemn_a_version),
		IN_FOLDER(a_grid_is_every_combination),
		IN_FOLDER(rows_that_are_not_used_are_told),
		IN_FOLDER(what_a_killed_run_left_in_the_store_is_made_anew),
		IN_FOLDER(the_spec_as_a_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
