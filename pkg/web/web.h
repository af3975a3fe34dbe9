/* The controller's web side: health, metrics, JSON, a webhook and a page for people.
 *
 * It reads nothing and changes nothing: it is told what there is (web_watch, web_tell), keeps it as
 * texts, and hands these out. It runs on the caller's loop and never waits. Everything below
 * /metrics and /api needs the bearer token where there is one; without one it listens on loopback
 * only, and answers only who asked for a loopback name. */
#ifndef LINNET_WEB_WEB_H
#define LINNET_WEB_WEB_H

#include "api/view.h"
#include "base/err.h"

/* Borrowed for web_open. */
struct web_config {
	const char *listen;         /* "127.0.0.1:8080", "[::1]:8080" or a port of loopback; 0: any */
	const char *token;          /* bearer token; NULL none, then only loopback is listened on */
	const char *webhook_secret; /* key of the webhook's signatures; NULL: there is no webhook */
	const char *version;        /* of this program */
	/* What a webhook asks for; called inside web_turn. */
	void *self;
	void (*fetch)(void *self);
	void (*event)(void *self, const char *name);
	/* Keeps an event before it is accepted, until `event` is called for it; else it is refused. */
	int (*keep)(void *self, const char *name, struct err *err);
};

struct web; /* heap */
int web_open(const struct web_config *config, struct web **out, struct err *err) must_check;
void web_close(struct web *web); /* accepts NULL */
int web_port(const struct web *web);
/* What counts from now on in place of the configuration's; NULL where that was NULL. */
void web_secrets(struct web *web, const char *token, const char *webhook_secret);

/* Readable when web_turn has something to do; -1 without a web (NULL). */
int web_fd(const struct web *web);
/* In how many ms it has, whatever is readable; -1: not by itself. */
int64_t web_wait_ms(const struct web *web, int64_t now_ms);
/* Takes in and answers what came, as far as that goes without waiting. Monotonic time. */
void web_turn(struct web *web, int64_t now_ms);

/* Where the controller tells what it sees. */
struct watch web_watch(struct web *web);
/* How the controller goes, after each pass. */
void web_tell(struct web *web, const struct figures *figures);

#endif
