/* Inside dataset: a file as records, each a line, or several where quotes hold line breaks. */
#ifndef LINNET_DATASET_RECORDS_H
#define LINNET_DATASET_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct records {
	int fd;          /* owned */
	bool quotes;     /* a line break between quotes belongs to the record */
	char *bytes;     /* window on the file */
	size_t start, end; /* of what is not yet given out */
	bool at_end;     /* the file has no more */
	bool leaves;     /* what was read need not stay in the page cache */
	off_t read, left; /* bytes of the file; and those of them that have left it */
	bool plain;      /* the last record holds no quote and no CR */
	size_t taken;    /* bytes of the last record with what stood before it and its line end; 0: the
	                  * file ends without one */
	int64_t line;    /* of the last record's first byte, from 1 */
	int64_t next_line;
};

int records_open(struct records *records, int dir_fd, const char *path, bool quotes,
                 struct err *err) must_check;
void records_close(struct records *records); /* accepts a zeroed one */

/* 1: *text holds `len` bytes and a NUL, without the line end, ours to change until the next call;
 * 0: no more; -1. Blank records are passed over, a byte order mark too. */
int records_next(struct records *records, char **text, size_t *len, struct err *err) must_check;

/* The next `len` bytes as a record with its line end, which the caller knows to be one. 1; 0: they
 * do not end so; -1. */
int records_known(struct records *records, size_t len, const char **text, struct err *err)
	must_check;

struct field {
	const char *text; /* ends with a NUL; behind it 63 bytes may be read */
	size_t len;
};
/* Splits a CSV record of records_next, `plain` if that says so, in place: fields[0..*n); -1: `what`
 * is wrong with it. */
int csv_split(char *text, size_t len, bool plain, struct field *fields, size_t most, size_t *n,
              const char **what) must_check;

#endif
