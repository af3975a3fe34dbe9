#include "dataset/rows.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/limits.h"

enum { CHUNK = 2048 };

struct rows {
	int fd;
	struct dataset_row *chunk; /* of what is not yet in the file; NULL after rows_end */
	size_t in_chunk, n;
	int64_t n_usable, newest_ms;
	bool ordered; /* no usable row is older than the one before */
};

int rows_open(int dir_fd, const char *path, struct rows **out, struct err *err)
{
	char aside[LIMIT_FILE_PATH];
	struct rows *rows;
	int fd;

	if ((size_t)snprintf(aside, sizeof(aside), "%s.rows", path) >= sizeof(aside))
		return err_set(err, ERR_STALLED, "%s: the path is too long", path);
	fd = openat(dir_fd, aside, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || unlinkat(dir_fd, aside, 0)) {
		err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", aside);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	rows = heap_alloc(1, sizeof(*rows));
	*rows = (struct rows){.fd = fd, .newest_ms = INT64_MIN, .ordered = true};
	rows->chunk = heap_alloc(CHUNK, sizeof(*rows->chunk));
	*out = rows;
	return 0;
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	close(rows->fd);
	free(rows->chunk);
	free(rows);
}

static int flush(struct rows *rows, struct err *err)
{
	const char *next = (const char *)rows->chunk;
	size_t left = rows->in_chunk * sizeof(*rows->chunk);

	while (left > 0) {
		ssize_t n = write(rows->fd, next, left);

		if (n < 0 && errno != EINTR)
			return err_errno(err, ERR_TRANSIENT, errno, "cannot write what is known of its rows");
		if (n > 0) {
			next += n;
			left -= (size_t)n;
		}
	}
	rows->in_chunk = 0;
	return 0;
}

int rows_add(struct rows *rows, const struct dataset_row *row, struct err *err)
{
	rows->chunk[rows->in_chunk++] = *row;
	rows->n++;
	if (row->usable) {
		rows->n_usable++;
		rows->ordered = rows->ordered && row->time_ms >= rows->newest_ms;
		rows->newest_ms = row->time_ms;
	}
	return rows->in_chunk == CHUNK ? flush(rows, err) : 0;
}

int rows_end(struct rows *rows, struct err *err)
{
	if (flush(rows, err))
		return -1;
	free(rows->chunk);
	rows->chunk = NULL;
	return 0;
}

/* ---- Reading ---- */

void rows_begin(struct rows_reader *reader, const struct rows *rows)
{
	assert(!rows->chunk);
	*reader = (struct rows_reader){.rows = rows};
	reader->chunk = heap_alloc(CHUNK, sizeof(*reader->chunk));
}

static int fill(struct rows_reader *reader, struct err *err)
{
	size_t left = reader->rows->n - reader->next, n = left < CHUNK ? left : CHUNK;
	size_t size = n * sizeof(*reader->chunk), done = 0;

	while (done < size) {
		ssize_t got = pread(reader->rows->fd, (char *)reader->chunk + done, size - done,
		                    (off_t)(reader->next * sizeof(*reader->chunk) + done));

		if (got == 0 || (got < 0 && errno != EINTR))
			return err_errno(err, ERR_TRANSIENT, got ? errno : EIO,
			                 "cannot read what is known of its rows");
		done += got > 0 ? (size_t)got : 0;
	}
	reader->n = n;
	reader->at = 0;
	reader->next += n;
	return 0;
}

int rows_next(struct rows_reader *reader, const struct dataset_row **out, struct err *err)
{
	if (reader->at == reader->n) {
		if (reader->next == reader->rows->n)
			return 0;
		if (fill(reader, err))
			return -1;
	}
	*out = &reader->chunk[reader->at++];
	return 1;
}

void rows_done(struct rows_reader *reader)
{
	free(reader->chunk);
	*reader = (struct rows_reader){0};
}

/* ---- Ids given twice ---- */

/* Two Bloom filters of two bits a key (Bloom 1970), both in one word, which costs one look at
 * memory: `seen` of all keys; `again` of those that were found in the first. Only rows of the
 * second are compared, a few of a hundred. With more than PASS_ROWS rows, each pass looks at the
 * keys of one remainder. */
enum { FILTER_BITS_LEAST = 1 << 12, FILTER_BITS_MOST = 1 << 27, PASS_ROWS = 16 << 20 };
enum { AHEAD_ROWS = 8 };

struct finder {
	const struct rows *rows;
	uint64_t *seen, *again;
	uint64_t bits; /* of each filter */
	uint64_t pass, passes;
	struct suspect {
		uint64_t key[2];
		uint32_t line;
	} *suspects;
	size_t n, capacity;
};

static uint64_t bits_of(uint64_t key)
{
	return UINT64_C(1) << (key >> 58) | UINT64_C(1) << (key >> 52 & 63);
}

static bool is_in(const struct finder *finder, const uint64_t *filter, uint64_t key)
{
	return (filter[key & (finder->bits / 64 - 1)] & bits_of(key)) == bits_of(key);
}

/* Whether it was there before. */
static bool put_in(const struct finder *finder, uint64_t *filter, uint64_t key)
{
	bool was = is_in(finder, filter, key);

	filter[key & (finder->bits / 64 - 1)] |= bits_of(key);
	return was;
}

/* Fetches what a row that comes soon will look at: a filter is larger than a core's caches. */
static void look_ahead(const struct rows_reader *reader, const struct finder *finder,
                       const uint64_t *filter)
{
	if (reader->at + AHEAD_ROWS < reader->n)
		__builtin_prefetch(
			&filter[reader->chunk[reader->at + AHEAD_ROWS].key[0] & (finder->bits / 64 - 1)], 1);
}

static void note_key(struct finder *finder, const struct dataset_row *row)
{
	if (put_in(finder, finder->seen, row->key[0]))
		(void)put_in(finder, finder->again, row->key[0]);
}

static void take_suspect(struct finder *finder, const struct dataset_row *row)
{
	if (finder->n == ROWS_TWICE_MAX || !is_in(finder, finder->again, row->key[0]))
		return;
	if (finder->n == finder->capacity) {
		finder->capacity = finder->capacity ? finder->capacity * 2 : 1024;
		finder->suspects = heap_resize(finder->suspects, finder->capacity,
		                               sizeof(*finder->suspects));
	}
	finder->suspects[finder->n++] = (struct suspect){{row->key[0], row->key[1]}, row->line};
}

static int each_key(struct finder *finder, const uint64_t *filter,
                    void (*look)(struct finder *, const struct dataset_row *), struct err *err)
{
	const struct dataset_row *row;
	struct rows_reader reader;
	int result;

	rows_begin(&reader, finder->rows);
	while ((result = rows_next(&reader, &row, err)) > 0) {
		look_ahead(&reader, finder, filter);
		if (row->usable && (finder->passes == 1 || row->key[1] % finder->passes == finder->pass))
			look(finder, row);
	}
	rows_done(&reader);
	return result;
}

static int by_key(const void *a, const void *b)
{
	const struct suspect *left = a, *right = b;

	for (int i = 0; i < 2; i++) {
		if (left->key[i] != right->key[i])
			return left->key[i] < right->key[i] ? -1 : 1;
	}
	return left->line < right->line ? -1 : left->line > right->line;
}

static int by_line(const void *a, const void *b)
{
	const struct rows_twice *left = a, *right = b;

	return left->line < right->line ? -1 : left->line > right->line;
}

static void compare(struct finder *finder, struct rows_twice *out, size_t *n)
{
	const struct suspect *first = finder->suspects;

	if (finder->n > 0)
		qsort(finder->suspects, finder->n, sizeof(*finder->suspects), by_key);
	for (size_t i = 1; i < finder->n; i++) {
		const struct suspect *one = &finder->suspects[i];

		if (memcmp(one->key, first->key, sizeof(one->key)))
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
	struct finder finder = {.rows = rows, .bits = FILTER_BITS_LEAST,
	                        .passes = 1 + rows->n / PASS_ROWS};
	int result = 0;

	while (finder.bits < FILTER_BITS_MOST && finder.bits < 8 * rows->n)
		finder.bits *= 2;
	finder.seen = heap_alloc(finder.bits / 64, sizeof(uint64_t));
	finder.again = heap_alloc(finder.bits / 64, sizeof(uint64_t));
	for (; !result && finder.pass < finder.passes; finder.pass++) {
		memset(finder.seen, 0, finder.bits / 8);
		memset(finder.again, 0, finder.bits / 8);
		result = each_key(&finder, finder.seen, note_key, err) ||
		         each_key(&finder, finder.again, take_suspect, err) ? -1 : 0;
	}
	free(finder.seen);
	free(finder.again);
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
