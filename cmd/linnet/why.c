/* linnet why: the decision in force, what it waits for, and the evidence, as a person wants it. */
#include <math.h>
#include <string.h>

#include "gate/arm.h"
#include "gate/gate.h"
#include "view.h"

/* All that is known of one deployment; what is not at hand is NULL. */
struct reasons {
	const struct options *options;
	struct deployment_status *status;
	const struct deployment *declared; /* as the status was planned from it */
	const struct evidence *evidence;
	bool live;                         /* of the state folder, not of the last decision */
	const struct admission *admission; /* of the candidate, else of the stable revision */
	struct finding *findings;
	size_t n;
};

/* ---- what is known ---- */

static int find_reasons(struct reasons *reasons, struct err *err)
{
	const struct options *options = reasons->options;
	struct status_view view;
	struct digest subject;
	size_t n;
	int result;

	if (status_open(&view, options, err))
		return -1;
	result = status_deployments(&view, options, &reasons->status, &n, err);
	if (!result && !n)
		result = status_missing(&view, options, err);
	if (!result) {
		reasons->declared = status_declared(&view, reasons->status, options->arena);
		reasons->live = options->state != NULL;
		result = status_evidence(options, reasons->status, &reasons->evidence, err);
	}
	status_close(&view);
	if (result)
		return -1;
	subject = reasons->status->candidate.hex[0] ? reasons->status->candidate
	                                            : reasons->status->stable;
	for (size_t i = reasons->status->n_admitted; i-- > 0;) /* the newest stands first */
		if (digest_same(reasons->status->admitted[i].revision, subject))
			reasons->admission = &reasons->status->admitted[i];
	if (reasons->evidence && !reasons->evidence->revision.hex[0])
		reasons->evidence = NULL; /* of the stable revision alone: nothing was decided from it */
	if (reasons->evidence && reasons->declared)
		reasons->findings = gate_findings(reasons->evidence,
		                                  &reasons->declared->rollout.analysis, options->arena,
		                                  &reasons->n);
	return 0;
}

/* ---- words ---- */

static const char *e_text(struct arena *arena, double ln)
{
	return fabs(ln) < 13 ? arena_printf(arena, "%.3g", exp(ln))
	                     : arena_printf(arena, "10^%.0f", ln / log(10));
}

static const char *percent_text(struct arena *arena, double share)
{
	return isfinite(share) ? arena_printf(arena, "%.3g %%", 100 * share) : "unknown";
}

static const char *version_of(const struct reasons *reasons, struct digest digest)
{
	const struct revision *revision = status_revision(reasons->status, digest);

	return revision ? revision->version : "none";
}

/* Predictions: judged by bounds of their distance. */
static void put_predictions(const struct reasons *reasons, const struct finding *f)
{
	struct arena *arena = reasons->options->arena;

	if (!f->label) {
		printf("  %-9snone of both revisions are in the prediction log yet\n", f->metric);
		return;
	}
	printf("  %s: %s differ by %s%s [%.3g, %.3g], on %.0f and %.0f; at most %s is allowed\n",
	       f->metric, f->numbers ? "numbers" : "labels", percent_text(arena, f->distance),
	       f->numbers ? " of their range" : "", 100 * f->shown.low, 100 * f->shown.high,
	       f->n_candidate, f->n_stable, percent_text(arena, f->limit));
	printf("  %-9s%s: candidate %s, stable %s\n", "", f->label, percent_text(arena, f->candidate),
	       percent_text(arena, f->stable));
	printf("  %-9sharm: surely %s apart, rolls back above %s\n", "",
	       percent_text(arena, f->harm_low), percent_text(arena, f->limit));
	printf("  %-9snot worse: surely within %s at this step, steps up below %s\n", "",
	       percent_text(arena, f->pass_high), percent_text(arena, f->limit));
	if (f->phi > 1)
		printf("  %-9sover-dispersion: predictions count %.2g times less\n", "", f->phi);
	if (f->missing > 0)
		printf("  %-9smissing: %.0f more predictions of the candidate, if %s stay so\n", "",
		       f->missing, f->numbers ? "numbers" : "labels");
}

