#include "engine/io/crypto.h"
#include "tests/engine/io/certificates.h"

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

static struct view read_file(const char *path, char *memory, size_t bytes)
{
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	const struct view text = view_from(memory, fread(memory, 1, bytes, file));
	assert_int_equal(fclose(file), 0);
	return text;
}

static void test_signature(void **state)
{
	struct certificates certificates;
	char paths[4][CERTIFICATES_PATH_BYTES];
	char memory[4][4096];
	char signature_memory[CRYPTO_SIGNATURE_BYTES];
	struct text signature = TEXT_ON(signature_memory);
	struct view pem[4];

	(void)state;
	certificates_init(&certificates);
	certificates_make_app(&certificates, "one", 2048, 90, paths[0], paths[1]);
	certificates_make_app(&certificates, "two", 2048, 90, paths[2], paths[3]);
	for (size_t i = 0; i < 4; i++)
		pem[i] = read_file(paths[i], memory[i], sizeof memory[i]);
	assert_true(crypto_sign(pem[1], VIEW("message"), &signature));
	assert_int_equal(signature.bytes, 256);
	assert_true(crypto_verify(pem[0], VIEW("message"), text_view(&signature)));
	assert_false(crypto_verify(pem[0], VIEW("massage"), text_view(&signature)));
	assert_false(crypto_verify(pem[2], VIEW("message"), text_view(&signature)));
	signature.data[17] ^= 1;
	assert_false(crypto_verify(pem[0], VIEW("message"), text_view(&signature)));
	/* No room, no key, no RSA. */
	struct text little = text_on(signature_memory, 255);
	assert_false(crypto_sign(pem[1], VIEW("message"), &little));
	signature.bytes = 0;
	assert_false(crypto_sign(pem[0], VIEW("message"), &signature));
	assert_false(crypto_sign(VIEW(""), VIEW("message"), &signature));
	const struct view other = read_file(certificates.key, memory[3], sizeof memory[3]);
	assert_false(crypto_sign(other, VIEW("message"), &signature));
	assert_false(crypto_verify(VIEW("nothing"), VIEW("message"), VIEW("x")));
	assert_int_equal(signature.bytes, 0);
	certificates_finish(&certificates);
}

/* RFC 8705's kind of thumbprint: of the DER, which `openssl x509 -fingerprint` prints. */
static void test_prints(void **state)
{
	static const char pem[] =
	        "-----BEGIN CERTIFICATE-----\n"
	        "MIIBmTCCAT6gAwIBAgIUIghxJEWA4C0EHI8B6asnkSldPf8wCgYIKoZIzj0EAwIw\n"
	        "FTETMBEGA1UEAwwKcmVsYXkudGVzdDAgFw0yNjExMjQwMzU2NTdaGA8yMTI2MTAz\n"
	        "MTAzNTY1N1owFTETMBEGA1UEAwwKcmVsYXkudGVzdDBZMBMGByqGSM49AgEGCCqG\n"
	        "SM49AwEHA0IABOM6Ar2Oz4ieIo7a5r3Stn663tHzTLqyKU/jaFTUhL2MZpRc83x/\n"
	        "nyKCeMoriROXJsec7/rE3+RQPcl7+nkrF72jajBoMB0GA1UdDgQWBBRibbUraihl\n"
	        "0o4DXjCnnsa4COBUJjAfBgNVHSMEGDAWgBRibbUraihl0o4DXjCnnsa4COBUJjAP\n"
	        "BgNVHRMBAf8EBTADAQH/MBUGA1UdEQQOMAyCCnJlbGF5LnRlc3QwCgYIKoZIzj0E\n"
	        "AwIDSQAwRgIhALsmFDxuY7jByNUnvipJZJqAms037Z+wHF1Lz7CMmUJdAiEAj88U\n"
	        "UAt0twh6570fwkRr0FqIxDF1gRia1uLEizOr7vs=\n"
	        "-----END CERTIFICATE-----\n";
	uint8_t sha1[CRYPTO_SHA1_BYTES];
	uint8_t sha256[CRYPTO_SHA256_BYTES];

	(void)state;
	assert_true(crypto_certificate_prints(VIEW(pem), sha1, sha256));
	assert_hash(sha256, "4334cea21e953ec08ea54f770ae26cce004c44a2c7d0ee423514d39be51549c7");
	static const uint8_t wanted[] = { 0x32, 0x6c, 0xe3, 0xae, 0x12, 0x85, 0x0d, 0x90, 0x34,
		0xe5, 0xb1, 0x07, 0x18, 0x4a, 0x3e, 0xd0, 0x51, 0xc9, 0x9d, 0x58 };
	assert_memory_equal(sha1, wanted, sizeof wanted);
	assert_false(crypto_certificate_prints(VIEW("no certificate"), sha1, sha256));
	assert_false(crypto_certificate_prints(VIEW(""), sha1, sha256));
}

static void test_pairs(void **state)
{
	static const struct {
		size_t certificate;
		size_t key;
		const char *why;
	} cases[] = {
		{ 0, 1, NULL },
		{ 0, 3, "another certificate" },
		{ 1, 1, "no certificate" },
		{ 0, 0, "no private key" },
		{ 4, 5, "has 1024 bits" },
		{ 6, 7, "expired" },
		{ 0, 8, "not RSA" },
	};
	struct certificates certificates;
	char paths[9][CERTIFICATES_PATH_BYTES];
	char memory[2][4096];
	char words[256];
	int64_t expires_s;

	(void)state;
	certificates_init(&certificates);
	certificates_make_app(&certificates, "one", 2048, 90, paths[0], paths[1]);
	certificates_make_app(&certificates, "two", 2048, 90, paths[2], paths[3]);
	certificates_make_app(&certificates, "short", 1024, 90, paths[4], paths[5]);
	certificates_make_app(&certificates, "old", 2048, -1, paths[6], paths[7]);
	snprintf(paths[8], sizeof paths[8], "%s", certificates.key);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text why = TEXT_ON(words);
		const bool usable = crypto_pair_is_usable(
		        read_file(paths[cases[i].certificate], memory[0], sizeof memory[0]),
		        read_file(paths[cases[i].key], memory[1], sizeof memory[1]), &expires_s,
		        &why);
		assert_int_equal(usable, cases[i].why == NULL);
		if (!usable)
			assert_non_null(strstr(text_string(&why), cases[i].why));
		else
			assert_true(expires_s > 0);
	}
	certificates_finish(&certificates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_hashes),
		cmocka_unit_test(test_random_bytes_differ),
		cmocka_unit_test(test_equal_and_wipe),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_prints),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
