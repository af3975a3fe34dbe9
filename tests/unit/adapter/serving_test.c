#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "adapter/process_posix.h"
#include "adapter/serving_local_parts.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/ustar.h"
#include "model_server.h"

/* This program is also the workers and the model server that it tests with: see main. */
#define PATH "/production/risk/v2/models/risk/infer"
#define SECRET "s3cr3t-value-of-the-test"

static char top[64];
static int front;
static struct serving_local *serving;
static struct port_serving port;
static struct arena arena;
static struct err err;
static struct digest artifact;
static char tree[41];

static const struct serving_key key = {"production", "risk"};
static const struct input_spec inputs[] = {
	{.name = "files", .type = TENSOR_INT64, .min = 0, .max = NAN},
	{.name = "team", .type = TENSOR_BYTES, .min = NAN, .max = NAN,
	 .values = {(const char *[]){"a", "b"}, 2}, .nullable = true},
};
static const struct model model = {
	.meta = {.name = "risk"},
	.interface = {.layout = LAYOUT_COLUMNS,
	              .inputs = (struct input_spec *)inputs,
	              .n_inputs = 2,
	              .output = {.name = "level", .type = TENSOR_BYTES, .scores = "scores",
	                         .classes = {(const char *[]){"Low", "High"}, 2}}},
};
static struct model_version version = {.version = "v2"};
static const struct output_spec *predicts = &model.interface.output;

/* ---- the world around it ---- */

static void ok(int rc)
{
	if (rc < 0)
		fail_msg("%s", err.text);
}

static const char *at(const char *path)
{
	return arena_printf(&arena, "%s/%s", top, path);
}

static void sh(const char *script)
{
	char command[2048];

	snprintf(command, sizeof(command), "cd %s && { %s; }", top, script);
	assert_int_equal(system(command), 0);
}

static void open_serving(void)
{
	struct serving_local_config config = {
		.state = at("state"),
		.store = arena_printf(&arena, "file:%s/store", top),
		.data_root = at("data"),
		.secrets = at("secrets"),
		.repository = at("fleet.git"),
		.listen = arena_printf(&arena, "127.0.0.1:%d", front),
		.predictions_bytes = 1 << 20,
		.predictions_age_ms = 24 * 3600 * 1000,
		.user = geteuid() == 0 ? "nobody" : NULL,
	};

	ok(serving_local_open(&config, &serving, &err));
	port = serving_local_port(serving);
}

