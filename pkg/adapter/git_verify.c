#include "adapter/git_verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/clock_posix.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/heap.h"

enum { TIMEOUT_MS = 10 * 1000, TEXT_BYTES = 64 << 10, NO = 255 };
#define SSH_SIGNATURE "-----BEGIN SSH SIGNATURE-----"

static const char *const no_env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", NULL};

static struct child_spec keygen(const char *const *argv, struct bytes input)
{
	return (struct child_spec){
		.argv = argv,
		.env = no_env,
		.input = input,
		.timeout_ms = TIMEOUT_MS,
		.memory_bytes = 256 << 20,
		.cpu_seconds = TIMEOUT_MS / 1000,
		.output_bytes_max = TEXT_BYTES,
		.errors_bytes_max = TEXT_BYTES,
	};
}

static int find_principal(struct signature_check *check, int64_t now_ms)
{
	const char *const argv[] = {
		"ssh-keygen", "-Y", "find-principals", "-f", check->signers, "-s", check->file, NULL,
	};
	struct child_spec spec = keygen(argv, (struct bytes){0});

	return child_start(&check->child, &spec, now_ms, &check->why);
}

static int verify(struct signature_check *check, int64_t now_ms)
{
	const char *const argv[] = {
		"ssh-keygen", "-Y", "verify", "-f", check->signers, "-I", check->principal,
		"-n", check->namespace, "-s", check->file, NULL,
	};
	struct child_spec spec = keygen(argv, check->payload);

	return child_start(&check->child, &spec, now_ms, &check->why);
}

void signature_check_start(struct signature_check *check, const char *folder, const char *signers,
                           const char *namespace, struct bytes payload, struct bytes signature,
                           int64_t now_ms)
{
	uint64_t id;

	*check = (struct signature_check){.signers = signers, .namespace = namespace};
	if (!signature.data) {
		err_set(&check->why, ERR_STALLED, "not signed");
		return;
	}
	if (signature.len < strlen(SSH_SIGNATURE) ||
	    memcmp(signature.data, SSH_SIGNATURE, strlen(SSH_SIGNATURE))) {
		err_set(&check->why, ERR_STALLED, "not an SSH signature");
		return;
	}
	random_bytes(&id, sizeof(id));
	snprintf(check->file, sizeof(check->file), "%s/signature-%016llx", folder,
	         (unsigned long long)id);
	if (file_replace(AT_FDCWD, check->file, signature.data, signature.len, 0600, &check->why))
		return;
	check->payload.data = heap_alloc(payload.len + 1, 1);
	check->payload.len = payload.len;
	memcpy((char *)(uintptr_t)check->payload.data, payload.data, payload.len);
	if (find_principal(check, now_ms))
		check->why.kind = ERR_TRANSIENT;
}

/* The first line that find-principals printed. */
static bool take_principal(struct signature_check *check)
{
	const char *text = buf_text(&check->child.output);
	int len = (int)strcspn(text, "\r\n");

	if (len == 0 || len >= SIGNATURE_PRINCIPAL || *text == '-')
		return false;
	snprintf(check->principal, sizeof(check->principal), "%.*s", len, text);
	text_clean(check->principal);
	return true;
}

/* A program that could not do its work says nothing of the signature; ssh-keygen's no is 255. */
static enum signature_state give_up(struct signature_check *check, const char *why)
{
	struct err failed = {0};

	if (child_check(&check->child, "ssh-keygen", &failed) &&
	    (check->child.timed_out || check->child.overflowed ||
	     (check->child.exit_code >= 126 && check->child.exit_code != NO)))
		check->why = failed;
	else
		err_set(&check->why, ERR_STALLED, "%s", why);
	return SIGNATURE_BAD;
}

enum signature_state signature_check_poll(struct signature_check *check, int64_t now_ms)
{
	if (check->why.kind)
		return SIGNATURE_BAD;
	if (!child_poll(&check->child, now_ms))
		return SIGNATURE_CHECKING;
	if (!check->principal_known) {
		if (check->child.exit_code || !take_principal(check))
			return give_up(check, "signed by a key that is not allowed");
		check->principal_known = true;
		child_stop(&check->child);
		return verify(check, now_ms) ? SIGNATURE_BAD : SIGNATURE_CHECKING;
	}
	if (check->child.exit_code || check->child.timed_out)
		return give_up(check, "the signature is not valid");
	return SIGNATURE_GOOD;
}

void signature_check_stop(struct signature_check *check)
{
	child_stop(&check->child);
	if (check->file[0])
		unlink(check->file);
	free((char *)(uintptr_t)check->payload.data);
	*check = (struct signature_check){0};
}

int signature_verify(const char *folder, const char *signers, const char *namespace,
                     struct bytes payload, struct bytes signature,
                     char principal[SIGNATURE_PRINCIPAL], struct err *err)
{
	struct signature_check check;
	enum signature_state state;

	signature_check_start(&check, folder, signers, namespace, payload, signature,
	                      clock_now_ms());
	while ((state = signature_check_poll(&check, clock_now_ms())) == SIGNATURE_CHECKING)
		child_wait(&check.child);
	if (state == SIGNATURE_BAD)
		*err = check.why;
	else if (principal)
		snprintf(principal, SIGNATURE_PRINCIPAL, "%s", check.principal);
	signature_check_stop(&check);
	return state == SIGNATURE_GOOD ? 0 : -1;
}

int signature_make(const char *key, const char *namespace, struct bytes payload, struct buf *out,
                   struct err *err)
{
	const char *const argv[] = {"ssh-keygen", "-Y", "sign", "-f", key, "-n", namespace, NULL};
	struct child_spec spec = keygen(argv, payload);
	struct child child = {0};
	int result = child_run(&child, &spec, "sign", err);

	if (result == 0)
		buf_puts(out, buf_text(&child.output));
	child_stop(&child);
	return result;
}

int signature_own_signers(const char *key, const char *file, struct err *err)
{
	char public[LIMIT_FILE_PATH];
	struct buf text;
	int result;

	if (snprintf(public, sizeof(public), "%s.pub", key) >= (int)sizeof(public))
		return err_set(err, ERR_STALLED, "%.100s...: too long", key);
	buf_init(&text, TEXT_BYTES);
	buf_puts(&text, "linnet-controller ");
	result = file_read(AT_FDCWD, public, &text, err);
	if (result == 0)
		result = file_replace(AT_FDCWD, file, buf_text(&text), text.len, 0600, err);
	buf_deinit(&text);
	return result ? err_wrap(err, "signing key") : 0;
}
