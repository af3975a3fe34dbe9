/* The simulator: the real core on simulated ports. One world is one seed: the same seed gives the
 * same events, the same trace and the same hash on every machine. */
#ifndef LINNET_SIM_H
#define LINNET_SIM_H

#include <stdio.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/map.h"
#include "controller/controller.h"

enum {
	SIM_ENVIRONMENTS = 2, SIM_VERSIONS = 16, SIM_REPLICAS = 64, SIM_COMMITS = 8192, SIM_RUNS = 2048,
	SIM_STATE_FD = -4321,  /* what the controller takes for its state folder */
	SIM_POLL_MS = 5000,
	SIM_UNKNOWN_MS = 120000, /* a remote not seen for so long: desired is UNKNOWN (S13) */
};
#define SIM_MODEL "risk"
#define SIM_DAMAGED "phase: {" /* what is left of a damaged file */

/* ---- faults ---- */

/* Whole classes are switched off at random in a swarm. */
enum fault {
	FAULT_FETCH,      /* the remote cannot be reached for this look */
	FAULT_LAG,        /* a mirror shows an older tip */
	FAULT_PUSH,       /* the status push does not go through, or its reply is lost */
	FAULT_PUBLISH,    /* the local status commit fails, before or after its effect */
	FAULT_READ,       /* a blob cannot be read now */
	FAULT_PROPOSE,    /* a proposal fails or its reply is lost */
	FAULT_PUSHER,     /* somebody commits while a proposal or the status is on its way */
	FAULT_OBSERVE,    /* the serving side cannot be read */
	FAULT_STALE,      /* it shows what was, not what is */
	FAULT_APPLY,      /* an act fails before its effect, or of weights only what rises is done */
	FAULT_LOST_REPLY, /* an act has its effect, and reports an error */
	FAULT_PROCESS,    /* a run cannot be started, looked at or read */
	FAULT_VANISH,     /* a run is gone without a trace */
	FAULT_CRASH,      /* the controller dies after an act */
	FAULT_EXIT,       /* a replica dies */
	FAULT_ROUTER,     /* the router restarts and has forgotten */
	FAULT_HAND,       /* somebody changes weights by hand */
	FAULT_CLOCK,      /* the wall clock jumps */
	FAULT_DISK,       /* the disk is full for some minutes */
	FAULTS
};
extern const struct names fault_names;

/* Either every class has a probability, or the port calls numbered `nth` fail. */
struct faults {
	bool on;
	unsigned enabled;      /* bits of enum fault */
	uint64_t one_in;       /* calls a fault, on average */
	int64_t limit;         /* only so many happen; 0: all of them */
	int64_t nth, nth_more; /* fail exactly these calls (counting from 1); 0: by chance */
	int64_t crash_after, crash_again; /* crash after these acts */
	bool after_effect;     /* of nth: the call has its effect and its reply is lost */
	uint64_t rng;
	int64_t calls, acts, happened, crashes;
};

/* ---- what versions do ---- */

struct traits {
	char name[16];
	double errors, slow;      /* share of 500s; factor on latency */
	int64_t ready_ms;         /* from start to ready */
	bool crash, never_ready, bad_check, corrupt;
	bool logs;                /* its predictions, of which so many are of the class "yes" */
	double yes;
	bool measured;            /* Prometheus knows it, and says this */
	double metric;
};

/* ---- git ---- */

struct sim_file {
	const char *path, *blob; /* interned for the world's life */
};
struct sim_commit {
	struct oid id;
	int parent; /* -1: a root */
	struct sim_file *files; /* sorted by path */
	size_t n_files;
	const char *subject;
};
struct sim_branch {
	char name[128];
	int tip; /* -1: deleted */
};
struct sim_git {
	struct sim_commit commits[SIM_COMMITS];
	int n;
	struct map blobs;       /* id -> text */
	/* the remote */
	int remote_main, remote_status, remote_requests;
	struct sim_branch branches[32];
	int n_branches;
	/* the controller's clones */
	int fetched, accepted, local_status, record, seen_requests, parted;
	bool away, protected, rewritten, parted_shown, push_forgotten;
	int64_t seen_ms;
	const char *names[32]; /* of the remote's branches as last fetched */
	size_t n_names;
	struct digest landed[2048]; /* proposals that reached the remote, for S16 */
	int n_landed;
};

/* ---- serving ---- */

