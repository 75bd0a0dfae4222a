/*
 * Timers of one loop: a hierarchical wheel of 1 ms ticks.
 *
 * Setting, moving and stopping a timer is a few pointer moves whatever their number, since
 * nearly every deadline of a mail session is moved, not met. Timers never run early; they run
 * at most a tick late, plus what the turn takes.
 *
 * Thread:  the loop's own.
 * Owns:    nothing: a timer is a field of the object it is about, stopped before that goes.
 * Never:   allocates, reads a clock; has no maximum.
 */
#ifndef SLUICE_TIMERS_H
#define SLUICE_TIMERS_H

#include "queue/base/clock.h"
#include "queue/base/list.h"

#define TIMERS_LEVELS 7 /* 64^7 ms: 139 years */
#define TIMERS_SLOTS  64

struct timer {
	struct link link;
	void (*expired)(struct timer *timer); /* the timer is stopped by then */
	struct mono deadline;
	uint16_t slot; /* level * TIMERS_SLOTS + index, or TIMERS_DUE */
};

struct timers {
	uint64_t tick; /* every timer at or before it is due */
	uint64_t occupied[TIMERS_LEVELS];
	struct list slots[TIMERS_LEVELS * TIMERS_SLOTS];
	struct list due;
};

void timers_init(struct timers *timers, struct mono now);
/* `expired` must be set. A timer that is set already moves. MONO_NEVER stops it. */
void timers_set(struct timers *timers, struct timer *timer, struct mono deadline);
/* Not set: nothing happens. */
void timers_stop(struct timers *timers, struct timer *timer);
/* Moves what has come due to the list of due timers. */
void timers_advance(struct timers *timers, struct mono now);
/* The next due timer, stopped; NULL: none. */
struct timer *timers_next_due(struct timers *timers);
/* When timers_advance() is needed next: no later than the earliest deadline, perhaps before. */
struct mono timers_wanted(const struct timers *timers);

static inline bool timer_is_set(const struct timer *timer)
{
	return link_is_linked(&timer->link);
}

#endif
