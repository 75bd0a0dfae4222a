/* A line a minute, and how many it stands for. */
#include "engine/log_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void one_a_minute(void **state)
{
	const struct mono start = { 5 };
	struct log_pace pace = { 0 };
	uint64_t omitted = 7;

	(void)state;
	assert_true(log_pace_is_due(&pace, start, &omitted));
	assert_int_equal(omitted, 0);
	for (int64_t ns = 0; ns < LOG_PACE_NS; ns += LOG_PACE_NS / 10)
		assert_false(log_pace_is_due(&pace, mono_after(start, ns), &omitted));
	assert_true(log_pace_is_due(&pace, mono_after(start, LOG_PACE_NS), &omitted));
	assert_int_equal(omitted, 10);
	assert_false(log_pace_is_due(&pace, mono_after(start, LOG_PACE_NS + 1), &omitted));
	assert_true(log_pace_is_due(&pace, mono_after(start, 3 * LOG_PACE_NS), &omitted));
	assert_int_equal(omitted, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_a_minute) };

	return cmocka_run_group_tests_name("log_pace", tests, NULL, NULL);
}
