/* What is shown of a deployment or a model, as JSON: the line of a table, and the whole with its
 * status as the status branch has it. */
#include "api/view.h"

#include "manifest/manifest.h"
#include "manifest/status.h"

#define ALWAYS .flags = FIELD_REQUIRED

#define ARM_ROW(arm) \
	{.name = "version", .type = FIELD_STRING, AT(struct deployment_row, arm.version), ALWAYS, \
	 .help = "Its version; absent: there is none."}, \
	{.name = "weight", .type = FIELD_NUMBER, AT(struct deployment_row, arm.weight), ALWAYS, \
	 .help = "Its share of the traffic, 0 to 1."}, \
	{.name = "ready", .type = FIELD_INT, AT(struct deployment_row, arm.ready), ALWAYS, .max = -1, \
	 .help = "Replicas that are ready."}
static const struct field stable_fields[] = {ARM_ROW(stable)};
static const struct record stable_record =
	RECORD(struct deployment_row, stable, "What serves.");
static const struct field candidate_fields[] = {ARM_ROW(candidate)};
static const struct record candidate_record =
	RECORD(struct deployment_row, candidate, "What is on its way.");

#define TRUTH_ROW(key, member, text) \
	{.name = key, .type = FIELD_ENUM, AT(struct deployment_row, member), ALWAYS, \
	 .names = &truth_names, .help = text}
static const struct field row_fields[] = {
	{.name = "environment", .type = FIELD_NAME, AT(struct deployment_row, environment), ALWAYS,
	 .help = "Its Environment."},
	{.name = "name", .type = FIELD_NAME, AT(struct deployment_row, name), ALWAYS,
	 .help = "The deployment."},
	{.name = "model", .type = FIELD_NAME, AT(struct deployment_row, model), .help = "Its Model."},
	{.name = "phase", .type = FIELD_ENUM, AT(struct deployment_row, phase), ALWAYS,
	 .names = &phase_names, .help = "Where the rollout stands."},
	{.name = "since", .type = FIELD_TIME, AT(struct deployment_row, since_ms), ALWAYS,
	 .help = "Since when."},
	{.name = "message", .type = FIELD_STRING, AT(struct deployment_row, message), ALWAYS,
	 .help = "What is wrong, else where it stands."},
	TRUTH_ROW("isReady", ready, "Whether anything answers."),
	TRUTH_ROW("isSynced", synced, "Whether what serves is what is declared."),
	TRUTH_ROW("isHealthy", healthy, "Whether all needed replicas are ready."),
	{.name = "isStalled", .type = FIELD_BOOL, AT(struct deployment_row, stalled), ALWAYS,
	 .help = "Whether it goes on by new input only."},
	{.name = "replicas", .type = FIELD_INT, AT(struct deployment_row, replicas), ALWAYS,
	 .max = -1, .help = "Replicas wanted."},
	{.name = "stable", .type = FIELD_RECORD, .record = &stable_record, ALWAYS,
	 .help = "What serves."},
	{.name = "candidate", .type = FIELD_RECORD, .record = &candidate_record, ALWAYS,
	 .help = "What is on its way."},
};
static const struct record row_record =
	RECORD(struct deployment_row, row, "A deployment at a glance.");

static const struct field model_row_fields[] = {
	{.name = "name", .type = FIELD_NAME, AT(struct model_row, name), ALWAYS, .help = "The model."},
	{.name = "phase", .type = FIELD_ENUM, AT(struct model_row, phase), ALWAYS,
	 .names = &cycle_phase_names, .help = "Where its retraining cycle stands."},
	{.name = "since", .type = FIELD_TIME, AT(struct model_row, since_ms), ALWAYS,
	 .help = "Since when."},
	{.name = "message", .type = FIELD_STRING, AT(struct model_row, message), ALWAYS,
	 .help = "Why it waits or stalled."},
	{.name = "highestVersion", .type = FIELD_INT, AT(struct model_row, highest_version), ALWAYS,
	 .max = -1, .help = "The highest version number ever taken."},
	{.name = "isStalled", .type = FIELD_BOOL, AT(struct model_row, stalled), ALWAYS,
	 .help = "Whether it goes on by new input only."},
};
static const struct record model_row_record =
	RECORD(struct model_row, model_row, "A retraining cycle at a glance.");

