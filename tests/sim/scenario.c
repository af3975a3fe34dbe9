/* Scenarios: a few lines of text each, and the conditions that they wait for. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "manifest/manifest.h"
#include "sim.h"

enum { MINUTE = 60000 };

static void add_line(struct scenario *scenario, const char *line, struct arena *arena)
{
	if (!strcmp(line, "varied"))
		scenario->varied = true;
	else
		*list_push(arena, &scenario->lines, &scenario->n) = line;
}

struct scenario *scenarios_read(const char *path, struct arena *arena, size_t *n)
{
	struct scenario *scenarios = NULL, *current = NULL;
	struct err err = {0};
	struct buf text;
	char *line, *rest;

	buf_init(&text, 1 << 20);
	if (file_read(-100, path, &text, &err))
		panic("%s", err.text);
	rest = arena_strdup(arena, buf_text(&text));
	buf_deinit(&text);
	*n = 0;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (!line[0] || line[0] == '#')
			continue;
		if (!strncmp(line, "scenario ", 9)) {
			current = list_push(arena, &scenarios, n);
			current->name = line + 9;
			continue;
		}
		if (!current)
			panic("%s: '%s' stands before the first scenario", path, line);
		add_line(current, line, arena);
	}
	return scenarios;
}

/* ---- conditions ---- */

static const char *version_of(const struct deployment_status *status, struct digest digest)
{
	const struct revision *revision = status_revision(status, digest);

	return revision ? revision->version : "none";
}

static bool quarantined(const struct deployment_status *status, const char *version)
{
	for (size_t i = 0; i < status->n_quarantine; i++)
		if (!strcmp(status->quarantine[i].version, version))
			return true;
	return false;
}

static bool branch_exists(const struct world *world, const char *name)
{
	for (int i = 0; i < world->git.n_branches; i++)
		if (world->git.branches[i].tip >= 0 && strstr(world->git.branches[i].name, name))
			return true;
	return false;
}

/* The tag of a version stands on the remote. */
static bool tagged(struct world *world, const char *version)
{
	const char *text = arena_printf(&world->arena, "tag\n" SIM_MODEL "@%s.0.0", version);

	return git_landed(world, digest_of(text, strlen(text)));
}

/* "phase: X" or "reason: X" of the model's cycle, as its status says it. */
static bool cycle_says(struct world *world, const char *name, const char *value)
{
	const char *text = git_text(world, world->git.local_status,
	                            "status/models/" SIM_MODEL ".yaml");
	char line[96];

	snprintf(line, sizeof(line), "\n  %s: %s\n", name, value);
	return text && strstr(text, line);
}

static bool was_told(const struct deployment_status *status, const char *what)
{
	for (size_t i = 0; i < status->n_history; i++)
		if (!strcmp(status->history[i].what, what))
			return true;
	return false;
}

/* Of one deployment: "steady v1", "serves v1", "phase Canary", "step 2", "reason Hold",
 * "quarantined v2", "told status recovered". */
static bool status_holds(const struct deployment_status *status, const char *what,
                         const char *value)
{
	if (!strcmp(what, "steady"))
		return status->phase == PHASE_STEADY &&
		       !strcmp(version_of(status, status->stable), value);
	if (!strcmp(what, "serves"))
		return !strcmp(version_of(status, status->stable), value);
	if (!strcmp(what, "phase"))
		return !strcmp(phase_names.names[status->phase], value);
	if (!strcmp(what, "step"))
		return status->phase == PHASE_CANARY && status->step + 1 == (value[0] - '0');
	if (!strcmp(what, "reason"))
		return status->reason && !strcmp(status->reason, value);
	if (!strcmp(what, "quarantined"))
		return quarantined(status, value);
	if (!strcmp(what, "told"))
		return was_told(status, value);
	panic("unknown condition '%s'", what);
}

/* Beside those of a deployment: "declared v1", "gone", "branch NAME", "tagged v1",
 * "cycle Idle", "why Merged" (of the cycle). */
bool scenario_holds(struct world *world, const char *words)
{
	const struct deployment_status *status = check_status(world, world->here);
	char what[32] = "", value[64] = "", path[128];

	sscanf(words, "%31s %63[^\n]", what, value);
	if (!strcmp(what, "declared")) {
		people_follow(world, world->here);
		return !strcmp(world->declared[world->here].version, value);
	}
	if (!strcmp(what, "branch"))
		return branch_exists(world, value);
	if (!strcmp(what, "tagged"))
		return tagged(world, value);
	if (!strcmp(what, "cycle"))
		return cycle_says(world, "phase", value);
	if (!strcmp(what, "why"))
		return cycle_says(world, "reason", value);
	if (!strcmp(what, "gone")) {
		snprintf(path, sizeof(path), "retired/%s/" SIM_MODEL ".yaml",
		         world->serving.places[world->here].name);
		return !status && git_text(world, world->git.local_status, path);
	}
	return status && status_holds(status, what, value);
}

void scenario_wait(struct world *world, const char *condition, bool wanted)
{
	int64_t until = world->now_ms + (wanted ? 6 : 2) * 60 * MINUTE;

	while (!scenario_holds(world, condition) && world->now_ms < until && !world->violation[0])
		world_step(world, until);
	if (wanted && !world->violation[0] && !scenario_holds(world, condition))
		world_violation(world, "L1", "never became true: %s", condition);
}

bool scenario_run(struct world *world, const struct scenario *scenario, size_t lines,
                  const char *plain_end)
{
	world_event(world, "scenario %s", scenario->name);
	people_begin(world);
	for (size_t i = 0; i < scenario->n && i < lines && !world->violation[0]; i++) {
		world->at_line = (int)i + 1;
		people_line(world, scenario->lines[i]);
	}
	if (!world->violation[0]) {
		world->at_line = (int)scenario->n + 1;
		assert_rest(world, scenario->varied || lines < scenario->n ? NULL : plain_end);
	}
	return !world->violation[0];
}
