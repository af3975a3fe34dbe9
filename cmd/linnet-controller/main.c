/* The daemon: wires the real ports to the controller and turns the loop. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "adapter/git_port.h"
#include "adapter/data_files.h"
#include "adapter/http_curl.h"
#include "adapter/process_posix.h"
#include "adapter/serving_local.h"
#include "base/file.h"
#include "base/log.h"
#include "config.h"
#include "controller/controller.h"
#include "events.h"
#include "verbs.h"
#include "web/web.h"

/* Not to be started again by who watches it. */
enum { EXIT_SUPERSEDED = 3 };
enum { POLL_LEAST_MS = 100, POLL_MOST_MS = 24 * 60 * 60 * 1000 };

/* All that lives as long as the daemon. */
struct daemon {
	struct config config;
	struct arena arena;
	struct ports ports;
	struct serving_local *serving;
	struct process_posix *process;
	struct http_curl *http;
	struct data_files *files;
	int state_fd, lock_fd, signal_fd;
	char id[33];
	const char *self, *state, *store;
	struct controller_config controller;
	struct web *web; /* NULL: there is none */
	const char *token, *webhook_secret; /* as last read; NULL none */
	bool secrets_stale; /* a file of them cannot be read any more */
	struct controller *running;
	struct kept_events events;
	bool woken;      /* by the web: something is to be done at once */
	bool superseded; /* another controller has taken over */
};

static int open_log(const struct config *config, struct err *err)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	static const char *const formats[] = {"text", "json"};
	int level = names_find(NAMES(levels), config->values[SETTING_LOG_LEVEL]);
	int format = names_find(NAMES(formats), config->values[SETTING_LOG_FORMAT]);

	if (level < 0) {
		err_set(err, ERR_STALLED, "'%s' is not debug, info, warn or error",
		        config->values[SETTING_LOG_LEVEL]);
		return config_wrong(config, SETTING_LOG_LEVEL, err);
	}
	if (format < 0) {
		err_set(err, ERR_STALLED, "'%s' is not text or json", config->values[SETTING_LOG_FORMAT]);
		return config_wrong(config, SETTING_LOG_FORMAT, err);
	}
	log_open(STDERR_FILENO, (enum log_level)level, format == 1);
	return 0;
}

/* One controller a state folder: the second says so and exits. */
static int open_state(struct daemon *d, struct err *err)
{
	const char *state = d->config.values[SETTING_STATE];

	if (dir_make_all(AT_FDCWD, state, 0700, err))
		return err_wrap(err, "state folder");
	d->state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->state_fd < 0)
		return err_errno(err, ERR_STALLED, errno, "state folder %s", state);
	d->lock_fd = openat(d->state_fd, "controller.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->lock_fd < 0)
		return err_errno(err, ERR_STALLED, errno, "%s/controller.lock", state);
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB))
		return err_set(err, ERR_STALLED,
		               "another linnet-controller runs on %s; stop it first, or give this one "
		               "a state folder of its own", state);
	return 0;
}

/* The id of this state folder, made once. */
static int read_id(struct daemon *d, struct err *err)
{
	struct buf text;
	struct err absent = {0};
	unsigned char bytes[8];

	buf_init(&text, sizeof(d->id));
	if (!file_read(d->state_fd, "id", &text, &absent) && text.len == 16) {
		snprintf(d->id, sizeof(d->id), "%s", buf_text(&text));
		buf_deinit(&text);
		return 0;
	}
	buf_deinit(&text);
	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(d->id + 2 * i, 3, "%02x", bytes[i]);
	return file_write(d->state_fd, "id", d->id, strlen(d->id), 0600, err);
}

/* "Linnet <linnet@example.com>" into its parts. */
static void split_author(struct daemon *d, const char *text, const char **author,
                         const char **email)
{
	const char *open = strchr(text, '<'), *close = strrchr(text, '>');

	*author = text;
	*email = NULL;
	if (!open || !close || close < open || open == text)
		return;
	*author = arena_strndup(&d->arena, text, (size_t)(open - text) - (open[-1] == ' '));
	*email = arena_strndup(&d->arena, open + 1, (size_t)(close - open - 1));
}

static int read_poll(struct daemon *d, int64_t *poll_ms, struct err *err)
{
	const char *text = d->config.values[SETTING_FLEET_POLL];

	if (parse_duration(text, poll_ms, err))
		return config_wrong(&d->config, SETTING_FLEET_POLL, err);
	if (*poll_ms >= POLL_LEAST_MS && *poll_ms <= POLL_MOST_MS)
		return 0;
	err_set(err, ERR_STALLED, "write 100ms to 24h, not %s", text);
	return config_wrong(&d->config, SETTING_FLEET_POLL, err);
}

