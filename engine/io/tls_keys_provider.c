#include "engine/io/tls_keys_provider.h"

#include "queue/base/check.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

/* Why a handshake failed, for tls_failure_text(). Lower than the numbers of the library's own
 * reasons, so that tls_trouble() takes none of these for one of those. */
enum tls_keys_reason {
	TLS_KEYS_SILENT = 1,
	TLS_KEYS_REFUSED,
	TLS_KEYS_WRONG,
	TLS_KEYS_LARGE,
};

static const OSSL_ITEM tls_keys_reasons[] = {
	{ TLS_KEYS_SILENT, (char *)"the private key's holder gave no answer" },
	{ TLS_KEYS_REFUSED, (char *)"the private key's holder refused" },
	{ TLS_KEYS_WRONG, (char *)"what the private key's holder answered is wrong" },
	{ TLS_KEYS_LARGE, (char *)"the private key's holder takes no handshake as long as this" },
	{ 0, NULL },
};

struct tls_keys_provider {
	const OSSL_CORE_HANDLE *handle;
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_vset_error_fn *set_error;
};

struct tls_keys_key {
	const struct tls_keys_provider *provider;
	const char *kind;
	EVP_PKEY *public;           /* of the library's own provider */
	struct tls_keys_door *door; /* NULL: of a public key, for a comparison */
	uint16_t number;
};

struct tls_keys_signing {
	const struct tls_keys_key *key;
	EVP_MD_CTX *confirming; /* by the public part; it knows digest and padding for us, too */
	EVP_PKEY_CTX *how;      /* part of it */
	enum tls_key_digest digest;
};

struct tls_keys_deciphering {
	const struct tls_keys_key *key;
	int padding;
	unsigned client_version;
	unsigned negotiated_version;
};

static void tls_keys_complain(const struct tls_keys_key *key, uint32_t reason, ...);
static bool tls_keys_ask(const struct tls_keys_key *key, struct tls_key_request *request,
        const void *input, size_t bytes, struct tls_key_answer *answer);
static bool tls_keys_find_digest(const EVP_MD *digest, enum tls_key_digest *result);
static bool tls_keys_find_padding(
        const struct tls_keys_signing *signing, enum tls_key_padding *result);
static bool tls_keys_is_confirmed(const struct tls_keys_signing *signing,
        const struct tls_key_answer *answer, const void *message, size_t bytes);

/* The library has no other way to hand over a list of arguments, even of none. */
static void tls_keys_complain(const struct tls_keys_key *key, uint32_t reason, ...)
{
	const struct tls_keys_provider *provider = key->provider;
	va_list none;

	va_start(none, reason);
	provider->new_error(provider->handle);
	provider->set_error(provider->handle, reason, NULL, none);
	va_end(none);
}

static bool tls_keys_ask(const struct tls_keys_key *key, struct tls_key_request *request,
        const void *input, size_t bytes, struct tls_key_answer *answer)
{
	*answer = (struct tls_key_answer){ 0 };
	if (bytes > TLS_KEY_INPUT_MAX) {
		tls_keys_complain(key, TLS_KEYS_LARGE);
		return false;
	}
	request->key = key->number;
	request->bytes = (uint16_t)bytes;
	memcpy(request->input, input, bytes);
	if (!key->door->ask(key->door, request, answer))
		tls_keys_complain(key, TLS_KEYS_SILENT);
	else if (answer->bytes == 0)
		tls_keys_complain(key, TLS_KEYS_REFUSED);
	else if (answer->bytes > TLS_KEY_OUTPUT_MAX)
		tls_keys_complain(key, TLS_KEYS_WRONG);
	else
		return true;
	return false;
}

/* Keys */

static void *tls_keys_new(void *context, const char *kind)
{
	struct tls_keys_key *key = OPENSSL_zalloc(sizeof *key);

	if (key != NULL) {
		key->provider = context;
		key->kind = kind;
	}
	return key;
}

static void tls_keys_free(void *argument)
{
	struct tls_keys_key *key = argument;

	if (key == NULL)
		return;
	EVP_PKEY_free(key->public);
	OPENSSL_free(key);
}

