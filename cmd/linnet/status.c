/* linnet status and history: what the status branch says, for people and for programs. */
#include <string.h>
#include <time.h>

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
	const struct deployment_status *deployments;
	const struct model_status *models;
	size_t n, n_models;
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

static void put_serving(const struct options *options, const struct deployment_status *status)
{
	struct buf text;

	buf_init(&text, 256);
	if (status->stable.hex[0]) {
		buf_printf(&text, "%s ", version_of(status, status->stable));
		buf_percent(&text, status->stable_weight);
	}
	if (status->candidate.hex[0]) {
		buf_printf(&text, "%s%s ", text.len ? ", " : "", version_of(status, status->candidate));
		buf_percent(&text, status->candidate_weight);
	}
	(void)options;
	printf(" %-22s", text.len ? buf_text(&text) : "nothing");
	buf_deinit(&text);
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

static void put_table(const struct options *options, const struct deployment_status *deployments,
                      size_t n, const struct model_status *models, size_t n_models)
{
	if (n)
		printf("%-32s %-13s %-22s %-5s %s\n", "DEPLOYMENT", "PHASE", "SERVING", "FOR", "MESSAGE");
	for (size_t i = 0; i < n; i++) {
		const struct deployment_status *status = &deployments[i];
		const char *id = arena_printf(options->arena, "%s/%s", status->environment, status->name);
		const char *phase = arena_printf(options->arena, "%-13s", phase_names.names[status->phase]);

		printf("%-32s ", id);
		put_coloured(options, phase_colour(status->phase), phase);
		put_serving(options, status);
		printf(" %-5s %s\n", ago(options->arena, status->phase_since_ms), message_of(status));
	}
	if (n_models)
		printf("%s%-32s %-13s %-22s %-5s %s\n", n ? "\n" : "", "MODEL", "CYCLE", "VERSIONS", "FOR",
		       "MESSAGE");
	for (size_t i = 0; i < n_models; i++)
		printf("%-32s %-13s v%-21lld %-5s %s\n", models[i].name,
		       cycle_phase_names.names[models[i].phase], (long long)models[i].highest_version,
		       ago(options->arena, models[i].phase_since_ms),
		       models[i].message ? models[i].message : "");
}

int verb_status(const struct options *options, struct err *err)
{
	struct deployment_status *deployments;
	struct model_status *models;
	struct status_view view;
	size_t n, n_models;
	int result = -1;

	if (status_open(&view, options, err))
		return -1;
	if (status_deployments(&view, options, &deployments, &n, err) ||
	    status_models(&view, options, &models, &n_models, err))
		goto done;
	result = EXIT_ERROR;
	if (options->n_args && !n && !n_models)
		err_set(err, ERR_STALLED, "no status of %s on %s; `linnet status` lists what there is",
		        options->args[0], view.ref);
	else
		result = 0;
	if (result) {
		result = -1;
		goto done;
	}
	if (options->output != OUTPUT_TABLE)
		put_document(options, write_overview,
		             &(struct overview){deployments, models, n, n_models});
	else if (!view.tip.hex[0])
		printf("no branch linnet/status here yet: no controller has written one, or it was not "
		       "fetched (git fetch origin linnet/status:refs/remotes/origin/linnet/status)\n");
	else
		put_table(options, deployments, n, models, n_models);
done:
	status_close(&view);
	return result;
}

/* ---- history: the branch's log holds every transition ---- */

struct line {
	int64_t at_ms;
	const char *commit, *text;
};

/* The body lines "deployment/<env>/<name>: what: why" of one commit that the arguments ask for. */
static void add_lines(const struct options *options, const struct commit_info *commit,
                      struct line **lines, size_t *n)
{
	const char *wanted = options->n_args ? options->args[0] : NULL;

	for (const char *at = commit->body ? commit->body : ""; *at;) {
		const char *end = strchr(at, '\n');
		size_t len = end ? (size_t)(end - at) : strlen(at);
		const char *slash = memchr(at, '/', len);
		size_t kind = slash ? (size_t)(slash - at) : 0;
		struct line *line;

		if (kind && ((kind == 10 && !strncmp(at, "deployment", 10)) ||
		             (kind == 5 && !strncmp(at, "model", 5))) &&
		    (!wanted || (!strncmp(slash + 1, wanted, strlen(wanted)) &&
		                 slash[1 + strlen(wanted)] == ':'))) {
			line = list_push(options->arena, lines, n);
			*line = (struct line){commit->time_s * 1000, commit->id.hex,
			                      arena_strndup(options->arena, slash + 1,
			                                    len - kind - 1)};
		}
		at += len + (end ? 1 : 0);
	}
}

struct lines {
	const struct line *items;
	size_t n;
};

static void write_lines(struct writer *writer, const void *context)
{
	const struct lines *lines = context;

	write_list(writer);
	for (size_t i = 0; i < lines->n; i++) {
		write_map(writer);
		write_time(writer, "at", lines->items[i].at_ms);
		write_member(writer, "commit", lines->items[i].commit);
		write_member(writer, "text", lines->items[i].text);
		write_map_end(writer);
	}
	write_list_end(writer);
}

static void put_lines(const struct options *options, const struct lines *lines)
{
	char at[TIME_TEXT];

	for (size_t i = 0; i < lines->n; i++) {
		format_time(lines->items[i].at_ms, at);
		printf("%s %.10s ", at, lines->items[i].commit);
		put_coloured(options, "1", lines->items[i].text);
		printf("\n");
	}
}

int verb_history(const struct options *options, struct err *err)
{
	struct commit_info *commits;
	struct status_view view;
	struct line *lines = NULL;
	struct lines shown;
	size_t n_commits, n = 0;
	int64_t most = 20;

	if (options->number && parse_int(options->number, 1, 100000, &most, err))
		return err_wrap(err, "-n");
	if (status_open(&view, options, err))
		return -1;
	if (view.tip.hex[0] && objects_log(view.objects, view.tip, (struct oid){""}, true, 100000,
	                                   options->arena, &commits, &n_commits, err)) {
		status_close(&view);
		return -1;
	}
	for (size_t i = 0; view.tip.hex[0] && i < n_commits && n < (size_t)most; i++)
		add_lines(options, &commits[i], &lines, &n);
	shown = (struct lines){lines, n < (size_t)most ? n : (size_t)most};
	if (options->output == OUTPUT_TABLE)
		put_lines(options, &shown);
	else
		put_document(options, write_lines, &shown);
	status_close(&view);
	return 0;
}
