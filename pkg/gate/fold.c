/* Counters of replicas -> evidence about two arms. Only differences between two looks count. */
#include "gate/gate.h"

#include <string.h>

#include "gate/arm.h"

#define WINDOW_MS 30000        /* of over-dispersion */
#define FADE_MS 3600000        /* what is known of the stable revision is halved so often */
#define EDGES_REQUESTS 200     /* of the stable arm, to know its quantiles */

struct arms {
	struct arm candidate, stable;
};

static bool hex_same(struct digest a, struct digest b)
{
	return strcmp(a.hex, b.hex) == 0;
}

/* ---- arms ---- */

static void add_arm(struct arm *arm, const struct arm *more)
{
	arm->requests += more->requests;
	arm->bad += more->bad;
	for (int i = 0; i < LATENCY_BINS; i++)
		arm->latency[i] += more->latency[i];
}

static void halve_arm(struct arm *arm)
{
	arm->requests /= 2;
	arm->bad /= 2;
	for (int i = 0; i < LATENCY_BINS; i++)
		arm->latency[i] /= 2;
}

double arm_timed(const struct arm *arm)
{
	uint64_t n = 0;

	for (int i = 0; i < LATENCY_BINS; i++)
		n += arm->latency[i];
	return (double)n;
}

double arm_slower(const struct arm *arm, double edge)
{
	uint64_t n = 0;
	int bin;

	if (!(edge > 0 && edge < LATENCY_BINS))
		return 0;
	bin = (int)edge;
	for (int i = bin + 1; i < LATENCY_BINS; i++)
		n += arm->latency[i];
	return (double)n + (bin + 1 - edge) * (double)arm->latency[bin];
}

bool latency_watched(const struct analysis_spec *analysis)
{
	return analysis->latency_margin >= 0 && analysis->latency_margin <= 1;
}

double slow_edge(double edge, const struct analysis_spec *analysis)
{
	double floor_ms = (double)analysis->latency_floor_ms;

	edge += 8 * log2(1 + analysis->latency_margin);
	if (floor_ms > 0)
		edge = fmax(edge, 8 * log2(16 * floor_ms));
	return fmin(edge, LATENCY_BINS);
}

/* arm_slower for each of these edges, none of which is below the one before. */
static void slower_than_edges(const struct arm *arm, const double *edges, double *above)
{
	uint64_t n = 0;
	int from = LATENCY_BINS;

	for (int k = SLOW_EDGES - 1; k >= 0; k--) {
		int bin;

		above[k] = 0;
		if (!(edges[k] > 0 && edges[k] < LATENCY_BINS))
			continue;
		bin = (int)edges[k];
		while (from > bin + 1)
			n += arm->latency[--from];
		above[k] = (double)n + (bin + 1 - edges[k]) * (double)arm->latency[bin];
	}
}

/* ---- over-dispersion of the stable revision ---- */

/* Of the scores of single answers, in the stable arm's last hour or two. */
static double score_variance(const struct evidence *evidence)
{
	double above[SLOW_EDGES], n = arm_timed(&evidence->recent), mean;

	slower_than_edges(&evidence->recent, evidence->edges, above);
	mean = shift_scores(above) / n;
	return shift_squares(above) / n - mean * mean;
}

/* Pearson's chi-square per degree of freedom, each replica at its own rate, from its sums: sum
 * (x - n p)^2 / (n v) with p = X / N is (sum x^2 / n - X^2 / N) / v, v the variance of one answer:
 * of a count p, as the tests have it. 0: too little to know. */
static double estimate(const struct evidence *evidence, int event)
{
	double chi_square = 0, freedom = 0;
	double scores = event == EVENT_SLOW ? score_variance(evidence) : NAN;

	for (size_t i = 0; i < evidence->n_marks; i++) {
		const struct spread *s = &evidence->marks[i].spread[event];
		double variance = event == EVENT_SLOW ? scores : s->x / s->n;

		if (!(s->windows > 1 && variance > 0))
			continue;
		chi_square += (s->squares - s->x * s->x / s->n) / variance;
		freedom += s->windows - 1;
	}
	return freedom >= FREEDOM_MIN ? fmax(0, chi_square / freedom) : 0;
}

double step_phi(const struct evidence *evidence)
{
	return fmax(1, evidence->phi[EVENT_BAD]);
}

double harm_phi(const struct evidence *evidence, int event)
{
	return dispersion_factor(evidence->phi[event] > 0 ? evidence->phi[event] : NAN);
}

static void open_window(struct evidence *evidence, int64_t now_ms)
{
	evidence->window_since_ms = now_ms;
	for (size_t i = 0; i < evidence->n_marks; i++) {
		evidence->marks[i].open_n = 0;
		memset(evidence->marks[i].open_x, 0, sizeof(evidence->marks[i].open_x));
	}
}

