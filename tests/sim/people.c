/* What people write and do: manifests, commits, requests, and the lines of a scenario. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"
#include "manifest/manifest.h"
#include "sim.h"

enum { MINUTE = 60000 };

/* ---- what people write ---- */

static const char model_text[] =
	"apiVersion: linnet.dev/v1alpha1\nkind: Model\nmetadata: {name: " SIM_MODEL "}\nspec:\n"
	"  serve: {command: [python3, serve.py], source: apps/risk}\n"
	"  interface:\n    layout: columns\n    inputs: [{name: x, type: INT64}]\n"
	"    output: {name: y, type: ";
static const char classes_text[] = "BYTES, classes: [no, yes]}\n";
static const char range_text[] = "FP64, min: 0, max: 1}\n";

static const char train_text[] =
	"  train:\n    command: [python3, train.py]\n    source: train/risk\n    timeout: 2m\n"
	"    seed: 7\n    candidates: [{name: tree, params: {depth: 3}}]\n"
	"    split: {train: 70%, validation: 15%, test: 15%, by: hash}\n"
	"    select: {metric: accuracy, rule: best}\n    refit: train+validation\n"
	"  triggers: [{event: season}]\n  cooldown: 0s\n  versionTags: true\n";

static const char data_text[] =
	"  data: {uri: \"file:rows.csv\", format: csv, label: y, id: id}\n";

static char *model_now(struct world *world)
{
	bool data = world->data || world->model_extra[0] || world->gates[0];

	return arena_printf(&world->arena, "%s%s%s%s%s", model_text,
	                    world->numbers ? range_text : classes_text, data ? data_text : "",
	                    world->model_extra, world->gates);
}

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
	const char *approvals = "";

	if (declared->approvals)
		approvals = arena_printf(&world->arena,
		                         "  approvals: {required: %d, by: [leads], evidence: [merge], "
		                         "roles: {leads: [ada, grace]}}\n", declared->approvals);
	return arena_printf(&world->arena,
	                    "apiVersion: linnet.dev/v1alpha1\nkind: Environment\n"
	                    "metadata: {name: %s}\nspec:\n  serving: {local: {}}\n"
	                    "  maturity: mature\n%s%s%s%s%s",
	                    world->serving.places[environment].name,
	                    declared->automation[0] ? "  automation: {" : "", declared->automation,
	                    declared->automation[0] ? "}\n" : "", approvals, declared->window);
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
		"%s    deadline: 2h\n    keepPrevious: %s\n%s%s%s",
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
		declared->analysis, keep, declared->hold[0] ? "  hold: {reason: \"" : "", declared->hold,
		declared->hold[0] ? "\", owner: ada}\n" : "");
}

/* Linnet may have changed it. */
void people_follow(struct world *world, int environment)
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

