#include "stats/oracle.h"

#include "stats/confidence.h"
#include "stats/sequential.h"

/* Events of a tick in which the candidate took the share rho of a million requests. */
static struct tick tick_of(double x_c, double x_s, double rho)
{
	return (struct tick){1e6 * rho, x_c, 1e6 * (1 - rho), x_s};
}

static double ratio_of(enum e_kind kind, double null, double phi, struct tick tick)
{
	struct e_process e;

	e_begin(&e, kind, null);
	ratio_update(&e, &tick, phi);
	return e_ln(&e);
}

static void t1(const struct line *l)
{
	double ln = ratio_of(E_RATIO_HARM, 1, 1, tick_of(at(l, 0), at(l, 1), at(l, 2)));

	CHECK(l, 3, ln);
	CHECK(l, 4, exp(ln));
	assert_true((ln >= log(100)) == (strstr(l->text, "yes") != NULL));
}

/* phases [(6,40,.05),(12,20,.25)], as the section says */
static const struct {
	double x_c, x_s, rho;
} phases[] = {{6, 40, 0.05}, {12, 20, 0.25}};

static void t2_margin(const struct line *l)
{
	struct e_process e;

	e_begin(&e, E_RATIO_HARM, at(l, 0));
	for (int i = 0; i < 2; i++) {
		struct tick tick = tick_of(phases[i].x_c, phases[i].x_s, phases[i].rho);

		ratio_update(&e, &tick, 1);
	}
	CHECK(l, 1, e_ln(&e));
}

static void t2_interval(const struct line *l)
{
	struct ratio_history history = {0};
	struct interval interval;

	for (int i = 0; i < 2; i++) {
		struct tick tick = tick_of(phases[i].x_c, phases[i].x_s, phases[i].rho);

		ratio_history_add(&history, &tick, 1);
	}
	interval = ratio_interval(&history, 1 - at(l, 0) / 100);
	CHECK(l, 1, interval.low);
	CHECK(l, 2, interval.high);
}

static void t3(const struct line *l)
{
	double ln = ratio_of(E_RATIO_NOT_WORSE, at(l, 3), 1, tick_of(at(l, 0), at(l, 1), at(l, 2)));

	CHECK(l, 4, ln);
	assert_true((ln >= log(20)) == (strstr(l->text, "promote") != NULL));
}

static void t4(const struct line *l)
{
	const double counts[2] = {at(l, 0), at(l, 1)}, theta[2] = {at(l, 2), at(l, 3)};

	CHECK(l, 4, dirichlet_ln(counts, theta, 2, 100));
}

static double exact_of(const struct line *l, double odds, bool exact)
{
	struct e_process e = {.null = 1, .n = 1, .alternative = {odds}};
	struct tick tick = {at(l, 0), at(l, 1), at(l, 2), at(l, 3)};

	if (exact)
		ratio_update_exact(&e, &tick, 1);
	else
		ratio_update(&e, &tick, 1);
	return e_ln(&e);
}

static void t6(const struct line *l)
{
	CHECK(l, 4, exact_of(l, 2, true));
	CHECK(l, 5, exact_of(l, 3, true));
	CHECK(l, 6, exact_of(l, 2, false));
}

static void t8(const struct line *l)
{
	struct e_process e;

	e_begin(&e, E_LEVEL_HARM, at(l, 2));
	level_update(&e, at(l, 1), at(l, 0), 1);
	CHECK(l, 3, e_ln(&e));
}

static void t9(const struct line *l)
{
	double constant = dkw_constant(at(l, 0)), n = 100;

	CHECK(l, 1, constant);
	for (size_t i = 3; i < 7; i++, n *= 10)
		CHECK(l, i, dkw_radius(n, at(l, 2), constant));
	CHECK(l, 7, 0.8 * log(1612 / at(l, 0)));
}

static void t10(const struct line *l)
{
	for (size_t i = 2; i < 8; i += 3) {
		struct ranks ranks = quantile_ranks((int64_t)at(l, 0), at(l, 1), at(l, i), 1000);

		CHECK(l, i + 1, (double)ranks.low);
		CHECK(l, i + 2, (double)ranks.high);
	}
}

