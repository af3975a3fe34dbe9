#include "doc/help.h"

static void reads_values_exactly(void **state)
{
	struct arena arena;
	struct node *root;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(1000));
	root = parse_json(&arena, " {\"big\": 9223372036854775807, \"e\": -1.50e+3, \"s\": \"5\","
	                          " \"t\": true, \"n\": null, \"l\": [0.1, [], {}],"
	                          " \"u\": \"\\u00e4\\n\\ud83d\\ude00\"}\n");
	assert_string_equal(node_text(root, "big"), "9223372036854775807");
	assert_false(node_get(root, "big")->quoted);
	assert_string_equal(node_text(root, "e"), "-1.50e+3");
	assert_string_equal(node_text(root, "s"), "5");
	assert_true(node_get(root, "s")->quoted);
	assert_string_equal(node_text(root, "t"), "true");
	assert_int_equal(node_get(root, "n")->type, NODE_NULL);
	assert_string_equal(node_at(root, "l[0]")->text, "0.1");
	assert_int_equal(node_at(root, "l[1]")->type, NODE_LIST);
	assert_int_equal(node_at(root, "l[2]")->type, NODE_MAP);
	assert_string_equal(node_text(root, "u"), "\xc3\xa4\n\xf0\x9f\x98\x80");
	assert_null(node_get(root, "BIG"));
	arena_deinit(&arena);
}

static void numbers_in_strings_do_not_shift_the_others(void **state)
{
	struct arena arena;
	struct node *root;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(1000));
	root = parse_json(&arena, "{\"1\": \"2 \\\" 3\", \"a\": [4, \"5\", {\"6\": 7}], \"b\": 8}");
	assert_string_equal(node_text(root, "1"), "2 \" 3");
	assert_string_equal(node_at(root, "a[0]")->text, "4");
	assert_string_equal(node_at(root, "a[2].6")->text, "7");
	assert_string_equal(node_text(root, "b"), "8");
	arena_deinit(&arena);
}

static void refuses_what_is_no_json(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: of the text */
		const char *message;
	} cases[] = {
		{"{\"a\":1} x", 0, "no JSON at line 1, column 9: more text behind the value"},
		{"{\"a\":1}{", 0, "no JSON at line 1, column 8: more text behind the value"},
		{"nullx", 0, "no JSON at line 1, column 5: more text behind the value"},
		{"{\"a\":1,\n\"a\":2}", 0, "key 'a' is written twice; keep one of them"},
		{"{\"a\":1,\"\\u0061\":2}", 0, "key 'a' is written twice; keep one of them"},
		{"{\"\":1}", 0, "a key is empty; write its name before the ':'"},
		{"\"a\\u0000b\"", 0, "no JSON at line 1, column 3: a NUL character in a string"},
		{"\"a\xff\"", 0, "no JSON at line 1, column 3: a byte that is not UTF-8"},
		{"\"a\tb\"", 0, "no JSON at line 1, column 3: a control character in a string"},
		{"[\x01 1]", 0, "no JSON at line 1, column 2: a control character"},
		{"1\0", 2, "no JSON at line 1, column 2: a NUL byte"},
		{"\xef\xbb\xbf" "1", 0, "no JSON at line 1, column 1: a byte order mark"},
		{"\"abc", 0, "no JSON at line 1, column 5: a string that is not closed"},
		{"1e999", 0, "a number is too large"},
		{"01", 0, "no JSON at line 1, column 1: a number that is not written as JSON has it"},
		{"1.", 0, "no JSON at line 1, column 1: a number that is not written as JSON has it"},
		{"-", 0, "no JSON at line 1, column 1: a number that is not written as JSON has it"},
		{"1e", 0, "no JSON at line 1, column 1: a number that is not written as JSON has it"},
		{"1-2", 0, "no JSON at line 1, column 1: a number that is not written as JSON has it"},
		{"", 0, "no JSON at line 1, column 1: a value is expected here, or not closed"},
		{"[1,]", 0, "no JSON at line 1, column 4: a value is expected here, or not closed"},
		{"{\"a\":1,}", 0, NULL}, {"{'a':1}", 0, NULL}, {"NaN", 0, NULL}, {"+1", 0, NULL},
		{".5", 0, NULL}, {"[1 2]", 0, NULL}, {"// c\n1", 0, NULL}, {"TRUE", 0, NULL},
		{"\"\\ud800\"", 0, NULL}, {"\"\\x\"", 0, NULL}, {"]", 0, NULL}, {"[1]]", 0, NULL},
		{"\"\\", 0, NULL}, {"{", 0, NULL}, {"{\"a\"", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = cases[i].len ? cases[i].len : strlen(cases[i].text);
		struct node *node = NULL;
		struct err err = {0};
		struct arena arena;

		arena_init(&arena, DOC_ARENA_BYTES(1000));
		if (json_parse(cases[i].text, len, 0, &arena, &node, &err) == 0)
			fail_msg("accepted: %s", cases[i].text);
		assert_null(node);
		assert_int_equal(err.kind, ERR_STALLED);
		if (cases[i].message)
			assert_string_equal(err.text, cases[i].message);
		arena_deinit(&arena);
	}
}

static void stays_bounded_on_hostile_text(void **state)
{
	static const struct {
		const char *head, *unit, *tail;
		int n;
		const char *message;
	} cases[] = {
		{"", "[", "", 200000, "nested too deep"},
		{"", "{\"a\":", "", 50000, "nested too deep"},
		{"[", "1,", "1]", 120000, "too many values"},
		{"\"", "x", "\"", 100000, "a string is longer than 65536 bytes"},
		{"{\"", "x", "\":1}", 1000, "key 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer"},
		{"", "1", "", 61, "a number that is not written as JSON has it"},
		{"", " ", "1", 300000, "300001 bytes are too many; at most 262144"},
		{"", "\"\\u0041", "", 30000, "no JSON at"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t start = clock_ms();
		struct node *node;
		struct err err = {0};
		struct arena arena;
		struct buf text;

		buf_init(&text, 4 << 20);
		buf_puts(&text, cases[i].head);
		for (int k = 0; k < cases[i].n; k++)
			buf_puts(&text, cases[i].unit);
		buf_puts(&text, cases[i].tail);
		arena_init(&arena, DOC_ARENA_BYTES(LIMIT_MANIFEST_BYTES));
		assert_int_equal(json_parse(text.text, text.len, 0, &arena, &node, &err), -1);
		if (!strstr(err.text, cases[i].message))
			fail_msg("case %zu: %s", i, err.text);
		assert_true(clock_ms() - start < HOSTILE_MS);
		arena_deinit(&arena);
		buf_deinit(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_values_exactly),
		cmocka_unit_test(numbers_in_strings_do_not_shift_the_others),
		cmocka_unit_test(refuses_what_is_no_json),
		cmocka_unit_test(stays_bounded_on_hostile_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
