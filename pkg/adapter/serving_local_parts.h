/* What the files of the local back end share with each other. */
#ifndef LINNET_ADAPTER_SERVING_LOCAL_PARTS_H
#define LINNET_ADAPTER_SERVING_LOCAL_PARTS_H

#include "adapter/haproxy.h"
#include "adapter/process_posix.h"
#include "adapter/serving_local.h"
#include "base/limits.h"
#include "base/map.h"

enum {
	EXITS_KEPT = 16,
	EXITS_WINDOW_MS = 10 * 60 * 1000,
	KEY_BYTES = 2 * LIMIT_NAME + 2,
	STATE_BYTES = 64 << 10, /* of a file of ours about one replica or worker */
};

struct probes;
struct serving_local {
	char *state, *store, *data_root, *secrets, *repository, *self;
	struct user *user; /* of servers; NULL: as we are */
	struct haproxy *router;
	struct probes *probes;
	struct {
		int fd; /* an epoll: the router's log, and the end of each process that is watched */
		struct map watched;
	} ends;
	int next_port;
	struct {
		int64_t bytes, age_ms; /* of each deployment's log at most */
		int64_t due_ms;        /* when they are looked at next; ms since boot */
	} predictions;
};

/* ---- serving_local_files.c ---- */

/* Everything that outlives us about one replica. Texts are borrowed from the arena of reading. */
struct replica_file {
	struct digest revision, artifact;
	int slot;
	const char *model, *version, *tree; /* tree NULL: it has no source */
	int port;
	struct strings secrets;   /* "name/key", to hide their values in its log */
	int64_t exits[EXITS_KEPT]; /* wall clock, oldest first */
	size_t n_exits;
	int64_t ended_ms;         /* the exit that was noted last; -1 */
	const char *failure;      /* why it could not be started; NULL */
	bool stopping;
	int64_t stop_ms, term_ms; /* ms since boot; term_ms -1: not told to end yet */
	int64_t drain_ms;
};
int replica_read(const char *folder, struct arena *arena, struct replica_file *out,
                 struct err *err) must_check;
int replica_write(const char *folder, const struct replica_file *file, struct err *err) must_check;
void replica_add_exit(struct replica_file *file, int64_t at_ms);

/* What __prepare is asked. */
struct prepare_spec {
	const char *state, *store, *data_root, *repository, *uri, *tree;
	struct digest artifact;
	int64_t bytes; /* -1: not known */
};
int prepare_spec_read(const char *path, struct arena *arena, struct prepare_spec *out,
                      struct err *err) must_check;
void prepare_spec_encode(const struct prepare_spec *spec, struct buf *out);
void check_spec_encode(const struct serving_check *check, struct buf *out);

/* A path in an arena. */
const char *state_path(const struct serving_local *serving, struct arena *arena, const char *kind,
                       struct serving_key key, const char *name);
void key_text(struct serving_key key, char out[KEY_BYTES]); /* "environment/deployment" */
/* Names of the entries of a folder, sorted, none that begins with '.'; none when it is absent. */
int folder_list(const char *path, struct arena *arena, struct strings *out, struct err *err)
	must_check;
int64_t boot_ms(void); /* since this machine started, sleep included */
int64_t wall_ms(void);

/* ---- serving_local_probe.c: is it ready? ---- */

enum { PROBES_IN_A_ROW = 2 };
struct probe {
	char address[HAPROXY_ADDRESS];
	int64_t identity;    /* start ticks of the process: another one is probed anew */
	char model[LIMIT_NAME + 1];
	int fd;              /* -1: none under way */
	int64_t until_ms;    /* of the one under way */
	int good;            /* in a row */
	bool wanted;         /* in this round */
	char why[128];       /* the last failure; "" */
};
struct probes *probes_new(void);
void probes_free(struct probes *probes); /* accepts NULL */
/* Takes part in the next round. Valid until the next call. */
struct probe *probe_want(struct probes *probes, const char *address, int64_t identity,
                         const char *model);
/* Sends and reads what can be, at most `wait_ms` in all; an answer that takes longer is read in a
 * later round. Forgets those that were not wanted. */
void probes_run(struct probes *probes, int64_t wait_ms);
struct probe *probe_find(struct probes *probes, const char *address, int64_t identity);

