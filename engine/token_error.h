/*
 * What a token endpoint's refusals mean: Microsoft Entra's AADSTS codes and OAuth's error words
 * (RFC 6749 5.2), whose move it is, and what to do.
 *
 * Thread:  any; constant tables. The sentences are constant memory.
 */
#ifndef SLUICE_TOKEN_ERROR_H
#define SLUICE_TOKEN_ERROR_H

#include "queue/base/bytes.h"

/* name, word */
#define TOKEN_PARTIES(X)                                                                           \
	X(OPERATOR, "operator")           /* of Sluice: its settings */                            \
	X(ADMINISTRATOR, "administrator") /* of the tenant */                                      \
	X(PERSON, "person")               /* whose mailbox it is: has to sign in again */          \
	X(SERVICE, "service")             /* Microsoft's, or whoever runs the endpoint */

enum token_party {
#define X(name, word) TOKEN_PARTY_##name,
	TOKEN_PARTIES(X)
#undef X
};

struct token_error {
	uint32_t code;    /* AADSTS; 0: `word` tells */
	const char *word; /* OAuth's; NULL: `code` tells */
	enum token_party whose;
	bool transient;      /* heals by itself: asked again soon */
	const char *meaning; /* "the client secret is wrong" */
	const char *advice;  /* a sentence for people */
};

/* The code's row, else the word's; else that of a reply with this HTTP status. Never NULL. */
const struct token_error *token_error_find(uint32_t code, struct view word, int http_status);
/* The n-th row; NULL: there is none. For tests and lists. */
const struct token_error *token_error_at(size_t index);
const char *token_party_word(enum token_party party);

#endif
