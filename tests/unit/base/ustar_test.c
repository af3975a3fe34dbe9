#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/ustar.h"

static const struct ustar_limits limits = {.entries_max = 100, .bytes_max = 1 << 20};

/* Each test has a folder of its own, open as `top`, with `in` and `out` below it. */
static char folder[64];
static int top = -1;

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/linnet-ustar-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	top = open(folder, O_RDONLY | O_DIRECTORY);
	return top < 0 || mkdirat(top, "in", 0755) || mkdirat(top, "out", 0755);
}

static int remove_folder(void **state)
{
	struct err err;

	(void)state;
	close(top);
	return dir_remove_all(AT_FDCWD, folder, &err);
}

static void put(const char *path, const char *text, mode_t mode)
{
	struct err err = {0};

	if (file_replace(top, path, text, strlen(text), mode, &err))
		fail_msg("%s", err.text);
}

static int pack(const char *from, const char *archive, struct err *err)
{
	int fd = openat(top, archive, O_RDWR | O_CREAT | O_TRUNC, 0644);
	int result = ustar_write(top, from, &limits, fd, err);

	close(fd);
	return result;
}

static int unpack(const char *archive, const char *into, const struct ustar_limits *limit,
                  struct err *err)
{
	int in = openat(top, archive, O_RDONLY), out = openat(top, into, O_RDONLY | O_DIRECTORY);
	int result = ustar_extract(in, out, limit, err);

	close(in);
	close(out);
	return result;
}

