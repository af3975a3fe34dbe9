#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/death.h"
#include "base/err.h"

static void sets_kind_and_text(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_set(&err, ERR_CONFLICT, "ref %s moved %d times", "main", 2), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_string_equal(err.text, "ref main moved 2 times");
	assert_int_equal(err_set(&err, ERR_STALLED, "instead of '%s'", err.text), -1);
	assert_string_equal(err.text, "instead of 'ref main moved 2 times'");
}

static void adds_the_text_of_errno(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_errno(&err, ERR_TRANSIENT, ENOSPC, "%s: cannot write", "a/b"), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(err.text, "a/b: cannot write: No space left on device");
}

static void tells_what_passes_from_what_stays(void **state)
{
	static const int stays[] = {ENOENT, EACCES, ENOEXEC, ENOTDIR, ELOOP, E2BIG, EPERM};
	static const int passes[] = {ENOSPC, ENOMEM, EAGAIN, EIO, EMFILE, ENFILE, ESTALE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stays); i++)
		assert_int_equal(err_errno_kind(stays[i]), ERR_STALLED);
	for (size_t i = 0; i < ARRAY_LEN(passes); i++)
		assert_int_equal(err_errno_kind(passes[i]), ERR_TRANSIENT);
}

static void wraps_outward_and_keeps_the_kind(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ERR_UNKNOWN, "timed out after %d s", 20);
	assert_int_equal(err_wrap(&err, "fetch"), -1);
	assert_int_equal(err_wrap(&err, "fleet '%s'", "main"), -1);
	assert_int_equal(err.kind, ERR_UNKNOWN);
	assert_string_equal(err.text, "fleet 'main': fetch: timed out after 20 s");
}

static void replaces_what_a_line_cannot_hold(void **state)
{
	static const struct {
		const char *text, *clean;
	} cases[] = {
		{"plain ~ text", "plain ~ text"},
		{"two\nlines\r\n", "two?lines??"},
		{"tab\tbell\a\033[31mred\x7f", "tab?bell??[31mred?"},
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa6", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa6"},
		{"C1 \xc2\x9b" "31m", "C1 ??31m"},
		{"no-break \xc2\xa0.", "no-break \xc2\xa0."},
		{"stray \x80 and \xff", "stray ? and ?"},
		{"cut \xe2\x82", "cut ??"},
		{"overlong \xc0\xaf \xe0\x80\xaf", "overlong ?? ???"},
		{"surrogate \xed\xa0\x80", "surrogate ???"},
		{"last \xed\x9f\xbf", "last \xed\x9f\xbf"},
		{"far \xf4\x8f\xbf\xbf \xf3\x80\x80\x80", "far \xf4\x8f\xbf\xbf \xf3\x80\x80\x80"},
		{"too far \xf4\x90\x80\x80 \xf5\x80\x80\x80", "too far ???? ????"},
		{"edges \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf", "edges \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf"},
		{"edges \xf0\x90\x80\x80 \xe1\x80\x80", "edges \xf0\x90\x80\x80 \xe1\x80\x80"},
		{"overlong \xf0\x8f\xbf\xbf", "overlong ????"},
		{"third \xf0\x90\x80" "c", "third ???c"},
		{"", ""},
		{"lead then letter \xc3" "a", "lead then letter ?a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};

		err_set(&err, ERR_STALLED, "%s", cases[i].text);
		assert_string_equal(err.text, cases[i].clean);
	}
}

/* n letters, then `tail`; what it becomes in an err must be `kept` letters and then `end`. */
static void cuts_long_text_with_dots(void **state)
{
	static const struct {
		size_t n;
		const char *tail;
		size_t kept;
		const char *end;
	} cases[] = {
		{1023, "", 1023, ""},
		{1024, "", 1020, "..."},
		{5000, "", 1020, "..."},
		{1019, "\xc3\xa9xyzw", 1019, "..."},
		{1018, "\xc3\xa9xyzw", 1018, "\xc3\xa9..."},
		{1017, "\xf0\x9f\x90\xa6xyzw", 1017, "..."},
		{1021, "\xc3\xa9", 1021, "\xc3\xa9"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[6000];
		struct err err = {0};

		memset(text, 'a', cases[i].n);
		strcpy(text + cases[i].n, cases[i].tail);
		err_set(&err, ERR_STALLED, "%s", text);
		assert_int_equal(strspn(err.text, "a"), cases[i].kept);
		assert_string_equal(err.text + cases[i].kept, cases[i].end);
	}
}

static void cuts_the_tail_when_wrapped(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, ERR_STALLED, "%01000d", 0);
	err_wrap(&err, "%0100d", 1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text + 96, "0001: 000", 9);
	assert_string_equal(err.text + sizeof(err.text) - 5, "0...");
}

static void cut_to_nothing(void *arg)
{
	char text[4] = "abc";

	text_cut(text, (size_t)*(int *)arg);
}

static void do_panic(void *arg)
{
	panic("%s", (const char *)arg);
}

static void do_wrap_nothing(void *arg)
{
	struct err err = {0};

	err_wrap(&err, "%s", (const char *)arg);
}

static void do_set_no_kind(void *arg)
{
	struct err err = {0};

	err_set(&err, ERR_NONE, "%s", (const char *)arg);
}

/* Its message goes to a file, because stderr of the child is silent. */
static void panic_into(void *arg)
{
	dup2(*(int *)arg, STDERR_FILENO);
	panic("%d slots of %s", 7, "none");
}

static void panic_says_why(void **state)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);
	char said[100] = {0};

	(void)state;
	assert_true(aborts(panic_into, &fd));
	assert_true(pread(fd, said, sizeof(said) - 1, 0) > 0);
	assert_string_equal(said, "panic: 7 slots of none\n");
	close(fd);
}

static void aborts_on_our_own_faults(void **state)
{
	static char text[] = "x";
	int four = 4;

	(void)state;
	assert_true(aborts(cut_to_nothing, &four));
	assert_true(aborts(do_panic, text));
	assert_true(aborts(do_wrap_nothing, text));
	assert_true(aborts(do_set_no_kind, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_kind_and_text),
		cmocka_unit_test(adds_the_text_of_errno),
		cmocka_unit_test(tells_what_passes_from_what_stays),
		cmocka_unit_test(wraps_outward_and_keeps_the_kind),
		cmocka_unit_test(replaces_what_a_line_cannot_hold),
		cmocka_unit_test(cuts_long_text_with_dots),
		cmocka_unit_test(cuts_the_tail_when_wrapped),
		cmocka_unit_test(panic_says_why),
		cmocka_unit_test(aborts_on_our_own_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
