/* The two planners. Pure: the same desired, observed, history and time give the same plan. */
#ifndef LINNET_PLAN_PLAN_H
#define LINNET_PLAN_PLAN_H

#include "api/desired.h"
#include "api/plan.h"
#include "base/arena.h"
#include "base/buf.h"

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
	const struct data_seen *data;    /* NULL: no trigger asks, or it cannot be looked at now */
	const char *data_problem;        /* why not, one sentence; NULL: it can */
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

/* 5-field cron (minute hour day month weekday; lists, ranges, steps; names of months and weekdays;
 * weekday 0 or 7 is Sunday; day OR weekday when both are restricted, as cron does). */
struct cron {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	bool any_day, any_weekday;
};
int cron_parse(const char *text, struct cron *out, struct err *err) must_check;
/* First tick strictly after `after_ms`, the clock being `offset_ms` ahead of UTC; -1 when there is
 * none within five years. */
int64_t cron_next(const struct cron *cron, int64_t after_ms, int64_t offset_ms);
/* NULL and "UTC" are 0; "+02:00" and "-05:30" fixed offsets. Names of zones are an error: their
 * rules are a file, and a plan reads none. */
int zone_offset(const char *zone, int64_t *out_ms, struct err *err) must_check;
/* Is a deny window closed over now? Sets when to ask again: when it opens, or when the next one
 * closes; -1 never. A window that cannot be read counts as closed. One function for "is it due" and
 * "when is it due". */
bool windows_closed(const struct window_spec *windows, size_t n, int64_t now_ms,
                    int64_t *change_ms);

/* ---- show.c ---- */

/* One action for people, without its reason: "start replica 0 of 3f2a9c1b02 (v3)". */
void action_describe(struct buf *out, const struct action *action);

#endif
