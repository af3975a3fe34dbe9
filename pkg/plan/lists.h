/* What both planners do with a plan, and with the lists and conditions of a history. */
#ifndef LINNET_PLAN_LISTS_H
#define LINNET_PLAN_LISTS_H

#include "api/plan.h"
#include "base/arena.h"

/* A new list with `item` before the first `max - 1` old ones; the old list stays as it was. */
void *list_prepended(struct arena *arena, const void *items, size_t n, size_t size,
                     const void *item, size_t *kept, size_t max);
#define list_prepend(arena, owner, list, item, max) \
	((owner)->list = list_prepended((arena), (owner)->list, (owner)->n_##list, \
	                                sizeof(*(owner)->list), &(item), &(owner)->n_##list, (max)))

const char *percent(struct arena *arena, double share); /* "5 %" */
bool text_same(const char *a, const char *b); /* NULL is the same as NULL alone */

bool proposal_open(const struct proposal *proposal); /* wanted, or waiting for its merge */

/* The next look is at `at_ms` at the latest, and not before now. */
void plan_wake(struct plan *plan, int64_t at_ms, int64_t now_ms);

/* `since_ms` moves when status or reason do. */
void condition_set(struct condition *condition, enum condition_type type, enum truth status,
                   const char *reason, const char *message, int64_t now_ms);
/* Of CONDITION_TYPES each, and which of them there are. */
bool conditions_differ(const struct condition *a, const bool *has_a, const struct condition *b,
                       const bool *has_b);

#endif
