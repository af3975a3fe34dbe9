/* What the verbs of the command line share. */
#ifndef LINNET_CMD_CLI_H
#define LINNET_CMD_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "doc/doc.h"

/* As Terraform has them. */
enum { EXIT_NO_CHANGE = 0, EXIT_ERROR = 1, EXIT_CHANGES = 2 };
enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML };

/* The values of all flags, NULL where not given; a switch is "" when given. A flag that a verb does
 * not take is refused by its table. */
struct options {
	const struct verb *verb;
	const char *repo;   /* a checkout, a bare repository or a url; default "." */
	const char *path;   /* folder of the manifests in it; default "." */
	const char *remote; /* url to fetch from or write to; default: remote `origin` of repo */
	const char *base;   /* plan: the revision to compare with */
	const char *event, *reason;
	const char *to;     /* rollback: the version */
	const char *until;  /* hold, approve: a time or a duration */
	const char *restart; /* kick: the replicas, not a training run */
	const char *fleet_branch, *branch; /* the branch that is the truth; the one to write */
	const char *number; /* history: how many */
	const char *format; /* of -o */
	const char *watch;  /* status: go on */
	const char *state;  /* why: the controller's folder */
	const char *store;  /* verify: the controller's artifacts */
	const char *rate;   /* estimate: requests a second */
	const char *print;  /* init: to standard output */
	const char *program; /* argv[0]: git asks it for a token */
	enum output output;
	bool colour;        /* the output is a terminal and NO_COLOR is not set */
	const char *args[4];
	int n_args;
	struct arena *arena;
};

/* `flags` is a set of bits, FLAG(repo) | FLAG(path); of the words in `args`, those in brackets may
 * be left out. */
struct verb {
	const char *name, *args, *help; /* help NULL: hidden */
	unsigned flags;
	int (*run)(const struct options *options, struct err *err); /* exit status; -1: see err */
	const char *more; /* for the manual: what a person must know beside `help`; or NULL */
};
/* `value` NULL: a switch. */
struct flag {
	const char *name, *value, *help;
	size_t offset;
	const char *const *values; /* the words that it may be, ended by NULL; or NULL: any */
};

/* The one table of verbs and flags (verbs.c): what is parsed, and what every help says. */
extern const struct verb verbs[];
extern const size_t n_verbs;
extern const struct flag flags[];
extern const size_t n_flags;

int verb_init(const struct options *options, struct err *err);
int verb_validate(const struct options *options, struct err *err);
int verb_plan(const struct options *options, struct err *err);
int verb_status(const struct options *options, struct err *err);
int verb_history(const struct options *options, struct err *err);
int verb_request(const struct options *options, struct err *err);
int verb_why(const struct options *options, struct err *err);
int verb_verify(const struct options *options, struct err *err);
int verb_estimate(const struct options *options, struct err *err);
int verb_hold(const struct options *options, struct err *err);
int verb_completion(const struct options *options, struct err *err);
int verb_words(const struct options *options, struct err *err);
int verb_man(const struct options *options, struct err *err);
int verb_explain(const struct options *options, struct err *err);
int verb_schema(const struct options *options, struct err *err);
int verb_version(const struct options *options, struct err *err);

/* ---- output ---- */

void put_help(FILE *out);
void put_verb_help(const struct verb *verb);

/* Text in a colour of ANSI ("32" green, "31" red, "33" yellow, "1" bold) when `colour`. */
void put_coloured(const struct options *options, const char *code, const char *text);
/* What `write` writes, as JSON or YAML, as `output` says. */
void put_document(const struct options *options,
                  void (*write)(struct writer *writer, const void *context), const void *context);
/* Compact JSON with one member a line, two spaces a level, for people to review. */
void put_indented(const char *json);
/* A member of a map; before 1970 it is null. */
void write_time(struct writer *writer, const char *key, int64_t at_ms);

#endif
