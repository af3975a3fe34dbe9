/* What the files of the git port share. One file a lane of work: git_port.c looks at the remote and
 * fetches the fleet, git_accept.c decides which commit may be acted on, git_status.c keeps the
 * status and requests branches together with the remote's, git_propose.c commits to the fleet,
 * git_authors.c remembers who wrote what. */
#ifndef LINNET_ADAPTER_GIT_INTERNAL_H
#define LINNET_ADAPTER_GIT_INTERNAL_H

#include "adapter/git_port.h"
#include "adapter/git_verify.h"
#include "base/map.h"

#define REF_TIP "refs/linnet/tip"           /* fleet.git: the fleet branch as fetched */
#define REF_ACCEPTED "refs/linnet/accepted" /* fleet.git: what the controller acts on */
#define REF_REMOTE "refs/remotes/origin/"   /* status.git: branches as fetched */
#define REF_HEADS "refs/heads/"
#define REF_TAGS "refs/tags/"

enum {
	PROBLEM_BYTES = sizeof(((struct err *)0)->text),
	REF_BYTES = LIMIT_PATH,
	PROPOSALS_MAX = 64,
};

/* Exponential with full jitter. Zeroed: nothing failed. */
struct backoff {
	int failures;
	int64_t until_ms;
};
void backoff_fail(struct backoff *backoff, int64_t now_ms, int64_t first_ms, int64_t most_ms);
/* After a race that another writer won: again almost at once, because the pause makes no attempt
 * shorter; a rest of 1 to 4 s after every RACE_BURST of them, so that two never block each other
 * for long. True when it is that rest. */
enum { RACE_BURST = 8 };
bool backoff_race(struct backoff *backoff, int64_t now_ms);

/* What a lane's child is doing; one child at a time a lane. */
enum errand {
	ERRAND_NONE, ERRAND_LIST, ERRAND_FETCH, ERRAND_PUSH, ERRAND_GC, ERRAND_FSCK, ERRAND_PROPOSAL
};
struct lane {
	enum errand errand;
	struct child child;
	struct backoff backoff;
	char problem[PROBLEM_BYTES]; /* "" when the last work of the lane went well */
	int64_t gc_due_ms;
};
void lane_problem(struct lane *lane, const struct err *err);

/* The commits between the accepted one and the tip that must be verified, oldest first. */
struct acceptance {
	struct oid base;   /* what is acted on, or verify.root; "" before the first */
	struct oid newest; /* heads.accepted */
	struct oid tip;    /* the tip that all this was worked out for */
	bool rewritten;
	struct oid *chain; /* heap */
	size_t n, at;
	bool in_parts;     /* each good commit may be accepted; else only the last, when all are good */
	int signers;       /* which allowed-signers file the check under way is for */
	struct signature_check check;
	int64_t retry_ms;
	char problem[PROBLEM_BYTES];
};

/* A branch that this controller writes or reads beside the fleet's. */
struct branch {
	char local[REF_BYTES], remote[REF_BYTES]; /* refs of status.git */
	struct oid pushing;                       /* the commit of the push under way */
};
enum { BRANCH_STATUS, BRANCH_REQUESTS, BRANCHES };

enum stage { STAGE_NEW, STAGE_FETCH, STAGE_PUSH, STAGE_DONE, STAGE_REFUSED, STAGE_FAILED };
struct proposal_work {
	struct digest digest; /* "" free */
	enum stage stage;
	bool running;            /* its child holds the fleet lane */
	char branch[REF_BYTES];  /* beside the fleet branch; "" none; the name of a tag */
	bool direct;             /* it goes to the fleet branch, and to `branch` when that is refused */
	bool tag;
	struct oid commit;       /* built, or found; the object of a tag */
	struct oid lease;        /* tip of `branch` that was looked at, and may be replaced */
	uint64_t look;           /* the look at the remote that must be over to go on */
	struct backoff backoff;
	char why[PROBLEM_BYTES];
	int64_t used_ms;
};

