/* From predictions on the test rows to the verdict of this run. */
#include <fcntl.h>
#include <string.h>

#include "gate/gate.h"
#include "run/internal.h"

/* Moves when the same predictions could be judged otherwise. */
#define EVALUATOR "linnet gates 2"

enum { COMMAND_MS = 30 * 60 * 1000 };

int gates_version(struct run *run, const char *path, const char *version,
                  struct model_version **out, struct err *err)
{
	struct object object;
	const char *name = version ? arena_printf(run->arena, "%s-%s", run->model->meta.name, version)
	                           : NULL;

	if (run_object(run, path, KIND_MODEL_VERSION, name, &object, err))
		return -1;
	if (strcmp(object.version->model, run->model->meta.name))
		return err_set(err, ERR_STALLED, "%s: is a version of %s, not of %s", path,
		               object.version->model, run->model->meta.name);
	if (object.version->serve.command.n == 0)
		return err_set(err, ERR_STALLED, "%s: serve.command is empty, and images are not run here",
		               path);
	*out = object.version;
	return 0;
}

int gates_policy(struct run *run, const struct gate_policy **out, struct err *err)
{
	struct object object;

	if (!run->model->gates.policy)
		return 0;
	if (!run->spec->policy)
		return err_set(err, ERR_STALLED, "GatePolicy %s is not at hand", run->model->gates.policy);
	if (run_object(run, run->spec->policy, KIND_GATE_POLICY, run->model->gates.policy, &object,
	               err))
		return -1;
	*out = object.policy;
	return 0;
}

/* ---- the outside evaluator ---- */

/* A copy of a file of the store in its folder, as the variable `variable`. */
static int give(struct run *run, const char *folder, const char *variable, struct digest digest,
                struct environment_list *env, struct err *err)
{
	const char *to = arena_printf(run->arena, "%s/%s.csv", folder, variable);
	struct digest copied;
	int64_t bytes;

	if (copy_file(store_path(run->arena, run->spec->store, digest, "csv"), to, &copied, &bytes,
	              err))
		return -1;
	env_add(run, env, variable, to);
	return 0;
}

static int command_env(struct run *run, const struct judged *judged, const char *folder,
                       const char *const **out, struct err *err)
{
	struct environment_list env;

	env_begin(run, &env, folder);
	env_add(run, &env, "LINNET_MODEL_NAME", run->model->meta.name);
	if (give(run, folder, "LINNET_TEST_DATA", judged->rows, &env, err) ||
	    give(run, folder, "LINNET_PREDICTIONS", judged->predictions, &env, err) ||
	    (judged->incumbent && give(run, folder, "LINNET_INCUMBENT_PREDICTIONS",
	                               judged->incumbent_predictions, &env, err)))
		return -1;
	*out = env_end(run, &env);
	return 0;
}

/* Exit 0 is a pass, 1 a fail; all else is an error of the run. */
static int run_outside(struct run *run, struct judged *judged, struct err *err)
{
	const struct strings *words = &run->model->gates.command;
	const char *folder = run_path(run, "command");
	const char *const *env;
	struct command command;
	struct buf line;
	int exit_code;

	if (words->n == 0)
		return 0;
	if (code_folder(run, folder, run->spec->source, err) ||
	    command_env(run, judged, folder, &env, err) ||
	    code_start(run, words, folder, env, &command, err) ||
	    command_wait(&command, run->world->clock, run_now(run) + COMMAND_MS, &exit_code, err))
		return err_wrap(err, "gates.command");
	buf_init(&line, 1024);
	command_last_line(arena_printf(run->arena, "%s/log", folder), &line);
	judged->outside = exit_code == 0 ? VERDICT_PASS : VERDICT_FAIL;
	judged->outside_why = line.len ? arena_strdup(run->arena, buf_text(&line))
	                     : exit_code == 0 ? "the outside evaluator passes it"
	                                      : "the outside evaluator refuses it";
	buf_deinit(&line);
	if (exit_code > 1)
		return err_set(err, ERR_TRANSIENT, "gates.command ended with %d: %s", exit_code,
		               judged->outside_why);
	return 0;
}

/* ---- identity ---- */

static struct digest subject_of(const struct run *run, const struct model_version *version)
{
	return subject_digest(version->artifact.digest, &version->serve, &run->model->interface);
}

struct digest gates_key(struct digest subject, struct digest rows, struct digest gate,
                        struct digest incumbent)
{
	struct digest_stream *stream = digest_begin();

	digest_add_field(stream, subject.hex);
	digest_add_field(stream, rows.hex);
	digest_add_field(stream, gate.hex);
	digest_add_field(stream, EVALUATOR);
	digest_add_field(stream, incumbent.hex);
	return digest_end(stream);
}

/* What the verdict is about, and its key. */
static void identify(const struct run *run, const struct judged *judged, struct run_result *result)
{
	result->subject = subject_of(run, judged->version);
	if (judged->incumbent)
		result->incumbent = subject_of(run, judged->incumbent);
	result->gate = gate_digest(run->model, judged->policy, run->arena);
	result->verdict_key = gates_key(result->subject, judged->rows, result->gate,
	                                result->incumbent);
}

/* ---- judging ---- */

static struct gate_predictions predictions_of(const struct outcomes *outcomes)
{
	return (struct gate_predictions){outcomes->predicted, outcomes->predicted_number,
	                                 outcomes->scores, outcomes->n_scores};
}

