/* linnet validate: every complaint at once, with its place. */
#include "view.h"

struct outcome {
	const struct view *view;
	const struct diagnostics *diagnostics;
};

static void write_outcome(struct writer *writer, const void *context)
{
	const struct outcome *outcome = context;

	write_map(writer);
	write_key(writer, "files");
	write_int(writer, (int64_t)outcome->view->n_files);
	write_key(writer, "diagnostics");
	write_list(writer);
	for (size_t i = 0; i < outcome->diagnostics->n; i++) {
		const struct diagnostic *item = &outcome->diagnostics->items[i];

		write_map(writer);
		write_member(writer, "path", item->path);
		write_key(writer, "line");
		write_int(writer, item->line);
		write_key(writer, "column");
		write_int(writer, item->column);
		write_member(writer, "message", item->message);
		write_map_end(writer);
	}
	write_list_end(writer);
	write_map_end(writer);
}

static void put_text(const struct options *options, struct view *view,
                     const struct diagnostics *diagnostics)
{
	static const char *const plural[KINDS] = {"models", "versions", "deployments", "environments",
	                                          "policies"};
	const char **names;
	size_t n;

	for (size_t i = 0; i < diagnostics->n; i++) {
		const struct diagnostic *item = &diagnostics->items[i];

		printf("%s:%d:%d: ", item->path, item->line, item->column);
		put_coloured(options, "31", item->message);
		printf("\n");
	}
	n = fleet_list(view->fleet, KIND_MODEL, options->arena, &names);
	for (size_t i = 0; i < n; i++)
		put_gates(options, view, names[i]);
	put_idle_keys(options, view);
	printf("%zu files:", view->n_files);
	for (int kind = 0; kind < KINDS; kind++) {
		printf(" %zu %s%s", fleet_list(view->fleet, (enum kind)kind, options->arena, &names),
		       plural[kind], kind + 1 < KINDS ? "," : "");
	}
	if (diagnostics->n)
		printf("; %zu to mend\n", diagnostics->n);
	else
		printf("; nothing to mend\n");
}

/* A check of a wrong folder would be content for ever. */
static int check_folder(struct view *view, const struct options *options, const char *folder,
                        struct diagnostics *diagnostics, struct err *err)
{
	if (view_folder(view, folder, options->arena, err))
		return -1;
	fleet_diagnose(view->fleet, view_read, view_has_folder, view, options->arena, diagnostics);
	if (!diagnostics->n && view_is_empty(view, options->arena))
		return err_set(err, ERR_STALLED, "there is no manifest in %s; name the folder of the "
		               "fleet's manifests", folder);
	return 0;
}

int verb_validate(const struct options *options, struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct view view;

	if (check_folder(&view, options, options->n_args ? options->args[0] : ".", &diagnostics,
	                 err)) {
		view_close(&view);
		return -1;
	}
	if (options->output == OUTPUT_TABLE)
		put_text(options, &view, &diagnostics);
	else
		put_document(options, write_outcome, &(struct outcome){&view, &diagnostics});
	view_close(&view);
	return diagnostics.n ? EXIT_ERROR : 0;
}
