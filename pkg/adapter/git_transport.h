/* Moving packs: the `git` program as a child process, and nothing of the user's or the machine's
 * configuration. Every start returns at once; what came of it is read from the ended child. */
#ifndef LINNET_ADAPTER_GIT_TRANSPORT_H
#define LINNET_ADAPTER_GIT_TRANSPORT_H

#include "adapter/child.h"
#include "adapter/git_objects.h"
#include "base/limits.h"

/* How a remote is reached; all borrowed, NULL where not used. */
struct git_auth {
	const char *token_file;  /* https: read at each use, so that it may be rotated */
	const char *ca_file;     /* https: certificates to trust in place of the machine's */
	const char *ssh_key;     /* ssh: a private key without passphrase, or one that an ssh-agent
	                          * holds; NULL: the agent's and ssh's own */
	const char *known_hosts; /* ssh: NULL is ssh's own default file */
	const char *askpass;     /* program that git asks for the token: see git_askpass */
};

enum transport_kind { TRANSPORT_LOCAL, TRANSPORT_HTTP, TRANSPORT_HTTPS, TRANSPORT_SSH };
struct transport {
	enum transport_kind kind;
	char url[LIMIT_FILE_PATH];  /* as git is given it */
	char path[LIMIT_FILE_PATH]; /* of TRANSPORT_LOCAL: the folder itself */
	struct git_auth auth;
	int64_t timeout_ms;         /* of one child; 0: 60 s */
	bool prune;                 /* a fetch removes what the remote has no more */
};

/* Accepts absolute paths, file://, https://, ssh://, `user@host:path`, and http:// on loopback;
 * everything else is ERR_STALLED. */
int transport_open(struct transport *transport, const char *url, const struct git_auth *auth,
                   struct err *err) must_check;

/* `git ls-remote` for these names or globs ("refs/heads/main"). */
int transport_list(struct child *child, const struct transport *transport,
                   const char *const *patterns, size_t n, int64_t now_ms, struct err *err)
	must_check;
/* Refs out of what it printed, sorted by name. */
int transport_refs(const struct child *child, struct arena *arena, struct ref **refs, size_t *n,
                   struct err *err) must_check;
/* `git fetch` of refspecs into the bare repository at `repo`. */
int transport_fetch(struct child *child, const struct transport *transport, const char *repo,
                    const char *const *refspecs, size_t n, bool first, int64_t now_ms,
                    struct err *err) must_check;
/* `git push` of refspecs; `lease` ("<ref>:<id>", or "<ref>:" for absent) lets it replace exactly
 * that tip, NULL: fast-forward only. */
int transport_push(struct child *child, const struct transport *transport, const char *repo,
                   const char *const *refspecs, size_t n, const char *lease, int64_t now_ms,
                   struct err *err) must_check;

/* child_check of a git that was started here; a reason that a person can mend comes first, with
 * the setting's name: ERR_STALLED. */
int transport_check(const struct child *child, const char *what, struct err *err) must_check;

enum push_outcome {
	PUSH_DONE,
	PUSH_BEHIND,  /* the remote has what we have not: fetch, build again */
	PUSH_REFUSED, /* the remote will not have it on this branch: a hook or a protection */
	PUSH_FAILED,  /* did not get so far, or nobody knows: look at the remote */
};
/* What became of the ref `name`; the remote's words in `why` where it refused. */
enum push_outcome push_result(const struct child *child, const char *name, struct err *why);

/* `git gc` and `git fsck` of a repository of ours. */
int transport_gc(struct child *child, const char *repo, int64_t now_ms, struct err *err) must_check;
int transport_fsck(struct child *child, const char *repo, int64_t now_ms, struct err *err)
	must_check;

/* Removes what a killed git leaves behind: temporary packs and objects, and locks that are older
 * than `age_s`. Only where nobody else is at work. */
void transport_sweep(const char *repo, int64_t age_s);

/* The answer to git's question for user name or password: to be called first by `main` of every
 * program that opens a remote with a token. True when this process was started for that; `status`
 * is then its exit status. */
bool git_askpass(int argc, char **argv, int *status);

#endif
