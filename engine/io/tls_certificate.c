#include "engine/io/tls_certificate.h"

#include <openssl/x509v3.h>

static bool tls_certificate_put_common_name(struct text *text, X509 *certificate);
static void tls_certificate_put_string(struct text *text, const ASN1_STRING *string);
static bool tls_certificate_lacks_trust(int error);
static void tls_certificate_put_names(struct text *text, X509 *certificate);
static void tls_certificate_put_name(struct text *text, const X509_NAME *name);
static void tls_certificate_put_date(struct text *text, const ASN1_TIME *time);

void tls_certificate_describe(struct text *text, X509 *certificate)
{
	text_put(text, VIEW("subject=\""));
	tls_certificate_put_name(text, X509_get_subject_name(certificate));
	text_put(text, VIEW("\" issuer=\""));
	tls_certificate_put_name(text, X509_get_issuer_name(certificate));
	text_put(text, VIEW("\" expires="));
	tls_certificate_put_date(text, X509_get0_notAfter(certificate));
}

bool tls_certificate_name(struct text *text, X509 *certificate, size_t index)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t seen = 0;
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		found = seen++ == index;
		if (found)
			tls_certificate_put_string(text, name->d.dNSName);
	}
	GENERAL_NAMES_free(names);
	return found || (seen == index && tls_certificate_put_common_name(text, certificate));
}

static bool tls_certificate_put_common_name(struct text *text, X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return false;
	tls_certificate_put_string(
	        text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	return true;
}

void tls_certificate_explain(
        struct text *text, const char *host, bool dane, int error, X509 *certificate)
{
	text_put(text, VIEW("the certificate "));
	if (certificate != NULL) {
		text_put(text, VIEW("for "));
		tls_certificate_put_names(text, certificate);
		text_put_byte(text, ' ');
	}
	if (dane && tls_certificate_lacks_trust(error)) {
		text_format(text, "matches none of the TLSA records of %s", host);
		return;
	}
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		text_put(text, VIEW("expired on "));
		tls_certificate_put_date(text, X509_get0_notAfter(certificate));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		text_put(text, VIEW("is not valid before "));
		tls_certificate_put_date(text, X509_get0_notBefore(certificate));
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		text_format(text, "is not for %s", host);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		text_put(text, VIEW("is self-signed and not among the trusted ones"));
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		text_put(text, VIEW("has an issuer that is not trusted: "));
		if (certificate != NULL)
			tls_certificate_put_name(text, X509_get_issuer_name(certificate));
		break;
	default:
		text_format(text, "was refused: %s", X509_verify_cert_error_string(error));
		break;
	}
}

/* With DANE there is no issuer to trust but by the records. */
static bool tls_certificate_lacks_trust(int error)
{
	switch (error) {
	case X509_V_ERR_DANE_NO_MATCH:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return true;
	default:
		return false;
	}
}

/* The names it is for; its subject where it says none. */
static void tls_certificate_put_names(struct text *text, X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int listed = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		if (listed++ > 0)
			text_put(text, VIEW(", "));
		tls_certificate_put_string(text, name->d.dNSName);
	}
	GENERAL_NAMES_free(names);
	if (listed == 0)
		tls_certificate_put_name(text, X509_get_subject_name(certificate));
}

/* The peer wrote this, and it ends in our log. */
static void tls_certificate_put_string(struct text *text, const ASN1_STRING *string)
{
	const unsigned char *data = ASN1_STRING_get0_data(string);

	for (int i = 0; i < ASN1_STRING_length(string); i++)
		text_put_byte(text, data[i] > ' ' && data[i] < 0x7f ? (char)data[i] : '?');
}

static void tls_certificate_put_name(struct text *text, const X509_NAME *name)
{
	char *data = NULL;
	BIO *memory = BIO_new(BIO_s_mem());

	if (memory == NULL)
		return;
	/* This form escapes control characters, and quotes as well. */
	if (X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253) >= 0) {
		long bytes = BIO_get_mem_data(memory, &data);
		text_put(text, view_from(data, bytes > 0 ? (size_t)bytes : 0));
	}
	BIO_free(memory);
}

static void tls_certificate_put_date(struct text *text, const ASN1_TIME *time)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) == 1)
		text_format(text, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	else
		text_put(text, VIEW("an unreadable date"));
}
