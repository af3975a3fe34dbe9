/* What is asked: the resolved declarations, people's requests, a run's outcome; for the planner. */
#ifndef LINNET_API_DESIRED_H
#define LINNET_API_DESIRED_H

#include "api/status.h"
#include "base/zone.h"

/* What Git says about one deployment, resolved. */
struct desired_deployment {
	/* false (fetch, decode or verification failed): observe, heal, roll back only; `deployment` may
	 * then still be the last accepted declaration, for its parameters */
	bool known;
	bool absent;         /* not in an accepted, decodable commit: retire it */
	/* a broken GatePolicy or Environment, an unreadable model status: no step up, no new rollout */
	bool promotions_blocked;
	const char *commit, *manifest; /* accepted fleet commit; blob of the declaration */
	const struct deployment *deployment;
	const struct environment *environment;
	const struct model *model;
	const struct gate_policy *policy; /* NULL: none named */
	const struct model_version *version; /* NULL: `version: none`, or not found (see problem) */
	const struct model_status *model_status;
	struct zones zones;  /* of the environment's windows, as far as they could be read */
	const char *frozen;  /* planned from its last accepted declaration, because ...; NULL: no */
	/* Who changed the declaration, the model or its policy since the stable one was promoted; known
	 * where a gate was loosened for this version, which none of them approves alone. */
	struct strings authors;
	const char *authors_unknown; /* why they could not be found, so nobody approves; NULL: found */
	const char *problem; /* a dangling reference or the like, one sentence; NULL: none */
};

/* What people asked through the requests branch since the last pass; each is given once. */
enum request_verb {
	REQUEST_APPROVE, REQUEST_REJECT, REQUEST_ROLLBACK, REQUEST_RETRY, REQUEST_KICK, REQUEST_RESTART,
	REQUEST_ACCEPT_REWIND, REQUEST_VERBS
};
extern const struct names request_verb_names;
struct request {
	enum request_verb verb;
	const char *by, *reason, *commit;
	const char *event;       /* KICK */
	struct digest revision;  /* APPROVE, REJECT, ROLLBACK (to; "" the newest allowed) */
	struct digest gate;      /* APPROVE */
	int64_t expires_ms;      /* APPROVE; -1 */
	const char *old_commit, *new_commit; /* ACCEPT_REWIND */
};

/* What a cheap look at a model's data tells. */
struct data_seen {
	int64_t rows;        /* complete ones */
	struct digest first; /* of its beginning through the first row: another one is other data */
	bool counting;       /* not all of it was looked at yet */
	struct digest content; /* of all of it; "": not asked for, or changed a moment ago */
};

/* What monitoring found wrong where a model serves, since its detectors began anew: they do when a
 * run has finished. */
struct quality_signal {
	enum trigger_kind kind;      /* PERFORMANCE or DRIFT */
	const char *deployment;      /* "environment/name" */
	struct digest revision;      /* that serves there */
	int64_t from_ms;             /* time of the first row that it was found on */
	const char *metric;          /* PERFORMANCE: of matured rows, so many, with this value */
	double value;
	int64_t n_rows;
	const char *why;             /* DRIFT: with its numbers, "team: PSI 0.31 on 2,000 rows" */
};

/* What Git and the world say about one model. */
struct target {
	const struct deployment *deployment;
	const struct environment *environment;
	const struct deployment_status *status; /* NULL: none yet */
};
enum run_state { RUN_NONE, RUN_ACTIVE, RUN_SUCCEEDED, RUN_FAILED, RUN_STATES };
struct run_result {
	struct digest run;
	enum run_state train, evaluate;
	bool considered;   /* of FAILED: the run judged so (bad data, FAIL), not an error to repeat */
	const char *why;
	struct digest data;           /* what train read; "" it came not so far */
	struct artifact_ref artifact; /* of train */
	struct digest rows;           /* test rows to be used, of train */
	int64_t n_rows, rows_from_ms, rows_to_ms;
	bool known;                   /* of train: they are no test rows, it may have learnt them */
	enum verdict_result verdict;  /* of evaluate */
	bool same;                    /* every prediction is that of the incumbent */
	struct digest verdict_key, subject, incumbent, gate; /* as in struct verdict_record */
	const struct gates_evidence *evidence; /* of evaluate; NULL: nothing was judged */
};
#endif
