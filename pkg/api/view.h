/* What the controller shows of itself: built where something changed, handed one way to whoever
 * watches. Nothing of it is ever read back. */
#ifndef LINNET_API_VIEW_H
#define LINNET_API_VIEW_H

#include "api/plan.h"
#include "base/buf.h"

/* ---- Figures: counted since the controller started ---- */

enum { TIMING_EDGES = 8 };
extern const double timing_edges_s[TIMING_EDGES]; /* upper, ascending; the last bin is open */
/* How long something took, each time that it was done. */
struct timing {
	uint64_t n, bins[TIMING_EDGES + 1];
	double seconds;
};
void timing_add(struct timing *timing, int64_t ms);

struct figures {
	struct timing pass, plan, observe; /* one whole pass; its planning; its look at what serves */
	uint64_t keys_planned, plan_errors, observe_errors;
	uint64_t actions[ACTION_KINDS], action_errors[ACTION_KINDS];
	uint64_t status_commits, publish_errors;
	uint64_t phases[PHASES], cycle_phases[CYCLE_PHASES]; /* how often each was entered */
	uint64_t verdicts[VERDICT_RESULTS];                  /* of training runs */
	uint64_t git_looks;    /* at the remote, successful */
	int64_t git_seen_ms;   /* Unix time of the last; -1 never */
	bool git_ok;           /* no trouble with fetch, verification or push */
	bool status_pushed;    /* the remote has what was decided */
	bool disk_full, ready; /* ready: status branch and fleet were read */
	size_t keys, keys_due;
	struct oid fleet;      /* commit that is acted on; "" none */
	char problem[512];     /* the newest trouble with Git; "" none */
};

/* ---- One deployment or one model ---- */

/* What one arm has shown since the rollout began. */
struct arm_figures {
	uint64_t requests, bad;
	double share, low, high; /* of bad requests, with its 95 % interval (Wilson); NAN: none yet */
	double p95_ms;           /* NAN: none yet */
};
/* How far apart both arms' predictions are. */
struct label_figures {
	const char *label;              /* that is the most in excess; NULL: none were logged yet */
	bool numbers;                   /* distances are shares of their range */
	double candidate, stable;       /* its shares */
	double n_candidate, n_stable;   /* predictions */
	double distance, low, high;     /* with its 95 % interval */
	double limit;                   /* predictions.maxDistance */
};
/* The candidate's share of traffic from `at_ms` on. */
struct weight_point {
	int64_t at_ms;
	double weight;
};
/* The line of a fleet's table. */
struct deployment_row {
	const char *environment, *name, *model; /* model NULL: not known */
	enum phase phase;
	int64_t since_ms;
	const char *message; /* what is wrong, else where it stands */
	enum truth ready, synced, healthy;
	bool stalled;
	struct {
		const char *version; /* NULL: no such revision */
		double weight;
		int64_t ready;       /* replicas */
	} stable, candidate;
	int64_t replicas; /* wanted */
};
struct deployment_view {
	struct deployment_row row;
	const struct deployment_status *status;
	const struct rollout_spec *rollout; /* as declared; NULL: not known */
	const struct evidence *evidence;    /* NULL: no rollout is watched */
	struct arm_figures candidate, stable;   /* since the rollout began */
	struct arm_figures at_step;             /* the candidate's, since the step began */
	const struct label_figures *predictions; /* since the rollout began; NULL: not watched */
	const struct weight_point *trail;       /* of this rollout, else of the last, oldest first */
	size_t n_trail;
};
struct model_row {
	const char *name;
	enum cycle_phase phase;
	int64_t since_ms;
	const char *message;
	int64_t highest_version;
	bool stalled;
};
struct model_view {
	struct model_row row;
	const struct model_status *status;
};

/* Who watches. `row` and `whole` are JSON of the same, one line each; everything is borrowed for
 * the call. All functions are given, or `deployment` is NULL and nobody watches. */
struct watch {
	void *self;
	void (*deployment)(void *self, const struct deployment_view *view, struct bytes row,
	                   struct bytes whole);
	void (*model)(void *self, const struct model_view *view, struct bytes row, struct bytes whole);
	void (*gone)(void *self, const char *environment, const char *name); /* NULL: a model */
};

#endif
