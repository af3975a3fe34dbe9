/* Planning one key when a part of what it is planned from cannot be had. */
#include "../manifest/fixture.h"

#include "controller/internal.h"

#define HEAD(kind) "apiVersion: linnet.dev/v1alpha1\nkind: " kind "\nmetadata: "
#define ENVIRONMENT HEAD("Environment") "{name: prod}\nspec: {serving: {local: {}}}\n"
#define MODEL \
	HEAD("Model") "{name: risk}\nspec:\n" \
	"  interface: {inputs: [{name: x, type: INT64}], output: {name: y, type: FP64}}\n" \
	"  data: {uri: file:rows.csv, label: y}\n" \
	"  serve: {command: [python3, serve.py], source: apps/risk}\n"
#define VERSION \
	HEAD("ModelVersion") "{name: risk-v2}\nspec:\n  model: risk\n  version: v2\n" \
	"  artifact: {digest: \"sha256:" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", bytes: 1}\n" \
	"  serve: {command: [python3, serve.py], source: apps/risk," \
	" tree: \"9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c\"}\n"
#define DEPLOYMENT \
	HEAD("ModelDeployment") "{name: risk, namespace: prod}\nspec: {model: risk, version: v2}\n"

struct world {
	struct fixture *fixture;
	struct controller c;
	struct buf model_status;
	struct err authors; /* what the look for them ends in; OK: ada */
	bool unreadable;    /* the store does not answer for what is declared */
	bool away;          /* nor for what was decided */
	bool treeless;      /* nor for folders */
};

static int port_blob(void *self, enum git_repo repo, struct oid blob, struct arena *arena,
                     struct bytes *out, struct err *err)
{
	struct world *world = self;

	(void)repo;
	if (world->unreadable)
		return err_set(err, ERR_TRANSIENT, "the object store does not answer");
	return blob_read(world->fixture, blob, arena, out, err);
}

static int port_path(void *self, enum git_repo repo, struct oid commit, const char *path,
                     struct arena *arena, struct bytes *out, struct oid *blob, struct err *err)
{
	struct world *world = self;

	(void)repo;
	(void)commit;
	(void)arena;
	if (world->away)
		return err_set(err, ERR_TRANSIENT, "the object store does not answer");
	if (!strstr(path, "models/"))
		return err_set(err, ERR_STALLED, "%s: no such file", path);
	snprintf(blob->hex, sizeof(blob->hex), "%040d", 2);
	*out = (struct bytes){buf_text(&world->model_status), world->model_status.len};
	return 0;
}

static int port_authors(void *self, struct oid old, struct oid new, const char *path,
                        struct arena *arena, struct strings *out, struct err *err)
{
	static const char *ada = "ada@x";
	struct world *world = self;

	(void)old;
	(void)new;
	(void)path;
	(void)arena;
	if (world->authors.kind != ERR_NONE) {
		*err = world->authors;
		return -1;
	}
	*out = (struct strings){&ada, 1};
	return 0;
}

static int port_tree(void *self, struct oid commit, const char *path, struct oid *out,
                     struct err *err)
{
	struct world *world = self;

	(void)commit;
	if (world->treeless)
		return err_set(err, ERR_TRANSIENT, "%s: the object store does not answer", path);
	snprintf(out->hex, sizeof(out->hex), "%040d", 3);
	return 0;
}

