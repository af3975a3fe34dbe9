/* One pass: look, plan, reduce, record, act, publish. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "controller/internal.h"

enum {
	CLOCK_JUMP_MS = 5000, CLOCK_SETTLE_MS = 10000, GIT_BUSY_MS = 25, PENDING_MS = 25,
	STALLED_MS = 60000,
};

struct controller *controller_new(const struct ports *ports,
                                  const struct controller_config *config)
{
	struct controller *c = heap_alloc(1, sizeof(*c));

	c->ports = *ports;
	c->config = *config;
	c->fleet = fleet_new();
	arena_init(&c->arena, PASS_BYTES);
	arena_init(&c->declared, PASS_BYTES);
	fleet_remember(c->fleet, &c->declared);
	arena_init(&c->decoded_arena, PASS_BYTES);
	c->heads.seen_ms = -1;
	c->now_ms = ports->clock.now_ms(ports->clock.self);
	c->wall_ms = ports->clock.wall_ms(ports->clock.self);
	c->wall_offset_ms = c->wall_ms - c->now_ms;
	return c;
}

void controller_free(struct controller *c)
{
	if (!c)
		return;
	keys_free(c);
	fleet_free(c->fleet);
	arena_deinit(&c->arena);
	arena_deinit(&c->declared);
	map_deinit(&c->decoded);
	arena_deinit(&c->decoded_arena);
	free(c);
}

void controller_poke(struct controller *c, bool remote)
{
	for (size_t i = 0; i < c->keys.n; i++) {
		struct key *key = c->keys.entries[i].value;

		if (remote || key->busy || key->running ||
		    key->row.stable)
			key->due_ms = 0;
	}
	if (remote)
		c->ports.git.poke(c->ports.git.self);
}

/* Of one name the newest counts; of more than are kept the oldest is lost. */
static void note_event(struct key *key, const char *name, int64_t now_ms)
{
	struct outside_event *event;
	size_t at = 0;

	while (at < key->n_events && strcmp(key->events[at].name, name))
		at++;
	if (at == EVENTS_KEPT) {
		at = 0;
		log_warn("model %s: event %s is lost: too many others wait", key->name,
		         key->events[at].name);
	}
	if (at == key->n_events)
		key->events = heap_resize(key->events, ++key->n_events, sizeof(*key->events));
	event = &key->events[key->n_events - 1];
	memmove(&key->events[at], &key->events[at + 1], (key->n_events - 1 - at) * sizeof(*event));
	*event = (struct outside_event){.at_ms = now_ms};
	snprintf(event->name, sizeof(event->name), "%s", name);
}

void controller_event(struct controller *c, const char *name)
{
	log_info("event %s", name);
	for (size_t i = 0; i < c->keys.n; i++) {
		struct key *key = c->keys.entries[i].value;

		if (key->environment)
			continue;
		note_event(key, name, c->ports.clock.wall_ms(c->ports.clock.self));
		key->due_ms = 0;
	}
}

bool controller_awaits(const struct controller *c, const char *name)
{
	for (size_t i = 0; i < c->keys.n; i++) {
		const struct key *key = c->keys.entries[i].value;

		for (size_t j = 0; j < key->n_events; j++)
			if (!strcmp(key->events[j].name, name))
				return true;
	}
	return false;
}

void controller_disk(struct controller *c, bool full)
{
	if (full == c->disk_full)
		return;
	c->disk_full = full;
	if (full)
		log_error("the disk of the state folder is full: nothing new begins, what serves goes on");
	else
		log_info("the disk of the state folder has room again");
}

/* A wall clock that jumps is not trusted until it has been steady for a while (S20). */
static void look_at_clock(struct controller *c)
{
	int64_t offset, jump;

	c->now_ms = c->ports.clock.now_ms(c->ports.clock.self);
	c->wall_ms = c->ports.clock.wall_ms(c->ports.clock.self);
	offset = c->wall_ms - c->now_ms;
	jump = offset - c->wall_offset_ms;
	c->wall_offset_ms = offset;
	if (jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS) {
		log_warn("the clock jumped by %lld ms; observing only until it is steady",
		         (long long)jump);
		c->steady_from_ms = c->now_ms + CLOCK_SETTLE_MS;
	}
}

