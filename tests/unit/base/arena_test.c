#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/death.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static bool is_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* Sizes around the chunk and the alignment; each item is written full, so that an overlap shows. */
static void gives_zeroed_aligned_items_that_do_not_overlap(void **state)
{
	static const size_t sizes[] = {0,     1,     15,    16,    17,    100,   4096,  16384,
	                               16385, 65535, 65536, 65537, 70000, 33333, 1,     1 << 20};
	unsigned char *items[4][ARRAY_LEN(sizes)];
	struct arena arena;

	(void)state;
	arena_init(&arena, 16 << 20);
	for (size_t round = 0; round < 2; round++) {
		for (size_t k = 0; k < 4; k++) {
			for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
				unsigned char *item = arena_alloc(&arena, sizes[i]);

				assert_non_null(item);
				assert_int_equal((uintptr_t)item % alignof(max_align_t), 0);
				assert_true(is_zero(item, sizes[i]));
				memset(item, (int)(k * 16 + i + 1), sizes[i]);
				items[k][i] = item;
			}
		}
		for (size_t k = 0; k < 4; k++) {
			for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
				for (size_t j = 0; j < sizes[i]; j++)
					assert_int_equal(items[k][i][j], k * 16 + i + 1);
			}
		}
		arena_reset(&arena);
		assert_int_equal(arena.bytes_used, 0);
	}
	arena_deinit(&arena);
}

static void copies_text(void **state)
{
	struct arena arena;
	char word[] = "linnet";
	char *copy, *part, *bytes;

	(void)state;
	arena_init(&arena, 4096);
	copy = arena_strdup(&arena, word);
	part = arena_strndup(&arena, word, 3);
	bytes = arena_memdup(&arena, "a\0b", 3);
	word[0] = 'X';
	assert_string_equal(copy, "linnet");
	assert_string_equal(part, "lin");
	assert_memory_equal(bytes, "a\0b", 3);
	assert_string_equal(arena_strndup(&arena, word, 99), "Xinnet");
	assert_string_equal(arena_strndup(&arena, word, 0), "");
	assert_string_equal(arena_printf(&arena, "%s-%03d", word, 7), "Xinnet-007");
	assert_string_equal(arena_printf(&arena, "%s", ""), "");
	assert_int_equal(strlen(arena_printf(&arena, "%02000d", 1)), 2000);
	assert_null(arena_strdup(&arena, NULL));
	assert_null(arena_strndup(&arena, NULL, 4));
	assert_non_null(arena_memdup(&arena, NULL, 0));
	arena_deinit(&arena);
	arena_deinit(&(struct arena){0});
}

struct item {
	int64_t id;
	char tag[20];
};

static void lists_grow_in_order(void **state)
{
	struct {
		struct item *items;
		size_t n;
	} list = {0};
	struct arena arena;

	(void)state;
	arena_init(&arena, 1 << 20);
	for (int64_t i = 0; i < 1000; i++) {
		struct item *item = list_push(&arena, &list.items, &list.n);

		assert_ptr_equal(item, &list.items[i]);
		assert_true(is_zero((const unsigned char *)item, sizeof(*item)));
		*item = (struct item){.id = i, .tag = "not zero"};
	}
	assert_int_equal(list.n, 1000);
	for (int64_t i = 0; i < 1000; i++)
		assert_int_equal(list.items[i].id, i);
	/* 1 + 2 + 4 + ... + 1024 items */
	assert_true(arena.bytes_used <= 2048 * sizeof(struct item) + 1024);
	list.n = 5;
	assert_true(is_zero((void *)list_push(&arena, &list.items, &list.n), sizeof(struct item)));
	assert_int_equal(list.items[4].id, 4);
	arena_deinit(&arena);
}

/* The chunk of one pass serves the next one; a large item has a place of its own. */
static void a_reset_keeps_one_chunk(void **state)
{
	struct arena arena;
	char *first, *second, *large;

	(void)state;
	if (SANITIZED)
		skip();
	arena_init(&arena, 16 << 20);
	first = arena_alloc(&arena, 100);
	large = arena_alloc(&arena, 1 << 20);
	second = arena_alloc(&arena, 100);
	assert_int_equal(second - first, 112);
	memset(first, 'x', 100);
	memset(second, 'x', 100);
	memset(large, 'x', 1 << 20);
	arena_reset(&arena);
	second = arena_alloc(&arena, 212);
	assert_ptr_equal(second, first);
	assert_true(is_zero((unsigned char *)second, 212));
	arena_reset(&arena);
	for (int i = 0; i < 1000; i++)
		arena_alloc(&arena, 10000);
	arena_reset(&arena);
	assert_non_null(arena_alloc(&arena, 1));
	arena_deinit(&arena);
	assert_int_equal(arena.bytes_used, 0);
	assert_non_null(arena_alloc(&arena, 1 << 20));
	assert_non_null(arena_alloc(&arena, 1));
	arena_deinit(&arena);
}

static void take_size(void *arg)
{
	struct arena arena;

	arena_init(&arena, 1000);
	arena_alloc(&arena, 500);
	arena_alloc(&arena, *(volatile size_t *)arg);
}

static void overflow(void *arg)
{
	struct arena arena;

	arena_init(&arena, 1 << 20);
	arena_calloc(&arena, *(volatile size_t *)arg, 16);
}

static void panics_past_the_limit(void **state)
{
	size_t fits = 488, too_much = 489, wraps = SIZE_MAX / 16 + 2, most = SIZE_MAX;

	(void)state;
	assert_int_equal(run_in_child(take_size, &fits), 0);
	assert_true(aborts(take_size, &too_much));
	assert_true(aborts(take_size, &most));
	assert_true(aborts(overflow, &wraps));
}

static void the_limit_holds_for_each_pass_anew(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena, 200000);
	for (int pass = 0; pass < 100; pass++) {
		for (int i = 0; i < 12; i++)
			arena_alloc(&arena, 16000);
		assert_int_equal(arena.bytes_used, 192000);
		arena_reset(&arena);
	}
	arena_deinit(&arena);
}

static void write_past_an_item(void *arg)
{
	struct arena arena;
	char *item;

	arena_init(&arena, 4096);
	item = arena_alloc(&arena, 5);
	arena_alloc(&arena, 5);
	item[*(volatile size_t *)arg] = 1;
}

static void use_after_reset(void *arg)
{
	struct arena arena;
	volatile char *item;

	arena_init(&arena, 4096);
	item = arena_alloc(&arena, 5);
	arena_reset(&arena);
	item[*(size_t *)arg] = 1;
}

static void the_sanitizer_sees_each_item(void **state)
{
	size_t inside = 4, outside = 5;

	(void)state;
	if (!SANITIZED)
		skip();
	assert_int_equal(run_in_child(write_past_an_item, &inside), 0);
	assert_int_not_equal(run_in_child(write_past_an_item, &outside), 0);
	assert_int_not_equal(run_in_child(use_after_reset, &inside), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_aligned_items_that_do_not_overlap),
		cmocka_unit_test(copies_text),
		cmocka_unit_test(lists_grow_in_order),
		cmocka_unit_test(a_reset_keeps_one_chunk),
		cmocka_unit_test(panics_past_the_limit),
		cmocka_unit_test(the_limit_holds_for_each_pass_anew),
		cmocka_unit_test(the_sanitizer_sees_each_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
