/* The two planners. Pure: the same desired, observed, history and time give the same plan. */
#ifndef LINNET_PLAN_PLAN_H
#define LINNET_PLAN_PLAN_H

#include "api/desired.h"
#include "api/plan.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cron.h"

struct rollout_input {
	struct desired_deployment desired;
	struct observed observed;
	struct deployment_status history; /* zeroed with names set when there is none yet */
	struct evidence evidence;         /* already folded with this observation */
	const struct request *requests;
	size_t n_requests;
	int64_t now_ms;
	bool clock_jumped;                /* not long ago: no time-out is believed */
	const char *recovered;            /* why history is not the newest text of its file; or NULL */
};
struct rollout_output {
	struct plan plan;
	struct deployment_status next; /* the history after the plan's intent; conditions included */
	bool changed;                  /* `next` differs from history in a way that must be recorded */
	bool gone;                     /* retired for good: its status moves to retired/ */
};

/* One look at one deployment (LIFECYCLE.md, Rollout cycle). Never fails: what cannot be decided is
 * a condition in `next`. All of the result lives in `arena` or is borrowed from the input. */
struct rollout_output plan_rollout(const struct rollout_input *input, struct arena *arena);

/* The revision that the declaration asks for; digest "" when it asks for none. */
struct revision desired_revision(const struct desired_deployment *desired, struct arena *arena);

struct training_input {
	bool known;
	const char *commit, *manifest;
	const struct model *model;
	struct digest train_digest;      /* of train, interface and source; a change cancels a run */
	struct digest data_digest;       /* of the data at its last poll; "" unknown */
	struct zones zones;              /* of the schedules, as far as they could be read */
	const struct data_seen *data;    /* NULL: no trigger asks, or it cannot be looked at now */
	struct digest terms;             /* of interface, metric, gates and training source */
	struct digest sources;           /* of the trees that it is trained and served from */
	const struct quality_signal *signals;
	size_t n_signals;
	const char *problem; /* what triggers look at and cannot be read, one sentence; NULL: all can */
	bool barred;         /* that is the data itself, which may not be read: no run would start */
	const struct model_version *const *versions; /* of this model in the branch */
	size_t n_versions;
	const struct target *targets;    /* deployments of this model, sorted by environment, name */
	size_t n_targets;
	const struct gate_policy *policy; /* of the model's gates; NULL: none named */
	struct run_result run;           /* of history.run */
	struct run_result evaluation;    /* of history.evaluation.run */
	struct model_status history;
	const struct request *requests;
	size_t n_requests;
	const char *const *open_branches; /* remote branches under linnet/, sorted */
	size_t n_open_branches;
	int64_t now_ms;
	const char *recovered;           /* why history is not the newest text of its file; or NULL */
};
struct training_output {
	struct plan plan;
	struct model_status next;
	bool changed;
};
struct training_output plan_training(const struct training_input *input, struct arena *arena);

/* Is a deny window closed over now? Sets when to ask again: when it opens, or when the next one
 * closes; -1 never. A window that cannot be read counts as closed. One function for "is it due" and
 * "when is it due". */
bool windows_closed(const struct window_spec *windows, size_t n, const struct zones *zones,
                    int64_t now_ms, int64_t *change_ms);

/* ---- show.c ---- */

/* One action for people, without its reason: "start replica 0 of 3f2a9c1b02 (v3)". */
void action_describe(struct buf *out, const struct action *action);

#endif
