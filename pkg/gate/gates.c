/* The declared requirements, the budget of test rows, and the verdict of all. */
#include "gate/gates.h"

#include <math.h>
#include <string.h>

#include "gate/gates_parts.h"
#include "stats/paired.h"
#include "stats/proportion.h"

#define RELIABILITY 0.95 /* where none is declared */
#define USES 4

void add_entry(struct judging *judging, const char *name, enum verdict_result verdict,
               const struct measured *measured, double needed, const char *why)
{
	struct gate_entry *entry = list_push(judging->arena, &judging->out.entries,
	                                     &judging->out.n_entries);

	*entry = (struct gate_entry){
		.name = name,
		.verdict = verdict_result_names.names[verdict],
		.value = measured ? measured->value : NAN,
		.low = measured ? measured->low : NAN,
		.high = measured ? measured->high : NAN,
		.needed = needed,
		.why = why,
	};
}

double gate_alpha(const struct gates_spec *gates)
{
	return gates && gates->reliability >= 0.5 && gates->reliability < 1 ? 1 - gates->reliability
	                                                                    : 1 - RELIABILITY;
}

/* ---- min and max ---- */

/* Rows that would tell a value of this kind from the bound; "" when none would. */
static const char *rows_to_tell(struct judging *judging, const struct gate_metric *metric,
                                const struct measured *m, double bound)
{
	double n = NAN, off = fabs(m->value - bound);

	if (metric->is_share && is_set(m->x) && bound > 0 && bound < 1 && off > 0)
		n = proportion_rows(bound, m->value, judging->alpha, GATE_BETA);
	else if (m->se > 0 && off > 0)
		n = m->n * pow((normal_quantile(1 - judging->alpha) + normal_quantile(1 - GATE_BETA)) *
		               m->se / off, 2);
	if (!is_set(n) || n > 1e9 || n <= m->n)
		return "";
	return arena_printf(judging->arena, "; some %s rows would tell",
	                    count_text(judging->arena, ceil(n)));
}

/* The smallest difference from the bound that these rows would show. */
static const char *rows_show(struct judging *judging, const struct measured *m, double bound,
                             int direction)
{
	double seen = is_set(m->x) && bound > 0 && bound < 1
	              ? proportion_detectable(m->n, bound, direction, judging->alpha, GATE_BETA) : NAN;

	return is_set(seen) ? arena_printf(judging->arena, "; these rows can show %s or %s",
	                                   percent_text(judging->arena, seen),
	                                   direction > 0 ? "more" : "less")
	                    : "";
}

const char *bound_name(struct judging *judging, const struct gate_metric *metric, double bound,
                       bool is_min)
{
	return arena_printf(judging->arena, "%s %s %s", metric->text, is_min ? "min" : "max",
	                    metric_text(judging, metric, bound));
}

static void judge_bound(struct judging *judging, const struct gate_metric *metric,
                        const struct measured *m, double bound, bool is_min)
{
	const char *name = bound_name(judging, metric, bound, is_min);
	double near = is_min ? m->low : m->high, far = is_min ? m->high : m->low;
	bool pass = is_min ? near >= bound : near <= bound, fail = is_min ? far < bound : far > bound;
	const char *head, *why;

	if (m->status != STATS_OK) {
		why = arena_printf(judging->arena, "%s cannot be measured: %s", metric->text,
		                   status_text(m->status));
		add_entry(judging, name, VERDICT_INCONCLUSIVE, m, bound, why);
		return;
	}
	head = arena_printf(judging->arena, "%s is %s on %s rows", metric->text,
	                    metric_text(judging, metric, m->value), count_text(judging->arena, m->n));
	if (pass || fail)
		why = arena_printf(judging->arena, "%s and at %s %s with all uncertainty; %s %s is"
		                   " required%s",
		                   head, is_min == pass ? "least" : "most",
		                   metric_text(judging, metric, pass ? near : far),
		                   is_min ? "at least" : "at most", metric_text(judging, metric, bound),
		                   rows_show(judging, m, bound, is_min ? 1 : -1));
	else
		why = arena_printf(judging->arena, "%s but may be as %s as %s; %s %s is required%s", head,
		                   is_min ? "low" : "high", metric_text(judging, metric, near),
		                   is_min ? "at least" : "at most", metric_text(judging, metric, bound),
		                   rows_to_tell(judging, metric, m, bound));
	add_entry(judging, name, pass ? VERDICT_PASS : fail ? VERDICT_FAIL : VERDICT_INCONCLUSIVE, m,
	          bound, why);
}

