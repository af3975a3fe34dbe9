/* Evidence -> verdicts. Each test is an e-process: at most `falseRollback` of healthy candidates
 * are rolled back, however often one looks (STATISTICS.md, sections 1 to 3). */
#include "gate/gate.h"

#include <string.h>

#include "gate/arm.h"
#include "stats/proportion.h"
#include "stats/sequential.h"

#define MISTAKEN_STEP 0.05       /* chance to step up with one that fails its bound */
#define SHARE_TESTS 0.8          /* of falseRollback, for errors and latency together */
#define SHARE_ERRORS 0.6         /* of the weight of these two; latency has the rest */
#define SHOWN_ALPHA 0.05         /* of the intervals that people are shown */
#define REFERENCE_ALPHA 0.01     /* of the upper bound of what the stable arm did */
#define LATENCY_QUANTILE 0.95
#define LATENCY_REQUESTS_MIN 200 /* in the arm that sets the level */
#define WARMUP_RATE 0.5          /* what even a cold start must stay below */

static bool is_share(double share)
{
	return share > 0 && share < 1;
}

/* ---- sentences ---- */

const char *grouped(struct arena *arena, double number)
{
	unsigned long long n = number < 1e18 ? (unsigned long long)number : 1000000000000000000ULL;
	const char *text = "";

	for (; n >= 1000; n /= 1000)
		text = arena_printf(arena, ",%03llu%s", n % 1000, text);
	return arena_printf(arena, "%llu%s", n, text);
}

const char *points(struct arena *arena, double share)
{
	return share > 0.9945 ? "100" : arena_printf(arena, "%.2g", 100 * share);
}

static const char *rate_text(struct arena *arena, const struct arm *arm)
{
	double n = arm_trials(arm), x = (double)arm->bad;
	struct interval shown = proportion_wilson(x, n, SHOWN_ALPHA);

	return n > 0 ? arena_printf(arena, "%s %% [%s, %s]", points(arena, x / n),
	                            points(arena, shown.low), points(arena, shown.high))
	             : "unknown";
}

/* "errors 4.2 % [2.9, 6.1] against 0.1 % [0.05, 0.17] on 812 and 15,420 requests" */
static const char *errors_text(struct arena *arena, const struct arm *candidate,
                               const struct arm *stable)
{
	if (!stable || arm_trials(stable) <= 0)
		return arena_printf(arena, "errors %s on %s requests", rate_text(arena, candidate),
		                    grouped(arena, arm_trials(candidate)));
	return arena_printf(arena, "errors %s against %s on %s and %s requests",
	                    rate_text(arena, candidate), rate_text(arena, stable),
	                    grouped(arena, arm_trials(candidate)), grouped(arena, arm_trials(stable)));
}

static const char *latency_text(struct arena *arena, const struct arm *candidate,
                                const struct arm *stable)
{
	return arena_printf(arena, "latency p95 %.3g ms against %.3g ms on %s and %s requests",
	                    latency_quantile(candidate->latency, LATENCY_QUANTILE),
	                    latency_quantile(stable->latency, LATENCY_QUANTILE),
	                    grouped(arena, (double)candidate->requests),
	                    grouped(arena, (double)stable->requests));
}

/* ---- tests; each gives the logarithm of an e-value, 0 where nothing can be said ---- */

/* x of n against a level that is at most it. */
static double above_ln(double level, double n, double x, double phi)
{
	struct e_process e;

	e_begin(&e, E_LEVEL_HARM, level);
	level_update(&e, n, x, phi);
	return e_ln(&e);
}

static double slower_ln(const struct evidence *evidence)
{
	double ln[SLOW_EDGES];

	for (int k = 0; k < SLOW_EDGES; k++)
		ln[k] = grid_ln(evidence->harm[EVENT_SLOW + k], E_RATIO_SLOWER);
	return latency_mean_ln(ln);
}

