/* What is (observed), what was decided (history), and what to do (plan): the planner's other side.
 *
 * History is what the status branch holds; it is enough to go on after a crash. All pointers are
 * borrowed from the pass's arena. Times are Unix milliseconds, -1 when never; weights are shares.
 */
#ifndef LINNET_API_STATUS_H
#define LINNET_API_STATUS_H

#include "api/kinds.h"
#include "base/limits.h"

/* ---- Identity ---- */

#define REVISION_SHORT 10 /* hex digits shown to people and used in paths */

/* All that makes a replica (LIFECYCLE.md, Identity); its digest is its name. */
struct revision {
	struct digest digest;
	const char *model, *version;
	struct artifact_ref artifact;
	struct serve_spec serve;
	struct env_var *env; /* sorted by name */
	size_t n_env;
	int64_t cpu_millis, memory_bytes;
	const char *commit; /* fleet commit that named it first; not part of the digest */
};
/* Sorts `env` and fills `digest` from the other members. Neither the version's name nor the place
 * an image or a source is taken from is part of it: the tree and the image's digest are. */
void revision_seal(struct revision *revision);
/* What a verdict is about: an artifact, how it is served, and what it takes and gives. Environment
 * and resources are not part of it. */
struct digest subject_digest(struct digest artifact, const struct serve_spec *serve,
                             const struct interface_spec *interface);
/* The first REVISION_SHORT digits and NUL. */
void revision_short(struct digest digest, char out[REVISION_SHORT + 1]);

/* ---- Observed: one deployment's live state, as the serving port read it back ---- */

/* Bin i holds latencies from 1/16 ms * 2^(i/8) up to the next edge: 62.5 us to 4.1 s; the first and
 * the last bin are open. */
#define LATENCY_BINS 128
int latency_bin(double ms);      /* NaN and negative: the first */
double latency_edge_ms(int bin); /* its lower edge */


/* Cumulative since the replica's counters last began. */
struct counters {
	uint64_t requests;
	uint64_t bad; /* 5xx, connection and response errors, redispatches away from it */
	uint64_t latency[LATENCY_BINS];
};
enum replica_state {
	REPLICA_ABSENT, REPLICA_STARTING, REPLICA_READY, REPLICA_DRAINING, REPLICA_EXITED,
	REPLICA_STATES
};
extern const struct names replica_state_names;
struct replica {
	struct digest revision;
	int slot;
	enum replica_state state;
	char address[64];      /* "127.0.0.1:20012" */
	int64_t started_ms;    /* wall clock of its start */
	int64_t age_ms;        /* since its start, by a clock that no change of the date moves */
	int restarts;          /* exits of this (revision, slot) in the last ten minutes */
	bool in_rotation;      /* the router knows it */
	const char *failure;   /* last exit or probe failure with the tail of its log, or NULL */
	struct counters counters;
};
/* The weight that the router gives a revision, as read back: shares sum to 1 while any serves. */
struct revision_weight {
	struct digest revision;
	double weight;
};
/* How often a revision predicted a label (output_label) since it began to share the traffic with
 * another one, as the logs of its servers tell: cumulative, over all its replicas. */
struct logged_label {
	struct digest revision;
	const char *label;
	uint64_t rows;
};
enum work_state { WORK_NONE, WORK_RUNNING, WORK_DONE, WORK_FAILED, WORK_STATES };
/* What a worker found out about a revision; results outlive a controller restart in `state/`. */
struct work {
	struct digest revision;
	enum work_state state;
	bool retryable;  /* of WORK_FAILED: the cause may pass (a source out of reach) */
	const char *why; /* of WORK_FAILED; one line */
	int64_t since_ms;
};
struct observed {
	bool known;              /* false: the back end could not be read; decide nothing new */
	const char *router;      /* identity of the router process, which changes when it forgot */
	const char *unsaved;     /* why what it was told cannot be kept over a restart; NULL: it is */
	struct replica *replicas; /* sorted by revision, slot */
	size_t n_replicas;
	struct revision_weight *weights;
	size_t n_weights;
	struct logged_label *labels; /* while two revisions have weight; none where nothing is logged */
	size_t n_labels;
	struct work *prepared; /* artifact and source on this machine, digest verified */
	size_t n_prepared;
	struct work *checked; /* interface, golden batch, latency through the replica's own address */
	size_t n_checked;
};

/* ---- Evidence of a rollout: sufficient statistics, no raw data ---- */

