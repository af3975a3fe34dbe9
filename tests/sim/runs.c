/* Runs: processes that end late, twice, without a result, or are gone; what they leave are files
 * that outlive them, as linnet-run makes them. */
#include <string.h>

#include "gate/gate.h"
#include "manifest/manifest.h"
#include "sim.h"

enum { TRAIN_MS = 40000, EVALUATE_MS = 20000, LATE_MS = 3600000 };

const struct names fate_names = {
	(const char *const[]){"pass", "fail", "inconclusive", "bad-data", "error", "broken", "garbage",
	                      "late"},
	FATES,
};

static struct sim_run *find_run(struct world *world, const char *key)
{
	for (int i = 0; i < world->runs.n; i++)
		if (world->runs.items[i].used && !strcmp(world->runs.items[i].key, key))
			return &world->runs.items[i];
	return NULL;
}

static const char *word_of(const struct process_spec *spec, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *word = spec->argv; *word; word++)
		if (!strncmp(*word, name, len) && (*word)[len] == '=')
			return *word + len + 1;
	panic("%s: no word %s=", spec->key, name);
}

static struct sim_run *make_run(struct world *world, const struct process_spec *spec)
{
	for (int i = 0; i < SIM_RUNS; i++) {
		struct sim_run *run = &world->runs.items[i];
		struct err err = {0};

		if (run->used)
			continue;
		if (i == world->runs.n)
			world->runs.n++;
		*run = (struct sim_run){.used = true, .evaluate = !!strstr(spec->key, "/evaluate")};
		snprintf(run->key, sizeof(run->key), "%s", spec->key);
		if (digest_parse(word_of(spec, "run"), &run->run, &err))
			panic("%s", err.text);
		return run;
	}
	panic("more than %d simulated runs", SIM_RUNS);
}

const struct object *runs_object(struct world *world, const char *commit, const char *path)
{
	const char *text = git_text(world, git_find(world, commit), path);
	struct file_objects objects = {0};
	struct diagnostics diagnostics = {0};

	if (!text)
		return NULL;
	manifest_decode(path, text, strlen(text), &world->arena, &objects, &diagnostics);
	return objects.n == 1 ? &objects.objects[0] : NULL;
}

static const char *word_or_none(const struct process_spec *spec, const char *name)
{
	size_t len = strlen(name);

	for (const char *const *word = spec->argv; *word; word++)
		if (!strncmp(*word, name, len) && (*word)[len] == '=')
			return *word + len + 1;
	return NULL;
}

static struct digest digest_with(struct digest run, const char *what)
{
	char text[128];

	snprintf(text, sizeof(text), "%s of %s", what, run.hex);
	return digest_of(text, strlen(text));
}

/* Of all of the data. */
static struct digest data_content(const struct world *world)
{
	const int64_t all[] = {world->rows, world->replaced, world->mended};

	return digest_of(all, sizeof(all));
}

/* How a trained version is served. */
static struct serve_spec serve_of_draft(void)
{
	static const char *command[] = {"python3", "serve.py"};

	return (struct serve_spec){.command = {command, 2}, .source = "apps/risk",
	                           .tree = "0123456789012345678901234567890123456789"};
}

/* What its verdict will be about, from the words that it was started with. */
static void identify(struct world *world, struct sim_run *run, const struct process_spec *spec)
{
	const char *commit = word_of(spec, "commit"), *rows = word_or_none(spec, "rows");
	const char *version = word_or_none(spec, "version"), *old = word_or_none(spec, "incumbent");
	const struct object *model = runs_object(world, commit, "model.yaml"), *object;
	struct serve_spec serve = serve_of_draft();
	struct err err = {0};

	if (!model)
		panic("a run without a model");
	run->of_version = version != NULL;
	run->data = data_content(world);
	run->artifact = digest_with(run->run, "artifact");
	run->rows = digest_with(run->run, "rows");
	if (rows && digest_parse(rows, &run->rows, &err))
		panic("%s", err.text);
	if (version) {
		object = runs_object(world, commit, version);
		run->artifact = object->version->artifact.digest;
		serve = object->version->serve;
	}
	run->subject = subject_digest(run->artifact, &serve, &model->model->interface);
	run->gate = gate_digest(model->model, NULL, &world->arena);
	run->incumbent = (struct digest){0};
	if (!old)
		return;
	object = runs_object(world, commit, old);
	run->incumbent = subject_digest(object->version->artifact.digest, &object->version->serve,
	                                &model->model->interface);
}

