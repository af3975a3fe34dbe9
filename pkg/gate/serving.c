/* What serving may cost: figures of the candidate's own server against the policy's. They are
 * measured once, on this machine, so that no interval stands around them. */
#include "gate/gates_parts.h"

static const char *bytes_text(struct arena *arena, double bytes)
{
	return bytes >= 1 << 20 ? arena_printf(arena, "%.1f MiB", bytes / (1 << 20))
	                        : arena_printf(arena, "%.0f bytes", bytes);
}

static const char *ms_text(struct arena *arena, double ms)
{
	return ms >= 10000 ? arena_printf(arena, "%.1f s", ms / 1000)
	                   : arena_printf(arena, "%.3g ms", ms);
}

static void judge_figure(struct judging *judging, const char *name, const char *what, double value,
                         double most, const char *(*text)(struct arena *, double))
{
	struct measured m = {STATS_OK, value, NAN, NAN, NAN, NAN, NAN};
	const char *why;

	if (!is_set(most))
		return;
	if (!is_set(value)) {
		add_entry(judging, name, VERDICT_INCONCLUSIVE, NULL, most, "it was not measured");
		return;
	}
	why = arena_printf(judging->arena, "%s %s; at most %s is allowed", what,
	                   text(judging->arena, value), text(judging->arena, most));
	add_entry(judging, name, value <= most ? VERDICT_PASS : VERDICT_FAIL, &m, most, why);
}

static void judge_scan(struct judging *judging, const struct serving_gate *gate)
{
	const struct gate_serving *serving = &judging->input->serving;
	struct measured m = {STATS_OK, (double)serving->n_findings, NAN, NAN, NAN, NAN, NAN};
	const char *why;

	if (!gate->scan_report)
		return;
	if (serving->scan) {
		add_entry(judging, "scan", VERDICT_INCONCLUSIVE, NULL, 0, serving->scan);
		return;
	}
	why = serving->n_findings == 0
	      ? arena_printf(judging->arena, "the scan found nothing of severity %s or above",
	                     gate->scan_severity)
	      : arena_printf(judging->arena, "the scan found %lld of severity %s or above; the first is"
	                     " %s", (long long)serving->n_findings, gate->scan_severity,
	                     serving->finding ? serving->finding : "not named");
	add_entry(judging, "scan", serving->n_findings ? VERDICT_FAIL : VERDICT_PASS, &m, 0, why);
}

void judge_serving(struct judging *judging)
{
	const struct gate_policy *policy = judging->input->policy;
	const struct gate_serving *serving = &judging->input->serving;

	if (!policy)
		return;
	judge_figure(judging, "latency p95", "of single rows 95 % are answered within",
	             serving->latency_p95_ms, policy->serving.latency_p95_ms, ms_text);
	judge_figure(judging, "start time", "its server was ready after", serving->start_ms,
	             policy->serving.start_time_ms, ms_text);
	judge_figure(judging, "memory", "its server took", serving->memory_bytes,
	             policy->serving.memory_bytes, bytes_text);
	judge_figure(judging, "artifact size", "the artifact has", serving->artifact_bytes,
	             policy->serving.artifact_bytes, bytes_text);
	judge_scan(judging, &policy->serving);
}