/* ---- versusCurrent ---- */

/* "1.2 points", or "0.013" */
static const char *gain_text(struct judging *judging, const struct gate_metric *metric,
                             double gain)
{
	return metric->is_share ? arena_printf(judging->arena, "%.1f points", 100 * gain)
	                        : arena_printf(judging->arena, "%.3g", gain);
}

/* What these rows can show, and how many the margin takes. */
static const char *power_text(struct judging *judging, const struct gate_metric *metric,
                              const struct measured *m, double margin)
{
	double z = normal_quantile(1 - judging->alpha) + normal_quantile(1 - GATE_BETA);
	double differ = is_set(m->x) ? m->x / m->n : NAN;
	double seen = differ > 0 ? paired_detectable((int64_t)m->n, differ, judging->alpha, GATE_BETA)
	                         : m->se > 0 ? z * m->se : NAN;
	double rows = !(margin > 0) ? NAN : differ > 0 && margin < differ
	              ? paired_rows(margin, differ, judging->alpha, GATE_BETA)
	              : m->se > 0 ? m->n * pow(z * m->se / margin, 2) : NAN;

	if (!is_set(seen))
		return "";
	if (!is_set(rows))
		return arena_printf(judging->arena, "; these rows show differences from %s",
		                    gain_text(judging, metric, seen));
	return arena_printf(judging->arena, "; these rows show differences from %s, the margin takes"
	                    " some %s", gain_text(judging, metric, seen),
	                    count_text(judging->arena, ceil(rows)));
}

const char *versus_name(struct judging *judging, const struct gate_metric *metric, bool better)
{
	return arena_printf(judging->arena, "%s %s", metric->text,
	                    better ? "better than current" : "not worse than current");
}

double versus_margin(const struct gate_require *require)
{
	return require->versus_current != VERSUS_BETTER && require->margin > 0 ? require->margin : 0;
}

const char *honest_text(struct judging *judging, const char *who)
{
	double seen = rows_seen(judging->rows);

	if (seen > 0)
		return arena_printf(judging->arena, "; %s rows that %s was trained on are left out",
		                    count_text(judging->arena, seen), who);
	return judging->input->incumbent_unknown
	       ? arena_printf(judging->arena, "; on what %s was trained is unknown: rows that it knows"
	                      " can only speak for it", who)
	       : "";
}

