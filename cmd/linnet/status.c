/* linnet status: what serves where, for people and for programs. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "remote.h"
#include "view.h"

static const char *version_of(const struct deployment_status *status, struct digest digest)
{
	const struct revision *revision = status_revision(status, digest);

	return revision ? revision->version : "none";
}

static void write_live(struct writer *writer, const struct deployment_status *status,
                       const char *key, struct digest digest, double weight)
{
	if (!digest.hex[0])
		return;
	write_key(writer, key);
	write_map(writer);
	write_member(writer, "revision", digest.hex);
	write_member(writer, "version", version_of(status, digest));
	write_key(writer, "weight");
	write_number(writer, weight);
	write_map_end(writer);
}

static void write_conditions(struct writer *writer, const struct condition *conditions,
                             const bool *has)
{
	write_key(writer, "conditions");
	write_list(writer);
	for (int i = 0; i < CONDITION_TYPES; i++) {
		if (!has[i])
			continue;
		write_map(writer);
		write_member(writer, "type", condition_type_names.names[i]);
		write_member(writer, "status", truth_names.names[conditions[i].status]);
		write_member(writer, "reason", conditions[i].reason);
		write_member(writer, "message", conditions[i].message);
		write_map_end(writer);
	}
	write_list_end(writer);
}

static void write_history(struct writer *writer, const struct transition *history, size_t n)
{
	write_key(writer, "history");
	write_list(writer);
	for (size_t i = 0; i < n; i++) {
		write_map(writer);
		write_time(writer, "at", history[i].at_ms);
		write_member(writer, "what", history[i].what);
		write_member(writer, "why", history[i].why);
		write_map_end(writer);
	}
	write_list_end(writer);
}

static void write_deployment(struct writer *writer, const struct deployment_status *status)
{
	write_map(writer);
	write_member(writer, "environment", status->environment);
	write_member(writer, "name", status->name);
	write_member(writer, "phase", phase_names.names[status->phase]);
	write_time(writer, "since", status->phase_since_ms);
	write_member(writer, "reason", status->reason);
	write_member(writer, "message", status->message);
	write_live(writer, status, "stable", status->stable, status->stable_weight);
	write_live(writer, status, "candidate", status->candidate, status->candidate_weight);
	write_conditions(writer, status->conditions, status->has_condition);
	write_key(writer, "quarantine");
	write_list(writer);
	for (size_t i = 0; i < status->n_quarantine; i++) {
		write_map(writer);
		write_member(writer, "revision", status->quarantine[i].revision.hex);
		write_member(writer, "version", status->quarantine[i].version);
		write_member(writer, "reason", status->quarantine[i].reason);
		write_map_end(writer);
	}
	write_list_end(writer);
	write_history(writer, status->history, status->n_history);
	write_map_end(writer);
}

static void write_model(struct writer *writer, const struct model_status *status)
{
	write_map(writer);
	write_member(writer, "name", status->name);
	write_member(writer, "phase", cycle_phase_names.names[status->phase]);
	write_time(writer, "since", status->phase_since_ms);
	write_member(writer, "reason", status->reason);
	write_member(writer, "message", status->message);
	write_conditions(writer, status->conditions, status->has_condition);
	write_history(writer, status->history, status->n_history);
	write_map_end(writer);
}

struct overview {
	struct deployment_status *deployments;
	struct model_status *models;
	size_t n, n_models;
	struct oid tip; /* of the status branch; "" none */
};

static void write_overview(struct writer *writer, const void *context)
{
	const struct overview *overview = context;

	write_map(writer);
	write_key(writer, "deployments");
	write_list(writer);
	for (size_t i = 0; i < overview->n; i++)
		write_deployment(writer, &overview->deployments[i]);
	write_list_end(writer);
	write_key(writer, "models");
	write_list(writer);
	for (size_t i = 0; i < overview->n_models; i++)
		write_model(writer, &overview->models[i]);
	write_list_end(writer);
	write_map_end(writer);
}

static const char *ago(struct arena *arena, int64_t at_ms)
{
	int64_t seconds = (int64_t)time(NULL) - at_ms / 1000;

	if (at_ms < 0)
		return "-";
	if (seconds < 120)
		return arena_printf(arena, "%llds", (long long)(seconds < 0 ? 0 : seconds));
	if (seconds < 7200)
		return arena_printf(arena, "%lldm", (long long)(seconds / 60));
	if (seconds < 172800)
		return arena_printf(arena, "%lldh", (long long)(seconds / 3600));
	return arena_printf(arena, "%lldd", (long long)(seconds / 86400));
}

static const char *phase_colour(enum phase phase)
{
	if (phase == PHASE_STEADY)
		return "32";
	return phase == PHASE_STALLED || phase == PHASE_ROLLED_BACK || phase == PHASE_ROLLING_BACK
	               ? "31" : "33";
}

/* "v2 75 %, v3 25 %" */
static const char *serving_text(struct arena *arena, const struct deployment_status *status)
{
	struct buf text;
	const char *copy;

	buf_init(&text, 256);
	if (status->stable.hex[0]) {
		buf_printf(&text, "%s ", version_of(status, status->stable));
		buf_percent(&text, status->stable_weight);
	}
	if (status->candidate.hex[0]) {
		buf_printf(&text, "%s%s ", text.len ? ", " : "", version_of(status, status->candidate));
		buf_percent(&text, status->candidate_weight);
	}
	copy = arena_strdup(arena, text.len ? buf_text(&text) : "nothing");
	buf_deinit(&text);
	return copy;
}

