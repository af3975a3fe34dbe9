#include "dataset/records.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/heap.h"
#include "dataset/table.h"
#include "doc/text.h"

/* The longest record, its line end and a NUL; and what may be read behind a record. */
enum { WINDOW_BYTES = TABLE_RECORD_BYTES + 3, BLOCK_BYTES = 64 };

int records_open(struct records *records, int dir_fd, const char *path, bool quotes,
                 struct err *err)
{
	int fd;

	if (file_open(dir_fd, path, &fd, err))
		return -1;
	*records = (struct records){.fd = fd, .quotes = quotes, .next_line = 1};
	records->bytes = heap_alloc(WINDOW_BYTES + BLOCK_BYTES, 1);
	return 0;
}

void records_close(struct records *records)
{
	if (records->bytes)
		close(records->fd);
	free(records->bytes);
	*records = (struct records){0};
}

/* Moves what is left to the front of the window and reads on. */
static int fill(struct records *records, struct err *err)
{
	ssize_t n;

	if (records->start > 0)
		memmove(records->bytes, records->bytes + records->start, records->end - records->start);
	records->end -= records->start;
	records->start = 0;
	if (records->end >= WINDOW_BYTES - 1)
		return err_set(err, ERR_STALLED, "line %lld: a row of more than %d bytes%s",
		               (long long)records->next_line, TABLE_RECORD_BYTES,
		               records->quotes ? ", or a quote that is never closed" : "");
	do
		n = read(records->fd, records->bytes + records->end, WINDOW_BYTES - 1 - records->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "cannot read");
	records->end += (size_t)n;
	records->at_end = n == 0;
	return 0;
}

/* Toggles for every quote in [from, to). */
static bool quoted_after(bool quoted, const char *from, const char *to)
{
	while (from < to && (from = memchr(from, '"', (size_t)(to - from)))) {
		quoted = !quoted;
		from++;
	}
	return quoted;
}

/* A record on its way: how far it has been looked at. */
struct scan {
	size_t done;
	bool quoted;
	int64_t lines;
};

/* The line end of the record at `start`, or NULL when the window does not hold it. */
static char *find_end(const struct records *records, struct scan *scan)
{
	char *start = records->bytes + records->start, *end = records->bytes + records->end;
	char *from = start + scan->done, *newline;

	while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
		if (records->quotes)
			scan->quoted = quoted_after(scan->quoted, from, newline);
		if (!scan->quoted)
			return newline;
		scan->lines++;
		from = newline + 1;
	}
	/* the rest is looked at again with what follows it */
	scan->done = (size_t)(from - start);
	return NULL;
}

static int check_text(const char *text, size_t len, int64_t line, struct err *err)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t word;
	size_t bad = 0;

	for (; bad + sizeof(word) <= len; bad += sizeof(word)) {
		memcpy(&word, text + bad, sizeof(word));
		if ((word | (word - ones)) & highs) /* a byte above 127, or perhaps a NUL */
			break;
	}
	while (bad < len && (unsigned char)(text[bad] - 1) < 0x7f)
		bad++;
	bad += utf8_bad(text + bad, len - bad);
	if (bad == len)
		return 0;
	return err_set(err, ERR_STALLED, "line %lld: byte %zu of the row is %s", (long long)line,
	               bad + 1, text[bad] ? "not UTF-8" : "a NUL");
}

