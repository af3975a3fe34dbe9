/* What a canary is judged by beside its requests: labels that the servers log, and metrics that
 * Prometheus tells. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "manifest/manifest.h"
#include "sim.h"

enum { ANSWER_MS = 1000 };

/* ---- predicted labels ---- */

static bool is_shared(const struct sim_place *place)
{
	return place->n_weights == 2 && place->weights[0].weight > 0 && place->weights[1].weight > 0;
}

/* Its counts; those of a revision that has no weight any more make room. */
static struct sim_labels *labels_of(struct sim_place *place, struct digest revision)
{
	struct sim_labels *labels = place->labels;

	for (size_t i = 0; i < ARRAY_LEN(place->labels); i++)
		if (digest_same(place->labels[i].revision, revision))
			return &place->labels[i];
	if (serving_weight(place, labels->revision) > 0)
		labels++;
	*labels = (struct sim_labels){.revision = revision};
	return labels;
}

void labels_log(struct world *world, struct sim_place *place, const struct sim_replica *replica,
                uint64_t n)
{
	const struct traits *traits = replica->traits;
	struct sim_labels *labels;
	uint64_t yes;

	if (!traits->logs || !place->counting || place->mute || !is_shared(place))
		return;
	labels = labels_of(place, replica->revision);
	yes = serving_draw(world, n, traits->yes);
	labels->rows[1] += yes;
	labels->rows[0] += n - yes;
	serving_story(place, replica->revision)->logged += n;
}

/* Counted from the first look at a shared traffic until it is shared no more. "no" and "yes" are
 * the first label and the last: of numbers, the ends of their range. */
void labels_show(struct world *world, struct sim_place *place, const struct output_spec *output,
                 bool stale, struct arena *arena, struct observed *out)
{
	struct strings labels = output ? output_labels(output, arena) : (struct strings){0};
	struct sim_labels shown[ARRAY_LEN(place->labels)];

	if (!is_shared(place) || !place->counting) {
		memset(place->labels, 0, sizeof(place->labels));
		memset(place->stale_labels, 0, sizeof(place->stale_labels));
		place->counting = is_shared(place);
		return;
	}
	memcpy(shown, stale ? place->stale_labels : place->labels, sizeof(shown));
	memcpy(place->stale_labels, place->labels, sizeof(shown));
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		for (size_t k = 0; k < 2; k++)
			if (shown[i].rows[k] && labels.n)
				*list_push(arena, &out->labels, &out->n_labels) = (struct logged_label){
					shown[i].revision, labels.items[k * (labels.n - 1)], shown[i].rows[k]};
	if (out->n_labels && world_fault(world, FAULT_OBSERVE))
		out->n_labels = 0; /* the logs cannot be read now */
}

/* ---- metrics ---- */

static const struct traits *asked_about(struct world *world, const char *url)
{
	char digits[REVISION_SHORT + 1];

	for (int i = 0; i < SIM_ENVIRONMENTS; i++) {
		const struct sim_place *place = &world->serving.places[i];

		for (int j = 0; j < place->n_stories; j++) {
			revision_short(place->stories[j].revision, digits);
			if (digits[0] && strstr(url, digits))
				return place->stories[j].traits;
		}
	}
	return NULL;
}

/* One question is under way at a time, and is answered by a later call. */
static bool is_answered(struct world *world, const char *url)
{
	if (strcmp(world->asked, url)) {
		snprintf(world->asked, sizeof(world->asked), "%s", url);
		world->asked_ms = world->now_ms;
	}
	if (world->now_ms - world->asked_ms < ANSWER_MS)
		return false;
	world->asked[0] = 0;
	return true;
}

bool prometheus_ask(void *self, const char *url, size_t body_bytes_max, int64_t deadline_ms,
                    struct arena *arena, struct http_reply *reply)
{
	struct world *world = self;
	const struct traits *traits = asked_about(world, url);
	char *text;

	(void)body_bytes_max;
	(void)deadline_ms;
	*reply = (struct http_reply){0};
	if (world_call(world, FAULT_OBSERVE, FAULT_OBSERVE)) {
		err_set(&reply->err, ERR_TRANSIENT, "no answer");
		return true;
	}
	if (!is_answered(world, url))
		return false;
	text = traits && traits->measured
	       ? arena_printf(arena, "{\"status\": \"success\", \"data\": {\"resultType\": \"vector\", "
	                      "\"result\": [{\"metric\": {}, \"value\": [0, \"%g\"]}]}}",
	                      traits->metric)
	       : arena_strdup(arena, "{\"status\": \"success\", \"data\": {\"resultType\": \"vector\", "
	                      "\"result\": []}}");
	reply->status = 200;
	reply->body = (struct bytes){text, strlen(text)};
	return true;
}

/* ---- S9, S18 ---- */

static uint64_t rows_of(const struct evidence *evidence, bool candidate)
{
	uint64_t rows = 0;

	for (size_t k = 0; k < evidence->n_predicted; k++)
		rows += candidate ? evidence->predicted[k].candidate : evidence->predicted[k].stable;
	return rows;
}

void assert_labels(struct world *world, struct sim_place *place, const struct evidence *evidence)
{
	uint64_t candidate = rows_of(evidence, true), stable = rows_of(evidence, false);

	if (candidate > serving_story(place, evidence->revision)->logged ||
	    stable > serving_story(place, evidence->stable)->logged)
		world_violation(world, "S18", "%llu and %llu predictions count, and fewer were logged",
		                (unsigned long long)candidate, (unsigned long long)stable);
	if (place->filed_since_ms == evidence->since_ms &&
	    digest_same(place->filed, evidence->revision) &&
	    (candidate < place->filed_candidate || stable < place->filed_stable))
		world_violation(world, "S18", "of %llu and %llu predictions %llu and %llu still count",
		                (unsigned long long)place->filed_candidate,
		                (unsigned long long)place->filed_stable,
		                (unsigned long long)candidate, (unsigned long long)stable);
	place->filed = evidence->revision;
	place->filed_since_ms = evidence->since_ms;
	place->filed_candidate = candidate;
	place->filed_stable = stable;
}

void assert_predictions(struct world *world, int environment, const struct traits *candidate,
                        const struct traits *stable)
{
	const char *found = strstr(world->declared[environment].analysis, "maxDistance: ");
	double most;

	if (!found || sscanf(found, "maxDistance: %lf%%", &most) != 1)
		return;
	if (!candidate->logs || !stable->logs)
		world_violation(world, "S9", "%s is promoted without predictions to compare",
		                candidate->name);
	if (fabs(candidate->yes - stable->yes) * 100 > 2 * most)
		world_violation(world, "S9", "%s is promoted, and predicts quite otherwise",
		                candidate->name);
}
