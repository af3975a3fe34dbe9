#include "adapter/haproxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "adapter/haproxy_parts.h"
#include "adapter/process_posix.h"
#include "base/file.h"
#include "base/heap.h"

enum {
	BACKENDS_FIRST = 32,
	SLOTS_FIRST = 16,
	START_WAIT_MS = 2000,
	RELOAD_WAIT_MS = 1000,
	RELOADS_MOST = 5,
	END_WAIT_MS = 5000,
	FILE_BYTES_MAX = 64 << 20,
	STAT_BACKENDS_MAX = 256, /* so that asking for each fits into one command */
};

/* ---- files ---- */

static int write_file(struct haproxy *haproxy, const char *name,
                      void (*write)(const struct haproxy *, struct buf *), struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, FILE_BYTES_MAX);
	write(haproxy, &text);
	rc = buf_check(&text, name, err);
	if (rc == 0)
		rc = file_replace(haproxy->dir, name, buf_text(&text), text.len, 0600, err);
	buf_deinit(&text);
	return rc < 0 ? err_wrap(err, "%s", haproxy->folder) : 0;
}

static int save_table(struct haproxy *haproxy, struct err *err)
{
	if (haproxy->dirty && write_file(haproxy, "router.json", write_table, err) < 0)
		return -1;
	haproxy->dirty = false;
	return 0;
}

static int save_config(struct haproxy *haproxy, struct err *err)
{
	if (!haproxy->config_dirty)
		return 0;
	if (write_file(haproxy, "routes.map", write_routes, err) < 0 ||
	    write_file(haproxy, "revisions.map", write_revisions, err) < 0 ||
	    write_file(haproxy, "versions.map", write_versions, err) < 0 ||
	    write_file(haproxy, "haproxy.cfg", write_config, err) < 0)
		return -1;
	haproxy->config_dirty = false;
	return 0;
}

/* A disk that takes no file keeps HAProxy neither from being looked at nor from being told, so that
 * a rollback works then too; what is not written is said, and written by a later look. */
static void save_what_fits(struct haproxy *haproxy, bool config)
{
	struct err full = {0};

	if (save_table(haproxy, &full) < 0 || (config && save_config(haproxy, &full) < 0))
		snprintf(haproxy->unsaved, sizeof(haproxy->unsaved), "%.255s", full.text);
	else if (!haproxy->config_dirty)
		haproxy->unsaved[0] = '\0';
}

const char *haproxy_unsaved(const struct haproxy *haproxy)
{
	return haproxy->unsaved;
}

static void touch(struct haproxy *haproxy)
{
	haproxy->dirty = true;
	haproxy->config_dirty = true;
}

/* ---- the table ---- */

int haproxy_slots(const struct haproxy *haproxy)
{
	return haproxy->slots;
}

size_t haproxy_backends(const struct haproxy *haproxy)
{
	return haproxy->n_backends;
}

struct haproxy_backend *haproxy_backend(struct haproxy *haproxy, size_t i)
{
	return &haproxy->backends[i];
}

const struct process_seen *haproxy_process(const struct haproxy *haproxy)
{
	return &haproxy->master;
}

const char *haproxy_identity(const struct haproxy *haproxy)
{
	return haproxy->identity;
}

struct haproxy_backend *haproxy_find(struct haproxy *haproxy, const char *key)
{
	for (size_t b = 0; b < haproxy->n_backends; b++)
		if (haproxy->backends[b].key && strcmp(haproxy->backends[b].key, key) == 0)
			return &haproxy->backends[b];
	return NULL;
}

struct haproxy_server *haproxy_server(struct haproxy *haproxy,
                                      const struct haproxy_backend *backend,
                                      struct digest revision, int slot)
{
	for (int s = 0; s < haproxy->slots; s++) {
		struct haproxy_server *server = &backend->servers[s];

		if (server->used && server->slot == slot && digest_same(server->revision, revision))
			return server;
	}
	return NULL;
}

double haproxy_live_share(const struct haproxy *haproxy, const struct haproxy_backend *backend,
                          struct digest revision)
{
	int64_t own = 0, all = 0;

