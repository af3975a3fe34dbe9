#include "adapter/git_support.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "adapter/git_port.h"

/* A place with a remote, a checkout of it, and a port on it whose state is in "state". */
struct world {
	struct place_of_test *place;
	struct git_config config;
	struct port_git port;
	struct git_heads heads;
	int64_t slowest_ms; /* of a sync */
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->place = place_new();
	make_remote(world->place);
	world->config = (struct git_config){
		.state = path_in(world->place, "state"),
		.url = path_in(world->place, "remote.git"),
		.poll_ms = 20,
	};
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	git_port_close(&world->port);
	place_free(world->place);
	free(world);
	return 0;
}

static void open_port(struct world *world)
{
	struct err err = {0};

	ok(git_port_open(&world->config, &world->port, &err));
}

static void reopen_port(struct world *world)
{
	git_port_close(&world->port);
	open_port(world);
}

static void sync_once(struct world *world)
{
	int64_t from_ms = clock_now_ms(), took_ms;

	world->port.sync(world->port.self, from_ms, &world->heads);
	took_ms = clock_now_ms() - from_ms;
	if (took_ms > world->slowest_ms)
		world->slowest_ms = took_ms;
}

/* Syncs until `condition` holds, at most 30 s. */
#define until(world, condition)                                                       \
	do {                                                                              \
		int64_t limit_ms = clock_now_ms() + 30000;                                  \
		bool met;                                                                     \
		for (;;) {                                                                    \
			sync_once(world);                                                         \
			met = (condition);                                                        \
			if (met || clock_now_ms() >= limit_ms)                                  \
				break;                                                                \
			poll(NULL, 0, 2);                                                         \
		}                                                                             \
		if (!met)                                                                     \
			fail_msg("%s (problem: %s)", #condition,                                  \
			         (world)->heads.problem ? (world)->heads.problem : "none");       \
	} while (0)

/* Syncs for some time, while nothing is to change. */
static void sync_for(struct world *world, int64_t ms)
{
	for (int64_t limit_ms = clock_now_ms() + ms; clock_now_ms() < limit_ms; poll(NULL, 0, 2))
		sync_once(world);
}

static struct git_file file_with(const char *path, const char *text)
{
	return (struct git_file){.path = path, .text = {text, text ? strlen(text) : 0}};
}

static struct oid publish(struct world *world, const char *path, const char *text)
{
	struct git_file file = file_with(path, text);
	struct err err = {0};
	struct oid out;

	ok(world->port.publish(world->port.self, world->heads.status, &file, 1, path, &out, &err));
	sync_once(world);
	return out;
}

static const char *remote_tip(struct world *world, const char *branch)
{
	const char *out;

	return run_in(world->place, "remote.git", NULL, &out,
	              ARGV("git", "rev-parse", "-q", "--verify",
	                   arena_printf(&world->place->arena, "refs/heads/%s", branch)))
	               ? ""
	               : out;
}

static const char *remote_files(struct world *world, const char *branch)
{
	return git(world->place, "remote.git", "ls-tree", "-r", "--name-only", branch);
}

/* ---- the fleet branch ---- */

static void fetches_what_is_pushed(void **state)
{
	struct world *world = *state;
	struct oid a = push_file(world->place, "a.yaml", "one"), b, blob;
	struct git_file *files;
	const char *refused;
	struct bytes text;
	struct err err = {0};
	size_t n;

	open_port(world);
	until(world, oid_same(world->heads.accepted, a));
	assert_true(oid_same(world->heads.fleet, a));
	assert_true(world->heads.seen_ms >= 0);
	assert_null(world->heads.problem);
	world->port.accept(world->port.self, a, false);
	b = push_file(world->place, "b.yaml", "two");
	until(world, oid_same(world->heads.accepted, b));
	ok(world->port.changed(world->port.self, GIT_FLEET, a, b, ".", &world->place->arena, &files, &n,
	                       &refused, &err));
	assert_int_equal(n, 1);
	assert_string_equal(files[0].path, "b.yaml");
	ok(world->port.read_blob(world->port.self, GIT_FLEET, files[0].blob, &world->place->arena,
	                         &text, &err));
	assert_memory_equal(text.data, "two", 3);
	ok(world->port.read_path(world->port.self, GIT_FLEET, b, "a.yaml", &world->place->arena, &text,
	                         &blob, &err));
	assert_memory_equal(text.data, "one", 3);
	until(world, !world->heads.busy || world->heads.seen_ms > 0);
}

static void an_empty_remote_is_a_problem_not_an_empty_fleet(void **state)
{
	struct world *world = *state;
	struct oid a;

	open_port(world);
	until(world, world->heads.problem);
	assert_string_equal(world->heads.problem, "the remote has no branch 'main'");
	a = push_file(world->place, "a", "1");
	until(world, oid_same(world->heads.accepted, a));
	git(world->place, "remote.git", "update-ref", "-d", "refs/heads/main");
	until(world, world->heads.problem);
	assert_true(oid_same(world->heads.accepted, a));
}

static void an_outage_keeps_the_accepted_commit(void **state)
{
	struct world *world = *state;
	struct oid a = push_file(world->place, "a", "1"), b;

	open_port(world);
	until(world, oid_same(world->heads.accepted, a));
	must_run(world->place, "", NULL, ARGV("mv", "remote.git", "away"));
	until(world, world->heads.problem);
	assert_true(oid_same(world->heads.accepted, a));
	must_run(world->place, "", NULL, ARGV("mv", "away", "remote.git"));
	b = push_file(world->place, "a", "2");
	until(world, oid_same(world->heads.accepted, b));
	assert_null(world->heads.problem);
}

