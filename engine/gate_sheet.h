/*
 * What shards and the spooler tell each other of a gate. A sheet is a shard's: it was refused, it
 * asks to let one message through, and what became of that. News are the spooler's: how the gate
 * stands, and whether the shard may try. Each goes by letter, and comes back once it is read.
 *
 * Thread:  its owner's; under way the reader's.
 * Owns:    nothing; one of each a gate and shard.
 */
#ifndef SLUICE_GATE_SHEET_H
#define SLUICE_GATE_SHEET_H

#include "queue/gate.h"

#define GATE_RECIPIENT_BYTES 256 /* a longer address has no gate (RFC 5321 4.5.3.1.3) */

struct gate_sheet {
	uint32_t gate;
	uint32_t epoch; /* what it says is of this one */
	bool refused;
	bool elsewhere; /* and another route may do */
	bool late;      /* refused by a report, of what began then: */
	struct mono began;
	bool taken;
	bool gave_up;
	bool asks;
	int64_t wait_ns;                      /* refused: for how long */
	struct gate said;                     /* and in which words; nothing else of it counts */
	char recipient[GATE_RECIPIENT_BYTES]; /* refused, of a recipient's gate: whose */
};

struct gate_news {
	uint32_t index;
	struct gate gate; /* a copy */
	bool yours;       /* the shard may let one message through */
	char recipient[GATE_RECIPIENT_BYTES];
};

#endif
