/*
 * DANE on one connection: TLSA records instead of authorities (RFC 6698, 7671, 7672). Of
 * tls_openssl.c alone.
 *
 * Thread:  the connection's.
 * Never:   lets a connection pass that was given records and matches none of them.
 */
#ifndef SLUICE_TLS_DANE_H
#define SLUICE_TLS_DANE_H

#include "engine/io/tls.h"

#include <openssl/ssl.h>

#define TLS_DANE_PRINT_BYTES 32 /* of SHA-256 */

/* Once a client context is made; false: no memory. */
MUST_CHECK bool tls_dane_prepare(SSL_CTX *context);
/* From here on the records alone authenticate the peer. ERR_TLS: the library can use none of
 * them. */
MUST_CHECK struct err tls_dane_expect(SSL *ssl, const char *host, const struct tls_peer *peer);
/* How it was authenticated, once the handshake is done: NONE with a resumed session too. */
enum tls_auth tls_dane_auth(SSL *ssl);
/* Tells one set of records from another; all zero: no records. */
void tls_dane_print(const struct tls_peer *peer, uint8_t print[TLS_DANE_PRINT_BYTES]);

#endif
