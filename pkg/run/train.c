/* From data to an artifact: snapshot, validation, split, candidates, choice, refit. */
#include <fcntl.h>
#include <string.h>

#include "run/internal.h"

enum { CANDIDATES_MAX = 200 };

/* ---- What is trained ---- */

static struct candidate_spec *add_candidate(struct run *run, struct candidate_spec **list,
                                            size_t *n, const struct pairs *params)
{
	struct candidate_spec *added = list_push(run->arena, list, n);

	added->params = *params;
	return added;
}

/* Every combination of a grid's values, the last axis fastest; called axis=value,... */
static void expand_grid(struct run *run, size_t axis, struct pairs params, const char *name,
                        struct candidate_spec **list, size_t *n)
{
	const struct train_spec *train = run->model->train;

	if (axis == train->n_grid) {
		add_candidate(run, list, n, &params)->name = name;
		return;
	}
	for (size_t i = 0; i < train->grid[axis].values.n && *n < CANDIDATES_MAX; i++) {
		const struct grid_axis *one = &train->grid[axis];
		struct pairs more = {arena_array(run->arena, params.n + 1, struct pair), params.n + 1};

		if (params.n > 0)
			memcpy(more.items, params.items, params.n * sizeof(*params.items));
		more.items[params.n] = (struct pair){
			.key = one->name,
			.value = one->values.items[i],
		};
		expand_grid(run, axis + 1, more,
		            arena_printf(run->arena, "%s%s%s=%s", name, *name ? "," : "", one->name,
		                         one->values.items[i]),
		            list, n);
	}
}

/* The declared candidates; without any, one without parameters. */
static struct candidate_spec *candidates_of(struct run *run, size_t *n)
{
	const struct train_spec *train = run->model->train;
	static const struct pairs none;
	struct candidate_spec *list = NULL;

	*n = 0;
	if (train->n_candidates > 0) {
		*n = train->n_candidates;
		return train->candidates;
	}
	if (train->n_grid > 0)
		expand_grid(run, 0, none, "", &list, n);
	else
		add_candidate(run, &list, n, &none)->name = "default";
	return list;
}

/* What the caller owes the declaration; its absence is no judgement on the model. */
static int check_given(const struct run *run, struct err *err)
{
	const struct run_spec *spec = run->spec;

	if (!spec->data)
		return err_set(err, ERR_STALLED, "spec: data: is required");
	if (run->model->train->source && !spec->source)
		return err_set(err, ERR_STALLED, "spec: source: is required, for %s",
		               run->model->train->source);
	if (run->model->serve.source && !spec->serve_source)
		return err_set(err, ERR_STALLED, "spec: serveSource: is required, for %s",
		               run->model->serve.source);
	return 0;
}

static int check_declared(struct run *run, struct err *err)
{
	const struct train_spec *train = run->model->train;

	if (!train)
		err_set(err, ERR_STALLED, "the model declares no train section");
	else if (train->command.n == 0)
		err_set(err, ERR_STALLED, "train.command is empty, and images are not run here");
	else if (run->model->serve.command.n == 0)
		err_set(err, ERR_STALLED, "serve.command is empty, and images are not run here");
	else if (train->folds > 0)
		err_set(err, ERR_STALLED, "split.crossValidation is not carried out; declare validation"
		        " rows");
	else
		return check_given(run, err);
	return run_considered(run);
}

/* ---- Data ---- */

int run_snapshot(struct run *run, struct snapshot_stage *stage, struct err *err)
{
	const char *path = run_path(run, "data");

	if (stage_load(run, "snapshot", &snapshot_record, stage) && stage_file_is(path, stage->data))
		return 0;
	if (copy_file(run->spec->data, path, &stage->data, &stage->bytes, err))
		return err_wrap(err, "data");
	return stage_save(run, "snapshot", &snapshot_record, stage, err);
}

/* Data that does not fit is a judgement: more of the same will not fit either. */
int run_validate(struct run *run, struct dataset *dataset, struct dataset_report *report,
                    struct err *err)
{
	struct buf text;
	int result;

	if (dataset_scan(AT_FDCWD, run_path(run, "data"), run->model, run->spec->at_ms, run->arena,
	                 dataset, report, err)) {
		if (err->kind != ERR_STALLED)
			return -1;
		err_wrap(err, "DataSchemaMismatch");
		return run_considered(run);
	}
	buf_init(&text, LIMIT_STATUS_BYTES);
	dataset_report_json(report, run->model, &text);
	result = file_replace(AT_FDCWD, run_path(run, "report.json"), buf_text(&text), text.len, 0644,
	                      err);
	buf_clear(&text);
	dataset_sentence(report, &text);
	if (!result && report->n_problems > 0) {
		err_set(err, ERR_STALLED, "DataSchemaMismatch: %s", buf_text(&text));
		result = run_considered(run);
	}
	buf_deinit(&text);
	return result;
}

