/* Folders as uncompressed ustar, the form of an artifact: the same files give the same bytes. */
#ifndef LINNET_BASE_USTAR_H
#define LINNET_BASE_USTAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Both ways. A path in an archive is relative, at most 255 bytes, without "." or "..". */
struct ustar_limits {
	int64_t entries_max;
	int64_t bytes_max; /* of all files together */
	bool read_only;    /* extract: files 0444 and 0555 in place of 0644 and 0755 */
};

/* Writes the regular files and folders below `folder` (relative to `dir_fd`) to `out_fd`: sorted
 * by name, mtime and owner 0, modes 0644 and 0755 (folders, and files that their owner may
 * execute). ERR_STALLED for links and other things that are neither, names too long and passed
 * limits. */
int ustar_write(int dir_fd, const char *folder, const struct ustar_limits *limits, int out_fd,
                struct err *err) must_check;

/* Extracts into the folder `dir_fd`, which should be empty: a name that exists is an error.
 * Anything but whole files and folders with plain relative names is ERR_STALLED; what was
 * extracted before the error stays. */
int ustar_extract(int in_fd, int dir_fd, const struct ustar_limits *limits, struct err *err)
	must_check;

#endif
