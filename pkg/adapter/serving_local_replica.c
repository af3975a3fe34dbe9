/* One replica: started, looked at, stopped. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/serving_local_parts.h"
#include "base/file.h"
#include "base/log.h"

enum {
	/* Below the range that the system takes for outgoing connections. */
	PORT_FIRST = 20000,
	PORT_LAST = 29999,
	SECRET_BYTES_MAX = 64 << 10,
	TERM_GRACE_MS = 10 * 1000,
	TAIL_BYTES = 16 << 10,
	END_WAIT_MS = 2000,
};

/* ---- looking ---- */

int replica_look(struct serving_local *serving, struct serving_key key, const char *name,
                 struct arena *arena, struct replica_view *out, struct err *err)
{
	struct replica_view view = {.folder = state_path(serving, arena, "replicas", key, name)};

	if (replica_read(view.folder, arena, &view.file, err) < 0 ||
	    process_look(view.folder, &view.seen, err) < 0)
		return -1;
	ends_watch(serving, &view.seen);
	snprintf(view.address, sizeof(view.address), "127.0.0.1:%d", view.file.port);
	*out = view;
	return 0;
}

static struct haproxy_server *server_of(struct serving_local *serving, struct serving_key key,
                                        const struct replica_view *view)
{
	struct haproxy_backend *backend;
	char text[KEY_BYTES];

	key_text(key, text);
	backend = haproxy_find(serving->router, text);
	return backend ? haproxy_server(serving->router, backend, view->file.revision,
	                                view->file.slot)
	               : NULL;
}

/* In the router, at the address where it listens now. */
static bool is_in_router(struct serving_local *serving, struct serving_key key,
                         const struct replica_view *view)
{
	const struct haproxy_server *server = server_of(serving, key, view);

	return server && strcmp(server->address, view->address) == 0;
}

bool replica_is_waiting(struct serving_local *serving, struct serving_key key,
                        const struct replica_view *view)
{
	return view->seen.state == PROCESS_RUNNING && !view->file.stopping &&
	       !is_in_router(serving, key, view);
}

static bool is_probed(struct serving_local *serving, const struct replica_view *view)
{
	const struct probe *probe =
		probe_find(serving->probes, view->address, view->seen.start_ticks);

	return probe && probe->good >= PROBES_IN_A_ROW;
}

/* ---- secrets ---- */

/* The value of "name/key" without the newline at its end, hidden from every log from now on. */
static int read_secret(const struct serving_local *serving, const char *reference,
                       struct arena *arena, const char **out, struct err *err)
{
	struct buf text;
	int rc;

	if (!serving->secrets)
		return err_set(err, ERR_STALLED, "secret %s: no folder of secrets is configured",
		               reference);
	buf_init(&text, SECRET_BYTES_MAX);
	rc = file_read(AT_FDCWD, arena_printf(arena, "%s/%s", serving->secrets, reference), &text,
	               err);
	if (rc == 0) {
		char *value = arena_strndup(arena, buf_text(&text), text.len);

		if (text.len > 0 && value[text.len - 1] == '\n')
			value[text.len - 1] = '\0';
		log_hide(value);
		*out = value;
		explicit_bzero(text.text, text.len);
	}
	buf_deinit(&text);
	return rc < 0 ? err_wrap(err, "secret %s", reference) : 0;
}

static bool is_safe_reference(const char *name, const char *key)
{
	return name[0] && key[0] && name[0] != '.' && key[0] != '.' && !strchr(name, '/') &&
	       !strchr(key, '/');
}

/* ---- starting ---- */

static void add_env(struct arena *arena, struct strings *env, const char *name, const char *value)
{
	*list_push(arena, &env->items, &env->n) = arena_printf(arena, "%s=%s", name, value);
}

