#include "doc/scalar.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define DIGEST_HEAD "sha256:"
enum { NUMBER_TEXT = 512 };

/* Any scalar's value, in the place of its own type. */
union scalar {
	const char *text;
	bool flag;
	int64_t integer;
	double number;
	struct digest digest;
	int choice;
};

bool is_scalar_field(const struct field *field)
{
	return field->type <= FIELD_ENUM;
}

struct range field_range(const struct field *field)
{
	bool is_share = field->type == FIELD_SHARE;
	struct range range = {is_share ? 0 : -INFINITY, is_share ? 1 : INFINITY};

	if (field->min != 0 || field->max != 0)
		range.low = field->min;
	if (field->max > field->min || (field->max == field->min && field->max != 0))
		range.high = field->max;
	return range;
}

/* ---- reading: one function a kind of value ---- */

static enum reading read_text(const struct field *field, const char *text, union scalar *out)
{
	if (field->type == FIELD_NAME && !is_name(text))
		return READ_BAD;
	out->text = text;
	return READ_OK;
}

static enum reading read_flag(const char *text, union scalar *out)
{
	static const char *const words[] = {"false", "true"};
	int value = names_find(NAMES(words), text);

	out->flag = value == 1;
	return value < 0 ? READ_BAD : READ_OK;
}

static enum reading read_int(const char *text, union scalar *out)
{
	struct err err = {0};

	if (parse_int(text, INT64_MIN, INT64_MAX, &out->integer, &err) == 0)
		return READ_OK;
	text += *text == '-';
	return *text && text[strspn(text, "0123456789")] == '\0' ? READ_OUT_OF_RANGE : READ_BAD;
}

/* A number or a percentage, of any size. */
static enum reading read_amount(const char *text, union scalar *out)
{
	size_t len = strlen(text);
	char number[64] = {0};
	struct err err = {0};

	if (parse_share(text, &out->number, &err) == 0 ||
	    parse_number(text, -DBL_MAX, DBL_MAX, &out->number, &err) == 0)
		return READ_OK;
	if (len == 0 || len > sizeof(number) || text[len - 1] != '%')
		return READ_BAD;
	memcpy(number, text, len - 1);
	if (parse_number(number, -DBL_MAX, DBL_MAX, &out->number, &err) < 0)
		return READ_BAD;
	out->number /= 100;
	return READ_OK;
}

static enum reading read_digest(const char *text, union scalar *out)
{
	struct err err = {0};

	return digest_parse(text, &out->digest, &err) < 0 ? READ_BAD : READ_OK;
}

static enum reading read_choice(const struct field *field, const char *text, union scalar *out)
{
	out->choice = names_find(*field->names, text);
	return out->choice < 0 ? READ_BAD : READ_OK;
}

static enum reading read_measure(int (*parse)(const char *, int64_t *, struct err *),
                                 const char *text, union scalar *out)
{
	struct err err = {0};

	return parse(text, &out->integer, &err) < 0 ? READ_BAD : READ_OK;
}

static enum reading read_number(const char *text, union scalar *out)
{
	struct err err = {0};

	return parse_number(text, -DBL_MAX, DBL_MAX, &out->number, &err) < 0 ? READ_BAD : READ_OK;
}

static enum reading read_any(const struct field *field, const char *text, union scalar *out)
{
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_NAME:
		return read_text(field, text, out);
	case FIELD_BOOL:
		return read_flag(text, out);
	case FIELD_INT:
		return read_int(text, out);
	case FIELD_NUMBER:
		return read_number(text, out);
	case FIELD_SHARE:
	case FIELD_AMOUNT:
		return read_amount(text, out);
	case FIELD_DURATION:
		return read_measure(parse_duration, text, out);
	case FIELD_TIME:
		return read_measure(parse_time, text, out);
	case FIELD_MEMORY:
		return read_measure(parse_memory, text, out);
	case FIELD_CPU:
		return read_measure(parse_cpu, text, out);
	case FIELD_DIGEST:
		return read_digest(text, out);
	case FIELD_ENUM:
		return read_choice(field, text, out);
	case FIELD_STRINGS:
	case FIELD_PAIRS:
	case FIELD_RECORD:
	case FIELD_OPTIONAL:
	case FIELD_LIST:
	case FIELD_MAP_LIST:
	case FIELD_CUSTOM:
		break;
	}
	panic("field '%s' is no scalar", field->name);
}

static size_t scalar_size(const struct field *field)
{
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_NAME:
		return sizeof(const char *);
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_INT:
	case FIELD_DURATION:
	case FIELD_TIME:
	case FIELD_MEMORY:
	case FIELD_CPU:
		return sizeof(int64_t);
	case FIELD_NUMBER:
	case FIELD_SHARE:
	case FIELD_AMOUNT:
		return sizeof(double);
	case FIELD_DIGEST:
		return sizeof(struct digest);
	case FIELD_ENUM:
		return sizeof(int);
	case FIELD_STRINGS:
	case FIELD_PAIRS:
	case FIELD_RECORD:
	case FIELD_OPTIONAL:
	case FIELD_LIST:
	case FIELD_MAP_LIST:
	case FIELD_CUSTOM:
		break;
	}
	panic("field '%s' is no scalar", field->name);
}

