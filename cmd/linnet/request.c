/* linnet kick, retry, rollback, restart: what people ask of the controller, as a commit on the
 * requests branch. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapter/git_remote.h"
#include "view.h"

/* "ENV/NAME", or the name of a model for `kick` and `retry`. */
static int read_target(const char *verb, const struct options *options, const char **environment,
                       const char **name, struct err *err)
{
	const char *target = options->args[0], *slash = strchr(target, '/');
	bool model = !strcmp(verb, "kick") || (!strcmp(verb, "retry") && !slash);

	if (!strcmp(verb, "accept-rewind")) { /* of the whole fleet: no deployment's */
		*environment = *name = "fleet";
		return 0;
	}
	if (model ? slash != NULL : slash == NULL)
		return err_set(err, ERR_STALLED, "'%s': usage: linnet %s %s", target, verb,
		               options->verb->args);
	*name = model ? target : slash + 1;
	*environment = model ? NULL : arena_strndup(options->arena, target, (size_t)(slash - target));
	if (!is_name(*name) || (*environment && !is_name(*environment)))
		return err_set(err, ERR_STALLED, "'%s' is no name", target);
	return 0;
}

/* The url to write to: --remote, else `origin` of the checkout, else the bare repository itself. */
static int find_remote(const struct options *options, char url[LIMIT_FILE_PATH], struct err *err)
{
	struct objects *objects;
	int result;

	if (options->remote) {
		snprintf(url, LIMIT_FILE_PATH, "%s", options->remote);
		return 0;
	}
	if (objects_open(options->repo, true, &objects, err))
		return -1;
	result = objects_remote_url(objects, "origin", url, LIMIT_FILE_PATH, err);
	objects_close(objects);
	if (!result && !url[0] && !realpath(options->repo, url))
		return err_set(err, ERR_STALLED, "%s: not there", options->repo);
	return result;
}

static const char *whoami(void)
{
	const char *mail = getenv("GIT_AUTHOR_EMAIL"), *user = getenv("USER");

	return mail ? mail : user ? user : "unknown";
}

static int send(const struct options *options, const char *path, const char *text, size_t len,
                const char *subject, struct oid *out, struct err *err)
{
	const char *token = getenv("LINNET_FLEET_AUTH_TOKEN_FILE");
	struct git_auth auth = {.token_file = token, .ssh_key = getenv("LINNET_FLEET_AUTH_SSH_KEY"),
	                        .askpass = options->program};
	struct git_file file = {.path = path, .text = {text, len}};
	struct git_remote_commit commit = {
		.branch = "linnet/requests", .files = &file, .n_files = 1, .message = subject,
		.author = whoami(), .email = whoami(), .signing_key = getenv("LINNET_SIGNING_KEY"),
	};
	char url[LIMIT_FILE_PATH];
	struct transport transport;

	if (find_remote(options, url, err) || transport_open(&transport, url, &auth, err))
		return -1;
	return git_remote_commit(&transport, &commit, out, err);
}

/* Its own file, however many people ask at the same moment. */
static const char *own_path(const struct options *options, const char *environment,
                            const char *name, enum request_verb verb)
{
	struct timespec now;
	const char *path;
	uint32_t dice;
	int tail;

	clock_gettime(CLOCK_REALTIME, &now);
	random_bytes(&dice, sizeof(dice));
	path = request_path(options->arena, environment, name,
	                    now.tv_sec * 1000 + now.tv_nsec / 1000000, verb);
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

int verb_request(const struct options *options, struct err *err)
{
	const char *verb = options->verb->name;
	struct request request = {.by = whoami(), .reason = options->reason, .event = options->event,
	                          .expires_ms = -1};
	const char *environment = NULL, *name = NULL, *path, *subject;
	struct asked asked;
	struct oid commit;
	struct buf text;
	int result;

	if (read_target(verb, options, &environment, &name, err))
		return -1;
	request.verb = (enum request_verb)names_find(request_verb_names, verb);
	if (request.verb == REQUEST_ACCEPT_REWIND) {
		request.old_commit = options->args[0];
		request.new_commit = options->args[1];
	}
	path = own_path(options, environment, name, request.verb);
	subject = arena_printf(options->arena, "%s %s%s%s\n", verb, options->args[0],
	                       options->reason ? ": " : "", options->reason ? options->reason : "");
	buf_init(&text, 64 << 10);
	request_encode(&text, &request);
	result = send(options, path, buf_text(&text), text.len, subject, &commit, err);
	buf_deinit(&text);
	if (result)
		return -1;
	asked = (struct asked){commit.hex, path};
	if (options->output != OUTPUT_TABLE)
		put_document(options, write_asked, &asked);
	else
		printf("asked: %s %s (commit %.10s on linnet/requests); `linnet history` will tell\n", verb,
		       options->args[0], commit.hex);
	return 0;
}
