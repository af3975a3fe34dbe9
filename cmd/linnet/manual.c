/* What the table of verbs says to man: linnet(1) as roff. */
#include <string.h>

#include "cli.h"

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
	       "configured.\n.SH SEE ALSO\n.BR git (1),\n"
	       "\\fBlinnet\\-controller \\-\\-help\\fR\n");
	return 0;
}