	for (int s = 0; s < haproxy->slots; s++) {
		const struct haproxy_server *server = &backend->servers[s];

		if (!server->used || !server->seen.up)
			continue;
		all += server->seen.weight;
		own += digest_same(server->revision, revision) ? server->seen.weight : 0;
	}
	return all > 0 ? (double)own / (double)all : 0;
}

static double share_of(const struct haproxy_backend *backend, struct digest revision)
{
	for (size_t i = 0; i < backend->n_shares; i++)
		if (digest_same(backend->shares[i].revision, revision))
			return backend->shares[i].share;
	return 0;
}

static bool is_member(const struct haproxy_server *server, struct digest revision)
{
	return server->used && !server->leaving && digest_same(server->revision, revision);
}

static int count_members(const struct haproxy *haproxy, const struct haproxy_backend *backend,
                         struct digest revision, bool only_up)
{
	int n = 0;

	for (int s = 0; s < haproxy->slots; s++)
		n += is_member(&backend->servers[s], revision) &&
		     (!only_up || backend->servers[s].seen.up);
	return n;
}

/* ---- dealing out shares ---- */

/* Weights of one revision's servers. Those that are down get none while a sibling is up; where
 * all are down they keep what they would have, so that the first to come back takes its share
 * at once. */
static void deal_revision(struct haproxy *haproxy, struct haproxy_backend *backend,
                          struct digest revision, int total)
{
	bool only_up = count_members(haproxy, backend, revision, true) > 0;
	int n = count_members(haproxy, backend, revision, only_up), i = 0;

	for (int s = 0; s < haproxy->slots; s++) {
		struct haproxy_server *server = &backend->servers[s];

		if (is_member(server, revision) && (!only_up || server->seen.up))
			server->weight = haproxy_part(total, n, i++);
	}
}

static bool someone_can_serve(const struct haproxy *haproxy, const struct haproxy_backend *backend,
                              const struct haproxy_share *shares, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (shares[i].share > 0 &&
		    count_members(haproxy, backend, shares[i].revision, true) > 0)
			return true;
	return false;
}

static double sum_of(const struct haproxy_share *shares, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += shares[i].share;
	return sum;
}

/* Sets the weights that the shares mean with the servers that are up now. Where nobody who has a
 * share is up, the weights stay: to take them away would help nobody. */
static void deal(struct haproxy *haproxy, struct haproxy_backend *backend)
{
	double shares[2] = {0};
	int servers[2] = {0}, totals[2];
	bool keep = sum_of(backend->shares, backend->n_shares) > 0 &&
	            !someone_can_serve(haproxy, backend, backend->shares, backend->n_shares);

	for (int s = 0; s < haproxy->slots; s++) {
		struct haproxy_server *server = &backend->servers[s];

		server->counted = server->used && server->seen.up;
		if (!keep || server->leaving)
			server->weight = 0;
	}
	touch(haproxy);
	if (keep)
		return;
	for (size_t i = 0; i < backend->n_shares; i++) {
		struct digest revision = backend->shares[i].revision;

		shares[i] = backend->shares[i].share;
		servers[i] = count_members(haproxy, backend, revision, true);
		if (servers[i] == 0)
			servers[i] = count_members(haproxy, backend, revision, false);
	}
	haproxy_totals(shares, servers, totals);
	for (size_t i = 0; i < backend->n_shares; i++)
		if (totals[i] > 0)
			deal_revision(haproxy, backend, backend->shares[i].revision, totals[i]);
}

/* ---- reading back ---- */

/* The counters go on from here: the worker's own begin at 0. */
static void rebase(struct haproxy_server *server)
{
	server->base.requests = server->counters.requests;
	server->base.bad = server->counters.bad;
	server->base.attempts = server->base.answered = 0;
	server->base.failed = server->base.aborted = 0;
}

static uint64_t above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* An attempt is over when it is not open any more; it was bad unless it was answered with less than
 * 500 or its client went away. That holds for redispatched ones too, which no single counter of
 * HAProxy's shows once and only once. Never falls, whatever moment the numbers were taken at. */
