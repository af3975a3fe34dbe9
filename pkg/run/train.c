/* From data to an artifact: candidates, choice, refit. */
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
	else if (train->folds > 0 && train->early_stopping)
		err_set(err, ERR_STALLED, "train.earlyStopping needs validation rows that stay the same;"
		        " declare split.validation in place of crossValidation");
	else
		return check_given(run, err);
	return run_considered(run);
}

/* ---- Candidates ---- */

/* One job a candidate and fold, candidate by candidate. */
static struct fit_job *jobs_of(struct run *run, const struct candidate_spec *candidates, size_t n,
                               const struct split_stage *split)
{
	struct fit_job *jobs = arena_array(run->arena, n * split->n_folds, struct fit_job);
	bool folds = run->model->train->folds > 0;

	for (size_t i = 0; i < n * split->n_folds; i++) {
		size_t candidate = i / split->n_folds, fold = i % split->n_folds;

		jobs[i] = (struct fit_job){
			.name = folds ? arena_printf(run->arena, "candidate-%zu-fold-%zu", candidate, fold)
			              : arena_printf(run->arena, "candidate-%zu", candidate),
			.candidate = &candidates[candidate],
			.rows = {rows_train(run, split, fold)},
			.n_files = 1,
			.validation = rows_validation(run, split, fold),
		};
	}
	return jobs;
}

/* Metrics of a candidate: of its one fold, or the means over folds. A candidate refused in one
 * fold is refused. */
static struct fit_stage candidate_of(struct run *run, const struct fit_job *jobs, size_t n)
{
	struct fit_stage all = jobs[0].stage;
	double *scores = arena_array(run->arena, n, double);

	for (size_t i = 0; n > 1 && i < n; i++) {
		const struct fit_stage *fold = &jobs[i].stage;

		scores[i] = fold->score;
		if (fold->refused && !all.refused)
			all.refused = fold->refused;
	}
	if (n == 1 || all.refused)
		return all;
	all.metrics = arena_memdup(run->arena, all.metrics, all.n_metrics * sizeof(*all.metrics));
	for (size_t m = 0; m < all.n_metrics; m++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += metric_find(jobs[i].stage.metrics, jobs[i].stage.n_metrics,
			                   all.metrics[m].name);
		all.metrics[m].value = sum / (double)n;
	}
	fold_score(scores, n, &all.score, &all.standard_error);
	return all;
}

static int fit_all(struct run *run, const struct candidate_spec *candidates, size_t n,
                   const struct split_stage *split, struct fit_stage *stages, struct err *err)
{
	struct fit_job *jobs = jobs_of(run, candidates, n, split);

	for (size_t i = 0; i < split->n_folds; i++) {
		if (split->folds[i].n_validation > 0 || (n == 1 && run->model->train->folds == 0))
			continue;
		err_set(err, ERR_STALLED, "there are %zu candidates and no validation rows to choose on",
		        n);
		return run_considered(run);
	}
	if (fit_jobs(run, jobs, n * split->n_folds, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		stages[i] = candidate_of(run, jobs + i * split->n_folds, split->n_folds);
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

/* The artifact of the chosen one, trained once more on all rows before the test where so declared,
 * and always after cross-validation: those that the newest fold was trained on, those that the
 * embargo kept from that, and those that it was chosen on. */
static int refit(struct run *run, const struct candidate_spec *candidate, int chosen,
                 const struct split_stage *split, struct fit_stage *stage, const char **artifact,
                 struct err *err)
{
	const struct train_spec *train = run->model->train;
	size_t newest = split->n_folds - 1;
	struct fit_job job = {
		.name = "refit",
		.candidate = candidate,
		.rows = {rows_train(run, split, newest), rows_held(run, split),
		         rows_validation(run, split, newest)},
		.n_files = 3,
		.header = split->header,
	};

	*artifact = fit_artifact(run, arena_printf(run->arena, "candidate-%d", chosen));
	if (train->folds == 0 &&
	    (strcmp(train->refit, "train+validation") || train->early_stopping ||
	     split->folds[0].n_validation == 0))
		return 0;
	*artifact = fit_artifact(run, "refit");
	if (fit_jobs(run, &job, 1, err))
		return -1;
	*stage = job.stage;
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
	bool folds = run->model->train->folds > 0;

	*lineage = (struct lineage){
		.trigger = spec->trigger,
		.why = spec->why,
		.source_tree = spec->source_tree,
		.source_commit = spec->source_commit,
		.data = split->data,
		.data_rows = split->n_data,
		.data_from_ms = split->from_ms,
		.data_to_ms = split->to_ms,
		.trained_to_ms = split->trained_to_ms,
		.train_rows = folds ? split_known(split) : split->folds[0].n_train,
		.validation_rows = folds ? 0 : split->folds[0].n_validation,
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

	if (check_declared(run, err) || run_snapshot(run, &snapshot, err))
		return -1;
	result->data = snapshot.data;
	if (run_rows(run, &snapshot, &split, err))
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
	result->why = arena_printf(run->arena, "candidate %s of %zu, %lld rows to test on%s%s",
	                           candidates[chosen].name, n, (long long)split.n_test,
	                           split.found ? "; " : "", split.found ? split.found : "");
	return write_draft(run, lineage, &stages[chosen], result->artifact, err);
}

enum run_exit run_train(const struct run_spec *spec, const char *out_dir,
                        const struct run_world *world)
{
	return run_framed(spec, out_dir, world, false, spec->version ? take_up : train);
}
