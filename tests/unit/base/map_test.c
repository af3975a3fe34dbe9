#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/map.h"

static void an_empty_map_has_nothing(void **state)
{
	struct map map = {0};

	(void)state;
	assert_null(map_get(&map, "a"));
	assert_null(map_remove(&map, "a"));
	assert_int_equal(map_lower_bound(&map, ""), 0);
	map_deinit(&map);
}

static void puts_gets_and_removes(void **state)
{
	struct map map = {0};
	int one = 1, two = 2;
	char key[] = "b";

	(void)state;
	assert_null(map_put(&map, key, &one));
	key[0] = 'z';
	assert_ptr_equal(map_get(&map, "b"), &one);
	assert_null(map_get(&map, "z"));
	assert_ptr_equal(map_put(&map, "b", &two), &one);
	assert_int_equal(map.n, 1);
	assert_ptr_equal(map_get(&map, "b"), &two);
	assert_null(map_remove(&map, "bb"));
	assert_ptr_equal(map_remove(&map, "b"), &two);
	assert_int_equal(map.n, 0);
	map_deinit(&map);
}

static void finds_the_first_key_that_is_not_less(void **state)
{
	static const char *const keys[] = {"fleet/b", "fleet/a", "gate/x", "fleet/c"};
	static const struct {
		const char *key;
		size_t index;
	} cases[] = {
		{"", 0},        {"fleet/", 0},    {"fleet/a", 0}, {"fleet/a2", 1}, {"fleet/c", 2},
		{"fleet/d", 3}, {"gate/", 3},     {"gate/x", 3},  {"gate/x1", 4},  {"h", 4},
		{"\xff", 4},    {"Fleet/zzz", 0},
	};
	struct map map = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		map_put(&map, keys[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(map_lower_bound(&map, cases[i].key), cases[i].index);
	map_deinit(&map);
}

enum { KEYS = 1000, OPERATIONS = 200000 };

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Against an array that has a place for each key. */
static void agrees_with_a_plain_table(void **state)
{
	static char values[OPERATIONS];
	void *table[KEYS] = {0};
	struct map map = {0};
	unsigned seed = 7;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < OPERATIONS; i++) {
		unsigned k = next_random(&seed) % KEYS;
		char key[16];

		snprintf(key, sizeof(key), "%u", k);
		switch (next_random(&seed) % 3) {
		case 0:
			assert_ptr_equal(map_put(&map, key, &values[i]), table[k]);
			n += !table[k];
			table[k] = &values[i];
			break;
		case 1:
			assert_ptr_equal(map_remove(&map, key), table[k]);
			n -= table[k] != NULL;
			table[k] = NULL;
			break;
		default:
			assert_ptr_equal(map_get(&map, key), table[k]);
		}
		assert_int_equal(map.n, n);
	}
	assert_true(n > 100);
	for (size_t i = 1; i < map.n; i++)
		assert_true(strcmp(map.entries[i - 1].key, map.entries[i].key) < 0);
	map_deinit(&map);
	assert_int_equal(map.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(puts_gets_and_removes),
		cmocka_unit_test(finds_the_first_key_that_is_not_less),
		cmocka_unit_test(agrees_with_a_plain_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