static int open_git(struct daemon *d, struct err *err)
{
	const char *const *values = d->config.values;
	struct git_config config = {
		.state = d->state,
		.url = values[SETTING_FLEET_URL],
		.branch = values[SETTING_FLEET_BRANCH],
		.auth = {.token_file = values[SETTING_FLEET_TOKEN_FILE],
		         .ca_file = values[SETTING_FLEET_CA_FILE],
		         .ssh_key = values[SETTING_FLEET_SSH_KEY],
		         .known_hosts = values[SETTING_FLEET_KNOWN_HOSTS],
		         .askpass = d->self},
		.allowed_signers = values[SETTING_VERIFY_SIGNERS],
		.forge_keys = values[SETTING_VERIFY_FORGE_KEYS],
		.root = values[SETTING_VERIFY_ROOT],
		.status_branch = values[SETTING_STATUS_BRANCH],
		.signing_key = values[SETTING_STATUS_SIGNING_KEY],
	};

	if (!config.url)
		return err_set(err, ERR_STALLED, "fleet.url is not set; write it into linnet.yaml or "
		                                 "give --fleet-url");
	if (read_poll(d, &config.poll_ms, err))
		return -1;
	split_author(d, values[SETTING_STATUS_AUTHOR], &config.author, &config.email);
	d->controller.poll_ms = config.poll_ms;
	d->controller.fleet_name = config.url;
	return git_port_open(&config, &d->ports.git, err);
}

/* The router takes more forms than this; of none without a port it would say so only once something
 * serves. */
static int check_listen(const char *listen, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	struct err ignored = {0};
	int64_t port;

	if (!colon || parse_int(colon + 1, 1, 65535, &port, &ignored))
		return err_set(err, ERR_STALLED, "write ADDRESS:PORT, such as 127.0.0.1:9000, not %s",
		               listen);
	return 0;
}

/* Whom model servers run as. What is in their way can be mended while we run: they start then. */
static void tell_user(struct daemon *d)
{
	const char *user = serving_local_user(d->serving);
	struct err err = {0};

	if (user && !strcmp(user, "nobody") && !d->config.values[SETTING_LOCAL_USER])
		log_info("model servers run as nobody, as other programs may; make a user for them "
		         "(useradd --system " SERVING_USER ") or set local.user");
	else if (user)
		log_info("model servers run as %s", user);
	else if (geteuid() == 0)
		log_warn("model servers run as root; set local.user to somebody else");
	if (serving_local_reach(d->serving, &err))
		log_warn("%s", err.text);
	if (serving_local_sees_secrets(d->serving))
		log_warn("secrets.dir: any model server may enter %s; let only root do so (chmod 700)",
		         d->config.values[SETTING_SECRETS_DIR]);
}

static int open_serving(struct daemon *d, struct err *err)
{
	struct serving_local_config config = {
		.state = d->state,
		.store = d->store,
		.data_root = d->config.values[SETTING_DATA_ROOT],
		.secrets = d->config.values[SETTING_SECRETS_DIR],
		.repository = arena_printf(&d->arena, "%s/fleet.git", d->state),
		.listen = d->config.values[SETTING_LOCAL_LISTEN],
		.user = d->config.values[SETTING_LOCAL_USER],
		.self = d->self,
	};

	if (check_listen(config.listen, err))
		return config_wrong(&d->config, SETTING_LOCAL_LISTEN, err);
	if (parse_memory(d->config.values[SETTING_PREDICTIONS_BYTES], &config.predictions_bytes, err))
		return config_wrong(&d->config, SETTING_PREDICTIONS_BYTES, err);
	if (parse_duration(d->config.values[SETTING_PREDICTIONS_AGE], &config.predictions_age_ms, err))
		return config_wrong(&d->config, SETTING_PREDICTIONS_AGE, err);
	if (serving_local_open(&config, &d->serving, err))
		return -1;
	d->ports.serving = serving_local_port(d->serving);
	return 0;
}

