#include "dataset/ids.h"

#include <stdlib.h>

#include "base/heap.h"
#include "dataset/internal.h"
#include "dataset/spool.h"

/* One of those that have a key together. */
struct alike {
	uint64_t key;
	uint64_t other; /* of the id, another key: who has both has the id */
	int64_t line;   /* where it was seen first; 0: this is free for the next id of its key */
};

struct ids {
	struct spool spool; /* the keys */
	int64_t n;
	struct alike *alike; /* heap, sorted by key */
	size_t n_alike;
};

int ids_open(int dir_fd, const char *path, struct ids **out, struct err *err)
{
	struct ids *ids = heap_alloc(1, sizeof(*ids));

	if (spool_open(dir_fd, path, "ids", &ids->spool, err)) {
		ids_free(ids);
		return -1;
	}
	*out = ids;
	return 0;
}

void ids_free(struct ids *ids)
{
	if (!ids)
		return;
	spool_close(&ids->spool);
	free(ids->alike);
	free(ids);
}

static uint64_t id_key(const char *id, size_t len)
{
	return bytes_key(id, len, 1);
}

int ids_add(struct ids *ids, const char *id, size_t len, struct err *err)
{
	uint64_t key = id_key(id, len);
	char *out = spool_room(&ids->spool, sizeof(key), err);

	if (!out)
		return -1;
	memcpy(out, &key, sizeof(key));
	ids->spool.len += sizeof(key);
	ids->n++;
	return 0;
}

/* ---- Keys that several have ---- */

/* Two Bloom filters of two bits a key (Bloom 1970), both in one word, which costs one look at
 * memory: `seen` of all keys; `again`, which is smaller, of those that were found in the first.
 * Only rows of the second are compared, a few of a hundred. With more than PASS_ROWS rows, each
 * pass looks at the keys of one remainder. */
enum { FILTER_BITS_LEAST = 1 << 12, FILTER_BITS_MOST = 1 << 27, PASS_ROWS = 16 << 20 };
enum { SMALLER = 16, AHEAD_KEYS = 8, SUSPECTS_MOST = 1 << 20 };

