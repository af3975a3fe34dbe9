/* The field table of a ModelDeployment: which version serves where, and how a change goes out. */
#include <string.h>

#include "manifest/records.h"

static const char *const kind_word[] = {"ModelDeployment"};
static const struct names kind_word_names = NAMES(kind_word);

static const struct field promotion_fields[] = {
	{.name = "from", .type = FIELD_NAME, AT(struct promotion_spec, from), .flags = FIELD_REQUIRED,
	 .help = "The Environment whose deployment of the same model goes first."},
	{.name = "soak", .type = FIELD_DURATION, AT(struct promotion_spec, soak_ms), .fallback = "24h",
	 .help = "How long a version must have served well there."},
};
static const struct record promotion_record =
	RECORD(struct promotion_spec, promotion, "Propose here what has served well elsewhere.");

static const struct field autoscale_fields[] = {
	{.name = "min", .type = FIELD_INT, AT(struct autoscale_spec, min), .min = 1,
	 .max = LIMIT_REPLICAS, .fallback = "1", .help = "Fewest replicas."},
	{.name = "max", .type = FIELD_INT, AT(struct autoscale_spec, max), .flags = FIELD_REQUIRED,
	 .min = 1, .max = LIMIT_REPLICAS, .help = "Most replicas."},
	{.name = "requestsPerSecondPerReplica", .type = FIELD_NUMBER,
	 AT(struct autoscale_spec, requests_per_second_per_replica), .flags = FIELD_REQUIRED,
	 .min = 0.001, .max = COUNT_MAX, .help = "The load that one replica is meant to carry."},
};
static const struct record autoscale_record =
	RECORD(struct autoscale_spec, autoscale, "Replicas by load, in place of a fixed number.");

static const struct field step_fields[] = {
	{.name = "weight", .type = FIELD_SHARE, AT(struct step_spec, weight), .flags = FIELD_REQUIRED,
	 .min = 0.0001, .max = 1, .help = "The candidate's share of the requests; the last is 100%."},
	{.name = "minRequests", .type = FIELD_INT, AT(struct step_spec, min_requests),
	 .max = COUNT_MAX, .fallback = "0",
	 .help = "Least requests to the candidate before the next step; the test asks for its own."},
	{.name = "minDuration", .type = FIELD_DURATION, AT(struct step_spec, min_duration_ms),
	 .fallback = "0", .help = "Least time at this step."},
	{.name = "maxErrorRatio", .type = FIELD_NUMBER, AT(struct step_spec, max_error_ratio),
	 .min = 1, .max = 100,
	 .help = "Not worse means fewer errors than this many times stable's; absent: 3, later 1.5."},
	{.name = "approval", .type = FIELD_BOOL, AT(struct step_spec, approval), .fallback = "false",
	 .help = "Whether a person lets the rollout go on from here."},
};
static const struct record step_record = RECORD(struct step_spec, step, "One step of a canary.");

static const struct field errors_fields[] = {
	{.name = "max", .type = FIELD_SHARE, IN(struct analysis_spec, errors_max, errors_max),
	 .fallback = "1%", .min = 0.000001, .max = 1,
	 .help = "The absolute share of bad requests that is still good."},
	{.name = "margin", .type = FIELD_SHARE, IN(struct analysis_spec, errors_max, errors_margin),
	 .fallback = "0.1%", .help = "A difference below this is nobody's concern."},
};
static const struct record errors_record =
	SECTION(struct analysis_spec, errors_max, errors_margin, errors,
	        "How many errors are too many.");

static const struct field latency_fields[] = {
	{.name = "margin", .type = FIELD_SHARE,
	 IN(struct analysis_spec, latency_margin, latency_margin),
	 .fallback = "10%", .help = "A slowdown below this is nobody's concern."},
	{.name = "floor", .type = FIELD_DURATION,
	 IN(struct analysis_spec, latency_margin, latency_floor_ms), .fallback = "5ms",
	 .help = "Answers faster than this are fast enough, whatever the stable revision takes."},
};
static const struct record latency_record =
	SECTION(struct analysis_spec, latency_margin, latency_floor_ms, latency,
	        "How much slower is too slow.");

