#include "stats/sequential.h"

#include <math.h>
#include <string.h>

/* An impossible outcome: as good as minus infinity, and can be stored. */
static const double ln_never = -1e9;

/* ---- one e-process ---- */

static const struct grid {
	double factor[E_ALTERNATIVES_MAX]; /* up to the first 0 that is not the last factor */
	size_t n;
	bool absolute; /* a value, else a multiple of the null */
	double most;   /* alternatives above it do not exist */
	bool above;    /* alternatives at or below the null drop out */
} grids[] = {
	[E_RATIO_HARM] = {{1.25, 1.5, 2, 3, 5, 10, 30, 100}, 8, true, INFINITY, true},
	[E_RATIO_NOT_WORSE] = {{.9, .75, .6, .5, .33, .2}, 6, false, INFINITY, false},
	[E_RATIO_SLOWER] = {{1.1, 1.25, 1.5, 2, 3, 5, 10}, 7, true, INFINITY, true},
	[E_LEVEL_HARM] = {{1.25, 1.5, 2, 3, 5, 10, 30}, 7, false, 1, true},
	[E_LEVEL_NOT_WORSE] = {{.9, .75, .6, .5, .33, .2, 0}, 7, false, 1, false},
};
_Static_assert(sizeof(grids) / sizeof(grids[0]) == E_KINDS, "a grid for each kind");

/* Grid of the lower end of the interval, as multiples of the ratio in question. */
static const double interval_up[] = {1.1, 1.25, 1.5, 2, 3, 5, 10, 30};

void e_begin(struct e_process *e, enum e_kind kind, double null)
{
	const struct grid *grid = &grids[kind];

	memset(e, 0, sizeof(*e));
	e->null = null;
	if (!(null > 0 && null < grid->most))
		return;
	for (size_t i = 0; i < grid->n; i++) {
		double alternative = grid->absolute ? grid->factor[i] : grid->factor[i] * null;

		if (alternative <= grid->most && (!grid->above || alternative > null))
			e->alternative[e->n++] = alternative;
	}
}

size_t e_grid(enum e_kind kind)
{
	return grids[kind].n;
}

double e_ln(const struct e_process *e)
{
	return e->n ? logsumexp(e->ln, e->n) - log((double)e->n) : 0;
}

bool tick_counts(const struct tick *tick)
{
	return tick->n_c > 0 && tick->n_s > 0 && tick->x_c >= 0 && tick->x_s >= 0 &&
	       tick->x_c <= tick->n_c && tick->x_s <= tick->n_s && isfinite(tick->n_c + tick->n_s);
}

static void grow(double *ln, double increment, double phi)
{
	*ln = fmax(ln_never, *ln + increment / fmax(1, phi));
}

/* k ln x, where nothing of what cannot happen is no surprise. */
static double times_ln(double k, double x)
{
	return k == 0 ? 0 : k * log(x);
}

void ratio_update(struct e_process *e, const struct tick *tick, double phi)
{
	double bad = tick->x_c + tick->x_s, rho = tick->n_c / (tick->n_c + tick->n_s), ln_null;

	if (!tick_counts(tick) || bad == 0)
		return;
	ln_null = log(1 - rho + rho * e->null);
	for (size_t i = 0; i < e->n; i++) {
		double r = e->alternative[i];

		grow(&e->ln[i],
		     times_ln(tick->x_c, r / e->null) - bad * (log(1 - rho + rho * r) - ln_null), phi);
	}
}

void ratio_update_exact(struct e_process *e, const struct tick *tick, double phi)
{
	int64_t n_c, n_s, bad;
	double ln_null;

	if (!tick_counts(tick) || tick->x_c + tick->x_s == 0)
		return;
	n_c = llround(tick->n_c);
	n_s = llround(tick->n_s);
	bad = llround(tick->x_c + tick->x_s);
	ln_null = hypergeometric_lnmgf(n_c, n_s, bad, e->null);
	for (size_t i = 0; i < e->n; i++) {
		double w = e->alternative[i];

		grow(&e->ln[i],
		     tick->x_c * log(w / e->null) - hypergeometric_lnmgf(n_c, n_s, bad, w) + ln_null, phi);
	}
}

void level_update(struct e_process *e, double n, double x, double phi)
{
	if (!(n > 0 && x >= 0 && x <= n && isfinite(n)))
		return;
	for (size_t i = 0; i < e->n; i++) {
		double p = e->alternative[i];

		grow(&e->ln[i],
		     times_ln(x, p / e->null) + times_ln(n - x, (1 - p) / (1 - e->null)), phi);
	}
}

double practical_margin(double m, double floor, double x_s, double n_s)
{
	return fmax(m, fmin(1 + floor * (n_s + 1) / (x_s + 0.5), 10));
}

