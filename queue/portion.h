/*
 * A portion is what a shard has of a quota (queue/quota.h): lent to it, to be spent by messages on
 * any of its lanes, or given back.
 *
 * What was lent for urgent mail alone, beyond where ordinary mail stops, is in a pot of its own.
 * A message takes as many recipients as there are for it: all, or where the quota has no room for
 * all, as many as are left, so that a large message is never passed for ever by small ones.
 *
 * Thread:  its shard's own.
 * Owns:    nothing; of a fixed size.
 * Never:   reads a clock; spends more than was lent.
 */
#ifndef SLUICE_PORTION_H
#define SLUICE_PORTION_H

#include "queue/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum portion_pot { PORTION_ANY, PORTION_URGENT, PORTION_POTS };

struct portion {
	uint64_t pots[PORTION_POTS];
	uint64_t open;                         /* in messages under way */
	uint64_t surrender;                    /* of them, so many go back as they end */
	uint64_t back;                         /* and these are to */
	uint64_t spent;                        /* not told of yet */
	uint32_t wanted[PORTION_POTS];         /* by mail of either kind that waits; 0: nothing */
	struct mono short_until[PORTION_POTS]; /* the quota has no room for more until then */
	bool touched;                          /* since portion_rest() */
};

/* What a message takes. */
struct portion_ticket {
	uint32_t count; /* 0: nothing */
	enum portion_pot pot;
};

enum portion_reason {
	PORTION_FREE,
	PORTION_ASKED, /* more is to be asked for: something will change soon */
	PORTION_SHORT, /* the quota is used up until short_until */
};

/* How many of `count` recipients may be asked for now; with FREE at least one. */
enum portion_reason portion_look(struct portion *portion, struct mono now, bool urgent,
        uint32_t count, struct portion_ticket *ticket);
/* There is nothing for such mail, nor will there be for a while. */
bool portion_is_empty(const struct portion *portion, struct mono now, bool urgent);
/* The ticket of a look in the same breath: it counts. */
void portion_take(struct portion *portion, const struct portion_ticket *ticket);
/* The message is over, and so many of them count: the rest may be spent by another. */
void portion_end(struct portion *portion, struct portion_ticket *ticket, uint32_t counted);

/* So many came, of so many that were needed; until: when there may be more, where that is less. */
void portion_grant(struct portion *portion, enum portion_pot pot, uint64_t count, uint32_t needed,
        struct mono until);
/* Somebody waits for one at least. */
void portion_want(struct portion *portion);
/* Nobody waits for more. */
void portion_content(struct portion *portion);
/* The server says that there is no more, until then: all goes back. */
void portion_shut(struct portion *portion, struct mono until);
/* Nobody took from it since the last call, and nobody waits: what is in it is of no use here. */
bool portion_rest(struct portion *portion);
/* Gives all that is in the pots. */
uint64_t portion_empty(struct portion *portion);
/* Others want some of a cap: what is beyond `fair` goes back, now or as messages end. */
void portion_share(struct portion *portion, uint64_t fair);
/* Gives what is to go back. */
uint64_t portion_returns(struct portion *portion);
/* An operator said retry. */
void portion_resume(struct portion *portion);

#endif
