/* What predictions are counted by. */
#include <float.h>

#include "api/kinds.h"
#include "base/buf.h"

#define GOLDEN 0.6180339887498949 /* multiples of it, without their whole part, spread evenly */

bool output_is_ranged(const struct output_spec *output)
{
	return !output->classes.n && output->min < output->max;
}

/* 0.3, and not 0.30000000000000004 */
static const char *number_label(const struct output_spec *output, int k, struct arena *arena)
{
	const int steps = NUMBER_LABELS - 1;
	const char *label;
	struct buf text;

	buf_init(&text, 64);
	buf_number(&text, (output->min * (steps - k) + output->max * k) / steps);
	label = arena_strdup(arena, buf_text(&text));
	buf_deinit(&text);
	return label;
}

struct strings output_labels(const struct output_spec *output, struct arena *arena)
{
	struct strings labels = {arena_array(arena, NUMBER_LABELS, const char *), NUMBER_LABELS};

	if (!output_is_ranged(output))
		return output->classes;
	for (int k = 0; k < NUMBER_LABELS; k++)
		labels.items[k] = number_label(output, k, arena);
	return labels;
}

const char *output_label(const struct output_spec *output, const char *text, uint64_t row,
                         struct arena *arena)
{
	struct err no_number = {0};
	double number, at;

	if (!text || !output_is_ranged(output))
		return text ? text : "";
	if (parse_number(text, -DBL_MAX, DBL_MAX, &number, &no_number))
		return "";
	number = fmin(fmax(number, output->min), output->max);
	at = (number - output->min) / (output->max - output->min) * (NUMBER_LABELS - 1);
	if (fmod((double)row * GOLDEN, 1) < at - floor(at))
		at++;
	return number_label(output, (int)at, arena);
}
