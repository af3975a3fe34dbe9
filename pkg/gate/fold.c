/* Counters of replicas -> evidence about two arms. Only differences between two looks count. */
#include "gate/gate.h"

#include <string.h>

#include "gate/arm.h"
#include "stats/sequential.h"

#define DISPERSION 1.3 /* errors come in bursts: every likelihood counts for less */

struct arms {
	struct arm candidate, stable;
};

static bool hex_same(struct digest a, struct digest b)
{
	return strcmp(a.hex, b.hex) == 0;
}

static void start_anew(struct evidence *evidence, const struct deployment_status *history,
                       int64_t now_ms)
{
	*evidence = (struct evidence){
		.revision = history->candidate,
		.stable = history->stable,
		.step = history->step,
		.since_ms = now_ms,
		.step_since_ms = now_ms,
		.last_data_ms = now_ms,
	};
}

static void start_step(struct evidence *evidence, const struct deployment_status *history,
                       int64_t now_ms)
{
	evidence->step = history->step;
	evidence->step_since_ms = now_ms;
	evidence->at_step = evidence->stable_at_step = (struct arm){0};
}

/* Index of the mark of this very process, or -1: a restarted replica counts from zero. */
static int find_mark(const struct evidence *evidence, const struct replica *replica)
{
	for (size_t i = 0; i < evidence->n_marks; i++)
		if (evidence->marks[i].slot == replica->slot &&
		    evidence->marks[i].started_ms == replica->started_ms &&
		    digest_same(evidence->marks[i].revision, replica->revision))
			return (int)i;
	return -1;
}

static bool went_back(const struct counters *last, const struct counters *now)
{
	if (now->requests < last->requests || now->bad < last->bad)
		return true;
	for (int i = 0; i < LATENCY_BINS; i++)
		if (now->latency[i] < last->latency[i])
			return true;
	return false;
}

static void add_difference(struct arm *arm, const struct counters *last, const struct counters *now)
{
	arm->requests += now->requests - last->requests;
	arm->bad += now->bad - last->bad;
	for (int i = 0; i < LATENCY_BINS; i++)
		arm->latency[i] += now->latency[i] - last->latency[i];
}

static void add_arm(struct arm *arm, const struct arm *more)
{
	arm->requests += more->requests;
	arm->bad += more->bad;
	for (int i = 0; i < LATENCY_BINS; i++)
		arm->latency[i] += more->latency[i];
}

/* A cold start is no evidence, neither in time nor in requests. */
static bool is_warm(const struct replica *replica, uint64_t seen,
                    const struct analysis_spec *analysis, int64_t now_ms)
{
	return now_ms - replica->started_ms >= analysis->warmup_ms &&
	       seen >= (uint64_t)(analysis->warmup_requests > 0 ? analysis->warmup_requests : 0);
}

/* Replaces the marks and gives what this tick adds to each arm. */
static struct arms take_marks(struct evidence *evidence, const struct observed *observed,
                              const struct analysis_spec *analysis, int64_t now_ms,
                              struct arena *arena)
{
	typeof(evidence->marks) marks = arena_calloc(arena, observed->n_replicas, sizeof(*marks));
	struct arms arms = {0};
	size_t n = 0;

	for (size_t i = 0; i < observed->n_replicas; i++) {
		const struct replica *replica = &observed->replicas[i];
		bool candidate = digest_same(replica->revision, evidence->revision);
		int old = find_mark(evidence, replica);

		if (!candidate && !digest_same(replica->revision, evidence->stable))
			continue;
		if (replica->state != REPLICA_READY && replica->state != REPLICA_DRAINING)
			continue;
		marks[n].revision = replica->revision;
		marks[n].slot = replica->slot;
		marks[n].started_ms = replica->started_ms;
		marks[n].last = replica->counters;
		marks[n].seen = replica->counters.requests;
		if (old >= 0 && !went_back(&evidence->marks[old].last, &replica->counters) &&
		    is_warm(replica, evidence->marks[old].seen, analysis, now_ms))
			add_difference(candidate ? &arms.candidate : &arms.stable,
			               &evidence->marks[old].last, &replica->counters);
		n++;
	}
	evidence->marks = marks;
	evidence->n_marks = n;
	return arms;
}

/* One tick's factor of the harm test, conditional on the bad events of both arms, so that what both
 * share cancels. The bound is known before the tick; alternatives that it reaches bet nothing. */
static void add_harm(struct evidence *evidence, const struct arms *arms,
                     const struct analysis_spec *analysis)
{
	double margin = is_set(analysis->errors_margin) ? analysis->errors_margin : 0;
	double bound = practical_margin(1, margin, (double)evidence->stable_arm.bad,
	                                arm_trials(&evidence->stable_arm));
	struct tick tick = {arm_trials(&arms->candidate), (double)arms->candidate.bad,
	                    arm_trials(&arms->stable), (double)arms->stable.bad};
	struct e_process e;

	e_begin(&e, E_RATIO_HARM, bound);
	ratio_update(&e, &tick, DISPERSION);
	for (size_t i = 0; i < e.n; i++) /* those left of the grid are its last */
		evidence->harm[HARM_RATIOS - e.n + i] += e.ln[i];
}

void gate_fold(struct evidence *evidence, const struct observed *observed,
               const struct deployment_status *history, const struct analysis_spec *analysis,
               int64_t now_ms, struct arena *arena)
{
	bool compared = history->stable.hex[0] && history->stable_weight > 0;
	struct arms arms;

	if (!hex_same(evidence->revision, history->candidate) ||
	    !hex_same(evidence->stable, history->stable))
		start_anew(evidence, history, now_ms);
	else if (evidence->step != history->step || evidence->step_since_ms < history->phase_since_ms)
		start_step(evidence, history, now_ms);
	if (!observed->known || !history->candidate.hex[0])
		return;
	arms = take_marks(evidence, observed, analysis, now_ms, arena);
	if (arm_trials(&arms.candidate) <= 0 || (compared && arm_trials(&arms.stable) <= 0))
		return;
	if (compared)
		add_harm(evidence, &arms, analysis);
	add_arm(&evidence->candidate, &arms.candidate);
	add_arm(&evidence->stable_arm, &arms.stable);
	add_arm(&evidence->at_step, &arms.candidate);
	add_arm(&evidence->stable_at_step, &arms.stable);
	evidence->last_data_ms = now_ms;
}
