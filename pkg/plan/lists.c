#include "plan/lists.h"

#include <string.h>

void *list_prepended(struct arena *arena, const void *items, size_t n, size_t size,
                     const void *item, size_t *kept, size_t max)
{
	size_t keep = n < max ? n : max - 1;
	char *grown = arena_calloc(arena, keep + 1, size);

	memcpy(grown, item, size);
	if (keep)
		memcpy(grown + size, items, keep * size);
	*kept = keep + 1;
	return grown;
}

const char *percent(struct arena *arena, double share)
{
	const char *text;
	struct buf buf;

	buf_init(&buf, TIME_TEXT);
	buf_percent(&buf, share);
	text = arena_strdup(arena, buf_text(&buf));
	buf_deinit(&buf);
	return text;
}

bool text_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool proposal_open(const struct proposal *proposal)
{
	return proposal->outcome == PROPOSAL_WANTED || proposal->outcome == PROPOSAL_WAITING;
}

void plan_wake(struct plan *plan, int64_t at_ms, int64_t now_ms)
{
	int64_t due_ms = at_ms > now_ms ? at_ms : now_ms;

	if (!is_time(plan->wake_ms) || due_ms < plan->wake_ms)
		plan->wake_ms = due_ms;
}

void condition_set(struct condition *condition, enum condition_type type, enum truth status,
                   const char *reason, const char *message, int64_t now_ms)
{
	bool same = condition->reason && condition->status == status &&
	            strcmp(condition->reason, reason) == 0;

	*condition = (struct condition){type, status, reason, message,
	                                same ? condition->since_ms : now_ms};
}

bool conditions_differ(const struct condition *a, const bool *has_a, const struct condition *b,
                       const bool *has_b)
{
	for (int i = 0; i < CONDITION_TYPES; i++) {
		if (has_a[i] != has_b[i])
			return true;
		if (has_a[i] && (a[i].status != b[i].status || a[i].since_ms != b[i].since_ms ||
		                 !text_same(a[i].reason, b[i].reason) ||
		                 !text_same(a[i].message, b[i].message)))
			return true;
	}
	return false;
}