static void judge_versus(struct judging *judging, const struct gate_metric *metric,
                         const struct gate_require *require)
{
	bool better = require->versus_current == VERSUS_BETTER;
	double margin = versus_margin(require);
	const char *who = judging->input->incumbent ? judging->input->incumbent : "the current"
	" version";
	const char *name = versus_name(judging, metric, better);
	struct measured m;
	enum verdict_result verdict;
	const char *why;

	if (!judging->rows->incumbent) {
		add_entry(judging, name, VERDICT_NOT_APPLICABLE, NULL, -margin,
		          "no version serves yet, so there is nothing to compare with");
		return;
	}
	m = measure_gain(judging, metric);
	if (m.status != STATS_OK) {
		why = arena_printf(judging->arena, "%s cannot be compared with %s: %s%s", metric->text, who,
		                   status_text(m.status), honest_text(judging, who));
		add_entry(judging, name, VERDICT_INCONCLUSIVE, &m, -margin, why);
		return;
	}
	verdict = m.low > -margin ? VERDICT_PASS
	          : better ? (m.high <= 0 ? VERDICT_FAIL : VERDICT_INCONCLUSIVE)
	                   : (m.high < -margin ? VERDICT_FAIL : VERDICT_INCONCLUSIVE);
	why = arena_printf(judging->arena, "%s is %s %s than with %s on the same %s rows, between %s"
	                   " and %s; %s is required%s%s", metric->text,
	                   gain_text(judging, metric, fabs(m.value)), m.value < 0 ? "worse" : "better",
	                   who, count_text(judging->arena, m.n),
	                   metric->is_share ? arena_printf(judging->arena, "%+.1f", 100 * m.low)
	                                    : arena_printf(judging->arena, "%+.3g", m.low),
	                   metric->is_share ? arena_printf(judging->arena, "%+.1f", 100 * m.high)
	                                    : arena_printf(judging->arena, "%+.3g", m.high),
	                   better ? "surely better"
	                          : arena_printf(judging->arena, "no more than %s worse",
	                                         gain_text(judging, metric, margin)),
	                   power_text(judging, metric, &m, margin), honest_text(judging, who));
	add_entry(judging, name, verdict, &m, -margin, why);
}

/* ---- one requirement ---- */

static void judge_require(struct judging *judging, const struct gate_require *require)
{
	struct gate_metric metric;
	const char *why;
	struct measured m;

	if (!metric_resolve(judging, require, &metric, &why)) {
		add_entry(judging, require->metric, VERDICT_INCONCLUSIVE, NULL, NAN, why);
		return;
	}
	if (is_set(require->min) || is_set(require->max)) {
		m = measure_value(judging, &metric, &judging->rows->candidate);
		if (is_set(require->min))
			judge_bound(judging, &metric, &m, require->min, true);
		if (is_set(require->max))
			judge_bound(judging, &metric, &m, require->max, false);
	}
	if (require->versus_current != VERSUS_NONE)
		judge_versus(judging, &metric, require);
}

/* ---- how often these rows were asked ---- */

static void judge_budget(struct judging *judging)
{
	const struct gates_input *input = judging->input;
	int64_t budget = input->gates && input->gates->test_uses > 0 ? input->gates->test_uses : USES;
	double n = (double)judging->rows->n;
	double radius = n > 0 ? hoeffding_radius(n, judging->alpha, (double)budget, USES_ADAPTIVE, 2)
	                      : NAN;
	struct measured uses = {STATS_OK, (double)input->uses, NAN, NAN, NAN, NAN, n};
	const char *why;

	if (n > 0 && input->uses == 0) {
		add_entry(judging, "test rows", VERDICT_NOT_APPLICABLE, NULL, NAN,
		          "none was read: the guards alone judge by rows that may have trained it");
		return;
	}
	if (n == 0)
		why = "there are no test rows";
	else if (input->uses > budget)
		why = arena_printf(judging->arena, "test rows spent: they were asked %lld times and may be"
		                   " asked %lld times", (long long)input->uses, (long long)budget);
	else
		why = arena_printf(judging->arena, "test %lld of %lld on these %s rows, which buys %s"
		                   " points"
		                   " either way at %s", (long long)input->uses, (long long)budget,
		                   count_text(judging->arena, n),
		                   arena_printf(judging->arena, "%.1f", 100 * radius),
		                   percent_text(judging->arena, 1 - judging->alpha));
	add_entry(judging, "test rows", n > 0 && input->uses <= budget ? VERDICT_PASS
	          : VERDICT_INCONCLUSIVE, &uses, (double)budget, why);
}

static void judge_outside(struct judging *judging)
{
	const struct gates_input *input = judging->input;

	if (input->gates && input->gates->command.n > 0)
		add_entry(judging, "command", input->outside, NULL, NAN,
		          input->outside_why ? input->outside_why : "the outside evaluator says so");
}

