/* The field tables of Environment and GatePolicy: where, who, how much is automatic, gates. */
#include <string.h>

#include "manifest/records.h"

static const char *const environment_word[] = {"Environment"};
static const struct names environment_word_names = NAMES(environment_word);
static const char *const policy_word[] = {"GatePolicy"};
static const struct names policy_word_names = NAMES(policy_word);

/* ---- Environment ---- */

static const struct field kubernetes_fields[] = {
	{.name = "namespace", .type = FIELD_NAME, AT(struct kubernetes_serving, namespace),
	 .flags = FIELD_REQUIRED, .help = "Namespace of the cluster."},
	{.name = "gateway", .type = FIELD_STRING, AT(struct kubernetes_serving, gateway),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "Gateway of the Gateway API, namespace/name."},
	{.name = "prometheus", .type = FIELD_STRING, AT(struct kubernetes_serving, prometheus),
	 .help = "Where counts and latencies are read from."},
};
static const struct record kubernetes_record =
	RECORD(struct kubernetes_serving, kubernetes, "A Kubernetes cluster.");

/* {local: {}} or {kubernetes: {...}}: the first, and the default, is a NULL pointer. */
static int decode_local(struct decoder *decoder, const struct field *field, const struct node *node,
                        void *out)
{
	(void)field;
	(void)out;
	if (node->type == NODE_SCALAR || node->first)
		return complain(decoder, node, "takes no value, write {}");
	return 0;
}

static void encode_local(struct writer *writer, const struct field *field, const void *in)
{
	(void)field;
	(void)in;
	write_map(writer);
	write_map_end(writer);
}

static const struct field serving_fields[] = {
	{.name = "local", CUSTOM(local), .schema = EMPTY_MAP_SCHEMA,
	 .help = "Processes on the controller's machine, behind HAProxy."},
	{.name = "kubernetes", .type = FIELD_OPTIONAL,
	 IN(struct environment, kubernetes, kubernetes), .record = &kubernetes_record,
	 .help = "A Kubernetes cluster."},
};
static const struct schema_rule serving_rules[] = {NOT_BOTH("local", "kubernetes"), {0}};
static const struct record serving_record = RULED_SECTION(
	struct environment, kubernetes, kubernetes, serving, "Where replicas run.");

#define AUTOMATED(key, what, text) \
	{.name = key, .type = FIELD_ENUM, .offset = (what) * sizeof(enum level), \
	 .names = &level_names, .fallback = "", .help = text " Absent: as maturity says."}
static const struct field automation_fields[] = {
	AUTOMATED("propose", AUTOMATED_PROPOSE, "Writing a new version to Git."),
	AUTOMATED("step", AUTOMATED_STEP, "Stepping up a canary."),
	AUTOMATED("revert", AUTOMATED_REVERT, "Reverting in Git after a rollback."),
	AUTOMATED("scale", AUTOMATED_SCALE, "Scaling between min and max."),
};
static const struct record automation_record =
	SECTION(struct environment, automation, automation, automation, "How much is automatic.");

/* A list of kinds of evidence, as bits. */
static int decode_evidence(struct decoder *decoder, const struct field *field,
                           const struct node *node, void *out)
{
	unsigned bits = 0;

	(void)field;
	if (node->type == NODE_SCALAR && strcmp(node->text, "any") == 0) {
		*(unsigned *)out = (1U << EVIDENCE_KINDS) - 1;
		return 0;
	}
	if (!expect_list(decoder, node))
		return -1;
	for (const struct node *item = node->first; item; item = item->next) {
		int kind;

		if (!expect_scalar(decoder, item))
			return -1;
		kind = names_find(evidence_kind_names, item->text);
		if (kind < 0)
			return complain_word(decoder, item, evidence_kind_names);
		bits |= 1U << kind;
	}
	if (bits == 0)
		return complain(decoder, node, "must not be empty");
	*(unsigned *)out = bits;
	return 0;
}

static void encode_evidence(struct writer *writer, const struct field *field, const void *in)
{
	unsigned bits = *(const unsigned *)in;

	(void)field;
	write_list(writer);
	for (unsigned kind = 0; kind < EVIDENCE_KINDS; kind++) {
		if (bits & 1U << kind)
			write_string(writer, evidence_kind_names.names[kind]);
	}
	write_list_end(writer);
}

