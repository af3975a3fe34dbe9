/* One look at one deployment, in the making: what the files of the rollout planner share.
 *
 * First the history is taken a step further (request.c, rollout.c), then the world is made like it
 * (converge.c), then it is said in conditions (conditions.c). Only record.c changes lists. */
#ifndef LINNET_PLAN_LOOK_H
#define LINNET_PLAN_LOOK_H

#include "gate/gate.h"
#include "plan/lists.h"
#include "plan/plan.h"

enum {
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	CRASH_LOOP_EXITS = 5,              /* in ten minutes */
	CRASH_LOOP_BACKOFF_MS = 5 * MINUTE_MS,
	PREPARE_RETRY_MS = 10 * SECOND_MS, /* a source that was out of reach is tried again */
	IDLE_LOOK_MS = 30 * SECOND_MS,
	PROMOTED_KEPT_MIN = 3,
	RECORDS_MAX = 50,                  /* of proposals, approvals, quarantine, each */
};

#define ROUNDING 1e-9 /* shares that differ by less are the same */

/* What the declaration asks for, seen from the history. */
enum aim {
	AIM_UNKNOWN,     /* Git could not be read, or the declaration names what is not there */
	AIM_ABSENT,      /* deleted */
	AIM_NONE,        /* `version: none` */
	AIM_STABLE,      /* what serves */
	AIM_CANDIDATE,   /* what is being rolled out */
	AIM_QUARANTINED, /* what failed here */
	AIM_NEW          /* anything else */
};

struct look {
	const struct rollout_input *in;
	struct arena *arena;
	struct deployment_status *next;
	struct plan *plan;
	const struct deployment *spec; /* the declaration in force; NULL: none is at hand */
	struct revision want;          /* what it asks for; digest "" none or unknown */
	enum aim aim;
	bool moved;                    /* a phase was entered in this look: no second one */
};

/* ---- look.c: what is observed ---- */
int ready_replicas(const struct look *look, struct digest revision);
int live_replicas(const struct look *look, struct digest revision); /* in any state but absent */
double live_weight(const struct look *look, struct digest revision);
bool crash_looping(const struct look *look, struct digest revision);
const struct work *find_work(const struct work *work, size_t n, struct digest revision);
/* A stable revision that a fix must not wait for, and that nothing goes back to while another one
 * serves: shown harmful, or without a ready replica for longer than a start may take. */
bool stable_broken(const struct look *look);
bool has_stable(const struct look *look);
bool has_candidate(const struct look *look);
enum aim find_aim(const struct look *look);
/* Stable and candidate do not run at the same time (`strategy: recreate`). */
bool is_exclusive(const struct look *look);
/* It starts for longer than `startTimeout`, which is ten minutes while nothing declares it. */
bool start_hangs(const struct look *look, const struct replica *replica);
bool is_leaving(const struct look *look); /* retiring, its time to be kept over */
/* Share of the step after `step`; 1 when there is no other. */
double next_weight(const struct look *look);
int64_t replicas_wanted(const struct look *look, struct digest revision);
/* Those that its present weight takes: what is missing of them is ill health, the rest is on its
 * way. */
int64_t replicas_needed(const struct look *look, struct digest revision);
/* "v3", or the short digest of a revision that history does not hold. */
const char *version_of(const struct look *look, struct digest revision);
/* "production/deployment-risk" */
const char *key_of(const struct look *look);
void wake_at(struct look *look, int64_t at_ms);
static inline void wake_in(struct look *look, int64_t ms) { wake_at(look, look->in->now_ms + ms); }

/* ---- record.c: the history is grown ---- */
void begin_history(struct look *look);
void enter(struct look *look, enum phase phase, const char *reason, const char *message);
/* Why it stands where it stands; no counters, or every tick would be a commit. */
void say(struct look *look, const char *reason, const char *message);
void note(struct look *look, const char *what, const char *why);
void set_weights(struct look *look, double stable, double candidate);
void stable_serves_all(struct look *look); /* or, where there is none, nobody anything */
void take_up(struct look *look, const struct revision *revision, bool going_back);
void drop_candidate(struct look *look);
void make_stable(struct look *look); /* the candidate, and it may be gone back to */
void quarantine(struct look *look, struct digest revision, const char *reason);
void release(struct look *look, struct digest revision); /* from quarantine */
void add_approval(struct look *look, struct approval approval);
void add_admission(struct look *look, struct admission admission);
void add_proposal(struct look *look, struct proposal proposal);
void set_branch(struct look *look, size_t i, const char *branch);
void set_outcome(struct look *look, size_t i, enum proposal_state outcome, const char *why);
void collect_garbage(struct look *look);
/* In a way that must be recorded. */
bool history_differs(const struct deployment_status *a, const struct deployment_status *b);

/* ---- the stages ---- */
void take_requests(struct look *look);                                         /* request.c */
void roll_back(struct look *look, const char *reason, const char *why);        /* rollout.c */
bool in_flight(const struct deployment_status *status);                        /* rollout.c */
void want_revert(struct look *look, struct digest failed, struct digest back,
                 const char *why);                                             /* revert.c */
void follow_proposals(struct look *look);                                      /* revert.c */
void propose(struct look *look);                                               /* revert.c */
void read_back(struct look *look);                                             /* converge.c */
bool weights_live(const struct look *look); /* those of record, now */           /* converge.c */
void converge(struct look *look);                                              /* converge.c */
void conclude(struct look *look);                                              /* conditions.c */
/* What keeps the candidate from starting (`step` false) or from its next step; NULL: nothing.
 * Sets `reason`. */
const char *find_blocker(struct look *look, bool step, const char **reason);   /* block.c */

#endif
