/* What is remembered of rows in files: their order, their places in time, and their ids. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "dataset/dataset.h"
#include "dataset/ids.h"
#include "dataset/rows.h"

static char folder[64];
static int top = -1;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/linnet-rows-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	top = open(folder, O_RDONLY | O_DIRECTORY);
	return top < 0;
}

static int tear_down(void **state)
{
	struct err err;

	(void)state;
	close(top);
	return dir_remove_all(AT_FDCWD, folder, &err);
}

/* Usable rows of these times, in this order, from line 2 on. */
static void rows_of(const int64_t *times, size_t n, struct dataset *dataset)
{
	struct err err = {0};

	*dataset = (struct dataset){.has_times = true, .n_usable = (int64_t)n};
	assert_int_equal(rows_open(top, "times", &dataset->rows, &err), 0);
	for (size_t i = 0; i < n; i++) {
		struct dataset_row row = {.time_ms = times[i], .line = (uint32_t)i + 2, .usable = true};

		assert_int_equal(rows_add(dataset->rows, &row, &err), 0);
	}
	assert_int_equal(rows_end(dataset->rows, &err), 0);
}

/* Against sorting: the block of each row is that of its place. */
static void cuts_are_places_in_the_order_of_time(void **state)
{
	static int64_t times[30000];
	static const struct {
		int64_t span, step;
	} cases[] = {
		{1, 1}, {7, 1}, {400000000000, 1}, {30000, 1}, {1000, 86400000}, {0, 0},
	};
	struct split_spec split = {.train = 0.7, .validation = 0.15, .test = 0.15,
	                           .by = SPLIT_BY_TIME};

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		const struct dataset_row *row;
		struct rows_reader reader;
		struct division division;
		struct dataset dataset;
		struct err err = {0};
		size_t seen[PARTS] = {0};
		int64_t newest[PARTS] = {INT64_MIN, INT64_MIN, INT64_MIN};
		int64_t oldest[PARTS] = {INT64_MAX, INT64_MAX, INT64_MAX};
		uint64_t random = 7;

		for (size_t i = 0; i < ARRAY_LEN(times); i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			times[i] = cases[c].span ? (int64_t)(random >> 20) % cases[c].span * cases[c].step
			                         : (int64_t)i / 3;
		}
		rows_of(times, ARRAY_LEN(times), &dataset);
		assert_int_equal(dataset_divide(&dataset, &split, 0, &division, &err), 0);
		rows_begin(&reader, dataset.rows);
		while (rows_next(&reader, &row, &err) > 0) {
			size_t block = division_block(&division, row);

			seen[block]++;
			newest[block] = row->time_ms > newest[block] ? row->time_ms : newest[block];
			oldest[block] = row->time_ms < oldest[block] ? row->time_ms : oldest[block];
		}
		rows_done(&reader);
		dataset_deinit(&dataset);
		assert_int_equal(seen[PART_TRAIN], 21000);
		assert_int_equal(seen[PART_VALIDATION], 4500);
		assert_int_equal(seen[PART_TEST], 4500);
		assert_true(newest[PART_TRAIN] <= oldest[PART_VALIDATION]);
		assert_true(newest[PART_VALIDATION] <= oldest[PART_TEST]);
	}
}

static void rows_come_back_as_they_were(void **state)
{
	static const int64_t times[] = {0, 1, -1, 127, 128, 1577836800000, 1577836815000, INT64_MAX,
	                                INT64_MIN, INT64_MAX, 0, 0};
	enum { ROWS = 20000 };
	const struct dataset_row *row;
	struct rows_reader reader;
	struct rows *rows;
	struct err err = {0};
	uint32_t line = 1;

	(void)state;
	assert_int_equal(rows_open(top, "rows", &rows, &err), 0);
	for (uint32_t i = 0; i < ROWS; i++) {
		struct dataset_row added = {.time_ms = times[i % 12], .bucket = (uint16_t)(i % 3 * 4999),
		                            .len = (uint16_t)(i % 4 * 21845), .usable = i % 7};

		line = i == ROWS - 1 ? UINT32_MAX : line + 1 + (i % 10 == 9 ? i : 0);
		added.line = line;
		assert_int_equal(rows_add(rows, &added, &err), 0);
	}
	assert_int_equal(rows_end(rows, &err), 0);
	rows_begin(&reader, rows);
	line = 1;
	for (uint32_t i = 0; i < ROWS; i++) {
		line = i == ROWS - 1 ? UINT32_MAX : line + 1 + (i % 10 == 9 ? i : 0);
		assert_int_equal(rows_next(&reader, &row, &err), 1);
		assert_true(row->time_ms == times[i % 12]);
		assert_int_equal(row->line, line);
		assert_int_equal(row->bucket, i % 3 * 4999);
		assert_int_equal(row->len, i % 4 * 21845);
		assert_int_equal(row->usable, i % 7 != 0);
	}
	assert_int_equal(rows_next(&reader, &row, &err), 0);
	rows_done(&reader);
	rows_free(rows);
}

