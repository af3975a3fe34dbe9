#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/status.h"

#define IMAGE(host, digit) host "/serve@sha256:" digit "000000000000000000000000000000000000000" \
	"000000000000000000000000"

static const char *command[] = {"python3", "serve.py"};
static const char *other_command[] = {"python3", "serve.py", "--fast"};
static const char *joined_command[] = {"python3serve.py"};

struct sealed {
	struct revision revision;
	struct env_var env[2];
};

static void begin(struct sealed *sealed)
{
	*sealed = (struct sealed){
		.revision = {.model = "risk", .version = "v1",
		             .serve = {.command = {command, 2}, .source = "apps/risk", .tree = "9a0c"},
		             .n_env = 2, .cpu_millis = 500, .memory_bytes = -1, .commit = "41d2"},
		.env = {{.name = "A", .value = "1"}, {.name = "B", .secret_name = "s", .secret_key = "k"}},
	};
	memcpy(sealed->revision.artifact.digest.hex, "ab12", 5);
	sealed->revision.env = sealed->env;
}

static struct digest seal(struct sealed *sealed)
{
	revision_seal(&sealed->revision);
	return sealed->revision.digest;
}

enum change {
	VERSION, COMMIT, SOURCE, ENV_ORDER, ARTIFACT_SIZE, /* no part of the identity */
	MODEL, ARTIFACT, COMMAND, JOINED, TREE, IMAGE_ADDED, ENV_VALUE, ENV_NAME, ENV_SECRET, ENV_LESS,
	VALUE_TO_SECRET, CPU, MEMORY, CHANGES
};

static void apply(struct sealed *sealed, enum change change)
{
	struct revision *revision = &sealed->revision;
	struct env_var first = sealed->env[0];

	switch (change) {
	case VERSION: revision->version = "v2"; break;
	case COMMIT: revision->commit = "77aa"; break;
	case SOURCE: revision->serve.source = "apps/moved"; break;
	case ENV_ORDER: sealed->env[0] = sealed->env[1]; sealed->env[1] = first; break;
	case ARTIFACT_SIZE: revision->artifact.bytes = 7; break;
	case MODEL: revision->model = "other"; break;
	case ARTIFACT: revision->artifact.digest.hex[0] = 'c'; break;
	case COMMAND: revision->serve.command = (struct strings){other_command, 3}; break;
	case JOINED: revision->serve.command = (struct strings){joined_command, 1}; break;
	case TREE: revision->serve.tree = "77aa"; break;
	case IMAGE_ADDED: revision->serve.image = IMAGE("a", "1"); break;
	case ENV_VALUE: sealed->env[0].value = "2"; break;
	case ENV_NAME: sealed->env[0].name = "C"; break;
	case ENV_SECRET: sealed->env[1].secret_key = "k2"; break;
	case ENV_LESS: revision->n_env = 1; break;
	case VALUE_TO_SECRET:
		sealed->env[0] = (struct env_var){.name = "A", .secret_name = "1"};
		break;
	case CPU: revision->cpu_millis = 501; break;
	case MEMORY: revision->memory_bytes = 0; break;
	case CHANGES: break;
	}
}

static void digest_covers_what_makes_a_replica_and_nothing_else(void **state)
{
	struct sealed plain, changed;
	struct digest seen[CHANGES];

	(void)state;
	begin(&plain);
	seal(&plain);
	assert_int_equal(strlen(plain.revision.digest.hex), 64);
	for (int change = 0; change < CHANGES; change++) {
		begin(&changed);
		apply(&changed, (enum change)change);
		seen[change] = seal(&changed);
		if (digest_same(seen[change], plain.revision.digest) != (change < MODEL))
			fail_msg("change %d", change);
		for (int before = MODEL; before < change; before++)
			assert_false(digest_same(seen[before], seen[change]));
	}
}

static void an_image_is_its_digest(void **state)
{
	struct sealed a, b, c;

	(void)state;
	begin(&a);
	begin(&b);
	begin(&c);
	a.revision.serve.image = IMAGE("one.example.com", "1");
	b.revision.serve.image = IMAGE("two.example.com", "1");
	c.revision.serve.image = IMAGE("one.example.com", "2");
	assert_true(digest_same(seal(&a), seal(&b)));
	assert_false(digest_same(seal(&a), seal(&c)));
}

static void sealing_sorts_the_environment(void **state)
{
	struct sealed sealed;

	(void)state;
	begin(&sealed);
	apply(&sealed, ENV_ORDER);
	assert_string_equal(sealed.env[0].name, "B");
	seal(&sealed);
	assert_string_equal(sealed.env[0].name, "A");
}

static void a_status_knows_its_revisions(void **state)
{
	struct revision revisions[2];
	struct quarantined bad;
	struct deployment_status status = {.revisions = revisions, .n_revisions = 2,
	                                   .quarantine = &bad, .n_quarantine = 1};
	struct digest none = {""};
	struct sealed a, b;
	char text[REVISION_SHORT + 1];

	(void)state;
	begin(&a);
	begin(&b);
	apply(&b, CPU);
	seal(&a);
	seal(&b);
	revisions[0] = a.revision;
	revisions[1] = b.revision;
	bad = (struct quarantined){.revision = b.revision.digest};
	assert_ptr_equal(status_revision(&status, b.revision.digest), &revisions[1]);
	assert_null(status_revision(&status, none));
	assert_true(status_quarantined(&status, b.revision.digest));
	assert_false(status_quarantined(&status, a.revision.digest));
	assert_false(status_quarantined(&status, none));
	revision_short(a.revision.digest, text);
	assert_int_equal(strlen(text), REVISION_SHORT);
	assert_memory_equal(text, a.revision.digest.hex, REVISION_SHORT);
	revision_short(none, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_covers_what_makes_a_replica_and_nothing_else),
		cmocka_unit_test(an_image_is_its_digest),
		cmocka_unit_test(sealing_sorts_the_environment),
		cmocka_unit_test(a_status_knows_its_revisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
