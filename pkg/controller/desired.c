/* Git into the index: what is declared, what was decided, what people asked. */
#include <stdio.h>
#include <string.h>

#include "controller/internal.h"

int fleet_blob(void *self, struct oid blob, struct arena *arena, struct bytes *out,
               struct err *err)
{
	struct controller *c = self;

	if (!c->ports.git.read_blob(c->ports.git.self, GIT_FLEET, blob, arena, out, err))
		return 0;
	c->unread = c->unread || err->kind != ERR_STALLED;
	return -1;
}

/* Desired state may be acted on: a verified commit is held, the remote was seen lately, and its
 * history was not rewritten under us (S13). */
bool desired_known(const struct controller *c)
{
	int64_t age_max_ms = c->config.poll_ms * 10 > 120000 ? c->config.poll_ms * 10 : 120000;

	return c->applied.hex[0] && !c->emptied && !c->disk_full &&
	       !c->heads.rewritten && c->heads.seen_ms >= 0 &&
	       c->now_ms - c->heads.seen_ms < age_max_ms && c->now_ms >= c->steady_from_ms;
}

static void mark_due(struct controller *c, const char *id)
{
	const char *rest;

	if (!strncmp(id, "model/", 6)) {
		key_need(c, NULL, id + 6)->due_ms = c->now_ms;
		return;
	}
	rest = id + strlen("deployment/");
	const char *slash = strchr(rest, '/');
	char *environment = arena_strndup(&c->arena, rest, (size_t)(slash - rest));

	key_need(c, environment, slash + 1)->due_ms = c->now_ms;
}

/* Everything gone at once is more often a mistake than a wish: nothing is retired then (S14). */
static void look_for_emptiness(struct controller *c)
{
	const char **names;
	bool looked_after = keys_deployments(c) > 0;
	bool empty = fleet_list(c->fleet, KIND_MODEL_DEPLOYMENT, &c->arena, &names) == 0;

	if (empty && !looked_after)
		log_warn("fleet at %.10s declares no deployment below fleet.path, which is '%s'",
		         c->applied.hex, c->config.fleet_path);
	c->emptied = empty && looked_after && !c->config.allow_empty;
	if (c->emptied)
		log_error("fleet at %.10s declares no deployment at all; everything serves on. If that is "
		          "meant, start the controller with --allow-empty", c->applied.hex);
}

/* The text of a changed file. One that can never be read, being too large or a link, stands for a
 * file that does not say what it declares: it freezes what it declared before, and nothing else. */
static int file_text(struct controller *c, const struct git_file *file, struct bytes *out,
                     struct err *err)
{
	static const char says_nothing[] = "\x01"; /* no YAML */

	*out = (struct bytes){0};
	if (!file->refused &&
	    (!file->blob.hex[0] || !fleet_blob(c, file->blob, &c->arena, out, err)))
		return 0;
	if (!file->refused && err->kind != ERR_STALLED)
		return err_wrap(err, "%s", file->path);
	log_warn("%s: %s; what it declared stays as it was", file->path,
	         file->refused ? "a link or a submodule stands in its place" : err->text);
	*err = (struct err){0};
	*out = (struct bytes){says_nothing, sizeof(says_nothing) - 1};
	return 0;
}

