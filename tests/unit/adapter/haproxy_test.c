#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "adapter/haproxy.h"
#include "adapter/haproxy_parts.h"
#include "adapter/process_posix.h"
#include "base/file.h"
#include "few_files.h"
#include "model_server.h"

static struct err err;

/* ---- pure: shares to weights ---- */

static void weights_of_known_shares(void **state)
{
	static const struct {
		double shares[2];
		int servers[2], totals[2];
	} cases[] = {
		{{0.95, 0.05}, {1, 1}, {19, 1}},
		{{0.95, 0.05}, {2, 1}, {38, 2}},
		{{0.95, 0.05}, {2, 2}, {38, 2}},
		{{0.75, 0.25}, {1, 1}, {3, 1}},
		{{1, 0}, {3, 1}, {3, 0}},
		{{0, 1}, {3, 1}, {0, 1}},
		{{0.5, 0.5}, {1, 3}, {3, 3}},
		{{0.95, 0.05}, {0, 2}, {0, 2}}, /* nobody is left of the first */
		{{0, 0}, {2, 2}, {0, 0}},
		{{0.999999, 0.000001}, {1, 1}, {256, 1}}, /* never rounded to 0 */
		{{0.000001, 0.999999}, {1, 1}, {1, 256}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int totals[2];

		haproxy_totals(cases[i].shares, cases[i].servers, totals);
		if (totals[0] != cases[i].totals[0] || totals[1] != cases[i].totals[1])
			fail_msg("case %zu: %d:%d", i, totals[0], totals[1]);
	}
}

/* By enumeration of all pairs there is none nearer, and none is further than half a point. */
static void weights_are_the_nearest(void **state)
{
	static const int sizes[][2] = {{1, 1}, {2, 1}, {1, 3}, {3, 2}, {16, 1}, {1, 16}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		const int *n = sizes[i];

		for (int permille = 1; permille < 1000; permille += 37) {
			double share = permille / 1000.0, best = 1, error;
			double shares[2] = {1 - share, share};
			int totals[2], sum = 0, most = 0;

			haproxy_totals(shares, n, totals);
			error = fabs((double)totals[1] / (totals[0] + totals[1]) - share);
			for (int a = 1; a <= 256 * n[0]; a += n[0] * n[1] > 6 ? 7 : 1)
				for (int b = 1; b <= 256 * n[1]; b += n[0] * n[1] > 6 ? 7 : 1)
					best = fmin(best, fabs((double)b / (a + b) - share));
			if (error > best + 1e-9 || error > 0.005)
				fail_msg("%g over %d:%d is %d:%d, off by %g, not %g", share, n[0], n[1],
				         totals[0], totals[1], error, best);
			for (int j = 0; j < n[1]; j++) {
				sum += haproxy_part(totals[1], n[1], j);
				most = haproxy_part(totals[1], n[1], j) > most
				               ? haproxy_part(totals[1], n[1], j) : most;
			}
			assert_int_equal(sum, totals[1]);
			assert_true(most <= HAPROXY_WEIGHT_MAX);
		}
	}
}

/* ---- pure: what HAProxy says ---- */

static void reads_statistics(void **state)
{
	static const char csv[] =
		"# pxname,svname,scur,stot,status,uweight,check_status,addr,hrsp_5xx,req_tot,cli_abrt,-\n"
		"b0,s0,1,20,UP,19,L7OK,127.0.0.1:9,2,18,1,\n"
		"b0,s1,0,0,MAINT,0,,127.0.0.1:1,0,0,0,\n\n"
		"# svname,pxname,status,check_desc,addr,-\n"
		"s11,b7,DOWN,\"a, quoted \"\"one\",127.0.0.1:8,\n"
		"s2,b7,DRAIN,,x,\n"
		"BACKEND,b7,UP,,x,\n";
	struct stat_reader reader = {.rest = csv};
	struct stat_row row;

	(void)state;
	assert_true(stat_next(&reader, &row));
	assert_int_equal(row.backend, 0);
	assert_int_equal(row.server, 0);
	assert_true(row.seen.up && !row.seen.maint);
	assert_int_equal(row.seen.weight, 19);
	assert_string_equal(row.seen.address, "127.0.0.1:9");
	assert_int_equal(row.seen.open, 1);
	assert_int_equal(row.seen.attempts, 20);
	assert_int_equal(row.seen.answered, 18);
	assert_int_equal(row.seen.failed, 2);
	assert_int_equal(row.seen.aborted, 1);
	assert_true(stat_next(&reader, &row));
	assert_true(!row.seen.up && row.seen.maint);
	assert_true(stat_next(&reader, &row));
	assert_int_equal(row.backend, 7);
	assert_int_equal(row.server, 11);
	assert_true(!row.seen.up && !row.seen.maint);
	assert_string_equal(row.seen.address, "127.0.0.1:8");
	assert_true(stat_next(&reader, &row));
	assert_true(row.seen.up);
	assert_false(stat_next(&reader, &row));
}

static void reads_log_lines(void **state)
{
	static const struct {
		const char *text;
		bool good, retried;
		int backend, server, status;
		int64_t us;
	} cases[] = {
		{"R 3f2a9c1b02 b3/s11 200 1590 0", true, false, 3, 11, 200, 1590},
		{"R 3f2a9c1b02 b3/s11 200 1590 +1\n", true, true, 3, 11, 200, 1590},
		{"R - b0/<NOSRV> 503 - 0", false, false, 0, 0, 0, 0},
		{"R - b0/s0 502 - +2", false, false, 0, 0, 0, 0},
		{"R a b0/s0 200 -5 0", false, false, 0, 0, 0, 0},
		{"R a b0/s0 200 5 0 more", false, false, 0, 0, 0, 0},
		{"R a b0/s0 200 5", false, false, 0, 0, 0, 0},
		{"Server b0/s0 is UP/READY (leaving forced maintenance).", false, false, 0, 0, 0, 0},
		{"", false, false, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct log_line line;

		if (read_log_line(cases[i].text, strlen(cases[i].text), &line) != cases[i].good)
			fail_msg("'%s'", cases[i].text);
		if (!cases[i].good)
			continue;
		assert_int_equal(line.backend, cases[i].backend);
		assert_int_equal(line.server, cases[i].server);
		assert_int_equal(line.status, cases[i].status);
		assert_int_equal(line.us, cases[i].us);
		assert_int_equal(line.retried, cases[i].retried);
		assert_string_equal(line.revision, "3f2a9c1b02");
	}
}

/* ---- with HAProxy itself ---- */

#define KEY "production/risk"
#define PATH "/production/risk/v2/models/risk/infer"

static char folder[64];
static int front;
static char listen_at[64];
static struct haproxy *router;
static struct digest stable = {
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
static struct digest candidate = {
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
static struct {
	pid_t pid;
	int port;
} models[4];

static void ok(int rc)
{
	if (rc < 0)
		fail_msg("%s", err.text);
}

static void open_router(int backends, int slots)
{
	struct haproxy_config config = {.folder = folder, .listen = listen_at, .backends = backends,
	                                .slots = slots};

	ok(haproxy_open(&config, &router, &err));
	ok(haproxy_refresh(router, &err));
}

static int make_router(void **state)
{
	(void)state;
	err = (struct err){0};
	snprintf(folder, sizeof(folder), "/tmp/linnet-haproxy-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	front = free_port();
	snprintf(listen_at, sizeof(listen_at), "127.0.0.1:%d", front);
	open_router(2, 2);
	return 0;
}

static int remove_router(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(models); i++) {
		if (models[i].pid > 0)
			stop_child(models[i].pid);
		models[i].pid = 0;
	}
	if (haproxy_end(router, &err) < 0)
		return -1;
	haproxy_close(router);
	return dir_remove_all(AT_FDCWD, folder, &err);
}

static const char *serve(int i, const char *name)
{
	static char address[ARRAY_LEN(models)][64];

	models[i].port = free_port();
	models[i].pid = start_model(models[i].port, name);
	snprintf(address[i], sizeof(address[i]), "127.0.0.1:%d", models[i].port);
	return address[i];
}

static void set_shares(double first, double second)
{
	struct haproxy_share shares[] = {{stable, first}, {candidate, second}};

	ok(haproxy_set_shares(router, KEY, shares, 2, &err));
}

/* One replica of each, with these shares. */
static void two_replicas(double first, double second)
{
	ok(haproxy_add(router, KEY, stable, 0, "v2", serve(0, "old"), &err));
	ok(haproxy_add(router, KEY, candidate, 0, "v3", serve(1, "new"), &err));
	set_shares(first, second);
}

static double live(struct digest revision)
{
	return haproxy_live_share(router, haproxy_find(router, KEY), revision);
}

static struct haproxy_server *server_of(struct digest revision)
{
	return haproxy_server(router, haproxy_find(router, KEY), revision, 0);
}

static int count_new(int n, const char *body)
{
	int fd = dial(front), new = 0;

	for (int i = 0; i < n; i++) {
		struct answer answer = ask_on(&fd, PATH, body);

		assert_int_equal(answer.status, 200);
		new += strcmp(answer.body, "new") == 0;
	}
	close(fd);
	return new;
}

static void refresh_until(bool (*done)(void))
{
	for (int i = 0; i < 5000; i++) {
		ok(haproxy_refresh(router, &err));
		if (done())
			return;
		test_pause_ms(2);
	}
	fail_msg("it does not come to that");
}

static void routes_by_prefix(void **state)
{
	struct answer answer;
	char mode[8];
	struct stat st;

	(void)state;
	answer = ask(front, PATH, "{}");
	assert_int_equal(answer.status, 404);
	assert_string_equal(answer.body, "{\"error\":\"no such deployment\"}");
	two_replicas(1, 0);
	answer = ask(front, PATH, "{}");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "old");
	assert_string_equal(answer.revision, "aaaaaaaaaa");
	assert_string_equal(answer.version, "v2");
	assert_int_equal(ask(front, "/production/riskier/v2", "{}").status, 404);
	assert_int_equal(ask(front, "//production/risk/v2", "{}").status, 404);
	assert_int_equal(ask(front, "/production/risk", "{}").status, 200);
	set_shares(0, 0);
	answer = ask(front, PATH, "{}");
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.body, "\"error\""));
	assert_int_equal(stat(folder, &st), 0);
	snprintf(mode, sizeof(mode), "%o", st.st_mode & 0777);
	assert_string_equal(mode, "700");
	for (size_t i = 0; i < 2; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", folder, i ? "admin.sock" : "log.fifo");
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static uint64_t timed(struct digest revision)
{
	uint64_t n = 0;

	for (int bin = 0; bin < LATENCY_BINS; bin++)
		n += server_of(revision)->counters.latency[bin];
	return n;
}

static bool counted_all(void)
{
	return timed(stable) + timed(candidate) == 10000 &&
	       server_of(stable)->counters.requests + server_of(candidate)->counters.requests == 10000;
}

static void five_percent_is_five_hundred_of_ten_thousand(void **state)
{
	int64_t began_ms;

	(void)state;
	two_replicas(0.95, 0.05);
	assert_true(fabs(live(candidate) - 0.05) < 1e-9);
	assert_int_equal(count_new(10000, "{}"), 500);
	refresh_until(counted_all);
	assert_int_equal(server_of(candidate)->counters.requests, 500);
	assert_int_equal(server_of(candidate)->counters.bad, 0);
	began_ms = test_clock_ms();
	for (int i = 0; i < 200; i++)
		set_shares(i % 2 ? 0.95 : 0.9, i % 2 ? 0.05 : 0.1);
	print_message("a change of weights and its read-back: %.2f ms\n",
	              (double)(test_clock_ms() - began_ms) / 200);
}

static struct counters both(void)
{
	const struct counters *a = &server_of(stable)->counters, *b = &server_of(candidate)->counters;

	return (struct counters){.requests = a->requests + b->requests, .bad = a->bad + b->bad};
}

static void failures_are_counted_once(void **state)
{
	static const struct {
		const char *body;
		int status;
		uint64_t requests, bad; /* of both servers together, for 20 requests */
	} cases[] = {
		{"{}", 200, 20, 0},
		{"500", 500, 20, 20},
		{"close", 502, 140, 140}, /* each is tried seven times */
	};

	(void)state;
	two_replicas(0.5, 0.5);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct counters before = both();
		uint64_t requests = 0, bad = 0;

		for (int n = 0; n < 20; n++)
			assert_int_equal(ask(front, PATH, cases[i].body).status, cases[i].status);
		for (int n = 0; n < 2500 && requests < cases[i].requests; n++) { /* the last may be open */
			ok(haproxy_refresh(router, &err));
			requests = both().requests - before.requests;
			bad = both().bad - before.bad;
			test_pause_ms(2);
		}
		assert_int_equal(requests, cases[i].requests);
		assert_int_equal(bad, cases[i].bad);
	}
}

static bool candidate_is_down(void) { return !server_of(candidate)->seen.up; }
static bool candidate_is_up(void) { return server_of(candidate)->seen.up; }

/* Its requests are served by the other one; it is bad all the same, and its share comes back. */
static void a_dead_server_is_seen_and_its_share_moves(void **state)
{
	(void)state;
	two_replicas(0.5, 0.5);
	stop_child(models[1].pid);
	models[1].pid = 0;
	assert_int_equal(count_new(20, "{}"), 0);
	refresh_until(candidate_is_down);
	assert_true(server_of(candidate)->counters.bad >= 3);
	/* the time that was lost at the dead one is not the other's */
	assert_true(timed(stable) + server_of(candidate)->counters.bad <= 20);
	assert_true(server_of(candidate)->counters.requests >= server_of(candidate)->counters.bad);
	assert_int_equal(server_of(stable)->counters.bad, 0);
	assert_true(fabs(live(stable) - 1) < 1e-9);
	models[1].pid = start_model(models[1].port, "new");
	refresh_until(candidate_is_up);
	ok(haproxy_refresh(router, &err));
	assert_true(fabs(live(candidate) - 0.5) < 1e-9);
	assert_int_equal(count_new(20, "{}"), 10);
}

/* It accepts and answers nothing for a moment: busy. For ever: out, and in again when it answers.
 * How soon is a matter for hack/bench-serving. */
static void a_server_that_hangs_is_out_and_a_busy_one_is_not(void **state)
{
	(void)state;
	two_replicas(0.5, 0.5);
	kill(models[1].pid, SIGSTOP);
	test_pause_ms(500);
	kill(models[1].pid, SIGCONT);
	for (int i = 0; i < 100; i++) {
		ok(haproxy_refresh(router, &err));
		assert_true(server_of(candidate)->seen.up);
		test_pause_ms(10);
	}
	kill(models[1].pid, SIGSTOP);
	refresh_until(candidate_is_down);
	assert_true(fabs(live(stable) - 1) < 1e-9);
	assert_int_equal(count_new(20, "{}"), 0);
	kill(models[1].pid, SIGCONT);
	refresh_until(candidate_is_up);
}

/* Two stable replicas at 95 %: one dies, and the candidate's 5 % stay 5 %. */
static void a_death_does_not_raise_the_others_share(void **state)
{
	(void)state;
	haproxy_close(router);
	open_router(2, 4); /* it runs with a smaller pool: reloaded */
	two_replicas(0.95, 0.05);
	ok(haproxy_add(router, KEY, stable, 1, "v2", serve(2, "old"), &err));
	assert_true(fabs(live(candidate) - 0.05) < 1e-9);
	stop_child(models[0].pid);
	models[0].pid = 0;
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(front, PATH, "{}").status, 200);
	for (int i = 0; i < 5000 && server_of(stable)->seen.up; i++) {
		ok(haproxy_refresh(router, &err));
		test_pause_ms(2);
	}
	assert_true(fabs(live(candidate) - 0.05) < 1e-9);
	ok(haproxy_remove(router, KEY, stable, 0, &err));
	assert_true(fabs(live(candidate) - 0.05) < 1e-9);
}

static void weights_change_under_load(void **state)
{
	struct load loads[2];

	(void)state;
	two_replicas(1, 0);
	for (int i = 0; i < 2; i++)
		loads[i] = start_load(front, PATH);
	for (int i = 0; i < 100; i++) {
		set_shares(1 - i % 10 / 9.0, i % 10 / 9.0);
		test_pause_ms(2);
	}
	for (int i = 0; i < 2; i++) {
		struct load_result result = stop_load(loads[i]);

		assert_int_equal(result.failed, 0);
		assert_true(result.asked > 100);
	}
}

/* The pool of two backends with two slots is used up twice over: each time a reload under load. */
static void the_pool_grows_under_load(void **state)
{
	struct load loads[2];
	int asked = 0;

	(void)state;
	two_replicas(0.5, 0.5);
	for (int i = 0; i < 2; i++)
		loads[i] = start_load(front, PATH);
	for (int i = 0; i < 6; i++) {
		char key[32];

		snprintf(key, sizeof(key), "staging/d%d", i);
		ok(haproxy_add(router, key, stable, 0, "v2", serve(2, "old"), &err));
		ok(haproxy_set_shares(router, key, (struct haproxy_share[]){{stable, 1}}, 1, &err));
		snprintf(key, sizeof(key), "/staging/d%d/x", i);
		assert_int_equal(ask(front, key, "{}").status, 200);
		if (i < 5)
			stop_child(models[2].pid);
	}
	ok(haproxy_add(router, KEY, candidate, 1, "v3", serve(3, "new"), &err));
	assert_int_equal(haproxy_backends(router), 8);
	assert_int_equal(haproxy_slots(router), 4);
	for (int i = 0; i < 2; i++) {
		struct load_result result = stop_load(loads[i]);

		assert_int_equal(result.failed, 0);
		asked += result.asked;
	}
	print_message("3 reloads under load: 0 of %d requests failed\n", asked);
	assert_true(fabs(live(candidate) - 0.5) < 1e-9);
}

static void a_killed_haproxy_comes_back_as_it_was(void **state)
{
	struct process_seen seen;
	char before[64];
	uint64_t requests;
	int64_t began_ms;

	(void)state;
	two_replicas(0.75, 0.25);
	assert_int_equal(count_new(100, "{}"), 25);
	ok(haproxy_refresh(router, &err));
	requests = server_of(candidate)->counters.requests;
	assert_true(requests >= 24); /* the last may still be open */
	snprintf(before, sizeof(before), "%s", haproxy_identity(router));
	ok(process_look(folder, &seen, &err));
	assert_int_equal(kill(-seen.pid, SIGKILL), 0);
	for (int i = 0; i < 2000 && seen.state == PROCESS_RUNNING; i++)
		ok(process_look(folder, &seen, &err));
	began_ms = test_clock_ms();
	ok(haproxy_refresh(router, &err));
	print_message("HAProxy is back in %lld ms\n", (long long)(test_clock_ms() - began_ms));
	assert_string_not_equal(haproxy_identity(router), before);
	assert_true(fabs(live(candidate) - 0.25) < 1e-9);
	assert_int_equal(count_new(100, "{}"), 25);
	assert_string_equal(ask(front, PATH, "{}").version, "v2");
	ok(haproxy_refresh(router, &err));
	assert_true(server_of(candidate)->counters.requests >= requests + 24);
}

static void we_come_back_and_find_it(void **state)
{
	char before[64];

	(void)state;
	two_replicas(0.75, 0.25);
	assert_int_equal(count_new(100, "{}"), 25);
	for (int i = 0; i < 20; i++) {
		test_pause_ms(2);
		ok(haproxy_refresh(router, &err));
	}
	snprintf(before, sizeof(before), "%s", haproxy_identity(router));
	haproxy_close(router);
	assert_int_equal(count_new(100, "{}"), 25); /* nobody is looking */
	open_router(2, 2);
	assert_string_equal(haproxy_identity(router), before);
	assert_true(fabs(live(candidate) - 0.25) < 1e-9);
	assert_true(server_of(candidate)->counters.requests >= 49);
	for (int i = 0; i < 2500 && timed(candidate) < 50; i++) {
		test_pause_ms(2);
		haproxy_drain(router); /* the pipe kept what came meanwhile */
	}
	assert_int_equal(timed(candidate), 50);
}

/* Ticks of CPU time that the worker process has used. */
static long worker_ticks(void)
{
	char path[64];
	unsigned long user = 0, system = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)strtol(haproxy_identity(router), NULL, 10));
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
	                        &user, &system), 2);
	fclose(file);
	return (long)(user + system);
}