struct sim_replica {
	bool used;
	int environment;
	struct digest revision;
	const struct traits *traits;
	int slot;
	enum replica_state state;
	int64_t exits_ms[8]; /* the last ones, a ring */
	int n_exits;
	int64_t started_ms; /* by the wall clock; the others by the world's */
	int64_t begun_ms, ready_ms, stop_ms;
	bool in_rotation;
	struct counters counters;
};
struct sim_work {
	bool check;
	struct digest revision;
	const struct traits *traits;
	int64_t since_ms, done_ms;
};
struct sim_weight {
	struct digest revision;
	double weight;
};
/* One revision's story in one environment, as it truly was. */
struct sim_story {
	struct digest revision;
	uint64_t requests; /* served here since it first carried weight */
	uint64_t logged;   /* predictions while they were counted */
	bool served;       /* carried weight */
	bool shown_ready;  /* a ready replica of it was in the newest look */
	const struct traits *traits;
};
/* What the logs tell of a revision: predictions of "no" and "yes". */
struct sim_labels {
	struct digest revision;
	uint64_t rows[2];
};
struct sim_place {
	const char *name;
	struct sim_weight weights[2], stale_weights[2], shown[2];
	int n_weights, n_stale, n_shown; /* n_shown -1: never looked at */
	bool unseen;            /* by hand, and no look has shown them yet */
	double rate;            /* requests a second */
	double carry;           /* part of a request left over */
	int64_t moved_ms;       /* traffic was simulated up to here */
	uint64_t requests, lost, bad;
	int64_t dark_since_ms;  /* since when no request is answered though a replica is ready */
	struct sim_story stories[256];
	int n_stories;
	uint64_t at_step;       /* requests of the candidate when its step began (S9) */
	bool stuck;             /* every act fails here (L4) */
	struct sim_labels labels[2], stale_labels[2];
	bool counting;          /* they are counted, */
	bool mute;              /* though nothing is logged now */
	struct digest filed;    /* candidate of the evidence that was saved last, ... */
	int64_t filed_since_ms;
	uint64_t filed_candidate, filed_stable; /* ... and predictions that it counts (S18) */
};
struct sim_serving {
	struct sim_replica replicas[SIM_REPLICAS];
	struct sim_work works[2048];
	int n_works;
	struct sim_place places[SIM_ENVIRONMENTS];
	int router; /* grows when it restarts */
};

/* ---- runs ---- */

enum run_fate {
	FATE_PASS, FATE_FAIL, FATE_INCONCLUSIVE, /* of the evaluation; training succeeds */
	FATE_BAD_DATA, /* training: a considered failure */
	FATE_ERROR,    /* training ends without a result */
	FATE_BROKEN,   /* evaluation ends without a result */
	FATE_GARBAGE,  /* training leaves a result that does not decode */
	FATE_LATE,     /* as PASS, after an hour */
	FATES
};
extern const struct names fate_names;
struct sim_run {
	bool used, running, has_result, evaluate;
	char key[64];
	struct digest run;
	struct digest subject, incumbent, gate; /* of its verdict */
	struct digest data, artifact, rows;
	bool of_version; /* from elsewhere: nothing is trained */
	enum run_fate fate;
	int64_t started_ms, done_ms;
	int spawned;
};
struct sim_runs {
	struct sim_run items[SIM_RUNS];
	int n; /* behind it none was ever used */
	enum run_fate fates[32]; /* of the runs to come, in order; then PASS */
	int n_fates, next_fate;
	enum run_fate judged[8]; /* of the evaluations of versions from elsewhere; then PASS */
	int n_judged, next_judged;
	int made; /* artifacts */
};

/* ---- people ---- */

struct sim_declared {
	bool present, broken;
	char version[16];
	int replicas;
	char env[32], hold[32], promotion[64];
	char window[64];
	char automation[96];
	int approvals;
	int64_t keep_ms;
	char extra[256]; /* more lines of spec.rollout */
	char analysis[128]; /* one more of its analysis */
};
/* An approval as it was given, to be found again in what the controller made of it (S10). */
struct sim_approval {
	struct digest revision;
	char by[16];
	int64_t expires_ms;
};

/* What a gate demanded, by its digest. */
struct sim_gate {
	struct digest digest;
	double min;
};

