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
	if (run->model->serve.command.n == 0)
		return err_set(err, ERR_STALLED, "serve.command is empty, and images are not run here");
	if (draft_read(run, dir, &out->version, err))
		return -1;
	return store_check(run, out->train.artifact.digest, "tar", err) ||
	       store_check(run, out->train.rows, "csv", err) ? -1 : 0;
}

/* Scores through the artifact's own server. A wrong answer is a judgement on the artifact. */
static int test(struct run *run, const struct subject *subject, struct scored *scored,
                struct err *err)
{
	const char *store = run->spec->store;
	struct model_server server = {0};
	int result = server_start(run, store_path(run->arena, store, subject->train.artifact.digest,
	                                          "tar"),
	                          run_path(run, "server"), &server, err);

	if (!result)
		result = score_rows(run, &server,
		                    store_path(run->arena, store, subject->train.rows, "csv"),
		                    subject->train.n_rows, true, scored, err);
	server_stop(run, &server);
	if (result && err->kind == ERR_STALLED)
		return run_considered(run);
	return result;
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

/* "accuracy 88.4 % on 1,500 rows", or the first metric there is. */
static const char *sentence(struct run *run, const struct model_version *version, int64_t n)
{
	double accuracy = metric_find(version->metrics_test, version->n_metrics_test, "accuracy");
	struct buf text;
	const char *kept;

	buf_init(&text, 1024);
	if (is_set(accuracy)) {
		buf_puts(&text, "accuracy ");
		buf_percent(&text, accuracy);
	} else if (version->n_metrics_test > 0) {
		buf_printf(&text, "%s ", version->metrics_test[0].name);
		buf_number(&text, version->metrics_test[0].value);
	}
	buf_puts(&text, " on ");
	buf_rows(&text, n);
	kept = arena_strdup(run->arena, buf_text(&text));
	buf_deinit(&text);
	return kept;
}

static int keep(struct run *run, struct subject *subject, const struct scored *scored,
                struct err *err)
{
	struct model_version *version = subject->version;
	struct digest predictions;

	metrics_all(&scored->outcomes, &run->model->interface.output.classes, run->arena,
	            &version->metrics_test, &version->n_metrics_test);
	version->golden_rows = (int64_t)scored->golden.rows.n;
	version->verdict = verdict_result_names.names[VERDICT_NOT_APPLICABLE];
	if (version->lineage)
		version->lineage->finished_ms = run_wall(run);
	if (store_bytes(run, buf_text(&scored->predictions), scored->predictions.len, "csv",
	                &predictions, err) ||
	    store_profile(run, scored, &version->profile, err) ||
	    store_golden(run, scored, &version->golden, err))
		return err_wrap(err, "store");
	return draft_write(run, version, err);
}

/* Until gates are judged here, the key names what a verdict would be about. */
static struct digest verdict_key(const struct run *run, const struct subject *subject)
{
	struct digest_stream *stream = digest_begin();

	digest_add_field(stream, subject->train.artifact.digest.hex);
	digest_add_field(stream, run->spec->serve_tree);
	for (size_t i = 0; i < run->model->serve.command.n; i++)
		digest_add_field(stream, run->model->serve.command.items[i]);
	digest_add_field(stream, subject->train.rows.hex);
	return digest_end(stream);
}

static int evaluate(struct run *run, struct run_result *result, struct err *err)
{
	struct scored scored = {0};
	struct subject subject;
	int64_t since_ms = run_now(run);
	int failed;

	if (take_subject(run, &subject, err) || test(run, &subject, &scored, err))
		return -1;
	failed = keep(run, &subject, &scored, err);
	scored_deinit(&scored);
	if (failed)
		return -1;
	result->verdict = VERDICT_NOT_APPLICABLE;
	result->verdict_key = verdict_key(run, &subject);
	result->why = arena_printf(run->arena, "%s; gates are not judged here",
	                           sentence(run, subject.version, subject.train.n_rows));
	run_say(run, "evaluate: %lld rows scored, %s", (long long)subject.train.n_rows,
	        run_took(run, since_ms));
	return 0;
}

enum run_exit run_evaluate(const struct run_spec *spec, const char *out_dir,
                           const struct run_world *world)
{
	return run_framed(spec, out_dir, world, true, evaluate);
}
