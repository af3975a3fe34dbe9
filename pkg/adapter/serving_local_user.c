/* Whom model servers run as where we are root, and what that user gets to. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/serving_local_parts.h"
#include "base/file.h"
#include "base/heap.h"

/* Who is not root cannot choose: only to name ourselves is no error. */
static int check_ours(const char *name, struct err *err)
{
	struct user named;

	if (!name)
		return 0;
	if (user_find(name, &named, err))
		return err_wrap(err, "local.user");
	if (named.uid != geteuid())
		return err_set(err, ERR_STALLED, "local.user %s: only a controller that runs as root can "
		               "start model servers as somebody else", name);
	return 0;
}

int serving_user_open(struct serving_local *serving, const char *name, struct err *err)
{
	struct user user;
	struct err absent;

	if (geteuid() != 0)
		return check_ours(name, err);
	if (name ? user_find(name, &user, err)
	         : user_find(SERVING_USER, &user, &absent) && user_find("nobody", &user, err))
		return err_wrap(err, "local.user");
	if (user.uid != 0) {
		serving->user = heap_alloc(1, sizeof(user));
		*serving->user = user;
	}
	return 0;
}

const char *serving_local_user(const struct serving_local *serving)
{
	return serving->user ? serving->user->name : NULL;
}

/* Its group may pass the state folder; to read it is for nobody but us. */
static int open_state(const struct serving_local *serving, struct err *err)
{
	struct stat st;

	if (stat(serving->state, &st) || chown(serving->state, (uid_t)-1, serving->user->gid) ||
	    chmod(serving->state, (st.st_mode & 0707) | S_IXGRP))
		return err_errno(err, ERR_TRANSIENT, errno, "%s", serving->state);
	return 0;
}

int serving_local_reach(struct serving_local *serving, struct err *err)
{
	const struct user *user = serving->user;
	char folder[LIMIT_FILE_PATH];

	if (!user || !user_is_kept_out(user, serving->state, folder))
		return 0;
	if (strcmp(folder, serving->state) == 0 && open_state(serving, err))
		return -1;
	if (!user_is_kept_out(user, serving->state, folder))
		return 0;
	return err_set(err, ERR_TRANSIENT, "no model server can be started: their user %s may not "
	               "enter %s, where the state folder lies; let all enter it (chmod o+x %s), or "
	               "set local.user or state", user->name, folder, folder);
}

bool serving_local_sees_secrets(const struct serving_local *serving)
{
	char folder[LIMIT_FILE_PATH];

	return serving->user && serving->secrets &&
	       !user_is_kept_out(serving->user, serving->secrets, folder);
}

int serving_user_admit(struct serving_local *serving, const char *home, const char *predictions,
                       struct arena *arena, struct err *err)
{
	static const char *const read_only[] = {"artifacts", "sources"};
	const struct user *user = serving->user;
	struct stat st;

	if (serving_local_reach(serving, err))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(read_only); i++)
		if (user_make_way(user, serving->state,
		                  arena_printf(arena, "%s/%s", serving->state, read_only[i]), err))
			return -1;
	/* what somebody else left in its home it could not use */
	if (user && lstat(home, &st) == 0 && st.st_uid != user->uid &&
	    dir_remove_all(AT_FDCWD, home, err))
		return -1;
	return user_make_own(user, serving->state, home, err) ||
	       user_make_own(user, serving->state, predictions, err) ? -1 : 0;
}
