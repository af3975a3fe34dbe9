/* linnet-run: one training or evaluation run, in a folder of its own. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "adapter/http_curl.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/parse.h"
#include "fit.h"
#include "job.h"
#include "run/run.h"

static const char usage[] =
	"usage: linnet-run train|evaluate --spec FILE --out DIR\n"
	"       linnet-run fit --task FILE --rows FILE --source DIR --out DIR -- COMMAND...\n"
	"       linnet-run job --url URL [--poll 5s]\n"
	"\n"
	"train     snapshot, validation, split, candidates, choice, refit; leaves train.json\n"
	"evaluate  scores the test rows of a train run once; leaves evaluate.json\n"
	"job       as train.command: the system at URL trains, and its artifact is fetched\n"
	"fit       what that system runs for it: DIR/fit/job/artifact.tar by COMMAND\n"
	"\n"
	"FILE is a JSON object: run, model, manifest, store, at; for train data and source, for\n"
	"evaluate train (the folder of the train run); serveSource, trigger, why, parent, tree,\n"
	"commit, serveTree, path, memory, startTimeout. A run that was interrupted goes on.\n"
	"Exit status: 0 done, of evaluate whatever the verdict (in evaluate.json); 1 failed, and so\n"
	"would the next try (see the result file); 2 error.\n";

static const struct verb {
	const char *name;
	enum run_exit (*run)(const struct run_spec *spec, const char *out_dir,
	                     const struct run_world *world);
} verbs[] = {{"train", run_train}, {"evaluate", run_evaluate}};

/* The user's code has groups of its own, which a signal to ours does not reach. */
static void on_signal(int signal_number)
{
	run_kill_all();
	_exit(128 + signal_number);
}

static void catch_signals(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static int read_spec(const char *path, struct arena *arena, struct run_spec *spec,
                     struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, LIMIT_MANIFEST_BYTES);
	result = file_read(AT_FDCWD, path, &text, err);
	if (!result)
		result = run_spec_decode(buf_text(&text), text.len, arena, spec, err);
	buf_deinit(&text);
	return result;
}

static int download(void *http, const struct http_download *what, int64_t deadline_ms,
                    struct err *err)
{
	return http_curl_download(http, what, deadline_ms, err);
}

static int run(const struct verb *verb, const char *spec_path, const char *out_dir)
{
	struct http_curl *http = http_curl_new();
	struct port_http port_http = http_curl_port(http);
	struct port_clock clock = clock_posix();
	const struct run_world world = {&port_http, &clock, download, say};
	int exit_code = RUN_EXIT_ERROR;
	struct run_spec spec;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena, 16 << 20);
	if (read_spec(spec_path, &arena, &spec, &err))
		fprintf(stderr, "linnet-run: %s\n", err.text);
	else
		exit_code = (int)verb->run(&spec, out_dir, &world);
	arena_deinit(&arena);
	http_curl_free(http);
	return exit_code;
}

static int fit(const struct fit_order *order)
{
	struct port_clock clock = clock_posix();
	const struct run_world world = {.clock = &clock, .say = say};

	catch_signals();
	return (int)fit_run(order, &world);
}

static int job(const char *url, const char *poll)
{
	struct err err = {0};
	int64_t poll_ms;

	if (!parse_duration(poll, &poll_ms, &err) && poll_ms > 0)
		return job_run(url, poll_ms);
	fprintf(stderr, "linnet-run: --poll %s: write a duration as 5s\n", poll);
	return RUN_EXIT_ERROR;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"spec", required_argument, NULL, 's'},
		{"out", required_argument, NULL, 'o'},
		{"task", required_argument, NULL, 't'},
		{"rows", required_argument, NULL, 'r'},
		{"source", required_argument, NULL, 'S'},
		{"url", required_argument, NULL, 'u'},
		{"poll", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	const char *spec = NULL, *out = NULL, *url = NULL, *poll = "5s";
	struct fit_order order = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			spec = optarg;
			break;
		case 'o':
			out = optarg;
			break;
		case 't':
			order.task = optarg;
			break;
		case 'r':
			order.rows = optarg;
			break;
		case 'S':
			order.source = optarg;
			break;
		case 'u':
			url = optarg;
			break;
		case 'p':
			poll = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("linnet-run " LINNET_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return RUN_EXIT_ERROR;
		}
	}
	order.out = out;
	order.command = argv + optind + 1;
	if (order.task && order.rows && order.source && out && optind + 1 < argc &&
	    strcmp(argv[optind], "fit") == 0)
		return fit(&order);
	if (url && optind == argc - 1 && strcmp(argv[optind], "job") == 0)
		return job(url, poll);
	for (size_t i = 0; spec && out && optind == argc - 1 && i < ARRAY_LEN(verbs); i++) {
		if (strcmp(argv[optind], verbs[i].name) == 0) {
			catch_signals();
			return run(&verbs[i], spec, out);
		}
	}
	fputs(usage, stderr);
	return RUN_EXIT_ERROR;
}
