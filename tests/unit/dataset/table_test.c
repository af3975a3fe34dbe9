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

#include "dataset/table.h"

static char folder[64];
static int top = -1;

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/linnet-table-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	top = open(folder, O_RDONLY | O_DIRECTORY);
	return top < 0;
}

static int remove_folder(void **state)
{
	struct err err;

	(void)state;
	close(top);
	return dir_remove_all(AT_FDCWD, folder, &err);
}

static void put(const char *text, size_t len)
{
	struct err err = {0};

	if (file_replace(top, "table", text, len, 0644, &err))
		fail_msg("%s", err.text);
}

/* All rows of the columns a and b as "a|b;" with '-' for a missing value and the line before it,
 * or the error. */
static void read_all(enum data_format format, const char *optional, struct buf *out)
{
	static const char *const names[] = {"a", "b"};
	const char *const *values;
	struct err err = {0};
	struct table *table;
	int result;

	if (table_open(top, "table", format, names, 2, optional, &table, &err)) {
		buf_printf(out, "!%s", err.text);
		return;
	}
	while ((result = table_next(table, &values, &err)) > 0)
		buf_printf(out, "%lld:%s|%s;", (long long)table_line(table),
		           values[0] ? values[0] : "-", values[1] ? values[1] : "-");
	if (result < 0)
		buf_printf(out, "!%s", err.text);
	table_close(table);
}

struct example {
	const char *text, *want; /* of read_all */
};

static void expect(enum data_format format, const struct example *cases, size_t n)
{
	struct buf got;

	for (size_t i = 0; i < n; i++) {
		buf_init(&got, 1 << 20);
		put(cases[i].text, strlen(cases[i].text));
		read_all(format, NULL, &got);
		if (strcmp(buf_text(&got), cases[i].want))
			fail_msg("case %zu: got '%s', want '%s'", i, buf_text(&got), cases[i].want);
		buf_deinit(&got);
	}
}

static void reads_csv(void **state)
{
	static const struct example cases[] = {
		{"a,b\n1,2\n3,4\n", "2:1|2;3:3|4;"},
		{"a,b\n1,2", "2:1|2;"},
		{"a,b\r\n1,2\r\n", "2:1|2;"},
		{"b,x,a\n1,2,3\n", "2:3|1;"},
		{"a,b\n,\n\"\",x\n", "2:-|-;3:-|x;"},
		{"a,b\n\n\n1,2\n\r\n", "4:1|2;"},
		{"\xef\xbb\xbf" "a,b\n1,2\n", "2:1|2;"},
		{"a,b\n\"1,1\",\"say \"\"hi\"\"\"\n", "2:1,1|say \"hi\";"},
		{"a,b\n\"one\ntwo\r\n\",2\n3,4\n", "2:one\ntwo\r\n|2;5:3|4;"},
		{"\"a\",\"b\"\n 1 , 2\n", "2: 1 | 2;"},
		{"a,b\n\"\"\"\",x\n", "2:\"|x;"},
		{"a,b\nGrüße,日本\n", "2:Grüße|日本;"},
		{"a,b\n", ""},
	};

	(void)state;
	expect(DATA_CSV, cases, ARRAY_LEN(cases));
}

static void refuses_what_is_no_csv(void **state)
{
	static const struct example cases[] = {
		{"", "!table: is empty: a CSV file begins with its columns' names"},
		{"a,c\n", "!table: there is no column 'b'"},
		{"a,,b\n", "!table: line 1: column 2 has no name"},
		{"a,b,a\n", "!table: line 1: two columns are called 'a'"},
		{"a,b\n1,2\n1\n", "2:1|2;!line 3: 1 fields where there are 2 columns"},
		{"a,b\n1,2,3\n", "!line 2: 3 fields where there are 2 columns"},
		{"a,b\n1,2,\n", "!line 2: 3 fields where there are 2 columns"},
		{"a,b\n1,x\"y\n", "!line 2: a quote inside a field that does not begin with one"},
		{"a,b\n\"1\"x,2\n", "!line 2: something between a closing quote and the comma"},
		{"a,b\n1,\"2\n3,4\n", "!line 2: a quote that is never closed"},
		{"a,b\n1,\xff\n", "!line 2: byte 3 of the row is not UTF-8"},
	};

	(void)state;
	expect(DATA_CSV, cases, ARRAY_LEN(cases));
}

