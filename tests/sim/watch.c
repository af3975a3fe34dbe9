/* Somebody watches: what is shown was recorded before (S17), and is one line of JSON. */
#include <math.h>
#include <string.h>

#include "sim.h"

static void check_line(struct world *world, const char *name, struct bytes text)
{
	if (text.len < 2 || text.data[0] != '{' || text.data[text.len - 1] != '}' ||
	    memchr(text.data, '\n', text.len))
		world_violation(world, "S17", "%s is shown as '%.*s'", name, (int)text.len, text.data);
}

static void see_deployment(void *self, const struct deployment_view *view, struct bytes row,
                           struct bytes whole)
{
	const struct deployment_row *shown = &view->row;
	const struct deployment_status *recorded = NULL;
	struct world *world = self;

	if (world->crashed)
		return;
	for (int i = 0; i < SIM_ENVIRONMENTS; i++)
		if (!strcmp(world->serving.places[i].name, shown->environment))
			recorded = check_status(world, i);
	check_line(world, shown->environment, row);
	check_line(world, shown->environment, whole);
	if (!recorded || recorded->phase != shown->phase ||
	    fabs(recorded->stable_weight - shown->stable.weight) > 1e-9 ||
	    fabs(recorded->candidate_weight - shown->candidate.weight) > 1e-9)
		world_violation(world, "S17", "%s is shown as %s at %g, which is not recorded",
		                shown->environment, phase_names.names[shown->phase],
		                shown->candidate.weight);
}

static void see_model(void *self, const struct model_view *view, struct bytes row,
                      struct bytes whole)
{
	check_line(self, view->row.name, row);
	check_line(self, view->row.name, whole);
}

static void see_gone(void *self, const char *environment, const char *name)
{
	(void)self;
	(void)environment;
	(void)name;
}

void watch_wire(struct world *world)
{
	world->config.watch = (struct watch){world, see_deployment, see_model, see_gone};
}
