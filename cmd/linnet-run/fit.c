#include "fit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/parse.h"
#include "run/internal.h"

/* Who asks for the job has the timeout that counts. */
#define FIT_TIMEOUT_MS ((int64_t)7 * 24 * 3600 * 1000)

static struct pairs read_params(struct run *run, const struct node *params)
{
	struct pairs pairs = {0};

	for (const struct node *param = params ? params->first : NULL; param; param = param->next)
		*list_push(run->arena, &pairs.items, &pairs.n) = (struct pair){
			.key = param->key,
			.value = param->text ? param->text : "null",
			.quoted = param->quoted,
		};
	return pairs;
}

static int read_task(struct run *run, const char *path, struct train_spec *train,
                     struct candidate_spec *candidate, struct err *err)
{
	struct bytes text;
	struct node *root;
	const char *seed;

	if (run_read(run, path, LIMIT_MANIFEST_BYTES, &text, err) ||
	    json_parse(text.data, text.len, LIMIT_MANIFEST_BYTES, run->arena, &root, err))
		return err_wrap(err, "task");
	seed = node_text(root, "seed");
	if (!seed || parse_int(seed, 0, INT64_MAX, &train->seed, err))
		return err_set(err, ERR_STALLED, "task: seed: write a number");
	candidate->params = read_params(run, node_get(root, "params"));
	return 0;
}

static int train(struct run *run, struct fit_job *job, struct err *err)
{
	int code;

	if (digest_file(AT_FDCWD, job->rows[0].path, &job->rows[0].digest, NULL, err) ||
	    fit_start(run, job, err) ||
	    command_wait(&job->command, run->world->clock, job->deadline_ms, &code, err))
		return -1;
	return fit_finish(run, job, code, err);
}

static enum run_exit tell(const struct fit_stage *stage, const struct err *err)
{
	if (err->kind)
		printf("fit: %s\n", err->text);
	else if (stage->refused)
		printf("fit: %s\n", stage->refused);
	else
		printf("fit: artifact sha256:%s, %lld bytes\n", stage->artifact.hex,
		       (long long)stage->bytes);
	return err->kind ? RUN_EXIT_ERROR : stage->refused ? RUN_EXIT_CONSIDERED : RUN_EXIT_SUCCEEDED;
}

enum run_exit fit_run(const struct fit_order *order, const struct run_world *world)
{
	struct run_spec spec = {
		.source = order->source, .memory_bytes = -1, .file_bytes = (int64_t)16 << 30,
		.processes = 4096,
	};
	struct train_spec section = {.timeout_ms = FIT_TIMEOUT_MS};
	struct model model = {.train = &section};
	struct candidate_spec candidate = {.name = "job"};
	struct fit_job job = {.name = "job", .candidate = &candidate, .rows = {{.path = order->rows}},
	                      .n_files = 1};
	struct arena arena;
	struct run run = {.spec = &spec, .world = world, .arena = &arena, .model = &model};
	struct err err = {0};
	char out[PATH_MAX];
	enum run_exit code;

	arena_init(&arena, RUN_ARENA_BYTES);
	for (char **word = order->command; *word; word++)
		*list_push(&arena, &section.command.items, &section.command.n) = *word;
	if (!dir_make_all(AT_FDCWD, order->out, 0755, &err)) {
		run.dir = realpath(order->out, out);
		if (!read_task(&run, order->task, &section, &candidate, &err))
			(void)!train(&run, &job, &err); /* err tells */
	}
	code = tell(&job.stage, &err);
	arena_deinit(&arena);
	return code;
}