static int tls_keys_has(const void *argument, int selection)
{
	const struct tls_keys_key *key = argument;

	if (key == NULL || key->public == NULL)
		return 0;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->door != NULL;
}

/* The private halves of two keys can't be compared; the public ones tell. */
static int tls_keys_match(const void *a, const void *b, int selection)
{
	const struct tls_keys_key *left = a;
	const struct tls_keys_key *right = b;

	if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
		return EVP_PKEY_parameters_eq(left->public, right->public) == 1;
	return EVP_PKEY_eq(left->public, right->public) == 1;
}

/* Ours come as TLS_KEYS_PARAM_HELD; a certificate's key, which is to be compared with one of ours,
 * as the parameters of its kind. */
static int tls_keys_import(void *argument, int selection, const OSSL_PARAM *params)
{
	struct tls_keys_key *key = argument;
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, TLS_KEYS_PARAM_HELD);

	(void)selection;
	check(key->public == NULL);
	if (param != NULL) {
		const struct tls_keys_held *held = param->data;
		check(param->data_size == sizeof *held);
		check(EVP_PKEY_up_ref(held->public) == 1);
		key->public = held->public;
		key->door = held->door;
		key->number = held->number;
		return 1;
	}
	EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, key->kind, TLS_KEYS_OTHERS);
	const bool made = making != NULL && EVP_PKEY_fromdata_init(making) == 1 &&
	                  EVP_PKEY_fromdata(making, &key->public, EVP_PKEY_PUBLIC_KEY,
	                          (OSSL_PARAM *)params) == 1;
	EVP_PKEY_CTX_free(making);
	return made;
}

static const OSSL_PARAM *tls_keys_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(TLS_KEYS_PARAM_HELD, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

static int tls_keys_get_params(void *argument, OSSL_PARAM params[])
{
	const struct tls_keys_key *key = argument;

	return EVP_PKEY_get_params(key->public, params);
}

/* What handshakes want to know of a key; its public part knows more. */
static const OSSL_PARAM *tls_keys_gettable_params(void *context)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)context;
	return params;
}

/* Signatures */

static void *tls_keys_signing_new(void *context, const char *query)
{
	struct tls_keys_signing *signing = OPENSSL_zalloc(sizeof *signing);

	(void)context;
	(void)query;
	if (signing == NULL)
		return NULL;
	signing->confirming = EVP_MD_CTX_new();
	if (signing->confirming == NULL)
		OPENSSL_free(MOVE(signing));
	return signing;
}

static void tls_keys_signing_free(void *argument)
{
	struct tls_keys_signing *signing = argument;

	if (signing == NULL)
		return;
	EVP_MD_CTX_free(signing->confirming);
	OPENSSL_free(signing);
}

static int tls_keys_signing_init(
        void *argument, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct tls_keys_signing *signing = argument;

	signing->key = key;
	/* A key that restricts what it signs with restricts what confirms it. */
	return signing->key != NULL && signing->key->door != NULL &&
	       EVP_DigestVerifyInit_ex(signing->confirming, &signing->how, digest, NULL,
	               TLS_KEYS_OTHERS, signing->key->public, params) == 1 &&
	       tls_keys_find_digest(EVP_MD_CTX_get0_md(signing->confirming), &signing->digest);
}

static bool tls_keys_find_digest(const EVP_MD *digest, enum tls_key_digest *result)
{
	*result = TLS_KEY_DIGEST_NONE;
	if (digest == NULL)
		return true;
	while (++*result < TLS_KEY_DIGEST_COUNT)
		if (EVP_MD_is_a(digest, tls_key_digest_name(*result)) == 1)
			return true;
	return false;
}

static int tls_keys_signing_set(void *argument, const OSSL_PARAM params[])
{
	struct tls_keys_signing *signing = argument;

	return signing->how == NULL || EVP_PKEY_CTX_set_params(signing->how, params) == 1;
}

