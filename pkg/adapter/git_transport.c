#include "adapter/git_transport.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum {
	TIMEOUT_MS = 60 * 1000,
	WORK_TIMEOUT_MS = 10 * 60 * 1000, /* the first fetch, gc, fsck */
	LIST_BYTES = 4 << 20,
	TEXT_BYTES = 256 << 10,
	ARGS_MAX = 64,
	SWEEP_DEPTH = 12,
};
static const int64_t MEMORY_BYTES = (int64_t)1 << 30, FILE_BYTES = (int64_t)4 << 30;

/* ---- addresses ---- */

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* The host of "//user@host:port/..."; at most `size` bytes with its NUL. */
static void host_of(const char *authority, char *host, size_t size)
{
	const char *end = authority + strcspn(authority, "/"), *at = memchr(authority, '@',
	                                                                  (size_t)(end - authority));
	const char *start = at ? at + 1 : authority;
	size_t len = *start == '[' ? strcspn(start, "]") + 1 : strcspn(start, ":/");

	snprintf(host, size, "%.*s", (int)len, start);
}

static bool is_loopback(const char *host)
{
	return !strcmp(host, "127.0.0.1") || !strcmp(host, "localhost") || !strcmp(host, "[::1]");
}

/* What stands behind "scheme://" must name a host, and must not hold a password: it would be in
 * argv. */
static int check_authority(const char *authority, const char *url, struct err *err)
{
	const char *at = strchr(authority, '@'), *colon = strchr(authority, ':');
	char host[256];

	host_of(authority, host, sizeof(host));
	if (!host[0] || host[0] == '-')
		return err_set(err, ERR_STALLED, "%s: names no host", url);
	if (at && colon && colon < at && at < authority + strcspn(authority, "/"))
		return err_set(err, ERR_STALLED,
		               "a repository URL must not hold a password; name a token file");
	return 0;
}

static const struct scheme {
	const char *prefix;
	enum transport_kind kind;
} schemes[] = {
	{"https://", TRANSPORT_HTTPS},
	{"http://", TRANSPORT_HTTP},
	{"ssh://", TRANSPORT_SSH},
};

static const struct scheme *scheme_of(const char *url)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (begins(url, schemes[i].prefix))
			return &schemes[i];
	return NULL;
}

static int open_url(struct transport *transport, const struct scheme *scheme, const char *url,
                    struct err *err)
{
	const char *authority = url + strlen(scheme->prefix);
	char host[256];

	if (check_authority(authority, url, err))
		return -1;
	host_of(authority, host, sizeof(host));
	if (scheme->kind == TRANSPORT_HTTP && !is_loopback(host))
		return err_set(err, ERR_STALLED, "%s: http is for loopback only; use https", url);
	transport->kind = scheme->kind;
	return 0;
}

static int open_path(struct transport *transport, const char *path, struct err *err)
{
	char whole[PATH_MAX];

	if (*path != '/' && !realpath(path, whole))
		return err_errno(err, ERR_STALLED, errno, "%s", path);
	transport->kind = TRANSPORT_LOCAL;
	snprintf(transport->path, sizeof(transport->path), "%s", *path == '/' ? path : whole);
	snprintf(transport->url, sizeof(transport->url), "%s", transport->path);
	return 0;
}

/* "user@host:path", as ssh programs write it. */
static bool is_scp(const char *url)
{
	const char *colon = strchr(url, ':'), *slash = strchr(url, '/');

	return colon && colon != url && (!slash || colon < slash);
}

static bool is_plain(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127 || *text == '\'' || *text == '"')
			return false;
	return true;
}

int transport_open(struct transport *transport, const char *url, const struct git_auth *auth,
                   struct err *err)
{
	struct transport new = {0};
	const struct scheme *scheme = scheme_of(url);
	int result;

	if (auth)
		new.auth = *auth;
	if (!*url || *url == '-' || strlen(url) >= sizeof(new.url) || !is_plain(url) ||
	    !is_plain(new.auth.ssh_key) || !is_plain(new.auth.known_hosts))
		return err_set(err, ERR_STALLED, "'%s' is no address of a repository", url);
	snprintf(new.url, sizeof(new.url), "%s", url);
	if (scheme)
		result = open_url(&new, scheme, url, err);
	else if (begins(url, "file:///"))
		result = open_path(&new, url + strlen("file://"), err);
	else if (strstr(url, "://") || strstr(url, "::"))
		result = err_set(err, ERR_STALLED, "%s: use https, ssh or a path", url);
	else if (is_scp(url))
		new.kind = TRANSPORT_SSH, result = check_authority(url, url, err);
	else
		result = open_path(&new, url, err);
	if (result == 0)
		*transport = new;
	return result;
}

