/* What the two status documents share: conditions, proposals, transitions, sparse histograms. */
#include "manifest/status.h"

#include <stdio.h>

static const char *const status_word[] = {"ModelStatus"};
const struct names status_word_names = NAMES(status_word);

struct observed_pair {
	const char *commit, *manifest;
};
static const struct field observed_fields[] = {
	{.name = "commit", .type = FIELD_STRING, AT(struct observed_pair, commit),
	 .help = "The fleet commit that was acted on."},
	{.name = "manifest", .type = FIELD_STRING, AT(struct observed_pair, manifest),
	 .help = "The blob that declares it."},
};
const struct record observed_record =
	RECORD(struct observed_pair, observed, "What of Git was acted on.");

static const struct field proposal_fields[] = {
	{.name = "target", .type = FIELD_STRING, AT(struct proposal, target),
	 .help = "The deployment of a revert or promotion; absent: a new version."},
	{.name = "version", .type = FIELD_STRING, AT(struct proposal, version),
	 .help = "The version proposed."},
	{.name = "digest", .type = FIELD_DIGEST, AT(struct proposal, digest),
	 .help = "Of what it says: the same is never proposed twice."},
	{.name = "terms", .type = FIELD_DIGEST, AT(struct proposal, terms),
	 .help = "Of a version: of the interface, metric, gates and training source it has."},
	{.name = "branch", .type = FIELD_STRING, AT(struct proposal, branch),
	 .help = "Where it waits; absent: on the fleet branch itself."},
	{.name = "tag", .type = FIELD_STRING, AT(struct proposal, tag),
	 .help = "The tag that it is, on the commit; absent: a commit."},
	{.name = "commit", .type = FIELD_STRING, AT(struct proposal, commit), .help = "The commit."},
	{.name = "at", .type = FIELD_TIME, AT(struct proposal, at_ms), .help = "When."},
	{.name = "outcome", .type = FIELD_ENUM, AT(struct proposal, outcome),
	 .names = &proposal_state_names, .fallback = "none", .help = "What became of it."},
	{.name = "why", .type = FIELD_STRING, AT(struct proposal, why), .help = "One sentence."},
};
const struct record proposal_record =
	RECORD(struct proposal, proposal, "A commit or a tag of Linnet's own.");

static const struct field transition_fields[] = {
	{.name = "at", .type = FIELD_TIME, AT(struct transition, at_ms), .help = "When."},
	{.name = "what", .type = FIELD_STRING, AT(struct transition, what), .help = "What changed."},
	{.name = "why", .type = FIELD_STRING, AT(struct transition, why), .help = "Why."},
};
const struct record transition_record =
	RECORD(struct transition, transition, "One change of phase.");

/* ---- conditions ---- */

static const struct field condition_fields[] = {
	{.name = "type", .type = FIELD_ENUM, AT(struct condition, type), .flags = FIELD_REQUIRED,
	 .names = &condition_type_names, .help = "Which condition."},
	{.name = "status", .type = FIELD_ENUM, AT(struct condition, status), .flags = FIELD_REQUIRED,
	 .names = &truth_names, .help = "Whether it holds."},
	{.name = "reason", .type = FIELD_STRING, AT(struct condition, reason),
	 .help = "Why, as one word."},
	{.name = "message", .type = FIELD_STRING, AT(struct condition, message),
	 .help = "Why, as a sentence."},
	{.name = "lastTransitionTime", .type = FIELD_TIME, AT(struct condition, since_ms),
	 .help = "When status or reason last changed."},
};
static const struct record condition_record =
	RECORD(struct condition, condition, "One condition of the object.");

int decode_conditions(struct decoder *decoder, const struct field *field, const struct node *node,
                      void *out)
{
	struct condition *conditions = out;
	bool *has = (bool *)(void *)count_of(field, out);

	if (!expect_list(decoder, node))
		return -1;
	for (const struct node *item = node->first; item; item = item->next) {
		struct condition condition = {0};

		if (record_decode(decoder, &condition_record, item, &condition) < 0)
			return -1;
		conditions[condition.type] = condition;
		has[condition.type] = true;
	}
	return 0;
}

void encode_conditions(struct writer *writer, const struct field *field, const void *in)
{
	const struct condition *conditions = in;
	const bool *has = (const bool *)(const void *)const_count_of(field, in);

	write_list(writer);
	for (int type = 0; type < CONDITION_TYPES; type++) {
		if (has[type])
			record_encode(writer, &condition_record, &conditions[type]);
	}
	write_list_end(writer);
}