/* The e-values of harm, each metric by itself and both together. */
struct harm {
	double errors, latency, both;
};
static struct harm weigh(double errors_ln, double latency_ln_e,
                         const struct analysis_spec *analysis)
{
	double share = latency_watched(analysis) ? SHARE_ERRORS : 1;
	struct harm harm = {errors_ln, latency_ln_e, 0};

	harm.both = e_mean_ln((double[]){errors_ln, latency_ln_e}, (double[]){share, 1 - share}, 2);
	return harm;
}

/* Without a stable arm beside it: more than a twentieth of its requests, and than the share of the
 * reference's as far as that can be known, are slower than the reference's p95 and the margin. */
static double slower_than_reference(const struct arm *arm, const struct arm *reference,
                                    const struct analysis_spec *analysis, double phi)
{
	double quantile = latency_quantile(reference->latency, LATENCY_QUANTILE);
	double total = arm_timed(reference), share, edge;

	if (!latency_watched(analysis) || !is_set(quantile) || total < LATENCY_REQUESTS_MIN)
		return 0;
	edge = latency_bin(quantile) + 1;
	share = proportion_upper(arm_slower(reference, edge), total, REFERENCE_ALPHA);
	share = fmax(share, 1 - LATENCY_QUANTILE);
	return above_ln(share, arm_timed(arm), arm_slower(arm, slow_edge(edge, analysis)), phi);
}

/* A cold replica is judged by one thing: does nearly everything fail? */
static bool fails_from_start(const struct evidence *evidence, const struct analysis_spec *analysis,
                             double enough)
{
	for (size_t i = 0; i < evidence->n_marks; i++) {
		const struct counters *counters = &evidence->marks[i].last;
		struct arm arm = {.requests = counters->requests, .bad = counters->bad};

		if (digest_same(evidence->marks[i].revision, evidence->revision) &&
		    (int64_t)counters->requests <= analysis->warmup_requests &&
		    above_ln(WARMUP_RATE, arm_trials(&arm), (double)arm.bad, 1) >= enough)
			return true;
	}
	return false;
}

static const char *no_data(const struct evidence *evidence, const struct analysis_spec *analysis,
                           int64_t now_ms)
{
	if (analysis->no_data_deadline_ms < 0)
		return NULL;
	if (now_ms - evidence->last_data_ms > analysis->no_data_deadline_ms)
		return "requests on both arms";
	return metric_silent(evidence, analysis, now_ms) ? "answer about a declared metric" : NULL;
}

/* The logarithm of 1 / alpha for errors and latency together; what no evidence reaches where no
 * falseRollback is declared. The rest of alpha is for the metrics judged by intervals. */
static double harm_enough(const struct analysis_spec *analysis)
{
	return is_share(analysis->false_rollback) ? -log(SHARE_TESTS * analysis->false_rollback)
	                                          : INFINITY;
}

/* ---- judgements ---- */

static struct judgement harmful(struct judgement judgement, const char *why)
{
	judgement.harm = VERDICT_FAIL;
	judgement.not_worse = VERDICT_INCONCLUSIVE;
	judgement.why = why;
	return judgement;
}

static struct judgement startup_failure(struct judgement judgement, const struct evidence *evidence,
                                        struct arena *arena)
{
	double n = 0, x = 0;

	for (size_t i = 0; i < evidence->n_marks; i++)
		if (digest_same(evidence->marks[i].revision, evidence->revision)) {
			n += (double)evidence->marks[i].last.requests;
			x += (double)evidence->marks[i].last.bad;
		}
	return harmful(judgement, arena_printf(arena, "%s of the first %s requests failed: harm",
	                                       grouped(arena, x), grouped(arena, fmax(n, x))));
}

static bool minima_met(const struct evidence *evidence, const struct step_spec *step,
                       int64_t now_ms)
{
	return evidence->step_since_ms > 0 &&
	       now_ms - evidence->step_since_ms >= step->min_duration_ms &&
	       arm_trials(&evidence->at_step) > 0 &&
	       arm_trials(&evidence->at_step) >= (double)step->min_requests;
}