static const struct field predictions_fields[] = {
	{.name = "maxDistance", .type = FIELD_SHARE,
	 IN(struct analysis_spec, predictions_max_distance, predictions_max_distance),
	 .flags = FIELD_REQUIRED,
	 .help = "Largest distance of predictions, candidate against stable: of classes the total"
	         " variation of their shares, of numbers the mean distance as a share of the output's"
	         " range."},
};
static const struct record predictions_record =
	SECTION(struct analysis_spec, predictions_max_distance, predictions_max_distance, predictions,
	        "How different predictions may be.");

static const struct field metric_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct metric_spec, name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Name shown to people."},
	{.name = "prometheus", .type = FIELD_STRING, AT(struct metric_spec, prometheus),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "A query with one result; {{revision}} is replaced."},
	{.name = "max", .type = FIELD_NUMBER, AT(struct metric_spec, max), .flags = FIELD_REQUIRED,
	 .help = "Above this in three ticks in a row is harm."},
	{.name = "url", .type = FIELD_STRING, AT(struct metric_spec, url), .flags = FIELD_NON_EMPTY,
	 .help = "Where Prometheus answers, within metrics.allow; absent: the environment's."},
};
static const struct record metric_record =
	RECORD(struct metric_spec, metric, "A metric from elsewhere that the canary is watched by.");

static const struct field warmup_fields[] = {
	{.name = "duration", .type = FIELD_DURATION, IN(struct analysis_spec, warmup_ms, warmup_ms),
	 .fallback = "90s", .help = "A new replica's first so long does not count."},
	{.name = "requests", .type = FIELD_INT, IN(struct analysis_spec, warmup_ms, warmup_requests),
	 .max = COUNT_MAX, .fallback = "50",
	 .help = "A new replica's first so many requests do not count."},
};
static const struct record warmup_record = SECTION(
	struct analysis_spec, warmup_ms, warmup_requests, warmup, "What of a cold start is left out.");

static const struct field analysis_fields[] = {
	{.name = "falseRollback", .type = FIELD_SHARE, AT(struct analysis_spec, false_rollback),
	 .min = 0.000001, .max = 0.5, .fallback = "1%",
	 .help = "Chance to roll back a version that is no worse, however often one looks."},
	{.name = "errors", .type = FIELD_RECORD, AT(struct analysis_spec, errors_max),
	 .record = &errors_record, .help = "How many errors are too many."},
	{.name = "latency", .type = FIELD_RECORD, AT(struct analysis_spec, latency_margin),
	 .record = &latency_record, .help = "How much slower is too slow."},
	{.name = "predictions", .type = FIELD_RECORD,
	 AT(struct analysis_spec, predictions_max_distance),
	 .record = &predictions_record,
	 .help = "How different predictions may be; absent: not watched."},
	{.name = "metrics", .type = FIELD_LIST, LIST_AT(struct analysis_spec, metrics),
	 .record = &metric_record, .help = "Metrics from elsewhere."},
	{.name = "warmup", .type = FIELD_RECORD, AT(struct analysis_spec, warmup_ms),
	 .record = &warmup_record, .help = "What of a cold start is left out."},
	{.name = "noDataDeadline", .type = FIELD_DURATION,
	 AT(struct analysis_spec, no_data_deadline_ms), .min = 1000, .fallback = "30m",
	 .help = "Without a request for this long the rollout holds and says so."},
};
static const struct record analysis_record =
	RECORD(struct analysis_spec, analysis, "How a candidate is judged.");

