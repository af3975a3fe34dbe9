/* One key from the world to a plan. */
#include <stdio.h>
#include <string.h>

#include "controller/internal.h"

static int decode_deployment(const char *path, struct bytes text, struct arena *arena, void *out,
                             struct err *err)
{
	return status_decode(path, text.data, text.len, arena, out, err);
}

/* An object that is created again takes from `retired/` what was found out about its revisions. */
static int recall_retired(struct controller *c, const struct key *key,
                          struct deployment_status *out, struct err *err)
{
	struct deployment_status retired;
	const char *recovered;
	struct bytes text;

	for (int sharded = 0; c->heads.status.hex[0] && sharded < 2; sharded++) {
		const char *path = status_path(&c->arena, key->environment, key->name, sharded);
		struct err trouble = {0};

		path = arena_printf(&c->arena, "retired/%s", path + strlen("status/"));
		if (c->ports.git.read_path(c->ports.git.self, GIT_STATUS, c->heads.status, path, &c->arena,
		                           &text, NULL, &trouble)) {
			if (trouble.kind == ERR_STALLED)
				continue;
			*err = trouble;
			return -1;
		}
		if (decode_deployment(path, text, &c->arena, &retired, &trouble)) {
			if (recover(c, c->heads.status, path, decode_deployment, &retired, &recovered,
			            &trouble, err))
				return -1;
			log_warn("%s: %s", key->id, recovered);
		}
		out->quarantine = retired.quarantine;
		out->n_quarantine = retired.n_quarantine;
		out->promoted = retired.promoted;
		out->n_promoted = retired.n_promoted;
		out->revisions = retired.revisions;
		out->n_revisions = retired.n_revisions;
		return 0;
	}
	return 0;
}

static int decode_model(const char *path, struct bytes text, struct arena *arena, void *out,
                        struct err *err)
{
	return model_status_decode(path, text.data, text.len, arena, out, err);
}

/* How the texts of one kind of status are decoded, and into what. */
struct status_kind {
	decode_text *decode;
	size_t size;
};
static const struct status_kind of_deployment = {
	decode_deployment, sizeof(struct deployment_status),
};
static const struct status_kind of_model = {decode_model, sizeof(struct model_status)};

/* The key's status file at the branch's tip. What is in it is decoded once: most of what a look
 * reads is what the look before read. */
static int read_status(struct controller *c, const char *path, const struct status_kind *kind,
                       void *out, struct err *err)
{
	bool room = c->decoded_arena.bytes_used < DECODED_BYTES;
	struct arena *arena = room ? &c->decoded_arena : &c->arena;
	struct oid blob = {""};
	struct bytes text;
	void *status;

	if (c->ports.git.read_path(c->ports.git.self, GIT_STATUS, c->heads.status, path, &c->arena,
	                           &text, &blob, err))
		return -1;
	status = map_get(&c->decoded, blob.hex);
	if (!status) {
		status = arena_alloc(arena, kind->size);
		if (kind->decode(path, text, arena, status, err))
			return -1;
		if (room)
			map_put(&c->decoded, blob.hex, status);
	}
	memcpy(out, status, kind->size);
	return 0;
}

/* `*found` is false while there is no such file. */
static int read_history(struct controller *c, const struct key *key,
                        const struct status_kind *kind, void *out, bool *found,
                        const char **recovered, struct err *err)
{
	const char *path = status_path(&c->arena, key->environment, key->name, key->sharded);
	struct err damage = {0};

	*found = key->has_status;
	*recovered = NULL;
	if (!key->has_status || !read_status(c, path, kind, out, &damage))
		return 0;
	if (damage.kind == ERR_STALLED)
		return recover(c, c->heads.status, path, kind->decode, out, recovered, &damage, err);
	*err = damage;
	return -1;
}

static int deployment_history(struct controller *c, const struct key *key,
                              struct deployment_status *out, const char **recovered,
                              struct err *err)
{
	bool found;

