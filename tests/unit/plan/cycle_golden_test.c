/* Transcripts in tests/golden/cycle of the retraining cycle, as those of the rollout cycle: what
 * each pass finds changed, and what it asks for. */
#include "plan/model.h"
#include "plan/text.h"

#define GOLDEN "tests/golden/cycle/"

struct transcript {
	struct world *world;
	struct buf out, logged;
	int64_t wake_ms, wait_ms; /* as it asked for, when it did */
	struct data_seen data;
	struct quality_signal signal;
};

static const char *copy(struct transcript *t, const char *text)
{
	return arena_strdup(&t->world->arena, text);
}

static void log_pass(struct transcript *t)
{
	const struct world *world = t->world;
	const struct plan *plan = &world->last.plan;
	char when[TIME_TEXT];
	struct buf now, shown;

	buf_init(&now, 1 << 20);
	buf_init(&shown, 1 << 20);
	if (t->wake_ms != plan->wake_ms)
		t->wait_ms = plan->wake_ms - world->now_ms;
	t->wake_ms = plan->wake_ms;
	text_model(&now, &world->in.history);
	buf_printf(&now, "wake in %lld ms\n", (long long)t->wait_ms);
	text_changes(&shown, &t->logged, &now);
	for (size_t i = 0; i < plan->n_actions; i++) {
		buf_puts(&shown, "! ");
		action_describe(&shown, &plan->actions[i]);
		buf_printf(&shown, ": %s\n", plan->actions[i].why);
	}
	format_time(world->now_ms, when);
	if (shown.len)
		buf_printf(&t->out, "%s\n%s", when, buf_text(&shown));
	buf_deinit(&t->logged);
	buf_deinit(&shown);
	t->logged = now;
}

static void tell_log(struct transcript *t, const char *word)
{
	for (long n = strtol(word, NULL, 10); n > 0; n--) {
		plan(t->world);
		log_pass(t);
		for (size_t i = 0; i < t->world->last.plan.n_actions; i++)
			act(t->world, &t->world->last.plan.actions[i]);
	}
}

/* "later 60": so many minutes go by unseen. */
static void tell_later(struct transcript *t, const char *word)
{
	t->world->now_ms += strtol(word, NULL, 10) * 60000;
}

static void tell_ask(struct transcript *t, const char *word)
{
	char verb[16] = "", event[32] = "";

	sscanf(word, "%15s %31s", verb, event);
	ask(t->world, (enum request_verb)names_find(request_verb_names, verb),
	    event[0] ? copy(t, event) : NULL);
}

/* "run trains a2", "run tests PASS accuracy 90 %", "run errs ...", "run refuses ...": what became
 * of it; "other ...": of the evaluation of a version from elsewhere. */
static void tell_result(struct transcript *t, struct run_result *run, const char *word)
{
	char what[16] = "", value[16] = "";
	int used = 0;

	sscanf(word, "%15s %15s %n", what, value, &used);
	if (!strcmp(what, "trains")) {
		run->train = RUN_SUCCEEDED;
		run->artifact.digest = digest_of(value, strlen(value));
		run->rows = digest_of("rows", 4);
		run->n_rows = 1500;
		return;
	}
	run->why = copy(t, !strcmp(what, "tests") ? word + used : word + strlen(what) + 1);
	if (!strcmp(what, "tests")) {
		run->evaluate = RUN_SUCCEEDED;
		run->verdict = (enum verdict_result)names_find(verdict_result_names, value);
		run->verdict_key = digest_of(run->why, strlen(run->why));
		return;
	}
	run->considered = !strcmp(what, "refuses");
	if (run->train == RUN_SUCCEEDED)
		run->evaluate = RUN_FAILED;
	else
		run->train = RUN_FAILED;
}

static void tell_run(struct transcript *t, const char *word)
{
	tell_result(t, &t->world->in.run, word);
}

static void tell_other(struct transcript *t, const char *word)
{
	tell_result(t, &t->world->in.evaluation, word);
}

/* "merge v2": it is in the branch, and on staging's line. */
static void tell_merge(struct transcript *t, const char *word)
{
	struct world *world = t->world;
	struct model_version *version = &world->versions[world->in.n_versions];

	*version = (struct model_version){.model = "risk", .version = copy(t, word)};
	world->in_branch[world->in.n_versions++] = version;
	world->deployments[STAGING].version = version->version;
	world->in.n_open_branches = 0;
	world->in.manifest = world->in.commit = copy(t, word);
}

static void tell_branch(struct transcript *t, const char *word)
{
	assert_string_equal(word, "deleted");
	t->world->in.n_open_branches = 0;
}