static void look_at_git(struct controller *c)
{
	struct oid ours = c->heads.status;
	int64_t seen_ms = c->heads.seen_ms;
	const char *problem;

	c->ports.git.sync(c->ports.git.self, c->now_ms, &c->heads);
	c->figures.git_looks += c->heads.seen_ms != seen_ms;
	if (c->started && ours.hex[0] && !c->heads.status.hex[0])
		c->heads.status = ours;
	problem = c->heads.problem ? c->heads.problem : "";
	if (strcmp(problem, c->problem)) {
		snprintf(c->problem, sizeof(c->problem), "%s", problem);
		if (problem[0])
			log_warn("fleet '%s': %s", c->config.fleet_name, problem);
		else
			log_info("fleet '%s': reachable again", c->config.fleet_name);
	}
}

static void give_requests(struct controller *c, struct task *task, const struct asked_list *asked)
{
	for (size_t i = 0; i < asked->n; i++) {
		struct request *request;

		if (asked->items[i].key != task->key)
			continue;
		request = list_push(&c->arena, &task->requests, &task->n_requests);
		*request = asked->items[i].request;
	}
}

/* What only a person can mend is shown in the fleet's table, where no status file can say it. */
static void key_stalled(struct controller *c, struct key *key, const struct err *err)
{
	struct deployment_status shown = {.phase = PHASE_STALLED, .message = err->text};

	if (err->kind != ERR_STALLED || !key->environment ||
	    (key->row.known && key->row.message && !strcmp(key->row.message, err->text)))
		return;
	shown.phase_since_ms = c->wall_ms;
	key_row(key, &shown);
	key->unreadable = c->readme_stale = true;
}

/* One that cannot be planned is left for later; false when what was asked of it has to wait too. */
static bool plan_one(struct controller *c, struct task *task)
{
	struct err err = {0};

	c->unread = false;
	if (!(task->key->environment ? task_deployment(c, task, &err) : task_model(c, task, &err)))
		return true;
	log_warn("%s: %s", task->key->id, err.text);
	c->figures.plan_errors++;
	task->plan = NULL;
	task->key->due_ms = c->now_ms + (err.kind == ERR_STALLED ? STALLED_MS : 5000);
	key_stalled(c, task->key, &err);
	return !task->n_requests || err.kind == ERR_STALLED;
}

/* All that was asked is given again; what needs nobody's word (harm, healing) is planned now. */
static void plan_unasked(struct controller *c, struct task *task)
{
	bool planned = task->plan != NULL;

	if (!task->n_requests)
		return;
	*task = (struct task){.key = task->key, .observed = task->observed};
	task->key->due_ms = c->now_ms + 1000;
	if (planned && task->key->environment)
		plan_one(c, task);
}

void plan_all(struct controller *c, struct task *tasks, size_t n, struct asked_list *asked)
{
	bool lost = false;

	for (size_t i = 0; i < n; i++) {
		give_requests(c, &tasks[i], asked);
		lost = !plan_one(c, &tasks[i]) || lost;
	}
	if (!lost)
		return;
	asked->upto = (struct oid){""};
	for (size_t i = 0; i < n; i++)
		plan_unasked(c, &tasks[i]);
}

/* When each planned key is due again, by its plan's wish. */
static void schedule(struct controller *c, struct task *task)
{
	struct key *key = task->key;
	int64_t wake_ms = task->plan ? task->plan->wake_ms : -1;

	key->busy = task->plan && wake_ms >= 0 && wake_ms - c->wall_ms < 30000;
	if (task->failed || !task->plan)
		return; /* when it is tried again was said where it failed */
	key->backoff_ms = 0;
	if (wake_ms < 0)
		key->due_ms = NEVER;
	else
		key->due_ms = c->now_ms + (wake_ms > c->wall_ms ? wake_ms - c->wall_ms : 0);
	if (key->held_ms && key->due_ms > key->held_ms + HOLD_MS)
		key->due_ms = key->held_ms + HOLD_MS;
	if (task->pending && key->due_ms > c->now_ms + PENDING_MS)
		key->due_ms = c->now_ms + PENDING_MS;
	if (task->looks_again && key->due_ms > c->now_ms + LOOK_AGAIN_MS)
		key->due_ms = c->now_ms + LOOK_AGAIN_MS;
	key->busy = key->busy || task->pending || key->held_ms;
}

/* Whether something was decided, beside what was only seen. */
static bool was_decided(const struct controller *c, const struct task *task)
{
	const struct transition *history =
		task->key->environment ? task->rollout.next.history : task->training.next.history;
	size_t n = task->key->environment ? task->rollout.next.n_history
	                                  : task->training.next.n_history;

	return n && history[0].at_ms == c->wall_ms;
}

/* Neighbours of what changed: a model looks at its deployments' phases, and they at its verdicts.
 * */
