/* One `version:` line changed, all else byte for byte: the commit that a promotion is. */
#include <string.h>

#include "base/limits.h"
#include "manifest/manifest.h"

static bool declares(const struct node *document, const char *namespace, const char *name)
{
	const char *api_version = node_text(document, "apiVersion");
	const char *kind = node_text(document, "kind");
	const struct node *metadata = node_get(document, "metadata");
	const char *found_name = node_text(metadata, "name");
	const char *found_namespace = node_text(metadata, "namespace");

	return api_version && strcmp(api_version, API_VERSION) == 0 && kind &&
	       strcmp(kind, kind_names.names[KIND_MODEL_DEPLOYMENT]) == 0 && found_name &&
	       strcmp(found_name, name) == 0 && found_namespace &&
	       strcmp(found_namespace, namespace) == 0;
}

/* The one document that declares the deployment, or NULL. */
static const struct node *find(const char *path, struct node **documents, size_t n,
                               const char *namespace, const char *name, struct err *err)
{
	const struct node *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!declares(documents[i], namespace, name))
			continue;
		if (found) {
			err_set(err, ERR_STALLED, "%s:%d: ModelDeployment '%s/%s' is declared twice; keep one"
			        " of them", path, documents[i]->line, namespace, name);
			return NULL;
		}
		found = documents[i];
	}
	if (!found)
		err_set(err, ERR_STALLED, "%s: does not declare ModelDeployment '%s/%s'", path, namespace,
		        name);
	return found;
}

static int edit(const char *path, const char *text, size_t len, const char *namespace,
                const char *name, const char *version, struct arena *arena, struct buf *out,
                struct err *err)
{
	const struct node *document, *line;
	struct place place = {0};
	struct node **documents;
	size_t n;

	if (yaml_parse(text, len, LIMIT_MANIFEST_BYTES, arena, &documents, &n, &place, err) < 0)
		return err_wrap(err, "%s:%d:%d", path, place.line, place.column);
	document = find(path, documents, n, namespace, name, err);
	if (!document)
		return -1;
	line = node_at(document, "spec.version");
	if (!line)
		return err_set(err, ERR_STALLED, "%s:%d: ModelDeployment '%s/%s' has no version line; add"
		               " 'version: none' under spec", path, document->line, namespace, name);
	if (yaml_edit_scalar(text, len, line, version ? version : "none", out, err) < 0)
		return err_wrap(err, "%s:%d:%d: spec.version", path, line->line, line->column);
	return 0;
}

int edit_version(const char *path, const char *text, size_t len, const char *namespace,
                 const char *name, const char *version, struct buf *out, struct err *err)
{
	enum { EDIT_BYTES_MAX = 128 << 20 };
	struct arena arena;
	int result;

	arena_init(&arena, EDIT_BYTES_MAX);
	result = edit(path, text, len, namespace, name, version, &arena, out, err);
	arena_deinit(&arena);
	return result;
}
