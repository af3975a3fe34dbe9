#include "adapter/serving_local.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/serving_local_parts.h"
#include "base/file.h"
#include "base/heap.h"

enum {
	APPLY_ARENA_BYTES = 64 << 20,
	PROBE_WAIT_MS = 200,
	PORT_FIRST = 20000,
	PORTS = 10000,
};

/* ---- observe ---- */

/* The replicas of one key, while a look is under way. */
struct look {
	struct serving_key key;
	const struct output_spec *output;
	struct replica_view *views;
	size_t n;
	bool failed;
};

/* A folder without a readable file is a start that was cut off before anything ran: not ours to
 * report, and the next start of that slot takes it over. */
static int look_at(struct serving_local *serving, struct look *look, struct arena *arena,
                   struct err *err)
{
	struct strings names;

	if (folder_list(state_path(serving, arena, "replicas", look->key, ""), arena, &names, err) < 0)
		return -1;
	look->views = arena_array(arena, names.n, struct replica_view);
	for (size_t i = 0; i < names.n; i++) {
		struct replica_view *view = &look->views[look->n];

		if (replica_look(serving, look->key, names.items[i], arena, view, err) == 0)
			look->n++;
		else if (err->kind != ERR_STALLED)
			return -1;
	}
	return 0;
}

static void want_probes(struct serving_local *serving, const struct look *look)
{
	for (size_t i = 0; i < look->n; i++) {
		const struct replica_view *view = &look->views[i];

		if (replica_is_waiting(serving, look->key, view))
			probe_want(serving->probes, view->address, view->seen.start_ticks,
			           view->file.model);
	}
}

static int step(struct serving_local *serving, struct look *look, struct err *err)
{
	for (size_t i = 0; i < look->n; i++)
		if (replica_step(serving, look->key, &look->views[i], err) < 0)
			return -1;
	return 0;
}

static int by_revision(const void *a, const void *b)
{
	const struct replica *x = a, *y = b;
	int order = strcmp(x->revision.hex, y->revision.hex);

	return order ? order : (x->slot > y->slot) - (x->slot < y->slot);
}

static void report_replicas(struct serving_local *serving, const struct look *look,
                            struct arena *arena, struct observed *out)
{
	out->replicas = arena_array(arena, look->n, struct replica);
	for (size_t i = 0; i < look->n; i++)
		if (!look->views[i].gone)
			replica_report(serving, look->key, &look->views[i], arena,
			               &out->replicas[out->n_replicas++]);
	if (out->n_replicas > 0)
		qsort(out->replicas, out->n_replicas, sizeof(*out->replicas), by_revision);
}

static void add_weight(const struct serving_local *serving, const struct haproxy_backend *backend,
                       struct digest revision, struct arena *arena, struct observed *out)
{
	for (size_t i = 0; i < out->n_weights; i++)
		if (digest_same(out->weights[i].revision, revision))
			return;
	*list_push(arena, &out->weights, &out->n_weights) = (struct revision_weight){
		revision, haproxy_live_share(serving->router, backend, revision)};
}

/* Where the logs cannot be read there are no labels, which whoever needs them says. */
static void report_labels(struct serving_local *serving, struct serving_key key,
                          const struct output_spec *output, struct arena *arena,
                          struct observed *out)
{
	const struct haproxy_backend *backend;
	struct err unreadable;
	char text[KEY_BYTES];

	key_text(key, text);
	backend = haproxy_find(serving->router, text);
	if (backend && labels_count(serving, key, backend, output, arena, out, &unreadable))
		out->n_labels = 0;
}

/* Every revision that the router knows of: by a share that it should have, or by a replica. */
static void report_weights(struct serving_local *serving, struct serving_key key,
                           struct arena *arena, struct observed *out)
{
	const struct haproxy_backend *backend;
	char text[KEY_BYTES];

	key_text(key, text);
	backend = haproxy_find(serving->router, text);
	if (!backend)
		return;
	for (size_t i = 0; i < backend->n_shares; i++)
		add_weight(serving, backend, backend->shares[i].revision, arena, out);
	for (int s = 0; s < haproxy_slots(serving->router); s++)
		if (backend->servers[s].used)
			add_weight(serving, backend, backend->servers[s].revision, arena, out);
}

static int report(struct serving_local *serving, const struct look *look, struct arena *arena,
                  struct observed *out, struct err *err)
{
	const char *unsaved = haproxy_unsaved(serving->router);
	struct observed observed = {
		.known = true,
		.router = arena_strdup(arena, haproxy_identity(serving->router)),
		.unsaved = unsaved[0] ? arena_strdup(arena, unsaved) : NULL,
	};

	report_replicas(serving, look, arena, &observed);
	report_weights(serving, look->key, arena, &observed);
	report_labels(serving, look->key, look->output, arena, &observed);
	if (work_list(serving, "prepare", look->key, arena, &observed.prepared,
	              &observed.n_prepared, err) < 0 ||
	    work_list(serving, "checks", look->key, arena, &observed.checked, &observed.n_checked,
	              err) < 0)
		return -1;
	*out = observed;
	return 0;
}

