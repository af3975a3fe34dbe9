/* A folder of a repository as real files, for servers and trainers. */
#ifndef LINNET_ADAPTER_GIT_EXPORT_H
#define LINNET_ADAPTER_GIT_EXPORT_H

#include "base/digest.h"

/* Writes the files of a commit or tree to the new folder `dest`, file by file, read-only, aside and
 * renamed; an existing `dest` is left as it is. One with symbolic links, submodules or unsafe names
 * is refused, as are more than 100 Ki files, 256 MiB in one or 1 GiB in all. Durable on return.
 * Blocks: for a worker process. */
int git_export(const char *repo, struct oid commit_or_tree, const char *dest, struct err *err)
	must_check;

#endif
