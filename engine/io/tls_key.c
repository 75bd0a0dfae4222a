#include "engine/io/tls_key.h"

#include "engine/io/tls_error.h"
#include "engine/io/tls_identity.h"
#include "queue/base/check.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

/* What a key of a kind is asked for. */
struct tls_key_kind {
	const char *name;
	bool hashes; /* a digest goes before its signature */
	bool deciphers;
	bool paddings[TLS_KEY_PADDING_COUNT];
};

#define PAD(name) [TLS_KEY_PADDING_##name] = true

static const struct tls_key_kind tls_key_kinds[] = {
	{ "RSA", .hashes = true, .deciphers = true, .paddings = { PAD(PKCS1), PAD(PSS) } },
	{ "RSA-PSS", .hashes = true, .paddings = { PAD(PSS) } },
	{ "EC", .hashes = true, .paddings = { PAD(NONE) } },
	{ "ED25519", .paddings = { PAD(NONE) } },
	{ "ED448", .paddings = { PAD(NONE) } },
};

#define TLS_KEY_KIND_COUNT (sizeof tls_key_kinds / sizeof tls_key_kinds[0])

struct tls_key {
	EVP_PKEY *pair;
	const struct tls_key_kind *kind;
	size_t output_bytes; /* at most */
};

static const struct tls_key_kind *tls_key_find_kind(const EVP_PKEY *key);
static bool tls_key_may_sign(const struct tls_key *key, const struct tls_key_request *request);
static bool tls_key_sign(const struct tls_key *key, const struct tls_key_request *request,
        struct tls_key_answer *answer);
static bool tls_key_may_decipher(const struct tls_key *key, const struct tls_key_request *request);
static bool tls_key_decipher(const struct tls_key *key, const struct tls_key_request *request,
        struct tls_key_answer *answer);

struct err tls_key_load(struct tls_key **result, const char *key_file, const char *certificate_file,
        struct text *why)
{
	const struct tls_identity identity = { certificate_file, key_file };
	struct err err = err_make(ERR_NO_MEMORY, 0);
	struct tls_key *key = OPENSSL_zalloc(sizeof *key);
	SSL_CTX *ssl = SSL_CTX_new(TLS_method());

	if (key == NULL || ssl == NULL)
		goto done;
	err = err_make(ERR_TLS, 0);
	if (!tls_identity_use(ssl, &identity, why))
		goto done;
	key->pair = SSL_CTX_get0_privatekey(ssl);
	check(EVP_PKEY_up_ref(key->pair) == 1);
	if (tls_key_kind(key->pair, key_file, why) == NULL)
		goto done;
	key->kind = tls_key_find_kind(key->pair);
	key->output_bytes = (size_t)EVP_PKEY_get_size(key->pair);
	*result = MOVE(key);
	err = err_ok();
done:
	SSL_CTX_free(ssl);
	tls_key_destroy(key);
	ERR_clear_error();
	return err;
}

void tls_key_destroy(struct tls_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pair);
	OPENSSL_free(key);
}

const char *tls_key_kind(const EVP_PKEY *key, const char *key_file, struct text *why)
{
	const struct tls_key_kind *kind = tls_key_find_kind(key);

	if (kind != NULL && EVP_PKEY_get_size(key) <= TLS_KEY_OUTPUT_MAX)
		return kind->name;
	text_format(why, "key %s can't be used: ", key_file);
	if (kind != NULL) {
		text_format(why, "it has %d bits, of at most %d", EVP_PKEY_get_bits(key),
		        TLS_KEY_OUTPUT_MAX * 8);
		return NULL;
	}
	text_format(why, "it is of the kind %s; right are", EVP_PKEY_get0_type_name(key));
	for (size_t i = 0; i < TLS_KEY_KIND_COUNT; i++)
		text_format(why, "%s %s", i == 0 ? "" : ",", tls_key_kinds[i].name);
	return NULL;
}

static const struct tls_key_kind *tls_key_find_kind(const EVP_PKEY *key)
{
	for (size_t i = 0; i < TLS_KEY_KIND_COUNT; i++)
		if (EVP_PKEY_is_a(key, tls_key_kinds[i].name) == 1)
			return &tls_key_kinds[i];
	return NULL;
}

