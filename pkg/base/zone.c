#include "base/zone.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#define FOLDER "/usr/share/zoneinfo"
enum { ZONE_BYTES_MAX = 64 << 10, LIST_BYTES_MAX = 1 << 20, HEADER_BYTES = 44 };

/* ---- what the clocks show ---- */

bool zone_find(const struct zones *zones, const char *name, const struct zone **out)
{
	*out = NULL;
	for (size_t i = 0; name && i < zones->n && !*out; i++)
		if (strcmp(zones->items[i].name, name) == 0)
			*out = &zones->items[i];
	return *out || !name || strcmp(name, "UTC") == 0;
}

int64_t zone_offset(const struct zone *zone, int64_t at_ms)
{
	int64_t offset_ms = zone ? zone->turns[0].offset_ms : 0;

	for (size_t i = 1; zone && i < zone->n && zone->turns[i].at_ms <= at_ms; i++)
		offset_ms = zone->turns[i].offset_ms;
	return offset_ms;
}

int64_t zone_to_utc(const struct zone *zone, int64_t local_ms)
{
	for (size_t i = 0; zone && i < zone->n; i++) {
		int64_t at_ms = local_ms - zone->turns[i].offset_ms;

		if (i + 1 == zone->n || at_ms < zone->turns[i + 1].at_ms)
			return i && at_ms < zone->turns[i].at_ms ? zone->turns[i].at_ms : at_ms;
	}
	return local_ms;
}

/* ---- the files ---- */

static int64_t number_at(const unsigned char *at, int bytes)
{
	uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return (int64_t)value;
}

/* One of the two blocks of a file: header, times, their types, types, the rest. */
struct block {
	const unsigned char *times, *indices, *types, *end;
	int64_t n_times, n_types;
};

static bool find_block(const unsigned char *at, const unsigned char *limit, int width,
                       struct block *out)
{
	int64_t counts[6], bytes;

	if (limit - at < HEADER_BYTES || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
		return false;
	for (int i = 0; i < 6; i++) { /* isut, isstd, leap, time, type, char */
		counts[i] = number_at(at + 20 + i * 4, 4);
		if (counts[i] < 0 || counts[i] > ZONE_BYTES_MAX)
			return false;
	}
	bytes = counts[3] * (width + 1) + counts[4] * 6 + counts[5] + counts[2] * (width + 4) +
	        counts[1] + counts[0];
	if (counts[4] < 1 || bytes > limit - at - HEADER_BYTES)
		return false;
	out->times = at + HEADER_BYTES;
	out->indices = out->times + counts[3] * width;
	out->types = out->indices + counts[3];
	out->end = out->times + bytes;
	out->n_times = counts[3];
	out->n_types = counts[4];
	return true;
}

static bool read_turns(const struct block *block, int64_t from_ms, int64_t to_ms, struct zone *out)
{
	out->turns[0] = (struct zone_turn){INT64_MIN, number_at(block->types, 4) * 1000};
	out->n = 1;
	for (int64_t i = 0; i < block->n_times; i++) {
		int64_t at_s = number_at(block->times + i * 8, 8);
		struct zone_turn turn = {at_s * 1000, 0};

		if (block->indices[i] >= block->n_types)
			return false;
		turn.offset_ms = number_at(block->types + block->indices[i] * 6, 4) * 1000;
		if (at_s <= from_ms / 1000)
			out->turns[0].offset_ms = turn.offset_ms;
		else if (at_s < to_ms / 1000 && out->n < ZONE_TURNS)
			out->turns[out->n++] = turn;
	}
	return true;
}

static int decode_zone(const unsigned char *text, size_t len, int64_t from_ms, int64_t to_ms,
                       struct zone *out, struct err *err)
{
	const unsigned char *limit = text + len;
	struct block old, block;
	int64_t last_s;

