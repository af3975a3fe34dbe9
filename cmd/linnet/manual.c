/* What the table of verbs says to man and to shells: linnet(1) as roff, and completion. */
#include <string.h>

#include "cli.h"

/* ---- roff ---- */

/* A text in which nothing is taken for a request or an escape. */
static void put_roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++)
		fputs(*text == '\\' ? "\\e" : *text == '-' ? "\\-" : (char[]){*text, 0}, stdout);
}

static void put_sentence(const char *text)
{
	put_roff(text);
	printf("%s\n", text[strlen(text) - 1] == '.' ? "" : ".");
}

static void put_verb(const struct verb *verb)
{
	printf(".SS \"linnet %s %s\"\n", verb->name, verb->args);
	put_sentence(verb->help);
	if (verb->more) {
		printf(".PP\n");
		put_sentence(verb->more);
	}
	for (size_t i = 0; i < n_flags; i++) {
		if (!(verb->flags & 1U << i))
			continue;
		printf(".TP\n\\fB");
		put_roff(flags[i].name);
		printf("\\fR%s%s\n", flags[i].value ? " " : "", flags[i].value ? flags[i].value : "");
		put_sentence(flags[i].help);
	}
}

int verb_man(const struct options *options, struct err *err)
{
	(void)options;
	(void)err;
	printf(".TH LINNET 1 \"\" \"linnet\" \"Linnet\"\n.SH NAME\nlinnet \\- GitOps for model "
	       "deployments\n.SH SYNOPSIS\n.B linnet\n.I VERB\n[\\fIARGS\\fR] [\\fIFLAGS\\fR]\n"
	       ".SH DESCRIPTION\nWorks on a checkout, a bare repository or the url of a fleet "
	       "repository, and needs no access to a cluster. What it changes it writes as commits.\n"
	       ".SH VERBS\n");
	for (size_t i = 0; i < n_verbs; i++)
		if (verbs[i].help)
			put_verb(&verbs[i]);
	printf(".SH EXIT STATUS\n.TP\n0\nNo change, or done.\n.TP\n2\n\\fBplan\\fR: there are "
	       "changes.\n.TP\n1\nAn error; standard error names the place, the cause and what to do."
	       "\n.SH ENVIRONMENT\n.TP\nNO_COLOR\nIf set, no colours on a terminal.\n.TP\n"
	       "LINNET_FLEET_AUTH_TOKEN_FILE, LINNET_FLEET_AUTH_CA_FILE\nHow a remote is reached by "
	       "https, as fleet.auth of the controller: files with a token and with the certificates "
	       "to trust.\n.TP\nLINNET_FLEET_AUTH_SSH_KEY, LINNET_FLEET_AUTH_KNOWN_HOSTS\nThe same by "
	       "ssh: a private key and the host keys to trust; else the keys of the ssh\\-agent and "
	       "the files of ssh itself.\n.TP\nLINNET_SIGNING_KEY\nA private SSH key that signs the "
	       "commits.\n.TP\nGIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL\nWho asks; else as git is "
	       "configured.\n.SH SEE ALSO\n.BR linnet\\-controller (1),\n"
	       ".BR git (1)\n");
	return 0;
}

/* ---- completion ---- */

static const char *const kinds = "Model ModelVersion ModelDeployment Environment GatePolicy";

/* Words that may stand behind a verb. */
static const char *words_of(const struct verb *verb)
{
	if (!strncmp(verb->args, "KIND", 4))
		return kinds;
	return !strcmp(verb->args, "SHELL") ? "bash zsh fish" : "";
}

