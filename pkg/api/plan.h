/* A plan: ordered actions of one key, each with a reason; what `linnet plan` shows. */
#ifndef LINNET_API_PLAN_H
#define LINNET_API_PLAN_H

#include "api/status.h"

enum action_kind {
	ACTION_SET_WEIGHTS,   /* `weights`: the whole vector; a revision that it does not name gets 0 */
	ACTION_STOP_REPLICA,  /* revision, slot: drain first, then stop */
	ACTION_PREPARE,       /* revision: artifact and source onto this machine, verified */
	ACTION_START_REPLICA, /* revision, slot */
	ACTION_CHECK,         /* revision: through its replicas' own addresses, before any traffic;
	                       * like PREPARE, one that failed is done over */
	ACTION_DROP,          /* the deployment leaves the router; nothing of it runs any more */
	ACTION_PROPOSE,       /* `proposal`: a commit on the fleet branch or on a branch of ours */
	ACTION_TRAIN,         /* run: start or adopt `linnet-run train`; with `spec` it trains nothing,
	                       * but takes up that version for its test */
	ACTION_EVALUATE,      /* run: start or adopt `linnet-run evaluate` */
	ACTION_CANCEL_RUN,    /* run */
	ACTION_KINDS
};
extern const struct names action_kind_names;

/* One edited `version:` line. version NULL writes `none`. */
struct version_edit {
	const char *environment, *deployment;
	const char *version;
};
/* A commit to make on the current tip. Rebuilt on a newer tip; dropped when the tip already says
 * so, or when somebody changed the line from `expects` meanwhile. */
struct proposal_text {
	struct digest digest;
	const char *branch;        /* "linnet/propose/<model>"; NULL: the fleet branch itself */
	const char *fallback;      /* where it goes when a protected fleet branch refuses it */
	const char *subject, *body;
	struct version_edit *edits;
	size_t n_edits;
	const char **expects;      /* expects[i]: the version on the line now, NULL is none */
	const char *version_file;  /* ModelVersion to add: name "<model>-<version>", or NULL */
	struct digest run;         /* whose draft it is */
	/* In place of a commit: an annotated tag of that name on `tagged`; NULL none. Of the same time
	 * it is one object, however often it is pushed; one that stands is never moved. */
	const char *tag, *tagged;
	int64_t tag_ms;
};

struct action {
	enum action_kind kind;
	struct digest revision;
	int slot;
	const struct revision *spec;      /* PREPARE, START_REPLICA, CHECK; TRAIN, EVALUATE of a version
	                                   * from elsewhere */
	const struct revision *incumbent; /* TRAIN, EVALUATE: what it is compared with; NULL: nothing */
	const struct ledger_entry *rows;  /* of a version whose artifact was tested before: its rows */
	struct revision_weight *weights;  /* SET_WEIGHTS, at most 2 */
	size_t n_weights;
	int64_t drain_ms;                 /* STOP_REPLICA: how long it may finish requests */
	const struct proposal_text *proposal;
	struct digest run;
	bool reduces;    /* goes no further than the record does: done before, and though, nothing more
	                  * can be recorded */
	const char *why; /* one sentence */
};

struct plan {
	struct action *actions;
	size_t n_actions;
	int64_t wake_ms; /* wall time of the next look; -1: only on an event */
};

#endif
