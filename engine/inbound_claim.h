/*
 * The claim of a message on its way in: whose it is and the key that its client gave it, and what
 * it looks like. By that the spooler knows a second copy (queue/spool.h, spool_claim).
 *
 * The same client is the same signed-in user, or the same address where nobody signed in. What it
 * looks like is the envelope and what follows the header: a client that makes its message anew may
 * date it anew.
 *
 * Thread:  the shard's. Part of the content that it is of, and lent with it.
 * Never:   costs mail without a key anything.
 */
#ifndef SLUICE_INBOUND_CLAIM_H
#define SLUICE_INBOUND_CLAIM_H

#include "queue/base/siphash.h"
#include "queue/spool.h"

struct inbound;

struct inbound_claim {
	struct spool_claim claim;
	struct siphash body;
	bool made; /* there is one */
};

void inbound_claim_begin(struct inbound_claim *claim);
/* The content's last bytes, which its header has seen. */
void inbound_claim_feed(struct inbound *inbound, struct view bytes);
/* False: the field is there twice, or what it says is no key. */
bool inbound_claim_is_good(const struct inbound *inbound);
/* Of a message that is complete but for its seal. Takes the field out of it. */
void inbound_claim_make(struct inbound *inbound);
/* Where bytes of the content stand now that came at this place. */
uint64_t inbound_claim_place(const struct inbound *inbound, uint64_t at);
/* NULL: the message has none. */
struct spool_claim *inbound_claim_lend(struct inbound *inbound);

#endif