double dispersion(const double *bad, const double *requests, size_t replicas, size_t ticks)
{
	double chi_square = 0, freedom = 0;

	for (size_t r = 0; r < replicas; r++) {
		const double *x = bad + r * ticks, *n = requests ? requests + r * ticks : NULL;
		double all_bad = 0, all = 0, live = 0, rate;

		for (size_t t = 0; t < ticks; t++) {
			double size = n ? n[t] : 1;

			all_bad += size > 0 ? x[t] : 0;
			all += size;
			live += size > 0;
		}
		if (all_bad == 0)
			continue;
		rate = all_bad / all;
		freedom += live - 1;
		for (size_t t = 0; t < ticks; t++) {
			double expected = rate * (n ? n[t] : 1);

			if (expected > 0)
				chi_square += (x[t] - expected) * (x[t] - expected) / expected;
		}
	}
	return freedom > 0 ? chi_square / freedom : NAN;
}

double dispersion_factor(double raw)
{
	return isnan(raw) ? 1.3 : fmax(1, 1.3 * raw);
}

/* ---- the interval ---- */

/* How far apart two shares are, as a part of the smaller side. */
static double share_distance(double a, double b)
{
	return fabs(a - b) / fmin(fmin(a, 1 - a), fmin(b, 1 - b));
}

void ratio_history_add(struct ratio_history *history, const struct tick *tick, double phi)
{
	double share = tick->n_c / (tick->n_c + tick->n_s), nearest = INFINITY;
	double bad = (tick->x_c + tick->x_s) / fmax(1, phi);
	size_t at = history->n;

	if (!tick_counts(tick) || bad == 0)
		return;
	history->x_candidate += tick->x_c / fmax(1, phi);
	for (size_t i = 0; i < history->n; i++) {
		double distance = share_distance(history->at[i].share, share);

		if (distance < nearest) {
			nearest = distance;
			at = i;
		}
	}
	if (nearest > 0.02 && history->n < RATIO_SHARES_MAX) {
		at = history->n++;
		history->at[at].share = history->at[at].bad = 0;
	}
	history->at[at].bad += bad;
	history->at[at].share += (share - history->at[at].share) * bad / history->at[at].bad;
}

/* ln e of the hypothesis `ratio` against its multiples by `factors`: falls in `ratio` for factors
 * above 1, rises for those below. */
static double ratio_ln(const struct ratio_history *history, double ratio, const double *factors,
                       size_t n)
{
	double ln[E_ALTERNATIVES_MAX];

	for (size_t j = 0; j < n; j++) {
		ln[j] = history->x_candidate * log(factors[j]);
		for (size_t i = 0; i < history->n; i++) {
			double rho = history->at[i].share, odds = rho * ratio;

			ln[j] -= history->at[i].bad * log1p(odds * (factors[j] - 1) / (1 - rho + odds));
		}
	}
	return logsumexp(ln, n) - log((double)n);
}

struct interval ratio_interval(const struct ratio_history *history, double alpha)
{
	const struct grid *down = &grids[E_RATIO_NOT_WORSE];
	const double *factors[2] = {interval_up, down->factor};
	const size_t n[2] = {sizeof(interval_up) / sizeof(interval_up[0]), down->n};
	const double least = log(1e-9), most = log(1e9);
	double end[2];

	for (int side = 0; side < 2; side++) {
		double low = least, high = most;

		for (int i = 0; i < 100; i++) {
			double middle = (low + high) / 2;
			bool rejected = ratio_ln(history, exp(middle), factors[side], n[side]) >=
			                log(2 / alpha);

			if (rejected == (side == 0))
				low = middle;
			else
				high = middle;
		}
		end[side] = (low + high) / 2;
	}
	return (struct interval){end[0] < least + 1e-6 ? 0 : exp(end[0]),
	                         end[1] > most - 1e-6 ? INFINITY : exp(end[1])};
}

struct ratio_budget ratio_budget(double share, double truth, double null, double base,
                                 double ln_threshold)
{
	double mixed = 1 - share + share * truth, mixed_null = 1 - share + share * null;
	double p = share * truth / mixed, q = share * null / mixed_null;
	double divergence = p * log(p / q) + (1 - p) * log((1 - p) / (1 - q));
	double bad = ln_threshold / divergence;

	return (struct ratio_budget){bad, bad / (base * mixed)};
}

/* ---- several metrics ---- */

double e_mean_ln(const double *ln_e, const double *weights, size_t n)
{
	double top = -INFINITY, sum = 0;

	for (size_t i = 0; i < n; i++)
		top = weights[i] > 0 ? fmax(top, ln_e[i]) : top;
	if (isinf(top))
		return top;
	for (size_t i = 0; i < n; i++)
		if (weights[i] > 0)
			sum += weights[i] * exp(ln_e[i] - top);
	return top + log(sum);
}

size_t e_bh(const double *ln_e, size_t n, double alpha, bool *rejected)
{
	size_t most = 0;

	/* k is the largest number of e-values of at least n / (k alpha). */
	for (size_t k = 1; k <= n; k++) {
		size_t enough = 0;

		for (size_t i = 0; i < n; i++)
			enough += ln_e[i] >= log((double)n / ((double)k * alpha));
		if (enough >= k)
			most = k;
	}
	for (size_t i = 0; i < n; i++)
		rejected[i] = most > 0 && ln_e[i] >= log((double)n / ((double)most * alpha));
	return most;
}

/* ---- latency ---- */

