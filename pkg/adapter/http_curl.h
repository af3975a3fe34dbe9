/* The http port by libcurl's multi interface. */
#ifndef LINNET_ADAPTER_HTTP_CURL_H
#define LINNET_ADAPTER_HTTP_CURL_H

#include "port/port.h"

/* Connections are kept from one batch to the next. http and https only; redirects are answers,
 * never followed; no proxy, netrc or cookies from the environment; certificates are verified. At
 * most HTTP_CONNECTIONS at once, the rest of a batch waits its turn.
 *
 * The error of a request: STALLED for a URL that cannot be asked or a reply beyond its limit,
 * TRANSIENT when nothing was done (no connection) or the method only reads, else UNKNOWN. */
enum { HTTP_CONNECTIONS = 64, HTTP_CONNECT_MS = 5000 };

struct http_curl; /* heap; owned by who made it */
struct http_curl *http_curl_new(void);
void http_curl_free(struct http_curl *http); /* accepts NULL */
/* Waits for the whole body; never resumed, and what was written stays on failure. Less than 1 KiB/s
 * in a minute is a failure too. Errors as above; an answer other than 200 is TRANSIENT where a
 * later one may differ (http_is_passing), else STALLED. */
int http_curl_download(struct http_curl *http, const struct http_download *download,
                       int64_t deadline_ms, struct err *err) must_check;
struct port_http http_curl_port(struct http_curl *http);

#endif