/* With nobody to take its log HAProxy neither waits nor spins. */
static void it_rests_while_we_are_away(void **state)
{
	long before;

	(void)state;
	two_replicas(0.5, 0.5);
	link_close_log(router);
	before = worker_ticks();
	assert_int_equal(count_new(20, "{}"), 10);
	test_pause_ms(500);
	assert_true(worker_ticks() - before <= sysconf(_SC_CLK_TCK) / 10);
}

static void a_hand_on_the_weights_is_kept(void **state)
{
	struct buf reply_text;

	(void)state;
	two_replicas(0.5, 0.5);
	buf_init(&reply_text, 1 << 16);
	ok(link_run(router, "set server b0/s0 weight 9;set server b0/s1 weight 1\n", &reply_text,
	            &err));
	buf_deinit(&reply_text);
	ok(haproxy_refresh(router, &err));
	assert_true(fabs(live(candidate) - 0.1) < 1e-9);
	ok(haproxy_refresh(router, &err));
	assert_true(fabs(live(candidate) - 0.1) < 1e-9);
	set_shares(0.5, 0.5);
	assert_true(fabs(live(candidate) - 0.5) < 1e-9);
}

static void leaving_drains(void **state)
{
	struct haproxy_share none = {candidate, 0};

	(void)state;
	two_replicas(0.5, 0.5);
	assert_int_equal(haproxy_leave(router, KEY, candidate, 0, &err), -1); /* it has a share */
	assert_int_equal(err.kind, ERR_TRANSIENT);
	ok(haproxy_set_shares(router, KEY, (struct haproxy_share[]){{stable, 1}, none}, 2, &err));
	ok(haproxy_leave(router, KEY, candidate, 0, &err));
	ok(haproxy_leave(router, KEY, candidate, 0, &err));
	assert_int_equal(count_new(20, "{}"), 0);
	ok(haproxy_remove(router, KEY, candidate, 0, &err));
	ok(haproxy_remove(router, KEY, candidate, 0, &err));
	assert_null(server_of(candidate));
	assert_int_equal(haproxy_drop(router, KEY, &err), -1);
	ok(haproxy_set_shares(router, KEY, NULL, 0, &err));
	ok(haproxy_remove(router, KEY, stable, 0, &err));
	ok(haproxy_drop(router, KEY, &err));
	ok(haproxy_drop(router, KEY, &err));
	assert_int_equal(ask(front, PATH, "{}").status, 404);
}