static void put_finding(const struct reasons *reasons, const struct finding *f)
{
	struct arena *arena = reasons->options->arena;
	bool shares = isfinite(f->bad_candidate), alone = !reasons->evidence->stable.hex[0];

	if (is_set(f->limit)) {
		put_predictions(reasons, f);
		return;
	}
	printf("  %-9s", f->metric);
	if (isnan(f->harm_at)) { /* declared by the deployment: a threshold, no test */
		if (is_set(f->candidate))
			printf("last answer %.4g: %s\n", f->candidate, verdict_result_names.names[f->result]);
		else
			printf("no answer yet\n");
		return;
	}
	if (!(f->n_candidate > 0)) {
		printf("no requests were counted\n");
		return;
	}
	if (alone) {
		printf("%.3g%s on %.0f requests, with nothing to compare it with\n",
		       shares ? 100 * f->candidate : f->candidate, shares ? " %" : " ms", f->n_candidate);
		return;
	}
	if (shares)
		printf("candidate %s [%.3g, %.3g] of %.0f requests, stable %s of %.0f\n",
		       percent_text(arena, f->candidate), 100 * f->shown.low, 100 * f->shown.high,
		       f->n_candidate, percent_text(arena, f->stable), f->n_stable);
	else
		printf("p95 %.3g ms against %.3g ms on %.0f and %.0f requests\n", f->candidate, f->stable,
		       f->n_candidate, f->n_stable);
	printf("  %-9sharm: e-value %s, rolls back at %s\n", "", e_text(arena, f->harm_ln),
	       e_text(arena, f->harm_at));
	if (isfinite(f->pass_ln))
		printf("  %-9snot worse: e-value %s, steps up at %s\n", "", e_text(arena, f->pass_ln),
		       e_text(arena, f->pass_at));
	if (f->phi > 1)
		printf("  %-9sover-dispersion: evidence of harm counts %.2g times less\n", "", f->phi);
	if (f->missing > 0)
		printf("  %-9smissing: %.0f more requests of the candidate, if none of them is bad\n", "",
		       f->missing);
}

/* What the step asks for beside the test. */
static void put_step(const struct reasons *reasons)
{
	const struct evidence *evidence = reasons->evidence;
	const struct rollout_spec *rollout = &reasons->declared->rollout;
	const struct step_spec *step;
	char least[TIME_TEXT];

	if (evidence->step < 0 || (size_t)evidence->step >= rollout->n_steps)
		return;
	step = &rollout->steps[evidence->step];
	format_duration(step->min_duration_ms, least);
	printf("  step %d of %zu, %s: %.0f of at least %lld requests, for at least %s%s\n",
	       evidence->step + 1, rollout->n_steps,
	       percent_text(reasons->options->arena, step->weight), arm_trials(&evidence->at_step),
	       (long long)step->min_requests, least,
	       step->approval ? ", and an approval" : "");
}

static void put_evidence(const struct reasons *reasons)
{
	char at[TIME_TEXT];

	if (!reasons->evidence) {
		printf("\nEvidence: no decision was made from any yet%s.\n",
		       reasons->status->phase == PHASE_CANARY
		               ? "; --state DIR shows what the controller has counted" : "");
		return;
	}
	format_time(reasons->live ? reasons->evidence->last_data_ms : reasons->evidence->judged_ms, at);
	printf("\nEvidence %s %s, %s", reasons->live ? "until" : "of the decision at", at,
	       version_of(reasons, reasons->evidence->revision));
	if (reasons->evidence->stable.hex[0])
		printf(" against %s", version_of(reasons, reasons->evidence->stable));
	printf(":\n");
	if (!reasons->declared) {
		printf("  the manifest %.10s is not in this repository; fetch the fleet branch\n",
		       reasons->status->observed_manifest ? reasons->status->observed_manifest : "");
		return;
	}
	put_step(reasons);
	for (size_t i = 0; i < reasons->n; i++)
		put_finding(reasons, &reasons->findings[i]);
}

