#include <stdlib.h>

#include "base/parse.h"
#include "doc/help.h"

static void writes_yaml(void **state)
{
	struct writer writer;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	write_begin(&writer, &out, false);
	write_map(&writer);
	write_key(&writer, "a");
	write_raw(&writer, "1");
	write_key(&writer, "list");
	write_list(&writer);
	write_string(&writer, "x");
	write_map(&writer);
	write_key(&writer, "k");
	write_string(&writer, NULL);
	write_key(&writer, "empty");
	write_map(&writer);
	write_map_end(&writer);
	write_map_end(&writer);
	write_list(&writer);
	write_list(&writer);
	write_quoted(&writer, "q");
	write_list_end(&writer);
	write_list(&writer);
	write_list_end(&writer);
	write_list_end(&writer);
	write_list_end(&writer);
	write_key(&writer, "two words");
	write_map(&writer);
	write_key(&writer, "yes");
	write_string(&writer, "a\nb");
	write_map_end(&writer);
	write_map_end(&writer);
	assert_string_equal(buf_text(&out), "a: 1\n"
	                                    "list:\n"
	                                    "  - x\n"
	                                    "  - k: null\n"
	                                    "    empty: {}\n"
	                                    "  - - - \"q\"\n"
	                                    "    - []\n"
	                                    "two words:\n"
	                                    "  \"yes\": \"a\\nb\"\n");
	buf_deinit(&out);
}

static void writes_json(void **state)
{
	struct writer writer;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	write_begin(&writer, &out, true);
	write_map(&writer);
	write_key(&writer, "a\"b");
	write_raw(&writer, "9223372036854775807");
	write_key(&writer, "l");
	write_list(&writer);
	write_string(&writer, "x\x01\t\xc3\xa4\x7f");
	write_list(&writer);
	write_list_end(&writer);
	write_string(&writer, NULL);
	write_list_end(&writer);
	write_key(&writer, "m");
	write_map(&writer);
	write_map_end(&writer);
	write_map_end(&writer);
	assert_string_equal(buf_text(&out), "{\"a\\\"b\":9223372036854775807,\"l\":"
	                                    "[\"x\\u0001\\t\xc3\xa4\\u007f\",[],null],\"m\":{}}");
	buf_deinit(&out);
}

