/* The planner of the retraining cycle for hack/replay: plan_training itself, on one Model and one
 * deployment that takes each proposal at once. It has no clock and starts nothing. Lines in:
 *   week MS ROWS        what is seen then
 *   trained FILE        the run's train.json
 *   evaluated FILE      its evaluate.json
 * Lines out, each time up to the first of the last three:
 *   accepted VERSION
 *   train RUN TRIGGER WHY
 *   evaluate RUN USES INCUMBENT ("-": none)
 *   rest PHASE */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "gate/gates.h"
#include "manifest/manifest.h"
#include "plan/plan.h"

enum { VERSIONS_MAX = 200, FILE_BYTES = 1 << 24, LINE_BYTES = 4096 };

static struct arena arena;
static struct environment environment = {
	.meta.name = "production", .maturity = MATURITY_MATURE,
	.automation = {LEVEL_UNSET, LEVEL_UNSET, LEVEL_UNSET, LEVEL_UNSET}};
static struct deployment deployment = {.meta.namespace = "production"};
static struct deployment_status serving = {.phase = PHASE_STEADY};
static struct revision revisions[VERSIONS_MAX];
static struct model_version versions[VERSIONS_MAX];
static const struct model_version *declared[VERSIONS_MAX];
static const struct target target = {&deployment, &environment, &serving};
static struct data_seen data;
static struct training_input in = {
	.known = true, .commit = "c", .manifest = "m", .targets = &target, .n_targets = 1,
	.versions = declared, .data = &data,
	.history = {.evaluation = {.retry_ms = -1, .asked_ms = -1}},
};

static void check(bool good, const char *what, const struct err *err)
{
	if (good)
		return;
	fprintf(stderr, "replay-plan: %s: %s\n", what, err ? err->text : "cannot be");
	exit(1);
}

static struct bytes read_text(const char *path)
{
	struct err err = {0};
	struct bytes text;
	struct buf buf;

	buf_init(&buf, FILE_BYTES);
	check(!file_read(AT_FDCWD, path, &buf, &err), path, &err);
	text = (struct bytes){arena_memdup(&arena, buf.text, buf.len), buf.len};
	buf_deinit(&buf);
	return text;
}

static void read_model(const char *path)
{
	struct bytes text = read_text(path);
	struct diagnostics diagnostics = {0};
	struct file_objects file;

	manifest_decode(path, text.data, text.len, &arena, &file, &diagnostics);
	for (size_t i = 0; i < file.n; i++)
		if (file.objects[i].kind == KIND_MODEL)
			in.model = file.objects[i].model;
	check(in.model, path, NULL);
	in.history.name = deployment.meta.name = deployment.model = in.model->meta.name;
	in.train_digest = digest_of("train", 5);
	in.sources = digest_of("sources", 7);
	in.terms = digest_of("terms", 5);
	data.first = digest_of("first", 5);
}

/* It is on the line, and serves. */
static void accept(const struct proposal_text *text)
{
	struct proposal *proposal = in.history.proposed;
	size_t i = in.n_versions;

	check(!text->branch && i < VERSIONS_MAX, "a proposal", NULL);
	while (!digest_same(proposal->digest, text->digest))
		proposal++;
	proposal->outcome = PROPOSAL_WAITING;
	versions[i] = (struct model_version){.model = in.model->meta.name,
	                                     .version = proposal->version};
	declared[in.n_versions++] = &versions[i];
	deployment.version = proposal->version;
	revisions[i] = (struct revision){.model = in.model->meta.name, .version = proposal->version,
	                                 .artifact = in.run.artifact};
	revision_seal(&revisions[i]);
	serving.revisions = revisions;
	serving.n_revisions = i + 1;
	serving.stable = revisions[i].digest;
	printf("accepted %s\n", proposal->version);
}

/* Whether somebody has to do something first. */
static bool carry_out(const struct action *action)
{
	const struct model_status *history = &in.history;

	switch (action->kind) {
	case ACTION_TRAIN:
		printf("train %s %s %s\n", action->run.hex, trigger_kind_names.names[history->trigger],
		       history->trigger_why);
		return true;
	case ACTION_EVALUATE:
		printf("evaluate %s %lld %s\n", action->run.hex,
		       (long long)gate_uses(history, action->run.hex),
		       action->incumbent ? action->incumbent->version : "-");
		return true;
	case ACTION_PROPOSE:
		if (!action->proposal->tag)
			accept(action->proposal);
		return false;
	default:
		check(false, action_kind_names.names[action->kind], NULL);
		return false;
	}
}

static void look(void)
{
	struct training_output output = {.changed = true};
	bool waits = false;

	while (!waits && (output.changed || output.plan.n_actions)) {
		in.now_ms += 1000;
		output = plan_training(&in, &arena);
		in.history = output.next;
		if (!digest_same(in.run.run, in.history.run))
			in.run = (struct run_result){0};
		for (size_t i = 0; i < output.plan.n_actions; i++)
			waits = carry_out(&output.plan.actions[i]) || waits;
	}
	if (!waits)
		printf("rest %s\n", cycle_phase_names.names[in.history.phase]);
	fflush(stdout);
}

static void take_result(const char *path, bool evaluate)
{
	static struct bytes train;
	struct bytes text = read_text(path), none = {0};
	const struct bytes *test = evaluate ? &text : &none;
	struct err err = {0};

	if (!evaluate)
		train = text;
	check(!run_result_decode(train.data, train.len, test->data, test->len, &arena, &in.run, &err),
	      path, &err);
}

static void take_week(const char *words)
{
	long long ms, rows;

	check(sscanf(words, "%lld %lld", &ms, &rows) == 2, words, NULL);
	in.now_ms = ms;
	data.rows = rows;
	in.data_digest = digest_of(words, strlen(words));
}

int main(int argc, char **argv)
{
	char line[LINE_BYTES];

	check(argc == 2, "usage: replay-plan MANIFEST", NULL);
	arena_init(&arena, (size_t)1 << 30);
	read_model(argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		check(rest, line, NULL);
		*rest++ = '\0';
		if (!strcmp(line, "week"))
			take_week(rest);
		else
			take_result(rest, !strcmp(line, "evaluated"));
		look();
	}
	arena_deinit(&arena);
	return 0;
}
