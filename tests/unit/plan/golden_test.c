/* Transcripts in tests/golden/plan: lines that begin with "$ " are told to the little world, the
 * lines after each are what came of it: desired, observed, history, now -> actions, history'.
 * LINNET_GOLDEN=write writes them anew, for a person to review. */
#include "plan/text.h"
#include "plan/world.h"

#define GOLDEN "tests/golden/plan/"

struct transcript {
	struct world world;
	struct buf out;
	struct hold_spec hold;
	struct window_spec window;
	struct buf logged; /* all lines of the last pass that was logged */
	int64_t wake_ms, wait_ms; /* as it asked for, when it did */
};

/* ---- what is shown ---- */

static void show_desired(struct buf *out, const struct world *world)
{
	const struct desired_deployment *desired = &world->desired;

	if (!desired->known)
		buf_puts(out, "desired unknown\n");
	else if (desired->absent)
		buf_puts(out, "desired deleted\n");
	else
		buf_printf(out, "desired %s\n",
		           world->deployment.version ? world->deployment.version : "none");
}

static void show_observed(struct buf *out, struct world *world)
{
	struct observed observed = world_observe(world);

	buf_printf(out, "observed %s\n", observed.known ? observed.router : "unknown");
	for (size_t i = 0; i < observed.n_replicas; i++) {
		const struct replica *replica = &observed.replicas[i];

		buf_printf(out, "  replica %d of v%d %s%s\n", replica->slot, world->replicas[i].version,
		           replica_state_names.names[replica->state],
		           replica->in_rotation ? ", in rotation" : "");
	}
	for (size_t i = 0; i < observed.n_weights; i++) {
		char shown[REVISION_SHORT + 1];

		revision_short(observed.weights[i].revision, shown);
		buf_printf(out, "  weight %s %g\n", shown, observed.weights[i].weight);
	}
}

static void show_history(struct buf *out, const char *title, struct deployment_status status,
                         int64_t since_ms)
{
	size_t n = 0;

	while (n < status.n_history && status.history[n].at_ms >= since_ms)
		n++;
	status.n_history = n; /* only what this plan adds */
	buf_printf(out, "%s\n", title);
	text_history(out, &status);
}

/* ---- what may be told ---- */

static int version_named(const char *word)
{
	struct err err = {0};
	int64_t v = 0;

	if (word && strcmp(word, "none") != 0 &&
	    (word[0] != 'v' || parse_int(word + 1, 1, WORLD_VERSIONS - 1, &v, &err) < 0))
		fail_msg("'%s' is no version", word);
	return (int)v;
}

static int64_t number(const char *word)
{
	struct err err = {0};
	int64_t n;

	if (parse_int(word, 0, 1000000, &n, &err) < 0)
		fail_msg("%s", err.text);
	return n;
}

static void tell_declare(struct transcript *t, const char *word)
{
	t->world.desired.absent = false;
	world_declare(&t->world, version_named(word));
}

static void tell_delete(struct transcript *t, const char *word)
{
	(void)word;
	t->world.desired.absent = true;
}

static void tell_git(struct transcript *t, const char *word)
{
	t->world.desired.known = strcmp(word, "back") == 0;
}

static void tell_bad(struct transcript *t, const char *word)
{
	t->world.conduct[version_named(word)].bad = .3;
}

static void tell_check_fails(struct transcript *t, const char *word)
{
	t->world.conduct[version_named(word)].check_fails = true;
}

static void tell_kill(struct transcript *t, const char *word)
{
	int v = version_named(word);

	for (size_t i = 0; i < t->world.n_replicas; i++)
		if (t->world.replicas[i].version == v && t->world.replicas[i].seen.state == REPLICA_READY)
			world_exit(&t->world, &t->world.replicas[i]);
}

static void tell_router(struct transcript *t, const char *word)
{
	(void)word;
	t->world.router++;
	t->world.n_weights = 0;
}

static void tell_hold(struct transcript *t, const char *word)
{
	t->hold = (struct hold_spec){arena_strdup(&t->world.arena, word), "platform", -1};
	t->world.deployment.hold = &t->hold;
}