static bool is_key(struct serving_key key)
{
	return is_name(key.environment) && is_name(key.deployment);
}

/* Looks at all, probes all at once, then takes the steps of each. One key's trouble is its own. */
static int port_observe(void *self, const struct serving_look *asked, size_t n, struct arena *arena,
                        struct observed *out, struct err *err)
{
	struct serving_local *serving = self;
	struct look *looks = arena_array(arena, n, struct look);
	struct err trouble;

	memset(out, 0, n * sizeof(*out));
	predictions_bound(serving);
	if (haproxy_refresh(serving->router, err) < 0)
		return -1;
	ends_watch(serving, haproxy_process(serving->router));
	for (size_t i = 0; i < n; i++) {
		looks[i].key = asked[i].key;
		looks[i].output = asked[i].output;
		looks[i].failed = !is_key(looks[i].key) ||
		                  look_at(serving, &looks[i], arena, &trouble) < 0;
		if (!looks[i].failed)
			want_probes(serving, &looks[i]);
	}
	probes_run(serving->probes, PROBE_WAIT_MS);
	for (size_t i = 0; i < n; i++)
		if (!looks[i].failed && step(serving, &looks[i], &trouble) == 0 &&
		    report(serving, &looks[i], arena, &out[i], &trouble) < 0)
			out[i] = (struct observed){0};
	return 0;
}

/* ---- apply ---- */

static int set_weights(struct serving_local *serving, struct serving_key key,
                       const struct action *action, struct err *err)
{
	struct haproxy_share shares[HAPROXY_SHARES];
	char text[KEY_BYTES];

	if (action->n_weights > HAPROXY_SHARES)
		return err_set(err, ERR_STALLED, "%zu revisions are to have weight; at most %d",
		               action->n_weights, HAPROXY_SHARES);
	for (size_t i = 0; i < action->n_weights; i++)
		shares[i] = (struct haproxy_share){action->weights[i].revision,
		                                   action->weights[i].weight};
	key_text(key, text);
	return haproxy_set_shares(serving->router, text, shares, action->n_weights, err);
}

/* What has ended is removed with it; what still runs keeps the deployment. */
static int drop(struct serving_local *serving, struct serving_key key, struct arena *arena,
                struct err *err)
{
	static const char *const kinds[] = {"replicas", "prepare", "checks", "labels"};
	struct look look = {.key = key};
	char text[KEY_BYTES];

	if (look_at(serving, &look, arena, err) < 0)
		return -1;
	for (size_t i = 0; i < look.n; i++)
		if (look.views[i].seen.state == PROCESS_RUNNING)
			return err_set(err, ERR_TRANSIENT, "%s still runs", look.views[i].folder);
	if (step(serving, &look, err) < 0)
		return -1;
	key_text(key, text);
	if (haproxy_drop(serving->router, text, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (dir_remove_all(AT_FDCWD, state_path(serving, arena, kinds[i], key, ""), err) < 0)
			return -1;
	return work_collect(serving, arena, err);
}

static int prepare(struct serving_local *serving, struct serving_key key,
                   const struct action *action, struct arena *arena, struct err *err)
{
	if (work_prepare(serving, key, action, arena, err) < 0)
		return -1;
	return work_collect(serving, arena, err);
}

static int apply(struct serving_local *serving, const struct serving_target *target,
                 const struct action *action, struct arena *arena, struct err *err)
{
	switch (action->kind) {
	case ACTION_SET_WEIGHTS:
		return set_weights(serving, target->key, action, err);
	case ACTION_STOP_REPLICA:
		return replica_stop(serving, target->key, action, arena, err);
	case ACTION_PREPARE:
		return prepare(serving, target->key, action, arena, err);
	case ACTION_START_REPLICA:
		return replica_start(serving, target->key, action, arena, err);
	case ACTION_CHECK:
		return work_check(serving, target, action, arena, err);
	case ACTION_DROP:
		return drop(serving, target->key, arena, err);
	case ACTION_PROPOSE:
	case ACTION_TRAIN:
	case ACTION_EVALUATE:
	case ACTION_CANCEL_RUN:
	case ACTION_KINDS:
		break;
	}
	panic("action %d is not for the serving port", (int)action->kind);
}

static int port_apply(void *self, const struct serving_target *target, const struct action *action,
                      struct err *err)
{
	struct arena arena;
	int rc;

	if (!is_key(target->key))
		return err_set(err, ERR_STALLED, "'%.70s/%.70s' is no deployment",
		               target->key.environment, target->key.deployment);
	arena_init(&arena, APPLY_ARENA_BYTES);
	rc = apply(self, target, action, &arena, err);
	arena_deinit(&arena);
	return rc;
}

/* ---- inventory ---- */

static void add_key(struct arena *arena, struct serving_key **keys, size_t *n,
                    const char *environment, const char *deployment)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*keys)[i].environment, environment) == 0 &&
		    strcmp((*keys)[i].deployment, deployment) == 0)
			return;
	*list_push(arena, keys, n) = (struct serving_key){environment, deployment};
}

