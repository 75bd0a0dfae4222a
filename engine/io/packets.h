/*
 * Packets between two processes that were one: a pair of sockets whose packets arrive whole and
 * in order (SOCK_SEQPACKET), and who sends or waits without a loop.
 *
 * Thread:  any; of an end, one at a time.
 * Owns:    nothing; descriptors are their owner's.
 * Never:   waits for ever where a deadline is given.
 * Fails:   ERR_CLOSED: the other end is gone. ERR_LIMIT: nothing came in time, or it was longer
 *          than the room for it. ERR_SYSTEM otherwise.
 */
#ifndef SLUICE_PACKETS_H
#define SLUICE_PACKETS_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#define PACKETS_FOR_EVER (-1)

/* Both close on exec. */
MUST_CHECK struct err packets_pair(int ends[2]);
MUST_CHECK struct err packets_send(int end, struct view packet);
/* The next packet, of at least one byte. */
MUST_CHECK struct err packets_receive(int end, struct span into, int wait_ms, size_t *bytes);
/* -1: nothing happens. */
void packets_close(int *end);

#endif
