/* controller.yaml of the status branch: who writes it, and up to where requests were acted on. */
#include "base/limits.h"
#include "manifest/manifest.h"
#include "manifest/status.h"

static const char *const controller_word[] = {"Controller"};
static const struct names controller_word_names = NAMES(controller_word);

static const struct field controller_fields[] = {
	DOCUMENT_HEAD(controller_word_names),
	{.name = "id", .type = FIELD_STRING, AT(struct controller_record, id),
	 .flags = FIELD_REQUIRED, .help = "Which controller writes this branch."},
	{.name = "epoch", .type = FIELD_INT, AT(struct controller_record, epoch), .max = -1,
	 .flags = FIELD_REQUIRED, .help = "Raised by each new controller; the highest one writes."},
	{.name = "accepted", .type = FIELD_STRING, AT(struct controller_record, accepted),
	 .help = "The newest fleet commit acted on."},
	{.name = "requests", .type = FIELD_STRING, AT(struct controller_record, requests),
	 .help = "The requests commit up to which each was acted on or refused."},
};
static const struct record controller_record_record =
	RECORD(struct controller_record, controller, "The writer of the status branch.");

void controller_encode(struct buf *out, const struct controller_record *record)
{
	struct writer writer;

	write_begin(&writer, out, false);
	record_encode(&writer, &controller_record_record, record);
}

int controller_decode(const char *text, size_t len, struct arena *arena,
                      struct controller_record *out, struct err *err)
{
	return document_decode("controller.yaml", text, len, LIMIT_STATUS_BYTES,
	                       &controller_record_record, arena, out, err);
}
