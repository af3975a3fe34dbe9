/* Text to numbers, durations, shares and times, strictly: the whole text or an error. And back. */
#ifndef LINNET_BASE_PARSE_H
#define LINNET_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Decimal, optional leading '-', no leading '+', no blanks; error ERR_STALLED names the range. */
int parse_int(const char *text, int64_t min, int64_t max, int64_t *out, struct err *err) must_check;
/* Decimal or exponent form, finite, in [min, max]; independent of the locale. */
int parse_number(const char *text, double min, double max, double *out, struct err *err) must_check;
/* "90s", "10m", "24h", "30d", "250ms", also "0"; never negative; at most 10 years. */
int parse_duration(const char *text, int64_t *out_ms, struct err *err) must_check;
/* "5%" or "0.05" -> 0.05; in [0, 1]. */
int parse_share(const char *text, double *out, struct err *err) must_check;
/* RFC 3339, "2026-07-02T00:00:00Z" -> Unix ms, years 0000 to 9999. A numeric offset and a fraction
 * of up to 9 digits are allowed; what is finer than 1 ms is dropped. No leap second. */
int parse_time(const char *text, int64_t *out_ms, struct err *err) must_check;
/* "512Mi", "2Gi", "48213" -> bytes: a whole number and Ki to Ei, k, M to E, or nothing. */
int parse_memory(const char *text, int64_t *out_bytes, struct err *err) must_check;
/* "500m", "2", "0.5" -> CPU millis: whole millis, or cores with at most three decimals. */
int parse_cpu(const char *text, int64_t *out_millis, struct err *err) must_check;
/* Lower-case letters, digits and '-', starts and ends alphanumeric, 1..63 bytes. */
bool is_name(const char *text);
/* Times are milliseconds since 1970. Below 0 there is none: never, or not yet. */
static inline bool is_time(int64_t ms) { return ms >= 0; }

#define INT_TEXT 24  /* bytes that format_int needs */
#define TIME_TEXT 32 /* bytes that format_time and format_duration need */
/* "2026-07-02T00:00:00Z"; milliseconds are shown when not 0. */
void format_time(int64_t ms, char out[TIME_TEXT]);
/* The shortest exact: "90s", "10m", "1d", "1500ms", "0". */
void format_duration(int64_t ms, char out[TIME_TEXT]);
void format_int(int64_t value, char out[INT_TEXT]);
/* The fewest correctly rounded digits that parse_number reads back as the same double; whole
 * numbers below 1e15 stand without an exponent. Finite: a NaN here is our own bug, and aborts. */
void buf_number(struct buf *buf, double value);
/* For what only programs read: whole numbers as buf_number writes them, others in hexadecimal
 * ("0x1.8p-3"), which is exact too and several times as quick. Finite. */
void buf_exact(struct buf *buf, double value);
/* What either of them wrote. */
int parse_exact(const char *text, double *out, struct err *err) must_check;
/* 0.05 -> "5 %", 0.0025 -> "0.25 %": at most three significant digits, for sentences. Finite. */
void buf_percent(struct buf *buf, double share);

/* A closed vocabulary: names[i] is the name of value i. */
struct names {
	const char *const *names;
	int n;
};
#define NAMES(table) ((struct names){(table), (int)ARRAY_LEN(table)})
/* The value, or -1. */
int names_find(struct names names, const char *text);
/* The candidate nearest to `text` by edit distance without regard to case, the first of equals, or
 * NULL when none is within a third of the length of `text`. NULL candidates are skipped. */
const char *nearest(const char *text, const char *const *candidates, int n);

#endif
