/* The run's data: a snapshot, checked and divided, once. */
#include <fcntl.h>
#include <string.h>

#include "run/internal.h"

int run_snapshot(struct run *run, struct snapshot_stage *stage, struct err *err)
{
	const char *path = run_path(run, "data");

	if (stage_load(run, "snapshot", &snapshot_record, stage) && stage_file_is(path, stage->data))
		return 0;
	if (source_take(run, path, &stage->data, &stage->bytes, err))
		return err_wrap(err, "data");
	return stage_save(run, "snapshot", &snapshot_record, stage, err);
}

static int write_report(struct run *run, const struct dataset_report *report,
                        const struct dataset_across *across, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, LIMIT_STATUS_BYTES);
	dataset_report_json(report, across, run->model, &text);
	result = buf_check(&text, "report.json", err);
	if (!result)
		result = file_replace(AT_FDCWD, run_path(run, "report.json"), buf_text(&text), text.len,
		                      0644, err);
	buf_deinit(&text);
	return result;
}

/* Data that does not fit is a judgement: more of the same will not fit either. */
int run_validate(struct run *run, struct dataset *dataset, struct dataset_report *report,
                 struct err *err)
{
	struct buf text;

	if (dataset_scan(AT_FDCWD, run_path(run, "data"), run->model, run->spec->at_ms, run->arena,
	                 dataset, report, err)) {
		if (err->kind != ERR_STALLED)
			return -1;
		err_wrap(err, "DataSchemaMismatch");
		return run_considered(run);
	}
	if (report->n_problems == 0)
		return 0;
	if (write_report(run, report, NULL, err))
		return -1;
	buf_init(&text, LIMIT_STATUS_BYTES);
	dataset_sentence(report, &text);
	err_set(err, ERR_STALLED, "DataSchemaMismatch: %s", buf_text(&text));
	buf_deinit(&text);
	return run_considered(run);
}

int run_write_parts(struct run *run, const struct dataset *dataset,
                    const struct dataset_report *report, const struct division *division,
                    struct dataset_part *parts, size_t n, struct dataset_across *across,
                    struct err *err)
{
	return dataset_write(AT_FDCWD, run_path(run, "data"), run->model, dataset, division, parts, n,
	                     run->arena, across, err) ||
	       write_report(run, report, across, err) ? -1 : 0;
}

/* ---- The parts ---- */

/* "team: 't41' (line 812) is in 12 rows that judge, and in none that trains", or NULL. */
static const char *unseen_text(struct run *run, const struct dataset_across *across)
{
	const struct dataset_unseen *first = across->unseen;

	if (across->n_unseen == 0)
		return NULL;
	return arena_printf(run->arena, "%s: '%.60s' (line %lld) is in %lld of the rows that judge and"
	                    " in none that trains%s", first->input, first->value,
	                    (long long)first->line, (long long)first->rows,
	                    across->n_unseen > 1 ? ", and so are others (report.json)" : "");
}

/* "12 of the 3,000 rows that judge repeat one that trains: line 812 is line 17", or NULL. */
static const char *repeats_text(struct run *run, const struct dataset_repeats *repeats)
{
	const char *text;
	struct buf judged;

	if (repeats->rows == 0)
		return NULL;
	buf_init(&judged, 64);
	buf_rows(&judged, repeats->judged);
	text = arena_printf(run->arena, "%lld of the %s that judge repeat one that trains, under"
	                    " another id", (long long)repeats->rows, buf_text(&judged));
	if (repeats->one_in > 1)
		text = arena_printf(run->arena, "%s (one in %lld was looked at)", text,
		                    (long long)repeats->one_in);
	for (size_t i = 0; i < repeats->n_examples && i < 3; i++)
		text = arena_printf(run->arena, "%s%sline %lld is line %lld", text, i ? ", " : ": ",
		                    (long long)repeats->examples[i].line,
		                    (long long)repeats->examples[i].first);
	buf_deinit(&judged);
	return repeats->n_examples > 3 ? arena_printf(run->arena, "%s, ... (report.json)", text) : text;
}

/* Keeps what was found; more repeated rows than declared are a judgement. */
static int judge_across(struct run *run, const struct dataset_across *across,
                        struct split_stage *stage, struct err *err)
{
	const struct dataset_repeats *repeats = &across->repeats;
	double most = run->model->data.validate.max_repeated;
	const char *unseen = unseen_text(run, across), *repeated = repeats_text(run, repeats);
	struct buf share;

