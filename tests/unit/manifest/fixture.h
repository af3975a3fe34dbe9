/* What the tests of manifest share: memory for a test, files, and blobs by id. */
#ifndef LINNET_TESTS_MANIFEST_FIXTURE_H
#define LINNET_TESTS_MANIFEST_FIXTURE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/manifest.h"

#define GOLDEN "tests/golden/manifest/"

/* An arena of its own for each test, and the blobs that were "committed" in it. */
struct fixture {
	struct arena arena;
	struct map blobs; /* id -> text, both owned */
	int reads;
};

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	arena_init(&fixture->arena, 1 << 30);
	*state = fixture;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < fixture->blobs.n; i++)
		free(fixture->blobs.entries[i].value);
	map_deinit(&fixture->blobs);
	arena_deinit(&fixture->arena);
	free(fixture);
	return 0;
}

static inline struct oid blob_put(struct fixture *fixture, const char *text)
{
	struct digest digest = digest_of(text, strlen(text));
	struct oid blob;

	memcpy(blob.hex, digest.hex, sizeof(blob.hex) - 1);
	blob.hex[sizeof(blob.hex) - 1] = '\0';
	free(map_put(&fixture->blobs, blob.hex, strdup(text)));
	return blob;
}

static inline int blob_read(void *self, struct oid blob, struct arena *arena, struct bytes *out,
                            struct err *err)
{
	struct fixture *fixture = self;
	const char *text = map_get(&fixture->blobs, blob.hex);

	fixture->reads++;
	if (!text)
		return err_set(err, ERR_TRANSIENT, "the object store does not answer");
	*out = (struct bytes){arena_strdup(arena, text), strlen(text)};
	return 0;
}

static inline const char *read_file(struct fixture *fixture, const char *path)
{
	struct err err = {0};
	struct buf text;
	const char *copy;

	buf_init(&text, 1 << 20);
	if (file_read(AT_FDCWD, path, &text, &err) < 0)
		fail_msg("%s", err.text);
	copy = arena_strdup(&fixture->arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

/* A text as a file of the fleet; NULL takes the file away. */
static inline void put(struct fixture *fixture, struct fleet *fleet, const char *path,
                       const char *text, struct map *dirty)
{
	struct oid blob = {{0}};
	struct map unwanted = {0};

	if (text)
		blob = blob_put(fixture, text);
	fleet_put(fleet, path, blob, text, text ? strlen(text) : 0, dirty ? dirty : &unwanted);
	map_deinit(&unwanted);
}

static inline const char *diagnostics_text(struct fixture *fixture,
                                           const struct diagnostics *diagnostics)
{
	struct buf text;
	const char *copy;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < diagnostics->n; i++) {
		diagnostic_text(&diagnostics->items[i], &text);
		buf_puts(&text, "\n");
	}
	copy = arena_strdup(&fixture->arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

/* Compares with a file of expected text; LINNET_GOLDEN=write writes it, for a person to review. */
static inline void assert_golden(struct fixture *fixture, const char *path, const char *text)
{
	const char *mode = getenv("LINNET_GOLDEN");
	struct err err = {0};

	if (mode && strcmp(mode, "write") == 0) {
		if (file_replace(AT_FDCWD, path, text, strlen(text), 0644, &err) < 0)
			fail_msg("%s", err.text);
		return;
	}
	assert_string_equal(text, read_file(fixture, path));
}

#endif
