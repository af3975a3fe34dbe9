/* One value against the interface. */
#include <endian.h>
#include <string.h>

#include "base/limits.h"
#include "dataset/internal.h"

/* Ranges of the integer types; unsigned 64-bit values end where our integers do. */
static const struct {
	bool integer;
	int64_t min, max;
} types[] = {
	[TENSOR_UINT8] = {true, 0, UINT8_MAX},
	[TENSOR_UINT16] = {true, 0, UINT16_MAX},
	[TENSOR_UINT32] = {true, 0, UINT32_MAX},
	[TENSOR_UINT64] = {true, 0, INT64_MAX},
	[TENSOR_INT8] = {true, INT8_MIN, INT8_MAX},
	[TENSOR_INT16] = {true, INT16_MIN, INT16_MAX},
	[TENSOR_INT32] = {true, INT32_MIN, INT32_MAX},
	[TENSOR_INT64] = {true, INT64_MIN, INT64_MAX},
	[TENSOR_FP16] = {false, 0, 0},
	[TENSOR_FP32] = {false, 0, 0},
	[TENSOR_FP64] = {false, 0, 0},
	[TENSOR_BYTES] = {false, 0, 0},
};
_Static_assert(ARRAY_LEN(types) == TENSOR_TYPES, "a type without a range");

/* As JSON, Python and numbers have them. */
static const char *const truths[] = {"true", "false", "True", "False", "1", "0"};

static bool is_among(const struct strings *values, const char *text)
{
	for (size_t i = 0; i < values->n; i++) {
		if (is_text(values->items[i], text))
			return true;
	}
	return false;
}

static bool bound_problem(const struct input_spec *input, const char *text, double value,
                          struct err *out)
{
	bool low = is_set(input->min) && value < input->min;
	struct buf bound;

	if (!low && !(is_set(input->max) && value > input->max))
		return false;
	buf_init(&bound, 64);
	buf_number(&bound, low ? input->min : input->max);
	err_set(out, ERR_STALLED, "%s: '%.40s' is %s than %s", input->name, text,
	        low ? "less" : "more", buf_text(&bound));
	buf_deinit(&bound);
	return true;
}

static bool number_problem(const struct input_spec *input, const char *text, struct err *out)
{
	int64_t integer = 0;
	double value = 0;

	if (types[input->type].integer) {
		if (parse_int(text, types[input->type].min, types[input->type].max, &integer, out)) {
			err_wrap(out, "%s", input->name);
			return true;
		}
		value = (double)integer;
	} else if (parse_number(text, -INFINITY, INFINITY, &value, out)) {
		err_wrap(out, "%s", input->name);
		return true;
	}
	return bound_problem(input, text, value, out);
}

/* One to eight digits as a number, all at once: neighbours become pairs, fours and eight. */
static bool short_digits(const char *text, size_t len, uint64_t *out)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), zeros = ones * '0';
	uint64_t word;

	if (len < 1 || len > sizeof(word))
		return false;
	memcpy(&word, text, sizeof(word));
	word = (le64toh(word) ^ zeros) << (64 - 8 * len); /* a missing digit is a 0 before it */
	if ((word | (word + ones * 6)) & ones * 0xf0)
		return false;
	word = (word * 10 + (word >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	word = word * 100 + (word >> 16);
	*out = (word & 0xffff) * 10000 + (word >> 32 & 0xffff);
	return true;
}

bool input_is_short(const struct input_spec *input, const char *text, size_t len)
{
	uint64_t value;

	if (input->type == TENSOR_BOOL || input->type == TENSOR_BYTES ||
	    !short_digits(text, len, &value))
		return false;
	if (types[input->type].integer && (int64_t)value > types[input->type].max)
		return false;
	return !((double)value < input->min) && !((double)value > input->max);
}

bool input_problem(const struct input_spec *input, const char *text, struct err *out)
{
	if (!text && !input->nullable)
		err_set(out, ERR_STALLED, "%s: is missing", input->name);
	if (!text)
		return !input->nullable;
	if (input->type == TENSOR_BOOL) {
		if (names_find(NAMES(truths), text) >= 0)
			return false;
		err_set(out, ERR_STALLED, "%s: '%.40s' is neither true nor false", input->name, text);
		return true;
	}
	if (input->type != TENSOR_BYTES)
		return number_problem(input, text, out);
	if (input->values.n == 0 || is_among(&input->values, text))
		return false;
	err_set(out, ERR_STALLED, "%s: '%.40s' is not one of its values", input->name, text);
	return true;
}
