/* linnet plan: what a merge of HEAD would do, from Git alone. */
#include <string.h>
#include <time.h>

#include "gate/gate.h"
#include "plan/plan.h"
#include "view.h"

enum change_kind { CHANGE_CREATE, CHANGE_ROLLOUT, CHANGE_RETIRE, CHANGE_PARAMETERS, CHANGE_MODEL };
static const char *const change_names[] = {"create", "rollout", "retire", "parameters", "model"};

struct change {
	enum change_kind kind;
	const char *key;  /* "production/risk" or a model's name */
	const char *what; /* "v1 -> v2" */
	const char *then; /* what the controller does first, and what it will wait for */
};

/* Both sides, and the live state as the status branch last told it. */
struct comparison {
	const struct options *options;
	struct view head, base;
	struct status_view status;
	bool live;
	struct change *changes;
	size_t n;
};

static struct deployment_status *live_status(struct comparison *cmp, const char *environment,
                                             const char *name, struct err *err)
{
	struct options one = *cmp->options;
	struct deployment_status *status;
	size_t n;

	one.args[0] = arena_printf(one.arena, "%s/%s", environment, name);
	one.n_args = 1;
	if (status_deployments(&cmp->status, &one, &status, &n, err) || n == 0)
		return NULL;
	return status;
}

/* The world as it was when the status was written: what it says serves, serves. */
static struct observed remembered(struct comparison *cmp, const struct deployment_status *status)
{
	struct arena *arena = cmp->options->arena;
	struct observed observed = {.known = true, .router = status->router};

	if (!status->stable.hex[0])
		return observed;
	observed.n_replicas = (size_t)(status->replicas > 0 ? status->replicas : 1);
	observed.replicas = arena_array(arena, observed.n_replicas, struct replica);
	for (size_t i = 0; i < observed.n_replicas; i++)
		observed.replicas[i] = (struct replica){.revision = status->stable, .slot = (int)i,
		                                        .state = REPLICA_READY, .in_rotation = true};
	observed.n_weights = 1;
	observed.weights = arena_array(arena, 1, struct revision_weight);
	observed.weights[0] = (struct revision_weight){status->stable, 1};
	return observed;
}

/* What the planner would do first: its own words. */
static const char *first_step(struct comparison *cmp, const struct desired_deployment *desired,
                              const struct deployment_status *status)
{
	struct arena *arena = cmp->options->arena;
	struct rollout_input input = {.desired = *desired, .now_ms = (int64_t)time(NULL) * 1000};
	struct rollout_output output;

	if (!status)
		return "live state unknown; decided by the controller";
	input.history = *status;
	input.observed = remembered(cmp, status);
	output = plan_rollout(&input, arena);
	if (output.next.phase == status->phase && output.plan.n_actions == 0)
		return output.next.message ? output.next.message : "nothing to do";
	return arena_printf(arena, "%s%s%s", phase_names.names[output.next.phase],
	                    output.next.message ? ": " : "",
	                    output.next.message ? output.next.message : "");
}

static const char *version_of(const struct desired_deployment *desired)
{
	return desired->deployment && desired->deployment->version ? desired->deployment->version
	                                                           : "none";
}

