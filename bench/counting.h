/*
 * Counting is how often the threads of a process made system calls, and synced, counted by the
 * kernel itself (tracepoints of perf_event_open). A sync is fdatasync, fsync, msync, or a pwrite to
 * a descriptor that was opened with O_DSYNC before counting began, as LMDB's last of a commit.
 *
 * Needs what not everybody may: root, or kernel.perf_event_paranoid of -1 and readable tracefs.
 * Counts the threads that are there when it is opened. An event that belongs to a thread is loaded
 * and stored at every context switch, a microsecond or two each; so events belong to CPUs, with a
 * filter for those threads, where thread ids are the kernel's own (in the first pid namespace).
 * Elsewhere they belong to the threads, and to those that they start.
 *
 * Thread:  the owner's.
 * Owns:    descriptors, until counting_close().
 * Fails:   counting_open(): not permitted here; `why` says so. Nothing is open then.
 */
#ifndef SLUICE_COUNTING_H
#define SLUICE_COUNTING_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#include <sys/types.h>

#define COUNTING_THREADS_MAX 256 /* or CPUs */
#define COUNTING_EVENTS      5
#define COUNTING_FILTER_MAX  4096 /* the kernel's own limit: a page */
#define COUNTING_FDS_MAX     (COUNTING_THREADS_MAX * COUNTING_EVENTS)

struct counting {
	int fds[COUNTING_FDS_MAX];
	unsigned events[COUNTING_FDS_MAX];
	size_t count;
};

struct counted {
	uint64_t calls;
	uint64_t syncs;
};

MUST_CHECK bool counting_open(struct counting *counting, pid_t pid, struct text *why);
/* Since it was opened. */
struct counted counting_read(const struct counting *counting);
void counting_close(struct counting *counting);

#endif
