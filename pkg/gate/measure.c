/* A metric of predictions with its bounds, and what the candidate gains over the incumbent. */
#include <math.h>
#include <string.h>

#include "gate/gates_parts.h"
#include "stats/metrics.h"
#include "stats/order.h"
#include "stats/paired.h"
#include "stats/proportion.h"

enum { RESAMPLES = 2000, CALIBRATION_BINS = 10 };
#define MEDIAN 0.5

/* ---- names ---- */

const char *metric_name(enum metric_kind kind)
{
	return metric_infos[kind].name;
}

bool metric_has_class(enum metric_kind kind)
{
	return metric_infos[kind].needs & NEEDS_CLASS;
}

bool metric_is_slow(enum metric_kind kind)
{
	return kind == METRIC_PR_AUC || kind == METRIC_CALIBRATION || kind == METRIC_R_SQUARED;
}

struct gate_metric metric_of(enum metric_kind kind, const char *text)
{
	return (struct gate_metric){.kind = kind, .text = text, .is_loss = metric_infos[kind].is_loss,
	                            .is_share = metric_infos[kind].is_share};
}

/* The class that a metric is about: the declared one; of two, the second. -1 when none is. */
static int class_of(const struct strings *classes, const char *name)
{
	for (size_t k = 0; name && k < classes->n; k++)
		if (!strcmp(classes->items[k], name))
			return (int)k;
	return !name && classes->n == 2 ? 1 : -1;
}

bool metric_resolve(struct judging *judging, const struct gate_require *require,
                    struct gate_metric *out, const char **why)
{
	const struct gate_rows *rows = judging->rows;
	double quantile;
	enum metric_kind kind = metric_parse(require->metric, &quantile);
	int needs, class = 0;

	if (kind == METRIC_KINDS) {
		*why = arena_printf(judging->arena, "there is no metric %s", require->metric);
		return false;
	}
	needs = metric_infos[kind].needs;
	if (kind == METRIC_F1 && !require->class_name && rows->classes->n > 2)
		kind = METRIC_MACRO_F1, needs = NEEDS_CLASSES;
	if (((needs & NEEDS_CLASSES) && rows->classes->n < 2) ||
	    ((needs & NEEDS_NUMBERS) && rows->classes->n > 0)) {
		*why = arena_printf(judging->arena, "%s is no metric of this kind of output",
		                    require->metric);
		return false;
	}
	if ((needs & NEEDS_SCORES) && !rows->candidate.scores) {
		*why = arena_printf(judging->arena, "%s needs scores, and the output has none",
		                    require->metric);
		return false;
	}
	if ((needs & NEEDS_CLASS) && (class = class_of(rows->classes, require->class_name)) < 0) {
		*why = arena_printf(judging->arena, "%s needs the class that it is about",
		                    require->metric);
		return false;
	}
	*out = metric_of(kind, metric_infos[kind].name);
	out->class = (size_t)class;
	out->quantile = quantile;
	if (kind == METRIC_PINBALL && quantile != MEDIAN)
		out->text = arena_printf(judging->arena, "pinball of %g", out->quantile);
	if (needs & NEEDS_CLASS)
		out->text = arena_printf(judging->arena, "%s of %s", metric_infos[kind].name,
		                         rows->classes->items[class]);
	return true;
}

const char *status_text(enum stats_status status)
{
	static const char *const texts[] = {
		[STATS_OK] = "is known",
		[STATS_EMPTY] = "there are no test rows",
		[STATS_NOT_FINITE] = "a prediction is not a finite number",
		[STATS_ONE_CLASS] = "the test rows are of one class",
		[STATS_CONSTANT] = "all values are equal",
		[STATS_UNDEFINED] = "nothing was predicted so, or nothing is so",
		[STATS_RANGE] = "a score is no probability",
	};
	_Static_assert(ARRAY_LEN(texts) == STATS_STATUSES, "a text for each status");

	return texts[status];
}

const char *percent_text(struct arena *arena, double share)
{
	return arena_printf(arena, "%.1f %%", 100 * share);
}

