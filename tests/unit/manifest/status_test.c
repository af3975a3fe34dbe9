#include <inttypes.h>
#include <math.h>

#include "manifest/fixture.h"

/* ---- Random values of every member, from a seed ---- */

struct generator {
	struct arena *arena;
	uint64_t seed;
};

static uint64_t next_random(struct generator *g)
{
	g->seed ^= g->seed >> 12;
	g->seed ^= g->seed << 25;
	g->seed ^= g->seed >> 27;
	return g->seed * UINT64_C(2685821657736338717);
}

static uint64_t below(struct generator *g, uint64_t n)
{
	return next_random(g) % n;
}

static const char *any_text(struct generator *g)
{
	static const char *const texts[] = {
		NULL, "", "v2", "true", "none", "1.50", "0x1f", "~", "null", "- a", "a: b", "# no comment",
		"errors 2.1 % against 0.4 %", "it's \"quoted\"", "two\nlines\n", "\ttab", " space ",
		"ümläut → 模型",
		"{flow}", "[1, 2]", "&anchor", "*alias", "!tag", "2026-01-01T00:00:00Z",
		"sha256:abc", "12345678901234567890", "%", "@x", "`", "---", "...", "a\\b", "\x7f", "<<",
	};
	char *text;

	if (below(g, 3) > 0)
		return texts[below(g, ARRAY_LEN(texts))];
	text = arena_alloc(g->arena, 40);
	for (size_t i = 0, n = below(g, 39); i < n; i++)
		text[i] = (char)(' ' + below(g, 95));
	return text;
}

static const char *a_name(struct generator *g)
{
	return arena_printf(g->arena, "n%" PRIu64, below(g, 1000));
}

/* Few of them, so that lists name each other's; some share their first ten digits. */
static struct digest a_digest(struct generator *g)
{
	struct digest digest = {{0}};
	uint64_t which = below(g, 8);

	for (size_t i = 0; which > 0 && i < 64; i++)
		digest.hex[i] = "0123456789abcdef"[(which > 2 && i < 12 ? i : i * which + which) % 16];
	return digest;
}

static int64_t a_time(struct generator *g)
{
	return below(g, 4) == 0 ? -1 : (int64_t)below(g, INT64_C(4000000000000));
}

static int64_t a_count(struct generator *g)
{
	return (int64_t)(next_random(g) >> (1 + below(g, 63)));
}

static double a_share(struct generator *g)
{
	static const double some[] = {0, 1, 0.05, 0.25, 0.75, 0.1, 1.0 / 3, 0.07, 1e-9};

	return below(g, 2) ? some[below(g, ARRAY_LEN(some))]
	                   : (double)(next_random(g) >> 11) / (double)(UINT64_C(1) << 53);
}

static void fill_arm(struct generator *g, struct arm *arm)
{
	arm->requests = (uint64_t)a_count(g);
	arm->bad = (uint64_t)a_count(g);
	for (size_t i = 0, n = below(g, 12); i < n; i++)
		arm->latency[below(g, LATENCY_BINS)] = (uint64_t)a_count(g);
}

static void fill_strings(struct generator *g, struct strings *strings)
{
	for (size_t i = 0, n = below(g, 4); i < n; i++) {
		const char *text = any_text(g);

		*list_push(g->arena, &strings->items, &strings->n) = text ? text : "x";
	}
}

static void fill_artifact(struct generator *g, struct artifact_ref *artifact)
{
	artifact->digest = a_digest(g);
	artifact->bytes = (int64_t)below(g, 1000000) - 1;
	artifact->uri = any_text(g);
}

static void fill_env(struct generator *g, struct env_var *env)
{
	env->name = a_name(g);
	if (below(g, 2)) {
		env->secret_name = a_name(g);
		env->secret_key = a_name(g);
	} else {
		env->value = any_text(g);
	}
}