/* ---- how git is run ---- */

/* Settings that a child is given by its environment, above every file of configuration. */
static const struct setting {
	const char *key, *value;
} settings[] = {
	{"core.hooksPath", "/dev/null"},
	{"core.fsync", "all"},
	{"core.bigFileThreshold", "16m"},
	{"core.packedGitLimit", "256m"},
	{"core.packedGitWindowSize", "32m"},
	{"credential.helper", ""},
	{"fetch.fsckObjects", "true"},
	{"gc.auto", "0"},
	{"gc.writeCommitGraph", "false"},
	{"http.followRedirects", "false"},
	{"http.lowSpeedLimit", "100"},
	{"http.lowSpeedTime", "30"},
	{"maintenance.auto", "false"},
	{"pack.threads", "1"},
	{"pack.windowMemory", "64m"},
	{"protocol.version", "2"},
};

/* What of our own environment a child may know. */
static const char *const passed_on[] = {
	"PATH", "TMPDIR", "SSH_AUTH_SOCK", "https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
	"ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
};

static const char *const protocol_names[] = {
	[TRANSPORT_LOCAL] = "file", [TRANSPORT_HTTP] = "http", [TRANSPORT_HTTPS] = "https",
	[TRANSPORT_SSH] = "ssh",
};

struct child_env {
	struct arena arena;
	const char **items;
	size_t n;
	int n_settings;
};

static void add_env(struct child_env *env, const char *name, const char *value)
{
	*list_push(&env->arena, &env->items, &env->n) =
		arena_printf(&env->arena, "%s=%s", name, value);
}

static void add_setting(struct child_env *env, const char *key, const char *value)
{
	char name[40];

	snprintf(name, sizeof(name), "GIT_CONFIG_KEY_%d", env->n_settings);
	add_env(env, name, key);
	snprintf(name, sizeof(name), "GIT_CONFIG_VALUE_%d", env->n_settings);
	add_env(env, name, value);
	env->n_settings++;
}

/* Quotes are refused in the paths by transport_open: git gives this text to a shell. */
static void add_ssh(struct child_env *env, const struct git_auth *auth)
{
	struct buf command;

	buf_init(&command, 4 * LIMIT_FILE_PATH);
	buf_puts(&command, "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=15"
	                   " -o ServerAliveInterval=10 -o ServerAliveCountMax=3"
	                   " -o StrictHostKeyChecking=yes");
	if (auth->known_hosts)
		buf_printf(&command, " -o 'UserKnownHostsFile=\"%s\"' -o GlobalKnownHostsFile=/dev/null",
		           auth->known_hosts);
	if (auth->ssh_key)
		buf_printf(&command, " -o IdentitiesOnly=yes -i '%s'", auth->ssh_key);
	add_env(env, "GIT_SSH_COMMAND", buf_text(&command));
	add_env(env, "GIT_SSH_VARIANT", "ssh");
	buf_deinit(&command);
}

static void add_remote(struct child_env *env, const struct transport *transport)
{
	const struct git_auth *auth = &transport->auth;
	const char *authority = auth->ca_file ? auth->ca_file : getenv("GIT_SSL_CAINFO");

	add_env(env, "GIT_ALLOW_PROTOCOL", protocol_names[transport->kind]);
	if (transport->kind == TRANSPORT_SSH)
		add_ssh(env, auth);
	if (transport->kind == TRANSPORT_HTTP)
		add_setting(env, "http.proxy", "");
	if (transport->kind == TRANSPORT_HTTPS && authority)
		add_env(env, "GIT_SSL_CAINFO", authority);
	if (auth->token_file && auth->askpass && transport->kind != TRANSPORT_LOCAL) {
		add_env(env, "GIT_ASKPASS", auth->askpass);
		add_env(env, "LINNET_ASKPASS", auth->token_file);
	}
}

static void child_env_init(struct child_env *env, const struct transport *transport)
{
	char count[16];

	*env = (struct child_env){0};
	arena_init(&env->arena, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(passed_on); i++)
		if (getenv(passed_on[i]))
			add_env(env, passed_on[i], getenv(passed_on[i]));
	add_env(env, "HOME", "/nonexistent"); /* no .netrc */
	add_env(env, "LC_ALL", "C");
	add_env(env, "GIT_CONFIG_NOSYSTEM", "1");
	add_env(env, "GIT_CONFIG_GLOBAL", "/dev/null");
	add_env(env, "GIT_TERMINAL_PROMPT", "0");
	add_env(env, "GIT_NO_REPLACE_OBJECTS", "1");
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		add_setting(env, settings[i].key, settings[i].value);
	if (transport)
		add_remote(env, transport);
	snprintf(count, sizeof(count), "%d", env->n_settings);
	add_env(env, "GIT_CONFIG_COUNT", count);
	*list_push(&env->arena, &env->items, &env->n) = NULL;
}

