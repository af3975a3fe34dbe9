#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
#define HEX40 "0123456789abcdef0123456789abcdef01234567"

/* FIPS 180-2, appendix B. */
static void knows_the_published_digests(void **state)
{
	static char million[1000000];
	struct digest_stream *stream = digest_begin();

	(void)state;
	memset(million, 'a', sizeof(million));
	assert_string_equal(digest_of(NULL, 0).hex, EMPTY);
	assert_string_equal(digest_of("abc", 3).hex, ABC);
	assert_string_equal(digest_of(million, sizeof(million)).hex, MILLION_A);
	for (size_t at = 0, step = 1; at < sizeof(million); at += step, step = step * 3 % 7919) {
		if (step > sizeof(million) - at)
			step = sizeof(million) - at;
		digest_add(stream, million + at, step);
	}
	assert_string_equal(digest_end(stream).hex, MILLION_A);
	assert_true(digest_number("abc", 3) == UINT64_C(0xba7816bf8f01cfea));
}

/* Whatever its length, and so its padding. */
static void a_number_is_how_the_digest_begins(void **state)
{
	char text[200];

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		char hex[17];

		snprintf(hex, sizeof(hex), "%016" PRIx64, digest_number(text, len));
		assert_memory_equal(hex, digest_of(text, len).hex, 16);
		text[len] = (char)(len * 37 + 5);
	}
}

static void a_fork_goes_its_own_way(void **state)
{
	struct digest_stream *stream = digest_begin(), *fork;

	(void)state;
	digest_add(stream, "a", 1);
	fork = digest_fork(stream);
	digest_add(stream, "bc", 2);
	assert_true(digest_same(digest_end(fork), digest_of("a", 1)));
	assert_true(digest_same(digest_end(stream), digest_of("abc", 3)));
}

static struct digest of_fields(const char *const *fields, size_t n)
{
	struct digest_stream *stream = digest_begin();

	for (size_t i = 0; i < n; i++)
		digest_add_field(stream, fields[i]);
	return digest_end(stream);
}