/* Takes the record that ends at `newline`, or NULL for all that is left. */
static void take(struct records *records, char *newline, const struct scan *scan, char **text,
                 size_t *len)
{
	char *start = records->bytes + records->start;
	char *end = newline ? newline : records->bytes + records->end;

	records->start = (size_t)(end - records->bytes) + (newline ? 1 : 0);
	records->line = records->next_line;
	records->next_line += scan->lines + 1;
	if (records->line == 1 && end - start >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	if (end > start && end[-1] == '\r')
		end--;
	*end = '\0';
	*text = start;
	*len = (size_t)(end - start);
}

int records_next(struct records *records, char **text, size_t *len, struct err *err)
{
	do {
		struct scan scan = {0};
		char *newline;

		while (!(newline = find_end(records, &scan)) && !records->at_end) {
			if (fill(records, err))
				return -1;
		}
		if (!newline && records->start == records->end)
			return 0;
		take(records, newline, &scan, text, len);
	} while (*len == 0);
	return check_text(*text, *len, records->line, err) ? -1 : 1;
}

/* Takes the quotes off the field at `text`, in place; the byte after its closing quote, or
 * NULL when there is none. */
static char *unquote(char *text, char *end)
{
	char *out = text;

	for (char *in = text + 1; in < end; in++) {
		if (*in == '"' && (in + 1 == end || in[1] != '"')) {
			*out = '\0';
			return in + 1;
		}
		in += *in == '"';
		*out++ = *in;
	}
	return NULL;
}

/* Highest bit of each byte that is zero, exact up to the first (Mycroft 1987). */
static uint64_t zero_bytes(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);

	return (word - ones) & ~word & ones << 7;
}

/* Where a plain field ends: the next comma, quote or NUL. Eight bytes at once, because the short
 * fields of data would cost a wrongly guessed branch each. */
static char *field_end(char *text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);

	for (;; text += sizeof(uint64_t)) {
		uint64_t word, found;

		memcpy(&word, text, sizeof(word));
		word = le64toh(word);
		found = zero_bytes(word) | zero_bytes(word ^ ones * ',') | zero_bytes(word ^ ones * '"');
		if (found)
			return text + __builtin_ctzll(found) / 8;
	}
}

/* Which bytes of a block are commas, as bits: eight bytes at once, whose highest bits a product
 * brings together. No field waits for where the one before ends, as it would one by one. */
static uint64_t comma_bits(const char *block)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), lows = ~(ones << 7);
	uint64_t bits = 0;

	for (size_t at = 0; at < BLOCK_BYTES; at += sizeof(uint64_t)) {
		uint64_t word, is_comma;

		memcpy(&word, block + at, sizeof(word));
		word = le64toh(word) ^ ones * ',';
		is_comma = ~(((word & lows) + lows) | word | lows) >> 7;
		bits |= (is_comma * UINT64_C(0x0102040810204080) >> 56) << at;
	}
	return bits;
}

/* A record without quotes: each comma ends a field. */
static int split_plain(char *text, size_t len, const char **fields, size_t most, size_t *n)
{
	char *field = text, *end = text + len;

	for (size_t at = 0; at < len; at += BLOCK_BYTES) {
		uint64_t commas = comma_bits(text + at);

		if (len - at < BLOCK_BYTES)
			commas &= (UINT64_C(1) << (len - at)) - 1;
		for (; commas; commas &= commas - 1) {
			char *comma = text + at + __builtin_ctzll(commas);

			if (*n == most)
				return -1;
			*comma = '\0';
			fields[(*n)++] = field < comma ? field : NULL;
			field = comma + 1;
		}
	}
	if (*n == most)
		return -1;
	fields[(*n)++] = field < end ? field : NULL;
	return 0;
}

int csv_split(char *text, size_t len, const char **fields, size_t most, size_t *n,
              const char **what)
{
	char *end = text + len;

	*n = 0;
	*what = "more fields than columns may be";
	if (!memchr(text, '"', len))
		return split_plain(text, len, fields, most, n);
	for (; *n < most; text++) {
		char *field = text;

		if (*text == '"') {
			text = unquote(text, end);
			*what = text ? "something between a closing quote and the comma"
			             : "a quote that is never closed";
			if (!text || (text < end && *text != ','))
				return -1;
		} else {
			text = field_end(text);
			*what = "a quote inside a field that does not begin with one";
			if (*text == '"')
				return -1;
		}
		*text = '\0';
		fields[(*n)++] = *field ? field : NULL;
		if (text == end)
			return 0;
	}
	*what = "more fields than columns may be";
	return -1;
}
