/* ModelStatus of a deployment: what was decided, as a document that people read too. */
#include "manifest/status.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "manifest/manifest.h"

/* The only one whose name begins with these ten digits, or NULL. */
static const struct revision *find_short(const struct revisions *revisions, const char *digits)
{
	const struct revision *found = NULL;

	for (size_t i = 0; i < revisions->n; i++) {
		if (strncmp(revisions->items[i].digest.hex, digits, REVISION_SHORT) != 0)
			continue;
		if (found)
			return NULL;
		found = &revisions->items[i];
	}
	return found;
}

static void encode_ref(struct writer *writer, const struct field *field, const void *in)
{
	const struct digest *digest = in;
	const struct revision *found = find_short(writer->context, digest->hex);
	char digits[REVISION_SHORT + 1], whole[sizeof(digest->hex) + 7];

	(void)field;
	revision_short(*digest, digits);
	snprintf(whole, sizeof(whole), "sha256:%s", digest->hex);
	write_string(writer, !digest->hex[0] ? ""
	                     : found && digest_same(found->digest, *digest) ? digits : whole);
}

static int decode_ref(struct decoder *decoder, const struct field *field, const struct node *node,
                      void *out)
{
	const struct revision *found;
	struct digest *digest = out;
	struct err err = {0};

	(void)field;
	if (!expect_scalar(decoder, node))
		return -1;
	if (!node->text[0])
		return 0;
	if (strlen(node->text) != REVISION_SHORT)
		return digest_parse(node->text, digest, &err) < 0 ? complain(decoder, node, "%s", err.text)
		                                                  : 0;
	found = find_short(decoder->context, node->text);
	if (!found)
		return complain(decoder, node, "'%s' is no one of `revisions`", node->text);
	*digest = found->digest;
	return 0;
}

/* The version of a revision, shown beside it for people; `revisions` has the one that counts. */
static void encode_version(struct writer *writer, const struct field *field, const void *in)
{
	const struct revisions *revisions = writer->context;
	const struct digest *digest = in;
	const char *version = NULL;

	(void)field;
	for (size_t i = 0; i < revisions->n; i++) {
		if (digest_same(revisions->items[i].digest, *digest))
			version = revisions->items[i].version;
	}
	write_string(writer, version ? version : "");
}

static int decode_version(struct decoder *decoder, const struct field *field,
                          const struct node *node, void *out)
{
	(void)field;
	(void)out;
	return expect_scalar(decoder, node) ? 0 : -1;
}

/* ---- revisions ---- */

static const struct field revision_fields[] = {
	{.name = "digest", .type = FIELD_DIGEST, AT(struct revision, digest), .flags = FIELD_REQUIRED,
	 .help = "The revision's name: the digest of all that makes a replica."},
	{.name = "model", .type = FIELD_STRING, AT(struct revision, model), .help = "The Model."},
	{.name = "version", .type = FIELD_STRING, AT(struct revision, version),
	 .help = "Its version."},
	{.name = "commit", .type = FIELD_STRING, AT(struct revision, commit),
	 .help = "The fleet commit that named it first."},
	{.name = "artifact", .type = FIELD_RECORD, AT(struct revision, artifact),
	 .record = &kept_artifact_record, .help = "The bytes of the model."},
	{.name = "serve", .type = FIELD_RECORD, AT(struct revision, serve),
	 .record = &version_serve_record, .help = "How it is served."},
	{.name = "env", .type = FIELD_LIST, LIST_AT(struct revision, env), .record = &env_record,
	 .help = "Environment variables of the model server."},
	{.name = "resources", .type = FIELD_RECORD, AT(struct revision, cpu_millis),
	 .record = &resources_record, .help = "Limits of one replica."},
};
static const struct record revision_record =
	RECORD(struct revision, revision, "All that makes a replica.");

/* ---- the parts of the document ---- */

static const struct field metadata_fields[] = {
	{.name = "name", .type = FIELD_NAME, AT(struct deployment_status, name),
	 .flags = FIELD_REQUIRED, .help = "The deployment."},
	{.name = "namespace", .type = FIELD_NAME, AT(struct deployment_status, environment),
	 .flags = FIELD_REQUIRED, .help = "Its Environment."},
};
static const struct record metadata_record =
	RECORD(struct deployment_status, metadata, "Whose status this is.");

