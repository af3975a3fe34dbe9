/* What the table of verbs says to shells. A script knows verbs, flags and their values; what stands
 * behind a verb it asks of `linnet words VERB`, as names are the fleet's. */
#include <string.h>

#include "api/kinds.h"
#include "cli.h"
#include "view.h"

static bool is_folder(const char *what)
{
	return !strcmp(what, "DIR") || !strcmp(what, "REPO") || !strcmp(what, "[DIR]") ||
	       !strcmp(what, "[PATH]");
}

/* ---- bash ---- */

static void put_values(const struct flag *flag)
{
	for (int i = 0; flag->values && flag->values[i]; i++)
		printf("%s%s", i ? " " : "", flag->values[i]);
}

static void put_bash_case(const struct verb *verb)
{
	printf("\t\t%s) words+='", verb->name);
	for (size_t i = 0; i < n_flags; i++)
		if (verb->flags & 1U << i)
			printf(" %s", flags[i].name);
	printf("'%s ;;\n", is_folder(verb->args) ? "; compopt -o plusdirs" : "");
}

static void put_bash(void)
{
	printf("_linnet() {\n\tlocal words=\n\tCOMPREPLY=()\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords='");
	for (size_t i = 0; i < n_verbs; i++)
		if (verbs[i].help)
			printf("%s%s", i ? " " : "", verbs[i].name);
	printf("'\n\telse case $3 in\n");
	for (size_t i = 0; i < n_flags; i++) {
		if (!flags[i].value)
			continue;
		printf("\t%s) words='", flags[i].name);
		put_values(&flags[i]);
		printf("'%s ;;\n", is_folder(flags[i].value) ? "; compopt -o plusdirs" : "");
	}
	printf("\t*) words=$(\"$1\" words \"${COMP_WORDS[1]}\" 2>/dev/null)\n"
	       "\t\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < n_verbs; i++)
		if (verbs[i].help)
			put_bash_case(&verbs[i]);
	printf("\t\tesac ;;\n\tesac; fi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$2\"))\n}\n"
	       "complete -F _linnet linnet\n");
}

/* ---- zsh ---- */

/* A text between single quotes, in which `special` characters have a backslash. */
static void put_quoted(const char *text, const char *special)
{
	for (; *text; text++)
		printf(*text == '\'' ? "'\\''" : strchr(special, *text) ? "\\%c" : "%c", *text);
}

static void put_zsh_flag(const struct flag *flag)
{
	bool is_long = !strncmp(flag->name, "--", 2);

	printf(" \\\n\t\t'%s%s[", flag->name, flag->value && is_long ? "=" : "");
	put_quoted(flag->help, "[]:");
	printf("]");
	if (flag->value) {
		printf(":%s:%s", flag->value,
		       flag->values ? "(" : is_folder(flag->value) ? "_files -/" : " ");
		put_values(flag);
		printf("%s", flag->values ? ")" : "");
	}
	printf("'");
}

/* "OLD NEW": each word by its place. */
static void put_zsh_words(const char *args)
{
	int place = 1;

	for (const char *at = args; *at; at += strspn(at, " "), place++) {
		size_t len = strcspn(at, " ");

		printf(" \\\n\t\t'%d:%.*s:%s'", place, (int)len, at,
		       is_folder(args) ? "_files -/" : place == 1 ? "_linnet_words" : " ");
		at += len;
	}
}

static void put_zsh(void)
{
	printf("#compdef linnet\n_linnet_words() {\n"
	       "\tlocal -a found=(${(f)\"$(_call_program words $program words $verb 2>/dev/null)\"})\n"
	       "\tcompadd \"$@\" -a found\n}\n_linnet() {\n"
	       "\tlocal program=$words[1] verb=$words[2]\n\tlocal -a verbs=(\n");
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i].help)
			continue;
		printf("\t\t'%s:", verbs[i].name);
		put_quoted(verbs[i].help, ":");
		printf("'\n");
	}
	printf("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n"
	       "\tshift words; (( CURRENT-- ))\n\tcase $verb in\n");
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i].help)
			continue;
		printf("\t%s) _arguments", verbs[i].name);
		for (size_t f = 0; f < n_flags; f++)
			if (verbs[i].flags & 1U << f)
				put_zsh_flag(&flags[f]);
		put_zsh_words(verbs[i].args);
		printf(" ;;\n");
	}
	printf("\tesac\n}\nif [[ $funcstack[1] = _linnet ]]; then _linnet \"$@\"; else compdef _linnet "
	       "linnet; fi\n");
}

