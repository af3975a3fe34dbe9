#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/clock_posix.h"
#include "adapter/process_posix.h"
#include "base/file.h"
#include "few_files.h"

/* Each test has a root of its own and leaves nothing running in it. */
static char root[64];
static struct process_posix *posix;
static struct port_process port;
static struct arena arena;
static struct err err;

static const char *const env[] = {"PATH=/usr/bin:/bin", "GREETING=hello world", NULL};

static int make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/linnet-process-XXXXXX");
	if (!mkdtemp(root) || process_posix_open(root, &posix, &err) < 0)
		return -1;
	port = process_posix_port(posix);
	arena_init(&arena, 64 << 20);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	process_posix_close(posix);
	arena_deinit(&arena);
	return dir_remove_all(AT_FDCWD, root, &err);
}

static struct process_spec shell(const char *key, const char *script)
{
	const char **argv = arena_array(&arena, 4, const char *);

	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = script;
	return (struct process_spec){.key = key, .argv = argv, .env = env, .timeout_ms = -1,
	                             .memory_bytes = -1, .cpu_seconds = -1, .file_bytes = -1};
}

static void spawn(struct process_spec spec)
{
	if (port.spawn(port.self, &spec, &err) < 0)
		fail_msg("spawn: %s", err.text);
}

static struct process_status poll_once(const char *key)
{
	struct process_status status;

	if (port.poll(port.self, key, &arena, &status, &err) < 0)
		fail_msg("poll: %s", err.text);
	return status;
}

static struct process_status wait_end(const char *key)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	struct process_status status;

	for (int i = 0; i < 5000; i++) {
		status = poll_once(key);
		if (status.state != PROCESS_RUNNING)
			return status;
		nanosleep(&pause, NULL);
	}
	fail_msg("%s does not end: %s", key, status.log_tail);
	return status;
}

static const char *folder_of(const char *key)
{
	return arena_printf(&arena, "%s/%s", root, key);
}

static struct process_seen look(const char *key)
{
	struct process_seen seen;

	assert_int_equal(process_look(folder_of(key), &seen, &err), 0);
	return seen;
}

static void wait_file(const char *path)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (int i = 0; i < 5000; i++) {
		if (access(path, F_OK) == 0)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("%s does not appear", path);
}

/* Gone, or a zombie that the first process of this machine has yet to reap. */
static bool runs(pid_t pid)
{
	char path[64], line[512] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return line[0] && !strstr(line, ") Z ");
}

