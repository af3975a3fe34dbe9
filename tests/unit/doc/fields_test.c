#include <math.h>
#include <stdlib.h>

#include "doc/fields.h"
#include "doc/help.h"

/* ---- a struct with every type ---- */

enum colour { RED, GREEN, COLOUR_UNSET };
static const char *const colour_table[] = {"red", "green", ""};
static const struct names colour_names = NAMES(colour_table);

struct step {
	double weight;
	int64_t requests;
};
struct part {
	const char *label;
	double share;
};
struct inner {
	const char *from;
	int64_t soak;
};
struct every {
	const char *text, *name;
	bool flag;
	int64_t count, big;
	double number, share, amount;
	int64_t duration, bounded, time, memory, cpu;
	struct digest digest;
	enum colour colour, other;
	struct {
		const char **items;
		size_t n;
	} texts;
	struct {
		struct field_pair *items;
		size_t n;
	} pairs;
	struct inner inner;
	struct inner *optional;
	struct step *steps;
	size_t n_steps;
	struct part *parts;
	size_t n_parts;
	int custom;
	double flat_a, flat_b;
};

static int decode_twice(struct decoder *decoder, const struct field *field, const struct node *node,
                        void *out)
{
	struct err err = {0};
	int64_t value;

	(void)field;
	if (parse_int(node->text, 0, 100, &value, &err) < 0)
		return complain(decoder, node, "%s", err.text);
	*(int *)out += 2 * (int)value; /* shows when it is decoded more than once */
	return 0;
}

static void encode_twice(struct writer *writer, const struct field *field, const void *in)
{
	char text[24];

	(void)field;
	snprintf(text, sizeof(text), "%d", *(const int *)in / 2);
	write_raw(writer, text);
}

#define AT(member) .offset = offsetof(struct every, member)
static const struct field step_fields[] = {
	{.name = "weight", .type = FIELD_SHARE, .offset = offsetof(struct step, weight),
	 .flags = FIELD_REQUIRED, .help = "Share of the traffic."},
	{.name = "minRequests", .type = FIELD_INT, .offset = offsetof(struct step, requests),
	 .max = 1000, .fallback = "10"},
};
static const struct record step_record = {"step", sizeof(struct step), step_fields, 2, NULL, NULL};
static const struct field part_fields[] = {
	{.name = "label", .type = FIELD_STRING, .offset = offsetof(struct part, label)},
	{.name = "share", .type = FIELD_SHARE, .offset = offsetof(struct part, share),
	 .flags = FIELD_REQUIRED},
};
static const struct record part_record = {"part", sizeof(struct part), part_fields, 2, NULL, NULL};
static const struct field inner_fields[] = {
	{.name = "from", .type = FIELD_NAME, .offset = offsetof(struct inner, from),
	 .flags = FIELD_REQUIRED},
	{.name = "soak", .type = FIELD_DURATION, .offset = offsetof(struct inner, soak),
	 .fallback = "24h"},
};
static const struct record inner_record = {
	"inner", sizeof(struct inner), inner_fields, 2, NULL, NULL,
};
static const struct field flat_fields[] = {
	{.name = "a", .type = FIELD_NUMBER, .offset = 0},
	{.name = "b", .type = FIELD_NUMBER, .fallback = "2",
	 .offset = offsetof(struct every, flat_b) - offsetof(struct every, flat_a)},
};
static const struct record flat_record = {"flat", 2 * sizeof(double), flat_fields, 2, NULL, NULL};
static const struct field every_fields[] = {
	{.name = "text", .type = FIELD_STRING, AT(text), .flags = FIELD_NON_EMPTY, .help = "A text."},
	{.name = "name", .type = FIELD_NAME, AT(name)},
	{.name = "flag", .type = FIELD_BOOL, AT(flag), .fallback = "true"},
	{.name = "replicas", .type = FIELD_INT, AT(count), .min = 1, .max = 64, .fallback = "1"},
	{.name = "big", .type = FIELD_INT, AT(big)},
	{.name = "number", .type = FIELD_NUMBER, AT(number), .min = -1, .max = 1.5},
	{.name = "share", .type = FIELD_SHARE, AT(share)},
	{.name = "amount", .type = FIELD_AMOUNT, AT(amount)},
	{.name = "duration", .type = FIELD_DURATION, AT(duration), .fallback = "10m"},
	{.name = "bounded", .type = FIELD_DURATION, AT(bounded), .min = 1000},
	{.name = "time", .type = FIELD_TIME, AT(time)},
	{.name = "memory", .type = FIELD_MEMORY, AT(memory)},
	{.name = "cpu", .type = FIELD_CPU, AT(cpu)},
	{.name = "digest", .type = FIELD_DIGEST, AT(digest)},
	{.name = "colour", .type = FIELD_ENUM, AT(colour), .names = &colour_names},
	{.name = "other", .type = FIELD_ENUM, AT(other), .names = &colour_names, .fallback = ""},
	{.name = "texts", .type = FIELD_STRINGS, AT(texts), .max = 3},
	{.name = "pairs", .type = FIELD_PAIRS, AT(pairs)},
	{.name = "inner", .type = FIELD_RECORD, AT(inner), .record = &inner_record},
	{.name = "optional", .type = FIELD_OPTIONAL, AT(optional), .record = &inner_record},
	{.name = "steps", .type = FIELD_LIST, AT(steps),
	 .count_offset = offsetof(struct every, n_steps), .flags = FIELD_NON_EMPTY,
	 .record = &step_record, .help = "The steps."},
	{.name = "parts", .type = FIELD_MAP_LIST, AT(parts),
	 .count_offset = offsetof(struct every, n_parts), .record = &part_record},
	{.name = "twice", .type = FIELD_CUSTOM, AT(custom), .decode = decode_twice,
	 .encode = encode_twice, .fallback = "21"},
	{.name = "flat", .type = FIELD_RECORD, AT(flat_a), .record = &flat_record},
};
static const struct record every_record = {
	"every", sizeof(struct every), every_fields, ARRAY_LEN(every_fields), "All of them.", NULL,
};

