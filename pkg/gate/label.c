/* Predictions by label: what the prediction logs say of both arms, and how far they are apart
 * (STATISTICS.md, section 3). Equality is never the hypothesis: an honest retrained model predicts
 * a little differently. Numbers are counted by labels in order: only what "apart" means differs. */
#include "gate/arm.h"

#include <string.h>

#include "gate/gate.h"
#include "stats/confidence.h"

#define SHARE_LABELS 0.2 /* of falseRollback */
#define MISTAKEN_STEP 0.05
#define SHOWN_ALPHA 0.05

bool labels_watched(const struct analysis_spec *analysis)
{
	return analysis->predictions_max_distance >= 0 && analysis->predictions_max_distance <= 1;
}

/* ---- folding ---- */

static bool same_labels(const struct evidence *evidence, const struct strings *labels,
                        bool numbers)
{
	if (evidence->n_predicted != labels->n + 1 || evidence->predicted_numbers != numbers)
		return false;
	for (size_t k = 0; k < labels->n; k++)
		if (strcmp(evidence->predicted[k].label, labels->items[k]) != 0)
			return false;
	return true;
}

static void begin_labels(struct evidence *evidence, const struct strings *labels, bool numbers,
                         struct arena *arena)
{
	evidence->predicted_numbers = numbers;
	evidence->n_predicted = labels->n + 1;
	evidence->predicted = arena_array(arena, labels->n + 1, struct predicted);
	for (size_t k = 0; k < labels->n; k++)
		evidence->predicted[k].label = labels->items[k];
	evidence->predicted[labels->n].label = "";
	evidence->predicted_ticks = 0;
	evidence->predicted_ms = -1;
}

/* Other evidence may borrow the list: what changes is a copy. */
static struct predicted *own_labels(struct evidence *evidence, struct arena *arena)
{
	if (evidence->n_predicted)
		evidence->predicted = arena_memdup(arena, evidence->predicted,
		                                   evidence->n_predicted * sizeof(struct predicted));
	return evidence->predicted;
}

void labels_start_step(struct evidence *evidence, struct arena *arena)
{
	struct predicted *predicted = own_labels(evidence, arena);

	for (size_t k = 0; k < evidence->n_predicted; k++)
		predicted[k].candidate_at_step = predicted[k].stable_at_step = 0;
}

/* Where the counts of each label stand now, in the order of the evidence. */
static void counts_now(const struct evidence *evidence, const struct observed *observed,
                       uint64_t *candidate, uint64_t *stable)
{
	for (size_t i = 0; i < observed->n_labels; i++) {
		const struct logged_label *count = &observed->labels[i];
		size_t k = 0;

		while (k + 1 < evidence->n_predicted &&
		       strcmp(evidence->predicted[k].label, count->label) != 0)
			k++;
		if (digest_same(count->revision, evidence->revision))
			candidate[k] += count->rows;
		else if (digest_same(count->revision, evidence->stable))
			stable[k] += count->rows;
	}
}

static void add_rows(struct evidence *evidence, const uint64_t *candidate, const uint64_t *stable,
                     double n_stable, int64_t now_ms)
{
	double below = 0, x;

	for (size_t k = 0; k < evidence->n_predicted; k++) {
		struct predicted *p = &evidence->predicted[k];
		uint64_t x_c = candidate[k] - p->last_candidate, x_s = stable[k] - p->last_stable;

		p->candidate += x_c;
		p->candidate_at_step += x_c;
		p->stable += x_s;
		p->stable_at_step += x_s;
		below += (double)x_s;
		x = evidence->predicted_numbers ? below : (double)x_s;
		p->squares += x * x / n_stable;
	}
	evidence->predicted_ticks++;
	evidence->predicted_ms = now_ms;
}

