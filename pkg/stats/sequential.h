/* Tests of a canary that stay valid however often one looks.
 *
 * An e-process has mean at most 1 under its hypothesis at any time at which one may stop, so
 * that it exceeds 1/alpha ever with probability at most alpha (Ville 1939). All are mixtures
 * of likelihood ratios over a few alternatives of equal prior, kept as logarithms, one double
 * each. */
#ifndef LINNET_STATS_SEQUENTIAL_H
#define LINNET_STATS_SEQUENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/special.h"

enum {
	E_ALTERNATIVES_MAX = 8,
	RATIO_SHARES_MAX = 24,
	LATENCY_EDGES = 5,
};

/* What is tested, and against which alternatives. */
enum e_kind {
	E_RATIO_HARM,      /* rate ratio r <= null, against larger r of a fixed grid */
	E_RATIO_NOT_WORSE, /* r >= null, against parts of it */
	E_RATIO_SLOWER,    /* as harm, with the finer grid for latency */
	E_LEVEL_HARM,      /* rate p <= null, against multiples of it up to 1 */
	E_LEVEL_NOT_WORSE, /* p >= null, against parts of it down to 0 */
	E_KINDS
};

/* Evidence as a value; stored as it is. Every ln[i] is finite and the log of a likelihood ratio. */
struct e_process {
	double null; /* a ratio > 0, or a rate in (0, 1) */
	size_t n;    /* alternatives; 0 when none is left: then nothing is ever shown */
	double alternative[E_ALTERNATIVES_MAX];
	double ln[E_ALTERNATIVES_MAX];
};

void e_begin(struct e_process *e, enum e_kind kind, double null);
/* Size of the whole grid of a kind. Those that drop out are its first, where they are above the
 * null, else its last. */
size_t e_grid(enum e_kind kind);
/* ln of the e-value: reject when it is >= ln(1/alpha). */
double e_ln(const struct e_process *e);

/* Requests and bad events of both arms since the tick before. */
struct tick {
	double n_c, x_c; /* candidate */
	double n_s, x_s; /* stable */
};
/* Both arms took requests and no count is negative, above its requests or not finite. Every update
 * drops other ticks: no data is no evidence. */
bool tick_counts(const struct tick *tick);

/* E_RATIO_*: given the bad events of a tick, the candidate's share of them is binomial with
 * odds r rho / (1 - rho), rho its share of requests (Lindon and Malek 2022). phi >= 1 is over-
 * dispersion: increments are divided by it. */
void ratio_update(struct e_process *e, const struct tick *tick, double phi);
/* The same with the exact hypergeometric law of whole counts, r an odds ratio: for high base rates,
 * where the binomial is needlessly wide. */
void ratio_update_exact(struct e_process *e, const struct tick *tick, double phi);
/* E_LEVEL_*: x of n requests of one arm. */
void level_update(struct e_process *e, double n, double x, double phi);

/* m_eff = max(m, min(1 + floor / p_s, 10)), p_s = (x_s + 1/2) / (n_s + 1) from before the
 * rollout: a doubled error rate of next to nothing harms nobody. */
double practical_margin(double m, double floor, double x_s, double n_s);

/* Raw over-dispersion of bad events: Pearson chi-square per degree of freedom over replicas
 * and ticks, each replica at its own rate; bad[r * ticks + t], requests likewise or NULL for
 * equal ones. Ticks without requests do not count. NAN when there is no degree of freedom:
 * nothing to estimate from. */
double dispersion(const double *bad, const double *requests, size_t replicas, size_t ticks);
/* phi = max(1, 1.3 raw); 1.3 when raw is NAN. */
double dispersion_factor(double raw);

/* ---- the interval that people are shown ---- */