	stage->found = unseen && repeated ? arena_printf(run->arena, "%s; %s", unseen, repeated)
	               : unseen           ? unseen
	                                  : repeated;
	if (!is_set(most) || (double)repeats->rows <= most * (double)repeats->judged)
		return 0;
	buf_init(&share, 64);
	buf_percent(&share, most);
	err_set(err, ERR_STALLED, "DataSchemaMismatch: %s; data.validate.maxRepeated is %s", repeated,
	        buf_text(&share));
	buf_deinit(&share);
	return run_considered(run);
}

/* Without cross-validation "train", else "train-3" of the fourth fold. */
static const char *part_name(struct run *run, const char *name, size_t fold)
{
	return run->model->train->folds > 0 ? arena_printf(run->arena, "%s-%zu", name, fold) : name;
}

static char *part_path(struct run *run, const char *name)
{
	return run_path(run, "rows/%s.csv", name);
}

struct rows_file rows_train(struct run *run, const struct split_stage *split, size_t fold)
{
	return (struct rows_file){part_path(run, part_name(run, "train", fold)),
	                          split->folds[fold].train, split->folds[fold].n_train};
}

struct rows_file rows_validation(struct run *run, const struct split_stage *split, size_t fold)
{
	return (struct rows_file){part_path(run, part_name(run, "validation", fold)),
	                          split->folds[fold].validation, split->folds[fold].n_validation};
}

struct rows_file rows_held(struct run *run, const struct split_stage *split)
{
	return (struct rows_file){part_path(run, "held"), split->held, split->n_held};
}

int64_t split_known(const struct split_stage *split)
{
	const struct fold_stage *newest = &split->folds[split->n_folds - 1];

	return newest->n_train + split->n_held + newest->n_validation;
}

/* The files: train and validation of each fold (one without cross-validation), then these. */
enum { FILE_HELD, FILE_TEST, FILES_BESIDE };

static struct dataset_part a_part(struct run *run, const char *name, size_t first, size_t end)
{
	return (struct dataset_part){.to = part_path(run, name), .first = first,
	                             .end = end, .before_ms = INT64_MAX};
}

/* Nothing is learnt from rows less than the embargo before those that are judged on. */
static void hold_back(struct dataset_part *part, const struct division *division, size_t block,
                      int64_t embargo_ms)
{
	int64_t from_ms = division->from[block].time_ms;

	if (division->by == SPLIT_BY_TIME && embargo_ms > 0 && from_ms < INT64_MAX)
		part->before_ms = from_ms - embargo_ms + 1;
}

/* Of fold `i`: by time it learns from what is older than the rows it is judged on (forward
 * chaining), by hash from all other folds. */
static void fold_parts(struct run *run, const struct division *division, size_t i,
                       struct dataset_part out[2])
{
	const struct split_spec *split = &run->model->train->split;
	size_t folds = (size_t)run->model->train->folds;
	bool by_hash = folds > 0 && division->by == SPLIT_BY_HASH;
	size_t judged = by_hash ? i : i + 1;

	out[0] = a_part(run, part_name(run, "train", i), 0, by_hash ? folds : judged);
	if (by_hash) {
		out[0].skip = i;
		out[0].skip_end = i + 1;
	}
	out[1] = a_part(run, part_name(run, "validation", i), judged, judged + 1);
	hold_back(&out[0], division, judged, split->embargo_ms);
	hold_back(&out[1], division, division->n - 1, split->embargo_ms);
}

/* Of those that the newest fold would learn from: the rows too near to those that it is judged
 * on. */
static struct dataset_part held_part(struct run *run, const struct dataset_part *train)
{
	struct dataset_part held = *train;

	held.to = part_path(run, "held");
	held.held = true;
	return held;
}

static int64_t newest_row(const struct dataset_part *parts, size_t n)
{
	int64_t to_ms = -1;

	for (size_t i = 0; i < n; i++)
		to_ms = parts[i].to_ms > to_ms ? parts[i].to_ms : to_ms;
	return to_ms;
}

static void keep_parts(const struct dataset_part *parts, size_t n_folds, enum split_by by,
                       struct split_stage *stage)
{
	const struct dataset_part *beside = parts + 2 * n_folds, *newest = beside - 2;

	for (size_t i = 0; i < n_folds; i++) {
		stage->folds[i] = (struct fold_stage){
			.train = parts[2 * i].digest,
			.validation = parts[2 * i + 1].digest,
			.n_train = parts[2 * i].rows,
			.n_validation = parts[2 * i + 1].rows,
		};
	}
	stage->header = parts[0].header;
	stage->held = beside[FILE_HELD].digest;
	stage->n_held = beside[FILE_HELD].rows;
	stage->trained_to_ms = by == SPLIT_BY_TIME ? newest_row(newest, 2 + FILE_TEST) : -1;
	stage->test = beside[FILE_TEST].digest;
	stage->n_test = beside[FILE_TEST].rows;
	stage->test_from_ms = beside[FILE_TEST].from_ms;
	stage->test_to_ms = beside[FILE_TEST].to_ms;
}

