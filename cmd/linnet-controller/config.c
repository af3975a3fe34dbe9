#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "doc/doc.h"

enum { CONFIG_BYTES = 64 << 10, TEXT = 80 };

static const struct {
	const char *key, *fallback, *help;
} settings[] = {
	[SETTING_FLEET_URL] = {"fleet.url", NULL, "the fleet repository: a path, https or ssh url"},
	[SETTING_FLEET_BRANCH] = {"fleet.branch", "main", "the branch that is the truth"},
	[SETTING_FLEET_PATH] = {"fleet.path", ".", "the folder that holds the manifests"},
	[SETTING_FLEET_POLL] = {"fleet.poll", "5s", "how often the remote is looked at"},
	[SETTING_FLEET_TOKEN_FILE] = {"fleet.auth.tokenFile", NULL, "a file with an https token"},
	[SETTING_FLEET_CA_FILE] = {"fleet.auth.caFile", NULL,
	                           "certificates to trust for https; absent: the machine's"},
	[SETTING_FLEET_SSH_KEY] = {"fleet.auth.sshKey", NULL, "a private key file for ssh"},
	[SETTING_FLEET_KNOWN_HOSTS] = {"fleet.auth.knownHosts", NULL, "host keys accepted for ssh"},
	[SETTING_VERIFY_SIGNERS] = {"fleet.verify.allowedSigners", NULL,
	                            "who may sign commits; absent: signatures are not required"},
	[SETTING_VERIFY_FORGE_KEYS] = {"fleet.verify.forgeKeys", NULL,
	                               "keys by which a forge signs its merges"},
	[SETTING_VERIFY_ROOT] = {"fleet.verify.root", NULL, "the first commit that is accepted"},
	[SETTING_STATUS_BRANCH] = {"status.branch", "linnet/status", "where decisions are written"},
	[SETTING_STATUS_AUTHOR] = {"status.author", "Linnet <linnet@localhost>", "name <mail>"},
	[SETTING_STATUS_SIGNING_KEY] = {"status.signingKey", NULL, "an ssh key that signs them"},
	[SETTING_STATE] = {"state", "/var/lib/linnet", "clones, runs, replicas, evidence"},
	[SETTING_STORE] = {"store", NULL, "the artifact store; absent: <state>/artifacts-store"},
	[SETTING_DATA_ROOT] = {"data.root", NULL, "the folder that file: uris are below"},
	[SETTING_DATA_ALLOW] = {"data.allow", NULL,
	                        "beginnings of https: and s3: uris that may be read, blanks between; "
	                        "* stands for anything but a slash"},
	[SETTING_METRICS_ALLOW] = {"metrics.allow", NULL,
	                           "beginnings of urls of Prometheus that may be asked, as data.allow"},
	[SETTING_SECRETS_DIR] = {"secrets.dir", NULL, "<dir>/<name>/<key> holds a secret"},
	[SETTING_LOCAL_LISTEN] = {"local.listen", "127.0.0.1:9000", "where requests come in"},
	[SETTING_LOCAL_USER] = {"local.user", NULL,
	                        "whom model servers run as where the controller is root; absent: "
	                        "linnet-server where there is that user, else nobody"},
	[SETTING_PREDICTIONS_BYTES] = {"predictions.bytes", "1Gi",
	                               "of each deployment's prediction log at most"},
	[SETTING_PREDICTIONS_AGE] = {"predictions.age", "90d", "what is older is removed from it"},
	[SETTING_RUNS_CONCURRENT] = {"runs.concurrent", "1", "training runs at once"},
	[SETTING_WEB_LISTEN] = {"web.listen", NULL,
	                        "page, metrics and webhook: 127.0.0.1:8080; absent: none"},
	[SETTING_WEB_TOKEN_FILE] = {"web.tokenFile", NULL,
	                            "a file with the bearer token that readers need, rotated at will; "
	                            "must be set when web.listen is not loopback"},
	[SETTING_WEB_WEBHOOK_SECRET_FILE] = {"web.webhookSecretFile", NULL,
	                                     "a file with the webhook's secret, rotated at will; "
	                                     "absent: no webhook"},
	[SETTING_LOG_LEVEL] = {"log.level", "info", "debug, info, warn or error"},
	[SETTING_LOG_FORMAT] = {"log.format", "text", "text or json"},
};
static_assert(ARRAY_LEN(settings) == SETTINGS, "a line for each setting");

