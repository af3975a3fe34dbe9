/* The small files of the local back end, and where they lie. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "adapter/json.h"
#include "adapter/serving_local_parts.h"
#include "base/file.h"

/* ---- places and times ---- */

void key_text(struct serving_key key, char out[KEY_BYTES])
{
	snprintf(out, KEY_BYTES, "%s/%s", key.environment, key.deployment);
}

const char *state_path(const struct serving_local *serving, struct arena *arena, const char *kind,
                       struct serving_key key, const char *name)
{
	return arena_printf(arena, "%s/%s/%s/%s%s%s", serving->state, kind, key.environment,
	                    key.deployment, name[0] ? "/" : "", name);
}

const char *artifact_folder(const char *state, struct digest artifact, struct arena *arena)
{
	return arena_printf(arena, "%s/artifacts/%s", state, artifact.hex);
}

const char *source_folder(const char *state, const char *tree, struct arena *arena)
{
	return arena_printf(arena, "%s/sources/%s", state, tree);
}

bool folder_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int64_t clock_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t boot_ms(void)
{
	return clock_of(CLOCK_BOOTTIME);
}

int64_t wall_ms(void)
{
	return clock_of(CLOCK_REALTIME);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int folder_list(const char *path, struct arena *arena, struct strings *out, struct err *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	*out = (struct strings){0};
	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return err_errno(err, ERR_TRANSIENT, errno, "%s", path);
	while ((errno = 0, entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			*list_push(arena, &out->items, &out->n) = arena_strdup(arena, entry->d_name);
	if (errno) {
		err_errno(err, ERR_TRANSIENT, errno, "%s", path);
		closedir(dir);
		return -1;
	}
	closedir(dir);
	if (out->n > 0)
		qsort(out->items, out->n, sizeof(*out->items), by_text);
	return 0;
}

/* ---- lists ---- */

static void put_strings(struct writer *writer, const char *key, struct strings strings)
{
	write_key(writer, key);
	write_list(writer);
	for (size_t i = 0; i < strings.n; i++)
		write_string(writer, strings.items[i]);
	write_list_end(writer);
}

static struct strings get_strings(const struct node *map, const char *key, struct arena *arena)
{
	const struct node *list = node_get(map, key);
	struct strings strings = {0};

	for (const struct node *at = list ? list->first : NULL; at; at = at->next)
		*list_push(arena, &strings.items, &strings.n) = at->text;
	return strings;
}

/* ---- replica.json ---- */

void replica_add_exit(struct replica_file *file, int64_t at_ms)
{
	if (file->n_exits == EXITS_KEPT) {
		memmove(file->exits, file->exits + 1, (EXITS_KEPT - 1) * sizeof(*file->exits));
		file->n_exits--;
	}
	file->exits[file->n_exits++] = at_ms;
}

int replica_read(const char *folder, struct arena *arena, struct replica_file *out,
                 struct err *err)
{
	struct replica_file file = {0};
	struct strings exits;
	struct node *root;
	struct err ignored;

	if (json_file(arena_printf(arena, "%s/replica.json", folder), STATE_BYTES, arena, &root,
	              err) < 0)
		return -1;
	file.revision = json_digest(root, "revision");
	file.artifact = json_digest(root, "artifact");
	file.slot = (int)json_int(root, "slot", 0, INT32_MAX, -1);
	file.model = node_text(root, "model");
	file.version = node_text(root, "version");
	file.tree = node_text(root, "tree");
	file.port = (int)json_int(root, "port", 0, 65535, 0);
	file.secrets = get_strings(root, "secrets", arena);
	exits = get_strings(root, "exits", arena);
	for (size_t i = 0; i < exits.n && file.n_exits < EXITS_KEPT; i++)
		if (parse_int(exits.items[i], 0, INT64_MAX, &file.exits[file.n_exits], &ignored) == 0)
			file.n_exits++;
	file.ended_ms = json_int(root, "ended", 0, INT64_MAX, -1);
	file.failure = node_text(root, "failure");
	file.stopping = json_bool(root, "stopping");
	file.stop_ms = json_int(root, "stop", 0, INT64_MAX, 0);
	file.term_ms = json_int(root, "term", 0, INT64_MAX, -1);
	file.drain_ms = json_int(root, "drain", 0, INT64_MAX, 0);
	if (!file.revision.hex[0] || !file.model || !file.version || file.slot < 0)
		return err_set(err, ERR_STALLED, "%s/replica.json says nothing", folder);
	*out = file;
	return 0;
}

int replica_write(const char *folder, const struct replica_file *file, struct err *err)
{
	struct writer writer;
	struct buf text;
	char number[24];
	int rc;

	buf_init(&text, STATE_BYTES);
	write_begin(&writer, &text, true);
	write_map(&writer);
	json_put_text(&writer, "revision", file->revision.hex);
	json_put_text(&writer, "artifact", file->artifact.hex);
	json_put_int(&writer, "slot", file->slot);
	json_put_text(&writer, "model", file->model);
	json_put_text(&writer, "version", file->version);
	json_put_text(&writer, "tree", file->tree);
	json_put_int(&writer, "port", file->port);
	put_strings(&writer, "secrets", file->secrets);
	write_key(&writer, "exits");
	write_list(&writer);
	for (size_t i = 0; i < file->n_exits; i++) {
		snprintf(number, sizeof(number), "%lld", (long long)file->exits[i]);
		write_raw(&writer, number);
	}
	write_list_end(&writer);
	json_put_int(&writer, "ended", file->ended_ms);
	json_put_text(&writer, "failure", file->failure);
	json_put_bool(&writer, "stopping", file->stopping);
	json_put_int(&writer, "stop", file->stop_ms);
	json_put_int(&writer, "term", file->term_ms);
	json_put_int(&writer, "drain", file->drain_ms);
	write_map_end(&writer);
	buf_putc(&text, '\n');
	rc = buf_check(&text, "replica.json", err);
	if (rc == 0) {
		char path[LIMIT_FILE_PATH];

		snprintf(path, sizeof(path), "%s/replica.json", folder);
		rc = file_replace(AT_FDCWD, path, buf_text(&text), text.len, 0600, err);
	}
	buf_deinit(&text);
	return rc;
}

/* ---- the specs and results of workers ---- */

void prepare_spec_encode(const struct prepare_spec *spec, struct buf *out)
{
	struct writer writer;

	write_begin(&writer, out, true);
	write_map(&writer);
	json_put_text(&writer, "state", spec->state);
	json_put_text(&writer, "store", spec->store);
	json_put_text(&writer, "dataRoot", spec->data_root);
	json_put_text(&writer, "repository", spec->repository);
	json_put_text(&writer, "uri", spec->uri);
	json_put_text(&writer, "tree", spec->tree);
	json_put_text(&writer, "artifact", spec->artifact.hex);
	json_put_int(&writer, "bytes", spec->bytes);
	write_map_end(&writer);
	buf_putc(out, '\n');
}

int prepare_spec_read(const char *path, struct arena *arena, struct prepare_spec *out,
                      struct err *err)
{
	struct node *root;

	if (json_file(path, STATE_BYTES, arena, &root, err) < 0)
		return -1;
	*out = (struct prepare_spec){
		.state = node_text(root, "state"),
		.store = node_text(root, "store"),
		.data_root = node_text(root, "dataRoot"),
		.repository = node_text(root, "repository"),
		.uri = node_text(root, "uri"),
		.tree = node_text(root, "tree"),
		.artifact = json_digest(root, "artifact"),
		.bytes = json_int(root, "bytes", 0, INT64_MAX, -1),
	};
	if (!out->state || !out->store || !out->artifact.hex[0])
		return err_set(err, ERR_STALLED, "%s: is not what __prepare takes", path);
	return 0;
}

static void put_input(struct writer *writer, const struct input_spec *input)
{
	write_map(writer);
	json_put_text(writer, "name", input->name);
	json_put_text(writer, "type", tensor_type_names.names[input->type]);
	if (is_set(input->min))
		json_put_number(writer, "min", input->min);
	if (is_set(input->max))
		json_put_number(writer, "max", input->max);
	if (input->values.n > 0)
		put_strings(writer, "values", input->values);
	json_put_bool(writer, "nullable", input->nullable);
	write_map_end(writer);
}

static void put_interface(struct writer *writer, const struct interface_spec *interface)
{
	write_map(writer);
	json_put_text(writer, "layout", layout_names.names[interface->layout]);
	write_key(writer, "inputs");
	write_list(writer);
	for (size_t i = 0; i < interface->n_inputs; i++)
		put_input(writer, &interface->inputs[i]);
	write_list_end(writer);
	write_key(writer, "output");
	write_map(writer);
	json_put_text(writer, "name", interface->output.name);
	json_put_text(writer, "type", tensor_type_names.names[interface->output.type]);
	if (interface->output.classes.n > 0)
		put_strings(writer, "classes", interface->output.classes);
	json_put_text(writer, "scores", interface->output.scores);
	write_map_end(writer);
	write_map_end(writer);
}

void check_spec_encode(const struct serving_check *check, struct buf *out)
{
	struct writer writer;

	write_begin(&writer, out, true);
	write_map(&writer);
	json_put_text(&writer, "model", check->model);
	json_put_text(&writer, "version", check->version);
	put_strings(&writer, "addresses", check->addresses);
	json_put_text(&writer, "golden", check->golden);
	write_key(&writer, "interface");
	put_interface(&writer, &check->interface);
	write_map_end(&writer);
	buf_putc(out, '\n');
}

/* The value of a name, or -1 with `bad` set. */
static int get_name(const struct node *map, const char *key, struct names names, bool *bad)
{
	const char *text = node_text(map, key);
	int value = text ? names_find(names, text) : -1;

	*bad = *bad || value < 0;
	return value;
}

static void get_input(const struct node *node, struct arena *arena, struct input_spec *out,
                      bool *bad)
{
	out->name = node_text(node, "name");
	out->type = (enum tensor_type)get_name(node, "type", tensor_type_names, bad);
	out->min = json_number(node, "min", -INFINITY, INFINITY, NAN);
	out->max = json_number(node, "max", -INFINITY, INFINITY, NAN);
	out->values = get_strings(node, "values", arena);
	out->nullable = json_bool(node, "nullable");
	*bad = *bad || !out->name;
}

static bool get_interface(const struct node *node, struct arena *arena, struct interface_spec *out)
{
	const struct node *inputs = node_get(node, "inputs"), *output = node_get(node, "output");
	bool bad = false;

	out->layout = (enum layout)get_name(node, "layout", layout_names, &bad);
	for (const struct node *at = inputs ? inputs->first : NULL; at; at = at->next)
		get_input(at, arena, list_push(arena, &out->inputs, &out->n_inputs), &bad);
	out->output.name = node_text(output, "name");
	out->output.type = (enum tensor_type)get_name(output, "type", tensor_type_names, &bad);
	out->output.classes = get_strings(output, "classes", arena);
	out->output.scores = node_text(output, "scores");
	return !bad && out->output.name;
}

int serving_check_read(const char *path, struct arena *arena, struct serving_check *out,
                       struct err *err)
{
	struct serving_check check = {0};
	struct node *root;

	if (json_file(path, LIMIT_STATUS_BYTES, arena, &root, err) < 0)
		return -1;
	check.model = node_text(root, "model");
	check.version = node_text(root, "version");
	check.addresses = get_strings(root, "addresses", arena);
	check.golden = node_text(root, "golden");
	if (!check.model || !check.version ||
	    !get_interface(node_get(root, "interface"), arena, &check.interface))
		return err_set(err, ERR_STALLED, "%s: is not what __check takes", path);
	*out = check;
	return 0;
}

int serving_result_write(const char *spec_path, const struct err *problem, struct err *err)
{
	const char *slash = strrchr(spec_path, '/');
	char path[LIMIT_FILE_PATH];
	struct writer writer;
	struct buf text;
	int rc;

	snprintf(path, sizeof(path), "%.*sresult", slash ? (int)(slash - spec_path) + 1 : 0,
	         spec_path);
	buf_init(&text, STATE_BYTES);
	write_begin(&writer, &text, true);
	write_map(&writer);
	json_put_bool(&writer, "ok", problem == NULL);
	if (problem) {
		json_put_bool(&writer, "retryable", problem->kind != ERR_STALLED);
		json_put_text(&writer, "why", problem->text);
	}
	write_map_end(&writer);
	buf_putc(&text, '\n');
	rc = file_write(AT_FDCWD, path, buf_text(&text), text.len, 0600, err);
	buf_deinit(&text);
	return rc;
}
