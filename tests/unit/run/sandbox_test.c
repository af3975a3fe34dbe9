/* The user's code in its sandbox, three times: with all rights, as an ordinary user, and as root in
 * a container that may make no namespaces. Every script is bounded by itself too. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "run/command.h"

enum { NOBODY = 65534, PROCESSES = 20 };

static char top[64], folder[96], path[160];
static struct buf log_text;

static const char *below(const char *dir, const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int64_t now_ms(void *self)
{
	struct timespec now;

	(void)self;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
static const struct port_clock port_clock = {.now_ms = now_ms, .wall_ms = now_ms};

/* ---- The scripts call what lingers `sleep 1000.<our pid>` ---- */

static int lingering_of(pid_t pid)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char wanted[64];
	int found = 0;

	snprintf(wanted, sizeof(wanted), "1000.%d", (int)pid);
	while ((entry = readdir(proc))) {
		char name[300], words[256] = "";
		ssize_t n;
		int fd;

		snprintf(name, sizeof(name), "/proc/%s/cmdline", entry->d_name);
		fd = open(name, O_RDONLY);
		n = fd < 0 ? 0 : read(fd, words, sizeof(words) - 1);
		if (fd >= 0)
			close(fd);
		found += n > 6 && !strcmp(words, "sleep") && !strcmp(words + 6, wanted);
	}
	closedir(proc);
	return found;
}

static int lingering(void)
{
	return lingering_of(getpid());
}

static int start_program(struct command *command, const char *const *argv, struct err *err)
{
	static char name[64], log[128], cwd[128];
	const char *const env[] = {"PATH=/usr/bin:/bin", name, NULL};
	struct command_spec spec = {
		.argv = argv, .env = env, .folder = folder, .hide = top,
		.memory_bytes = -1, .file_bytes = 1 << 20, .processes = PROCESSES,
	};

	snprintf(name, sizeof(name), "LINGER=sleep 1000.%d", (int)getpid());
	snprintf(log, sizeof(log), "%s/log", folder);
	snprintf(cwd, sizeof(cwd), "%s/source", folder);
	spec.log = log;
	spec.cwd = cwd;
	unlink(log);
	return command_start(command, &spec, err);
}

static void start(struct command *command, const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct err err = {0};

	if (start_program(command, argv, &err))
		fail_msg("%s", err.text);
}

/* Exit code, or -1 and the cause. */
static int run(const char *script, int64_t wait_ms, struct err *err)
{
	struct command command;
	char log[128];
	int code = -1;

	start(&command, script);
	snprintf(log, sizeof(log), "%s", command.log);
	if (command_wait(&command, &port_clock, now_ms(NULL) + wait_ms, &code, err))
		code = -1;
	buf_clear(&log_text);
	(void)!file_read(AT_FDCWD, log, &log_text, &(struct err){0});
	return code;
}

/* ---- What holds in each world ---- */

static void what_moved_to_another_session_ends_with_it(void)
{
	struct err err = {0};

	assert_int_equal(run("setsid -f $LINGER; $LINGER & exit 3", 60000, &err), 3);
	assert_int_equal(lingering(), 0);
	assert_int_equal(run("setsid -f sh -c \"setsid -f $LINGER\"; trap '' TERM; $LINGER", 700, &err),
	                 -1);
	assert_non_null(strstr(err.text, "took longer than its timeout"));
	assert_int_equal(lingering(), 0);
}

