/* What must hold inside an Environment; and the check of any object. */
#include <string.h>

#include "api/complain.h"

static const struct role *role_named(const struct approvals_spec *approvals, const char *name)
{
	for (size_t i = 0; i < approvals->n_roles; i++) {
		if (strcmp(approvals->roles[i].name, name) == 0)
			return &approvals->roles[i];
	}
	return NULL;
}

static void check_approvals(struct check *check, const struct approvals_spec *approvals)
{
	size_t people = 0;

	for (size_t i = 0; i < approvals->by.n; i++) {
		const struct role *role = role_named(approvals, approvals->by.items[i]);

		if (role)
			people += role->members.n;
		else
			broken(check, at("spec.approvals.by[%zu]", i).text,
			       "role '%s' is not declared; add it to spec.approvals.roles",
			       approvals->by.items[i]);
	}
	if (approvals->required > 0 && (uint64_t)approvals->required > people)
		broken(check, "spec.approvals.required",
		       "asks for %lld approvals, and %zu people may give one; add people to their roles",
		       (long long)approvals->required, people);
	if (approvals->required > 0 && approvals->evidence == 0)
		broken(check, "spec.approvals.evidence",
		       "nothing counts as an approval; write signature, merge or forge");
	if (approvals->required > 0 && (approvals->evidence & (1u << EVIDENCE_SIGNATURE)) &&
	    !approvals->allowed_signers)
		broken(check, "spec.approvals.allowedSigners",
		       "signatures are checked against it; name the file of the fleet repository");
	if (approvals->allowed_signers && !is_relative_path(approvals->allowed_signers))
		broken(check, "spec.approvals.allowedSigners",
		       "'%s' is not a file of the fleet repository; write a relative path without '..'",
		       approvals->allowed_signers);
}

static void check_kubernetes(struct check *check, const struct kubernetes_serving *kubernetes)
{
	const char *slash = kubernetes->gateway ? strchr(kubernetes->gateway, '/') : NULL;

	if (kubernetes->gateway &&
	    (!slash || slash == kubernetes->gateway || !is_name(slash + 1)))
		broken(check, "spec.serving.kubernetes.gateway",
		       "'%s' names no Gateway; write namespace/name", kubernetes->gateway);
}

int environment_check(const struct environment *environment, check_complain *complain, void *ctx)
{
	struct check check = {complain, ctx, false};

	if (strcmp(environment->meta.name, "models") == 0)
		broken(&check, "metadata.name",
		       "'models' is the folder of models on the status branch; choose another name");
	if (environment->kubernetes)
		check_kubernetes(&check, environment->kubernetes);
	check_approvals(&check, &environment->approvals);
	for (size_t i = 1; i < environment->checklist.n; i++) {
		struct strings before = {environment->checklist.items, i};

		if (strings_have(&before, environment->checklist.items[i]))
			broken(&check, at("spec.checklist[%zu]", i).text, "'%s' stands here twice; remove one",
			       environment->checklist.items[i]);
	}
	for (size_t i = 0; i < environment->n_windows; i++) {
		if (environment->windows[i].deny)
			check_cron(&check, at("spec.windows[%zu].deny", i).text,
			           environment->windows[i].deny);
		if (environment->windows[i].for_ms <= 0)
			broken(&check, at("spec.windows[%zu].for", i).text,
			       "a window of no length denies nothing; write how long, such as 64h");
	}
	return check_result(&check);
}

int object_check(const struct object *object, check_complain *complain, void *ctx)
{
	switch (object->kind) {
	case KIND_MODEL:
		return model_check(object->model, complain, ctx);
	case KIND_MODEL_VERSION:
		return model_version_check(object->version, complain, ctx);
	case KIND_MODEL_DEPLOYMENT:
		return deployment_check(object->deployment, complain, ctx);
	case KIND_ENVIRONMENT:
		return environment_check(object->environment, complain, ctx);
	case KIND_GATE_POLICY:
		return gate_policy_check(object->policy, complain, ctx);
	case KINDS:
		break;
	}
	panic("object_check: kind %d", (int)object->kind);
}
