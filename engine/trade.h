/*
 * Trades: what the engine asks its keeper for, secrets and checks of passwords, as packets: an ask
 * written and read, and its answer. Both ends are one program, forked: numbers go as they lie in
 * memory, and constant texts as the addresses that they have in both.
 *
 * An ask comes from the process that strangers talk to: each field of it is checked. An answer
 * comes from the keeper, whose word is taken.
 *
 * Thread:  any; values only.
 * Never:   reads beyond a packet.
 * Fails:   false: no such packet is ever written.
 */
#ifndef SLUICE_TRADE_H
#define SLUICE_TRADE_H

#include "engine/keeper.h"
#include "engine/passwords.h"
#include "engine/wire/signin.h"

/* An ask of one trade, and what an owner needs to treat all alike. */
struct trade {
	/* Into TUBE_PACKET_MAX bytes; how many were written. */
	size_t (*put_ask)(
	        const struct config *config, const struct helper_ask *ask, struct span into);
	bool (*take_ask)(const struct config *config, struct view packet, struct helper_ask *ask);
	size_t (*put_answer)(const struct helper_ask *ask, struct span into);
	bool (*take_answer)(struct view packet, struct helper_ask *ask);
	/* The asker needs no answer but an end. */
	bool (*is_given_up)(const struct helper_ask *ask);
	/* Nobody is there to answer it. */
	void (*refuse)(struct helper_ask *ask);
	void (*wipe)(struct helper_ask *ask);
	size_t copy_bytes; /* of the keeper's copy, which begins with the ask */
};

/* Of struct keeper_ask. */
extern const struct trade trade_secrets;
/* Of struct password_check; the copy is a struct trade_check. */
extern const struct trade trade_passwords;

struct trade_check {
	struct password_check check;
	struct endpoint client;
	char memory[SIGNIN_MEMORY_BYTES]; /* user and password */
};

#endif