/* Declared variables first: those of the contract cannot be overridden. */
static int add_declared(const struct serving_local *serving, const struct revision *spec,
                        struct arena *arena, struct strings *env, struct replica_file *file,
                        struct err *err)
{
	for (size_t i = 0; i < spec->n_env; i++) {
		const struct env_var *var = &spec->env[i];
		const char *value = var->value, *reference;

		if (!value && var->secret_name && var->secret_key) {
			if (!is_safe_reference(var->secret_name, var->secret_key))
				return err_set(err, ERR_STALLED, "secret '%s/%s': unsafe name",
				               var->secret_name, var->secret_key);
			reference = arena_printf(arena, "%s/%s", var->secret_name, var->secret_key);
			if (read_secret(serving, reference, arena, &value, err) < 0)
				return -1;
			*list_push(arena, &file->secrets.items, &file->secrets.n) = reference;
		}
		if (strncmp(var->name, "LINNET_", 7) != 0 && strcmp(var->name, "PORT") != 0)
			add_env(arena, env, var->name, value ? value : "");
	}
	return 0;
}

static bool has_env(const struct strings *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
			return true;
	return false;
}

static int make_env(const struct serving_local *serving, const struct revision *spec,
                    const char *home, const char *predictions, struct arena *arena,
                    struct replica_file *file, struct strings *env, struct err *err)
{
	char revision[REVISION_SHORT + 1];
	const char *port = arena_printf(arena, "%d", file->port);
	const struct {
		const char *name, *value;
	} fallbacks[] = {
		{"PATH", "/usr/local/bin:/usr/bin:/bin"},
		{"HOME", home},
		{"TMPDIR", "/tmp"},
		{"LANG", "C.UTF-8"},
		{"USER", serving->user ? serving->user->name : "linnet"},
	};

	revision_short(spec->digest, revision);
	if (add_declared(serving, spec, arena, env, file, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(fallbacks); i++)
		if (!has_env(env, fallbacks[i].name))
			add_env(arena, env, fallbacks[i].name, fallbacks[i].value);
	add_env(arena, env, "LINNET_MODEL_DIR",
	        artifact_folder(serving->state, spec->artifact.digest, arena));
	add_env(arena, env, "LINNET_MODEL_NAME", spec->model);
	add_env(arena, env, "LINNET_MODEL_VERSION", spec->version);
	add_env(arena, env, "LINNET_REVISION", revision);
	add_env(arena, env, "LINNET_PREDICTION_LOG", predictions);
	add_env(arena, env, "LINNET_PORT", port);
	add_env(arena, env, "PORT", port);
	*list_push(arena, &env->items, &env->n) = NULL;
	return 0;
}

static bool is_free(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return free;
}

/* Each time the next one, so that two replicas that do not listen yet never get the same. */
static int take_port(struct serving_local *serving, int *out, struct err *err)
{
	for (int i = PORT_FIRST; i <= PORT_LAST; i++) {
		int port = serving->next_port;

		serving->next_port = port < PORT_LAST ? port + 1 : PORT_FIRST;
		if (is_free(port)) {
			*out = port;
			return 0;
		}
	}
	return err_set(err, ERR_TRANSIENT, "no port of %d-%d is free", PORT_FIRST, PORT_LAST);
}

static int check_prepared(const struct serving_local *serving, const struct revision *spec,
                          struct arena *arena, struct err *err)
{
	if (spec->serve.command.n == 0)
		return err_set(err, ERR_STALLED, "%s %s has no command; an image alone cannot serve "
		               "outside a cluster", spec->model, spec->version);
	if (!folder_exists(artifact_folder(serving->state, spec->artifact.digest, arena)) ||
	    (spec->serve.tree &&
	     !folder_exists(source_folder(serving->state, spec->serve.tree, arena))))
		return err_set(err, ERR_TRANSIENT, "%s %s is not prepared on this machine", spec->model,
		               spec->version);
	return 0;
}

/* A part of a processor as a nice value: each step is worth a fifth less of it where processors are
 * short (sched(7): a factor of 1.25). No cap; a whole processor and more is 0. */
static int nice_of(int64_t cpu_millis)
{
	int nice = 0;

	for (int64_t millis = cpu_millis; millis > 0 && millis < 900 && nice < 19; nice++)
		millis = millis * 5 / 4 + 1;
	return nice;
}

static int run(struct serving_local *serving, struct serving_key key,
               const struct revision *spec, const char *folder, struct arena *arena,
               struct replica_file *file, struct err *err)
{
	const char **argv = arena_array(arena, spec->serve.command.n + 1, const char *);
	const char *home = arena_printf(arena, "%s/home", folder);
	const char *predictions = state_path(serving, arena, "predictions", key, "");
	struct strings env = {0};
	struct process_spec process = {
		.argv = argv,
		.cwd = spec->serve.tree ? source_folder(serving->state, spec->serve.tree, arena) : home,
		.timeout_ms = -1,
		.memory_bytes = spec->memory_bytes,
		.cpu_seconds = -1,
		.file_bytes = -1,
		.nice = nice_of(spec->cpu_millis),
	};