static const struct field approvals_fields[] = {
	{.name = "required", .type = FIELD_INT, AT(struct approvals_spec, required), .max = 100,
	 .fallback = "0", .help = "Approvals that every new revision needs, above every level."},
	{.name = "by", .type = FIELD_STRINGS, AT(struct approvals_spec, by),
	 .help = "Roles whose approval counts."},
	{.name = "roles", CUSTOM(named_lists), LIST_AT(struct approvals_spec, roles),
	 .schema = NAMED_LISTS_SCHEMA,
	 .help = "Members of each role."},
	{.name = "evidence", CUSTOM(evidence), AT(struct approvals_spec, evidence), .fallback = "any",
	 .schema = "{\"anyOf\":[{\"const\":\"any\"},{\"type\":\"array\",\"minItems\":1,"
	           "\"items\":{\"enum\":[\"signature\",\"merge\",\"forge\"]}}]}",
	 .help = "What proves an approval: signature, merge, forge; absent: any of them."},
	{.name = "allowedSigners", .type = FIELD_STRING, AT(struct approvals_spec, allowed_signers),
	 .help = "Path in the fleet repository of the keys that may sign."},
	{.name = "expire", .type = FIELD_DURATION, AT(struct approvals_spec, expire_ms),
	 .min = 1000, .fallback = "7d", .help = "How long an approval counts."},
};
static const struct record approvals_record =
	RECORD(struct approvals_spec, approvals, "Who must agree to a new revision.");

static const struct field window_fields[] = {
	{.name = "deny", .type = FIELD_STRING, AT(struct window_spec, deny),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "A 5-field cron expression: when it closes."},
	{.name = "for", .type = FIELD_DURATION, AT(struct window_spec, for_ms),
	 .flags = FIELD_REQUIRED, .min = 60000, .help = "How long it stays closed."},
	{.name = "timeZone", .type = FIELD_STRING, AT(struct window_spec, time_zone),
	 .help = "Time zone of deny; absent: UTC."},
};
static const struct record window_record =
	RECORD(struct window_spec, window, "A time without new rollouts and steps up.");

