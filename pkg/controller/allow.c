/* Which addresses that stand in a manifest may be asked. */
#include <string.h>

#include "controller/internal.h"

/* Whether a uri begins with a pattern, in which `*` stands for any bytes but a slash. One that ends
 * inside the host's name is whole there: what begins with it may be another host. */
static bool begins(const char *pattern, size_t len, bool ends_in_host, const char *uri)
{
	for (; len > 0 && *pattern != '*'; pattern++, uri++, len--) {
		if (*pattern != *uri)
			return false;
	}
	if (len == 0)
		return !ends_in_host || *uri == '/' || !*uri;
	for (;; uri++) {
		if (begins(pattern + 1, len - 1, ends_in_host, uri))
			return true;
		if (*uri == '/' || !*uri)
			return false;
	}
}

bool uri_allowed(const char *allow, const char *uri)
{
	if (strstr(uri, "..") || strchr(uri, '@'))
		return false;
	while (allow && *(allow += strspn(allow, " "))) {
		size_t len = strcspn(allow, " ");
		const char *scheme = memmem(allow, len, "://", 3);
		bool has_path = scheme && memchr(scheme + 3, '/', len - (size_t)(scheme + 3 - allow));

		if (scheme && begins(allow, len, !has_path, uri))
			return true;
		allow += len;
	}
	return false;
}