const char *count_text(struct arena *arena, double number)
{
	unsigned long long n = number < 1 ? 0 : number < 1e15 ? (unsigned long long)number
	                                                     : 1000000000000000ULL;
	const char *text = "";

	for (; n >= 1000; n /= 1000)
		text = arena_printf(arena, ",%03llu%s", n % 1000, text);
	return arena_printf(arena, "%llu%s", n, text);
}

const char *metric_text(struct judging *judging, const struct gate_metric *metric, double value)
{
	return metric->is_share ? percent_text(judging->arena, value)
	                        : arena_printf(judging->arena, "%.3g", value);
}

/* ---- what is known of a number ---- */

static struct measured unknown(enum stats_status status)
{
	return (struct measured){status, NAN, NAN, NAN, NAN, NAN, NAN};
}

/* Resampling never leaves what it was given: where it shows no spread at an end, the rule of three
 * does, so that five right answers are no certainty. */
static struct measured from_estimate(struct judging *judging, double value, struct estimate e,
                                     double rows_min, double n)
{
	double widen = rows_min > 0 ? -log(judging->alpha) / rows_min : INFINITY;
	struct measured m = {STATS_OK, value, e.interval.low, e.interval.high, e.se, NAN, n};

	if (!is_set(value) || isinf(value) || !is_set(m.low) || !is_set(m.high))
		return unknown(STATS_UNDEFINED);
	if (m.low >= value)
		m.low = value - widen;
	if (m.high <= value)
		m.high = value + widen;
	return m;
}

static struct bootstrap bootstrap_begin(struct judging *judging, const char *what)
{
	struct bootstrap bootstrap = {.resamples = RESAMPLES, .alpha = 2 * judging->alpha};
	const char *seed = judging->input->seed ? judging->input->seed : "";

	bootstrap.block = judging->rows->by_time ? bootstrap_block(judging->rows->n) : 1;
	random_init(&bootstrap.random, arena_printf(judging->arena, "%s %s", seed, what));
	return bootstrap;
}

struct measured measure_mean(struct judging *judging, const double *values, size_t n)
{
	struct bootstrap bootstrap = bootstrap_begin(judging, "mean");
	double sum = 0;

	if (n == 0)
		return unknown(STATS_EMPTY);
	for (size_t i = 0; i < n; i++) {
		if (!is_set(values[i]) || isinf(values[i]))
			return unknown(STATS_NOT_FINITE);
		sum += values[i];
	}
	return from_estimate(judging, sum / (double)n,
	                     bootstrap_mean(&bootstrap, values, n, judging->arena), (double)n,
	                     (double)n);
}

static struct measured of_share(struct judging *judging, double x, double n)
{
	if (n <= 0)
		return unknown(STATS_UNDEFINED);
	return (struct measured){STATS_OK, x / n, proportion_lower(x, n, judging->alpha),
	                         proportion_upper(x, n, judging->alpha),
	                         sqrt(x / n * (1 - x / n) / n), x, n};
}

/* ---- metrics of the table of truths and predictions ---- */

static double confusion_value(const struct gate_metric *metric, struct confusion c)
{
	switch (metric->kind) {
	case METRIC_ACCURACY:
		return metric_accuracy(c).value;
	case METRIC_BALANCED:
		return metric_balanced_accuracy(c).value;
	case METRIC_MACRO_F1:
		return metric_macro_f1(c).value;
	case METRIC_MATTHEWS:
		return metric_matthews(c).value;
	case METRIC_KAPPA:
		return metric_kappa(c).value;
	case METRIC_PRECISION:
		return metric_precision(c, metric->class).value;
	case METRIC_RECALL:
		return metric_recall(c, metric->class).value;
	case METRIC_F1:
		return metric_f1(c, metric->class).value;
	case METRIC_AUC:
	case METRIC_PR_AUC:
	case METRIC_BRIER:
	case METRIC_LOG_LOSS:
	case METRIC_CALIBRATION:
	case METRIC_MAE:
	case METRIC_RMSE:
	case METRIC_MAPE:
	case METRIC_PINBALL:
	case METRIC_R_SQUARED:
	case METRIC_KINDS:
		break;
	}
	return NAN;
}

