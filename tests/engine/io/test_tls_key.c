#include "engine/io/tls_key.h"

#include "tests/engine/io/holder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>

#define RSA_BYTES 256
#define WHY_ROOM  512

/* What each key may be asked to sign with: bit n is digest n. */
#define HASHES   ((1u << TLS_KEY_DIGEST_COUNT) - 1 - (1u << TLS_KEY_DIGEST_NONE))
#define MODERN   (HASHES - (1u << TLS_KEY_DIGEST_MD5_SHA1))
#define ITSELF   (1u << TLS_KEY_DIGEST_NONE)
#define PADDINGS TLS_KEY_PADDING_COUNT

static const unsigned allowed[HOLDER_COUNT][PADDINGS] = {
	[HOLDER_RSA] = { 0, HASHES, MODERN },
	[HOLDER_RSA_OTHER] = { 0, HASHES, MODERN },
	[HOLDER_PSS] = { 0, 0, MODERN },
	[HOLDER_P256] = { MODERN, 0, 0 },
	[HOLDER_P384] = { MODERN, 0, 0 },
	[HOLDER_ED25519] = { ITSELF, 0, 0 },
	[HOLDER_ED448] = { ITSELF, 0, 0 },
};

static struct certificates certificates;
static struct holder holder;

static int open_shop(void **state)
{
	(void)state;
	certificates_init(&certificates);
	holder_init(&holder, &certificates);
	return 0;
}

static int close_shop(void **state)
{
	(void)state;
	holder_finish(&holder);
	certificates_finish(&certificates);
	return 0;
}

/* Of any right request the parts that don't matter to a test. */
static struct tls_key_request *request_of(unsigned op, unsigned digest, unsigned padding)
{
	static struct tls_key_request request;

	request = (struct tls_key_request){ .op = (uint8_t)op,
		.digest = (uint8_t)digest,
		.padding = (uint8_t)padding,
		.bytes = 100 };
	for (size_t i = 0; i < sizeof request.input; i++)
		request.input[i] = (uint8_t)(i % 251);
	if (op == TLS_KEY_DECRYPT) {
		request.client_version = 0x0303;
		request.bytes = RSA_BYTES;
		request.input[0] = 0; /* less than the modulus */
	}
	return &request;
}

static size_t answer_bytes(enum holder_key key, const struct tls_key_request *request)
{
	struct tls_key_answer answer;

	memset(&answer, 0xa5, sizeof answer);
	tls_key_answer(holder.keys[key], request, &answer);
	for (size_t i = answer.bytes; i < sizeof answer.output; i++)
		if (answer.bytes == 0 && answer.output[i] != 0)
			fail_msg("a refusal says something");
	return answer.bytes;
}

/* Every digest and padding there is, and the next ones, for every key. */
static void test_only_what_suits_a_key_is_signed(void **state)
{
	struct tls_key_answer answer;
	size_t signed_count = 0;

	(void)state;
	for (enum holder_key key = 0; key < HOLDER_COUNT; key++)
		for (unsigned digest = 0; digest <= UINT8_MAX; digest++)
			for (unsigned padding = 0; padding <= PADDINGS + 1; padding++) {
				const bool right = digest < TLS_KEY_DIGEST_COUNT &&
				                   padding < PADDINGS &&
				                   (allowed[key][padding] >> digest & 1) != 0;
				const struct tls_key_request *request =
				        request_of(TLS_KEY_SIGN, digest, padding);
				tls_key_answer(holder.keys[key], request, &answer);
				if ((answer.bytes > 0) != right)
					fail_msg("key %d, digest %u, padding %u", (int)key, digest,
					        padding);
				if (right)
					assert_true(holder_is_confirmed(
					        &holder, key, request, &answer));
				signed_count += right;
			}
	assert_int_equal(signed_count, 2 * (6 + 5) + 5 + 2 * 5 + 2);
}