/* A training run takes the next fate that the scenario named, its evaluation has the same. */
static void draw_fate(struct world *world, struct sim_run *run)
{
	struct sim_runs *runs = &world->runs;

	if (run->of_version && !run->evaluate) {
		run->fate = runs->next_judged < runs->n_judged ? runs->judged[runs->next_judged++]
		                                               : FATE_PASS;
		return;
	}
	if (!run->evaluate) {
		run->fate = runs->next_fate < runs->n_fates ? runs->fates[runs->next_fate++] : FATE_PASS;
		return;
	}
	for (int i = 0; i < world->runs.n; i++)
		if (runs->items[i].used && !runs->items[i].evaluate &&
		    digest_same(runs->items[i].run, run->run))
			run->fate = runs->items[i].fate;
	if (run->fate == FATE_BROKEN && run->spawned > 0)
		run->fate = FATE_PASS; /* the second time it goes through */
}

static int process_spawn(void *self, const struct process_spec *spec, struct err *err)
{
	struct world *world = self;
	int call = world_call(world, FAULT_PROCESS, FAULT_PROCESS);
	struct sim_run *run = find_run(world, spec->key);

	if (call == 1 || world_disk_full(world))
		return err_set(err, ERR_TRANSIENT, "%s: cannot be started now", spec->key);
	if (!run)
		run = make_run(world, spec);
	if (!run->running && !run->has_result) {
		assert_spawn(world, run);
		identify(world, run, spec);
		draw_fate(world, run);
		run->running = true;
		run->spawned++;
		run->started_ms = world->wall_ms;
		run->done_ms = world->now_ms + (run->fate == FATE_LATE && !run->evaluate ? LATE_MS : 0) +
		               (run->evaluate ? EVALUATE_MS : TRAIN_MS) +
		               (int64_t)world_random(world, 10000);
		world_event(world, "run %s starts", run->key);
	}
	world_act_done(world);
	if (call == 2 || world->crashed)
		return err_set(err, ERR_UNKNOWN, "%s: the reply was lost", spec->key);
	return 0;
}

void runs_advance(struct world *world)
{
	for (int i = 0; i < world->runs.n; i++) {
		struct sim_run *run = &world->runs.items[i];

		if (!run->used || !run->running)
			continue;
		if (world_fault(world, FAULT_VANISH)) {
			world_event(world, "run %s vanishes", run->key);
			run->used = false;
		} else if (world->now_ms >= run->done_ms) {
			run->running = false;
			run->has_result = run->fate != (run->evaluate ? FATE_BROKEN : FATE_ERROR);
			world_event(world, "run %s ends: %s", run->key, fate_names.names[run->fate]);
		}
	}
}

static int process_poll(void *self, const char *key, struct arena *arena,
                        struct process_status *out, struct err *err)
{
	struct world *world = self;
	const struct sim_run *run = find_run(world, key);

	(void)arena;
	if (world_call(world, FAULT_PROCESS, FAULT_PROCESS))
		return err_set(err, ERR_TRANSIENT, "%s: cannot be looked at now", key);
	*out = (struct process_status){0};
	if (!run)
		return 0;
	out->state = run->running ? PROCESS_RUNNING : PROCESS_ENDED;
	out->started_ms = run->started_ms;
	return 0;
}

