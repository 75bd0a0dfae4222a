/* Some lines a minute, and how many were left out. */
#include "engine/log_burst.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void some_a_minute(void **state)
{
	const struct mono start = { 5 };
	struct log_burst burst = { 0 };
	uint64_t omitted = 7;

	(void)state;
	for (int minute = 0; minute < 3; minute++) {
		const struct mono now = mono_after(start, minute * LOG_BURST_NS);
		for (int i = 0; i < LOG_BURST_LINES; i++) {
			assert_true(log_burst_is_due(&burst, mono_after(now, i), &omitted));
			assert_int_equal(omitted, i == 0 && minute > 0 ? 10 : 0);
		}
		for (int i = 1; i <= 10; i++)
			assert_false(log_burst_is_due(
			        &burst, mono_after(now, LOG_BURST_NS - i), &omitted));
	}
	/* A minute begins with its first line, however late. */
	const struct mono late = mono_after(start, 100 * LOG_BURST_NS);
	assert_true(log_burst_is_due(&burst, late, &omitted));
	assert_int_equal(omitted, 10);
	for (int i = 1; i < LOG_BURST_LINES; i++)
		assert_true(log_burst_is_due(&burst, mono_after(late, LOG_BURST_NS - 1), &omitted));
	assert_false(log_burst_is_due(&burst, mono_after(late, LOG_BURST_NS - 1), &omitted));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(some_a_minute) };

	return cmocka_run_group_tests_name("log_burst", tests, NULL, NULL);
}
