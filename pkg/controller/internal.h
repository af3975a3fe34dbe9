/* What the files of this module share. */
#ifndef LINNET_CONTROLLER_INTERNAL_H
#define LINNET_CONTROLLER_INTERNAL_H

#include "base/log.h"
#include "base/map.h"
#include "controller/controller.h"
#include "gate/gate.h"
#include "manifest/manifest.h"
#include "plan/plan.h"

#define NEVER INT64_MAX
enum {
	BATCH_KEYS = 4096,         /* keys planned in one pass; the rest follow at once */
	PASS_BYTES = 512 << 20,    /* arena of a pass */
	LARGE_BYTES = 16 << 20,    /* a pass that took more gives its memory back */
	DECODED_BYTES = 4 << 20,   /* what is remembered of decoded statuses, and of manifests */
	DECLARED_BYTES = 64 << 20, /* of manifests from one pass of a crowd to the next */
	README_ROWS = 1000,
	HOLD_MS = 5000,            /* so long a read-back may wait to be recorded */
	LOOK_AGAIN_MS = 5000,      /* between two looks at what sends no event */
	EVENTS_KEPT = 16,          /* different named events that a model may not have acted on */
	BACKOFF_LEAST_MS = 250,
	BACKOFF_MOST_MS = 60000,
};

/* One deployment or one model that we look after; lives as long as it is declared or has a status.
 * */
struct key {
	char *id;          /* "deployment/<environment>/<name>" or "model/<name>" */
	char *environment; /* NULL: a model */
	char *name;
	int64_t due_ms;    /* monotonic; NEVER: on an event only */
	int64_t held_ms;    /* since when a read-back waits for company; 0 none does */
	int64_t backoff_ms; /* 0: the last act succeeded */
	int running;        /* runs of this model that were active when last looked at */
	bool in_pass;       /* while the keys of a pass are gathered */
	bool busy;          /* its last plan was not at rest */
	bool has_status;    /* a file of it is on the status branch, ... */
	bool unreadable;    /* ... and no text of it decodes: its row says so */
	bool sharded;       /* ... in a folder of two hex digits */
	bool evidence_known; /* `evidence` was read from the state folder */
	bool evidence_filed; /* a file of it is in the state folder */
	struct evidence *evidence; /* of its traffic, as last counted; NULL none */
	struct evidence *lent;     /* what the pass under way borrows from; NULL nothing */
	/* what its line of the README shows; texts are ours, NULL none */
	struct row {
		bool known;
		enum phase phase;
		int64_t since_ms;
		char *stable, *candidate; /* versions */
		double stable_weight, candidate_weight;
		char *message;
	} row;
	struct shown *shown; /* what watchers were told last; NULL nothing */
	/* of a model: named events not yet acted on, in the order in which they came; heap */
	struct outside_event {
		char name[LIMIT_NAME + 1];
		int64_t at_ms; /* wall time: two of one name are two causes */
	} *events;
	size_t n_events;
};

struct controller {
	struct ports ports;
	struct controller_config config;
	struct arena arena; /* of the pass */
	struct fleet *fleet;
	struct arena declared; /* what the fleet remembers of its manifests */
	bool crowded;          /* the last pass was full: the next one goes on with it */
	bool large;            /* memory that the passes since the last quiet one took is to go back */
	struct map keys;    /* id -> struct key */
	struct git_heads heads;
	struct oid applied; /* fleet commit that the index holds; "" none */
	struct oid recorded; /* the same as the status branch has it, before the index holds any */
	struct oid loaded;  /* status commit whose keys and controller.yaml were read */
	bool disk_full;
	bool emptied;       /* the applied commit declares nothing, though something serves */
	bool started;       /* the status branch was read once */
	bool unread;        /* a part of the fleet that the plan in the making needs, now */
	int64_t epoch, epoch_kept; /* ours; and what the state folder holds of it, 0 not known */
	struct map decoded; /* blob id -> the status that it holds, never changed; in ... */
	struct arena decoded_arena; /* ... this; all is forgotten when it is full */
	struct oid requests_done;
	struct oid rewound; /* a rewritten tip that was accepted and is not loaded yet */
	bool claimed;       /* our id and epoch stand on the status branch */
	bool readme_stale;
	int64_t now_ms, wall_ms;      /* of this pass */
	int64_t wall_offset_ms;       /* wall - monotonic, to see jumps */
	int64_t steady_from_ms;       /* monotonic: before it the clock is not trusted */
	int64_t moved_ms;             /* since when the keys of a new commit are looked at; 0 done */
	size_t n_planned;             /* of them, so far */
	char problem[512];            /* last logged trouble with Git, to log it once */
	struct figures figures;       /* what is counted; the rest is filled when asked for */
};

/* A request with the key it is for. */
struct asked {
	struct key *key;
	struct request request;
};
struct asked_list {
	struct asked *items;
	size_t n;
	struct oid upto; /* requests commit that they were read to; "" nothing new */
};

