#include "engine/io/crypto.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static void assert_hash(const uint8_t hash[CRYPTO_SHA256_BYTES], const char *expected)
{
	char hex[CRYPTO_SHA256_BYTES * 2 + 1];

	for (size_t i = 0; i < CRYPTO_SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	assert_string_equal(hex, expected);
}

/* FIPS 180-2, appendix B; RFC 4231, test case 2. */
static void test_known_hashes(void **state)
{
	uint8_t hash[CRYPTO_SHA256_BYTES];

	(void)state;
	crypto_sha256(VIEW("abc"), hash);
	assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypto_sha256(VIEW(""), hash);
	assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	crypto_hmac_sha256(VIEW("Jefe"), VIEW("what do ya want for nothing?"), hash);
	assert_hash(hash, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_random_bytes_differ(void **state)
{
	(void)state;
	assert_true(crypto_random_u64() != crypto_random_u64());
}

static void test_equal_and_wipe(void **state)
{
	char secret[] = "secret";

	(void)state;
	assert_true(crypto_equal(VIEW("secret"), view_of(secret)));
	assert_false(crypto_equal(VIEW("secreT"), view_of(secret)));
	assert_false(crypto_equal(VIEW("secre"), view_of(secret)));
	assert_true(crypto_equal(VIEW(""), VIEW("")));
	crypto_wipe(secret, sizeof secret);
	for (size_t i = 0; i < sizeof secret; i++)
		assert_int_equal(secret[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_hashes),
		cmocka_unit_test(test_random_bytes_differ),
		cmocka_unit_test(test_equal_and_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