/* Every 30 s the open counts become a window of each stable replica. A gap makes none. */
static void close_window(struct evidence *evidence, int64_t now_ms)
{
	bool whole = now_ms - evidence->window_since_ms <= 2 * WINDOW_MS;

	if (now_ms - evidence->window_since_ms < WINDOW_MS)
		return;
	for (size_t i = 0; i < evidence->n_marks; i++) {
		struct mark *mark = &evidence->marks[i];

		for (int event = 0; event < EVENTS; event++) {
			struct spread *s = &mark->spread[event];
			double x = mark->open_x[event];

			if (!whole || !(mark->open_n > 0))
				continue;
			s->windows++;
			s->n += mark->open_n;
			s->x += x;
			s->squares += x * x / mark->open_n;
		}
	}
	open_window(evidence, now_ms);
	for (int event = 0; event < EVENTS; event++) {
		double phi = estimate(evidence, event);

		if (phi > 0)
			evidence->phi[event] = phi;
	}
}

static void fade(struct evidence *evidence, int64_t now_ms)
{
	if (now_ms - evidence->recent_since_ms < FADE_MS)
		return;
	evidence->recent_since_ms = now_ms;
	halve_arm(&evidence->recent);
	for (size_t i = 0; i < evidence->n_marks; i++)
		for (int event = 0; event < EVENTS; event++) {
			struct spread *s = &evidence->marks[i].spread[event];

			*s = (struct spread){s->windows / 2, s->n / 2, s->x / 2, s->squares / 2};
		}
}

static void forget_spread(struct evidence *evidence, int event)
{
	for (size_t i = 0; i < evidence->n_marks; i++)
		evidence->marks[i].spread[event] = (struct spread){0};
}

/* The edges of the slow events, from what is known of the stable arm before they are used. Where
 * they move, phi stays as it was estimated last: answers that slow down together still do. */
static void choose_edges(struct evidence *evidence, int64_t now_ms)
{
	struct latency_test test;
	bool changed = false;

	if (arm_timed(&evidence->recent) < EDGES_REQUESTS)
		return;
	latency_begin(&test, evidence->recent.latency, LATENCY_BINS);
	for (int k = 0; k < SLOW_EDGES; k++) {
		if (evidence->edges[k] == (double)test.edge[k])
			continue;
		changed = true;
		evidence->edges[k] = (double)test.edge[k];
		forget_spread(evidence, EVENT_SLOW + k);
	}
	if (!changed)
		return;
	forget_spread(evidence, EVENT_SLOW); /* whose scores are by all edges */
	open_window(evidence, now_ms);
}

/* ---- where the counters of each replica stood ---- */

static void forget_stable(struct evidence *evidence, int64_t now_ms)
{
	evidence->recent = (struct arm){0};
	evidence->recent_since_ms = now_ms;
	open_window(evidence, now_ms);
	memset(evidence->edges, 0, sizeof(evidence->edges));
	memset(evidence->phi, 0, sizeof(evidence->phi));
	for (size_t i = 0; i < evidence->n_marks; i++)
		memset(evidence->marks[i].spread, 0, sizeof(evidence->marks[i].spread));
}

/* Another candidate, or another stable revision: what is known of a stable one that stays, and
 * where counters stood, is kept. */
static void start_anew(struct evidence *evidence, const struct deployment_status *history,
                       int64_t now_ms)
{
	struct evidence old = *evidence;

	*evidence = (struct evidence){
		.revision = history->candidate,
		.stable = history->stable,
		.step = history->step,
		.since_ms = now_ms,
		.step_since_ms = now_ms,
		.last_data_ms = now_ms,
		.judged_ms = -1,
		.recent = old.recent,
		.recent_since_ms = old.recent_since_ms,
		.window_since_ms = old.window_since_ms,
		.marks = old.marks,
		.n_marks = old.n_marks,
	};
	memcpy(evidence->edges, old.edges, sizeof(old.edges));
	memcpy(evidence->phi, old.phi, sizeof(old.phi));
	if (!hex_same(old.stable, history->stable))
		forget_stable(evidence, now_ms);
	choose_edges(evidence, now_ms);
}

static void start_step(struct evidence *evidence, const struct deployment_status *history,
                       int64_t now_ms, struct arena *arena)
{
	evidence->step = history->step;
	evidence->step_since_ms = now_ms;
	evidence->at_step = evidence->stable_at_step = (struct arm){0};
	memset(evidence->below_ratio, 0, sizeof(evidence->below_ratio));
	memset(evidence->below_level, 0, sizeof(evidence->below_level));
	labels_start_step(evidence, arena);
}

