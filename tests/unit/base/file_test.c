#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/death.h"
#include "base/file.h"

/* Each test has a folder of its own, open as `top`. */
static char folder[64];
static int top = -1;
static int free_after_setup = -1;

/* The lowest free descriptor, which tells after the test whether one was left open. */
static int lowest_free(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/linnet-file-XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
		return -1;
	top = open(folder, O_RDONLY | O_DIRECTORY);
	free_after_setup = lowest_free();
	return top < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	if (lowest_free() != free_after_setup)
		return -1;
	close(top);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void put(const char *path, const char *text)
{
	int fd = openat(top, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void point(const char *path, const char *target)
{
	assert_int_equal(symlinkat(target, top, path), 0);
}

static void set_mode(const char *path, mode_t mode)
{
	assert_int_equal(fchmodat(top, path, mode, 0), 0);
}

static void assert_holds(const char *path, const char *text)
{
	char found[256] = {0};
	int fd = openat(top, path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
	assert_string_equal(found, text);
	close(fd);
}

static bool exists(const char *path)
{
	struct stat st;

	return fstatat(top, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int count_entries(const char *path)
{
	DIR *dir = fdopendir(openat(top, path, O_RDONLY | O_DIRECTORY));
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void reads_up_to_the_limit(void **state)
{
	static const struct {
		size_t size, before, limit;
		bool good;
	} cases[] = {
		{0, 0, 0, true},
		{100, 0, 100, true},
		{101, 0, 100, false},
		{1, 0, 0, false},
		{60, 40, 100, true},
		{61, 40, 100, false},
		{300000, 0, 300000, true},
		{300001, 0, 300000, false},
	};
	static char bytes[300001];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int fd = openat(top, "file", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		struct err err = {0};
		struct buf buf;

		assert_int_equal(write(fd, bytes, cases[i].size), cases[i].size);
		close(fd);
		buf_init(&buf, cases[i].limit);
		buf_add(&buf, bytes, cases[i].before);
		assert_int_equal(file_read(top, "file", &buf, &err), cases[i].good ? 0 : -1);
		assert_false(buf.full);
		assert_int_equal(buf.len, cases[i].before + (cases[i].good ? cases[i].size : 0));
		assert_int_equal(strspn(buf_text(&buf), "x"), buf.len);
		if (!cases[i].good) {
			assert_int_equal(err.kind, ERR_STALLED);
			assert_non_null(strstr(err.text, "file: is larger than "));
		}
		buf_deinit(&buf);
	}
}

static void refuses_what_is_no_file(void **state)
{
	static const struct {
		const char *path, *text;
		enum err_kind kind;
	} cases[] = {
		{"absent", "absent: cannot open: does not exist", ERR_STALLED},
		{"dir/absent", "dir/absent: cannot open: does not exist", ERR_STALLED},
		{"dangling", "dangling: cannot open: does not exist", ERR_STALLED},
		{"file/x", "file/x: cannot open: Not a directory", ERR_STALLED},
		{"dir", "dir: is not a regular file", ERR_STALLED},
		{"fifo", "fifo: is not a regular file", ERR_STALLED},
		{"loop", "loop: cannot open: Too many levels of symbolic links", ERR_STALLED},
		{"", ": cannot open: does not exist", ERR_STALLED},
	};

	(void)state;
	put("file", "content");
	mkdirat(top, "dir", 0755);
	mkfifoat(top, "fifo", 0644);
	point("dangling", "absent");
	point("loop", "loop");
	point("link", "file");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct buf buf;

		buf_init(&buf, 100);
		buf_puts(&buf, "before");
		assert_int_equal(file_read(top, cases[i].path, &buf, &err), -1);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.kind, cases[i].kind);
		assert_string_equal(buf_text(&buf), "before");
		if (file_read(top, "link", &buf, &err) < 0)
			fail_msg("%s", err.text);
		assert_string_equal(buf_text(&buf), "beforecontent");
		buf_deinit(&buf);
	}
}

/* Address 0 of a process cannot be read; a file of /proc has content but the size 0. */
static void reads_what_the_size_does_not_tell(void **state)
{
	struct err err = {0};
	struct buf buf;

	(void)state;
	if (access("/proc/self/mem", R_OK) < 0)
		skip();
	buf_init(&buf, 1 << 20);
	buf_puts(&buf, "before");
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/mem", &buf, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(err.text, "/proc/self/mem: cannot read: Input/output error");
	assert_string_equal(buf_text(&buf), "before");
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", &buf, &err), 0);
	assert_non_null(strstr(buf.text, "Name:"));
	buf_deinit(&buf);
}

static void writes_new_and_over_old(void **state)
{
	struct err err = {0};
	struct stat st;

	(void)state;
	mkdirat(top, "dir", 0755);
	assert_int_equal(file_write(top, "dir/new", "one", 3, 0640, &err), 0);
	assert_holds("dir/new", "one");
	assert_int_equal(file_write(top, "dir/new", "three", 5, 0444, &err), 0);
	assert_holds("dir/new", "three");
	assert_int_equal(fstatat(top, "dir/new", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	umask(077);
	assert_int_equal(file_replace(top, "dir/new", NULL, 0, 0666, &err), 0);
	umask(022);
	assert_holds("dir/new", "");
	assert_int_equal(fstatat(top, "dir/new", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(count_entries("dir"), 1);
}

static void an_absolute_path_needs_no_folder(void **state)
{
	char path[128];
	struct err err = {0};

	(void)state;
	snprintf(path, sizeof(path), "%s/here", folder);
	assert_int_equal(file_write(AT_FDCWD, path, "x", 1, 0644, &err), 0);
	assert_holds("here", "x");
}

/* A reader that has the file open, and a link to it, keep the old bytes. */
static void replaces_by_rename(void **state)
{
	struct err err = {0};
	struct stat before, after;
	char old[4] = {0};
	int fd;

	(void)state;
	put("file", "old");
	put("target", "aim");
	point("link", "target");
	fd = openat(top, "file", O_RDONLY);
	assert_int_equal(fstatat(top, "file", &before, 0), 0);
	assert_int_equal(file_write(top, "file", "new", 3, 0644, &err), 0);
	assert_int_equal(fstatat(top, "file", &after, 0), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(read(fd, old, 3), 3);
	assert_string_equal(old, "old");
	close(fd);
	assert_int_equal(file_write(top, "link", "new", 3, 0644, &err), 0);
	assert_holds("target", "aim");
	assert_holds("link", "new");
}

static void refuses_paths_that_cannot_be_written(void **state)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{"absent/x", "absent/x: cannot open its folder: does not exist"},
		{"file/x", "file/x: cannot open its folder: Not a directory"},
		{"dir", "dir: cannot write: Is a directory"},
		{"dir/", "dir/: does not end in a name"},
		{"dir/..", "dir/..: does not end in a name"},
		{".", ".: does not end in a name"},
		{"", ": does not end in a name"},
	};

	(void)state;
	put("file", "content");
	mkdirat(top, "dir", 0755);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};

		assert_int_equal(file_write(top, cases[i].path, "x", 1, 0644, &err), -1);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.kind, ERR_STALLED);
	}
	assert_int_equal(count_entries("."), 2);
	assert_int_equal(count_entries("dir"), 0);
}

/* A limit on the size of files stands for a full disk: the second half of the write fails. */
static void leaves_the_old_file_when_the_disk_is_full(void **state)
{
	struct rlimit old, small;
	static char bytes[8192];
	struct err err = {0};
	int rc;

	(void)state;
	put("file", "old");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){.rlim_cur = 4096, .rlim_max = old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	rc = file_write(top, "file", bytes, sizeof(bytes), 0644, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(rc, -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(err.text, "file: cannot write: File too large");
	assert_holds("file", "old");
	assert_int_equal(count_entries("."), 1);
}

static void makes_folders_on_the_way(void **state)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{"a", NULL},
		{"a/b/c", NULL},
		{"a/b/c", NULL},
		{"a//d/", NULL},
		{"./e/../f", NULL},
		{"link/g", NULL},
		{"file", "file: cannot make the folder: Not a directory"},
		{"file/x", "file: cannot make the folder: Not a directory"},
		{"dangling/x", "dangling: cannot make the folder: File exists"},
		{"", ": cannot make: does not exist"},
	};

	(void)state;
	put("file", "content");
	point("dangling", "absent");
	point("link", "a");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		int rc = dir_make_all(top, cases[i].path, 0755, &err);

		if (rc != (cases[i].text ? -1 : 0))
			fail_msg("dir_make_all(\"%s\") gives %d: %s", cases[i].path, rc, err.text);
		assert_string_equal(err.text, cases[i].text ? cases[i].text : "");
		assert_int_equal(err.kind, cases[i].text ? ERR_STALLED : ERR_NONE);
	}
	assert_int_equal(count_entries("a/b/c"), 0);
	assert_int_equal(count_entries("a/d"), 0);
	assert_int_equal(count_entries("a/g"), 0);
	assert_int_equal(count_entries("f"), 0);
}

static void makes_an_absolute_path(void **state)
{
	char path[5000];
	struct err err = {0};

	(void)state;
	snprintf(path, sizeof(path), "%s/x/y", folder);
	assert_int_equal(dir_make_all(AT_FDCWD, path, 0700, &err), 0);
	assert_true(exists("x/y"));
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(dir_make_all(top, path, 0700, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
}

static void removes_files_links_and_trees(void **state)
{
	static const char *const paths[] = {
		"absent", "absent/deeper", "file", "tree/file", "link_to_dir", "dangling", "tree", "tree",
	};
	struct err err = {0};

	(void)state;
	assert_int_equal(dir_make_all(top, "kept/inside", 0755, &err), 0);
	assert_int_equal(dir_make_all(top, "tree/a/b", 0755, &err), 0);
	put("kept/inside/file", "kept");
	put("file", "x");
	put("tree/file", "x");
	put("tree/other", "x");
	put("tree/a/b/file", "x");
	point("link_to_dir", "kept");
	point("dangling", "absent");
	point("tree/a/out", "../../kept/inside");
	point("tree/out", "../kept/inside/file");
	mkfifoat(top, "tree/fifo", 0600);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (dir_remove_all(top, paths[i], &err) < 0)
			fail_msg("%s", err.text);
		assert_false(exists(paths[i]));
	}
	assert_holds("kept/inside/file", "kept");
	assert_int_equal(count_entries("."), 1);
}

static void refuses_to_remove_what_has_no_name(void **state)
{
	static const char *const paths[] = {".", "..", "dir/..", "dir/."};

	(void)state;
	mkdirat(top, "dir", 0755);
	put("dir/file", "x");
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct err err = {0};

		assert_int_equal(dir_remove_all(top, paths[i], &err), -1);
		assert_int_equal(err.kind, ERR_STALLED);
	}
	assert_holds("dir/file", "x");
}

/* Folders inside each other, each with a file and an empty folder beside. */
static void make_chain(const char *path, int depth)
{
	int dir = dup(top);

	for (int i = 0; i < depth; i++) {
		const char *name = i == 0 ? path : "d";
		int inner, file;

		assert_int_equal(mkdirat(dir, name, 0755), 0);
		inner = openat(dir, name, O_RDONLY | O_DIRECTORY);
		close(dir);
		dir = inner;
		assert_int_equal(mkdirat(dir, "empty", 0755), 0);
		file = openat(dir, "file", O_WRONLY | O_CREAT, 0644);
		assert_true(file >= 0);
		close(file);
	}
	close(dir);
}

static void removes_any_depth_with_few_descriptors(void **state)
{
	static const int depths[] = {1, 31, 32, 33, 34, 64, 65, 3000};
	struct rlimit old, few;
	int rc[ARRAY_LEN(depths)];
	struct err err = {0};

	(void)state;
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){.rlim_cur = 60, .rlim_max = old.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
		make_chain("deep", depths[i]);
		rc[i] = dir_remove_all(top, "deep", &err);
	}
	setrlimit(RLIMIT_NOFILE, &old);
	for (size_t i = 0; i < ARRAY_LEN(depths); i++)
		assert_int_equal(rc[i], 0);
	assert_int_equal(count_entries("."), 0);
}

static void removes_many_entries(void **state)
{
	struct err err = {0};

	(void)state;
	mkdirat(top, "wide", 0755);
	for (int i = 0; i < 3000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "wide/%d", i);
		assert_int_equal(mkdirat(top, path, 0755), 0);
	}
	assert_int_equal(dir_remove_all(top, "wide", &err), 0);
	assert_int_equal(count_entries("."), 0);
}

/* As a user whom permissions bind. The folders are its own, so it can open them again. */
static void remove_locked(void *arg)
{
	static const char *const paths[] = {"mine/l/a/b", "mine/l/shut/in", "mine/l/blind/in"};
	struct err err = {0};

	(void)arg;
	if (setuid(65534) < 0)
		_exit(1);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (dir_make_all(top, paths[i], 0755, &err) < 0)
			_exit(2);
	}
	put("mine/l/a/file", "x");
	set_mode("mine/l/a/b", 0);
	set_mode("mine/l/a", 0555);
	set_mode("mine/l/shut", 0);
	set_mode("mine/l/blind", 0333);
	set_mode("mine/l", 0500);
	if (dir_remove_all(top, "mine/l", &err) < 0)
		_exit(3);
	/* what belongs to another stays, with an error */
	_exit(dir_remove_all(top, "theirs", &err) < 0 && err.kind == ERR_TRANSIENT ? 0 : 4);
}

static void removes_folders_without_permissions(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	assert_int_equal(mkdirat(top, "mine", 0755), 0);
	assert_int_equal(mkdirat(top, "theirs", 0755), 0);
	put("theirs/file", "kept");
	set_mode("mine", 0777);
	set_mode("theirs", 0555);
	assert_int_equal(run_in_child(remove_locked, NULL), 0);
	assert_int_equal(count_entries("mine"), 0);
	assert_holds("theirs/file", "kept");
}

/* In workers at once: nobody sees what another wrote, and what is named in the end is whole. */
static void work_alone(void *letter)
{
	char path[80], done[80], text[64];
	struct err err;

	snprintf(path, sizeof(path), "%s/done.aside", folder);
	snprintf(done, sizeof(done), "%s/done", folder);
	for (int i = 0; i < 200; i++) {
		struct stat st;
		int fd;

		assert(file_open_aside(path, &fd, &err) == 0);
		assert(fstat(fd, &st) == 0 && st.st_size == 0);
		memset(text, *(char *)letter, sizeof(text));
		for (size_t n = 0; n < sizeof(text); n++)
			assert(write(fd, text + n, 1) == 1);
		assert(i % 3 == 0 || (i % 3 == 1 ? rename(path, done) : unlink(path)) == 0);
		close(fd); /* i % 3 == 0: as one that was killed */
	}
}

static void one_at_a_time_works_aside(void **state)
{
	char found[65] = {0}, letters[] = "abcd";
	pid_t pids[4];
	int fd, status;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			work_alone(&letters[i]);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	fd = openat(top, "done", O_RDONLY);
	assert_int_equal(read(fd, found, sizeof(found)), 64);
	close(fd);
	assert_int_equal(strspn(found, (char[]){found[0], '\0'}), 64);
}

static void a_folder_aside_is_empty(void **state)
{
	char path[80];
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(mkdirat(top, "aside", 0755), 0);
	assert_int_equal(mkdirat(top, "aside/a", 0755), 0);
	put("aside/a/old", "old");
	set_mode("aside/a", 0555);
	set_mode("aside", 0555);
	snprintf(path, sizeof(path), "%s/aside", folder);
	assert_int_equal(dir_open_aside(path, &fd, &err), 0);
	assert_int_equal(count_entries("aside"), 0);
	close(fd);
	put("file", "x");
	snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(dir_open_aside(path, &fd, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
}

int main(void)
{
#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		in_folder(reads_up_to_the_limit),
		in_folder(refuses_what_is_no_file),
		in_folder(reads_what_the_size_does_not_tell),
		in_folder(writes_new_and_over_old),
		in_folder(an_absolute_path_needs_no_folder),
		in_folder(replaces_by_rename),
		in_folder(refuses_paths_that_cannot_be_written),
		in_folder(leaves_the_old_file_when_the_disk_is_full),
		in_folder(makes_folders_on_the_way),
		in_folder(makes_an_absolute_path),
		in_folder(removes_files_links_and_trees),
		in_folder(refuses_to_remove_what_has_no_name),
		in_folder(removes_any_depth_with_few_descriptors),
		in_folder(removes_many_entries),
		in_folder(removes_folders_without_permissions),
		in_folder(one_at_a_time_works_aside),
		in_folder(a_folder_aside_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
