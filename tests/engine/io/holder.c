#include "tests/engine/io/holder.h"

#include "queue/base/check.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <unistd.h>

static EVP_PKEY *holder_public(const char *path)
{
	FILE *file = fopen(path, "re");

	check(file != NULL);
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	check(certificate != NULL);
	check(fclose(file) == 0);
	EVP_PKEY *key = X509_get_pubkey(certificate);
	check(key != NULL);
	X509_free(certificate);
	return key;
}

void holder_init(struct holder *holder, struct certificates *certificates)
{
	static const struct {
		const char *name;
		const char *kind;
	} wishes[] = {
#define X(name, kind) { #name, kind },
		HOLDER_KEYS(X)
#undef X
	};
	char room[512];

	*holder = (struct holder){ 0 };
	for (size_t i = 0; i < HOLDER_COUNT; i++) {
		struct text why = TEXT_ON(room);
		certificates_make_kind(certificates, wishes[i].kind, wishes[i].name,
		        holder->certificates[i], holder->key_files[i]);
		holder->paths[i] = holder->key_files[i];
		check(!failed(tls_key_load(
		        &holder->keys[i], holder->key_files[i], holder->certificates[i], &why)));
		holder->publics[i] = holder_public(holder->certificates[i]);
		check(unlink(holder->key_files[i]) == 0);
	}
}

void holder_finish(struct holder *holder)
{
	for (size_t i = 0; i < HOLDER_COUNT; i++) {
		tls_key_destroy(holder->keys[i]);
		EVP_PKEY_free(holder->publics[i]);
	}
}

bool holder_is_confirmed(const struct holder *holder, enum holder_key key,
        const struct tls_key_request *request, const struct tls_key_answer *answer)
{
	const char *digest = tls_key_digest_name(request->digest);
	EVP_MD_CTX *confirming = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;

	check(confirming != NULL);
	check(EVP_DigestVerifyInit_ex(confirming, &how, digest[0] == '\0' ? NULL : digest, NULL,
	              NULL, holder->publics[key], NULL) == 1);
	if (request->padding == TLS_KEY_PADDING_PSS) {
		check(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1);
		check(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1);
	}
	const bool confirmed = EVP_DigestVerify(confirming, answer->output, answer->bytes,
	                               request->input, request->bytes) == 1;
	EVP_MD_CTX_free(confirming);
	return confirmed;
}
