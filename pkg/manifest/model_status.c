/* ModelStatus of a model: its retraining cycle with verdicts, the test ledger and proposals. */
#include "manifest/status.h"

#include "base/limits.h"
#include "manifest/manifest.h"

static const struct field metadata_fields[] = {
	{.name = "name", .type = FIELD_NAME, AT(struct model_status, name), .flags = FIELD_REQUIRED,
	 .help = "The model."},
};
static const struct record metadata_record =
	RECORD(struct model_status, metadata, "Whose status this is.");

static const struct field run_fields[] = {
	{.name = "id", .type = FIELD_DIGEST, AT(struct model_status, run), .help = "Its id."},
	{.name = "trigger", .type = FIELD_ENUM, AT(struct model_status, trigger),
	 .names = &trigger_kind_names, .help = "What started it."},
	{.name = "why", .type = FIELD_STRING, AT(struct model_status, trigger_why),
	 .help = "With which numbers."},
	{.name = "attempts", CUSTOM(int), AT(struct model_status, attempts), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "Errors in a row."},
	{.name = "notBefore", .type = FIELD_TIME, AT(struct model_status, retry_ms),
	 .help = "When it is tried again."},
	{.name = "trainDigest", .type = FIELD_DIGEST, AT(struct model_status, train_digest),
	 .help = "Of what it was started with; a change cancels it once."},
	{.name = "cancelled", .type = FIELD_BOOL, AT(struct model_status, cancelled),
	 .help = "Whether that was done for the present cause."},
	{.name = "fruitless", CUSTOM(int), AT(struct model_status, fruitless), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "Runs in a row that did not help."},
	{.name = "artifact", .type = FIELD_RECORD, AT(struct model_status, artifact),
	 .record = &kept_artifact_record, .help = "What it has made."},
};
static const struct field data_fields[] = {
	{.name = "rows", .type = FIELD_INT, AT(struct model_status, data_rows), .fallback = "-1",
	 .min = -1, .max = -2, .help = "How many rows it had; -1 unknown."},
	{.name = "first", .type = FIELD_DIGEST, AT(struct model_status, data_first),
	 .help = "Of its beginning through the first row."},
	{.name = "content", .type = FIELD_DIGEST, AT(struct model_status, data_content),
	 .help = "Of all of it, as the run read it."},
};
static const struct record data_record =
	RECORD(struct model_status, data, "The data when the last run was taken up.");

static const struct record run_record =
	RECORD(struct model_status, run, "The run that is due, active or was last.");

static const struct field evaluation_fields[] = {
	{.name = "run", .type = FIELD_DIGEST, AT(struct evaluation, run), .help = "Its id."},
	{.name = "version", .type = FIELD_STRING, AT(struct evaluation, version),
	 .help = "What is evaluated."},
	{.name = "attempts", CUSTOM(int), AT(struct evaluation, attempts), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "Errors in a row."},
	{.name = "notBefore", .type = FIELD_TIME, AT(struct evaluation, retry_ms),
	 .help = "When it is tried again."},
	{.name = "why", .type = FIELD_STRING, AT(struct evaluation, why), .help = "The last error."},
	{.name = "askedAt", .type = FIELD_TIME, AT(struct evaluation, asked_ms),
	 .help = "When a person asked for it anew."},
};
static const struct record evaluation_record =
	RECORD(struct evaluation, evaluation, "The evaluation of a version from elsewhere.");

static const struct field cycle_fields[] = {
	{.name = "phase", .type = FIELD_ENUM, AT(struct model_status, phase), .flags = FIELD_REQUIRED,
	 .names = &cycle_phase_names, .help = "Where the cycle stands."},
	{.name = "since", .type = FIELD_TIME, AT(struct model_status, phase_since_ms),
	 .help = "Since when."},
	{.name = "reason", .type = FIELD_STRING, AT(struct model_status, reason),
	 .help = "Why it waits or stalled, as one word."},
	{.name = "message", .type = FIELD_STRING, AT(struct model_status, message),
	 .help = "Why, as a sentence."},
	{.name = "run", .type = FIELD_RECORD, .record = &run_record,
	 .help = "The run that is due, active or was last."},
	{.name = "lastFinished", .type = FIELD_TIME, AT(struct model_status, last_finished_ms),
	 .help = "When a run ended last: the cooldown counts from here."},
	{.name = "pendingEvent", .type = FIELD_STRING, AT(struct model_status, pending_event),
	 .help = "An event not yet turned into a run."},
	{.name = "pendingKick", .type = FIELD_BOOL, AT(struct model_status, pending_kick),
	 .help = "It is a person's own, and waits for no cooldown."},
	{.name = "data", .type = FIELD_RECORD, .record = &data_record,
	 .help = "The data when the last run was taken up: new rows count from here."},
	{.name = "terms", .type = FIELD_DIGEST, AT(struct model_status, terms),
	 .help = "Of the interface, metric, gates and training source that the last run had."},
	{.name = "sources", .type = FIELD_DIGEST, AT(struct model_status, sources),
	 .help = "Of the sources when the last run was taken up."},
	{.name = "scheduled", .type = FIELD_TIME, AT(struct model_status, scheduled_ms),
	 .help = "Ticks of schedules after this are due."},
	{.name = "highestVersion", .type = FIELD_INT, AT(struct model_status, highest_version),
	 .max = -1, .help = "The highest version number ever taken."},
};
static const struct record cycle_record =
	RECORD(struct model_status, cycle, "How far the retraining cycle has come.");

