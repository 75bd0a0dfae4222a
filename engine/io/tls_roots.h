/*
 * The authorities that clients trust: each file of certificates, and the system's, parsed once and
 * shared by every context that is made with the same struct tls_roots.
 *
 * Thread:  the collection: start-up's. A store of it: any; OpenSSL's own lock guards what it looks
 *          up, as in a server whose threads share a context, and nobody adds to it any more but
 *          OpenSSL itself, which may read a system's folder of roots when it lacks an issuer.
 * Owns:    a reference to each store; each context has its own, so it may outlive the collection.
 * Never:   keeps what could not be parsed: the next one who asks hears the reason too.
 * Fails:   tls_roots_store() gives NULL, and OpenSSL's queue of errors says why.
 */
#ifndef SLUICE_TLS_ROOTS_H
#define SLUICE_TLS_ROOTS_H

#include "queue/base/errors.h"

#include <stddef.h>

struct tls_roots;
struct x509_store_st; /* OpenSSL's X509_STORE: its headers stay behind their doors */

MUST_CHECK struct err tls_roots_create(struct tls_roots **result);
/* NULL is fine. */
void tls_roots_destroy(struct tls_roots *roots);
/* Gives a reference to the certificates of a PEM file, NULL: the system's. `roots` NULL: they are
 * parsed for this caller alone. */
struct x509_store_st *tls_roots_store(struct tls_roots *roots, const char *ca_file);
/* How many were parsed and are kept. */
size_t tls_roots_count(const struct tls_roots *roots);

#endif