static int add_folders(const struct serving_local *serving, struct arena *arena,
                       struct serving_key **keys, size_t *n, struct err *err)
{
	const char *top = arena_printf(arena, "%s/replicas", serving->state);
	struct strings environments, deployments, replicas;

	if (folder_list(top, arena, &environments, err) < 0)
		return -1;
	for (size_t e = 0; e < environments.n; e++) {
		const char *environment = arena_printf(arena, "%s/%s", top, environments.items[e]);

		if (folder_list(environment, arena, &deployments, err) < 0)
			return -1;
		for (size_t d = 0; d < deployments.n; d++) {
			if (folder_list(arena_printf(arena, "%s/%s", environment, deployments.items[d]),
			                arena, &replicas, err) < 0)
				return -1;
			if (replicas.n > 0)
				add_key(arena, keys, n, environments.items[e], deployments.items[d]);
		}
	}
	return 0;
}

static int port_inventory(void *self, struct arena *arena, struct serving_key **keys, size_t *n,
                          struct err *err)
{
	struct serving_local *serving = self;

	*keys = NULL;
	*n = 0;
	if (add_folders(serving, arena, keys, n, err) < 0)
		return -1;
	for (size_t b = 0; b < haproxy_backends(serving->router); b++) {
		const char *key = haproxy_backend(serving->router, b)->key;
		const char *slash = key ? strchr(key, '/') : NULL;

		if (slash)
			add_key(arena, keys, n, arena_strndup(arena, key, (size_t)(slash - key)),
			        arena_strdup(arena, slash + 1));
	}
	return 0;
}

/* ---- opening ---- */

static char *copy_of(const char *text)
{
	return text ? heap_strdup(text) : NULL;
}

int serving_local_open(const struct serving_local_config *config, struct serving_local **out,
                       struct err *err)
{
	const char *store = strncmp(config->store, "file:", 5) == 0 ? config->store + 5 : config->store;
	struct serving_local *serving;
	char folder[LIMIT_FILE_PATH];
	struct haproxy_config router = {
		.folder = folder, .listen = config->listen, .program = config->haproxy};
	uint16_t offset;

	if (config->state[0] != '/' || store[0] != '/')
		return err_set(err, ERR_STALLED, "state and store must be absolute paths");
	if (snprintf(folder, sizeof(folder), "%s/haproxy", config->state) >= (int)sizeof(folder))
		return err_set(err, ERR_STALLED, "%.100s...: too long a path", config->state);
	serving = heap_alloc(1, sizeof(*serving));
	serving->ends.fd = -1;
	if (serving_user_open(serving, config->user, err) < 0 ||
	    dir_make_all(AT_FDCWD, config->state, 0700, err) < 0 ||
	    haproxy_open(&router, &serving->router, err) < 0 || ends_open(serving, err) < 0) {
		ends_close(serving);
		haproxy_close(serving->router);
		free(serving->user);
		free(serving);
		return -1;
	}
	serving->state = heap_strdup(config->state);
	serving->store = heap_strdup(store);
	serving->data_root = copy_of(config->data_root);
	serving->secrets = copy_of(config->secrets);
	serving->repository = copy_of(config->repository);
	serving->self = heap_strdup(config->self ? config->self : "/proc/self/exe");
	serving->predictions.bytes = config->predictions_bytes;
	serving->predictions.age_ms = config->predictions_age_ms;
	serving->probes = probes_new();
	random_bytes(&offset, sizeof(offset));
	serving->next_port = PORT_FIRST + offset % PORTS;
	*out = serving;
	return 0;
}

void serving_local_close(struct serving_local *serving)
{
	if (!serving)
		return;
	ends_close(serving);
	haproxy_close(serving->router);
	probes_free(serving->probes);
	free(serving->user);
	free(serving->state);
	free(serving->store);
	free(serving->data_root);
	free(serving->secrets);
	free(serving->repository);
	free(serving->self);
	free(serving);
}

int serving_local_end(struct serving_local *serving, struct err *err)
{
	return haproxy_end(serving->router, err);
}

int serving_local_fd(const struct serving_local *serving)
{
	return serving->ends.fd;
}

bool serving_local_drain(struct serving_local *serving)
{
	haproxy_drain(serving->router);
	return ends_take(serving);
}

struct port_serving serving_local_port(struct serving_local *serving)
{
	return (struct port_serving){
		.self = serving,
		.observe = port_observe,
		.apply = port_apply,
		.inventory = port_inventory,
	};
}
