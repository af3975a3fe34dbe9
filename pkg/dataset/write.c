/* The parts as files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/heap.h"
#include "base/limits.h"
#include "dataset/internal.h"
#include "dataset/rows.h"

/* A row is at most a record, its quotes doubled, with quotes and a comma for each column. */
enum { WRITE_BYTES = 64 << 10, ROW_BYTES = 2 * TABLE_RECORD_BYTES + 3 * TABLE_COLUMNS };
enum { COPY_BYTES = 16 }; /* what a field is copied in */
enum { BEHIND_BYTES = 2 << 20 }; /* written before they are brought to the disk */

/* A file on its way: what is added goes to the disk and into the digest. One that has had the same
 * rows as an earlier one so far, as those of later folds in order of time have, leaves both to
 * that. */
struct sink {
	int fd;
	char aside[LIMIT_FILE_PATH];
	struct sink *like; /* the earlier one, which is like no other; NULL: none */
	bool takes;        /* the row at hand */
	struct buf bytes;  /* of one that is like no other; so is `digest` */
	off_t written, begun; /* bytes; and those that are on their way to the disk */
	struct digest_stream *digest;
	struct dataset_part *part;
};

/* One reading of the data. */
struct writing {
	const struct dataset *dataset;
	const struct division *division;
	struct dataset_columns columns;
	struct sink *sinks;
	size_t n;
	struct repeat_count *repeats; /* NULL: not asked for */
	char *room;                   /* to format a row */
	const char *row;              /* as CSV, row_len bytes */
	size_t row_len;
	size_t n_names;               /* columns before inputs and label */
	size_t content;               /* where these begin in `row` */
};

/* A large part is brought to the disk as it grows, and what is there leaves the page cache: its
 * pages are taken again for what follows, where new ones can cost more than all else of a write,
 * and what others have in the cache stays. It is read in order later, and seldom. Hints: nothing
 * depends on them. */
static void let_go(struct sink *sink)
{
	if (sink->written - sink->begun < BEHIND_BYTES)
		return;
	(void)posix_fadvise(sink->fd, 0, sink->begun, POSIX_FADV_DONTNEED);
	(void)sync_file_range(sink->fd, sink->begun, sink->written - sink->begun,
	                      SYNC_FILE_RANGE_WRITE);
	sink->begun = sink->written;
}

static int sink_write(struct sink *sink, const struct buf *bytes, struct err *err)
{
	if (fd_write(sink->fd, buf_text(bytes), bytes->len))
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", sink->aside);
	sink->written += (off_t)bytes->len;
	let_go(sink);
	return 0;
}

/* What one that is like no other holds, to its file and to those that are like it. */
static int flush(struct writing *writing, struct sink *sink, struct err *err)
{
	digest_add(sink->digest, buf_text(&sink->bytes), sink->bytes.len);
	for (struct sink *to = sink; to < writing->sinks + writing->n; to++) {
		if ((to == sink || to->like == sink) && sink_write(to, &sink->bytes, err))
			return -1;
	}
	buf_clear(&sink->bytes);
	return 0;
}

/* A row is for one of `sink` and what it is like, not for both. */
static int part_ways(struct writing *writing, struct sink *sink, struct err *err)
{
	struct sink *like = sink->like;

	if (flush(writing, like, err))
		return -1;
	sink->digest = digest_fork(like->digest);
	sink->like = NULL;
	for (struct sink *next = sink + 1; next < writing->sinks + writing->n; next++) {
		if (next->like == like && next->takes == sink->takes)
			next->like = sink;
	}
	return 0;
}

/* A field that needs no quotes. The last copy may take what stands behind it, which the next field
 * writes over: a copy of as many bytes as each has would cost a wrongly guessed branch. */
static char *put_plain(char *out, const char *text, size_t len)
{
	for (size_t at = 0; at < len; at += COPY_BYTES)
		memcpy(out + at, text + at, COPY_BYTES);
	return out + len;
}

