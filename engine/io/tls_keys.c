#include "engine/io/tls_keys.h"

#include "engine/io/tls_error.h"
#include "engine/io/tls_keys_provider.h"
#include "queue/base/check.h"

#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

struct tls_keys {
	struct tls_keys_settings settings;
	OSSL_PROVIDER *provider;
};

static bool tls_keys_wake_others(void);
static EVP_PKEY *tls_keys_make(const char *kind, struct tls_keys_held *held);

struct err tls_keys_create(struct tls_keys **result, const struct tls_keys_settings *settings)
{
	struct tls_keys *keys = OPENSSL_zalloc(sizeof *keys);

	check(settings->count <= UINT16_MAX + 1);
	if (keys == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	keys->settings = *settings;
	ERR_clear_error();
	if (tls_keys_wake_others() &&
	        OSSL_PROVIDER_add_builtin(NULL, TLS_KEYS_PROVIDER, tls_keys_provider_init) == 1)
		keys->provider = OSSL_PROVIDER_load(NULL, TLS_KEYS_PROVIDER);
	if (keys->provider == NULL) {
		const int detail = ERR_GET_REASON(ERR_peek_error());
		tls_keys_destroy(keys);
		return err_make(ERR_TLS, detail);
	}
	*result = keys;
	return err_ok();
}

/* Who came first is asked first, and the library's own provider comes with the first thing that is
 * wanted of it: whatever does not ask for ours by name is to go on with that one. */
static bool tls_keys_wake_others(void)
{
	EVP_KEYMGMT *wanted = EVP_KEYMGMT_fetch(NULL, "RSA", NULL);

	EVP_KEYMGMT_free(wanted);
	return wanted != NULL;
}

void tls_keys_destroy(struct tls_keys *keys)
{
	if (keys == NULL)
		return;
	if (keys->provider != NULL)
		OSSL_PROVIDER_unload(keys->provider);
	OPENSSL_free(keys);
}

EVP_PKEY *tls_keys_key(
        const struct tls_keys *keys, const char *key_file, EVP_PKEY *public, struct text *why)
{
	struct tls_keys_held held = { public, keys->settings.door, 0 };
	const char *kind = tls_key_kind(public, key_file, why);
	size_t number = 0;

	if (kind == NULL)
		return NULL;
	while (number < keys->settings.count && strcmp(keys->settings.paths[number], key_file) != 0)
		number++;
	if (number == keys->settings.count) {
		text_format(why, "key %s can't be used: its holder has no such key", key_file);
		return NULL;
	}
	held.number = (uint16_t)number;
	EVP_PKEY *key = tls_keys_make(kind, &held);
	if (key == NULL) {
		text_format(why, "key %s can't be used: ", key_file);
		tls_error_put(why);
	}
	return key;
}

static EVP_PKEY *tls_keys_make(const char *kind, struct tls_keys_held *held)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(TLS_KEYS_PARAM_HELD, held, sizeof *held),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, kind, TLS_KEYS_OURS);
	EVP_PKEY *key = NULL;

	if (making != NULL && EVP_PKEY_fromdata_init(making) == 1)
		(void)EVP_PKEY_fromdata(making, &key, EVP_PKEY_KEYPAIR, params);
	EVP_PKEY_CTX_free(making);
	return key;
}
