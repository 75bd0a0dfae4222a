/*
 * Guesses: the sign-ins that failed of late, by client address and by user name, and what follows
 * from them: the next answer comes later, and beyond a limit no password is looked at for a time.
 *
 * A failure counts against the client's address and against the user's name; each count drains
 * evenly, as its limit says (10/30m: one every three minutes), and while it is full, sign-ins are
 * barred. Whoever guesses from one address is barred by that long before he fills the count of a
 * name, so he locks nobody else out: that takes as many addresses as per_user is times per_client.
 * And then one sign-in is looked at whenever the count has drained by one, so that nobody is
 * locked out for good.
 *
 * Some have a count of their own, and what others do is nothing to them: a user at an address he
 * has signed in from lately, and clients that may relay without signing in. So the devices behind
 * one address go on when one of them has an old password.
 *
 * Both tables are of a fixed size. Where a place is wanted and none is free, the one goes that has
 * the least to tell: the count that is empty first, the sign-in that is longest ago.
 *
 * Thread:  the passwords thread's. Nothing here reads a clock.
 * Owns:    its tables; names and addresses are kept as keyed hashes alone.
 * Never:   tells whether a user exists: names that nobody has are counted like the others.
 * Fails:   guesses_init(), without memory. A restart forgets everything.
 */
#ifndef SLUICE_GUESSES_H
#define SLUICE_GUESSES_H

#include "engine/config.h"
#include "engine/io/endpoint.h"
#include "queue/base/clock.h"

/* Of sets of eight: a botnet of 8,000 addresses that tries as many names, in 256 KiB. */
#define GUESSES_COUNTS 16384
/* Right ones: every user of a large house at two or three addresses, in 64 KiB. */
#define GUESSES_KNOWN 4096
/* A device that sends a report a month has its place; one that was taken away loses it. */
#define GUESSES_KNOWN_NS (45 * 86400 * NS_PER_S)
/* A wrong password's answer waits: 1 s, then 2, 4... Longer, and clients give up for good. */
#define GUESSES_WAIT_NS     NS_PER_S
#define GUESSES_WAIT_NS_MAX (8 * NS_PER_S)

/* name, word in the log */
#define GUESSES_BARS(X)                                                                            \
	X(NONE, "none")                                                                            \
	X(CLIENT, "client") /* too many failures of its address */                                 \
	X(USER, "user")     /* too many failures of this name */                                   \
	X(PAIR, "pair")     /* of this name at this address, which has a count of its own */

enum guesses_bar {
#define X(name, word) GUESSES_BAR_##name,
	GUESSES_BARS(X)
#undef X
	        GUESSES_BAR_COUNT
};

struct guesses_rate {
	uint64_t most;   /* LIMIT_NONE: no limit */
	int64_t each_ns; /* what drains one */
};

struct guesses_count {
	uint64_t key;
	struct mono empty; /* when it will have drained */
};

struct guesses_known {
	uint64_t key;
	struct mono until;
};

struct guesses {
	struct guesses_rate per_client;
	struct guesses_rate per_user;
	struct guesses_count *counts; /* GUESSES_COUNTS */
	struct guesses_known *known;  /* GUESSES_KNOWN */
	uint64_t seeds[2];
};

/* Who signs in. Lends all of it to the call. */
struct guesses_who {
	const void *users; /* whose names they are */
	struct view user;
	const struct endpoint *client;
	bool may_relay; /* without signing in */
};

struct guesses_ruling {
	enum guesses_bar bar;
	int64_t barred_ns; /* until the next one is looked at */
	int64_t wait_ns;   /* before it is answered */
};

MUST_CHECK struct err guesses_init(struct guesses *guesses, const struct config_limits *limits);
void guesses_finish(struct guesses *guesses);
/* Before a password is looked at: a bar, and it is not. */
struct guesses_ruling guesses_ask(
        const struct guesses *guesses, const struct guesses_who *who, struct mono now);
/* It was wrong. A bar: this was the last one for now. */
struct guesses_ruling guesses_wrong(
        struct guesses *guesses, const struct guesses_who *who, struct mono now);
/* It was right: from now on the two have a count of their own, which is empty. */
void guesses_right(struct guesses *guesses, const struct guesses_who *who, struct mono now);
const char *guesses_bar_word(enum guesses_bar bar);

#endif