/* The tables of one or two predictors, of the rows of a resample. */
struct tables {
	const struct gate_metric *metric;
	size_t classes;
	const uint32_t *truth, *first, *second; /* second: NULL, or what is taken off */
	uint64_t *of_first, *of_second;         /* classes^2 each */
	const uint32_t (*cell)[3];              /* truth, first, second of each cell */
};

static void tables_clear(const struct tables *t)
{
	memset(t->of_first, 0, t->classes * t->classes * sizeof(uint64_t));
	if (t->second)
		memset(t->of_second, 0, t->classes * t->classes * sizeof(uint64_t));
}

static double tables_value(const struct tables *t)
{
	double value = confusion_value(t->metric, (struct confusion){t->of_first, t->classes});

	if (t->second)
		value -= confusion_value(t->metric, (struct confusion){t->of_second, t->classes});
	return value;
}

static double tables_of_rows(const uint32_t *rows, size_t n, const void *context)
{
	const struct tables *t = context;

	tables_clear(t);
	for (size_t i = 0; i < n; i++) {
		size_t truth = t->truth[rows[i]] * t->classes;

		t->of_first[truth + t->first[rows[i]]]++;
		if (t->second)
			t->of_second[truth + t->second[rows[i]]]++;
	}
	return tables_value(t);
}

static double tables_of_cells(const uint64_t *counts, size_t k, const void *context)
{
	const struct tables *t = context;

	tables_clear(t);
	for (size_t i = 0; i < k; i++) {
		t->of_first[t->cell[i][0] * t->classes + t->cell[i][1]] += counts[i];
		if (t->second)
			t->of_second[t->cell[i][0] * t->classes + t->cell[i][2]] += counts[i];
	}
	return tables_value(t);
}

/* Rows of the least class that occurs, times the classes that a mean is over. */
static double least_rows(const struct gate_rows *rows, const struct gate_metric *metric)
{
	size_t classes = rows->classes->n;
	double least = INFINITY;

	if (metric->kind == METRIC_ACCURACY)
		return (double)rows->n;
	for (size_t k = 0; k < classes; k++) {
		double n = 0;

		for (size_t i = 0; i < rows->n; i++)
			n += rows->truth[i] == k;
		if (n > 0 && (metric->kind < METRIC_PRECISION || k == metric->class))
			least = fmin(least, n);
	}
	if (isinf(least))
		return 0;
	return metric->kind == METRIC_BALANCED || metric->kind == METRIC_MACRO_F1
	       ? least * (double)classes : least;
}

/* Rows by the cells of truth, first and second that hold any. */
struct cells {
	size_t k; /* 0: there are too many to be worth it */
	uint64_t *counts;
	uint32_t *of_row;
};

static struct cells find_cells(struct judging *judging, struct tables *t)
{
	enum { CELLS_MAX = 4096 };
	size_t width = t->classes, all = width * width * width, n = judging->rows->n;
	struct cells cells = {0};
	uint32_t (*cell)[3], *place;

	if (all > CELLS_MAX)
		return cells;
	cells.counts = arena_array(judging->arena, all, uint64_t);
	cells.of_row = arena_array(judging->arena, n, uint32_t);
	place = arena_array(judging->arena, all, uint32_t);
	cell = arena_alloc(judging->arena, all * sizeof(*cell));
	for (size_t i = 0; i < n; i++)
		cells.of_row[i] = (uint32_t)((t->truth[i] * width + t->first[i]) * width +
		                             (t->second ? t->second[i] : 0));
	for (size_t i = 0; i < n; i++)
		cells.counts[cells.of_row[i]]++;
	for (size_t i = 0; i < all; i++) {
		if (!cells.counts[i])
			continue;
		cell[cells.k][0] = (uint32_t)(i / (width * width));
		cell[cells.k][1] = (uint32_t)(i / width % width);
		cell[cells.k][2] = (uint32_t)(i % width);
		place[i] = (uint32_t)cells.k;
		cells.counts[cells.k++] = cells.counts[i];
	}
	for (size_t i = 0; i < n; i++)
		cells.of_row[i] = place[cells.of_row[i]];
	t->cell = (const uint32_t (*)[3])cell;
	return cells;
}