static const struct field step_fields[] = {
	{.name = "weight", .type = FIELD_NUMBER, AT(struct step_spec, weight), ALWAYS,
	 .help = "The candidate's share of the traffic."},
	{.name = "minRequests", .type = FIELD_INT, AT(struct step_spec, min_requests), ALWAYS,
	 .max = -1, .help = "Requests that it must have had at this step."},
	{.name = "minDurationMs", .type = FIELD_INT, AT(struct step_spec, min_duration_ms), ALWAYS,
	 .max = -1, .help = "How long this step lasts at least."},
	{.name = "approval", .type = FIELD_BOOL, AT(struct step_spec, approval),
	 .help = "Whether a person must agree before it."},
};
static const struct record step_record = RECORD(struct step_spec, step, "One step of a canary.");

static const struct field rollout_fields[] = {
	{.name = "steps", .type = FIELD_LIST, LIST_AT(struct rollout_spec, steps), ALWAYS,
	 .record = &step_record, .help = "The steps."},
	{.name = "deadlineMs", .type = FIELD_INT, AT(struct rollout_spec, deadline_ms), ALWAYS,
	 .max = -1, .help = "How long the whole may take; -1: for ever."},
	{.name = "errorsMax", .type = FIELD_NUMBER, AT(struct rollout_spec, analysis.errors_max),
	 .help = "The share of bad requests that is not exceeded."},
};
static const struct record rollout_record =
	RECORD(struct rollout_spec, rollout, "How a change goes out, as declared.");

static const struct field figures_fields[] = {
	{.name = "requests", .type = FIELD_INT, AT(struct arm_figures, requests), ALWAYS, .max = -1,
	 .help = "Requests that count."},
	{.name = "bad", .type = FIELD_INT, AT(struct arm_figures, bad), ALWAYS, .max = -1,
	 .help = "Failed ones."},
	{.name = "share", .type = FIELD_NUMBER, AT(struct arm_figures, share),
	 .help = "Share of failed ones, 0 to 1."},
	{.name = "low", .type = FIELD_NUMBER, AT(struct arm_figures, low),
	 .help = "Lower end of its 95 % interval."},
	{.name = "high", .type = FIELD_NUMBER, AT(struct arm_figures, high),
	 .help = "Upper end of its 95 % interval."},
	{.name = "p95Ms", .type = FIELD_NUMBER, AT(struct arm_figures, p95_ms),
	 .help = "The 95th percentile of latency."},
};
static const struct record figures_record =
	RECORD(struct arm_figures, figures, "What one arm has shown.");

static const struct field label_fields[] = {
	{.name = "label", .type = FIELD_STRING, AT(struct label_figures, label),
	 .help = "The label that is the most in excess; absent: none were logged yet."},
	{.name = "numbers", .type = FIELD_BOOL, AT(struct label_figures, numbers), .fallback = "false",
	 .help = "Numbers are predicted: the label is one of eleven in their range."},
	{.name = "candidate", .type = FIELD_NUMBER, AT(struct label_figures, candidate),
	 .help = "Its share of the candidate's predictions, 0 to 1."},
	{.name = "stable", .type = FIELD_NUMBER, AT(struct label_figures, stable),
	 .help = "Its share of the stable revision's."},
	{.name = "candidatePredictions", .type = FIELD_NUMBER,
	 AT(struct label_figures, n_candidate), ALWAYS, .help = "Predictions of the candidate."},
	{.name = "stablePredictions", .type = FIELD_NUMBER, AT(struct label_figures, n_stable), ALWAYS,
	 .help = "Predictions of the stable revision."},
	{.name = "distance", .type = FIELD_NUMBER, AT(struct label_figures, distance),
	 .help = "Total variation distance of the labels' shares; of numbers, the Wasserstein distance"
	         " as a share of their range. 0 to 1."},
	{.name = "low", .type = FIELD_NUMBER, AT(struct label_figures, low),
	 .help = "Lower end of its 95 % interval."},
	{.name = "high", .type = FIELD_NUMBER, AT(struct label_figures, high),
	 .help = "Upper end of its 95 % interval."},
	{.name = "limit", .type = FIELD_NUMBER, AT(struct label_figures, limit), ALWAYS,
	 .help = "The declared predictions.maxDistance."},
};
static const struct record label_record =
	RECORD(struct label_figures, label, "How far apart both arms' predictions are.");

