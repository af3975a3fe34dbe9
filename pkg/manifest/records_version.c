/* The field table of a ModelVersion: one immutable result, its lineage, a copy of its evidence. */
#include <string.h>

#include "manifest/records.h"

static const char *const kind_word[] = {"ModelVersion"};
static const struct names kind_word_names = NAMES(kind_word);

static const struct field cause_fields[] = {
	{.name = "kind", .type = FIELD_ENUM, IN(struct lineage, trigger, trigger),
	 .names = &trigger_kind_names, .help = "Which trigger fired."},
	{.name = "why", .type = FIELD_STRING, IN(struct lineage, trigger, why),
	 .help = "With which numbers."},
};
static const struct record cause_record =
	SECTION(struct lineage, trigger, why, cause, "What started the run.");

static const struct field origin_fields[] = {
	{.name = "tree", .type = FIELD_STRING, IN(struct lineage, source_tree, source_tree),
	 .help = "Git tree id of the training source."},
	{.name = "commit", .type = FIELD_STRING, IN(struct lineage, source_tree, source_commit),
	 .help = "Fleet commit that it was taken from."},
};
static const struct record origin_record =
	SECTION(struct lineage, source_tree, source_commit, origin, "The code that trained it.");

static const struct field rows_fields[] = {
	{.name = "digest", .type = FIELD_DIGEST, IN(struct lineage, data, data),
	 .help = "SHA-256 of the snapshot."},
	{.name = "rows", .type = FIELD_INT, IN(struct lineage, data, data_rows), .min = -1,
	 .max = BYTES_MAX, .fallback = "-1", .help = "Rows of the snapshot; -1 when unknown."},
	{.name = "from", .type = FIELD_TIME, IN(struct lineage, data, data_from_ms),
	 .help = "Time of the oldest row."},
	{.name = "to", .type = FIELD_TIME, IN(struct lineage, data, data_to_ms),
	 .help = "Time of the newest row."},
	{.name = "trainedTo", .type = FIELD_TIME, IN(struct lineage, data, trained_to_ms),
	 .help = "Time of the newest row that it was trained on, where rows are divided by time."},
};
static const struct record rows_record =
	SECTION(struct lineage, data, trained_to_ms, rows, "The data snapshot of the run.");

#define PART_ROWS(key, member, text) \
	{.name = key, .type = FIELD_INT, IN(struct lineage, train_rows, member), .min = -1, \
	 .max = BYTES_MAX, .fallback = "-1", .help = text}
static const struct field parts_fields[] = {
	PART_ROWS("train", train_rows, "Rows trained on."),
	PART_ROWS("validation", validation_rows, "Rows chosen on."),
	PART_ROWS("test", test_rows, "Rows of the final test."),
};
static const struct record parts_record =
	SECTION(struct lineage, train_rows, test_rows, parts, "How the rows were divided.");

static const struct field score_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct candidate_score, name),
	 .flags = FIELD_REQUIRED, .help = "Name of the candidate."},
	{.name = "score", .type = FIELD_AMOUNT, AT(struct candidate_score, score),
	 .help = "The selecting metric on the validation rows."},
	{.name = "standardError", .type = FIELD_AMOUNT, AT(struct candidate_score, standard_error),
	 .help = "Its standard error."},
};
static const struct record score_record =
	RECORD(struct candidate_score, score, "One candidate as it was chosen from.");

static const struct field lineage_fields[] = {
	{.name = "trigger", .type = FIELD_RECORD, AT(struct lineage, trigger),
	 .record = &cause_record, .help = "What started the run."},
	{.name = "source", .type = FIELD_RECORD, AT(struct lineage, source_tree),
	 .record = &origin_record, .help = "The code that trained it."},
	{.name = "data", .type = FIELD_RECORD, AT(struct lineage, data), .record = &rows_record,
	 .help = "The data snapshot of the run."},
	{.name = "split", .type = FIELD_RECORD, AT(struct lineage, train_rows),
	 .record = &parts_record, .help = "How the rows were divided."},
	{.name = "params", .type = FIELD_PAIRS, AT(struct lineage, params),
	 .help = "Parameters of the chosen candidate."},
	{.name = "candidate", .type = FIELD_STRING, AT(struct lineage, candidate),
	 .help = "The chosen candidate."},
	{.name = "candidates", .type = FIELD_LIST, LIST_AT(struct lineage, candidates),
	 .record = &score_record, .help = "All candidates with their validation scores."},
	{.name = "parent", .type = FIELD_STRING, AT(struct lineage, parent),
	 .help = "The version that served when it was trained."},
	{.name = "run", .type = FIELD_STRING, AT(struct lineage, run), .help = "Id of the run."},
	{.name = "startedAt", .type = FIELD_TIME, AT(struct lineage, started_ms),
	 .help = "When the run began."},
	{.name = "finishedAt", .type = FIELD_TIME, AT(struct lineage, finished_ms),
	 .help = "When the run ended."},
};
static const struct record lineage_record =
	RECORD(struct lineage, lineage, "Where the version comes from.");

