/*
 * A window counts what happened within the last `length_ns`, and says how much more may happen
 * now, so that in any half-open interval of that length the count never exceeds the limit.
 *
 * Time is cut into slots; what happened in a slot counts until a whole length after the slot's
 * end: it is forgotten late, by a slot at most, never early. With WINDOW_SLOTS of them that costs
 * a fifth of a percent of the limit, and a window is of one size whatever the limit is.
 *
 * CONTRACT.md, Windows: a message counts when its MAIL is written, a recipient from then on
 * unless refused, so counts can be given back to the slot that they were added to.
 *
 * Thread:  the owner's. Owns nothing; of a fixed size.
 * Units:   ns of any one clock that does not go back (a time before the latest is taken as the
 *          latest); times may be negative: what happened before the machine started.
 * Never:   allocates, reads a clock.
 */
#ifndef SLUICE_WINDOW_H
#define SLUICE_WINDOW_H

#include "queue/base/bytes.h"

#define WINDOW_SLOTS 512 /* one more than the length has: now lies somewhere within the last */
#define WINDOW_NONE  UINT64_MAX

/* What window_add() counted, for window_give_back(). */
struct window_stamp {
	int64_t slot;
};

struct window {
	uint64_t limit;                     /* WINDOW_NONE: any number */
	int64_t slot_ns;                    /* the length in WINDOW_SLOTS - 1, rounded up */
	int64_t latest;                     /* the slot of the latest time seen */
	uint64_t used;                      /* the sum of the slots */
	uint64_t filled[WINDOW_SLOTS / 64]; /* those that are not zero: bits */
	uint32_t slots[WINDOW_SLOTS];
};

/* `length_ns` of a limit WINDOW_NONE is not looked at. */
void window_init(struct window *window, uint64_t limit, int64_t length_ns);
static inline bool window_is_limited(const struct window *window)
{
	return window->limit != WINDOW_NONE;
}
/* How much more may happen now under the window's limit, or under a lower one of the caller's. */
uint64_t window_room(struct window *window, int64_t now_ns);
uint64_t window_room_under(struct window *window, int64_t now_ns, uint64_t limit);
/* What counts now. */
uint64_t window_used(struct window *window, int64_t now_ns);
/* It happened; whether there is room is the caller's to know: what was not foreseen counts too. */
struct window_stamp window_add(struct window *window, int64_t now_ns, uint32_t count);
/* It did not happen after all; what has been forgotten since stays so. */
void window_give_back(struct window *window, struct window_stamp stamp, uint32_t count);
/* The first time at or after now when `count` more fit under `limit`, if nothing else happens;
 * INT64_MAX: never. */
int64_t window_when(struct window *window, int64_t now_ns, uint64_t limit, uint32_t count);

/* How many slots count something: so often window_next() is true. */
uint16_t window_filled_count(const struct window *window);
/* What counts, slot by slot, for keeping it on disk: *at_ns is the slot's end. Start with
 * *cursor = 0; false: no more. */
bool window_next(const struct window *window, size_t *cursor, int64_t *at_ns, uint32_t *count);
/* Counts what happened at `at_ns`, at or before the latest time. */
void window_restore(struct window *window, int64_t at_ns, uint32_t count);

#endif
