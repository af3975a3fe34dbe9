/* The git port of the controller: one remote, two bare repositories below the state folder.
 *
 *   fleet.git   the fleet branch; a cache that is moved aside and fetched again when it is damaged
 *   status.git  the status and requests branches; what is only here yet is never thrown away
 */
#ifndef LINNET_ADAPTER_GIT_PORT_H
#define LINNET_ADAPTER_GIT_PORT_H

#include "adapter/git_transport.h"
#include "port/port.h"

/* Copied by git_port_open. NULL takes the default where one is named. */
struct git_config {
	const char *state;  /* folder, made if need be; one controller at a time (flock) */
	const char *url, *branch; /* the fleet repository; branch NULL: main */
	int64_t poll_ms;          /* 0: 5 s */
	int64_t timeout_ms;       /* of one child; 0: 60 s, and 10 min for the first fetch */
	struct git_auth auth;
	const char *allowed_signers; /* verify.*; NULL: commits need no signature */
	const char *forge_keys, *root;
	const char *status_branch, *requests_branch; /* NULL: linnet/status, linnet/requests */
	const char *author, *email; /* NULL: Linnet <linnet@localhost> */
	const char *signing_key;    /* private SSH key with "<key>.pub" beside it; NULL: unsigned */
};

/* Needs no network. ERR_STALLED when the configuration is wrong, ERR_CONFLICT when another process
 * holds the state folder. `out` is good until git_port_close, which waits for nothing: children are
 * killed, and what was under way is found again by the next open. */
int git_port_open(const struct git_config *config, struct port_git *out, struct err *err)
	must_check;
void git_port_close(struct port_git *port); /* accepts a zeroed one */

#endif
