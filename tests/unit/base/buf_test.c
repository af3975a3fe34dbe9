#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/heap.h"

static void is_empty_text_at_first(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 10);
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf.len, 0);
	buf_add(&buf, NULL, 0);
	assert_string_equal(buf_text(&buf), "");
	buf_printf(&buf, "%s", "");
	assert_false(buf.full);
	buf_deinit(&buf);
	buf_deinit(&(struct buf){0});
}

static void adds_in_order(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	buf_puts(&buf, "weight");
	buf_putc(&buf, '=');
	buf_printf(&buf, "%d%s", 25, "%");
	buf_printf(&buf, "%s", "");
	buf_add(&buf, "\0x", 2);
	assert_int_equal(buf.len, 12);
	assert_memory_equal(buf.text, "weight=25%\0x", 13);
	buf_clear(&buf);
	assert_string_equal(buf_text(&buf), "");
	buf_printf(&buf, "%0300d", 7);
	assert_int_equal(buf.len, 300);
	assert_int_equal(strlen(buf.text), 300);
	buf_deinit(&buf);
}

/* Each way to add, with one byte less than the room, exactly the room, and one byte more. */
static void add_bytes(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

static void add_printf(struct buf *buf, const char *text)
{
	buf_printf(buf, "%s", text);
}

static void add_chars(struct buf *buf, const char *text)
{
	while (*text)
		buf_putc(buf, *text++);
}

static void stops_at_the_limit(void **state)
{
	static const struct {
		void (*add)(struct buf *buf, const char *text);
		const char *text, *result;
		bool full;
	} cases[] = {
		{add_bytes, "1234", "0001234", false},   {add_bytes, "12345", "00012345", false},
		{add_bytes, "123456", "000", true},      {buf_puts, "12345", "00012345", false},
		{buf_puts, "123456", "000", true},       {add_printf, "12345", "00012345", false},
		{add_printf, "123456", "000", true},     {add_chars, "12345", "00012345", false},
		{add_chars, "123456", "00012345", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		struct buf buf;

		buf_init(&buf, 8);
		buf_puts(&buf, "000");
		cases[i].add(&buf, cases[i].text);
		assert_string_equal(buf_text(&buf), cases[i].result);
		assert_int_equal(buf.full, cases[i].full);
		assert_int_equal(buf_check(&buf, "the reply", &err), cases[i].full ? -1 : 0);
		if (cases[i].full) {
			assert_int_equal(err.kind, ERR_STALLED);
			assert_string_equal(err.text, "the reply is larger than 8 bytes");
			buf_puts(&buf, "");
			buf_putc(&buf, 'x');
			assert_string_equal(buf_text(&buf), cases[i].result);
			buf_clear(&buf);
			buf_puts(&buf, "12345678");
			assert_string_equal(buf_text(&buf), "12345678");
			assert_false(buf.full);
		}
		buf_deinit(&buf);
	}
}

static void a_huge_length_does_not_wrap(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 8);
	buf_puts(&buf, "000");
	buf_add(&buf, "x", *(volatile size_t *)&(size_t){SIZE_MAX - 1});
	assert_true(buf.full);
	assert_int_equal(buf.len, 3);
	buf_deinit(&buf);
	buf_puts(&buf, "a zeroed buf holds nothing");
	assert_true(buf.full);
	assert_string_equal(buf_text(&buf), "");
}

static void grows_by_doubling(void **state)
{
	size_t capacity = 0;
	struct buf buf;
	int grown = 0;

	(void)state;
	buf_init(&buf, 1 << 20);
	for (int i = 0; i < 1 << 20; i++) {
		buf_putc(&buf, (char)('a' + i % 26));
		grown += buf.capacity != capacity;
		capacity = buf.capacity;
	}
	assert_false(buf.full);
	assert_in_range(grown, 10, 20);
	for (int i = 0; i < 1 << 20; i++)
		assert_int_equal(buf.text[i], 'a' + i % 26);
	buf_deinit(&buf);
}

static void heap_blocks_are_zeroed_and_grow(void **state)
{
	char *block = heap_alloc(3, 5);

	(void)state;
	for (int i = 0; i < 15; i++)
		assert_int_equal(block[i], 0);
	memcpy(block, "fourteen bytes", 15);
	block = heap_resize(block, 1000, 10);
	assert_string_equal(block, "fourteen bytes");
	free(block);
	free(heap_alloc(0, 8));
	block = heap_strdup("copy");
	assert_string_equal(block, "copy");
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_empty_text_at_first),
		cmocka_unit_test(adds_in_order),
		cmocka_unit_test(stops_at_the_limit),
		cmocka_unit_test(a_huge_length_does_not_wrap),
		cmocka_unit_test(grows_by_doubling),
		cmocka_unit_test(heap_blocks_are_zeroed_and_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