/* The way that is the fastest; those of blocks give the same numbers. */
static struct estimate resample_tables(struct judging *judging, struct tables *t,
                                       struct bootstrap *bootstrap)
{
	struct cells cells = find_cells(judging, t);
	size_t n = judging->rows->n;

	if (cells.k && bootstrap->block == 1)
		return bootstrap_cells(bootstrap, cells.counts, cells.k, tables_of_cells, t,
		                       judging->arena);
	if (cells.k && cells.k <= bootstrap->block)
		return bootstrap_cell_blocks(bootstrap, cells.of_row, n, cells.k, tables_of_cells, t,
		                             judging->arena);
	return bootstrap_rows(bootstrap, n, tables_of_rows, t, judging->arena);
}

static struct measured of_tables(struct judging *judging, const struct gate_metric *metric,
                                 const uint32_t *first, const uint32_t *second)
{
	const struct gate_rows *rows = judging->rows;
	size_t n = rows->classes->n;
	struct tables t = {metric, n, rows->truth, first, second,
	                   arena_array(judging->arena, n * n, uint64_t),
	                   arena_array(judging->arena, n * n, uint64_t), NULL};
	struct bootstrap bootstrap = bootstrap_begin(judging, metric->text);
	uint32_t *all = arena_array(judging->arena, rows->n, uint32_t);
	double value;

	for (size_t i = 0; i < rows->n; i++)
		all[i] = (uint32_t)i;
	value = tables_of_rows(all, rows->n, &t);
	return from_estimate(judging, value, resample_tables(judging, &t, &bootstrap),
	                     least_rows(rows, metric), (double)rows->n);
}

/* Accuracy, precision and recall are shares of rows: their bounds are exact. */
static struct measured of_classes(struct judging *judging, const struct gate_metric *metric,
                                  const uint32_t *predicted)
{
	const struct gate_rows *rows = judging->rows;
	double right = 0, truly = 0, said = 0, hit = 0;

	for (size_t i = 0; i < rows->n; i++) {
		right += rows->truth[i] == predicted[i];
		truly += rows->truth[i] == metric->class;
		said += predicted[i] == metric->class;
		hit += rows->truth[i] == metric->class && predicted[i] == metric->class;
	}
	if (metric->kind == METRIC_ACCURACY)
		return of_share(judging, right, (double)rows->n);
	if (metric->kind == METRIC_RECALL)
		return of_share(judging, hit, truly);
	if (metric->kind == METRIC_PRECISION)
		return of_share(judging, hit, said);
	return of_tables(judging, metric, predicted, NULL);
}

/* ---- metrics of scores and numbers: a loss a row, or a statistic of rows ---- */

/* Loss of each row, or NULL when the metric is no mean of losses. */
static double *row_losses(struct judging *judging, const struct gate_metric *metric,
                          const struct gate_predictions *p)
{
	const struct gate_rows *rows = judging->rows;
	double *loss = arena_array(judging->arena, rows->n, double);
	size_t width = p->n_scores;

	for (size_t i = 0; i < rows->n; i++) {
		const double *scores = p->scores ? p->scores + i * width : NULL;
		double truth = rows->truth_number ? rows->truth_number[i] : NAN;
		double off = p->numbers ? p->numbers[i] - truth : NAN, own;

		switch (metric->kind) {
		case METRIC_BRIER: /* of the sum over classes (Brier 1950); of two, of the second */
			for (size_t k = 0; width == rows->classes->n && width > 2 && k < width; k++)
				loss[i] += pow(scores[k] - (rows->truth[i] == k), 2);
			if (width <= 2)
				loss[i] = pow(scores[width - 1] - (rows->truth[i] == 1), 2);
			break;
		case METRIC_LOG_LOSS:
			own = width == 1 ? (rows->truth[i] == 1 ? scores[0] : 1 - scores[0])
			                 : scores[rows->truth[i]];
			loss[i] = own >= 0 && own <= 1 ? -log(fmax(own, 0x1p-52)) : NAN;
			break;
		case METRIC_MAE:
			loss[i] = fabs(off);
			break;
		case METRIC_RMSE:
			loss[i] = off * off;
			break;
		case METRIC_MAPE:
			loss[i] = truth != 0 ? fabs(off / truth) : NAN;
			break;
		case METRIC_PINBALL: /* Koenker and Bassett 1978 */
			loss[i] = off < 0 ? -metric->quantile * off : (1 - metric->quantile) * off;
			break;
		default:
			return NULL;
		}
	}
	return loss;
}