/* Digests of the list are distinct, as those of a status are. */
static void fill_revisions(struct generator *g, struct deployment_status *status)
{
	for (size_t i = 0, n = below(g, 5); i < n; i++) {
		struct digest digest = a_digest(g);
		struct revision *revision;

		if (!digest.hex[0] || status_revision(status, digest))
			continue;
		revision = list_push(g->arena, &status->revisions, &status->n_revisions);
		revision->digest = digest;
		revision->model = any_text(g);
		revision->version = any_text(g);
		fill_artifact(g, &revision->artifact);
		fill_strings(g, &revision->serve.command);
		revision->serve.source = any_text(g);
		revision->serve.tree = any_text(g);
		revision->serve.image = any_text(g);
		for (size_t k = 0, n_env = below(g, 3); k < n_env; k++)
			fill_env(g, list_push(g->arena, &revision->env, &revision->n_env));
		revision->cpu_millis = (int64_t)below(g, 5000) - 1;
		revision->memory_bytes = (int64_t)below(g, 1 << 30) - 1;
		revision->commit = any_text(g);
	}
}

static void fill_conditions(struct generator *g, struct condition *conditions, bool *has)
{
	for (int type = 0; type < CONDITION_TYPES; type++) {
		has[type] = below(g, 2);
		if (has[type])
			conditions[type] = (struct condition){
				.type = (enum condition_type)type, .status = (enum truth)below(g, TRUTHS),
				.reason = any_text(g), .message = any_text(g), .since_ms = a_time(g)};
	}
}

static void fill_proposals(struct generator *g, struct proposal **items, size_t *n)
{
	for (size_t i = 0, count = below(g, 4); i < count; i++)
		*list_push(g->arena, items, n) = (struct proposal){
			.digest = a_digest(g), .terms = a_digest(g), .target = any_text(g),
			.version = any_text(g),
			.branch = any_text(g),
			.commit = any_text(g), .outcome = (enum proposal_state)below(g, PROPOSAL_STATES),
			.why = any_text(g), .at_ms = a_time(g)};
}

static void fill_history(struct generator *g, struct transition **items, size_t *n)
{
	for (size_t i = 0, count = below(g, 5); i < count; i++)
		*list_push(g->arena, items, n) =
			(struct transition){.at_ms = a_time(g), .what = any_text(g), .why = any_text(g)};
}

static void fill_lists(struct generator *g, struct deployment_status *s)
{
	for (size_t i = 0, n = below(g, 4); i < n; i++)
		*list_push(g->arena, &s->promoted, &s->n_promoted) = (struct promoted){
			.revision = a_digest(g), .version = any_text(g), .commit = any_text(g),
			.at_ms = a_time(g)};
	for (size_t i = 0, n = below(g, 4); i < n; i++)
		*list_push(g->arena, &s->quarantine, &s->n_quarantine) = (struct quarantined){
			.revision = a_digest(g), .version = any_text(g), .reason = any_text(g),
			.commit = any_text(g), .at_ms = a_time(g)};
	for (size_t i = 0, n = below(g, 4); i < n; i++)
		*list_push(g->arena, &s->approvals, &s->n_approvals) = (struct approval){
			.by = any_text(g), .evidence = any_text(g), .commit = any_text(g),
			.revision = a_digest(g), .gate = a_digest(g), .expires_ms = a_time(g),
			.at_ms = a_time(g)};
	for (size_t i = 0, n = below(g, 4); i < n; i++)
		*list_push(g->arena, &s->admitted, &s->n_admitted) = (struct admission){
			.revision = a_digest(g), .result = (enum verdict_result)below(g, VERDICT_RESULTS),
			.why = any_text(g), .at_ms = a_time(g)};
	fill_proposals(g, &s->proposed, &s->n_proposed);
	fill_history(g, &s->history, &s->n_history);
}

static void fill_numbers(struct generator *g, void *out, size_t bytes)
{
	double *numbers = out;

	for (size_t i = 0; i < bytes / sizeof(*numbers); i++)
		numbers[i] = (a_share(g) - 0.5) * 1000;
}
#define FILL_NUMBERS(g, member) fill_numbers(g, &(member), sizeof(member))

static struct evidence random_evidence(struct generator *g)
{
	struct evidence e = {.revision = a_digest(g), .stable = a_digest(g),
	                     .step = (int)below(g, 22) - 1, .since_ms = a_time(g),
	                     .step_since_ms = a_time(g), .last_data_ms = a_time(g)};

