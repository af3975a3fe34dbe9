#include "remote.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/clock_posix.h"
#include "base/file.h"

static int open_transport(const struct options *options, const char *url, struct transport *out,
                          struct err *err)
{
	struct git_auth auth = {.token_file = getenv("LINNET_FLEET_AUTH_TOKEN_FILE"),
	                        .ca_file = getenv("LINNET_FLEET_AUTH_CA_FILE"),
	                        .ssh_key = getenv("LINNET_FLEET_AUTH_SSH_KEY"),
	                        .known_hosts = getenv("LINNET_FLEET_AUTH_KNOWN_HOSTS"),
	                        .askpass = options->program};

	return transport_open(out, url, &auth, err);
}

/* "https://...", "user@host:path"; a path has no colon before its first slash. */
bool repo_is_url(const struct options *options)
{
	const char *repo = options->repo;

	return repo[strcspn(repo, ":/")] == ':';
}

/* <cache>/linnet/<digest of the url>.git */
static const char *cache_path(const struct options *options, struct err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct digest digest = digest_of(options->repo, strlen(options->repo));
	const char *folder;

	if (!cache && !home) {
		err_set(err, ERR_STALLED, "neither XDG_CACHE_HOME nor HOME is set: nowhere to fetch to");
		return NULL;
	}
	folder = cache ? arena_printf(options->arena, "%s/linnet", cache)
	               : arena_printf(options->arena, "%s/.cache/linnet", home);
	if (dir_make_all(AT_FDCWD, folder, 0700, err))
		return NULL;
	return arena_printf(options->arena, "%s/%.16s.git", folder, digest.hex);
}

static int fetch(const struct options *options, const char *path, struct err *err)
{
	const char *refspecs[] = {"+refs/heads/*:refs/heads/*"};
	struct transport transport;
	struct child child = {0};
	int result;

	if (open_transport(options, options->repo, &transport, err))
		return -1;
	transport.prune = true;
	if (transport_fetch(&child, &transport, path, refspecs, 1, true, clock_now_ms(), err))
		return -1;
	while (!child_poll(&child, clock_now_ms()))
		child_wait(&child);
	result = transport_check(&child, "git fetch", err);
	child_stop(&child);
	return result ? err_wrap(err, "%s", options->repo) : 0;
}

static int open_local(const char *path, struct objects **out, struct err *err)
{
	struct err why = {0};

	if (!objects_open(path, true, out, &why))
		return 0;
	if (why.kind == ERR_STALLED)
		err_set(&why, ERR_STALLED, "there is no Git repository at '%s': run this in a checkout of "
		        "the fleet, or name one with --repo (a folder or a url)", path);
	*err = why;
	return -1;
}

int repo_open(const struct options *options, struct objects **out, struct err *err)
{
	const char *path = options->repo;

	if (repo_is_url(options)) {
		path = cache_path(options, err);
		if (!path || objects_create(path, err) || fetch(options, path, err))
			return -1;
	}
	return open_local(path, out, err);
}

/* git_remote_lookup of libgit2 1.5.1 does not free what it matches names of settings with: once a
 * command. Later ones do. Asked by the leak sanitizer, by nobody else. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2\n";
}
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

/* --remote, else --repo when that is a url, else `origin` of the checkout, else the bare repository
 * itself. */
static int find_remote(const struct options *options, char url[LIMIT_FILE_PATH], struct err *err)
{
	const char *given = options->remote ? options->remote : options->repo;
	struct objects *objects;
	int result;

	if (options->remote || repo_is_url(options)) {
		snprintf(url, LIMIT_FILE_PATH, "%s", given);
		return 0;
	}
	if (open_local(options->repo, &objects, err))
		return -1;
	result = objects_remote_url(objects, "origin", url, LIMIT_FILE_PATH, err);
	objects_close(objects);
	if (!result && !url[0] && !realpath(options->repo, url))
		return err_set(err, ERR_STALLED, "%s: not there", options->repo);
	return result;
}

static int identity_by(const char *repo, struct identity *out, struct err *err)
{
	struct objects *objects = NULL;
	struct err ignored = {0};
	int result;

	if (objects_open(repo, true, &objects, &ignored))
		objects = NULL;
	result = objects_identity(objects, out, err);
	objects_close(objects);
	return result;
}

int repo_identity(const struct options *options, struct identity *out, struct err *err)
{
	struct err ignored = {0};

	if (!repo_is_url(options) && !identity_by(options->repo, out, &ignored))
		return 0;
	return identity_by(".", out, err);
}

int remote_commit(const struct options *options, struct git_remote_commit *commit, struct oid *out,
                  struct err *err)
{
	struct transport transport;
	char url[LIMIT_FILE_PATH];
	struct identity who;

	if (repo_identity(options, &who, err) || find_remote(options, url, err) ||
	    open_transport(options, url, &transport, err))
		return -1;
	commit->author = who.name;
	commit->email = who.email;
	commit->signing_key = getenv("LINNET_SIGNING_KEY");
	return git_remote_commit(&transport, commit, out, err);
}

int read_deployment(const struct options *options, const char **environment, const char **name,
                    struct err *err)
{
	const char *target = options->args[0], *slash = strchr(target, '/');

	if (!slash)
		return err_set(err, ERR_STALLED, "'%s': write ENVIRONMENT/DEPLOYMENT; usage: linnet %s %s",
		               target, options->verb->name, options->verb->args);
	*environment = arena_strndup(options->arena, target, (size_t)(slash - target));
	*name = slash + 1;
	if (!is_name(*name) || !is_name(*environment))
		return err_set(err, ERR_STALLED, "'%s': names are of lower-case letters, digits and '-'",
		               target);
	return 0;
}

int read_until(const struct options *options, int64_t *out_ms, struct err *err)
{
	struct err ignored = {0};
	int64_t for_ms;

	if (!parse_duration(options->until, &for_ms, &ignored)) {
		*out_ms = clock_wall_ms() + for_ms;
		return 0;
	}
	if (parse_time(options->until, out_ms, &ignored))
		return err_set(err, ERR_STALLED, "--until %s: write a time such as 2026-07-02T00:00:00Z, "
		               "or a duration such as 24h", options->until);
	return 0;
}