/* A command line being put together; the strings are borrowed. */
struct command {
	const char *argv[ARGS_MAX + 1];
	size_t n;
	char git_dir[LIMIT_FILE_PATH + 16];
};

static void add_arg(struct command *command, const char *arg)
{
	if (command->n == ARGS_MAX)
		panic("git: more than %d arguments", ARGS_MAX);
	command->argv[command->n++] = arg;
}

static void command_init(struct command *command, const char *repo, const char *verb)
{
	*command = (struct command){0};
	add_arg(command, "git");
	if (repo) {
		snprintf(command->git_dir, sizeof(command->git_dir), "--git-dir=%s", repo);
		add_arg(command, command->git_dir);
	}
	add_arg(command, verb);
}

static int command_start(struct child *child, const struct command *command,
                         const struct transport *transport, int64_t timeout_ms, int64_t now_ms,
                         struct err *err)
{
	struct child_env env;
	struct child_spec spec = {
		.argv = command->argv,
		.timeout_ms = timeout_ms,
		.memory_bytes = MEMORY_BYTES,
		.cpu_seconds = timeout_ms / 1000 + 1,
		.file_bytes = FILE_BYTES,
		.output_bytes_max = LIST_BYTES,
		.errors_bytes_max = TEXT_BYTES,
	};
	int result;

	child_env_init(&env, transport);
	spec.env = env.items;
	result = child_start(child, &spec, now_ms, err);
	arena_deinit(&env.arena);
	return result;
}

static int64_t timeout_of(const struct transport *transport)
{
	return transport->timeout_ms ? transport->timeout_ms : TIMEOUT_MS;
}

/* ---- looking, fetching, pushing ---- */

int transport_list(struct child *child, const struct transport *transport,
                   const char *const *patterns, size_t n, int64_t now_ms, struct err *err)
{
	struct command command;

	command_init(&command, NULL, "ls-remote");
	add_arg(&command, "--quiet");
	add_arg(&command, "--");
	add_arg(&command, transport->url);
	for (size_t i = 0; i < n; i++)
		add_arg(&command, patterns[i]);
	return command_start(child, &command, transport, timeout_of(transport), now_ms, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ref *)a)->name, ((const struct ref *)b)->name);
}

int transport_refs(const struct child *child, struct arena *arena, struct ref **refs, size_t *n,
                   struct err *err)
{
	struct ref *list = NULL;
	size_t count = 0, width = sizeof(list->tip.hex) - 1;
	const char *line = buf_text(&child->output);

	while (*line) {
		size_t len = strcspn(line, "\n");

		if (len < width + 2 || line[width] != '\t' ||
		    strspn(line, "0123456789abcdef") != width)
			return err_set(err, ERR_TRANSIENT, "the remote's list of refs is malformed");
		struct ref *ref = list_push(arena, &list, &count);

		snprintf(ref->tip.hex, sizeof(ref->tip.hex), "%s", line);
		ref->name = arena_strndup(arena, line + width + 1, len - width - 1);
		line += len + (line[len] == '\n');
	}
	if (count)
		qsort(list, count, sizeof(*list), by_name);
	*refs = list;
	*n = count;
	return 0;
}

int transport_fetch(struct child *child, const struct transport *transport, const char *repo,
                    const char *const *refspecs, size_t n, bool first, int64_t now_ms,
                    struct err *err)
{
	static const char *const options[] = {
		"--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--no-recurse-submodules", "--no-show-forced-updates",
	};
	int64_t timeout_ms = timeout_of(transport);
	struct command command;

	command_init(&command, repo, "fetch");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		add_arg(&command, options[i]);
	add_arg(&command, transport->prune ? "--prune" : "--no-prune");
	add_arg(&command, "--");
	add_arg(&command, transport->url);
	for (size_t i = 0; i < n; i++)
		add_arg(&command, refspecs[i]);
	if (first && !transport->timeout_ms)
		timeout_ms = WORK_TIMEOUT_MS;
	return command_start(child, &command, transport, timeout_ms, now_ms, err);
}

