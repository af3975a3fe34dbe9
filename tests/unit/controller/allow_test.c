/* Addresses of manifests against what a controller allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/internal.h"

static void what_is_allowed(void **state)
{
	static const struct {
		const char *allow, *uri;
		bool allowed;
	} cases[] = {
		{NULL, "https://a.example/x", false},
		{"", "https://a.example/x", false},
		{"https://a.example/", "https://a.example/x", true},
		{"https://a.example", "https://a.example/x", true},
		{"https://a.example", "https://a.example", true},
		{"https://a.example", "https://a.example.evil.example/x", false},
		{"https://a.example", "https://a.example:8443/x", false},
		{"https://a.example", "https://a.example@evil.example/x", false},
		{"https://a.example", "https://evil.example/https://a.example", false},
		{"https://a.example", "http://a.example/x", false},
		{"https://a.example/rows-", "https://a.example/rows-1.csv", true},
		{"https://a.example/rows/", "https://a.example/rows/../keys", false},
		{"https://*.example/", "https://a.example/x", true},
		{"https://*.example", "https://a.example.evil.net/x", false},
		{"https://*.example", "https://evil.net/a.example/", false},
		{"s3://one  s3://two/deep/", "s3://two/deep/x", true},
		{"s3://one  s3://two/deep/", "s3://two/x", false},
		{"s3://one", "s3://one/x", true},
		{"https:", "https://a.example/x", false}, /* that would be everybody */
		{"https://*", "https://a.example/x", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (uri_allowed(cases[i].allow, cases[i].uri) != cases[i].allowed)
			fail_msg("case %zu: %s", i, cases[i].uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_allowed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