static const struct field url_secret_fields[] = {
	{.name = "name", .type = FIELD_STRING, IN(struct notify_spec, secret_name, secret_name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Name of the secret."},
	{.name = "key", .type = FIELD_STRING, IN(struct notify_spec, secret_name, secret_key),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Key within the secret."},
};
static const struct record url_secret_record =
	SECTION(struct notify_spec, secret_name, secret_key, url_secret, "A secret by reference.");

static const struct field url_fields[] = {
	{.name = "secret", .type = FIELD_RECORD, IN(struct notify_spec, secret_name, secret_name),
	 .flags = FIELD_REQUIRED, .record = &url_secret_record,
	 .help = "The secret that holds the URL."},
};
static const struct record url_record =
	SECTION(struct notify_spec, secret_name, secret_key, url, "A URL, always a secret.");

static const char *const notice_table[] = {
	"proposed", "waiting-approval", "promoted", "rolled-back", "stalled", "alert",
};
static const struct names notice_names = NAMES(notice_table);

static const struct field notify_fields[] = {
	{.name = "url", .type = FIELD_RECORD, AT(struct notify_spec, secret_name),
	 .flags = FIELD_REQUIRED, .record = &url_record, .help = "Where a message is posted to."},
	{.name = "on", CUSTOM(words), AT(struct notify_spec, on), .names = &notice_names,
	 .flags = FIELD_REQUIRED,
	 .schema = "{\"type\":\"array\",\"items\":{\"enum\":[\"proposed\",\"waiting-approval\","
	           "\"promoted\",\"rolled-back\",\"stalled\",\"alert\"]}}",
	 .help = "proposed, waiting-approval, promoted, rolled-back, stalled, alert."},
};
static const struct record notify_record =
	RECORD(struct notify_spec, notify, "Who hears of what.");

static const struct field environment_spec_fields[] = {
	{.name = "serving", .type = FIELD_RECORD, IN(struct environment, kubernetes, kubernetes),
	 .record = &serving_record, .help = "{local: {}} (the default), or {kubernetes: {...}}."},
	{.name = "maturity", .type = FIELD_ENUM, IN(struct environment, kubernetes, maturity),
	 .names = &maturity_names, .fallback = "mvp",
	 .help = "mvp, stable or mature: presets of what is automatic; mvp leaves most to people."},
	{.name = "automation", .type = FIELD_RECORD, IN(struct environment, kubernetes, automation),
	 .record = &automation_record, .help = "Overrides of the preset, action by action."},
	{.name = "approvals", .type = FIELD_RECORD, IN(struct environment, kubernetes, approvals),
	 .record = &approvals_record, .help = "Who must agree to a new revision."},
	{.name = "checklist", .type = FIELD_STRINGS, IN(struct environment, kubernetes, checklist),
	 .help = "Items that are computed, or ticked by linnet approve --item."},
	{.name = "windows", .type = FIELD_LIST, LIST_IN(struct environment, kubernetes, windows),
	 .record = &window_record, .help = "Times without new rollouts and steps up."},
	{.name = "notify", .type = FIELD_LIST, LIST_IN(struct environment, kubernetes, notify),
	 .record = &notify_record, .help = "Who hears of what."},
};
static const struct record environment_spec_record = SECTION(
	struct environment, kubernetes, n_notify, environment_spec, "What an Environment declares.");

static const struct field environment_fields[] = {
	DOCUMENT_HEAD(environment_word_names),
	{.name = "metadata", .type = FIELD_RECORD, AT(struct environment, meta),
	 .flags = FIELD_REQUIRED, .record = &plain_meta_record, .help = "Which environment this is."},
	{.name = "spec", .type = FIELD_RECORD, AT(struct environment, kubernetes),
	 .record = &environment_spec_record, .help = "What is declared of it."},
};
const struct record environment_record =
	RECORD(struct environment, environment, "Where, who, how much is automatic.");

int environment_finish(struct decoder *decoder, const struct node *spec,
                       struct environment *environment)
{
	const struct node *serving = node_get(spec, "serving");

	if (environment->kubernetes && node_get(serving, "local"))
		return complain(decoder, serving, "is either local or kubernetes; keep one of them");
	return 0;
}

/* ---- GatePolicy ---- */

/* STATISTICS.md, section 4, in its order. */
static const char *const guard_table[] = {
	"beats-baseline", "balanced-accuracy", "every-class-predicted", "recall-floors",
	"changed-predictions", "suspicious-improvement", "golden-batch", "leakage",
};
static const struct names guard_names = NAMES(guard_table);

static const char *const all_severities[] = {"low", "medium", "high", "critical"};
static const struct names severity_names = NAMES(all_severities);

static const struct field guard_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct guard_switch, name), .flags = FIELD_REQUIRED,
	 .help = "The guard."},
	{.name = "disabled", .type = FIELD_STRING, AT(struct guard_switch, reason),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Switches it off; the text says why."},
};
static const struct record guard_record =
	RECORD(struct guard_switch, guard, "A guard against degenerate predictors that is off.");

/* A duration or an amount of memory as a double; `none` is NAN: not gated. */
static bool decode_none(const struct node *node, double *out)
{
	if (node->type != NODE_SCALAR || strcmp(node->text, "none") != 0)
		return false;
	*out = NAN;
	return true;
}

static int decode_span(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *out)
{
	struct err err = {0};
	int64_t ms;

	(void)field;
	if (decode_none(node, out))
		return 0;
	if (!expect_scalar(decoder, node))
		return -1;
	if (parse_duration(node->text, &ms, &err) < 0)
		return complain(decoder, node, "%s", err.text);
	*(double *)out = (double)ms;
	return 0;
}

static void encode_span(struct writer *writer, const struct field *field, const void *in)
{
	double ms = *(const double *)in;
	char text[TIME_TEXT];

	(void)field;
	if (is_set(ms))
		format_duration((int64_t)ms, text);
	write_string(writer, is_set(ms) ? text : "none");
}

static int decode_size(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *out)
{
	struct err err = {0};
	int64_t bytes;

	(void)field;
	if (decode_none(node, out))
		return 0;
	if (!expect_scalar(decoder, node))
		return -1;
	if (parse_memory(node->text, &bytes, &err) < 0)
		return complain(decoder, node, "%s", err.text);
	*(double *)out = (double)bytes;
	return 0;
}

static void encode_size(struct writer *writer, const struct field *field, const void *in)
{
	double bytes = *(const double *)in;

	(void)field;
	if (is_set(bytes))
		write_int(writer, (int64_t)bytes);
	else
		write_string(writer, "none");
}

static const struct field scan_fields[] = {
	{.name = "report", .type = FIELD_STRING, IN(struct serving_gate, scan_report, scan_report),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "The image scanner's report."},
	{.name = "severity", CUSTOM(word), IN(struct serving_gate, scan_report, scan_severity),
	 .names = &severity_names,
	 .help = "A finding of this severity or above fails: low, medium, high (the default),"
	         " critical."},
};
static const struct record scan_record =
	SECTION(struct serving_gate, scan_report, scan_severity, scan, "What an image scan may find.");

#define SPAN_SCHEMA \
	"{\"type\":[\"string\",\"integer\"],\"pattern\":\"^(none|0|[0-9]+(ms|s|m|h|d))$\"," \
	"\"minimum\":0,\"maximum\":0}"
#define SIZE_SCHEMA \
	"{\"type\":[\"string\",\"integer\"],\"pattern\":\"^(none|[0-9]+(k|[KMGTPE]i|[MGTPE])?)$\"," \
	"\"minimum\":0}"

static const struct field serving_gate_fields[] = {
	{.name = "latencyP95", CUSTOM(span), .schema = SPAN_SCHEMA,
	 AT(struct serving_gate, latency_p95_ms), .fallback = "none",
	 .help = "Largest 95 % quantile of a request; none: not gated."},
	{.name = "startTime", CUSTOM(span), .schema = SPAN_SCHEMA,
	 AT(struct serving_gate, start_time_ms), .fallback = "none",
	 .help = "Longest time until ready; none: not gated."},
	{.name = "memory", CUSTOM(size), .schema = SIZE_SCHEMA,
	 AT(struct serving_gate, memory_bytes), .fallback = "none",
	 .help = "Most memory of a replica under test; none: not gated."},
	{.name = "artifactSize", CUSTOM(size), .schema = SIZE_SCHEMA,
	 AT(struct serving_gate, artifact_bytes), .fallback = "none",
	 .help = "Largest artifact; none: not gated."},
	{.name = "scan", .type = FIELD_RECORD, AT(struct serving_gate, scan_report),
	 .record = &scan_record, .help = "What an image scan may find; absent: not gated."},
};
static const struct record serving_gate_record =
	RECORD(struct serving_gate, serving_gate, "What serving may cost.");

static const struct field policy_approvals_fields[] = {
	{.name = "required", .type = FIELD_INT, IN(struct gate_policy, approvals, approvals),
	 .max = 100, .fallback = "0", .help = "Approvals that a version under this policy needs."},
};
static const struct record policy_approvals_record = SECTION(
	struct gate_policy, approvals, approvals, policy_approvals, "Who must agree to a version.");

static const struct field policy_spec_fields[] = {
	{.name = "require", .type = FIELD_LIST, LIST_IN(struct gate_policy, require, require),
	 .record = &require_record, .help = "What every version must reach; a Model adds to it."},
	{.name = "guards", .type = FIELD_MAP_LIST, LIST_IN(struct gate_policy, require, guards_off),
	 .record = &guard_record,
	 .help = "All guards are on; {leakage: {disabled: why}} switches one off."},
	{.name = "serving", .type = FIELD_RECORD, IN(struct gate_policy, require, serving),
	 .record = &serving_gate_record, .help = "What serving may cost."},
	{.name = "approvals", .type = FIELD_RECORD, IN(struct gate_policy, require, approvals),
	 .record = &policy_approvals_record, .help = "Who must agree to a version."},
};
static const struct record policy_spec_record =
	SECTION(struct gate_policy, require, approvals, policy_spec, "What a GatePolicy demands.");

static const struct field policy_fields[] = {
	DOCUMENT_HEAD(policy_word_names),
	{.name = "metadata", .type = FIELD_RECORD, AT(struct gate_policy, meta),
	 .flags = FIELD_REQUIRED, .record = &plain_meta_record, .help = "Which policy this is."},
	{.name = "spec", .type = FIELD_RECORD, AT(struct gate_policy, require),
	 .record = &policy_spec_record, .help = "What it demands."},
};
const struct record policy_record =
	RECORD(struct gate_policy, policy, "Gates that several models share.");

int policy_finish(struct decoder *decoder, const struct node *spec, struct gate_policy *policy)
{
	const struct node *guards = node_get(spec, "guards");
	int result = 0;

	if (policy->serving.scan_report && !policy->serving.scan_severity)
		policy->serving.scan_severity = "high";
	for (const struct node *guard = guards ? guards->first : NULL; guard; guard = guard->next) {
		const char *near = nearest(guard->key, guard_names.names, guard_names.n);

		if (names_find(guard_names, guard->key) >= 0)
			continue;
		result = near ? complain_key(decoder, guard, "there is no guard '%s'; did you mean '%s'?",
		                             guard->key, near)
		              : complain_key(decoder, guard, "there is no guard '%s'", guard->key);
	}
	return result;
}
