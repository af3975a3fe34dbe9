/* Judgement: evidence -> PASS, FAIL or INCONCLUSIVE with numbers and a sentence. Pure.
 *
 * Whoever decides asks here; how it is judged may change without anything else changing. */
#ifndef LINNET_GATE_GATE_H
#define LINNET_GATE_GATE_H

#include "api/view.h"
#include "base/arena.h"
#include "stats/special.h"

/* One judgement of a canary or of a revision at 100 %.
 *
 * Tests are e-processes (STATISTICS.md, sections 1 and 2): they hold however often one looks, so
 * that a healthy candidate is rolled back with probability at most `falseRollback`, and a step is
 * taken with one that fails its bound with at most 5 %. Intervals in `why` are Wilson's at 95 %,
 * for people; nothing is decided by them. */
struct judgement {
	enum verdict_result harm;      /* FAIL: shown harmful, roll back now; else INCONCLUSIVE */
	enum verdict_result not_worse; /* PASS: may go one step up; else INCONCLUSIVE */
	const char *no_data; /* what there was none of for longer than noDataDeadline; NULL: nothing */
	const char *why;               /* one sentence with counts and intervals; never NULL */
};

/* Folds one observation into `evidence` (arena-owned marks are replaced): differences of counters
 * per replica, without those in warm-up; a counter that went back drops that replica's tick; a tick
 * that misses either arm is dropped for both, unless the stable one carries no weight of record.
 * Starts anew when candidate or stable of `history` differ from what the evidence is about, and
 * the step's part when the step or the phase's beginning moved. Without a candidate it watches the
 * stable revision: its rate, latency and over-dispersion before a rollout. */
void gate_fold(struct evidence *evidence, const struct observed *observed,
               const struct deployment_status *history, const struct rollout_spec *rollout,
               int64_t now_ms, struct arena *arena);

/* Folds the counts of predictions, after gate_fold: rows of a tick that has some of both arms, both
 * with weight of record; a count that went back drops the tick, and so does the first look. Of an
 * output without output_labels() nothing is folded. */
void gate_labels(struct evidence *evidence, const struct observed *observed,
                 const struct deployment_status *history, const struct output_spec *output,
                 int64_t now_ms, struct arena *arena);

/* One answer about a declared metric, NAN for none; and whether it was last asked `every_ms` ago or
 * before. Three answers in a row above its max are harm; a step up needs an answer of this step, at
 * most 90 s old, that is not above. */
void gate_metric(struct evidence *evidence, const struct metric_spec *metric, double value,
                 int64_t now_ms, struct arena *arena);
bool gate_metric_due(const struct evidence *evidence, const char *name, int64_t now_ms,
                     int64_t every_ms);

/* A canary at `step`: harm on all of the rollout's evidence, not_worse on this step's. */
struct judgement gate_canary(const struct evidence *evidence, const struct analysis_spec *analysis,
                             const struct step_spec *step, int64_t now_ms, struct arena *arena);

/* What one metric of a canary has shown, for people: by the same evidence the same numbers.
 * Logarithms are of e-values; NAN where a number does not apply. */
struct finding {
	const char *metric; /* "errors", "latency", "predictions", or the name of a declared one */
	enum verdict_result result; /* FAIL: harm by itself; PASS: not worse; else INCONCLUSIVE */
	double candidate, stable;   /* shares of bad answers; p95 in ms; the last answer */
	double n_candidate, n_stable, bad_candidate, bad_stable; /* requests of the rollout, bad ones */
	struct interval shown;      /* 95 %: of the candidate's share */
	double harm_ln, harm_at;    /* the e-value of harm, and what rolls back by itself */
	double pass_ln, pass_at;    /* the better of both tests of this step, and what steps up */
	double phi;                 /* over-dispersion that divides the increments of harm */
	double missing;             /* more requests of the candidate until a test of this step passes
	                             * if none of them is bad; 0: passed */
	/* of predictions, where n_* are those that were logged and `missing` counts them, at the shares
	 * of labels so far; `shown` is the distance's, candidate and stable the shares of `label`: */
	double limit;               /* maxDistance; NAN: of another metric */
	const char *label;          /* that is the most in excess; NULL: none were logged yet */
	bool numbers;               /* they are numbers: a distance is a share of their range */
	double distance;            /* as observed: of classes, total variation */
	double harm_low, pass_high; /* its lower bound, for harm; its upper bound at this step */
};
/* Returns a list in the arena: errors, latency and predictions where they are watched, declared
 * metrics. */
