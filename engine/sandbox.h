/*
 * What the relay can do no more once it runs: gain rights, open files that it has no reason to open
 * (landlock.h), make system calls that it never makes (syscall_filter.h).
 *
 * Where tokens come from a command, that program inherits whatever holds for us, and what it needs
 * nobody here knows: then only rights can't be gained.
 *
 * Thread:  the main one, before any other is started: they inherit it.
 * Fails:   where the kernel has it and refuses it all the same. What it has not is logged, with the
 *          version that has it, and done without.
 */
#ifndef SLUICE_SANDBOX_H
#define SLUICE_SANDBOX_H

#include "engine/config.h"
#include "engine/log.h"

/* For good. Logs event=sandbox with what is in force; of the rings that is `restricted`. */
MUST_CHECK struct err sandbox_enter(
        const struct config *config, bool restricted, struct log *log, struct text *why);

#endif