static void count(struct haproxy *haproxy, struct haproxy_server *server)
{
	const struct haproxy_seen *seen = &server->seen;
	uint64_t over, fine, requests, bad;

	if (seen->attempts < server->base.attempts)
		rebase(server);
	over = above(seen->attempts - server->base.attempts, seen->open);
	fine = above(seen->answered - server->base.answered, seen->failed - server->base.failed) +
	       (seen->aborted - server->base.aborted);
	requests = server->base.requests + over;
	bad = server->base.bad + above(over, fine);
	haproxy->dirty = haproxy->dirty || requests > server->counters.requests;
	if (requests > server->counters.requests)
		server->counters.requests = requests;
	if (bad > server->counters.bad)
		server->counters.bad = bad;
}

static void take_identity(struct haproxy *haproxy, const char *identity)
{
	if (strcmp(haproxy->identity, identity) == 0)
		return;
	snprintf(haproxy->identity, sizeof(haproxy->identity), "%s", identity);
	haproxy->dirty = true;
	for (size_t b = 0; b < haproxy->n_backends; b++)
		for (int s = 0; s < haproxy->slots; s++)
			if (haproxy->backends[b].servers[s].used)
				rebase(&haproxy->backends[b].servers[s]);
}

static void take_stat(struct haproxy *haproxy, const char *csv, bool all)
{
	struct stat_reader reader = {.rest = csv};
	struct stat_row row;

	haproxy->n_seen = all ? 0 : haproxy->n_seen;
	while (stat_next(&reader, &row)) {
		struct haproxy_server *server;

		if ((size_t)row.backend >= haproxy->n_backends || row.server >= haproxy->slots)
			continue;
		server = &haproxy->backends[row.backend].servers[row.server];
		server->seen = row.seen;
		haproxy->n_seen += all;
		if (server->used)
			count(haproxy, server);
	}
}

/* `show stat` of the backends in use; of all when there are many, or when `all` says so. */
static void ask_stat(const struct haproxy *haproxy, bool all, struct buf *commands)
{
	size_t used = 0;

	for (size_t b = 0; b < haproxy->n_backends; b++)
		used += haproxy->backends[b].key != NULL;
	buf_puts(commands, "show info");
	if (all || used > STAT_BACKENDS_MAX)
		buf_puts(commands, ";show stat -1 4 -1");
	for (size_t b = 0; b < haproxy->n_backends && !all && used <= STAT_BACKENDS_MAX; b++)
		if (haproxy->backends[b].key)
			buf_printf(commands, ";show stat b%zu 4 -1", b);
	buf_putc(commands, '\n');
}

static int read_stat(struct haproxy *haproxy, bool all, struct err *err)
{
	char identity[IDENTITY];
	struct buf commands, reply;
	int rc;

	buf_init(&commands, COMMAND_BYTES);
	buf_init(&reply, REPLY_BYTES);
	ask_stat(haproxy, all, &commands);
	rc = link_run(haproxy, buf_text(&commands), &reply, err);
	if (rc == 0 && !read_identity(buf_text(&reply), identity))
		rc = err_set(err, ERR_UNKNOWN, "HAProxy's reply makes no sense");
	if (rc == 0) {
		const char *csv = strstr(buf_text(&reply), "# pxname");

		take_identity(haproxy, identity);
		take_stat(haproxy, csv ? csv : "", all);
	}
	buf_deinit(&commands);
	buf_deinit(&reply);
	return rc;
}

/* What HAProxy says of itself and of the servers in use. A worker that was not read before is read
 * whole, so that the empty slots are known to be empty. */
static int read_back(struct haproxy *haproxy, struct err *err)
{
	if (read_stat(haproxy, false, err) < 0)
		return -1;
	if (strcmp(haproxy->identity, haproxy->known) == 0)
		return 0;
	if (read_stat(haproxy, true, err) < 0)
		return -1;
	memcpy(haproxy->known, haproxy->identity, IDENTITY);
	return 0;
}

