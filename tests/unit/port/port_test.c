#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "port/port.h"

static int64_t any_function(void *self)
{
	(void)self;
	return 0;
}

/* All ports with a function in each place; `self` too, which nobody looks at. */
static void fill(struct ports *ports)
{
	int64_t (*function)(void *) = any_function;

	for (size_t i = 0; i < sizeof(*ports); i += sizeof(function))
		memcpy((char *)ports + i, &function, sizeof(function));
}

static void a_complete_set_passes(void **state)
{
	struct ports ports;
	struct err err = {0};

	(void)state;
	fill(&ports);
	assert_int_equal(port_check(&ports, &err), 0);
	ports.clock.self = NULL;
	assert_int_equal(port_check(&ports, &err), 0);
}

static void names_what_is_missing(void **state)
{
	struct ports ports;
	struct err err = {0};

	(void)state;
	fill(&ports);
	ports.git.tree_id = NULL;
	assert_int_equal(port_check(&ports, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_string_equal(err.text, "port: git.tree_id is missing");
	fill(&ports);
	ports.serving.inventory = NULL;
	assert_int_equal(port_check(&ports, &err), -1);
	assert_string_equal(err.text, "port: serving.inventory is missing");
}

/* Six `self` may be absent and nothing else: a function that the table forgets would pass here. */
static void every_function_counts(void **state)
{
	struct err err = {0};
	int refused = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(struct ports); i += sizeof(void *)) {
		struct ports ports;

		fill(&ports);
		memset((char *)&ports + i, 0, sizeof(void *));
		refused += port_check(&ports, &err) != 0;
	}
	assert_int_equal(refused, sizeof(struct ports) / sizeof(void *) - 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_complete_set_passes),
		cmocka_unit_test(names_what_is_missing),
		cmocka_unit_test(every_function_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
