/* Tables as streams: CSV (RFC 4180) and JSON lines, one row at a time in bounded memory. */
#ifndef LINNET_DATASET_TABLE_H
#define LINNET_DATASET_TABLE_H

#include <stdint.h>

#include "api/kinds.h"
#include "base/buf.h"

enum {
	TABLE_RECORD_BYTES = 1 << 20, /* of one row with its line breaks */
	TABLE_COLUMNS = 4096,
};

/* CSV: the first record names the columns; quotes as in RFC 4180, line ends LF or CRLF, an empty
 * field is a missing value, blank lines are passed over. JSON lines: one flat object a line;
 * null, "" and an absent key are missing values. Both: UTF-8 without NUL. Anything else is
 * ERR_STALLED with the line. */
struct table; /* heap; owned by who opened it */

/* Opens a file to read the columns `names` (n of them, copied). A column that is not there is an
 * error with the nearest name, except `optional` (NULL: none), which then is missing in all rows.
 * JSON lines name no columns: any may be missing in all rows. If the first row lacks the optional
 * one, a later row that has it is an error. More than TABLE_COLUMNS are one too. */
int table_open(int dir_fd, const char *path, enum data_format format, const char *const *names,
               size_t n, const char *optional, struct table **out, struct err *err) must_check;
void table_close(struct table *table); /* accepts NULL */
/* From now on what was read leaves the page cache: nobody reads it again soon. */
void table_leave(struct table *table);

/* 1: *values holds n texts, NULL where missing, until the next call; 0: no more; -1. */
int table_next(struct table *table, const char *const **values, struct err *err) must_check;
/* Of a row of CSV in which nothing had or needs quotes the n lengths, 0 where missing; behind each
 * value 63 bytes may be read. NULL of all other rows. */
const size_t *table_lengths(const struct table *table);
/* Bytes of the row in the file, with its line end, where it reads as csv_put would write its values
 * with commas between them: CSV of just these columns, nothing needs quotes. Else 0. */
size_t table_written(const struct table *table);
/* Of a row that comes next and of which that was said in an earlier reading, the text. 1; 0: it is
 * another; -1. */
int table_next_written(struct table *table, size_t len, const char **text, struct err *err)
	must_check;
int64_t table_line(const struct table *table); /* where the last row began, from 1 */
/* False for the optional column when it is not there. */
bool table_has(const struct table *table, size_t column);

/* Appends one field as CSV, with quotes where it needs them; NULL is an empty field. */
void csv_field(struct buf *out, const char *text);
/* The same at `out`, which has room for 2 * strlen(text) + 2 bytes; where it ends. */
char *csv_put(char *out, const char *text);

#endif
