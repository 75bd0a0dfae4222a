/*
 * A portion's sheet is what a shard tells the spooler of its portion of a quota: what was spent of
 * it, what comes back, how much more its mail waits for, and that the server says that there is no
 * more. It goes by letter, and comes back with the answer.
 *
 * Thread:  its shard's; between two LETTER_PORTION the spooler's.
 * Owns:    nothing; one a quota and shard.
 */
#ifndef SLUICE_PORTION_SHEET_H
#define SLUICE_PORTION_SHEET_H

#include "queue/base/list.h"
#include "queue/portion.h"

struct portion_sheet {
	struct link link; /* the spooler's: of those that wait for a record */
	uint16_t shard;   /* likewise: whose it is */
	uint32_t quota;   /* row of the plan */
	uint64_t spent;   /* since the last sheet */
	uint64_t back;
	enum portion_pot pot; /* which the portion is for */
	uint32_t needed;      /* recipients of a message that waits; 0: none does */
	uint64_t most;        /* so many are of use */
	bool exhausted;       /* says the server, of what began then; */
	bool late;            /* by a report */
	struct mono began;
	int64_t wait_ns; /* how long nothing is to be tried */

	/* the answer */
	uint64_t granted;
	struct mono until; /* granted < needed: when there may be more */
	bool free;         /* it has no limit, and need not be asked */
};

#endif