static void t11_normal(const struct line *l)
{
	double rho = mixture_rho(at(l, 0), at(l, 1));

	CHECK(l, 2, rho);
	CHECK(l, 5, mixture_bound(at(l, 3), at(l, 4), rho));
	CHECK(l, 9, mixture_bound(at(l, 6), at(l, 7), rho));
}

static void t11_beta(const struct line *l)
{
	struct beta_mixture two = beta_mixture(at(l, 3), at(l, 4), at(l, 2), 0.05);
	struct beta_mixture one = beta_mixture(at(l, 3), at(l, 4), at(l, 2), 2 * 0.05);

	CHECK(l, 5, beta_mixture_ln(&two, at(l, 0), at(l, 1)));
	CHECK(l, 6, beta_mixture_ln_above(&one, at(l, 0), at(l, 1)));
}

static void t12(const struct line *l)
{
	struct bernstein b;
	struct interval interval;

	bernstein_begin(&b, 0.05);
	for (int i = 1; i <= (int)at(l, 0); i++)
		bernstein_add(&b, i * 37 % 101 / 100.0);
	interval = bernstein_interval(&b);
	CHECK(l, 1, interval.low);
	CHECK(l, 2, interval.high);
}

static void t13_rho(const struct line *l) /* the section: sd alpha n_opt rho */
{
	CHECK(l, 3, asymptotic_rho(at(l, 2), at(l, 1)));
}

static void t13(const struct line *l)
{
	CHECK(l, 1, asymptotic_radius(at(l, 0), 1, asymptotic_rho(1000, 0.05), 0.05));
}

static void t14(const struct line *l)
{
	CHECK(l, 4, msprt_ln(at(l, 0), at(l, 1), at(l, 2), at(l, 3)));
}

static void t15(const struct line *l) /* rho RR kl errors total canary total-with-grid */
{
	double rho = at(l, 0);
	struct ratio_budget one = ratio_budget(rho, at(l, 1), 1, 0.005, log(100));
	struct ratio_budget mixed = ratio_budget(rho, at(l, 1), 1, 0.005, log(100) + log(8));

	CHECK(l, 2, log(100) / one.bad);
	CHECK(l, 3, round(one.bad));
	CHECK(l, 4, round(one.requests));
	CHECK(l, 5, round(one.requests * rho));
	CHECK(l, 6, round(mixed.requests));
}

static void t16(const struct line *l) /* rho m errors total canary minutes at 10, 100, 1000 */
{
	double rho = at(l, 0), rate = 10;
	struct ratio_budget budget = ratio_budget(rho, 1, at(l, 1), 0.005, log(20));

	CHECK(l, 2, round(budget.bad));
	CHECK(l, 3, round(budget.requests));
	CHECK(l, 4, round(budget.requests * rho));
	for (size_t i = 5; i < 8; i++, rate *= 10) {
		double minutes = budget.requests / rate / 60;

		CHECK(l, i, l->n[i].half > 0 ? minutes : round(10 * minutes) / 10); /* 226.0 is rounded */
	}
}

static void t17(const struct line *l)
{
	struct latency_test test = {.n = 3};
	double ln[3];

	for (size_t k = 0; k < 3; k++) {
		struct tick tick = {500, at(l, 2 * k), 9500, at(l, 2 * k + 1)};

		e_begin(&test.at[k], E_RATIO_SLOWER, 1);
		ratio_update(&test.at[k], &tick, 1);
		CHECK(l, 6 + k, e_ln(&test.at[k]));
	}
	for (size_t k = 0; k < 3; k++)
		ln[k] = e_ln(&test.at[k]);
	CHECK(l, 9, e_mean_ln(ln, (double[]){1 / 3., 1 / 3., 1 / 3.}, 3));
}

static void t18(const struct line *l)
{
	CHECK(l, 2, ratio_of(E_RATIO_HARM, 1, 3, tick_of(at(l, 0), at(l, 1), 0.05)));
}

