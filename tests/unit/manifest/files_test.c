/* Requests, controller.yaml, run results, README.md and the one line that a promotion edits. */
#include "manifest/fixture.h"

/* ---- requests ---- */

static struct request_file decode_request(struct fixture *fixture, const char *path,
                                          const struct request *request)
{
	struct request_file out;
	struct err err = {0};
	struct buf text;

	buf_init(&text, 1 << 16);
	request_encode(&text, request);
	if (request_decode(path, text.text, text.len, &fixture->arena, &out, &err) < 0)
		fail_msg("%s\n%s", err.text, text.text);
	buf_deinit(&text);
	return out;
}

static void requests(void **state)
{
	struct fixture *fixture = *state;

	for (int verb = 0; verb < REQUEST_VERBS; verb++) {
		struct request request = {
			.verb = (enum request_verb)verb, .by = "ada@example.com", .reason = "as: agreed #1",
			.commit = "1234", .event = verb == REQUEST_KICK ? "platform-update" : NULL,
			.revision = digest_of("r", 1), .gate = digest_of("g", 1),
			.expires_ms = verb == REQUEST_APPROVE ? INT64_C(1782950400123) : -1,
			.old_commit = verb == REQUEST_ACCEPT_REWIND ? "0123" : NULL, .new_commit = "4567"};
		const char *path = request_path(&fixture->arena, verb == REQUEST_KICK ? NULL : "prod",
		                                "risk", INT64_C(1782950400123), (enum request_verb)verb);
		struct request_file out = decode_request(fixture, path, &request);

		assert_string_equal(out.name, "risk");
		if (verb == REQUEST_KICK)
			assert_null(out.environment);
		else
			assert_string_equal(out.environment, "prod");
		assert_int_equal(out.request.verb, verb);
		assert_string_equal(out.request.by, request.by);
		assert_string_equal(out.request.reason, request.reason);
		assert_string_equal(out.request.commit, "1234");
		assert_true(digest_same(out.request.revision, request.revision));
		assert_true(digest_same(out.request.gate, request.gate));
		assert_int_equal(out.request.expires_ms, request.expires_ms);
		assert_int_equal(out.request.event != NULL, request.event != NULL);
		assert_int_equal(out.request.old_commit != NULL, request.old_commit != NULL);
	}
}

static void request_paths(void **state)
{
	static const struct {
		const char *path;
		bool good;
	} cases[] = {
		{"requests/prod/risk/20260702T000000123Z-retry.yaml", true},
		{"requests/models/risk/x-retry.yaml", true},
		{"requests/prod/risk/-retry.yaml", false},
		{"requests/prod/risk/20260702T000000Z-approve.yaml", false},
		{"requests/prod/risk/20260702T000000Z-retry.yml", false},
		{"requests/prod/risk/deeper/x-retry.yaml", false},
		{"requests/prod/x-retry.yaml", false},
		{"requests/Prod/risk/x-retry.yaml", false},
		{"requests//risk/x-retry.yaml", false},
		{"requests/../risk/x-retry.yaml", false},
		{"other/prod/risk/x-retry.yaml", false},
		{"", false},
	};
	static const char text[] = "apiVersion: linnet.dev/v1alpha1\nkind: Request\nverb: retry\n";
	struct fixture *fixture = *state;

	assert_string_equal(request_path(&fixture->arena, "prod", "risk", INT64_C(1782950400123),
	                                 REQUEST_RETRY),
	                    "requests/prod/risk/20260702T000000123Z-retry.yaml");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request_file out;
		struct err err = {0};
		int result = request_decode(cases[i].path, text, strlen(text), &fixture->arena, &out, &err);

		if ((result == 0) != cases[i].good)
			fail_msg("%s: %s", cases[i].path, err.text);
	}
}

/* ---- controller.yaml ---- */

