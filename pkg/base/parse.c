#include "base/parse.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

enum {
	NUMBER_BYTES_MAX = 400, /* the exact decimal of any double up to 1e308 fits */
	NEAREST_BYTES_MAX = 64,
};

#define DAY_MS INT64_C(86400000)
#define DURATION_MS_MAX (3650 * DAY_MS)
#define CPU_MILLIS_MAX (INT64_C(1000) << 20)

/* How much of a refused text an error shows. */
#define SHOWN "'%.60s'"

/* A unit of a quantity, in the base unit. Larger ones stand first. */
struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit duration_units[] = {
	{"d", DAY_MS}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static const struct unit memory_units[] = {
	{"Ei", INT64_C(1) << 60}, {"E", INT64_C(1000000000000000000)},
	{"Pi", INT64_C(1) << 50}, {"P", INT64_C(1000000000000000)},
	{"Ti", INT64_C(1) << 40}, {"T", INT64_C(1000000000000)},
	{"Gi", INT64_C(1) << 30}, {"G", 1000000000},
	{"Mi", INT64_C(1) << 20}, {"M", 1000000},
	{"Ki", INT64_C(1) << 10}, {"k", 1000},
	{"", 1},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* A run of at least one decimal digit; the position after it, or NULL when none or out of range. */
static const char *scan_digits(const char *text, int64_t *out)
{
	int64_t value = 0;

	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return NULL;
	}
	*out = value;
	return text;
}

/* Exactly two digits that make at most `max`; the position after them, or NULL. NULL gives NULL. */
static inline const char *scan_two(const char *text, int max, int *out)
{
	if (!text || !is_digit(text[0]) || !is_digit(text[1]))
		return NULL;
	*out = (text[0] - '0') * 10 + (text[1] - '0');
	return *out <= max ? text + 2 : NULL;
}

static const char *scan_char(const char *text, char c)
{
	return text && *text == c ? text + 1 : NULL;
}

/* Negative values are gathered as they are, because INT64_MIN has no positive. */
static bool scan_int(const char *text, int64_t *out)
{
	bool negative = *text == '-';
	int64_t value = 0;

	text += negative;
	if (!*text)
		return false;
	for (; *text; text++) {
		int digit = *text - '0';

		if (!is_digit(*text) || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, negative ? -digit : digit, &value))
			return false;
	}
	*out = value;
	return true;
}

int parse_int(const char *text, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	int64_t value;

	if (!scan_int(text, &value) || value < min || value > max)
		return err_set(err, ERR_STALLED, SHOWN " is not a whole number from %lld to %lld",
		               text, (long long)min, (long long)max);
	*out = value;
	return 0;
}

static locale_t c_locale(void)
{
	static locale_t locale;

	if (!locale)
		locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!locale)
		panic("parse: there is no C locale");
	return locale;
}

/* -?digits[.digits][(e|E)[+-]digits], to the end of the text. */
static bool is_number(const char *text)
{
	text += *text == '-';
	if (!is_digit(*text))
		return false;
	while (is_digit(*text))
		text++;
	if (*text == '.') {
		if (!is_digit(*++text))
			return false;
		while (is_digit(*text))
			text++;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		if (!is_digit(*text))
			return false;
		while (is_digit(*text))
			text++;
	}
	return !*text;
}

/* Digits of which the whole number and the power of ten are exact, so that one division rounds as
 * it must (Clinger 1990); most numbers of data are such. */
static bool scan_short(const char *text, double *out)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	                                1e12, 1e13, 1e14, 1e15};
	bool negative = *text == '-';
	const char *next = text + negative, *point = NULL;
	int64_t digits = 0;
	double value;

	for (; is_digit(*next) || (*next == '.' && !point); next++) {
		if (*next == '.')
			point = next;
		else
			digits = digits * 10 + (*next - '0');
		if (next - text > 15)
			return false;
	}
	if (*next || next == text + negative || !is_digit(text[negative]) || next[-1] == '.')
		return false;
	value = (double)digits / powers[point ? next - point - 1 : 0];
	*out = negative ? -value : value;
	return true;
}

static bool scan_number(const char *text, double *out)
{
	double value;

	if (scan_short(text, out))
		return true;
	if (strnlen(text, NUMBER_BYTES_MAX + 1) > NUMBER_BYTES_MAX || !is_number(text))
		return false;
	value = strtod_l(text, NULL, c_locale());
	if (!isfinite(value))
		return false;
	*out = value;
	return true;
}

