/*
 * Passwords are checked here, in a thread of its own: a crypt(3) hash costs up to a second by
 * intent, which no turn of a shard can spare.
 *
 * What was right lately is remembered as a keyed digest, so that a client which signs in for every
 * mail costs one hash now and then; a wrong password always costs a hash, unless too many were
 * wrong of late: then none is looked at, right or wrong (guesses.h).
 *
 * Thread:  a helper's (engine/helper.h), which ingest shards ask.
 * Owns:    the digests, the guesses; lends the roster.
 * Never:   keeps or logs a password.
 */
#ifndef SLUICE_PASSWORDS_H
#define SLUICE_PASSWORDS_H

#include "engine/guesses.h"
#include "engine/helper.h"
#include "engine/io/crypto.h"
#include "engine/roster.h"

#define PASSWORDS_CHECKS_MAX    64  /* of a shard, under way; beyond: 454, try later */
#define PASSWORDS_REMEMBERED    256 /* right ones of late */
#define PASSWORDS_REMEMBERED_NS (10 * 60 * NS_PER_S)

/* name, word in the log */
#define PASSWORD_ANSWERS(X)                                                                        \
	X(RIGHT, "right")                                                                          \
	X(WRONG, "wrong")                                                                          \
	X(UNSEEN, "too many failures") /* nobody looked at it */

enum password_answer {
#define X(name, word) PASSWORD_##name,
	PASSWORD_ANSWERS(X)
#undef X
};

struct password_check {
	struct helper_ask ask;
	uint16_t door;    /* the listener's number, where somebody signs in */
	struct view user; /* lent, with the password and the client, until the answer */
	struct view password;
	const struct endpoint *client;
	bool may_relay; /* without signing in */
	enum password_answer answer;
	struct guesses_ruling ruling; /* unless it was right */
};

struct passwords_digest {
	uint8_t bytes[CRYPTO_SHA256_BYTES];
	struct mono until;
};

struct passwords {
	struct helper helper;
	const struct roster *roster;
	uint8_t key[CRYPTO_SHA256_BYTES]; /* of the digests; new at every start */
	struct passwords_digest remembered[PASSWORDS_REMEMBERED];
	struct guesses guesses;
};

/* On failure `why` says what forbids io_uring. */
MUST_CHECK struct err passwords_init(struct passwords *passwords, const struct roster *roster,
        const struct config_limits *limits, struct depot *depot, struct text *why);
/* Every shard has left; its thread is stopped. */
void passwords_finish(struct passwords *passwords);
/* One turn of its thread: at most one hash. */
void passwords_turn(struct helper *helper);
const char *password_answer_word(enum password_answer answer);

#endif