/* "trigger newRows 100": the only one from now on. */
static void tell_trigger(struct transcript *t, const char *word)
{
	struct trigger_spec *trigger = &t->world->triggers[0];
	char kind[16] = "", value[16] = "";

	sscanf(word, "%15s %15s", kind, value);
	*trigger = (struct trigger_spec){0};
	trigger->kind = (enum trigger_kind)names_find(trigger_kind_names, kind);
	trigger->new_rows = strtol(value, NULL, 10);
	trigger->event = trigger->kind == TRIGGER_EVENT ? copy(t, value) : NULL;
	trigger->metric = "accuracy";
	trigger->below = .85;
	trigger->schedule = "0 */2 * * *";
	t->world->in.data = trigger->kind == TRIGGER_NEW_ROWS ? &t->data : NULL;
}

static void tell_rows(struct transcript *t, const char *word)
{
	t->data.rows = strtol(word, NULL, 10);
}

static void tell_signal(struct transcript *t, const char *word)
{
	struct world *world = t->world;

	t->signal = (struct quality_signal){
		.kind = (enum trigger_kind)names_find(trigger_kind_names, word),
		.deployment = "production/risk", .revision = digest_of("v1", 2),
		.from_ms = world->now_ms, .metric = "accuracy", .value = .8, .n_rows = 2000,
		.why = "team: PSI 0.31 on 2,000 rows"};
	world->in.signals = &t->signal;
	world->in.n_signals = 1;
}

/* "elsewhere v2": staging serves v1, and v2 is declared there, which nobody has judged. */
static void tell_elsewhere(struct transcript *t, const char *word)
{
	assert_string_equal(word, "v2");
	declare_by_hand(t->world);
}

/* "serve staging v1", promoted just now. */
static void tell_serve(struct transcript *t, const char *word)
{
	bool staging = strncmp(word, "staging", 7) == 0;

	serve(t->world, staging ? STAGING : PRODUCTION, copy(t, strchr(word, ' ') + 1));
}

/* "set level manual", "set source s2", "set train t2", "set known no" and such. */
static void tell_set(struct transcript *t, const char *word)
{
	struct training_input *in = &t->world->in;
	char what[16] = "";
	const char *value = strchr(word, ' ') + 1;

	sscanf(word, "%15s", what);
	if (!strcmp(what, "retrain"))
		t->world->model.retrain = (enum level)names_find(level_names, value);
	else if (!strcmp(what, "maturity"))
		t->world->environments[STAGING].maturity =
			t->world->environments[PRODUCTION].maturity =
				(enum maturity)names_find(maturity_names, value);
	else if (!strcmp(what, "source"))
		in->sources = digest_of(value, strlen(value));
	else if (!strcmp(what, "train"))
		in->train_digest = digest_of(value, strlen(value));
	else if (!strcmp(what, "problem"))
		in->problem = strcmp(value, "none") ? copy(t, value) : NULL;
	else if (!strcmp(what, "known"))
		in->known = !strcmp(value, "yes");
	else if (!strcmp(what, "recovered"))
		in->recovered = strcmp(value, "none") ? copy(t, value) : NULL;
	else
		fail_msg("'%s' cannot be set", what);
}

static const struct {
	const char *name;
	void (*tell)(struct transcript *t, const char *word);
} verbs[] = {
	{"log", tell_log},       {"later", tell_later},   {"ask", tell_ask},     {"run", tell_run},
	{"other", tell_other},   {"merge", tell_merge},   {"branch", tell_branch},
	{"trigger", tell_trigger}, {"rows", tell_rows},   {"signal", tell_signal}, {"set", tell_set},
	{"elsewhere", tell_elsewhere}, {"serve", tell_serve},
};

static void tell(void *context, char *line)
{
	char *word = strchr(line, ' ');

	*word++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, line) == 0) {
			verbs[i].tell(context, word);
			return;
		}
	fail_msg("'%s' cannot be told", line);
}

static void transcripts_are_as_they_were_reviewed(void **state)
{
	static const char *const names[] = {"asked", "triggers", "errors", "branches",
	                                    "elsewhere", "promotions"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct transcript t = {.data = {.rows = 0, .first = digest_of("r1", 2)}};

		setup(state);
		t.world = *state;
		buf_init(&t.out, 1 << 20);
		buf_init(&t.logged, 1 << 20);
		text_play(arena_printf(&t.world->arena, GOLDEN "%s.txt", names[i]), &t.world->arena, &t.out,
		          tell, &t);
		buf_deinit(&t.out);
		buf_deinit(&t.logged);
		teardown(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcripts_are_as_they_were_reviewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
