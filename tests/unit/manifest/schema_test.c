/* The JSON Schemas of the kinds against the decoder: sound manifests, and each of their nodes put
 * wrong in turn. What the decoder accepts, the schema accepts; what its field tables refuse, the
 * schema refuses, but for the range of a text with a unit. */
#include <regex.h>

#include "api/check.h"
#include "doc/text.h"
#include "manifest/fixture.h"

/* ---- a checker of the part of JSON Schema that is in use; another keyword fails the test ---- */

static bool valid(const struct node *schema, const struct node *value);

static const char *type_of(const struct node *value)
{
	switch (value->type) {
	case NODE_NULL:
		return "null";
	case NODE_LIST:
		return "array";
	case NODE_MAP:
		return "object";
	case NODE_SCALAR:
		break;
	}
	if (value->quoted)
		return "string";
	if (!strcmp(value->text, "true") || !strcmp(value->text, "false"))
		return "boolean";
	if (!is_json_number(value->text, strlen(value->text)))
		return "string";
	return strpbrk(value->text, ".eE") ? "number" : "integer";
}

static bool is_number(const struct node *value)
{
	return !strcmp(type_of(value), "integer") || !strcmp(type_of(value), "number");
}

static double number_of(const struct node *value)
{
	struct err err = {0};
	double number;

	assert_int_equal(parse_number(value->text, -1e300, 1e300, &number, &err), 0);
	return number;
}

static bool is_type(const struct node *type, const struct node *value)
{
	const char *is = type_of(value);

	return !strcmp(type->text, is) || (!strcmp(type->text, "number") && !strcmp(is, "integer"));
}

static bool any_type(const struct node *types, const struct node *value)
{
	if (types->type == NODE_SCALAR)
		return is_type(types, value);
	for (const struct node *type = types->first; type; type = type->next)
		if (is_type(type, value))
			return true;
	return false;
}

static bool any_word(const struct node *words, const struct node *value)
{
	for (const struct node *word = words->first; word; word = word->next)
		if (value->type == NODE_SCALAR && !strcmp(word->text, value->text))
			return true;
	return false;
}

