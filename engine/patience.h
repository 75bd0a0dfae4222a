/*
 * How long a batch waits for more to go with it before it is committed.
 *
 * A commit costs the same whatever little it holds: a write and a flush, one behind the other, and
 * two wake-ups. What it costs the CPU is what two messages cost in all else, and clients that wait
 * for their 250 come in cohorts: those whom a commit answers are back with their next message at
 * about the same time. So
 * - what was delivered, alone, waits for mail to go with: nobody waits for it to be written down,
 *   and a crash before only sends it again;
 * - mail waits for as much as the last commit answered and found waiting behind it, but not where
 *   that is little (a client alone never waits), nor longer than PATIENCE_MAIL_NS, nor once the
 *   bytes alone make it worth a write. Where those who were answered don't come back, waiting is
 *   in vain: ever more commits go without it then, until it is tried again.
 *
 * Thread:  its owner's.
 * Owns:    nothing.
 * Never:   reads a clock.
 */
#ifndef SLUICE_PATIENCE_H
#define SLUICE_PATIENCE_H

#include "queue/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATIENCE_SETTLES    64              /* so many don't wait */
#define PATIENCE_SETTLES_NS (1 * NS_PER_MS) /* nor any longer */
#define PATIENCE_MAIL_MIN   8               /* fewer are not waited for */
#define PATIENCE_MAIL_NS                                                                           \
	(NS_PER_MS / 2)                 /* about a write and its flush: the wait of who comes
	                                        a moment too late for a commit */
#define PATIENCE_MAIL_BYTES (256 << 10) /* up to here a write takes hardly longer than of 4 KiB */
#define PATIENCE_VAIN_MIN   8           /* commits without a wait after one in vain, */
#define PATIENCE_VAIN_MAX   512         /* doubled each time up to so many */

/* What waits to be committed. */
struct patience_batch {
	size_t puts; /* messages */
	uint64_t put_bytes;
	size_t settles;
	bool urgent; /* something in it, or the state of things, bears no wait */
};

struct patience {
	size_t expected; /* messages, with those that are there */
	unsigned vain;   /* commits that don't wait, after a wait in vain; 0: it was not */
	unsigned rest;   /* of them, those still to come */
	bool waits;
	bool for_mail;
	struct mono until;
};

/* Whether it is not yet to be committed; ask again at patience_until() at the latest, and when
 * something came. */
bool patience_waits(struct patience *patience, const struct patience_batch *batch, struct mono now);
/* While it waits: until when; else MONO_NEVER. */
struct mono patience_until(const struct patience *patience);
/* It was committed, which answered so many messages; as many others have come meanwhile. */
void patience_committed(struct patience *patience, size_t answered, size_t queued);

#endif
