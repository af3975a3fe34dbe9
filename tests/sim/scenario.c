/* Scenarios: a few lines of text each, read by one table of verbs. Then faults stop, and the world
 * must come to rest (L1) and stay there (L2). */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "gate/gate.h"
#include "manifest/manifest.h"
#include "sim.h"

enum { MINUTE = 60000, SETTLE_MS = 40 * MINUTE, REST_MS = 400 * MINUTE };

struct scenario *scenarios_read(const char *path, struct arena *arena, size_t *n)
{
	struct scenario *scenarios = NULL, *current = NULL;
	struct err err = {0};
	struct buf text;
	char *line, *rest;

	buf_init(&text, 1 << 20);
	if (file_read(-100, path, &text, &err))
		panic("%s", err.text);
	rest = arena_strdup(arena, buf_text(&text));
	buf_deinit(&text);
	*n = 0;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (!line[0] || line[0] == '#')
			continue;
		if (!strncmp(line, "scenario ", 9)) {
			current = list_push(arena, &scenarios, n);
			current->name = line + 9;
			continue;
		}
		if (!current)
			panic("%s: '%s' stands before the first scenario", path, line);
		*list_push(arena, &current->lines, &current->n) = line;
	}
	return scenarios;
}

/* ---- what people write ---- */

static const char model_text[] =
	"apiVersion: linnet.dev/v1alpha1\nkind: Model\nmetadata: {name: " SIM_MODEL "}\nspec:\n"
	"  interface:\n    layout: columns\n    inputs: [{name: x, type: INT64}]\n"
	"    output: {name: y, type: BYTES, classes: [no, yes]}\n"
	"  data: {uri: \"file:rows.csv\", format: csv, label: y, id: id}\n"
	"  serve: {command: [python3, serve.py], source: apps/risk}\n";

static char *version_text(struct world *world, const char *version)
{
	struct digest digest = digest_of(version, strlen(version));

	return arena_printf(&world->arena,
	                    "apiVersion: linnet.dev/v1alpha1\nkind: ModelVersion\n"
	                    "metadata: {name: " SIM_MODEL "-%s}\nspec:\n  model: " SIM_MODEL
	                    "\n  version: %s\n  artifact: {digest: \"sha256:%s\"}\n"
	                    "  serve: {command: [python3, serve.py], source: apps/risk, tree: "
	                    "\"%.40s\"}\n",
	                    version, version, digest.hex, digest.hex);
}

static char *environment_text(struct world *world, int environment)
{
	const struct sim_declared *declared = &world->declared[environment];

	return arena_printf(&world->arena,
	                    "apiVersion: linnet.dev/v1alpha1\nkind: Environment\n"
	                    "metadata: {name: %s}\nspec:\n  serving: {local: {}}\n"
	                    "  maturity: mature\n%s%s%s%s%s",
	                    world->serving.places[environment].name,
	                    declared->automation[0] ? "  automation: {" : "", declared->automation,
	                    declared->automation[0] ? "}\n" : "",
	                    declared->approvals ? arena_printf(&world->arena,
	                                                       "  approvals: {required: %d, by: [leads], "
	                                                       "evidence: [merge], roles: {leads: [ada, grace]}}\n",
	                                                       declared->approvals) : "",
	                    declared->window);
}

static char *deployment_text(struct world *world, int environment)
{
	const struct sim_declared *declared = &world->declared[environment];
	char keep[TIME_TEXT];

	format_duration(declared->keep_ms, keep);
	return arena_printf(
		&world->arena,
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelDeployment\n"
		"metadata: {name: " SIM_MODEL ", namespace: %s}\nspec:\n  model: " SIM_MODEL
		"\n  version: %s\n%s%s%s  replicas: %s\n%s%s%s  startTimeout: 60s\n"
		"  drainTimeout: 10s\n  rollout:\n%s"
		"    analysis:\n      errors: {max: 5%%}\n      warmup: {duration: 10s, requests: 20}\n"
		"    deadline: 2h\n    keepPrevious: %s\n%s%s%s",
		world->serving.places[environment].name, declared->version,
		declared->promotion[0] ? "  promotion: {" : "", declared->promotion,
		declared->promotion[0] ? "}\n" : "",
		declared->broken ? "many" : arena_printf(&world->arena, "%d", declared->replicas),
		declared->env[0] ? "  env: [{name: MODE, value: " : "", declared->env,
		declared->env[0] ? "}]\n" : "",
		declared->extra[0] ? declared->extra
		                   : "    steps:\n"
		                     "      - {weight: 5%, minRequests: 200, minDuration: 1m}\n"
		                     "      - {weight: 25%, minRequests: 200, minDuration: 1m}\n"
		                     "      - {weight: 100%}\n",
		keep, declared->hold[0] ? "  hold: {reason: \"" : "", declared->hold,
		declared->hold[0] ? "\", owner: ada}\n" : "");
}

