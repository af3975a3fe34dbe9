/* The six ports: all that the core knows of the world. The simulator replaces these and nothing
 * else. Each is a table of functions and a `self`; no function blocks longer than a tick unless its
 * contract says so: long work is started by one call and looked at by a later one. */
#ifndef LINNET_PORT_PORT_H
#define LINNET_PORT_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "api/desired.h"
#include "api/plan.h"
#include "base/arena.h"
#include "base/buf.h"

/* ---- clock ---- */

struct port_clock {
	void *self;
	int64_t (*now_ms)(void *self);  /* monotonic */
	int64_t (*wall_ms)(void *self); /* Unix time */
};

/* ---- git ---- */

/* What is known of the remote after the last `sync`; text is owned by the port until the next. */
struct git_heads {
	struct oid fleet;    /* tip of the fleet branch, fetched whole; "" never seen */
	struct oid accepted; /* newest verified commit that descends from the one accepted before */
	struct oid requests; /* tip of the requests branch; "" none */
	struct oid status;   /* local tip of the status branch; "" none, known only once seen_ms >= 0 */
	bool status_pushed;  /* the remote has it */
	/* A remote tip of the status branch that parted from ours: read its controller.yaml before the
	 * next publish, because a later sync puts our files on top of it. "" none. */
	struct oid status_parted;
	int64_t seen_ms;     /* monotonic time of the last successful look at the remote, after the
	                      * status and requests branches came along for the first time; -1 never */
	bool busy;           /* something is under way: sync again soon, not at the next poll */
	bool rewritten;      /* HISTORY_REWRITTEN: refuse to act on the new tip until accept-rewind */
	bool unreachable;    /* the last look at the remote failed, or found no fleet branch */
	const char *problem; /* newest failure (fetch, verification, push), one line; NULL none */
	const char *const *branches; /* remote branches linnet/propose|promote|revert/..., sorted */
	size_t n_branches;
};
enum git_repo { GIT_FLEET, GIT_STATUS }; /* two bare clones; requests live in GIT_STATUS */
struct git_file {
	const char *path;
	struct oid blob;   /* "" when it is gone (of git_changed) */
	struct bytes text; /* of a file to write; data NULL removes it */
	bool executable;   /* of git_changed: mode 100755 */
	bool refused;      /* of git_changed: a link or submodule stands there, which is not followed */
};
struct git_version {
	struct oid commit, blob;
};
enum propose_state { PROPOSE_NONE, PROPOSE_RUNNING, PROPOSE_DONE, PROPOSE_REFUSED, PROPOSE_FAILED };
struct propose_result {
	enum propose_state state;
	struct oid commit;  /* DONE; of a tag its object */
	const char *branch; /* where it landed; NULL: the fleet branch */
	const char *why;    /* REFUSED: the tip already differs; FAILED: try again later */
};
/* Edits a file for a proposal on a given tip: called with the tip's commit, fills `files`.
 * Returns 1 when nothing is to be done on that tip (`why` says), 0, or -1. */
typedef int git_rebuild(void *context, struct oid tip, struct arena *arena, struct git_file **files,
                        size_t *n_files, const char **why, struct err *err);
