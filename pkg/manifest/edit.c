/* One `version:` line or the hold of a deployment changed, all else byte for byte: the commit that
 * a promotion is, and what a person asks for. */
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

struct edit {
	const char *path, *text;
	size_t len;
	const char *namespace, *name;
	struct arena arena;
	struct buf *out;
};

/* The node that declares the deployment, or NULL. */
static const struct node *parse(struct edit *edit, struct err *err)
{
	struct place place = {0};
	struct node **documents;
	size_t n;

	if (yaml_parse(edit->text, edit->len, LIMIT_MANIFEST_BYTES, &edit->arena, &documents, &n,
	               &place, err) < 0) {
		err_wrap(err, "%s:%d:%d", edit->path, place.line, place.column);
		return NULL;
	}
	return find(edit->path, documents, n, edit->namespace, edit->name, err);
}

static const struct node *version_line(struct edit *edit, struct err *err)
{
	const struct node *document = parse(edit, err);
	const struct node *line = document ? node_at(document, "spec.version") : NULL;

	if (document && !line)
		err_set(err, ERR_STALLED, "%s:%d: ModelDeployment '%s/%s' has no version line; add"
		        " 'version: none' under spec", edit->path, document->line, edit->namespace,
		        edit->name);
	return line;
}

static int set_version(struct edit *edit, const char *version, struct err *err)
{
	const struct node *line = version_line(edit, err);

	if (!line)
		return -1;
	if (yaml_edit_scalar(edit->text, edit->len, line, version ? version : "none", edit->out,
	                     err) < 0)
		return err_wrap(err, "%s:%d:%d: spec.version", edit->path, line->line, line->column);
	return 0;
}

/* {reason: "quarter end", owner: ada@example.com, until: 2026-07-02T00:00:00Z} */
static const char *hold_text(struct arena *arena, const struct hold_spec *hold)
{
	char until[TIME_TEXT];
	struct buf text;
	const char *copy;

	buf_init(&text, 16 << 10);
	buf_puts(&text, "{reason: ");
	write_inline(&text, hold->reason);
	if (hold->owner) {
		buf_puts(&text, ", owner: ");
		write_inline(&text, hold->owner);
	}
	if (hold->until_ms >= 0) {
		format_time(hold->until_ms, until);
		buf_printf(&text, ", until: %s", until);
	}
	buf_puts(&text, "}");
	copy = arena_strdup(arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

static int add_hold(struct edit *edit, const struct hold_spec *hold, struct err *err)
{
	const struct node *line = version_line(edit, err);

	if (!line)
		return -1;
	if (yaml_add_key(edit->text, edit->len, line, "hold", hold_text(&edit->arena, hold),
	                 &edit->arena, edit->out, err))
		return err_wrap(err, "%s", edit->path);
	return 0;
}

static int set_hold(struct edit *edit, const struct hold_spec *hold, struct err *err)
{
	const struct node *document = parse(edit, err), *held;
	struct buf without;
	int result;

	if (!document)
		return -1;
	held = node_at(document, "spec.hold");
	if (!held && !hold)
		return err_set(err, ERR_STALLED, "%s:%d: ModelDeployment '%s/%s' is not held", edit->path,
		               document->line, edit->namespace, edit->name);
	if (!held)
		return add_hold(edit, hold, err);
	buf_init(&without, edit->len + 1);
	result = yaml_remove_key(edit->text, edit->len, held, &edit->arena,
	                         hold ? &without : edit->out, err);
	if (result)
		err_wrap(err, "%s", edit->path);
	edit->text = arena_strndup(&edit->arena, buf_text(&without), without.len);
	edit->len = without.len;
	buf_deinit(&without);
	return result || !hold ? result : add_hold(edit, hold, err);
}

enum { EDIT_BYTES_MAX = 256 << 20 };

int edit_version(const char *path, const char *text, size_t len, const char *namespace,
                 const char *name, const char *version, struct buf *out, struct err *err)
{
	struct edit edit = {path, text, len, namespace, name, {0}, out};
	int result;

	arena_init(&edit.arena, EDIT_BYTES_MAX);
	result = set_version(&edit, version, err);
	arena_deinit(&edit.arena);
	return result;
}

int edit_hold(const char *path, const char *text, size_t len, const char *namespace,
              const char *name, const struct hold_spec *hold, struct buf *out, struct err *err)
{
	struct edit edit = {path, text, len, namespace, name, {0}, out};
	int result;

	arena_init(&edit.arena, EDIT_BYTES_MAX);
	result = set_hold(&edit, hold, err);
	arena_deinit(&edit.arena);
	return result;
}
