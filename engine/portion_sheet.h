/*
 * A portion's sheet is what a shard tells the spooler of its portion of a tenant's quota: what was
 * spent of it, what comes back, and how much more its mail waits for. It goes by letter, and comes
 * back with the answer.
 *
 * Thread:  its shard's; between two LETTER_PORTION the spooler's.
 * Owns:    nothing; one a tenant and shard.
 */
#ifndef SLUICE_PORTION_SHEET_H
#define SLUICE_PORTION_SHEET_H

#include "queue/base/list.h"
#include "queue/portion.h"

struct portion_sheet {
	struct link link; /* the spooler's: of those that wait for a record */
	uint16_t shard;   /* likewise: whose it is */
	uint16_t tenant;  /* of the configuration's */
	uint64_t spent;   /* since the last sheet */
	uint64_t back;
	enum portion_pot pot; /* which the portion is for */
	uint32_t needed;      /* recipients of a message that waits; 0: none does */
	uint64_t most;        /* so many are of use */

	/* the answer */
	uint64_t granted;
	struct mono until; /* granted < needed: when there may be more */
};

#endif
