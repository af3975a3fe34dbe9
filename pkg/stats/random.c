#include "stats/random.h"

#include <math.h>
#include <stddef.h>

static uint64_t rotate_left(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void random_init(struct random *random, const char *seed)
{
	uint64_t hash = 0;

	for (const char *c = seed ? seed : ""; *c; c++) {
		hash ^= (unsigned char)*c;
		hash = mix(&hash);
	}
	for (size_t i = 0; i < 4; i++)
		random->state[i] = mix(&hash);
}

uint64_t random_next(struct random *random)
{
	uint64_t *s = random->state, result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

double random_unit(struct random *random)
{
	return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* Lemire (2019): the high half of a product, and a rejection that almost never happens. */
uint64_t random_below(struct random *random, uint64_t bound)
{
	unsigned __int128 product = (unsigned __int128)random_next(random) * bound;

	if ((uint64_t)product < bound)
		for (uint64_t reject = -bound % bound; (uint64_t)product < reject;)
			product = (unsigned __int128)random_next(random) * bound;
	return (uint64_t)(product >> 64);
}

/* p <= 1/2 and n p small: walk up the distribution. */
static uint64_t binomial_walk(struct random *random, uint64_t n, double p)
{
	double odds = p / (1 - p), f = exp((double)n * log1p(-p)), u = random_unit(random);
	uint64_t k = 0;

	while (u > f && k < n) {
		u -= f;
		f *= odds * (double)(n - k) / (double)(k + 1);
		k++;
	}
	return k;
}

static double lnfactorial(double n)
{
	int sign;

	return lgamma_r(n + 1, &sign);
}

/* p <= 1/2 and n p >= 10. */
static uint64_t binomial_reject(struct random *random, uint64_t count, double p)
{
	double n = (double)count, sd = sqrt(n * p * (1 - p)), b = 1.15 + 2.53 * sd;
	double a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, v_r = 0.92 - 4.2 / b;
	double alpha = (2.83 + 5.1 / b) * sd, lnodds = log(p / (1 - p)), m = floor((n + 1) * p);
	double h = lnfactorial(m) + lnfactorial(n - m);

	for (;;) {
		double u = random_unit(random) - 0.5, v = random_unit(random), us = 0.5 - fabs(u);
		double k = floor((2 * a / us + b) * u + c);

		if (!(k >= 0 && k <= n))
			continue;
		if (us >= 0.07 && v <= v_r)
			return (uint64_t)k;
		if (log(v * alpha / (a / (us * us) + b)) <=
		    h - lnfactorial(k) - lnfactorial(n - k) + (k - m) * lnodds)
			return (uint64_t)k;
	}
}

uint64_t random_binomial(struct random *random, uint64_t n, double p)
{
	if (!(p > 0) || p > 1 || n == 0)
		return 0;
	if (p > 0.5)
		return n - random_binomial(random, n, 1 - p);
	return (double)n * p < 10 ? binomial_walk(random, n, p) : binomial_reject(random, n, p);
}