/* Absolute paths: children do not run in our folder. */
static int find_paths(struct daemon *d, struct err *err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const char *store = d->config.values[SETTING_STORE];

	if (n < 0)
		return err_errno(err, ERR_STALLED, errno, "/proc/self/exe");
	path[n] = 0;
	d->self = arena_strdup(&d->arena, path);
	if (!realpath(d->config.values[SETTING_STATE], path))
		return err_errno(err, ERR_STALLED, errno, "%s", d->config.values[SETTING_STATE]);
	d->state = arena_strdup(&d->arena, path);
	if (!strncmp(store, "file:", 5))
		store += 5;
	if (dir_make_all(AT_FDCWD, store, 0700, err))
		return err_wrap(err, "store");
	if (!realpath(store, path))
		return err_errno(err, ERR_STALLED, errno, "store %s", store);
	d->store = arena_strdup(&d->arena, path);
	return 0;
}

static int open_ports(struct daemon *d, struct err *err)
{
	const char *data = d->config.values[SETTING_DATA_ROOT];
	char path[PATH_MAX];
	int64_t runs;

	if (data && !realpath(data, path))
		return err_errno(err, ERR_STALLED, errno, "data.root %s (make it, or name another)", data);
	if (parse_int(d->config.values[SETTING_RUNS_CONCURRENT], 1, 64, &runs, err))
		return config_wrong(&d->config, SETTING_RUNS_CONCURRENT, err);
	d->http = http_curl_new();
	d->ports.http = http_curl_port(d->http);
	if (process_posix_open(arena_printf(&d->arena, "%s/runs", d->state), &d->process, err) ||
	    open_git(d, err) || open_serving(d, err))
		return -1;
	tell_user(d);
	log_info("resources of local replicas: memory bounds each process, cpu is a share and no cap");
	d->ports.process = process_posix_port(d->process);
	d->files = data_files_new(DATA_SETTLE_MS);
	d->ports.data = data_files_port(d->files);
	d->controller.id = d->id;
	d->controller.fleet_path = d->config.values[SETTING_FLEET_PATH];
	d->controller.state_fd = d->state_fd;
	d->controller.runs_concurrent = runs;
	d->controller.metrics_allow = d->config.values[SETTING_METRICS_ALLOW];
	d->controller.allow_empty = d->config.allow_empty;
	d->controller.take_over = d->config.take_over;
	d->controller.run = (struct run_paths){
		.self = d->self,
		.data_root = data ? arena_strdup(&d->arena, path) : NULL,
		.allow = d->config.values[SETTING_DATA_ALLOW],
		.secrets = d->config.values[SETTING_SECRETS_DIR],
		.state = d->state,
		.store = d->store,
	};
	return port_check(&d->ports, err);
}

/* ---- the web side ---- */

enum { SECRET_BYTES = 4096, SECRET_LEAST = 16 };

/* The first line of a secret file; short ones are refused, because they can be guessed. Where it is
 * what `out` says already, nothing changes. */
static int read_secret(struct daemon *d, enum setting setting, const char *name, const char **out,
                       struct err *err)
{
	const char *path = d->config.values[setting];
	struct buf text;
	size_t len;
	int result = 0;

	if (!path)
		return 0;
	buf_init(&text, SECRET_BYTES);
	if (file_read(AT_FDCWD, path, &text, err)) {
		result = err_wrap(err, "%s", name);
	} else if ((len = strcspn(buf_text(&text), "\r\n")) < SECRET_LEAST) {
		result = err_set(err, ERR_STALLED, "%s: %s: the secret is shorter than %d characters; "
		                 "make one with `openssl rand -hex 32`", name, path, (int)SECRET_LEAST);
	} else if (!*out || strncmp(*out, text.text, len) || (*out)[len]) {
		*out = arena_strndup(&d->arena, text.text, len);
		log_hide(*out);
	}
	buf_deinit(&text);
	return result;
}

static int read_secrets(struct daemon *d, struct err *err)
{
	if (read_secret(d, SETTING_WEB_TOKEN_FILE, "web.tokenFile", &d->token, err))
		return -1;
	return read_secret(d, SETTING_WEB_WEBHOOK_SECRET_FILE, "web.webhookSecretFile",
	                   &d->webhook_secret, err);
}

/* One that was rotated counts from now on; until it can be read, the one before does. */
static void renew_secrets(struct daemon *d)
{
	struct err err = {0};
	bool stale = read_secrets(d, &err) != 0;

	if (stale && !d->secrets_stale)
		log_warn("%s; what it said before counts on", err.text);
	d->secrets_stale = stale;
	web_secrets(d->web, d->token, d->webhook_secret);
}

static void look_now(void *self)
{
	struct daemon *d = self;

	d->ports.git.poke(d->ports.git.self);
	d->woken = true;
}

static void take_event(void *self, const char *name)
{
	struct daemon *d = self;

	events_hand(&d->events, name, d->running);
	d->woken = true;
}

