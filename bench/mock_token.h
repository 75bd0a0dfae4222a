/*
 * The mock's token endpoint, but for the HTTP: it knows apps with their secret or certificate and
 * people with their refresh tokens, issues tokens that look like Microsoft's, rotates refresh
 * tokens, and fails as it is told. The mock's SMTP side asks it whether a token is good.
 *
 *	POST /TENANT/oauth2/v2.0/token   the endpoint
 *	POST /mock/fault                 kind=KIND&times=N&client=ID&code=N&retry_after=N: the next
 *	                                 N requests (0: all) fail so; kind=none ends all faults
 *	POST /mock/revoke                access tokens issued so far are refused from now on
 *	POST /mock/forget                refresh tokens too
 *	POST /mock/lifetime              seconds=N: of tokens issued from now on
 *	POST /mock/rotate                secret=S: of every app, from now on
 *	GET  /mock/account               what was asked and given, as one JSON object
 *
 * Thread:  any: it locks itself. An HTTP thread a connection, and the mock's own.
 * Owns:    its settings' copies; lends nothing.
 */
#ifndef SLUICE_MOCK_TOKEN_H
#define SLUICE_MOCK_TOKEN_H

#include "engine/io/crypto.h"
#include "engine/io/endpoint.h"
#include "queue/base/bytes.h"

#include <pthread.h>

#define MOCK_TOKEN_APPS_MAX    64
#define MOCK_TOKEN_PEOPLE_MAX  64
#define MOCK_TOKEN_FAULTS_MAX  16
#define MOCK_TOKEN_WORD_BYTES  128
#define MOCK_TOKEN_PEM_BYTES   16384
#define MOCK_TOKEN_BODY_BYTES  65536 /* of a request */
#define MOCK_TOKEN_REPLY_BYTES 8192

/* kind, word: what goes wrong */
#define MOCK_TOKEN_FAULTS(X)                                                                       \
	X(NONE, "none")                                                                            \
	X(HANG, "hang")       /* no answer until the fault ends */                                 \
	X(GARBAGE, "garbage") /* 200 and no JSON */                                                \
	X(HUGE, "huge")       /* 200 and too much of it */                                         \
	X(BUSY, "busy")       /* 429, with Retry-After where retry_after says so */                \
	X(BROKEN, "broken")   /* 503 */                                                            \
	X(REFUSE, "refuse")   /* 400 with AADSTS`code` */                                          \
	X(REDIRECT, "redirect")

enum mock_token_fault_kind {
#define X(name, word) MOCK_TOKEN_##name,
	MOCK_TOKEN_FAULTS(X)
#undef X
	        MOCK_TOKEN_FAULT_COUNT
};

struct mock_token_fault {
	enum mock_token_fault_kind kind;
	uint64_t times;                     /* left; 0: for ever */
	char client[MOCK_TOKEN_WORD_BYTES]; /* empty: any */
	uint64_t code;
	uint64_t retry_after_s;
};

/* "CLIENT_ID:SECRET"; without a secret the app has the certificate alone, or is public. */
struct mock_token_app {
	char id[MOCK_TOKEN_WORD_BYTES];
	char secret[MOCK_TOKEN_WORD_BYTES];
	uint64_t requests;
};

/* "USER:REFRESH_TOKEN". The last token issued is good, and the one before it. */
struct mock_token_person {
	char user[MOCK_TOKEN_WORD_BYTES];
	char initial[MOCK_TOKEN_WORD_BYTES];
	uint64_t issued; /* refresh tokens since the first */
	bool forgotten;
};

/* --token-NAME of the program. */
#define MOCK_TOKEN_OPTIONS(X)                                                                      \
	X(LISTEN, "token-listen")                                                                  \
	X(TENANT, "token-tenant")                                                                  \
	X(APP, "token-app")                                                                        \
	X(CERTIFICATE, "token-certificate")                                                        \
	X(PERSON, "token-person")                                                                  \
	X(LIFETIME, "token-lifetime")                                                              \
	X(FAULT, "token-fault")

enum mock_token_option {
#define X(name, word) MOCK_TOKEN_OPTION_##name,
	MOCK_TOKEN_OPTIONS(X)
#undef X
};

struct mock_token {
	pthread_mutex_t lock;
	bool wanted; /* --token-listen was given */
	struct endpoint listen;
	char tenant[MOCK_TOKEN_WORD_BYTES]; /* empty: any */
	struct mock_token_app apps[MOCK_TOKEN_APPS_MAX];
	size_t app_count;
	struct mock_token_person people[MOCK_TOKEN_PEOPLE_MAX];
	size_t person_count;
	char certificate[MOCK_TOKEN_PEM_BYTES]; /* PEM, of all apps */
	size_t certificate_bytes;
	int64_t lifetime_s;
	struct mock_token_fault faults[MOCK_TOKEN_FAULTS_MAX];
	size_t fault_count;
	uint64_t generation; /* of access tokens; those of an older one are refused */
	uint8_t key[CRYPTO_SHA256_BYTES];
	uint64_t requests;
	uint64_t granted;
	uint64_t accepted; /* sign-ins */
	uint64_t refused;
};

struct mock_token_answer {
	int status;
	bool hang; /* answer nothing until mock_token_hangs() says no more */
	uint64_t retry_after_s;
	size_t bytes;
	char body[MOCK_TOKEN_REPLY_BYTES];
};

void mock_token_init(struct mock_token *token);
void mock_token_finish(struct mock_token *token);
/* An option of the program; false: its value is not right. */
bool mock_token_set(struct mock_token *token, enum mock_token_option option, const char *value);
/* A request: method, path, and the form in its body. */
void mock_token_answer(struct mock_token *token, struct view method, struct view path,
        struct view form, int64_t now_s, struct mock_token_answer *answer);
/* Whether a hanging request goes on to hang. */
bool mock_token_hangs(struct mock_token *token);
/* Whether somebody may sign in as `user` with it. */
bool mock_token_accepts(
        struct mock_token *token, struct view user, struct view access_token, int64_t now_s);

#endif