/* ---- counts and histograms ---- */

_Static_assert(sizeof(uint64_t) == sizeof(int64_t), "counts are read as FIELD_INT, up to 2^63 - 1");
_Static_assert(sizeof(struct arm) == sizeof(struct counters) &&
               offsetof(struct arm, requests) == offsetof(struct counters, requests) &&
               offsetof(struct arm, bad) == offsetof(struct counters, bad) &&
               offsetof(struct arm, latency) == offsetof(struct counters, latency),
               "arm_record fits both");

/* A map of the bins that are not empty. */
static int decode_bins(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *out)
{
	uint64_t *bins = out;
	struct err err = {0};
	int64_t bin, count;

	(void)field;
	if (!expect_map(decoder, node))
		return -1;
	for (const struct node *item = node->first; item; item = item->next) {
		if (parse_int(item->key, 0, LATENCY_BINS - 1, &bin, &err) < 0)
			return complain_key(decoder, item, "%s", err.text);
		if (!expect_scalar(decoder, item))
			return -1;
		if (parse_int(item->text, 0, INT64_MAX, &count, &err) < 0)
			return complain(decoder, item, "%s", err.text);
		bins[bin] = (uint64_t)count;
	}
	return 0;
}

static void encode_bins(struct writer *writer, const struct field *field, const void *in)
{
	const uint64_t *bins = in;
	char key[INT_TEXT];

	(void)field;
	write_map(writer);
	for (int bin = 0; bin < LATENCY_BINS; bin++) {
		if (bins[bin] == 0)
			continue;
		format_int(bin, key);
		write_key(writer, key);
		write_int(writer, (int64_t)bins[bin]);
	}
	write_map_end(writer);
}

static const struct field arm_fields[] = {
	{.name = "requests", .type = FIELD_INT, AT(struct arm, requests), .max = -1,
	 .help = "Requests."},
	{.name = "bad", .type = FIELD_INT, AT(struct arm, bad), .max = -1, .help = "Failed ones."},
	{.name = "latency", CUSTOM(bins), AT(struct arm, latency),
	 .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}",
	 .help = "Requests in each bin of the histogram; the edges are 1/16 ms * 2^(i/8)."},
};
const struct record arm_record = RECORD(struct arm, arm, "What one arm has shown.");

/* ---- documents ---- */

int diagnostics_err(const struct diagnostics *diagnostics, struct err *err)
{
	struct buf text;

	buf_init(&text, 4096);
	if (diagnostics->n > 0)
		diagnostic_text(&diagnostics->items[0], &text);
	err_set(err, ERR_STALLED, diagnostics->n > 1 ? "%s (and %zu more)" : "%s", buf_text(&text),
	        diagnostics->n - 1);
	buf_deinit(&text);
	return -1;
}

int document_parse(const char *path, const char *text, size_t len, size_t bytes_max,
                   struct arena *arena, const struct node **out, struct err *err)
{
	struct place place = {0};
	struct node **nodes;
	size_t n;

	if (yaml_parse(text, len, bytes_max, arena, &nodes, &n, &place, err) < 0)
		return err_wrap(err, "%s:%d:%d", path, place.line, place.column);
	if (n != 1 || nodes[0]->type != NODE_MAP)
		return err_set(err, ERR_STALLED, "%s: expected one document, a map", path);
	*out = nodes[0];
	return 0;
}

int document_decode(const char *path, const char *text, size_t len, size_t bytes_max,
                    const struct record *record, struct arena *arena, void *out, struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct decoder decoder = {.arena = arena, .path = path, .diagnostics = &diagnostics};
	const struct node *node;

	if (document_parse(path, text, len, bytes_max, arena, &node, err) < 0)
		return -1;
	if (record_decode(&decoder, record, node, out) < 0)
		return diagnostics_err(&diagnostics, err);
	return 0;
}

int json_decode(const char *path, const char *text, size_t len, size_t bytes_max,
                const struct record *record, struct arena *arena, void *out, struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct decoder decoder = {.arena = arena, .path = path, .diagnostics = &diagnostics};
	struct node *node;

	if (json_parse(text, len, bytes_max, arena, &node, err) < 0)
		return err_wrap(err, "%s", path);
	if (record_decode(&decoder, record, node, out) < 0)
		return diagnostics_err(&diagnostics, err);
	return 0;
}