static const struct field metrics_fields[] = {
	{.name = "validation", CUSTOM(amounts), .schema = AMOUNTS_SCHEMA,
	 LIST_IN(struct model_version, metrics_validation, metrics_validation),
	 .help = "Metrics on the validation rows."},
	{.name = "test", CUSTOM(amounts), .schema = AMOUNTS_SCHEMA,
	 LIST_IN(struct model_version, metrics_validation, metrics_test),
	 .help = "Metrics on the test rows."},
	{.name = "slices", CUSTOM(amounts), .schema = AMOUNTS_SCHEMA,
	 LIST_IN(struct model_version, metrics_validation, metrics_slices),
	 .help = "The first required metric of each slice, such as team=core: 88%."},
};
static const struct record metrics_record =
	SECTION(struct model_version, metrics_validation, n_metrics_slices, metrics,
	        "A copy for reviewers.");

static int decode_interval(struct decoder *decoder, const struct field *field,
                           const struct node *node, void *out);
static void encode_interval(struct writer *writer, const struct field *field, const void *in);

static const struct field entry_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct gate_entry, name), .flags = FIELD_REQUIRED,
	 .help = "What was required."},
	{.name = "verdict", .type = FIELD_STRING, AT(struct gate_entry, verdict),
	 .help = "PASS, FAIL, INCONCLUSIVE or NOT_APPLICABLE."},
	{.name = "value", .type = FIELD_AMOUNT, AT(struct gate_entry, value), .help = "As measured."},
	{.name = "interval", CUSTOM(interval), AT(struct gate_entry, low), .fallback = "none",
	 .schema = "{\"anyOf\":[{\"const\":\"none\"},{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,"
	           "\"items\":" AMOUNT_SCHEMA "}]}",
	 .help = "Its confidence interval, [low, high]; absent: none."},
	{.name = "needed", .type = FIELD_AMOUNT, AT(struct gate_entry, needed),
	 .help = "The bound that was required."},
	{.name = "why", .type = FIELD_STRING, AT(struct gate_entry, why), .help = "One sentence."},
};
const struct record gate_entry_record =
	RECORD(struct gate_entry, entry, "One line of the verdict.");

static const struct field verdict_fields[] = {
	{.name = "verdict", .type = FIELD_STRING, IN(struct model_version, verdict, verdict),
	 .help = "PASS, FAIL or INCONCLUSIVE."},
	{.name = "digest", .type = FIELD_DIGEST, IN(struct model_version, verdict, gate),
	 .help = "Digest of the gate that it answers."},
	{.name = "entries", .type = FIELD_LIST, LIST_IN(struct model_version, verdict, entries),
	 .record = &gate_entry_record, .help = "One line for each requirement and guard."},
};
static const struct record verdict_record =
	SECTION(struct model_version, verdict, n_entries, verdict,
	        "A copy of the verdict for reviewers; it admits nothing.");

static const struct field profile_fields[] = {
	{.name = "digest", .type = FIELD_DIGEST, IN(struct model_version, profile, profile),
	 .flags = FIELD_REQUIRED, .help = "SHA-256 of the profile."},
};
static const struct record profile_record = SECTION(
	struct model_version, profile, profile, profile,
	"Reference distributions of inputs and scores.");

static const struct field golden_fields[] = {
	{.name = "digest", .type = FIELD_DIGEST, IN(struct model_version, golden, golden),
	 .flags = FIELD_REQUIRED, .help = "SHA-256 of the golden batch."},
	{.name = "rows", .type = FIELD_INT, IN(struct model_version, golden, golden_rows),
	 .max = COUNT_MAX, .fallback = "0", .help = "Rows of the golden batch."},
};
static const struct record golden_record =
	SECTION(struct model_version, golden, golden_rows, golden,
	        "Rows and the predictions made at training time.");