static void test_other_fields_are_looked_at(void **state)
{
	static const struct {
		size_t offset;
		uint16_t value;
		bool right;
	} rows[] = {
#define FIELD(field, value, right) { offsetof(struct tls_key_request, field), value, right }
		FIELD(bytes, 0, false), FIELD(bytes, 1, true),
		FIELD(bytes, TLS_KEY_INPUT_MAX, true), FIELD(bytes, TLS_KEY_INPUT_MAX + 1, false),
		FIELD(bytes, UINT16_MAX, false), FIELD(client_version, 1, false),
		FIELD(client_version, 0x0303, false), FIELD(negotiated_version, 1, false),
		FIELD(negotiated_version, 0x0303, false),
		FIELD(key, UINT16_MAX, true), /* whose number it is, another knows */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_key_request *request =
		        request_of(TLS_KEY_SIGN, TLS_KEY_DIGEST_SHA256, TLS_KEY_PADDING_NONE);
		memcpy((char *)request + rows[i].offset, &rows[i].value, sizeof rows[i].value);
		if ((answer_bytes(HOLDER_P256, request) > 0) != rows[i].right)
			fail_msg("row %zu", i);
	}
	for (unsigned op = 0; op <= UINT8_MAX; op++) {
		struct tls_key_request *request =
		        request_of(TLS_KEY_SIGN, TLS_KEY_DIGEST_SHA256, TLS_KEY_PADDING_PKCS1);
		request->op = (uint8_t)op;
		assert_int_equal(
		        answer_bytes(HOLDER_RSA, request), op == TLS_KEY_SIGN ? RSA_BYTES : 0);
	}
}

static void test_only_secrets_of_handshakes_are_deciphered(void **state)
{
	static const struct {
		size_t offset;
		uint16_t value;
		bool right;
	} rows[] = {
		FIELD(bytes, 0, false),
		FIELD(bytes, 1, true),
		FIELD(bytes, RSA_BYTES, true),
		FIELD(bytes, RSA_BYTES + 1, false),
		FIELD(bytes, UINT16_MAX, false),
		FIELD(client_version, 0, false),
		FIELD(client_version, 0x0300, false),
		FIELD(client_version, 0x0301, true),
		FIELD(client_version, UINT16_MAX, true),
		FIELD(negotiated_version, 0x0300, false),
		FIELD(negotiated_version, 0x0301, true),
		FIELD(negotiated_version, 0x0303, true),
		FIELD(negotiated_version, 0x0304, false),
		FIELD(negotiated_version, UINT16_MAX, false),
#undef FIELD
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tls_key_request *request =
		        request_of(TLS_KEY_DECRYPT, 0, TLS_KEY_PADDING_PKCS1);
		memcpy((char *)request + rows[i].offset, &rows[i].value, sizeof rows[i].value);
		if (answer_bytes(HOLDER_RSA, request) != (rows[i].right ? TLS_KEY_SECRET_BYTES : 0))
			fail_msg("row %zu", i);
	}
	for (unsigned digest = 0; digest <= UINT8_MAX; digest++)
		for (unsigned padding = 0; padding <= PADDINGS; padding++)
			assert_int_equal(answer_bytes(HOLDER_RSA,
			                         request_of(TLS_KEY_DECRYPT, digest, padding)) > 0,
			        digest == 0 && padding == TLS_KEY_PADDING_PKCS1);
	for (enum holder_key key = HOLDER_PSS; key < HOLDER_COUNT; key++)
		assert_int_equal(
		        answer_bytes(key, request_of(TLS_KEY_DECRYPT, 0, TLS_KEY_PADDING_PKCS1)),
		        0);
	/* More than the modulus is nothing that was enciphered. */
	struct tls_key_request *request = request_of(TLS_KEY_DECRYPT, 0, TLS_KEY_PADDING_PKCS1);
	memset(request->input, 0xff, RSA_BYTES);
	assert_int_equal(answer_bytes(HOLDER_RSA, request), 0);
}

/* As a client enciphers: the version in front of what is secret. */
static struct tls_key_request *enciphered(
        const uint8_t *secret, size_t bytes, unsigned client, unsigned negotiated)
{
	struct tls_key_request *request = request_of(TLS_KEY_DECRYPT, 0, TLS_KEY_PADDING_PKCS1);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, holder.publics[HOLDER_RSA], NULL);
	size_t written = sizeof request->input;

	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(context, request->input, &written, secret, bytes), 1);
	EVP_PKEY_CTX_free(context);
	request->bytes = (uint16_t)written;
	request->client_version = (uint16_t)client;
	request->negotiated_version = (uint16_t)negotiated;
	return request;
}

