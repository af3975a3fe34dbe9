/* Our commits on the fleet branch: a proposal rebuilt on the newest tip. */
#include <string.h>

#include "controller/internal.h"

enum { REPORTS = 2 };

struct rebuild {
	struct controller *c;
	const struct proposal_text *text;
};

static const char *version_text(const char *version)
{
	return version ? version : "none";
}

/* The version that a deployment's file names; NULL is none. */
static int declared_version(const char *path, const struct bytes *text,
                            const struct version_edit *edit, struct arena *arena,
                            const char **version, struct err *err)
{
	struct file_objects objects = {0};
	struct diagnostics diagnostics = {0};

	manifest_decode(path, text->data, text->len, arena, &objects, &diagnostics);
	for (size_t i = 0; i < objects.n; i++) {
		const struct object *object = &objects.objects[i];

		if (object->kind != KIND_MODEL_DEPLOYMENT ||
		    strcmp(object->meta->name, edit->deployment) ||
		    strcmp(object->meta->namespace, edit->environment))
			continue;
		*version = object->deployment->version;
		return 0;
	}
	return err_set(err, ERR_STALLED, "%s: %s/%s is not declared there in a way that decodes", path,
	               edit->environment, edit->deployment);
}

/* Reads the deployment's file on `tip` and edits its `version:` line. Returns 1 when the line
 * already says so, or when somebody changed it since the proposal was made. */
static int edit_one(struct rebuild *rebuild, struct oid tip, size_t i, struct arena *arena,
                    struct git_file *file, const char **why, struct err *err)
{
	struct controller *c = rebuild->c;
	const struct version_edit *edit = &rebuild->text->edits[i];
	const char *expects = rebuild->text->expects[i];
	struct object object = {0};
	struct bytes text;
	struct buf out;
	const char *now = NULL;
	int result = -1;

	c->unread = false;
	fleet_get(c->fleet, KIND_MODEL_DEPLOYMENT, edit->environment, edit->deployment, fleet_blob, c,
	          arena, &object, NULL, NULL);
	if (!object.deployment && c->unread)
		return err_set(err, ERR_TRANSIENT, "%s/%s cannot be read now", edit->environment,
		               edit->deployment);
	if (!object.deployment) {
		*why = arena_printf(arena, "%s/%s is not declared", edit->environment, edit->deployment);
		return 1;
	}
	file->path = object.deployment->meta.at.path;
	if (c->ports.git.read_path(c->ports.git.self, GIT_FLEET, tip, file->path, arena, &text, NULL,
	                           err))
		return err_wrap(err, "%s", file->path);
	if (declared_version(file->path, &text, edit, arena, &now, err))
		return -1;
	if (!strcmp(version_text(now), version_text(edit->version))) {
		*why = arena_printf(arena, "the branch already says version: %s", version_text(now));
		return 1;
	}
	if (strcmp(version_text(now), version_text(expects))) {
		*why = arena_printf(arena, "the branch now says version: %s", version_text(now));
		return 1;
	}
	buf_init(&out, LIMIT_MANIFEST_BYTES);
	if (!edit_version(file->path, text.data, text.len, edit->environment, edit->deployment,
	                  version_text(edit->version), &out, err) &&
	    !buf_check(&out, file->path, err)) {
		file->text = (struct bytes){arena_memdup(arena, out.text, out.len), out.len};
		result = 0;
	}
	buf_deinit(&out);
	return result;
}

/* A run's draft under the name that it is proposed by. */
static int name_draft(struct bytes draft, const char *name, const char *version,
                      struct arena *arena, struct buf *out, struct err *err)
{
	struct file_objects objects = {0};
	struct diagnostics diagnostics = {0};
	struct model_version *named;

	manifest_decode("version.yaml", draft.data, draft.len, arena, &objects, &diagnostics);
	if (objects.n != 1 || objects.objects[0].kind != KIND_MODEL_VERSION)
		return err_set(err, ERR_STALLED, "the run's draft is no ModelVersion: %s",
		               diagnostics.n ? diagnostics.items[0].message : "empty");
	named = objects.objects[0].version;
	named->meta.name = name;
	named->version = version;
	version_encode(out, named);
	return buf_check(out, "ModelVersion", err);
}

