/* What the verbs of the command line share. */
#ifndef LINNET_CMD_CLI_H
#define LINNET_CMD_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* As Terraform has them. */
enum { EXIT_NO_CHANGE = 0, EXIT_ERROR = 1, EXIT_CHANGES = 2 };
enum output { OUTPUT_TABLE, OUTPUT_JSON };

/* The flags of all verbs; one that a verb does not know is refused by its table. */
struct options {
	const char *repo;   /* a checkout or a bare repository; default "." */
	const char *path;   /* folder of the manifests in it; default "." */
	const char *remote; /* url to fetch from or write to; default: remote `origin` of repo */
	const char *base;   /* plan: the revision to compare with */
	const char *event, *reason;
	const char *number; /* history: how many */
	const char *program; /* argv[0]: git asks it for a token */
	enum output output;
	bool colour;        /* the output is a terminal and NO_COLOR is not set */
	const char *args[4];
	int n_args;
	struct arena *arena;
};

struct verb {
	const char *name, *args, *help;
	int (*run)(const struct options *options, struct err *err); /* exit status; -1: see err */
};

int verb_validate(const struct options *options, struct err *err);
int verb_plan(const struct options *options, struct err *err);
int verb_status(const struct options *options, struct err *err);
int verb_history(const struct options *options, struct err *err);
int verb_request(const char *verb, const struct options *options, struct err *err);

/* Text in a colour of ANSI ("32" green, "31" red, "33" yellow, "1" bold) when `colour`. */
void put_coloured(const struct options *options, const char *code, const char *text);

#endif
