/* linnet: the command line for people and for CI. */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/git_transport.h"
#include "api/kinds.h"
#include "base/log.h"

static int verb_kick(const struct options *options, struct err *err)
{
	return verb_request("kick", options, err);
}

static int verb_retry(const struct options *options, struct err *err)
{
	return verb_request("retry", options, err);
}

static int verb_rollback(const struct options *options, struct err *err)
{
	return verb_request("rollback", options, err);
}

static int verb_restart(const struct options *options, struct err *err)
{
	return verb_request("restart", options, err);
}

static int verb_accept_rewind(const struct options *options, struct err *err)
{
	return verb_request("accept-rewind", options, err);
}

static int verb_version(const struct options *options, struct err *err)
{
	(void)options;
	(void)err;
	printf("linnet %s (%s)\n", LINNET_VERSION, API_VERSION);
	return 0;
}

static const struct verb verbs[] = {
	{"validate", "[PATH]", "check the manifests of a folder: file:line:column", verb_validate},
	{"plan", "[--base REV]", "what merging HEAD would do: exit 0 nothing, 2 changes", verb_plan},
	{"status", "[ENV/NAME]", "what serves where, as the status branch says", verb_status},
	{"history", "[ENV/NAME]", "what was decided and why, newest first", verb_history},
	{"kick", "MODEL [--event NAME]", "ask for a training run", verb_kick},
	{"retry", "ENV/NAME", "try a rolled back or stalled version again", verb_retry},
	{"rollback", "ENV/NAME", "go back to the version promoted before", verb_rollback},
	{"restart", "ENV/NAME", "replace the replicas one by one", verb_restart},
	{"accept-rewind", "OLD NEW", "the branch was rewritten on purpose: go on from NEW",
	 verb_accept_rewind},
	{"version", "", "print the version", verb_version},
};

#define AT(member) offsetof(struct options, member)
static const struct {
	const char *name, *value, *help;
	size_t offset;
} flags[] = {
	{"--repo", "DIR", "a checkout or bare repository (default: .)", AT(repo)},
	{"--path", "DIR", "the folder of the manifests in it (default: .)", AT(path)},
	{"--remote", "URL", "where requests go (default: origin of --repo, or itself)", AT(remote)},
	{"--base", "REV", "plan: compare with the merge base of HEAD and REV", AT(base)},
	{"--event", "NAME", "kick: the named event", AT(event)},
	{"--reason", "TEXT", "requests: why; kept in the history", AT(reason)},
	{"-n", "COUNT", "history: how many (default 20)", AT(number)},
};

static void print_help(FILE *out)
{
	fprintf(out, "linnet: GitOps for model deployments\n\nusage: linnet VERB [ARGS] [FLAGS]\n\n");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(out, "  %-13s %-22s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fprintf(out, "\n");
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		fprintf(out, "  %-9s %-6s %s\n", flags[i].name, flags[i].value, flags[i].help);
	fprintf(out, "  %-9s %-6s %s\n", "-o", "FORMAT", "table or json (default: table)");
	fprintf(out, "\nexit status: 0 no change or done, 2 changes, 1 error\n");
}

void put_coloured(const struct options *options, const char *code, const char *text)
{
	if (options->colour)
		printf("\033[%sm%s\033[0m", code, text);
	else
		fputs(text, stdout);
}

static int read_output(struct options *options, const char *value, struct err *err)
{
	static const char *const outputs[] = {"table", "json"};
	int output = names_find(NAMES(outputs), value);

	if (output < 0)
		return err_set(err, ERR_STALLED, "-o %s: write table or json", value);
	options->output = (enum output)output;
	return 0;
}

/* One flag with its value, `--flag VALUE` or `--flag=VALUE`. Returns how many words it took. */
static int read_flag(struct options *options, int argc, char **argv, int i, struct err *err)
{
	const char *word = argv[i], *equals = strncmp(word, "--", 2) ? NULL : strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word), f = 0;
	const char *value = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
	bool output = !strcmp(word, "-o");

	while (f < ARRAY_LEN(flags) &&
	       (strlen(flags[f].name) != len || strncmp(flags[f].name, word, len)))
		f++;
	if (f == ARRAY_LEN(flags) && !output)
		return err_set(err, ERR_STALLED, "unknown flag %.*s; see linnet --help", (int)len, word);
	if (!value)
		return err_set(err, ERR_STALLED, "%s needs a value", word);
	if (output && read_output(options, value, err))
		return -1;
	if (!output)
		*(const char **)((char *)options + flags[f].offset) = value;
	return equals ? 1 : 2;
}

static int read_words(struct options *options, int argc, char **argv, struct err *err)
{
	for (int i = 2; i < argc;) {
		int took = 1;

		if (argv[i][0] == '-' && argv[i][1])
			took = read_flag(options, argc, argv, i, err);
		else if (options->n_args < (int)ARRAY_LEN(options->args))
			options->args[options->n_args++] = argv[i];
		else
			return err_set(err, ERR_STALLED, "too many words: '%s'", argv[i]);
		if (took < 0)
			return -1;
		i += took;
	}
	return 0;
}

static const struct verb *find_verb(const char *name, struct err *err)
{
	const char *names[ARRAY_LEN(verbs)], *near;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
		names[i] = verbs[i].name;
	}
	near = nearest(name, names, (int)ARRAY_LEN(verbs));
	err_set(err, ERR_STALLED, "unknown verb '%s'%s%s; see linnet --help", name,
	        near ? "; did you mean " : "", near ? near : "");
	return NULL;
}

int main(int argc, char **argv)
{
	struct options options = {.repo = ".", .path = "."};
	const struct verb *verb;
	char program[PATH_MAX];
	struct arena arena;
	struct err err = {0};
	int status = 0;

	if (git_askpass(argc, argv, &status))
		return status;
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_ERROR : 0;
	}
	log_open(STDERR_FILENO, LOG_WARN, false);
	options.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	arena_init(&arena, (size_t)2 << 30);
	options.arena = &arena;
	options.program = realpath("/proc/self/exe", program);
	verb = find_verb(argv[1], &err);
	status = !verb || read_words(&options, argc, argv, &err) ? -1 : verb->run(&options, &err);
	if (status < 0) {
		fprintf(stderr, "linnet: %s\n", err.text);
		status = EXIT_ERROR;
	}
	arena_deinit(&arena);
	return status;
}
