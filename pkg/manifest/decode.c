/* Files to objects, with a complaint for everything that is wrong. */
#include "manifest/decode.h"

#include <string.h>

#include "api/check.h"
#include "base/limits.h"
#include "manifest/records.h"

#define API_GROUP "linnet.dev/"

const struct record *const kind_records[KINDS] = {
	[KIND_MODEL] = &model_record,
	[KIND_MODEL_VERSION] = &version_record,
	[KIND_MODEL_DEPLOYMENT] = &deployment_record,
	[KIND_ENVIRONMENT] = &environment_record,
	[KIND_GATE_POLICY] = &policy_record,
};

const char *object_key(struct arena *arena, enum kind kind, const char *namespace,
                       const char *name)
{
	if (kind != KIND_MODEL_DEPLOYMENT)
		return name;
	return arena_printf(arena, "%s/%s", namespace ? namespace : "", name);
}

int complain_at(struct decoder *decoder, const struct node *document, const char *path,
                const char *message)
{
	const struct node *near = node_near(document, path);
	struct node absent = {.line = near->line, .column = near->column, .parent = near};
	struct buf found;
	const char *rest = path;

	if (node_at(document, path))
		return complain(decoder, near, "%s", message);
	buf_init(&found, 1024);
	node_path(near, &found);
	if (strncmp(path, buf_text(&found), found.len) == 0)
		rest = path + found.len;
	absent.key = arena_strdup(decoder->arena, rest + (*rest == '.'));
	buf_deinit(&found);
	return complain(decoder, &absent, "%s", message);
}

/* ---- Which object a document declares ---- */

/* Documents of other tools are left alone; another version of ours is not another tool's. */
static bool is_ours(const struct node *node)
{
	const char *api_version = node_text(node, "apiVersion");

	return api_version && strncmp(api_version, API_GROUP, strlen(API_GROUP)) == 0;
}

static int identify_kind(struct decoder *decoder, const struct node *node, struct document *out)
{
	const struct node *version = node_get(node, "apiVersion"), *kind = node_get(node, "kind");
	const char *near;
	int found;

	if (strcmp(version->text, API_VERSION) != 0)
		return complain(decoder, version, "'%s' is not known here; write '%s'",
		                version->text, API_VERSION);
	if (!kind || kind->type != NODE_SCALAR)
		return complain(decoder, node, "required key 'kind' is missing");
	found = names_find(kind_names, kind->text);
	if (found >= 0) {
		out->kind = (enum kind)found;
		return 0;
	}
	near = nearest(kind->text, kind_names.names, kind_names.n);
	if (near)
		return complain(decoder, kind, "there is no '%s'; did you mean '%s'?", kind->text,
		                near);
	return complain(decoder, kind, "there is no '%s'", kind->text);
}

static const char *identify_name(struct decoder *decoder, const struct node *metadata,
                                 const char *key)
{
	const struct node *name = node_get(metadata, key);

	if (!name || name->type != NODE_SCALAR) {
		complain(decoder, metadata, "required key '%s' is missing; write %s", key,
		         strcmp(key, "name") ? "the Environment that it belongs to"
		                             : "a name of lower-case letters, digits and '-'");
		return NULL;
	}
	if (!is_name(name->text)) {
		complain(decoder, name, "'%.80s' is not a name; write at most %d lower-case letters,"
		         " digits and '-'", name->text, LIMIT_NAME);
		return NULL;
	}
	return name->text;
}

static int identify(struct decoder *decoder, const struct node *node, struct document *out)
{
	const struct node *metadata = node_get(node, "metadata");

	*out = (struct document){.node = node, .line = node->line};
	if (identify_kind(decoder, node, out) < 0)
		return -1;
	if (!metadata || metadata->type != NODE_MAP)
		return complain(decoder, node, "required key 'metadata' is missing");
	out->name = identify_name(decoder, metadata, "name");
	if (out->kind == KIND_MODEL_DEPLOYMENT)
		out->namespace = identify_name(decoder, metadata, "namespace");
	return out->name && (out->namespace || out->kind != KIND_MODEL_DEPLOYMENT) ? 0 : -1;
}

/* ---- Decoding it ---- */

struct check_context {
	struct decoder *decoder;
	const struct node *document;
};

static void complain_check(void *ctx, const char *path, const char *message)
{
	struct check_context *context = ctx;

	complain_at(context->decoder, context->document, path, message);
}

static int finish(struct decoder *decoder, const struct node *node, const struct object *object)
{
	const struct node *spec = node_get(node, "spec");

	switch (object->kind) {
	case KIND_MODEL:
		return model_finish(decoder, spec, object->model);
	case KIND_MODEL_VERSION:
		return version_finish(decoder, spec, object->version);
	case KIND_MODEL_DEPLOYMENT:
		return deployment_finish(decoder, spec, object->deployment);
	case KIND_ENVIRONMENT:
		return environment_finish(decoder, spec, object->environment);
	case KIND_GATE_POLICY:
		return policy_finish(decoder, spec, object->policy);
	case KINDS:
		break;
	}
	return 0;
}

static bool decode_document(struct decoder *decoder, struct document *document)
{
	const struct record *record = kind_records[document->kind];
	struct check_context context = {decoder, document->node};
	struct object object = {.kind = document->kind};

	object.meta = arena_alloc(decoder->arena, record->size);
	if (record_decode(decoder, record, document->node, object.meta) < 0)
		return false;
	object.meta->at = (struct source_ref){decoder->path, document->line};
	if (finish(decoder, document->node, &object) < 0 ||
	    object_check(&object, complain_check, &context) < 0)
		return false;
	document->object = object;
	return true;
}

void documents_decode(const char *path, const char *text, size_t len, struct arena *arena,
                      struct documents *out, struct diagnostics *diagnostics)
{
	struct decoder decoder = {.arena = arena, .path = path, .diagnostics = diagnostics};
	struct place place = {0};
	struct err err = {0};
	struct node **nodes;
	size_t n;

	*out = (struct documents){.path = path};
	if (yaml_parse(text, len, LIMIT_MANIFEST_BYTES, arena, &nodes, &n, &place, &err) < 0) {
		struct node at = {.line = place.line, .column = place.column};

		complain(&decoder, &at, "%s", err.text);
		out->unreadable = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct document document;

		if (nodes[i]->type == NODE_NULL || !is_ours(nodes[i]))
			continue;
		if (identify(&decoder, nodes[i], &document) < 0) {
			out->unreadable = true;
		} else {
			document.accepted = decode_document(&decoder, &document);
			*list_push(arena, &out->items, &out->n) = document;
		}
	}
}

void manifest_decode(const char *path, const char *text, size_t len, struct arena *arena,
                     struct file_objects *out, struct diagnostics *diagnostics)
{
	struct documents documents;

	*out = (struct file_objects){0};
	documents_decode(path, text, len, arena, &documents, diagnostics);
	for (size_t i = 0; i < documents.n; i++)
		if (documents.items[i].accepted)
			*list_push(arena, &out->objects, &out->n) = documents.items[i].object;
}