/* A file that cannot be written stops nothing, is told, and is written as soon as it can be. */
static void what_is_not_written_is_told(void **state)
{
	char path[128];

	(void)state;
	two_replicas(0.5, 0.5);
	assert_string_equal(haproxy_unsaved(router), "");
	snprintf(path, sizeof(path), "%s/router.json", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	count_new(10, "{}");
	for (int i = 0; i < 5000 && !haproxy_unsaved(router)[0]; i++)
		ok(haproxy_refresh(router, &err));
	assert_non_null(strstr(haproxy_unsaved(router), "router.json"));
	set_shares(1, 0);
	assert_int_equal(count_new(10, "{}"), 0);
	assert_int_equal(rmdir(path), 0);
	ok(haproxy_refresh(router, &err));
	assert_string_equal(haproxy_unsaved(router), "");
	assert_int_equal(access(path, R_OK), 0);
}

/* HAProxy runs on by it: an empty one in its place would take the traffic from everything. */
static void a_table_that_cannot_be_read_is_no_empty_one(void **state)
{
	struct haproxy_config config = {.folder = folder, .listen = listen_at};
	struct rlimit before;

	(void)state;
	two_replicas(0.5, 0.5);
	haproxy_close(router);
	allow_files(1, &before);
	assert_int_equal(haproxy_open(&config, &router, &err), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "router.json"));
	open_router(2, 2);
	assert_int_equal(count_new(10, "{}"), 5);
}

