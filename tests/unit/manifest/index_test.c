#include "manifest/fixture.h"

#define HEAD(kind) "apiVersion: linnet.dev/v1alpha1\nkind: " kind "\nmetadata: "
#define ENVIRONMENT(name) HEAD("Environment") "{name: " name "}\n"
#define POLICY(name) HEAD("GatePolicy") "{name: " name "}\n"
#define MODEL(name, more) \
	HEAD("Model") "{name: " name "}\nspec:\n" \
	"  interface: {inputs: [{name: x, type: INT64}], output: {name: y, type: FP64}}\n" \
	"  data: {uri: file:rows.csv, label: y}\n" \
	"  serve: {command: [python3, serve.py], source: apps/risk}\n" more
#define VERSION(model, version, bytes) \
	HEAD("ModelVersion") "{name: " model "-" version "}\nspec:\n  model: " model \
	"\n  version: " version "\n  artifact: {digest: \"sha256:" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", bytes: " bytes "}\n" \
	"  serve: {command: [python3, serve.py], source: apps/risk," \
	" tree: \"9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c9a0c\"}\n"
#define DEPLOYMENT(name, environment, model, version, more) \
	HEAD("ModelDeployment") "{name: " name ", namespace: " environment "}\nspec:\n  model: " \
	model "\n  version: " version "\n" more
#define UNREADABLE "apiVersion: linnet.dev/v1alpha1\nkind: [\n"

struct world {
	struct fixture *fixture;
	struct fleet *fleet;
};

/* One environment, one policy, one model with a version, two deployments; each in its own file. */
static struct world small_fleet(void **state)
{
	struct world w = {*state, fleet_new()};

	put(w.fixture, w.fleet, "environment.yaml", ENVIRONMENT("prod"), NULL);
	put(w.fixture, w.fleet, "policy.yaml", POLICY("strict"), NULL);
	put(w.fixture, w.fleet, "model.yaml", MODEL("risk", "  gates: {policy: strict}\n"), NULL);
	put(w.fixture, w.fleet, "v1.yaml", VERSION("risk", "v1", "1"), NULL);
	put(w.fixture, w.fleet, "risk.yaml", DEPLOYMENT("risk", "prod", "risk", "v1", ""), NULL);
	put(w.fixture, w.fleet, "other.yaml", DEPLOYMENT("other", "prod", "risk", "none", ""), NULL);
	assert_int_equal(fleet_list(w.fleet, KIND_MODEL, &w.fixture->arena, &(const char **){0}), 1);
	return w;
}

static enum declared look(struct world *w, enum kind kind, const char *namespace, const char *name,
                          struct object *out, const char **why)
{
	struct object unwanted;

	return fleet_get(w->fleet, kind, namespace, name, blob_read, w->fixture, &w->fixture->arena,
	                 out ? out : &unwanted, NULL, why);
}

static int64_t replicas_of(struct world *w, const char *name)
{
	struct object object;

	look(w, KIND_MODEL_DEPLOYMENT, "prod", name, &object, NULL);
	return object.deployment ? object.deployment->replicas : -1;
}

#define assert_declared(w, kind, namespace, name, expected) \
	assert_int_equal(look(w, kind, namespace, name, NULL, NULL), expected)

