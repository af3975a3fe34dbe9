/* The simulator's front. See `usage` below. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/parse.h"
#include "sim.h"

static const char usage[] =
	"usage: sim SCENARIOS [options]\n"
	"  --seconds N         so long: scenarios plain, systematic and in swarms (60)\n"
	"  --hours N           until so many hours were simulated, most of them systematically\n"
	"  --jobs N            in so many processes (1)\n"
	"  --round N           which part of the systematic runs and which seeds (the time)\n"
	"  --regressions FILE  seeds that failed once, run first\n"
	"  --first             ends with the first violation\n"
	"  --plain             every scenario once without faults, with its speed\n"
	"  --hashes N          hashes of the first N seeds\n"
	"  --seed N            one seed, with its trace\n"
	"  --only TEXT         scenarios whose name holds it\n"
	"      --trace         the first of them without faults, with its trace\n"
	"      --call N [--after], --crash N [--crash N]   ... with this fault\n";

struct options {
	double amount; /* of what session_spent() tells */
	bool plain, trace, one;
	int64_t jobs, hashes, seed;
	const char *only, *regressions;
	struct faults faults;
};

static int64_t number(const char *text)
{
	struct err err = {0};
	int64_t n = 0;

	if (parse_int(text ? text : "", 0, INT64_MAX, &n, &err)) {
		fprintf(stderr, "%s\n%s", err.text, usage);
		exit(2);
	}
	return n;
}

static void add_crash(struct faults *faults, int64_t act)
{
	faults->on = true;
	if (faults->crash_after)
		faults->crash_again = act;
	else
		faults->crash_after = act;
}

/* Options with a value; false: not one of them. */
static bool take_value(struct options *options, struct session *session, const char *name,
                       const char *value)
{
	if (!strcmp(name, "--seconds"))
		options->amount = (double)number(value);
	else if (!strcmp(name, "--hours"))
		options->amount = (double)number(value) * 3600, session->simulated = true;
	else if (!strcmp(name, "--jobs"))
		options->jobs = number(value);
	else if (!strcmp(name, "--round"))
		session->round = (uint64_t)number(value);
	else if (!strcmp(name, "--regressions"))
		options->regressions = value;
	else if (!strcmp(name, "--hashes"))
		options->hashes = number(value);
	else if (!strcmp(name, "--seed"))
		options->seed = number(value);
	else if (!strcmp(name, "--only"))
		options->only = value;
	else if (!strcmp(name, "--call"))
		options->faults = (struct faults){.on = true, .one_in = 1, .nth = number(value)};
	else if (!strcmp(name, "--crash"))
		add_crash(&options->faults, number(value));
	else
		return false;
	return true;
}

static void take_options(struct options *options, struct session *session, int argc, char **argv)
{
	*options = (struct options){.amount = 60, .jobs = 1, .seed = -1};
	session->round = (uint64_t)time(NULL);
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--trace"))
			options->trace = true;
		else if (!strcmp(argv[i], "--plain"))
			options->plain = true;
		else if (!strcmp(argv[i], "--first"))
			session->first = true;
		else if (!strcmp(argv[i], "--after"))
			options->faults.after_effect = true;
		else if (i + 1 < argc && take_value(options, session, argv[i], argv[i + 1]))
			i++;
		else
			exit((fprintf(stderr, "%s", usage), 2));
	}
}

static bool wanted(const struct options *options, const struct session *session, size_t scenario)
{
	return !options->only || strstr(session->scenarios[scenario].name, options->only);
}

/* ---- what is run ---- */

static void run_one(struct session *session, const struct options *options)
{
	for (size_t i = 0; i < session->n; i++)
		if (wanted(options, session, i)) {
			session_run(session, i, 1, &options->faults, stdout);
			return;
		}
}

static void run_hashes(struct session *session, int64_t n)
{
	for (int64_t seed = 1; seed <= n; seed++) {
		size_t scenario = (size_t)seed % session->n;

		printf("%lld %016llx %s\n", (long long)seed,
		       (unsigned long long)session_hash(session, scenario, (uint64_t)seed),
		       session->scenarios[scenario].name);
	}
}

static void run_regressions(struct session *session, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	if (!file)
		panic("%s cannot be read", path);
	while (fgets(line, sizeof(line), file))
		if (line[0] != '#')
			session_regression(session, line);
	fclose(file);
}

static void run_seed(struct session *session, const struct options *options)
{
	for (size_t i = 0; i < session->n; i++) {
		size_t scenario = ((size_t)options->seed + i) % session->n;

		if (wanted(options, session, scenario)) {
			session_seed(session, scenario, (uint64_t)options->seed, stdout);
			return;
		}
	}
}

