/* A version that no run of ours has made, taken up for its test: rows that it cannot have been
 * trained on; for guards alone, any that no test needs. */
#include <fcntl.h>
#include <string.h>

#include "gate/gate.h"
#include "run/internal.h"

/* The rows of the test before, of the same artifact. */
static int take_same(struct run *run, struct run_result *result, struct err *err)
{
	const struct run_spec *spec = run->spec;

	if (spec->rows_count <= 0)
		return err_set(err, ERR_STALLED, "spec: rowsCount: is required with rows");
	result->rows = spec->rows;
	result->n_rows = spec->rows_count;
	result->rows_from_ms = spec->rows_from_ms;
	result->rows_to_ms = spec->rows_to_ms;
	return store_check(run, spec->rows, "csv", err);
}

static int store_newer(struct run *run, const struct dataset *dataset,
                       const struct dataset_report *report, int64_t to_ms,
                       struct run_result *result, struct err *err)
{
	struct dataset_part part = {.to = run_path(run, "test.csv"), .first = 1, .end = 2,
	                            .before_ms = INT64_MAX};
	struct division division;
	char text[TIME_TEXT];

	division_newer(to_ms, &division);
	if (run_write_parts(run, dataset, report, &division, &part, 1, NULL, err))
		return -1;
	result->rows = part.digest;
	result->n_rows = part.rows;
	result->rows_from_ms = part.from_ms;
	result->rows_to_ms = part.to_ms;
	format_time(to_ms, text);
	if (part.rows == 0) {
		err_set(err, ERR_STALLED, to_ms < 0 ? "no row is matured" : "no matured row is newer than"
		        " %s, the newest that it was trained on", text);
		return run_considered(run);
	}
	return store_file(run, part.to, part.digest, "csv", err);
}

/* The matured rows after that time; -1: all. */
static int take_after(struct run *run, int64_t to_ms, struct run_result *result, struct err *err)
{
	struct snapshot_stage snapshot;
	struct dataset_report report;
	struct dataset dataset = {0};
	int failed;

	if (run_snapshot(run, &snapshot, err))
		return -1;
	failed = run_validate(run, &dataset, &report, err) ||
	         store_newer(run, &dataset, &report, to_ms, result, err) ? -1 : 0;
	dataset_deinit(&dataset);
	return failed;
}

static int take_newer(struct run *run, const struct model_version *version,
                      struct run_result *result, struct err *err)
{
	const struct lineage *lineage = version->lineage;

	if (!run->model->data.time || !lineage || lineage->data_to_ms < 0) {
		err_set(err, ERR_STALLED, "training rows unknown: its test takes rows that it was not"
		        " trained on, so %s", run->model->data.time
		        ? "write the time of its newest training row as lineage.data.to"
		        : "the data needs a data.time");
		return run_considered(run);
	}
	return take_after(run, lineage->data_to_ms, result, err);
}

/* What is degenerate shows on rows that trained it, too: those that a run would choose on, or train
 * on where it chooses on none; all of them where nothing trains. No test row is read, so that none
 * is spent. */
static int take_known(struct run *run, struct run_result *result, struct err *err)
{
	struct snapshot_stage snapshot;
	struct split_stage split;
	struct rows_file rows;

	result->known = true;
	if (!run->model->train)
		return take_after(run, -1, result, err);
	if (run_snapshot(run, &snapshot, err) || run_rows(run, &snapshot, &split, err))
		return -1;
	rows = rows_validation(run, &split, split.n_folds - 1);
	if (rows.n == 0)
		rows = rows_train(run, &split, split.n_folds - 1);
	result->rows = rows.digest;
	result->n_rows = rows.n;
	return store_file(run, rows.path, rows.digest, "csv", err);
}

static int take_rows(struct run *run, const struct model_version *version, bool declared,
                     struct run_result *result, struct err *err)
{
	if (declared && run->spec->rows.hex[0])
		return take_same(run, result, err);
	if (!run->spec->data)
		return err_set(err, ERR_STALLED, "spec: data: is required");
	return declared ? take_newer(run, version, result, err) : take_known(run, result, err);
}

int take_up(struct run *run, struct run_result *result, struct err *err)
{
	const struct gate_policy *policy = NULL;
	struct model_version *version;

	if (gates_version(run, run->spec->version, run->spec->version_name, &version, err) ||
	    store_check(run, version->artifact.digest, "tar", err) ||
	    gates_policy(run, &policy, err) ||
	    take_rows(run, version, gate_declared(run->model, policy), result, err))
		return -1;
	result->artifact = version->artifact;
	result->why = arena_printf(run->arena, "%s, %lld rows to %s on", version->version,
	                           (long long)result->n_rows, result->known ? "judge" : "test");
	return draft_write(run, version, err);
}
