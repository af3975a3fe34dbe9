#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/git_export.h"
#include "adapter/git_objects.h"
#include "base/file.h"
#include "base/limits.h"
#include "doc/doc.h"
#include "run/run.h"

enum { SPEC_BYTES = 1 << 20, RUN_NAME = 16 /* digits of its id that name a run's folder */ };

/* What the controller says, beside what goes into the run's spec as it is. */
struct order {
	struct arena arena;
	char folder[PATH_MAX]; /* the run's own, which is the current one */
	bool evaluate;
	const char *commit, *manifest, *state, *trigger, *run, *at;
	const char *incumbent, *incumbent_tree, *policy, *uses, *version;
	const char *rows, *rows_count, *rows_from, *rows_to;
	struct run_spec spec;
};

static int read_words(struct order *order, int argc, char **argv, struct err *err)
{
	const struct {
		const char *name;
		const char **value;
	} words[] = {
		{"run", &order->run}, {"model", &order->spec.model}, {"manifest", &order->manifest},
		{"commit", &order->commit}, {"state", &order->state}, {"store", &order->spec.store},
		{"data", &order->spec.data}, {"secrets", &order->spec.secrets},
		{"train", &order->spec.train},
		{"trigger", &order->trigger}, {"why", &order->spec.why},
		{"parent", &order->spec.parent}, {"at", &order->at},
		{"tree", &order->spec.source_tree}, {"serve-tree", &order->spec.serve_tree},
		{"incumbent", &order->incumbent}, {"incumbent-tree", &order->incumbent_tree},
		{"policy", &order->policy}, {"uses", &order->uses},
		{"version", &order->version}, {"version-tree", &order->spec.serve_tree},
		{"version-name", &order->spec.version_name}, {"rows", &order->rows},
		{"rows-count", &order->rows_count}, {"rows-from", &order->rows_from},
		{"rows-to", &order->rows_to},
	};

	for (int i = 3; i < argc; i++) {
		size_t len = strcspn(argv[i], "="), w = 0;

		while (w < ARRAY_LEN(words) && (strlen(words[w].name) != len ||
		                                strncmp(words[w].name, argv[i], len)))
			w++;
		if (w == ARRAY_LEN(words) || !argv[i][len])
			return err_set(err, ERR_STALLED, "unknown word %s", argv[i]);
		*words[w].value = argv[i] + len + 1;
	}
	if (!order->run || !order->commit || !order->manifest || !order->state || !order->at)
		return err_set(err, ERR_STALLED, "a word is missing");
	return 0;
}

/* Writes a manifest, as it is in that commit, into the run's folder under a name of its own. */
static int export_manifest(struct order *order, const char *path, const char *name,
                           struct err *err)
{
	const char *repo = arena_printf(&order->arena, "%s/fleet.git", order->state);
	struct objects *objects;
	struct bytes text;
	struct oid commit, blob;
	int result;

	snprintf(commit.hex, sizeof(commit.hex), "%s", order->commit);
	if (objects_open(repo, false, &objects, err))
		return -1;
	result = objects_path(objects, commit, path, &blob, err);
	if (!result)
		result = objects_blob(objects, blob, LIMIT_MANIFEST_BYTES, &order->arena, &text, err);
	if (!result)
		result = file_replace(AT_FDCWD, name, text.data, text.len, 0600, err);
	objects_close(objects);
	return result;
}

static int export_manifests(struct order *order, struct err *err)
{
	if (export_manifest(order, order->manifest, "model.yaml", err) ||
	    (order->version && export_manifest(order, order->version, "subject.yaml", err)) ||
	    (order->incumbent && export_manifest(order, order->incumbent, "incumbent.yaml", err)))
		return -1;
	return order->policy ? export_manifest(order, order->policy, "policy.yaml", err) : 0;
}

/* A source folder by its tree id. It belongs to the run, which reads it again for each candidate
 * and server: the sources of the state folder are collected as soon as no server needs them. */
static int export_source(struct order *order, const char *tree, const char **folder,
                         struct err *err)
{
	const char *repo = arena_printf(&order->arena, "%s/fleet.git", order->state);
	struct oid id;

	if (!tree)
		return 0;
	snprintf(id.hex, sizeof(id.hex), "%s", tree);
	*folder = arena_printf(&order->arena, "%s/sources/%s", order->folder, tree);
	if (dir_make_all(AT_FDCWD, "sources", 0700, err))
		return -1;
	return git_export(repo, id, *folder, err);
}

/* The test rows of a version whose artifact was tested before. */
static int read_rows(struct order *order, struct err *err)
{
	struct run_spec *spec = &order->spec;

	spec->rows_from_ms = spec->rows_to_ms = -1;
	if (!order->rows)
		return 0;
	if (!order->rows_count || !order->rows_from || !order->rows_to)
		return err_set(err, ERR_STALLED, "a word is missing");
	return digest_parse(order->rows, &spec->rows, err) ||
	       parse_int(order->rows_count, 0, INT64_MAX, &spec->rows_count, err) ||
	       parse_int(order->rows_from, -1, INT64_MAX, &spec->rows_from_ms, err) ||
	       parse_int(order->rows_to, -1, INT64_MAX, &spec->rows_to_ms, err) ? -1 : 0;
}