struct world {
	uint64_t rng;
	int64_t now_ms, wall_ms;
	struct arena arena; /* of the world's life */
	struct map state;   /* files of the state folder: path -> struct bytes */
	struct faults faults;
	struct sim_git git;
	struct sim_serving serving;
	struct sim_runs runs;
	struct traits versions[SIM_VERSIONS];
	int n_versions;
	struct sim_declared declared[SIM_ENVIRONMENTS];
	bool numbers;          /* the model predicts a number from 0 to 1, no class */
	bool data;             /* it names its data, though nothing trains or gates it */
	char model_extra[512]; /* more of the Model's spec */
	char gates[128];       /* its gates; "" none */
	int64_t rows;          /* of the data, */
	int replaced;          /* and how often it was another file, */
	int mended;            /* or rows of it were mended in place */
	char source[32];       /* what stands in the source folder */
	const char *race;      /* a line that somebody acts out before our next proposal lands */
	struct sim_approval approvals[32];
	struct sim_gate seen_gates[16];
	int n_approvals, n_retries, n_gates;
	int here; /* environment that commands are about */
	struct controller *controller;
	struct controller_config config;
	struct ports ports;
	bool crashed; /* the controller is dying: nothing has an effect any more */
	bool ended;   /* a pass ended the controller, as it should */
	bool may_end, jumped, rewinds, allow_varied;
	int64_t unsteady_until_ms; /* the clock jumped: not trusted until then (S20) */
	int64_t disk_full_until_ms;
	int64_t starts;
	int64_t passes, transitions;
	int64_t acts_in_pass, spins;
	struct decoded {
		const char *text; /* interned: the same pointer is the same status */
		struct deployment_status status;
	} decoded[SIM_ENVIRONMENTS];
	uint64_t hash;      /* of the trace */
	FILE *trace;        /* NULL: no text */
	char violation[512];
	int at_line;        /* of the scenario, when it was violated */
	int n_requests;
	char asked[256]; /* the question to Prometheus that is under way; "" none */
	int64_t asked_ms;
	bool short_rest;    /* L2 for a tenth of the time */
	char end[512];      /* how it ended, for L5 */
};

/* world.c */
struct world *world_new(uint64_t seed, FILE *trace);
void world_free(struct world *world);
uint64_t world_random(struct world *world, uint64_t below);
/* One line of the trace: into the hash, and printed where asked. */
void world_event(struct world *world, const char *fmt, ...) printf_like(2, 3);
void world_violation(struct world *world, const char *invariant, const char *fmt, ...)
	printf_like(3, 4);
bool world_fault(struct world *world, enum fault fault);
/* A port call that may fail: 0 goes on, 1 fail before the effect, 2 after it. */
int world_call(struct world *world, enum fault before, enum fault lost);
void world_act_done(struct world *world); /* a crash may follow */
/* One pass of the controller, then time moves on to the next thing, at most `until_ms`. */
void world_step(struct world *world, int64_t until_ms);
void world_jump(struct world *world, int64_t ms); /* of the wall clock */
void world_restart(struct world *world);          /* the controller dies and starts */
bool world_disk_full(struct world *world);
const struct traits *world_traits(const struct world *world, const char *version);

/* state.c */
void state_wire(struct world *world);
void texts_forget(void);

/* watch.c */
void watch_wire(struct world *world);

/* git.c */
void git_wire(struct world *world);
void git_restart(struct world *world); /* what a new process knows of its clones */
const char *git_text(struct world *world, int commit, const char *path); /* NULL: absent */
/* A commit on top of `parent`; text NULL removes. Returns its index. */
int git_commit(struct world *world, int parent, const char *path, const char *text,
               const char *subject);
/* As git_text, but of a file that was damaged the text before that. */
const char *git_good_text(struct world *world, int commit, const char *path);
const char *git_status_text(struct world *world, const char *environment);
bool git_is_ancestor(const struct world *world, int old, int new);
int git_find(const struct world *world, const char *hex);
bool git_landed(const struct world *world, struct digest proposal); /* it reached the remote */
struct sim_branch *git_branch(struct world *world, const char *name);
/* The files that a branch changed, onto the fleet branch; the branch is deleted. */
void git_merge(struct world *world, struct sim_branch *branch);
/* Nothing may be known of Git now: not seen for long, rewritten, or the clock cannot be trusted. */
bool git_unknown(const struct world *world);

/* serving.c */
void serving_wire(struct world *world);
void serving_advance(struct world *world); /* traffic and processes up to now */
struct sim_replica *serving_replica(struct world *world, int environment, struct digest revision,
                                    int slot);