static void controller(void **state)
{
	struct fixture *fixture = *state;
	struct controller_record record = {"host-1", INT64_C(9007199254740993), "41d2", NULL}, back;
	struct err err = {0};
	struct buf text;

	buf_init(&text, 1 << 16);
	controller_encode(&text, &record);
	assert_int_equal(controller_decode(text.text, text.len, &fixture->arena, &back, &err), 0);
	assert_string_equal(back.id, "host-1");
	assert_true(back.epoch == record.epoch);
	assert_string_equal(back.accepted, "41d2");
	assert_null(back.requests);
	assert_int_equal(controller_decode("epoch: 1\n", 9, &fixture->arena, &back, &err), -1);
	assert_int_equal(err.kind, ERR_STALLED);
	buf_deinit(&text);
}

/* ---- run results ---- */

static const char *result_text(struct fixture *fixture, const struct run_result *result,
                               bool evaluate)
{
	struct buf text;
	const char *copy;

	buf_init(&text, 1 << 16);
	run_result_encode(&text, result, evaluate);
	copy = arena_strdup(&fixture->arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

static void run_results(void **state)
{
	struct fixture *fixture = *state;
	struct gate_entry entry = {"accuracy min 87.0 %", "FAIL", 0.84, 0.82, 0.86, 0.87, "too low"};
	const struct gates_evidence evidence = {
		.key = digest_of("key", 3), .incumbent = "v2", .predictions = digest_of("p", 1), .uses = 2,
		.serving = {1.484, 84, NAN, 2048, NULL, 0, NULL}, .entries = &entry, .n_entries = 1};
	struct run_result result = {
		.evidence = &evidence,
		.run = digest_of("run", 3), .train = RUN_SUCCEEDED, .evaluate = RUN_FAILED,
		.considered = true, .why = "accuracy 84.0 % < 87 %",
		.data = digest_of("d", 1),
		.artifact = {digest_of("a", 1), 48213, NULL}, .rows = digest_of("rows", 4), .n_rows = 1800,
		.rows_from_ms = 1000, .rows_to_ms = 2000, .known = true, .verdict = VERDICT_FAIL,
		.verdict_key = digest_of("key", 3), .subject = digest_of("s", 1),
		.incumbent = digest_of("i", 1), .gate = digest_of("g", 1)};
	const char *train = result_text(fixture, &result, false);
	const char *test = result_text(fixture, &result, true);
	struct run_result back;
	struct err err = {0};

	assert_int_equal(run_result_decode(train, strlen(train), test, strlen(test), &fixture->arena,
	                                   &back, &err), 0);
	assert_true(digest_same(back.run, result.run));
	assert_int_equal(back.train, RUN_SUCCEEDED);
	assert_int_equal(back.evaluate, RUN_FAILED);
	assert_true(back.considered);
	assert_string_equal(back.why, result.why);
	assert_true(digest_same(back.data, result.data));
	assert_true(digest_same(back.artifact.digest, result.artifact.digest));
	assert_int_equal(back.artifact.bytes, 48213);
	assert_true(digest_same(back.rows, result.rows));
	assert_int_equal(back.n_rows, 1800);
	assert_int_equal(back.rows_to_ms, 2000);
	assert_true(back.known);
	assert_int_equal(back.verdict, VERDICT_FAIL);
	assert_true(digest_same(back.verdict_key, result.verdict_key));
	assert_true(digest_same(back.subject, result.subject));
	assert_true(digest_same(back.incumbent, result.incumbent));
	assert_true(digest_same(back.gate, result.gate));
	assert_string_equal(back.evidence->incumbent, "v2");
	assert_true(back.evidence->serving.latency_p95_ms == 1.484);
	assert_string_equal(back.evidence->entries[0].why, "too low");

	assert_int_equal(run_result_decode(train, strlen(train), NULL, 0, &fixture->arena, &back, &err),
	                 0);
	assert_int_equal(back.evaluate, RUN_NONE);
	assert_int_equal(back.verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(run_result_decode(NULL, 0, test, strlen(test), &fixture->arena, &back, &err),
	                 0);
	assert_int_equal(back.train, RUN_NONE);
	assert_int_equal(run_result_decode(NULL, 0, NULL, 0, &fixture->arena, &back, &err), 0);
	assert_int_equal(back.train, RUN_NONE);
	assert_int_equal(back.artifact.bytes, -1);
}

/* Half a file, another run's file or an unfinished one is no result (never a PASS). */
static void damaged_run_results(void **state)
{
	struct fixture *fixture = *state;
	struct run_result one = {.run = digest_of("1", 1), .train = RUN_SUCCEEDED,
	                         .evaluate = RUN_SUCCEEDED, .verdict = VERDICT_PASS};
	struct run_result two = one, active = one;
	const char *train = result_text(fixture, &one, false), *test = result_text(fixture, &one, true);
	struct run_result out = {.n_rows = 4711};
	const char *other, *unfinished;
	struct err err = {0};

	two.run = digest_of("2", 1);
	other = result_text(fixture, &two, true);
	active.evaluate = RUN_ACTIVE;
	unfinished = result_text(fixture, &active, true);
	for (size_t len = 1; len < strlen(test); len++)
		assert_int_equal(run_result_decode(train, strlen(train), test, len, &fixture->arena, &out,
		                                   &err), -1);
	assert_int_equal(run_result_decode(train, strlen(train), other, strlen(other), &fixture->arena,
	                                   &out, &err), -1);
	assert_int_equal(run_result_decode(train, strlen(train), unfinished, strlen(unfinished),
	                                   &fixture->arena, &out, &err), -1);
	assert_int_equal(out.n_rows, 4711);
}

/* ---- paths and README.md ---- */

static void status_paths(void **state)
{
	struct arena *arena = &((struct fixture *)*state)->arena;
	char *sharded = status_path(arena, "prod", "risk", true);

	assert_string_equal(status_path(arena, "prod", "risk", false), "status/prod/risk.yaml");
	assert_string_equal(status_path(arena, NULL, "risk", false), "status/models/risk.yaml");
	assert_int_equal(strlen(sharded), strlen("status/prod/xx/risk.yaml"));
	assert_string_equal(sharded + strlen("status/prod/xx"), "/risk.yaml");
	assert_string_equal(status_path(arena, "prod", "risk", true), sharded);
}

static void readme(void **state)
{
	struct digest stable = digest_of("stable", 6), candidate = digest_of("candidate", 9);
	struct revision revisions[] = {{.digest = stable, .version = "v2"},
	                               {.digest = candidate, .version = "v3"}};
	struct deployment_status canary = {
		.phase = PHASE_CANARY, .phase_since_ms = INT64_C(1782950400000), .revisions = revisions,
		.n_revisions = 2, .stable = stable, .candidate = candidate, .stable_weight = 0.75,
		.candidate_weight = 0.25, .message = "v3 at 25 %, step 2 of 3 | <b>bold</b>\nnext"};
	struct deployment_status idle = {.phase = PHASE_STEADY, .phase_since_ms = -1};
	struct readme_row rows[] = {{"production", "deployment-risk", &canary},
	                            {"staging", "deployment-risk", &idle}};
	struct buf text;

	buf_init(&text, 1 << 16);
	readme_encode(&text, rows, ARRAY_LEN(rows));
	assert_golden(*state, GOLDEN "README.md.txt", buf_text(&text));
	buf_clear(&text);
	readme_encode(&text, NULL, 0);
	assert_non_null(strstr(buf_text(&text), "No deployment is declared."));
	buf_deinit(&text);
}

/* ---- The one line ---- */

#define DEPLOYMENT_OF(environment, spec) \
	"apiVersion: linnet.dev/v1alpha1\nkind: ModelDeployment\n" \
	"metadata: {name: risk, namespace: " environment "}\n" spec

static const struct edit_case {
	const char *before, *version, *after; /* after NULL: an error that says `why` */
	const char *why;
} edit_cases[] = {
	{DEPLOYMENT_OF("prod", "spec:\n  model: risk\n  version: v2   # the one line\n  replicas: 2\n"),
	 "v3",
	 DEPLOYMENT_OF("prod", "spec:\n  model: risk\n  version: v3   # the one line\n  replicas: 2\n"),
	 NULL},
	{DEPLOYMENT_OF("prod", "spec:\n    version: none\n    model: risk\n"), "v10",
	 DEPLOYMENT_OF("prod", "spec:\n    version: v10\n    model: risk\n"), NULL},
	{DEPLOYMENT_OF("prod", "spec: {model: risk, version: v2, replicas: 2}\n"), NULL,
	 DEPLOYMENT_OF("prod", "spec: {model: risk, version: none, replicas: 2}\n"), NULL},
	{DEPLOYMENT_OF("prod", "spec: {model: risk, version: \"v2\"}\n"), "v3",
	 DEPLOYMENT_OF("prod", "spec: {model: risk, version: \"v3\"}\n"), NULL},
	{"# first\n" DEPLOYMENT_OF("staging", "spec: {model: risk, version: v2}\n") "---\n# second\n"
	 DEPLOYMENT_OF("prod", "spec: {model: risk, version: v2}\n") "---\nkind: other\n", "v3",
	 "# first\n" DEPLOYMENT_OF("staging", "spec: {model: risk, version: v2}\n") "---\n# second\n"
	 DEPLOYMENT_OF("prod", "spec: {model: risk, version: v3}\n") "---\nkind: other\n", NULL},
	{DEPLOYMENT_OF("prod", "spec:\r\n  model: risk\r\n  version: v2\r\n"), "v3",
	 DEPLOYMENT_OF("prod", "spec:\r\n  model: risk\r\n  version: v3\r\n"), NULL},
	{DEPLOYMENT_OF("prod", "spec: {model: risk, version: v2}"), "v2",
	 DEPLOYMENT_OF("prod", "spec: {model: risk, version: v2}"), NULL},
	{DEPLOYMENT_OF("prod", "spec: {model: risk}\n"), "v3", NULL,
	 "f.yaml:1: ModelDeployment 'prod/risk' has no version line; add 'version: none' under spec"},
	{DEPLOYMENT_OF("staging", "spec: {model: risk, version: v2}\n"), "v3", NULL,
	 "f.yaml: does not declare ModelDeployment 'prod/risk'"},
	{DEPLOYMENT_OF("prod", "spec: {version: v1}\n") "---\n"
	 DEPLOYMENT_OF("prod", "spec: {version: v2}\n"), "v3", NULL,
	 "f.yaml:6: ModelDeployment 'prod/risk' is declared twice; keep one of them"},
	{"a: [\n", "v3", NULL, "f.yaml:2:1: "},
};

static void edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(edit_cases); i++) {
		const struct edit_case *c = &edit_cases[i];
		struct err err = {0};
		struct buf out;
		int result;

		buf_init(&out, 1 << 16);
		result = edit_version("f.yaml", c->before, strlen(c->before), "prod", "risk", c->version,
		                      &out, &err);
		if (c->after) {
			if (result < 0)
				fail_msg("case %zu: %s", i, err.text);
			assert_string_equal(buf_text(&out), c->after);
		} else {
			assert_int_equal(result, -1);
			assert_int_equal(out.len, 0);
			if (strncmp(err.text, c->why, strlen(c->why)) != 0)
				fail_msg("case %zu: %s", i, err.text);
		}
		buf_deinit(&out);
	}
}

int main(void)
{
#define WITH_FIXTURE(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(requests),
		WITH_FIXTURE(request_paths),
		WITH_FIXTURE(controller),
		WITH_FIXTURE(run_results),
		WITH_FIXTURE(damaged_run_results),
		WITH_FIXTURE(status_paths),
		WITH_FIXTURE(readme),
		WITH_FIXTURE(edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