/* ---- */

struct result {
	struct arena arena;
	struct diagnostics diagnostics;
	struct every every;
	int result;
};

static void decode(struct result *result, const char *text)
{
	struct decoder decoder = {.arena = &result->arena, .path = "f.yaml",
	                          .diagnostics = &result->diagnostics};

	*result = (struct result){0};
	arena_init(&result->arena, DOC_ARENA_BYTES(LIMIT_STATUS_BYTES));
	memset(&result->every, 0x5a, sizeof(result->every));
	result->result = record_decode(&decoder, &every_record, parse_yaml(&result->arena, text),
	                               &result->every);
}

static char *diagnosed(struct result *result)
{
	struct buf out;
	char *text;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < result->diagnostics.n; i++) {
		diagnostic_text(&result->diagnostics.items[i], &out);
		buf_putc(&out, '\n');
	}
	text = arena_strdup(&result->arena, buf_text(&out));
	buf_deinit(&out);
	return text;
}

static void fills_in_defaults(void **state)
{
	struct result result;
	struct every *every = &result.every, defaults;

	(void)state;
	decode(&result, "{}\n");
	assert_string_equal(diagnosed(&result), "");
	assert_int_equal(result.result, 0);
	assert_null(every->text);
	assert_true(every->flag);
	assert_int_equal(every->count, 1);
	assert_int_equal(every->big, 0);
	assert_true(isnan(every->number) && isnan(every->share) && isnan(every->amount));
	assert_int_equal(every->duration, 600000);
	assert_int_equal(every->bounded, -1);
	assert_int_equal(every->time, -1);
	assert_int_equal(every->memory, -1);
	assert_int_equal(every->cpu, -1);
	assert_string_equal(every->digest.hex, "");
	assert_int_equal(every->colour, RED);
	assert_int_equal(every->other, COLOUR_UNSET);
	assert_int_equal(every->texts.n, 0);
	assert_int_equal(every->pairs.n, 0);
	assert_int_equal(every->inner.soak, 86400000);
	assert_null(every->optional);
	assert_null(every->steps);
	assert_int_equal(every->n_parts, 0);
	assert_int_equal(every->custom, 42);
	assert_true(isnan(every->flat_a) && every->flat_b == 2);
	record_defaults(&every_record, &defaults, &result.arena);
	assert_int_equal(defaults.custom, 42);
	assert_int_equal(defaults.duration, 600000);
	arena_deinit(&result.arena);
}