static const struct field record_fields[] = {
	{.name = "key", .type = FIELD_DIGEST, AT(struct verdict_record, key),
	 .help = "Of artifact, serve, rows, gate, evaluator and incumbent."},
	{.name = "artifact", .type = FIELD_DIGEST, AT(struct verdict_record, artifact),
	 .help = "What was judged."},
	{.name = "subject", .type = FIELD_DIGEST, AT(struct verdict_record, subject),
	 .help = "Of artifact, serve and interface."},
	{.name = "incumbent", .type = FIELD_DIGEST, AT(struct verdict_record, incumbent),
	 .help = "The subject that it was compared with; absent: nothing served."},
	{.name = "gate", .type = FIELD_DIGEST, AT(struct verdict_record, gate),
	 .help = "The gate that it answers."},
	{.name = "demands", CUSTOM(amounts), LIST_AT(struct verdict_record, demands),
	 .schema = AMOUNTS_SCHEMA, .help = "What that gate demanded."},
	{.name = "rows", .type = FIELD_DIGEST, AT(struct verdict_record, rows),
	 .help = "The test rows."},
	{.name = "verdict", .type = FIELD_ENUM, AT(struct verdict_record, result),
	 .names = &verdict_result_names, .help = "The verdict."},
	{.name = "why", .type = FIELD_STRING, AT(struct verdict_record, why), .help = "One sentence."},
	{.name = "at", .type = FIELD_TIME, AT(struct verdict_record, at_ms), .help = "When."},
};
static const struct record verdict_record_record =
	RECORD(struct verdict_record, record, "The controller's own verdict.");

static const struct field ledger_fields[] = {
	{.name = "rows", .type = FIELD_DIGEST, AT(struct ledger_entry, rows),
	 .help = "Which test rows."},
	{.name = "run", .type = FIELD_STRING, AT(struct ledger_entry, run), .help = "Which run."},
	{.name = "count", .type = FIELD_INT, AT(struct ledger_entry, n_rows), .max = -1,
	 .help = "How many."},
	{.name = "from", .type = FIELD_TIME, AT(struct ledger_entry, from_ms),
	 .help = "Time of the oldest row."},
	{.name = "to", .type = FIELD_TIME, AT(struct ledger_entry, to_ms),
	 .help = "Time of the newest row."},
	{.name = "at", .type = FIELD_TIME, AT(struct ledger_entry, at_ms),
	 .help = "When the test was allowed."},
	{.name = "same", .type = FIELD_BOOL, AT(struct ledger_entry, same),
	 .help = "Every prediction was that of the incumbent, or was judged before: no use."},
	{.name = "known", .type = FIELD_BOOL, AT(struct ledger_entry, known),
	 .help = "No test rows: what was judged may have been trained on them."},
};
static const struct record ledger_record =
	RECORD(struct ledger_entry, ledger, "One use of test rows.");

#define STATUS_LIST(key, member, of, text) \
	{.name = key, .type = FIELD_LIST, LIST_AT(struct model_status, member), .record = &of, \
	 .help = text}
static const struct field model_status_fields[] = {
	DOCUMENT_HEAD(status_word_names),
	{.name = "metadata", .type = FIELD_RECORD, .flags = FIELD_REQUIRED,
	 .record = &metadata_record, .help = "Whose status this is."},
	{.name = "observed", .type = FIELD_RECORD, AT(struct model_status, observed_commit),
	 .record = &observed_record, .help = "What of Git was acted on."},
	{.name = "conditions", CUSTOM(conditions), CONDITIONS_AT(struct model_status),
	 .schema = "{\"type\":\"array\"}",
	 .help = "Ready, Synced, Healthy, Quality, and what is going on."},
	{.name = "cycle", .type = FIELD_RECORD, .flags = FIELD_REQUIRED, .record = &cycle_record,
	 .help = "How far the retraining cycle has come."},
	{.name = "evaluation", .type = FIELD_RECORD, AT(struct model_status, evaluation),
	 .record = &evaluation_record, .help = "Of a version from elsewhere, under way."},
	STATUS_LIST("proposed", proposed, proposal_record, "Versions and promotions, newest first."),
	STATUS_LIST("verdicts", verdicts, verdict_record_record, "The verdicts that admit."),
	{.name = "evidence", .type = FIELD_OPTIONAL, AT(struct model_status, decided),
	 .record = &gates_evidence_record, .help = "What the newest verdict was made from."},
	STATUS_LIST("ledger", ledger, ledger_record, "Uses of test rows."),
	STATUS_LIST("history", history, transition_record, "The last transitions, newest first."),
};
const struct record model_status_record =
	RECORD(struct model_status, model_status, "What was decided about a model.");

void model_status_encode(struct buf *out, const struct model_status *status)
{
	struct writer writer;

	write_begin(&writer, out, false);
	record_encode(&writer, &model_status_record, status);
}

int model_status_decode(const char *path, const char *text, size_t len, struct arena *arena,
                        struct model_status *out, struct err *err)
{
	return document_decode(path, text, len, LIMIT_STATUS_BYTES, &model_status_record, arena, out,
	                       err);
}