/* ---- making HAProxy like the table ---- */

/* Commands that are sent together, at most COMMAND_BYTES at a time. */
struct batch {
	const struct haproxy *haproxy;
	struct buf commands, reply;
	struct err *err;
	int rc;
};

static void flush(struct batch *batch)
{
	if (batch->rc == 0 && batch->commands.len > 0) {
		buf_putc(&batch->commands, '\n');
		batch->rc = link_run(batch->haproxy, buf_text(&batch->commands), &batch->reply,
		                     batch->err);
	}
	buf_clear(&batch->commands);
}

static void command(struct batch *batch, const char *fmt, ...) printf_like(2, 3);
static void command(struct batch *batch, const char *fmt, ...)
{
	va_list args;

	if (batch->commands.len > COMMAND_BYTES - 512)
		flush(batch);
	if (batch->commands.len > 0)
		buf_putc(&batch->commands, ';');
	va_start(args, fmt);
	buf_vprintf(&batch->commands, fmt, args);
	va_end(args);
}

static void set_map(struct batch *batch, const char *map, size_t b, int s, const char *value)
{
	command(batch, "del map %s b%zu/s%d", map, b, s);
	command(batch, "add map %s b%zu/s%d %s", map, b, s, value);
}

/* A replica that is not in its slot yet, or at another address: taken out, and in without
 * weight. */
static void settle_server(struct batch *batch, size_t b, int s, struct haproxy_server *server)
{
	const char *colon = strrchr(server->address, ':');
	char revision[REVISION_SHORT + 1];

	if (!colon || (!server->seen.maint && strcmp(server->seen.address, server->address) == 0))
		return;
	revision_short(server->revision, revision);
	command(batch, "set server b%zu/s%d state maint", b, s);
	set_map(batch, "revisions.map", b, s, revision);
	set_map(batch, "versions.map", b, s, server->version);
	command(batch, "set server b%zu/s%d addr %.*s port %s", b, s,
	        (int)(colon - server->address), server->address, colon + 1);
	command(batch, "set server b%zu/s%d weight 0", b, s);
	command(batch, "set server b%zu/s%d state ready", b, s);
	server->seen.weight = 0;
}

enum change { CHANGE_RAISE, CHANGE_SECOND, CHANGE_LOWER };

/* The stable revision's weights are raised first and lowered last, the second's change in between:
 * the second's share never passes the larger of its old and its new one, and the sum is never 0. */
static enum change change_of(const struct haproxy_backend *backend,
                             const struct haproxy_server *server)
{
	if (backend->n_shares > 1 && digest_same(server->revision, backend->shares[1].revision))
		return CHANGE_SECOND;
	return server->weight > server->seen.weight ? CHANGE_RAISE : CHANGE_LOWER;
}

static void settle_backend(struct batch *batch, struct haproxy *haproxy, size_t b)
{
	struct haproxy_backend *backend = &haproxy->backends[b];

	for (int s = 0; s < haproxy->slots; s++)
		if (backend->servers[s].used)
			settle_server(batch, b, s, &backend->servers[s]);
	for (enum change change = CHANGE_RAISE; change <= CHANGE_LOWER; change++) {
		for (int s = 0; s < haproxy->slots; s++) {
			const struct haproxy_server *server = &backend->servers[s];

			if (server->used && server->weight != server->seen.weight &&
			    change_of(backend, server) == change)
				command(batch, "set server b%zu/s%d weight %d", b, s, server->weight);
		}
	}
	for (int s = 0; s < haproxy->slots; s++)
		if (!backend->servers[s].used && !backend->servers[s].seen.maint)
			command(batch, "set server b%zu/s%d state maint", b, s);
}

static bool is_settled(const struct haproxy_server *server)
{
	const struct haproxy_seen *seen = &server->seen;

	if (!server->used)
		return seen->maint;
	return !seen->maint && seen->weight == server->weight &&
	       strcmp(seen->address, server->address) == 0;
}

