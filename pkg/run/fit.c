/* One candidate: its parameters and rows in, an artifact out. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doc/text.h"
#include "run/internal.h"

/* A parameter as JSON has it: plain numbers, true, false and null as they are, all else as
 * text. */
static void write_param(struct writer *writer, const struct pair *param)
{
	static const char *const words[] = {"true", "false", "null"};
	const char *value = param->value;

	if (!param->quoted &&
	    (is_json_number(value, strlen(value)) || names_find(NAMES(words), value) >= 0))
		write_raw(writer, value);
	else
		write_quoted(writer, value);
}

static int write_params(const struct pairs *params, const char *path, struct err *err)
{
	struct writer writer;
	struct buf text;
	int result;

	buf_init(&text, LIMIT_MANIFEST_BYTES);
	write_begin(&writer, &text, true);
	write_map(&writer);
	for (size_t i = 0; i < params->n; i++) {
		write_key(&writer, params->items[i].key);
		write_param(&writer, &params->items[i]);
	}
	write_map_end(&writer);
	buf_putc(&text, '\n');
	result = buf_check(&text, "params", err);
	if (!result)
		result = file_replace(AT_FDCWD, path, buf_text(&text), text.len, 0644, err);
	buf_deinit(&text);
	return result;
}

/* The trainer gets copies: it can neither change our rows nor see by their path where others
 * are. */
static int give_rows(struct run *run, const char *folder, const struct fit_job *job,
                     struct err *err)
{
	const char *to = arena_printf(run->arena, "%s/train.csv", folder);

	if (rows_join(job->rows, job->n_files, job->header, to, err))
		return -1;
	to = arena_printf(run->arena, "%s/validation.csv", folder);
	return run->model->train->early_stopping ? rows_join(&job->validation, 1, 0, to, err) : 0;
}

static const char *const *trainer_env(struct run *run, const char *folder)
{
	const struct train_spec *train = run->model->train;
	struct environment_list env;

	env_begin(run, &env, folder);
	env_add(run, &env, "LINNET_TRAIN_DATA", arena_printf(run->arena, "%s/train.csv", folder));
	if (train->early_stopping)
		env_add(run, &env, "LINNET_VALIDATION_DATA",
		        arena_printf(run->arena, "%s/validation.csv", folder));
	env_add(run, &env, "LINNET_PARAMS", arena_printf(run->arena, "%s/params.json", folder));
	env_add(run, &env, "LINNET_SEED",
	        arena_printf(run->arena, "%lld", (long long)train->seed));
	env_add(run, &env, "LINNET_MODEL_DIR", arena_printf(run->arena, "%s/model", folder));
	return env_end(run, &env);
}

/* What an exit code means: 0 success; 1 is the trainer's own judgement; the rest is an error. */
static int judge_exit(struct run *run, int code, const char *log, struct fit_stage *stage,
                      struct err *err)
{
	struct buf line;

	if (code == 0)
		return 0;
	buf_init(&line, 1024);
	command_last_line(log, &line);
	if (code == 1)
		stage->refused = arena_printf(run->arena, "the trainer refused (exit 1)%s%s",
		                              line.len ? ": " : "", buf_text(&line));
	else if (code == 128 + SIGXFSZ)
		err_set(err, ERR_TRANSIENT, "the trainer wrote a larger file than it may (%lld MiB)",
		        (long long)(run->spec->file_bytes >> 20));
	else if (code > 128)
		err_set(err, ERR_TRANSIENT, "the trainer was killed by signal %d%s%s", code - 128,
		        line.len ? ": " : "", buf_text(&line));
	else
		err_set(err, ERR_TRANSIENT, "the trainer failed (exit %d)%s%s", code,
		        line.len ? ": " : "", buf_text(&line));
	buf_deinit(&line);
	return code == 1 ? 0 : -1;
}

char *fit_artifact(struct run *run, const char *name)
{
	return run_path(run, "fit/%s/artifact.tar", name);
}

/* The archive of what it wrote; nothing, or what no artifact may hold, is a refusal. */
static int pack(struct run *run, const char *folder, struct fit_stage *stage, struct err *err)
{
	const char *path = arena_printf(run->arena, "%s/artifact.tar", folder);
	const char *model = arena_printf(run->arena, "%s/model", folder);
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int result;

	if (out < 0)
		return err_errno(err, ERR_TRANSIENT, errno, "%s: cannot create", path);
	result = ustar_write(AT_FDCWD, model, &artifact_limits, out, err);
	if (close(out) && !result)
		result = err_errno(err, ERR_TRANSIENT, errno, "%s: cannot write", path);
	if (!result)
		result = digest_file(AT_FDCWD, path, &stage->artifact, &stage->bytes, err);
	if (!result && stage->bytes <= 1024)
		stage->refused = "the trainer wrote nothing to LINNET_MODEL_DIR";
	if (!result || err->kind != ERR_STALLED)
		return result;
	stage->refused = arena_printf(run->arena, "LINNET_MODEL_DIR: %s", err->text);
	return 0;
}

int fit_start(struct run *run, struct fit_job *job, struct err *err)
{
	const char *folder = run_path(run, "fit/%s", job->name);

	if (code_folder(run, folder, run->spec->source, err) ||
	    dir_make_all(AT_FDCWD, arena_printf(run->arena, "%s/model", folder), 0755, err) ||
	    give_rows(run, folder, job, err) ||
	    write_params(&job->candidate->params, arena_printf(run->arena, "%s/params.json", folder),
	                 err))
		return -1;
	job->deadline_ms = run_now(run) + run->model->train->timeout_ms;
	return code_start(run, &run->model->train->command, folder, trainer_env(run, folder),
	                  &job->command, err);
}

int fit_finish(struct run *run, struct fit_job *job, int code, struct err *err)
{
	const char *folder = run_path(run, "fit/%s", job->name);

	if (judge_exit(run, code, arena_printf(run->arena, "%s/log", folder), &job->stage, err))
		return -1;
	return job->stage.refused ? 0 : pack(run, folder, &job->stage, err);
}
