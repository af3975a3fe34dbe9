/* Evidence outlives a restart: what is judged after kill -9 is judged from the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../gate/canary_sim.h"
#include "base/file.h"
#include "base/limits.h"
#include "controller/internal.h"
#include "manifest/manifest.h"
#include "manifest/status.h"

/* As the controller does between two ticks that it did not survive. */
static void restart(struct evidence *evidence, struct arena *arena)
{
	struct evidence back;
	struct err err = {0};
	struct buf text;

	buf_init(&text, LIMIT_STATUS_BYTES);
	evidence_encode(&text, evidence);
	if (evidence_decode(buf_text(&text), text.len, arena, &back, &err))
		fail_msg("%s", err.text);
	buf_deinit(&text);
	*evidence = back;
}

static void same_bits(const struct evidence *a, const struct evidence *b)
{
	assert_memory_equal(a->harm, b->harm, sizeof(a->harm));
	assert_memory_equal(a->below_ratio, b->below_ratio, sizeof(a->below_ratio));
	assert_memory_equal(a->below_level, b->below_level, sizeof(a->below_level));
	assert_memory_equal(a->phi, b->phi, sizeof(a->phi));
	assert_memory_equal(&a->candidate, &b->candidate, sizeof(a->candidate));
	assert_memory_equal(&a->recent, &b->recent, sizeof(a->recent));
	assert_int_equal(a->predicted_numbers, b->predicted_numbers);
	assert_int_equal(a->n_predicted, b->n_predicted);
	for (size_t i = 0; i < a->n_predicted; i++) {
		size_t flat = sizeof(struct predicted) - offsetof(struct predicted, last_candidate);

		assert_string_equal(a->predicted[i].label, b->predicted[i].label);
		assert_memory_equal(&a->predicted[i].last_candidate, &b->predicted[i].last_candidate, flat);
	}
	assert_memory_equal(&a->predicted_ticks, &b->predicted_ticks, sizeof(a->predicted_ticks));
	assert_int_equal(a->predicted_ms, b->predicted_ms);
}

static void a_restart_at_each_tick_changes_no_bit(void **state)
{
	static struct sim steady, restarted;
	struct step_spec step = {.05, 500, 0, 3, false};
	const struct scenario scenario = {"bursts", .005, .bad_candidate = .01, .burst = 3,
	                                  .slower = 1.1, .lost = .05, .batch = 3, .apart = .1};
	struct sim_config config = {.rate = 100, .ticks = 300, .tick_s = 3,
	                            .rollout = {.analysis = sim_analysis(), .steps = &step,
	                                        .n_steps = 1}};
	struct sim *sims[] = {&steady, &restarted};
	struct judgement judgements[2];

	(void)state;
	config.rollout.analysis.predictions_max_distance = .3;
	for (int i = 0; i < 2; i++) {
		arena_init(&sims[i]->arena, (size_t)256 << 20);
		sim_latencies(sims[i], .5);
		sim_begin(sims[i], &scenario, &config, "restart");
	}
	for (int tick = 0; tick < config.ticks; tick++) {
		for (int i = 0; i < 2; i++) {
			sim_traffic(sims[i], config.tick_s, true, 0);
			sim_look(sims[i], true);
		}
		restart(&restarted.evidence, &restarted.arena);
		same_bits(&steady.evidence, &restarted.evidence);
	}
	assert_true(steady.evidence.phi[EVENT_BAD] > 0 && steady.evidence.edges[0] > 0);
	assert_true(steady.evidence.n_predicted == 4 && steady.evidence.predicted[3].squares == 0 &&
	            steady.evidence.predicted[0].squares > 0);
	for (int i = 0; i < 2; i++)
		judgements[i] = gate_canary(&sims[i]->evidence, &config.rollout.analysis, &step,
		                            sims[i]->now_ms, &sims[i]->arena);
	assert_string_equal(judgements[0].why, judgements[1].why);
	for (int i = 0; i < 2; i++)
		arena_deinit(&sims[i]->arena);
}