static void exit_codes_and_logs(void **state)
{
	static const struct {
		const char *script;
		int code;
		const char *tail;
	} cases[] = {
		{"exit 0", 0, ""},
		{"echo out; echo err >&2; exit 3", 3, "out\nerr\n"},
		{"kill -TERM $$", 128 + SIGTERM, ""},
		{"echo \"$GREETING\"; env | grep -c .", 0, "hello world\n3\n"}, /* sh adds PWD */
		{"pwd | grep -o '[^/]*$'", 0, "a\n"},
		{"i=0; while [ $i -lt 30 ]; do echo l$i; i=$((i+1)); done | tail -n 21 | head -n 2;"
		 "i=0; while [ $i -lt 19 ]; do echo x; i=$((i+1)); done",
		 0, "l10\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n"},
		{"printf 'a\\001b\\n\\nc'", 0, "a?b\nc\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct process_status status;

		spawn(shell("a", cases[i].script));
		status = wait_end("a");
		assert_true(status.exit_known);
		assert_int_equal(status.exit_code, cases[i].code);
		assert_string_equal(status.log_tail, cases[i].tail);
		status = poll_once("a"); /* said again by the folder, the process being reaped */
		assert_true(status.exit_known);
		assert_int_equal(status.exit_code, cases[i].code);
		assert_int_equal(port.forget(port.self, "a", &err), 0);
		assert_int_equal(poll_once("a").state, PROCESS_NONE);
	}
}

static void one_live_process_a_key(void **state)
{
	struct process_seen first;

	(void)state;
	spawn(shell("train/7f", "sleep 60"));
	first = look("train/7f");
	assert_int_equal(first.state, PROCESS_RUNNING);
	assert_true(clock_posix().wall_ms(NULL) - first.started_ms < 10000);
	assert_in_range(first.age_ms, 0, 10000);
	spawn(shell("train/7f", "sleep 60"));
	assert_int_equal(look("train/7f").pid, first.pid);
	assert_int_equal(getpgid(first.pid), first.pid);
	assert_int_equal(getsid(first.pid), first.pid);
	assert_int_equal(process_start(folder_of("train/7f"), &(struct process_spec){0}, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(port.kill(port.self, "train/7f", &err), 0);
	assert_int_equal(wait_end("train/7f").exit_code, 128 + SIGKILL);
}

/* What runs is neither buried nor killed nor started twice because nothing can be opened. */
static void what_cannot_be_looked_at_is_not_dead(void **state)
{
	struct process_seen first, seen;
	struct rlimit before;

	(void)state;
	spawn(shell("a", "sleep 60"));
	first = look("a");
	for (int more = 0; more < 2; more++) {
		allow_files(more, &before);
		assert_int_equal(process_look(folder_of("a"), &seen, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_int_equal(port.spawn(port.self, &(struct process_spec){.key = "a"}, &err), -1);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		seen = look("a");
		assert_int_equal(seen.state, PROCESS_RUNNING);
		assert_int_equal(seen.pid, first.pid);
	}
	assert_int_equal(port.kill(port.self, "a", &err), 0);
	assert_int_equal(wait_end("a").exit_code, 128 + SIGKILL);
}

static void a_result_is_left_as_it_is(void **state)
{
	struct bytes result;

	(void)state;
	spawn(shell("a", "echo one >r; mv r result"));
	wait_end("a");
	spawn(shell("a", "echo two >result"));
	assert_int_equal(poll_once("a").state, PROCESS_ENDED);
	assert_int_equal(port.result(port.self, "a", "result", &arena, &result, &err), 0);
	assert_memory_equal(result.data, "one\n", 4);
	assert_int_equal(port.result(port.self, "a", "other", &arena, &result, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_int_equal(port.result(port.self, "b", "result", &arena, &result, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
}

static void a_restarted_controller_finds_it_again(void **state)
{
	struct process_spec spec = shell("a", "sleep 0.2; exit 0");
	struct process_status status;
	pid_t controller = fork();

	(void)state;
	if (controller == 0)
		_exit(port.spawn(port.self, &spec, &err) < 0);
	assert_int_equal(waitpid(controller, &(int){0}, 0), controller);
	assert_int_equal(poll_once("a").state, PROCESS_RUNNING);
	spec = shell("a", "exit 9");
	spawn(spec); /* adopts */
	status = wait_end("a");
	assert_false(status.exit_known);
	assert_string_equal(status.log_tail, "");
}

static void the_whole_group_is_killed(void **state)
{
	struct process_seen seen;
	struct buf text;
	int64_t helper;

	(void)state;
	spawn(shell("a", "sleep 60 & echo $! >pid.new; mv pid.new pid; wait"));
	wait_file(folder_of("a/pid"));
	buf_init(&text, 64);
	assert_int_equal(file_read(AT_FDCWD, folder_of("a/pid"), &text, &err), 0);
	text.text[strcspn(text.text, "\n")] = '\0';
	assert_int_equal(parse_int(text.text, 2, INT32_MAX, &helper, &err), 0);
	buf_deinit(&text);
	assert_true(runs((pid_t)helper));
	seen = look("a");
	assert_int_equal(process_end(folder_of("a"), 5000, &err), 0);
	assert_false(runs(seen.pid));
	for (int i = 0; i < 1000 && runs((pid_t)helper); i++) /* killed, and not ours to wait for */
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	assert_false(runs((pid_t)helper));
}

/* What a dead leader left behind neither lives on nor keeps the slot. */
static void leftovers_do_not_keep_the_slot(void **state)
{
	(void)state;
	spawn(shell("a", "sleep 60 & exit 1"));
	assert_int_equal(wait_end("a").exit_code, 1);
	for (int i = 0; i < 1000; i++) { /* the helper's death is not ours to reap */
		struct process_spec spec = shell("a", "exit 4");

		if (port.spawn(port.self, &spec, &err) == 0)
			break;
		assert_int_equal(err.kind, ERR_CONFLICT);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
	assert_int_equal(wait_end("a").exit_code, 4);
}

static void time_is_over(void **state)
{
	struct process_spec spec = shell("a", "sleep 60");
	struct process_status status;

	(void)state;
	spec.timeout_ms = 50;
	for (int i = 0; i < 10; i++) { /* a look may fall between the kill and the death */
		spawn(spec);
		do
			status = poll_once("a");
		while (status.state == PROCESS_RUNNING);
		assert_int_equal(status.exit_code, 128 + SIGKILL);
		assert_string_equal(status.log_tail,
		                    "linnet: killed: it ran longer than its limit of 50ms\n");
		assert_int_equal(port.forget(port.self, "a", &err), 0);
	}
}

static void limits_hold(void **state)
{
	static const struct {
		const char *script, *tail;
	} cases[] = {
		{"grep NoNewPrivs /proc/self/status | tr '\\t' ' '", "NoNewPrivs: 1\n"},
		{"ulimit -c; ulimit -d; ulimit -t; ulimit -f", "0\n262144\n7\n2048\n"},
		{"nice", "5\n"},
		{"ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 4 \n"}, /* 3: the lock; 4: ls reads */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct process_spec spec = shell("a", cases[i].script);
		int secret = fcntl(2, F_DUPFD, 20); /* open in us without O_CLOEXEC */

		spec.memory_bytes = 256 << 20;
		spec.cpu_seconds = 7;
		spec.file_bytes = 1 << 20;
		spec.nice = 5;
		spawn(spec);
		close(secret);
		assert_string_equal(wait_end("a").log_tail, cases[i].tail);
		assert_int_equal(port.forget(port.self, "a", &err), 0);
	}
}

static void what_cannot_start_says_so(void **state)
{
	const char *absent[] = {"no-such-program", NULL};
	struct process_spec spec = shell("a", "exit 0");

	(void)state;
	spec.argv = absent;
	assert_int_equal(port.spawn(port.self, &spec, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_non_null(strstr(err.text, "no-such-program"));
	assert_int_equal(poll_once("a").state, PROCESS_NONE);
	spec = shell("a", "exit 0");
	spec.cwd = "/no/such/folder";
	assert_int_equal(port.spawn(port.self, &spec, &err), -1);
	assert_non_null(strstr(err.text, "/no/such/folder"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left behind */
	spec = shell("../a", "exit 0");
	assert_int_equal(port.spawn(port.self, &spec, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
}

/* It may start when there is space again. */
static void a_full_disk_passes(void **state)
{
	struct process_spec spec = shell("a", "exit 4");

	(void)state;
	assert_int_equal(mkdir(folder_of("a"), 0700), 0);
	assert_int_equal(symlink("/dev/full", folder_of("a/record.aside")), 0);
	assert_int_equal(port.spawn(port.self, &spec, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "No space left on device"));
	assert_int_equal(unlink(folder_of("a/record.aside")), 0);
	spawn(spec);
	assert_int_equal(wait_end("a").exit_code, 4);
}

/* A record of another boot, or of a pid that is somebody else's now, is nobody alive. */
static void old_records_are_not_believed(void **state)
{
	static const char *const edits[] = {
		"1s/^./x/",
		"2s/[)] R .*/) R 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0/",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		struct process_status status;
		char command[256];
		pid_t pid;

		spawn(shell("a", "sleep 60"));
		pid = look("a").pid;
		snprintf(command, sizeof(command), "sed -i '%s' %s/a/record", edits[i], root);
		assert_int_equal(system(command), 0);
		status = poll_once("a");
		assert_int_equal(status.state, PROCESS_ENDED);
		assert_false(status.exit_known);
		assert_true(runs(pid)); /* and is not killed */
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(port.forget(port.self, "a", &err), 0);
	}
}

static void a_long_log_is_cut(void **state)
{
	struct stat st;

	(void)state;
	spawn(shell("a", "head -c 9000000 /dev/zero | tr '\\0' 'x'; touch full; sleep 60"));
	wait_file(folder_of("a/full"));
	poll_once("a");
	assert_int_equal(stat(folder_of("a/log"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(stat(folder_of("a/log.1"), &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(port.forget(port.self, "a", &err), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
	const struct CMUnitTest tests[] = {
		TEST(exit_codes_and_logs),
		TEST(what_cannot_be_looked_at_is_not_dead),
		TEST(one_live_process_a_key),
		TEST(a_result_is_left_as_it_is),
		TEST(a_restarted_controller_finds_it_again),
		TEST(the_whole_group_is_killed),
		TEST(leftovers_do_not_keep_the_slot),
		TEST(time_is_over),
		TEST(limits_hold),
		TEST(what_cannot_start_says_so),
		TEST(a_full_disk_passes),
		TEST(old_records_are_not_believed),
		TEST(a_long_log_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
