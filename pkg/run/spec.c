/* What a run is told, and the small things that every step needs. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "run/internal.h"

const struct ustar_limits artifact_limits = {
	.entries_max = 100000,
	.bytes_max = (int64_t)16 << 30,
	.read_only = true,
};

#define AT(member) .offset = offsetof(struct run_spec, member)
#define PATH_OF(key, member, text) {.name = key, .type = FIELD_STRING, AT(member), .help = text}

static const struct field spec_fields[] = {
	{.name = "run", .type = FIELD_DIGEST, AT(run), .flags = FIELD_REQUIRED,
	 .help = "Id of the run."},
	{.name = "model", .type = FIELD_NAME, AT(model), .flags = FIELD_REQUIRED,
	 .help = "Name of the Model."},
	{.name = "manifest", .type = FIELD_STRING, AT(manifest),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "File that declares the Model."},
	PATH_OF("source", source, "Exported folder of train.source."),
	PATH_OF("serveSource", serve_source, "Exported folder of serve.source."),
	PATH_OF("data", data, "The file of data.uri; of train."),
	PATH_OF("secrets", secrets, "Folder of secrets: <name>/<key>."),
	{.name = "dataSize", .type = FIELD_MEMORY, AT(data_bytes), .fallback = "64Gi",
	 .help = "Largest data that is fetched."},
	{.name = "dataTimeout", .type = FIELD_DURATION, AT(data_timeout_ms), .fallback = "1h",
	 .help = "Until data is fetched."},
	{.name = "store", .type = FIELD_STRING, AT(store), .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "Folder of the artifact store."},
	PATH_OF("train", train, "Folder of the train run; of evaluate."),
	{.name = "at", .type = FIELD_TIME, AT(at_ms), .flags = FIELD_REQUIRED,
	 .help = "When the run was decided."},
	{.name = "trigger", .type = FIELD_ENUM, AT(trigger), .names = &trigger_kind_names,
	 .help = "Which trigger fired."},
	{.name = "why", .type = FIELD_STRING, AT(why), .help = "With which numbers."},
	{.name = "parent", .type = FIELD_STRING, AT(parent), .help = "Version that serves now."},
	{.name = "tree", .type = FIELD_STRING, AT(source_tree), .help = "Tree id of train.source."},
	{.name = "commit", .type = FIELD_STRING, AT(source_commit), .help = "Fleet commit."},
	{.name = "serveTree", .type = FIELD_STRING, AT(serve_tree),
	 .help = "Tree id of serve.source."},
	PATH_OF("version", version, "File that declares a version from elsewhere; nothing is trained."),
	{.name = "versionName", .type = FIELD_STRING, AT(version_name), .help = "Its version, as v3."},
	{.name = "rows", .type = FIELD_DIGEST, AT(rows),
	 .help = "Rows in the store on which its artifact was tested before."},
	{.name = "rowsCount", .type = FIELD_INT, AT(rows_count), .max = -1,
	 .help = "How many."},
	{.name = "rowsFrom", .type = FIELD_TIME, AT(rows_from_ms), .help = "Time of the oldest."},
	{.name = "rowsTo", .type = FIELD_TIME, AT(rows_to_ms), .help = "Time of the newest."},
	PATH_OF("incumbent", incumbent, "File that declares the version that serves; of evaluate."),
	PATH_OF("incumbentSource", incumbent_source, "Exported folder of its serve.source."),
	PATH_OF("policy", policy, "File that declares the GatePolicy; of evaluate."),
	{.name = "uses", .type = FIELD_INT, AT(uses), .min = 0, .max = 1000000, .fallback = "1",
	 .help = "Final tests of the test rows, this one included."},
	{.name = "path", .type = FIELD_STRING, AT(path), .help = "PATH of the user's code."},
	{.name = "memory", .type = FIELD_MEMORY, AT(memory_bytes),
	 .help = "Address space of the user's code; absent: unlimited."},
	{.name = "fileSize", .type = FIELD_MEMORY, AT(file_bytes), .fallback = "16Gi",
	 .help = "Largest file that the user's code may write."},
	{.name = "processes", .type = FIELD_INT, AT(processes), .min = 1, .max = 1000000,
	 .fallback = "4096", .help = "Processes and threads of a trainer or server at once."},
	{.name = "parallel", .type = FIELD_INT, AT(parallel), .min = 0, .max = 4, .fallback = "0",
	 .help = "Trainers at once; 0: half of the processors."},
	{.name = "startTimeout", .type = FIELD_DURATION, AT(start_timeout_ms), .fallback = "60s",
	 .help = "Until a server is ready."},
};
static const struct record spec_record = {
	.name = "run", .size = sizeof(struct run_spec), .fields = spec_fields,
	.n = ARRAY_LEN(spec_fields), .help = "What a run is told.",
};

/* The first complaint, without the name of a file. */
static int complaint(const struct diagnostics *diagnostics, const char *what, struct err *err)
{
	return err_set(err, ERR_STALLED, "%s: %s", what,
	               diagnostics->n ? diagnostics->items[0].message : "cannot be decoded");
}

