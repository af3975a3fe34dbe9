/* Tests of what happens when no file can be opened. */
#ifndef TESTS_ADAPTER_FEW_FILES_H
#define TESTS_ADAPTER_FEW_FILES_H

#include <sys/resource.h>
#include <unistd.h>

/* So many more files may be opened, until setrlimit() gives back what was allowed `before`. */
static inline void allow_files(int more, struct rlimit *before)
{
	int next = dup(STDIN_FILENO);
	struct rlimit low;

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
	low = (struct rlimit){(rlim_t)(next + more), before->rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
}

#endif