/* Predicted numbers: the candidate's are all in the middle of their range. */
static void a_restart_at_each_look_changes_no_bit_of_numbers(void **state)
{
	const struct output_spec output = {.type = TENSOR_FP64, .min = -1, .max = 1};
	struct deployment_status history = {.candidate = digest_of("c", 1), .candidate_weight = .05,
	                                    .stable = digest_of("s", 1), .stable_weight = .95};
	struct evidence evidence[2] = {{.revision = history.candidate, .stable = history.stable}};
	struct analysis_spec analysis = sim_analysis();
	struct logged_label counts[2 * NUMBER_LABELS];
	struct observed observed = {.labels = counts, .n_labels = ARRAY_LEN(counts)};
	struct step_spec step = {.05, 1, 0, 3, false};
	struct judgement judgements[2];
	struct strings labels;
	struct random random;
	struct arena arena;

	(void)state;
	arena_init(&arena, (size_t)64 << 20);
	random_init(&random, "numbers");
	labels = output_labels(&output, &arena);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		counts[i] = (struct logged_label){i < labels.n ? history.candidate : history.stable,
		                                  labels.items[i % labels.n], 0};
	evidence[1] = evidence[0];
	for (int look = 0; look < 100; look++) {
		counts[NUMBER_LABELS / 2].rows += 5;
		for (int row = 0; row < 30; row++)
			counts[NUMBER_LABELS + random_below(&random, NUMBER_LABELS)].rows++;
		for (int i = 0; i < 2; i++)
			gate_labels(&evidence[i], &observed, &history, &output, look, &arena);
		restart(&evidence[1], &arena);
		same_bits(&evidence[0], &evidence[1]);
	}
	analysis.predictions_max_distance = .1;
	for (int i = 0; i < 2; i++)
		judgements[i] = gate_canary(&evidence[i], &analysis, &step, 100, &arena);
	assert_non_null(strstr(judgements[0].why, "predicts about 0 in 100 % of cases"));
	assert_string_equal(judgements[0].why, judgements[1].why);
	arena_deinit(&arena);
}

/* Odd text in the place of its numbers is refused, or judged and never a step up. */
static void odd_numbers_never_pass(void **state)
{
	static const char *const odd[] = {"nan", "inf", "-1", "1e308", "-1e308", "1e999", "", "x",
	                                  "0 0"};
	static const char *const keys[] = {"phi", "edges", "belowLevel", "belowRatio", "harm",
	                                   "requests", "bad"};
	struct analysis_spec analysis = sim_analysis();
	struct step_spec step = {.05, 1, 0, 3, false};
	struct arena arena;

	(void)state;
	arena_init(&arena, (size_t)64 << 20);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		for (size_t j = 0; j < ARRAY_LEN(keys); j++) {
			struct evidence evidence;
			struct err err = {0};
			bool inner = j >= 5;
			char *text = arena_printf(&arena, inner ? "{\"candidate\":{\"%s\":\"%s\"}}"
			                                        : "{\"%s\":\"%s\"}", keys[j], odd[i]);
			struct judgement judgement;

			if (evidence_decode(text, strlen(text), &arena, &evidence, &err))
				continue;
			judgement = gate_canary(&evidence, &analysis, &step, SIM_START_MS, &arena);
			assert_int_equal(judgement.not_worse, VERDICT_INCONCLUSIVE);
			assert_non_null(judgement.why);
		}
	arena_deinit(&arena);
}

/* Evidence of so few requests that nothing is shown, as text. */
static void early_evidence(struct buf *out, struct step_spec *step)
{
	static struct sim sim;
	const struct scenario scenario = {"early", .01, .bad_candidate = .01, .batch = 1};
	struct sim_config config = {.rate = 40, .ticks = 60, .tick_s = 3,
	                            .rollout = {.analysis = sim_analysis(), .steps = step,
	                                        .n_steps = 1}};

	arena_init(&sim.arena, (size_t)256 << 20);
	sim_latencies(&sim, .5);
	sim_begin(&sim, &scenario, &config, "early");
	for (int tick = 0; tick < config.ticks; tick++) {
		sim_traffic(&sim, config.tick_s, true, 0);
		sim_look(&sim, true);
	}
	evidence_encode(out, &sim.evidence);
	arena_deinit(&sim.arena);
}