/* Feeds the files that changed since the applied commit to the index; their keys become due. */
int load_fleet(struct controller *c, struct err *err)
{
	struct git_file *files;
	const char *refused = NULL;
	struct map dirty = {0};
	size_t n;

	if (!c->heads.accepted.hex[0] || oid_same(c->heads.accepted, c->applied))
		return 0;
	if (c->ports.git.changed(c->ports.git.self, GIT_FLEET, c->applied, c->heads.accepted,
	                         c->config.fleet_path, &c->arena, &files, &n, &refused, err))
		return err_wrap(err, "fleet at %.10s", c->heads.accepted.hex);
	if (refused)
		log_warn("left out of the fleet: %s", refused);
	for (size_t i = 0; i < n; i++) {
		const char *dot = strrchr(files[i].path, '.');
		struct bytes text;

		if (!dot || (strcmp(dot, ".yaml") && strcmp(dot, ".yml")))
			continue;
		if (file_text(c, &files[i], &text, err)) {
			map_deinit(&dirty);
			return -1;
		}
		fleet_put(c->fleet, files[i].path, files[i].blob, text.data, text.len, &dirty);
	}
	for (size_t i = 0; i < dirty.n; i++)
		mark_due(c, dirty.entries[i].key);
	log_info("fleet at %.10s: %zu files changed, %zu keys to look at", c->heads.accepted.hex, n,
	         dirty.n);
	map_deinit(&dirty);
	c->applied = c->heads.accepted;
	c->rewound = (struct oid){""};
	look_for_emptiness(c);
	c->ports.git.accept(c->ports.git.self, c->applied, false);
	return 0;
}

static int decode_record(const char *path, struct bytes text, struct arena *arena, void *out,
                         struct err *err)
{
	(void)path;
	return controller_decode(text.data, text.len, arena, out, err);
}

/* The epoch that the state folder has seen us under last; 0: none. */
static int read_epoch(struct controller *c, int64_t *epoch, struct err *err)
{
	struct err why = {0};
	struct buf text;
	int result = 0;

	*epoch = 0;
	buf_init(&text, 32);
	if (file_read(c->config.state_fd, "epoch", &text, &why)) {
		if (why.kind != ERR_STALLED) {
			*err = why;
			result = -1;
		}
	} else if (parse_int(buf_text(&text), 1, INT64_MAX, epoch, &why)) {
		log_warn("state folder: epoch: %s", why.text);
	}
	buf_deinit(&text);
	return result;
}

void keep_epoch(struct controller *c)
{
	struct err err = {0};
	char text[32];

	if (c->epoch_kept == c->epoch)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)c->epoch);
	if (file_replace(c->config.state_fd, "epoch", text, strlen(text), 0600, &err))
		log_warn("state folder: %s", err.text);
	else
		c->epoch_kept = c->epoch;
}

/* Whether another has taken over. Who has run before leaves the fleet to it also when it was down
 * then: started again, two of them would take it from each other for ever. */
static bool is_superseded(const struct controller *c, const struct controller_record *record)
{
	bool another = record->id && strcmp(record->id, c->config.id);
	int64_t epoch = c->started ? c->epoch : c->epoch_kept;

	if (another)
		return epoch && record->epoch >= epoch;
	return c->started && record->epoch > epoch;
}

/* Our epoch, of what the branch says. */
static int claim(struct controller *c, const struct controller_record *record, struct err *err)
{
	bool superseded;

	if (!c->started && read_epoch(c, &c->epoch_kept, err))
		return err_wrap(err, "state folder");
	superseded = is_superseded(c, record);
	if (superseded && !c->config.take_over)
		return err_set(err, ERR_STALLED, "another controller (%s, epoch %lld) has taken over; if"
		               " this one shall have the fleet again, start it once with --take-over",
		               record->id ? record->id : "?", (long long)record->epoch);
	if (c->started && !superseded)
		return 0;
	c->claimed = record->id && !strcmp(record->id, c->config.id);
	c->epoch = record->epoch + (c->claimed ? 0 : 1);
	return 0;
}

