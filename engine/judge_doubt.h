/*
 * What a route does with a message whose last byte went out and that was not answered: it is sent
 * again, not at once, or held until an operator says what is to become of it.
 *
 * Held is the whole job: also recipients that it still owes and that were not part of the
 * transaction wait with it.
 *
 * Thread:  the delivery shard's.
 */
#ifndef SLUICE_JUDGE_DOUBT_H
#define SLUICE_JUDGE_DOUBT_H

#include "engine/judge.h"

/* Its recipients in doubt are marked so. It is to be settled; gives what the log advises. */
const char *judge_doubt(struct judge *judge, struct job *job);

#endif
