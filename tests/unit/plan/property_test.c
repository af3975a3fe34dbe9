/* Random worlds: whatever people, processes and crashes do, the invariants of LIFECYCLE.md hold
 * after each step, and when the faults end the world comes to rest (L1, L2). A failing seed prints
 * itself. */
#include "plan/text.h"
#include "plan/world.h"

#include <stdlib.h>

enum { TICKS = 700, SETTLE_TICKS = 2500, QUIET_TICKS = 300 };

struct chaos {
	struct world world;
	uint64_t state; /* of the generator */
	int seed, tick;
	struct hold_spec hold;
	struct env_var env;
};

/* xorshift64*; the same seed is the same run. */
static uint64_t next_random(struct chaos *chaos)
{
	chaos->state ^= chaos->state >> 12;
	chaos->state ^= chaos->state << 25;
	chaos->state ^= chaos->state >> 27;
	return chaos->state * UINT64_C(2685821657736338717);
}

static int pick(struct chaos *chaos, int n)
{
	return (int)((next_random(chaos) >> 33) % (uint64_t)n);
}

static bool once_in(struct chaos *chaos, int n) { return pick(chaos, n) == 0; }

#define hold_that(chaos, condition, ...) \
	do { \
		if (!(condition)) { \
			print_error("seed %d, tick %d: ", (chaos)->seed, (chaos)->tick); \
			print_error(__VA_ARGS__); \
			fail(); \
		} \
	} while (0)

/* ---- invariants ---- */

static bool is_exclusive_now(const struct world *world)
{
	return world->deployment.rollout.strategy == STRATEGY_RECREATE;
}

static void check_weights(struct chaos *chaos, const struct action *action)
{
	struct world *world = &chaos->world;
	const struct deployment_status *next = &world->last.next;
	bool stable_ready = world_ready(world, next->stable) > 0;
	double sum = 0, on_ready = 0;

	for (size_t i = 0; i < action->n_weights; i++) {
		const struct revision_weight *weight = &action->weights[i];

		sum += weight->weight;
		if (action->reduces && !digest_same(weight->revision, world->history.stable))
			hold_that(chaos, weight->weight <= 0 || world->history.durable_weight > 0,
			          "S2: exposure is raised before it is recorded");
		if (action->reduces && stable_ready &&
		    !digest_same(weight->revision, world->history.stable))
			hold_that(chaos, weight->weight <= world->history.durable_weight + 1e-9,
			          "S3: exposure is raised before it is recorded");
		if (world_ready(world, weight->revision) > 0)
			on_ready += weight->weight;
		if (digest_same(weight->revision, next->candidate) && stable_ready)
			hold_that(chaos, weight->weight <= next->durable_weight + 1e-9,
			          "S3: %g above the durable %g", weight->weight, next->durable_weight);
		if (digest_same(weight->revision, next->candidate) && weight->weight > 0)
			hold_that(chaos, next->durable_weight > 0, "S2: weight on what was not admitted");
	}
	if (sum == 0)
		hold_that(chaos, next->phase == PHASE_RETIRING || is_exclusive_now(world),
		          "S1: all weights at 0");
	else
		hold_that(chaos, fabs(sum - 1) < 1e-9, "S1: weights sum to %g", sum);
	if (sum > 0 && stable_ready && next->stable_weight > 0 && !is_exclusive_now(world))
		hold_that(chaos, on_ready > 0, "S5: all weight on what is not ready");
	if (sum > 0 && !is_exclusive_now(world))
		hold_that(chaos, fabs(on_ready - 1) < 1e-9, "S5: weight on an unhealthy revision");
}

