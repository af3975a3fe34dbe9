/* Everything that is wrong with the fleet, as `linnet validate` says it: complaints of decoding,
 * names declared twice, versions that changed, references to what is not there. */
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "base/limits.h"
#include "base/zone.h"
#include "manifest/index.h"

/* So many names around the one in question are looked at for a likely spelling. */
enum { NEAREST_NAMES = 2000 };

struct diagnosis {
	struct fleet *fleet;
	manifest_read *load;
	manifest_has_folder *has_folder;
	void *self;
	struct decoder decoder; /* of the file at hand, in the fleet's scratch memory */
};

/* ---- Names that are not there ---- */

/* The nearest declared name of a kind, without the `skip` bytes that they all begin with. */
static const char *nearest_name(const struct diagnosis *diagnosis, enum kind kind, const char *key,
                                size_t skip)
{
	const struct map *items = &diagnosis->fleet->items[kind];
	size_t at = map_lower_bound(items, key);
	size_t from = at < NEAREST_NAMES / 2 ? 0 : at - NEAREST_NAMES / 2;
	const char **names = NULL;
	size_t n = 0;

	for (size_t i = from; i < items->n && n < NEAREST_NAMES; i++) {
		const struct item *item = items->entries[i].value;

		if (item_exists(item) && strncmp(item->key, key, skip) == 0)
			*list_push(diagnosis->decoder.arena, &names, &n) = item->key + skip;
	}
	return nearest(key + skip, names, (int)n);
}

static bool is_declared(const struct diagnosis *diagnosis, enum kind kind, const char *key)
{
	const struct item *item = fleet_find(diagnosis->fleet, kind, key);

	return item && item_exists(item);
}

static void complain_missing(struct diagnosis *diagnosis, const struct node *at, enum kind kind,
                             const char *key, size_t skip)
{
	const char *near = nearest_name(diagnosis, kind, key, skip);

	if (near)
		complain(&diagnosis->decoder, at, "there is no %s '%s'; did you mean '%s'?",
		         kind_names.names[kind], key, near);
	else
		complain(&diagnosis->decoder, at, "there is no %s '%s'; declare it in a file of its own",
		         kind_names.names[kind], key);
}

/* Complains unless the object that the field at `path` names is declared. */
static bool check_name(struct diagnosis *diagnosis, const struct node *document, const char *path,
                       enum kind kind, const char *key, size_t skip)
{
	if (is_declared(diagnosis, kind, key))
		return true;
	complain_missing(diagnosis, node_near(document, path), kind, key, skip);
	return false;
}

/* ---- One document beside the others ---- */

struct check_context {
	struct diagnosis *diagnosis;
	const struct node *document;
};

static void complain_check(void *ctx, const char *path, const char *message)
{
	struct check_context *context = ctx;

	complain_at(&context->diagnosis->decoder, context->document, path, message);
}

static struct object get(struct diagnosis *diagnosis, enum kind kind, const char *name)
{
	struct object object;

	fleet_get(diagnosis->fleet, kind, NULL, name, diagnosis->load, diagnosis->self,
	          diagnosis->decoder.arena, &object, NULL, NULL);
	return object;
}

static void check_source(struct diagnosis *diagnosis, const struct node *document,
                         const char *path, const char *source)
{
	if (source && diagnosis->has_folder && !diagnosis->has_folder(diagnosis->self, source))
		complain(&diagnosis->decoder, node_near(document, path), "there is no folder '%s'; write"
		         " its path from the root of the repository, or add it", source);
}

static void check_policy(struct diagnosis *diagnosis, const struct node *document,
                         const struct model *model)
{
	struct check_context context = {diagnosis, document};
	const char *name = model->gates.policy;
	const struct gate_policy *policy;

	if (!check_name(diagnosis, document, "spec.gates.policy", KIND_GATE_POLICY, name, 0))
		return;
	policy = get(diagnosis, KIND_GATE_POLICY, name).policy;
	if (policy)
		model_check_policy(model, policy, complain_check, &context);
}