/* The mark of this very process, or NULL: a restarted replica counts from zero. */
static const struct mark *find_mark(const struct evidence *evidence, const struct replica *replica)
{
	for (size_t i = 0; i < evidence->n_marks; i++)
		if (evidence->marks[i].slot == replica->slot &&
		    evidence->marks[i].started_ms == replica->started_ms &&
		    digest_same(evidence->marks[i].revision, replica->revision))
			return &evidence->marks[i];
	return NULL;
}

/* What was added between two looks; false when a counter went back. */
static bool difference(struct arm *out, const struct counters *last, const struct counters *now)
{
	bool back = now->requests < last->requests || now->bad < last->bad;

	out->requests = now->requests - last->requests;
	out->bad = now->bad - last->bad;
	for (int i = 0; i < LATENCY_BINS; i++) {
		back |= now->latency[i] < last->latency[i];
		out->latency[i] = now->latency[i] - last->latency[i];
	}
	return !back;
}

/* A cold start is no evidence, neither in time nor in requests. */
static bool is_warm(const struct replica *replica, uint64_t seen,
                    const struct analysis_spec *analysis, int64_t now_ms)
{
	return now_ms - replica->started_ms >= analysis->warmup_ms &&
	       seen >= (uint64_t)(analysis->warmup_requests > 0 ? analysis->warmup_requests : 0);
}

static void add_open(struct mark *mark, const struct arm *arm, const double *edges)
{
	double above[SLOW_EDGES];

	slower_than_edges(arm, edges, above);
	mark->open_n += arm_trials(arm);
	mark->open_x[EVENT_BAD] += (double)arm->bad;
	mark->open_x[EVENT_SLOW] += shift_scores(above);
	for (int k = 1; k < SLOW_EDGES; k++)
		mark->open_x[EVENT_SLOW + k] += above[k];
}

/* Replaces the marks and gives what this tick adds to each arm. */
static struct arms take_marks(struct evidence *evidence, const struct observed *observed,
                              const struct analysis_spec *analysis, int64_t now_ms,
                              struct arena *arena)
{
	struct mark *marks = arena_array(arena, observed->n_replicas, struct mark);
	struct arms arms = {0};
	size_t n = 0;

	for (size_t i = 0; i < observed->n_replicas; i++) {
		const struct replica *replica = &observed->replicas[i];
		bool candidate = digest_same(replica->revision, evidence->revision);
		const struct mark *old = find_mark(evidence, replica);
		struct mark *mark = &marks[n];
		struct arm more;

		if (!candidate && !digest_same(replica->revision, evidence->stable))
			continue;
		if (replica->state != REPLICA_READY && replica->state != REPLICA_DRAINING)
			continue;
		if (old)
			*mark = *old;
		mark->revision = replica->revision;
		mark->slot = replica->slot;
		mark->started_ms = replica->started_ms;
		mark->last = replica->counters;
		n++;
		if (!old || !difference(&more, &old->last, &replica->counters) ||
		    !is_warm(replica, old->last.requests, analysis, now_ms))
			continue;
		add_arm(candidate ? &arms.candidate : &arms.stable, &more);
		if (!candidate)
			add_open(mark, &more, evidence->edges);
	}
	evidence->marks = marks;
	evidence->n_marks = n;
	return arms;
}

/* ---- bets ---- */

double grid_ln(const double *ln, enum e_kind kind)
{
	return logsumexp(ln, e_grid(kind)) - log((double)e_grid(kind));
}

/* One tick's factor for each alternative that the null leaves; the others bet nothing. */
static void bet(double *ln, enum e_kind kind, double null, const struct tick *tick, double phi)
{
	struct e_process e;

	e_begin(&e, kind, null);
	if (kind == E_LEVEL_NOT_WORSE)
		level_update(&e, tick->n_c, tick->x_c, phi);
	else
		ratio_update(&e, tick, phi);
	for (size_t i = 0; i < e.n; i++) /* what drops out of these grids is their first */
		ln[e_grid(kind) - e.n + i] += e.ln[i];
}

static void bet_on_shift(double *ln, const struct slow_tick *tick, double phi)
{
	struct e_process e;

	e_begin(&e, E_RATIO_SLOWER, 1);
	shift_update(&e, tick, phi);
	for (size_t i = 0; i < e.n; i++)
		ln[i] += e.ln[i];
}

/* Bad answers, conditional on those of both arms, so that what both share cancels. The margin and
 * phi are known before the tick. While phi is not known, the tick's bad answers count as one event
 * in all: w^(x/N) <= 1 - x/N + w x/N, whatever bursts they came in. */
