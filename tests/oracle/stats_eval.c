/* Evaluates pkg/stats for scipy_check.py: each line of stdin is `name number...`, each line of
 * stdout the results in %.17g. A list is its length and then its numbers. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "stats/confidence.h"
#include "stats/drift.h"
#include "stats/metrics.h"
#include "stats/order.h"
#include "stats/paired.h"
#include "stats/proportion.h"
#include "stats/sequential.h"
#include "stats/special.h"

enum { NUMBERS_MAX = 1 << 16 };

static struct arena arena;
static double in[NUMBERS_MAX];
static double out[NUMBERS_MAX];
static size_t n_in, n_out, position;

static void put(double value)
{
	out[n_out++] = value;
}

static void put_interval(struct interval interval)
{
	put(interval.low);
	put(interval.high);
}

static double next(void)
{
	return position < n_in ? in[position++] : 0;
}

/* The next list: its length, then its numbers; a copy that may be sorted. */
static double *list(size_t *n)
{
	double *x;

	*n = (size_t)next();
	x = arena_array(&arena, *n, double);
	for (size_t i = 0; i < *n; i++)
		x[i] = next();
	return x;
}

static double *sorted_list(size_t *n)
{
	double *x = list(n);

	sort_ascending(x, *n);
	return x;
}

static bool *flags(size_t *n)
{
	double *x = list(n);
	bool *flag = arena_array(&arena, *n, bool);

	for (size_t i = 0; i < *n; i++)
		flag[i] = x[i] != 0;
	return flag;
}

#define ONE(name) \
	static void eval_##name(void) { put(name(in[0])); }
#define TWO(name) \
	static void eval_##name(void) { put(name(in[0], in[1])); }
#define THREE(name) \
	static void eval_##name(void) { put(name(in[0], in[1], in[2])); }
#define COUNTS(name) \
	static void eval_##name(void) \
	{ \
		put(name((int64_t)in[0], (int64_t)in[1], (int64_t)in[2], (int64_t)in[3])); \
	}

ONE(normal_quantile)
ONE(normal_sf)
ONE(kolmogorov_sf)
TWO(lnbeta)
TWO(gamma_cdf)
TWO(gamma_sf)
TWO(chi_square_quantile)
TWO(student_sf)
TWO(student_quantile)
THREE(beta_cdf)
THREE(beta_sf)
THREE(beta_lncdf)
THREE(beta_quantile)
THREE(binomial_lnpmf)
THREE(binomial_cdf)
THREE(binomial_sf)
COUNTS(hypergeometric_lnpmf)
COUNTS(hypergeometric_cdf)
COUNTS(hypergeometric_sf)
COUNTS(fisher_exact)

static void eval_hypergeometric_lnmgf(void)
{
	put(hypergeometric_lnmgf((int64_t)in[0], (int64_t)in[1], (int64_t)in[2], in[3]));
}

static void eval_proportion_wilson(void)
{
	put_interval(proportion_wilson(in[0], in[1], in[2]));
}

static void eval_proportion_exact(void)
{
	put_interval(proportion_exact(in[0], in[1], in[2]));
}

static void eval_mcnemar(void)
{
	int64_t b = (int64_t)in[0], c = (int64_t)in[1];

	put(mcnemar_exact(b, c));
	put(mcnemar_midp(b, c));
	put(mcnemar_better(b, c));
}

static void eval_tango_interval(void)
{
	struct paired_counts pairs = {(int64_t)in[0], (int64_t)in[1], (int64_t)in[2]};

	put_interval(tango_interval(pairs, in[3]));
}

static void eval_samples(void) /* D, exact p, Wasserstein */
{
	size_t n, m;
	double *x = sorted_list(&n), *y = sorted_list(&m), d = ks_distance(x, n, y, m);

	put(d);
	put(ks_exact(d, n, m, &arena));
	put(wasserstein(x, n, y, m));
}

static void eval_homogeneity(void)
{
	size_t k;
	double *a = list(&k), *b = list(&k);
	struct homogeneity h = homogeneity_test(a, b, k, false);

	put(h.chi_square);
	put(h.p);
	put(h.df);
	put(h.v);
}

static void eval_divergences(void)
{
	size_t k;
	double *p = list(&k), *q = list(&k);

	put(kullback_leibler(p, q, k));
	put(jensen_shannon(p, q, k));
	put(hellinger(p, q, k));
}

static void eval_adjust(void) /* correction, then p */
{
	enum correction correction = (enum correction)next();
	size_t n;
	double *p = list(&n);

	adjust_p(correction, p, n, out, &arena);
	n_out = n;
}

