/* Metrics from elsewhere: the answers about a candidate, and what they say. */
#include "gate/arm.h"

#include <string.h>

#include "gate/gate.h"

enum { ABOVE_IS_HARM = 3, FRESH_MS = 90000 };

static const struct watched *find_watched(const struct evidence *evidence, const char *name)
{
	for (size_t i = 0; i < evidence->n_watched; i++)
		if (strcmp(evidence->watched[i].name, name) == 0)
			return &evidence->watched[i];
	return NULL;
}

bool gate_metric_due(const struct evidence *evidence, const char *name, int64_t now_ms,
                     int64_t every_ms)
{
	const struct watched *watched = find_watched(evidence, name);

	return !watched || now_ms - watched->asked_ms >= every_ms || now_ms < watched->asked_ms;
}

void gate_metric(struct evidence *evidence, const struct metric_spec *metric, double value,
                 int64_t now_ms, struct arena *arena)
{
	const struct watched *old = find_watched(evidence, metric->name);
	size_t at = old ? (size_t)(old - evidence->watched) : evidence->n_watched;
	struct watched *all = arena_array(arena, evidence->n_watched + 1, struct watched);

	if (evidence->n_watched)
		memcpy(all, evidence->watched, evidence->n_watched * sizeof(*all));
	if (!old) {
		all[at] = (struct watched){.name = metric->name, .seen_ms = -1, .value = NAN};
		evidence->n_watched++;
	}
	evidence->watched = all;
	all[at].asked_ms = now_ms;
	if (!isfinite(value))
		return;
	all[at].seen_ms = now_ms;
	all[at].value = value;
	all[at].above = value > metric->max ? all[at].above + 1 : 0;
}

const char *metric_harm(const struct evidence *evidence, const struct analysis_spec *analysis,
                        struct arena *arena)
{
	for (size_t i = 0; i < analysis->n_metrics; i++) {
		const struct metric_spec *metric = &analysis->metrics[i];
		const struct watched *watched = find_watched(evidence, metric->name);

		if (watched && watched->above >= ABOVE_IS_HARM)
			return arena_printf(arena, "%s %.3g, above %.3g %lld times in a row: harm",
			                    metric->name, watched->value, metric->max,
			                    (long long)watched->above);
	}
	return NULL;
}

const char *metric_missing(const struct evidence *evidence, const struct analysis_spec *analysis,
                           int64_t now_ms, struct arena *arena)
{
	for (size_t i = 0; i < analysis->n_metrics; i++) {
		const struct metric_spec *metric = &analysis->metrics[i];
		const struct watched *watched = find_watched(evidence, metric->name);

		if (!watched || watched->seen_ms < evidence->step_since_ms ||
		    now_ms - watched->seen_ms > FRESH_MS)
			return arena_printf(arena, "%s: no data", metric->name);
		if (!(watched->value <= metric->max))
			return arena_printf(arena, "%s %.3g, above %.3g", metric->name, watched->value,
			                    metric->max);
	}
	return NULL;
}

void metric_find(struct finding *finding, const struct evidence *evidence,
                 const struct metric_spec *metric)
{
	const struct watched *watched = find_watched(evidence, metric->name);

	finding->harm_ln = finding->harm_at = finding->phi = NAN;
	if (!watched || !is_set(watched->value))
		return;
	finding->candidate = watched->value;
	finding->result = watched->above >= ABOVE_IS_HARM     ? VERDICT_FAIL
	                  : watched->value <= metric->max ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
}

bool metric_silent(const struct evidence *evidence, const struct analysis_spec *analysis,
                   int64_t now_ms)
{
	for (size_t i = 0; i < analysis->n_metrics; i++) {
		const struct watched *watched = find_watched(evidence, analysis->metrics[i].name);
		int64_t seen_ms = watched ? watched->seen_ms : -1;

		if (seen_ms < evidence->since_ms)
			seen_ms = evidence->since_ms;
		if (analysis->no_data_deadline_ms >= 0 &&
		    now_ms - seen_ms > analysis->no_data_deadline_ms)
			return true;
	}
	return false;
}
