/* Inside gate: what a trial is, what an event is, and the e-values of stored likelihood ratios. */
#ifndef LINNET_GATE_ARM_H
#define LINNET_GATE_ARM_H

#include "api/status.h"
#include "stats/sequential.h"

/* A dead replica's requests are sent elsewhere and show as bad events alone. */
static inline double arm_trials(const struct arm *arm)
{
	return (double)(arm->requests > arm->bad ? arm->requests : arm->bad);
}

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

/* ln of the mixture over a whole grid. */
double grid_ln(const double *ln, enum e_kind kind);

#endif