int transport_push(struct child *child, const struct transport *transport, const char *repo,
                   const char *const *refspecs, size_t n, const char *lease, int64_t now_ms,
                   struct err *err)
{
	char with_lease[2 * LIMIT_PATH];
	struct command command;

	command_init(&command, repo, "push");
	add_arg(&command, "--porcelain");
	add_arg(&command, "--no-verify");
	if (lease) {
		snprintf(with_lease, sizeof(with_lease), "--force-with-lease=%s", lease);
		add_arg(&command, with_lease);
	}
	add_arg(&command, "--");
	add_arg(&command, transport->url);
	for (size_t i = 0; i < n; i++)
		add_arg(&command, refspecs[i]);
	return command_start(child, &command, transport, timeout_of(transport), now_ms, err);
}

/* ---- what went wrong ---- */

/* The first that fits: after a key or a host that it does not like, ssh says what came of it. */
static const struct remedy {
	const char *words, *advice;
} remedies[] = {
	{"certificate verification failed", "its certificate is not signed by fleet.auth.caFile"},
	{"SSL certificate problem", "its certificate is not signed by fleet.auth.caFile"},
	{"does not match target host", "its certificate is for another host than fleet.url names"},
	{"no alternative certificate", "its certificate is for another host than fleet.url names"},
	{"error setting certificate", "fleet.auth.caFile cannot be read"},
	{"Authentication failed", "it does not take the token of fleet.auth.tokenFile"},
	{"could not read Username", "it asks for a token; name a file: fleet.auth.tokenFile"},
	{"has changed and you have requested strict checking",
	 "its host key is another than in fleet.auth.knownHosts: if that is meant, replace it there"},
	{"Host key verification failed", "its host key is not in fleet.auth.knownHosts"},
	{": bad permissions",
	 "others may read fleet.auth.sshKey, so that ssh does not use it: chmod 600"},
	{"Load key \"", "fleet.auth.sshKey cannot be read, or is no private key"},
	{"Warning: Identity file", "there is no file fleet.auth.sshKey"},
	{"Permission denied (",
	 "it does not take the key of fleet.auth.sshKey, or that has a passphrase"},
	{"does not appear to be a git repository", "there is no Git repository at its address"},
};

/* Is a line more than the frame that a forge draws around its words? */
static bool has_words(const char *line, size_t len)
{
	for (size_t i = begins(line, "remote:") ? strlen("remote:") : 0; i < len; i++)
		if (isalnum((unsigned char)line[i]))
			return true;
	return false;
}

/* The last line with words, without the sentences that git adds after what ssh or a forge said. */
static const char *cause_line(const char *text, size_t *len)
{
	const char *cause = text;

	*len = 0;
	for (size_t width; *text; text += width, text += strspn(text, "\r\n")) {
		bool is_last = begins(text, "fatal: Could not read from remote repository");

		width = strcspn(text, "\r\n");
		if (has_words(text, width) && !(is_last && *len))
			cause = text, *len = width;
		if (is_last)
			break;
	}
	return cause;
}

int transport_check(const struct child *child, const char *what, struct err *err)
{
	const char *text = buf_text(&child->errors), *cause;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(remedies) && child->exit_code && !child->timed_out; i++) {
		if (strstr(text, remedies[i].words))
			return err_set(err, ERR_STALLED, "the remote: %s", remedies[i].advice);
	}
	cause = cause_line(text, &len);
	return child_check_line(child, what, cause, len, err);
}

/* ---- what a push says: "<flag>\t<from>:<to>\t<summary> (<reason>)" ---- */

/* The line of the ref `name`, or NULL; *len without the newline. */
static const char *push_line(const char *text, const char *name, size_t *len)
{
	size_t name_len = strlen(name);

	for (; *text; text += *len + (text[*len] == '\n')) {
		const char *tab, *to;

		*len = strcspn(text, "\n");
		if (*len < 3 || text[1] != '\t')
			continue;
		tab = memchr(text + 2, '\t', *len - 2);
		to = tab ? memchr(text + 2, ':', (size_t)(tab - text - 2)) : NULL;
		if (to && (size_t)(tab - to - 1) == name_len && !strncmp(to + 1, name, name_len))
			return text;
	}
	return NULL;
}

/* The newest line that the other side wrote by itself: "remote: error: ...". */
static void remote_words(const char *text, char *out, size_t size)
{
	*out = '\0';
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t len = strcspn(text, "\n");

		if (len > 8 && begins(text, "remote: ")) {
			while (len > 8 && text[len - 1] == ' ')
				len--;
			if (len > 8)
				snprintf(out, size, "%.*s", (int)(len - 8), text + 8);
		}
	}
}