static int same_rows(const struct outcomes *a, const struct outcomes *b, struct err *err)
{
	if (a->n != b->n || (a->truth && memcmp(a->truth, b->truth, a->n * sizeof(*a->truth))))
		return err_set(err, ERR_STALLED, "candidate and incumbent answered different rows");
	return 0;
}

/* The newest row that a version has learnt from; -1: none of those that it can be tested on, or,
 * with *unknown, nobody knows. A run of ours tells it, or keeps rows apart by the hash of their
 * ids. */
static int64_t trained_to(const struct run *run, const struct model_version *version,
                          bool *unknown)
{
	const struct lineage *lineage = version->lineage;
	bool by_hash = run->model->train && run->model->train->split.by == SPLIT_BY_HASH;
	int64_t to_ms = !lineage ? -1 : lineage->trained_to_ms >= 0 ? lineage->trained_to_ms
	                : lineage->run ? -1 : lineage->data_to_ms;

	*unknown = to_ms < 0 ? !(by_hash && lineage && lineage->run) : !run->model->data.time;
	return *unknown ? -1 : to_ms;
}

/* Rows that the incumbent was trained on; NULL: there is none. */
static const bool *seen_rows(struct run *run, const struct scored *scored, int64_t to_ms)
{
	bool *seen = arena_array(run->arena, scored->outcomes.n, bool);
	size_t n = 0;

	for (size_t i = 0; scored->times && to_ms >= 0 && i < scored->outcomes.n; i++)
		n += seen[i] = scored->times[i] <= to_ms;
	return n ? seen : NULL;
}

int gates_decide(struct run *run, struct judged *judged, struct gates_evidence *evidence,
                 struct gates_verdict *out, struct err *err)
{
	const struct outcomes *outcomes = &judged->scored->outcomes;
	struct gate_predictions incumbent;
	struct gates_input input = {
		.rows = {.n = outcomes->n, .classes = &run->model->interface.output.classes,
		         .truth = outcomes->truth, .truth_number = outcomes->truth_number,
		         .candidate = predictions_of(outcomes),
		         .by_time = run->model->train && run->model->train->split.by == SPLIT_BY_TIME,
		         .inputs = judged->scored->columns, .n_inputs = judged->scored->n_columns},
		.serving = evidence->serving, .gates = &run->model->gates, .policy = judged->policy,
		.incumbent = evidence->incumbent, .uses = evidence->uses, .seed = evidence->key.hex,
		.outside = judged->outside, .outside_why = judged->outside_why,
	};

	if (judged->incumbent_scored) {
		if (same_rows(outcomes, &judged->incumbent_scored->outcomes, err))
			return -1;
		incumbent = predictions_of(&judged->incumbent_scored->outcomes);
		input.rows.incumbent = &incumbent;
		input.rows.seen = seen_rows(run, judged->scored, evidence->incumbent_to_ms);
		input.incumbent_unknown = evidence->incumbent_unknown;
	}
	*out = gates_judge(&input, run->arena);
	entries_round(out->entries, out->n_entries);
	evidence->entries = out->entries;
	evidence->n_entries = out->n_entries;
	judged->figures = gates_figures(&input, run->arena, &judged->n_figures);
	return 0;
}

/* All that the verdict is made from. */
static struct gates_evidence *gather(struct run *run, struct judged *judged,
                                     const struct run_result *result)
{
	struct gates_evidence *evidence = arena_new(run->arena, struct gates_evidence);

	*evidence = (struct gates_evidence){
		.key = result->verdict_key, .commit = run->spec->source_commit,
		.version = run->spec->version_name,
		.incumbent = judged->incumbent ? judged->incumbent->version : NULL,
		.predictions = judged->predictions,
		.incumbent_predictions = judged->incumbent_predictions,
		.uses = run->spec->uses > 0 ? run->spec->uses : 1, .incumbent_to_ms = -1,
	};
	if (judged->incumbent)
		evidence->incumbent_to_ms = trained_to(run, judged->incumbent,
		                                       &evidence->incumbent_unknown);
	if (result->same && evidence->uses > 1)
		evidence->uses--; /* what is known already spends nothing */
	if (judged->known)
		evidence->uses = 0;
	if (judged->policy && judged->policy->serving.scan_report)
		scan_read(run, judged->policy->serving.scan_report, judged->policy->serving.scan_severity,
		          &judged->serving);
	evidence->serving = judged->serving;
	return evidence;
}

int gates_run(struct run *run, struct judged *judged, struct run_result *result, struct err *err)
{
	struct model_version *version = judged->version;
	struct gates_evidence *evidence;
	struct gates_verdict verdict;

	if (gates_policy(run, &judged->policy, err) || run_outside(run, judged, err))
		return -1;
	result->same = judged->incumbent &&
	               digest_same(judged->predictions, judged->incumbent_predictions);
	identify(run, judged, result);
	evidence = gather(run, judged, result);
	if (gates_decide(run, judged, evidence, &verdict, err))
		return -1;
	version->gate = result->gate;
	version->verdict = verdict_result_names.names[verdict.result];
	version->entries = verdict.entries;
	version->n_entries = verdict.n_entries;
	version->metrics_slices = verdict.slices;
	version->n_metrics_slices = verdict.n_slices;
	result->verdict = verdict.result;
	result->why = verdict.why;
	result->evidence = evidence;
	run_say(run, "evaluate: %s: %s", version->verdict, verdict.why);
	return 0;
}