static int process_kill(void *self, const char *key, struct err *err)
{
	struct world *world = self;
	int call = world_call(world, FAULT_PROCESS, FAULT_PROCESS);
	struct sim_run *run = find_run(world, key);

	if (call == 1)
		return err_set(err, ERR_TRANSIENT, "%s: not now", key);
	if (run && run->running) {
		world_event(world, "run %s is killed", key);
		run->running = false;
	}
	world_act_done(world);
	if (call == 2 || world->crashed)
		return err_set(err, ERR_UNKNOWN, "%s: the reply was lost", key);
	return 0;
}

static int process_forget(void *self, const char *key, struct err *err)
{
	struct world *world = self;
	struct sim_run *run = find_run(world, key);

	if (world_call(world, FAULT_PROCESS, FAULT_PROCESS))
		return err_set(err, ERR_TRANSIENT, "%s: not now", key);
	if (run)
		run->used = false;
	return 0;
}

/* ---- the files ---- */

static void write_result(const struct sim_run *run, struct buf *out)
{
	bool fails = run->fate == FATE_BAD_DATA && !run->evaluate;
	struct run_result result = {
		.run = run->run,
		.train = fails ? RUN_FAILED : RUN_SUCCEEDED,
		.evaluate = RUN_SUCCEEDED,
		.considered = fails,
		.why = fails ? "DataSchemaMismatch: x is missing" : "as simulated",
		.data = run->data,
		.artifact = {run->artifact, 100, NULL},
		.rows = run->rows,
		.n_rows = 500, .rows_from_ms = -1, .rows_to_ms = -1,
		.verdict = run->fate == FATE_FAIL ? VERDICT_FAIL
		           : run->fate == FATE_INCONCLUSIVE ? VERDICT_INCONCLUSIVE : VERDICT_PASS,
		.verdict_key = digest_with(run->run, "key"),
		.subject = run->subject, .incumbent = run->incumbent, .gate = run->gate,
	};

	if (run->fate == FATE_GARBAGE && !run->evaluate)
		buf_puts(out, "{\"run\": ");
	else
		run_result_encode(out, &result, run->evaluate);
}

static void write_draft(const struct sim_run *run, struct buf *out)
{
	struct model_version version = {
		.meta = {.name = SIM_MODEL "-draft"},
		.model = SIM_MODEL,
		.version = "draft",
		.artifact = {run->artifact, 100, NULL},
		.serve = serve_of_draft(),
	};

	version_encode(out, &version);
}

static int process_result(void *self, const char *key, const char *name, struct arena *arena,
                          struct bytes *out, struct err *err)
{
	struct world *world = self;
	const struct sim_run *run = find_run(world, key);
	struct buf text;

	if (world_call(world, FAULT_PROCESS, FAULT_PROCESS))
		return err_set(err, ERR_TRANSIENT, "%s/%s: cannot be read now", key, name);
	if (!run || !run->has_result || !strncmp(name, "report.", 7))
		return err_set(err, ERR_STALLED, "%s/%s: not there", key, name);
	buf_init(&text, 1 << 16);
	if (!strcmp(name, "version.yaml"))
		write_draft(run, &text);
	else
		write_result(run, &text);
	*out = (struct bytes){arena_memdup(arena, text.text, text.len), text.len};
	buf_deinit(&text);
	return 0;
}

static int data_look(void *self, const char *path, enum data_format format, bool content,
                     struct data_seen *out, struct err *err)
{
	struct world *world = self;

	(void)format;
	if (world_call(world, FAULT_PROCESS, FAULT_PROCESS))
		return err_set(err, ERR_TRANSIENT, "%s: cannot be read now", path);
	*out = (struct data_seen){.rows = world->rows,
	                          .first = digest_of(&world->replaced, sizeof(world->replaced))};
	if (content)
		out->content = data_content(world);
	return 0;
}

void runs_wire(struct world *world)
{
	world->ports.process = (struct port_process){
		world, process_spawn, process_poll, process_kill, process_result, process_forget,
	};
	world->ports.data = (struct port_data){world, data_look};
}