static void tell_approvals(struct transcript *t, const char *word)
{
	t->world.environment.approvals.required = number(word);
}

static void tell_revert(struct transcript *t, const char *word)
{
	int level = names_find(level_names, word);

	assert_true(level >= 0);
	t->world.environment.automation[AUTOMATED_REVERT] = (enum level)level;
}

static void tell_ask(struct transcript *t, const char *word)
{
	int verb = names_find(request_verb_names, word);

	assert_true(verb >= 0);
	t->world.requests[t->world.n_requests++] = (struct request){
		.verb = (enum request_verb)verb, .by = "ada", .reason = "because", .expires_ms = -1};
}

static void tell_run(struct transcript *t, const char *word)
{
	world_run(&t->world, (int)number(word));
}

static void tell_until(struct transcript *t, const char *word)
{
	int phase = names_find(phase_names, word);

	assert_true(phase >= 0);
	world_until(&t->world, (enum phase)phase, 600);
}

/* One second and one pass, shown whole. */
static void tell_plan(struct transcript *t, const char *word)
{
	struct world *world = &t->world;
	char now[TIME_TEXT];

	(void)word;
	world_pass_time(world, 1000);
	format_time(world->now_ms, now);
	buf_printf(&t->out, "now %s\n", now);
	show_desired(&t->out, world);
	show_observed(&t->out, world);
	show_history(&t->out, "history", world->history, INT64_MAX);
	world_plan(world);
	buf_puts(&t->out, "->\n");
	text_plan(&t->out, &world->last.plan, world->now_ms);
	if (world->last.changed)
		show_history(&t->out, "history'", world->last.next, world->now_ms);
	else
		buf_puts(&t->out, "history' unchanged\n");
	if (world->last.gone)
		buf_puts(&t->out, "gone\n");
	world_act(world);
}

/* A time that only came closer is no change. */
static void show_wake(struct transcript *t, struct buf *out)
{
	int64_t wake_ms = t->world.last.plan.wake_ms;

	if (t->wake_ms != wake_ms)
		t->wait_ms = wake_ms < 0 ? -1 : wake_ms - t->world.now_ms;
	t->wake_ms = wake_ms;
	buf_printf(out, "wake in %lld ms%s\n", (long long)t->wait_ms,
	           t->world.last.gone ? "; gone" : "");
}

static void show_pass(struct transcript *t)
{
	struct world *world = &t->world;
	struct buf now, shown;
	char when[TIME_TEXT];

	buf_init(&now, 1 << 20);
	buf_init(&shown, 1 << 20);
	text_history(&now, &world->history);
	text_record(&now, &world->history);
	show_wake(t, &now);
	text_changes(&shown, &t->logged, &now);
	for (size_t i = 0; i < world->last.plan.n_actions; i++) {
		buf_puts(&shown, world->last.plan.actions[i].reduces ? "! first " : "! then ");
		action_describe(&shown, &world->last.plan.actions[i]);
		buf_printf(&shown, ": %s\n", world->last.plan.actions[i].why);
	}
	if (shown.len) {
		format_time(world->now_ms, when);
		buf_printf(&t->out, "%s\n%s", when, buf_text(&shown));
	}
	buf_deinit(&t->logged);
	buf_deinit(&shown);
	t->logged = now;
}

static void tell_log(struct transcript *t, const char *word)
{
	for (int64_t n = number(word); n > 0; n--) {
		world_tick(&t->world);
		show_pass(t);
	}
}