/* `lengths` as of table_lengths. */
static void format_row(struct writing *writing, const char *const *values, const size_t *lengths)
{
	char *out = writing->room;

	for (size_t i = 0; i < writing->columns.n; i++) {
		if (i == writing->n_names)
			writing->content = (size_t)(out - writing->room);
		out = lengths ? put_plain(out, values[i], lengths[i]) : csv_put(out, values[i]);
		*out++ = ',';
	}
	out[-1] = '\n';
	writing->row = writing->room;
	writing->row_len = (size_t)(out - writing->row);
}

/* A row as it stands in the file; whether it has the columns. */
static bool use_row(struct writing *writing, const char *text, size_t len)
{
	const char *content = text;

	for (size_t i = 0; i < writing->n_names; i++) {
		content = memchr(content, ',', (size_t)(text + len - content));
		if (!content)
			return false;
		content++;
	}
	writing->row = text;
	writing->row_len = len;
	writing->content = (size_t)(content - text);
	return true;
}

static bool takes(const struct dataset_part *part, size_t block, int64_t time_ms)
{
	return block >= part->first && block < part->end &&
	       (time_ms < part->before_ms) != part->held &&
	       !(block >= part->skip && block < part->skip_end);
}

static void note(struct writing *writing, struct dataset_part *part, int64_t time_ms)
{
	part->rows++;
	if (!writing->dataset->has_times)
		return;
	part->from_ms = part->from_ms < 0 || time_ms < part->from_ms ? time_ms : part->from_ms;
	part->to_ms = time_ms > part->to_ms ? time_ms : part->to_ms;
}

/* Whether any takes it. */
static bool choose(struct writing *writing, const struct dataset_row *row, size_t block)
{
	bool any = false;

	for (size_t i = 0; i < writing->n; i++) {
		struct sink *sink = &writing->sinks[i];

		sink->takes = takes(sink->part, block, row->time_ms);
		if (sink->takes)
			note(writing, sink->part, row->time_ms);
		any = any || sink->takes;
	}
	return any;
}

/* The formatted row, to those that take it. */
static int add_row(struct writing *writing, struct err *err)
{
	for (size_t i = 0; i < writing->n; i++) {
		struct sink *sink = &writing->sinks[i];

		if (sink->like && sink->like->takes != sink->takes && part_ways(writing, sink, err))
			return -1;
	}
	for (size_t i = 0; i < writing->n; i++) {
		struct sink *sink = &writing->sinks[i];

		if (sink->like || !sink->takes)
			continue;
		buf_add(&sink->bytes, writing->row, writing->row_len);
		if (sink->bytes.len >= WRITE_BYTES && flush(writing, sink, err))
			return -1;
	}
	return 0;
}

static int changed(struct err *err)
{
	return err_set(err, ERR_TRANSIENT, "has changed while it was read");
}

/* The row as it is read again: `text` as it stands, or NULL and its values. */
struct reread {
	const char *text;
	const char *const *values;
	const size_t *lengths;
};

static int reread(struct table *table, const struct dataset_row *row, struct reread *out,
                  struct err *err)
{
	int result;

	out->text = NULL;
	if (row->len)
		result = table_next_written(table, row->len, &out->text, err);
	else
		result = table_next(table, &out->values, err);
	if (result < 0)
		return -1;
	out->lengths = table_lengths(table);
	return result && row->line == (uint32_t)table_line(table) ? 0 : changed(err);
}

static int put_row(struct writing *writing, const struct dataset_row *row,
                   const struct reread *again, struct err *err)
{
	size_t block = division_block(writing->division, row);

	if (!choose(writing, row, block))
		return 0;
	if (!again->text)
		format_row(writing, again->values, again->lengths);
	else if (!use_row(writing, again->text, row->len))
		return changed(err);
	if (add_row(writing, err))
		return -1;
	if (writing->repeats)
		repeats_row(writing->repeats, writing->row + writing->content,
		            writing->row_len - writing->content, block, row->line);
	return 0;
}

static int copy_rows(struct writing *writing, struct table *table, struct rows_reader *rows,
                     struct err *err)
{
	const struct dataset_row *row;
	const char *const *values;
	struct reread again;
	int known, more;

