/* linnet estimate: before a rollout, what the declared steps can see at the present traffic. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "gate/arm.h"
#include "gate/gate.h"
#include "stats/sequential.h"
#include "view.h"

#define HOUR_MS 3600000.0
#define DAY_S 86400.0

/* What a step is held against: the stable revision's traffic and errors. */
struct traffic {
	double rate;   /* requests a second */
	double errors; /* share of bad answers, as far as it is known */
	const char *source;
};
struct estimate {
	const struct options *options;
	const char *id;
	const struct deployment *declared;
	struct traffic traffic;
	/* whose stable labels a candidate is held against; NULL: not known, or not watched */
	const struct evidence *labels;
	double harm_at; /* ln of the e-value of errors that rolls back by itself */
	double margin;  /* a smaller ratio of errors is nobody's concern */
	struct outlook {
		double weight, least_s; /* what the step asks for at least */
		double pass_s;          /* until one as good as stable goes on */
		double twice_s, five_s; /* until doubled errors, and 5 % of them, are shown as harm */
		double alike_s, one_s;  /* until labels as stable's go on, and one label alone is harm */
	} *steps;
	size_t n;
};

/* The least whole number of requests for which `shown` holds; INFINITY beyond 10^12. */
static double least_requests(bool (*shown)(const struct estimate *, double weight, double rate,
                                           double n),
                             const struct estimate *estimate, double weight, double rate)
{
	double low = 0, high = 1;

	for (; !shown(estimate, weight, rate, high); high *= 2) {
		if (high > 1e12)
			return INFINITY;
		low = high;
	}
	while (high - low > fmax(1, high / 1e6)) {
		double middle = (low + high) / 2;

		if (shown(estimate, weight, rate, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

/* n requests of both arms, the candidate's errors at `rate`: are they shown as harm? */
static bool harm_shown(const struct estimate *estimate, double weight, double rate, double n)
{
	double base = estimate->traffic.errors;
	struct tick tick = {weight * n, weight * n * rate, (1 - weight) * n, (1 - weight) * n * base};
	struct e_process e;

	e_begin(&e, E_RATIO_HARM, estimate->margin);
	ratio_update(&e, &tick, dispersion_factor(NAN));
	return e_ln(&e) >= estimate->harm_at;
}

/* n requests of the candidate at `rate` of errors: is it shown to be below `errors.max`? */
static bool pass_shown(const struct estimate *estimate, double weight, double rate, double n)
{
	struct e_process e;

	(void)weight;
	e_begin(&e, E_LEVEL_NOT_WORSE, estimate->declared->rollout.analysis.errors_max);
	level_update(&e, n, n * rate, 1);
	return e_ln(&e) >= log(20);
}

/* n predictions of both arms, the candidate's as stable's (rate 0), or all of stable's rarest label
 * (rate 1): is that shown to be within, or beyond, `maxDistance`? */
static bool labels_shown(const struct estimate *estimate, double weight, double rate, double n)
{
	return gate_labels_shown(estimate->labels, &estimate->declared->rollout.analysis, weight * n,
	                         (1 - weight) * n, rate > 0, estimate->options->arena);
}

static struct outlook look_ahead(const struct estimate *estimate, const struct step_spec *step)
{
	const struct traffic *traffic = &estimate->traffic;
	double rate = traffic->rate, w = step->weight;
	struct outlook outlook = {.weight = w};

	outlook.least_s = fmax((double)step->min_duration_ms / 1000,
	                       (double)step->min_requests / (rate * w));
	outlook.pass_s = least_requests(pass_shown, estimate, w, traffic->errors) / (rate * w);
	outlook.pass_s = fmax(outlook.least_s, outlook.pass_s);
	outlook.twice_s = least_requests(harm_shown, estimate, w, 2 * traffic->errors) / rate;
	outlook.five_s = least_requests(harm_shown, estimate, w, fmax(0.05, traffic->errors)) / rate;
	outlook.alike_s = outlook.one_s = NAN;
	if (estimate->labels) {
		outlook.alike_s = least_requests(labels_shown, estimate, w, 0) / rate;
		outlook.one_s = least_requests(labels_shown, estimate, w, 1) / rate;
	}
	return outlook;
}

/* The stable revision's figures are halved every hour, so that after some hours of the same traffic
 * they hold one hour's at the halving and grow from there. */
static int find_traffic(struct estimate *estimate, const struct evidence *evidence,
                        struct err *err)
{
	const struct options *options = estimate->options;
	struct traffic *traffic = &estimate->traffic;
	const struct analysis_spec *analysis = &estimate->declared->rollout.analysis;
	const struct arm *recent = evidence ? &evidence->recent : NULL;
	double n = recent ? arm_trials(recent) : 0;
	int64_t until_ms = evidence ? evidence->judged_ms : 0;

	if (n > 0) {
		double watched_ms;

		if (options->state)
			until_ms = (int64_t)time(NULL) * 1000;
		watched_ms = (double)(until_ms - evidence->recent_since_ms) + HOUR_MS;

		traffic->rate = n / (fmax(watched_ms, HOUR_MS) / 1000);
		traffic->errors = ((double)recent->bad + 0.5) / (n + 1);
		traffic->source = options->state ? "the last hours"
		                                 : "the last hours before the last decision";
	}
	if (options->rate) {
		if (parse_number(options->rate, 1e-6, 1e9, &traffic->rate, err))
			return err_wrap(err, "--rate");
		traffic->source = n > 0 ? "--rate; errors of the last hours" : "--rate; no errors known";
	}
	if (!(traffic->rate > 0))
		return err_set(err, ERR_STALLED, "no traffic of %s is known; say it with --rate, in "
		               "requests a second", estimate->id);
	estimate->margin = practical_margin(1, fmax(0, analysis->errors_margin),
	                                    recent ? (double)recent->bad : 0, n);
	return 0;
}

static int fill(struct estimate *estimate, const struct evidence *evidence, struct err *err)
{
	const struct rollout_spec *rollout = &estimate->declared->rollout;
	static const struct evidence none;
	struct finding *findings;
	size_t n;

	if (find_traffic(estimate, evidence, err))
		return -1;
	if (evidence && evidence->predicted_ticks > FREEDOM_MIN &&
	    is_set(rollout->analysis.predictions_max_distance))
		estimate->labels = evidence;
	findings = gate_findings(&none, &rollout->analysis, estimate->options->arena, &n);
	estimate->harm_at = findings[0].harm_at;
	estimate->steps = arena_array(estimate->options->arena, rollout->n_steps, struct outlook);
	for (size_t i = 0; i < rollout->n_steps && rollout->steps[i].weight < 1; i++)
		estimate->steps[estimate->n++] = look_ahead(estimate, &rollout->steps[i]);
	return 0;
}

/* "85 min", in the unit that is read at a glance. */
static const char *span(struct arena *arena, double seconds)
{
	if (!(seconds < 365 * DAY_S))
		return "never";
	if (seconds < 120)
		return arena_printf(arena, "%.0f s", ceil(seconds));
	if (seconds < 7200)
		return arena_printf(arena, "%.0f min", ceil(seconds / 60));
	return seconds < 2 * DAY_S ? arena_printf(arena, "%.1f h", seconds / 3600)
	                           : arena_printf(arena, "%.1f days", seconds / DAY_S);
}

static void put_estimate(const struct estimate *estimate)
{
	struct arena *arena = estimate->options->arena;

	printf("%s: %.3g requests a second, %.2g %% errors (%s)\n", estimate->id,
	       estimate->traffic.rate, 100 * estimate->traffic.errors, estimate->traffic.source);
	if (estimate->n == 0) {
		printf("  no step below 100 %%: nothing is compared before all traffic goes over\n");
		return;
	}
	printf("  %-6s %-12s %-22s %-22s %s\n", "STEP", "AT LEAST", "AS GOOD: GOES ON IN",
	       "ERRORS DOUBLE: SEEN IN", "5 % ERRORS: SEEN IN");
	for (size_t i = 0; i < estimate->n; i++) {
		const struct outlook *step = &estimate->steps[i];

		printf("  %-6s %-12s %-22s %-22s %s\n",
		       arena_printf(arena, "%.3g %%", 100 * step->weight), span(arena, step->least_s),
		       span(arena, step->pass_s), span(arena, step->twice_s), span(arena, step->five_s));
	}
	if (!is_set(estimate->declared->rollout.analysis.predictions_max_distance))
		return;
	if (!estimate->labels) {
		printf("  predictions: how they are spread is known once a canary has logged some\n");
		return;
	}
	printf("  %-6s %-22s %s\n", "STEP", "ALIKE: SEEN IN", "ALL THE RAREST: SEEN IN");
	for (size_t i = 0; i < estimate->n; i++)
		printf("  %-6s %-22s %s\n",
		       arena_printf(arena, "%.3g %%", 100 * estimate->steps[i].weight),
		       span(arena, estimate->steps[i].alike_s), span(arena, estimate->steps[i].one_s));
}

static void write_estimate(struct writer *writer, const void *context)
{
	const struct estimate *estimate = context;

	write_map(writer);
	write_member(writer, "deployment", estimate->id);
	write_key(writer, "requestsPerSecond");
	write_number(writer, estimate->traffic.rate);
	write_key(writer, "errors");
	write_number(writer, estimate->traffic.errors);
	write_member(writer, "source", estimate->traffic.source);
	write_key(writer, "steps");
	write_list(writer);
	for (size_t i = 0; i < estimate->n; i++) {
		const struct outlook *step = &estimate->steps[i];
		const struct {
			const char *key;
			double value;
		} numbers[] = {{"weight", step->weight}, {"leastSeconds", step->least_s},
		               {"passSeconds", step->pass_s}, {"doubledErrorsSeconds", step->twice_s},
		               {"fivePercentErrorsSeconds", step->five_s},
		               {"labelsAlikeSeconds", step->alike_s},
		               {"labelsRarestSeconds", step->one_s}};

		write_map(writer);
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
			write_key(writer, numbers[k].key);
			write_number(writer, numbers[k].value);
		}
		write_map_end(writer);
	}
	write_list_end(writer);
	write_map_end(writer);
}

int verb_estimate(const struct options *options, struct err *err)
{
	struct estimate estimate = {.options = options, .id = options->args[0]};
	const struct evidence *evidence = NULL;
	struct deployment_status *status;
	struct status_view view;
	size_t n;
	int result;

	if (status_open(&view, options, err))
		return -1;
	result = status_deployments(&view, options, &status, &n, err);
	if (!result && !n)
		result = status_missing(&view, options, err);
	if (!result) {
		estimate.declared = status_declared(&view, status, options->arena);
		result = status_evidence(options, status, &evidence, err);
	}
	if (!result && !estimate.declared)
		result = err_set(err, ERR_STALLED, "the manifest of %s is not in this repository; fetch "
		                 "the fleet branch", options->args[0]);
	status_close(&view);
	if (result || fill(&estimate, evidence, err))
		return -1;
	if (options->output == OUTPUT_TABLE)
		put_estimate(&estimate);
	else
		put_document(options, write_estimate, &estimate);
	return 0;
}