static void reads_json_lines(void **state)
{
	static const struct example cases[] = {
		{"{\"a\":1,\"b\":\"x\"}\n{\"b\":true,\"c\":[1]}\n", "1:1|x;2:-|true;"},
		{"{\"a\":null,\"b\":\"\"}", "1:-|-;"},
		{"\n{\"a\":1.50,\"b\":\"\\u00e4\"}\r\n\n", "2:1.50|ä;"},
		{"", ""},
		{"[1]\n", "!table: line 1: is not a JSON object"},
		{"{\"a\":1,\"b\":2}\n{\"a\":{}}\n", "1:1|2;!line 2: 'a' is not a plain value"},
	};

	(void)state;
	expect(DATA_JSONL, cases, ARRAY_LEN(cases));
}

static void bad_json_names_the_line(void **state)
{
	struct buf got;
	static const char text[] = "{\"a\":1,\"b\":2}\n{\"a\":1,\n";

	(void)state;
	buf_init(&got, 4096);
	put(text, strlen(text));
	read_all(DATA_JSONL, NULL, &got);
	assert_memory_equal(buf_text(&got), "1:1|2;!line 2: ", 15);
	buf_deinit(&got);
}

static void an_optional_column_may_be_absent(void **state)
{
	static const struct {
		enum data_format format;
		const char *text, *optional, *want;
		bool has;
	} cases[] = {
		{DATA_CSV, "a\n1\n", "b", "2:1|-;", false},
		{DATA_CSV, "a,b\n1,2\n", "b", "2:1|2;", true},
		{DATA_JSONL, "{\"a\":1}\n{\"a\":2,\"b\":null}\n", "b", "1:1|-;2:2|-;", false},
		{DATA_JSONL, "{\"a\":1}\n{\"a\":2,\"b\":3}\n", "b",
		 "1:1|-;!line 2: 'b' is given here, but not in the first row", false},
		{DATA_JSONL, "{\"a\":1,\"b\":2}\n", "b", "1:1|2;", true},
	};
	static const char *const names[] = {"a", "b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct table *table;
		struct err err = {0};
		struct buf got;

		buf_init(&got, 4096);
		put(cases[i].text, strlen(cases[i].text));
		read_all(cases[i].format, cases[i].optional, &got);
		assert_string_equal(buf_text(&got), cases[i].want);
		buf_deinit(&got);
		assert_int_equal(table_open(top, "table", cases[i].format, names, 2, "b", &table, &err), 0);
		assert_true(table_has(table, 0));
		assert_int_equal(table_has(table, 1), cases[i].has);
		table_close(table);
	}
}

/* What is written of it, as CSV, must be readable. */
static void columns_have_a_limit(void **state)
{
	const char **names = calloc(TABLE_COLUMNS + 1, sizeof(*names));
	struct table *table;

	(void)state;
	put("{}\n", 3);
	for (size_t i = 0; i <= TABLE_COLUMNS; i++)
		names[i] = "a";
	for (size_t more = 0; more < 2; more++) {
		struct err err = {0};

		assert_int_equal(table_open(top, "table", DATA_JSONL, names, TABLE_COLUMNS + more, NULL,
		                            &table, &err), more ? -1 : 0);
		if (more)
			assert_string_equal(err.text, "table: more than 4096 columns are asked for");
		else
			table_close(table);
	}
	free(names);
}

static void a_nul_is_refused(void **state)
{
	struct buf got;

	(void)state;
	buf_init(&got, 4096);
	put("a,b\n1,\0002\n", 9);
	read_all(DATA_CSV, NULL, &got);
	assert_string_equal(buf_text(&got), "!line 2: byte 3 of the row is a NUL");
	buf_deinit(&got);
}

/* Rows of all lengths, so that their ends meet the end of the window in every way. */
static void rows_of_any_length(void **state)
{
	static const char *const names[] = {"a", "b"};
	struct table *table;
	struct err err = {0};
	const char *const *values;
	struct buf text;
	size_t n = 0;

	(void)state;
	buf_init(&text, 64 << 20);
	buf_puts(&text, "a,b\n");
	for (size_t i = 0; i < 700; i++) {
		buf_putc(&text, '"');
		for (size_t j = 0; j < i * 17; j++)
			buf_putc(&text, j % 100 == 99 ? '\n' : 'x');
		buf_printf(&text, "\",%zu\n", i);
	}
	put(text.text, text.len);
	buf_deinit(&text);
	assert_int_equal(table_open(top, "table", DATA_CSV, names, 2, NULL, &table, &err), 0);
	while (table_next(table, &values, &err) > 0) {
		char want[16];

		snprintf(want, sizeof(want), "%zu", n);
		assert_string_equal(values[1], want);
		assert_int_equal(values[0] ? strlen(values[0]) : 0, n * 17);
		n++;
	}
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(n, 700);
	table_close(table);
}

