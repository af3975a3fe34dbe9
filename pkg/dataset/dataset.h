/* The rows that a model learns from: checked against its interface, divided, written out.
 *
 * A file is read twice, as a stream: once to check and to remember 40 bytes of each row, once to
 * write the parts. Nothing here knows the time: what is young or old is told by `at_ms`. */
#ifndef LINNET_DATASET_DATASET_H
#define LINNET_DATASET_DATASET_H

#include <stdint.h>

#include "api/kinds.h"
#include "base/buf.h"
#include "dataset/table.h"

/* ---- Columns ---- */

/* What is read and what the parts hold, each once: id, time, inputs, label. Borrows the model. */
struct dataset_columns {
	const char **names;
	size_t n;
	size_t id, label;
	size_t time;    /* of models with data.time, else COLUMN_NONE */
	size_t *inputs; /* of each input of the interface */
};
#define COLUMN_NONE SIZE_MAX
void dataset_columns(const struct model *model, struct arena *arena, struct dataset_columns *out);

/* ---- Checking ---- */

enum part { PART_NONE, PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS };
extern const struct names part_names;

/* One row of the file, in its order. */
struct dataset_row {
	int64_t time_ms;       /* 0 without data.time */
	unsigned char key[16]; /* begin of the SHA-256 of the id, without ids of all values */
	uint32_t line;
	uint16_t bucket;       /* of the key, 0..9999 */
	bool usable;           /* labelled, matured, inside the window */
	enum part part;        /* by dataset_split */
};
enum { DATASET_BUCKETS = 10000, DATASET_PROBLEMS = 10, DATASET_ROWS_MAX = 100 << 20 };

struct label_count {
	const char *label;
	int64_t rows;
};
struct dataset_problem {
	int64_t line; /* 0: of the whole */
	const char *text;
};
/* What was found. Rows of the file = usable + unlabelled + young + old. */
struct dataset_report {
	int64_t rows, usable, unlabelled, young, old;
	int64_t from_ms, to_ms; /* of usable rows; -1 without times */
	int64_t *missing;       /* of each input, over usable rows */
	struct label_count *labels; /* each class, then labels of data.validate that are none */
	size_t n_labels;
	struct dataset_problem problems[DATASET_PROBLEMS]; /* the first */
	int64_t n_problems;
};

/* Heap; owned by the caller, zeroed before. */
struct dataset {
	struct dataset_row *rows;
	size_t n, capacity;
	bool has_ids, has_times;
};
void dataset_deinit(struct dataset *dataset);

/* Reads all rows and checks them: types, ranges, values, what may be missing, labels, times, ids
 * given twice, and data.validate. Rows older than data.window before `at_ms` are not looked at
 * (`old`); labels younger than labelMaturity are not used (`young`). Problems are in the report,
 * which is in the arena; -1 only when the file cannot be read or is no table (ERR_STALLED). */
int dataset_scan(int dir_fd, const char *path, const struct model *model, int64_t at_ms,
                 struct arena *arena, struct dataset *out, struct dataset_report *report,
                 struct err *err) must_check;
/* "3 of 2,000 rows do not fit: line 17: files_changed: '-3' is less than 0; ..." or, with
 * nothing to complain about, "2,000 rows". */
void dataset_sentence(const struct dataset_report *report, struct buf *out);
void dataset_report_json(const struct dataset_report *report, const struct model *model,
                         struct buf *out);

/* What is wrong with one value of an input; false and `out` untouched when nothing is. */
bool input_problem(const struct input_spec *input, const char *text, struct err *out);

/* ---- Dividing ---- */

struct split_counts {
	int64_t rows[PARTS];  /* PART_NONE: not usable, or embargoed */
	int64_t embargoed;
	int64_t from_ms[PARTS], to_ms[PARTS]; /* of each part; -1 when empty or without times */
};
/* floor(n * train), floor(n * validation) and the rest, as rows[PART_TRAIN..PART_TEST]. */
void split_sizes(int64_t n, const struct split_spec *split, int64_t rows[PARTS]);
/* The part of a usable row by its bucket. */
enum part split_bucket(uint16_t bucket, const struct split_spec *split);
/* First eight bytes of SHA-256 of the id, big-endian, modulo 10,000: the same row is always in the
 * same part, whatever the seed and however many rows there are. */
uint16_t dataset_bucket(const char *id);
/* By hash of id; by time the oldest rows train and the newest test, and rows less than `embargo`
 * before a later part are in none. */
void dataset_split(struct dataset *dataset, const struct split_spec *split,
                   struct split_counts *counts);

/* Writes the rows of the parts in `mask` (bits 1 << enum part) as CSV to `to`, aside and renamed;
 * columns as in dataset_columns. `digest` is of its bytes. The file must be the one scanned. */
int dataset_write(int dir_fd, const char *path, const struct model *model,
                  const struct dataset *dataset, unsigned mask, const char *to,
                  struct digest *digest, struct err *err) must_check;

/* "7,000 rows", "1 row". */
void buf_rows(struct buf *out, int64_t n);

#endif