static void a_lagging_mirror_is_ignored(void **state)
{
	struct world *world = *state;
	struct oid a = push_file(world->place, "a", "1"), b = push_file(world->place, "a", "2"), c;

	open_port(world);
	until(world, oid_same(world->heads.accepted, b));
	world->port.accept(world->port.self, b, false);
	git(world->place, "remote.git", "update-ref", "refs/heads/main", a.hex);
	until(world, oid_same(world->heads.fleet, a));
	assert_true(oid_same(world->heads.accepted, b));
	assert_false(world->heads.rewritten);
	git(world->place, "remote.git", "update-ref", "refs/heads/main", b.hex);
	c = push_file(world->place, "a", "3");
	until(world, oid_same(world->heads.accepted, c));
}

static void a_rewritten_history_waits_for_a_rewind(void **state)
{
	struct world *world = *state;
	struct oid a = push_file(world->place, "a", "1"), b = push_file(world->place, "a", "2"), c, d;

	open_port(world);
	until(world, oid_same(world->heads.accepted, b));
	world->port.accept(world->port.self, b, false);
	git(world->place, "work", "reset", "-q", "--hard", a.hex);
	put_file(world->place, "a", "other");
	c = commit_all(world->place, "c");
	git(world->place, "work", "push", "-q", "-f", "origin", "main");
	until(world, world->heads.rewritten);
	assert_true(oid_same(world->heads.accepted, b));
	assert_non_null(strstr(world->heads.problem, "history rewritten"));
	reopen_port(world);
	until(world, world->heads.rewritten);
	assert_true(oid_same(world->heads.accepted, b));
	world->port.accept(world->port.self, c, true);
	until(world, !world->heads.rewritten && oid_same(world->heads.accepted, c));
	assert_null(world->heads.problem);
	d = push_file(world->place, "a", "more");
	until(world, oid_same(world->heads.accepted, d));
}

/* An older record does not take the accepted commit back. */
static void acceptance_only_moves_forward(void **state)
{
	struct world *world = *state;
	struct oid a = push_file(world->place, "a", "1"), b = push_file(world->place, "a", "2");

	open_port(world);
	until(world, oid_same(world->heads.accepted, b));
	world->port.accept(world->port.self, b, false);
	reopen_port(world);
	world->port.accept(world->port.self, a, false);
	sync_once(world);
	assert_true(oid_same(world->heads.accepted, b));
}

/* ---- the cache ---- */

static void a_damaged_cache_is_made_anew(void **state)
{
	struct world *world = *state;
	struct oid a = push_file(world->place, "a", "one"), blob;
	struct bytes text;
	struct err err = {0};
	struct stat st;

	open_port(world);
	until(world, oid_same(world->heads.accepted, a));
	world->port.accept(world->port.self, a, false);
	git_port_close(&world->port);
	must_run(world->place, "state/fleet.git/objects", NULL,
	         ARGV("find", ".", "-type", "f", "-exec", "chmod", "u+w", "{}", "+"));
	must_run(world->place, "state/fleet.git/objects", NULL,
	         ARGV("find", ".", "-type", "f", "-exec", "truncate", "-s", "0", "{}", "+"));
	open_port(world);
	until(world, world->port.read_path(world->port.self, GIT_FLEET, a, "a", &world->place->arena,
	                                   &text, &blob, &err) == 0);
	assert_memory_equal(text.data, "one", 3);
	until(world, oid_same(world->heads.accepted, a));
	assert_int_equal(stat(path_in(world->place, "state/fleet.git.aside"), &st), 0);
}

/* A zero-length object that no look-up meets makes git's fetch fail: fsck finds it. */
static void damage_that_only_git_meets_is_found(void **state)
{
	struct world *world = *state;
	struct oid a = push_file(world->place, "a", "one"), b;
	const char *folder;

	open_port(world);
	until(world, oid_same(world->heads.accepted, a));
	put_file(world->place, "a", "two");
	b = commit_all(world->place, "b");
	folder = arena_printf(&world->place->arena, "state/fleet.git/objects/%.2s", b.hex);
	must_run(world->place, "", NULL, ARGV("mkdir", "-p", folder));
	must_run(world->place, folder, NULL, ARGV("touch", b.hex + 2));
	git(world->place, "work", "push", "-q", "origin", "main");
	until(world, oid_same(world->heads.accepted, b));
}

static void litter_of_a_killed_git_is_swept(void **state)
{
	static const char *const litter[] = {
		"fleet.git/refs/linnet/tip.lock", "fleet.git/packed-refs.lock", "fleet.git/HEAD.lock",
		"fleet.git/objects/pack/tmp_pack_abc", "fleet.git/objects/tmp_objdir-incoming-x/pack/y",
		"status.git/refs/heads/linnet/status.lock", "status.git/gc.pid",
	};
	struct world *world = *state;
	struct place_of_test *place = world->place;
	struct oid a = push_file(place, "a", "1"), b;
	struct stat st;

	open_port(world);
	until(world, oid_same(world->heads.accepted, a));
	publish(world, "x", "1");
	git_port_close(&world->port);
	for (size_t i = 0; i < ARRAY_LEN(litter); i++) {
		const char *path = arena_printf(&place->arena, "state/%s", litter[i]);

		must_run(place, "", NULL, ARGV("mkdir", "-p", path));
		must_run(place, "", NULL, ARGV("rmdir", path));
		must_run(place, "", NULL, ARGV("touch", "-d", "2020-01-01", path));
	}
	open_port(world);
	for (size_t i = 0; i < ARRAY_LEN(litter); i++)
		if (!stat(path_in(place, arena_printf(&place->arena, "state/%s", litter[i])), &st))
			fail_msg("%s is still there", litter[i]);
	b = push_file(place, "b", "2");
	until(world, oid_same(world->heads.accepted, b));
	publish(world, "y", "2");
	until(world, world->heads.status_pushed);
}