static void eval_classes(void) /* classes, truth, predicted */
{
	size_t classes = (size_t)next(), n;
	double *t = list(&n), *p = list(&n);
	uint32_t *truth = arena_array(&arena, n, uint32_t);
	uint32_t *predicted = arena_array(&arena, n, uint32_t);
	uint64_t *counts = arena_array(&arena, classes * classes, uint64_t);
	struct confusion c = {counts, classes};

	for (size_t i = 0; i < n; i++) {
		truth[i] = (uint32_t)t[i];
		predicted[i] = (uint32_t)p[i];
	}
	if (confusion_count(truth, predicted, n, classes, counts) != STATS_OK)
		return;
	put(metric_accuracy(c).value);
	put(metric_balanced_accuracy(c).value);
	put(metric_macro_f1(c).value);
	put(metric_matthews(c).value);
	put(metric_kappa(c).value);
}

static void eval_scores(void) /* flags, scores in [0, 1] */
{
	size_t n;
	bool *y = flags(&n);
	double *score = list(&n);

	put(metric_auc(score, y, n, &arena).value);
	put(metric_pr_auc(score, y, n, &arena).value);
	put(metric_brier(score, y, n).value);
	put(metric_log_loss(score, y, n).value);
}

static void eval_numbers(void) /* q, truth, predicted */
{
	double q = next();
	size_t n;
	double *truth = list(&n), *predicted = list(&n);

	put(metric_mae(truth, predicted, n).value);
	put(metric_rmse(truth, predicted, n).value);
	put(metric_mape(truth, predicted, n).value);
	put(metric_r_squared(truth, predicted, n).value);
	put(metric_pinball(truth, predicted, n, q).value);
}

static void eval_ratio(void) /* kind, null, phi, exact, then ticks of four */
{
	enum e_kind kind = (enum e_kind)next();
	double null = next(), phi = next();
	bool exact = next() != 0;
	struct e_process e;
	size_t n;
	double *x = list(&n);

	e_begin(&e, kind, null);
	for (size_t i = 0; i + 3 < n; i += 4) {
		struct tick tick = {x[i], x[i + 1], x[i + 2], x[i + 3]};

		if (exact)
			ratio_update_exact(&e, &tick, phi);
		else
			ratio_update(&e, &tick, phi);
	}
	put(e_ln(&e));
}

static void eval_share_sequence(void)
{
	put_interval(share_sequence(in[0], in[1], in[2]));
}

static void eval_bernstein(void) /* alpha, values */
{
	struct bernstein b;
	size_t n;
	double *x;

	bernstein_begin(&b, next());
	x = list(&n);
	for (size_t i = 0; i < n; i++)
		bernstein_add(&b, x[i]);
	put_interval(bernstein_interval(&b));
}

#define EVAL(name) {#name, eval_##name}
static const struct {
	const char *name;
	void (*eval)(void);
} evals[] = {
	EVAL(normal_quantile), EVAL(normal_sf), EVAL(kolmogorov_sf), EVAL(lnbeta), EVAL(gamma_cdf),
	EVAL(gamma_sf), EVAL(chi_square_quantile), EVAL(student_sf), EVAL(student_quantile),
	EVAL(beta_cdf), EVAL(beta_sf), EVAL(beta_lncdf), EVAL(beta_quantile), EVAL(binomial_lnpmf),
	EVAL(binomial_cdf), EVAL(binomial_sf), EVAL(hypergeometric_lnpmf), EVAL(hypergeometric_cdf),
	EVAL(hypergeometric_sf), EVAL(hypergeometric_lnmgf), EVAL(fisher_exact),
	EVAL(proportion_wilson), EVAL(proportion_exact), EVAL(mcnemar), EVAL(tango_interval),
	EVAL(samples), EVAL(homogeneity), EVAL(divergences), EVAL(adjust), EVAL(classes), EVAL(scores),
	EVAL(numbers), EVAL(ratio), EVAL(share_sequence), EVAL(bernstein),
};

static void read_numbers(char *text)
{
	n_in = n_out = position = 0;
	for (char *end; n_in < NUMBERS_MAX; text = end) {
		double value = strtod(text, &end);

		if (end == text)
			break;
		in[n_in++] = value;
	}
}

int main(void)
{
	static char line[NUMBERS_MAX * 25];

	arena_init(&arena, 256 << 20);
	while (fgets(line, sizeof(line), stdin)) {
		char *space = strchr(line, ' ');

		arena_reset(&arena);
		if (!space)
			return 1;
		*space = '\0';
		read_numbers(space + 1);
		for (size_t i = 0; i < ARRAY_LEN(evals); i++)
			if (strcmp(evals[i].name, line) == 0)
				evals[i].eval();
		for (size_t i = 0; i < n_out; i++)
			printf(i ? " %.17g" : "%.17g", out[i]);
		printf("\n");
	}
	arena_deinit(&arena);
	return 0;
}