static bool matches(const char *pattern, const char *text)
{
	regex_t regex;
	bool found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

static bool has_all(const struct node *keys, const struct node *value)
{
	for (const struct node *key = keys->first; value->type == NODE_MAP && key; key = key->next)
		if (!node_get(value, key->text))
			return false;
	return true;
}

static size_t how_many(const struct node *schemas, const struct node *value)
{
	size_t n = 0;

	for (const struct node *schema = schemas->first; schema; schema = schema->next)
		n += valid(schema, value);
	return n;
}

static bool members_valid(const struct node *schema, const struct node *value)
{
	const struct node *properties = node_get(schema, "properties");
	const struct node *others = node_get(schema, "additionalProperties");

	for (const struct node *member = value->first; member; member = member->next) {
		const struct node *property = node_get(properties, member->key);

		if (property ? !valid(property, member)
		    : others && (others->type == NODE_MAP ? !valid(others, member)
		                                          : !strcmp(others->text, "false")))
			return false;
	}
	return true;
}

static bool items_valid(const struct node *schema, const struct node *value)
{
	for (const struct node *item = value->first; item; item = item->next)
		if (!valid(schema, item))
			return false;
	return true;
}

static bool depends(const struct node *rules, const struct node *value)
{
	for (const struct node *rule = rules->first; rule; rule = rule->next)
		if (node_get(value, rule->key) && !has_all(rule, value))
			return false;
	return true;
}

static bool keyword_holds(const struct node *schema, const struct node *rule,
                          const struct node *value)
{
	static const char *const words[] = {
		"type", "enum", "const", "pattern", "minimum", "maximum", "minLength", "minItems",
		"maxItems", "minProperties", "maxProperties", "required", "properties",
		"additionalProperties", "items", "anyOf", "oneOf", "not", "dependentRequired",
		"description", "default", "title", "$schema",
	};
	bool is_list = value->type == NODE_LIST, is_map = value->type == NODE_MAP;
	bool is_text = !strcmp(type_of(value), "string");

	switch (names_find(NAMES(words), rule->key)) {
	case 0: return any_type(rule, value);
	case 1: return any_word(rule, value);
	case 2: return value->type == NODE_SCALAR && !strcmp(rule->text, value->text);
	case 3: return !is_text || matches(rule->text, value->text);
	case 4: return !is_number(value) || number_of(value) >= number_of(rule);
	case 5: return !is_number(value) || number_of(value) <= number_of(rule);
	case 6: return !is_text || (double)strlen(value->text) >= number_of(rule);
	case 7: return !is_list || (double)value->n >= number_of(rule);
	case 8: return !is_list || (double)value->n <= number_of(rule);
	case 9: return !is_map || (double)value->n >= number_of(rule);
	case 10: return !is_map || (double)value->n <= number_of(rule);
	case 11: return has_all(rule, value);
	case 12: return true; /* with additionalProperties, which stands beside it always */
	case 13: return !is_map || members_valid(schema, value);
	case 14: return !is_list || items_valid(rule, value);
	case 15: return how_many(rule, value) > 0;
	case 16: return how_many(rule, value) == 1;
	case 17: return !valid(rule, value);
	case 18: return !is_map || depends(rule, value);
	case -1: fail_msg("the checker does not know the keyword %s", rule->key);
	}
	return true;
}

static bool valid(const struct node *schema, const struct node *value)
{
	for (const struct node *rule = schema->first; rule; rule = rule->next)
		if (!keyword_holds(schema, rule, value))
			return false;
	return true;
}

/* ---- the corpus ---- */

struct corpus {
	struct fixture *fixture;
	struct node *root;
	const struct node *schema;
	const struct record *record;
	struct arena arena; /* of one comparison */
	size_t n, refused;
};

/* What the field table says, and what the whole decoder says, of the document as it stands. */
static const char *table_says(struct corpus *corpus)
{
	struct diagnostics diagnostics = {0};
	struct decoder decoder = {.arena = &corpus->arena, .path = "", .diagnostics = &diagnostics};
	void *out = arena_alloc(&corpus->arena, corpus->record->size);

	return record_decode(&decoder, corpus->record, corpus->root, out) < 0
	               ? diagnostics.items[0].message : NULL;
}

static bool decoder_accepts(struct corpus *corpus)
{
	struct diagnostics diagnostics = {0};
	struct file_objects objects;
	struct writer writer;
	struct buf text;

	buf_init(&text, 1 << 20);
	write_begin(&writer, &text, false);
	write_node(&writer, corpus->root);
	manifest_decode("x.yaml", buf_text(&text), text.len, &corpus->arena, &objects, &diagnostics);
	buf_deinit(&text);
	return diagnostics.n == 0 && objects.n == 1;
}

static void compare(struct corpus *corpus, const char *what)
{
	const char *refusal = table_says(corpus);
	bool fits = valid(corpus->schema, corpus->root);

	corpus->n++;
	corpus->refused += !fits;
	if (!fits && !refusal && decoder_accepts(corpus))
		fail_msg("the schema of %s refuses what the decoder accepts: %s", corpus->record->name,
		         what);
	if (fits && refusal && !strstr(refusal, "is out of range"))
		fail_msg("the schema of %s accepts what the decoder refuses: %s: %s", corpus->record->name,
		         what, refusal);
	arena_reset(&corpus->arena);
}

static const char *place_text(struct corpus *corpus, const struct node *node, const char *change)
{
	struct buf path;
	const char *text;

	buf_init(&path, 4096);
	node_path(node, &path);
	text = arena_printf(&corpus->fixture->arena, "%s %s", buf_text(&path), change);
	buf_deinit(&path);
	return text;
}

/* Puts other values in the place of one node. */
static void replace(struct corpus *corpus, struct node *node)
{
	static const char *const values[] = {
		"hello", "Upper_Case", "5", "-5", "0.5", "\"5\"", "true", "~", "\"\"", "5%", "150%", "0",
		"90s", "512Mi", "500m", "{}", "[]", "[x]", "{a: b}", "[{}]", "none", "any", "-1",
		"2026-07-02T00:00:00Z", "2026-07-02", "100000000000",
	};
	struct node old = *node;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct arena *arena = &corpus->fixture->arena;
		struct err err = {0};
		struct node **docs;
		size_t n;

		assert_int_equal(yaml_parse(values[i], strlen(values[i]), 0, arena, &docs, &n, NULL, &err),
		                 0);
		node->type = docs[0]->type;
		node->text = docs[0]->text;
		node->quoted = docs[0]->quoted;
		node->first = docs[0]->first;
		node->last = docs[0]->last;
		node->n = docs[0]->n;
		compare(corpus, place_text(corpus, &old, values[i]));
		*node = old;
	}
}

