/* Many runs of a scenario: plain, each call failed, crashes after each act and pair of acts, and
 * swarms; and the smallest run that still fails, told line by line. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "sim.h"

enum { TOLD_MAX = 3 };

double session_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double session_spent(const struct session *session)
{
	return session->simulated ? session->totals.simulated_ms / 1000
	                          : session_seconds() - session->started;
}

/* What is run, and what came of it. */
struct trial {
	size_t scenario, lines; /* lines 0: all of them */
	uint64_t seed;
	struct faults faults;
	bool short_rest;
	char violation[512], end[512];
	int at_line;
	struct faults after;
};

static uint64_t try(struct session *session, struct trial *trial, FILE *trace)
{
	struct world *world = world_new(trial->seed, trace);
	const struct scenario *scenario = &session->scenarios[trial->scenario];
	int64_t started = world->now_ms;
	uint64_t hash;

	world->faults = trial->faults;
	world->faults.rng = trial->seed * 0x9e3779b97f4a7c15u;
	world->short_rest = trial->short_rest;
	scenario_run(world, scenario, trial->lines ? trial->lines : scenario->n,
	             session->ends ? session->ends[trial->scenario] : NULL);
	session->totals.runs++;
	session->totals.passes += world->passes;
	session->totals.transitions += world->transitions;
	session->totals.faults += world->faults.happened;
	session->totals.crashes += world->faults.crashes;
	session->totals.simulated_ms += (double)(world->now_ms - started);
	if (trace && world->violation[0])
		for (int i = 0; i < SIM_ENVIRONMENTS; i++)
			if (git_status_text(world, world->serving.places[i].name))
				fprintf(trace, "%s", git_status_text(world, world->serving.places[i].name));
	memcpy(trial->violation, world->violation, sizeof(trial->violation));
	memcpy(trial->end, world->end, sizeof(trial->end));
	trial->at_line = world->at_line;
	trial->after = world->faults;
	hash = world->hash;
	world_free(world);
	return hash;
}

/* ---- the smallest run that still fails ---- */

static bool still_fails(struct session *session, struct trial *trial)
{
	struct totals totals = session->totals; /* these runs do not count */

	try(session, trial, NULL);
	session->totals = totals;
	return trial->violation[0];
}

static void shrink_lines(struct session *session, struct trial *trial)
{
	size_t n = session->scenarios[trial->scenario].n;

	for (size_t lines = 1; lines < n && lines <= (size_t)trial->at_line; lines++) {
		struct trial shorter = *trial;

		shorter.lines = lines;
		if (still_fails(session, &shorter)) {
			*trial = shorter;
			return;
		}
	}
}

static void shrink_faults(struct session *session, struct trial *trial)
{
	int64_t low = 1, high = trial->after.happened;
	struct trial fewer = *trial;

	if (trial->faults.nth || trial->faults.crash_after)
		return;
	while (low < high) {
		fewer.faults.limit = low + (high - low) / 2;
		if (still_fails(session, &fewer))
			high = fewer.faults.limit;
		else
			low = fewer.faults.limit + 1;
	}
	fewer.faults.limit = high;
	if (high > 0 && still_fails(session, &fewer))
		*trial = fewer;
	for (int fault = 0; fault < FAULTS; fault++) {
		fewer = *trial;
		fewer.faults.enabled &= ~(1u << fault);
		if (fewer.faults.enabled != trial->faults.enabled && still_fails(session, &fewer))
			*trial = fewer;
	}
}

static void describe(const struct session *session, const struct trial *trial)
{
	const struct scenario *scenario = &session->scenarios[trial->scenario];
	size_t lines = trial->lines ? trial->lines : scenario->n;

	printf("the first %zu of %zu lines", lines, scenario->n);
	if (trial->faults.on && !trial->faults.nth && !trial->faults.crash_after) {
		printf("; %lld faults of", (long long)trial->after.happened);
		for (int fault = 0; fault < FAULTS; fault++)
			if (trial->faults.enabled & (1u << fault))
				printf(" %s", fault_names.names[fault]);
	}
	printf("\n");
	for (size_t i = 0; i < lines; i++)
		printf("  %s\n", scenario->lines[i]);
}

/* `how` is the command line that runs it again. */
static void report(struct session *session, const struct trial *failed, const char *how)
{
	struct totals totals;
	struct trial trial = *failed;

	printf("VIOLATION in '%s' (%s): %s\n", session->scenarios[failed->scenario].name, how,
	       failed->violation);
	if (session->first) {
		fflush(stdout);
		_exit(1);
	}
	if (session->totals.violations++ < TOLD_MAX) {
		shrink_faults(session, &trial);
		shrink_lines(session, &trial);
		describe(session, &trial);
		totals = session->totals;
		try(session, &trial, stdout);
		session->totals = totals;
	}
	fflush(stdout);
}

/* ---- plain ---- */

/* Without faults, twice: the same hash. Counts calls and acts for the systematic runs. */
void session_plain(struct session *session, size_t scenario, struct faults *after)
{
	struct trial trial = {.scenario = scenario, .seed = 1}, again = trial;
	uint64_t first;

	session->ends[scenario][0] = 0;
	first = try(session, &trial, NULL);
	*after = trial.after;
	if (trial.violation[0]) {
		report(session, &trial, "plain");
		return;
	}
	again.short_rest = false;
	if (try(session, &again, NULL) != first) {
		snprintf(again.violation, sizeof(again.violation), "the same seed gave another trace");
		report(session, &again, "plain");
	}
	memcpy(session->ends[scenario], trial.end, sizeof(trial.end));
}

/* ---- systematic ---- */

