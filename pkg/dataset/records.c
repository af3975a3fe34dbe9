#include "dataset/records.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/file.h"
#include "base/heap.h"
#include "dataset/table.h"
#include "doc/text.h"

/* The longest record, its line end and a NUL; what may be read behind a record; and what is read at
 * once, which stays in the cache of a core. */
enum { WINDOW_BYTES = TABLE_RECORD_BYTES + 3, BEHIND_BYTES = 64, READ_BYTES = 256 << 10 };
enum { LEAVE_BYTES = 2 << 20 }; /* read before they leave the page cache together */

/* Sixteen bytes at once, as vectors of the compiler. */
typedef signed char bytes16 __attribute__((vector_size(16)));

static bytes16 load16(const char *from)
{
	bytes16 bytes;

	memcpy(&bytes, from, sizeof(bytes));
	return bytes;
}

static bool any(bytes16 found)
{
	uint64_t halves[2];

	memcpy(halves, &found, sizeof(halves));
	return (halves[0] | halves[1]) != 0;
}

int records_open(struct records *records, int dir_fd, const char *path, bool quotes,
                 struct err *err)
{
	int fd;

	if (file_open(dir_fd, path, &fd, err))
		return -1;
	*records = (struct records){.fd = fd, .quotes = quotes, .next_line = 1};
	records->bytes = heap_alloc(WINDOW_BYTES + BEHIND_BYTES, 1);
	return 0;
}

void records_close(struct records *records)
{
	if (records->bytes)
		close(records->fd);
	free(records->bytes);
	*records = (struct records){0};
}

/* A hint: what has not been written back yet stays. */
static void leave(struct records *records)
{
	if (!records->leaves || records->read - records->left < LEAVE_BYTES)
		return;
	(void)posix_fadvise(records->fd, records->left, records->read - records->left,
	                    POSIX_FADV_DONTNEED);
	records->left = records->read;
}

/* Moves what is left to the front of the window and reads on. */
static int fill(struct records *records, struct err *err)
{
	size_t room;
	ssize_t n;

	if (records->start > 0)
		memmove(records->bytes, records->bytes + records->start, records->end - records->start);
	records->end -= records->start;
	records->start = 0;
	if (records->end >= WINDOW_BYTES - 1)
		return err_set(err, ERR_STALLED, "line %lld: a row of more than %d bytes%s",
		               (long long)records->next_line, TABLE_RECORD_BYTES,
		               records->quotes ? ", or a quote that is never closed" : "");
	room = WINDOW_BYTES - 1 - records->end;
	do
		n = read(records->fd, records->bytes + records->end, room < READ_BYTES ? room : READ_BYTES);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "cannot read");
	records->end += (size_t)n;
	records->read += n;
	records->at_end = n == 0;
	leave(records);
	return 0;
}

/* What a record holds beside plain text. */
enum { HAS_QUOTE = 1, HAS_RETURN = 2, HAS_ODD = 4 /* a NUL, or a byte above 127 */ };

static unsigned survey(const char *text, size_t len)
{
	static const bytes16 places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	bytes16 quote = {0}, ret = {0}, odd = {0};
	size_t at = 0;

	for (; at + sizeof(bytes16) <= len; at += sizeof(bytes16)) {
		bytes16 bytes = load16(text + at);

		quote |= bytes == '"';
		ret |= bytes == '\r';
		odd |= bytes < 1;
	}
	if (at < len) {
		bytes16 bytes = load16(text + at), within = places < (signed char)(len - at);

		quote |= (bytes == '"') & within;
		ret |= (bytes == '\r') & within;
		odd |= (bytes < 1) & within;
	}
	return (any(quote) ? HAS_QUOTE : 0) | (any(ret) ? HAS_RETURN : 0) | (any(odd) ? HAS_ODD : 0);
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
	unsigned has;
	int64_t lines;
};

/* Where a line ends whose line feed, or the end of the file, is at `end`. */
static char *without_return(const char *start, char *end)
{
	return end > start && end[-1] == '\r' ? end - 1 : end;
}

