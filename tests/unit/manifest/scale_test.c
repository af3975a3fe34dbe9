/* What the index costs: 2,000 files as a test, `LINNET_SCALE=100000` as a bench. Each file is one
 * object of about 1.2 KB, as people lay a fleet out; a tenth are models, half are versions. */
#include <malloc.h>
#include <time.h>

#include "manifest/fixture.h"

#if defined(__SANITIZE_ADDRESS__)
#define COUNTS_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS_MEMORY 0
#endif
#endif
#ifndef COUNTS_MEMORY
#define COUNTS_MEMORY 1
#endif

static const char padding[] =
	"# Owned by the platform team; see the run book before a change. ......................\n"
	"# Reviewed each quarter; the figures are those of the last capacity test. ............\n"
	"# A rollback is one weight change while the previous revision is kept warm. ..........\n";

static const char model_spec[] =
	"spec:\n  interface:\n    inputs:\n"
	"      - {name: files_changed, type: INT64, min: 0, max: 100000}\n"
	"      - {name: environment, type: BYTES, values: [dev, staging, prod]}\n"
	"      - {name: team, type: BYTES}\n"
	"    output: {name: risk_level, type: BYTES, classes: [Low, Medium, High]}\n"
	"  data: {uri: file:rows.csv, label: risk_level, time: deployed_at, window: 180d}\n"
	"  train:\n    command: [python3, train.py]\n    source: apps/risk\n"
	"    candidates: [{name: tree-5, params: {depth: 5}}, {name: tree-10, params: {depth: 10}}]\n"
	"    split: {train: 70%, validation: 15%, test: 15%, by: time}\n"
	"  serve: {command: [python3, serve.py], source: apps/risk}\n"
	"  triggers: [{newRows: 1000}, {schedule: \"0 3 * * 1\"}]\n"
	"  gates: {policy: standard, require: [{metric: accuracy, min: 87%}]}\n";

static const char version_spec[] =
	"  artifact: {digest: \"sha256:"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", bytes: 48213}\n"
	"  serve: {command: [python3, serve.py], source: apps/risk,"
	" tree: \"9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c\"}\n"
	"  lineage:\n    trigger: {kind: newRows, why: \"1,000 new rows\"}\n"
	"    data: {rows: 12000, from: 2026-01-01T00:00:00Z, to: 2026-06-30T00:00:00Z}\n"
	"    split: {train: 8400, validation: 1800, test: 1800}\n"
	"    params: {algorithm: tree, depth: 10}\n    parent: v2\n    run: 7f3a91\n"
	"    startedAt: 2026-07-01T03:00:00Z\n    finishedAt: 2026-07-01T03:04:05Z\n"
	"  metrics: {validation: {accuracy: 89.0%}, test: {accuracy: 90.0%}}\n"
	"  golden: {digest: \"sha256:"
	"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\", rows: 64}\n";

static const char deployment_spec[] =
	"  replicas: 2\n  resources: {cpu: 500m, memory: 512Mi}\n"
	"  env: [{name: LOG_LEVEL, value: info}, {name: API_KEY, secret: {name: keys, key: api}}]\n"
	"  rollout:\n    steps:\n"
	"      - {weight: 5%,  minRequests: 500, minDuration: 10m, maxErrorRatio: 3}\n"
	"      - {weight: 25%, minRequests: 500, minDuration: 10m, maxErrorRatio: 1.5}\n"
	"      - {weight: 100%}\n"
	"    analysis: {errors: {max: 1%, margin: 0.1%}, latency: {margin: 10%}}\n"
	"    deadline: 24h\n    keepPrevious: 30m\n"
	"  monitor: {log: true, drift: {window: 24h}}\n"
	"  alerts: [{name: Drop, when: \"accuracy < 0.75\", for: 10m, action: page}]\n";

#define HEAD "apiVersion: linnet.dev/v1alpha1\nkind: "
static const char platform[] =
	HEAD "GatePolicy\nmetadata: {name: standard}\n---\n"
	HEAD "Environment\nmetadata: {name: env-6}\n---\n"
	HEAD "Environment\nmetadata: {name: env-7}\n---\n"
	HEAD "Environment\nmetadata: {name: env-8}\n---\n"
	HEAD "Environment\nmetadata: {name: env-9}\n";
enum { PLATFORM = INT32_MAX };