	if (read_history(c, key, &of_deployment, out, &found, recovered, err))
		return -1;
	if (found)
		return 0;
	*out = (struct deployment_status){.environment = key->environment, .name = key->name};
	out->phase_since_ms = c->wall_ms;
	out->keep_until_ms = out->rollout_since_ms = out->restart_ms = out->down_since_ms = -1;
	out->step = -1;
	return recall_retired(c, key, out, err);
}

static int model_history(struct controller *c, const struct key *key, struct model_status *out,
                         const char **recovered, struct err *err)
{
	bool found;

	if (read_history(c, key, &of_model, out, &found, recovered, err))
		return -1;
	if (found)
		return 0;
	*out = (struct model_status){.name = key->name};
	out->phase_since_ms = c->wall_ms;
	out->last_finished_ms = out->retry_ms = -1;
	out->data_rows = out->scheduled_ms = -1;
	out->evaluation.retry_ms = out->evaluation.asked_ms = -1;
	return 0;
}

/* Its verdicts and what they were asked: while they cannot be read, nothing new goes on. */
static void find_model_status(struct controller *c, struct task *task)
{
	struct desired_deployment *desired = &task->desired;
	struct key *key = desired->model ? key_find(c, NULL, desired->model->meta.name) : NULL;
	struct model_status *status;
	const char *recovered;
	struct err err = {0};

	if (!key)
		return;
	status = arena_new(&c->arena, struct model_status);
	if (model_history(c, key, status, &recovered, &err)) {
		log_warn("%s: %s", key->id, err.text);
		desired->promotions_blocked = task->looks_again = true;
	} else {
		desired->model_status = status;
	}
}

/* After a restart the index does not know what was accepted before a file was broken: the status
 * does. */
static void remember_accepted(struct controller *c, enum kind kind, const struct key *key,
                              const char *manifest)
{
	struct oid blob = {""};

	if (!manifest)
		return;
	snprintf(blob.hex, sizeof(blob.hex), "%s", manifest);
	fleet_accept(c->fleet, kind, key->environment, key->name, NULL, blob);
}

/* Without a copy in the state folder, the evidence of the newest decision about this rollout
 * stands; what came after it is dropped for both arms. */
static void recall_decided(struct evidence *evidence, const struct deployment_status *history)
{
	const struct evidence *decided = history->decided;

	if (evidence->revision.hex[0] || evidence->stable.hex[0] || !decided ||
	    !digest_same(decided->revision, history->candidate) ||
	    strcmp(decided->stable.hex, history->stable.hex) != 0 ||
	    decided->judged_ms < history->rollout_since_ms)
		return;
	*evidence = *decided;
	evidence->judged_ms = -1;
}

static void add_authors(struct controller *c, struct desired_deployment *desired, struct oid since,
                        const struct source_ref *at)
{
	struct strings *list = &desired->authors, some;
	struct err err = {0};

	if (c->ports.git.authors(c->ports.git.self, since, c->applied, at->path, &c->arena, &some,
	                         &err)) {
		desired->authors_unknown = arena_printf(&c->arena, "%s: who changed it: %s", at->path,
		                                        err.text);
		return;
	}
	for (size_t i = 0; i < some.n; i++)
		*list_push(&c->arena, &list->items, &list->n) = some.items[i];
}

/* Only where it matters: of a version that a gate refused, which was loosened since. Where they
 * cannot be found, approvals wait, and nothing else does. */
static void find_authors(struct controller *c, struct desired_deployment *desired,
                         const struct deployment_status *history)
{
	const struct model_version *version = desired->version;
	struct oid since = {""};

	if (!version || !desired->model || !desired->known ||
	    !gate_loosened(subject_digest(version->artifact.digest, &version->serve,
	                                  &desired->model->interface),
	                   desired->model, desired->policy, desired->model_status, &c->arena))
		return;
	if (history->n_promoted && history->promoted[0].commit)
		snprintf(since.hex, sizeof(since.hex), "%s", history->promoted[0].commit);
	add_authors(c, desired, since, &desired->deployment->meta.at);
	if (!desired->authors_unknown)
		add_authors(c, desired, since, &desired->model->meta.at);
	if (!desired->authors_unknown && desired->policy)
		add_authors(c, desired, since, &desired->policy->meta.at);
}

