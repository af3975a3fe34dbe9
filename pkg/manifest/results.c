/* The result files of linnet-run: what a run made, and what its one test said. */
#include <string.h>

#include "base/limits.h"
#include "manifest/manifest.h"
#include "manifest/status.h"

static const char *const run_state_table[] = {
	[RUN_NONE] = "none", [RUN_ACTIVE] = "active", [RUN_SUCCEEDED] = "succeeded",
	[RUN_FAILED] = "failed",
};
_Static_assert(ARRAY_LEN(run_state_table) == RUN_STATES, "a name for each state");
static const struct names run_state_names = NAMES(run_state_table);

#define OUTCOME(state) \
	{.name = "run", .type = FIELD_DIGEST, AT(struct run_result, run), .flags = FIELD_REQUIRED, \
	 .help = "Id of the run."}, \
	{.name = "state", .type = FIELD_ENUM, AT(struct run_result, state), .flags = FIELD_REQUIRED, \
	 .names = &run_state_names, .help = "succeeded or failed."}, \
	{.name = "considered", .type = FIELD_BOOL, AT(struct run_result, considered), \
	 .help = "Of failed: the run judged so; it is no error to repeat."}, \
	{.name = "why", .type = FIELD_STRING, AT(struct run_result, why), .help = "One sentence."}

static const struct field rows_fields[] = {
	{.name = "digest", .type = FIELD_DIGEST, IN(struct run_result, rows, rows),
	 .help = "Which test rows."},
	{.name = "count", .type = FIELD_INT, IN(struct run_result, rows, n_rows), .max = -1,
	 .help = "How many."},
	{.name = "from", .type = FIELD_TIME, IN(struct run_result, rows, rows_from_ms),
	 .help = "Time of the oldest."},
	{.name = "to", .type = FIELD_TIME, IN(struct run_result, rows, rows_to_ms),
	 .help = "Time of the newest."},
	{.name = "known", .type = FIELD_BOOL, IN(struct run_result, rows, known),
	 .help = "They are no test rows: what is judged may have been trained on them."},
};
static const struct record rows_record =
	SECTION(struct run_result, rows, known, rows, "The test rows to be used.");

static const struct field train_fields[] = {
	OUTCOME(train),
	{.name = "data", .type = FIELD_DIGEST, AT(struct run_result, data),
	 .help = "Of the data that it read."},
	{.name = "artifact", .type = FIELD_RECORD, AT(struct run_result, artifact),
	 .record = &kept_artifact_record, .help = "What it made."},
	{.name = "rows", .type = FIELD_RECORD, AT(struct run_result, rows), .record = &rows_record,
	 .help = "The test rows to be used."},
};
static const struct record train_record =
	RECORD(struct run_result, train, "The result of linnet-run train.");

static const struct field evaluate_fields[] = {
	OUTCOME(evaluate),
	{.name = "verdict", .type = FIELD_ENUM, AT(struct run_result, verdict),
	 .names = &verdict_result_names, .fallback = "INCONCLUSIVE", .help = "The verdict."},
	{.name = "key", .type = FIELD_DIGEST, AT(struct run_result, verdict_key),
	 .help = "Of artifact, serve, rows, gate, evaluator and incumbent."},
	{.name = "same", .type = FIELD_BOOL, AT(struct run_result, same),
	 .help = "Every prediction is that of the incumbent."},
	{.name = "subject", .type = FIELD_DIGEST, AT(struct run_result, subject),
	 .help = "What was judged: artifact, serve and interface."},
	{.name = "incumbent", .type = FIELD_DIGEST, AT(struct run_result, incumbent),
	 .help = "The subject that it was compared with."},
	{.name = "gate", .type = FIELD_DIGEST, AT(struct run_result, gate),
	 .help = "The gate that it answers."},
	{.name = "evidence", .type = FIELD_OPTIONAL, AT(struct run_result, evidence),
	 .record = &gates_evidence_record, .help = "What it was made from."},
};
static const struct record evaluate_record =
	RECORD(struct run_result, evaluate, "The result of linnet-run evaluate.");

void run_result_encode(struct buf *out, const struct run_result *result, bool evaluate)
{
	struct writer writer;

	write_begin(&writer, out, true);
	record_encode(&writer, evaluate ? &evaluate_record : &train_record, result);
}

static bool is_outcome(enum run_state state)
{
	return state == RUN_SUCCEEDED || state == RUN_FAILED;
}

int run_result_decode(const char *train, size_t train_len, const char *evaluate,
                      size_t evaluate_len, struct arena *arena, struct run_result *out,
                      struct err *err)
{
	struct run_result result, test;

	record_defaults(&train_record, &result, arena);
	if (train && json_decode("train result", train, train_len, LIMIT_STATUS_BYTES, &train_record,
	                         arena, &result, err) < 0)
		return -1;
	if (train && !is_outcome(result.train))
		return err_set(err, ERR_STALLED, "train result: a result is succeeded or failed");
	if (evaluate) {
		if (json_decode("evaluate result", evaluate, evaluate_len, LIMIT_STATUS_BYTES,
		                &evaluate_record, arena, &test, err) < 0)
			return -1;
		if (!is_outcome(test.evaluate))
			return err_set(err, ERR_STALLED, "evaluate result: a result is succeeded or failed");
		if (train && !digest_same(result.run, test.run))
			return err_set(err, ERR_STALLED, "evaluate result: is of another run than the train"
			               " result");
		result.run = test.run;
		result.evaluate = test.evaluate;
		result.verdict = test.verdict;
		result.verdict_key = test.verdict_key;
		result.same = test.same;
		result.subject = test.subject;
		result.incumbent = test.incumbent;
		result.gate = test.gate;
		result.evidence = test.evidence;
		result.considered = test.considered;
		result.why = test.why;
	}
	*out = result;
	return 0;
}
