#include "bench/mock_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mono at(int64_t ns)
{
	return (struct mono){ ns };
}

static void test_what_is_taken_is_enforced(void **state)
{
	struct mock_meter meter;

	(void)state;
	mock_meter_init(&meter, 3, 100);
	assert_true(mock_meter_fits(&meter, at(0), 3));
	assert_false(mock_meter_fits(&meter, at(0), 4));
	mock_meter_take(&meter, at(0), 2);
	assert_true(mock_meter_fits(&meter, at(50), 1));
	assert_false(mock_meter_fits(&meter, at(50), 2));
	assert_true(mock_meter_fits(&meter, at(100), 3));
	meter.limit = 1; /* cut below what is in: nothing fits, nothing wraps around */
	mock_meter_take(&meter, at(100), 3);
	assert_false(mock_meter_fits(&meter, at(100), 1));
	assert_true(mock_meter_fits(&meter, at(200), 1));
	meter.limit = MOCK_WINDOW_UNLIMITED;
	assert_true(mock_meter_fits(&meter, at(200), UINT64_MAX));
	mock_meter_finish(&meter);
}

static void test_what_is_tried_tells_who_kept_to_it(void **state)
{
	struct mock_meter meter;

	(void)state;
	mock_meter_init(&meter, 3, 100);
	mock_meter_try(&meter, at(0), 3);
	assert_int_equal(meter.over, 0);
	mock_meter_try(&meter, at(99), 2);
	assert_int_equal(meter.over, 2);
	mock_meter_try(&meter, at(100), 2); /* the first three are gone: 4 are in */
	assert_int_equal(meter.over, 3);
	assert_int_equal(meter.tried.count_max, 5);
	assert_int_equal(meter.taken.count_max, 0);
	mock_meter_finish(&meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken_is_enforced),
		cmocka_unit_test(test_what_is_tried_tells_who_kept_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
