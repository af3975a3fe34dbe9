/* What the files of the router share with each other. */
#ifndef LINNET_ADAPTER_HAPROXY_PARTS_H
#define LINNET_ADAPTER_HAPROXY_PARTS_H

#include "adapter/haproxy.h"
#include "base/buf.h"

enum {
	LOG_BYTES = 64 << 10,
	IDENTITY = 48,
};

struct haproxy {
	char *folder, *listen, *program;
	int dir;                  /* the folder, open */
	struct process_seen master; /* when it was last refreshed */
	int log_fd;               /* the FIFO */
	char *log_bytes;          /* LOG_BYTES: read, and not a whole line yet */
	size_t log_len;
	struct haproxy_backend *backends;
	size_t n_backends;
	int slots;
	size_t n_seen;            /* slots that HAProxy showed when it was last read */
	char identity[IDENTITY];  /* of the worker that the counters' base belongs to */
	char known[IDENTITY];     /* of the worker whose slots were all read once */
	bool dirty;               /* the table differs from router.json */
	bool config_dirty;        /* the configuration differs from the table */
	char unsaved[256];        /* why a file could not be written the last time; "" */
};

/* ---- haproxy_read.c: what HAProxy says. Pure. ---- */

struct stat_row {
	int backend, server; /* "b3", "s11" */
	struct haproxy_seen seen;
};
/* Goes through the CSV of one or more `show stat`. Zeroed but for `rest` to begin with. */
struct stat_reader {
	const char *rest;
	int columns[16]; /* enum stat_column -> its place in this CSV; -1 absent */
};
bool stat_next(struct stat_reader *reader, struct stat_row *row);
/* "Pid" and "Start_time_sec" of `show info` as an identity; false when they are not there. */
bool read_identity(const char *info, char out[IDENTITY]);

struct log_line {
	char revision[REVISION_SHORT + 1];
	int backend, server, status;
	bool retried;
	int64_t us; /* from the request's to the response's headers */
};
/* One line of our log-format; false for anything else. */
bool read_log_line(const char *text, size_t len, struct log_line *out);
/* ---- haproxy_write.c: what we tell it, and our own table ---- */

void write_config(const struct haproxy *haproxy, struct buf *out);
void write_routes(const struct haproxy *haproxy, struct buf *out);
void write_revisions(const struct haproxy *haproxy, struct buf *out);
void write_versions(const struct haproxy *haproxy, struct buf *out);
void write_table(const struct haproxy *haproxy, struct buf *out);
/* Fills the table; ERR_STALLED when the text is none. */
int read_table(struct haproxy *haproxy, const char *text, size_t len, struct err *err) must_check;
/* Makes room for n_backends x slots; never fewer than there are. */
void table_grow(struct haproxy *haproxy, size_t n_backends, int slots);

/* ---- haproxy_link.c: the admin socket and the log ---- */

int link_open_log(struct haproxy *haproxy, struct err *err) must_check;
void link_close_log(struct haproxy *haproxy);
/* Runs commands (joined by ';', at most COMMAND_BYTES) and adds the reply. ERR_UNKNOWN after 1
 * s. */
int link_run(const struct haproxy *haproxy, const char *commands, struct buf *reply,
             struct err *err) must_check;
enum { COMMAND_BYTES = 8 << 10, REPLY_BYTES = 8 << 20 };

#endif
