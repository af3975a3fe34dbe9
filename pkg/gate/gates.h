/* Gates: predictions on test rows -> a verdict (STATISTICS.md, section 4). Pure.
 *
 * Every condition is on a bound, never on the value itself: PASS when the one-sided bound at the
 * declared reliability holds it, FAIL when the bound of the other side excludes it, INCONCLUSIVE
 * when these rows cannot tell. What has no value (no rows, one class, NaN) is never a PASS. */
#ifndef LINNET_GATE_GATES_H
#define LINNET_GATE_GATES_H

#include "api/status.h"
#include "base/arena.h"

/* What one model said about the rows, in their order. All borrowed. */
struct gate_predictions {
	const uint32_t *classes; /* of models with classes, each below their number */
	const double *numbers;   /* of models without */
	const double *scores;    /* [n][n_scores], or NULL */
	size_t n_scores;
};

/* An input, one value a row: text of what is grouped by it, numbers of what is looked at for
 * leakage. */
struct gate_column {
	const char *name;
	const char *const *texts; /* NULL entries: missing; or NULL: a number */
	const double *numbers;    /* NAN: missing; or NULL: a text */
	struct strings declared;  /* the closed set of texts; n = 0: any */
};

struct gate_rows {
	size_t n;
	const struct strings *classes; /* n = 0: numbers */
	const uint32_t *truth;
	const double *truth_number;
	struct gate_predictions candidate;
	const struct gate_predictions *incumbent; /* on the same rows; NULL: none serves */
	const bool *seen; /* it was trained on this row: both are not compared on it; NULL: on none */
	bool by_time;                             /* rows stand in the order of time */
	const struct gate_column *inputs;
	size_t n_inputs;
};

struct gates_input {
	struct gate_rows rows;
	struct gate_serving serving;
	const struct gates_spec *gates;
	const struct gate_policy *policy; /* NULL: none named */
	const char *incumbent;            /* its name for people, such as v2 */
	bool incumbent_unknown;           /* so are the rows that it was trained on */
	int64_t uses;                     /* final tests of these rows, this one included; 0: they are
	                                   * no test rows, it may have been trained on them */
	const char *seed;                 /* of the resampling: the digest of the evaluation */
	enum verdict_result outside;      /* what gates.command said, where it is declared */
	const char *outside_why;
};

/* FAIL beats INCONCLUSIVE beats PASS; NOT_APPLICABLE when nothing could be asked. `why` is one
 * sentence; of the worst entry (first that it tells nothing apart), or what passed. In the
 * arena. */
struct gates_verdict {
	enum verdict_result result;
	const char *why;
	struct gate_entry *entries;
	size_t n_entries;
	struct named_number *slices; /* "team=core": the first required metric there */
	size_t n_slices;
};
struct gates_verdict gates_judge(const struct gates_input *input, struct arena *arena);

/* A metric of both with intervals at the declared reliability, for people: nothing is judged. Of
 * a loss, too, `gain` above 0 is better. NAN: unknown. */
struct gate_range {
	double value, low, high;
};
struct gate_figure {
	const char *name; /* "recall of High" */
	bool is_share;
	struct gate_range candidate, current, gain;
};
/* All that have a value on these rows. */
struct gate_figure *gates_figures(const struct gates_input *input, struct arena *arena, size_t *n);

/* Final tests of the rows of that run, its own included: of each set in the ledger with which they
 * share a tenth, as far as times tell; sets without times count as shared. Tests that told nothing
 * new are none. */
int64_t gate_uses(const struct model_status *status, const char *run);

/* ---- chance.c ---- */

/* What is known of tests to come before anything trains: of the last version's verdict, which had
 * as many rows. */
struct gate_outlook {
	int64_t rows;
	double disagreement; /* the share of rows that are answered otherwise than by what serves */
	double accuracy;     /* of that version; NAN: unknown */
	const struct gate_entry *entries;
	size_t n_entries;
};
/* One declared condition, by the name that it has in a verdict. */
struct gate_chance {
	const char *name;
	bool versus;       /* of a candidate exactly as good as what serves; else as good as the last */
	bool accuracy;
	const char *value; /* of the last version, for people; NULL: unknown, or of versus */
	double p;          /* how often it passes; NAN: no verdict has told how far its metric varies */
};
/* All of them, those of the policy last. Of accuracy the chance is exact; of any other metric it is
 * that of a normal gain or value, as wide as the interval was in that verdict. */
struct gate_chance *gates_chances(const struct model *model, const struct gate_policy *policy,
                                  const struct gate_outlook *outlook, struct arena *arena,
                                  size_t *n);

#endif
