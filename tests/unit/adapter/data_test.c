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

#include "adapter/data_files.h"

#define HEAD "id,team,y\n"
#define ROW "1,core,no\n"

static char path[] = "/tmp/linnet-data.XXXXXX";
static struct data_files *files;
static struct port_data port;

static int setup(void **state)
{
	int fd;

	(void)state;
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	files = data_files_new(0);
	port = data_files_port(files);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	data_files_free(files);
	return unlink(path);
}

static void put(const char *text, int flags)
{
	int fd = open(path, O_WRONLY | flags);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}
#define append(text) put((text), O_APPEND)
#define replace(text) put((text), O_TRUNC)

static struct data_seen look(enum data_format format)
{
	struct data_seen seen = {0};
	struct err err = {0};

	if (port.look(port.self, path, format, true, &seen, &err))
		fail_msg("%s", err.text);
	return seen;
}

static struct digest content_of(const char *text)
{
	return digest_of(text, strlen(text));
}

static void rows_are_counted_as_they_come(void **state)
{
	struct data_seen one, three;

	(void)state;
	assert_int_equal(look(DATA_CSV).rows, 0);
	append(HEAD);
	assert_int_equal(look(DATA_CSV).rows, 0);
	assert_string_equal(look(DATA_CSV).first.hex, "");
	append(ROW "2,web");
	one = look(DATA_CSV);
	assert_int_equal(one.rows, 1); /* the second is not complete */
	append(",yes\n3,\"data\nand \"\"more\"\"\",no\r\n\n\r\n");
	three = look(DATA_CSV);
	assert_int_equal(three.rows, 3); /* empty lines are none */
	assert_false(three.counting);
	assert_true(digest_same(one.first, three.first));
}

static void json_lines_have_no_head(void **state)
{
	(void)state;
	append("{\"a\": \"it's 5\\\" wide\"}\n{\"a\": \"\\\"\"}\n");
	assert_int_equal(look(DATA_JSONL).rows, 2);
	assert_int_equal(strlen(look(DATA_JSONL).first.hex), 64);
}

static void other_data_is_seen(void **state)
{
	char other[sizeof(path) + 4];
	struct data_seen before, now;
	int fd;

	(void)state;
	append(HEAD ROW ROW);
	before = look(DATA_CSV);
	assert_int_equal(before.rows, 2);
	replace(HEAD "9,core,no\n" ROW ROW ROW); /* longer than it was */
	now = look(DATA_CSV);
	assert_int_equal(now.rows, 4);
	assert_false(digest_same(before.first, now.first));
	replace(HEAD "9,core,no\n"); /* shorter */
	assert_int_equal(look(DATA_CSV).rows, 1);
	assert_true(digest_same(look(DATA_CSV).first, now.first));
	snprintf(other, sizeof(other), "%s.new", path); /* an export that begins with the same rows */
	fd = open(other, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, HEAD "9,core,no\n" ROW, 30), 30);
	close(fd);
	assert_int_equal(rename(other, path), 0);
	now = look(DATA_CSV);
	assert_int_equal(now.rows, 2);
	assert_false(digest_same(before.first, now.first));
}

/* Of the same size, with the same number of rows and, as `cp -p` leaves it, of the same age. */
static void what_is_mended_in_place_is_seen(void **state)
{
	struct stat before, now;
	struct digest was;

	(void)state;
	append(HEAD ROW "2,web,no\n");
	was = look(DATA_CSV).content;
	assert_string_equal(was.hex, content_of(HEAD ROW "2,web,no\n").hex);
	assert_true(digest_same(look(DATA_CSV).content, was));
	assert_int_equal(stat(path, &before), 0);
	do { /* the clock of the file system ticks some hundred times a second */
		replace(HEAD ROW "2,web,on\n");
		assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){
		                 before.st_atim, before.st_mtim}, 0), 0);
		assert_int_equal(stat(path, &now), 0);
	} while (now.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	         now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
	assert_int_equal(look(DATA_CSV).rows, 2);
	assert_string_equal(look(DATA_CSV).content.hex, content_of(HEAD ROW "2,web,on\n").hex);
	append(ROW);
	assert_string_equal(look(DATA_CSV).content.hex, content_of(HEAD ROW "2,web,on\n" ROW).hex);
}

/* What is still being written has no content yet, and keeps nobody waiting. */
static void what_was_touched_a_moment_ago_is_only_counted(void **state)
{
	struct data_seen seen = {0};
	struct err err = {0};

	(void)state;
	append(HEAD ROW);
	assert_int_equal(port.look(port.self, path, DATA_CSV, false, &seen, &err), 0);
	assert_string_equal(seen.content.hex, ""); /* nobody asked */
	data_files_free(files);
	files = data_files_new(24 * 3600 * 1000);
	port = data_files_port(files);
	seen = look(DATA_CSV);
	assert_int_equal(seen.rows, 1);
	assert_false(seen.counting);
	assert_string_equal(seen.content.hex, "");
}

static void a_large_file_takes_several_looks(void **state)
{
	size_t len = strlen(ROW), n = 2 * DATA_LOOK_BYTES / len;
	char *text = malloc(sizeof(HEAD) + (n + 2) * len);
	struct data_seen seen;
	int looks = 1;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i <= n; i++)
		memcpy(text + (i < n ? i * len : n * len), i < n ? ROW : "", i < n ? len : 1);
	append(HEAD);
	append(text);
	for (seen = look(DATA_CSV); seen.counting; looks++) {
		assert_string_equal(seen.content.hex, "");
		seen = look(DATA_CSV);
	}
	assert_int_equal(seen.rows, (int64_t)n);
	assert_in_range(looks, 2, 4);
	replace(HEAD);
	assert_string_equal(look(DATA_CSV).content.hex, content_of(HEAD).hex);
	append(text);
	assert_true(look(DATA_CSV).counting);
	append(ROW); /* while it is read: what was read is dropped, nothing torn is told */
	for (seen = look(DATA_CSV); seen.counting; seen = look(DATA_CSV))
		assert_string_equal(seen.content.hex, "");
	memmove(text + strlen(HEAD), text, n * len);
	memcpy(text, HEAD, strlen(HEAD));
	memcpy(text + strlen(HEAD) + n * len, ROW, len);
	assert_string_equal(seen.content.hex, digest_of(text, strlen(HEAD) + (n + 1) * len).hex);
	free(text);
}

static void what_is_not_there_is_an_error(void **state)
{
	struct data_seen seen = {.rows = 7};
	struct err err = {0};

	(void)state;
	assert_int_equal(port.look(port.self, "/tmp/linnet-no-such-rows", DATA_CSV, true, &seen, &err),
	                 -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "linnet-no-such-rows"));
	assert_int_equal(seen.rows, 7);
}

int main(void)
{
#define case_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		case_of(rows_are_counted_as_they_come),
		case_of(json_lines_have_no_head),
		case_of(other_data_is_seen),
		case_of(what_is_mended_in_place_is_seen),
		case_of(what_was_touched_a_moment_ago_is_only_counted),
		case_of(a_large_file_takes_several_looks),
		case_of(what_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
