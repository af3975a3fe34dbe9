#include "stats/oracle.h"

#include "stats/drift.h"
#include "stats/metrics.h"
#include "stats/paired.h"
#include "stats/proportion.h"
#include "stats/special.h"

/* ---- how often rows may be asked ---- */

static void easeml(const struct line *l) /* reliability eps ... F1 none full ... F2 none full */
{
	double delta = 1 - at(l, 0), eps = at(l, 1);

	CHECK(l, 2, ceil(hoeffding_rows(eps, delta, 32, USES_INDEPENDENT, 1, 1)));
	CHECK(l, 3, ceil(hoeffding_rows(eps, delta, 32, USES_ADAPTIVE, 1, 1)));
	CHECK(l, 4, ceil(hoeffding_rows(eps, delta, 32, USES_INDEPENDENT, 1, 2)));
	CHECK(l, 5, ceil(hoeffding_rows(eps, delta, 32, USES_ADAPTIVE, 1, 2)));
}

static void easeml_repository(const struct line *l) /* "n-o>0.1+/-0.1 rel .99 full 32: N none: N" */
{
	CHECK(l, l->count - 2, hoeffding_rows(0.1, 0.01, 32, USES_ADAPTIVE, 1, 2));
	CHECK(l, l->count - 1, hoeffding_rows(0.1, 0.01, 32, USES_INDEPENDENT, 1, 2));
}

static void bennett(const struct line *l)
{
	CHECK(l, 3, bennett_rows(at(l, 0), at(l, 1), 1 - at(l, 2), 2 * 2 * 32));
}

static void achievable(const struct line *l) /* uses none|full delta eps */
{
	CHECK(l, 2,
	      hoeffding_radius(1500, at(l, 1), at(l, 0),
	                       strstr(l->text, "full") ? USES_ADAPTIVE : USES_INDEPENDENT, 2));
}

static void uses(const struct line *l) /* n eps delta none H full H */
{
	CHECK(l, 3, hoeffding_uses(at(l, 0), at(l, 1), at(l, 2), USES_INDEPENDENT));
	CHECK(l, 4, hoeffding_uses(at(l, 0), at(l, 1), at(l, 2), USES_ADAPTIVE));
}

/* ---- shares ---- */

static void share_intervals(const struct line *l)
{
	struct interval wilson = proportion_wilson(at(l, 0), at(l, 1), 0.05);
	struct interval exact = proportion_exact(at(l, 0), at(l, 1), 0.05);

	CHECK(l, 2, wilson.low);
	CHECK(l, 3, wilson.high);
	CHECK(l, 4, exact.low);
	CHECK(l, 5, exact.high);
}

/* ---- paired ---- */

static void mcnemar(const struct line *l)
{
	double b = at(l, 0), c = at(l, 1), d = fabs(b - c);

	CHECK(l, 2, mcnemar_exact((int64_t)b, (int64_t)c));
	CHECK(l, 3, mcnemar_midp((int64_t)b, (int64_t)c));
	CHECK(l, 4, chi_square_sf(d * d / (b + c), 1));
	CHECK(l, 5, chi_square_sf((d - 1) * (d - 1) / (b + c), 1));
}

static void mcnemar_one_sided(const struct line *l) /* the last 12: b c p, four times */
{
	for (size_t i = l->count - 12; i < l->count; i += 3)
		CHECK(l, i + 2, mcnemar_better((int64_t)at(l, i), (int64_t)at(l, i + 1)));
}

static void wald_of(const struct line *l, double n, double b, double c)
{
	double difference = (c - b) / n, se = sqrt((b + c) / n - difference * difference) / sqrt(n);
	double z = normal_quantile(0.975);

	CHECK(l, 0, difference);
	CHECK(l, 1, se);
	CHECK(l, 2, difference - z * se);
	CHECK(l, 3, difference + z * se);
}

static void wald_small(const struct line *l)
{
	wald_of(l, 1500, 40, 60);
}

static void wald_large(const struct line *l)
{
	wald_of(l, 1500, 100, 130);
}

static void tango(const struct line *l)
{
	struct paired_counts pairs = {(int64_t)at(l, 2), (int64_t)at(l, 0), (int64_t)at(l, 1)};
	struct interval interval = tango_interval(pairs, 0.05);

	CHECK(l, 3, interval.low);
	CHECK(l, 4, interval.high);
}

static void tango_margin(const struct line *l) /* delta b c n z p; the 1 of "1pt" stands second */
{
	struct paired_counts pairs = {(int64_t)at(l, l->count - 3), (int64_t)at(l, l->count - 5),
	                      (int64_t)at(l, l->count - 4)};
	double z = tango_z(pairs, -0.01);

	CHECK(l, l->count - 2, z);
	CHECK(l, l->count - 1, normal_sf(z));
}

