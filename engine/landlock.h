/*
 * Landlock: files that a process may open from now on, and no others, whoever it runs as.
 *
 *	landlock_open     nothing is allowed yet
 *	landlock_allow    a file, or all that is and will be below a folder
 *	landlock_enforce  for this thread and all that it starts, for good
 *
 * What is open stays open. TCP ports can't be listened on either, where the kernel knows that
 * (6.7); nor signals be sent or abstract sockets be reached outside (6.12).
 *
 * Thread:  the main one, before any other is started.
 * Owns:    a descriptor, until landlock_close().
 * Fails:   ERR_UNSUPPORTED where the kernel has none (5.13), it was turned off at boot, or a filter
 *          of system calls forbids it.
 */
#ifndef SLUICE_LANDLOCK_H
#define SLUICE_LANDLOCK_H

#include "queue/base/errors.h"

struct landlock {
	int rules;   /* -1: not open */
	int version; /* of the kernel's interface */
};

enum landlock_use {
	LANDLOCK_READ,  /* files and folders; no program is started */
	LANDLOCK_WRITE, /* and made, changed, renamed, removed: files and sockets */
};

MUST_CHECK struct err landlock_open(struct landlock *landlock);
/* What is not there is passed over. */
MUST_CHECK struct err landlock_allow(
        const struct landlock *landlock, const char *path, enum landlock_use use);
/* Wants no_new_privs to be set. */
MUST_CHECK struct err landlock_enforce(const struct landlock *landlock);
/* Not open: nothing happens. */
void landlock_close(struct landlock *landlock);

#endif
