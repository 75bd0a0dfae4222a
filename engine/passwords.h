/*
 * Passwords are checked here, in a thread of its own: a crypt(3) hash costs up to a second by
 * intent, which no turn of a shard can spare.
 *
 * Each ingest shard has two mailboxes with it: checks in, answers out. What was right lately is
 * remembered as a keyed digest, so that a client which signs in for every mail costs one hash
 * now and then; a wrong password always costs a hash, unless too many were wrong of late: then none
 * is looked at, right or wrong (guesses.h).
 *
 * Thread:  init, join, finish: start-up and its undoing; turn: its own; the shard's side of the
 *          mailboxes: the shard.
 * Owns:    its loop, the mailboxes, the digests, the guesses. Lends checks, which their shard owns.
 * Never:   keeps or logs a password; takes more than PASSWORDS_CHECKS_MAX checks of a shard.
 */
#ifndef SLUICE_PASSWORDS_H
#define SLUICE_PASSWORDS_H

#include "engine/guesses.h"
#include "engine/io/crypto.h"
#include "engine/letters.h"
#include "engine/io/loop.h"
#include "engine/users.h"

#define PASSWORDS_SHARDS_MAX    64
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

/* A question and its answer: the shard sends a pointer to it, and gets it back answered. */
struct password_check {
	const struct users *users;
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
	struct loop loop;
	struct shelf shelf;
	struct mailbox questions[PASSWORDS_SHARDS_MAX];
	struct mailbox answers[PASSWORDS_SHARDS_MAX];
	size_t shard_count;
	uint8_t key[CRYPTO_SHA256_BYTES]; /* of the digests; new at every start */
	struct passwords_digest remembered[PASSWORDS_REMEMBERED];
	struct guesses guesses;
};

/* On failure `why` says what forbids io_uring. */
MUST_CHECK struct err passwords_init(struct passwords *passwords,
        const struct config_limits *limits, struct depot *depot, struct text *why);
/* Before the threads start: the shard's end of two new mailboxes, which are put into its loop's
 * lists here. The loop is initialised. */
MUST_CHECK struct err passwords_join(
        struct passwords *passwords, struct loop *shard_loop, struct post *result);
/* After the shards that joined are finished: their loops have left the mailboxes. */
void passwords_finish(struct passwords *passwords);
/* Once, in its thread. */
void passwords_start(struct passwords *passwords);
/* One turn: at most one hash a shard. */
void passwords_turn(struct passwords *passwords);
const char *password_answer_word(enum password_answer answer);

#endif
