/*
 * A doorbell wakes one thread that sleeps in io_wait(), and costs nearly nothing while it is
 * awake: writers put letters, then ring; the reader lies down, then looks a last time.
 *
 * No wake-up is lost. Both sides exchange `asleep`, so their exchanges have one order. If the
 * writer's comes second, it reads true and wakes. If the reader's comes second, it reads from
 * the writer's exchange (or from one that did), which makes the letter put before it visible to
 * the look that follows. Getting up is an exchange too, so it hands that sight on.
 *
 * Thread:  ring: any; the rest: the reader.
 * Owns:    nothing.
 */
#ifndef SLUICE_DOORBELL_H
#define SLUICE_DOORBELL_H

#include "engine/io/io.h"

#include <stdatomic.h>

struct doorbell {
	_Alignas(64) atomic_bool asleep;
	struct io *io; /* the sleeper's */
};

static inline void doorbell_init(struct doorbell *doorbell, struct io *io)
{
	atomic_init(&doorbell->asleep, false);
	doorbell->io = io;
}

/* Before sleeping; look for letters once more afterwards. */
static inline void doorbell_lie_down(struct doorbell *doorbell)
{
	atomic_exchange_explicit(&doorbell->asleep, true, memory_order_acq_rel);
}

static inline void doorbell_get_up(struct doorbell *doorbell)
{
	atomic_exchange_explicit(&doorbell->asleep, false, memory_order_acq_rel);
}

/* `from`: the caller's io, or NULL (see io_wake()). Only the first ring of a sleep wakes. */
static inline void doorbell_ring(struct doorbell *doorbell, struct io *from)
{
	if (atomic_exchange_explicit(&doorbell->asleep, false, memory_order_acq_rel))
		io_wake(from, doorbell->io);
}

#endif
