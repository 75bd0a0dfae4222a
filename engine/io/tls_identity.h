/*
 * Who we are in a handshake: a certificate and its private key, read from files, or held by
 * another process (tls_keys.h).
 *
 * Thread:  start-up's.
 * Never:   opens the key's file where another process holds the key; asks for a passphrase.
 */
#ifndef SLUICE_TLS_IDENTITY_H
#define SLUICE_TLS_IDENTITY_H

#include "queue/base/bytes.h"

#include <openssl/ssl.h>

struct tls_keys;

struct tls_identity {
	const char *certificate_file; /* PEM, with the chain */
	const char *key_file;
	struct tls_keys *keys; /* whose holder has key_file; NULL: it is read here */
};

/* False: `why` names the file and what is wrong with it. */
bool tls_identity_use(SSL_CTX *ssl, const struct tls_identity *identity, struct text *why);

#endif