static const OSSL_PARAM *tls_keys_signing_settable(void *argument, void *context)
{
	static const OSSL_PARAM none[] = { OSSL_PARAM_END };
	struct tls_keys_signing *signing = argument;

	(void)context;
	return signing == NULL || signing->how == NULL ? none
	                                               : EVP_PKEY_CTX_settable_params(signing->how);
}

static bool tls_keys_find_padding(
        const struct tls_keys_signing *signing, enum tls_key_padding *result)
{
	int padding = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &padding),
		OSSL_PARAM_construct_end(),
	};

	*result = TLS_KEY_PADDING_NONE;
	if (EVP_PKEY_is_a(signing->key->public, "RSA") != 1 &&
	        EVP_PKEY_is_a(signing->key->public, "RSA-PSS") != 1)
		return true;
	if (EVP_PKEY_CTX_get_params(signing->how, params) != 1)
		return false;
	*result = padding == RSA_PKCS1_PSS_PADDING ? TLS_KEY_PADDING_PSS : TLS_KEY_PADDING_PKCS1;
	return padding == RSA_PKCS1_PSS_PADDING || padding == RSA_PKCS1_PADDING;
}

/* Asked for the size alone first. */
static int tls_keys_sign(void *argument, unsigned char *signature, size_t *bytes, size_t room,
        const unsigned char *message, size_t message_bytes)
{
	struct tls_keys_signing *signing = argument;
	const size_t most = (size_t)EVP_PKEY_get_size(signing->key->public);
	enum tls_key_padding padding;
	struct tls_key_answer answer;

	*bytes = most;
	if (signature == NULL)
		return 1;
	struct tls_key_request *request = OPENSSL_zalloc(sizeof *request);
	if (request == NULL || room < most || !tls_keys_find_padding(signing, &padding)) {
		OPENSSL_free(request);
		return 0;
	}
	request->op = TLS_KEY_SIGN;
	request->digest = (uint8_t)signing->digest;
	request->padding = (uint8_t)padding;
	const bool answered = tls_keys_ask(signing->key, request, message, message_bytes, &answer);
	OPENSSL_free(request);
	if (!answered)
		return 0;
	if (answer.bytes > most ||
	        !tls_keys_is_confirmed(signing, &answer, message, message_bytes)) {
		tls_keys_complain(signing->key, TLS_KEYS_WRONG);
		return 0;
	}
	memcpy(signature, answer.output, answer.bytes);
	*bytes = answer.bytes;
	return 1;
}

/* A wrong signature is seen here, where it can be explained: the peer would end the handshake with
 * no more than an alert. And one that was computed wrongly would give an RSA key away. */
static bool tls_keys_is_confirmed(const struct tls_keys_signing *signing,
        const struct tls_key_answer *answer, const void *message, size_t bytes)
{
	(void)ERR_set_mark(); /* none where there is no error yet: then all are dropped */
	const bool confirmed = EVP_DigestVerify(signing->confirming, answer->output, answer->bytes,
	                               message, bytes) == 1;
	(void)ERR_pop_to_mark();
	return confirmed;
}

/* Key exchange by RSA */

static void *tls_keys_deciphering_new(void *context)
{
	(void)context;
	return OPENSSL_zalloc(sizeof(struct tls_keys_deciphering));
}

static void tls_keys_deciphering_free(void *argument)
{
	OPENSSL_free(argument);
}

static int tls_keys_deciphering_set(void *argument, const OSSL_PARAM params[])
{
	struct tls_keys_deciphering *deciphering = argument;
	const OSSL_PARAM *padding = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PAD_MODE);
	const OSSL_PARAM *client =
	        OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
	const OSSL_PARAM *negotiated =
	        OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION);

	return (padding == NULL || OSSL_PARAM_get_int(padding, &deciphering->padding) == 1) &&
	       (client == NULL || OSSL_PARAM_get_uint(client, &deciphering->client_version) == 1) &&
	       (negotiated == NULL ||
	               OSSL_PARAM_get_uint(negotiated, &deciphering->negotiated_version) == 1);
}

static int tls_keys_deciphering_init(void *argument, void *key, const OSSL_PARAM params[])
{
	struct tls_keys_deciphering *deciphering = argument;

	deciphering->key = key;
	return deciphering->key != NULL && deciphering->key->door != NULL &&
	       tls_keys_deciphering_set(deciphering, params);
}

