#include "doc/help.h"

static void replaces_one_value(void **state)
{
	static const struct {
		const char *source, *path, *value, *result; /* result NULL: refused */
	} cases[] = {
		{"a: 1\nversion: v2   # the line\nb: 2\n", "version", "v3",
		 "a: 1\nversion: v3   # the line\nb: 2\n"},
		{"version: \"v2\"\r\nb: '\xc3\xa4'\r\n", "version", "v3",
		 "version: \"v3\"\r\nb: '\xc3\xa4'\r\n"},
		{"version: 'v2'\n", "version", "it's", "version: 'it''s'\n"},
		{"version: 'v2'\n", "version", "a\nb", "version: \"a\\nb\"\n"},
		{"\xef\xbb\xbf# \xc3\xa4\nversion: v2\n", "version", "none",
		 "\xef\xbb\xbf# \xc3\xa4\nversion: none\n"},
		{"s: {model: m, version: v2, x: y}\n", "s.version", "v3",
		 "s: {model: m, version: v3, x: y}\n"},
		{"s: {model: m, version: v2}\n", "s.version", "a, b", "s: {model: m, version: \"a, b\"}\n"},
		{"version: v2\n", "version", "12", "version: \"12\"\n"},
		{"version: v2\n", "version", "x: y", "version: \"x: y\"\n"},
		{"version:\nb: 1\n", "version", "v3", "version: v3\nb: 1\n"},
		{"version:   # none yet\nb: 1\n", "version", "v3", "version: v3   # none yet\nb: 1\n"},
		{"version: ~\n", "version", "v3", "version: v3\n"},
		{"version: v2", "version", "v3", "version: v3"},
		{"- a\n- b\n", "[1]", "c", "- a\n- c\n"},
		{"a: x\n  y\nb: 1\n", "a", "z", "a: z\nb: 1\n"},
		{"version: |\n  v2\n", "version", "v3", NULL},
		{"version: {a: b}\n", "version", "v3", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *source = cases[i].source;
		const struct node *node;
		struct err err = {0};
		struct arena arena;
		struct buf out;
		int result;

		arena_init(&arena, DOC_ARENA_BYTES(1000));
		buf_init(&out, 1000);
		node = node_at(parse_yaml(&arena, source), cases[i].path);
		assert_non_null(node);
		result = yaml_edit_scalar(source, strlen(source), node, cases[i].value, &out, &err);
		if (cases[i].result) {
			assert_int_equal(result, 0);
			assert_string_equal(buf_text(&out), cases[i].result);
		} else {
			assert_int_equal(result, -1);
			assert_int_equal(out.len, 0);
		}
		buf_deinit(&out);
		arena_deinit(&arena);
	}
}

struct key_case {
	const char *source, *path, *result; /* result NULL: refused */
};

static void check_keys(const struct key_case *cases, size_t n, bool adds)
{
	for (size_t i = 0; i < n; i++) {
		const char *source = cases[i].source;
		const struct node *node;
		struct err err = {0};
		struct arena arena;
		struct buf out;
		int result;

		arena_init(&arena, DOC_ARENA_BYTES(1000));
		buf_init(&out, 1000);
		node = node_at(parse_yaml(&arena, source), cases[i].path);
		assert_non_null(node);
		result = adds ? yaml_add_key(source, strlen(source), node, "hold", "{why: x}", &arena, &out,
		                             &err)
		              : yaml_remove_key(source, strlen(source), node, &arena, &out, &err);
		assert_string_equal(result ? err.text : buf_text(&out),
		                    cases[i].result ? cases[i].result : err.text);
		assert_int_equal(result, cases[i].result ? 0 : -1);
		buf_deinit(&out);
		arena_deinit(&arena);
	}
}

static void adds_a_key(void **state)
{
	static const struct key_case cases[] = {
		{"s:\n  v: v2   # the line\n  b: 1\n", "s.v",
		 "s:\n  v: v2   # the line\n  hold: {why: x}\n  b: 1\n"},
		{"s:\r\n  v: 'v2'\r\n", "s.v", "s:\r\n  v: 'v2'\r\n  hold: {why: x}\r\n"},
		{"s: {v: v2, b: 1}  # all\n", "s.v", "s: {v: v2, hold: {why: x}, b: 1}  # all\n"},
		{"s: {\n  v: v2,\n  b: 1\n}\n", "s.v", "s: {\n  v: v2, hold: {why: x},\n  b: 1\n}\n"},
		{"v: v2", "v", "v: v2\nhold: {why: x}"},
		{"a:\n- v: v2\n  b: 1\n", "a[0].v", "a:\n- v: v2\n  hold: {why: x}\n  b: 1\n"},
		{"v: v2\nhold: {}\n", "v", NULL},
	};

	(void)state;
	check_keys(cases, ARRAY_LEN(cases), true);
}

static void removes_a_key(void **state)
{
	static const struct key_case cases[] = {
		{"s:\n  v: v2\n  # why\n  hold: {why: x}  # gone\n  b: 1\n", "s.hold",
		 "s:\n  v: v2\n  # why\n  b: 1\n"},
		{"s:\n  hold:\n    why: x\n    who: y\n  b: 1\n", "s.hold", "s:\n  b: 1\n"},
		{"s:\n  b: 1\n  hold: {\n    why: x,\n  }\n# end\n", "s.hold", "s:\n  b: 1\n# end\n"},
		{"s: {v: v2, hold: {why: x, who: [y]}, b: 1}\n", "s.hold", "s: {v: v2, b: 1}\n"},
		{"s: {v: v2, hold: {}}\n", "s.hold", "s: {v: v2}\n"},
		{"\xc3\xa4: 1\n\xc3\xb6: 2\n", "\xc3\xb6", "\xc3\xa4: 1\n"},
		{"hold: 1", "hold", NULL},
	};

	(void)state;
	check_keys(cases, ARRAY_LEN(cases), false);
}

static void touches_only_its_document(void **state)
{
	static const char text[] = "kind: A\nversion: v1\n---\nkind: B\nversion: v1\n";
	struct node **docs;
	struct err err = {0};
	struct arena arena;
	struct buf out;
	size_t n;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(1000));
	buf_init(&out, 1000);
	assert_int_equal(yaml_parse(text, strlen(text), 0, &arena, &docs, &n, NULL, &err), 0);
	assert_int_equal(yaml_edit_scalar(text, strlen(text), node_get(docs[1], "version"), "v2", &out,
	                                  &err), 0);
	assert_string_equal(buf_text(&out), "kind: A\nversion: v1\n---\nkind: B\nversion: v2\n");
	buf_deinit(&out);
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_one_value),
		cmocka_unit_test(adds_a_key),
		cmocka_unit_test(removes_a_key),
		cmocka_unit_test(touches_only_its_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
