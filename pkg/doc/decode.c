/* A document -> a struct, by its field table. */
#include <string.h>

#include "base/limits.h"
#include "doc/scalar.h"

static void *member(void *base, size_t offset)
{
	return (char *)base + offset;
}

/* ---- defaults ---- */

/* All but those of custom fields, which must not be decoded twice. */
static void plain_defaults(const struct record *record, void *base)
{
	for (size_t i = 0; i < record->n; i++) {
		const struct field *field = &record->fields[i];

		if (is_scalar_field(field))
			scalar_default(field, member(base, field->offset));
		else if (field->type == FIELD_RECORD)
			plain_defaults(field->record, member(base, field->offset));
	}
}

static void custom_default(struct decoder *decoder, const struct field *field, void *base);

static void custom_defaults(struct decoder *decoder, const struct record *record, void *base)
{
	for (size_t i = 0; i < record->n; i++)
		custom_default(decoder, &record->fields[i], base);
}

/* Of a field that is absent. */
static void custom_default(struct decoder *decoder, const struct field *field, void *base)
{
	struct node node = {.type = NODE_SCALAR, .text = field->fallback};
	void *out = member(base, field->offset);

	if (field->type == FIELD_RECORD)
		custom_defaults(decoder, field->record, out);
	else if (field->type == FIELD_CUSTOM && field->fallback &&
	         field->decode(decoder, field, &node, out) < 0)
		panic("field table: '%s' cannot be the default of '%s'", field->fallback, field->name);
}

void record_defaults(const struct record *record, void *out, struct arena *arena)
{
	struct diagnostics diagnostics = {0};
	struct decoder decoder = {.arena = arena, .path = "", .diagnostics = &diagnostics};

	memset(out, 0, record->size);
	plain_defaults(record, out);
	custom_defaults(&decoder, record, out);
}

/* ---- complaints ---- */

/* "a, b or c"; of many the first few. */
static const char *keys_of(struct decoder *decoder, const struct record *record, const char *last)
{
	enum { SHOWN = 6 };
	size_t shown = record->n > SHOWN + 1 ? SHOWN : record->n;
	const char *text;
	struct buf buf;

	buf_init(&buf, 2048);
	for (size_t i = 0; i < shown; i++)
		buf_printf(&buf, "%s%s", i == 0 ? "" : i + 1 == record->n ? last : ", ",
		           record->fields[i].name);
	if (shown < record->n)
		buf_puts(&buf, ", ...");
	text = arena_strdup(decoder->arena, buf_text(&buf));
	buf_deinit(&buf);
	return text;
}

static const char *expected(struct decoder *decoder, const struct field *field)
{
	const char *text;
	struct buf buf;

	buf_init(&buf, 1024);
	add_expected(field, &buf);
	text = arena_strdup(decoder->arena, buf_text(&buf));
	buf_deinit(&buf);
	return text;
}

static const char *const what_it_is[] = {
	[NODE_NULL] = "nothing",
	[NODE_SCALAR] = "one value",
	[NODE_LIST] = "a list",
	[NODE_MAP] = "a map",
};

static int complain_type(struct decoder *decoder, const struct field *field,
                         const struct node *node)
{
	if (node->type == NODE_NULL)
		return complain(decoder, node, "has no value; write %s, or remove the key",
		                expected(decoder, field));
	return complain(decoder, node, "is %s; write %s", what_it_is[node->type],
	                expected(decoder, field));
}

static int complain_reading(struct decoder *decoder, const struct field *field,
                            const struct node *node, enum reading reading)
{
	const char *near = NULL;

	if (field->type == FIELD_ENUM)
		near = nearest(node->text, field->names->names, field->names->n);
	if (near && *near)
		return complain(decoder, node, "unknown value '%.60s'; did you mean '%s'?", node->text,
		                near);
	switch (reading) {
	case READ_OK:
		return 0;
	case READ_BAD:
		return complain(decoder, node, "cannot read '%.60s'; write %s", node->text,
		                expected(decoder, field));
	case READ_OUT_OF_RANGE:
		return complain(decoder, node, "%.60s is out of range; write %s", node->text,
		                expected(decoder, field));
	case READ_QUOTED:
		return complain(decoder, node, "'%.60s' is quoted text; write %s, without quotes",
		                node->text, expected(decoder, field));
	}
	panic("reading %d", (int)reading);
}

