/* A trainer whose work is done by another system: started, awaited and fetched over HTTP. */
#ifndef LINNET_RUN_JOB_H
#define LINNET_RUN_JOB_H

#include <stdint.h>

/* Is a trainer itself (LIFECYCLE.md, contract with the user's code): it reads LINNET_TRAIN_DATA,
 * LINNET_PARAMS and LINNET_SEED, and fills LINNET_MODEL_DIR.
 *
 *     POST url        {"key", "params", "seed", "leaseSeconds", "rows": CSV}, and the key as
 *                     header Idempotency-Key
 *     GET  url/key    {"state": running | succeeded | refused | failed, "why",
 *                      "artifact": {"url", "digest"}}; 404 where no such job was started
 *
 * The key is the digest of what is asked, so that a run that goes on finds its job again. A job
 * that nobody has asked after for `leaseSeconds` was given up and is to be stopped: its run was
 * replaced, killed or lost with its machine. The artifact is an uncompressed tar, fetched for as
 * long as its bytes come, during which nobody asks after its job. Redirects are not followed.
 * Waits for ever: who starts it has a timeout. Exit code: 0, 1 refused, 2 error. */
int job_run(const char *url, int64_t poll_ms);

#endif