/* One key's work in a pass. */
struct task {
	struct key *key;
	struct request *requests;
	size_t n_requests;
	/* deployment */
	struct desired_deployment desired;
	struct observed observed;
	struct evidence evidence;
	struct rollout_output rollout;
	const struct deployment_status *history; /* that it was planned from */
	/* model */
	struct training_output training;
	const struct model *model;
	const struct plan *plan;
	bool undeclared; /* a model that is not declared (any more) */
	/* its plan has no date for it: data whose new rows are a trigger, authors not yet found */
	bool looks_again;
	bool pending; /* a proposal is under way: look again soon */
	bool noted;  /* an act's outcome changed `next` */
	bool told;   /* its transitions stand in a commit of this pass */
	bool failed; /* an act of it failed; leave the rest */
};

/* controller.c: plans each task; one that cannot be planned never delays another. Requests are
 * acted on together or, where one of them cannot be now, all later: `asked->upto` is "" then. */
void plan_all(struct controller *c, struct task *tasks, size_t n, struct asked_list *asked);

/* keys.c */
struct key *key_find(struct controller *c, const char *environment, const char *name);
struct key *key_need(struct controller *c, const char *environment, const char *name);
void key_drop(struct controller *c, struct key *key);
void key_row(struct key *key, const struct deployment_status *status);
/* The line again as the part of a status that the README is made of, in the pass's arena. */
const struct deployment_status *key_status(struct controller *c, const struct key *key);
void keys_free(struct controller *c);
struct key **keys_due(struct controller *c, const struct asked_list *asked, size_t most, size_t *n);
int64_t keys_next_due(const struct controller *c);
/* How many deployments of an environment (NULL: models) are looked after. */
size_t keys_count(const struct controller *c, const char *environment);
size_t keys_deployments(const struct controller *c); /* of all environments */

/* desired.c: Git -> index and keys */
int load_status(struct controller *c, struct err *err) must_check;
/* Our epoch into the state folder, before anything is pushed under it. What cannot be kept now is
 * kept at the next pass. */
void keep_epoch(struct controller *c);
int load_fleet(struct controller *c, struct err *err) must_check;
int load_requests(struct controller *c, struct asked_list *out, struct err *err) must_check;
bool desired_known(const struct controller *c);
int fleet_blob(void *self, struct oid blob, struct arena *arena, struct bytes *out,
               struct err *err);

/* recover.c */
typedef int decode_text(const char *path, struct bytes text, struct arena *arena, void *out,
                        struct err *err);
/* The newest text of a file of the status branch that decodes, when the one at `tip` does not: what
 * was decided up to then stands, and `*recovered` is the sentence that tells so. With none, nothing
 * is known of what was decided, and nothing is done. */
int recover(struct controller *c, struct oid tip, const char *path, decode_text *decode, void *out,
            const char **recovered, const struct err *damage, struct err *err) must_check;

/* task.c: one key from the world to a plan */
int task_deployment(struct controller *c, struct task *task, struct err *err) must_check;
int task_model(struct controller *c, struct task *task, struct err *err) must_check;
int task_observe(struct controller *c, struct task *tasks, size_t n, struct err *err) must_check;

/* view.c */
void show(struct controller *c, const struct task *task);
/* Of a task that was recorded: the phases that it entered, the verdicts that it holds. */
void count_entered(struct controller *c, const struct task *task);

/* watch.c: asks what is due of the declared metrics; an answer is taken into `task->evidence` by a
 * later pass. A failed query, no result or several, and what is no number are no data. */
void watch_metrics(struct controller *c, struct task *task,
                   const struct deployment_status *history);

/* execute.c */
void execute(struct controller *c, struct task *task, bool reducing);

/* allow.c: `allow` lists beginnings of addresses, blanks between; `*` stands for anything but a
 * slash. NULL and what names no host allow none, and nothing allows "..", nor a user's name. */
bool uri_allowed(const char *allow, const char *uri);

/* propose.c */
int push_proposal(struct controller *c, const struct proposal_text *text,
                  struct propose_result *out, struct err *err) must_check;

/* train.c */
void run_observe(struct controller *c, struct digest run, struct run_result *out);
bool run_active(const struct run_result *run);
int run_start(struct controller *c, const struct task *task, const struct action *action,
              struct err *err) must_check;
int run_cancel(struct controller *c, const struct action *action, struct err *err) must_check;
/* "file:rows.csv" -> a path below the data root. Never absolute, never out of it. */
int run_data_path(struct controller *c, const char *uri, const char **out, struct err *err)
	must_check;
/* A file that a finished evaluation left: version.yaml, report.html, report.md. */
int run_file(struct controller *c, struct digest run, const char *name, struct bytes *out,
             struct err *err) must_check;

/* publish.c */
int publish(struct controller *c, struct task *tasks, size_t n, const struct asked_list *asked,
            struct err *err) must_check;
void evidence_save(struct controller *c, struct task *task);
void evidence_load(struct controller *c, struct key *key, struct evidence *out);
void evidence_forget(struct controller *c, struct key *key);

#endif
