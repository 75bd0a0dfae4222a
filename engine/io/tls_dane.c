#include "engine/io/tls_dane.h"

#include "queue/base/check.h"

#include <openssl/evp.h>

#define TLSA_HEAD 3 /* usage, selector, matching type; then the association data */
#define DANE_TA   2
#define DANE_EE   3

bool tls_dane_prepare(SSL_CTX *context)
{
	return SSL_CTX_dane_enable(context) == 1;
}

struct err tls_dane_expect(SSL *ssl, const char *host, const struct tls_peer *peer)
{
	char memory[TLS_HOST_BYTES_MAX + 1];
	struct text alias = TEXT_ON(memory);
	size_t taken = 0;

	check(peer->tlsa_count > 0);
	/* The name is asked for (SNI), and with DANE-TA verified (RFC 7672 3.2.2). DANE-EE binds a
	 * key to a host by itself: neither name nor dates of the certificate count (3.1.1). */
	if (SSL_dane_enable(ssl, host) != 1)
		return err_make(ERR_NO_MEMORY, 0);
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	check(peer->alias.bytes <= TLS_HOST_BYTES_MAX);
	text_put(&alias, peer->alias);
	if (peer->alias.bytes > 0 && SSL_add1_host(ssl, text_string(&alias)) != 1)
		return err_make(ERR_NO_MEMORY, 0);
	for (size_t i = 0; i < peer->tlsa_count; i++) {
		const struct view record = peer->tlsa[i];
		const unsigned char *data = (const unsigned char *)record.data;

		check(record.bytes > TLSA_HEAD);
		/* 0: nothing that the library can use, such as a "certificate" that is none. */
		taken += SSL_dane_tlsa_add(ssl, data[0], data[1], data[2], data + TLSA_HEAD,
		                 record.bytes - TLSA_HEAD) > 0;
	}
	return taken > 0 ? err_ok() : err_make(ERR_TLS, 0);
}

enum tls_auth tls_dane_auth(SSL *ssl)
{
	uint8_t usage = 0;

	if (SSL_get_verify_result(ssl) != X509_V_OK ||
	        SSL_get0_dane_tlsa(ssl, &usage, NULL, NULL, NULL, NULL) < 0)
		return TLS_AUTH_NONE;
	check(usage == DANE_TA || usage == DANE_EE);
	return usage == DANE_EE ? TLS_AUTH_DANE_EE : TLS_AUTH_DANE_TA;
}

void tls_dane_print(const struct tls_peer *peer, uint8_t print[TLS_DANE_PRINT_BYTES])
{
	memset(print, 0, TLS_DANE_PRINT_BYTES);
	if (peer->tlsa_count == 0)
		return;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	check(digest != NULL);
	check(EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
	for (size_t i = 0; i < peer->tlsa_count; i++) {
		const uint64_t bytes = peer->tlsa[i].bytes;
		check(EVP_DigestUpdate(digest, &bytes, sizeof bytes) == 1);
		check(EVP_DigestUpdate(digest, peer->tlsa[i].data, peer->tlsa[i].bytes) == 1);
	}
	check(EVP_DigestUpdate(digest, peer->alias.data, peer->alias.bytes) == 1);
	check(EVP_DigestFinal_ex(digest, print, NULL) == 1);
	EVP_MD_CTX_free(digest);
}
