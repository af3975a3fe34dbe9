/* Records of what was done already, one small file a stage. */
#include <fcntl.h>
#include <string.h>

#include "run/internal.h"

#define RECORD(type, text) \
	{.name = #type, .size = sizeof(struct type##_stage), .fields = type##_fields, \
	 .n = ARRAY_LEN(type##_fields), .help = text}
#define HELD(key, kind, member) {.name = key, .type = kind, .offset = offsetof(STAGE, member)}

#define STAGE struct snapshot_stage
static const struct field snapshot_fields[] = {
	HELD("data", FIELD_DIGEST, data),
	HELD("bytes", FIELD_INT, bytes),
};
const struct record snapshot_record = RECORD(snapshot, "The data as the run took it.");
#undef STAGE

#define STAGE struct fold_stage
static const struct field fold_fields[] = {
	HELD("train", FIELD_DIGEST, train),
	HELD("validation", FIELD_DIGEST, validation),
	HELD("trainRows", FIELD_INT, n_train),
	HELD("validationRows", FIELD_INT, n_validation),
};
static const struct record fold_record = RECORD(fold, "What trains and what chooses.");
#undef STAGE

#define STAGE struct split_stage
static const struct field split_fields[] = {
	HELD("data", FIELD_DIGEST, data),
	{.name = "folds", .type = FIELD_LIST, .offset = offsetof(STAGE, folds),
	 .count_offset = offsetof(STAGE, n_folds), .record = &fold_record},
	HELD("held", FIELD_DIGEST, held),
	HELD("test", FIELD_DIGEST, test),
	HELD("dataRows", FIELD_INT, n_data),
	HELD("heldRows", FIELD_INT, n_held),
	HELD("testRows", FIELD_INT, n_test),
	HELD("header", FIELD_INT, header),
	HELD("from", FIELD_TIME, from_ms),
	HELD("to", FIELD_TIME, to_ms),
	HELD("trainedTo", FIELD_TIME, trained_to_ms),
	HELD("testFrom", FIELD_TIME, test_from_ms),
	HELD("testTo", FIELD_TIME, test_to_ms),
	HELD("found", FIELD_STRING, found),
};
const struct record split_record = RECORD(split, "How the rows were divided.");
#undef STAGE

static const struct field metric_fields[] = {
	{.name = "name", .type = FIELD_STRING, .offset = offsetof(struct named_number, name)},
	{.name = "value", .type = FIELD_NUMBER, .offset = offsetof(struct named_number, value)},
};
static const struct record metric_record = {
	.name = "metric", .size = sizeof(struct named_number), .fields = metric_fields,
	.n = ARRAY_LEN(metric_fields), .help = "One metric.",
};

#define STAGE struct fit_stage
static const struct field fit_fields[] = {
	HELD("candidate", FIELD_STRING, candidate),
	HELD("rows", FIELD_DIGEST, rows),
	HELD("artifact", FIELD_DIGEST, artifact),
	HELD("bytes", FIELD_INT, bytes),
	HELD("refused", FIELD_STRING, refused),
	{.name = "metrics", .type = FIELD_LIST, .offset = offsetof(STAGE, metrics),
	 .count_offset = offsetof(STAGE, n_metrics), .record = &metric_record},
	HELD("score", FIELD_NUMBER, score),
	HELD("standardError", FIELD_NUMBER, standard_error),
};
const struct record fit_record = RECORD(fit, "One candidate, trained and scored.");
#undef STAGE

static char *stage_path(struct run *run, const char *name)
{
	return run_path(run, "stages/%s.json", name);
}

int record_load(struct run *run, const char *path, const struct record *record, void *out)
{
	struct diagnostics diagnostics = {0};
	struct decoder decoder = {.arena = run->arena, .path = path, .diagnostics = &diagnostics};
	void *read = arena_alloc(run->arena, record->size);
	struct bytes text;
	struct node *root;
	struct err ignored;

	if (run_read(run, path, LIMIT_STATUS_BYTES, &text, &ignored) ||
	    json_parse(text.data, text.len, LIMIT_STATUS_BYTES, run->arena, &root, &ignored) ||
	    record_decode(&decoder, record, root, read))
		return 0;
	memcpy(out, read, record->size);
	return 1;
}

int record_save(const char *path, const struct record *record, const void *in, struct err *err)
{
	struct writer writer;
	struct buf text;
	int result;

	buf_init(&text, LIMIT_STATUS_BYTES);
	write_begin(&writer, &text, true);
	record_encode(&writer, record, in);
	result = buf_check(&text, path, err);
	if (!result)
		result = file_write(AT_FDCWD, path, buf_text(&text), text.len, 0600, err);
	buf_deinit(&text);
	return result;
}

int stage_load(struct run *run, const char *name, const struct record *record, void *out)
{
	return record_load(run, stage_path(run, name), record, out);
}

int stage_save(struct run *run, const char *name, const struct record *record, const void *in,
               struct err *err)
{
	return record_save(stage_path(run, name), record, in, err);
}

bool stage_file_is(const char *path, struct digest digest)
{
	struct digest found;
	struct err ignored;

	return !digest_file(AT_FDCWD, path, &found, NULL, &ignored) && digest_same(found, digest);
}
