/* linnet verify: a decision made again from what Git holds, and compared byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "gate/gate.h"
#include "verify.h"

struct decisions {
	struct status_view *view;
	const struct options *options;
	struct arena *arena;
	struct decision *items;
	size_t n;
};

#define MODELS "models/"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static int read_blob(struct decisions *decisions, const char *path, struct oid commit,
                     struct bytes *text, struct err *err)
{
	struct objects *objects = decisions->view->objects;
	struct oid blob;

	return objects_path(objects, commit, path, &blob, err) ||
	       objects_blob(objects, blob, LIMIT_STATUS_BYTES, decisions->arena, text, err) ? -1 : 0;
}

static int read_status(struct decisions *decisions, const char *path, struct oid commit,
                       struct deployment_status *out, struct err *err)
{
	struct bytes text;

	return read_blob(decisions, path, commit, &text, err) ||
	       status_decode(path, text.data, text.len, decisions->arena, out, err) ? -1 : 0;
}

static int read_model_status(struct decisions *decisions, const char *path, struct oid commit,
                             struct model_status *out, struct err *err)
{
	struct bytes text;

	return read_blob(decisions, path, commit, &text, err) ||
	       model_status_decode(path, text.data, text.len, decisions->arena, out, err) ? -1 : 0;
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

/* The verdict of gates that this commit records in the status file of a model, if it does. */
static int add_verdict(struct decisions *decisions, const char *path,
                       const struct commit_info *commit, struct err *err)
{
	struct model_status before = {0}, after;
	const struct gates_evidence *evidence;
	struct decision *decision;
	struct err absent = {0};

	if (read_model_status(decisions, path, commit->id, &after, err))
		return -1;
	if (!commit->n_parents ||
	    read_model_status(decisions, path, commit->parents[0], &before, &absent))
		before = (struct model_status){0};
	evidence = after.decided;
	if (!evidence || !after.n_verdicts ||
	    !digest_same(after.verdicts[0].key, evidence->key) ||
	    (before.n_verdicts && before.verdicts[0].at_ms == after.verdicts[0].at_ms))
		return 0;
	decision = list_push(decisions->arena, &decisions->items, &decisions->n);
	*decision = (struct decision){
		.id = after.name, .commit = commit->id.hex, .at_ms = after.verdicts[0].at_ms,
		.what = arena_printf(decisions->arena, "evaluated (%s)",
		                     evidence->version ? evidence->version : "the run's version"),
	};
	verdict_again(decisions->view, decisions->options, &after, decision);
	return 0;
}

/* `only`: the folder and name of a status, or NULL. */
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
		const char *of = status_of_path(files[i].path, decisions->arena);

		if (!files[i].blob.hex[0] || !of || (only && strcmp(of, only)))
			continue;
		if (begins(of, MODELS) ? add_verdict(decisions, files[i].path, commit, err)
		                       : add_decision(decisions, files[i].path, commit, err))
			return -1;
	}
	return 0;
}

static int find_newest(struct decisions *decisions, const char *of, struct err *err)
{
	struct status_view *view = decisions->view;
	struct commit_info *commits;
	size_t n;

	if (view->tip.hex[0] && objects_log(view->objects, view->tip, (struct oid){""}, true, 10000,
	                                    decisions->arena, &commits, &n, err))
		return -1;
	for (size_t i = 0; view->tip.hex[0] && i < n && !decisions->n; i++)
		if (add_commit(decisions, commits[i].id, of, err))
			return -1;
	return 0;
}

/* ENV/NAME or MODEL: its newest decision from evidence; else a commit. */
static int find_decisions(struct decisions *decisions, struct err *err)
{
	struct status_view *view = decisions->view;
	const char *word = decisions->options->args[0];
	struct model_status *models;
	struct oid id;
	size_t n = 0;

	if (strchr(word, '/')) {
		if (find_newest(decisions, word, err))
			return -1;
		return decisions->n ? 0 : err_set(err, ERR_STALLED, "no decision of %s was made from"
		                                  " evidence yet", word);
	}
	if (status_models(view, decisions->options, &models, &n, err))
		return -1;
	if (n) {
		if (find_newest(decisions, arena_printf(decisions->arena, MODELS "%s", word), err))
			return -1;
		return decisions->n ? 0 : err_set(err, ERR_STALLED, "no version of %s was evaluated yet",
		                                  word);
	}
	if (objects_resolve(view->objects, word, &id, err) || add_commit(decisions, id, NULL, err))
		return -1;
	return decisions->n ? 0 : err_set(err, ERR_STALLED, "commit %.10s decided nothing from "
	                                  "evidence; `linnet history` lists the commits", id.hex);
}

static bool is_same(const struct decision *decision)
{
	return decision->again && !decision->problem &&
	       !strcmp(decision->again, decision->recorded);
}

/* The first line; of two texts, the first in which they differ. */
static int line_of(const char **text, const char *other)
{
	const char *line = *text;

	for (const char *at = line; other && *at && *at == *other; at++, other++)
		if (*at == '\n')
			line = at + 1;
	*text = line;
	return (int)strcspn(line, "\n");
}

static void put_decision(const struct options *options, const struct decision *decision)
{
	const char *recorded = decision->recorded, *again = decision->again;
	char at[TIME_TEXT];
	int len;

	format_time(decision->at_ms, at);
	printf("%s: %s at %s (commit %.10s): ", decision->id, decision->what, at, decision->commit);
	put_coloured(options, is_same(decision) ? "32" : "31",
	             is_same(decision) ? "made again, the same to the last byte"
	             : again ? "DIFFERENT" : "cannot be made again");
	len = line_of(&recorded, is_same(decision) || decision->problem ? NULL : again);
	printf("\n  recorded: %.*s\n", len, recorded);
	if (decision->problem)
		printf("  because : %s\n", decision->problem);
	else if (!is_same(decision)) {
		len = line_of(&again, decision->recorded);
		printf("  again   : %.*s\n", len, again);
	}
}

static void write_decisions(struct writer *writer, const void *context)
{
	const struct decisions *decisions = context;

	write_list(writer);
	for (size_t i = 0; i < decisions->n; i++) {
		const struct decision *decision = &decisions->items[i];

		write_map(writer);
		write_member(writer, strchr(decision->id, '/') ? "deployment" : "model", decision->id);
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
	struct decisions decisions = {.arena = options->arena, .options = options};
	struct status_view view;
	int result = 0;

	if (status_open(&view, options, err))
		return -1;
	decisions.view = &view;
	if (find_decisions(&decisions, err)) {
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