static int write_part(struct run *run, const struct dataset *dataset, unsigned mask,
                      const char *name, struct digest *digest, struct err *err)
{
	return dataset_write(AT_FDCWD, run_path(run, "data"), run->model, dataset, mask,
	                     run_path(run, "rows/%s.csv", name), digest, err);
}

static int write_parts(struct run *run, const struct dataset *dataset, struct split_stage *stage,
                       struct err *err)
{
	unsigned train = 1 << PART_TRAIN, validation = 1 << PART_VALIDATION;

	if (dir_make_all(AT_FDCWD, run_path(run, "rows"), 0700, err))
		return -1;
	return write_part(run, dataset, train, "train", &stage->train, err) ||
	       write_part(run, dataset, validation, "validation", &stage->validation, err) ||
	       write_part(run, dataset, train | validation, "refit", &stage->refit, err) ||
	       write_part(run, dataset, 1 << PART_TEST, "test", &stage->test, err) ? -1 : 0;
}

static int divide(struct run *run, struct dataset *dataset, struct split_stage *stage,
                  struct err *err)
{
	struct dataset_report report;
	struct split_counts counts;

	if (run_validate(run, dataset, &report, err))
		return -1;
	dataset_split(dataset, &run->model->train->split, &counts);
	*stage = (struct split_stage){
		.data = stage->data,
		.n_data = report.rows,
		.n_train = counts.rows[PART_TRAIN],
		.n_validation = counts.rows[PART_VALIDATION],
		.n_test = counts.rows[PART_TEST],
		.from_ms = report.from_ms,
		.to_ms = report.to_ms,
		.test_from_ms = counts.from_ms[PART_TEST],
		.test_to_ms = counts.to_ms[PART_TEST],
	};
	if (stage->n_train == 0 || stage->n_test == 0) {
		err_set(err, ERR_STALLED, "the split leaves %lld rows to train on and %lld to test on",
		        (long long)stage->n_train, (long long)stage->n_test);
		return run_considered(run);
	}
	if (write_parts(run, dataset, stage, err))
		return -1;
	return stage_save(run, "split", &split_record, stage, err);
}

static bool parts_stand(struct run *run, const struct split_stage *stage)
{
	return stage_file_is(run_path(run, "rows/train.csv"), stage->train) &&
	       stage_file_is(run_path(run, "rows/validation.csv"), stage->validation) &&
	       stage_file_is(run_path(run, "rows/refit.csv"), stage->refit) &&
	       stage_file_is(run_path(run, "rows/test.csv"), stage->test);
}

static void say_split(struct run *run, const struct split_stage *stage)
{
	struct buf text;

	buf_init(&text, 256);
	buf_puts(&text, "train: ");
	buf_rows(&text, stage->n_data);
	buf_printf(&text, ": %lld to train, %lld to choose, %lld to test", (long long)stage->n_train,
	           (long long)stage->n_validation, (long long)stage->n_test);
	run_say(run, "%s", buf_text(&text));
	buf_deinit(&text);
}

static int take_rows(struct run *run, const struct snapshot_stage *snapshot,
                     struct split_stage *stage, struct err *err)
{
	struct dataset dataset = {0};
	int result;

	if (stage_load(run, "split", &split_record, stage) &&
	    digest_same(stage->data, snapshot->data) && parts_stand(run, stage))
		return 0;
	stage->data = snapshot->data;
	result = divide(run, &dataset, stage, err);
	dataset_deinit(&dataset);
	if (!result)
		say_split(run, stage);
	return result;
}

/* ---- Candidates ---- */

/* Metrics of a candidate on the validation rows, through its own server. A server that answers
 * wrongly disqualifies the candidate. */
static int score_candidate(struct run *run, const char *name, const struct split_stage *split,
                           struct fit_stage *stage, struct err *err)
{
	const char *metric = run->model->train->select_metric;
	struct model_server server = {0};
	struct scored scored = {0};
	struct servable what = servable_of(run, fit_artifact(run, name));
	int result = server_start(run, &what, run_path(run, "server"), &server, err);

