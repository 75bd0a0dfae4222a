#include "engine/io/tls_identity.h"

#include "engine/io/tls_error.h"
#include "engine/io/tls_keys.h"

#include <openssl/err.h>

static bool tls_identity_key(SSL_CTX *ssl, const struct tls_identity *identity, struct text *why);
static bool tls_identity_held(SSL_CTX *ssl, const struct tls_identity *identity, struct text *why);
static int tls_identity_no_passphrase(char *into, int bytes, int writing, void *argument);

bool tls_identity_use(SSL_CTX *ssl, const struct tls_identity *identity, struct text *why)
{
	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(ssl, tls_identity_no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ssl, identity->certificate_file) != 1) {
		text_format(why, "certificate %s can't be used: ", identity->certificate_file);
		tls_error_put(why);
		return false;
	}
	return identity->keys != NULL ? tls_identity_held(ssl, identity, why)
	                              : tls_identity_key(ssl, identity, why);
}

static bool tls_identity_key(SSL_CTX *ssl, const struct tls_identity *identity, struct text *why)
{
	if (SSL_CTX_use_PrivateKey_file(ssl, identity->key_file, SSL_FILETYPE_PEM) != 1)
		text_format(why, "key %s can't be used: ", identity->key_file);
	else if (SSL_CTX_check_private_key(ssl) != 1)
		text_format(why, "key %s does not belong to certificate %s: ", identity->key_file,
		        identity->certificate_file);
	else
		return true;
	tls_error_put(why);
	return false;
}

/* Whether the key belongs to the certificate is for its holder to say, who has both files. */
static bool tls_identity_held(SSL_CTX *ssl, const struct tls_identity *identity, struct text *why)
{
	EVP_PKEY *public = X509_get0_pubkey(SSL_CTX_get0_certificate(ssl));
	EVP_PKEY *key = tls_keys_key(identity->keys, identity->key_file, public, why);

	if (key == NULL)
		return false;
	const bool used = SSL_CTX_use_PrivateKey(ssl, key) == 1;
	EVP_PKEY_free(key);
	if (!used) {
		text_format(why, "key %s can't be used: ", identity->key_file);
		tls_error_put(why);
	}
	return used;
}

/* A file with a passphrase is refused, rather than asked for on a terminal. */
static int tls_identity_no_passphrase(char *into, int bytes, int writing, void *argument)
{
	(void)into;
	(void)bytes;
	(void)writing;
	(void)argument;
	return -1;
}