/* The values were made apart from this code: they are stored in repositories and may not change. */
static void fields_keep_apart(void **state)
{
	static const struct {
		const char *fields[2];
		size_t n;
		const char *hex;
	} cases[] = {
		{{"ab", "c"}, 2, "dd6ebd20e120d352082cdd552622abb7d47eb90c590c4d918467da86a6c3369f"},
		{{NULL}, 1, "3e7077fd2f66d689e0cee6a7cf5b37bf2dca7c979af356d0a31cbc5c85605c7d"},
		{{""}, 1, "a536aa3cede6ea3c1f3e0357c3c60e0f216a8c89b853df13b29daa8f85065dfb"},
	};
	static const struct {
		const char *a[2], *b[2];
		size_t n_a, n_b;
	} differ[] = {
		{{"ab", "c"}, {"a", "bc"}, 2, 2}, {{"", "abc"}, {"abc", ""}, 2, 2},
		{{NULL, "a"}, {"", "a"}, 2, 2},   {{"a"}, {"a", ""}, 1, 2},
		{{"a"}, {"a", NULL}, 1, 2},       {{"a", NULL}, {"a", ""}, 2, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(of_fields(cases[i].fields, cases[i].n).hex, cases[i].hex);
	for (size_t i = 0; i < ARRAY_LEN(differ); i++)
		assert_false(digest_same(of_fields(differ[i].a, differ[i].n_a),
		                         of_fields(differ[i].b, differ[i].n_b)));
}

/* RFC 4231, cases 1, 2 and 6. */
static void knows_the_published_hmacs(void **state)
{
	unsigned char long_key[131], key[20];
	static const char what[] = "what do ya want for nothing?";
	static const char larger[] = "Test Using Larger Than Block-Size Key - Hash Key First";

	(void)state;
	memset(key, 0x0b, sizeof(key));
	memset(long_key, 0xaa, sizeof(long_key));
	assert_string_equal(hmac_sha256(key, sizeof(key), "Hi There", 8).hex,
	                    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_string_equal(hmac_sha256("Jefe", 4, what, strlen(what)).hex,
	                    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_string_equal(hmac_sha256(long_key, sizeof(long_key), larger, strlen(larger)).hex,
	                    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_string_equal(hmac_sha256(NULL, 0, NULL, 0).hex,
	                    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void reads_a_digest_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ABC, true},
		{"sha256:" ABC, true},
		{"", false},
		{"sha256:", false},
		{"sha512:" ABC, false},
		{"sha256:sha256:" ABC, false},
		{"SHA256:" ABC, false},
		{" " ABC, false},
		{ABC " ", false},
		{ABC "0", false},
		{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a", false},
		{"Ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false},
		{"ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct digest digest, before;
		struct err err = {0};
		int rc;

		memset(&before, 'x', sizeof(before));
		digest = before;
		rc = digest_parse(cases[i].text, &digest, &err);
		if (rc != (cases[i].good ? 0 : -1))
			fail_msg("digest_parse(\"%s\") gives %d", cases[i].text, rc);
		if (cases[i].good)
			assert_string_equal(digest.hex, ABC);
		else
			assert_memory_equal(&digest, &before, sizeof(digest));
		assert_int_equal(err.kind, cases[i].good ? ERR_NONE : ERR_STALLED);
	}
}

static void none_is_the_same_as_nothing(void **state)
{
	struct digest abc = {ABC}, empty = {EMPTY}, no_digest = {""};
	struct oid oid = {HEX40}, other = {HEX40}, no_oid = {""};

	(void)state;
	other.hex[39] = '8';
	assert_true(digest_same(abc, abc));
	assert_false(digest_same(abc, empty));
	assert_false(digest_same(abc, no_digest));
	assert_false(digest_same(no_digest, abc));
	assert_false(digest_same(no_digest, no_digest));
	assert_true(oid_same(oid, oid));
	assert_false(oid_same(oid, other));
	assert_false(oid_same(oid, no_oid));
	assert_false(oid_same(no_oid, oid));
	assert_false(oid_same(no_oid, no_oid));
	assert_true(bytes_same("a\0b", "a\0b", 3));
	assert_false(bytes_same("a\0b", "a\0c", 3));
	assert_true(bytes_same("a\0b", "a\0c", 2));
	assert_true(bytes_same(NULL, NULL, 0));
}

static void reads_whole_files(void **state)
{
	char path[] = "/tmp/linnet-digest-XXXXXX";
	char bytes[100003];
	struct digest digest = {"before"};
	struct err err = {0};
	int64_t size = -1;
	char md5[33];
	int fd = mkstemp(path);

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	assert_int_equal(digest_file(AT_FDCWD, path, &digest, &size, &err), 0);
	assert_int_equal(size, sizeof(bytes));
	assert_string_equal(digest.hex,
	                    "bbdc6e66aad50b617062c74f4f0c2c13c02c11a9a1d45c8f4ed1e1eb5f4aa503");
	assert_int_equal(digest_file(AT_FDCWD, path, &digest, NULL, &err), 0);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(digest_file(AT_FDCWD, path, &digest, &size, &err), 0);
	assert_int_equal(size, 0);
	assert_string_equal(digest.hex, EMPTY);
	assert_int_equal(md5_file(AT_FDCWD, path, md5, &err), 0);
	assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
	unlink(path);
	assert_int_equal(md5_file(AT_FDCWD, path, md5, &err), -1);
	size = 77;
	assert_int_equal(digest_file(AT_FDCWD, path, &digest, &size, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	assert_non_null(strstr(err.text, "does not exist"));
	assert_int_equal(digest_file(AT_FDCWD, "/tmp", &digest, &size, &err), -1);
	assert_non_null(strstr(err.text, "is not a regular file"));
	assert_int_equal(size, 77);
	assert_string_equal(digest.hex, EMPTY);
}

/* Address 0 of a process cannot be read. The lowest free descriptor tells that none was left. */
static void a_read_error_leaves_nothing_behind(void **state)
{
	int lowest = dup(STDIN_FILENO), again;
	struct digest digest = {"before"};
	struct err err = {0};
	int64_t size = 77;

	(void)state;
	close(lowest);
	if (access("/proc/self/mem", R_OK) < 0)
		skip();
	assert_int_equal(digest_file(AT_FDCWD, "/proc/self/mem", &digest, &size, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(err.text, "/proc/self/mem: cannot read: Input/output error");
	assert_int_equal(size, 77);
	assert_string_equal(digest.hex, "before");
	assert_int_equal(digest_file(AT_FDCWD, "/proc/self/status", &digest, &size, &err), 0);
	assert_true(size > 100);
	again = dup(STDIN_FILENO);
	assert_int_equal(again, lowest);
	close(again);
}

static void random_bytes_differ(void **state)
{
	unsigned char a[64] = {0}, b[64] = {0};

	(void)state;
	random_bytes(a, sizeof(a) - 1);
	random_bytes(b, sizeof(b) - 1);
	assert_memory_not_equal(a, b, 32);
	assert_memory_not_equal(a + 32, b + 32, 31);
	assert_int_equal(a[63], 0);
	random_bytes(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_published_digests),
		cmocka_unit_test(a_number_is_how_the_digest_begins),
		cmocka_unit_test(a_fork_goes_its_own_way),
		cmocka_unit_test(fields_keep_apart),
		cmocka_unit_test(knows_the_published_hmacs),
		cmocka_unit_test(reads_a_digest_and_nothing_else),
		cmocka_unit_test(none_is_the_same_as_nothing),
		cmocka_unit_test(reads_whole_files),
		cmocka_unit_test(a_read_error_leaves_nothing_behind),
		cmocka_unit_test(random_bytes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
