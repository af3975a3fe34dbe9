/* What was decided, onto the status branch: one commit a batch. And evidence into the state
 * folder. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "controller/internal.h"

/* The files of one commit, growing in the pass's arena. */
struct batch {
	struct controller *c;
	struct git_file *files;
	size_t n;
	struct buf subject, body;
	const char *first; /* key of the first file */
	size_t n_keys, n_transitions;
};

static void add_file(struct batch *batch, const char *path, const struct buf *text)
{
	struct git_file *file = list_push(&batch->c->arena, &batch->files, &batch->n);

	file->path = path;
	if (text)
		file->text = (struct bytes){arena_memdup(&batch->c->arena, text->text, text->len),
		                            text->len};
}

/* A line of the message for each transition that `next` has and the history before had not; what a
 * commit of this pass told already is not told again by the one that adds the acts' outcomes. */
static void add_transitions(struct batch *batch, const struct task *task,
                            const struct transition *history, size_t n)
{
	const struct key *key = task->key;

	for (size_t i = n; i > 0 && !task->told; i--) {
		const struct transition *transition = &history[i - 1];

		if (transition->at_ms != batch->c->wall_ms)
			continue;
		if (batch->n_transitions++ == 0)
			buf_printf(&batch->subject, "%s: %s",
			           key->environment ? key->id + strlen("deployment/") : key->id,
			           transition->what);
		buf_printf(&batch->body, "%s: %s: %s\n", key->id, transition->what,
		           transition->why ? transition->why : "");
	}
}

static const char *key_path(struct controller *c, struct key *key)
{
	if (!key->has_status)
		key->sharded = keys_count(c, key->environment) > 1000;
	return status_path(&c->arena, key->environment, key->name, key->sharded);
}

static void add_key(struct batch *batch, const struct key *key)
{
	if (batch->n_keys++ == 0)
		batch->first = key->environment ? key->id + strlen("deployment/") : key->id;
}

static void add_deployment(struct batch *batch, struct task *task)
{
	struct controller *c = batch->c;
	const char *path = key_path(c, task->key);
	const struct deployment_status *next = &task->rollout.next;
	struct buf text;

	add_key(batch, task->key);
	buf_init(&text, LIMIT_STATUS_BYTES);
	status_encode(&text, next);
	if (task->rollout.gone) {
		add_file(batch, path, NULL);
		path = arena_printf(&c->arena, "retired/%s", path + strlen("status/"));
	}
	add_file(batch, path, &text);
	buf_deinit(&text);
	add_transitions(batch, task, next->history, next->n_history);
	key_row(task->key, next);
	c->readme_stale = true;
}

static void add_model(struct batch *batch, struct task *task)
{
	const struct model_status *next = &task->training.next;
	struct buf text;

	add_key(batch, task->key);
	buf_init(&text, LIMIT_STATUS_BYTES);
	model_status_encode(&text, next);
	add_file(batch, key_path(batch->c, task->key), &text);
	buf_deinit(&text);
	add_transitions(batch, task, next->history, next->n_history);
}

/* After a start the table is written once every deployment was looked at. */
static bool rows_known(const struct controller *c)
{
	for (size_t i = 0; i < c->keys.n; i++) {
		const struct key *key = c->keys.entries[i].value;

		if (key->environment && !key->row.known)
			return false;
	}
	return true;
}

static void add_readme(struct batch *batch)
{
	struct controller *c = batch->c;
	struct readme_row *rows = arena_array(&c->arena, README_ROWS, struct readme_row);
	struct buf text;
	size_t n = 0;

	for (size_t i = 0; i < c->keys.n && n < README_ROWS; i++) {
		const struct key *key = c->keys.entries[i].value;

		if (key->row.known)
			rows[n++] = (struct readme_row){key->environment, key->name, key_status(c, key)};
	}
	buf_init(&text, LIMIT_STATUS_BYTES);
	readme_encode(&text, rows, n);
	add_file(batch, "README.md", &text);
	buf_deinit(&text);
}

/* The commit that says a request was acted on holds what came of it: a rewind that was accepted is
 * not asked for twice. */
static void add_controller(struct batch *batch, const struct asked_list *asked)
{
	struct controller *c = batch->c;
	const struct oid *accepted = c->rewound.hex[0] ? &c->rewound
	                             : c->applied.hex[0] ? &c->applied : &c->recorded;
	struct controller_record record = {
		.id = c->config.id,
		.epoch = c->epoch,
		.accepted = accepted->hex,
		.requests = asked->upto.hex[0] ? asked->upto.hex : c->requests_done.hex,
	};
	struct buf text;

	buf_init(&text, LIMIT_STATUS_BYTES);
	controller_encode(&text, &record);
	add_file(batch, "controller.yaml", &text);
	buf_deinit(&text);
}

