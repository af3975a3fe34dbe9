/* A canary's evidence in the making: two replicas, whose counters the tests move on. */
#ifndef TESTS_GATE_FOLD_H
#define TESTS_GATE_FOLD_H

#include <stdlib.h>

#include "gate/gate.h"

#define NOW_MS INT64_C(1782896400000)

struct fold {
	struct arena arena;
	struct evidence evidence;
	struct deployment_status history;
	struct analysis_spec analysis;
	struct step_spec step;
	struct replica replicas[2]; /* candidate, stable */
	struct observed observed;
	uint64_t predicted[2][3]; /* logged so far: candidate, stable; Low, High, no class */
	int64_t now_ms;
};

static inline int setup(void **state)
{
	struct fold *fold = calloc(1, sizeof(*fold));

	arena_init(&fold->arena, (size_t)256 << 20);
	fold->history.candidate = digest_of("c", 1);
	fold->history.stable = digest_of("s", 1);
	fold->history.stable_weight = .95;
	fold->history.candidate_weight = .05;
	fold->history.phase_since_ms = NOW_MS;
	fold->analysis = (struct analysis_spec){
		.false_rollback = .01, .errors_max = .05, .errors_margin = .001, .latency_margin = .1,
		.predictions_max_distance = NAN, .no_data_deadline_ms = 1800000,
	};
	fold->step = (struct step_spec){.05, 100, 60000, 3, false};
	fold->replicas[0] =
		(struct replica){.revision = fold->history.candidate, .state = REPLICA_READY};
	fold->replicas[1] = (struct replica){.revision = fold->history.stable, .state = REPLICA_READY};
	fold->observed = (struct observed){.known = true, .replicas = fold->replicas, .n_replicas = 2};
	fold->now_ms = NOW_MS;
	*state = fold;
	return 0;
}

static inline int teardown(void **state)
{
	struct fold *fold = *state;

	arena_deinit(&fold->arena);
	free(fold);
	return 0;
}

static inline void serve(struct replica *replica, uint64_t requests, uint64_t bad,
                         double latency_ms)
{
	replica->counters.requests += requests;
	replica->counters.bad += bad;
	replica->counters.latency[latency_bin(latency_ms)] += requests;
}

static inline void tick(struct fold *fold)
{
	struct rollout_spec rollout = {.analysis = fold->analysis, .steps = &fold->step, .n_steps = 1};

	fold->now_ms += 1000;
	gate_fold(&fold->evidence, &fold->observed, &fold->history, &rollout, fold->now_ms,
	          &fold->arena);
}

/* The first look only takes marks; then `n` ticks of so many requests each. */
static inline void traffic(struct fold *fold, int n, uint64_t candidate, uint64_t candidate_bad,
                           uint64_t stable, uint64_t stable_bad)
{
	tick(fold);
	for (int i = 0; i < n; i++) {
		serve(&fold->replicas[0], candidate, candidate_bad, 5);
		serve(&fold->replicas[1], stable, stable_bad, 5);
		tick(fold);
	}
}

static inline struct judgement judge(struct fold *fold)
{
	return gate_canary(&fold->evidence, &fold->analysis, &fold->step, fold->now_ms, &fold->arena);
}

/* As it was before: each case of a table on its own. */
static inline struct fold *fold_anew(void **state)
{
	teardown(state);
	setup(state);
	return *state;
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
