/* Canaries in a small world: counters of replicas go through the real gate code, tick by tick.
 * Deterministic by seed. Shared by the unit tests and hack/bench-canary.c. */
#ifndef LINNET_TESTS_CANARY_SIM_H
#define LINNET_TESTS_CANARY_SIM_H

#include <stdio.h>
#include <string.h>

#include "gate/gate.h"
#include "stats/random.h"
#include "stats/sequential.h"

enum {
	SIM_LABELS = 3, SIM_COUNTS = NUMBER_LABELS, SIM_REPLICAS = 8, SIM_QUANTILES = 1 << 16,
	SIM_MINUTES = 10, SIM_BEFORE_WINDOWS = 30
};
#define SIM_START_MS INT64_C(1782896400000)

/* What happens. Rates are shares of requests; 0 leaves a thing out. */
struct scenario {
	const char *name;
	double bad_stable, bad_candidate;
	double slower;        /* the candidate's latencies, as a factor */
	double jitter, memory_s; /* slowness of each replica, its own: sd in bins; how long it lasts */
	double burst;         /* mean number of bad answers that come together on one replica */
	double outage;        /* share of bad answers of both arms for a minute in the middle */
	double cold;          /* of the candidate's answers in its first 80 s that are bad and slow */
	bool daily;           /* traffic, errors and latency of both arms swing threefold in an hour */
	double reset;         /* chance per tick that one replica's counters begin anew */
	double lost;          /* chance that a tick is not seen, or one replica is missing in it */
	bool drift;           /* the router's share wanders between half and twice what was asked */
	int stable, candidates; /* replicas; 0: 2 and 1 */
	int batch;              /* predictions in a row with one label; 0: none are logged */
	double apart;           /* distance of the candidate's labels from stable's */
	bool numbers;           /* they are numbers of 0 to 1; */
	bool one;               /* the candidate gives their mean to everyone */
};
struct sim_config {
	double rate;      /* requests a second */
	int ticks;
	double tick_s;
	struct rollout_spec rollout;
};
/* When each rule would have rolled back, in candidate requests; NAN never. */
struct sim_result {
	double gate, seconds; /* as configured */
	double errors_alone;  /* the error test by itself: margin 1, phi 1, alpha 1 % */
	double slow_alone;    /* latency by itself: no tolerance, phi 1, alpha 1 % */
	double limit;         /* per-minute success rate with a failure limit */
	double rank;          /* rank test of per-minute error rates every 10 minutes */
	bool passed;          /* the gate took a step up */
	bool blamed_latency, blamed_labels;
};

struct sim {
	struct random random;
	struct arena arena;
	const struct scenario *scenario;
	const struct sim_config *config;
	struct evidence evidence;
	struct deployment_status history;
	struct replica replicas[SIM_REPLICAS];
	int n_replicas, n_stable;
	double jitter[SIM_REPLICAS]; /* bins: what jitter makes of each now */
	uint64_t owed[SIM_REPLICAS]; /* bad answers of a burst that are still to come */
	uint64_t labels[2][SIM_COUNTS], unlabelled[2]; /* candidate, stable: logged; the next batch */
	int64_t now_ms;
	double share, requests;      /* of the candidate: asked; so far */
	struct e_process errors;
	struct latency_test slow;
	struct counters arms[2], before[2], minute[2]; /* candidate, stable: in truth */
	double rates[2][SIM_MINUTES];
	int n_rates, n_failed;
	uint8_t bins[SIM_QUANTILES];
};

/* Log-normal answers of 50 ms in the median. */
static inline void sim_latencies(struct sim *sim, double sigma)
{
	for (int i = 0; i < SIM_QUANTILES; i++)
		sim->bins[i] = (uint8_t)latency_bin(
			50 * exp(sigma * normal_quantile((i + 0.5) / SIM_QUANTILES)));
}

