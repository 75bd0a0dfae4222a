/*
 * A desk at which a command asks what the relay's shards ask: the keeper, who signs in, and the
 * resolver, who knows hosts; with a loop of its own, on which it can also hold a connection.
 *
 * Thread:  a command's main one; keeper and resolver have theirs.
 * Owns:    all of it, until desk_close().
 * Fails:   desk_open(), in words. Then what is open ends with the program.
 */
#ifndef SLUICE_DESK_H
#define SLUICE_DESK_H

#include "engine/keeper.h"
#include "engine/resolver.h"

struct desk {
	const struct config *config;
	struct depot *depot;
	struct shelf shelf;
	struct loop loop;
	struct keeper keeper;
	struct resolver resolver;
	bool has_resolver;
};

/* `resolves`: names are asked for too. */
MUST_CHECK bool desk_open(
        struct desk *desk, const struct config *config, bool resolves, struct text *why);
void desk_close(struct desk *desk);
/* Both wait for the answer. */
void desk_ask_keeper(struct desk *desk, struct keeper_ask *ask);
void desk_ask_resolver(struct desk *desk, struct resolver_ask *ask);

#endif