static int complain_unknown(struct decoder *decoder, const struct record *record,
                            const struct node *node)
{
	const char *near;

	if (decoder->diagnostics->n == LIMIT_DIAGNOSTICS)
		return -1;
	near = nearest_key(record, node->key);
	if (near)
		return complain_key(decoder, node, "unknown key '%s'; did you mean '%s'?", node->key, near);
	return complain_key(decoder, node, "unknown key '%s'; possible here: %s", node->key,
	                    keys_of(decoder, record, " or "));
}

/* ---- decoding ---- */

static int decode_record(struct decoder *decoder, const struct record *record,
                         const struct node *node, void *base);

static int decode_scalar(struct decoder *decoder, const struct field *field,
                         const struct node *node, void *out)
{
	enum reading reading;

	if (node->type != NODE_SCALAR)
		return complain_type(decoder, field, node);
	if ((field->flags & FIELD_NON_EMPTY) && !*node->text)
		return complain(decoder, node, "is empty; write %s", expected(decoder, field));
	reading = scalar_read(field, node->text, node->quoted, true, out);
	return reading == READ_OK ? 0 : complain_reading(decoder, field, node, reading);
}

static int check_length(struct decoder *decoder, const struct field *field, const struct node *node)
{
	struct range range = field_range(field);

	if ((field->flags & FIELD_NON_EMPTY) && node->n == 0)
		return complain(decoder, node, "is empty; write at least one entry");
	if ((double)node->n < range.low)
		return complain(decoder, node, "has %zu entries; write at least %.0f", node->n, range.low);
	if ((double)node->n > range.high)
		return complain(decoder, node, "has %zu entries; write at most %.0f", node->n, range.high);
	return 0;
}

/* The layout of api's struct strings and struct pairs. */
struct texts {
	const char **items;
	size_t n;
};
struct field_pairs {
	struct field_pair *items;
	size_t n;
};

static int expect_one(struct decoder *decoder, const struct node *item)
{
	if (item->type == NODE_SCALAR)
		return 0;
	return complain(decoder, item, "is %s; write one value", what_it_is[item->type]);
}

static int decode_strings(struct decoder *decoder, const struct field *field,
                          const struct node *node, struct texts *out)
{
	int result = 0;

	if (node->type != NODE_LIST)
		return complain_type(decoder, field, node);
	for (const struct node *item = node->first; item; item = item->next) {
		if (expect_one(decoder, item) < 0)
			result = -1;
		*list_push(decoder->arena, &out->items, &out->n) = item->text;
	}
	return check_length(decoder, field, node) < 0 ? -1 : result;
}

static int decode_pairs(struct decoder *decoder, const struct field *field, const struct node *node,
                        struct field_pairs *out)
{
	int result = 0;

	if (node->type != NODE_MAP)
		return complain_type(decoder, field, node);
	for (const struct node *item = node->first; item; item = item->next) {
		if (expect_one(decoder, item) < 0)
			result = -1;
		*list_push(decoder->arena, &out->items, &out->n) =
			(struct field_pair){item->key, item->text, item->quoted};
	}
	return check_length(decoder, field, node) < 0 ? -1 : result;
}

static int decode_optional(struct decoder *decoder, const struct field *field,
                           const struct node *node, void *out)
{
	void *item = arena_alloc(decoder->arena, field->record->size);

	if (node->type != NODE_MAP)
		return complain_type(decoder, field, node);
	plain_defaults(field->record, item);
	memcpy(out, &item, sizeof(item));
	return decode_record(decoder, field->record, node, item);
}

/* One item of a FIELD_MAP_LIST: the key is the record's first field, the map holds the others. */
static int decode_named(struct decoder *decoder, const struct record *record,
                        const struct node *node, void *item)
{
	const struct field *name = record->fields;
	struct record rest = *record;
	struct node key = *node;

	key.type = NODE_SCALAR;
	key.text = node->key;
	rest.fields++;
	rest.n--;
	if (decode_scalar(decoder, name, &key, member(item, name->offset)) < 0)
		return -1;
	return decode_record(decoder, &rest, node, item);
}

