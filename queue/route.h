/*
 * How a route is divided among the delivery shards: which of its lanes a shard has, and how many
 * of its sessions.
 *
 * A lane is an identity on the route and belongs to one shard, so that its limits need no lock. A
 * route with one identity, or none, is sliced: each shard has a lane of its own, with its part
 * of the sessions. The parts of all shards never sum to more than the route's sessions (I4).
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_ROUTE_H
#define SLUICE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

struct route_plan {
	uint32_t sessions;   /* of the whole route, at least 1 */
	uint32_t identities; /* 0: no sign-in */
	uint32_t shards;     /* at least 1 */
};

/* The sessions that `shard` may have at once. 0: it does not serve the route. */
uint32_t route_shard_sessions(const struct route_plan *plan, uint32_t shard);
/* The lanes that `shard` has; 0 where it has no session for them. */
uint32_t route_shard_lanes(const struct route_plan *plan, uint32_t shard);
/* The identity of the shard's lane-th lane; 0 for the lane of a route without any. */
uint32_t route_lane_identity(const struct route_plan *plan, uint32_t shard, uint32_t lane);
/* The sessions that this lane may have at once: its part, and at least 1; the shard's are all
 * its lanes' limit together. */
uint32_t route_lane_sessions(const struct route_plan *plan, uint32_t shard, uint32_t lane);

#endif