/* The version that the branch names now: Linnet may have changed it. */
static void follow_branch(struct world *world, int environment)
{
	struct sim_declared *declared = &world->declared[environment];
	const char *text, *line;
	char path[64];

	snprintf(path, sizeof(path), "%s.yaml", world->serving.places[environment].name);
	text = git_text(world, world->git.remote_main, path);
	line = text ? strstr(text, "\n  version: ") : NULL;
	if (line)
		snprintf(declared->version, sizeof(declared->version), "%.*s",
		         (int)strcspn(line + 12, "\n \""), line + 12);
}

static void commit_file(struct world *world, const char *path, const char *text,
                        const char *subject)
{
	world->git.remote_main = git_commit(world, world->git.remote_main, path, text, subject);
	world_event(world, "commit: %s: %s", path, subject);
}

static void commit_deployment(struct world *world, const char *subject)
{
	char path[64];

	snprintf(path, sizeof(path), "%s.yaml", world->serving.places[world->here].name);
	commit_file(world, path,
	            world->declared[world->here].present ? deployment_text(world, world->here) : NULL,
	            subject);
}

static void commit_environment(struct world *world)
{
	char path[64];

	snprintf(path, sizeof(path), "environment-%s.yaml", world->serving.places[world->here].name);
	commit_file(world, path, environment_text(world, world->here), "environment");
}

static void begin_fleet(struct world *world)
{
	world->versions[world->n_versions++] =
		(struct traits){.name = "unknown", .slow = 1, .ready_ms = 2000};
	commit_file(world, "model.yaml", model_text, "the model");
	for (world->here = SIM_ENVIRONMENTS - 1; world->here >= 0; world->here--) {
		struct sim_declared *declared = &world->declared[world->here];

		*declared = (struct sim_declared){.present = world->here == 0, .replicas = 2,
		                                  .keep_ms = 5 * MINUTE};
		snprintf(declared->version, sizeof(declared->version), "none");
		world->serving.places[world->here].rate = world->here == 0 ? 20 : 0;
		commit_environment(world);
	}
	world->here = 0;
	commit_deployment(world, "the deployment");
}

/* ---- conditions ---- */

static const char *version_of(const struct deployment_status *status, struct digest digest)
{
	const struct revision *revision = status_revision(status, digest);

	return revision ? revision->version : "none";
}

static bool quarantined(const struct deployment_status *status, const char *version)
{
	for (size_t i = 0; i < status->n_quarantine; i++)
		if (!strcmp(status->quarantine[i].version, version))
			return true;
	return false;
}

/* Whether "steady v1", "phase Canary", "step 2", "reason Hold", "quarantined v2", "declared v1",
 * "serves v1", "gone", "branch NAME" or "replicas 3" holds now. */
static bool holds(struct world *world, const char *words)
{
	const char *environment = world->serving.places[world->here].name;
	struct deployment_status status = {0};
	char what[32] = "", value[64] = "";
	struct arena arena;
	bool known, result = false;

	sscanf(words, "%31s %63s", what, value);
	arena_init(&arena, 64 << 20);
	known = check_status(world, world->here, &arena, &status);
	follow_branch(world, world->here);
	if (!strcmp(what, "steady"))
		result = known && status.phase == PHASE_STEADY &&
		         !strcmp(version_of(&status, status.stable), value);
	else if (!strcmp(what, "serves"))
		result = known && !strcmp(version_of(&status, status.stable), value);
	else if (!strcmp(what, "phase"))
		result = known && !strcmp(phase_names.names[status.phase], value);
	else if (!strcmp(what, "step"))
		result = known && status.phase == PHASE_CANARY && status.step + 1 == (value[0] - '0');
	else if (!strcmp(what, "reason"))
		result = known && status.reason && !strcmp(status.reason, value);
	else if (!strcmp(what, "quarantined"))
		result = known && quarantined(&status, value);
	else if (!strcmp(what, "declared"))
		result = !strcmp(world->declared[world->here].version, value);
	else if (!strcmp(what, "gone"))
		result = !known && git_text(world, world->git.local_status,
		                            arena_printf(&arena, "retired/%s/" SIM_MODEL ".yaml",
		                                         environment));
	else if (!strcmp(what, "branch"))
		for (int i = 0; i < world->git.n_branches; i++)
			result = result || (world->git.branches[i].tip >= 0 &&
			                    strstr(world->git.branches[i].name, value));
	else
		panic("unknown condition '%s'", words);
	arena_deinit(&arena);
	return result;
}