	if (!result)
		result = score_rows(run, &server, run_path(run, "rows/validation.csv"),
		                    split->n_validation, false, NULL, &scored, err);
	server_stop(run, &server);
	if (result && err->kind == ERR_STALLED) {
		stage->refused = arena_strdup(run->arena, err->text);
		return 0;
	}
	if (result)
		return -1;
	metrics_all(&scored.outcomes, &run->model->interface.output.classes, run->arena,
	            &stage->metrics, &stage->n_metrics);
	stage->score = metric_find(stage->metrics, stage->n_metrics, metric);
	stage->standard_error = metric_standard_error(&scored.outcomes, metric);
	if (!is_set(stage->score))
		stage->refused = arena_printf(run->arena, "select.metric '%s' is none that was measured",
		                              metric);
	scored_deinit(&scored);
	return 0;
}

static void say_candidate(struct run *run, const struct fit_stage *stage, int64_t rows,
                          int64_t since_ms)
{
	struct buf text;

	buf_init(&text, 1024);
	buf_puts(&text, "train: ");
	buf_rows(&text, rows);
	buf_printf(&text, ", candidate %s, %s", stage->candidate, run_took(run, since_ms));
	if (is_set(stage->score)) {
		buf_printf(&text, ", %s ", run->model->train->select_metric);
		buf_percent(&text, stage->score);
	}
	if (stage->refused)
		buf_printf(&text, ": %s", stage->refused);
	run_say(run, "%s", buf_text(&text));
	buf_deinit(&text);
}

static bool fit_stands(struct run *run, const char *name, struct digest rows,
                       const char *candidate, struct fit_stage *stage)
{
	return stage_load(run, name, &fit_record, stage) && digest_same(stage->rows, rows) &&
	       stage->candidate && strcmp(stage->candidate, candidate) == 0 &&
	       (stage->refused || stage_file_is(fit_artifact(run, name), stage->artifact));
}

/* Trains a candidate on a part, and scores it where `split` is given, unless that was done. */
static int fit(struct run *run, const char *name, const struct candidate_spec *candidate,
               const char *part, struct digest rows, int64_t n_rows,
               const struct split_stage *split, struct fit_stage *stage, struct err *err)
{
	int64_t since_ms = run_now(run);

	if (fit_stands(run, name, rows, candidate->name, stage))
		return 0;
	*stage = (struct fit_stage){.candidate = candidate->name, .rows = rows, .score = NAN,
	                            .standard_error = NAN};
	if (fit_train(run, name, candidate, run_path(run, "rows/%s.csv", part), stage, err))
		return err_wrap(err, "candidate %s", candidate->name);
	if (split && split->n_validation > 0 && !stage->refused &&
	    score_candidate(run, name, split, stage, err))
		return err_wrap(err, "candidate %s", candidate->name);
	say_candidate(run, stage, n_rows, since_ms);
	return stage_save(run, name, &fit_record, stage, err);
}

static int fit_all(struct run *run, const struct candidate_spec *candidates, size_t n,
                   const struct split_stage *split, struct fit_stage *stages, struct err *err)
{
	if (n > 1 && split->n_validation == 0) {
		err_set(err, ERR_STALLED, "there are %zu candidates and no validation rows to choose on",
		        n);
		return run_considered(run);
	}
	for (size_t i = 0; i < n; i++) {
		if (fit(run, arena_printf(run->arena, "candidate-%zu", i), &candidates[i], "train",
		        split->train, split->n_train, split, &stages[i], err))
			return -1;
	}
	return 0;
}

/* The one that goes on; -1 when none can, and why. */
static int choose(struct run *run, const struct fit_stage *stages, size_t n,
                  struct candidate_score *scores, struct err *err)
{
	const struct train_spec *train = run->model->train;
	int chosen;

	for (size_t i = 0; i < n; i++)
		scores[i] = (struct candidate_score){
			stages[i].candidate,
			stages[i].refused ? NAN : stages[i].score,
			stages[i].standard_error,
		};
	chosen = select_candidate(scores, n, train->select_rule, metric_is_loss(train->select_metric));
	if (chosen < 0 && n == 1 && !stages[0].refused)
		return 0;
	if (chosen >= 0)
		return chosen;
	err_set(err, ERR_STALLED, "candidate %s: %s", stages[0].candidate,
	        stages[0].refused ? stages[0].refused : "it has no score");
	return run_considered(run);
}

/* The artifact of the chosen one, trained once more on train and validation rows where so
 * declared. */