static const OSSL_PARAM *tls_keys_deciphering_settable(void *argument, void *context)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_PAD_MODE, NULL),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
		OSSL_PARAM_END,
	};

	(void)argument;
	(void)context;
	return params;
}

/* Nothing but the secret of a handshake is deciphered. */
static int tls_keys_decipher(void *argument, unsigned char *secret, size_t *bytes, size_t room,
        const unsigned char *input, size_t input_bytes)
{
	struct tls_keys_deciphering *deciphering = argument;
	struct tls_key_answer answer;

	*bytes = TLS_KEY_SECRET_BYTES;
	if (secret == NULL)
		return 1;
	if (deciphering->padding != RSA_PKCS1_WITH_TLS_PADDING || room < TLS_KEY_SECRET_BYTES ||
	        deciphering->client_version > UINT16_MAX ||
	        deciphering->negotiated_version > UINT16_MAX)
		return 0;
	struct tls_key_request *request = OPENSSL_zalloc(sizeof *request);
	if (request == NULL)
		return 0;
	request->op = TLS_KEY_DECRYPT;
	request->padding = TLS_KEY_PADDING_PKCS1;
	request->client_version = (uint16_t)deciphering->client_version;
	request->negotiated_version = (uint16_t)deciphering->negotiated_version;
	bool done = tls_keys_ask(deciphering->key, request, input, input_bytes, &answer);
	OPENSSL_free(request);
	if (done && answer.bytes != TLS_KEY_SECRET_BYTES) {
		tls_keys_complain(deciphering->key, TLS_KEYS_WRONG);
		done = false;
	}
	if (done)
		memcpy(secret, answer.output, TLS_KEY_SECRET_BYTES);
	OPENSSL_cleanse(&answer, sizeof answer);
	return done;
}

/* Tables. There is no way to export a key: the library's own provider gets to see none, and so
 * leaves it to this one to sign. */

#define FUNCTION(number, function) OSSL_FUNC_##number, (void (*)(void))(function)