/* The share of one process: every `jobs`-th scenario, then every `jobs`-th seed. */
static void run_share(struct session *session, const struct options *options, size_t job)
{
	size_t jobs = (size_t)options->jobs, mine = (session->n + jobs - 1 - job) / jobs, done = 0;
	double end = options->amount / (session->simulated ? (double)jobs : 1);
	double systematic = end * (options->only ? 0.9 : 0.7);
	uint64_t seed = session->round * 1000003 + job;

	if (job == 0 && options->regressions)
		run_regressions(session, options->regressions);
	for (size_t i = job; i < session->n; i += jobs) {
		double until = systematic * (double)++done / (double)mine;
		struct faults plain;

		if (!wanted(options, session, i))
			continue;
		session_plain(session, i, &plain);
		if (!options->plain)
			session_systematic(session, i, &plain, options->only ? end : until);
	}
	for (; !options->plain && session_spent(session) < end; seed += jobs)
		if (wanted(options, session, seed % session->n))
			session_seed(session, seed % session->n, seed, NULL);
}

static void add_totals(struct totals *sum, const struct totals *more)
{
	sum->runs += more->runs;
	sum->passes += more->passes;
	sum->transitions += more->transitions;
	sum->faults += more->faults;
	sum->crashes += more->crashes;
	sum->violations += more->violations;
	sum->simulated_ms += more->simulated_ms;
	sum->cpu_seconds += more->cpu_seconds;
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* Each process has its own worlds; what they add up to comes through a pipe. One that dies, by a
 * panic or a sanitizer, is a violation. */
static void run_shares(struct session *session, const struct options *options)
{
	int ends[2];
	struct totals totals;

	if (pipe(ends))
		panic("no pipe");
	fflush(stdout);
	for (int64_t job = 0; job < options->jobs; job++) {
		if (fork())
			continue;
		run_share(session, options, (size_t)job);
		session->totals.cpu_seconds = cpu_seconds();
		fflush(stdout);
		_exit(write(ends[1], &session->totals, sizeof(totals)) == sizeof(totals) ? 0 : 1);
	}
	close(ends[1]);
	while (read(ends[0], &totals, sizeof(totals)) == sizeof(totals))
		add_totals(&session->totals, &totals);
	for (int status; wait(&status) > 0;)
		session->totals.violations += !WIFEXITED(status) || WEXITSTATUS(status);
	close(ends[0]);
}

static void print_totals(FILE *out, const struct session *session, double took)
{
	const struct totals *totals = &session->totals;
	double seconds = totals->simulated_ms / 1000;

	fprintf(out, "sim: %zu scenarios, %lld runs, %.0f controller-hours, %lld passes, "
	        "%lld transitions, %lld faults, %lld crashes, round %llu\n"
	        "sim: %.0f s, %.0f s of one core: %.0f times real time on one core\n",
	        session->n, (long long)totals->runs, seconds / 3600, (long long)totals->passes,
	        (long long)totals->transitions, (long long)totals->faults,
	        (long long)totals->crashes, (unsigned long long)session->round, took,
	        totals->cpu_seconds, seconds / totals->cpu_seconds);
	fprintf(out, "%lld passed, %lld failed\n", (long long)(totals->runs - totals->violations),
	        (long long)totals->violations);
}

int main(int argc, char **argv)
{
	struct session session = {0};
	struct options options;
	struct arena arena;

	if (argc < 2)
		exit((fprintf(stderr, "%s", usage), 2));
	take_options(&options, &session, argc, argv);
	session.started = session_seconds();
	log_open(STDERR_FILENO, options.trace ? LOG_DEBUG : LOG_ERROR + 1, false);
	arena_init(&arena, 64 << 20);
	session.scenarios = scenarios_read(argv[1], &arena, &session.n);
	session.ends = arena_calloc(&arena, session.n, sizeof(*session.ends));
	if (options.seed >= 0)
		run_seed(&session, &options);
	else if (options.hashes)
		run_hashes(&session, options.hashes);
	else if (options.trace)
		run_one(&session, &options);
	else if (options.jobs > 1)
		run_shares(&session, &options);
	else
		run_share(&session, &options, 0);
	session.totals.cpu_seconds += cpu_seconds();
	if (options.seed < 0 && !options.trace)
		print_totals(options.hashes ? stderr : stdout, &session,
		             session_seconds() - session.started);
	arena_deinit(&arena);
	return session.totals.violations ? 1 : 0;
}
