/* Faults stop: the world must come to rest (L1), stay there (L2), say why it waits (L3), and have
 * come to the same end as without any fault (L5). */
#include <math.h>
#include <string.h>

#include "manifest/manifest.h"
#include "sim.h"

enum {
	MINUTE = 60000, SETTLE_MS = 40 * MINUTE, REST_MS = 400 * MINUTE,
	LONGEST_MS = 12 * 60 * MINUTE,
};

/* What only a person, a date or traffic ends. */
static bool waits_outside(const char *reason)
{
	static const char *const reasons[] = {"Hold", "Window", "Approval", "StepApproval",
	                                      "GateChanged", "PromotionsBlocked",
	                                      "DesiredUnknown", "Evaluation"};

	for (size_t i = 0; reason && i < ARRAY_LEN(reasons); i++)
		if (!strcmp(reason, reasons[i]))
			return true;
	return false;
}

static bool at_rest(struct world *world, int environment)
{
	const struct deployment_status *status = check_status(world, environment);

	if (!status || world->git.rewritten)
		return true;
	switch (status->phase) {
	case PHASE_STEADY:
	case PHASE_ROLLED_BACK:
	case PHASE_STALLED:
		return true;
	case PHASE_WAITING:
	case PHASE_CHECKING: /* the first step may need an approval of its own */
		return waits_outside(status->reason);
	case PHASE_CANARY: /* too little traffic for a verdict is an event of the outside too */
		return waits_outside(status->reason) ||
		       world->serving.places[environment].rate < 1;
	case PHASE_VERIFYING:
	case PHASE_PROVISIONING:
	case PHASE_PROMOTING:
	case PHASE_ROLLING_BACK:
	case PHASE_RETIRING:
	case PHASES:
		break;
	}
	return false;
}

/* A canary that somebody turned down by hand may have too little traffic for a verdict in twelve
 * hours: it holds, and says so. */
static bool holds_on(struct world *world)
{
	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		const struct deployment_status *status = check_status(world, i);

		if (!at_rest(world, i) && (status->phase != PHASE_CANARY || !status->reason ||
		                           (strcmp(status->reason, "NoData") &&
		                            strcmp(status->reason, "Inconclusive"))))
			return false;
	}
	return true;
}

static bool model_rests(struct world *world)
{
	static const char *const busy[] = {"Due", "Running", "Evaluating", "Proposing"};
	char words[32];

	for (size_t i = 0; i < ARRAY_LEN(busy) && !world->git.rewritten; i++) {
		snprintf(words, sizeof(words), "cycle %s", busy[i]);
		if (scenario_holds(world, words))
			return false;
	}
	return true;
}

static bool all_at_rest(struct world *world)
{
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		if (!at_rest(world, i))
			return false;
	return model_rests(world);
}

static const char *stable_version(const struct deployment_status *status)
{
	const struct revision *revision = status_revision(status, status->stable);

	return revision ? revision->version : "none";
}

/* L1: what is Steady serves what the branch says, with all of its replicas and all of the traffic;
 * nothing else runs. */
static void check_live(struct world *world, int environment)
{
	const struct deployment_status *status = check_status(world, environment);
	const struct sim_place *place = &world->serving.places[environment];
	struct sim_declared *declared = &world->declared[environment];

	for (int i = 0; i < SIM_REPLICAS; i++) {
		const struct sim_replica *replica = &world->serving.replicas[i];

		if (replica->used && replica->environment == environment &&
		    (!status || (!digest_same(replica->revision, status->stable) &&
		                 !digest_same(replica->revision, status->candidate))))
			world_violation(world, "S19", "%s: a replica of %.10s is nobody's", place->name,
			                replica->revision.hex);
	}
	if (!status || status->phase != PHASE_STEADY || world->git.rewritten)
		return;
	people_follow(world, environment);
	if (declared->present && !declared->broken &&
	    world->git.record == world->git.remote_main &&
	    strcmp(declared->version, stable_version(status)))
		world_violation(world, "L1", "%s: Steady on %s, declared is %s", place->name,
		                stable_version(status), declared->version);
	if (!status->stable.hex[0])
		return;
	for (int i = 0; i < place->n_weights; i++)
		if (place->weights[i].weight > 0 &&
		    !digest_same(place->weights[i].revision, status->stable) &&
		    serving_ready(world, environment, place->weights[i].revision))
			world_violation(world, "L1", "%s: Steady, and %.10s has weight %.3f", place->name,
			                place->weights[i].revision.hex, place->weights[i].weight);
	if (serving_weight(place, status->stable) <= 0)
		world_violation(world, "L1", "%s: Steady, and without weight", place->name);
	if (serving_ready(world, environment, status->stable) != status->replicas)
		world_violation(world, "L1", "%s: Steady, and %d of %lld replicas are ready", place->name,
		                serving_ready(world, environment, status->stable),
		                (long long)status->replicas);
}