static bool is_integer(const struct field *field)
{
	return field->type == FIELD_INT || field->type == FIELD_DURATION ||
	       field->type == FIELD_TIME || field->type == FIELD_MEMORY || field->type == FIELD_CPU;
}

static bool is_double(const struct field *field)
{
	return field->type == FIELD_NUMBER || field->type == FIELD_SHARE ||
	       field->type == FIELD_AMOUNT;
}

static bool is_in_range(const struct field *field, const union scalar *value)
{
	struct range range = field_range(field);
	double number;

	if (!is_integer(field) && !is_double(field))
		return true;
	number = is_integer(field) ? (double)value->integer : value->number;
	return number >= range.low && number <= range.high;
}

enum reading scalar_read(const struct field *field, const char *text, bool quoted, bool given,
                         void *out)
{
	bool is_bare = field->type == FIELD_BOOL || field->type == FIELD_INT ||
	               field->type == FIELD_NUMBER;
	union scalar value = {0};
	enum reading reading = read_any(field, text, &value);

	if (reading == READ_OK && quoted && is_bare)
		return READ_QUOTED;
	if (reading == READ_OK && given && !is_in_range(field, &value))
		return READ_OUT_OF_RANGE;
	if (given && field->type == FIELD_ENUM && !*text)
		return READ_BAD;
	if (reading == READ_OK)
		memcpy(out, &value, scalar_size(field));
	return reading;
}

/* ---- defaults ---- */

void scalar_default(const struct field *field, void *out)
{
	const double none = NAN;
	const int64_t unset = -1;

	if (is_double(field))
		memcpy(out, &none, sizeof(none));
	else if (is_integer(field) && field->type != FIELD_INT)
		memcpy(out, &unset, sizeof(unset));
	if (field->fallback && scalar_read(field, field->fallback, false, false, out) != READ_OK)
		panic("field table: '%s' cannot be the default of '%s'", field->fallback, field->name);
}

static union scalar scalar_load(const struct field *field, const void *in)
{
	union scalar value = {0};

	memcpy(&value, in, scalar_size(field));
	return value;
}

bool scalar_is_default(const struct field *field, const void *in)
{
	union scalar value = scalar_load(field, in), plain = {0};

	scalar_default(field, &plain);
	if (field->type == FIELD_STRING || field->type == FIELD_NAME)
		return value.text && plain.text ? strcmp(value.text, plain.text) == 0
		                                : value.text == plain.text;
	if (field->type == FIELD_DIGEST)
		return strcmp(value.digest.hex, plain.digest.hex) == 0;
	if (is_double(field))
		return value.number == plain.number || (isnan(value.number) && isnan(plain.number));
	return memcmp(&value, &plain, scalar_size(field)) == 0;
}

bool scalar_is_nothing(const struct field *field, const void *in)
{
	union scalar value = scalar_load(field, in);

	if (field->type == FIELD_STRING || field->type == FIELD_NAME)
		return !value.text;
	if (field->type == FIELD_DIGEST)
		return !value.digest.hex[0];
	if (field->type == FIELD_ENUM)
		return value.choice < 0 || value.choice >= field->names->n ||
		       !field->names->names[value.choice] || !*field->names->names[value.choice];
	if (is_double(field))
		return !isfinite(value.number);
	return is_integer(field) && field->type != FIELD_INT && field->type != FIELD_TIME &&
	       value.integer < 0;
}

/* ---- writing ---- */

/* The shortest percentage that reads back as the same share, else the number. */
static void write_share(struct writer *writer, double share)
{
	struct buf text;
	bool exact = false;

	buf_init(&text, NUMBER_TEXT);
	for (int digits = 1; digits <= 12 && !exact; digits++) {
		struct err err = {0};
		double back;

		buf_clear(&text);
		buf_printf(&text, "%.*g%%", digits, share * 100);
		exact = parse_share(buf_text(&text), &back, &err) == 0 && back == share;
	}
	if (exact)
		write_string(writer, buf_text(&text));
	else
		write_number(writer, share);
	buf_deinit(&text);
}

static void write_int64(struct writer *writer, int64_t value, const char *suffix)
{
	char text[INT_TEXT + 8];

	format_int(value, text);
	memcpy(text + strlen(text), suffix, strlen(suffix) + 1);
	(*suffix ? write_string : write_raw)(writer, text);
}

static void write_memory(struct writer *writer, int64_t bytes)
{
	static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti"};
	size_t unit = 0;

	while (bytes > 0 && bytes % 1024 == 0 && unit + 1 < ARRAY_LEN(units)) {
		bytes /= 1024;
		unit++;
	}
	write_int64(writer, bytes, units[unit]);
}

static void write_clock(struct writer *writer, const struct field *field, int64_t ms)
{
	char text[TIME_TEXT];

	if (field->type == FIELD_TIME)
		format_time(ms, text);
	else
		format_duration(ms, text);
	(strcmp(text, "0") == 0 ? write_raw : write_string)(writer, text);
}

