/* A verdict of gates made again: declarations from Git, rows and predictions from the store. */
#include <string.h>

#include "adapter/clock_posix.h"
#include "run/run.h"
#include "verify.h"

static const char *verdict_text(struct arena *arena, enum verdict_result result, const char *why,
                                const struct gates_evidence *evidence)
{
	struct buf yaml;
	const char *text;

	buf_init(&yaml, LIMIT_STATUS_BYTES);
	gates_evidence_encode(&yaml, evidence);
	text = arena_printf(arena, "%s: %s\n%s", verdict_result_names.names[result], why,
	                    buf_text(&yaml));
	buf_deinit(&yaml);
	return text;
}

/* The model and its policy as that fleet commit declares them. */
static int read_declared(struct view *view, const char *name, struct arena *arena,
                         struct again_input *out, struct err *err)
{
	struct object object = {0}, policy = {0};

	if (fleet_get(view->fleet, KIND_MODEL, NULL, name, view_read, view, arena, &object, NULL,
	              NULL) != DECLARED_OK)
		return err_set(err, ERR_STALLED, "no Model %s is declared there; --path names the folder of"
		               " the manifests", name);
	out->model = object.model;
	if (!object.model->gates.policy)
		return 0;
	if (fleet_get(view->fleet, KIND_GATE_POLICY, NULL, object.model->gates.policy, view_read, view,
	              arena, &policy, NULL, NULL) != DECLARED_OK)
		return err_set(err, ERR_STALLED, "no GatePolicy %s is declared there",
		               object.model->gates.policy);
	out->policy = policy.policy;
	return 0;
}

static int judge_again(struct status_view *status_view, const struct options *options,
                       const struct model_status *status, struct again *out, struct err *err)
{
	const struct port_clock clock = clock_posix();
	const struct run_world world = {.clock = &clock};
	struct again_input in = {.verdict = &status->verdicts[0], .recorded = status->decided,
	                         .n_rows = -1, .store = options->store};
	const char *declared_by = status->decided->commit ? status->decided->commit : "";
	struct oid commit = {""};
	struct view view = {0};
	int result;

	if (!options->store)
		return err_set(err, ERR_STALLED, "its rows and predictions are in the controller's store:"
		               " --store DIR");
	for (size_t i = 0; i < status->n_ledger; i++)
		if (digest_same(status->ledger[i].rows, in.verdict->rows))
			in.n_rows = status->ledger[i].n_rows;
	snprintf(commit.hex, sizeof(commit.hex), "%s", declared_by);
	result = view_commit(&view, status_view->objects, commit, options->path, options->arena, err);
	if (!result)
		result = read_declared(&view, status->name, options->arena, &in, err);
	if (result)
		err_wrap(err, "fleet commit %.10s", declared_by);
	else
		result = run_judge_again(&in, &world, options->arena, out, err);
	view_close(&view);
	return result;
}

static const char *entries_text(struct arena *arena, struct gate_entry *entries, size_t n)
{
	const struct gates_evidence evidence = {.entries = entries, .n_entries = n,
	                                        .incumbent_to_ms = -1};

	return verdict_text(arena, VERDICT_PASS, "", &evidence);
}

/* The ModelVersion that this run made, as the fleet branch at hand has it; NULL: none yet. */
static const struct model_version *made_by(struct view *view, const struct model_status *status,
                                           struct arena *arena)
{
	const char **names;
	size_t n = fleet_versions_of(view->fleet, status->name, arena, &names);

	for (size_t i = 0; i < n; i++) {
		struct object object = {0};

		if (fleet_get(view->fleet, KIND_MODEL_VERSION, NULL, names[i], view_read, view, arena,
		              &object, NULL, NULL) == DECLARED_OK &&
		    object.version->lineage && object.version->lineage->run &&
		    !strcmp(object.version->lineage->run, status->run.hex))
			return object.version;
	}
	return NULL;
}

/* Why what a run's version says of its gates is no copy of this; NULL: it is, or no such version is
 * at hand. */
static const char *copy_differs(struct status_view *status_view, const struct options *options,
                                const struct model_status *status)
{
	const struct gates_evidence *evidence = status->decided;
	const struct model_version *version;
	struct arena *arena = options->arena;
	const char *ref, *why = NULL;
	struct err absent = {0};
	struct view view;
	struct oid tip;

	if (evidence->version || branch_tip(status_view->objects, options->fleet_branch, arena, &ref,
	                                    &tip, &absent) || !tip.hex[0])
		return NULL;
	if (!view_commit(&view, status_view->objects, tip, options->path, arena, &absent) &&
	    (version = made_by(&view, status, arena)) &&
	    strcmp(entries_text(arena, version->entries, version->n_entries),
	           entries_text(arena, evidence->entries, evidence->n_entries)))
		why = arena_printf(arena, "the copy in ModelVersion %s says otherwise",
		                   version->meta.name);
	view_close(&view);
	return why;
}

void verdict_again(struct status_view *view, const struct options *options,
                   const struct model_status *status, struct decision *decision)
{
	const struct verdict_record *verdict = &status->verdicts[0];
	struct again again;
	struct err err = {0};

	decision->recorded = verdict_text(options->arena, verdict->result,
	                                  verdict->why ? verdict->why : "", status->decided);
	if (judge_again(view, options, status, &again, &err))
		decision->problem = arena_strdup(options->arena, err.text);
	else
		decision->again = verdict_text(options->arena, again.result, again.why, &again.evidence);
	if (decision->again && !strcmp(decision->again, decision->recorded))
		decision->problem = copy_differs(view, options, status);
}
