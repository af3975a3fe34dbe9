/* The router of the local back end: one HAProxy, and a table of what it should be doing.
 *
 * HAProxy is started when absent, survives us and is found again. Its configuration declares a
 * pool of backends with empty server slots; deployments and replicas are put into them at run
 * time. The table is written to `router.json` before each change and the whole configuration
 * is generated from it after, so that neither a reload nor a restart of anybody forgets. Every
 * change is read back. */
#ifndef LINNET_ADAPTER_HAPROXY_H
#define LINNET_ADAPTER_HAPROXY_H

#include "adapter/process_posix.h"
#include "api/status.h"
#include "base/arena.h"
#include "base/err.h"

enum {
	HAPROXY_WEIGHT_MAX = 256,
	HAPROXY_SHARES = 2, /* revisions of a deployment that have weight at a time */
	HAPROXY_ADDRESS = 64,
};

struct haproxy_config {
	const char *folder;  /* made when absent, 0700 */
	const char *listen;  /* "127.0.0.1:9000" */
	const char *program; /* NULL: /usr/sbin/haproxy, else on our PATH */
	int backends, slots; /* of the pool at first; 0: 32 and 16. They double when used up */
};

/* What HAProxy said of a slot when it was last read. Counters are those of its worker process. */
struct haproxy_seen {
	bool up;    /* takes requests if it has weight */
	bool maint; /* an empty slot */
	int weight;
	char address[HAPROXY_ADDRESS];
	char cause[64]; /* of the last health check, when it is not up */
	uint64_t open, attempts, answered, failed, aborted;
};
/* One slot. `used` says whether a replica is in it; all else is of that replica. */
struct haproxy_server {
	bool used;
	struct digest revision;
	int slot;
	char version[LIMIT_NAME + 1];
	char address[HAPROXY_ADDRESS];
	int weight;    /* as it should be */
	bool leaving;  /* gets no share any more */
	bool counted;  /* was up when shares were last dealt out */
	struct counters counters; /* since it was put into the slot, over restarts of HAProxy */
	struct {
		uint64_t requests, bad; /* until this worker process began */
		uint64_t attempts, answered, failed, aborted; /* of the slot when the replica came */
	} base;
	struct haproxy_seen seen;
};
struct haproxy_share {
	struct digest revision;
	double share;
};
/* One deployment's; `key` is "environment/deployment", NULL when it is free. */
struct haproxy_backend {
	char *key;
	struct haproxy_share shares[HAPROXY_SHARES]; /* as they should be; the stable revision first */
	size_t n_shares;
	struct haproxy_server *servers; /* haproxy_slots() of them */
};

struct haproxy;
int haproxy_open(const struct haproxy_config *config, struct haproxy **out, struct err *err)
	must_check;
void haproxy_close(struct haproxy *haproxy); /* accepts NULL; HAProxy goes on */
/* Ends HAProxy itself. For tests, and for taking Linnet off a machine. */
int haproxy_end(struct haproxy *haproxy, struct err *err) must_check;

/* Starts HAProxy when it is absent (at most 2 s), reads all of it back, takes in its log, deals the
 * shares out anew where a server came up or went down. Weights that somebody else changed are kept
 * as found. Call it before looking at the table. */
int haproxy_refresh(struct haproxy *haproxy, struct err *err) must_check;
/* Why the table or the configuration could not be written to its file: until it is, a restart of
 * HAProxy or of ours goes back to what was written last. "" when all is written. */
const char *haproxy_unsaved(const struct haproxy *haproxy);
/* The master, as haproxy_refresh saw it last. */
const struct process_seen *haproxy_process(const struct haproxy *haproxy);
/* Identity of the worker process that was read last; "" before that. */
const char *haproxy_identity(const struct haproxy *haproxy);

/* Readable while log lines wait; haproxy_drain takes them in (haproxy_refresh does so too). */
int haproxy_log_fd(const struct haproxy *haproxy);
void haproxy_drain(struct haproxy *haproxy);

int haproxy_slots(const struct haproxy *haproxy);
size_t haproxy_backends(const struct haproxy *haproxy);
struct haproxy_backend *haproxy_backend(struct haproxy *haproxy, size_t i);
/* NULL when the router does not know it. Valid until the next haproxy_add. */
struct haproxy_backend *haproxy_find(struct haproxy *haproxy, const char *key);
struct haproxy_server *haproxy_server(struct haproxy *haproxy,
                                      const struct haproxy_backend *backend,
                                      struct digest revision, int slot);
/* The share of a revision as read back, over servers that are up; sums to 1 while any serves. */
double haproxy_live_share(const struct haproxy *haproxy, const struct haproxy_backend *backend,
                          struct digest revision);

/* Each of these changes the table, the files and HAProxy, and reads back. ERR_UNKNOWN: HAProxy
 * did not answer or does not show the change. All are idempotent. */

/* Puts a replica into a slot, with the part of its revision's share that is its own. */
int haproxy_add(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                const char *version, const char *address, struct err *err) must_check;
/* Gives it no new requests; those under way go on (seen.open). Its siblings take over its part;
 * ERR_TRANSIENT when it is the last one up of a revision that has a share. */
int haproxy_leave(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                  struct err *err) must_check;
int haproxy_stay(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                 struct err *err) must_check; /* undoes haproxy_leave */
int haproxy_remove(struct haproxy *haproxy, const char *key, struct digest revision, int slot,
                   struct err *err) must_check;
/* The whole vector, the stable revision first; the second one's share is never above the
 * larger of its old and its new one on the way. Where no revision with a share is up,
 * ERR_TRANSIENT and nothing changes; all shares 0 stops all traffic. */
int haproxy_set_shares(struct haproxy *haproxy, const char *key, const struct haproxy_share *shares,
                       size_t n, struct err *err) must_check;
/* Takes the deployment out of the router; its slots must be empty. */
int haproxy_drop(struct haproxy *haproxy, const char *key, struct err *err) must_check;

/* The totals of the weights of two groups of `servers[i]` servers each that come nearest to
 * `shares[0] : shares[1]`; no server above HAPROXY_WEIGHT_MAX, no share above 0 without
 * weight. Among equals the one that every group can deal out evenly, then the smallest. Pure. */
void haproxy_totals(const double shares[2], const int servers[2], int totals[2]);
/* What server `i` of `n` gets of a total. */
int haproxy_part(int total, int n, int i);

#endif
