/* The names of every closed vocabulary, as the manifests and the status write them. An empty name
 * is "not said": it is never written, and no document can say it. */
#include <assert.h>

#include "api/desired.h"
#include "api/plan.h"

#define VOCABULARY(vocabulary, count)                                               \
	static_assert(ARRAY_LEN(vocabulary##_table) == (count), "a name for each value"); \
	const struct names vocabulary##_names = {vocabulary##_table, (count)}

static const char *const kind_table[] = {
	[KIND_MODEL] = "Model",
	[KIND_MODEL_VERSION] = "ModelVersion",
	[KIND_MODEL_DEPLOYMENT] = "ModelDeployment",
	[KIND_ENVIRONMENT] = "Environment",
	[KIND_GATE_POLICY] = "GatePolicy",
};
VOCABULARY(kind, KINDS);

static const char *const layout_table[] = {
	[LAYOUT_COLUMNS] = "columns",
	[LAYOUT_MATRIX] = "matrix",
};
VOCABULARY(layout, LAYOUTS);

static const char *const tensor_type_table[] = {
	[TENSOR_BOOL] = "BOOL",     [TENSOR_UINT8] = "UINT8", [TENSOR_UINT16] = "UINT16",
	[TENSOR_UINT32] = "UINT32", [TENSOR_UINT64] = "UINT64", [TENSOR_INT8] = "INT8",
	[TENSOR_INT16] = "INT16",   [TENSOR_INT32] = "INT32", [TENSOR_INT64] = "INT64",
	[TENSOR_FP16] = "FP16",     [TENSOR_FP32] = "FP32",   [TENSOR_FP64] = "FP64",
	[TENSOR_BYTES] = "BYTES",
};
VOCABULARY(tensor_type, TENSOR_TYPES);

static const char *const data_format_table[] = {
	[DATA_CSV] = "csv",
	[DATA_JSONL] = "jsonl",
};
VOCABULARY(data_format, DATA_FORMATS);

static const char *const split_by_table[] = {
	[SPLIT_BY_HASH] = "hash",
	[SPLIT_BY_TIME] = "time",
};
VOCABULARY(split_by, SPLIT_BYS);

static const char *const select_rule_table[] = {
	[SELECT_SIMPLEST_WITHIN_ONE_SE] = "simplest-within-one-standard-error",
	[SELECT_BEST] = "best",
};
VOCABULARY(select_rule, SELECT_RULES);

static const char *const trigger_kind_table[] = {
	[TRIGGER_FIRST] = "first",
	[TRIGGER_SCHEDULE] = "schedule",
	[TRIGGER_NEW_ROWS] = "newRows",
	[TRIGGER_PERFORMANCE] = "performance",
	[TRIGGER_DRIFT] = "drift",
	[TRIGGER_EVENT] = "event",
	[TRIGGER_SOURCE] = "source",
	[TRIGGER_DATA] = "data",
};
VOCABULARY(trigger_kind, TRIGGER_KINDS);

static const char *const level_table[] = {
	[LEVEL_MANUAL] = "manual",
	[LEVEL_APPROVE] = "approve",
	[LEVEL_AUTO] = "auto",
	[LEVEL_UNSET] = "",
};
VOCABULARY(level, LEVELS);

static const char *const versus_table[] = {
	[VERSUS_NONE] = "",
	[VERSUS_NOT_WORSE] = "not-worse",
	[VERSUS_BETTER] = "better",
};
VOCABULARY(versus, VERSUSES);

static const char *const strategy_table[] = {
	[STRATEGY_CANARY] = "canary",
	[STRATEGY_RECREATE] = "recreate",
};
VOCABULARY(strategy, STRATEGIES);

static const char *const inconclusive_table[] = {
	[INCONCLUSIVE_HOLD] = "hold",
	[INCONCLUSIVE_PROMOTE] = "promote",
	[INCONCLUSIVE_ROLLBACK] = "rollback",
};
VOCABULARY(inconclusive, INCONCLUSIVES);

static const char *const alert_action_table[] = {
	[ALERT_NOTIFY] = "notify",
	[ALERT_PAGE] = "page",
	[ALERT_BLOCK] = "block",
	[ALERT_FREEZE] = "freeze",
	[ALERT_ROLLBACK] = "rollback",
};
VOCABULARY(alert_action, ALERT_ACTIONS);

static const char *const maturity_table[] = {
	[MATURITY_MVP] = "mvp",
	[MATURITY_STABLE] = "stable",
	[MATURITY_MATURE] = "mature",
};
VOCABULARY(maturity, MATURITIES);

static const char *const evidence_kind_table[] = {
	[EVIDENCE_SIGNATURE] = "signature",
	[EVIDENCE_MERGE] = "merge",
	[EVIDENCE_FORGE] = "forge",
};
VOCABULARY(evidence_kind, EVIDENCE_KINDS);

static const char *const request_verb_table[] = {
	[REQUEST_APPROVE] = "approve",
	[REQUEST_REJECT] = "reject",
	[REQUEST_ROLLBACK] = "rollback",
	[REQUEST_RETRY] = "retry",
	[REQUEST_KICK] = "kick",
	[REQUEST_RESTART] = "restart",
	[REQUEST_ACCEPT_REWIND] = "accept-rewind",
};
VOCABULARY(request_verb, REQUEST_VERBS);

static const char *const replica_state_table[] = {
	[REPLICA_ABSENT] = "absent",
	[REPLICA_STARTING] = "starting",
	[REPLICA_READY] = "ready",
	[REPLICA_DRAINING] = "draining",
	[REPLICA_EXITED] = "exited",
};
VOCABULARY(replica_state, REPLICA_STATES);

static const char *const phase_table[] = {
	[PHASE_STEADY] = "Steady",
	[PHASE_VERIFYING] = "Verifying",
	[PHASE_WAITING] = "Waiting",
	[PHASE_PROVISIONING] = "Provisioning",
	[PHASE_CHECKING] = "Checking",
	[PHASE_CANARY] = "Canary",
	[PHASE_PROMOTING] = "Promoting",
	[PHASE_ROLLING_BACK] = "RollingBack",
	[PHASE_ROLLED_BACK] = "RolledBack",
	[PHASE_RETIRING] = "Retiring",
	[PHASE_STALLED] = "Stalled",
};
VOCABULARY(phase, PHASES);

static const char *const condition_type_table[] = {
	[CONDITION_READY] = "Ready",
	[CONDITION_SYNCED] = "Synced",
	[CONDITION_HEALTHY] = "Healthy",
	[CONDITION_QUALITY] = "Quality",
	[CONDITION_RECONCILING] = "Reconciling",
	[CONDITION_STALLED] = "Stalled",
};
VOCABULARY(condition_type, CONDITION_TYPES);

static const char *const truth_table[] = {
	[TRUTH_FALSE] = "False",
	[TRUTH_TRUE] = "True",
	[TRUTH_UNKNOWN] = "Unknown",
};
VOCABULARY(truth, TRUTHS);

static const char *const verdict_result_table[] = {
	[VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
	[VERDICT_PASS] = "PASS",
	[VERDICT_FAIL] = "FAIL",
	[VERDICT_NOT_APPLICABLE] = "NOT_APPLICABLE",
};
VOCABULARY(verdict_result, VERDICT_RESULTS);

static const char *const proposal_state_table[] = {
	[PROPOSAL_NONE] = "none",
	[PROPOSAL_WANTED] = "wanted",
	[PROPOSAL_WAITING] = "waiting",
	[PROPOSAL_MERGED] = "merged",
	[PROPOSAL_REFUSED] = "refused",
	[PROPOSAL_DROPPED] = "dropped",
};
VOCABULARY(proposal_state, PROPOSAL_STATES);

static const char *const cycle_phase_table[] = {
	[CYCLE_IDLE] = "Idle",
	[CYCLE_DUE] = "Due",
	[CYCLE_WAITING] = "Waiting",
	[CYCLE_RUNNING] = "Running",
	[CYCLE_EVALUATING] = "Evaluating",
	[CYCLE_PROPOSING] = "Proposing",
	[CYCLE_PROPOSED] = "Proposed",
	[CYCLE_STALLED] = "Stalled",
};
VOCABULARY(cycle_phase, CYCLE_PHASES);

static const char *const action_kind_table[] = {
	[ACTION_SET_WEIGHTS] = "set-weights",
	[ACTION_STOP_REPLICA] = "stop-replica",
	[ACTION_PREPARE] = "prepare",
	[ACTION_START_REPLICA] = "start-replica",
	[ACTION_CHECK] = "check",
	[ACTION_DROP] = "drop",
	[ACTION_PROPOSE] = "propose",
	[ACTION_TRAIN] = "train",
	[ACTION_EVALUATE] = "evaluate",
	[ACTION_CANCEL_RUN] = "cancel-run",
};
VOCABULARY(action_kind, ACTION_KINDS);
