/* How canaries end: the gate's own code on simulated traffic, beside restatements of fixed rules.
 * Run by `hack/bench canary`. The same numbers at each run. */
#include <stdlib.h>
#include <time.h>

#include "gate/canary_sim.h"

enum { HEALTHY_RUNS = 10000, RUNS = 400, PEER_RUNS = 400, RATES = 3 };

static struct sim sim;
static struct step_spec step = {.05, 500, 0, 3, false};

/* An hour at 10 and 100 requests a second, five minutes at 1000; harm is looked at more closely. */
static struct sim_config configs[2][RATES] = {
	{{.rate = 10, .ticks = 300, .tick_s = 12}, {.rate = 100, .ticks = 300, .tick_s = 12},
	 {.rate = 1000, .ticks = 300, .tick_s = 1}},
	{{.rate = 10, .ticks = 1200, .tick_s = 6}, {.rate = 100, .ticks = 1200, .tick_s = 1},
	 {.rate = 1000, .ticks = 1200, .tick_s = .1}},
};

static const struct {
	struct scenario scenario;
	bool harm;
	int runs;
} rows[] = {
	{{"healthy", .005, .bad_candidate = .005}, false, HEALTHY_RUNS},
	{{"healthy, 1 stable replica", .005, .bad_candidate = .005, .stable = 1}, false, RUNS},
	{{"better than stable", .02, .bad_candidate = .005}, false, RUNS},
	{{"bursts of 5", .005, .bad_candidate = .005, .burst = 5}, false, RUNS},
	{{"bursts of 5, 1 stable", .005, .bad_candidate = .005, .burst = 5, .stable = 1}, false, RUNS},
	{{"bursts of 20", .005, .bad_candidate = .005, .burst = 20}, false, RUNS},
	{{"shared outage, half fails", .005, .bad_candidate = .005, .outage = .5}, false, RUNS},
	{{"cold start, 30 % fails", .005, .bad_candidate = .005, .cold = .3}, false, RUNS},
	{{"daily rhythm, threefold", .005, .bad_candidate = .005, .daily = true}, false, RUNS},
	{{"counter resets", .005, .bad_candidate = .005, .reset = .02}, false, RUNS},
	{{"lost looks and replicas", .005, .bad_candidate = .005, .lost = .1}, false, RUNS},
	{{"weight drifts", .005, .bad_candidate = .005, .drift = true}, false, RUNS},
	{{"5 % slower", .005, .bad_candidate = .005, .slower = 1.05}, false, HEALTHY_RUNS},
	{{"10 % slower", .005, .bad_candidate = .005, .slower = 1.1}, false, HEALTHY_RUNS},
	{{"a fifth faster", .005, .bad_candidate = .005, .slower = .8}, false, RUNS},
	{{"slow spells, 10 s", .005, .bad_candidate = .005, .jitter = 2, .memory_s = 10}, false,
	 HEALTHY_RUNS},
	{{"slow spells, 60 s", .005, .bad_candidate = .005, .jitter = 1, .memory_s = 60}, false, RUNS},
	{{"slow spells, 5 min", .005, .bad_candidate = .005, .jitter = 1, .memory_s = 300}, false,
	 RUNS},
	{{"errors 1 % (doubled)", .005, .bad_candidate = .01}, true, RUNS / 2},
	{{"errors 2 %", .005, .bad_candidate = .02}, true, RUNS},
	{{"errors 5 %", .005, .bad_candidate = .05}, true, RUNS},
	{{"errors 5 %, 1 stable", .005, .bad_candidate = .05, .stable = 1}, true, RUNS / 2},
	{{"latency +25 %", .005, .bad_candidate = .005, .slower = 1.25}, true, RUNS / 2},
	{{"latency doubled", .005, .bad_candidate = .005, .slower = 2}, true, RUNS / 4},
	{{"labels alike", .005, .bad_candidate = .005, .batch = 1}, false, HEALTHY_RUNS},
	{{"labels 20 % apart", .005, .bad_candidate = .005, .batch = 1, .apart = .2}, false, RUNS},
	{{"labels at the bound", .005, .bad_candidate = .005, .batch = 1, .apart = .25}, false, RUNS},
	{{"labels in batches of 16", .005, .bad_candidate = .005, .batch = 16}, false, RUNS},
	{{"numbers alike", .005, .bad_candidate = .005, .batch = 1, .numbers = true}, false,
	 HEALTHY_RUNS},
	{{"numbers 5 % apart", .005, .bad_candidate = .005, .batch = 1, .numbers = true, .apart = .05},
	 false, RUNS},
	{{"numbers at the bound", .005, .bad_candidate = .005, .batch = 1, .numbers = true,
	  .apart = .1}, false, RUNS},
	{{"numbers in batches of 16", .005, .bad_candidate = .005, .batch = 16, .numbers = true},
	 false, RUNS},
	{{"labels half one class", .005, .bad_candidate = .005, .batch = 1, .apart = .5}, true, RUNS},
	{{"labels all one class", .005, .bad_candidate = .005, .batch = 1, .apart = .9}, true, RUNS},
	{{"numbers a fifth higher", .005, .bad_candidate = .005, .batch = 1, .numbers = true,
	  .apart = .2}, true, RUNS},
	{{"one number for everyone", .005, .bad_candidate = .005, .batch = 1, .numbers = true,
	  .one = true}, true, RUNS},
};