#define ARM_FIELDS(which, digest, weight) \
	{.name = "revision", CUSTOM(ref), AT(struct deployment_status, digest), .fallback = "", \
	 .help = "The " which " revision."}, \
	{.name = "version", CUSTOM(version), AT(struct deployment_status, digest), \
	 .help = "Its version, for people."}, \
	{.name = "weight", .type = FIELD_SHARE, AT(struct deployment_status, weight), \
	 .fallback = "0", .help = "Its share of record: the intent."}
static const struct field stable_fields[] = {
	ARM_FIELDS("stable", stable, stable_weight),
};
static const struct record stable_record =
	RECORD(struct deployment_status, stable, "What serves.");
static const struct field candidate_fields[] = {
	ARM_FIELDS("candidate", candidate, candidate_weight),
};
static const struct record candidate_record =
	RECORD(struct deployment_status, candidate, "What is on its way.");

static const struct field live_fields[] = {
	{.name = "stable", .type = FIELD_RECORD, .record = &stable_record, .help = "What serves."},
	{.name = "candidate", .type = FIELD_RECORD, .record = &candidate_record,
	 .help = "What is on its way."},
	{.name = "seen", .type = FIELD_BOOL, AT(struct deployment_status, weights_seen),
	 .help = "Whether the weights were read back since they were set."},
	{.name = "router", .type = FIELD_STRING, AT(struct deployment_status, router),
	 .help = "The router process that they were read back from."},
};
static const struct record live_record =
	RECORD(struct deployment_status, live, "Weights of record.");

/* Steps are counted from 1 for people; 0 is before the first. */
static int decode_step(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *out)
{
	int *step = out;

	if (decode_int(decoder, field, node, step) < 0)
		return -1;
	--*step;
	return 0;
}

static void encode_step(struct writer *writer, const struct field *field, const void *in)
{
	(void)field;
	write_int(writer, (int64_t)*(const int *)in + 1);
}

static const struct field rollout_fields[] = {
	{.name = "phase", .type = FIELD_ENUM, AT(struct deployment_status, phase),
	 .flags = FIELD_REQUIRED, .names = &phase_names, .help = "Where the rollout stands."},
	{.name = "since", .type = FIELD_TIME, AT(struct deployment_status, phase_since_ms),
	 .help = "Since when."},
	{.name = "reason", .type = FIELD_STRING, AT(struct deployment_status, reason),
	 .help = "Why it waits or stalled, as one word."},
	{.name = "message", .type = FIELD_STRING, AT(struct deployment_status, message),
	 .help = "Why, as a sentence."},
	{.name = "step", CUSTOM(step), AT(struct deployment_status, step), .fallback = "0",
	 .schema = "{\"type\":\"integer\"}", .help = "Which step of the canary, from 1."},
	{.name = "durableWeight", .type = FIELD_SHARE, AT(struct deployment_status, durable_weight),
	 .fallback = "0", .help = "The highest step so far in this rollout."},
	{.name = "spec", .type = FIELD_DIGEST, AT(struct deployment_status, rollout_spec),
	 .help = "Digest of the rollout section in force at the step."},
	{.name = "goingBack", .type = FIELD_BOOL, AT(struct deployment_status, going_back),
	 .help = "Whether it returns to a promoted revision."},
	{.name = "rolloutSince", .type = FIELD_TIME, AT(struct deployment_status, rollout_since_ms),
	 .help = "When this candidate was taken up; its deadline counts from here."},
	{.name = "restart", .type = FIELD_TIME, AT(struct deployment_status, restart_ms),
	 .help = "Replicas started before it are replaced one by one."},
	{.name = "broken", .type = FIELD_BOOL, AT(struct deployment_status, broken),
	 .help = "Whether what serves was shown harmful, with nothing to go back to."},
	{.name = "downSince", .type = FIELD_TIME, AT(struct deployment_status, down_since_ms),
	 .help = "Since when no stable replica is ready."},
	{.name = "replicas", .type = FIELD_INT, AT(struct deployment_status, replicas), .max = -1,
	 .fallback = "0", .help = "As last declared."},
	{.name = "drainTimeout", .type = FIELD_DURATION, AT(struct deployment_status, drain_ms),
	 .fallback = "0s", .help = "As last declared."},
	{.name = "keepPrevious", .type = FIELD_DURATION,
	 AT(struct deployment_status, keep_previous_ms), .fallback = "0s",
	 .help = "As last declared."},
	{.name = "keepUntil", .type = FIELD_TIME, AT(struct deployment_status, keep_until_ms),
	 .help = "When the old revision may stop."},
	{.name = "stableReference", .type = FIELD_RECORD,
	 AT(struct deployment_status, stable_reference), .record = &arm_record,
	 .help = "The stable arm's figures of the canary."},
	{.name = "evidence", .type = FIELD_OPTIONAL, AT(struct deployment_status, decided),
	 .record = &evidence_record,
	 .help = "What the newest step up, rollback or promotion was judged from."},
};
static const struct record rollout_record =
	RECORD(struct deployment_status, rollout, "How far the change has come.");