	e.judged_ms = e.recent_since_ms = e.window_since_ms = a_time(g);
	FILL_NUMBERS(g, e.harm);
	FILL_NUMBERS(g, e.below_ratio);
	FILL_NUMBERS(g, e.below_level);
	if (below(g, 2))
		FILL_NUMBERS(g, e.edges);
	FILL_NUMBERS(g, e.phi);
	fill_arm(g, &e.recent);
	fill_arm(g, &e.candidate);
	fill_arm(g, &e.stable_arm);
	fill_arm(g, &e.at_step);
	if (below(g, 2))
		fill_arm(g, &e.stable_at_step);
	for (size_t i = 0, n = below(g, 4); i < n; i++) {
		*list_push(g->arena, &e.predicted, &e.n_predicted) = (struct predicted){
			.label = i ? a_name(g) : "",
			.last_candidate = below(g, 99), .last_stable = below(g, 99),
			.candidate = below(g, 99), .stable = below(g, 99), .candidate_at_step = below(g, 99),
			.stable_at_step = below(g, 99)};
		FILL_NUMBERS(g, e.predicted[i].squares);
	}
	e.predicted_numbers = below(g, 2);
	FILL_NUMBERS(g, e.predicted_ticks);
	e.predicted_ms = a_time(g);
	for (size_t i = 0, n = below(g, 3); i < n; i++)
		*list_push(g->arena, &e.watched, &e.n_watched) = (struct watched){
			.name = a_name(g), .asked_ms = a_time(g), .seen_ms = a_time(g), .value = a_share(g),
			.above = (int64_t)below(g, 5)};
	for (size_t i = 0, n = below(g, 4); i < n; i++) {
		struct mark *mark = list_push(g->arena, &e.marks, &e.n_marks);
		struct arm last = {0};

		mark->revision = a_digest(g);
		mark->slot = (int)below(g, 64);
		mark->started_ms = a_time(g);
		FILL_NUMBERS(g, mark->open_n);
		FILL_NUMBERS(g, mark->open_x);
		FILL_NUMBERS(g, mark->spread);
		fill_arm(g, &last);
		mark->last.requests = last.requests;
		mark->last.bad = last.bad;
		memcpy(mark->last.latency, last.latency, sizeof(last.latency));
	}
	return e;
}

static struct deployment_status random_status(struct generator *g)
{
	struct deployment_status s = {
		.environment = a_name(g), .name = a_name(g), .observed_commit = any_text(g),
		.observed_manifest = any_text(g), .phase = (enum phase)below(g, PHASES),
		.phase_since_ms = a_time(g), .reason = any_text(g), .message = any_text(g),
		.stable = a_digest(g), .candidate = a_digest(g), .stable_weight = a_share(g),
		.candidate_weight = a_share(g), .weights_seen = below(g, 2), .router = any_text(g),
		.step = (int)below(g, 21) - 1, .durable_weight = a_share(g), .rollout_spec = a_digest(g),
		.going_back = below(g, 2), .keep_until_ms = a_time(g), .rollout_since_ms = a_time(g),
		.restart_ms = a_time(g), .broken = below(g, 2), .down_since_ms = a_time(g),
		.replicas = (int64_t)below(g, 64), .drain_ms = (int64_t)below(g, 1000000),
		.keep_previous_ms = (int64_t)below(g, 100000000)};

	fill_conditions(g, s.conditions, s.has_condition);
	fill_revisions(g, &s);
	fill_lists(g, &s);
	if (below(g, 2))
		fill_arm(g, &s.stable_reference);
	if (below(g, 2)) {
		struct evidence decided = random_evidence(g);

		decided.n_marks = 0;
		s.decided = arena_memdup(g->arena, &decided, sizeof(decided));
	}
	return s;
}

static void fill_demands(struct generator *g, struct verdict_record *verdict)
{
	static const struct named_number demands[] = { /* by name */
		{"evaluator sh -c \"exit: 0\" # x", 1}, {"gain in accuracy at least", -0.025},
		{"recall of Ganz: hoch at least", 0.7},
	};

	verdict->n_demands = below(g, 4);
	verdict->demands = arena_memdup(g->arena, demands, sizeof(demands));
}