	memcpy(argv, spec->serve.command.items, spec->serve.command.n * sizeof(*argv));
	if (make_env(serving, spec, home, predictions, arena, file, &env, err) < 0 ||
	    serving_user_admit(serving, home, predictions, arena, err) < 0 ||
	    replica_write(folder, file, err) < 0)
		return -1;
	process.env = env.items;
	return process_start_as(folder, &process, serving->user, err);
}

/* A stop that has not gone as far as a signal is taken back; else it has to end first. */
static int take_back_stop(struct serving_local *serving, const char *key,
                          struct replica_view *view, struct err *err)
{
	if (!view->file.stopping)
		return 0;
	if (view->file.term_ms >= 0)
		return err_set(err, ERR_TRANSIENT, "%s is ending", view->folder);
	view->file.stopping = false;
	if (replica_write(view->folder, &view->file, err) < 0)
		return -1;
	return haproxy_stay(serving->router, key, view->file.revision, view->file.slot, err);
}

static const char *replica_name(const struct action *action, struct arena *arena)
{
	char revision[REVISION_SHORT + 1];

	revision_short(action->revision, revision);
	return arena_printf(arena, "%s-%d", revision, action->slot);
}

static void note_failure(struct replica_file *file, const struct err *cause, struct arena *arena)
{
	file->ended_ms = wall_ms();
	file->failure = arena_strdup(arena, cause->text);
	replica_add_exit(file, file->ended_ms);
}

static int start_anew(struct serving_local *serving, struct serving_key key,
                      const struct action *action, const char *folder, struct replica_file *file,
                      struct arena *arena, struct err *err)
{
	const struct revision *spec = action->spec;
	struct err cause = {0};

	file->revision = spec->digest;
	file->artifact = spec->artifact.digest;
	file->slot = action->slot;
	file->model = spec->model;
	file->version = spec->version;
	file->tree = spec->serve.tree;
	file->stopping = false;
	file->term_ms = -1;
	file->failure = NULL;
	file->secrets = (struct strings){0};
	if (take_port(serving, &file->port, err) < 0 || dir_make_all(AT_FDCWD, folder, 0700, err) < 0 ||
	    work_forget_check(serving, key, spec->digest, arena, err) < 0)
		return -1;
	if (run(serving, key, spec, folder, arena, file, &cause) == 0)
		return 0;
	if (cause.kind != ERR_STALLED) {
		*err = cause;
		return -1;
	}
	note_failure(file, &cause, arena);
	return replica_write(folder, file, err);
}

int replica_start(struct serving_local *serving, struct serving_key key,
                  const struct action *action, struct arena *arena, struct err *err)
{
	const char *name = replica_name(action, arena);
	const char *folder = state_path(serving, arena, "replicas", key, name);
	struct replica_view view = {.file.ended_ms = -1};
	char text[KEY_BYTES];

	if (!action->spec)
		return err_set(err, ERR_STALLED, "%s: what to start is not said", folder);
	if (folder_exists(folder)) {
		struct err unreadable;

		if (replica_look(serving, key, name, arena, &view, &unreadable) < 0) {
			if (unreadable.kind != ERR_STALLED) {
				*err = unreadable;
				return -1;
			}
			/* without its file it never got as far as a process */
			view = (struct replica_view){.file.ended_ms = -1};
		} else if (!digest_same(view.file.revision, action->revision)) {
			return err_set(err, ERR_STALLED, "%s belongs to another revision", folder);
		}
	}
	key_text(key, text);
	if (view.seen.state == PROCESS_RUNNING)
		return take_back_stop(serving, text, &view, err);
	if (view.folder && replica_step(serving, key, &view, err) < 0) /* an exit not noted yet */
		return -1;
	if (check_prepared(serving, action->spec, arena, err) < 0)
		return -1;
	return start_anew(serving, key, action, folder, &view.file, arena, err);
}

/* ---- stopping ---- */

static int remove_replica(struct serving_local *serving, struct serving_key key,
                          struct replica_view *view, struct err *err)
{
	char text[KEY_BYTES];