static int keep_event(void *self, const char *name, struct err *err)
{
	struct daemon *d = self;

	return events_keep(&d->events, name, err);
}

static int open_web(struct daemon *d, struct err *err)
{
	struct web_config config = {
		.listen = d->config.values[SETTING_WEB_LISTEN],
		.version = LINNET_VERSION,
		.self = d,
		.fetch = look_now,
		.event = take_event,
		.keep = keep_event,
	};

	if (!config.listen || d->config.once || d->config.stop_serving)
		return 0;
	if (read_secrets(d, err) || events_open(&d->events, d->state_fd, err))
		return -1;
	config.token = d->token;
	config.webhook_secret = d->webhook_secret;
	if (web_open(&config, &d->web, err))
		return -1;
	d->controller.watch = web_watch(d->web);
	return 0;
}

static void close_ports(struct daemon *d)
{
	serving_local_close(d->serving);
	process_posix_close(d->process);
	git_port_close(&d->ports.git);
	data_files_free(d->files);
	http_curl_free(d->http);
}

static int open_signals(struct daemon *d, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signal_fd < 0)
		return err_errno(err, ERR_STALLED, errno, "signalfd");
	return 0;
}

/* The sooner of the two waits; a negative one of the web is none. */
static int64_t least_wait(const struct daemon *d, int64_t left_ms, int64_t now_ms)
{
	int64_t web_ms = web_wait_ms(d->web, now_ms);

	return web_ms >= 0 && web_ms < left_ms ? web_ms : left_ms;
}

/* Takes in signals; says whether one asks to stop. */
static bool read_signals(struct daemon *d)
{
	struct signalfd_siginfo signal;
	bool stop = false;

	while (read(d->signal_fd, &signal, sizeof(signal)) == sizeof(signal)) {
		d->woken = true;
		if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
			stop = true;
		else
			controller_poke(d->running, signal.ssi_signo == SIGHUP);
	}
	return stop;
}

/* Waits until a signal or the time, taking in the router's log and serving the web meanwhile; says
 * whether to stop. */
static bool wait_for(struct daemon *d, int64_t wait_ms)
{
	struct pollfd fds[] = {{d->signal_fd, POLLIN, 0}, {serving_local_fd(d->serving), POLLIN, 0},
	                       {web_fd(d->web), POLLIN, 0}};
	struct port_clock *clock = &d->ports.clock;
	int64_t now_ms = clock->now_ms(clock->self), until_ms = now_ms + wait_ms;
	bool stop = false;

	d->woken = false;
	do {
		poll(fds, ARRAY_LEN(fds), (int)least_wait(d, until_ms - now_ms, now_ms));
		if (fds[1].revents && serving_local_drain(d->serving)) {
			d->woken = true;
			controller_poke(d->running, false);
		}
		stop = read_signals(d);
		now_ms = clock->now_ms(clock->self);
		web_turn(d->web, now_ms);
	} while (!d->woken && now_ms < until_ms);
	return stop;
}

/* A reserve that is given back when the disk is full, so that a rollback can still be recorded. */
static void look_at_disk(struct daemon *d, struct controller *controller)
{
	enum { RESERVE_BYTES = 8 << 20, LOW_BYTES = 4 << 20, ROOM_BYTES = 13 << 20,
	       ENOUGH_BYTES = 24 << 20 };
	struct statvfs disk;
	int64_t free_bytes;
	bool reserved = faccessat(d->state_fd, "reserve", F_OK, 0) == 0;

	if (fstatvfs(d->state_fd, &disk))
		return;
	free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
	if (free_bytes < LOW_BYTES) {
		if (reserved)
			unlinkat(d->state_fd, "reserve", 0);
		controller_disk(controller, true);
	} else if (free_bytes > ROOM_BYTES) {
		controller_disk(controller, false);
	}
	if (free_bytes > ENOUGH_BYTES && !reserved) {
		int fd = openat(d->state_fd, "reserve", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES))
			unlinkat(d->state_fd, "reserve", 0);
		if (fd >= 0)
			close(fd);
	}
}

static void tell_web(struct daemon *d)
{
	struct figures figures;

	if (!d->web)
		return;
	controller_figures(d->running, &figures);
	web_tell(d->web, &figures);
	renew_secrets(d);
}