/* ---- verbs ---- */

static void verb_declare(struct world *world, const char *words)
{
	char name[16] = "", word[32];
	struct traits traits = {.slow = 1, .ready_ms = 2000};
	int n = 0, used;

	sscanf(words, "%15s%n", name, &n);
	snprintf(traits.name, sizeof(traits.name), "%s", name);
	for (words += n; sscanf(words, "%31s%n", word, &used) == 1; words += used) {
		const char *value = strchr(word, '=');

		if (!strncmp(word, "errors=", 7))
			traits.errors = strtod(value + 1, NULL);
		else if (!strncmp(word, "slow=", 5))
			traits.slow = strtod(value + 1, NULL);
		else if (!strncmp(word, "ready=", 6))
			traits.ready_ms = strtol(value + 1, NULL, 10) * 1000;
		else if (!strcmp(word, "crash"))
			traits.crash = true;
		else if (!strcmp(word, "never-ready"))
			traits.never_ready = true;
		else if (!strcmp(word, "bad-check"))
			traits.bad_check = true;
		else if (!strcmp(word, "corrupt"))
			traits.corrupt = true;
		else
			panic("unknown trait '%s'", word);
	}
	if (world_traits(world, name) == &world->versions[0] && strcmp(name, "none")) {
		char path[64];

		world->versions[world->n_versions++] = traits;
		snprintf(path, sizeof(path), SIM_MODEL "-%s.yaml", name);
		commit_file(world, path, version_text(world, name), "a version");
	}
	world->declared[world->here].present = true;
	snprintf(world->declared[world->here].version, 16, "%s", name);
	commit_deployment(world, arena_printf(&world->arena, "version %s", name));
}

static void wait_for(struct world *world, const char *condition, bool wanted)
{
	int64_t until = world->now_ms + 6 * 60 * MINUTE;

	while (!holds(world, condition) && world->now_ms < until && !world->violation[0])
		world_step(world, until);
	if (wanted && !world->violation[0] && !holds(world, condition))
		world_violation(world, "L1", "never became true: %s", condition);
}

static void verb_until(struct world *world, const char *words)
{
	wait_for(world, words, !world->faults.on);
}

static void verb_expect(struct world *world, const char *words)
{
	bool not = !strncmp(words, "not ", 4);

	if (!world->faults.on && holds(world, not ? words + 4 : words) == not)
		world_violation(world, "expect", "%s", words);
}

static void verb_wait(struct world *world, const char *words)
{
	struct err err = {0};
	int64_t ms = 0, until;

	if (parse_duration(words, &ms, &err))
		panic("%s", err.text);
	until = world->now_ms + ms;
	while (world->now_ms < until && !world->violation[0])
		world_step(world, until);
}

static void verb_set(struct world *world, const char *words)
{
	struct sim_declared *declared = &world->declared[world->here];
	char what[32] = "";
	const char *value;
	struct err err = {0};

	sscanf(words, "%31s", what);
	value = words + strlen(what);
	value += strspn(value, " ");
	follow_branch(world, world->here);
	if (!strcmp(what, "replicas"))
		declared->replicas = (int)strtol(value, NULL, 10);
	else if (!strcmp(what, "env"))
		snprintf(declared->env, sizeof(declared->env), "%s", value);
	else if (!strcmp(what, "hold"))
		snprintf(declared->hold, sizeof(declared->hold), "%s", strcmp(value, "off") ? value : "");
	else if (!strcmp(what, "promotion"))
		snprintf(declared->promotion, sizeof(declared->promotion), "%s", value);
	else if (!strcmp(what, "broken"))
		declared->broken = !strcmp(value, "yes");
	else if (!strcmp(what, "keep") && parse_duration(value, &declared->keep_ms, &err))
		panic("%s", err.text);
	else if (!strcmp(what, "rollout"))
		snprintf(declared->extra, sizeof(declared->extra), "    %s\n", value);
	commit_deployment(world, words);
}