static void quotes_only_what_needs_it(void **state)
{
	static const struct {
		const char *text, *yaml;
	} cases[] = {
		{"v2", "v2"}, {"file:a.csv", "file:a.csv"}, {"5%", "5%"}, {"10m", "10m"},
		{"a b, c", "a b, c"}, {"sha256:ab", "sha256:ab"}, {"--port", "--port"},
		{"x: y", "\"x: y\""}, {"x:", "\"x:\""}, {"a #b", "\"a #b\""}, {"a#b", "a#b"},
		{"", "\"\""}, {" a", "\" a\""}, {"a ", "\"a \""}, {"- a", "\"- a\""}, {"-", "\"-\""},
		{"5", "\"5\""}, {"-5.0", "\"-5.0\""}, {"1e5", "\"1e5\""}, {"0x1f", "\"0x1f\""},
		{"0x1 i", "0x1 i"}, {"1_000", "\"1_000\""}, {"12:30", "\"12:30\""},
		{"2026-07-02", "\"2026-07-02\""},
		{"true", "\"true\""}, {"No", "\"No\""}, {"on", "\"on\""}, {"null", "\"null\""},
		{"~", "\"~\""}, {".inf", "\".inf\""}, {"[a]", "\"[a]\""}, {"{a", "\"{a\""},
		{"*a", "\"*a\""}, {"&a", "\"&a\""}, {"!a", "\"!a\""}, {"%a", "\"%a\""}, {"@a", "\"@a\""},
		{"`a", "\"`a\""}, {"\"a\"", "\"\\\"a\\\"\""}, {"'a'", "\"'a'\""}, {"it's", "it's"},
		{"|", "\"|\""}, {"> a", "\"> a\""}, {"? a", "\"? a\""}, {"#a", "\"#a\""},
		{"---", "\"---\""}, {"a\nb", "\"a\\nb\""}, {"a\tb", "\"a\\tb\""}, {"a\\b", "a\\b"},
		{"\x1b[0m", "\"\\x1b[0m\""}, {"\xc3\xa4", "\xc3\xa4"}, {"\xc2\x85", "\"\\x85\""},
		{"\xe2\x80\xa8", "\"\\u2028\""}, {"\xef\xbb\xbf", "\"\\ufeff\""}, {"\xff", "\"?\""},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, {"<<", "\"<<\""}, {"=", "\"=\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct writer writer;
		struct buf out;

		buf_init(&out, 1000);
		write_begin(&writer, &out, false);
		write_string(&writer, cases[i].text);
		assert_int_equal(out.text[out.len - 1], '\n');
		out.text[out.len - 1] = '\0';
		assert_string_equal(out.text, cases[i].yaml);
		buf_deinit(&out);
	}
}

/* ---- round trips of generated trees ---- */

static uint64_t draw(uint64_t *seed, uint64_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % n;
}

/* Texts out of what is special in YAML or JSON. */
static char *any_text(uint64_t *seed, struct arena *arena, size_t most)
{
	static const char *const parts[] = {
		"a", "Z", "0", "9", "-", "+", ".", ":", ": ", " ", "#", " #", "\n", "\t", "\r", "\"", "'",
		"\\", "/", ",", "[", "]", "{", "}", "&", "*", "!", "|", ">", "%", "@", "`", "?", "~", "=",
		"<", "true", "null", "yes", "1e5", "0x", "---", "...", "\x01", "\x7f", "\xc2\x85",
		"\xc3\xa4", "\xe2\x80\xa8", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xf0\x9f\x98\x80", "_",
	};
	size_t n = draw(seed, most);
	struct buf text;
	char *copy;

	buf_init(&text, 10000);
	for (size_t i = 0; i < n; i++)
		buf_puts(&text, parts[draw(seed, ARRAY_LEN(parts))]);
	copy = arena_strdup(arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

static struct node *any_node(uint64_t *seed, struct arena *arena, int depth)
{
	static const char *const plain[] = {
		"1", "-0.5", "true", "false", "1e3", "word", "1e999", "007", "0x1f",
		"0x1\n\ni", "1234567890123456789012345678901234567890123456789012345678901234567890",
	};
	struct node *node = arena_new(arena, struct node);
	uint64_t what = draw(seed, depth > 0 ? 8 : 4);

	node->text = "";
	if (what == 0) {
		node->type = NODE_NULL;
	} else if (what < 4) {
		node->type = NODE_SCALAR;
		node->quoted = what > 1;
		node->text = node->quoted ? any_text(seed, arena, 8) : plain[draw(seed, ARRAY_LEN(plain))];
	} else {
		node->type = what < 6 ? NODE_LIST : NODE_MAP;
		for (uint64_t n = draw(seed, 5); n > 0; n--) {
			struct node *child = any_node(seed, arena, depth - 1);

			if (node->type == NODE_MAP)
				child->key = arena_printf(arena, "%d%s", (int)n, any_text(seed, arena, 6));
			if (node->last)
				node->last->next = child;
			else
				node->first = child;
			node->last = child;
			node->n++;
		}
	}
	return node;
}

static bool means_something(const char *text)
{
	static const char *const words[] = {"true", "false", "null", "~", ""};
	struct err err = {0};
	double number;

	return names_find(NAMES(words), text) >= 0 ||
	       parse_number(text, -1e300, 1e300, &number, &err) == 0;
}

/* JSON has no such number; it is carried as text. */
static bool is_beyond_json(const char *text)
{
	static const char *const words[] = {"1e999", "007", "0x1f"};

	return names_find(NAMES(words), text) >= 0 || strlen(text) > 60;
}

/* Equal text; `quoted` may differ only where it makes no difference. */
static void assert_same(const struct node *a, const struct node *b, bool json)
{
	const struct node *x = a->first, *y = b->first;

	assert_int_equal(a->type, b->type);
	assert_int_equal(a->n, b->n);
	if (a->type == NODE_SCALAR) {
		assert_string_equal(a->text, b->text);
		if (means_something(a->text) && !(json && is_beyond_json(a->text)))
			assert_int_equal(a->quoted, b->quoted);
	}
	for (; x && y; x = x->next, y = y->next) {
		if (a->type == NODE_MAP)
			assert_string_equal(x->key, y->key);
		assert_same(x, y, json);
	}
	assert_null(x);
	assert_null(y);
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < 4000; round++) {
		bool json = round % 2;
		uint64_t seed = round;
		struct writer writer;
		struct arena arena;
		struct node *node;
		struct buf out;

		arena_init(&arena, 4 * DOC_ARENA_BYTES(LIMIT_STATUS_BYTES));
		buf_init(&out, LIMIT_STATUS_BYTES);
		node = any_node(&seed, &arena, 5);
		write_begin(&writer, &out, json);
		write_node(&writer, node);
		assert_int_equal(writer.depth, 0);
		assert_same(node, json ? parse_json(&arena, out.text) : parse_yaml(&arena, out.text), json);
		buf_deinit(&out);
		arena_deinit(&arena);
	}
}

/* As strings of a document, which are quoted where they would mean something else. */
static void strings_read_back_as_text(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < 4000; round++) {
		uint64_t seed = round + 100000;
		struct writer writer;
		const struct node *back;
		struct arena arena;
		struct buf out;
		char *text;

		arena_init(&arena, DOC_ARENA_BYTES(LIMIT_STATUS_BYTES));
		buf_init(&out, LIMIT_STATUS_BYTES);
		text = any_text(&seed, &arena, 10);
		write_begin(&writer, &out, false);
		write_map(&writer);
		write_key(&writer, "k");
		write_list(&writer);
		write_string(&writer, text);
		write_list_end(&writer);
		write_map_end(&writer);
		back = node_at(parse_yaml(&arena, out.text), "k[0]");
		assert_int_equal(back->type, NODE_SCALAR);
		assert_string_equal(back->text, text);
		if (means_something(text))
			assert_true(back->quoted);
		buf_deinit(&out);
		arena_deinit(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_yaml),
		cmocka_unit_test(writes_json),
		cmocka_unit_test(quotes_only_what_needs_it),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(strings_read_back_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