/* `text` with one of its numbers, or a run of its bytes, replaced by something hostile. */
static const char *spoiled(const char *text, struct random *random, struct arena *arena)
{
	static const char *const odd[] = {
		"nan", "inf", "-inf", "-1", "0", "1e308", "-1e308", "1e999", "9223372036854775807",
		"18446744073709551616", "", "0x10", "1 2", "\"", "{", "]", "null"};
	size_t len = strlen(text), at = (size_t)random_below(random, len), end;
	const char *put = odd[random_below(random, ARRAY_LEN(odd))];

	while (at < len && (text[at] < '0' || text[at] > '9'))
		at++;
	while (at > 0 && text[at - 1] != ' ' && text[at - 1] != ':' && text[at - 1] != '"')
		at--;
	end = at + strcspn(text + at, " ,}\"");
	if (random_below(random, 10) == 0)
		end = at + (size_t)random_below(random, len - at + 1);
	return arena_printf(arena, "%.*s%s%s", (int)at, text, put, text + end);
}

/* Spoiled evidence is an error that says what is wrong, or judged; and from what was not enough
 * nobody steps up, however a part of it was changed. */
static void spoiled_evidence_never_steps_up(void **state)
{
	struct analysis_spec analysis = sim_analysis();
	struct step_spec step = {.05, 1, 0, 3, false};
	struct random random;
	struct arena arena;
	struct buf text;
	int judged = 0;

	(void)state;
	buf_init(&text, LIMIT_STATUS_BYTES);
	early_evidence(&text, &step);
	random_init(&random, "spoiled");
	for (int i = 0; i < 3000; i++) {
		struct evidence evidence;
		struct judgement judgement;
		struct err err = {0};
		const char *odd;
		size_t n;

		arena_init(&arena, (size_t)64 << 20);
		odd = i ? spoiled(buf_text(&text), &random, &arena) : buf_text(&text);
		if (evidence_decode(odd, strlen(odd), &arena, &evidence, &err)) {
			assert_true(i > 0 && err.kind == ERR_STALLED && err.text[0]);
		} else {
			analysis.predictions_max_distance = i % 2 ? NAN : .25;
			judgement = gate_canary(&evidence, &analysis, &step, INT64_MAX, &arena);
			if (judgement.not_worse == VERDICT_PASS)
				fail_msg("%s: %s", judgement.why, odd);
			assert_non_null(judgement.why);
			gate_findings(&evidence, &analysis, &arena, &n);
			assert_int_equal(n, i % 2 ? 2 : 3);
			judged++;
		}
		arena_deinit(&arena);
	}
	assert_in_range(judged, 200, 2900);
	buf_deinit(&text);
}

/* Every list of the evidence: one that is new has to be filled here too. */
static void fill_lists(struct evidence *evidence, struct arena *arena)
{
	evidence->marks = arena_array(arena, evidence->n_marks = 2, struct mark);
	evidence->predicted = arena_array(arena, evidence->n_predicted = 2, struct predicted);
	evidence->watched = arena_array(arena, evidence->n_watched = 2, struct watched);
	for (int i = 0; i < 2; i++) {
		evidence->marks[i] = (struct mark){.revision = digest_of("c", 1), .slot = i + 5};
		evidence->predicted[i] = (struct predicted){.label = arena_printf(arena, "label %d", i),
		                                            .candidate = 7};
		evidence->watched[i] = (struct watched){.name = arena_printf(arena, "metric %d", i),
		                                        .above = 2};
	}
	for (size_t i = 0; i < evidence_record.n; i++)
		if (evidence_record.fields[i].type == FIELD_LIST)
			assert_int_equal(*(const size_t *)((const char *)evidence +
			                                   evidence_record.fields[i].count_offset), 2);
}

/* A controller with nothing but a state folder, whose name takes the place of the pattern. */
static void begin(struct controller *c, char *folder)
{
	assert_non_null(mkdtemp(folder));
	c->config.state_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	arena_init(&c->arena, (size_t)1 << 20);
}

