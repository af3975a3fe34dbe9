/* The two planners. Pure: the same desired, observed, history and time give the same plan. */
#ifndef LINNET_PLAN_PLAN_H
#define LINNET_PLAN_PLAN_H

#include "api/desired.h"
#include "api/plan.h"
#include "base/arena.h"

struct rollout_input {
	struct desired_deployment desired;
	struct observed observed;
	struct deployment_status history; /* zeroed with names set when there is none yet */
	struct evidence evidence;         /* already folded with this observation */
	const struct request *requests;
	size_t n_requests;
	int64_t now_ms;
};
struct rollout_output {
	struct plan plan;
	struct deployment_status next; /* the history after the plan's intent; conditions included */
	bool changed;                  /* `next` differs from history in a way that must be recorded */
	bool gone;                     /* retired for good: its status moves to retired/ */
};

/* One look at one deployment (LIFECYCLE.md, Rollout cycle). Never fails: what cannot be decided is
 * a condition in `next`. Everything in the result lives in `arena` or is borrowed from the input. */
struct rollout_output plan_rollout(const struct rollout_input *input, struct arena *arena);

/* The revision that the declaration asks for; digest "" when it asks for none. */
struct revision desired_revision(const struct desired_deployment *desired, struct arena *arena);

struct training_input {
	bool known;
	const char *commit, *manifest;
	const struct model *model;
	struct digest train_digest;      /* of train section, interface and source tree: a change cancels a run */
	struct digest data_digest;       /* of the data at its last poll; "" unknown */
	const struct model_version *const *versions; /* of this model in the branch */
	size_t n_versions;
	const struct target *targets;    /* deployments of this model, sorted by environment, name */
	size_t n_targets;
	struct run_result run;           /* of history.run */
	struct model_status history;
	const struct request *requests;
	size_t n_requests;
	const char *const *open_branches; /* remote branches under linnet/, sorted */
	size_t n_open_branches;
	int64_t now_ms;
};
struct training_output {
	struct plan plan;
	struct model_status next;
	bool changed;
};
struct training_output plan_training(const struct training_input *input, struct arena *arena);

/* 5-field cron (minute hour day month weekday; lists, ranges, steps; day OR weekday when both are
 * restricted, as cron does), in UTC or a fixed offset. */
struct cron {
	uint64_t minutes;
	uint32_t hours, days, months, weekdays;
	bool any_day, any_weekday;
};
int cron_parse(const char *text, struct cron *out, struct err *err) must_check;
/* First tick strictly after `after_ms`; -1 when none within five years. */
int64_t cron_next(const struct cron *cron, int64_t after_ms);
/* Is a deny window closed over now? Sets when it opens (or when the next closes). One function for
 * "is it due" and "when is it due". */
bool windows_closed(const struct window_spec *windows, size_t n, int64_t now_ms, int64_t *change_ms);

#endif
