/*
 * What lies between the engine and its keeper's process: an end of each pair of packets. Both
 * processes have one such struct, with the other ends.
 *
 * Thread:  start-up.
 * Owns:    its descriptors, until they are taken from it or closed.
 */
#ifndef SLUICE_KEEPER_ENDS_H
#define SLUICE_KEEPER_ENDS_H

#include "engine/config.h"

/* A shard signs one handshake at a time: one for each of 64 ingest and 64 delivery shards. */
#define KEEPER_SIGNERS_MAX 128

struct keeper_ends {
	int life;      /* the keeper is ready once it says so, and gone once it is closed */
	int secrets;   /* -1: no identity signs in */
	int passwords; /* -1: nobody signs in to us */
	int signers[KEEPER_SIGNERS_MAX];
	size_t signer_count; /* 0: there is no private key */
};

/* All that the configuration wants; none: both are empty, and there is nothing to keep. */
MUST_CHECK struct err keeper_ends_open(
        struct keeper_ends *ours, struct keeper_ends *theirs, const struct config *config);
bool keeper_ends_are_empty(const struct keeper_ends *ends);
/* Those that nobody has taken. */
void keeper_ends_close(struct keeper_ends *ends);

#endif