void gate_labels(struct evidence *evidence, const struct observed *observed,
                 const struct deployment_status *history, const struct output_spec *output,
                 int64_t now_ms, struct arena *arena)
{
	struct strings labels = output_labels(output, arena);
	bool numbers = output_is_ranged(output), first = !same_labels(evidence, &labels, numbers);
	uint64_t *candidate = arena_array(arena, labels.n + 1, uint64_t);
	uint64_t *stable = arena_array(arena, labels.n + 1, uint64_t);
	double n_c = 0, n_s = 0;
	bool back = false;

	if (!observed->n_labels || !labels.n || !evidence->revision.hex[0] || !evidence->stable.hex[0])
		return;
	if (first)
		begin_labels(evidence, &labels, numbers, arena);
	counts_now(evidence, observed, candidate, stable);
	for (size_t k = 0; k <= labels.n; k++) {
		const struct predicted *p = &evidence->predicted[k];

		back |= candidate[k] < p->last_candidate || stable[k] < p->last_stable;
		n_c += (double)(candidate[k] - p->last_candidate);
		n_s += (double)(stable[k] - p->last_stable);
	}
	if (n_c == 0 && n_s == 0)
		return;
	own_labels(evidence, arena);
	if (!first && !back && n_c > 0 && n_s > 0 && history->candidate_weight > 0 &&
	    history->stable_weight > 0)
		add_rows(evidence, candidate, stable, n_s, now_ms);
	for (size_t k = 0; k <= labels.n; k++) {
		evidence->predicted[k].last_candidate = candidate[k];
		evidence->predicted[k].last_stable = stable[k];
	}
}

/* ---- judging ---- */

/* The same of numbers, on average over the shares up to each label, which are what is compared.
 * Numbers that move together from tick to tick show in all of these, and little in each label. */
static double numbers_phi(const struct evidence *evidence, double n)
{
	double freedom = evidence->predicted_ticks - 1, below = 0, sum = 0, seen = 0;

	for (size_t k = 0; k < evidence->n_predicted; k++) {
		double share = (below += (double)evidence->predicted[k].stable) / n;

		if (!(share > 0 && share < 1))
			continue;
		seen++;
		sum += (evidence->predicted[k].squares - below * share) / (share * (1 - share) * freedom);
	}
	if (!(freedom >= FREEDOM_MIN && isfinite(sum)))
		return NAN;
	return dispersion_factor(seen > 0 ? sum / seen : NAN);
}

/* Rows come in batches that resemble each other: Pearson's chi-square per degree of freedom of the
 * stable arm's labels over ticks. NAN: too little to know. */
static double labels_phi(const struct evidence *evidence)
{
	double n = 0, chi_square = 0, seen = 0, freedom;

	for (size_t k = 0; k < evidence->n_predicted; k++)
		n += (double)evidence->predicted[k].stable;
	if (evidence->predicted_numbers)
		return numbers_phi(evidence, n);
	for (size_t k = 0; k < evidence->n_predicted; k++) {
		double x = (double)evidence->predicted[k].stable;

		if (!(x > 0))
			continue;
		seen++;
		chi_square += n / x * evidence->predicted[k].squares - x;
	}
	freedom = (evidence->predicted_ticks - 1) * fmax(1, seen - 1);
	if (!(freedom >= FREEDOM_MIN && isfinite(chi_square)))
		return NAN;
	return dispersion_factor(seen > 1 ? chi_square / freedom : NAN);
}

/* The counts of both arms: since the step began, else since the rollout did. */
struct shares {
	double *candidate, *stable;
	double n_candidate, n_stable;
	double distance; /* as observed; NAN without rows */
	size_t most;     /* the label that the candidate predicts more often by the most */
};
static struct shares shares_of(const struct evidence *evidence, bool at_step, struct arena *arena)
{
	struct shares s = {.candidate = arena_array(arena, evidence->n_predicted, double),
	                   .stable = arena_array(arena, evidence->n_predicted, double)};
	double most = 0, below = 0;

	for (size_t k = 0; k < evidence->n_predicted; k++) {
		const struct predicted *p = &evidence->predicted[k];

		s.candidate[k] = (double)(at_step ? p->candidate_at_step : p->candidate);
		s.stable[k] = (double)(at_step ? p->stable_at_step : p->stable);
		s.n_candidate += s.candidate[k];
		s.n_stable += s.stable[k];
	}
	s.distance = s.n_candidate > 0 && s.n_stable > 0 ? 0 : NAN;
	for (size_t k = 0; k < evidence->n_predicted && !isnan(s.distance); k++) {
		double d = s.candidate[k] / s.n_candidate - s.stable[k] / s.n_stable;

		below += d;
		if (!evidence->predicted_numbers)
			s.distance += fabs(d) / 2;
		else if (k + 1 < evidence->n_predicted)
			s.distance += fabs(below) * number_width(k, evidence->n_predicted);
		s.most = d > most ? k : s.most;
		most = fmax(most, d);
	}
	if (s.distance > 1)
		s.distance = 1;
	return s;
}

