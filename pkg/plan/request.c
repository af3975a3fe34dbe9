/* What people ask through the requests branch. Each is given once, so that it becomes history here,
 * whatever else can be seen at the moment. */
#include "plan/look.h"

#include <string.h>

static const char *person(const struct request *request)
{
	return request->by ? request->by : "somebody";
}

static const char *asked(const struct look *look, const struct request *request)
{
	return request->reason ? arena_printf(look->arena, "%s: %s", person(request), request->reason)
	                       : arena_printf(look->arena, "%s asked for it", person(request));
}

/* Who asks in vain is told, as who asks for something is. */
static void refuse(struct look *look, const struct request *request, const char *why)
{
	note(look, arena_printf(look->arena, "%s refused", request_verb_names.names[request->verb]),
	     arena_printf(look->arena, "%s; %s", asked(look, request), why));
}

/* What a request is about when it names no revision: the candidate, else what is asked for. */
static struct digest meant(const struct look *look, const struct request *request)
{
	if (request->revision.hex[0])
		return request->revision;
	return has_candidate(look) ? look->next->candidate : look->want.digest;
}

static void approve(struct look *look, const struct request *request)
{
	const struct desired_deployment *desired = &look->in->desired;
	const struct environment *environment = desired->environment;
	struct approval approval = {
		.by = request->by,
		.evidence = "request",
		.commit = request->commit,
		.revision = meant(look, request),
		.gate = request->gate,
		.at_ms = look->in->now_ms,
		.expires_ms = request->expires_ms,
	};

	if (is_time(request->expires_ms) && request->expires_ms <= look->in->now_ms) {
		refuse(look, request, "it is over already");
		return;
	}
	if (!approval.revision.hex[0] ||
	    (!has_candidate(look) && digest_same(approval.revision, look->next->stable))) {
		refuse(look, request, "nothing waits for it");
		return;
	}
	if (!approval.gate.hex[0] && desired->model)
		approval.gate = gate_digest(desired->model, desired->policy, look->arena);
	if (!is_time(approval.expires_ms) && environment && is_time(environment->approvals.expire_ms))
		approval.expires_ms = look->in->now_ms + environment->approvals.expire_ms;
	add_approval(look, approval);
	note(look, arena_printf(look->arena, "approved (%s)", version_of(look, approval.revision)),
	     asked(look, request));
}

static void reject(struct look *look, const struct request *request)
{
	struct digest revision = meant(look, request);
	const char *why = asked(look, request);

	if (has_candidate(look) && digest_same(revision, look->next->candidate)) {
		roll_back(look, "Rejected", why);
	} else if (revision.hex[0] && !digest_same(revision, look->next->stable)) {
		quarantine(look, revision, why);
		note(look, arena_printf(look->arena, "rejected (%s)", version_of(look, revision)), why);
	} else {
		refuse(look, request, "nothing waits for it");
	}
}

/* The newest revision promoted here that is neither serving nor in quarantine, or the one asked
 * for; NULL: there is none. */
static const struct revision *back_target(const struct look *look, struct digest asked_for)
{
	const struct deployment_status *next = look->next;

	for (size_t i = 0; i < next->n_promoted; i++) {
		struct digest revision = next->promoted[i].revision;

		if (digest_same(revision, next->stable) || status_quarantined(next, revision) ||
		    (asked_for.hex[0] && !digest_same(revision, asked_for)))
			continue;
		return status_revision(next, revision);
	}
	return NULL;
}

/* The present revision is quarantined; its predecessor comes back as it was. */
static void go_back(struct look *look, const struct request *request)
{
	const char *why = asked(look, request);
	const struct revision *target = back_target(look, request->revision);
	struct digest present = look->next->stable;

	if (!target || !present.hex[0]) {
		refuse(look, request, "no revision promoted here may be gone back to");
		return;
	}
	if (has_candidate(look))
		quarantine(look, look->next->candidate, why);
	quarantine(look, present, why);
	drop_candidate(look);
	take_up(look, target, true);
	note(look, arena_printf(look->arena, "going back to %s (%s)", target->version,
	                        version_of(look, present)), why);
	want_revert(look, present, target->digest, why);
}

static void rollback(struct look *look, const struct request *request)
{
	const struct deployment_status *next = look->next;
	bool to_stable = !request->revision.hex[0] || digest_same(request->revision, next->stable);

	if (in_flight(next) && !next->going_back && to_stable)
		roll_back(look, "Requested", asked(look, request));
	else if (next->phase != PHASE_ROLLING_BACK && next->phase != PHASE_RETIRING &&
	         !next->going_back)
		go_back(look, request);
	else
		refuse(look, request, "it goes back or ends already");
}

static void retry(struct look *look, const struct request *request)
{
	struct deployment_status *next = look->next;
	struct digest revision = request->revision.hex[0] ? request->revision : look->want.digest;

	if (!revision.hex[0] && next->n_quarantine)
		revision = next->quarantine[0].revision;
	if (next->phase != PHASE_STALLED && !status_quarantined(next, revision)) {
		refuse(look, request, "nothing waits for it");
		return;
	}
	note(look, arena_printf(look->arena, "retried (%s)", version_of(look, revision)),
	     asked(look, request));
	release(look, revision);
	if (next->phase != PHASE_STALLED)
		return;
	next->broken = false;
	next->rollout_since_ms = look->in->now_ms;
	if (has_candidate(look))
		enter(look, PHASE_VERIFYING, "Verifying", "a retry was asked for");
	else
		enter(look, PHASE_STEADY, NULL, NULL);
}

static void restart(struct look *look, const struct request *request)
{
	look->next->restart_ms = look->in->now_ms;
	note(look, "restarting replicas one by one", asked(look, request));
}

static void take_request(struct look *look, const struct request *request)
{
	switch (request->verb) {
	case REQUEST_APPROVE:
		approve(look, request);
		break;
	case REQUEST_REJECT:
		reject(look, request);
		break;
	case REQUEST_ROLLBACK:
		rollback(look, request);
		break;
	case REQUEST_RETRY:
		retry(look, request);
		break;
	case REQUEST_RESTART:
		restart(look, request);
		break;
	case REQUEST_KICK: /* of a model */
	case REQUEST_ACCEPT_REWIND: /* of the fleet */
	case REQUEST_VERBS:
		break;
	}
}

void take_requests(struct look *look)
{
	for (size_t i = 0; i < look->in->n_requests; i++)
		take_request(look, &look->in->requests[i]);
}
