#include "dataset/rows.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/limits.h"

/* ---- Files without names ---- */

enum { SPOOL_BYTES = 64 << 10, SPOOL_BEHIND = 16 /* may be read behind what is there */ };

/* Written once, then read from its beginning, by several one after the other. */
struct spool {
	int fd;      /* -1: none */
	char *bytes; /* of what is not yet in the file; NULL once it is ended */
	size_t len;
	off_t size;  /* of the file */
};

static int spool_open(int dir_fd, const char *path, const char *what, struct spool *spool,
                      struct err *err)
{
	char aside[LIMIT_FILE_PATH];

	if ((size_t)snprintf(aside, sizeof(aside), "%s.%s", path, what) >= sizeof(aside))
		return err_set(err, ERR_STALLED, "%s: the path is too long", path);
	spool->fd = openat(dir_fd, aside, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (spool->fd < 0 || unlinkat(dir_fd, aside, 0))
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", aside);
	spool->bytes = heap_alloc(SPOOL_BYTES, 1);
	return 0;
}

static void spool_close(struct spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	free(spool->bytes);
}

static int spool_flush(struct spool *spool, struct err *err)
{
	for (size_t at = 0; at < spool->len;) {
		ssize_t n = write(spool->fd, spool->bytes + at, spool->len - at);

		if (n < 0 && errno != EINTR)
			return err_errno(err, ERR_TRANSIENT, errno, "cannot write what is known of its rows");
		at += n > 0 ? (size_t)n : 0;
	}
	spool->size += (off_t)spool->len;
	spool->len = 0;
	return 0;
}

/* Where up to `most` bytes may be written; what was is added to `len`. NULL: an error. */
static char *spool_room(struct spool *spool, size_t most, struct err *err)
{
	if (SPOOL_BYTES - spool->len < most && spool_flush(spool, err))
		return NULL;
	return spool->bytes + spool->len;
}

static int spool_end(struct spool *spool, struct err *err)
{
	if (spool_flush(spool, err))
		return -1;
	free(spool->bytes);
	spool->bytes = NULL;
	return 0;
}

static void reading_begin(struct spool_reading *reading, const struct spool *spool)
{
	assert(!spool->bytes);
	*reading = (struct spool_reading){.spool = spool,
	                                  .bytes = heap_alloc(SPOOL_BYTES + SPOOL_BEHIND, 1)};
}

/* Reads on, unless `least` bytes are there or all that are left. */
static int reading_more(struct spool_reading *reading, size_t least, struct err *err)
{
	const struct spool *spool = reading->spool;

	if (reading->end - reading->at >= least)
		return 0;
	memmove(reading->bytes, reading->bytes + reading->at, reading->end - reading->at);
	reading->end -= reading->at;
	reading->at = 0;
	while (reading->end < least && reading->next < spool->size) {
		ssize_t n = pread(spool->fd, reading->bytes + reading->end, SPOOL_BYTES - reading->end,
		                  reading->next);

		if (n == 0 || (n < 0 && errno != EINTR))
			return err_errno(err, ERR_TRANSIENT, n ? errno : EIO,
			                 "cannot read what is known of its rows");
		reading->end += n > 0 ? (size_t)n : 0;
		reading->next += n > 0 ? n : 0;
	}
	return 0;
}

static void reading_done(struct spool_reading *reading)
{
	free(reading->bytes);
	*reading = (struct spool_reading){0};
}

/* ---- Rows ---- */

/* A row takes few bytes: one of these, with how many bytes follow that say how much later than the
 * one before it is, the lowest first; then what is not as it mostly is. Its key is looked at apart
 * from it, twice, and stands in a file of its own. */
enum {
	ROW_USABLE = 1,
	ROW_NEXT_LINE = 2,
	ROW_HAS_BUCKET = 4,
	ROW_HAS_LEN = 8,
	ROW_BYTES_AT = 4 /* bits */
};
enum { ROW_MOST = 1 + sizeof(uint64_t) + sizeof(uint32_t) + 2 * sizeof(uint16_t) };

struct key {
	uint64_t key;
	uint32_t more; /* bits of it */
	uint32_t line;
};

struct rows {
	struct spool rows, keys; /* all rows; of usable ones with a key */
	struct dataset_row last;
	int64_t n, n_keys, n_usable, newest_ms;
	bool ordered; /* no usable row is older than the one before */
};

int rows_open(int dir_fd, const char *path, struct rows **out, struct err *err)
{
	struct rows *rows = heap_alloc(1, sizeof(*rows));

	*rows = (struct rows){.rows.fd = -1, .keys.fd = -1, .newest_ms = INT64_MIN, .ordered = true};
	if (spool_open(dir_fd, path, "rows", &rows->rows, err) ||
	    spool_open(dir_fd, path, "keys", &rows->keys, err)) {
		rows_free(rows);
		return -1;
	}
	*out = rows;
	return 0;
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	spool_close(&rows->rows);
	spool_close(&rows->keys);
	free(rows);
}

/* Small whichever way it goes: 0, -1, 1, -2 and so on are 0, 1, 2, 3. */
static uint64_t fold_sign(uint64_t difference)
{
	return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t unfold_sign(uint64_t number)
{
	return number >> 1 ^ (number & 1 ? UINT64_MAX : 0);
}

static int put_row(struct rows *rows, const struct dataset_row *row, struct err *err)
{
	uint64_t later = fold_sign((uint64_t)row->time_ms - (uint64_t)rows->last.time_ms);
	unsigned bytes = later ? (71 - (unsigned)__builtin_clzll(later)) / 8 : 0;
	bool is_next = row->line == rows->last.line + 1;
	char *start = spool_room(&rows->rows, ROW_MOST, err), *out = start;

	if (!start)
		return -1;
	*out++ = (char)((row->usable ? ROW_USABLE : 0) | (is_next ? ROW_NEXT_LINE : 0) |
	                (row->bucket ? ROW_HAS_BUCKET : 0) | (row->len ? ROW_HAS_LEN : 0) |
	                bytes << ROW_BYTES_AT);
	later = htole64(later);
	memcpy(out, &later, sizeof(later));
	out += bytes;
	if (!is_next)
		out = mempcpy(out, &row->line, sizeof(row->line));
	if (row->bucket)
		out = mempcpy(out, &row->bucket, sizeof(row->bucket));
	if (row->len)
		out = mempcpy(out, &row->len, sizeof(row->len));
	rows->rows.len += (size_t)(out - start);
	rows->last = *row;
	rows->n++;
	return 0;
}

static int put_key(struct rows *rows, const uint64_t key[2], uint32_t line, struct err *err)
{
	const struct key one = {key[0], (uint32_t)key[1], line};
	char *out = spool_room(&rows->keys, sizeof(one), err);

	if (!out)
		return -1;
	memcpy(out, &one, sizeof(one));
	rows->keys.len += sizeof(one);
	rows->n_keys++;
	return 0;
}

int rows_add(struct rows *rows, const struct dataset_row *row, const uint64_t *key,
             struct err *err)
{
	if (row->usable) {
		rows->n_usable++;
		rows->ordered = rows->ordered && row->time_ms >= rows->newest_ms;
		rows->newest_ms = row->time_ms;
		if (key && put_key(rows, key, row->line, err))
			return -1;
	}
	return put_row(rows, row, err);
}

int rows_end(struct rows *rows, struct err *err)
{
	return spool_end(&rows->rows, err) || spool_end(&rows->keys, err) ? -1 : 0;
}

void rows_begin(struct rows_reader *reader, const struct rows *rows)
{
	*reader = (struct rows_reader){.left = rows->n};
	reading_begin(&reader->reading, &rows->rows);
}

static const char *take_bytes(void *to, const char *from, size_t n)
{
	memcpy(to, from, n);
	return from + n;
}

int rows_next(struct rows_reader *reader, const struct dataset_row **out, struct err *err)
{
	struct dataset_row *row = &reader->row;
	const char *in;
	uint64_t later;
	unsigned has, bytes;

	if (reader->left == 0)
		return 0;
	if (reading_more(&reader->reading, ROW_MOST, err))
		return -1;
	in = reader->reading.bytes + reader->reading.at;
	has = (unsigned char)*in++;
	bytes = has >> ROW_BYTES_AT;
	memcpy(&later, in, sizeof(later));
	later = le64toh(later) & (bytes < 8 ? (UINT64_C(1) << 8 * bytes) - 1 : UINT64_MAX);
	in += bytes;
	row->usable = has & ROW_USABLE;
	row->time_ms = (int64_t)((uint64_t)row->time_ms + unfold_sign(later));
	row->line++;
	if (!(has & ROW_NEXT_LINE))
		in = take_bytes(&row->line, in, sizeof(row->line));
	row->bucket = row->len = 0;
	if (has & ROW_HAS_BUCKET)
		in = take_bytes(&row->bucket, in, sizeof(row->bucket));
	if (has & ROW_HAS_LEN)
		in = take_bytes(&row->len, in, sizeof(row->len));
	reader->reading.at = (size_t)(in - reader->reading.bytes);
	reader->left--;
	*out = row;
	return 1;
}

void rows_done(struct rows_reader *reader)
{
	reading_done(&reader->reading);
}

/* ---- Ids given twice ---- */

/* Two Bloom filters of two bits a key (Bloom 1970), both in one word, which costs one look at
 * memory: `seen` of all keys; `again`, which is smaller, of those that were found in the first.
 * Only rows of the second are compared, a few of a hundred. With more than PASS_ROWS rows, each
 * pass looks at the keys of one remainder. */
enum { FILTER_BITS_LEAST = 1 << 12, FILTER_BITS_MOST = 1 << 27, PASS_ROWS = 16 << 20 };
enum { SMALLER = 16, AHEAD_KEYS = 8 };

struct filter {
	uint64_t *words;
	uint64_t n; /* a power of two */
};
struct finder {
	const struct rows *rows;
	struct filter seen, again;
	uint64_t pass, passes;
	struct key *suspects;
	size_t n, capacity;
};

static uint64_t bits_of(uint64_t key)
{
	return UINT64_C(1) << (key >> 58) | UINT64_C(1) << (key >> 52 & 63);
}

static void filter_init(struct filter *filter, uint64_t bits)
{
	*filter = (struct filter){heap_alloc(bits / 64, sizeof(uint64_t)), bits / 64};
}

static uint64_t *word_of(const struct filter *filter, uint64_t key)
{
	return &filter->words[key & (filter->n - 1)];
}

static bool is_in(const struct filter *filter, uint64_t key)
{
	return (*word_of(filter, key) & bits_of(key)) == bits_of(key);
}

/* Whether it was there before. */
static bool put_in(const struct filter *filter, uint64_t key)
{
	bool was = is_in(filter, key);

	*word_of(filter, key) |= bits_of(key);
	return was;
}

/* Fetches what a key that comes soon will look at: a filter is larger than a core's caches. */
static void look_ahead(const struct spool_reading *reading, const struct filter *filter)
{
	size_t at = reading->at + AHEAD_KEYS * sizeof(struct key);
	uint64_t key;

	if (at >= reading->end)
		return;
	memcpy(&key, reading->bytes + at, sizeof(key));
	__builtin_prefetch(word_of(filter, key), 1);
}

static void note_key(struct finder *finder, const struct key *key)
{
	if (put_in(&finder->seen, key->key))
		(void)put_in(&finder->again, key->key);
}

static void take_suspect(struct finder *finder, const struct key *key)
{
	if (finder->n == ROWS_TWICE_MAX || !is_in(&finder->again, key->key))
		return;
	if (finder->n == finder->capacity) {
		finder->capacity = finder->capacity ? finder->capacity * 2 : 1024;
		finder->suspects = heap_resize(finder->suspects, finder->capacity,
		                               sizeof(*finder->suspects));
	}
	finder->suspects[finder->n++] = *key;
}

static int each_key(struct finder *finder, const struct filter *filter,
                    void (*look)(struct finder *, const struct key *), struct err *err)
{
	struct spool_reading reading;
	struct key key;
	int result = 0;

	reading_begin(&reading, &finder->rows->keys);
	for (int64_t left = finder->rows->n_keys; left > 0 && !result; left--) {
		result = reading_more(&reading, sizeof(key), err);
		if (result)
			break;
		look_ahead(&reading, filter);
		memcpy(&key, reading.bytes + reading.at, sizeof(key));
		reading.at += sizeof(key);
		if (finder->passes == 1 || key.more % finder->passes == finder->pass)
			look(finder, &key);
	}
	reading_done(&reading);
	return result;
}

static bool is_key(const struct key *a, const struct key *b)
{
	return a->key == b->key && a->more == b->more;
}

static int by_key(const void *a, const void *b)
{
	const struct key *left = a, *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	if (left->more != right->more)
		return left->more < right->more ? -1 : 1;
	return left->line < right->line ? -1 : left->line > right->line;
}

static int by_line(const void *a, const void *b)
{
	const struct rows_twice *left = a, *right = b;

	return left->line < right->line ? -1 : left->line > right->line;
}

static void compare(struct finder *finder, struct rows_twice *out, size_t *n)
{
	const struct key *first = finder->suspects;

	if (finder->n > 0)
		qsort(finder->suspects, finder->n, sizeof(*finder->suspects), by_key);
	for (size_t i = 1; i < finder->n; i++) {
		const struct key *one = &finder->suspects[i];

		if (!is_key(one, first))
			first = one;
		else
			out[(*n)++] = (struct rows_twice){one->line, first->line};
	}
	if (*n > 0)
		qsort(out, *n, sizeof(*out), by_line);
}

int rows_find_twice(const struct rows *rows, struct rows_twice **out, size_t *n,
                    struct err *err)
{
	struct finder finder = {.rows = rows, .passes = 1 + (uint64_t)rows->n_keys / PASS_ROWS};
	uint64_t bits = FILTER_BITS_LEAST;
	int result = 0;

	while (bits < FILTER_BITS_MOST && bits < 8 * (uint64_t)rows->n_keys)
		bits *= 2;
	filter_init(&finder.seen, bits);
	filter_init(&finder.again, bits / SMALLER);
	for (; !result && finder.pass < finder.passes; finder.pass++) {
		memset(finder.seen.words, 0, finder.seen.n * sizeof(uint64_t));
		memset(finder.again.words, 0, finder.again.n * sizeof(uint64_t));
		result = each_key(&finder, &finder.seen, note_key, err) ||
		         each_key(&finder, &finder.again, take_suspect, err) ? -1 : 0;
	}
	free(finder.seen.words);
	free(finder.again.words);
	if (!result) {
		*n = 0;
		*out = heap_alloc(finder.n + 1, sizeof(**out));
		compare(&finder, *out, n);
	}
	free(finder.suspects);
	return result;
}

/* ---- Places in the order of time ---- */

enum { BINS = 4096 };

/* A wanted row: its time lies in [low, high], and so many usable rows are older than low. */
struct place {
	int64_t rank, low, high, below;
	int64_t *bins; /* of equal widths over [low, high] */
};

static int64_t bin_width(const struct place *place)
{
	return (int64_t)(((uint64_t)place->high - (uint64_t)place->low) / BINS) + 1;
}

static void count_time(struct place *places, size_t n, int64_t time_ms)
{
	for (size_t i = 0; i < n; i++) {
		struct place *place = &places[i];

		if (time_ms >= place->low && time_ms <= place->high)
			place->bins[(time_ms - place->low) / bin_width(place)]++;
	}
}

/* To the bin that holds the rank. */
static void narrow(struct place *place)
{
	int64_t width = bin_width(place);
	size_t bin = 0;

	while (place->below + place->bins[bin] <= place->rank)
		place->below += place->bins[bin++];
	place->low += (int64_t)bin * width;
	if (place->high - place->low >= width)
		place->high = place->low + width - 1;
	memset(place->bins, 0, BINS * sizeof(*place->bins));
}

/* Calls `see` for each usable row, with the number of those before it. */
typedef void see_row(void *context, int64_t i, const struct dataset_row *row);
static int each_usable(const struct rows *rows, see_row *see, void *context, struct err *err)
{
	const struct dataset_row *row;
	struct rows_reader reader;
	int64_t i = 0;
	int result;

	rows_begin(&reader, rows);
	while ((result = rows_next(&reader, &row, err)) > 0) {
		if (row->usable)
			see(context, i++, row);
	}
	rows_done(&reader);
	return result;
}

struct search {
	struct place *places;
	size_t n;
	struct dataset_cut *out;
};

static void see_range(void *context, int64_t i, const struct dataset_row *row)
{
	struct place *range = context;

	if (i == 0 || row->time_ms < range->low)
		range->low = row->time_ms;
	if (i == 0 || row->time_ms > range->high)
		range->high = row->time_ms;
}

static void see_time(void *context, int64_t i, const struct dataset_row *row)
{
	struct search *search = context;

	(void)i;
	count_time(search->places, search->n, row->time_ms);
}

/* Of equal times the line decides. */
static void see_line(void *context, int64_t i, const struct dataset_row *row)
{
	struct search *search = context;

	(void)i;
	for (size_t p = 0; p < search->n; p++) {
		struct place *place = &search->places[p];

		if (row->time_ms == place->low && place->below++ == place->rank)
			search->out[p] = (struct dataset_cut){row->time_ms, row->line};
	}
}

static void see_place(void *context, int64_t i, const struct dataset_row *row)
{
	struct search *search = context;

	for (size_t p = 0; p < search->n; p++) {
		if (i == search->places[p].rank)
			search->out[p] = (struct dataset_cut){row->time_ms, row->line};
	}
}

static int find_places(const struct rows *rows, struct search *search, struct err *err)
{
	struct place range = {0};
	bool more = true;

	if (rows->ordered)
		return each_usable(rows, see_place, search, err);
	if (each_usable(rows, see_range, &range, err))
		return -1;
	for (size_t i = 0; i < search->n; i++) {
		search->places[i].low = range.low;
		search->places[i].high = range.high;
		search->places[i].bins = heap_alloc(BINS, sizeof(int64_t));
	}
	while (more) {
		if (each_usable(rows, see_time, search, err))
			return -1;
		more = false;
		for (size_t i = 0; i < search->n; i++) {
			narrow(&search->places[i]);
			more = more || search->places[i].low < search->places[i].high;
		}
	}
	return each_usable(rows, see_line, search, err);
}

int rows_find_cuts(const struct rows *rows, const int64_t *ranks, size_t n,
                   struct dataset_cut *out, struct err *err)
{
	struct search search = {heap_alloc(n, sizeof(struct place)), 0, out};
	int result = 0;

	for (size_t i = 0; i < n; i++) {
		out[i] = (struct dataset_cut){INT64_MAX, UINT32_MAX};
		if (ranks[i] < rows->n_usable)
			search.places[search.n++].rank = ranks[i];
	}
	if (search.n > 0)
		result = find_places(rows, &search, err);
	for (size_t i = 0; i < search.n; i++)
		free(search.places[i].bins);
	free(search.places);
	return result;
}