static inline struct analysis_spec sim_analysis(void)
{
	return (struct analysis_spec){
		.false_rollback = .01, .errors_max = .01, .errors_margin = .001, .latency_margin = .1,
		.latency_floor_ms = 5, .predictions_max_distance = NAN, .warmup_ms = 90000,
		.warmup_requests = 50, .no_data_deadline_ms = 1800000,
	};
}

static inline void sim_serve(struct sim *sim, int i, double mean, double bad, double bins_slower)
{
	struct counters *c = &sim->replicas[i].counters, *arm = &sim->arms[i >= sim->n_stable];
	double burst = sim->scenario->burst;
	uint64_t n = random_binomial(&sim->random, (uint64_t)ceil(4 * mean) + 4,
	                             mean / (ceil(4 * mean) + 4)), x, shift;
	int whole = (int)floor(bins_slower);

	if (burst > 1) { /* geometric sizes */
		uint64_t begun = random_binomial(&sim->random, n, fmin(1, bad / burst));

		for (; begun > 0; begun--)
			for (sim->owed[i]++; random_unit(&sim->random) > 1 / burst; sim->owed[i]++)
				;
		x = sim->owed[i] < n ? sim->owed[i] : n;
		sim->owed[i] -= x;
	} else {
		x = random_binomial(&sim->random, n, bad);
	}
	c->requests += n;
	c->bad += x;
	arm->requests += n;
	arm->bad += x;
	shift = (uint64_t)((bins_slower - whole) * 65536);
	for (uint64_t draws = 0, j = 0; j < n; j++, draws >>= 32) {
		int bin;

		if (j % 2 == 0)
			draws = random_next(&sim->random);
		bin = sim->bins[draws & 0xffff] + whole + ((draws >> 16 & 0xffff) < shift);
		bin = bin < 0 ? 0 : bin < LATENCY_BINS ? bin : LATENCY_BINS - 1;
		c->latency[bin]++;
		arm->latency[bin]++;
	}
}

/* Labels are 60, 30 and 10 % of the stable arm; the candidate has the last one more often. */
static inline int sim_label(struct sim *sim, double apart)
{
	double first = fmax(0, .6 - apart), second = .3 - fmax(0, apart - .6);
	double u = random_unit(&sim->random);

	return u < first ? 0 : u < first + second ? 1 : 2;
}

/* Numbers are the mean of two that are uniform; the candidate's are higher. */
static inline int sim_number(struct sim *sim, double apart, bool one)
{
	uint64_t draws = random_next(&sim->random);
	double number = one ? .5 : ((double)(draws & 0xfffff) + (double)(draws >> 20 & 0xfffff)) /
	                           (2 * 0x1p20) + apart;
	double at = fmin(number, 1) * (NUMBER_LABELS - 1);

	return (int)at + ((double)(draws >> 44) < (at - floor(at)) * 0x1p20);
}

static inline void sim_predict(struct sim *sim, int arm, uint64_t n)
{
	const struct scenario *s = sim->scenario;
	double apart = arm ? 0 : s->apart;

	for (sim->unlabelled[arm] += n; s->batch && sim->unlabelled[arm] >= (uint64_t)s->batch;
	     sim->unlabelled[arm] -= (uint64_t)s->batch) {
		int k = s->numbers ? sim_number(sim, apart, s->one && !arm) : sim_label(sim, apart);

		sim->labels[arm][k] += (uint64_t)s->batch;
	}
}

/* A first-order autoregression: the replica's own slowness, in bins. */
static inline double sim_jitter(struct sim *sim, int i, double seconds)
{
	const struct scenario *s = sim->scenario;
	double keep = exp(-seconds / s->memory_s);

	return sim->jitter[i] = keep * sim->jitter[i] + sqrt(1 - keep * keep) * s->jitter *
	                                                    normal_quantile(random_unit(&sim->random));
}

