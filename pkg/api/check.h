/* The rules that a field table cannot say: between the fields of one object, and between objects.
 *
 * Each check tells every rule that is broken, not only the first, and returns 0, or -1 if any was.
 * `path` is the dotted path of the field as node_at takes it ("spec.rollout.steps[1].weight"); the
 * field may be absent. `message` is one sentence that says what to do. Both live for the call. */
#ifndef LINNET_API_CHECK_H
#define LINNET_API_CHECK_H

#include "api/kinds.h"

typedef void check_complain(void *ctx, const char *path, const char *message);

int model_check(const struct model *model, check_complain *complain, void *ctx);
int model_version_check(const struct model_version *version, check_complain *complain, void *ctx);
int deployment_check(const struct deployment *deployment, check_complain *complain, void *ctx);
int environment_check(const struct environment *environment, check_complain *complain, void *ctx);
int gate_policy_check(const struct gate_policy *policy, check_complain *complain, void *ctx);
/* The one of its kind. */
int object_check(const struct object *object, check_complain *complain, void *ctx);

/* A model beside the policy that it names: of what is asked for all can be measured. */
int model_check_policy(const struct model *model, const struct gate_policy *policy,
                       check_complain *complain, void *ctx);

/* A deployment beside what it names (NULL: not there, nothing said about it): thresholds in the
 * order page < retrain < promote, Kubernetes serves images only. Paths are the deployment's. */
int deployment_check_refs(const struct deployment *deployment, const struct model *model,
                          const struct model_version *version,
                          const struct environment *environment, check_complain *complain,
                          void *ctx);

/* "accuracy < 0.75", "latency_p95 > 250" or a bare "schema_validation_failed": the condition of an
 * alert. false when it is neither. */
enum alert_sign { ALERT_HOLDS, ALERT_BELOW, ALERT_ABOVE };
struct alert_condition {
	char subject[64];
	enum alert_sign sign;
	double threshold; /* of BELOW and ABOVE; "85%" is 0.85 */
};
bool alert_parse(const char *when, struct alert_condition *out);

/* "2 of 3" -> k, of; 1 <= k <= of <= 100. */
bool persist_parse(const char *text, int64_t *k, int64_t *of);

#endif