/* r-squared, rmse and calibration of two predictors over the rows of a resample. */
struct sums {
	const struct gate_metric *metric;
	const struct gate_rows *rows;
	const struct gate_predictions *first, *second;
	double *p;
	bool *positive;
};

static double sums_value(const struct sums *s, const struct gate_predictions *p,
                         const uint32_t *rows, size_t n)
{
	double squares = 0, sum = 0, total = 0;

	if (s->metric->kind == METRIC_CALIBRATION) {
		for (size_t i = 0; i < n; i++) {
			size_t at = p->n_scores == 1 ? 0 : s->metric->class;

			s->p[i] = p->scores[rows[i] * p->n_scores + at];
			s->positive[i] = s->rows->truth[rows[i]] == s->metric->class;
		}
		return metric_calibration_error(s->p, s->positive, n, CALIBRATION_BINS).value;
	}
	for (size_t i = 0; i < n; i++) {
		squares += pow(p->numbers[rows[i]] - s->rows->truth_number[rows[i]], 2);
		sum += s->rows->truth_number[rows[i]];
	}
	if (s->metric->kind == METRIC_RMSE)
		return sqrt(squares / (double)n);
	for (size_t i = 0; i < n; i++)
		total += pow(s->rows->truth_number[rows[i]] - sum / (double)n, 2);
	return total > 0 ? 1 - squares / total : NAN;
}

static double sums_of_rows(const uint32_t *rows, size_t n, const void *context)
{
	const struct sums *s = context;
	double value = sums_value(s, s->first, rows, n);

	return s->second ? value - sums_value(s, s->second, rows, n) : value;
}

static struct measured of_sums(struct judging *judging, const struct gate_metric *metric,
                               const struct gate_predictions *first,
                               const struct gate_predictions *second)
{
	size_t n = judging->rows->n;
	struct sums s = {metric, judging->rows, first, second, arena_array(judging->arena, n, double),
	                 arena_array(judging->arena, n, bool)};
	uint32_t *all = arena_array(judging->arena, n, uint32_t);
	struct bootstrap bootstrap = bootstrap_begin(judging, metric->text);
	double value;

	for (size_t i = 0; i < n; i++)
		all[i] = (uint32_t)i;
	value = sums_of_rows(all, n, &s);
	if (!is_set(value) || isinf(value))
		return unknown(STATS_UNDEFINED);
	return from_estimate(judging, value,
	                     bootstrap_rows(&bootstrap, n, sums_of_rows, &s, judging->arena),
	                     (double)n, (double)n);
}

static const double *scores_of(struct judging *judging, const struct gate_metric *metric,
                               const struct gate_predictions *p)
{
	double *scores = arena_array(judging->arena, judging->rows->n, double);
	size_t at = p->n_scores == 1 ? 0 : metric->class;

	for (size_t i = 0; i < judging->rows->n; i++)
		scores[i] = p->scores[i * p->n_scores + at];
	return scores;
}