static void write_digest(struct writer *writer, const char *hex)
{
	char text[sizeof(DIGEST_HEAD) + 64] = DIGEST_HEAD;

	memcpy(text + sizeof(DIGEST_HEAD) - 1, hex, strnlen(hex, 64));
	write_string(writer, text);
}

void scalar_write(struct writer *writer, const struct field *field, const void *in)
{
	union scalar value = scalar_load(field, in);

	switch (field->type) {
	case FIELD_STRING:
	case FIELD_NAME:
		write_string(writer, value.text);
		break;
	case FIELD_BOOL:
		write_raw(writer, value.flag ? "true" : "false");
		break;
	case FIELD_INT:
		write_int(writer, value.integer);
		break;
	case FIELD_NUMBER:
	case FIELD_AMOUNT:
		write_number(writer, value.number);
		break;
	case FIELD_SHARE:
		write_share(writer, value.number);
		break;
	case FIELD_DURATION:
	case FIELD_TIME:
		write_clock(writer, field, value.integer);
		break;
	case FIELD_MEMORY:
		write_memory(writer, value.integer);
		break;
	case FIELD_CPU:
		if (value.integer % 1000 == 0)
			write_int(writer, value.integer / 1000);
		else
			write_int64(writer, value.integer, "m");
		break;
	case FIELD_DIGEST:
		write_digest(writer, value.digest.hex);
		break;
	case FIELD_ENUM:
		write_string(writer, field->names->names[value.choice]);
		break;
	case FIELD_STRINGS:
	case FIELD_PAIRS:
	case FIELD_RECORD:
	case FIELD_OPTIONAL:
	case FIELD_LIST:
	case FIELD_MAP_LIST:
	case FIELD_CUSTOM:
		panic("field '%s' is no scalar", field->name);
	}
}

/* ---- what is expected, in words ---- */

const char *nearest_key(const struct record *record, const char *key)
{
	const char *names[FIELDS_MAX];
	size_t n = record->n < FIELDS_MAX ? record->n : FIELDS_MAX;

	for (size_t i = 0; i < n; i++)
		names[i] = record->fields[i].name;
	return nearest(key, names, (int)n);
}

/* "a, b or c": the names that may be written. */
static void add_names(const struct names *names, struct buf *out)
{
	int shown = 0, n = 0;

	for (int i = 0; i < names->n; i++)
		n += names->names[i] && *names->names[i];
	for (int i = 0; i < names->n; i++) {
		if (!names->names[i] || !*names->names[i])
			continue;
		if (shown > 0)
			buf_puts(out, shown + 1 == n ? " or " : ", ");
		buf_puts(out, names->names[i]);
		shown++;
	}
}

static void add_bound(const struct field *field, double bound, struct buf *out)
{
	char text[TIME_TEXT];

	if (field->type == FIELD_DURATION) {
		format_duration((int64_t)bound, text);
		buf_puts(out, text);
		return;
	}
	if (field->type == FIELD_SHARE)
		buf_printf(out, "%.6g%%", bound * 100);
	else
		buf_number(out, bound);
}

static void add_range(const struct field *field, struct buf *out)
{
	struct range range = field_range(field);

	if (isfinite(range.low) && isfinite(range.high)) {
		buf_puts(out, " from ");
		add_bound(field, range.low, out);
		buf_puts(out, " to ");
		add_bound(field, range.high, out);
	} else if (isfinite(range.low)) {
		buf_puts(out, " of at least ");
		add_bound(field, range.low, out);
	} else if (field->type == FIELD_DURATION) {
		buf_puts(out, " such as 90s, 10m, 24h or 30d");
	}
}

void add_expected(const struct field *field, struct buf *out)
{
	static const char *const nouns[] = {
		[FIELD_STRING] = "text",
		[FIELD_NAME] = "a name of lower-case letters, digits and '-', at most 63",
		[FIELD_BOOL] = "true or false",
		[FIELD_INT] = "a whole number",
		[FIELD_NUMBER] = "a number",
		[FIELD_SHARE] = "a share",
		[FIELD_AMOUNT] = "a number or a percentage",
		[FIELD_DURATION] = "a duration",
		[FIELD_TIME] = "a time such as 2026-07-02T00:00:00Z",
		[FIELD_MEMORY] = "an amount of memory such as 512Mi or 2Gi",
		[FIELD_CPU] = "an amount of CPU such as 500m or 2",
		[FIELD_DIGEST] = "a digest, sha256: and 64 hex digits",
		[FIELD_ENUM] = "",
		[FIELD_STRINGS] = "a list of texts",
		[FIELD_PAIRS] = "a map of names to values",
		[FIELD_RECORD] = "a map",
		[FIELD_OPTIONAL] = "a map",
		[FIELD_LIST] = "a list of maps",
		[FIELD_MAP_LIST] = "a map of names to maps",
		[FIELD_CUSTOM] = "a value",
	};

	if (field->names) {
		add_names(field->names, out);
		return;
	}
	buf_puts(out, nouns[field->type]);
	if (is_double(field) || field->type == FIELD_INT || field->type == FIELD_DURATION)
		add_range(field, out);
}