	key_text(key, text);
	if (haproxy_remove(serving->router, text, view->file.revision, view->file.slot, err) < 0 ||
	    process_end(view->folder, END_WAIT_MS, err) < 0 ||
	    dir_remove_all(AT_FDCWD, view->folder, err) < 0)
		return -1;
	view->gone = true;
	return 0;
}

int replica_stop(struct serving_local *serving, struct serving_key key,
                 const struct action *action, struct arena *arena, struct err *err)
{
	const char *name = replica_name(action, arena);
	struct replica_view view;
	char text[KEY_BYTES];

	if (!folder_exists(state_path(serving, arena, "replicas", key, name)))
		return 0;
	if (replica_look(serving, key, name, arena, &view, err) < 0)
		return -1;
	if (!digest_same(view.file.revision, action->revision) || view.file.stopping)
		return 0;
	if (view.seen.state != PROCESS_RUNNING)
		return remove_replica(serving, key, &view, err);
	key_text(key, text);
	if (haproxy_leave(serving->router, text, action->revision, action->slot, err) < 0)
		return -1;
	view.file.stopping = true;
	view.file.stop_ms = boot_ms();
	view.file.term_ms = -1;
	view.file.drain_ms = action->drain_ms;
	return replica_write(view.folder, &view.file, err);
}

/* Drained, or out of patience: out of the router, and told to end. */
static int end_politely(struct serving_local *serving, struct serving_key key,
                        struct replica_view *view, struct err *err)
{
	const struct haproxy_server *server = server_of(serving, key, view);
	char text[KEY_BYTES];

	if (server && server->seen.open > 0 && boot_ms() - view->file.stop_ms < view->file.drain_ms)
		return 0;
	key_text(key, text);
	if (haproxy_remove(serving->router, text, view->file.revision, view->file.slot, err) < 0)
		return -1;
	view->file.term_ms = boot_ms();
	if (replica_write(view->folder, &view->file, err) < 0)
		return -1;
	return process_signal(view->folder, SIGTERM, err);
}

static int step_stop(struct serving_local *serving, struct serving_key key,
                     struct replica_view *view, struct err *err)
{
	if (view->seen.state != PROCESS_RUNNING)
		return remove_replica(serving, key, view, err);
	if (view->file.term_ms < 0)
		return end_politely(serving, key, view, err);
	if (boot_ms() - view->file.term_ms >= TERM_GRACE_MS)
		return process_signal(view->folder, SIGKILL, err);
	return 0;
}

/* ---- steps of a look ---- */

/* Out of the router at once, and counted; a failed start was counted when it failed. */
static int step_exit(struct serving_local *serving, struct serving_key key,
                     struct replica_view *view, struct err *err)
{
	char text[KEY_BYTES];

	key_text(key, text);
	if (haproxy_remove(serving->router, text, view->file.revision, view->file.slot, err) < 0)
		return -1;
	if (view->seen.state != PROCESS_ENDED || view->seen.ended_ms == view->file.ended_ms ||
	    view->file.failure)
		return 0;
	view->file.ended_ms = view->seen.ended_ms;
	replica_add_exit(&view->file, view->seen.ended_ms);
	return replica_write(view->folder, &view->file, err);
}

int replica_step(struct serving_local *serving, struct serving_key key, struct replica_view *view,
                 struct err *err)
{
	char text[KEY_BYTES];