static void verb_environment(struct world *world, const char *words)
{
	struct sim_declared *declared = &world->declared[world->here];

	if (!strncmp(words, "approvals ", 10))
		declared->approvals = words[10] - '0';
	else if (!strcmp(words, "closed"))
		snprintf(declared->window, sizeof(declared->window),
		         "  windows: [{deny: \"* * * * *\", for: 1h}]\n");
	else if (!strcmp(words, "open"))
		declared->window[0] = 0;
	else
		snprintf(declared->automation, sizeof(declared->automation), "%s", words);
	commit_environment(world);
}

static void verb_delete(struct world *world, const char *words)
{
	(void)words;
	world->declared[world->here].present = false;
	commit_deployment(world, "deleted");
}

static void verb_restore(struct world *world, const char *words)
{
	(void)words;
	world->declared[world->here].present = true;
	commit_deployment(world, "restored");
}

static void verb_in(struct world *world, const char *words)
{
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		if (!strcmp(world->serving.places[i].name, words))
			world->here = i;
}

static void verb_traffic(struct world *world, const char *words)
{
	world->serving.places[world->here].rate = strtod(words, NULL);
}

static void verb_git(struct world *world, const char *words)
{
	struct sim_git *git = &world->git;

	if (!strcmp(words, "away") || !strcmp(words, "back"))
		git->away = words[0] == 'a';
	else if (!strcmp(words, "rewritten"))
		git->remote_main = git_commit(world, -1, "model.yaml", model_text, "rewritten");
	else if (!strcmp(words, "rewound") && git->remote_main >= 0)
		git->remote_main = git->commits[git->remote_main].parent;
	else if (!strncmp(words, "forward ", 8))
		git->remote_main = git->accepted;
	world_event(world, "git %s", words);
}

/* "kill stable", "kill candidate", "kill all-stable", "kill router", "kill controller" */
static void verb_kill(struct world *world, const char *words)
{
	struct deployment_status status = {0};
	struct arena arena;
	bool all = !strncmp(words, "all-", 4);
	const char *whose = all ? words + 4 : words;

	if (!strcmp(words, "router")) {
		serving_restart_router(world);
		return;
	}
	if (!strcmp(words, "controller")) {
		world->crashed = true;
		world_step(world, world->now_ms + 1);
		return;
	}
	arena_init(&arena, 64 << 20);
	check_status(world, world->here, &arena, &status);
	for (int i = 0; i < SIM_REPLICAS; i++) {
		struct sim_replica *replica = &world->serving.replicas[i];
		struct digest digest = strcmp(whose, "candidate") ? status.stable : status.candidate;

		if (!replica->used || replica->environment != world->here ||
		    !digest_same(replica->revision, digest))
			continue;
		serving_kill(world, replica);
		if (!all)
			break;
	}
	arena_deinit(&arena);
}

static void verb_hand(struct world *world, const char *words)
{
	struct sim_place *place = &world->serving.places[world->here];
	double weight = strtod(words, NULL);

	if (place->n_weights != 2)
		return;
	place->weights[1].weight = weight;
	place->weights[0].weight = 1 - weight;
	world_event(world, "by hand: weight %.3f", weight);
}

/* The gate that an approval is given under. */
static struct digest gate_now(struct arena *arena)
{
	struct file_objects objects = {0};
	struct diagnostics diagnostics = {0};

	manifest_decode("model.yaml", model_text, strlen(model_text), arena, &objects, &diagnostics);
	if (objects.n != 1)
		panic("the simulated model does not decode: %s",
		      diagnostics.n ? diagnostics.items[0].message : "");
	return gate_digest(objects.objects[0].model, NULL, arena);
}