static void check_stop(struct chaos *chaos, const struct action *action)
{
	struct world *world = &chaos->world;
	const struct world_replica *replica = world_find(world, action->revision, action->slot);
	const struct deployment_status *next = &world->last.next;
	bool wanted = digest_same(action->revision, next->stable) ||
	              digest_same(action->revision, next->candidate);

	hold_that(chaos, replica != NULL, "stops what is not there");
	hold_that(chaos, replica->seen.state != REPLICA_DRAINING, "S6: stops what drains");
	if (replica->seen.state != REPLICA_READY)
		return;
	if (world_weight(world, action->revision) > 0)
		hold_that(chaos, wanted && world_ready(world, action->revision) > 1,
		          "S6: stops what carries weight");
	if (digest_same(action->revision, next->stable) && next->phase != PHASE_RETIRING &&
	    !is_exclusive_now(world))
		hold_that(chaos, world_ready(world, action->revision) > world->deployment.replicas,
		          "S7: the stable revision loses a replica");
}

static void check_action(struct chaos *chaos, const struct action *action)
{
	const struct deployment_status *next = &chaos->world.last.next;

	hold_that(chaos, action->why && action->why[0], "an action without a reason");
	switch (action->kind) {
	case ACTION_SET_WEIGHTS:
		check_weights(chaos, action);
		break;
	case ACTION_STOP_REPLICA:
		check_stop(chaos, action);
		break;
	case ACTION_START_REPLICA:
	case ACTION_CHECK:
		hold_that(chaos, !status_quarantined(next, action->revision) ||
		          digest_same(action->revision, next->stable), "S11: starts what is in quarantine");
		break;
	case ACTION_PREPARE:
	case ACTION_DROP:
	case ACTION_PROPOSE:
	case ACTION_TRAIN:
	case ACTION_EVALUATE:
	case ACTION_CANCEL_RUN:
	case ACTION_KINDS:
		break;
	}
}

static void check_history(struct chaos *chaos)
{
	const struct world *world = &chaos->world;
	const struct deployment_status *old = &world->history, *next = &world->last.next;
	size_t carrying = 0;

	if (next->phase == PHASE_CANARY && old->phase == PHASE_CANARY &&
	    digest_same(next->candidate, old->candidate) &&
	    digest_same(next->rollout_spec, old->rollout_spec))
		hold_that(chaos, next->step <= old->step + 1, "S3: two steps at once");
	for (size_t i = 0; i < world->n_weights; i++)
		carrying += world->weights[i].weight > 0;
	hold_that(chaos, carrying <= 2, "S4: %zu revisions carry weight", carrying);
	hold_that(chaos, !next->candidate.hex[0] || !digest_same(next->candidate, next->stable),
	          "S4: the candidate is the stable one");
	if (next->stable.hex[0])
		hold_that(chaos, status_revision(next, next->stable) != NULL, "forgot the stable one");
	if (!world->desired.known && next->phase == PHASE_CANARY && old->phase == PHASE_CANARY)
		hold_that(chaos, next->step == old->step, "S13: a step without Git");
}

/* The same input gives the same bytes. */
static void check_repeats(struct chaos *chaos, const struct rollout_input *input)
{
	struct arena arena = {0};
	struct buf texts[2];

	for (int i = 0; i < 2; i++) {
		struct rollout_output output;

		arena_init(&arena, (size_t)64 << 20);
		output = plan_rollout(input, &arena);
		buf_init(&texts[i], 1 << 20);
		text_plan(&texts[i], &output.plan, input->now_ms);
		text_history(&texts[i], &output.next);
		arena_deinit(&arena);
	}
	hold_that(chaos, strcmp(buf_text(&texts[0]), buf_text(&texts[1])) == 0,
	          "two plans for one input");
	buf_deinit(&texts[0]);
	buf_deinit(&texts[1]);
}

/* ---- what happens ---- */

