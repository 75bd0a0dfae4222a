/*
 * The keeper hands out what identities sign in with, through one narrow interface: ask with an
 * identity, get its secret in the asker's own memory. It reads the secret's file anew for each
 * ask, so a changed password or a fresh token needs no restart, and the engine holds a secret only
 * while a sign-in is in progress; the asker wipes it.
 *
 * Thread:  a helper's (engine/helper.h); nothing of a file is read within a shard's turn.
 * Owns:    nothing between two asks.
 * Fails:   by the ask's err: the file is missing, unreadable, empty or too long.
 */
#ifndef SLUICE_KEEPER_H
#define SLUICE_KEEPER_H

#include "engine/config.h"
#include "engine/helper.h"

#define KEEPER_SECRET_MAX 8192 /* an access token has 2 to 3 KB */

struct keeper {
	struct helper helper;
};

struct keeper_ask {
	struct helper_ask ask;
	const struct config_identity *identity;
	/* the answer */
	struct err err;
	size_t bytes; /* without the file's last line end */
	char secret[KEEPER_SECRET_MAX];
};

MUST_CHECK struct err keeper_init(struct keeper *keeper, struct depot *depot, struct text *why);
/* One turn of its thread; the simulator calls it in its own. */
void keeper_turn(struct helper *helper);
void keeper_wipe(struct keeper_ask *ask);

#endif
