/* The simulator's front: every scenario without faults, with each call failed, with crashes after
 * each act and each pair of acts, and in swarms by seed. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "sim.h"

/* What the runs add up to. */
struct totals {
	int64_t runs, transitions, faults, crashes, violations;
	double simulated_ms;
};

struct session {
	const struct scenario *scenarios;
	size_t n;
	struct totals totals;
	bool verbose;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One world with these faults; its hash, and the violation if there is one. */
static uint64_t run(struct session *session, size_t scenario, uint64_t seed,
                    const struct faults *faults, FILE *trace, char violation[512],
                    struct faults *after)
{
	struct world *world = world_new(seed, trace);
	int64_t started = world->now_ms;
	uint64_t hash;

	world->faults = *faults;
	scenario_run(world, &session->scenarios[scenario]);
	session->totals.runs++;
	session->totals.transitions += world->transitions;
	session->totals.faults += world->faults.happened;
	session->totals.crashes += world->faults.crashes;
	session->totals.simulated_ms += (double)(world->now_ms - started);
	if (trace && world->violation[0] && git_status_text(world, "prod"))
		fprintf(trace, "%s", git_status_text(world, "prod"));
	memcpy(violation, world->violation, 512);
	if (after)
		*after = world->faults;
	hash = world->hash;
	world_free(world);
	return hash;
}

static void report(struct session *session, size_t scenario, uint64_t seed, const char *how,
                   const char *violation)
{
	session->totals.violations++;
	printf("VIOLATION in '%s' (%s, seed %llu): %s\n", session->scenarios[scenario].name, how,
	       (unsigned long long)seed, violation);
}

/* Without faults, twice: the same hash. Counts calls and acts for the systematic runs. */
static struct faults run_plain(struct session *session, size_t scenario)
{
	struct faults none = {0}, after;
	char violation[512];
	uint64_t first = run(session, scenario, 1, &none, NULL, violation, &after);

	if (violation[0]) {
		report(session, scenario, 1, "no faults", violation);
		return after;
	}
	if (run(session, scenario, 1, &none, NULL, violation, NULL) != first)
		report(session, scenario, 1, "no faults", "the same seed gave another trace");
	return after;
}

static void run_systematic(struct session *session, size_t scenario, const struct faults *plain,
                           double until)
{
	char violation[512], how[64];

	for (int64_t nth = 1; nth <= plain->calls && seconds() < until; nth++) {
		struct faults faults = {.on = true, .nth = nth, .after_effect = nth % 2};

		/* reads are most of the calls: one in seven of them, every one over the seeds */
		if (plain->calls > 400 && nth % (plain->calls / 400 + 1) != 0)
			continue;
		run(session, scenario, 1, &faults, NULL, violation, NULL);
		snprintf(how, sizeof(how), "call %lld fails", (long long)nth);
		if (violation[0])
			report(session, scenario, 1, how, violation);
	}
	for (int64_t act = 1; act <= plain->acts && seconds() < until; act++) {
		struct faults faults = {.on = true, .crash_after = act};

		run(session, scenario, 1, &faults, NULL, violation, NULL);
		snprintf(how, sizeof(how), "crash after act %lld", (long long)act);
		if (violation[0])
			report(session, scenario, 1, how, violation);
		faults.crash_again = act + 1;
		run(session, scenario, 1, &faults, NULL, violation, NULL);
		snprintf(how, sizeof(how), "crash after acts %lld and %lld", (long long)act,
		         (long long)act + 1);
		if (violation[0])
			report(session, scenario, 1, how, violation);
	}
}

/* A swarm: half of the fault classes are off, their frequency is drawn too. */
static struct faults swarm(uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u;
	struct faults faults = {.on = true};

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 32;
	faults.enabled = (unsigned)x & ((1u << FAULTS) - 1);
	faults.one_in = 20u << ((x >> 40) % 6);
	return faults;
}

static void run_seed(struct session *session, uint64_t seed, FILE *trace)
{
	struct faults faults = swarm(seed);
	char violation[512];
	size_t scenario = seed % session->n;
	uint64_t hash = run(session, scenario, seed, &faults, trace, violation, NULL);

	if (violation[0])
		report(session, scenario, seed, "swarm", violation);
	if (trace)
		fprintf(trace, "hash %016llx\n", (unsigned long long)hash);
}

static void print_totals(const struct totals *totals, double took)
{
	double hours = totals->simulated_ms / 3600000;

	printf("sim: %lld runs, %.0f controller-hours, %lld transitions, %lld faults, %lld crashes in "
	       "%.0f s (%.0f times real time)\n",
	       (long long)totals->runs, hours, (long long)totals->transitions,
	       (long long)totals->faults, (long long)totals->crashes, took, hours * 3600 / took);
	printf("%lld passed, %lld failed\n", (long long)(totals->runs - totals->violations),
	       (long long)totals->violations);
}

/* usage: sim SCENARIOS [--seconds N] [--seed N] [--only TEXT] [--trace] */
int main(int argc, char **argv)
{
	struct session session = {0};
	struct arena arena;
	double started = seconds(), limit = 60;
	const char *seed = NULL, *only = NULL;
	uint64_t next = 1;

	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
			limit = strtod(argv[++i], NULL);
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			seed = argv[++i];
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
		else if (!strcmp(argv[i], "--trace"))
			session.verbose = true;
	}
	log_open(STDERR_FILENO, session.verbose ? LOG_DEBUG : LOG_ERROR + 1, false);
	arena_init(&arena, 64 << 20);
	session.scenarios = scenarios_read(argv[1], &arena, &session.n);
	if (seed) {
		run_seed(&session, strtoull(seed, NULL, 10), stdout);
		return session.totals.violations ? 1 : 0;
	}
	for (size_t i = 0; i < session.n; i++) {
		struct faults plain;

		if (only && !strstr(session.scenarios[i].name, only))
			continue;
		if (only && session.verbose) {
			struct faults none = {0};
			char violation[512];

			run(&session, i, 1, &none, stdout, violation, NULL);
		}
		plain = run_plain(&session, i);
		run_systematic(&session, i, &plain,
		               only ? started + limit : started + limit * 0.6 * (double)(i + 1) / (double)session.n);
	}
	while (!only && seconds() - started < limit)
		run_seed(&session, next++, NULL);
	print_totals(&session.totals, seconds() - started);
	arena_deinit(&arena);
	return session.totals.violations ? 1 : 0;
}