/* Ids "0" to "9" and so on, each number of `numbers` times over; how many are found to be alike. */
static struct ids *add_ids(int numbers, int times, size_t *n)
{
	struct err err = {0};
	struct ids *ids;
	char id[16];

	assert_int_equal(ids_open(top, "data", &ids, &err), 0);
	for (int i = 0; i < numbers * times; i++) {
		int len = snprintf(id, sizeof(id), "%d", i % numbers);

		assert_int_equal(ids_add(ids, id, (size_t)len, &err), 0);
	}
	assert_int_equal(ids_end(ids, n, &err), 0);
	return ids;
}

/* Of very many some are enough, but where there are any, some are found, and each is one. */
static void ids_given_twice_are_found(void **state)
{
	static const struct {
		int numbers, times;
		size_t least, most;
	} cases[] = {
		{0, 1, 0, 0}, {1, 1, 0, 0}, {50000, 1, 0, 0}, {3000000, 1, 0, 0}, {1, 2, 2, 2},
		{1, 3000000, 2, 1 << 20}, {20000, 3, 60000, 60000}, {500000, 2, 1000000, 1000000},
		{1500000, 2, 1000, 1 << 20}, {2200000, 2, 1000, 1 << 20},
	};
	char id[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n, found = 0;
		struct ids *ids = add_ids(cases[i].numbers, cases[i].times, &n);

		assert_in_range(n, cases[i].least, cases[i].most);
		for (int at = 0; at < cases[i].numbers * cases[i].times; at++) {
			int len = snprintf(id, sizeof(id), "%d", at % cases[i].numbers);
			int64_t first = ids_again(ids, id, (size_t)len, at + 2);

			assert_true(first == 0 || first == at % cases[i].numbers + 2);
			found += first != 0;
		}
		assert_true(found >= n - (n + 1) / 2);
		ids_free(ids);
	}
}

/* The second words make the first product zero whatever the first are: their keys are the same. */
static void ids_of_one_key_are_told_apart(void **state)
{
	static const char *const ids_of[] = {"id no. 1", "id no. 2", "id no. 1", "id no. 3"};
	static const int64_t want[] = {0, 0, 2, 0};
	const uint64_t second = UINT64_C(0xa0761d6478bd642e);
	struct err err = {0};
	struct ids *ids;
	char id[16];
	size_t n;

	(void)state;
	assert_int_equal(ids_open(top, "data", &ids, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids_of); i++) {
		memcpy(id, ids_of[i], 8);
		memcpy(id + 8, &second, 8);
		assert_int_equal(ids_add(ids, id, sizeof(id), &err), 0);
	}
	assert_int_equal(ids_end(ids, &n, &err), 0);
	assert_int_equal(n, ARRAY_LEN(ids_of));
	for (size_t i = 0; i < ARRAY_LEN(ids_of); i++) {
		memcpy(id, ids_of[i], 8);
		assert_int_equal(ids_again(ids, id, sizeof(id), (int64_t)i + 2), want[i]);
	}
	ids_free(ids);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(cuts_are_places_in_the_order_of_time),
		IN_FOLDER(rows_come_back_as_they_were),
		IN_FOLDER(ids_given_twice_are_found),
		IN_FOLDER(ids_of_one_key_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