/* The artifact of a folder into the store; its digest. */
static struct digest store(const char *folder)
{
	static const struct ustar_limits limits = {.entries_max = 100, .bytes_max = 1 << 20};
	int fd = open(at("x.tar"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct digest digest;

	ok(ustar_write(AT_FDCWD, at(folder), &limits, fd, &err));
	close(fd);
	ok(digest_file(AT_FDCWD, at("x.tar"), &digest, NULL, &err));
	sh(arena_printf(&arena, "mkdir -p store/sha256; mv x.tar store/sha256/%s.tar", digest.hex));
	return digest;
}

static int make_world(void **state)
{
	struct buf text;

	(void)state;
	err = (struct err){0};
	arena_init(&arena, 256 << 20);
	snprintf(top, sizeof(top), "/tmp/linnet-serving-XXXXXX");
	if (!mkdtemp(top) || chmod(top, 0711)) /* for the user of model servers */
		return -1;
	front = free_port();
	sh("mkdir -p m data secrets/keys app; echo weights >m/model.bin;"
	   "echo " SECRET " >secrets/keys/api; echo source >app/serve.py");
	sh("export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1; git init -q --bare fleet.git;"
	   "git --git-dir=fleet.git --work-tree=app add -A; git --git-dir=fleet.git write-tree >tree");
	buf_init(&text, 64);
	ok(file_read(AT_FDCWD, at("tree"), &text, &err));
	snprintf(tree, sizeof(tree), "%.40s", buf_text(&text));
	buf_deinit(&text);
	artifact = store("m");
	open_serving();
	return 0;
}

static struct observed observe(void)
{
	struct observed observed;

	ok(port.observe(port.self, &(struct serving_look){key, predicts}, 1, &arena, &observed, &err));
	assert_true(observed.known);
	return observed;
}

static int remove_world(void **state)
{
	int rc;

	(void)state;
	sh("for d in state/replicas/*/*/*/; do [ -e $d/record ] &&"
	   " kill -KILL -$(sed -n '2s/ .*//p' $d/record) 2>/dev/null; done; true");
	rc = serving_local_end(serving, &err);
	serving_local_close(serving);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	arena_deinit(&arena);
	return rc < 0 ? rc : dir_remove_all(AT_FDCWD, top, &err);
}

/* A revision that serves `name`; seal it after changes. */
static struct revision *revision_of(const char *name)
{
	const char **argv = arena_array(&arena, 3, const char *);
	struct revision *revision = arena_new(&arena, struct revision);

	argv[0] = "/proc/self/exe";
	argv[1] = "__model";
	argv[2] = name;
	*revision = (struct revision){
		.model = "risk",
		.version = name,
		.artifact = {.digest = artifact, .bytes = -1},
		.serve = {.command = {argv, 3}, .source = "app", .tree = tree},
		.cpu_millis = -1,
		.memory_bytes = -1,
	};
	revision_seal(revision);
	return revision;
}

static int act(struct action action)
{
	struct serving_target target = {.key = key, .model = &model, .version = &version};

	if (action.spec)
		action.revision = action.spec->digest;
	return port.apply(port.self, &target, &action, &err);
}

static int start(const struct revision *revision, int slot)
{
	return act((struct action){.kind = ACTION_START_REPLICA, .spec = revision, .slot = slot});
}

static int stop(const struct revision *revision, int slot, int64_t drain_ms)
{
	return act((struct action){.kind = ACTION_STOP_REPLICA, .revision = revision->digest,
	                           .slot = slot, .drain_ms = drain_ms});
}

static int weigh(const struct revision *first, double a, const struct revision *second, double b)
{
	struct revision_weight weights[2] = {{first->digest, a},
	                                     {second ? second->digest : first->digest, b}};

	return act((struct action){.kind = ACTION_SET_WEIGHTS, .weights = weights,
	                           .n_weights = second ? 2 : 1});
}

static const struct replica *replica_of(const struct observed *observed,
                                        const struct revision *revision, int slot)
{
	for (size_t i = 0; i < observed->n_replicas; i++)
		if (observed->replicas[i].slot == slot &&
		    digest_same(observed->replicas[i].revision, revision->digest))
			return &observed->replicas[i];
	return NULL;
}

static enum replica_state state_of(const struct revision *revision, int slot)
{
	struct observed observed = observe();
	const struct replica *replica = replica_of(&observed, revision, slot);

	return replica ? replica->state : REPLICA_ABSENT;
}

static void wait_state(const struct revision *revision, int slot, enum replica_state state)
{
	enum replica_state now = REPLICA_ABSENT;

	for (int64_t until_ms = test_clock_ms() + 15000; test_clock_ms() < until_ms;) {
		now = state_of(revision, slot);
		if (now == state)
			return;
		test_pause_ms(5);
	}
	fail_msg("it is %s, not %s", replica_state_names.names[now],
	         replica_state_names.names[state]);
}

static const struct work *work_of(const struct work *work, size_t n,
                                  const struct revision *revision)
{
	for (size_t i = 0; i < n; i++)
		if (digest_same(work[i].revision, revision->digest))
			return &work[i];
	return NULL;
}

static struct work wait_prepared(const struct revision *revision)
{
	for (int64_t until_ms = test_clock_ms() + 15000; test_clock_ms() < until_ms;) {
		struct observed observed = observe();
		const struct work *work = work_of(observed.prepared, observed.n_prepared, revision);

		if (work && work->state != WORK_RUNNING)
			return *work;
		test_pause_ms(5);
	}
	fail_msg("it is never prepared");
	return (struct work){0};
}

static struct work prepare(const struct revision *revision)
{
	ok(act((struct action){.kind = ACTION_PREPARE, .spec = revision}));
	return wait_prepared(revision);
}

/* Prepared, started and ready. */
static struct revision *serve(const char *name)
{
	struct revision *revision = revision_of(name);
	struct work work = prepare(revision);

	if (work.state != WORK_DONE)
		fail_msg("prepare: %s", work.why);
	ok(start(revision, 0));
	wait_state(revision, 0, REPLICA_READY);
	return revision;
}

static double weight_of(const struct revision *revision)
{
	struct observed observed = observe();

	for (size_t i = 0; i < observed.n_weights; i++)
		if (digest_same(observed.weights[i].revision, revision->digest))
			return observed.weights[i].weight;
	return -1;
}

static struct process_seen process_of(const struct revision *revision, int slot)
{
	struct process_seen seen;

	ok(process_look(arena_printf(&arena, "%s/state/replicas/production/risk/%.10s-%d", top,
	                             revision->digest.hex, slot), &seen, &err));
	return seen;
}

/* ---- prepare ---- */

static void prepare_puts_artifact_and_source_here(void **state)
{
	struct revision *revision = revision_of("v2");
	struct work work;

	(void)state;
	assert_int_equal(start(revision, 0), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	work = prepare(revision);
	if (work.state != WORK_DONE)
		fail_msg("%s", work.why);
	sh(arena_printf(&arena, "cmp m/model.bin state/artifacts/%s/model.bin &&"
	                " cmp app/serve.py state/sources/%s/serve.py &&"
	                " test $(stat -c %%a state/artifacts/%s/model.bin) = 444",
	                artifact.hex, tree, artifact.hex));
	ok(act((struct action){.kind = ACTION_PREPARE, .spec = revision}));
	assert_int_equal(wait_prepared(revision).since_ms, work.since_ms);
	sh(arena_printf(&arena, "chmod u+w state/sources/%s; rm -rf state/sources/%s", tree, tree));
	assert_int_equal(observe().n_prepared, 0); /* gone again: not done any more */
	assert_int_equal(prepare(revision).state, WORK_DONE);
}

static void what_cannot_be_prepared_says_why(void **state)
{
	static const struct {
		const char *spoil, *uri, *tree, *says;
		bool retryable;
	} cases[] = {
		{"for f in store/sha256/*.tar; do echo more >>$f; done", NULL, NULL, "its digest is",
		 false},
		{"rm store/sha256/*.tar", NULL, NULL, "does not exist", false},
		{"rm store/sha256/*.tar", "https://example.com/x", NULL, "only file: uris", false},
		{"rm store/sha256/*.tar", "file:../store/x", NULL, "below the data root", false},
		{"rm store/sha256/*.tar", "file:/etc/passwd", NULL, "below the data root", false},
		{"rm store/sha256/*.tar; echo no >data/x", "file:x", NULL, "its digest is", false},
		{"true", NULL, "0123456789012345678901234567890123456789", "source", false},
		{"true", NULL, "../../../../../../../../../../etc/passwd", "is no tree", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct revision *revision = revision_of(arena_printf(&arena, "v%zu", i));
		struct work work;

		sh("rm -rf state/artifacts/[0-9a-f]* store");
		store("m");
		revision->artifact.uri = cases[i].uri;
		if (cases[i].tree)
			revision->serve.tree = cases[i].tree;
		revision->memory_bytes = (int64_t)i << 30;
		revision_seal(revision);
		sh(cases[i].spoil);
		work = prepare(revision);
		if (work.state != WORK_FAILED || !strstr(work.why, cases[i].says))
			fail_msg("case %zu: %d %s", i, (int)work.state, work.why);
		if (!cases[i].tree)
			assert_int_equal(work.retryable, cases[i].retryable);
	}
}

static void a_corrupt_copy_is_fetched_again(void **state)
{
	struct revision *revision = revision_of("v2");

	(void)state;
	sh("cp store/sha256/*.tar data/risk.tar; for f in store/sha256/*.tar; do echo x >>$f; done");
	revision->artifact.uri = "file:risk.tar";
	assert_int_equal(prepare(revision).state, WORK_DONE);
	sh("cmp store/sha256/*.tar data/risk.tar; test $(ls store/sha256 | wc -l) = 1");
}

/* Artifacts may lie on a share: no call that needs one file system for both will do. */
static void an_artifact_comes_from_another_file_system(void **state)
{
	struct revision *revision = revision_of("v2");
	char folder[] = "/dev/shm/linnet-test.XXXXXX";
	struct work work;

	(void)state;
	assert_non_null(mkdtemp(folder));
	sh(arena_printf(&arena, "mv store/sha256/*.tar %s/risk.tar; ln -s %s/risk.tar data", folder,
	                folder));
	revision->artifact.uri = "file:risk.tar";
	work = prepare(revision);
	if (work.state != WORK_DONE)
		fail_msg("%s", work.why);
	sh(arena_printf(&arena, "cmp store/sha256/*.tar data/risk.tar; rm -r %s", folder));
}

/* At its copy into the store, and at its work in the state folder. */
static void what_a_killed_worker_left_is_removed(void **state)
{
	struct revision *revision = revision_of("v2");
	struct work work;

	(void)state;
	revision->artifact.uri = "file:risk.tar";
	revision_seal(revision);
	sh("mv store/sha256/*.tar risk.tar; truncate -s 64G data/risk.tar");
	ok(act((struct action){.kind = ACTION_PREPARE, .spec = revision}));
	sh("until ls store/sha256/*.tar.* >/dev/null 2>&1; do :; done");
	ok(process_end(arena_printf(&arena, "%s/state/prepare/production/risk/%s", top,
	                            revision->digest.hex), 5000, &err));
	sh(arena_printf(&arena, "mv risk.tar data; a=state/artifacts/.%s;"
	                " mkdir -p $a/a/b state/sources/%s.aside/a; chmod 555 $a/a $a",
	                artifact.hex, tree));
	work = prepare(revision);
	if (work.state != WORK_DONE)
		fail_msg("%s", work.why);
	sh(arena_printf(&arena, "test $(ls -A store/sha256) = %s.tar && test $(ls -A state/artifacts)"
	                " = %s && test $(ls -A state/artifacts/%s) = model.bin &&"
	                " test $(ls -A state/sources) = %s &&"
	                " test $(ls -A state/sources/%s) = serve.py",
	                artifact.hex, artifact.hex, artifact.hex, tree, tree));
}

/* By digest what it should be, and all the same no archive that is unpacked. */
static void a_hostile_archive_is_not_unpacked(void **state)
{
	struct revision *revision = revision_of("v2");
	struct work work;

	(void)state;
	sh("mkdir h; ln -s /etc h/link; tar --format=ustar -C h -cf h.tar link");
	ok(digest_file(AT_FDCWD, at("h.tar"), &revision->artifact.digest, NULL, &err));
	sh(arena_printf(&arena, "mv h.tar store/sha256/%s.tar", revision->artifact.digest.hex));
	revision_seal(revision);
	work = prepare(revision);
	assert_int_equal(work.state, WORK_FAILED);
	assert_false(work.retryable);
	assert_non_null(strstr(work.why, "link"));
	sh("test -z \"$(ls -A state/artifacts)\"");
}

static void what_is_not_used_is_collected(void **state)
{
	struct revision *old = serve("v2"), *new;

	(void)state;
	sh("mkdir n; echo n >n/model.bin");
	for (int i = 0; i < 20; i++) {
		sh(arena_printf(&arena, "echo %d >n/model.bin", i));
		artifact = store("n");
		new = revision_of(arena_printf(&arena, "n%d", i));
		ok(act((struct action){.kind = ACTION_PREPARE, .spec = new}));
		assert_int_equal(wait_prepared(new).state, WORK_DONE);
	}
	assert_int_equal(observe().n_prepared, 16);
	sh("test $(ls state/artifacts | wc -l) = 17"); /* and that of the replica */
	assert_true(state_of(old, 0) == REPLICA_READY);
}

/* ---- replicas ---- */

static void a_replica_gets_what_the_contract_says(void **state)
{
	static struct env_var env[] = {
		{.name = "API_KEY", .secret_name = "keys", .secret_key = "api"},
		{.name = "LINNET_PORT", .value = "1"},
		{.name = "LOG_LEVEL", .value = "info"},
	};
	const long long memory = 1LL << 46; /* more than a sanitizer maps */
	struct revision *revision = revision_of("v2");
	struct observed observed;
	const struct replica *replica;
	pid_t pid;

	(void)state;
	revision->env = env;
	revision->n_env = ARRAY_LEN(env);
	revision->cpu_millis = 500;
	revision->memory_bytes = memory;
	revision_seal(revision);
	assert_int_equal(prepare(revision).state, WORK_DONE);
	ok(start(revision, 3));
	wait_state(revision, 3, REPLICA_READY);
	observed = observe();
	replica = replica_of(&observed, revision, 3);
	assert_true(replica->in_rotation);
	assert_int_equal(replica->restarts, 0);
	assert_null(replica->failure);
	pid = process_of(revision, 3).pid;
	sh(arena_printf(&arena,
	                "tr '\\0' '\\n' </proc/%d/environ >env; grep -qx API_KEY=" SECRET " env &&"
	                " grep -qx LOG_LEVEL=info env && grep -qx LINNET_MODEL_VERSION=v2 env &&"
	                " grep -qx LINNET_MODEL_NAME=risk env && grep -qx LINNET_REVISION=%.10s env &&"
	                " grep -qx LINNET_PORT=%s env && grep -qx PORT=%s env &&"
	                " grep -qx LINNET_MODEL_DIR=$PWD/state/artifacts/%s env &&"
	                " grep -qx LINNET_PREDICTION_LOG=$PWD/state/predictions/production/risk env &&"
	                " test $(grep -c LINNET_PORT env) = 1 &&"
	                " test $(readlink /proc/%d/cwd) = $PWD/state/sources/%s",
	                (int)pid, revision->digest.hex, strrchr(replica->address, ':') + 1,
	                strrchr(replica->address, ':') + 1, artifact.hex, (int)pid, tree));
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)pid), 3);
	sh(arena_printf(&arena, "grep -q '^Max data size  *%lld ' /proc/%d/limits", memory, (int)pid));
	/* the secret is in no argument and in no file of ours */
	sh(arena_printf(&arena, "rm env; ! grep -q " SECRET " /proc/%d/cmdline && ! grep -rq " SECRET
	                " state", (int)pid));
}

static void starting_twice_is_starting_once(void **state)
{
	struct revision *revision = serve("v2");
	pid_t pid = process_of(revision, 0).pid;

	(void)state;
	ok(start(revision, 0));
	assert_int_equal(process_of(revision, 0).pid, pid);
	assert_int_equal(state_of(revision, 0), REPLICA_READY);
}

/* Not ready by its own word, however alive: no traffic. */
static void readiness_is_what_it_says(void **state)
{
	struct revision *revision = revision_of("v2");
	struct observed observed;
	const struct replica *replica = NULL;

	(void)state;
	revision->serve.tree = NULL;
	revision->serve.source = NULL;
	revision_seal(revision);
	assert_int_equal(prepare(revision).state, WORK_DONE);
	sh(arena_printf(&arena, "d=state/replicas/production/risk/%.10s-0/home; mkdir -p $d;"
	                " touch $d/not-ready; [ $(id -u) != 0 ] || chown nobody $d",
	                revision->digest.hex));
	ok(start(revision, 0));
	for (int i = 0; i < 2000; i++) {
		observed = observe();
		replica = replica_of(&observed, revision, 0);
		assert_int_equal(replica->state, REPLICA_STARTING);
		assert_false(replica->in_rotation);
		if (replica->failure && strstr(replica->failure, "503"))
			break;
		test_pause_ms(2);
	}
	assert_string_equal(replica->failure, "GET /v2/models/risk/ready: answers 'HTTP/1.1 503'");
	sh("rm state/replicas/production/risk/*/home/not-ready");
	wait_state(revision, 0, REPLICA_READY);
}

static void an_exit_is_seen_counted_and_explained(void **state)
{
	static const char *const says[] = {"echo one; echo key is $API_KEY; exit 3",
	                                   "echo $API_KEY >&2; kill -9 $$"};
	static struct env_var env[] = {
		{.name = "API_KEY", .secret_name = "keys", .secret_key = "api"}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct revision *revision = revision_of(i ? "v3" : "v2");
		struct observed observed;
		const struct replica *replica;

		revision->serve.command.items[0] = "sh";
		revision->serve.command.items[1] = "-c";
		revision->serve.command.items[2] = says[i];
		revision->env = env;
		revision->n_env = 1;
		revision_seal(revision);
		assert_int_equal(prepare(revision).state, WORK_DONE);
		for (int n = 1; n <= 3; n++) {
			ok(start(revision, 0));
			wait_state(revision, 0, REPLICA_EXITED);
			observed = observe();
			replica = replica_of(&observed, revision, 0);
			assert_int_equal(replica->restarts, n);
		}
		assert_string_equal(replica->failure,
		                    i ? "killed by signal 9|***|***|***"
		                      : "exit 3|one|key is ***|one|key is ***|one|key is ***");
		ok(stop(revision, 0, 0));
		assert_int_equal(state_of(revision, 0), REPLICA_ABSENT);
	}
}

static void what_cannot_start_counts_as_an_exit(void **state)
{
	struct revision *revision = revision_of("v2");
	static struct env_var env[] = {
		{.name = "X", .secret_name = "keys", .secret_key = "absent"}};
	struct observed observed;

	(void)state;
	assert_int_equal(prepare(revision).state, WORK_DONE);
	revision->serve.command.items[0] = "no-such-program";
	for (int n = 1; n <= 2; n++) {
		ok(start(revision, 0));
		observed = observe();
		assert_int_equal(observed.n_replicas, 1);
		assert_int_equal(observed.replicas[0].state, REPLICA_EXITED);
		assert_int_equal(observed.replicas[0].restarts, n);
		assert_non_null(strstr(observed.replicas[0].failure, "no-such-program"));
	}
	revision->env = env;
	revision->n_env = 1;
	ok(start(revision, 0));
	observed = observe();
	assert_non_null(strstr(observed.replicas[0].failure, "secret keys/absent"));
}

/* ---- whom it runs as, where we are root ---- */

/* What a server of this shell script leaves in its log, "exit 3" before it. */
static const char *said_by(struct revision *revision, const char *script)
{
	struct observed observed;

	revision->serve.command.items[0] = "/bin/sh";
	revision->serve.command.items[1] = "-c";
	revision->serve.command.items[2] = arena_printf(&arena, "exec 2>&1; %s; exit 3", script);
	revision_seal(revision);
	assert_int_equal(prepare(revision).state, WORK_DONE);
	ok(start(revision, 0));
	wait_state(revision, 0, REPLICA_EXITED);
	observed = observe();
	return replica_of(&observed, revision, 0)->failure;
}

static void a_server_is_somebody_else_and_has_its_own(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	/* what it logged when it ran as root */
	sh("mkdir -p -m 700 state/predictions/production/risk;"
	   "(umask 077; echo old >state/predictions/production/risk/1.jsonl);"
	   "(umask 077; mkdir state/sources)");
	assert_string_equal(
		said_by(revision_of("v2"),
		        "id -un; id -G | grep -qx \"$(id -g nobody)\" || echo groups;"
		        "[ -w . ] && echo source; cat serve.py; cat $LINNET_MODEL_DIR/model.bin;"
		        "[ -w $LINNET_MODEL_DIR ] && echo artifact; cd; echo mine >x && cat x;"
		        "cd $LINNET_PREDICTION_LOG; echo new >>1.jsonl && cat 1.jsonl; echo 2 >2.jsonl;"
		        "echo said >>/dev/stderr; grep NoNewPrivs: /proc/self/status"),
		"exit 3|nobody|source|weights|mine|old|new|said|NoNewPrivs:?1");
}

static void a_server_gets_to_nothing_else_of_ours(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_true(serving_local_sees_secrets(serving));
	sh("mkdir -p state/status.git state/runs; echo key >state/status.git/key;"
	   "chmod 711 state/status.git; chmod 644 state/status.git/key;"
	   "chmod 700 state/status.git state/runs secrets; chmod 600 secrets/keys/api");
	assert_string_equal(
		said_by(revision_of("v2"),
		        arena_printf(&arena, "cd %s; for f in state/status.git/key secrets/keys/api"
		                     " state/haproxy/haproxy.cfg $HOME/../record $HOME/../replica.json"
		                     " $HOME/../slot.lock; do cat $f >/dev/null 2>&1 && echo read $f; done;"
		                     " for d in . state state/* $HOME/..; do"
		                     " touch $d/x 2>/dev/null && echo wrote $d;"
		                     " mv $HOME $d/x 2>/dev/null && echo moved $d; done;"
		                     " ls state $HOME/.. 2>/dev/null; ls state/haproxy/admin.sock"
		                     " 2>/dev/null; echo done", top)),
		"exit 3|done");
	assert_false(serving_local_sees_secrets(serving));
}

/* Of one user, and still strangers: the environment of the other one holds its secrets. */
static void a_server_cannot_look_into_another(void **state)
{
	struct revision *other = serve("v1");

	(void)state;
	if (geteuid() != 0 || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 2)
		skip(); /* who is not root cannot choose a user; a kernel before 5.19 */
	assert_string_equal(
		said_by(revision_of("v2"),
		        arena_printf(&arena, "cd; p=/proc/%d; grep -q ^Name: $p/status && echo there;"
		                     " for f in environ mem maps fd/1 root/etc/passwd; do"
		                     " [ -e $p/$f ] && cat $p/$f >/dev/null 2>&1 && echo read $f; done;"
		                     " sh -c 'grep -q LINNET_PORT /proc/$PPID/environ && echo mine';"
		                     " mkdir a b; echo >a/x; ln a/x b/x && echo linked;"
		                     " mv -n a b && rm -r b && echo moved",
		                     (int)process_of(other, 0).pid)),
		"exit 3|there|mine|linked|moved");
}

static void what_its_user_may_not_enter_is_named(void **state)
{
	struct revision *revision = revision_of("v2");
	struct observed observed;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(prepare(revision).state, WORK_DONE);
	sh("mkdir -m 700 closed; echo >closed/serve.py");
	revision->serve.command.items[1] = at("closed/serve.py");
	ok(start(revision, 0));
	observed = observe();
	assert_string_equal(observed.replicas[0].failure,
	                    arena_printf(&arena, "/proc/self/exe cannot be started: the user nobody of "
	                                 "model servers may not read or enter %s/closed/serve.py; let "
	                                 "all do so (chmod o+rX) or set local.user", top));
	sh("chmod 700 .");
	assert_int_equal(start(revision, 1), -1); /* nothing that the revision did */
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_string_equal(err.text,
	                    arena_printf(&arena, "no model server can be started: their user nobody "
	                                 "may not enter %s, where the state folder lies; let all enter "
	                                 "it (chmod o+x %s), or set local.user or state", top, top));
	sh("chmod 711 .");
	revision->serve.command.items[1] = "__model";
	ok(start(revision, 1));
	wait_state(revision, 1, REPLICA_READY);
}

/* ---- traffic ---- */

static void a_death_moves_the_weight(void **state)
{
	struct revision *old = serve("v2"), *new = serve("v3");
	struct load load;

	(void)state;
	ok(start(old, 1));
	wait_state(old, 1, REPLICA_READY);
	ok(weigh(old, 0.95, new, 0.05));
	assert_true(fabs(weight_of(new) - 0.05) < 1e-9);
	load = start_load(front, PATH);
	test_pause_ms(50);
	kill(process_of(old, 0).pid, SIGKILL);
	wait_state(old, 0, REPLICA_EXITED);
	assert_true(fabs(weight_of(new) - 0.05) < 1e-9);
	assert_true(fabs(weight_of(old) - 0.95) < 1e-9);
	ok(start(old, 0));
	wait_state(old, 0, REPLICA_READY);
	assert_true(fabs(weight_of(new) - 0.05) < 1e-9);
	struct load_result result = stop_load(load);
	print_message("a replica killed under load: %d of %d requests failed\n", result.failed,
	              result.asked);
	assert_int_equal(result.failed, 0);
}

static void weights_are_read_back(void **state)
{
	struct revision *old = serve("v2"), *new = serve("v3");
	struct observed observed;

	(void)state;
	assert_true(weight_of(old) == 0 && weight_of(new) == 0);
	assert_int_equal(ask(front, PATH, "{}").status, 503);
	ok(weigh(old, 1, NULL, 0));
	assert_string_equal(ask(front, PATH, "{}").body, "v2");
	ok(weigh(old, 0, new, 1));
	assert_string_equal(ask(front, PATH, "{}").version, "v3");
	observed = observe();
	assert_int_equal(observed.n_weights, 2);
	assert_true(replica_of(&observed, new, 0)->counters.requests <= 1); /* it may be open */
	kill(process_of(new, 0).pid, SIGKILL);
	wait_state(new, 0, REPLICA_EXITED);
	assert_int_equal(weigh(old, 0, new, 1), -1); /* nobody could serve */
	assert_int_equal(err.kind, ERR_TRANSIENT);
	ok(weigh(old, 1, new, 0));
	assert_string_equal(ask(front, PATH, "{}").version, "v2");
}

static void a_stop_drains_first(void **state)
{
	struct revision *old = serve("v2"), *new = serve("v3");
	int fd[2];
	pid_t client;
	struct answer answer;

	(void)state;
	ok(weigh(old, 1, new, 0));
	assert_int_equal(stop(old, 0, 5000), -1); /* it carries all of the traffic */
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_int_equal(pipe(fd), 0);
	client = fork();
	if (client == 0) {
		answer = ask(front, PATH, "slow 400");
		_exit(write(fd[1], &answer, sizeof(answer)) != sizeof(answer));
	}
	test_pause_ms(100);
	ok(weigh(old, 0, new, 1));
	ok(stop(old, 0, 60000));
	ok(stop(old, 0, 60000));
	assert_int_equal(state_of(old, 0), REPLICA_DRAINING);
	assert_int_equal(process_of(old, 0).state, PROCESS_RUNNING);
	assert_string_equal(ask(front, PATH, "{}").body, "v3");
	assert_int_equal(read(fd[0], &answer, sizeof(answer)), sizeof(answer));
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "v2");
	waitpid(client, NULL, 0);
	wait_state(old, 0, REPLICA_ABSENT);
	ok(stop(old, 0, 5000));
	sh("test $(ls state/replicas/production/risk | wc -l) = 1");
}

