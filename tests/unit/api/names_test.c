#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/desired.h"
#include "api/plan.h"

#define VOCABULARY(name, count) {#name, &name##_names, (count)}
static const struct {
	const char *name;
	const struct names *names;
	int n;
} vocabularies[] = {
	VOCABULARY(kind, KINDS),
	VOCABULARY(layout, LAYOUTS),
	VOCABULARY(tensor_type, TENSOR_TYPES),
	VOCABULARY(data_format, DATA_FORMATS),
	VOCABULARY(split_by, SPLIT_BYS),
	VOCABULARY(select_rule, SELECT_RULES),
	VOCABULARY(trigger_kind, TRIGGER_KINDS),
	VOCABULARY(level, LEVELS),
	VOCABULARY(versus, VERSUSES),
	VOCABULARY(strategy, STRATEGIES),
	VOCABULARY(inconclusive, INCONCLUSIVES),
	VOCABULARY(alert_action, ALERT_ACTIONS),
	VOCABULARY(maturity, MATURITIES),
	VOCABULARY(evidence_kind, EVIDENCE_KINDS),
	VOCABULARY(request_verb, REQUEST_VERBS),
	VOCABULARY(replica_state, REPLICA_STATES),
	VOCABULARY(phase, PHASES),
	VOCABULARY(condition_type, CONDITION_TYPES),
	VOCABULARY(truth, TRUTHS),
	VOCABULARY(verdict_result, VERDICT_RESULTS),
	VOCABULARY(proposal_state, PROPOSAL_STATES),
	VOCABULARY(cycle_phase, CYCLE_PHASES),
	VOCABULARY(action_kind, ACTION_KINDS),
};

static void every_value_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vocabularies); i++) {
		const struct names *names = vocabularies[i].names;

		assert_int_equal(names->n, vocabularies[i].n);
		for (int k = 0; k < names->n; k++) {
			if (!names->names[k])
				fail_msg("%s: value %d has no name", vocabularies[i].name, k);
			assert_int_equal(names_find(*names, names->names[k]), k);
		}
	}
}

static void the_pages_write_them_so(void **state)
{
	static const struct {
		const struct names *names;
		int value;
		const char *name;
	} cases[] = {
		{&kind_names, KIND_MODEL_DEPLOYMENT, "ModelDeployment"},
		{&layout_names, LAYOUT_COLUMNS, "columns"},
		{&tensor_type_names, TENSOR_FP32, "FP32"},
		{&select_rule_names, SELECT_SIMPLEST_WITHIN_ONE_SE, "simplest-within-one-standard-error"},
		{&trigger_kind_names, TRIGGER_NEW_ROWS, "newRows"},
		{&trigger_kind_names, TRIGGER_DATA, "data"},
		{&level_names, LEVEL_APPROVE, "approve"},
		{&level_names, LEVEL_UNSET, ""},
		{&versus_names, VERSUS_NOT_WORSE, "not-worse"},
		{&strategy_names, STRATEGY_RECREATE, "recreate"},
		{&alert_action_names, ALERT_FREEZE, "freeze"},
		{&request_verb_names, REQUEST_ACCEPT_REWIND, "accept-rewind"},
		{&phase_names, PHASE_ROLLING_BACK, "RollingBack"},
		{&truth_names, TRUTH_FALSE, "False"},
		{&verdict_result_names, VERDICT_NOT_APPLICABLE, "NOT_APPLICABLE"},
		{&proposal_state_names, PROPOSAL_MERGED, "merged"},
		{&cycle_phase_names, CYCLE_PROPOSED, "Proposed"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(cases[i].names->names[cases[i].value], cases[i].name);
}

/* API.md's table, read row by row. */
static void levels_come_from_maturity_unless_said(void **state)
{
	static const enum level table[AUTOMATEDS][MATURITIES] = {
		{LEVEL_MANUAL, LEVEL_APPROVE, LEVEL_AUTO},
		{LEVEL_APPROVE, LEVEL_AUTO, LEVEL_AUTO},
		{LEVEL_APPROVE, LEVEL_APPROVE, LEVEL_AUTO},
		{LEVEL_MANUAL, LEVEL_AUTO, LEVEL_AUTO},
	};

	(void)state;
	for (int what = 0; what < AUTOMATEDS; what++) {
		for (int maturity = 0; maturity < MATURITIES; maturity++) {
			struct environment environment = {.maturity = (enum maturity)maturity};

			for (int i = 0; i < AUTOMATEDS; i++)
				environment.automation[i] = LEVEL_UNSET;
			assert_int_equal(environment_level(&environment, (enum automated)what),
			                 table[what][maturity]);
			environment.automation[what] = LEVEL_MANUAL;
			assert_int_equal(environment_level(&environment, (enum automated)what), LEVEL_MANUAL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_a_name_of_its_own),
		cmocka_unit_test(the_pages_write_them_so),
		cmocka_unit_test(levels_come_from_maturity_unless_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