double serving_weight(const struct sim_place *place, struct digest revision);
/* Made when it is not there yet. */
struct sim_story *serving_story(struct sim_place *place, struct digest revision);
/* How many of n come true, each with this chance. */
uint64_t serving_draw(struct world *world, uint64_t n, double chance);
void serving_kill(struct world *world, struct sim_replica *replica);
void serving_restart_router(struct world *world);
int serving_ready(const struct world *world, int environment, struct digest revision);

/* signals.c */
void labels_log(struct world *world, struct sim_place *place, const struct sim_replica *replica,
                uint64_t n);
void labels_show(struct world *world, struct sim_place *place, const struct output_spec *output,
                 bool stale, struct arena *arena, struct observed *out);
bool prometheus_ask(void *self, const char *url, size_t body_bytes_max, int64_t deadline_ms,
                    struct arena *arena, struct http_reply *reply);
/* S18: each prediction counts once, over all crashes. */
void assert_labels(struct world *world, struct sim_place *place, const struct evidence *evidence);
/* S9: of what is promoted after it was compared with the stable version. */
void assert_predictions(struct world *world, int environment, const struct traits *candidate,
                        const struct traits *stable);

/* runs.c */
/* One object of a manifest in that commit; NULL when it is not there. */
const struct object *runs_object(struct world *world, const char *commit, const char *path);
void runs_wire(struct world *world);
void runs_advance(struct world *world);

/* check.c: the invariants at each act */
void assert_weights(struct world *world, int environment, const struct action *action);
void assert_start(struct world *world, int environment, const struct action *action);
void assert_stop(struct world *world, int environment, const struct action *action);
void assert_drop(struct world *world, int environment);
void assert_propose(struct world *world, const struct proposal_text *text);
void assert_spawn(struct world *world, const struct sim_run *run);
void assert_evidence(struct world *world, const char *path, const void *bytes, size_t len);
void assert_world(struct world *world);
/* The status of an environment as the local branch has it; NULL when there is none. Lives as long
 * as the world. */
const struct deployment_status *check_status(struct world *world, int environment);
const struct model_status *check_model_status(struct world *world);

/* record.c: the invariants of each status commit */
void assert_record(struct world *world, int before, int after);

/* people.c: what people write and do */
void people_begin(struct world *world);
void people_line(struct world *world, const char *line); /* one line of a scenario */
void people_follow(struct world *world, int environment); /* the version on the branch now */
void people_race(struct world *world); /* somebody commits while our proposal is on its way */

/* scenario.c */
struct scenario {
	const char *name;
	const char **lines;
	size_t n;
	bool varied; /* its end depends on chance or on time: L5 says nothing */
};
struct scenario *scenarios_read(const char *path, struct arena *arena, size_t *n);
/* Whether a condition ("steady v1", "branch NAME", ...) holds now. */
bool scenario_holds(struct world *world, const char *words);
void scenario_wait(struct world *world, const char *condition, bool wanted);
/* Runs the first `lines` of a scenario, then heals and checks liveness. False: `violation` says
 * what. `plain_end` is how it ended without faults, or NULL. */
bool scenario_run(struct world *world, const struct scenario *scenario, size_t lines,
                  const char *plain_end);

/* rest.c: faults stop, and the world comes to rest */
void assert_rest(struct world *world, const char *plain_end);

/* search.c: many runs */
struct totals {
	int64_t runs, passes, transitions, faults, crashes, violations;
	double simulated_ms, cpu_seconds;
};
struct session {
	const struct scenario *scenarios;
	size_t n;
	struct totals totals;
	uint64_t round; /* which part of the systematic runs is looked at first */
	char (*ends)[512]; /* of each scenario without faults */
	bool first;        /* the first violation ends it, untold */
	bool simulated;    /* time is counted as simulated, else as on the wall */
	double started;
};
uint64_t session_run(struct session *session, size_t scenario, uint64_t seed,
                     const struct faults *faults, FILE *trace);
void session_plain(struct session *session, size_t scenario, struct faults *after);
void session_systematic(struct session *session, size_t scenario, const struct faults *plain,
                        double until);
void session_seed(struct session *session, size_t scenario, uint64_t seed, FILE *trace);
uint64_t session_hash(struct session *session, size_t scenario, uint64_t seed);
void session_regression(struct session *session, const char *line);
double session_seconds(void);
double session_spent(const struct session *session); /* seconds since it began */

#endif
