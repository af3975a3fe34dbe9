/* The daemon: wires the real ports to the controller and turns the loop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "adapter/git_port.h"
#include "adapter/http_curl.h"
#include "adapter/process_posix.h"
#include "adapter/serving_local.h"
#include "base/file.h"
#include "base/log.h"
#include "config.h"
#include "controller/controller.h"
#include "verbs.h"

/* All that lives as long as the daemon. */
struct daemon {
	struct config config;
	struct arena arena;
	struct ports ports;
	int state_fd, lock_fd, signal_fd;
	char id[33];
	struct controller_config controller;
};

static int open_log(const struct config *config, struct err *err)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	int level = names_find(NAMES(levels), config->values[SETTING_LOG_LEVEL]);

	if (level < 0)
		return err_set(err, ERR_STALLED, "log.level: '%s' is not debug, info, warn or error",
		               config->values[SETTING_LOG_LEVEL]);
	log_open(STDERR_FILENO, (enum log_level)level,
	         !strcmp(config->values[SETTING_LOG_FORMAT], "json"));
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

static int open_ports(struct daemon *d, struct err *err)
{
	(void)d;
	(void)err;
	return 0;
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

/* Waits until a signal or the time; says whether to stop. */
static bool wait_for(struct daemon *d, struct controller *controller, int64_t wait_ms)
{
	struct pollfd fd = {d->signal_fd, POLLIN, 0};
	struct signalfd_siginfo signal;
	bool stop = false;

	if (poll(&fd, 1, wait_ms > 60000 ? 60000 : (int)wait_ms) <= 0)
		return false;
	while (read(d->signal_fd, &signal, sizeof(signal)) == sizeof(signal)) {
		if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
			stop = true;
		else
			controller_poke(controller);
	}
	return stop;
}

static int turn(struct daemon *d, struct controller *controller, struct err *err)
{
	bool stop = false;

	while (!stop) {
		int64_t wait_ms;

		if (controller_pass(controller, &wait_ms, err))
			return -1;
		if (d->config.once && controller_quiet(controller))
			return 0;
		stop = wait_for(d, controller, wait_ms);
	}
	log_info("stopping; model servers and the router stay");
	return 0;
}