static const char full[] = "text: 5\n"
                           "name: a-1\n"
                           "flag: false\n"
                           "replicas: 64\n"
                           "big: -9223372036854775808\n"
                           "number: -0.25\n"
                           "share: 12.5%\n"
                           "amount: 250\n"
                           "duration: 90s\n"
                           "bounded: 1s\n"
                           "time: 2026-07-02T00:00:00Z\n"
                           "memory: 512Mi\n"
                           "cpu: 500m\n"
                           "digest: sha256:e3b0c44298fc1c149afbf4c8996fb924"
                           "27ae41e4649b934ca495991b7852b855\n"
                           "colour: green\n"
                           "other: red\n"
                           "texts:\n"
                           "  - a\n"
                           "  - \"2\"\n"
                           "pairs:\n"
                           "  depth: 5\n"
                           "  name: \"5\"\n"
                           "inner:\n"
                           "  from: staging\n"
                           "  soak: 1h\n"
                           "optional:\n"
                           "  from: dev\n"
                           "steps:\n"
                           "  - weight: 5%\n"
                           "  - weight: 100%\n"
                           "    minRequests: 500\n"
                           "parts:\n"
                           "  High:\n"
                           "    share: 1%\n"
                           "  \"1\":\n"
                           "    share: 40%\n"
                           "twice: 3\n"
                           "flat:\n"
                           "  a: 0.1\n";

static void decodes_every_type(void **state)
{
	struct result result;
	struct every *every = &result.every;

	(void)state;
	decode(&result, full);
	assert_string_equal(diagnosed(&result), "");
	assert_string_equal(every->text, "5");
	assert_string_equal(every->name, "a-1");
	assert_false(every->flag);
	assert_int_equal(every->count, 64);
	assert_true(every->big == INT64_MIN);
	assert_true(every->number == -0.25 && every->share == 0.125 && every->amount == 250);
	assert_int_equal(every->duration, 90000);
	assert_int_equal(every->time, 1782950400000);
	assert_int_equal(every->memory, 512 << 20);
	assert_int_equal(every->cpu, 500);
	assert_int_equal(every->colour, GREEN);
	assert_string_equal(every->texts.items[1], "2");
	assert_string_equal(every->pairs.items[0].value, "5");
	assert_false(every->pairs.items[0].quoted);
	assert_true(every->pairs.items[1].quoted);
	assert_string_equal(every->optional->from, "dev");
	assert_int_equal(every->optional->soak, 86400000);
	assert_int_equal(every->n_steps, 2);
	assert_int_equal(every->steps[0].requests, 10);
	assert_int_equal(every->steps[1].requests, 500);
	assert_string_equal(every->parts[1].label, "1");
	assert_true(every->parts[1].share == 0.4);
	assert_int_equal(every->custom, 6);
	assert_true(every->flat_a == 0.1 && every->flat_b == 2);
	arena_deinit(&result.arena);
}

static void encodes_what_was_decoded(void **state)
{
	struct result result;
	struct writer writer;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	decode(&result, full);
	write_begin(&writer, &out, false);
	record_encode(&writer, &every_record, &result.every);
	assert_string_equal(strchr(buf_text(&out), '\n'), strchr(full, '\n'));
	assert_memory_equal(buf_text(&out), "text: \"5\"\n", 10);
	arena_deinit(&result.arena);

	decode(&result, "{}\n");
	buf_clear(&out);
	write_begin(&writer, &out, false);
	record_encode(&writer, &every_record, &result.every);
	assert_string_equal(buf_text(&out), "{}\n");
	arena_deinit(&result.arena);
	buf_deinit(&out);
}

static void a_required_field_is_written_always(void **state)
{
	static const struct field fields[] = {
		{.name = "colour", .type = FIELD_ENUM, .offset = 0, .names = &colour_names,
		 .flags = FIELD_REQUIRED},
	};
	static const struct record record = {"one", sizeof(enum colour), fields, 1, NULL, NULL};
	enum colour red = RED;
	struct writer writer;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	write_begin(&writer, &out, false);
	record_encode(&writer, &record, &red);
	assert_string_equal(buf_text(&out), "colour: red\n");
	buf_deinit(&out);
}

static void json_carries_the_same(void **state)
{
	struct decoder decoder;
	struct result result;
	struct writer writer;
	struct every back;
	struct buf out, again;

	(void)state;
	buf_init(&out, 10000);
	buf_init(&again, 10000);
	decode(&result, full);
	write_begin(&writer, &out, true);
	record_encode(&writer, &every_record, &result.every);
	decoder = (struct decoder){.arena = &result.arena, .path = "f.json",
	                           .diagnostics = &result.diagnostics};
	assert_int_equal(record_decode(&decoder, &every_record, parse_json(&result.arena, out.text),
	                               &back), 0);
	write_begin(&writer, &again, true);
	record_encode(&writer, &every_record, &back);
	assert_string_equal(buf_text(&out), buf_text(&again));
	assert_true(back.big == INT64_MIN);
	arena_deinit(&result.arena);
	buf_deinit(&out);
	buf_deinit(&again);
}

