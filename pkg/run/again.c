/* A verdict made again from what is in the store: nothing is scored. */
#include <string.h>

#include "gate/gate.h"
#include "run/internal.h"

/* Rows and answers of one version, both whole. */
static int read_answers(struct run *run, struct digest rows, int64_t n_rows,
                        struct digest predictions, struct scored *out, struct err *err)
{
	if (store_check(run, rows, "csv", err) || store_check(run, predictions, "csv", err))
		return -1;
	return score_rows(run, NULL, store_path(run->arena, run->spec->store, rows, "csv"), n_rows,
	                  true, store_path(run->arena, run->spec->store, predictions, "csv"), out, err);
}

/* gates.command is not run again: its word is taken as it was recorded. */
static void take_outside(const struct gates_evidence *recorded, struct judged *judged)
{
	for (size_t i = 0; i < recorded->n_entries; i++) {
		const struct gate_entry *entry = &recorded->entries[i];
		int result = strcmp(entry->name, "command")
		             ? -1 : names_find(verdict_result_names, entry->verdict);

		if (result >= 0) {
			judged->outside = (enum verdict_result)result;
			judged->outside_why = entry->why;
		}
	}
}

static int check_identity(const struct again_input *in, struct arena *arena, struct err *err)
{
	const struct verdict_record *verdict = in->verdict;
	struct digest key = gates_key(verdict->subject, verdict->rows, verdict->gate,
	                              verdict->incumbent);

	if (!digest_same(gate_digest(in->model, in->policy, arena), verdict->gate))
		return err_set(err, ERR_STALLED, "other gates are declared there than those that it"
		               " answers");
	if (!digest_same(key, verdict->key) || !digest_same(in->recorded->key, verdict->key))
		return err_set(err, ERR_STALLED, "its key is not that of what it is about: it was judged by"
		               " another version of Linnet, or changed");
	return 0;
}

int run_judge_again(const struct again_input *in, const struct run_world *world,
                    struct arena *arena, struct again *out, struct err *err)
{
	const struct run_spec spec = {.store = in->store};
	struct run run = {.spec = &spec, .world = world, .arena = arena, .model = in->model};
	struct scored candidate = {0}, incumbent = {0};
	struct judged judged = {.scored = &candidate, .policy = in->policy};
	struct gates_evidence evidence = *in->recorded;
	struct gates_verdict verdict;
	int result;

	if (check_identity(in, arena, err))
		return -1;
	take_outside(in->recorded, &judged);
	result = read_answers(&run, in->verdict->rows, in->n_rows, evidence.predictions, &candidate,
	                      err);
	if (!result && evidence.incumbent_predictions.hex[0]) {
		result = read_answers(&run, in->verdict->rows, in->n_rows, evidence.incumbent_predictions,
		                      &incumbent, err);
		judged.incumbent_scored = &incumbent;
	}
	if (!result)
		result = gates_decide(&run, &judged, &evidence, &verdict, err);
	if (!result)
		*out = (struct again){verdict.result, verdict.why, evidence};
	scored_deinit(&candidate);
	scored_deinit(&incumbent);
	return result;
}