/* Plans one deployment from `task->observed`. */
int task_deployment(struct controller *c, struct task *task, struct err *err)
{
	struct rollout_input input = {
		.observed = task->observed,
		.requests = task->requests,
		.n_requests = task->n_requests,
		.now_ms = c->wall_ms,
		.clock_jumped = c->now_ms < c->steady_from_ms,
	};
	const struct deployment *declared;
	struct err ignored = {0};

	if (deployment_history(c, task->key, &input.history, &input.recovered, err))
		return -1;
	if ((!task->key->row.known && task->key->has_status) || task->key->unreadable) {
		key_row(task->key, &input.history);
		c->readme_stale = c->readme_stale || task->key->unreadable;
		task->key->unreadable = false;
	}
	remember_accepted(c, KIND_MODEL_DEPLOYMENT, task->key, input.history.observed_manifest);
	fleet_desired(c->fleet, task->key->environment, task->key->name, c->applied.hex, fleet_blob,
	              c, &c->arena, &task->desired);
	if (task->desired.environment &&
	    zones_of_environment(task->desired.environment, c->wall_ms, &c->arena,
	                         &task->desired.zones, &ignored))
		log_debug("%s: %s", task->key->id, ignored.text); /* its window counts as closed */
	task->desired.known = task->desired.known && desired_known(c) && !c->unread;
	find_model_status(c, task);
	find_authors(c, &task->desired, &input.history);
	task->looks_again = task->looks_again || task->desired.authors_unknown;
	declared = task->desired.deployment;
	evidence_load(c, task->key, &task->evidence);
	recall_decided(&task->evidence, &input.history);
	if (declared && task->observed.known)
		gate_fold(&task->evidence, &task->observed, &input.history, &declared->rollout,
		          c->wall_ms, &c->arena);
	if (declared && task->observed.known && task->desired.model)
		gate_labels(&task->evidence, &task->observed, &input.history,
		            &task->desired.model->interface.output, c->wall_ms, &c->arena);
	if (declared && task->observed.known)
		watch_metrics(c, task, &input.history);
	input.desired = task->desired;
	input.evidence = task->evidence;
	task->rollout = plan_rollout(&input, &c->arena);
	task->plan = &task->rollout.plan;
	task->history = arena_memdup(&c->arena, &input.history, sizeof(input.history));
	return 0;
}

/* The deployments of a model with their statuses, sorted by environment and name. */
static int model_targets(struct controller *c, const char *model, struct training_input *input,
                         struct err *err)
{
	const char **names;
	size_t n = fleet_deployments_of(c->fleet, model, &c->arena, &names);
	struct target *targets = arena_array(&c->arena, n, struct target);

	for (size_t i = 0; i < n; i++) {
		const char *slash = strchr(names[i], '/');
		char *environment = arena_strndup(&c->arena, names[i], (size_t)(slash - names[i]));
		struct key *key = key_need(c, environment, slash + 1);
		struct desired_deployment desired = {0};
		struct deployment_status *status;
		const char *recovered; /* told where its own key is planned */

		fleet_desired(c->fleet, environment, slash + 1, c->applied.hex, fleet_blob, c, &c->arena,
		              &desired);
		if (!desired.deployment || !desired.environment)
			continue;
		status = arena_new(&c->arena, struct deployment_status);
		if (deployment_history(c, key, status, &recovered, err))
			return -1;
		targets[input->n_targets++] =
			(struct target){desired.deployment, desired.environment, status};
	}
	input->targets = targets;
	return 0;
}

static void model_versions(struct controller *c, const char *model, struct training_input *input)
{
	const char **names;
	size_t n = fleet_versions_of(c->fleet, model, &c->arena, &names);
	const struct model_version **versions =
		arena_array(&c->arena, n, const struct model_version *);

	for (size_t i = 0; i < n; i++) {
		struct object object = {0};

		if (fleet_get(c->fleet, KIND_MODEL_VERSION, NULL, names[i], fleet_blob, c, &c->arena,
		              &object, NULL, NULL) == DECLARED_OK)
			versions[input->n_versions++] = object.version;
	}
	input->versions = versions;
}