/* File i of a model's ten: the model, five versions, four deployments. */
static size_t make_file(int i, char *path, size_t path_size, char *text, size_t text_size)
{
	int model = i / 10, part = i % 10;

	if (i == PLATFORM) {
		snprintf(path, path_size, "platform.yaml");
		return (size_t)snprintf(text, text_size, "%s", platform);
	}
	snprintf(path, path_size, "models/team-%d/model-%d/%d.yaml", model % 37, model, part);
	if (part == 0)
		return (size_t)snprintf(text, text_size, "%s" HEAD "Model\nmetadata: {name: model-%d}\n%s",
		                        padding, model, model_spec);
	if (part < 6)
		return (size_t)snprintf(text, text_size,
		                        "%s" HEAD "ModelVersion\nmetadata: {name: model-%d-v%d}\nspec:\n"
		                        "  model: model-%d\n  version: v%d\n%s",
		                        padding, model, part, model, part, version_spec);
	return (size_t)snprintf(text, text_size,
	                        "%s" HEAD "ModelDeployment\n"
	                        "metadata: {name: model-%d, namespace: env-%d}\n"
	                        "spec:\n  model: model-%d\n  version: v%d\n%s",
	                        padding, model, part, model, part - 5, deployment_spec);
}

/* The blob of file i is its number, so that the "object store" is the generator. */
static int generate(void *self, struct oid blob, struct arena *arena, struct bytes *out,
                    struct err *err)
{
	char path[128], *text = arena_alloc(arena, 4096);
	int64_t i;

	(void)self;
	if (parse_int(blob.hex, 0, INT32_MAX, &i, err) < 0)
		return -1;
	*out = (struct bytes){text, make_file((int)i, path, sizeof(path), text, 4096)};
	return 0;
}

static size_t put_file(struct fleet *fleet, int i, struct map *dirty)
{
	char path[128], text[4096];
	size_t len = make_file(i, path, sizeof(path), text, sizeof(text));
	struct oid blob;

	snprintf(blob.hex, sizeof(blob.hex), "%040d", i);
	fleet_put(fleet, path, blob, text, len, dirty);
	return len;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static size_t memory_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* There is nothing to complain of; then one deployment of each model is resolved. */
static void look_at_all(struct fleet *fleet, int64_t n, struct arena *arena)
{
	struct diagnostics diagnostics = {0};
	struct desired_deployment desired;
	double started = seconds();
	struct arena pass;

	fleet_diagnose(fleet, generate, NULL, NULL, arena, &diagnostics);
	print_message("all diagnosed: %.3f s\n", seconds() - started);
	if (diagnostics.n > 0)
		fail_msg("%s", diagnostics.items[0].message);
	arena_init(&pass, 1 << 24);
	started = seconds();
	for (int i = 0; i < n / 10; i++) {
		arena_reset(&pass);
		fleet_desired(fleet, "env-6", arena_printf(&pass, "model-%d", i), "c", generate, NULL,
		              &pass, &desired);
		assert_null(desired.problem);
		assert_non_null(desired.version);
	}
	print_message("one resolved: %.0f us\n", (seconds() - started) / (double)(n / 10) * 1e6);
	arena_deinit(&pass);
}

static void index_of_many_files(void **state)
{
	const char *wanted = getenv("LINNET_SCALE");
	struct err err = {0};
	int64_t n = 2000, bytes = 0;
	size_t before = memory_in_use(), used;
	struct fleet *fleet = fleet_new();
	struct map dirty = {0};
	double started = seconds();
	const char **names;
	struct arena arena;

	(void)state;
	if (wanted)
		assert_int_equal(parse_int(wanted, 10, 10000000, &n, &err), 0);
	bytes += (int64_t)put_file(fleet, PLATFORM, &dirty);
	for (int i = 0; i < n; i++) {
		bytes += (int64_t)put_file(fleet, i, &dirty);
		if (i % 1000 == 999)
			map_deinit(&dirty);
	}
	map_deinit(&dirty);
	started = seconds() - started;
	used = memory_in_use() - before;
	print_message("%lld files of %lld bytes: %.3f s, %.0f us and %.0f bytes a file\n", (long long)n,
	              (long long)(bytes / n), started, started / (double)n * 1e6,
	              (double)used / (double)n);
	arena_init(&arena, 1 << 28);
	look_at_all(fleet, n, &arena);
	assert_int_equal(fleet_list(fleet, KIND_MODEL_DEPLOYMENT, &arena, &names), n / 10 * 4);
	assert_int_equal(fleet_versions_of(fleet, "model-7", &arena, &names), 5);
	if (COUNTS_MEMORY)
		assert_true(used / (size_t)n < 600);
	arena_deinit(&arena);
	fleet_free(fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(index_of_many_files)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