static const struct {
	const char *text, *diagnosed;
} wrong[] = {
	{"replica: 2\n", "f.yaml:1:1: unknown key 'replica'; did you mean 'replicas'?\n"},
	{"inner: {form: a}\n",
	 "f.yaml:1:9: inner: unknown key 'form'; did you mean 'from'?\n"
	 "f.yaml:1:8: inner: required key 'from' is missing; write a name of lower-case letters,"
	 " digits and '-', at most 63\n"},
	{"inner: {xyzzy: a, from: b}\n",
	 "f.yaml:1:9: inner: unknown key 'xyzzy'; possible here: from or soak\n"},
	{"steps:\n  - weight: 5%\n  - weight: 120%\n",
	 "f.yaml:3:13: steps[1].weight: 120% is out of range; write a share from 0% to 100%\n"},
	{"steps: [{weight: 5, minRequests: -1}]\n",
	 "f.yaml:1:18: steps[0].weight: 5 is out of range; write a share from 0% to 100%\n"
	 "f.yaml:1:34: steps[0].minRequests: -1 is out of range; write a whole number from 0 to"
	 " 1000\n"},
	{"steps: []\n", "f.yaml:1:8: steps: is empty; write at least one entry\n"},
	{"steps: {a: 1}\n", "f.yaml:1:8: steps: is a map; write a list of maps\n"},
	{"steps:\n  - 5%\n", "f.yaml:2:5: steps[0]: is one value; write a map with the keys weight"
	                     " and minRequests\n"},
	{"steps:\n  - minRequests: 5\n",
	 "f.yaml:2:5: steps[0]: required key 'weight' is missing; write a share from 0% to 100%\n"},
	{"text: ''\n", "f.yaml:1:7: text: is empty; write text\n"},
	{"text:\n", "f.yaml:1:6: text: has no value; write text, or remove the key\n"},
	{"text: [a]\n", "f.yaml:1:7: text: is a list; write text\n"},
	{"name: A_b\n", "f.yaml:1:7: name: cannot read 'A_b'; write a name of lower-case letters,"
	                " digits and '-', at most 63\n"},
	{"flag: yes\n", "f.yaml:1:7: flag: cannot read 'yes'; write true or false\n"},
	{"flag: 'true'\n",
	 "f.yaml:1:7: flag: 'true' is quoted text; write true or false, without quotes\n"},
	{"replicas: two\n",
	 "f.yaml:1:11: replicas: cannot read 'two'; write a whole number from 1 to 64\n"},
	{"replicas: 65\n",
	 "f.yaml:1:11: replicas: 65 is out of range; write a whole number from 1 to 64\n"},
	{"replicas: 1.5\n",
	 "f.yaml:1:11: replicas: cannot read '1.5'; write a whole number from 1 to 64\n"},
	{"replicas: \"5\"\n", "f.yaml:1:11: replicas: '5' is quoted text; write a whole number from"
	                      " 1 to 64, without quotes\n"},
	{"big: 9223372036854775808\n",
	 "f.yaml:1:6: big: 9223372036854775808 is out of range; write a whole number\n"},
	{"number: 2\n", "f.yaml:1:9: number: 2 is out of range; write a number from -1 to 1.5\n"},
	{"number: .nan\n",
	 "f.yaml:1:9: number: cannot read '.nan'; write a number from -1 to 1.5\n"},
	{"share: half\n",
	 "f.yaml:1:8: share: cannot read 'half'; write a share from 0% to 100%\n"},
	{"amount: 5 %\n",
	 "f.yaml:1:9: amount: cannot read '5 %'; write a number or a percentage\n"},
	{"duration: 10\n", "f.yaml:1:11: duration: cannot read '10'; write a duration such as 90s,"
	                   " 10m, 24h or 30d\n"},
	{"bounded: 10ms\n",
	 "f.yaml:1:10: bounded: 10ms is out of range; write a duration of at least 1s\n"},
	{"time: 2026-02-30T00:00:00Z\n",
	 "f.yaml:1:7: time: cannot read '2026-02-30T00:00:00Z'; write a time such as"
	 " 2026-07-02T00:00:00Z\n"},
	{"memory: lots\n", "f.yaml:1:9: memory: cannot read 'lots'; write an amount of memory such"
	                   " as 512Mi or 2Gi\n"},
	{"cpu: 1h\n",
	 "f.yaml:1:6: cpu: cannot read '1h'; write an amount of CPU such as 500m or 2\n"},
	{"digest: sha256:12\n", "f.yaml:1:9: digest: cannot read 'sha256:12'; write a digest,"
	                        " sha256: and 64 hex digits\n"},
	{"colour: grean\n", "f.yaml:1:9: colour: unknown value 'grean'; did you mean 'green'?\n"},
	{"colour: purple\n", "f.yaml:1:9: colour: cannot read 'purple'; write red or green\n"},
	{"other: ''\n", "f.yaml:1:8: other: cannot read ''; write red or green\n"},
	{"texts: a\n", "f.yaml:1:8: texts: is one value; write a list of texts\n"},
	{"texts: [a, [b]]\n", "f.yaml:1:12: texts[1]: is a list; write one value\n"},
	{"texts: [a, b, c, d]\n", "f.yaml:1:8: texts: has 4 entries; write at most 3\n"},
	{"pairs: {a: {b: c}}\n", "f.yaml:1:12: pairs.a: is a map; write one value\n"},
	{"pairs: [a]\n", "f.yaml:1:8: pairs: is a list; write a map of names to values\n"},
	{"inner: staging\n", "f.yaml:1:8: inner: is one value; write a map\n"},
	{"optional:\n",
	 "f.yaml:1:10: optional: has no value; write a map, or remove the key\n"},
	{"parts: {High: {share: 2}}\n",
	 "f.yaml:1:23: parts.High.share: 2 is out of range; write a share from 0% to 100%\n"},
	{"parts: {a.b: {label: x, share: 1%}}\n",
	 "f.yaml:1:15: parts[\"a.b\"]: unknown key 'label'; possible here: share\n"},
	{"twice: 101\n",
	 "f.yaml:1:8: twice: '101' is not a whole number from 0 to 100\n"},
	{"- a\n", "f.yaml:1:1: is a list; write a map with the keys text, name, flag, replicas,"
	          " big, number, ...\n"},
};

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct result result;

		decode(&result, wrong[i].text);
		assert_string_equal(diagnosed(&result), wrong[i].diagnosed);
		assert_int_equal(result.result, -1);
		arena_deinit(&result.arena);
	}
}