static const char *message(struct batch *batch)
{
	struct controller *c = batch->c;
	const char *subject = buf_text(&batch->subject);

	if (batch->n_keys == 0)
		subject = "controller: records itself";
	else if (batch->n_transitions == 0)
		subject = arena_printf(&c->arena, "%s: as observed%s", batch->first,
		                       batch->n_keys > 1 ? ", and others" : "");
	else if (batch->n_transitions > 1)
		subject = arena_printf(&c->arena, "%s and %zu more", subject, batch->n_transitions - 1);
	return arena_printf(&c->arena,
	                    "%s [skip ci]\n\n%s\nLinnet-Controller: %s\nLinnet-Fleet-Commit: %s\n",
	                    subject, buf_text(&batch->body), c->config.id, c->applied.hex);
}

static int commit(struct batch *batch, const struct asked_list *asked, struct err *err)
{
	struct controller *c = batch->c;
	struct oid tip;
	bool readme;

	readme = c->readme_stale && rows_known(c);
	if (readme)
		add_readme(batch);
	add_controller(batch, asked);
	if (c->ports.git.publish(c->ports.git.self, c->heads.status, batch->files, batch->n,
	                         message(batch), &tip, err)) {
		c->figures.publish_errors++;
		return err_wrap(err, "status branch");
	}
	c->figures.status_commits++;
	c->heads.status = c->loaded = tip;
	c->readme_stale = c->readme_stale && !readme;
	c->claimed = true;
	if (asked->upto.hex[0])
		c->requests_done = asked->upto;
	return 0;
}

/* Nothing was decided, something was only read back: that a later look finds again, so it waits a
 * while for a transition to go along with, and the branch's log stays readable. */
static bool may_wait(struct controller *c, struct task *task)
{
	const struct deployment_status *next = &task->rollout.next, *before = task->history;
	struct key *key = task->key;
	bool decided = next->phase != before->phase || next->n_history != before->n_history ||
	               (next->n_history && next->history[0].at_ms != before->history[0].at_ms) ||
	               next->stable_weight != before->stable_weight ||
	               next->candidate_weight != before->candidate_weight || task->rollout.gone ||
	               task->noted || task->n_requests || !key->has_status;

	if (decided || !task->rollout.changed) {
		key->held_ms = 0;
		return false;
	}
	if (!key->held_ms)
		key->held_ms = c->now_ms;
	if (c->now_ms - key->held_ms < HOLD_MS)
		return true;
	key->held_ms = 0;
	return false;
}

/* One commit for all tasks whose history changed; none when nothing did. CONFLICT: the branch
 * moved; nothing was recorded, look again. */
int publish(struct controller *c, struct task *tasks, size_t n, const struct asked_list *asked,
            struct err *err)
{
	struct batch batch = {.c = c};
	int result = 0;

	buf_init(&batch.subject, 4096);
	buf_init(&batch.body, 64 << 10);
	for (size_t i = 0; i < n; i++) {
		if (!tasks[i].plan)
			continue;
		if (tasks[i].key->environment && may_wait(c, &tasks[i]))
			tasks[i].rollout.changed = false;
		if (tasks[i].key->environment && tasks[i].rollout.changed)
			add_deployment(&batch, &tasks[i]);
		else if (!tasks[i].key->environment && tasks[i].training.changed)
			add_model(&batch, &tasks[i]);
	}
	if (batch.n || asked->upto.hex[0] || (!c->claimed && c->applied.hex[0]) ||
	    (c->readme_stale && rows_known(c)))
		result = commit(&batch, asked, err);
	for (size_t i = 0; result == 0 && i < n; i++)
		if (tasks[i].plan && (tasks[i].rollout.changed || tasks[i].training.changed)) {
			tasks[i].key->has_status = !tasks[i].rollout.gone;
			if (!tasks[i].told)
				count_entered(c, &tasks[i]);
			tasks[i].told = true;
		}
	buf_deinit(&batch.subject);
	buf_deinit(&batch.body);
	return result;
}

/* ---- evidence ---- */

static void evidence_path(const struct key *key, char out[2 * LIMIT_NAME + 32])
{
	snprintf(out, 2 * LIMIT_NAME + 32, "evidence/%s/%s.json", key->environment, key->name);
}

/* Copies `bytes` behind what a block holds already. */
static void *append(char **end, const void *from, size_t bytes)
{
	void *at = *end;

	if (bytes)
		memcpy(at, from, bytes);
	*end += bytes;
	return at;
}

/* One block: the lists behind what they belong to, their texts at the end. */
static struct evidence *evidence_copy(const struct evidence *evidence)
{
	size_t marks = evidence->n_marks * sizeof(*evidence->marks);
	size_t predicted = evidence->n_predicted * sizeof(*evidence->predicted);
	size_t watched = evidence->n_watched * sizeof(*evidence->watched), texts = 0;
	struct evidence *copy;
	char *end;

