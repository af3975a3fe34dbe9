/* The alternatives that the tests bet on, and what a trial is. */
#ifndef LINNET_GATE_RATIOS_H
#define LINNET_GATE_RATIOS_H

#include "api/status.h"

static const double harm_ratios[HARM_RATIOS] = {1.25, 1.5, 2, 3, 5, 10, 30, 100};

/* A dead replica's requests are sent elsewhere and show as bad events alone. */
static inline double arm_trials(const struct arm *arm)
{
	return (double)(arm->requests > arm->bad ? arm->requests : arm->bad);
}

#endif