static int check_settled(const struct haproxy *haproxy, const char *reply, struct err *err)
{
	for (size_t b = 0; b < haproxy->n_backends; b++)
		for (int s = 0; s < haproxy->slots; s++)
			if (!is_settled(&haproxy->backends[b].servers[s]))
				return err_set(err, ERR_UNKNOWN,
				               "HAProxy does not show server b%zu/s%d as it was set: %.200s",
				               b, s, reply + strspn(reply, "\n"));
	return 0;
}

/* The table to its file, the difference to HAProxy, the configuration to its files, and back.
 * `more` are commands about routes; "" for none. */
static int apply(struct haproxy *haproxy, const char *more, struct err *err)
{
	struct batch batch = {.haproxy = haproxy, .err = err};
	int rc;

	save_what_fits(haproxy, false);
	buf_init(&batch.commands, COMMAND_BYTES + 2);
	buf_init(&batch.reply, REPLY_BYTES);
	if (more[0])
		command(&batch, "%s", more);
	for (size_t b = 0; b < haproxy->n_backends; b++)
		settle_backend(&batch, haproxy, b);
	flush(&batch);
	rc = batch.rc;
	if (rc == 0) {
		save_what_fits(haproxy, true);
		rc = read_back(haproxy, err);
	}
	if (rc == 0)
		rc = check_settled(haproxy, buf_text(&batch.reply), err);
	buf_deinit(&batch.commands);
	buf_deinit(&batch.reply);
	return rc;
}

/* ---- the process ---- */

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static int say_why_it_ended(const struct haproxy *haproxy, struct err *err)
{
	struct buf tail;

	buf_init(&tail, 64 << 10);
	process_tail(haproxy->folder, &tail);
	err_set(err, ERR_TRANSIENT, "HAProxy ended at its start: %.700s", buf_text(&tail));
	buf_deinit(&tail);
	return -1;
}

/* Until a worker other than `before` answers. */
static int wait_worker(struct haproxy *haproxy, const char *before, int64_t wait_ms,
                       struct err *err)
{
	int64_t until_ms = clock_now_ms() + wait_ms;
	struct process_seen seen;

	for (;;) {
		if (read_back(haproxy, err) == 0 && strcmp(haproxy->identity, before) != 0)
			return 0;
		if (process_look(haproxy->folder, &seen, err) < 0)
			return -1;
		if (seen.state != PROCESS_RUNNING)
			return say_why_it_ended(haproxy, err);
		if (clock_now_ms() >= until_ms)
			return err_set(err, ERR_UNKNOWN, "HAProxy does not answer");
		pause_briefly();
	}
}

static int start(struct haproxy *haproxy, struct err *err)
{
	const char *const argv[] = {haproxy->program, "-W", "-f", "haproxy.cfg", NULL};
	const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	struct process_spec spec = {.argv = argv, .env = env, .timeout_ms = -1, .memory_bytes = -1,
	                            .cpu_seconds = -1, .file_bytes = -1};
	char before[IDENTITY];

	memcpy(before, haproxy->identity, IDENTITY);
	haproxy->config_dirty = true;
	if (save_config(haproxy, err) < 0 || process_end(haproxy->folder, END_WAIT_MS, err) < 0)
		return -1;
	unlinkat(haproxy->dir, "log", 0);
	if (process_start_to(haproxy->folder, &spec, haproxy->log_fd, err) < 0)
		return -1;
	return wait_worker(haproxy, before, START_WAIT_MS, err);
}

/* Its master ignores the signal while it starts, so it is sent again when nothing comes of it. */
static int reload(struct haproxy *haproxy, struct err *err)
{
	char before[IDENTITY];
	struct process_seen seen;
	int rc = -1;

	memcpy(before, haproxy->identity, IDENTITY);
	touch(haproxy);
	if (save_table(haproxy, err) < 0 || save_config(haproxy, err) < 0)
		return -1;
	for (int i = 0; rc < 0 && i < RELOADS_MOST; i++) {
		if (process_look(haproxy->folder, &seen, err) < 0)
			return -1;
		if (seen.state != PROCESS_RUNNING || kill(seen.pid, SIGUSR2) < 0)
			return err_set(err, ERR_TRANSIENT, "HAProxy does not run");
		rc = wait_worker(haproxy, before, RELOAD_WAIT_MS, err);
	}
	return rc;
}