static void people(struct chaos *chaos)
{
	static const enum request_verb verbs[] = {REQUEST_ROLLBACK, REQUEST_RETRY, REQUEST_REJECT,
	                                          REQUEST_RESTART, REQUEST_APPROVE};
	struct world *world = &chaos->world;

	if (once_in(chaos, 60)) {
		world->desired.absent = false;
		world_declare(world, pick(chaos, 6));
	}
	if (once_in(chaos, 400))
		world->desired.absent = !world->desired.absent;
	if (once_in(chaos, 150))
		world->deployment.hold = world->deployment.hold ? NULL : &chaos->hold;
	if (once_in(chaos, 200))
		world->deployment.n_env = !world->deployment.n_env;
	if (once_in(chaos, 200))
		world->deployment.replicas = 1 + pick(chaos, 4);
	if (once_in(chaos, 120)) {
		world->requests[0] = (struct request){.verb = verbs[pick(chaos, ARRAY_LEN(verbs))],
		                                      .by = "ada", .expires_ms = -1};
		world->n_requests = 1;
	}
	if (once_in(chaos, 200) && world->n_weights == 2) {
		world->weights[0].weight = pick(chaos, 101) / 100.;
		world->weights[1].weight = 1 - world->weights[0].weight;
	}
}

static void nature(struct chaos *chaos)
{
	struct world *world = &chaos->world;
	struct conduct *conduct = &world->conduct[1 + pick(chaos, 5)];

	if (once_in(chaos, 40) && world->n_replicas) {
		struct world_replica *replica = &world->replicas[pick(chaos, (int)world->n_replicas)];

		if (replica->seen.state == REPLICA_READY || replica->seen.state == REPLICA_STARTING)
			world_exit(world, replica);
	}
	if (once_in(chaos, 80))
		conduct->crashes = !conduct->crashes;
	if (once_in(chaos, 80))
		conduct->bad = conduct->bad > 0 ? 0 : .3;
	if (once_in(chaos, 120))
		conduct->check_fails = !conduct->check_fails;
	if (once_in(chaos, 120))
		conduct->never_ready = !conduct->never_ready;
	if (once_in(chaos, 150)) {
		world->router++;
		world->n_weights = 0;
		for (size_t i = 0; i < world->n_replicas; i++)
			world->replicas[i].seen.in_rotation = false;
	}
	world->unreadable = once_in(chaos, 20);
	if (once_in(chaos, 50))
		world->desired.known = !world->desired.known;
	if (once_in(chaos, 30))
		world->lag = !world->lag;
	world->lost = once_in(chaos, 20);
	if (once_in(chaos, 100))
		world->requests_per_second = pick(chaos, 300);
}

/* One pass; the controller may be killed before or after it recorded, and between two acts. */
static void act(struct chaos *chaos, bool faults)
{
	struct world *world = &chaos->world;
	const struct plan *plan = &world->last.plan;
	int killed_at = faults && once_in(chaos, 15) ? pick(chaos, (int)plan->n_actions + 2) : 1000;
	int done = 0;

	for (int reduces = 1; reduces >= 0; reduces--) {
		if (!reduces && done++ >= killed_at)
			return;
		if (!reduces && world->last.changed)
			world->history = world->last.next;
		for (size_t i = 0; i < plan->n_actions; i++)
			if (plan->actions[i].reduces == reduces) {
				if (done++ >= killed_at)
					return;
				world_apply(world, &plan->actions[i]);
			}
	}
}

static void pass(struct chaos *chaos, bool faults)
{
	struct world *world = &chaos->world;
	struct rollout_input input;

	world_pass_time(world, faults && once_in(chaos, 100) ? 600000 : 1000);
	input = world_input(world);
	if (chaos->tick % 7 == 0)
		check_repeats(chaos, &input);
	world->last = plan_rollout(&input, &world->arena);
	check_history(chaos);
	for (size_t i = 0; i < world->last.plan.n_actions; i++)
		check_action(chaos, &world->last.plan.actions[i]);
	if (input.n_requests && (!faults || world->last.changed))
		world->n_requests = 0;
	act(chaos, faults);
	chaos->tick++;
}

