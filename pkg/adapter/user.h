/* Somebody else than us: whom the code of others runs as where we are root. */
#ifndef LINNET_ADAPTER_USER_H
#define LINNET_ADAPTER_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/limits.h"

struct user {
	uid_t uid;
	gid_t gid;
	char name[LIMIT_NAME + 1];
};

/* By name; ERR_STALLED when this machine has none of it. */
int user_find(const char *name, struct user *out, struct err *err) must_check;
/* For good, with its own group alone. System calls only: of a process between vfork and exec. -1
 * with errno. */
int user_become(const struct user *user) must_check;
/* Where the kernel has Landlock: what this process becomes can look into its own processes alone,
 * not into those of the same user beside it (environment, memory, open files). Changes nothing
 * else. Needs PR_SET_NO_NEW_PRIVS; system calls only. -1 with errno. */
int user_fence(void) must_check;
/* Whether it may not get to the folder `path` (absolute): then `out` is the first on the way, or
 * `path`, that it may not enter. */
bool user_is_kept_out(const struct user *user, const char *path, char out[LIMIT_FILE_PATH]);
/* Makes the folders of `path` below `top`, where they are absent, and lets it pass them all, no
 * more. `user` NULL: they are ours alone. */
int user_make_way(const struct user *user, const char *top, const char *path, struct err *err)
	must_check;
/* The same, but `path` is its own, with the files that lie in it. */
int user_make_own(const struct user *user, const char *top, const char *path, struct err *err)
	must_check;

#endif
