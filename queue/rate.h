/*
 * A rate is how many messages a period a server takes where nobody says how many, and where finding
 * out is dear: it answers one too many by taking none for a quarter of an hour and more.
 *
 * A refusal cuts it to three quarters of what was sent in the period before. Then it climbs half of
 * the way to a little below what was refused, again and again, and stays there for long; past that
 * it goes in steps that grow, and if that is refused too, it stays for twice as long the next time.
 *
 * Differs from queue/learned.h by the price of a refusal: there it costs seconds, here a part of an
 * hour.
 *
 * Thread:  its owner's. A value.
 * Never:   reads a clock.
 * Source:  throttling.md, 4.2, Source IP; `simulate --day source` compares.
 */
#ifndef SLUICE_RATE_H
#define SLUICE_RATE_H

#include "queue/base/clock.h"

#define RATE_NONE UINT64_MAX
/* Fewer than that in a period are no matter of a rate. */
#define RATE_LEAST        5
#define RATE_CLIMB_NS     (300 * NS_PER_S)  /* between two steps up to the brink */
#define RATE_STAY_NS      (3600 * NS_PER_S) /* on it, at first */
#define RATE_STAY_MOST_NS (6 * RATE_STAY_NS)
#define RATE_IDLE_NS      (3600 * NS_PER_S) /* not used up for so long: nobody needs it */

struct rate {
	uint64_t limit;   /* RATE_NONE: none is known */
	uint64_t refused; /* what was sent in the period before the last refusal */
	uint64_t step;    /* past the brink */
	int64_t stay_ns;
	struct mono changed;
	struct mono full; /* it was used up then, last */
	bool resting;     /* nothing was sent since it was cut */
};

void rate_init(struct rate *rate);
/* So many were sent in the last period when the server refused. True: that is a rate. */
bool rate_cut(struct rate *rate, struct mono now, uint64_t used);
/* One more was taken; so many in the last period. True: the limit grew. */
bool rate_take(struct rate *rate, struct mono now, uint64_t used);
/* True: it has not been used up for so long that it is forgotten. */
bool rate_look(struct rate *rate, struct mono now);
/* Read from disk. */
void rate_restore(
        struct rate *rate, struct mono now, uint64_t limit, uint64_t refused, int64_t stay_ns);

static inline bool rate_is_known(const struct rate *rate)
{
	return rate->limit != RATE_NONE;
}

#endif
