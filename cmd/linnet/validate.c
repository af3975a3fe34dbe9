/* linnet validate: every complaint at once, with its place. */
#include <math.h>
#include <string.h>

#include "gate/gates.h"
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

/* What the last run has told of the test rows to come; else the test share of the least rows. */
struct outlook {
	const char *version; /* whose run told it; NULL: none did */
	int64_t rows;
	double disagreement, accuracy; /* the latter NAN: unknown */
};
#define DISAGREEMENT 0.1 /* before any run has told */
#define ENOUGH 0.8       /* of runs: less is told how to be mended */
#define ROWS_MAX 1000000

static void learn_from(const struct model_version *version, struct outlook *out)
{
	*out = (struct outlook){version->version, version->lineage->test_rows, DISAGREEMENT, NAN};
	for (size_t i = 0; i < version->n_metrics_test; i++)
		if (!strcmp(version->metrics_test[i].name, "accuracy"))
			out->accuracy = version->metrics_test[i].value;
	for (size_t i = 0; i < version->n_entries; i++)
		if (!strcmp(version->entries[i].name, "guard changed-predictions") &&
		    is_set(version->entries[i].value))
			out->disagreement = version->entries[i].value;
}

static struct outlook outlook_of(const struct options *options, struct view *view,
                                 const struct model *model)
{
	double rows = model->train->split.test * (double)model->data.validate.min_rows;
	struct outlook outlook = {NULL, (int64_t)floor(rows + 1e-6), DISAGREEMENT, NAN};
	const char **names;
	size_t n = fleet_versions_of(view->fleet, model->meta.name, options->arena, &names);
	int64_t newest = -1;

	for (size_t i = 0; i < n; i++) {
		struct object object = {0};

		if (fleet_get(view->fleet, KIND_MODEL_VERSION, NULL, names[i], view_read, view,
		              options->arena, &object, NULL, NULL) != DECLARED_OK ||
		    !object.version->lineage || object.version->lineage->test_rows <= 0 ||
		    object.version->lineage->finished_ms < newest)
			continue;
		newest = object.version->lineage->finished_ms;
		learn_from(object.version, &outlook);
	}
	return outlook;
}

/* About so many test rows make an equally good candidate pass in four of five runs; -1: no number
 * of them up to a million does. */
static int64_t rows_enough(const struct model *model, const struct gate_policy *policy,
                           const struct outlook *outlook)
{
	int64_t low = outlook->rows, high = low > 0 ? low : 1;

	while (gates_pass_probability(&model->gates, policy, high, outlook->disagreement) < ENOUGH) {
		low = high;
		high *= 2;
		if (high > ROWS_MAX)
			return -1;
	}
	while (high - low > 1) {
		int64_t rows = low + (high - low) / 2;

		if (gates_pass_probability(&model->gates, policy, rows, outlook->disagreement) < ENOUGH)
			low = rows;
		else
			high = rows;
	}
	return high;
}

static void put_outlook(const struct model *model, const struct gate_policy *policy,
                        const struct outlook *outlook)
{
	double p = gates_pass_probability(&model->gates, policy, outlook->rows,
	                                  outlook->disagreement);

	int64_t enough = is_set(p) && p < ENOUGH ? rows_enough(model, policy, outlook) : -1;

	if (is_set(p))
		printf("%s: a candidate exactly as good as what serves passes versusCurrent in %.0f %% of"
		       " runs (%lld test rows%s%s, %.0f %% of them answered differently)",
		       model->meta.name, 100 * p, (long long)outlook->rows,
		       outlook->version ? " as of " : " of data.validate.minRows",
		       outlook->version ? outlook->version : "", 100 * outlook->disagreement);
	if (enough >= 0)
		printf("; %.0f %% takes a wider margin, or about %lld rows in all", 100 * ENOUGH,
		       (long long)ceil((double)enough / model->train->split.test));
	if (is_set(p))
		printf("\n");
	if (!is_set(outlook->accuracy))
		return;
	p = gates_minimum_probability(&model->gates, policy, outlook->rows, outlook->accuracy);
	if (is_set(p))
		printf("%s: one with the accuracy of %s, %.1f %%, passes the declared minimum in %.0f %%"
		       " of runs\n", model->meta.name, outlook->version, 100 * outlook->accuracy, 100 * p);
}

/* How often an equally good candidate would pass what a model declares; nothing where that cannot
 * be said. */
static void put_chance(const struct options *options, struct view *view, const char *name)
{
	struct object object = {0}, policy = {0};
	struct outlook outlook;

	if (fleet_get(view->fleet, KIND_MODEL, NULL, name, view_read, view, options->arena, &object,
	              NULL, NULL) != DECLARED_OK || !object.model->train)
		return;
	if (object.model->gates.policy &&
	    fleet_get(view->fleet, KIND_GATE_POLICY, NULL, object.model->gates.policy, view_read, view,
	              options->arena, &policy, NULL, NULL) != DECLARED_OK)
		return;
	outlook = outlook_of(options, view, object.model);
	if (outlook.rows > 0)
		put_outlook(object.model, policy.policy, &outlook);
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
		put_chance(options, view, names[i]);
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

int verb_validate(const struct options *options, struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct view view;

	if (view_folder(&view, options->n_args ? options->args[0] : options->path, options->arena,
	                err)) {
		view_close(&view);
		return -1;
	}
	fleet_diagnose(view.fleet, view_read, &view, options->arena, &diagnostics);
	if (options->output == OUTPUT_TABLE)
		put_text(options, &view, &diagnostics);
	else
		put_document(options, write_outcome, &(struct outcome){&view, &diagnostics});
	view_close(&view);
	return diagnostics.n ? EXIT_ERROR : 0;
}