static void one_controller_at_a_time(void **state)
{
	struct world *world = *state;
	struct port_git second = {0};
	struct err err = {0};

	open_port(world);
	assert_int_equal(git_port_open(&world->config, &second, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	git_port_close(&second);
}

static void refuses_wrong_configuration(void **state)
{
	static const char *const urls[] = {
		"", "-x", "ftp://host/x", "ext::sh -c x", "http://example.com/x", "http://127.0.0.1@evil/x",
		"https://user:secret@host/x", "ssh://-oProxyCommand=x/y", "-oProxyCommand=x:y",
		"https:///x",
		"git://host/x", "https://host/x\ny", "http://localhost.evil/x", "relative/not/there",
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct port_git port = {0};
		struct err err = {0};

		world->config.url = urls[i];
		if (git_port_open(&world->config, &port, &err) != -1)
			fail_msg("'%s' was taken", urls[i]);
		assert_int_equal(err.kind, ERR_STALLED);
		assert_null(strstr(err.text, "secret"));
	}
}

static void takes_the_usual_addresses(void **state)
{
	static const struct {
		const char *url;
		enum transport_kind kind;
	} cases[] = {
		{"https://git.example.com/ml/fleet.git", TRANSPORT_HTTPS},
		{"https://user@git.example.com:8443/ml/fleet.git", TRANSPORT_HTTPS},
		{"http://127.0.0.1:3000/x", TRANSPORT_HTTP},
		{"http://[::1]:3000/x", TRANSPORT_HTTP},
		{"ssh://git@example.com:22/x.git", TRANSPORT_SSH},
		{"git@example.com:ml/fleet.git", TRANSPORT_SSH},
		{"file:///srv/git/fleet.git", TRANSPORT_LOCAL},
		{"/srv/git/fleet.git", TRANSPORT_LOCAL},
		{".", TRANSPORT_LOCAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct transport transport;
		struct err err = {0};

		ok(transport_open(&transport, cases[i].url, NULL, &err));
		assert_int_equal(transport.kind, cases[i].kind);
	}
}

/* ---- a remote that hangs ---- */

static int listen_on_loopback(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void a_hung_remote_holds_nobody(void **state)
{
	struct world *world = *state;
	int port, fd = listen_on_loopback(&port);
	int64_t from_ms;

	world->config.url = arena_printf(&world->place->arena, "http://127.0.0.1:%d/x.git", port);
	world->config.timeout_ms = 600;
	open_port(world);
	from_ms = clock_now_ms();
	until(world, world->heads.problem);
	assert_string_equal(world->heads.problem, "look at the remote: timed out");
	assert_in_range(clock_now_ms() - from_ms, 590, 5000);
	assert_int_equal(world->heads.seen_ms, -1);
	assert_in_range(world->slowest_ms, 0, 50);
	git_port_close(&world->port);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(fd);
}

/* ---- the status branch ---- */

static void publishes_and_pushes(void **state)
{
	struct world *world = *state;
	struct git_file file = file_with("status/b.yaml", "2");
	struct oid a, b, out;
	struct err err = {0};

	push_file(world->place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	assert_string_equal(world->heads.status.hex, "");
	a = publish(world, "status/a.yaml", "1");
	assert_true(oid_same(world->heads.status, a));
	until(world, world->heads.status_pushed);
	assert_string_equal(remote_tip(world, "linnet/status"), a.hex);
	b = publish(world, "status/b.yaml", "2");
	assert_false(world->heads.status_pushed);
	assert_int_equal(world->port.publish(world->port.self, a, &file, 1, "x", &out, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	ok(world->port.publish(world->port.self, b, &file, 1, "x", &out, &err));
	assert_true(oid_same(out, b));
	until(world, world->heads.status_pushed);
	assert_string_equal(remote_tip(world, "linnet/status"), b.hex);
	assert_string_equal(remote_files(world, "linnet/status"), "status/a.yaml\nstatus/b.yaml");
}

/* Commits of passes that follow one another, as of a crowd of keys, are one push. */
static void pushes_together_what_follows_at_once(void **state)
{
	struct world *world = *state;
	int64_t now_ms;

	push_file(world->place, "a", "1");
	git(world->place, "remote.git", "config", "core.logAllRefUpdates", "always");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	now_ms = clock_now_ms();
	for (int i = 0; i < 5; i++) {
		struct git_file file = file_with("f", arena_printf(&world->place->arena, "%d", i));
		struct oid out;
		struct err err = {0};

		ok(world->port.publish(world->port.self, world->heads.status, &file, 1, "x", &out,
		                       &err));
		world->port.sync(world->port.self, now_ms, &world->heads);
		assert_true(world->heads.busy);
	}
	until(world, world->heads.status_pushed);
	assert_string_equal(git(world->place, "remote.git", "rev-list", "--count", "linnet/status"),
	                    "5");
	assert_string_equal(git(world->place, "remote.git", "reflog", "show", "--format=%H",
	                        "linnet/status"), world->heads.status.hex);
}

static void commits_offline_and_pushes_later(void **state)
{
	struct world *world = *state;
	struct oid last = {""};

	push_file(world->place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	must_run(world->place, "", NULL, ARGV("mv", "remote.git", "away"));
	until(world, world->heads.problem);
	for (int i = 0; i < 3; i++)
		last = publish(world, "f", arena_printf(&world->place->arena, "%d", i));
	reopen_port(world);
	sync_once(world);
	assert_true(oid_same(world->heads.status, last));
	assert_int_equal(world->heads.seen_ms, -1);
	must_run(world->place, "", NULL, ARGV("mv", "away", "remote.git"));
	until(world, world->heads.status_pushed && world->heads.seen_ms >= 0);
	assert_string_equal(remote_tip(world, "linnet/status"), last.hex);
}

static void a_lost_disk_is_made_good_by_the_remote(void **state)
{
	struct world *world = *state;
	struct oid a;

	push_file(world->place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	a = publish(world, "x", "1");
	until(world, world->heads.status_pushed);
	world->config.state = path_in(world->place, "new-state");
	reopen_port(world);
	until(world, world->heads.seen_ms >= 0);
	assert_true(oid_same(world->heads.status, a));
}

/* Somebody else commits to the status branch on the remote, on what is there. */
static struct oid foreign_commit(struct world *world, const char *branch, const char *path)
{
	struct place_of_test *place = world->place;
	const char *blob = git_input(place, "remote.git", path, "hash-object", "-w", "--stdin");
	const char *parent = remote_tip(world, branch), *tree, *listing = "", *commit;

	if (parent[0])
		listing = arena_printf(&place->arena, "%s\n", git(place, "remote.git", "ls-tree", parent));
	listing = arena_printf(&place->arena, "%s100644 blob %s\t%s\n", listing, blob, path);
	tree = git_input(place, "remote.git", listing, "mktree");
	commit = parent[0] ? git(place, "remote.git", "commit-tree", "-m", path, "-p", parent, tree)
	                   : git(place, "remote.git", "commit-tree", "-m", path, tree);
	if (run_in(place, "remote.git", NULL, NULL,
	           ARGV("git", "update-ref", arena_printf(&place->arena, "refs/heads/%s", branch),
	                commit, parent[0] ? parent : "0000000000000000000000000000000000000000")))
		return (struct oid){""};
	return oid_of(commit);
}

static void joins_what_others_pushed(void **state)
{
	struct world *world = *state;
	struct oid theirs, ours, shown = {""};

	push_file(world->place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	publish(world, "a-status", "1");
	until(world, world->heads.status_pushed);
	theirs = foreign_commit(world, "linnet/status", "theirs");
	ours = publish(world, "z-ours", "2");
	until(world, (shown = world->heads.status_parted.hex[0] ? world->heads.status_parted : shown,
	              world->heads.status_pushed && !world->heads.status_parted.hex[0]));
	assert_true(oid_same(shown, theirs));
	assert_string_equal(remote_files(world, "linnet/status"), "a-status\ntheirs\nz-ours");
	git(world->place, "remote.git", "merge-base", "--is-ancestor", theirs.hex, "linnet/status");
	git(world->place, "remote.git", "merge-base", "--is-ancestor", ours.hex, "linnet/status");
}

/* A second process commits as fast as it can while we publish and push: nothing is lost. */
static void no_commit_is_lost_to_a_concurrent_writer(void **state)
{
	enum { WRITES = 40 };
	struct world *world = *state;
	struct place_of_test *place = world->place;
	const char *work = path_in(place, "second");
	const char *script = "for i in $(seq 40); do while :; do git fetch -q origin linnet/status &&"
	                     " git reset -q --hard FETCH_HEAD && echo $i > theirs-$i &&"
	                     " git add -A && git commit -q -m theirs-$i &&"
	                     " git push -q origin HEAD:linnet/status 2>/dev/null && break; done; done";
	struct oid mine[WRITES];
	int64_t until_ms;
	pid_t pid;
	int status;

	push_file(place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	publish(world, "start", "1");
	until(world, world->heads.status_pushed);
	git(place, "", "clone", "-q", "-b", "linnet/status", "remote.git", "second");
	pid = fork();
	if (pid == 0) {
		_exit(run_in(place, "second", NULL, NULL, ARGV("sh", "-c", script)));
	}
	for (int i = 0; i < WRITES; i++) {
		mine[i] = publish(world, arena_printf(&place->arena, "mine-%d", i), "x");
		sync_for(world, 40);
	}
	until_ms = clock_now_ms() + 60000;
	while (waitpid(pid, &status, WNOHANG) == 0 && clock_now_ms() < until_ms) {
		sync_once(world);
		poll(NULL, 0, 2);
	}
	assert_int_equal(status, 0);
	until(world, world->heads.status_pushed && !world->heads.status_parted.hex[0]);
	for (int i = 0; i < WRITES; i++) {
		git(place, "remote.git", "merge-base", "--is-ancestor", mine[i].hex, "linnet/status");
		assert_non_null(strstr(remote_files(world, "linnet/status"),
		                       arena_printf(&place->arena, "theirs-%d", i + 1)));
	}
	(void)work;
}

static void requests_come_along(void **state)
{
	struct world *world = *state;
	struct git_file *files;
	const char *refused, *signer = "x";
	struct err err = {0};
	struct oid request;
	size_t n;

	push_file(world->place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	assert_string_equal(world->heads.requests.hex, "");
	request = foreign_commit(world, "linnet/requests", "one.yaml");
	until(world, oid_same(world->heads.requests, request));
	ok(world->port.changed(world->port.self, GIT_STATUS, (struct oid){""}, request, "",
	                       &world->place->arena, &files, &n, &refused, &err));
	assert_int_equal(n, 1);
	ok(world->port.signer(world->port.self, "one.yaml", &world->place->arena, &signer, &err));
	assert_null(signer);
}

/* One file of the requests branch in a commit of its own. */
static struct oid push_request(struct world *world, const char *path, const char *text)
{
	struct place_of_test *place = world->place;
	struct oid oid;

	put_file(place, path, text);
	oid = commit_all(place, path);
	git(place, "work", "push", "-q", "origin", "HEAD:linnet/requests");
	return oid;
}

static void each_request_is_told_with_the_commit_that_brought_it(void **state)
{
	struct world *world = *state;
	struct arena *arena = &world->place->arena;
	struct oid second, third, again, origins[3];
	struct git_file *files;
	const char *refused;
	struct err err = {0};
	size_t n;

	push_file(world->place, "a", "1");
	push_request(world, "requests/models/m/1-kick.yaml", "1");
	second = push_request(world, "requests/models/m/2-kick.yaml", "2");
	third = push_request(world, "requests/prod/m/3-retry.yaml", "3");
	again = push_request(world, "requests/models/m/1-kick.yaml", "1, mended");
	open_port(world);
	until(world, oid_same(world->heads.requests, again));
	ok(world->port.changed(world->port.self, GIT_STATUS, (struct oid){""}, again, "requests", arena,
	                       &files, &n, &refused, &err));
	assert_int_equal(n, 3);
	ok(world->port.origins(world->port.self, GIT_STATUS, (struct oid){""}, again, "requests",
	                       files, n, origins, &err));
	assert_string_equal(origins[0].hex, again.hex);
	assert_string_equal(origins[1].hex, second.hex);
	assert_string_equal(origins[2].hex, third.hex);
	/* only what is between the two is looked through */
	ok(world->port.origins(world->port.self, GIT_STATUS, second, third, "requests", files, n,
	                       origins, &err));
	assert_string_equal(origins[1].hex, "");
	assert_string_equal(origins[2].hex, third.hex);
}

static void a_refused_push_is_told_and_kept(void **state)
{
	struct world *world = *state;
	const char *hook = path_in(world->place, "remote.git/hooks/pre-receive");
	const char *text = "#!/bin/sh\necho no status here >&2\nexit 1\n";
	struct err err = {0};
	struct oid mine;

	push_file(world->place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	ok(file_replace(AT_FDCWD, hook, text, strlen(text), 0755, &err));
	mine = publish(world, "x", "1");
	until(world, world->heads.problem);
	assert_non_null(strstr(world->heads.problem, "pre-receive hook declined"));
	assert_non_null(strstr(world->heads.problem, "no status here"));
	assert_true(oid_same(world->heads.status, mine));
	assert_false(world->heads.status_pushed);
}

/* ---- who wrote what ---- */

static void push_as(struct world *world, const char *name, const char *path, const char *text)
{
	struct place_of_test *place = world->place;

	put_file(place, path, text);
	git(place, "work", "add", "-A");
	git(place, "work", "commit", "-q", "-m", path, "--author",
	    arena_printf(&place->arena, "%s <%s@x>", name, name));
	git(place, "work", "push", "-q", "origin", "main");
}

/* Of a file between two commits: by merge too, and nobody who only stood on it. */
static void tells_who_changed_a_file(void **state)
{
	struct world *world = *state;
	struct arena *arena = &world->place->arena;
	struct strings authors;
	struct err err = {0};
	struct oid since, tip;

	push_as(world, "ada", "m.yaml", "min: 90");
	since = push_file(world->place, "other", "x");
	push_as(world, "grace", "m.yaml", "min: 80");
	push_as(world, "alan", "other", "y");
	open_port(world);
	until(world, world->heads.accepted.hex[0]);
	ok(world->port.authors(world->port.self, since, world->heads.accepted, "m.yaml", arena,
	                       &authors, &err));
	assert_int_equal(authors.n, 1);
	assert_string_equal(authors.items[0], "grace@x");
	ok(world->port.authors(world->port.self, (struct oid){""}, world->heads.accepted, "m.yaml",
	                       arena, &authors, &err));
	assert_int_equal(authors.n, 2);
	assert_string_equal(authors.items[1], "ada@x");
	for (int i = 0; i < 2; i++) { /* who came later is found, and found again */
		if (!i)
			push_as(world, "mary", "m.yaml", "min: 70");
		tip = push_file(world->place, "other", i ? "z" : "w");
		until(world, oid_same(world->heads.accepted, tip));
		ok(world->port.authors(world->port.self, since, tip, "m.yaml", arena, &authors, &err));
		assert_int_equal(authors.n, 2);
		assert_string_equal(authors.items[0], "grace@x");
		assert_string_equal(authors.items[1], "mary@x");
	}
	ok(world->port.authors(world->port.self, tip, since, "m.yaml", arena, &authors, &err));
	assert_int_equal(authors.n, 0);
	ok(world->port.authors(world->port.self, since, since, "m.yaml", arena, &authors, &err));
	assert_int_equal(authors.n, 0);
	ok(world->port.authors(world->port.self, since, tip, "other", arena, &authors, &err));
	assert_int_equal(authors.n, 2); /* alan, and who pushes for these tests */
	ok(world->port.authors(world->port.self, since, since, "other", arena, &authors, &err));
	assert_int_equal(authors.n, 0); /* the branch was rewound: not from where it was */
}

/* ---- proposals ---- */

struct edit {
	const char *path, *text;
	int calls;
	const char *expects; /* NULL: whatever is there */
	const char *race;    /* a file that somebody else pushes during the first call; NULL none */
	struct world *world;
};

static int rebuild(void *context, struct oid tip, struct arena *arena, struct git_file **files,
                   size_t *n_files, const char **why, struct err *err)
{
	struct edit *edit = context;
	struct bytes text;
	struct oid blob;

	if (edit->calls++ == 0 && edit->race)
		push_file(edit->world->place, edit->race, "x");
	if (edit->expects) {
		if (edit->world->port.read_path(edit->world->port.self, GIT_FLEET, tip, edit->path, arena,
		                                &text, &blob, err))
			return -1;
		if (text.len != strlen(edit->expects) || memcmp(text.data, edit->expects, text.len)) {
			*why = "somebody changed it";
			return 1;
		}
	}
	*files = arena_new(arena, struct git_file);
	**files = file_with(edit->path, edit->text);
	*n_files = 1;
	return 0;
}

static struct propose_result propose(struct world *world, const struct proposal_text *text,
                                     struct edit *edit)
{
	struct propose_result result;
	struct err err = {0};

	ok(world->port.propose(world->port.self, text, rebuild, edit, &result, &err));
	return result;
}

static struct proposal_text proposal(const char *name, const char *branch)
{
	return (struct proposal_text){
		.digest = digest_of(name, strlen(name)), .branch = branch, .subject = name, .body = "why",
	};
}

/* Syncs and asks until the proposal has an end. */
static struct propose_result end_of(struct world *world, const struct proposal_text *text,
                                    struct edit *edit)
{
	struct propose_result result = {0};

	until(world, (result = propose(world, text, edit), result.state != PROPOSE_RUNNING));
	return result;
}

static void proposes_to_the_fleet_branch_once(void **state)
{
	struct world *world = *state;
	struct edit edit = {.path = "d.yaml", .text = "version: v2\n", .world = world};
	struct proposal_text text = proposal("p1", NULL);
	struct propose_result result;
	const char *log;

	push_file(world->place, "d.yaml", "version: v1\n");
	open_port(world);
	result = end_of(world, &text, &edit);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_null(result.branch);
	assert_string_equal(remote_tip(world, "main"), result.commit.hex);
	until(world, oid_same(world->heads.accepted, result.commit));
	assert_int_equal(propose(world, &text, &edit).state, PROPOSE_DONE);
	reopen_port(world);
	result = end_of(world, &text, &edit);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_int_equal(edit.calls, 1);
	log = git(world->place, "remote.git", "log", "--format=%s|%an|%b", "main");
	assert_non_null(strstr(log, arena_printf(&world->place->arena,
	                                         "p1|Linnet|why\n\nLinnet-Proposal: %s",
	                                         text.digest.hex)));
	assert_string_equal(git(world->place, "remote.git", "rev-list", "--count", "main"), "2");
}

/* git's own answer: a good signature of `name`'s key at a commit or tag of the remote. */
static bool is_signed_by(struct world *world, const char *name, const char *commit)
{
	struct place_of_test *place = world->place;
	const char *signers = arena_printf(&place->arena, "gpg.ssh.allowedSignersFile=%s/%s.signers",
	                                   place->dir, name), *out;

	return run_in(place, "remote.git", NULL, &out, ARGV("git", "-c", "gpg.format=ssh", "-c",
	              signers, strchr(commit, '@') ? "verify-tag" : "verify-commit", commit)) == 0;
}

static void make_key(struct world *world, const char *name)
{
	struct place_of_test *place = world->place;
	const char *script = arena_printf(
		&place->arena, "ssh-keygen -q -t ed25519 -N '' -f %s && (printf 'linnet@localhost ' &&"
		" cat %s.pub) > %s.signers", name, name, name);

	must_run(place, "", NULL, ARGV("sh", "-c", script));
}

static void what_is_written_is_signed(void **state)
{
	struct world *world = *state;
	struct edit edit = {.path = "d.yaml", .text = "version: v2\n", .world = world};
	struct edit beside = {.path = "d.yaml", .text = "version: v3\n", .world = world};
	struct proposal_text direct = proposal("p1", NULL);
	struct proposal_text branch = proposal("p2", "linnet/propose/risk");

	make_key(world, "own");
	make_key(world, "stranger");
	world->config.signing_key = path_in(world->place, "own");
	push_file(world->place, "d.yaml", "version: v1\n");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	publish(world, "x", "1");
	until(world, world->heads.status_pushed);
	assert_int_equal(end_of(world, &direct, &edit).state, PROPOSE_DONE);
	assert_int_equal(end_of(world, &branch, &beside).state, PROPOSE_DONE);
	assert_true(is_signed_by(world, "own", "linnet/status"));
	assert_true(is_signed_by(world, "own", "main"));
	assert_true(is_signed_by(world, "own", "linnet/propose/risk"));
	assert_false(is_signed_by(world, "stranger", "main"));
	assert_false(is_signed_by(world, "own", "main~1"));
}

/* From now on the remote takes no push to this ref. */
static void protect(struct world *world, const char *ref)
{
	const char *hook = path_in(world->place, "remote.git/hooks/update");
	const char *script = arena_printf(&world->place->arena, "#!/bin/sh\n[ \"$1\" != %s ] || "
	                                  "{ echo protected >&2; exit 1; }\n", ref);
	struct err err = {0};

	ok(file_replace(AT_FDCWD, hook, script, strlen(script), 0755, &err));
}

static struct proposal_text tag_on(const char *name, struct oid commit)
{
	static struct oid tagged;

	tagged = commit;
	return (struct proposal_text){.digest = digest_of(name, strlen(name)), .subject = "risk v3",
	                              .body = "v3 is merged", .tag = name, .tagged = tagged.hex,
	                              .tag_ms = 1782896400000};
}

static void a_tag_is_the_same_however_often_it_is_pushed(void **state)
{
	struct world *world = *state;
	struct proposal_text text =
		tag_on("risk@v3.0.0", push_file(world->place, "d.yaml", "version: v3\n"));
	struct propose_result result;
	const char *told;

	make_key(world, "own");
	world->config.signing_key = path_in(world->place, "own");
	open_port(world);
	result = end_of(world, &text, NULL);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_null(result.branch);
	assert_int_equal(propose(world, &text, NULL).state, PROPOSE_DONE);
	push_file(world->place, "other", "x");
	reopen_port(world); /* what a lost reply leads to */
	assert_true(oid_same(end_of(world, &text, NULL).commit, result.commit));
	assert_string_equal(git(world->place, "remote.git", "rev-parse", "risk@v3.0.0"),
	                    result.commit.hex);
	assert_string_equal(git(world->place, "remote.git", "rev-parse", "risk@v3.0.0^{commit}"),
	                    text.tagged);
	told = git(world->place, "remote.git", "for-each-ref", "--format",
	           "%(objecttype)|%(taggername)|%(taggerdate:unix)|%(contents:subject)", "refs/tags");
	assert_string_equal(told, "tag|Linnet|1782896400|risk v3");
	assert_true(is_signed_by(world, "own", "risk@v3.0.0"));
	git(world->place, "remote.git", "fsck", "--strict");
}

static void a_tag_that_stands_is_never_moved(void **state)
{
	struct world *world = *state;
	struct proposal_text text =
		tag_on("risk@v3.0.0", push_file(world->place, "d.yaml", "version: v3\n"));
	struct propose_result result;

	git(world->place, "remote.git", "tag", "risk@v3.0.0", push_file(world->place, "x", "x").hex);
	open_port(world);
	result = end_of(world, &text, NULL);
	assert_int_equal(result.state, PROPOSE_REFUSED);
	assert_non_null(strstr(result.why, "already exists"));
	assert_string_not_equal(git(world->place, "remote.git", "rev-parse", "risk@v3.0.0^{commit}"),
	                        text.tagged);
}

/* Who may not tag is told so once, and other work goes on. */
static void a_tag_that_the_remote_refuses_is_given_up(void **state)
{
	struct world *world = *state;
	struct proposal_text text =
		tag_on("risk@v3.0.0", push_file(world->place, "d.yaml", "version: v3\n"));
	struct propose_result result;

	protect(world, "refs/tags/risk@v3.0.0");
	open_port(world);
	result = end_of(world, &text, NULL);
	assert_int_equal(result.state, PROPOSE_REFUSED);
	assert_non_null(strstr(result.why, "hook declined"));
	text.tagged = "1111111111111111111111111111111111111111";
	assert_non_null(strstr(end_of(world, &text, NULL).why, "not in the fleet repository"));
}

static void a_proposal_is_rebuilt_on_a_newer_tip(void **state)
{
	struct world *world = *state;
	struct edit edit = {.path = "d.yaml", .text = "version: v2\n", .expects = "version: v1\n",
	                    .race = "other.yaml", .world = world};
	struct proposal_text text = proposal("p1", NULL), late = proposal("p2", NULL);
	struct propose_result result;

	push_file(world->place, "d.yaml", "version: v1\n");
	open_port(world);
	until(world, world->heads.seen_ms >= 0 && world->heads.accepted.hex[0]);
	result = end_of(world, &text, &edit);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_int_equal(edit.calls, 2);
	assert_non_null(strstr(remote_files(world, "main~1"), "other.yaml"));
	result = end_of(world, &late, &edit);
	assert_int_equal(result.state, PROPOSE_REFUSED);
	assert_string_equal(result.why, "somebody changed it");
}

/* Another process that pushes to a branch five times a second, until `stop_writer`. */
static pid_t start_writer(struct world *world, const char *branch)
{
	const char *script = arena_printf(
		&world->place->arena,
		"i=0; while [ ! -e stop ]; do i=$((i+1)); git fetch -q origin %s &&"
		" git reset -q --hard FETCH_HEAD && echo $i > theirs && git add -A &&"
		" git commit -q -m theirs-$i && git push -q origin HEAD:%s 2>/dev/null;"
		" sleep 0.2; done", branch, branch);
	pid_t pid;

	git(world->place, "", "clone", "-q", "-b", branch, "remote.git", "writer");
	pid = fork();
	if (pid == 0)
		_exit(run_in(world->place, "writer", NULL, NULL, ARGV("sh", "-c", script)));
	until(world, strstr(git(world->place, "remote.git", "log", "--format=%s", branch), "theirs-"));
	return pid;
}

static void stop_writer(struct world *world, pid_t pid)
{
	struct err err = {0};
	int status;

	ok(file_replace(AT_FDCWD, path_in(world->place, "writer/stop"), "", 0, 0644, &err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void proposals_do_not_starve_beside_a_busy_person(void **state)
{
	enum { PROPOSALS = 10 };
	struct world *world = *state;
	struct edit edit = {.path = "d.yaml", .world = world};
	int64_t from_ms;
	pid_t pid;

	push_file(world->place, "d.yaml", "version: v1\n");
	open_port(world);
	until(world, world->heads.accepted.hex[0]);
	pid = start_writer(world, "main");
	from_ms = clock_now_ms();
	for (int i = 0; i < PROPOSALS; i++) {
		struct proposal_text text = proposal(arena_printf(&world->place->arena, "p%d", i), NULL);

		edit.text = arena_printf(&world->place->arena, "version: v%d\n", i + 2);
		assert_int_equal(end_of(world, &text, &edit).state, PROPOSE_DONE);
	}
	printf("%d proposals in %d attempts, %.1f s\n", PROPOSALS, edit.calls,
	       (double)(clock_now_ms() - from_ms) / 1000);
	stop_writer(world, pid);
	assert_string_equal(git(world->place, "remote.git", "show", "main:d.yaml"), "version: v11");
}

static void the_status_does_not_starve_beside_a_busy_writer(void **state)
{
	enum { COMMITS = 5 };
	struct world *world = *state;
	struct oid mine[COMMITS];
	int64_t from_ms;
	pid_t pid;

	push_file(world->place, "a", "1");
	open_port(world);
	until(world, world->heads.seen_ms >= 0);
	publish(world, "start", "1");
	until(world, world->heads.status_pushed);
	pid = start_writer(world, "linnet/status");
	from_ms = clock_now_ms();
	for (int i = 0; i < COMMITS; i++) {
		until(world, !world->heads.status_parted.hex[0]);
		mine[i] = publish(world, arena_printf(&world->place->arena, "mine-%d", i), "x");
		until(world, run_in(world->place, "remote.git", NULL, NULL,
		                    ARGV("git", "merge-base", "--is-ancestor", mine[i].hex,
		                         "linnet/status")) == 0);
	}
	printf("%d commits in %.1f s\n", COMMITS, (double)(clock_now_ms() - from_ms) / 1000);
	stop_writer(world, pid);
}

static void what_changes_nothing_is_refused(void **state)
{
	struct world *world = *state;
	struct edit edit = {.path = "d.yaml", .text = "version: v1\n", .world = world};
	struct proposal_text text = proposal("p1", NULL);

	push_file(world->place, "d.yaml", "version: v1\n");
	open_port(world);
	assert_int_equal(end_of(world, &text, &edit).state, PROPOSE_REFUSED);
	assert_string_equal(git(world->place, "remote.git", "rev-list", "--count", "main"), "1");
}

static void a_protected_branch_leads_to_a_branch(void **state)
{
	struct world *world = *state;
	const char *branch = "linnet/revert/prod/risk";
	struct edit edit = {.path = "d.yaml", .text = "version: v2\n", .world = world};
	struct proposal_text text = proposal("p1", NULL), newer = proposal("p2", NULL);
	struct propose_result result;
	struct oid main_tip = push_file(world->place, "d.yaml", "version: v1\n");

	text.fallback = newer.fallback = branch;
	protect(world, "refs/heads/main");
	open_port(world);
	result = end_of(world, &text, &edit);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_string_equal(result.branch, branch);
	assert_string_equal(remote_tip(world, branch), result.commit.hex);
	assert_string_equal(remote_tip(world, "main"), main_tip.hex);
	until(world, world->heads.n_branches == 1);
	reopen_port(world); /* what was done before the restart is found again */
	edit.calls = 0;
	result = end_of(world, &text, &edit);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_string_equal(result.branch, branch);
	assert_int_equal(edit.calls, 0);
	edit.text = "version: v3\n"; /* replaced, not piled up */
	result = end_of(world, &newer, &edit);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_string_equal(remote_tip(world, branch), result.commit.hex);
	assert_string_equal(git(world->place, "remote.git", "rev-list", "--count",
	                        arena_printf(&world->place->arena, "main..%s", branch)), "1");
	until(world, world->heads.n_branches == 1);
}

/* Left behind by an earlier one: no reason to leave the fleet branch aside. */
static void an_old_branch_of_ours_does_not_draw_a_proposal_from_the_fleet_branch(void **state)
{
	struct world *world = *state;
	struct edit edit = {.path = "d.yaml", .text = "version: v2\n", .world = world};
	struct edit other = {.path = "d.yaml", .text = "version: v3\n", .world = world};
	struct proposal_text old = proposal("p1", "linnet/revert/prod/risk");
	struct proposal_text text = proposal("p2", NULL);
	struct propose_result result;

	push_file(world->place, "d.yaml", "version: v1\n");
	open_port(world);
	assert_int_equal(end_of(world, &old, &edit).state, PROPOSE_DONE);
	reopen_port(world);
	text.fallback = old.branch;
	result = end_of(world, &text, &other);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_null(result.branch);
	assert_string_equal(remote_tip(world, "main"), result.commit.hex);
}

static void a_branch_of_ours_is_replaced_and_no_other(void **state)
{
	struct world *world = *state;
	const char *branch = "linnet/propose/risk";
	struct edit first = {.path = "d.yaml", .text = "version: v2\n", .world = world};
	struct edit second = {.path = "d.yaml", .text = "version: v3\n", .world = world};
	struct edit third = {.path = "d.yaml", .text = "version: v4\n", .world = world};
	struct proposal_text p1 = proposal("p1", branch), p2 = proposal("p2", branch);
	struct proposal_text p3 = proposal("p3", branch);
	struct propose_result result;
	struct oid theirs;

	push_file(world->place, "d.yaml", "version: v1\n");
	open_port(world);
	result = end_of(world, &p1, &first);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_string_equal(result.branch, branch);
	until(world, world->heads.n_branches == 1);
	assert_string_equal(world->heads.branches[0], branch);
	result = end_of(world, &p2, &second);
	assert_int_equal(result.state, PROPOSE_DONE);
	assert_string_equal(remote_tip(world, branch), result.commit.hex);
	assert_string_equal(git(world->place, "remote.git", "rev-list", "--count",
	                        arena_printf(&world->place->arena, "main..%s", branch)), "1");
	theirs = foreign_commit(world, branch, "fix");
	result = end_of(world, &p3, &third);
	assert_int_equal(result.state, PROPOSE_REFUSED);
	assert_string_equal(remote_tip(world, branch), theirs.hex);
}

#define test_case(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_case(fetches_what_is_pushed),
		test_case(an_empty_remote_is_a_problem_not_an_empty_fleet),
		test_case(an_outage_keeps_the_accepted_commit),
		test_case(a_lagging_mirror_is_ignored),
		test_case(a_rewritten_history_waits_for_a_rewind),
		test_case(acceptance_only_moves_forward),
		test_case(a_damaged_cache_is_made_anew),
		test_case(damage_that_only_git_meets_is_found),
		test_case(litter_of_a_killed_git_is_swept),
		test_case(one_controller_at_a_time),
		test_case(refuses_wrong_configuration),
		test_case(takes_the_usual_addresses),
		test_case(a_hung_remote_holds_nobody),
		test_case(publishes_and_pushes),
		test_case(pushes_together_what_follows_at_once),
		test_case(commits_offline_and_pushes_later),
		test_case(a_lost_disk_is_made_good_by_the_remote),
		test_case(joins_what_others_pushed),
		test_case(no_commit_is_lost_to_a_concurrent_writer),
		test_case(requests_come_along),
		test_case(each_request_is_told_with_the_commit_that_brought_it),
		test_case(a_refused_push_is_told_and_kept),
		test_case(tells_who_changed_a_file),
		test_case(proposes_to_the_fleet_branch_once),
		test_case(what_is_written_is_signed),
		test_case(a_tag_is_the_same_however_often_it_is_pushed),
		test_case(a_tag_that_stands_is_never_moved),
		test_case(a_tag_that_the_remote_refuses_is_given_up),
		test_case(a_proposal_is_rebuilt_on_a_newer_tip),
		test_case(proposals_do_not_starve_beside_a_busy_person),
		test_case(the_status_does_not_starve_beside_a_busy_writer),
		test_case(what_changes_nothing_is_refused),
		test_case(a_protected_branch_leads_to_a_branch),
		test_case(an_old_branch_of_ours_does_not_draw_a_proposal_from_the_fleet_branch),
		test_case(a_branch_of_ours_is_replaced_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
