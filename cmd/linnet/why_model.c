/* linnet why MODEL: where its cycle stands, and what its gates said last. */
#include <math.h>
#include <string.h>

#include "gate/gate.h"
#include "view.h"

/* The newest verdict and what it was made from; NULL: there is none. */
struct reasons {
	const struct options *options;
	const struct model_status *status;
	const struct verdict_record *verdict;
	const struct gates_evidence *evidence; /* NULL: it was made from no predictions */
	const struct ledger_entry *rows;       /* its use of test rows, or NULL */
};

static struct reasons find_reasons(const struct options *options,
                                   const struct model_status *status)
{
	struct reasons reasons = {.options = options, .status = status};

	if (!status->n_verdicts)
		return reasons;
	reasons.verdict = &status->verdicts[0];
	if (status->decided && digest_same(status->decided->key, reasons.verdict->key))
		reasons.evidence = status->decided;
	for (size_t i = status->n_ledger; i-- > 0;) /* the newest stands first */
		if (digest_same(status->ledger[i].rows, reasons.verdict->rows))
			reasons.rows = &status->ledger[i];
	return reasons;
}

static const char *colour_of(const char *verdict)
{
	return !strcmp(verdict, "PASS") ? "32" : !strcmp(verdict, "FAIL") ? "31" : "33";
}

static void put_rows(const struct ledger_entry *rows)
{
	char from[TIME_TEXT], to[TIME_TEXT];

	printf(" on %lld %srows", (long long)rows->n_rows, rows->known ? "" : "test ");
	if (rows->from_ms < 0 || rows->to_ms < 0)
		return;
	format_time(rows->from_ms, from);
	format_time(rows->to_ms, to);
	printf(" of %s to %s", from, to);
}

/* The worst first, in each kind as they were judged. */
static void put_entries(const struct reasons *reasons)
{
	static const enum verdict_result order[] = {
		VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_PASS, VERDICT_NOT_APPLICABLE,
	};
	_Static_assert(ARRAY_LEN(order) == VERDICT_RESULTS, "a place for each");
	const struct gates_evidence *evidence = reasons->evidence;

	for (size_t kind = 0; kind < ARRAY_LEN(order); kind++)
		for (size_t i = 0; i < evidence->n_entries; i++) {
			const struct gate_entry *entry = &evidence->entries[i];
			const char *verdict = entry->verdict ? entry->verdict : "";

			if (strcmp(verdict, verdict_result_names.names[order[kind]]))
				continue;
			printf("  ");
			put_coloured(reasons->options, colour_of(verdict),
			             arena_printf(reasons->options->arena, "%-14s", verdict));
			printf(" %s\n  %-14s %s\n", entry->name, "", entry->why ? entry->why : "");
		}
}

static void put_verdict(const struct reasons *reasons)
{
	const struct verdict_record *verdict = reasons->verdict;
	const struct gates_evidence *evidence = reasons->evidence;
	char at[TIME_TEXT];

	if (!verdict) {
		printf("\nVerdict: no version was evaluated yet.\n");
		return;
	}
	format_time(verdict->at_ms, at);
	printf("\nVerdict at %s: ", at);
	put_coloured(reasons->options, colour_of(verdict_result_names.names[verdict->result]),
	             verdict_result_names.names[verdict->result]);
	printf(", %s", evidence && evidence->version ? evidence->version : "what the run made");
	printf(" (artifact %.10s)", verdict->artifact.hex);
	if (evidence && evidence->incumbent)
		printf(" against %s", evidence->incumbent);
	if (reasons->rows)
		put_rows(reasons->rows);
	printf("\n  %s\n", verdict->why ? verdict->why : "");
	if (evidence && evidence->n_entries) {
		printf("\n");
		put_entries(reasons);
	}
}

/* A version from elsewhere, and what became of its test so far. */
static void put_test(const struct evaluation *evaluation)
{
	char again[TIME_TEXT];

	printf("  tests:  %s", evaluation->version);
	if (evaluation->why)
		printf(", which has failed %d times: %s", evaluation->attempts, evaluation->why);
	if (evaluation->retry_ms >= 0 && evaluation->attempts < GATE_ATTEMPTS) {
		format_time(evaluation->retry_ms, again);
		printf("; again at %s", again);
	}
	printf("\n");
}