/* Which metric is to blame, by e-BH; where both are needed to tell, the one that tells more. */
static const char *blame(const struct harm *harm, const struct analysis_spec *analysis,
                         const char *errors, const char *latency, struct arena *arena)
{
	const double ln[] = {harm->errors, harm->latency};
	bool rejected[2];
	size_t n = e_bh(ln, 2, SHARE_TESTS * analysis->false_rollback, rejected);

	if (n == 2)
		return arena_printf(arena, "%s, %s: harm", errors, latency);
	if (n == 1 ? rejected[0] : harm->errors >= harm->latency)
		return arena_printf(arena, "%s: harm", errors);
	return arena_printf(arena, "%s: harm", latency);
}

/* Which test of this step has shown it not worse, as the end of a sentence; NULL: neither. */
static const char *shown_below(const struct evidence *evidence,
                               const struct analysis_spec *analysis, const struct step_spec *step,
                               struct arena *arena)
{
	const double enough = -log(MISTAKEN_STEP);

	if (grid_ln(evidence->below_level, E_LEVEL_NOT_WORSE) >= enough)
		return arena_printf(arena, "below %.3g %%", 100 * analysis->errors_max);
	if (grid_ln(evidence->below_ratio, E_RATIO_NOT_WORSE) >= enough)
		return arena_printf(arena, "below %.3g times the stable rate", step->max_error_ratio);
	return NULL;
}

static bool is_part(const struct arm *part, const struct arm *whole)
{
	return part->requests <= whole->requests && part->bad <= whole->bad;
}

/* Do the tests of the step say no more than its counts can? A damaged file must not step up. n
 * requests are at most (1 - errors.max)^-n times as likely under a rate below it; a bad answer
 * speaks for a ratio below the null by 1 / 0.2 at most, the farthest alternative. */
static bool is_sound(const struct evidence *evidence, const struct analysis_spec *analysis)
{
	const struct arm *c = &evidence->at_step, *s = &evidence->stable_at_step;
	double n = (double)c->requests + (double)c->bad, bad = (double)c->bad + (double)s->bad;

	return is_part(c, &evidence->candidate) && is_part(s, &evidence->stable_arm) &&
	       grid_ln(evidence->below_level, E_LEVEL_NOT_WORSE) <=
	               1e-6 - n * log1p(-fmin(analysis->errors_max, 1)) &&
	       grid_ln(evidence->below_ratio, E_RATIO_NOT_WORSE) <= 1e-6 + bad * log(5) &&
	       labels_sound(evidence);
}

struct judgement gate_canary(const struct evidence *evidence, const struct analysis_spec *analysis,
                             const struct step_spec *step, int64_t now_ms, struct arena *arena)
{
	struct judgement judgement = {.no_data = no_data(evidence, analysis, now_ms)};
	const struct arm *candidate = &evidence->candidate, *stable = &evidence->stable_arm;
	double enough = harm_enough(analysis);
	struct harm harm = weigh(grid_ln(evidence->harm[EVENT_BAD], E_RATIO_HARM),
	                         slower_ln(evidence), analysis);
	const char *below = NULL, *metric = metric_harm(evidence, analysis, arena), *missing;
	const char *labels = labels_harm(evidence, analysis, arena);

	if (!judgement.no_data && labels_silent(evidence, analysis, now_ms))
		judgement.no_data = "predictions of both revisions in the prediction log";
	if (fails_from_start(evidence, analysis, enough))
		return startup_failure(judgement, evidence, arena);
	if (harm.both >= enough)
		return harmful(judgement, blame(&harm, analysis, errors_text(arena, candidate, stable),
		                                latency_text(arena, candidate, stable), arena));
	if (labels || metric)
		return harmful(judgement, labels ? labels : metric);
	if (harm.both < enough && minima_met(evidence, step, now_ms))
		below = shown_below(evidence, analysis, step, arena);
	if (below && !is_sound(evidence, analysis))
		below = NULL;
	missing = below ? labels_missing(evidence, analysis, arena) : NULL;
	if (below && !missing)
		missing = metric_missing(evidence, analysis, now_ms, arena);
	if (missing) {
		judgement.why = arena_printf(arena, "%s: not enough to tell", missing);
		return judgement;
	}
	judgement.not_worse = below ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
	judgement.why =
		below ? arena_printf(arena, "%s: %s", errors_text(arena, &evidence->at_step,
		                                                  &evidence->stable_at_step), below)
		      : arena_printf(arena, "%s: not enough to tell",
		                     errors_text(arena, candidate, stable));
	return judgement;
}

