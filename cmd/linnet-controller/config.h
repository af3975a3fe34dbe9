/* The controller's configuration: linnet.yaml, then environment variables, then flags. */
#ifndef LINNET_CMD_CONTROLLER_CONFIG_H
#define LINNET_CMD_CONTROLLER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "doc/doc.h"

enum setting {
	SETTING_FLEET_URL, SETTING_FLEET_BRANCH, SETTING_FLEET_PATH, SETTING_FLEET_POLL,
	SETTING_FLEET_TOKEN_FILE, SETTING_FLEET_CA_FILE, SETTING_FLEET_SSH_KEY,
	SETTING_FLEET_KNOWN_HOSTS,
	SETTING_VERIFY_SIGNERS, SETTING_VERIFY_FORGE_KEYS, SETTING_VERIFY_ROOT,
	SETTING_STATUS_BRANCH, SETTING_STATUS_AUTHOR, SETTING_STATUS_SIGNING_KEY,
	SETTING_STATE, SETTING_STORE, SETTING_DATA_ROOT, SETTING_DATA_ALLOW,
	SETTING_METRICS_ALLOW, SETTING_SECRETS_DIR,
	SETTING_LOCAL_LISTEN, SETTING_LOCAL_USER, SETTING_PREDICTIONS_BYTES, SETTING_PREDICTIONS_AGE,
	SETTING_RUNS_CONCURRENT, SETTING_WEB_LISTEN, SETTING_WEB_TOKEN_FILE,
	SETTING_WEB_WEBHOOK_SECRET_FILE, SETTING_LOG_LEVEL, SETTING_LOG_FORMAT,
	SETTINGS
};

/* Every setting as text; NULL when absent and without a default. Borrowed from the arena, argv and
 * the environment. */
struct config {
	const char *file;
	bool once, print, help, version, stop_serving, allow_empty, take_over;
	const char *values[SETTINGS];
	struct place places[SETTINGS]; /* of those that the file says; line 0: said elsewhere */
};

/* Reads flags, then the file that `--config` names (or ./linnet.yaml, then /etc/linnet/linnet.yaml
 * where present), then LINNET_* variables. A flag wins over a variable, a variable over the file.
 * */
int config_read(struct config *config, int argc, char **argv, struct arena *arena,
                struct err *err) must_check;
/* Adds to what is wrong with a value which setting it is of, and where in the file that stands;
 * returns -1. */
int config_wrong(const struct config *config, enum setting setting, struct err *err);
/* Prints every setting and where it can be set, as a file that can be read again. */
void config_print(const struct config *config);
void config_help(void);

#endif
