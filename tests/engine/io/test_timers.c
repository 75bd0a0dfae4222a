#include "engine/io/timers.h"

#include "queue/base/random.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define TIMER_COUNT 500

static int expirations;

static void on_expired(struct timer *timer)
{
	(void)timer;
	expirations++;
}

static struct mono at_ms(int64_t ms)
{
	return (struct mono){ ms * NS_PER_MS };
}

static int run_due(struct timers *timers, struct mono now)
{
	int count = 0;

	timers_advance(timers, now);
	for (struct timer *timer = timers_next_due(timers); timer != NULL;
	        timer = timers_next_due(timers)) {
		assert_true(mono_reached(now, timer->deadline)); /* never early */
		assert_false(timer_is_set(timer));
		timer->expired(timer);
		count++;
	}
	return count;
}

static void test_a_timer_runs_once_and_never_early(void **state)
{
	static struct timers timers;
	struct timer timer = { .expired = on_expired };

	(void)state;
	expirations = 0;
	timers_init(&timers, at_ms(1000));
	timers_set(&timers, &timer, (struct mono){ 1005 * NS_PER_MS + 1 });
	assert_int_equal(timers_wanted(&timers).ns, at_ms(1006).ns);
	assert_int_equal(run_due(&timers, at_ms(1005)), 0);
	assert_int_equal(run_due(&timers, at_ms(1006)), 1);
	assert_int_equal(run_due(&timers, at_ms(9999)), 0);
	assert_int_equal(expirations, 1);
	assert_int_equal(timers_wanted(&timers).ns, MONO_NEVER.ns);
}

static void test_moving_and_stopping(void **state)
{
	static struct timers timers;
	struct timer timer = { .expired = on_expired };

	(void)state;
	timers_init(&timers, at_ms(0));
	timers_set(&timers, &timer, at_ms(10));
	timers_set(&timers, &timer, at_ms(100000));
	assert_int_equal(run_due(&timers, at_ms(99999)), 0);
	timers_set(&timers, &timer, at_ms(100001));
	assert_int_equal(run_due(&timers, at_ms(100000)), 0);
	assert_int_equal(run_due(&timers, at_ms(100001)), 1);
	timers_set(&timers, &timer, at_ms(5)); /* long past: due at once */
	assert_true(mono_reached(at_ms(100001), timers_wanted(&timers)));
	timers_stop(&timers, &timer);
	timers_stop(&timers, &timer);
	assert_int_equal(run_due(&timers, at_ms(200000)), 0);
	timers_set(&timers, &timer, at_ms(300000));
	timers_set(&timers, &timer, MONO_NEVER);
	assert_false(timer_is_set(&timer));
	assert_int_equal(timers_wanted(&timers).ns, MONO_NEVER.ns);
}

static void test_deadlines_beyond_the_wheel_wait_at_its_end(void **state)
{
	static struct timers timers;
	struct timer timer = { .expired = on_expired };

	(void)state;
	timers_init(&timers, at_ms(0));
	timers_set(&timers, &timer, (struct mono){ INT64_MAX - 1 });
	assert_int_equal(run_due(&timers, at_ms(INT64_C(1) << 41)), 0);
	assert_true(timer_is_set(&timer));
	timers_stop(&timers, &timer);
}

/* Any order of setting, moving, stopping and advancing agrees with a plain array. */
static void test_agrees_with_a_plain_array(void **state)
{
	static struct timers timers;
	static struct timer set[TIMER_COUNT];
	struct random random;
	int64_t now_ns = 12345678;

	(void)state;
	random_seed(&random, 7);
	timers_init(&timers, (struct mono){ now_ns });
	for (size_t i = 0; i < TIMER_COUNT; i++)
		set[i] = (struct timer){ .expired = on_expired };
	for (int round = 0; round < 20000; round++) {
		struct timer *timer = &set[random_below(&random, TIMER_COUNT)];
		unsigned exponent = (unsigned)random_below(&random, 44);
		int64_t ahead = (int64_t)random_below(&random, UINT64_C(1) << exponent);
		if (random_below(&random, 4) == 0)
			timers_stop(&timers, timer);
		else
			timers_set(&timers, timer, (struct mono){ now_ns + ahead });

		if (random_below(&random, 3) == 0)
			now_ns += (int64_t)random_below(
			        &random, UINT64_C(1) << random_below(&random, 38));
		run_due(&timers, (struct mono){ now_ns });
		struct mono earliest = MONO_NEVER;
		for (size_t i = 0; i < TIMER_COUNT; i++) {
			if (!timer_is_set(&set[i]))
				continue;
			earliest = mono_earlier(earliest, set[i].deadline);
			/* Late by a tick at most. */
			assert_true(set[i].deadline.ns > now_ns - NS_PER_MS);
		}
		if (earliest.ns != MONO_NEVER.ns)
			assert_true(timers_wanted(&timers).ns < earliest.ns + NS_PER_MS);
	}
}

/* Going only where timers_wanted() says misses nothing and does not stand still. */
static void test_following_wanted_runs_everything(void **state)
{
	static struct timers timers;
	static struct timer set[TIMER_COUNT];
	struct random random;
	int ran = 0;
	int steps = 0;

	(void)state;
	random_seed(&random, 8);
	timers_init(&timers, at_ms(77));
	for (size_t i = 0; i < TIMER_COUNT; i++) {
		set[i] = (struct timer){ .expired = on_expired };
		timers_set(&timers, &set[i],
		        at_ms(78 + (int64_t)random_below(&random, UINT64_C(1) << (i % 40))));
	}
	while (timers_wanted(&timers).ns != MONO_NEVER.ns) {
		struct mono wanted = timers_wanted(&timers);
		assert_true(wanted.ns > (int64_t)timers.tick * NS_PER_MS);
		ran += run_due(&timers, wanted);
		steps++;
	}
	assert_int_equal(ran, TIMER_COUNT);
	assert_true(steps < TIMER_COUNT * TIMERS_LEVELS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_timer_runs_once_and_never_early),
		cmocka_unit_test(test_moving_and_stopping),
		cmocka_unit_test(test_deadlines_beyond_the_wheel_wait_at_its_end),
		cmocka_unit_test(test_agrees_with_a_plain_array),
		cmocka_unit_test(test_following_wanted_runs_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
