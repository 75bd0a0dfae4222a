#include "queue/base/clock.h"

#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_monotonic_never_goes_back(void **state)
{
	(void)state;
	struct mono before = clock_mono();

	for (int i = 0; i < 10000; i++) {
		struct mono now = clock_mono();
		assert_true(now.ns >= before.ns);
		before = now;
	}
}

static void test_wall_is_unix_time_in_milliseconds(void **state)
{
	(void)state;
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	int64_t difference_ms = clock_wall().ms - (int64_t)now.tv_sec * 1000;
	assert_in_range(difference_ms + 1000, 0, 61000);
}

static void test_cpu_time_passes_with_work(void **state)
{
	(void)state;
	int64_t before = clock_thread_cpu_ns();
	volatile uint64_t sum = 0;

	while (clock_thread_cpu_ns() == before)
		sum = sum + 1;
	assert_true(clock_thread_cpu_ns() > before);
}

static void test_deadlines(void **state)
{
	(void)state;
	struct mono now = { 5 };

	assert_int_equal(mono_after(now, 7).ns, 12);
	assert_int_equal(mono_after(now, INT64_MAX).ns, MONO_NEVER.ns);
	assert_true(mono_reached(now, (struct mono){ 5 }));
	assert_false(mono_reached(now, (struct mono){ 6 }));
	assert_false(mono_reached(now, MONO_NEVER));
	assert_int_equal(mono_earlier(now, MONO_NEVER).ns, 5);
	assert_int_equal(mono_earlier((struct mono){ 9 }, now).ns, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monotonic_never_goes_back),
		cmocka_unit_test(test_wall_is_unix_time_in_milliseconds),
		cmocka_unit_test(test_cpu_time_passes_with_work),
		cmocka_unit_test(test_deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
