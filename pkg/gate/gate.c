/* Evidence -> verdicts. Each test is an e-process: at most `falseRollback` of healthy candidates
 * are rolled back, however often one looks (STATISTICS.md, sections 1 to 3). */
#include "gate/gate.h"

#include <string.h>

#include "gate/arm.h"
#include "stats/proportion.h"
#include "stats/sequential.h"

#define MISTAKEN_STEP 0.05       /* chance to step up with one that fails its bound */
#define SHARE_ERRORS 0.6         /* of the evidence of harm; latency has the rest */
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

/* 15420 -> "15,420" */
static const char *grouped(struct arena *arena, double number)
{
	unsigned long long n = number < 1e18 ? (unsigned long long)number : 1000000000000000000ULL;
	const char *text = "";

	for (; n >= 1000; n /= 1000)
		text = arena_printf(arena, ",%03llu%s", n % 1000, text);
	return arena_printf(arena, "%llu%s", n, text);
}

static const char *rate_text(struct arena *arena, const struct arm *arm)
{
	double n = arm_trials(arm), x = (double)arm->bad;
	struct interval shown = proportion_wilson(x, n, SHOWN_ALPHA);

	return n > 0 ? arena_printf(arena, "%.2g %% [%.2g, %.2g]", 100 * x / n, 100 * shown.low,
	                            100 * shown.high)
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

/* x of n against a level: at most it (E_LEVEL_HARM), or at least it (E_LEVEL_NOT_WORSE). */
static double level_ln(enum e_kind kind, double level, double n, double x)
{
	struct e_process e;

	e_begin(&e, kind, level);
	level_update(&e, n, x, 1);
	return e_ln(&e);
}

static double errors_harm(const struct evidence *evidence)
{
	return logsumexp(evidence->harm, HARM_RATIOS) - log(HARM_RATIOS);
}

/* Both metrics together: the weighted mean of e-values, valid under any dependence. */
static double both_ln(double errors_ln, double latency_ln_e)
{
	const double ln[] = {errors_ln, latency_ln_e};
	const double weights[] = {SHARE_ERRORS, 1 - SHARE_ERRORS};

	return e_mean_ln(ln, weights, ARRAY_LEN(ln));
}

static double above(const struct arm *arm, int bin)
{
	double n = 0;

	for (int i = bin; i < LATENCY_BINS; i++)
		n += (double)arm->latency[i];
	return n;
}

/* The edge that about a twentieth of the stable arm's requests pass, the margin beyond it and not
 * below the floor: more than that share of the candidate's, as far as the stable arm's can be
 * known, is slower. */
static double latency_harm(const struct arm *candidate, const struct arm *stable,
                           const struct analysis_spec *analysis)
{
	double margin = analysis->latency_margin, floor_ms = (double)analysis->latency_floor_ms;
	double quantile = latency_quantile(stable->latency, LATENCY_QUANTILE);
	double total = above(stable, 0), share;
	int edge, moved;

	if (!(margin >= 0 && margin <= 1) || !is_set(quantile) || total < LATENCY_REQUESTS_MIN)
		return 0;
	edge = latency_bin(quantile) + 1;
	moved = edge + (int)ceil(8 * log2(1 + margin) - 1e-9);
	if (floor_ms > 0 && moved <= latency_bin(floor_ms))
		moved = latency_bin(floor_ms) + 1;
	if (moved >= LATENCY_BINS)
		return 0;
	share = proportion_upper(above(stable, edge), total, REFERENCE_ALPHA);
	share = fmax(share, 1 - LATENCY_QUANTILE);
	return level_ln(E_LEVEL_HARM, share, above(candidate, 0), above(candidate, moved));
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
		    level_ln(E_LEVEL_HARM, WARMUP_RATE, arm_trials(&arm), (double)arm.bad) >= enough)
			return true;
	}
	return false;
}

