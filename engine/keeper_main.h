/*
 * What the keeper's process does from its fork to its end (keeper_process.h).
 *
 * Thread:  its main one, which serves the hatch; beside it those of the log, of secrets, of
 *          passwords, and a signer for each of the engine's threads that shake hands.
 * Owns:    all of the process.
 * Never:   heeds SIGTERM or SIGINT, which a terminal or a supervisor sends to both processes: the
 *          engine needs it to the last reply. It ends when the engine does.
 */
#ifndef SLUICE_KEEPER_MAIN_H
#define SLUICE_KEEPER_MAIN_H

#include "engine/core_dumps.h"
#include "engine/io/handed.h"
#include "engine/keeper_ends.h"
#include "engine/logger.h"

struct keeper_options {
	struct logger_options log;
	struct handed *handed;          /* the engine's: closed */
	const struct core_dumps *dumps; /* as they were before they were forbidden */
};

/* Takes the ends. `config` is the engine's, of the same file. Gives the exit status. */
int keeper_main(struct keeper_ends *ends, const struct config *config,
        const struct keeper_options *options);

#endif