static const struct field rollout_fields[] = {
	{.name = "strategy", .type = FIELD_ENUM, AT(struct rollout_spec, strategy),
	 .names = &strategy_names, .fallback = "canary",
	 .help = "canary, or recreate: stop, then start. Blue-green is the single step 100%."},
	{.name = "steps", .type = FIELD_LIST, LIST_AT(struct rollout_spec, steps), .min = 1,
	 .max = LIMIT_STEPS, .record = &step_record,
	 .help = "Weights in ascending order; absent: 5%, 25% and 100%."},
	{.name = "analysis", .type = FIELD_RECORD, AT(struct rollout_spec, analysis),
	 .record = &analysis_record, .help = "How a candidate is judged."},
	{.name = "onInconclusive", .type = FIELD_ENUM, AT(struct rollout_spec, on_inconclusive),
	 .names = &inconclusive_names, .fallback = "hold",
	 .help = "What is done once the deadline has passed: hold, promote or rollback."},
	{.name = "deadline", .type = FIELD_DURATION, AT(struct rollout_spec, deadline_ms),
	 .min = 1000, .fallback = "24h", .help = "How long a step may stay without a conclusion."},
	{.name = "keepPrevious", .type = FIELD_DURATION, AT(struct rollout_spec, keep_previous_ms),
	 .fallback = "30m",
	 .help = "The old revision stays warm, and the new one is watched: going back is one weight "
	         "change."},
	{.name = "rollbackWindow", .type = FIELD_INT, AT(struct rollout_spec, rollback_window),
	 .max = 100, .fallback = "3",
	 .help = "Revisions promoted before that one may go back to at once."},
};
static const struct record rollout_record =
	RECORD(struct rollout_spec, rollout, "How a change goes out.");