const char *tls_key_digest_name(enum tls_key_digest digest)
{
	static const char *const names[] = {
#define X(name, word) [TLS_KEY_DIGEST_##name] = word,
		TLS_KEY_DIGESTS(X)
#undef X
	};

	check(digest < TLS_KEY_DIGEST_COUNT);
	return names[digest];
}

/* Answers */

void tls_key_answer(const struct tls_key *key, const struct tls_key_request *request,
        struct tls_key_answer *answer)
{
	bool done = false;

	*answer = (struct tls_key_answer){ 0 };
	if (request->op == TLS_KEY_SIGN)
		done = tls_key_may_sign(key, request) && tls_key_sign(key, request, answer);
	else if (request->op == TLS_KEY_DECRYPT)
		done = tls_key_may_decipher(key, request) && tls_key_decipher(key, request, answer);
	if (!done)
		OPENSSL_cleanse(answer, sizeof *answer);
	ERR_clear_error();
}

static bool tls_key_may_sign(const struct tls_key *key, const struct tls_key_request *request)
{
	return request->bytes > 0 && request->bytes <= TLS_KEY_INPUT_MAX &&
	       request->client_version == 0 && request->negotiated_version == 0 &&
	       request->digest < TLS_KEY_DIGEST_COUNT &&
	       (request->digest != TLS_KEY_DIGEST_NONE) == key->kind->hashes &&
	       request->padding < TLS_KEY_PADDING_COUNT && key->kind->paddings[request->padding] &&
	       /* TLS 1.1 and older, where RSA has no other padding. */
	       (request->digest != TLS_KEY_DIGEST_MD5_SHA1 ||
	               request->padding == TLS_KEY_PADDING_PKCS1);
}

static bool tls_key_sign(const struct tls_key *key, const struct tls_key_request *request,
        struct tls_key_answer *answer)
{
	const char *digest = tls_key_digest_name(request->digest);
	EVP_MD_CTX *signing = EVP_MD_CTX_new();
	size_t bytes = sizeof answer->output;
	EVP_PKEY_CTX *how = NULL;

	const bool done = signing != NULL &&
	                  EVP_DigestSignInit_ex(signing, &how, digest[0] == '\0' ? NULL : digest,
	                          NULL, NULL, key->pair, NULL) == 1 &&
	                  (request->padding != TLS_KEY_PADDING_PSS ||
	                          (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
	                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(
	                                          how, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
	                  EVP_DigestSign(signing, answer->output, &bytes, request->input,
	                          request->bytes) == 1;
	EVP_MD_CTX_free(signing);
	if (done)
		answer->bytes = (uint16_t)bytes;
	return done;
}

/* A client may begin with a version that is still to come. */
static bool tls_key_may_decipher(const struct tls_key *key, const struct tls_key_request *request)
{
	return key->kind->deciphers && request->bytes > 0 && request->bytes <= key->output_bytes &&
	       request->digest == TLS_KEY_DIGEST_NONE &&
	       request->padding == TLS_KEY_PADDING_PKCS1 &&
	       request->client_version >= TLS1_VERSION &&
	       (request->negotiated_version == 0 ||
	               (request->negotiated_version >= TLS1_VERSION &&
	                       request->negotiated_version <= TLS1_2_VERSION));
}

static bool tls_key_decipher(const struct tls_key *key, const struct tls_key_request *request,
        struct tls_key_answer *answer)
{
	unsigned client = request->client_version;
	unsigned negotiated = request->negotiated_version;
	const OSSL_PARAM versions[] = {
		OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &client),
		/* 0: the client's alone is right */
		OSSL_PARAM_construct_uint(
		        OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &negotiated),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *how = EVP_PKEY_CTX_new_from_pkey(NULL, key->pair, NULL);
	size_t bytes = TLS_KEY_SECRET_BYTES;

	const bool done =
	        how != NULL && EVP_PKEY_decrypt_init(how) == 1 &&
	        EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_WITH_TLS_PADDING) == 1 &&
	        EVP_PKEY_CTX_set_params(how, versions) == 1 &&
	        EVP_PKEY_decrypt(how, answer->output, &bytes, request->input, request->bytes) == 1;
	EVP_PKEY_CTX_free(how);
	if (done)
		answer->bytes = (uint16_t)bytes;
	return done && bytes == TLS_KEY_SECRET_BYTES;
}
