#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/parse.h"

enum { BACKLOG = 64, HOST_BYTES = 64 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool is_loopback(const union address *address)
{
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
	return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
}

/* Splits at the last colon; "[" and "]" around the host are taken off. */
static int split(const char *listen, char host[HOST_BYTES], int64_t *port, struct err *err)
{
	const char *colon = strrchr(listen, ':'), *begin = listen, *end = colon;

	if (parse_int(colon ? colon + 1 : listen, 0, 65535, port, err))
		return -1;
	if (!colon || colon == listen) {
		memcpy(host, "127.0.0.1", sizeof("127.0.0.1"));
		return 0;
	}
	if (*begin == '[' && end[-1] == ']') {
		begin++;
		end--;
	}
	if (end - begin >= HOST_BYTES)
		return err_set(err, ERR_STALLED, "this is no address");
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = 0;
	return 0;
}

static int parse(const char *listen, union address *out, socklen_t *len, struct err *err)
{
	char host[HOST_BYTES];
	int64_t port;

	*out = (union address){0};
	if (split(listen, host, &port, err))
		return -1;
	if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		*len = sizeof(out->v4);
	} else if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		*len = sizeof(out->v6);
	} else {
		return err_set(err, ERR_STALLED,
		               "'%s' is no numeric address; write 127.0.0.1:8080 or [::1]:8080", host);
	}
	return 0;
}

static int bound_port(int fd)
{
	union address address = {0};
	socklen_t len = sizeof(address);

	if (getsockname(fd, &address.any, &len))
		return -1;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
	                                               : address.v4.sin_port);
}

int listen_open(const char *text, bool loopback_only, int *fd, int *port, struct err *err)
{
	union address address;
	socklen_t len = 0;
	int yes = 1, sock;

	if (parse(text, &address, &len, err))
		return err_wrap(err, "web.listen %s", text);
	if (loopback_only && !is_loopback(&address))
		return err_set(err, ERR_STALLED, "web.listen %s can be reached from other machines; set "
		               "web.tokenFile to a file with a bearer token, or listen on 127.0.0.1", text);
	sock = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return err_errno(err, ERR_STALLED, errno, "web.listen %s", text);
	if (setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(sock, &address.any, len) || listen(sock, BACKLOG)) {
		err_errno(err, ERR_STALLED, errno, "web.listen %s", text);
		close(sock);
		return -1;
	}
	*fd = sock;
	*port = bound_port(sock);
	return 0;
}