	while ((known = rows_next(rows, &row, err)) > 0) {
		if (reread(table, row, &again, err) ||
		    (row->usable && put_row(writing, row, &again, err)))
			return -1;
	}
	if (known < 0)
		return -1;
	more = table_next(table, &values, err);
	return more > 0 ? changed(err) : more;
}

static int write_rows(int dir_fd, const char *path, const struct model *model,
                      struct writing *writing, struct err *err)
{
	struct rows_reader rows;
	struct table *table;
	int result;

	if (data_open(dir_fd, path, model, &writing->columns, &table, err))
		return -1;
	table_leave(table);
	format_row(writing, writing->columns.names, NULL);
	buf_add(&writing->sinks->bytes, writing->row, writing->row_len);
	for (size_t i = 0; i < writing->n; i++)
		writing->sinks[i].part->header = (int64_t)writing->row_len;
	rows_begin(&rows, writing->dataset->rows);
	result = copy_rows(writing, table, &rows, err);
	rows_done(&rows);
	table_close(table);
	if (result)
		err_wrap(err, "%s", path);
	for (size_t i = 0; !result && i < writing->n; i++)
		if (!writing->sinks[i].like)
			result = flush(writing, &writing->sinks[i], err);
	return result;
}

/* All are alike, until a row is for some of them only. */
static int sink_open(int dir_fd, struct dataset_part *part, struct sink *first,
                     struct sink *sink, struct err *err)
{
	*sink = (struct sink){.fd = -1, .part = part};
	if (sink == first)
		sink->digest = digest_begin();
	else
		sink->like = first;
	buf_init(&sink->bytes, WRITE_BYTES + ROW_BYTES);
	part->rows = 0;
	part->from_ms = part->to_ms = -1;
	if ((size_t)snprintf(sink->aside, sizeof(sink->aside), "%s.part", part->to) >=
	    sizeof(sink->aside))
		return err_set(err, ERR_STALLED, "%s: the path is too long", part->to);
	sink->fd = openat(dir_fd, sink->aside,
	                  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (sink->fd < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", sink->aside);
	return 0;
}

/* Its file gets its name only when `result` is 0. */
static int sink_close(int dir_fd, struct sink *sink, int result, struct err *err)
{
	sink->part->digest = sink->like ? sink->like->part->digest : digest_end(sink->digest);
	buf_deinit(&sink->bytes);
	if (sink->fd < 0)
		return result;
	if (close(sink->fd) && !result)
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", sink->aside);
	if (!result && renameat(dir_fd, sink->aside, dir_fd, sink->part->to))
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot rename", sink->aside);
	return result;
}

/* The column that inputs and label begin with: id and time stand before them, unless they are such
 * themselves. */
static size_t first_content(const struct dataset_columns *columns, const struct model *model)
{
	size_t first = columns->label;

	for (size_t i = 0; i < model->interface.n_inputs; i++)
		first = columns->inputs[i] < first ? columns->inputs[i] : first;
	return first;
}

int dataset_write(int dir_fd, const char *path, const struct model *model,
                  const struct dataset *dataset, const struct division *division,
                  struct dataset_part *parts, size_t n, struct arena *arena,
                  struct dataset_across *across, struct err *err)
{
	struct writing writing = {.dataset = dataset, .division = division,
	                          .sinks = heap_alloc(n, sizeof(struct sink))};
	int result = 0;

	dataset_columns(model, arena, &writing.columns);
	writing.room = heap_alloc(ROW_BYTES + COPY_BYTES, 1);
	writing.n_names = first_content(&writing.columns, model);
	if (across)
		writing.repeats = repeats_begin(across->n_training, division->n);
	while (!result && writing.n < n) {
		result = sink_open(dir_fd, &parts[writing.n], writing.sinks, &writing.sinks[writing.n],
		                   err);
		writing.n++;
	}
	if (!result)
		result = write_rows(dir_fd, path, model, &writing, err);
	for (size_t i = 0; i < writing.n; i++)
		result = sink_close(dir_fd, &writing.sinks[i], result, err);
	if (across) {
		categories_tell(dataset->categories, division, arena, across);
		repeats_end(writing.repeats, &across->repeats);
	}
	free(writing.room);
	free(writing.sinks);
	return result;
}
