/* What is learned of a limit that the server does not tell: found fast, kept cheaply, and found
 * again when it is lifted. */
#include "queue/learned.h"
#include "queue/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND (1 * NS_PER_S)

static struct mono at(int64_t seconds)
{
	return (struct mono){ seconds * SECOND };
}

static struct learned known(uint64_t limit, uint64_t most)
{
	const struct learned_settings settings = { limit, most, 60 * SECOND, 3600 * SECOND };
	struct learned learned;

	learned_init(&learned, &settings);
	return learned;
}

static bool accept(struct learned *learned, int64_t seconds, uint64_t used)
{
	return learned_accept(learned, at(seconds), learned->epoch, used, used >= learned->limit);
}

static void test_cuts_once_an_epoch(void **state)
{
	struct learned learned = known(30, 30);
	const uint32_t epoch = learned.epoch;

	(void)state;
	assert_int_equal(learned.limit, 30);
	assert_false(learned_is_cut(&learned));
	assert_true(learned_refuse(&learned, at(1), epoch, 15));
	assert_int_equal(learned.limit, 15);
	assert_true(learned_is_cut(&learned));
	/* The others that were under way then. */
	assert_false(learned_refuse(&learned, at(1), epoch, 13));
	assert_false(learned_refuse(&learned, at(9), epoch, 1));
	assert_false(learned_accept(&learned, at(900), epoch, 30, true));
	assert_int_equal(learned.limit, 15);
	/* By a quarter at least. */
	assert_true(learned_refuse(&learned, at(10), learned.epoch, 15));
	assert_int_equal(learned.limit, 9);
}

static void test_has_a_floor(void **state)
{
	struct learned learned = known(3, 3);

	(void)state;
	assert_true(learned_refuse(&learned, at(1), learned.epoch, 2));
	assert_int_equal(learned.limit, 2);
	assert_true(learned_refuse(&learned, at(2), learned.epoch, 2));
	assert_int_equal(learned.limit, 1);
	assert_true(learned_refuse(&learned, at(3), learned.epoch, 0));
	assert_int_equal(learned.limit, 1);
	learned_forget(&learned);
	assert_int_equal(learned.limit, 3);
}

static void test_without_a_known_limit(void **state)
{
	struct learned learned = known(LEARNED_NONE, LEARNED_NONE);

	(void)state;
	assert_false(accept(&learned, 1000, 5000));
	assert_true(learned_refuse(&learned, at(1), learned.epoch, 40));
	assert_int_equal(learned.limit, 40);
	assert_true(learned_refuse(&learned, at(2), learned.epoch, 40));
	assert_int_equal(learned.limit, 30);
}

static void test_grows_where_all_is_used(void **state)
{
	struct learned learned = known(30, 30);

	(void)state;
	assert_true(learned_refuse(&learned, at(0), learned.epoch, 20));
	assert_true(learned_refuse(&learned, at(1), learned.epoch, 18));
	assert_int_equal(learned.limit, 15);
	assert_false(accept(&learned, 60, 15)); /* too soon */
	assert_false(accept(&learned, 62, 14)); /* not all is used */
	assert_true(accept(&learned, 62, 15));
	assert_int_equal(learned.limit, 17); /* halfway to 18 */
	assert_true(accept(&learned, 130, 17));
	assert_int_equal(learned.limit, 18);
	assert_true(accept(&learned, 200, 18));
	assert_int_equal(learned.limit, 19); /* past it, carefully */
	assert_true(accept(&learned, 270, 19));
	assert_int_equal(learned.limit, 21);
	assert_true(accept(&learned, 340, 21));
	assert_int_equal(learned.limit, 25);
	assert_true(accept(&learned, 410, 25));
	assert_int_equal(learned.limit, 30);
	assert_false(accept(&learned, 900, 30));
	assert_int_equal(learned.limit, 30);
}

/* A server with a sliding window of its own, whose limit changes and comes back: how often it
 * refuses, and how much of it is used. */
static void test_follows_a_server(void **state)
{
	struct learned learned = known(30, 30);
	int refusals_late = 0;
	int64_t sum = 0;
	int64_t minute = 0;

	(void)state;
	/* A minute a step: as many as the limit are tried, what is over the server's is refused. */
	for (; minute < 240; minute++) {
		const uint64_t server = 15;
		const uint64_t tried = learned.limit;
		const uint32_t epoch = learned.epoch;
		if (tried > server && learned_refuse(&learned, at(minute * 61), epoch, server))
			refusals_late += minute > 3;
		else
			(void)accept(&learned, minute * 61, tried);
		if (minute > 5)
			sum += (int64_t)(tried < server ? tried : server);
	}
	assert_true(refusals_late <= 9); /* every hour in the end */
	assert_true(sum >= 234 * 15 * 95 / 100);
	for (; minute < 420; minute++)
		(void)accept(&learned, minute * 61, learned.limit);
	assert_int_equal(learned.limit, 30);
}

static void test_learns_upward_where_asked(void **state)
{
	struct learned learned = known(30, 120);

	(void)state;
	for (int64_t minute = 1; minute < 20; minute++)
		(void)accept(&learned, minute * 61, learned.limit);
	assert_int_equal(learned.limit, 120);
	assert_true(learned_refuse(&learned, at(9999), learned.epoch, 119));
	assert_int_equal(learned.limit, 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts_once_an_epoch),
		cmocka_unit_test(test_has_a_floor),
		cmocka_unit_test(test_without_a_known_limit),
		cmocka_unit_test(test_grows_where_all_is_used),
		cmocka_unit_test(test_follows_a_server),
		cmocka_unit_test(test_learns_upward_where_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