/* "fleet.auth.tokenFile" -> "LINNET_FLEET_AUTH_TOKEN_FILE" or "--fleet-auth-token-file". */
static void other_name(const char *key, bool variable, char out[TEXT])
{
	int n = snprintf(out, TEXT, "%s", variable ? "LINNET_" : "--");

	for (; *key && n < TEXT - 2; key++) {
		char separator = variable ? '_' : '-';

		if (*key == '.') {
			out[n++] = separator;
			continue;
		}
		if (isupper((unsigned char)*key))
			out[n++] = separator;
		out[n++] = (char)(variable ? toupper((unsigned char)*key) : tolower((unsigned char)*key));
	}
	out[n] = 0;
}

static int find_flag(const char *name, size_t len)
{
	for (int i = 0; i < SETTINGS; i++) {
		char flag[TEXT];

		other_name(settings[i].key, false, flag);
		if (strlen(flag) == len && !strncmp(flag, name, len))
			return i;
	}
	return -1;
}

static int read_flag(struct config *config, int argc, char **argv, int *i, struct err *err)
{
	const struct {
		const char *name;
		bool *value;
	} switches[] = {
		{"--once", &config->once},
		{"--print-config", &config->print},
		{"--stop-serving", &config->stop_serving},
		{"--allow-empty", &config->allow_empty},
		{"--take-over", &config->take_over},
		{"--help", &config->help},
		{"--version", &config->version},
	};
	const char *equals = strchr(argv[*i], '='), *value;
	size_t len = equals ? (size_t)(equals - argv[*i]) : strlen(argv[*i]);
	int setting;

	for (size_t j = 0; j < ARRAY_LEN(switches); j++) {
		if (strcmp(argv[*i], switches[j].name))
			continue;
		*switches[j].value = true;
		return 0;
	}
	setting = find_flag(argv[*i], len);
	if (setting < 0 && (len != strlen("--config") || strncmp(argv[*i], "--config", len)))
		return err_set(err, ERR_STALLED, "unknown flag %s; see --help", argv[*i]);
	if (!equals && *i + 1 >= argc)
		return err_set(err, ERR_STALLED, "%s needs a value", argv[*i]);
	value = equals ? equals + 1 : argv[++*i];
	if (setting < 0)
		config->file = value;
	else
		config->values[setting] = value;
	return 0;
}

static int find_setting(const char *key)
{
	for (int i = 0; i < SETTINGS; i++)
		if (!strcmp(settings[i].key, key))
			return i;
	return -1;
}

static int unknown_key(const char *path, const struct node *node, const char *key, struct err *err)
{
	const char *keys[SETTINGS], *near;

	for (int i = 0; i < SETTINGS; i++)
		keys[i] = settings[i].key;
	near = nearest(key, keys, SETTINGS);
	return err_set(err, ERR_STALLED, "%s:%d:%d: unknown key '%s'%s%s", path, node->key_line,
	               node->key_column, key, near ? "; did you mean " : "", near ? near : "");
}

/* The settings below a map of the file, whose keys may be nested or dotted; none is passed over. */
static int take_keys(const char *path, const struct node *map, const char *prefix,
                     struct config *said, struct arena *arena, struct err *err)
{
	for (const struct node *child = map->first; child; child = child->next) {
		const char *key = arena_printf(arena, "%s%s", prefix, child->key);
		int setting = find_setting(key);

		if (setting < 0 && child->type == NODE_MAP) {
			if (take_keys(path, child, arena_printf(arena, "%s.", key), said, arena, err))
				return -1;
			continue;
		}
		if (setting < 0)
			return unknown_key(path, child, key, err);
		if (child->type != NODE_SCALAR && child->type != NODE_NULL)
			return err_set(err, ERR_STALLED, "%s:%d:%d: %s is one text, not a %s", path,
			               child->line, child->column, key, child->type == NODE_MAP ? "map"
			               : "list: write several with blanks between them");
		if (said->values[setting])
			return err_set(err, ERR_STALLED, "%s:%d:%d: %s stands here twice", path,
			               child->key_line, child->key_column, key);
		if (child->type == NODE_SCALAR)
			said->values[setting] = arena_strdup(arena, child->text);
		said->places[setting] = (struct place){child->line, child->column};
	}
	return 0;
}

