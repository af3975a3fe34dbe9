/* The five kinds as people declare them (the manifests), as plain structs.
 *
 * Everything is borrowed from the arena that the object was decoded into. Absent text is NULL, an
 * absent list has n = 0, an absent object is a NULL pointer, an absent number is NAN (`is_set`),
 * an absent time or duration without a default is -1. Shares are 0..1, durations and times are
 * milliseconds. Defaults are filled in by the decoder, from its field tables. */
#ifndef LINNET_API_KINDS_H
#define LINNET_API_KINDS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/parse.h"

#define API_VERSION "linnet.dev/v1alpha1"
#define is_set(number) (!isnan(number))

enum kind {
	KIND_MODEL,
	KIND_MODEL_VERSION,
	KIND_MODEL_DEPLOYMENT,
	KIND_ENVIRONMENT,
	KIND_GATE_POLICY,
	KINDS
};
extern const struct names kind_names;

struct strings {
	const char **items;
	size_t n;
};
struct pair {
	const char *key, *value;
	bool quoted; /* "5" and not 5; of JSON, a string */
};
struct pairs {
	struct pair *items;
	size_t n;
};

/* Where an object was declared. */
struct source_ref {
	const char *path;
	int line;
};

struct meta {
	const char *name;
	const char *namespace; /* of a ModelDeployment: its Environment; else NULL */
	struct pairs labels;
	struct pairs annotations;
	struct source_ref at;
};

/* ---- Model ---- */

enum layout { LAYOUT_COLUMNS, LAYOUT_MATRIX, LAYOUTS };
extern const struct names layout_names;
/* Types of the Open Inference Protocol v2. */
enum tensor_type {
	TENSOR_BOOL, TENSOR_UINT8, TENSOR_UINT16, TENSOR_UINT32, TENSOR_UINT64, TENSOR_INT8,
	TENSOR_INT16, TENSOR_INT32, TENSOR_INT64, TENSOR_FP16, TENSOR_FP32, TENSOR_FP64,
	TENSOR_BYTES, TENSOR_TYPES
};
extern const struct names tensor_type_names;

struct input_spec {
	const char *name;
	enum tensor_type type;
	double min, max;       /* of numbers; NAN: unbounded */
	struct strings values; /* of BYTES: the closed set; n = 0: any */
	bool nullable;
};
struct output_spec {
	const char *name;
	enum tensor_type type;
	struct strings classes; /* n = 0: regression */
	double min, max;        /* the range of its numbers; NAN both: none is declared */
	const char *scores;     /* name of the second output, or NULL */
};
struct interface_spec {
	enum layout layout;
	struct input_spec *inputs;
	size_t n_inputs;
	struct output_spec output;
};

struct label_share {
	const char *label;
	double min, max;
};
struct data_validation {
	int64_t min_rows;
	double max_missing;
	double max_repeated; /* NAN: any */
	struct label_share *label_share;
	size_t n_label_share;
};
enum data_format { DATA_CSV, DATA_JSONL, DATA_FORMATS };
extern const struct names data_format_names;
#define DATA_ID "id" /* the column of ids, where none is named; it may be absent */
struct data_spec {
	const char *uri;
	enum data_format format;
	const char *label, *id, *time;
	int64_t label_maturity_ms;
	int64_t window_ms; /* -1: all history */
	struct data_validation validate;
};

struct candidate_spec {
	const char *name;
	struct pairs params; /* values as written; JSON types by their YAML style */
};
struct grid_axis {
	const char *name;
	struct strings values;
};
enum split_by { SPLIT_BY_HASH, SPLIT_BY_TIME, SPLIT_BYS };
extern const struct names split_by_names;
struct split_spec {
	double train, validation, test;
	enum split_by by;
	int64_t embargo_ms;
};
enum select_rule { SELECT_SIMPLEST_WITHIN_ONE_SE, SELECT_BEST, SELECT_RULES };
extern const struct names select_rule_names;
struct train_spec {
	struct strings command;
	const char *source; /* folder of the fleet repository, or NULL */
	const char *image;
	int64_t timeout_ms;
	int64_t seed;
	struct candidate_spec *candidates;
	size_t n_candidates;
	struct grid_axis *grid;
	size_t n_grid;
	struct split_spec split;
	int64_t folds; /* 0: no cross-validation */
	const char *select_metric;
	enum select_rule select_rule;
	const char *refit;
	bool early_stopping;
};
struct serve_spec {
	struct strings command;
	const char *source;
	const char *tree; /* of a ModelVersion: the tree id of `source`; else NULL */
	const char *image;
};

enum trigger_kind {
	TRIGGER_FIRST, /* the model has no version yet; never declared */
	TRIGGER_SCHEDULE, TRIGGER_NEW_ROWS, TRIGGER_PERFORMANCE, TRIGGER_DRIFT, TRIGGER_EVENT,
	TRIGGER_SOURCE, TRIGGER_DATA, TRIGGER_KINDS
};
extern const struct names trigger_kind_names;
struct trigger_spec {
	enum trigger_kind kind;
	const char *schedule, *time_zone;
	int64_t new_rows;
	const char *metric;
	double accepted, below; /* shares */
	const char *event;
};

