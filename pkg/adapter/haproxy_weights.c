/* Shares to the integer weights of servers. Pure. */
#include <math.h>

#include "adapter/haproxy.h"

int haproxy_part(int total, int n, int i)
{
	return total / n + (i < total % n);
}

struct choice {
	double error;
	int uneven, total[2];
};

static bool is_better(const struct choice *a, const struct choice *b)
{
	if (fabs(a->error - b->error) > 1e-9)
		return a->error < b->error;
	if (a->uneven != b->uneven)
		return a->uneven < b->uneven;
	return a->total[0] + a->total[1] < b->total[0] + b->total[1];
}

static struct choice weigh(double share, const int servers[2], int first, int second)
{
	return (struct choice){
		.error = fabs((double)second / (first + second) - share),
		.uneven = (first % servers[0] != 0) + (second % servers[1] != 0),
		.total = {first, second},
	};
}

/* Both groups have servers and a share. For each total of the second, the first's best one is
 * known. */
static void search(double share, const int servers[2], int totals[2])
{
	int most[2] = {servers[0] * HAPROXY_WEIGHT_MAX, servers[1] * HAPROXY_WEIGHT_MAX};
	struct choice best = weigh(share, servers, most[0], 1);

	for (int second = 1; second <= most[1]; second++) {
		double wanted = second * (1 - share) / share;
		int floor_first = wanted >= most[0] ? most[0] : (int)wanted;

		for (int first = floor_first; first <= floor_first + 1; first++) {
			struct choice choice;

			if (first < 1 || first > most[0])
				continue;
			choice = weigh(share, servers, first, second);
			if (is_better(&choice, &best))
				best = choice;
		}
	}
	totals[0] = best.total[0];
	totals[1] = best.total[1];
}

void haproxy_totals(const double shares[2], const int servers[2], int totals[2])
{
	bool has[2] = {servers[0] > 0 && shares[0] > 0, servers[1] > 0 && shares[1] > 0};

	totals[0] = has[0] ? servers[0] : 0;
	totals[1] = has[1] ? servers[1] : 0;
	if (has[0] && has[1])
		search(shares[1] / (shares[0] + shares[1]), servers, totals);
}