/* ---- all together ---- */

/* The worst first. */
static const enum verdict_result precedence[] = {VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_PASS,
                                                 VERDICT_NOT_APPLICABLE};
_Static_assert(ARRAY_LEN(precedence) == VERDICT_RESULTS, "a place for each verdict");

/* That a model tells nothing apart explains whatever else is bad about it. */
static bool explains(const struct gate_entry *entry, enum verdict_result result)
{
	return result == VERDICT_FAIL && (!strcmp(entry->name, "guard beats-baseline") ||
	                                  !strcmp(entry->name, "guard every-class-predicted"));
}

static size_t count_of(const struct gates_verdict *out, enum verdict_result result,
                       const struct gate_entry **first)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n_entries; i++) {
		if (strcmp(out->entries[i].verdict, verdict_result_names.names[result]))
			continue;
		if (n++ == 0 || (explains(&out->entries[i], result) && !explains(*first, result)))
			*first = &out->entries[i];
	}
	return n;
}

static void conclude(struct judging *judging)
{
	struct gates_verdict *out = &judging->out;
	const struct gate_entry *first = NULL;
	size_t n = 0, i = 0;

	while (i < ARRAY_LEN(precedence) && (n = count_of(out, precedence[i], &first)) == 0)
		i++;
	out->result = n > 0 ? precedence[i] : VERDICT_NOT_APPLICABLE;
	if (n == 0)
		out->why = "no gate is declared";
	else if (out->result == VERDICT_PASS)
		out->why = arena_printf(judging->arena, "all %zu gates hold: %s", n, first->why);
	else if (n > 1)
		out->why = arena_printf(judging->arena, "%s; and %zu more", first->why, n - 1);
	else
		out->why = first->why;
}

struct gates_verdict gates_judge(const struct gates_input *input, struct arena *arena)
{
	static const struct strings none;
	struct gates_input whole = *input;
	struct judging judging = {.input = &whole, .rows = &whole.rows, .arena = arena,
	                          .alpha = gate_alpha(input->gates)};

	if (!whole.rows.classes)
		whole.rows.classes = &none;
	for (size_t i = 0; input->gates && i < input->gates->n_require; i++)
		judge_require(&judging, &input->gates->require[i]);
	for (size_t i = 0; input->policy && i < input->policy->n_require; i++)
		judge_require(&judging, &input->policy->require[i]);
	judge_slices(&judging);
	judge_guards(&judging);
	judge_serving(&judging);
	judge_outside(&judging);
	judge_budget(&judging);
	conclude(&judging);
	return judging.out;
}

#define SHARED_MIN 0.1

static bool shares_rows(const struct ledger_entry *own, const struct ledger_entry *other)
{
	int64_t from = own->from_ms > other->from_ms ? own->from_ms : other->from_ms;
	int64_t to = own->to_ms < other->to_ms ? own->to_ms : other->to_ms;

	if (digest_same(own->rows, other->rows) || own->from_ms < 0 || own->to_ms <= own->from_ms ||
	    other->from_ms < 0 || other->to_ms < other->from_ms)
		return true;
	return (double)(to - from) >= SHARED_MIN * (double)(own->to_ms - own->from_ms);
}

int64_t gate_uses(const struct model_status *status, const char *run)
{
	const struct ledger_entry *own = NULL;
	int64_t uses = 0;

	for (size_t i = 0; i < status->n_ledger; i++)
		if (status->ledger[i].run && !strcmp(status->ledger[i].run, run))
			own = &status->ledger[i];
	for (size_t i = 0; own && i < status->n_ledger; i++)
		uses += !status->ledger[i].same && !status->ledger[i].known &&
		        shares_rows(own, &status->ledger[i]);
	return own ? uses : (int64_t)status->n_ledger + 1;
}
