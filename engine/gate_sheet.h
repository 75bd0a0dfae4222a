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

struct gate_sheet {
	uint32_t gate;
	uint32_t epoch; /* what it says is of this one */
	bool refused;
	bool elsewhere; /* and another route may do */
	bool taken;
	bool gave_up;
	bool asks;
	int64_t wait_ns;  /* refused: for how long */
	struct gate said; /* and in which words; nothing else of it counts */
};

struct gate_news {
	uint32_t index;
	struct gate gate; /* a copy */
	bool yours;       /* the shard may let one message through */
};

#endif