static void bet_on_errors(struct evidence *evidence, const struct arms *arms,
                          const struct analysis_spec *analysis)
{
	const struct arm *recent = &evidence->recent;
	double margin = is_set(analysis->errors_margin) ? analysis->errors_margin : 0;
	double bound = practical_margin(1, margin, (double)recent->bad, arm_trials(recent));
	struct tick tick = {arm_trials(&arms->candidate), (double)arms->candidate.bad,
	                    arm_trials(&arms->stable), (double)arms->stable.bad};
	double phi = harm_phi(evidence, EVENT_BAD);

	if (!(evidence->phi[EVENT_BAD] > 0))
		phi *= fmax(1, tick.x_c + tick.x_s);
	bet(evidence->harm[EVENT_BAD], E_RATIO_HARM, bound, &tick, phi);
}

/* While phi is not known, the candidate's requests of a tick count as one. */
static double slow_phi(const struct evidence *evidence, int event, double n_c)
{
	double phi = harm_phi(evidence, event);

	return evidence->phi[event] > 0 ? phi : phi * fmax(1, n_c);
}

static void bet_on_latency(struct evidence *evidence, const struct arms *arms,
                           const struct analysis_spec *analysis)
{
	struct slow_tick all = {.n_c = arm_timed(&arms->candidate), .n_s = arm_timed(&arms->stable)};
	double tolerated[SLOW_EDGES];

	if (!(evidence->edges[0] > 0))
		return;
	for (int k = 0; k < SLOW_EDGES; k++)
		tolerated[k] = slow_edge(evidence->edges[k], analysis);
	slower_than_edges(&arms->candidate, tolerated, all.c);
	slower_than_edges(&arms->stable, evidence->edges, all.s);
	bet_on_shift(evidence->harm[EVENT_SLOW], &all, slow_phi(evidence, EVENT_SLOW, all.n_c));
	for (int k = 1; k < SLOW_EDGES; k++)
		bet(evidence->harm[EVENT_SLOW + k], E_RATIO_SLOWER, 1,
		    &(struct tick){all.n_c, all.c[k], all.n_s, all.s[k]},
		    slow_phi(evidence, EVENT_SLOW + k, all.n_c));
}

static void bet_on_step(struct evidence *evidence, const struct arms *arms,
                        const struct analysis_spec *analysis, const struct step_spec *step)
{
	struct tick tick = {arm_trials(&arms->candidate), (double)arms->candidate.bad,
	                    arm_trials(&arms->stable), (double)arms->stable.bad};

	bet(evidence->below_level, E_LEVEL_NOT_WORSE, analysis->errors_max, &tick,
	    step_phi(evidence));
	if (step)
		bet(evidence->below_ratio, E_RATIO_NOT_WORSE, step->max_error_ratio, &tick,
		    step_phi(evidence));
}

static const struct step_spec *step_at(const struct rollout_spec *rollout, int step)
{
	size_t i = step > 0 ? (size_t)step : 0;

	return rollout->n_steps ? &rollout->steps[i < rollout->n_steps ? i : rollout->n_steps - 1]
	                        : NULL;
}

/* One tick of a rollout. It counts for both arms or for neither. */
static void add_tick(struct evidence *evidence, const struct arms *arms,
                     const struct deployment_status *history, const struct rollout_spec *rollout,
                     int64_t now_ms)
{
	const struct analysis_spec *analysis = &rollout->analysis;
	bool compared = history->stable.hex[0] && history->stable_weight > 0;

	if (!history->candidate.hex[0] || arm_trials(&arms->candidate) <= 0 ||
	    (compared && arm_trials(&arms->stable) <= 0))
		return;
	if (compared) {
		bet_on_errors(evidence, arms, analysis);
		if (latency_watched(analysis))
			bet_on_latency(evidence, arms, analysis);
	}
	bet_on_step(evidence, arms, analysis, step_at(rollout, history->step));
	add_arm(&evidence->candidate, &arms->candidate);
	add_arm(&evidence->stable_arm, &arms->stable);
	add_arm(&evidence->at_step, &arms->candidate);
	add_arm(&evidence->stable_at_step, &arms->stable);
	evidence->last_data_ms = now_ms;
}

void gate_fold(struct evidence *evidence, const struct observed *observed,
               const struct deployment_status *history, const struct rollout_spec *rollout,
               int64_t now_ms, struct arena *arena)
{
	struct arms arms;

	if (!hex_same(evidence->revision, history->candidate) ||
	    !hex_same(evidence->stable, history->stable))
		start_anew(evidence, history, now_ms);
	else if (evidence->step != history->step || evidence->step_since_ms < history->phase_since_ms)
		start_step(evidence, history, now_ms, arena);
	if (!observed->known || !(history->candidate.hex[0] || history->stable.hex[0]))
		return;
	arms = take_marks(evidence, observed, &rollout->analysis, now_ms, arena);
	add_tick(evidence, &arms, history, rollout, now_ms);
	add_arm(&evidence->recent, &arms.stable);
	if (!(evidence->edges[0] > 0))
		choose_edges(evidence, now_ms);
	close_window(evidence, now_ms);
	fade(evidence, now_ms);
}