static void put_bash(void)
{
	printf("_linnet() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n\tCOMPREPLY=()\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords='");
	for (size_t i = 0; i < n_verbs; i++)
		if (verbs[i].help)
			printf("%s%s", i ? " " : "", verbs[i].name);
	printf("'\n\telse case ${COMP_WORDS[COMP_CWORD-1]} in\n");
	for (size_t i = 0; i < n_flags; i++) {
		if (!flags[i].value)
			continue;
		printf("\t%s) ", flags[i].name);
		for (int v = 0; flags[i].values && flags[i].values[v]; v++)
			printf("%s%s", v ? " " : "words='", flags[i].values[v]);
		printf("%s ;;\n", flags[i].values ? "'" : "return");
	}
	printf("\t*) case ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i].help)
			continue;
		printf("\t\t%s) words='%s", verbs[i].name, words_of(&verbs[i]));
		for (size_t f = 0; f < n_flags; f++)
			if (verbs[i].flags & 1U << f)
				printf(" %s", flags[f].name);
		printf("' ;;\n");
	}
	printf("\t\tesac ;;\n\tesac; fi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	       "complete -o default -F _linnet linnet\n");
}

/* A text between single quotes, in which `special` characters have a backslash. */
static void put_quoted(const char *text, const char *special)
{
	for (; *text; text++)
		printf(*text == '\'' ? "'\\''" : strchr(special, *text) ? "\\%c" : "%c", *text);
}

/* Is a flag's value a folder that the shell can complete? */
static bool is_folder(const struct flag *flag)
{
	return flag->value && (!strcmp(flag->value, "DIR") || !strcmp(flag->value, "REPO"));
}

static void put_zsh(void)
{
	printf("#compdef linnet\n_linnet() {\n\tlocal -a verbs=(\n");
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i].help)
			continue;
		printf("\t\t'%s:", verbs[i].name);
		put_quoted(verbs[i].help, ":");
		printf("'\n");
	}
	printf("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n"
	       "\tshift words; (( CURRENT-- ))\n\tcase $words[1] in\n");
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i].help)
			continue;
		printf("\t%s) _arguments", verbs[i].name);
		for (size_t f = 0; f < n_flags; f++) {
			if (!(verbs[i].flags & 1U << f))
				continue;
			printf(" \\\n\t\t'%s[", flags[f].name);
			put_quoted(flags[f].help, "[]:");
			printf("]%s%s%s", flags[f].value ? ":" : "", flags[f].value ? flags[f].value : "",
			       flags[f].value ? ":" : "");
			for (int v = 0; flags[f].values && flags[f].values[v]; v++)
				printf("%s%s", v ? " " : "(", flags[f].values[v]);
			printf("%s'", flags[f].values ? ")" : is_folder(&flags[f]) ? "_files -/" : "");
		}
		if (*words_of(&verbs[i]))
			printf(" \\\n\t\t'1:word:(%s)'", words_of(&verbs[i]));
		else if (*verbs[i].args == '[' && !strchr(verbs[i].args, '/'))
			printf(" \\\n\t\t'1:folder:_files -/'");
		printf(" ;;\n");
	}
	printf("\tesac\n}\nif [[ $funcstack[1] = _linnet ]]; then _linnet \"$@\"; else compdef _linnet "
	       "linnet; fi\n");
}

static void put_fish(void)
{
	for (size_t i = 0; i < n_verbs; i++) {
		if (!verbs[i].help)
			continue;
		printf("complete -c linnet -f -n __fish_use_subcommand -a %s -d '", verbs[i].name);
		put_quoted(verbs[i].help, "\\");
		printf("'\n");
		if (*words_of(&verbs[i]))
			printf("complete -c linnet -f -n '__fish_seen_subcommand_from %s' -a '%s'\n",
			       verbs[i].name, words_of(&verbs[i]));
		for (size_t f = 0; f < n_flags; f++) {
			bool is_long = !strncmp(flags[f].name, "--", 2);

			if (!(verbs[i].flags & 1U << f))
				continue;
			printf("complete -c linnet -n '__fish_seen_subcommand_from %s' -%c %s%s -d '",
			       verbs[i].name, is_long ? 'l' : 's', flags[f].name + (is_long ? 2 : 1),
			       is_folder(&flags[f]) ? " -r" : flags[f].value ? " -x" : "");
			put_quoted(flags[f].help, "\\");
			for (int v = 0; flags[f].values && flags[f].values[v]; v++)
				printf("%s%s", v ? " " : "' -a '", flags[f].values[v]);
			printf("'\n");
		}
	}
}

int verb_completion(const struct options *options, struct err *err)
{
	static const struct {
		const char *shell;
		void (*put)(void);
	} shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};

	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (strcmp(options->args[0], shells[i].shell))
			continue;
		shells[i].put();
		return 0;
	}
	return err_set(err, ERR_STALLED, "no completion for '%s'; write bash, zsh or fish",
	               options->args[0]);
}