static void add_tree(struct controller *c, struct digest_stream *stream, const char *folder)
{
	struct oid tree = {""};
	struct err err = {0};

	if (folder && c->ports.git.tree_id(c->ports.git.self, c->applied, folder, &tree, &err)) {
		c->unread = c->unread || err.kind != ERR_STALLED;
		tree.hex[0] = 0;
	}
	digest_add_field(stream, tree.hex);
}

/* What it is trained and served from. */
static struct digest sources_digest(struct controller *c, const struct model *model)
{
	struct digest_stream *stream = digest_begin();

	add_tree(c, stream, model->train ? model->train->source : NULL);
	add_tree(c, stream, model->serve.source);
	return digest_end(stream);
}

/* What a run depends on beside its data: a change of it makes a running run worthless. */
static struct digest train_digest(struct controller *c, const struct model *model)
{
	struct digest_stream *stream = digest_begin();

	add_tree(c, stream, model->train ? model->train->source : NULL);
	model_digest_training(stream, model);
	return digest_end(stream);
}

/* What people look at before a version with another one replaces what serves. */
static struct digest terms_digest(struct controller *c, const struct model *model,
                                  const struct gate_policy *policy)
{
	struct digest_stream *stream = digest_begin();

	add_tree(c, stream, model->train ? model->train->source : NULL);
	model_digest_terms(stream, model);
	digest_add_field(stream, gate_digest(model, policy, &c->arena).hex);
	return digest_end(stream);
}

/* The policy that the model's gates name; false when there is one that cannot be read. */
static bool model_policy(struct controller *c, const struct model *model,
                         const struct gate_policy **out)
{
	struct object object = {0};

	if (!model->gates.policy)
		return true;
	if (fleet_get(c->fleet, KIND_GATE_POLICY, NULL, model->gates.policy, fleet_blob, c, &c->arena,
	              &object, NULL, NULL) != DECLARED_OK)
		return false;
	*out = object.policy;
	return true;
}

static bool waits_for(const struct model *model, const char *event)
{
	for (size_t i = 0; i < model->n_triggers; i++)
		if (model->triggers[i].kind == TRIGGER_EVENT && !strcmp(model->triggers[i].event, event))
			return true;
	return false;
}

/* A named event is a kick of the models that wait for it, and nothing to all others. */
static void add_events(struct controller *c, const struct task *task,
                       struct training_input *input)
{
	const struct key *key = task->key;
	struct request *requests;
	char when[TIME_TEXT];

	if (key->n_events == 0)
		return;
	requests = arena_array(&c->arena, input->n_requests + key->n_events, struct request);
	if (input->n_requests)
		memcpy(requests, input->requests, input->n_requests * sizeof(*requests));
	for (size_t i = 0; i < key->n_events; i++) {
		if (!waits_for(input->model, key->events[i].name))
			continue;
		format_time(key->events[i].at_ms, when);
		requests[input->n_requests++] =
			(struct request){.verb = REQUEST_KICK, .expires_ms = -1,
			                 .event = arena_strdup(&c->arena, key->events[i].name),
			                 .by = arena_printf(&c->arena, "webhook at %s", when)};
	}
	input->requests = requests;
}

static bool has_trigger(const struct model *model, enum trigger_kind kind)
{
	for (size_t i = 0; i < model->n_triggers; i++)
		if (model->triggers[i].kind == kind)
			return model->train != NULL;
	return false;
}

/* Until the data is counted whole, nothing is known of it. */
static void look_at_data(struct controller *c, struct task *task, struct training_input *input)
{
	const struct data_spec *data = &task->model->data;
	const struct source_ref *at = &task->model->meta.at;
	struct data_seen *seen = arena_new(&c->arena, struct data_seen);
	struct err err = {0};
	bool content = has_trigger(task->model, TRIGGER_DATA);
	const char *path, *text;

	if (task->model->train && run_data_path(c, data->uri, &path, &err)) {
		input->barred = true;
		input->problem = arena_printf(&c->arena, "%s:%d: %s", at->path, (int)at->line, err.text);
		return;
	}
	if (!content && !has_trigger(task->model, TRIGGER_NEW_ROWS))
		return;
	task->looks_again = true;
	if (c->ports.data.look(c->ports.data.self, path, data->format, content, seen, &err)) {
		input->problem = arena_strdup(&c->arena, err.text);
		return;
	}
	task->pending = seen->counting;
	if (seen->counting)
		return;
	text = arena_printf(&c->arena, "%s %lld", seen->first.hex, (long long)seen->rows);
	input->data = seen;
	input->data_digest = digest_of(text, strlen(text));
}

