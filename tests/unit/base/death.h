/* Runs a function in a child, for what must abort. */
#ifndef LINNET_TESTS_BASE_DEATH_H
#define LINNET_TESTS_BASE_DEATH_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The wait status of a child that runs `act`, silently and without a core file; 0 is a good end. */
static inline int run_in_child(void (*act)(void *), void *arg)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct rlimit no_core = {0};
		int null = open("/dev/null", O_WRONLY);

		setrlimit(RLIMIT_CORE, &no_core);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		act(arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

/* Whether `act` ended in abort(). */
static inline int aborts(void (*act)(void *), void *arg)
{
	int status = run_in_child(act, arg);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