static bool serves_in(const struct diagnosis *diagnosis, const char *model, const char *environment)
{
	const struct item *item = fleet_find(diagnosis->fleet, KIND_MODEL, model);
	size_t len = strlen(environment);

	for (const struct item *user = item ? item->users : NULL; user; user = user->next_user) {
		if (user->kind == KIND_MODEL_DEPLOYMENT && strncmp(user->key, environment, len) == 0 &&
		    user->key[len] == '/')
			return true;
	}
	return false;
}

static void check_promotion(struct diagnosis *diagnosis, const struct node *document,
                            const struct deployment *deployment)
{
	const char *path = "spec.promotion.from", *from = deployment->promotion->from;

	if (check_name(diagnosis, document, path, KIND_ENVIRONMENT, from, 0) &&
	    !serves_in(diagnosis, deployment->model, from))
		complain(&diagnosis->decoder, node_near(document, path),
		         "no ModelDeployment of Model '%s' is in Environment '%s', so nothing would ever be"
		         " promoted; declare one there, or remove promotion", deployment->model, from);
}

static void check_deployment(struct diagnosis *diagnosis, const struct node *document,
                             const struct deployment *deployment)
{
	struct check_context context = {diagnosis, document};
	const struct model *model = NULL;
	const struct model_version *version = NULL;
	const struct environment *environment = NULL;
	const char *namespace = deployment->meta.namespace;

	if (check_name(diagnosis, document, "metadata.namespace", KIND_ENVIRONMENT, namespace, 0))
		environment = get(diagnosis, KIND_ENVIRONMENT, namespace).environment;
	if (check_name(diagnosis, document, "spec.model", KIND_MODEL, deployment->model, 0))
		model = get(diagnosis, KIND_MODEL, deployment->model).model;
	if (deployment->version && model) {
		const char *key = arena_printf(diagnosis->decoder.arena, "%s-%s", deployment->model,
		                               deployment->version);

		if (check_name(diagnosis, document, "spec.version", KIND_MODEL_VERSION, key,
		               strlen(deployment->model) + 1))
			version = get(diagnosis, KIND_MODEL_VERSION, key).version;
	}
	if (deployment->promotion)
		check_promotion(diagnosis, document, deployment);
	deployment_check_refs(deployment, model, version, environment, complain_check, &context);
}

static void check_zone(struct diagnosis *diagnosis, const struct node *document, const char *path,
                       const char *name)
{
	struct zone zone;
	struct err err = {0};
	const char *near;

	if (!name || !zone_load(name, 0, 0, &zone, &err))
		return;
	near = zone_nearest(name, diagnosis->decoder.arena);
	if (near)
		complain(&diagnosis->decoder, node_near(document, path),
		         "there is no time zone '%s'; did you mean '%s'?", name, near);
	else
		complain(&diagnosis->decoder, node_near(document, path), "%s", err.text);
}

static void check_zones(struct diagnosis *diagnosis, const struct document *document)
{
	const struct object *object = &document->object;
	struct arena *arena = diagnosis->decoder.arena;

	for (size_t i = 0; object->kind == KIND_MODEL && i < object->model->n_triggers; i++)
		check_zone(diagnosis, document->node, arena_printf(arena, "spec.triggers[%zu].timeZone", i),
		           object->model->triggers[i].time_zone);
	for (size_t i = 0; object->kind == KIND_ENVIRONMENT && i < object->environment->n_windows; i++)
		check_zone(diagnosis, document->node, arena_printf(arena, "spec.windows[%zu].timeZone", i),
		           object->environment->windows[i].time_zone);
}

