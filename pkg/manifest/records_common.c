/* What several kinds share: metadata, serving, artifacts, variables, requirements of gates. */
#include "manifest/records.h"

static const char *const api_version_table[] = {API_VERSION};
const struct names api_version_names = NAMES(api_version_table);

static const struct field plain_meta_fields[] = {
	{.name = "name", .type = FIELD_NAME, AT(struct meta, name), .flags = FIELD_REQUIRED,
	 .help = "Name of the object, unique for its kind: lower-case letters, digits and '-'."},
	{.name = "labels", .type = FIELD_PAIRS, AT(struct meta, labels),
	 .help = "Free labels for people and for selecting."},
	{.name = "annotations", .type = FIELD_PAIRS, AT(struct meta, annotations),
	 .help = "Free text that no part of Linnet reads."},
};
const struct record plain_meta_record =
	RECORD(struct meta, plain_meta, "Which object this is.");

static const struct field namespaced_meta_fields[] = {
	{.name = "name", .type = FIELD_NAME, AT(struct meta, name), .flags = FIELD_REQUIRED,
	 .help = "Name of the object, unique in its namespace: lower-case letters, digits and '-'."},
	{.name = "namespace", .type = FIELD_NAME, AT(struct meta, namespace), .flags = FIELD_REQUIRED,
	 .help = "The Environment that it belongs to."},
	{.name = "labels", .type = FIELD_PAIRS, AT(struct meta, labels),
	 .help = "Free labels for people and for selecting."},
	{.name = "annotations", .type = FIELD_PAIRS, AT(struct meta, annotations),
	 .help = "Free text that no part of Linnet reads."},
};
const struct record namespaced_meta_record =
	RECORD(struct meta, namespaced_meta, "Which object this is, and in which Environment.");

#define ARTIFACT_PLACE \
	{.name = "bytes", .type = FIELD_INT, AT(struct artifact_ref, bytes), .min = -1, \
	 .max = BYTES_MAX, .fallback = "-1", .help = "Its size; -1 when unknown."}, \
	{.name = "uri", .type = FIELD_STRING, AT(struct artifact_ref, uri), \
	 .help = "Where it lives, when that is not the controller's store."}

static const struct field artifact_fields[] = {
	{.name = "digest", .type = FIELD_DIGEST, AT(struct artifact_ref, digest),
	 .flags = FIELD_REQUIRED, .help = "SHA-256 of the artifact, an uncompressed ustar."},
	ARTIFACT_PLACE,
};
const struct record artifact_record =
	RECORD(struct artifact_ref, artifact, "The bytes of the model, named by their digest.");

static const struct field kept_artifact_fields[] = {
	{.name = "digest", .type = FIELD_DIGEST, AT(struct artifact_ref, digest),
	 .help = "SHA-256 of the artifact; absent: none yet."},
	ARTIFACT_PLACE,
};
const struct record kept_artifact_record =
	RECORD(struct artifact_ref, kept_artifact, "The bytes of the model, named by their digest.");

#define SERVE_COMMAND \
	{.name = "command", .type = FIELD_STRINGS, AT(struct serve_spec, command), \
	 .help = "Argument vector of the model server; no shell. May be absent with an image."}
#define SERVE_SOURCE \
	{.name = "source", .type = FIELD_STRING, AT(struct serve_spec, source), \
	 .help = "Folder of the fleet repository that the command runs in."}
#define SERVE_IMAGE \
	{.name = "image", .type = FIELD_STRING, AT(struct serve_spec, image), \
	 .help = "Container image by digest, name@sha256:...; needed to serve in a cluster."}

static const struct field serve_fields[] = {SERVE_COMMAND, SERVE_SOURCE, SERVE_IMAGE};
const struct record serve_record =
	RECORD(struct serve_spec, serve, "How a version is served; it becomes part of each version.");

static const struct field version_serve_fields[] = {
	SERVE_COMMAND,
	SERVE_SOURCE,
	{.name = "tree", .type = FIELD_STRING, AT(struct serve_spec, tree),
	 .help = "Git tree id of the source folder: what serves follows no branch."},
	SERVE_IMAGE,
};
const struct record version_serve_record =
	RECORD(struct serve_spec, version_serve, "How this version is served, pinned.");

static const struct field secret_fields[] = {
	{.name = "name", .type = FIELD_STRING, IN(struct env_var, secret_name, secret_name),
	 .flags = FIELD_REQUIRED, .help = "Name of the secret: a folder, or a Kubernetes Secret."},
	{.name = "key", .type = FIELD_STRING, IN(struct env_var, secret_name, secret_key),
	 .flags = FIELD_REQUIRED, .help = "Key within the secret."},
};
static const struct record secret_record =
	SECTION(struct env_var, secret_name, secret_key, secret, "A secret by reference.");

static const struct field env_fields[] = {
	{.name = "name", .type = FIELD_STRING, AT(struct env_var, name),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY, .help = "Name of the environment variable."},
	{.name = "value", .type = FIELD_STRING, AT(struct env_var, value),
	 .help = "Its value; never a secret."},
	{.name = "secret", .type = FIELD_RECORD, AT(struct env_var, secret_name),
	 .record = &secret_record, .help = "In place of value: a secret by reference."},
};
static const struct schema_rule env_rules[] = {
	{"oneOf", "[{\"required\":[\"value\"]},{\"required\":[\"secret\"]}]"}, {0},
};
const struct record env_record =
	RULED(struct env_var, env, "An environment variable of the model server.");

static const struct field resources_fields[] = {
	{.name = "cpu", .type = FIELD_CPU, IN(struct deployment, cpu_millis, cpu_millis),
	 .help = "CPU of one replica, such as 500m or 2; absent: unlimited. Local replicas: a share "
	         "where processors are short, not a cap."},
	{.name = "memory", .type = FIELD_MEMORY, IN(struct deployment, cpu_millis, memory_bytes),
	 .help = "Memory of one replica, such as 512Mi; absent: unlimited. Local replicas: of each of "
	         "its processes."},
};
const struct record resources_record =
	SECTION(struct deployment, cpu_millis, memory_bytes, resources, "Limits of one replica.");

/* revision has the same two members in the same order */
_Static_assert(offsetof(struct revision, memory_bytes) - offsetof(struct revision, cpu_millis) ==
               offsetof(struct deployment, memory_bytes) - offsetof(struct deployment, cpu_millis),
               "resources_record fits both structs");

static const struct field require_fields[] = {
	{.name = "metric", .type = FIELD_STRING, AT(struct gate_require, metric),
	 .flags = FIELD_REQUIRED | FIELD_NON_EMPTY,
	 .help = "What is measured on the test rows: accuracy, recall, f1, auc, brier, ..."},
	{.name = "class", .type = FIELD_STRING, AT(struct gate_require, class_name),
	 .help = "The class, of a metric that is about one class."},
	{.name = "min", .type = FIELD_AMOUNT, AT(struct gate_require, min),
	 .help = "The bound of its interval must not lie below this; absent: no floor."},
	{.name = "max", .type = FIELD_AMOUNT, AT(struct gate_require, max),
	 .help = "The bound of its interval must not lie above this; absent: no ceiling."},
	{.name = "versusCurrent", .type = FIELD_ENUM, AT(struct gate_require, versus_current),
	 .names = &versus_names,
	 .help = "Compared on the same rows with the version that serves: not-worse or better."},
	{.name = "margin", .type = FIELD_SHARE, AT(struct gate_require, margin), .fallback = "0%",
	 .help = "By how much not-worse may be worse."},
};
const struct record require_record =
	RECORD(struct gate_require, require, "One requirement of a gate.");
