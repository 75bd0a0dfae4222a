/*
 * What each of the relay's two processes can do no more once it runs: gain rights, open files that
 * it has no reason to open (landlock.h), make system calls that it never makes (syscall_filter.h).
 * The engine opens the spool, and no secret; its keeper opens secrets, and not the spool.
 *
 * Where tokens come from a command, that program is the keeper's child and inherits whatever holds
 * for it, and what it needs nobody here knows: then the keeper only can't gain rights.
 *
 * Thread:  the main one, before any other is started: they inherit it.
 * Fails:   where the kernel has it and refuses it all the same. What it has not is logged, with the
 *          version that has it, and done without.
 */
#ifndef SLUICE_SANDBOX_H
#define SLUICE_SANDBOX_H

#include "engine/config.h"
#include "engine/log.h"

/* name, word in the log */
#define SANDBOX_PROCESSES(X)                                                                       \
	X(ENGINE, "engine")                                                                        \
	X(KEEPER, "keeper")

enum sandbox_process {
#define X(name, word) SANDBOX_##name,
	SANDBOX_PROCESSES(X)
#undef X
};

/* For good. Logs event=sandbox with what is in force; of the rings that is `restricted`. */
MUST_CHECK struct err sandbox_enter(const struct config *config, enum sandbox_process process,
        bool restricted, struct log *log, struct text *why);

#endif