/* Whoever sends what is badly made learns nothing by it: the secret is a random one then. */
static void test_badly_made_secrets_are_random(void **state)
{
	static const struct {
		size_t bytes;
		unsigned client;
		unsigned negotiated;
		bool right;
	} rows[] = {
		{ 48, 0x0303, 0, true },
		{ 48, 0x0304, 0x0303, true }, /* of a client that tells the agreed version */
		{ 48, 0x0302, 0, false },
		{ 48, 0x0302, 0x0301, false },
		{ 47, 0x0303, 0, false },
		{ 49, 0x0303, 0, false },
	};
	uint8_t secret[64] = { 3, 3 };
	struct tls_key_answer answers[2];

	(void)state;
	for (size_t i = 2; i < sizeof secret; i++)
		secret[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct tls_key_request *request =
		        enciphered(secret, rows[i].bytes, rows[i].client, rows[i].negotiated);
		for (int j = 0; j < 2; j++) {
			tls_key_answer(holder.keys[HOLDER_RSA], request, &answers[j]);
			assert_int_equal(answers[j].bytes, TLS_KEY_SECRET_BYTES);
			assert_int_equal(
			        memcmp(answers[j].output, secret, TLS_KEY_SECRET_BYTES) == 0,
			        rows[i].right);
		}
		assert_int_equal(
		        memcmp(answers[0].output, answers[1].output, TLS_KEY_SECRET_BYTES) == 0,
		        rows[i].right);
	}
}

/* Loading */

static const char *refusal(const char *key, const char *certificate)
{
	static char room[WHY_ROOM];
	struct tls_key *loaded = NULL;
	struct text why = TEXT_ON(room);

	assert_true(failed(tls_key_load(&loaded, key, certificate, &why)));
	assert_null(loaded);
	return text_string(&why);
}

static void write_locked(const char *from, const char *path)
{
	FILE *file = fopen(from, "re");

	assert_non_null(file);
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	assert_non_null(key);
	assert_int_equal(fclose(file), 0);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(
	        PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)"secret"),
	        1);
	assert_int_equal(fclose(file), 0);
	EVP_PKEY_free(key);
}

static void test_bad_files_are_named(void **state)
{
	char good[CERTIFICATES_PATH_BYTES];
	char key[CERTIFICATES_PATH_BYTES];
	char old[CERTIFICATES_PATH_BYTES];
	char old_key[CERTIFICATES_PATH_BYTES];
	char empty[CERTIFICATES_PATH_BYTES];
	char locked[CERTIFICATES_PATH_BYTES];

	(void)state;
	certificates_make_kind(&certificates, "P-256", "good", good, key);
	certificates_make_kind(&certificates, "DSA", "old", old, old_key);
	certificates_write_file(&certificates, "empty.key", "", empty);
	certificates_write_file(&certificates, "locked.key", "", locked);
	write_locked(key, locked);
	const struct {
		const char *key;
		const char *certificate;
		const char *says;
	} rows[] = {
		{ "nowhere.key", good, "key nowhere.key can't be used: No such file" },
		{ key, "nowhere.pem", "certificate nowhere.pem can't be used: No such file" },
		{ empty, good, "empty.key can't be used: unsupported" },
		{ locked, good, "locked.key can't be used: interrupted or cancelled" },
		{ good, good, "good.pem can't be used: unsupported" },
		{ certificates.key, good, "key.pem can't be used: key values mismatch" },
		{ key, holder.certificates[HOLDER_RSA], "good.key does not belong to certificate" },
		{ old_key, old,
		        "old.key can't be used: it is of the kind DSA; right are RSA, "
		        "RSA-PSS, EC, ED25519, ED448" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *says = refusal(rows[i].key, rows[i].certificate);
		if (strstr(says, rows[i].says) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", says, rows[i].says);
	}
	tls_key_destroy(NULL);
}

/* To make so large a key takes long; its public part is a number. */
static EVP_PKEY *large_key(int bits)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(BN_set_bit(modulus, bits - 1), 1);
	assert_int_equal(BN_set_bit(modulus, 0), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, 65537), 1);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(context);
	BN_free(modulus);
	return key;
}

static void test_the_largest_key(void **state)
{
	EVP_PKEY *largest = large_key(TLS_KEY_OUTPUT_MAX * 8);
	EVP_PKEY *larger = large_key(TLS_KEY_OUTPUT_MAX * 8 + 1);
	char room[WHY_ROOM];
	struct text why = TEXT_ON(room);

	(void)state;
	assert_string_equal(tls_key_kind(largest, "k.pem", &why), "RSA");
	assert_int_equal(why.bytes, 0);
	assert_null(tls_key_kind(larger, "k.pem", &why));
	assert_string_equal(
	        text_string(&why), "key k.pem can't be used: it has 8193 bits, of at most 8192");
	EVP_PKEY_free(largest);
	EVP_PKEY_free(larger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_suits_a_key_is_signed),
		cmocka_unit_test(test_other_fields_are_looked_at),
		cmocka_unit_test(test_only_secrets_of_handshakes_are_deciphered),
		cmocka_unit_test(test_badly_made_secrets_are_random),
		cmocka_unit_test(test_bad_files_are_named),
		cmocka_unit_test(test_the_largest_key),
	};

	return cmocka_run_group_tests(tests, open_shop, close_shop);
}
