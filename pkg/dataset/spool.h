/* Inside dataset: a file without a name, written once and then read from its start, by several
 * one after the other. What is known of many rows stands in such: memory does not grow. */
#ifndef LINNET_DATASET_SPOOL_H
#define LINNET_DATASET_SPOOL_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum { SPOOL_BYTES = 64 << 10, SPOOL_BEHIND = 16 /* may be read behind what is there */ };

struct spool {
	int fd;      /* -1: none */
	char *bytes; /* heap; of what is not yet in the file; NULL once it is ended */
	size_t len;
	off_t size;  /* of the file */
};

/* Stands beside `path` and is gone when it is closed. */
int spool_open(int dir_fd, const char *path, const char *what, struct spool *out, struct err *err)
	must_check;
void spool_close(struct spool *spool);
int spool_flush(struct spool *spool, struct err *err) must_check;
/* Nothing is written after this, nothing is read before. */
int spool_end(struct spool *spool, struct err *err) must_check;

/* Where up to `most` bytes may be written; what was is added to `len`. NULL: an error. */
static inline char *spool_room(struct spool *spool, size_t most, struct err *err)
{
	if (SPOOL_BYTES - spool->len < most && spool_flush(spool, err))
		return NULL;
	return spool->bytes + spool->len;
}

struct reading {
	const struct spool *spool;
	char *bytes;    /* heap */
	size_t at, end; /* of what is read and not yet looked at */
	off_t next;     /* where the file is read on */
};
void reading_begin(struct reading *reading, const struct spool *spool);
void reading_done(struct reading *reading);
int reading_on(struct reading *reading, size_t least, struct err *err) must_check;

/* Reads on, unless `least` bytes are there or all that are left. */
static inline int reading_more(struct reading *reading, size_t least, struct err *err)
{
	return reading->end - reading->at >= least ? 0 : reading_on(reading, least, err);
}

#endif