static void t19(const struct line *l)
{
	const double bad[15] = {3, 0, 0, 0, 1, 0, 0, 5, 0, 0, 1, 1, 0, 1, 0};

	CHECK(l, 0, dispersion(bad, NULL, 3, 5));
}

/* errors=30, latency=250, guardrail=0.4, weights .5/.3/.2 -> mean e; e >= mean at alpha; alpha K k;
 * [thresholds] */
static void t20(const struct line *l)
{
	const double weights[3] = {0.5, 0.3, 0.2};
	const double ln_e[3] = {log(at(l, 0)), log(at(l, 1)), log(at(l, 2))};
	bool rejected[3];

	CHECK(l, 6, exp(e_mean_ln(ln_e, weights, 3)));
	for (size_t k = 1; k <= 3; k++) { /* the k largest are rejected just at the threshold */
		double threshold = at(l, l->count - 4 + k);
		double just[3] = {-INFINITY, -INFINITY, -INFINITY};

		for (size_t i = 0; i < k; i++)
			just[i] = log(threshold * 1.0000001);
		assert_int_equal(e_bh(just, 3, 0.05, rejected), k);
		for (size_t i = 0; i < k; i++)
			just[i] = log(threshold * 0.9999999);
		assert_int_equal(e_bh(just, 3, 0.05, rejected), 0);
	}
	assert_int_equal(e_bh(ln_e, 3, 0.05, rejected), 2);
	assert_true(rejected[0] && rejected[1] && !rejected[2]);
}

static const struct rule rules[] = {
	{"## T1 ", "| xc", NULL, "head"},
	{"## T1 ", "|---", NULL, "head"},
	{"## T1 ", "| ", t1, NULL},
	{"## T1 ", "## ", NULL, "head"},
	{"## T2 ", "ln e", t2_margin, NULL},
	{"## T2 ", "CS", t2_interval, NULL},
	{"## T2 ", "## ", NULL, "head: its phases are in this file"},
	{"## T3 ", "xc", t3, NULL},
	{"## T3 ", "## ", NULL, "head"},
	{"## T4 ", "[", t4, NULL},
	{"## T4 ", "", NULL, "head"},
	{"## T5 ", "", NULL, "a truncated prior: the design took the grid of alternatives instead"},
	{"## T6 ", "(", t6, NULL},
	{"## T6 ", "## ", NULL, "head"},
	{"## T7 ", "", NULL, "a known alternative for both arms: the design takes none"},
	{"## T8 ", "## ", NULL, "head"},
	{"## T8 ", "", t8, NULL},
	{"## T9 ", "| 0", t9, NULL},
	{"## T9 ", "", NULL, "head"},
	{"## T10 ", "n ", t10, NULL},
	{"## T10 ", "## ", NULL, "head"},
	{"## T11 ", "normal", t11_normal, NULL},
	{"## T11 ", "beta", t11_beta, NULL},
	{"## T11 ", "poly", NULL, "no part of the design uses a stitched boundary"},
	{"## T11 ", "## ", NULL, "head"},
	{"## T12 ", "1", t12, NULL},
	{"## T12 ", "500", t12, NULL},
	{"## T12 ", "## ", NULL, "head"},
	{"## T13 ", "## ", t13_rho, NULL},
	{"## T13 ", "", t13, NULL},
	{"## T14 ", "## ", t14, NULL},
	{"## T15 ", "| 0", t15, NULL},
	{"## T15 ", "", NULL, "head"},
	{"## T16 ", "| 0", t16, NULL},
	{"## T16 ", "", NULL, "head"},
	{"## T17 ", "((", t17, NULL},
	{"## T17 ", "## ", NULL, "head"},
	{"## T18 ", "(", t18, NULL},
	{"## T18 ", "## ", NULL, "head"},
	{"## T19 ", "phi", t19, NULL},
	{"## T19 ", "## ", NULL, "head: its counts are in this file"},
	{"## T20 ", "## ", t20, NULL},
};

static void sequential(void **state)
{
	(void)state;
	oracle_run("sequential.txt", rules, sizeof(rules) / sizeof(rules[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
