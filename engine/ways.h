/*
 * The ways of a message: the route that each of its recipients takes, as the ingest shard found
 * it and the spooler makes jobs of it.
 *
 * Most messages go one way, and that is a number. Where recipients part, a chunk has a number for
 * each.
 *
 * Thread:  whoever holds it; it moves with the message.
 * Owns:    the chunk, until ways_free().
 * Fails:   ways_find(), when the memory budget is used up.
 */
#ifndef SLUICE_WAYS_H
#define SLUICE_WAYS_H

#include "engine/routing.h"

/* Instead of a route. */
#define WAYS_KEPT    (UINT16_MAX - 1) /* ROUTING_KEPT: on disk, for the operator */
#define WAYS_NOWHERE UINT16_MAX       /* ROUTING_NOWHERE: its sender is told */

struct way {
	uint16_t way;
	uint16_t rule;  /* ROUTING_NO_RULE: none matched */
	bool rehearsed; /* nothing is sent; see engine/rehearsal.h */
};

struct ways {
	struct way all;     /* while each is NULL: every recipient's, with the rule of the first */
	uint8_t stream;     /* the message's */
	struct chunk *each; /* a struct way for each recipient, by its index */
};
_Static_assert(MESSAGE_RECIPIENTS_MAX * sizeof(struct way) <= CHUNK_DATA_BYTES, "one chunk");

/* Of a message whose header is there: its body is loaded. False: no memory, nothing was taken. */
MUST_CHECK bool ways_find(struct ways *ways, const struct config *config,
        const struct message *message, struct shelf *shelf, size_t reserve);
void ways_free(struct ways *ways, struct shelf *shelf);
struct way ways_at(const struct ways *ways, uint32_t index);
static inline uint16_t ways_of(const struct ways *ways, uint32_t index)
{
	return ways_at(ways, index).way;
}
/* Whether both go the same way, in earnest or not: one job has them. */
static inline bool ways_join(struct way a, struct way b)
{
	return a.way == b.way && a.rehearsed == b.rehearsed;
}
/* Whether any recipient goes that way. */
bool ways_have(const struct ways *ways, uint32_t recipient_count, uint16_t way);
/* No recipient has a route, and none is kept. */
bool ways_lead_nowhere(const struct ways *ways, uint32_t recipient_count);

#endif