static void collects_all_complaints_up_to_a_limit(void **state)
{
	struct result result;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 2 * LIMIT_DIAGNOSTICS; i++)
		buf_printf(&text, "replica%d: 1\n", i);
	decode(&result, text.text);
	assert_int_equal(result.result, -1);
	assert_int_equal(result.diagnostics.n, LIMIT_DIAGNOSTICS);
	assert_string_equal(result.diagnostics.items[0].message,
	                    "unknown key 'replica0'; did you mean 'replicas'?");
	arena_deinit(&result.arena);
	buf_clear(&text);
	buf_puts(&text, "texts: [");
	for (int i = 0; i < 2 * LIMIT_DIAGNOSTICS; i++)
		buf_puts(&text, "[], ");
	buf_puts(&text, "]\n");
	decode(&result, text.text);
	assert_int_equal(result.diagnostics.n, LIMIT_DIAGNOSTICS);
	arena_deinit(&result.arena);
	buf_deinit(&text);
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
	struct result result;

	(void)state;
	decode(&result, "\"a\\x1b[31m\": 1\nflag: \"\\x1b]0;x\"\n");
	for (size_t i = 0; i < result.diagnostics.n; i++)
		assert_null(strchr(result.diagnostics.items[i].message, '\x1b'));
	assert_int_equal(result.diagnostics.n, 2);
	arena_deinit(&result.arena);
}

static void a_long_value_is_cut_and_not_dropped(void **state)
{
	struct decoder decoder;
	struct result result;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_puts(&text, "text: ");
	for (int i = 0; i < 60000; i++)
		buf_putc(&text, 'x');
	decode(&result, text.text);
	decoder = (struct decoder){.arena = &result.arena, .path = "f.yaml",
	                           .diagnostics = &result.diagnostics};
	complain(&decoder, NULL, "'%s' is odd", result.every.text);
	assert_int_equal(result.diagnostics.n, 1);
	assert_memory_equal(result.diagnostics.items[0].message, "'xxxx", 5);
	assert_string_equal(strchr(result.diagnostics.items[0].message, '.'), "...");
	arena_deinit(&result.arena);
	buf_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_value_is_cut_and_not_dropped),
		cmocka_unit_test(fills_in_defaults),
		cmocka_unit_test(decodes_every_type),
		cmocka_unit_test(encodes_what_was_decoded),
		cmocka_unit_test(a_required_field_is_written_always),
		cmocka_unit_test(json_carries_the_same),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(collects_all_complaints_up_to_a_limit),
		cmocka_unit_test(control_characters_do_not_reach_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