/* The version that is declared was refused by a gate that demanded something else. */
static void write_refusal(struct world *world)
{
	struct model_status status = {.name = "risk"};
	struct verdict_record verdict = {.result = VERDICT_FAIL, .why = "accuracy 88 % < 90 %"};
	struct desired_deployment desired = {0};

	fleet_desired(world->c.fleet, "prod", "risk", world->c.applied.hex, fleet_blob, &world->c,
	              &world->c.arena, &desired);
	assert_non_null(desired.version);
	verdict.subject = subject_digest(desired.version->artifact.digest, &desired.version->serve,
	                                 &desired.model->interface);
	verdict.gate = digest_of("stricter", 8);
	status.verdicts = &verdict;
	status.n_verdicts = 1;
	model_status_encode(&world->model_status, &status);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct controller *c = &world->c;

	assert_int_equal(fixture_setup((void **)&world->fixture), 0);
	arena_init(&c->arena, (size_t)64 << 20);
	arena_init(&c->decoded_arena, (size_t)64 << 20);
	buf_init(&world->model_status, 1 << 20);
	c->fleet = fleet_new();
	c->ports.git = (struct port_git){.self = world, .read_blob = port_blob,
	                                 .read_path = port_path, .authors = port_authors,
	                                 .tree_id = port_tree};
	c->config.poll_ms = 1000;
	snprintf(c->applied.hex, sizeof(c->applied.hex), "%040d", 1);
	put(world->fixture, c->fleet, "environment.yaml", ENVIRONMENT, NULL);
	put(world->fixture, c->fleet, "model.yaml", MODEL, NULL);
	put(world->fixture, c->fleet, "v2.yaml", VERSION, NULL);
	put(world->fixture, c->fleet, "risk.yaml", DEPLOYMENT, NULL);
	write_refusal(world);
	key_need(c, NULL, "risk")->has_status = true;
	key_need(c, "prod", "risk")->evidence_known = true;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	keys_free(&world->c);
	fleet_free(world->c.fleet);
	buf_deinit(&world->model_status);
	arena_deinit(&world->c.arena);
	map_deinit(&world->c.decoded);
	arena_deinit(&world->c.decoded_arena);
	fixture_teardown((void **)&world->fixture);
	free(world);
	return 0;
}

static struct task planned(struct world *world)
{
	struct task task = {.key = key_find(&world->c, "prod", "risk"), .observed = {.known = true}};
	struct err err = {0};

	if (task_deployment(&world->c, &task, &err))
		fail_msg("%s", err.text);
	assert_non_null(task.plan);
	return task;
}

/* Harm to 0 and healing need a plan: they never wait for Git's memory of who wrote what. */
static void authors_that_cannot_be_found_delay_no_plan(void **state)
{
	struct world *world = *state;
	struct task task = planned(world);

	assert_null(task.desired.authors_unknown);
	assert_int_equal(task.desired.authors.n, 2); /* of the declaration and of the model */
	err_set(&world->authors, ERR_STALLED, "commit 0123456789 is not in the store");
	task = planned(world);
	assert_int_equal(task.desired.authors.n, 0);
	assert_string_equal(task.desired.authors_unknown,
	                    "risk.yaml: who changed it: commit 0123456789 is not in the store");
}

/* What was judged of a version is not known then, nor whether a gate was loosened for it. */
static void a_model_status_that_cannot_be_read_stops_what_is_new_and_delays_no_plan(void **state)
{
	struct world *world = *state;
	struct task task = planned(world);

	assert_false(task.desired.promotions_blocked);
	assert_false(task.looks_again);
	world->away = true;
	task = planned(world);
	assert_true(task.desired.promotions_blocked);
	assert_true(task.looks_again);
	assert_null(task.desired.model_status);
}

