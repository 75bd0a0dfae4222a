/*
 * A notice: a report by mail that came in at a listener's ndr_address, read, on its way to the
 * spooler.
 *
 * Thread:  its shard's; from the put until that is answered the spooler reads it.
 * Owns:    nothing; of a fixed size, from its shard's pool.
 */
#ifndef SLUICE_NOTICE_H
#define SLUICE_NOTICE_H

#include "engine/wire/ndr_reader.h"

/* A shard has so many at once; who brings more waits as for memory. */
#define NOTICES_MAX 16

struct notice {
	struct ndr ndr;
	struct ndr_reader reader; /* done with, once the notice is put */
};

#endif