static void a_row_has_a_limit(void **state)
{
	struct buf text, got;

	(void)state;
	for (int over = 0; over < 2; over++) {
		buf_init(&text, 4 << 20);
		buf_init(&got, 4 << 20);
		buf_puts(&text, "a,b\n1,");
		for (int i = 0; i < TABLE_RECORD_BYTES - 2 + 3 * over; i++)
			buf_putc(&text, 'y');
		buf_puts(&text, "\n1,2\n");
		put(text.text, text.len);
		read_all(DATA_CSV, NULL, &got);
		if (over)
			assert_string_equal(buf_text(&got), "!line 2: a row of more than 1048576 bytes, or a"
			                    " quote that is never closed");
		else
			assert_memory_equal(buf_text(&got) + got.len - 6, "3:1|2;", 6);
		buf_deinit(&text);
		buf_deinit(&got);
	}
}

enum { MANY = 40 };

/* The fields of a row, of lengths 0 to 9; in some rows what wants quotes. */
static void make_fields(int row, char fields[MANY][16])
{
	unsigned random = (unsigned)row * 2654435761u + 1;

	for (int i = 0; i < MANY; i++) {
		random = random * 1103515245 + 12345;
		snprintf(fields[i], sizeof(fields[i]), "%.*s", (int)(random >> 20) % 10,
		         row % 5 ? "abcdefghij" : ",b\"defghij");
	}
}

/* Commas at every place of a block: what was written is what is read. */
static void fields_at_every_place(void **state)
{
	char fields[MANY][16], head[MANY][16];
	const char *names[MANY], *const *values;
	struct table *table;
	struct err err = {0};
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < MANY; i++) {
		snprintf(head[i], sizeof(head[i]), "column-%d", i);
		names[i] = head[i];
		buf_printf(&text, "%s%s", i ? "," : "", head[i]);
	}
	for (int row = 0; row < 400; row++) {
		make_fields(row, fields);
		for (int i = 0; i < MANY; i++) {
			buf_putc(&text, i ? ',' : '\n');
			csv_field(&text, fields[i]);
		}
	}
	put(text.text, text.len);
	buf_deinit(&text);
	assert_int_equal(table_open(top, "table", DATA_CSV, names, MANY, NULL, &table, &err), 0);
	for (int row = 0; row < 400; row++) {
		make_fields(row, fields);
		assert_int_equal(table_next(table, &values, &err), 1);
		for (int i = 0; i < MANY; i++)
			assert_string_equal(values[i] ? values[i] : "", fields[i]);
	}
	assert_int_equal(table_next(table, &values, &err), 0);
	table_close(table);
}

static void writes_what_it_reads(void **state)
{
	static const char *const fields[] = {"plain", "a,b", "say \"hi\"", "two\nlines", " blank "};
	struct buf text, got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		char want[64];

		buf_init(&text, 4096);
		buf_init(&got, 4096);
		buf_puts(&text, "a,b\n");
		csv_field(&text, fields[i]);
		buf_putc(&text, ',');
		csv_field(&text, NULL);
		put(text.text, text.len);
		read_all(DATA_CSV, NULL, &got);
		snprintf(want, sizeof(want), "2:%s|-;", fields[i]);
		assert_string_equal(buf_text(&got), want);
		buf_deinit(&text);
		buf_deinit(&got);
	}
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(reads_csv),
		IN_FOLDER(refuses_what_is_no_csv),
		IN_FOLDER(reads_json_lines),
		IN_FOLDER(bad_json_names_the_line),
		IN_FOLDER(an_optional_column_may_be_absent),
		IN_FOLDER(columns_have_a_limit),
		IN_FOLDER(a_nul_is_refused),
		IN_FOLDER(rows_of_any_length),
		IN_FOLDER(a_row_has_a_limit),
		IN_FOLDER(fields_at_every_place),
		IN_FOLDER(writes_what_it_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
