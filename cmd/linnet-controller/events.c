#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/parse.h"

enum { EVENTS_BYTES = 64 << 10 };

/* How far an event is: a pointer in the map says which. */
static char waits[] = "its turn comes";
static char early[] = "the controller did not know its models yet";
static char handed[] = "the controller has it";

static int save(const struct kept_events *events, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, EVENTS_BYTES);
	for (size_t i = 0; i < events->names.n; i++)
		buf_printf(&text, "%s\n", events->names.entries[i].key);
	result = buf_check(&text, "events", err) ||
	         file_write(events->state_fd, "events", buf_text(&text), text.len, 0600, err) ? -1 : 0;
	buf_deinit(&text);
	return result;
}

int events_open(struct kept_events *out, int state_fd, struct err *err)
{
	struct buf text;
	struct err why = {0};
	int result = 0;

	*out = (struct kept_events){.state_fd = state_fd};
	buf_init(&text, EVENTS_BYTES);
	if (file_read(state_fd, "events", &text, &why)) {
		if (why.kind != ERR_STALLED) { /* there is one, and it cannot be read now */
			*err = why;
			result = -1;
		}
	} else {
		for (char *rest = text.text, *name; (name = strsep(&rest, "\n"));)
			if (is_name(name))
				map_put(&out->names, name, early);
	}
	buf_deinit(&text);
	return result;
}

void events_close(struct kept_events *events)
{
	map_deinit(&events->names);
}

int events_keep(struct kept_events *events, const char *name, struct err *err)
{
	if (map_put(&events->names, name, waits))
		return 0;
	if (save(events, err) == 0)
		return 0;
	map_remove(&events->names, name);
	return -1;
}

void events_hand(struct kept_events *events, const char *name, struct controller *controller)
{
	struct figures figures;

	controller_figures(controller, &figures);
	map_put(&events->names, name, figures.ready ? handed : early);
	if (figures.ready)
		controller_event(controller, name);
}

bool events_turn(struct kept_events *events, struct controller *controller)
{
	struct err err = {0};
	bool forgot = false, gave = false;

	for (size_t i = events->names.n; i-- > 0;) {
		const struct map_entry *entry = &events->names.entries[i];

		if (entry->value == early) {
			events_hand(events, entry->key, controller);
			gave = gave || entry->value == handed;
		} else if (entry->value == handed && !controller_awaits(controller, entry->key)) {
			map_remove(&events->names, entry->key);
			forgot = true;
		}
	}
	if (forgot && save(events, &err))
		log_warn("events: %s", err.text); /* those come again after a restart */
	return gave;
}
