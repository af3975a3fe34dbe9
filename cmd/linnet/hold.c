/* linnet hold and resume: one key of a manifest changed where it stands, as a commit. */
#include <string.h>

#include "remote.h"
#include "view.h"

struct change {
	const struct options *options;
	const char *environment, *name;
	const struct hold_spec *hold; /* NULL: resume */
	const char *path;             /* of the file that was changed */
};

/* The file that declares the deployment in this commit. */
static int find_file(struct change *change, struct objects *objects, struct oid tip,
                     struct arena *arena, struct oid *blob, struct err *err)
{
	struct object object = {0};
	struct view view;
	const char *why = NULL;
	enum declared declared;
	int result = view_commit(&view, objects, tip, change->options->path, arena, err);

	if (result) {
		view_close(&view);
		return result;
	}
	declared = fleet_get(view.fleet, KIND_MODEL_DEPLOYMENT, change->environment, change->name,
	                     view_read, &view, arena, &object, blob, &why);
	if (declared == DECLARED_ABSENT)
		result = err_set(err, ERR_STALLED, "there is no ModelDeployment '%s' below '%s' at %.10s",
		                 change->options->args[0], change->options->path, tip.hex);
	else if (declared == DECLARED_FROZEN)
		result = err_set(err, ERR_STALLED, "'%s' is broken, mend it first: %s",
		                 change->options->args[0], why);
	else
		change->path = arena_strdup(change->options->arena, object.deployment->meta.at.path);
	view_close(&view);
	return result;
}

static int build(void *context, struct objects *objects, struct oid tip, struct arena *arena,
                 struct git_file *file, struct err *err)
{
	struct change *change = context;
	struct bytes text;
	struct oid blob;
	struct buf out;
	int result;

	if (find_file(change, objects, tip, arena, &blob, err) ||
	    objects_blob(objects, blob, LIMIT_MANIFEST_BYTES, arena, &text, err))
		return -1;
	buf_init(&out, 2 * LIMIT_MANIFEST_BYTES);
	result = edit_hold(change->path, text.data, text.len, change->environment, change->name,
	                   change->hold, &out, err);
	if (!result)
		*file = (struct git_file){.path = change->path,
		                          .text = {arena_strndup(arena, buf_text(&out), out.len), out.len}};
	buf_deinit(&out);
	return result;
}

struct made {
	const char *commit, *branch, *path;
};

static void write_made(struct writer *writer, const void *context)
{
	const struct made *made = context;

	write_map(writer);
	write_member(writer, "commit", made->commit);
	write_member(writer, "branch", made->branch);
	write_member(writer, "path", made->path);
	write_map_end(writer);
}

int verb_hold(const struct options *options, struct err *err)
{
	bool resume = !strcmp(options->verb->name, "resume");
	struct hold_spec hold = {.reason = options->reason, .until_ms = -1};
	struct change change = {.options = options, .hold = resume ? NULL : &hold};
	struct git_remote_commit commit = {
		.branch = options->branch ? options->branch : options->fleet_branch,
		.from = options->fleet_branch, .build = build, .context = &change,
	};
	struct identity who;
	struct oid made;

	if (!resume && !options->reason)
		return err_set(err, ERR_STALLED, "a hold needs a reason: linnet hold %s --reason TEXT",
		               options->args[0]);
	if (read_deployment(options, &change.environment, &change.name, err) ||
	    (options->until && read_until(options, &hold.until_ms, err)) ||
	    repo_identity(options, &who, err))
		return -1;
	hold.owner = who.email;
	commit.message = arena_printf(options->arena, "%s: %s%s%s\n", options->args[0],
	                              options->verb->name, options->reason ? ": " : "",
	                              options->reason ? options->reason : "");
	if (remote_commit(options, &commit, &made, err)) {
		if (!options->branch && strstr(err->text, "refused"))
			err_wrap(err, "--branch NAME writes a branch for a pull request");
		return -1;
	}
	if (options->output != OUTPUT_TABLE)
		put_document(options, write_made, &(struct made){made.hex, commit.branch, change.path});
	else
		printf("%s: %s in %s (commit %.10s on %s)\n", options->args[0],
		       resume ? "resumed" : "held", change.path, made.hex, commit.branch);
	return 0;
}
