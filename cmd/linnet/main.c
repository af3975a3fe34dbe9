/* linnet: the command line for people and for CI. */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/git_transport.h"
#include "api/kinds.h"
#include "base/log.h"

static void write_version(struct writer *writer, const void *context)
{
	(void)context;
	write_map(writer);
	write_member(writer, "version", LINNET_VERSION);
	write_member(writer, "apiVersion", API_VERSION);
	write_map_end(writer);
}

int verb_version(const struct options *options, struct err *err)
{
	(void)err;
	if (options->output == OUTPUT_TABLE)
		printf("linnet %s (%s)\n", LINNET_VERSION, API_VERSION);
	else
		put_document(options, write_version, NULL);
	return 0;
}

/* ---- reading the words ---- */

static const struct flag *find_flag(const char *word, size_t len)
{
	for (size_t i = 0; i < n_flags; i++)
		if (strlen(flags[i].name) == len && !strncmp(flags[i].name, word, len))
			return &flags[i];
	return NULL;
}

static bool is_taken(const struct verb *verb, const struct flag *flag)
{
	return verb->flags & 1U << (flag - flags);
}

static int unknown_flag(const struct verb *verb, const char *word, struct err *err)
{
	const char *names[32], *near;
	int n = 0;

	for (size_t i = 0; i < n_flags; i++)
		if (is_taken(verb, &flags[i]))
			names[n++] = flags[i].name;
	near = nearest(word, names, n);
	return err_set(err, ERR_STALLED, "unknown flag %s of %s%s%s; see linnet %s --help", word,
	               verb->name, near ? "; did you mean " : "", near ? near : "", verb->name);
}

static int check_value(const struct flag *flag, const char *value, struct err *err)
{
	char all[128] = "";
	size_t len = 0;

	for (int i = 0; flag->values && flag->values[i]; i++) {
		if (!strcmp(flag->values[i], value))
			return 0;
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "",
		                        flag->values[i]);
	}
	if (!flag->values)
		return 0;
	return err_set(err, ERR_STALLED, "%s %s: write one of %s", flag->name, value, all);
}

/* One flag with its value, `--flag VALUE` or `--flag=VALUE`. Returns how many words it took. */
static int read_flag(struct options *options, int argc, char **argv, int i, struct err *err)
{
	const char *word = argv[i], *equals = strncmp(word, "--", 2) ? NULL : strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const char *value = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
	const struct flag *flag = find_flag(word, len);

	if (!flag || !is_taken(options->verb, flag))
		return unknown_flag(options->verb, arena_strndup(options->arena, word, len), err);
	if (flag->value && !value)
		return err_set(err, ERR_STALLED, "%s needs a value: %s", flag->name, flag->value);
	if (!flag->value && equals)
		return err_set(err, ERR_STALLED, "%s takes no value", flag->name);
	if (flag->value && check_value(flag, value, err))
		return -1;
	*(const char **)((char *)options + flag->offset) = flag->value ? value : "";
	return !flag->value || equals ? 1 : 2;
}

/* "ENV/NAME [FILE]": at least one word, at most two. */
static void count_words(const char *args, int *least, int *most)
{
	*least = *most = 0;
	for (const char *at = args; *at; at += strspn(at, " ")) {
		*least += *at != '[';
		*most += 1;
		at += strcspn(at, " ");
	}
}

static int read_words(struct options *options, int argc, char **argv, struct err *err)
{
	static const enum output outputs[] = {OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML};
	int least, most, took;

	count_words(options->verb->args, &least, &most);
	for (int i = 2; i < argc; i += took) {
		took = 1;
		if (argv[i][0] == '-' && argv[i][1])
			took = read_flag(options, argc, argv, i, err);
		else if (options->n_args < most)
			options->args[options->n_args++] = argv[i];
		else
			return err_set(err, ERR_STALLED, "too many words: '%s'; usage: linnet %s %s", argv[i],
			               options->verb->name, options->verb->args);
		if (took < 0)
			return -1;
	}
	if (options->n_args < least)
		return err_set(err, ERR_STALLED, "usage: linnet %s %s", options->verb->name,
		               options->verb->args);
	for (size_t i = 0; options->format && i < ARRAY_LEN(outputs); i++)
		if (*options->format == "tjy"[i])
			options->output = outputs[i];
	return 0;
}

static const struct verb *find_verb(const char *name, struct err *err)
{
	const char *names[64], *near;

	for (size_t i = 0; i < n_verbs; i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
		names[i] = verbs[i].help ? verbs[i].name : NULL;
	}
	near = nearest(name, names, (int)n_verbs);
	err_set(err, ERR_STALLED, "unknown verb '%s'%s%s; see linnet --help", name,
	        near ? "; did you mean " : "", near ? near : "");
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* `linnet --version` and `linnet help VERB` are what people try first. */
static int run(struct options *options, int argc, char **argv, struct err *err)
{
	bool help = !strcmp(argv[1], "help");
	const char *name = !strcmp(argv[1], "--version") ? "version" : argv[1 + help];

	options->verb = find_verb(name, err);
	if (!options->verb)
		return -1;
	if (help || wants_help(argc, argv)) {
		put_verb_help(options->verb);
		return 0;
	}
	return read_words(options, argc, argv, err) ? -1 : options->verb->run(options, err);
}

int main(int argc, char **argv)
{
	struct options options = {.repo = ".", .path = ".", .fleet_branch = "main"};
	char program[PATH_MAX];
	struct arena arena;
	struct err err = {0};
	int status = 0;

	if (git_askpass(argc, argv, &status))
		return status;
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc == 2)) {
		put_help(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_ERROR : 0;
	}
	log_open(STDERR_FILENO, LOG_WARN, false);
	options.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	arena_init(&arena, (size_t)2 << 30);
	options.arena = &arena;
	options.program = realpath("/proc/self/exe", program);
	status = run(&options, argc, argv, &err);
	if (status < 0) {
		fprintf(stderr, "linnet: %s\n", err.text);
		status = EXIT_ERROR;
	}
	arena_deinit(&arena);
	return status;
}