static void put_reasons(const struct reasons *reasons)
{
	const struct deployment_status *status = reasons->status;
	const struct options *options = reasons->options;
	char at[TIME_TEXT];

	format_time(status->phase_since_ms, at);
	put_coloured(options, "1", arena_printf(options->arena, "%s/%s: %s", status->environment,
	             status->name, phase_names.names[status->phase]));
	printf(" since %s\n", at);
	printf("  serves: %s %s", version_of(reasons, status->stable),
	       percent_text(options->arena, status->stable_weight));
	if (status->candidate.hex[0])
		printf(", %s %s", version_of(reasons, status->candidate),
		       percent_text(options->arena, status->candidate_weight));
	printf("\n");
	if (status->message)
		printf("  waits:  %s\n", status->message);
	for (int i = 0; i < CONDITION_TYPES; i++)
		if (status->has_condition[i] && status->conditions[i].message &&
		    status->conditions[i].status == (i < CONDITION_RECONCILING ? TRUTH_FALSE : TRUTH_TRUE))
			printf("  %s: %s\n", condition_type_names.names[i], status->conditions[i].message);
	if (status->n_history) {
		format_time(status->history[0].at_ms, at);
		printf("  last:   %s at %s: %s\n", status->history[0].what, at, status->history[0].why);
	}
	if (reasons->admission)
		printf("  gates:  %s: %s\n", verdict_result_names.names[reasons->admission->result],
		       reasons->admission->why);
	put_evidence(reasons);
}

static void write_finding(struct writer *writer, const struct finding *f)
{
	const struct {
		const char *key;
		double value;
	} numbers[] = {
		{"candidate", f->candidate}, {"stable", f->stable},
		{"candidateRequests", f->n_candidate}, {"stableRequests", f->n_stable},
		{"candidateBad", f->bad_candidate}, {"stableBad", f->bad_stable},
		{"low", f->shown.low}, {"high", f->shown.high},
		{"harmLn", f->harm_ln}, {"harmAt", f->harm_at},
		{"notWorseLn", f->pass_ln}, {"notWorseAt", f->pass_at},
		{"overDispersion", f->phi}, {"missingRequests", f->missing},
		{"maxDistance", f->limit}, {"distance", f->distance},
		{"distanceAtLeast", f->harm_low}, {"distanceAtMost", f->pass_high},
	};

	write_map(writer);
	write_member(writer, "metric", f->metric);
	write_member(writer, "result", verdict_result_names.names[f->result]);
	write_member(writer, "label", f->label);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		write_key(writer, numbers[i].key);
		write_number(writer, numbers[i].value);
	}
	write_map_end(writer);
}

static void write_reasons(struct writer *writer, const void *context)
{
	const struct reasons *reasons = context;
	const struct deployment_status *status = reasons->status;

	write_map(writer);
	write_member(writer, "environment", status->environment);
	write_member(writer, "name", status->name);
	write_member(writer, "phase", phase_names.names[status->phase]);
	write_time(writer, "since", status->phase_since_ms);
	write_member(writer, "reason", status->reason);
	write_member(writer, "message", status->message);
	write_member(writer, "stable", version_of(reasons, status->stable));
	write_member(writer, "candidate", version_of(reasons, status->candidate));
	write_member(writer, "lastDecision", status->n_history ? status->history[0].what : NULL);
	write_member(writer, "lastWhy", status->n_history ? status->history[0].why : NULL);
	write_member(writer, "gates", reasons->admission ? reasons->admission->why : NULL);
	write_time(writer, "evidenceOf", !reasons->evidence ? -1
	           : reasons->live ? reasons->evidence->last_data_ms : reasons->evidence->judged_ms);
	write_key(writer, "findings");
	write_list(writer);
	for (size_t i = 0; i < reasons->n; i++)
		write_finding(writer, &reasons->findings[i]);
	write_list_end(writer);
	write_map_end(writer);
}

int verb_why(const struct options *options, struct err *err)
{
	struct reasons reasons = {.options = options};

	if (!strchr(options->args[0], '/'))
		return why_model(options, err);
	if (find_reasons(&reasons, err))
		return -1;
	if (options->output == OUTPUT_TABLE)
		put_reasons(&reasons);
	else
		put_document(options, write_reasons, &reasons);
	return 0;
}
