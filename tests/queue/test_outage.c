/* When a route is out, and when it is back. */
#include "queue/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct mono at(int64_t seconds)
{
	return (struct mono){ seconds * NS_PER_S };
}

static bool is_on(const struct outage *outage, int64_t seconds)
{
	return outage_is_on(outage, at(seconds), 300 * NS_PER_S);
}

static void test_unreachable(void **state)
{
	struct outage outage;

	(void)state;
	outage_init(&outage);
	assert_false(is_on(&outage, 1000000));
	outage_fail(&outage, at(100));
	outage_fail(&outage, at(350)); /* the first counts */
	assert_false(is_on(&outage, 399));
	assert_true(is_on(&outage, 400));
	assert_true(outage_is_on(&outage, at(100), 0));
	outage_answer(&outage);
	assert_false(is_on(&outage, 400));
	outage_fail(&outage, at(500));
	assert_false(is_on(&outage, 799));
	assert_true(is_on(&outage, 800));
	assert_false(outage_end(&outage));
	assert_false(is_on(&outage, 10000));
}

static void test_refused(void **state)
{
	struct outage outage;

	(void)state;
	outage_init(&outage);
	outage_refuse(&outage);
	assert_true(is_on(&outage, 0));
	/* An answer alone is none that says otherwise. */
	outage_answer(&outage);
	assert_true(is_on(&outage, 0));
	outage.told = true;
	assert_true(outage_end(&outage));
	assert_false(is_on(&outage, 0));
	assert_false(outage_end(&outage));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
