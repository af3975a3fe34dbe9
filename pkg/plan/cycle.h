/* One look at one model, in the making: shared by training.c and proposal.c. */
#ifndef LINNET_PLAN_CYCLE_H
#define LINNET_PLAN_CYCLE_H

#include "plan/lists.h"
#include "plan/plan.h"

enum {
	RETRY_FIRST_MS = 60000,         /* doubled with each error */
	RUN_LOOK_MS = 2000,             /* while a run or a proposal is under way */
	REST_LOOK_MS = 60000,
	BRANCH_GONE_MS = 30000,         /* a merge deletes its branch before we see the merge */
	CYCLE_RECORDS_MAX = 50,
	EVIDENCE_MAX = 1000,            /* uses of test rows, verdicts: each */
};

struct cycle {
	const struct training_input *in;
	struct arena *arena;
	struct model_status *next;
	struct plan *plan;
	bool moved;
};

void cycle_enter(struct cycle *cycle, enum cycle_phase phase, const char *reason,
                 const char *message);
void cycle_note(struct cycle *cycle, const char *what, const char *why);
void cycle_wake(struct cycle *cycle, int64_t at_ms);
/* In a way that must be recorded. */
bool cycle_differs(const struct model_status *a, const struct model_status *b);

/* ---- training.c ---- */
struct action *cycle_act(struct cycle *cycle, enum action_kind kind, struct digest run,
                         const char *why);
/* A use of test rows, once a run: an interrupted test that is repeated is the same use. */
void cycle_use_rows(struct cycle *cycle, struct digest run, const struct run_result *result);
/* That run's test tells nothing new: it is no use. */
void cycle_give_back(struct cycle *cycle, struct digest run);
/* Key, rows and reason are the run's; a test that told nothing is no use of its rows. */
void cycle_add_verdict(struct cycle *cycle, const struct run_result *run,
                       struct verdict_record record);
/* Why a run ended so. */
const char *cycle_cause(const struct run_result *run);

/* ---- trigger.c ---- */
/* A reason to train: what names this occurrence of it, and a sentence with its numbers. */
struct cause {
	enum trigger_kind kind;
	const char *occurrence, *why;
};
struct digest run_id(const struct cycle *cycle, const struct cause *cause);
void forget_event(struct cycle *cycle); /* it has its run */
/* The first trigger that is due and whose run was not made already. */
bool find_cause(struct cycle *cycle, struct cause *cause);
bool new_data_due(struct cycle *cycle);
/* A run is taken up: triggers count from what is seen now. */
void set_baselines(struct cycle *cycle);
/* What no run was taken up with (a version made by hand) counts from the first look. */
void keep_baselines(struct cycle *cycle);

/* ---- evaluation.c ---- */
/* Has what waits for a verdict of ours evaluated, one at a time, beside any training. */
void evaluate_versions(struct cycle *cycle);
/* Forgets that it failed and what could not tell, so that both are done anew; false when there is
 * neither. */
bool evaluate_again(struct cycle *cycle);

/* ---- proposal.c ---- */
/* A new version: neither a promotion nor a tag. */
bool is_version(const struct proposal *proposal);
/* Wants the run's version proposed, as the targets' automation levels say. False: it was refused
 * before, or only a person may do it; `next->message` says so. */
bool want_version(struct cycle *cycle);
/* A branch of ours waits for its merge. */
bool version_waits(const struct cycle *cycle);
/* Closes proposals of versions that the accepted commit holds, and wants what is merged tagged. */
void close_merged(struct cycle *cycle);
/* Closes proposals whose branch is gone; says how the version of the present run stands: WANTED,
 * WAITING, or the outcome. */
enum proposal_state follow_versions(struct cycle *cycle);
void want_promotions(struct cycle *cycle);
void emit_proposals(struct cycle *cycle);

#endif