static int decode_list(struct decoder *decoder, const struct field *field, const struct node *node,
                       void *base)
{
	bool is_map = field->type == FIELD_MAP_LIST;
	const struct record *record = field->record;
	size_t size = record->size;
	unsigned char *items, *first;
	int result = 0;

	if (node->type != (is_map ? NODE_MAP : NODE_LIST))
		return complain_type(decoder, field, node);
	if (check_length(decoder, field, node) < 0)
		return -1;
	items = first = arena_calloc(decoder->arena, node->n, size);
	memcpy(member(base, field->offset), &items, sizeof(items));
	memcpy(member(base, field->count_offset), &node->n, sizeof(node->n));
	if (node->n > 0)
		plain_defaults(record, first);
	for (size_t i = 1; i < node->n; i++)
		memcpy(first + i * size, first, size);
	for (const struct node *item = node->first; item; item = item->next, items += size) {
		if ((is_map ? decode_named : decode_record)(decoder, record, item, items) < 0)
			result = -1;
	}
	return result;
}

static int decode_field(struct decoder *decoder, const struct field *field, const struct node *node,
                        void *base)
{
	void *out = member(base, field->offset);

	if (is_scalar_field(field))
		return decode_scalar(decoder, field, node, out);
	if (field->type == FIELD_STRINGS)
		return decode_strings(decoder, field, node, out);
	if (field->type == FIELD_PAIRS)
		return decode_pairs(decoder, field, node, out);
	if (field->type == FIELD_RECORD)
		return node->type == NODE_MAP ? decode_record(decoder, field->record, node, out)
		                              : complain_type(decoder, field, node);
	if (field->type == FIELD_OPTIONAL)
		return decode_optional(decoder, field, node, out);
	if (field->type == FIELD_CUSTOM)
		return field->decode(decoder, field, node, out);
	return decode_list(decoder, field, node, base);
}

/* Keys mostly stand in the table's order: the search begins behind the one before. */
static int field_named(const struct record *record, const char *name, int before)
{
	for (size_t i = 0, at = (size_t)(before + 1); i < record->n; i++, at++) {
		if (at >= record->n)
			at = 0;
		if (strcmp(record->fields[at].name, name) == 0)
			return (int)at;
	}
	return -1;
}

static int finish_absent(struct decoder *decoder, const struct record *record,
                         const struct node *node, const bool *seen, void *base)
{
	int result = 0;

	for (size_t i = 0; i < record->n; i++) {
		const struct field *field = &record->fields[i];

		if (seen[i])
			continue;
		custom_default(decoder, field, base);
		if (field->flags & FIELD_REQUIRED)
			result = complain(decoder, node, "required key '%s' is missing; write %s", field->name,
			                  expected(decoder, field));
	}
	return result;
}

/* The plain defaults are there already. */
static int decode_record(struct decoder *decoder, const struct record *record,
                         const struct node *node, void *base)
{
	bool seen[FIELDS_MAX] = {false};
	int result = 0, i = -1;

	if (record->n > FIELDS_MAX)
		panic("field table '%s': more than %d fields", record->name, FIELDS_MAX);
	if (node->type != NODE_MAP)
		return complain(decoder, node, "is %s; write a map with the keys %s",
		                what_it_is[node->type], keys_of(decoder, record, " and "));
	for (const struct node *child = node->first; child; child = child->next) {
		i = field_named(record, child->key, i);
		if (i < 0) {
			result = complain_unknown(decoder, record, child);
			continue;
		}
		seen[i] = true;
		if (decode_field(decoder, &record->fields[i], child, base) < 0)
			result = -1;
	}
	if (finish_absent(decoder, record, node, seen, base) < 0)
		result = -1;
	return result;
}

int record_decode(struct decoder *decoder, const struct record *record, const struct node *node,
                  void *out)
{
	memset(out, 0, record->size);
	plain_defaults(record, out);
	return decode_record(decoder, record, node, out);
}
