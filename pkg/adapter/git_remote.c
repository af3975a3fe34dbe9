#include "adapter/git_remote.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapter/clock_posix.h"
#include "adapter/git_verify.h"
#include "base/file.h"

enum {
	RACE_MS = 180000,  /* so long others may be faster, ... */
	FAILED_MS = 20000, /* ... and so long the remote may be out of reach: a person is waiting */
	BACKOFF_LEAST_MS = 250, BACKOFF_MOST_MS = 4000,
};

struct attempt {
	const struct transport *transport;
	const struct git_remote_commit *commit;
	struct objects *objects;
	char repo[64], ref[LIMIT_NAME + 32];
	struct arena arena;
};

static void wait_child(struct child *child)
{
	while (!child_poll(child, clock_now_ms()))
		child_wait(child);
}

/* The remote's tip of the branch, fetched; "" when there is none. One connection, without a look
 * first: what others push in between is what costs another attempt. */
static int fetch_tip(struct attempt *attempt, const char *ref, struct oid *tip, struct err *err)
{
	const char *refspecs[] = {arena_printf(&attempt->arena, "+%s:%s", ref, ref)};
	struct child child = {0};
	bool absent = false;
	int result = transport_fetch(&child, attempt->transport, attempt->repo, refspecs, 1, false,
	                             clock_now_ms(), err);

	*tip = (struct oid){""};
	if (!result) {
		wait_child(&child);
		absent = strstr(buf_text(&child.errors), "couldn't find remote ref") != NULL;
		result = absent ? 0 : transport_check(&child, "git fetch", err);
	}
	child_stop(&child);
	return result || absent ? result : objects_ref(attempt->objects, ref, tip, err);
}

static int sign(void *key, struct bytes payload, struct buf *signature, struct err *err)
{
	return signature_make(key, "git", payload, signature, err);
}

/* The tip to build on: of the branch, else of the one that it is made from. */
static int find_tip(struct attempt *attempt, struct oid *tip, struct err *err)
{
	const char *from = attempt->commit->from;

	if (fetch_tip(attempt, attempt->ref, tip, err))
		return -1;
	if (tip->hex[0] || !from)
		return 0;
	if (fetch_tip(attempt, arena_printf(&attempt->arena, "refs/heads/%s", from), tip, err))
		return -1;
	return tip->hex[0] ? 0 : err_set(err, ERR_STALLED, "there is no branch '%s'", from);
}

static int commit_on(struct attempt *attempt, struct oid tip, struct oid *out, struct err *err)
{
	const struct git_remote_commit *commit = attempt->commit;
	struct git_file built = {0};
	struct commit_spec spec = {
		.parents = {tip},
		.n_parents = tip.hex[0] ? 1 : 0,
		.files = commit->files,
		.n_files = commit->n_files,
		.message = commit->message,
		.author = commit->author,
		.email = commit->email,
		.time_s = time(NULL),
		.sign = commit->signing_key ? sign : NULL,
		.sign_context = (void *)commit->signing_key,
	};

	if (commit->build) {
		if (commit->build(commit->context, attempt->objects, tip, &attempt->arena, &built, err))
			return -1;
		spec.files = &built;
		spec.n_files = 1;
	}
	return objects_commit(attempt->objects, &spec, out, NULL, err);
}

static int push(struct attempt *attempt, struct oid made, enum push_outcome *outcome,
                struct err *err)
{
	const char *refspecs[] = {arena_printf(&attempt->arena, "%s:%s", made.hex, attempt->ref)};
	struct child child = {0};
	int result = transport_push(&child, attempt->transport, attempt->repo, refspecs, 1, NULL,
	                            clock_now_ms(), err);

	if (!result) {
		wait_child(&child);
		*outcome = push_result(&child, attempt->ref, err);
	}
	child_stop(&child);
	return result;
}

static int try_once(struct attempt *attempt, struct oid *out, enum push_outcome *outcome,
                    struct err *err)
{
	struct oid tip;

	arena_reset(&attempt->arena);
	if (find_tip(attempt, &tip, err) || commit_on(attempt, tip, out, err))
		return -1;
	return push(attempt, *out, outcome, err);
}

/* Full jitter, so that fifty writers at once do not meet again. It grows by four: an attempt that
 * loses costs as much as one that lands, and with many at work most of the early ones would. */
static void back_off(int n)
{
	uint32_t dice;
	int most = BACKOFF_LEAST_MS << (n < 2 ? 2 * n : 4);

	random_bytes(&dice, sizeof(dice));
	if (most > BACKOFF_MOST_MS)
		most = BACKOFF_MOST_MS;
	poll(NULL, 0, (int)(dice % (uint32_t)most));
}

static int try_all(struct attempt *attempt, struct oid *out, struct err *err)
{
	int64_t begun_ms = clock_now_ms(), reached_ms = begun_ms;

	for (int n = 0; clock_now_ms() - begun_ms < RACE_MS; n++) {
		enum push_outcome outcome = PUSH_FAILED;
		struct err why = {0};
		struct oid made;

		if (try_once(attempt, &made, &outcome, &why) && why.kind == ERR_STALLED) {
			*err = why;
			return -1;
		}
		if (outcome == PUSH_DONE) {
			*out = made;
			return 0;
		}
		if (outcome == PUSH_REFUSED)
			return err_set(err, ERR_STALLED, "%s was refused: %s", attempt->ref, why.text);
		if (outcome != PUSH_FAILED)
			reached_ms = clock_now_ms();
		if (clock_now_ms() - reached_ms >= FAILED_MS) {
			*err = why;
			return -1;
		}
		back_off(n);
	}
	return err_set(err, ERR_TRANSIENT, "others were faster for three minutes; try again");
}

int git_remote_commit(const struct transport *transport, const struct git_remote_commit *commit,
                      struct oid *out, struct err *err)
{
	struct attempt attempt = {.transport = transport, .commit = commit};
	struct err ignored = {0};
	int result;

	snprintf(attempt.repo, sizeof(attempt.repo), "/tmp/linnet-request.XXXXXX");
	snprintf(attempt.ref, sizeof(attempt.ref), "refs/heads/%s", commit->branch);
	if (!mkdtemp(attempt.repo))
		return err_set(err, ERR_TRANSIENT, "%s cannot be made", attempt.repo);
	arena_init(&attempt.arena, (size_t)1 << 30);
	result = objects_create(attempt.repo, err);
	if (!result)
		result = objects_open(attempt.repo, false, &attempt.objects, err);
	if (!result)
		result = try_all(&attempt, out, err);
	objects_close(attempt.objects);
	arena_deinit(&attempt.arena);
	if (dir_remove_all(AT_FDCWD, attempt.repo, &ignored) && !result)
		fprintf(stderr, "linnet: %s\n", ignored.text);
	return result;
}
