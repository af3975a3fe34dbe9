#include "doc/fields.h"
#include "doc/help.h"

struct step {
	double weight;
	int64_t requests;
};
struct spec {
	const char *model;
	int mode;
	int64_t deadline;
	struct step *steps;
	size_t n_steps;
	struct step *shares;
	size_t n_shares;
};

static const char *const mode_table[] = {"hold", "", "rollback"};
static const struct names mode_names = NAMES(mode_table);
static const struct field step_fields[] = {
	{.name = "weight", .type = FIELD_SHARE, .offset = offsetof(struct step, weight),
	 .flags = FIELD_REQUIRED, .help = "Share of the requests."},
	{.name = "minRequests", .type = FIELD_INT, .offset = offsetof(struct step, requests),
	 .max = 1000, .fallback = "10", .help = "Least requests."},
};
static const struct record step_record = {
	"step", sizeof(struct step), step_fields, 2, "A step.", NULL,
};
static const struct field spec_fields[] = {
	{.name = "model", .type = FIELD_NAME, .offset = offsetof(struct spec, model),
	 .flags = FIELD_REQUIRED, .help = "What serves."},
	{.name = "mode", .type = FIELD_ENUM, .offset = offsetof(struct spec, mode),
	 .names = &mode_names, .fallback = "hold"},
	{.name = "deadline", .type = FIELD_DURATION, .offset = offsetof(struct spec, deadline),
	 .fallback = "24h", .help = "When it is over."},
	{.name = "steps", .type = FIELD_LIST, .offset = offsetof(struct spec, steps),
	 .count_offset = offsetof(struct spec, n_steps), .flags = FIELD_NON_EMPTY, .max = 20,
	 .record = &step_record, .help = "In ascending order."},
	{.name = "shares", .type = FIELD_MAP_LIST, .offset = offsetof(struct spec, shares),
	 .count_offset = offsetof(struct spec, n_shares), .record = &step_record},
	{.name = "any", .type = FIELD_CUSTOM, .schema = "{\"type\":\"array\"}"},
	{.name = "words", .type = FIELD_CUSTOM, .names = &mode_names},
};
static const struct schema_rule spec_rules[] = {
	{"not", "{\"required\":[\"any\",\"words\"]}"},
	{NULL, NULL},
};
static const struct record spec_record = {
	"spec", sizeof(struct spec), spec_fields, ARRAY_LEN(spec_fields), "All of it.", spec_rules,
};

static void makes_a_schema(void **state)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{"[\"$schema\"]", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "spec"},
		{"additionalProperties", "false"},
		{"required[0]", "model"},
		{"properties.model.type[0]", "string"},
		{"properties.mode.enum[0]", "hold"},
		{"properties.mode.enum[1]", "rollback"},
		{"properties.mode.default", "hold"},
		{"properties.deadline.pattern", "^(0|[0-9]+(ms|s|m|h|d))$"},
		{"properties.steps.minItems", "1"},
		{"properties.steps.maxItems", "20"},
		{"properties.steps.items.required[0]", "weight"},
		{"properties.steps.items.properties.weight.maximum", "1"},
		{"properties.steps.items.properties.minRequests.default", "10"},
		{"properties.steps.items.properties.minRequests.maximum", "1000"},
		{"properties.steps.items.additionalProperties", "false"},
		{"properties.shares.additionalProperties.properties.minRequests.type", "integer"},
		{"properties.any.type", "array"},
		{"not.required[1]", "words"},
		{"properties.words.enum[1]", "rollback"},
	};
	struct writer writer;
	struct arena arena;
	struct node *root;
	struct buf out;

	(void)state;
	arena_init(&arena, DOC_ARENA_BYTES(LIMIT_STATUS_BYTES));
	buf_init(&out, LIMIT_STATUS_BYTES);
	write_begin(&writer, &out, true);
	record_schema(&writer, &spec_record);
	root = parse_json(&arena, buf_text(&out));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct node *node = node_at(root, cases[i].path);

		if (!node)
			fail_msg("%s is not in %s", cases[i].path, out.text);
		assert_string_equal(node->text, cases[i].text);
	}
	assert_null(node_at(root, "properties.shares.additionalProperties.properties.weight"));
	assert_null(node_at(root, "properties.mode.enum[2]"));
	buf_deinit(&out);
	arena_deinit(&arena);
}

static void explains_a_field(void **state)
{
	static const struct {
		const char *path, *text, *error;
	} cases[] = {
		{"model", "model: a name of lower-case letters, digits and '-', at most 63, required\n"
		          "  What serves.\n", NULL},
		{"deadline", "deadline: a duration such as 90s, 10m, 24h or 30d, default 24h\n"
		             "  When it is over.\n", NULL},
		{"steps[1].minRequests",
		 "steps[1].minRequests: a whole number from 0 to 1000, default 10\n  Least requests.\n",
		 NULL},
		{"steps", "steps: a list of maps\n  In ascending order.\n"
		          "\n  weight: a share from 0% to 100%, required\n      Share of the requests.\n"
		          "\n  minRequests: a whole number from 0 to 1000, default 10\n"
		          "      Least requests.\n", NULL},
		{"shares.High.minRequests",
		 "shares.High.minRequests: a whole number from 0 to 1000, default 10\n  Least requests.\n",
		 NULL},
		{"step", NULL, "spec: no key 'step'; did you mean 'steps'?"},
		{"steps.wait", NULL, "steps: no key 'wait'"},
		{"steps[0].weigth", NULL, "steps[0]: no key 'weigth'; did you mean 'weight'?"},
		{"model.x", NULL, "there is nothing inside 'model.x'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct buf out;
		int result;

		buf_init(&out, 10000);
		result = record_explain(&spec_record, cases[i].path, &out, &err);
		if (cases[i].text) {
			assert_int_equal(result, 0);
			assert_string_equal(buf_text(&out), cases[i].text);
		} else {
			assert_int_equal(result, -1);
			assert_string_equal(err.text, cases[i].error);
		}
		buf_deinit(&out);
	}
}

static void explains_the_whole(void **state)
{
	struct err err = {0};
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(record_explain(&spec_record, "", &out, &err), 0);
	assert_memory_equal(out.text, "spec: a map\n  All of it.\n\n  model: a name", 41);
	assert_non_null(strstr(out.text, "\n  mode: hold or rollback, default hold\n"));
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_schema),
		cmocka_unit_test(explains_a_field),
		cmocka_unit_test(explains_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
