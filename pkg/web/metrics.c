/* Figures as OpenMetrics 1.0 text. Labels are closed vocabularies, and the names of what is
 * declared; never a version, a commit or a sentence. */
#include <assert.h>
#include <string.h>

#include "base/parse.h"
#include "web/internal.h"

static const char *const hook_results[] = {
	[HOOK_ACCEPTED] = "accepted", [HOOK_LIMITED] = "limited", [HOOK_UNSIGNED] = "unsigned",
	[HOOK_BAD_SIGNATURE] = "bad_signature", [HOOK_TOO_LARGE] = "too_large",
	[HOOK_BAD_EVENT] = "bad_event", [HOOK_FAILED] = "failed",
};
static_assert(ARRAY_LEN(hook_results) == HOOK_RESULTS, "a name for each result");
static const struct names hook_result_names = NAMES(hook_results);

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
	static const char *const units[] = {"seconds", "ratio"};
	const char *last = strrchr(name, '_');

	buf_printf(out, "# TYPE linnet_%s %s\n", name, type);
	for (size_t i = 0; last && i < ARRAY_LEN(units); i++)
		if (!strcmp(last + 1, units[i]))
			buf_printf(out, "# UNIT linnet_%s %s\n", name, units[i]);
	buf_printf(out, "# HELP linnet_%s %s\n", name, help);
}

static void value(struct buf *out, double number)
{
	buf_putc(out, ' ');
	buf_number(out, number);
	buf_putc(out, '\n');
}

static void gauge(struct buf *out, const char *name, const char *help, double number)
{
	family(out, name, "gauge", help);
	buf_printf(out, "linnet_%s", name);
	value(out, number);
}

static void counter(struct buf *out, const char *name, const char *help, uint64_t number)
{
	family(out, name, "counter", help);
	buf_printf(out, "linnet_%s_total", name);
	value(out, (double)number);
}

static void counters(struct buf *out, const char *name, const char *help, const char *label,
                     struct names names, const uint64_t *numbers)
{
	family(out, name, "counter", help);
	for (int i = 0; i < names.n; i++) {
		buf_printf(out, "linnet_%s_total{%s=\"%s\"}", name, label, names.names[i]);
		value(out, (double)numbers[i]);
	}
}

static void histogram(struct buf *out, const char *name, const char *help,
                      const struct timing *timing)
{
	uint64_t below = 0;

	family(out, name, "histogram", help);
	for (int i = 0; i < TIMING_EDGES; i++) {
		below += timing->bins[i];
		buf_printf(out, "linnet_%s_bucket{le=\"", name);
		buf_number(out, timing_edges_s[i]);
		buf_puts(out, timing_edges_s[i] >= 1 ? ".0\"}" : "\"}");
		value(out, (double)below);
	}
	buf_printf(out, "linnet_%s_bucket{le=\"+Inf\"}", name);
	value(out, (double)timing->n);
	buf_printf(out, "linnet_%s_count", name);
	value(out, (double)timing->n);
	buf_printf(out, "linnet_%s_sum", name);
	value(out, timing->seconds);
}

/* How many entries stand in each phase. */
static void population(struct buf *out, const char *name, const char *help, struct names phases,
                       const struct map *map, bool models)
{
	family(out, name, "gauge", help);
	for (int i = 0; i < phases.n; i++) {
		size_t n = 0;

		for (size_t j = 0; j < map->n; j++) {
			const struct entry *entry = map->entries[j].value;

			n += i == (models ? (int)entry->cycle : (int)entry->phase);
		}
		buf_printf(out, "linnet_%s{phase=\"%s\"}", name, phases.names[i]);
		value(out, (double)n);
	}
}

/* ---- of each deployment ---- */

enum of_entry { OF_PHASE, OF_SINCE, OF_STALLED, OF_READY, OF_HEALTHY };
enum of_arm { OF_WEIGHT, OF_REPLICAS, OF_REQUESTS, OF_BAD };

static double entry_number(const struct entry *entry, enum of_entry which)
{
	switch (which) {
	case OF_PHASE:
		return 1;
	case OF_SINCE:
		return entry->since_s;
	case OF_STALLED:
		return entry->stalled;
	case OF_READY:
		return entry->ready;
	case OF_HEALTHY:
		return entry->healthy;
	}
	panic("figure %d of an entry", (int)which);
}

static double arm_number(const struct entry_arm *arm, enum of_arm which)
{
	switch (which) {
	case OF_WEIGHT:
		return arm->weight;
	case OF_REPLICAS:
		return (double)arm->ready;
	case OF_REQUESTS:
		return (double)arm->requests;
	case OF_BAD:
		return (double)arm->bad;
	}
	panic("figure %d of an arm", (int)which);
}

static void each(struct buf *out, const char *name, const char *help, const struct map *map,
                 enum of_entry which)
{
	family(out, name, "gauge", help);
	for (size_t i = 0; i < map->n; i++) {
		const struct entry *entry = map->entries[i].value;

		buf_printf(out, "linnet_%s{environment=\"%s\",deployment=\"%s\"", name,
		           entry->environment, entry->name);
		if (which == OF_PHASE)
			buf_printf(out, ",phase=\"%s\"", phase_names.names[entry->phase]);
		buf_putc(out, '}');
		value(out, entry_number(entry, which));
	}
}

