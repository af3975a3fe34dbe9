/* SSH signatures: made and checked by `ssh-keygen`, in the form and namespace of Git. */
#ifndef LINNET_ADAPTER_GIT_VERIFY_H
#define LINNET_ADAPTER_GIT_VERIFY_H

#include "adapter/child.h"
#include "base/limits.h"

enum { SIGNATURE_PRINCIPAL = 256 }; /* bytes of a signer's name with its NUL */

/* One check under way. Zeroed: none. */
struct signature_check {
	struct child child;
	const char *signers, *namespace; /* borrowed while it runs */
	struct bytes payload;            /* owned */
	char file[LIMIT_FILE_PATH];      /* the signature, written aside */
	char principal[SIGNATURE_PRINCIPAL];
	bool principal_known;
	struct err why; /* of SIGNATURE_BAD: ERR_STALLED; ERR_TRANSIENT when the check itself failed */
};
enum signature_state { SIGNATURE_CHECKING, SIGNATURE_GOOD, SIGNATURE_BAD };

/* Begins to check `signature` over `payload` (copied) against the allowed-signers file; `folder` is
 * for a temporary file. */
void signature_check_start(struct signature_check *check, const char *folder, const char *signers,
                           const char *namespace, struct bytes payload, struct bytes signature,
                           int64_t now_ms);
/* Goes on without waiting; GOOD leaves the signer's name in `principal`. */
enum signature_state signature_check_poll(struct signature_check *check, int64_t now_ms);
void signature_check_stop(struct signature_check *check);

/* The same, waiting for the outcome; some 10 ms, at most 20 s. `principal` may be NULL. */
int signature_verify(const char *folder, const char *signers, const char *namespace,
                     struct bytes payload, struct bytes signature,
                     char principal[SIGNATURE_PRINCIPAL], struct err *err) must_check;
/* Signs with a private key without passphrase; some 5 ms, at most 10 s. Appends to `out`. */
int signature_make(const char *key, const char *namespace, struct bytes payload, struct buf *out,
                   struct err *err) must_check;
/* Writes an allowed-signers file that holds the public half ("<key>.pub") of a key of ours. */
int signature_own_signers(const char *key, const char *file, struct err *err) must_check;

#endif
