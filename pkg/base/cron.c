#include "base/cron.h"

#include <string.h>
#include <strings.h>

#include "base/parse.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define SEARCH_DAYS (5 * 366)
#define CYCLE_DAYS 146097 /* 400 years, after which dates and weekdays repeat */

struct field_spec {
	const char *name;
	int min, max;
	const char *const *names; /* of `min` on, or NULL */
};
static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const struct field_spec specs[] = {
	{"minute", 0, 59, NULL}, {"hour", 0, 23, NULL},         {"day", 1, 31, NULL},
	{"month", 1, 12, months}, {"weekday", 0, 7, weekdays},
};

static int parse_value(const struct field_spec *spec, const char *text, int64_t *out,
                       struct err *err)
{
	for (int i = 0; spec->names && spec->names[i]; i++)
		if (strcasecmp(spec->names[i], text) == 0) {
			*out = spec->min + i;
			return 0;
		}
	if (parse_int(text, spec->min, spec->max, out, err) < 0)
		return err_wrap(err, "%s", spec->name);
	return 0;
}

/* Cuts `text` at `c` and returns what follows, or NULL. */
static char *cut(char *text, char c)
{
	char *at = strchr(text, c);

	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

/* "*", "5", "1-5", each with "/step". */
static int parse_range(const struct field_spec *spec, char *text, uint64_t *bits, struct err *err)
{
	char *step_text = cut(text, '/'), *to_text;
	int64_t from = spec->min, to = spec->max, step = 1;

	if (step_text && parse_int(step_text, 1, spec->max, &step, err) < 0)
		return err_wrap(err, "%s: step", spec->name);
	if (strcmp(text, "*") != 0) {
		to_text = cut(text, '-');
		if (parse_value(spec, text, &from, err) < 0)
			return -1;
		if (to_text && parse_value(spec, to_text, &to, err) < 0)
			return -1;
		if (!to_text && !step_text)
			to = from;
		if (to < from)
			return err_set(err, ERR_STALLED, "%s: %s-%s runs backwards", spec->name, text, to_text);
	}
	for (int64_t i = from; i <= to; i += step)
		*bits |= UINT64_C(1) << i;
	return 0;
}

static int parse_field(const struct field_spec *spec, char *text, uint64_t *bits, struct err *err)
{
	*bits = 0;
	while (text) {
		char *rest = cut(text, ',');

		if (parse_range(spec, text, bits, err) < 0)
			return -1;
		text = rest;
	}
	return 0;
}

int cron_parse(const char *text, struct cron *out, struct err *err)
{
	char copy[128], *rest = copy, *fields[ARRAY_LEN(specs)];
	uint64_t bits[ARRAY_LEN(specs)];
	size_t n = 0;

	if (strlen(text) >= sizeof(copy))
		return err_set(err, ERR_STALLED, "schedule is longer than %zu bytes", sizeof(copy) - 1);
	memcpy(copy, text, strlen(text) + 1);
	while (rest) {
		char *word = rest;

		rest = cut(rest, ' ');
		if (!*word)
			continue;
		if (n == ARRAY_LEN(specs))
			return err_set(err, ERR_STALLED, "schedule '%s' has more than 5 fields", text);
		fields[n++] = word;
	}
	if (n < ARRAY_LEN(specs))
		return err_set(err, ERR_STALLED, "schedule '%s' has %zu fields of 5", text, n);
	for (size_t i = 0; i < n; i++)
		if (parse_field(&specs[i], fields[i], &bits[i], err) < 0)
			return err_wrap(err, "schedule '%s'", text);
	*out = (struct cron){
		.minutes = bits[0],
		.hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2],
		.months = (uint32_t)bits[3],
		.weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
		.any_day = fields[2][0] == '*',
		.any_weekday = fields[4][0] == '*',
	};
	return 0;
}

/* Month and day of the day `days` after 1970-01-01, in the proleptic Gregorian calendar (Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms"). */
static void civil(int64_t days, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t shifted = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
}

static bool day_matches(const struct cron *cron, int64_t days)
{
	int month, day, weekday = (int)(((days + 4) % 7 + 7) % 7);
	bool by_day, by_weekday;

	civil(days, &month, &day);
	if (!(cron->months >> month & 1))
		return false;
	by_day = cron->days >> day & 1;
	by_weekday = cron->weekdays >> weekday & 1;
	return cron->any_day || cron->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

bool cron_ever(const struct cron *cron)
{
	bool ever = false;

	for (int64_t day = 0; day < CYCLE_DAYS && !ever; day++)
		ever = day_matches(cron, day);
	return ever;
}

static int64_t first_minute(const struct cron *cron, int64_t from)
{
	for (int64_t minute = from; minute < 24 * 60; minute++)
		if (cron->hours >> (minute / 60) & 1 && cron->minutes >> (minute % 60) & 1)
			return minute;
	return -1;
}

/* The first time after `local` that a clock shows and the line names; -1 when there is none. */
static int64_t next_local(const struct cron *cron, int64_t local)
{
	int64_t today = local >= 0 ? local / DAY_MS : -((-local + DAY_MS - 1) / DAY_MS);
	int64_t from = (local - today * DAY_MS) / 60000 + 1;

	for (int64_t day = today; day < today + SEARCH_DAYS; day++) {
		int64_t minute = day_matches(cron, day) ? first_minute(cron, from) : -1;

		if (minute >= 0)
			return day * DAY_MS + minute * 60000;
		from = 0;
	}
	return -1;
}

int64_t cron_next(const struct cron *cron, int64_t after_ms, const struct zone *zone)
{
	int64_t local = after_ms + zone_offset(zone, after_ms), tick;

	do { /* where clocks show an hour again, its ticks are over */
		local = next_local(cron, local);
		tick = local < 0 ? -1 : zone_to_utc(zone, local);
	} while (tick >= 0 && tick <= after_ms);
	return tick;
}