/* "approve v2", "rollback", "retry", "restart" */
static void verb_ask(struct world *world, const char *words)
{
	const char *environment = world->serving.places[world->here].name;
	struct deployment_status status = {0};
	struct request request = {.by = "ada", .expires_ms = -1};
	char verb[16] = "", path[160];
	struct arena arena;
	struct buf text;

	sscanf(words, "%15s", verb);
	arena_init(&arena, 64 << 20);
	check_status(world, world->here, &arena, &status);
	request.verb = (enum request_verb)names_find(request_verb_names, verb);
	request.reason = "asked by the scenario";
	if (request.verb == REQUEST_APPROVE) {
		request.revision = status.candidate;
		request.gate = gate_now(&arena);
		request.expires_ms = world->wall_ms + 24 * 60 * MINUTE;
		request.by = world->n_requests % 2 ? "grace" : "ada";
	}
	buf_init(&text, 1 << 16);
	request_encode(&text, &request);
	snprintf(path, sizeof(path), "requests/%s/" SIM_MODEL "/2026-01-01T00-00-%02d-%s.yaml",
	         environment, world->n_requests++, verb);
	world->git.remote_requests =
		git_commit(world, world->git.remote_requests, path, buf_text(&text), words);
	world_event(world, "asked: %s", words);
	buf_deinit(&text);
	arena_deinit(&arena);
}

static void verb_clock(struct world *world, const char *words)
{
	struct err err = {0};
	int64_t ms = 0;

	if (parse_duration(words, &ms, &err))
		panic("%s", err.text);
	world->wall_ms += ms;
	world_event(world, "the clock jumps by %s", words);
}

static const struct {
	const char *name;
	void (*run)(struct world *, const char *);
} verbs[] = {
	{"declare", verb_declare}, {"until", verb_until}, {"expect", verb_expect},
	{"wait", verb_wait}, {"set", verb_set}, {"environment", verb_environment},
	{"delete", verb_delete}, {"restore", verb_restore}, {"in", verb_in},
	{"traffic", verb_traffic}, {"git", verb_git}, {"kill", verb_kill}, {"hand", verb_hand},
	{"ask", verb_ask}, {"clock", verb_clock},
};

static void run_line(struct world *world, const char *line)
{
	size_t len = strcspn(line, " ");
	const char *rest = line + len + strspn(line + len, " ");

	world_event(world, "> %s", line);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strlen(verbs[i].name) == len && !strncmp(verbs[i].name, line, len)) {
			verbs[i].run(world, rest);
			return;
		}
	panic("unknown verb in '%s'", line);
}

/* ---- healing and rest ---- */

static bool at_rest(struct world *world, int environment)
{
	struct deployment_status status = {0};
	struct arena arena;
	bool rest = false;

	arena_init(&arena, 64 << 20);
	if (!check_status(world, environment, &arena, &status)) {
		rest = true;
	} else {
		switch (status.phase) {
		case PHASE_STEADY:
		case PHASE_ROLLED_BACK:
		case PHASE_STALLED:
		case PHASE_WAITING:
			rest = true;
			break;
		case PHASE_CANARY: /* a hold, a window or an approval may keep it there, or no traffic */
			rest = status.reason && strcmp(status.reason, "Analysing");
			break;
		case PHASE_VERIFYING:
		case PHASE_PROVISIONING:
		case PHASE_CHECKING:
		case PHASE_PROMOTING:
		case PHASE_ROLLING_BACK:
		case PHASE_RETIRING:
		case PHASES:
			break;
		}
	}
	arena_deinit(&arena);
	return rest;
}

static bool all_at_rest(struct world *world)
{
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		if (!at_rest(world, i))
			return false;
	return true;
}

static void check_rest(struct world *world)
{
	int64_t until = world->now_ms + SETTLE_MS, acts, transitions;
	int64_t longest = world->now_ms + 12 * 60 * MINUTE;

	world->faults.on = false;
	world->git.away = false;
	while (world->now_ms < until && !world->violation[0])
		world_step(world, until);
	while (!all_at_rest(world) && world->now_ms < longest && !world->violation[0])
		world_step(world, longest);
	if (!all_at_rest(world) && !world->violation[0])
		world_violation(world, "L1", "did not come to rest in twelve hours without faults");
	acts = world->faults.acts;
	transitions = world->transitions;
	until = world->now_ms + REST_MS;
	while (world->now_ms < until && !world->violation[0])
		world_step(world, until);
	if (!world->violation[0] &&
	    (acts != world->faults.acts || transitions != world->transitions))
		world_violation(world, "L2", "at rest, and yet %lld acts and %lld commits",
		                (long long)(world->faults.acts - acts),
		                (long long)(world->transitions - transitions));
}

bool scenario_run(struct world *world, const struct scenario *scenario)
{
	world_event(world, "scenario %s", scenario->name);
	begin_fleet(world);
	for (size_t i = 0; i < scenario->n && !world->violation[0]; i++)
		run_line(world, scenario->lines[i]);
	if (!world->violation[0])
		check_rest(world);
	return !world->violation[0];
}
