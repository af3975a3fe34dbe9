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

static void row_free(struct row *row)
{
	free(row->stable);
	free(row->candidate);
	free(row->message);
	*row = (struct row){0};
}

static void key_free(struct key *key)
{
	row_free(&key->row);
	free(key->id);
	free(key->environment);
	free(key->name);
	free(key->evidence);
	free(key->lent);
	free(key->shown);
	free(key->events);
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

static char *version_copy(const struct deployment_status *status, struct digest digest)
{
	const struct revision *revision = status_revision(status, digest);

	return revision && revision->version ? heap_strdup(revision->version) : NULL;
}

/* Keeps of a status what the README's line shows, on the heap. */
void key_row(struct key *key, const struct deployment_status *status)
{
	row_free(&key->row);
	key->row = (struct row){
		.known = true,
		.phase = status->phase,
		.since_ms = status->phase_since_ms,
		.stable = version_copy(status, status->stable),
		.candidate = version_copy(status, status->candidate),
		.stable_weight = status->stable_weight,
		.candidate_weight = status->candidate_weight,
		.message = status->message ? heap_strdup(status->message) : NULL,
	};
}

const struct deployment_status *key_status(struct controller *c, const struct key *key)
{
	struct deployment_status *status = arena_new(&c->arena, struct deployment_status);
	const char *versions[] = {key->row.stable, key->row.candidate};
	struct digest *digests[] = {&status->stable, &status->candidate};

	status->environment = key->environment;
	status->name = key->name;
	status->phase = key->row.phase;
	status->phase_since_ms = key->row.since_ms;
	status->stable_weight = key->row.stable_weight;
	status->candidate_weight = key->row.candidate_weight;
	status->message = key->row.message;
	status->revisions = arena_array(&c->arena, 2, struct revision);
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		if (!versions[i])
			continue;
		*digests[i] = digest_of(versions[i], strlen(versions[i]));
		status->revisions[status->n_revisions].digest = *digests[i];
		status->revisions[status->n_revisions++].version = versions[i];
	}
	return status;
}

static void take(struct key *key, struct key **due, size_t *n)
{
	if (!key || key->in_pass)
		return;
	key->in_pass = true;
	due[(*n)++] = key;
}

static bool is_due(const struct controller *c, const struct key *key)
{
	return key && key->due_ms <= c->now_ms;
}

/* A due model and those of its deployments that are due: what they share is then read once. */
static void take_model(struct controller *c, struct key *model, size_t most, struct key **due,
                       size_t *n)
{
	const char **names;
	size_t n_names = fleet_deployments_of(c->fleet, model->name, &c->arena, &names);

	for (size_t i = 0; i < n_names && *n + 1 < most; i++) {
		struct key *key = map_get(&c->keys, arena_printf(&c->arena, "deployment/%s", names[i]));

		if (is_due(c, key))
			take(key, due, n);
	}
	take(model, due, n);
}

/* The keys that are due, at most `most`, in the pass's arena; those that somebody asked of
 * first, because what was asked counts as given once this pass is recorded. */
struct key **keys_due(struct controller *c, const struct asked_list *asked, size_t most, size_t *n)
{
	size_t room = c->keys.n < most + asked->n ? c->keys.n : most + asked->n;
	struct key **due = arena_array(&c->arena, room, struct key *);

	*n = 0;
	for (size_t i = 0; i < asked->n; i++)
		take(asked->items[i].key, due, n);
	for (size_t i = map_lower_bound(&c->keys, "model/"); i < c->keys.n && *n < most; i++)
		if (is_due(c, c->keys.entries[i].value))
			take_model(c, c->keys.entries[i].value, most, due, n);
	for (size_t i = 0; i < c->keys.n && *n < most; i++)
		if (is_due(c, c->keys.entries[i].value))
			take(c->keys.entries[i].value, due, n);
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