static const struct gates_evidence *random_gates_evidence(struct generator *g)
{
	struct gates_evidence *e = arena_new(g->arena, struct gates_evidence);

	*e = (struct gates_evidence){
		.key = a_digest(g), .commit = any_text(g), .version = any_text(g),
		.incumbent = any_text(g), .predictions = a_digest(g), .incumbent_predictions = a_digest(g),
		.incumbent_to_ms = a_time(g), .incumbent_unknown = below(g, 2),
		.uses = (int64_t)below(g, 9),
		.serving = {below(g, 2) ? 1e3 * a_share(g) : NAN, 1e5 * a_share(g), (double)below(g, 1000),
		            below(g, 2) ? (double)below(g, 1000) : NAN, any_text(g), (int64_t)below(g, 9),
		            any_text(g)}};
	for (size_t i = 0, n = below(g, 4); i < n; i++)
		*list_push(g->arena, &e->entries, &e->n_entries) = (struct gate_entry){
			a_name(g), any_text(g), below(g, 2) ? -a_share(g) : NAN, a_share(g), a_share(g),
			below(g, 2) ? a_share(g) : NAN, any_text(g)};
	return e;
}

static struct model_status random_model_status(struct generator *g)
{
	struct model_status s = {
		.name = a_name(g), .observed_commit = any_text(g), .observed_manifest = any_text(g),
		.phase = (enum cycle_phase)below(g, CYCLE_PHASES), .phase_since_ms = a_time(g),
		.reason = any_text(g), .message = any_text(g),
		.trigger = (enum trigger_kind)below(g, TRIGGER_KINDS), .trigger_why = any_text(g),
		.run = a_digest(g), .attempts = (int)below(g, 5), .retry_ms = a_time(g),
		.last_finished_ms = a_time(g), .pending_event = any_text(g),
		.pending_kick = below(g, 2), .train_digest = a_digest(g),
		.cancelled = below(g, 2), .fruitless = (int)below(g, 4),
		.data_rows = (int64_t)below(g, 100) - 1, .data_first = a_digest(g),
		.data_content = a_digest(g),
		.terms = a_digest(g), .sources = a_digest(g), .scheduled_ms = a_time(g),
		.highest_version = (int64_t)below(g, 100),
		.evaluation = {a_digest(g), any_text(g), (int)below(g, 4), a_time(g), any_text(g),
		               a_time(g)}};

	fill_conditions(g, s.conditions, s.has_condition);
	if (below(g, 2))
		fill_artifact(g, &s.artifact);
	for (size_t i = 0, n = below(g, 4); i < n; i++) {
		*list_push(g->arena, &s.verdicts, &s.n_verdicts) = (struct verdict_record){
			.key = a_digest(g), .artifact = a_digest(g), .subject = a_digest(g),
			.incumbent = a_digest(g), .gate = a_digest(g), .rows = a_digest(g),
			.result = (enum verdict_result)below(g, VERDICT_RESULTS), .why = any_text(g),
			.at_ms = a_time(g)};
		fill_demands(g, &s.verdicts[i]);
	}
	for (size_t i = 0, n = below(g, 4); i < n; i++)
		*list_push(g->arena, &s.ledger, &s.n_ledger) = (struct ledger_entry){
			.rows = a_digest(g), .run = any_text(g), .n_rows = (int64_t)below(g, 100000),
			.from_ms = a_time(g), .to_ms = a_time(g), .at_ms = a_time(g),
			.same = below(g, 2), .known = below(g, 2)};
	if (below(g, 2))
		s.decided = random_gates_evidence(g);
	fill_proposals(g, &s.proposed, &s.n_proposed);
	fill_history(g, &s.history, &s.n_history);
	return s;
}

/* ---- Equality of every member ---- */

static uint64_t failing_seed;