struct arm {
	uint64_t requests, bad;
	uint64_t latency[LATENCY_BINS];
};
/* What is counted against a candidate: a bad answer, or a slow one. There is an edge near each of
 * the stable arm's p50, p75, p90, p95 and p99: the first kind of slow takes the score of where an
 * answer lies between them all, the others are slower than each edge after the first. */
enum { EVENT_BAD, EVENT_SLOW, SLOW_EDGES = 5, EVENTS = EVENT_SLOW + SLOW_EDGES };
enum { ALTERNATIVES = 8 }; /* of one test at most */
/* One replica's events over windows of 30 s: sums of n, x and x^2 / n; halved every hour. */
struct spread {
	double windows, n, x, squares;
};
/* Where the counters of one replica stood at the last fold. */
struct mark {
	struct digest revision;
	int slot;
	int64_t started_ms;
	struct counters last; /* to take differences; a decrease is a reset and is dropped */
	/* of a stable replica: */
	double open_n, open_x[EVENTS]; /* since the window began */
	struct spread spread[EVENTS];
};
/* A metric from elsewhere about this candidate. A query without an answer moves asked_ms alone. */
struct watched {
	const char *name;
	int64_t asked_ms, seen_ms; /* last asked; last answered, -1 never */
	double value;              /* of the last answer; NAN none */
	int64_t above;             /* answers in a row above `max` */
};
/* Predictions of one label while both arms took traffic. */
struct predicted {
	const char *label;                    /* of output_labels(); "": all other answers */
	uint64_t last_candidate, last_stable; /* counts as they stood at the last fold */
	uint64_t candidate, stable;           /* rows since the rollout began */
	uint64_t candidate_at_step, stable_at_step; /* since the step began */
	double squares; /* of the stable revision: sum over ticks of x^2 / n, x of n rows a tick; of
	                 * numbers x are the rows of all labels up to this one */
};
/* Kept in state/, folded each tick by gate_fold and gate_labels; all but what is known of the
 * stable revision begins anew when `revision` or `stable` changes. A copy without marks is in the
 * status of a decision: gate_canary and gate_findings give the same from it again. Logarithms are
 * exact to the last bit. */
struct evidence {
	struct digest revision, stable; /* the candidate and what it is compared with */
	int step;                       /* of the last fold; the step's part starts anew with it */
	int64_t since_ms, step_since_ms, last_data_ms;
	int64_t judged_ms;              /* of the copy in a status: when it was judged; else -1 */
	struct arm candidate, stable_arm;          /* since the rollout began */
	struct arm at_step, stable_at_step;        /* since the step began */
	/* running log-likelihood ratio of each alternative, of stats' grids in their order */
	double harm[EVENTS][ALTERNATIVES];         /* the rate ratio is above the margin */
	double below_ratio[ALTERNATIVES];          /* since the step began: below maxErrorRatio */
	double below_level[ALTERNATIVES];          /* since the step began: below errors.max */
	/* the stable revision, whether or not something is rolled out */
	struct arm recent;              /* of the last hour or two: halved every hour */
	int64_t recent_since_ms;        /* since it was halved last */
	int64_t window_since_ms;        /* since when the open window of each mark counts */
	double edges[SLOW_EDGES];       /* bins; an answer in it or above is slow; 0: not known yet */
	double phi[EVENTS];             /* over-dispersion as estimated last; 0: not known yet */
	struct predicted *predicted;    /* since the rollout began: each label in order, then "" */
	size_t n_predicted;
	bool predicted_numbers;         /* the labels are those of a range of numbers */
	double predicted_ticks;         /* with predictions of both arms */
	int64_t predicted_ms;           /* the last such; -1: none yet */
	struct watched *watched;        /* since the rollout began */
	size_t n_watched;
	struct mark *marks;
	size_t n_marks;
};

/* ---- History: what was decided ---- */

