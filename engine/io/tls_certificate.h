/*
 * A certificate in words: whose it is, and what is wrong with it. Of tls_openssl.c alone.
 *
 * Thread:  any; values only.
 * Never:   passes on a byte of the peer's that would break a line of the log.
 */
#ifndef SLUICE_TLS_CERTIFICATE_H
#define SLUICE_TLS_CERTIFICATE_H

#include "queue/base/bytes.h"

#include <openssl/x509.h>

/* subject="..." issuer="..." expires=2026-01-31 */
void tls_certificate_describe(struct text *text, X509 *certificate);
/* Its DNS names by index, behind them its common name; false: none of that index. */
bool tls_certificate_name(struct text *text, X509 *certificate, size_t index);
/* Why verification for `host` ended with `error` (X509_V_ERR_*); the certificate may be NULL.
 * `dane`: its TLSA records were what could authenticate it. */
void tls_certificate_explain(
        struct text *text, const char *host, bool dane, int error, X509 *certificate);

#endif
