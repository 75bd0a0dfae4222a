#include "queue/route.h"

#include "queue/base/check.h"

static bool route_is_sliced(const struct route_plan *plan);
static uint32_t route_part(uint32_t whole, uint32_t index, uint32_t count);

uint32_t route_shard_sessions(const struct route_plan *plan, uint32_t shard)
{
	check(plan->sessions > 0);
	check(shard < plan->shards);
	if (route_is_sliced(plan))
		return route_part(plan->sessions, shard, plan->shards);

	uint32_t sessions = 0;
	for (uint32_t identity = shard; identity < plan->identities; identity += plan->shards)
		sessions += route_part(plan->sessions, identity, plan->identities);
	return sessions;
}

uint32_t route_shard_lanes(const struct route_plan *plan, uint32_t shard)
{
	if (route_shard_sessions(plan, shard) == 0)
		return 0;
	if (route_is_sliced(plan))
		return 1;
	return (plan->identities - shard + plan->shards - 1) / plan->shards;
}

uint32_t route_lane_identity(const struct route_plan *plan, uint32_t shard, uint32_t lane)
{
	check(lane < route_shard_lanes(plan, shard));
	return route_is_sliced(plan) ? 0 : shard + lane * plan->shards;
}

uint32_t route_lane_sessions(const struct route_plan *plan, uint32_t shard, uint32_t lane)
{
	check(lane < route_shard_lanes(plan, shard));
	if (route_is_sliced(plan))
		return route_shard_sessions(plan, shard);

	const uint32_t identity = route_lane_identity(plan, shard, lane);
	const uint32_t part = route_part(plan->sessions, identity, plan->identities);
	return part > 0 ? part : 1;
}

static bool route_is_sliced(const struct route_plan *plan)
{
	return plan->identities <= 1;
}

/* The parts of index 0..count-1 sum to the whole, and differ by one at most. */
static uint32_t route_part(uint32_t whole, uint32_t index, uint32_t count)
{
	const uint64_t from = (uint64_t)whole * index / count;
	const uint64_t to = (uint64_t)whole * (index + 1) / count;

	return (uint32_t)(to - from);
}
