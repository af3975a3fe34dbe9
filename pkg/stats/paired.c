#include "stats/paired.h"

#include <math.h>
#include <string.h>

#include "stats/order.h"

/* ---- accuracy ---- */

static int64_t smaller(int64_t b, int64_t c)
{
	return b < c ? b : c;
}

double mcnemar_exact(int64_t b, int64_t c)
{
	return fmin(1, 2 * binomial_cdf((double)smaller(b, c), (double)(b + c), 0.5));
}

double mcnemar_midp(int64_t b, int64_t c)
{
	double pmf = exp(binomial_lnpmf((double)smaller(b, c), (double)(b + c), 0.5));

	if (b + c == 0)
		return 1;
	return b == c ? 1 - pmf / 2 : mcnemar_exact(b, c) - pmf;
}

double mcnemar_better(int64_t b, int64_t c)
{
	return binomial_sf((double)c, (double)(b + c), 0.5);
}

double tango_share(struct paired_counts pairs, double delta)
{
	double n = (double)pairs.n, b = (double)pairs.b, c = (double)pairs.c;
	double linear = (2 * n - c + b) * delta - b - c;

	return (sqrt(linear * linear + 8 * n * b * delta * (1 - delta)) - linear) / (4 * n);
}

double tango_z(struct paired_counts pairs, double delta)
{
	double n = (double)pairs.n, distance = (double)(pairs.c - pairs.b) - n * delta;
	/* The restricted shares of b and c, each computed without cancellation. */
	struct paired_counts swapped = {pairs.n, pairs.c, pairs.b};
	double variance = delta >= 0 ? 2 * tango_share(pairs, delta) + delta * (1 - delta)
	                             : 2 * tango_share(swapped, -delta) - delta * (1 + delta);

	if (distance == 0)
		return 0;
	return variance > 0 ? distance / sqrt(n * variance) : copysign(INFINITY, distance);
}

