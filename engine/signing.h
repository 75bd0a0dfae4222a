/*
 * Signing is how a handshake in the engine uses a private key that its keeper has: a request over
 * one of the pairs to the keeper's signers (signers.h), and a wait for the answer.
 *
 * The thread that shakes hands waits, as it would for its own signature: what it waits for is that
 * signature, made at once by a thread that has nothing else to do (OpenSSL can also hang a
 * handshake up and go on later, on a stack of its own; that costs more than it spares here).
 *
 * Thread:  any, several at once: each takes a pair that nobody uses. There are as many as threads
 *          that shake hands.
 * Owns:    its ends.
 * Never:   waits beyond SIGNING_WAIT_MS: that handshake fails, and the pair is not used until its
 *          answer has come after all, which is thrown away.
 */
#ifndef SLUICE_SIGNING_H
#define SLUICE_SIGNING_H

#include "engine/io/tls_keys.h"
#include "engine/keeper_ends.h"

#include <stdatomic.h>

/* A signature of the longest key there is takes some 100 ms; a keeper that is stopped holds up
 * each shard no longer than this. */
#define SIGNING_WAIT_MS 5000

enum signing_state { SIGNING_FREE, SIGNING_BUSY, SIGNING_DEAD };

struct signing_pair {
	int end;
	bool owed;        /* an answer that nobody waits for any more is still to come */
	atomic_int state; /* enum signing_state */
};

struct signing {
	struct tls_keys_door door;
	struct signing_pair pairs[KEEPER_SIGNERS_MAX];
	size_t count;
	int wait_ms;
};

/* Takes the signers' ends. */
void signing_init(struct signing *signing, struct keeper_ends *ends);
/* Nobody shakes hands any more. */
void signing_finish(struct signing *signing);

#endif