int haproxy_end(struct haproxy *haproxy, struct err *err)
{
	return process_end(haproxy->folder, END_WAIT_MS, err);
}

/* ---- refresh ---- */

/* What somebody else set by hand is what counts from now on; the planner judges it. */
static void adopt_weights(struct haproxy *haproxy, struct haproxy_backend *backend)
{
	bool foreign = false;
	double live[HAPROXY_SHARES], sum = 0;

	for (int s = 0; s < haproxy->slots; s++) {
		struct haproxy_server *server = &backend->servers[s];

		if (!server->used || server->seen.maint || server->weight == server->seen.weight ||
		    strcmp(server->seen.address, server->address) != 0)
			continue;
		server->weight = server->seen.weight;
		foreign = true;
	}
	if (!foreign)
		return;
	touch(haproxy);
	for (size_t i = 0; i < backend->n_shares; i++) {
		live[i] = haproxy_live_share(haproxy, backend, backend->shares[i].revision);
		sum += live[i];
	}
	for (size_t i = 0; i < backend->n_shares && sum > 0; i++)
		backend->shares[i].share = live[i];
}

static bool someone_came_or_went(const struct haproxy *haproxy,
                                 const struct haproxy_backend *backend)
{
	for (int s = 0; s < haproxy->slots; s++)
		if (backend->servers[s].used &&
		    backend->servers[s].counted != backend->servers[s].seen.up)
			return true;
	return false;
}

static int settle(struct haproxy *haproxy, struct err *err)
{
	bool settled = true;

	for (size_t b = 0; b < haproxy->n_backends; b++) {
		struct haproxy_backend *backend = &haproxy->backends[b];

		adopt_weights(haproxy, backend);
		if (backend->key && someone_came_or_went(haproxy, backend))
			deal(haproxy, backend);
		for (int s = 0; s < haproxy->slots; s++)
			settled = settled && is_settled(&backend->servers[s]);
	}
	if (!settled)
		return apply(haproxy, "", err);
	return 0;
}

int haproxy_refresh(struct haproxy *haproxy, struct err *err)
{
	struct process_seen *master = &haproxy->master;

	if (process_look(haproxy->folder, master, err) < 0)
		return -1;
	haproxy_drain(haproxy);
	if (master->state == PROCESS_RUNNING ? read_back(haproxy, err) < 0 : start(haproxy, err) < 0)
		return -1;
	if (haproxy->n_seen < haproxy->n_backends * (size_t)haproxy->slots && reload(haproxy, err) < 0)
		return -1; /* it was started with a smaller pool */
	if (settle(haproxy, err) < 0)
		return -1;
	haproxy_drain(haproxy);
	save_what_fits(haproxy, true);
	return 0;
}

/* ---- changes ---- */

static struct haproxy_backend *free_backend(struct haproxy *haproxy)
{
	for (size_t b = 0; b < haproxy->n_backends; b++)
		if (!haproxy->backends[b].key)
			return &haproxy->backends[b];
	return NULL;
}

static int open_route(struct haproxy *haproxy, const char *key, struct haproxy_backend **out,
                      struct err *err)
{
	struct haproxy_backend *backend = haproxy_find(haproxy, key);
	char commands[512];

	if (!backend) {
		backend = free_backend(haproxy);
		if (!backend) {
			table_grow(haproxy, haproxy->n_backends * 2, haproxy->slots);
			if (reload(haproxy, err) < 0)
				return -1;
			backend = free_backend(haproxy);
		}
		backend->key = heap_strdup(key);
		backend->n_shares = 0;
		touch(haproxy);
		snprintf(commands, sizeof(commands),
		         "del map routes.map %s;add map routes.map %s b%zu", key, key,
		         (size_t)(backend - haproxy->backends));
		if (apply(haproxy, commands, err) < 0)
			return -1;
	}
	*out = backend;
	return 0;
}