static void a_stop_is_taken_back(void **state)
{
	struct revision *old = serve("v2"), *new = serve("v3");
	pid_t pid = process_of(old, 0).pid;

	(void)state;
	ok(weigh(old, 0, new, 1));
	ok(stop(old, 0, 60000));
	ok(start(old, 0));
	assert_int_equal(state_of(old, 0), REPLICA_READY);
	assert_int_equal(process_of(old, 0).pid, pid);
	ok(weigh(old, 1, new, 0));
	assert_string_equal(ask(front, PATH, "{}").body, "v2");
}

static void a_restarted_controller_finds_everything(void **state)
{
	struct revision *old = serve("v2"), *new = serve("v3");
	struct observed before, after;
	struct load load;
	pid_t pid = process_of(old, 0).pid;

	(void)state;
	ok(weigh(old, 0.75, new, 0.25));
	load = start_load(front, PATH);
	before = observe();
	serving_local_close(serving);
	test_pause_ms(100);
	open_serving();
	after = observe();
	assert_string_equal(after.router, before.router);
	assert_int_equal(after.n_replicas, 2);
	assert_int_equal(replica_of(&after, old, 0)->state, REPLICA_READY);
	assert_int_equal(replica_of(&after, old, 0)->started_ms,
	                 replica_of(&before, old, 0)->started_ms);
	assert_int_equal(process_of(old, 0).pid, pid);
	assert_true(fabs(weight_of(new) - 0.25) < 1e-9);
	assert_int_equal(wait_prepared(old).state, WORK_DONE);
	struct load_result result = stop_load(load);
	assert_int_equal(result.failed, 0);
	assert_true(replica_of(&after, old, 0)->counters.requests >
	            replica_of(&before, old, 0)->counters.requests);
}