int run_spec_decode(const char *text, size_t len, struct arena *arena, struct run_spec *out,
                    struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct decoder decoder = {.arena = arena, .path = "spec", .diagnostics = &diagnostics};
	struct run_spec spec;
	struct node *root;

	if (json_parse(text, len, LIMIT_MANIFEST_BYTES, arena, &root, err))
		return err_wrap(err, "spec");
	if (record_decode(&decoder, &spec_record, root, &spec))
		return complaint(&diagnostics, "spec", err);
	*out = spec;
	return 0;
}

void run_spec_encode(struct buf *out, const struct run_spec *spec)
{
	struct writer writer;

	write_begin(&writer, out, true);
	record_encode(&writer, &spec_record, spec);
}

int run_read(struct run *run, const char *path, size_t bytes_max, struct bytes *out,
             struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, bytes_max);
	result = file_read(AT_FDCWD, path, &text, err);
	if (!result)
		*out = (struct bytes){arena_memdup(run->arena, buf_text(&text), text.len + 1), text.len};
	buf_deinit(&text);
	return result;
}

int run_object(struct run *run, const char *path, enum kind kind, const char *name,
               struct object *out, struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct file_objects objects;
	struct bytes text;

	if (run_read(run, path, LIMIT_MANIFEST_BYTES, &text, err))
		return -1;
	manifest_decode(path, text.data, text.len, run->arena, &objects, &diagnostics);
	for (size_t i = 0; i < objects.n; i++) {
		struct object *object = &objects.objects[i];

		if (object->kind == kind && (!name || strcmp(object->meta->name, name) == 0)) {
			*out = *object;
			return 0;
		}
	}
	if (diagnostics.n > 0)
		return complaint(&diagnostics, path, err);
	return err_set(err, ERR_STALLED, "%s: declares no %s%s%s", path, kind_names.names[kind],
	               name ? " " : "", name ? name : "");
}

int run_model(struct run *run, struct err *err)
{
	struct object object;

	if (run_object(run, run->spec->manifest, KIND_MODEL, run->spec->model, &object, err))
		return -1;
	run->model = object.model;
	return 0;
}

char *run_path(struct run *run, const char *fmt, ...)
{
	char name[LIMIT_FILE_PATH];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	return arena_printf(run->arena, "%s/%s", run->dir, name);
}

void run_say(struct run *run, const char *fmt, ...)
{
	char line[512];
	va_list args;

	if (!run->world->say)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	text_clean(line);
	run->world->say(line);
}

int run_considered(struct run *run)
{
	run->considered = true;
	return -1;
}

int64_t run_now(const struct run *run)
{
	return run->world->clock->now_ms(run->world->clock->self);
}

int64_t run_wall(const struct run *run)
{
	return run->world->clock->wall_ms(run->world->clock->self);
}

const char *run_took(struct run *run, int64_t since_ms)
{
	int64_t ms = run_now(run) - since_ms;

	return arena_printf(run->arena, ms < 9950 ? "%.1f s" : "%.0f s", (double)ms / 1000);
}