static const char *keys_text(struct world *w, const struct map *keys)
{
	struct buf text;
	const char *copy;

	buf_init(&text, 1 << 16);
	for (size_t i = 0; i < keys->n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", keys->entries[i].key);
	copy = arena_strdup(&w->fixture->arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

/* ---- What is due when a file changes ---- */

static void dirty_keys(void **state)
{
	static const struct {
		const char *path, *text, *expected;
	} cases[] = {
		{"environment.yaml", ENVIRONMENT("prod") "spec: {maturity: stable}\n",
		 "deployment/prod/other deployment/prod/risk model/risk"},
		{"policy.yaml", POLICY("strict") "spec: {approvals: {required: 1}}\n",
		 "deployment/prod/other deployment/prod/risk model/risk"},
		{"model.yaml", MODEL("risk", "  keepVersions: 5\n"),
		 "deployment/prod/other deployment/prod/risk model/risk"},
		{"v2.yaml", VERSION("risk", "v2", "2"),
		 "deployment/prod/other deployment/prod/risk model/risk"},
		{"risk.yaml", DEPLOYMENT("risk", "prod", "risk", "none", ""),
		 "deployment/prod/risk model/risk"},
		{"risk.yaml", DEPLOYMENT("risk", "prod", "new", "none", ""),
		 "deployment/prod/risk model/new model/risk"},
		{"risk.yaml", NULL, "deployment/prod/risk model/risk"},
		{"model.yaml", NULL, "deployment/prod/other deployment/prod/risk model/risk"},
		{"model.yaml", UNREADABLE, "deployment/prod/other deployment/prod/risk model/risk"},
		{"environment.yaml", NULL, "deployment/prod/other deployment/prod/risk model/risk"},
		{"new.yaml", ENVIRONMENT("staging"), ""},
		{"new.yaml", MODEL("new", ""), "model/new"},
		{"new.yaml", "kind: other\n", ""},
		{"new.yaml", NULL, ""},
		{"risk.yaml", DEPLOYMENT("risk", "prod", "risk", "v1", ""), ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w = small_fleet(state);
		struct map dirty = {0};

		put(w.fixture, w.fleet, cases[i].path, cases[i].text, &dirty);
		assert_string_equal(keys_text(&w, &dirty), cases[i].expected);
		map_deinit(&dirty);
		fleet_free(w.fleet);
	}
}

/* A policy that is declared after the model that names it still finds the model. */
static void dirty_keys_of_what_was_dangling(void **state)
{
	struct world w = {*state, fleet_new()};
	struct map dirty = {0};

	put(w.fixture, w.fleet, "d.yaml", DEPLOYMENT("d", "prod", "m", "none", ""), NULL);
	put(w.fixture, w.fleet, "m.yaml", MODEL("m", "  gates: {policy: p}\n"), NULL);
	put(w.fixture, w.fleet, "p.yaml", POLICY("p"), &dirty);
	assert_string_equal(keys_text(&w, &dirty), "deployment/prod/d model/m");
	map_deinit(&dirty);
	fleet_free(w.fleet);
}

/* ---- Frozen, gone, moved ---- */

static void broken_is_frozen(void **state)
{
	static const char *const broken[] = {
		DEPLOYMENT("risk", "prod", "risk", "v1", "  replcas: 9\n"),
		DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 900\n"),
		DEPLOYMENT("risk", "prod", "risk", "v1",
		           "  rollout: {steps: [{weight: 50%}, {weight: 20%}]}\n"),
		UNREADABLE,
		"apiVersion: linnet.dev/v1alpha1\nkind: ModelDeploymnt\n",
		"apiVersion: linnet.dev/v2\nkind: ModelDeployment\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct world w = small_fleet(state);
		struct object object;
		const char *why;

		put(w.fixture, w.fleet, "risk.yaml", broken[i], NULL);
		assert_int_equal(look(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", &object, &why),
		                 DECLARED_FROZEN);
		assert_non_null(object.deployment);
		assert_int_equal(object.deployment->replicas, 1);
		assert_non_null(strstr(why, "risk.yaml"));
		assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "other", DECLARED_OK);

		put(w.fixture, w.fleet, "risk.yaml",
		    DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 9\n"), NULL);
		assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_OK);
		assert_int_equal(replicas_of(&w, "risk"), 9);
		fleet_free(w.fleet);
	}
}

static void frozen_says_the_first_complaint(void **state)
{
	struct world w = small_fleet(state);
	const char *why;

	put(w.fixture, w.fleet, "risk.yaml",
	    ENVIRONMENT("x") "x: 1\n---\n" DEPLOYMENT("risk", "prod", "risk", "v1", "  replcas: 9\n"),
	    NULL);
	look(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", NULL, &why);
	assert_string_equal(why, "risk.yaml:12:3: spec: unknown key 'replcas'; did you mean"
	                    " 'replicas'?");
	fleet_free(w.fleet);
}

/* Never accepted, so there is nothing to go on from. */
static void broken_from_the_start(void **state)
{
	struct world w = {*state, fleet_new()};
	struct object object;

	put(w.fixture, w.fleet, "a.yaml", DEPLOYMENT("a", "prod", "m", "v1", "  replcas: 9\n"), NULL);
	assert_int_equal(look(&w, KIND_MODEL_DEPLOYMENT, "prod", "a", &object, NULL), DECLARED_FROZEN);
	assert_null(object.deployment);
	fleet_free(w.fleet);
}

static void declared_twice(void **state)
{
	struct world w = small_fleet(state);
	const char *why;

	put(w.fixture, w.fleet, "twice.yaml",
	    DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 5\n"), NULL);
	assert_int_equal(look(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", NULL, &why), DECLARED_FROZEN);
	assert_string_equal(why, "ModelDeployment 'prod/risk' is declared twice: risk.yaml:1 and"
	                    " twice.yaml:1");
	assert_int_equal(replicas_of(&w, "risk"), 1);

	/* edits of either do not count while it is frozen */
	put(w.fixture, w.fleet, "risk.yaml",
	    DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 7\n"), NULL);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_FROZEN);
	assert_int_equal(replicas_of(&w, "risk"), 1);

	put(w.fixture, w.fleet, "risk.yaml", NULL, NULL);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_OK);
	assert_int_equal(replicas_of(&w, "risk"), 5);
	fleet_free(w.fleet);
}

/* The commit that doubles it also edits the first one: there is still something to go on from. */
static void edited_and_doubled(void **state)
{
	struct world w = small_fleet(state);

	put(w.fixture, w.fleet, "risk.yaml",
	    DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 7\n"), NULL);
	put(w.fixture, w.fleet, "twice.yaml",
	    DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 5\n"), NULL);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_FROZEN);
	assert_int_equal(replicas_of(&w, "risk"), 7);
	fleet_free(w.fleet);
}

static void twice_from_the_start(void **state)
{
	struct world w = {*state, fleet_new()};
	struct object object;

	put(w.fixture, w.fleet, "a.yaml", MODEL("m", ""), NULL);
	put(w.fixture, w.fleet, "b.yaml", MODEL("m", ""), NULL);
	assert_int_equal(look(&w, KIND_MODEL, NULL, "m", &object, NULL), DECLARED_FROZEN);
	assert_null(object.model);
	fleet_free(w.fleet);
}

static void deleted_is_absent(void **state)
{
	struct world w = small_fleet(state);
	const char **names;

	put(w.fixture, w.fleet, "risk.yaml", NULL, NULL);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_ABSENT);
	assert_int_equal(fleet_list(w.fleet, KIND_MODEL_DEPLOYMENT, &w.fixture->arena, &names), 1);
	assert_string_equal(names[0], "prod/other");
	fleet_free(w.fleet);
}

/* A file that is renamed in one commit, in either order, is the same object. */
static void renamed_file(void **state)
{
	for (int order = 0; order < 2; order++) {
		struct world w = small_fleet(state);
		const char *text = DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 4\n");

		put(w.fixture, w.fleet, order ? "a.yaml" : "risk.yaml", order ? text : NULL, NULL);
		put(w.fixture, w.fleet, order ? "risk.yaml" : "a.yaml", order ? NULL : text, NULL);
		assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_OK);
		assert_int_equal(replicas_of(&w, "risk"), 4);
		fleet_free(w.fleet);
	}
}

/* Moved into a file that cannot be read: unreadable is never empty. */
static void moved_into_an_unreadable_file(void **state)
{
	struct world w = small_fleet(state);
	struct map dirty = {0};

	put(w.fixture, w.fleet, "risk.yaml", NULL, NULL);
	put(w.fixture, w.fleet, "zoo.yaml", UNREADABLE, NULL);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_FROZEN);
	assert_int_equal(replicas_of(&w, "risk"), 1);

	/* what goes in a later commit that touches no unreadable file is gone */
	put(w.fixture, w.fleet, "other.yaml", NULL, NULL);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "other", DECLARED_ABSENT);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_FROZEN);

	/* mended without it: now it is absent, and its key is due */
	put(w.fixture, w.fleet, "zoo.yaml", ENVIRONMENT("zoo"), &dirty);
	assert_non_null(strstr(keys_text(&w, &dirty), "deployment/prod/risk"));
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", DECLARED_ABSENT);
	map_deinit(&dirty);
	fleet_free(w.fleet);
}

static void changed_version(void **state)
{
	struct world w = small_fleet(state);
	struct object object;
	const char *why;

	/* comments and layout are no change */
	put(w.fixture, w.fleet, "v1.yaml", "# hello\n\n" VERSION("risk", "v1", "1"), NULL);
	assert_declared(&w, KIND_MODEL_VERSION, NULL, "risk-v1", DECLARED_OK);

	put(w.fixture, w.fleet, "v1.yaml", VERSION("risk", "v1", "2"), NULL);
	assert_int_equal(look(&w, KIND_MODEL_VERSION, NULL, "risk-v1", &object, &why),
	                 DECLARED_FROZEN);
	assert_int_equal(object.version->artifact.bytes, 1);
	assert_non_null(strstr(why, "has changed"));

	/* not by way of another file either, nor through a broken state */
	put(w.fixture, w.fleet, "v1.yaml", NULL, NULL);
	put(w.fixture, w.fleet, "elsewhere.yaml", VERSION("risk", "v1", "2"), NULL);
	assert_declared(&w, KIND_MODEL_VERSION, NULL, "risk-v1", DECLARED_FROZEN);
	put(w.fixture, w.fleet, "elsewhere.yaml", VERSION("risk", "v1", "x"), NULL);
	assert_declared(&w, KIND_MODEL_VERSION, NULL, "risk-v1", DECLARED_FROZEN);

	put(w.fixture, w.fleet, "elsewhere.yaml", VERSION("risk", "v1", "1"), NULL);
	assert_declared(&w, KIND_MODEL_VERSION, NULL, "risk-v1", DECLARED_OK);
	fleet_free(w.fleet);
}

/* ---- After a restart ---- */

static void accepted_before(void **state)
{
	struct world w = {*state, fleet_new()};
	const char *good = DEPLOYMENT("risk", "prod", "risk", "v1", "  replicas: 3\n");
	struct oid blob = blob_put(w.fixture, good);
	struct object object;
	struct map dirty = {0};

	put(w.fixture, w.fleet, "risk.yaml",
	    DEPLOYMENT("risk", "prod", "risk", "v1", "  replcas: 9\n"), NULL);
	fleet_accept(w.fleet, KIND_MODEL_DEPLOYMENT, "prod", "risk", "risk.yaml", blob);
	assert_int_equal(look(&w, KIND_MODEL_DEPLOYMENT, "prod", "risk", &object, NULL),
	                 DECLARED_FROZEN);
	assert_int_equal(object.deployment->replicas, 3);

	/* and it is known to use its model from then on */
	put(w.fixture, w.fleet, "model.yaml", MODEL("risk", ""), &dirty);
	assert_string_equal(keys_text(&w, &dirty), "deployment/prod/risk model/risk");
	map_deinit(&dirty);
	fleet_free(w.fleet);
}

static void accepted_before_but_not_declared(void **state)
{
	struct world w = small_fleet(state);
	struct oid blob = blob_put(w.fixture, DEPLOYMENT("gone", "prod", "risk", "v1", ""));

	fleet_accept(w.fleet, KIND_MODEL_DEPLOYMENT, "prod", "gone", NULL, blob);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "gone", DECLARED_ABSENT);
	put(w.fixture, w.fleet, "zoo.yaml", UNREADABLE, NULL);
	fleet_accept(w.fleet, KIND_MODEL_DEPLOYMENT, "prod", "gone", "risk.yaml", blob);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "gone", DECLARED_ABSENT);
	fleet_accept(w.fleet, KIND_MODEL_DEPLOYMENT, "prod", "gone", NULL, blob);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "gone", DECLARED_FROZEN);
	assert_int_equal(replicas_of(&w, "gone"), 1);
	put(w.fixture, w.fleet, "zoo.yaml", NULL, NULL);
	assert_declared(&w, KIND_MODEL_DEPLOYMENT, "prod", "gone", DECLARED_ABSENT);
	fleet_free(w.fleet);
}

/* The object store is out of reach: nothing is absent for that. */
static void unreadable_store(void **state)
{
	struct world w = small_fleet(state);
	struct desired_deployment desired;
	struct map none = {0}, blobs = w.fixture->blobs;

	w.fixture->blobs = none;
	fleet_desired(w.fleet, "prod", "risk", "c1", blob_read, w.fixture, &w.fixture->arena, &desired);
	w.fixture->blobs = blobs;
	assert_false(desired.known);
	assert_false(desired.absent);
	assert_string_equal(desired.problem, "risk.yaml: the object store does not answer");
	fleet_free(w.fleet);
}

/* ---- Who there is ---- */

static void lists(void **state)
{
	struct world w = small_fleet(state);
	const char **names;

	put(w.fixture, w.fleet, "z.yaml", VERSION("risk", "v10", "1") "---\n"
	    VERSION("risk-eu", "v1", "1") "---\n" DEPLOYMENT("a", "staging", "risk", "v10", "") "---\n"
	    DEPLOYMENT("b", "staging", "risk-eu", "v1", ""), NULL);
	assert_int_equal(fleet_versions_of(w.fleet, "risk", &w.fixture->arena, &names), 2);
	assert_string_equal(names[0], "risk-v1");
	assert_string_equal(names[1], "risk-v10");
	assert_int_equal(fleet_deployments_of(w.fleet, "risk", &w.fixture->arena, &names), 3);
	assert_string_equal(names[0], "prod/other");
	assert_string_equal(names[2], "staging/a");
	assert_int_equal(fleet_deployments_of(w.fleet, "nobody", &w.fixture->arena, &names), 0);
	/* a name that is only spoken of is not declared */
	assert_int_equal(fleet_list(w.fleet, KIND_MODEL, &w.fixture->arena, &names), 1);
	assert_int_equal(fleet_list(w.fleet, KIND_MODEL_DEPLOYMENT, &w.fixture->arena, &names), 4);
	fleet_free(w.fleet);
}

/* ---- Resolved ---- */

static void desired(void **state)
{
	struct world w = small_fleet(state);
	struct desired_deployment d;

	fleet_desired(w.fleet, "prod", "risk", "c1", blob_read, w.fixture, &w.fixture->arena, &d);
	assert_true(d.known && !d.absent && !d.promotions_blocked);
	assert_null(d.problem);
	assert_null(d.frozen);
	assert_string_equal(d.commit, "c1");
	assert_int_equal(strlen(d.manifest), 40);
	assert_string_equal(d.deployment->meta.name, "risk");
	assert_string_equal(d.environment->meta.name, "prod");
	assert_string_equal(d.model->meta.name, "risk");
	assert_string_equal(d.policy->meta.name, "strict");
	assert_string_equal(d.version->meta.name, "risk-v1");

	fleet_desired(w.fleet, "prod", "other", "c1", blob_read, w.fixture, &w.fixture->arena, &d);
	assert_null(d.version);
	assert_null(d.problem);
	fleet_desired(w.fleet, "prod", "nobody", "c1", blob_read, w.fixture, &w.fixture->arena, &d);
	assert_true(d.known && d.absent);
	assert_null(d.deployment);
	fleet_free(w.fleet);
}

static void desired_problems(void **state)
{
	static const struct {
		const char *path, *text, *problem;
		bool blocked, frozen;
	} cases[] = {
		{"v1.yaml", NULL, "ModelVersion 'risk-v1' is not declared", false, false},
		{"model.yaml", NULL, "Model 'risk' is not declared", false, false},
		{"environment.yaml", NULL, "Environment 'prod' is not declared", true, false},
		{"policy.yaml", NULL, "GatePolicy 'strict' is not declared", true, false},
		{"policy.yaml", POLICY("strict") "spec: {guard: {}}\n", NULL, true, true},
		{"environment.yaml", ENVIRONMENT("prod") "spec: {maturty: mvp}\n", NULL, true, true},
		{"environment.yaml", UNREADABLE, NULL, true, true},
		{"model.yaml", MODEL("risk", "  cooldwon: 1h\n"), NULL, false, true},
		{"v1.yaml", VERSION("risk", "v1", "2"), NULL, false, true},
		{"risk.yaml", UNREADABLE, NULL, false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w = small_fleet(state);
		struct desired_deployment d;

		put(w.fixture, w.fleet, cases[i].path, cases[i].text, NULL);
		fleet_desired(w.fleet, "prod", "risk", "c1", blob_read, w.fixture, &w.fixture->arena, &d);
		assert_true(d.known && !d.absent && d.deployment);
		assert_int_equal(d.promotions_blocked, cases[i].blocked);
		assert_int_equal(d.frozen != NULL, cases[i].frozen);
		if (cases[i].problem)
			assert_string_equal(d.problem, cases[i].problem);
		else
			assert_null(d.problem);
		fleet_free(w.fleet);
	}
}

/* ---- The index against a plain model of it, over random histories ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

enum { FILES = 4, NAMES_OF = 3, ROUNDS = 400 };

/* What each file holds: for each name, how many good declarations of it. */
struct plain_model {
	int good[FILES][NAMES_OF];
	bool unreadable[FILES];
};

static const char *random_file(struct fixture *fixture, struct plain_model *model, int file,
                               uint64_t *seed)
{
	struct buf text;
	const char *copy;

	memset(model->good[file], 0, sizeof(model->good[file]));
	model->unreadable[file] = next_random(seed) % 8 == 0;
	if (model->unreadable[file])
		return arena_printf(&fixture->arena, "%s# %llu\n", UNREADABLE,
		                    (unsigned long long)next_random(seed));
	if (next_random(seed) % 5 == 0)
		return NULL;
	buf_init(&text, 1 << 16);
	for (int name = 0; name < NAMES_OF; name++) {
		if (next_random(seed) % 3 != 0)
			continue;
		model->good[file][name] = 1;
		buf_printf(&text, "---\n" DEPLOYMENT("d%d", "prod", "m%d", "none", "  replicas: %d\n"),
		           name, (int)(next_random(seed) % 2), 1 + (int)(next_random(seed) % 9));
	}
	copy = arena_strdup(&fixture->arena, buf_text(&text));
	buf_deinit(&text);
	return copy;
}

/* Never absent while declared; accepted exactly when declared once; absent only when nothing could
 * declare it. The seed is in the message, so that a failure repeats. */
static void random_histories(void **state)
{
	struct fixture *fixture = *state;
	struct plain_model model = {0};
	struct world w = {fixture, fleet_new()};
	uint64_t seed = 20260702;

	for (int round = 0; round < ROUNDS; round++) {
		int changes = 1 + (int)(next_random(&seed) % 3);
		bool unreadable = false;

		for (int i = 0; i < changes; i++) {
			int file = (int)(next_random(&seed) % FILES);

			put(fixture, w.fleet, arena_printf(&fixture->arena, "f%d.yaml", file),
			    random_file(fixture, &model, file, &seed), NULL);
		}
		for (int file = 0; file < FILES; file++)
			unreadable |= model.unreadable[file];
		for (int name = 0; name < NAMES_OF; name++) {
			enum declared declared = look(&w, KIND_MODEL_DEPLOYMENT, "prod",
			                              arena_printf(&fixture->arena, "d%d", name), NULL, NULL);
			int n = 0;

			for (int file = 0; file < FILES; file++)
				n += model.good[file][name];
			if (n == 1 ? declared != DECLARED_OK : n > 1 ? declared != DECLARED_FROZEN
			    : declared == DECLARED_OK || (declared == DECLARED_FROZEN && !unreadable))
				fail_msg("round %d, d%d: declared %d times, but %d", round, name, n, declared);
		}
	}
	for (int file = 0; file < FILES; file++)
		put(fixture, w.fleet, arena_printf(&fixture->arena, "f%d.yaml", file), NULL, NULL);
	for (int kind = 0; kind < KINDS; kind++)
		assert_int_equal(fleet_list(w.fleet, (enum kind)kind, &fixture->arena,
		                            &(const char **){0}), 0);
	fleet_free(w.fleet);
}

/* An unchanged file is not decoded again, and a changed one is never read by the index. */
static void decodes_once(void **state)
{
	struct world w = small_fleet(state);

	w.fixture->reads = 0;
	put(w.fixture, w.fleet, "v1.yaml", VERSION("risk", "v1", "1"), NULL);
	put(w.fixture, w.fleet, "v1.yaml", VERSION("risk", "v1", "2"), NULL);
	assert_int_equal(w.fixture->reads, 0);
	fleet_free(w.fleet);
	fleet_free(NULL);
}

static const char *place_of_model(struct world *w)
{
	struct object object;

	assert_int_equal(look(w, KIND_MODEL, NULL, "risk", &object, NULL), DECLARED_OK);
	return object.meta->at.path;
}

/* What was put is not read to be asked for, and what was asked is not read twice, until it is
 * forgotten; nor is it taken for the file in which the same text stood before. */
static void remembers(void **state)
{
	struct world w = {*state, fleet_new()};
	struct arena memory[2];

	arena_init(&memory[0], 1 << 20);
	arena_init(&memory[1], 1 << 20);
	fleet_remember(w.fleet, &memory[0]);
	put(w.fixture, w.fleet, "model.yaml", MODEL("risk", ""), NULL);
	assert_string_equal(place_of_model(&w), "model.yaml");
	put(w.fixture, w.fleet, "moved.yaml", MODEL("risk", ""), NULL);
	put(w.fixture, w.fleet, "model.yaml", NULL, NULL);
	assert_string_equal(place_of_model(&w), "moved.yaml");
	assert_int_equal(w.fixture->reads, 0);

	fleet_remember(w.fleet, &memory[1]);
	arena_deinit(&memory[0]);
	for (int i = 0; i < 2; i++)
		assert_string_equal(place_of_model(&w), "moved.yaml");
	assert_int_equal(w.fixture->reads, 1);

	fleet_remember(w.fleet, NULL);
	arena_deinit(&memory[1]);
	for (int i = 0; i < 2; i++)
		assert_string_equal(place_of_model(&w), "moved.yaml");
	assert_int_equal(w.fixture->reads, 3);
	fleet_free(w.fleet);
}

int main(void)
{
#define WITH_FIXTURE(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(dirty_keys),
		WITH_FIXTURE(dirty_keys_of_what_was_dangling),
		WITH_FIXTURE(broken_is_frozen),
		WITH_FIXTURE(frozen_says_the_first_complaint),
		WITH_FIXTURE(broken_from_the_start),
		WITH_FIXTURE(declared_twice),
		WITH_FIXTURE(edited_and_doubled),
		WITH_FIXTURE(twice_from_the_start),
		WITH_FIXTURE(deleted_is_absent),
		WITH_FIXTURE(renamed_file),
		WITH_FIXTURE(moved_into_an_unreadable_file),
		WITH_FIXTURE(changed_version),
		WITH_FIXTURE(accepted_before),
		WITH_FIXTURE(accepted_before_but_not_declared),
		WITH_FIXTURE(unreadable_store),
		WITH_FIXTURE(lists),
		WITH_FIXTURE(desired),
		WITH_FIXTURE(desired_problems),
		WITH_FIXTURE(random_histories),
		WITH_FIXTURE(decodes_once),
		WITH_FIXTURE(remembers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
