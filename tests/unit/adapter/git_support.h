/* Real repositories in a temporary folder for the tests of git: made with the git program itself.
 * */
#ifndef TESTS_ADAPTER_GIT_SUPPORT_H
#define TESTS_ADAPTER_GIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/child.h"
#include "adapter/clock_posix.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"

#include <fcntl.h>

/* One folder a test; paths and outputs live in `arena`. */
struct place_of_test {
	char dir[64];
	struct arena arena;
};

static inline struct place_of_test *place_new(void)
{
	struct place_of_test *place = calloc(1, sizeof(*place));

	snprintf(place->dir, sizeof(place->dir), "/tmp/linnet-git-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	arena_init(&place->arena, (size_t)1 << 30);
	return place;
}

static inline void place_free(struct place_of_test *place)
{
	struct err err = {0};

	assert_int_equal(dir_remove_all(AT_FDCWD, place->dir, &err), 0);
	arena_deinit(&place->arena);
	free(place);
}

/* A call that must succeed, with `err` of the test around it. */
#define ok(call)                                         \
	do {                                                 \
		if (call)                                        \
			fail_msg("%s: %s", #call, err.text);         \
	} while (0)

/* Runs a program in a folder of the place ("": the place itself) with text on its standard input;
 * the exit code. What it printed is in *out, without the last newline. */
static inline int run_in(struct place_of_test *place, const char *folder, const char *input,
                         const char **out, const char *const *argv)
{
	const char *env[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com", "GIT_CONFIG_GLOBAL=/dev/null", NULL,
	};
	const char *cwd = arena_printf(&place->arena, "%s/%s", place->dir, folder);
	struct child_spec spec = {
		.argv = argv, .env = env, .cwd = cwd, .timeout_ms = 120000,
		.output_bytes_max = 64 << 20, .errors_bytes_max = 1 << 20,
	};
	struct child child = {0};
	struct err err = {0};
	int code;
	char *text;

	if (input)
		spec.input = (struct bytes){input, strlen(input)};
	code = child_run(&child, &spec, argv[0], &err) ? (child.exit_code ? child.exit_code : 255) : 0;
	text = arena_strdup(&place->arena, buf_text(&child.output));
	if (code)
		fprintf(stderr, "%s\n", buf_text(&child.errors));
	child_stop(&child);
	while (*text && text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	if (out)
		*out = text;
	return code;
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

/* git in a folder, which must succeed; what it printed. */
#define git(place, folder, ...) git_input(place, folder, NULL, __VA_ARGS__)
#define git_input(place, folder, input, ...) \
	must_run(place, folder, input, ARGV("git", "-c", "commit.gpgsign=false", __VA_ARGS__))
static inline const char *must_run(struct place_of_test *place, const char *folder,
                                   const char *input, const char *const *argv)
{
	const char *out;

	if (run_in(place, folder, input, &out, argv))
		fail_msg("%s failed in %s", argv[0], folder);
	return out;
}

static inline const char *path_in(struct place_of_test *place, const char *name)
{
	return arena_printf(&place->arena, "%s/%s", place->dir, name);
}

static inline struct oid oid_of(const char *hex)
{
	struct oid oid;

	assert_int_equal(strlen(hex), 40);
	snprintf(oid.hex, sizeof(oid.hex), "%s", hex);
	return oid;
}

/* A bare remote "remote.git" and a checkout "work" of it on branch main. */
static inline void make_remote(struct place_of_test *place)
{
	git(place, "", "init", "-q", "--bare", "-b", "main", "remote.git");
	git(place, "", "init", "-q", "-b", "main", "work");
	git(place, "work", "remote", "add", "origin", path_in(place, "remote.git"));
}

static inline void put_file(struct place_of_test *place, const char *path, const char *text)
{
	const char *whole = path_in(place, arena_printf(&place->arena, "work/%s", path));
	char *folder = arena_strdup(&place->arena, whole);
	struct err err = {0};

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make_all(AT_FDCWD, folder, 0755, &err), 0);
	assert_int_equal(file_replace(AT_FDCWD, whole, text, strlen(text), 0644, &err), 0);
}

/* Commits everything in "work"; the commit's id. */
static inline struct oid commit_all(struct place_of_test *place, const char *message)
{
	git(place, "work", "add", "-A");
	git(place, "work", "commit", "-q", "--allow-empty", "-m", message);
	return oid_of(git(place, "work", "rev-parse", "HEAD"));
}

static inline struct oid push_file(struct place_of_test *place, const char *path, const char *text)
{
	struct oid oid;

	put_file(place, path, text);
	oid = commit_all(place, path);
	git(place, "work", "push", "-q", "origin", "main");
	return oid;
}

#endif
