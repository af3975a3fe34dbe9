/* Inside gate: what a trial is, what an event is, and the e-values of stored likelihood ratios. */
#ifndef LINNET_GATE_ARM_H
#define LINNET_GATE_ARM_H

#include "api/status.h"
#include "base/arena.h"
#include "stats/sequential.h"

/* A dead replica's requests are sent elsewhere and show as bad events alone. */
static inline double arm_trials(const struct arm *arm)
{
	return (double)(arm->requests > arm->bad ? arm->requests : arm->bad);
}

enum { FREEDOM_MIN = 20 }; /* degrees of freedom from which on over-dispersion is known */

/* 15420 -> "15,420" */
const char *grouped(struct arena *arena, double number);
/* A share as a percentage of two digits: 0.042 -> "4.2", 1 -> "100" */
const char *points(struct arena *arena, double share);

/* Requests at or above a fractional bin, as if evenly spread within it; 0 for no bin. */
double arm_slower(const struct arm *arm, double edge);
double arm_timed(const struct arm *arm); /* requests in the histogram */
/* Where the candidate's answers count as slower than those of the stable arm at `edge`: beyond the
 * tolerance, and not below the floor. LATENCY_BINS: nowhere. */
double slow_edge(double edge, const struct analysis_spec *analysis);
/* Is there a sensible `latency.margin`? */
bool latency_watched(const struct analysis_spec *analysis);

/* Over-dispersion in force for one kind of event: for harm with its safety factor. */
double harm_phi(const struct evidence *evidence, int event);
double step_phi(const struct evidence *evidence);

/* metric.c: why a declared metric shows harm, why one keeps from a step up; NULL: none does. And
 * whether one had no answer for longer than noDataDeadline. */
const char *metric_harm(const struct evidence *evidence, const struct analysis_spec *analysis,
                        struct arena *arena);
const char *metric_missing(const struct evidence *evidence, const struct analysis_spec *analysis,
                           int64_t now_ms, struct arena *arena);
/* label.c: the same of predicted labels. */
bool labels_watched(const struct analysis_spec *analysis);
void labels_start_step(struct evidence *evidence, struct arena *arena);
const char *labels_harm(const struct evidence *evidence, const struct analysis_spec *analysis,
                        struct arena *arena);
const char *labels_missing(const struct evidence *evidence, const struct analysis_spec *analysis,
                           struct arena *arena);
bool labels_sound(const struct evidence *evidence); /* no more at the step than in all */
bool labels_silent(const struct evidence *evidence, const struct analysis_spec *analysis,
                   int64_t now_ms);
struct finding;
void labels_find(struct finding *finding, const struct evidence *evidence,
                 const struct analysis_spec *analysis, struct arena *arena);
void metric_find(struct finding *finding, const struct evidence *evidence,
                 const struct metric_spec *metric);
bool metric_silent(const struct evidence *evidence, const struct analysis_spec *analysis,
                   int64_t now_ms);

/* ln of the mixture over a whole grid. */
double grid_ln(const double *ln, enum e_kind kind);

#endif