/* One tick of traffic of `seconds`; `canary`: the candidate takes its share. */
static inline void sim_traffic(struct sim *sim, double seconds, bool canary, double progress)
{
	const struct scenario *s = sim->scenario;
	double swing = s->daily ? pow(3, sin(2 * M_PI * (double)sim->now_ms / 3.6e6) / 2) : 1;
	double n = sim->config->rate * seconds * swing, share = canary ? sim->share : 0;
	bool outage = canary && s->outage > 0 && fabs(progress - .5) * sim->config->ticks *
	                                                  seconds < 30;
	int candidates = sim->n_replicas - sim->n_stable;

	if (s->drift && canary) {
		sim->share *= exp(.1 * (random_unit(&sim->random) - .5));
		sim->share = fmin(.1, fmax(.025, sim->share));
	}
	for (int i = 0; i < sim->n_replicas; i++) {
		struct replica *replica = &sim->replicas[i];
		bool candidate = i >= sim->n_stable;
		bool cold = candidate && sim->now_ms - replica->started_ms < 80000 && s->cold > 0;
		double bad = (candidate ? s->bad_candidate : s->bad_stable) * swing;
		double mean = n * (candidate ? share / candidates : (1 - share) / sim->n_stable);
		double slower = 8 * log2(candidate && s->slower > 0 ? s->slower : 1) + log2(swing) * 4;

		bad = outage ? s->outage : cold ? s->cold : bad;
		slower += s->jitter > 0 ? sim_jitter(sim, i, seconds) : 0;
		if (mean > 0) {
			uint64_t before = replica->counters.requests;

			sim_serve(sim, i, mean, bad, slower + (cold ? 16 : 0));
			sim_predict(sim, !candidate, canary ? replica->counters.requests - before : 0);
		}
	}
	sim->now_ms += (int64_t)(seconds * 1000);
}

static const char *const sim_labels[2][SIM_COUNTS + 1] = {
	{"Low", "Medium", "High", ""},
	{"0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1", ""},
};

static inline void sim_look_at_labels(struct sim *sim)
{
	const char *const *names = sim_labels[sim->scenario->numbers];
	size_t n = sim->scenario->numbers ? SIM_COUNTS : SIM_LABELS;
	struct logged_label labels[2 * SIM_COUNTS];
	struct observed observed = {.labels = labels, .n_labels = 2 * n};
	struct output_spec output = {.type = TENSOR_FP64, .min = 0, .max = sim->scenario->numbers};

	if (!sim->scenario->numbers)
		output.classes = (struct strings){(const char **)(uintptr_t)names, n};
	for (size_t arm = 0; arm < 2; arm++)
		for (size_t k = 0; k < n; k++)
			labels[arm * n + k] = (struct logged_label){
				arm ? sim->history.stable : sim->history.candidate, names[k],
				sim->labels[arm][k]};
	gate_labels(&sim->evidence, &observed, &sim->history, &output, sim->now_ms, &sim->arena);
}

/* What is seen of it goes through the gate code. */
static inline void sim_look(struct sim *sim, bool canary)
{
	const struct scenario *s = sim->scenario;
	struct observed observed = {.known = true, .replicas = sim->replicas,
	                            .n_replicas = (size_t)(canary ? sim->n_replicas : sim->n_stable)};
	struct mark marks[SIM_REPLICAS];
	struct predicted labels[SIM_COUNTS + 1];
	size_t n, n_labels;

	if (canary && random_unit(&sim->random) < s->reset) {
		int i = (int)random_below(&sim->random, (uint64_t)sim->n_replicas);

		sim->replicas[i].counters = (struct counters){0};
	}
	if (canary && random_unit(&sim->random) < s->lost) {
		if (random_unit(&sim->random) < .5)
			return;
		observed.n_replicas--;
	}
	gate_fold(&sim->evidence, &observed, &sim->history, &sim->config->rollout, sim->now_ms,
	          &sim->arena);
	if (canary && s->batch)
		sim_look_at_labels(sim);
	n = sim->evidence.n_marks;
	n_labels = sim->evidence.n_predicted;
	memcpy(marks, sim->evidence.marks, n * sizeof(*marks));
	if (n_labels)
		memcpy(labels, sim->evidence.predicted, n_labels * sizeof(*labels));
	for (size_t k = 0; k < n_labels; k++)
		labels[k].label = sim_labels[s->numbers][k];
	arena_reset(&sim->arena);
	sim->evidence.marks = arena_memdup(&sim->arena, marks, n * sizeof(*marks));
	sim->evidence.predicted = arena_memdup(&sim->arena, labels, n_labels * sizeof(*labels));
}