enum level { LEVEL_MANUAL, LEVEL_APPROVE, LEVEL_AUTO, LEVEL_UNSET, LEVELS };
extern const struct names level_names;

enum versus { VERSUS_NONE, VERSUS_NOT_WORSE, VERSUS_BETTER, VERSUSES };
extern const struct names versus_names;
struct gate_require {
	const char *metric, *class_name;
	double min, max;
	enum versus versus_current;
	double margin;
};
struct gates_spec {
	const char *policy;
	struct gate_require *require;
	size_t n_require;
	struct strings slices;
	double reliability;
	int64_t test_uses;
	struct strings command;
};

struct model {
	struct meta meta;
	struct interface_spec interface;
	struct data_spec data;
	struct train_spec *train; /* NULL: versions come from elsewhere */
	struct serve_spec serve;
	struct trigger_spec *triggers;
	size_t n_triggers;
	int64_t cooldown_ms;
	enum level retrain;
	struct gates_spec gates;
	int64_t keep_versions; /* 0: all */
	bool version_tags; /* what is merged gets a tag that GTO reads */
};

/* Predictions are counted by label: by class, and numbers with a range by the nearest of these
 * evenly spaced ones, min and max among them. */
enum { NUMBER_LABELS = 11 };
bool output_is_ranged(const struct output_spec *output);
/* The labels in order; n = 0: what this output predicts is not counted. */
struct strings output_labels(const struct output_spec *output, struct arena *arena);
/* The label of a prediction as the log has it (NULL: no scalar), its revision's `row`th; "" when it
 * is no number. One between two labels counts for either as often as it is near it, evenly over the
 * rows, so that the labels' mean is the numbers'. Outside the range is at its end. */
const char *output_label(const struct output_spec *output, const char *text, uint64_t row,
                         struct arena *arena);

/* Adds what a model takes and gives. The range of the output is no part of it: no answer depends on
 * it, only how far apart two versions are said to be. */
void interface_digest_add(struct digest_stream *stream, const struct interface_spec *interface);
/* Adds what its versions take and give, and the metric that they are chosen by. */
void model_digest_terms(struct digest_stream *stream, const struct model *model);
/* Adds all of a model that its training depends on, beside the data and the source's tree. */
void model_digest_training(struct digest_stream *stream, const struct model *model);

/* ---- ModelVersion ---- */

struct artifact_ref {
	struct digest digest;
	int64_t bytes;   /* -1: unknown */
	const char *uri; /* NULL: in the controller's store */
};
struct named_number {
	const char *name;
	double value;
};
struct candidate_score {
	const char *name;
	double score, standard_error; /* on the validation rows */
};
struct lineage {
	enum trigger_kind trigger;
	const char *why;
	const char *source_tree, *source_commit;
	struct digest data;
	int64_t data_rows, data_from_ms, data_to_ms; /* -1 each when unknown */
	int64_t trained_to_ms; /* of rows divided by time: the newest that was learnt from; else -1 */
	int64_t train_rows, validation_rows, test_rows;
	struct pairs params;
	const char *candidate; /* the chosen one */
	struct candidate_score *candidates;
	size_t n_candidates;
	const char *parent;    /* version name, or NULL */
	const char *run;
	int64_t started_ms, finished_ms;
};
/* One line of the copied verdict; numbers are NAN where they do not apply. */
struct gate_entry {
	const char *name, *verdict;
	double value, low, high, needed;
	const char *why;
};
struct model_version {
	struct meta meta;
	const char *model, *version;
	struct artifact_ref artifact;
	struct serve_spec serve;
	struct lineage *lineage; /* NULL when written by hand */
	struct named_number *metrics_validation, *metrics_test; /* sorted by name */
	size_t n_metrics_validation, n_metrics_test;
	struct named_number *metrics_slices; /* "team=core": the first required metric there */
	size_t n_metrics_slices;
	const char *verdict; /* a copy for reviewers; never admits anything */
	struct digest gate;  /* of the gate that it answers */
	struct gate_entry *entries;
	size_t n_entries;
	struct digest profile, golden;
	int64_t golden_rows;
};

/* ---- ModelDeployment ---- */

