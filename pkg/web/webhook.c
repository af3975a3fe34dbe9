/* The webhook: who may say "look now", and how often that is believed. */
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "web/internal.h"

/* "sha256=<hex>" or the bare hex, in constant time for any one length. */
static bool is_signature(const char *given, struct digest wanted)
{
	static const char prefix[] = "sha256=";

	if (!given)
		return false;
	if (!strncmp(given, prefix, sizeof(prefix) - 1))
		given += sizeof(prefix) - 1;
	return strlen(given) == strlen(wanted.hex) &&
	       bytes_same(given, wanted.hex, strlen(wanted.hex));
}

static struct digest sign(const struct hook *hook, const void *bytes, size_t len)
{
	return hmac_sha256(hook->secret, strlen(hook->secret), bytes, len);
}

/* The whole secret as a token, which is all that GitLab sends; compared as digests, so that its
 * length does not show. */
static bool is_token(const struct hook *hook, const char *given)
{
	struct digest a, b;

	if (!given)
		return false;
	a = sign(hook, given, strlen(given));
	b = sign(hook, hook->secret, strlen(hook->secret));
	return bytes_same(a.hex, b.hex, strlen(a.hex));
}

/* A forge signs the body alone. */
static bool is_signed(const struct hook *hook, const struct hook_headers *headers,
                      struct bytes body)
{
	struct digest wanted = sign(hook, body.data, body.len);

	return is_signature(headers->github, wanted) || is_signature(headers->gitea, wanted) ||
	       is_signature(headers->plain, wanted) || is_token(hook, headers->gitlab);
}

/* An event's name stands in the query, where no forge signs it: the signature is over the name, a
 * line end and the body, so that no signed body can be sent again under another name. */
static bool is_signed_event(const struct hook *hook, const char *signature, const char *event,
                            struct bytes body)
{
	struct digest wanted;
	struct buf text;

	buf_init(&text, BODY_BYTES + LIMIT_NAME + 2);
	buf_printf(&text, "%s\n", event);
	buf_add(&text, body.data, body.len);
	wanted = sign(hook, text.text, text.len);
	buf_deinit(&text);
	return is_signature(signature, wanted);
}

/* The slot of this event, or one that is free; NULL when all wait. */
static struct waiting_event *event_slot(struct hook *hook, const char *event, int64_t now_ms)
{
	struct waiting_event *free_slot = NULL;

	for (size_t i = 0; i < EVENTS_WAITING; i++) {
		struct waiting_event *slot = &hook->events[i];

		if (!strcmp(slot->name, event))
			return slot;
		if (!slot->name[0] || (!slot->waits && now_ms >= slot->not_before_ms))
			free_slot = slot;
	}
	return free_slot;
}

static enum hook_result take_event(struct hook *hook, const char *event, int64_t now_ms)
{
	struct waiting_event *slot = event_slot(hook, event, now_ms);
	struct err err = {0};

	if (!slot)
		return HOOK_LIMITED;
	if (hook->config->keep(hook->config->self, event, &err)) {
		log_warn("event %s is refused: %s", event, err.text);
		return HOOK_FAILED;
	}
	if (strcmp(slot->name, event)) {
		*slot = (struct waiting_event){.not_before_ms = now_ms};
		memcpy(slot->name, event, strlen(event) + 1);
	}
	slot->waits = true;
	return HOOK_ACCEPTED;
}

enum hook_result hook_take(struct hook *hook, const struct hook_headers *headers,
                           const char *event, struct bytes body, int64_t now_ms)
{
	bool any = headers->github || headers->gitea || headers->gitlab || headers->plain;

	if (event && !is_name(event))
		return HOOK_BAD_EVENT;
	if (event ? !headers->plain : !any)
		return HOOK_UNSIGNED;
	if (event ? !is_signed_event(hook, headers->plain, event, body)
	          : !is_signed(hook, headers, body))
		return HOOK_BAD_SIGNATURE;
	if (event)
		return take_event(hook, event, now_ms);
	hook->fetch_waits = true;
	return HOOK_ACCEPTED;
}

static void sooner(int64_t *wait_ms, int64_t at_ms, int64_t now_ms)
{
	int64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 0;

	if (*wait_ms < 0 || left_ms < *wait_ms)
		*wait_ms = left_ms;
}

int64_t hook_wait_ms(const struct hook *hook, int64_t now_ms)
{
	int64_t wait_ms = -1;

	if (hook->fetch_waits)
		sooner(&wait_ms, hook->next_fetch_ms, now_ms);
	for (size_t i = 0; i < EVENTS_WAITING; i++)
		if (hook->events[i].waits)
			sooner(&wait_ms, hook->events[i].not_before_ms, now_ms);
	return wait_ms;
}

void hook_turn(struct hook *hook, int64_t now_ms)
{
	const struct web_config *config = hook->config;

	if (hook->fetch_waits && now_ms >= hook->next_fetch_ms) {
		hook->fetch_waits = false;
		hook->next_fetch_ms = now_ms + FETCH_EVERY_MS;
		config->fetch(config->self);
	}
	for (size_t i = 0; i < EVENTS_WAITING; i++) {
		struct waiting_event *slot = &hook->events[i];

		if (!slot->waits || now_ms < slot->not_before_ms)
			continue;
		slot->waits = false;
		slot->not_before_ms = now_ms + FETCH_EVERY_MS;
		config->event(config->self, slot->name);
	}
}
