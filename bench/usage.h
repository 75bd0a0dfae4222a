/*
 * Usage is what a process (Sluice, mostly) used while a run measured it: CPU time, by thread too,
 * system calls, syncs, context switches, memory at its peak, bytes written. Seen from outside.
 *
 *	if (!usage_start(&usage, &stand.sluice, settings->uncounted, why)) ...
 *	... what is measured ...
 *	usage_end(&usage, figures, messages, messages * bytes);
 *
 * A usage that was started ends by usage_end() or usage_drop(), before the process does.
 *
 * Thread:  the run's; a thread of its own looks at the memory meanwhile.
 * Owns:    that thread and what counting.h opens.
 * Fails:   usage_start(): the process is gone. System calls that may not be counted here make no
 *          failure: their rows lack, and usage_lack() says why.
 */
#ifndef SLUICE_USAGE_H
#define SLUICE_USAGE_H

#include "bench/child.h"
#include "bench/counting.h"
#include "bench/figures.h"
#include "bench/process.h"
#include "queue/base/clock.h"

#include <pthread.h>

#define USAGE_LOOK_NS (50 * NS_PER_MS) /* at the memory */

struct usage {
	pid_t pid;
	struct process before;
	struct counting counting;
	char lack[160]; /* why system calls are not counted; empty: they are */
	pthread_t looker;
	int stop; /* an eventfd that ends the looker */
	/* The looker's, until it ended. */
	uint64_t own_most_bytes;
	uint64_t mapped_most_bytes;
};

/* What it used in all; for runs that make rows of their own of it. */
struct usage_sum {
	int64_t cpu_ns;
	uint64_t switches;
	struct counted counted;
	uint64_t storage_bytes;
	uint64_t write_bytes;
	uint64_t own_most_bytes;
	uint64_t mapped_most_bytes;
};

/* `uncounted`: system calls are not to be counted. */
MUST_CHECK bool usage_start(
        struct usage *usage, const struct child *child, bool uncounted, struct text *why);
/* Adds the rows engine_*: all of them a message, what is written a byte of mail. 0 bytes: the
 * latter lack. A process that is gone adds none. `figures` NULL: no rows. Gives the sum. */
struct usage_sum usage_end(
        struct usage *usage, struct figures *figures, double messages, double mail_bytes);
void usage_drop(struct usage *usage);
/* Why system calls are not counted; NULL: they are. */
const char *usage_lack(const struct usage *usage);

#endif