/* Bad events by the candidate's share of requests: ticks of (nearly) equal shares are one entry. */
struct ratio_history {
	double x_candidate;
	size_t n;
	struct {
		double share; /* in (0, 1), mean over `bad` */
		double bad;   /* of both arms */
	} at[RATIO_SHARES_MAX];
};
void ratio_history_add(struct ratio_history *history, const struct tick *tick, double phi);
/* Anytime-valid 1 - alpha interval of the ratio: both tests inverted at alpha / 2 each. [0,
 * INFINITY] without evidence. */
struct interval ratio_interval(const struct ratio_history *history, double alpha);

/* What a test needs on average: the Kullback-Leibler divergence per bad event (Wald 1945). */
struct ratio_budget {
	double bad;      /* bad events of both arms */
	double requests; /* of both arms */
};
/* `share` of requests to the candidate; the ratio is `truth`, the hypothesis `null`; `base`
 * the stable rate; ln_threshold = ln(1/alpha), with ln(alternatives) added for the mixture's
 * cost. */
struct ratio_budget ratio_budget(double share, double truth, double null, double base,
                                 double ln_threshold);

/* ---- several metrics ---- */

/* ln of the weighted mean of e-values, valid under any dependence; weights sum to at most 1. */
double e_mean_ln(const double *ln_e, const double *weights, size_t n);
/* e-BH (Wang and Ramdas 2022): which of n hypotheses fall at false discovery rate alpha.
 * Returns how many; rejected[i] is set for all i. */
size_t e_bh(const double *ln_e, size_t n, double alpha, bool *rejected);

/* ---- latency ---- */

/* Timed requests of one tick, and those at or above edges near the stable arm's p50, p75, p90, p95
 * and p99: never more at a later edge. Parts of a request may count: the test is convex in them. */
struct slow_tick {
	double n_c, n_s;
	double c[LATENCY_EDGES], s[LATENCY_EDGES];
};
/* E_RATIO_SLOWER, all answers slower: w to the power of the normal score of where an answer lies
 * between the edges (the mean of a standard normal there, above that of the first; van der Waerden
 * 1952), against its mean over both arms. The candidate's requests are drawn from those of both
 * without replacement, of which drawing with it is the worst case (Hoeffding 1963, theorem 4). No
 * bet is above the inverse of the candidate's share, so that a faster answer never adds to it. */
void shift_update(struct e_process *e, const struct slow_tick *tick, double phi);
/* Sum of the normal scores of requests counted at or above each edge; and of their squares. */
double shift_scores(const double above[LATENCY_EDGES]);
double shift_squares(const double above[LATENCY_EDGES]);
/* ln of the mean of the e-values of latency, .6 to the shift and .1 to each edge but the first,
 * where a tail alone grows: valid under any dependence. */
double latency_mean_ln(const double ln_e[LATENCY_EDGES]);

/* "Slower": as a whole, and than the bin edges nearest the stable arm's quantiles. */
struct latency_test {
	size_t n; /* edges: 0 until the stable arm had requests */
	size_t edge[LATENCY_EDGES]; /* requests in this bin or above are slower */
	struct e_process at[LATENCY_EDGES]; /* the first: of the shift */
};
void latency_begin(struct latency_test *test, const uint64_t *stable, size_t bins);
/* Counts of one tick by bin. A tolerance is `shift` bins of the candidate. */
void latency_update(struct latency_test *test, const uint64_t *candidate, const uint64_t *stable,
                    size_t bins, size_t shift, double phi);
double latency_ln(const struct latency_test *test); /* ln of the e-value */

/* ---- other Bayes factors ---- */

/* ln Bayes factor of counts[k] against shares theta0[k] under a Dirichlet(concentration
 * theta0) prior; an e-process (Lindon and Malek 2022). */
double dirichlet_ln(const double *counts, const double *theta0, size_t k, double concentration);
/* Mixture sequential probability ratio test of equal means: n rows an arm, their difference, the
 * variance of one difference, the prior variance tau2 (Robbins 1970; Johari et al. 2017). */
double msprt_ln(double n, double difference, double variance, double tau2);

#endif
