/* linnet kick, retry, rollback, restart, approve, reject: what people ask of the controller, as a
 * commit on the requests branch. */
#include <string.h>

#include "adapter/clock_posix.h"
#include "remote.h"
#include "view.h"

/* A request on its way: whom it is about, and what it says. */
struct asking {
	const char *environment, *name; /* environment NULL: a model */
	const char *about;              /* "v3, revision 3f2a9c1b02", or NULL */
	struct request request;
};

/* May a request be about a model; about a deployment? */
static bool may_be_about(enum request_verb verb, bool model)
{
	if (!model)
		return verb != REQUEST_KICK;
	return verb == REQUEST_KICK || verb == REQUEST_RETRY || verb == REQUEST_APPROVE ||
	       verb == REQUEST_REJECT;
}

/* "ENV/NAME", or the name of a model. */
static int read_target(const struct options *options, struct asking *asking, struct err *err)
{
	bool model = !strchr(options->args[0], '/');

	if (asking->request.verb == REQUEST_ACCEPT_REWIND) { /* of the whole fleet */
		asking->environment = asking->name = "fleet";
		return 0;
	}
	if (!may_be_about(asking->request.verb, model))
		return err_set(err, ERR_STALLED, "'%s': usage: linnet %s %s", options->args[0],
		               options->verb->name, options->verb->args);
	if (!model)
		return read_deployment(options, &asking->environment, &asking->name, err);
	asking->name = options->args[0];
	return is_name(asking->name) ? 0 : err_set(err, ERR_STALLED, "'%s' is no name", asking->name);
}

/* Of approve and reject: what is rolled out now; of rollback --to: the newest of that version. */
static int choose_revision(const struct options *options, const struct deployment_status *status,
                           struct digest *out, struct err *err)
{
	*out = status->candidate;
	for (size_t i = status->n_promoted; options->to && i-- > 0;)
		if (!strcmp(status->promoted[i].version, options->to))
			*out = status->promoted[i].revision;
	if (options->to && (!out->hex[0] || digest_same(*out, status->candidate)))
		return err_set(err, ERR_STALLED, "%s was never promoted at %s; `linnet status %s -o json` "
		               "lists what was", options->to, options->args[0], options->args[0]);
	if (!out->hex[0])
		return err_set(err, ERR_STALLED, "nothing is on its way at %s: it is %s, and there is "
		               "nothing to %s", options->args[0], phase_names.names[status->phase],
		               options->verb->name);
	return 0;
}

/* What is meant is said in whole, so that it cannot come to mean something newer. */
static int name_revision(const struct options *options, struct asking *asking, struct err *err)
{
	struct deployment_status *status;
	const struct revision *revision;
	char shown[REVISION_SHORT + 1];
	struct status_view view;
	size_t n;
	int result = -1;

	if (status_open(&view, options, err))
		return -1;
	if (status_deployments(&view, options, &status, &n, err) || !n) {
		if (err->kind == ERR_NONE)
			result = status_missing(&view, options, err);
	} else {
		result = choose_revision(options, status, &asking->request.revision, err);
	}
	if (!result) {
		revision = status_revision(status, asking->request.revision);
		revision_short(asking->request.revision, shown);
		asking->about = arena_printf(options->arena, "%s, revision %s",
		                             revision ? revision->version : options->to, shown);
	}
	status_close(&view);
	return result;
}

static int send(const struct options *options, const char *path, struct bytes text,
                const char *subject, struct oid *out, struct err *err)
{
	struct git_file file = {.path = path, .text = text};
	struct git_remote_commit commit = {.branch = "linnet/requests", .files = &file, .n_files = 1,
	                                   .message = subject};

	return remote_commit(options, &commit, out, err);
}

/* Its own file, however many people ask at the same moment. */
static const char *own_path(const struct options *options, const char *environment,
                            const char *name, enum request_verb verb)
{
	const char *path;
	uint32_t dice;
	int tail;

	random_bytes(&dice, sizeof(dice));
	path = request_path(options->arena, environment, name, clock_wall_ms(), verb);
	tail = (int)(strlen(request_verb_names.names[verb]) + strlen("-.yaml"));
	return arena_printf(options->arena, "%.*s.%08x%s", (int)strlen(path) - tail, path, dice,
	                    path + strlen(path) - tail);
}

struct asked {
	const char *commit, *path;
};

static void write_asked(struct writer *writer, const void *context)
{
	const struct asked *asked = context;

	write_map(writer);
	write_member(writer, "commit", asked->commit);
	write_member(writer, "path", asked->path);
	write_map_end(writer);
}