static int write_parts(struct run *run, const struct dataset *dataset,
                       const struct dataset_report *report, const struct division *division,
                       struct split_stage *stage, struct err *err)
{
	size_t test = division->n - 1, n = 2 * stage->n_folds + FILES_BESIDE;
	struct dataset_part *parts = arena_array(run->arena, n, struct dataset_part);
	struct dataset_part *beside = parts + 2 * stage->n_folds;
	struct dataset_across across = {.n_training = test};

	if (run->model->train->folds == 0)
		across.n_training = 1;
	for (size_t i = 0; i < stage->n_folds; i++)
		fold_parts(run, division, i, parts + 2 * i);
	beside[FILE_HELD] = held_part(run, beside - 2);
	beside[FILE_TEST] = a_part(run, "test", test, test + 1);
	if (dir_make_all(AT_FDCWD, run_path(run, "rows"), 0700, err) ||
	    run_write_parts(run, dataset, report, division, parts, n, &across, err))
		return -1;
	keep_parts(parts, stage->n_folds, division->by, stage);
	return judge_across(run, &across, stage, err);
}

static size_t folds_of(const struct run *run)
{
	return run->model->train->folds > 0 ? (size_t)run->model->train->folds : 1;
}

static int divide(struct run *run, struct dataset *dataset, struct split_stage *stage,
                  struct err *err)
{
	const struct train_spec *train = run->model->train;
	struct dataset_report report;
	struct division division;

	if (run_validate(run, dataset, &report, err) ||
	    dataset_divide(dataset, &train->split, train->folds, &division, err))
		return -1;
	*stage = (struct split_stage){
		.data = stage->data,
		.n_data = report.rows,
		.from_ms = report.from_ms,
		.to_ms = report.to_ms,
		.n_folds = folds_of(run),
	};
	stage->folds = arena_array(run->arena, stage->n_folds, struct fold_stage);
	if (write_parts(run, dataset, &report, &division, stage, err))
		return -1;
	for (size_t i = 0; i < stage->n_folds; i++) {
		if (stage->folds[i].n_train > 0 && stage->n_test > 0)
			continue;
		err_set(err, ERR_STALLED, "the split leaves %lld rows to train on and %lld to test on",
		        (long long)stage->folds[i].n_train, (long long)stage->n_test);
		return run_considered(run);
	}
	return stage_save(run, "split", &split_record, stage, err);
}

static bool file_stands(struct rows_file file)
{
	return stage_file_is(file.path, file.digest);
}

static bool parts_stand(struct run *run, const struct split_stage *stage)
{
	bool stand = file_stands(rows_held(run, stage)) &&
	             stage_file_is(part_path(run, "test"), stage->test);

	for (size_t i = 0; stand && i < stage->n_folds; i++)
		stand = file_stands(rows_train(run, stage, i)) &&
		        file_stands(rows_validation(run, stage, i));
	return stand;
}

static void say_split(struct run *run, const struct split_stage *stage)
{
	int64_t unused = stage->n_data - split_known(stage) - stage->n_test;
	struct buf text;

	buf_init(&text, 1024);
	buf_puts(&text, "train: ");
	buf_rows(&text, stage->n_data);
	if (run->model->train->folds > 0)
		buf_printf(&text, ": %lld in %zu folds, %lld to test", (long long)split_known(stage),
		           stage->n_folds, (long long)stage->n_test);
	else
		buf_printf(&text, ": %lld to train, %lld to choose, %lld to test",
		           (long long)stage->folds[0].n_train, (long long)stage->folds[0].n_validation,
		           (long long)stage->n_test);
	if (unused > 0)
		buf_printf(&text, ", %lld not used (without a label, too young or too old: report.json)",
		           (long long)unused);
	if (stage->found)
		buf_printf(&text, "; %s", stage->found);
	run_say(run, "%s", buf_text(&text));
	buf_deinit(&text);
}

int run_rows(struct run *run, const struct snapshot_stage *snapshot,
                     struct split_stage *stage, struct err *err)
{
	struct dataset dataset = {0};
	int result;

	if (stage_load(run, "split", &split_record, stage) && stage->n_folds == folds_of(run) &&
	    digest_same(stage->data, snapshot->data) && parts_stand(run, stage))
		return 0;
	stage->data = snapshot->data;
	result = divide(run, &dataset, stage, err);
	dataset_deinit(&dataset);
	if (!result)
		say_split(run, stage);
	return result;
}
