/*
 * Hashes, random bytes and the care that secrets need; a thin door to the library's.
 *
 * Thread:  any; no state.
 * Never:   fails quietly: a library that can't give random bytes stops the process.
 */
#ifndef SLUICE_CRYPTO_H
#define SLUICE_CRYPTO_H

#include "queue/base/bytes.h"

#define CRYPTO_SHA256_BYTES 32

void crypto_sha256(struct view bytes, uint8_t result[CRYPTO_SHA256_BYTES]);
void crypto_hmac_sha256(struct view key, struct view bytes, uint8_t result[CRYPTO_SHA256_BYTES]);
/* From the system's entropy; for keys, tokens and seeds. */
void crypto_random(struct span into);
uint64_t crypto_random_u64(void);
/* Takes the same time whatever differs; the sizes are no secret. */
bool crypto_equal(struct view a, struct view b);
/* Overwrites a secret in a way the compiler can't leave out. */
void crypto_wipe(void *secret, size_t bytes);

#endif
