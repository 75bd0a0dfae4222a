/*
 * Refusals that a mailbox may have in a time: repeated ones bar it for hours (550 5.2.25x), so
 * there is a tiny budget of each kind (throttling.md, 4.4). And how many recipients a message of
 * it may have, where a refusal taught that.
 *
 * It is part of the record on disk of a mailbox that has limits (queue/throttle.h): there a restart
 * gives nothing back.
 *
 * Thread:  its throttle's.
 * Owns:    nothing; of a fixed size.
 * Never:   reads a clock, allocates.
 */
#ifndef SLUICE_STRIKES_H
#define SLUICE_STRIKES_H

#include "queue/base/clock.h"
#include "queue/record.h"

/* X(KIND, budget) */
#define STRIKES(X)                                                                                 \
	X(SENDER, 3)         /* it may not send as them: .252 */                                   \
	X(CROWD, 3)          /* more recipients in a message than it may have: .254 */             \
	X(RECIPIENT, 6)      /* there are no such: .255; addresses go bad without anybody's fault */
#define STRIKES_MAX        6 /* the largest */
#define STRIKES_NS         (600 * NS_PER_S)
#define STRIKES_CROWD_NS   (86400 * NS_PER_S) /* how long we go by what a refusal taught */
#define STRIKES_RECORD_MAX (STRIKE_KINDS * (1 + 4 * STRIKES_MAX) + 2 + 4)

enum strike {
#define X(name, budget) STRIKE_##name,
	STRIKES(X)
#undef X
	        STRIKE_KINDS
};

struct strikes {
	uint16_t crowd;               /* recipients that a message may have; 0: nothing is known */
	struct mono crowd_until;      /* then that is found out anew */
	bool changed;                 /* since it was written */
	uint32_t count[STRIKE_KINDS]; /* ever */
	struct mono at[STRIKE_KINDS][STRIKES_MAX]; /* the last ones of a kind, by turns */
};

/* How many of the kind it may have. */
uint32_t strikes_budget(enum strike kind);
/* It was refused something of that kind. Gives strikes_wait_ns(). */
int64_t strikes_add(struct strikes *strikes, struct mono now, enum strike kind);
/* For how long it may have no more such; 0: there is some budget left. */
int64_t strikes_wait_ns(const struct strikes *strikes, struct mono now, enum strike kind);
/* A message of more recipients was refused for that. True: that is news. */
bool strikes_crowd(struct strikes *strikes, struct mono now, uint16_t most);
/* The most recipients that a message may have; UINT16_MAX: nothing is known. */
uint16_t strikes_crowd_most(const struct strikes *strikes, struct mono now);
/* An operator said retry. */
void strikes_forget(struct strikes *strikes);

void strikes_put(struct record_writer *writer, struct strikes *strikes, struct mono now);
/* As they were at `then`, by the clock of now. */
void strikes_get(struct record_reader *reader, struct strikes *strikes, struct mono then);

#endif