static const struct field version_spec_fields[] = {
	{.name = "model", .type = FIELD_NAME, IN(struct model_version, model, model),
	 .flags = FIELD_REQUIRED, .help = "The Model that it is a version of."},
	{.name = "version", .type = FIELD_NAME, IN(struct model_version, model, version),
	 .flags = FIELD_REQUIRED, .help = "Its version, such as v3; the object's name ends in it."},
	{.name = "artifact", .type = FIELD_RECORD, IN(struct model_version, model, artifact),
	 .flags = FIELD_REQUIRED, .record = &artifact_record, .help = "The bytes of the model."},
	{.name = "serve", .type = FIELD_RECORD, IN(struct model_version, model, serve),
	 .flags = FIELD_REQUIRED, .record = &version_serve_record, .help = "How it is served, pinned."},
	{.name = "lineage", .type = FIELD_OPTIONAL, IN(struct model_version, model, lineage),
	 .record = &lineage_record, .help = "Where it comes from; absent when made by hand."},
	{.name = "metrics", .type = FIELD_RECORD, IN(struct model_version, model, metrics_validation),
	 .record = &metrics_record, .help = "A copy for reviewers."},
	{.name = "gates", .type = FIELD_RECORD, IN(struct model_version, model, verdict),
	 .record = &verdict_record, .help = "A copy of the verdict for reviewers; it admits nothing."},
	{.name = "profile", .type = FIELD_RECORD, IN(struct model_version, model, profile),
	 .record = &profile_record, .help = "Reference distributions of inputs and scores."},
	{.name = "golden", .type = FIELD_RECORD, IN(struct model_version, model, golden),
	 .record = &golden_record, .help = "Rows with predictions; parity is checked before traffic."},
};
static const struct record version_spec_record =
	SECTION(struct model_version, model, golden_rows, version_spec, "What a ModelVersion records.");

static const struct field version_fields[] = {
	DOCUMENT_HEAD(kind_word_names),
	{.name = "metadata", .type = FIELD_RECORD, AT(struct model_version, meta),
	 .flags = FIELD_REQUIRED, .record = &plain_meta_record, .help = "<model>-<version>."},
	{.name = "spec", .type = FIELD_RECORD, AT(struct model_version, model),
	 .flags = FIELD_REQUIRED, .record = &version_spec_record, .help = "What is recorded of it."},
};
const struct record version_record =
	RECORD(struct model_version, version, "One immutable result, its lineage and evidence.");

/* [low, high], or the word `none`. */
static int decode_interval(struct decoder *decoder, const struct field *field,
                           const struct node *node, void *out)
{
	static const struct field ends_fields[] = {
		{.name = "low", .type = FIELD_AMOUNT, IN(struct gate_entry, low, low)},
		{.name = "high", .type = FIELD_AMOUNT, IN(struct gate_entry, low, high)},
	};
	static const struct record ends = SECTION(struct gate_entry, low, high, ends, NULL);
	struct node low, high, map = {.type = NODE_MAP, .first = &low, .n = 2};
	double *pair = out;

	(void)field;
	if (node->type == NODE_SCALAR && strcmp(node->text, "none") == 0) {
		pair[0] = pair[1] = NAN;
		return 0;
	}
	if (node->type != NODE_LIST || node->n != 2)
		return complain(decoder, node, "expected [low, high]");
	low = *node->first;
	high = *node->first->next;
	low.key = "low";
	high.key = "high";
	low.next = &high;
	return record_decode(decoder, &ends, &map, out);
}

static void encode_interval(struct writer *writer, const struct field *field, const void *in)
{
	const double *pair = in;

	(void)field;
	if (!is_set(pair[0]) || !is_set(pair[1])) {
		write_string(writer, "none");
		return;
	}
	write_list(writer);
	write_number(writer, pair[0]);
	write_number(writer, pair[1]);
	write_list_end(writer);
}

int version_finish(struct decoder *decoder, const struct node *spec, struct model_version *version)
{
	const char *name = version->meta.name;
	size_t model_len = strlen(version->model);

	if (strncmp(name, version->model, model_len) == 0 && name[model_len] == '-' &&
	    strcmp(name + model_len + 1, version->version) == 0)
		return 0;
	return complain(decoder, node_get(spec, "version"), "'%s' of '%s' does not fit the object's"
	                " name '%s'; call it '%s-%s'", version->version, version->model, name,
	                version->model, version->version);
}
