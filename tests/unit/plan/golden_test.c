/* Transcripts in tests/golden/plan: lines that begin with "$ " are told to the little world, the
 * lines after each are what came of it: desired, observed, history, now -> actions, history'.
 * LINNET_GOLDEN=write writes them anew, for a person to review. */
#include "plan/text.h"
#include "plan/world.h"

#include <fcntl.h>
#include <stdlib.h>

#define GOLDEN "tests/golden/plan/"

struct transcript {
	struct world world;
	struct buf out;
	struct hold_spec hold;
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
};

static void tell(struct transcript *t, char *line)
{
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

/* Says the "$" lines and the comments again, with what comes of them now in between. */
static void play(struct transcript *t, char *text)
{
	while (text && *text) {
		char *rest = strchr(text, '\n');

		if (rest)
			*rest++ = '\0';
		if (text[0] == '#' || text[0] == '$')
			buf_printf(&t->out, "%s\n", text);
		if (text[0] == '$')
			tell(t, text + 2);
		text = rest;
	}
}

static void check_transcript(const char *name)
{
	struct transcript *t = test_calloc(1, sizeof(*t));
	const char *mode = getenv("LINNET_GOLDEN");
	struct err err = {0};
	struct buf text;
	char *path;

	world_init(&t->world);
	buf_init(&t->out, 1 << 20);
	buf_init(&text, 1 << 20);
	path = arena_printf(&t->world.arena, GOLDEN "%s.txt", name);
	if (file_read(AT_FDCWD, path, &text, &err) < 0)
		fail_msg("%s", err.text);
	play(t, arena_strdup(&t->world.arena, buf_text(&text)));
	if (mode && strcmp(mode, "write") == 0) {
		if (file_replace(AT_FDCWD, path, t->out.text, t->out.len, 0644, &err) < 0)
			fail_msg("%s", err.text);
	} else {
		assert_string_equal(buf_text(&t->out), buf_text(&text));
	}
	buf_deinit(&text);
	buf_deinit(&t->out);
	world_deinit(&t->world);
	test_free(t);
}

static void transcripts_are_as_they_were_reviewed(void **state)
{
	static const char *const names[] = {"first-deployment", "canary",      "harm", "healing",
	                                    "rollback-request", "without-git", "retiring", "waiting"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check_transcript(names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(transcripts_are_as_they_were_reviewed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