	for (size_t i = 0; i < evidence->n_predicted; i++)
		texts += strlen(evidence->predicted[i].label) + 1;
	for (size_t i = 0; i < evidence->n_watched; i++)
		texts += strlen(evidence->watched[i].name) + 1;
	copy = heap_alloc(1, sizeof(*copy) + marks + predicted + watched + texts);
	end = (char *)(copy + 1);
	*copy = *evidence;
	copy->marks = append(&end, evidence->marks, marks);
	copy->predicted = append(&end, evidence->predicted, predicted);
	copy->watched = append(&end, evidence->watched, watched);
	for (size_t i = 0; i < copy->n_predicted; i++) {
		const char *label = evidence->predicted[i].label;

		copy->predicted[i].label = append(&end, label, strlen(label) + 1);
	}
	for (size_t i = 0; i < copy->n_watched; i++) {
		const char *name = evidence->watched[i].name;

		copy->watched[i].name = append(&end, name, strlen(name) + 1);
	}
	return copy;
}

/* Bytes that are only padding may differ too: then what is known is written once more. */
static bool evidence_same(const struct evidence *a, const struct evidence *b)
{
	size_t flat = offsetof(struct evidence, marks);

	return memcmp(a, b, flat) == 0 && a->n_marks == b->n_marks &&
	       (a->n_marks == 0 || !memcmp(a->marks, b->marks, a->n_marks * sizeof(*a->marks)));
}

static void evidence_read(struct controller *c, struct key *key)
{
	char path[2 * LIMIT_NAME + 32];
	struct evidence evidence = {0};
	struct err err = {0};
	struct buf text;

	evidence_path(key, path);
	buf_init(&text, LIMIT_STATUS_BYTES);
	if (!file_read(c->config.state_fd, path, &text, &err)) {
		if (evidence_decode(buf_text(&text), text.len, &c->arena, &evidence, &err))
			log_warn("%s: evidence begins anew: %s", key->id, err.text);
		else
			key->evidence = evidence_copy(&evidence);
		key->evidence_filed = true;
	} else if (err.kind != ERR_STALLED) {
		log_warn("%s: evidence begins anew: %s", key->id, err.text);
	}
	buf_deinit(&text);
}

/* What was gathered since the last transition, from memory or, after a restart, from the folder.
 * Its lists are lent until the next load: what this pass decides from it is recorded after it was
 * saved. */
void evidence_load(struct controller *c, struct key *key, struct evidence *out)
{
	free(key->lent);
	key->lent = NULL;
	if (!key->evidence_known)
		evidence_read(c, key);
	key->evidence_known = true;
	*out = key->evidence ? *key->evidence : (struct evidence){0};
}

/* No replica was seen and nothing is rolled out: who begins anew knows as much. */
static bool evidence_is_none(const struct evidence *evidence)
{
	return !evidence->revision.hex[0] && evidence->n_marks == 0 &&
	       evidence->recent.requests == 0;
}

static void evidence_unfile(struct controller *c, struct key *key)
{
	char path[2 * LIMIT_NAME + 32];
	struct err err = {0};

	evidence_path(key, path);
	if (dir_remove_all(c->config.state_fd, path, &err))
		log_warn("%s: evidence: %s", key->id, err.text);
	key->evidence_filed = false;
}

/* Renamed into the state folder each tick that changed it, so that kill -9 loses nothing. Without a
 * candidate it is what is known of the stable revision, kept in memory alone: a restart learns it
 * anew, and nothing is written while nothing is rolled out. */
void evidence_save(struct controller *c, struct task *task)
{
	char path[2 * LIMIT_NAME + 32], *folder;
	struct key *key = task->key;
	struct evidence *before = key->evidence;
	struct err err = {0};
	struct buf text;

	if (before ? evidence_same(before, &task->evidence) : evidence_is_none(&task->evidence))
		return;
	key->evidence = evidence_copy(&task->evidence);
	free(key->lent);
	key->lent = before;
	if (!task->evidence.revision.hex[0]) {
		if (key->evidence_filed)
			evidence_unfile(c, key);
		return;
	}
	buf_init(&text, LIMIT_STATUS_BYTES);
	evidence_encode(&text, &task->evidence);
	evidence_path(key, path);
	folder = arena_printf(&c->arena, "evidence/%s", key->environment);
	if (dir_make_all(c->config.state_fd, folder, 0700, &err) ||
	    file_replace(c->config.state_fd, path, text.text, text.len, 0600, &err))
		log_error("%s: evidence: %s", key->id, err.text);
	buf_deinit(&text);
	key->evidence_filed = true;
}

void evidence_forget(struct controller *c, struct key *key)
{
	evidence_unfile(c, key);
	free(key->evidence);
	free(key->lent);
	key->evidence = key->lent = NULL;
}
