#include "adapter/git_support.h"

#include <sys/stat.h>
#include <time.h>

#include "adapter/git_export.h"
#include "adapter/git_objects.h"
#include "base/limits.h"

static int setup(void **state)
{
	*state = place_new();
	make_remote(*state);
	return 0;
}

static int teardown(void **state)
{
	place_free(*state);
	return 0;
}

static struct objects *open_work(struct place_of_test *place)
{
	struct objects *objects;
	struct err err = {0};

	ok(objects_open(path_in(place, "work"), false, &objects, &err));
	return objects;
}

/* "path=blob4 path2=- " of what changed, for comparing in one line. */
static const char *changed(struct place_of_test *place, struct objects *objects, struct oid old,
                           struct oid new, const char *path, const char **refused)
{
	struct git_file *files;
	const char *named;
	struct err err = {0};
	struct buf out;
	size_t n;
	const char *text;

	ok(objects_changed(objects, old, new, path, &place->arena, &files, &n, &named, &err));
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&out, "%s%s%s ", files[i].path, files[i].blob.hex[0] ? "" : "-",
		           files[i].executable ? "*" : files[i].refused ? "!" : "");
		if (i)
			assert_true(strcmp(files[i - 1].path, files[i].path) < 0);
	}
	text = arena_strdup(&place->arena, buf_text(&out));
	buf_deinit(&out);
	if (refused)
		*refused = named;
	else
		assert_null(named);
	return text;
}

static void names_what_changed(void **state)
{
	struct place_of_test *place = *state;
	struct oid none = {""}, a, b, c;
	struct objects *objects;

	put_file(place, "a.yaml", "1");
	put_file(place, "a/x.yaml", "1");
	put_file(place, "a.b/y", "1");
	put_file(place, "deep/er/z", "1");
	a = commit_all(place, "a");
	put_file(place, "a/x.yaml", "2");
	put_file(place, "a0", "new");
	git(place, "work", "rm", "-q", "deep/er/z");
	b = commit_all(place, "b");
	git(place, "work", "rm", "-q", "a.yaml");
	put_file(place, "a.yaml/now-a-folder", "1");
	git(place, "work", "update-index", "--chmod=+x", "a0");
	c = commit_all(place, "c");
	objects = open_work(place);
	assert_string_equal(changed(place, objects, none, a, "", NULL),
	                    "a.b/y a.yaml a/x.yaml deep/er/z ");
	assert_string_equal(changed(place, objects, a, b, ".", NULL), "a/x.yaml a0 deep/er/z- ");
	assert_string_equal(changed(place, objects, b, a, "", NULL), "a/x.yaml a0- deep/er/z ");
	assert_string_equal(changed(place, objects, a, b, "a", NULL), "a/x.yaml ");
	assert_string_equal(changed(place, objects, a, b, "deep", NULL), "deep/er/z- ");
	assert_string_equal(changed(place, objects, b, c, "", NULL),
	                    "a.yaml- a.yaml/now-a-folder ");
	assert_string_equal(changed(place, objects, a, a, "", NULL), "");
	assert_string_equal(changed(place, objects, none, a, "not/there", NULL), "");
	objects_close(objects);
}

static void refuses_links_and_submodules(void **state)
{
	struct place_of_test *place = *state;
	struct oid none = {""}, a, b;
	struct objects *objects;
	const char *refused;

	put_file(place, "was-a-file", "1");
	a = commit_all(place, "a");
	unlink(path_in(place, "work/was-a-file"));
	assert_int_equal(symlink("/etc/passwd", path_in(place, "work/was-a-file")), 0);
	git(place, "work", "add", "-A");
	git(place, "work", "update-index", "--add", "--cacheinfo",
	    arena_printf(&place->arena, "160000,%s,sub", a.hex));
	git(place, "work", "commit", "-q", "-m", "b");
	b = oid_of(git(place, "work", "rev-parse", "HEAD"));
	objects = open_work(place);
	assert_string_equal(changed(place, objects, none, b, "", &refused), "sub! was-a-file! ");
	assert_string_equal(refused, "sub (submodule), was-a-file (symbolic link)");
	assert_string_equal(changed(place, objects, a, b, "", &refused), "sub! was-a-file! ");
	assert_string_equal(changed(place, objects, b, a, "", &refused), "sub- was-a-file ");
	assert_null(refused);
	objects_close(objects);
}

