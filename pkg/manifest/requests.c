/* What people ask of the controller: one file of the requests branch each. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "manifest/manifest.h"
#include "manifest/status.h"

static const char *const request_word[] = {"Request"};
static const struct names request_word_names = NAMES(request_word);

static const struct field request_fields[] = {
	DOCUMENT_HEAD(request_word_names),
	{.name = "verb", .type = FIELD_ENUM, AT(struct request, verb), .flags = FIELD_REQUIRED,
	 .names = &request_verb_names, .help = "What is asked."},
	{.name = "by", .type = FIELD_STRING, AT(struct request, by), .help = "Who asks."},
	{.name = "reason", .type = FIELD_STRING, AT(struct request, reason), .help = "Why."},
	{.name = "commit", .type = FIELD_STRING, AT(struct request, commit),
	 .help = "The commit that it is about, or that it was made in."},
	{.name = "event", .type = FIELD_STRING, AT(struct request, event),
	 .help = "Of kick: the event."},
	{.name = "revision", .type = FIELD_DIGEST, AT(struct request, revision),
	 .help = "Of approve, reject, rollback: the whole digest."},
	{.name = "gate", .type = FIELD_DIGEST, AT(struct request, gate),
	 .help = "Of approve: under which gate."},
	{.name = "expires", .type = FIELD_TIME, AT(struct request, expires_ms),
	 .help = "Of approve: until when it counts."},
	{.name = "oldCommit", .type = FIELD_STRING, AT(struct request, old_commit),
	 .help = "Of accept-rewind: the commit that was accepted."},
	{.name = "newCommit", .type = FIELD_STRING, AT(struct request, new_commit),
	 .help = "Of accept-rewind: the commit to go on from."},
};
static const struct record request_record =
	RECORD(struct request, request, "What somebody asks of the controller.");

void request_encode(struct buf *out, const struct request *request)
{
	struct writer writer;

	write_begin(&writer, out, false);
	record_encode(&writer, &request_record, request);
}

/* "2026-07-02T00:00:00.123Z" without what some file systems refuse: "20260702T000000123Z". */
char *request_path(struct arena *arena, const char *environment, const char *name, int64_t at_ms,
                   enum request_verb verb)
{
	char time[TIME_TEXT], compact[TIME_TEXT];
	size_t n = 0;

	format_time(at_ms, time);
	for (const char *c = time; *c; c++) {
		if (!strchr("-:.", *c))
			compact[n++] = *c;
	}
	compact[n] = '\0';
	return arena_printf(arena, "requests/%s/%s/%s-%s.yaml", environment ? environment : "models",
	                    name, compact, request_verb_names.names[verb]);
}

/* requests/<environment>/<deployment>/<time>-<verb>.yaml, requests/models/<model>/... */
static int parse_path(const char *path, struct arena *arena, struct request_file *out,
                      const char **file, struct err *err)
{
	char *parts[3], *rest = arena_strdup(arena, path);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char *slash = strchr(rest, '/');

		if (!slash)
			return err_set(err, ERR_STALLED, "%s: expected requests/<environment or models>/"
			               "<name>/<time>-<verb>.yaml", path);
		*slash = '\0';
		parts[i] = rest;
		rest = slash + 1;
	}
	if (strcmp(parts[0], "requests") != 0 || !is_name(parts[1]) || !is_name(parts[2]) ||
	    strchr(rest, '/'))
		return err_set(err, ERR_STALLED, "%s: expected requests/<environment or models>/<name>/"
		               "<time>-<verb>.yaml", path);
	out->environment = strcmp(parts[1], "models") == 0 ? NULL : parts[1];
	out->name = parts[2];
	*file = rest;
	return 0;
}

static int check_verb(const char *path, const char *file, enum request_verb verb, struct err *err)
{
	const char *name = request_verb_names.names[verb];
	size_t len = strlen(file), tail = strlen(name) + strlen("-.yaml");
	char expected[64];

	snprintf(expected, sizeof(expected), "-%s.yaml", name);
	if (len > tail && strcmp(file + len - tail, expected) == 0)
		return 0;
	return err_set(err, ERR_STALLED, "%s: says verb: %s; its name must end in '%s'", path, name,
	               expected);
}

int request_decode(const char *path, const char *text, size_t len, struct arena *arena,
                   struct request_file *out, struct err *err)
{
	struct request_file decoded;
	const char *file = "";

	if (parse_path(path, arena, &decoded, &file, err) < 0 ||
	    document_decode(path, text, len, LIMIT_MANIFEST_BYTES, &request_record, arena,
	                    &decoded.request, err) < 0 ||
	    check_verb(path, file, decoded.request.verb, err) < 0)
		return -1;
	*out = decoded;
	return 0;
}
