/* What HAProxy says: `show stat`, `show info` and log lines. Pure. */
#include <stdio.h>
#include <string.h>

#include "adapter/haproxy_parts.h"
#include "base/parse.h"

/* ---- show stat ---- */

enum stat_column {
	COLUMN_BACKEND, COLUMN_SERVER, COLUMN_STATUS, COLUMN_WEIGHT, COLUMN_ADDRESS, COLUMN_CHECK,
	COLUMN_OPEN, COLUMN_ATTEMPTS, COLUMN_ANSWERED, COLUMN_FAILED, COLUMN_ABORTED, COLUMNS
};
static const char *const column_names[] = {
	[COLUMN_BACKEND] = "pxname",    [COLUMN_SERVER] = "svname",
	[COLUMN_STATUS] = "status",     [COLUMN_WEIGHT] = "uweight",
	[COLUMN_ADDRESS] = "addr",      [COLUMN_CHECK] = "check_status",
	[COLUMN_OPEN] = "scur",         [COLUMN_ATTEMPTS] = "stot",
	[COLUMN_ANSWERED] = "req_tot",  [COLUMN_FAILED] = "hrsp_5xx",
	[COLUMN_ABORTED] = "cli_abrt",
};
_Static_assert(ARRAY_LEN(column_names) == COLUMNS, "a name for each column");
_Static_assert(COLUMNS <= ARRAY_LEN(((struct stat_reader *)0)->columns), "room for each column");

/* The next field of a line, which may stand in quotes; past its comma. */
static struct bytes next_field(const char **line, const char *end)
{
	const char *start = *line, *at = start;
	bool quoted = at < end && *at == '"';
	struct bytes field;

	if (quoted)
		for (at++; at < end && *at != '"';)
			at++;
	while (at < end && *at != ',')
		at++;
	field = (struct bytes){start, (size_t)(at - start)};
	*line = at < end ? at + 1 : end;
	return field;
}

static void read_header(struct stat_reader *reader, const char *line, const char *end)
{
	for (int c = 0; c < COLUMNS; c++)
		reader->columns[c] = -1;
	for (int place = 0; line < end; place++) {
		struct bytes field = next_field(&line, end);

		for (int c = 0; c < COLUMNS; c++)
			if (strlen(column_names[c]) == field.len &&
			    memcmp(column_names[c], field.data, field.len) == 0)
				reader->columns[c] = place;
	}
}

static uint64_t number_of(const char *text)
{
	struct err ignored;
	int64_t value;

	return parse_int(text, 0, INT64_MAX, &value, &ignored) < 0 ? 0 : (uint64_t)value;
}

/* "b12" -> 12; -1 for anything else. */
static int index_of(const char *name, char letter)
{
	struct err ignored;
	int64_t value;

	if (name[0] != letter || parse_int(name + 1, 0, 1 << 20, &value, &ignored) < 0)
		return -1;
	return (int)value;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* A server without weight is shown as DRAIN while it is up. */
static bool is_up(const char *status)
{
	return starts_with(status, "UP") || starts_with(status, "DRAIN") ||
	       starts_with(status, "no check");
}

static bool fill_row(char values[COLUMNS][HAPROXY_ADDRESS], struct stat_row *row)
{
	struct haproxy_seen *seen = &row->seen;

	row->backend = index_of(values[COLUMN_BACKEND], 'b');
	row->server = index_of(values[COLUMN_SERVER], 's');
	if (row->backend < 0 || row->server < 0)
		return false;
	seen->up = is_up(values[COLUMN_STATUS]);
	seen->maint = starts_with(values[COLUMN_STATUS], "MAINT");
	seen->weight = (int)number_of(values[COLUMN_WEIGHT]);
	snprintf(seen->address, sizeof(seen->address), "%s", values[COLUMN_ADDRESS]);
	snprintf(seen->cause, sizeof(seen->cause), "%.20s %.20s", values[COLUMN_STATUS],
	         values[COLUMN_CHECK]);
	seen->open = number_of(values[COLUMN_OPEN]);
	seen->attempts = number_of(values[COLUMN_ATTEMPTS]);
	seen->answered = number_of(values[COLUMN_ANSWERED]);
	seen->failed = number_of(values[COLUMN_FAILED]);
	seen->aborted = number_of(values[COLUMN_ABORTED]);
	return true;
}

static bool read_row(const struct stat_reader *reader, const char *line, const char *end,
                     struct stat_row *row)
{
	char values[COLUMNS][HAPROXY_ADDRESS] = {{0}};

	for (int place = 0; line < end; place++) {
		struct bytes field = next_field(&line, end);

		for (int c = 0; c < COLUMNS; c++)
			if (reader->columns[c] == place)
				snprintf(values[c], HAPROXY_ADDRESS, "%.*s", (int)field.len, field.data);
	}
	return fill_row(values, row);
}

bool stat_next(struct stat_reader *reader, struct stat_row *row)
{
	while (*reader->rest) {
		const char *line = reader->rest, *end = line + strcspn(line, "\n");

		reader->rest = *end ? end + 1 : end;
		if (starts_with(line, "# "))
			read_header(reader, line + 2, end);
		else if (end > line && read_row(reader, line, end, row))
			return true;
	}
	return false;
}

/* ---- show info ---- */

static bool find_value(const char *info, const char *name, char out[24])
{
	const char *at = strstr(info, name);
	size_t len = at ? strcspn(at += strlen(name), "\r\n") : 0;

	if (!at || len == 0 || len >= 24)
		return false;
	memcpy(out, at, len);
	out[len] = '\0';
	return true;
}

bool read_identity(const char *info, char out[IDENTITY])
{
	char pid[24], start[24];

	if (!find_value(info, "Pid: ", pid) || !find_value(info, "Start_time_sec: ", start))
		return false;
	snprintf(out, IDENTITY, "%s@%s", pid, start);
	return true;
}

/* ---- the log ---- */

/* Cuts the next word off `rest`; NULL when there is none. */
static char *next_word(char **rest)
{
	return *rest ? strsep(rest, " ") : NULL;
}

/* "R <revision> <backend>/<server> <status> <us> <retries>"; what did not happen is "-". */
bool read_log_line(const char *text, size_t len, struct log_line *out)
{
	char line[256], *rest = line, *words[6], *slash;
	struct err ignored;
	int64_t status, us;

	if (len >= sizeof(line))
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!(words[i] = next_word(&rest)))
			return false;
	slash = strchr(words[2], '/');
	if (rest || strcmp(words[0], "R") != 0 || !slash ||
	    parse_int(words[3], 100, 599, &status, &ignored) < 0 ||
	    parse_int(words[4], 0, INT64_MAX, &us, &ignored) < 0)
		return false;
	*slash = '\0';
	snprintf(out->revision, sizeof(out->revision), "%s", words[1]);
	out->backend = index_of(words[2], 'b');
	out->server = index_of(slash + 1, 's');
	out->status = (int)status;
	out->us = us;
	out->retried = strcmp(words[5], "0") != 0;
	return out->backend >= 0 && out->server >= 0;
}