static int read_controller_record(struct controller *c, struct oid tip, struct err *err)
{
	struct controller_record record = {0};
	const char *path = "controller.yaml", *recovered;
	struct bytes text;
	struct err damage = {0};

	if (c->ports.git.read_path(c->ports.git.self, GIT_STATUS, tip, path, &c->arena, &text, NULL,
	                           err)) {
		if (err->kind != ERR_STALLED)
			return err_wrap(err, "status branch");
		*err = (struct err){0}; /* there is none yet */
		c->epoch = c->epoch ? c->epoch : 1;
		return 0;
	}
	if (decode_record(path, text, &c->arena, &record, &damage)) { /* our next commit mends it */
		if (recover(c, tip, path, decode_record, &record, &recovered, &damage, err)) {
			err->kind = ERR_TRANSIENT; /* nobody has taken over, and somebody may mend it */
			return err_wrap(err, "status branch");
		}
		log_warn("status branch: %s", recovered);
	}
	if (claim(c, &record, err))
		return -1;
	if (record.requests) /* also when the reply of our own commit was lost: given once */
		snprintf(c->requests_done.hex, sizeof(c->requests_done.hex), "%s", record.requests);
	if (record.accepted)
		snprintf(c->recorded.hex, sizeof(c->recorded.hex), "%s", record.accepted);
	if (c->started)
		return 0;
	if (record.accepted) {
		struct oid accepted = {""};

		snprintf(accepted.hex, sizeof(accepted.hex), "%s", record.accepted);
		c->ports.git.accept(c->ports.git.self, accepted, false);
		c->heads.accepted = accepted;
	}
	return 0;
}

/* "status/<environment>/[<two hex digits>/]<name>.yaml", "status/models/[..]<name>.yaml". */
static struct key *key_of_path(struct controller *c, const char *path)
{
	const char *rest = path + strlen("status/"), *slash = strchr(rest, '/');
	const char *dot = strrchr(path, '.'), *last = strrchr(path, '/');
	struct key *key;
	char *folder, *name;

	if (!slash || !dot || dot < last || strcmp(dot, ".yaml"))
		return NULL;
	folder = arena_strndup(&c->arena, rest, (size_t)(slash - rest));
	name = arena_strndup(&c->arena, last + 1, (size_t)(dot - last - 1));
	if (!is_name(folder) || !is_name(name))
		return NULL;
	key = key_need(c, strcmp(folder, "models") ? folder : NULL, name);
	key->has_status = true;
	key->sharded = slash != last;
	return key;
}

/* Makes keys of the status files that are new since `loaded` (at start: all of them), so that what
 * is no longer declared is retired too. */
static int adopt_statuses(struct controller *c, struct err *err)
{
	struct git_file *files;
	const char *refused;
	size_t n;

	if (c->ports.git.changed(c->ports.git.self, GIT_STATUS, c->loaded, c->heads.status,
	                         "status", &c->arena, &files, &n, &refused, err))
		return err_wrap(err, "status branch");
	for (size_t i = 0; i < n; i++) {
		struct key *key = key_of_path(c, files[i].path);

		if (key) {
			key->has_status = files[i].blob.hex[0];
			key->due_ms = c->now_ms; /* what we did not write ourselves is looked at */
		} else {
			log_warn("status branch: %s is not a status file of ours", files[i].path);
		}
	}
	return 0;
}

/* Reads the status branch once it is known, and controller.yaml whenever a tip is not of ours. */
int load_status(struct controller *c, struct err *err)
{
	if (c->started && c->heads.status_parted.hex[0])
		return read_controller_record(c, c->heads.status_parted, err);
	if (c->started && (!c->heads.status.hex[0] || oid_same(c->heads.status, c->loaded)))
		return 0;
	if (!c->heads.status.hex[0]) {
		c->epoch = 1;
		c->started = c->heads.seen_ms >= 0;
		return 0;
	}
	if (read_controller_record(c, c->heads.status, err))
		return -1;
	if (adopt_statuses(c, err))
		return -1;
	c->loaded = c->heads.status;
	c->started = true;
	return 0;
}

/* One file of the requests branch. Where signatures are configured the signer speaks, whatever the
 * text says. */
static int read_request(struct controller *c, const struct git_file *file,
                        struct oid origin, struct request_file *out, struct err *err)
{
	const char *signer = NULL;
	struct bytes text;