static void expect_file(const char *path, const char *text, mode_t mode)
{
	struct err err = {0};
	struct stat st;
	struct buf buf;

	buf_init(&buf, 1 << 20);
	if (file_read(top, path, &buf, &err))
		fail_msg("%s", err.text);
	assert_string_equal(buf_text(&buf), text);
	buf_deinit(&buf);
	assert_int_equal(fstatat(top, path, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void round_trip(void **state)
{
	static const char deep[] = "in/"
		"a-folder-with-a-name-of-more-than-thirty-bytes/"
		"another-folder-with-a-name-of-more-than-thirty-bytes/f.txt";
	struct err err = {0};

	(void)state;
	mkdirat(top, "in/a-folder-with-a-name-of-more-than-thirty-bytes", 0700);
	mkdirat(top, "in/a-folder-with-a-name-of-more-than-thirty-bytes/"
	        "another-folder-with-a-name-of-more-than-thirty-bytes", 0755);
	mkdirat(top, "in/empty", 0755);
	put(deep, "deep", 0600);
	put("in/run", "#!/bin/sh\n", 0700);
	put("in/nothing", "", 0644);
	if (pack("in", "a.tar", &err) || unpack("a.tar", "out", &limits, &err))
		fail_msg("%s", err.text);
	expect_file("out/run", "#!/bin/sh\n", 0755);
	expect_file("out/nothing", "", 0644);
	expect_file("out/a-folder-with-a-name-of-more-than-thirty-bytes/"
	            "another-folder-with-a-name-of-more-than-thirty-bytes/f.txt", "deep", 0644);
	assert_int_equal(faccessat(top, "out/empty", F_OK, 0), 0);

	/* the same files made in another order give the same bytes */
	if (pack("out", "b.tar", &err))
		fail_msg("%s", err.text);
	struct digest a, b;
	assert_int_equal(digest_file(top, "a.tar", &a, NULL, &err), 0);
	assert_int_equal(digest_file(top, "b.tar", &b, NULL, &err), 0);
	assert_string_equal(a.hex, b.hex);
}

static void order_is_by_bytes_of_the_path(void **state)
{
	struct err err = {0};
	struct buf buf;
	static const char *const names[] = {"a.txt", "a/", "a/b", "a0", "z"};

	(void)state;
	put("in/z", "", 0644);
	put("in/a0", "", 0644);
	mkdirat(top, "in/a", 0755);
	put("in/a/b", "", 0644);
	put("in/a.txt", "", 0644);
	assert_int_equal(pack("in", "a.tar", &err), 0);
	buf_init(&buf, 1 << 20);
	assert_int_equal(file_read(top, "a.tar", &buf, &err), 0);
	assert_int_equal(buf.len, (ARRAY_LEN(names) + 2) * 512);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(buf.text + i * 512, names[i]);
	buf_deinit(&buf);
}

static void a_path_over_a_hundred_bytes_is_split(void **state)
{
	char path[256] = "in", name[60];
	struct err err = {0};

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		strcat(path, "/");
		strcat(path, name);
		assert_int_equal(mkdirat(top, path, 0755), 0);
	}
	strcat(path, "/f");
	put(path, "far", 0644);
	if (pack("in", "a.tar", &err) || unpack("a.tar", "out", &limits, &err))
		fail_msg("%s", err.text);
	memmove(path + 3, path + 2, strlen(path + 2) + 1);
	memcpy(path, "out", 3);
	expect_file(path, "far", 0644);
}

static void what_is_no_file_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(symlinkat("run", top, "in/link"), 0);
	assert_int_equal(pack("in", "a.tar", &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_string_equal(err.text, "in: link: is neither a file nor a folder");
	assert_int_equal(pack("absent", "a.tar", &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
}

static void read_only_files(void **state)
{
	struct ustar_limits read_only = limits;
	struct err err = {0};

	(void)state;
	read_only.read_only = true;
	put("in/run", "x", 0755);
	put("in/data", "y", 0644);
	assert_int_equal(pack("in", "a.tar", &err), 0);
	assert_int_equal(unpack("a.tar", "out", &read_only, &err), 0);
	expect_file("out/run", "x", 0555);
	expect_file("out/data", "y", 0444);
}

/* ---- Archives that somebody made to harm us ---- */

struct forged {
	const char *name;
	char type;
	const char *content;
	const char *magic;
};

static void put_forged(struct buf *tar, const struct forged *entry, bool good_sum)
{
	char block[512] = {0};
	unsigned sum = 0;
	size_t len = entry->content ? strlen(entry->content) : 0;

	snprintf(block, 100, "%s", entry->name);
	memcpy(block + 100, "0000644", 8);
	snprintf(block + 124, 12, "%011o", (unsigned)len & 0777);
	memset(block + 148, ' ', 8);
	block[156] = entry->type;
	memcpy(block + 257, entry->magic ? entry->magic : "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", good_sum ? sum : sum + 1);
	buf_add(tar, block, sizeof(block));
	memset(block, 0, sizeof(block));
	if (len) {
		memcpy(block, entry->content, len);
		buf_add(tar, block, sizeof(block));
	}
}

static void refuses_harm(void **state)
{
	static const struct {
		struct forged entries[2];
		size_t n;
		bool bad_sum, no_end;
		const char *says;
	} cases[] = {
		{{{"../evil", '0', "x", NULL}}, 1, false, false, "not a plain relative path"},
		{{{"/etc/evil", '0', "x", NULL}}, 1, false, false, "not a plain relative path"},
		{{{"a/./b", '0', "x", NULL}}, 1, false, false, "not a plain relative path"},
		{{{"a//b", '0', "x", NULL}}, 1, false, false, "not a plain relative path"},
		{{{"a/..", '5', NULL, NULL}}, 1, false, false, "not a plain relative path"},
		{{{"link", '2', NULL, NULL}}, 1, false, false, "neither a file nor a folder"},
		{{{"hard", '1', NULL, NULL}}, 1, false, false, "neither a file nor a folder"},
		{{{"pax", 'x', "x", NULL}}, 1, false, false, "neither a file nor a folder"},
		{{{"twice", '0', "x", NULL}, {"twice", '0', "y", NULL}}, 2, false, false, "exists"},
		{{{"file", '0', "x", NULL}, {"file/in", '0', "y", NULL}}, 2, false, false, "file"},
		{{{"dir", '5', "x", NULL}}, 1, false, false, "a folder with content"},
		{{{"a", '0', "x", NULL}}, 1, true, false, "no valid ustar header"},
		{{{"a", '0', "x", "ustar  "}}, 1, false, false, "no valid ustar header"},
		{{{"a", '0', "x", NULL}}, 1, false, true, "ends too early"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct buf tar;
		char zeros[1024] = {0};

		buf_init(&tar, 1 << 20);
		for (size_t j = 0; j < cases[i].n; j++)
			put_forged(&tar, &cases[i].entries[j], !cases[i].bad_sum);
		if (!cases[i].no_end)
			buf_add(&tar, zeros, sizeof(zeros));
		assert_int_equal(file_replace(top, "a.tar", tar.text, tar.len, 0644, &err), 0);
		buf_deinit(&tar);
		assert_int_equal(dir_remove_all(top, "out", &err), 0);
		assert_int_equal(mkdirat(top, "out", 0755), 0);
		if (!unpack("a.tar", "out", &limits, &err))
			fail_msg("case %zu was extracted", i);
		if (!strstr(err.text, cases[i].says))
			fail_msg("case %zu: %s", i, err.text);
		assert_int_equal(err.kind, ERR_STALLED);
		assert_int_equal(faccessat(top, "evil", F_OK, 0), -1);
	}
}

static void keeps_its_limits(void **state)
{
	struct ustar_limits few = limits, small = limits;
	struct err err = {0};

	(void)state;
	put("in/a", "12345", 0644);
	put("in/b", "67890", 0644);
	assert_int_equal(pack("in", "a.tar", &err), 0);
	few.entries_max = 1;
	assert_int_equal(unpack("a.tar", "out", &few, &err), -1);
	assert_non_null(strstr(err.text, "more than 1 entries"));
	assert_int_equal(dir_remove_all(top, "out", &err), 0);
	mkdirat(top, "out", 0755);
	small.bytes_max = 9;
	assert_int_equal(unpack("a.tar", "out", &small, &err), -1);
	assert_non_null(strstr(err.text, "larger than 9 bytes"));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(round_trip),
		IN_FOLDER(order_is_by_bytes_of_the_path),
		IN_FOLDER(a_path_over_a_hundred_bytes_is_split),
		IN_FOLDER(what_is_no_file_is_refused),
		IN_FOLDER(read_only_files),
		IN_FOLDER(refuses_harm),
		IN_FOLDER(keeps_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