static void a_drop_leaves_nothing(void **state)
{
	struct revision *old = serve("v2");
	struct serving_key *keys;
	size_t n;

	(void)state;
	ok(port.inventory(port.self, &arena, &keys, &n, &err));
	assert_int_equal(n, 1);
	assert_string_equal(keys[0].environment, "production");
	assert_string_equal(keys[0].deployment, "risk");
	ok(weigh(old, 1, NULL, 0));
	assert_int_equal(act((struct action){.kind = ACTION_DROP}), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	ok(weigh(old, 0, NULL, 0));
	ok(stop(old, 0, 0));
	wait_state(old, 0, REPLICA_ABSENT);
	assert_int_equal(observe().n_weights, 1); /* the route is still there */
	ok(act((struct action){.kind = ACTION_DROP}));
	ok(act((struct action){.kind = ACTION_DROP}));
	assert_int_equal(observe().n_weights, 0);
	ok(port.inventory(port.self, &arena, &keys, &n, &err));
	assert_int_equal(n, 0);
	assert_int_equal(ask(front, PATH, "{}").status, 404);
	sh("test -z \"$(ls state/artifacts state/sources | grep '^[0-9a-f]\\{40\\}')\"");
}

/* The oldest goes first; what a server still writes is shortened at its beginning and stays. */
static void prediction_logs_are_bounded(void **state)
{
	const char *folder = at("state/predictions/production/risk");
	struct stat st;
	int fd;

	(void)state;
	sh("mkdir -p state/predictions/production/risk; cd state/predictions/production/risk;"
	   " head -c 300000 /dev/zero | tee b c >old; head -c 900000 /dev/zero | tr '\\0' x >open;"
	   " touch -d '-2 days' old; touch -d '-2 hours' b; touch -d '-1 hour' open; ln -s b link");
	fd = open(arena_printf(&arena, "%s/open", folder), O_WRONLY | O_APPEND | O_CLOEXEC);
	observe();
	assert_int_equal(access(arena_printf(&arena, "%s/old", folder), F_OK), -1);
	assert_int_equal(access(arena_printf(&arena, "%s/b", folder), F_OK), -1);
	assert_int_equal(access(arena_printf(&arena, "%s/c", folder), F_OK), 0);
	assert_int_equal(write(fd, "the last\n", 9), 9);
	ok(fstat(fd, &st));
	assert_int_equal(st.st_size, 900009);
	assert_in_range(st.st_blocks * 512, 600000, (1 << 20) - 300000 + 8192);
	sh("cd state/predictions/production/risk; tail -c 10 open | grep -q 'xthe last'");
	sh("touch -d '-2 days' state/predictions/production/risk/open");
	serving->predictions.due_ms = 0;
	observe();
	ok(fstat(fd, &st));
	assert_in_range(st.st_blocks * 512, 0, 8192);
	assert_int_equal(st.st_nlink, 1); /* it is still open */
	close(fd);
	sh("touch -d '-2 days' state/predictions/production/risk/open");
	serving->predictions.due_ms = 0;
	observe();
	assert_int_equal(access(arena_printf(&arena, "%s/open", folder), F_OK), -1);
	assert_int_equal(access(arena_printf(&arena, "%s/c", folder), F_OK), 0);
}

/* A server may have linked here what is no log of its, and keep it open. */
static void what_is_linked_into_a_log_is_not_emptied(void **state)
{
	int fd;

	(void)state;
	sh("mkdir -p state/predictions/production/risk;"
	   " head -c 100000 /dev/zero | tr '\\0' x >precious; touch -d '-2 days' precious;"
	   " ln precious state/predictions/production/risk/old");
	fd = open(at("precious"), O_RDONLY | O_CLOEXEC);
	observe();
	sh("[ $(tr -d '\\0' <precious | wc -c) = 100000 ]");
	close(fd);
}

/* Rows of a label that were counted for a revision; -1: nothing is counted. */
static int64_t rows_of(const struct revision *revision, const char *label)
{
	struct observed observed = observe();
	int64_t rows = observed.n_labels ? 0 : -1;

	for (size_t i = 0; i < observed.n_labels; i++)
		if (digest_same(observed.labels[i].revision, revision->digest) &&
		    !strcmp(observed.labels[i].label, label))
			rows += (int64_t)observed.labels[i].rows;
	return rows;
}

/* Adds `lines` to a log, where A and B stand for the revisions. */
static void write_log(const char *name, const char *lines, const struct revision *a,
                      const struct revision *b)
{
	const char *folder = at("state/predictions/production/risk");
	FILE *log = fopen(arena_printf(&arena, "%s/%s", folder, name), "a");

	assert_non_null(log);
	for (; *lines; lines++)
		if (*lines == 'A' || *lines == 'B')
			fprintf(log, "%.10s", (*lines == 'A' ? a : b)->digest.hex);
		else
			fputc(*lines, log);
	assert_int_equal(fclose(log), 0);
}

static void labels_are_counted_while_two_share_the_traffic(void **state)
{
	struct revision *a = serve("v1"), *b = serve("v2");
	const char *low = "{\"revision\":\"A\",\"output\":\"Low\"}\n";

	(void)state;
	write_log("1.jsonl", low, a, b);
	ok(weigh(a, 1, b, 0));
	assert_int_equal(rows_of(a, "Low"), -1);
	ok(weigh(a, .5, b, .5));
	assert_int_equal(rows_of(a, "Low"), -1); /* what is older does not count */
	write_log("1.jsonl", low, a, b);
	write_log("2.jsonl",
	          "{\"revision\":\"B\",\"output\":7,\"ts\":1}\n"
	          "{\"revision\":\"B\",\"output\":[1]}\n"
	          "{\"revision\":\"B\"}\n{\"output\":\"Low\"}\nno JSON\n\n"
	          "{\"revision\":\"\",\"output\":1}\n{\"revision\":\"0123456789\",\"output\":1}\n"
	          "{\"revision\":\"A\",\"outp", a, b);
	assert_int_equal(rows_of(a, "Low"), 1);
	assert_int_equal(rows_of(b, "7"), 1);
	assert_int_equal(rows_of(b, ""), 1);
	assert_int_equal(observe().n_labels, 3);
	write_log("2.jsonl", "ut\":\"Low\"}\n", a, b);
	assert_int_equal(rows_of(a, "Low"), 2); /* the line is whole now */
	serving_local_close(serving);
	open_serving();
	write_log("1.jsonl", low, a, b);
	assert_int_equal(rows_of(a, "Low"), 3);
	sh("head -c 1048577 /dev/zero | tr '\\0' x >>state/predictions/production/risk/1.jsonl");
	assert_int_equal(rows_of(a, "Low"), 3); /* a line without an end */
	write_log("1.jsonl", "\n", a, b);
	write_log("1.jsonl", low, a, b);
	observe();
	assert_int_equal(rows_of(a, "Low"), 4);
	sh(": >state/predictions/production/risk/1.jsonl");
	observe();
	write_log("1.jsonl", low, a, b);
	assert_int_equal(rows_of(a, "Low"), 5);
	sh("echo torn >state/labels/production/risk/counted.json");
	write_log("1.jsonl", low, a, b);
	assert_int_equal(rows_of(a, "Low"), -1); /* begun anew */
	write_log("1.jsonl", low, a, b);
	assert_int_equal(rows_of(a, "Low"), 1);
	ok(weigh(a, 1, b, 0));
	assert_int_equal(rows_of(a, "Low"), -1);
	write_log("1.jsonl", low, a, b);
	ok(weigh(a, .5, b, .5));
	assert_int_equal(rows_of(a, "Low"), -1); /* of the time between nothing counts */
}

static void labels_without_number_are_one(void **state)
{
	struct revision *a = serve("v1"), *b = serve("v2");

	(void)state;
	ok(weigh(a, .5, b, .5));
	observe();
	for (int i = 0; i < 300; i++)
		write_log("1.jsonl", arena_printf(&arena, "{\"revision\":\"A\",\"output\":%d}\n", i), a,
		          b);
	assert_int_equal(rows_of(a, "255"), 1);
	assert_int_equal(rows_of(a, "256"), 0);
	assert_int_equal(rows_of(a, ""), 44);
}

/* Numbers are counted by eleven of their range, each by the two that it lies between; what is no
 * number by none. While the range is not known, the log waits. */
static void numbers_are_counted_by_their_range(void **state)
{
	static const struct output_spec share = {.type = TENSOR_FP64, .min = 0, .max = 1};
	struct revision *a = serve("v1"), *b = serve("v2");

	(void)state;
	predicts = &share;
	ok(weigh(a, .5, b, .5));
	observe();
	for (int i = 0; i < 100; i++)
		write_log("1.jsonl", "{\"revision\":\"A\",\"output\":0.225}\n", a, b);
	write_log("1.jsonl",
	          "{\"revision\":\"B\",\"output\":-3}\n{\"revision\":\"B\",\"output\":1e300}\n"
	          "{\"revision\":\"B\",\"output\":1}\n{\"revision\":\"B\",\"output\":\"0.7\"}\n"
	          "{\"revision\":\"B\",\"output\":null}\n{\"revision\":\"B\",\"output\":\"NaN\"}\n"
	          "{\"revision\":\"B\",\"output\":[0.5]}\n{\"revision\":\"B\",\"output\":true}\n"
	          "{\"revision\":\"B\",\"output\":NaN}\n{\"revision\":\"B\",\"output\":1e999}\n",
	          a, b);
	predicts = NULL;
	assert_int_equal(observe().n_labels, 0);
	predicts = &share;
	assert_in_range(rows_of(a, "0.2"), 72, 78);
	assert_in_range(rows_of(a, "0.3"), 22, 28);
	assert_int_equal(rows_of(b, "0"), 1);
	assert_int_equal(rows_of(b, "0.7"), 1);
	assert_int_equal(rows_of(b, "1"), 2);
	assert_int_equal(rows_of(b, ""), 4); /* NaN and 1e999 are no JSON: nobody's */
	predicts = &model.interface.output;
}

/* ---- check ---- */

static struct work wait_checked(const struct revision *revision)
{
	for (int64_t until_ms = test_clock_ms() + 15000; test_clock_ms() < until_ms;) {
		struct observed observed = observe();
		const struct work *work = work_of(observed.checked, observed.n_checked, revision);

		if (work && work->state != WORK_RUNNING)
			return *work;
		test_pause_ms(5);
	}
	fail_msg("it is never checked");
	return (struct work){0};
}

static void a_check_is_told_what_it_needs(void **state)
{
	struct revision *revision = serve("v2");
	struct action check = {.kind = ACTION_CHECK, .spec = revision};
	struct observed observed = observe();
	struct work work;

	(void)state;
	version.artifact.digest = artifact;
	version.golden = artifact;
	ok(act(check));
	ok(act(check));
	work = wait_checked(revision);
	/* the worker of this test says what it was told */
	assert_int_equal(work.state, WORK_FAILED);
	assert_false(work.retryable);
	assert_string_equal(work.why, arena_printf(&arena,
	                    "risk v2 at %s: columns files INT64 [0,] team BYTES a b nullable -> level"
	                    " BYTES Low High scores; %s/store/sha256/%s.json",
	                    observed.replicas[0].address, top, artifact.hex));
	kill(process_of(revision, 0).pid, SIGKILL);
	wait_state(revision, 0, REPLICA_EXITED);
	ok(start(revision, 0));
	assert_int_equal(observe().n_checked, 0); /* another process: to be checked anew */
}

/* __check of this test: fails, and why is what it read. */
static int check_main(const char *path)
{
	struct serving_check check;
	struct err problem = {0}, trouble;
	const struct interface_spec *interface = &check.interface;

	arena_init(&arena, 64 << 20);
	if (serving_check_read(path, &arena, &check, &problem) == 0)
		err_set(&problem, ERR_STALLED,
		        "%s %s at %s: %s %s %s [%g,%s] %s %s %s %s%s -> %s %s %s %s %s; %s", check.model,
		        check.version, check.addresses.items[0], layout_names.names[interface->layout],
		        interface->inputs[0].name,
		        tensor_type_names.names[interface->inputs[0].type], interface->inputs[0].min,
		        is_set(interface->inputs[0].max) ? "max" : "", interface->inputs[1].name,
		        tensor_type_names.names[interface->inputs[1].type],
		        interface->inputs[1].values.items[0], interface->inputs[1].values.items[1],
		        interface->inputs[1].nullable ? " nullable" : "", interface->output.name,
		        tensor_type_names.names[interface->output.type],
		        interface->output.classes.items[0], interface->output.classes.items[1],
		        interface->output.scores, check.golden);
	return serving_result_write(path, &problem, &trouble) < 0;
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_world, remove_world)
	const struct CMUnitTest tests[] = {
		TEST(prepare_puts_artifact_and_source_here),
		TEST(what_cannot_be_prepared_says_why),
		TEST(a_corrupt_copy_is_fetched_again),
		TEST(an_artifact_comes_from_another_file_system),
		TEST(what_a_killed_worker_left_is_removed),
		TEST(a_hostile_archive_is_not_unpacked),
		TEST(what_is_not_used_is_collected),
		TEST(a_replica_gets_what_the_contract_says),
		TEST(starting_twice_is_starting_once),
		TEST(readiness_is_what_it_says),
		TEST(an_exit_is_seen_counted_and_explained),
		TEST(what_cannot_start_counts_as_an_exit),
		TEST(a_server_is_somebody_else_and_has_its_own),
		TEST(a_server_gets_to_nothing_else_of_ours),
		TEST(a_server_cannot_look_into_another),
		TEST(what_its_user_may_not_enter_is_named),
		TEST(a_death_moves_the_weight),
		TEST(weights_are_read_back),
		TEST(a_stop_drains_first),
		TEST(a_stop_is_taken_back),
		TEST(a_restarted_controller_finds_everything),
		TEST(a_drop_leaves_nothing),
		TEST(prediction_logs_are_bounded),
		TEST(what_is_linked_into_a_log_is_not_emptied),
		TEST(labels_are_counted_while_two_share_the_traffic),
		TEST(labels_without_number_are_one),
		TEST(numbers_are_counted_by_their_range),
		TEST(a_check_is_told_what_it_needs),
	};

	if (argc == 3 && strcmp(argv[1], "__prepare") == 0)
		return serving_prepare_main(argc, argv);
	if (argc == 3 && strcmp(argv[1], "__check") == 0)
		return check_main(argv[2]);
	if (argc == 3 && strcmp(argv[1], "__model") == 0)
		return serve_model((int)strtol(getenv("LINNET_PORT"), NULL, 10), argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
