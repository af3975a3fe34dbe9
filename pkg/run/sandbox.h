/* What keeps the user's code in its place: a keeper process that ends with us and ends all that was
 * started below it, whatever session that moved to; limits; no new privileges; and, where the
 * kernel and our rights allow, namespaces, a user of its own and Landlock.
 *
 *     pid = sandbox_fork(&sandbox)          the keeper: pid 1 of a pid namespace where allowed
 *       sandbox_enter(&sandbox)             in the keeper, before it forks
 *         fork, sandbox_confine(&sandbox)   in its child, as the last step before exec
 *       sandbox_keep(&sandbox, child)       in the keeper; it exits with what this returns
 *
 * SIGTERM to the keeper ends everything; when the keeper is gone, so is all that was below it. */
#ifndef LINNET_RUN_SANDBOX_H
#define LINNET_RUN_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* What is enforced. */
enum sandbox_part {
	SANDBOX_PIDS = 1,      /* a pid namespace: the kernel ends what the keeper leaves behind */
	SANDBOX_MOUNTS = 2,    /* a mount namespace: of `hide`, `folder` alone is there */
	SANDBOX_USER = 4,      /* a user of its own, where we are root */
	SANDBOX_PROCESSES = 8, /* `processes` counts its own alone; else the limit is not set */
	SANDBOX_LANDLOCK = 16, /* writes below `folder` alone, reads there and in system folders */
};

/* Borrowed for the life of the keeper. */
struct sandbox {
	const char *folder;    /* absolute: the one that it may write to */
	const char *hide;      /* a folder above it, of which it shall see nothing else */
	const char *const *argv, *const *env; /* where its program may lie: read too */
	int64_t memory_bytes, file_bytes, processes; /* -1 each: unlimited */
	unsigned parts;        /* out: of enum sandbox_part */
	uid_t user;            /* out, of SANDBOX_USER */
};

/* As fork; the child has every signal blocked. Namespaces that are not allowed are left out. */
pid_t sandbox_fork(struct sandbox *sandbox);
/* Mounts and ownership. What fails is not in `parts`. */
void sandbox_enter(struct sandbox *sandbox);
/* Session, limits, user and Landlock; -1 with errno. */
int sandbox_confine(struct sandbox *sandbox);
/* Until the child or SIGTERM ends it: exit code of the child, 128 + n for signal n. */
int sandbox_keep(const struct sandbox *sandbox, pid_t child);
/* One line for people: what is enforced on this machine and what is not. */
void sandbox_tell(const struct sandbox *sandbox, struct buf *out);

#endif