/* A commit whose tree git itself would not write: made with mktree, which does not check. */
static struct oid commit_tree(struct place_of_test *place, const char *listing)
{
	const char *tree = git_input(place, "work", listing, "mktree", "-z", "--missing");

	return oid_of(git(place, "work", "commit-tree", "-m", "x", tree));
}

static const char *hash_object(struct place_of_test *place, const char *type, const char *text)
{
	return git_input(place, "work", text, "hash-object", "-w", "--literally", "-t", type,
	                 "--stdin");
}

static void refuses_unsafe_names(void **state)
{
	struct place_of_test *place = *state;
	const char *blob = hash_object(place, "blob", "x"), *refused, *script;
	struct oid none = {""}, commit;
	struct objects *objects;
	struct err err = {0};
	struct stat st;

	/* trees with "..", ".GIT" and a control character, written byte by byte */
	script = "import sys,binascii,subprocess\n"
	         "b=binascii.unhexlify(sys.argv[1])\n"
	         "t=b''.join(b'100644 '+n+b'\\0'+b for n in [b'\\x07bell',b'..',b'.GIT',b'fine'])\n"
	         "print(subprocess.run(['git','hash-object','-w','--literally','-t','tree','--stdin'],"
	         "input=t,stdout=-1,check=True).stdout.decode().strip())\n";
	commit = oid_of(git(place, "work", "commit-tree", "-m", "x",
	                    must_run(place, "work", NULL,
	                             ARGV("/usr/bin/python3", "-c", script, blob))));
	objects = open_work(place);
	assert_string_equal(changed(place, objects, none, commit, "", &refused), "fine ");
	assert_string_equal(refused, "?bell (unsafe name), .. (unsafe name), .GIT (unsafe name)");
	assert_int_equal(git_export(path_in(place, "work"), commit, path_in(place, "out/tree"), &err),
	                 -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_int_equal(lstat(path_in(place, "out/tree"), &st), -1);
	objects_close(objects);
}

/* Ten entries a folder that all name the next one: 10^12 paths in thirteen small trees. */
static void a_tree_bomb_is_bounded(void **state)
{
	struct place_of_test *place = *state;
	const char *id = hash_object(place, "blob", "x"), *type = "100644 blob";
	struct git_file *files;
	struct objects *objects;
	struct err err = {0};
	const char *refused;
	struct oid bomb;
	size_t n;

	for (int level = 0; level < 12; level++) {
		struct buf listing;

		buf_init(&listing, 1 << 16);
		for (int i = 0; i < 10; i++)
			buf_printf(&listing, "%s %s\t%d\n", type, id, i);
		id = git_input(place, "work", buf_text(&listing), "mktree");
		type = "040000 tree";
		buf_deinit(&listing);
	}
	bomb = oid_of(git(place, "work", "commit-tree", "-m", "x", id));
	objects = open_work(place);
	assert_int_equal(objects_changed(objects, (struct oid){""}, bomb, "", &place->arena, &files,
	                                 &n, &refused, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_false(objects_broken(objects));
	objects_close(objects);
}

static void reads_files_and_folders(void **state)
{
	struct place_of_test *place = *state;
	struct oid commit, blob, tree;
	struct objects *objects;
	struct bytes text;
	struct err err = {0};

	put_file(place, "dir/file", "hello");
	put_file(place, "empty", "");
	commit = commit_all(place, "a");
	objects = open_work(place);
	ok(objects_path(objects, commit, "dir/file", &blob, &err));
	ok(objects_blob(objects, blob, 5, &place->arena, &text, &err));
	assert_int_equal(text.len, 5);
	assert_memory_equal(text.data, "hello", 5);
	assert_int_equal(objects_blob(objects, blob, 4, &place->arena, &text, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	ok(objects_path(objects, commit, "empty", &blob, &err));
	ok(objects_blob(objects, blob, 5, &place->arena, &text, &err));
	assert_int_equal(text.len, 0);
	assert_non_null(text.data);
	ok(objects_tree(objects, commit, "dir", &tree, &err));
	assert_string_equal(tree.hex, git(place, "work", "rev-parse", "HEAD:dir"));
	ok(objects_tree(objects, commit, ".", &tree, &err));
	assert_string_equal(tree.hex, git(place, "work", "rev-parse", "HEAD:"));
	assert_int_equal(objects_path(objects, commit, "dir", &blob, &err), -1);
	assert_int_equal(objects_path(objects, commit, "dir/file/x", &blob, &err), -1);
	assert_int_equal(objects_path(objects, commit, "nothing", &blob, &err), -1);
	assert_int_equal(objects_tree(objects, commit, "dir/file", &tree, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_false(objects_broken(objects));
	objects_close(objects);
}

/* 512 MB of zeros are half a megabyte in a pack: known by the header alone. */
static void a_zero_bomb_is_never_inflated(void **state)
{
	struct place_of_test *place = *state;
	const char *path = path_in(place, "zeros"), *hex;
	struct objects *objects;
	struct timespec from, to;
	struct bytes text;
	struct err err = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)512 << 20), 0);
	close(fd);
	hex = git(place, "work", "-c", "core.bigFileThreshold=1m", "hash-object", "-w", path);
	objects = open_work(place);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(objects_blob(objects, oid_of(hex), LIMIT_MANIFEST_BYTES, &place->arena, &text,
	                              &err), -1);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_non_null(strstr(err.text, "536870912 bytes"));
	assert_true((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < 100);
	objects_close(objects);
}

static void tells_how_commits_lie(void **state)
{
	struct place_of_test *place = *state;
	struct oid a, b, side, base, absent = oid_of("0123456789012345678901234567890123456789");
	enum relation relation;
	struct objects *objects;
	struct err err = {0};

	a = commit_all(place, "a");
	b = commit_all(place, "b");
	git(place, "work", "checkout", "-q", "-b", "side", a.hex);
	side = commit_all(place, "side");
	objects = open_work(place);
	ok(objects_relation(objects, a, b, &relation, &err));
	assert_int_equal(relation, RELATION_DESCENDANT);
	ok(objects_relation(objects, b, a, &relation, &err));
	assert_int_equal(relation, RELATION_ANCESTOR);
	ok(objects_relation(objects, b, b, &relation, &err));
	assert_int_equal(relation, RELATION_SAME);
	ok(objects_relation(objects, b, side, &relation, &err));
	assert_int_equal(relation, RELATION_PARTED);
	ok(objects_relation(objects, absent, b, &relation, &err));
	assert_int_equal(relation, RELATION_PARTED);
	ok(objects_merge_base(objects, b, side, &base, &err));
	assert_string_equal(base.hex, a.hex);
	ok(objects_resolve(objects, "main~1", &base, &err));
	assert_string_equal(base.hex, a.hex);
	assert_int_equal(objects_resolve(objects, "no-such", &base, &err), -1);
	objects_close(objects);
}

static struct commit_spec spec_on(struct oid parent, const struct git_file *files, size_t n)
{
	return (struct commit_spec){
		.parents = {parent}, .n_parents = parent.hex[0] ? 1 : 0, .files = files, .n_files = n,
		.message = "subject\n\nbody", .author = "Li<nnet>", .email = "l@example.com",
		.time_s = 1700000000,
	};
}

static struct git_file file_with(const char *path, const char *text)
{
	return (struct git_file){
		.path = path, .text = {text, text ? strlen(text) : 0}};
}

static void writes_commits_that_git_believes(void **state)
{
	struct place_of_test *place = *state;
	struct git_file first[] = {
		file_with("b/2", "two"), file_with("a", "one"), file_with("b/c/3", "three"),
	};
	struct git_file second[] = {
		file_with("b/c/3", NULL), file_with("b/2", "zwei"), file_with("not/there", NULL),
	};
	struct git_file third[] = {file_with("a/now/a/folder", "x")};
	struct objects *objects = open_work(place);
	struct commit_spec spec = spec_on((struct oid){""}, first, ARRAY_LEN(first));
	struct oid one, two, same;
	struct err err = {0};
	bool unchanged;

	ok(objects_commit(objects, &spec, &one, &unchanged, &err));
	assert_false(unchanged);
	assert_string_equal(git(place, "work", "ls-tree", "-r", "--name-only", one.hex),
	                    "a\nb/2\nb/c/3");
	spec = spec_on(one, second, ARRAY_LEN(second));
	ok(objects_commit(objects, &spec, &two, &unchanged, &err));
	assert_string_equal(git(place, "work", "ls-tree", "-r", "--name-only", two.hex), "a\nb/2");
	assert_string_equal(git(place, "work", "show", arena_printf(&place->arena, "%s:b/2", two.hex)),
	                    "zwei");
	assert_string_equal(git(place, "work", "log", "-1", "--format=%an|%ae|%ct|%s|%b", two.hex),
	                    "Linnet|l@example.com|1700000000|subject|body");
	spec = spec_on(two, second, ARRAY_LEN(second));
	ok(objects_commit(objects, &spec, &same, &unchanged, &err));
	assert_true(unchanged);
	assert_string_equal(same.hex, two.hex);
	spec = spec_on(two, third, ARRAY_LEN(third));
	ok(objects_commit(objects, &spec, &same, NULL, &err));
	assert_string_equal(git(place, "work", "ls-tree", "-r", "--name-only", same.hex),
	                    "a/now/a/folder\nb/2");
	git(place, "work", "fsck", "--strict", "--no-dangling");
	objects_close(objects);
}

static void refuses_paths_that_escape(void **state)
{
	static const char *const paths[] = {
		"", "/abs", "a//b", "../x", "a/../b", "a/./b", ".git/config", "a/.GIT/x", "a\nb", "a/",
	};
	struct place_of_test *place = *state;
	struct objects *objects = open_work(place);

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct git_file file = file_with(paths[i], "x");
		struct commit_spec spec = spec_on((struct oid){""}, &file, 1);
		struct err err = {0};
		struct oid out;

		if (objects_commit(objects, &spec, &out, NULL, &err) != -1)
			fail_msg("'%s' was written", paths[i]);
		assert_int_equal(err.kind, ERR_STALLED);
	}
	objects_close(objects);
}

/* From some files on they go into one pack. */
static void writes_many_files_as_one_pack(void **state)
{
	enum { FILES = 2000 };
	struct place_of_test *place = *state;
	struct git_file *files = arena_array(&place->arena, FILES, struct git_file);
	struct objects *objects = open_work(place);
	struct commit_spec spec;
	struct err err = {0};
	struct oid one, two;
	const char *counts;

	for (int i = 0; i < FILES; i++)
		files[i] = file_with(arena_printf(&place->arena, "status/%02x/%d.yaml", i % 256, i),
		                     arena_printf(&place->arena, "number: %d\n", i));
	spec = spec_on((struct oid){""}, files, FILES);
	ok(objects_commit(objects, &spec, &one, NULL, &err));
	spec = spec_on(one, files, 1);
	files[0].text = (struct bytes){"changed", 7};
	ok(objects_commit(objects, &spec, &two, NULL, &err));
	counts = git(place, "work", "count-objects", "-v");
	assert_non_null(strstr(counts, "count: 5\n"));
	assert_non_null(strstr(counts, "packs: 1\n"));
	git(place, "work", "fsck", "--strict", "--no-dangling");
	assert_string_equal(changed(place, objects, one, two, "", NULL), "status/00/0.yaml ");
	objects_close(objects);
}

static void moves_refs_by_compare_and_swap(void **state)
{
	struct place_of_test *place = *state;
	struct oid a = commit_all(place, "a"), b = commit_all(place, "b"), none = {""}, tip;
	struct objects *objects = open_work(place);
	const char *ref = "refs/heads/linnet/x";
	struct err err = {0};

	ok(objects_ref_move(objects, ref, none, a, &err));
	assert_int_equal(objects_ref_move(objects, ref, none, b, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(objects_ref_move(objects, ref, b, a, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	ok(objects_ref_move(objects, ref, a, b, &err));
	git(place, "work", "pack-refs", "--all");
	ok(objects_ref(objects, ref, &tip, &err));
	assert_string_equal(tip.hex, b.hex);
	assert_int_equal(objects_ref_move(objects, ref, a, none, &err), -1);
	ok(objects_ref_move(objects, ref, b, a, &err));
	ok(objects_ref_move(objects, ref, a, none, &err));
	ok(objects_ref(objects, ref, &tip, &err));
	assert_string_equal(tip.hex, "");
	assert_int_equal(objects_ref_move(objects, ref, a, b, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	objects_close(objects);
}

static void exports_a_folder_read_only(void **state)
{
	struct place_of_test *place = *state;
	const char *dest = path_in(place, "out/tree");
	struct oid tree;
	struct stat st;
	struct err err = {0};

	put_file(place, "apps/risk/train.py", "print()");
	put_file(place, "apps/risk/lib/a/b.py", "");
	put_file(place, "apps/risk/run.sh", "#!/bin/sh\n");
	put_file(place, "other", "x");
	git(place, "work", "add", "-A");
	git(place, "work", "update-index", "--chmod=+x", "apps/risk/run.sh");
	git(place, "work", "commit", "-q", "-m", "x");
	tree = oid_of(git(place, "work", "rev-parse", "HEAD:apps/risk"));
	ok(git_export(path_in(place, "work"), tree, dest, &err));
	ok(git_export(path_in(place, "work"), tree, dest, &err));
	assert_int_equal(stat(path_in(place, "out/tree/run.sh"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
	assert_int_equal(stat(path_in(place, "out/tree/lib/a/b.py"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	assert_int_equal(stat(path_in(place, "out/tree/lib/a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
	assert_int_equal(stat(dest, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
	assert_string_equal(must_run(place, "out", NULL, ARGV("ls", "-A")), "tree");
}

static void an_export_follows_no_link(void **state)
{
	struct place_of_test *place = *state;
	struct oid commit;
	struct err err = {0};
	struct stat st;

	assert_int_equal(symlink("/tmp", path_in(place, "work/link")), 0);
	put_file(place, "file", "x");
	commit = commit_all(place, "x");
	assert_int_equal(git_export(path_in(place, "work"), commit, path_in(place, "out"), &err), -1);
	assert_non_null(strstr(err.text, "link (symbolic link)"));
	assert_int_equal(lstat(path_in(place, "out"), &st), -1);
	assert_string_equal(must_run(place, "", NULL, ARGV("ls", "-A")), "remote.git\nwork");
	commit = commit_tree(place, "");
	ok(git_export(path_in(place, "work"), commit, path_in(place, "empty"), &err));
}

static void a_damaged_store_is_told_from_absence(void **state)
{
	struct place_of_test *place = *state;
	struct oid blob, commit, absent = oid_of("0123456789012345678901234567890123456789");
	struct objects *objects;
	struct git_file *files;
	const char *refused;
	struct bytes text;
	struct err err = {0};
	size_t n;

	put_file(place, "file", "hello");
	commit = commit_all(place, "x");
	blob = oid_of(git(place, "work", "rev-parse", "HEAD:file"));
	objects = open_work(place);
	assert_int_equal(objects_changed(objects, absent, commit, "", &place->arena, &files, &n,
	                                 &refused, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_false(objects_broken(objects));
	err = (struct err){0};
	must_run(place, "work", NULL,
	         ARGV("chmod", "u+w", arena_printf(&place->arena, ".git/objects/%.2s/%s", blob.hex,
	                                           blob.hex + 2)));
	assert_int_equal(truncate(path_in(place, arena_printf(&place->arena,
	                                                      "work/.git/objects/%.2s/%s", blob.hex,
	                                                      blob.hex + 2)), 0), 0);
	assert_int_equal(objects_blob(objects, blob, 100, &place->arena, &text, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_true(objects_broken(objects));
	objects_close(objects);
}

static void a_path_that_cannot_be_followed_is_not_absent(void **state)
{
	struct place_of_test *place = *state;
	struct oid commit, tree, blob;
	struct objects *objects;
	struct err err = {0};

	put_file(place, "a/b/file", "hello");
	commit = commit_all(place, "x");
	tree = oid_of(git(place, "work", "rev-parse", "HEAD:a"));
	objects = open_work(place);
	ok(objects_path_if(objects, commit, "a/b/file", &blob, &err));
	assert_int_equal(strlen(blob.hex), 40);
	ok(objects_path_if(objects, commit, "a/other/file", &blob, &err));
	assert_string_equal(blob.hex, "");
	objects_close(objects);
	assert_int_equal(unlink(path_in(place, arena_printf(&place->arena,
	                                                    "work/.git/objects/%.2s/%s", tree.hex,
	                                                    tree.hex + 2))), 0);
	objects = open_work(place);
	assert_int_equal(objects_path_if(objects, commit, "a/b/file", &blob, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	objects_close(objects);
}

#define test_case(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_case(names_what_changed),
		test_case(refuses_links_and_submodules),
		test_case(refuses_unsafe_names),
		test_case(a_tree_bomb_is_bounded),
		test_case(reads_files_and_folders),
		test_case(a_zero_bomb_is_never_inflated),
		test_case(tells_how_commits_lie),
		test_case(writes_commits_that_git_believes),
		test_case(refuses_paths_that_escape),
		test_case(writes_many_files_as_one_pack),
		test_case(moves_refs_by_compare_and_swap),
		test_case(exports_a_folder_read_only),
		test_case(an_export_follows_no_link),
		test_case(a_damaged_store_is_told_from_absence),
		test_case(a_path_that_cannot_be_followed_is_not_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