/* ---- for people ---- */

struct arm_figures gate_figures(const struct arm *arm)
{
	double n = arm_trials(arm), x = (double)arm->bad;
	struct interval shown = proportion_wilson(x, n, SHOWN_ALPHA);
	struct arm_figures figures = {
		.requests = arm->requests, .bad = arm->bad, .share = NAN, .low = NAN, .high = NAN,
		.p95_ms = latency_quantile(arm->latency, LATENCY_QUANTILE),
	};

	if (n > 0) {
		figures.share = x / n;
		figures.low = shown.low;
		figures.high = shown.high;
	}
	return figures;
}

static bool passes_after(const struct evidence *evidence, double level, double n)
{
	struct e_process e;

	e_begin(&e, E_LEVEL_NOT_WORSE, level);
	level_update(&e, n, 0, step_phi(evidence));
	for (size_t i = 0; i < e.n; i++)
		e.ln[i] += evidence->below_level[i];
	return e_ln(&e) >= -log(MISTAKEN_STEP);
}

/* Requests without a bad one that bring the test of errors.max to its end. */
static double missing_requests(const struct evidence *evidence,
                               const struct analysis_spec *analysis)
{
	double low = 0, high = 1;

	if (!is_share(analysis->errors_max))
		return NAN;
	if (passes_after(evidence, analysis->errors_max, 0))
		return 0;
	for (; !passes_after(evidence, analysis->errors_max, high); high *= 2) {
		if (high > 1e15)
			return NAN;
		low = high;
	}
	while (high - low > 1) {
		double middle = floor((low + high) / 2);

		if (passes_after(evidence, analysis->errors_max, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

static struct finding finding_of(const char *metric, const struct evidence *evidence,
                                 const struct analysis_spec *analysis)
{
	const struct arm *candidate = &evidence->candidate, *stable = &evidence->stable_arm;

	return (struct finding){
		.metric = metric,
		.candidate = NAN,
		.stable = NAN,
		.n_candidate = arm_trials(candidate),
		.n_stable = arm_trials(stable),
		.bad_candidate = (double)candidate->bad,
		.bad_stable = (double)stable->bad,
		.shown = {NAN, NAN},
		.harm_at = harm_enough(analysis),
		.pass_ln = NAN,
		.pass_at = NAN,
		.missing = NAN,
		.limit = NAN,
		.distance = NAN,
		.harm_low = NAN,
		.pass_high = NAN,
	};
}

static void find_errors(struct finding *f, const struct evidence *evidence,
                        const struct analysis_spec *analysis)
{
	if (f->n_candidate > 0)
		f->candidate = f->bad_candidate / f->n_candidate;
	if (f->n_stable > 0)
		f->stable = f->bad_stable / f->n_stable;
	f->shown = proportion_wilson(f->bad_candidate, f->n_candidate, SHOWN_ALPHA);
	f->harm_ln = grid_ln(evidence->harm[EVENT_BAD], E_RATIO_HARM);
	f->pass_ln = fmax(grid_ln(evidence->below_level, E_LEVEL_NOT_WORSE),
	                  grid_ln(evidence->below_ratio, E_RATIO_NOT_WORSE));
	f->pass_at = -log(MISTAKEN_STEP);
	f->phi = harm_phi(evidence, EVENT_BAD);
	f->missing = f->pass_ln >= f->pass_at ? 0 : missing_requests(evidence, analysis);
	f->result = f->harm_ln >= f->harm_at   ? VERDICT_FAIL
	            : f->pass_ln >= f->pass_at ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

static void find_latency(struct finding *f, const struct evidence *evidence)
{
	f->n_candidate = arm_timed(&evidence->candidate);
	f->n_stable = arm_timed(&evidence->stable_arm);
	f->bad_candidate = f->bad_stable = NAN;
	f->candidate = latency_quantile(evidence->candidate.latency, LATENCY_QUANTILE);
	f->stable = latency_quantile(evidence->stable_arm.latency, LATENCY_QUANTILE);
	f->harm_ln = slower_ln(evidence);
	for (int event = EVENT_SLOW; event < EVENTS; event++)
		f->phi = fmax(f->phi, harm_phi(evidence, event));
	f->result = f->harm_ln >= f->harm_at ? VERDICT_FAIL : VERDICT_INCONCLUSIVE;
}

struct finding *gate_findings(const struct evidence *evidence,
                              const struct analysis_spec *analysis, struct arena *arena, size_t *n)
{
	struct finding *findings = arena_array(arena, 3 + analysis->n_metrics, struct finding);

	findings[0] = finding_of("errors", evidence, analysis);
	find_errors(&findings[0], evidence, analysis);
	*n = 1;
	if (latency_watched(analysis)) {
		findings[1] = finding_of("latency", evidence, analysis);
		find_latency(&findings[1], evidence);
		*n = 2;
	}
	if (labels_watched(analysis)) {
		findings[*n] = finding_of("predictions", evidence, analysis);
		labels_find(&findings[(*n)++], evidence, analysis, arena);
	}
	for (size_t i = 0; i < analysis->n_metrics; i++) {
		findings[*n] = finding_of(analysis->metrics[i].name, evidence, analysis);
		metric_find(&findings[(*n)++], evidence, &analysis->metrics[i]);
	}
	return findings;
}

/* ---- on its own ---- */

/* What a revision on its own is held to: `errors.max`, or what its predecessor did. */
static double level_alone(const struct arm *reference, const struct analysis_spec *analysis)
{
	double n = arm_trials(reference), x = (double)reference->bad, high;

	if (n <= 0)
		return analysis->errors_max;
	high = proportion_upper(x, n, REFERENCE_ALPHA);
	high += is_set(analysis->errors_margin) ? analysis->errors_margin : 0;
	return x / n > analysis->errors_max ? high : fmin(high, analysis->errors_max);
}

struct judgement gate_alone(const struct evidence *evidence, const struct arm *reference,
                            const struct analysis_spec *analysis, int64_t now_ms,
                            struct arena *arena)
{
	struct judgement judgement = {.no_data = no_data(evidence, analysis, now_ms)};
	const struct arm *arm = &evidence->at_step;
	const char *errors = errors_text(arena, arm, reference);
	double enough = harm_enough(analysis), level = level_alone(reference, analysis);
	double phi = harm_phi(evidence, EVENT_BAD);
	struct harm harm = weigh(above_ln(level, arm_trials(arm), (double)arm->bad, phi),
	                         slower_than_reference(arm, reference, analysis, phi), analysis);

	if (fails_from_start(evidence, analysis, enough))
		return startup_failure(judgement, evidence, arena);
	if (metric_harm(evidence, analysis, arena))
		return harmful(judgement, metric_harm(evidence, analysis, arena));
	if (harm.both >= enough) {
		if (harm.latency > harm.errors)
			return harmful(judgement, arena_printf(arena, "%s: harm",
			                                       latency_text(arena, arm, reference)));
		return harmful(judgement,
		               arena_printf(arena, "%s, above %.3g %%: harm", errors, 100 * level));
	}
	judgement.why = arena_printf(arena, "%s: no harm shown", errors);
	if (grid_ln(evidence->below_level, E_LEVEL_NOT_WORSE) >= -log(MISTAKEN_STEP))
		judgement.not_worse = VERDICT_PASS;
	return judgement;
}
