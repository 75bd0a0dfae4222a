#include "queue/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* For every small plan: parts sum to the whole, each identity has one lane, and each lane of a
 * shard that serves the route can have a session. */
static void test_parts_sum(void **state)
{
	(void)state;
	for (uint32_t sessions = 1; sessions <= 24; sessions++)
		for (uint32_t identities = 0; identities <= 12; identities++)
			for (uint32_t shards = 1; shards <= 6; shards++) {
				const struct route_plan plan = { sessions, identities, shards };
				uint32_t sum = 0;
				uint32_t lanes = 0;

				for (uint32_t shard = 0; shard < shards; shard++) {
					const uint32_t part = route_shard_sessions(&plan, shard);
					const uint32_t count = route_shard_lanes(&plan, shard);
					assert_true(count == 0 || part > 0);
					for (uint32_t lane = 0; lane < count; lane++) {
						const uint32_t most =
						        route_lane_sessions(&plan, shard, lane);
						assert_true(most >= 1);
						assert_true(most <= sessions);
					}
					sum += part;
					lanes += count;
				}
				assert_int_equal(sum, sessions);
				if (identities <= 1)
					assert_true(lanes >= 1);
				else
					assert_true(lanes <= identities);
				if (sessions >= identities && identities > 1)
					assert_int_equal(lanes, identities);
			}
}

static void test_each_identity_has_one_lane(void **state)
{
	const struct route_plan plan = { .sessions = 20, .identities = 7, .shards = 3 };
	unsigned seen[7] = { 0 };

	(void)state;
	for (uint32_t shard = 0; shard < 3; shard++)
		for (uint32_t lane = 0; lane < route_shard_lanes(&plan, shard); lane++)
			seen[route_lane_identity(&plan, shard, lane)]++;
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(seen[i], 1);
}

static void test_one_identity_is_sliced(void **state)
{
	const struct route_plan plan = { .sessions = 5, .identities = 1, .shards = 2 };

	(void)state;
	assert_int_equal(route_shard_lanes(&plan, 0), 1);
	assert_int_equal(route_shard_lanes(&plan, 1), 1);
	assert_int_equal(route_shard_sessions(&plan, 0) + route_shard_sessions(&plan, 1), 5);
	assert_int_equal(route_lane_identity(&plan, 1, 0), 0);
	assert_int_equal(route_lane_sessions(&plan, 0, 0), route_shard_sessions(&plan, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_sum),
		cmocka_unit_test(test_each_identity_has_one_lane),
		cmocka_unit_test(test_one_identity_is_sliced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
