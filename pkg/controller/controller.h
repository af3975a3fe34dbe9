/* The controller: looks, plans, records, acts; one pass at a time, never waiting.
 *
 * It knows the world through the ports alone, so the simulator runs this very code. */
#ifndef LINNET_CONTROLLER_CONTROLLER_H
#define LINNET_CONTROLLER_CONTROLLER_H

#include "api/view.h"
#include "port/port.h"

/* Borrowed for the controller's life. */
struct controller_config {
	const char *id;         /* of this state folder; a new one raises the epoch of the branch */
	const char *fleet_path; /* folder of the fleet repository that holds manifests; "." all of it */
	const char *fleet_name; /* shown to people: the repository's url without credentials */
	int state_fd;           /* the state folder: epoch in it, and evidence/, are ours */
	int64_t poll_ms;
	int64_t runs_concurrent;
	const char *metrics_allow; /* beginnings of Prometheus's urls, blanks between; or NULL */
	bool allow_empty;       /* a commit that declares no deployment at all may retire everything */
	bool take_over;         /* begins, though another has taken over since it ran last */
	struct run_paths {
		const char *self;      /* argv[0] of the worker verbs */
		const char *data_root; /* `file:` uris are below it */
		const char *allow;     /* prefixes of https: and s3: uris, blanks between; or NULL */
		const char *secrets;   /* folder of secrets, or NULL */
		const char *state;     /* absolute path of the state folder */
		const char *store;     /* absolute path of the artifact store */
	} run;
	struct watch watch; /* zeroed: nobody watches */
};

struct controller; /* heap; owned by who made it */
struct controller *controller_new(const struct ports *ports,
                                  const struct controller_config *config);
void controller_free(struct controller *controller);

/* One pass over all that is due. `wake_ms` is how long (monotonic ms from now) nothing is due, if
 * no event comes. An error is one that ends the controller: STALLED when another controller has
 * taken over (a higher epoch), now or before it began; everything else is in conditions and in the
 * log. */
int controller_pass(struct controller *controller, int64_t *wake_ms, struct err *err) must_check;

/* A child ended: what serves or is under way is due again. With `remote` (a person) everything is,
 * and Git is looked at at once. */
void controller_poke(struct controller *controller, bool remote);

/* A named event that came from outside: a kick of each model that has it among its triggers, by
 * "webhook". Held in memory until it is recorded, however many others come meanwhile (a model holds
 * 16 names; of one name the newest). */
void controller_event(struct controller *controller, const char *name);
/* Whether one of this name is not recorded yet. */
bool controller_awaits(const struct controller *controller, const char *name);

/* The disk is (nearly) full, or has room again: while it is, nothing new begins; healing, rollback
 * and what serves go on. */
void controller_disk(struct controller *controller, bool full);

/* Whether nothing is under way: all keys rest, nothing waits for a push, Git was seen. */
bool controller_quiet(const struct controller *controller);

/* ERR_TRANSIENT when Git was tried, and nothing of the fleet could be seen so far: later passes try
 * again, but who waits for a result has it. */
int controller_check(const struct controller *controller, struct err *err) must_check;

/* How it goes, counted since controller_new. */
void controller_figures(const struct controller *controller, struct figures *out);

#endif
