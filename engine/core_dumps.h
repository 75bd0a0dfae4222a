/*
 * Core dumps: a crashed relay's memory as a file, with mail, keys and tokens in it. Forbidden
 * before the first of them is read, and allowed again where the configuration asks for it.
 *
 * A limit of 0 alone does not do: the kernel gives a dump to a program (/proc/sys/kernel/
 * core_pattern with |) all the same. A process that is not dumpable has none; nor may others of
 * its user attach to it, or read its memory.
 *
 * Thread:  the main one, at the start.
 * Fails:   never: what can't be forbidden stays as it was.
 */
#ifndef SLUICE_CORE_DUMPS_H
#define SLUICE_CORE_DUMPS_H

#include <sys/resource.h>

struct core_dumps {
	struct rlimit before;
};

void core_dumps_forbid(struct core_dumps *dumps);
/* As they were. After the process has become another user: that forbids them anew. */
void core_dumps_allow(const struct core_dumps *dumps);

#endif
