/* The frame of a run: it ends with its result file, whatever happens. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

static const char *result_name(bool evaluate)
{
	return evaluate ? "evaluate.json" : "train.json";
}

bool result_read(struct run *run, const char *path, bool evaluate, struct run_result *out)
{
	struct bytes text;
	struct err ignored;

	if (run_read(run, path, LIMIT_STATUS_BYTES, &text, &ignored))
		return false;
	return !run_result_decode(evaluate ? NULL : text.data, evaluate ? 0 : text.len,
	                          evaluate ? text.data : NULL, evaluate ? text.len : 0, run->arena, out,
	                          &ignored) &&
	       digest_same(out->run, run->spec->run);
}

static enum run_exit exit_of(enum run_state state, bool considered)
{
	if (state == RUN_SUCCEEDED)
		return RUN_EXIT_SUCCEEDED;
	return considered ? RUN_EXIT_CONSIDERED : RUN_EXIT_ERROR;
}

enum run_exit result_write(struct run *run, struct run_result *result, bool evaluate)
{
	enum run_state state = evaluate ? result->evaluate : result->train;
	struct err err = {0};
	struct buf text;
	int failed;

	result->run = run->spec->run;
	buf_init(&text, LIMIT_STATUS_BYTES);
	run_result_encode(&text, result, evaluate);
	failed = buf_check(&text, "result", &err) ||
	         file_write(AT_FDCWD, run_path(run, "%s", result_name(evaluate)), buf_text(&text),
	                    text.len, 0644, &err);
	buf_deinit(&text);
	run_say(run, "%s: %s: %s", evaluate ? "evaluate" : "train",
	        failed ? "error" : state == RUN_SUCCEEDED ? "done" : "failed",
	        failed ? err.text : result->why ? result->why : "");
	return failed ? RUN_EXIT_ERROR : exit_of(state, result->considered);
}

/* Whether the run has ended for good: an error may be tried again. */
static bool has_ended(struct run *run, bool evaluate, enum run_exit *exit)
{
	struct run_result result;

	if (!result_read(run, run_path(run, "%s", result_name(evaluate)), evaluate, &result))
		return false;
	*exit = exit_of(evaluate ? result.evaluate : result.train, result.considered);
	return *exit != RUN_EXIT_ERROR;
}

static enum run_exit run_in(struct run *run, bool evaluate, run_body *body)
{
	struct run_result result = {.artifact.bytes = -1, .rows_from_ms = -1,
	                            .rows_to_ms = -1, .verdict = VERDICT_INCONCLUSIVE};
	struct err err = {0};
	enum run_exit exit;

	if (has_ended(run, evaluate, &exit)) {
		run_say(run, "%s: was done before", evaluate ? "evaluate" : "train");
		return exit;
	}
	if (!run_model(run, &err) && !body(run, &result, &err)) {
		*(evaluate ? &result.evaluate : &result.train) = RUN_SUCCEEDED;
		return result_write(run, &result, evaluate);
	}
	*(evaluate ? &result.evaluate : &result.train) = RUN_FAILED;
	result.considered = run->considered;
	result.why = err.text;
	return result_write(run, &result, evaluate);
}

enum run_exit run_framed(const struct run_spec *spec, const char *out_dir,
                         const struct run_world *world, bool evaluate, run_body *body)
{
	struct arena arena;
	struct run run = {.spec = spec, .world = world, .arena = &arena};
	enum run_exit exit = RUN_EXIT_ERROR;
	struct err err = {0};
	char *dir;

	arena_init(&arena, RUN_ARENA_BYTES);
	if (dir_make_all(AT_FDCWD, out_dir, 0700, &err)) {
		run_say(&run, "%s", err.text);
		arena_deinit(&arena);
		return exit;
	}
	dir = realpath(out_dir, NULL);
	run.dir = dir;
	if (!dir || dir_make_all(AT_FDCWD, run_path(&run, "stages"), 0700, &err))
		run_say(&run, "%s: cannot be used", out_dir);
	else
		exit = run_in(&run, evaluate, body);
	free(dir);
	arena_deinit(&arena);
	return exit;
}