static struct haproxy_server *free_server(struct haproxy *haproxy, struct haproxy_backend *backend)
{
	for (int s = 0; s < haproxy->slots; s++)
		if (!backend->servers[s].used && backend->servers[s].seen.maint)
			return &backend->servers[s];
	return NULL;
}

static int open_slot(struct haproxy *haproxy, const char *key, struct haproxy_backend **backend,
                     struct haproxy_server **out, struct err *err)
{
	*out = free_server(haproxy, *backend);
	if (*out)
		return 0;
	table_grow(haproxy, haproxy->n_backends, haproxy->slots * 2);
	if (reload(haproxy, err) < 0)
		return -1;
	*backend = haproxy_find(haproxy, key);
	*out = free_server(haproxy, *backend);
	return *out ? 0 : err_set(err, ERR_UNKNOWN, "HAProxy shows no empty slot after a reload");
}

static void put_server(struct haproxy *haproxy, struct haproxy_server *server,
                       struct digest revision, int slot, const char *version,
                       const char *address)
{
	struct haproxy_seen seen = server->seen;

	*server = (struct haproxy_server){
		.used = true, .revision = revision, .slot = slot, .seen = seen};
	snprintf(server->version, sizeof(server->version), "%s", version);
	snprintf(server->address, sizeof(server->address), "%s", address);
	server->base.attempts = seen.attempts;
	server->base.answered = seen.answered;
	server->base.failed = seen.failed;
	server->base.aborted = seen.aborted;
	touch(haproxy);
}

/* Settles what was changed, then deals out the shares to those who are up. */
static int apply_and_deal(struct haproxy *haproxy, struct haproxy_backend *backend, struct err *err)
{
	if (apply(haproxy, "", err) < 0)
		return -1;
	deal(haproxy, backend);
	return apply(haproxy, "", err);
}

int haproxy_add(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                const char *version, const char *address, struct err *err)
{
	struct haproxy_backend *backend;
	struct haproxy_server *server;

	if (open_route(haproxy, key, &backend, err) < 0)
		return -1;
	server = haproxy_server(haproxy, backend, revision, slot);
	if (server && strcmp(server->address, address) == 0 && !server->leaving)
		return 0;
	if (server && haproxy_remove(haproxy, key, revision, slot, err) < 0)
		return -1;
	if (open_slot(haproxy, key, &backend, &server, err) < 0)
		return -1;
	put_server(haproxy, server, revision, slot, version, address);
	return apply_and_deal(haproxy, backend, err);
}

/* The server of a replica, or NULL when the router has none: then there is nothing to change. */
static struct haproxy_server *server_of(struct haproxy *haproxy, const char *key,
                                        struct digest revision, int slot,
                                        struct haproxy_backend **backend)
{
	*backend = haproxy_find(haproxy, key);
	return *backend ? haproxy_server(haproxy, *backend, revision, slot) : NULL;
}

int haproxy_leave(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                  struct err *err)
{
	struct haproxy_backend *backend;
	struct haproxy_server *server = server_of(haproxy, key, revision, slot, &backend);

	if (!server || server->leaving)
		return 0;
	if (share_of(backend, revision) > 0 && server->seen.up &&
	    count_members(haproxy, backend, revision, true) == 1)
		return err_set(err, ERR_TRANSIENT, "%s: it is the last replica up of a revision with a "
		               "share of the traffic", key);
	server->leaving = true;
	deal(haproxy, backend);
	return apply(haproxy, "", err);
}

int haproxy_stay(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                 struct err *err)
{
	struct haproxy_backend *backend;
	struct haproxy_server *server = server_of(haproxy, key, revision, slot, &backend);

	if (!server || !server->leaving)
		return 0;
	server->leaving = false;
	deal(haproxy, backend);
	return apply(haproxy, "", err);
}

int haproxy_remove(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                   struct err *err)
{
	struct haproxy_backend *backend;
	struct haproxy_server *server = server_of(haproxy, key, revision, slot, &backend);

	if (!server)
		return 0;
	*server = (struct haproxy_server){.seen = server->seen};
	deal(haproxy, backend);
	return apply(haproxy, "", err);
}