/* Of one commit at hand: whether it declares things of this kind, and this one among them. */
static void look_for(const struct options *options, const struct asking *asking,
                     struct objects *objects, const char *revision, bool *any, bool *found)
{
	enum kind kind = asking->environment ? KIND_MODEL_DEPLOYMENT : KIND_MODEL;
	struct err unreadable = {0};
	struct view view = {0};
	struct object object;
	const char **names;
	struct oid commit;

	if (objects_resolve(objects, revision, &commit, &unreadable))
		return;
	if (!view_commit(&view, objects, commit, options->path, options->arena, &unreadable)) {
		*any = *any || fleet_list(view.fleet, kind, options->arena, &names) > 0;
		*found = *found || fleet_get(view.fleet, kind, asking->environment, asking->name,
		                             view_read, &view, options->arena, &object, NULL,
		                             NULL) != DECLARED_ABSENT;
	}
	view_close(&view);
}

/* What is declared nowhere at hand, here or as it was fetched last, is no name. Where nothing of
 * its kind is declared or can be read, who asks is believed. */
static int check_declared(const struct options *options, const struct asking *asking,
                          struct objects *objects, struct err *err)
{
	const char *const revisions[] = {
		"HEAD", arena_printf(options->arena, "refs/heads/%s", options->fleet_branch),
		arena_printf(options->arena, "refs/remotes/origin/%s", options->fleet_branch),
	};
	bool any = false, found = false;

	for (size_t i = 0; i < ARRAY_LEN(revisions) && !found; i++)
		look_for(options, asking, objects, revisions[i], &any, &found);
	if (found || !any)
		return 0;
	return err_set(err, ERR_STALLED, "there is no %s '%s' below '%s' in the fleet at hand",
	               asking->environment ? "ModelDeployment" : "Model", options->args[0],
	               options->path);
}

/* A slip of the pen is told at once: by the status, or by what is declared where that is silent. */
static int check_known(const struct options *options, const struct asking *asking,
                       struct err *err)
{
	struct status_view view;
	const char **names;
	size_t n = 0;
	bool known = true;
	int result = -1;

	if (status_open(&view, options, err))
		return -1;
	if (view.tip.hex[0] && (status_knows(&view, options, &known, err) ||
	                        status_names(&view, options, !asking->environment, &names, &n, err)))
		;
	else if (!known)
		result = status_missing(&view, options, err);
	else
		result = n ? 0 : check_declared(options, asking, view.objects, err);
	status_close(&view);
	return result;
}

static int fill(const struct options *options, struct asking *asking, struct err *err)
{
	struct request *request = &asking->request;
	const char *verb = options->restart ? "restart" : options->verb->name;

	request->verb = (enum request_verb)names_find(request_verb_names, verb);
	request->reason = options->reason;
	request->event = options->event;
	request->expires_ms = -1;
	if (options->until && read_until(options, &request->expires_ms, err))
		return -1;
	if (options->until && request->expires_ms <= clock_wall_ms())
		return err_set(err, ERR_STALLED, "--until %s is over already", options->until);
	if (request->verb == REQUEST_ACCEPT_REWIND) {
		request->old_commit = options->args[0];
		request->new_commit = options->args[1];
	}
	if (read_target(options, asking, err))
		return -1;
	if (asking->environment && (request->verb == REQUEST_APPROVE ||
	                            request->verb == REQUEST_REJECT || options->to))
		return name_revision(options, asking, err);
	return request->verb == REQUEST_ACCEPT_REWIND ? 0 : check_known(options, asking, err);
}

int verb_request(const struct options *options, struct err *err)
{
	struct asking asking = {0};
	const char *path, *subject, *verb;
	struct identity who;
	struct oid commit;
	struct buf text;
	int result;

	if (repo_identity(options, &who, err) || fill(options, &asking, err))
		return -1;
	asking.request.by = who.email;
	verb = request_verb_names.names[asking.request.verb];
	path = own_path(options, asking.environment, asking.name, asking.request.verb);
	subject = arena_printf(options->arena, "%s %s%s%s\n", verb, options->args[0],
	                       options->reason ? ": " : "", options->reason ? options->reason : "");
	buf_init(&text, 64 << 10);
	request_encode(&text, &asking.request);
	result = send(options, path, (struct bytes){buf_text(&text), text.len}, subject, &commit, err);
	buf_deinit(&text);
	if (result)
		return -1;
	if (options->output != OUTPUT_TABLE)
		put_document(options, write_asked, &(struct asked){commit.hex, path});
	else
		printf("asked: %s %s%s%s%s (commit %.10s on linnet/requests); `linnet history` will tell\n",
		       verb, options->args[0], asking.about ? " (" : "",
		       asking.about ? asking.about : "", asking.about ? ")" : "", commit.hex);
	return 0;
}
