/* linnet explain and schema: what the field tables say of the kinds. */
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "manifest/manifest.h"

/* "Model" or "model", up to the first dot. */
static const struct record *find_kind(const char *word, struct err *err)
{
	int len = (int)strcspn(word, ".");
	char name[64];
	const char *near;

	for (int kind = 0; kind < KINDS; kind++)
		if (strlen(kind_names.names[kind]) == (size_t)len &&
		    !strncasecmp(kind_names.names[kind], word, (size_t)len))
			return kind_records[kind];
	snprintf(name, sizeof(name), "%.*s", len, word);
	near = nearest(name, kind_names.names, KINDS);
	if (near)
		err_set(err, ERR_STALLED, "there is no kind '%s'; did you mean %s?", name, near);
	else
		err_set(err, ERR_STALLED, "there is no kind '%s'; write Model, ModelVersion, "
		        "ModelDeployment, Environment or GatePolicy", name);
	return NULL;
}

static bool is_top_key(const struct record *record, const char *path)
{
	size_t len = strcspn(path, ".[");

	for (size_t i = 0; i < record->n; i++)
		if (strlen(record->fields[i].name) == len && !strncmp(record->fields[i].name, path, len))
			return true;
	return false;
}

int verb_explain(const struct options *options, struct err *err)
{
	const char *word = options->args[0], *path;
	const struct record *record = find_kind(word, err);
	struct buf out;
	int result;

	if (!record)
		return -1;
	path = strchr(word, '.');
	path = path && path[1] ? path + 1 : "spec";
	if (!is_top_key(record, path))
		path = arena_printf(options->arena, "spec.%s", path);
	buf_init(&out, 1 << 20);
	if (!strchr(word, '.'))
		buf_printf(&out, "%s\n\n", record->help);
	result = record_explain(record, path, &out, err);
	if (!result)
		fputs(buf_text(&out), stdout);
	buf_deinit(&out);
	return result;
}

int verb_schema(const struct options *options, struct err *err)
{
	const struct record *record = find_kind(options->args[0], err);
	struct writer writer;
	struct buf out;

	if (!record)
		return -1;
	buf_init(&out, 8 << 20);
	write_begin(&writer, &out, true);
	record_schema(&writer, record);
	put_indented(buf_text(&out));
	buf_deinit(&out);
	return 0;
}
