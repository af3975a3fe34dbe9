/* HAProxy's configuration and maps, generated from the table; and the table as a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/haproxy_parts.h"
#include "adapter/json.h"
#include "base/heap.h"
#include "base/parse.h"

enum { TABLE_BYTES_MAX = 64 << 20, TABLE_ARENA_BYTES = 256 << 20, BACKENDS_MAX = 1 << 14 };

/* ---- configuration ---- */

/* Latency is the time from the request's to the response's headers, so that a slow client is not
 * held against a server. A prediction changes nothing, so that it may be tried again elsewhere when
 * a server dies before it answers. A worker that is being replaced answers what comes on an idle
 * connection once more, so that a reload is no client's error.
 *
 * A dead server is out at its third refused connection, or at its next check; until then each try
 * goes to another server than the last. Where both replicas of a candidate at 60 % die at once,
 * three tries met none but these in a third of such deaths, five in one of sixty, and six refusals
 * put both out. More tries would cost: each counts in the evidence, and a request that kills its
 * server is tried on as many.
 *
 * A server that hangs is out after at most inter + 2 * timeout check + fastinter = 1.75 s. One that
 * is only busy stays: it may take 0.7 s for each answer, or pause once for 1.4 s. Two short checks
 * are better there than a long one: a burst of connections that fills a server's backlog fails one
 * check at once, but seldom the next. */
static const char config_head[] =
	"global\n"
	"\tstats socket unix@admin.sock mode 600 level admin expose-fd listeners\n"
	"\tlog stdout format raw local0\n"
	"\thard-stop-after 5m\n"
	"\n"
	"defaults\n"
	"\tmode http\n"
	"\tlog global\n"
	"\toption dontlognull\n"
	"\toption idle-close-on-response\n"
	"\ttimeout connect 1s\n"
	"\ttimeout client 60s\n"
	"\ttimeout server 60s\n"
	"\ttimeout http-request 30s\n"
	"\ttimeout http-keep-alive 60s\n"
	"\ttimeout queue 5s\n"
	"\ttimeout check 700ms\n"
	"\tbalance roundrobin\n"
	"\thttp-reuse safe\n"
	"\tretries 6\n"
	"\toption redispatch 1\n"
	"\tretry-on conn-failure empty-response\n"
	"\toption httpchk\n"
	"\thttp-check send meth GET uri /v2/health/live ver HTTP/1.1 hdr Host localhost"
	" hdr Connection close\n"
	"\tdefault-server check inter 300ms fastinter 50ms downinter 500ms fall 2 rise 1"
	" observe layer4 error-limit 3 on-error mark-down\n"
	"\thttp-error status 502 content-type application/json"
	" string '{\"error\":\"the model server gave no answer\"}'\n"
	"\thttp-error status 503 content-type application/json"
	" string '{\"error\":\"no replica of this deployment can serve\"}'\n"
	"\thttp-error status 504 content-type application/json"
	" string '{\"error\":\"the model server did not answer in time\"}'\n"
	"\n";

static const char config_frontend[] =
	"\tlog-format \"R %[var(txn.revision)] %b/%s %ST %[var(txn.us)] %rc\"\n"
	"\thttp-request set-var(txn.begin) date(0,us)\n"
	"\thttp-request set-var-fmt(txn.key) \"%[path,field(2,/)]/%[path,field(3,/)]\"\n"
	"\thttp-request set-var(txn.backend) var(txn.key),map(routes.map)\n"
	"\thttp-request return status 404 content-type application/json"
	" string '{\"error\":\"no such deployment\"}' unless { var(txn.backend) -m found }\n"
	"\thttp-request replace-path ^/[^/]*/[^/]*/?(.*) /\\1\n"
	"\thttp-response set-var(txn.us) date(0,us),sub(txn.begin)\n"
	"\thttp-response set-var-fmt(txn.server) \"%[be_name]/%[srv_name]\"\n"
	"\thttp-response set-var(txn.revision) var(txn.server),map(revisions.map)\n"
	"\thttp-response set-header X-Linnet-Revision %[var(txn.revision)]\n"
	"\thttp-response set-header X-Linnet-Version %[var(txn.server),map(versions.map)]\n"
	"\tuse_backend %[var(txn.backend)]\n";

void write_config(const struct haproxy *haproxy, struct buf *out)
{
	buf_puts(out, config_head);
	buf_printf(out, "frontend linnet\n\tbind %s\n%s", haproxy->listen, config_frontend);
	for (size_t b = 0; b < haproxy->n_backends; b++) {
		buf_printf(out, "\nbackend b%zu\n", b);
		for (int s = 0; s < haproxy->slots; s++) {
			const struct haproxy_server *server = &haproxy->backends[b].servers[s];

			if (server->used)
				buf_printf(out, "\tserver s%d %s weight %d\n", s, server->address,
				           server->weight);
			else
				buf_printf(out, "\tserver s%d 127.0.0.1:1 weight 0 disabled\n", s);
		}
	}
}