/* What one rule did in all runs. */
struct tally {
	double at[HEALTHY_RUNS];
	int n, runs;
};
static struct tally gate, errors, slow, limit, ranks;

static void count(struct tally *tally, double at)
{
	tally->runs++;
	if (!isnan(at))
		tally->at[tally->n++] = at;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* "100.00 %   459": how often, and the median of requests where it did. */
static void show(struct tally *tally, bool requests)
{
	qsort(tally->at, (size_t)tally->n, sizeof(*tally->at), ascending);
	printf(tally->runs == HEALTHY_RUNS ? " %7.2f %%" : " %7.1f %%",
	       100.0 * tally->n / tally->runs);
	if (requests && tally->n)
		printf(" %6.0f", tally->at[tally->n / 2]);
	else if (requests)
		printf("      -");
	*tally = (struct tally){0};
}

static void row(size_t i, int rate)
{
	const struct scenario *scenario = &rows[i].scenario;
	struct sim_config config = configs[rows[i].harm][rate];
	int passed = 0;

	if (scenario->batch)
		config.rollout.analysis.predictions_max_distance = scenario->numbers ? .1 : .25;
	for (int run = 0; run < rows[i].runs; run++) {
		bool all = run < PEER_RUNS;
		char seed[32];
		struct sim_result result;

		snprintf(seed, sizeof(seed), "%zu %d %d", i, rate, run);
		result = sim_run(&sim, scenario, &config, seed, !all);
		passed += result.passed;
		count(&gate, result.gate);
		if (!all)
			continue;
		count(&errors, result.errors_alone);
		count(&slow, result.slow_alone);
		count(&limit, result.limit);
		count(&ranks, result.rank);
	}
	printf("%-26s %5.0f", scenario->name, config.rate);
	show(&gate, true);
	printf(" %6.1f %%", 100.0 * passed / rows[i].runs);
	show(&errors, true);
	show(&slow, true);
	show(&limit, false);
	show(&ranks, false);
	printf("\n");
	fflush(stdout);
}

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One look at a canary of three replicas: folding it and judging it, without the traffic. */
static void measure_tick(const char *what, const struct scenario *scenario)
{
	enum { LOOKS = 100000 };
	struct sim_config config = configs[1][1];
	double from, spent[2];

	if (scenario->batch)
		config.rollout.analysis.predictions_max_distance = .25;
	for (int looked = 0; looked < 2; looked++) {
		sim_begin(&sim, scenario, &config, "tick");
		from = cpu_us();
		for (int i = 0; i < LOOKS; i++) {
			sim_traffic(&sim, 1, true, 0);
			if (!looked)
				continue;
			sim_look(&sim, true);
			gate_canary(&sim.evidence, &config.rollout.analysis, &step, sim.now_ms, &sim.arena);
		}
		spent[looked] = cpu_us() - from;
	}
	printf("one look at three replicas, folded and judged%s: %.1f us\n", what,
	       (spent[1] - spent[0]) / LOOKS);
}

int main(void)
{
	arena_init(&sim.arena, (size_t)64 << 20);
	sim_latencies(&sim, .5);
	for (int i = 0; i < 2; i++)
		for (int rate = 0; rate < RATES; rate++)
			configs[i][rate].rollout =
				(struct rollout_spec){.analysis = sim_analysis(), .steps = &step, .n_steps = 1};
	puts("Canaries at 5 %, stable errors 0.5 % unless said: rolled back, after so many requests of "
	     "the\ncandidate (median).\n"
	     "gate: as by default (margins 0.1 points and 10 %, the first 50 requests not counted);\n"
	     "labels with maxDistance 25 %, numbers 10 % (their mean for everyone is 17 % away)\n"
	     "errors, latency: each test alone, margin 1, phi 1, alpha 1 %\n"
	     "limit: the fifth minute above 1 % errors\n"
	     "rank: a rank test of error rates per minute, each ten minutes\n"
	     "An hour at 10 and 100 requests a second, 5 minutes at 1000; the last rows 2 h, 20 and 2 "
	     "minutes.\n");
	printf("%-26s %5s %16s %8s %16s %16s %9s %9s\n", "", "req/s", "gate", "steps up", "errors",
	       "latency", "limit", "rank");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int rate = 0; rate < RATES; rate++)
			row(i, rate);
	measure_tick("", &(struct scenario){"", .005, .bad_candidate = .005});
	measure_tick(", with predicted labels",
	             &(struct scenario){"", .005, .bad_candidate = .005, .batch = 1});
	arena_deinit(&sim.arena);
	return 0;
}
