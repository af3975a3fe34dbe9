/* A struct -> a document, by its field table. */
#include <string.h>

#include "base/limits.h"
#include "doc/scalar.h"
#include "doc/text.h"

static const void *member(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

static const void *pointer_at(const void *base, size_t offset)
{
	const void *pointer;

	memcpy(&pointer, member(base, offset), sizeof(pointer));
	return pointer;
}

static size_t count_at(const void *base, size_t offset)
{
	size_t n;

	memcpy(&n, member(base, offset), sizeof(n));
	return n;
}

struct texts {
	const char *const *items;
	size_t n;
};
struct field_pairs {
	const struct field_pair *items;
	size_t n;
};

/* ---- what differs from its default ---- */

/* Only its own encoder knows a custom field: what it writes is nothing, or the fallback. */
static bool says_nothing(const struct field *field, const char *text)
{
	static const char *const nothing[] = {"null", "\"\"", "[]", "{}"};
	struct buf quoted;
	bool same;

	if (!field->fallback)
		return names_find(NAMES(nothing), text) >= 0;
	buf_init(&quoted, LIMIT_DOC_SCALAR);
	add_quoted(&quoted, field->fallback, true);
	same = strcmp(text, "null") == 0 || strcmp(text, buf_text(&quoted)) == 0 ||
	       strcmp(text, field->fallback) == 0;
	buf_deinit(&quoted);
	return same;
}

static void custom_json(const struct field *field, const void *in, const void *context,
                        struct buf *out)
{
	struct writer writer;

	write_begin(&writer, out, true);
	writer.context = context;
	field->encode(&writer, field, in);
}

static bool custom_is_default(const struct field *field, const void *in, const void *context)
{
	struct buf text;
	bool same;

	buf_init(&text, LIMIT_STATUS_BYTES);
	custom_json(field, in, context, &text);
	same = says_nothing(field, buf_text(&text));
	buf_deinit(&text);
	return same;
}

static bool record_is_default(const struct record *record, const void *base, const void *context);

static bool field_is_default(const struct field *field, const void *base, const void *context)
{
	const void *in = member(base, field->offset);

	switch (field->type) {
	case FIELD_STRINGS:
		return ((const struct texts *)in)->n == 0;
	case FIELD_PAIRS:
		return ((const struct field_pairs *)in)->n == 0;
	case FIELD_RECORD:
		return record_is_default(field->record, in, context);
	case FIELD_OPTIONAL:
		return !pointer_at(base, field->offset);
	case FIELD_LIST:
	case FIELD_MAP_LIST:
		return count_at(base, field->count_offset) == 0;
	case FIELD_CUSTOM:
		return custom_is_default(field, in, context);
	case FIELD_STRING:
	case FIELD_NAME:
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_SHARE:
	case FIELD_AMOUNT:
	case FIELD_DURATION:
	case FIELD_TIME:
	case FIELD_MEMORY:
	case FIELD_CPU:
	case FIELD_DIGEST:
	case FIELD_ENUM:
		return scalar_is_default(field, in);
	}
	panic("field '%s' has type %d", field->name, (int)field->type);
}

static bool record_is_default(const struct record *record, const void *base, const void *context)
{
	for (size_t i = 0; i < record->n; i++) {
		if (!field_is_default(&record->fields[i], base, context))
			return false;
	}
	return true;
}

/* ---- encoding ---- */

static void encode_fields(struct writer *writer, const struct field *fields, size_t n,
                          const void *base);

static void encode_map(struct writer *writer, const struct field *fields, size_t n,
                       const void *base)
{
	write_map(writer);
	encode_fields(writer, fields, n, base);
	write_map_end(writer);
}

static void encode_strings(struct writer *writer, const struct texts *texts)
{
	write_list(writer);
	for (size_t i = 0; i < texts->n; i++)
		write_string(writer, texts->items[i]);
	write_list_end(writer);
}

static void encode_pairs(struct writer *writer, const struct field_pairs *pairs)
{
	write_map(writer);
	for (size_t i = 0; i < pairs->n; i++) {
		const struct field_pair *pair = &pairs->items[i];
		struct node value = {.type = pair->value ? NODE_SCALAR : NODE_NULL, .text = pair->value,
		                     .quoted = pair->quoted};

		write_key(writer, pair->key);
		write_node(writer, &value);
	}
	write_map_end(writer);
}

static void encode_list(struct writer *writer, const struct field *field, const void *base)
{
	const struct record *record = field->record;
	const char *item = pointer_at(base, field->offset);
	size_t n = count_at(base, field->count_offset);

	write_list(writer);
	for (size_t i = 0; i < n; i++, item += record->size)
		encode_map(writer, record->fields, record->n, item);
	write_list_end(writer);
}

/* A key is text, whatever the type of the first field. */
static void encode_key(struct writer *writer, const struct field *field, const void *item)
{
	struct writer scratch;
	struct buf text;

	if (field->type == FIELD_STRING || field->type == FIELD_NAME) {
		write_key(writer, pointer_at(item, field->offset));
		return;
	}
	buf_init(&text, LIMIT_DOC_SCALAR);
	write_begin(&scratch, &text, false);
	scalar_write(&scratch, field, member(item, field->offset));
	text.text[text.len - 1] = '\0'; /* the end of its line */
	write_key(writer, text.text);
	buf_deinit(&text);
}

static void encode_map_list(struct writer *writer, const struct field *field, const void *base)
{
	const struct record *record = field->record;
	const char *item = pointer_at(base, field->offset);
	size_t n = count_at(base, field->count_offset);

	write_map(writer);
	for (size_t i = 0; i < n; i++, item += record->size) {
		encode_key(writer, record->fields, item);
		encode_map(writer, record->fields + 1, record->n - 1, item);
	}
	write_map_end(writer);
}

static void encode_value(struct writer *writer, const struct field *field, const void *base)
{
	const void *in = member(base, field->offset);

	if (is_scalar_field(field))
		scalar_write(writer, field, in);
	else if (field->type == FIELD_STRINGS)
		encode_strings(writer, in);
	else if (field->type == FIELD_PAIRS)
		encode_pairs(writer, in);
	else if (field->type == FIELD_RECORD)
		encode_map(writer, field->record->fields, field->record->n, in);
	else if (field->type == FIELD_OPTIONAL)
		record_encode(writer, field->record, pointer_at(base, field->offset));
	else if (field->type == FIELD_LIST)
		encode_list(writer, field, base);
	else if (field->type == FIELD_MAP_LIST)
		encode_map_list(writer, field, base);
	else
		field->encode(writer, field, in);
}

static bool is_written(const struct field *field, const void *base, const void *context)
{
	if (is_scalar_field(field) && scalar_is_nothing(field, member(base, field->offset)))
		return false;
	if (field->type == FIELD_OPTIONAL && !pointer_at(base, field->offset))
		return false;
	return (field->flags & FIELD_REQUIRED) || !field_is_default(field, base, context);
}

/* In JSON what was encoded to see whether it says anything stands as it is. */
static void encode_custom_json(struct writer *writer, const struct field *field, const void *base)
{
	struct buf text;

	buf_init(&text, writer->out->bytes_max);
	custom_json(field, member(base, field->offset), writer->context, &text);
	if ((field->flags & FIELD_REQUIRED) || !says_nothing(field, buf_text(&text))) {
		write_key(writer, field->name);
		write_raw(writer, buf_text(&text));
	}
	writer->out->full = writer->out->full || text.full;
	buf_deinit(&text);
}

static void encode_fields(struct writer *writer, const struct field *fields, size_t n,
                          const void *base)
{
	for (size_t i = 0; i < n; i++) {
		if (writer->json && fields[i].type == FIELD_CUSTOM) {
			encode_custom_json(writer, &fields[i], base);
			continue;
		}
		if (!is_written(&fields[i], base, writer->context))
			continue;
		write_key(writer, fields[i].name);
		encode_value(writer, &fields[i], base);
	}
}

void record_encode(struct writer *writer, const struct record *record, const void *in)
{
	encode_map(writer, record->fields, record->n, in);
}
