/* What linnet validate says of keys that are part of a kind, and that nothing acts on yet: who
 * declares an alert that rolls back must not rely on it. */
#include <string.h>

#include "view.h"

static void put_idle(const struct object *object, const char *key, bool declared)
{
	const char *namespace = object->meta->namespace;

	if (declared)
		printf("%s%s%s: spec.%s is checked, and nothing acts on it in this version of Linnet\n",
		       namespace ? namespace : "", namespace ? "/" : "", object->meta->name, key);
}

static bool has_trigger(const struct model *model, enum trigger_kind kind)
{
	for (size_t i = 0; i < model->n_triggers; i++)
		if (model->triggers[i].kind == kind)
			return true;
	return false;
}

static void put_idle_keys_of(const struct object *object)
{
	const struct monitor_spec *monitor;

	switch (object->kind) {
	case KIND_MODEL:
		put_idle(object, "triggers: performance", has_trigger(object->model, TRIGGER_PERFORMANCE));
		put_idle(object, "triggers: drift", has_trigger(object->model, TRIGGER_DRIFT));
		put_idle(object, "keepVersions", object->model->keep_versions);
		break;
	case KIND_MODEL_DEPLOYMENT:
		monitor = object->deployment->monitor;
		put_idle(object, "autoscale", object->deployment->autoscale);
		put_idle(object, "monitor.groundTruth", monitor && monitor->ground_truth);
		put_idle(object, "monitor.drift", monitor && monitor->drift_window_ms);
		put_idle(object, "monitor.performance", monitor && monitor->performance_metric);
		put_idle(object, "alerts", object->deployment->n_alerts);
		break;
	case KIND_ENVIRONMENT:
		put_idle(object, "serving.kubernetes", object->environment->kubernetes);
		put_idle(object, "checklist", object->environment->checklist.n);
		put_idle(object, "notify", object->environment->n_notify);
		break;
	case KIND_MODEL_VERSION:
	case KIND_GATE_POLICY:
	case KINDS:
		break;
	}
}

void put_idle_keys(const struct options *options, struct view *view)
{
	for (int kind = 0; kind < KINDS; kind++) {
		const char **names;
		size_t n = fleet_list(view->fleet, (enum kind)kind, options->arena, &names);

		for (size_t i = 0; i < n; i++) {
			const char *slash = strchr(names[i], '/');
			const char *namespace = slash ? arena_strndup(options->arena, names[i],
			                                              (size_t)(slash - names[i])) : NULL;
			struct object object = {0};

			if (fleet_get(view->fleet, (enum kind)kind, namespace, slash ? slash + 1 : names[i],
			              view_read, view, options->arena, &object, NULL, NULL) == DECLARED_OK)
				put_idle_keys_of(&object);
		}
	}
}