	assert(to_ms - from_ms <= INT64_C(20) * 366 * 24 * 3600 * 1000);
	if (!find_block(text, limit, 4, &old) || !find_block(old.end, limit, 8, &block) ||
	    !read_turns(&block, from_ms, to_ms, out))
		return err_set(err, ERR_STALLED, "is no time zone file");
	/* after its last time a rule holds, which has a comma where clocks are turned */
	last_s = block.n_times ? number_at(block.times + (block.n_times - 1) * 8, 8) : INT64_MIN;
	if (last_s < to_ms / 1000 && memchr(block.end, ',', (size_t)(limit - block.end)))
		return err_set(err, ERR_STALLED, "does not list the years to come; install tzdata");
	return 0;
}

static bool two_digits(const char *text, int max, int64_t *out)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	*out = (text[0] - '0') * 10 + (text[1] - '0');
	return *out <= max;
}

static bool is_fixed(const char *name, int64_t *offset_ms)
{
	int64_t hours, minutes;

	*offset_ms = 0;
	if (strcmp(name, "UTC") == 0)
		return true;
	if (strlen(name) != 6 || (name[0] != '+' && name[0] != '-') || name[3] != ':' ||
	    !two_digits(name + 1, 14, &hours) || !two_digits(name + 4, 59, &minutes))
		return false;
	*offset_ms = (hours * 60 + minutes) * 60000 * (name[0] == '-' ? -1 : 1);
	return true;
}

/* Letters, digits, '_', '-', '+' and '/' inside: nothing that leads out of the folder. */
static bool is_zone_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                              "0123456789_-+/";

	return name[0] && name[0] != '/' && strlen(name) < 64 && !name[strspn(name, letters)];
}

static int read_zone(const char *name, char *text, size_t *len, struct err *err)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	if (!is_zone_name(name) || file_open(AT_FDCWD, path, &fd, err))
		return err_set(err, ERR_STALLED, "timeZone '%s' is not known here; write UTC, an offset "
		               "such as +02:00, or a name of the IANA data base such as Europe/Berlin",
		               name);
	n = read(fd, text, ZONE_BYTES_MAX);
	close(fd);
	if (n < 0)
		return err_set(err, ERR_TRANSIENT, "%s cannot be read", path);
	*len = (size_t)n;
	return 0;
}

int zone_load(const char *name, int64_t from_ms, int64_t to_ms, struct zone *out, struct err *err)
{
	char text[ZONE_BYTES_MAX];
	struct zone zone = {.n = 1};
	size_t len = 0;

	if (!is_fixed(name, &zone.turns[0].offset_ms)) {
		if (read_zone(name, text, &len, err))
			return -1;
		if (decode_zone((const unsigned char *)text, len, from_ms, to_ms, &zone, err))
			return err_wrap(err, "timeZone '%s': " FOLDER "/%s", name, name);
	}
	zone.name = name;
	*out = zone;
	return 0;
}

const char *zone_nearest(const char *name, struct arena *arena)
{
	const char **names = NULL;
	struct err ignored = {0};
	struct buf list;
	size_t n = 0;
	char *line, *end;

	buf_init(&list, LIST_BYTES_MAX);
	if (file_read(AT_FDCWD, FOLDER "/tzdata.zi", &list, &ignored)) {
		buf_deinit(&list);
		return NULL;
	}
	line = arena_strndup(arena, list.text, list.len);
	buf_deinit(&list);
	for (; line && *line; line = end) { /* "Z name ..." of a zone, "L zone name" of a link */
		bool link = strncmp(line, "L ", 2) == 0;

		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		if (link || strncmp(line, "Z ", 2) == 0) {
			const char *found = strchr(line, ' ') + 1;

			if (link && strchr(found, ' '))
				found = strchr(found, ' ') + 1;
			*list_push(arena, &names, &n) =
				arena_strndup(arena, found, strcspn(found, " "));
		}
	}
	return nearest(name, names, (int)n);
}