struct env_var {
	const char *name;
	const char *value;                    /* or NULL when it is a secret */
	const char *secret_name, *secret_key; /* by reference */
};
struct step_spec {
	double weight; /* share, ascending, the last is 1 */
	int64_t min_requests, min_duration_ms;
	double max_error_ratio;
	bool approval;
};
struct metric_spec {
	const char *name, *prometheus;
	const char *url; /* of Prometheus; NULL: the environment's */
	double max;
};
struct analysis_spec {
	double false_rollback;
	double errors_max, errors_margin;
	double latency_margin;
	int64_t latency_floor_ms; /* answers faster than it are fast enough, whatever stable takes */
	double predictions_max_distance; /* NAN: not watched */
	struct metric_spec *metrics;
	size_t n_metrics;
	int64_t warmup_ms, warmup_requests;
	int64_t no_data_deadline_ms;
};
enum strategy { STRATEGY_CANARY, STRATEGY_RECREATE, STRATEGIES };
extern const struct names strategy_names;
enum inconclusive { INCONCLUSIVE_HOLD, INCONCLUSIVE_PROMOTE, INCONCLUSIVE_ROLLBACK, INCONCLUSIVES };
extern const struct names inconclusive_names;
struct rollout_spec {
	enum strategy strategy;
	struct step_spec *steps;
	size_t n_steps;
	struct analysis_spec analysis;
	enum inconclusive on_inconclusive;
	int64_t deadline_ms, keep_previous_ms;
	int64_t rollback_window;
};
struct ground_truth {
	const char *uri, *id, *label, *time;
};
struct monitor_spec {
	bool log;
	struct ground_truth *ground_truth;
	int64_t drift_window_ms, drift_min_rows; /* window 0: drift is not watched */
	double drift_effect, drift_false_discovery;
	const char *drift_persist;
	const char *performance_metric; /* NULL: performance is not watched */
	int64_t performance_rows;
};
enum alert_action {
	ALERT_NOTIFY, ALERT_PAGE, ALERT_BLOCK, ALERT_FREEZE, ALERT_ROLLBACK, ALERT_ACTIONS
};
extern const struct names alert_action_names;
struct alert_spec {
	const char *name, *when;
	int64_t for_ms;
	enum alert_action action;
};
struct hold_spec {
	const char *reason, *owner;
	int64_t until_ms; /* -1: until it is removed */
};
struct promotion_spec {
	const char *from;
	int64_t soak_ms;
};
struct autoscale_spec {
	int64_t min, max;
	double requests_per_second_per_replica;
};
struct deployment {
	struct meta meta;
	const char *model;
	const char *version; /* NULL is `none`: waits for the first proposal */
	struct promotion_spec *promotion;
	int64_t replicas;
	struct autoscale_spec *autoscale;
	int64_t start_timeout_ms, drain_timeout_ms;
	int64_t cpu_millis, memory_bytes; /* -1: unlimited */
	struct env_var *env;
	size_t n_env;
	struct rollout_spec rollout;
	struct monitor_spec *monitor;
	struct alert_spec *alerts;
	size_t n_alerts;
	struct hold_spec *hold; /* NULL: not held */
};

/* ---- Environment ---- */

enum maturity { MATURITY_MVP, MATURITY_STABLE, MATURITY_MATURE, MATURITIES };
extern const struct names maturity_names;
enum automated { AUTOMATED_PROPOSE, AUTOMATED_STEP, AUTOMATED_REVERT, AUTOMATED_SCALE, AUTOMATEDS };
struct role {
	const char *name;
	struct strings members;
};
enum evidence_kind { EVIDENCE_SIGNATURE, EVIDENCE_MERGE, EVIDENCE_FORGE, EVIDENCE_KINDS };
extern const struct names evidence_kind_names;
struct approvals_spec {
	int64_t required;
	struct strings by;
	struct role *roles;
	size_t n_roles;
	unsigned evidence; /* bits 1 << enum evidence_kind */
	const char *allowed_signers;
	int64_t expire_ms;
};
struct window_spec {
	const char *deny; /* 5-field cron: when it closes */
	int64_t for_ms;
	const char *time_zone;
};
struct notify_spec {
	const char *secret_name, *secret_key;
	struct strings on;
};
struct kubernetes_serving {
	const char *namespace, *gateway, *prometheus;
};
struct environment {
	struct meta meta;
	struct kubernetes_serving *kubernetes; /* NULL: local */
	enum maturity maturity;
	enum level automation[AUTOMATEDS]; /* overrides; LEVEL_UNSET: the preset of `maturity` */
	struct approvals_spec approvals;
	struct strings checklist;
	struct window_spec *windows;
	size_t n_windows;
	struct notify_spec *notify;
	size_t n_notify;
};
/* The level in force: the override, else the preset of API.md's table. */
enum level environment_level(const struct environment *environment, enum automated what);

/* ---- GatePolicy ---- */

struct guard_switch {
	const char *name, *reason; /* a guard that is switched off, and why */
};
struct serving_gate {
	double latency_p95_ms, start_time_ms, memory_bytes, artifact_bytes; /* NAN: not gated */
	const char *scan_report, *scan_severity;
};
struct gate_policy {
	struct meta meta;
	struct gate_require *require;
	size_t n_require;
	struct guard_switch *guards_off;
	size_t n_guards_off;
	struct serving_gate serving;
	int64_t approvals;
};

/* One decoded document. Only the member of `kind` is set. */
struct object {
	enum kind kind;
	union {
		struct meta *meta; /* every kind begins with it */
		struct model *model;
		struct model_version *version;
		struct deployment *deployment;
		struct environment *environment;
		struct gate_policy *policy;
	};
};

#endif
