/* Evidence of a rollout as JSON: sufficient statistics that outlive a restart of the controller. */
#include "manifest/status.h"

#include <string.h>

#include "base/limits.h"
#include "manifest/manifest.h"

/* As many numbers as the field's `max` says, on one line, exact to the last bit. */
static int decode_numbers(struct decoder *decoder, const struct field *field,
                          const struct node *node, void *out)
{
	double *numbers = out;
	struct err err = {0};
	size_t n = 0;

	if (!expect_scalar(decoder, node))
		return -1;
	for (const char *text = node->text; *text; text += strspn(text, " "), n++) {
		size_t len = strcspn(text, " ");
		char number[32] = "";

		if (len >= sizeof(number) || n == (size_t)field->max)
			break;
		memcpy(number, text, len);
		if (parse_exact(number, &numbers[n], &err) < 0)
			return complain(decoder, node, "%s", err.text);
		text += len;
	}
	return n == (size_t)field->max ? 0
	                               : complain(decoder, node, "write %d numbers", (int)field->max);
}

static void encode_numbers(struct writer *writer, const struct field *field, const void *in)
{
	const double *numbers = in;
	struct buf text;

	buf_init(&text, 4096);
	for (size_t i = 0; i < (size_t)field->max; i++) {
		buf_puts(&text, i ? " " : "");
		buf_exact(&text, numbers[i]);
	}
	write_string(writer, buf_text(&text));
	buf_deinit(&text);
}

/* Arrays of doubles, and structs and arrays of nothing else. */
#define NUMBERS(key, type, member, text) \
	{.name = key, CUSTOM(numbers), AT(type, member), \
	 .max = sizeof(((type *)0)->member) / (sizeof(double)), .schema = "{\"type\":\"string\"}", \
	 .help = text}
_Static_assert(sizeof(struct spread) == 4 * sizeof(double), "is written as numbers");

static const struct field mark_fields[] = {
	{.name = "revision", .type = FIELD_DIGEST, AT(struct mark, revision), .help = "The revision."},
	{.name = "slot", CUSTOM(int), AT(struct mark, slot), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "The replica's slot."},
	{.name = "started", .type = FIELD_TIME, AT(struct mark, started_ms),
	 .help = "When the replica started."},
	{.name = "last", .type = FIELD_RECORD, AT(struct mark, last), .record = &arm_record,
	 .help = "Its counters as they were folded last."},
	NUMBERS("openRequests", struct mark, open_n, "Requests since the window began."),
	NUMBERS("openEvents", struct mark, open_x, "Events of each kind since the window began."),
	NUMBERS("spread", struct mark, spread,
	        "Per kind of event: windows, and the sums of n, x and x^2/n over them."),
};
static const struct record mark_record =
	RECORD(struct mark, mark, "Where the counters of one replica stood.");

static const struct field watched_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct watched, name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "The metric."},
	{.name = "asked", .type = FIELD_TIME, AT(struct watched, asked_ms), .help = "Last asked."},
	{.name = "seen", .type = FIELD_TIME, AT(struct watched, seen_ms), .help = "Last answered."},
	{.name = "value", .type = FIELD_NUMBER, AT(struct watched, value),
	 .help = "The last answer."},
	{.name = "above", .type = FIELD_INT, AT(struct watched, above), .max = -1, .fallback = "0",
	 .help = "Answers in a row above the metric's max."},
};
static const struct record watched_record =
	RECORD(struct watched, watched, "A metric from elsewhere.");

#define ROWS(key, member, text) \
	{.name = key, .type = FIELD_INT, AT(struct predicted, member), .max = -1, .fallback = "0", \
	 .help = text}
