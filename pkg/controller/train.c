/* Training and evaluation runs as keyed processes; their outcome is their result files alone. */
#include <stdlib.h>
#include <string.h>

#include "controller/internal.h"
#include "gate/gates.h"

enum { RUN_MARGIN_MS = 10 * 60 * 1000, RUN_FETCH_MS = 60 * 60 * 1000, RUN_WORDS = 28 };

static const char *run_key(struct controller *c, struct digest run, bool evaluate)
{
	return arena_printf(&c->arena, "%.16s/%s", run.hex, evaluate ? "evaluate" : "train");
}

/* ERR_STALLED when there is none. */
static int read_result(struct controller *c, struct digest run, bool evaluate, const char *name,
                       struct bytes *out, struct err *err)
{
	*out = (struct bytes){0};
	return c->ports.process.result(c->ports.process.self, run_key(c, run, evaluate), name,
	                               &c->arena, out, err);
}

/* One part of a run, and the text of its result. */
struct part {
	bool known; /* both could be looked at */
	struct process_status status;
	struct bytes text;
};

/* The process first: one that ends in between has left its result by then. */
static struct part look_at_part(struct controller *c, struct digest run, bool evaluate)
{
	struct part part = {0};
	struct err err = {0};

	if (!c->ports.process.poll(c->ports.process.self, run_key(c, run, evaluate), &c->arena,
	                           &part.status, &err) &&
	    (!read_result(c, run, evaluate, evaluate ? "evaluate.json" : "train.json", &part.text,
	                  &err) || err.kind == ERR_STALLED))
		part.known = true;
	else
		log_warn("run %.10s: %s", run.hex, err.text);
	return part;
}

/* What a process that left no result makes of its part of the run. */
static enum run_state state_of(struct controller *c, const struct part *part,
                               enum run_state from_file, const char **why)
{
	const char *tail = part->status.log_tail ? part->status.log_tail : "";

	if (!part->known || part->status.state == PROCESS_RUNNING)
		return RUN_ACTIVE;
	if (from_file != RUN_NONE || part->status.state == PROCESS_NONE)
		return from_file;
	*why = arena_printf(&c->arena, "it ended without a result%s%s", tail[0] ? ": " : "", tail);
	return RUN_FAILED;
}

bool run_active(const struct run_result *run)
{
	return run->train == RUN_ACTIVE || run->evaluate == RUN_ACTIVE;
}

void run_observe(struct controller *c, struct digest run, struct run_result *out)
{
	struct part train, evaluate;
	struct err err = {0};
	const char *why = NULL;

	*out = (struct run_result){0};
	if (!run.hex[0])
		return;
	train = look_at_part(c, run, false);
	evaluate = look_at_part(c, run, true);
	if ((train.text.data || evaluate.text.data) &&
	    run_result_decode(train.text.data, train.text.len, evaluate.text.data, evaluate.text.len,
	                      &c->arena, out, &err))
		*out = (struct run_result){.train = RUN_FAILED, .why = arena_strdup(&c->arena, err.text)};
	out->run = run;
	out->train = state_of(c, &train, out->train, &why);
	if (out->train == RUN_SUCCEEDED)
		out->evaluate = state_of(c, &evaluate, out->evaluate, &why);
	if (why)
		out->why = why;
}

int run_data_path(struct controller *c, const char *uri, const char **out, struct err *err)
{
	const char *rest;

	if (!uri)
		return err_set(err, ERR_STALLED, "the Model names no rows to judge by; write data");
	if (strncmp(uri, "file:", 5)) {
		if (!uri_allowed(c->config.run.allow, uri))
			return err_set(err, ERR_STALLED, "data.uri %s: is not in the controller's data.allow",
			               uri);
		*out = uri;
		return 0;
	}
	if (!c->config.run.data_root)
		return err_set(err, ERR_STALLED, "data.uri %s: the controller's data.root is not set", uri);
	rest = uri + 5;
	if (rest[0] == '/' || strstr(rest, ".."))
		return err_set(err, ERR_STALLED, "data.uri %s: write a path below the data root", uri);
	*out = arena_printf(&c->arena, "%s/%s", c->config.run.data_root, rest);
	return 0;
}

