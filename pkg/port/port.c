#include "port/port.h"

#include <stddef.h>
#include <string.h>

#define FUNCTION(port, name) {#port "." #name, offsetof(struct ports, port.name)}

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	FUNCTION(clock, now_ms),      FUNCTION(clock, wall_ms),
	FUNCTION(git, sync),          FUNCTION(git, poke),
	FUNCTION(git, accept),        FUNCTION(git, read_blob),
	FUNCTION(git, read_path),     FUNCTION(git, changed),
	FUNCTION(git, versions),      FUNCTION(git, tree_id),
	FUNCTION(git, publish),       FUNCTION(git, propose),
	FUNCTION(git, authors),       FUNCTION(git, signer),
	FUNCTION(git, origins),       FUNCTION(http, perform),
	FUNCTION(http, ask),
	FUNCTION(process, spawn),     FUNCTION(process, poll),
	FUNCTION(process, kill),      FUNCTION(process, result),
	FUNCTION(process, forget),    FUNCTION(data, look),
	FUNCTION(serving, observe),
	FUNCTION(serving, apply),     FUNCTION(serving, inventory),
};

/* Each port is a `self` and its functions, so a function that the table forgets is seen here. */
#define MEMBERS(port) (sizeof(((struct ports *)0)->port) / sizeof(void *) - 1)
_Static_assert(ARRAY_LEN(functions) == MEMBERS(clock) + MEMBERS(git) + MEMBERS(http) +
               MEMBERS(process) + MEMBERS(data) + MEMBERS(serving),
               "a function of a port is not in the table");

bool http_is_passing(int status)
{
	return status >= 500 || status == 408 || status == 425 || status == 429;
}

void http_show_url(const char *url, char out[HTTP_SHOWN_BYTES])
{
	const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url;
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));
	size_t len;

	url = at ? at + 1 : url;
	len = strcspn(url, "?#");
	if (len >= HTTP_SHOWN_BYTES)
		len = HTTP_SHOWN_BYTES - 1;
	memcpy(out, url, len);
	out[len] = '\0';
}

int port_check(const struct ports *ports, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		void (*function)(void);

		memcpy(&function, (const char *)ports + functions[i].offset, sizeof(function));
		if (!function)
			return err_set(err, ERR_STALLED, "port: %s is missing", functions[i].name);
	}
	return 0;
}
