/*
 * A small pseudo-random generator (xoshiro256**, Blackman and Vigna), for jitter and the
 * simulator. Not for secrets: those come from engine/io/crypto.h.
 *
 * Thread:  the owner's; the same seed gives the same numbers on every machine.
 */
#ifndef SLUICE_RANDOM_H
#define SLUICE_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);
/* 0 <= result < bound; bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* 0 <= result < 1. */
double random_unit(struct random *random);

#endif
