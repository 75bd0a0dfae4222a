/*
 * What the library calls where a key is another process's: management of keys that are a public
 * part and a number, signatures and the key exchange by RSA through their door. Of tls_keys.c
 * alone.
 *
 * Thread:  any; a key does not change.
 * Never:   has state but how to report an error: the library keeps a provider once it knows it.
 */
#ifndef SLUICE_TLS_KEYS_PROVIDER_H
#define SLUICE_TLS_KEYS_PROVIDER_H

#include "engine/io/tls_keys.h"

#include <openssl/core.h>
#include <openssl/evp.h>

#define TLS_KEYS_PROVIDER "sluice-keys"
#define TLS_KEYS_OURS     "provider=" TLS_KEYS_PROVIDER
#define TLS_KEYS_OTHERS   "provider!=" TLS_KEYS_PROVIDER

/* The one parameter that a key is made of: a struct tls_keys_held, as its bytes. */
#define TLS_KEYS_PARAM_HELD "sluice-held"

struct tls_keys_held {
	EVP_PKEY *public;
	struct tls_keys_door *door;
	uint16_t number;
};

/* OSSL_provider_init_fn */
int tls_keys_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
        const OSSL_DISPATCH **out, void **context);

#endif
