/* Named events that the webhook accepted: on disk until they are recorded, so that none is lost
 * with us. One that was recorded in the last moment before we ended comes a second time. */
#ifndef LINNET_CMD_EVENTS_H
#define LINNET_CMD_EVENTS_H

#include "base/err.h"
#include "base/map.h"
#include "controller/controller.h"

struct kept_events {
	int state_fd;     /* borrowed; they are lines of `events` in this folder */
	struct map names; /* -> how far each is */
};
/* Those of an earlier life are handed over as soon as the controller knows its models. */
int events_open(struct kept_events *out, int state_fd, struct err *err) must_check;
void events_close(struct kept_events *events);
/* Before it is accepted. */
int events_keep(struct kept_events *events, const char *name, struct err *err) must_check;
/* It is its turn, of the one that was kept last of that name. */
void events_hand(struct kept_events *events, const char *name, struct controller *controller);
/* After each pass: forgets what is recorded, hands over what came too early. Whether it did that:
 * then there is something to do at once. */
bool events_turn(struct kept_events *events, struct controller *controller);

#endif
