#include "stats/order.h"

#include <math.h>

bool all_finite(const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static void sift_down(double *x, size_t root, size_t n)
{
	double value = x[root];

	for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
		if (child + 1 < n && x[child + 1] > x[child])
			child++;
		if (x[child] <= value)
			break;
		x[root] = x[child];
		root = child;
	}
	x[root] = value;
}

void sort_ascending(double *x, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(x, i, n);
	for (size_t last = n; last-- > 1;) {
		double largest = x[0];

		x[0] = x[last];
		x[last] = largest;
		sift_down(x, 0, last);
	}
}

static void merge(const double *x, const uint32_t *from, uint32_t *to, size_t middle, size_t end)
{
	size_t left = 0, right = middle;

	for (size_t i = 0; i < end; i++)
		to[i] = left < middle && (right >= end || x[from[left]] <= x[from[right]]) ? from[left++]
		                                                                          : from[right++];
}

uint32_t *sort_order(const double *x, size_t n, struct arena *arena)
{
	uint32_t *order = arena_array(arena, n, uint32_t), *next = arena_array(arena, n, uint32_t);

	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	for (size_t width = 1; width < n; width *= 2) {
		uint32_t *done = next;

		for (size_t at = 0; at < n; at += 2 * width)
			merge(x, order + at, next + at, width < n - at ? width : n - at,
			      2 * width < n - at ? 2 * width : n - at);
		next = order;
		order = done;
	}
	return order;
}

void midranks(const double *x, size_t n, double *rank, struct arena *arena)
{
	const uint32_t *order = sort_order(x, n, arena);

	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && x[order[end]] == x[order[i]];)
			end++;
		for (size_t j = i; j < end; j++)
			rank[order[j]] = ((double)i + (double)end + 1) / 2;
	}
}

double sorted_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1), below = floor(at);
	size_t i = (size_t)below;

	return i + 1 < n ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}