static int turn(struct daemon *d, struct err *err)
{
	bool stop = false;

	while (!stop) {
		int64_t wait_ms;

		look_at_disk(d, d->running);
		if (controller_pass(d->running, &wait_ms, err)) {
			d->superseded = true;
			return -1;
		}
		if (d->config.once && controller_check(d->running, err))
			return -1;
		if (d->config.once && controller_quiet(d->running))
			return 0;
		if (events_turn(&d->events, d->running))
			wait_ms = 0;
		tell_web(d);
		stop = wait_for(d, wait_ms);
	}
	log_info("stopping; model servers and the router stay");
	return 0;
}

static int run(struct daemon *d, struct err *err)
{
	int result;

	d->running = controller_new(&d->ports, &d->controller);
	result = turn(d, err);
	controller_free(d->running);
	return result;
}

/* Asks every replica that is left to stop, and says how many there are. */
static int stop_step(struct port_serving *serving, struct arena *arena, size_t *left,
                     struct err *err)
{
	struct serving_key *keys;
	struct serving_look *looks;
	struct observed *observed;
	size_t n;

	*left = 0;
	if (serving->inventory(serving->self, arena, &keys, &n, err))
		return -1;
	observed = arena_array(arena, n, struct observed);
	looks = arena_array(arena, n, struct serving_look);
	for (size_t i = 0; i < n; i++)
		looks[i].key = keys[i];
	if (n && serving->observe(serving->self, looks, n, arena, observed, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct serving_target target = {.key = keys[i]};
		struct action none = {.kind = ACTION_SET_WEIGHTS, .why = "Linnet leaves this machine"};

		*left += observed[i].n_replicas;
		if (observed[i].n_weights && serving->apply(serving->self, &target, &none, err))
			return -1;
		for (size_t j = 0; j < observed[i].n_replicas; j++) {
			struct action stop = {.kind = ACTION_STOP_REPLICA,
			                      .revision = observed[i].replicas[j].revision,
			                      .slot = observed[i].replicas[j].slot,
			                      .why = none.why};

			if (serving->apply(serving->self, &target, &stop, err))
				return -1;
		}
	}
	return 0;
}

/* Ends every model server of this state folder and the router: for taking Linnet off a machine. */
static int stop_serving(struct daemon *d, struct err *err)
{
	enum { WITHIN_MS = 30000, LOOK_MS = 100 };
	int64_t until_ms = d->ports.clock.now_ms(NULL) + WITHIN_MS;
	struct arena arena;
	size_t left = 1;
	int result = 0;

	arena_init(&arena, 64 << 20);
	while (!result && left && d->ports.clock.now_ms(NULL) < until_ms) {
		arena_reset(&arena);
		result = stop_step(&d->ports.serving, &arena, &left, err);
		if (left)
			poll(NULL, 0, LOOK_MS);
	}
	arena_deinit(&arena);
	if (!result && left)
		return err_set(err, ERR_TRANSIENT, "%zu model servers still run", left);
	return result ? result : serving_local_end(d->serving, err);
}

/* Core dumps would hold secrets. */
static void harden(void)
{
	struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none))
		log_warn("core dumps cannot be switched off");
	umask(077);
}

static int daemon_main(struct daemon *d, struct err *err)
{
	int result;

	harden();
	d->ports.clock = clock_posix();
	if (open_log(&d->config, err) || open_state(d, err) || read_id(d, err) ||
	    open_signals(d, err) || find_paths(d, err))
		return -1;
	if (d->config.stop_serving)
		result = open_serving(d, err) || stop_serving(d, err);
	else
		result = open_ports(d, err) || open_web(d, err) || run(d, err);
	web_close(d->web);
	events_close(&d->events);
	close_ports(d);
	return result ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct daemon d = {.state_fd = -1, .lock_fd = -1, .signal_fd = -1};
	struct err err = {0};
	int status = 0;

	if (git_askpass(argc, argv, &status))
		return status;
	if (argc > 1 && !strcmp(argv[1], "__prepare"))
		return serving_prepare_main(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "__check"))
		return verb_check(argc, argv);
	if (argc > 2 && !strcmp(argv[1], "__run"))
		return verb_run(argc, argv);
	arena_init(&d.arena, 16 << 20);
	if (config_read(&d.config, argc, argv, &d.arena, &err)) {
		status = 1;
	} else if (d.config.help) {
		config_help();
	} else if (d.config.version) {
		printf("linnet-controller %s\n", LINNET_VERSION);
	} else if (d.config.print) {
		config_print(&d.config);
	} else {
		status = daemon_main(&d, &err) ? (d.superseded ? EXIT_SUPERSEDED : 1) : 0;
	}
	if (status)
		fprintf(stderr, "linnet-controller: %s\n", err.text);
	arena_deinit(&d.arena);
	return status;
}