static const struct field predicted_fields[] = {
	{.name = "label", .type = FIELD_STRING, AT(struct predicted, label), .fallback = "",
	 .help = "A class of the model, or one of the numbers that its numbers are counted by; absent:"
	         " any other answer."},
	ROWS("candidate", candidate, "The candidate's predictions of it since the rollout began."),
	ROWS("stable", stable, "The stable revision's since the rollout began."),
	ROWS("candidateAtStep", candidate_at_step, "The candidate's since the step began."),
	ROWS("stableAtStep", stable_at_step, "The stable revision's since the step began."),
	ROWS("lastCandidate", last_candidate, "The candidate's count at the last fold."),
	ROWS("lastStable", last_stable, "The stable revision's count at the last fold."),
	NUMBERS("squares", struct predicted, squares,
	        "Of the stable revision: sum over ticks of x^2/n."),
};
static const struct record predicted_record =
	RECORD(struct predicted, predicted, "Predictions of one label by both arms.");

#define ARM(key, member, text) \
	{.name = key, .type = FIELD_RECORD, AT(struct evidence, member), .record = &arm_record, \
	 .help = text}
static const struct field evidence_fields[] = {
	{.name = "revision", .type = FIELD_DIGEST, AT(struct evidence, revision),
	 .help = "The candidate."},
	{.name = "against", .type = FIELD_DIGEST, AT(struct evidence, stable),
	 .help = "What it is compared with."},
	{.name = "step", CUSTOM(int), AT(struct evidence, step), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "The step of the last fold, from 0."},
	{.name = "since", .type = FIELD_TIME, AT(struct evidence, since_ms),
	 .help = "Since when this rollout is watched."},
	{.name = "stepSince", .type = FIELD_TIME, AT(struct evidence, step_since_ms),
	 .help = "Since when this step is."},
	{.name = "lastData", .type = FIELD_TIME, AT(struct evidence, last_data_ms),
	 .help = "When both arms last had requests."},
	{.name = "judged", .type = FIELD_TIME, AT(struct evidence, judged_ms),
	 .help = "When a decision was made from it."},
	ARM("candidate", candidate, "The candidate since the rollout began."),
	ARM("stable", stable_arm, "The stable revision since the rollout began."),
	ARM("candidateAtStep", at_step, "The candidate since the step began."),
	ARM("stableAtStep", stable_at_step, "The stable revision since the step began."),
	NUMBERS("harm", struct evidence, harm,
	        "Per kind of event (bad; slower as a whole; slower than each edge but the first): "
	        "log-likelihood ratio of each alternative above the margin."),
	NUMBERS("belowRatio", struct evidence, below_ratio,
	        "Log-likelihood ratio of each alternative below maxErrorRatio, since the step began."),
	NUMBERS("belowLevel", struct evidence, below_level,
	        "Log-likelihood ratio of each alternative below errors.max, since the step began."),
	ARM("recent", recent, "The stable revision's last hour or two."),
	{.name = "recentSince", .type = FIELD_TIME, AT(struct evidence, recent_since_ms),
	 .help = "When `recent` was last halved."},
	{.name = "windowSince", .type = FIELD_TIME, AT(struct evidence, window_since_ms),
	 .help = "Since when the open window counts."},
	NUMBERS("edges", struct evidence, edges,
	        "Bins from which on an answer is slow; 0: not known yet."),
	NUMBERS("phi", struct evidence, phi,
	        "Per kind of event: over-dispersion as estimated last; 0: not known yet."),
	{.name = "predictions", .type = FIELD_LIST, LIST_AT(struct evidence, predicted),
	 .record = &predicted_record, .help = "Predicted labels since the rollout began."},
	{.name = "predictedNumbers", .type = FIELD_BOOL, AT(struct evidence, predicted_numbers),
	 .fallback = "false", .help = "The labels are those of a range of numbers."},
	NUMBERS("predictionTicks", struct evidence, predicted_ticks,
	        "Ticks with predictions of both arms."),
	{.name = "lastPredictions", .type = FIELD_TIME, AT(struct evidence, predicted_ms),
	 .help = "The last such."},
	{.name = "metrics", .type = FIELD_LIST, LIST_AT(struct evidence, watched),
	 .record = &watched_record, .help = "Metrics from elsewhere about the candidate."},
	{.name = "marks", .type = FIELD_LIST, LIST_AT(struct evidence, marks), .record = &mark_record,
	 .help = "Where the counters of each replica stood."},
};
const struct record evidence_record =
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
