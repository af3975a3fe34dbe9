#include <stdlib.h>

#include "doc/help.h"

static void shape(struct buf *out, const struct node *node)
{
	const char *open = node->type == NODE_MAP ? "{" : "[";

	if (node->type == NODE_NULL || node->type == NODE_SCALAR) {
		buf_printf(out, node->type == NODE_NULL ? "~" : node->quoted ? "'%s'" : "%s", node->text);
		return;
	}
	buf_puts(out, open);
	for (const struct node *child = node->first; child; child = child->next) {
		if (child != node->first)
			buf_puts(out, " ");
		if (child->key)
			buf_printf(out, "%s:", child->key);
		shape(out, child);
	}
	buf_puts(out, node->type == NODE_MAP ? "}" : "]");
}

static void reads_every_shape(void **state)
{
	static const struct {
		const char *text, *shape;
	} cases[] = {
		{"a: 1\n", "{a:1}"},
		{"a: '1'\nb: \"x y\"\n", "{a:'1' b:'x y'}"},
		{"a:\nb: ~\nc: null\nd: NULL\ne: ''\n", "{a:~ b:~ c:~ d:~ e:''}"},
		{"- a\n- - b\n  - c\n- {d: [e, f]}\n", "[a [b c] {d:[e f]}]"},
		{"a:\n- b\n- c\n", "{a:[b c]}"},
		{"a: {}\nb: []\n", "{a:{} b:[]}"},
		{"a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a:'x\ny\n' b:'x y'}"},
		{"a: x\n  y\n", "{a:x y}"},
		{"{a: 5%, b: sha256:ab, c: 0 3 * * 1}", "{a:5% b:sha256:ab c:0 3 * * 1}"},
		{"\"k: 1\": \"\\x41\\u00e4\\n\"\n", "{k: 1:'A\xc3\xa4\n'}"},
		{"a: 1\r\nb:\r\n  - 2\r\n", "{a:1 b:[2]}"},
		{"\xef\xbb\xbf" "a: 1\n", "{a:1}"},
		{"# c\n---\n# d\na: 1 # e\n...\n", "{a:1}"},
		{"%YAML 1.1\n---\na: 1\n", "{a:1}"},
		{"? a\n: b\n", "{a:b}"},
		{"just text", "just text"},
		{"---\n", "~"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena arena;
		struct buf out;

		arena_init(&arena, DOC_ARENA_BYTES(LIMIT_STATUS_BYTES));
		buf_init(&out, 1000);
		shape(&out, parse_yaml(&arena, cases[i].text));
		assert_string_equal(buf_text(&out), cases[i].shape);
		buf_deinit(&out);
		arena_deinit(&arena);
	}
}

static void keeps_places(void **state)
{
	static const char text[] = "\xef\xbb\xbf# \xc3\xa4\n\xc3\xa4\xc3\xb6: 'v1'\n"
	                           "b:\n  - x: yes\n    y:\n";
	const struct node *first, *item;
	struct node *root;
	struct arena arena;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(sizeof(text)));
	root = parse_yaml(&arena, text);
	first = root->first;
	assert_int_equal(first->key_line, 2);
	assert_int_equal(first->key_column, 1);
	assert_int_equal(first->line, 2);
	assert_int_equal(first->column, 5);
	assert_memory_equal(text + first->start, "'v1'", 4);
	assert_int_equal(first->end - first->start, 4);
	item = node_at(root, "b[0].x");
	assert_int_equal(item->line, 4);
	assert_int_equal(item->column, 8);
	assert_memory_equal(text + item->start, "yes", item->end - item->start);
	assert_ptr_equal(item->parent->parent->parent, root);
	assert_int_equal(node_at(root, "b[0].y")->type, NODE_NULL);
	arena_deinit(&arena);
}

