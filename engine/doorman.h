/*
 * The doorman counts the client connections of all ingest shards, in all and by client address,
 * and says who may come in.
 *
 * The kernel spreads connections over the shards unevenly, so a share of the limits for each
 * would turn clients away too early. Counted here they are exact, at the price of a lock that
 * is held for one look into a map, twice in a connection's life.
 *
 * Thread:  any.
 * Owns:    its counts. Every connection that was welcomed leaves once.
 * Never:   lets in more than the limits; allocates after doorman_create().
 */
#ifndef SLUICE_DOORMAN_H
#define SLUICE_DOORMAN_H

#include "engine/io/endpoint.h"
#include "queue/base/errors.h"

struct doorman;

/* Of one address, where nothing else is set: more than any device or server of the usual kind
 * needs, and few enough that one that goes mad leaves room for the others. */
#define DOORMAN_PER_CLIENT 100

enum doorman_answer {
	DOORMAN_WELCOME,
	DOORMAN_FULL,        /* as many as may be here in all */
	DOORMAN_CLIENT_FULL, /* as many as may be here from that address */
};

/* `per_client_max` 0: DOORMAN_PER_CLIENT, and as many as want to from this host. */
MUST_CHECK struct err doorman_create(
        struct doorman **result, size_t connections_max, size_t per_client_max);
/* No more than so many at once; before the first comes. */
void doorman_lower(struct doorman *doorman, size_t connections_max);
/* Everybody has left. NULL is fine. */
void doorman_destroy(struct doorman *doorman);
enum doorman_answer doorman_admit(struct doorman *doorman, const struct endpoint *client);
void doorman_leave(struct doorman *doorman, const struct endpoint *client);
size_t doorman_count(struct doorman *doorman);

#endif
