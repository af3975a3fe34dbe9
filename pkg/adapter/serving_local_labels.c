/* How often each revision predicted which label: counted from the prediction logs while two
 * revisions share the traffic. What is counted stands in a file of ours beside how far each log
 * was read, so that neither a restart nor a look that is cut off counts a row twice or never. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/json.h"
#include "adapter/serving_local_parts.h"
#include "base/file.h"
#include "base/heap.h"

enum {
	READ_BYTES = 1 << 20,  /* of one log in one look; of what is more the beginning is left out */
	COUNTED_BYTES = 1 << 20,
	LABELS_MAX = 256,      /* of one revision; what comes after counts as "" */
	LABEL_BYTES = 200,     /* as long as a class may be */
	REVISION_LEAST = REVISION_SHORT,
	LINE_ARENA_BYTES = 64 << 20,
};

struct log_at {
	const char *name;
	int64_t at; /* bytes read */
};
/* counted.json: {"logs": [{"name", "at"}], "labels": [{"revision", "label", "rows"}]} */
struct counted {
	struct log_at *logs;
	size_t n_logs;
	struct logged_label *labels;
	size_t n_labels;
	const struct haproxy_backend *backend; /* whose revisions count */
	const struct output_spec *output;      /* what they predict */
};

static int read_counted(const char *path, struct arena *arena, struct counted *out,
                        struct err *err)
{
	const struct node *item;
	struct node *root;

	if (json_file(path, COUNTED_BYTES, arena, &root, err))
		return -1;
	item = node_get(root, "logs");
	for (item = item ? item->first : NULL; item; item = item->next)
		if (node_text(item, "name"))
			*list_push(arena, &out->logs, &out->n_logs) = (struct log_at){
				node_text(item, "name"), json_int(item, "at", 0, INT64_MAX, 0)};
	item = node_get(root, "labels");
	for (item = item ? item->first : NULL; item; item = item->next)
		if (node_text(item, "label"))
			*list_push(arena, &out->labels, &out->n_labels) = (struct logged_label){
				json_digest(item, "revision"), node_text(item, "label"),
				(uint64_t)json_int(item, "rows", 0, INT64_MAX, 0)};
	return 0;
}

static int write_counted(const char *folder, const struct counted *counted, struct arena *arena,
                         struct err *err)
{
	struct writer writer;
	struct buf text;
	int rc;

	buf_init(&text, COUNTED_BYTES);
	write_begin(&writer, &text, true);
	write_map(&writer);
	write_key(&writer, "logs");
	write_list(&writer);
	for (size_t i = 0; i < counted->n_logs; i++) {
		write_map(&writer);
		json_put_text(&writer, "name", counted->logs[i].name);
		json_put_int(&writer, "at", counted->logs[i].at);
		write_map_end(&writer);
	}
	write_list_end(&writer);
	write_key(&writer, "labels");
	write_list(&writer);
	for (size_t i = 0; i < counted->n_labels; i++) {
		write_map(&writer);
		json_put_text(&writer, "revision",
		              arena_printf(arena, "sha256:%s", counted->labels[i].revision.hex));
		json_put_text(&writer, "label", counted->labels[i].label);
		json_put_int(&writer, "rows", (int64_t)counted->labels[i].rows);
		write_map_end(&writer);
	}
	write_list_end(&writer);
	write_map_end(&writer);
	rc = text.full ? err_set(err, ERR_STALLED, "%s: too many logs", folder)
	               : dir_make_all(AT_FDCWD, folder, 0700, err);
	if (!rc)
		rc = file_replace(AT_FDCWD, arena_printf(arena, "%s/counted.json", folder), text.text,
		                  text.len, 0600, err);
	buf_deinit(&text);
	return rc;
}

/* ---- rows ---- */

static void count_row(struct counted *counted, struct digest revision, const char *label,
                      struct arena *arena)
{
	size_t of_revision = 0;

	if (strlen(label) > LABEL_BYTES)
		label = "";
	for (;;) {
		for (size_t i = 0; i < counted->n_labels; i++) {
			struct logged_label *known = &counted->labels[i];

			if (!digest_same(known->revision, revision))
				continue;
			of_revision++;
			if (strcmp(known->label, label) == 0) {
				known->rows++;
				return;
			}
		}
		if (of_revision < LABELS_MAX || !label[0])
			break;
		label = "";
	}
	*list_push(arena, &counted->labels, &counted->n_labels) =
		(struct logged_label){revision, arena_strdup(arena, label), 1};
}

static uint64_t rows_of(const struct counted *counted, struct digest revision)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < counted->n_labels; i++)
		if (digest_same(counted->labels[i].revision, revision))
			rows += counted->labels[i].rows;
	return rows;
}

