/* One commit on a branch of a remote, for the command line: fetched, made on top, pushed, and tried
 * again when somebody was faster. Blocks. */
#ifndef LINNET_ADAPTER_GIT_REMOTE_H
#define LINNET_ADAPTER_GIT_REMOTE_H

#include "adapter/git_transport.h"

struct git_remote_commit {
	const char *branch; /* "linnet/requests"; made when absent */
	const char *from;   /* the branch that it is made from; NULL: without a parent */
	const struct git_file *files;
	size_t n_files;
	/* In place of `files`, what to change on a tip; asked again when that moved. NULL: not used. */
	int (*build)(void *context, struct objects *objects, struct oid tip, struct arena *arena,
	             struct git_file *file, struct err *err);
	void *context;
	const char *message, *author, *email;
	const char *signing_key; /* private SSH key; NULL: unsigned */
};

/* ERR_TRANSIENT when the remote was out of reach for 20 s, or others were faster for three minutes;
 * ERR_STALLED when it will not take it; `out` is the commit that the remote has. */
int git_remote_commit(const struct transport *transport, const struct git_remote_commit *commit,
                      struct oid *out, struct err *err) must_check;

#endif