static void end(struct controller *c, const char *folder)
{
	struct err err = {0};

	assert_int_equal(dir_remove_all(c->config.state_fd, "evidence", &err), 0);
	close(c->config.state_fd);
	assert_int_equal(rmdir(folder), 0);
	arena_deinit(&c->arena);
}

/* What is kept from one pass to the next must not point into the pass: a copy that shares a list
 * shows when the pass's memory is used again. */
static void what_is_kept_is_its_own(void **state)
{
	struct key key = {.id = "deployment/prod/risk", .environment = "prod", .name = "risk"};
	struct evidence evidence = {.revision = digest_of("c", 1), .stable = digest_of("s", 1)};
	struct evidence kept, decided;
	struct task task = {.key = &key};
	struct controller c = {0};
	struct arena pass;
	struct buf before, after;
	char folder[] = "/tmp/linnet-evidence-XXXXXX";

	(void)state;
	begin(&c, folder);
	arena_init(&pass, (size_t)1 << 20);
	fill_lists(&evidence, &pass);
	buf_init(&before, LIMIT_STATUS_BYTES);
	buf_init(&after, LIMIT_STATUS_BYTES);
	evidence_encode(&before, &evidence);
	evidence_load(&c, &key, &kept); /* nothing yet */
	task.evidence = evidence;
	evidence_save(&c, &task);
	memset(evidence.marks, 0x5a, 2 * sizeof(struct mark));
	memset(evidence.watched, 0x5a, 2 * sizeof(struct watched));
	memset(evidence.predicted, 0x5a, 2 * sizeof(struct predicted));
	arena_deinit(&pass);
	evidence_load(&c, &key, &kept);
	evidence_encode(&after, &kept);
	assert_string_equal(buf_text(&before), buf_text(&after));
	task.evidence = decided = kept; /* what was decided is recorded after the next save */
	task.evidence.step++;
	evidence_save(&c, &task);
	buf_clear(&after);
	evidence_encode(&after, &decided);
	assert_string_equal(buf_text(&before), buf_text(&after));
	buf_deinit(&before);
	buf_deinit(&after);
	evidence_forget(&c, &key);
	end(&c, folder);
}

static void pass_saves(struct controller *c, struct key *key, struct evidence *evidence)
{
	struct task task = {.key = key, .evidence = *evidence};

	evidence_save(c, &task);
	evidence_load(c, key, evidence);
}

/* What was learnt of the stable revision is there when a rollout begins; a file of it only then. */
static void what_is_known_in_rest_is_kept(void **state)
{
	struct key key = {.id = "deployment/prod/risk", .environment = "prod", .name = "risk"};
	struct evidence evidence = {.phi = {2}, .recent = {.requests = 70}};
	struct controller c = {0};
	char folder[] = "/tmp/linnet-evidence-XXXXXX";

	(void)state;
	begin(&c, folder);
	pass_saves(&c, &key, &evidence);
	assert_true(evidence.phi[0] > 1 && evidence.recent.requests > 69);
	assert_int_equal(faccessat(c.config.state_fd, "evidence", F_OK, 0), -1);
	snprintf(evidence.revision.hex, sizeof(evidence.revision.hex), "%064d", 7);
	pass_saves(&c, &key, &evidence);
	assert_int_equal(faccessat(c.config.state_fd, "evidence/prod/risk.json", F_OK, 0), 0);
	evidence.revision = (struct digest){""};
	pass_saves(&c, &key, &evidence);
	assert_true(evidence.phi[0] > 1 && evidence.recent.requests > 69);
	assert_int_equal(faccessat(c.config.state_fd, "evidence/prod/risk.json", F_OK, 0), -1);
	evidence_forget(&c, &key);
	end(&c, folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_at_each_tick_changes_no_bit),
		cmocka_unit_test(a_restart_at_each_look_changes_no_bit_of_numbers),
		cmocka_unit_test(odd_numbers_never_pass),
		cmocka_unit_test(spoiled_evidence_never_steps_up),
		cmocka_unit_test(what_is_kept_is_its_own),
		cmocka_unit_test(what_is_known_in_rest_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
