/*
 * The keeper's process: private keys, client secrets, refresh tokens, stored passwords and users'
 * hashes are read and used in a process of its own, so that who gets into the engine, to which
 * strangers talk, finds none of them there. The engine asks it to sign a handshake, for what a
 * sign-in in progress needs, and whether a user's password is right.
 *
 * It is a child of the engine's, forked before any thread or file of the engine's is there. It
 * reads the configuration again, now with everything that the engine does not look into, and
 * complains of it on stderr. It runs as the user that the configuration names, with a sandbox of
 * its own, and ends once the engine is gone, however that came.
 *
 *	keeper_process_start   forks, and waits until the keeper is ready
 *	keeper_process_end     closes what nobody has taken, and waits until it is gone
 *
 * Thread:  the main one, before any other is started; the end after all others.
 * Owns:    the child, and our ends of what lies between.
 * Fails:   with a sentence, or with none where the keeper has complained itself.
 */
#ifndef SLUICE_KEEPER_PROCESS_H
#define SLUICE_KEEPER_PROCESS_H

#include "engine/keeper_main.h"

#include <sys/types.h>

struct keeper_process {
	pid_t id; /* 0: the configuration has nothing to keep */
	struct keeper_ends ends;
};

MUST_CHECK struct err keeper_process_start(struct keeper_process *process,
        const struct config *config, const struct keeper_options *options, struct text *why);
/* Nobody asks any more. */
void keeper_process_end(struct keeper_process *process);

#endif
