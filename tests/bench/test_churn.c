#include "bench/churn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

/* It measures, and leaves nothing behind. */
static void test_runs(void **state)
{
	(void)state;
	struct churn_settings settings = CHURN_SETTINGS;
	struct churn_result result;

	settings.backlog = 300;
	settings.batch = 20;
	settings.seconds = 3; /* a part of it is longer than a busy machine's stalls */
	assert_int_equal(churn_run(&settings, &result).code, ERR_OK);
	assert_true(result.fill_per_s > 0);
	assert_true(result.per_s > 0);
	assert_int_equal(result.part_count, 5);
	assert_true(result.part_per_s[0] > 0);
	assert_true(result.part_per_s[4] > 0);
	assert_true(result.load_per_s > 0);
	assert_true(result.body_bytes > 1000);
	assert_true(result.file_bytes > result.live_bytes);
	assert_true(result.checkpoints > 0);
	assert_true(result.checkpoint_ms > 0);
	assert_true(result.checkpoint_most_ms >= result.checkpoint_ms);
	assert_true(result.written_bytes > 1);
	churn_print(&result);
	assert_int_not_equal(access(settings.path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_runs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
