#include "api/metrics.h"

#include <math.h>
#include <string.h>

#include "api/complain.h"

#define CLASS (NEEDS_CLASSES | NEEDS_CLASS)
#define SCORES (NEEDS_CLASSES | NEEDS_SCORES)

const struct metric_info metric_infos[METRIC_KINDS] = {
	[METRIC_ACCURACY] = {"accuracy", NULL, NEEDS_CLASSES, false, true, 0, 1},
	[METRIC_BALANCED] = {"balanced-accuracy", NULL, NEEDS_CLASSES, false, true, 0, 1},
	[METRIC_MACRO_F1] = {"macro-f1", "f1-macro", NEEDS_CLASSES, false, true, 0, 1},
	[METRIC_MATTHEWS] = {"matthews", "mcc", NEEDS_CLASSES, false, false, -1, 1},
	[METRIC_KAPPA] = {"kappa", NULL, NEEDS_CLASSES, false, false, -1, 1},
	[METRIC_PRECISION] = {"precision", NULL, CLASS, false, true, 0, 1},
	[METRIC_RECALL] = {"recall", NULL, CLASS, false, true, 0, 1},
	[METRIC_F1] = {"f1", NULL, CLASS, false, true, 0, 1},
	[METRIC_AUC] = {"auc", "roc-auc", CLASS | SCORES, false, false, 0, 1},
	[METRIC_PR_AUC] = {"pr-auc", "average-precision", CLASS | SCORES, false, false, 0, 1},
	[METRIC_BRIER] = {"brier", NULL, SCORES, true, false, 0, 2},
	[METRIC_LOG_LOSS] = {"log-loss", NULL, SCORES, true, false, 0, INFINITY},
	[METRIC_CALIBRATION] = {"calibration-error", "ece", CLASS | SCORES, true, false, 0, 1},
	[METRIC_MAE] = {"mae", NULL, NEEDS_NUMBERS, true, false, 0, INFINITY},
	[METRIC_RMSE] = {"rmse", NULL, NEEDS_NUMBERS, true, false, 0, INFINITY},
	[METRIC_MAPE] = {"mape", NULL, NEEDS_NUMBERS, true, true, 0, INFINITY},
	[METRIC_PINBALL] = {"pinball", NULL, NEEDS_NUMBERS, true, false, 0, INFINITY},
	[METRIC_R_SQUARED] = {"r-squared", "r2", NEEDS_NUMBERS, false, false, -INFINITY, 1},
};

/* ---- names ---- */

/* log_loss and log-loss are one. */
static bool name_is(const char *written, const char *name)
{
	if (!name)
		return false;
	for (; *written && *name; written++, name++)
		if (*written != *name && !(*written == '_' && *name == '-'))
			return false;
	return *written == *name;
}

#define MEDIAN 0.5

/* NAN: another metric, or no quantile. */
static double quantile_of(const char *written)
{
	const char *name = metric_infos[METRIC_PINBALL].name;
	size_t len = strlen(name);
	struct err ignored;
	double quantile;

	if (strncmp(written, name, len))
		return NAN;
	if (!written[len])
		return MEDIAN;
	if (written[len] != '-' || parse_number(written + len + 1, 0, 1, &quantile, &ignored))
		return NAN;
	return quantile > 0 && quantile < 1 ? quantile : NAN;
}

enum metric_kind metric_parse(const char *written, double *quantile)
{
	int kind = 0;

	*quantile = quantile_of(written);
	if (is_set(*quantile))
		return METRIC_PINBALL;
	while (kind < METRIC_KINDS && !name_is(written, metric_infos[kind].name) &&
	       !name_is(written, metric_infos[kind].other))
		kind++;
	return (enum metric_kind)kind;
}

/* ---- what an output can have ---- */

/* One number of each class, in a list that is asked for no class. */
static bool is_by_class(const struct metric_info *info)
{
	return (info->needs & NEEDS_CLASS) && !(info->needs & NEEDS_SCORES);
}

static bool is_of_kind(const struct metric_info *info, const struct output_spec *output)
{
	return !output || (info->needs & (output->classes.n ? NEEDS_CLASSES : NEEDS_NUMBERS));
}

static bool is_possible(const struct metric_info *info, const struct output_spec *output,
                        bool unasked)
{
	if (!is_of_kind(info, output))
		return false;
	if (output && (info->needs & NEEDS_SCORES) && !output->scores)
		return false;
	return !unasked || is_by_class(info) || !(info->needs & NEEDS_CLASS) ||
	       output->classes.n == 2;
}