static void begin(struct chaos *chaos, int seed)
{
	struct world *world = &chaos->world;

	memset(chaos, 0, sizeof(*chaos));
	chaos->seed = seed;
	chaos->state = (uint64_t)seed * 0x9E3779B97F4A7C15u + 1;
	world_init(world);
	chaos->hold = (struct hold_spec){"chaos", "nobody", -1};
	chaos->env = (struct env_var){.name = "A", .value = "1"};
	world->deployment.env = &chaos->env;
	if (once_in(chaos, 6))
		world->deployment.rollout.strategy = STRATEGY_RECREATE;
	world->self_rotating = once_in(chaos, 2);
	world->deployment.rollout.on_inconclusive = (enum inconclusive)pick(chaos, INCONCLUSIVES);
	world->deployment.rollout.deadline_ms = 400000;
	world_declare(world, 1);
}

static void end_of_faults(struct chaos *chaos)
{
	struct world *world = &chaos->world;

	for (int v = 1; v < WORLD_VERSIONS; v++)
		world->conduct[v] = (struct conduct){.latency_ms = 5};
	world->unreadable = world->lag = world->lost = false;
	world->desired.known = true;
	world->deployment.hold = NULL;
	world->requests_per_second = 200;
	world->n_requests = 0;
}

static bool is_settled(const struct world *world)
{
	return world->last.gone || world->history.phase == PHASE_STEADY ||
	       world->history.phase == PHASE_ROLLED_BACK || world->history.phase == PHASE_STALLED;
}

static void check_settled(struct chaos *chaos)
{
	struct world *world = &chaos->world;
	const struct deployment_status *status = &world->history;

	hold_that(chaos, is_settled(world), "L1: still %s (%s)", phase_names.names[status->phase],
	          status->message ? status->message : "");
	if (world->last.gone || !status->stable.hex[0]) {
		hold_that(chaos, world->n_replicas == 0, "L1: %zu replicas of nothing", world->n_replicas);
		return;
	}
	hold_that(chaos, world->n_weights == 1 && world->weights[0].weight == 1 &&
	          digest_same(world->weights[0].revision, status->stable),
	          "L1: not all on the stable one");
	hold_that(chaos, world_ready(world, status->stable) == world->deployment.replicas &&
	          (int64_t)world->n_replicas == world->deployment.replicas,
	          "L1: %zu replicas, %d ready, %lld declared", world->n_replicas,
	          world_ready(world, status->stable), (long long)world->deployment.replicas);
	if (status->phase == PHASE_STEADY)
		hold_that(chaos, digest_same(status->stable, world_wanted(world)),
		          "L1: not what is desired");
}

static void run_seed(int seed)
{
	struct chaos *chaos = test_malloc(sizeof(*chaos));
	struct world *world = &chaos->world;

	begin(chaos, seed);
	for (int i = 0; i < TICKS; i++) {
		people(chaos);
		nature(chaos);
		if (world->last.gone)
			break;
		pass(chaos, true);
	}
	end_of_faults(chaos);
	for (int i = 0; i < SETTLE_TICKS && !world->last.gone; i++)
		pass(chaos, false);
	check_settled(chaos);
	for (int i = 0; i < QUIET_TICKS && !world->last.gone; i++) {
		pass(chaos, false);
		hold_that(chaos, world->last.plan.n_actions == 0 && !world->last.changed,
		          "L2: still busy: %s", world->last.plan.n_actions ? world->last.plan.actions[0].why
		                                : world->history.message);
	}
	world_deinit(world);
	test_free(chaos);
}

static void invariants_hold_in_random_worlds(void **state)
{
	const char *only = getenv("SEED"), *many = getenv("SEEDS");
	int64_t first = 1, n = 150;
	struct err err = {0};

	(void)state;
	if (only && parse_int(only, 1, INT32_MAX, &first, &err) == 0)
		n = 1;
	else if (many && parse_int(many, 1, INT32_MAX, &n, &err) < 0)
		fail_msg("SEEDS: %s", err.text);
	for (int64_t seed = first; seed < first + n; seed++)
		run_seed((int)seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(invariants_hold_in_random_worlds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
