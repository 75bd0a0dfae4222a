/*
 * How a route is divided among the delivery shards: which of its lanes a shard has, and how many
 * of its sessions.
 *
 * A lane is an identity on the route and belongs to one shard, so that its limits need no lock; all
 * lanes of an account, on whatever routes, belong to the same one. A route without an identity,
 * or with one that has no limits, is sliced: each shard has a lane of its own, with its part of
 * the sessions. The parts of all shards never sum to more than the route's sessions (I4).
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_ROUTE_H
#define SLUICE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

struct route_plan {
	uint32_t sessions;        /* of the whole route, at least 1 */
	uint32_t identities;      /* 0: no sign-in */
	uint32_t shards;          /* at least 1 */
	bool sliced;              /* every shard has a lane; at most one identity */
	const uint32_t *accounts; /* of each identity: its account's number; NULL: its own index */
};

/* The sessions that `shard` may have at once. 0: it does not serve the route. */
uint32_t route_shard_sessions(const struct route_plan *plan, uint32_t shard);
/* The first identity at or after `from` whose lane the shard has; plan->identities (or 1 where it
 * has none): no more. For a route without identities, or a sliced one, that is 0. */
uint32_t route_next_lane(const struct route_plan *plan, uint32_t shard, uint32_t from);
uint32_t route_lane_end(const struct route_plan *plan);
/* The lanes that the shard has; 0 where it has no session for them. */
uint32_t route_shard_lanes(const struct route_plan *plan, uint32_t shard);

#endif