/* "from 0 to 1", "of at least 0", "of at most 1", or nothing when both ends are open. */
static const char *range_text(double min, double max, struct buf *buf)
{
	bool has_min = min >= -DBL_MAX, has_max = max <= DBL_MAX;

	buf_puts(buf, !has_min && !has_max ? "" : has_min && has_max ? " from " : " of at ");
	if (has_min) {
		buf_puts(buf, has_max ? "" : "least ");
		buf_number(buf, min);
	}
	if (has_max) {
		buf_puts(buf, has_min ? " to " : "most ");
		buf_number(buf, max);
	}
	return buf_text(buf);
}

int parse_number(const char *text, double min, double max, double *out, struct err *err)
{
	struct buf range;
	double value;

	if (scan_number(text, &value) && value >= min && value <= max) {
		*out = value;
		return 0;
	}
	buf_init(&range, 128);
	err_set(err, ERR_STALLED, SHOWN " is not a number%s", text, range_text(min, max, &range));
	buf_deinit(&range);
	return -1;
}

int parse_exact(const char *text, double *out, struct err *err)
{
	bool hex = strncmp(text + (*text == '-'), "0x", 2) == 0;
	char *end;

	if (!hex)
		return parse_number(text, -DBL_MAX, DBL_MAX, out, err);
	*out = strtod_l(text, &end, c_locale());
	if (*end || !strchr(text, 'p') || !isfinite(*out))
		return err_set(err, ERR_STALLED, SHOWN " is not a number", text);
	return 0;
}

/* Whole number and one of the units, to the end of the text, at most `max`. */
static bool scan_quantity(const char *text, const struct unit *units, size_t n, int64_t max,
                          int64_t *out)
{
	int64_t value;

	text = scan_digits(text, &value);
	for (size_t i = 0; text && i < n; i++) {
		if (strcmp(text, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &value) || value > max)
			return false;
		*out = value;
		return true;
	}
	return false;
}

int parse_duration(const char *text, int64_t *out_ms, struct err *err)
{
	int64_t ms;

	if (strcmp(text, "0") == 0) {
		*out_ms = 0;
		return 0;
	}
	if (!scan_quantity(text, duration_units, ARRAY_LEN(duration_units), DURATION_MS_MAX, &ms))
		return err_set(err, ERR_STALLED,
		               SHOWN " is not a duration such as 250ms, 90s, 10m, 24h or 30d"
		               " (at most 3650d)", text);
	*out_ms = ms;
	return 0;
}

/* A percentage is read as the same digits two places lower, so that "12.3%" is exactly 0.123. */
static bool scan_share(const char *text, double *out)
{
	size_t len = strlen(text);
	char lower[48];

	if (len == 0 || text[len - 1] != '%')
		return scan_number(text, out);
	if (len > sizeof(lower) - 4 || strpbrk(text, "eE"))
		return false;
	memcpy(lower, text, len - 1);
	memcpy(lower + len - 1, "e-2", 4);
	return scan_number(lower, out);
}

int parse_share(const char *text, double *out, struct err *err)
{
	double share;

	if (!scan_share(text, &share) || share < 0 || share > 1)
		return err_set(err, ERR_STALLED,
		               SHOWN " is not a share from 0 to 1, or from 0%% to 100%%", text);
	*out = share;
	return 0;
}

int parse_memory(const char *text, int64_t *out_bytes, struct err *err)
{
	int64_t bytes;

	if (!scan_quantity(text, memory_units, ARRAY_LEN(memory_units), INT64_MAX, &bytes))
		return err_set(err, ERR_STALLED,
		               SHOWN " is not an amount of memory such as 512Mi, 2Gi or 48213",
		               text);
	*out_bytes = bytes;
	return 0;
}

/* Whole millis with 'm', or cores with at most three decimals. */
static bool scan_cpu(const char *text, int64_t *out)
{
	int64_t value, millis = 0;

	text = scan_digits(text, &value);
	if (text && strcmp(text, "m") == 0) {
		*out = value;
		return value <= CPU_MILLIS_MAX;
	}
	if (!text || __builtin_mul_overflow(value, 1000, &value))
		return false;
	if (*text == '.') {
		if (!is_digit(*++text))
			return false;
		for (int unit = 100; is_digit(*text) && unit > 0; unit /= 10)
			millis += unit * (*text++ - '0');
	}
	if (*text || value > CPU_MILLIS_MAX - millis)
		return false;
	*out = value + millis;
	return true;
}

int parse_cpu(const char *text, int64_t *out_millis, struct err *err)
{
	int64_t millis;

	if (!scan_cpu(text, &millis))
		return err_set(err, ERR_STALLED,
		               SHOWN " is not an amount of CPU such as 500m, 0.5 or 2", text);
	*out_millis = millis;
	return 0;
}

bool is_name(const char *text)
{
	size_t len = text ? strnlen(text, LIMIT_NAME + 1) : 0;

	if (len == 0 || len > LIMIT_NAME || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '-')
			return false;
	}
	return true;
}

