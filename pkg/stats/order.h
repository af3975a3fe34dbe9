/* Sorting without a heap. */
#ifndef LINNET_STATS_ORDER_H
#define LINNET_STATS_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

bool all_finite(const double *x, size_t n);

/* In place, O(n log n); NaN must not be in it. */
void sort_ascending(double *x, size_t n);
/* Rows of x in ascending order, equal ones as they stood; n below 2^32. */
uint32_t *sort_order(const double *x, size_t n, struct arena *arena);
/* rank[i] of x[i] from 1; equal values share the mean of their ranks. */
void midranks(const double *x, size_t n, double *rank, struct arena *arena);
/* Quantile q of n > 0 ascending values, linear between order statistics (Hyndman and Fan type
 * 7). */
double sorted_quantile(const double *sorted, size_t n, double q);

#endif