static void tango_case(const struct line *l) /* (b c n delta) (z share) and both by iteration */
{
	struct paired_counts pairs = {(int64_t)at(l, 2), (int64_t)at(l, 0), (int64_t)at(l, 1)};

	CHECK(l, 4, tango_z(pairs, at(l, 3)));
	CHECK(l, 5, tango_share(pairs, at(l, 3)));
	CHECK(l, 6, tango_z(pairs, at(l, 3)));
	CHECK(l, 7, tango_share(pairs, at(l, 3)));
}

static void midp_equal(const struct line *l)
{
	CHECK(l, 1, mcnemar_midp((int64_t)at(l, 0), (int64_t)at(l, 0)));
}

static void hanley(const struct line *l) /* .88 100/200: se */
{
	CHECK(l, 3, auc_se(at(l, 0), at(l, 1), at(l, 2)));
}

/* ---- the churn model ---- */

static void churn_mcnemar(const struct line *l) /* ...=150 ...=165 ...: p diff= d */
{
	CHECK(l, l->count - 2, mcnemar_exact((int64_t)at(l, 0), (int64_t)at(l, 1)));
	CHECK(l, l->count - 1, (at(l, 1) - at(l, 0)) / 1500);
}

static void rows_observed(const struct line *l)
{
	CHECK(l, l->count - 1, paired_rows_observed(0.01, 0.21, 0.05));
}

static void no_information(const struct line *l) /* 1230 .83 p 1245 p 1290 p */
{
	CHECK(l, 2, binomial_sf(at(l, 0), 1500, at(l, 1)));
	CHECK(l, 4, binomial_sf(at(l, 3), 1500, at(l, 1)));
	CHECK(l, 6, binomial_sf(at(l, 5), 1500, at(l, 1)));
}

static void prediction_rate(const struct line *l) /* .20 2000 .30 2000 z */
{
	CHECK(l, 4, proportion_z(at(l, 2) * at(l, 3), at(l, 3), at(l, 0) * at(l, 1), at(l, 1)));
}

/* 'acc' 'bal' 'rec' 'spec' 'prec' 'f1' 'mcc' 'kappa' 'predpos' of truth x predicted, stayed
 * first */
static void class_metrics(const struct line *l, const uint64_t counts[4])
{
	struct confusion c = {counts, 2};
	double predicted = (double)(counts[1] + counts[3]);

	CHECK(l, 0, metric_accuracy(c).value);
	CHECK(l, 1, metric_balanced_accuracy(c).value);
	CHECK(l, 2, metric_recall(c, 1).value);
	CHECK(l, 3, metric_recall(c, 0).value);
	CHECK(l, 4, metric_precision(c, 1).value);
	CHECK(l, 5, metric_f1(c, 1).value);
	CHECK(l, 6, metric_matthews(c).value);
	CHECK(l, 7, metric_kappa(c).value);
	CHECK(l, 8, predicted / 1500);
	assert_true(metric_majority_share(c).value == 0.83);
}

static void always_stays(const struct line *l)
{
	class_metrics(l, (const uint64_t[]){1245, 0, 255, 0});
}

static void always_churns(const struct line *l)
{
	class_metrics(l, (const uint64_t[]){0, 1245, 0, 255});
}

static void current_model(const struct line *l) /* 150 churners found, 165 false alarms */
{
	class_metrics(l, (const uint64_t[]){1080, 165, 105, 150});
}

/* ---- the rest ---- */

/* The rows are not given: these have the printed Brier score, loss, error, accuracy and promise. */
static const double calibrated[10] = {0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1};
static const bool happened[10] = {true, true, true, true, false, true, false, true, false, false};

static void brier_and_loss(const struct line *l)
{
	CHECK(l, 0, metric_brier(calibrated, happened, 10).value);
	CHECK(l, 1, metric_log_loss(calibrated, happened, 10).value);
}

static void spiegelhalter(const struct line *l)
{
	double z = metric_spiegelhalter(calibrated, happened, 10).value;

	CHECK(l, 0, z);
	CHECK(l, 1, 2 * normal_sf(fabs(z)));
}

static void calibration_error(const struct line *l) /* ECE 5 ... value */
{
	CHECK(l, l->count - 1, metric_calibration_error(calibrated, happened, 10, 5).value);
}

static void promised_accuracy(const struct line *l)
{
	CHECK(l, l->count - 2, metric_expected_accuracy(calibrated, 10).value);
}