	if (c->ports.git.read_blob(c->ports.git.self, GIT_STATUS, file->blob, &c->arena, &text, err) ||
	    request_decode(file->path, text.data, text.len, &c->arena, out, err) ||
	    c->ports.git.signer(c->ports.git.self, file->path, &c->arena, &signer, err))
		return -1;
	if (signer)
		out->request.by = signer;
	out->request.commit = arena_strdup(&c->arena, origin.hex[0] ? origin.hex
	                                                            : c->heads.requests.hex);
	return 0;
}

/* A person says that the branch was rewritten on purpose: from the commit that we hold to the tip.
 * */
static int accept_rewind(struct controller *c, const struct request *request, struct err *err)
{
	struct oid tip = c->heads.fleet;
	bool named = request->old_commit && request->new_commit &&
	             !strcmp(request->old_commit, c->applied.hex) &&
	             !strcmp(request->new_commit, tip.hex);

	if (named && !c->heads.rewritten && strcmp(tip.hex, c->heads.accepted.hex))
		return err_set(err, ERR_TRANSIENT, "accept-rewind waits: %.10s is not looked at yet",
		               tip.hex); /* a restart: git has only now been told what is held */
	if (!named || !c->heads.rewritten) {
		log_warn("accept-rewind refused: it names %.10s -> %.10s, the branch went %.10s -> %.10s",
		         request->old_commit ? request->old_commit : "nothing",
		         request->new_commit ? request->new_commit : "nothing", c->applied.hex, tip.hex);
		return 0;
	}
	log_warn("the rewritten branch is accepted at %.10s, asked by %s", tip.hex,
	         request->by ? request->by : "somebody");
	c->ports.git.accept(c->ports.git.self, tip, true);
	c->rewound = tip;
	return 0;
}

/* The files that changed since the requests acted on last, and the commit that brought each. */
static int find_requests(struct controller *c, struct git_file **files, struct oid **origins,
                         size_t *n, struct err *err)
{
	const char *refused;

	if (c->ports.git.changed(c->ports.git.self, GIT_STATUS, c->requests_done, c->heads.requests,
	                         "requests", &c->arena, files, n, &refused, err))
		return err_wrap(err, "requests branch");
	*origins = arena_array(&c->arena, *n, struct oid);
	if (*n && c->ports.git.origins(c->ports.git.self, GIT_STATUS, c->requests_done,
	                               c->heads.requests, "requests", *files, *n, *origins, err))
		return err_wrap(err, "requests branch");
	return 0;
}

/* The requests that were added since the last ones acted on. A file that does not decode is named
 * in the log and passed over: it will not get better. */
int load_requests(struct controller *c, struct asked_list *out, struct err *err)
{
	struct git_file *files = NULL;
	struct oid *origins = NULL;
	size_t n = 0;

	*out = (struct asked_list){0};
	if (!c->applied.hex[0] || !c->heads.requests.hex[0] ||
	    oid_same(c->heads.requests, c->requests_done))
		return 0;
	if (find_requests(c, &files, &origins, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct request_file file;
		struct err bad = {0};
		struct key *key;
		struct asked *asked;

		if (!files[i].blob.hex[0] || files[i].refused)
			continue;
		if (read_request(c, &files[i], origins[i], &file, &bad)) {
			if (bad.kind == ERR_TRANSIENT) {
				*err = bad;
				return -1;
			}
			log_warn("request refused: %s", bad.text);
			continue;
		}
		if (file.request.verb == REQUEST_ACCEPT_REWIND) {
			if (!accept_rewind(c, &file.request, err))
				continue;
			*out = (struct asked_list){0}; /* all of them again, later */
			return -1;
		}
		key = key_find(c, file.environment, file.name);
		if (!key) {
			log_warn("request refused: %s: nothing of that name is declared", files[i].path);
			continue;
		}
		asked = list_push(&c->arena, &out->items, &out->n);
		*asked = (struct asked){key, file.request};
		key->due_ms = c->now_ms;
	}
	out->upto = c->heads.requests;
	return 0;
}