/* The delta at which z falls below `bound`. */
static double tango_bound(struct paired_counts pairs, double bound)
{
	double low = -1, high = 1;

	for (int i = 0; i < 100; i++) {
		double middle = (low + high) / 2;

		if (tango_z(pairs, middle) > bound)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

struct interval tango_interval(struct paired_counts pairs, double alpha)
{
	double z = normal_quantile(1 - alpha / 2);

	if (pairs.n <= 0)
		return (struct interval){-1, 1};
	return (struct interval){tango_bound(pairs, z), tango_bound(pairs, -z)};
}

/* The fewest c of `differing` rows with which z at -margin reaches `bound`. */
static int64_t wins_needed(int64_t n, int64_t differing, double margin, double bound)
{
	int64_t low = 0, high = differing + 1;

	while (low < high) {
		int64_t c = low + (high - low) / 2;

		if (tango_z((struct paired_counts){n, differing - c, c}, -margin) > bound)
			high = c;
		else
			low = c + 1;
	}
	return low;
}

double paired_pass_probability(int64_t n, double disagreement, double margin, double alpha)
{
	double mean = (double)n * disagreement, sd = sqrt(mean * (1 - disagreement)), passes = 0;
	double bound = normal_quantile(1 - alpha);
	int64_t first = (int64_t)fmax(0, floor(mean - 8 * sd));
	int64_t last = (int64_t)fmin((double)n, ceil(mean + 8 * sd));

	if (!(n > 0 && disagreement >= 0 && disagreement <= 1 && margin < 1))
		return NAN;
	for (int64_t differing = first; differing <= last; differing++) {
		int64_t wins = wins_needed(n, differing, margin, bound);

		passes += exp(binomial_lnpmf((double)differing, (double)n, disagreement)) *
		          binomial_sf((double)wins, (double)differing, 0.5);
	}
	return fmin(1, passes);
}

double paired_rows(double difference, double disagreement, double alpha, double beta)
{
	double d2 = difference * difference;
	double root = normal_quantile(1 - alpha) * sqrt(disagreement) +
	              normal_quantile(1 - beta) * sqrt(disagreement - d2);

	return ceil(root * root / d2);
}

double paired_detectable(int64_t n, double disagreement, double alpha, double beta)
{
	double near = 0, far = disagreement;

	if (!(far > 0 && far <= 1) || paired_rows(far, disagreement, alpha, beta) > (double)n)
		return NAN;
	for (int i = 0; i < 100; i++) {
		double middle = (near + far) / 2;

		if (paired_rows(middle, disagreement, alpha, beta) > (double)n)
			near = middle;
		else
			far = middle;
	}
	return far;
}

double paired_rows_observed(double difference, double disagreement, double alpha)
{
	double z = normal_quantile(1 - alpha), d2 = difference * difference;

	return ceil(z * z * (disagreement - d2) / d2);
}

/* ---- bootstrap ---- */

size_t bootstrap_block(size_t n)
{
	double root = floor(cbrt((double)n) + 1e-9);

	return root < 1 ? 1 : (size_t)root;
}

/* Drops what is not finite and summarises the rest; sorts `values`. */
static struct estimate summarise(double *values, size_t n, double alpha)
{
	size_t kept = 0;
	double mean = 0, squares = 0;

	for (size_t i = 0; i < n; i++)
		if (isfinite(values[i]))
			values[kept++] = values[i];
	if (kept == 0)
		return (struct estimate){NAN, NAN, {NAN, NAN}, n};
	for (size_t i = 0; i < kept; i++)
		mean += values[i] / (double)kept;
	for (size_t i = 0; i < kept; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	sort_ascending(values, kept);
	return (struct estimate){
		.mean = mean,
		.se = kept > 1 ? sqrt(squares / (double)(kept - 1)) : NAN,
		.interval = {sorted_quantile(values, kept, alpha / 2),
		             sorted_quantile(values, kept, 1 - alpha / 2)},
		.undefined = n - kept,
	};
}

/* One multinomial draw of as many rows, by conditional binomials. */
static void draw_cells(struct random *random, const uint64_t *counts, uint64_t *draw, size_t k,
                       uint64_t n)
{
	uint64_t rows_left = n, draws_left = n;

	for (size_t i = 0; i < k; i++) {
		double share = rows_left ? (double)counts[i] / (double)rows_left : 0;

		draw[i] = random_binomial(random, draws_left, share);
		draws_left -= draw[i];
		rows_left -= counts[i];
	}
}

struct estimate bootstrap_cells(struct bootstrap *bootstrap, const uint64_t *counts, size_t k,
                                cell_statistic *statistic, const void *context,
                                struct arena *arena)
{
	double *values = arena_array(arena, bootstrap->resamples, double);
	uint64_t *draw = arena_array(arena, k, uint64_t), n = 0;

	for (size_t i = 0; i < k; i++)
		n += counts[i];
	for (size_t i = 0; i < bootstrap->resamples; i++) {
		draw_cells(&bootstrap->random, counts, draw, k, n);
		values[i] = n ? statistic(draw, k, context) : NAN;
	}
	return summarise(values, bootstrap->resamples, bootstrap->alpha);
}

static size_t block_length(const struct bootstrap *bootstrap, size_t n)
{
	size_t block = bootstrap->block > 0 ? bootstrap->block : 1;

	return block < n ? block : n;
}

struct estimate bootstrap_rows(struct bootstrap *bootstrap, size_t n, row_statistic *statistic,
                               const void *context, struct arena *arena)
{
	double *values = arena_array(arena, bootstrap->resamples, double);
	uint32_t *rows = arena_array(arena, n, uint32_t);
	size_t block = block_length(bootstrap, n);

	for (size_t i = 0; i < bootstrap->resamples; i++) {
		for (size_t at = 0; at < n; at += block) {
			size_t start = random_below(&bootstrap->random, n);

			for (size_t j = 0; j < block && at + j < n; j++)
				rows[at + j] = (uint32_t)((start + j) % n);
		}
		values[i] = n ? statistic(rows, n, context) : NAN;
	}
	return summarise(values, bootstrap->resamples, bootstrap->alpha);
}

/* sums[i][k]: how many of the first i rows are in each cell. */
static uint32_t *cumulate(const uint32_t *cell, size_t n, size_t k, struct arena *arena)
{
	uint32_t *sums = arena_array(arena, (n + 1) * k, uint32_t);

	for (size_t i = 0; i < n; i++) {
		memcpy(sums + (i + 1) * k, sums + i * k, k * sizeof(*sums));
		sums[(i + 1) * k + cell[i]]++;
	}
	return sums;
}

static void add_rows(uint64_t *counts, const uint32_t *sums, size_t k, size_t from, size_t to)
{
	const uint32_t *first = sums + from * k, *last = sums + to * k;

	for (size_t c = 0; c < k; c++)
		counts[c] += last[c] - first[c];
}

struct estimate bootstrap_cell_blocks(struct bootstrap *bootstrap, const uint32_t *cell, size_t n,
                                      size_t k, cell_statistic *statistic, const void *context,
                                      struct arena *arena)
{
	double *values = arena_array(arena, bootstrap->resamples, double);
	const uint32_t *sums = cumulate(cell, n, k, arena);
	uint64_t *counts = arena_array(arena, k, uint64_t);
	size_t block = block_length(bootstrap, n);

	for (size_t i = 0; i < bootstrap->resamples; i++) {
		memset(counts, 0, k * sizeof(*counts));
		for (size_t at = 0; at < n; at += block) {
			size_t start = random_below(&bootstrap->random, n);
			size_t end = start + (block < n - at ? block : n - at);

			add_rows(counts, sums, k, start, end < n ? end : n);
			if (end > n)
				add_rows(counts, sums, k, 0, end - n);
		}
		values[i] = n ? statistic(counts, k, context) : NAN;
	}
	return summarise(values, bootstrap->resamples, bootstrap->alpha);
}

/* Sum of `count` rows from `start` on, in a circle; sums[i] is that of the first i rows. */
static double circular_sum(const double *sums, size_t n, size_t start, size_t count)
{
	return start + count <= n ? sums[start + count] - sums[start]
	                          : sums[n] - sums[start] + sums[start + count - n];
}

static double resampled_sum(struct random *random, const double *difference, const double *sums,
                            size_t n, size_t block)
{
	double sum = 0;

	if (block == 1) {
		for (size_t i = 0; i < n; i++)
			sum += difference[random_below(random, n)];
		return sum;
	}
	for (size_t at = 0; at < n; at += block)
		sum += circular_sum(sums, n, random_below(random, n), block < n - at ? block : n - at);
	return sum;
}

struct estimate bootstrap_mean(struct bootstrap *bootstrap, const double *difference, size_t n,
                               struct arena *arena)
{
	double *values = arena_array(arena, bootstrap->resamples, double);
	double *sums = arena_array(arena, n + 1, double);
	size_t block = block_length(bootstrap, n);

	for (size_t i = 0; i < n; i++)
		sums[i + 1] = sums[i] + difference[i];
	for (size_t i = 0; i < bootstrap->resamples; i++)
		values[i] = n == 0 ? NAN
		                   : resampled_sum(&bootstrap->random, difference, sums, n, block) /
		                         (double)n;
	return summarise(values, bootstrap->resamples, bootstrap->alpha);
}

/* ---- areas under two correlated ROC curves ---- */

/* Placements of the rows of one score: for a positive row the share of negatives below it (ties
 * half), for a negative one the share of positives above it. `of_class` is scratch of n. */
static void placements(const double *score, const bool *positive, size_t n, double *placement,
                       struct arena *arena)
{
	double *rank = arena_array(arena, n, double), *own = arena_array(arena, n, double);
	double *of_class = arena_array(arena, n, double);
	size_t size[2] = {0, 0};

	for (size_t i = 0; i < n; i++)
		size[positive[i]]++;
	midranks(score, n, rank, arena);
	for (int class = 0; class < 2; class++) {
		size_t k = 0;

		for (size_t i = 0; i < n; i++)
			if (positive[i] == class)
				of_class[k++] = score[i];
		midranks(of_class, k, own, arena);
		k = 0;
		for (size_t i = 0; i < n; i++)
			if (positive[i] == class) {
				double other = (rank[i] - own[k++]) / (double)size[!class];

				placement[i] = class ? other : 1 - other;
			}
	}
}

/* Covariance over the rows of one class of two placements, divided by their number. */
static double class_covariance(const double *x, const double *y, const bool *positive, size_t n,
                               bool class, double mean_x, double mean_y)
{
	double sum = 0;
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		if (positive[i] == class) {
			sum += (x[i] - mean_x) * (y[i] - mean_y);
			size++;
		}
	return size > 1 ? sum / (double)(size - 1) / (double)size : 0;
}

static double covariance(const double *x, const double *y, const bool *positive, size_t n,
                         double mean_x, double mean_y)
{
	return class_covariance(x, y, positive, n, true, mean_x, mean_y) +
	       class_covariance(x, y, positive, n, false, mean_x, mean_y);
}

static enum stats_status scores_status(const double *a, const double *b, const bool *positive,
                                       size_t n)
{
	size_t positives = 0;

	for (size_t i = 0; i < n; i++)
		positives += positive[i];
	if (n == 0)
		return STATS_EMPTY;
	if (!all_finite(a, n) || !all_finite(b, n))
		return STATS_NOT_FINITE;
	return positives == 0 || positives == n ? STATS_ONE_CLASS : STATS_OK;
}

struct delong delong_test(const double *a, const double *b, const bool *positive, size_t n,
                          struct arena *arena)
{
	struct delong out = {scores_status(a, b, positive, n), {NAN, NAN}, {NAN, NAN}, NAN, NAN, NAN,
	                     NAN};
	const double *score[2] = {a, b};
	double *placement[2], size = 0, difference;

	if (out.status != STATS_OK)
		return out;
	for (int s = 0; s < 2; s++) {
		placement[s] = arena_array(arena, n, double);
		placements(score[s], positive, n, placement[s], arena);
		out.auc[s] = size = 0;
		for (size_t i = 0; i < n; i++)
			if (positive[i]) {
				out.auc[s] += placement[s][i];
				size++;
			}
		out.auc[s] /= size;
	}
	for (int s = 0; s < 2; s++)
		out.variance[s] = covariance(placement[s], placement[s], positive, n, out.auc[s],
		                             out.auc[s]);
	out.covariance = covariance(placement[0], placement[1], positive, n, out.auc[0], out.auc[1]);
	out.variance_difference = fmax(0, out.variance[0] + out.variance[1] - 2 * out.covariance);
	difference = out.auc[0] - out.auc[1];
	out.z = difference == 0 ? 0 : difference / sqrt(out.variance_difference);
	out.p = 2 * normal_sf(fabs(out.z));
	return out;
}

double auc_se(double auc, double positives, double negatives)
{
	double square = auc * auc, q1 = auc / (2 - auc) - square, q2 = 2 * square / (1 + auc) - square;

	return sqrt((auc * (1 - auc) + (positives - 1) * q1 + (negatives - 1) * q2) /
	            (positives * negatives));
}
