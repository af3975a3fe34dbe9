/* EVP takes three times as long for a short digest as the functions of SHA-256 alone, which
 * OpenSSL 3 therefore still has, and calls deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/heap.h"

enum { SHA256_BYTES = 32, SHA256_HEX = 64, READ_BYTES = 64 << 10 };
/* An end mark and eight bytes of length stand behind a message. */
enum { SHORT_BYTES = SHA256_CBLOCK - 1 - 8 };

struct digest_stream {
	EVP_MD_CTX *context;
};

static struct digest digest_hex(const unsigned char raw[SHA256_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	struct digest digest;

	for (size_t i = 0; i < SHA256_BYTES; i++) {
		digest.hex[2 * i] = digits[raw[i] >> 4];
		digest.hex[2 * i + 1] = digits[raw[i] & 15];
	}
	digest.hex[SHA256_HEX] = '\0';
	return digest;
}

/* Looked up once: libcrypto does it anew for each digest otherwise, in longer than a short one. */
static const EVP_MD *sha256(void)
{
	static EVP_MD *known;

	if (!known)
		known = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!known)
		panic("digest: libcrypto has no SHA-256");
	return known;
}

struct digest_stream *digest_begin(void)
{
	struct digest_stream *stream = heap_alloc(1, sizeof(*stream));

	stream->context = EVP_MD_CTX_new();
	if (!stream->context || EVP_DigestInit_ex(stream->context, sha256(), NULL) != 1)
		panic("digest: libcrypto cannot begin");
	return stream;
}

struct digest_stream *digest_fork(const struct digest_stream *stream)
{
	struct digest_stream *fork = heap_alloc(1, sizeof(*fork));

	fork->context = EVP_MD_CTX_new();
	if (!fork->context || EVP_MD_CTX_copy_ex(fork->context, stream->context) != 1)
		panic("digest: libcrypto cannot copy");
	return fork;
}

void digest_add(struct digest_stream *stream, const void *bytes, size_t len)
{
	if (EVP_DigestUpdate(stream->context, bytes, len) != 1)
		panic("digest: libcrypto refused %zu bytes", len);
}

void digest_add_field(struct digest_stream *stream, const char *text)
{
	unsigned char head[9] = {0};
	size_t len = text ? strlen(text) : 0;

	head[0] = text != NULL;
	for (size_t i = 0; i < 8; i++)
		head[8 - i] = (unsigned char)((uint64_t)len >> (8 * i));
	digest_add(stream, head, sizeof(head));
	digest_add(stream, text ? text : "", len);
}

static void stream_free(struct digest_stream *stream)
{
	EVP_MD_CTX_free(stream->context);
	free(stream);
}

struct digest digest_end(struct digest_stream *stream)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(stream->context, raw, &len) != 1 || len != SHA256_BYTES)
		panic("digest: libcrypto did not finish");
	stream_free(stream);
	return digest_hex(raw);
}

static void sha256_of(const void *bytes, size_t len, unsigned char out[SHA256_BYTES])
{
	SHA256_CTX context;

	if (SHA256_Init(&context) != 1 || SHA256_Update(&context, bytes, len) != 1 ||
	    SHA256_Final(out, &context) != 1)
		panic("digest: libcrypto refused %zu bytes", len);
}

struct digest digest_of(const void *bytes, size_t len)
{
	unsigned char raw[SHA256_BYTES];

	sha256_of(bytes, len, raw);
	return digest_hex(raw);
}

/* As SHA256_Final would, of what fits one block with its padding (FIPS 180-4, 5.1.1). */
static uint64_t short_number(const void *bytes, size_t len)
{
	unsigned char block[SHA256_CBLOCK] = {0};
	SHA256_CTX context;

	memcpy(block, bytes, len);
	block[len] = 0x80;
	block[SHA256_CBLOCK - 2] = (unsigned char)(len >> 5);
	block[SHA256_CBLOCK - 1] = (unsigned char)(len << 3);
	SHA256_Init(&context);
	SHA256_Transform(&context, block);
	return (uint64_t)context.h[0] << 32 | context.h[1];
}