static void check_references(struct diagnosis *diagnosis, const struct document *document)
{
	const struct object *object = &document->object;

	switch (object->kind) {
	case KIND_MODEL:
		if (object->model->train)
			check_source(diagnosis, document->node, "spec.train.source",
			             object->model->train->source);
		check_source(diagnosis, document->node, "spec.serve.source", object->model->serve.source);
		if (object->model->gates.policy)
			check_policy(diagnosis, document->node, object->model);
		break;
	case KIND_MODEL_VERSION:
		check_name(diagnosis, document->node, "spec.model", KIND_MODEL, object->version->model, 0);
		break;
	case KIND_MODEL_DEPLOYMENT:
		check_deployment(diagnosis, document->node, object->deployment);
		break;
	case KIND_ENVIRONMENT:
	case KIND_GATE_POLICY:
	case KINDS:
		break;
	}
}

/* Twice, or a ModelVersion that is not what it was. */
static void check_declared_once(struct diagnosis *diagnosis, const struct document *document)
{
	const char *key = object_key(diagnosis->decoder.arena, document->kind, document->namespace,
	                             document->name);
	const struct item *item = fleet_find(diagnosis->fleet, document->kind, key);
	const char *kind = kind_names.names[document->kind];
	const struct node *name = node_near(document->node, "metadata.name");

	if (!item || !item->first)
		return;
	for (const struct declaration *other = item->first; other; other = other->next) {
		if (strcmp(other->file->path, diagnosis->decoder.path) != 0 ||
		    other->line != document->line)
			complain(&diagnosis->decoder, name, "%s '%s' is declared twice, here and at %s:%d;"
			         " keep one of them", kind, key, other->file->path, other->line);
	}
	if (!item->first->next && document->accepted && !item_accepted(item))
		complain(&diagnosis->decoder, name, "ModelVersion '%s' has changed; a version never changes"
		         " once it is merged: restore it, or add a new one", key);
}

/* ---- All files ---- */

static void diagnose_file(struct diagnosis *diagnosis, const struct file *file)
{
	struct documents documents;
	struct bytes text;
	struct err err = {0};

	if (diagnosis->load(diagnosis->self, file->blob, diagnosis->decoder.arena, &text, &err) < 0) {
		complain(&diagnosis->decoder, NULL, "%s", err.text);
		return;
	}
	documents_decode(file->path, text.data, text.len, diagnosis->decoder.arena, &documents,
	                 diagnosis->decoder.diagnostics);
	for (size_t i = 0; i < documents.n; i++) {
		check_declared_once(diagnosis, &documents.items[i]);
		if (!documents.items[i].accepted)
			continue;
		check_references(diagnosis, &documents.items[i]);
		check_zones(diagnosis, &documents.items[i]);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct diagnostic *left = a, *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	if (left->column != right->column)
		return left->column < right->column ? -1 : 1;
	return strcmp(left->message, right->message);
}

static void keep(const struct diagnostics *found, struct arena *arena, struct diagnostics *out)
{
	for (size_t i = 0; i < found->n && out->n < LIMIT_DIAGNOSTICS; i++) {
		const struct diagnostic *one = &found->items[i];

		*list_push(arena, &out->items, &out->n) =
			(struct diagnostic){arena_strdup(arena, one->path), one->line, one->column,
			                    arena_strdup(arena, one->message)};
	}
}

void fleet_diagnose(struct fleet *fleet, manifest_read *read, manifest_has_folder *has_folder,
                    void *self, struct arena *arena, struct diagnostics *out)
{
	fleet_settle(fleet);
	for (size_t i = 0; i < fleet->files.n && out->n < LIMIT_DIAGNOSTICS; i++) {
		const struct file *file = fleet->files.entries[i].value;
		struct diagnostics found = {0};
		struct diagnosis diagnosis = {
			fleet, read, has_folder, self,
			{.arena = &fleet->scratch, .path = file->path, .diagnostics = &found},
		};

		arena_reset(&fleet->scratch);
		diagnose_file(&diagnosis, file);
		if (found.n > 1)
			qsort(found.items, found.n, sizeof(*found.items), by_place);
		keep(&found, arena, out);
	}
	arena_reset(&fleet->scratch);
}