#define MANAGEMENT(kind, name, signature)                                                          \
	static void *tls_keys_new_##kind(void *context)                                            \
	{                                                                                          \
		return tls_keys_new(context, name);                                                \
	}                                                                                          \
	static const char *tls_keys_operation_##kind(int operation)                                \
	{                                                                                          \
		(void)operation;                                                                   \
		return signature;                                                                  \
	}                                                                                          \
	static const OSSL_DISPATCH tls_keys_management_##kind[] = {                                \
		{ FUNCTION(KEYMGMT_NEW, tls_keys_new_##kind) },                                    \
		{ FUNCTION(KEYMGMT_FREE, tls_keys_free) },                                         \
		{ FUNCTION(KEYMGMT_HAS, tls_keys_has) },                                           \
		{ FUNCTION(KEYMGMT_MATCH, tls_keys_match) },                                       \
		{ FUNCTION(KEYMGMT_IMPORT, tls_keys_import) },                                     \
		{ FUNCTION(KEYMGMT_IMPORT_TYPES, tls_keys_import_types) },                         \
		{ FUNCTION(KEYMGMT_GET_PARAMS, tls_keys_get_params) },                             \
		{ FUNCTION(KEYMGMT_GETTABLE_PARAMS, tls_keys_gettable_params) },                   \
		{ FUNCTION(KEYMGMT_QUERY_OPERATION_NAME, tls_keys_operation_##kind) },             \
		{ 0, NULL },                                                                       \
	};

MANAGEMENT(rsa, "RSA", "RSA")
MANAGEMENT(pss, "RSA-PSS", "RSA")
MANAGEMENT(ec, "EC", "ECDSA")
MANAGEMENT(ed25519, "ED25519", "ED25519")
MANAGEMENT(ed448, "ED448", "ED448")

static const OSSL_DISPATCH tls_keys_signature[] = {
	{ FUNCTION(SIGNATURE_NEWCTX, tls_keys_signing_new) },
	{ FUNCTION(SIGNATURE_FREECTX, tls_keys_signing_free) },
	{ FUNCTION(SIGNATURE_DIGEST_SIGN_INIT, tls_keys_signing_init) },
	{ FUNCTION(SIGNATURE_DIGEST_SIGN, tls_keys_sign) },
	{ FUNCTION(SIGNATURE_SET_CTX_PARAMS, tls_keys_signing_set) },
	{ FUNCTION(SIGNATURE_SETTABLE_CTX_PARAMS, tls_keys_signing_settable) },
	{ 0, NULL },
};

static const OSSL_DISPATCH tls_keys_cipher[] = {
	{ FUNCTION(ASYM_CIPHER_NEWCTX, tls_keys_deciphering_new) },
	{ FUNCTION(ASYM_CIPHER_FREECTX, tls_keys_deciphering_free) },
	{ FUNCTION(ASYM_CIPHER_DECRYPT_INIT, tls_keys_deciphering_init) },
	{ FUNCTION(ASYM_CIPHER_DECRYPT, tls_keys_decipher) },
	{ FUNCTION(ASYM_CIPHER_SET_CTX_PARAMS, tls_keys_deciphering_set) },
	{ FUNCTION(ASYM_CIPHER_SETTABLE_CTX_PARAMS, tls_keys_deciphering_settable) },
	{ 0, NULL },
};

/* All the names that the library's own provider has for a kind: by any of them it asks. */
static const OSSL_ALGORITHM tls_keys_managements[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", TLS_KEYS_OURS, tls_keys_management_rsa },
	{ "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", TLS_KEYS_OURS, tls_keys_management_pss },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", TLS_KEYS_OURS, tls_keys_management_ec },
	{ "ED25519:1.3.101.112", TLS_KEYS_OURS, tls_keys_management_ed25519 },
	{ "ED448:1.3.101.113", TLS_KEYS_OURS, tls_keys_management_ed448 },
	{ NULL },
};

static const OSSL_ALGORITHM tls_keys_signatures[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", TLS_KEYS_OURS, tls_keys_signature },
	{ "ECDSA", TLS_KEYS_OURS, tls_keys_signature },
	{ "ED25519:1.3.101.112", TLS_KEYS_OURS, tls_keys_signature },
	{ "ED448:1.3.101.113", TLS_KEYS_OURS, tls_keys_signature },
	{ NULL },
};

static const OSSL_ALGORITHM tls_keys_ciphers[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", TLS_KEYS_OURS, tls_keys_cipher },
	{ NULL },
};

static const OSSL_ALGORITHM *tls_keys_query(void *context, int operation, int *changes)
{
	(void)context;
	*changes = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return tls_keys_managements;
	case OSSL_OP_SIGNATURE:
		return tls_keys_signatures;
	case OSSL_OP_ASYM_CIPHER:
		return tls_keys_ciphers;
	default:
		return NULL;
	}
}

static const OSSL_ITEM *tls_keys_get_reasons(void *context)
{
	(void)context;
	return tls_keys_reasons;
}

static void tls_keys_teardown(void *context)
{
	OPENSSL_free(context);
}

int tls_keys_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
        const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ FUNCTION(PROVIDER_QUERY_OPERATION, tls_keys_query) },
		{ FUNCTION(PROVIDER_GET_REASON_STRINGS, tls_keys_get_reasons) },
		{ FUNCTION(PROVIDER_TEARDOWN, tls_keys_teardown) },
		{ 0, NULL },
	};
	struct tls_keys_provider *provider = OPENSSL_zalloc(sizeof *provider);

	if (provider == NULL)
		return 0;
	provider->handle = handle;
	for (; in->function_id != 0; in++) {
		if (in->function_id == OSSL_FUNC_CORE_NEW_ERROR)
			provider->new_error = OSSL_FUNC_core_new_error(in);
		else if (in->function_id == OSSL_FUNC_CORE_VSET_ERROR)
			provider->set_error = OSSL_FUNC_core_vset_error(in);
	}
	check(provider->new_error != NULL);
	check(provider->set_error != NULL);
	*out = functions;
	*context = provider;
	return 1;
}