static void check(bool same, const char *what)
{
	if (!same)
		fail_msg("seed %" PRIu64 ": %s differs", failing_seed, what);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

#define TEXT(member) check(same_text(a->member, b->member), #member)
#define VALUE(member) check(a->member == b->member, #member)
#define DIGEST(member) check(strcmp(a->member.hex, b->member.hex) == 0, #member)
#define BYTES(member) check(memcmp(&a->member, &b->member, sizeof(a->member)) == 0, #member)

static void same_evidence(const struct evidence *a, const struct evidence *b)
{
	DIGEST(revision);
	DIGEST(stable);
	VALUE(step);
	VALUE(since_ms);
	VALUE(step_since_ms);
	VALUE(last_data_ms);
	VALUE(judged_ms);
	VALUE(recent_since_ms);
	VALUE(window_since_ms);
	BYTES(harm);
	BYTES(below_ratio);
	BYTES(below_level);
	BYTES(edges);
	BYTES(phi);
	BYTES(recent);
	BYTES(candidate);
	BYTES(stable_arm);
	BYTES(at_step);
	BYTES(stable_at_step);
	VALUE(predicted_ticks);
	VALUE(predicted_ms);
	VALUE(n_predicted);
	VALUE(predicted_numbers);
	for (size_t i = 0; i < a->n_predicted; i++) {
		TEXT(predicted[i].label);
		VALUE(predicted[i].last_candidate);
		VALUE(predicted[i].last_stable);
		VALUE(predicted[i].candidate);
		VALUE(predicted[i].stable);
		VALUE(predicted[i].candidate_at_step);
		VALUE(predicted[i].stable_at_step);
		VALUE(predicted[i].squares);
	}
	VALUE(n_watched);
	for (size_t i = 0; i < a->n_watched; i++) {
		TEXT(watched[i].name);
		VALUE(watched[i].asked_ms);
		VALUE(watched[i].seen_ms);
		VALUE(watched[i].value);
		VALUE(watched[i].above);
	}
	VALUE(n_marks);
	for (size_t i = 0; i < a->n_marks; i++) {
		DIGEST(marks[i].revision);
		VALUE(marks[i].slot);
		VALUE(marks[i].started_ms);
		BYTES(marks[i].open_n);
		BYTES(marks[i].open_x);
		BYTES(marks[i].spread);
		BYTES(marks[i].last);
	}
}

static void same_artifact(const struct artifact_ref *a, const struct artifact_ref *b)
{
	DIGEST(digest);
	VALUE(bytes);
	TEXT(uri);
}

static void same_revision(const struct revision *a, const struct revision *b)
{
	DIGEST(digest);
	TEXT(model);
	TEXT(version);
	TEXT(commit);
	same_artifact(&a->artifact, &b->artifact);
	VALUE(serve.command.n);
	for (size_t i = 0; i < a->serve.command.n; i++)
		TEXT(serve.command.items[i]);
	TEXT(serve.source);
	TEXT(serve.tree);
	TEXT(serve.image);
	VALUE(n_env);
	for (size_t i = 0; i < a->n_env; i++) {
		TEXT(env[i].name);
		TEXT(env[i].value);
		TEXT(env[i].secret_name);
		TEXT(env[i].secret_key);
	}
	VALUE(cpu_millis);
	VALUE(memory_bytes);
}

static void same_conditions(const struct condition *a, const bool *has_a,
                            const struct condition *b, const bool *has_b)
{
	for (int i = 0; i < CONDITION_TYPES; i++, a++, b++) {
		check(has_a[i] == has_b[i], "has_condition");
		if (!has_a[i])
			continue;
		VALUE(type);
		VALUE(status);
		TEXT(reason);
		TEXT(message);
		VALUE(since_ms);
	}
}

static void same_proposals(const struct proposal *a, size_t n_a, const struct proposal *b,
                           size_t n_b)
{
	check(n_a == n_b, "n_proposed");
	for (size_t i = 0; i < n_a; i++, a++, b++) {
		DIGEST(digest);
		DIGEST(terms);
		TEXT(target);
		TEXT(version);
		TEXT(branch);
		TEXT(commit);
		VALUE(outcome);
		TEXT(why);
		VALUE(at_ms);
	}
}

static void same_history(const struct transition *a, size_t n_a, const struct transition *b,
                         size_t n_b)
{
	check(n_a == n_b, "n_history");
	for (size_t i = 0; i < n_a; i++, a++, b++) {
		VALUE(at_ms);
		TEXT(what);
		TEXT(why);
	}
}

static void same_status_lists(const struct deployment_status *a, const struct deployment_status *b)
{
	VALUE(n_promoted);
	for (size_t i = 0; i < a->n_promoted; i++) {
		DIGEST(promoted[i].revision);
		TEXT(promoted[i].version);
		TEXT(promoted[i].commit);
		VALUE(promoted[i].at_ms);
	}
	VALUE(n_quarantine);
	for (size_t i = 0; i < a->n_quarantine; i++) {
		DIGEST(quarantine[i].revision);
		TEXT(quarantine[i].version);
		TEXT(quarantine[i].reason);
		TEXT(quarantine[i].commit);
		VALUE(quarantine[i].at_ms);
	}
	VALUE(n_approvals);
	for (size_t i = 0; i < a->n_approvals; i++) {
		TEXT(approvals[i].by);
		TEXT(approvals[i].evidence);
		TEXT(approvals[i].commit);
		DIGEST(approvals[i].revision);
		DIGEST(approvals[i].gate);
		VALUE(approvals[i].expires_ms);
		VALUE(approvals[i].at_ms);
	}
	VALUE(n_admitted);
	for (size_t i = 0; i < a->n_admitted; i++) {
		DIGEST(admitted[i].revision);
		VALUE(admitted[i].result);
		TEXT(admitted[i].why);
		VALUE(admitted[i].at_ms);
	}
}

static void same_status(const struct deployment_status *a, const struct deployment_status *b)
{
	TEXT(environment);
	TEXT(name);
	TEXT(observed_commit);
	TEXT(observed_manifest);
	same_conditions(a->conditions, a->has_condition, b->conditions, b->has_condition);
	VALUE(n_revisions);
	for (size_t i = 0; i < a->n_revisions; i++)
		same_revision(&a->revisions[i], &b->revisions[i]);
	VALUE(phase);
	VALUE(phase_since_ms);
	TEXT(reason);
	TEXT(message);
	DIGEST(stable);
	DIGEST(candidate);
	BYTES(stable_weight);
	BYTES(candidate_weight);
	VALUE(weights_seen);
	TEXT(router);
	VALUE(step);
	BYTES(durable_weight);
	DIGEST(rollout_spec);
	VALUE(going_back);
	VALUE(keep_until_ms);
	VALUE(rollout_since_ms);
	VALUE(restart_ms);
	VALUE(broken);
	VALUE(down_since_ms);
	VALUE(replicas);
	VALUE(drain_ms);
	VALUE(keep_previous_ms);
	BYTES(stable_reference);
	check(!a->decided == !b->decided, "decided");
	if (a->decided)
		same_evidence(a->decided, b->decided);
	same_status_lists(a, b);
	same_proposals(a->proposed, a->n_proposed, b->proposed, b->n_proposed);
	same_history(a->history, a->n_history, b->history, b->n_history);
}

#define NUMBER(member) \
	check(a->member == b->member || (isnan(a->member) && isnan(b->member)), #member)

static void same_gates_evidence(const struct gates_evidence *a, const struct gates_evidence *b)
{
	check(!a == !b, "evidence");
	if (!a || !b)
		return;
	DIGEST(key);
	TEXT(commit);
	TEXT(version);
	TEXT(incumbent);
	DIGEST(predictions);
	DIGEST(incumbent_predictions);
	VALUE(incumbent_to_ms);
	VALUE(incumbent_unknown);
	VALUE(uses);
	NUMBER(serving.latency_p95_ms);
	NUMBER(serving.start_ms);
	NUMBER(serving.memory_bytes);
	NUMBER(serving.artifact_bytes);
	TEXT(serving.scan);
	VALUE(serving.n_findings);
	TEXT(serving.finding);
	VALUE(n_entries);
	for (size_t i = 0; i < a->n_entries; i++) {
		TEXT(entries[i].name);
		TEXT(entries[i].verdict);
		NUMBER(entries[i].value);
		NUMBER(entries[i].low);
		NUMBER(entries[i].high);
		NUMBER(entries[i].needed);
		TEXT(entries[i].why);
	}
}

static void same_model_status(const struct model_status *a, const struct model_status *b)
{
	TEXT(name);
	TEXT(observed_commit);
	TEXT(observed_manifest);
	same_conditions(a->conditions, a->has_condition, b->conditions, b->has_condition);
	VALUE(phase);
	VALUE(phase_since_ms);
	TEXT(reason);
	TEXT(message);
	VALUE(trigger);
	TEXT(trigger_why);
	DIGEST(run);
	VALUE(attempts);
	VALUE(retry_ms);
	VALUE(last_finished_ms);
	TEXT(pending_event);
	VALUE(pending_kick);
	DIGEST(train_digest);
	VALUE(cancelled);
	VALUE(fruitless);
	same_artifact(&a->artifact, &b->artifact);
	VALUE(data_rows);
	DIGEST(data_first);
	DIGEST(data_content);
	DIGEST(terms);
	DIGEST(sources);
	VALUE(scheduled_ms);
	VALUE(highest_version);
	DIGEST(evaluation.run);
	TEXT(evaluation.version);
	VALUE(evaluation.attempts);
	VALUE(evaluation.retry_ms);
	TEXT(evaluation.why);
	VALUE(evaluation.asked_ms);
	VALUE(n_verdicts);
	for (size_t i = 0; i < a->n_verdicts; i++) {
		DIGEST(verdicts[i].key);
		DIGEST(verdicts[i].artifact);
		DIGEST(verdicts[i].subject);
		DIGEST(verdicts[i].incumbent);
		DIGEST(verdicts[i].gate);
		DIGEST(verdicts[i].rows);
		VALUE(verdicts[i].n_demands);
		for (size_t j = 0; j < a->verdicts[i].n_demands; j++) {
			TEXT(verdicts[i].demands[j].name);
			VALUE(verdicts[i].demands[j].value);
		}
		VALUE(verdicts[i].result);
		TEXT(verdicts[i].why);
		VALUE(verdicts[i].at_ms);
	}
	same_gates_evidence(a->decided, b->decided);
	VALUE(n_ledger);
	for (size_t i = 0; i < a->n_ledger; i++) {
		DIGEST(ledger[i].rows);
		TEXT(ledger[i].run);
		VALUE(ledger[i].n_rows);
		VALUE(ledger[i].from_ms);
		VALUE(ledger[i].to_ms);
		VALUE(ledger[i].at_ms);
		VALUE(ledger[i].same);
		VALUE(ledger[i].known);
	}
	same_proposals(a->proposed, a->n_proposed, b->proposed, b->n_proposed);
	same_history(a->history, a->n_history, b->history, b->n_history);
}

/* ---- Round trips ---- */

enum { SEEDS = 2000 };

static void statuses(void **state)
{
	struct fixture *fixture = *state;

	for (failing_seed = 1; failing_seed <= SEEDS; failing_seed++) {
		struct generator g = {&fixture->arena, failing_seed * UINT64_C(0x9e3779b97f4a7c15)};
		struct deployment_status status = random_status(&g), back;
		struct buf first, second;
		struct err err = {0};

		buf_init(&first, 1 << 20);
		buf_init(&second, 1 << 20);
		status_encode(&first, &status);
		if (status_decode("s.yaml", first.text, first.len, &fixture->arena, &back, &err) < 0)
			fail_msg("seed %" PRIu64 ": %s\n%s", failing_seed, err.text, first.text);
		same_status(&status, &back);
		status_encode(&second, &back);
		assert_string_equal(first.text, second.text);
		buf_deinit(&first);
		buf_deinit(&second);
		arena_reset(&fixture->arena);
	}
}

static void model_statuses(void **state)
{
	struct fixture *fixture = *state;

	for (failing_seed = 1; failing_seed <= SEEDS; failing_seed++) {
		struct generator g = {&fixture->arena, failing_seed * UINT64_C(0x9e3779b97f4a7c15)};
		struct model_status status = random_model_status(&g), back;
		struct buf first, second;
		struct err err = {0};

		buf_init(&first, 1 << 20);
		buf_init(&second, 1 << 20);
		model_status_encode(&first, &status);
		if (model_status_decode("s.yaml", first.text, first.len, &fixture->arena, &back, &err) < 0)
			fail_msg("seed %" PRIu64 ": %s\n%s", failing_seed, err.text, first.text);
		same_model_status(&status, &back);
		model_status_encode(&second, &back);
		assert_string_equal(first.text, second.text);
		buf_deinit(&first);
		buf_deinit(&second);
		arena_reset(&fixture->arena);
	}
}

static void evidence(void **state)
{
	struct fixture *fixture = *state;

	for (failing_seed = 1; failing_seed <= SEEDS; failing_seed++) {
		struct generator g = {&fixture->arena, failing_seed * UINT64_C(0x9e3779b97f4a7c15)};
		struct evidence before = random_evidence(&g), back;
		struct buf first, second;
		struct err err = {0};

		buf_init(&first, 1 << 20);
		buf_init(&second, 1 << 20);
		evidence_encode(&first, &before);
		if (evidence_decode(first.text, first.len, &fixture->arena, &back, &err) < 0)
			fail_msg("seed %" PRIu64 ": %s\n%s", failing_seed, err.text, first.text);
		same_evidence(&before, &back);
		evidence_encode(&second, &back);
		assert_string_equal(first.text, second.text);
		buf_deinit(&first);
		buf_deinit(&second);
		arena_reset(&fixture->arena);
	}
}

/* One that a person can read: the shape that the manual shows. */
static void readable_status(void **state)
{
	struct fixture *fixture = *state;
	struct digest stable = digest_of("stable", 6), candidate = digest_of("candidate", 9);
	const char *command[] = {"python3", "serve.py"};
	struct revision revisions[] = {
		{.digest = stable, .model = "deployment-risk", .version = "v2",
		 .artifact = {.digest = digest_of("a", 1), .bytes = 48213},
		 .serve = {.command = {command, 2}, .source = "apps/risk", .tree = "9a0c"},
		 .cpu_millis = 500, .memory_bytes = -1, .commit = "41d2"},
		{.digest = candidate, .model = "deployment-risk", .version = "v3",
		 .artifact = {.digest = digest_of("b", 1), .bytes = 50000},
		 .serve = {.command = {command, 2}, .source = "apps/risk", .tree = "9a0d"},
		 .cpu_millis = 500, .memory_bytes = -1, .commit = "52e3"},
	};
	struct deployment_status s = {
		.environment = "production", .name = "deployment-risk", .observed_commit = "41d2",
		.observed_manifest = "9a0c", .revisions = revisions, .n_revisions = 2,
		.phase = PHASE_CANARY, .phase_since_ms = INT64_C(1782950400000), .stable = stable,
		.candidate = candidate, .stable_weight = 0.75, .candidate_weight = 0.25,
		.weights_seen = true, .router = "4711@1", .step = 1, .durable_weight = 0.25,
		.keep_until_ms = -1, .rollout_since_ms = INT64_C(1782949000000), .restart_ms = -1,
		.down_since_ms = -1, .replicas = 2, .drain_ms = 30000, .keep_previous_ms = 1800000};
	struct promoted promoted = {stable, "v2", "41d2", INT64_C(1782864000000)};
	struct quarantined quarantined = {digest_of("bad", 3), "v1b", "errors 2.1 % against 0.4 %",
	                                  "1d00", INT64_C(1782777600000)};
	struct transition history = {INT64_C(1782950400000), "canary 5 % -> 25 % (v3)",
	                             "errors 0.4 % against 0.4 %"};
	struct buf text;

	s.conditions[CONDITION_SYNCED] = (struct condition){
		CONDITION_SYNCED, TRUTH_FALSE, "Canary", "v3 at 25 %, step 2 of 3", INT64_C(1782950400000)};
	s.has_condition[CONDITION_SYNCED] = true;
	s.promoted = &promoted;
	s.quarantine = &quarantined;
	s.history = &history;
	s.n_promoted = s.n_quarantine = s.n_history = 1;
	buf_init(&text, 1 << 16);
	status_encode(&text, &s);
	assert_golden(fixture, GOLDEN "status.yaml", buf_text(&text));
	buf_deinit(&text);
}

/* What a bit flip or a stranger left behind is refused, never half read. */
static void damaged_status(void **state)
{
	static const char *const texts[] = {
		"", "[]", "a: b\n---\nc: d\n",
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelStatus\nmetadata: {name: a, namespace: b}\n",
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelStatus\nmetadata: {name: a, namespace: b}\n"
		"rollout: {phase: Cannary}\n",
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelStatus\nmetadata: {name: a, namespace: b}\n"
		"live: {stable: {revision: 0123456789, weight: 100%}}\nrollout: {phase: Steady}\n",
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelStatus\nmetadata: {name: a, namespace: b}\n"
		"rollout: {phase: Steady, stableReference: {latency: {128: 1}}}\n",
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelStatus\nmetadata: {name: a, namespace: b}\n"
		"rollout: {phase: Steady, stableReference: {requests: -1}}\n",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct deployment_status out = {.step = 4711};
		struct err err = {0};

		assert_int_equal(status_decode("s.yaml", texts[i], strlen(texts[i]), &fixture->arena, &out,
		                               &err), -1);
		assert_int_equal(err.kind, ERR_STALLED);
		assert_int_equal(out.step, 4711);
		assert_memory_equal(err.text, "s.yaml", 6);
	}
}

int main(void)
{
#define WITH_FIXTURE(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(statuses),
		WITH_FIXTURE(model_statuses),
		WITH_FIXTURE(evidence),
		WITH_FIXTURE(readable_status),
		WITH_FIXTURE(damaged_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
