#include "engine/io/crypto.h"

#include "queue/base/check.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#define RSA_BITS_LEAST 2048 /* Microsoft takes no shorter ones */

static int refuse_passphrase(char *into, int bytes, int writing, void *argument);
static X509 *read_certificate(struct view pem);
static EVP_PKEY *read_key(struct view pem);
static bool is_valid_now(const X509 *certificate, int64_t *expires_s, struct text *why);

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

bool crypto_certificate_prints(
        struct view pem, uint8_t sha1[CRYPTO_SHA1_BYTES], uint8_t sha256[CRYPTO_SHA256_BYTES])
{
	X509 *certificate = read_certificate(pem);
	unsigned bytes;

	if (certificate == NULL)
		return false;
	const bool done = X509_digest(certificate, EVP_sha1(), sha1, &bytes) == 1 &&
	                  X509_digest(certificate, EVP_sha256(), sha256, &bytes) == 1;
	X509_free(certificate);
	ERR_clear_error();
	return done;
}

bool crypto_sign(struct view key_pem, struct view message, struct text *signature)
{
	unsigned char memory[CRYPTO_SIGNATURE_BYTES];
	size_t bytes = sizeof memory;
	EVP_PKEY *key = read_key(key_pem);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	check(context != NULL);
	const bool done = key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	                  EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	                  EVP_DigestSign(context, memory, &bytes,
	                          (const unsigned char *)message.data, message.bytes) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	ERR_clear_error();
	if (!done)
		return false;
	text_put(signature, view_from(memory, bytes));
	return !signature->overflow;
}

bool crypto_verify(struct view certificate_pem, struct view message, struct view signature)
{
	X509 *certificate = read_certificate(certificate_pem);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);

	check(context != NULL);
	const bool right =
	        key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	        EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.bytes,
	                (const unsigned char *)message.data, message.bytes) == 1;
	EVP_MD_CTX_free(context);
	X509_free(certificate);
	ERR_clear_error();
	return right;
}

bool crypto_pair_is_usable(
        struct view certificate_pem, struct view key_pem, int64_t *expires_s, struct text *why)
{
	X509 *certificate = read_certificate(certificate_pem);
	EVP_PKEY *key = read_key(key_pem);
	bool usable = false;

	*expires_s = 0;
	if (certificate == NULL)
		text_put(why, VIEW("it is no certificate in PEM"));
	else if (key == NULL)
		text_put(why, VIEW("its key is no private key in PEM without a passphrase"));
	else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		text_put(why, VIEW("its key is not RSA, which a client assertion needs"));
	else if (EVP_PKEY_get_bits(key) < RSA_BITS_LEAST)
		text_format(why, "its key has %d bits; right are %d at least",
		        EVP_PKEY_get_bits(key), RSA_BITS_LEAST);
	else if (X509_check_private_key(certificate, key) != 1)
		text_put(why, VIEW("the key belongs to another certificate"));
	else
		usable = is_valid_now(certificate, expires_s, why);
	X509_free(certificate);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return usable;
}

static bool is_valid_now(const X509 *certificate, int64_t *expires_s, struct text *why)
{
	struct tm end;

	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		text_put(why, VIEW("it is not valid yet"));
	else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		text_put(why, VIEW("it has expired; right is one that the app registration has"));
	else if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
		text_put(why, VIEW("it does not say when it ends"));
	else {
		*expires_s = timegm(&end);
		return true;
	}
	return false;
}

/* Nobody is there to be asked. */
static int refuse_passphrase(char *into, int bytes, int writing, void *argument)
{
	(void)into;
	(void)bytes;
	(void)writing;
	(void)argument;
	return -1;
}

static X509 *read_certificate(struct view pem)
{
	BIO *memory = BIO_new_mem_buf(pem.data, (int)pem.bytes);

	if (memory == NULL)
		return NULL; /* nothing to read */
	X509 *certificate = PEM_read_bio_X509(memory, NULL, refuse_passphrase, NULL);
	check(BIO_free(memory) == 1);
	return certificate;
}

static EVP_PKEY *read_key(struct view pem)
{
	BIO *memory = BIO_new_mem_buf(pem.data, (int)pem.bytes);

	if (memory == NULL)
		return NULL;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(memory, NULL, refuse_passphrase, NULL);
	check(BIO_free(memory) == 1);
	return key;
}