/* "set replicas 3" and the like: what people declare. */
static void tell_set(struct transcript *t, const char *word)
{
	struct world *world = &t->world;
	struct rollout_spec *rollout = &world->deployment.rollout;
	char what[32] = "";
	long n = 0;

	sscanf(word, "%31s %ld", what, &n);
	if (!strcmp(what, "replicas"))
		world->deployment.replicas = n;
	else if (!strcmp(what, "recreate"))
		rollout->strategy = STRATEGY_RECREATE;
	else if (!strcmp(what, "first-step")) /* in percent */
		world->steps[0].weight = (double)n / 100;
	else if (!strcmp(what, "step-approval"))
		world->steps[1].approval = true;
	else if (!strcmp(what, "mvp"))
		world->environment.maturity = MATURITY_MVP;
	else if (!strcmp(what, "deadline")) /* in seconds */
		rollout->deadline_ms = n * 1000;
	else if (!strcmp(what, "inconclusive"))
		rollout->on_inconclusive = (enum inconclusive)n;
	else if (!strcmp(what, "window")) /* from 09:00, so many minutes */
		t->window = (struct window_spec){"0 9 1 7 *", n * 60000, "UTC"};
	else if (!strcmp(what, "traffic"))
		world->requests_per_second = (double)n;
	else
		fail_msg("'%s' cannot be set", what);
	world->environment.windows = &t->window;
	world->environment.n_windows = t->window.deny != NULL;
	world->desired.manifest = arena_printf(&world->arena, "m%lld", (long long)world->now_ms);
}

/* "make v2 crash" and the like: how a version behaves. */
static void tell_make(struct transcript *t, const char *word)
{
	struct conduct *conduct;
	char version[8] = "", what[32] = "";

	sscanf(word, "%7s %31s", version, what);
	conduct = &t->world.conduct[version_named(version)];
	conduct->never_ready = !strcmp(what, "never-ready");
	conduct->crashes = !strcmp(what, "crash");
	conduct->corrupt = !strcmp(what, "corrupt");
	conduct->bad = !strcmp(what, "bad") ? .3 : 0;
	conduct->check_fails = !strcmp(what, "odd");
}

/* "see nothing", "see all": can the serving side be looked at? */
static void tell_see(struct transcript *t, const char *word)
{
	t->world.unreadable = strcmp(word, "nothing") == 0;
}

static void tell_hand(struct transcript *t, const char *word)
{
	double weight = (double)number(word) / 100;

	assert_int_equal(t->world.n_weights, 2);
	t->world.weights[0].weight = 1 - weight;
	t->world.weights[1].weight = weight;
}

static const struct {
	const char *name;
	void (*tell)(struct transcript *t, const char *word);
} verbs[] = {
	{"declare", tell_declare}, {"delete", tell_delete},
	{"git", tell_git},         {"bad", tell_bad},
	{"kill", tell_kill},       {"check-fails", tell_check_fails},
	{"router", tell_router},   {"hold", tell_hold},
	{"ask", tell_ask},         {"approvals", tell_approvals},
	{"run", tell_run},         {"revert", tell_revert},
	{"until", tell_until},     {"plan", tell_plan},
	{"log", tell_log},         {"set", tell_set},
	{"make", tell_make},       {"see", tell_see},
	{"hand", tell_hand},
};

static void tell(void *context, char *line)
{
	struct transcript *t = context;
	char *word = strchr(line, ' ');

	if (word)
		*word++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, line) == 0) {
			verbs[i].tell(t, word);
			return;
		}
	fail_msg("'%s' cannot be told", line);
}

static void check_transcript(const char *name)
{
	struct transcript *t = test_calloc(1, sizeof(*t));

	world_init(&t->world);
	buf_init(&t->out, 1 << 20);
	buf_init(&t->logged, 1 << 20);
	text_play(arena_printf(&t->world.arena, GOLDEN "%s.txt", name), &t->world.arena, &t->out,
	          tell, t);
	buf_deinit(&t->out);
	buf_deinit(&t->logged);
	world_deinit(&t->world);
	test_free(t);
}

static void transcripts_are_as_they_were_reviewed(void **state)
{
	static const char *const names[] = {
		"first-deployment", "canary", "harm", "healing", "rollback-request", "without-git",
		"retiring", "waiting", "none-and-back", "preempted", "failures", "first-is-harmful",
		"inconclusive", "edited", "recreate", "people", "unseen",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check_transcript(names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(transcripts_are_as_they_were_reviewed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
