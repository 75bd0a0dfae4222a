/*
 * The system calls that the running relay makes, and no others: a filter of the kernel's (seccomp).
 *
 * Of what is not in the list, the call fails with EPERM and the kernel logs it (type=1326 in its
 * log or the audit log). To kill the process instead would stop no attacker more surely, and would
 * make of each call that some version of some library makes on some rare path a lost service.
 *
 * The list was read off the code and the libraries, and off traces of the tests. Not in it is
 * whatever starts a program, makes a ring (a new one would not be restricted), listens, traces,
 * mounts, or loads code into the kernel. Memory can't be written and run.
 *
 * Thread:  the main one, before any other is started: they inherit it.
 * Fails:   ERR_UNSUPPORTED where the kernel has no filters, or a filter of a container's
 *          forbids others.
 */
#ifndef SLUICE_SYSCALL_FILTER_H
#define SLUICE_SYSCALL_FILTER_H

#include "queue/base/errors.h"

/* For good. Sets no_new_privs. */
MUST_CHECK struct err syscall_filter_enforce(void);

#endif