/* Without one child, and with one that nobody knows. */
static void grow_and_shrink(struct corpus *corpus, struct node *map)
{
	struct node old = *map, more = {.type = NODE_SCALAR, .key = "nobodyKnows", .text = "x"};

	for (struct node **link = &map->first; *link; link = &(*link)->next) {
		struct node *removed = *link;

		*link = removed->next;
		map->n--;
		compare(corpus, place_text(corpus, removed, "removed"));
		*link = removed;
		map->n++;
	}
	if (map->type != NODE_MAP)
		return;
	more.next = map->first;
	map->first = &more;
	map->n++;
	compare(corpus, place_text(corpus, map, "and an unknown key"));
	*map = old;
}

static void put_wrong(struct corpus *corpus, struct node *node)
{
	if (node->parent)
		replace(corpus, node);
	grow_and_shrink(corpus, node);
	for (struct node *child = node->first; child; child = child->next)
		put_wrong(corpus, child);
}

static const struct node *schema_of(struct fixture *fixture, const struct record *record)
{
	struct err err = {0};
	struct writer writer;
	struct node *schema;
	struct buf text;

	buf_init(&text, 1 << 20);
	write_begin(&writer, &text, true);
	record_schema(&writer, record);
	if (json_parse(arena_strdup(&fixture->arena, buf_text(&text)), text.len, 1 << 20,
	               &fixture->arena, &schema, &err) < 0)
		fail_msg("%s", err.text);
	buf_deinit(&text);
	return schema;
}

static void compare_file(struct fixture *fixture, const char *path, size_t *n, size_t *refused)
{
	const char *text = read_file(fixture, path);
	struct corpus corpus = {.fixture = fixture};
	struct err err = {0};
	struct node **docs;
	size_t n_docs;

	assert_int_equal(yaml_parse(text, strlen(text), 0, &fixture->arena, &docs, &n_docs, NULL, &err),
	                 0);
	arena_init(&corpus.arena, 256 << 20);
	for (size_t i = 0; i < n_docs; i++) {
		int kind = names_find(kind_names, node_text(docs[i], "kind"));

		assert_true(kind >= 0);
		corpus.root = docs[i];
		corpus.record = kind_records[kind];
		corpus.schema = schema_of(fixture, corpus.record);
		if (!valid(corpus.schema, corpus.root))
			fail_msg("%s: the schema of %s refuses it", path, kind_names.names[kind]);
		put_wrong(&corpus, corpus.root);
	}
	*n += corpus.n;
	*refused += corpus.refused;
	arena_deinit(&corpus.arena);
}

static void accepts_and_refuses_as_the_decoder_does(void **state)
{
	static const char *const files[] = {
		"kinds/model.yaml", "kinds/model-least.yaml", "kinds/version.yaml",
		"kinds/deployment.yaml", "kinds/deployment-least.yaml", "kinds/environment.yaml",
		"kinds/policy.yaml",
	};
	struct fixture *fixture = *state;
	size_t n = 0, refused = 0;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		compare_file(fixture, arena_printf(&fixture->arena, GOLDEN "%s", files[i]), &n, &refused);
	assert_true(n > 5000);
	assert_true(refused > n / 4 && refused < n);
}

/* Of the mistakes that people make, these need more than one document or an order of numbers. */
static void sees_the_mistakes_of_one_document(void **state)
{
	static const char *const mistakes[] = {
		"autoscale-and-replicas", "bad-digest", "bad-duration", "bad-name", "bad-share",
		"enum-typo", "env-value-and-secret", "evidence-typo", "folds-and-validation",
		"grid-and-candidates", "guard-without-reason", "hold-without-reason", "missing-required",
		"no-namespace", "no-spec", "no-version-line", "notify-typo", "out-of-range",
		"quoted-number", "secret-without-key", "several-at-once", "time-zone-without-schedule",
		"two-backends", "two-triggers-in-one", "unknown-key", "unknown-key-deep", "wrong-type",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		const char *path = arena_printf(&fixture->arena, GOLDEN "mistakes/%s.yaml", mistakes[i]);
		const char *text = read_file(fixture, path);
		struct err err = {0};
		struct node **docs;
		size_t n;
		int kind;

		assert_int_equal(yaml_parse(text, strlen(text), 0, &fixture->arena, &docs, &n, NULL, &err),
		                 0);
		kind = names_find(kind_names, node_text(docs[0], "kind"));
		assert_true(kind >= 0);
		if (valid(schema_of(fixture, kind_records[kind]), docs[0]))
			fail_msg("%s: the schema sees nothing wrong", path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accepts_and_refuses_as_the_decoder_does, fixture_setup,
		                                fixture_teardown),
		cmocka_unit_test_setup_teardown(sees_the_mistakes_of_one_document, fixture_setup,
		                                fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
