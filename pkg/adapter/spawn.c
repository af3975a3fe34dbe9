#include "adapter/spawn.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static __attribute__((noinline)) void run(void (*become)(void *self), void *self,
                                          volatile int *errnum)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	errno = 0;
	become(self);
	*errnum = errno ? errno : ESRCH;
	_exit(127);
}

/* vfork, because a fork of a large controller copies its page tables. */
pid_t spawn(void (*become)(void *self), void *self, volatile int *errnum)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = vfork();
	if (pid == 0)
		run(become, self, errnum);
	if (pid < 0)
		*errnum = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}
