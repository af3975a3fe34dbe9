/* Evidence of a rollout as JSON: sufficient statistics that outlive a restart of the controller. */
#include "manifest/status.h"

#include <float.h>

#include "base/limits.h"
#include "manifest/manifest.h"

#define MARK_TYPE typeof(*((struct evidence *)0)->marks)

static const struct field mark_fields[] = {
	{.name = "revision", .type = FIELD_DIGEST, AT(MARK_TYPE, revision), .help = "The revision."},
	{.name = "slot", CUSTOM(int), AT(MARK_TYPE, slot), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "The replica's slot."},
	{.name = "started", .type = FIELD_TIME, AT(MARK_TYPE, started_ms),
	 .help = "When the replica started."},
	{.name = "last", .type = FIELD_RECORD, AT(MARK_TYPE, last), .record = &arm_record,
	 .help = "Its counters as they were folded last."},
	{.name = "seen", .type = FIELD_INT, AT(MARK_TYPE, seen), .max = -1,
	 .help = "Requests since its start."},
};
static const struct record mark_record =
	RECORD(MARK_TYPE, mark, "Where the counters of one replica stood.");

/* The running log-likelihoods of the harm test, exact to the last bit. */
static int decode_harm(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *out)
{
	double *harm = out;
	struct err err = {0};

	(void)field;
	if (!expect_list(decoder, node))
		return -1;
	if (node->n != HARM_RATIOS)
		return complain(decoder, node, "write %d numbers", HARM_RATIOS);
	for (const struct node *item = node->first; item; item = item->next, harm++) {
		if (!expect_scalar(decoder, item))
			return -1;
		if (parse_number(item->text, -DBL_MAX, DBL_MAX, harm, &err) < 0)
			return complain(decoder, item, "%s", err.text);
	}
	return 0;
}

static void encode_harm(struct writer *writer, const struct field *field, const void *in)
{
	const double *harm = in;

	(void)field;
	write_list(writer);
	for (size_t i = 0; i < HARM_RATIOS; i++)
		write_number(writer, harm[i]);
	write_list_end(writer);
}

#define ARM(key, member, text) \
	{.name = key, .type = FIELD_RECORD, AT(struct evidence, member), .record = &arm_record, \
	 .help = text}
static const struct field evidence_fields[] = {
	{.name = "revision", .type = FIELD_DIGEST, AT(struct evidence, revision),
	 .help = "The candidate."},
	{.name = "against", .type = FIELD_DIGEST, AT(struct evidence, stable),
	 .help = "What it is compared with."},
	{.name = "step", CUSTOM(int), AT(struct evidence, step), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "The step of the last fold."},
	{.name = "since", .type = FIELD_TIME, AT(struct evidence, since_ms),
	 .help = "Since when this rollout is watched."},
	{.name = "stepSince", .type = FIELD_TIME, AT(struct evidence, step_since_ms),
	 .help = "Since when this step is."},
	{.name = "lastData", .type = FIELD_TIME, AT(struct evidence, last_data_ms),
	 .help = "When both arms last had requests."},
	{.name = "harm", CUSTOM(harm), AT(struct evidence, harm), .schema = "{\"type\":\"array\"}",
	 .help = "Log-likelihood of each alternative of the harm test."},
	ARM("candidate", candidate, "The candidate since the rollout began."),
	ARM("stable", stable_arm, "The stable revision since the rollout began."),
	ARM("candidateAtStep", at_step, "The candidate since the step began."),
	ARM("stableAtStep", stable_at_step, "The stable revision since the step began."),
	{.name = "marks", .type = FIELD_LIST, LIST_AT(struct evidence, marks), .record = &mark_record,
	 .help = "Where the counters of each replica stood."},
};
static const struct record evidence_record =
	RECORD(struct evidence, evidence, "What one rollout has shown so far.");

void evidence_encode(struct buf *out, const struct evidence *evidence)
{
	struct writer writer;

	write_begin(&writer, out, true);
	record_encode(&writer, &evidence_record, evidence);
}

int evidence_decode(const char *text, size_t len, struct arena *arena, struct evidence *out,
                    struct err *err)
{
	return json_decode("evidence", text, len, LIMIT_STATUS_BYTES, &evidence_record, arena, out,
	                   err);
}
