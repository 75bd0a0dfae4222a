/*
 * SipHash-2-4, piece by piece: 64 bits that tell two texts apart, whoever wrote them.
 *
 * Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast short-input PRF".
 *
 * Thread:  any; a value without memory of its own.
 * Never:   fails. How the text is cut into pieces makes no difference.
 */
#ifndef SLUICE_SIPHASH_H
#define SLUICE_SIPHASH_H

#include "queue/base/bytes.h"

struct siphash {
	uint64_t v[4];
	uint64_t word; /* bytes that are not eight yet */
	uint64_t bytes;
};

void siphash_init(struct siphash *hash, uint64_t key_low, uint64_t key_high);
void siphash_feed(struct siphash *hash, struct view bytes);
/* The hash of what was fed so far; more may follow. */
uint64_t siphash_end(const struct siphash *hash);

#endif