struct finding *gate_findings(const struct evidence *evidence,
                              const struct analysis_spec *analysis, struct arena *arena,
                              size_t *n);

/* What so many predictions would show: of a candidate whose labels are spread as the stable
 * revision's in `evidence`, that it is within maxDistance; or of one that predicts nothing but the
 * rarest of them (`rarest`), that it is beyond. */
bool gate_labels_shown(const struct evidence *evidence, const struct analysis_spec *analysis,
                       double candidate, double stable, bool rarest, struct arena *arena);

/* A revision without a stable one beside it (first deployment, Promoting, a broken stable): the
 * absolute level `errors.max`; where `reference` (the stable arm's figures of the canary) holds
 * requests, no more than its upper 99 % bound and the margin instead. */
struct judgement gate_alone(const struct evidence *evidence, const struct arm *reference,
                            const struct analysis_spec *analysis, int64_t now_ms,
                            struct arena *arena);

enum { GATE_ATTEMPTS = 3 }; /* of an evaluation, before it waits for a person */
/* Is anything demanded of a version of this model, beside the guards? */
bool gate_declared(const struct model *model, const struct gate_policy *policy);
/* Is there anything to judge a version by before it serves? What is declared, else the guards alone
 * where the model names its data. */
bool gate_asked(const struct model *model, const struct gate_policy *policy);
/* The controller's own newest verdict that counts for this revision beside that stable one (NULL:
 * nothing serves): of the same artifact, serve and interface, under today's gate, against the same
 * incumbent; where no gate is declared, against any: guards alone compare with none, once it is
 * made. NULL: it has to be evaluated first. */
const struct verdict_record *gate_verdict(const struct revision *revision,
                                          const struct revision *stable, const struct model *model,
                                          const struct gate_policy *policy,
                                          const struct model_status *status, struct arena *arena);
/* May this revision be admitted at all? By that verdict. Without one: INCONCLUSIVE where there is
 * anything to judge it by, else NOT_APPLICABLE; each with its reason. */
struct admission gate_admit(const struct revision *revision, const struct revision *stable,
                            const struct model *model, const struct gate_policy *policy,
                            const struct model_status *status, struct arena *arena);

/* Over the resolved gate: entries, slices, reliability, budget, evaluator, policy and guards. What
 * an approval is given for, beside the revision. */
struct digest gate_digest(const struct model *model, const struct gate_policy *policy,
                          struct arena *arena);

/* ---- loosen.c ---- */

/* What a gate demands, by name, in the arena: "accuracy at least" 0.87, "gain in accuracy at least"
 * -0.025, "slices by team" 1; and what it lets off: "without the guard leakage" 1. */
struct named_number *gate_demands(const struct model *model, const struct gate_policy *policy,
                                  struct arena *arena, size_t *n);
/* In what `new` is looser than `old`: "accuracy at least 0.85, was 0.87; slices by team is gone".
 * NULL: in nothing. What is stricter makes up for nothing. */
const char *gate_looser(const struct named_number *old, size_t n_old,
                        const struct named_number *new, size_t n_new, struct arena *arena);
/* A sentence where a gate refused that subject and today's is looser than it; else NULL. A looser
 * gate admits by itself only what no stricter one has refused. */
const char *gate_loosened(struct digest subject, const struct model *model,
                          const struct gate_policy *policy, const struct model_status *status,
                          struct arena *arena);

/* An arm in figures, for people. */
struct arm_figures gate_figures(const struct arm *arm);
/* Quantile of a histogram, in ms, log-linear inside a bin; NAN when empty. */
double latency_quantile(const uint64_t bins[LATENCY_BINS], double q);

#endif
