/* The final test of an artifact, and what is kept for its life in service. */
#include <fcntl.h>
#include <string.h>

#include "run/internal.h"

/* What the train run left. */
struct subject {
	struct run_result train;
	struct model_version *version;
};

static int take_subject(struct run *run, struct subject *out, struct err *err)
{
	const char *dir = run->spec->train ? run->spec->train : run->dir;
	const char *path = arena_printf(run->arena, "%s/train.json", dir);

	if (!result_read(run, path, false, &out->train))
		return err_set(err, ERR_STALLED, "%s: is no result of this run", path);
	if (out->train.train != RUN_SUCCEEDED)
		return err_set(err, ERR_STALLED, "%s: the train run failed", path);
	if (gates_version(run, arena_printf(run->arena, "%s/version.yaml", dir), NULL, &out->version,
	                  err))
		return -1;
	return store_check(run, out->train.artifact.digest, "tar", err) ||
	       store_check(run, out->train.rows, "csv", err) ? -1 : 0;
}

/* A wrong answer is a judgement on the artifact. */
static int test_candidate(struct run *run, const struct subject *subject, struct judged *judged,
                          struct answers *answers, struct err *err)
{
	struct question question = {subject->version, run->spec->serve_source, "server",
	                            subject->train.rows, subject->train.n_rows};
	int result = answers_get(run, &question, answers, err);

	judged->predictions = answers->predictions;
	judged->serving = answers->serving;
	return result && err->kind == ERR_STALLED ? run_considered(run) : result;
}

/* The version that serves, on the same rows. Its failure is no judgement on the candidate. */
static int test_incumbent(struct run *run, const struct subject *subject, struct judged *judged,
                          struct answers *answers, struct err *err)
{
	struct question question = {.source = run->spec->incumbent_source, .folder = "incumbent",
	                            .rows = subject->train.rows, .n_rows = subject->train.n_rows};
	struct model_version *version;

	if (!run->spec->incumbent)
		return 0;
	if (gates_version(run, run->spec->incumbent, run->spec->parent, &version, err))
		return err_wrap(err, "incumbent");
	question.version = judged->incumbent = version;
	if (store_check(run, version->artifact.digest, "tar", err) ||
	    answers_get(run, &question, answers, err))
		return err_wrap(err, "incumbent %s", version->version);
	judged->incumbent_predictions = answers->predictions;
	judged->incumbent_scored = &answers->scored;
	return 0;
}

static int store_profile(struct run *run, const struct scored *scored, struct digest *digest,
                         struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, 64 << 20);
	profile_encode(scored->profile, &text);
	result = buf_check(&text, "profile", err);
	if (!result)
		result = store_bytes(run, buf_text(&text), text.len, "json", digest, err);
	buf_deinit(&text);
	return result;
}

static int store_golden(struct run *run, const struct scored *scored, struct digest *digest,
                        struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, OIP_GOLDEN_BYTES);
	oip_golden_encode(&run->model->interface, &scored->golden, &text);
	result = buf_check(&text, "golden batch", err);
	if (!result)
		result = store_bytes(run, buf_text(&text), text.len, "json", digest, err);
	buf_deinit(&text);
	return result;
}

static int keep(struct run *run, struct subject *subject, const struct scored *scored,
                struct err *err)
{
	struct model_version *version = subject->version;

	metrics_all(&scored->outcomes, &run->model->interface.output.classes, run->arena,
	            &version->metrics_test, &version->n_metrics_test);
	version->golden_rows = (int64_t)scored->golden.rows.n;
	if (version->lineage)
		version->lineage->finished_ms = run_wall(run);
	if (store_profile(run, scored, &version->profile, err) ||
	    store_golden(run, scored, &version->golden, err))
		return err_wrap(err, "store");
	return 0;
}

static int evaluate(struct run *run, struct run_result *result, struct err *err)
{
	struct answers candidate = {0}, incumbent = {0};
	struct judged judged = {.scored = &candidate.scored};
	struct subject subject;
	int64_t since_ms = run_now(run);
	int failed;

	if (take_subject(run, &subject, err))
		return -1;
	judged.version = subject.version;
	judged.rows = subject.train.rows;
	judged.known = subject.train.known;
	failed = test_candidate(run, &subject, &judged, &candidate, err) ||
	         test_incumbent(run, &subject, &judged, &incumbent, err) ||
	         keep(run, &subject, &candidate.scored, err) || gates_run(run, &judged, result, err) ||
	         draft_write(run, subject.version, err) ||
	         report_write(run, &judged, result->why, err);
	scored_deinit(&candidate.scored);
	scored_deinit(&incumbent.scored);
	if (failed)
		return -1;
	run_say(run, "evaluate: %lld test rows, %s", (long long)subject.train.n_rows,
	        run_took(run, since_ms));
	return 0;
}

enum run_exit run_evaluate(const struct run_spec *spec, const char *out_dir,
                           const struct run_world *world)
{
	return run_framed(spec, out_dir, world, true, evaluate);
}