static void wake_neighbours(struct controller *c, const struct task *task)
{
	const struct model *model = task->key->environment ? task->desired.model : task->model;
	const char **names;
	struct key *key;
	size_t n;

	if (!model)
		return;
	if (task->key->environment) {
		key = key_need(c, NULL, model->meta.name);
		key->due_ms = c->now_ms;
		return;
	}
	n = fleet_deployments_of(c->fleet, model->meta.name, &c->arena, &names);
	for (size_t i = 0; i < n; i++) {
		const char *slash = strchr(names[i], '/');
		char *environment = arena_strndup(&c->arena, names[i], (size_t)(slash - names[i]));

		key = key_need(c, environment, slash + 1);
		key->due_ms = c->now_ms;
	}
}

/* What could not be recorded is planned anew: at once on top of somebody's commit, else when there
 * may be room again. */
static void try_later(struct controller *c, struct task *tasks, size_t n, const struct err *err)
{
	log_warn("%s", err->text);
	for (size_t i = 0; i < n; i++)
		tasks[i].key->due_ms = c->now_ms + (err->kind == ERR_CONFLICT ? 0 : c->config.poll_ms);
}

static void record_outcomes(struct controller *c, struct task *tasks, size_t n)
{
	struct asked_list nothing = {0};
	struct task *noted, *last;
	struct err err = {0};
	size_t n_noted = 0;

	for (size_t i = 0; i < n; i++)
		n_noted += tasks[i].noted;
	noted = last = arena_array(&c->arena, n_noted, struct task);
	for (size_t i = 0; i < n; i++) {
		if (!tasks[i].noted)
			continue;
		*last = tasks[i];
		last->rollout.changed = last->key->environment != NULL;
		last++->training.changed = true;
		tasks[i].key->due_ms = c->now_ms;
	}
	if (n_noted && publish(c, noted, n_noted, &nothing, &err))
		try_later(c, noted, n_noted, &err);
}

/* They are recorded as kicks, or nobody waits for them. */
static void events_done(struct key *key)
{
	free(key->events);
	key->events = NULL;
	key->n_events = 0;
}

/* Reduce, record the intent, act, record the outcome. */
static void carry_out(struct controller *c, struct task *tasks, size_t n,
                      const struct asked_list *asked)
{
	struct err err = {0};

	for (size_t i = 0; i < n; i++) {
		if (tasks[i].plan && tasks[i].key->environment)
			evidence_save(c, &tasks[i]);
		execute(c, &tasks[i], true);
	}
	if (publish(c, tasks, n, asked, &err)) {
		try_later(c, tasks, n, &err);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		execute(c, &tasks[i], false);
		schedule(c, &tasks[i]);
	}
	record_outcomes(c, tasks, n);
	for (size_t i = 0; i < n; i++) {
		show(c, &tasks[i]);
		if (tasks[i].plan || tasks[i].undeclared)
			events_done(tasks[i].key);
		if (tasks[i].plan && was_decided(c, &tasks[i]))
			wake_neighbours(c, &tasks[i]);
		if (tasks[i].plan && tasks[i].rollout.gone) {
			evidence_forget(c, tasks[i].key);
			key_drop(c, tasks[i].key);
		}
	}
}

/* What runs here though neither manifest nor status knows it (a lost state): looked after too. */
static int adopt_inventory(struct controller *c, struct err *err)
{
	struct serving_key *keys;
	size_t n;

	if (c->ports.serving.inventory(c->ports.serving.self, &c->arena, &keys, &n, err))
		return err_wrap(err, "serving inventory");
	for (size_t i = 0; i < n; i++)
		key_need(c, keys[i].environment, keys[i].deployment);
	return 0;
}

/* All that was decided so far is at hand: the status branch was read up to its tip. */
static bool status_known(const struct controller *c)
{
	return c->started && strcmp(c->loaded.hex, c->heads.status.hex) == 0;
}

static int look(struct controller *c, struct asked_list *asked, struct err *err)
{
	struct err trouble = {0};
	bool first = !c->started;

	look_at_clock(c);
	look_at_git(c);
	if (load_status(c, &trouble)) {
		if (trouble.kind == ERR_STALLED) {
			*err = trouble;
			return -1;
		}
		log_warn("%s", trouble.text);
		trouble = (struct err){0};
	}
	if (!status_known(c))
		return 0;
	if (c->heads.seen_ms >= 0) /* until then what is known of the branch may be old */
		c->config.take_over = false;
	keep_epoch(c);
	if (first && adopt_inventory(c, &trouble))
		log_warn("%s", trouble.text);
	if (load_fleet(c, &trouble) || load_requests(c, asked, &trouble))
		log_warn("%s", trouble.text);
	return 0;
}