/* The area under the curve of `first`, or its difference to that of `second`, by DeLong. */
static struct measured of_auc(struct judging *judging, const struct gate_metric *metric,
                              const struct gate_predictions *first,
                              const struct gate_predictions *second)
{
	const struct gate_rows *rows = judging->rows;
	bool *positive = arena_array(judging->arena, rows->n, bool);
	const double *a = scores_of(judging, metric, first);
	const double *b = second ? scores_of(judging, metric, second) : a;
	double z = normal_quantile(1 - judging->alpha), positives = 0, value, se;
	struct delong d;

	for (size_t i = 0; i < rows->n; i++) {
		positive[i] = rows->truth[i] == metric->class;
		positives += positive[i];
	}
	d = delong_test(a, b, positive, rows->n, judging->arena);
	if (d.status != STATS_OK)
		return unknown(d.status);
	value = second ? d.auc[0] - d.auc[1] : d.auc[0];
	se = sqrt(fmax(second ? d.variance_difference : d.variance[0], 0));
	return from_estimate(judging, value,
	                     (struct estimate){value, se, {value - z * se, value + z * se}, 0},
	                     fmin(positives, (double)rows->n - positives), (double)rows->n);
}

/* Average precision over resampled rows: the rows are sorted once, and counted by their place. */
struct precision {
	size_t n;
	uint32_t *place[2];  /* of each row among those of first and second, the best score first */
	bool *positive[2];   /* by place */
	bool *ends[2];       /* the last of equal scores */
	uint32_t *count;     /* by place */
	bool two;
};

static double average_precision(const struct precision *p, int which, const uint32_t *rows,
                                size_t n)
{
	double hits = 0, seen = 0, area = 0, of_group = 0;

	memset(p->count, 0, p->n * sizeof(*p->count));
	for (size_t i = 0; i < n; i++)
		p->count[p->place[which][rows[i]]]++;
	for (size_t i = 0; i < p->n; i++) {
		seen += p->count[i];
		of_group += p->positive[which][i] ? p->count[i] : 0;
		if (!p->ends[which][i])
			continue;
		hits += of_group;
		area += of_group > 0 ? of_group * hits / seen : 0;
		of_group = 0;
	}
	return hits > 0 ? area / hits : NAN;
}

static double precision_of_rows(const uint32_t *rows, size_t n, const void *context)
{
	const struct precision *p = context;
	double value = average_precision(p, 0, rows, n);

	return p->two ? value - average_precision(p, 1, rows, n) : value;
}

static void place_rows(struct judging *judging, struct precision *p, int which,
                       const double *scores, size_t class)
{
	const struct gate_rows *rows = judging->rows;
	const uint32_t *order = sort_order(scores, p->n, judging->arena);

	p->place[which] = arena_array(judging->arena, p->n, uint32_t);
	p->positive[which] = arena_array(judging->arena, p->n, bool);
	p->ends[which] = arena_array(judging->arena, p->n, bool);
	for (size_t i = 0; i < p->n; i++) {
		uint32_t row = order[p->n - 1 - i];

		p->place[which][row] = (uint32_t)i;
		p->positive[which][i] = rows->truth[row] == class;
		p->ends[which][i] = i + 1 == p->n || scores[order[p->n - 2 - i]] != scores[row];
	}
}

static struct measured of_precision(struct judging *judging, const struct gate_metric *metric,
                                    const struct gate_predictions *first,
                                    const struct gate_predictions *second)
{
	size_t n = judging->rows->n;
	struct precision p = {.n = n, .two = second != NULL};
	struct bootstrap bootstrap = bootstrap_begin(judging, metric->text);
	uint32_t *all = arena_array(judging->arena, n, uint32_t);
	const double *a = scores_of(judging, metric, first);
	const double *b = second ? scores_of(judging, metric, second) : NULL;
	double value, positives = 0;

	for (size_t i = 0; i < n; i++) {
		all[i] = (uint32_t)i;
		positives += judging->rows->truth[i] == metric->class;
		if (!isfinite(a[i]) || (b && !isfinite(b[i])))
			return unknown(STATS_NOT_FINITE);
	}
	p.count = arena_array(judging->arena, n, uint32_t);
	place_rows(judging, &p, 0, a, metric->class);
	if (b)
		place_rows(judging, &p, 1, b, metric->class);
	value = precision_of_rows(all, n, &p);
	if (!is_set(value) || positives == (double)n)
		return unknown(STATS_ONE_CLASS);
	return from_estimate(judging, value,
	                     bootstrap_rows(&bootstrap, n, precision_of_rows, &p, judging->arena),
	                     positives, (double)n);
}

/* ---- both ---- */