/* The line end of the record at `start`, or NULL when the window does not hold it. */
static char *find_end(const struct records *records, struct scan *scan)
{
	char *start = records->bytes + records->start, *end = records->bytes + records->end;
	char *from = start + scan->done, *newline;

	while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
		scan->has |= survey(from, (size_t)(without_return(from, newline) - from));
		if (records->quotes && scan->has & HAS_QUOTE)
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
	size_t bad = utf8_bad(text, len);

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
	records->taken += (size_t)(records->bytes + records->start - start);
	records->line = records->next_line;
	records->next_line += scan->lines + 1;
	if (records->line == 1 && end - start >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0)
		start += 3;
	end = without_return(start, end);
	*end = '\0';
	*text = start;
	*len = (size_t)(end - start);
}

int records_next(struct records *records, char **text, size_t *len, struct err *err)
{
	unsigned has;

	records->taken = 0;
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
		records->taken = newline ? records->taken : 0;
		has = newline ? scan.has : survey(*text, *len);
	} while (*len == 0);
	records->plain = !(has & (HAS_QUOTE | HAS_RETURN));
	return has & HAS_ODD && check_text(*text, *len, records->line, err) ? -1 : 1;
}

int records_known(struct records *records, size_t len, const char **text, struct err *err)
{
	while (records->end - records->start < len && !records->at_end) {
		if (fill(records, err))
			return -1;
	}
	*text = records->bytes + records->start;
	if (records->end - records->start < len || (*text)[len - 1] != '\n')
		return 0;
	records->start += len;
	records->line = records->next_line++;
	return 1;
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

/* Each byte of a comparison as a bit. */
static uint64_t bits_of(bytes16 found)
{
#ifdef __SSE2__
	return (unsigned)_mm_movemask_epi8((__m128i)found);
#else /* of eight bytes a product brings the bits together */
	uint64_t halves[2], bits = 0;

	memcpy(halves, &found, sizeof(halves));
	for (size_t i = 0; i < 2; i++) {
		uint64_t places = le64toh(halves[i]) & UINT64_C(0x8040201008040201);

		bits |= (places * UINT64_C(0x0101010101010101) >> 56) << 8 * i;
	}
	return bits;
#endif
}

/* Which of the next `len` bytes, up to 64, are commas. No field waits for where the one before
 * ends, as it would one by one. */
static uint64_t comma_bits(const char *text, size_t len)
{
	uint64_t bits = 0;

	for (size_t at = 0; at < len; at += sizeof(bytes16))
		bits |= bits_of(load16(text + at) == ',') << at;
	return len < 64 ? bits & ((UINT64_C(1) << len) - 1) : bits;
}

/* A record without quotes: each comma ends a field. */
static int split_plain(char *text, size_t len, struct field *fields, size_t most, size_t *n)
{
	char *field = text, *end = text + len;
	size_t found = 0;

	for (size_t at = 0; at < len; at += 64) {
		uint64_t commas = comma_bits(text + at, len - at < 64 ? len - at : 64);

		for (; commas; commas &= commas - 1) {
			char *comma = text + at + __builtin_ctzll(commas);

			if (found == most)
				return -1;
			*comma = '\0';
			fields[found++] = (struct field){field, (size_t)(comma - field)};
			field = comma + 1;
		}
	}
	if (found == most)
		return -1;
	fields[found++] = (struct field){field, (size_t)(end - field)};
	*n = found;
	return 0;
}

static int split_quoted(char *text, size_t len, struct field *fields, size_t most, size_t *n,
                        const char **what)
{
	char *end = text + len;

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
		fields[(*n)++] = (struct field){field, strlen(field)};
		if (text == end)
			return 0;
	}
	*what = "more fields than columns may be";
	return -1;
}

int csv_split(char *text, size_t len, bool plain, struct field *fields, size_t most, size_t *n,
              const char **what)
{
	*n = 0;
	*what = "more fields than columns may be";
	if (plain || !memchr(text, '"', len))
		return split_plain(text, len, fields, most, n);
	return split_quoted(text, len, fields, most, n, what);
}
