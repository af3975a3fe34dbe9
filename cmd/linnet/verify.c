/* linnet verify: a decision made again from what Git holds, and compared byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"
#include "view.h"

/* One decision of one commit: what was recorded, and what comes out again. */
struct decision {
	const char *id, *commit, *what;
	const char *recorded, *again; /* again NULL: cannot be made again, see `problem` */
	const char *problem;
	int64_t at_ms;
};
struct decisions {
	struct status_view *view;
	struct arena *arena;
	struct decision *items;
	size_t n;
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static int read_status(struct decisions *decisions, const char *path, struct oid commit,
                       struct deployment_status *out, struct err *err)
{
	struct objects *objects = decisions->view->objects;
	struct bytes text;
	struct oid blob;

	if (objects_path(objects, commit, path, &blob, err) ||
	    objects_blob(objects, blob, LIMIT_STATUS_BYTES, decisions->arena, &text, err))
		return -1;
	return status_decode(path, text.data, text.len, decisions->arena, out, err);
}

/* As the planner words what came of a judgement. */
static const char *worded(struct arena *arena, const struct judgement *judgement, const char *what)
{
	if (begins(what, "rolling back"))
		return arena_printf(arena, "%s: %s", judgement->harm == VERDICT_FAIL
		                    ? "Harm" : "Inconclusive: the deadline has passed", judgement->why);
	if (begins(what, "promoted") || judgement->not_worse == VERDICT_PASS)
		return judgement->harm == VERDICT_FAIL ? "harm" : judgement->why;
	return "inconclusive past the deadline: onInconclusive is promote";
}

/* The same judgement from the recorded evidence, by the declaration that was in force. */
static void judge_again(struct decisions *decisions, const struct deployment_status *before,
                        const struct deployment_status *after, struct decision *decision)
{
	const struct deployment *declared = status_declared(decisions->view, after, decisions->arena);
	const struct evidence *evidence = after->decided;
	const struct rollout_spec *rollout;
	struct judgement judgement;
	size_t step = before->step < 0 ? 0 : (size_t)before->step;

	if (!declared) {
		decision->problem = "the manifest that it was judged by is not in this repository; fetch "
		                    "the fleet branch";
		return;
	}
	rollout = &declared->rollout;
	if (before->phase == PHASE_CANARY && rollout->n_steps)
		judgement = gate_canary(evidence, &rollout->analysis,
		                        &rollout->steps[step < rollout->n_steps ? step
		                                        : rollout->n_steps - 1],
		                        evidence->judged_ms, decisions->arena);
	else
		judgement = gate_alone(evidence, &before->stable_reference, &rollout->analysis,
		                       evidence->judged_ms, decisions->arena);
	if (strstr(decision->recorded, "of the first "))
		decision->problem = "the first requests of a cold replica are not recorded one by one";
	else
		decision->again = worded(decisions->arena, &judgement, decision->what);
}

/* The decision from evidence that this commit records in one status file, if it does. */
static int add_decision(struct decisions *decisions, const char *path,
                        const struct commit_info *commit, struct err *err)
{
	struct deployment_status before = {0}, after;
	struct err absent = {0};
	struct decision *decision;
	size_t i = 0;

	if (read_status(decisions, path, commit->id, &after, err))
		return -1;
	if (!commit->n_parents || read_status(decisions, path, commit->parents[0], &before, &absent))
		before = (struct deployment_status){0};
	if (!after.decided ||
	    (before.decided && before.decided->judged_ms == after.decided->judged_ms))
		return 0;
	while (i < after.n_history && after.history[i].at_ms != after.decided->judged_ms)
		i++;
	if (i == after.n_history)
		return 0;
	decision = list_push(decisions->arena, &decisions->items, &decisions->n);
	*decision = (struct decision){
		.id = arena_printf(decisions->arena, "%s/%s", after.environment, after.name),
		.commit = commit->id.hex, .what = after.history[i].what,
		.recorded = after.history[i].why, .at_ms = after.decided->judged_ms,
	};
	judge_again(decisions, &before, &after, decision);
	return 0;
}

static int add_commit(struct decisions *decisions, struct oid id, const char *only, struct err *err)
{
	struct commit_info *commit = arena_new(decisions->arena, struct commit_info);
	struct git_file *files;
	const char *refused;
	size_t n;

	if (objects_commit_info(decisions->view->objects, id, decisions->arena, commit, err) ||
	    objects_changed(decisions->view->objects,
	                    commit->n_parents ? commit->parents[0] : (struct oid){""}, id, "status",
	                    decisions->arena, &files, &n, &refused, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool wanted = !only || strstr(files[i].path, only);

		if (wanted && files[i].blob.hex[0] && !begins(files[i].path, "status/models/") &&
		    add_decision(decisions, files[i].path, commit, err))
			return -1;
	}
	return 0;
}

/* ENV/NAME: its newest decision from evidence; else a commit. */
static int find_decisions(struct decisions *decisions, const struct options *options,
                          struct err *err)
{
	const char *word = options->args[0];
	struct commit_info *commits;
	const char *slash = strchr(word, '/');
	struct oid id;
	size_t n;

	if (!slash) {
		if (objects_resolve(decisions->view->objects, word, &id, err) ||
		    add_commit(decisions, id, NULL, err))
			return -1;
		return decisions->n ? 0 : err_set(err, ERR_STALLED, "commit %.10s decided nothing from "
		                                  "evidence; `linnet history` lists the commits", id.hex);
	}
	if (decisions->view->tip.hex[0] &&
	    objects_log(decisions->view->objects, decisions->view->tip, (struct oid){""}, true, 10000,
	                decisions->arena, &commits, &n, err))
		return -1;
	for (size_t i = 0; decisions->view->tip.hex[0] && i < n && !decisions->n; i++)
		if (add_commit(decisions, commits[i].id, slash, err))
			return -1;
	return decisions->n ? 0 : err_set(err, ERR_STALLED, "no decision of %s was made from evidence "
	                                  "yet", word);
}

static bool is_same(const struct decision *decision)
{
	return decision->again && !strcmp(decision->again, decision->recorded);
}

static void put_decision(const struct options *options, const struct decision *decision)
{
	char at[TIME_TEXT];

	format_time(decision->at_ms, at);
	printf("%s: %s at %s (commit %.10s): ", decision->id, decision->what, at, decision->commit);
	put_coloured(options, is_same(decision) ? "32" : "31",
	             is_same(decision) ? "made again, the same to the last byte"
	             : decision->again ? "DIFFERENT" : "cannot be made again");
	printf("\n  recorded: %s\n", decision->recorded);
	if (!is_same(decision))
		printf("  %s: %s\n", decision->again ? "again   " : "because ",
		       decision->again ? decision->again : decision->problem);
}

static void write_decisions(struct writer *writer, const void *context)
{
	const struct decisions *decisions = context;

	write_list(writer);
	for (size_t i = 0; i < decisions->n; i++) {
		const struct decision *decision = &decisions->items[i];

		write_map(writer);
		write_member(writer, "deployment", decision->id);
		write_member(writer, "commit", decision->commit);
		write_time(writer, "at", decision->at_ms);
		write_member(writer, "what", decision->what);
		write_key(writer, "same");
		write_raw(writer, is_same(decision) ? "true" : "false");
		write_member(writer, "recorded", decision->recorded);
		write_member(writer, "again", decision->again);
		write_member(writer, "problem", decision->problem);
		write_map_end(writer);
	}
	write_list_end(writer);
}

int verb_verify(const struct options *options, struct err *err)
{
	struct decisions decisions = {.arena = options->arena};
	struct status_view view;
	int result = 0;

	if (status_open(&view, options, err))
		return -1;
	decisions.view = &view;
	if (find_decisions(&decisions, options, err)) {
		status_close(&view);
		return -1;
	}
	for (size_t i = 0; i < decisions.n; i++) {
		if (options->output == OUTPUT_TABLE)
			put_decision(options, &decisions.items[i]);
		if (!is_same(&decisions.items[i]))
			result = EXIT_ERROR;
	}
	if (options->output != OUTPUT_TABLE)
		put_document(options, write_decisions, &decisions);
	status_close(&view);
	return result;
}