static double accuracy_gain(const uint64_t *counts, size_t k, const void *context)
{
	(void)k, (void)context;
	return ((double)counts[1] - (double)counts[0]) / 1500;
}

static void bootstrap(const struct line *l) /* ... b, c, n, mean, se: up to the noise of B */
{
	const uint64_t counts[3] = {40, 60, 1400};
	struct bootstrap how = {.resamples = 40000, .block = 1, .alpha = 0.05};
	struct arena arena;
	struct estimate e;

	arena_init(&arena, 16 << 20);
	random_init(&how.random, "oracle");
	e = bootstrap_cells(&how, counts, 3, accuracy_gain, NULL, &arena);
	assert_true(fabs(e.mean / at(l, 3) - 1) < 0.01);
	assert_true(fabs(e.se / at(l, 4) - 1) < 0.01);
	arena_deinit(&arena);
}

static void sprt_limits(const struct line *l)
{
	struct sprt test = sprt(0.11, 0.18, 0.01, 0.1);

	CHECK(l, 0, test.upper);
	CHECK(l, 1, test.lower);
	CHECK(l, 2, error_llr(true, 0.11, 0.18));
	CHECK(l, 3, error_llr(false, 0.11, 0.18));
	CHECK(l, 4, test.rows_p1);
	CHECK(l, 5, test.rows_p0);
}

static void sprt_errors(const struct line *l)
{
	CHECK(l, 0, ceil(sprt(0.11, 0.18, 0.01, 0.1).upper / error_llr(true, 0.11, 0.18)));
}

static const struct rule rules[] = {
	{"", "Oracle values", NULL, "prose"},
	{"== easeml", "== ", NULL, "head"},
	{"== easeml", "0.9", easeml, NULL},
	{"== easeml", "repo yml", easeml_repository, NULL},
	{"== easeml", "Bennett", bennett, NULL},
	{"== n=1500", "== ", NULL, "head"},
	{"== n=1500", "Uses available", NULL, "head"},
	{"== n=1500", "1500 ", uses, NULL},
	{"== n=1500", "5000 ", uses, NULL},
	{"== n=1500", "10000 ", uses, NULL},
	{"== n=1500", "", achievable, NULL},
	{"== Wilson", "== ", NULL, "head"},
	{"== Wilson", "", share_intervals, NULL},
	{"== McNemar (", "== ", NULL, "head"},
	{"== McNemar (", "one-sided", mcnemar_one_sided, NULL},
	{"== McNemar (", "", mcnemar, NULL},
	{"== paired diff", "== ", NULL, "head"},
	{"== paired diff", "(0.0133", wald_small, NULL},
	{"== paired diff", "(0.02,", wald_large, NULL},
	{"== paired diff", "tango z", tango_margin, NULL},
	{"== paired diff", "tango", tango, NULL},
	{"== paired diff", "(", tango_case, NULL},
	{"== McNemar mid-p", "== ", NULL, "head"},
	{"== McNemar mid-p", "", midp_equal, NULL},
	{"== DeLong", "Hanley", hanley, NULL},
	{"== DeLong", "== ", NULL, "head"},
	{"== DeLong", "", NULL, "the rows are not given: paired_test checks it by its definition"},
	{"== Rachel", " McNemar", churn_mcnemar, NULL},
	{"== Rachel", " n where", rows_observed, NULL},
	{"== Rachel", " NIR", no_information, NULL},
	{"== Rachel", " prediction-rate", prediction_rate, NULL},
	{"== Rachel", "degenerate", always_stays, NULL},
	{"== Rachel", "week1", always_churns, NULL},
	{"== Rachel", "current82", current_model, NULL},
	{"== Rachel", "== ", NULL, "head"},
	{"== calibration", "Brier", brier_and_loss, NULL},
	{"== calibration", "Spiegelhalter", spiegelhalter, NULL},
	{"== calibration", "ECE", calibration_error, NULL},
	{"== calibration", "CBPE", promised_accuracy, NULL},
	{"== calibration", "== ", NULL, "head"},
	{"== Bootstrap", "== ", bootstrap, NULL},
	{"== Bootstrap", "Ladder", NULL, "the design keeps a ledger of uses instead of a ladder"},
	{"== SPRT", "upper", sprt_limits, NULL},
	{"== SPRT", "min", sprt_errors, NULL},
	{"== SPRT", "== ", NULL, "head"},
};

static void gates(void **state)
{
	(void)state;
	oracle_run("gates.txt", rules, sizeof(rules) / sizeof(rules[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
