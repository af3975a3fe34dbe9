/* What is said of a git that failed: the words are those of OpenSSH 9.2 and 10.0, git 2.39 and
 * forges, as they come over the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "adapter/git_transport.h"

/* git's end of every failure over ssh */
#define CLOSING                                                                                   \
	"fatal: Could not read from remote repository.\n\nPlease make sure you have the correct "     \
	"access rights\nand the repository exists.\n"
#define DENIED "git@127.0.0.1: Permission denied (publickey).\r\n" CLOSING
#define BOX "remote: ======================================\nremote: \n"

static const struct {
	const char *errors, *told;
	enum err_kind kind;
} failures[] = {
	{"No ED25519 host key is known for [127.0.0.1]:22 and you have requested strict checking.\r\n"
	 "Host key verification failed.\r\n" CLOSING,
	 "the remote: its host key is not in fleet.auth.knownHosts", ERR_STALLED},
	{"Host key for [127.0.0.1]:22 has changed and you have requested strict checking.\r\n"
	 "Host key verification failed.\r\n" CLOSING,
	 "the remote: its host key is another than in fleet.auth.knownHosts: if that is meant, replace "
	 "it there",
	 ERR_STALLED},
	{DENIED,
	 "the remote: it does not take the key of fleet.auth.sshKey, or that has a passphrase",
	 ERR_STALLED},
	{"Permissions 0644 for '/k' are too open.\r\nLoad key \"/k\": bad permissions\r\n" DENIED,
	 "the remote: others may read fleet.auth.sshKey, so that ssh does not use it: chmod 600",
	 ERR_STALLED},
	{"Load key \"/k\": error in libcrypto\r\n" DENIED,
	 "the remote: fleet.auth.sshKey cannot be read, or is no private key", ERR_STALLED},
	{"Load key \"/k\": Permission denied\r\n" DENIED,
	 "the remote: fleet.auth.sshKey cannot be read, or is no private key", ERR_STALLED},
	{"Warning: Identity file /k not accessible: No such file or directory.\r\n" DENIED,
	 "the remote: there is no file fleet.auth.sshKey", ERR_STALLED},
	{"fatal: '/x.git' does not appear to be a git repository\n" CLOSING,
	 "the remote: there is no Git repository at its address", ERR_STALLED},
	{"ssh: connect to host 127.0.0.1 port 22: Connection refused\r\n" CLOSING,
	 "fetch: ssh: connect to host 127.0.0.1 port 22: Connection refused (exit 128)", ERR_TRANSIENT},
	{"Connection timed out during banner exchange\r\nConnection to 127.0.0.1 port 22 timed out\r\n"
	 CLOSING,
	 "fetch: Connection to 127.0.0.1 port 22 timed out (exit 128)", ERR_TRANSIENT},
	{"ERROR: The key you are authenticating with has been marked as read only.\n" CLOSING,
	 "fetch: ERROR: The key you are authenticating with has been marked as read only. (exit 128)",
	 ERR_TRANSIENT},
	{"remote: \n" BOX "remote: ERROR: You may not.\nremote: \n" BOX CLOSING,
	 "fetch: remote: ERROR: You may not. (exit 128)", ERR_TRANSIENT},
	{CLOSING, "fetch: fatal: Could not read from remote repository. (exit 128)", ERR_TRANSIENT},
	{"warning: x\nfatal: unable to access 'https://x/': error: 503\n",
	 "fetch: fatal: unable to access 'https://x/': error: 503 (exit 128)", ERR_TRANSIENT},
};

static void a_failure_tells_its_cause_in_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		struct child child = {.state = CHILD_ENDED, .exit_code = 128};
		struct err err = {0};

		buf_init(&child.errors, 1 << 16);
		buf_puts(&child.errors, failures[i].errors);
		assert_int_equal(transport_check(&child, "fetch", &err), -1);
		assert_string_equal(err.text, failures[i].told);
		assert_int_equal(err.kind, failures[i].kind);
		buf_deinit(&child.errors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_tells_its_cause_in_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