static void put_reasons(const struct reasons *reasons)
{
	const struct model_status *status = reasons->status;
	char at[TIME_TEXT];

	format_time(status->phase_since_ms, at);
	put_coloured(reasons->options, "1", arena_printf(reasons->options->arena, "%s: %s",
	             status->name, cycle_phase_names.names[status->phase]));
	printf(" since %s\n", at);
	if (status->trigger_why)
		printf("  cause:  %s: %s\n", trigger_kind_names.names[status->trigger],
		       status->trigger_why);
	if (status->message)
		printf("  %s %s\n", status->phase == CYCLE_IDLE ? "ended: " : "waits: ", status->message);
	if (status->evaluation.version)
		put_test(&status->evaluation);
	if (status->n_history) {
		const struct transition *last = &status->history[0];
		bool is_told = last->why && status->message && !strcmp(last->why, status->message);

		format_time(last->at_ms, at);
		printf("  last:   %s at %s%s%s\n", last->what, at, last->why && !is_told ? ": " : "",
		       last->why && !is_told ? last->why : "");
	}
	put_verdict(reasons);
}

static void write_amount(struct writer *writer, const char *key, double value)
{
	write_key(writer, key);
	write_number(writer, value);
}

static void write_entry(struct writer *writer, const struct gate_entry *entry)
{
	write_map(writer);
	write_member(writer, "name", entry->name);
	write_member(writer, "verdict", entry->verdict);
	write_amount(writer, "value", entry->value);
	write_amount(writer, "low", entry->low);
	write_amount(writer, "high", entry->high);
	write_amount(writer, "needed", entry->needed);
	write_member(writer, "why", entry->why);
	write_map_end(writer);
}

static void write_reasons(struct writer *writer, const void *context)
{
	const struct reasons *reasons = context;
	const struct model_status *status = reasons->status;
	const struct verdict_record *verdict = reasons->verdict;
	const struct gates_evidence *evidence = reasons->evidence;

	write_map(writer);
	write_member(writer, "model", status->name);
	write_member(writer, "phase", cycle_phase_names.names[status->phase]);
	write_time(writer, "since", status->phase_since_ms);
	write_member(writer, "reason", status->reason);
	write_member(writer, "message", status->message);
	write_amount(writer, "attempts", (double)status->attempts);
	write_time(writer, "notBefore", status->retry_ms);
	write_member(writer, "verdict", verdict ? verdict_result_names.names[verdict->result] : NULL);
	write_member(writer, "why", verdict ? verdict->why : NULL);
	write_time(writer, "at", verdict ? verdict->at_ms : -1);
	write_member(writer, "artifact", verdict ? verdict->artifact.hex : NULL);
	write_member(writer, "version", evidence ? evidence->version : NULL);
	write_member(writer, "incumbent", evidence ? evidence->incumbent : NULL);
	write_amount(writer, "rows", reasons->rows ? (double)reasons->rows->n_rows : NAN);
	write_amount(writer, "uses", evidence ? (double)evidence->uses : NAN);
	write_key(writer, "entries");
	write_list(writer);
	for (size_t i = 0; evidence && i < evidence->n_entries; i++)
		write_entry(writer, &evidence->entries[i]);
	write_list_end(writer);
	write_map_end(writer);
}

int why_model(const struct options *options, struct err *err)
{
	struct model_status *models;
	struct status_view view;
	struct reasons reasons;
	size_t n;
	int result;

	if (status_open(&view, options, err))
		return -1;
	result = status_models(&view, options, &models, &n, err);
	status_close(&view);
	if (result)
		return -1;
	if (!n)
		return status_missing(&view, options, err);
	reasons = find_reasons(options, &models[0]);
	if (options->output == OUTPUT_TABLE)
		put_reasons(&reasons);
	else
		put_document(options, write_reasons, &reasons);
	return 0;
}
