/* The ModelVersion that a run proposes. It has everything but its number, so it is called
 * draft. */
#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "run/internal.h"

#define DRAFT "draft"

/* Four decimals: people read these, and no judgement is made from them. */
static double rounded(double value)
{
	return round(value * 1e4) / 1e4;
}

static void round_metrics(struct named_number *metrics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		metrics[i].value = rounded(metrics[i].value);
}

/* A bound that is infinite is none. */
static double shown(double value)
{
	return isfinite(value) ? rounded(value) : NAN;
}

void entries_round(struct gate_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		entries[i].value = shown(entries[i].value);
		entries[i].low = shown(entries[i].low);
		entries[i].high = shown(entries[i].high);
		entries[i].needed = shown(entries[i].needed);
	}
}

static void round_candidates(struct lineage *lineage)
{
	for (size_t i = 0; lineage && i < lineage->n_candidates; i++) {
		lineage->candidates[i].score = rounded(lineage->candidates[i].score);
		lineage->candidates[i].standard_error = rounded(lineage->candidates[i].standard_error);
	}
}

int draft_write(struct run *run, struct model_version *version, struct err *err)
{
	struct buf text;
	int result;

	round_metrics(version->metrics_validation, version->n_metrics_validation);
	round_metrics(version->metrics_test, version->n_metrics_test);
	round_metrics(version->metrics_slices, version->n_metrics_slices);
	round_candidates(version->lineage);
	version->model = run->model->meta.name;
	version->version = DRAFT;
	version->meta.name = arena_printf(run->arena, "%s-" DRAFT, version->model);
	buf_init(&text, LIMIT_MANIFEST_BYTES);
	version_encode(&text, version);
	result = buf_check(&text, "version.yaml", err);
	if (!result)
		result = file_write(AT_FDCWD, run_path(run, "version.yaml"), buf_text(&text), text.len,
		                    0644, err);
	buf_deinit(&text);
	return result;
}