static void put_names(const struct output_spec *output, bool unasked, struct buf *why)
{
	const char *separator = "; write one of ";

	for (int kind = 0; kind < METRIC_KINDS; kind++) {
		const struct metric_info *info = &metric_infos[kind];

		if (!is_possible(info, output, unasked))
			continue;
		buf_printf(why, "%s%s%s", separator, info->name,
		           unasked && is_by_class(info) ? ".CLASS" : "");
		separator = ", ";
	}
}

static void put_no_metric(const char *written, const struct output_spec *output, bool unasked,
                          struct buf *why)
{
	const char *names[METRIC_KINDS], *near;

	for (int kind = 0; kind < METRIC_KINDS; kind++)
		names[kind] = is_possible(&metric_infos[kind], output, unasked) ? metric_infos[kind].name
		                                                               : NULL;
	near = nearest(written, names, METRIC_KINDS);
	buf_printf(why, "there is no metric '%.60s'", written);
	if (near && strcmp(near, written) != 0)
		buf_printf(why, "; did you mean '%s'?", near);
	else
		put_names(output, unasked, why);
}

/* Is it known, but not of such an output? */
static bool put_of_another(const struct metric_info *info, const struct output_spec *output,
                           bool unasked, struct buf *why)
{
	if (is_of_kind(info, output) && is_possible(info, output, false))
		return false;
	buf_printf(why, "%s is measured on ", info->name);
	if (is_of_kind(info, output)) {
		buf_puts(why, "scores; name the server's second output in spec.interface.output.scores");
		return true;
	}
	buf_puts(why, output->classes.n ? "numbers, and the output has classes"
	                                : "classes, and the output has none");
	put_names(output, unasked, why);
	return true;
}

/* "recall.High" is how it is written elsewhere. */
static bool put_with_class(const char *written, struct buf *why)
{
	const char *dot = strchr(written, '.');

	for (int kind = 0; dot && kind < METRIC_KINDS; kind++) {
		const char *name = metric_infos[kind].name;

		if (!is_by_class(&metric_infos[kind]) || strlen(name) != (size_t)(dot - written) ||
		    strncmp(written, name, strlen(name)) != 0)
			continue;
		buf_printf(why, "a gate says the class apart; write metric: %s, class: %.60s", name,
		           dot + 1);
		return true;
	}
	return false;
}

void metric_why_not(const struct gate_require *require, const struct output_spec *output,
                    struct buf *why)
{
	double quantile;
	enum metric_kind kind = metric_parse(require->metric, &quantile);

	if (kind == METRIC_KINDS) {
		if (!put_with_class(require->metric, why))
			put_no_metric(require->metric, output, false, why);
		return;
	}
	if (!output || put_of_another(&metric_infos[kind], output, false, why))
		return;
	if ((metric_infos[kind].needs & NEEDS_CLASS) && kind != METRIC_F1 && !require->class_name &&
	    output->classes.n > 2)
		buf_printf(why, "%s is about one class; write which, such as class: %.60s",
		           metric_infos[kind].name, output->classes.items[0]);
}

static bool is_measured(const char *written, const struct output_spec *output)
{
	for (int kind = 0; kind < METRIC_KINDS; kind++) {
		const struct metric_info *info = &metric_infos[kind];
		size_t len = strlen(info->name);

		if (strncmp(written, info->name, len) != 0 || !is_possible(info, output, true))
			continue;
		if (is_by_class(info) ? written[len] == '.' && strings_have(&output->classes,
		                                                           written + len + 1)
		                      : !written[len])
			return true;
	}
	return false;
}

void metric_why_not_measured(const char *written, const struct output_spec *output,
                             struct buf *why)
{
	double quantile;
	enum metric_kind kind = metric_parse(written, &quantile);
	const struct metric_info *info = kind < METRIC_KINDS ? &metric_infos[kind] : NULL;

	if (is_measured(written, output) || (info && put_of_another(info, output, true, why)))
		return;
	if (info && is_by_class(info))
		buf_printf(why, "%s is about one class; write %s.%.60s, or that of another class",
		           info->name, info->name, output->classes.items[0]);
	else
		put_no_metric(written, output, true, why);
}

/* ---- bounds ---- */

void metric_why_not_bound(const struct gate_require *require, double bound, struct buf *why)
{
	double quantile;
	enum metric_kind kind = metric_parse(require->metric, &quantile);
	const struct metric_info *info = kind < METRIC_KINDS ? &metric_infos[kind] : NULL;

	if (!info || !is_set(bound) || (bound >= info->low && bound <= info->high))
		return;
	buf_printf(why, "%s is never %s %g, and this is %g", info->name,
	           bound < info->low ? "below" : "above", bound < info->low ? info->low : info->high,
	           bound);
	if (info->high == 1 && bound >= 10 && bound <= 100)
		buf_printf(why, "; did you mean %g%%?", bound);
	else
		buf_puts(why, "; write what it can be");
}
