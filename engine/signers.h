/*
 * Signers are the keeper's threads that use private keys: each waits at its end of a pair for what
 * the engine's handshakes want signed (signing.h), one after the other.
 *
 * Thread:  open, start, close: start-up and its undoing; each signer is a thread.
 * Owns:    the keys, the threads, its ends.
 * Never:   gives a key away; signs what no request of ours would ask for (tls_key.h).
 * Fails:   at the start, with a sentence that names the file. A signer whose end is closed, or
 *          which hears what is no request, ends.
 */
#ifndef SLUICE_SIGNERS_H
#define SLUICE_SIGNERS_H

#include "engine/io/tls_key.h"
#include "engine/keeper_ends.h"

#include <pthread.h>

struct signer {
	const struct signers *signers;
	int end;
	pthread_t thread;
	bool started;
};

struct signers {
	struct tls_key **keys;
	size_t key_count;
	struct signer *at;
	size_t count;
};

/* Reads the keys; takes the signers' ends. */
MUST_CHECK struct err signers_open(struct signers *signers, const struct config *config,
        struct keeper_ends *ends, struct text *why);
MUST_CHECK struct err signers_start(struct signers *signers);
/* Waits until the engine has closed its ends. */
void signers_join(struct signers *signers);
/* Joins them first. */
void signers_close(struct signers *signers);

#endif