static struct measured of_losses(struct judging *judging, const struct gate_metric *metric,
                                 const double *loss)
{
	struct measured m = measure_mean(judging, loss, judging->rows->n);

	if (m.status == STATS_NOT_FINITE && metric->kind == METRIC_MAPE)
		m.status = STATS_UNDEFINED;
	if (m.status == STATS_OK && metric->kind == METRIC_RMSE) { /* keeps the order of resamples */
		m.value = sqrt(m.value);
		m.low = sqrt(fmax(m.low, 0));
		m.high = sqrt(m.high);
	}
	return m;
}

struct measured measure_value(struct judging *judging, const struct gate_metric *metric,
                              const struct gate_predictions *predictions)
{
	const double *loss;

	if (judging->rows->n == 0)
		return unknown(STATS_EMPTY);
	if (metric->kind < METRIC_AUC)
		return of_classes(judging, metric, predictions->classes);
	if (metric->kind == METRIC_AUC)
		return of_auc(judging, metric, predictions, NULL);
	if (metric->kind == METRIC_PR_AUC)
		return of_precision(judging, metric, predictions, NULL);
	loss = row_losses(judging, metric, predictions);
	return loss ? of_losses(judging, metric, loss)
	            : of_sums(judging, metric, predictions, NULL);
}

/* Tango's score interval of the difference of accuracies. */
static struct measured accuracy_gain(struct judging *judging)
{
	const struct gate_rows *rows = judging->rows;
	struct paired_counts pairs = {.n = (int64_t)rows->n};
	double n = (double)rows->n, share;
	struct interval interval;

	for (size_t i = 0; i < rows->n; i++) {
		bool was = rows->incumbent->classes[i] == rows->truth[i];
		bool is = rows->candidate.classes[i] == rows->truth[i];

		pairs.b += was && !is;
		pairs.c += is && !was;
	}
	interval = tango_interval(pairs, 2 * judging->alpha);
	share = (double)(pairs.b + pairs.c) / n; /* x: rows on which one is right and one is wrong */
	return (struct measured){STATS_OK, (double)(pairs.c - pairs.b) / n, interval.low,
	                         interval.high, sqrt(share / n), (double)(pairs.b + pairs.c), n};
}

static struct measured negative(struct measured m)
{
	return (struct measured){m.status, -m.value, -m.high, -m.low, m.se, m.x, m.n};
}

static struct measured gain_on_unseen(struct judging *judging, const struct gate_metric *metric)
{
	const struct gate_rows unseen = rows_unseen(judging);
	struct judging inner = *judging;

	inner.rows = &unseen;
	return measure_gain(&inner, metric);
}

struct measured measure_gain(struct judging *judging, const struct gate_metric *metric)
{
	const struct gate_rows *rows = judging->rows;
	const struct gate_predictions *candidate = &rows->candidate, *incumbent = rows->incumbent;
	struct measured m;
	double *loss, *other;

	if (rows->seen)
		return gain_on_unseen(judging, metric);
	if (rows->n == 0 || !incumbent)
		return unknown(STATS_EMPTY);
	if (metric->kind == METRIC_ACCURACY)
		return accuracy_gain(judging);
	if (metric->kind < METRIC_AUC)
		return of_tables(judging, metric, candidate->classes, incumbent->classes);
	if (rows->classes->n > 0 && (!incumbent->scores || incumbent->n_scores != candidate->n_scores))
		return unknown(STATS_UNDEFINED);
	if (metric->kind == METRIC_AUC)
		return of_auc(judging, metric, candidate, incumbent);
	if (metric->kind == METRIC_PR_AUC)
		return of_precision(judging, metric, candidate, incumbent);
	loss = metric->kind == METRIC_RMSE ? NULL : row_losses(judging, metric, candidate);
	other = loss ? row_losses(judging, metric, incumbent) : NULL;
	for (size_t i = 0; loss && i < rows->n; i++)
		loss[i] -= other[i];
	m = loss ? measure_mean(judging, loss, rows->n)
	         : of_sums(judging, metric, candidate, incumbent);
	return metric->is_loss ? negative(m) : m;
}