static struct interval distance_of(const struct evidence *evidence, const struct shares *s,
                                   double alpha)
{
	return (evidence->predicted_numbers ? number_distance : label_distance)(
		s->candidate, s->stable, evidence->n_predicted, labels_phi(evidence), alpha);
}

static const char *label_text(const struct evidence *evidence, const struct shares *s,
                              struct arena *arena)
{
	const char *label = evidence->predicted[s->most].label;

	if (evidence->predicted_numbers)
		return label[0] ? arena_printf(arena, "about %s", label) : "no number";
	return label[0] ? label : "none of the classes";
}

static const char *distance_text(const struct evidence *evidence, const struct shares *s,
                                 struct arena *arena)
{
	const char *distance = points(arena, s->distance);

	return evidence->predicted_numbers
	       ? arena_printf(arena, "numbers differ by %s %% of their range", distance)
	       : arena_printf(arena, "labels differ by %s %%", distance);
}

/* "predicts High in 71 % of cases, the stable revision in 22 %: labels differ by 49 % [38, 60]" */
static const char *differ_text(const struct evidence *evidence, const struct shares *s,
                               struct arena *arena)
{
	struct interval shown = distance_of(evidence, s, SHOWN_ALPHA);

	return arena_printf(arena, "predicts %s in %s %% of cases, the stable revision in %s %%: "
	                    "%s [%s, %s] on %s and %s predictions", label_text(evidence, s, arena),
	                    points(arena, s->candidate[s->most] / s->n_candidate),
	                    points(arena, s->stable[s->most] / s->n_stable),
	                    distance_text(evidence, s, arena), points(arena, shown.low),
	                    points(arena, shown.high), grouped(arena, s->n_candidate),
	                    grouped(arena, s->n_stable));
}

const char *labels_harm(const struct evidence *evidence, const struct analysis_spec *analysis,
                        struct arena *arena)
{
	double most = analysis->predictions_max_distance;
	struct shares s;

	if (!labels_watched(analysis) || !(analysis->false_rollback > 0) || !evidence->n_predicted)
		return NULL;
	s = shares_of(evidence, false, arena);
	if (!(s.distance > most) || /* which is soon said, and said of nearly all */
	    !(distance_of(evidence, &s, SHARE_LABELS * analysis->false_rollback).low > most))
		return NULL;
	return arena_printf(arena, "%s, above %.3g %%: harm", differ_text(evidence, &s, arena),
	                    100 * most);
}

/* The upper bound of the distance, and before it one that is above it and soon computed. */
static bool surely_below(const struct evidence *evidence, const struct shares *s, double most)
{
	double n = (double)evidence->n_predicted, phi = labels_phi(evidence);
	double radii = share_radius_most(s->n_candidate / phi, MISTAKEN_STEP / (2 * n)) +
	               share_radius_most(s->n_stable / phi, MISTAKEN_STEP / (2 * n));
	double widths = evidence->predicted_numbers ? 2 : n / 2;

	return s->distance < most && (s->distance + widths * radii < most ||
	                              distance_of(evidence, s, MISTAKEN_STEP).high < most);
}

const char *labels_missing(const struct evidence *evidence, const struct analysis_spec *analysis,
                           struct arena *arena)
{
	double most = analysis->predictions_max_distance;
	struct shares s;

	if (!labels_watched(analysis))
		return NULL;
	s = shares_of(evidence, true, arena);
	if (isnan(s.distance))
		return "no predictions of both revisions are in the prediction log";
	if (surely_below(evidence, &s, most))
		return NULL;
	return arena_printf(arena, "%s, not surely below %.3g %%", differ_text(evidence, &s, arena),
	                    100 * most);
}

