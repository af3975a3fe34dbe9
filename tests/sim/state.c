/* The state folder in memory, with a disk that fills; and a memory of parsed texts, because most of
 * what a look reads is what the look before read. The linker puts these in the place of base's and
 * doc's functions (the Makefile's `wrapped`), for the controller as for the simulator. */
#include <string.h>

#include "base/file.h"
#include "base/heap.h"
#include "doc/doc.h"
#include "sim.h"

/* ---- files ---- */

int __real_file_read(int dir_fd, const char *path, struct buf *out, struct err *err);
int __wrap_file_read(int dir_fd, const char *path, struct buf *out, struct err *err);
int __wrap_file_replace(int dir_fd, const char *path, const void *bytes, size_t len, unsigned mode,
                        struct err *err);
int __wrap_dir_make_all(int dir_fd, const char *path, unsigned mode, struct err *err);
int __wrap_dir_remove_all(int dir_fd, const char *path, struct err *err);

static struct world *owner; /* one world lives at a time */

void state_wire(struct world *world)
{
	owner = world;
	world->config.state_fd = SIM_STATE_FD;
}

int __wrap_file_read(int dir_fd, const char *path, struct buf *out, struct err *err)
{
	const struct bytes *file;

	if (dir_fd != SIM_STATE_FD)
		return __real_file_read(dir_fd, path, out, err);
	file = map_get(&owner->state, path);
	if (!file)
		return err_set(err, ERR_STALLED, "%s: not there", path);
	buf_add(out, file->data, file->len);
	return 0;
}

int __wrap_file_replace(int dir_fd, const char *path, const void *bytes, size_t len, unsigned mode,
                        struct err *err)
{
	struct bytes *file;

	(void)mode;
	if (dir_fd != SIM_STATE_FD)
		panic("%s: a file outside of the simulated state", path);
	if (owner->crashed)
		return err_set(err, ERR_TRANSIENT, "%s: the process is dying", path);
	if (world_disk_full(owner))
		return err_set(err, ERR_TRANSIENT, "%s: no space left on device", path);
	if (!strncmp(path, "evidence/", strlen("evidence/")))
		assert_evidence(owner, path, bytes, len);
	file = arena_new(&owner->arena, struct bytes);
	*file = (struct bytes){arena_memdup(&owner->arena, bytes, len), len};
	map_put(&owner->state, path, file);
	return 0;
}

int __wrap_dir_make_all(int dir_fd, const char *path, unsigned mode, struct err *err)
{
	(void)mode;
	(void)err;
	if (dir_fd != SIM_STATE_FD)
		panic("%s: a folder outside of the simulated state", path);
	return 0;
}

int __wrap_dir_remove_all(int dir_fd, const char *path, struct err *err)
{
	(void)err;
	if (dir_fd != SIM_STATE_FD)
		panic("%s: removed outside of the simulated state", path);
	if (!owner->crashed)
		map_remove(&owner->state, path);
	return 0;
}

/* ---- parsed texts ---- */

enum { TEXTS = 1 << 13, TEXTS_BYTES = 192 << 20 };

int __real_yaml_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
                      struct node ***docs, size_t *n, struct place *place, struct err *err);
int __wrap_yaml_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
                      struct node ***docs, size_t *n, struct place *place, struct err *err);

static struct arena parsed_arena;
static struct parsed {
	const char *text;
	size_t len;
	struct node **docs;
	size_t n;
} parsed[TEXTS];

/* Between two worlds: nothing points into the trees then. */
void texts_forget(void)
{
	if (!parsed_arena.bytes_max)
		arena_init(&parsed_arena, (size_t)2 << 30);
	if (parsed_arena.bytes_used < TEXTS_BYTES)
		return;
	arena_reset(&parsed_arena);
	memset(parsed, 0, sizeof(parsed));
}

static uint64_t text_hash(const char *text, size_t len)
{
	uint64_t hash = len * 0x9e3779b97f4a7c15u, word;

	for (; len >= 8; text += 8, len -= 8) {
		memcpy(&word, text, 8);
		hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
		hash ^= hash >> 29;
	}
	for (; len > 0; text++, len--)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash ^ (hash >> 32);
}

int __wrap_yaml_parse(const char *text, size_t len, size_t bytes_max, struct arena *arena,
                      struct node ***docs, size_t *n, struct place *place, struct err *err)
{
	struct parsed *entry = &parsed[text_hash(text, len) % TEXTS];

	if (entry->text && entry->len == len && !memcmp(entry->text, text, len) &&
	    (!bytes_max || len <= bytes_max)) {
		*docs = entry->docs;
		*n = entry->n;
		return 0;
	}
	if (!parsed_arena.bytes_max)
		return __real_yaml_parse(text, len, bytes_max, arena, docs, n, place, err);
	if (__real_yaml_parse(text, len, bytes_max, &parsed_arena, docs, n, place, err))
		return -1;
	*entry = (struct parsed){arena_strndup(&parsed_arena, text, len), len, *docs, *n};
	return 0;
}