static int refit(struct run *run, const struct candidate_spec *candidate, int chosen,
                 const struct split_stage *split, struct fit_stage *stage, const char **artifact,
                 struct err *err)
{
	const struct train_spec *train = run->model->train;

	*artifact = fit_artifact(run, arena_printf(run->arena, "candidate-%d", chosen));
	if (strcmp(train->refit, "train+validation") || train->early_stopping ||
	    split->n_validation == 0)
		return 0;
	*artifact = fit_artifact(run, "refit");
	if (fit(run, "refit", candidate, "refit", split->refit, split->n_train + split->n_validation,
	        NULL, stage, err))
		return -1;
	if (!stage->refused)
		return 0;
	err_set(err, ERR_STALLED, "candidate %s, refitted: %s", candidate->name, stage->refused);
	return run_considered(run);
}

/* ---- The end ---- */

static struct lineage *lineage_of(struct run *run, const struct split_stage *split,
                                  const struct candidate_spec *candidate, int64_t started_ms)
{
	const struct run_spec *spec = run->spec;
	struct lineage *lineage = arena_new(run->arena, struct lineage);

	*lineage = (struct lineage){
		.trigger = spec->trigger,
		.why = spec->why,
		.source_tree = spec->source_tree,
		.source_commit = spec->source_commit,
		.data = split->data,
		.data_rows = split->n_data,
		.data_from_ms = split->from_ms,
		.data_to_ms = split->to_ms,
		.train_rows = split->n_train,
		.validation_rows = split->n_validation,
		.test_rows = split->n_test,
		.params = candidate->params,
		.candidate = candidate->name,
		.parent = spec->parent,
		.run = arena_strdup(run->arena, spec->run.hex),
		.started_ms = started_ms,
		.finished_ms = run_wall(run),
	};
	return lineage;
}

static int write_draft(struct run *run, struct lineage *lineage, const struct fit_stage *scored,
                       struct artifact_ref artifact, struct err *err)
{
	struct model_version version = {
		.artifact = artifact,
		.serve = run->model->serve,
		.lineage = lineage,
		.metrics_validation = scored->metrics,
		.n_metrics_validation = scored->n_metrics,
	};

	version.serve.tree = run->spec->serve_tree;
	return draft_write(run, &version, err);
}

static int store_made(struct run *run, const char *artifact, const struct fit_stage *final,
                      const struct split_stage *split, struct err *err)
{
	if (store_file(run, artifact, final->artifact, "tar", err) ||
	    store_file(run, run_path(run, "rows/test.csv"), split->test, "csv", err))
		return err_wrap(err, "store");
	return 0;
}

static int train(struct run *run, struct run_result *result, struct err *err)
{
	int64_t started_ms = run_wall(run);
	struct candidate_spec *candidates;
	struct candidate_score *scores;
	struct snapshot_stage snapshot;
	struct fit_stage *stages, final;
	struct split_stage split;
	struct lineage *lineage;
	const char *artifact;
	size_t n;
	int chosen;

	if (check_declared(run, err) || run_snapshot(run, &snapshot, err) ||
	    take_rows(run, &snapshot, &split, err))
		return -1;
	candidates = candidates_of(run, &n);
	stages = arena_array(run->arena, n, struct fit_stage);
	scores = arena_array(run->arena, n, struct candidate_score);
	if (fit_all(run, candidates, n, &split, stages, err))
		return -1;
	chosen = choose(run, stages, n, scores, err);
	if (chosen < 0)
		return -1;
	final = stages[chosen];
	if (refit(run, &candidates[chosen], chosen, &split, &final, &artifact, err) ||
	    store_made(run, artifact, &final, &split, err))
		return -1;
	lineage = lineage_of(run, &split, &candidates[chosen], started_ms);
	lineage->candidates = scores;
	lineage->n_candidates = n;
	result->artifact = (struct artifact_ref){.digest = final.artifact, .bytes = final.bytes};
	result->rows = split.test;
	result->n_rows = split.n_test;
	result->rows_from_ms = split.test_from_ms;
	result->rows_to_ms = split.test_to_ms;
	result->why = arena_printf(run->arena, "candidate %s of %zu, %lld rows to test on",
	                           candidates[chosen].name, n, (long long)split.n_test);
	return write_draft(run, lineage, &stages[chosen], result->artifact, err);
}

enum run_exit run_train(const struct run_spec *spec, const char *out_dir,
                        const struct run_world *world)
{
	return run_framed(spec, out_dir, world, false, spec->version ? take_up : train);
}