/* Somebody who starts such a command and is killed by SIGKILL. */
static void its_end_is_ours(void)
{
	struct command command;
	int64_t until_ms = now_ms(NULL) + 60000;
	int went[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(went), 0);
	pid = fork();
	if (pid == 0) {
		start(&command, "setsid -f $LINGER; $LINGER");
		while (lingering() < 2 && now_ms(NULL) < until_ms)
			usleep(2000);
		(void)!write(went[1], "x", 1);
		pause();
	}
	assert_int_equal(read(went[0], &byte, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (lingering_of(pid) > 0 && now_ms(NULL) < until_ms)
		usleep(2000);
	assert_int_equal(lingering_of(pid), 0);
	close(went[0]);
	close(went[1]);
}

static void it_writes_in_its_folder_alone(unsigned parts)
{
	struct err err = {0};
	char script[512];

	snprintf(script, sizeof(script),
	         "echo x >../made && echo x >/dev/null && echo ${LINGER} && cat ../made; "
	         "cat %s/secret; echo x >%s/stolen; echo x >/tmp/stolen.%d", top, top, (int)getpid());
	run(script, 60000, &err);
	assert_int_equal(access(below(folder, "made"), F_OK), 0);
	if (parts & (SANDBOX_LANDLOCK | SANDBOX_MOUNTS)) {
		assert_null(strstr(buf_text(&log_text), "topsecret"));
		assert_int_equal(access(below(top, "stolen"), F_OK), -1);
	}
	if (parts & SANDBOX_LANDLOCK) {
		snprintf(path, sizeof(path), "/tmp/stolen.%d", (int)getpid());
		assert_int_equal(access(path, F_OK), -1);
		/* what stands there is neither emptied nor removed */
		snprintf(script, sizeof(script), ": >%s/secret; rm -f %s/secret; kill -0 %d", top, top,
		         (int)getpid());
		run(script, 60000, &err);
		assert_int_equal(access(below(top, "secret"), R_OK), 0);
	}
}

static void a_file_has_an_end(void)
{
	struct err err = {0};
	struct stat st;

	assert_int_equal(run("exec head -c 10000000 /dev/zero >../big", 60000, &err), 128 + SIGXFSZ);
	assert_int_equal(stat(below(folder, "big"), &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
}

static void processes_have_an_end(unsigned parts)
{
	struct command command;
	int most = 0, code = 0;
	struct err err = {0};

	if (!(parts & SANDBOX_PROCESSES))
		return;
	start(&command, "i=0; while [ $i -lt 60 ]; do $LINGER & i=$((i+1)); done; $LINGER");
	while (command_runs(&command, 5)) {
		int n = lingering();

		most = n > most ? n : most;
	}
	assert_int_equal(command_wait(&command, &port_clock, INT64_MAX, &code, &err), 0);
	assert_int_not_equal(code, 0);
	assert_in_range(most, 0, PROCESSES);
	assert_int_equal(lingering(), 0);
}

static void no_new_privileges(void)
{
	struct err err = {0};

	run("grep -E '^(NoNewPrivs|CapEff)' /proc/self/status", 60000, &err);
	assert_non_null(strstr(buf_text(&log_text), "NoNewPrivs:\t1"));
}

static unsigned all_hold(void)
{
	struct command command;
	struct buf text;
	unsigned parts;

	start(&command, "$LINGER");
	assert_true(command_program(&command) > 0);
	parts = command.sandbox.parts;
	buf_init(&text, 1024);
	sandbox_tell(&command.sandbox, &text);
	print_message("%s\n", buf_text(&text));
	buf_deinit(&text);
	command_stop(&command);
	assert_int_equal(lingering(), 0);
	what_moved_to_another_session_ends_with_it();
	its_end_is_ours();
	it_writes_in_its_folder_alone(parts);
	a_file_has_an_end();
	processes_have_an_end(parts);
	no_new_privileges();
	return parts;
}

/* ---- The three worlds ---- */

static void put(const char *dir, const char *name, const char *text)
{
	struct err err = {0};

	if (file_replace(AT_FDCWD, below(dir, name), text, strlen(text), 0644, &err))
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/linnet-box-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(folder, sizeof(folder), "%s/own", top);
	mkdir(folder, 0755);
	mkdir(below(folder, "source"), 0755);
	put(top, "secret", "topsecret\n");
	buf_init(&log_text, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	struct err err;

	(void)state;
	buf_deinit(&log_text);
	return dir_remove_all(AT_FDCWD, top, &err);
}

/* What may pass by itself says nothing of the code: a program that is being written, as here, or
 * no more memory or processes for now. */
static void what_cannot_be_executed_may_be_later(void **state)
{
	char program[128];
	const char *const argv[] = {program, NULL};
	struct command command;
	struct err err = {0};
	struct buf text;
	int code = -1, fd;

	(void)state;
	snprintf(program, sizeof(program), "%s/source/program", folder);
	assert_int_equal(start_program(&command, argv, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED); /* there is none */
	buf_init(&text, 1 << 20);
	assert_int_equal(file_read(AT_FDCWD, "/bin/true", &text, &err), 0);
	assert_int_equal(file_replace(AT_FDCWD, program, buf_text(&text), text.len, 0755, &err), 0);
	buf_deinit(&text);
	fd = open(program, O_WRONLY);
	assert_int_equal(start_program(&command, argv, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	close(fd);
	assert_int_equal(start_program(&command, argv, &err), 0);
	assert_int_equal(command_wait(&command, &port_clock, now_ms(NULL) + 60000, &code, &err), 0);
	assert_int_equal(code, 0);
}

static void with_all_our_rights(void **state)
{
	(void)state;
	all_hold();
}

/* In a process of its own, which has fewer rights for ever; what it asserts ends it. */
static void apart(void (*lose)(void), unsigned wanted)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		lose();
		unsigned parts = all_hold();

		_exit((parts & wanted) == wanted ? 0 : 99);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void become_nobody(void)
{
	assert_int_equal(chown(top, NOBODY, NOBODY) | chown(folder, NOBODY, NOBODY) |
	                 chown(below(folder, "source"), NOBODY, NOBODY) |
	                 chown(below(top, "secret"), NOBODY, NOBODY), 0);
	assert_int_equal(setresgid(NOBODY, NOBODY, NOBODY) | setresuid(NOBODY, NOBODY, NOBODY), 0);
	prctl(PR_SET_DUMPABLE, 1); /* /proc/self is ours, as after an exec */
}

static void as_an_ordinary_user(void **state)
{
	(void)state;
	apart(become_nobody, 0);
}

static void lose_admin(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	assert_int_equal(chmod(top, 0755), 0);
	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	for (int i = 0; i < 2; i++)
		data[i].inheritable = 0;
	data[0].effective &= ~(1U << CAP_SYS_ADMIN);
	data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

static void without_namespaces(void **state)
{
	(void)state;
	apart(lose_admin, SANDBOX_USER | SANDBOX_PROCESSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_cannot_be_executed_may_be_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_all_our_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(as_an_ordinary_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_namespaces, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