/* Reasons of a remote that lost a race with another push, not of one that does not want ours. */
static const char *const race_words[] = {
	"fetch first", "non-fast-forward", "stale info", "lock", "failed to update ref", "old value",
	"already exists", "but expected",
};

enum push_outcome push_result(const struct child *child, const char *name, struct err *why)
{
	size_t len;
	const char *line = push_line(buf_text(&child->output), name, &len);
	char reason[512], words[512];

	if (!line || child->timed_out || (line[0] != '!' && transport_check(child, "push", why))) {
		if (!why->kind && !transport_check(child, "push", why))
			err_set(why, ERR_UNKNOWN, "push: git did not say what became of %s", name);
		return PUSH_FAILED;
	}
	if (line[0] != '!')
		return PUSH_DONE;
	line = (const char *)memchr(line + 2, '\t', len - 2) + 1;
	snprintf(reason, sizeof(reason), "%.*s", (int)strcspn(line, "\n"), line);
	remote_words(buf_text(&child->errors), words, sizeof(words));
	err_set(why, ERR_STALLED, "push to %s: %s%s%s", name, reason, words[0] ? ": " : "", words);
	for (size_t i = 0; i < ARRAY_LEN(race_words); i++)
		if (strstr(reason, race_words[i])) {
			why->kind = ERR_CONFLICT;
			return PUSH_BEHIND;
		}
	if (strstr(reason, "unpacker") || !strstr(reason, "remote rejected")) {
		why->kind = ERR_TRANSIENT;
		return PUSH_FAILED;
	}
	return PUSH_REFUSED;
}

/* ---- upkeep ---- */

int transport_gc(struct child *child, const char *repo, int64_t now_ms, struct err *err)
{
	struct command command;

	command_init(&command, repo, "gc");
	add_arg(&command, "--quiet");
	return command_start(child, &command, NULL, WORK_TIMEOUT_MS, now_ms, err);
}

int transport_fsck(struct child *child, const char *repo, int64_t now_ms, struct err *err)
{
	struct command command;

	command_init(&command, repo, "fsck");
	add_arg(&command, "--no-dangling");
	add_arg(&command, "--no-progress");
	return command_start(child, &command, NULL, WORK_TIMEOUT_MS, now_ms, err);
}

static bool ends(const char *text, const char *with)
{
	size_t len = strlen(text), end = strlen(with);

	return len >= end && !strcmp(text + len - end, with);
}

/* Names that only an unfinished git or libgit2 leaves. */
static bool is_litter(const char *name, bool in_objects)
{
	if (ends(name, ".lock") || !strcmp(name, "gc.pid"))
		return true;
	return in_objects && (begins(name, "tmp_") || begins(name, ".tmp-") ||
	                      begins(name, "incoming-") || begins(name, "pack_git2_") ||
	                      ends(name, ".keep"));
}

static void sweep_folder(int parent, const char *name, bool in_objects, time_t before, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct err ignored = {0};
	struct stat st;

	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		const char *child = entry->d_name;

		if (!strcmp(child, ".") || !strcmp(child, "..") ||
		    fstatat(fd, child, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (is_litter(child, in_objects) && st.st_mtime <= before) {
			if (dir_remove_all(fd, child, &ignored))
				ignored = (struct err){0};
		} else if (S_ISDIR(st.st_mode) && depth < SWEEP_DEPTH) {
			sweep_folder(fd, child, in_objects || !strcmp(child, "objects"), before,
			             depth + 1);
		}
	}
	if (dir)
		closedir(dir);
}

void transport_sweep(const char *repo, int64_t age_s)
{
	sweep_folder(AT_FDCWD, repo, false, time(NULL) - (time_t)age_s, 0);
}

/* ---- the token ---- */

bool git_askpass(int argc, char **argv, int *status)
{
	const char *file = getenv("LINNET_ASKPASS"), *answer;
	struct err err = {0};
	struct buf token;

	if (!file || argc != 2)
		return false;
	buf_init(&token, 64 << 10);
	*status = 0;
	if (begins(argv[1], "Username")) {
		puts("x-access-token");
	} else if (file_read(AT_FDCWD, file, &token, &err)) {
		fprintf(stderr, "%s\n", err.text);
		*status = 1;
	} else {
		answer = buf_text(&token);
		printf("%.*s\n", (int)strcspn(answer, "\r\n"), answer);
	}
	buf_deinit(&token);
	return true;
}