struct filter {
	uint64_t *words;
	uint64_t n; /* a power of two */
};
struct finder {
	const struct ids *ids;
	struct filter seen, again;
	uint64_t pass, passes;
	uint64_t *suspects; /* first those of earlier passes that several rows have */
	size_t n, n_alike, capacity;
	unsigned zeros; /* only keys with so many zero bits in one place are suspects */
	bool enough;
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
static void look_ahead(const struct reading *reading, const struct filter *filter)
{
	size_t at = reading->at + AHEAD_KEYS * sizeof(uint64_t);
	uint64_t key;

	if (at >= reading->end)
		return;
	memcpy(&key, reading->bytes + at, sizeof(key));
	__builtin_prefetch(word_of(filter, key), 1);
}

static void note_key(struct finder *finder, uint64_t key)
{
	if (put_in(&finder->seen, key))
		(void)put_in(&finder->again, key);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Of the suspects of this pass those stay that are no single ones. */
static void keep_alike(struct finder *finder)
{
	uint64_t *from = finder->suspects + finder->n_alike, *to = from;
	size_t n = finder->n - finder->n_alike;

	if (n > 0)
		qsort(from, n, sizeof(*from), by_number);
	for (size_t i = 0; i < n; i++)
		if ((i > 0 && from[i - 1] == from[i]) || (i + 1 < n && from[i + 1] == from[i]))
			*to++ = from[i];
	finder->n = finder->n_alike = (size_t)(to - finder->suspects);
}

static bool is_sampled(const struct finder *finder, uint64_t key)
{
	return (key >> 40 & ((UINT64_C(1) << finder->zeros) - 1)) == 0;
}

/* There are too many suspects. When some of them are alike, that is enough to know. Else their
 * likes come later, as in a file that holds all rows twice, and half of the keys will do. */
static void thin_out(struct finder *finder)
{
	size_t n = finder->n;

	keep_alike(finder);
	finder->enough = finder->n > 0;
	if (finder->enough)
		return;
	finder->zeros++;
	for (size_t i = 0; i < n; i++)
		if (is_sampled(finder, finder->suspects[i]))
			finder->suspects[finder->n++] = finder->suspects[i];
}

static void take_suspect(struct finder *finder, uint64_t key)
{
	if (finder->enough || !is_in(&finder->again, key) || !is_sampled(finder, key))
		return;
	if (finder->n == finder->capacity) {
		finder->capacity = finder->capacity ? finder->capacity * 2 : 1024;
		finder->suspects = heap_resize(finder->suspects, finder->capacity,
		                               sizeof(*finder->suspects));
	}
	finder->suspects[finder->n++] = key;
	if (finder->n == SUSPECTS_MOST)
		thin_out(finder);
}

static int each_key(struct finder *finder, const struct filter *filter,
                    void (*look)(struct finder *, uint64_t), struct err *err)
{
	struct reading reading;
	uint64_t key;
	int result = 0;

	reading_begin(&reading, &finder->ids->spool);
	for (int64_t left = finder->ids->n; left > 0 && !result; left--) {
		result = reading_more(&reading, sizeof(key), err);
		if (result)
			break;
		look_ahead(&reading, filter);
		memcpy(&key, reading.bytes + reading.at, sizeof(key));
		reading.at += sizeof(key);
		if (finder->passes == 1 || (key >> 32) % finder->passes == finder->pass)
			look(finder, key);
	}
	reading_done(&reading);
	return result;
}

static int one_pass(struct finder *finder, struct err *err)
{
	memset(finder->seen.words, 0, finder->seen.n * sizeof(uint64_t));
	memset(finder->again.words, 0, finder->again.n * sizeof(uint64_t));
	if (each_key(finder, &finder->seen, note_key, err) ||
	    each_key(finder, &finder->again, take_suspect, err))
		return -1;
	keep_alike(finder);
	return 0;
}

static int find_alike(struct finder *finder, struct err *err)
{
	uint64_t bits = FILTER_BITS_LEAST;
	int result = 0;

	while (bits < FILTER_BITS_MOST && bits < 8 * (uint64_t)finder->ids->n)
		bits *= 2;
	filter_init(&finder->seen, bits);
	filter_init(&finder->again, bits / SMALLER);
	for (; !result && finder->pass < finder->passes && !finder->enough; finder->pass++)
		result = one_pass(finder, err);
	free(finder->seen.words);
	free(finder->again.words);
	return result;
}

int ids_end(struct ids *ids, size_t *n, struct err *err)
{
	struct finder finder = {.ids = ids, .passes = 1 + (uint64_t)ids->n / PASS_ROWS};

	if (spool_end(&ids->spool, err) || find_alike(&finder, err)) {
		free(finder.suspects);
		return -1;
	}
	if (finder.n > 0)
		qsort(finder.suspects, finder.n, sizeof(*finder.suspects), by_number);
	ids->alike = heap_alloc(finder.n, sizeof(*ids->alike));
	for (size_t i = 0; i < finder.n; i++)
		ids->alike[i].key = finder.suspects[i];
	free(finder.suspects);
	*n = ids->n_alike = finder.n;
	return 0;
}

/* ---- Of these, who has the same id ---- */

/* The first of that key, or the end of all. */
static struct alike *first_of(const struct ids *ids, uint64_t key)
{
	size_t from = 0, to = ids->n_alike;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (ids->alike[middle].key < key)
			from = middle + 1;
		else
			to = middle;
	}
	return &ids->alike[from];
}

int64_t ids_again(struct ids *ids, const char *id, size_t len, int64_t line)
{
	uint64_t key = id_key(id, len), other = bytes_key(id, len, 2);
	struct alike *alike = first_of(ids, key), *end = ids->alike + ids->n_alike;

	for (; alike < end && alike->key == key; alike++) {
		if (alike->line && alike->other == other)
			return alike->line;
		if (alike->line)
			continue;
		*alike = (struct alike){key, other, line};
		return 0;
	}
	return 0;
}
