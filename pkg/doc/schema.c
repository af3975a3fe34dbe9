/* What a field table says to tools (JSON Schema 2020-12) and to people (`linnet explain`). */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "doc/scalar.h"
#include "doc/text.h"

enum { TEXT_BYTES = 4096 };

/* ---- JSON Schema ---- */

static void raw_pair(struct writer *writer, const char *key, const char *value)
{
	write_key(writer, key);
	write_raw(writer, value);
}

#define SHARE_PATTERN "^((100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%|[01](\\.[0-9]+)?)$"
#define TIME_PATTERN \
	"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}(\\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"

/* The JSON types and the pattern of its texts, of each scalar type and of simple containers. */
static const struct {
	const char *types, *pattern;
} shapes[] = {
	[FIELD_STRING] = {"[\"string\",\"number\",\"boolean\"]", NULL},
	[FIELD_NAME] = {"[\"string\",\"integer\",\"boolean\"]", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"},
	[FIELD_BOOL] = {"\"boolean\"", NULL},
	[FIELD_INT] = {"\"integer\"", NULL},
	[FIELD_NUMBER] = {"\"number\"", NULL},
	[FIELD_SHARE] = {"[\"string\",\"number\"]", SHARE_PATTERN},
	[FIELD_AMOUNT] = {"[\"string\",\"number\"]", "^-?[0-9]+(\\.[0-9]+)?%?$"},
	[FIELD_DURATION] = {"[\"string\",\"integer\"]", "^(0|[0-9]+(ms|s|m|h|d))$"},
	[FIELD_TIME] = {"\"string\"", TIME_PATTERN},
	[FIELD_MEMORY] = {"[\"string\",\"integer\"]", "^[0-9]+(k|[KMGTPE]i|[MGTPE])?$"},
	[FIELD_CPU] = {"[\"string\",\"number\"]", "^[0-9]+(m|\\.[0-9]{1,3})?$"},
	[FIELD_DIGEST] = {"\"string\"", "^(sha256:)?[0-9a-f]{64}$"},
	[FIELD_ENUM] = {"\"string\"", NULL},
	[FIELD_STRINGS] = {"\"array\"", NULL},
	[FIELD_PAIRS] = {"\"object\"", NULL},
	[FIELD_RECORD] = {"\"object\"", NULL},
	[FIELD_OPTIONAL] = {"\"object\"", NULL},
	[FIELD_LIST] = {"\"array\"", NULL},
	[FIELD_MAP_LIST] = {"\"object\"", NULL},
	[FIELD_CUSTOM] = {NULL, NULL},
};
#define ANY_SCALAR "{\"type\":[\"string\",\"number\",\"boolean\"]}"

static void write_bound(struct writer *writer, const char *key, double bound)
{
	struct buf text;

	if (!isfinite(bound))
		return;
	buf_init(&text, TEXT_BYTES);
	buf_number(&text, bound);
	raw_pair(writer, key, buf_text(&text));
	buf_deinit(&text);
}

/* How many entries at least. */
static double least_entries(const struct field *field)
{
	double low = field_range(field).low;

	return field->flags & FIELD_NON_EMPTY ? fmax(low, 1) : low;
}

static void write_bounds(struct writer *writer, const struct field *field)
{
	struct range range = field_range(field);

	switch (field->type) {
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_SHARE:
	case FIELD_AMOUNT:
		write_bound(writer, "minimum", range.low);
		write_bound(writer, "maximum", range.high);
		break;
	case FIELD_STRINGS:
	case FIELD_LIST:
		write_bound(writer, "minItems", least_entries(field));
		write_bound(writer, "maxItems", range.high);
		break;
	case FIELD_PAIRS:
	case FIELD_MAP_LIST:
		write_bound(writer, "minProperties", least_entries(field));
		write_bound(writer, "maxProperties", range.high);
		break;
	case FIELD_STRING:
		write_bound(writer, "minLength", field->flags & FIELD_NON_EMPTY ? 1 : -INFINITY);
		break;
	case FIELD_DURATION: /* as a number, only 0 */
		raw_pair(writer, "minimum", "0");
		raw_pair(writer, "maximum", "0");
		break;
	case FIELD_CPU:
		raw_pair(writer, "minimum", "0");
		raw_pair(writer, "maximum", "1048576");
		break;
	case FIELD_NAME:
	case FIELD_MEMORY:
		raw_pair(writer, "minimum", "0");
		break;
	case FIELD_TIME:
	case FIELD_BOOL:
	case FIELD_DIGEST:
	case FIELD_ENUM:
	case FIELD_RECORD:
	case FIELD_OPTIONAL:
	case FIELD_CUSTOM:
		break;
	}
}

static void write_enum(struct writer *writer, const struct names *names)
{
	write_key(writer, "enum");
	write_list(writer);
	for (int i = 0; i < names->n; i++) {
		if (names->names[i] && *names->names[i])
			write_string(writer, names->names[i]);
	}
	write_list_end(writer);
}

static void write_default(struct writer *writer, const struct field *field)
{
	bool is_bare = field->type == FIELD_BOOL || field->type == FIELD_INT ||
	               field->type == FIELD_NUMBER;

	if (!field->fallback || !*field->fallback)
		return;
	write_key(writer, "default");
	(is_bare ? write_raw : write_string)(writer, field->fallback);
}

static void write_field(struct writer *writer, const struct field *field);

/* The keys that a map may have: from the field `first` on. */
static void write_keys(struct writer *writer, const struct record *record, size_t first)
{
	bool any = false;

	raw_pair(writer, "additionalProperties", "false");
	write_key(writer, "properties");
	write_map(writer);
	for (size_t i = first; i < record->n; i++) {
		write_key(writer, record->fields[i].name);
		write_field(writer, &record->fields[i]);
		any = any || (record->fields[i].flags & FIELD_REQUIRED);
	}
	write_map_end(writer);
	for (const struct schema_rule *rule = record->rules; rule && rule->keyword; rule++)
		raw_pair(writer, rule->keyword, rule->schema);
	if (!any)
		return;
	write_key(writer, "required");
	write_list(writer);
	for (size_t i = first; i < record->n; i++) {
		if (record->fields[i].flags & FIELD_REQUIRED)
			write_string(writer, record->fields[i].name);
	}
	write_list_end(writer);
}

static void write_object(struct writer *writer, const struct record *record, size_t first)
{
	write_map(writer);
	write_member(writer, "type", "object");
	write_keys(writer, record, first);
	write_map_end(writer);
}

static void write_contents(struct writer *writer, const struct field *field)
{
	if (field->type == FIELD_STRINGS) {
		raw_pair(writer, "items", ANY_SCALAR);
	} else if (field->type == FIELD_PAIRS) {
		raw_pair(writer, "additionalProperties", ANY_SCALAR);
	} else if (field->type == FIELD_RECORD || field->type == FIELD_OPTIONAL) {
		write_keys(writer, field->record, 0);
	} else if (field->type == FIELD_LIST) {
		write_key(writer, "items");
		write_object(writer, field->record, 0);
	} else if (field->type == FIELD_MAP_LIST) {
		write_key(writer, "additionalProperties");
		write_object(writer, field->record, 1);
	}
}

/* Without a schema of its own: one of the words, or the map, that it is. */
static void write_custom(struct writer *writer, const struct field *field)
{
	if (field->names) {
		write_enum(writer, field->names);
	} else if (field->record) {
		write_member(writer, "type", "object");
		write_keys(writer, field->record, 0);
	}
}

/* The field's own JSON Schema, with what the field means in front of it. */
static void write_own_schema(struct writer *writer, const struct field *field)
{
	struct buf text;

	buf_init(&text, TEXT_BYTES);
	buf_puts(&text, "{\"description\":");
	add_quoted(&text, field->help ? field->help : "", true);
	buf_printf(&text, ",%s", field->schema + 1);
	write_raw(writer, buf_text(&text));
	buf_deinit(&text);
}

static void write_field(struct writer *writer, const struct field *field)
{
	if (field->type == FIELD_CUSTOM && field->schema) {
		write_own_schema(writer, field);
		return;
	}
	write_map(writer);
	if (field->help)
		write_member(writer, "description", field->help);
	if (shapes[field->type].types)
		raw_pair(writer, "type", shapes[field->type].types);
	if (shapes[field->type].pattern)
		write_member(writer, "pattern", shapes[field->type].pattern);
	write_bounds(writer, field);
	write_default(writer, field);
	if (field->type == FIELD_ENUM)
		write_enum(writer, field->names);
	else if (field->type == FIELD_CUSTOM)
		write_custom(writer, field);
	else
		write_contents(writer, field);
	write_map_end(writer);
}

void record_schema(struct writer *writer, const struct record *record)
{
	write_map(writer);
	write_member(writer, "$schema", "https://json-schema.org/draft/2020-12/schema");
	write_member(writer, "title", record->name);
	if (record->help)
		write_member(writer, "description", record->help);
	write_member(writer, "type", "object");
	write_keys(writer, record, 0);
	write_map_end(writer);
}

/* ---- explain ---- */

/* One step of a dotted path without its indices, into `name`; the rest, or NULL: too long. */
static const char *next_name(const char *path, char name[DOC_KEY_BYTES + 1])
{
	size_t len;

	path += *path == '.';
	len = strcspn(path, ".[");
	if (len > DOC_KEY_BYTES)
		return NULL;
	memcpy(name, path, len);
	name[len] = '\0';
	path += len;
	while (*path == '[')
		path += strcspn(path, "]") + (strchr(path, ']') ? 1 : 0);
	return path;
}

static const struct field *field_named(const struct record *record, const char *name)
{
	for (size_t i = 0; i < record->n; i++) {
		if (strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	}
	return NULL;
}

/* `where` ends with the name that is not there. */
static int no_field(const struct record *record, struct bytes where, const char *name,
                    struct err *err)
{
	const char *near = nearest_key(record, name);
	int len = (int)(where.len - strlen(name));

	len -= len > 0 && where.data[len - 1] == '.';
	if (near)
		err_set(err, ERR_STALLED, "no key '%.60s'; did you mean '%s'?", name, near);
	else
		err_set(err, ERR_STALLED, "no key '%.60s'", name);
	return err_wrap(err, "%.*s", len > 0 ? len : (int)strlen(record->name),
	                len > 0 ? where.data : record->name);
}

/* "a share from 0% to 100%, required", "a duration, default 10m". */
static void add_type(const struct field *field, struct buf *out)
{
	add_expected(field, out);
	if (field->flags & FIELD_REQUIRED)
		buf_puts(out, ", required");
	if (field->fallback && *field->fallback)
		buf_printf(out, ", default %s", field->fallback);
}

static void add_keys(const struct record *record, size_t first, struct buf *out)
{
	for (size_t i = first; i < record->n; i++) {
		const struct field *field = &record->fields[i];

		buf_printf(out, "\n  %s: ", field->name);
		add_type(field, out);
		buf_putc(out, '\n');
		if (field->help)
			buf_printf(out, "      %s\n", field->help);
	}
}

int record_explain(const struct record *record, const char *path, struct buf *out, struct err *err)
{
	const struct field *field = NULL;
	const char *rest = path, *help = record->help;
	char name[DOC_KEY_BYTES + 1];
	bool named = false; /* what comes next is a name that the user chose */

	while (*rest) {
		rest = next_name(rest, name);
		if (!rest || !record)
			return err_set(err, ERR_STALLED, "there is nothing inside '%.60s'", path);
		if (named) {
			named = false;
			if (!field_named(record, name))
				continue;
		}
		field = field_named(record, name);
		if (!field)
			return no_field(record, (struct bytes){path, (size_t)(rest - path)}, name, err);
		record = field->record;
		help = field->help;
		named = field->type == FIELD_MAP_LIST;
	}
	buf_printf(out, "%s: ", *path ? path : record->name);
	if (field)
		add_type(field, out);
	else
		buf_puts(out, "a map");
	buf_printf(out, "\n  %s\n", help ? help : "");
	if (record)
		add_keys(record, field && field->type == FIELD_MAP_LIST, out);
	return buf_check(out, "the explanation", err);
}