static const struct field times_fields[] = {
	{.name = "since", .type = FIELD_TIME, AT(struct evidence, since_ms), ALWAYS,
	 .help = "Since when this rollout is watched."},
	{.name = "stepSince", .type = FIELD_TIME, AT(struct evidence, step_since_ms), ALWAYS,
	 .help = "Since when this step is."},
	{.name = "lastData", .type = FIELD_TIME, AT(struct evidence, last_data_ms), ALWAYS,
	 .help = "When both arms last had requests."},
};
static const struct record times_record =
	RECORD(struct evidence, times, "When the evidence was gathered.");

static const struct field point_fields[] = {
	{.name = "at", .type = FIELD_TIME, AT(struct weight_point, at_ms), ALWAYS,
	 .help = "From when on."},
	{.name = "weight", .type = FIELD_NUMBER, AT(struct weight_point, weight), ALWAYS,
	 .help = "The candidate's share, 0 to 1."},
};
static const struct record point_record =
	RECORD(struct weight_point, point, "The candidate's weight from a time on.");

#define FIGURES(key, member) \
	{.name = key, .type = FIELD_RECORD, AT(struct deployment_view, member), ALWAYS, \
	 .record = &figures_record, .help = "What this arm has shown."}
static const struct field shown_fields[] = {
	{.name = "times", .type = FIELD_OPTIONAL, AT(struct deployment_view, evidence),
	 .record = &times_record, .help = "When it was gathered."},
	FIGURES("candidate", candidate),
	FIGURES("stable", stable),
	FIGURES("candidateAtStep", at_step),
	{.name = "predictions", .type = FIELD_OPTIONAL, AT(struct deployment_view, predictions),
	 .record = &label_record, .help = "What both arms predict, where it is watched."},
};
static const struct record shown_record =
	RECORD(struct deployment_view, shown, "What the rollout has shown.");

static const struct field view_fields[] = {
	{.name = "deployment", .type = FIELD_RECORD, AT(struct deployment_view, row), ALWAYS,
	 .record = &row_record, .help = "At a glance."},
	{.name = "rollout", .type = FIELD_OPTIONAL, AT(struct deployment_view, rollout),
	 .record = &rollout_record, .help = "How a change goes out."},
	{.name = "evidence", .type = FIELD_RECORD, ALWAYS, .record = &shown_record,
	 .help = "What the rollout has shown."},
	{.name = "trail", .type = FIELD_LIST, LIST_AT(struct deployment_view, trail), ALWAYS,
	 .record = &point_record, .help = "The candidate's weight over time."},
	{.name = "status", .type = FIELD_OPTIONAL, AT(struct deployment_view, status), ALWAYS,
	 .record = &deployment_status_record, .help = "As the status branch has it."},
};
static const struct record view_record =
	RECORD(struct deployment_view, view, "What is shown of a deployment.");

static const struct field model_view_fields[] = {
	{.name = "model", .type = FIELD_RECORD, AT(struct model_view, row), ALWAYS,
	 .record = &model_row_record, .help = "At a glance."},
	{.name = "status", .type = FIELD_OPTIONAL, AT(struct model_view, status), ALWAYS,
	 .record = &model_status_record, .help = "As the status branch has it."},
};
static const struct record model_view_record =
	RECORD(struct model_view, model_view, "What is shown of a model.");

static void encode(struct buf *out, const struct record *record, const void *in,
                   const void *context)
{
	struct writer writer;

	write_begin(&writer, out, true);
	writer.context = context;
	record_encode(&writer, record, in);
}

void deployment_view_encode(struct buf *row, struct buf *whole, const struct deployment_view *view)
{
	struct revisions revisions = {view->status->revisions, view->status->n_revisions};

	encode(row, &row_record, &view->row, NULL);
	encode(whole, &view_record, view, &revisions);
}

void model_view_encode(struct buf *row, struct buf *whole, const struct model_view *view)
{
	encode(row, &model_row_record, &view->row, NULL);
	encode(whole, &model_view_record, view, NULL);
}