/* The run's report for people, where it left one: a page, and Markdown that a forge shows. */
static int add_reports(struct rebuild *rebuild, const char *version_path, struct arena *arena,
                       struct git_file *files, size_t *n, struct err *err)
{
	static const struct {
		const char *name, *suffix;
	} reports[REPORTS] = {{"report.html", "html"}, {"report.md", "md"}};
	int stem = (int)(strlen(version_path) - strlen("yaml"));

	for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
		struct err none = {0};
		struct bytes text;

		if (!run_file(rebuild->c, rebuild->text->run, reports[i].name, &text, &none)) {
			files[(*n)++] = (struct git_file){
				.path = arena_printf(arena, "%.*s%s", stem, version_path, reports[i].suffix),
				.text = text,
			};
		} else if (none.kind != ERR_STALLED) {
			*err = none;
			return -1;
		}
	}
	return 0;
}

/* The ModelVersion file of a run's draft, beside the model's own file. */
static int add_version(struct rebuild *rebuild, struct arena *arena, struct git_file *file,
                       struct err *err)
{
	struct controller *c = rebuild->c;
	const char *name = rebuild->text->version_file, *version = strrchr(name, '-') + 1;
	char *model = arena_strndup(arena, name, (size_t)(version - 1 - name));
	struct object object = {0};
	struct bytes draft;
	struct buf out;
	const char *slash;
	int result = -1;

	c->unread = false;
	fleet_get(c->fleet, KIND_MODEL, NULL, model, fleet_blob, c, arena, &object, NULL, NULL);
	if (!object.model && c->unread)
		return err_set(err, ERR_TRANSIENT, "model %s cannot be read now", model);
	if (!object.model)
		return err_set(err, ERR_STALLED, "model %s is not declared", model);
	slash = strrchr(object.model->meta.at.path, '/');
	file->path = arena_printf(arena, "%.*sversions/%s.yaml",
	                          slash ? (int)(slash + 1 - object.model->meta.at.path) : 0,
	                          object.model->meta.at.path, name);
	if (run_file(c, rebuild->text->run, "version.yaml", &draft, err))
		return -1;
	buf_init(&out, LIMIT_MANIFEST_BYTES);
	if (!name_draft(draft, name, version, arena, &out, err)) {
		file->text = (struct bytes){arena_memdup(arena, out.text, out.len), out.len};
		result = 0;
	}
	buf_deinit(&out);
	return result;
}

/* Several edits of one file are made one on top of the other. */
static int merge_edit(struct rebuild *rebuild, struct git_file *files, size_t *n,
                      const struct git_file *edited, size_t i, struct err *err)
{
	const struct version_edit *edit = &rebuild->text->edits[i];
	struct buf out;

	for (size_t j = 0; j < *n; j++) {
		if (strcmp(files[j].path, edited->path))
			continue;
		buf_init(&out, LIMIT_MANIFEST_BYTES);
		if (edit_version(files[j].path, files[j].text.data, files[j].text.len,
		                 edit->environment, edit->deployment, version_text(edit->version), &out,
		                 err)) {
			buf_deinit(&out);
			return -1;
		}
		files[j].text.data = arena_memdup(&rebuild->c->arena, out.text, out.len);
		files[j].text.len = out.len;
		buf_deinit(&out);
		return 0;
	}
	files[(*n)++] = *edited;
	return 0;
}

static int rebuild_on(void *context, struct oid tip, struct arena *arena, struct git_file **files,
                      size_t *n_files, const char **why, struct err *err)
{
	struct rebuild *rebuild = context;
	const struct proposal_text *text = rebuild->text;
	struct git_file *list = arena_array(arena, text->n_edits + 1 + REPORTS, struct git_file);
	size_t n = 0;

	for (size_t i = 0; i < text->n_edits; i++) {
		struct git_file edited = {0};
		int result = edit_one(rebuild, tip, i, arena, &edited, why, err);

		if (result < 0)
			return -1;
		if (result == 0 && merge_edit(rebuild, list, &n, &edited, i, err))
			return -1;
	}
	if (n == 0 && text->n_edits)
		return 1;
	if (text->version_file) {
		if (add_version(rebuild, arena, &list[n++], err) ||
		    add_reports(rebuild, list[n - 1].path, arena, list, &n, err))
			return -1;
	}
	*files = list;
	*n_files = n;
	return 0;
}

int push_proposal(struct controller *c, const struct proposal_text *text,
                  struct propose_result *out, struct err *err)
{
	struct rebuild rebuild = {c, text};

	return c->ports.git.propose(c->ports.git.self, text, rebuild_on, &rebuild, out, err);
}