static bool no_data(const struct evidence *evidence, const struct analysis_spec *analysis,
                    int64_t now_ms)
{
	return analysis->no_data_deadline_ms >= 0 &&
	       now_ms - evidence->last_data_ms > analysis->no_data_deadline_ms;
}

/* The logarithm of 1/falseRollback; what no evidence reaches where none is declared. */
static double harm_enough(const struct analysis_spec *analysis)
{
	return is_share(analysis->false_rollback) ? -log(analysis->false_rollback) : INFINITY;
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

static bool below_level(const struct arm *arm, double max)
{
	return level_ln(E_LEVEL_NOT_WORSE, max, arm_trials(arm), (double)arm->bad) >=
	       -log(MISTAKEN_STEP);
}

/* Within one step the share of traffic is one, so that its totals are as good as its ticks. */
static bool below_ratio(const struct arm *candidate, const struct arm *stable, double ratio)
{
	struct tick tick = {arm_trials(candidate), (double)candidate->bad, arm_trials(stable),
	                    (double)stable->bad};
	struct e_process e;

	e_begin(&e, E_RATIO_NOT_WORSE, ratio);
	ratio_update(&e, &tick, 1);
	return e_ln(&e) >= -log(MISTAKEN_STEP);
}

static bool minima_met(const struct evidence *evidence, const struct step_spec *step,
                       int64_t now_ms)
{
	return evidence->step_since_ms > 0 &&
	       now_ms - evidence->step_since_ms >= step->min_duration_ms &&
	       arm_trials(&evidence->at_step) > 0 &&
	       arm_trials(&evidence->at_step) >= (double)step->min_requests;
}

struct judgement gate_canary(const struct evidence *evidence, const struct analysis_spec *analysis,
                             const struct step_spec *step, int64_t now_ms, struct arena *arena)
{
	struct judgement judgement = {.no_data = no_data(evidence, analysis, now_ms)};
	const struct arm *candidate = &evidence->candidate, *stable = &evidence->stable_arm;
	const char *errors = errors_text(arena, candidate, stable);
	double enough = harm_enough(analysis);
	double errors_e = errors_harm(evidence);
	double latency_e = latency_harm(candidate, stable, analysis);

	if (fails_from_start(evidence, analysis, enough))
		return startup_failure(judgement, evidence, arena);
	if (both_ln(errors_e, latency_e) >= enough)
		return harmful(judgement, arena_printf(arena, "%s: harm", errors_e >= latency_e ? errors
		                                       : latency_text(arena, candidate, stable)));
	judgement.why = arena_printf(arena, "%s: not enough to tell", errors);
	if (!minima_met(evidence, step, now_ms))
		return judgement;
	errors = errors_text(arena, &evidence->at_step, &evidence->stable_at_step);
	if (below_level(&evidence->at_step, analysis->errors_max))
		judgement.why = arena_printf(arena, "%s: below %.3g %%", errors,
		                             100 * analysis->errors_max);
	else if (below_ratio(&evidence->at_step, &evidence->stable_at_step, step->max_error_ratio))
		judgement.why = arena_printf(arena, "%s: below %.3g times the stable rate", errors,
		                             step->max_error_ratio);
	else
		return judgement;
	judgement.not_worse = VERDICT_PASS;
	return judgement;
}

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
	double errors_e = level_ln(E_LEVEL_HARM, level, arm_trials(arm), (double)arm->bad);
	double latency_e = latency_harm(arm, reference, analysis);

	if (fails_from_start(evidence, analysis, enough))
		return startup_failure(judgement, evidence, arena);
	if (both_ln(errors_e, latency_e) >= enough) {
		if (latency_e > errors_e)
			return harmful(judgement, arena_printf(arena, "%s: harm",
			                                       latency_text(arena, arm, reference)));
		return harmful(judgement,
		               arena_printf(arena, "%s, above %.3g %%: harm", errors, 100 * level));
	}
	judgement.why = arena_printf(arena, "%s: no harm shown", errors);
	if (below_level(arm, analysis->errors_max))
		judgement.not_worse = VERDICT_PASS;
	return judgement;
}