/* Mann-Whitney by normal approximation, one-sided at 5 %: are the candidate's values larger? */
static inline bool sim_rank_test(double rates[2][SIM_MINUTES])
{
	double u = 0, ties = 0, n = SIM_MINUTES, variance;

	for (int i = 0; i < SIM_MINUTES; i++)
		for (int j = 0; j < SIM_MINUTES; j++)
			u += rates[0][i] > rates[1][j] ? 1 : rates[0][i] == rates[1][j] ? .5 : 0;
	for (int i = 0; i < 2 * SIM_MINUTES; i++) { /* sum of t^3 - t over ties, as t^2 - 1 per value */
		double t = 0;

		for (int j = 0; j < 2 * SIM_MINUTES; j++)
			t += rates[0][i] == rates[0][j];
		ties += t * t - 1;
	}
	variance = n * n / 12 * (2 * n + 1 - ties / (2 * n * (2 * n - 1)));
	return variance > 0 && (u - n * n / 2) / sqrt(variance) > 1.645;
}

/* Restatements of fixed rules: success rate of each minute at least 99 %, the fifth failure rolls
 * back; a rank test of the last ten minutes' error rates every ten minutes. */
static inline void sim_minute(struct sim *sim, struct sim_result *result)
{
	bool due = sim->n_rates % SIM_MINUTES == SIM_MINUTES - 1;

	for (int arm = 0; arm < 2; arm++) {
		const struct counters *now = &sim->arms[arm ? 0 : 1], *then = &sim->minute[arm ? 0 : 1];
		double n = (double)(now->requests - then->requests);

		sim->rates[arm][sim->n_rates % SIM_MINUTES] =
			n > 0 ? (double)(now->bad - then->bad) / n : 0;
	}
	memcpy(sim->minute, sim->arms, sizeof(sim->minute));
	if (sim->rates[0][sim->n_rates % SIM_MINUTES] > .01 && ++sim->n_failed >= 5 &&
	    isnan(result->limit))
		result->limit = sim->requests;
	if (due && isnan(result->rank) && sim_rank_test(sim->rates))
		result->rank = sim->requests;
	sim->n_rates++;
}

static inline void sim_alone(struct sim *sim, struct sim_result *result)
{
	struct counters *c = &sim->arms[1], *s = &sim->arms[0];
	uint64_t bins[2][LATENCY_BINS];
	struct tick tick = {(double)(c->requests - sim->before[1].requests),
	                    (double)(c->bad - sim->before[1].bad),
	                    (double)(s->requests - sim->before[0].requests),
	                    (double)(s->bad - sim->before[0].bad)};

	for (int i = 0; i < LATENCY_BINS; i++) {
		bins[0][i] = s->latency[i] - sim->before[0].latency[i];
		bins[1][i] = c->latency[i] - sim->before[1].latency[i];
	}
	memcpy(sim->before, sim->arms, sizeof(sim->before));
	ratio_update(&sim->errors, &tick, 1);
	latency_update(&sim->slow, bins[1], bins[0], LATENCY_BINS, 0, 1);
	if (isnan(result->errors_alone) && e_ln(&sim->errors) >= log(100))
		result->errors_alone = sim->requests;
	if (isnan(result->slow_alone) && latency_ln(&sim->slow) >= log(100))
		result->slow_alone = sim->requests;
}