static int read_file(struct config *config, struct arena *arena, struct err *err)
{
	struct config said = {0};
	struct node **docs;
	struct place place = {0};
	struct buf text;
	size_t n;
	int result = -1;

	buf_init(&text, CONFIG_BYTES);
	if (file_read(AT_FDCWD, config->file, &text, err))
		goto done;
	if (yaml_parse(buf_text(&text), text.len, CONFIG_BYTES, arena, &docs, &n, &place, err)) {
		err_wrap(err, "%s:%d:%d", config->file, place.line, place.column);
		goto done;
	}
	if (n == 0 || docs[0]->type != NODE_MAP) {
		err_set(err, ERR_STALLED, "%s: not a map of settings", config->file);
		goto done;
	}
	if (take_keys(config->file, docs[0], "", &said, arena, err))
		goto done;
	for (int i = 0; i < SETTINGS; i++) {
		if (config->values[i])
			continue;
		config->values[i] = said.values[i];
		config->places[i] = said.places[i];
	}
	result = 0;
done:
	buf_deinit(&text);
	return result;
}

static void find_file(struct config *config)
{
	static const char *const places[] = {"linnet.yaml", "/etc/linnet/linnet.yaml"};

	for (size_t i = 0; i < ARRAY_LEN(places) && !config->file; i++) {
		FILE *file = fopen(places[i], "re");

		if (!file)
			continue;
		fclose(file);
		config->file = places[i];
	}
}

int config_read(struct config *config, int argc, char **argv, struct arena *arena, struct err *err)
{
	*config = (struct config){0};
	for (int i = 1; i < argc; i++)
		if (read_flag(config, argc, argv, &i, err))
			return -1;
	for (int i = 0; i < SETTINGS; i++) {
		char variable[TEXT];

		other_name(settings[i].key, true, variable);
		if (!config->values[i])
			config->values[i] = getenv(variable);
	}
	find_file(config);
	if (config->file && read_file(config, arena, err))
		return -1;
	for (int i = 0; i < SETTINGS; i++)
		if (!config->values[i])
			config->values[i] = settings[i].fallback;
	if (!config->values[SETTING_STORE])
		config->values[SETTING_STORE] =
			arena_printf(arena, "%s/artifacts-store", config->values[SETTING_STATE]);
	return 0;
}

int config_wrong(const struct config *config, enum setting setting, struct err *err)
{
	const struct place *place = &config->places[setting];
	const char *key = settings[setting].key;

	if (!place->line)
		return err_wrap(err, "%s", key);
	return err_wrap(err, "%s:%d:%d: %s", config->file, place->line, place->column, key);
}

void config_print(const struct config *config)
{
	struct buf value;

	buf_init(&value, CONFIG_BYTES);
	for (int i = 0; i < SETTINGS; i++) {
		char flag[TEXT], variable[TEXT];

		other_name(settings[i].key, false, flag);
		other_name(settings[i].key, true, variable);
		buf_clear(&value);
		if (config->values[i])
			write_inline(&value, config->values[i]);
		printf("%s: %s  # %s (%s, %s)\n", settings[i].key,
		       config->values[i] ? buf_text(&value) : "null", settings[i].help, flag, variable);
	}
	buf_deinit(&value);
}

void config_help(void)
{
	printf("linnet-controller: makes the serving state follow the fleet repository.\n\n"
	       "  --config FILE   default: ./linnet.yaml, then /etc/linnet/linnet.yaml\n"
	       "  --once          reconcile until nothing is under way, then exit\n"
	       "  --print-config  show every setting and where its value can be set\n"
	       "  --stop-serving  end the model servers and the router of this state folder\n"
	       "  --allow-empty   a commit that declares no deployment at all retires everything\n"
	       "  --take-over     begin, though another controller has taken over the fleet meanwhile\n"
	       "  --version\n\n"
	       "exit status: 0 stopped, 1 error, 3 another controller has taken over\n\n"
	       "Settings (a key of the file; each has a flag and a variable):\n");
	for (int i = 0; i < SETTINGS; i++) {
		char flag[TEXT];

		other_name(settings[i].key, false, flag);
		printf("  %-32s %s%s%s%s\n", flag, settings[i].help,
		       settings[i].fallback ? " (default " : "",
		       settings[i].fallback ? settings[i].fallback : "",
		       settings[i].fallback ? ")" : "");
	}
}
