#include "engine/io/crypto.h"

#include "queue/base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

void crypto_sha256(struct view bytes, uint8_t result[CRYPTO_SHA256_BYTES])
{
	check(EVP_Digest(bytes.data, bytes.bytes, result, NULL, EVP_sha256(), NULL) == 1);
}

void crypto_hmac_sha256(struct view key, struct view bytes, uint8_t result[CRYPTO_SHA256_BYTES])
{
	check(key.bytes <= INT32_MAX);
	check(HMAC(EVP_sha256(), key.data, (int)key.bytes, (const unsigned char *)bytes.data,
	              bytes.bytes, result, NULL) != NULL);
}

void crypto_random(struct span into)
{
	check(into.bytes <= INT32_MAX);
	check(RAND_bytes((unsigned char *)into.data, (int)into.bytes) == 1);
}

uint64_t crypto_random_u64(void)
{
	uint64_t number;

	crypto_random((struct span){ (char *)&number, sizeof number });
	return number;
}

bool crypto_equal(struct view a, struct view b)
{
	return a.bytes == b.bytes && CRYPTO_memcmp(a.data, b.data, a.bytes) == 0;
}

void crypto_wipe(void *secret, size_t bytes)
{
	OPENSSL_cleanse(secret, bytes);
}