static int64_t since(const struct controller *c, int64_t begun_ms)
{
	return c->ports.clock.now_ms(c->ports.clock.self) - begun_ms;
}

static void observe_and_plan(struct controller *c, struct task *tasks, size_t n,
                             struct asked_list *asked)
{
	int64_t begun_ms = c->ports.clock.now_ms(c->ports.clock.self), observed_ms;
	struct err trouble = {0};

	if (task_observe(c, tasks, n, &trouble)) {
		log_warn("%s", trouble.text);
		c->figures.observe_errors++;
	}
	observed_ms = since(c, begun_ms);
	plan_all(c, tasks, n, asked);
	c->figures.keys_planned += n;
	if (n)
		timing_add(&c->figures.observe, observed_ms);
	if (n)
		timing_add(&c->figures.plan, since(c, begun_ms) - observed_ms);
}

/* Says once how long it took to look at all keys that a new commit made due. */
static void tell_progress(struct controller *c, bool fleet_moved, size_t n, int64_t next_ms)
{
	if (fleet_moved) {
		c->moved_ms = c->now_ms;
		c->n_planned = 0;
	}
	c->n_planned += n;
	if (!c->moved_ms || (c->n_planned >= BATCH_KEYS && next_ms <= c->now_ms))
		return;
	log_info("planned %zu keys in %lld ms", c->n_planned, (long long)since(c, c->moved_ms));
	c->moved_ms = 0;
}

/* Nothing outlives the pass before but what was decoded of statuses and manifests, until that is
 * much. What a crowd took goes back to the system after it. */
static void begin_pass(struct controller *c)
{
	c->large = c->large || c->arena.bytes_used + c->declared.bytes_used >= LARGE_BYTES;
	arena_reset(&c->arena);
	if (c->decoded_arena.bytes_used >= DECODED_BYTES) {
		map_deinit(&c->decoded);
		arena_reset(&c->decoded_arena);
	}
	if (c->declared.bytes_used >= (c->crowded ? DECLARED_BYTES : DECODED_BYTES)) {
		fleet_remember(c->fleet, NULL);
		arena_reset(&c->declared);
		fleet_remember(c->fleet, &c->declared);
	}
	if (c->large && !c->crowded) {
		malloc_trim(0);
		c->large = false;
	}
}

int controller_pass(struct controller *c, int64_t *wake_ms, struct err *err)
{
	struct asked_list asked = {0};
	struct oid before = c->applied, recorded;
	struct key **due;
	struct task *tasks;
	bool fleet_moved;
	int64_t next;
	size_t n;

	begin_pass(c);
	if (look(c, &asked, err))
		return -1;
	*wake_ms = c->heads.busy ? GIT_BUSY_MS : c->config.poll_ms;
	if (!status_known(c))
		return 0;
	recorded = c->heads.status;
	due = keys_due(c, &asked, BATCH_KEYS, &n);
	c->crowded = n >= BATCH_KEYS;
	tasks = arena_array(&c->arena, n, struct task);
	fleet_moved = strcmp(before.hex, c->applied.hex) != 0;
	for (size_t i = 0; i < n; i++)
		tasks[i].key = due[i];
	observe_and_plan(c, tasks, n, &asked);
	carry_out(c, tasks, n, &asked);
	timing_add(&c->figures.pass, since(c, c->now_ms));
	next = keys_next_due(c);
	tell_progress(c, fleet_moved, n, next);
	if (strcmp(c->heads.status.hex, recorded.hex)) /* to be pushed */
		next = c->now_ms;
	if (next - c->now_ms < *wake_ms)
		*wake_ms = next <= c->now_ms ? 0 : next - c->now_ms;
	return 0;
}

bool controller_quiet(const struct controller *c)
{
	if (c->heads.seen_ms < 0 || !c->started || !c->applied.hex[0] ||
	    !oid_same(c->applied, c->heads.fleet) || !c->heads.status_pushed || c->problem[0])
		return false;
	for (size_t i = 0; i < c->keys.n; i++) {
		const struct key *key = c->keys.entries[i].value;

		if (key->busy || key->due_ms <= c->now_ms)
			return false;
	}
	return true;
}

int controller_check(const struct controller *c, struct err *err)
{
	if (!c->heads.unreachable || (c->heads.seen_ms >= 0 && c->heads.fleet.hex[0]))
		return 0;
	return err_set(err, ERR_TRANSIENT, "fleet '%s': %s", c->config.fleet_name, c->problem);
}
