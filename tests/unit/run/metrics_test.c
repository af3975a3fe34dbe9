#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/metrics.h"
#include "run/metrics.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_deinit(&arena);
	return 0;
}

static void expect_metric(const struct outcomes *outcomes, const struct strings *classes,
                          const char *name, double want)
{
	struct named_number *metrics;
	double got;
	size_t n;

	metrics_all(outcomes, classes, &arena, &metrics, &n);
	for (size_t i = 1; i < n; i++)
		assert_true(strcmp(metrics[i - 1].name, metrics[i].name) < 0);
	got = metric_find(metrics, n, name);
	if (isnan(want) ? !isnan(got) : !(fabs(got - want) < 1e-12))
		fail_msg("%s: got %.17g, want %.17g", name, got, want);
}

/* Four rows Low, two High, one Mid that is predicted Low; Never neither occurs nor is
 * predicted. */
static void of_classes(void **state)
{
	static const char *names[] = {"Low", "High", "Mid", "Never"};
	static const struct strings classes = {names, 4};
	static uint32_t truth[] = {0, 0, 0, 0, 1, 1, 2}, predicted[] = {0, 0, 0, 1, 1, 0, 0};
	const struct outcomes outcomes = {.n = 7, .n_classes = 4, .truth = truth,
	                                  .predicted = predicted};
	static const struct {
		const char *name;
		double want;
	} cases[] = {
		{"accuracy", 4.0 / 7},         {"recall.Low", 3.0 / 4},    {"recall.High", 1.0 / 2},
		{"recall.Mid", 0},             {"recall.Never", NAN},      {"precision.Low", 3.0 / 5},
		{"precision.High", 1.0 / 2},   {"precision.Mid", NAN},
		{"balanced-accuracy", 1.25 / 3}, {"macro-f1", (2.0 / 3 + 0.5) / 3},
		{"log-loss", NAN},             {"brier", NAN},             {"nonsense", NAN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_metric(&outcomes, &classes, cases[i].name, cases[i].want);
	assert_true(fabs(metric_standard_error(&outcomes, "accuracy") -
	                 sqrt(4.0 / 7 * 3.0 / 7 / 7)) < 1e-12);
	assert_true(fabs(metric_standard_error(&outcomes, "balanced-accuracy") -
	                 sqrt(0.75 * 0.25 / 4 + 0.25 / 2) / 3) < 1e-12);
	assert_true(isnan(metric_standard_error(&outcomes, "macro-f1")));
}

static void of_probabilities(void **state)
{
	static const char *names[] = {"no", "yes"};
	static const struct strings classes = {names, 2};
	static uint32_t truth[] = {0, 1}, predicted[] = {0, 0};
	static double scores[] = {0.8, 0.2, 0.9, 0.1};
	struct outcomes outcomes = {.n = 2, .n_classes = 2, .truth = truth, .predicted = predicted,
	                            .scores = scores, .n_scores = 2};

	(void)state;
	expect_metric(&outcomes, &classes, "log-loss", -(log(0.8) + log(0.1)) / 2);
	expect_metric(&outcomes, &classes, "brier", (0.04 + 0.81) / 2);
	expect_metric(&outcomes, &classes, "auc", 0);
	outcomes.n_scores = 1; /* 0.8 and 0.2, of the second class */
	expect_metric(&outcomes, &classes, "brier", (0.64 + 0.64) / 2);
}

static void of_probabilities_of_three(void **state)
{
	static const char *names[] = {"a", "b", "c"};
	static const struct strings classes = {names, 3};
	static uint32_t truth[] = {2, 0}, predicted[] = {2, 1};
	static double scores[] = {0.1, 0.2, 0.7, 0.4, 0.6, 0};
	struct outcomes outcomes = {.n = 2, .n_classes = 3, .truth = truth, .predicted = predicted,
	                            .scores = scores, .n_scores = 3};

	(void)state;
	expect_metric(&outcomes, &classes, "log-loss", -(log(0.7) + log(0.4)) / 2);
	expect_metric(&outcomes, &classes, "brier", (0.01 + 0.04 + 0.09 + 0.36 + 0.36) / 2);
	expect_metric(&outcomes, &classes, "auc", NAN);
	scores[5] = 1.5;
	expect_metric(&outcomes, &classes, "brier", NAN);
	scores[5] = 0;
}

static void of_numbers(void **state)
{
	static double truth[] = {1, 2, 3}, predicted[] = {1, 4, 2};
	static const struct strings none;
	const struct outcomes outcomes = {.n = 3, .truth_number = truth,
	                                  .predicted_number = predicted};

	(void)state;
	expect_metric(&outcomes, &none, "mae", 1);
	expect_metric(&outcomes, &none, "rmse", sqrt(5.0 / 3));
	expect_metric(&outcomes, &none, "accuracy", NAN);
	assert_true(fabs(metric_standard_error(&outcomes, "mae") -
	                 sqrt((5.0 / 3 - 1) / 3)) < 1e-12);
	assert_true(metric_is_loss("log-loss"));
	assert_false(metric_is_loss("accuracy"));
}

static bool is_among(const struct named_number *metrics, size_t n, const char *name)
{
	return !isnan(metric_find(metrics, n, name));
}

static bool is_accepted(const char *name, const struct output_spec *output)
{
	struct buf why;
	bool accepted;

	buf_init(&why, 512);
	metric_why_not_measured(name, output, &why);
	accepted = why.len == 0;
	buf_deinit(&why);
	return accepted;
}

/* What a manifest may choose by is what is measured, and no more. */
static void expect_names(const struct outcomes *outcomes, const struct output_spec *output,
                         size_t want)
{
	struct named_number *metrics;
	size_t n;

	metrics_all(outcomes, &output->classes, &arena, &metrics, &n);
	assert_int_equal(n, want);
	for (size_t i = 0; i < n; i++)
		assert_true(is_accepted(metrics[i].name, output));
	for (int kind = 0; kind < METRIC_KINDS; kind++) {
		const char *name = metric_infos[kind].name;

		assert_int_equal(is_accepted(name, output), is_among(metrics, n, name));
		for (size_t k = 0; k < output->classes.n; k++) {
			const char *of = arena_printf(&arena, "%s.%s", name, output->classes.items[k]);

			assert_int_equal(is_accepted(of, output), is_among(metrics, n, of));
		}
	}
}

static void names_are_those_of_manifests(void **state)
{
	static const char *names[] = {"a", "b", "c"};
	static uint32_t truth[] = {0, 0, 1, 1, 2}, predicted[] = {0, 1, 1, 0, 2};
	static double scores[] = {.8, .2, 0, .4, .6, 0, .1, .9, 0, .7, .3, 0, 0, .1, .9};
	static double of_two[] = {.8, .2, .4, .6, .1, .9, .7, .3};
	static double numbers[] = {1, 2, 3}, other[] = {1, 4, 2};
	struct output_spec output = {.classes = {names, 3}};
	struct outcomes outcomes = {.n = 5, .n_classes = 3, .truth = truth, .predicted = predicted};

	(void)state;
	expect_names(&outcomes, &output, 5 + 9);
	outcomes.scores = scores, outcomes.n_scores = 3, output.scores = "scores";
	expect_names(&outcomes, &output, 5 + 9 + 2);
	outcomes.n = 4, outcomes.n_classes = outcomes.n_scores = output.classes.n = 2;
	outcomes.scores = of_two;
	expect_names(&outcomes, &output, 5 + 6 + 5);
	outcomes = (struct outcomes){.n = 3, .truth_number = numbers, .predicted_number = other};
	output = (struct output_spec){.min = NAN, .max = NAN};
	expect_names(&outcomes, &output, 5);
}

static void no_rows_no_metrics(void **state)
{
	static const struct outcomes outcomes = {.n_classes = 2};
	static const struct strings classes;
	struct named_number *metrics;
	size_t n;

	(void)state;
	metrics_all(&outcomes, &classes, &arena, &metrics, &n);
	assert_int_equal(n, 0);
	assert_true(isnan(metric_standard_error(&outcomes, "accuracy")));
}

static void the_choice(void **state)
{
	static const struct {
		struct candidate_score scores[5];
		size_t n;
		enum select_rule rule;
		bool is_loss;
		int want;
	} cases[] = {
		/* the running example: 82, 89, 85, 86, 78 %, standard error 0.9 points */
		{{{"tree-5", .82, .009}, {"tree-10", .89, .009}, {"tree-20", .85, .009},
		  {"forest", .86, .009}, {"linear", .78, .009}}, 5,
		 SELECT_SIMPLEST_WITHIN_ONE_SE, false, 1},
		{{{"a", .880, .01}, {"b", .875, .01}, {"c", .889, .01}}, 3,
		 SELECT_SIMPLEST_WITHIN_ONE_SE, false, 0},
		{{{"a", .880, .01}, {"b", .875, .01}, {"c", .889, .01}}, 3, SELECT_BEST, false, 2},
		{{{"a", .878, .01}, {"b", .875, .01}, {"c", .889, .01}}, 3,
		 SELECT_SIMPLEST_WITHIN_ONE_SE, false, 2},
		{{{"a", 1.05, .1}, {"b", 1.2, .1}, {"c", 1.0, .1}}, 3, SELECT_SIMPLEST_WITHIN_ONE_SE, true,
		 0},
		{{{"a", 1.05, .1}, {"b", 1.2, .1}, {"c", 1.0, .1}}, 3, SELECT_BEST, true, 2},
		{{{"a", NAN, NAN}, {"b", .5, NAN}, {"c", .4, .2}}, 3, SELECT_SIMPLEST_WITHIN_ONE_SE, false,
		 1},
		{{{"a", .5, .1}, {"b", .5, .1}}, 2, SELECT_BEST, false, 0},
		{{{"a", NAN, NAN}}, 1, SELECT_BEST, false, -1},
		{{{0}}, 0, SELECT_BEST, false, -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int got = select_candidate(cases[i].scores, cases[i].n, cases[i].rule, cases[i].is_loss);

		if (got != cases[i].want)
			fail_msg("case %zu: %d", i, got);
	}
}

/* On 1,500 validation rows, by either rule: nothing simpler is within 0.8 points of it. */
static void of_five_candidates_the_tree_of_depth_ten_is_chosen(void **state)
{
	static const struct candidate_score scores[] = {
		{"tree-5", .82, .0099},   {"tree-10", .89, .0081}, {"forest-100", .85, .0092},
		{"forest-500", .86, .009}, {"network", .78, .0107},
	};

	(void)state;
	for (enum select_rule rule = 0; rule < SELECT_RULES; rule++)
		assert_string_equal(
			scores[select_candidate(scores, ARRAY_LEN(scores), rule, false)].name, "tree-10");
}

static void folds_as_the_oracle(void **state)
{
	static const double scores[] = {87, 89, 85, 88, 86};
	double mean, standard_error;

	(void)state;
	fold_score(scores, ARRAY_LEN(scores), &mean, &standard_error);
	assert_true(fabs(mean - 87) < 1e-9);
	assert_true(fabs(standard_error - 0.70710678) < 1e-8);
}

int main(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_as_the_oracle),
		WITH_ARENA(of_classes),      WITH_ARENA(of_probabilities),
		WITH_ARENA(of_probabilities_of_three),
		WITH_ARENA(of_numbers),      WITH_ARENA(no_rows_no_metrics),
		WITH_ARENA(names_are_those_of_manifests),
		cmocka_unit_test(the_choice),
		cmocka_unit_test(of_five_candidates_the_tree_of_depth_ten_is_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