uint64_t digest_number(const void *bytes, size_t len)
{
	unsigned char raw[SHA256_BYTES];
	uint64_t head = 0;

	if (len <= SHORT_BYTES)
		return short_number(bytes, len);
	sha256_of(bytes, len, raw);
	for (size_t i = 0; i < sizeof(head); i++)
		head = head << 8 | raw[i];
	return head;
}

/* Reads to the end; the number of bytes, or -1 with errno. */
static int64_t digest_add_fd(struct digest_stream *stream, int fd)
{
	unsigned char chunk[READ_BYTES];
	int64_t total = 0;

	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got == 0)
			return total;
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0) {
			digest_add(stream, chunk, (size_t)got);
			total += got;
		}
	}
}

int digest_file(int dir_fd, const char *path, struct digest *out, int64_t *bytes, struct err *err)
{
	struct digest_stream *stream;
	int64_t total;
	int fd, errnum;

	if (file_open(dir_fd, path, &fd, err) < 0)
		return -1;
	stream = digest_begin();
	total = digest_add_fd(stream, fd);
	errnum = errno;
	close(fd);
	if (total < 0) {
		stream_free(stream);
		return err_errno(err, ERR_TRANSIENT, errnum, "%s: cannot read", path);
	}
	*out = digest_end(stream);
	if (bytes)
		*bytes = total;
	return 0;
}

int md5_file(int dir_fd, const char *path, char out[33], struct err *err)
{
	struct digest_stream stream = {EVP_MD_CTX_new()};
	unsigned char raw[EVP_MAX_MD_SIZE];
	int64_t total = -1;
	int fd, errnum;

	if (file_open(dir_fd, path, &fd, err) < 0) {
		EVP_MD_CTX_free(stream.context);
		return -1;
	}
	if (!stream.context || EVP_DigestInit_ex(stream.context, EVP_md5(), NULL) != 1)
		panic("digest: libcrypto has no MD5");
	total = digest_add_fd(&stream, fd);
	errnum = errno;
	close(fd);
	if (EVP_DigestFinal_ex(stream.context, raw, NULL) != 1)
		panic("digest: libcrypto did not finish");
	EVP_MD_CTX_free(stream.context);
	if (total < 0)
		return err_errno(err, ERR_TRANSIENT, errnum, "%s: cannot read", path);
	for (size_t i = 0; i < 16; i++) {
		out[2 * i] = "0123456789abcdef"[raw[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
	}
	out[32] = '\0';
	return 0;
}

struct digest hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned raw_len = 0;

	assert(key_len <= INT_MAX);
	if (!HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, bytes, len, raw, &raw_len) ||
	    raw_len != SHA256_BYTES)
		panic("digest: libcrypto has no HMAC-SHA-256");
	return digest_hex(raw);
}

int digest_parse(const char *text, struct digest *out, struct err *err)
{
	static const char prefix[] = "sha256:";
	const char *hex = text;

	if (strncmp(text, prefix, strlen(prefix)) == 0)
		hex += strlen(prefix);
	if (strlen(hex) != SHA256_HEX || strspn(hex, "0123456789abcdef") != SHA256_HEX)
		return err_set(err, ERR_STALLED,
		               "'%.80s' is not a digest: \"sha256:\" and 64 lower-case hex digits",
		               text);
	memcpy(out->hex, hex, SHA256_HEX + 1);
	return 0;
}

bool digest_same(struct digest a, struct digest b)
{
	return a.hex[0] && memcmp(a.hex, b.hex, SHA256_HEX) == 0;
}

bool oid_same(struct oid a, struct oid b)
{
	return a.hex[0] && strcmp(a.hex, b.hex) == 0;
}

bool bytes_same(const void *a, const void *b, size_t len)
{
	return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

void random_bytes(void *out, size_t len)
{
	unsigned char *next = out;

	while (len > 0) {
		ssize_t got = getrandom(next, len, 0);

		if (got < 0 && errno != EINTR)
			panic("random_bytes: %s", strerror(errno));
		if (got > 0) {
			next += got;
			len -= (size_t)got;
		}
	}
}
