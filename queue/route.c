#include "queue/route.h"

#include "queue/base/check.h"

#include <stddef.h>

static bool route_owns(const struct route_plan *plan, uint32_t shard, uint32_t identity);
static uint32_t route_part(uint32_t whole, uint32_t index, uint32_t count);

uint32_t route_shard_sessions(const struct route_plan *plan, uint32_t shard)
{
	check(plan->sessions > 0);
	check(shard < plan->shards);
	check(!plan->sliced || plan->identities <= 1);
	if (plan->sliced)
		return route_part(plan->sessions, shard, plan->shards);

	uint32_t sessions = 0;
	for (uint32_t identity = 0; identity < plan->identities; identity++)
		if (route_owns(plan, shard, identity))
			sessions += route_part(plan->sessions, identity, plan->identities);
	return sessions;
}

uint32_t route_lane_end(const struct route_plan *plan)
{
	return plan->identities > 0 ? plan->identities : 1;
}

uint32_t route_next_lane(const struct route_plan *plan, uint32_t shard, uint32_t from)
{
	const uint32_t end = route_lane_end(plan);

	while (from < end && !plan->sliced && !route_owns(plan, shard, from))
		from++;
	return from;
}

uint32_t route_shard_lanes(const struct route_plan *plan, uint32_t shard)
{
	const uint32_t end = route_lane_end(plan);
	uint32_t lanes = 0;

	if (route_shard_sessions(plan, shard) == 0)
		return 0;
	for (uint32_t at = route_next_lane(plan, shard, 0); at < end;
	        at = route_next_lane(plan, shard, at + 1))
		lanes++;
	return lanes;
}

static bool route_owns(const struct route_plan *plan, uint32_t shard, uint32_t identity)
{
	const uint32_t account = plan->accounts == NULL ? identity : plan->accounts[identity];

	return account % plan->shards == shard;
}

/* The parts of index 0..count-1 sum to the whole, and differ by one at most. */
static uint32_t route_part(uint32_t whole, uint32_t index, uint32_t count)
{
	const uint64_t from = (uint64_t)whole * index / count;
	const uint64_t to = (uint64_t)whole * (index + 1) / count;

	return (uint32_t)(to - from);
}
