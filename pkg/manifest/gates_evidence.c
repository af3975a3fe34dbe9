/* What a verdict of gates was made from: in the result of a run, and in the status. */
#include "manifest/manifest.h"
#include "manifest/status.h"

#define SERVED(key, kind, member, text) \
	{.name = key, .type = kind, IN(struct gates_evidence, serving, serving.member), .help = text}
static const struct field serving_fields[] = {
	SERVED("latencyP95", FIELD_NUMBER, latency_p95_ms, "Of single rows, in ms."),
	SERVED("startTime", FIELD_NUMBER, start_ms, "Until its server was ready, in ms."),
	SERVED("memory", FIELD_NUMBER, memory_bytes, "The most that its server took, in bytes."),
	SERVED("artifactSize", FIELD_NUMBER, artifact_bytes, "In bytes."),
	SERVED("scan", FIELD_STRING, scan, "Why the scan report could not be read."),
	{.name = "findings", .type = FIELD_INT, IN(struct gates_evidence, serving, serving.n_findings),
	 .max = -1, .fallback = "0", .help = "Findings of the declared severity or above."},
	SERVED("finding", FIELD_STRING, finding, "The first of them."),
};
static const struct record serving_record =
	SECTION(struct gates_evidence, serving, serving, serving, "What serving took, as measured.");

static const struct field evidence_fields[] = {
	{.name = "key", .type = FIELD_DIGEST, AT(struct gates_evidence, key),
	 .help = "Of the verdict."},
	{.name = "commit", .type = FIELD_STRING, AT(struct gates_evidence, commit),
	 .help = "The fleet commit that declares the gates."},
	{.name = "version", .type = FIELD_STRING, AT(struct gates_evidence, version),
	 .help = "What was judged; absent: what a run made."},
	{.name = "incumbent", .type = FIELD_STRING, AT(struct gates_evidence, incumbent),
	 .help = "The version that it was compared with; absent: none served."},
	{.name = "predictions", .type = FIELD_DIGEST, AT(struct gates_evidence, predictions),
	 .help = "What it answered, row by row; in the store."},
	{.name = "incumbentPredictions", .type = FIELD_DIGEST,
	 AT(struct gates_evidence, incumbent_predictions), .help = "What the other answered."},
	{.name = "incumbentTrainedTo", .type = FIELD_TIME, AT(struct gates_evidence, incumbent_to_ms),
	 .help = "Rows through this time trained the other: they are left out of the comparison."},
	{.name = "incumbentUnknown", .type = FIELD_BOOL,
	 AT(struct gates_evidence, incumbent_unknown),
	 .help = "What the other was trained on is not known."},
	{.name = "uses", .type = FIELD_INT, AT(struct gates_evidence, uses), .max = -1,
	 .help = "Final tests of these rows, this one included; 0: they are no test rows."},
	{.name = "serving", .type = FIELD_RECORD, AT(struct gates_evidence, serving),
	 .record = &serving_record, .help = "What serving took, as measured."},
	{.name = "entries", .type = FIELD_LIST, LIST_AT(struct gates_evidence, entries),
	 .record = &gate_entry_record, .help = "One line for each requirement and guard."},
};
const struct record gates_evidence_record = RECORD(
	struct gates_evidence, evidence, "What a verdict was made from, and each of its parts.");

void gates_evidence_encode(struct buf *out, const struct gates_evidence *evidence)
{
	struct writer writer;

	write_begin(&writer, out, false);
	record_encode(&writer, &gates_evidence_record, evidence);
}