/* "canary 5 % -> 25 % -> 100 %" */
static const char *steps_text(struct arena *arena, const struct deployment *deployment)
{
	struct buf text;
	char *copy;

	if (deployment->rollout.strategy == STRATEGY_RECREATE)
		return "recreate";
	buf_init(&text, 1024);
	buf_puts(&text, "canary ");
	for (size_t i = 0; i < deployment->rollout.n_steps; i++) {
		if (i)
			buf_puts(&text, " -> ");
		buf_percent(&text, deployment->rollout.steps[i].weight);
	}
	copy = arena_strdup(arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

static void add(struct comparison *cmp, enum change_kind kind, const char *key, const char *what,
                const char *then)
{
	struct change *change = list_push(cmp->options->arena, &cmp->changes, &cmp->n);

	*change = (struct change){kind, key, what, then};
}

static void compare_rollout(struct comparison *cmp, const char *key,
                            const struct desired_deployment *old,
                            const struct desired_deployment *new,
                            const struct deployment_status *status)
{
	struct arena *arena = cmp->options->arena;
	struct revision before = desired_revision(old, arena), after = desired_revision(new, arena);
	const char *what;

	if (strcmp(before.digest.hex, after.digest.hex)) {
		what = arena_printf(arena, "%s -> %s, %s", version_of(old), version_of(new),
		                    steps_text(arena, new->deployment));
		add(cmp, CHANGE_ROLLOUT, key, what, first_step(cmp, new, status));
	} else if (strcmp(old->manifest, new->manifest)) {
		what = arena_printf(arena, "the revision %s stays; %lld replicas, %s", version_of(new),
		                    (long long)new->deployment->replicas,
		                    steps_text(arena, new->deployment));
		add(cmp, CHANGE_PARAMETERS, key, what, first_step(cmp, new, status));
	}
}

static void compare_deployment(struct comparison *cmp, const char *key)
{
	struct arena *arena = cmp->options->arena;
	const char *slash = strchr(key, '/');
	char *environment = arena_strndup(arena, key, (size_t)(slash - key));
	struct desired_deployment old = {0}, new = {0};
	struct deployment_status *status = NULL;
	struct err ignored = {0};
	char keep[TIME_TEXT];

	fleet_desired(cmp->base.fleet, environment, slash + 1, cmp->base.commit.hex, view_read,
	              &cmp->base, arena, &old);
	fleet_desired(cmp->head.fleet, environment, slash + 1, cmp->head.commit.hex, view_read,
	              &cmp->head, arena, &new);
	old.known = new.known = true;
	if (cmp->live)
		status = live_status(cmp, environment, slash + 1, &ignored);
	if (!new.deployment && old.deployment) {
		format_duration(old.deployment->rollout.keep_previous_ms, keep);
		add(cmp, CHANGE_RETIRE, key,
		    arena_printf(arena, "%s serves on for %s, then drains and stops", version_of(&old),
		                 keep),
		    "a rename is a deletion and a creation");
	} else if (new.deployment && !old.deployment) {
		add(cmp, CHANGE_CREATE, key,
		    arena_printf(arena, "%s, %lld replicas", version_of(&new),
		                 (long long)new.deployment->replicas),
		    status ? first_step(cmp, &new, status) : "a first deployment takes 100 % once its "
		                                             "checks pass");
	} else if (new.deployment) {
		compare_rollout(cmp, key, &old, &new, status);
	}
}

static struct digest model_training(struct comparison *cmp, struct view *view, const char *name,
                                    bool *declared)
{
	struct object object = {0};
	struct digest_stream *stream = digest_begin();
	struct oid tree = {""};
	struct err absent = {0};

	*declared = fleet_get(view->fleet, KIND_MODEL, NULL, name, view_read, view,
	                      cmp->options->arena, &object, NULL, NULL) != DECLARED_ABSENT &&
	            object.model;
	if (*declared) {
		if (object.model->train && object.model->train->source &&
		    objects_tree(view->objects, view->commit, object.model->train->source, &tree,
		                 &absent))
			tree.hex[0] = 0;
		digest_add_field(stream, tree.hex);
		model_digest_training(stream, object.model);
	}
	return digest_end(stream);
}

static struct named_number *demands_of(struct comparison *cmp, struct view *view, const char *name,
                                       size_t *n)
{
	struct arena *arena = cmp->options->arena;
	struct object model = {0}, policy = {0};

	fleet_get(view->fleet, KIND_MODEL, NULL, name, view_read, view, arena, &model, NULL, NULL);
	if (model.model && model.model->gates.policy)
		fleet_get(view->fleet, KIND_GATE_POLICY, NULL, model.model->gates.policy, view_read, view,
		          arena, &policy, NULL, NULL);
	return gate_demands(model.model, policy.policy, arena, n);
}

/* The model's own gates, and those of the policy that it names. */
static void compare_gates(struct comparison *cmp, const char *name)
{
	struct arena *arena = cmp->options->arena;
	size_t n_old, n_new;
	struct named_number *old = demands_of(cmp, &cmp->base, name, &n_old);
	struct named_number *new = demands_of(cmp, &cmp->head, name, &n_new);
	const char *looser = gate_looser(old, n_old, new, n_new, arena);

	if (looser)
		add(cmp, CHANGE_MODEL, name, arena_printf(arena, "its gate is looser: %s", looser),
		    "what the stricter gate refused needs one more approval");
}

static void compare_model(struct comparison *cmp, const char *name)
{
	bool was, is;
	struct digest before = model_training(cmp, &cmp->base, name, &was);
	struct digest after = model_training(cmp, &cmp->head, name, &is);

	if (!was && is)
		add(cmp, CHANGE_MODEL, name, "declared",
		    "trains its first version unless one is in the branch; decided by the controller");
	else if (was && !is)
		add(cmp, CHANGE_MODEL, name, "no longer declared", "no more training runs");
	else if (!digest_same(before, after))
		add(cmp, CHANGE_MODEL, name, "its interface, training section or source changes",
		    "a run under way is started again; its next proposal is at most `approve`");
	if (was && is)
		compare_gates(cmp, name);
}

/* Names of both sides, each once, in order. */
static void for_each(struct comparison *cmp, enum kind kind,
                     void (*compare)(struct comparison *, const char *))
{
	struct arena *arena = cmp->options->arena;
	const char **head, **base;
	size_t n_head = fleet_list(cmp->head.fleet, kind, arena, &head);
	size_t n_base = fleet_list(cmp->base.fleet, kind, arena, &base);
	size_t i = 0, j = 0;

	while (i < n_head || j < n_base) {
		int order = i == n_head ? 1 : j == n_base ? -1 : strcmp(head[i], base[j]);

		compare(cmp, order <= 0 ? head[i] : base[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

static void put_table(const struct comparison *cmp)
{
	static const char *const colours[] = {"32", "33", "31", "0", "0"};
	static const char *const signs[] = {"+", "~", "-", "~", "~"};

	printf("%s at %.10s against %.10s; %s\n", cmp->options->path, cmp->head.commit.hex,
	       cmp->base.commit.hex,
	       cmp->live ? "live state as of the status branch" : "live state unknown");
	for (size_t i = 0; i < cmp->n; i++) {
		const struct change *change = &cmp->changes[i];

		printf("\n");
		put_coloured(cmp->options, colours[change->kind],
		             arena_printf(cmp->options->arena, "%s %s %s", signs[change->kind],
		                          change_names[change->kind], change->key));
		printf(": %s\n    %s\n", change->what, change->then);
	}
	printf("\n%zu change%s\n", cmp->n, cmp->n == 1 ? "" : "s");
}

static void write_comparison(struct writer *writer, const void *context)
{
	const struct comparison *cmp = context;

	write_map(writer);
	write_member(writer, "head", cmp->head.commit.hex);
	write_member(writer, "base", cmp->base.commit.hex);
	write_key(writer, "live");
	write_raw(writer, cmp->live ? "true" : "false");
	write_key(writer, "changes");
	write_list(writer);
	for (size_t i = 0; i < cmp->n; i++) {
		write_map(writer);
		write_member(writer, "kind", change_names[cmp->changes[i].kind]);
		write_member(writer, "key", cmp->changes[i].key);
		write_member(writer, "what", cmp->changes[i].what);
		write_member(writer, "then", cmp->changes[i].then);
		write_map_end(writer);
	}
	write_list_end(writer);
	write_map_end(writer);
}

/* HEAD, and its merge base with `--base`. */
static int find_commits(struct comparison *cmp, struct oid *head, struct oid *base,
                        struct err *err)
{
	const struct options *options = cmp->options;
	struct objects *objects = cmp->status.objects;
	struct oid other;
	const char *name = options->base ? options->base : "origin/main";

	if (objects_shallow(objects))
		return err_set(err, ERR_STALLED,
		               "a shallow clone has no merge base; run git fetch --unshallow");
	if (objects_resolve(objects, "HEAD", head, err))
		return -1;
	if (objects_resolve(objects, name, &other, err))
		return err_set(err, ERR_STALLED, options->base ? "--base %s is no revision here"
		               : "%s is not here to compare HEAD with: run git fetch origin main, or name "
		               "another revision with --base", name);
	if (objects_merge_base(objects, *head, other, base, err))
		return -1;
	if (!base->hex[0])
		return err_set(err, ERR_STALLED, "HEAD and %s have no common ancestor", name);
	return 0;
}

static int complaints(struct comparison *cmp)
{
	struct diagnostics diagnostics = {0};

	fleet_diagnose(cmp->head.fleet, view_read, view_has_folder, &cmp->head, cmp->options->arena,
	               &diagnostics);
	for (size_t i = 0; i < diagnostics.n; i++)
		fprintf(stderr, "%s:%d:%d: %s\n", diagnostics.items[i].path, diagnostics.items[i].line,
		        diagnostics.items[i].column, diagnostics.items[i].message);
	return (int)diagnostics.n;
}

/* A plan of a wrong folder would be content for ever. Where HEAD has none but its merge base had,
 * they are deleted on purpose. */
static int check_declared(struct comparison *cmp, struct err *err)
{
	struct arena *arena = cmp->options->arena;
	struct oid tree;
	struct err absent = {0};

	if (!view_is_empty(&cmp->head, arena) || !view_is_empty(&cmp->base, arena))
		return 0;
	return err_set(err, ERR_STALLED, "there is no %s '%s' at HEAD; name the folder of the fleet's "
	               "manifests with --path",
	               objects_tree(cmp->head.objects, cmp->head.commit, cmp->options->path, &tree,
	                            &absent) ? "folder" : "manifest in", cmp->options->path);
}

int verb_plan(const struct options *options, struct err *err)
{
	struct comparison cmp = {.options = options};
	struct oid head, base;
	int result = -1;

	if (status_open(&cmp.status, options, err))
		return -1;
	cmp.live = cmp.status.tip.hex[0] != 0;
	if (find_commits(&cmp, &head, &base, err) ||
	    view_commit(&cmp.head, cmp.status.objects, head, options->path, options->arena, err) ||
	    view_commit(&cmp.base, cmp.status.objects, base, options->path, options->arena, err))
		goto done;
	if (complaints(&cmp)) {
		result = EXIT_ERROR;
		goto done;
	}
	if (check_declared(&cmp, err))
		goto done;
	for_each(&cmp, KIND_MODEL_DEPLOYMENT, compare_deployment);
	for_each(&cmp, KIND_MODEL, compare_model);
	if (options->output == OUTPUT_TABLE)
		put_table(&cmp);
	else
		put_document(options, write_comparison, &cmp);
	result = cmp.n ? EXIT_CHANGES : EXIT_NO_CHANGE;
done:
	view_close(&cmp.head);
	view_close(&cmp.base);
	status_close(&cmp.status);
	return result;
}
