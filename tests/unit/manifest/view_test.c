#include "manifest/fixture.h"

static const struct node *parse(struct fixture *fixture, const struct buf *text)
{
	struct node *node;
	struct err err = {0};

	assert_null(strchr(text->text, '\n')); /* a line of an event stream */
	if (json_parse(text->text, text->len, text->len, &fixture->arena, &node, &err))
		fail_msg("%s: %s", err.text, text->text);
	return node;
}

static void expect(const struct node *root, const char *path, const char *text)
{
	const struct node *node = node_at(root, path);

	if (text ? !node || strcmp(node->text, text) : node != NULL)
		fail_msg("%s is '%s', not '%s'", path, node ? node->text : "absent",
		         text ? text : "absent");
}

static void a_deployment(void **state)
{
	static const char evil[] = "</script>\"\n\\ & <b>\xe2\x9c\x93";
	struct fixture *fixture = *state;
	struct revision revision = {.digest = digest_of("x", 1), .version = "v1", .model = "echo"};
	struct step_spec steps[] = {{.weight = 0.05, .min_requests = 40, .min_duration_ms = 1000},
	                            {.weight = 1, .approval = true}};
	struct rollout_spec rollout = {.steps = steps, .n_steps = 2, .deadline_ms = -1,
	                               .analysis.errors_max = 0.01};
	struct evidence evidence = {.since_ms = 1000, .step_since_ms = 2000};
	struct weight_point trail[] = {{0, 0}, {1000, 0.05}};
	struct label_figures labels = {.label = evil, .numbers = true, .candidate = 1, .stable = 0.4,
	                               .n_candidate = 40, .distance = 0.6, .low = 0.2, .high = 1,
	                               .limit = 0.5};
	struct deployment_status status = {
		.environment = "prod", .name = "echo", .message = evil, .stable = revision.digest,
		.stable_weight = 1, .revisions = &revision, .n_revisions = 1,
	};
	struct deployment_view view = {
		.row = {.environment = "prod", .name = "echo", .phase = PHASE_CANARY, .message = evil,
		        .ready = TRUTH_TRUE, .healthy = TRUTH_UNKNOWN, .stable = {"v1", 0.95, 2}},
		.status = &status, .rollout = &rollout, .evidence = &evidence,
		.candidate = {.requests = 40, .bad = 1, .share = 0.025, .low = 0.001, .high = 0.1,
		              .p95_ms = NAN},
		.stable = {.share = NAN, .low = NAN, .high = NAN, .p95_ms = NAN},
		.at_step = {.share = NAN, .low = NAN, .high = NAN, .p95_ms = NAN},
		.predictions = &labels, .trail = trail, .n_trail = 2,
	};
	const struct node *node;
	struct buf row, whole;

	buf_init(&row, 1 << 20);
	buf_init(&whole, 1 << 20);
	deployment_view_encode(&row, &whole, &view);
	node = parse(fixture, &row);
	expect(node, "message", evil);
	expect(node, "phase", "Canary");
	expect(node, "model", NULL);
	expect(node, "isReady", "True");
	expect(node, "isHealthy", "Unknown");
	expect(node, "stable.weight", "0.95");
	expect(node, "stable.ready", "2");
	expect(node, "candidate.version", NULL);
	node = parse(fixture, &whole);
	expect(node, "deployment.name", "echo");
	expect(node, "rollout.steps[0].minRequests", "40");
	expect(node, "rollout.steps[1].approval", "true");
	expect(node, "rollout.deadlineMs", "-1");
	expect(node, "evidence.times.stepSince", "1970-01-01T00:00:02Z");
	expect(node, "evidence.candidate.high", "0.1");
	expect(node, "evidence.candidate.p95Ms", NULL);
	expect(node, "evidence.stable.share", NULL);
	expect(node, "evidence.predictions.label", evil);
	expect(node, "evidence.predictions.numbers", "true");
	expect(node, "evidence.predictions.distance", "0.6");
	expect(node, "evidence.predictions.candidatePredictions", "40");
	expect(node, "trail[1].weight", "0.05");
	expect(node, "status.live.stable.version", "v1");
	expect(node, "status.rollout.message", evil);
	buf_deinit(&row);
	buf_deinit(&whole);
}

static void a_model(void **state)
{
	struct fixture *fixture = *state;
	struct model_status status = {.name = "echo", .phase = CYCLE_RUNNING, .retry_ms = -1,
	                              .last_finished_ms = -1, .trigger_why = "1,000 new rows"};
	struct model_view view = {
		.row = {.name = "echo", .phase = CYCLE_RUNNING, .highest_version = 3},
		.status = &status,
	};
	const struct node *node;
	struct buf row, whole;

	buf_init(&row, 1 << 20);
	buf_init(&whole, 1 << 20);
	model_view_encode(&row, &whole, &view);
	expect(parse(fixture, &row), "highestVersion", "3");
	node = parse(fixture, &whole);
	expect(node, "model.phase", "Running");
	expect(node, "status.cycle.run.why", "1,000 new rows");
	buf_deinit(&row);
	buf_deinit(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_deployment, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_model, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