static void reads_every_document(void **state)
{
	static const char text[] = "a: 1\n---\n---\n- b\n...\n# end\n";
	struct node **docs;
	struct err err = {0};
	struct arena arena;
	size_t n;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(sizeof(text)));
	assert_int_equal(yaml_parse(text, sizeof(text) - 1, 0, &arena, &docs, &n, NULL, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(docs[0]->type, NODE_MAP);
	assert_int_equal(docs[1]->type, NODE_NULL);
	assert_int_equal(docs[2]->type, NODE_LIST);
	assert_int_equal(yaml_parse("", 0, 0, &arena, &docs, &n, NULL, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(yaml_parse("# only\n", 7, 0, &arena, &docs, &n, NULL, &err), 0);
	assert_int_equal(n, 0);
	arena_deinit(&arena);
}

static void says_what_is_wrong_and_where(void **state)
{
	static const struct {
		const char *text;
		int line, column;
		const char *message;
	} cases[] = {
		{"a: b: c\n", 1, 5,
		 "a ':' is not possible here; check the indentation, or quote a text that holds ': '"},
		{"a: 1\n  b: 2\n", 2, 4,
		 "a ':' is not possible here; check the indentation, or quote a text that holds ': '"},
		{"a:\n    b: 1\n  c: 2\n", 3, 3,
		 "expected a key here; check the indentation of this line and the one above"},
		{"- a\nb: 1\n", 2, 1, "expected '- ' here; items of a list have the same indentation"},
		{"a: - b\n", 1, 4, "a '- ' is not possible here; start the list on a line of its own"},
		{"a:\n\tb: 1\n", 2, 1, "a tab cannot indent; use spaces"},
		{"a: \"x\nb: 1\n", 1, 4, "a quote that opens here is not closed"},
		{"a: [1, 2\nb: 3\n", 1, 4,
		 "a list in [ ] is not closed, or a ',' is missing between its items"},
		{"a: {x: 1\nb: 3\n", 1, 4,
		 "a map in { } is not closed, or a ',' is missing between its keys"},
		{"a: \"\\q\"\n", 1, 5,
		 "unknown escape after '\\'; write '\\\\' for a backslash, or use single quotes"},
		{"a: @x\n", 1, 4, "text that begins with '@' needs quotes"},
		{"a: 1\nb: &x 1\n", 2, 4,
		 "anchor '&x' is not allowed; write the value where it is needed"},
		{"a: &a [*a]\n", 1, 4, "anchor '&a' is not allowed; write the value where it is needed"},
		{"a: *x\n", 1, 4, "alias '*x' is not allowed; write the value where it is needed"},
		{"a: !!int 5\n", 1, 4, "tag '!!int' is not allowed; remove it"},
		{"a: !x [5]\n", 1, 4, "tag '!x' is not allowed; remove it"},
		{"%TAG ! tag:x,2000:\n---\na: 1\n", 1, 1, "%TAG is not allowed; remove it"},
		{"a: 1\nb: 2\na: 3\n", 3, 1,
		 "key 'a' is written twice; it stands in line 1 already, keep one of them"},
		{"x:\n  - {b: 1, c: 2, b: 3, c: 4}\n", 2, 18,
		 "key 'b' is written twice; it stands in line 2 already, keep one of them"},
		{"[a]: 1\n", 1, 1, "a key is one text; a value that begins with '{' needs quotes"},
		{"'': 1\n", 1, 1, "a key is empty; write its name before the ':'"},
		{"a: \"x\\0y\"\n", 1, 4, "a NUL character is not allowed; remove '\\0'"},
		{"a: \xff\n", 1, 4, "byte 0xff is not UTF-8; save the file as UTF-8"},
		{"a: \xed\xa0\x80\n", 1, 4, "byte 0xed is not UTF-8; save the file as UTF-8"},
		{"a: \xc0\x80\n", 1, 4, "byte 0xc0 is not UTF-8; save the file as UTF-8"},
		{"a: 1\n# \xc3\xa4\x07\n", 2, 4,
		 "character U+0007 is not allowed; write an escape in double quotes"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct place place = {0, 0};
		struct node **docs;
		struct err err = {0};
		struct arena arena;
		size_t n;

		arena_init(&arena, DOC_ARENA_BYTES(1000));
		assert_int_equal(yaml_parse(cases[i].text, strlen(cases[i].text), 0, &arena, &docs, &n,
		                            &place, &err), -1);
		assert_string_equal(err.text, cases[i].message);
		assert_int_equal(err.kind, ERR_STALLED);
		if (place.line != cases[i].line || place.column != cases[i].column)
			fail_msg("%s: at %d:%d", cases[i].text, place.line, place.column);
		arena_deinit(&arena);
	}
}

static void refuses_a_nul_byte(void **state)
{
	static const char text[] = "a: 1\0b";
	struct node **docs;
	struct err err = {0};
	struct arena arena;
	size_t n;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(1000));
	assert_int_equal(yaml_parse(text, 6, 0, &arena, &docs, &n, NULL, &err), -1);
	assert_string_equal(err.text,
	                    "character U+0000 is not allowed; write an escape in double quotes");
	arena_deinit(&arena);
}

/* `head`, then `n` times `unit`, then `tail`. */
static const struct {
	const char *head, *unit, *tail;
	int n;
	const char *message; /* what it begins with; NULL: it is accepted */
} hostile[] = {
	{"", "[", "", 200000, "nested too deep"},
	{"", "[\n", "", 100000, "nested too deep"},
	{"", "{", "", 50000, "a key is one text"},
	{"", "{a: ", "", 50000, "nested too deep"},
	{"", "- ", "", 100000, "nested too deep"},
	{"", "? ", "", 100000, "a key is one text"},
	{"", "['a': ", "", 40000, "nested too deep"},
	{"a: &a [x]\n", "b: &b [*a, *a]\n", "", 1000, "anchor '&a'"},
	{"", "&a ", "", 80000, "anchor '&a'"},
	{"", "!a ", "", 80000, "tag '!a'"},
	{"[", "a,", "]", 120000, "too many values"},
	{"a: ", "x", "", 250000, "a text of 250000 bytes"},
	{"a: \"", "\\x41", "\"", 60000, NULL},
	{"\"", "x", "", 250000, "a quote that opens here"},
	{"a: ", "x", "", 1 << 20, "1048579 bytes are too many"},
	{"a: 'x", "\n", "y'", 200000, "a text of"},
	{"a: |\n", "  x\n", "", 60000, "a text of 120000 bytes"},
	{"", "---\n", "", 60000, NULL},
	{"", "- a\n", "", 65000, NULL},
	{"", "#\n", "", 120000, NULL},
	{"", " ", "", 250000, NULL},
	{"", "\t", "", 250000, "a tab"},
	{"", "\r", "", 250000, NULL},
	{"", ":", "", 250000, "a text of"},
	{"", "%", "", 250000, "no YAML"},
	{"", "'", "", 250000, "a text of"},
	{"", "\xc3\xa4", "", 120000, "a text of"},
};

static void stays_bounded_on_hostile_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		int64_t start = clock_ms();
		struct err err = {0};
		struct node **docs;
		struct arena arena;
		struct buf text;
		size_t n;
		int result;

		buf_init(&text, 4 << 20);
		buf_puts(&text, hostile[i].head);
		for (int k = 0; k < hostile[i].n; k++)
			buf_puts(&text, hostile[i].unit);
		buf_puts(&text, hostile[i].tail);
		arena_init(&arena, DOC_ARENA_BYTES(LIMIT_MANIFEST_BYTES));
		result = yaml_parse(text.text, text.len, 0, &arena, &docs, &n, NULL, &err);
		assert_int_equal(result, hostile[i].message ? -1 : 0);
		if (hostile[i].message && strncmp(err.text, hostile[i].message,
		                                  strlen(hostile[i].message)) != 0)
			fail_msg("case %zu: %s", i, err.text);
		assert_true(clock_ms() - start < HOSTILE_MS);
		arena_deinit(&arena);
		buf_deinit(&text);
	}
}

static void deep_nesting_has_an_exact_bound(void **state)
{
	char text[2 * LIMIT_DOC_DEPTH + 8];

	(void)state;
	for (int depth = LIMIT_DOC_DEPTH; depth <= LIMIT_DOC_DEPTH + 1; depth++) {
		bool fits = depth == LIMIT_DOC_DEPTH;
		struct err err = {0};
		struct node **docs;
		struct arena arena;
		size_t n;

		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		text[2 * depth] = '\0';
		arena_init(&arena, DOC_ARENA_BYTES(1000));
		assert_int_equal(yaml_parse(text, strlen(text), 0, &arena, &docs, &n, NULL, &err),
		                 fits ? 0 : -1);
		arena_deinit(&arena);
	}
}

static void many_keys_are_no_quadratic_cost(void **state)
{
	int64_t start = clock_ms();
	struct err err = {0};
	struct place place;
	struct node **docs;
	struct arena arena;
	struct buf text;
	size_t n;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 25000; i++)
		buf_printf(&text, "k%d:\n", i);
	buf_puts(&text, "k7: again\n");
	arena_init(&arena, DOC_ARENA_BYTES(LIMIT_MANIFEST_BYTES));
	assert_int_equal(yaml_parse(text.text, text.len, 0, &arena, &docs, &n, &place, &err), -1);
	assert_string_equal(err.text, "key 'k7' is written twice; it stands in line 8 already,"
	                    " keep one of them");
	assert_int_equal(place.line, 25001);
	assert_true(clock_ms() - start < HOSTILE_MS);
	arena_deinit(&arena);
	buf_deinit(&text);
}

