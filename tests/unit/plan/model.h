/* A tiny world for planner tests of one model: runs start at once, proposals are pushed at once. It
 * does what it is told and nothing else; each test bends it where it wants. */
#ifndef LINNET_TESTS_MODEL_H
#define LINNET_TESTS_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gate/gate.h"
#include "plan/plan.h"

#define EPOCH INT64_C(1782896400000)
#define HOUR_MS INT64_C(3600000)

enum { STAGING, PRODUCTION, TARGETS };

/* One model, its deployments in staging and production, and what became of its runs. */
struct world {
	struct arena arena;
	int64_t now_ms;
	struct model model;
	struct train_spec train;
	struct trigger_spec triggers[2];
	struct model_version versions[4];
	const struct model_version *in_branch[4];
	struct environment environments[TARGETS];
	struct deployment deployments[TARGETS];
	struct promotion_spec promotion;
	struct promoted promoted[TARGETS];
	struct deployment_status statuses[TARGETS];
	struct target targets[TARGETS + 1];
	const char *branches[4];
	struct training_input in;
	struct training_output last;
	int trained, evaluated, cancelled, taken, tested; /* the last two: of versions from elsewhere */
	bool protected; /* the fleet branch takes no commit of ours */
	bool offline;   /* what is pushed does not arrive */
	struct revision revisions[2];
	struct gate_require accuracy;
};

static inline int setup(void **state)
{
	static const char *const names[] = {"staging", "production"};
	struct world *world = calloc(1, sizeof(*world));

	arena_init(&world->arena, (size_t)64 << 20);
	world->now_ms = EPOCH;
	world->model = (struct model){
		.meta.name = "risk", .train = &world->train, .retrain = LEVEL_AUTO, .cooldown_ms = HOUR_MS,
		.triggers = world->triggers, .n_triggers = 1};
	world->triggers[0] = (struct trigger_spec){.kind = TRIGGER_EVENT, .event = "platform-update"};
	for (int i = 0; i < TARGETS; i++) {
		world->environments[i] = (struct environment){
			.meta.name = names[i], .maturity = MATURITY_MATURE,
			.automation = {LEVEL_UNSET, LEVEL_UNSET, LEVEL_UNSET, LEVEL_UNSET}};
		world->deployments[i] = (struct deployment){.meta = {.name = "risk", .namespace = names[i]},
		                                            .model = "risk"};
		world->targets[i] = (struct target){&world->deployments[i], &world->environments[i],
		                                    &world->statuses[i]};
	}
	world->promotion = (struct promotion_spec){"staging", 24 * HOUR_MS};
	world->deployments[PRODUCTION].promotion = &world->promotion;
	world->in = (struct training_input){
		.known = true, .commit = "c1", .manifest = "m1", .model = &world->model,
		.train_digest = digest_of("t", 1), .data_digest = digest_of("d", 1),
		.versions = world->in_branch, .targets = world->targets, .n_targets = TARGETS,
		.history = {.name = "risk", .evaluation = {.retry_ms = -1, .asked_ms = -1}},
		.open_branches = world->branches,
	};
	*state = world;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *world = *state;

	arena_deinit(&world->arena);
	free(world);
	return 0;
}

/* Runs start at once; proposals on a branch are pushed at once. */
static inline void act(struct world *world, const struct action *action)
{
	const struct proposal_text *text = action->proposal;
	struct model_status *history = &world->in.history;
	const char *branch = NULL;

	if (text)
		branch = text->branch || !world->protected ? text->branch : text->fallback;
	switch (action->kind) {
	case ACTION_TRAIN:
		if (action->spec) {
			world->taken++;
			world->in.evaluation = (struct run_result){.run = action->run, .train = RUN_ACTIVE};
			break;
		}
		world->trained++;
		world->in.run = (struct run_result){.run = action->run, .train = RUN_ACTIVE};
		break;
	case ACTION_EVALUATE:
		if (action->spec) {
			world->tested++;
			world->in.evaluation.evaluate = RUN_ACTIVE;
			break;
		}
		world->evaluated++;
		world->in.run.evaluate = RUN_ACTIVE;
		break;
	case ACTION_CANCEL_RUN:
		world->cancelled++;
		if (digest_same(action->run, world->in.evaluation.run))
			world->in.evaluation = (struct run_result){0};
		else
			world->in.run = (struct run_result){0};
		break;
	case ACTION_PROPOSE:
		if (text->tag || world->offline)
			break;
		for (size_t i = 0; i < history->n_proposed; i++)
			if (digest_same(history->proposed[i].digest, text->digest)) {
				history->proposed[i].outcome = PROPOSAL_WAITING;
				history->proposed[i].commit = "p1";
				history->proposed[i].branch = branch;
			}
		if (branch)
			world->branches[world->in.n_open_branches++] = branch;
		break;
	case ACTION_SET_WEIGHTS:
	case ACTION_STOP_REPLICA:
	case ACTION_PREPARE:
	case ACTION_START_REPLICA:
	case ACTION_CHECK:
	case ACTION_DROP:
	case ACTION_KINDS:
		fail_msg("not an action of a model");
	}
}

/* Lists as long as they say, so that a sanitizer sees who reads on. */
static inline void copy_lists(struct world *world)
{
	struct training_input *in = &world->in;

#define exact(list, n) list = arena_memdup(&world->arena, list, (n) * sizeof(*(list)))
	world->model.triggers = world->triggers;
	exact(world->model.triggers, world->model.n_triggers);
	in->versions = world->in_branch;
	exact(in->versions, in->n_versions);
	in->targets = world->targets;
	exact(in->targets, in->n_targets);
	in->open_branches = world->branches;
	exact(in->open_branches, in->n_open_branches);
#undef exact
}