bool labels_sound(const struct evidence *evidence)
{
	for (size_t k = 0; k < evidence->n_predicted; k++) {
		const struct predicted *p = &evidence->predicted[k];

		if (p->candidate_at_step > p->candidate || p->stable_at_step > p->stable)
			return false;
	}
	return true;
}

bool labels_silent(const struct evidence *evidence, const struct analysis_spec *analysis,
                   int64_t now_ms)
{
	int64_t seen_ms = evidence->n_predicted && evidence->predicted_ms > evidence->since_ms
	                          ? evidence->predicted_ms : evidence->since_ms;

	return labels_watched(analysis) && analysis->no_data_deadline_ms >= 0 &&
	       now_ms - seen_ms > analysis->no_data_deadline_ms;
}

/* ---- for people ---- */

/* How many times the rows of this step, at the shares that they have, show it not worse. */
static double times_missing(const struct evidence *evidence, const struct shares *s, double most,
                            struct arena *arena)
{
	struct shares more = *s;
	double low = 1, high = 1;

	more.candidate = arena_array(arena, evidence->n_predicted, double);
	more.stable = arena_array(arena, evidence->n_predicted, double);
	for (int i = 0; i < 60; i++) {
		double times = low == high ? 2 * high : (low + high) / 2;
		bool found = low < high;

		for (size_t k = 0; k < evidence->n_predicted; k++) {
			more.candidate[k] = times * s->candidate[k];
			more.stable[k] = times * s->stable[k];
		}
		if (distance_of(evidence, &more, MISTAKEN_STEP).high < most)
			high = times;
		else if (found)
			low = times;
		else
			low = high = times;
	}
	return low < high ? high : NAN;
}

void labels_find(struct finding *finding, const struct evidence *evidence,
                 const struct analysis_spec *analysis, struct arena *arena)
{
	double most = analysis->predictions_max_distance, phi = labels_phi(evidence);
	struct shares all = shares_of(evidence, false, arena), s = shares_of(evidence, true, arena);

	finding->limit = most;
	finding->harm_at = finding->bad_candidate = finding->bad_stable = NAN;
	finding->phi = isnan(phi) ? 0 : phi;
	finding->n_candidate = all.n_candidate;
	finding->n_stable = all.n_stable;
	if (isnan(all.distance))
		return;
	finding->label = label_text(evidence, &all, arena);
	finding->numbers = evidence->predicted_numbers;
	finding->candidate = all.candidate[all.most] / all.n_candidate;
	finding->stable = all.stable[all.most] / all.n_stable;
	finding->distance = all.distance;
	finding->shown = distance_of(evidence, &all, SHOWN_ALPHA);
	finding->harm_low = distance_of(evidence, &all, SHARE_LABELS * analysis->false_rollback).low;
	finding->pass_high = distance_of(evidence, &s, MISTAKEN_STEP).high;
	finding->missing = finding->pass_high < most ? 0 : NAN;
	if (s.distance < most && !isnan(phi) && finding->missing != 0)
		finding->missing = ceil((times_missing(evidence, &s, most, arena) - 1) * s.n_candidate);
	finding->result = labels_harm(evidence, analysis, arena)      ? VERDICT_FAIL
	                  : labels_missing(evidence, analysis, arena) ? VERDICT_INCONCLUSIVE
	                                                              : VERDICT_PASS;
}

bool gate_labels_shown(const struct evidence *evidence, const struct analysis_spec *analysis,
                       double candidate, double stable, bool rarest, struct arena *arena)
{
	double most = analysis->predictions_max_distance, *expected;
	struct shares s = shares_of(evidence, false, arena);
	struct interval distance;
	size_t least = 0;

	expected = arena_array(arena, evidence->n_predicted, double);
	for (size_t k = 0; k < evidence->n_predicted; k++) {
		s.stable[k] *= stable / s.n_stable;
		expected[k] = rarest ? 0 : s.stable[k] * candidate / stable;
		if (s.stable[k] > 0 && (!(s.stable[least] > 0) || s.stable[k] < s.stable[least]))
			least = k;
	}
	if (rarest)
		expected[least] = candidate;
	s.candidate = expected;
	distance = distance_of(evidence, &s, rarest ? SHARE_LABELS * analysis->false_rollback
	                                            : MISTAKEN_STEP);
	return rarest ? distance.low > most : distance.high < most;
}
