#include "queue/base/random.h"

#include "queue/base/check.h"

static uint64_t rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* splitmix64, the seeding that xoshiro's authors advise: no seed gives an all-zero state. */
static uint64_t split_mix(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15u;
	uint64_t z = *state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void random_seed(struct random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		random->state[i] = split_mix(&seed);
}

uint64_t random_u64(struct random *random)
{
	uint64_t *s = random->state;
	const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	const uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	check(bound > 0);
	/* Multiply-shift; its bias is below 2^-32 for the bounds that we use. */
	return (uint64_t)(((unsigned __int128)random_u64(random) * bound) >> 64);
}

double random_unit(struct random *random)
{
	return (double)(random_u64(random) >> 11) * 0x1.0p-53;
}