void write_routes(const struct haproxy *haproxy, struct buf *out)
{
	for (size_t b = 0; b < haproxy->n_backends; b++)
		if (haproxy->backends[b].key)
			buf_printf(out, "%s b%zu\n", haproxy->backends[b].key, b);
}

void write_revisions(const struct haproxy *haproxy, struct buf *out)
{
	char revision[REVISION_SHORT + 1];

	for (size_t b = 0; b < haproxy->n_backends; b++) {
		for (int s = 0; s < haproxy->slots; s++) {
			const struct haproxy_server *server = &haproxy->backends[b].servers[s];

			if (!server->used)
				continue;
			revision_short(server->revision, revision);
			buf_printf(out, "b%zu/s%d %s\n", b, s, revision);
		}
	}
}

void write_versions(const struct haproxy *haproxy, struct buf *out)
{
	for (size_t b = 0; b < haproxy->n_backends; b++) {
		for (int s = 0; s < haproxy->slots; s++) {
			const struct haproxy_server *server = &haproxy->backends[b].servers[s];

			if (server->used)
				buf_printf(out, "b%zu/s%d %s\n", b, s, server->version);
		}
	}
}

/* ---- the table ---- */

/* One list of base and tallies, in the order of read_tally. */
static void write_tally(struct writer *writer, const struct haproxy_server *server)
{
	const uint64_t numbers[] = {
		server->counters.requests, server->counters.bad, server->base.requests,
		server->base.bad,          server->base.attempts, server->base.answered,
		server->base.failed,       server->base.aborted,
	};
	char text[24];

	write_key(writer, "tally");
	write_list(writer);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)numbers[i]);
		write_raw(writer, text);
	}
	write_list_end(writer);
}

/* Pairs of a bin and its count, one after the other. */
static void write_latency(struct writer *writer, const struct counters *counters)
{
	char text[24];

	write_key(writer, "latency");
	write_list(writer);
	for (int bin = 0; bin < LATENCY_BINS; bin++) {
		if (counters->latency[bin] == 0)
			continue;
		snprintf(text, sizeof(text), "%d", bin);
		write_raw(writer, text);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)counters->latency[bin]);
		write_raw(writer, text);
	}
	write_list_end(writer);
}

static void write_server(struct writer *writer, const struct haproxy_server *server, int place)
{
	write_map(writer);
	json_put_int(writer, "place", place);
	json_put_text(writer, "revision", server->revision.hex);
	json_put_int(writer, "slot", server->slot);
	json_put_text(writer, "version", server->version);
	json_put_text(writer, "address", server->address);
	json_put_int(writer, "weight", server->weight);
	json_put_bool(writer, "leaving", server->leaving);
	write_tally(writer, server);
	write_latency(writer, &server->counters);
	write_map_end(writer);
}

static void write_backend(struct writer *writer, const struct haproxy *haproxy, size_t b)
{
	const struct haproxy_backend *backend = &haproxy->backends[b];

	write_map(writer);
	json_put_int(writer, "backend", (int64_t)b);
	json_put_text(writer, "key", backend->key);
	write_key(writer, "shares");
	write_list(writer);
	for (size_t i = 0; i < backend->n_shares; i++) {
		write_map(writer);
		json_put_text(writer, "revision", backend->shares[i].revision.hex);
		json_put_number(writer, "share", backend->shares[i].share);
		write_map_end(writer);
	}
	write_list_end(writer);
	write_key(writer, "servers");
	write_list(writer);
	for (int s = 0; s < haproxy->slots; s++)
		if (backend->servers[s].used)
			write_server(writer, &backend->servers[s], s);
	write_list_end(writer);
	write_map_end(writer);
}

void write_table(const struct haproxy *haproxy, struct buf *out)
{
	struct writer writer;

	write_begin(&writer, out, true);
	write_map(&writer);
	json_put_text(&writer, "identity", haproxy->identity);
	json_put_int(&writer, "backends", (int64_t)haproxy->n_backends);
	json_put_int(&writer, "slots", haproxy->slots);
	write_key(&writer, "deployments");
	write_list(&writer);
	for (size_t b = 0; b < haproxy->n_backends; b++)
		if (haproxy->backends[b].key)
			write_backend(&writer, haproxy, b);
	write_list_end(&writer);
	write_map_end(&writer);
	buf_putc(out, '\n');
}

