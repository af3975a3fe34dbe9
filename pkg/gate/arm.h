/* What a trial is. */
#ifndef LINNET_GATE_ARM_H
#define LINNET_GATE_ARM_H

#include "api/status.h"

/* A dead replica's requests are sent elsewhere and show as bad events alone. */
static inline double arm_trials(const struct arm *arm)
{
	return (double)(arm->requests > arm->bad ? arm->requests : arm->bad);
}

#endif
