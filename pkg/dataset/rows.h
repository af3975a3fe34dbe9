/* Inside dataset: what is remembered of each row of a file, in its order, in a file. */
#ifndef LINNET_DATASET_ROWS_H
#define LINNET_DATASET_ROWS_H

#include "dataset/dataset.h"
#include "dataset/spool.h"

/* Heap. The file stands beside `path` and is gone when it is closed. */
int rows_open(int dir_fd, const char *path, struct rows **out, struct err *err) must_check;
void rows_free(struct rows *rows); /* accepts NULL */
int rows_add(struct rows *rows, const struct dataset_row *row, struct err *err) must_check;
/* No row is added after this, none is read before. */
int rows_end(struct rows *rows, struct err *err) must_check;

/* Reads them in order. */
struct rows_reader {
	struct reading reading;
	struct dataset_row row; /* the last */
	int64_t left;
};
void rows_begin(struct rows_reader *reader, const struct rows *rows);
/* 1: *out is the next row, until the next call; 0: no more; -1. */
int rows_next(struct rows_reader *reader, const struct dataset_row **out, struct err *err)
	must_check;
void rows_done(struct rows_reader *reader);

/* The usable rows that stand at the places `ranks` (ascending, from 0) when they are sorted by
 * time and line; a place beyond the last row gets the greatest cut there is. */
int rows_find_cuts(const struct rows *rows, const int64_t *ranks, size_t n,
                   struct dataset_cut *out, struct err *err) must_check;

#endif
