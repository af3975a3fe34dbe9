#include "api/view.h"

const double timing_edges_s[TIMING_EDGES] = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60};

void timing_add(struct timing *timing, int64_t ms)
{
	double seconds = (double)(ms > 0 ? ms : 0) / 1000;
	int bin = 0;

	while (bin < TIMING_EDGES && seconds > timing_edges_s[bin])
		bin++;
	timing->bins[bin]++;
	timing->seconds += seconds;
	timing->n++;
}
