/* The one source of chance: xoshiro256** (Blackman and Vigna 2021), seeded, so that a result can be
 * computed again. */
#ifndef LINNET_STATS_RANDOM_H
#define LINNET_STATS_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4]; /* never all zero */
};

/* Any text seeds it, such as the digest of an evaluation in hex; NULL is "". */
void random_init(struct random *random, const char *seed);
uint64_t random_next(struct random *random);
double random_unit(struct random *random);                    /* in [0, 1), 53 bits */
/* In [0, bound), without bias; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* A draw of Binomial(n, p): inversion for small means, else the transformed rejection BTRS of
 * Hoermann (1993). 0 where p is not in (0, 1]. */
uint64_t random_binomial(struct random *random, uint64_t n, double p);

#endif