/* The index of an experiment, turned into faults: each call before and after its effect, each act,
 * each two acts in a row. False: there is no such one. */
static bool single(const struct faults *plain, int64_t i, struct faults *out)
{
	*out = (struct faults){.on = true, .one_in = 1};
	if (i < 2 * plain->calls) {
		out->nth = i / 2 + 1;
		out->after_effect = i % 2;
		return true;
	}
	i -= 2 * plain->calls;
	out->crash_after = i % (plain->acts ? plain->acts : 1) + 1;
	if (i >= plain->acts)
		out->crash_again = out->crash_after + 1;
	return i < 2 * plain->acts;
}

static int64_t count_singles(const struct faults *plain)
{
	return 2 * plain->calls + 2 * plain->acts;
}

/* Any two acts that are not next to each other. */
static void two_acts(const struct faults *plain, int64_t i, struct faults *out)
{
	*out = (struct faults){.on = true, .one_in = 1};
	out->crash_after = i / plain->acts + 1;
	out->crash_again = i % plain->acts + 1;
	if (out->crash_again < out->crash_after) {
		int64_t swapped = out->crash_after;

		out->crash_after = out->crash_again;
		out->crash_again = swapped;
	}
}

static void run_faults(struct session *session, size_t scenario, const struct faults *faults)
{
	struct trial trial = {.scenario = scenario, .seed = 1, .faults = *faults, .short_rest = true};
	char how[96];

	try(session, &trial, NULL);
	if (!trial.violation[0])
		return;
	if (faults->nth)
		snprintf(how, sizeof(how), "--call %lld %s", (long long)faults->nth,
		         faults->after_effect ? "--after" : "");
	else
		snprintf(how, sizeof(how), "--crash %lld --crash %lld", (long long)faults->crash_after,
		         (long long)faults->crash_again);
	report(session, &trial, how);
}

/* A walk over 0..n-1 in steps that share no factor with n, begun at a place of this round: the
 * rounds together see everything. */
static int64_t walk(uint64_t round, int64_t i, int64_t n)
{
	static const int64_t primes[] = {7919, 104729, 1299709, 15485863};
	int64_t stride = 1;

	for (size_t k = 0; k < ARRAY_LEN(primes); k++)
		if (n % primes[k]) {
			stride = primes[k] % n;
			break;
		}
	return (int64_t)((round * 613) % (uint64_t)n + (uint64_t)(i * (stride ? stride : 1))) % n;
}

void session_systematic(struct session *session, size_t scenario, const struct faults *plain,
                        double until)
{
	int64_t n = count_singles(plain), pairs = plain->acts * plain->acts;
	double half = session_spent(session) + (until - session_spent(session)) * 0.7;
	struct faults faults;

	for (int64_t i = 0; i < n && session_spent(session) < half; i++)
		if (single(plain, walk(session->round, i, n), &faults))
			run_faults(session, scenario, &faults);
	for (int64_t i = 0; i < pairs && session_spent(session) < until; i++) {
		two_acts(plain, walk(session->round, i, pairs), &faults);
		if (faults.crash_after < faults.crash_again)
			run_faults(session, scenario, &faults);
	}
}

/* ---- swarms ---- */

/* Half of the fault classes are off, their frequency is drawn too (Groce and others, Swarm Testing,
 * 2012). */
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

void session_seed(struct session *session, size_t scenario, uint64_t seed, FILE *trace)
{
	struct trial trial = {.scenario = scenario, .seed = seed, .faults = swarm(seed),
	                      .short_rest = seed % 8 != 0};
	uint64_t hash = try(session, &trial, trace);
	char how[64];

	snprintf(how, sizeof(how), "--seed %llu", (unsigned long long)seed);
	if (trial.violation[0])
		report(session, &trial, how);
	if (trace)
		fprintf(trace, "hash %016llx\n", (unsigned long long)hash);
}

uint64_t session_hash(struct session *session, size_t scenario, uint64_t seed)
{
	struct trial trial = {.scenario = scenario, .seed = seed, .faults = swarm(seed),
	                      .short_rest = true};

	return try(session, &trial, NULL);
}

/* A line of the file of regressions: "seed N NAME", "call N NAME", "after N NAME" (its effect) or
 * "crash N M NAME". */
void session_regression(struct session *session, const char *line)
{
	struct faults faults = {.on = true, .one_in = 1}, plain;
	long long n, more;
	char kind[16];
	int used = 0;

	if (sscanf(line, "%15s %lld %lld %n", kind, &n, &more, &used) == 3 && !strcmp(kind, "crash")) {
		faults.crash_after = n;
		faults.crash_again = more;
	} else if (sscanf(line, "%15s %lld %n", kind, &n, &used) == 2) {
		faults.nth = n;
		faults.after_effect = !strcmp(kind, "after");
	} else {
		return;
	}
	for (size_t i = 0; i < session->n; i++)
		if (!strncmp(line + used, session->scenarios[i].name, strlen(session->scenarios[i].name)) &&
		    line[(size_t)used + strlen(session->scenarios[i].name)] <= ' ') {
			if (!strcmp(kind, "seed"))
				session_seed(session, i, (uint64_t)n, NULL);
			else { /* compared with how it ends without faults */
				session_plain(session, i, &plain);
				run_faults(session, i, &faults);
			}
			return;
		}
}

uint64_t session_run(struct session *session, size_t scenario, uint64_t seed,
                     const struct faults *faults, FILE *trace)
{
	struct trial trial = {.scenario = scenario, .seed = seed, .faults = *faults};
	uint64_t hash = try(session, &trial, trace);

	if (trial.violation[0])
		session->totals.violations++;
	return hash;
}
