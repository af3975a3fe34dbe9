/* Inside dataset: what is remembered of each row of a file, in its order, in files that have no
 * names: memory does not grow with the rows. */
#ifndef LINNET_DATASET_ROWS_H
#define LINNET_DATASET_ROWS_H

#include <sys/types.h>

#include "dataset/dataset.h"

/* Heap. The files stand beside `path` and are gone when they are closed. */
int rows_open(int dir_fd, const char *path, struct rows **out, struct err *err) must_check;
void rows_free(struct rows *rows); /* accepts NULL */
/* `key`: of the id, two numbers (of which the upper half of the second is not kept); NULL without
 * ids. */
int rows_add(struct rows *rows, const struct dataset_row *row, const uint64_t *key,
             struct err *err) must_check;
/* No row is added after this, none is read before. */
int rows_end(struct rows *rows, struct err *err) must_check;

/* Reads them in order. */
struct rows_reader {
	struct spool_reading {
		const struct spool *spool;
		char *bytes;    /* heap */
		size_t at, end; /* of what is read and not yet looked at */
		off_t next;     /* where the file is read on */
	} reading;
	struct dataset_row row; /* the last */
	int64_t left;
};
void rows_begin(struct rows_reader *reader, const struct rows *rows);
/* 1: *out is the next row, until the next call; 0: no more; -1. */
int rows_next(struct rows_reader *reader, const struct dataset_row **out, struct err *err)
	must_check;
void rows_done(struct rows_reader *reader);

/* A usable row whose id an earlier one has. */
struct rows_twice {
	uint32_t line, first;
};
/* Finds them: *out (heap) is sorted by line. At most ROWS_TWICE_MAX rows are compared. */
enum { ROWS_TWICE_MAX = 1 << 20 };
int rows_find_twice(const struct rows *rows, struct rows_twice **out, size_t *n,
                    struct err *err) must_check;

/* The usable rows that stand at the places `ranks` (ascending, from 0) when they are sorted by
 * time and line; a place beyond the last row gets the greatest cut there is. */
int rows_find_cuts(const struct rows *rows, const int64_t *ranks, size_t n,
                   struct dataset_cut *out, struct err *err) must_check;

#endif
