#include "api/status.h"

int latency_bin(double ms)
{
	double bin;

	if (!(ms > 0))
		return 0;
	bin = floor(8 * log2(ms * 16) + 1e-9);
	if (bin < 0)
		return 0;
	return bin < LATENCY_BINS ? (int)bin : LATENCY_BINS - 1;
}

double latency_edge_ms(int bin)
{
	return exp2(bin / 8.0) / 16;
}
