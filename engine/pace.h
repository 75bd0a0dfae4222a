/*
 * A pace spreads a stream's mail over time: jobs are lent so far apart, and so that what waits is
 * lent evenly until a time of the day. What is left then, since limits or servers were in the way,
 * goes as it can; what comes later is the next day's.
 *
 * Thread:  the spooler's, part of its feed. Owns nothing.
 * Units:   ms of the wall clock; the time of the day is the machine's local one (TZ).
 * Never:   reads a clock.
 */
#ifndef SLUICE_PACE_H
#define SLUICE_PACE_H

#include "engine/config.h"
#include "queue/base/clock.h"

struct pace {
	int64_t apart_us;   /* two jobs; 0: as they come */
	uint32_t finish_by; /* minutes of the day, and one; 0: there is no such time */
	int64_t last_us;    /* when the last one was lent */
	/* With finish_by: */
	uint64_t waiting; /* jobs on disk that are not lent */
	uint64_t overdue; /* of them, those of a day that is over */
	struct wall ends; /* the day that is on */
};

/* NULL: stream 0. */
void pace_init(struct pace *pace, const struct config_stream *stream);
/* Whether jobs that wait on disk have to be counted. */
static inline bool pace_counts(const struct pace *pace)
{
	return pace->finish_by != 0;
}
/* When the day that is on at `now` began, for counting what was due before that. */
struct wall pace_day(const struct pace *pace, struct wall now);
/* What waits, as counted at `now`. */
void pace_set(struct pace *pace, struct wall now, uint64_t waiting, uint64_t overdue);
/* One more waits on disk; one less does. */
void pace_wait(struct pace *pace);
void pace_leave(struct pace *pace);
/* Time went on: a day may be over. */
void pace_look(struct pace *pace, struct wall now);
/* When the next one may be lent, in us; not after `now`: at once. `coming`: jobs that would wait
 * besides. */
int64_t pace_next_us(const struct pace *pace, struct wall now, uint64_t coming);
void pace_lent(struct pace *pace, struct wall now);

#endif