static void finds_by_path(void **state)
{
	static const char text[] =
		"spec:\n  steps: [{weight: 5%}, {weight: 25%}]\n  labels: {a.b/c: d}\n  list: [[x, y]]\n";
	static const struct {
		const char *path, *value;
	} cases[] = {
		{"spec.steps[1].weight", "25%"}, {".spec.steps[0].weight", "5%"},
		{"spec.labels[\"a.b/c\"]", "d"}, {"spec.list[0][1]", "y"},
		{"spec.steps[2].weight", NULL},  {"spec.steps[x]", NULL},
		{"spec.step", NULL},             {"spec.steps[", NULL},
		{"spec..steps", NULL},           {"spec.steps[0].weight.x", NULL},
	};
	const struct node *root, *node;
	struct arena arena;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(sizeof(text)));
	root = parse_yaml(&arena, text);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf path;

		node = node_at(root, cases[i].path);
		if (!cases[i].value) {
			assert_null(node);
			continue;
		}
		assert_string_equal(node->text, cases[i].value);
		buf_init(&path, 200);
		node_path(node, &path);
		assert_string_equal(buf_text(&path), cases[i].path + (cases[i].path[0] == '.'));
		buf_deinit(&path);
	}
	assert_ptr_equal(node_near(root, "spec.steps[7].weight"), node_at(root, "spec.steps"));
	assert_ptr_equal(node_near(root, "none.such"), root);
	assert_null(node_get(node_at(root, "spec.steps"), "x"));
	assert_null(node_text(root, "spec"));
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_shape),
		cmocka_unit_test(keeps_places),
		cmocka_unit_test(reads_every_document),
		cmocka_unit_test(says_what_is_wrong_and_where),
		cmocka_unit_test(refuses_a_nul_byte),
		cmocka_unit_test(stays_bounded_on_hostile_text),
		cmocka_unit_test(deep_nesting_has_an_exact_bound),
		cmocka_unit_test(many_keys_are_no_quadratic_cost),
		cmocka_unit_test(finds_by_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
