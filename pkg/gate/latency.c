#include "gate/gate.h"

double latency_quantile(const uint64_t bins[LATENCY_BINS], double q)
{
	double total = 0, below = 0;

	for (int i = 0; i < LATENCY_BINS; i++)
		total += (double)bins[i];
	if (!(total > 0) || !(q >= 0 && q <= 1))
		return NAN;
	for (int i = 0; i < LATENCY_BINS; i++) {
		double count = (double)bins[i];

		if (count > 0 && below + count >= q * total) {
			double part = fmax(0, (q * total - below) / count);

			return latency_edge_ms(i) * exp2(part / 8);
		}
		below += count;
	}
	return latency_edge_ms(LATENCY_BINS);
}