static const struct field promoted_fields[] = {
	{.name = "revision", CUSTOM(ref), AT(struct promoted, revision), .fallback = "",
	 .help = "The revision."},
	{.name = "version", .type = FIELD_STRING, AT(struct promoted, version),
	 .help = "Its version."},
	{.name = "commit", .type = FIELD_STRING, AT(struct promoted, commit),
	 .help = "The fleet commit that it was promoted from."},
	{.name = "at", .type = FIELD_TIME, AT(struct promoted, at_ms), .help = "When."},
};
static const struct record promoted_record =
	RECORD(struct promoted, promoted, "A revision that one may go back to.");

static const struct field approval_fields[] = {
	{.name = "by", .type = FIELD_STRING, AT(struct approval, by), .help = "Who."},
	{.name = "evidence", .type = FIELD_STRING, AT(struct approval, evidence),
	 .help = "What proves it."},
	{.name = "commit", .type = FIELD_STRING, AT(struct approval, commit),
	 .help = "Where it was given."},
	{.name = "revision", .type = FIELD_DIGEST, AT(struct approval, revision),
	 .help = "Exactly what was approved."},
	{.name = "gate", .type = FIELD_DIGEST, AT(struct approval, gate),
	 .help = "Under which gate."},
	{.name = "at", .type = FIELD_TIME, AT(struct approval, at_ms), .help = "When."},
	{.name = "expires", .type = FIELD_TIME, AT(struct approval, expires_ms),
	 .help = "Until when it counts."},
};
static const struct record approval_record =
	RECORD(struct approval, approval, "One person's approval of one revision.");

static const struct field quarantined_fields[] = {
	{.name = "revision", CUSTOM(ref), AT(struct quarantined, revision), .fallback = "",
	 .help = "The revision."},
	{.name = "version", .type = FIELD_STRING, AT(struct quarantined, version),
	 .help = "Its version."},
	{.name = "reason", .type = FIELD_STRING, AT(struct quarantined, reason), .help = "Why."},
	{.name = "at", .type = FIELD_TIME, AT(struct quarantined, at_ms), .help = "When."},
	{.name = "commit", .type = FIELD_STRING, AT(struct quarantined, commit),
	 .help = "The fleet commit that named it."},
};
static const struct record quarantined_record =
	RECORD(struct quarantined, quarantined, "A revision that is not started again.");

static const struct field admission_fields[] = {
	{.name = "revision", CUSTOM(ref), AT(struct admission, revision), .fallback = "",
	 .help = "The revision."},
	{.name = "verdict", .type = FIELD_ENUM, AT(struct admission, result),
	 .names = &verdict_result_names, .help = "The verdict that admitted it."},
	{.name = "why", .type = FIELD_STRING, AT(struct admission, why), .help = "One sentence."},
	{.name = "at", .type = FIELD_TIME, AT(struct admission, at_ms), .help = "When."},
};
static const struct record admission_record =
	RECORD(struct admission, admission, "Why a revision may carry traffic.");

