#include "tests/engine/io/certificates.h"

#include "queue/base/check.h"

#include <dirent.h>
#include <openssl/dsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_SECONDS 86400L

static void certificates_path(const struct certificates *certificates, const char *file,
        char path[CERTIFICATES_PATH_BYTES])
{
	int bytes = snprintf(path, CERTIFICATES_PATH_BYTES, "%s/%s", certificates->folder, file);

	check(bytes > 0 && bytes < CERTIFICATES_PATH_BYTES);
}

static void certificates_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	check(extension != NULL);
	check(X509_add_ext(certificate, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static X509 *certificates_blank(struct certificates *certificates, const char *subject, long from,
        long until, EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	check(certificate != NULL);
	check(X509_set_version(certificate, X509_VERSION_3) == 1);
	check(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++certificates->serial) == 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from);
	X509_gmtime_adj(X509_getm_notAfter(certificate), until);
	check(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
	              (const unsigned char *)subject, -1, -1, 0) == 1);
	check(X509_set_pubkey(certificate, key) == 1);
	return certificate;
}

static void certificates_write(const char *path, X509 *certificate, EVP_PKEY *key)
{
	FILE *file = fopen(path, "we");

	check(file != NULL);
	if (certificate != NULL)
		check(PEM_write_X509(file, certificate) == 1);
	if (key != NULL)
		check(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
	check(fclose(file) == 0);
}

void certificates_init(struct certificates *certificates)
{
	const char *parent = getenv("TMPDIR");

	*certificates = (struct certificates){ 0 };
	int bytes = snprintf(certificates->folder, sizeof certificates->folder,
	        "%s/sluice-certificates-XXXXXX", parent == NULL ? P_tmpdir : parent);
	check(bytes > 0 && (size_t)bytes < sizeof certificates->folder);
	check(mkdtemp(certificates->folder) != NULL);
	certificates_path(certificates, "authority.pem", certificates->authority);
	certificates_path(certificates, "key.pem", certificates->key);

	EVP_PKEY *authority_key = EVP_EC_gen("P-256");
	EVP_PKEY *leaf_key = EVP_EC_gen("P-256");
	check(authority_key != NULL);
	check(leaf_key != NULL);
	X509 *authority = certificates_blank(
	        certificates, "Test Authority", -DAY_SECONDS, 3650 * DAY_SECONDS, authority_key);
	check(X509_set_issuer_name(authority, X509_get_subject_name(authority)) == 1);
	certificates_extend(authority, authority, NID_basic_constraints, "critical,CA:TRUE");
	certificates_extend(authority, authority, NID_key_usage, "critical,keyCertSign,cRLSign");
	certificates_extend(authority, authority, NID_subject_key_identifier, "hash");
	check(X509_sign(authority, authority_key, EVP_sha256()) > 0);
	certificates_write(certificates->authority, authority, NULL);
	certificates_write(certificates->key, NULL, leaf_key);
	certificates->authority_key = authority_key;
	certificates->authority_certificate = authority;
	certificates->leaf_key = leaf_key;
}

void certificates_make(struct certificates *certificates, const struct certificate_wish *wish,
        char path[CERTIFICATES_PATH_BYTES])
{
	EVP_PKEY *key = certificates->leaf_key;
	X509 *certificate = certificates_blank(certificates,
	        wish->name == NULL ? "nameless" : wish->name, wish->valid_from_days * DAY_SECONDS,
	        wish->valid_until_days * DAY_SECONDS, key);
	X509 *issuer = wish->self_signed ? certificate : certificates->authority_certificate;
	char names[CERTIFICATES_PATH_BYTES];

	check(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
	certificates_extend(certificate, issuer, NID_basic_constraints, "CA:FALSE");
	if (!wish->self_signed)
		certificates_extend(
		        certificate, issuer, NID_authority_key_identifier, "keyid:always");
	if (wish->name != NULL || wish->address != NULL) {
		int bytes = snprintf(names, sizeof names, "%s%s%s%s%s",
		        wish->name == NULL ? "" : "DNS:", wish->name == NULL ? "" : wish->name,
		        wish->name != NULL && wish->address != NULL ? "," : "",
		        wish->address == NULL ? "" : "IP:",
		        wish->address == NULL ? "" : wish->address);
		check(bytes > 0 && (size_t)bytes < sizeof names);
		certificates_extend(certificate, issuer, NID_subject_alt_name, names);
	}
	check(X509_sign(certificate, wish->self_signed ? key : certificates->authority_key,
	              EVP_sha256()) > 0);
	certificates_path(certificates, wish->file, path);
	certificates_write(path, certificate, NULL);
	X509_free(certificate);
}

static X509 *certificates_read(const char *path)
{
	FILE *file = fopen(path, "re");

	check(file != NULL);
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	check(certificate != NULL);
	check(fclose(file) == 0);
	return certificate;
}

void certificates_chain(struct certificates *certificates, const char *leaf, const char *file,
        char path[CERTIFICATES_PATH_BYTES])
{
	X509 *certificate = certificates_read(leaf);

	certificates_path(certificates, file, path);
	FILE *chain = fopen(path, "we");
	check(chain != NULL);
	check(PEM_write_X509(chain, certificate) == 1);
	check(PEM_write_X509(chain, certificates->authority_certificate) == 1);
	check(fclose(chain) == 0);
	X509_free(certificate);
}

size_t certificates_tlsa(const char *path, unsigned usage, unsigned selector, unsigned matching,
        char record[CERTIFICATES_TLSA_BYTES])
{
	X509 *certificate = certificates_read(path);
	unsigned char *whole = NULL;
	const int bytes = selector == 0 ? i2d_X509(certificate, &whole)
	                                : i2d_PUBKEY(X509_get0_pubkey(certificate), &whole);
	unsigned char *data = (unsigned char *)record + 3;
	unsigned digest_bytes = (unsigned)bytes;

	check(bytes > 0 && bytes + 3 <= CERTIFICATES_TLSA_BYTES);
	record[0] = (char)usage;
	record[1] = (char)selector;
	record[2] = (char)matching;
	if (matching == 0)
		memcpy(data, whole, (size_t)bytes);
	else
		check(EVP_Digest(whole, (size_t)bytes, data, &digest_bytes,
		              matching == 1 ? EVP_sha256() : EVP_sha512(), NULL) == 1);
	OPENSSL_free(whole);
	X509_free(certificate);
	return 3 + digest_bytes;
}

/* NAME.pem and NAME.key, of mode 0600. */
static void certificates_write_pair(const struct certificates *certificates, const char *name,
        X509 *made, EVP_PKEY *pair, char certificate[CERTIFICATES_PATH_BYTES],
        char key[CERTIFICATES_PATH_BYTES])
{
	char file[CERTIFICATES_PATH_BYTES];

	snprintf(file, sizeof file, "%s.pem", name);
	certificates_path(certificates, file, certificate);
	certificates_write(certificate, made, NULL);
	snprintf(file, sizeof file, "%s.key", name);
	certificates_path(certificates, file, key);
	certificates_write(key, NULL, pair);
	check(chmod(key, S_IRUSR | S_IWUSR) == 0);
}

void certificates_make_app(struct certificates *certificates, const char *name, unsigned bits,
        int valid_until_days, char certificate[CERTIFICATES_PATH_BYTES],
        char key[CERTIFICATES_PATH_BYTES])
{
	EVP_PKEY *pair = EVP_RSA_gen(bits);

	check(pair != NULL);
	X509 *made = certificates_blank(
	        certificates, name, -2 * DAY_SECONDS, valid_until_days * DAY_SECONDS, pair);
	check(X509_set_issuer_name(made, X509_get_subject_name(made)) == 1);
	check(X509_sign(made, pair, EVP_sha256()) > 0);
	certificates_write_pair(certificates, name, made, pair, certificate, key);
	X509_free(made);
	EVP_PKEY_free(pair);
}

/* Kinds whose keys come from parameters, which are made first; else NULL. */
static EVP_PKEY *certificates_parameters(const char *kind)
{
	EVP_PKEY *parameters = NULL;

	if (strcmp(kind, "DSA") != 0)
		return NULL;
	EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	check(EVP_PKEY_paramgen_init(making) == 1);
	check(EVP_PKEY_CTX_set_dsa_paramgen_bits(making, 2048) == 1);
	check(EVP_PKEY_paramgen(making, &parameters) == 1);
	EVP_PKEY_CTX_free(making);
	return parameters;
}

static EVP_PKEY *certificates_key(const char *kind)
{
	EVP_PKEY *parameters = certificates_parameters(kind);
	const bool curve = kind[0] == 'P';
	EVP_PKEY_CTX *making =
	        parameters != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, parameters, NULL)
	                           : EVP_PKEY_CTX_new_from_name(NULL, curve ? "EC" : kind, NULL);
	EVP_PKEY *pair = NULL;

	check(making != NULL);
	check(EVP_PKEY_keygen_init(making) == 1);
	check(!curve || EVP_PKEY_CTX_set_group_name(making, kind) == 1);
	check(EVP_PKEY_keygen(making, &pair) == 1);
	EVP_PKEY_CTX_free(making);
	EVP_PKEY_free(parameters);
	return pair;
}

void certificates_make_kind(struct certificates *certificates, const char *kind, const char *name,
        char certificate[CERTIFICATES_PATH_BYTES], char key[CERTIFICATES_PATH_BYTES])
{
	EVP_PKEY *pair = certificates_key(kind);
	X509 *authority = certificates->authority_certificate;
	X509 *made = certificates_blank(
	        certificates, "mail.example", -DAY_SECONDS, 30 * DAY_SECONDS, pair);

	check(X509_set_issuer_name(made, X509_get_subject_name(authority)) == 1);
	certificates_extend(made, authority, NID_subject_alt_name, "DNS:mail.example");
	check(X509_sign(made, certificates->authority_key, EVP_sha256()) > 0);
	certificates_write_pair(certificates, name, made, pair, certificate, key);
	X509_free(made);
	EVP_PKEY_free(pair);
}

void certificates_write_file(struct certificates *certificates, const char *name, const char *text,
        char path[CERTIFICATES_PATH_BYTES])
{
	certificates_path(certificates, name, path);
	FILE *file = fopen(path, "we");
	check(file != NULL);
	check(fputs(text, file) >= 0);
	check(fclose(file) == 0);
	check(chmod(path, S_IRUSR | S_IWUSR) == 0);
}

void certificates_finish(struct certificates *certificates)
{
	char path[CERTIFICATES_PATH_BYTES * 3];
	DIR *folder = opendir(certificates->folder);

	check(folder != NULL);
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		snprintf(path, sizeof path, "%s/%s", certificates->folder, entry->d_name);
		if (entry->d_name[0] != '.')
			check(unlink(path) == 0);
	}
	closedir(folder);
	check(rmdir(certificates->folder) == 0);
	EVP_PKEY_free(certificates->authority_key);
	EVP_PKEY_free(certificates->leaf_key);
	X509_free(certificates->authority_certificate);
}
