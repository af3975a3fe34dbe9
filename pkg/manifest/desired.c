/* Everything that the rollout planner is told about one deployment, resolved. */
#include "manifest/manifest.h"

#include <string.h>

#include "base/limits.h"

struct resolver {
	struct fleet *fleet;
	manifest_read *read;
	void *self;
	struct arena *arena;
	struct desired_deployment *out;
};

/* Only the first problem is told: the next ones often follow from it. */
static void problem(const struct resolver *resolver, const char *text)
{
	if (!resolver->out->problem)
		resolver->out->problem = text;
}

/* An object that the deployment names; out->X stays NULL when it is not there. */
static enum declared resolve(const struct resolver *resolver, enum kind kind, const char *name,
                             struct object *out)
{
	const char *why;
	struct oid blob;
	enum declared declared =
		fleet_get(resolver->fleet, kind, NULL, name, resolver->read, resolver->self,
		          resolver->arena, out, &blob, &why);

	if (declared == DECLARED_ABSENT)
		problem(resolver, arena_printf(resolver->arena, "%s '%s' is not declared",
		                               kind_names.names[kind], name));
	else if (!out->meta)
		problem(resolver, arena_printf(resolver->arena, "%s '%s' is broken: %s",
		                               kind_names.names[kind], name, why));
	else if (declared == DECLARED_FROZEN && !resolver->out->frozen)
		resolver->out->frozen = why;
	return declared;
}

static void resolve_environment(const struct resolver *resolver, const char *name)
{
	struct object object;

	if (resolve(resolver, KIND_ENVIRONMENT, name, &object) != DECLARED_OK)
		resolver->out->promotions_blocked = true;
	resolver->out->environment = object.environment;
}

static void resolve_model(const struct resolver *resolver, const char *name)
{
	struct object object;
	const char *policy;

	resolve(resolver, KIND_MODEL, name, &object);
	resolver->out->model = object.model;
	policy = object.model ? object.model->gates.policy : NULL;
	if (!policy)
		return;
	if (resolve(resolver, KIND_GATE_POLICY, policy, &object) != DECLARED_OK)
		resolver->out->promotions_blocked = true;
	resolver->out->policy = object.policy;
}

static void resolve_version(const struct resolver *resolver, const struct deployment *deployment)
{
	struct object object;

	if (!deployment->version)
		return;
	resolve(resolver, KIND_MODEL_VERSION,
	        arena_printf(resolver->arena, "%s-%s", deployment->model, deployment->version),
	        &object);
	resolver->out->version = object.version;
}

void fleet_desired(struct fleet *fleet, const char *environment, const char *name,
                   const char *commit, manifest_read *read, void *self, struct arena *arena,
                   struct desired_deployment *out)
{
	struct resolver resolver = {fleet, read, self, arena, out};
	struct object object;
	struct oid blob;
	enum declared declared;

	*out = (struct desired_deployment){.commit = commit};
	declared = fleet_get(fleet, KIND_MODEL_DEPLOYMENT, environment, name, read, self, arena,
	                     &object, &blob, &out->frozen);
	out->known = declared == DECLARED_ABSENT || object.deployment;
	out->absent = declared == DECLARED_ABSENT;
	if (blob.hex[0])
		out->manifest = arena_strdup(arena, blob.hex);
	if (!object.deployment) {
		out->problem = out->frozen;
		return;
	}
	out->deployment = object.deployment;
	resolve_environment(&resolver, object.deployment->meta.namespace);
	resolve_model(&resolver, object.deployment->model);
	resolve_version(&resolver, object.deployment);
}