static void each_arm(struct buf *out, const char *name, const char *help, const struct map *map,
                     enum of_arm which)
{
	static const char *const arms[] = {"stable", "candidate"};

	family(out, name, "gauge", help);
	for (size_t i = 0; i < map->n; i++) {
		const struct entry *entry = map->entries[i].value;

		for (int arm = 0; arm < 2; arm++) {
			if (!entry->has[arm])
				continue;
			buf_printf(out, "linnet_%s{environment=\"%s\",deployment=\"%s\",arm=\"%s\"}", name,
			           entry->environment, entry->name, arms[arm]);
			value(out, arm_number(&entry->arms[arm], which));
		}
	}
}

/* ---- all of it ---- */

static void write_version(struct buf *out, const char *version)
{
	family(out, "build", "info", "What runs here.");
	buf_puts(out, "linnet_build_info{version=\"");
	for (const char *c = version; *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *c);
	}
	buf_puts(out, "\"} 1\n");
}

static void write_controller(struct buf *out, const struct figures *figures)
{
	histogram(out, "reconcile_duration_seconds", "One pass.", &figures->pass);
	gauge(out, "reconcile_keys", "Deployments and models looked after.", (double)figures->keys);
	gauge(out, "reconcile_keys_due", "Those that are due now.", (double)figures->keys_due);
	gauge(out, "disk_full", "Whether nothing new begins for want of room.", figures->disk_full);
	histogram(out, "plan_duration_seconds", "Planning of one pass.", &figures->plan);
	counter(out, "plan_keys", "Plans made.", figures->keys_planned);
	counter(out, "plan_errors", "Plans that could not be made.", figures->plan_errors);
	counters(out, "plan_actions", "Actions carried out or tried.", "action", action_kind_names,
	         figures->actions);
	counters(out, "plan_action_errors", "Actions that failed.", "action", action_kind_names,
	         figures->action_errors);
	gauge(out, "git_ok", "Whether the last fetch, verification and push went well.",
	      figures->git_ok);
	gauge(out, "git_last_look_timestamp_seconds", "When the remote was last seen; -1 never.",
	      figures->git_seen_ms < 0 ? -1 : (double)figures->git_seen_ms / 1000);
	counter(out, "git_looks", "Successful looks at the remote.", figures->git_looks);
	counter(out, "git_status_commits", "Commits on the status branch.", figures->status_commits);
	counter(out, "git_status_commit_errors", "Those that could not be made.",
	        figures->publish_errors);
	gauge(out, "git_status_pushed", "Whether the remote has all of them.",
	      figures->status_pushed);
	histogram(out, "serving_observe_duration_seconds", "One look at what serves.",
	          &figures->observe);
	counter(out, "serving_observe_errors", "Looks that failed.", figures->observe_errors);
	counters(out, "rollout_phase_entries", "How often a rollout entered each phase.", "phase",
	         phase_names, figures->phases);
	counters(out, "training_phase_entries", "How often a retraining cycle entered each phase.",
	         "phase", cycle_phase_names, figures->cycle_phases);
	counters(out, "gate_verdicts", "Verdicts of training runs.", "verdict", verdict_result_names,
	         figures->verdicts);
}

static void write_fleet(struct buf *out, const struct store *store)
{
	const struct map *map = &store->deployments;

	population(out, "rollout_deployments", "Deployments in each phase.", phase_names, map, false);
	population(out, "training_models", "Models in each phase of their cycle.", cycle_phase_names,
	           &store->models, true);
	each(out, "rollout_phase", "Its present phase.", map, OF_PHASE);
	each(out, "rollout_phase_since_timestamp_seconds", "When it entered it.", map, OF_SINCE);
	each(out, "rollout_stalled", "Whether it goes on by new input only.", map, OF_STALLED);
	each(out, "serving_ready", "Whether anything of it answers.", map, OF_READY);
	each(out, "serving_healthy", "Whether all needed replicas are ready.", map, OF_HEALTHY);
	each_arm(out, "serving_weight_ratio", "Share of the traffic.", map, OF_WEIGHT);
	each_arm(out, "serving_ready_replicas", "Replicas that are ready.", map, OF_REPLICAS);
	each_arm(out, "gate_evidence_requests", "Requests judged since the rollout began.", map,
	         OF_REQUESTS);
	each_arm(out, "gate_evidence_bad_requests", "Failed ones among them.", map, OF_BAD);
}

static void write_web(struct buf *out, const struct traffic *traffic)
{
	static const char *const codes[] = {"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"};

	counters(out, "web_requests", "Requests answered here.", "code", NAMES(codes),
	         traffic->requests);
	counter(out, "web_cut", "Connections that took too long.", traffic->cut);
	gauge(out, "web_connections", "Open connections.", traffic->connections);
	gauge(out, "web_streams", "Those that listen to changes.", traffic->streams);
	counters(out, "webhook_requests", "Webhooks.", "result", hook_result_names, traffic->hooks);
}

void metrics_write(struct buf *out, const struct store *store, const struct traffic *traffic)
{
	write_version(out, store->version);
	write_controller(out, &store->figures);
	write_fleet(out, store);
	write_web(out, traffic);
	buf_puts(out, "# EOF\n");
}