/* The words "name=value" that the worker verb reads. */
struct words {
	struct controller *c;
	const char *argv[RUN_WORDS + 1];
	int n;
};

static void add_word(struct words *words, const char *name, const char *value)
{
	if (!value)
		return;
	if (words->n == RUN_WORDS)
		panic("more than %d words for a run", RUN_WORDS);
	words->argv[words->n++] = arena_printf(&words->c->arena, "%s=%s", name, value);
}

static int add_tree(struct words *words, const char *name, const char *folder, struct err *err)
{
	struct controller *c = words->c;
	struct oid tree;

	if (!folder)
		return 0;
	if (c->ports.git.tree_id(c->ports.git.self, c->applied, folder, &tree, err))
		return err_wrap(err, "folder %s of the fleet repository", folder);
	add_word(words, name, arena_strdup(&c->arena, tree.hex));
	return 0;
}

static void add_lineage(struct words *words, const struct task *task, const struct action *action)
{
	const struct model_status *status = &task->training.next;

	add_word(words, "trigger", trigger_kind_names.names[status->trigger]);
	add_word(words, "why", status->trigger_why);
	add_word(words, "parent", action->incumbent ? action->incumbent->version : NULL);
	add_word(words, "at", arena_printf(&words->c->arena, "%lld",
	                                   (long long)status->phase_since_ms));
}

/* The declared ModelVersion of a revision, as the word `name`; its tree as `name`-tree. */
static int add_version(struct words *words, const char *name, const struct revision *revision,
                       struct err *err)
{
	struct controller *c = words->c;
	const char *declared = arena_printf(&c->arena, "%s-%s", revision->model, revision->version);
	struct object object = {0};

	if (fleet_get(c->fleet, KIND_MODEL_VERSION, NULL, declared, fleet_blob, c, &c->arena, &object,
	              NULL, NULL) != DECLARED_OK)
		return err_set(err, ERR_STALLED, "ModelVersion %s (%s) is not declared any more", declared,
		               name);
	add_word(words, name, object.version->meta.at.path);
	add_word(words, arena_printf(&c->arena, "%s-tree", name), object.version->serve.tree);
	return 0;
}

static int add_policy(struct words *words, const struct task *task, struct err *err)
{
	struct controller *c = words->c;
	const char *policy = task->model->gates.policy;
	struct object object = {0};

	if (policy && fleet_get(c->fleet, KIND_GATE_POLICY, NULL, policy, fleet_blob, c, &c->arena,
	                        &object, NULL, NULL) != DECLARED_OK)
		return err_set(err, ERR_STALLED, "GatePolicy %s cannot be read", policy);
	if (policy)
		add_word(words, "policy", object.policy->meta.at.path);
	return 0;
}

/* What a verdict needs beside the predictions of the candidate. */
static int add_gates(struct words *words, const struct task *task, const struct action *action,
                     struct err *err)
{
	add_word(words, "uses", arena_printf(&words->c->arena, "%lld", (long long)gate_uses(
	                                     &task->training.next, action->run.hex)));
	return action->incumbent ? add_version(words, "incumbent", action->incumbent, err) : 0;
}

/* A version from elsewhere, and the rows that its artifact was tested on before. */
static int add_subject(struct words *words, const struct action *action, struct err *err)
{
	struct controller *c = words->c;
	const struct ledger_entry *rows = action->rows;

	add_word(words, "version-name", action->spec->version);
	if (rows) {
		add_word(words, "rows", rows->rows.hex);
		add_word(words, "rows-count", arena_printf(&c->arena, "%lld", (long long)rows->n_rows));
		add_word(words, "rows-from", arena_printf(&c->arena, "%lld", (long long)rows->from_ms));
		add_word(words, "rows-to", arena_printf(&c->arena, "%lld", (long long)rows->to_ms));
	}
	return add_version(words, "version", action->spec, err);
}