static int write_spec(struct order *order, struct err *err)
{
	struct run_spec *spec = &order->spec;
	const char *folder = order->folder;
	int trigger = names_find(trigger_kind_names, order->trigger ? order->trigger : "");
	struct buf text;
	int result;

	if (digest_parse(order->run, &spec->run, err) ||
	    parse_int(order->at, 0, INT64_MAX, &spec->at_ms, err) ||
	    (order->uses && parse_int(order->uses, 0, INT32_MAX, &spec->uses, err)) ||
	    read_rows(order, err))
		return -1;
	if (order->version)
		spec->version = arena_printf(&order->arena, "%s/subject.yaml", folder);
	if (order->incumbent)
		spec->incumbent = arena_printf(&order->arena, "%s/incumbent.yaml", folder);
	if (order->policy)
		spec->policy = arena_printf(&order->arena, "%s/policy.yaml", folder);
	spec->trigger = trigger < 0 ? TRIGGER_FIRST : (enum trigger_kind)trigger;
	spec->source_commit = order->commit;
	spec->manifest = arena_printf(&order->arena, "%s/model.yaml", folder);
	spec->path = "/usr/local/bin:/usr/bin:/bin";
	spec->memory_bytes = -1;
	spec->file_bytes = (int64_t)16 << 30;
	spec->processes = 4096;
	spec->start_timeout_ms = 60000;
	spec->data_bytes = (int64_t)64 << 30;
	spec->data_timeout_ms = 60 * 60 * 1000;
	buf_init(&text, 64 << 10);
	run_spec_encode(&text, spec);
	result = file_replace(AT_FDCWD, "spec.json", text.text, text.len, 0600, err);
	buf_deinit(&text);
	return result;
}

/* ---- What earlier runs left ---- */

static bool is_of_model(const char *spec, const char *model, struct arena *arena)
{
	struct node *root;
	const char *found = NULL;
	struct err unreadable;
	struct buf text;

	buf_init(&text, SPEC_BYTES);
	if (!file_read(AT_FDCWD, spec, &text, &unreadable) &&
	    !json_parse(buf_text(&text), text.len, SPEC_BYTES, arena, &root, &unreadable))
		found = node_text(root, "model");
	buf_deinit(&text);
	return found && strcmp(found, model) == 0;
}

/* What is large and nobody reads again: what was learnt from and tested is in the store. Results,
 * stages, reports and logs stay. */
static void sweep(const char *part, struct arena *arena)
{
	static const char large[] = "/{data,rows,sources,server,incumbent,fit/*/{train.csv,"
	                            "validation.csv,artifact.tar,model,source,tmp}}";
	struct err err;
	glob_t found;

	if (glob(arena_printf(arena, "%s%s", part, large), GLOB_BRACE, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			if (dir_remove_all(AT_FDCWD, found.gl_pathv[i], &err))
				fprintf(stderr, "linnet-controller: %s\n", err.text);
		globfree(&found);
	}
}

/* Of this model a run begins: those before it have ended, and one that left its result is not
 * taken up again. Our folder is <run>/train or <run>/evaluate among those of all runs. */
static void sweep_earlier(const struct order *order)
{
	static const char ended[] = "../../*/{train/train,evaluate/evaluate}.json";
	struct arena arena; /* of one of them: there may be many */
	glob_t found;

	if (order->evaluate || glob(ended, GLOB_BRACE, NULL, &found))
		return;
	arena_init(&arena, 16 * SPEC_BYTES);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *part = dirname(found.gl_pathv[i]);

		arena_reset(&arena);
		if (strncmp(part + strlen("../../"), order->run, RUN_NAME) != 0 &&
		    is_of_model(arena_printf(&arena, "%s/spec.json", part), order->spec.model, &arena))
			sweep(part, &arena);
	}
	arena_deinit(&arena);
	globfree(&found);
}

static int become_run(struct order *order, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *program;

	if (n < 0)
		return err_set(err, ERR_STALLED, "where am I?");
	self[n] = 0;
	program = arena_printf(&order->arena, "%s/linnet-run", dirname(self));
	if (write_spec(order, err))
		return -1;
	sweep_earlier(order);
	execl(program, program, order->evaluate ? "evaluate" : "train", "--spec", "spec.json", "--out",
	      order->folder, (char *)NULL);
	return err_set(err, ERR_STALLED, "%s cannot be executed", program);
}

int verb_run(int argc, char **argv)
{
	struct order order = {.evaluate = argc > 2 && !strcmp(argv[2], "evaluate")};
	struct err err = {0};

	arena_init(&order.arena, 64 << 20);
	if (!getcwd(order.folder, sizeof(order.folder)))
		err_errno(&err, ERR_TRANSIENT, errno, "run: its folder");
	else if (!read_words(&order, argc, argv, &err) && !export_manifests(&order, &err) &&
	    !export_source(&order, order.spec.source_tree, &order.spec.source, &err) &&
	    !export_source(&order, order.spec.serve_tree, &order.spec.serve_source, &err) &&
	    !export_source(&order, order.incumbent_tree, &order.spec.incumbent_source, &err) &&
	    become_run(&order, &err))
		err_wrap(&err, "run");
	fprintf(stderr, "linnet-controller: %s\n", err.text);
	return 2;
}