/* One line of a log. What is no prediction of these revisions is nobody's. */
static void count_line(struct counted *counted, const char *line, size_t len, struct arena *lines,
                       struct arena *arena)
{
	const struct haproxy_backend *backend = counted->backend;
	struct err torn = {0};
	const char *revision;
	struct node *root;
	size_t digits;

	arena_reset(lines);
	if (json_parse(line, len, READ_BYTES, lines, &root, &torn))
		return;
	revision = node_text(root, "revision");
	digits = revision ? strlen(revision) : 0;
	if (digits < REVISION_LEAST || !node_get(root, "output"))
		return;
	for (size_t i = 0; i < backend->n_shares; i++) {
		struct digest digest = backend->shares[i].revision;

		if (strncmp(digest.hex, revision, digits) == 0) {
			count_row(counted, digest,
			          output_label(counted->output, node_text(root, "output"),
			                       rows_of(counted, digest), lines), arena);
			return;
		}
	}
}

static int64_t count_piece(struct counted *counted, const char *text, size_t len,
                           struct arena *arena)
{
	const char *from = text, *end;
	struct arena lines;

	arena_init(&lines, LINE_ARENA_BYTES);
	for (; (end = memchr(from, '\n', len - (size_t)(from - text))); from = end + 1)
		count_line(counted, from, (size_t)(end - from), &lines, arena);
	arena_deinit(&lines);
	return from - text;
}

/* Reads on to the last whole line. A line without an end in sight is left out. */
static void count_log(struct counted *counted, struct log_at *log, const char *path, char *piece,
                      struct arena *arena)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size != log->at) {
		if (st.st_size < log->at)
			log->at = 0;
		if (st.st_size - log->at > READ_BYTES)
			log->at = st.st_size - READ_BYTES; /* mostly within a line, which counts not */
		n = pread(fd, piece, READ_BYTES, log->at);
		if (n > 0) {
			int64_t read = count_piece(counted, piece, (size_t)n, arena);

			log->at += read == 0 && n == READ_BYTES ? n : read;
		}
	}
	close(fd);
}

/* ---- logs ---- */

static struct log_at *find_log(struct counted *counted, const char *name)
{
	for (size_t i = 0; i < counted->n_logs; i++)
		if (strcmp(counted->logs[i].name, name) == 0)
			return &counted->logs[i];
	return NULL;
}

/* At the first look nothing counts that was logged before it. */
static int64_t end_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

/* `moved`: something was logged since the last look. */
static int count_logs(struct counted *counted, const char *folder, bool first, struct arena *arena,
                      bool *moved, struct err *err)
{
	struct counted now = *counted;
	struct strings names;
	char *piece;

	now.logs = NULL;
	now.n_logs = 0;
	if (folder_list(folder, arena, &names, err))
		return -1;
	*moved = first || names.n != counted->n_logs;
	piece = heap_alloc(1, READ_BYTES);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(arena, "%s/%s", folder, names.items[i]);
		struct log_at *log = list_push(arena, &now.logs, &now.n_logs);
		const struct log_at *before = find_log(counted, names.items[i]);

		*log = (struct log_at){names.items[i], before ? before->at : first ? end_of(path) : 0};
		if (!first)
			count_log(&now, log, path, piece, arena);
		*moved |= !before || log->at != before->at;
	}
	free(piece);
	*counted = now;
	return 0;
}

static bool is_shared(const struct haproxy_backend *backend)
{
	return backend->n_shares == 2 && backend->shares[0].share > 0 && backend->shares[1].share > 0;
}

int labels_count(struct serving_local *serving, struct serving_key key,
                 const struct haproxy_backend *backend, const struct output_spec *output,
                 struct arena *arena, struct observed *out, struct err *err)
{
	const char *folder = state_path(serving, arena, "labels", key, "");
	const char *path = arena_printf(arena, "%s/counted.json", folder);
	struct counted counted = {.backend = backend, .output = output};
	struct err absent = {0};
	bool first, moved;

	if (!is_shared(backend)) {
		if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
			return err_errno(err, ERR_TRANSIENT, errno, "%s", path);
		return 0;
	}
	if (!output)
		return 0;
	first = read_counted(path, arena, &counted, &absent) != 0;
	if (first && absent.kind != ERR_STALLED) {
		*err = absent;
		return -1;
	}
	if (count_logs(&counted, state_path(serving, arena, "predictions", key, ""), first, arena,
	               &moved, err) ||
	    (moved && write_counted(folder, &counted, arena, err)))
		return -1;
	out->labels = counted.labels;
	out->n_labels = counted.n_labels;
	return 0;
}