int haproxy_set_shares(struct haproxy *haproxy, const char *key, const struct haproxy_share *shares,
                       size_t n, struct err *err)
{
	struct haproxy_backend *backend;

	if (n > HAPROXY_SHARES)
		return err_set(err, ERR_STALLED, "%s: %zu revisions with weight; at most %d", key, n,
		               HAPROXY_SHARES);
	if (open_route(haproxy, key, &backend, err) < 0)
		return -1;
	if (sum_of(shares, n) > 0 && !someone_can_serve(haproxy, backend, shares, n))
		return err_set(err, ERR_TRANSIENT, "%s: no revision that is to have weight is up", key);
	for (size_t i = 0; i < n; i++)
		backend->shares[i] = shares[i];
	backend->n_shares = n;
	deal(haproxy, backend);
	return apply(haproxy, "", err);
}

int haproxy_drop(struct haproxy *haproxy, const char *key, struct err *err)
{
	struct haproxy_backend *backend = haproxy_find(haproxy, key);
	char commands[256];

	if (!backend)
		return 0;
	for (int s = 0; s < haproxy->slots; s++)
		if (backend->servers[s].used)
			return err_set(err, ERR_TRANSIENT, "%s: replicas are still in the router", key);
	snprintf(commands, sizeof(commands), "del map routes.map %s", key);
	free(backend->key);
	backend->key = NULL;
	backend->n_shares = 0;
	touch(haproxy);
	return apply(haproxy, commands, err);
}

/* ---- opening ---- */

/* No table yet is an empty one. One that says nothing is what a power cut left: HAProxy is gone
 * then too, and replicas and weights come back from what is observed and from history. */
static int load_table(struct haproxy *haproxy, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, FILE_BYTES_MAX);
	result = file_read(haproxy->dir, "router.json", &text, err);
	if (result < 0 ? err->kind == ERR_STALLED
	               : read_table(haproxy, buf_text(&text), text.len, err) < 0) {
		haproxy->dirty = true;
		result = 0;
	}
	buf_deinit(&text);
	return result;
}

/* Debian has it where the PATH of an ordinary user does not lead. */
static const char *usual_program(void)
{
	return access("/usr/sbin/haproxy", X_OK) == 0 ? "/usr/sbin/haproxy" : "haproxy";
}

int haproxy_open(const struct haproxy_config *config, struct haproxy **out, struct err *err)
{
	struct haproxy *haproxy;

	if (dir_make_all(AT_FDCWD, config->folder, 0700, err) < 0)
		return -1;
	haproxy = heap_alloc(1, sizeof(*haproxy));
	haproxy->folder = heap_strdup(config->folder);
	haproxy->listen = heap_strdup(config->listen);
	haproxy->program = heap_strdup(config->program ? config->program : usual_program());
	haproxy->log_fd = -1;
	haproxy->config_dirty = true;
	haproxy->dir = open(config->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (haproxy->dir < 0) {
		err_errno(err, ERR_TRANSIENT, errno, "%s", config->folder);
		haproxy_close(haproxy);
		return -1;
	}
	if (load_table(haproxy, err) < 0) {
		haproxy_close(haproxy);
		return -1;
	}
	table_grow(haproxy, (size_t)(config->backends ? config->backends : BACKENDS_FIRST),
	           config->slots ? config->slots : SLOTS_FIRST);
	if (link_open_log(haproxy, err) < 0) {
		haproxy_close(haproxy);
		return -1;
	}
	*out = haproxy;
	return 0;
}

void haproxy_close(struct haproxy *haproxy)
{
	if (!haproxy)
		return;
	for (size_t b = 0; b < haproxy->n_backends; b++) {
		free(haproxy->backends[b].key);
		free(haproxy->backends[b].servers);
	}
	free(haproxy->backends);
	link_close_log(haproxy);
	if (haproxy->dir >= 0)
		close(haproxy->dir);
	free(haproxy->folder);
	free(haproxy->listen);
	free(haproxy->program);
	free(haproxy);
}