void table_grow(struct haproxy *haproxy, size_t n_backends, int slots)
{
	size_t n = n_backends > haproxy->n_backends ? n_backends : haproxy->n_backends;
	int n_slots = slots > haproxy->slots ? slots : haproxy->slots;

	haproxy->backends = heap_resize(haproxy->backends, n, sizeof(*haproxy->backends));
	for (size_t b = 0; b < n; b++) {
		struct haproxy_backend *backend = &haproxy->backends[b];
		size_t had = b < haproxy->n_backends ? (size_t)haproxy->slots : 0;

		if (b >= haproxy->n_backends)
			*backend = (struct haproxy_backend){0};
		backend->servers = heap_resize(backend->servers, (size_t)n_slots,
		                               sizeof(*backend->servers));
		memset(backend->servers + had, 0,
		       ((size_t)n_slots - had) * sizeof(*backend->servers));
	}
	haproxy->n_backends = n;
	haproxy->slots = n_slots;
}

static uint64_t number_at(const struct node **at)
{
	struct err ignored;
	int64_t value = 0;

	if (*at && parse_int((*at)->text, 0, INT64_MAX, &value, &ignored) < 0)
		value = 0;
	*at = *at ? (*at)->next : NULL;
	return (uint64_t)value;
}

static const struct node *first_of(const struct node *map, const char *key)
{
	const struct node *list = node_get(map, key);

	return list ? list->first : NULL;
}

static void read_tally(const struct node *node, struct haproxy_server *server)
{
	const struct node *at = first_of(node, "tally");

	server->counters.requests = number_at(&at);
	server->counters.bad = number_at(&at);
	server->base.requests = number_at(&at);
	server->base.bad = number_at(&at);
	server->base.attempts = number_at(&at);
	server->base.answered = number_at(&at);
	server->base.failed = number_at(&at);
	server->base.aborted = number_at(&at);
	for (at = first_of(node, "latency"); at;) {
		uint64_t bin = number_at(&at), count = number_at(&at);

		if (bin < LATENCY_BINS)
			server->counters.latency[bin] = count;
	}
}

static const char *text_of(const struct node *map, const char *key)
{
	const char *text = node_text(map, key);

	return text ? text : "";
}

static void read_server(struct haproxy *haproxy, struct haproxy_backend *backend,
                        const struct node *node)
{
	int64_t place = json_int(node, "place", 0, haproxy->slots - 1, -1);
	struct haproxy_server *server;

	if (place < 0)
		return;
	server = &backend->servers[place];
	server->revision = json_digest(node, "revision");
	server->slot = (int)json_int(node, "slot", 0, INT32_MAX, 0);
	server->weight = (int)json_int(node, "weight", 0, HAPROXY_WEIGHT_MAX, 0);
	server->leaving = json_bool(node, "leaving");
	snprintf(server->version, sizeof(server->version), "%s", text_of(node, "version"));
	snprintf(server->address, sizeof(server->address), "%s", text_of(node, "address"));
	server->used = server->revision.hex[0] && server->address[0];
	read_tally(node, server);
}

static void read_backend(struct haproxy *haproxy, const struct node *node)
{
	int64_t place = json_int(node, "backend", 0, (int64_t)haproxy->n_backends - 1, -1);
	const char *key = node_text(node, "key");
	struct haproxy_backend *backend;

	if (place < 0 || !key || haproxy->backends[place].key)
		return;
	backend = &haproxy->backends[place];
	backend->key = heap_strdup(key);
	for (const struct node *at = first_of(node, "shares"); at; at = at->next)
		if (backend->n_shares < HAPROXY_SHARES)
			backend->shares[backend->n_shares++] = (struct haproxy_share){
				json_digest(at, "revision"), json_number(at, "share", 0, 1, 0)};
	for (const struct node *at = first_of(node, "servers"); at; at = at->next)
		read_server(haproxy, backend, at);
}

int read_table(struct haproxy *haproxy, const char *text, size_t len, struct err *err)
{
	struct arena arena;
	struct node *root;
	int rc;

	arena_init(&arena, TABLE_ARENA_BYTES);
	rc = json_parse(text, len, TABLE_BYTES_MAX, &arena, &root, err);
	if (rc == 0) {
		table_grow(haproxy, (size_t)json_int(root, "backends", 1, BACKENDS_MAX, 1),
		           (int)json_int(root, "slots", 1, LIMIT_REPLICAS * 4, 1));
		snprintf(haproxy->identity, sizeof(haproxy->identity), "%s",
		         text_of(root, "identity"));
		for (const struct node *at = first_of(root, "deployments"); at; at = at->next)
			read_backend(haproxy, at);
	}
	arena_deinit(&arena);
	return rc;
}
