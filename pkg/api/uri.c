#include "api/uri.h"

#include <string.h>
#include <strings.h>

enum { MD5_DIGITS = 32, SHA256_DIGITS = 64, SHOWN_BYTES = 80 };

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_url(const char *uri)
{
	return begins(uri, "https://") || begins(uri, "http://") || begins(uri, "s3://");
}

/* Whether somebody meant to pin with what stands behind a '#'. */
static bool is_like_a_pin(const char *text)
{
	size_t digits = strspn(text, "0123456789abcdefABCDEF");

	return strncasecmp(text, "sha", 3) == 0 || strncasecmp(text, "md5", 3) == 0 ||
	       (text[digits] == '\0' && (digits == MD5_DIGITS || digits == SHA256_DIGITS));
}

/* The '#' among the first `len` bytes that is neither a part of a name nor means an output. */
static const char *find_odd(const char *uri, size_t len)
{
	const char *last = memrchr(uri, '#', len), *dvc = memmem(uri, len, ".dvc#", 5);

	if (is_url(uri))
		return memchr(uri, '#', len);
	if (dvc)
		return dvc + 4;
	return last && is_like_a_pin(last + 1) ? last : NULL;
}

/* Of what stands at a '#': behind a '?' may stand a secret. */
static int shown_bytes(const char *odd)
{
	size_t len = strcspn(odd, "?");

	return len < SHOWN_BYTES ? (int)len : SHOWN_BYTES;
}

int uri_parse(const char *uri, struct uri_parts *out, struct err *err)
{
	static const char lock[] = "dvc.lock#";
	const char *last = strrchr(uri, '#'), *odd, *at;
	struct uri_parts parts = {.len = strlen(uri)};
	struct err ignored;

	if (last && begins(last, "#sha256:") && !digest_parse(last + 1, &parts.pin, &ignored))
		parts.len = (size_t)(last - uri);
	at = is_url(uri) ? NULL : memmem(uri, parts.len, lock, strlen(lock));
	if (at) {
		parts.output = at + strlen(lock);
		parts.output_len = parts.len - (size_t)(parts.output - uri);
		parts.len = (size_t)(parts.output - uri) - 1;
	}
	odd = find_odd(uri, parts.len);
	if (odd)
		return err_set(err, ERR_STALLED, "'%.*s' is no pin; write #sha256: and the 64 digits"
		               " (0-9, a-f) of the data's digest", shown_bytes(odd), odd);
	*out = parts;
	return 0;
}