enum phase {
	PHASE_STEADY, PHASE_VERIFYING, PHASE_WAITING, PHASE_PROVISIONING, PHASE_CHECKING, PHASE_CANARY,
	PHASE_PROMOTING, PHASE_ROLLING_BACK, PHASE_ROLLED_BACK, PHASE_RETIRING, PHASE_STALLED, PHASES
};
extern const struct names phase_names;
enum condition_type {
	CONDITION_READY, CONDITION_SYNCED, CONDITION_HEALTHY, CONDITION_QUALITY,
	CONDITION_RECONCILING, CONDITION_STALLED, CONDITION_TYPES
};
extern const struct names condition_type_names;
enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN, TRUTHS };
extern const struct names truth_names;
struct condition {
	enum condition_type type;
	enum truth status;
	const char *reason, *message; /* reason CamelCase, message a sentence */
	int64_t since_ms;             /* lastTransitionTime: moves when status or reason changes */
};
struct promoted {
	struct digest revision;
	const char *version, *commit;
	int64_t at_ms;
};
struct quarantined {
	struct digest revision;
	const char *version, *reason, *commit;
	int64_t at_ms;
};
struct transition {
	int64_t at_ms;
	const char *what; /* "canary 5 % -> 25 % (v3)" */
	const char *why;
};
struct approval {
	const char *by, *evidence, *commit;
	struct digest revision, gate;
	int64_t at_ms; /* an approval of a later step is one given since the step before began */
	int64_t expires_ms;
};
enum verdict_result {
	VERDICT_INCONCLUSIVE, VERDICT_PASS, VERDICT_FAIL, VERDICT_NOT_APPLICABLE, VERDICT_RESULTS
};
extern const struct names verdict_result_names;
struct admission {
	struct digest revision;
	enum verdict_result result;
	const char *why;
	int64_t at_ms;
};
enum proposal_state {
	PROPOSAL_NONE, PROPOSAL_WANTED, PROPOSAL_WAITING, PROPOSAL_MERGED, PROPOSAL_REFUSED,
	PROPOSAL_DROPPED, PROPOSAL_STATES
};
extern const struct names proposal_state_names;
/* A commit of ours on the fleet branch (or a branch for a pull request). */
struct proposal {
	struct digest digest; /* of kind, target and version; the same is never proposed twice */
	struct digest terms;  /* of a version: model_status.terms when it was judged */
	const char *target;   /* "environment/deployment" of a revert or promotion; or NULL */
	const char *version;  /* NULL writes `none` */
	const char *branch;   /* NULL: on the fleet branch itself */
	const char *tag;      /* of a version that was merged: a tag on `commit`; or NULL */
	const char *commit;
	enum proposal_state outcome; /* WANTED by the planner; then as the git port answers; a tag that
	                              * stands is MERGED */
	const char *why;
	int64_t at_ms;
};

/* ModelStatus of a deployment. `revisions` holds every revision that another member names, in
 * whole, so that serving, healing and going back need nothing but this file. */
struct deployment_status {
	const char *environment, *name;
	const char *observed_commit;   /* fleet commit */
	const char *observed_manifest; /* blob that declares it */
	struct condition conditions[CONDITION_TYPES];
	bool has_condition[CONDITION_TYPES];
	struct revision *revisions;
	size_t n_revisions;

	enum phase phase;
	int64_t phase_since_ms;
	const char *reason, *message;     /* why it waits or stalled; CamelCase and a sentence */
	struct digest stable, candidate;  /* "" none */
	double stable_weight, candidate_weight; /* of record: the intent */
	bool weights_seen;                /* read back once since they were set */
	const char *router;               /* the router process that they were read back from */
	int step;                         /* index into rollout.steps; -1 before the first */
	double durable_weight;            /* the highest step so far in this rollout */
	struct digest rollout_spec;       /* digest of the rollout section in force at the step */
	bool going_back;                  /* this rollout returns to a promoted revision */
	int64_t keep_until_ms;            /* Promoting, Retiring: when the old one may stop; -1 */
	int64_t rollout_since_ms;         /* when this candidate was taken up; -1 */
	int64_t restart_ms;               /* replicas started before it are replaced one by one; -1 */
	bool broken;                      /* the stable one was shown harmful, nothing to go back to */
	int64_t down_since_ms;            /* since when no stable replica is ready; -1 */
	int64_t replicas, drain_ms, keep_previous_ms; /* of the last known declaration */
	struct arm stable_reference;      /* Promoting: the stable arm's figures of the canary */
	/* What the newest judgement (a step up, a rollback, a promotion) was made from, without marks;
	 * NULL: none yet. */
	const struct evidence *decided;

	struct promoted *promoted; /* newest first */
	size_t n_promoted;
	struct quarantined *quarantine;
	size_t n_quarantine;
	struct proposal *proposed; /* newest first */
	size_t n_proposed;
	struct approval *approvals;
	size_t n_approvals;
	struct admission *admitted;
	size_t n_admitted;
	struct transition *history; /* newest first, at most LIMIT_HISTORY */
	size_t n_history;
};
const struct revision *status_revision(const struct deployment_status *status,
                                       struct digest digest);
bool status_quarantined(const struct deployment_status *status, struct digest revision);