static inline void sim_begin(struct sim *sim, const struct scenario *scenario,
                             const struct sim_config *config, const char *seed)
{
	struct evidence none = {0};

	random_init(&sim->random, seed);
	arena_reset(&sim->arena);
	sim->scenario = scenario;
	sim->config = config;
	sim->evidence = none;
	sim->n_stable = scenario->stable ? scenario->stable : 2;
	sim->n_replicas = sim->n_stable + (scenario->candidates ? scenario->candidates : 1);
	sim->now_ms = SIM_START_MS + (int64_t)random_below(&sim->random, 3600000);
	sim->share = .05;
	sim->requests = 0;
	sim->n_rates = sim->n_failed = 0;
	memset(sim->jitter, 0, sizeof(sim->jitter));
	memset(sim->owed, 0, sizeof(sim->owed));
	memset(sim->labels, 0, sizeof(sim->labels));
	memset(sim->unlabelled, 0, sizeof(sim->unlabelled));
	memset(sim->replicas, 0, sizeof(sim->replicas));
	memset(sim->arms, 0, sizeof(sim->arms));
	sim->history = (struct deployment_status){
		.stable = digest_of("s", 1), .stable_weight = 1, .phase_since_ms = sim->now_ms};
	for (int i = 0; i < sim->n_replicas; i++)
		sim->replicas[i] = (struct replica){
			.revision = digest_of(i < sim->n_stable ? "s" : "c", 1), .slot = i,
			.state = REPLICA_READY, .started_ms = sim->now_ms - 3600000};
	for (int i = 0; i < SIM_BEFORE_WINDOWS; i++) { /* Steady, before the rollout */
		sim_traffic(sim, 30, false, 0);
		sim_look(sim, false);
	}
	sim->history.candidate = digest_of("c", 1);
	sim->history.candidate_weight = sim->share;
	sim->history.stable_weight = 1 - sim->share;
	sim->history.phase_since_ms = sim->now_ms;
	for (int i = sim->n_stable; i < sim->n_replicas; i++)
		sim->replicas[i].started_ms = scenario->cold > 0 ? sim->now_ms : sim->now_ms - 3600000;
	e_begin(&sim->errors, E_RATIO_HARM, 1);
	latency_begin(&sim->slow, sim->arms[0].latency, LATENCY_BINS);
	memset(&sim->arms[1], 0, sizeof(sim->arms[1]));
	memcpy(sim->before, sim->arms, sizeof(sim->before));
	memcpy(sim->minute, sim->arms, sizeof(sim->minute));
}

/* One canary from its first request to a rollback or the end. `only_gate`: nothing else matters.
 * `sim` is zeroed but for an initialised arena and sim_latencies(). */
static inline struct sim_result sim_run(struct sim *sim, const struct scenario *scenario,
                                        const struct sim_config *config, const char *seed,
                                        bool only_gate)
{
	struct sim_result result = {NAN, NAN, NAN, NAN, NAN, NAN, false, false, false};
	int minute = (int)lround(60 / config->tick_s);
	int64_t since;

	sim_begin(sim, scenario, config, seed);
	since = sim->now_ms;
	sim_look(sim, true);
	for (int i = 0; i < config->ticks; i++) {
		struct judgement judgement;

		sim_traffic(sim, config->tick_s, true, (double)i / config->ticks);
		sim->requests = (double)sim->arms[1].requests;
		if (isnan(result.gate)) {
			sim_look(sim, true);
			judgement = gate_canary(&sim->evidence, &config->rollout.analysis,
			                        &config->rollout.steps[0], sim->now_ms, &sim->arena);
			result.passed |= judgement.not_worse == VERDICT_PASS;
			if (judgement.harm == VERDICT_FAIL) {
				result.gate = sim->requests;
				result.seconds = (double)(sim->now_ms - since) / 1000;
				result.blamed_latency = strncmp(judgement.why, "latency", 7) == 0;
				result.blamed_labels = strncmp(judgement.why, "predicts", 8) == 0;
				if (only_gate)
					break;
			}
		}
		if (only_gate)
			continue;
		sim_alone(sim, &result);
		if (i % minute == minute - 1)
			sim_minute(sim, &result);
	}
	return result;
}

#endif