static const struct field truth_fields[] = {
	{.name = "uri", .type = FIELD_STRING, AT(struct ground_truth, uri),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Where outcomes are, as data.uri."},
	{.name = "id", .type = FIELD_STRING, AT(struct ground_truth, id), .fallback = "id",
	 .help = "Column that joins an outcome with its prediction."},
	{.name = "label", .type = FIELD_STRING, AT(struct ground_truth, label),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Column of the outcome."},
	{.name = "time", .type = FIELD_STRING, AT(struct ground_truth, time),
	 .help = "Column of when the outcome was known."},
};
static const struct record truth_record =
	RECORD(struct ground_truth, truth, "Outcomes that come later than predictions.");

static const struct field drift_fields[] = {
	{.name = "window", .type = FIELD_DURATION,
	 IN(struct monitor_spec, drift_window_ms, drift_window_ms), .min = 60000, .fallback = "24h",
	 .help = "Length of a window."},
	{.name = "minRows", .type = FIELD_INT, IN(struct monitor_spec, drift_window_ms, drift_min_rows),
	 .min = 1, .max = COUNT_MAX, .fallback = "500",
	 .help = "A window with fewer rows says nothing."},
	{.name = "effect", .type = FIELD_NUMBER, IN(struct monitor_spec, drift_window_ms, drift_effect),
	 .min = 0.001, .max = 1, .fallback = "0.1",
	 .help = "Smaller differences are nobody's concern."},
	{.name = "falseDiscovery", .type = FIELD_SHARE,
	 IN(struct monitor_spec, drift_window_ms, drift_false_discovery), .min = 0.000001, .max = 0.5,
	 .fallback = "1%", .help = "Share of alarms that may be false, over all inputs."},
	{.name = "persist", .type = FIELD_STRING,
	 IN(struct monitor_spec, drift_window_ms, drift_persist),
	 .fallback = "2 of 3", .help = "In how many of the last windows it must hold."},
};
static const struct record drift_record =
	SECTION(struct monitor_spec, drift_window_ms, drift_persist, drift,
	        "When inputs have changed.");

/* Absent: the window is 0, and drift is not watched. */
static int decode_drift(struct decoder *decoder, const struct field *field, const struct node *node,
                        void *out)
{
	return record_decode(decoder, field->record, node, out);
}

static void encode_drift(struct writer *writer, const struct field *field, const void *in)
{
	record_encode(writer, field->record, in);
}

static const struct field watch_fields[] = {
	{.name = "metric", .type = FIELD_STRING,
	 IN(struct monitor_spec, performance_metric, performance_metric),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Metric on matured rows."},
	{.name = "rows", .type = FIELD_INT,
	 IN(struct monitor_spec, performance_metric, performance_rows), .min = 1, .max = COUNT_MAX,
	 .fallback = "2000", .help = "How many of the last matured rows it is taken over."},
};
static const struct record watch_record = SECTION(
	struct monitor_spec, performance_metric, performance_rows, watch, "Quality on matured rows.");

static const struct field monitor_fields[] = {
	{.name = "log", .type = FIELD_BOOL, AT(struct monitor_spec, log), .fallback = "true",
	 .help = "Whether the servers' prediction log is read."},
	{.name = "groundTruth", .type = FIELD_OPTIONAL, AT(struct monitor_spec, ground_truth),
	 .record = &truth_record, .help = "Outcomes that come later than predictions."},
	{.name = "drift", CUSTOM(drift), AT(struct monitor_spec, drift_window_ms),
	 .record = &drift_record,
	 .help = "When inputs have changed; {}: the defaults; absent: not watched."},
	{.name = "performance", .type = FIELD_RECORD, AT(struct monitor_spec, performance_metric),
	 .record = &watch_record, .help = "Quality on matured rows; absent: not watched."},
};
static const struct record monitor_record =
	RECORD(struct monitor_spec, monitor, "What is watched while it serves.");

static const struct field alert_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct alert_spec, name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Name of the alert."},
	{.name = "when", .type = FIELD_STRING, AT(struct alert_spec, when),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "A comparison such as accuracy < 0.75, or the name of a condition."},
	{.name = "for", .type = FIELD_DURATION, AT(struct alert_spec, for_ms), .fallback = "0",
	 .help = "How long it must have held."},
	{.name = "action", .type = FIELD_ENUM, AT(struct alert_spec, action),
	 .names = &alert_action_names, .fallback = "notify",
	 .help = "notify, page, block (no new run or rollout), freeze or rollback."},
};
static const struct record alert_record =
	RECORD(struct alert_spec, alert, "What calls for somebody.");

static const struct field hold_fields[] = {
	{.name = "reason", .type = FIELD_STRING, AT(struct hold_spec, reason),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Why."},
	{.name = "owner", .type = FIELD_STRING, AT(struct hold_spec, owner), .help = "Who holds it."},
	{.name = "until", .type = FIELD_TIME, AT(struct hold_spec, until_ms),
	 .help = "When it ends by itself; absent: when it is removed."},
};
static const struct record hold_record = RECORD(
	struct hold_spec, hold, "Stops new rollouts and steps up, and nothing that protects.");

/* `none` is NULL: nothing serves until the first proposal. */
static int decode_version(struct decoder *decoder, const struct field *field,
                          const struct node *node, void *out)
{
	(void)field;
	if (!expect_scalar(decoder, node))
		return -1;
	if (!is_name(node->text))
		return complain(decoder, node, "'%.80s' is not a version name such as v3, or none",
		                node->text);
	*(const char **)out = strcmp(node->text, "none") == 0 ? NULL : node->text;
	return 0;
}

static void encode_version(struct writer *writer, const struct field *field, const void *in)
{
	const char *version = *(const char *const *)in;

	(void)field;
	write_string(writer, version ? version : "none");
}

static const struct field deployment_spec_fields[] = {
	{.name = "model", .type = FIELD_NAME, IN(struct deployment, model, model),
	 .flags = FIELD_REQUIRED, .help = "The Model that is served."},
	{.name = "version", CUSTOM(version), IN(struct deployment, model, version),
	 .flags = FIELD_REQUIRED,
	 .schema = "{\"type\":[\"string\",\"integer\",\"boolean\"],\"minimum\":0,"
	           "\"pattern\":\"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$\"}",
	 .help = "The one line that a promotion changes; none: waits for the first proposal."},
	{.name = "promotion", .type = FIELD_OPTIONAL, IN(struct deployment, model, promotion),
	 .record = &promotion_record,
	 .help = "Propose here what has served well elsewhere; absent: training runs propose here."},
	{.name = "replicas", .type = FIELD_INT, IN(struct deployment, model, replicas), .min = 1,
	 .max = LIMIT_REPLICAS, .fallback = "1", .help = "Number of replicas."},
	{.name = "autoscale", .type = FIELD_OPTIONAL, IN(struct deployment, model, autoscale),
	 .record = &autoscale_record, .help = "Replicas by load, in place of a fixed number."},
	{.name = "startTimeout", .type = FIELD_DURATION, IN(struct deployment, model, start_timeout_ms),
	 .min = 1000, .fallback = "60s", .help = "A replica not ready after this has failed."},
	{.name = "drainTimeout", .type = FIELD_DURATION, IN(struct deployment, model, drain_timeout_ms),
	 .fallback = "30s", .help = "How long a replica may finish its requests before it is stopped."},
	{.name = "resources", .type = FIELD_RECORD, IN(struct deployment, model, cpu_millis),
	 .record = &resources_record, .help = "Limits of one replica."},
	{.name = "env", .type = FIELD_LIST, LIST_IN(struct deployment, model, env),
	 .record = &env_record, .help = "Environment variables of the model server."},
	{.name = "rollout", .type = FIELD_RECORD, IN(struct deployment, model, rollout),
	 .record = &rollout_record, .help = "How a change goes out."},
	{.name = "monitor", .type = FIELD_OPTIONAL, IN(struct deployment, model, monitor),
	 .record = &monitor_record, .help = "What is watched while it serves."},
	{.name = "alerts", .type = FIELD_LIST, LIST_IN(struct deployment, model, alerts),
	 .record = &alert_record, .help = "What calls for somebody."},
	{.name = "hold", .type = FIELD_OPTIONAL, IN(struct deployment, model, hold),
	 .record = &hold_record, .help = "Stops new rollouts and steps up, and nothing that protects."},
};
static const struct schema_rule deployment_spec_rules[] = {NOT_BOTH("replicas", "autoscale"), {0}};
static const struct record deployment_spec_record = RULED_SECTION(
	struct deployment, model, hold, deployment_spec, "What a ModelDeployment declares.");

static const struct field deployment_fields[] = {
	DOCUMENT_HEAD(kind_word_names),
	{.name = "metadata", .type = FIELD_RECORD, AT(struct deployment, meta),
	 .flags = FIELD_REQUIRED, .record = &namespaced_meta_record,
	 .help = "Which deployment this is, and in which Environment."},
	{.name = "spec", .type = FIELD_RECORD, AT(struct deployment, model), .flags = FIELD_REQUIRED,
	 .record = &deployment_spec_record, .help = "What is declared of it."},
};
const struct record deployment_record = RECORD(
	struct deployment, deployment, "Which version serves where, and how a change goes out.");

/* The steps of a rollout that declares none: the ones that API.md shows. */
static void default_steps(struct arena *arena, struct rollout_spec *rollout)
{
	static const struct step_spec canary[] = {
		{.weight = 0.05, .min_requests = 500, .min_duration_ms = 600000, .max_error_ratio = 3},
		{.weight = 0.25, .min_requests = 500, .min_duration_ms = 600000, .max_error_ratio = 1.5},
		{.weight = 1, .max_error_ratio = 1.5},
	};
	size_t skipped = rollout->strategy == STRATEGY_RECREATE ? ARRAY_LEN(canary) - 1 : 0;

	rollout->n_steps = ARRAY_LEN(canary) - skipped;
	rollout->steps = arena_memdup(arena, canary + skipped, rollout->n_steps * sizeof(*canary));
}

int deployment_finish(struct decoder *decoder, const struct node *spec,
                      struct deployment *deployment)
{
	struct rollout_spec *rollout = &deployment->rollout;

	if (rollout->n_steps == 0)
		default_steps(decoder->arena, rollout);
	for (size_t i = 0; i < rollout->n_steps; i++) {
		if (!is_set(rollout->steps[i].max_error_ratio))
			rollout->steps[i].max_error_ratio = i == 0 ? 3 : 1.5;
	}
	if (deployment->autoscale && node_get(spec, "replicas"))
		return complain(decoder, node_get(spec, "autoscale"), "stands in place of replicas;"
		                " keep one of them");
	return 0;
}