/* ---- fish ---- */

static void put_fish_flag(const struct verb *verb, const struct flag *flag)
{
	bool is_long = !strncmp(flag->name, "--", 2);

	printf("complete -c linnet -n '__linnet_verb %s' -%c %s%s -d '", verb->name,
	       is_long ? 'l' : 's', flag->name + (is_long ? 2 : 1),
	       !flag->value ? "" : is_folder(flag->value) ? " -rF" : " -x");
	put_quoted(flag->help, "\\");
	printf("'");
	if (flag->values) {
		printf(" -a '");
		put_values(flag);
		printf("'");
	}
	printf("\n");
}

static void put_fish(void)
{
	printf("function __linnet_verb\n\tset -l line (commandline -opc)\n"
	       "\ttest \"$line[2]\" = \"$argv\"\nend\n"
	       "function __linnet_words\n\tset -l line (commandline -opc)\n"
	       "\t$line[1] words $line[2] 2>/dev/null\nend\ncomplete -c linnet -f\n");
	for (size_t i = 0; i < n_verbs; i++) {
		const struct verb *verb = &verbs[i];

		if (!verb->help)
			continue;
		printf("complete -c linnet -n __linnet_verb -a %s -d '", verb->name);
		put_quoted(verb->help, "\\");
		printf("'\n");
		if (*verb->args)
			printf("complete -c linnet -n '__linnet_verb %s' %s\n", verb->name,
			       is_folder(verb->args) ? "-F" : "-a '(__linnet_words)'");
		for (size_t f = 0; f < n_flags; f++)
			if (verb->flags & 1U << f)
				put_fish_flag(verb, &flags[f]);
	}
}

/* ---- the verbs ---- */

static const struct {
	const char *name;
	void (*put)(void);
} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

int verb_completion(const struct options *options, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (strcmp(options->args[0], shells[i].name))
			continue;
		shells[i].put();
		return 0;
	}
	return err_set(err, ERR_STALLED, "no completion for '%s'; write bash, zsh or fish",
	               options->args[0]);
}

static int put_names(const struct options *options, const char *args, struct err *err)
{
	struct status_view view;
	int result = 0;

	if (status_open(&view, options, err))
		return -1;
	for (int models = 0; models < 2 && !result; models++) {
		const char **names;
		size_t n;

		if (!strstr(args, models ? "MODEL" : "ENV/NAME"))
			continue;
		result = status_names(&view, options, models, &names, &n, err);
		for (size_t i = 0; !result && i < n; i++)
			puts(names[i]);
	}
	status_close(&view);
	return result;
}

int verb_words(const struct options *options, struct err *err)
{
	const char *args = "";

	for (size_t i = 0; i < n_verbs; i++)
		if (!strcmp(verbs[i].name, options->args[0]))
			args = verbs[i].args;
	if (strstr(args, "ENV/NAME") || strstr(args, "MODEL"))
		return put_names(options, args, err);
	for (int kind = 0; kind < KINDS && !strncmp(args, "KIND", 4); kind++)
		puts(kind_names.names[kind]);
	for (size_t i = 0; i < ARRAY_LEN(shells) && !strcmp(args, "SHELL"); i++)
		puts(shells[i].name);
	return 0;
}
