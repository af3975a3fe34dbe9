/* What a server answered for a set of rows: asked once, kept by what was asked, judged as often as
 * gates change. */
#include <fcntl.h>
#include <sys/stat.h>

#include "run/internal.h"

#define FORM "linnet answers 1"

/* In the store, beside what is there by its own digest. */
struct kept {
	struct digest predictions;
	double latency_p95_ms, start_ms, memory_bytes;
};
#define HELD(key, kind, member) \
	{.name = key, .type = kind, .offset = offsetof(struct kept, member)}
static const struct field kept_fields[] = {
	{.name = "predictions", .type = FIELD_DIGEST, .offset = offsetof(struct kept, predictions),
	 .flags = FIELD_REQUIRED},
	HELD("latencyP95", FIELD_NUMBER, latency_p95_ms),
	HELD("startTime", FIELD_NUMBER, start_ms),
	HELD("memory", FIELD_NUMBER, memory_bytes),
};
static const struct record kept_record = {
	.name = "answers", .size = sizeof(struct kept), .fields = kept_fields,
	.n = ARRAY_LEN(kept_fields), .help = "What a server answered.",
};

static const char *kept_path(struct run *run, const struct question *question)
{
	const struct model_version *version = question->version;
	struct digest_stream *stream = digest_begin();

	digest_add_field(stream, FORM);
	digest_add_field(stream, subject_digest(version->artifact.digest, &version->serve,
	                                        &run->model->interface).hex);
	digest_add_field(stream, question->rows.hex);
	return arena_printf(run->arena, "%s/answers/%s.json", run->spec->store, digest_end(stream).hex);
}

static const char *rows_path(struct run *run, const struct question *question)
{
	return store_path(run->arena, run->spec->store, question->rows, "csv");
}

/* False: not asked yet, or no longer there. */
static bool read_kept(struct run *run, const struct question *question, struct kept *kept,
                      struct scored *scored)
{
	struct err err = {0};

	if (!record_load(run, kept_path(run, question), &kept_record, kept) ||
	    store_check(run, kept->predictions, "csv", &err))
		return false;
	if (score_rows(run, NULL, rows_path(run, question), question->n_rows, true,
	               store_path(run->arena, run->spec->store, kept->predictions, "csv"), scored,
	               &err)) {
		run_say(run, "evaluate: the predictions of before are of no use: %s", err.text);
		return false;
	}
	run_say(run, "evaluate: %s has answered these rows before: nothing is scored again",
	        question->version->version);
	return true;
}

/* The golden rows once more, in batches and singly: the same answers, and how fast. */
static int ask_golden(struct run *run, const struct model_server *server,
                      const struct scored *scored, double *latency_p95_ms, struct err *err)
{
	struct oip_check_spec spec = {.latency_p95_ms = NAN};
	struct oip_report report;
	struct buf text;
	int result;

	buf_init(&text, OIP_GOLDEN_BYTES);
	oip_golden_encode(&run->model->interface, &scored->golden, &text);
	result = buf_check(&text, "golden batch", err);
	spec.golden = (struct bytes){buf_text(&text), text.len};
	if (!result)
		result = oip_check(&server->oip, &spec, run->arena, &report, err);
	if (!result)
		*latency_p95_ms = report.p95_ms;
	buf_deinit(&text);
	return result;
}

static int ask(struct run *run, const struct question *question, struct kept *kept,
               struct scored *scored, struct err *err)
{
	const struct servable what = {
		store_path(run->arena, run->spec->store, question->version->artifact.digest, "tar"),
		&question->version->serve.command, question->source,
	};
	struct model_server server = {0};
	int result = server_start(run, &what, run_path(run, "%s", question->folder), &server, err);

	if (!result)
		result = score_rows(run, &server, rows_path(run, question), question->n_rows, true, NULL,
		                    scored, err);
	if (!result)
		result = ask_golden(run, &server, scored, &kept->latency_p95_ms, err);
	if (!result) {
		kept->start_ms = server.start_ms;
		kept->memory_bytes = server_memory(&server);
	}
	server_stop(run, &server);
	return result;
}

static int keep(struct run *run, const struct question *question, struct kept *kept,
                const struct scored *scored, struct err *err)
{
	if (store_bytes(run, buf_text(&scored->predictions), scored->predictions.len, "csv",
	                &kept->predictions, err) ||
	    dir_make_all(AT_FDCWD, arena_printf(run->arena, "%s/answers", run->spec->store), 0755, err))
		return -1;
	return record_save(kept_path(run, question), &kept_record, kept, err);
}

int answers_get(struct run *run, const struct question *question, struct answers *out,
                struct err *err)
{
	struct kept kept;
	struct stat st;

	if (!read_kept(run, question, &kept, &out->scored) &&
	    (ask(run, question, &kept, &out->scored, err) ||
	     keep(run, question, &kept, &out->scored, err)))
		return -1;
	out->predictions = kept.predictions;
	out->serving = (struct gate_serving){
		.latency_p95_ms = kept.latency_p95_ms, .start_ms = kept.start_ms,
		.memory_bytes = kept.memory_bytes, .artifact_bytes = NAN,
	};
	if (!stat(store_path(run->arena, run->spec->store, question->version->artifact.digest, "tar"),
	          &st))
		out->serving.artifact_bytes = (double)st.st_size;
	return 0;
}
