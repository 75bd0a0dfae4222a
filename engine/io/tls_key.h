/*
 * A private key at its holder's: it signs, and deciphers, what the handshakes of another process
 * need (tls_keys.h). Requests and answers are plain data, between two processes of one program.
 *
 * Thread:  a key is loaded and destroyed by one; tls_key_answer() is for any, and several at once.
 * Owns:    the key; the library wipes it.
 * Never:   believes a request: who sends it is trusted less, so each field is looked at first.
 *          Tells by its answer whether what it deciphered was well made (RFC 5246, 7.4.7.1).
 * Fails:   an answer of no bytes: refused.
 */
#ifndef SLUICE_TLS_KEY_H
#define SLUICE_TLS_KEY_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#include <stddef.h>

/* The longest is what a client of TLS 1.2 signs: all of the handshake so far, with the server's
 * chain and the list of authorities that it takes, which Windows cuts at 16 KiB. */
#define TLS_KEY_INPUT_MAX    32768
#define TLS_KEY_OUTPUT_MAX   1024 /* a signature of an RSA key with 8,192 bits */
#define TLS_KEY_SECRET_BYTES 48   /* what a client sends enciphered: RFC 5246, 7.4.7.1 */

enum tls_key_op {
	TLS_KEY_SIGN = 1, /* the input, whole */
	TLS_KEY_DECRYPT,  /* the secret of a key exchange by RSA; a random one where it is none */
};

/* What the input is hashed by: name, the library's name. */
#define TLS_KEY_DIGESTS(X)                                                                         \
	X(NONE, "") /* Ed25519 and Ed448 do it themselves */                                       \
	X(MD5_SHA1, "MD5-SHA1")                                                                    \
	X(SHA1, "SHA1")                                                                            \
	X(SHA224, "SHA224")                                                                        \
	X(SHA256, "SHA256")                                                                        \
	X(SHA384, "SHA384")                                                                        \
	X(SHA512, "SHA512")

enum tls_key_digest {
#define X(name, word) TLS_KEY_DIGEST_##name,
	TLS_KEY_DIGESTS(X)
#undef X
	        TLS_KEY_DIGEST_COUNT
};

enum tls_key_padding {
	TLS_KEY_PADDING_NONE,
	TLS_KEY_PADDING_PKCS1,
	TLS_KEY_PADDING_PSS, /* with as much salt as the digest has bytes */
	TLS_KEY_PADDING_COUNT
};

struct tls_key_request {
	uint16_t key; /* its number: chosen by whoever has the holder's keys */
	uint8_t op;
	uint8_t digest;
	uint8_t padding;
	/* With TLS_KEY_DECRYPT: the version that the client began with, and the one that was agreed
	 * on where that may stand in the secret instead; else 0. */
	uint16_t client_version;
	uint16_t negotiated_version;
	uint16_t bytes;
	uint8_t input[TLS_KEY_INPUT_MAX];
};

struct tls_key_answer {
	uint16_t bytes; /* 0: refused */
	uint8_t output[TLS_KEY_OUTPUT_MAX];
};

/* Of each, what comes before its bytes: the rest need not travel. */
#define TLS_KEY_REQUEST_HEAD offsetof(struct tls_key_request, input)
#define TLS_KEY_ANSWER_HEAD  offsetof(struct tls_key_answer, output)

struct tls_key;
struct evp_pkey_st; /* OpenSSL's EVP_PKEY: its headers stay behind their doors */

/* On failure `why` names the file and what is wrong with it, as tls_context_server() does. */
MUST_CHECK struct err tls_key_load(struct tls_key **result, const char *key_file,
        const char *certificate_file, struct text *why);
/* NULL is fine. */
void tls_key_destroy(struct tls_key *key);
void tls_key_answer(const struct tls_key *key, const struct tls_key_request *request,
        struct tls_key_answer *answer);

/* The library's name for a digest; "" for none. */
const char *tls_key_digest_name(enum tls_key_digest digest);
/* The library's name for what sort of key it is, public or private. NULL: none that a holder can
 * have; `why` says so of key_file. */
const char *tls_key_kind(const struct evp_pkey_st *key, const char *key_file, struct text *why);

#endif
