/* Whole files and folders. Paths are relative to `dir_fd`, which may be AT_FDCWD. Each error begins
 * with the path; its kind is ERR_STALLED when the path itself is wrong, else ERR_TRANSIENT. */
#ifndef LINNET_BASE_FILE_H
#define LINNET_BASE_FILE_H

#include <stddef.h>

#include "base/err.h"

struct buf;

/* Adds a whole regular file to `out` (initialised by the caller), at most what bytes_max leaves.
 * ERR_STALLED when absent or too large (the text says which), ERR_TRANSIENT on read errors. */
int file_read(int dir_fd, const char *path, struct buf *out, struct err *err) must_check;

/* Opens an existing regular file for reading; the caller closes *fd. Links are followed; a FIFO or
 * a device is refused and never waited for. */
int file_open(int dir_fd, const char *path, int *fd, struct err *err) must_check;

/* Writes all of it, whatever signals come; 0, or -1 with errno. */
int fd_write(int fd, const void *bytes, size_t len) must_check;

/* Writes aside in the same folder, fsyncs, renames over `path`, fsyncs the folder. The mode is as
 * given, whatever the umask. ERR_UNKNOWN when only the last step failed: the file is there, but may
 * not outlast a power cut. */
int file_write(int dir_fd, const char *path, const void *bytes, size_t len, unsigned mode,
               struct err *err) must_check;
/* The same without fsync, for what may be lost in a power cut. */
int file_replace(int dir_fd, const char *path, const void *bytes, size_t len, unsigned mode,
                 struct err *err) must_check;

/* Opens `path`, a name beside that of what it will become, as an empty file to write (0644) or an
 * empty folder (0700, with those above it), the caller's alone until it closes *fd. What one that
 * died left there is removed. One that lives is waited for: it may have done the work meanwhile.
 * The caller renames or removes it before it closes it, and uses the name no more after that. */
int file_open_aside(const char *path, int *fd, struct err *err) must_check;
int dir_open_aside(const char *path, int *fd, struct err *err) must_check;

/* mkdir -p: an existing folder is no error, and keeps its mode. Not synced. */
int dir_make_all(int dir_fd, const char *path, unsigned mode, struct err *err) must_check;
/* Removes a file or a whole folder without following links or entering another file system; an
 * absent one is no error. Any depth, with a bounded stack and number of descriptors. */
int dir_remove_all(int dir_fd, const char *path, struct err *err) must_check;

#endif
