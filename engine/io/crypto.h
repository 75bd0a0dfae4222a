/*
 * Hashes, random bytes and the care that secrets need; a thin door to the library's.
 *
 * Thread:  any; no state.
 * Never:   fails quietly: a library that can't give random bytes stops the process.
 */
#ifndef SLUICE_CRYPTO_H
#define SLUICE_CRYPTO_H

#include "queue/base/bytes.h"

#define CRYPTO_SHA256_BYTES    32
#define CRYPTO_SHA1_BYTES      20
#define CRYPTO_SIGNATURE_BYTES 1024 /* of an RSA key with 8,192 bits */

void crypto_sha256(struct view bytes, uint8_t result[CRYPTO_SHA256_BYTES]);
void crypto_hmac_sha256(struct view key, struct view bytes, uint8_t result[CRYPTO_SHA256_BYTES]);
/* What names a certificate at Microsoft: hashes over its DER. False: `pem` holds none. */
bool crypto_certificate_prints(
        struct view pem, uint8_t sha1[CRYPTO_SHA1_BYTES], uint8_t sha256[CRYPTO_SHA256_BYTES]);
/* RS256 (RFC 7518 3.3). False: `key_pem` holds no RSA key, or `signature` has no room. */
bool crypto_sign(struct view key_pem, struct view message, struct text *signature);
bool crypto_verify(struct view certificate_pem, struct view message, struct view signature);
/* Whether the pair can sign so: of one key, RSA, 2,048 bits or more, valid now. Gives when the
 * certificate ends, in Unix time, or why not. */
bool crypto_pair_is_usable(
        struct view certificate_pem, struct view key_pem, int64_t *expires_s, struct text *why);
/* From the system's entropy; for keys, tokens and seeds. */
void crypto_random(struct span into);
uint64_t crypto_random_u64(void);
/* Takes the same time whatever differs; the sizes are no secret. */
bool crypto_equal(struct view a, struct view b);
/* Overwrites a secret in a way the compiler can't leave out. */
void crypto_wipe(void *secret, size_t bytes);

#endif
