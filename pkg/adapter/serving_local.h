/* The local back end: replicas are processes of their own behind HAProxy; both survive us.
 *
 *     <state>/replicas/<environment>/<deployment>/<revision>-<slot>/   process and `replica.json`;
 *                                                                      `home/` is the server's
 *     <state>/prepare/<environment>/<deployment>/<revision digest>/    worker: spec.json, result
 *     <state>/checks/<environment>/<deployment>/<revision digest>/     worker: spec.json, result
 *     <state>/artifacts/<digest>/, <state>/sources/<tree>/             read-only, shared
 *     <state>/predictions/<environment>/<deployment>/                  LINNET_PREDICTION_LOG
 *     <state>/labels/<environment>/<deployment>/counted.json           what of it was counted
 *     <state>/haproxy/                                                 haproxy.h
 *
 * `resources`: memory is RLIMIT_DATA of each process of a replica, cpu a nice value. Neither bounds
 * a replica as a whole. Groups of our own in the cgroup that systemd delegates would, but a unit in
 * whose groups processes live on cannot be started again: no process may stand where groups below
 * have limits (status 219/CGROUP), and servers outlive us. MemoryMax= of the unit bounds them all.
 *
 * Where we are root, servers run as a user of their own. It may pass the state folder and read
 * artifacts and sources; its own are the home of a replica and the prediction logs. Where the
 * kernel has Landlock, a server cannot look into another one, whose environment holds secrets.
 *
 * What is known of a replica is in its folder and in the router's table, nothing in memory but
 * probes under way. `observe` takes each step that is due: it notes exits, puts replicas that
 * became ready into the router, drains, ends and removes those that were stopped. */
#ifndef LINNET_ADAPTER_SERVING_LOCAL_H
#define LINNET_ADAPTER_SERVING_LOCAL_H

#include "port/port.h"

struct serving_local_config {
	const char *state;      /* absolute */
	const char *store;      /* artifacts are <store>/sha256/<hex>.tar; may begin with "file:" */
	const char *data_root;  /* what `file:` uris of artifacts are below; NULL: none are allowed */
	const char *secrets;    /* <secrets>/<name>/<key>; NULL: there are none */
	const char *repository; /* of the fleet: where sources are exported from */
	const char *listen;     /* "127.0.0.1:9000" */
	const char *haproxy;    /* the program; NULL: the usual one */
	const char *self;       /* program with the verbs __prepare and __check; NULL: this one */
	int64_t predictions_bytes, predictions_age_ms; /* of each prediction log at most */
	/* Whom servers run as, which only root can choose. NULL: as we do; of root, the user
	 * SERVING_USER where the machine has it, else nobody. */
	const char *user;
};
#define SERVING_USER "linnet-server"

struct serving_local;
int serving_local_open(const struct serving_local_config *config, struct serving_local **out,
                       struct err *err) must_check;
void serving_local_close(struct serving_local *serving); /* accepts NULL; all goes on serving */
struct port_serving serving_local_port(struct serving_local *serving);
/* The user that servers are started as; NULL: as we are. */
const char *serving_local_user(const struct serving_local *serving);
/* Why no server can be started here, and what to do; 0: there is nothing in the way. */
int serving_local_reach(struct serving_local *serving, struct err *err) must_check;
/* Whether that user may enter the folder of secrets, of which a server shall know its own alone. */
bool serving_local_sees_secrets(const struct serving_local *serving);
/* Ends HAProxy. For tests, and for taking Linnet off a machine. */
int serving_local_end(struct serving_local *serving, struct err *err) must_check;

/* Readable while the router's log waits to be taken in by serving_local_drain, and when a process
 * ended that an earlier life of ours started. `observe` takes the log in as well; above some
 * thousand requests a second it should not have to wait for that. */
int serving_local_fd(const struct serving_local *serving);
/* Whether such a process ended: it is time to look. */
bool serving_local_drain(struct serving_local *serving);

/* ---- workers: `<self> __prepare <spec.json>`, `<self> __check <spec.json>` ---- */

/* The verb __prepare: artifact and source onto this machine. Ends with a `result` beside the
 * spec. */
int serving_prepare_main(int argc, char **argv);

/* What __check is asked. All borrowed from the arena. */
struct serving_check {
	const char *model, *version; /* LINNET_MODEL_NAME and LINNET_MODEL_VERSION of the replicas */
	struct strings addresses;    /* "127.0.0.1:20012" of each replica that is ready */
	struct interface_spec interface;
	const char *golden;          /* path of the golden batch; NULL: none was recorded */
};
/* spec.json: {"model", "version", "addresses": [..], "golden", "interface": {"layout", "inputs":
 * [{"name", "type", "min", "max", "values": [..], "nullable"}], "output": {"name", "type",
 * "classes": [..], "scores"}}}; what is absent is left out. */
int serving_check_read(const char *path, struct arena *arena, struct serving_check *out,
                       struct err *err) must_check;
/* {"ok":true} or {"ok":false,"retryable":..,"why":".."} as `result` beside the spec, by rename.
 * `problem` NULL: it is well. Retryable is what ERR_STALLED is not. */
int serving_result_write(const char *spec_path, const struct err *problem, struct err *err)
	must_check;

#endif
