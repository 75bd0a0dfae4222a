/*
 * Certificates for tests, made on the spot: an authority of our own, and what it signs. Files
 * lie in a folder of their own under the system's temporary one until certificates_finish().
 *
 * Thread:  any; values only.
 */
#ifndef SLUICE_TESTS_CERTIFICATES_H
#define SLUICE_TESTS_CERTIFICATES_H

#include <stdbool.h>
#include <stddef.h>

#define CERTIFICATES_PATH_BYTES 128
#define CERTIFICATES_TLSA_BYTES 2048

struct certificates {
	char folder[CERTIFICATES_PATH_BYTES];
	char authority[CERTIFICATES_PATH_BYTES]; /* PEM: what a client trusts */
	char key[CERTIFICATES_PATH_BYTES];       /* PEM: one key serves all */
	void *authority_key;
	void *authority_certificate;
	void *leaf_key;
	int serial;
};

/* Days are counted from now; negative ones lie in the past. */
struct certificate_wish {
	const char *file;    /* its name in the folder */
	const char *name;    /* a DNS name, or NULL: none, but the subject "nameless" */
	const char *address; /* an IP address, or NULL */
	int valid_from_days;
	int valid_until_days;
	bool self_signed;
};

void certificates_init(struct certificates *certificates);
/* Removes the files. */
void certificates_finish(struct certificates *certificates);
/* Makes one; `path` gets where it lies. */
void certificates_make(struct certificates *certificates, const struct certificate_wish *wish,
        char path[CERTIFICATES_PATH_BYTES]);
/* The certificate in `leaf` and the authority's behind it, in a new file. */
void certificates_chain(struct certificates *certificates, const char *leaf, const char *file,
        char path[CERTIFICATES_PATH_BYTES]);
/* The RDATA of a TLSA record for the first certificate in a file; gives its size. */
size_t certificates_tlsa(const char *path, unsigned usage, unsigned selector, unsigned matching,
        char record[CERTIFICATES_TLSA_BYTES]);
/* An app's own, signed by itself, with an RSA key: NAME.pem and NAME.key, mode 0600. */
void certificates_make_app(struct certificates *certificates, const char *name, unsigned bits,
        int valid_until_days, char certificate[CERTIFICATES_PATH_BYTES],
        char key[CERTIFICATES_PATH_BYTES]);
/* For mail.example, by our authority, with a key of its own: NAME.pem and NAME.key. A kind is
 * "RSA", "RSA-PSS", "P-256", "P-384", "ED25519", "ED448" or "DSA". */
void certificates_make_kind(struct certificates *certificates, const char *kind, const char *name,
        char certificate[CERTIFICATES_PATH_BYTES], char key[CERTIFICATES_PATH_BYTES]);
/* Another file in the folder, mode 0600. */
void certificates_write_file(struct certificates *certificates, const char *name, const char *text,
        char path[CERTIFICATES_PATH_BYTES]);

#endif