enum cycle_phase {
	CYCLE_IDLE, CYCLE_DUE, CYCLE_WAITING, CYCLE_RUNNING, CYCLE_EVALUATING, CYCLE_PROPOSING,
	CYCLE_PROPOSED, CYCLE_STALLED, CYCLE_PHASES
};
extern const struct names cycle_phase_names;
struct verdict_record {
	struct digest key; /* artifact, serve, rows, gate, evaluator, incumbent */
	struct digest artifact;
	struct digest subject;   /* subject_digest of what was judged, ... */
	struct digest incumbent; /* ... and of what it was compared with; "" with nothing */
	struct digest gate, rows;
	struct named_number *demands; /* of that gate, by name; n = 0: not known */
	size_t n_demands;
	enum verdict_result result;
	const char *why;
	int64_t at_ms;
};
/* What the candidate's own server and files took; NAN: not measured. */
struct gate_serving {
	double latency_p95_ms; /* of single rows */
	double start_ms, memory_bytes, artifact_bytes;
	const char *scan;      /* why the scan report cannot be read; NULL: it was, or none is asked */
	int64_t n_findings;    /* of the declared severity or above */
	const char *finding;   /* the first of them */
};
/* What a verdict was made from beside its rows, and each of its parts: from the declarations of
 * `commit` and the predictions, which are in the store, the same comes out again. */
struct gates_evidence {
	struct digest key;         /* of the verdict */
	const char *commit;        /* the fleet commit that declares the gates; NULL: unknown */
	const char *version;       /* what was judged; NULL: what a run made, which has no number yet */
	const char *incumbent;     /* the version that it was compared with; NULL: none served */
	struct digest predictions, incumbent_predictions; /* the latter "" without an incumbent */
	int64_t incumbent_to_ms;   /* rows through this time trained the incumbent; -1: none did */
	bool incumbent_unknown;    /* what it was trained on is not known */
	int64_t uses;              /* final tests of these rows, this one included; 0: no test rows */
	struct gate_serving serving;
	struct gate_entry *entries;
	size_t n_entries;
};
struct ledger_entry {
	struct digest rows; /* the test rows */
	const char *run;
	int64_t n_rows, from_ms, to_ms, at_ms;
	bool same; /* no use: every prediction was that of the incumbent, or was judged before */
	bool known; /* no use, and no test rows: what was judged may have been trained on them */
};
/* The evaluation of a version that no run of ours has made, or whose verdict counts no more. */
struct evaluation {
	struct digest run;   /* its id; "" none */
	const char *version; /* for people */
	int attempts;        /* errors in a row; after the third it waits for a person */
	int64_t retry_ms;    /* not before; -1 */
	const char *why;     /* the last error, or NULL */
	int64_t asked_ms;    /* when a person asked for all of it anew; -1 */
};
/* ModelStatus of a model: its retraining cycle. */
struct model_status {
	const char *name;
	const char *observed_commit, *observed_manifest;
	struct condition conditions[CONDITION_TYPES];
	bool has_condition[CONDITION_TYPES];
	enum cycle_phase phase;
	int64_t phase_since_ms;
	const char *reason, *message;
	enum trigger_kind trigger; /* of the run that is due, active or was last */
	const char *trigger_why;
	struct digest run;         /* its id; "" none */
	int attempts;              /* errors in a row */
	int64_t retry_ms;          /* not before; -1 */
	int64_t last_finished_ms;  /* for the cooldown; -1 */
	const char *pending_event; /* a kick not yet turned into a run */
	bool pending_kick;         /* a person's own: it waits for no cooldown */
	struct digest train_digest; /* what the run was started with; a change cancels it once */
	bool cancelled;            /* that was done for the present cause: the next run completes */
	int fruitless;             /* runs in a row that did not help */
	struct artifact_ref artifact; /* of the run: what `train` made */
	int64_t data_rows;         /* of the data when the run was taken up; -1 unknown */
	struct digest data_first;  /* and what it began with */
	struct digest data_content; /* of all that the last run read; "" unknown */
	struct digest terms;       /* training_input.terms when the run was judged */
	struct digest sources;     /* training_input.sources then; "" unknown */
	int64_t scheduled_ms;      /* schedules tick after this; -1: none was seen yet */
	int64_t highest_version;
	struct evaluation evaluation;
	struct verdict_record *verdicts; /* newest first */
	size_t n_verdicts;
	/* What the newest verdict was made from; NULL: it was none of predictions, or there is none. */
	const struct gates_evidence *decided;
	struct ledger_entry *ledger;
	size_t n_ledger;
	struct proposal *proposed; /* newest first; versions and promotions */
	size_t n_proposed;
	struct transition *history;
	size_t n_history;
};

#endif
