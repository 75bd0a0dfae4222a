#include "queue/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct route_plan plan_of(uint32_t sessions, uint32_t identities, uint32_t shards)
{
	return (struct route_plan){
		.sessions = sessions,
		.identities = identities,
		.shards = shards,
		.sliced = identities <= 1,
	};
}

/* For every small plan: parts sum to the whole, each identity has one lane, and each lane of a
 * shard that serves the route can have a session. */
static void test_parts_sum(void **state)
{
	(void)state;
	for (uint32_t sessions = 1; sessions <= 24; sessions++)
		for (uint32_t identities = 0; identities <= 12; identities++)
			for (uint32_t shards = 1; shards <= 6; shards++) {
				const struct route_plan plan =
				        plan_of(sessions, identities, shards);
				uint32_t sum = 0;
				uint32_t lanes = 0;

				for (uint32_t shard = 0; shard < shards; shard++) {
					const uint32_t part = route_shard_sessions(&plan, shard);
					const uint32_t count = route_shard_lanes(&plan, shard);
					assert_true(count == 0 || part > 0);
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
	static const uint32_t accounts[] = { 4, 9, 2, 3, 7, 8, 11 };
	struct route_plan plan = plan_of(20, 7, 3);

	(void)state;
	for (int round = 0; round < 2; round++) {
		unsigned seen[7] = { 0 };
		for (uint32_t shard = 0; shard < 3; shard++) {
			uint32_t count = 0;
			for (uint32_t at = route_next_lane(&plan, shard, 0);
			        at < route_lane_end(&plan);
			        at = route_next_lane(&plan, shard, at + 1)) {
				seen[at]++;
				count++;
				if (plan.accounts != NULL)
					assert_int_equal(accounts[at] % 3, shard);
			}
			assert_int_equal(count, route_shard_lanes(&plan, shard));
		}
		for (size_t i = 0; i < 7; i++)
			assert_int_equal(seen[i], 1);
		plan.accounts = accounts;
	}
}

static void test_one_identity_may_be_sliced(void **state)
{
	struct route_plan plan = plan_of(5, 1, 2);

	(void)state;
	assert_int_equal(route_shard_lanes(&plan, 0), 1);
	assert_int_equal(route_shard_lanes(&plan, 1), 1);
	assert_int_equal(route_shard_sessions(&plan, 0) + route_shard_sessions(&plan, 1), 5);
	assert_int_equal(route_next_lane(&plan, 1, 0), 0);
	/* With limits it has one owner. */
	plan.sliced = false;
	assert_int_equal(route_shard_lanes(&plan, 0), 1);
	assert_int_equal(route_shard_lanes(&plan, 1), 0);
	assert_int_equal(route_shard_sessions(&plan, 0), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_sum),
		cmocka_unit_test(test_each_identity_has_one_lane),
		cmocka_unit_test(test_one_identity_may_be_sliced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
