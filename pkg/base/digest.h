/* SHA-256 and HMAC by libcrypto; random bytes; constant-time comparison. */
#ifndef LINNET_BASE_DIGEST_H
#define LINNET_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Lower-case hex and NUL; "" means none. Where a document shows it, "sha256:" stands before it. */
struct digest {
	char hex[65];
};
/* A Git object id in hex; "" means none. */
struct oid {
	char hex[41];
};

struct digest_stream; /* heap; libcrypto behind it */
struct digest_stream *digest_begin(void);
void digest_add(struct digest_stream *stream, const void *bytes, size_t len);
/* Adds `text` with its length before it (a byte 1 and 8 bytes big-endian; for NULL 9 zero bytes),
 * so that fields cannot run into each other and NULL differs from "". */
void digest_add_field(struct digest_stream *stream, const char *text);
/* Another that was given the same, to go its own way. */
struct digest_stream *digest_fork(const struct digest_stream *stream);
struct digest digest_end(struct digest_stream *stream); /* frees the stream */

struct digest digest_of(const void *bytes, size_t len);
uint64_t digest_number(const void *bytes, size_t len); /* its first eight bytes, big-endian */
/* Of a regular file, read to its end; *bytes is its size and may be NULL. Errors as file_read. */
int digest_file(int dir_fd, const char *path, struct digest *out, int64_t *bytes, struct err *err)
	must_check;
/* MD5 of a regular file as 32 hex digits and NUL: for pins that others wrote, never for trust. */
int md5_file(int dir_fd, const char *path, char out[33], struct err *err) must_check;
struct digest hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len);
/* "sha256:<64 hex>" or the bare hex -> digest. */
int digest_parse(const char *text, struct digest *out, struct err *err) must_check;
bool digest_same(struct digest a, struct digest b); /* false when either is none */
bool oid_same(struct oid a, struct oid b);          /* false when either is none */
bool bytes_same(const void *a, const void *b, size_t len); /* constant time */
void random_bytes(void *out, size_t len);

#endif
