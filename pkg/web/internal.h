/* What the files of this module share. */
#ifndef LINNET_WEB_INTERNAL_H
#define LINNET_WEB_INTERNAL_H

#include "base/buf.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/map.h"
#include "web/web.h"

enum {
	BODY_BYTES = 256 << 10,  /* of a webhook */
	FETCH_EVERY_MS = 5000,   /* at most one fetch, and each event, in so long */
	EVENTS_WAITING = 16,     /* different named events that may wait */
	CHANGES_KEPT = 1024,     /* for streams that fall behind */
};

/* ---- text.c: bytes with several readers ---- */

struct text {
	int refs;
	size_t len;
	char data[];
};
struct text *text_new(const void *bytes, size_t len);
struct text *text_of(const struct buf *buf);
struct text *text_ref(struct text *text);
void text_unref(struct text *text); /* accepts NULL */

/* ---- store.c: what there is, as last told ---- */

/* Deployments are "environment/name", models "name". */
struct entry {
	char *environment, *name; /* environment NULL: a model */
	struct text *row, *whole;
	/* what /metrics shows of it */
	enum phase phase;
	enum cycle_phase cycle;
	bool ready, healthy, stalled, has[2];
	double since_s;
	struct entry_arm {
		double weight;
		int64_t ready;
		uint64_t requests, bad;
	} arms[2]; /* stable, candidate */
};
struct store {
	struct map deployments, models; /* -> struct entry */
	struct figures figures;
	const char *version;
	struct text *fleet;      /* the JSON of all rows; NULL: to be built again */
	struct text *controller; /* the JSON of how the controller goes */
	/* what changed, newest last: each the text of one server-sent event */
	uint64_t sequence;       /* of the newest; counts from 1 */
	struct text *changes[CHANGES_KEPT]; /* by sequence modulo their number */
};
void store_init(struct store *store, const char *version);
void store_deinit(struct store *store);
void store_figures(struct store *store, const struct figures *figures);
struct watch store_watch(struct store *store);
struct text *store_fleet(struct store *store); /* borrowed */
/* The change with this number; NULL when it is not kept (any more) or not there yet. */
struct text *store_change(const struct store *store, uint64_t sequence);

/* ---- metrics.c ---- */

enum hook_result {
	HOOK_ACCEPTED, HOOK_LIMITED, HOOK_UNSIGNED, HOOK_BAD_SIGNATURE, HOOK_TOO_LARGE, HOOK_BAD_EVENT,
	HOOK_FAILED, HOOK_RESULTS
};
struct traffic {
	uint64_t hooks[HOOK_RESULTS];
	uint64_t requests[6]; /* by the first digit of the status */
	uint64_t cut;         /* connections that took too long over a request or its reply */
	int connections, streams;
};
/* OpenMetrics 1.0 text. */
void metrics_write(struct buf *out, const struct store *store, const struct traffic *traffic);

/* ---- webhook.c ---- */

struct hook {
	const char *secret;
	const struct web_config *config;
	int64_t next_fetch_ms;   /* monotonic; before it no fetch is asked for */
	bool fetch_waits;
	struct waiting_event {
		char name[LIMIT_NAME + 1]; /* "" free */
		int64_t not_before_ms;
		bool waits;
	} events[EVENTS_WAITING];
};
/* What a request says of itself; NULL each: absent. */
struct hook_headers {
	const char *github, *gitea, *gitlab, *plain;
};
/* Whether the secret's owner sent it, and notes what is asked for. `event` NULL: a fetch. */
enum hook_result hook_take(struct hook *hook, const struct hook_headers *headers,
                           const char *event, struct bytes body, int64_t now_ms);
/* Asks for what is due. */
void hook_turn(struct hook *hook, int64_t now_ms);
/* In how many ms that is the case; -1: nothing waits. */
int64_t hook_wait_ms(const struct hook *hook, int64_t now_ms);

/* ---- assets.c ---- */

struct asset {
	const char *path, *type;
	const char *data, *end;
	char etag[20]; /* with its quotes */
};
const struct asset *asset_find(const char *path);

/* ---- route.c: a request -> a reply, without a word about sockets ---- */

struct request_in {
	const char *method, *path;
	const char *event, *after; /* of the query; NULL absent */
	const char *host, *authorization, *if_none_match;
	struct hook_headers hook;
	struct bytes body;
	bool too_large; /* the body was; it is not there */
};
struct reply {
	int status;
	const char *type, *etag, *allow; /* NULL: none */
	struct bytes body;   /* lives as long as the program, or as `owner` */
	struct text *owner;  /* a reference that the caller gives back; NULL none */
	bool stream;         /* of changes after `after` */
	uint64_t after;
};
struct site {
	struct store store;
	struct hook hook;
	struct traffic traffic;
	const char *token;   /* NULL: none */
	int64_t now_ms;
};
struct reply route(struct site *site, const struct request_in *request);
/* Whether a body is looked at at all; all others are refused unread. */
bool route_takes_body(const struct request_in *request);

#endif