static int64_t div_floor(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t mod_floor(int64_t a, int64_t b)
{
	return a % b + (a % b < 0 ? b : 0);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, counted from 1 March on; see Hinnant,
 * "chrono-compatible low-level date algorithms", days_from_civil. */
static int64_t days_of_date(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = div_floor(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

/* The inverse: civil_from_days of the same source. */
static void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = div_floor(z, 146097);
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = era * 400 + year_of_era + (*month <= 2);
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static const char *scan_date(const char *text, int64_t *days)
{
	int century, year, month, day;

	text = scan_two(scan_two(text, 99, &century), 99, &year);
	text = scan_two(scan_char(text, '-'), 12, &month);
	text = scan_two(scan_char(text, '-'), 31, &day);
	if (!text || month < 1 || day < 1 || day > month_days(century * 100 + year, month))
		return NULL;
	*days = days_of_date(century * 100 + year, month, day);
	return text;
}

/* ".5" to ".123456789": what is finer than a millisecond is dropped. No fraction gives 0. */
static const char *scan_fraction(const char *text, int64_t *ms)
{
	int unit = 100, n = 0;

	*ms = 0;
	if (!text || *text != '.')
		return text;
	for (text++; is_digit(*text); text++, n++, unit /= 10)
		*ms += unit * (*text - '0');
	return n >= 1 && n <= 9 ? text : NULL;
}

/* "Z" or "+hh:mm" or "-hh:mm". */
static const char *scan_offset(const char *text, int64_t *ms)
{
	int hours, minutes;
	char sign;

	*ms = 0;
	if (!text || *text == 'Z')
		return text ? text + 1 : NULL;
	sign = *text;
	if (sign != '+' && sign != '-')
		return NULL;
	text = scan_two(text + 1, 23, &hours);
	text = scan_two(scan_char(text, ':'), 59, &minutes);
	if (text)
		*ms = (hours * 60 + minutes) * (sign == '-' ? INT64_C(-60000) : INT64_C(60000));
	return text;
}

static bool scan_time(const char *text, int64_t *out_ms)
{
	int64_t days = 0, fraction, offset, ms;
	int hours, minutes, seconds;

	text = scan_date(text, &days);
	text = scan_two(scan_char(text, 'T'), 23, &hours);
	text = scan_two(scan_char(text, ':'), 59, &minutes);
	text = scan_two(scan_char(text, ':'), 59, &seconds);
	text = scan_fraction(text, &fraction);
	text = scan_offset(text, &offset);
	if (!text || *text)
		return false;
	ms = days * DAY_MS + fraction - offset;
	ms += ((hours * 60 + minutes) * 60 + seconds) * INT64_C(1000);
	if (ms < days_of_date(0, 1, 1) * DAY_MS || ms >= days_of_date(10000, 1, 1) * DAY_MS)
		return false;
	*out_ms = ms;
	return true;
}

int parse_time(const char *text, int64_t *out_ms, struct err *err)
{
	int64_t ms;

	if (!scan_time(text, &ms))
		return err_set(err, ERR_STALLED,
		               SHOWN " is not a time such as 2026-07-02T00:00:00Z", text);
	*out_ms = ms;
	return 0;
}

/* A separator and so many digits; the end of them. */
static char *put_digits(char *out, char separator, int value, int digits)
{
	out[0] = separator;
	for (int i = digits; i > 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
	return out + digits + 1;
}

void format_time(int64_t ms, char out[TIME_TEXT])
{
	int64_t days = div_floor(ms, DAY_MS);
	int of_day = (int)mod_floor(ms, DAY_MS);
	int month, day;
	int64_t year;
	char *end;

	date_of_days(days, &year, &month, &day);
	end = out + snprintf(out, TIME_TEXT, "%04lld", (long long)year);
	end = put_digits(end, '-', month, 2);
	end = put_digits(end, '-', day, 2);
	end = put_digits(end, 'T', of_day / 3600000, 2);
	end = put_digits(end, ':', of_day / 60000 % 60, 2);
	end = put_digits(end, ':', of_day / 1000 % 60, 2);
	if (of_day % 1000)
		end = put_digits(end, '.', of_day % 1000, 3);
	memcpy(end, "Z", 2);
}

void format_int(int64_t value, char out[INT_TEXT])
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	int n = value < 0;

	for (uint64_t more = rest; n++, more > 9; more /= 10)
		;
	out[n] = '\0';
	do
		out[--n] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		out[0] = '-';
}

void format_duration(int64_t ms, char out[TIME_TEXT])
{
	const struct unit *unit = duration_units;

	if (ms == 0) {
		snprintf(out, TIME_TEXT, "0");
		return;
	}
	while (ms % unit->factor)
		unit++;
	snprintf(out, TIME_TEXT, "%lld%s", (long long)(ms / unit->factor), unit->suffix);
}

/* The one place that prints doubles; the decimal point is '.' whatever the locale. */
static void print_double(char out[NUMBER_BYTES_MAX], char form, int digits, double value)
{
	locale_t old = uselocale(c_locale());

	if (form == 'a')
		snprintf(out, NUMBER_BYTES_MAX, "%a", value);
	else if (form == 'e')
		snprintf(out, NUMBER_BYTES_MAX, "%.*e", digits, value);
	else if (form == 'f')
		snprintf(out, NUMBER_BYTES_MAX, "%.*f", digits, value);
	else
		snprintf(out, NUMBER_BYTES_MAX, "%.*g", digits, value);
	uselocale(old);
}

/* A whole number that an integer shows; false for others. */
static bool add_whole(struct buf *buf, double value)
{
	char text[INT_TEXT];

	assert(isfinite(value));
	if (fabs(value) >= 1e15 || value != trunc(value) || (value == 0 && signbit(value)))
		return false;
	format_int((int64_t)value, text);
	buf_puts(buf, text);
	return true;
}

void buf_exact(struct buf *buf, double value)
{
	char text[NUMBER_BYTES_MAX];

	if (add_whole(buf, value))
		return;
	print_double(text, 'a', 0, value);
	buf_puts(buf, text);
}

void buf_number(struct buf *buf, double value)
{
	char text[NUMBER_BYTES_MAX];

	if (add_whole(buf, value))
		return;
	/* %g leaves zeros at the end away: with DBL_DIG digits a shorter text comes out as it is */
	for (int digits = isnormal(value) ? DBL_DIG : 1; digits <= DBL_DECIMAL_DIG; digits++) {
		print_double(text, 'g', digits, value);
		if (digits == DBL_DECIMAL_DIG || strtod_l(text, NULL, c_locale()) == value)
			break;
	}
	buf_puts(buf, text);
}

/* Rounded to three digits first, so that the number of decimals fits the rounded value. */
void buf_percent(struct buf *buf, double share)
{
	char text[NUMBER_BYTES_MAX];
	double percent;
	int decimals;

	assert(isfinite(share));
	print_double(text, 'e', 2, share * 100);
	percent = strtod_l(text, NULL, c_locale());
	if (fabs(percent) < 1e-12)
		percent = 0;
	decimals = percent == 0 ? 0 : 2 - (int)floor(log10(fabs(percent)));
	decimals = decimals < 0 ? 0 : decimals > 12 ? 12 : decimals;
	print_double(text, 'f', decimals, percent);
	if (strchr(text, '.')) {
		size_t len = strlen(text);

		while (text[len - 1] == '0')
			len--;
		len -= text[len - 1] == '.';
		text[len] = '\0';
	}
	buf_printf(buf, "%s %%", text);
}

int names_find(struct names names, const char *text)
{
	for (int i = 0; i < names.n; i++) {
		if (names.names[i] && strcmp(names.names[i], text) == 0)
			return i;
	}
	return -1;
}

static int min3(int a, int b, int c)
{
	int least = a < b ? a : b;

	return least < c ? least : c;
}

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_letter(char a, char b)
{
	return fold(a) == fold(b);
}

/* Optimal string alignment: Damerau-Levenshtein where no part is edited twice; case is ignored.
 * Three rows of the table of distances of all beginnings are enough. Both texts fit
 * NEAREST_BYTES_MAX. */
static int edit_distance(const char *a, const char *b)
{
	int rows[3][NEAREST_BYTES_MAX + 1];
	int *before = rows[0], *last = rows[1], *row = rows[2];
	int n = (int)strlen(b);

	for (int j = 0; j <= n; j++)
		last[j] = j;
	for (int i = 1; a[i - 1]; i++) {
		int *spare = before;

		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int change = !same_letter(a[i - 1], b[j - 1]);

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + change);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[n];
}

const char *nearest(const char *text, const char *const *candidates, int n)
{
	const char *best = NULL;
	size_t len = strnlen(text, NEAREST_BYTES_MAX + 1);
	int best_distance = (int)(len + 1) / 3 + 1;

	if (len > NEAREST_BYTES_MAX)
		return NULL;
	for (int i = 0; i < n; i++) {
		int distance;

		if (!candidates[i] ||
		    strnlen(candidates[i], NEAREST_BYTES_MAX + 1) > NEAREST_BYTES_MAX)
			continue;
		distance = edit_distance(text, candidates[i]);
		if (distance < best_distance) {
			best = candidates[i];
			best_distance = distance;
		}
	}
	return best;
}
