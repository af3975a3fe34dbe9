#include "dataset/rows.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

/* ---- Rows ---- */

/* A row takes few bytes: one of these, with how many bytes follow that say how much later than the
 * one before it is, the lowest first; then what is not as it mostly is. */
enum {
	ROW_USABLE = 1,
	ROW_NEXT_LINE = 2,
	ROW_HAS_BUCKET = 4,
	ROW_HAS_LEN = 8,
	ROW_BYTES_AT = 4 /* bits */
};
enum { ROW_MOST = 1 + sizeof(uint64_t) + sizeof(uint32_t) + 2 * sizeof(uint16_t) };

struct rows {
	struct spool spool;
	struct dataset_row last;
	int64_t n, n_usable, newest_ms;
	bool ordered; /* no usable row is older than the one before */
};

int rows_open(int dir_fd, const char *path, struct rows **out, struct err *err)
{
	struct rows *rows = heap_alloc(1, sizeof(*rows));

	*rows = (struct rows){.newest_ms = INT64_MIN, .ordered = true};
	if (spool_open(dir_fd, path, "rows", &rows->spool, err)) {
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
	spool_close(&rows->spool);
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
	char *start = spool_room(&rows->spool, ROW_MOST, err), *out = start;

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
	rows->spool.len += (size_t)(out - start);
	rows->last = *row;
	rows->n++;
	return 0;
}

int rows_add(struct rows *rows, const struct dataset_row *row, struct err *err)
{
	if (row->usable) {
		rows->n_usable++;
		rows->ordered = rows->ordered && row->time_ms >= rows->newest_ms;
		rows->newest_ms = row->time_ms;
	}
	return put_row(rows, row, err);
}

int rows_end(struct rows *rows, struct err *err)
{
	return spool_end(&rows->spool, err);
}

void rows_begin(struct rows_reader *reader, const struct rows *rows)
{
	*reader = (struct rows_reader){.left = rows->n};
	reading_begin(&reader->reading, &rows->spool);
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
