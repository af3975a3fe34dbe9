/* Whatever stands where the evidence of a rollout should be: an error that says what is wrong, or
 * evidence that is written and read back as it is, and that every judge answers, also after another
 * look at traffic. Run by hack/fuzz. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "gate/gate.h"
#include "manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const classes[] = {"Low", "High"};

static void fuzz_judge(const struct evidence *evidence, struct arena *arena)
{
	const struct analysis_spec analysis = {
		.false_rollback = .01, .errors_max = .01, .errors_margin = .001, .latency_margin = .1,
		.latency_floor_ms = 5, .predictions_max_distance = .25, .no_data_deadline_ms = 1800000,
	};
	const struct step_spec step = {.05, 100, 1000, 3, false};
	struct judgement judgement;
	struct finding *findings;
	size_t n;

	judgement = gate_canary(evidence, &analysis, &step, 1782896400000, arena);
	assert(judgement.why && judgement.why[0]);
	assert(judgement.harm != VERDICT_FAIL || judgement.not_worse != VERDICT_PASS);
	judgement = gate_alone(evidence, &evidence->stable_arm, &analysis, 1782896400000, arena);
	assert(judgement.why && judgement.why[0]);
	findings = gate_findings(evidence, &analysis, arena, &n);
	assert(n == 3 && findings[2].metric[0] == 'p');
}

/* One more look, as if it were about the candidate and the stable revision of the evidence. */
static void fuzz_look(struct evidence *evidence, struct arena *arena)
{
	struct deployment_status history = {
		.candidate = evidence->revision, .stable = evidence->stable, .step = evidence->step,
		.candidate_weight = .05, .stable_weight = .95, .phase_since_ms = evidence->step_since_ms,
	};
	struct replica replicas[] = {
		{.revision = evidence->revision, .state = REPLICA_READY, .counters = {900, 9, {0}}},
		{.revision = evidence->stable, .state = REPLICA_READY, .counters = {9000, 90, {0}}},
	};
	struct logged_label labels[] = {
		{evidence->revision, "Low", 500}, {evidence->stable, "High", 1 << 20},
		{evidence->revision, "0.5", 70}, {evidence->stable, "1", 5000},
	};
	struct observed observed = {.known = true, .replicas = replicas, .n_replicas = 2,
	                            .labels = labels, .n_labels = 4};
	struct rollout_spec rollout = {.analysis = {.errors_max = .01, .latency_margin = .1}};
	struct output_spec output = {.max = 1};

	if (!evidence->predicted_numbers)
		output.classes = (struct strings){(const char **)(uintptr_t)classes, 2};
	gate_fold(evidence, &observed, &history, &rollout, 1782896400000, arena);
	gate_labels(evidence, &observed, &history, &output, 1782896400000, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evidence evidence, again;
	struct buf first, second;
	struct err err = {0};
	struct arena arena;

	arena_init(&arena, (size_t)1 << 30);
	buf_init(&first, 16 << 20);
	buf_init(&second, 16 << 20);
	if (evidence_decode((const char *)data, size, &arena, &evidence, &err)) {
		assert(err.kind == ERR_STALLED && *err.text);
	} else {
		evidence_encode(&first, &evidence);
		assert(first.len > LIMIT_STATUS_BYTES ||
		       evidence_decode(buf_text(&first), first.len, &arena, &again, &err) == 0);
		if (first.len <= LIMIT_STATUS_BYTES) {
			evidence_encode(&second, &again);
			assert(strcmp(buf_text(&first), buf_text(&second)) == 0);
		}
		fuzz_judge(&evidence, &arena);
		fuzz_look(&evidence, &arena);
		fuzz_judge(&evidence, &arena);
	}
	buf_deinit(&first);
	buf_deinit(&second);
	arena_deinit(&arena);
	return 0;
}
