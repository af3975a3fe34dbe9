/* From predictions on the test rows to the verdict of this run. */
#include <fcntl.h>
#include <string.h>

#include "gate/gate.h"
#include "manifest/manifest.h"
#include "run/internal.h"

/* Moves when the same predictions could be judged otherwise. */
#define EVALUATOR "linnet gates 1"

enum { COMMAND_MS = 30 * 60 * 1000 };

static int read_object(struct run *run, const char *path, enum kind kind, const char *name,
                       struct object *out, struct err *err)
{
	struct diagnostics diagnostics = {0};
	struct file_objects objects;
	struct bytes text;

	if (run_read(run, path, LIMIT_MANIFEST_BYTES, &text, err))
		return -1;
	manifest_decode(path, text.data, text.len, run->arena, &objects, &diagnostics);
	for (size_t i = 0; i < objects.n; i++) {
		if (objects.objects[i].kind == kind &&
		    (!name || strcmp(objects.objects[i].meta->name, name) == 0)) {
			*out = objects.objects[i];
			return 0;
		}
	}
	return err_set(err, ERR_STALLED, "%s: %s", path,
	               diagnostics.n ? diagnostics.items[0].message : "does not declare what it"
	               " should");
}

int gates_version(struct run *run, const char *path, const char *version,
                  struct model_version **out, struct err *err)
{
	struct object object;
	const char *name = version ? arena_printf(run->arena, "%s-%s", run->model->meta.name, version)
	                           : NULL;

	if (read_object(run, path, KIND_MODEL_VERSION, name, &object, err))
		return -1;
	if (strcmp(object.version->model, run->model->meta.name))
		return err_set(err, ERR_STALLED, "%s: is a version of %s", path, object.version->model);
	if (object.version->serve.command.n == 0)
		return err_set(err, ERR_STALLED, "%s: serve.command is empty, and images are not run here",
		               path);
	*out = object.version;
	return 0;
}

static int read_policy(struct run *run, const struct gate_policy **out, struct err *err)
{
	struct object object;

	if (!run->model->gates.policy)
		return 0;
	if (!run->spec->policy)
		return err_set(err, ERR_STALLED, "GatePolicy %s is not at hand", run->model->gates.policy);
	if (read_object(run, run->spec->policy, KIND_GATE_POLICY, run->model->gates.policy, &object,
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
static int run_outside(struct run *run, const struct judged *judged, struct gates_input *input,
                       struct err *err)
{
	const char *folder = run_path(run, "command");
	const char *const *env;
	struct command command;
	struct buf line;
	int exit_code;

	if (input->gates->command.n == 0)
		return 0;
	if (code_folder(run, folder, run->spec->source, err) ||
	    command_env(run, judged, folder, &env, err) ||
	    code_start(run, &input->gates->command, folder, env, &command, err) ||
	    command_wait(&command, run->world->clock, run_now(run) + COMMAND_MS, &exit_code, err))
		return err_wrap(err, "gates.command");
	buf_init(&line, 1024);
	command_last_line(arena_printf(run->arena, "%s/log", folder), &line);
	input->outside = exit_code == 0 ? VERDICT_PASS : VERDICT_FAIL;
	input->outside_why = line.len ? arena_strdup(run->arena, buf_text(&line))
	                     : exit_code == 0 ? "the outside evaluator passes it"
	                                      : "the outside evaluator refuses it";
	buf_deinit(&line);
	if (exit_code > 1)
		return err_set(err, ERR_TRANSIENT, "gates.command ended with %d: %s", exit_code,
		               input->outside_why);
	return 0;
}

/* ---- identity ---- */

static struct digest subject_of(const struct run *run, const struct model_version *version)
{
	return subject_digest(version->artifact.digest, &version->serve, &run->model->interface);
}

/* Fills in what a verdict is about, and its key: of all of it, and the evaluator. */
static void identify(const struct run *run, const struct judged *judged, struct run_result *result)
{
	struct digest_stream *stream = digest_begin();

	result->subject = subject_of(run, judged->version);
	if (judged->incumbent)
		result->incumbent = subject_of(run, judged->incumbent);
	result->gate = judged->version->gate;
	digest_add_field(stream, result->subject.hex);
	digest_add_field(stream, judged->rows.hex);
	digest_add_field(stream, result->gate.hex);
	digest_add_field(stream, EVALUATOR);
	digest_add_field(stream, result->incumbent.hex);
	result->verdict_key = digest_end(stream);
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

int gates_run(struct run *run, struct judged *judged, struct run_result *result, struct err *err)
{
	const struct outcomes *outcomes = &judged->scored->outcomes;
	struct gate_predictions incumbent;
	struct gates_verdict verdict;
	const struct gate_policy *policy = NULL;
	struct gates_input input = {
		.rows = {.n = outcomes->n, .classes = &run->model->interface.output.classes,
		         .truth = outcomes->truth, .truth_number = outcomes->truth_number,
		         .candidate = predictions_of(outcomes),
		         .by_time = run->model->train && run->model->train->split.by == SPLIT_BY_TIME,
		         .inputs = judged->scored->columns, .n_inputs = judged->scored->n_columns},
		.gates = &run->model->gates,
		.uses = run->spec->uses > 0 ? run->spec->uses : 1,
	};

	if (read_policy(run, &policy, err) || run_outside(run, judged, &input, err))
		return -1;
	if (judged->incumbent) {
		if (same_rows(outcomes, &judged->incumbent_scored->outcomes, err))
			return -1;
		incumbent = predictions_of(&judged->incumbent_scored->outcomes);
		input.rows.incumbent = &incumbent;
		input.incumbent = judged->incumbent->version;
	}
	result->same = judged->incumbent &&
	               digest_same(judged->predictions, judged->incumbent_predictions);
	if (result->same && input.uses > 1)
		input.uses--; /* what is known already spends nothing */
	input.policy = policy;
	if (policy && policy->serving.scan_report)
		scan_read(run, policy->serving.scan_report, policy->serving.scan_severity,
		          &judged->serving);
	input.serving = judged->serving;
	judged->version->gate = gate_digest(run->model, policy, run->arena);
	identify(run, judged, result);
	input.seed = result->verdict_key.hex;
	verdict = gates_judge(&input, run->arena);
	judged->version->verdict = verdict_result_names.names[verdict.result];
	judged->version->entries = verdict.entries;
	judged->version->n_entries = verdict.n_entries;
	judged->version->metrics_slices = verdict.slices;
	judged->version->n_metrics_slices = verdict.n_slices;
	judged->figures = gates_figures(&input, run->arena, &judged->n_figures);
	result->verdict = verdict.result;
	result->why = verdict.why;
	run_say(run, "evaluate: %s: %s", judged->version->verdict, verdict.why);
	return 0;
}