struct git_port {
	struct git_config config; /* its strings in `strings` */
	struct arena strings;
	struct arena scratch;     /* of one call */
	int lock_fd;
	char fleet_path[LIMIT_FILE_PATH], status_path[LIMIT_FILE_PATH], own_signers[LIMIT_FILE_PATH];
	struct transport transport;
	int64_t now_ms;

	struct lane look;    /* the remote's refs */
	struct objects *remote; /* of a local remote */
	struct arena seen_arena;
	struct ref *seen;
	size_t n_seen;
	int64_t looked_ms, next_look_ms; /* last good look, -1 never */
	uint64_t look_started, look_finished, look_wanted; /* counted */
	const char **proposal_branches;  /* of heads.branches, in seen_arena */
	size_t n_proposal_branches;

	struct lane fleet_lane;
	struct objects *fleet; /* NULL while the cache is to be made anew */
	struct backoff renewal;
	struct oid tip;        /* REF_TIP */
	struct acceptance acceptance;
	struct map authors;    /* of git_authors.c */
	struct proposal_work proposals[PROPOSALS_MAX];

	struct lane status_lane;
	struct objects *status;
	struct branch branches[BRANCHES];
	bool complete;         /* both branches came along once */
	bool own_tip_checked;  /* the remote's status branch was ours when we took it up */
	struct oid parted;     /* shown in heads.status_parted */
	bool parted_shown;
	struct oid foreign;    /* a remote status branch that is not: refused */
	bool grew;             /* the status branch got a commit of ours since the last step */
	int64_t grows_ms;      /* since when it did so before each step; -1: not before the last one */
	int64_t next_push_ms;
	uint64_t push_look;    /* the look that must be over before the next push */
	struct backoff race; /* pushes lost to other writers in a row */
	bool unreconciled;     /* the lane's problem is of that */
};

/* Tip of a remote branch ("main") at the last look; "" absent. */
struct oid seen_tip(const struct git_port *port, const char *branch);
/* A fetch that found a newer tip than the last look did. */
void seen_note(struct git_port *port, const char *branch, struct oid tip);
/* A look that begins after now, at once; its number, which look_finished will reach. */
uint64_t look_now(struct git_port *port);
/* A commit of ours for a spec: author, time and signature filled in. */
void own_commit(struct git_port *port, struct commit_spec *spec);
/* gc of a lane's repository when it is due; true when it was started. */
bool start_gc(struct git_port *port, struct lane *lane, struct objects *objects, const char *path);

void acceptance_step(struct git_port *port);
void acceptance_accept(struct git_port *port, struct oid commit, bool rewind);
void acceptance_reset(struct git_port *port); /* worked out anew from the next step on */
void acceptance_deinit(struct acceptance *acceptance);
int request_signer(struct git_port *port, const char *path, struct arena *arena, const char **out,
                   struct err *err) must_check;

/* port_git.authors */
int authors_find(struct git_port *port, struct objects *objects, struct oid old, struct oid new,
                 const char *path, struct arena *arena, struct strings *out, struct err *err)
	must_check;
void authors_deinit(struct map *authors);
/* port_git.origins; `arena` is for the work. */
int origins_find(struct objects *objects, struct oid old, struct oid new, const char *path,
                 const struct git_file *files, size_t n, struct arena *arena, struct oid *out,
                 struct err *err) must_check;

int status_open(struct git_port *port, struct err *err) must_check;
void status_step(struct git_port *port);
/* Commits follow one another: they are pushed together, at the next step or some steps later. */
bool status_grows(const struct git_port *port);
int status_publish(struct git_port *port, struct oid parent, const struct git_file *files, size_t n,
                   const char *message, struct oid *out, struct err *err) must_check;
struct oid status_tip(struct git_port *port, int branch);
bool status_pushed(struct git_port *port);

/* Starts the child that some proposal waits for; true when it did. */
bool proposals_start(struct git_port *port);
/* The fleet lane's child of ERRAND_PROPOSAL has ended. */
void proposals_ended(struct git_port *port);
int proposal_step(struct git_port *port, const struct proposal_text *text, git_rebuild *rebuild,
                  void *context, struct propose_result *out, struct err *err) must_check;

#endif