static void what_cannot_start_says_why(void **state)
{
	struct haproxy_config config = {.folder = folder, .listen = "no-such-host:x"};
	struct haproxy *other;

	(void)state;
	ok(haproxy_end(router, &err));
	haproxy_close(router);
	ok(haproxy_open(&config, &other, &err));
	assert_int_equal(haproxy_refresh(other, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "no-such-host"));
	haproxy_close(other);
	open_router(2, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_router, remove_router)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_of_known_shares),
		cmocka_unit_test(weights_are_the_nearest),
		cmocka_unit_test(reads_statistics),
		cmocka_unit_test(reads_log_lines),
		TEST(routes_by_prefix),
		TEST(five_percent_is_five_hundred_of_ten_thousand),
		TEST(failures_are_counted_once),
		TEST(a_dead_server_is_seen_and_its_share_moves),
		TEST(a_server_that_hangs_is_out_and_a_busy_one_is_not),
		TEST(a_death_does_not_raise_the_others_share),
		TEST(weights_change_under_load),
		TEST(the_pool_grows_under_load),
		TEST(a_killed_haproxy_comes_back_as_it_was),
		TEST(we_come_back_and_find_it),
		TEST(a_table_that_cannot_be_read_is_no_empty_one),
		TEST(it_rests_while_we_are_away),
		TEST(a_hand_on_the_weights_is_kept),
		TEST(leaving_drains),
		TEST(what_is_not_written_is_told),
		TEST(what_cannot_start_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
