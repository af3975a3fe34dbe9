/* The end of processes that an earlier life of ours started: they are not our children, so no
 * signal tells of it; a pidfd does (pidfd_open(2)). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/serving_local_parts.h"
#include "base/heap.h"

enum {
	WATCHED_MAX = 256, /* descriptors are for others too; the rest is seen at the next look */
	KEY_TEXT = 40,
	ENDS_AT_A_TIME = 16,
};

struct ending {
	int fd;
	char key[KEY_TEXT]; /* pid and start time */
};

int ends_open(struct serving_local *serving, struct err *err)
{
	struct epoll_event readable = {.events = EPOLLIN};

	serving->ends.fd = epoll_create1(EPOLL_CLOEXEC);
	if (serving->ends.fd < 0 || epoll_ctl(serving->ends.fd, EPOLL_CTL_ADD,
	                                      haproxy_log_fd(serving->router), &readable) < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "the router's log cannot be waited for");
	return 0;
}

static void forget(struct serving_local *serving, struct ending *ending)
{
	close(ending->fd); /* which takes it from the epoll too */
	map_remove(&serving->ends.watched, ending->key);
	free(ending);
}

void ends_close(struct serving_local *serving)
{
	while (serving->ends.watched.n)
		forget(serving, serving->ends.watched.entries[0].value);
	map_deinit(&serving->ends.watched);
	if (serving->ends.fd >= 0)
		close(serving->ends.fd);
}

static bool is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void ends_watch(struct serving_local *serving, const struct process_seen *seen)
{
	struct ending new = {.fd = -1}, *ending;
	struct epoll_event readable = {.events = EPOLLIN};

	snprintf(new.key, sizeof(new.key), "%d %lld", (int)seen->pid, (long long)seen->start_ticks);
	if (seen->state != PROCESS_RUNNING || seen->pid < 2 || is_child(seen->pid) ||
	    map_get(&serving->ends.watched, new.key) || serving->ends.watched.n >= WATCHED_MAX)
		return;
	new.fd = pidfd_open(seen->pid, 0);
	if (new.fd < 0)
		return; /* seen at the next look */
	ending = heap_alloc(1, sizeof(*ending));
	*ending = new;
	readable.data.ptr = ending;
	map_put(&serving->ends.watched, ending->key, ending);
	if (epoll_ctl(serving->ends.fd, EPOLL_CTL_ADD, ending->fd, &readable) < 0)
		forget(serving, ending);
}

bool ends_take(struct serving_local *serving)
{
	struct epoll_event events[ENDS_AT_A_TIME];
	int n = epoll_wait(serving->ends.fd, events, ENDS_AT_A_TIME, 0);
	bool ended = false;

	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			continue; /* the log */
		forget(serving, events[i].data.ptr);
		ended = true;
	}
	return ended;
}
