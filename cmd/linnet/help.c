/* What the table of verbs says to people: --help. */
#include <string.h>

#include "cli.h"

static void put_flags(unsigned which)
{
	for (size_t i = 0; i < n_flags; i++)
		if (which & 1U << i)
			printf("  %-10s %-7s %s\n", flags[i].name, flags[i].value ? flags[i].value : "",
			       flags[i].help);
}

void put_help(FILE *out)
{
	fprintf(out, "linnet: GitOps for model deployments\n\nusage: linnet VERB [ARGS] [FLAGS]\n\n");
	for (size_t i = 0; i < n_verbs; i++)
		if (verbs[i].help)
			fprintf(out, "  %-13s %-14s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	fprintf(out, "\n`linnet VERB --help` shows a verb's flags.\n"
	             "exit status: 0 no change or done, 2 changes, 1 error\n");
}

/* Words at most `width` a line, each line after two spaces. */
static void put_paragraph(const char *text, size_t width)
{
	size_t column = 0;

	for (const char *at = text; *at;) {
		size_t len = strcspn(at, " ");

		if (column && column + 1 + len > width) {
			putchar('\n');
			column = 0;
		}
		printf("%s%.*s", column ? " " : "  ", (int)len, at);
		column += len + 1;
		at += len;
		at += strspn(at, " ");
	}
	putchar('\n');
}

void put_verb_help(const struct verb *verb)
{
	if (verb->help)
		printf("linnet %s: %s\n\n", verb->name, verb->help);
	printf("usage: linnet %s%s%s%s\n", verb->name, *verb->args ? " " : "", verb->args,
	       verb->flags ? " [FLAGS]" : "");
	if (verb->more) {
		printf("\n");
		put_paragraph(verb->more, 96);
	}
	if (verb->flags)
		printf("\n");
	put_flags(verb->flags);
}