struct port_git {
	void *self;
	/* Starts or goes on with polling, fetching and pushing, as due; never waits. */
	void (*sync)(void *self, int64_t now_ms, struct git_heads *out);
	/* A look at the remote at once (webhook, `kick`). */
	void (*poke)(void *self);
	/* The controller acts on this commit from now on. Called at start too, with the commit of
	 * record on the status branch, before `heads.accepted` of a sync is acted on; `rewind` for a
	 * recorded accept-rewind, else `heads.accepted` only ever descends from it. */
	void (*accept)(void *self, struct oid commit, bool rewind);
	int (*read_blob)(void *self, enum git_repo repo, struct oid blob, struct arena *arena,
	                 struct bytes *out, struct err *err) must_check;
	int (*read_path)(void *self, enum git_repo repo, struct oid commit, const char *path,
	                 struct arena *arena, struct bytes *out, struct oid *blob, struct err *err)
		must_check; /* ERR_STALLED when absent */
	/* What stood at a path, newest first, each text with the newest commit that had it; from the
	 * commit back, as far as some thousand commits go. */
	int (*versions)(void *self, enum git_repo repo, struct oid commit, const char *path,
	                struct arena *arena, struct git_version **out, size_t *n, struct err *err)
		must_check;
	/* Files below `path` ("" or ".": all) that differ between two commits (`old` "": all of them),
	 * sorted by path: a merge walk of trees by id, cost follows the change. Symlinks, submodules
	 * and unsafe names are named in `refused`, one line; NULL none. The first two are listed too,
	 * so that one in place of a file is not taken for the file's deletion. */
	int (*changed)(void *self, enum git_repo repo, struct oid old, struct oid new,
	               const char *path, struct arena *arena, struct git_file **files, size_t *n,
	               const char **refused, struct err *err) must_check;
	/* Of each of `files`, as changed() told them of the same commits and folder: the newest commit
	 * between the two that gave it its present text; "" when no commit with one parent did (a
	 * merge, a rewritten branch). `out` holds n. One walk of some thousand commits at most. */
	int (*origins)(void *self, enum git_repo repo, struct oid old, struct oid new,
	               const char *path, const struct git_file *files, size_t n, struct oid *out,
	               struct err *err) must_check;
	/* Id of the tree at a folder of a commit; ERR_STALLED when absent. */
	int (*tree_id)(void *self, struct oid commit, const char *path, struct oid *out,
	               struct err *err) must_check;
	/* Commits files on top of the local status branch, durable on return. CONFLICT when the tip is
	 * not `parent`. Files that change nothing make no commit: `out` is `parent`. Pushed by later
	 * syncs, on top of somebody else's commits too. */
	int (*publish)(void *self, struct oid parent, const struct git_file *files, size_t n,
	               const char *message, struct oid *out, struct err *err) must_check;
	/* A commit on the fleet branch or on `text->branch`, by digest, or the tag `text->tag`, which
	 * is REFUSED where another stands: started once, looked at after. */
	int (*propose)(void *self, const struct proposal_text *text, git_rebuild *rebuild,
	               void *context, struct propose_result *out, struct err *err) must_check;
	/* Addresses of those who wrote the commits that `new` has and `old` ("": none) has not, which
	 * brought another text of the file at `path`, each once: some thousand commits back at most. */
	int (*authors)(void *self, struct oid old, struct oid new, const char *path,
	               struct arena *arena, struct strings *out, struct err *err) must_check;
	/* Whose key signed the commit that added a file of the requests branch (arena): some 10 ms.
	 * Where signatures are not configured, 0 with NULL; where they are and it is not signed by an
	 * allowed signer, ERR_STALLED: refuse the request. */
	int (*signer)(void *self, const char *path, struct arena *arena, const char **out,
	              struct err *err) must_check;
};

/* ---- http ---- */

struct http_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", n_headers */
	size_t n_headers;
	struct bytes body;
	size_t body_bytes_max; /* of the reply */
};
struct http_reply {
	int status; /* 0: no answer, see err */
	struct bytes body;
	double seconds;
	struct err err;
};
/* Whether the same request may be answered otherwise later: too slow, too early, too many or an
 * error of the server (408, 425, 429, 5xx). All else is said of the request itself. */
bool http_is_passing(int status);
/* A URL for people, without user, password and query, any of which may be a secret. */
enum { HTTP_SHOWN_BYTES = 200 };
void http_show_url(const char *url, char out[HTTP_SHOWN_BYTES]);

struct port_http {
	void *self;
	/* All at once over kept connections; waits until all are done or the deadline (monotonic, as
	 * clock.now_ms) has passed. 0 when each reply holds a status or an error of its own. */
	int (*perform)(void *self, const struct http_request *requests, struct http_reply *replies,
	               size_t n, int64_t deadline_ms, struct arena *arena, struct err *err) must_check;
	/* A GET that is not waited for: starts it, or looks at the one of this URL that is under way.
	 * True when `reply` holds its status or an error of its own (body: arena) and it is over; else
	 * look again. The deadline is that of the first call; what nobody looks at for a minute after
	 * it is dropped. */
	bool (*ask)(void *self, const char *url, size_t body_bytes_max, int64_t deadline_ms,
	            struct arena *arena, struct http_reply *reply) must_check;
};

