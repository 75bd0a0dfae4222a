/*
 * Who we are in a handshake: a certificate and its private key, read from files.
 *
 * Thread:  start-up's.
 * Never:   asks for a passphrase.
 */
#ifndef SLUICE_TLS_IDENTITY_H
#define SLUICE_TLS_IDENTITY_H

#include "queue/base/bytes.h"

#include <openssl/ssl.h>

struct tls_identity {
	const char *certificate_file; /* PEM, with the chain */
	const char *key_file;
};

/* False: `why` names the file and what is wrong with it. */
bool tls_identity_use(SSL_CTX *ssl, const struct tls_identity *identity, struct text *why);

#endif