/* What is wrong first, else where the rollout stands, else that all is as declared. */
static const char *message_of(const struct deployment_status *status)
{
	const struct condition *synced = &status->conditions[CONDITION_SYNCED];

	if (status->has_condition[CONDITION_SYNCED] && synced->reason &&
	    (!status->message || !strcmp(synced->reason, "Frozen")))
		return synced->message;
	return status->message ? status->message : "";
}

static void put_table(const struct options *options, const struct overview *overview)
{
	struct arena *arena = options->arena;

	if (overview->n)
		printf("%-32s %-13s %-22s %-5s %s\n", "DEPLOYMENT", "PHASE", "SERVING", "FOR", "MESSAGE");
	for (size_t i = 0; i < overview->n; i++) {
		const struct deployment_status *status = &overview->deployments[i];

		printf("%-32s ", arena_printf(arena, "%s/%s", status->environment, status->name));
		put_coloured(options, phase_colour(status->phase),
		             arena_printf(arena, "%-13s", phase_names.names[status->phase]));
		printf(" %-22s %-5s %s\n", serving_text(arena, status),
		       ago(arena, status->phase_since_ms), message_of(status));
	}
	if (overview->n_models)
		printf("%s%-32s %-13s %-22s %-5s %s\n", overview->n ? "\n" : "", "MODEL", "CYCLE",
		       "VERSIONS", "FOR", "MESSAGE");
	for (size_t i = 0; i < overview->n_models; i++) {
		const struct model_status *model = &overview->models[i];

		printf("%-32s %-13s %-22s %-5s %s\n", model->name,
		       cycle_phase_names.names[model->phase],
		       model->highest_version ? arena_printf(arena, "v%lld",
		                                             (long long)model->highest_version) : "none",
		       ago(arena, model->phase_since_ms), model->message ? model->message : "");
	}
}

static int read_overview(const struct options *options, struct overview *out, struct err *err)
{
	struct status_view view;
	int result;

	*out = (struct overview){0};
	if (status_open(&view, options, err))
		return -1;
	out->tip = view.tip;
	view.glance = options->output == OUTPUT_TABLE;
	result = status_deployments(&view, options, &out->deployments, &out->n, err) ||
	         status_models(&view, options, &out->models, &out->n_models, err) ? -1 : 0;
	if (!result && options->n_args && !out->n && !out->n_models)
		result = status_missing(&view, options, err);
	status_close(&view);
	return result;
}

static void put_overview(const struct options *options, const struct overview *overview)
{
	if (options->output != OUTPUT_TABLE)
		put_document(options, write_overview, overview);
	else if (!overview->tip.hex[0])
		printf("%s\n", status_not_here(options));
	else
		put_table(options, overview);
}

/* ---- --watch ---- */

/* One line for each that says something else than before. */
static void put_changes(const struct options *options, const struct overview *overview,
                        struct map *said)
{
	for (size_t i = 0; i < overview->n; i++) {
		const struct deployment_status *status = &overview->deployments[i];
		const char *id = arena_printf(options->arena, "%s/%s", status->environment, status->name);
		const char *text = arena_printf(options->arena, "%s %s: %s",
		                                phase_names.names[status->phase],
		                                serving_text(options->arena, status), message_of(status));
		const char *before = map_get(said, id);
		char at[TIME_TEXT];

		if (before && !strcmp(before, text))
			continue;
		free(map_put(said, id, heap_strdup(text)));
		format_time((int64_t)time(NULL) * 1000, at);
		printf("%s %s %s\n", at, id, text);
	}
}

/* Reads again each second, a url each five, until it is interrupted or nobody listens. On a
 * terminal the table is drawn anew; else what changed is printed. */
static int watch(const struct options *options, struct err *err)
{
	enum { LOCAL_MS = 1000, REMOTE_MS = 5000 };
	bool live = isatty(STDOUT_FILENO) && options->output == OUTPUT_TABLE, first = true;
	struct oid shown = {""};
	struct map said = {0};

	for (; !ferror(stdout); first = false) {
		struct options now = *options;
		struct overview overview;
		struct err problem = {0};
		struct arena arena;

		arena_init(&arena, options->arena->bytes_max);
		now.arena = &arena;
		if (read_overview(&now, &overview, first ? err : &problem)) {
			arena_deinit(&arena);
			if (first)
				break;
			fprintf(stderr, "linnet: %s\n", problem.text);
		} else {
			if (live)
				printf("\033[H\033[J");
			if (live || (now.output != OUTPUT_TABLE && !oid_same(shown, overview.tip)))
				put_overview(&now, &overview);
			else if (now.output == OUTPUT_TABLE)
				put_changes(&now, &overview, &said);
			shown = overview.tip;
			arena_deinit(&arena);
		}
		fflush(stdout);
		poll(NULL, 0, repo_is_url(options) ? REMOTE_MS : LOCAL_MS);
	}
	for (size_t i = 0; i < said.n; i++)
		free(said.entries[i].value);
	map_deinit(&said);
	return first ? -1 : 0;
}

int verb_status(const struct options *options, struct err *err)
{
	struct overview overview;

	if (options->watch)
		return watch(options, err);
	if (read_overview(options, &overview, err))
		return -1;
	put_overview(options, &overview);
	return 0;
}
