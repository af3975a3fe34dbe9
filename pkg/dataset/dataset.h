/* The rows that a model learns from: checked against its interface, divided, written out.
 *
 * A file is read twice, as a stream: once to check it, once to write all parts. What is remembered
 * of a row between is on disk, so that memory does not grow with the file. Nothing here knows the
 * time: what is young or old is told by `at_ms`. */
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

/* One row of the file, in its order. */
struct dataset_row {
	int64_t time_ms;   /* 0 without data.time */
	uint32_t line;
	uint16_t bucket;   /* of the id, without ids of all values: 0..9999; 0 unless split by hash */
	uint16_t len;      /* bytes of it with its line end, if it reads as the parts have it; or 0 */
	bool usable;       /* labelled, matured, inside the window */
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

/* Heap; owned by the caller, zeroed before. Borrows the model that it was scanned for. */
struct rows;       /* what is known of each row */
struct categories; /* which values inputs of type BYTES have */
struct dataset {
	struct rows *rows;
	struct categories *categories;
	int64_t n_usable;
	bool has_ids, has_times;
};
void dataset_deinit(struct dataset *dataset);

/* Reads all rows and checks them: types, ranges, values, what may be missing, labels, times, ids
 * given twice (of very many such, some), and data.validate. Rows older than data.window before
 * `at_ms` are not looked at (`old`); labels younger than labelMaturity are not used (`young`).
 * Problems are in the report, which is in the arena; -1 only when the file cannot be read or is no
 * table (ERR_STALLED). */
int dataset_scan(int dir_fd, const char *path, const struct model *model, int64_t at_ms,
                 struct arena *arena, struct dataset *out, struct dataset_report *report,
                 struct err *err) must_check;
/* "3 of 2,000 rows do not fit: line 17: files_changed: '-3' is less than 0; ..." or, with
 * nothing to complain about, "2,000 rows". */
void dataset_sentence(const struct dataset_report *report, struct buf *out);
struct dataset_across;
/* `across` NULL: the rows were not divided. */
void dataset_report_json(const struct dataset_report *report,
                         const struct dataset_across *across, const struct model *model,
                         struct buf *out);

/* What is wrong with one value of an input; false and `out` untouched when nothing is. */
bool input_problem(const struct input_spec *input, const char *text, struct err *out);

/* ---- Dividing ---- */

enum part { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS };

/* floor(n * train), floor(n * validation) and the rest. */
void split_sizes(int64_t n, const struct split_spec *split, int64_t rows[PARTS]);
/* First eight bytes of SHA-256 of the id, big-endian, modulo 10,000: the same row is always in the
 * same block, whatever the seed and however many rows there are. */
uint16_t dataset_bucket(const char *id);

/* A row's place in the order of time and line. */
struct dataset_cut {
	int64_t time_ms;
	uint32_t line;
};

/* Which usable row is in which block, by the row alone. The blocks follow each other in time, or in
 * the numbers of buckets: train, validation and test; of k folds by time k + 1 blocks and the test
 * (each is learnt from by those after it), by hash k blocks and the test. */
enum { DATASET_BLOCKS = 102 };
struct division {
	enum split_by by;
	size_t n;                                /* blocks; the last is the test */
	struct dataset_cut from[DATASET_BLOCKS]; /* by time: the first row of each */
	uint16_t bucket[DATASET_BLOCKS];         /* by hash: the first bucket of each */
};
/* `folds` 0: no cross-validation. -1 only when what is known of the rows cannot be read. */
int dataset_divide(const struct dataset *dataset, const struct split_spec *split, int64_t folds,
                   struct division *out, struct err *err) must_check;
/* Two blocks: the rows through `to_ms`, and the newer ones. */
void division_newer(int64_t to_ms, struct division *out);
size_t division_block(const struct division *division, const struct dataset_row *row);

/* ---- Writing ---- */

/* One file of rows: those of blocks [first, end) but not [skip, skip_end), older than before_ms. */
struct dataset_part {
	const char *to;
	size_t first, end, skip, skip_end;
	int64_t before_ms; /* INT64_MAX: all; an embargo begins here */
	bool held;         /* in place of them those that before_ms leaves out */
	/* what was written */
	struct digest digest; /* of the file */
	int64_t header;       /* bytes of it, the same of all parts */
	int64_t rows, from_ms, to_ms; /* -1 each when empty or without times */
};
/* Rows of the validation or test that show a category which no training row has. */
struct dataset_unseen {
	const char *input, *value; /* in the arena */
	int64_t rows, line;        /* how many, and the first */
};
enum { DATASET_CATEGORIES = 1024, DATASET_CATEGORY_BYTES = 256 };
enum { DATASET_UNSEEN = 100, DATASET_EXAMPLES = 10 };

/* Rows of the validation or test with the inputs and the label of a row that is learnt from before
 * they judge. Of more contents than memory is spent on, all this is about one in so many. */
struct dataset_repeats {
	int64_t judged, rows; /* rows that judge; and those of them that repeat one */
	int64_t one_in;       /* 1: all were looked at */
	struct dataset_repeat {
		int64_t line, first; /* it is line `first` again */
	} examples[DATASET_EXAMPLES]; /* by line */
	size_t n_examples;
};

/* What is seen of the parts beside each other. Blocks [0, n_training) train.
 * Unseen: which values of inputs of type BYTES without declared values occur in some other block
 * but in none of those; of an input with more than DATASET_CATEGORIES values, or with one longer
 * than DATASET_CATEGORY_BYTES, which is no category, none. By line, in the arena. */
struct dataset_across {
	size_t n_training;
	struct dataset_unseen *unseen;
	size_t n_unseen; /* the first DATASET_UNSEEN of them stand in `unseen` */
	struct dataset_repeats repeats;
};
/* Writes all parts in one reading, as CSV, each aside and renamed; columns as in dataset_columns.
 * The file must be the one scanned. It leaves the page cache as it is read, because this is its
 * last reading; and so does a part of many megabytes as it is written. `across` NULL: not asked
 * for. */
int dataset_write(int dir_fd, const char *path, const struct model *model,
                  const struct dataset *dataset, const struct division *division,
                  struct dataset_part *parts, size_t n, struct arena *arena,
                  struct dataset_across *across, struct err *err) must_check;

/* "7,000 rows", "1 row". */
void buf_rows(struct buf *out, int64_t n);

#endif
