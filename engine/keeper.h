/*
 * The keeper hands out what identities sign in with, through one narrow interface: ask with an
 * identity and a mechanism, get the finished argument of that AUTH. The engine holds it only while
 * the sign-in is in progress; the asker wipes it.
 *
 * Passwords, and tokens that somebody else keeps in a file, are read anew for each ask. Tokens
 * that are got by a flow are kept until shortly before their end, and renewed ahead of it; all
 * identities that share app, tenant and flow share one, and however many ask for it at once, one
 * request is made. After a failure the endpoint is left alone for a while (token_lease.h).
 *
 * At most KEEPER_FETCHES_MAX attempts are under way at once, KEEPER_ENDPOINT_MAX of them at one
 * endpoint: others don't wait behind one that hangs.
 *
 * Thread:  a helper's (engine/helper.h); nothing of a file is read within a shard's turn.
 * Owns:    the tokens, in a vault.
 * Never:   logs a secret, or passes one on a command line.
 * Fails:   by the ask's err, with words and an advice.
 */
#ifndef SLUICE_KEEPER_H
#define SLUICE_KEEPER_H

#include "engine/config.h"
#include "engine/helper.h"
#include "engine/log.h"
#include "engine/token_fetch.h"
#include "engine/token_lease.h"
#include "engine/wire/signin.h"

#define KEEPER_SECRET_MAX TOKEN_BYTES_MAX
#define KEEPER_USER_MAX   1024 /* no server takes so long a name */
/* base64 of the secret, the user and the mechanism's words */
#define KEEPER_ARGUMENT_MAX ((KEEPER_SECRET_MAX + KEEPER_USER_MAX + 64) / 3 * 4 + 4)
#define KEEPER_WHY_BYTES    256
#define KEEPER_FETCHES_MAX  TOKEN_HTTP_CONNECTIONS_MAX
#define KEEPER_ENDPOINT_MAX (KEEPER_FETCHES_MAX / 4)
#define KEEPER_LOOK_NS      (5 * NS_PER_MS) /* how often attempts under way are looked at */

/* One token, of one or more identities. */
struct keeper_token {
	const struct config_identity *first; /* of those that share it */
	const struct config_oauth *oauth;    /* the first's: they are alike */
	uint32_t identity_count;
	struct token_lease lease;
	struct list waiting;       /* asks */
	struct link link;          /* in keeper->wanted */
	struct token_fetch *fetch; /* NULL: none is under way */
	bool repeated;             /* this attempt is the second, with another refresh token */
	size_t bytes;              /* of the token */
	size_t unsaved_bytes;      /* of a refresh token that could not be stored */
	uint8_t digest[CRYPTO_SHA256_BYTES]; /* of the file then */
	const char *hint;                /* what may be behind a server's refusal; NULL: nothing */
	const struct token_error *error; /* of the last attempt; NULL: it succeeded */
	char why[KEEPER_WHY_BYTES];
};

struct keeper {
	struct helper helper;
	struct log *log;
	struct random random;
	struct token_http *http;
	struct keeper_token *tokens;
	uint32_t token_count;
	struct span vault; /* of each token: access and unsaved refresh token; then the fetches' */
	struct token_fetch fetches[KEEPER_FETCHES_MAX];
	struct keeper_token *owners[KEEPER_FETCHES_MAX]; /* whose each is */
	size_t fetch_count;                              /* under way */
	struct list wanted;                              /* tokens that wait for a fetch */
	struct timer look;
	struct timer renew;
	bool loud; /* commands may speak to the terminal */
};

struct keeper_ask {
	struct helper_ask ask;
	const struct config_identity *identity;
	void *owner;                     /* the asker's own: what it is for */
	enum signin_mechanism mechanism; /* SIGNIN_NONE: the secret as it is */
	bool refused;                    /* a server refused what the last answer brought */
	bool again; /* an operator said so: don't wait for the time after a failure to pass */
	atomic_bool given_up; /* the asker needs no answer but an end */
	/* the answer */
	struct err err;
	bool transient;     /* it heals by itself, */
	int64_t wait_ns;    /* and is tried again then at the earliest */
	const char *advice; /* constant memory; NULL: none */
	const char *hint;   /* what may be behind a refusal to come; NULL: nothing */
	uint64_t serial;    /* of the token */
	size_t bytes;
	char why[KEEPER_WHY_BYTES];
	char secret[KEEPER_ARGUMENT_MAX]; /* or the argument */
};

struct keeper_settings {
	const struct config *config;
	struct depot *depot;
	struct log *log; /* NULL: says nothing */
	uint64_t seed;
};

MUST_CHECK struct err keeper_init(
        struct keeper *keeper, const struct keeper_settings *settings, struct text *why);
/* Every shard has left; its thread is stopped. */
void keeper_finish(struct keeper *keeper);
/* One turn of its thread; the simulator calls it in its own. */
void keeper_turn(struct helper *helper);
void keeper_wipe(struct keeper_ask *ask);

#endif
