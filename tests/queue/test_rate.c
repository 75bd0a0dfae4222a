/* A rate that nobody stated: few refusals find it, nearly all of it is used, and it may change. */
#include "queue/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MINUTE_NS (60 * NS_PER_S)

static void test_cut(void **state)
{
	struct rate rate;
	struct mono now = { 100 * NS_PER_S };

	(void)state;
	rate_init(&rate);
	assert_false(rate_is_known(&rate));
	assert_false(rate_take(&rate, now, 1000));
	assert_false(rate_cut(&rate, now, RATE_LEAST - 1));
	assert_false(rate_is_known(&rate));
	assert_true(rate_cut(&rate, now, 100));
	assert_int_equal(rate.limit, 75);
	assert_false(rate_cut(&rate, now, 100)); /* of the same time */
	now = mono_after(now, 20 * MINUTE_NS);
	assert_false(rate_take(&rate, now, 1)); /* a probe */
	assert_false(rate_cut(&rate, now, 1));
	assert_false(rate_cut(&rate, now, 36));
	assert_true(rate_cut(&rate, now, 70));
	assert_int_equal(rate.limit, 52); /* of what was sent: less than was allowed */
	/* However low it gets, it is one. */
	for (int i = 0; i < 10; i++) {
		(void)rate_take(&rate, now, rate.limit);
		(void)rate_cut(&rate, now, RATE_LEAST);
	}
	assert_true(rate.limit >= 3);
}

/* Each step waits for its time, all of it used up; on the brink it stays for long. */
static void test_climb(void **state)
{
	struct rate rate;
	struct mono now = { 100 * NS_PER_S };

	(void)state;
	rate_init(&rate);
	assert_true(rate_cut(&rate, now, 100));
	now = mono_after(now, 2 * RATE_CLIMB_NS);
	assert_false(rate_take(&rate, now, 75)); /* nothing was sent while the gate was closed */
	now = mono_after(now, RATE_CLIMB_NS - 1);
	assert_false(rate_take(&rate, now, 75));
	now = mono_after(now, 1);
	assert_false(rate_take(&rate, now, 60)); /* nobody needs more */
	assert_true(rate_take(&rate, now, 75));
	assert_int_equal(rate.limit, 85);
	for (int i = 0; i < 10; i++) {
		now = mono_after(now, RATE_CLIMB_NS);
		(void)rate_take(&rate, now, rate.limit);
	}
	assert_int_equal(rate.limit, 94);
	now = mono_after(now, RATE_STAY_NS);
	assert_true(rate_take(&rate, now, rate.limit));
	assert_int_equal(rate.limit, 95);
	/* Refused past the brink: twice as long, the next time. */
	assert_true(rate_cut(&rate, now, 95));
	assert_int_equal(rate.stay_ns, 2 * RATE_STAY_NS);
	assert_int_equal(rate.limit, 71);
}

/* What stood in the way is gone: it grows ever faster; and is forgotten when nobody needs it. */
static void test_gone(void **state)
{
	struct rate rate;
	struct mono now = { 100 * NS_PER_S };
	int steps = 0;

	(void)state;
	rate_init(&rate);
	assert_true(rate_cut(&rate, now, 100));
	rate.stay_ns = RATE_STAY_MOST_NS;
	while (rate.limit < 1000 && steps < 1000) {
		now = mono_after(now, RATE_CLIMB_NS);
		assert_false(rate_look(&rate, now));
		steps += rate_take(&rate, now, rate.limit);
	}
	assert_true(steps < 30);
	assert_int_equal(rate.stay_ns, RATE_STAY_NS);
	now = mono_after(now, RATE_IDLE_NS - 1);
	assert_false(rate_take(&rate, now, 10));
	assert_false(rate_look(&rate, now));
	assert_true(rate_look(&rate, mono_after(now, 1)));
	assert_false(rate_is_known(&rate));
}

static void test_restore(void **state)
{
	struct rate rate;
	const struct mono now = { 100 * NS_PER_S };
	static const uint64_t bad[][2] = { { 0, 100 }, { RATE_NONE, 100 }, { 75, 0 },
		{ 75, RATE_NONE } };

	(void)state;
	rate_restore(&rate, now, 75, 100, 2 * RATE_STAY_NS);
	assert_int_equal(rate.limit, 75);
	assert_int_equal(rate.refused, 100);
	assert_int_equal(rate.stay_ns, 2 * RATE_STAY_NS);
	rate_restore(&rate, now, 75, 100, 1);
	assert_int_equal(rate.stay_ns, RATE_STAY_NS);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		rate_restore(&rate, now, bad[i][0], bad[i][1], RATE_STAY_NS);
		assert_false(rate_is_known(&rate));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_climb),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