/* A file that is too large for a reply, streamed to a descriptor; of workers, not of the
 * controller. */
struct http_download {
	const char *url;
	int fd;             /* where the body is written, from its offset on */
	int64_t bytes_max;  /* of the body */
	const char *region; /* signed by AWS Signature Version 4 for s3 there; NULL: not signed */
	const char *access_key, *secret_key, *session_token; /* the last may be NULL */
};

/* ---- process: runs and other long work, found again after a restart ---- */

struct process_spec {
	const char *key;    /* one live process per key; its folder is <root>/<key>/ */
	const char *const *argv; /* NULL-terminated, no shell */
	const char *const *env;  /* NULL-terminated, the whole environment */
	const char *cwd;    /* NULL: its folder */
	int64_t timeout_ms; /* killed with its whole group after that; -1 none */
	int64_t memory_bytes, cpu_seconds, file_bytes; /* -1 each: unlimited */
	int nice;
};
enum process_state { PROCESS_NONE, PROCESS_RUNNING, PROCESS_ENDED };
struct process_status {
	enum process_state state;
	bool exit_known; /* false for one that was adopted: outcomes are files */
	int exit_code;   /* 128 + n for signal n */
	int64_t started_ms;
	const char *log_tail; /* last lines of its log, arena */
};
struct port_process {
	void *self;
	/* Starts or adopts; a folder with a `result` file of an ended process is left as it is. */
	int (*spawn)(void *self, const struct process_spec *spec, struct err *err) must_check;
	int (*poll)(void *self, const char *key, struct arena *arena, struct process_status *out,
	            struct err *err) must_check;
	int (*kill)(void *self, const char *key, struct err *err) must_check; /* the whole group */
	/* The file `name` in the process's folder, written by rename; ERR_STALLED when absent. */
	int (*result)(void *self, const char *key, const char *name, struct arena *arena,
	              struct bytes *out, struct err *err) must_check;
	int (*forget)(void *self, const char *key, struct err *err) must_check; /* removes its folder */
};

/* ---- data ---- */

struct port_data {
	void *self;
	/* Counts the rows of a file: only what was appended since the last look is read, and only so
	 * much of it at once (`counting`: look again soon). With `content` its digest is taken, too,
	 * anew whenever it was touched and then left alone for a while. */
	int (*look)(void *self, const char *path, enum data_format format, bool content,
	            struct data_seen *out, struct err *err) must_check;
};

/* ---- serving ---- */

struct serving_key {
	const char *environment, *deployment;
};
/* What an action needs beside itself. */
struct serving_target {
	struct serving_key key;
	const struct deployment *deployment; /* NULL when it is gone: stop and drop only */
	const struct model *model;           /* CHECK: the interface */
	const struct model_version *version; /* CHECK: golden batch */
	int replicas;
};
struct serving_look {
	struct serving_key key;
	const struct output_spec *output; /* of its model; NULL: not known, and no prediction counted */
};
struct port_serving {
	void *self;
	/* One batch; out[i] belongs to looks[i]; a key that cannot be read has known = false. */
	int (*observe)(void *self, const struct serving_look *looks, size_t n, struct arena *arena,
	               struct observed *out, struct err *err) must_check;
	/* Starts the act and returns; done when a later observation says so. Idempotent. Weights are
	 * read back before it returns. ERR_UNKNOWN: observe before anything else. */
	int (*apply)(void *self, const struct serving_target *target, const struct action *action,
	             struct err *err) must_check;
	/* Keys that something of ours still runs for, whether declared or not. */
	int (*inventory)(void *self, struct arena *arena, struct serving_key **keys, size_t *n,
	                 struct err *err) must_check;
};

struct ports {
	struct port_clock clock;
	struct port_git git;
	struct port_http http;
	struct port_process process;
	struct port_data data;
	struct port_serving serving;
};
/* Refuses an incomplete set at start; the text names the missing function. */
int port_check(const struct ports *ports, struct err *err) must_check;

#endif