/* ---- L5 ---- */

static void describe_end(struct world *world)
{
	size_t n = 0;

	world->end[0] = 0;
	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		const struct deployment_status *status = check_status(world, i);

		people_follow(world, i);
		n += (size_t)snprintf(world->end + n, sizeof(world->end) - n, "%s: %s %s declared %s;",
		                      world->serving.places[i].name,
		                      status ? phase_names.names[status->phase] : "none",
		                      status ? stable_version(status) : "none",
		                      world->declared[i].present ? world->declared[i].version : "absent");
		for (size_t j = 0; status && j < status->n_quarantine; j++)
			n += (size_t)snprintf(world->end + n, sizeof(world->end) - n, " not %s;",
			                      status->quarantine[j].version);
		if (n >= sizeof(world->end))
			panic("the end of a scenario is too long to be told");
	}
}

/* By failed calls and crashes nothing is judged otherwise; by what kills replicas, turns weights or
 * moves clocks it may be, and then nothing is compared. */
static void check_end(struct world *world, const char *plain_end)
{
	const struct faults *faults = &world->faults;
	const unsigned harmless = ~((1u << FAULT_EXIT) | (1u << FAULT_ROUTER) | (1u << FAULT_HAND) |
	                            (1u << FAULT_CLOCK) | (1u << FAULT_VANISH) | (1u << FAULT_DISK));

	describe_end(world);
	if (plain_end && plain_end[0] && (faults->nth || faults->crash_after ||
	                                  !(faults->enabled & ~harmless)) &&
	    strcmp(plain_end, world->end))
		world_violation(world, "L5", "ended as '%s', without faults as '%s'", world->end,
		                plain_end);
}

static void end_faults_at(const struct world *world, struct sim_place *place)
{
	place->stuck = place->mute = false;
	if (place->dark_since_ms >= 0)
		place->dark_since_ms = world->now_ms; /* from now on it may not stay so */
}

void assert_rest(struct world *world, const char *plain_end)
{
	int64_t until = world->now_ms + SETTLE_MS, acts, transitions;
	int64_t longest = world->now_ms + LONGEST_MS;

	world->faults.on = world->git.away = false;
	world->disk_full_until_ms = 0;
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		end_faults_at(world, &world->serving.places[i]);
	world_event(world, "faults stop");
	if (strstr(world->model_extra, "schedule:")) /* which would be due for ever */
		people_line(world, "triggers {event: season}");
	while (world->now_ms < until && !world->violation[0])
		world_step(world, until);
	while (!all_at_rest(world) && world->now_ms < longest && !world->violation[0])
		world_step(world, longest);
	if (!all_at_rest(world) && holds_on(world))
		return;
	if (!all_at_rest(world) && !world->violation[0])
		world_violation(world, "L1", "did not come to rest in twelve hours without faults");
	until = world->now_ms + 2 * MINUTE; /* what follows from the last transition */
	while (world->now_ms < until && !world->violation[0])
		world_step(world, until);
	acts = world->faults.acts;
	transitions = world->transitions;
	until = world->now_ms + (world->short_rest ? REST_MS / 10 : REST_MS);
	while (world->now_ms < until && !world->violation[0])
		world_step(world, until);
	if (acts != world->faults.acts || transitions != world->transitions)
		world_violation(world, "L2", "at rest, and yet %lld acts and %lld commits",
		                (long long)(world->faults.acts - acts),
		                (long long)(world->transitions - transitions));
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		check_live(world, i);
	for (int i = 0; i < world->runs.n; i++)
		if (world->runs.items[i].used && world->runs.items[i].running)
			world_violation(world, "S19", "run %s is nobody's", world->runs.items[i].key);
	check_end(world, plain_end);
}