/* Means of a standard normal below p50, and between p50, p75, p90, p95, p99 and above, less the
 * first. */
static const double normal_scores[LATENCY_EDGES + 1] = {
	0, 1.1225473917, 1.7464061658, 2.2451383919, 2.7099720151, 3.4630987811,
};

double shift_scores(const double above[LATENCY_EDGES])
{
	double sum = 0;

	for (size_t k = 0; k < LATENCY_EDGES; k++)
		sum += above[k] * (normal_scores[k + 1] - normal_scores[k]);
	return sum;
}

double shift_squares(const double above[LATENCY_EDGES])
{
	double sum = 0;

	for (size_t k = 0; k < LATENCY_EDGES; k++) {
		double a = normal_scores[k], b = normal_scores[k + 1];

		sum += above[k] * (b * b - a * a);
	}
	return sum;
}

/* Are these counts of one arm? */
static bool above_counts(const double above[LATENCY_EDGES], double n)
{
	for (size_t k = 0; k < LATENCY_EDGES; k++) {
		if (!(above[k] >= 0 && above[k] <= n))
			return false;
		n = above[k];
	}
	return true;
}

void shift_update(struct e_process *e, const struct slow_tick *tick, double phi)
{
	double n = tick->n_c + tick->n_s, ln_most = log(n / tick->n_c);

	if (!(tick->n_c > 0 && tick->n_s > 0 && isfinite(n) && above_counts(tick->c, tick->n_c) &&
	      above_counts(tick->s, tick->n_s)) || tick->c[0] + tick->s[0] == 0)
		return;
	for (size_t i = 0; i < e->n; i++) {
		double ln_w = log(e->alternative[i]), bets = 0, ln_last = 0, last = 1, sum = n;

		for (size_t k = 0; k < LATENCY_EDGES; k++) {
			double ln = fmin(ln_w * normal_scores[k + 1], ln_most), bet = exp(ln);

			bets += tick->c[k] * (ln - ln_last);
			sum += (tick->c[k] + tick->s[k]) * (bet - last);
			ln_last = ln;
			last = bet;
		}
		grow(&e->ln[i], bets - tick->n_c * log(sum / n), phi);
	}
}

double latency_mean_ln(const double ln_e[LATENCY_EDGES])
{
	return e_mean_ln(ln_e, (double[LATENCY_EDGES]){.6, .1, .1, .1, .1}, LATENCY_EDGES);
}

static double slower(const uint64_t *bins, size_t n, size_t edge)
{
	uint64_t sum = 0;

	for (size_t i = edge; i < n; i++)
		sum += bins[i];
	return (double)sum;
}

void latency_begin(struct latency_test *test, const uint64_t *stable, size_t bins)
{
	static const double quantiles[LATENCY_EDGES] = {0.5, 0.75, 0.9, 0.95, 0.99};
	double all = slower(stable, bins, 0);

	memset(test, 0, sizeof(*test));
	if (all == 0 || bins < 2)
		return;
	test->n = LATENCY_EDGES;
	for (size_t k = 0; k < LATENCY_EDGES; k++) {
		double nearest = INFINITY, below = 0;

		for (size_t edge = 1; edge < bins; edge++) {
			below += (double)stable[edge - 1];
			if (fabs(below / all - quantiles[k]) < nearest) {
				nearest = fabs(below / all - quantiles[k]);
				test->edge[k] = edge;
			}
		}
		e_begin(&test->at[k], E_RATIO_SLOWER, 1);
	}
}

void latency_update(struct latency_test *test, const uint64_t *candidate, const uint64_t *stable,
                    size_t bins, size_t shift, double phi)
{
	struct slow_tick tick = {.n_c = slower(candidate, bins, 0), .n_s = slower(stable, bins, 0)};

	for (size_t k = 0; k < test->n; k++) {
		tick.c[k] = slower(candidate, bins, test->edge[k] + shift);
		tick.s[k] = slower(stable, bins, test->edge[k]);
		if (k > 0)
			ratio_update(&test->at[k], &(struct tick){tick.n_c, tick.c[k], tick.n_s, tick.s[k]},
			             phi);
	}
	if (test->n)
		shift_update(&test->at[0], &tick, phi);
}

double latency_ln(const struct latency_test *test)
{
	double ln[LATENCY_EDGES];

	for (size_t k = 0; k < test->n; k++)
		ln[k] = e_ln(&test->at[k]);
	return test->n ? latency_mean_ln(ln) : 0;
}

/* ---- other Bayes factors ---- */

static double lngamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

double dirichlet_ln(const double *counts, const double *theta0, size_t k, double concentration)
{
	double n = 0, ln = lngamma(concentration);

	for (size_t i = 0; i < k; i++) {
		double prior = concentration * theta0[i];

		n += counts[i];
		ln += lngamma(prior + counts[i]) - lngamma(prior) - times_ln(counts[i], theta0[i]);
	}
	return ln - lngamma(concentration + n);
}

double msprt_ln(double n, double difference, double variance, double tau2)
{
	double total = variance + n * tau2;

	return 0.5 * log(variance / total) +
	       n * n * tau2 * difference * difference / (2 * variance * total);
}