static inline void plan(struct world *world)
{
	copy_lists(world);
	world->now_ms += 1000;
	world->in.now_ms = world->now_ms;
	if (world->in.run.run.hex[0] && !digest_same(world->in.run.run, world->in.history.run))
		world->in.run = (struct run_result){0};
	if (!digest_same(world->in.evaluation.run, world->in.history.evaluation.run))
		world->in.evaluation = (struct run_result){0};
	world->last = plan_training(&world->in, &world->arena);
	if (world->last.changed)
		world->in.history = world->last.next;
	world->in.n_requests = 0;
}

static inline void tick(struct world *world)
{
	plan(world);
	for (size_t i = 0; i < world->last.plan.n_actions; i++)
		act(world, &world->last.plan.actions[i]);
}

static inline void until(struct world *world, enum cycle_phase phase)
{
	for (int i = 0; i < 10; i++) {
		tick(world);
		if (world->in.history.phase == phase)
			return;
	}
	fail_msg("phase %s was not reached, but %s (%s)", cycle_phase_names.names[phase],
	         cycle_phase_names.names[world->in.history.phase],
	         world->in.history.message ? world->in.history.message : "");
}

static inline void trained(struct world *world, const char *artifact)
{
	world->in.run.train = RUN_SUCCEEDED;
	world->in.run.artifact.digest = digest_of(artifact, strlen(artifact));
	world->in.run.rows = digest_of("rows", 4);
	world->in.run.n_rows = 1500;
}

static inline void judged(struct world *world, enum verdict_result verdict, const char *why)
{
	world->in.run.evaluate = RUN_SUCCEEDED;
	world->in.run.verdict = verdict;
	world->in.run.verdict_key = digest_of(why, strlen(why));
	world->in.run.why = why;
}

/* The whole of a run whose version is to be proposed. */
static inline void run_to(struct world *world, enum verdict_result verdict, const char *artifact)
{
	until(world, CYCLE_RUNNING);
	tick(world);
	trained(world, artifact);
	until(world, CYCLE_EVALUATING);
	tick(world);
	judged(world, verdict, "accuracy 90 %");
}

static inline void ask(struct world *world, enum request_verb verb, const char *event)
{
	static struct request request;

	request = (struct request){.verb = verb, .by = "ada", .event = event, .commit = "r1",
	                           .expires_ms = -1};
	world->in.requests = &request;
	world->in.n_requests = 1;
}

/* v1 is in the branch and on staging's line. */
static inline void merge_v1(struct world *world)
{
	world->versions[1] = (struct model_version){.model = "risk", .version = "v1"};
	world->in_branch[world->in.n_versions++] = &world->versions[1];
	world->deployments[STAGING].version = "v1";
}

static inline const struct action *find_action(const struct world *world, enum action_kind kind)
{
	for (size_t i = 0; i < world->last.plan.n_actions; i++)
		if (world->last.plan.actions[i].kind == kind)
			return &world->last.plan.actions[i];
	return NULL;
}

/* It serves there since now, promoted. */
static inline void serve(struct world *world, int target, const char *version)
{
	struct digest revision = digest_of(version, strlen(version));

	world->promoted[target] = (struct promoted){revision, version, "c1", world->now_ms};
	world->statuses[target].phase = PHASE_STEADY;
	world->statuses[target].phase_since_ms = world->now_ms;
	world->statuses[target].stable = revision;
	world->statuses[target].promoted = &world->promoted[target];
	world->statuses[target].n_promoted = 1;
	world->deployments[target].version = version;
}

/* Staging serves v1, and v2, which nobody has judged, is declared there. */
static inline void declare_by_hand(struct world *world)
{
	static const char *const names[] = {"v1", "v2"};
	struct deployment_status *status = &world->statuses[STAGING];

	world->accuracy = (struct gate_require){.metric = "accuracy", .min = .9, .max = NAN,
	                                        .margin = NAN};
	world->model.gates.require = &world->accuracy;
	world->model.gates.n_require = 1;
	world->model.n_triggers = 0;
	merge_v1(world);
	for (int i = 0; i < 2; i++) {
		world->revisions[i] = (struct revision){.model = "risk", .version = names[i],
		                                        .artifact.digest = digest_of(names[i], 2)};
		revision_seal(&world->revisions[i]);
	}
	status->revisions = world->revisions;
	status->n_revisions = 2;
	status->stable = world->revisions[0].digest;
	status->candidate = world->revisions[1].digest;
	status->phase = PHASE_WAITING;
}

/* v1 serves, and nothing is due: what follows counts from here. */
static inline void rest_with(struct world *world, struct trigger_spec trigger)
{
	world->triggers[0] = trigger;
	merge_v1(world);
	tick(world);
	tick(world);
	assert_int_equal(world->in.history.phase, CYCLE_IDLE);
	assert_false(world->last.changed);
}

/* v1 was made by a run under these terms and serves in staging, where all is automatic. */
static inline void serve_v1_under(struct world *world, const char *terms)
{
	static struct revision revision;

	world->model.cooldown_ms = 0;
	world->in.terms = digest_of(terms, strlen(terms));
	run_to(world, VERDICT_PASS, "a1");
	until(world, CYCLE_PROPOSING);
	merge_v1(world);
	until(world, CYCLE_IDLE);
	revision = (struct revision){.model = "risk", .version = "v1",
	                             .artifact.digest = digest_of("a1", 2)};
	revision_seal(&revision);
	world->statuses[STAGING].revisions = &revision;
	world->statuses[STAGING].n_revisions = 1;
	world->statuses[STAGING].stable = revision.digest;
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
