/* The keys: what is looked after and when each is next due. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "controller/internal.h"

static void id_write(char out[2 * LIMIT_NAME + 32], const char *environment, const char *name)
{
	if (environment)
		snprintf(out, 2 * LIMIT_NAME + 32, "deployment/%s/%s", environment, name);
	else
		snprintf(out, 2 * LIMIT_NAME + 32, "model/%s", name);
}

struct key *key_find(struct controller *c, const char *environment, const char *name)
{
	char id[2 * LIMIT_NAME + 32];

	id_write(id, environment, name);
	return map_get(&c->keys, id);
}

struct key *key_need(struct controller *c, const char *environment, const char *name)
{
	struct key *key = key_find(c, environment, name);
	char id[2 * LIMIT_NAME + 32];

	if (key)
		return key;
	id_write(id, environment, name);
	key = heap_alloc(1, sizeof(*key));
	key->id = heap_strdup(id);
	key->environment = environment ? heap_strdup(environment) : NULL;
	key->name = heap_strdup(name);
	key->due_ms = c->now_ms;
	map_put(&c->keys, key->id, key);
	return key;
}

static void row_free(struct key *key)
{
	struct deployment_status *status = (struct deployment_status *)key->row.status;

	if (!status)
		return;
	for (size_t i = 0; i < status->n_revisions; i++)
		free((char *)status->revisions[i].version);
	free(status->revisions);
	free((char *)status->reason);
	free((char *)status->message);
	free(status);
	key->row.status = NULL;
}

static void key_free(struct key *key)
{
	row_free(key);
	free(key->id);
	free(key->environment);
	free(key->name);
	free(key->evidence);
	free(key);
}

void key_drop(struct controller *c, struct key *key)
{
	map_remove(&c->keys, key->id);
	key_free(key);
}

void keys_free(struct controller *c)
{
	for (size_t i = 0; i < c->keys.n; i++)
		key_free(c->keys.entries[i].value);
	map_deinit(&c->keys);
}

/* Keeps of a status what the README's line shows, on the heap. */
void key_row(struct key *key, const struct deployment_status *status)
{
	struct deployment_status *row = heap_alloc(1, sizeof(*row));

	row->environment = key->environment;
	row->name = key->name;
	row->phase = status->phase;
	row->phase_since_ms = status->phase_since_ms;
	row->stable = status->stable;
	row->candidate = status->candidate;
	row->stable_weight = status->stable_weight;
	row->candidate_weight = status->candidate_weight;
	row->step = status->step;
	row->reason = status->reason ? heap_strdup(status->reason) : NULL;
	row->message = status->message ? heap_strdup(status->message) : NULL;
	row->revisions = heap_alloc(2, sizeof(*row->revisions));
	for (int i = 0; i < 2; i++) {
		struct digest digest = i == 0 ? status->stable : status->candidate;
		const struct revision *revision = status_revision(status, digest);

		if (!revision)
			continue;
		row->revisions[row->n_revisions].digest = digest;
		row->revisions[row->n_revisions++].version = heap_strdup(revision->version);
	}
	row_free(key);
	key->row = (struct readme_row){key->environment, key->name, row};
}

/* The keys that are due, at most `most`, in the pass's arena; those that somebody asked of first,
 * because what was asked counts as given once this pass is recorded. */
struct key **keys_due(struct controller *c, const struct asked_list *asked, size_t most, size_t *n)
{
	struct key **due = arena_array(&c->arena, most + asked->n, struct key *);

	*n = 0;
	for (size_t i = 0; i < asked->n; i++) {
		if (asked->items[i].key->in_pass)
			continue;
		asked->items[i].key->in_pass = true;
		due[(*n)++] = asked->items[i].key;
	}
	for (size_t i = 0; i < c->keys.n && *n < most; i++) {
		struct key *key = c->keys.entries[i].value;

		if (key->due_ms <= c->now_ms && !key->in_pass)
			due[(*n)++] = key;
	}
	for (size_t i = 0; i < *n; i++)
		due[i]->in_pass = false;
	return due;
}

int64_t keys_next_due(const struct controller *c)
{
	int64_t next = NEVER;

	for (size_t i = 0; i < c->keys.n; i++) {
		const struct key *key = c->keys.entries[i].value;

		if (key->due_ms < next)
			next = key->due_ms;
	}
	return next;
}

size_t keys_count(const struct controller *c, const char *environment)
{
	char from[2 * LIMIT_NAME + 32], to[2 * LIMIT_NAME + 32];

	if (environment) {
		snprintf(from, sizeof(from), "deployment/%s/", environment);
		snprintf(to, sizeof(to), "deployment/%s0", environment); /* '0' follows '/' */
	} else {
		snprintf(from, sizeof(from), "model/");
		snprintf(to, sizeof(to), "model0");
	}
	return map_lower_bound(&c->keys, to) - map_lower_bound(&c->keys, from);
}

size_t keys_deployments(const struct controller *c)
{
	return c->keys.n - keys_count(c, NULL);
}