/* ---- serving_local_ends.c: the end of what an earlier life of ours started ---- */

int ends_open(struct serving_local *serving, struct err *err) must_check;
void ends_close(struct serving_local *serving);
/* Once a process, and none that is a child of ours: of a child's end SIGCHLD tells. */
void ends_watch(struct serving_local *serving, const struct process_seen *seen);
bool ends_take(struct serving_local *serving); /* whether one has ended */

/* ---- serving_local_user.c: whom servers run as ---- */

int serving_user_open(struct serving_local *serving, const char *name, struct err *err) must_check;
/* Lets it get to what a replica needs; `home` and `predictions` become its own. */
int serving_user_admit(struct serving_local *serving, const char *home, const char *predictions,
                       struct arena *arena, struct err *err) must_check;

/* ---- serving_local_replica.c ---- */

/* One replica as its folder, its process and the router show it. */
struct replica_view {
	const char *folder;
	struct replica_file file;
	struct process_seen seen;
	bool gone; /* removed; not there any more */
	char address[HAPROXY_ADDRESS];
};
int replica_look(struct serving_local *serving, struct serving_key key, const char *name,
                 struct arena *arena, struct replica_view *out, struct err *err) must_check;
/* Starts it, or takes back a stop that has not ended it yet. What cannot be started counts as an
 * exit, and the next look says why. */
int replica_start(struct serving_local *serving, struct serving_key key,
                  const struct action *action, struct arena *arena, struct err *err) must_check;
int replica_stop(struct serving_local *serving, struct serving_key key,
                 const struct action *action, struct arena *arena, struct err *err) must_check;
/* The next step of a look: exits noted, the ready into the router, the stopped drained and
 * ended. */
int replica_step(struct serving_local *serving, struct serving_key key, struct replica_view *view,
                 struct err *err) must_check;
bool replica_is_waiting(struct serving_local *serving, struct serving_key key,
                        const struct replica_view *view); /* to be probed */
void replica_report(struct serving_local *serving, struct serving_key key,
                    const struct replica_view *view, struct arena *arena, struct replica *out);

/* ---- serving_local_predictions.c ---- */

/* Once a minute: of each deployment's prediction log what is older than `age_ms` and, the oldest
 * first, what is above `bytes` is removed: closed files whole, of an open one its beginning, which
 * then reads as zeros. What is newer stays. Trouble with a folder is looked at again at once. */
void predictions_bound(struct serving_local *serving);

/* ---- serving_local_labels.c ---- */

/* While two revisions share the traffic: what they have predicted since, into `out`; counting
 * begins at the first such look, and ends with the sharing. Lines are JSON objects with `revision`
 * (ten digits of its digest or more) and `output`; what is no such line, is left out, and so is of
 * one log all but the last MiB of what was written since the look before. While it is not known
 * what is predicted (`output` NULL), the logs wait for a later look. */
int labels_count(struct serving_local *serving, struct serving_key key,
                 const struct haproxy_backend *backend, const struct output_spec *output,
                 struct arena *arena, struct observed *out, struct err *err) must_check;

/* ---- serving_local_work.c: PREPARE and CHECK ---- */

int work_prepare(struct serving_local *serving, struct serving_key key,
                 const struct action *action, struct arena *arena, struct err *err) must_check;
int work_check(struct serving_local *serving, const struct serving_target *target,
               const struct action *action, struct arena *arena, struct err *err) must_check;
/* All of a deployment: `kind` is "prepare" or "checks". */
int work_list(struct serving_local *serving, const char *kind, struct serving_key key,
              struct arena *arena, struct work **out, size_t *n, struct err *err) must_check;
int work_forget_check(struct serving_local *serving, struct serving_key key,
                      struct digest revision, struct arena *arena, struct err *err) must_check;
/* Removes artifacts and sources that no deployment's prepared revisions and replicas name. */
int work_collect(struct serving_local *serving, struct arena *arena, struct err *err) must_check;
const char *artifact_folder(const char *state, struct digest artifact, struct arena *arena);
const char *source_folder(const char *state, const char *tree, struct arena *arena);
bool folder_exists(const char *path);

#endif
