/* Candidates in training, some at once, each scored when it has ended. */
#include <string.h>
#include <unistd.h>

#include "run/internal.h"

enum { JOBS_AT_ONCE_MAX = 4, LOOK_MS = 100 };

static size_t jobs_at_once(const struct run *run)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t most = run->spec->parallel > 0 ? run->spec->parallel : cores > 1 ? cores / 2 : 1;

	return most < JOBS_AT_ONCE_MAX ? (size_t)most : JOBS_AT_ONCE_MAX;
}

static const char *none_measured(struct run *run, const char *metric,
                                 const struct fit_stage *stage)
{
	const char *text = arena_printf(run->arena, "select.metric '%s' is none that was measured",
	                                metric), *separator = ": ";

	for (size_t i = 0; i < stage->n_metrics; i++, separator = ", ")
		text = arena_printf(run->arena, "%s%s%s", text, separator, stage->metrics[i].name);
	return text;
}

/* Metrics of a candidate on the validation rows, through its own server. A server that answers
 * wrongly disqualifies the candidate. */
static int score(struct run *run, struct fit_job *job, struct err *err)
{
	const char *metric = run->model->train->select_metric;
	struct fit_stage *stage = &job->stage;
	struct model_server server = {0};
	struct scored scored = {0};
	struct servable what = servable_of(run, fit_artifact(run, job->name));
	int result = server_start(run, &what, run_path(run, "server"), &server, err);

	if (!result)
		result = score_rows(run, &server, job->validation.path, job->validation.n, false, NULL,
		                    &scored, err);
	server_stop(run, &server);
	if (result && err->kind == ERR_STALLED) {
		stage->refused = arena_strdup(run->arena, err->text);
		return 0;
	}
	if (result)
		return -1;
	metrics_all(&scored.outcomes, &run->model->interface.output.classes, run->arena,
	            &stage->metrics, &stage->n_metrics);
	stage->score = metric_find(stage->metrics, stage->n_metrics, metric);
	stage->standard_error = metric_standard_error(&scored.outcomes, metric);
	if (!is_set(stage->score))
		stage->refused = none_measured(run, metric, stage);
	scored_deinit(&scored);
	return 0;
}

/* How far the jobs are, for people. */
struct progress {
	size_t all, done, done_now; /* done_now: not found done */
	int64_t since_ms;
};

static void say_job(struct run *run, const struct fit_job *job, const struct progress *progress)
{
	size_t left = progress->all - progress->done;
	double took_s = (double)(run_now(run) - progress->since_ms) / 1000;
	int64_t rows = 0;
	struct buf text;

	buf_init(&text, 2048);
	buf_puts(&text, "train: ");
	for (size_t i = 0; i < job->n_files; i++)
		rows += job->rows[i].n;
	buf_rows(&text, rows);
	buf_printf(&text, ", candidate %s%s, %s", job->candidate->name,
	           strcmp(job->name, "refit") ? "" : " refitted", run_took(run, job->since_ms));
	if (is_set(job->stage.score)) {
		buf_printf(&text, ", %s ", run->model->train->select_metric);
		buf_percent(&text, job->stage.score);
	}
	if (left > 0)
		buf_printf(&text, "; %zu of %zu done, about %.0f s left", progress->done, progress->all,
		           took_s / (double)progress->done_now * (double)left);
	if (job->stage.refused)
		buf_printf(&text, ": %s", job->stage.refused);
	run_say(run, "%s", buf_text(&text));
	buf_deinit(&text);
}

static struct digest digest_of_rows(const struct fit_job *job)
{
	struct digest_stream *stream;

	if (job->n_files == 1)
		return job->rows[0].digest;
	stream = digest_begin();
	for (size_t i = 0; i < job->n_files; i++)
		digest_add_field(stream, job->rows[i].digest.hex);
	return digest_end(stream);
}

static bool stands(struct run *run, struct fit_job *job)
{
	struct fit_stage *stage = &job->stage;

	return stage_load(run, job->name, &fit_record, stage) &&
	       digest_same(stage->rows, digest_of_rows(job)) && stage->candidate &&
	       strcmp(stage->candidate, job->candidate->name) == 0 &&
	       (stage->refused || stage_file_is(fit_artifact(run, job->name), stage->artifact));
}

static int begin(struct run *run, struct fit_job *job, struct err *err)
{
	job->since_ms = run_now(run);
	job->stage = (struct fit_stage){.candidate = job->candidate->name,
	                                .rows = digest_of_rows(job),
	                                .score = NAN, .standard_error = NAN};
	return fit_start(run, job, err);
}

/* 1: it trains still; 0: it has ended, and its stage is saved. */
static int look(struct run *run, struct fit_job *job, struct progress *progress, struct err *err)
{
	int code, state = command_look(&job->command, run->world->clock, job->deadline_ms, LOOK_MS,
	                               &code, err);

	if (state < 0)
		err_wrap(err, "the trainer");
	if (state)
		return state;
	if (fit_finish(run, job, code, err) ||
	    (job->validation.n > 0 && !job->stage.refused && score(run, job, err)))
		return -1;
	progress->done++;
	progress->done_now++;
	say_job(run, job, progress);
	return stage_save(run, job->name, &fit_record, &job->stage, err);
}

int fit_jobs(struct run *run, struct fit_job *jobs, size_t n, struct err *err)
{
	struct progress progress = {.all = n, .since_ms = run_now(run)};
	size_t next = 0, most = jobs_at_once(run), running = 0;
	int result = 0;

	while (result >= 0 && (next < n || running > 0)) {
		struct fit_job *job = &jobs[next];

		if (next < n && running < most) {
			next++;
			if (stands(run, job))
				progress.done++;
			else if (begin(run, job, err))
				result = err_wrap(err, "candidate %s", job->candidate->name);
			else
				running++;
			continue;
		}
		for (job = jobs; result >= 0 && job < jobs + next; job++) {
			if (job->command.pid <= 0)
				continue;
			result = look(run, job, &progress, err);
			running -= result == 0;
			if (result < 0)
				err_wrap(err, "candidate %s", job->candidate->name);
		}
	}
	for (size_t i = 0; i < next; i++)
		command_stop(&jobs[i].command);
	return result < 0 ? -1 : 0;
}