/* Plans one model's retraining cycle. A model that is not declared (any more) plans nothing. */
int task_model(struct controller *c, struct task *task, struct err *err)
{
	struct training_input input = {
		.commit = c->applied.hex,
		.requests = task->requests,
		.n_requests = task->n_requests,
		.open_branches = c->heads.branches,
		.n_open_branches = c->heads.n_branches,
		.now_ms = c->wall_ms,
	};
	struct object object = {0};
	struct oid blob = {""};
	enum declared declared;

	if (model_history(c, task->key, &input.history, &input.recovered, err))
		return -1;
	remember_accepted(c, KIND_MODEL, task->key, input.history.observed_manifest);
	declared = fleet_get(c->fleet, KIND_MODEL, NULL, task->key->name, fleet_blob, c, &c->arena,
	                     &object, &blob, NULL);
	if (!object.model && c->unread)
		return err_set(err, ERR_TRANSIENT, "its declaration cannot be read now");
	if (!object.model || declared == DECLARED_ABSENT) {
		task->undeclared = true;
		return 0;
	}
	task->model = input.model = object.model;
	add_events(c, task, &input);
	input.known = desired_known(c) && declared == DECLARED_OK;
	input.manifest = arena_strdup(&c->arena, blob.hex);
	look_at_data(c, task, &input);
	input.train_digest = train_digest(c, object.model);
	input.sources = sources_digest(c, object.model);
	if (zones_of_model(object.model, c->wall_ms, &c->arena, &input.zones, err)) {
		input.problem = arena_strdup(&c->arena, err->text);
		*err = (struct err){0};
	}
	model_versions(c, task->key->name, &input);
	if (model_targets(c, task->key->name, &input, err))
		return -1;
	input.known = input.known && model_policy(c, object.model, &input.policy);
	input.terms = terms_digest(c, object.model, input.policy);
	if (c->unread) /* what is left out would be out of a proposal, or a change that nobody made */
		return err_set(err, ERR_TRANSIENT, "some of the fleet cannot be read now");
	run_observe(c, input.history.run, &input.run);
	run_observe(c, input.history.evaluation.run, &input.evaluation);
	task->key->running = run_active(&input.run) + run_active(&input.evaluation);
	task->training = plan_training(&input, &c->arena);
	task->plan = &task->training.plan;
	return 0;
}

/* What a deployment predicts; NULL: not known. */
static const struct output_spec *output_of(struct controller *c, const struct key *key)
{
	struct desired_deployment desired;

	fleet_desired(c->fleet, key->environment, key->name, c->applied.hex, fleet_blob, c, &c->arena,
	              &desired);
	return desired.model ? &desired.model->interface.output : NULL;
}

/* One batch for all deployments among the tasks. */
int task_observe(struct controller *c, struct task *tasks, size_t n, struct err *err)
{
	struct serving_look *looks = arena_array(&c->arena, n, struct serving_look);
	struct observed *observed = arena_array(&c->arena, n, struct observed);
	size_t n_looks = 0;

	for (size_t i = 0; i < n; i++)
		if (tasks[i].key->environment)
			looks[n_looks++] = (struct serving_look){
				{tasks[i].key->environment, tasks[i].key->name}, output_of(c, tasks[i].key)};
	if (!n_looks)
		return 0;
	if (c->ports.serving.observe(c->ports.serving.self, looks, n_looks, &c->arena, observed, err))
		return err_wrap(err, "serving");
	n_looks = 0;
	for (size_t i = 0; i < n; i++)
		if (tasks[i].key->environment)
			tasks[i].observed = observed[n_looks++];
	return 0;
}