	if (view->file.stopping)
		return step_stop(serving, key, view, err);
	if (view->seen.state != PROCESS_RUNNING)
		return step_exit(serving, key, view, err);
	if (is_in_router(serving, key, view) || !is_probed(serving, view))
		return 0;
	key_text(key, text);
	return haproxy_add(serving->router, text, view->file.revision, view->file.slot,
	                   view->file.version, view->address, err);
}

/* ---- reporting ---- */

/* "exit 1: line | line": in one line, without the values of its secrets. */
static const char *exit_text(const struct serving_local *serving, const struct replica_view *view,
                             struct arena *arena)
{
	struct buf text;
	char *out;

	if (view->file.failure)
		return view->file.failure;
	for (size_t i = 0; i < view->file.secrets.n; i++) {
		struct err absent;
		const char *value;

		/* hides it; one that is gone by now cannot be hidden, nor learnt from us */
		if (read_secret(serving, view->file.secrets.items[i], arena, &value, &absent) < 0)
			continue;
	}
	buf_init(&text, 2 * TAIL_BYTES);
	if (!view->seen.exit_known)
		buf_puts(&text, "ended while nobody was looking\n");
	else if (view->seen.exit_code > 128)
		buf_printf(&text, "killed by signal %d\n", view->seen.exit_code - 128);
	else
		buf_printf(&text, "exit %d\n", view->seen.exit_code);
	process_tail(view->folder, &text);
	out = arena_strdup(arena, buf_text(&text));
	buf_deinit(&text);
	for (char *end = out + strlen(out); end > out && end[-1] == '\n';)
		*--end = '\0';
	for (char *at = strchr(out, '\n'); at; at = strchr(at, '\n'))
		*at = '|';
	log_scrub(out);
	return out;
}

static int recent_exits(const struct replica_file *file)
{
	int64_t since_ms = wall_ms() - EXITS_WINDOW_MS;
	int n = 0;

	for (size_t i = 0; i < file->n_exits; i++)
		n += file->exits[i] >= since_ms;
	return n;
}

static void report_running(struct serving_local *serving, const struct replica_view *view,
                           const struct haproxy_server *server, struct arena *arena,
                           struct replica *out)
{
	const struct probe *probe;

	if (view->file.stopping) {
		out->state = REPLICA_DRAINING;
	} else if (server && server->seen.up) {
		out->state = REPLICA_READY;
	} else if (server) {
		out->state = REPLICA_STARTING;
		out->failure = arena_printf(arena, "GET /v2/health/live fails: %s", server->seen.cause);
	} else if (is_probed(serving, view)) {
		out->state = REPLICA_READY;
	} else {
		out->state = REPLICA_STARTING;
		probe = probe_find(serving->probes, view->address, view->seen.start_ticks);
		out->failure = probe && probe->why[0] ? arena_strdup(arena, probe->why) : NULL;
	}
}

void replica_report(struct serving_local *serving, struct serving_key key,
                    const struct replica_view *view, struct arena *arena, struct replica *out)
{
	const struct haproxy_server *server =
		is_in_router(serving, key, view) ? server_of(serving, key, view) : NULL;
	bool was_run = view->seen.started_ms >= 0;

	*out = (struct replica){
		.revision = view->file.revision,
		.slot = view->file.slot,
		.started_ms = was_run ? view->seen.started_ms : view->file.ended_ms,
		.age_ms = was_run ? view->seen.age_ms : wall_ms() - view->file.ended_ms,
		.restarts = recent_exits(&view->file),
		.in_rotation = server && !server->leaving,
	};
	snprintf(out->address, sizeof(out->address), "%s", view->address);
	if (server)
		out->counters = server->counters;
	if (view->seen.state == PROCESS_RUNNING) {
		report_running(serving, view, server, arena, out);
	} else {
		out->state = REPLICA_EXITED;
		out->failure = exit_text(serving, view, arena);
	}
}
