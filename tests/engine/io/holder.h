/*
 * Who holds a private key of each kind, for tests: made on the spot, loaded, and their files
 * removed, so that nobody opens one later.
 *
 * Thread:  any, once it is made.
 */
#ifndef SLUICE_TESTS_HOLDER_H
#define SLUICE_TESTS_HOLDER_H

#include "engine/io/tls_key.h"
#include "tests/engine/io/certificates.h"

/* name, kind (certificates_make_kind()) */
#define HOLDER_KEYS(X)                                                                             \
	X(RSA, "RSA")                                                                              \
	X(RSA_OTHER, "RSA")                                                                        \
	X(PSS, "RSA-PSS")                                                                          \
	X(P256, "P-256")                                                                           \
	X(P384, "P-384")                                                                           \
	X(ED25519, "ED25519")                                                                      \
	X(ED448, "ED448")

enum holder_key {
#define X(name, kind) HOLDER_##name,
	HOLDER_KEYS(X)
#undef X
	        HOLDER_COUNT
};

struct holder {
	char certificates[HOLDER_COUNT][CERTIFICATES_PATH_BYTES];
	char key_files[HOLDER_COUNT][CERTIFICATES_PATH_BYTES]; /* where they were */
	const char *paths[HOLDER_COUNT];
	struct tls_key *keys[HOLDER_COUNT];
	struct evp_pkey_st *publics[HOLDER_COUNT];
};

void holder_init(struct holder *holder, struct certificates *certificates);
void holder_finish(struct holder *holder);
/* Whether the answer signs what the request asked to be signed, as the public key sees it. */
bool holder_is_confirmed(const struct holder *holder, enum holder_key key,
        const struct tls_key_request *request, const struct tls_key_answer *answer);

#endif