void people_begin(struct world *world)
{
	world->versions[world->n_versions++] =
		(struct traits){.name = "unknown", .slow = 1, .ready_ms = 2000};
	commit_file(world, "model.yaml", model_now(world), "the model");
	commit_file(world, "apps/risk/main.py", "serves", "the server");
	commit_file(world, "train/risk/main.py", "trains", "the trainer");
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

/* ---- verbs ---- */

static void read_traits(struct traits *traits, const char *words)
{
	char word[32];
	int used;

	for (; sscanf(words, "%31s%n", word, &used) == 1; words += used) {
		const char *value = strchr(word, '=');

		if (!strncmp(word, "errors=", 7))
			traits->errors = strtod(value + 1, NULL);
		else if (!strncmp(word, "slow=", 5))
			traits->slow = strtod(value + 1, NULL);
		else if (!strncmp(word, "yes=", 4))
			traits->logs = true, traits->yes = strtod(value + 1, NULL);
		else if (!strncmp(word, "metric=", 7))
			traits->measured = true, traits->metric = strtod(value + 1, NULL);
		else if (!strncmp(word, "ready=", 6))
			traits->ready_ms = strtol(value + 1, NULL, 10) * 1000;
		else if (!strcmp(word, "crash"))
			traits->crash = true;
		else if (!strcmp(word, "never-ready"))
			traits->never_ready = true;
		else if (!strcmp(word, "bad-check"))
			traits->bad_check = true;
		else if (!strcmp(word, "corrupt"))
			traits->corrupt = true;
		else
			panic("unknown trait '%s'", word);
	}
}

/* "traits v3 errors=0.3": how a version will behave that a run is to make. */
static void verb_traits(struct world *world, const char *words)
{
	struct traits traits = {.slow = 1, .ready_ms = 2000};
	int n = 0;

	sscanf(words, "%15s%n", traits.name, &n);
	read_traits(&traits, words + n);
	if (world_traits(world, traits.name) != &world->versions[0])
		return;
	if (world->n_versions == SIM_VERSIONS)
		panic("more than %d simulated versions", SIM_VERSIONS);
	world->versions[world->n_versions++] = traits;
}

/* The line names it, and the version is added where it is new. */
static void verb_declare(struct world *world, const char *words)
{
	char name[16] = "", path[64], trained[80];

	sscanf(words, "%15s", name);
	snprintf(path, sizeof(path), SIM_MODEL "-%s.yaml", name);
	snprintf(trained, sizeof(trained), "versions/%s", path);
	if (strcmp(name, "none")) {
		verb_traits(world, words);
		if (!git_text(world, world->git.remote_main, path) &&
		    !git_text(world, world->git.remote_main, trained))
			commit_file(world, path, version_text(world, name), "a version");
	}
	world->declared[world->here].present = true;
	snprintf(world->declared[world->here].version, 16, "%s", name);
	commit_deployment(world, arena_printf(&world->arena, "version %s", name));
}

static void verb_until(struct world *world, const char *words)
{
	scenario_wait(world, words, !world->faults.on);
}

static void verb_expect(struct world *world, const char *words)
{
	bool not = !strncmp(words, "not ", 4);

	if (!world->faults.on && scenario_holds(world, not ? words + 4 : words) == not)
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
	people_follow(world, world->here);
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
	else if (!strcmp(what, "analysis"))
		snprintf(declared->analysis, sizeof(declared->analysis), "      %s\n", value);
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

/* "predictions off": nothing is logged any more; "predictions on". */
static void verb_predictions(struct world *world, const char *words)
{
	world->serving.places[world->here].mute = !strcmp(words, "off");
}

static void verb_traffic(struct world *world, const char *words)
{
	world->serving.places[world->here].rate = strtod(words, NULL);
}

/* "away", "back", "protected", "rewritten", "rewound", "emptied", "merge NAME", "delete NAME" */
static void verb_git(struct world *world, const char *words)
{
	struct sim_git *git = &world->git;
	const char *name = strchr(words, ' ') ? strchr(words, ' ') + 1 : "";

	world_event(world, "git %s", words);
	if (!strcmp(words, "away") || !strcmp(words, "back"))
		git->away = words[0] == 'a';
	else if (!strcmp(words, "protected"))
		git->protected = true;
	else if (!strcmp(words, "rewritten"))
		git->remote_main = git_commit(world, git->commits[git->remote_main].parent, "model.yaml",
		                              model_now(world), "rewritten");
	else if (!strcmp(words, "rewound") && git->remote_main >= 0)
		git->remote_main = git->commits[git->remote_main].parent;
	else if (!strncmp(words, "merge ", 6))
		git_merge(world, git_branch(world, name));
	else if (!strncmp(words, "delete ", 7))
		git_branch(world, name)->tip = -1;
	else if (!strcmp(words, "emptied"))
		for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
			world->here = i;
			world->declared[i].present = false;
			commit_deployment(world, "gone");
		}
	else
		panic("unknown verb git '%s'", words);
}

/* "kill stable", "kill candidate", "kill all-stable", "kill router", "kill controller" */
static void verb_kill(struct world *world, const char *words)
{
	const struct deployment_status *status = check_status(world, world->here);
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
	if (!status)
		return;
	for (int i = 0; i < SIM_REPLICAS; i++) {
		struct sim_replica *replica = &world->serving.replicas[i];
		struct digest digest = strcmp(whose, "candidate") ? status->stable
		                                                   : status->candidate;

		if (!replica->used || replica->environment != world->here ||
		    !digest_same(replica->revision, digest))
			continue;
		serving_kill(world, replica);
		if (!all)
			break;
	}
}

static void verb_hand(struct world *world, const char *words)
{
	struct sim_place *place = &world->serving.places[world->here];
	double weight = strtod(words, NULL);

	if (place->n_weights != 2)
		return;
	place->weights[1].weight = weight;
	place->weights[0].weight = 1 - weight;
	place->unseen = true;
	world_event(world, "by hand: weight %.3f", weight);
}

/* The gate that an approval is given under. */
static struct digest gate_now(struct world *world)
{
	struct file_objects objects = {0};
	struct diagnostics diagnostics = {0};
	const char *text = model_now(world);

	manifest_decode("model.yaml", text, strlen(text), &world->arena, &objects, &diagnostics);
	if (objects.n != 1)
		panic("the simulated model does not decode: %s",
		      diagnostics.n ? diagnostics.items[0].message : "");
	return gate_digest(objects.objects[0].model, NULL, &world->arena);
}

static void write_request(struct world *world, const struct request *request, bool of_model)
{
	const char *environment = of_model ? NULL : world->serving.places[world->here].name;
	struct buf text;

	buf_init(&text, 1 << 16);
	request_encode(&text, request);
	world->git.remote_requests =
		git_commit(world, world->git.remote_requests,
	               request_path(&world->arena, environment, SIM_MODEL,
	                            world->wall_ms + world->n_requests, request->verb),
	               buf_text(&text), "a request");
	world->n_requests++;
	buf_deinit(&text);
}

static void add_approval(struct world *world, struct request *request, const char *by)
{
	const struct deployment_status *status = check_status(world, world->here);
	struct sim_approval *given = &world->approvals[world->n_approvals % 32];

	request->revision = status ? status->candidate : (struct digest){0};
	request->gate = gate_now(world);
	request->expires_ms = world->wall_ms + 24 * 60 * MINUTE;
	request->by = by[0] ? by : world->n_requests % 2 ? "grace" : "ada";
	world->n_approvals++;
	*given = (struct sim_approval){.revision = request->revision,
	                               .expires_ms = request->expires_ms};
	snprintf(given->by, sizeof(given->by), "%s", request->by);
}

/* "approve [NAME]", "rollback", "retry", "restart", "reject", "accept-rewind"; of the model: "kick
 * [EVENT]", "model approve", "model retry" */
static void verb_ask(struct world *world, const char *words)
{
	struct request request = {
		.by = "ada", .expires_ms = -1,
		.reason = arena_printf(&world->arena, "request %d", world->n_requests),
	};
	bool of_model = !strncmp(words, "model ", 6) || !strncmp(words, "kick", 4);
	char verb[16] = "", more[16] = "";

	sscanf(words + (!strncmp(words, "model ", 6) ? 6 : 0), "%15s %15s", verb, more);
	request.verb = (enum request_verb)names_find(request_verb_names, verb);
	if (request.verb == REQUEST_APPROVE && !of_model)
		add_approval(world, &request, more);
	if (request.verb == REQUEST_RETRY)
		world->n_retries++;
	if (request.verb == REQUEST_KICK && more[0])
		request.event = more;
	if (request.verb == REQUEST_ACCEPT_REWIND) {
		request.old_commit = world->git.commits[world->git.record].id.hex;
		request.new_commit = world->git.commits[world->git.remote_main].id.hex;
		world->rewinds = true;
	}
	write_request(world, &request, of_model);
	world_event(world, "asked: %s", words);
}

static void verb_clock(struct world *world, const char *words)
{
	struct err err = {0};
	int64_t ms = 0;

	if (parse_duration(words, &ms, &err))
		panic("%s", err.text);
	world_jump(world, ms);
}

/* "trains auto": the model has a train section from now on. */
static void verb_trains(struct world *world, const char *words)
{
	snprintf(world->model_extra, sizeof(world->model_extra), "%s  automation: {retrain: %s}\n",
	         train_text, words);
	commit_file(world, "model.yaml", model_now(world), "it trains");
}

/* The model names its data from now on. */
static void verb_data(struct world *world, const char *words)
{
	(void)words;
	world->data = true;
	commit_file(world, "model.yaml", model_now(world), "its data");
}

/* "triggers {newRows: 100}": those of the model from now on. */
static void verb_triggers(struct world *world, const char *words)
{
	char *list = strstr(world->model_extra, "  triggers: [");
	size_t room = sizeof(world->model_extra) - (size_t)(list - world->model_extra);
	char *rest = arena_strdup(&world->arena, strchr(list, '\n'));

	snprintf(list, room, "  triggers: [%s]%s", words, rest);
	commit_file(world, "model.yaml", model_now(world), "its triggers");
}

/* "cooldown 4h" */
static void verb_cooldown(struct world *world, const char *words)
{
	char *line = strstr(world->model_extra, "  cooldown: ");
	char *rest = arena_strdup(&world->arena, strchr(line, '\n'));

	snprintf(line, sizeof(world->model_extra) - (size_t)(line - world->model_extra),
	         "  cooldown: %s%s", words, rest);
	commit_file(world, "model.yaml", model_now(world), "its cooldown");
}

/* "rows 100": so many more; "rows = 100": another file; "rows mended": a label was corrected. */
static void verb_rows(struct world *world, const char *words)
{
	bool replaced = words[0] == '=';

	if (!strcmp(words, "mended")) {
		world->mended++;
		return;
	}
	world->replaced += replaced;
	world->rows = (replaced ? 0 : world->rows) + strtol(words + replaced, NULL, 10);
}

/* "runs pass fail": what becomes of the next training runs. */
static void verb_runs(struct world *world, const char *words)
{
	char word[16];

	for (int used; sscanf(words, "%15s%n", word, &used) == 1; words += used) {
		int fate = names_find(fate_names, word);

		if (fate < 0 || world->runs.n_fates == (int)ARRAY_LEN(world->runs.fates))
			panic("unknown fate '%s'", word);
		world->runs.fates[world->runs.n_fates++] = (enum run_fate)fate;
	}
}

/* "judged fail": what becomes of the next evaluations of versions from elsewhere. */
static void verb_judged(struct world *world, const char *words)
{
	char word[16];

	for (int used; sscanf(words, "%15s%n", word, &used) == 1; words += used) {
		int fate = names_find(fate_names, word);

		if (fate < 0 || world->runs.n_judged == (int)ARRAY_LEN(world->runs.judged))
			panic("unknown fate '%s'", word);
		world->runs.judged[world->runs.n_judged++] = (enum run_fate)fate;
	}
}

/* "gates 80%": what the model requires from now on; "gates off". */
/* The model predicts a number from 0 to 1 from now on. */
static void verb_numbers(struct world *world, const char *words)
{
	(void)words;
	world->numbers = true;
	commit_file(world, "model.yaml", model_now(world), "numbers");
}

static void verb_gates(struct world *world, const char *words)
{
	world->gates[0] = 0;
	if (strcmp(words, "off"))
		snprintf(world->gates, sizeof(world->gates),
		         "  gates: {require: [{metric: accuracy, min: %s}]}\n", words);
	if (world->n_gates == (int)ARRAY_LEN(world->seen_gates))
		panic("too many simulated gates");
	world->seen_gates[world->n_gates++] = (struct sim_gate){gate_now(world), strtod(words, NULL)};
	commit_file(world, "model.yaml", model_now(world), "gates");
}

static void verb_source(struct world *world, const char *words)
{
	commit_file(world, "train/risk/main.py", words, "the trainer");
}

/* "race LINE": somebody acts it out just before our next proposal lands. */
static void verb_race(struct world *world, const char *words)
{
	world->race = words;
}

void people_race(struct world *world)
{
	const char *line = world->race;

	world->race = NULL;
	if (line)
		people_line(world, line);
	if (world_fault(world, FAULT_PUSHER))
		commit_file(world, "notes.md", arena_printf(&world->arena, "%d", world->git.n), "a note");
}

/* "stuck yes": every act on this deployment fails. */
static void verb_stuck(struct world *world, const char *words)
{
	world->serving.places[world->here].stuck = !strcmp(words, "yes");
}

static void verb_disk(struct world *world, const char *words)
{
	struct err err = {0};
	int64_t ms = 0;

	if (parse_duration(words, &ms, &err))
		panic("%s", err.text);
	world->disk_full_until_ms = world->now_ms + ms;
	world_event(world, "the disk is full for %s", words);
}

/* "damage status/prod/risk.yaml": of that file of the status branch only a piece is left. */
static void verb_damage(struct world *world, const char *words)
{
	struct sim_git *git = &world->git;

	if (!git_text(world, git->remote_status, words))
		return;
	git->remote_status = git_commit(world, git->remote_status, words, SIM_DAMAGED, "damage");
}

/* "successor" or "successor down": another controller writes its higher epoch, while ours runs or
 * before it is started again and finds it. Ours has to end, and the other one goes on from what is
 * on the branch, with a state folder of its own. */
static void verb_successor(struct world *world, const char *words)
{
	struct controller_record record = {.id = "fedcba9876543210", .epoch = 7};
	int64_t until = world->now_ms + 3 * 60 * MINUTE;
	struct buf text;

	buf_init(&text, 1 << 16);
	controller_encode(&text, &record);
	world->git.remote_status = git_commit(world, world->git.remote_status, "controller.yaml",
	                                      buf_text(&text), "another controller");
	buf_deinit(&text);
	if (!strcmp(words, "down")) {
		world->git.local_status = world->git.remote_status;
		world_restart(world);
	}
	world->may_end = true;
	while (!world->ended && world->now_ms < until && !world->violation[0])
		world_step(world, until);
	if (!world->ended)
		world_violation(world, "S20", "a controller goes on under a higher epoch");
	world->ended = world->may_end = false;
	world->config.id = "fedcba9876543210";
	map_deinit(&world->state);
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		world->serving.places[i].filed = (struct digest){0};
	world->git.local_status = world->git.remote_status;
	world_restart(world);
}

static const struct {
	const char *name;
	void (*run)(struct world *, const char *);
} verbs[] = {
	{"declare", verb_declare}, {"until", verb_until}, {"expect", verb_expect},
	{"wait", verb_wait}, {"set", verb_set}, {"environment", verb_environment},
	{"delete", verb_delete}, {"restore", verb_restore}, {"in", verb_in},
	{"traffic", verb_traffic}, {"predictions", verb_predictions},
	{"git", verb_git}, {"kill", verb_kill}, {"hand", verb_hand},
	{"ask", verb_ask}, {"clock", verb_clock}, {"traits", verb_traits}, {"trains", verb_trains},
	{"data", verb_data},
	{"triggers", verb_triggers}, {"rows", verb_rows}, {"runs", verb_runs},
	{"cooldown", verb_cooldown},
	{"judged", verb_judged}, {"gates", verb_gates}, {"source", verb_source},
	{"numbers", verb_numbers}, {"race", verb_race}, {"stuck", verb_stuck}, {"disk", verb_disk},
	{"damage", verb_damage}, {"successor", verb_successor},
};

void people_line(struct world *world, const char *line)
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