/* Of all candidates, or points of the grid, in all folds. */
static int64_t count_fits(const struct train_spec *train)
{
	int64_t n = train->n_candidates > 0 ? (int64_t)train->n_candidates : 1;

	for (size_t i = 0; i < train->n_grid; i++)
		n *= (int64_t)train->grid[i].values.n;
	return n * (train->folds > 0 ? train->folds : 1);
}

static int start(struct controller *c, struct words *words, const struct task *task,
                 const struct action *action, struct err *err)
{
	const char *home = getenv("HOME");
	const char *const env[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
		arena_printf(&c->arena, "HOME=%s", home ? home : "/"), NULL,
	};
	const struct train_spec *train = action->spec ? NULL : task->model->train;
	int64_t fits = train ? (count_fits(train) + 2) * train->timeout_ms : 0;
	int64_t fetch = strncmp(task->model->data.uri, "file:", 5) ? RUN_FETCH_MS : 0;
	struct process_spec spec = {
		.key = run_key(c, action->run, action->kind == ACTION_EVALUATE),
		.argv = words->argv,
		.env = env,
		.timeout_ms = fits + fetch + RUN_MARGIN_MS,
		.memory_bytes = -1, .cpu_seconds = -1, .file_bytes = -1,
		.nice = 10,
	};

	return c->ports.process.spawn(c->ports.process.self, &spec, err);
}

static int64_t count_running(const struct controller *c)
{
	int64_t n = 0;

	for (size_t i = 0; i < c->keys.n; i++)
		n += ((const struct key *)c->keys.entries[i].value)->running;
	return n;
}

/* Starts the worker verb that exports the sources and becomes linnet-run; adopts a running one. */
int run_start(struct controller *c, const struct task *task, const struct action *action,
              struct err *err)
{
	bool evaluate = action->kind == ACTION_EVALUATE;
	struct words words = {.c = c};
	const struct model *model = task->model;
	const char *data = NULL;

	if (!model->train && !action->spec)
		return err_set(err, ERR_STALLED, "model %s has no train section", model->meta.name);
	if (count_running(c) >= c->config.runs_concurrent)
		return err_set(err, ERR_TRANSIENT, "waits for another run to end (runs.concurrent)");
	if (run_data_path(c, model->data.uri, &data, err))
		return -1;
	words.argv[words.n++] = c->config.run.self;
	words.argv[words.n++] = "__run";
	words.argv[words.n++] = evaluate ? "evaluate" : "train";
	add_word(&words, "run", action->run.hex);
	add_word(&words, "model", model->meta.name);
	add_word(&words, "manifest", model->meta.at.path);
	add_word(&words, "commit", c->applied.hex);
	add_word(&words, "state", c->config.run.state);
	add_word(&words, "store", c->config.run.store);
	add_word(&words, "data", data);
	add_word(&words, "secrets", strncmp(model->data.uri, "s3:", 3) ? NULL : c->config.run.secrets);
	add_word(&words, "train", arena_printf(&c->arena, "%s/runs/%s", c->config.run.state,
	                                       run_key(c, action->run, false)));
	add_lineage(&words, task, action);
	if (action->spec ? add_subject(&words, action, err)
	                 : add_tree(&words, "tree", model->train->source, err) ||
	                   add_tree(&words, "serve-tree", model->serve.source, err))
		return -1;
	if (((evaluate || action->spec) && add_policy(&words, task, err)) ||
	    (evaluate && add_gates(&words, task, action, err)) ||
	    start(c, &words, task, action, err))
		return -1;
	task->key->running++;
	return 0;
}

int run_cancel(struct controller *c, const struct action *action, struct err *err)
{
	if (c->ports.process.kill(c->ports.process.self, run_key(c, action->run, false), err))
		return -1;
	return c->ports.process.kill(c->ports.process.self, run_key(c, action->run, true), err);
}

int run_file(struct controller *c, struct digest run, const char *name, struct bytes *out,
             struct err *err)
{
	if (!read_result(c, run, true, name, out, err))
		return 0;
	if (err->kind == ERR_STALLED)
		err_set(err, ERR_STALLED, "run %.10s left no %s", run.hex, name);
	return -1;
}