/* A source that looks gone would be a source that changed: the run under way would be given up. */
static void a_source_that_cannot_be_read_is_no_change_of_it(void **state)
{
	struct world *world = *state;
	struct task task = {.key = key_find(&world->c, NULL, "risk")};
	struct err err = {0};

	assert_int_equal(task_model(&world->c, &task, &err), 0);
	world->treeless = true;
	world->c.unread = false;
	assert_int_equal(task_model(&world->c, &task, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
}

/* A request that cannot be acted on now waits with all others; harm and healing wait for none. */
static void a_request_that_has_to_wait_delays_no_plan(void **state)
{
	struct world *world = *state;
	struct controller *c = &world->c;
	struct key *model = key_find(c, NULL, "risk"), *deployment = key_find(c, "prod", "risk");
	struct task tasks[] = {{.key = deployment, .observed = {.known = true}}, {.key = model}};
	struct asked items[] = {
		{deployment, {.verb = REQUEST_RESTART, .by = "ada@x", .expires_ms = -1}},
		{model, {.verb = REQUEST_KICK, .by = "ada@x", .expires_ms = -1}},
	};
	struct asked_list asked = {.items = items, .n = 2, .upto = c->applied};

	world->unreadable = true;
	plan_all(c, tasks, 2, &asked);
	assert_string_equal(asked.upto.hex, "");
	assert_null(tasks[1].plan);
	assert_false(tasks[1].undeclared); /* it is not known to be gone, so nothing of it is dropped */
	assert_non_null(tasks[0].plan);
	assert_int_equal(tasks[0].n_requests, 0);
	assert_true(tasks[0].observed.known);
}

#define WAITING \
	MODEL \
	"  train: {command: [python3, train.py], source: apps/risk, candidates: [{name: one}]}\n" \
	"  triggers: [{event: early}, {event: late}]\n" \
	"  automation: {retrain: manual}\n"

static int64_t a_time(void *self)
{
	(void)self;
	return 1577836800000;
}

/* Events that come between two passes: each is a kick, whatever comes beside or after it. */
static void an_event_takes_no_other_away(void **state)
{
	struct world *world = *state;
	struct controller *c = &world->c;
	struct task task = {.key = key_find(c, NULL, "risk")};
	const struct transition *history;
	struct err err = {0};
	char name[16];

	c->ports.clock.wall_ms = a_time;
	put(world->fixture, c->fleet, "model.yaml", WAITING, NULL);
	for (int i = 0; i < EVENTS_KEPT - 1; i++) {
		snprintf(name, sizeof(name), "unknown-%d", i);
		controller_event(c, name);
		if (i == 1)
			controller_event(c, "early");
	}
	controller_event(c, "late"); /* one too many: the oldest goes */
	controller_event(c, "late");
	controller_event(c, "unknown-1");
	assert_int_equal(key_find(c, NULL, "risk")->n_events, EVENTS_KEPT);
	if (task_model(c, &task, &err))
		fail_msg("%s", err.text);
	history = task.training.next.history; /* newest first */
	assert_int_equal(task.training.next.n_history, 2);
	assert_string_equal(history[0].why, "late by webhook at 2020-01-01T00:00:00Z");
	assert_string_equal(history[1].why, "early by webhook at 2020-01-01T00:00:00Z");
}

/* ---- a file of the status branch that was damaged ---- */

static int port_versions(void *self, enum git_repo repo, struct oid commit, const char *path,
                         struct arena *arena, struct git_version **out, size_t *n, struct err *err)
{
	(void)self, (void)repo, (void)commit, (void)path, (void)err;
	*n = 3; /* newest first: damaged, good, older */
	*out = arena_array(arena, *n, struct git_version);
	for (size_t i = 0; i < *n; i++) {
		snprintf((*out)[i].commit.hex, sizeof((*out)[i].commit.hex), "c%039zu", i);
		snprintf((*out)[i].blob.hex, sizeof((*out)[i].blob.hex), "%040zu", i);
	}
	return 0;
}

static int port_text(void *self, enum git_repo repo, struct oid blob, struct arena *arena,
                     struct bytes *out, struct err *err)
{
	static const char *texts[] = {"]", "good", "older"};
	struct world *world = self;
	int i = blob.hex[39] - '0';

	(void)repo;
	if (world->unreadable && i == 1)
		return err_set(err, ERR_TRANSIENT, "the object store does not answer");
	*out = (struct bytes){arena_strdup(arena, texts[i]), strlen(texts[i])};
	return 0;
}

static int decode(const char *path, struct bytes text, struct arena *arena, void *out,
                  struct err *err)
{
	(void)arena;
	if (text.data[0] == ']')
		return err_set(err, ERR_STALLED, "%s: damaged", path);
	*(const char **)out = text.data;
	return 0;
}

/* What cannot be read now is not what was damaged: an older text would lose what happened since. */
static void a_damaged_file_goes_on_from_its_newest_good_text(void **state)
{
	struct world *world = *state;
	struct controller *c = &world->c;
	const struct err damage = {ERR_STALLED, "risk.yaml:2:1: damaged"};
	const char *text = NULL, *why = NULL;
	struct err err = {0};

	c->ports.git.versions = port_versions;
	c->ports.git.read_blob = port_text;
	assert_int_equal(recover(c, c->applied, "risk.yaml", decode, &text, &why, &damage, &err), 0);
	assert_string_equal(text, "good");
	assert_string_equal(why, "risk.yaml:2:1: damaged; it goes on from commit c000000000");
	world->unreadable = true;
	text = NULL;
	assert_int_equal(recover(c, c->applied, "risk.yaml", decode, &text, &why, &damage, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_null(text);
}

/* ---- what the controller recorded of itself ---- */

static int port_changed(void *self, enum git_repo repo, struct oid old, struct oid new,
                        const char *path, struct arena *arena, struct git_file **files, size_t *n,
                        const char **refused, struct err *err)
{
	(void)self, (void)repo, (void)old, (void)new, (void)path, (void)arena, (void)err;
	*files = NULL;
	*n = 0;
	*refused = NULL;
	return 0;
}

/* What was retired in quarantine is not forgotten because that cannot be read. */
static void what_was_retired_is_waited_for(void **state)
{
	struct world *world = *state;
	struct task task = {.key = key_find(&world->c, "prod", "risk"), .observed = {.known = true}};
	struct err err = {0};

	world->c.heads.status = world->c.applied;
	assert_int_equal(task_deployment(&world->c, &task, &err), 0); /* there is nothing retired */
	world->away = true;
	assert_int_equal(task_deployment(&world->c, &task, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
}

/* It says what was accepted and which requests were answered: without it all begins anew. */
static void a_record_that_cannot_be_read_is_no_first_start(void **state)
{
	struct world *world = *state;
	struct controller *c = &world->c;
	struct err err = {0};

	c->ports.git.changed = port_changed;
	c->heads.status = c->applied;
	world->away = true;
	assert_int_equal(load_status(c, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_false(c->started);
	world->away = false; /* a branch that has none */
	assert_int_equal(load_status(c, &err), 0);
	assert_true(c->started);
	assert_int_equal(c->epoch, 1);
}

/* ---- what a run came to ---- */

/* Ends as soon as it was looked at `lasts` times, with a result. */
struct run_world {
	int looks, lasts;
	bool unreadable;
};

static int run_poll(void *self, const char *key, struct arena *arena, struct process_status *out,
                    struct err *err)
{
	struct run_world *world = self;

	(void)key, (void)arena, (void)err;
	*out = (struct process_status){
		.state = world->looks++ < world->lasts ? PROCESS_RUNNING : PROCESS_ENDED};
	return 0;
}

static int run_text(void *self, const char *key, const char *name, struct arena *arena,
                    struct bytes *out, struct err *err)
{
	const struct run_result result = {.run = digest_of("run", 3), .train = RUN_FAILED,
	                                  .considered = true, .why = "bad rows",
	                                  .rows_from_ms = -1, .rows_to_ms = -1};
	struct run_world *world = self;
	struct buf text;

	(void)key;
	if (world->unreadable)
		return err_set(err, ERR_TRANSIENT, "too many open files");
	if (world->looks++ < world->lasts || strcmp(name, "train.json") != 0)
		return err_set(err, ERR_STALLED, "%s: does not exist", name);
	buf_init(&text, 1 << 16);
	run_result_encode(&text, &result, false);
	*out = (struct bytes){arena_strdup(arena, buf_text(&text)), text.len};
	buf_deinit(&text);
	return 0;
}

/* A failed run costs one of few attempts: none fails because of when it was looked at. */
static void a_run_that_ends_while_it_is_looked_at_has_not_failed(void **state)
{
	struct world *world = *state;
	struct controller *c = &world->c;
	struct digest run = digest_of("run", 3);
	struct run_result result;

	for (int lasts = 0; lasts < 4; lasts++) {
		struct run_world run_world = {.lasts = lasts};

		c->ports.process = (struct port_process){&run_world, .poll = run_poll, .result = run_text};
		run_observe(c, run, &result);
		assert_int_equal(result.train, lasts > 0 ? RUN_ACTIVE : RUN_FAILED);
		run_observe(c, run, &result);
		assert_int_equal(result.train, RUN_FAILED);
		assert_true(result.considered);
		assert_string_equal(result.why, "bad rows");
	}
}

static void a_result_that_cannot_be_read_now_is_waited_for(void **state)
{
	struct world *world = *state;
	struct run_world run_world = {.unreadable = true};
	struct run_result result;
	struct bytes text;
	struct err err;

	world->c.ports.process =
		(struct port_process){&run_world, .poll = run_poll, .result = run_text};
	run_observe(&world->c, digest_of("run", 3), &result);
	assert_int_equal(result.train, RUN_ACTIVE);
	assert_int_equal(run_file(&world->c, digest_of("run", 3), "version.yaml", &text, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(authors_that_cannot_be_found_delay_no_plan, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(
			a_model_status_that_cannot_be_read_stops_what_is_new_and_delays_no_plan, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_source_that_cannot_be_read_is_no_change_of_it, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_request_that_has_to_wait_delays_no_plan, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(an_event_takes_no_other_away, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_retired_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_record_that_cannot_be_read_is_no_first_start, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_run_that_ends_while_it_is_looked_at_has_not_failed, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_result_that_cannot_be_read_now_is_waited_for, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_goes_on_from_its_newest_good_text, setup,
		                                teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