#define STATUS_LIST(key, member, of, text) \
	{.name = key, .type = FIELD_LIST, LIST_AT(struct deployment_status, member), .record = &of, \
	 .help = text}
static const struct field deployment_status_fields[] = {
	DOCUMENT_HEAD(status_word_names),
	{.name = "metadata", .type = FIELD_RECORD, .flags = FIELD_REQUIRED,
	 .record = &metadata_record, .help = "Whose status this is."},
	{.name = "observed", .type = FIELD_RECORD, AT(struct deployment_status, observed_commit),
	 .record = &observed_record, .help = "What of Git was acted on."},
	{.name = "conditions", CUSTOM(conditions), CONDITIONS_AT(struct deployment_status),
	 .schema = "{\"type\":\"array\"}",
	 .help = "Ready, Synced, Healthy, Quality, and what is going on."},
	{.name = "live", .type = FIELD_RECORD, .record = &live_record, .help = "Weights of record."},
	{.name = "rollout", .type = FIELD_RECORD, .flags = FIELD_REQUIRED, .record = &rollout_record,
	 .help = "How far the change has come."},
	STATUS_LIST("promoted", promoted, promoted_record, "Newest first; where rollback may go."),
	STATUS_LIST("proposed", proposed, proposal_record, "Commits of Linnet's own, newest first."),
	STATUS_LIST("approvals", approvals, approval_record, "Who agreed to what."),
	STATUS_LIST("quarantine", quarantine, quarantined_record, "What is not started again."),
	STATUS_LIST("admitted", admitted, admission_record, "Why revisions may carry traffic."),
	STATUS_LIST("history", history, transition_record, "The last transitions, newest first."),
	STATUS_LIST("revisions", revisions, revision_record, "All revisions named above, in whole."),
};
const struct record deployment_status_record = RECORD(
	struct deployment_status, deployment_status, "What was decided about a deployment.");

_Static_assert(offsetof(struct deployment_status, observed_manifest) ==
               offsetof(struct deployment_status, observed_commit) + sizeof(char *) &&
               offsetof(struct model_status, observed_manifest) ==
               offsetof(struct model_status, observed_commit) + sizeof(char *),
               "observed_record fits both");

void status_encode(struct buf *out, const struct deployment_status *status)
{
	struct revisions revisions = {status->revisions, status->n_revisions};
	struct writer writer;

	write_begin(&writer, out, false);
	writer.context = &revisions;
	record_encode(&writer, &deployment_status_record, status);
}

/* The list that the short names refer to stands last in the file and is read first. */
static int decode_revisions(struct decoder *decoder, const struct node *document,
                            struct revisions *out)
{
	const struct node *list = node_get(document, "revisions");
	struct revision *revisions = NULL;

	for (const struct node *node = list ? list->first : NULL; node; node = node->next) {
		if (record_decode(decoder, &revision_record, node,
		                  list_push(decoder->arena, &revisions, &out->n)) < 0)
			return -1;
	}
	out->items = revisions;
	return 0;
}

int status_decode(const char *path, const char *text, size_t len, struct arena *arena,
                  struct deployment_status *out, struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct revisions revisions = {0};
	struct decoder decoder = {.arena = arena, .path = path, .diagnostics = &diagnostics,
	                          .context = &revisions};
	struct deployment_status status;
	const struct node *node;

	if (document_parse(path, text, len, LIMIT_STATUS_BYTES, arena, &node, err) < 0)
		return -1;
	if (decode_revisions(&decoder, node, &revisions) < 0 ||
	    record_decode(&decoder, &deployment_status_record, node, &status) < 0)
		return diagnostics_err(&diagnostics, err);
	*out = status;
	return 0;
}

char *status_path(struct arena *arena, const char *environment, const char *name, bool sharded)
{
	const char *folder = environment ? environment : "models";
	struct digest digest = digest_of(name, strlen(name));

	if (!sharded)
		return arena_printf(arena, "status/%s/%s.yaml", folder, name);
	return arena_printf(arena, "status/%s/%.2s/%s.yaml", folder, digest.hex, name);
}
