/* The simulator: the real core on simulated ports. One world is one seed: the same seed gives the
 * same events, the same trace and the same hash on every machine. */
#ifndef LINNET_SIM_H
#define LINNET_SIM_H

#include <stdio.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/map.h"
#include "controller/controller.h"

enum { SIM_ENVIRONMENTS = 2, SIM_VERSIONS = 12, SIM_REPLICAS = 64, SIM_COMMITS = 4096 };
#define SIM_MODEL "risk"

/* ---- faults ---- */

/* Whole classes are switched off at random in a swarm. */
enum fault {
	FAULT_FETCH,      /* the remote cannot be reached for this look */
	FAULT_LAG,        /* a mirror shows an older tip */
	FAULT_PUSH,       /* the status push does not go through, or its reply is lost */
	FAULT_PUBLISH,    /* the local status commit fails, before or after its effect */
	FAULT_READ,       /* a blob cannot be read now */
	FAULT_PROPOSE,    /* a proposal fails or its reply is lost */
	FAULT_OBSERVE,    /* the serving side cannot be read */
	FAULT_STALE,      /* it shows what was, not what is */
	FAULT_APPLY,      /* an act fails before its effect */
	FAULT_LOST_REPLY, /* an act has its effect, and reports an error */
	FAULT_CRASH,      /* the controller dies after an act */
	FAULT_EXIT,       /* a replica dies */
	FAULT_ROUTER,     /* the router restarts and has forgotten */
	FAULT_HAND,       /* somebody changes weights by hand */
	FAULT_CLOCK,      /* the wall clock jumps */
	FAULTS
};
extern const struct names fault_names;

/* Either every class has a probability, or the one port call numbered `nth` fails. */
struct faults {
	bool on;
	unsigned enabled;      /* bits of enum fault */
	uint64_t one_in;       /* calls a fault, on average */
	int64_t nth, nth_more; /* fail exactly these calls (counting from 1); 0: by chance */
	int64_t crash_after, crash_again; /* crash after these acts */
	bool after_effect;     /* of nth: the call has its effect and its reply is lost */
	int64_t calls, acts, happened, crashes;
};

/* ---- what versions do ---- */

struct traits {
	char name[16];
	double errors, slow;      /* share of 500s; factor on latency */
	int64_t ready_ms;         /* from start to ready */
	bool crash, never_ready, bad_check, corrupt;
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
	int tip;
};
struct sim_git {
	struct sim_commit commits[SIM_COMMITS];
	int n;
	struct map blobs;       /* id -> text */
	int remote_main, remote_status, remote_requests;
	struct sim_branch branches[32];
	int n_branches;
	int fetched, accepted, local_status, record;
	bool away, rewritten;
	int64_t seen_ms;
	const char *names[32];
	struct digest landed[64]; /* proposals that reached the remote, for S16 */
	int n_landed;
};

/* ---- serving ---- */

struct sim_replica {
	bool used;
	int environment;
	struct digest revision;
	const struct traits *traits;
	int slot, restarts;
	enum replica_state state;
	int64_t started_ms, ready_ms, stop_ms;
	bool in_rotation;
	struct counters counters;
};
struct sim_work {
	bool used, check;
	struct digest revision;
	const struct traits *traits;
	int64_t since_ms, done_ms;
};
struct sim_weight {
	struct digest revision;
	double weight;
};
struct sim_place {
	const char *name;
	struct sim_weight weights[2], stale_weights[2];
	int n_weights, n_stale;
	double rate;            /* requests a second */
	double carry;           /* part of a request left over */
	int64_t moved_ms;       /* traffic was simulated up to here */
	uint64_t requests, lost, bad;
	int64_t dark_since_ms;  /* since when no request is answered though a replica is ready */
	struct digest served[32]; /* revisions that carried all traffic once (S2) */
	int n_served;
};
struct sim_serving {
	struct sim_replica replicas[SIM_REPLICAS];
	struct sim_work works[64];
	struct sim_place places[SIM_ENVIRONMENTS];
	int router; /* grows when it restarts */
};

/* ---- people ---- */

struct sim_declared {
	bool present, broken;
	char version[16];
	int replicas;
	char env[32], hold[32], promotion[32];
	char window[64];
	char automation[96];
	int approvals;
	int64_t keep_ms;
	char extra[256]; /* more lines of spec.rollout */
};

struct world {
	uint64_t rng;
	int64_t now_ms, wall_ms;
	struct arena arena; /* of the world's life */
	struct faults faults;
	struct sim_git git;
	struct sim_serving serving;
	struct traits versions[SIM_VERSIONS];
	int n_versions;
	struct sim_declared declared[SIM_ENVIRONMENTS];
	int here; /* environment that commands are about */
	struct controller *controller;
	struct controller_config config;
	struct ports ports;
	bool crashed; /* the controller is dying: nothing has an effect any more */
	int64_t starts;
	int64_t passes, transitions;
	uint64_t hash;      /* of the trace */
	FILE *trace;        /* NULL: no text */
	char violation[512];
	int n_requests;
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
const struct traits *world_traits(const struct world *world, const char *version);

/* git.c */
void git_wire(struct world *world);
const char *git_text(struct world *world, int commit, const char *path); /* NULL: absent */
/* A commit on top of `parent`; text NULL removes. Returns its index. */
int git_commit(struct world *world, int parent, const char *path, const char *text,
               const char *subject);
const char *git_status_text(struct world *world, const char *environment);

/* serving.c */
void serving_wire(struct world *world);
void serving_advance(struct world *world); /* traffic and processes up to now */
struct sim_replica *serving_replica(struct world *world, int environment, struct digest revision,
                                    int slot);
double serving_weight(const struct sim_place *place, struct digest revision);
void serving_kill(struct world *world, struct sim_replica *replica);
void serving_restart_router(struct world *world);

/* check.c: the invariants */
void assert_weights(struct world *world, int environment, const struct action *action);
void assert_start(struct world *world, int environment, const struct action *action);
void assert_stop(struct world *world, int environment, const struct action *action);
void assert_world(struct world *world);
/* The status of an environment as the local branch has it; false when there is none. */
bool check_status(struct world *world, int environment, struct arena *arena,
                  struct deployment_status *out);

/* scenario.c */
struct scenario {
	const char *name;
	const char **lines;
	size_t n;
};
struct scenario *scenarios_read(const char *path, struct arena *arena, size_t *n);
/* Runs one scenario to its end, then heals and checks liveness. False: `violation` says what. */
bool scenario_run(struct world *world, const struct scenario *scenario);

#endif
